//! The reasons that errors carry in `google.rpc.ErrorInfo.reason`. Each has a page in
//! `docs/errors/<REASON>.md`; a test keeps the two lists equal.

use std::{fmt, str::FromStr};

/// `google.rpc.ErrorInfo.domain` of every error of the hub.
pub const ERROR_DOMAIN: &str = "hub";

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)*) => {
        /// Why a call was refused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Reason {
            $($(#[$doc])* $variant,)*
        }

        impl Reason {
            /// Every reason.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The text on the wire.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }

        impl FromStr for Reason {
            type Err = ();

            fn from_str(text: &str) -> Result<Self, ()> {
                match text {
                    $($text => Ok(Self::$variant),)*
                    _ => Err(()),
                }
            }
        }
    };
}

reasons! {
    /// The certificate has not exactly one SPIFFE URI SAN of the hub's trust domain.
    NodeIdentityInvalid = "NODE_IDENTITY_INVALID",
    /// The certificate names an agency that the charter does not know.
    AgencyUnknown = "AGENCY_UNKNOWN",
    /// The agency is a member of no mechanism today.
    AgencyNotInForce = "AGENCY_NOT_IN_FORCE",
    /// The certificate is not enrolled.
    NodeNotEnrolled = "NODE_NOT_ENROLLED",
    /// The certificate is revoked.
    NodeRevoked = "NODE_REVOKED",
    /// The certificate's time is over, or has not begun.
    NodeExpired = "NODE_EXPIRED",
    /// There is no bearer token.
    TokenMissing = "TOKEN_MISSING",
    /// The token is malformed, oversized, or breaks a rule; the message says which.
    TokenInvalid = "TOKEN_INVALID",
    /// The token's time is over.
    TokenExpired = "TOKEN_EXPIRED",
    /// The token's key is not registered for the agency, or is revoked.
    TokenKeyUnknown = "TOKEN_KEY_UNKNOWN",
    /// The token is bound to another certificate.
    TokenNotBound = "TOKEN_NOT_BOUND",
    /// The token names a role that the charter does not grant to the agency.
    RoleNotGranted = "ROLE_NOT_GRANTED",
    /// No role of the token permits the call.
    PermissionDenied = "PERMISSION_DENIED",
    /// There is no author signature, or it does not verify.
    AuthorSignatureInvalid = "AUTHOR_SIGNATURE_INVALID",
    /// A field breaks a rule.
    InvalidArgument = "INVALID_ARGUMENT",
    /// The notification is marked secret.
    ClassificationRefused = "CLASSIFICATION_REFUSED",
    /// There is no such resource, or the caller may not see it.
    NotFound = "NOT_FOUND",
    /// The request id was used with other content.
    RequestIdReused = "REQUEST_ID_REUSED",
    /// The request id is older than the deduplication window.
    RequestIdExpired = "REQUEST_ID_EXPIRED",
    /// Retention has erased the content that is asked for.
    ContentSealed = "CONTENT_SEALED",
    /// The cursor or page token is damaged, or belongs to another caller or log.
    CursorInvalid = "CURSOR_INVALID",
    /// An acknowledgement would move a consumer back.
    CursorBehind = "CURSOR_BEHIND",
    /// The unit already has a liaison (JE-027).
    LiaisonExists = "LIAISON_EXISTS",
    /// The liaison to be replaced is another.
    LiaisonMismatch = "LIAISON_MISMATCH",
    /// The membership exists already.
    MembershipExists = "MEMBERSHIP_EXISTS",
    /// The basis is not of the kind that the mechanism's charter demands (JE-014, FS-013).
    MembershipBasisMissing = "MEMBERSHIP_BASIS_MISSING",
    /// The certificate or key is enrolled already.
    AlreadyEnrolled = "ALREADY_ENROLLED",
    /// The certificate or key is revoked already.
    AlreadyRevoked = "ALREADY_REVOKED",
    /// A batch of commands names the same thing twice, or two callers raced; read again and retry.
    Conflict = "CONFLICT",
    /// A correction or a retraction has taken the notification's place.
    NotificationSuperseded = "NOTIFICATION_SUPERSEDED",
    /// The meeting, its minutes or the issue does not stand where the act needs it to.
    MeetingState = "MEETING_STATE",
    /// An alert, a referral or a request does not stand where the act needs it to.
    RecordState = "RECORD_STATE",
    /// Not every attending unit has agreed to the version of the minutes (JE-074).
    MinutesNotAgreed = "MINUTES_NOT_AGREED",
    /// A limit is reached; the error carries a retry hint.
    LimitExceeded = "LIMIT_EXCEEDED",
    /// The hub's disk is full: nothing is recorded until there is room, reads go on.
    StorageFull = "STORAGE_FULL",
    /// The hub is starting, draining, or its queue is full; retry.
    Unavailable = "UNAVAILABLE",
    /// The hub failed; its log has the details.
    Internal = "INTERNAL",
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_reads_back() {
        for reason in Reason::ALL {
            assert_eq!(reason.as_str().parse(), Ok(*reason));
        }
    }
}
