//! The tree that YAML becomes.

use serde::ser::{Serialize, SerializeMap as _, SerializeSeq as _, Serializer};

use super::scalar::Scalar;
use crate::text::excerpt;

/// A node with its place in the file. A node that came through an alias keeps the place of its anchor.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
    /// What it is.
    pub kind: Kind,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// A scalar: its text, and its type.
    Scalar {
        /// The text, without quotes.
        text: String,
        /// The type, and the value unless it is text.
        value: Scalar,
    },
    /// A sequence.
    Sequence(Vec<Node>),
    /// A mapping in the order of the file; keys are scalars, each once.
    Mapping(Vec<(Node, Node)>),
}

impl Node {
    /// Whether it is null (or nothing).
    pub fn is_null(&self) -> bool {
        matches!(
            self.kind,
            Kind::Scalar {
                value: Scalar::Null,
                ..
            }
        )
    }

    /// The text of a scalar of type text.
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar {
                text,
                value: Scalar::String,
            } => Some(text),
            _ => None,
        }
    }

    /// The text of any scalar but null, as it stands in the file: `22.04` though it reads as a float.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { text, value } if *value != Scalar::Null => Some(text),
            _ => None,
        }
    }

    /// The type and value of a scalar.
    pub fn scalar(&self) -> Option<Scalar> {
        match &self.kind {
            Kind::Scalar { value, .. } => Some(*value),
            _ => None,
        }
    }

    /// The items of a sequence.
    pub fn items(&self) -> Option<&[Self]> {
        match &self.kind {
            Kind::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// The keys and values of a mapping.
    pub fn entries(&self) -> Option<&[(Self, Self)]> {
        match &self.kind {
            Kind::Mapping(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value of a key of a mapping, or `None` where there is no such key or this is no mapping.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries()?
            .iter()
            .find(|(name, _)| name.key() == key)
            .map(|(_, value)| value)
    }

    /// The text of this node as a key.
    pub fn key(&self) -> &str {
        match &self.kind {
            Kind::Scalar { text, .. } => text,
            Kind::Sequence(_) | Kind::Mapping(_) => "",
        }
    }

    /// What it is, for an error: `string("x")`, `int(5)`, `nothing`, `a list`, `a map`.
    pub fn describe(&self) -> String {
        match &self.kind {
            Kind::Sequence(_) => "a list".to_owned(),
            Kind::Mapping(_) => "a map".to_owned(),
            Kind::Scalar { text, value } => match value {
                Scalar::Null => "nothing".to_owned(),
                Scalar::Bool(value) => format!("bool({value})"),
                Scalar::Int(_) | Scalar::UInt(_) => format!("int({})", excerpt(text)),
                Scalar::Float(_) => format!("float64({})", excerpt(text)),
                Scalar::String => format!("string({:?})", excerpt(text)),
            },
        }
    }

    /// The tree as JSON. Keys become texts. Infinite floats and NaN have no JSON: their node is the error.
    pub fn to_json(&self) -> Result<serde_json::Value, &Self> {
        use serde_json::Value;
        match &self.kind {
            Kind::Sequence(items) => items
                .iter()
                .map(Self::to_json)
                .collect::<Result<_, _>>()
                .map(Value::Array),
            Kind::Mapping(entries) => {
                let mut object = serde_json::Map::new();
                for (key, value) in entries {
                    object.insert(key.key().to_owned(), value.to_json()?);
                }
                Ok(Value::Object(object))
            }
            Kind::Scalar { text, value } => match *value {
                Scalar::Null => Ok(Value::Null),
                Scalar::Bool(value) => Ok(value.into()),
                Scalar::Int(value) => Ok(value.into()),
                Scalar::UInt(value) => Ok(value.into()),
                Scalar::Float(value) => serde_json::Number::from_f64(value)
                    .map(Value::Number)
                    .ok_or(self),
                Scalar::String => Ok(text.as_str().into()),
            },
        }
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.kind {
            Kind::Sequence(items) => {
                let mut sequence = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    sequence.serialize_element(item)?;
                }
                sequence.end()
            }
            Kind::Mapping(entries) => {
                let mut mapping = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    mapping.serialize_entry(key.key(), value)?;
                }
                mapping.end()
            }
            Kind::Scalar { text, value } => match *value {
                Scalar::Null => serializer.serialize_unit(),
                Scalar::Bool(value) => serializer.serialize_bool(value),
                Scalar::Int(value) => serializer.serialize_i64(value),
                Scalar::UInt(value) => serializer.serialize_u64(value),
                Scalar::Float(value) => serializer.serialize_f64(value),
                Scalar::String => serializer.serialize_str(text),
            },
        }
    }
}
