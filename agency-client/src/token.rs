//! Officer tokens: minted here, bound to the node's certificate, renewed before they end.
//!
//! Invariant: a token lives 10 minutes, and none is handed out in its last 60 seconds.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use tonic::metadata::{Ascii, MetadataValue};

use crate::{
    error::{ClientError, Result},
    profile::Identity,
};

/// Life of a token in seconds; the hub accepts up to 900.
///
/// ```
/// assert_eq!(agency_client::TOKEN_LIFE_S, 600);
/// ```
pub const TOKEN_LIFE_S: i64 = 600;
/// A token that ends sooner than this, in seconds, is replaced.
///
/// ```
/// assert_eq!(agency_client::TOKEN_MARGIN_S, 60);
/// ```
pub const TOKEN_MARGIN_S: i64 = 60;

/// What a token says (RFC 7519, RFC 8705).
#[derive(Debug, Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    jti: String,
    roles: &'a [String],
    cnf: Confirmation,
}

/// Binds the token to the node's certificate, so that a stolen one is useless elsewhere.
#[derive(Debug, Serialize)]
struct Confirmation {
    #[serde(rename = "x5t#S256")]
    thumbprint: String,
}

/// Mints and keeps the token of one officer.
pub(crate) struct Minter {
    identity: Arc<Identity>,
    key: EncodingKey,
    officer: String,
    roles: Vec<String>,
    cached: Mutex<Option<Minted>>,
}

#[derive(Clone)]
struct Minted {
    header: MetadataValue<Ascii>,
    renew_at_s: i64,
}

impl fmt::Debug for Minter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Minter")
            .field("officer", &self.officer)
            .field("roles", &self.roles)
            .finish_non_exhaustive()
    }
}

impl Minter {
    pub(crate) fn new(identity: Arc<Identity>, officer: String, roles: Vec<String>) -> Self {
        let key = EncodingKey::from_ed_der(identity.token_key.secret_pkcs8_der());
        Self {
            identity,
            key,
            officer,
            roles,
            cached: Mutex::new(None),
        }
    }

    pub(crate) fn officer(&self) -> &str {
        &self.officer
    }

    pub(crate) fn roles(&self) -> &[String] {
        &self.roles
    }

    /// The value of the `authorization` header, minted when there is none fresh enough.
    pub(crate) fn header(&self, now: Timestamp) -> Result<MetadataValue<Ascii>> {
        let now_s = now.as_second();
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(minted) = cached.as_ref().filter(|minted| {
            // A clock that was set back far must not keep an old token alive.
            now_s < minted.renew_at_s && minted.renew_at_s - now_s <= TOKEN_LIFE_S
        }) {
            return Ok(minted.header.clone());
        }
        let minted = Minted {
            header: self.mint(now_s)?,
            renew_at_s: now_s + TOKEN_LIFE_S - TOKEN_MARGIN_S,
        };
        *cached = Some(minted.clone());
        Ok(minted.header)
    }

    /// Forgets the token, so that the next call mints another.
    pub(crate) fn forget(&self) {
        *self.cached.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn mint(&self, now_s: i64) -> Result<MetadataValue<Ascii>> {
        let profile = &self.identity.profile;
        let claims = Claims {
            iss: &profile.agency,
            sub: &self.officer,
            aud: &profile.token_audience,
            iat: now_s,
            exp: now_s + TOKEN_LIFE_S,
            jti: uuid::Uuid::now_v7().to_string(),
            roles: &self.roles,
            cnf: Confirmation {
                thumbprint: URL_SAFE_NO_PAD.encode(self.identity.certificate_sha256),
            },
        };
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(profile.token_kid.clone());
        // The cause is not shown: it is about a private key.
        let unusable = || ClientError::file(&profile.token_key, "is no usable Ed25519 key");
        let token =
            jsonwebtoken::encode(&header, &claims, &self.key).map_err(|_error| unusable())?;
        let mut value: MetadataValue<Ascii> =
            format!("Bearer {token}").parse().map_err(|_| unusable())?;
        value.set_sensitive(true);
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use hub_core::crypto::{SigningKey, sha256, verify_ed25519};
    use jiff::ToSpan as _;
    use serde_json::Value;

    use super::*;
    use crate::testing::Fixture;

    fn minter(fixture: &Fixture) -> Minter {
        let identity = Identity::load(&fixture.profile()).unwrap();
        Minter::new(identity, "tax-clerk-1".into(), vec!["clerk".into()])
    }

    fn part(token: &str, index: usize) -> Value {
        let part = token.split('.').nth(index).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    #[test]
    fn a_token_says_what_the_hub_demands_and_is_signed() {
        let fixture = Fixture::new();
        let minter = minter(&fixture);
        let now = Timestamp::from_second(1_780_000_000).unwrap();
        let value = minter.header(now).unwrap();
        assert!(value.is_sensitive());
        let token = value.to_str().unwrap().strip_prefix("Bearer ").unwrap();
        let (header, claims) = (part(token, 0), part(token, 1));
        assert_eq!(header["alg"], "EdDSA");
        assert_eq!(header["kid"], "tax-2026-1");
        assert_eq!(claims["iss"], "tax");
        assert_eq!(claims["sub"], "tax-clerk-1");
        assert_eq!(claims["aud"], "hub.shanxi.example");
        assert_eq!(claims["iat"], 1_780_000_000);
        assert_eq!(claims["exp"], 1_780_000_600);
        assert_eq!(claims["roles"], serde_json::json!(["clerk"]));
        let leaf = &minter.identity.chain[0];
        assert_eq!(
            claims["cnf"]["x5t#S256"],
            URL_SAFE_NO_PAD.encode(sha256(&[leaf])).as_str()
        );
        let jti: uuid::Uuid = claims["jti"].as_str().unwrap().parse().unwrap();
        assert_eq!(jti.get_version_num(), 7);
        let (message, signature) = token.rsplit_once('.').unwrap();
        let key = SigningKey::from_pkcs8(minter.identity.token_key.secret_pkcs8_der()).unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        verify_ed25519(&key.public_key(), message.as_bytes(), &signature).unwrap();
    }

    #[test]
    fn a_token_is_kept_until_its_last_minute() {
        let fixture = Fixture::new();
        let minter = minter(&fixture);
        let now = Timestamp::from_second(1_780_000_000).unwrap();
        let first = minter.header(now).unwrap();
        assert_eq!(minter.header(now + 539.seconds()).unwrap(), first);
        assert_ne!(minter.header(now + 540.seconds()).unwrap(), first);
    }

    #[test]
    fn a_forgotten_token_and_a_clock_set_back_bring_a_new_one() {
        let fixture = Fixture::new();
        let minter = minter(&fixture);
        let now = Timestamp::from_second(1_780_000_000).unwrap();
        let first = minter.header(now).unwrap();
        minter.forget();
        let second = minter.header(now).unwrap();
        assert_ne!(first, second);
        assert_ne!(minter.header(now - 3600.seconds()).unwrap(), second);
    }
}
