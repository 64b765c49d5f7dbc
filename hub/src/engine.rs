//! The engine: one writer, group commit, one flush a batch before any answer.
//!
//! The cast:
//! - [`Engine`]: the handle that everyone else holds; reads go past the writer.
//! - `sequencer`: the writer thread: drain, decide, append and flush once, apply, wake, answer.
//! - [`recorded`]: an entry as it was recorded, decoded once.
//! - `window`: which request ids have been answered, bounded.
//! - [`recent`]: the newest entries, in memory, for subscribers and replays.
//! - [`replay`]: rows from the ledger, at start and in `hub rebuild`.
//! - `sealer`: erases what an order on the ledger names.
//! - `shares`: how many submissions of each agency wait.
//! - [`entropy`]: random bytes from an injected source.
//!
//! Invariant: an answer means flushed. After a failed commit nothing more is answered until the
//! hub has started again and looked at its ledger.

pub mod entropy;
pub mod recent;
pub mod recorded;
pub mod replay;
mod sealer;
mod sequencer;
mod shares;
#[cfg(test)]
pub(crate) mod stepped;
#[cfg(test)]
mod tests;
mod window;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use hub_core::{
    crypto::SigningKey,
    names::{AgencyId, RequestId},
};
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};

use self::{entropy::Entropy, recent::Recent, recorded::Recorded};
use crate::{
    authz::Permit,
    charter::Charter,
    clock::Clock,
    domain::{Command, members::roster::SharedRoster, sealing},
    error::{Error, Result},
    identity::{Authored, Peer},
    ledger::SealReport,
    metrics::Metrics,
    state::store::Store,
};

/// Most submissions that wait for the writer; one more is refused with a retry hint.
pub const QUEUE_MAX: usize = 4_096;

/// Most submissions of one agency that wait for the writer. The hub's own acts are not counted.
pub const AGENCY_QUEUE_MAX: usize = 1_024;

/// Most submissions in one commit.
pub const BATCH_MAX: usize = 512;

/// About how many request bytes go into one commit.
pub const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Whether acts are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writes {
    /// They are.
    Taken,
    /// Not until there is room on the disk; nothing needs to be done but that. Reads go on.
    DiskFull,
    /// Not until the hub has been started again. Reads go on as far as storage answers them.
    Failed,
}

/// What a caller wants recorded.
#[derive(Debug)]
pub struct Submission {
    /// That the caller may.
    pub permit: Permit,
    /// From which node; nothing for the hub itself.
    pub peer: Option<Arc<Peer>>,
    /// The author's commitment and signature; nothing for the hub itself, which signs on its own.
    pub authored: Option<Arc<Authored>>,
    /// Full method name.
    pub method: &'static str,
    /// The call's request id, then those of its items.
    pub request_ids: Vec<RequestId>,
    /// What to do.
    pub command: Command,
}

/// What the engine is made of.
#[derive(Debug)]
pub struct Options {
    /// Storage.
    pub store: Arc<dyn Store>,
    /// The charter in force.
    pub charter: Arc<Charter>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Box<dyn Entropy>,
    /// The key that signs the hub's own acts: the ledger key.
    pub key: SigningKey,
    /// Where batches and commits are counted.
    pub metrics: Arc<Metrics>,
}

/// A handle on the running engine.
#[derive(Debug)]
pub struct Engine {
    queue: Mutex<Option<mpsc::Sender<sequencer::Job>>>,
    shares: Arc<shares::Shares>,
    thread: Mutex<Option<JoinHandle<()>>>,
    sealer: Arc<sealer::Sealer>,
    /// Ends erasures that the last run left undone.
    sealing: Mutex<Option<JoinHandle<()>>>,
    store: Arc<dyn Store>,
    recent: Arc<Recent>,
    roster: Arc<SharedRoster>,
    clock: Arc<dyn Clock>,
    writes: Arc<AtomicWrites>,
}

/// What the writer last found.
#[derive(Debug, Default)]
pub(crate) struct AtomicWrites(AtomicU8);

impl AtomicWrites {
    fn load(&self) -> Writes {
        match self.0.load(Ordering::SeqCst) {
            0 => Writes::Taken,
            1 => Writes::DiskFull,
            _ => Writes::Failed,
        }
    }

    /// Answers what it was before.
    fn store(&self, writes: Writes) -> Writes {
        let before = self.load();
        let number = match writes {
            Writes::Taken => 0,
            Writes::DiskFull => 1,
            Writes::Failed => 2,
        };
        self.0.store(number, Ordering::SeqCst);
        before
    }
}

impl Engine {
    /// Applies what the index lacks, then starts the writer thread.
    ///
    /// # Errors
    /// When storage fails or the thread cannot be started.
    pub fn start(options: Options) -> Result<Arc<Self>> {
        let (mut engine, sequencer, receiver) = Self::assemble(options)?;
        let thread = std::thread::Builder::new()
            .name("sequencer".into())
            .spawn(move || sequencer.run(receiver))
            .map_err(|error| {
                Error::internal(format!("the writer thread did not start: {error}"))
            })?;
        engine.thread = Mutex::new(Some(thread));
        engine.sealing = Mutex::new(finish_in_background(&engine.sealer)?);
        Ok(Arc::new(engine))
    }

    /// Applies what the index lacks, and makes an engine and its writer, with no thread yet.
    fn assemble(
        options: Options,
    ) -> Result<(Self, sequencer::Sequencer, mpsc::Receiver<sequencer::Job>)> {
        let Options {
            store,
            charter,
            clock,
            entropy,
            key,
            metrics,
        } = options;
        replay::catch_up(&*store)?;
        let roster = Arc::new(SharedRoster::load(charter, &*store)?);
        let recent = Arc::new(Recent::new(recent::RECENT_BYTES_MAX));
        let writes = Arc::new(AtomicWrites::default());
        let (sender, receiver) = mpsc::channel(QUEUE_MAX);
        let sequencer = sequencer::Sequencer::new(sequencer::Parts {
            store: Arc::clone(&store),
            roster: Arc::clone(&roster),
            recent: Arc::clone(&recent),
            clock: Arc::clone(&clock),
            entropy,
            key,
            metrics,
            writes: Arc::clone(&writes),
        })?;
        let sealer = Arc::new(sealer::Sealer::new(Arc::clone(&store), Arc::clone(&recent)));
        let engine = Self {
            queue: Mutex::new(Some(sender)),
            shares: Arc::new(shares::Shares::new(AGENCY_QUEUE_MAX)),
            thread: Mutex::new(None),
            sealer,
            sealing: Mutex::new(None),
            store,
            recent,
            roster,
            clock,
            writes,
        };
        Ok((engine, sequencer, receiver))
    }

    /// Records a command, or finds that it was recorded before. **Returns only after the entry has
    /// been flushed.**
    ///
    /// # Errors
    /// What the domain refuses; [`hub_core::reason::Reason::LimitExceeded`] when the queue, or the
    /// agency's share of it, is full; [`hub_core::reason::Reason::StorageFull`] when the disk is;
    /// [`hub_core::reason::Reason::Unavailable`] when the hub is draining or its storage failed.
    pub async fn submit(&self, submission: Submission) -> Result<Arc<Recorded>> {
        let is_own_act = submission.peer.is_none();
        let counted = (!is_own_act).then(|| submission.permit.agency().clone());
        self.submit_counted(submission, counted.as_ref()).await
    }

    /// As [`Engine::submit`] for an act of the hub's own that an agency has caused, such as the record of
    /// a read: it counts to that agency's share of the queue.
    ///
    /// # Errors
    /// As [`Engine::submit`].
    pub async fn submit_for(
        &self,
        agency: &AgencyId,
        submission: Submission,
    ) -> Result<Arc<Recorded>> {
        self.submit_counted(submission, Some(agency)).await
    }

    async fn submit_counted(
        &self,
        submission: Submission,
        counted: Option<&AgencyId>,
    ) -> Result<Arc<Recorded>> {
        let (reply, answer) = oneshot::channel();
        let queue = self
            .queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let Some(queue) = queue else {
            return Err(draining());
        };
        // The share goes with the job: a caller that goes away leaves its job in the queue.
        let share = match counted {
            Some(agency) => Some(self.shares.take(agency)?),
            None => None,
        };
        let job = sequencer::Job {
            submission,
            reply,
            span: tracing::Span::current(),
            _share: share,
        };
        match queue.try_send(job) {
            Ok(()) => answer.await.unwrap_or_else(|_| Err(draining())),
            Err(mpsc::error::TrySendError::Full(_)) => Err(Error::limit(
                format!("{QUEUE_MAX} calls are waiting to be recorded"),
                Duration::from_millis(200),
            )),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(draining()),
        }
    }

    /// Orders that the contents of entries be erased, because their period is over by a rule of the
    /// charter, and erases them. Entries that are ordered already are passed over.
    ///
    /// # Errors
    /// As [`Engine::order_seal`] and [`Engine::finish_seals`]. If the latter fails the order stands: it
    /// is carried out by the next call, or at the next start.
    pub async fn seal(
        self: &Arc<Self>,
        entries: Vec<u64>,
        rule: &str,
        cutoff: Timestamp,
    ) -> Result<SealReport> {
        self.order_seal(entries, rule, cutoff).await?;
        self.blocking(Self::finish_seals).await
    }

    /// Records the order to seal entries, at most [`sealing::ENTRIES_MAX`]. Answers the order; nothing
    /// is erased yet.
    ///
    /// # Errors
    /// [`hub_core::reason::Reason::InvalidArgument`] when one of them is not on the ledger or publishes
    /// no notification; else as [`Engine::submit`].
    pub async fn order_seal(
        self: &Arc<Self>,
        entries: Vec<u64>,
        rule: &str,
        cutoff: Timestamp,
    ) -> Result<Arc<Recorded>> {
        let checked = entries.clone();
        self.blocking(move |engine| engine.require_sealable(&checked))
            .await?;
        self.submit(Submission {
            permit: Permit::hub()?,
            peer: None,
            authored: None,
            method: sealing::METHOD,
            request_ids: vec![],
            command: Command::Seal(sealing::Command {
                entries,
                rule: rule.to_owned(),
                cutoff,
            }),
        })
        .await
    }

    /// Carries out every order to seal that is not yet done. It reads and writes whole segments: not
    /// for an async thread.
    ///
    /// # Errors
    /// When storage fails. What was not erased is tried again by the next call.
    pub fn finish_seals(&self) -> Result<SealReport> {
        self.sealer.finish()
    }

    fn require_sealable(&self, entries: &[u64]) -> Result<()> {
        for index in entries.iter().take(sealing::ENTRIES_MAX) {
            let is_sealable = self.recorded(*index)?.is_some_and(|entry| {
                entry.is_sealed() || sealing::is_sealable(&entry.header, &entry.events)
            });
            if !is_sealable {
                let rule = format!("entry {index} is no entry that publishes notifications");
                return Err(Error::field("entries", rule));
            }
        }
        Ok(())
    }

    async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let engine = Arc::clone(self);
        tokio::task::spawn_blocking(move || work(&engine))
            .await
            .map_err(Error::internal)?
    }

    /// How many submissions wait for the writer.
    #[must_use]
    pub fn queue_depth(&self) -> usize {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.as_ref().map_or(0, |queue| {
            queue.max_capacity().saturating_sub(queue.capacity())
        })
    }

    /// Whether acts are recorded. Storage is asked, so that the answer does not wait for the next act.
    #[must_use]
    pub fn writes(&self) -> Writes {
        if self.store.has_failed() {
            return Writes::Failed;
        }
        match self.writes.load() {
            Writes::DiskFull if self.store.has_room() => Writes::Taken,
            found => found,
        }
    }

    /// Storage, for reads.
    #[must_use]
    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// The roster.
    #[must_use]
    pub fn roster(&self) -> &Arc<SharedRoster> {
        &self.roster
    }

    /// Time.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Follows the ledger's head, once its rows can be read.
    #[must_use]
    pub fn head_watch(&self) -> watch::Receiver<u64> {
        self.store.head_watch()
    }

    /// Whether an entry is about to leave memory, or has left it.
    #[must_use]
    pub fn is_aging(&self, index: u64) -> bool {
        self.recent.is_aging(index)
    }

    /// One entry, if it is flushed and still in memory.
    #[must_use]
    pub fn recent(&self, index: u64) -> Option<Arc<Recorded>> {
        // Entries at or past the head may not be flushed yet.
        (index < self.store.head())
            .then(|| self.recent.find(index))
            .flatten()
    }

    /// One entry, from memory or from the ledger.
    ///
    /// # Errors
    /// When storage fails.
    pub fn recorded(&self, index: u64) -> Result<Option<Arc<Recorded>>> {
        // Rows are seen a moment before the head moves, and only of flushed entries: those are asked of
        // the ledger.
        if let Some(entry) = self.recent(index) {
            return Ok(Some(entry));
        }
        match self.store.entry(index)? {
            Some(stored) => Recorded::from_stored(&stored).map(Arc::new).map(Some),
            None => Ok(None),
        }
    }

    /// The index of the first entry that was recorded at an instant or later; the head when there is none.
    /// Instants rise with the index, so this looks at a few dozen entries at most.
    ///
    /// # Errors
    /// When storage fails.
    pub fn first_at(&self, at_us: i64) -> Result<u64> {
        let (mut from, mut to) = (0, self.store.head());
        while from < to {
            let middle = from.midpoint(to);
            let entry = self.recorded(middle)?;
            let is_before = entry.is_some_and(|entry| entry.header.recorded_at_us < at_us);
            if is_before {
                from = middle.saturating_add(1);
            } else {
                to = middle;
            }
        }
        Ok(from)
    }

    /// Answers what is queued, stops the writer and erasures, and flushes. Later submissions are refused.
    ///
    /// # Errors
    /// When the last flush fails.
    pub fn stop(&self) -> Result<()> {
        self.sealer.stop();
        drop(
            self.queue
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            return Err(Error::internal("the writer thread panicked"));
        }
        let sealing = self
            .sealing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(sealing) = sealing
            && sealing.join().is_err()
        {
            tracing::error!("the thread that seals contents panicked");
        }
        Ok(self.store.close(self.clock.now())?)
    }
}

/// Ends what a crash cut short. The hub starts meanwhile: an order is no promise of a moment.
fn finish_in_background(sealer: &Arc<sealer::Sealer>) -> Result<Option<JoinHandle<()>>> {
    if !sealer.has_orders()? {
        return Ok(None);
    }
    let sealer = Arc::clone(sealer);
    let work = move || {
        if let Err(error) = sealer.finish() {
            let why = error.context.unwrap_or(error.message);
            tracing::error!(
                why,
                "contents that are ordered to be sealed are not yet erased"
            );
        }
    };
    std::thread::Builder::new()
        .name("sealer".into())
        .spawn(work)
        .map(Some)
        .map_err(|error| Error::internal(format!("the sealing thread did not start: {error}")))
}

fn draining() -> Error {
    Error::unavailable(
        "the hub is stopping, or its storage failed; nothing was recorded",
        Duration::from_secs(1),
    )
}
