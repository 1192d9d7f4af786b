//! Reading the nodes of one file of a charm, with errors in the words of Juju's schema and the line.

use std::str::FromStr;

use super::error::CharmError;
use crate::config::{parse_bool, parse_int_any_base};
use crate::yaml::{Node, Scalar};

/// One YAML file of a charm.
pub(super) struct Document<'a> {
    pub(super) charm: &'a str,
    pub(super) file: &'a str,
    pub(super) root: &'a Node,
}

impl<'a> Document<'a> {
    /// The fault of a node.
    pub(super) fn fault(&self, node: &Node, reason: impl Into<String>) -> CharmError {
        CharmError {
            charm: self.charm.to_owned(),
            file: self.file.to_owned(),
            line: Some(node.line),
            reason: reason.into(),
        }
    }

    fn expected(&self, node: &Node, path: &str, expected: &str) -> CharmError {
        self.fault(
            node,
            format!("{path}: expected {expected}, got {}", node.describe()),
        )
    }

    /// A value of the root; `null` is as good as absent.
    pub(super) fn get(&self, key: &str) -> Option<&'a Node> {
        present(self.root, key)
    }

    pub(super) fn string(&self, node: &'a Node, path: &str) -> Result<&'a str, CharmError> {
        node.as_str()
            .ok_or_else(|| self.expected(node, path, "string"))
    }

    /// A text of the root that must be there (it may be empty).
    pub(super) fn required(&self, key: &str) -> Result<&'a str, CharmError> {
        match self.get(key) {
            Some(node) => self.string(node, key),
            None => Err(self.fault(self.root, format!("{key}: expected string, got nothing"))),
        }
    }

    /// A text of a map, if it is there.
    pub(super) fn optional(
        &self,
        map: &'a Node,
        key: &str,
        path: &str,
    ) -> Result<Option<&'a str>, CharmError> {
        present(map, key)
            .map(|node| self.string(node, &format!("{path}{key}")))
            .transpose()
    }

    /// A boolean, or a text that Go reads as one.
    pub(super) fn boolean(&self, node: &Node, path: &str) -> Result<bool, CharmError> {
        match node.scalar() {
            Some(Scalar::Bool(value)) => Ok(value),
            _ => node
                .as_str()
                .and_then(parse_bool)
                .ok_or_else(|| self.expected(node, path, "bool")),
        }
    }

    /// A boolean of a map; false if it is not there.
    pub(super) fn flag(&self, map: &'a Node, key: &str, path: &str) -> Result<bool, CharmError> {
        present(map, key).map_or(Ok(false), |node| {
            self.boolean(node, &format!("{path}{key}"))
        })
    }

    /// An integer, or a text that Go reads as one.
    pub(super) fn integer(&self, node: &Node, path: &str) -> Result<i64, CharmError> {
        match node.scalar() {
            Some(Scalar::Int(value)) => Ok(value),
            _ => node
                .as_str()
                .and_then(parse_int_any_base)
                .ok_or_else(|| self.expected(node, path, "int")),
        }
    }

    /// A count: an integer from 0 to what fits.
    pub(super) fn count(&self, node: &Node, path: &str) -> Result<u32, CharmError> {
        let value = self.integer(node, path)?;
        u32::try_from(value)
            .map_err(|_| self.fault(node, format!("{path}: expected a count, got {value}")))
    }

    pub(super) fn list(&self, node: &'a Node, path: &str) -> Result<&'a [Node], CharmError> {
        node.items()
            .ok_or_else(|| self.expected(node, path, "list"))
    }

    /// A list of texts of the root; none if it is not there.
    pub(super) fn strings(&self, key: &str) -> Result<Vec<String>, CharmError> {
        let Some(node) = self.get(key) else {
            return Ok(Vec::new());
        };
        let items = self.list(node, key)?.iter().enumerate();
        items
            .map(|(index, item)| {
                self.string(item, &format!("{key}[{index}]"))
                    .map(str::to_owned)
            })
            .collect()
    }

    pub(super) fn map(&self, node: &'a Node, path: &str) -> Result<&'a [(Node, Node)], CharmError> {
        node.entries()
            .ok_or_else(|| self.expected(node, path, "map"))
    }

    /// The entries of a map of the root; none if it is not there.
    pub(super) fn section(&self, key: &str) -> Result<&'a [(Node, Node)], CharmError> {
        self.get(key).map_or(Ok(&[]), |node| self.map(node, key))
    }

    /// A key that is a name.
    pub(super) fn name<T: FromStr>(&self, key: &Node) -> Result<T, CharmError>
    where
        T::Err: std::fmt::Display,
    {
        key.key()
            .parse()
            .map_err(|error: T::Err| self.fault(key, error.to_string()))
    }
}

/// The value of a key unless it is null.
pub(super) fn present<'a>(map: &'a Node, key: &str) -> Option<&'a Node> {
    map.get(key).filter(|node| !node.is_null())
}
