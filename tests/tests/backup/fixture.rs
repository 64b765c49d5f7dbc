//! A stopped hub whose ledger has several small segments and commits of several entries.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::Arc,
};

use agency_client::channels::NotificationDraft;
use hub::{
    backup::{BackedUp, BackupOptions, backup},
    config::Config,
    ledger::{self, EncodedEntry, LedgerOptions, Reader, StoredEntry},
    server,
};
use hub_proto::channels::Classification;
use hub_tests::{Site, TRUST_DOMAIN, World, process::hub_binary};
use tempfile::TempDir;

/// Bytes of a segment; a hub's own are 64 MiB.
const SEGMENT_BYTES: u64 = 6 * 1024;

/// Entries of one commit after the other, over and over.
const COMMITS: [usize; 4] = [1, 5, 2, 7];

pub(crate) struct Fixture {
    pub(crate) site: Site,
    pub(crate) entries: Vec<StoredEntry>,
    folders: TempDir,
}

pub(crate) fn draft(text: &str) -> NotificationDraft {
    NotificationDraft::to_channel("joint-enforcement")
        .category("coordination")
        .title("工作沟通")
        .text(text)
        .classification(Classification::Internal)
}

impl Fixture {
    /// A hub recorded `publishes` notifications and more.
    pub(crate) async fn new(publishes: usize) -> Self {
        let mut world = World::start().await;
        let tax = world.clerk("tax");
        for number in 0..publishes {
            let one = draft(&format!("第{number}号"));
            tax.channels().publish(one).await.unwrap();
        }
        let store = world.hub().engine().store();
        let entries = store.entries(0, 4_096, usize::MAX).unwrap();
        assert_eq!(entries.len() as u64, store.head());
        world.stop().await;
        let site = world.site;
        fs::remove_dir_all(site.data_dir()).unwrap();
        let fixture = Self {
            site,
            entries,
            folders: TempDir::new().unwrap(),
        };
        fixture.write(&fixture.site.data_dir(), fixture.entries.len());
        fixture
    }

    /// Writes the first entries as a ledger of small segments.
    pub(crate) fn write(&self, dir: &Path, count: usize) {
        let key = Arc::new(server::ledger_key(&self.site.config()).unwrap());
        let mut options = LedgerOptions::new(dir, TRUST_DOMAIN, key);
        options.segment_bytes_max = SEGMENT_BYTES;
        let (mut writer, _, _) = ledger::open(options, 0).unwrap();
        let encoded: Vec<_> = self.entries[..count]
            .iter()
            .map(|entry| EncodedEntry {
                header: entry.header.clone(),
                content: entry.content.clone(),
            })
            .collect();
        let mut rest = &encoded[..];
        for length in COMMITS.iter().cycle() {
            let (commit, left) = rest.split_at(rest.len().min(*length));
            let now = jiff::Timestamp::UNIX_EPOCH;
            writer.append(writer.head(), commit, now).unwrap();
            rest = left;
            if rest.is_empty() {
                break;
            }
        }
        writer.close().unwrap();
    }

    /// A path that is not there yet.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.folders.path().join(name)
    }

    /// The settings with another data folder, in memory and as a file.
    pub(crate) fn with_data(&self, data: &Path) -> (Config, PathBuf) {
        with_data(&self.site, data)
    }

    pub(crate) fn backup(&self, to: &Path) -> anyhow::Result<BackedUp> {
        let options = BackupOptions {
            to: to.to_owned(),
            verify: true,
            prune: false,
        };
        backup(&self.site.config(), &options, &mut |_| {})
    }
}

/// A site's settings with another data folder, in memory and as a file.
pub(crate) fn with_data(site: &Site, data: &Path) -> (Config, PathBuf) {
    let text = fs::read_to_string(site.config_file()).unwrap();
    let line = format!("data_dir = {:?}", data.to_str().unwrap());
    let name = data.file_name().unwrap().to_str().unwrap();
    let file = site.path().join(format!("hub-{name}.toml"));
    fs::write(&file, text.replace("data_dir = \"data\"", &line)).unwrap();
    (Config::read(&file).unwrap(), file)
}

/// Runs the `hub` binary.
pub(crate) fn hub(arguments: &[&str]) -> Output {
    Command::new(hub_binary())
        .args(arguments)
        .output()
        .expect("the hub binary runs")
}

/// The entries of a data folder, read by opening its ledger.
pub(crate) fn entries_of(config: &Config) -> Vec<StoredEntry> {
    let reader = reader_of(config);
    let mut entries = vec![];
    while (entries.len() as u64) < reader.head() {
        let next = entries.len() as u64;
        entries.extend(reader.entries(next, 4_096, usize::MAX).unwrap());
    }
    entries
}

pub(crate) fn reader_of(config: &Config) -> Reader {
    let key = Arc::new(server::ledger_key(config).unwrap());
    let options = LedgerOptions::new(&config.data_dir, &config.ledger.origin, key);
    let (_writer, reader, report) = ledger::open(options, 0).unwrap();
    assert_eq!(report.warnings, Vec::<String>::new());
    reader
}

/// Every file below a folder with its bytes, but for the lock.
pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = vec![];
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(dir).unwrap().to_owned());
            }
        }
    }
    found.retain(|path| path.file_name().is_none_or(|name| name != "lock"));
    found.sort();
    found
}
