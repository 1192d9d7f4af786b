//! The certificate with which the API is served.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest as _, Sha256};

use crate::config::Tls;

/// A certificate that was read, and what clients may know it by.
pub(crate) struct Certificate {
    pub(crate) config: Arc<ServerConfig>,
    /// The sha-256 of the certificate, in hex, as `lazuli login --fingerprint`
    /// takes it.
    pub(crate) fingerprint: String,
}

/// Reads a certificate, with those that lead to its authority, and its key.
///
/// # Errors
/// When a file cannot be read or holds no such thing, or the key belongs to
/// another certificate; the text names the file.
pub(crate) fn load(tls: &Tls) -> anyhow::Result<Certificate> {
    let chain = chain(&tls.certificate)?;
    let fingerprint = hex::encode(Sha256::digest(&chain[0]));
    let key = PrivateKeyDer::from_pem_file(&tls.key)
        .with_context(|| format!("failed to read a private key from {}", tls.key.display()))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .with_context(|| {
            format!(
                "failed to use the key of {} with the certificate of {}",
                tls.key.display(),
                tls.certificate.display()
            )
        })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Certificate {
        config: Arc::new(config),
        fingerprint,
    })
}

/// At least one certificate.
fn chain(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let failed = || format!("failed to read certificates from {}", path.display());
    let chain = CertificateDer::pem_file_iter(path)
        .with_context(failed)?
        .collect::<Result<Vec<_>, _>>()
        .with_context(failed)?;
    if chain.is_empty() {
        bail!("{} holds no certificate in PEM form", path.display());
    }
    Ok(chain)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// A self-signed certificate and its key, in files.
    fn files(directory: &Path, name: &str) -> Tls {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        let tls = Tls {
            certificate: directory.join(format!("{name}.pem")),
            key: directory.join(format!("{name}.key")),
        };
        std::fs::write(&tls.certificate, made.cert.pem()).unwrap();
        std::fs::write(&tls.key, made.signing_key.serialize_pem()).unwrap();
        tls
    }

    fn problem(tls: &Tls) -> String {
        match load(tls) {
            Ok(_) => panic!("it was taken"),
            Err(error) => format!("{error:#}"),
        }
    }

    #[test]
    fn a_certificate_goes_with_its_key_only() {
        let directory = tempfile::tempdir().unwrap();
        let one = files(directory.path(), "one");
        let two = files(directory.path(), "two");
        assert_eq!(load(&one).unwrap().fingerprint.len(), 64);
        let mixed = Tls {
            certificate: one.certificate.clone(),
            key: two.key,
        };
        assert!(problem(&mixed).contains("failed to use the key of"));
        let swapped = Tls {
            certificate: one.key.clone(),
            key: one.certificate.clone(),
        };
        assert!(problem(&swapped).contains("holds no certificate"));
        let missing = Tls {
            certificate: PathBuf::from("/nowhere/cert.pem"),
            key: one.key,
        };
        assert!(problem(&missing).contains("/nowhere/cert.pem"));
    }
}
