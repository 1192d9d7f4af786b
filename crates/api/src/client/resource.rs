//! Resources.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use tokio::io::AsyncReadExt as _;
use tokio_util::io::ReaderStream;

use super::http::with_query;
use super::{ClientError, ModelClient};
use crate::Changed;
use crate::resource::{AttachResource, ResourceList, UploadQuery, Uploaded};

/// How long an upload may take.
const UPLOAD: Duration = Duration::from_secs(2 * 3600);
/// Bytes that are read and sent at once.
const PART: usize = 256 << 10;

impl ModelClient {
    /// `POST /v1/models/{model}/uploads`: sends a file, piece by piece.
    ///
    /// # Errors
    ///
    /// Fails when it is too large for the server.
    pub async fn upload_resource(
        &self,
        filename: &str,
        file: tokio::fs::File,
        size: u64,
    ) -> Result<Uploaded, ClientError> {
        let query = UploadQuery {
            filename: filename.to_owned(),
        };
        let url = with_query(self.url(&["uploads"]), &query)?;
        let parts = ReaderStream::with_capacity(file.take(size), PART);
        let request = self
            .client
            .request(Method::POST, url)
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CONTENT_LENGTH, size)
            .timeout(UPLOAD)
            .body(reqwest::Body::wrap_stream(parts));
        let response = self.client.send_unread(request).await?;
        self.client.json(response).await
    }

    /// `GET .../applications/{application}/resources`.
    ///
    /// # Errors
    ///
    /// Fails when there is no such application.
    pub async fn resources(&self, application: &str) -> Result<ResourceList, ClientError> {
        self.get(&["applications", application, "resources"], &())
            .await
    }

    /// `PUT .../applications/{application}/resources/{resource}`.
    ///
    /// # Errors
    ///
    /// Fails when the charm has no such resource.
    pub async fn attach_resource(
        &self,
        application: &str,
        resource: &str,
        upload: &str,
    ) -> Result<Changed, ClientError> {
        let body = AttachResource {
            upload: upload.to_owned(),
        };
        let path = ["applications", application, "resources", resource];
        self.write(Method::PUT, &path, &body).await
    }
}
