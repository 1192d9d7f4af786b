//! Ids, keys and values of secrets.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a secret says: key to value in base64.
pub type SecretData = BTreeMap<String, String>;

/// The most of a value and of a whole secret, in bytes of base64 (Juju,
/// `core/secrets/createsecret.go`).
pub const SECRET_MAX: usize = 1_000_000;

/// The letters of an id.
const LETTERS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";

/// A secret's id: 96 bits that nobody can guess, shown as 20 letters like the
/// xid of Juju's URIs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SecretId([u8; 12]);

/// A text is not the URI or id of a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("secret URI {0:?} not valid")]
pub struct SecretIdError(String);

impl SecretId {
    /// The least one: where ranges begin.
    pub const MIN: Self = Self([0; 12]);

    /// An id of random bytes.
    #[must_use]
    pub fn from_random(bytes: [u8; 12]) -> Self {
        Self(bytes)
    }

    /// `secret:ID`.
    #[must_use]
    pub fn uri(self) -> String {
        format!("secret:{self}")
    }

    /// What contents of the secret are sealed for.
    #[must_use]
    pub fn place(self) -> String {
        format!("content of secret {self}")
    }
}

impl fmt::Display for SecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self
            .0
            .iter()
            .fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte))
            << 4;
        for n in (0..20).rev() {
            let letter = LETTERS[(bits_at(bytes, n)) as usize];
            write!(f, "{}", char::from(letter))?;
        }
        Ok(())
    }
}

fn bits_at(bits: u128, n: u32) -> u128 {
    bits >> (5 * n) & 31
}

impl fmt::Debug for SecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for SecretId {
    type Err = SecretIdError;

    /// Of `secret:ID`, `secret://MODEL/ID` or the bare id.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = || SecretIdError(text.to_owned());
        let id = match text.strip_prefix("secret:") {
            Some(rest) => rest.strip_prefix("//").map_or(rest, |path| {
                path.rsplit_once('/').map_or(path, |(_, id)| id)
            }),
            None => text,
        };
        if id.len() != 20 {
            return Err(refuse());
        }
        let mut bits = 0_u128;
        for letter in id.bytes() {
            let value = LETTERS.iter().position(|known| *known == letter);
            bits = bits << 5 | value.ok_or_else(refuse)? as u128;
        }
        let mut bytes = [0; 12];
        bytes.copy_from_slice(&(bits >> 4).to_be_bytes()[4..]);
        let id = Self(bytes);
        // The last letter has four bits to spare.
        (bits & 15 == 0).then_some(id).ok_or_else(refuse)
    }
}

impl TryFrom<String> for SecretId {
    type Error = SecretIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<SecretId> for String {
    fn from(id: SecretId) -> Self {
        id.to_string()
    }
}

/// Whether a key is one: letters, digits and single dashes, three at least,
/// a letter first.
#[must_use]
pub fn is_secret_key(key: &str) -> bool {
    let bytes = key.as_bytes();
    bytes.len() >= 3
        && bytes[0].is_ascii_lowercase()
        && bytes.last() != Some(&b'-')
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-')
        && !key.contains("--")
}

/// Why something is not the content of a secret, in Juju's words.
///
/// # Errors
/// When a key is malformed, or a value or all of them are too long.
pub fn check_secret(data: &SecretData) -> Result<(), String> {
    let mut total = 0;
    for (key, value) in data {
        if !is_secret_key(key) {
            return Err(format!("key {key:?} not valid"));
        }
        if value.len() > SECRET_MAX {
            return Err(format!(
                "secret content for key {key:?} too large: {} bytes",
                value.len()
            ));
        }
        total += value.len();
    }
    if total > SECRET_MAX {
        return Err(format!("secret content too large: {total} bytes"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_twenty_letters_and_come_back() {
        let id = SecretId::from_random([0xff, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0xab]);
        let text = id.to_string();
        assert_eq!(text.len(), 20);
        for form in [
            text.clone(),
            format!("secret:{text}"),
            format!("secret://m/{text}"),
        ] {
            assert_eq!(form.parse(), Ok(id), "{form}");
        }
        // One that Juju made.
        let known = "9m4e2mr0ui3e8a215n4g";
        assert_eq!(known.parse::<SecretId>().unwrap().to_string(), known);
        for bad in [
            "",
            "secret:",
            "x",
            "9m4e2mr0ui3e8a215n4z",
            "9m4e2mr0ui3e8a215n41",
        ] {
            assert_eq!(bad.parse::<SecretId>(), Err(SecretIdError(bad.to_owned())));
        }
    }

    #[test]
    fn keys_have_three_letters_at_least() {
        for key in ["abc", "a-b", "key0", "user-name"] {
            assert!(is_secret_key(key), "{key}");
        }
        for key in ["", "ab", "Abc", "1bc", "a--b", "ab-", "a_b"] {
            assert!(!is_secret_key(key), "{key}");
        }
    }

    #[test]
    fn contents_are_bounded() {
        let of = |size: usize| SecretData::from([("key".to_owned(), "x".repeat(size))]);
        assert_eq!(check_secret(&of(SECRET_MAX)), Ok(()));
        assert_eq!(
            check_secret(&of(SECRET_MAX + 1)),
            Err("secret content for key \"key\" too large: 1000001 bytes".to_owned())
        );
        let two = SecretData::from([
            ("one".to_owned(), "x".repeat(SECRET_MAX)),
            ("two".to_owned(), "x".to_owned()),
        ]);
        assert_eq!(
            check_secret(&two),
            Err("secret content too large: 1000001 bytes".to_owned())
        );
    }
}
