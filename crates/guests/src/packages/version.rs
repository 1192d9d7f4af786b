//! The order of package versions.

/// Whether `new` is a later version than `old`, by Debian's order.
pub(super) fn is_newer(new: &str, old: &str) -> bool {
    let parts = |version: &str| {
        let (epoch, rest) = version.split_once(':').unwrap_or(("0", version));
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, "0"));
        let epoch = epoch.parse::<u64>().unwrap_or(0);
        (epoch, upstream.to_owned(), revision.to_owned())
    };
    let (new, old) = (parts(new), parts(old));
    let order = new
        .0
        .cmp(&old.0)
        .then_with(|| order(&new.1, &old.1))
        .then_with(|| order(&new.2, &old.2));
    order.is_gt()
}

/// deb-version(7): runs of other characters and of digits, in turn.
fn order(new: &str, old: &str) -> std::cmp::Ordering {
    let (mut new, mut old) = (new.as_bytes(), old.as_bytes());
    while !new.is_empty() || !old.is_empty() {
        let rank = |byte: Option<&u8>| match byte {
            Some(b'~') => -1,
            None => 0,
            Some(byte) if byte.is_ascii_digit() => 0,
            Some(byte) if byte.is_ascii_alphabetic() => i32::from(*byte),
            Some(byte) => i32::from(*byte) + 256,
        };
        let is_text = |text: &[u8]| text.first().is_some_and(|byte| !byte.is_ascii_digit());
        while is_text(new) || is_text(old) {
            let ranks = rank(new.first()).cmp(&rank(old.first()));
            if ranks.is_ne() {
                return ranks;
            }
            new = &new[1..];
            old = &old[1..];
        }
        let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (new_number, new_rest) = new.split_at(digits(new));
        let (old_number, old_rest) = old.split_at(digits(old));
        let significant = |text: &[u8]| {
            let zeros = text.iter().take_while(|byte| **byte == b'0').count();
            text[zeros..].to_vec()
        };
        let (a, b) = (significant(new_number), significant(old_number));
        let numbers = a.len().cmp(&b.len()).then_with(|| a.cmp(&b));
        if numbers.is_ne() {
            return numbers;
        }
        (new, old) = (new_rest, old_rest);
    }
    std::cmp::Ordering::Equal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_debian_does() {
        for (new, old) in [
            ("1.10", "1.9"),
            ("1:0.1", "2.0"),
            ("1.0", "1.0~rc1"),
            ("1.0-2", "1.0-1"),
            ("1.0+deb12u1", "1.0"),
            ("2.36-9+deb12u10", "2.36-9+deb12u9"),
        ] {
            assert!(is_newer(new, old), "{new} {old}");
            assert!(!is_newer(old, new), "{old} {new}");
        }
        assert!(!is_newer("1.0", "1.0"));
    }
}
