use proptest::prelude::*;
use serde_json::json;

use super::*;

fn schema() -> ConfigSchema {
    let option = |kind, default| ConfigOption {
        kind,
        description: String::new(),
        default,
    };
    let options = [
        (
            "dfs.block.size",
            option(OptionType::Int, Some(ConfigValue::Int(67_108_864))),
        ),
        ("name", option(OptionType::String, None)),
        (
            "ratio",
            option(OptionType::Float, Some(ConfigValue::Float(0.5))),
        ),
        ("token", option(OptionType::Secret, None)),
        (
            "verbose",
            option(OptionType::Boolean, Some(ConfigValue::Boolean(false))),
        ),
        (
            "welcome",
            option(
                OptionType::String,
                Some(ConfigValue::String("hello".to_owned())),
            ),
        ),
    ];
    ConfigSchema {
        options: options
            .into_iter()
            .map(|(name, option)| (name.to_owned(), option))
            .collect(),
    }
}

#[test]
fn texts_parse_as_in_go() {
    let parsed = schema()
        .parse_texts([
            ("dfs.block.size", "-12"),
            ("name", ""),
            ("ratio", "1e3"),
            ("token", "secret:9m4e2mr0ui3e8a215n4g"),
            ("verbose", "T"),
        ])
        .unwrap();
    assert_eq!(parsed["dfs.block.size"], ConfigValue::Int(-12));
    assert_eq!(parsed["name"], ConfigValue::String(String::new()));
    assert_eq!(parsed["ratio"], ConfigValue::Float(1000.0));
    assert_eq!(parsed["verbose"], ConfigValue::Boolean(true));
    assert_eq!(parsed["token"].kind(), OptionType::Secret);
}

#[test]
fn errors_are_jujus() {
    for (name, text, error) in [
        ("nope", "1", "unknown option \"nope\""),
        (
            "dfs.block.size",
            "abc",
            "option \"dfs.block.size\" expected int, got \"abc\"",
        ),
        (
            "dfs.block.size",
            "1.0",
            "option \"dfs.block.size\" expected int, got \"1.0\"",
        ),
        (
            "dfs.block.size",
            "9223372036854775808",
            "option \"dfs.block.size\" expected int, got \"9223372036854775808\"",
        ),
        (
            "verbose",
            "yes",
            "option \"verbose\" expected boolean, got \"yes\"",
        ),
        (
            "ratio",
            "NaN",
            "option \"ratio\" expected float, got \"NaN\"",
        ),
        (
            "token",
            "abc",
            "option \"token\" expected secret, got \"abc\"",
        ),
    ] {
        assert_eq!(
            schema()
                .parse_texts([(name, text)])
                .unwrap_err()
                .to_string(),
            error
        );
    }
}

#[test]
fn documents_are_typed() {
    let schema = schema();
    let read = |name, value| {
        schema
            .parse_document([(name, &value)])
            .map(|change| change[name].clone())
    };
    assert_eq!(
        read("dfs.block.size", json!(5)),
        Ok(Some(ConfigValue::Int(5)))
    );
    assert_eq!(
        read("dfs.block.size", json!("5")),
        Ok(Some(ConfigValue::Int(5)))
    );
    assert_eq!(read("name", json!(null)), Ok(None));
    assert_eq!(
        read("verbose", json!(true)),
        Ok(Some(ConfigValue::Boolean(true)))
    );
    assert_eq!(
        read("ratio", json!(2)),
        Ok(Some(ConfigValue::Float(2.0))),
        "YAML writes 2.0 as 2"
    );
    assert_eq!(
        read("name", json!(2.5)).unwrap_err().to_string(),
        "option \"name\" expected string, got 2.5"
    );
}

#[test]
fn effective_is_user_over_default() {
    let mut user = Settings::new();
    user.insert("name".to_owned(), ConfigValue::String(String::new()));
    user.insert("welcome".to_owned(), ConfigValue::String(String::new()));
    user.insert("gone".to_owned(), ConfigValue::Int(1));
    user.insert(
        "ratio".to_owned(),
        ConfigValue::String("was a string once".to_owned()),
    );
    let effective = schema().effective(&user);
    let shown: Vec<String> = effective
        .iter()
        .map(|(name, value)| format!("{name}={}", value.to_json()))
        .collect();
    assert_eq!(
        shown,
        [
            "dfs.block.size=67108864",
            "ratio=0.5",
            "verbose=false",
            "welcome=\"\""
        ]
    );
}

#[test]
fn hash_is_of_canonical_json() {
    let effective = schema().effective(&Settings::new());
    let json = r#"{"dfs.block.size":67108864,"ratio":0.5,"verbose":false,"welcome":"hello"}"#;
    assert_eq!(settings_hash(&effective), hex::encode(Sha256::digest(json)));
}

#[test]
fn ints_of_any_base() {
    for (text, value) in [
        ("12", Some(12)),
        ("0x1F", Some(31)),
        ("-0b11", Some(-3)),
        ("0o17", Some(15)),
        ("017", Some(15)),
        ("1_000", Some(1000)),
        ("0", Some(0)),
        ("-9223372036854775808", Some(i64::MIN)),
        ("08", None),
        ("", None),
        ("-", None),
        ("0x", None),
        ("1__0", None),
        ("--1", None),
        ("+-1", None),
    ] {
        assert_eq!(parse_int_any_base(text), value, "{text}");
    }
}

proptest! {
    #[test]
    fn values_survive_storage(int: i64, float in proptest::num::f64::NORMAL, text in "\\PC*", flag: bool) {
        for value in [ConfigValue::Int(int), ConfigValue::Float(float), ConfigValue::String(text), ConfigValue::Boolean(flag)] {
            let json = serde_json::to_string(&value).unwrap();
            prop_assert_eq!(serde_json::from_str::<ConfigValue>(&json).unwrap(), value);
        }
    }

    #[test]
    fn no_text_is_fatal(text in "\\PC*") {
        let _ = parse_int_any_base(&text);
    }
}
