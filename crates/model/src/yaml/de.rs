//! Typing a tree with serde, with the line of what did not fit.

use serde::de::value::{MapDeserializer, SeqDeserializer, StrDeserializer};
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::error::YamlError;
use super::scalar::Scalar;
use super::tree::{Kind, Node};

/// Types a tree. Scalars of any type do for texts, by their text (`channel: 22.04`); null does for nothing and for
/// empty collections. `file` names the file in errors.
pub fn typed<T: DeserializeOwned>(file: &str, node: &Node) -> Result<T, YamlError> {
    T::deserialize(node).map_err(|fault| YamlError {
        file: file.to_owned(),
        line: fault.line,
        column: fault.column,
        reason: fault.reason,
    })
}

/// What did not fit, and where; the innermost node that serde complained about gives the place.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct TypeFault {
    line: u32,
    column: u32,
    reason: String,
}

impl de::Error for TypeFault {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self {
            line: 0,
            column: 0,
            reason: message.to_string(),
        }
    }
}

impl TypeFault {
    fn at(mut self, node: &Node) -> Self {
        if self.line == 0 {
            (self.line, self.column) = (node.line, node.column);
        }
        self
    }
}

impl<'de> IntoDeserializer<'de, TypeFault> for &'de Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// A key: always a text for serde.
struct Key<'de>(&'de Node);

impl<'de> IntoDeserializer<'de, TypeFault> for Key<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Key<'de> {
    type Error = TypeFault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeFault> {
        visitor
            .visit_borrowed_str(self.0.key())
            .map_err(|fault: TypeFault| fault.at(self.0))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, TypeFault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TypeFault> {
        let name: StrDeserializer<'de, TypeFault> = self.0.key().into_deserializer();
        visitor.visit_enum(name).map_err(|fault| fault.at(self.0))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct seq
        tuple tuple_struct map struct identifier ignored_any
    }
}

fn pair<'de>((key, value): &'de (Node, Node)) -> (Key<'de>, &'de Node) {
    (Key(key), value)
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = TypeFault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeFault> {
        let visited = match &self.kind {
            Kind::Sequence(items) => visitor.visit_seq(SeqDeserializer::new(items.iter())),
            Kind::Mapping(entries) => {
                visitor.visit_map(MapDeserializer::new(entries.iter().map(pair)))
            }
            Kind::Scalar { text, value } => match *value {
                Scalar::Null => visitor.visit_unit(),
                Scalar::Bool(value) => visitor.visit_bool(value),
                Scalar::Int(value) => visitor.visit_i64(value),
                Scalar::UInt(value) => visitor.visit_u64(value),
                Scalar::Float(value) => visitor.visit_f64(value),
                Scalar::String => visitor.visit_borrowed_str(text),
            },
        };
        visited.map_err(|fault: TypeFault| fault.at(self))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeFault> {
        if self.is_null() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
        .map_err(|fault| fault.at(self))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeFault> {
        match self.text() {
            Some(text) => visitor
                .visit_borrowed_str(text)
                .map_err(|fault: TypeFault| fault.at(self)),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeFault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeFault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, TypeFault> {
        visitor
            .visit_newtype_struct(self)
            .map_err(|fault| fault.at(self))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeFault> {
        if self.is_null() {
            let nothing: &'de [Node] = &[];
            return visitor.visit_seq(SeqDeserializer::new(nothing.iter()));
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeFault> {
        if self.is_null() {
            let nothing: &'de [(Node, Node)] = &[];
            return visitor
                .visit_map(MapDeserializer::new(nothing.iter().map(pair)))
                .map_err(|fault: TypeFault| fault.at(self));
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TypeFault> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TypeFault> {
        let visited = match (self.text(), self.entries()) {
            (Some(text), _) => {
                let name: StrDeserializer<'de, TypeFault> = text.into_deserializer();
                visitor.visit_enum(name)
            }
            (None, Some([(name, value)])) => visitor.visit_enum(Variant { name, value }),
            _ => Err(de::Error::custom(format!(
                "expected a name, or a map of one key, got {}",
                self.describe()
            ))),
        };
        visited.map_err(|fault| fault.at(self))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct
        ignored_any
    }
}

/// A variant with content: `{name: value}`.
struct Variant<'de> {
    name: &'de Node,
    value: &'de Node,
}

impl<'de> de::EnumAccess<'de> for Variant<'de> {
    type Error = TypeFault;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), TypeFault> {
        Ok((seed.deserialize(Key(self.name))?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = TypeFault;

    fn unit_variant(self) -> Result<(), TypeFault> {
        de::Deserialize::deserialize(self.value)
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, TypeFault> {
        seed.deserialize(self.value)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, TypeFault> {
        self.value.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TypeFault> {
        self.value.deserialize_map(visitor)
    }
}
