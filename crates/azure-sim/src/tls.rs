//! The simulator's own certification authority and server certificate, made at
//! the first start and kept in the data directory.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::{Deserialize, Serialize};
use tokio_rustls::TlsAcceptor;

use crate::error::Error;

const CA_FILE: &str = "ca.pem";
const KEYS_FILE: &str = "tls.json";

/// What the data directory keeps, readable by its owner only.
#[derive(Serialize, Deserialize)]
struct Keys {
    ca: String,
    certificate: String,
    key: String,
    /// Signs bearer tokens; hexadecimal.
    token_key: String,
}

/// The TLS side of the listener, and the key of bearer tokens.
pub(crate) struct Identity {
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) token_key: [u8; 32],
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Tls(error.to_string())
}

/// Reads the identity of a data directory, or makes it.
pub(crate) fn identity(dir: &Path) -> Result<Identity, Error> {
    let path = dir.join(KEYS_FILE);
    let keys = match std::fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| Error::Damaged {
            path: path.clone(),
            reason: error.to_string(),
        })?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let keys = make()?;
            let text = serde_json::to_vec(&keys).map_err(failed)?;
            write_private(&path, &text)?;
            keys
        }
        Err(error) => return Err(Error::file("read", path)(error)),
    };
    let ca = dir.join(CA_FILE);
    std::fs::write(&ca, &keys.ca).map_err(Error::file("write", ca))?;
    let mut token_key = [0; 32];
    hex::decode_to_slice(&keys.token_key, &mut token_key).map_err(|error| Error::Damaged {
        path,
        reason: error.to_string(),
    })?;
    Ok(Identity {
        acceptor: acceptor(&keys)?,
        token_key,
    })
}

/// Writes a file that only its owner may read, whole or not at all.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let next = path.with_extension("next");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&next)
        .map_err(Error::file("create", &next))?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(Error::file("write", &next))?;
    std::fs::rename(&next, path).map_err(Error::file("replace", path))
}

fn params(name: &str, hosts: &[&str]) -> Result<CertificateParams, Error> {
    let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(hosts).map_err(failed)?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2120, 1, 1);
    Ok(params)
}

fn make() -> Result<Keys, Error> {
    let mut ca = params("azure-sim CA", &[])?;
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    let ca_key = KeyPair::generate().map_err(failed)?;
    let ca_certificate = ca.self_signed(&ca_key).map_err(failed)?;
    let issuer = Issuer::new(ca, ca_key);
    let mut server = params("azure-sim", &["localhost", "127.0.0.1", "::1"])?;
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    server.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate().map_err(failed)?;
    let certificate = server.signed_by(&key, &issuer).map_err(failed)?;
    Ok(Keys {
        ca: ca_certificate.pem(),
        certificate: certificate.pem(),
        key: key.serialize_pem(),
        token_key: hex::encode(rand::random::<[u8; 32]>()),
    })
}

fn acceptor(keys: &Keys) -> Result<TlsAcceptor, Error> {
    let chain = CertificateDer::pem_slice_iter(keys.certificate.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed)?;
    let key = PrivateKeyDer::from_pem_slice(keys.key.as_bytes()).map_err(failed)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(failed)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
