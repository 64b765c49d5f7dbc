//! Stands before everything else: counts calls, measures them, and gives each a span.
//!
//! A call ends when its last byte is handed over or its caller goes away, whichever is first. What
//! is refused at the door counts too.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame, SizeHint};
use tower::{Layer, Service};
use tracing::{Instrument as _, Span};

use crate::{
    clock::Clock,
    identity::PeerInfo,
    metrics::{
        Metrics,
        rpc::{CANCELLED, UNKNOWN},
    },
    traces,
};

/// Where gRPC puts its code.
const STATUS_HEADER: &str = "grpc-status";

/// Codes that are no caller's doing: UNKNOWN, INTERNAL, UNAVAILABLE, DATA_LOSS.
const OUR_FAULTS: [usize; 4] = [UNKNOWN, 13, 14, 15];

/// What observing needs.
#[derive(Debug, Clone)]
pub struct ObserveOptions {
    /// Where calls are counted.
    pub metrics: Arc<Metrics>,
    /// How calls are measured.
    pub clock: Arc<dyn Clock>,
    /// A caller may make a call part of its own trace.
    pub accept_traceparent: bool,
}

/// A tower layer that counts, measures and traces every call.
#[derive(Debug, Clone)]
pub struct ObserveLayer(Arc<ObserveOptions>);

impl ObserveLayer {
    /// A layer with these options.
    #[must_use]
    pub fn new(options: ObserveOptions) -> Self {
        Self(Arc::new(options))
    }
}

impl<S> Layer<S> for ObserveLayer {
    type Service = Observed<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Observed {
            options: Arc::clone(&self.0),
            inner,
        }
    }
}

/// The service of [`ObserveLayer`].
#[derive(Debug, Clone)]
pub struct Observed<S> {
    options: Arc<ObserveOptions>,
    inner: S,
}

/// The answer of an observed call.
pub type ObservedFuture<R, E> =
    Pin<Box<dyn Future<Output = Result<Response<ObservedBody<R>>, E>> + Send>>;

impl<S, B, R> Service<Request<B>> for Observed<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
{
    type Response = Response<ObservedBody<R>>;
    type Error = S::Error;
    type Future = ObservedFuture<R, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let mut call = Call::begin(&self.options, &request);
        let answer = self.inner.call(request).instrument(call.span.clone());
        Box::pin(async move {
            let response = answer.await?;
            call.answered(response.headers());
            let (parts, inner) = response.into_parts();
            Ok(Response::from_parts(parts, ObservedBody { inner, call }))
        })
    }
}

/// A call under way; it has ended when this is dropped.
struct Call {
    options: Arc<ObserveOptions>,
    path: Box<str>,
    began: Duration,
    span: Span,
    code: Option<usize>,
}

impl Call {
    fn begin<B>(options: &Arc<ObserveOptions>, request: &Request<B>) -> Self {
        let path = request.uri().path();
        let peer = request.extensions().get::<PeerInfo>();
        let peer = peer.and_then(|info| info.peer.as_ref().ok());
        let agency = peer.map(|peer| peer.agency.as_str());
        let span = traces::call(options.metrics.rpc.method(path).name(), agency);
        if options.accept_traceparent {
            traces::continue_from(&span, request.headers());
        }
        Self {
            began: options.clock.monotonic(),
            path: path.into(),
            options: Arc::clone(options),
            span,
            code: None,
        }
    }

    fn answered(&mut self, headers: &HeaderMap) {
        let after = self.options.clock.monotonic().saturating_sub(self.began);
        self.options.metrics.rpc.method(&self.path).answered(after);
        // What is refused has its code in the head and no body.
        self.note(headers);
    }

    fn note(&mut self, headers: &HeaderMap) {
        if let Some(code) = headers.get(STATUS_HEADER) {
            let code = code.to_str().ok().and_then(|code| code.parse().ok());
            self.code = Some(code.unwrap_or(UNKNOWN));
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let code = self.code.unwrap_or(CANCELLED);
        self.options.metrics.rpc.method(&self.path).ended(code);
        traces::ended(&self.span, code, OUR_FAULTS.contains(&code));
    }
}

/// A body whose end is noted.
pub struct ObservedBody<R> {
    inner: R,
    call: Call,
}

impl<R> fmt::Debug for ObservedBody<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObservedBody").finish_non_exhaustive()
    }
}

impl<R: Body + Unpin> Body for ObservedBody<R> {
    type Data = R::Data;
    type Error = R::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<R::Data>, R::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(context));
        if let Some(Ok(frame)) = &frame
            && let Some(trailers) = frame.trailers_ref()
        {
            self.call.note(trailers);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
