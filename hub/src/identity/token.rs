//! Verifies officer tokens: JSON Web Tokens (RFC 7519) signed by the agency's registered key and
//! bound to the TLS client certificate (RFC 8705), so that a stolen token is useless elsewhere.
//!
//! The key decides the algorithm; the token's header can only agree with it. The key is looked up
//! under the agency of the *certificate*, never under what the token claims.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hub_core::{
    crypto::{Digest, sha256},
    jwk::{JwkError, TokenAlgorithm, TokenJwk, is_kid},
    names::RoleId,
    reason::Reason,
};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use lru::LruCache;
use serde::Deserialize;

use super::{Caller, KeyStanding, Peer, Roster};
use crate::error::{Error, Result};

/// Longest token in bytes.
pub const TOKEN_BYTES_MAX: usize = 4096;

/// Longest life of a token: `exp` minus `iat`, in seconds.
pub const TOKEN_LIFE_S_MAX: i64 = 900;

/// How far a client's clock may be ahead, in seconds. It excuses `iat` and `nbf` only: `exp` is
/// taken as it stands.
pub const CLOCK_SKEW_S_MAX: i64 = 30;

/// Most roles of a token.
pub const TOKEN_ROLES_MAX: usize = 16;

/// Longest `jti` in characters.
pub const TOKEN_ID_CHARS_MAX: usize = 64;

/// Most verified tokens remembered; the least recently used gives way.
pub const TOKEN_CACHE_MAX: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4095);

/// An agency's public key for tokens, ready to verify.
#[derive(Clone)]
pub struct TokenKey {
    algorithm: TokenAlgorithm,
    decoding: DecodingKey,
}

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TokenKey({})", self.algorithm.as_str())
    }
}

impl TokenKey {
    /// Takes a public JWK.
    ///
    /// # Errors
    /// When its coordinates cannot be used.
    pub fn new(jwk: &TokenJwk) -> Result<Self, JwkError> {
        let decoding = match jwk.y() {
            None => DecodingKey::from_ed_components(&jwk.x()),
            Some(y) => DecodingKey::from_ec_components(&jwk.x(), &y),
        };
        Ok(Self {
            algorithm: jwk.algorithm(),
            decoding: decoding.map_err(|_| JwkError("x and y must be base64url"))?,
        })
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: i64,
    iat: i64,
    nbf: Option<i64>,
    jti: String,
    roles: Vec<String>,
    cnf: Option<Confirmation>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
struct Confirmation {
    #[serde(rename = "x5t#S256")]
    certificate: Option<String>,
}

/// Verifies a token for the peer that sent it.
///
/// # Errors
/// `TOKEN_INVALID`, `TOKEN_EXPIRED`, `TOKEN_KEY_UNKNOWN`, `TOKEN_NOT_BOUND` or `ROLE_NOT_GRANTED`
/// with the rule that is broken. The token itself is never in the error.
pub fn verify(
    token: &str,
    peer: &Arc<Peer>,
    audience: &str,
    roster: &dyn Roster,
    now: Timestamp,
) -> Result<Caller> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(invalid(format!(
            "must have at most {TOKEN_BYTES_MAX} bytes"
        )));
    }
    let (algorithm, kid) = read_header(token)?;
    let key = match roster.token_key(&peer.agency, &kid) {
        KeyStanding::Active(key) => key,
        KeyStanding::Revoked => return Err(unknown_key(peer, &kid, "is revoked")),
        KeyStanding::Unknown => return Err(unknown_key(peer, &kid, "is not registered")),
    };
    if key.algorithm != algorithm {
        return Err(invalid(format!(
            "alg must be {}, as the registered key {kid} demands",
            key.algorithm.as_str()
        )));
    }
    let claims = read_claims(token, &key)?;
    check_claims(&claims, peer, audience)?;
    let token_expires_at = check_times(&claims, now)?;
    Ok(Caller {
        peer: Arc::clone(peer),
        officer: claims
            .sub
            .parse()
            .map_err(|rule| invalid(format!("sub {rule}")))?,
        roles: check_roles(&claims.roles, peer, roster)?,
        token_expires_at,
        token_kid: kid,
    })
}

fn read_header(token: &str) -> Result<(TokenAlgorithm, String)> {
    let mut parts = token.split('.');
    let (Some(header), Some(_), Some(_), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(invalid(
            "must have three parts, separated by dots (RFC 7515)",
        ));
    };
    let header: Header = URL_SAFE_NO_PAD
        .decode(header)
        .ok()
        .and_then(|json| serde_json::from_slice(&json).ok())
        .ok_or_else(|| invalid("has a header that is no base64url JSON object with alg"))?;
    let algorithm =
        TokenAlgorithm::parse(&header.alg).ok_or_else(|| invalid("alg must be EdDSA or ES256"))?;
    if header.crit.is_some() {
        return Err(invalid("crit is not supported"));
    }
    if header
        .typ
        .is_some_and(|typ| !typ.eq_ignore_ascii_case("jwt"))
    {
        return Err(invalid("typ must be absent or JWT"));
    }
    match header.kid {
        Some(kid) if is_kid(&kid) => Ok((algorithm, kid)),
        Some(_) => Err(invalid(
            "kid must be 1 to 64 characters of A-Z a-z 0-9 . _ -",
        )),
        None => Err(invalid("kid is missing")),
    }
}

fn read_claims(token: &str, key: &TokenKey) -> Result<Claims> {
    let mut validation = Validation::new(match key.algorithm {
        TokenAlgorithm::EdDsa => Algorithm::EdDSA,
        TokenAlgorithm::Es256 => Algorithm::ES256,
    });
    // Signature and algorithm are checked here; the claims below, against the hub's own clock.
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    jsonwebtoken::decode::<Claims>(token, &key.decoding, &validation)
        .map(|data| data.claims)
        .map_err(|error| match error.kind() {
            jsonwebtoken::errors::ErrorKind::InvalidSignature => {
                invalid("signature does not verify with the registered key")
            }
            // The parser's text can quote what it read, so it is not repeated.
            _ => invalid(
                "must hold the claims iss, sub, aud, exp, iat, jti, roles and cnf, the times as \
                 whole seconds",
            ),
        })
}

fn check_claims(claims: &Claims, peer: &Peer, audience: &str) -> Result<()> {
    if claims.iss != peer.agency.as_str() {
        return Err(invalid(format!(
            "iss must be {}, the agency of the client certificate",
            peer.agency
        )));
    }
    let is_for_us = match &claims.aud {
        Audience::One(one) => one == audience,
        // One audience only, so that no other service holds a token that works here.
        Audience::Many(many) => matches!(many.as_slice(), [one] if one == audience),
    };
    if !is_for_us {
        return Err(invalid(format!("aud must be {audience} and nothing else")));
    }
    if !(1..=TOKEN_ID_CHARS_MAX).contains(&claims.jti.chars().count()) {
        return Err(invalid(format!(
            "jti must be 1 to {TOKEN_ID_CHARS_MAX} characters"
        )));
    }
    let bound = claims
        .cnf
        .as_ref()
        .and_then(|cnf| cnf.certificate.as_deref());
    let rule = match bound {
        Some(bound) if bound == URL_SAFE_NO_PAD.encode(peer.fingerprint) => return Ok(()),
        Some(_) => "is bound to another client certificate",
        None => "has no cnf.x5t#S256",
    };
    Err(Error::new(
        Reason::TokenNotBound,
        format!(
            "the token {rule}; cnf.x5t#S256 must be the base64url SHA-256 of the client \
             certificate in use (RFC 8705)"
        ),
    ))
}

fn check_times(claims: &Claims, now: Timestamp) -> Result<Timestamp> {
    let expires_at = Timestamp::from_second(claims.exp)
        .map_err(|_| invalid("exp is out of the calendar's range"))?;
    let life_s = claims
        .exp
        .checked_sub(claims.iat)
        .ok_or_else(|| invalid("iat is out of the calendar's range"))?;
    if !(1..=TOKEN_LIFE_S_MAX).contains(&life_s) {
        return Err(invalid(format!(
            "exp must be 1 to {TOKEN_LIFE_S_MAX} seconds after iat"
        )));
    }
    let latest = now.as_second().saturating_add(CLOCK_SKEW_S_MAX);
    if claims.iat > latest || claims.nbf.is_some_and(|nbf| nbf > latest) {
        return Err(invalid(format!(
            "is not valid yet: iat and nbf may be at most {CLOCK_SKEW_S_MAX} seconds ahead of \
             the hub's clock, which shows {now}; check this machine's clock"
        )));
    }
    if expires_at <= now {
        return Err(Error::new(
            Reason::TokenExpired,
            format!("the token expired at {expires_at}; the hub's clock shows {now}"),
        ));
    }
    Ok(expires_at)
}

fn check_roles(roles: &[String], peer: &Peer, roster: &dyn Roster) -> Result<Vec<RoleId>> {
    if !(1..=TOKEN_ROLES_MAX).contains(&roles.len()) {
        return Err(invalid(format!(
            "roles must be 1 to {TOKEN_ROLES_MAX} role ids"
        )));
    }
    let mut parsed: Vec<RoleId> = Vec::with_capacity(roles.len());
    for (at, role) in roles.iter().enumerate() {
        let role: RoleId = role
            .parse()
            .map_err(|rule| invalid(format!("roles[{at}] {rule}")))?;
        if !roster.is_role_granted(&peer.agency, &role) {
            return Err(Error::new(
                Reason::RoleNotGranted,
                format!(
                    "the charter does not grant role {role} to agency {}",
                    peer.agency
                ),
            ));
        }
        if !parsed.contains(&role) {
            parsed.push(role);
        }
    }
    Ok(parsed)
}

fn invalid(rule: impl std::fmt::Display) -> Error {
    Error::new(Reason::TokenInvalid, format!("the token {rule}"))
}

fn unknown_key(peer: &Peer, kid: &str, why: &str) -> Error {
    Error::new(
        Reason::TokenKeyUnknown,
        format!("token key {kid} {why} for agency {}", peer.agency),
    )
}

/// Verified tokens, so that an officer's calls cost one signature check per token.
///
/// An entry counts only for the same certificate, within the token's life, and while the roster's
/// epoch is the one under which it was verified.
#[derive(Debug)]
pub struct TokenCache(Mutex<Verified>);

/// By hash of the token and fingerprint of the certificate: the roster's epoch and the caller.
type Verified = LruCache<(Digest, Digest), (u64, Arc<Caller>)>;

impl TokenCache {
    /// An empty cache for so many tokens.
    #[must_use]
    pub fn new(tokens_max: NonZeroUsize) -> Self {
        Self(Mutex::new(LruCache::new(tokens_max)))
    }

    /// Verifies a token, or finds it verified.
    ///
    /// # Errors
    /// As [`verify`]. Refusals are not remembered.
    pub fn verify(
        &self,
        token: &str,
        peer: &Arc<Peer>,
        audience: &str,
        roster: &dyn Roster,
        now: Timestamp,
    ) -> Result<Arc<Caller>> {
        let key = (sha256(&[token.as_bytes()]), peer.fingerprint);
        // Read before verifying: a change in between leaves an entry that counts for nothing.
        let epoch = roster.epoch();
        if let Some((known, caller)) = self.lock().get(&key)
            && *known == epoch
            && now < caller.token_expires_at
        {
            return Ok(Arc::clone(caller));
        }
        let caller = Arc::new(verify(token, peer, audience, roster, now)?);
        self.lock().put(key, (epoch, Arc::clone(&caller)));
        Ok(caller)
    }

    /// How many tokens it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// True when it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Verified> {
        // A panic cannot leave the map half changed, so a poisoned lock is still sound.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
