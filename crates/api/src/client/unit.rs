//! Units.

use lazuli_model::document::unit::ShowUnit;
use reqwest::Method;

use super::{ClientError, ModelClient};
use crate::entity::{Changed, Removal};
use crate::unit::Resolved;

impl ModelClient {
    /// `GET .../units/{unit}`, with its relation data.
    ///
    /// # Errors
    ///
    /// Fails when there is no such unit.
    pub async fn unit(&self, name: &str) -> Result<ShowUnit, ClientError> {
        self.get(&["units", name], &()).await
    }

    /// `DELETE .../units/{unit}`.
    ///
    /// # Errors
    ///
    /// Fails when there is no such unit, or it is a subordinate.
    pub async fn remove_unit(&self, name: &str, how: &Removal) -> Result<Changed, ClientError> {
        self.remove(&["units", name], how).await
    }

    /// `POST .../units/{unit}/resolved`.
    ///
    /// # Errors
    ///
    /// Fails when the unit is not in error.
    pub async fn resolved(&self, name: &str, retry: bool) -> Result<Changed, ClientError> {
        self.write(
            Method::POST,
            &["units", name, "resolved"],
            &Resolved { retry },
        )
        .await
    }
}
