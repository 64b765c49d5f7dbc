//! Author signatures over the exact bytes that are sent.
//!
//! Invariant: `Authored::request` is what was committed to, what was signed and what goes on the
//! wire; it is encoded once and never again.

use bytes::Bytes;
use hub_core::{
    commitment::commitment,
    crypto::{Digest, Salt, random},
};

use crate::{error::Result, profile::Identity};

/// A mutating call as its author signed it. Keep it with the receipt: together they prove who
/// asked for what, also when the hub no longer has the content.
///
/// ```no_run
/// use agency_client::{Authored, Client, channels::NotificationDraft};
///
/// # async fn example(client: Client, draft: NotificationDraft) -> agency_client::Result<()> {
/// let published = client.channels().publish(draft).await?;
/// let own: Authored = published.authored;
/// println!("{} with {} bytes", own.method, own.request.len());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authored {
    /// Full gRPC path.
    pub method: &'static str,
    /// The exact request message bytes.
    pub request: Bytes,
    /// The author's random bytes.
    pub salt: Salt,
    /// What was signed.
    pub commitment: Digest,
    /// The node key's signature over the commitment.
    pub signature: Bytes,
    /// SHA-256 of the node certificate's DER.
    pub certificate_sha256: Digest,
}

impl Authored {
    /// Commits to a request and signs the commitment with the node key.
    pub(crate) fn sign(identity: &Identity, method: &'static str, request: Bytes) -> Result<Self> {
        let salt: Salt = random()?;
        let commitment = commitment(&salt, method, &request);
        let signature = identity.node_key.sign(&commitment)?.into();
        Ok(Self {
            method,
            request,
            salt,
            commitment,
            signature,
            certificate_sha256: identity.certificate_sha256,
        })
    }
}

/// The hub's answer to a mutating call, and what the author signed for it.
///
/// ```no_run
/// use agency_client::{Client, channels::NotificationDraft};
///
/// # async fn example(client: Client, draft: NotificationDraft) -> agency_client::Result<()> {
/// let published = client.channels().publish(draft).await?;
/// // The answer's fields can be had directly.
/// println!("{:?}", published.notification);
/// println!("{}", published.authored.method);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Recorded<T> {
    /// The hub's answer.
    pub response: T,
    /// What was sent and signed. A replay, or a signature that had been given before, answers
    /// with the receipt of the first call, whose commitment is another.
    pub authored: Authored,
}

impl<T> std::ops::Deref for Recorded<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.response
    }
}

#[cfg(test)]
mod tests {
    use hub_core::crypto::VerifyingKey;

    use super::*;
    use crate::testing::Fixture;

    #[test]
    fn the_signature_holds_for_these_bytes_and_this_method_only() {
        let fixture = Fixture::new();
        let identity = Identity::load(&fixture.profile()).unwrap();
        let request = Bytes::from_static(b"exact bytes");
        let authored = Authored::sign(&identity, "/hub.x.v1.X/Do", request.clone()).unwrap();
        let key = VerifyingKey::from_certificate(&identity.chain[0]).unwrap();
        let over = |method, bytes: &[u8]| commitment(&authored.salt, method, bytes);
        assert_eq!(authored.commitment, over("/hub.x.v1.X/Do", &request));
        key.verify(&over("/hub.x.v1.X/Do", &request), &authored.signature)
            .unwrap();
        key.verify(&over("/hub.x.v1.X/Do", b"Exact bytes"), &authored.signature)
            .unwrap_err();
        key.verify(&over("/hub.x.v1.X/Re", &request), &authored.signature)
            .unwrap_err();
        let again = Authored::sign(&identity, "/hub.x.v1.X/Do", request).unwrap();
        assert_ne!(again.salt, authored.salt, "each call has a salt of its own");
    }
}
