//! Every file of a data folder is cut, flipped and deleted. The hub then starts with everything that
//! was acknowledged, or refuses and names the file and what to do; it never starts with other data.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test: a failure here is a failed test, and its seed is printed"
)]

#[path = "damage/fixture.rs"]
mod fixture;

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use fixture::{Fixture, copy, files, notice};
use hub::{
    fsck::{self, Report, Severity},
    ledger::{EncodedEntry, SEGMENT_BYTES_DEFAULT},
    rebuild,
    search::SEARCH_FILE,
    server,
};
use hub_core::crypto::sha256;
use hub_proto::ledger::{EntryContent, EntryHeader};
use prost::Message as _;

/// What is done to a file.
#[derive(Clone, Copy)]
enum Harm {
    Cut(u64),
    Flip(u64),
    Delete,
}

impl fmt::Display for Harm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut(length) => write!(f, "cut to {length} bytes"),
            Self::Flip(bit) => write!(f, "bit {} of byte {} flipped", bit % 8, bit / 8),
            Self::Delete => write!(f, "deleted"),
        }
    }
}

impl Harm {
    /// What is tried on a file of a length; `random` are further bits.
    fn all(length: u64, random: [u64; 3]) -> Vec<Self> {
        let mut all = vec![Self::Delete];
        if length == 0 {
            return all;
        }
        all.extend([Self::Cut(0), Self::Cut(length - 1)]);
        if length > 2 {
            all.push(Self::Cut(length / 2));
        }
        let bits = length * 8;
        let places = [0, bits / 2, bits - 1].into_iter();
        all.extend(places.chain(random.map(|r| r % bits)).map(Self::Flip));
        all
    }

    fn apply(self, file: &Path) {
        match self {
            Self::Delete => fs::remove_file(file).unwrap(),
            Self::Cut(length) => {
                let file = fs::OpenOptions::new().write(true).open(file).unwrap();
                file.set_len(length).unwrap();
            }
            Self::Flip(bit) => {
                let mut bytes = fs::read(file).unwrap();
                bytes[usize::try_from(bit / 8).unwrap()] ^= 1 << (bit % 8);
                fs::write(file, bytes).unwrap();
            }
        }
    }
}

/// What must come of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// The hub starts with everything, and the folder is clean afterwards.
    Repairs,
    /// The hub refuses and changes nothing on the ledger.
    Refuses,
    /// The hub starts with everything. Hashes of older entries are read only for proofs, which are
    /// checked before they are answered, so a wrong one may stay until `hub fsck` names it.
    Serves,
    /// The hub refuses; or, where what it read at the start was none of it, starts and answers nothing
    /// that is damaged, and `hub fsck` names file and place. Older segments are not read whole at every
    /// start.
    Noticed,
}

fn expected(file: &Path, harm: Harm, folder: &Path) -> Expected {
    let name = file.file_name().unwrap().to_str().unwrap();
    let segments = files(&folder.join("ledger"));
    let is_segment = |file: &&PathBuf| file.extension().is_some_and(|end| end == "log");
    let newest = segments.iter().rfind(is_segment).unwrap();
    let is_one_segment = segments.iter().filter(is_segment).count() == 1;
    match name {
        _ if file.starts_with("state") => Expected::Repairs,
        "lock" => Expected::Repairs,
        // What search finds in a damaged index is tested beside it; nothing else is read from it.
        _ if name.starts_with(SEARCH_FILE) => Expected::Repairs,
        "checkpoint" if matches!(harm, Harm::Delete) => Expected::Repairs,
        "checkpoint" => Expected::Refuses,
        "tree.hashes" if is_one_segment => Expected::Repairs,
        "tree.hashes" => Expected::Serves,
        _ if name.ends_with(".idx") => Expected::Repairs,
        _ if is_segment(&&file.to_owned())
            && matches!(harm, Harm::Flip(_))
            && !file.ends_with(newest) =>
        {
            Expected::Noticed
        }
        _ if is_segment(&&file.to_owned()) => Expected::Refuses,
        _ => panic!("{name} is no file that this test knows"),
    }
}

fn check(fixture: &Fixture) -> Report {
    fsck::fsck(&fixture.site.config(), &mut |_| {}).unwrap()
}

fn random(seed: u64, number: usize) -> [u64; 3] {
    [0_u8, 1, 2].map(|which| {
        let digest = sha256(&[&seed.to_be_bytes(), &number.to_be_bytes(), &[which]]);
        u64::from_be_bytes(digest[..8].try_into().unwrap())
    })
}

/// Harms every file of a folder in every way.
async fn harm_all(fixture: &Fixture, folder: &Path) {
    let seed = hub_tests::seed();
    println!("HUB_TEST_SEED={seed}");
    let (mut number, mut set_aside) = (0, 0);
    for file in files(folder) {
        let length = fs::metadata(folder.join(&file)).unwrap().len();
        for harm in Harm::all(length, random(seed, number)) {
            number += 1;
            fixture.reset_from(folder);
            harm.apply(&fixture.site.data_dir().join(&file));
            let what = format!("HUB_TEST_SEED={seed}: {} {harm}", file.display());
            outcome(fixture, &file, expected(&file, harm, folder), &what).await;
            set_aside += u32::from(fixture.site.data_dir().join("state.damaged").exists());
        }
    }
    println!("{number} cases; the state index was set aside and made anew in {set_aside}");
    assert!(number > 40, "only {number} cases");
    assert!(set_aside > 0, "no damage to the state index was noticed");
}

async fn outcome(fixture: &Fixture, file: &Path, expected: Expected, what: &str) {
    let before = ledger_bytes(fixture);
    match server::start(&fixture.site.config()).await {
        Ok(running) => {
            assert_ne!(expected, Expected::Refuses, "{what}: the hub started");
            match fixture.known(&running).await {
                Ok(known) => assert!(known == fixture.known, "{what}: other data"),
                // A proof that the wrong hash would spoil is refused, never answered; so is an entry
                // that is read and is damaged.
                Err(error) => {
                    let may_fail = matches!(expected, Expected::Serves | Expected::Noticed);
                    assert!(may_fail, "{what}: {error:#}");
                }
            }
            running.stop().await.unwrap();
            let report = check(fixture);
            match expected {
                Expected::Serves if !report.is_clean() => {
                    remedy_tree(fixture, &report, what).await;
                }
                Expected::Noticed => assert_found(&report, file, what),
                _ => assert!(report.is_clean(), "{what}: {:#?}", report.findings),
            }
        }
        Err(error) => {
            let text = format!("{error:#}");
            let may_refuse = matches!(expected, Expected::Refuses | Expected::Noticed);
            assert!(may_refuse, "{what}: {expected:?}, but refused: {text}");
            assert_names(&text, file, what);
            assert!(
                ledger_bytes(fixture) == before,
                "{what}: files were changed"
            );
            assert_found(&check(fixture), file, what);
        }
    }
}

/// `hub fsck` finds errors and names the file.
fn assert_found(report: &Report, file: &Path, what: &str) {
    let is_named = |finding: &fsck::Finding| {
        finding.file.ends_with(file)
            || (what.ends_with("deleted") && finding.file.starts_with(&report.folder))
    };
    assert!(
        report.errors_total > 0 && report.findings.iter().any(is_named),
        "{what}: {:#?}",
        report.findings
    );
}

/// What an operator reads: the file, the place where there is one, and what to do.
fn assert_names(text: &str, file: &Path, what: &str) {
    // Of a file that is gone, another one tells.
    let name = if what.ends_with("deleted") {
        "/ledger/"
    } else {
        file.to_str().unwrap()
    };
    assert!(text.contains(name), "{what}: names no file: {text}");
    assert!(text.contains(", byte "), "{what}: names no place: {text}");
    let remedies = [
        "Restore the data folder from a backup",
        "move this file away",
        "Check the ledger's origin",
    ];
    assert!(
        remedies.iter().any(|remedy| text.contains(remedy)),
        "{what}: names no remedy: {text}"
    );
}

/// Does what the findings about `tree.hashes` say, and looks whether it helped.
async fn remedy_tree(fixture: &Fixture, report: &Report, what: &str) {
    let file = fixture.site.data_dir().join("ledger/tree.hashes");
    for finding in &report.findings {
        assert_eq!(finding.file, file, "{what}");
        assert!(finding.remedy.contains("delete this file"), "{what}");
    }
    fs::remove_file(&file).unwrap();
    let running = server::start(&fixture.site.config()).await.unwrap();
    let known = fixture.known(&running).await.unwrap();
    assert!(known.continues(&fixture.known), "{what}: other data");
    running.stop().await.unwrap();
    assert!(check(fixture).is_clean(), "{what}");
}

fn ledger_bytes(fixture: &Fixture) -> Vec<(PathBuf, Vec<u8>)> {
    let dir = fixture.site.data_dir().join("ledger");
    let read = |file: PathBuf| {
        let bytes = fs::read(dir.join(&file)).unwrap();
        (file, bytes)
    };
    files(&dir).into_iter().map(read).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_to_any_file_is_repaired_or_refused() {
    let fixture = Fixture::new().await;
    fixture.known.assert_not_trivial();
    let report = check(&fixture);
    assert!(report.is_clean(), "{:#?}", report.findings);
    assert_eq!(
        report.entries,
        u64::try_from(fixture.known.entries.len()).unwrap()
    );
    assert_eq!(
        report.author_signatures + report.hub_signatures,
        report.entries
    );
    assert!(report.author_signatures > 5 && report.rows_compared > 20);
    harm_all(&fixture, fixture.pristine.path()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_to_any_of_many_segments_is_repaired_or_refused() {
    let fixture = Fixture::new().await;
    let many = fixture.ledger_of(&fixture.encoded(), 8 * 1024);
    fixture.reset_from(many.path());
    let report = check(&fixture);
    assert!(report.is_sound(), "{:#?}", report.findings);
    assert!(report.segments >= 4, "{} segments", report.segments);
    // The state index is made by the first start.
    let running = server::start(&fixture.site.config()).await.unwrap();
    running.stop().await.unwrap();
    copy(&fixture.site.data_dir(), many.path());
    harm_all(&fixture, many.path()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tail_of_a_commit_that_was_never_acknowledged_is_cut() {
    let fixture = Fixture::new().await;
    let segment = "ledger/segment-00000000000000000000.log";
    let old = fs::read(fixture.pristine.path().join(segment)).unwrap();
    fixture.reset();
    let running = server::start(&fixture.site.config()).await.unwrap();
    let tax = agency_client::Client::builder(&fixture.site.profile("tax"))
        .endpoint(format!("https://{}", running.address()))
        .officer("tax-clerk-1")
        .roles(["clerk"])
        .build()
        .unwrap();
    let draft = notice("joint-enforcement", "未确认");
    tax.channels().publish(draft).await.unwrap();
    running.stop().await.unwrap();
    let new = fs::read(fixture.site.data_dir().join(segment)).unwrap();
    assert_eq!(new[..old.len()], old, "the ledger only grows");
    for kept in [1, 7, (new.len() - old.len()) / 2, new.len() - old.len() - 1] {
        fixture.reset();
        let bytes = &new[..old.len() + kept];
        fs::write(fixture.site.data_dir().join(segment), bytes).unwrap();
        let report = check(&fixture);
        assert!(
            report.is_sound() && !report.is_clean(),
            "{kept}: {:#?}",
            report.findings
        );
        outcome(
            &fixture,
            Path::new(segment),
            Expected::Repairs,
            &format!("{kept} bytes more"),
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_derived_can_be_lost_at_once_and_rebuilt() {
    let fixture = Fixture::new().await;
    fixture.reset();
    let data = fixture.site.data_dir();
    fs::remove_dir_all(data.join("state")).unwrap();
    fs::remove_file(data.join("ledger/tree.hashes")).unwrap();
    fs::remove_file(data.join("lock")).unwrap();
    outcome(
        &fixture,
        Path::new("state"),
        Expected::Repairs,
        "all that is derived deleted",
    )
    .await;

    // The look at it has put its reads on the ledger.
    fixture.reset();
    let rebuilt = rebuild::rebuild(&fixture.site.config()).unwrap();
    let entries = u64::try_from(fixture.known.entries.len()).unwrap();
    assert_eq!(
        (rebuilt.entries, rebuilt.aside),
        (entries, Some(data.join("state.aside")))
    );
    let report = check(&fixture);
    assert!(report.is_clean(), "{:#?}", report.findings);
    assert_eq!(report.rows_compared, rebuilt.rows);
    outcome(&fixture, Path::new("state"), Expected::Repairs, "rebuilt").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_hub_keeps_fsck_and_rebuild_out() {
    let fixture = Fixture::new().await;
    let running = server::start(&fixture.site.config()).await.unwrap();
    let config = fixture.site.config();
    let errors = [
        fsck::fsck(&config, &mut |_| {}).unwrap_err(),
        rebuild::rebuild(&config).unwrap_err(),
    ];
    for error in errors {
        let text = format!("{error:#}");
        assert!(
            text.contains("stop the hub") && text.contains("is held by process"),
            "{text}"
        );
    }
    let known = fixture.known(&running).await.unwrap();
    assert!(known == fixture.known);
    running.stop().await.unwrap();
}

/// Alters the newest entry of an agency's.
fn forge(
    entries: &[EncodedEntry],
    change: impl Fn(&mut EntryHeader, &mut EntryContent),
) -> Vec<EncodedEntry> {
    let mut forged = entries.to_vec();
    for entry in forged.iter_mut().rev() {
        let mut header = EntryHeader::decode(entry.header.clone()).unwrap();
        let mut content = EntryContent::decode(entry.content.clone()).unwrap();
        if header.author.as_ref().unwrap().agency != "hub" {
            change(&mut header, &mut content);
            entry.header = header.encode_to_vec().into();
            entry.content = content.encode_to_vec().into();
            return forged;
        }
    }
    panic!("no agency wrote anything");
}

/// Whoever has the host and the ledger key can write a ledger anew, with a tree and checkpoints that
/// hold. What the authors signed gives it away.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_host_with_the_ledger_key_forges_is_found() {
    let fixture = Fixture::new().await;
    type Change = fn(&mut EntryHeader, &mut EntryContent);
    let changes: [(&str, Change); 8] = [
        (
            "its author's certificate has not signed its commitment",
            |header, content| {
                let mut request = content.request.to_vec();
                request.push(0x78);
                content.request = request.into();
                let salt = content.author_salt[..].try_into().unwrap();
                header.commitment =
                    hub_core::commitment::commitment(&salt, &header.method, &content.request)
                        .to_vec()
                        .into();
            },
        ),
        (
            "its request is not the one that its author committed to",
            |_, content| {
                content.request = content.request.slice(1..);
            },
        ),
        (
            "its events are not those that the header's hash",
            |_, content| {
                content.events = content.events.slice(..0);
            },
        ),
        ("the certificate is that of", |header, _| {
            header.author.as_mut().unwrap().agency = "finance".into();
        }),
        (
            "no earlier entry enrolled its author's certificate",
            |header, _| {
                header.author.as_mut().unwrap().certificate_sha256 = vec![7; 32].into();
            },
        ),
        ("it is no act of the hub's own", |header, _| {
            header.author.as_mut().unwrap().agency = "hub".into();
        }),
        (
            "it was recorded before the entry in front of it",
            |header, _| {
                header.recorded_at_us = 1;
            },
        ),
        ("its header says that it is entry 1", |header, _| {
            header.index = 1
        }),
    ];
    for (expected, change) in changes {
        let forged = fixture.ledger_of(&forge(&fixture.encoded(), change), SEGMENT_BYTES_DEFAULT);
        fixture.reset_from(forged.path());
        let report = check(&fixture);
        let found = report.findings.iter().any(|finding| {
            finding.severity == Severity::Error
                && finding.what.contains(expected)
                && finding.offset.is_some_and(|offset| offset > 0)
        });
        assert!(found, "{expected}: {:#?}", report.findings);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_another_history_are_found() {
    let fixture = Fixture::new().await;
    let emptied = forge(&fixture.encoded(), |header, content| {
        content.events = bytes::Bytes::new();
        let salt = content.event_salt[..].try_into().unwrap();
        header.events_hash = hub_core::commitment::events_hash(&salt, b"")
            .to_vec()
            .into();
    });
    let other = fixture.ledger_of(&emptied, SEGMENT_BYTES_DEFAULT);
    copy(
        &fixture.pristine.path().join("state"),
        &other.path().join("state"),
    );
    fixture.reset_from(other.path());
    let report = check(&fixture);
    let state = fixture.site.data_dir().join("state");
    let found = report.findings.iter().find(|finding| finding.file == state);
    let found = found.unwrap_or_else(|| panic!("{:#?}", report.findings));
    assert_eq!(found.severity, Severity::Error);
    assert!(found.remedy.contains("hub rebuild"), "{}", found.remedy);
    rebuild::rebuild(&fixture.site.config()).unwrap();
    let report = check(&fixture);
    assert!(report.is_clean(), "{:#?}", report.findings);
}

/// A call that was let in before a revocation, and reached the ledger after it, is refused.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_recorded_in_the_name_of_a_revoked_certificate() {
    let mut world = hub_tests::World::start().await;
    let (answers, mut answered) = tokio::sync::watch::channel(0);
    let answers = std::sync::Arc::new(answers);
    let busy = (0..48).map(|_| {
        let (tax, answers) = (world.clerk("tax"), std::sync::Arc::clone(&answers));
        tokio::spawn(async move {
            while tax
                .channels()
                .publish(notice("joint-enforcement", "忙"))
                .await
                .is_ok()
            {
                answers.send_modify(|count| *count += 1);
            }
        })
    });
    let busy: Vec<_> = busy.collect();
    let admin = world.client("tax", "tax-admin", &["node-admin"]);
    let nodes = admin.members().list_nodes(None).await.unwrap();
    answered.wait_for(|count| *count >= 200).await.unwrap();
    admin
        .members()
        .revoke_node(&nodes[0].name, "演练")
        .await
        .unwrap();
    for task in busy {
        task.await.unwrap();
    }
    world.stop().await;
    let report = fsck::fsck(&world.site.config(), &mut |_| {}).unwrap();
    assert!(report.is_clean(), "{:#?}", report.findings);
}
