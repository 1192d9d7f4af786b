//! Requests and answers: one place for retries, problems and deadlines.

use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::tls::{self, TrustAnchor};
use super::{ClientError, ModelClient};
use crate::problem::Problem;

/// Attempts at a request that changes nothing.
const ATTEMPTS: u32 = 3;
/// The pause after the first of them; it doubles.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest pause that a server may ask for before the client gives up.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Bytes of an answer that is a document.
const LARGEST_ANSWER: usize = 256 << 20;
/// Bytes of an answer that is a problem.
const LARGEST_PROBLEM: usize = 1 << 20;

/// How to reach a server.
#[derive(Clone, Debug)]
pub struct Options {
    /// Its address, such as `https://lazuli.example:17070`. Plain http is
    /// taken for loopback only.
    pub server: Url,
    /// The token of `POST /v1/login`; none before.
    pub token: Option<String>,
    /// Whom to trust.
    pub trust: TrustAnchor,
    /// How long a request may take, streams and uploads apart.
    pub timeout: Duration,
}

impl Options {
    /// With the system's trust, no token and a minute per request.
    #[must_use]
    pub fn new(server: Url) -> Self {
        Self {
            server,
            token: None,
            trust: TrustAnchor::System,
            timeout: Duration::from_secs(60),
        }
    }
}

/// A client of one server. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    bearer: Option<HeaderValue>,
    timeout: Duration,
}

impl Client {
    /// A client; connects when it is first used.
    ///
    /// # Errors
    ///
    /// Fails on an address that is neither https nor on loopback, and on a
    /// trust anchor that is none.
    pub fn new(options: &Options) -> Result<Self, ClientError> {
        check_scheme(&options.server)?;
        let mut builder = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(10))
            .no_proxy_for_loopback(&options.server)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("lazuli/", env!("CARGO_PKG_VERSION")));
        if let Some(config) = tls::config(&options.trust)? {
            builder = builder.tls_backend_preconfigured(config);
        }
        let http = builder
            .build()
            .map_err(|error| ClientError::SetUp(error.to_string()))?;
        let mut client = Self {
            http,
            base: options.server.clone(),
            bearer: None,
            timeout: options.timeout,
        };
        if let Some(token) = &options.token {
            client = client.with_token(token)?;
        }
        Ok(client)
    }

    /// The same client with a token.
    ///
    /// # Errors
    ///
    /// Fails when the token is not one.
    pub fn with_token(mut self, token: &str) -> Result<Self, ClientError> {
        let mut bearer = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| {
            ClientError::SetUp("the token holds characters that no token has".to_owned())
        })?;
        bearer.set_sensitive(true);
        self.bearer = Some(bearer);
        Ok(self)
    }

    /// The server's address.
    #[must_use]
    pub fn server(&self) -> &Url {
        &self.base
    }

    /// What concerns one model: its name, `owner/name` or id.
    #[must_use]
    pub fn model(&self, model: &str) -> ModelClient {
        ModelClient::new(self.clone(), model)
    }

    /// The address of a path, each segment of which is encoded.
    pub(super) fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push("v1").extend(segments);
        }
        url
    }

    /// A request with what every request has.
    pub(super) fn request(&self, method: Method, url: Url) -> RequestBuilder {
        let mut headers = HeaderMap::new();
        if let Some(bearer) = &self.bearer {
            headers.insert(AUTHORIZATION, bearer.clone());
        }
        self.http.request(method, url).headers(headers)
    }

    /// A request that changes nothing: tried again when that may help.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        segments: &[&str],
        query: &impl Serialize,
    ) -> Result<T, ClientError> {
        let url = with_query(self.url(segments), query)?;
        let response = self
            .get_response(url, HeaderMap::new(), self.timeout)
            .await?;
        self.json(response).await
    }

    /// As [`Self::get`], with headers, and any answer below 400.
    pub(super) async fn get_response(
        &self,
        url: Url,
        headers: HeaderMap,
        timeout: Duration,
    ) -> Result<Response, ClientError> {
        let mut pause = PAUSE;
        for attempt in 1.. {
            let request = self
                .request(Method::GET, url.clone())
                .headers(headers.clone())
                .header(ACCEPT, "application/json")
                .timeout(timeout);
            let (error, wait) = match request.send().await {
                Ok(response) if retryable(response.status()) => {
                    let wait = retry_after(response.headers());
                    (self.problem(response).await, wait.unwrap_or(pause))
                }
                Ok(response) => return self.checked(response).await,
                Err(error) if error.is_connect() || error.is_request() => {
                    (self.failed(error), pause)
                }
                Err(error) => return Err(self.failed(error)),
            };
            if attempt >= ATTEMPTS || wait > LONGEST_PAUSE {
                return Err(error);
            }
            tokio::time::sleep(wait).await;
            pause *= 2;
        }
        Err(ClientError::TimedOut {
            server: self.base.to_string(),
        })
    }

    /// Sends a request once and reads its JSON.
    pub(super) async fn send<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
    ) -> Result<T, ClientError> {
        let response = self.send_unread(request.timeout(self.timeout)).await?;
        self.json(response).await
    }

    /// Sends a request once whose answer has no body.
    pub(super) async fn send_empty(&self, request: RequestBuilder) -> Result<(), ClientError> {
        self.send_unread(request.timeout(self.timeout)).await?;
        Ok(())
    }

    /// Sends a request once; the answer is below 400 and not read yet.
    pub(super) async fn send_unread(
        &self,
        request: RequestBuilder,
    ) -> Result<Response, ClientError> {
        let response = request.send().await.map_err(|error| self.failed(error))?;
        self.checked(response).await
    }

    async fn checked(&self, response: Response) -> Result<Response, ClientError> {
        if response.status().is_client_error() || response.status().is_server_error() {
            return Err(self.problem(response).await);
        }
        Ok(response)
    }

    pub(super) async fn json<T: DeserializeOwned>(
        &self,
        response: Response,
    ) -> Result<T, ClientError> {
        let request = response.url().path().to_owned();
        let body = self.body(response, LARGEST_ANSWER).await?;
        serde_json::from_slice(&body).map_err(|error| self.unexpected(&request, &error.to_string()))
    }

    /// The problem that an answer holds, or one made of its status.
    pub(super) async fn problem(&self, response: Response) -> ClientError {
        let request = response.url().path().to_owned();
        let status = response.status();
        let body = self
            .body(response, LARGEST_PROBLEM)
            .await
            .unwrap_or_default();
        match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) => ClientError::Problem(Box::new(problem)),
            Err(_) => self.unexpected(
                &request,
                &format!("status {status} without a problem document"),
            ),
        }
    }

    async fn body(&self, mut response: Response, limit: usize) -> Result<Vec<u8>, ClientError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failed(error))? {
            if body.len() + chunk.len() > limit {
                return Err(
                    self.unexpected(response.url().path(), &format!("more than {limit} bytes"))
                );
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    pub(super) fn unexpected(&self, request: &str, reason: &str) -> ClientError {
        ClientError::Unexpected {
            server: self.base.to_string(),
            request: request.to_owned(),
            reason: reason.to_owned(),
        }
    }

    pub(super) fn failed(&self, source: reqwest::Error) -> ClientError {
        let server = self.base.to_string();
        if source.is_timeout() {
            return ClientError::TimedOut { server };
        }
        if let Some(reason) = tls::distrust(&source) {
            return ClientError::Untrusted { server, reason };
        }
        ClientError::Unreachable {
            server,
            source: source.without_url(),
        }
    }
}

/// Proxies of the environment are for the world outside.
trait NoProxyForLoopback {
    fn no_proxy_for_loopback(self, server: &Url) -> Self;
}

impl NoProxyForLoopback for reqwest::ClientBuilder {
    fn no_proxy_for_loopback(self, server: &Url) -> Self {
        if is_loopback(server) {
            self.no_proxy()
        } else {
            self
        }
    }
}

fn check_scheme(server: &Url) -> Result<(), ClientError> {
    match server.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(server) => Ok(()),
        "http" => Err(ClientError::SetUp(format!(
            "{server} is plain http, which is for loopback only: use https"
        ))),
        other => Err(ClientError::SetUp(format!(
            "{server} has the scheme {other}: use https"
        ))),
    }
}

fn is_loopback(server: &Url) -> bool {
    match server.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Adds a query; what is none is left out.
pub(super) fn with_query(mut url: Url, query: &impl Serialize) -> Result<Url, ClientError> {
    let value =
        serde_json::to_value(query).map_err(|error| ClientError::SetUp(error.to_string()))?;
    for (name, value) in value.as_object().into_iter().flatten() {
        let text = match value {
            serde_json::Value::Null | serde_json::Value::Bool(false) => continue,
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        url.query_pairs_mut().append_pair(name, &text);
    }
    Ok(url)
}

fn retryable(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE
    )
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(server: &str) -> Result<Client, ClientError> {
        Client::new(&Options::new(server.parse().unwrap()))
    }

    #[test]
    fn plain_http_is_for_loopback() {
        assert!(client("http://127.0.0.1:1").is_ok());
        assert!(client("http://[::1]:1").is_ok());
        assert!(client("http://localhost:1").is_ok());
        assert!(client("https://10.0.0.1:1").is_ok());
        for refused in ["http://10.0.0.1:1", "ftp://127.0.0.1"] {
            assert!(
                matches!(client(refused), Err(ClientError::SetUp(_))),
                "{refused}"
            );
        }
    }

    #[test]
    fn segments_are_encoded() {
        let client = client("http://127.0.0.1:1/").unwrap();
        assert_eq!(
            client
                .url(&["models", "admin/dev", "units", "a/0"])
                .as_str(),
            "http://127.0.0.1:1/v1/models/admin%2Fdev/units/a%2F0"
        );
    }

    #[test]
    fn queries_leave_out_what_is_none() {
        let query = crate::Removal {
            force: true,
            ..crate::Removal::default()
        };
        let url = with_query("http://127.0.0.1/x".parse().unwrap(), &query).unwrap();
        assert_eq!(url.query(), Some("force=true"));
    }

    #[tokio::test]
    async fn nobody_there_is_transient() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let error = client(&format!("http://127.0.0.1:{port}"))
            .unwrap()
            .version()
            .await
            .unwrap_err();
        assert_eq!(error.class(), crate::Class::Transient);
    }
}
