//! Stands before every handler: refuses whoever is not known, and tells the handler who calls.

use std::{
    fmt,
    future::{Ready, ready},
    sync::Arc,
    task::{Context, Poll},
};

use futures::future::Either;
use http::{HeaderMap, Request, Response, header::AUTHORIZATION};
use hub_core::{crypto::hex, reason::Reason};
use jiff::Timestamp;
use tokio::{sync::watch, time::Instant};
use tower::{Layer, Service};

use super::{
    AgencyStanding, Caller, CallerWatch, KeyStanding, NodeStanding, Peer, PeerInfo, RateLimits,
    Rates, RevokedSerials, Roster,
    token::{TOKEN_CACHE_MAX, TokenCache},
};
use crate::{
    clock::Clock,
    error::{Error, Result},
    wire::status::status,
};

/// Calls that need a known node but no officer: a load balancer's agent has none.
pub const TOKENLESS_PREFIX: &str = "/grpc.health.v1.Health/";

/// What identity needs.
pub struct IdentityOptions {
    /// The audience that tokens must name.
    pub audience: String,
    /// The roster.
    pub roster: Arc<dyn Roster>,
    /// Serial numbers on the revocation list, from [`crate::tls::TlsReloader::revoked`].
    pub revoked: watch::Receiver<Arc<RevokedSerials>>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// How many calls an agency may make.
    pub rates: RateLimits,
}

impl fmt::Debug for IdentityOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityOptions")
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

/// The checks, shared by the layer and by every [`CallerWatch`].
pub struct Identity {
    options: IdentityOptions,
    tokens: TokenCache,
    rates: Rates,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.options.fmt(f)
    }
}

impl Identity {
    /// Identity with an empty token cache.
    #[must_use]
    pub fn new(options: IdentityOptions) -> Self {
        Self {
            rates: Rates::new(options.rates, Arc::clone(&options.clock)),
            options,
            tokens: TokenCache::new(TOKEN_CACHE_MAX),
        }
    }

    /// Watches a caller for a stream's handler.
    #[must_use]
    pub fn watch(self: &Arc<Self>, caller: Arc<Caller>) -> CallerWatch {
        CallerWatch::new(Arc::clone(self), caller)
    }

    /// Who calls, by the connection and the request's headers.
    ///
    /// # Errors
    /// Any reason about nodes, agencies, tokens and roles, with the rule; `LIMIT_EXCEEDED` when the
    /// agency calls too often.
    pub fn caller(&self, peer: &Arc<Peer>, headers: &HeaderMap) -> Result<Arc<Caller>> {
        let now = self.now();
        self.admit_peer(peer, now)?;
        let token = bearer(headers)?;
        let roster = self.roster();
        self.tokens
            .verify(token, peer, &self.options.audience, roster, now)
    }

    /// Checks that a node may call now and counts its call. An unknown node is refused before it
    /// could use up anything of the agency that it names.
    fn admit_peer(&self, peer: &Peer, now: Timestamp) -> Result<()> {
        self.check_peer(peer, now)?;
        self.rates.check(&peer.agency)
    }

    /// Checks that a node may call now.
    ///
    /// # Errors
    /// `NODE_EXPIRED`, `NODE_REVOKED`, `AGENCY_UNKNOWN`, `AGENCY_NOT_IN_FORCE` or
    /// `NODE_NOT_ENROLLED`.
    pub fn check_peer(&self, peer: &Peer, now: Timestamp) -> Result<()> {
        // TLS checked the time too, but a connection or a resumed session can outlive it.
        if now < peer.not_before_at || now > peer.not_after_at {
            return Err(Error::new(
                Reason::NodeExpired,
                format!(
                    "the client certificate is valid from {} to {}; the hub's clock shows {now}",
                    peer.not_before_at, peer.not_after_at
                ),
            ));
        }
        if self.options.revoked.borrow().contains(&peer.serial) {
            return Err(revoked(peer));
        }
        let agency = &peer.agency;
        match self.roster().agency(agency, now) {
            AgencyStanding::InForce => {}
            AgencyStanding::Unknown => {
                return Err(Error::new(
                    Reason::AgencyUnknown,
                    format!("the charter knows no agency {agency}"),
                ));
            }
            AgencyStanding::NotInForce => {
                return Err(Error::new(
                    Reason::AgencyNotInForce,
                    format!("agency {agency} is a member of no mechanism today"),
                ));
            }
        }
        match self.roster().node(&peer.fingerprint) {
            NodeStanding::Enrolled { agency } if agency == peer.agency => Ok(()),
            NodeStanding::Revoked => Err(revoked(peer)),
            NodeStanding::Enrolled { .. } | NodeStanding::NotEnrolled => Err(Error::new(
                Reason::NodeNotEnrolled,
                format!(
                    "certificate {} is not enrolled for agency {agency}; the office enrols it",
                    hex(&peer.fingerprint)
                ),
            )),
        }
    }

    /// Checks that a caller whose token was verified may still be served.
    pub fn check_caller(&self, caller: &Caller, now: Timestamp) -> Result<()> {
        let peer = &caller.peer;
        self.check_peer(peer, now)?;
        if now >= caller.token_expires_at {
            return Err(Error::new(
                Reason::TokenExpired,
                format!(
                    "the token expired at {}; call again with a new one",
                    caller.token_expires_at
                ),
            ));
        }
        let kid = &caller.token_kid;
        if !matches!(
            self.roster().token_key(&peer.agency, kid),
            KeyStanding::Active(_)
        ) {
            return Err(Error::new(
                Reason::TokenKeyUnknown,
                format!(
                    "token key {kid} of agency {} is no longer valid",
                    peer.agency
                ),
            ));
        }
        let lost = |role: &&_| !self.roster().is_role_granted(&peer.agency, role);
        match caller.roles.iter().find(lost) {
            None => Ok(()),
            Some(role) => Err(Error::new(
                Reason::RoleNotGranted,
                format!("role {role} is no longer granted to agency {}", peer.agency),
            )),
        }
    }

    /// The present instant.
    pub(super) fn now(&self) -> Timestamp {
        self.options.clock.now()
    }

    /// The roster.
    pub(super) fn roster(&self) -> &dyn Roster {
        &*self.options.roster
    }

    /// The revocation list's serial numbers.
    pub(super) fn revoked(&self) -> watch::Receiver<Arc<RevokedSerials>> {
        self.options.revoked.clone()
    }

    /// Puts the caller into the request's extensions, or says why not.
    fn admit<B>(&self, request: &mut Request<B>) -> Result<()> {
        let info = request
            .extensions()
            .get::<PeerInfo>()
            .ok_or_else(|| Error::internal("a request came over a connection without PeerInfo"))?;
        let peer = info.peer.clone()?;
        if request.uri().path().starts_with(TOKENLESS_PREFIX) {
            return self.admit_peer(&peer, self.now());
        }
        let caller = self.caller(&peer, request.headers())?;
        request.extensions_mut().insert(caller);
        Ok(())
    }
}

fn revoked(peer: &Peer) -> Error {
    Error::new(
        Reason::NodeRevoked,
        format!(
            "certificate {} of node {} is revoked; ask the hub's operator for a new one",
            hex(&peer.fingerprint),
            peer.node
        ),
    )
}

/// The one bearer token of a request.
fn bearer(headers: &HeaderMap) -> Result<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(Error::new(
            Reason::TokenMissing,
            "the request must have exactly one header authorization: Bearer <token>",
        ));
    };
    value
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, token)| scheme.eq_ignore_ascii_case("bearer") && !token.is_empty())
        .map(|(_, token)| token)
        .ok_or_else(|| {
            Error::new(
                Reason::TokenMissing,
                "the header authorization must be Bearer <token>",
            )
        })
}

/// A tower layer that refuses whoever [`Identity`] does not know.
///
/// It inserts `Arc<Caller>` into the extensions of every request but the health service's.
#[derive(Debug, Clone)]
pub struct IdentityLayer(Arc<Identity>);

impl IdentityLayer {
    /// A layer over these checks.
    #[must_use]
    pub fn new(identity: Arc<Identity>) -> Self {
        Self(identity)
    }
}

impl<S> Layer<S> for IdentityLayer {
    type Service = IdentityService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        IdentityService {
            identity: Arc::clone(&self.0),
            inner,
        }
    }
}

/// The service of [`IdentityLayer`].
#[derive(Debug, Clone)]
pub struct IdentityService<S> {
    identity: Arc<Identity>,
    inner: S,
}

impl<S, B, R> Service<Request<B>> for IdentityService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Either<Ready<Result<Response<R>, S::Error>>, S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        match self.identity.admit(&mut request) {
            Ok(()) => Either::Right(self.inner.call(request)),
            Err(error) => {
                tracing::debug!(reason = %error.reason, path = request.uri().path(), "refused");
                if let Some(info) = request.extensions().get::<PeerInfo>() {
                    info.throttle.refused(Instant::now());
                }
                Either::Left(ready(Ok(status(&error).into_http())))
            }
        }
    }
}

#[cfg(test)]
mod tests;
