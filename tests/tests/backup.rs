//! A backup taken beside a running hub holds everything that was acknowledged before it began; what
//! is restored from it is that, or a refusal that names file and remedy.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test: a failure here is a failed test"
)]

#[path = "backup/fixture.rs"]
mod fixture;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use agency_client::{Client, error::ClientError};
use fixture::{Fixture, draft, entries_of, files, hub, reader_of, with_data};
use hub::{
    backup::{
        BackupOptions, backup,
        manifest::{BEGUN_FILE, MANIFEST_FILE, Manifest},
        restore::{RestoreOptions, Restored, restore},
    },
    fsck,
    ledger::{self, Erasure, LedgerOptions},
    server,
};
use hub_core::crypto::{hex, sha256};
use hub_proto::common::Receipt;
use hub_tests::{
    Site, TRUST_DOMAIN, World,
    process::{HubProcess, hub_binary},
};

/// Answered publishes before the backup begins.
const ANSWERS_BEFORE: usize = 60;

/// Publishes until told to stop; what was answered is in `answered`.
async fn publish(
    client: Client,
    answered: Arc<Mutex<Vec<(String, Receipt)>>>,
    stop: Arc<AtomicBool>,
) {
    let mut number = 0;
    while !stop.load(Ordering::SeqCst) {
        number += 1;
        let channels = client.channels();
        let published = channels.publish(draft(&format!("第{number}号"))).await;
        let response = published.unwrap().response;
        let name = response.notification.unwrap().name;
        answered
            .lock()
            .unwrap()
            .push((name, response.receipt.unwrap()));
    }
}

fn clerk(site: &Site, endpoint: &str, agency: &str) -> Client {
    Client::builder(&site.profile(agency))
        .endpoint(endpoint)
        .officer(format!("{agency}-clerk-1"))
        .roles(["clerk"])
        .build()
        .unwrap()
}

async fn wait_for(answered: &Mutex<Vec<(String, Receipt)>>, count: usize) {
    while answered.lock().unwrap().len() < count {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_restores_everything_acknowledged_before_it_began() {
    let site = Site::new();
    let running = HubProcess::start(&site.config_file());
    let endpoint = running.endpoint();
    let answered = Arc::new(Mutex::new(vec![]));
    let stop = Arc::new(AtomicBool::new(false));
    let publishers: Vec<_> = ["tax", "market-regulation", "health"]
        .map(|agency| {
            let client = clerk(&site, &endpoint, agency);
            tokio::spawn(publish(client, Arc::clone(&answered), Arc::clone(&stop)))
        })
        .into();
    let to = site.path().join("backup");
    let config_file = site.config_file();
    let mut before = vec![];
    // The second run finds the first one's backup and brings it up to date.
    for round in 1..=2 {
        wait_for(&answered, before.len() + ANSWERS_BEFORE).await;
        before.clone_from(&answered.lock().unwrap());
        let (config_file, to) = (config_file.clone(), to.clone());
        let output = tokio::task::spawn_blocking(move || {
            let config = config_file.to_str().unwrap();
            hub(&[
                "backup",
                "--config",
                config,
                "--to",
                to.to_str().unwrap(),
                "--verify",
                "--json",
            ])
        });
        let output = output.await.unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "round {round}: {text}");
        let done: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(done["entries"].as_u64().unwrap() > before.len() as u64);
    }
    wait_for(&answered, before.len() + ANSWERS_BEFORE).await;
    stop.store(true, Ordering::SeqCst);
    for publisher in publishers {
        publisher.await.unwrap();
    }
    assert!(running.stop(), "the hub went on and stopped in order");

    let (config, file) = with_data(&site, &site.path().join("restored"));
    let output = hub(&[
        "restore",
        "--config",
        file.to_str().unwrap(),
        "--from",
        to.to_str().unwrap(),
    ]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(text.contains("THE LEDGER WENT BACK"), "says so: {text}");
    assert!(fsck::fsck(&config, &mut |_| {}).unwrap().is_clean());

    let running = HubProcess::start(&file);
    let reader = clerk(&site, &running.endpoint(), "tax");
    for (name, receipt) in &before {
        let got = reader.channels().notification(name).await;
        let got = got.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(
            got.receipt.as_ref(),
            Some(receipt),
            "{name}: the same header bytes"
        );
    }
    assert!(running.stop());
    assert!(fsck::fsck(&config, &mut |_| {}).unwrap().is_clean());
}

fn restore_to(
    fixture: &Fixture,
    from: &Path,
    name: &str,
    to_index: Option<u64>,
) -> anyhow::Result<Restored> {
    let (config, _) = fixture.with_data(&fixture.folder(name));
    let options = RestoreOptions {
        from: from.to_owned(),
        to_index,
    };
    restore(&config, &options, &mut |_| {})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_to_an_index_holds_just_the_entries_before_it() {
    let fixture = Fixture::new(40).await;
    let from = fixture.folder("backup");
    let made = fixture.backup(&from).unwrap();
    let count = fixture.entries.len() as u64;
    assert_eq!(made.entries, count);
    assert!(made.segments > 5, "{made:?}");
    let manifest = Manifest::read(&from).unwrap().unwrap();
    // The edges of a segment, the places around them, and all sorts within commits.
    let edge = manifest.segments[3].first;
    let places = [
        1,
        2,
        5,
        6,
        7,
        13,
        edge - 1,
        edge,
        edge + 1,
        count - 1,
        count,
    ];
    let mut anew = 0;
    for entries in places {
        let name = format!("to-{entries}");
        let done = restore_to(&fixture, &from, &name, Some(entries)).unwrap();
        assert_eq!(done.entries, entries);
        assert_eq!(done.entries_left_out, count - entries);
        anew += u32::from(done.signed_anew);
        let (config, _) = fixture.with_data(&fixture.folder(&name));
        let report = fsck::fsck(&config, &mut |_| {}).unwrap();
        assert!(report.is_clean(), "{entries}: {report:?}");
        assert_eq!(report.newest.unwrap().root, done.root);
        let kept = usize::try_from(entries).unwrap();
        assert_eq!(entries_of(&config), fixture.entries[..kept], "{entries}");
        let root = reader_of(&fixture.site.config()).root(entries).unwrap();
        assert_eq!(
            done.root,
            hex(&root),
            "the tree that the whole ledger went through"
        );
    }
    assert!(
        (3..11).contains(&anew),
        "cuts at and within commits: {anew}"
    );
    for entries in [0, count + 1] {
        let error = restore_to(&fixture, &from, "none", Some(entries)).unwrap_err();
        assert!(error.to_string().contains("--to-index"), "{error:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn members_notice_a_ledger_that_went_back() {
    let fixture = Fixture::new(10).await;
    let from = fixture.folder("backup");
    fixture.backup(&from).unwrap();
    let running = HubProcess::start(&fixture.site.config_file());
    let tax = clerk(&fixture.site, &running.endpoint(), "tax");
    tax.channels().publish(draft("其后")).await.unwrap();
    let later = tax.ledger().checkpoint().await.unwrap();
    assert!(running.stop());
    drop(tax);

    restore_to(&fixture, &from, "restored", None).unwrap();
    let (_, file) = fixture.with_data(&fixture.folder("restored"));
    let running = HubProcess::start(&file);
    let tax = clerk(&fixture.site, &running.endpoint(), "tax");
    let error = tax.ledger().checkpoint().await.unwrap_err();
    assert!(
        matches!(error, ClientError::HistoryRewritten { .. }),
        "{error} after {later:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_backup_is_refused_with_file_and_remedy() {
    let fixture = Fixture::new(12).await;
    let from = fixture.folder("backup");
    fixture.backup(&from).unwrap();
    let manifest = Manifest::read(&from).unwrap().unwrap();
    let mut names: Vec<_> = manifest
        .segments
        .iter()
        .map(|one| one.file.clone())
        .collect();
    assert!(names.len() > 2);
    names.push(MANIFEST_FILE.to_owned());
    let mut tried = 0;
    for name in &names {
        let path = from.join(name);
        let whole = fs::read(&path).unwrap();
        let mut flipped = whole.clone();
        flipped[whole.len() / 2] ^= 1;
        if name == MANIFEST_FILE {
            // A digit of a date: nothing else depends on it.
            let text = String::from_utf8(whole.clone()).unwrap();
            let at = text.find("created_at").unwrap() + "created_at\": \"2026-0".len();
            flipped.clone_from(&whole);
            flipped[at] ^= 1;
        }
        let cut = whole[..whole.len() - 1].to_vec();
        for (harm, bytes) in [
            ("flipped", Some(flipped)),
            ("cut", Some(cut)),
            ("missing", None),
        ] {
            let what = format!("{name} {harm}");
            match bytes {
                // The last byte of the manifest is a line end, which nothing depends on.
                Some(_) if what == format!("{MANIFEST_FILE} cut") => continue,
                Some(bytes) => fs::write(&path, bytes).unwrap(),
                None => fs::remove_file(&path).unwrap(),
            }
            let error = restore_to(&fixture, &from, "refused", None);
            let text = format!("{:#}", error.expect_err(&what));
            let file = Path::new(name).file_name().unwrap().to_str().unwrap();
            assert!(text.contains(file), "{what}: names the file: {text}");
            let is_manifest = name == MANIFEST_FILE;
            assert!(
                text.contains("Restore another backup")
                    || (is_manifest && text.contains("missing")),
                "{what}: says what to do: {text}"
            );
            let data = fixture.folder("refused");
            assert!(!data.join("ledger").exists(), "{what}: nothing is in place");
            fs::write(&path, &whole).unwrap();
            tried += 1;
        }
    }
    assert_eq!(tried, names.len() * 3 - 1);
    // What the refused runs left is no obstacle.
    restore_to(&fixture, &from, "refused", None).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_writes_only_what_is_new_and_mends_what_is_damaged() {
    let fixture = Fixture::new(40).await;
    let to = fixture.folder("backup");
    let half = fixture.entries.len() / 2;
    let data = fixture.site.data_dir();
    fs::remove_dir_all(&data).unwrap();
    fixture.write(&data, half);
    let first = fixture.backup(&to).unwrap();
    assert_eq!(first.segments_written, first.segments);
    let again = fixture.backup(&to).unwrap();
    assert_eq!(again.segments_written, 0);

    fs::remove_dir_all(&data).unwrap();
    fixture.write(&data, fixture.entries.len());
    let second = fixture.backup(&to).unwrap();
    assert!(second.segments > first.segments);
    // The one that was the last has grown or ended; all before it stand.
    let fresh = second.segments - first.segments;
    assert!(second.segments_written <= fresh + 1, "{first:?} {second:?}");

    let rotten = to.join("ledger").join("segment-00000000000000000000.log");
    let mut bytes = fs::read(&rotten).unwrap();
    bytes[100] ^= 1;
    fs::write(&rotten, bytes).unwrap();
    assert_eq!(fixture.backup(&to).unwrap().segments_written, 1);
    restore_to(&fixture, &to, "restored", None).unwrap();
    let (config, _) = fixture.with_data(&fixture.folder("restored"));
    assert_eq!(entries_of(&config), fixture.entries);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_run_erases_from_the_backup_what_retention_erased_from_the_hub() {
    let fixture = Fixture::new(20).await;
    let to = fixture.folder("backup");
    let first = fixture.backup(&to).unwrap();
    let index = first.entries / 2;
    let content = &fixture.entries[usize::try_from(index).unwrap()].content;
    let holders = |dir: &Path| {
        let is_held = |path: &PathBuf| {
            let bytes = fs::read(dir.join(path)).unwrap();
            bytes.windows(content.len()).any(|window| window == content)
        };
        files(dir).into_iter().filter(is_held).collect::<Vec<_>>()
    };
    let data = fixture.site.data_dir();
    let held = holders(&to);
    assert_eq!(held.len(), 1, "in one segment: {held:?}");
    assert_eq!(holders(&data), held);

    let key = Arc::new(server::ledger_key(&fixture.site.config()).unwrap());
    let options = LedgerOptions::new(&data, TRUST_DOMAIN, key);
    let (writer, _, _) = ledger::open(options, first.entries).unwrap();
    let residue = b"what stays".to_vec().into();
    let erased = writer.sealer().seal(&[Erasure { index, residue }]).unwrap();
    assert_eq!(erased.sealed, 1);
    writer.close().unwrap();
    assert!(holders(&data).is_empty());

    // The residue is none that a hub would leave, which only `fsck` of the entries would mind.
    let options = BackupOptions {
        to: to.clone(),
        verify: false,
        prune: false,
    };
    let second = backup(&fixture.site.config(), &options, &mut |_| {}).unwrap();
    assert_eq!(second.segments_written, 1);
    assert_eq!(second.root, first.root, "the tree is as it was");
    assert!(holders(&to).is_empty(), "erased from the backup too");
    for path in files(&to.join("ledger")) {
        let there = fs::read(to.join("ledger").join(&path)).unwrap();
        assert_eq!(
            there,
            fs::read(data.join("ledger").join(&path)).unwrap(),
            "{path:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_killed_in_the_middle_is_recognised_and_gone_on_with() {
    let fixture = Fixture::new(250).await;
    let to = fixture.folder("backup");
    let config = fixture.site.config_file();
    let segments = fs::read_dir(fixture.site.data_dir().join("ledger")).unwrap();
    let segments = segments
        .filter(|entry| {
            entry
                .as_ref()
                .unwrap()
                .path()
                .extension()
                .is_some_and(|e| e == "log")
        })
        .count();
    assert!(segments > 30, "{segments}");
    let mut child = Command::new(hub_binary())
        .args(["backup", "--config", config.to_str().unwrap()])
        .args(["--to", to.to_str().unwrap()])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let third = to.join("ledger");
    while !third.is_dir() || fs::read_dir(&third).unwrap().count() < 6 {
        assert!(
            child.try_wait().unwrap().is_none(),
            "it was too quick to be killed"
        );
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(to.join(BEGUN_FILE).exists());
    assert!(!to.join(MANIFEST_FILE).exists());
    let error = restore_to(&fixture, &to, "restored", None).unwrap_err();
    let text = format!("{error:#}");
    assert!(text.contains("has not finished"), "{text}");

    let done = fixture.backup(&to).unwrap();
    assert!(
        done.segments_written < done.segments,
        "what was there was not copied again"
    );
    assert!(!to.join(BEGUN_FILE).exists());
    let left = files(&to);
    assert!(
        left.iter()
            .all(|path| path.extension().is_none_or(|e| e != "tmp")),
        "{left:?}"
    );
    restore_to(&fixture, &to, "restored", None).unwrap();
    let (config, _) = fixture.with_data(&fixture.folder("restored"));
    assert_eq!(entries_of(&config), fixture.entries);
}

fn put_attachment(data: &Path, contents: &[u8]) -> String {
    let name = hex(&sha256(&[contents]));
    let shard = data.join("attachments/sha256").join(&name[..2]);
    fs::create_dir_all(&shard).unwrap();
    fs::write(shard.join(&name), contents).unwrap();
    name
}

#[tokio::test(flavor = "multi_thread")]
async fn attachments_are_copied_once_checked_and_restored() {
    let fixture = Fixture::new(3).await;
    let data = fixture.site.data_dir();
    let to = fixture.folder("backup");
    let one = put_attachment(&data, b"annex one");
    let two = put_attachment(&data, b"annex two");
    fs::create_dir_all(data.join("uploads")).unwrap();
    fs::write(data.join("uploads/half"), b"under way").unwrap();
    let done = fixture.backup(&to).unwrap();
    assert_eq!((done.attachments, done.attachments_written), (2, 2));
    assert!(!to.join("uploads").exists());

    let three = put_attachment(&data, b"annex three");
    let rotten = put_attachment(&data, b"annex four");
    let path_of =
        |dir: &Path, name: &str| dir.join("attachments/sha256").join(&name[..2]).join(name);
    fs::write(path_of(&data, &rotten), b"annex 4our").unwrap();
    fs::remove_file(path_of(&data, &one)).unwrap();
    let done = fixture.backup(&to).unwrap();
    assert_eq!((done.attachments, done.attachments_written), (2, 1));
    assert_eq!(done.attachments_damaged, [rotten]);
    assert!(path_of(&to, &one).exists(), "kept until it is to be pruned");
    let options = BackupOptions {
        to: to.clone(),
        verify: true,
        prune: true,
    };
    let done = backup(&fixture.site.config(), &options, &mut |_| {}).unwrap();
    assert_eq!(done.attachments_removed, 1);
    assert!(!path_of(&to, &one).exists());

    restore_to(&fixture, &to, "restored", None).unwrap();
    let restored = fixture.folder("restored");
    assert_eq!(fs::read(path_of(&restored, &two)).unwrap(), b"annex two");
    assert_eq!(
        fs::read(path_of(&restored, &three)).unwrap(),
        b"annex three"
    );

    fs::write(path_of(&to, &two), b"annex 2wo").unwrap();
    let error = restore_to(&fixture, &to, "refused", None).unwrap_err();
    assert!(format!("{error:#}").contains(&two), "{error:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_belong_together_is_refused() {
    let fixture = Fixture::new(8).await;
    let other = Fixture::new(8).await;
    let to = fixture.folder("backup");
    fixture.backup(&to).unwrap();

    // Another ledger's key, and then another history under the same key.
    let error = restore_to(&other, &to, "restored", None).unwrap_err();
    assert!(format!("{error:#}").contains("ledger.key"), "{error:#}");
    let error = other.backup(&to).unwrap_err();
    assert!(format!("{error:#}").contains("ledger.key"), "{error:#}");
    let data = fixture.site.data_dir();
    fs::remove_dir_all(&data).unwrap();
    let shorter = fixture.entries.len() - 1;
    fixture.write(&data, shorter);
    let error = fixture.backup(&to).unwrap_err();
    assert!(
        format!("{error:#}").contains("not the beginning of this ledger"),
        "{error:#}"
    );
    restore_to(&fixture, &to, "still-good", None).unwrap();

    // A data folder that holds something.
    let error = restore_to(&fixture, &to, "still-good", None).unwrap_err();
    assert!(format!("{error:#}").contains("is not empty"), "{error:#}");

    // A backup of a newer form, and one without.
    let path = to.join(MANIFEST_FILE);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("\"format\": 1", "\"format\": 2", 1)).unwrap();
    let error = restore_to(&fixture, &to, "newer", None).unwrap_err();
    assert!(
        format!("{error:#}").contains("backup format 2"),
        "{error:#}"
    );
    let error = restore_to(&fixture, &fixture.folder("nowhere"), "none", None).unwrap_err();
    assert!(format!("{error:#}").contains("is no backup"), "{error:#}");

    // Into the data folder itself.
    let error = fixture.backup(&data.join("backup")).unwrap_err();
    assert!(
        format!("{error:#}").contains("lies in the data folder"),
        "{error:#}"
    );
}

/// Publishes, and answers the entry.
async fn published(world: &World, title: &str) -> u64 {
    let channels = world.clerk("tax").channels();
    let response = channels.publish(draft(title)).await.unwrap().response;
    response.receipt.unwrap().entry_index
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_beside_retention_has_the_order_of_every_erasure_in_it() {
    let world = World::start().await;
    let mut entries = vec![];
    for title in ["一", "二", "三"] {
        entries.push(published(&world, title).await);
    }
    let engine = Arc::clone(world.hub().engine());
    let seal = async |entry: u64| {
        let now = jiff::Timestamp::now();
        let report = engine.seal(vec![entry], "test", now).await.unwrap();
        assert_eq!(report.sealed, 1);
        engine.store().head()
    };
    // The first segment is complete from here on.
    seal(entries[0]).await;
    entries.push(published(&world, "四").await);
    entries.push(published(&world, "五").await);
    let folders = tempfile::TempDir::new().unwrap();
    let to = folders.path().join("backup");
    let options = BackupOptions {
        to: to.clone(),
        verify: true,
        prune: false,
    };
    // Once the first segment has been copied, the second one ends; an order in the third one then
    // erases from the second, which is still to be copied.
    let mut acted = false;
    let mut during = |_: String| {
        if !std::mem::replace(&mut acted, true) {
            let runtime = tokio::runtime::Handle::current();
            tokio::task::block_in_place(|| {
                runtime.block_on(async {
                    seal(entries[3]).await;
                    seal(entries[4]).await;
                });
            });
        }
    };
    let done = backup(&world.site.config(), &options, &mut during).unwrap();
    assert_eq!(done.entries, engine.store().head());

    // A ledger cannot end between an erasure and its order.
    let restore_at = |name: &str, to_index: u64| {
        let (config, _) = with_data(&world.site, &folders.path().join(name));
        let options = RestoreOptions {
            from: to.clone(),
            to_index: Some(to_index),
        };
        restore(&config, &options, &mut |_| {})
    };
    let head = done.entries;
    let error = restore_at("short", head - 1).unwrap_err().to_string();
    let order = format!("erased by the order in entry {}", head - 1);
    assert!(error.contains(&order), "{error}");
    assert!(
        error.contains(&format!("restore at least {head} entries")),
        "{error}"
    );
    assert!(!folders.path().join("short/ledger").exists());
    assert_eq!(restore_at("whole", head).unwrap().entries, head);
}
