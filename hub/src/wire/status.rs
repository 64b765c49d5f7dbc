//! The only place that makes a [`tonic::Status`].

use std::collections::HashMap;

use hub_core::reason::{ERROR_DOMAIN, Reason};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

use crate::error::{Error, Violation};

/// Longest message of a status in bytes. A status travels in trailers, of which gRPC clients accept
/// 8 KiB in all: with more, they would see no reason at all. Percent-encoding can make three bytes
/// of each, and the details repeat the message in base64.
pub const MESSAGE_BYTES_MAX: usize = 1024;

/// Room for field violations in a status, in bytes, before base64. The first is always told.
pub const VIOLATIONS_BYTES_MAX: usize = 1536;

/// The gRPC code of a reason.
#[must_use]
pub fn code(reason: Reason) -> Code {
    match reason {
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
        | Reason::TokenNotBound => Code::Unauthenticated,
        Reason::RoleNotGranted | Reason::PermissionDenied | Reason::AuthorSignatureInvalid => {
            Code::PermissionDenied
        }
        Reason::InvalidArgument
        | Reason::ClassificationRefused
        | Reason::CursorInvalid
        | Reason::MembershipBasisMissing => Code::InvalidArgument,
        Reason::NotFound => Code::NotFound,
        Reason::RequestIdReused | Reason::MembershipExists | Reason::AlreadyEnrolled => {
            Code::AlreadyExists
        }
        Reason::RequestIdExpired
        | Reason::CursorBehind
        | Reason::LiaisonExists
        | Reason::AlreadyRevoked => Code::FailedPrecondition,
        Reason::LiaisonMismatch | Reason::Conflict => Code::Aborted,
        Reason::LimitExceeded => Code::ResourceExhausted,
        Reason::Unavailable => Code::Unavailable,
        _ => Code::Internal,
    }
}

/// The status of an error: code, message, `ErrorInfo`, field violations and retry hint.
#[must_use]
pub fn status(error: &Error) -> Status {
    if let Some(context) = &error.context {
        tracing::error!(reason = %error.reason, context, "a call failed");
    }
    let mut details = ErrorDetails::new();
    details.set_error_info(error.reason.as_str(), ERROR_DOMAIN, HashMap::new());
    let violations = told(&error.violations);
    let left_out = error.violations.len().saturating_sub(violations.len());
    let mut message = shortened(&error.message, MESSAGE_BYTES_MAX);
    if left_out > 0 {
        message.push_str(&format!("; {left_out} more fields break rules"));
    }
    if !violations.is_empty() {
        details.set_bad_request(violations);
    }
    if let Some(after) = error.retry_after {
        details.set_retry_info(Some(after));
    }
    Status::with_error_details(code(error.reason), message, details)
}

/// As many violations as there is room for.
fn told(violations: &[Violation]) -> Vec<FieldViolation> {
    let mut bytes = 0_usize;
    violations
        .iter()
        .map(|violation| {
            let field = shortened(&violation.field, VIOLATIONS_BYTES_MAX / 4);
            let rule = shortened(&violation.rule, VIOLATIONS_BYTES_MAX / 2);
            FieldViolation::new(field, rule)
        })
        .take_while(|violation| {
            let room = violation
                .field
                .len()
                .saturating_add(violation.description.len());
            bytes = bytes.saturating_add(room);
            bytes <= VIOLATIONS_BYTES_MAX
        })
        .collect()
}

/// A text cut between characters, with a mark where it was cut.
fn shortened(text: &str, bytes_max: usize) -> String {
    let mut bytes = 0_usize;
    let kept: String = text
        .chars()
        .take_while(|character| {
            bytes = bytes.saturating_add(character.len_utf8());
            bytes <= bytes_max
        })
        .collect();
    if kept.len() == text.len() {
        kept
    } else {
        kept + "…"
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        status(&error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_code_of_its_own_kind() {
        for reason in Reason::ALL {
            assert_eq!(
                code(*reason) == Code::Internal,
                *reason == Reason::Internal,
                "{reason}"
            );
        }
    }

    #[test]
    fn a_status_always_fits_into_the_trailers_that_clients_accept() {
        let violations: Vec<Violation> = (0..1000)
            .map(|number| Violation {
                field: format!("requests[{number}].notification.title"),
                rule: "社".repeat(1000),
            })
            .collect();
        for error in [
            Error::fields(violations),
            Error::not_found(&"社".repeat(300_000)),
        ] {
            let status = status(&error);
            let encoded = status.message().len() * 3 + status.details().len() * 4 / 3;
            assert!(encoded < 8 * 1024 - 512, "{encoded}");
            assert!(status.message().contains('…'));
        }
        let few = status(&Error::field("title", "must be short"));
        assert_eq!(few.message(), "title: must be short");
    }

    #[test]
    fn context_stays_inside() {
        let status = status(&Error::internal("sled: page 7 is damaged"));
        assert!(!format!("{status:?}").contains("sled"));
        assert_eq!(status.get_details_error_info().unwrap().reason, "INTERNAL");
    }
}
