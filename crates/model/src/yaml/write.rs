//! Writing YAML as Juju does (goyaml v2 over libyaml's emitter), so that scripts see the same bytes.
//!
//! Block style throughout; sequences in mappings are not indented; texts are plain where they read back as texts,
//! quoted twice where they would not (`"yes"`, `"0755"`), literal blocks where they have line breaks. Lines are not
//! folded.

use std::fmt::Write as _;

use serde::Serialize;
use serde_yaml::Value;

use super::error::YamlError;
use super::scalar::{self, Scalar};

/// Writes anything serialisable as one YAML document, ending in a newline. Reading it gives the same tree, but floats
/// without a fraction become integers, as they do in Juju.
pub fn write<T: Serialize + ?Sized>(value: &T) -> Result<String, YamlError> {
    let tree = serde_yaml::to_value(value).map_err(|error| YamlError {
        file: "output".to_owned(),
        line: 0,
        column: 0,
        reason: error.to_string(),
    })?;
    let mut out = String::new();
    match &tree {
        Value::Mapping(mapping) if !mapping.is_empty() => entries(&mut out, mapping, 0, false),
        Value::Sequence(items) if !items.is_empty() => sequence(&mut out, items, 0, false),
        scalar => {
            inline(&mut out, scalar, 0);
            out.push('\n');
        }
    }
    Ok(out)
}

/// Writes the entries of a mapping at `indent`; `inline_first` where the first one follows a `- `.
fn entries(out: &mut String, mapping: &serde_yaml::Mapping, indent: usize, inline_first: bool) {
    for (index, (key, value)) in mapping.iter().enumerate() {
        if index > 0 || !inline_first {
            out.extend(std::iter::repeat_n(' ', indent));
        }
        match key {
            Value::String(text) => scalar_text(out, text, indent, true),
            other => inline(out, other, indent),
        }
        out.push(':');
        entry_value(out, value, indent);
    }
}

fn entry_value(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Mapping(inner) if !inner.is_empty() => {
            out.push('\n');
            entries(out, inner, indent + 2, false);
        }
        Value::Sequence(items) if !items.is_empty() => {
            out.push('\n');
            sequence(out, items, indent, false);
        }
        Value::Tagged(tagged) => {
            out.push('\n');
            tagged_entry(out, tagged, indent + 2, false);
        }
        scalar => {
            out.push(' ');
            inline(out, scalar, indent);
            out.push('\n');
        }
    }
}

/// A variant with content is a mapping of one key, as in JSON.
fn tagged_entry(
    out: &mut String,
    tagged: &serde_yaml::value::TaggedValue,
    indent: usize,
    inline_first: bool,
) {
    if !inline_first {
        out.extend(std::iter::repeat_n(' ', indent));
    }
    let tag = tagged.tag.to_string();
    scalar_text(out, tag.strip_prefix('!').unwrap_or(&tag), indent, true);
    out.push(':');
    entry_value(out, &tagged.value, indent);
}

fn sequence(out: &mut String, items: &[Value], indent: usize, inline_first: bool) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 || !inline_first {
            out.extend(std::iter::repeat_n(' ', indent));
        }
        out.push_str("- ");
        match item {
            Value::Mapping(inner) if !inner.is_empty() => entries(out, inner, indent + 2, true),
            Value::Sequence(inner) if !inner.is_empty() => sequence(out, inner, indent + 2, true),
            Value::Tagged(tagged) => tagged_entry(out, tagged, indent + 2, true),
            scalar => {
                inline(out, scalar, indent);
                out.push('\n');
            }
        }
    }
}

/// Writes what stays on the line: a scalar or an empty collection. `indent` is that of the parent.
fn inline(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Null | Value::Tagged(_) => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => out.push_str(&go_float(float)),
            _ => {
                let _ = write!(out, "{number}");
            }
        },
        Value::String(text) => scalar_text(out, text, indent, false),
        Value::Sequence(_) => out.push_str("[]"),
        Value::Mapping(_) => out.push_str("{}"),
    }
}

/// Prints a float as Go's `FormatFloat(f, 'g', -1, 64)`: shortest digits, with an exponent where it is below -4 or at
/// least 6 (`1e+06`).
fn go_float(value: f64) -> String {
    if value.is_nan() {
        return ".nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>() {
        Ok(power) if !(-4..6).contains(&power) => {
            let sign = if power < 0 { '-' } else { '+' };
            format!("{mantissa}e{sign}{:02}", power.abs())
        }
        _ => format!("{value}"),
    }
}

/// What may be done with a text; the rules are libyaml's.
#[derive(Default)]
struct Shape {
    breaks: bool,
    plain_barred: bool,
    single_barred: bool,
    literal_barred: bool,
}

fn shape(text: &str) -> Shape {
    let mut shape = Shape {
        plain_barred: text.starts_with("---") || text.starts_with("..."),
        ..Shape::default()
    };
    let chars: Vec<char> = text.chars().collect();
    let blank =
        |char: Option<&char>| char.is_none_or(|char| matches!(char, ' ' | '\t' | '\n' | '\r'));
    let (mut after_space, mut after_break) = (false, false);
    for (index, char) in chars.iter().enumerate() {
        let followed = blank(chars.get(index + 1));
        let preceded = index == 0 || blank(chars.get(index - 1));
        shape.plain_barred |= match char {
            '#' => preceded,
            ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@'
            | '`' => index == 0,
            '?' | '-' => index == 0 && followed,
            ':' => followed,
            _ => false,
        };
        if !printable(*char) {
            (
                shape.plain_barred,
                shape.single_barred,
                shape.literal_barred,
            ) = (true, true, true);
        }
        let (space, line_break) = (*char == ' ', *char == '\n');
        shape.breaks |= line_break;
        if after_break && space {
            (shape.plain_barred, shape.single_barred) = (true, true);
        }
        if after_space && line_break {
            (
                shape.plain_barred,
                shape.single_barred,
                shape.literal_barred,
            ) = (true, true, true);
        }
        (after_space, after_break) = (space, line_break);
    }
    let edge = |char: Option<&char>| matches!(char, Some(' ' | '\n'));
    shape.plain_barred |=
        shape.breaks || text.is_empty() || edge(chars.first()) || edge(chars.last());
    shape.literal_barred |= chars.last() == Some(&' ');
    shape
}

fn printable(char: char) -> bool {
    matches!(char, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
        && !matches!(char, '\u{feff}' | '\u{2028}' | '\u{2029}')
}

fn scalar_text(out: &mut String, text: &str, indent: usize, key: bool) {
    let shape = shape(text);
    let ambiguous = !matches!(scalar::plain(text), Scalar::String)
        || text == "<<"
        || text == "="
        || is_base_60(text);
    if shape.breaks && !shape.literal_barred && !key {
        literal(out, text, indent + 2);
    } else if ambiguous && !text.is_empty() || shape.breaks {
        double_quoted(out, text);
    } else if text.is_empty() {
        out.push_str("\"\"");
    } else if !shape.plain_barred {
        out.push_str(text);
    } else if !shape.single_barred {
        let _ = write!(out, "'{}'", text.replace('\'', "''"));
    } else {
        double_quoted(out, text);
    }
}

/// Whether a reader of YAML 1.1 takes a text for a number of base 60: `190:20:30`.
fn is_base_60(text: &str) -> bool {
    let digits = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.')
    };
    text.contains(':') && text.trim_start_matches(['+', '-']).split(':').all(digits)
}

fn literal(out: &mut String, text: &str, indent: usize) {
    out.push('|');
    if text.starts_with([' ', '\n']) {
        out.push('2');
    }
    if !text.ends_with('\n') {
        out.push('-');
    } else if text == "\n" || text.ends_with("\n\n") {
        out.push('+');
    }
    let body = text.strip_suffix('\n').unwrap_or(text);
    for line in body.split('\n') {
        out.push('\n');
        if !line.is_empty() {
            out.extend(std::iter::repeat_n(' ', indent));
            out.push_str(line);
        }
    }
}

fn double_quoted(out: &mut String, text: &str) {
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\0' => out.push_str("\\0"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            '\u{1b}' => out.push_str("\\e"),
            '\u{85}' => out.push_str("\\N"),
            '\u{2028}' => out.push_str("\\L"),
            '\u{2029}' => out.push_str("\\P"),
            char if printable(char) => out.push(char),
            char if u32::from(char) < 0x100 => {
                let _ = write!(out, "\\x{:02X}", u32::from(char));
            }
            char => {
                let _ = write!(out, "\\u{:04X}", u32::from(char));
            }
        }
    }
    out.push('"');
}
