//! YAML, through one door.
//!
//! Everything that is YAML (charms, bundles, a user's files) is read by [`parse`] or [`parse_one`] into a tree of
//! [`Node`]s that know their lines. On the way duplicate keys are refused, anchors, aliases and merge keys are
//! resolved within a budget (so that a small file cannot become a large tree), and plain scalars get the types that
//! YAML 1.1 gives them, as Juju's reader does. A tree is then read node by node, or typed by [`typed`].
//! What is written is written by [`write()`].

mod de;
mod error;
mod parse;
mod resolve;
mod scalar;
mod tree;
mod write;

pub use de::typed;
pub use error::YamlError;
pub use parse::{Limits, parse, parse_one, parse_within};
pub use scalar::Scalar;
pub use tree::{Kind, Node};
pub use write::write;

#[cfg(test)]
mod tests;
