//! SSH keys: ed25519, made here, in OpenSSH's formats.

use std::fmt;
use std::sync::Arc;

use russh::keys::ssh_key::LineEnding;
use russh::keys::{Algorithm, PrivateKey};

use crate::error::HostError;

/// A pair of keys.
#[derive(Clone, Debug)]
pub struct KeyPair {
    /// The private half, in OpenSSH's PEM.
    pub private: PrivatePem,
    /// The public half, one-line form.
    pub public: String,
}

/// A private key in OpenSSH's PEM, which never shows itself.
#[derive(Clone)]
pub struct PrivatePem(String);

impl PrivatePem {
    /// The text.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PrivatePem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivatePem(..)")
    }
}

/// Makes a pair; `comment` stands at the end of the public half.
///
/// # Errors
/// When the system gives no randomness.
pub fn generate(comment: &str) -> Result<KeyPair, HostError> {
    let failed = |error: &dyn fmt::Display| HostError::machine(format!("make an SSH key: {error}"));
    let mut key =
        PrivateKey::random(&mut rand::rng(), Algorithm::Ed25519).map_err(|error| failed(&error))?;
    key.set_comment(comment);
    let private = key
        .to_openssh(LineEnding::LF)
        .map_err(|error| failed(&error))?;
    let public = key
        .public_key()
        .to_openssh()
        .map_err(|error| failed(&error))?;
    Ok(KeyPair {
        private: PrivatePem(private.to_string()),
        public,
    })
}

/// The identity that the controller logs in with.
#[derive(Clone)]
pub struct Identity(pub(crate) Arc<PrivateKey>);

impl Identity {
    /// Reads a private key in OpenSSH's PEM.
    ///
    /// # Errors
    /// When it is not one, or is protected by a passphrase.
    pub fn from_pem(pem: &str) -> Result<Self, HostError> {
        PrivateKey::from_openssh(pem)
            .map(|key| Self(Arc::new(key)))
            .map_err(|error| HostError::machine(format!("read the SSH identity: {error}")))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(..)")
    }
}
