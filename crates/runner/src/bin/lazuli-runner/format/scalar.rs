//! Which plain scalars YAML 1.1 reads as something else than a string.

/// Whether a plain scalar of this text would be read as a string by any
/// reader of YAML 1.1.
pub(super) fn is_string(text: &str) -> bool {
    const OTHERS: [&str; 35] = [
        "", "~", "null", "Null", "NULL", "y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "n", "N",
        "no", "No", "NO", "off", "Off", "OFF", "true", "True", "TRUE", "false", "False", "FALSE",
        ".nan", ".NaN", ".NAN", ".inf", ".Inf", ".INF", "<<", "=",
    ];
    if OTHERS.contains(&text) {
        return false;
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        return false;
    }
    !(is_integer(unsigned) || is_float(unsigned) || is_base60(unsigned) || is_date(text))
}

fn is_integer(text: &str) -> bool {
    let digits = text.replace('_', "");
    let radix = |prefixes: [&str; 2], radix: u32| {
        prefixes
            .iter()
            .find_map(|prefix| digits.strip_prefix(prefix))
            .is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_digit(radix)))
    };
    (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
        || radix(["0x", "0X"], 16)
        || radix(["0o", "0O"], 8)
        || radix(["0b", "0B"], 2)
}

fn is_float(text: &str) -> bool {
    let text = text.replace('_', "");
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text.as_str(), None),
    };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let whole = match mantissa.split_once('.') {
        Some((whole, fraction)) => {
            digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty())
        }
        None => !mantissa.is_empty() && digits(mantissa),
    };
    whole
        && exponent.is_none_or(|exponent| {
            let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            !exponent.is_empty() && digits(exponent)
        })
}

/// `12:30:45`, which YAML 1.1 reads as a number.
fn is_base60(text: &str) -> bool {
    let text = text.split_once('.').map_or(text, |(whole, _)| whole);
    let mut parts = text.split(':');
    let Some(first) = parts.next() else {
        return false;
    };
    let mut others = 0;
    let sixties = parts.all(|part| {
        others += 1;
        (1..=2).contains(&part.len()) && part.parse::<u8>().is_ok_and(|number| number < 60)
    });
    sixties
        && others > 0
        && first.starts_with(|c: char| c.is_ascii_digit())
        && first.bytes().all(|b| b.is_ascii_digit() || b == b'_')
}

/// `2026-08-21`, alone or with a time; after a blank without a zone (Go's
/// `yaml.v2` takes no other).
fn is_date(text: &str) -> bool {
    if let Some((_, time)) = text.split_once(' ')
        && !time
            .bytes()
            .all(|b| b.is_ascii_digit() || b":.".contains(&b))
    {
        return false;
    }
    let date = text
        .split_once(['T', 't', ' '])
        .map_or(text, |(date, _)| date);
    let parts: Vec<&str> = date.split('-').collect();
    let digits = |text: &str, longest: usize| {
        (1..=longest).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
    };
    matches!(parts.as_slice(), [year, month, day]
        if year.len() == 4 && digits(year, 4) && digits(month, 2) && digits(day, 2))
        && (date.len() == text.len() || text.contains(':'))
}

#[cfg(test)]
mod tests {
    use super::is_string;

    #[test]
    fn what_looks_like_something_else_is_no_string() {
        for text in [
            "",
            "~",
            "null",
            "yes",
            "Off",
            "y",
            ".inf",
            "-.Inf",
            ".5",
            "5.",
            "1_000",
            "-0x1F",
            "0b11",
            "0o17",
            "1e3",
            "1:30",
            "190:20:30",
            "1:30.5",
            "2026-8-2",
            "<<",
            "2026-08-21T10:00:00Z",
            "2026-08-21 10:00:00",
        ] {
            assert!(!is_string(text), "{text:?}");
        }
        for text in [
            "a",
            "nullify",
            "yess",
            ".",
            "-",
            "+",
            "0x",
            "0xg",
            "1e",
            "1:70",
            "1:2:3:x",
            "a:1",
            "1.2.3",
            "2026-08",
            "2026-008-21",
            "2026-08-21x",
            "2026-08-21 10:00:00Z",
            "v1",
            "10.0.0.0/8",
            "_",
            "e5",
        ] {
            assert!(is_string(text), "{text:?}");
        }
    }
}
