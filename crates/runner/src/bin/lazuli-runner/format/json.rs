//! JSON as Go's `encoding/json` writes it: compact, keys in order, `<`, `>`,
//! `&` and the line separators escaped, whole floats without a fraction.

use std::fmt::Write;

use super::Doc;

pub(super) fn print(doc: &Doc) -> String {
    let mut out = String::new();
    value(&mut out, doc);
    out
}

fn value(out: &mut String, doc: &Doc) {
    match doc {
        Doc::Null => out.push_str("null"),
        Doc::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Doc::Int(number) => out.push_str(&number.to_string()),
        Doc::Float(number) => float(out, *number),
        Doc::Str(text) => string(out, text),
        Doc::List(items) => {
            out.push('[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                value(out, item);
            }
            out.push(']');
        }
        Doc::Map(fields) => object(out, fields.iter().map(|(key, item)| (key.as_str(), item))),
        Doc::Record(fields) => object(out, fields.iter().map(|(key, item)| (*key, item))),
    }
}

fn object<'a>(out: &mut String, fields: impl Iterator<Item = (&'a str, &'a Doc)>) {
    out.push('{');
    for (n, (key, item)) in fields.enumerate() {
        if n > 0 {
            out.push(',');
        }
        string(out, key);
        out.push(':');
        value(out, item);
    }
    out.push('}');
}

fn float(out: &mut String, number: f64) {
    let size = number.abs();
    if !number.is_finite() {
        // JSON has no such numbers; configuration cannot hold them either.
        out.push_str("null");
    } else if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{number:e}");
        match text.split_once('e') {
            Some((digits, exponent)) if !exponent.starts_with('-') => {
                out.push_str(digits);
                out.push_str("e+");
                out.push_str(exponent);
            }
            _ => out.push_str(&text),
        }
    } else {
        out.push_str(&number.to_string());
    }
}

fn string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
