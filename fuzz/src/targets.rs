//! The targets, by what their bytes are.

pub mod answers;
pub mod files;
pub mod identity;
pub mod ledger;
pub mod proofs;
pub mod requests;
pub mod texts;
pub mod tls;
pub mod tokens;

use std::sync::OnceLock;

use http::{HeaderName, HeaderValue};
use hub_core::{crypto::SigningKey, jwk::TokenJwk, note::NoteSigner};

/// The headers that stand in lines of `name: value`; lines that are none are passed over.
fn header_lines(head: &[u8]) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    head.split(|byte| *byte == b'\n').filter_map(|line| {
        let at = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..at]).ok()?;
        let value = HeaderValue::from_bytes(line[at + 1..].trim_ascii()).ok()?;
        Some((name, value))
    })
}

/// PKCS#8 of an Ed25519 seed (RFC 8410).
fn pkcs8(seed: u8) -> Vec<u8> {
    let mut der = vec![
        0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04,
        0x20,
    ];
    der.extend([seed; 32]);
    der
}

/// A key that is the same in every run, so that a corpus of signed things stays good. It signs nothing
/// but what these targets read.
fn key(seed: u8) -> SigningKey {
    SigningKey::from_pkcs8(&pkcs8(seed)).unwrap()
}

fn public(key: &SigningKey) -> [u8; 32] {
    key.public_key().try_into().unwrap()
}

/// The key of tokens, and its JWK.
fn token_key() -> &'static (SigningKey, TokenJwk) {
    static KEY: OnceLock<(SigningKey, TokenJwk)> = OnceLock::new();
    KEY.get_or_init(|| {
        let key = key(1);
        let jwk = TokenJwk::ed25519(public(&key));
        (key, jwk)
    })
}

/// Name of the ledger that these targets read.
pub const ORIGIN: &str = "hub.fuzz.example";

/// A signing key that a signer can hold.
#[derive(Debug)]
pub struct Held(SigningKey);

impl AsRef<SigningKey> for Held {
    fn as_ref(&self) -> &SigningKey {
        &self.0
    }
}

/// Signs checkpoints of that ledger.
fn signer() -> &'static NoteSigner<Held> {
    static SIGNER: OnceLock<NoteSigner<Held>> = OnceLock::new();
    SIGNER.get_or_init(|| NoteSigner::new(ORIGIN, Held(key(2))).unwrap())
}
