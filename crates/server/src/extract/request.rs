//! Bodies, queries and conditions.

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use http::header::{CONTENT_TYPE, IF_MATCH};
use http::{HeaderMap, Method, Uri};
use lazuli_api::Code;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use crate::app::App;
use crate::error::Error;

/// Bytes of a JSON body.
const LARGEST_BODY: usize = 4 << 20;
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
        let body = axum::body::to_bytes(request.into_body(), LARGEST_BODY)
            .await
            .map_err(|_| {
                let detail = format!("the body broke off, or is over {LARGEST_BODY} bytes");
                Error::problem(Code::TooLarge, detail)
            })?;
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
