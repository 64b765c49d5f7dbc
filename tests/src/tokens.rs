//! Officer tokens, right in everything until a test spoils them.

use agency_client::Profile;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hub_core::crypto::{SigningKey, random};
use jiff::Timestamp;
use rustls_pki_types::{PrivatePkcs8KeyDer, pem::PemObject as _};
use serde_json::{Value, json};

use crate::raw::Node;

/// Life of a token of a test, in seconds.
pub const LIFE_S: i64 = 600;

/// A token before it is signed.
#[derive(Debug, Clone)]
pub struct Token {
    /// JOSE header.
    pub header: Value,
    /// Claims.
    pub claims: Value,
    key_der: Vec<u8>,
}

impl Token {
    /// A right token of a profile's agency, bound to the profile's node.
    #[must_use]
    pub fn new(profile: &Profile, officer: &str, roles: &[&str]) -> Self {
        Self::bound_to(profile, &Node::of_profile(profile), officer, roles)
    }

    /// A token of a profile's agency, bound to a node.
    #[must_use]
    pub fn bound_to(profile: &Profile, node: &Node, officer: &str, roles: &[&str]) -> Self {
        let now_s = Timestamp::now().as_second();
        let key = PrivatePkcs8KeyDer::from_pem_file(&profile.token_key).unwrap();
        Self {
            header: json!({ "alg": "EdDSA", "typ": "JWT", "kid": profile.token_kid }),
            claims: json!({
                "iss": profile.agency, "sub": officer, "aud": profile.token_audience,
                "iat": now_s, "exp": now_s + LIFE_S, "jti": unique_id(), "roles": roles,
                "cnf": { "x5t#S256": URL_SAFE_NO_PAD.encode(node.fingerprint()) },
            }),
            key_der: key.secret_pkcs8_der().to_vec(),
        }
    }

    /// Changes a claim; null takes it out.
    #[must_use]
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        set(&mut self.claims, name, value.into());
        self
    }

    /// Changes a header field; null takes it out.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        set(&mut self.header, name, value.into());
        self
    }

    /// Signs with another key, PKCS#8 DER.
    #[must_use]
    pub fn key(mut self, der: &[u8]) -> Self {
        self.key_der = der.to_vec();
        self
    }

    /// The private key that signs, PKCS#8 DER.
    #[must_use]
    pub fn key_der(&self) -> &[u8] {
        &self.key_der
    }

    /// What is signed.
    #[must_use]
    pub fn signed_part(&self) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}", part(&self.header), part(&self.claims))
    }

    /// Signs, whatever the header says.
    #[must_use]
    pub fn mint(&self) -> String {
        let key = SigningKey::from_pkcs8(&self.key_der).unwrap();
        self.with_signature(&key.sign(self.signed_part().as_bytes()).unwrap())
    }

    /// Puts any signature to it.
    #[must_use]
    pub fn with_signature(&self, signature: &[u8]) -> String {
        format!(
            "{}.{}",
            self.signed_part(),
            URL_SAFE_NO_PAD.encode(signature)
        )
    }
}

fn set(object: &mut Value, name: &str, value: Value) {
    let object = object.as_object_mut().unwrap();
    if value.is_null() {
        object.remove(name);
    } else {
        object.insert(name.to_owned(), value);
    }
}

fn unique_id() -> String {
    hub_core::crypto::hex(&random::<16>().unwrap())
}
