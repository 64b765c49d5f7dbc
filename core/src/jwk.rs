//! Public keys of officer tokens as JSON Web Keys (RFC 7517, RFC 8037).
//!
//! A [`TokenJwk`] is always a public key of an accepted algorithm: Ed25519 for `EdDSA`, P-256 for
//! `ES256`. The key decides the algorithm; a token's header can only agree with it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::crypto::sha256;

/// Longest key id in bytes.
pub const KID_BYTES_MAX: usize = 64;

/// Longest JWK text in bytes.
pub const JWK_BYTES_MAX: usize = 2048;

/// Algorithms of officer tokens; the allow-list is this enum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenAlgorithm {
    /// Ed25519 (RFC 8037).
    EdDsa,
    /// ECDSA on P-256 with SHA-256 (RFC 7518).
    Es256,
}

impl TokenAlgorithm {
    /// The value of a token's `alg`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
        }
    }

    /// Reads a token's `alg`; `None` for every other one, `none` among them.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::EdDsa, Self::Es256]
            .into_iter()
            .find(|algorithm| algorithm.as_str() == text)
    }
}

/// Why a JWK was refused. It reads as a rule.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
#[error("{0}")]
pub struct JwkError(pub &'static str);

/// True for 1 to [`KID_BYTES_MAX`] characters of `A-Z a-z 0-9 . _ -`.
#[must_use]
pub fn is_kid(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    (1..=KID_BYTES_MAX).contains(&text.len()) && text.chars().all(plain)
}

/// A public key for officer tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenJwk {
    kid: String,
    algorithm: TokenAlgorithm,
    x: [u8; 32],
    y: Option<[u8; 32]>,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    kty: String,
    crv: String,
    x: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    y: Option<String>,
    kid: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alg: Option<String>,
    #[serde(default, rename = "use", skip_serializing_if = "Option::is_none")]
    usage: Option<String>,
    #[serde(default, skip_serializing)]
    d: Option<serde_json::Value>,
}

impl TokenJwk {
    /// An Ed25519 key under its RFC 7638 thumbprint as key id.
    #[must_use]
    pub fn ed25519(x: [u8; 32]) -> Self {
        let mut jwk = Self {
            kid: String::new(),
            algorithm: TokenAlgorithm::EdDsa,
            x,
            y: None,
        };
        jwk.kid = jwk.thumbprint();
        jwk
    }

    /// Reads one public JWK.
    ///
    /// # Errors
    /// The rule that it breaks: its size, syntax, key type, coordinates, `kid`, `alg` or `use`, or
    /// that it holds a private key. The text itself is never in the error.
    pub fn parse(text: &str) -> Result<Self, JwkError> {
        if text.len() > JWK_BYTES_MAX {
            return Err(JwkError("the JWK must have at most 2048 bytes"));
        }
        let wire: Wire = serde_json::from_str(text).map_err(|_| {
            JwkError("must be one JSON object with the strings kty, crv, x and kid (RFC 7517)")
        })?;
        if wire.d.is_some() {
            return Err(JwkError(
                "must be a public key: it holds the private member d; treat that key as disclosed and make another",
            ));
        }
        let (algorithm, y) = match (wire.kty.as_str(), wire.crv.as_str(), &wire.y) {
            ("OKP", "Ed25519", None) => (TokenAlgorithm::EdDsa, None),
            ("EC", "P-256", Some(y)) => (TokenAlgorithm::Es256, Some(coordinate(y)?)),
            _ => {
                return Err(JwkError(
                    "must be kty OKP with crv Ed25519 and x, or kty EC with crv P-256, x and y",
                ));
            }
        };
        if !is_kid(&wire.kid) {
            return Err(JwkError(
                "kid must be 1 to 64 characters of A-Z a-z 0-9 . _ -",
            ));
        }
        if wire.alg.is_some_and(|alg| alg != algorithm.as_str()) {
            return Err(JwkError(
                "alg must be EdDSA for Ed25519 and ES256 for P-256",
            ));
        }
        if wire.usage.is_some_and(|usage| usage != "sig") {
            return Err(JwkError("use must be sig"));
        }
        Ok(Self {
            kid: wire.kid,
            algorithm,
            x: coordinate(&wire.x)?,
            y,
        })
    }

    /// The key id.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The algorithm that the key demands.
    #[must_use]
    pub fn algorithm(&self) -> TokenAlgorithm {
        self.algorithm
    }

    /// `x` in base64url without padding: the whole public key for Ed25519.
    #[must_use]
    pub fn x(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.x)
    }

    /// `y` in base64url without padding, for P-256 only.
    #[must_use]
    pub fn y(&self) -> Option<String> {
        self.y.map(|y| URL_SAFE_NO_PAD.encode(y))
    }

    /// RFC 7638 thumbprint (SHA-256), base64url without padding.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        let x = self.x();
        // Members in lexicographic order and no white space, as the RFC demands.
        let canonical = match self.y() {
            None => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#),
            Some(y) => format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#),
        };
        URL_SAFE_NO_PAD.encode(sha256(&[canonical.as_bytes()]))
    }

    /// The JWK as a JSON value.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let (kty, crv) = match self.algorithm {
            TokenAlgorithm::EdDsa => ("OKP", "Ed25519"),
            TokenAlgorithm::Es256 => ("EC", "P-256"),
        };
        let mut json = serde_json::json!({
            "kty": kty, "crv": crv, "x": self.x(), "kid": self.kid,
            "alg": self.algorithm.as_str(), "use": "sig",
        });
        if let (Some(object), Some(y)) = (json.as_object_mut(), self.y()) {
            object.insert("y".into(), y.into());
        }
        json
    }
}

fn coordinate(text: &str) -> Result<[u8; 32], JwkError> {
    URL_SAFE_NO_PAD
        .decode(text)
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or(JwkError(
            "x and y must be 32 bytes each, base64url without padding",
        ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8037, appendix A.2 and A.3.
    const RFC8037_X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    fn text(members: &str) -> String {
        format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{RFC8037_X}"{members}}}"#)
    }

    #[test]
    fn the_thumbprint_is_the_one_of_rfc_8037() {
        let jwk = TokenJwk::parse(&text(r#","kid":"k""#)).unwrap();
        assert_eq!(
            jwk.thumbprint(),
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
        );
    }

    #[test]
    fn a_key_round_trips() {
        let jwk = TokenJwk::ed25519([7; 32]);
        assert_eq!(TokenJwk::parse(&jwk.to_json().to_string()), Ok(jwk));
    }

    #[test]
    fn private_symmetric_and_mislabelled_keys_are_refused() {
        for members in [
            "",
            r#","kid":"k","d":"AAAA""#,
            r#","kid":"k","alg":"HS256""#,
            r#","kid":"k","alg":"ES256""#,
            r#","kid":"k","use":"enc""#,
            r#","kid":"a b""#,
            r#","kid":"k","y":"AAAA""#,
        ] {
            assert!(TokenJwk::parse(&text(members)).is_err(), "{members}");
        }
        for other in [
            r#"{"kty":"oct","k":"AAAA","kid":"k"}"#.to_owned(),
            r#"{"kty":"OKP","crv":"Ed25519","x":"AAAA","kid":"k"}"#.to_owned(),
            text(&format!(
                r#","kid":"k","note":"{}""#,
                "n".repeat(JWK_BYTES_MAX)
            )),
        ] {
            assert!(TokenJwk::parse(&other).is_err(), "{other}");
        }
    }
}
