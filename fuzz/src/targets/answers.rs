//! What a member's library reads of a hub's answers, and its gateway of a local caller's headers.

use std::time::Duration;

use agency_client::{ClientError, error::RETRY_AFTER_MAX, fuzzing};
use bytes::Bytes;
use http::HeaderMap;
use hub_core::{purpose::PURPOSE_HEADER, reason::ERROR_DOMAIN};
use hub_proto::channels::{PublishNotificationRequest, PublishNotificationResponse};
use prost::Message as _;
use prost_types::Any;
use tonic::{Code, Request, Status};
use tonic_types::pb::{
    BadRequest, ErrorInfo, RetryInfo, Status as RpcStatus, bad_request::FieldViolation,
};

use super::header_lines;
use crate::tape::{Tape, put_piece};

/// Words of errors.
pub const ERROR_WORDS: &[&str] = &[
    "type.googleapis.com/google.rpc.ErrorInfo",
    "type.googleapis.com/google.rpc.BadRequest",
    "type.googleapis.com/google.rpc.RetryInfo",
    "hub",
    "gateway",
    "UNAVAILABLE",
    "LIMIT_EXCEEDED",
    "STORAGE_FULL",
    "TOKEN_EXPIRED",
    "INVALID_ARGUMENT",
    "Timeout expired",
    "request_id",
];

/// Words of headers.
pub const HEADER_WORDS: &[&str] = &[
    "grpc-timeout: 99999999H\n",
    "grpc-timeout: 1n\n",
    "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\n",
    "tracestate: a=b\n",
    "hub-purpose-bin: 5qC45p+l\n",
    "authorization: Bearer stolen\n",
    "author-signature-bin: AAAA\n",
];

const PUBLISH: &str = "/hub.channels.v1.ChannelService/PublishNotification";

fn any(name: &str, message: &impl prost::Message) -> Any {
    Any {
        type_url: format!("type.googleapis.com/google.rpc.{name}"),
        value: message.encode_to_vec(),
    }
}

/// The details of an error whose parts are on the tape: as the hub sends them, but for what they say.
fn details(tape: &mut Tape<'_>) -> Vec<u8> {
    let text = |piece: &[u8]| String::from_utf8_lossy(piece).into_owned();
    let info = ErrorInfo {
        reason: text(tape.piece()),
        domain: ERROR_DOMAIN.into(),
        ..ErrorInfo::default()
    };
    let retry = RetryInfo {
        retry_delay: Some(prost_types::Duration {
            seconds: i64::from_le_bytes(tape.long().to_le_bytes()),
            nanos: i32::from_le_bytes((tape.long() >> 32).to_le_bytes()[..4].try_into().unwrap()),
        }),
    };
    let violation = FieldViolation {
        field: text(tape.piece()),
        description: text(tape.piece()),
        ..FieldViolation::default()
    };
    let bad = BadRequest {
        field_violations: vec![violation; usize::from(tape.byte() % 4)],
    };
    let status = RpcStatus {
        details: vec![
            any("ErrorInfo", &info),
            any("RetryInfo", &retry),
            any("BadRequest", &bad),
        ],
        ..RpcStatus::default()
    };
    [status.encode_to_vec(), tape.rest().to_vec()].concat()
}

/// A seed of [`hub_error`] whose details are told in parts.
#[must_use]
pub fn error_seed(code: u8, message: &str, reason: &str, retry_s: i64, field: &str) -> Vec<u8> {
    let mut seed = vec![1, code];
    put_piece(&mut seed, message.as_bytes());
    put_piece(&mut seed, reason.as_bytes());
    seed.extend(retry_s.to_le_bytes());
    seed.extend([0; 8]);
    put_piece(&mut seed, field.as_bytes());
    put_piece(&mut seed, b"must be one line");
    seed.push(1);
    seed
}

/// A status as a hub, or whatever answers in its place, sends it. Whatever it asks for, nobody waits longer
/// than documented; a reason that is known is the text that came; everything that people read says something.
pub fn hub_error(input: &[u8]) {
    let mut tape = Tape::new(input);
    let (choice, code) = (tape.byte() % 2, Code::from_i32(i32::from(tape.byte() % 17)));
    let message = String::from_utf8_lossy(tape.piece()).into_owned();
    let details = match choice {
        0 => tape.rest().to_vec(),
        _ => details(&mut tape),
    };
    let status = Status::with_details(code, message.as_str(), Bytes::from(details));
    let error = fuzzing::error(&status);
    assert!(!error.reason_text().is_empty());
    assert!(!error.to_string().is_empty());
    assert!(!error.advice().is_empty());
    assert!(
        error
            .retryable()
            .is_none_or(|asked| asked <= RETRY_AFTER_MAX)
    );
    for remains in [Duration::from_secs(10), Duration::MAX] {
        let Some(wait) = fuzzing::wait(&error, 1, remains) else {
            continue;
        };
        assert!(wait < remains && wait <= RETRY_AFTER_MAX);
    }
    match &error {
        ClientError::Refused(refusal) => {
            assert_eq!(refusal.code, code);
            assert_eq!(refusal.message, message);
            assert!(
                refusal
                    .retry_after
                    .is_none_or(|asked| asked <= RETRY_AFTER_MAX)
            );
            if let Some(reason) = refusal.reason {
                assert_eq!(reason.as_str(), refusal.reason_text);
                assert!(error.help_page().is_some());
            }
        }
        _ => assert_eq!(error.reason(), None),
    }
}

/// An answer as an outbox reads it without knowing its type, for a method of the table. Of a publish, it says
/// what the message says that is read in full. And a stored request under another id: that id is read of it,
/// it can be given yet another, and a publish says all that it said before.
pub fn hub_answer(input: &[u8]) {
    let mut tape = Tape::new(input);
    let (choice, number) = (tape.byte() % 2, usize::from(tape.byte()));
    let method = match number {
        0 => PUBLISH,
        _ => {
            let rpcs = hub::wire::rpc::RPCS;
            rpcs[number % rpcs.len()].method
        }
    };
    if choice == 0 {
        let read = fuzzing::answer(method, tape.rest());
        if let (PUBLISH, Ok(typed)) = (method, PublishNotificationResponse::decode(tape.rest())) {
            // The text of a name that is no UTF-8 is none for the whole message.
            assert!(read.is_ok() || typed.receipt.is_none());
            let again = fuzzing::answer(method, &typed.encode_to_vec()).ok();
            let name = typed.notification.map(|one| one.name).unwrap_or_default();
            assert_eq!(again, typed.receipt.map(|receipt| (name, receipt)));
        }
        return;
    }
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    let request = Bytes::copy_from_slice(tape.rest());
    let Ok((under, read)) = fuzzing::request_under(method, &request, id) else {
        return;
    };
    assert_eq!(read.as_deref(), Some(id));
    assert!(under.len() <= request.len() + id.len() + 8);
    let (longer, _) = fuzzing::request_under(method, &request, "another").unwrap();
    let (again, _) = fuzzing::request_under(method, &longer, id).unwrap();
    assert_eq!(again, under);
    let but_for_id = |request: &[u8]| {
        PublishNotificationRequest::decode(request).map(|read| PublishNotificationRequest {
            request_id: String::new(),
            ..read
        })
    };
    if let (PUBLISH, Ok(before)) = (method, but_for_id(&request)) {
        assert_eq!(but_for_id(&under), Ok(before), "nothing but the id");
    }
}

/// A local caller's headers, as lines, before a gateway. What goes on to the hub are the documented three and
/// nothing else, and the time that the caller allows can be told to the hub.
pub fn gateway_headers(input: &[u8]) {
    let mut headers = HeaderMap::new();
    for (name, value) in header_lines(input) {
        headers.append(name, value);
    }
    let (passed, timeout) = fuzzing::passed_on(&headers);
    assert!(passed.len() <= 3);
    for (name, value) in &passed {
        assert!(["traceparent", "tracestate", PURPOSE_HEADER].contains(&name.as_str()));
        assert_eq!(headers.get(name), Some(value));
    }
    if let Some(timeout) = timeout {
        assert!(headers.contains_key("grpc-timeout"));
        let mut request = Request::new(());
        request.set_timeout(timeout);
        assert!(request.metadata().contains_key("grpc-timeout"));
    }
}
