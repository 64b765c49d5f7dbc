//! The ledger's public key as text: a C2SP signed-note verifier key.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hub_core::crypto::{hex, sha256};

/// Signature type of Ed25519 in signed notes.
const ED25519: u8 = 1;

/// True for a name that a signed note accepts: not empty, no white space, no `+`.
#[must_use]
pub fn is_origin(text: &str) -> bool {
    !text.is_empty()
        && !text
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

/// `<origin>+<key id, 8 hex digits>+<base64(0x01 ‖ public key)>`.
///
/// The key id is the start of SHA-256(origin ‖ 0x0A ‖ 0x01 ‖ public key), as C2SP recommends.
#[must_use]
pub fn verifier_key(origin: &str, public_key: &[u8]) -> String {
    let hash = sha256(&[origin.as_bytes(), b"\n", &[ED25519], public_key]);
    let [a, b, c, d, ..] = hash;
    let data = [&[ED25519], public_key].concat();
    format!("{origin}+{}+{}", hex(&[a, b, c, d]), STANDARD.encode(data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_published_example() {
        let example = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        let data = STANDARD
            .decode(example.rsplit_once('+').unwrap().1)
            .unwrap();
        assert_eq!(verifier_key("PeterNeumann", &data[1..]), example);
    }
}
