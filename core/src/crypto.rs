//! The one module that signs, verifies, hashes and draws random bytes.
//!
//! Everything goes through `aws-lc-rs`, the provider that rustls uses here, so that another
//! provider (SM2/SM3 under RFC 8998, an HSM) has one place to enter.

use std::fmt;

use aws_lc_rs::{
    digest,
    encoding::AsDer as _,
    rand::{SecureRandom as _, SystemRandom},
    signature::{
        ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ED25519, EcdsaKeyPair,
        Ed25519KeyPair, KeyPair as _, ParsedPublicKey, UnparsedPublicKey, VerificationAlgorithm,
    },
};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// A SHA-256 digest.
pub type Digest = [u8; 32];

/// A random salt.
pub type Salt = [u8; 16];

/// What can go wrong with a key or a signature. The variants say which input is at fault.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
#[non_exhaustive]
pub enum CryptoError {
    /// The bytes are no PKCS#8 key of an accepted algorithm.
    #[error("not a PKCS#8 private key of Ed25519 or ECDSA P-256")]
    PrivateKey,
    /// The bytes are no certificate, or its key is of another algorithm.
    #[error("not an X.509 certificate with an Ed25519 or ECDSA P-256 key")]
    Certificate,
    /// The signature is not by that key over those bytes.
    #[error("the signature does not verify")]
    Signature,
    /// The operating system gave no random bytes.
    #[error("the operating system's random source failed")]
    Random,
}

/// SHA-256 of the parts, one after the other.
#[must_use]
pub fn sha256(parts: &[&[u8]]) -> Digest {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finish()
}

/// SHA-256 of what is too large to hold at once.
pub struct Sha256(digest::Context);

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sha256")
    }
}

impl Default for Sha256 {
    fn default() -> Self {
        Self::new()
    }
}

impl Sha256 {
    /// Of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all bytes taken.
    #[must_use]
    pub fn finish(self) -> Digest {
        let mut out = [0; 32];
        out.copy_from_slice(self.0.finish().as_ref());
        out
    }
}

/// Reads a SHA-256 as it is written on the wire: 64 lower-case hexadecimal digits.
#[must_use]
pub fn parse_digest(text: &str) -> Option<Digest> {
    let is_lower = text
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if !is_lower {
        return None;
    }
    unhex(text)?.try_into().ok()
}

/// Fills an array from the operating system's secure random source.
///
/// # Errors
/// [`CryptoError::Random`] when the source fails.
pub fn random<const N: usize>() -> Result<[u8; N], CryptoError> {
    let mut out = [0; N];
    SystemRandom::new()
        .fill(&mut out)
        .map_err(|_| CryptoError::Random)?;
    Ok(out)
}

/// A private key that signs.
pub enum SigningKey {
    /// Ed25519.
    Ed25519(Ed25519KeyPair),
    /// ECDSA on P-256 with SHA-256; signatures are ASN.1 DER.
    P256(EcdsaKeyPair),
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ed25519(_) => "SigningKey::Ed25519(redacted)",
            Self::P256(_) => "SigningKey::P256(redacted)",
        })
    }
}

impl SigningKey {
    /// Reads a PKCS#8 DER private key.
    ///
    /// # Errors
    /// [`CryptoError::PrivateKey`] when it is none, or of another algorithm.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, CryptoError> {
        if let Ok(key) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
            return Ok(Self::Ed25519(key));
        }
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der)
            .map(Self::P256)
            .map_err(|_| CryptoError::PrivateKey)
    }

    /// Signs a message.
    ///
    /// # Errors
    /// [`CryptoError::Random`] when ECDSA's random source fails.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
        match self {
            Self::Ed25519(key) => Ok(key.sign(message).as_ref().to_vec()),
            Self::P256(key) => key
                .sign(&SystemRandom::new(), message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| CryptoError::Random),
        }
    }

    /// The public key: 32 raw bytes for Ed25519, the uncompressed point for P-256.
    #[must_use]
    pub fn public_key(&self) -> Vec<u8> {
        match self {
            Self::Ed25519(key) => key.public_key().as_ref().to_vec(),
            Self::P256(key) => key.public_key().as_ref().to_vec(),
        }
    }

    /// The public key as DER `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    /// [`CryptoError::PrivateKey`] when the key cannot be encoded.
    pub fn spki(&self) -> Result<Vec<u8>, CryptoError> {
        let der = match self {
            Self::Ed25519(key) => key.public_key().as_der().map(|der| der.as_ref().to_vec()),
            Self::P256(key) => key.public_key().as_der().map(|der| der.as_ref().to_vec()),
        };
        der.map_err(|_| CryptoError::PrivateKey)
    }
}

/// A public key that verifies; parsed once, used often.
#[derive(Clone)]
pub struct VerifyingKey(ParsedPublicKey);

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerifyingKey")
    }
}

impl VerifyingKey {
    /// The key of a certificate (DER). The certificate itself is not verified here.
    ///
    /// # Errors
    /// [`CryptoError::Certificate`] when the bytes are none or the algorithm is another.
    pub fn from_certificate(der: &[u8]) -> Result<Self, CryptoError> {
        let (rest, certificate) =
            X509Certificate::from_der(der).map_err(|_| CryptoError::Certificate)?;
        if !rest.is_empty() {
            return Err(CryptoError::Certificate);
        }
        let spki = certificate.public_key();
        let key = spki.subject_public_key.data.as_ref();
        match spki.algorithm.algorithm.to_id_string().as_str() {
            "1.3.101.112" => Self::parse(&ED25519, key),
            "1.2.840.10045.2.1" if key.len() == 65 => Self::parse(&ECDSA_P256_SHA256_ASN1, key),
            _ => Err(CryptoError::Certificate),
        }
    }

    /// A raw Ed25519 public key.
    ///
    /// # Errors
    /// [`CryptoError::Certificate`] when it is none.
    pub fn from_ed25519(raw: &[u8]) -> Result<Self, CryptoError> {
        Self::parse(&ED25519, raw)
    }

    fn parse(
        algorithm: &'static dyn VerificationAlgorithm,
        key: &[u8],
    ) -> Result<Self, CryptoError> {
        ParsedPublicKey::new(algorithm, key)
            .map(Self)
            .map_err(|_| CryptoError::Certificate)
    }

    /// Verifies a signature.
    ///
    /// # Errors
    /// [`CryptoError::Signature`] when it is not by this key over this message.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        self.0
            .verify_sig(message, signature)
            .map_err(|_| CryptoError::Signature)
    }
}

/// Verifies one Ed25519 signature by a raw public key.
///
/// # Errors
/// [`CryptoError::Signature`] when it does not verify.
pub fn verify_ed25519(raw: &[u8], message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
    UnparsedPublicKey::new(&ED25519, raw)
        .verify(message, signature)
        .map_err(|_| CryptoError::Signature)
}

/// A new Ed25519 private key as PKCS#8 DER, version 1: what other libraries read too (RFC 8410).
///
/// # Errors
/// [`CryptoError::Random`] when the random source fails.
pub fn generate_ed25519_pkcs8() -> Result<Vec<u8>, CryptoError> {
    Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new())
        .map(|document| document.as_ref().to_vec())
        .map_err(|_| CryptoError::Random)
}

/// Lower-case hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
            // Writing to a String cannot fail.
            let _infallible = write!(out, "{byte:02x}");
            out
        })
}

/// Reads lower- or upper-case hex.
#[must_use]
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    digits
        .chunks_exact(2)
        .map(|pair| match pair {
            [high, low] => {
                let high = char::from(*high).to_digit(16)?;
                let low = char::from(*low).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()
            }
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sha256_joins_its_parts() {
        assert_eq!(
            hex(&sha256(&[b"a", b"bc"])),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn a_signature_verifies_only_over_its_message() {
        let key = SigningKey::from_pkcs8(&generate_ed25519_pkcs8().unwrap()).unwrap();
        let signature = key.sign(b"message").unwrap();
        let public = VerifyingKey::from_ed25519(&key.public_key()).unwrap();
        assert_eq!(public.verify(b"message", &signature), Ok(()));
        assert_eq!(
            public.verify(b"Message", &signature),
            Err(CryptoError::Signature)
        );
        assert_eq!(
            verify_ed25519(&key.public_key(), b"message", &signature),
            Ok(())
        );
    }

    #[test]
    fn hex_round_trips_and_refuses_the_rest() {
        assert_eq!(unhex(&hex(&[0, 1, 0xfe])), Some(vec![0, 1, 0xfe]));
        assert_eq!(unhex("0"), None);
        assert_eq!(unhex("zz"), None);
    }
}
