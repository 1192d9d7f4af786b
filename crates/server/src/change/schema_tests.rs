//! The words of draft 4, one by one.

use serde_json::json;

use super::*;

fn said(schema: Value, given: Value) -> Option<String> {
    complaint(&schema, given.as_object().unwrap())
}

fn of(property: Value) -> Value {
    json!({ "type": "object", "properties": { "p": property } })
}

#[test]
fn complaints_are_jujus() {
    let schema = json!({
        "type": "object",
        "required": ["outfile"],
        "additionalProperties": false,
        "properties": { "outfile": { "type": "string" } },
    });
    for (given, text) in [
        (json!({ "outfile": "x" }), None),
        (
            json!({ "outfile": 5 }),
            Some("validation failed: (root).outfile : must be of type string, given 5"),
        ),
        (
            json!({}),
            Some(
                "validation failed: (root) : \"outfile\" property is missing and required, \
                 given {}",
            ),
        ),
        (
            json!({ "outfile": "x", "more": 1 }),
            Some(
                "validation failed: (root) : additional property \"more\" is not allowed, \
                 given {\"more\":1,\"outfile\":\"x\"}",
            ),
        ),
    ] {
        assert_eq!(
            said(schema.clone(), given.clone()).as_deref(),
            text,
            "{given}"
        );
    }
}

/// Parameters that nobody declared pass, unless the action says otherwise.
#[test]
fn unknown_parameters_pass() {
    assert_eq!(said(of(json!({})), json!({ "other": 1 })), None);
}

#[test]
fn every_word_of_draft_4() {
    for (property, good, bad) in [
        (json!({ "type": "integer" }), json!(1.0), json!(1.5)),
        (json!({ "type": ["null", "string"] }), json!(null), json!(1)),
        (json!({ "enum": ["a", 1] }), json!(1.0), json!("b")),
        (json!({ "minimum": 1 }), json!(1), json!(0)),
        (
            json!({ "minimum": 1, "exclusiveMinimum": true }),
            json!(2),
            json!(1),
        ),
        (json!({ "maximum": 1 }), json!(1), json!(2)),
        (
            json!({ "maximum": 1, "exclusiveMaximum": true }),
            json!(0),
            json!(1),
        ),
        (json!({ "multipleOf": 0.1 }), json!(0.3), json!(0.35)),
        (json!({ "minLength": 2 }), json!("üü"), json!("ü")),
        (json!({ "maxLength": 1 }), json!("ü"), json!("üü")),
        (json!({ "pattern": "^a+$" }), json!("aa"), json!("ab")),
        (json!({ "minItems": 1 }), json!([1]), json!([])),
        (json!({ "maxItems": 1 }), json!([1]), json!([1, 2])),
        (json!({ "uniqueItems": true }), json!([1, 2]), json!([1, 1])),
        (
            json!({ "items": { "type": "string" } }),
            json!(["a"]),
            json!([1]),
        ),
        (
            json!({ "items": [{ "type": "string" }], "additionalItems": false }),
            json!(["a"]),
            json!(["a", 1]),
        ),
        (json!({ "minProperties": 1 }), json!({ "a": 1 }), json!({})),
        (
            json!({ "maxProperties": 1 }),
            json!({ "a": 1 }),
            json!({ "a": 1, "b": 1 }),
        ),
        (
            json!({ "dependencies": { "a": ["b"] } }),
            json!({ "a": 1, "b": 1 }),
            json!({ "a": 1 }),
        ),
        (
            json!({ "patternProperties": { "^a": { "type": "string" } },
                "additionalProperties": { "type": "integer" } }),
            json!({ "ab": "x", "c": 1 }),
            json!({ "ab": 1 }),
        ),
        (
            json!({ "allOf": [{ "minimum": 1 }, { "maximum": 2 }] }),
            json!(1),
            json!(3),
        ),
        (
            json!({ "anyOf": [{ "type": "string" }, { "minimum": 2 }] }),
            json!(2),
            json!(1),
        ),
        (
            json!({ "oneOf": [{ "minimum": 1 }, { "minimum": 2 }] }),
            json!(1),
            json!(2),
        ),
        (json!({ "not": { "type": "string" } }), json!(1), json!("a")),
    ] {
        let schema = of(property.clone());
        assert_eq!(
            said(schema.clone(), json!({ "p": good })),
            None,
            "{property}"
        );
        assert!(said(schema, json!({ "p": bad })).is_some(), "{property}");
    }
}

#[test]
fn what_is_nested_too_deeply_is_refused() {
    let (mut schema, mut given) = (json!({}), json!(1));
    for _ in 0..100 {
        schema = json!({ "properties": { "a": schema } });
        given = json!({ "a": given });
    }
    assert!(said(schema, given).is_some());
}
