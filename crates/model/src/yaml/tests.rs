use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::*;

fn json(text: &str) -> String {
    let node =
        parse_one("test.yaml", text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"));
    node.to_json().unwrap().to_string()
}

fn fault(text: &str) -> String {
    match parse_one("test.yaml", text.as_bytes()) {
        Ok(node) => panic!("{text:?} was taken as {node:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn scalars_are_those_of_yaml_1_1() {
    for (text, value) in [
        ("yes", "true"),
        ("No", "false"),
        ("on", "true"),
        ("OFF", "false"),
        ("'yes'", "\"yes\""),
        ("~", "null"),
        ("0755", "493"),
        ("0o755", "493"),
        ("0x1f", "31"),
        ("0b11", "3"),
        ("1_000", "1000"),
        ("-7", "-7"),
        ("18446744073709551615", "18446744073709551615"),
        ("01182252", "\"01182252\""),
        ("190:20:30", "\"190:20:30\""),
        ("2001-12-14", "\"2001-12-14\""),
        ("1e3", "1000.0"),
        ("1.", "1.0"),
        (".5", "0.5"),
        (".", "\".\""),
        ("-", "[null]"),
        ("1.2.3", "\"1.2.3\""),
        ("24.04", "24.04"),
        ("!!int \"80\"", "80"),
        ("!!str 80", "\"80\""),
        ("!!float 1", "1.0"),
        ("! 80", "\"80\""),
        ("infinity", "\"infinity\""),
        ("nan", "\"nan\""),
    ] {
        assert_eq!(json(text), value, "{text}");
    }
    for text in [".inf", "-.INF", ".nan"] {
        let node = parse_one("test.yaml", text.as_bytes()).unwrap();
        assert!(matches!(node.scalar(), Some(Scalar::Float(_))));
        assert!(node.to_json().is_err(), "{text} has no JSON");
    }
}

#[test]
fn nodes_know_their_lines() {
    let tree = parse_one("test.yaml", b"a: 1\nb:\n  - x\n  - y: z\n").unwrap();
    let inner = tree.get("b").unwrap().items().unwrap()[1].get("y").unwrap();
    assert_eq!((inner.line, inner.column), (4, 8));
}

#[test]
fn anchors_aliases_and_merges() {
    assert_eq!(
        json("a: &x {p: 1, q: 2}\nb: *x\n"),
        r#"{"a":{"p":1,"q":2},"b":{"p":1,"q":2}}"#
    );
    assert_eq!(
        json("a: &x {p: 1, q: 2}\nb:\n  q: 3\n  <<: *x\n"),
        r#"{"a":{"p":1,"q":2},"b":{"p":1,"q":3}}"#
    );
    assert_eq!(json("<<: [{p: 1}, {p: 2, q: 3}]\n"), r#"{"p":1,"q":3}"#);
    assert_eq!(json("'<<': 1\n"), r#"{"<<":1}"#);
    assert_eq!(
        fault("a: 1\n<<: 5\n"),
        "test.yaml:2: a merge key (<<) takes a map, or a list of maps"
    );
    assert_eq!(
        fault("a: &x [*x]\n"),
        "test.yaml:1: this alias stands within its own anchor"
    );
}

#[test]
fn faults_have_lines() {
    assert_eq!(
        fault("name: a\nsummary: b\nname: c\n"),
        "test.yaml:3: duplicate key \"name\", first on line 1"
    );
    assert_eq!(
        fault("a: {b: 1, b: 2}\n"),
        "test.yaml:1: duplicate key \"b\", first on line 1"
    );
    assert_eq!(
        fault("a: 1\n'a': 2\n"),
        "test.yaml:2: duplicate key \"a\", first on line 1"
    );
    assert_eq!(
        fault("a: 1\n[b]: 2\n"),
        "test.yaml:2: a list cannot be a key"
    );
    assert_eq!(
        fault("a: 1\n---\nb: 2\n"),
        "test.yaml:3: a second document begins here, but the file must hold one"
    );
    assert_eq!(
        fault("x: 1\na: !!int ten\n"),
        "test.yaml:2: \"ten\" is not a value of type !!int"
    );
    assert_eq!(
        fault("a: !secret x\n"),
        "test.yaml:1: the tag \"!secret\" is not known here"
    );
    assert_eq!(
        fault("a: \"\\0\"\n"),
        "test.yaml:1: a text may not hold the character NUL"
    );
    assert!(fault("a:\n\t- b\n").starts_with("test.yaml:2: "));
    let error = parse("test.yaml", b"a: b\nc: \xff\n").unwrap_err();
    assert_eq!(error.to_string(), "test.yaml:2: not UTF-8 text");
}

#[test]
fn documents_are_split() {
    let documents = parse("test.yaml", b"a: &x 1\n---\nb: 2\n---\n").unwrap();
    assert_eq!(documents.len(), 3);
    assert!(parse("test.yaml", b"").unwrap().is_empty());
    assert!(parse_one("test.yaml", b"# nothing\n").unwrap().is_null());
    assert!(
        parse("test.yaml", b"a: &x 1\n---\nb: *x\n").is_err(),
        "an anchor ends with its document"
    );
}

#[test]
fn bombs_are_bounded() {
    let mut laughs = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for level in 1..10 {
        let before = format!("*a{}", level - 1);
        let line = format!(
            "a{level}: &a{level} [{}]\n",
            [before.as_str(); 9].join(", ")
        );
        laughs.push_str(&line);
    }
    let grows = "the document grows beyond 12 MiB, by its size or by its aliases";
    assert!(fault(&laughs).ends_with(grows));
    let copies = format!(
        "a: &a {}\nb: [{}]\n",
        "x".repeat(1 << 20),
        ["*a"; 100].join(", ")
    );
    assert!(fault(&copies).ends_with(grows));
    assert!(fault(&"[".repeat(100)).ends_with("nested more than 64 levels deep"));
    assert!(fault(&"[".repeat(1 << 17)).starts_with("test.yaml:1: "));
    assert!(fault(&"- ".repeat(1 << 20)).ends_with("nested more than 64 levels deep"));
    assert!(fault(&format!("[{}]", "a,".repeat(1 << 20))).starts_with("test.yaml: too large: "));
    let items = "- a\n".repeat(1 << 19);
    assert!(fault(&items).ends_with(grows));
    assert!(fault(&"x".repeat(5 << 20)).starts_with("test.yaml: too large: "));
    assert_eq!(
        json(&"x".repeat(1 << 20)).len(),
        (1 << 20) + 2,
        "one long text is no bomb"
    );
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Way {
    Plain,
    With { count: u8 },
    Named(String),
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed {
    channel: String,
    #[serde(default)]
    list: Vec<Way>,
    #[serde(default)]
    machines: BTreeMap<String, Option<bool>>,
    wanted: Option<u8>,
}

#[test]
fn trees_are_typed_with_lines() {
    let read = |text: &str| {
        let node = parse_one("test.yaml", text.as_bytes()).unwrap();
        typed::<Typed>("test.yaml", &node).map_err(|error| error.to_string())
    };
    let good = read(
        "channel: 22.10\nlist:\n- plain\n- with: {count: 3}\n- named: x\nmachines: {0: yes, 1: }\n",
    )
    .unwrap();
    assert_eq!(good.channel, "22.10", "the text counts, not the float");
    assert_eq!(
        good.list,
        [
            Way::Plain,
            Way::With { count: 3 },
            Way::Named("x".to_owned())
        ]
    );
    assert_eq!(good.machines["0"], Some(true));
    assert_eq!(good.machines["1"], None);
    assert_eq!(
        read("channel: x\nlist:\n- plain\n- with: {count: 300}\n"),
        Err("test.yaml:4: invalid value: integer `300`, expected u8".to_owned())
    );
    assert_eq!(
        read("channel: x\nother: 1\n"),
        Err("test.yaml:2: unknown field `other`, expected one of `channel`, `list`, `machines`, `wanted`".to_owned())
    );
    assert_eq!(
        read("wanted: 1\n"),
        Err("test.yaml:1: missing field `channel`".to_owned())
    );
    assert_eq!(
        read("channel: [a]\n"),
        Err("test.yaml:1: invalid type: sequence, expected a string".to_owned())
    );
}

fn trees() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[ -~\n\tà-ü😀]{0,12}".prop_map(Value::from),
        prop_oneof![
            Just("yes"),
            Just("0755"),
            Just("~"),
            Just("on"),
            Just("1e3"),
            Just("<<"),
            Just("01"),
            Just("y")
        ]
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-z<0-9]{1,4}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read(tree in trees()) {
        let text = write(&tree).unwrap();
        let read = parse_one("test.yaml", text.as_bytes());
        prop_assert_eq!(read.map(|node| node.to_json().unwrap()).map_err(|error| format!("{error}\n{text}")), Ok(tree));
    }

    #[test]
    fn json_is_yaml(tree in trees()) {
        let text = tree.to_string();
        let node = parse_one("test.yaml", text.as_bytes()).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(node.to_json().unwrap(), tree);
    }

    #[test]
    fn no_bytes_are_fatal(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse("test.yaml", &bytes);
    }

    #[test]
    fn no_text_is_fatal(text in "[-&*!<>|'\"\\[\\]{}:,#%@`? \n\ta-c0-9~.]{0,80}") {
        let _ = parse("test.yaml", text.as_bytes());
    }
}

#[test]
fn what_is_written_looks_like_jujus() {
    let tree = serde_json::json!({
        "bool": true,
        "empty-list": [],
        "empty-map": {},
        "float": 1_000_000.0,
        "list": ["a", {"b": 1, "c": [2, 3]}, [4]],
        "map": {"x": {"y": null}},
        "text": ["plain text", "yes", "0755", "", "it's", "- x", "a: b", "#x", "a #b", "é", " edge", "tab\t", "24.04", "10:30", "ends:"],
        "block": "one\n  two\n",
        "chomped": "one\n\ntwo",
        "kept": "one\n\n",
        "indented": "  one\ntwo",
    });
    let expected = r##"block: |
  one
    two
bool: true
chomped: |-
  one

  two
empty-list: []
empty-map: {}
float: 1e+06
indented: |2-
    one
  two
kept: |+
  one

list:
- a
- b: 1
  c:
  - 2
  - 3
- - 4
map:
  x:
    "y": null
text:
- plain text
- "yes"
- "0755"
- ""
- it's
- '- x'
- 'a: b'
- '#x'
- 'a #b'
- é
- ' edge'
- "tab\t"
- "24.04"
- "10:30"
- 'ends:'
"##;
    assert_eq!(write(&tree).unwrap(), expected);
    assert_eq!(
        write(&[Way::With { count: 1 }, Way::Plain]).unwrap(),
        "- with:\n    count: 1\n- plain\n"
    );
}
