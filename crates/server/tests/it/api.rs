//! The description of the API, and TLS.

use std::path::Path;
use std::sync::Arc;

use lazuli_api::Client;
use lazuli_api::client::{Options, TrustAnchor};
use lazuli_server::{Listening, serve};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

#[test]
fn the_description_that_is_committed_is_that_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/openapi.json");
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let fresh = lazuli_server::openapi().to_pretty_json().unwrap();
    assert!(
        committed.trim_end() == fresh,
        "docs/reference/openapi.json is not up to date: \
         cargo run -p lazuli-server --example openapi > docs/reference/openapi.json"
    );
}

#[test]
fn the_description_is_complete() {
    let api = serde_json::to_value(lazuli_server::openapi()).unwrap();
    assert_eq!(api["openapi"], "3.1.0");
    let text = api.to_string();
    for reference in text.split("\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(
            api["components"]["schemas"].get(name).is_some(),
            "{name} is missing"
        );
    }
    let deploy = &api["paths"]["/v1/models/{model}/applications"]["post"];
    assert_eq!(deploy["operationId"], "deploy");
    assert!(deploy["responses"]["default"].is_object());
    assert!(deploy["security"].is_array());
    let names: Vec<&str> = deploy["parameters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|parameter| parameter["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["dry_run", "model"]);
}

#[tokio::test]
async fn a_pinned_certificate_is_trusted_and_no_other() {
    let made = rcgen::generate_simple_self_signed(["elsewhere".to_owned()]).unwrap();
    let der = made.cert.der().clone();
    let fingerprint: [u8; 32] = sha2::Digest::finalize(sha2::Digest::chain_update(
        <sha2::Sha256 as sha2::Digest>::new(),
        &der,
    ))
    .into();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![der], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = format!("https://{}", listener.local_addr().unwrap());
    let listening = Listening {
        listener,
        tls: Some(Arc::new(config)),
        most_connections: 10,
    };
    let version = serde_json::json!({
        "version": "1", "juju_version": "3", "controller": "c", "controller_uuid": "u",
        "cloud": "a", "region": "r",
    });
    let route = axum::routing::get(move || async move { axum::Json(version) });
    let router = axum::Router::new().route("/v1/version", route);
    let stopping = CancellationToken::new();
    let serving = tokio::spawn(serve(listening, router, stopping.clone()));
    let ask = async |trust: TrustAnchor| {
        let mut options = Options::new(server.parse().unwrap());
        options.trust = trust;
        Client::new(&options).unwrap().version().await
    };
    assert_eq!(
        ask(TrustAnchor::Fingerprint(fingerprint))
            .await
            .unwrap()
            .controller,
        "c"
    );
    let mut other = fingerprint;
    other[0] ^= 1;
    assert!(ask(TrustAnchor::Fingerprint(other)).await.is_err());
    stopping.cancel();
    serving.await.unwrap();
}
