//! The types of plain scalars: YAML 1.1 as Juju's reader (goyaml v2) understands it.

use crate::config::parse_int_any_base;

/// The type that a scalar has, with its value unless it is text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scalar {
    /// `null`, `~` or nothing.
    Null,
    /// `true`, `yes`, `on`, `y` and their opposites.
    Bool(bool),
    /// An integer: decimal, `0755`, `0o755`, `0x1f`, `0b1`, with underscores.
    Int(i64),
    /// An integer above the signed range.
    UInt(u64),
    /// A float, `.inf` and `.nan` among them.
    Float(f64),
    /// Text.
    String,
}

/// Types a plain scalar by its text alone.
///
/// Base 60 is not known. A date is text. Digits with a leading zero that are no octal number (`0118`) are text.
pub(super) fn plain(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "y" | "Y" => {
            return Scalar::Bool(true);
        }
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "n" | "N" => {
            return Scalar::Bool(false);
        }
        ".nan" | ".NaN" | ".NAN" => return Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Scalar::Float(f64::INFINITY);
        }
        "-.inf" | "-.Inf" | "-.INF" => return Scalar::Float(f64::NEG_INFINITY),
        _ => {}
    }
    let numeric = |byte: u8| byte.is_ascii_digit() || b"+-.".contains(&byte);
    if !text.bytes().next().is_some_and(numeric) {
        return Scalar::String;
    }
    number(&text.replace('_', "")).unwrap_or(Scalar::String)
}

/// Types a scalar that carries a tag of the core schema (`!!int "80"`), or `None` where the text does not fit.
pub(super) fn tagged(tag: &str, text: &str) -> Option<Scalar> {
    let typed = plain(text);
    match (tag, typed) {
        ("str" | "timestamp", _) => Some(Scalar::String),
        ("null", Scalar::Null)
        | ("bool", Scalar::Bool(_))
        | ("int", Scalar::Int(_) | Scalar::UInt(_)) => Some(typed),
        ("float", Scalar::Float(_)) => Some(typed),
        ("float", Scalar::Int(value)) => Some(Scalar::Float(value as f64)),
        _ => None,
    }
}

fn number(text: &str) -> Option<Scalar> {
    if let Some(value) = parse_int_any_base(text) {
        return Some(Scalar::Int(value));
    }
    let unsigned = text.strip_prefix('+').unwrap_or(text);
    let digits = !unsigned.is_empty() && unsigned.bytes().all(|byte| byte.is_ascii_digit());
    let zeros = unsigned.strip_prefix('-').unwrap_or(unsigned);
    if zeros.len() > 1 && zeros.starts_with('0') && zeros.bytes().all(|byte| byte.is_ascii_digit())
    {
        return None;
    }
    match unsigned.parse::<u64>() {
        Ok(value) if digits => Some(Scalar::UInt(value)),
        _ => is_float(text)
            .then(|| text.parse().ok().map(Scalar::Float))
            .flatten(),
    }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(text: &str) -> bool {
    let body = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match body.split_once(['e', 'E']) {
        None => (body, None),
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let exponent_good = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    let mantissa_good = match mantissa.split_once('.') {
        None => !mantissa.is_empty() && digits(mantissa),
        Some((whole, part)) => {
            digits(whole) && digits(part) && !(whole.is_empty() && part.is_empty())
        }
    };
    exponent_good && mantissa_good
}
