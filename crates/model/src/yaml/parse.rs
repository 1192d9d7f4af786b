//! From events to a tree, within a budget.

use std::collections::{BTreeMap, HashMap};

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::error::YamlError;
use super::resolve::{collection_tag, merge_into, scalar_type};
use super::scalar::Scalar;
use super::tree::{Kind, Node};
use crate::text::excerpt;

/// How much a text may be, and may become.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of the text.
    pub bytes: usize,
    /// Levels of nesting.
    pub depth: usize,
    /// Characters that flow collections are made of (`,:[]{}`), wherever they stand. The scanner holds a whole flow
    /// collection in memory before it gives its first event.
    pub flow: usize,
    /// Bytes of the tree, counted as 64 for each node and the length of each text, copies that aliases
    /// make included.
    pub tree: usize,
}

impl Default for Limits {
    /// What charms and bundles get: 4 MiB of text, 64 levels, 150,000 characters of flow, 12 MiB of tree.
    fn default() -> Self {
        Self {
            bytes: 4 << 20,
            depth: 64,
            flow: 150_000,
            tree: 12 << 20,
        }
    }
}

/// What a node without text counts against [`Limits::tree`].
const NODE_COST: usize = 64;

/// Reads all documents of a text. `file` names it in errors. An empty text has none.
pub fn parse(file: &str, text: &[u8]) -> Result<Vec<Node>, YamlError> {
    parse_within(file, text, Limits::default())
}

/// Reads a text of one document; an empty one is null. Further documents must be empty.
pub fn parse_one(file: &str, text: &[u8]) -> Result<Node, YamlError> {
    let mut documents = parse(file, text)?.into_iter();
    let nothing = Node {
        line: 1,
        column: 1,
        kind: Kind::Scalar {
            text: String::new(),
            value: Scalar::Null,
        },
    };
    let first = documents.next().unwrap_or(nothing);
    match documents.find(|document| !document.is_null()) {
        None => Ok(first),
        Some(second) => Err(YamlError {
            file: file.to_owned(),
            line: second.line,
            column: second.column,
            reason: "a second document begins here, but the file must hold one".to_owned(),
        }),
    }
}

/// [`parse`] with limits of the caller's.
pub fn parse_within(file: &str, text: &[u8], limits: Limits) -> Result<Vec<Node>, YamlError> {
    let error = |line: usize, column: usize, reason: String| YamlError {
        file: file.to_owned(),
        line: narrow(line),
        column: narrow(column),
        reason,
    };
    if text.len() > limits.bytes {
        return Err(error(
            0,
            0,
            format!(
                "too large: {} bytes, at most {} are read",
                text.len(),
                limits.bytes
            ),
        ));
    }
    let flow = text.iter().filter(|byte| b",:[]{}".contains(byte)).count();
    if flow > limits.flow {
        let reason = format!(
            "too large: {flow} of the characters ,:[]{{}}, at most {} are read",
            limits.flow
        );
        return Err(error(0, 0, reason));
    }
    let text = std::str::from_utf8(text).map_err(|utf8| {
        let before = &text[..utf8.valid_up_to()];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        error(line, 1, "not UTF-8 text".to_owned())
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut builder = Builder {
        limits,
        spent: 0,
        open: Vec::new(),
        anchors: HashMap::new(),
        documents: Vec::new(),
    };
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|scan| {
            error(
                scan.marker().line(),
                scan.marker().col() + 1,
                scan.info().to_owned(),
            )
        })?;
        let fault = builder.event(event, span);
        fault.map_err(|fault| error(fault.line as usize, fault.column as usize, fault.reason))?;
    }
    Ok(builder.documents)
}

/// A fault at a place of the file that is being read.
pub(super) struct Fault {
    pub(super) line: u32,
    pub(super) column: u32,
    pub(super) reason: String,
}

/// A collection that is not closed yet.
struct Frame {
    node: Node,
    anchor: usize,
    /// What was spent when it opened, by which its own cost is known when it closes.
    before: usize,
    /// The key that waits for its value.
    key: Option<Node>,
    /// Whether that key is a merge key: a plain `<<`.
    merging: bool,
    /// Keys so far with their lines.
    seen: BTreeMap<String, u32>,
    /// Values of `<<`.
    merges: Vec<Node>,
}

struct Builder {
    limits: Limits,
    spent: usize,
    open: Vec<Frame>,
    /// Closed anchored nodes with their cost.
    anchors: HashMap<usize, (Node, usize)>,
    documents: Vec<Node>,
}

impl Builder {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Fault> {
        let (line, column) = (narrow(span.start.line()), narrow(span.start.col() + 1));
        let node = |kind| Node { line, column, kind };
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) => {
                self.anchors.clear();
                Ok(())
            }
            Event::Alias(anchor) => {
                let Some((node, cost)) = self.anchors.get(&anchor) else {
                    return Err(Fault {
                        line,
                        column,
                        reason: "this alias stands within its own anchor".to_owned(),
                    });
                };
                let cost = *cost;
                charge(&mut self.spent, self.limits, cost, line, column)?;
                let copy = node.clone();
                self.place(copy, 0, cost)
            }
            Event::Scalar(text, style, anchor, tag) => {
                let value = scalar_type(&text, style, tag.as_deref()).map_err(|reason| Fault {
                    line,
                    column,
                    reason,
                })?;
                let cost = NODE_COST + text.len();
                charge(&mut self.spent, self.limits, cost, line, column)?;
                let merge = style == ScalarStyle::Plain && text == "<<" && self.awaits_key();
                if merge {
                    return self.merge_key(node(Kind::Scalar {
                        text: text.into_owned(),
                        value,
                    }));
                }
                self.place(
                    node(Kind::Scalar {
                        text: text.into_owned(),
                        value,
                    }),
                    anchor,
                    cost,
                )
            }
            Event::SequenceStart(anchor, tag) => {
                collection_tag(tag, "seq").map_err(|reason| Fault {
                    line,
                    column,
                    reason,
                })?;
                self.open_frame(node(Kind::Sequence(Vec::new())), anchor)
            }
            Event::MappingStart(anchor, tag) => {
                collection_tag(tag, "map").map_err(|reason| Fault {
                    line,
                    column,
                    reason,
                })?;
                self.open_frame(node(Kind::Mapping(Vec::new())), anchor)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close_frame(),
        }
    }

    fn awaits_key(&self) -> bool {
        self.open
            .last()
            .is_some_and(|frame| matches!(frame.node.kind, Kind::Mapping(_)) && frame.key.is_none())
    }

    fn open_frame(&mut self, node: Node, anchor: usize) -> Result<(), Fault> {
        let (line, column) = (node.line, node.column);
        if self.open.len() >= self.limits.depth {
            let reason = format!("nested more than {} levels deep", self.limits.depth);
            return Err(Fault {
                line,
                column,
                reason,
            });
        }
        let before = self.spent;
        charge(&mut self.spent, self.limits, NODE_COST, line, column)?;
        let seen = BTreeMap::new();
        self.open.push(Frame {
            node,
            anchor,
            before,
            key: None,
            merging: false,
            seen,
            merges: Vec::new(),
        });
        Ok(())
    }

    fn close_frame(&mut self) -> Result<(), Fault> {
        let Some(mut frame) = self.open.pop() else {
            return Ok(());
        };
        if let Kind::Mapping(entries) = &mut frame.node.kind {
            for merge in std::mem::take(&mut frame.merges) {
                merge_into(entries, &mut frame.seen, merge)?;
            }
        }
        let cost = self.spent.saturating_sub(frame.before);
        self.place(frame.node, frame.anchor, cost)
    }

    fn merge_key(&mut self, key: Node) -> Result<(), Fault> {
        let Some(frame) = self.open.last_mut() else {
            return Ok(());
        };
        if let Some(first) = frame.seen.insert("<<".to_owned(), key.line) {
            return Err(duplicate(&key, first));
        }
        frame.key = Some(key);
        frame.merging = true;
        Ok(())
    }

    /// Puts a complete node where it belongs.
    fn place(&mut self, node: Node, anchor: usize, cost: usize) -> Result<(), Fault> {
        if anchor != 0 {
            charge(&mut self.spent, self.limits, cost, node.line, node.column)?;
            self.anchors.insert(anchor, (node.clone(), cost));
        }
        let Some(frame) = self.open.last_mut() else {
            self.documents.push(node);
            return Ok(());
        };
        match (&mut frame.node.kind, frame.key.take()) {
            (Kind::Sequence(items), _) => items.push(node),
            (Kind::Mapping(_), None) => {
                let Kind::Scalar { text, .. } = &node.kind else {
                    let reason = format!("{} cannot be a key", node.describe());
                    return Err(Fault {
                        line: node.line,
                        column: node.column,
                        reason,
                    });
                };
                if let Some(first) = frame.seen.insert(text.clone(), node.line) {
                    return Err(duplicate(&node, first));
                }
                frame.key = Some(node);
            }
            (Kind::Mapping(_), Some(_)) if std::mem::take(&mut frame.merging) => {
                frame.merges.push(node);
            }
            (Kind::Mapping(entries), Some(key)) => entries.push((key, node)),
            (Kind::Scalar { .. }, _) => {}
        }
        Ok(())
    }
}

fn duplicate(key: &Node, first: u32) -> Fault {
    let reason = format!(
        "duplicate key {:?}, first on line {first}",
        excerpt(key.key())
    );
    Fault {
        line: key.line,
        column: key.column,
        reason,
    }
}

fn charge(
    spent: &mut usize,
    limits: Limits,
    cost: usize,
    line: u32,
    column: u32,
) -> Result<(), Fault> {
    *spent = spent.saturating_add(cost);
    if *spent > limits.tree {
        let reason = format!(
            "the document grows beyond {} MiB, by its size or by its aliases",
            limits.tree >> 20
        );
        return Err(Fault {
            line,
            column,
            reason,
        });
    }
    Ok(())
}

fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
