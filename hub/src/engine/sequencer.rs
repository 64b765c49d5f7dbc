//! The one writer. A batch: drain the queue, decide each command against the rows plus what the
//! batch has changed so far, append all entries and flush once, then answer.

use std::{collections::HashMap, sync::Arc, time::Duration};

use bytes::Bytes;
use hub_core::{
    commitment::{commitment, events_hash},
    crypto::SigningKey,
    names::{AgencyId, RequestId},
    reason::Reason,
};
use hub_proto::ledger::{Author, EntryContent, EntryHeader, Event, EventList};
use jiff::Timestamp;
use prost::Message as _;
use tokio::sync::{mpsc, oneshot};
use tracing::Span;

use super::{
    AtomicWrites, BATCH_BYTES_MAX, BATCH_MAX, Submission, Writes,
    entropy::Entropy,
    recent::Recent,
    recorded::{ENTRY_FORMAT, Recorded},
    replay,
    shares::Share,
    window::Window,
};
use crate::{
    clock::Clock,
    domain::{
        self, Context, Decision,
        members::{
            roster::{Roster, SharedRoster},
            rows::NodeRow,
        },
    },
    error::{self, Error, Result},
    identity::Authored,
    ledger::{EncodedEntry, LedgerError},
    metrics::Metrics,
    state::{
        keys,
        store::{Committed, Store, StoreError},
        view::{Overlay, ViewExt as _},
    },
    traces,
};

/// When it is worth asking again after the disk was full.
const FULL_RETRY: Duration = Duration::from_secs(5);

type Reply = oneshot::Sender<Result<Arc<Recorded>>>;

/// A submission and whom to answer.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) submission: Submission,
    pub(super) reply: Reply,
    /// The call that this is of; the commit's span refers to it.
    pub(super) span: Span,
    /// The agency's place in the queue, until the writer takes the job.
    pub(super) _share: Option<Share>,
}

/// What the writer is made of.
pub(super) struct Parts {
    pub(super) store: Arc<dyn Store>,
    pub(super) roster: Arc<SharedRoster>,
    pub(super) recent: Arc<Recent>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Box<dyn Entropy>,
    pub(super) key: SigningKey,
    pub(super) metrics: Arc<Metrics>,
    pub(super) writes: Arc<AtomicWrites>,
}

/// The writer.
pub(super) struct Sequencer {
    parts: Parts,
    window: Window,
    head: u64,
    last_recorded_at: Timestamp,
    /// After a failed commit: nothing is recorded any more.
    is_failed: bool,
}

/// What a job of the batch comes to once the batch is flushed.
enum Outcome {
    /// The entry of this batch at an offset.
    New(usize),
    /// An entry of an earlier batch; the request must be the same when a replay led to it.
    Earlier(u64),
    /// Refused.
    Refused(Error),
}

/// A batch under construction.
struct Batch<'a> {
    overlay: Overlay<'a>,
    encoded: Vec<EncodedEntry>,
    recorded: Vec<Arc<Recorded>>,
    /// Calls that the commit's span refers to.
    spans: Vec<Span>,
    ids: HashMap<AgencyId, HashMap<RequestId, usize>>,
    /// The same in the ledger's order.
    answered: Vec<(AgencyId, RequestId, u64)>,
    /// The roster, once an entry of this batch has changed it.
    roster: Option<Arc<Roster>>,
}

impl Sequencer {
    /// Reads which request ids have been answered, and when the last entry was recorded.
    pub(super) fn new(parts: Parts) -> Result<Self> {
        let head = parts.store.head();
        let last = match head.checked_sub(1) {
            Some(last) => parts.store.entry(last)?,
            None => None,
        };
        let last_recorded_at = match last {
            Some(stored) => Recorded::from_stored(&stored)?.recorded_at(),
            None => Timestamp::UNIX_EPOCH,
        };
        Ok(Self {
            window: Window::load(&*parts.store)?,
            parts,
            head,
            last_recorded_at,
            is_failed: false,
        })
    }

    /// Works until the queue is closed and empty.
    pub(super) fn run(mut self, mut queue: mpsc::Receiver<Job>) {
        let mut jobs = Vec::with_capacity(BATCH_MAX);
        while let Some(first) = queue.blocking_recv() {
            self.work(first, &mut queue, &mut jobs);
        }
    }

    /// Records a job and what waits behind it, as one batch. `jobs` is empty before and after.
    pub(super) fn work(
        &mut self,
        first: Job,
        queue: &mut mpsc::Receiver<Job>,
        jobs: &mut Vec<Job>,
    ) {
        let mut bytes = request_len(&first);
        jobs.push(first);
        while jobs.len() < BATCH_MAX
            && bytes < BATCH_BYTES_MAX
            && let Ok(job) = queue.try_recv()
        {
            bytes = bytes.saturating_add(request_len(&job));
            jobs.push(job);
        }
        self.batch(jobs);
    }

    fn batch(&mut self, jobs: &mut Vec<Job>) {
        let store = Arc::clone(&self.parts.store);
        let last_recorded_at = self.last_recorded_at;
        self.parts.metrics.writer.batch(jobs.len());
        let mut batch = Batch {
            overlay: Overlay::new(&*store),
            encoded: Vec::with_capacity(jobs.len()),
            recorded: Vec::with_capacity(jobs.len()),
            spans: vec![],
            ids: HashMap::new(),
            answered: vec![],
            roster: None,
        };
        let outcomes: Vec<(Reply, Submission, Outcome)> = jobs
            .drain(..)
            .map(|job| {
                let outcome = self.consider(&mut batch, &job.submission);
                if !job.span.is_disabled() && batch.spans.len() < traces::LINKS_MAX {
                    batch.spans.push(job.span);
                }
                (
                    job.reply,
                    job.submission,
                    outcome.unwrap_or_else(Outcome::Refused),
                )
            })
            .collect();
        let committed = self.commit(&mut batch);
        if committed.is_err() {
            // What was not recorded holds no later entry to its instant.
            self.last_recorded_at = last_recorded_at;
        }
        self.tell(&committed);
        // The log has been told once; not with every call that is refused.
        let committed = committed.map_err(|error| match error.reason {
            Reason::StorageFull => Error {
                context: None,
                ..error
            },
            _ => error,
        });
        for (reply, submission, outcome) in outcomes {
            let answer = match (&committed, outcome) {
                // What was recorded before is answered as long as it can be read.
                (Err(error), Outcome::Earlier(index)) if error.reason == Reason::StorageFull => {
                    self.earlier(index, &submission)
                }
                (Err(error), _) => Err(error.clone()),
                (Ok(()), Outcome::New(offset)) => batch
                    .recorded
                    .get(offset)
                    .cloned()
                    .ok_or_else(|| Error::internal("no entry")),
                (Ok(()), Outcome::Earlier(index)) => self.earlier(index, &submission),
                (Ok(()), Outcome::Refused(error)) => Err(error),
            };
            // A caller that has gone away needs no answer; the entry stands.
            drop(reply.send(answer));
        }
    }

    /// Decides one submission and, if it is to be recorded, adds its entry to the batch.
    fn consider(&mut self, batch: &mut Batch<'_>, submission: &Submission) -> Result<Outcome> {
        let agency = submission.permit.agency();
        let of_batch = batch.ids.get(agency);
        if let Some(id) = submission.request_ids.first() {
            if let Some(offset) = of_batch.and_then(|ids| ids.get(id)) {
                let is_same = batch
                    .recorded
                    .get(*offset)
                    .is_some_and(|one| is_replay(one, submission));
                return if is_same {
                    Ok(Outcome::New(*offset))
                } else {
                    Err(reused(id))
                };
            }
            if let Some(index) = self.window.find(agency, id) {
                return Ok(Outcome::Earlier(index));
            }
        }
        let now = self.parts.clock.now().max(self.last_recorded_at);
        for id in &submission.request_ids {
            let is_taken = self.window.find(agency, id).is_some()
                || of_batch.is_some_and(|ids| ids.contains_key(id));
            if is_taken {
                return Err(reused(id));
            }
            self.window.check_new(agency, id, now)?;
        }
        check_node(&batch.overlay, submission)?;
        let roster = match &batch.roster {
            Some(roster) => Arc::clone(roster),
            None => self.parts.roster.load_full(),
        };
        let context = Context {
            charter: roster.charter(),
            roster: &roster,
            now,
            index: self.next_index(batch)?,
            seed: self.parts.entropy.salt()?,
        };
        let decision = domain::decide(
            &context,
            &batch.overlay,
            &submission.permit,
            &submission.command,
        )?;
        match decision {
            Decision::Already(index) if index >= self.head => usize::try_from(index - self.head)
                .map(Outcome::New)
                .map_err(Error::internal),
            Decision::Already(index) => Ok(Outcome::Earlier(index)),
            Decision::Record(events) => self.add(batch, submission, now, events),
        }
    }

    fn add(
        &mut self,
        batch: &mut Batch<'_>,
        submission: &Submission,
        now: Timestamp,
        events: Vec<Event>,
    ) -> Result<Outcome> {
        let offset = batch.recorded.len();
        let index = self.next_index(batch)?;
        let (entry, recorded) = self.encode(submission, index, now, events)?;
        let ids = &submission.request_ids;
        debug_assert_eq!(*ids, recorded.request_ids(), "{}", submission.method);
        let applied = replay::apply(&mut batch.overlay, &recorded, ids)
            .and_then(|()| self.roster_after(batch, &recorded));
        if let Err(error) = applied {
            // The overlay may hold half of an entry that is not recorded.
            self.is_failed = true;
            return Err(error);
        }
        if !ids.is_empty() {
            let agency = submission.permit.agency();
            let of_batch = batch.ids.entry(agency.clone()).or_default();
            of_batch.extend(ids.iter().map(|id| (*id, offset)));
            let answered = ids.iter().map(|id| (agency.clone(), *id, index));
            batch.answered.extend(answered);
        }
        batch.encoded.push(entry);
        batch.recorded.push(Arc::new(recorded));
        self.last_recorded_at = now;
        Ok(Outcome::New(offset))
    }

    /// What comes later in the batch sees the roster as this entry leaves it.
    fn roster_after(&self, batch: &mut Batch<'_>, recorded: &Recorded) -> Result<()> {
        if changes_roster(recorded) {
            let roster = self.parts.roster.load_full();
            batch.roster = Some(Arc::new(roster.with_rows(&batch.overlay)?));
        }
        Ok(())
    }

    fn next_index(&self, batch: &Batch<'_>) -> Result<u64> {
        let offset = u64::try_from(batch.recorded.len()).map_err(Error::internal)?;
        Ok(self.head.saturating_add(offset))
    }

    fn encode(
        &mut self,
        submission: &Submission,
        index: u64,
        now: Timestamp,
        events: Vec<Event>,
    ) -> Result<(EncodedEntry, Recorded)> {
        let list = EventList { events };
        let events = list.encode_to_vec();
        let event_salt = self.parts.entropy.salt()?;
        let own;
        let authored: &Authored = match &submission.authored {
            Some(authored) => authored,
            None => {
                own = self.sign_own(submission.method)?;
                &own
            }
        };
        let header = EntryHeader {
            format: ENTRY_FORMAT,
            index,
            recorded_at_us: now.as_microsecond(),
            author: Some(author(submission)),
            method: submission.method.into(),
            commitment: Bytes::copy_from_slice(&authored.commitment),
            author_signature: authored.signature.clone().into(),
            events_hash: Bytes::copy_from_slice(&events_hash(&event_salt, &events)),
        };
        let content = EntryContent {
            author_salt: Bytes::copy_from_slice(&authored.salt),
            request: authored.request.clone(),
            event_salt: Bytes::copy_from_slice(&event_salt),
            events: events.into(),
            ..EntryContent::default()
        };
        let entry = EncodedEntry {
            header: header.encode_to_vec().into(),
            content: content.encode_to_vec().into(),
        };
        let recorded = Recorded::new(header, entry.header.clone(), content, list.events);
        Ok((entry, recorded))
    }

    /// The hub's own acts are signed with the ledger key over an empty request: what they say is in
    /// their events.
    fn sign_own(&mut self, method: &str) -> Result<Authored> {
        let salt = self.parts.entropy.salt()?;
        let commitment = commitment(&salt, method, b"");
        let signature = self.parts.key.sign(&commitment).map_err(Error::internal)?;
        Ok(Authored {
            salt,
            commitment,
            signature,
            request: Bytes::new(),
        })
    }

    fn commit(&mut self, batch: &mut Batch<'_>) -> Result<()> {
        if self.is_failed {
            return Err(Error::storage_failed());
        }
        if batch.encoded.is_empty() {
            return Ok(());
        }
        // Readers see entries below the head only, so these may be put here before they are flushed.
        self.parts.recent.push(batch.recorded.iter().cloned());
        let store = Arc::clone(&self.parts.store);
        let rows = batch.overlay.take_changes();
        let span = commit_span(batch);
        let began = self.parts.clock.monotonic();
        let committed = store.commit(self.head, &batch.encoded, rows, self.last_recorded_at);
        let after = self.parts.clock.monotonic().saturating_sub(began);
        self.count(&committed, after, &span);
        drop(span);
        if let Err(StoreError::Ledger(LedgerError::Limit(limit))) = &committed {
            // Nothing was written, and nothing is wrong with the ledger: the batch is too large.
            return Err(Error::limit(limit.clone(), Duration::from_millis(200)));
        }
        if let Err(StoreError::Full(why)) = &committed {
            // Nothing was written, and nothing is wrong with what is there.
            return Err(Error {
                context: Some(why.clone()),
                ..Error::storage_full(FULL_RETRY)
            });
        }
        if let Err(error) = committed {
            let error = error::chain(&error);
            tracing::error!(
                error,
                "a commit failed; nothing more is recorded until the hub has started again"
            );
            self.is_failed = true;
            return Err(Error::storage_failed());
        }
        let is_roster_changed = batch.recorded.iter().any(|entry| changes_roster(entry));
        if is_roster_changed && let Err(error) = self.parts.roster.refresh(&*store) {
            self.is_failed = true;
            return Err(error);
        }
        for (agency, id, index) in batch.answered.drain(..) {
            self.window.insert(&agency, id, index);
        }
        self.head = store.head();
        if self.parts.writes.store(Writes::Taken) == Writes::DiskFull {
            tracing::info!("there is room on the disk again; acts are recorded");
        }
        Ok(())
    }

    /// Counts a commit. A batch that is too large is its callers' affair, and no failure.
    fn count(&self, committed: &Result<Committed, StoreError>, after: Duration, span: &Span) {
        let writer = &self.parts.metrics.writer;
        match committed {
            Ok(_) => writer.committed(after),
            Err(StoreError::Ledger(LedgerError::Limit(_))) => {}
            Err(_) => {
                writer.commit_failed();
                traces::failed(span);
            }
        }
    }

    /// Says once when the disk has filled up, and once when there is room again.
    fn tell(&self, committed: &Result<()>) {
        let writes = &self.parts.writes;
        match committed {
            _ if self.is_failed => {
                writes.store(Writes::Failed);
            }
            Err(error) if error.reason == Reason::StorageFull => {
                if writes.store(Writes::DiskFull) != Writes::DiskFull {
                    let why = error.context.as_deref().unwrap_or_default();
                    tracing::error!(
                        why,
                        "the disk is full; nothing is recorded until there is room, reads go on"
                    );
                }
            }
            Ok(()) | Err(_) => {}
        }
    }

    /// Answers with an entry of an earlier batch. A replayed id must come with the same request.
    fn earlier(&self, index: u64, submission: &Submission) -> Result<Arc<Recorded>> {
        let entry = match self.parts.recent.find(index) {
            Some(entry) => entry,
            None => {
                let stored = self.parts.store.entry(index)?;
                let stored =
                    stored.ok_or_else(|| Error::internal("an answered entry is missing"))?;
                Arc::new(Recorded::from_stored(&stored)?)
            }
        };
        let id = submission.request_ids.first();
        let is_by_id =
            id.is_some_and(|id| self.window.find(submission.permit.agency(), id) == Some(index));
        match id {
            // Nobody can tell any more whether the request is the same.
            Some(id) if is_by_id && entry.is_sealed() => Err(sealed(id)),
            Some(id) if is_by_id && !is_replay(&entry, submission) => Err(reused(id)),
            _ => Ok(entry),
        }
    }
}

fn changes_roster(entry: &Recorded) -> bool {
    let mut events = entry.events.iter();
    events.any(|event| matches!(event.kind, Some(hub_proto::ledger::event::Kind::Members(_))))
}

/// A node may have been revoked since its call came in, even earlier in the same batch.
fn check_node(view: &Overlay<'_>, submission: &Submission) -> Result<()> {
    let Some(peer) = &submission.peer else {
        return Ok(());
    };
    let row: Option<NodeRow> = view.message(&keys::node(&peer.fingerprint))?;
    match row {
        Some(row) if row.revoked_at_us == 0 => Ok(()),
        Some(_) => Err(Error::new(
            Reason::NodeRevoked,
            "the node's certificate was revoked just now",
        )),
        None => Err(Error::new(
            Reason::NodeNotEnrolled,
            "the node's certificate is not enrolled",
        )),
    }
}

fn author(submission: &Submission) -> Author {
    let permit = &submission.permit;
    match &submission.peer {
        Some(peer) => Author {
            agency: permit.agency().to_string(),
            node: peer.node.to_string(),
            certificate_sha256: Bytes::copy_from_slice(&peer.fingerprint),
            officer: permit.officer().to_string(),
            role: permit.role().to_string(),
        },
        None => Author {
            agency: permit.agency().to_string(),
            ..Author::default()
        },
    }
}

/// The span of a batch's commit, which refers to the calls that wait for it.
fn commit_span(batch: &mut Batch<'_>) -> Span {
    let bytes = batch
        .encoded
        .iter()
        .map(|entry| entry.header.len().saturating_add(entry.content.len()))
        .sum();
    let span = traces::commit(batch.encoded.len(), bytes);
    for call in batch.spans.drain(..) {
        span.follows_from(&call);
    }
    span
}

fn is_replay(entry: &Recorded, submission: &Submission) -> bool {
    let request = submission
        .authored
        .as_ref()
        .map(|authored| &authored.request);
    entry.header.method == submission.method && request == Some(&entry.content.request)
}

fn request_len(job: &Job) -> usize {
    job.submission
        .authored
        .as_ref()
        .map_or(0, |authored| authored.request.len())
}

fn reused(id: &RequestId) -> Error {
    Error::new(
        Reason::RequestIdReused,
        format!("request_id {id} was used with other content; mint a new id for a new act"),
    )
}

fn sealed(id: &RequestId) -> Error {
    Error::new(
        Reason::ContentSealed,
        format!("request_id {id} was used for a notification whose content has since been sealed"),
    )
}
