//! Time that goes on: what is sealed, what is cleaned, and what is proved and on the disk afterwards.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use agency_client::{Authored, channels::SearchQuery, verify};
use hub::{clock::Clock as _, fsck, retention};
use hub_proto::common::Receipt;
use hub_tests::{Site, charter_file, model::Officer, model::retention::months};
use jiff::SignedDuration;

use crate::Run;

/// Days from one phase to the next: less than a month, or a little more.
const STEP_DAYS: [i64; 2] = [20, 32];

/// Hexadecimal digits of a title, which tell it from all others.
const TITLE_DIGITS: usize = 16;

/// A receipt of something that was published.
pub(crate) struct Proved {
    /// The first notification that it is of.
    pub(crate) number: usize,
    pub(crate) receipt: Receipt,
    pub(crate) authored: Authored,
}

/// A site whose charter keeps some categories for months, and reminds nobody.
pub(crate) fn site() -> Site {
    let mut text = fs::read_to_string(charter_file()).unwrap();
    for category in ["coordination", "case_result_fund"] {
        let head = format!("[[categories]]\nid = \"{category}\"\n");
        assert!(text.contains(&head));
        let kept = format!("{head}retention_months = {}\n", months(category));
        text = text.replace(&head, &kept);
    }
    let lines = text.lines().filter(|line| !line.starts_with("remind_"));
    let text: Vec<&str> = lines.collect();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("charter.toml");
    fs::write(&file, text.join("\n")).unwrap();
    Site::with_charter(&file, "")
}

impl Run {
    /// Days pass while nobody calls; the hub seals what is due and cleans up. Afterwards its clock shows
    /// the clients' time again, for their tokens' sake. The ledger's own time never goes back: what is
    /// recorded from now on is as old as the last order to seal.
    pub(crate) async fn move_time(&mut self) {
        self.days += *self.random.pick(&STEP_DAYS);
        self.clock.by(SignedDuration::from_hours(24 * self.days));
        let now = self.clock.now();
        let hub = self.world.hub();
        let report = retention::run(hub.engine(), hub.search()).await.unwrap();
        let cleaned = hub.attachments().clean(now).await.unwrap();
        self.clock.by(SignedDuration::ZERO);
        let calls = self.model.seal(now, self.world.site.charter().zone());
        assert_eq!(report.sealed, calls as u64, "after {} days", self.days);
        self.is_ledger_ahead |= calls > 0;
        let expected = self.model.clean();
        assert_eq!((cleaned.uploads, cleaned.contents), expected);
        println!(
            "day {}: {calls} calls sealed, {} uploads and {} contents gone",
            self.days, expected.0, expected.1
        );
    }

    /// By its title a notification is found by whoever sees it, until it is sealed.
    pub(crate) async fn search(&mut self, officer: &Officer, number: usize) {
        let on = self.today();
        let one = self.model.published[number].clone();
        let Some(digits) = digits(&one.title) else {
            return;
        };
        if !self.model.may(officer, "read inbox", on) || !self.random.percent(25) {
            return;
        }
        let is_found = self.model.sees(officer, number, on) && !one.seen.is_sealed;
        let expected = is_found.then(|| one.seen.clone());
        let query = SearchQuery::new().title(digits);
        let api = self.client(officer).channels();
        let mut found = api.search(&query).await.unwrap().notifications;
        // Bodies are not searched, and not sent.
        for one in &mut found {
            assert!(one.body.is_empty());
        }
        let expected: Vec<_> = expected
            .into_iter()
            .map(|mut one| {
                one.body.clear();
                one
            })
            .collect();
        assert_eq!(found, expected, "{officer:?} searches {digits}");
    }

    /// Receipts prove what they proved, also once their texts are sealed; and the ledger hands out no
    /// text that is sealed.
    pub(crate) async fn agree_on_proofs(&mut self) {
        let mut looked_at: Vec<usize> = vec![];
        for want_sealed in [true, false] {
            let receipts = self.receipts.iter().enumerate();
            let alike = receipts.filter(|(_, one)| {
                let author = &self.model.published[one.number].seen;
                let agency = &author.author["agencies/".len()..];
                author.is_sealed == want_sealed && !self.model.cut_off.iter().any(|o| o == agency)
            });
            let alike: Vec<usize> = alike.map(|(at, _)| at).collect();
            for _ in 0..alike.len().min(10) {
                looked_at.push(*self.random.pick(&alike));
            }
        }
        for at in looked_at {
            let seen = &self.model.published[self.receipts[at].number].seen;
            let is_sealed = seen.is_sealed;
            let agency = seen.author["agencies/".len()..].to_owned();
            let clerk = Officer {
                id: format!("{agency}-clerk-0"),
                agency,
                role: "clerk".into(),
            };
            let client = self.client(&clerk);
            let Proved {
                receipt, authored, ..
            } = &self.receipts[at];
            verify::receipt(&client, receipt, Some(authored))
                .await
                .unwrap();
            let entry = client.ledger().entry(receipt.entry_index).await.unwrap();
            let entry = entry.entry.unwrap();
            assert_eq!(entry.header, receipt.header);
            assert_eq!(entry.content.is_empty(), is_sealed);
        }
    }

    /// The hub has stopped: its data is sound, no sealed text is in any file, and the contents are those
    /// that something still needs.
    pub(crate) fn agree_with_the_disk(&self) {
        let report = fsck::fsck(&self.world.site.config(), &mut |_| {}).unwrap();
        assert!(report.is_clean(), "{:?}", report.findings);
        let data = self.world.site.data_dir();
        let mut there = BTreeSet::new();
        let mut contents = BTreeSet::new();
        for path in files(&data) {
            if path.starts_with(data.join("attachments")) {
                let name = path.file_name().unwrap().to_str().unwrap();
                contents.insert(name.to_owned());
            }
            titles(&fs::read(&path).unwrap(), &mut there);
        }
        assert_eq!(contents, self.model.stored);
        for one in &self.model.published {
            let Some(digits) = digits(&one.title) else {
                continue;
            };
            let is_there = there.contains(digits.as_bytes());
            assert_eq!(is_there, !one.seen.is_sealed, "{}", one.seen.name);
        }
    }
}

/// What tells a title of this run from all others.
fn digits(title: &str) -> Option<&str> {
    let (_, digits) = title.split_once(' ')?;
    (digits.len() == TITLE_DIGITS).then_some(digits)
}

/// All runs of so many hexadecimal digits that a file holds.
fn titles(bytes: &[u8], found: &mut BTreeSet<Vec<u8>>) {
    let is_digit = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    let runs = bytes.split(|byte| !is_digit(byte));
    for run in runs.filter(|run| run.len() >= TITLE_DIGITS) {
        found.extend(run.windows(TITLE_DIGITS).map(<[u8]>::to_vec));
    }
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}
