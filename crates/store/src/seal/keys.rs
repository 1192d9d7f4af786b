//! The controller's key, and the data keys of models.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::hmac;
use lazuli_model::id::ModelId;
use sqlx::{PgConnection, query, query_scalar};

use super::cipher::{Cipher, KEY_LEN, SealError, Sealed};
use crate::convert::raw;
use crate::limit::Doing;
use crate::{StoreError, file};

/// The controller's key: it wraps data keys and seals the canary.
#[derive(Clone)]
pub struct Sealer(Arc<Cipher>);

/// A model's data key.
#[derive(Clone)]
pub struct DataKey {
    model: ModelId,
    cipher: Arc<Cipher>,
    checksums: Arc<hmac::Key>,
}

impl Sealer {
    /// With this key.
    ///
    /// # Errors
    ///
    /// Fails when the cipher does.
    pub fn new(key: &[u8; KEY_LEN]) -> Result<Self, SealError> {
        Ok(Self(Arc::new(Cipher::new(key)?)))
    }

    /// With the key in a file: 64 hexadecimal digits.
    ///
    /// # Errors
    ///
    /// Fails when the file cannot be read or holds something else.
    pub fn from_file(path: &Path) -> Result<Self, SealError> {
        let text = std::fs::read_to_string(path).map_err(|source| SealError::Unreadable {
            path: path.display().to_string(),
            source,
        })?;
        let mut key = [0; KEY_LEN];
        hex::decode_to_slice(text.trim(), &mut key).map_err(|_| SealError::NotAKey {
            path: path.display().to_string(),
        })?;
        Self::new(&key)
    }

    /// Makes a file with a new key, for its owner's eyes only. A file that is
    /// there is left alone.
    ///
    /// # Errors
    ///
    /// Fails when the file cannot be written.
    pub fn create_file(path: &Path) -> Result<(), SealError> {
        let unwritable = |source| SealError::Unreadable {
            path: path.display().to_string(),
            source,
        };
        let text = format!("{}\n", hex::encode(random()?));
        file::create(path, text.as_bytes())
            .map(drop)
            .map_err(unwritable)
    }

    pub(crate) fn seal(&self, place: &str, plain: &[u8]) -> Result<Sealed, SealError> {
        self.0.seal(place, plain)
    }

    pub(crate) fn open(&self, place: &str, sealed: &Sealed) -> Result<Vec<u8>, SealError> {
        self.0.open(place, sealed)
    }
}

impl DataKey {
    /// Seals something for a place, such as `effect <id>` or `secret <name>`.
    ///
    /// # Errors
    ///
    /// Fails when the cipher does.
    pub fn seal(&self, place: &str, plain: &[u8]) -> Result<Sealed, SealError> {
        self.cipher.seal(&self.place(place), plain)
    }

    /// Opens what was sealed for the same place.
    ///
    /// # Errors
    ///
    /// Fails when it was sealed for another place or model, or is damaged.
    pub fn open(&self, place: &str, sealed: &Sealed) -> Result<Vec<u8>, SealError> {
        self.cipher.open(&self.place(place), sealed)
    }

    /// Changes with what is to be sealed, and tells nothing of it to who does
    /// not have the key.
    pub(super) fn checksum(&self, place: &str, plain: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.checksums);
        context.update(self.place(place).as_bytes());
        context.update(&[0]);
        context.update(plain);
        hex::encode(context.sign())
    }

    fn with(model: ModelId, key: &[u8; KEY_LEN]) -> Result<Self, SealError> {
        // Another key than the cipher's.
        let own = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), b"checksums");
        Ok(Self {
            model,
            cipher: Arc::new(Cipher::new(key)?),
            checksums: Arc::new(hmac::Key::new(hmac::HMAC_SHA256, own.as_ref())),
        })
    }

    #[cfg(test)]
    pub(super) fn for_test() -> Self {
        Self::with(ModelId::nil(), &[7; KEY_LEN]).unwrap()
    }

    fn place(&self, place: &str) -> String {
        format!("model {}: {place}", self.model)
    }
}

/// The data key of a model, made when it has none yet.
pub(crate) async fn data_key(
    connection: &mut PgConnection,
    sealer: &Sealer,
    model: ModelId,
) -> Result<DataKey, StoreError> {
    let place = format!("data key of {model}");
    let wrapped = match read_wrapped(connection, model).await? {
        Some(wrapped) => wrapped,
        None => {
            let new = sealer.seal(&place, &random()?)?;
            query!(
                "insert into data_keys (model, wrapped) values ($1, $2) on conflict do nothing",
                raw(model),
                new.as_bytes(),
            )
            .execute(&mut *connection)
            .doing("store a data key")
            .await?;
            // Another replica may have been first: its key is the key.
            read_wrapped(connection, model)
                .await?
                .ok_or_else(|| StoreError::NotFound {
                    what: format!("model {model}"),
                })?
        }
    };
    let key = sealer.open(&place, &wrapped)?;
    let key: [u8; KEY_LEN] = key.try_into().map_err(|_| SealError::CannotOpen {
        what: place.clone(),
    })?;
    Ok(DataKey::with(model, &key)?)
}

async fn read_wrapped(
    connection: &mut PgConnection,
    model: ModelId,
) -> Result<Option<Sealed>, StoreError> {
    let wrapped = query_scalar!("select wrapped from data_keys where model = $1", raw(model))
        .fetch_optional(connection)
        .doing("read a data key")
        .await?;
    Ok(wrapped.map(Sealed::from_bytes))
}

fn random() -> Result<[u8; KEY_LEN], SealError> {
    let mut key = [0; KEY_LEN];
    aws_lc_rs::rand::fill(&mut key).map_err(|_| SealError::CannotSeal {
        what: "a new key".to_owned(),
    })?;
    Ok(key)
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer")
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataKey({})", self.model)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_file_is_made_once_for_its_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        assert!(Sealer::from_file(&path).is_err());
        Sealer::create_file(&path).unwrap();
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let sealed = Sealer::from_file(&path)
            .unwrap()
            .seal("here", b"secret")
            .unwrap();
        Sealer::create_file(&path).unwrap();
        let again = Sealer::from_file(&path).unwrap();
        assert_eq!(again.open("here", &sealed).unwrap(), b"secret");
        std::fs::write(&path, "not a key").unwrap();
        let error = Sealer::from_file(&path).unwrap_err().to_string();
        assert!(error.contains("64 hexadecimal digits"), "{error}");
    }
}
