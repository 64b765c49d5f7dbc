//! Attachments without a network: uploads, claims, limits and the cleaner.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use hub_core::{
    crypto::{Digest, hex, sha256},
    names::AgencyId,
    reason::Reason,
};
use jiff::Timestamp;
use tempfile::TempDir;

use super::{
    Attachments, ClaimError, Cleaned, Limits, Opened, Options, Pins, References, Settings, Start,
    Upload, staging::Incoming,
};
use crate::{
    clock::{Clock as _, ManualClock},
    error::{Error, Result},
};

const HOUR_US: i64 = 3_600_000_000;

#[derive(Default)]
struct Named(Mutex<HashSet<Digest>>);

impl References for Named {
    fn is_named(&self, sha256: &Digest) -> Result<bool> {
        Ok(self.0.lock().unwrap().contains(sha256))
    }
}

struct Bench {
    folder: TempDir,
    clock: ManualClock,
    named: Arc<Named>,
    limits: Limits,
    attachments: Arc<Attachments>,
}

impl Bench {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(Timestamp::now());
        let named = Arc::new(Named::default());
        let attachments = open(folder.path(), &clock, &named, limits);
        Self {
            folder,
            clock,
            named,
            limits,
            attachments,
        }
    }

    /// As after a crash: what is in memory is gone.
    fn reopen(&mut self) {
        self.attachments = open(self.folder.path(), &self.clock, &self.named, self.limits);
    }

    fn content(&self, digest: &Digest) -> PathBuf {
        let digits = hex(digest);
        let folder = self.folder.path().join("attachments/sha256");
        folder.join(&digits[..2]).join(digits)
    }

    fn staged(&self, agency: &str) -> Vec<String> {
        let folder = self.folder.path().join("uploads").join(agency);
        let Ok(entries) = fs::read_dir(folder) else {
            return vec![];
        };
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect()
    }

    async fn begin(&self, agency: &str, start: Start) -> Result<Incoming> {
        match self.attachments.begin(&id(agency), start).await? {
            Opened::Awaiting(incoming) => Ok(incoming),
            Opened::Complete(upload) => panic!("complete: {upload:?}"),
        }
    }

    async fn send(&self, agency: &str, content: &[u8]) -> Result<Upload> {
        let start = start(content, 0);
        let mut incoming = self.begin(agency, start).await?;
        incoming.write(Bytes::copy_from_slice(content)).await?;
        self.attachments.finish(incoming, start).await
    }

    async fn claim(&self, agency: &str, content: &[u8]) -> Result<Pins, ClaimError> {
        let wanted = [(sha256(&[content]), content.len() as u64)];
        let agency = id(agency);
        let claim = self.attachments.claim(&agency, &wanted, |_| Ok(false));
        claim.await
    }

    async fn clean(&self) -> Cleaned {
        self.attachments.clean(self.clock.now()).await.unwrap()
    }
}

fn open(
    folder: &Path,
    clock: &ManualClock,
    named: &Arc<Named>,
    limits: Limits,
) -> Arc<Attachments> {
    Attachments::open(Options {
        settings: Settings::default(),
        data_dir: folder.to_owned(),
        clock: Arc::new(clock.clone()),
        references: Arc::clone(named) as Arc<dyn References>,
        limits,
    })
    .unwrap()
}

fn id(agency: &str) -> AgencyId {
    agency.parse().unwrap()
}

fn start(content: &[u8], offset: u64) -> Start {
    Start {
        sha256: sha256(&[content]),
        size_bytes: content.len() as u64,
        offset,
    }
}

fn fields(error: &Error) -> Vec<&str> {
    let violations = error.violations.iter();
    violations.map(|violation| &*violation.field).collect()
}

fn refused(outcome: Result<Pins, ClaimError>) -> Error {
    outcome
        .unwrap_err()
        .into_error(|number| format!("a[{number}]"))
}

#[tokio::test]
async fn an_upload_comes_in_is_verified_and_outlives_a_restart() {
    let mut bench = Bench::new();
    let upload = bench.send("tax", b"report").await.unwrap();
    let complete = Upload {
        size_bytes: 6,
        received_bytes: 6,
        is_complete: true,
    };
    assert_eq!(upload, complete);
    let digest = sha256(&[b"report"]);
    assert_eq!(fs::read(bench.content(&digest)).unwrap(), b"report");
    assert_eq!(bench.staged("tax"), [format!("{}-6.done", hex(&digest))]);
    bench.reopen();
    assert_eq!(
        bench.attachments.upload(&id("tax"), &digest),
        Some(complete)
    );
    let again = bench
        .attachments
        .begin(&id("tax"), start(b"report", 6))
        .await;
    assert!(matches!(again, Ok(Opened::Complete(upload)) if upload == complete));
    let read = bench
        .attachments
        .read(&digest, 2, 6)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&*read, b"port");
    drop(bench.claim("tax", b"report").await.unwrap());
}

#[tokio::test]
async fn uploads_leave_the_ledger_its_room() {
    let mut bench = Bench::new();
    let whole = vec![7; 3 * 1024];
    let mut incoming = bench.begin("tax", start(&whole, 0)).await.unwrap();
    let first = Bytes::copy_from_slice(&whole[..1024]);
    incoming.write(first).await.unwrap();
    drop(incoming);
    // No disk has so much room.
    bench.limits.free_bytes_min = u64::MAX / 2;
    bench.reopen();
    for offset in [0, 1024] {
        let error = bench.begin("tax", start(&whole, offset)).await.unwrap_err();
        assert_eq!(error.reason, Reason::StorageFull);
        assert!(error.retry_after.is_some());
    }
    bench.limits.free_bytes_min = 0;
    bench.reopen();
    assert!(bench.send("tax", &whole).await.is_ok());
}

#[tokio::test]
async fn what_a_crash_left_beside_an_upload_goes_at_the_next_start() {
    let mut bench = Bench::new();
    bench.send("tax", b"report").await.unwrap();
    let digits = hex(&sha256(&[b"report"]));
    let folder = bench.folder.path().join("uploads/tax");
    fs::write(folder.join(format!("{digits}-6.part")), b"rep").unwrap();
    fs::write(folder.join(format!("{digits}-9.part")), b"repo").unwrap();
    bench.reopen();
    assert_eq!(bench.staged("tax"), [format!("{digits}-6.done")]);
    drop(bench.claim("tax", b"report").await.unwrap());
}

#[tokio::test]
async fn an_upload_goes_on_where_it_broke_off_also_after_a_restart() {
    let mut bench = Bench::new();
    let whole = b"0123456789";
    let mut incoming = bench.begin("tax", start(whole, 0)).await.unwrap();
    incoming.write(Bytes::from_static(b"0123")).await.unwrap();
    drop(incoming);
    bench.reopen();
    let upload = bench.attachments.upload(&id("tax"), &sha256(&[whole]));
    assert_eq!(upload.unwrap().received_bytes, 4);
    for offset in [3, 5, 10] {
        let error = bench.begin("tax", start(whole, offset)).await.unwrap_err();
        assert_eq!(fields(&error), ["start.offset"]);
        assert!(error.message.contains("must be 0 or 4"), "{error}");
    }
    let mut incoming = bench.begin("tax", start(whole, 4)).await.unwrap();
    incoming.write(Bytes::from_static(b"456789")).await.unwrap();
    let finished = bench.attachments.finish(incoming, start(whole, 4)).await;
    assert!(finished.unwrap().is_complete);
}

#[tokio::test]
async fn an_upload_can_begin_anew() {
    let bench = Bench::new();
    let mut incoming = bench.begin("tax", start(b"right", 0)).await.unwrap();
    incoming.write(Bytes::from_static(b"wro")).await.unwrap();
    drop(incoming);
    assert!(bench.send("tax", b"right").await.unwrap().is_complete);
    // So it can under another size, which the first call had wrong.
    let digest = sha256(&[b"longer"]);
    let wrong = Start {
        sha256: digest,
        size_bytes: 5,
        offset: 0,
    };
    let mut incoming = bench.begin("tax", wrong).await.unwrap();
    incoming.write(Bytes::from_static(b"longe")).await.unwrap();
    drop(incoming);
    let error = bench.begin("tax", start(b"longer", 5)).await.unwrap_err();
    assert_eq!(fields(&error), ["start.size_bytes"]);
    assert!(bench.send("tax", b"longer").await.unwrap().is_complete);
    assert_eq!(
        bench.staged("tax").len(),
        2,
        "the file of five bytes is gone"
    );
}

#[tokio::test]
async fn what_is_not_the_announced_file_is_dropped() {
    let bench = Bench::new();
    let announced = start(b"right", 0);
    let mut incoming = bench.begin("tax", announced).await.unwrap();
    incoming.write(Bytes::from_static(b"wrong")).await.unwrap();
    let error = bench
        .attachments
        .finish(incoming, announced)
        .await
        .unwrap_err();
    assert_eq!(fields(&error), ["start.sha256"]);
    assert_eq!(bench.staged("tax"), [""; 0]);
    assert_eq!(
        bench.attachments.upload(&id("tax"), &announced.sha256),
        None
    );
    assert!(!bench.content(&announced.sha256).exists());
    assert!(bench.claim("tax", b"right").await.is_err());
}

#[tokio::test]
async fn a_stream_is_as_long_as_announced() {
    let bench = Bench::new();
    let announced = start(b"four", 0);
    let mut incoming = bench.begin("tax", announced).await.unwrap();
    incoming.write(Bytes::from_static(b"fou")).await.unwrap();
    let error = incoming.write(Bytes::from_static(b"rs")).await.unwrap_err();
    assert_eq!(fields(&error), ["chunk"]);
    let error = bench
        .attachments
        .finish(incoming, announced)
        .await
        .unwrap_err();
    assert!(error.message.contains("after 3 of 4 bytes"), "{error}");
    let kept = bench.attachments.upload(&id("tax"), &announced.sha256);
    assert_eq!(kept.unwrap().received_bytes, 3, "what came is kept");
}

#[tokio::test]
async fn one_call_at_a_time_writes_to_an_upload() {
    let bench = Bench::new();
    let first = bench.begin("tax", start(b"file", 0)).await.unwrap();
    let error = bench.begin("tax", start(b"file", 0)).await.unwrap_err();
    assert_eq!(error.reason, Reason::Conflict);
    let other = bench.begin("health", start(b"file", 0)).await;
    assert!(other.is_ok(), "another agency's upload is another");
    drop(first);
    assert!(bench.begin("tax", start(b"file", 0)).await.is_ok());
}

#[tokio::test]
async fn another_agency_learns_nothing_of_a_content_that_is_there() {
    let bench = Bench::new();
    bench.send("tax", b"known").await.unwrap();
    let health = id("health");
    for content in [b"known".as_slice(), b"unknown"] {
        let digest = sha256(&[content]);
        let size = content.len() as u64;
        assert_eq!(bench.attachments.upload(&health, &digest), None);
        let error = bench
            .begin("health", start(content, size))
            .await
            .unwrap_err();
        assert_eq!(
            error.message,
            "start.offset: must be 0: nothing of this file has been received"
        );
        let error = refused(bench.claim("health", content).await);
        assert_eq!(
            error.message,
            "a[0].sha256: must be a file that this agency has uploaded whole; upload it first"
        );
        let wrong_size = [(digest, size + 1)];
        let claim = bench.attachments.claim(&health, &wrong_size, |_| Ok(false));
        assert_eq!(fields(&refused(claim.await)), ["a[0].sha256"]);
        assert!(bench.send("health", content).await.unwrap().is_complete);
    }
    assert_eq!(bench.staged("health").len(), 2);
}

#[tokio::test]
async fn a_content_is_stored_once_and_a_damaged_one_is_mended() {
    let bench = Bench::new();
    bench.send("tax", b"same").await.unwrap();
    let path = bench.content(&sha256(&[b"same"]));
    fs::write(&path, b"rot!").unwrap();
    bench.send("health", b"same").await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"same");
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_claim_names_every_content_at_fault() {
    let bench = Bench::new();
    bench.send("tax", b"one").await.unwrap();
    bench.send("health", b"attached").await.unwrap();
    let mut incoming = bench.begin("tax", start(b"half", 0)).await.unwrap();
    incoming.write(Bytes::from_static(b"ha")).await.unwrap();
    let attached = sha256(&[b"attached"]);
    let wanted = [
        (sha256(&[b"one"]), 3),
        (sha256(&[b"half"]), 4),
        (sha256(&[b"one"]), 4),
        (attached, 8),
        (attached, 9),
    ];
    let has_attached = |digest: &Digest| Ok(*digest == attached);
    let tax = id("tax");
    let claim = bench.attachments.claim(&tax, &wanted, has_attached);
    let error = refused(claim.await);
    assert_eq!(
        fields(&error),
        ["a[1].sha256", "a[2].size_bytes", "a[4].size_bytes"]
    );
    let wanted = [wanted[0], wanted[3]];
    let claim = bench.attachments.claim(&tax, &wanted, has_attached);
    assert_eq!(claim.await.unwrap().digests().len(), 2);
}

#[tokio::test]
async fn limits_hold_at_the_edge_and_past_it_and_are_given_back() {
    let bench = Bench::with(Limits {
        agency_open_max: 2,
        agency_uploads_max: 3,
        agency_coming_bytes_max: 10,
        agency_complete_bytes_max: 12,
        ..Limits::default()
    });
    let limit = |outcome: Result<Incoming>| {
        let error = outcome.unwrap_err();
        assert_eq!(error.reason, Reason::LimitExceeded, "{error}");
        assert!(error.retry_after.is_some());
        error.message
    };
    // At once.
    let one = bench.begin("tax", start(b"1", 0)).await.unwrap();
    let two = bench.begin("tax", start(b"2", 0)).await.unwrap();
    let message = limit(bench.begin("tax", start(b"3", 0)).await);
    assert!(message.contains("at most 2 files at once"), "{message}");
    bench.begin("health", start(b"3", 0)).await.unwrap();
    drop((one, two));
    // Bytes that are announced.
    let mut coming = bench.begin("tax", start(b"0123456", 0)).await.unwrap();
    coming.write(Bytes::from_static(b"0")).await.unwrap();
    let message = limit(bench.begin("tax", start(b"4444", 0)).await);
    assert!(message.contains("at most 10 bytes"), "{message}");
    drop(bench.begin("tax", start(b"333", 0)).await.unwrap());
    drop(coming);
    // Going on with one does not count it twice.
    let mut coming = bench.begin("tax", start(b"0123456", 1)).await.unwrap();
    coming.write(Bytes::from_static(b"123456")).await.unwrap();
    let finished = bench.attachments.finish(coming, start(b"0123456", 1)).await;
    finished.unwrap();
    // Bytes that wait for a notification.
    let message = limit(bench.begin("tax", start(b"666666", 0)).await);
    assert!(message.contains("at most 12 bytes"), "{message}");
    bench.send("tax", b"55").await.unwrap();
    bench.send("tax", b"6").await.unwrap();
    // Files.
    let message = limit(bench.begin("tax", start(b"7", 0)).await);
    assert!(message.contains("at most 3 files"), "{message}");
    // What a notification names counts no longer.
    let pins = bench.claim("tax", b"0123456").await.unwrap();
    bench.attachments.settle(&id("tax"), pins).await.unwrap();
    assert_eq!(bench.staged("tax").len(), 2);
    bench.send("tax", b"777777").await.unwrap();
}

#[tokio::test]
async fn the_cleaner_takes_what_is_old_unnamed_and_held_by_nobody() {
    let bench = Bench::new();
    for content in [b"orphan".as_slice(), b"named", b"pinned"] {
        bench.send("tax", content).await.unwrap();
    }
    let named = sha256(&[b"named"]);
    bench.named.0.lock().unwrap().insert(named);
    let pins = bench.claim("tax", b"pinned").await.unwrap();
    let mut left = bench.begin("tax", start(b"left", 0)).await.unwrap();
    left.write(Bytes::from_static(b"le")).await.unwrap();
    drop(left);
    let mut open = bench.begin("tax", start(b"open", 0)).await.unwrap();
    open.write(Bytes::from_static(b"op")).await.unwrap();
    bench.clock.advance_us(23 * HOUR_US);
    assert_eq!(bench.clean().await, Cleaned::default(), "nothing is old");
    bench.clock.advance_us(2 * HOUR_US);
    let cleaned = Cleaned {
        uploads: 4,
        contents: 1,
        contents_bytes: 6,
    };
    assert_eq!(bench.clean().await, cleaned);
    assert!(!bench.content(&sha256(&[b"orphan"])).exists());
    assert!(bench.content(&named).exists());
    assert!(bench.content(&sha256(&[b"pinned"])).exists());
    assert_eq!(bench.staged("tax").len(), 1, "one is being written");
    open.write(Bytes::from_static(b"en")).await.unwrap();
    bench
        .attachments
        .finish(open, start(b"open", 0))
        .await
        .unwrap();
    // Held for an hour after the pins are gone: what was submitted may still be waiting.
    drop(pins);
    assert_eq!(bench.clean().await.contents, 0);
    bench.clock.advance_us(HOUR_US);
    assert_eq!(bench.clean().await.contents_bytes, 6 + 4, "pinned, open");
    // The last notification that named it was sealed.
    bench.named.0.lock().unwrap().clear();
    assert_eq!(bench.clean().await.contents, 1);
    assert!(!bench.content(&named).exists());
}

#[tokio::test]
async fn what_an_agency_has_sent_and_not_named_yet_stays_a_day() {
    let bench = Bench::new();
    bench.send("tax", b"file").await.unwrap();
    let path = bench.content(&sha256(&[b"file"]));
    // The content is older than the agency's own upload of it.
    let old = std::time::SystemTime::UNIX_EPOCH;
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(old).unwrap();
    assert_eq!(bench.clean().await, Cleaned::default());
    assert!(path.exists());
    drop(bench.claim("tax", b"file").await.unwrap());
}

#[tokio::test]
async fn what_is_none_of_ours_is_left_alone() {
    let mut bench = Bench::new();
    let stray = bench.folder.path().join("attachments/sha256/zz");
    fs::create_dir_all(&stray).unwrap();
    fs::write(stray.join("notes.txt"), b"x").unwrap();
    let uploads = bench.folder.path().join("uploads/tax");
    fs::create_dir_all(&uploads).unwrap();
    fs::write(uploads.join("notes.txt"), b"x").unwrap();
    bench.reopen();
    bench.clock.advance_us(48 * HOUR_US);
    assert_eq!(bench.clean().await, Cleaned::default());
    assert!(stray.join("notes.txt").exists());
}
