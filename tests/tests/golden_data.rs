//! Data folders of released formats, made by the hubs of their time, open with today's code: every
//! entry is readable byte for byte, receipts still prove, and the state index follows from the
//! ledger. A folder of a newer format is refused with what it is and what to do.
//!
//! `cargo test -p hub-tests --test golden_data -- --ignored write_golden` makes the folder of the
//! present format anew, with other keys and times. A folder that a release has shipped with is never
//! made anew: members hold receipts of that format.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test: a failure here is a failed test"
)]

#[path = "golden_data/write.rs"]
mod write;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use agency_client::{Client, verify};
use hub::{clock::SystemClock, fsck, ledger, rebuild, state::store::Store};
use hub_core::{
    crypto::{hex, sha256},
    merkle::verify_consistency,
};
use hub_proto::{
    channels::{DeliveryReceipt, ListNotificationsRequest, Notification},
    ledger::EntryHeader,
};
use hub_tests::{Site, TRUST_DOMAIN, World};
use prost::Message as _;
use serde::{Deserialize, Serialize};

/// What a golden folder must show, as recorded when it was made.
#[derive(Debug, Serialize, Deserialize)]
struct Expected {
    origin: String,
    /// Root of the tree over all entries.
    root: String,
    entries: Vec<ExpectedEntry>,
    logs: Vec<ExpectedLog>,
    /// Delivery matrix by notification, without instants that reading may move.
    receipts: BTreeMap<String, Vec<ExpectedReceipt>>,
    liaison: String,
    consumer: String,
}

/// SHA-256 of the exact bytes of both parts.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct ExpectedEntry {
    header: String,
    content: String,
}

/// A log as one agency reads it.
#[derive(Debug, Serialize, Deserialize)]
struct ExpectedLog {
    agency: String,
    log: String,
    notifications: Vec<ExpectedNotification>,
}

/// A notification and the receipt of its entry.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct ExpectedNotification {
    name: String,
    title: String,
    body: String,
    category: String,
    author: String,
    author_officer: String,
    request_id: String,
    published_at_seconds: i64,
    entry_index: u64,
    leaf_hash: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct ExpectedReceipt {
    recipient: String,
    is_delivered: bool,
    opened_by: String,
    signed_for_by: String,
}

fn golden(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("golden")
        .join(format!("data-{version}"))
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The first entries of a store, by their hashes.
fn entries(store: &dyn Store, count: u64) -> Vec<ExpectedEntry> {
    let mut found = vec![];
    while (found.len() as u64) < count {
        let left = usize::try_from(count).unwrap() - found.len();
        let page = store.entries(found.len() as u64, left, usize::MAX).unwrap();
        assert!(!page.is_empty(), "the store has fewer entries than {count}");
        found.extend(page.iter().map(|entry| ExpectedEntry {
            header: hex(&sha256(&[&entry.header])),
            content: hex(&sha256(&[&entry.content])),
        }));
    }
    found
}

/// Notifications of a log, each with its receipt, which the client proves against the hub's tree.
async fn show_log(client: &Client, notifications: Vec<Notification>) -> Vec<ExpectedNotification> {
    let mut shown = vec![];
    for one in notifications {
        let got = client.channels().notification(&one.name).await.unwrap();
        let receipt = got.receipt.unwrap();
        verify::receipt(client, &receipt, None).await.unwrap();
        shown.push(ExpectedNotification {
            name: one.name,
            title: one.title,
            body: String::from_utf8(one.body.to_vec()).unwrap(),
            category: one.category,
            author: one.author,
            author_officer: one.author_officer,
            request_id: one.request_id,
            published_at_seconds: one.published_at.unwrap().seconds,
            entry_index: receipt.entry_index,
            leaf_hash: hex(&receipt.leaf_hash),
        });
    }
    shown
}

fn show_receipts(rows: Vec<DeliveryReceipt>) -> Vec<ExpectedReceipt> {
    let shown = rows.into_iter().map(|row| ExpectedReceipt {
        recipient: row.recipient,
        is_delivered: row.delivered_at.is_some(),
        opened_by: row.opened_by,
        signed_for_by: row.signed_for_by,
    });
    shown.collect()
}

/// A site whose hub has a golden folder's data, key and origin, and agencies with certificates of
/// today.
fn site_of(golden: &Path, data: &str) -> (Site, Expected) {
    let site = Site::new();
    copy(&golden.join(data), &site.data_dir());
    for name in ["ledger.key", "ledger.vkey"] {
        let own = site.path().join("pki/hub").join(name);
        fs::copy(golden.join(name), own).unwrap();
    }
    // Profiles of members hold the text of the key too.
    for agency in site.agencies() {
        let profile = site.profile(&agency);
        fs::copy(golden.join("ledger.vkey"), profile.ledger_key).unwrap();
    }
    let text = fs::read_to_string(golden.join("expected.json")).unwrap();
    let expected: Expected = serde_json::from_str(&text).unwrap();
    assert_eq!(expected.origin, TRUST_DOMAIN);
    (site, expected)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes tests/golden; run by hand when a format has a first release"]
async fn write_golden() {
    write::write(&golden("0.1")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn data_of_0_1_opens_and_shows_what_it_showed() {
    let (site, expected) = site_of(&golden("0.1"), "data");
    opens(site, expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn data_of_0_1_in_several_segments_opens_and_shows_what_it_showed() {
    let (site, expected) = site_of(&golden("0.1"), "segments");
    opens(site, expected).await;
}

/// A hub starts on the folder as it is, without any step of an operator, and all is there.
async fn opens(site: Site, expected: Expected) {
    let count = expected.entries.len() as u64;
    assert!(count > 30, "the folder holds something: {count}");
    let report = fsck::fsck(&site.config(), &mut |_| {}).unwrap();
    assert!(report.is_sound(), "{report:?}");
    assert_eq!(report.entries_checked, count);
    assert_eq!(report.newest.unwrap().root, expected.root);

    let mut world = World::start_on(site, Arc::new(SystemClock)).await;
    check_ledger(&world, &expected);
    check_members_view(&world, &expected).await;
    world.stop().await;
    // The index that the hub went on with is the one that the ledger gives.
    let report = fsck::fsck(&world.site.config(), &mut |_| {}).unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert!(report.entries > count, "today's roster came on top");
    assert!(report.rows_compared > count);
}

#[test]
fn the_index_of_data_of_0_1_rebuilds() {
    let (site, expected) = site_of(&golden("0.1"), "data");
    let rebuilt = rebuild::rebuild(&site.config()).unwrap();
    assert_eq!(rebuilt.entries, expected.entries.len() as u64);
    assert!(rebuilt.aside.is_some());
    let report = fsck::fsck(&site.config(), &mut |_| {}).unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(report.rows_compared, rebuilt.rows);
}

/// Entries are the same bytes, and the tree of today begins with the tree of then.
fn check_ledger(world: &World, expected: &Expected) {
    let store = world.hub().engine().store();
    let count = expected.entries.len() as u64;
    assert_eq!(entries(store, count), expected.entries);
    let now = store.checkpoint();
    assert!(now.size > count);
    let proof = store.consistency_proof(count, now.size).unwrap();
    let then: Vec<u8> = (0..expected.root.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&expected.root[at..at + 2], 16).unwrap())
        .collect();
    let then = then.try_into().unwrap();
    verify_consistency(count, &then, now.size, &now.root, &proof).unwrap();
}

/// What members see, through calls.
async fn check_members_view(world: &World, expected: &Expected) {
    let shown: Vec<_> = expected
        .logs
        .iter()
        .map(|l| (&*l.agency, &*l.log))
        .collect();
    assert_eq!(shown, write::LOGS);
    for log in &expected.logs {
        let client = world.clerk(&log.agency);
        let request = ListNotificationsRequest {
            parent: log.log.clone(),
            page_size: 500,
            ..ListNotificationsRequest::default()
        };
        let page = client.channels().list_notifications(&request).await;
        let found = show_log(&client, page.unwrap().notifications).await;
        assert_eq!(found, log.notifications, "{}", log.log);
        assert!(!found.is_empty(), "{}", log.log);
    }
    let finance = world.clerk("finance");
    assert!(!expected.receipts.is_empty());
    for (name, rows) in &expected.receipts {
        let found = finance.channels().delivery_receipts(name).await.unwrap();
        assert_eq!(&show_receipts(found), rows, "{name}");
    }
    let tax = world.clerk("tax");
    let memberships = tax.members();
    let memberships = memberships.list_memberships("mechanisms/joint-enforcement", None);
    let liaisons = memberships.await.unwrap();
    let liaisons = liaisons.iter().filter_map(|one| one.liaison.as_ref());
    let officers: Vec<_> = liaisons.map(|liaison| &*liaison.officer).collect();
    assert_eq!(officers, [&*expected.liaison]);
    let consumers = tax.channels().list_consumers().await.unwrap();
    let names: Vec<_> = consumers.iter().map(|one| &*one.name).collect();
    assert_eq!(
        names,
        [format!("agencies/tax/consumers/{}", expected.consumer)]
    );
}

/// Why a hub does not start on a site.
async fn refusal(site: &Site) -> String {
    let started = hub::server::start(&site.config()).await;
    let error = started.expect_err("a newer format is refused");
    format!("{error:#}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_segment_format_is_refused_with_what_it_is_and_what_to_do() {
    let (site, _) = site_of(&golden("0.1"), "data");
    let path = site.data_dir().join("ledger");
    let path = path.join("segment-00000000000000000000.log");
    let mut bytes = fs::read(&path).unwrap();
    bytes[8..12].copy_from_slice(&2_u32.to_le_bytes());
    let crc = crc32c(&bytes[..52]);
    bytes[52..56].copy_from_slice(&crc.to_le_bytes());
    fs::write(&path, &bytes).unwrap();
    let text = refusal(&site).await;
    assert!(
        text.contains("segment-00000000000000000000.log"),
        "names the file: {text}"
    );
    assert!(
        text.contains("the segment has format 2, this release reads format 1"),
        "says what it is: {text}"
    );
    assert!(
        text.contains("Install the release that wrote it"),
        "says what to do: {text}"
    );
    assert_eq!(fs::read(&path).unwrap(), bytes, "nothing was changed");
    let report = fsck::fsck(&site.config(), &mut |_| {}).unwrap();
    let named = |text: &str| report.findings.iter().any(|one| one.what.contains(text));
    assert!(named("the segment has format 2"), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_entry_format_is_refused_with_what_it_is_and_what_to_do() {
    let (site, expected) = site_of(&golden("0.1"), "data");
    let count = expected.entries.len() as u64;
    let key = Arc::new(hub::server::ledger_key(&site.config()).unwrap());
    let options = ledger::LedgerOptions::new(site.data_dir(), TRUST_DOMAIN, key);
    let (mut writer, _, _) = ledger::open(options, count).unwrap();
    let header = EntryHeader {
        format: 2,
        index: count,
        recorded_at_us: i64::MAX,
        ..EntryHeader::default()
    };
    let entry = ledger::EncodedEntry {
        header: header.encode_to_vec().into(),
        content: bytes::Bytes::new(),
    };
    let now = jiff::Timestamp::UNIX_EPOCH;
    writer.append(count, &[entry], now).unwrap();
    writer.close().unwrap();
    let text = refusal(&site).await;
    assert!(
        text.contains(&format!(
            "entry {count} has format 2, this release reads format 1"
        )),
        "says what it is: {text}"
    );
    assert!(
        text.contains("Install the release that wrote it"),
        "says what to do: {text}"
    );
}

/// CRC-32C, bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg())
        })
    })
}
