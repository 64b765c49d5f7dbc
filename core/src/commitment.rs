//! What an author signs, and what an entry commits to.
//!
//! A commitment hides the request behind a salt: it proves authorship, and once the salt is erased
//! it gives nothing away.

use crate::crypto::{Digest, Salt, sha256};

/// Request header with the author's 16 random bytes.
pub const SALT_HEADER: &str = "author-salt-bin";

/// Request header with the author's signature over the commitment.
pub const SIGNATURE_HEADER: &str = "author-signature-bin";

/// Commitment to a request:
/// SHA-256("hub commitment v1" ‖ 0 ‖ salt ‖ method ‖ 0 ‖ request).
///
/// `method` is the full gRPC path, such as `/hub.channels.v1.ChannelService/PublishNotification`;
/// `request` is the exact message bytes without the gRPC frame.
#[must_use]
pub fn commitment(salt: &Salt, method: &str, request: &[u8]) -> Digest {
    sha256(&[
        b"hub commitment v1\0",
        salt,
        method.as_bytes(),
        b"\0",
        request,
    ])
}

/// Hash of an entry's events: SHA-256("hub events v1" ‖ 0 ‖ salt ‖ events).
#[must_use]
pub fn events_hash(salt: &Salt, events: &[u8]) -> Digest {
    sha256(&[b"hub events v1\0", salt, events])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commitment_depends_on_each_part() {
        let base = commitment(&[1; 16], "/a/B", b"request");
        assert_ne!(base, commitment(&[2; 16], "/a/B", b"request"));
        assert_ne!(base, commitment(&[1; 16], "/a/C", b"request"));
        assert_ne!(base, commitment(&[1; 16], "/a/B", b"Request"));
        assert_ne!(base, events_hash(&[1; 16], b"request"));
    }
}
