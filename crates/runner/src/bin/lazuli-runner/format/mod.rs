//! What hook tools print: Juju's formats to the letter.
//!
//! *smart* prints strings as they are, lists of strings line by line, `True`
//! and `False`, nothing for nothing, and YAML for the rest (reference juju,
//! 3.0). JSON is as Go's `encoding/json` writes it, YAML as its `yaml.v2`,
//! except that long lines are not folded.

mod json;
mod scalar;
mod yaml;

use std::collections::BTreeMap;

use serde_json::Value;

/// A document to print.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Doc {
    /// Nothing.
    Null,
    /// A truth.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// Another number.
    Float(f64),
    /// A text.
    Str(String),
    /// A list.
    List(Vec<Self>),
    /// A map: printed in the order of its keys.
    Map(BTreeMap<String, Self>),
    /// A record: printed in the order of its fields.
    Record(Vec<(&'static str, Self)>),
}

impl Doc {
    /// A text.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Str(text.into())
    }

    /// A list of texts.
    pub(crate) fn texts<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::List(texts.into_iter().map(Self::text).collect())
    }

    /// A map of texts.
    pub(crate) fn settings(settings: &BTreeMap<String, String>) -> Self {
        Self::Map(
            settings
                .iter()
                .map(|(key, value)| (key.clone(), Self::text(value)))
                .collect(),
        )
    }
}

impl From<&Value> for Doc {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => number.as_i128().map_or_else(
                || Self::Float(number.as_f64().unwrap_or_default()),
                Self::Int,
            ),
            Value::String(text) => Self::text(text),
            Value::Array(items) => Self::List(items.iter().map(Self::from).collect()),
            Value::Object(fields) => Self::Map(
                fields
                    .iter()
                    .map(|(key, value)| (key.clone(), Self::from(value)))
                    .collect(),
            ),
        }
    }
}

/// How to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// For shell scripts.
    Smart,
    /// For programs.
    Json,
    /// For people.
    Yaml,
}

impl Format {
    /// The format of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "smart" => Some(Self::Smart),
            "json" => Some(Self::Json),
            "yaml" => Some(Self::Yaml),
            _ => None,
        }
    }

    /// What it is called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Smart => "smart",
            Self::Json => "json",
            Self::Yaml => "yaml",
        }
    }

    /// Prints a document, its last newline included.
    pub(crate) fn print(self, doc: &Doc) -> String {
        match self {
            Self::Smart => smart(doc),
            Self::Json => json::print(doc) + "\n",
            Self::Yaml => yaml::print(doc),
        }
    }
}

fn smart(doc: &Doc) -> String {
    match doc {
        Doc::Null => String::new(),
        Doc::Bool(true) => "True\n".to_owned(),
        Doc::Bool(false) => "False\n".to_owned(),
        Doc::Str(text) if text.is_empty() => String::new(),
        Doc::Str(text) => format!("{text}\n"),
        Doc::List(items) => {
            let lines: Option<Vec<&str>> = items
                .iter()
                .map(|item| match item {
                    Doc::Str(text) => Some(text.as_str()),
                    _ => None,
                })
                .collect();
            match lines.as_deref() {
                Some([]) => String::new(),
                Some(lines) => lines.join("\n") + "\n",
                None => yaml::print(doc),
            }
        }
        Doc::Int(_) | Doc::Float(_) | Doc::Map(_) | Doc::Record(_) => yaml::print(doc),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn doc(value: &Value) -> Doc {
        Doc::from(value)
    }

    #[test]
    fn smart_is_for_scripts() {
        for (value, text) in [
            (json!(null), ""),
            (json!(""), ""),
            (json!("a b"), "a b\n"),
            (json!("true"), "true\n"),
            (json!(true), "True\n"),
            (json!(false), "False\n"),
            (json!(1024), "1024\n"),
            (json!(1024.0), "1024\n"),
            (json!(1.5), "1.5\n"),
            (json!([]), ""),
            (json!(["a", "b"]), "a\nb\n"),
            (json!([1, 2]), "- 1\n- 2\n"),
            (json!({}), "{}\n"),
            (json!({"b": 1, "a": "x"}), "a: x\nb: 1\n"),
        ] {
            assert_eq!(Format::Smart.print(&doc(&value)), text, "{value}");
        }
    }

    #[test]
    fn json_is_as_go_writes_it() {
        for (value, text) in [
            (json!(null), "null\n"),
            (json!(""), "\"\"\n"),
            (json!([]), "[]\n"),
            (json!("<a & b>"), "\"\\u003ca \\u0026 b\\u003e\"\n"),
            (json!({"b": 2.0, "a": [true]}), "{\"a\":[true],\"b\":2}\n"),
        ] {
            assert_eq!(Format::Json.print(&doc(&value)), text, "{value}");
        }
    }

    #[test]
    fn yaml_of_nothing_is_nothing() {
        assert_eq!(Format::Yaml.print(&Doc::Null), "");
        assert_eq!(Format::Yaml.print(&doc(&json!(""))), "\"\"\n");
        assert_eq!(Format::Yaml.print(&doc(&json!(true))), "true\n");
    }
}
