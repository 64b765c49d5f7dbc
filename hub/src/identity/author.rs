//! Takes in the message of a call, within bounds of size, time and memory, and verifies the author's
//! signature over the exact bytes where the call changes something.
//!
//! The handler behind it decodes the very bytes that were verified: they are read here once and
//! handed on as they came. Messages of calls that only read are taken in here too: whoever sends them
//! piece by piece, or never ends, holds no more of the hub than anybody else.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hub_core::{
    commitment::{SALT_HEADER, SIGNATURE_HEADER, commitment},
    crypto::Salt,
    names::AgencyId,
    reason::Reason,
};
use tokio::time::Instant;
use tonic::body::Body;
use tower::{Layer, Service};

use super::{
    Authored, Caller, PeerInfo,
    budget::{Budget, Share},
    weight::{DECODED_BYTES_MAX, decoded_bytes},
};
use crate::{
    error::{Error, Result},
    wire::status::status,
};

/// Longest message of a call, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// Longest time that the one message of a call may take to arrive.
pub const BODY_READ_TIME_MAX: Duration = Duration::from_secs(30);

/// Longest signature in bytes; ECDSA P-256 in DER has at most 72.
const SIGNATURE_BYTES_MAX: usize = 72;

/// The prefix of a gRPC message: a flag and the length.
const FRAME_BYTES: usize = 5;

/// gRPC's base64 for `-bin` headers: padding may be there or not.
const BIN_HEADER: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a message is compressed with, and the value that means that it is not.
const ENCODING_HEADER: &str = "grpc-encoding";
const NO_ENCODING: &str = "identity";

/// How the message of a call comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intake {
    /// One message, whose author signs it.
    Signed,
    /// One message.
    Plain,
    /// Any number of messages, which the handler bounds itself.
    Streamed,
}

/// A tower layer that takes in messages and demands an author's signature on mutating calls; it comes
/// behind [`super::IdentityLayer`] and inserts `Arc<Authored>` into their extensions.
#[derive(Debug, Clone)]
pub struct AuthorLayer {
    intake: fn(&str) -> Intake,
    read_time_max: Duration,
    budget: Arc<Budget>,
}

impl AuthorLayer {
    /// A layer that is told by the path (`/package.Service/Method`) how a message comes in.
    #[must_use]
    pub fn new(intake: fn(&str) -> Intake) -> Self {
        Self {
            intake,
            read_time_max: BODY_READ_TIME_MAX,
            budget: Arc::default(),
        }
    }
}

impl<S> Layer<S> for AuthorLayer {
    type Service = AuthorService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        AuthorService {
            layer: self.clone(),
            inner,
        }
    }
}

/// The service of [`AuthorLayer`].
#[derive(Debug, Clone)]
pub struct AuthorService<S> {
    layer: AuthorLayer,
    inner: S,
}

impl<S, R> Service<Request<Body>> for AuthorService<S>
where
    S: Service<Request<Body>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    R: Default + Send,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let intake = (self.layer.intake)(request.uri().path());
        // What is compressed is refused by its headers (UNIMPLEMENTED, with the encodings that there
        // are), before anything is read: no handler takes any encoding.
        if intake == Intake::Streamed || is_encoded(request.headers()) {
            return Box::pin(self.inner.call(request));
        }
        // The instance that was polled ready must serve the call; the clone waits for the next.
        let next = self.inner.clone();
        let mut ready = std::mem::replace(&mut self.inner, next);
        let read_time_max = self.layer.read_time_max;
        let budget = Arc::clone(&self.layer.budget);
        let info = request.extensions().get::<PeerInfo>();
        let throttle = info.map(|info| info.throttle.clone());
        Box::pin(async move {
            match take_in(request, intake, read_time_max, &budget).await {
                // The share is held until the call is answered.
                Ok((request, _share)) => ready.call(request).await,
                Err(error) => {
                    tracing::debug!(reason = %error.reason, "refused");
                    if let Some(throttle) = throttle {
                        throttle.refused(Instant::now());
                    }
                    Ok(status(&error).into_http())
                }
            }
        })
    }
}

async fn take_in(
    request: Request<Body>,
    intake: Intake,
    read_time_max: Duration,
    budget: &Arc<Budget>,
) -> Result<(Request<Body>, Share)> {
    let (mut parts, body) = request.into_parts();
    // Headers first: a call without them is refused before its body is read.
    let claim = match intake {
        Intake::Signed => Some(Claim::of(&parts)?),
        Intake::Plain | Intake::Streamed => None,
    };
    let mut share = budget.share(&agency(&parts.extensions)?);
    let frame = tokio::time::timeout(read_time_max, read_frame(body, &mut share))
        .await
        .map_err(|_| {
            Error::limit(
                format!(
                    "the request did not arrive within {} s",
                    read_time_max.as_secs()
                ),
                Duration::from_secs(1),
            )
        })??;
    let message = message(&frame)?;
    hold_decoded(parts.uri.path(), &message, &mut share)?;
    if let Some(claim) = claim {
        let authored = claim.verify(parts.uri.path(), message)?;
        parts.extensions.insert(Arc::new(authored));
    }
    let request = Request::from_parts(parts, Body::new(Full::new(frame)));
    Ok((request, share))
}

/// Whose call it is. An officer's, but for the health service, which needs none.
fn agency(extensions: &http::Extensions) -> Result<AgencyId> {
    let of_caller = extensions.get::<Arc<Caller>>();
    let of_peer = extensions.get::<PeerInfo>();
    let of_peer = of_peer.and_then(|info| info.peer.as_ref().ok());
    of_caller
        .map(|caller| caller.agency().clone())
        .or_else(|| of_peer.map(|peer| peer.agency.clone()))
        .ok_or_else(out_of_order)
}

fn out_of_order() -> Error {
    Error::internal("the author layer must come behind the identity layer")
}

fn is_encoded(headers: &HeaderMap) -> bool {
    let mut encodings = headers.get_all(ENCODING_HEADER).iter();
    encodings.any(|encoding| encoding != NO_ENCODING)
}

/// Who says to be the author, and the signature that is to show it.
struct Claim {
    caller: Arc<Caller>,
    salt: Salt,
    signature: Vec<u8>,
}

impl Claim {
    fn of(parts: &http::request::Parts) -> Result<Self> {
        let caller = parts.extensions.get::<Arc<Caller>>().cloned();
        Ok(Self {
            caller: caller.ok_or_else(out_of_order)?,
            salt: read_salt(&parts.headers)?,
            signature: read_signature(&parts.headers)?,
        })
    }

    /// Holds it against the bytes that came.
    fn verify(self, method: &str, message: Bytes) -> Result<Authored> {
        let commitment = commitment(&self.salt, method, &message);
        let key = &self.caller.peer.key;
        key.verify(&commitment, &self.signature).map_err(|_| {
            wrong(
                SIGNATURE_HEADER,
                "does not verify: it must be the node key's signature over the commitment to \
                 this salt, this method and these message bytes",
            )
        })?;
        Ok(Authored {
            salt: self.salt,
            commitment,
            signature: self.signature,
            request: message,
        })
    }
}

fn read_salt(headers: &HeaderMap) -> Result<Salt> {
    read_bin(headers, SALT_HEADER)?
        .try_into()
        .map_err(|_| wrong(SALT_HEADER, "must be 16 bytes"))
}

fn read_signature(headers: &HeaderMap) -> Result<Vec<u8>> {
    let signature = read_bin(headers, SIGNATURE_HEADER)?;
    if signature.len() > SIGNATURE_BYTES_MAX {
        return Err(wrong(SIGNATURE_HEADER, "must have at most 72 bytes"));
    }
    Ok(signature)
}

fn read_bin(headers: &HeaderMap, name: &'static str) -> Result<Vec<u8>> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => BIN_HEADER
            .decode(value.as_bytes())
            .map_err(|_| wrong(name, "must be one value in base64")),
        (None, _) => Err(wrong(name, "is missing; every mutating call needs it")),
        _ => Err(wrong(name, "must be given once")),
    }
}

fn wrong(header: &str, rule: &str) -> Error {
    Error::new(
        Reason::AuthorSignatureInvalid,
        format!("the header {header} {rule}"),
    )
}

/// Reads a whole body, and stops at the first byte past what is announced or allowed.
async fn read_frame(mut body: Body, share: &mut Share) -> Result<Bytes> {
    let mut frame = BytesMut::new();
    while let Some(part) = body.frame().await {
        let part = part.map_err(|error| {
            // The caller's doing or the network's: no failure of the hub that its operator looks for.
            tracing::debug!(%error, "a request broke off");
            Error::unavailable("the request broke off", Duration::ZERO)
        })?;
        // Trailers of a request carry nothing that a handler looks at.
        let Ok(data) = part.into_data() else { continue };
        if frame.len().saturating_add(data.len()) > MESSAGE_BYTES_MAX + FRAME_BYTES {
            return Err(too_long());
        }
        share.grow(data.len())?;
        frame.extend_from_slice(&data);
        // Nothing more of it is waited for.
        match announced(&frame) {
            Some(length) if length > MESSAGE_BYTES_MAX => return Err(too_long()),
            Some(length) if frame.len() > FRAME_BYTES + length => return Err(not_one_message()),
            Some(_) | None => {}
        }
    }
    Ok(frame.freeze())
}

/// How long the message is to be, once that has come.
fn announced(frame: &[u8]) -> Option<usize> {
    let (&[_, a, b, c, d], _) = frame.split_first_chunk::<FRAME_BYTES>()?;
    usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()
}

fn too_long() -> Error {
    Error::new(
        Reason::LimitExceeded,
        format!("the message must have at most {MESSAGE_BYTES_MAX} bytes"),
    )
}

fn bad(rule: &str) -> Error {
    Error::new(Reason::InvalidArgument, format!("the request {rule}"))
}

fn not_one_message() -> Error {
    bad("must hold exactly one gRPC message of the announced length")
}

/// Makes room for the message as the handler will have it, or refuses it before it is decoded.
fn hold_decoded(method: &str, message: &[u8], share: &mut Share) -> Result<()> {
    let bytes = decoded_bytes(method, message);
    if bytes > DECODED_BYTES_MAX {
        return Err(Error::new(
            Reason::LimitExceeded,
            format!(
                "the message has too many parts: decoded it takes over {DECODED_BYTES_MAX} bytes"
            ),
        ));
    }
    share.grow(bytes)
}

/// The one message of a unary call's body.
fn message(frame: &Bytes) -> Result<Bytes> {
    let Some((&[flag, ..], message)) = frame.split_first_chunk::<FRAME_BYTES>() else {
        return Err(bad("must hold one gRPC message"));
    };
    if flag != 0 {
        return Err(bad("must not be compressed"));
    }
    if announced(frame) != Some(message.len()) {
        return Err(not_one_message());
    }
    Ok(frame.slice(FRAME_BYTES..))
}

#[cfg(test)]
mod tests;
