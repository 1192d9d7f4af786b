//! Tokens: 256 random bits behind a prefix that secret scanners can find.

use http::HeaderMap;
use http::header::AUTHORIZATION;
use sha2::{Digest as _, Sha256};

use crate::error::Error;

/// What every token begins with.
const PREFIX: &str = "lzt_";
/// Hexadecimal digits after it.
const DIGITS: usize = 64;

/// A new token.
pub(crate) fn fresh() -> Result<String, Error> {
    let mut random = [0_u8; 32];
    rand::TryRng::try_fill_bytes(&mut rand::rngs::SysRng, &mut random)
        .map_err(|error| Error::Bug(format!("the system gives no randomness: {error}")))?;
    Ok(format!("{PREFIX}{}", hex::encode(random)))
}

/// What a token is known by; the token itself is stored nowhere.
pub(crate) fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// The token of a request, if it has one that could be one.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let digits = token.strip_prefix(PREFIX)?;
    let good = scheme.eq_ignore_ascii_case("bearer")
        && digits.len() == DIGITS
        && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    good.then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_random_and_read_back() {
        let (one, other) = (fresh().unwrap(), fresh().unwrap());
        assert_ne!(one, other);
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, format!("Bearer {one}").parse().unwrap());
        assert_eq!(bearer(&headers), Some(one.as_str()));
        for bad in [
            "",
            "Bearer",
            "Bearer x",
            "Basic lzt_",
            &format!("Bearer {one}0"),
        ] {
            headers.insert(AUTHORIZATION, bad.parse().unwrap());
            assert_eq!(bearer(&headers), None, "{bad}");
        }
    }
}
