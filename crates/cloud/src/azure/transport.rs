//! One request, one attempt: `azure_core`'s pipeline with its retries off.

use std::sync::Arc;
use std::time::Duration;

use azure_core::credentials::TokenCredential;
use azure_core::http::headers::{HeaderName, Headers};
use azure_core::http::policies::{Policy, auth::BearerTokenAuthorizationPolicy};
use azure_core::http::{
    ClientOptions, Context, Method, Pipeline, RawResponse, Request, RetryOptions, StatusCode,
    Transport, Url,
};
use lazuli_model::state::FailureClass;
use serde_json::Value;

use super::credential::Credential;
use super::error::{Answer, CHECK_CLIENT, invalid, unanswered};
use super::pace::Pace;
use super::scope::{self, Draw, Operation, Scope};
use crate::{CloudError, Fence};

/// Waits that the cloud asks for are heeded up to this; longer ones are asked
/// about again.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(600);

/// What the compute provider says is left.
const REMAINING_RESOURCE: &str = "x-ms-ratelimit-remaining-resource";
/// Pages of a list, at most: more are a cloud that goes round in circles.
const MAX_PAGES: usize = 10_000;

/// ARM over HTTP.
#[derive(Debug)]
pub(super) struct Arm {
    endpoint: Url,
    pipeline: Pipeline,
    credential: Arc<Credential>,
    pace: Pace,
}

/// A success.
#[derive(Debug)]
pub(super) struct Success {
    pub(super) status: u16,
    /// The body; null when there is none.
    pub(super) body: Value,
    /// `Azure-AsyncOperation`, else `Location`.
    pub(super) operation: Option<String>,
    pub(super) retry_after: Option<Duration>,
}

/// How a write is guarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guard {
    None,
    /// `If-None-Match: *`: only where nothing is.
    Absent,
}

impl Arm {
    pub(super) fn new(
        endpoint: Url,
        scope: String,
        credential: Arc<Credential>,
        client: reqwest::Client,
    ) -> Self {
        let bearer: Arc<dyn Policy> = Arc::new(BearerTokenAuthorizationPolicy::new(
            Arc::clone(&credential) as Arc<dyn TokenCredential>,
            [scope],
        ));
        let options = ClientOptions {
            // What to do about an error follows from its class, in the planner.
            retry: RetryOptions::none(),
            transport: Some(Transport::new(Arc::new(client))),
            ..ClientOptions::default()
        };
        let pipeline = Pipeline::new(
            Some("lazuli"),
            option_env!("CARGO_PKG_VERSION"),
            options,
            Vec::new(),
            vec![bearer],
            None,
        );
        Self {
            endpoint,
            pipeline,
            credential,
            pace: Pace::new(),
        }
    }

    /// The url of an ARM id (or path) at an api-version.
    pub(super) fn url(&self, id: &str, api_version: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.endpoint.clone();
        url.set_path(id);
        url.query_pairs_mut()
            .append_pair("api-version", api_version)
            .extend_pairs(query);
        url
    }

    pub(super) async fn get(&self, what: &str, url: Url) -> Result<Success, CloudError> {
        self.send(what, Request::new(url, Method::Get), None).await
    }

    /// GET, with none for 404.
    pub(super) async fn find(&self, what: &str, url: Url) -> Result<Option<Value>, CloudError> {
        match self.get(what, url).await {
            Ok(success) => Ok(Some(success.body)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All items of a list.
    pub(super) async fn list(&self, what: &str, first: Url) -> Result<Vec<Value>, CloudError> {
        let mut items = Vec::new();
        self.pages(what, first, |page| items.extend(page)).await?;
        Ok(items)
    }

    /// Takes a list page by page, so that a long one is never in memory as a
    /// whole; how many pages there were.
    pub(super) async fn pages(
        &self,
        what: &str,
        first: Url,
        mut take: impl FnMut(Vec<Value>) + Send,
    ) -> Result<usize, CloudError> {
        let mut next = first;
        for count in 1..=MAX_PAGES {
            let mut page = self.get(what, next).await?.body;
            if let Some(Value::Array(values)) = page.get_mut("value").map(Value::take) {
                take(values);
            }
            match page["nextLink"].as_str().filter(|link| !link.is_empty()) {
                Some(link) => next = self.follow(what, link)?,
                None => return Ok(count),
            }
        }
        Err(invalid(
            what,
            format!("the list has more than {MAX_PAGES} pages"),
        ))
    }

    pub(super) async fn put(
        &self,
        what: &str,
        url: Url,
        body: Vec<u8>,
        guard: Guard,
        fence: &dyn Fence,
    ) -> Result<Success, CloudError> {
        let mut request = Request::new(url, Method::Put);
        request.insert_header("content-type", "application/json");
        if guard == Guard::Absent {
            request.insert_header("if-none-match", "*");
        }
        request.set_body(body);
        self.send(what, request, Some(fence)).await
    }

    pub(super) async fn patch(
        &self,
        what: &str,
        url: Url,
        body: Vec<u8>,
        fence: &dyn Fence,
    ) -> Result<Success, CloudError> {
        let mut request = Request::new(url, Method::Patch);
        request.insert_header("content-type", "application/json");
        request.set_body(body);
        self.send(what, request, Some(fence)).await
    }

    pub(super) async fn delete(
        &self,
        what: &str,
        url: Url,
        fence: &dyn Fence,
    ) -> Result<Success, CloudError> {
        let request = Request::new(url, Method::Delete);
        self.send(what, request, Some(fence)).await
    }

    /// A url that the cloud gave: it is followed as it is, but only to the
    /// cloud itself, since our token goes with it.
    pub(super) fn follow(&self, what: &str, link: &str) -> Result<Url, CloudError> {
        let url = Url::parse(link)
            .map_err(|error| invalid(what, format!("the cloud named the url {link}: {error}")))?;
        if url.origin() != self.endpoint.origin() {
            return Err(invalid(
                what,
                format!("the cloud named a url of another origin: {link}"),
            ));
        }
        Ok(url)
    }

    /// Sends a request once, when it is its turn; a second time only if its
    /// token was refused, with a new one: nothing else has happened then.
    async fn send(
        &self,
        what: &str,
        request: Request,
        fence: Option<&dyn Fence>,
    ) -> Result<Success, CloudError> {
        let draws = scope::draws(request.method(), request.url().path());
        let turn = self.pace.turn(&draws).await;
        let _permit = turn.map_err(|wait| CloudError {
            class: FailureClass::Throttled,
            code: "Paced".to_owned(),
            retry_after: Some(wait.min(MAX_RETRY_AFTER)),
            ..unanswered(
                what,
                "too many requests were made; it waits for its turn".to_owned(),
                false,
            )
        })?;
        if fence.is_some_and(|fence| !fence.may_send()) {
            let message = "this replica does not hold the model any more".to_owned();
            return Err(CloudError {
                code: "NotTheHolder".to_owned(),
                ..unanswered(what, message, false)
            });
        }
        let generation = self.credential.generation();
        let mut first = request.clone();
        let response = match self.attempt(&mut first).await {
            Err(error) if is_token_refused(&error) => {
                self.credential
                    .forget(generation)
                    .map_err(|error| failure(what, &error, false))?;
                self.attempt(&mut request.clone()).await
            }
            other => other,
        };
        let writes = request.method() != Method::Get;
        let response = response.map_err(|error| {
            self.heed(&draws, &error);
            failure(what, &error, writes)
        })?;
        self.pace.correct(left(&draws, response.headers()));
        let status = u16::from(response.status());
        let headers = response.headers().clone();
        let body = parse(response.into_body().as_ref());
        Ok(Success {
            status,
            body,
            operation: header(&headers, "azure-asyncoperation")
                .or_else(|| header(&headers, "location")),
            retry_after: retry_after(&headers),
        })
    }

    /// Closes what a refusal for too many requests is about.
    fn heed(&self, draws: &[Draw], error: &azure_core::Error) {
        let azure_core::error::ErrorKind::HttpResponse {
            status: StatusCode::TooManyRequests,
            raw_response: Some(raw),
            ..
        } = error.kind()
        else {
            return;
        };
        let body = parse(raw.body().as_ref());
        let code = body["error"]["code"].as_str().unwrap_or_default();
        if code == "RetryableErrorDueToAnotherOperation" {
            // A lock, which says nothing of others.
            return;
        }
        let remaining = header(raw.headers(), REMAINING_RESOURCE).unwrap_or_default();
        let refusal = Refusal {
            code,
            by_gateway: header(raw.headers(), "x-ms-failure-cause").as_deref() == Some("gateway"),
            remaining: &remaining,
        };
        if let Some(scope) = scope::refused(draws, &refusal) {
            self.pace.close(scope, seconds(raw.headers()));
        }
    }

    async fn attempt(&self, request: &mut Request) -> azure_core::Result<RawResponse> {
        let context = Context::new();
        self.pipeline.send(&context, request, None).await
    }
}

/// A refusal for too many requests.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refusal<'a> {
    pub(super) code: &'a str,
    /// The front door itself refused it, not the provider behind.
    pub(super) by_gateway: bool,
    /// What the provider says is left.
    pub(super) remaining: &'a str,
}

/// What an answer says is left of the buckets that its request drew from.
fn left(draws: &[Draw], headers: &Headers) -> Vec<(Scope, f64)> {
    let number = |text: &str| text.trim().parse::<f64>().ok();
    let mut left = Vec::new();
    for draw in draws {
        let found = match &draw.scope {
            Scope::Principal(operation) => {
                let name = match operation {
                    Operation::Read => "x-ms-ratelimit-remaining-subscription-reads",
                    Operation::Write => "x-ms-ratelimit-remaining-subscription-writes",
                    Operation::Delete => "x-ms-ratelimit-remaining-subscription-deletes",
                };
                header(headers, name).and_then(|text| number(&text))
            }
            Scope::Compute(_) => remaining(headers, "SubscriptionMaximum"),
            Scope::Resource(..) => remaining(headers, "ResourceMaximum"),
            Scope::Network(_) => None,
        };
        left.extend(found.map(|found| (draw.scope.clone(), found)));
    }
    left
}

/// `Microsoft.Compute/PutVMSubscriptionMaximum;1499,...`
fn remaining(headers: &Headers, kind: &str) -> Option<f64> {
    let text = header(headers, REMAINING_RESOURCE)?;
    let entry = text.split(',').find(|entry| entry.contains(kind))?;
    entry.rsplit(';').next()?.trim().parse().ok()
}

/// Whether the cloud does not take our token (any more).
fn is_token_refused(error: &azure_core::Error) -> bool {
    matches!(
        error.kind(),
        azure_core::error::ErrorKind::HttpResponse {
            status: StatusCode::Unauthorized,
            ..
        }
    )
}

/// An error of the pipeline: an answer that is not a success, or none.
fn failure(what: &str, error: &azure_core::Error, writes: bool) -> CloudError {
    if let azure_core::error::ErrorKind::HttpResponse {
        status,
        raw_response: Some(raw),
        ..
    } = error.kind()
    {
        let body = parse(raw.body().as_ref());
        return Answer {
            what,
            status: u16::from(*status),
            error: body.get("error").unwrap_or(&body),
            retry_after: retry_after(raw.headers()),
            correlation: header(raw.headers(), "x-ms-correlation-request-id"),
        }
        .into_error();
    }
    let mut message = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let text = cause.to_string();
        if !message.contains(&text) {
            message = format!("{message}: {text}");
        }
        source = cause.source();
    }
    if matches!(error.kind(), azure_core::error::ErrorKind::Credential) {
        return CloudError {
            class: FailureClass::Auth,
            code: "CredentialFailed".to_owned(),
            hint: Some(CHECK_CLIENT.to_owned()),
            ..unanswered(what, message, false)
        };
    }
    unanswered(what, message, writes)
}

pub(super) fn is_absent(error: &CloudError) -> bool {
    matches!(
        error.code.as_str(),
        "ResourceNotFound" | "ResourceGroupNotFound" | "NotFound" | "Http404"
    )
}

fn parse(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or(Value::Null)
}

fn header(headers: &Headers, name: &'static str) -> Option<String> {
    headers.get_optional_string(&HeaderName::from_static(name))
}

fn retry_after(headers: &Headers) -> Option<Duration> {
    seconds(headers).map(|wait| wait.min(MAX_RETRY_AFTER))
}

/// `Retry-After`: seconds, as ARM's contract has it.
fn seconds(headers: &Headers) -> Option<Duration> {
    let seconds = header(headers, "retry-after")?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
