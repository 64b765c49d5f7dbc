//! A place in front of the hub that stays while the hub moves, and a line to it with every fault that a
//! network has: cut at any byte, dripping, or still while both ends believe that it stands.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// Bytes that are carried in one go.
const PIECE_BYTES: usize = 16_384;

/// Bytes that drip in one go.
const DROP_BYTES: usize = 61;

/// Time from one drop to the next.
const DROP_TIME: Duration = Duration::from_millis(1);

/// How a line carries what it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// At once.
    Fair,
    /// In small drops, one a millisecond.
    Dripping,
    /// Not at all. Nothing is closed: either end believes that the other is silent.
    Still,
}

/// A port of its own in front of a hub that comes, goes and changes its port.
#[derive(Debug)]
pub struct Relay {
    /// Where it listens.
    pub address: SocketAddr,
    target: Arc<Mutex<Option<SocketAddr>>>,
    line: Arc<Line>,
    task: tokio::task::JoinHandle<()>,
}

/// What all connections have in common.
#[derive(Debug)]
struct Line {
    weather: watch::Sender<Weather>,
    /// Bytes that are carried before the connection that carries the last of them is cut.
    until_cut: AtomicI64,
    cuts: AtomicU64,
}

impl Relay {
    /// Listens, and points nowhere yet.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let target = Arc::new(Mutex::new(None));
        let line = Arc::new(Line {
            weather: watch::Sender::new(Weather::Fair),
            until_cut: AtomicI64::new(i64::MAX),
            cuts: AtomicU64::new(0),
        });
        let (shared, of_all) = (Arc::clone(&target), Arc::clone(&line));
        let task = tokio::spawn(async move {
            loop {
                let (near, _) = listener.accept().await.unwrap();
                let target: Option<SocketAddr> = *shared.lock().unwrap();
                let line = Arc::clone(&of_all);
                tokio::spawn(async move {
                    let Some(target) = target else { return };
                    if let Ok(far) = TcpStream::connect(target).await {
                        line.carry(near, far).await;
                    }
                });
            }
        });
        Self {
            address,
            target,
            line,
            task,
        }
    }

    /// As [`Self::start`], in front of a hub that stays.
    pub async fn to(target: SocketAddr) -> Self {
        let relay = Self::start().await;
        relay.point_to(Some(target));
        relay
    }

    /// Where connections go from now on; with `None`, they end at once.
    pub fn point_to(&self, target: Option<SocketAddr>) {
        *self.target.lock().unwrap() = target;
    }

    /// How everything is carried from now on, also on connections that stand.
    pub fn weather(&self, weather: Weather) {
        self.line.weather.send_replace(weather);
    }

    /// Carries so many bytes more, in both directions and on all connections together. The connection that
    /// carries the last of them is cut right behind it, wherever in a frame that is.
    pub fn cut_after(&self, bytes: u32) {
        self.line.until_cut.store(bytes.into(), Ordering::SeqCst);
    }

    /// How often a connection was cut.
    #[must_use]
    pub fn cuts(&self) -> u64 {
        self.line.cuts.load(Ordering::SeqCst)
    }

    /// As a client's endpoint.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("https://{}", self.address)
    }
}

impl Line {
    /// Carries both ways until either end closes, or the connection is cut.
    async fn carry(&self, near: TcpStream, far: TcpStream) {
        let (near_ears, near_mouth) = near.into_split();
        let (far_ears, far_mouth) = far.into_split();
        let carried = tokio::try_join!(
            self.one_way(near_ears, far_mouth),
            self.one_way(far_ears, near_mouth),
        );
        // An error ends the other direction too: all four ends are dropped.
        drop(carried);
    }

    async fn one_way(
        &self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
    ) -> io::Result<()> {
        let mut weather = self.weather.subscribe();
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            let now = *weather.borrow_and_update();
            let most = match now {
                Weather::Fair | Weather::Still => PIECE_BYTES,
                Weather::Dripping => DROP_BYTES,
            };
            let bytes = from.read(&mut piece[..most]).await?;
            if bytes == 0 {
                return to.shutdown().await;
            }
            if now == Weather::Dripping {
                tokio::time::sleep(DROP_TIME).await;
            }
            // What has been read before the line fell still is not carried either.
            let moves = weather.wait_for(|weather| *weather != Weather::Still);
            moves.await.map_err(io::Error::other)?;
            let wanted = i64::try_from(bytes).unwrap();
            let left = self.until_cut.fetch_sub(wanted, Ordering::SeqCst);
            if left > wanted {
                to.write_all(&piece[..bytes]).await?;
                continue;
            }
            if let Ok(rest) = usize::try_from(left) {
                // This one is cut; others go on until there is to be another cut.
                self.until_cut.store(i64::MAX, Ordering::SeqCst);
                self.cuts.fetch_add(1, Ordering::SeqCst);
                to.write_all(&piece[..rest]).await?;
            }
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}
