//! Requests and answers: bounds, deadlines, and what went wrong.

use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, stream};
use reqwest::header::RETRY_AFTER;
use reqwest::{Method, Response, StatusCode};
use serde::de::DeserializeOwned;
use tokio::time::{sleep, timeout};
use url::{Host, Url};

use super::Charmhub;
use super::answers::Failures;
use crate::error::SourceError;
use crate::store::Download;

/// For a document, from the request to its last byte.
const DOCUMENT: Duration = Duration::from_secs(30);
/// Bytes of a document.
const LARGEST: usize = 16 << 20;
/// Attempts at a document.
const ATTEMPTS: u32 = 3;
/// The pause after the first of them; it doubles.
const PAUSE: Duration = Duration::from_millis(250);
/// The longest pause that the store may ask for before we give up.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Nothing for so long, and a download is given up.
const SILENCE: Duration = Duration::from_secs(60);
/// Redirects of a download.
const REDIRECTS: usize = 5;

/// Whether an address is one that may be asked.
pub(super) fn check_scheme(url: &Url) -> Result<(), String> {
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(url) => Ok(()),
        "http" => Err("plain http is for loopback only: use https".to_owned()),
        other => Err(format!("it is {other}: use https")),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// A client. What follows a redirect has to be https as well, unless the
/// store itself is not.
pub(super) fn client(base: &Url) -> reqwest::Result<reqwest::Client> {
    let local = is_loopback(base);
    let redirects = reqwest::redirect::Policy::custom(move |attempt| {
        let fine = attempt.url().scheme() == "https" || (local && is_loopback(attempt.url()));
        if attempt.previous().len() > REDIRECTS {
            attempt.error("too many redirects")
        } else if fine {
            attempt.follow()
        } else {
            attempt.error("it leads away from https")
        }
    });
    let builder = reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(10))
        .redirect(redirects)
        .user_agent(concat!("lazuli/", env!("CARGO_PKG_VERSION")));
    // Proxies of the environment are for the world outside.
    let builder = match local {
        true => builder.no_proxy(),
        false => builder,
    };
    builder.build()
}

impl Charmhub {
    /// The address of a path, each segment of which is encoded.
    pub(super) fn path(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    /// Asks for a document; again, when that may help.
    pub(super) async fn json<T: DeserializeOwned>(
        &self,
        method: Method,
        url: Url,
        body: Option<&serde_json::Value>,
    ) -> Result<T, SourceError> {
        let mut pause = PAUSE;
        let mut attempt = 1;
        loop {
            let asked = timeout(DOCUMENT, self.ask(method.clone(), url.clone(), body));
            let (error, wait) = match asked.await {
                Ok(Ok(answer)) => return self.read(&answer),
                Ok(Err(Failed { error, wait })) => (error, wait),
                Err(_) => (self.slow(DOCUMENT), None),
            };
            let wait = wait.unwrap_or(pause);
            if !error.is_transient() || attempt >= ATTEMPTS || wait > LONGEST_PAUSE {
                return Err(error);
            }
            sleep(wait).await;
            pause *= 2;
            attempt += 1;
        }
    }

    async fn ask(
        &self,
        method: Method,
        url: Url,
        body: Option<&serde_json::Value>,
    ) -> Result<Vec<u8>, Failed> {
        let mut request = self.http.request(method, url);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|error| self.failed(error))?;
        let status = response.status();
        let wait = retry_after(&response);
        let body = self.body(response).await?;
        if status.is_success() {
            return Ok(body);
        }
        Err(Failed {
            error: self.refused(status, &body),
            wait,
        })
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, SourceError> {
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(|error| self.failed(error))? {
            if body.len() + part.len() > LARGEST {
                return Err(self.odd(format!("more than {LARGEST} bytes")));
            }
            body.extend_from_slice(&part);
        }
        Ok(body)
    }

    fn read<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, SourceError> {
        serde_json::from_slice(body).map_err(|error| self.odd(error.to_string()))
    }

    /// The parts of a download, `most` bytes of it at most.
    pub(super) async fn content(
        &self,
        download: &Download,
        most: u64,
    ) -> Result<impl Stream<Item = Result<Bytes, SourceError>> + Send + use<>, SourceError> {
        let too_large = |size: u64, url: &Url| SourceError::TooLarge {
            what: url.path().rsplit('/').next().unwrap_or_default().to_owned(),
            size,
            most,
        };
        let url: Url = download
            .url
            .parse()
            .map_err(|error| self.odd(format!("{:?} is no address: {error}", download.url)))?;
        let secure = url.scheme() == "https" || (is_loopback(&self.base) && is_loopback(&url));
        if !secure {
            return Err(self.odd(format!("it offers {url}, which is not https")));
        }
        if download.size > most {
            return Err(too_large(download.size, &url));
        }
        let response = timeout(SILENCE, self.http.get(url.clone()).send())
            .await
            .map_err(|_| self.slow(SILENCE))?
            .map_err(|error| self.failed(error))?;
        if !response.status().is_success() {
            let status = response.status();
            let body = timeout(DOCUMENT, self.body(response)).await;
            let body = body.map_err(|_| self.slow(DOCUMENT))??;
            return Err(self.refused(status, &body));
        }
        if let Some(size) = response.content_length().filter(|size| *size > most) {
            return Err(too_large(size, &url));
        }
        let client = self.clone();
        let state = Some((client, response, 0_u64, url));
        Ok(stream::unfold(state, move |state| async move {
            let (client, mut response, before, url) = state?;
            let part = match timeout(SILENCE, response.chunk()).await {
                Err(_) => return Some((Err(client.slow(SILENCE)), None)),
                Ok(Err(error)) => return Some((Err(client.failed(error)), None)),
                Ok(Ok(part)) => part?,
            };
            let size = before + part.len() as u64;
            if size > most {
                let what = url.path().rsplit('/').next().unwrap_or_default().to_owned();
                let error = SourceError::TooLarge { what, size, most };
                return Some((Err(error), None));
            }
            Some((Ok(part), Some((client, response, size, url))))
        }))
    }

    fn refused(&self, status: StatusCode, body: &[u8]) -> SourceError {
        let said: Failures = serde_json::from_slice(body).unwrap_or_default();
        let said = said.error_list.into_iter().next();
        let reason = said.map_or_else(|| format!("status {status}"), |one| one.message);
        match status {
            StatusCode::NOT_FOUND => SourceError::NotFound(reason),
            StatusCode::TOO_MANY_REQUESTS => self.unreachable(format!("{status}: {reason}")),
            status if status.is_server_error() => self.unreachable(format!("{status}: {reason}")),
            _ => self.refusal(reason),
        }
    }

    pub(super) fn refusal(&self, reason: String) -> SourceError {
        SourceError::Refused {
            url: self.base.to_string(),
            reason,
        }
    }

    fn failed(&self, error: reqwest::Error) -> SourceError {
        if error.is_timeout() {
            return self.slow(Duration::from_secs(10));
        }
        let error = error.without_url();
        let mut reason = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            reason = error.to_string();
            cause = error.source();
        }
        self.unreachable(reason)
    }

    fn unreachable(&self, reason: String) -> SourceError {
        SourceError::Unreachable {
            url: self.base.to_string(),
            reason,
        }
    }

    fn slow(&self, after: Duration) -> SourceError {
        SourceError::Slow {
            url: self.base.to_string(),
            after,
        }
    }

    pub(super) fn odd(&self, reason: String) -> SourceError {
        SourceError::Odd {
            url: self.base.to_string(),
            reason,
        }
    }
}

/// A failed attempt, and when the store wants the next one.
struct Failed {
    error: SourceError,
    wait: Option<Duration>,
}

impl From<SourceError> for Failed {
    fn from(error: SourceError) -> Self {
        Self { error, wait: None }
    }
}

fn retry_after(response: &Response) -> Option<Duration> {
    let value = response.headers().get(RETRY_AFTER)?;
    let seconds = value.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}
