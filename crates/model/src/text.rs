//! What the text forms of this crate share: serde through a type's string form, natural order, bounded quotes.

use std::cmp::Ordering;

/// Serialises a type as its `Display` text and reads it back with `FromStr`, so that what is read is validated.
macro_rules! serde_as_text {
    ($($type:ty),+ $(,)?) => {$(
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}
pub(crate) use serde_as_text;

/// The longest part of a user's text that an error repeats, in bytes.
const QUOTED: usize = 128;

/// Cuts `text` to what an error may repeat, so that errors stay small whatever was given.
pub(crate) fn excerpt(text: &str) -> String {
    if text.len() <= QUOTED {
        return text.to_owned();
    }
    let mut end = QUOTED;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}

/// Orders texts as people do: runs of digits compare as numbers (`app/2` before `app/10`).
///
/// Texts that differ only in leading zeros compare as bytes, so the order is total and agrees with equality.
///
/// ```
/// use lazuli_model::natural_cmp;
/// let mut units = ["app/10", "app/2", "app/1"];
/// units.sort_by(|a, b| natural_cmp(a, b));
/// assert_eq!(units, ["app/1", "app/2", "app/10"]);
/// ```
pub fn natural_cmp(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.as_bytes(), b.as_bytes());
    while let (Some(&x), Some(&y)) = (left.first(), right.first()) {
        if x.is_ascii_digit() && y.is_ascii_digit() {
            let (m, n) = (digits(left), digits(right));
            // Without leading zeros the longer number is the larger; numbers of one length compare as bytes.
            let order = m.len().cmp(&n.len()).then_with(|| m.cmp(n));
            if order != Ordering::Equal {
                return order;
            }
            left = after_digits(left);
            right = after_digits(right);
        } else if x == y {
            left = &left[1..];
            right = &right[1..];
        } else {
            return x.cmp(&y);
        }
    }
    left.len().cmp(&right.len()).then_with(|| a.cmp(b))
}

fn digits(text: &[u8]) -> &[u8] {
    let run = &text[..text.len() - after_digits(text).len()];
    let zeros = run.iter().take_while(|byte| **byte == b'0').count();
    &run[zeros..]
}

fn after_digits(text: &[u8]) -> &[u8] {
    let end = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    &text[end..]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn natural_order_is_total(a in "[a-c/0-9-]{0,8}", b in "[a-c/0-9-]{0,8}", c in "[a-c/0-9-]{0,8}") {
            prop_assert_eq!(natural_cmp(&a, &b), natural_cmp(&b, &a).reverse());
            prop_assert_eq!(natural_cmp(&a, &b) == Ordering::Equal, a == b);
            if natural_cmp(&a, &b) != Ordering::Greater && natural_cmp(&b, &c) != Ordering::Greater {
                prop_assert_ne!(natural_cmp(&a, &c), Ordering::Greater);
            }
        }
    }

    #[test]
    fn excerpts_are_short_and_whole_characters() {
        assert_eq!(excerpt("short"), "short");
        let long = excerpt(&"é".repeat(500));
        assert!(long.len() <= QUOTED + 3 && long.ends_with('…'));
    }
}
