//! `hub fsck`: reads the whole data folder again and says what is wrong, where, and what to do.
//!
//! The cast:
//! - [`crate::ledger::fsck`] checks the files: checksums, order, tree, signed checkpoints.
//! - `entries` checks what the entries say: hashes, commitments, who signed them and whether they
//!   might.
//! - `seals` holds sealed entries against the orders to seal them.
//! - `rows` replays every event into empty state and holds the live index against it.
//! - `show` writes the report for people or as JSON.
//!
//! Invariant: nothing in the data folder changes but the lock file. The hub must be stopped: the
//! lock is held from beginning to end, so that the report is of one moment.

mod entries;
mod rows;
mod seals;
mod show;

use std::{path::PathBuf, sync::Arc};

use anyhow::{Context as _, ensure};
use hub_core::{
    crypto::{SigningKey, VerifyingKey, hex},
    note::NoteVerifier,
};
use serde::Serialize;

use self::{entries::EntryCheck, rows::RowCheck, seals::SealCheck};
use crate::{
    config::Config,
    ledger::{self, DataLock, FINDINGS_MAX, FsckOptions, FsckReport, StoredEntry},
    server,
    state::embedded::{
        STATE_DIR,
        inspect::{self, InspectError, Inspection},
    },
};
pub use show::command;

/// A word of progress is due after so many entries.
pub const PROGRESS_ENTRIES: u64 = 50_000;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing that was acknowledged is touched; starting the hub repairs it.
    Warning,
    /// The data folder is not what it was, or cannot be shown to be.
    Error,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The file or folder.
    pub file: PathBuf,
    /// Where in the file, in bytes from its beginning; nothing for a folder.
    pub offset: Option<u64>,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

/// The newest checkpoint that was verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Newest {
    /// Entries in the tree.
    pub size: u64,
    /// Root of the tree, hex.
    pub root: String,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The data folder.
    pub folder: PathBuf,
    /// Entries on the ledger.
    pub entries: u64,
    /// Entries that could be read and were checked.
    pub entries_checked: u64,
    /// Segment files.
    pub segments: u64,
    /// Checkpoints whose signature was verified.
    pub checkpoints: u64,
    /// The newest of them.
    pub newest: Option<Newest>,
    /// Entries whose author's signature was verified with the certificate that the header names.
    pub author_signatures: u64,
    /// Entries of the hub's own whose signature was verified with the ledger key.
    pub hub_signatures: u64,
    /// Entries whose content is sealed: what their author committed to cannot be checked any more.
    pub sealed: u64,
    /// Entries that are ordered to be sealed and still have their content.
    pub unerased: u64,
    /// The greatest index that a sealed entry without an order names as its order.
    pub missing_order: Option<u64>,
    /// Entries that the state index has applied.
    pub state_applied: u64,
    /// Rows of the state index that were held against the replayed ones.
    pub rows_compared: u64,
    /// What is wrong, at most [`FINDINGS_MAX`].
    pub findings: Vec<Finding>,
    /// How many findings there were.
    pub findings_total: u64,
    /// How many of them were errors.
    pub errors_total: u64,
}

impl Report {
    /// Whether there are no errors; there may be warnings.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.errors_total == 0
    }

    /// Whether nothing at all was found.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings_total == 0
    }

    fn find(&mut self, finding: Finding) {
        self.findings_total = self.findings_total.saturating_add(1);
        if finding.severity == Severity::Error {
            self.errors_total = self.errors_total.saturating_add(1);
        }
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        }
    }
}

/// Checks the data folder of a configuration. `progress` is told how many entries were checked,
/// every [`PROGRESS_ENTRIES`].
///
/// # Errors
/// When the check cannot be made: a hub has the folder, or it cannot be listed. What is wrong with
/// the data is a finding, never an error.
pub fn fsck(config: &Config, progress: &mut dyn FnMut(u64)) -> anyhow::Result<Report> {
    let dir = &config.data_dir;
    ensure!(
        dir.join(ledger::LEDGER_DIR).is_dir(),
        "{}: holds no ledger; check data_dir in the settings",
        dir.display()
    );
    let _lock = DataLock::acquire(dir)
        .context("stop the hub to check its data folder, or check a backup of it")?;
    let key = Arc::new(server::ledger_key(config)?);
    let verifier = note_verifier(config, &key)?;
    let hub_key = VerifyingKey::from_ed25519(&key.public_key())?;
    let state = inspect::inspect(dir);

    let mut entries = EntryCheck::new(hub_key);
    let mut rows = RowCheck::new(&config.ledger.origin, key, state.as_ref().ok())?;
    let options = FsckOptions {
        dir: dir.clone(),
        verifier,
    };
    let mut per_entry = |index: u64, stored: &StoredEntry| {
        if index > 0 && index.is_multiple_of(PROGRESS_ENTRIES) {
            progress(index);
        }
        let (mut wrong, recorded) = entries.check(index, stored);
        wrong.extend(rows.entry(index, recorded.as_ref()));
        wrong
    };
    let report = ledger::fsck(&options, &mut per_entry, &mut |_| {})?;
    let mut whole = summary(config, report);
    whole.author_signatures = entries.author_signatures;
    whole.hub_signatures = entries.hub_signatures;
    judge_sealing(&mut whole, &entries.seals);
    judge_state(&mut whole, rows, &state);
    Ok(whole)
}

/// Adds what is sealed without an order, or ordered and not yet erased.
fn judge_sealing(report: &mut Report, seals: &SealCheck) {
    let folder = report.folder.join(ledger::LEDGER_DIR);
    let mut find = |severity, what, remedy: &str| {
        report.find(Finding {
            severity,
            file: folder.clone(),
            offset: None,
            what,
            remedy: remedy.to_owned(),
        });
    };
    for what in seals.without_order() {
        find(Severity::Error, what, REMEDY_UNORDERED);
    }
    let unerased = seals.unerased();
    if unerased > 0 {
        let what = format!("{unerased} entries are ordered to be sealed and not yet erased");
        find(Severity::Warning, what, REMEDY_UNERASED);
    }
    report.sealed = seals.sealed;
    report.unerased = unerased;
    report.missing_order = seals.missing_order();
}

fn note_verifier(config: &Config, key: &SigningKey) -> anyhow::Result<NoteVerifier> {
    let public = key.public_key();
    let public = <[u8; 32]>::try_from(public.as_slice()).context("the ledger key is no Ed25519")?;
    Ok(NoteVerifier::new(&config.ledger.origin, public)?)
}

fn summary(config: &Config, report: FsckReport) -> Report {
    Report {
        folder: config.data_dir.clone(),
        entries: report.entries,
        entries_checked: report.entries_checked,
        segments: report.segments,
        checkpoints: report.checkpoints,
        newest: report.newest.map(|newest| Newest {
            size: newest.size,
            root: hex(&newest.root),
        }),
        author_signatures: 0,
        hub_signatures: 0,
        sealed: 0,
        unerased: 0,
        missing_order: None,
        state_applied: 0,
        rows_compared: 0,
        findings: report
            .findings
            .into_iter()
            .map(|finding| Finding {
                severity: match finding.severity {
                    ledger::Severity::Warning => Severity::Warning,
                    ledger::Severity::Error => Severity::Error,
                },
                file: finding.damage.file,
                offset: Some(finding.damage.offset),
                what: finding.damage.what,
                remedy: finding.damage.remedy,
            })
            .collect(),
        findings_total: report.findings_total,
        errors_total: report.errors_total,
    }
}

/// Remedies for sealed entries.
const REMEDY_UNORDERED: &str = "Their contents were not erased by the hub's retention: restore the \
                                data folder from a backup, and find out who had write access";
const REMEDY_UNERASED: &str = "Nothing is lost: starting the hub erases them, as does the next run \
                               of retention";

/// Remedies for the state index.
const REMEDY_BEHIND: &str = "Nothing is lost: starting the hub applies what is missing";
const REMEDY_FORM: &str = "Nothing is lost: starting the hub makes the index anew";
const REMEDY_REBUILD: &str = "Run `hub rebuild`, which makes the index anew from the ledger";
const REMEDY_COPY: &str = "Make the state folder readable, make room where temporary files go (TMPDIR), and run `hub fsck` again";
const REMEDY_LEDGER: &str = "Deal with what is wrong with the ledger first";
const REMEDY_AHEAD: &str = "Entries of the ledger are missing: restore the data folder from a \
                            backup whose ledger and state are of one moment";

/// Adds what is wrong with the state index.
fn judge_state(report: &mut Report, rows: RowCheck<'_>, state: &Result<Inspection, InspectError>) {
    let (folder, head) = (report.folder.join(STATE_DIR), report.entries);
    let mut find = |severity, what: String, remedy: &str| {
        report.find(Finding {
            severity,
            file: folder.clone(),
            offset: None,
            what,
            remedy: remedy.to_owned(),
        });
    };
    let state = match state {
        Ok(state) => state,
        Err(error @ InspectError::Absent) => {
            return find(Severity::Warning, error.to_string(), REMEDY_BEHIND);
        }
        Err(error @ InspectError::Copy(source)) => {
            return find(Severity::Error, format!("{error}: {source}"), REMEDY_COPY);
        }
        Err(error) => return find(Severity::Error, error.to_string(), REMEDY_REBUILD),
    };
    if let Err(what) = state.check_digest() {
        find(Severity::Error, what, REMEDY_REBUILD);
    }
    let applied = state.applied();
    if applied > head {
        let what = format!("the index has applied {applied} entries, the ledger holds {head}");
        find(Severity::Error, what, REMEDY_AHEAD);
    } else if applied < head {
        let what = format!("the index has applied {applied} of {head} entries");
        find(Severity::Warning, what, REMEDY_BEHIND);
    }
    if let Some(what) = state.other_form() {
        return find(Severity::Warning, what, REMEDY_FORM);
    }
    let outcome = rows.finish();
    if let Some(why) = outcome.skipped {
        let what = format!("its rows could not be compared with the ledger: {why}");
        find(Severity::Warning, what, REMEDY_LEDGER);
    }
    for what in outcome.wrong {
        find(Severity::Error, what, REMEDY_REBUILD);
    }
    report.state_applied = applied;
    report.rows_compared = outcome.compared;
}
