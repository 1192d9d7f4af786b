//! SSH keys: the controller's identity and the machines' host keys. Only
//! ed25519; private halves are never shown.

use std::fmt;
use std::sync::Arc;

use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::ssh_key::{self, LineEnding};
use russh::keys::{Algorithm, HashAlg, PrivateKey, PublicKey};

use crate::error::HostError;

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
///
/// # Errors
/// [`HostError::Key`] when the key cannot be encoded.
pub fn generate(comment: &str) -> Result<KeyPair, HostError> {
    let failed = |cause| HostError::Key {
        what: "a key that was just made".to_owned(),
        cause,
    };
    let comment: String = comment
        .chars()
        .map(|c| if c.is_ascii_graphic() { c } else { '-' })
        .collect();
    let mut key = PrivateKey::from(Ed25519Keypair::from_seed(&rand::random::<[u8; 32]>()));
    key.set_comment(comment);
    let private = key.to_openssh(LineEnding::LF).map_err(failed)?;
    Ok(KeyPair {
        private: Secret(private.to_string()),
        public: key.public_key().to_openssh().map_err(failed)?,
    })
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
    /// [`HostError::Key`] when it is anything else.
    pub fn from_pem(pem: &str) -> Result<Self, HostError> {
        let failed = |cause| HostError::Key {
            what: "the controller's SSH identity".to_owned(),
            cause,
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
    /// [`HostError::Key`] when it cannot be encoded.
    pub fn public(&self) -> Result<String, HostError> {
        self.key
            .public_key()
            .to_openssh()
            .map_err(|cause| HostError::Key {
                what: "the controller's SSH identity".to_owned(),
                cause,
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
pub(crate) fn host_keys(lines: &[String]) -> Result<Vec<PublicKey>, HostError> {
    let read = |line: &String| {
        PublicKey::from_openssh(line).map_err(|cause| HostError::Key {
            what: format!("the pinned host key {line:?}"),
            cause,
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
        let pair = generate("m-0 g1\n").unwrap();
        assert!(pair.public.starts_with("ssh-ed25519 "), "{}", pair.public);
        assert!(pair.public.ends_with(" m-0-g1-"), "{}", pair.public);
        let identity = Identity::from_pem(pair.private.expose()).unwrap();
        assert_eq!(identity.public().unwrap(), pair.public);
        assert_ne!(generate("m").unwrap().public, generate("m").unwrap().public);
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
            let error = Identity::from_pem(text).unwrap_err();
            assert!(matches!(error, HostError::Key { .. }), "{error}");
        }
    }
}
