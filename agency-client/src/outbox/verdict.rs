//! What an error says about an item: pure, without I/O.

use std::time::Duration;

use hub_core::reason::Reason;
use tonic::Code;

use crate::error::{ClientError, Refusal};

/// What became of an attempt that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It may pass later. `is_certain`: nothing was recorded by this attempt.
    Later {
        /// Nothing was recorded by this attempt.
        is_certain: bool,
        /// The hub asks to wait so long.
        wait: Duration,
    },
    /// The hub no longer knows whether it had recorded the id.
    Expired,
    /// The id is too far ahead of the hub's clock.
    Ahead,
    /// It will not pass: the item itself is at fault.
    Refused,
}

const LATER: Verdict = Verdict::Later {
    is_certain: false,
    wait: Duration::ZERO,
};

/// Reads an error. Trouble with the sender's standing, such as an expired certificate, a wrong
/// clock or a role that is not granted, is not the item's fault: it passes when a person has seen
/// to it, and sets nothing aside.
pub(crate) fn verdict(error: &ClientError) -> Verdict {
    match error {
        ClientError::Refused(refusal) => of_refusal(refusal),
        ClientError::Input { .. } => Verdict::Refused,
        ClientError::LocalFile { .. } | ClientError::Signing(_) => certain(Duration::ZERO),
        _ => LATER,
    }
}

fn certain(wait: Duration) -> Verdict {
    Verdict::Later {
        is_certain: true,
        wait,
    }
}

fn of_refusal(refusal: &Refusal) -> Verdict {
    let wait = refusal.retry_after.unwrap_or_default();
    let Some(reason) = refusal.reason else {
        return of_code(refusal.code, wait);
    };
    match reason {
        Reason::RequestIdExpired => Verdict::Expired,
        Reason::InvalidArgument if is_about_id(refusal) => Verdict::Ahead,
        // A request that is too large comes without a hint, and will not shrink.
        Reason::LimitExceeded if refusal.retry_after.is_some() => certain(wait),
        Reason::LimitExceeded => Verdict::Refused,
        // Another call of this agency uploads the same file, such as another stream's.
        Reason::Conflict => certain(wait),
        Reason::NodeIdentityInvalid
        | Reason::AgencyUnknown
        | Reason::AgencyNotInForce
        | Reason::NodeNotEnrolled
        | Reason::NodeRevoked
        | Reason::NodeExpired
        | Reason::TokenMissing
        | Reason::TokenInvalid
        | Reason::TokenExpired
        | Reason::TokenKeyUnknown
        | Reason::TokenNotBound
        | Reason::RoleNotGranted
        | Reason::AuthorSignatureInvalid => certain(wait),
        _ => of_code(refusal.code, wait),
    }
}

/// By the code alone: a reason of a newer hub, or an answer of something between.
fn of_code(code: Code, wait: Duration) -> Verdict {
    match code {
        Code::ResourceExhausted | Code::Unauthenticated => certain(wait),
        Code::Unavailable
        | Code::Internal
        | Code::Unknown
        | Code::Cancelled
        | Code::DeadlineExceeded
        | Code::DataLoss => Verdict::Later {
            is_certain: false,
            wait,
        },
        _ => Verdict::Refused,
    }
}

/// The id's form was checked before it was stored, so that only its time can be at fault.
fn is_about_id(refusal: &Refusal) -> bool {
    refusal
        .violations
        .iter()
        .any(|violation| violation.field == "request_id")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Violation;

    fn refused(reason: &str, code: Code, hint: bool, field: &str) -> Verdict {
        verdict(&ClientError::Refused(Box::new(Refusal {
            reason: reason.parse().ok(),
            reason_text: reason.into(),
            code,
            message: String::new(),
            violations: vec![Violation {
                field: field.into(),
                rule: String::new(),
            }],
            retry_after: hint.then_some(Duration::from_secs(1)),
        })))
    }

    fn is_later(verdict: Verdict) -> bool {
        matches!(verdict, Verdict::Later { .. })
    }

    #[test]
    fn only_the_items_own_fault_sets_it_aside() {
        for (reason, code, later) in [
            ("UNAVAILABLE", Code::Unavailable, true),
            ("INTERNAL", Code::Internal, true),
            ("STORAGE_FULL", Code::ResourceExhausted, true),
            ("NODE_EXPIRED", Code::Unauthenticated, true),
            ("TOKEN_KEY_UNKNOWN", Code::Unauthenticated, true),
            ("ROLE_NOT_GRANTED", Code::PermissionDenied, true),
            ("CONFLICT", Code::Aborted, true),
            ("LIAISON_MISMATCH", Code::Aborted, false),
            ("PERMISSION_DENIED", Code::PermissionDenied, false),
            ("INVALID_ARGUMENT", Code::InvalidArgument, false),
            ("CLASSIFICATION_REFUSED", Code::InvalidArgument, false),
            ("REQUEST_ID_REUSED", Code::AlreadyExists, false),
            ("NOT_FOUND", Code::NotFound, false),
            ("A_NEWER_REASON", Code::FailedPrecondition, false),
        ] {
            assert_eq!(
                is_later(refused(reason, code, false, "x")),
                later,
                "{reason}"
            );
        }
    }

    #[test]
    fn a_limit_with_a_hint_passes_and_one_without_does_not() {
        let limit = |hint| refused("LIMIT_EXCEEDED", Code::ResourceExhausted, hint, "x");
        assert_eq!(limit(true), certain(Duration::from_secs(1)));
        assert_eq!(limit(false), Verdict::Refused);
    }

    #[test]
    fn the_time_of_an_id_is_told_apart() {
        let of = |reason, field| refused(reason, Code::InvalidArgument, false, field);
        assert_eq!(of("INVALID_ARGUMENT", "request_id"), Verdict::Ahead);
        assert_eq!(
            of("INVALID_ARGUMENT", "notification.title"),
            Verdict::Refused
        );
        assert_eq!(of("REQUEST_ID_EXPIRED", "x"), Verdict::Expired);
    }

    #[test]
    fn a_lost_answer_is_uncertain_and_a_refused_token_is_not() {
        let lost = ClientError::Unreachable {
            endpoint: String::new(),
            detail: String::new(),
        };
        assert_eq!(verdict(&lost), LATER);
        let token = refused("TOKEN_EXPIRED", Code::Unauthenticated, false, "x");
        assert_eq!(token, certain(Duration::ZERO));
    }
}
