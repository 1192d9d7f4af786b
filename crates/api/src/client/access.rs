//! Who may do what with a model.

use reqwest::Method;

use super::{ClientError, ModelClient};
use crate::model::{AccessGrant, AccessLevel, AccessList};

impl ModelClient {
    /// `GET /v1/models/{model}/access`.
    ///
    /// # Errors
    ///
    /// Fails for all but the model's administrators.
    pub async fn access(&self) -> Result<AccessList, ClientError> {
        self.get(&["access"], &()).await
    }

    /// `PUT /v1/models/{model}/access/{user}`.
    ///
    /// # Errors
    ///
    /// Fails when there is no such user.
    pub async fn grant(&self, user: &str, access: AccessLevel) -> Result<(), ClientError> {
        let url = self.url(&["access", user]);
        let request = self.client.request(Method::PUT, url);
        self.client
            .send_empty(request.json(&AccessGrant { access }))
            .await
    }

    /// `DELETE /v1/models/{model}/access/{user}`.
    ///
    /// # Errors
    ///
    /// Fails when there is no such user.
    pub async fn revoke(&self, user: &str) -> Result<(), ClientError> {
        let url = self.url(&["access", user]);
        self.client
            .send_empty(self.client.request(Method::DELETE, url))
            .await
    }
}
