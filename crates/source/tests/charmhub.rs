//! A client of the charm store against one of our own, on loopback, that
//! answers in the API's shapes.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up is to fail")]

use std::sync::{Arc, Mutex};

use axum::Json;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use futures::StreamExt as _;
use lazuli_source::{CharmStore as _, Charmhub, Download, SourceError, Wanted};
use serde_json::{Value, json};

/// What the store was asked.
type Asked = Arc<Mutex<Vec<Value>>>;

/// A store on loopback, and what it is asked.
async fn store() -> (Charmhub, Asked) {
    let asked = Asked::default();
    let router = Router::new()
        .route("/v2/charms/find", get(find))
        .route("/v2/charms/info/{name}", get(info))
        .route("/v2/charms/refresh", post(refresh))
        .route("/content/{name}", get(content))
        .with_state(Arc::clone(&asked));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let hub = Charmhub::new(&format!("http://{address}")).unwrap();
    (hub, asked)
}

fn base(channel: &str) -> Value {
    json!({ "architecture": "amd64", "name": "ubuntu", "channel": channel })
}

async fn find(Query(query): Query<Vec<(String, String)>>) -> Response {
    assert_eq!(query[0], ("q".to_owned(), "web server".to_owned()));
    Json(json!({ "results": [{
        "type": "charm", "id": "abc", "name": "web",
        "result": {
            "summary": "serves", "publisher": { "display-name": "Somebody" }, "store-url": null,
        },
        "default-release": { "revision": {
            "version": "12", "bases": [base("24.04"), base("22.04"), null],
        } },
    }] }))
    .into_response()
}

async fn info(Path(name): Path<String>) -> Response {
    if name != "web" {
        let refusal = json!({ "error-list": [{ "code": "resource-not-found",
            "message": "No charm or bundle with that name" }] });
        return (StatusCode::NOT_FOUND, Json(refusal)).into_response();
    }
    let release = |risk: &str, revision: u32| {
        json!({
            "channel": { "name": risk, "track": "latest", "risk": risk, "base": base("24.04"),
                "released-at": "2026-01-02T03:04:05+00:00" },
            "revision": { "revision": revision, "version": "v", "bases": [base("24.04")],
                "download": { "size": 7, "hash-sha-256": "x", "url": "http://x" } },
            "resources": [{ "name": "site", "type": "file", "filename": "s.tar", "revision": 3,
                "download": { "size": 1, "hash-sha-256": "y", "url": "http://y" } }],
        })
    };
    Json(json!({
        "type": "charm", "id": "abc", "name": "web",
        "result": { "description": "Serves.", "categories": [{ "name": "web" }] },
        "default-release": { "revision": { "metadata-yaml": "name: web\n" } },
        "channel-map": [release("stable", 12), release("edge", 15)],
    }))
    .into_response()
}

async fn refresh(State(asked): State<Asked>, Json(body): Json<Value>) -> Json<Value> {
    let action = body["actions"][0].clone();
    asked.lock().unwrap().push(action.clone());
    let refused = |code: &str, extra: Value| {
        Json(
            json!({ "results": [{ "instance-key": "install", "result": "error",
            "error": { "code": code, "message": "no such thing", "extra": extra } }] }),
        )
    };
    if action["name"] == "none" {
        return refused("name-not-found", json!({}));
    }
    if action["channel"] == "latest/beta" {
        let releases = json!([{ "base": base("24.04"), "channel": "latest/stable" }]);
        return refused("revision-not-found", json!({ "releases": releases }));
    }
    if action["base"]["name"] == "NA" {
        let bases = json!([base("20.04"), base("24.04"), base("26.10"), base("22.04")]);
        return refused("revision-not-found", json!({ "default-bases": bases }));
    }
    let name = match action["name"].as_str() {
        Some("liar") => "other",
        Some(name) => name,
        None => "",
    };
    Json(json!({ "results": [{
        "instance-key": "install", "result": "install", "effective-channel": "latest/stable",
        "charm": {
            "name": name, "type": "charm", "revision": action["revision"].as_u64().unwrap_or(12),
            "bases": [base("24.04")], "resources": [],
            "download": { "size": 5, "hash-sha-256": "aa", "url": "http://127.0.0.1/x" },
        },
    }] }))
}

async fn content(Path(name): Path<String>) -> Response {
    match name.as_str() {
        "hello" => "hello".into_response(),
        "endless" => {
            let parts = futures::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![0_u8; 1024]));
            Body::from_stream(parts).into_response()
        }
        "away" => (StatusCode::FOUND, [("location", "http://192.0.2.1/x")]).into_response(),
        _ => (StatusCode::NOT_FOUND, "nothing").into_response(),
    }
}

fn wanted(name: &str) -> Wanted {
    Wanted {
        name: name.to_owned(),
        ..Wanted::default()
    }
}

#[tokio::test]
async fn charms_are_found_and_shown() {
    let (hub, _) = store().await;
    let found = hub.find("web server").await.unwrap();
    assert_eq!(found[0].name, "web");
    assert_eq!(found[0].publisher, "Somebody");
    assert_eq!(found[0].arches, ["amd64"]);
    assert_eq!(found[0].bases.len(), 2);
    let info = hub.info("web").await.unwrap();
    assert_eq!(info.releases[1].channel.to_string(), "latest/edge");
    assert_eq!(info.releases[1].revision, 15);
    assert_eq!(info.releases[0].resources[0].filename, "s.tar");
    assert_eq!(info.tags, ["web"]);
    let error = hub.info("../x").await.unwrap_err();
    assert_eq!(error.to_string(), "charm or bundle \"../x\" not found");
}

#[tokio::test]
async fn without_a_base_the_best_that_there_is_is_taken() {
    let (hub, asked) = store().await;
    let found = hub.resolve(&wanted("web")).await.unwrap();
    assert_eq!((found.revision, found.arch.as_str()), (12, "amd64"));
    assert_eq!(found.base.unwrap().to_string(), "ubuntu@24.04");
    assert_eq!(found.channel.to_string(), "latest/stable");
    let asked = asked.lock().unwrap();
    assert_eq!(asked[0]["channel"], "latest/stable");
    assert_eq!(asked[0]["base"]["channel"], "NA");
    assert_eq!(asked[1]["base"], base("24.04"));
    assert_eq!(asked.len(), 2);
}

#[tokio::test]
async fn a_revision_is_asked_for_as_it_is() {
    let (hub, asked) = store().await;
    let mut revision = wanted("web");
    revision.revision = Some(7);
    revision.channel = "edge".parse().ok();
    revision.resources = [("site".to_owned(), 4)].into();
    assert_eq!(hub.resolve(&revision).await.unwrap().revision, 7);
    assert_eq!(
        asked.lock().unwrap()[0],
        json!({ "action": "install", "instance-key": "install", "name": "web", "revision": 7,
            "resource-revisions": [{ "name": "site", "revision": 4 }] })
    );
}

#[tokio::test]
async fn what_is_not_there_is_said_with_what_is() {
    let (hub, _) = store().await;
    let said = |error: SourceError| (matches!(error, SourceError::NotFound(_)), error.to_string());
    assert_eq!(
        said(hub.resolve(&wanted("none")).await.unwrap_err()),
        (true, "charm or bundle \"none\" not found".to_owned())
    );
    let mut beta = wanted("web");
    beta.channel = "beta".parse().ok();
    beta.base = "ubuntu@24.04".parse().ok();
    assert_eq!(
        said(hub.resolve(&beta).await.unwrap_err()),
        (
            true,
            "there is no charm \"web\" in latest/beta for ubuntu@24.04; available releases are: \
             latest/stable on ubuntu@24.04"
                .to_owned()
        )
    );
    let lie = hub.resolve(&wanted("liar")).await.unwrap_err();
    assert!(matches!(lie, SourceError::Odd { .. }), "{lie}");
}

#[tokio::test]
async fn downloads_are_bounded() {
    let (hub, _) = store().await;
    let download = |name: &str, size: u64| Download {
        url: hub
            .url()
            .join(&format!("content/{name}"))
            .unwrap()
            .to_string(),
        sha256: String::new(),
        size,
    };
    let all = |name: &'static str, size: u64, most: u64| {
        let (hub, download) = (hub.clone(), download(name, size));
        async move {
            let mut parts = hub.download(&download, most).await?;
            let mut all = Vec::new();
            while let Some(part) = parts.next().await {
                all.extend_from_slice(&part?);
            }
            Ok::<_, SourceError>(all)
        }
    };
    assert_eq!(all("hello", 5, 5).await.unwrap(), b"hello");
    for (name, size, most) in [
        // Announced by the store, by the answer, and by nobody.
        ("hello", 10, 5),
        ("hello", 1, 4),
        ("endless", 1, 1 << 20),
    ] {
        let error = all(name, size, most).await.unwrap_err();
        assert!(matches!(error, SourceError::TooLarge { .. }), "{error}");
    }
    let none = all("nothing", 1, 5).await.unwrap_err();
    assert!(matches!(none, SourceError::NotFound(_)), "{none}");
    let away = all("away", 1, 5).await.unwrap_err();
    assert!(away.to_string().contains("away from https"), "{away}");
    let mut plain = download("hello", 5);
    plain.url = "http://192.0.2.1/x".to_owned();
    let error = hub.download(&plain, 5).await.map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("not https"), "{error}");
}

#[tokio::test]
async fn a_store_that_is_not_there_is_transient() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let hub = Charmhub::new(&format!("http://{address}")).unwrap();
    let error = hub.find("x").await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert!(
        error
            .to_string()
            .starts_with("cannot reach the charm store at http://127.")
    );
}

#[test]
fn addresses_are_https_or_loopback() {
    let hub = Charmhub::new("http://127.0.0.1:1").unwrap();
    assert!(Charmhub::new("http://192.0.2.1").is_err());
    assert!(Charmhub::new("ftp://x").is_err());
    // What a user names may not lead to the server's own services.
    assert!(hub.at("http://127.0.0.1:2").is_err());
    assert!(hub.at("http://127.0.0.1:1").is_ok());
    assert!(hub.at("https://store.example").is_ok());
}
