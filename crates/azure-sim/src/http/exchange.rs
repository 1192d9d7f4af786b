//! One request and its answer: faults, authentication, buckets, the resource
//! manager, headers, the journal.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response};
use serde_json::Value;
use uuid::Uuid;

use super::buckets::Buckets;
use super::tokens::Tokens;
use crate::arm::{
    Answer, Call, Conditions, metadata, openid, prices, result_url, status_url, timestamp,
};
use crate::engine::{Engine, now_ms};
use crate::error::ArmError;
use crate::faults::{Active, Entry, Faults, Journal, When};
use crate::operation::Bend;

/// A request, read.
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) raw_query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// `https://host:port`.
    pub(crate) base: String,
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn query(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(self.raw_query.as_bytes())
            .into_owned()
            .collect()
    }

    /// The path's segments, decoded; empty ones left out.
    pub(crate) fn segments(&self) -> Vec<String> {
        self.path
            .split('/')
            .filter(|part| !part.is_empty())
            .map(decode)
            .collect()
    }
}

fn decode(segment: &str) -> String {
    // `+` means itself in a path.
    let escaped = format!("x={}", segment.replace('+', "%2B").replace('&', "%26"));
    url::form_urlencoded::parse(escaped.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

/// What becomes of a request.
pub(crate) enum Served {
    Answer(Response<Body>),
    /// The connection is closed without an answer.
    Dropped,
}

/// What all requests meet before the resource manager.
pub(crate) struct Front {
    pub(crate) engine: Arc<Engine>,
    pub(crate) tokens: Tokens,
    buckets: Mutex<Buckets>,
    pub(crate) throttle: AtomicBool,
    faults: Mutex<Faults>,
    journal: Mutex<Journal>,
    serial: AtomicU64,
    /// Sets the request ids of this run apart from those of others.
    run: Uuid,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A raw answer: status, headers, body.
type Raw = (u16, Vec<(String, String)>, Option<Value>);

impl Front {
    pub(crate) fn new(engine: Arc<Engine>, tokens: Tokens) -> Self {
        let throttle = engine.settings.throttle;
        let run = format!("{}:{}", engine.settings.data.display(), now_ms());
        Self {
            engine,
            tokens,
            buckets: Mutex::default(),
            throttle: AtomicBool::new(throttle),
            faults: Mutex::default(),
            journal: Mutex::default(),
            serial: AtomicU64::new(0),
            run: Uuid::new_v5(&Uuid::NAMESPACE_OID, run.as_bytes()),
        }
    }

    pub(crate) fn buckets(&self) -> MutexGuard<'_, Buckets> {
        locked(&self.buckets)
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        locked(&self.faults)
    }

    pub(crate) fn journal(&self) -> MutexGuard<'_, Journal> {
        locked(&self.journal)
    }

    /// Answers a request.
    pub(crate) async fn serve(self: &Arc<Self>, request: Request) -> Served {
        if request.path == "/sim" || request.path.starts_with("/sim/") {
            let (status, body) = crate::control::handle(self, &request).await;
            return Served::Answer(plain((status, Vec::new(), body)));
        }
        let began = Instant::now();
        let at_ms = now_ms();
        let fault = self.faults().strike(request.method.as_str(), &request.path);
        let mut principal = None;
        let outcome = self
            .with_fault(&request, fault.as_ref(), &mut principal)
            .await;
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        let (status, served) = match outcome {
            None => (0, Served::Dropped),
            Some(mut raw) => {
                self.add_headers(&request, serial, at_ms, &mut raw.1);
                (raw.0, Served::Answer(plain(raw)))
            }
        };
        self.journal().add(Entry {
            n: 0,
            at_ms,
            method: request.method.to_string(),
            path: request.path.clone(),
            query: request.raw_query.clone(),
            status,
            principal,
            client_request_id: request
                .header("x-ms-client-request-id")
                .map(ToOwned::to_owned),
            fault: fault.map(|fault| fault.id),
            ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        });
        served
    }

    /// The answer with a fault applied; `None` drops the connection.
    async fn with_fault(
        self: &Arc<Self>,
        request: &Request,
        fault: Option<&Active>,
        principal: &mut Option<String>,
    ) -> Option<Raw> {
        let Some(active) = fault else {
            return Some(self.answer(request, None, principal).await);
        };
        let (when, action) = (active.fault.when, &active.fault.action);
        let delay = Duration::from_millis(action.delay_ms);
        let replaced = action.drop || action.status.is_some();
        let mut raw = None;
        if when == When::After || !replaced {
            if when == When::Before {
                tokio::time::sleep(delay).await;
            }
            raw = Some(self.answer(request, action.bend(), principal).await);
        }
        if when == When::After || replaced {
            tokio::time::sleep(delay).await;
        }
        if action.drop {
            return None;
        }
        action.error().as_ref().map(refusal).or(raw)
    }

    async fn answer(
        self: &Arc<Self>,
        request: &Request,
        bend: Option<Bend>,
        principal: &mut Option<String>,
    ) -> Raw {
        let segments = request.segments();
        if let Some(raw) = self.open_to_all(request, &segments) {
            return raw;
        }
        match self.managed(request, &segments, bend, principal).await {
            Ok(raw) => raw,
            Err((headers, error)) => {
                let mut raw = refusal(&error);
                raw.1.extend(headers);
                raw
            }
        }
    }

    /// What needs no token.
    fn open_to_all(&self, request: &Request, segments: &[String]) -> Option<Raw> {
        let settings = &self.engine.settings;
        let words: Vec<&str> = segments.iter().map(String::as_str).collect();
        let ok = |body| Some((200, Vec::new(), Some(body)));
        match (request.method.as_str(), words.as_slice()) {
            ("POST", [tenant, "oauth2", "v2.0", "token"] | [tenant, "oauth2", "token"]) => {
                let (status, body) = self.tokens.grant(
                    settings,
                    &request.base,
                    tenant,
                    request.header("authorization"),
                    &request.body,
                    now_ms(),
                );
                Some((status, Vec::new(), Some(body)))
            }
            ("GET", [tenant, "v2.0", ".well-known", "openid-configuration"]) => {
                ok(openid(&request.base, tenant))
            }
            ("GET", ["metadata", "endpoints"]) => ok(metadata(settings, &request.base)),
            ("GET", ["api", "retail", "prices"]) => {
                let query = request.query();
                let filter = query.iter().find(|(name, _)| name == "$filter");
                ok(prices(filter.map(|(_, value)| value.as_str())))
            }
            _ => None,
        }
    }

    async fn managed(
        self: &Arc<Self>,
        request: &Request,
        segments: &[String],
        bend: Option<Bend>,
        principal: &mut Option<String>,
    ) -> Result<Raw, (Vec<(String, String)>, ArmError)> {
        let bare = |error| (Vec::new(), error);
        let settings = &self.engine.settings;
        let caller = self
            .tokens
            .check(settings, request.header("authorization"), now_ms())
            .map_err(bare)?;
        *principal = Some(caller.clone());
        let query = request.query();
        let version = api_version(&query).map_err(bare)?;
        let (headers, taken) = if self.throttle.load(Ordering::Relaxed) {
            self.buckets()
                .take(&request.method, segments, &caller, Instant::now())
        } else {
            (Vec::new(), Ok(()))
        };
        if let Err(error) = taken {
            return Err((headers, error));
        }
        let condition = |name| request.header(name).map(ToOwned::to_owned);
        let call = Call {
            method: &request.method,
            segments,
            path: &request.path,
            query: &query,
            body: &request.body,
            conditions: Conditions {
                if_match: condition("if-match"),
                if_none_match: condition("if-none-match"),
            },
            base: &request.base,
        };
        match self.engine.call(&call, bend).await {
            Ok(answer) => {
                let mut raw = self.raw(request, version, answer);
                raw.1.extend(headers);
                Ok(raw)
            }
            Err(error) => Err((headers, error)),
        }
    }

    fn raw(&self, request: &Request, version: &str, answer: Answer) -> Raw {
        let mut headers = Vec::new();
        let mut retry = |work| {
            let seconds = self.engine.settings.latency.retry_after(work);
            headers.push(("Retry-After".to_owned(), seconds.to_string()));
        };
        let operation = answer.operation.and_then(|id| self.engine.operation(id));
        let watched = answer.status_of.and_then(|id| self.engine.operation(id));
        if let Some(operation) = operation.as_ref().or(watched.as_ref()) {
            retry(operation.work);
        }
        if let Some(operation) = &operation {
            if let Some(url) = status_url(&request.base, version, operation) {
                headers.push(("Azure-AsyncOperation".to_owned(), url));
            }
            if answer.location {
                headers.push((
                    "Location".to_owned(),
                    result_url(&request.base, version, operation),
                ));
            }
        }
        if let Some(etag) = answer.etag {
            headers.push(("ETag".to_owned(), etag));
        }
        (answer.status, headers, answer.body)
    }

    fn add_headers(
        &self,
        request: &Request,
        serial: u64,
        at_ms: i64,
        headers: &mut Vec<(String, String)>,
    ) {
        let id = Uuid::new_v5(&self.run, &serial.to_be_bytes()).to_string();
        let correlation = request
            .header("x-ms-correlation-request-id")
            .map_or_else(|| id.clone(), ToOwned::to_owned);
        let mut add = |name: &str, value: String| headers.push((name.to_owned(), value));
        add(
            "x-ms-routing-request-id",
            format!("AZURESIM:{}:{id}", timestamp(at_ms)),
        );
        add("x-ms-correlation-request-id", correlation);
        add("x-ms-request-id", id);
        if let (Some(client), Some("true")) = (
            request.header("x-ms-client-request-id"),
            request.header("x-ms-return-client-request-id"),
        ) {
            add("x-ms-client-request-id", client.to_owned());
        }
        add("Cache-Control", "no-cache".to_owned());
        add("Pragma", "no-cache".to_owned());
        add(
            "Strict-Transport-Security",
            "max-age=31536000; includeSubDomains".to_owned(),
        );
        add("X-Content-Type-Options", "nosniff".to_owned());
    }
}

fn api_version(query: &[(String, String)]) -> Result<&str, ArmError> {
    let version = query
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("api-version"))
        .map(|(_, value)| value.as_str());
    let Some(version) = version.filter(|version| !version.is_empty()) else {
        return Err(ArmError::new(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        ));
    };
    let good = version.len() <= 40
        && version.starts_with(|c: char| c.is_ascii_digit())
        && version
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.');
    if good {
        Ok(version)
    } else {
        Err(ArmError::new(
            400,
            "InvalidApiVersionParameter",
            format!(
                "The api-version '{version}' is invalid. The supported versions are of the form 'yyyy-mm-dd'."
            ),
        ))
    }
}

fn refusal(error: &ArmError) -> Raw {
    let body = error.body();
    (error.status, error.headers().to_vec(), Some(body))
}

fn plain((status, headers, body): Raw) -> Response<Body> {
    let bytes = body.as_ref().map(ToString::to_string);
    let mut response = Response::new(bytes.map_or_else(Body::empty, Body::from));
    *response.status_mut() =
        http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    if body.is_some() {
        response.headers_mut().insert(
            http::header::CONTENT_TYPE,
            HeaderValue::from_static("application/json; charset=utf-8"),
        );
    }
    for (name, value) in headers {
        // What clients sent and what faults ask for may hold anything.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// The answer to a request that is too large or cannot be read.
pub(crate) fn unreadable(status: u16, code: &str, message: &str) -> Response<Body> {
    plain(refusal(&ArmError::new(status, code, message)))
}
