//! Secrets.

use reqwest::Method;

use super::http::with_query;
use super::{ClientError, ModelClient};
use crate::entity::Changed;
use crate::secret::{
    NewSecret, SecretAccessChange, SecretContent, SecretContentQuery, SecretInfo, SecretList,
    SecretRemoval, SecretUpdate,
};

impl ModelClient {
    /// `GET .../secrets`.
    ///
    /// # Errors
    ///
    /// Fails when the server does.
    pub async fn secrets(&self) -> Result<SecretList, ClientError> {
        self.get(&["secrets"], &()).await
    }

    /// `POST .../secrets`.
    ///
    /// # Errors
    ///
    /// Fails when the name is taken or the content is not valid.
    pub async fn add_secret(&self, new: &NewSecret) -> Result<Changed, ClientError> {
        self.write(Method::POST, &["secrets"], new).await
    }

    /// `GET .../secrets/{secret}`, by name, id or URI.
    ///
    /// # Errors
    ///
    /// Fails when there is no such secret.
    pub async fn secret(&self, secret: &str) -> Result<SecretInfo, ClientError> {
        self.get(&["secrets", secret], &()).await
    }

    /// `GET .../secrets/{secret}/content`, for administrators of the model.
    ///
    /// # Errors
    ///
    /// Fails when there is no such secret or revision.
    pub async fn secret_content(
        &self,
        secret: &str,
        revision: Option<u32>,
    ) -> Result<SecretContent, ClientError> {
        let query = SecretContentQuery { revision };
        self.get(&["secrets", secret, "content"], &query).await
    }

    /// `PATCH .../secrets/{secret}`.
    ///
    /// # Errors
    ///
    /// Fails when there is no such secret of users.
    pub async fn update_secret(
        &self,
        secret: &str,
        update: &SecretUpdate,
    ) -> Result<Changed, ClientError> {
        self.write(Method::PATCH, &["secrets", secret], update)
            .await
    }

    /// `DELETE .../secrets/{secret}`.
    ///
    /// # Errors
    ///
    /// Fails when there is no such secret of users.
    pub async fn remove_secret(
        &self,
        secret: &str,
        revision: Option<u32>,
    ) -> Result<Changed, ClientError> {
        let query = SecretRemoval {
            revision,
            dry_run: self.is_dry_run(),
        };
        let url = with_query(self.url(&["secrets", secret]), &query)?;
        let request = self.conditions(self.client.request(Method::DELETE, url));
        self.client.send(request).await
    }

    /// `PATCH .../secrets/{secret}/access`.
    ///
    /// # Errors
    ///
    /// Fails when there is no such secret of users, or no such application.
    pub async fn change_secret_access(
        &self,
        secret: &str,
        change: &SecretAccessChange,
    ) -> Result<Changed, ClientError> {
        self.write(Method::PATCH, &["secrets", secret, "access"], change)
            .await
    }
}
