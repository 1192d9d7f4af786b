//! What tags and merge keys mean.

use std::borrow::Cow;
use std::collections::BTreeMap;

use saphyr_parser::{ScalarStyle, Tag};

use super::parse::Fault;
use super::scalar::{self, Scalar};
use super::tree::{Kind, Node};
use crate::text::excerpt;

/// Adds the entries of a merge key's value that are not there yet.
pub(super) fn merge_into(
    entries: &mut Vec<(Node, Node)>,
    seen: &mut BTreeMap<String, u32>,
    merge: Node,
) -> Result<(), Fault> {
    let (line, column) = (merge.line, merge.column);
    let sources = match merge.kind {
        Kind::Mapping(source) => vec![source],
        Kind::Sequence(items) => {
            let mapping = |item: Node| match item.kind {
                Kind::Mapping(source) => Ok(source),
                _ => Err(not_mergeable(item.line, item.column)),
            };
            items.into_iter().map(mapping).collect::<Result<_, _>>()?
        }
        Kind::Scalar { .. } => return Err(not_mergeable(line, column)),
    };
    for (key, value) in sources.into_iter().flatten() {
        if !seen.contains_key(key.key()) {
            seen.insert(key.key().to_owned(), key.line);
            entries.push((key, value));
        }
    }
    Ok(())
}

fn not_mergeable(line: u32, column: u32) -> Fault {
    Fault {
        line,
        column,
        reason: "a merge key (<<) takes a map, or a list of maps".to_owned(),
    }
}

/// The type of a scalar, by its tag if it has one, by its text if it is plain.
pub(super) fn scalar_type(
    text: &str,
    style: ScalarStyle,
    tag: Option<&Tag>,
) -> Result<Scalar, String> {
    if text.contains('\0') {
        return Err("a text may not hold the character NUL".to_owned());
    }
    match tag {
        None if style == ScalarStyle::Plain => Ok(scalar::plain(text)),
        None => Ok(Scalar::String),
        Some(tag) if tag.is_yaml_core_schema() => {
            scalar::tagged(&tag.suffix, text).ok_or_else(|| {
                format!(
                    "{:?} is not a value of type !!{}",
                    excerpt(text),
                    excerpt(&tag.suffix)
                )
            })
        }
        Some(tag) if tag.handle.is_empty() && tag.suffix == "!" => Ok(Scalar::String),
        Some(tag) => Err(unknown_tag(tag)),
    }
}

/// Refuses tags of collections other than the one that they have anyway.
pub(super) fn collection_tag(tag: Option<Cow<'_, Tag>>, expected: &str) -> Result<(), String> {
    match tag {
        Some(tag) if !(tag.is_yaml_core_schema() && tag.suffix == expected) => {
            Err(unknown_tag(&tag))
        }
        _ => Ok(()),
    }
}

fn unknown_tag(tag: &Tag) -> String {
    format!(
        "the tag {:?} is not known here",
        excerpt(&format!("{}{}", tag.handle, tag.suffix))
    )
}
