//! The only place that makes a [`tonic::Status`].

use std::collections::HashMap;

use hub_core::reason::{ERROR_DOMAIN, Reason};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

use crate::error::Error;

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
    if !error.violations.is_empty() {
        let violations = error
            .violations
            .iter()
            .map(|violation| FieldViolation::new(violation.field.clone(), violation.rule.clone()))
            .collect::<Vec<_>>();
        details.set_bad_request(violations);
    }
    if let Some(after) = error.retry_after {
        details.set_retry_info(Some(after));
    }
    Status::with_error_details(code(error.reason), error.message.clone(), details)
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
    fn context_stays_inside() {
        let status = status(&Error::internal("sled: page 7 is damaged"));
        assert!(!format!("{status:?}").contains("sled"));
        assert_eq!(status.get_details_error_info().unwrap().reason, "INTERNAL");
    }
}
