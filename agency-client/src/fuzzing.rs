//! What the library reads of answers and of local callers, as plain functions, for the fuzz targets.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use hub_proto::common::Receipt;
use prost::Message as _;
use tonic::Status;

use crate::{
    client::DEADLINE_DEFAULT,
    codec::AnyAnswer,
    error::{ClientError, Result, from_status},
    gateway,
    outbox::method::Method,
    retry::RetryPolicy,
};

/// What a status means to a caller.
#[must_use]
pub fn error(status: &Status) -> ClientError {
    from_status(
        status,
        "https://hub.fuzz.example:7443",
        DEADLINE_DEFAULT,
        None,
    )
}

/// The wait before the next attempt by the default policy.
#[must_use]
pub fn wait(error: &ClientError, failed: u32, remains: Duration) -> Option<Duration> {
    RetryPolicy::default().wait(error, failed, remains, 1.0)
}

/// Name and receipt, as an outbox reads them of an answer of a method.
///
/// # Errors
/// When the answer breaks the contract, or the method is none that an outbox calls.
pub fn answer(path: &str, answer: &[u8]) -> Result<(String, Receipt)> {
    let method = Method::find(path)?;
    let answer = AnyAnswer::decode(answer)
        .map_err(|error| ClientError::Protocol(format!("undecodable answer: {error}")))?;
    method.answer(&answer)
}

/// A request of a method under another request id, and the id that is then read of it.
///
/// # Errors
/// When the request is no message, or the method is none that an outbox calls.
pub fn request_under(path: &str, request: &Bytes, id: &str) -> Result<(Bytes, Option<String>)> {
    let method = Method::find(path)?;
    let request = method.with_request_id(request, id)?;
    let read = method.request_id(&request)?;
    Ok((request, read))
}

/// What a gateway passes on of a caller's headers, and the time that the caller allows.
#[must_use]
pub fn passed_on(headers: &HeaderMap) -> (HeaderMap, Option<Duration>) {
    let with = gateway::passed_on(headers);
    (with.metadata.into_headers(), with.timeout)
}
