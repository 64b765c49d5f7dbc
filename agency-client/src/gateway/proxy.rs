//! The service in front: local services by their path, everything else on to the hub.
//!
//! Invariant: of a caller's headers, only those of [`PASSED_ON`] reach the hub. Who acts is settled
//! by the gateway's profile alone.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures::Stream;
use http::{HeaderMap, Request as HttpRequest, Response as HttpResponse};
use hub_core::purpose::PURPOSE_HEADER;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tonic::{
    Code, Request, Response, Status, Streaming, body::Body, metadata::MetadataMap, server::Grpc,
    service::Routes,
};
use tower::Service;

use super::{
    MESSAGE_BYTES_MAX, SECRET_HEADER,
    methods::{self, Method},
    secret::Secret,
};
use crate::{
    client::{
        Client,
        forward::{Forwarded, own, unavailable},
    },
    codec::RawCodec,
};

/// Headers of a caller that go on to the hub: the trace that the call belongs to, and what a read is for.
const PASSED_ON: [&str; 3] = ["traceparent", "tracestate", PURPOSE_HEADER];
/// Paths that the gateway answers itself.
const LOCAL: [&str; 3] = [
    "/grpc.health.v1.Health/",
    "/grpc.reflection.",
    "/hub.gateway.v1.GatewayService/",
];
/// Health is asked for by supervisors that know no secret.
const OPEN: &str = "/grpc.health.v1.Health/";
/// When a caller should try again after the gateway's limit of calls was met.
const FULL_RETRY: Duration = Duration::from_millis(250);

/// What every call needs.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) client: Client,
    pub(super) secret: Option<Secret>,
    /// Calls that may be under way, streams included.
    pub(super) calls: Arc<Semaphore>,
    pub(super) draining: watch::Receiver<bool>,
}

/// The service in front.
#[derive(Debug, Clone)]
pub(super) struct Front {
    shared: Arc<Shared>,
    local: Routes,
}

impl Front {
    pub(super) fn new(shared: Arc<Shared>, local: Routes) -> Self {
        Self { shared, local }
    }
}

type Answer = Result<HttpResponse<Body>, Infallible>;

impl Service<HttpRequest<Body>> for Front {
    type Response = HttpResponse<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequest<Body>) -> Self::Future {
        let shared = Arc::clone(&self.shared);
        if let Err(status) = shared.admit(&request) {
            return Box::pin(async move { Ok(status.into_http()) });
        }
        if LOCAL
            .iter()
            .any(|path| request.uri().path().starts_with(path))
        {
            return Box::pin(self.local.call(request));
        }
        let Some(method) = methods::find(request.uri().path()) else {
            let text = format!("the hub has no method {}", request.uri().path());
            return Box::pin(async move { Ok(Status::unimplemented(text).into_http()) });
        };
        Box::pin(async move { Ok(shared.forward(method, request).await) })
    }
}

impl Shared {
    /// Whether the caller may speak to the gateway at all.
    fn admit(&self, request: &HttpRequest<Body>) -> Result<(), Status> {
        let Some(secret) = &self.secret else {
            return Ok(());
        };
        let given = request.headers().get(SECRET_HEADER);
        if request.uri().path().starts_with(OPEN)
            || given.is_some_and(|given| secret.is(given.as_bytes()))
        {
            return Ok(());
        }
        Err(own(
            Code::Unauthenticated,
            "the metadata gateway-secret is missing or wrong: send the text of the gateway's secret file",
            "GATEWAY_SECRET_WRONG",
            None,
        ))
    }

    async fn forward(&self, method: Method, request: HttpRequest<Body>) -> HttpResponse<Body> {
        let Ok(permit) = Arc::clone(&self.calls).try_acquire_owned() else {
            let status = own(
                Code::ResourceExhausted,
                "too many calls are under way at this gateway",
                "GATEWAY_LIMIT",
                Some(FULL_RETRY),
            );
            return status.into_http();
        };
        let call = Call {
            path: method.path,
            client: self.client.clone(),
            with: passed_on(request.headers()),
            draining: self.draining.clone(),
            permit,
        };
        let mut grpc = Grpc::new(RawCodec).max_decoding_message_size(MESSAGE_BYTES_MAX);
        // Each of the four is called once; tonic asks for a service that could be called often.
        let mut call = Some(call);
        let once = || call.take().ok_or_else(|| Status::internal("called twice"));
        forward_kind(&mut grpc, method, request, once).await
    }
}

async fn forward_kind(
    grpc: &mut Grpc<RawCodec>,
    method: Method,
    request: HttpRequest<Body>,
    mut once: impl FnMut() -> Result<Call, Status> + Send,
) -> HttpResponse<Body> {
    match (method.is_client_streaming, method.is_server_streaming) {
        (false, false) => {
            let service = tower::service_fn(|request: Request<Bytes>| {
                let call = once();
                async move { call?.unary(request.into_inner()).await }
            });
            grpc.unary(service, request).await
        }
        (false, true) => {
            let service = tower::service_fn(|request: Request<Bytes>| {
                let call = once();
                async move { call?.server_stream(request.into_inner()).await }
            });
            grpc.server_streaming(service, request).await
        }
        (true, false) => {
            let service = tower::service_fn(|request: Request<Streaming<Bytes>>| {
                let call = once();
                async move { call?.client_stream(request.into_inner()).await }
            });
            grpc.client_streaming(service, request).await
        }
        (true, true) => {
            let service = tower::service_fn(|request: Request<Streaming<Bytes>>| {
                let call = once();
                async move { call?.streams(request.into_inner()).await }
            });
            grpc.streaming(service, request).await
        }
    }
}

/// One call on its way to the hub.
struct Call {
    path: &'static str,
    client: Client,
    with: Forwarded,
    draining: watch::Receiver<bool>,
    permit: OwnedSemaphorePermit,
}

type Relayed = Pin<Box<dyn Stream<Item = Result<Bytes, Status>> + Send>>;

impl Call {
    async fn unary(self, message: Bytes) -> Result<Response<Bytes>, Status> {
        let answer = self.client.forward_unary(self.path, message, self.with);
        Ok(bare(answer.await?))
    }

    async fn server_stream(self, message: Bytes) -> Result<Response<Relayed>, Status> {
        let opened = self
            .client
            .forward_server_stream(self.path, message, self.with);
        let stream = opened.await?.into_inner();
        Ok(Response::new(relay(
            stream,
            self.client,
            self.draining,
            self.permit,
        )))
    }

    async fn client_stream(self, messages: Streaming<Bytes>) -> Result<Response<Bytes>, Status> {
        let (messages, broken) = upstream(messages);
        let answer = self
            .client
            .forward_client_stream(self.path, messages, self.with);
        tokio::select! {
            answer = answer => Ok(bare(answer?)),
            status = broken => Err(status),
        }
    }

    async fn streams(self, messages: Streaming<Bytes>) -> Result<Response<Relayed>, Status> {
        let (messages, broken) = upstream(messages);
        let opened = self.client.forward_streams(self.path, messages, self.with);
        let stream = tokio::select! {
            opened = opened => opened?.into_inner(),
            status = broken => return Err(status),
        };
        Ok(Response::new(relay(
            stream,
            self.client,
            self.draining,
            self.permit,
        )))
    }
}

/// The answer without the hub's headers.
fn bare(answer: Response<Bytes>) -> Response<Bytes> {
    Response::new(answer.into_inner())
}

/// A caller's messages for the hub. A stream that breaks must not look like one that ended: the
/// second half resolves then, and the call is given up.
fn upstream(
    messages: Streaming<Bytes>,
) -> (
    impl Stream<Item = Bytes> + Send + 'static,
    impl Future<Output = Status> + Send,
) {
    let (tell, told) = oneshot::channel();
    let stream = futures::stream::unfold(
        (messages, Some(tell)),
        |(mut messages, mut tell)| async move {
            match messages.message().await {
                Ok(Some(message)) => Some((message, (messages, tell))),
                Ok(None) => None,
                Err(status) => {
                    if let Some(tell) = tell.take() {
                        // Nobody listens when the call is over already.
                        drop(tell.send(status));
                    }
                    std::future::pending().await
                }
            }
        },
    );
    let broken = async {
        match told.await {
            Ok(status) => status,
            Err(_ended) => std::future::pending().await,
        }
    };
    (stream, broken)
}

/// The hub's messages for a caller; read one at a time, so that a slow caller holds the hub back.
fn relay(
    stream: Streaming<Bytes>,
    client: Client,
    draining: watch::Receiver<bool>,
    permit: OwnedSemaphorePermit,
) -> Relayed {
    let open = Some((stream, client, draining, permit));
    Box::pin(futures::stream::unfold(open, |open| async move {
        let (mut stream, client, mut draining, permit) = open?;
        let drained = async {
            // An error means that the gateway is gone, which is as good a reason to stop.
            drop(draining.wait_for(|is_draining| *is_draining).await);
        };
        let next = tokio::select! {
            message = stream.message() => message.map_err(|status| client.shown_in_stream(status)),
            () = drained => Err(unavailable(
                "the gateway is stopping; open the stream again from its cursor",
                Duration::from_secs(1),
            )),
        };
        match next {
            Ok(Some(message)) => Some((Ok(message), Some((stream, client, draining, permit)))),
            Ok(None) => None,
            Err(status) => Some((Err(status), None)),
        }
    }))
}

/// What of a caller's headers goes on.
pub(crate) fn passed_on(headers: &HeaderMap) -> Forwarded {
    let mut chosen = HeaderMap::new();
    for name in PASSED_ON {
        if let Some(value) = headers.get(name) {
            chosen.insert(name, value.clone());
        }
    }
    let timeout = headers.get("grpc-timeout");
    Forwarded {
        timeout: timeout
            .and_then(|value| value.to_str().ok())
            .and_then(timeout_of),
        metadata: MetadataMap::from_headers(chosen),
    }
}

/// Reads a `grpc-timeout`: 1 to 8 digits and a unit.
fn timeout_of(text: &str) -> Option<Duration> {
    let digits = text.get(..text.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    match text.get(digits.len()..)? {
        "H" => Some(Duration::from_secs(count * 3600)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_in_every_unit() {
        for (text, millis) in [
            ("1H", 3_600_000),
            ("2M", 120_000),
            ("3S", 3_000),
            ("40m", 40),
            ("5000u", 5),
            ("6000000n", 6),
        ] {
            assert_eq!(timeout_of(text), Some(Duration::from_millis(millis)));
        }
        for text in ["", "S", "1", "1x", "123456789S", "-1S", "é"] {
            assert_eq!(timeout_of(text), None, "{text}");
        }
    }

    #[test]
    fn only_the_trace_the_purpose_and_the_timeout_of_a_caller_go_on() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("authorization", "Bearer stolen"),
            ("author-salt-bin", "AAAA"),
            ("author-signature-bin", "AAAA"),
            ("gateway-secret", "s"),
            ("traceparent", "00-1-2-01"),
            ("hub-purpose-bin", "5qC45p+l"),
            ("grpc-timeout", "3S"),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        let with = passed_on(&headers);
        let mut names: Vec<_> = with.metadata.into_headers().keys().cloned().collect();
        names.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        assert_eq!(names, ["hub-purpose-bin", "traceparent"]);
        assert_eq!(with.timeout, Some(Duration::from_secs(3)));
    }
}
