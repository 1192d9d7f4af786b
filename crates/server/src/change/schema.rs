//! Checks an action's parameters by its JSON schema (draft 4), in Juju's
//! words.
//!
//! A schema has been read with its charm: it refers to nothing outside of
//! itself. Words that draft 4 does not know are passed over, as it says.

use regex::RegexBuilder;
use serde_json::{Map, Value};

/// How deep parameters and schemas may be nested.
const DEEPEST: usize = 64;
/// Complaints that are told at once.
const MOST: usize = 20;
/// Bytes of a compiled pattern.
const PATTERN: usize = 1 << 20;
/// Characters of a value in a complaint.
const SHOWN: usize = 200;

/// What is wrong with parameters; none when nothing is.
pub(crate) fn complaint(schema: &Value, given: &Map<String, Value>) -> Option<String> {
    let mut found = Vec::new();
    check(
        schema,
        &Value::Object(given.clone()),
        "(root)",
        0,
        &mut found,
    );
    if found.is_empty() {
        return None;
    }
    found.truncate(MOST);
    Some(format!("validation failed: {}", found.join("\n")))
}

fn check(schema: &Value, value: &Value, at: &str, depth: usize, found: &mut Vec<String>) {
    let Some(schema) = schema.as_object() else {
        return;
    };
    if depth > DEEPEST {
        found.push(format!("{at} : is nested deeper than {DEEPEST} levels"));
        return;
    }
    let mut say = |what: String| found.push(format!("{at} : {what}, given {}", shown(value)));
    if let Some(kinds) = schema.get("type") {
        let kinds = texts(kinds);
        if !kinds.is_empty() && !kinds.iter().any(|kind| is(kind, value)) {
            say(format!("must be of type {}", kinds.join(" or ")));
            return;
        }
    }
    if let Some(Value::Array(words)) = schema.get("enum")
        && !words.iter().any(|word| same(word, value))
    {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        say(format!(
            "must match one of the enum values [{}]",
            words.join(",")
        ));
    }
    match value {
        Value::Number(_) => number(schema, value, &mut say),
        Value::String(text) => string(schema, text, &mut say),
        Value::Array(items) => array(schema, value, items, at, depth, found),
        Value::Object(map) => object(schema, value, map, at, depth, found),
        Value::Null | Value::Bool(_) => {}
    }
    combined(schema, value, at, depth, found);
}

fn number(schema: &Map<String, Value>, value: &Value, say: &mut impl FnMut(String)) {
    let Some(number) = value.as_f64() else {
        return;
    };
    let limit = |name: &str| schema.get(name).and_then(Value::as_f64);
    let exclusive = |name: &str| schema.get(name) == Some(&Value::Bool(true));
    if let Some(least) = limit("minimum") {
        if exclusive("exclusiveMinimum") && number <= least {
            say(format!("must be greater than {least}"));
        } else if number < least {
            say(format!("must be greater than or equal to {least}"));
        }
    }
    if let Some(most) = limit("maximum") {
        if exclusive("exclusiveMaximum") && number >= most {
            say(format!("must be lower than {most}"));
        } else if number > most {
            say(format!("must be lower than or equal to {most}"));
        }
    }
    if let Some(step) = limit("multipleOf").filter(|step| *step > 0.0) {
        let times = number / step;
        if (times - times.round()).abs() > 1e-9 * times.abs().max(1.0) {
            say(format!("must be a multiple of {step}"));
        }
    }
}

fn string(schema: &Map<String, Value>, text: &str, say: &mut impl FnMut(String)) {
    let length = text.chars().count() as u64;
    if let Some(least) = count(schema, "minLength").filter(|least| length < *least) {
        say(format!("length must be greater than or equal to {least}"));
    }
    if let Some(most) = count(schema, "maxLength").filter(|most| length > *most) {
        say(format!("length must be lower than or equal to {most}"));
    }
    if let Some(Value::String(pattern)) = schema.get("pattern") {
        match compiled(pattern) {
            Some(regex) if regex.is_match(text) => {}
            Some(_) => say(format!("does not match pattern '{pattern}'")),
            None => say(format!("cannot be held against the pattern '{pattern}'")),
        }
    }
}

fn array(
    schema: &Map<String, Value>,
    value: &Value,
    items: &[Value],
    at: &str,
    depth: usize,
    found: &mut Vec<String>,
) {
    let length = items.len() as u64;
    let mut say = |what: String| found.push(format!("{at} : {what}, given {}", shown(value)));
    if let Some(least) = count(schema, "minItems").filter(|least| length < *least) {
        say(format!("must have at least {least} items"));
    }
    if let Some(most) = count(schema, "maxItems").filter(|most| length > *most) {
        say(format!("must have at the most {most} items"));
    }
    let unique = schema.get("uniqueItems") == Some(&Value::Bool(true));
    if unique {
        let mut seen: Vec<String> = items.iter().map(ToString::to_string).collect();
        seen.sort_unstable();
        seen.dedup();
        if seen.len() < items.len() {
            say("items must be unique".to_owned());
        }
    }
    match schema.get("items") {
        Some(Value::Array(schemas)) => {
            for (n, (schema, item)) in schemas.iter().zip(items).enumerate() {
                check(schema, item, &format!("{at}.{n}"), depth + 1, found);
            }
            for (n, item) in items.iter().enumerate().skip(schemas.len()) {
                match schema.get("additionalItems") {
                    Some(Value::Bool(false)) => {
                        found.push(format!("{at} : no additional item allowed on array"));
                        break;
                    }
                    Some(schema) => check(schema, item, &format!("{at}.{n}"), depth + 1, found),
                    None => break,
                }
            }
        }
        Some(schema) => {
            for (n, item) in items.iter().enumerate() {
                check(schema, item, &format!("{at}.{n}"), depth + 1, found);
            }
        }
        None => {}
    }
}

fn object(
    schema: &Map<String, Value>,
    value: &Value,
    map: &Map<String, Value>,
    at: &str,
    depth: usize,
    found: &mut Vec<String>,
) {
    let length = map.len() as u64;
    let mut say = |what: String| found.push(format!("{at} : {what}, given {}", shown(value)));
    for name in schema.get("required").map(texts).unwrap_or_default() {
        if !map.contains_key(name) {
            say(format!("{name:?} property is missing and required"));
        }
    }
    if let Some(least) = count(schema, "minProperties").filter(|least| length < *least) {
        say(format!("must have at least {least} properties"));
    }
    if let Some(most) = count(schema, "maxProperties").filter(|most| length > *most) {
        say(format!("must have at the most {most} properties"));
    }
    if let Some(Value::Object(needs)) = schema.get("dependencies") {
        for (name, need) in needs.iter().filter(|(name, _)| map.contains_key(*name)) {
            if need.is_object() {
                check(need, value, at, depth + 1, found);
                continue;
            }
            for other in texts(need)
                .into_iter()
                .filter(|other| !map.contains_key(*other))
            {
                found.push(format!("{at} : has a dependency of {name:?} on {other:?}"));
            }
        }
    }
    let empty = Map::new();
    let part = |name: &str| {
        schema
            .get(name)
            .and_then(Value::as_object)
            .unwrap_or(&empty)
    };
    let (own, patterns) = (part("properties"), part("patternProperties"));
    for (name, inner) in map {
        let below = format!("{at}.{name}");
        let mut known = false;
        if let Some(schema) = own.get(name) {
            known = true;
            check(schema, inner, &below, depth + 1, found);
        }
        for (pattern, schema) in patterns {
            if compiled(pattern).is_some_and(|regex| regex.is_match(name)) {
                known = true;
                check(schema, inner, &below, depth + 1, found);
            }
        }
        if known {
            continue;
        }
        match schema.get("additionalProperties") {
            Some(Value::Bool(false)) => found.push(format!(
                "{at} : additional property {name:?} is not allowed, given {}",
                shown(value)
            )),
            Some(schema) => check(schema, inner, &below, depth + 1, found),
            None => {}
        }
    }
}

/// `allOf`, `anyOf`, `oneOf` and `not`.
fn combined(
    schema: &Map<String, Value>,
    value: &Value,
    at: &str,
    depth: usize,
    found: &mut Vec<String>,
) {
    let fits = |schema: &Value| {
        let mut wrong = Vec::new();
        check(schema, value, at, depth + 1, &mut wrong);
        wrong.is_empty()
    };
    let list = |name: &str| schema.get(name).and_then(Value::as_array);
    for schema in list("allOf").into_iter().flatten() {
        check(schema, value, at, depth + 1, found);
    }
    if list("anyOf").is_some_and(|schemas| !schemas.iter().any(fits)) {
        found.push(format!("{at} : must validate at least one schema (anyOf)"));
    }
    if list("oneOf").is_some_and(|all| all.iter().filter(|schema| fits(schema)).count() != 1) {
        found.push(format!(
            "{at} : must validate one and only one schema (oneOf)"
        ));
    }
    if schema.get("not").is_some_and(fits) {
        found.push(format!("{at} : must not validate the schema (not)"));
    }
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "array" => value.is_array(),
        "boolean" => value.is_boolean(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "object" => value.is_object(),
        "string" => value.is_string(),
        _ => false,
    }
}

/// 1 and 1.0 are the same number.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(_), Value::Number(_)) => a.as_f64() == b.as_f64(),
        _ => a == b,
    }
}

fn count(schema: &Map<String, Value>, name: &str) -> Option<u64> {
    schema.get(name).and_then(Value::as_u64)
}

/// A text, or the texts of a list.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn compiled(pattern: &str) -> Option<regex::Regex> {
    RegexBuilder::new(pattern).size_limit(PATTERN).build().ok()
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
