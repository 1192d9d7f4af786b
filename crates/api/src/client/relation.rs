//! Relations.

use reqwest::Method;

use super::http::with_query;
use super::{ClientError, ModelClient};
use crate::entity::{Changed, Removal};
use crate::relation::{Integrate, RelationInfo, RelationList, RelationQuery};

impl ModelClient {
    /// `GET .../relations`.
    ///
    /// # Errors
    ///
    /// Fails when the server does.
    pub async fn relations(&self) -> Result<RelationList, ClientError> {
        self.get(&["relations"], &()).await
    }

    /// `GET .../relations/{relation}`.
    ///
    /// # Errors
    ///
    /// Fails when there is no such relation.
    pub async fn relation(&self, id: u64) -> Result<RelationInfo, ClientError> {
        self.get(&["relations", &id.to_string()], &()).await
    }

    /// `POST .../relations`.
    ///
    /// # Errors
    ///
    /// Fails when nothing or more than one thing fits, in Juju's words.
    pub async fn integrate(&self, one: &str, other: &str) -> Result<Changed, ClientError> {
        let body = Integrate {
            endpoints: vec![one.to_owned(), other.to_owned()],
        };
        self.write(Method::POST, &["relations"], &body).await
    }

    /// `DELETE .../relations/{relation}`.
    ///
    /// # Errors
    ///
    /// Fails when there is no such relation, or it is one of peers.
    pub async fn remove_relation(&self, id: u64, how: &Removal) -> Result<Changed, ClientError> {
        self.remove(&["relations", &id.to_string()], how).await
    }

    /// `DELETE .../relations?endpoints=`.
    ///
    /// # Errors
    ///
    /// Fails when there is no such relation, or more than one fits.
    pub async fn remove_relation_between(
        &self,
        one: &str,
        other: &str,
        how: &Removal,
    ) -> Result<Changed, ClientError> {
        let query = RelationQuery {
            endpoints: format!("{one},{other}"),
            force: how.force,
            dry_run: how.dry_run || self.is_dry_run(),
        };
        let url = with_query(self.url(&["relations"]), &query)?;
        let request = self.conditions(self.client.request(Method::DELETE, url));
        self.client.send(request).await
    }
}
