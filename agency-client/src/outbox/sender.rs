//! The one process that sends: which stream is next, and how long the others wait.
//!
//! Invariant: of each stream at most one item is under way, the first that is queued.

use std::{
    collections::{HashMap, HashSet},
    fs::File,
    path::Path,
    pin::pin,
    sync::Arc,
    time::Duration,
};

use futures::{FutureExt as _, StreamExt as _, stream::FuturesUnordered};
use tokio::time::Instant;

use super::{
    Outbox, OutboxError, OutboxOptions, Result, Ticket,
    attempt::{Attempt, Turn, passes},
    blocking,
    store::{self, Head, Store},
    transport::Transport,
};
use crate::{
    Client,
    observer::OutboxGauge,
    retry::{RetryPolicy, jitter},
};

const SENDER_LOCK: &str = "sender.lock";
/// How often the sender looks whether another process has enqueued something.
const POLL: Duration = Duration::from_millis(250);
/// Wait before the second attempt of an item, before jitter; it doubles each time.
const BACKOFF_MIN: Duration = Duration::from_millis(200);
/// How often delivered items that are old are taken away.
const PRUNE_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// Sends what an outbox holds. Made by [`Outbox::sender`]; it holds the folder's sender lock as
/// long as it lives.
///
/// ```no_run
/// use agency_client::{Client, outbox::{Outbox, OutboxSender}};
///
/// # async fn example(outbox: Outbox, client: Client) -> agency_client::outbox::Result<()> {
/// let sender: OutboxSender = outbox.sender()?;
/// tokio::spawn(sender.run(client, std::future::pending()));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct OutboxSender {
    store: Arc<Store>,
    _lock: File,
}

impl OutboxSender {
    pub(super) fn start(outbox: &Outbox) -> Result<Self> {
        let folder = outbox.folder();
        let lock = store::lock(&folder.join(SENDER_LOCK), Duration::ZERO);
        let lock = lock.map_err(|error| match error {
            OutboxError::Busy { .. } => OutboxError::SenderRuns {
                folder: folder.to_owned(),
            },
            other => other,
        })?;
        // A connection of its own sees what all others commit, this process's included.
        Ok(Self {
            store: Arc::new(outbox.store().again()?),
            _lock: lock,
        })
    }

    /// The folder.
    ///
    /// ```no_run
    /// # fn example(outbox: agency_client::outbox::Outbox) -> agency_client::outbox::Result<()> {
    /// println!("{}", outbox.sender()?.folder().display());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.store.folder()
    }

    /// Sends until `shutdown` completes; what is under way then is brought to its end first,
    /// within the client's deadline. A hub that is away, also at the start, is waited for.
    ///
    /// What the hub refuses for good is set aside or holds its stream, as the options say. Trouble
    /// that is not the item's, such as an expired certificate or a full disk of the hub, sets
    /// nothing aside: the sender tries again, for ever, at most
    /// [`OutboxOptions::backoff_max`] apart.
    ///
    /// ```no_run
    /// # use agency_client::{Client, outbox::{Outbox, OutboxOptions}, profile};
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let profile = profile::load("tax/profile.toml".as_ref())?;
    /// let outbox = Outbox::open("outbox", OutboxOptions::default()).await?;
    /// let client = Client::builder(&profile).build()?;
    /// let ctrl_c = async {
    ///     tokio::signal::ctrl_c().await.ok();
    /// };
    /// outbox.sender()?.run(client, ctrl_c).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`OutboxError::OtherAgency`] when the outbox has sent for another agency, and
    /// [`OutboxError::Corrupt`] when it is damaged. What waits is kept.
    pub async fn run(
        self,
        client: Client,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<()> {
        self.run_on(&client, shutdown).await
    }

    pub(crate) async fn run_on(
        &self,
        transport: &dyn Transport,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<()> {
        let (store, agency) = (Arc::clone(&self.store), transport.agency().to_owned());
        blocking(move || {
            store.check_whole()?;
            store.claim(&agency)
        })
        .await?;
        Work::new(&self.store, transport).run(shutdown).await
    }
}

/// A stream that waits after a failure.
#[derive(Debug)]
struct Waiting {
    ticket: Ticket,
    until: Instant,
    failed: u32,
    /// Of the item when it failed; a `retry` makes it larger.
    wakes: i64,
    /// Nobody answered: any success shows that somebody does again.
    is_away: bool,
}

/// A turn that has ended.
struct Ended {
    head: Head,
    turn: Result<Turn>,
}

struct Work<'a> {
    store: &'a Arc<Store>,
    transport: &'a dyn Transport,
    options: OutboxOptions,
    waiting: HashMap<String, Waiting>,
    busy: HashSet<String>,
    data_version: Option<i64>,
    heads: Vec<Head>,
    told: Option<OutboxGauge>,
    prune_at: Instant,
}

impl<'a> Work<'a> {
    fn new(store: &'a Arc<Store>, transport: &'a dyn Transport) -> Self {
        Self {
            store,
            transport,
            options: store.options().clone(),
            waiting: HashMap::new(),
            busy: HashSet::new(),
            data_version: None,
            heads: vec![],
            told: None,
            prune_at: Instant::now(),
        }
    }

    async fn run(mut self, shutdown: impl Future<Output = ()> + Send) -> Result<()> {
        let mut shutdown = pin!(shutdown.fuse());
        let mut turns = FuturesUnordered::new();
        let changed = Arc::clone(self.store.changed());
        loop {
            // Made before looking, so that no change in between is missed.
            let told = changed.notified();
            self.look(!turns.is_empty()).await?;
            for head in self.due() {
                let attempt = Attempt {
                    store: self.store,
                    transport: self.transport,
                    on_refusal: self.options.on_refusal,
                };
                self.busy.insert(head.stream.clone());
                turns.push(async move {
                    let turn = attempt.take(head.ticket).await;
                    Ended { head, turn }
                });
            }
            tokio::select! {
                () = &mut shutdown => break,
                Some(ended) = turns.next() => self.settle(ended)?,
                () = told => {}
                () = tokio::time::sleep_until(self.next_look_at()) => {}
            }
        }
        // What is under way is brought to its end, and nothing is begun.
        while let Some(ended) = turns.next().await {
            self.settle(ended)?;
        }
        // The last that an observer hears is what is left.
        self.look(true).await
    }

    /// Reads the heads of all streams when something has changed, and prunes when it is time.
    async fn look(&mut self, is_busy: bool) -> Result<()> {
        let (store, seen) = (Arc::clone(self.store), self.data_version);
        let is_observed = self.transport.is_observed();
        let prunes = !is_busy && Instant::now() >= self.prune_at;
        let read = blocking(move || {
            if prunes && let Err(error) = store.prune() {
                // Sending does not depend on it.
                tracing::warn!(%error, "old items of the outbox cannot be taken away now");
            }
            let data_version = store.data_version()?;
            if seen == Some(data_version) {
                return Ok(None);
            }
            let gauge = is_observed.then(|| store.gauge()).transpose()?;
            Ok(Some((data_version, store.heads()?, gauge)))
        });
        let read = match read.await {
            Err(error) if passes(&error) => {
                tracing::warn!(%error, "the outbox cannot be read now");
                return Ok(());
            }
            other => other?,
        };
        if prunes {
            self.prune_at = Instant::now() + PRUNE_INTERVAL;
        }
        let Some((data_version, heads, gauge)) = read else {
            return Ok(());
        };
        self.data_version = Some(data_version);
        self.heads = heads;
        if gauge.is_some() && gauge != self.told {
            self.told = gauge;
            if let Some(gauge) = &gauge {
                self.transport.tell(gauge);
            }
        }
        Ok(())
    }

    /// Heads whose turn it is, as many as may be under way.
    fn due(&self) -> Vec<Head> {
        let now = Instant::now();
        let free = self
            .options
            .streams_parallel
            .saturating_sub(self.busy.len());
        let is_due = |head: &&Head| {
            !self.busy.contains(&head.stream)
                && self.waiting.get(&head.stream).is_none_or(|waiting| {
                    waiting.until <= now
                        || waiting.ticket != head.ticket
                        || waiting.wakes != head.wakes
                })
        };
        self.heads
            .iter()
            .filter(is_due)
            .take(free)
            .cloned()
            .collect()
    }

    fn settle(&mut self, ended: Ended) -> Result<()> {
        let Ended { head, turn } = ended;
        self.busy.remove(&head.stream);
        // This connection's own changes do not show in `data_version`.
        self.data_version = None;
        let (wait, is_away) = match turn {
            Ok(Turn::Settled) => {
                self.waiting.remove(&head.stream);
                self.waiting.retain(|_, waiting| !waiting.is_away);
                return Ok(());
            }
            Ok(Turn::Waits { wait, is_away }) => (wait, is_away),
            Err(error) if passes(&error) => {
                tracing::warn!(%error, ticket = %head.ticket, "the outbox cannot be written now");
                (Duration::ZERO, false)
            }
            Err(error) => return Err(error),
        };
        let failed = match self.waiting.get(&head.stream) {
            Some(earlier) if earlier.ticket == head.ticket => earlier.failed.saturating_add(1),
            _ => 1,
        };
        let backoff = RetryPolicy {
            attempts_max: u32::MAX,
            backoff_min: BACKOFF_MIN,
            backoff_max: self.options.backoff_max,
        };
        let wait = wait.max(backoff.backoff(failed, jitter()));
        self.waiting.insert(
            head.stream,
            Waiting {
                ticket: head.ticket,
                until: Instant::now() + wait,
                failed,
                wakes: head.wakes,
                is_away,
            },
        );
        Ok(())
    }

    fn next_look_at(&self) -> Instant {
        let poll = Instant::now() + POLL;
        if self.busy.len() >= self.options.streams_parallel {
            return poll;
        }
        let waits = self.waiting.values().map(|waiting| waiting.until);
        // A stream whose time has come and which has no head any more must not spin.
        waits
            .filter(|until| *until > Instant::now())
            .min()
            .map_or(poll, |first| first.min(poll))
    }
}

#[cfg(test)]
mod tests;
