//! SSH keys: the controller's identity and the machines' host keys. Only
//! ed25519; private halves are never shown.

use std::fmt;
use std::sync::Arc;

use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::ssh_key::{self, LineEnding};
use russh::keys::{Algorithm, HashAlg, PrivateKey, PublicKey};

use crate::error::Error;

/// The text of a private key. It shows itself to nobody.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// The text, to be written where it belongs.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// A fresh pair, for an identity or a machine's host key.
#[derive(Clone, Debug)]
pub struct KeyPair {
    /// The private half in OpenSSH's format.
    pub private: Secret,
    /// The public half as one line: `ssh-ed25519 BASE64 COMMENT`.
    pub public: String,
}

/// Makes an ed25519 pair. The comment's blanks and control characters become
/// dashes.
#[must_use]
#[expect(
    clippy::expect_used,
    reason = "encoding a well-formed ed25519 key into memory cannot fail"
)]
pub fn generate(comment: &str) -> KeyPair {
    let comment: String = comment
        .chars()
        .map(|c| if c.is_ascii_graphic() { c } else { '-' })
        .collect();
    let mut key = PrivateKey::from(Ed25519Keypair::from_seed(&rand::random::<[u8; 32]>()));
    key.set_comment(comment);
    let private = key.to_openssh(LineEnding::LF).expect("encode a key");
    KeyPair {
        private: Secret(private.to_string()),
        public: key.public_key().to_openssh().expect("encode a key"),
    }
}

/// Who the controller is to machines: an ed25519 private key.
#[derive(Clone)]
pub struct Identity {
    key: Arc<PrivateKey>,
}

impl Identity {
    /// Reads a private key in OpenSSH's format, without passphrase.
    ///
    /// # Errors
    /// [`Error::Key`] when it is anything else.
    pub fn from_openssh(pem: &str) -> Result<Self, Error> {
        let failed = |source| Error::Key {
            what: "the controller's SSH identity".to_owned(),
            source,
        };
        let key = PrivateKey::from_openssh(pem).map_err(failed)?;
        if key.is_encrypted() || key.algorithm() != Algorithm::Ed25519 {
            return Err(failed(ssh_key::Error::AlgorithmUnknown));
        }
        Ok(Self { key: Arc::new(key) })
    }

    /// The public half as one line, for `authorized_keys`.
    ///
    /// # Errors
    /// [`Error::Key`] when it cannot be encoded.
    pub fn public(&self) -> Result<String, Error> {
        self.key
            .public_key()
            .to_openssh()
            .map_err(|source| Error::Key {
                what: "the controller's SSH identity".to_owned(),
                source,
            })
    }

    pub(crate) fn key(&self) -> Arc<PrivateKey> {
        Arc::clone(&self.key)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", fingerprint(self.key.public_key()))
    }
}

/// Reads pinned host keys from their one-line form.
pub(crate) fn host_keys(lines: &[String]) -> Result<Vec<PublicKey>, Error> {
    let read = |line: &String| {
        PublicKey::from_openssh(line).map_err(|source| Error::Key {
            what: format!("the pinned host key {line:?}"),
            source,
        })
    };
    lines.iter().map(read).collect()
}

/// The fingerprint as OpenSSH shows it.
pub(crate) fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_readable_distinct_and_never_shown() {
        let pair = generate("m-0 g1\n");
        assert!(pair.public.starts_with("ssh-ed25519 "), "{}", pair.public);
        assert!(pair.public.ends_with(" m-0-g1-"), "{}", pair.public);
        let identity = Identity::from_openssh(pair.private.expose()).unwrap();
        assert_eq!(identity.public().unwrap(), pair.public);
        assert_ne!(generate("m").public, generate("m").public);
        let shown = format!("{pair:?} {identity:?}");
        assert!(!shown.contains("PRIVATE"), "{shown}");
        let body = pair.private.expose().lines().nth(2).unwrap();
        assert!(!shown.contains(body), "{shown}");
    }

    #[test]
    fn other_texts_are_no_identity() {
        for text in [
            "",
            "-----BEGIN OPENSSH PRIVATE KEY-----",
            "ssh-ed25519 AAAA",
        ] {
            let error = Identity::from_openssh(text).unwrap_err();
            assert!(matches!(error, Error::Key { .. }), "{error}");
        }
    }
}
