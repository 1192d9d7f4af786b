//! Names in their natural order, and patterns of names.

use std::cmp::Ordering;

/// Compares so that `app/2` comes before `app/10`.
pub(crate) fn natural(one: &str, other: &str) -> Ordering {
    let (mut one, mut other) = (one, other);
    loop {
        let (a, rest_a) = chunk(one);
        let (b, rest_b) = chunk(other);
        if a.is_empty() || b.is_empty() {
            return a.len().cmp(&b.len());
        }
        let order = match (is_number(a), is_number(b)) {
            (true, true) => {
                let (x, y) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
                x.len()
                    .cmp(&y.len())
                    .then_with(|| x.cmp(y))
                    .then_with(|| a.cmp(b))
            }
            _ => a.cmp(b),
        };
        if order != Ordering::Equal {
            return order;
        }
        (one, other) = (rest_a, rest_b);
    }
}

/// The names of a map's entries in their natural order.
pub(crate) fn sorted<'a, T>(
    entries: impl IntoIterator<Item = (&'a String, &'a T)>,
) -> Vec<(&'a str, &'a T)> {
    let mut found: Vec<(&str, &T)> = entries
        .into_iter()
        .map(|(name, value)| (name.as_str(), value))
        .collect();
    found.sort_by(|(one, _), (other, _)| natural(one, other));
    found
}

/// Whether a name fits a pattern with `*` and `?`.
pub(crate) fn fits(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut p, mut n) = (0, 0);
    let mut star = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(one) if *one == '?' || *one == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((star_p, star_n)) => {
                    p = star_p + 1;
                    n = star_n + 1;
                    star = Some((star_p, star_n + 1));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|one| *one == '*')
}

fn chunk(text: &str) -> (&str, &str) {
    let digits = text.starts_with(|one: char| one.is_ascii_digit());
    let end = text
        .find(|one: char| one.is_ascii_digit() != digits)
        .unwrap_or(text.len());
    text.split_at(end)
}

fn is_number(text: &str) -> bool {
    text.starts_with(|one: char| one.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_order_by_value() {
        let mut names = ["a/10", "a/2", "b/1", "a10/0", "a2/0", "a"];
        names.sort_by(|one, other| natural(one, other));
        assert_eq!(names, ["a", "a2/0", "a10/0", "a/2", "a/10", "b/1"]);
    }

    #[test]
    fn patterns_fit() {
        assert!(fits("*", "anything"));
        assert!(fits("ha*/1?", "haproxy/12"));
        assert!(fits("a*b*c", "aXbYbZc"));
        assert!(!fits("a*b", "abc"));
        assert!(!fits("", "a"));
        assert!(fits("", ""));
    }
}
