use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use hub_core::{
    crypto::{Digest, SigningKey, generate_ed25519_pkcs8},
    reason::Reason,
};
use hub_proto::channels::AcknowledgeDeliveryRequest;
use jiff::Timestamp;
use prost::Message as _;
use tokio::sync::watch;

use super::{Engine, Options, Submission, entropy::SeededEntropy, replay};
use crate::{
    authz::Permit,
    charter::Charter,
    clock::ManualClock,
    dev::site::CHARTER,
    domain::{Command, members},
    identity::Authored,
    ledger::{Checkpoint, EncodedEntry, Erasure, SealReport, StoredEntry},
    state::{
        memory::MemoryStore,
        store::{Committed, Direction, Row, RowBatch, Store, StoreError},
    },
};

/// A store whose commits fail when they are told to.
#[derive(Debug)]
struct Failing {
    inner: MemoryStore,
    is_failing: AtomicBool,
}

impl Store for Failing {
    fn head(&self) -> u64 {
        self.inner.head()
    }
    fn head_watch(&self) -> watch::Receiver<u64> {
        self.inner.head_watch()
    }
    fn applied(&self) -> u64 {
        self.inner.applied()
    }
    fn commit(
        &self,
        expected_head: u64,
        entries: &[EncodedEntry],
        rows: RowBatch,
        now: Timestamp,
    ) -> Result<Committed, StoreError> {
        if self.is_failing.load(Ordering::SeqCst) {
            return Err(StoreError::Index("no space left on the device".into()));
        }
        self.inner.commit(expected_head, entries, rows, now)
    }
    fn replay(&self, applied: u64, rows: RowBatch) -> Result<(), StoreError> {
        self.inner.replay(applied, rows)
    }
    fn row(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.inner.row(key)
    }
    fn scan(
        &self,
        from: &[u8],
        to: &[u8],
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        self.inner.scan(from, to, direction, limit)
    }
    fn entry(&self, index: u64) -> Result<Option<StoredEntry>, StoreError> {
        self.inner.entry(index)
    }
    fn entries(
        &self,
        from: u64,
        count_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<StoredEntry>, StoreError> {
        self.inner.entries(from, count_max, bytes_max)
    }
    fn seal(&self, erasures: &[Erasure]) -> Result<SealReport, StoreError> {
        if self.is_failing.load(Ordering::SeqCst) {
            return Err(StoreError::Index("no space left on the device".into()));
        }
        self.inner.seal(erasures)
    }
    fn leaf_hash(&self, index: u64) -> Result<Option<Digest>, StoreError> {
        self.inner.leaf_hash(index)
    }
    fn checkpoint(&self) -> Arc<Checkpoint> {
        self.inner.checkpoint()
    }
    fn inclusion_proof(&self, index: u64, tree_size: u64) -> Result<Vec<Digest>, StoreError> {
        self.inner.inclusion_proof(index, tree_size)
    }
    fn consistency_proof(&self, from_size: u64, to_size: u64) -> Result<Vec<Digest>, StoreError> {
        self.inner.consistency_proof(from_size, to_size)
    }
    fn close(&self, now: Timestamp) -> Result<(), StoreError> {
        self.inner.close(now)
    }
}

fn key() -> SigningKey {
    SigningKey::from_pkcs8(&generate_ed25519_pkcs8().unwrap()).unwrap()
}

fn start() -> (Arc<Failing>, Arc<Engine>) {
    let inner = MemoryStore::new("test.example", Arc::new(key())).unwrap();
    let store = Arc::new(Failing {
        inner,
        is_failing: AtomicBool::new(false),
    });
    let engine = Engine::start(Options {
        store: store.clone(),
        charter: Arc::new(Charter::parse(CHARTER, "shanxi.toml").unwrap()),
        clock: Arc::new(ManualClock::at("2026-01-05T01:00:00Z".parse().unwrap())),
        entropy: Box::new(SeededEntropy::new(1)),
        key: key(),
        metrics: Arc::default(),
    });
    (store, engine.unwrap())
}

/// An act of the hub itself that enrols a token key.
fn enrol(kid: &str) -> Submission {
    Submission {
        permit: Permit::hub().unwrap(),
        peer: None,
        authored: None,
        method: "/hub.system.v1/EnrollTokenKey",
        request_ids: vec![],
        command: Command::Members(members::Command::EnrollTokenKey {
            agency: "tax".parse().unwrap(),
            kid: kid.into(),
            jwk: "{}".into(),
        }),
    }
}

#[tokio::test]
async fn a_refusal_leaves_nothing_and_the_next_command_goes_on() {
    let (store, engine) = start();
    engine.submit(enrol("one")).await.unwrap();
    let refused = engine.submit(enrol("one")).await.unwrap_err();
    assert_eq!(refused.reason, Reason::AlreadyEnrolled);
    assert_eq!(engine.submit(enrol("two")).await.unwrap().header.index, 1);
    assert_eq!(store.head(), 2);
}

#[tokio::test]
async fn commands_that_wait_together_see_each_other() {
    let (_, engine) = start();
    let both = tokio::join!(engine.submit(enrol("one")), engine.submit(enrol("one")));
    let answers = [both.0.is_ok(), both.1.is_ok()];
    assert_eq!(answers.iter().filter(|is_ok| **is_ok).count(), 1);
}

#[tokio::test]
async fn after_a_failed_commit_nothing_is_answered_and_nothing_of_it_is_seen() {
    let (store, engine) = start();
    engine.submit(enrol("one")).await.unwrap();
    store.is_failing.store(true, Ordering::SeqCst);
    let failed = engine.submit(enrol("two")).await.unwrap_err();
    assert_eq!(failed.reason, Reason::Unavailable);
    assert!(
        !failed.message.contains("space"),
        "the cause is the operator's"
    );
    assert!(engine.recorded(1).unwrap().is_none());
    // The disk has room again, but what is on it is not known until the hub starts anew.
    store.is_failing.store(false, Ordering::SeqCst);
    assert_eq!(
        engine.submit(enrol("three")).await.unwrap_err().reason,
        Reason::Unavailable
    );
    assert_eq!(store.head(), 1);
    assert!(engine.recorded(0).unwrap().is_some(), "reads go on");
}

#[tokio::test]
async fn a_stopped_engine_refuses() {
    let (_, engine) = start();
    engine.stop().unwrap();
    assert_eq!(
        engine.submit(enrol("one")).await.unwrap_err().reason,
        Reason::Unavailable
    );
}

#[tokio::test]
async fn lost_rows_are_replayed_exactly() {
    let (store, engine) = start();
    for kid in ["one", "two", "three"] {
        engine.submit(enrol(kid)).await.unwrap();
    }
    let live = store.inner.rows();
    store.inner.drop_rows();
    assert_eq!(replay::catch_up(&*store).unwrap(), 3);
    assert_eq!(store.inner.rows(), live);
}

fn id_at(at: Timestamp, tail: u32) -> hub_core::names::RequestId {
    let ms = u64::try_from(at.as_millisecond()).unwrap();
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&ms.to_be_bytes()[2..]);
    bytes[6] = 0x70;
    bytes[8] = 0x80;
    bytes[12..].copy_from_slice(&tail.to_be_bytes());
    hub_core::names::RequestId::from_bytes(bytes).unwrap()
}

/// An act with a request id that changes hardly anything.
fn acknowledge(id: hub_core::names::RequestId) -> Submission {
    use crate::domain::channels::{Command as Channels, cursor::Cursor};
    let request = AcknowledgeDeliveryRequest {
        consumer: "oa".into(),
        request_id: id.to_string(),
        ..AcknowledgeDeliveryRequest::default()
    };
    Submission {
        request_ids: vec![id],
        method: "/hub.channels.v1.ChannelService/AcknowledgeDelivery",
        authored: Some(Arc::new(Authored {
            salt: [0; 16],
            commitment: Digest::default(),
            signature: vec![],
            request: request.encode_to_vec().into(),
        })),
        command: Command::Channels(Channels::Acknowledge(
            "oa".parse().unwrap(),
            Cursor::default(),
        )),
        ..enrol("unused")
    }
}

#[tokio::test]
async fn a_restart_after_heavy_load_still_takes_new_request_ids() {
    let started_at: Timestamp = "2026-01-05T01:00:00Z".parse().unwrap();
    let clock = ManualClock::at(started_at);
    let store = Arc::new(MemoryStore::new("test.example", Arc::new(key())).unwrap());
    let start = || {
        Engine::start(Options {
            store: store.clone(),
            charter: Arc::new(Charter::parse(CHARTER, "shanxi.toml").unwrap()),
            clock: Arc::new(clock.clone()),
            entropy: Box::new(SeededEntropy::new(1)),
            key: key(),
            metrics: Arc::default(),
        })
        .unwrap()
    };
    let engine = start();
    let many = u32::try_from(super::window::WINDOW_MAX).unwrap() + 1_000;
    let now = || crate::clock::Clock::now(&clock);
    for first in (0..many).step_by(500) {
        clock.advance_us(10_000);
        let ids = (first..first + 500).map(|tail| id_at(now(), tail));
        let calls = ids.map(|id| engine.submit(acknowledge(id)));
        for answer in futures::future::join_all(calls).await {
            answer.unwrap();
        }
    }
    engine.stop().unwrap();
    clock.advance_us(1_000_000);
    let engine = start();
    let answer = engine.submit(acknowledge(id_at(now(), 0))).await.unwrap();
    // And knows what it answered before, but for what it has forgotten and says so.
    let again = engine.submit(acknowledge(id_at(now(), 0))).await.unwrap();
    assert_eq!(again.header.index, answer.header.index);
    let first = started_at + jiff::SignedDuration::from_micros(10_000);
    let forgotten = engine.submit(acknowledge(id_at(first, 0))).await;
    assert_eq!(forgotten.unwrap_err().reason, Reason::RequestIdExpired);
}
