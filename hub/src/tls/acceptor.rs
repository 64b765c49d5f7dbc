//! Accepts connections: TCP, from each address at a bounded pace, then a bounded number of handshakes,
//! then a bounded number of connections in all and per agency.
//!
//! Whoever is slow does not keep others out: when as many handshakes are under way as there may be, the
//! oldest of them gives way to a new one, once it has had a fair time. Whoever is quick does not either:
//! nothing is done for a connection until it is due, and one that comes far too early is closed at once.
//! And however many come from however many places: handshakes give way to calls.

mod arrivals;
mod aside;
mod connection;
mod patient;
mod turned_away;

use std::{
    collections::{HashMap, VecDeque},
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use futures::Stream;
use hub_core::{crypto::sha256, gathered::read_ahead, names::AgencyId};
use rustls::HandshakeKind;
use tokio::{
    io::BufReader,
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::{AbortHandle, JoinSet},
    time::Instant,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

pub use self::connection::TlsIo;
use self::{
    arrivals::Arrivals,
    aside::Aside,
    patient::Patient,
    turned_away::{Book, TurnedAway},
};
use super::TlsReloader;
use crate::{
    identity::{
        Peer, PeerInfo,
        throttle::{NODE_BYTES_PER_SECOND_MAX, Throttles},
    },
    metrics::door::{Closed, DoorMetrics},
    pace::Quota,
};

/// Connections that have finished their handshake and wait for the server.
const READY_MAX: usize = 64;

/// Pause after the operating system refused to accept, as when it is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How much a hub takes on. What is past a limit is closed at once.
#[derive(Debug, Clone, Copy)]
pub struct AcceptLimits {
    /// Open connections in all.
    pub connections_max: usize,
    /// Open connections of one agency.
    pub agency_connections_max: usize,
    /// Open connections whose trusted certificate names no node of this hub, in all. They are kept
    /// only so that the caller gets a clear error.
    pub unidentified_connections_max: usize,
    /// Connections that come from one address. The burst is for the day on which all members come back at
    /// once from behind one gateway.
    pub address_arrivals: Quota,
    /// Connections that come of one node, wherever from.
    pub node_arrivals: Quota,
    /// How long a connection that comes too early is kept waiting; one that is not due by then is closed.
    pub arrival_time_max: Duration,
    /// Bytes that are taken in from one node in a second.
    pub node_bytes_per_second_max: u64,
    /// Handshakes under way; the oldest gives way to one more.
    pub handshakes_max: usize,
    /// What a handshake may take before it gives way. When all members come at once, as after a
    /// restart, further ones wait in the kernel for so long and nobody is sent away.
    pub handshake_time_fair: Duration,
    /// Time for one handshake.
    pub handshake_time_max: Duration,
    /// Time from there until the peer has begun to speak HTTP/2.
    pub preface_time_max: Duration,
    /// How long a peer may take nothing of what is written to it. HTTP/2 keepalive cannot tell: the
    /// ping, and the farewell to a peer that has not answered it, wait behind what is not taken. Its socket
    /// is watched, so neither they nor what is added behind them begins the time anew.
    pub stall_time_max: Duration,
}

impl Default for AcceptLimits {
    fn default() -> Self {
        Self {
            connections_max: 4096,
            agency_connections_max: 256,
            unidentified_connections_max: 16,
            address_arrivals: Quota {
                per_second_max: 50,
                burst_max: 512,
            },
            node_arrivals: Quota {
                per_second_max: 20,
                burst_max: 128,
            },
            arrival_time_max: Duration::from_secs(2),
            node_bytes_per_second_max: NODE_BYTES_PER_SECOND_MAX,
            handshakes_max: 1024,
            handshake_time_fair: Duration::from_millis(500),
            handshake_time_max: Duration::from_secs(10),
            preface_time_max: Duration::from_secs(10),
            stall_time_max: Duration::from_secs(40),
        }
    }
}

/// Accepts on a listener until the stream that it gives is dropped.
///
/// For `tonic::transport::Server::serve_with_incoming_shutdown`. Dead peers are found by HTTP/2
/// keepalive, which is the server's to set.
///
/// What is open is counted in `connections`, what is closed at the door in `metrics`.
#[must_use]
pub fn accept(
    listener: TcpListener,
    reloader: Arc<TlsReloader>,
    trust_domain: impl Into<Arc<str>>,
    limits: AcceptLimits,
    connections: &Connections,
    metrics: &DoorMetrics,
) -> Incoming {
    let (ready, incoming) = mpsc::channel(READY_MAX);
    let door = Arc::new(Door {
        reloader,
        trust_domain: trust_domain.into(),
        connections: Arc::new(Semaphore::new(limits.connections_max)),
        agencies: connections.clone(),
        arrivals: Arrivals::new(&limits),
        throttles: Arc::new(Throttles::new(limits.node_bytes_per_second_max)),
        book: Book::new(metrics),
        limits,
        ready,
    });
    tokio::spawn(door.run(listener));
    Incoming { incoming, limits }
}

/// Connections that are ready for HTTP/2.
#[derive(Debug)]
pub struct Incoming {
    incoming: mpsc::Receiver<Admitted>,
    limits: AcceptLimits,
}

/// A connection that is let in, from the thread of handshakes.
type Admitted = (Tls, PeerInfo, Place);

/// A connection under TLS, read from the operating system in larger pieces than TLS asks for.
type Tls = TlsStream<BufReader<Patient>>;

impl Stream for Incoming {
    type Item = io::Result<TlsIo>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = std::task::ready!(self.incoming.poll_recv(context));
        // Its timers must be of the runtime that serves it.
        let io = next.map(|(stream, info, place)| TlsIo::new(stream, info, place, &self.limits));
        Poll::Ready(io.map(Ok))
    }
}

/// Open connections by agency; `None` for those that name no node.
#[derive(Debug, Clone, Default)]
pub struct Connections(Arc<Mutex<HashMap<Option<AgencyId>, usize>>>);

impl Connections {
    /// Open connections of each agency that has any.
    #[must_use]
    pub fn open(&self) -> HashMap<Option<AgencyId>, usize> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Option<AgencyId>, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Door {
    reloader: Arc<TlsReloader>,
    trust_domain: Arc<str>,
    connections: Arc<Semaphore>,
    agencies: Connections,
    arrivals: Arrivals,
    throttles: Arc<Throttles>,
    book: Book,
    limits: AcceptLimits,
    ready: mpsc::Sender<Admitted>,
}

impl Door {
    async fn run(self: Arc<Self>, listener: TcpListener) {
        let aside = Aside::start();
        let mut handshakes = JoinSet::new();
        let mut waiting = Waiting::new(&self.limits);
        loop {
            let full_until = waiting.full_until();
            let until = full_until.unwrap_or_else(Instant::now);
            tokio::select! {
                () = self.ready.closed() => return,
                Some(ended) = handshakes.join_next() => note(ended),
                () = tokio::time::sleep_until(until), if full_until.is_some() => {}
                accepted = listener.accept(), if full_until.is_none() => match accepted {
                    Ok((tcp, remote)) => {
                        if let Some(wait) = self.arrives(remote) {
                            let door = Arc::clone(&self);
                            let task = aside.spawn(&mut handshakes, async move {
                                tokio::time::sleep(wait).await;
                                door.admit(tcp, remote).await;
                            });
                            if let Some(gone) = waiting.admit(remote, task) {
                                self.book.note(gone, Closed::GaveWay);
                            }
                        }
                        // Not left to chance: accepting must never outrun tidying up.
                        while let Some(ended) = handshakes.try_join_next() {
                            note(ended);
                        }
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the operating system refused to accept");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
    }

    /// How long a connection must wait until anything is done for it; `None` when it is to be closed.
    fn arrives(&self, remote: SocketAddr) -> Option<Duration> {
        let wait = self.arrivals.from(remote.ip());
        if wait.is_none() {
            self.book.note(remote, Closed::AddressPace);
        }
        wait
    }

    /// Brings one connection as far as the server, or closes it.
    async fn admit(&self, tcp: TcpStream, remote: SocketAddr) {
        let handshake = self.handshake(tcp);
        let admitted = tokio::time::timeout(self.limits.handshake_time_max, handshake).await;
        let admitted = admitted.unwrap_or_else(|_| Err(Closed::HandshakeTime.into()));
        match admitted {
            Ok(io) => {
                // The server is gone: so is the connection.
                let _closed = self.ready.send(io).await;
            }
            Err(turned_away) => self.book.note(remote, turned_away),
        }
    }

    async fn handshake(&self, tcp: TcpStream) -> Result<Admitted, TurnedAway> {
        let permit = Arc::clone(&self.connections).try_acquire_owned();
        let permit = permit.map_err(|_| {
            let max = self.limits.connections_max;
            TurnedAway::new(Closed::Full, format!("at most {max}"))
        })?;
        tcp.set_nodelay(true)?;
        let tcp = Patient::new(tcp, self.limits.stall_time_max);
        let stream = TlsAcceptor::from(self.reloader.config())
            .accept(read_ahead(tcp))
            .await?;
        let (_, session) = stream.get_ref();
        if session.alpn_protocol() != Some(b"h2") {
            return Err(io::Error::other("the client did not ask for h2 by ALPN").into());
        }
        let leaf = session
            .peer_certificates()
            .and_then(<[_]>::first)
            .ok_or_else(|| io::Error::other("the session has no client certificate"))?;
        let fingerprint = sha256(&[leaf]);
        let peer = Peer::from_certificate(leaf, &self.trust_domain).map(Arc::new);
        let agency = peer.as_ref().ok().map(|peer| peer.agency.clone());
        let info = PeerInfo {
            peer,
            is_resumed: session.handshake_kind() == Some(HandshakeKind::Resumed),
            throttle: self.throttles.of(&fingerprint),
        };
        let wait = self.arrivals.of(&fingerprint);
        let wait = wait.ok_or_else(|| {
            let who = agency.as_ref().map(ToString::to_string);
            TurnedAway::new(Closed::NodePace, who.unwrap_or_default())
        })?;
        tokio::time::sleep(wait).await;
        let slot = self.slot(agency)?;
        let place = Place {
            _slot: slot,
            _permit: permit,
        };
        Ok((stream, info, place))
    }

    fn slot(&self, agency: Option<AgencyId>) -> Result<Slot, TurnedAway> {
        let max = match agency {
            Some(_) => self.limits.agency_connections_max,
            None => self.limits.unidentified_connections_max,
        };
        let mut open = self.agencies.lock();
        let count = open.entry(agency.clone()).or_default();
        if *count >= max {
            let who = agency.map_or_else(|| "unidentified nodes".into(), |it| it.to_string());
            let details = format!("{who}: at most {max}");
            return Err(TurnedAway::new(Closed::AgencyFull, details));
        }
        *count += 1;
        Ok(Slot {
            agencies: self.agencies.clone(),
            agency,
        })
    }
}

/// How a handshake's task ended.
fn note(ended: Result<(), tokio::task::JoinError>) {
    match ended {
        Err(error) if error.is_panic() => tracing::error!(%error, "a handshake's task failed"),
        // It went well, failed and said so, or gave way to another.
        _ => {}
    }
}

/// A handshake under way.
#[derive(Debug)]
struct Handshake {
    began: Instant,
    remote: SocketAddr,
    task: AbortHandle,
}

/// Handshakes under way, the oldest first.
#[derive(Debug)]
struct Waiting {
    max: usize,
    time_fair: Duration,
    tasks: VecDeque<Handshake>,
}

impl Waiting {
    fn new(limits: &AcceptLimits) -> Self {
        Self {
            max: limits.handshakes_max.max(1),
            time_fair: limits.handshake_time_fair,
            tasks: VecDeque::new(),
        }
    }

    /// Until when there is no room for another, because not even the oldest has had its fair time.
    fn full_until(&mut self) -> Option<Instant> {
        if self.tasks.len() < self.max {
            return None;
        }
        self.tasks.retain(|one| !one.task.is_finished());
        if self.tasks.len() < self.max {
            return None;
        }
        let fair_until = self.tasks.front()?.began + self.time_fair;
        (fair_until > Instant::now()).then_some(fair_until)
    }

    /// One more; the oldest gives way where there are too many, and is told. An honest handshake takes
    /// milliseconds, so the oldest is one that has been waited for in vain.
    fn admit(&mut self, remote: SocketAddr, task: AbortHandle) -> Option<SocketAddr> {
        let is_full = self.tasks.len() >= self.max;
        let oldest = is_full.then(|| self.tasks.pop_front()).flatten();
        let began = Instant::now();
        self.tasks.push_back(Handshake {
            began,
            remote,
            task,
        });
        let gone = oldest.filter(|oldest| !oldest.task.is_finished())?;
        gone.task.abort();
        Some(gone.remote)
    }
}

/// A connection's places: among all, and among its agency's. Given back when dropped.
#[derive(Debug)]
struct Place {
    _slot: Slot,
    _permit: OwnedSemaphorePermit,
}

/// One place among an agency's connections; given back when dropped.
#[derive(Debug)]
struct Slot {
    agencies: Connections,
    agency: Option<AgencyId>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = self.agencies.lock();
        if let Some(count) = open.get_mut(&self.agency) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.agency);
            }
        }
    }
}
