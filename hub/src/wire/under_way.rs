//! Bounds what one agency has under way: calls, until their answers are handed over, and the bytes of
//! these answers. Without it a caller that opens calls and takes no answer, which HTTP/2 lets it do on
//! as many streams as there may be, would have the hub keep all of them.
//!
//! An answer that is no stream is put together at once and counted by its bytes until the last of them
//! is taken. A stream pulls, and holds little.

use std::{
    collections::VecDeque,
    fmt,
    future::{Future, Ready, ready},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::future::Either;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use tokio::time::Instant;
use tower::{Layer, Service};

use super::{
    rpc::{self, Effect},
    status::{explain, status},
    streams::{StreamGuard, Streams},
};
use crate::{
    error::{Error, Result},
    identity::{
        PeerInfo,
        budget::{Budget, Share},
    },
};

/// A tower layer that counts what is under way; it comes behind [`crate::identity::IdentityLayer`], so
/// that nobody uses up what belongs to an agency that it only names.
#[derive(Debug, Clone)]
pub struct UnderWayLayer(Arc<Limits>);

#[derive(Debug)]
struct Limits {
    calls: Arc<Streams>,
    answers: Arc<Budget>,
}

impl UnderWayLayer {
    /// Allows an agency so many calls at once, and answers of as many bytes as requests.
    #[must_use]
    pub fn new(agency_calls_max: usize) -> Self {
        Self(Arc::new(Limits {
            calls: Arc::new(Streams::of("calls under way", agency_calls_max)),
            answers: Arc::new(Budget::of("answers")),
        }))
    }
}

impl<S> Layer<S> for UnderWayLayer {
    type Service = UnderWay<S>;

    fn layer(&self, inner: S) -> Self::Service {
        UnderWay {
            limits: Arc::clone(&self.0),
            inner,
        }
    }
}

/// The service of [`UnderWayLayer`].
#[derive(Debug, Clone)]
pub struct UnderWay<S> {
    limits: Arc<Limits>,
    inner: S,
}

/// The answer of a call under way.
pub type UnderWayFuture<R, E> =
    Pin<Box<dyn Future<Output = Result<Response<Answer<R>>, E>> + Send>>;

impl<S, B, R> Service<Request<B>> for UnderWay<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    R: Body<Data = Bytes> + Default + Send + Unpin + 'static,
    R::Error: Send,
{
    type Response = Response<Answer<R>>;
    type Error = S::Error;
    type Future = Either<Ready<Result<Response<Answer<R>>, S::Error>>, UnderWayFuture<R, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let path = request.uri().path();
        let effect = rpc::RPCS.iter().find(|rpc| rpc.method == path);
        let effect = effect.map(|rpc| rpc.effect);
        let place = match self.limits.admit(&request) {
            Ok(place) => place,
            Err(error) => {
                tracing::debug!(reason = %error.reason, path, "refused");
                if let Some(info) = request.extensions().get::<PeerInfo>() {
                    info.throttle.refused(Instant::now());
                }
                return Either::Left(ready(Ok(refusal(&error))));
            }
        };
        let answer = self.inner.call(request);
        Either::Right(Box::pin(async move {
            let response = explain(answer.await?);
            Ok(match effect {
                Some(effect @ (Effect::Read | Effect::Mutate)) => {
                    place.whole(response, effect).await
                }
                Some(Effect::Stream | Effect::Upload) | None => response.map(|body| Answer {
                    frames: VecDeque::new(),
                    rest: Some(body),
                    _place: Some(place),
                }),
            })
        }))
    }
}

fn refusal<R: Body>(error: &Error) -> Response<Answer<R>> {
    status(error).into_http()
}

impl Limits {
    /// A place for one call more. What is full is said before anything is done.
    fn admit<B>(&self, request: &Request<B>) -> Result<Place> {
        let info = request.extensions().get::<PeerInfo>();
        let agency = info.and_then(|info| info.peer.as_ref().ok());
        let agency = &agency
            .ok_or_else(|| Error::internal("a call was let in whose agency is not known"))?
            .agency;
        let mut share = self.answers.share(agency);
        share.grow(0)?;
        Ok(Place {
            share,
            _call: self.calls.open(agency)?,
        })
    }
}

/// What a call holds of its agency's; given back when dropped.
struct Place {
    share: Share,
    _call: StreamGuard,
}

impl Place {
    /// Puts an answer together that is no stream. What was recorded is told in any case; what was only
    /// read may be asked for again.
    async fn whole<R>(mut self, response: Response<R>, effect: Effect) -> Response<Answer<R>>
    where
        R: Body<Data = Bytes> + Unpin,
    {
        let (parts, mut body) = response.into_parts();
        let mut frames = VecDeque::new();
        while let Some(frame) = body.frame().await {
            let data = frame.as_ref().ok().and_then(Frame::data_ref);
            let bytes = data.map_or(0, Bytes::len);
            if effect == Effect::Mutate {
                self.share.hold(bytes);
            } else if let Err(error) = self.share.grow(bytes) {
                tracing::debug!(reason = %error.reason, "an answer is not held");
                return refusal(&error);
            }
            frames.push_back(frame);
        }
        Response::from_parts(
            parts,
            Answer {
                frames,
                rest: None,
                _place: Some(self),
            },
        )
    }
}

/// A body with its place among what is under way.
pub struct Answer<R: Body> {
    frames: VecDeque<Result<Frame<R::Data>, R::Error>>,
    rest: Option<R>,
    _place: Option<Place>,
}

impl<R: Body> Default for Answer<R> {
    fn default() -> Self {
        Self {
            frames: VecDeque::new(),
            rest: None,
            _place: None,
        }
    }
}

impl<R: Body> fmt::Debug for Answer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").finish_non_exhaustive()
    }
}

impl<R> Body for Answer<R>
where
    R: Body + Unpin,
    R::Data: Unpin,
    R::Error: Unpin,
{
    type Data = R::Data;
    type Error = R::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<R::Data>, R::Error>>> {
        if let Some(frame) = self.frames.pop_front() {
            return Poll::Ready(Some(frame));
        }
        match &mut self.rest {
            Some(rest) => Pin::new(rest).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.frames.is_empty() && self.rest.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        // An exact one would become a `content-length`, which gRPC does not use.
        SizeHint::default()
    }
}

#[cfg(test)]
mod tests;
