//! What secrets say, sealed and opened.

use std::sync::Arc;

use lazuli_model::secret::{SecretData, SecretId};
use lazuli_model::state::SealedContent;

use super::cipher::{SealError, Sealed};
use super::keys::DataKey;

impl DataKey {
    /// Seals what a secret says.
    ///
    /// # Errors
    ///
    /// Fails when the cipher does.
    pub fn seal_content(
        &self,
        id: SecretId,
        data: &SecretData,
    ) -> Result<SealedContent, SealError> {
        let place = id.place();
        let plain = serde_json::to_vec(data).map_err(|_| SealError::CannotSeal {
            what: place.clone(),
        })?;
        Ok(SealedContent {
            sealed: Arc::new(self.seal(&place, &plain)?.as_bytes().to_vec()),
            checksum: self.checksum(&place, &plain),
        })
    }

    /// Opens what a secret says.
    ///
    /// # Errors
    ///
    /// Fails when it was sealed for another secret or model, or is damaged.
    pub fn open_content(
        &self,
        id: SecretId,
        content: &SealedContent,
    ) -> Result<SecretData, SealError> {
        let place = id.place();
        let plain = self.open(&place, &Sealed::from_bytes(content.sealed.as_ref().clone()))?;
        serde_json::from_slice(&plain).map_err(|_| SealError::CannotOpen { what: place })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_opens_for_its_secret_alone() {
        let key = DataKey::for_test();
        let id = SecretId::from_random([1; 12]);
        let other = SecretId::from_random([2; 12]);
        let data = SecretData::from([("token".to_owned(), "aHVudGVyMg==".to_owned())]);
        let content = key.seal_content(id, &data).unwrap();
        assert_eq!(key.open_content(id, &content).unwrap(), data);
        assert!(key.open_content(other, &content).is_err());
        // The same content has the same checksum, within its secret alone.
        let again = key.seal_content(id, &data).unwrap();
        assert_eq!(content.checksum, again.checksum);
        assert_ne!(content.sealed, again.sealed);
        let elsewhere = key.seal_content(other, &data).unwrap();
        assert_ne!(content.checksum, elsewhere.checksum);
    }
}
