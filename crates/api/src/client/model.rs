//! A model: its documents and settings.

use std::time::Duration;

use lazuli_model::document::ledger::Ledger;
use lazuli_model::document::status::Status;
use reqwest::header::{ETAG, HeaderMap, HeaderValue, IF_MATCH, IF_NONE_MATCH};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde::Serialize;

use super::http::with_query;
use super::{Client, ClientError};
use crate::application::{ConstraintsDocument, SetConstraints};
use crate::entity::{Changed, Removal, WriteQuery};
use crate::model::{
    AuthorizedKeys, ModelConfigChange, ModelConfigDocument, ModelInfo, SshKeys, StatusQuery,
};

/// Longer than the server makes anybody wait.
const LONG_POLL: Duration = Duration::from_secs(90);

/// What concerns one model. How it writes is set on it: [`Self::dry_run`],
/// [`Self::if_generation`], [`Self::idempotent`].
#[derive(Clone, Debug)]
pub struct ModelClient {
    pub(super) client: Client,
    pub(super) model: String,
    dry_run: bool,
    generation: Option<u64>,
    key: Option<HeaderValue>,
}

/// A status document, or that it is as it was.
#[derive(Clone, Debug, PartialEq)]
pub enum StatusAnswer {
    /// Nothing changed since the revision named.
    Unchanged,
    /// The document at this revision.
    Document {
        /// To be named the next time.
        revision: u64,
        /// The document.
        document: Box<Status>,
    },
}

impl ModelClient {
    /// `GET .../ledger`.
    ///
    /// # Errors
    ///
    /// Fails when the server does, or the cloud does not answer it.
    pub async fn ledger(&self) -> Result<Ledger, ClientError> {
        self.get(&["ledger"], &()).await
    }

    pub(super) fn new(client: Client, model: &str) -> Self {
        Self {
            client,
            model: model.to_owned(),
            dry_run: false,
            generation: None,
            key: None,
        }
    }

    /// Writes change nothing, and answer what they would.
    #[must_use]
    pub fn dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }

    /// Writes fail when desired state is past this generation.
    #[must_use]
    pub fn if_generation(mut self, generation: u64) -> Self {
        self.generation = Some(generation);
        self
    }

    /// The next POST is done once under this key, however often it is sent.
    ///
    /// # Errors
    ///
    /// Fails when the key is not printable ASCII.
    pub fn idempotent(mut self, key: &str) -> Result<Self, ClientError> {
        let key = HeaderValue::try_from(key)
            .map_err(|_| ClientError::SetUp("an idempotency key is printable ASCII".to_owned()))?;
        self.key = Some(key);
        Ok(self)
    }

    /// `GET /v1/models/{model}`.
    ///
    /// # Errors
    ///
    /// Fails when there is no such model, or it may not be seen.
    pub async fn info(&self) -> Result<ModelInfo, ClientError> {
        self.get(&[], &()).await
    }

    /// `DELETE /v1/models/{model}`: sets it dying.
    ///
    /// # Errors
    ///
    /// Fails when it may not be removed.
    pub async fn destroy(&self, how: &Removal) -> Result<Changed, ClientError> {
        self.remove(&[], how).await
    }

    /// `GET /v1/models/{model}/status`.
    ///
    /// # Errors
    ///
    /// Fails when the server does.
    pub async fn status(&self) -> Result<Status, ClientError> {
        self.get(&["status"], &()).await
    }

    /// `GET /v1/models/{model}/status`, unless it is still at `known`.
    ///
    /// # Errors
    ///
    /// Fails when the server does.
    pub async fn status_if_changed(
        &self,
        known: Option<u64>,
        query: &StatusQuery,
    ) -> Result<StatusAnswer, ClientError> {
        let mut headers = HeaderMap::new();
        if let Some(known) = known {
            headers.insert(IF_NONE_MATCH, tag('r', known));
        }
        let url = with_query(self.url(&["status"]), query)?;
        let response = self.client.get_response(url, headers, LONG_POLL).await?;
        if response.status() == StatusCode::NOT_MODIFIED {
            return Ok(StatusAnswer::Unchanged);
        }
        let revision = response.headers().get(ETAG).and_then(revision);
        let revision =
            revision.ok_or_else(|| self.client.unexpected(response.url().path(), "no ETag"))?;
        Ok(StatusAnswer::Document {
            revision,
            document: Box::new(self.client.json(response).await?),
        })
    }

    /// `GET /v1/models/{model}/config`.
    ///
    /// # Errors
    ///
    /// Fails when the server does.
    pub async fn config(&self) -> Result<ModelConfigDocument, ClientError> {
        self.get(&["config"], &()).await
    }

    /// `PATCH /v1/models/{model}/config`.
    ///
    /// # Errors
    ///
    /// Fails on keys and values that are none.
    pub async fn change_config(&self, change: &ModelConfigChange) -> Result<Changed, ClientError> {
        self.write(Method::PATCH, &["config"], change).await
    }

    /// `GET /v1/models/{model}/constraints`.
    ///
    /// # Errors
    ///
    /// Fails when the server does.
    pub async fn constraints(&self) -> Result<ConstraintsDocument, ClientError> {
        self.get(&["constraints"], &()).await
    }

    /// `PUT /v1/models/{model}/constraints`.
    ///
    /// # Errors
    ///
    /// Fails on constraints that are none.
    pub async fn set_constraints(&self, constraints: &str) -> Result<Changed, ClientError> {
        let body = SetConstraints {
            constraints: constraints.to_owned(),
        };
        self.write(Method::PUT, &["constraints"], &body).await
    }

    /// `GET /v1/models/{model}/ssh-keys`.
    ///
    /// # Errors
    ///
    /// Fails when the server does.
    pub async fn ssh_keys(&self) -> Result<SshKeys, ClientError> {
        self.get(&["ssh-keys"], &()).await
    }

    /// `POST /v1/models/{model}/ssh-keys`: adds some.
    ///
    /// # Errors
    ///
    /// Fails on keys that are none.
    pub async fn add_ssh_keys(&self, keys: &AuthorizedKeys) -> Result<Changed, ClientError> {
        self.write(Method::POST, &["ssh-keys"], keys).await
    }

    /// `PUT /v1/models/{model}/ssh-keys`: replaces all.
    ///
    /// # Errors
    ///
    /// Fails on keys that are none.
    pub async fn set_ssh_keys(&self, keys: &AuthorizedKeys) -> Result<Changed, ClientError> {
        self.write(Method::PUT, &["ssh-keys"], keys).await
    }

    pub(super) fn url(&self, segments: &[&str]) -> url::Url {
        let mut all = vec!["models", &self.model];
        all.extend(segments);
        self.client.url(&all)
    }

    pub(super) async fn get<T: serde::de::DeserializeOwned>(
        &self,
        segments: &[&str],
        query: &impl Serialize,
    ) -> Result<T, ClientError> {
        let mut all = vec!["models", &self.model];
        all.extend(segments);
        self.client.get(&all, query).await
    }

    pub(super) async fn write(
        &self,
        method: Method,
        segments: &[&str],
        body: &impl Serialize,
    ) -> Result<Changed, ClientError> {
        let url = self.write_url(segments)?;
        self.client
            .send(self.conditions(self.client.request(method, url)).json(body))
            .await
    }

    pub(super) async fn remove(
        &self,
        segments: &[&str],
        how: &Removal,
    ) -> Result<Changed, ClientError> {
        let how = Removal {
            dry_run: how.dry_run || self.dry_run,
            ..*how
        };
        let url = with_query(self.url(segments), &how)?;
        let request = self.conditions(self.client.request(Method::DELETE, url));
        self.client.send(request).await
    }

    pub(super) fn write_url(&self, segments: &[&str]) -> Result<url::Url, ClientError> {
        let query = WriteQuery {
            dry_run: self.dry_run,
        };
        with_query(self.url(segments), &query)
    }

    pub(super) fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    pub(super) fn conditions(&self, request: RequestBuilder) -> RequestBuilder {
        let mut headers = HeaderMap::new();
        if let Some(generation) = self.generation {
            headers.insert(IF_MATCH, tag('g', generation));
        }
        if let Some(key) = &self.key {
            headers.insert("idempotency-key", key.clone());
        }
        request.headers(headers)
    }
}

/// An entity tag: `"g5"` for a generation, `"r17"` for a revision.
fn tag(kind: char, number: u64) -> HeaderValue {
    HeaderValue::try_from(format!("\"{kind}{number}\""))
        .unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

fn revision(tag: &HeaderValue) -> Option<u64> {
    let text = tag.to_str().ok()?.trim_start_matches("W/");
    text.strip_prefix("\"r")?.strip_suffix('"')?.parse().ok()
}
