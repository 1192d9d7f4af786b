use super::*;
use crate::config::{ConfigValue, OptionType};

#[test]
fn options_have_types_and_defaults() {
    let charm = parse(&with(
        "config.yaml",
        "options:\n  a.b: {type: int, default: '0x10'}\n  c: {default: yes please}\n  d: {type: boolean, default: on}\n  e: {type: string, default: ''}\n  f: {type: float, default: 2}\n  g: {type: string, default: 0118}\n  h:\n",
    ));
    let default = |name: &str| charm.config.options[name].default.clone();
    assert_eq!(default("a.b"), Some(ConfigValue::Int(16)));
    assert_eq!(
        default("c"),
        Some(ConfigValue::String("yes please".to_owned()))
    );
    assert_eq!(default("d"), Some(ConfigValue::Boolean(true)));
    assert_eq!(default("e"), Some(ConfigValue::String(String::new())));
    assert_eq!(default("f"), Some(ConfigValue::Float(2.0)));
    assert_eq!(default("g"), Some(ConfigValue::String("0118".to_owned())));
    assert_eq!(charm.config.options["h"].kind, OptionType::String);
    assert!(
        parse(&with("config.yaml", "options:\n"))
            .config
            .options
            .is_empty()
    );
    for (text, error) in [
        ("", "1: invalid config: empty configuration"),
        ("other: 1\n", "1: invalid config: empty configuration"),
        (
            "options:\n  a: {type: list}\n",
            "2: invalid config: option \"a\" has unknown type \"list\"",
        ),
        (
            "options:\n  a:\n    type: int\n    default: many\n",
            "4: invalid config default: option \"a\" expected int, got \"many\"",
        ),
        (
            "options:\n  a:\n    type: string\n    default: 2.5\n",
            "4: invalid config default: option \"a\" expected string, got 2.5",
        ),
        (
            "options:\n  a: {type: boolean, default: 1}\n",
            "2: invalid config default: option \"a\" expected boolean, got 1",
        ),
        (
            "options:\n  a: {type: secret, default: x}\n",
            "2: invalid config default: option \"a\" expected secret, got \"x\"",
        ),
        (
            "options:\n  a: {type: float, default: .nan}\n",
            "2: invalid config default: option \"a\" must be finite",
        ),
        (
            "options:\n  a: 5\n",
            "2: options.a: expected map, got int(5)",
        ),
    ] {
        assert_eq!(fault("config.yaml", text), format!("config.yaml:{error}"));
    }
}

#[test]
fn actions_have_schemas() {
    let text = "backup:\n  description: Back up.\n  params:\n    to: {type: string, default: /tmp}\n    deep:\n      type: object\n      properties: {n: {type: integer, default: 3}}\n  required: [to]\n  additionalProperties: false\n  parallel: true\n  execution-group: slow\nplain:\n";
    let charm = parse(&with("actions.yaml", text));
    let backup = &charm.actions[&"backup".parse().unwrap()];
    assert_eq!(
        (backup.parallel, backup.execution_group.as_str()),
        (true, "slow")
    );
    assert_eq!(
        backup.schema.to_string(),
        r#"{"additionalProperties":false,"description":"Back up.","properties":{"deep":{"properties":{"n":{"default":3,"type":"integer"}},"type":"object"},"to":{"default":"/tmp","type":"string"}},"required":["to"],"title":"backup","type":"object"}"#
    );
    let given = serde_json::Value::Object(backup.with_defaults(serde_json::Map::new()));
    assert_eq!(given, serde_json::json!({"deep": {"n": 3}, "to": "/tmp"}));
    assert_eq!(
        charm.actions[&"plain".parse().unwrap()].description,
        "No description"
    );
    for (text, error) in [
        ("Bad_Name: {}\n", "1: bad action name Bad_Name"),
        (
            "juju-x: {}\n",
            "1: cannot use action name juju-x: it is reserved",
        ),
        (
            "a: {description: 5}\n",
            "1: value for schema key \"description\" must be a string",
        ),
        (
            "a:\n  required: x\n",
            "2: value for schema key \"required\" must be a YAML list",
        ),
        (
            "a:\n  parallel: 5\n",
            "2: value for schema key \"parallel\" must be a bool",
        ),
        ("a:\n  params: [x]\n", "2: params failed to parse as a map"),
        (
            "a:\n  params:\n    x: {$ref: 'http://example.com'}\n",
            "3: schema key \"$ref\" not compatible with this version of juju",
        ),
        (
            "a:\n  $schema: x\n",
            "2: schema key \"$schema\" not compatible with this version of juju",
        ),
        (
            "a:\n  params:\n    x: string\n",
            "3: invalid params schema for action schema a: x: expected a schema, got string(\"string\")",
        ),
        (
            "a:\n  params:\n    x: {type: text}\n",
            "3: invalid params schema for action schema a: x: string(\"text\") is no type; use one of array, boolean, integer, null, number, object, string",
        ),
        ("a: 5\n", "1: action a: expected map, got int(5)"),
    ] {
        assert_eq!(fault("actions.yaml", text), format!("actions.yaml:{error}"));
    }
}

#[test]
fn bases_come_from_manifest_or_series() {
    let show = |charm: &Charm| {
        charm
            .bases()
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    let manifest = "bases:\n- {name: ubuntu, channel: 22.04, architectures: [amd64]}\n- {name: ubuntu, channel: 24.04/stable}\n";
    assert_eq!(
        show(&parse(&with("manifest.yaml", manifest))),
        ["ubuntu@22.04", "ubuntu@24.04"]
    );
    assert_eq!(
        show(&parse(&with(
            "metadata.yaml",
            &format!("{META}series: [noble, quantal]\n")
        ))),
        ["ubuntu@24.04"]
    );
    assert!(parse(&with("version", "x")).bases().is_empty());
    assert_eq!(
        fault("manifest.yaml", "bases:\n- {name: ubuntu}\n"),
        "manifest.yaml:2: bases: channel: expected string, got nothing"
    );
    assert!(
        fault("manifest.yaml", "bases:\n- {name: ubuntu, channel: a/b}\n")
            .starts_with("manifest.yaml:2: invalid channel in base")
    );
}
