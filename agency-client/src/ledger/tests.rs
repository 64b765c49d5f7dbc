//! Checkpoints, receipts and bundles against a small fake ledger that can lie.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use hub_core::{
    commitment::{commitment, events_hash},
    crypto::SigningKey,
};
use hub_proto::{
    common::Receipt,
    ledger::{Author, Entry, EntryContent},
};

use super::*;
use crate::{
    author::Authored,
    profile::Identity,
    testing::{Call, FakeHub, Fixture, Reply, leaf, message, path, refusal},
    verify,
};

/// Headers of a ledger, and the entries that may be read.
#[derive(Default)]
struct Store {
    headers: Vec<Bytes>,
    entry: Option<GetEntryResponse>,
}

impl Store {
    fn leaves(&self) -> Vec<Digest> {
        self.headers
            .iter()
            .map(|header| leaf_hash(header))
            .collect()
    }
}

fn bytes_of(hashes: Vec<Digest>) -> Vec<Bytes> {
    hashes
        .into_iter()
        .map(|hash| Bytes::copy_from_slice(&hash))
        .collect()
}

fn answer(fixture: &Fixture, store: &Store, call: &Call) -> Reply {
    let leaves = store.leaves();
    match call.path.rsplit('/').next().unwrap() {
        "GetCheckpoint" => message(&GetCheckpointResponse {
            checkpoint: fixture.checkpoint_of(&leaves).note,
        }),
        "GetInclusionProof" => {
            let asked = GetInclusionProofRequest::decode(&call.bytes[..]).unwrap();
            let index = usize::try_from(asked.entry_index).unwrap();
            message(&GetInclusionProofResponse {
                tree_size: asked.tree_size,
                hashes: bytes_of(path(index, &leaves)),
                leaf_hash: Bytes::copy_from_slice(&leaves[index]),
            })
        }
        "GetEntry" => match &store.entry {
            Some(entry) => message(entry),
            None => Err(refusal("NOT_FOUND")),
        },
        "ListEntryHeaders" => {
            let asked = ListEntryHeadersRequest::decode(&call.bytes[..]).unwrap();
            let from: usize = asked.page_token.parse().unwrap_or(0);
            let to = (from + 2).min(store.headers.len());
            message(&ListEntryHeadersResponse {
                headers: store.headers[from..to].to_vec(),
                withheld: vec![],
                next_page_token: if to < store.headers.len() {
                    to.to_string()
                } else {
                    String::new()
                },
            })
        }
        other => panic!("{other}"),
    }
}

async fn hub(fixture: &Arc<Fixture>, store: Store) -> (FakeHub, Arc<Mutex<Store>>) {
    let store = Arc::new(Mutex::new(store));
    let (fake, lies) = (fixture.clone(), store.clone());
    let hub = FakeHub::start(fixture, move |call| -> Reply {
        answer(&fake, &lies.lock().unwrap(), call)
    })
    .await;
    (hub, store)
}

/// An entry by the fixture's own node at an index.
fn authored_entry(fixture: &Fixture, index: u64) -> (EntryHeader, EntryContent, Authored, Bytes) {
    let identity = Identity::load(&fixture.profile()).unwrap();
    let request = Bytes::from_static(b"request");
    let own = Authored::sign(&identity, "/hub.x.v1.X/Do", request.clone()).unwrap();
    let header = EntryHeader {
        format: 1,
        index,
        recorded_at_us: 1_780_000_000_000_000,
        author: Some(Author {
            agency: "tax".into(),
            node: "node-1".into(),
            certificate_sha256: Bytes::copy_from_slice(&identity.certificate_sha256),
            officer: "tax-clerk-1".into(),
            role: "clerk".into(),
        }),
        method: own.method.into(),
        commitment: Bytes::copy_from_slice(&own.commitment),
        author_signature: own.signature.clone(),
        events_hash: Bytes::copy_from_slice(&events_hash(&[7; 16], b"events")),
    };
    let content = EntryContent {
        author_salt: Bytes::copy_from_slice(&own.salt),
        request,
        event_salt: Bytes::from_static(&[7; 16]),
        events: Bytes::from_static(b"events"),
        ..EntryContent::default()
    };
    let certificate = Bytes::copy_from_slice(&identity.chain[0]);
    (header, content, own, certificate)
}

fn receipt_of(header: &EntryHeader) -> Receipt {
    let bytes = header.encode_to_vec();
    Receipt {
        entry_index: header.index,
        leaf_hash: Bytes::copy_from_slice(&leaf_hash(&bytes)),
        recorded_at: Some(prost_types::Timestamp {
            seconds: 1_780_000_000,
            nanos: 0,
        }),
        header: bytes.into(),
    }
}

/// Five entries, of which number 3 is the node's own.
fn store(fixture: &Fixture) -> (Store, Receipt, Authored) {
    let (header, content, own, author_certificate) = authored_entry(fixture, 3);
    let mut headers: Vec<Bytes> = (0..5)
        .map(|index| {
            let other = EntryHeader {
                index,
                ..EntryHeader::default()
            };
            other.encode_to_vec().into()
        })
        .collect();
    headers[3] = header.encode_to_vec().into();
    let entry = GetEntryResponse {
        entry: Some(Entry {
            header: headers[3].clone(),
            content: content.encode_to_vec().into(),
        }),
        author_certificate,
    };
    let store = Store {
        headers,
        entry: Some(entry),
    };
    (store, receipt_of(&header), own)
}

#[tokio::test]
async fn a_fork_is_detected_and_the_remembered_checkpoint_stays() {
    let fixture = Arc::new(Fixture::new());
    let fake = fixture.clone();
    let hub = FakeHub::start(&fixture, move |call| -> Reply {
        match call.path.rsplit('/').next().unwrap() {
            "GetCheckpoint" => {
                let mut leaves: Vec<Digest> = (0..[3, 5, 8][call.number / 2]).map(leaf).collect();
                if call.number > 3 {
                    leaves[1] = leaf(99);
                }
                message(&GetCheckpointResponse {
                    checkpoint: fake.checkpoint_of(&leaves).note,
                })
            }
            "GetConsistencyProof" => {
                let asked = GetConsistencyProofRequest::decode(&call.bytes[..]).unwrap();
                message(&GetConsistencyProofResponse {
                    to_size: asked.to_size,
                    hashes: bytes_of(fake.consistency(asked.from_size, asked.to_size)),
                })
            }
            other => panic!("{other}"),
        }
    })
    .await;
    // A client of its own each time, as if in another process: only the file remembers.
    let ask = || async { fixture.client(&hub).ledger().checkpoint().await };
    assert_eq!(ask().await.unwrap().size, 3);
    let five = ask().await.unwrap();
    assert_eq!(five.size, 5);
    let error = ask().await.unwrap_err();
    assert!(
        matches!(error, ClientError::HistoryRewritten { .. }),
        "{error}"
    );
    let remembered = fixture.memory().remembered().unwrap().unwrap();
    assert_eq!(remembered, five, "the evidence stays");
}

#[tokio::test]
async fn a_checkpoint_by_another_key_is_refused_and_not_remembered() {
    let fixture = Arc::new(Fixture::new());
    let other = Fixture::new();
    let hub = FakeHub::start(&fixture, move |_| -> Reply {
        message(&GetCheckpointResponse {
            checkpoint: other.checkpoint(3).note,
        })
    })
    .await;
    let error = fixture
        .client(&hub)
        .ledger()
        .checkpoint()
        .await
        .unwrap_err();
    assert!(matches!(error, ClientError::Verification(_)), "{error}");
    assert_eq!(fixture.memory().remembered().unwrap(), None);
}

#[tokio::test]
async fn a_receipt_is_proved_and_each_lie_about_it_is_found() {
    let fixture = Arc::new(Fixture::new());
    let (store, receipt, own) = store(&fixture);
    let (hub, store) = hub(&fixture, store).await;
    let client = fixture.client(&hub);
    let proved = verify::receipt(&client, &receipt, Some(&own))
        .await
        .unwrap();
    assert_eq!((proved.header.index, proved.checkpoint.size), (3, 5));

    let mut other = own.clone();
    other.commitment[0] ^= 1;
    let error = verify::receipt(&client, &receipt, Some(&other)).await;
    assert!(error.unwrap_err().to_string().contains("commitment"));

    let mut moved = receipt.clone();
    moved.entry_index = 2;
    verify::receipt(&client, &moved, None).await.unwrap_err();

    let mut later = receipt.clone();
    later.recorded_at.as_mut().unwrap().nanos = 1000;
    verify::receipt(&client, &later, None).await.unwrap_err();

    // A receipt for an entry that the hub never put into the tree.
    let mut header = EntryHeader::decode(&receipt.header[..]).unwrap();
    header.method = "/hub.x.v1.X/Undo".into();
    let error = verify::receipt(&client, &receipt_of(&header), None)
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("not in the signed tree"),
        "{error}"
    );

    // The hub forgets the entry: the tree is shorter than what was remembered.
    store.lock().unwrap().headers.truncate(4);
    let error = verify::receipt(&client, &receipt, None).await.unwrap_err();
    assert!(matches!(error, ClientError::HistoryRewritten { .. }));
}

#[tokio::test]
async fn a_bundle_verifies_offline_and_every_damaged_field_is_found() {
    let fixture = Arc::new(Fixture::new());
    let (hub, _) = hub(&fixture, store(&fixture).0).await;
    let bundle = fixture.client(&hub).ledger().bundle(3, None).await.unwrap();
    drop(hub);
    let key = fixture.signer.verifier();
    let ca = crate::profile::certificates(fixture.profile().ca.as_ref()).unwrap();
    let json = serde_json::to_value(&bundle).unwrap();
    let read: verify::Bundle = serde_json::from_value(json.clone()).unwrap();
    let report = read.verify(key, Some(&ca)).unwrap();
    let all_hold = |check: &verify::Check| check.outcome == verify::Outcome::Holds;
    assert!(report.checks.iter().all(all_hold), "{:?}", report.checks);
    assert_eq!(report.checks.len(), 8);

    let foreign = Fixture::new();
    bundle.verify(foreign.signer.verifier(), None).unwrap_err();
    let foreign_ca = crate::profile::certificates(foreign.profile().ca.as_ref()).unwrap();
    let error = bundle.verify(key, Some(&foreign_ca)).unwrap_err();
    assert!(error.to_string().contains("author_authority"), "{error}");

    for pointer in [
        "/header",
        "/leaf_hash",
        "/inclusion_proof/0",
        "/checkpoint",
        "/author_certificate",
        "/content/author_salt",
        "/content/request",
        "/content/event_salt",
        "/content/events",
    ] {
        let mut damaged = json.clone();
        let field = damaged.pointer_mut(pointer).unwrap();
        let text = field.as_str().unwrap();
        let first = if text.starts_with('b') { "c" } else { "b" };
        *field = format!("{first}{}", &text[1..]).into();
        let damaged: verify::Bundle = serde_json::from_value(damaged).unwrap();
        let error = damaged.verify(key, None).unwrap_err();
        assert!(matches!(error, ClientError::Verification(_)), "{pointer}");
    }
}

#[tokio::test]
async fn events_that_the_hub_keeps_are_named_as_not_checked() {
    let fixture = Arc::new(Fixture::new());
    let (mut store, ..) = store(&fixture);
    let stored = store.entry.as_mut().unwrap().entry.as_mut().unwrap();
    let mut content = EntryContent::decode(&stored.content[..]).unwrap();
    content.event_salt.clear();
    content.events.clear();
    stored.content = content.encode_to_vec().into();
    let (hub, _) = hub(&fixture, store).await;
    let bundle = fixture.client(&hub).ledger().bundle(3, None).await.unwrap();
    let json = serde_json::to_string(&bundle).unwrap();
    let bundle: verify::Bundle = serde_json::from_str(&json).unwrap();
    let report = bundle.verify(fixture.signer.verifier(), None).unwrap();
    let open: Vec<&str> = report
        .checks
        .iter()
        .filter(|check| check.outcome != verify::Outcome::Holds)
        .map(|check| check.name)
        .collect();
    assert_eq!(open, ["author_authority", "events_hash"]);
}

#[tokio::test]
async fn a_bundle_of_anothers_entry_says_what_it_cannot_check() {
    let fixture = Arc::new(Fixture::new());
    let (mut store, receipt, _) = store(&fixture);
    store.entry = None;
    let (hub, _) = hub(&fixture, store).await;
    let ledger = fixture.client(&hub).ledger();
    assert_eq!(
        ledger.bundle(3, None).await.unwrap_err().reason_text(),
        "NOT_FOUND"
    );
    let bundle = ledger.bundle(3, Some(&receipt.header)).await.unwrap();
    let report = bundle.verify(fixture.signer.verifier(), None).unwrap();
    let open: Vec<&str> = report
        .checks
        .iter()
        .filter(|check| check.outcome != verify::Outcome::Holds)
        .map(|check| check.name)
        .collect();
    assert_eq!(
        open,
        [
            "author_signature",
            "author_identity",
            "author_authority",
            "commitment",
            "events_hash"
        ]
    );
}

#[test]
fn an_act_of_the_hub_is_verified_with_the_ledger_key() {
    let fixture = Fixture::new();
    let header = |key: &SigningKey| {
        let commitment = commitment(&[1; 16], "/hub.system.v1/Adopt", b"x");
        EntryHeader {
            author: Some(Author {
                agency: "hub".into(),
                ..Author::default()
            }),
            method: "/hub.system.v1/Adopt".into(),
            commitment: Bytes::copy_from_slice(&commitment),
            author_signature: key.sign(&commitment).unwrap().into(),
            ..EntryHeader::default()
        }
    };
    let verified = |header: EntryHeader| {
        let header = header.encode_to_vec();
        let leaf = leaf_hash(&header);
        let proof = GetInclusionProofResponse {
            tree_size: 1,
            hashes: vec![],
            leaf_hash: Bytes::copy_from_slice(&leaf),
        };
        let checkpoint = fixture.checkpoint_of(&[leaf]);
        Bundle::new(&checkpoint, &proof, Some(&header), None)
            .unwrap()
            .verify(fixture.signer.verifier(), None)
    };
    verified(header(&fixture.ledger)).unwrap();
    let error = verified(header(&Fixture::new().ledger)).unwrap_err();
    assert!(error.to_string().contains("author_signature"), "{error}");
}

#[tokio::test]
async fn an_audit_counts_every_header_and_finds_a_changed_one() {
    let fixture = Arc::new(Fixture::new());
    let (hub, store) = hub(&fixture, store(&fixture).0).await;
    let client = fixture.client(&hub);
    let mut steps = vec![];
    let report = client
        .ledger()
        .audit(|read, total| steps.push((read, total)))
        .await
        .unwrap();
    assert_eq!(report.checkpoint.size, 5);
    assert_eq!(report.entries_by_agency["tax"], 1);
    assert_eq!(report.entries_by_agency[""], 4);
    assert_eq!(steps, [(2, 5), (4, 5), (5, 5)]);

    let swapped = store.lock().unwrap().headers[1].clone();
    store.lock().unwrap().headers[2] = swapped;
    // The checkpoint is now another as well; forget the old one to reach the audit itself.
    std::fs::remove_file(fixture.memory().path()).unwrap();
    let error = client.ledger().audit(|_, _| {}).await.unwrap_err();
    assert!(error.to_string().contains("header 2"), "{error}");
}
