//! Bodies, queries and conditions.

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use futures::StreamExt as _;
use http::header::{CONTENT_TYPE, IF_MATCH};
use http::{HeaderMap, Method, Uri};
use lazuli_api::Code;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use tokio::time::{Duration, timeout};

use crate::app::App;
use crate::error::Error;

/// Bytes of a JSON body.
const LARGEST_BODY: usize = 4 << 20;
/// How long a JSON body may take to arrive: a slow client must not hold what others wait for.
const RECEIVING: Duration = Duration::from_secs(60);
/// Bytes of an idempotency key.
const LONGEST_KEY: usize = 255;

/// A JSON body, and a digest of the request for idempotency keys.
pub(crate) struct Body<T> {
    /// What was sent.
    pub(crate) value: T,
    /// Of method, path, query and body.
    pub(crate) sha256: [u8; 32],
}

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &App) -> Result<Self, Error> {
        check_json(request.headers())?;
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let body = receive(request.into_body()).await?;
        let sha256 = digest(&method, &uri, &body);
        let value = serde_json::from_slice(&body).map_err(|error| {
            let code = match error.classify() {
                serde_json::error::Category::Data => Code::Invalid,
                _ => Code::BadRequest,
            };
            Error::problem(code, format!("the body cannot be read: {error}"))
        })?;
        Ok(Self { value, sha256 })
    }
}

/// Reads a body into memory. One that breaks off or takes too long is a bad request, which may
/// be sent again; one that is too large will always be.
async fn receive(body: axum::body::Body) -> Result<Vec<u8>, Error> {
    let mut chunks = body.into_data_stream();
    let receiving = async {
        let mut bytes = Vec::new();
        while let Some(chunk) = chunks.next().await {
            let chunk =
                chunk.map_err(|_| Error::bad_request("the body broke off: send it again"))?;
            if bytes.len() + chunk.len() > LARGEST_BODY {
                let detail = format!("the body is over {LARGEST_BODY} bytes");
                return Err(Error::problem(Code::TooLarge, detail));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    };
    let slow = |_| Error::bad_request("the body took too long to arrive: send it again");
    timeout(RECEIVING, receiving).await.map_err(slow)?
}

/// What makes two requests the same.
pub(crate) fn digest(method: &Method, uri: &Uri, body: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(method.as_str());
    hash.update([0]);
    hash.update(uri.to_string());
    hash.update([0]);
    hash.update(body);
    hash.finalize().into()
}

fn check_json(headers: &HeaderMap) -> Result<(), Error> {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let essence = kind.and_then(|kind| kind.split(';').next()).map(str::trim);
    match essence {
        Some("application/json" | "application/merge-patch+json") => Ok(()),
        _ => Err(Error::problem(
            Code::UnsupportedMedia,
            "send the body as application/json",
        )),
    }
}

/// A query, with problems for what is not in it.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<App> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        axum::extract::Query::from_request_parts(parts, app)
            .await
            .map(|axum::extract::Query(value)| Self(value))
            .map_err(|error: QueryRejection| Error::bad_request(error.body_text()))
    }
}

/// The conditions of a write.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conditions {
    /// `If-Match`: the generation that the caller saw.
    pub(crate) generation: Option<u64>,
    /// `Idempotency-Key`.
    pub(crate) key: Option<String>,
}

impl FromRequestParts<App> for Conditions {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Error> {
        let text = |name: &str| {
            parts
                .headers
                .get(name)
                .map(|value| {
                    value
                        .to_str()
                        .map_err(|_| Error::bad_request(format!("{name} is not printable ASCII")))
                })
                .transpose()
        };
        let generation = match text(IF_MATCH.as_str())? {
            None | Some("*") => None,
            Some(tag) => Some(generation(tag)?),
        };
        let key = text("idempotency-key")?;
        if key.is_some_and(|key| key.is_empty() || key.len() > LONGEST_KEY) {
            return Err(Error::bad_request(format!(
                "an idempotency key has from 1 to {LONGEST_KEY} characters"
            )));
        }
        Ok(Self {
            generation,
            key: key.map(str::to_owned),
        })
    }
}

/// The generation in `"g5"`.
fn generation(tag: &str) -> Result<u64, Error> {
    let inner = tag
        .strip_prefix("\"g")
        .and_then(|tag| tag.strip_suffix('"'));
    inner.and_then(|number| number.parse().ok()).ok_or_else(|| {
        Error::bad_request("If-Match takes the ETag of a write or a document, such as \"g5\"")
    })
}

/// The revisions in `If-None-Match: "r17"`.
pub(crate) fn known_revision(headers: &HeaderMap) -> Option<u64> {
    let tags = headers.get(http::header::IF_NONE_MATCH)?.to_str().ok()?;
    tags.split(',').find_map(|tag| {
        let tag = tag.trim().trim_start_matches("W/");
        let number = tag.strip_prefix("\"r")?.strip_suffix('"')?;
        number.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use std::io;

    use axum::body::{Body as Sent, Bytes};
    use axum::response::IntoResponse as _;
    use futures::stream;
    use http::StatusCode;

    use super::*;

    async fn refused(body: Sent) -> StatusCode {
        receive(body).await.unwrap_err().into_response().status()
    }

    #[tokio::test]
    async fn tells_a_broken_body_from_a_large_one() {
        let start = Ok(Bytes::from_static(b"{"));
        let broken = stream::iter([start, Err(io::Error::other("gone"))]);
        assert_eq!(
            refused(Sent::from_stream(broken)).await,
            StatusCode::BAD_REQUEST
        );
        let large = Sent::from(vec![b' '; LARGEST_BODY + 1]);
        assert_eq!(refused(large).await, StatusCode::PAYLOAD_TOO_LARGE);
        let largest = receive(Sent::from(vec![b' '; LARGEST_BODY])).await;
        assert_eq!(largest.unwrap().len(), LARGEST_BODY);
    }

    #[tokio::test(start_paused = true)]
    async fn waits_for_a_body_only_so_long() {
        let never = stream::pending::<Result<Bytes, io::Error>>();
        assert_eq!(
            refused(Sent::from_stream(never)).await,
            StatusCode::BAD_REQUEST
        );
    }
}
