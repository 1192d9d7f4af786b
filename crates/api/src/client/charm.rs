//! Charms.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;

use super::{ClientError, ModelClient};
use crate::charm::{CharmAdded, CharmList};

/// How long an upload may take.
const UPLOAD: Duration = Duration::from_secs(30 * 60);

impl ModelClient {
    /// `POST /v1/models/{model}/charms`: uploads an archive.
    ///
    /// # Errors
    ///
    /// Fails when the archive is no charm, with what is wrong with it.
    pub async fn add_charm(&self, archive: impl Into<Bytes>) -> Result<CharmAdded, ClientError> {
        self.upload(reqwest::Body::from(archive.into())).await
    }

    /// As [`Self::add_charm`], from a stream.
    ///
    /// # Errors
    ///
    /// Fails when the archive is no charm, or cannot be read.
    pub async fn add_charm_stream(
        &self,
        archive: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    ) -> Result<CharmAdded, ClientError> {
        self.upload(reqwest::Body::wrap_stream(archive)).await
    }

    async fn upload(&self, body: reqwest::Body) -> Result<CharmAdded, ClientError> {
        let url = self.write_url(&["charms"])?;
        let request = self
            .conditions(self.client.request(Method::POST, url))
            .header(CONTENT_TYPE, "application/zip")
            .timeout(UPLOAD)
            .body(body);
        let response = self.client.send_unread(request).await?;
        self.client.json(response).await
    }

    /// `GET /v1/models/{model}/charms`.
    ///
    /// # Errors
    ///
    /// Fails when the server does.
    pub async fn charms(&self) -> Result<CharmList, ClientError> {
        self.get(&["charms"], &()).await
    }
}
