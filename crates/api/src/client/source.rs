//! Charms by name.

use std::time::Duration;

use futures::{Stream, TryStreamExt as _};
use reqwest::Method;

use super::http::with_query;
use super::{Client, ClientError, ModelClient};
use crate::source::{Choice, FindQuery, NamedAdded, NamedCharm, StoreCharmInfo, StoreCharms};

/// How long the server may take to fetch a charm and its resources.
const FETCH: Duration = Duration::from_secs(2 * 3600);

impl Client {
    /// `GET /v1/charms`.
    ///
    /// # Errors
    ///
    /// Fails when the store cannot be asked.
    pub async fn find_charms(&self, query: &str) -> Result<StoreCharms, ClientError> {
        let query = FindQuery {
            q: query.to_owned(),
        };
        self.get(&["charms"], &query).await
    }

    /// `GET /v1/charms/{charm}`.
    ///
    /// # Errors
    ///
    /// Fails when there is no such charm.
    pub async fn charm_info(&self, name: &str) -> Result<StoreCharmInfo, ClientError> {
        self.get(&["charms", name], &()).await
    }

    /// `GET /v1/charms/{charm}/archive`: the archive's revision, the sha-256
    /// that it has to have, and its bytes.
    ///
    /// # Errors
    ///
    /// Fails when there is no such charm.
    pub async fn charm_archive(
        &self,
        name: &str,
        choice: &Choice,
    ) -> Result<
        (
            u32,
            String,
            impl Stream<Item = Result<bytes::Bytes, ClientError>> + use<>,
        ),
        ClientError,
    > {
        let url = with_query(self.url(&["charms", name, "archive"]), choice)?;
        let request = self.request(Method::GET, url).timeout(FETCH);
        let response = self.send_unread(request).await?;
        let header = |name: &str| {
            let value = response.headers().get(name);
            value.and_then(|value| value.to_str().ok())
        };
        let revision = header("lazuli-charm-revision").and_then(|text| text.parse().ok());
        let sha256 = header("lazuli-charm-sha256").map(str::to_owned);
        let (Some(revision), Some(sha256)) = (revision, sha256) else {
            return Err(self.unexpected(response.url().path(), "it does not say what it is"));
        };
        let client = self.clone();
        let parts = response
            .bytes_stream()
            .map_err(move |error| client.failed(error));
        Ok((revision, sha256, parts))
    }
}

impl ModelClient {
    /// `POST /v1/models/{model}/charms/named`.
    ///
    /// # Errors
    ///
    /// Fails when there is no such charm, or the store cannot be asked.
    pub async fn add_named_charm(&self, charm: &NamedCharm) -> Result<NamedAdded, ClientError> {
        let url = self.write_url(&["charms", "named"])?;
        let request = self
            .conditions(self.client.request(Method::POST, url))
            .json(charm)
            .timeout(FETCH);
        let response = self.client.send_unread(request).await?;
        self.client.json(response).await
    }
}
