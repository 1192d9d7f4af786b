//! Whom to trust at the other end.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use sha2::{Digest as _, Sha256};

use super::ClientError;

/// Whom to trust at the other end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TrustAnchor {
    /// Whom the operating system trusts.
    #[default]
    System,
    /// Certificates that these authorities (PEM) have signed, and no others.
    Authority(String),
    /// The certificate with this sha-256 and no other, whatever its name.
    Fingerprint([u8; 32]),
}

/// The configuration that trusts this anchor; none for the system's own.
pub(super) fn config(anchor: &TrustAnchor) -> Result<Option<ClientConfig>, ClientError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| ClientError::SetUp(error.to_string()))?;
    Ok(match anchor {
        TrustAnchor::System => None,
        TrustAnchor::Authority(pem) => Some(
            builder
                .with_root_certificates(roots(pem)?)
                .with_no_client_auth(),
        ),
        TrustAnchor::Fingerprint(sha256) => Some(
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Pinned {
                    sha256: *sha256,
                    provider,
                }))
                .with_no_client_auth(),
        ),
    })
}

fn roots(pem: &str) -> Result<RootCertStore, ClientError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        certificate
            .map_err(|error| error.to_string())
            .and_then(|der| roots.add(der).map_err(|error| error.to_string()))
            .map_err(|error| {
                ClientError::SetUp(format!("the CA certificate is not one: {error}"))
            })?;
    }
    if roots.is_empty() {
        return Err(ClientError::SetUp(
            "the CA certificate holds no certificate in PEM form".to_owned(),
        ));
    }
    Ok(roots)
}

/// How the verifier names an authority's certificate in a server's place.
const SELF_SIGNED: &str = "CaUsedAsEndEntity";

/// What is wrong with the certificate of a server, if a request failed for it.
pub(super) fn distrust(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        // An I/O error answers for the cause of what it holds, not for that.
        let mut held = error;
        while let Some(inner) = held
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref)
        {
            held = inner;
        }
        if let Some(rustls::Error::InvalidCertificate(wrong)) = held.downcast_ref() {
            return Some(match wrong {
                CertificateError::ApplicationVerificationFailure => {
                    "it is another one than the fingerprint says".to_owned()
                }
                CertificateError::Other(other) if other.to_string().contains(SELF_SIGNED) => {
                    "it is signed by itself, so only its fingerprint can vouch for it".to_owned()
                }
                CertificateError::UnknownIssuer => "nobody who is trusted signed it".to_owned(),
                wrong => wrong.to_string(),
            });
        }
        cause = error.source();
    }
    None
}

/// Takes one certificate; that its holder is at the other end is proved by
/// the handshake's signature, as ever.
#[derive(Debug)]
struct Pinned {
    sha256: [u8; 32],
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let found: [u8; 32] = Sha256::digest(end_entity.as_ref()).into();
        if found == self.sha256 {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
