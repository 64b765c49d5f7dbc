//! Calls whose messages this library does not read: what a gateway passes on for others.
//!
//! Invariant: a refusal of the hub comes out as it came in, details included. What the connection
//! itself had to say becomes a status that names the gateway's side.

use std::{collections::HashMap, time::Duration};

use bytes::Bytes;
use http::uri::PathAndQuery;
use hub_core::reason::{ERROR_DOMAIN, Reason};
use tonic::{Code, Request, Response, Status, Streaming, metadata::MetadataMap};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::{Client, sign_headers};
use crate::{author::Authored, codec::RawCodec, error::ClientError};

/// `google.rpc.ErrorInfo.domain` of errors that the hub has no part in.
pub(crate) const GATEWAY_DOMAIN: &str = "gateway";
/// When a caller should try again while the hub is away.
const AWAY_RETRY: Duration = Duration::from_secs(1);

/// What a caller adds to a call.
#[derive(Debug, Default)]
pub(crate) struct Forwarded {
    /// Time that the call may take; the client's deadline when absent.
    pub(crate) timeout: Option<Duration>,
    /// Headers to pass on.
    pub(crate) metadata: MetadataMap,
}

impl Client {
    /// A unary call with its message as it came. It is signed in any case: reads ignore it.
    pub(crate) async fn forward_unary(
        &self,
        path: &'static str,
        message: Bytes,
        with: Forwarded,
    ) -> Result<Response<Bytes>, Status> {
        let authored = Authored::sign(&self.shared.identity, path, message)
            .map_err(|error| of_error(&error))?;
        let refused = match self.unary_once(path, &authored, &with).await {
            Err(refused) if self.is_token_expired(&refused) => {
                self.forget_token();
                match self.unary_once(path, &authored, &with).await {
                    Ok(answer) => return Ok(answer),
                    Err(refused) => refused,
                }
            }
            Ok(answer) => return Ok(answer),
            Err(refused) => refused,
        };
        Err(self.shown(refused))
    }

    async fn unary_once(
        &self,
        path: &'static str,
        authored: &Authored,
        with: &Forwarded,
    ) -> Result<Response<Bytes>, Refused> {
        let timeout = with.timeout.unwrap_or(self.deadline());
        let mut request = self.forwarded(authored.request.clone(), with)?;
        sign_headers(request.metadata_mut(), authored);
        request.set_timeout(timeout);
        let call = async {
            let mut grpc = self.grpc().await.map_err(Refused::Client)?;
            grpc.unary(request, PathAndQuery::from_static(path), RawCodec)
                .await
                .map_err(Refused::Status)
        };
        match tokio::time::timeout(timeout, call).await {
            Ok(answer) => answer,
            Err(_) => Err(Refused::Client(self.too_late(timeout))),
        }
    }

    /// A call that the hub answers with a stream. Only its opening is bounded in time.
    pub(crate) async fn forward_server_stream(
        &self,
        path: &'static str,
        message: Bytes,
        with: Forwarded,
    ) -> Result<Response<Streaming<Bytes>>, Status> {
        let refused = match self.open_once(path, message.clone(), &with).await {
            Err(refused) if self.is_token_expired(&refused) => {
                self.forget_token();
                match self.open_once(path, message, &with).await {
                    Ok(opened) => return Ok(opened),
                    Err(refused) => refused,
                }
            }
            Ok(opened) => return Ok(opened),
            Err(refused) => refused,
        };
        Err(self.shown(refused))
    }

    async fn open_once(
        &self,
        path: &'static str,
        message: Bytes,
        with: &Forwarded,
    ) -> Result<Response<Streaming<Bytes>>, Refused> {
        let mut request = self.forwarded(message, with)?;
        if let Some(timeout) = with.timeout {
            request.set_timeout(timeout);
        }
        let opening = async {
            let mut grpc = self.grpc().await.map_err(Refused::Client)?;
            grpc.server_streaming(request, PathAndQuery::from_static(path), RawCodec)
                .await
                .map_err(Refused::Status)
        };
        match tokio::time::timeout(self.deadline(), opening).await {
            Ok(opened) => opened,
            Err(_) => Err(Refused::Client(self.too_late(self.deadline()))),
        }
    }

    /// A call that the caller sends a stream with. It cannot be repeated here.
    pub(crate) async fn forward_client_stream<S>(
        &self,
        path: &'static str,
        messages: S,
        with: Forwarded,
    ) -> Result<Response<Bytes>, Status>
    where
        S: futures::Stream<Item = Bytes> + Send + 'static,
    {
        let sent = async {
            let mut request = self.forwarded(messages, &with)?;
            if let Some(timeout) = with.timeout {
                request.set_timeout(timeout);
            }
            let mut grpc = self.grpc().await.map_err(Refused::Client)?;
            let path = PathAndQuery::from_static(path);
            grpc.client_streaming(request, path, RawCodec)
                .await
                .map_err(Refused::Status)
        };
        sent.await.map_err(|refused| self.shown(refused))
    }

    /// A call with streams both ways. It cannot be repeated here.
    pub(crate) async fn forward_streams<S>(
        &self,
        path: &'static str,
        messages: S,
        with: Forwarded,
    ) -> Result<Response<Streaming<Bytes>>, Status>
    where
        S: futures::Stream<Item = Bytes> + Send + 'static,
    {
        let opened = async {
            let request = self.forwarded(messages, &with)?;
            let mut grpc = self.grpc().await.map_err(Refused::Client)?;
            let path = PathAndQuery::from_static(path);
            grpc.streaming(request, path, RawCodec)
                .await
                .map_err(Refused::Status)
        };
        opened.await.map_err(|refused| self.shown(refused))
    }

    /// What a status in the midst of a stream means to a local caller: as it came, but for the end
    /// of a token that the caller never had.
    pub(crate) fn shown_in_stream(&self, status: Status) -> Status {
        if self.explain(&status).is_token_expired() {
            self.forget_token();
            let text = "the officer's token has ended; open the stream again from its cursor";
            return unavailable(text, Duration::ZERO);
        }
        self.shown(Refused::Status(status))
    }

    fn forwarded<T>(&self, message: T, with: &Forwarded) -> Result<Request<T>, Refused> {
        let mut request = Request::new(message);
        *request.metadata_mut() = with.metadata.clone();
        let token = self.shared.minter.header(jiff::Timestamp::now());
        request
            .metadata_mut()
            .insert("authorization", token.map_err(Refused::Client)?);
        self.say_purpose(request.metadata_mut());
        Ok(request)
    }

    /// Whether a fresh token is all that is missing.
    fn is_token_expired(&self, refused: &Refused) -> bool {
        matches!(refused, Refused::Status(status) if self.explain(status).is_token_expired())
    }

    fn too_late(&self, after: Duration) -> ClientError {
        ClientError::Deadline {
            endpoint: self.shared.endpoint.clone(),
            after,
        }
    }

    fn shown(&self, refused: Refused) -> Status {
        match refused {
            Refused::Client(error) => of_error(&error),
            Refused::Status(status) => match self.explain(&status) {
                ClientError::Refused(_) => {
                    let details = Bytes::copy_from_slice(status.details());
                    Status::with_details(status.code(), status.message(), details)
                }
                error => of_error(&error),
            },
        }
    }
}

/// Why a call came to nothing.
enum Refused {
    Client(ClientError),
    Status(Status),
}

/// A status of the gateway's own for what did not come from the hub.
fn of_error(error: &ClientError) -> Status {
    let text = format!("{error}. {}", error.advice());
    let code = match error {
        ClientError::Unreachable { .. } => return unavailable(&text, AWAY_RETRY),
        ClientError::Deadline { .. } => Code::DeadlineExceeded,
        ClientError::NodeRefused { .. }
        | ClientError::HubUntrusted { .. }
        | ClientError::LocalFile { .. }
        | ClientError::Signing(_) => Code::FailedPrecondition,
        ClientError::Input { .. } => Code::InvalidArgument,
        _ => Code::Internal,
    };
    own(code, &text, error.reason_text(), None)
}

/// The hub is away, or the gateway is: try again.
pub(crate) fn unavailable(text: &str, retry: Duration) -> Status {
    let mut details = ErrorDetails::new();
    details.set_error_info(Reason::Unavailable.as_str(), ERROR_DOMAIN, HashMap::new());
    details.set_retry_info(Some(retry));
    Status::with_error_details(Code::Unavailable, text, details)
}

/// A status of the gateway's own, with a reason.
pub(crate) fn own(code: Code, text: &str, reason: &str, retry: Option<Duration>) -> Status {
    let mut details = ErrorDetails::new();
    details.set_error_info(reason, GATEWAY_DOMAIN, HashMap::new());
    if retry.is_some() {
        details.set_retry_info(retry);
    }
    Status::with_error_details(code, text, details)
}
