//! Reads a [`tonic::Status`]: the hub's own refusal apart from a broken connection.

use std::{error::Error as _, time::Duration};

use hub_core::reason::ERROR_DOMAIN;
use prost::Message as _;
use tonic::{Code, Status};
use tonic_types::{BadRequest, ErrorInfo, RetryInfo, pb};

use super::{ClientError, RETRY_AFTER_MAX, Refusal, Violation};
use crate::transport::{TlsFailure, TlsFault};

/// What a status means to the caller. `tls` is what the connection itself last complained of.
pub(crate) fn from_status(
    status: &Status,
    endpoint: &str,
    allowed: Duration,
    tls: Option<TlsFailure>,
) -> ClientError {
    let details = Details::of(status);
    if let Some(reason) = details.reason {
        return ClientError::Refused(Box::new(Refusal {
            reason: reason.parse().ok(),
            reason_text: reason,
            code: status.code(),
            message: status.message().to_owned(),
            violations: details.violations,
            retry_after: details.retry_after,
        }));
    }
    let endpoint = endpoint.to_owned();
    if let Some(TlsFailure { fault, detail }) = tls {
        return match fault {
            TlsFault::Node => ClientError::NodeRefused { endpoint, detail },
            TlsFault::Hub => ClientError::HubUntrusted { endpoint, detail },
        };
    }
    let timed_out = status.code() == Code::Cancelled && status.message() == "Timeout expired";
    if timed_out || status.code() == Code::DeadlineExceeded {
        return ClientError::Deadline {
            endpoint,
            after: allowed,
        };
    }
    if status.source().is_some() || matches!(status.code(), Code::Unavailable | Code::Unknown) {
        return ClientError::Unreachable {
            endpoint,
            detail: cause(status),
        };
    }
    ClientError::Refused(Box::new(Refusal {
        reason: None,
        reason_text: String::new(),
        code: status.code(),
        message: status.message().to_owned(),
        violations: vec![],
        retry_after: details.retry_after,
    }))
}

/// What is read of a status's `google.rpc.Status`. What cannot be decoded is passed over.
#[derive(Debug, Default)]
struct Details {
    /// The hub's own reason: that of others is none.
    reason: Option<String>,
    violations: Vec<Violation>,
    retry_after: Option<Duration>,
}

impl Details {
    // `tonic_types` has a reader of its own. It negates a wait below zero, and panics at -2^63 seconds where
    // overflow is checked.
    fn of(status: &Status) -> Self {
        let mut found = Self::default();
        for detail in pb::Status::decode(status.details())
            .unwrap_or_default()
            .details
        {
            found.add(&detail.type_url, &detail.value);
        }
        found
    }

    fn add(&mut self, type_url: &str, value: &[u8]) {
        if type_url == ErrorInfo::TYPE_URL
            && let Ok(info) = pb::ErrorInfo::decode(value)
            && info.domain == ERROR_DOMAIN
        {
            self.reason = Some(info.reason);
        } else if type_url == BadRequest::TYPE_URL
            && let Ok(bad) = pb::BadRequest::decode(value)
        {
            let violations = bad.field_violations.into_iter();
            self.violations = violations
                .map(|violation| Violation {
                    field: violation.field,
                    rule: violation.description,
                })
                .collect();
        } else if type_url == RetryInfo::TYPE_URL
            && let Ok(info) = pb::RetryInfo::decode(value)
        {
            self.retry_after = info.retry_delay.map(bounded);
        }
    }
}

/// A wait that is asked for. Whoever answers can name any number of years; nothing of a member's waits longer
/// than [`RETRY_AFTER_MAX`] on anybody's word. A wait below zero is none; so is one whose parts differ in sign,
/// which `google.protobuf.Duration` does not allow.
fn bounded(asked: prost_types::Duration) -> Duration {
    let seconds = u64::try_from(asked.seconds);
    let nanos = u64::try_from(asked.nanos);
    let (Ok(seconds), Ok(nanos)) = (seconds, nanos) else {
        return Duration::ZERO;
    };
    Duration::from_secs(seconds)
        .saturating_add(Duration::from_nanos(nanos))
        .min(RETRY_AFTER_MAX)
}

/// Why nobody answered, in words for people. What the libraries between here and the network call
/// it goes to the debug log.
fn cause(status: &Status) -> String {
    let mut deepest = None;
    let mut source = status.source();
    while let Some(error) = source {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            deepest = Some(of_io(io));
        }
        source = error.source();
    }
    tracing::debug!(chain = chain(status), "nobody answers");
    if let Some(text) = deepest {
        return text;
    }
    let text = chain(status);
    let is_cut = [
        "h2 protocol error",
        "connection error",
        "broken pipe",
        "reset",
    ]
    .iter()
    .any(|sign| text.contains(sign));
    if is_cut || text.starts_with("transport error") {
        "the connection broke".into()
    } else {
        status.message().to_owned()
    }
}

fn of_io(error: &std::io::Error) -> String {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::ConnectionRefused => "connection refused: nothing listens there".into(),
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::UnexpectedEof
        | ErrorKind::NotConnected => "the connection broke".into(),
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => {
            "there is no way to it on the network".into()
        }
        // Our own texts, those of name resolution, and TLS.
        _ => error.to_string(),
    }
}

/// The message of a status and of all that caused it, each said once.
fn chain(status: &Status) -> String {
    let mut texts = vec![status.message().to_owned()];
    let mut source = status.source();
    while let Some(error) = source {
        let text = error.to_string();
        if !texts.iter().any(|earlier| earlier.contains(&text)) {
            texts.push(text);
        }
        source = error.source();
    }
    texts.join(": ")
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use hub_core::reason::Reason;
    use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

    use super::*;

    fn read(status: &Status, tls: Option<TlsFailure>) -> ClientError {
        from_status(
            status,
            "https://hub.example:7443",
            Duration::from_secs(10),
            tls,
        )
    }

    #[test]
    fn a_refusal_keeps_reason_fields_and_retry_hint() {
        let mut details = ErrorDetails::new();
        details.set_error_info("LIMIT_EXCEEDED", ERROR_DOMAIN, HashMap::new());
        details.set_bad_request(vec![FieldViolation::new("requests", "at most 256")]);
        details.set_retry_info(Some(Duration::from_millis(250)));
        let status = Status::with_error_details(Code::ResourceExhausted, "too many", details);
        let error = read(&status, None);
        assert_eq!(error.reason(), Some(Reason::LimitExceeded));
        assert_eq!(error.retryable(), Some(Duration::from_millis(250)));
        assert_eq!(error.to_string(), "LIMIT_EXCEEDED: too many");
        assert_eq!(
            error.help_page().as_deref(),
            Some("docs/errors/LIMIT_EXCEEDED.md")
        );
        let ClientError::Refused(refusal) = error else {
            panic!("{error:?}");
        };
        assert_eq!(refusal.violations[0].field, "requests");
    }

    #[test]
    fn a_reason_of_another_domain_is_no_reason_of_the_hub() {
        let mut details = ErrorDetails::new();
        details.set_error_info("TOKEN_EXPIRED", "proxy.example", HashMap::new());
        let status = Status::with_error_details(Code::Unauthenticated, "no", details);
        assert!(!read(&status, None).is_token_expired());
    }

    #[test]
    fn nobody_is_made_to_wait_for_years() {
        let mut details = ErrorDetails::new();
        details.set_error_info("UNAVAILABLE", ERROR_DOMAIN, HashMap::new());
        details.set_retry_info(Some(Duration::from_secs(u64::MAX >> 1)));
        let status = Status::with_error_details(Code::Unavailable, "later", details);
        assert_eq!(read(&status, None).retryable(), Some(RETRY_AFTER_MAX));
        let mut details = ErrorDetails::new();
        details.set_retry_info(Some(Duration::from_secs(u64::MAX >> 1)));
        let status = Status::with_error_details(Code::Internal, "from something between", details);
        let ClientError::Refused(refusal) = read(&status, None) else {
            panic!("{status:?}");
        };
        assert_eq!(refusal.retry_after, Some(RETRY_AFTER_MAX));
    }

    #[test]
    fn a_wait_below_zero_is_none() {
        let read_of = |seconds, nanos| {
            let retry = pb::RetryInfo {
                retry_delay: Some(prost_types::Duration { seconds, nanos }),
            };
            let all = pb::Status {
                details: vec![prost_types::Any {
                    type_url: RetryInfo::TYPE_URL.into(),
                    value: retry.encode_to_vec(),
                }],
                ..pb::Status::default()
            };
            let details = all.encode_to_vec().into();
            let status = Status::with_details(Code::Internal, "from something between", details);
            match read(&status, None) {
                ClientError::Refused(refusal) => refusal.retry_after,
                other => panic!("{other:?}"),
            }
        };
        for (seconds, nanos) in [
            (i64::MIN, 0),
            (0, i32::MIN),
            (-1, 5),
            (-5, i32::MAX),
            (5, -1),
        ] {
            let found = read_of(seconds, nanos);
            assert_eq!(found, Some(Duration::ZERO), "{seconds} {nanos}");
        }
        assert_eq!(read_of(2, 500_000_000), Some(Duration::from_millis(2_500)));
    }

    #[test]
    fn a_limit_without_a_hint_is_not_retried() {
        let mut details = ErrorDetails::new();
        details.set_error_info("LIMIT_EXCEEDED", ERROR_DOMAIN, HashMap::new());
        let status = Status::with_error_details(Code::ResourceExhausted, "too big", details);
        assert_eq!(read(&status, None).retryable(), None);
    }

    #[test]
    fn a_tls_alert_explains_a_broken_connection() {
        let alert = TlsFailure {
            fault: TlsFault::Node,
            detail: "received fatal alert: CertificateRevoked".into(),
        };
        let error = read(&Status::unavailable("transport error"), Some(alert));
        assert!(matches!(error, ClientError::NodeRefused { .. }), "{error}");
        assert_eq!(error.retryable(), None);
        let error = read(&Status::unavailable("transport error"), None);
        assert_eq!(error.retryable(), Some(Duration::ZERO));
    }

    #[test]
    fn an_unknown_reason_is_shown_as_it_came() {
        let mut details = ErrorDetails::new();
        details.set_error_info("QUORUM_MISSING", ERROR_DOMAIN, HashMap::new());
        let status = Status::with_error_details(Code::FailedPrecondition, "wait", details);
        let error = read(&status, None);
        assert_eq!(error.reason(), None);
        assert_eq!(error.to_string(), "QUORUM_MISSING: wait");
        assert_eq!(error.help_page(), None);
    }
}
