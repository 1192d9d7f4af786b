//! Client credentials in, bearer tokens out. Tokens are signed with a key of
//! the data directory, so that they outlive a restart.

use std::sync::atomic::{AtomicI64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::arm::timestamp;
use crate::error::ArmError;
use crate::settings::Settings;

const BLOCK: usize = 64;

/// HMAC-SHA256 (RFC 2104).
fn hmac(key: &[u8; 32], text: &[u8]) -> [u8; 32] {
    let mut inner = [0x36_u8; BLOCK];
    let mut outer = [0x5c_u8; BLOCK];
    for (index, byte) in key.iter().enumerate() {
        inner[index] ^= byte;
        outer[index] ^= byte;
    }
    let digest = Sha256::new()
        .chain_update(inner)
        .chain_update(text)
        .finalize();
    Sha256::new()
        .chain_update(outer)
        .chain_update(digest)
        .finalize()
        .into()
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    aud: String,
    iss: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    appid: String,
    oid: String,
    sub: String,
    tid: String,
    idtyp: String,
    ver: String,
    /// Milliseconds, so that a revocation tells tokens of one second apart.
    iat_ms: i64,
}

/// Issues and checks tokens.
pub(crate) struct Tokens {
    key: [u8; 32],
    revoked_before_ms: AtomicI64,
}

impl Tokens {
    pub(crate) const fn new(key: [u8; 32]) -> Self {
        Self {
            key,
            revoked_before_ms: AtomicI64::new(i64::MIN),
        }
    }

    /// Refuses all tokens issued so far.
    pub(crate) fn revoke(&self, now_ms: i64) {
        self.revoked_before_ms.store(now_ms, Ordering::Relaxed);
    }

    /// The answer to a token request: a status and a body.
    pub(crate) fn grant(
        &self,
        settings: &Settings,
        base: &str,
        tenant: &str,
        authorization: Option<&str>,
        form: &[u8],
        now_ms: i64,
    ) -> (u16, Value) {
        let fields: Vec<(String, String)> =
            url::form_urlencoded::parse(form).into_owned().collect();
        let field = |name: &str| {
            fields
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.clone())
        };
        if !tenant.eq_ignore_ascii_case(&settings.tenant) {
            return refusal(
                400,
                "invalid_request",
                90_002,
                &format!(
                    "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud."
                ),
            );
        }
        if field("grant_type").as_deref() != Some("client_credentials") {
            return refusal(
                400,
                "unsupported_grant_type",
                70_003,
                "The app requested an unsupported grant type; azure-sim grants client_credentials only.",
            );
        }
        let (id, secret) = basic(authorization).unwrap_or_else(|| {
            (
                field("client_id").unwrap_or_default(),
                field("client_secret").unwrap_or_default(),
            )
        });
        let Some(principal) = settings.principals.iter().find(|known| known.id == id) else {
            return refusal(
                400,
                "unauthorized_client",
                700_016,
                &format!(
                    "Application with identifier '{id}' was not found in the directory 'azure-sim'."
                ),
            );
        };
        if hmac(&self.key, principal.secret.as_bytes()) != hmac(&self.key, secret.as_bytes()) {
            return refusal(
                401,
                "invalid_client",
                7_000_215,
                &format!(
                    "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{id}'."
                ),
            );
        }
        let token = self.issue(settings, base, &id, field("scope").as_deref(), now_ms);
        (
            200,
            json!({
                "token_type": "Bearer",
                "expires_in": settings.token_lifetime,
                "ext_expires_in": settings.token_lifetime,
                "access_token": token,
            }),
        )
    }

    fn issue(
        &self,
        settings: &Settings,
        base: &str,
        id: &str,
        scope: Option<&str>,
        now_ms: i64,
    ) -> String {
        let now = now_ms / 1000;
        let lifetime = i64::try_from(settings.token_lifetime).unwrap_or(i64::MAX);
        let claims = Claims {
            aud: scope
                .unwrap_or_default()
                .trim_end_matches("/.default")
                .to_owned(),
            iss: format!("{base}/{}/", settings.tenant),
            iat: now,
            nbf: now,
            exp: now.saturating_add(lifetime),
            appid: id.to_owned(),
            oid: id.to_owned(),
            sub: id.to_owned(),
            tid: settings.tenant.clone(),
            idtyp: "app".to_owned(),
            ver: "1.0".to_owned(),
            iat_ms: now_ms,
        };
        let text = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"HS256"}"#),
            URL_SAFE_NO_PAD.encode(json!(claims).to_string())
        );
        let signature = URL_SAFE_NO_PAD.encode(hmac(&self.key, text.as_bytes()));
        format!("{text}.{signature}")
    }

    /// The application id of a request's token.
    pub(crate) fn check(
        &self,
        settings: &Settings,
        authorization: Option<&str>,
        now_ms: i64,
    ) -> Result<String, ArmError> {
        let Some(header) = authorization else {
            return Err(unauthorized(
                settings,
                "AuthenticationFailed",
                "Authentication failed. The 'Authorization' header is missing.",
            ));
        };
        let invalid = || {
            unauthorized(
                settings,
                "InvalidAuthenticationToken",
                "The access token is invalid.",
            )
        };
        let (scheme, token) = header.split_once(' ').ok_or_else(invalid)?;
        let (text, signature) = token.trim().rsplit_once('.').ok_or_else(invalid)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| invalid())?;
        if !scheme.eq_ignore_ascii_case("Bearer")
            || hmac(&self.key, &hmac(&self.key, text.as_bytes())) != hmac(&self.key, &signature)
        {
            return Err(invalid());
        }
        let claims: Claims = text
            .split_once('.')
            .and_then(|(_, claims)| URL_SAFE_NO_PAD.decode(claims).ok())
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .ok_or_else(invalid)?;
        if claims.exp <= now_ms / 1000 {
            return Err(unauthorized(
                settings,
                "ExpiredAuthenticationToken",
                &format!(
                    "The access token expiry UTC time '{}' is earlier than current UTC time '{}'.",
                    timestamp(claims.exp * 1000),
                    timestamp(now_ms)
                ),
            ));
        }
        if claims.iat_ms <= self.revoked_before_ms.load(Ordering::Relaxed) {
            return Err(invalid());
        }
        if !settings
            .principals
            .iter()
            .any(|known| known.id == claims.appid)
        {
            return Err(ArmError::new(
                403,
                "AuthorizationFailed",
                format!(
                    "The client '{}' with object id '{}' does not have authorization to perform this action.",
                    claims.appid, claims.oid
                ),
            ));
        }
        Ok(claims.appid)
    }
}

fn basic(authorization: Option<&str>) -> Option<(String, String)> {
    let (scheme, value) = authorization?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(value.trim())
        .ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

fn refusal(status: u16, error: &str, code: u32, message: &str) -> (u16, Value) {
    (
        status,
        json!({
            "error": error,
            "error_description": format!("AADSTS{code}: {message}"),
            "error_codes": [code],
            "error_uri": format!("https://login.microsoftonline.com/error?code={code}"),
        }),
    )
}

fn unauthorized(settings: &Settings, code: &str, message: &str) -> ArmError {
    ArmError::new(401, code, message).header(
        "WWW-Authenticate",
        format!(
            "Bearer authorization_uri=\"https://login.windows.net/{}\", error=\"invalid_token\", error_description=\"{message}\"",
            settings.tenant
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mac_is_that_of_rfc_4231() {
        let mut key = [0_u8; 32];
        key[..4].copy_from_slice(b"Jefe");
        assert_eq!(
            hex::encode(hmac(&key, b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    fn settings() -> Settings {
        Settings::new("/nowhere".into())
    }

    fn grant(tokens: &Tokens, form: &str) -> (u16, Value) {
        let settings = settings();
        tokens.grant(
            &settings,
            "https://sim",
            &settings.tenant,
            None,
            form.as_bytes(),
            1_000,
        )
    }

    #[test]
    fn a_token_is_good_until_it_expires_or_is_revoked() {
        let tokens = Tokens::new([7; 32]);
        let settings = settings();
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}&scope=x%2F.default",
            settings.principals[0].id, settings.principals[0].secret
        );
        let (status, body) = grant(&tokens, &form);
        assert_eq!(status, 200);
        let header = format!("Bearer {}", body["access_token"].as_str().unwrap());
        let check = |now| tokens.check(&settings, Some(&header), now);
        assert_eq!(check(2_000).unwrap(), settings.principals[0].id);
        let late = check(1_000 + 3_600_000).unwrap_err();
        assert_eq!(
            (late.status, late.code.as_str()),
            (401, "ExpiredAuthenticationToken")
        );
        tokens.revoke(1_000);
        assert_eq!(check(2_000).unwrap_err().code, "InvalidAuthenticationToken");
        let forged = Tokens::new([8; 32]).check(&settings, Some(&header), 2_000);
        assert_eq!(forged.unwrap_err().status, 401);
        assert_eq!(
            tokens.check(&settings, None, 0).unwrap_err().code,
            "AuthenticationFailed"
        );
    }

    #[test]
    fn wrong_credentials_get_entra_errors() {
        let tokens = Tokens::new([7; 32]);
        let id = settings().principals[0].id.clone();
        let (status, body) = grant(
            &tokens,
            &format!("grant_type=client_credentials&client_id={id}&client_secret=no"),
        );
        assert_eq!((status, &body["error"]), (401, &json!("invalid_client")));
        let (status, body) = grant(&tokens, "grant_type=client_credentials&client_id=x");
        assert_eq!(
            (status, &body["error"]),
            (400, &json!("unauthorized_client"))
        );
    }
}
