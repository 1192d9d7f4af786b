//! One key, one sealing.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};

/// The first byte of everything sealed: says how.
const VERSION: u8 = 1;

/// Bytes of a key.
pub(crate) const KEY_LEN: usize = 32;

/// Something sealed: version, nonce, ciphertext and tag.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

/// Why something could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The file of the key cannot be read.
    #[error("failed to read the controller's key from {path}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The file holds something else.
    #[error("{path} is not a key: it should hold 64 hexadecimal digits")]
    NotAKey {
        /// The file.
        path: String,
    },
    /// The database was set up with another key.
    #[error(
        "the controller's key does not open what is sealed in this database: \
         start with the key that the controller was initialised with"
    )]
    WrongKey,
    /// Sealed with another key or for another place, or damaged.
    #[error("{what} cannot be opened: sealed with another key, or damaged")]
    CannotOpen {
        /// What it is.
        what: String,
    },
    /// The cipher or the random generator failed.
    #[error("failed to seal {what}")]
    CannotSeal {
        /// What it is.
        what: String,
    },
}

impl Sealed {
    /// From the bytes that [`Sealed::as_bytes`] gave.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

/// A key that seals and opens.
pub(crate) struct Cipher(RandomizedNonceKey);

impl Cipher {
    pub(crate) fn new(key: &[u8; KEY_LEN]) -> Result<Self, SealError> {
        RandomizedNonceKey::new(&AES_256_GCM, key)
            .map(Self)
            .map_err(|_| SealError::CannotSeal {
                what: "with this key".to_owned(),
            })
    }

    pub(crate) fn seal(&self, place: &str, plain: &[u8]) -> Result<Sealed, SealError> {
        let mut text = plain.to_vec();
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::from(place.as_bytes()), &mut text)
            .map_err(|_| SealError::CannotSeal {
                what: place.to_owned(),
            })?;
        let mut sealed = Vec::with_capacity(1 + NONCE_LEN + text.len());
        sealed.push(VERSION);
        sealed.extend_from_slice(nonce.as_ref());
        sealed.extend_from_slice(&text);
        Ok(Sealed(sealed))
    }

    pub(crate) fn open(&self, place: &str, sealed: &Sealed) -> Result<Vec<u8>, SealError> {
        self.try_open(place, &sealed.0)
            .ok_or_else(|| SealError::CannotOpen {
                what: place.to_owned(),
            })
    }

    fn try_open(&self, place: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (version, rest) = sealed.split_first()?;
        let (nonce, text) = rest.split_at_checked(NONCE_LEN)?;
        if *version != VERSION {
            return None;
        }
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = text.to_vec();
        let length = self
            .0
            .open_in_place(nonce, Aad::from(place.as_bytes()), &mut text)
            .ok()?
            .len();
        text.truncate(length);
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_in_its_place_alone() {
        let cipher = Cipher::new(&[7; KEY_LEN]).unwrap();
        let sealed = cipher.seal("here", b"secret").unwrap();
        assert_eq!(cipher.open("here", &sealed).unwrap(), b"secret");
        assert!(cipher.open("there", &sealed).is_err());
        let other = Cipher::new(&[8; KEY_LEN]).unwrap();
        assert!(other.open("here", &sealed).is_err());
    }

    #[test]
    fn damage_is_an_error_and_never_a_panic() {
        let cipher = Cipher::new(&[7; KEY_LEN]).unwrap();
        let sealed = cipher.seal("here", b"secret").unwrap();
        for cut in 0..sealed.as_bytes().len() {
            let part = Sealed::from_bytes(sealed.as_bytes()[..cut].to_vec());
            assert!(cipher.open("here", &part).is_err());
        }
        for at in 0..sealed.as_bytes().len() {
            let mut bytes = sealed.as_bytes().to_vec();
            bytes[at] ^= 1;
            assert!(cipher.open("here", &Sealed::from_bytes(bytes)).is_err());
        }
    }

    #[test]
    fn sealing_twice_gives_different_bytes() {
        let cipher = Cipher::new(&[7; KEY_LEN]).unwrap();
        assert_ne!(
            cipher.seal("here", b"secret").unwrap(),
            cipher.seal("here", b"secret").unwrap()
        );
    }
}
