//! Reading loosely typed YAML the way cloud-init does.

use serde_yaml::Value;

/// A scalar as text.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(true) => Some("true".to_owned()),
        Value::Bool(false) => Some("false".to_owned()),
        Value::Null | Value::Sequence(_) | Value::Mapping(_) | Value::Tagged(_) => None,
    }
}

/// A flag: true, false, and the words that YAML 1.1 has for them.
pub(super) fn flag(value: &Value) -> Option<bool> {
    match text(value)?.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Some(true),
        "false" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// A list of texts; one text is a list of one, split at `separator` if given.
pub(super) fn texts(value: &Value, separator: Option<char>) -> Option<Vec<String>> {
    match value {
        Value::Null => Some(Vec::new()),
        Value::Sequence(items) => items.iter().map(text).collect(),
        Value::Mapping(items) => items.keys().map(text).collect(),
        _ => {
            let text = text(value)?;
            Some(match separator {
                Some(separator) => text
                    .split(separator)
                    .map(|part| part.trim().to_owned())
                    .filter(|part| !part.is_empty())
                    .collect(),
                None => vec![text],
            })
        }
    }
}

/// A script of commands: texts are lines of shell, lists are single commands.
pub(super) fn script(value: &Value) -> Option<String> {
    let mut script = "#!/bin/sh\n".to_owned();
    let Value::Sequence(commands) = value else {
        return None;
    };
    for command in commands {
        match command {
            Value::Null => {}
            Value::Sequence(words) => {
                let words: Option<Vec<String>> =
                    words.iter().map(|word| Some(quote(&text(word)?))).collect();
                script.push_str(&words?.join(" "));
                script.push('\n');
            }
            _ => {
                script.push_str(&text(command)?);
                script.push('\n');
            }
        }
    }
    Some(script)
}

fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}
