//! YAML as Go's `yaml.v2` writes it: block style, lists at the indent of
//! their key, texts plain where they stay texts, literal when they have
//! several lines, keys in natural order.

use std::cmp::Ordering;
use std::fmt::Write;

use super::Doc;
use super::scalar::is_string;

pub(super) fn print(doc: &Doc) -> String {
    let mut out = String::new();
    if *doc == Doc::Null {
        return out;
    }
    block(&mut out, doc, 0);
    // However many newlines a literal ends with, one remains.
    let end = out.trim_end_matches('\n').len();
    out.truncate(end);
    out.push('\n');
    out
}

/// Writes a document whose first line begins where the cursor is and whose
/// other lines are indented.
fn block(out: &mut String, doc: &Doc, indent: usize) {
    match doc {
        Doc::List(items) if !items.is_empty() => {
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    margin(out, indent);
                }
                out.push_str("- ");
                block(out, item, indent + 2);
            }
        }
        Doc::Map(fields) if !fields.is_empty() => {
            let mut fields: Vec<(&str, &Doc)> = fields
                .iter()
                .map(|(key, item)| (key.as_str(), item))
                .collect();
            fields.sort_by(|(a, _), (b, _)| natural(a, b));
            mapping(out, &fields, indent);
        }
        Doc::Record(fields) if !fields.is_empty() => {
            let fields: Vec<(&str, &Doc)> = fields.iter().map(|(key, item)| (*key, item)).collect();
            mapping(out, &fields, indent);
        }
        Doc::List(_) => out.push_str("[]\n"),
        Doc::Map(_) | Doc::Record(_) => out.push_str("{}\n"),
        Doc::Null => out.push_str("null\n"),
        Doc::Bool(value) => out.push_str(if *value { "true\n" } else { "false\n" }),
        Doc::Int(number) => {
            out.push_str(&number.to_string());
            out.push('\n');
        }
        Doc::Float(number) => {
            out.push_str(&float(*number));
            out.push('\n');
        }
        Doc::Str(text) => {
            scalar(out, text, indent, false);
            out.push('\n');
        }
    }
}

fn mapping(out: &mut String, fields: &[(&str, &Doc)], indent: usize) {
    for (n, (key, item)) in fields.iter().enumerate() {
        if n > 0 {
            margin(out, indent);
        }
        scalar(out, key, indent, true);
        out.push(':');
        match item {
            Doc::List(items) if !items.is_empty() => {
                out.push('\n');
                margin(out, indent);
                block(out, item, indent);
            }
            Doc::Map(fields) if !fields.is_empty() => {
                out.push('\n');
                margin(out, indent + 2);
                block(out, item, indent + 2);
            }
            Doc::Record(fields) if !fields.is_empty() => {
                out.push('\n');
                margin(out, indent + 2);
                block(out, item, indent + 2);
            }
            Doc::Str(text) => {
                out.push(' ');
                scalar(out, text, indent + 2, false);
                out.push('\n');
            }
            _ => {
                out.push(' ');
                block(out, item, indent);
            }
        }
    }
}

fn margin(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

/// A float as Go's shortest `%g`: with an exponent below 1e-4 and from 1e6.
fn float(number: f64) -> String {
    if number.is_nan() {
        return ".nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let scientific = format!("{number:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let power: i32 = exponent.parse().unwrap_or_default();
    if number != 0.0 && !(-4..6).contains(&power) {
        let sign = if power < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", power.abs());
    }
    number.to_string()
}

fn scalar(out: &mut String, text: &str, indent: usize, key: bool) {
    let shape = Shape::of(text);
    if text.contains('\n') && !key && shape.literal {
        literal(out, text, indent.max(2));
    } else if text.contains('\n') || !is_string(text) {
        double_quoted(out, text);
    } else if shape.plain {
        out.push_str(text);
    } else if shape.single_quoted {
        out.push('\'');
        out.push_str(&text.replace('\'', "''"));
        out.push('\'');
    } else {
        double_quoted(out, text);
    }
}

fn literal(out: &mut String, text: &str, indent: usize) {
    out.push('|');
    if text.starts_with([' ', '\n']) {
        out.push('2');
    }
    if !text.ends_with('\n') {
        out.push('-');
    } else if text.ends_with("\n\n") || text == "\n" {
        out.push('+');
    }
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        out.push('\n');
        if !line.is_empty() {
            margin(out, indent);
            out.push_str(line);
        }
    }
}

fn double_quoted(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0' => out.push_str("\\0"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            '\u{1b}' => out.push_str("\\e"),
            '\u{85}' => out.push_str("\\N"),
            '\u{2028}' => out.push_str("\\L"),
            '\u{2029}' => out.push_str("\\P"),
            c if is_printable(c) => out.push(c),
            // Writing to a string cannot fail.
            c => {
                let code = u32::from(c);
                let _ = match code {
                    0..0x100 => write!(out, "\\x{code:02X}"),
                    0x100..0x1_0000 => write!(out, "\\u{code:04X}"),
                    _ => write!(out, "\\U{code:08X}"),
                };
            }
        }
    }
    out.push('"');
}

fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}'
        | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..)
}

/// In which styles a text can be written.
struct Shape {
    plain: bool,
    single_quoted: bool,
    literal: bool,
}

impl Shape {
    fn of(text: &str) -> Self {
        let chars: Vec<char> = text.chars().collect();
        let blank = |c: Option<&char>| matches!(c, None | Some(' ' | '\t' | '\n' | '\r'));
        let mut indicators = text.starts_with("---") || text.starts_with("...");
        let mut special = false;
        let mut space_before_break = false;
        let mut space_after_break = false;
        for (n, c) in chars.iter().enumerate() {
            let next = chars.get(n + 1);
            let previous = n.checked_sub(1).and_then(|n| chars.get(n));
            indicators |= match c {
                ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%'
                | '@' | '`' => n == 0,
                '#' => n == 0 || blank(previous),
                '?' | '-' => n == 0 && blank(next),
                ':' => blank(next),
                _ => false,
            };
            special |= !is_printable(*c) || matches!(c, '\u{2028}' | '\u{2029}');
            space_before_break |= *c == ' ' && next == Some(&'\n');
            space_after_break |= *c == '\n' && next == Some(&' ');
        }
        let edges = text.starts_with([' ', '\n']) || text.ends_with([' ', '\n']);
        let bad = special || space_before_break;
        Self {
            plain: !text.is_empty() && !indicators && !edges && !bad && !text.contains('\n'),
            single_quoted: !bad && !space_after_break,
            literal: !bad && !text.ends_with(' '),
        }
    }
}

/// The order of keys: letters after everything else, numbers by value.
fn natural(a: &str, b: &str) -> Ordering {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let Some(at) = a.iter().zip(&b).position(|(x, y)| x != y) else {
        return a.len().cmp(&b.len());
    };
    let (x, y) = (a[at], b[at]);
    match (x.is_alphabetic(), y.is_alphabetic()) {
        (true, true) => return x.cmp(&y),
        (false, true) => return Ordering::Less,
        (true, false) => return Ordering::Greater,
        (false, false) => {}
    }
    let run = |chars: &[char]| {
        chars[at..]
            .iter()
            .take_while(|c| c.is_ascii_digit())
            .collect::<String>()
    };
    let (m, n) = (run(&a), run(&b));
    // After a number that goes on from before, more digits mean more.
    let continued = (x == '0' || y == '0')
        && a[..at]
            .iter()
            .rev()
            .take_while(|c| c.is_ascii_digit())
            .any(|c| *c != '0');
    let value = |digits: &str| {
        let number = if continued {
            format!("1{digits}")
        } else {
            digits.to_owned()
        };
        number.parse::<u128>().unwrap_or_default()
    };
    value(&m)
        .cmp(&value(&n))
        .then(m.len().cmp(&n.len()))
        .then(x.cmp(&y))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn yaml(value: &Value) -> String {
        print(&Doc::from(value))
    }

    #[test]
    fn texts_stay_texts() {
        for (text, printed) in [
            ("plain", "plain"),
            ("two words", "two words"),
            ("", "\"\""),
            ("true", "\"true\""),
            ("no", "\"no\""),
            ("10", "\"10\""),
            ("0x1f", "\"0x1f\""),
            ("1.5e3", "\"1.5e3\""),
            ("12:30", "\"12:30\""),
            ("2026-08-21", "\"2026-08-21\""),
            ("2026-08", "2026-08"),
            ("10.0.0.5", "10.0.0.5"),
            ("10.0.0.5/32", "10.0.0.5/32"),
            ("a: b", "'a: b'"),
            ("a:b", "a:b"),
            ("# x", "'# x'"),
            ("a#b", "a#b"),
            ("- x", "'- x'"),
            ("-x", "-x"),
            ("*", "'*'"),
            ("it's", "it's"),
            ("'it'", "'''it'''"),
            (" x", "' x'"),
            ("a\tb", "\"a\\tb\""),
            ("\u{1b}[0m", "\"\\e[0m\""),
            ("grün", "grün"),
        ] {
            assert_eq!(yaml(&json!(text)), format!("{printed}\n"), "{text:?}");
            let back: Value = serde_yaml::from_str(printed).unwrap();
            assert_eq!(back, json!(text), "{printed}");
        }
    }

    #[test]
    fn blocks_nest() {
        let value = json!({
            "b": ["x", {"k": 1, "l": [2]}],
            "a": {"c": null, "d": {}, "e": []},
        });
        let text = "a:\n  c: null\n  d: {}\n  e: []\nb:\n- x\n- k: 1\n  l:\n  - 2\n";
        assert_eq!(yaml(&value), text);
        assert_eq!(serde_yaml::from_str::<Value>(text).unwrap(), value);
    }

    #[test]
    fn lines_are_literal() {
        let value = json!({"cert": "one\ntwo\n", "x": {"z": "a\n\nb"}});
        let text = "cert: |\n  one\n  two\nx:\n  z: |-\n    a\n\n    b\n";
        assert_eq!(yaml(&value), text);
        assert_eq!(serde_yaml::from_str::<Value>(text).unwrap(), value);
    }

    #[test]
    fn keys_are_in_natural_order() {
        let value = json!({"a10": 1, "a2": 1, "B": 1, "_": 1, "b": 1, "10": 1, "9": 1});
        assert_eq!(
            yaml(&value),
            "_: 1\n\"9\": 1\n\"10\": 1\nB: 1\na2: 1\na10: 1\nb: 1\n"
        );
    }

    #[test]
    fn floats_are_as_go_prints_them() {
        for (number, text) in [
            (1.5, "1.5\n"),
            (1024.0, "1024\n"),
            (0.0, "0\n"),
            (999_999.5, "999999.5\n"),
            (1e6, "1e+06\n"),
            (0.00001, "1e-05\n"),
        ] {
            assert_eq!(print(&Doc::Float(number)), text);
        }
    }
}
