//! The only place that makes a [`tonic::Status`].

use std::collections::HashMap;

use http::Response;
use hub_core::reason::{ERROR_DOMAIN, Reason};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

use crate::error::{Error, Violation};

/// Where gRPC puts the details of a status; every one that is made here has some.
const DETAILS_HEADER: &str = "grpc-status-details-bin";

/// Most bytes of a message as HTTP/2 carries it, where every byte that is no ASCII takes three. A
/// status travels in trailers, and peers drop the connection over trailers of more than 8 to 16 KiB.
const MESSAGE_BYTES_MAX: usize = 1_024;

/// Most bytes of field violations; what does not fit is counted in a last one.
const VIOLATIONS_BYTES_MAX: usize = 3_072;

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
        | Reason::ContentSealed
        | Reason::CursorBehind
        | Reason::NotificationSuperseded
        | Reason::MinutesNotAgreed
        | Reason::LiaisonExists
        | Reason::MeetingState
        | Reason::RecordState
        | Reason::AlreadyRevoked => Code::FailedPrecondition,
        Reason::LiaisonMismatch | Reason::Conflict => Code::Aborted,
        Reason::LimitExceeded | Reason::StorageFull => Code::ResourceExhausted,
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
        details.set_bad_request(violations(&error.violations));
    }
    if let Some(after) = error.retry_after {
        details.set_retry_info(Some(after));
    }
    Status::with_error_details(code(error.reason), fitting(&error.message), details)
}

/// What tonic refuses by itself, with a reason. It has none of its own, and where a message cannot be read
/// it says INTERNAL: that the hub had failed, which would alarm its operator at a caller's will.
#[must_use]
pub fn unreadable(refusal: &Status) -> Option<Error> {
    let reason = match refusal.code() {
        // What the network did is no refusal.
        _ if std::error::Error::source(refusal).is_some() => return None,
        Code::Internal => Reason::InvalidArgument,
        // A message of a stream is longer than it may be.
        Code::OutOfRange => Reason::LimitExceeded,
        _ => return None,
    };
    let message = format!("the request cannot be read: {}", refusal.message());
    Some(Error::new(reason, message))
}

/// An answer of the hub's is left as it is; a refusal of tonic's gets a reason.
#[must_use]
pub fn explain<B: Default>(response: Response<B>) -> Response<B> {
    let headers = response.headers();
    if headers.contains_key(DETAILS_HEADER) {
        return response;
    }
    let refusal = Status::from_header_map(headers);
    match refusal.as_ref().and_then(unreadable) {
        Some(error) => status(&error).into_http(),
        None => response,
    }
}

/// As much of a message as fits.
fn fitting(message: &str) -> String {
    let mut bytes = 0_usize;
    for (at, c) in message.char_indices() {
        bytes = bytes.saturating_add(if c.is_ascii() { 1 } else { c.len_utf8() * 3 });
        if bytes > MESSAGE_BYTES_MAX {
            return format!("{} ...", message.get(..at).unwrap_or_default());
        }
    }
    message.to_owned()
}

/// As many violations as fit, then how many more there are.
fn violations(all: &[Violation]) -> Vec<FieldViolation> {
    let mut bytes = 0_usize;
    let mut shown: Vec<FieldViolation> = all
        .iter()
        .take_while(|violation| {
            bytes = bytes.saturating_add(violation.field.len() + violation.rule.len());
            bytes <= VIOLATIONS_BYTES_MAX
        })
        .map(|violation| FieldViolation::new(violation.field.clone(), violation.rule.clone()))
        .collect();
    let more = all.len().saturating_sub(shown.len());
    if more > 0 {
        shown.push(FieldViolation::new(
            "",
            format!("{more} more fields break a rule; mend these and send again"),
        ));
    }
    shown
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
    fn what_tonic_refuses_is_the_caller_s_fault_and_what_the_hub_says_stands() {
        let shown = |status: Status| {
            let response = explain(status.into_http::<()>());
            let status = Status::from_header_map(response.headers()).unwrap();
            let reason = status.get_details_error_info().map(|info| info.reason);
            (status.code(), reason, status.message().to_owned())
        };
        let (code, reason, message) = shown(Status::internal("failed to decode"));
        assert_eq!(code, Code::InvalidArgument);
        assert_eq!(reason.as_deref(), Some("INVALID_ARGUMENT"));
        assert!(
            message.ends_with("cannot be read: failed to decode"),
            "{message}"
        );
        let (code, reason, _) = shown(Status::out_of_range("too large"));
        assert_eq!(code, Code::ResourceExhausted);
        assert_eq!(reason.as_deref(), Some("LIMIT_EXCEEDED"));
        let (code, reason, _) = shown(Status::unimplemented("gzip"));
        assert_eq!((code, reason), (Code::Unimplemented, None));
        let own = Error::internal("the cause");
        let (code, reason, message) = shown(status(&own));
        assert_eq!(code, Code::Internal);
        assert_eq!(
            (reason.as_deref(), message),
            (Some("INTERNAL"), own.message)
        );
        let fine = explain(Response::new(()));
        assert!(fine.headers().is_empty());
    }

    #[test]
    fn a_status_fits_into_trailers() {
        let violation = |number| Violation {
            field: format!("requests[{number}].notification.title"),
            rule: "must be 1 to 200 characters on one line".into(),
        };
        let few = status(&Error::fields((0..3).map(violation).collect()));
        let shown = few.get_details_bad_request().unwrap().field_violations;
        assert_eq!(shown.len(), 3);
        let many = status(&Error::fields((0..1_000).map(violation).collect()));
        let shown = many.get_details_bad_request().unwrap().field_violations;
        assert_eq!(
            shown[20].field, "requests[20].notification.title",
            "a good many are named"
        );
        let last = &shown[shown.len() - 1].description;
        assert!(
            last.starts_with(&format!("{} more", 1_001 - shown.len())),
            "{last}"
        );
        let long = status(&Error::not_found(&"网".repeat(100_000)));
        assert!(long.message().ends_with(" ..."));
        for status in [many, long] {
            let plain = status.message().bytes().filter(u8::is_ascii).count();
            let message = plain + (status.message().len() - plain) * 3;
            let encoded = message + status.details().len() * 4 / 3;
            assert!(encoded < 8 * 1024, "{encoded}");
        }
    }

    #[test]
    fn context_stays_inside() {
        let status = status(&Error::internal("sled: page 7 is damaged"));
        assert!(!format!("{status:?}").contains("sled"));
        assert_eq!(status.get_details_error_info().unwrap().reason, "INTERNAL");
    }
}
