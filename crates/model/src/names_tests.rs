use proptest::prelude::*;

use super::*;

/// Checks which texts a kind of name takes and which it refuses, and that those it takes survive serde.
fn check<T>(good: &[&str], bad: &[&str])
where
    T: FromStr<Err = NameError>
        + fmt::Display
        + fmt::Debug
        + PartialEq
        + serde::Serialize
        + serde::de::DeserializeOwned,
{
    for text in good {
        let name: T = text
            .parse()
            .unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(name.to_string(), *text);
        let json = serde_json::to_string(&name).unwrap();
        assert_eq!(json, format!("\"{text}\""));
        assert_eq!(serde_json::from_str::<T>(&json).unwrap(), name);
    }
    for text in bad {
        assert!(text.parse::<T>().is_err(), "{text:?} was taken");
        assert!(serde_json::from_str::<T>(&format!("{text:?}")).is_err());
    }
}

#[test]
fn grammars_are_jujus() {
    check::<ApplicationName>(
        &[
            "a",
            "mysql",
            "my-sql",
            "a1",
            "a1-b2c",
            "hadoop-slave",
            "a-1b",
        ],
        &[
            "", "A", "1a", "a-", "-a", "a--b", "a-1", "foo-42", "a_b", "a/0", "ä",
        ],
    );
    check::<CharmName>(&["ubuntu", "charm-k8s2"], &["ubuntu-12", "Ubuntu"]);
    check::<EndpointName>(
        &["db", "db_admin", "juju-info", "mapred-namenode", "db-1"],
        &["", "1db", "db-", "db__x", "db.x", "DB"],
    );
    check::<UnitName>(
        &["a/0", "my-sql/10"],
        &[
            "a",
            "a/",
            "a/01",
            "a/-1",
            "a/x",
            "a-1/0",
            "a/0/0",
            "a/4294967296",
        ],
    );
    check::<MachineName>(
        &["0", "12", "3/lxd/1", "3/lxd/1/kvm/0"],
        &["", "01", "a", "3/", "3/lxd", "3/lxd/x", "3/LXD/1"],
    );
    check::<ModelName>(&["m", "0m", "m-1", "m-"], &["", "-m", "M", "m_x", "a/b"]);
    check::<UserName>(
        &["bob", "Bob.B+x-y", "bob@local", "a"],
        &["", "bob-", ".bob", "bob@", "b@c@d", "b b"],
    );
    check::<StorageName>(&["data", "single-fs"], &["data/0", "data-0"]);
    check::<StorageId>(&["data/0", "single-fs/12"], &["data", "data/x"]);
    check::<SpaceName>(&["alpha", "1-2"], &["", "a--b", "a-"]);
    check::<ActionName>(
        &["a", "do-it", "2fast"],
        &["", "-a", "a-", "juju", "juju-x", "A", "a.b"],
    );
    check::<RelationRef>(&["db:1", "juju-info:0"], &["db", "db:", "db:x", "1"]);
    check::<RelationEnd>(&["app:db"], &["app", "app:", ":db", "app:db:x"]);
    check::<RelationKey>(
        &["app:cluster", "wp:db mysql:server"],
        &["", "a:b c", "a:b  c:d", "a:b c:d e:f"],
    );
}

#[test]
fn errors_say_what_was_given_and_which_rule() {
    let error = "App/0".parse::<UnitName>().unwrap_err();
    assert_eq!(error.brief(), "invalid unit name \"App/0\"");
    assert_eq!(
        error.to_string(),
        "invalid unit name \"App/0\": must be an application, a slash and a number without leading zeros, such as app/0"
    );
    let long = "x".repeat(10_000).parse::<ModelName>().unwrap_err();
    assert!(
        long.to_string().len() < 400,
        "an error must not repeat a whole long text"
    );
}

#[test]
fn units_order_by_number() {
    let mut units: Vec<UnitName> = ["b/1", "a/10", "a/2", "a10/0", "a2/0"]
        .map(|name| name.parse().unwrap())
        .to_vec();
    units.sort();
    let sorted: Vec<String> = units.iter().map(ToString::to_string).collect();
    assert_eq!(sorted, ["a/2", "a/10", "a2/0", "a10/0", "b/1"]);
}

#[test]
fn relation_arguments_take_numbers_alone() {
    assert_eq!(relation_number("db:12"), Ok(12));
    assert_eq!(relation_number("12"), Ok(12));
    assert_eq!(
        relation_number("x").unwrap_err().brief(),
        "invalid relation id \"x\""
    );
}

#[test]
fn keys_know_their_ends() {
    let key: RelationKey = "wp:db mysql:server".parse().unwrap();
    let ends: Vec<String> = key.ends().map(ToString::to_string).collect();
    assert_eq!(ends, ["wp:db", "mysql:server"]);
}

proptest! {
    #[test]
    fn unit_names_round_trip(application in "[a-z][a-z0-9]{0,8}(-[a-z]{1,4}){0,2}", number: u32) {
        let text = format!("{application}/{number}");
        let unit: UnitName = text.parse().unwrap();
        prop_assert_eq!(unit.number(), number);
        prop_assert_eq!(unit.to_string(), text);
    }

    #[test]
    fn no_text_is_fatal(text in "\\PC*") {
        let _ = text.parse::<UnitName>();
        let _ = text.parse::<MachineName>();
        let _ = text.parse::<RelationKey>();
        let _ = text.parse::<UserName>();
    }
}
