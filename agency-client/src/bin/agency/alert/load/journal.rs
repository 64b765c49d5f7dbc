//! What is remembered of rows: their request ids before anything is sent, what came of them after.
//!
//! Invariant: an id that may have been sent is on the disk. A line that was torn off by a crash is the last
//! one and was never relied on; any other line that cannot be read stops the command, because new ids would
//! raise alerts twice.

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use hub_core::crypto::{Digest, hex, unhex};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    output::Failure,
    state_folder::{self, fault},
};

/// Folder within the profile's state folder.
const FOLDER: &str = "alert-loads";
/// How long a row that was raised is remembered, in seconds: 90 days.
const KEPT_S: i64 = 90 * 24 * 60 * 60;

/// A line of the journal. The newest of a row counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Line {
    /// SHA-256 of what the row says.
    row: String,
    id: String,
    /// When the line was written, in seconds since 1970.
    at: i64,
    /// Whether it is raised.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_raised: bool,
    /// Index of its ledger entry, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    entry: Option<u64>,
}

/// What is known of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) id: String,
    pub(super) is_raised: bool,
    /// Index of its ledger entry, where that is known.
    pub(super) entry: Option<u64>,
    at: i64,
}

/// The rows of all files that went to one hub.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    rows: HashMap<Digest, Known>,
    /// Held as long as this lives, so that two runs do not send the same rows.
    _lock: File,
}

impl Journal {
    /// Opens the journal of a hub, or makes it.
    pub(super) fn open(state_dir: &Path, hub: &Digest) -> Result<Self, Failure> {
        Self::open_at(state_dir, hub, Timestamp::now().as_second())
    }

    fn open_at(state_dir: &Path, hub: &Digest, now: i64) -> Result<Self, Failure> {
        let folder = state_folder::folder(state_dir, FOLDER)?;
        let name = hex(hub);
        let lock = state_folder::lock(
            &folder.join(format!("{name}.lock")),
            "a file of alerts is being loaded by another process",
        )?;
        let path = folder.join(format!("{name}.jsonl"));
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => vec![],
            // With new ids, what was raised before would be raised once more.
            Err(error) => return Err(fault(&path, error)),
        };
        let (mut rows, is_whole) = read(&bytes).map_err(|problem| fault(&path, problem))?;
        let before = rows.len();
        rows.retain(|_, known| !known.is_raised || now - known.at <= KEPT_S);
        if !is_whole || rows.len() < before {
            state_folder::replace(&path, &written(&rows))?;
        }
        let opened = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path)
            .and_then(|file| File::open(&folder)?.sync_all().map(|()| file));
        Ok(Self {
            file: opened.map_err(|error| fault(&path, error))?,
            path,
            rows,
            _lock: lock,
        })
    }

    /// What is known of a row.
    pub(super) fn known(&self, row: &Digest) -> Option<&Known> {
        self.rows.get(row)
    }

    /// Sees to it that every row has an id, on the disk when this returns. With `again`, rows that were
    /// raised get another.
    pub(super) fn mint<'a>(
        &mut self,
        rows: impl Iterator<Item = &'a Digest>,
        again: bool,
    ) -> Result<(), Failure> {
        let needs = |known: Option<&Known>| match known {
            None => true,
            Some(known) => again && known.is_raised,
        };
        let wanting: Vec<Digest> = rows
            .filter(|row| needs(self.rows.get(*row)))
            .copied()
            .collect();
        let mut lines = vec![];
        for row in wanting {
            let known = self.fresh(row);
            lines.extend(line(&row, &known));
        }
        self.append(&lines)?;
        self.file
            .sync_all()
            .map_err(|error| fault(&self.path, error))
    }

    /// Another id for a row whose old one the hub refuses for ever, on the disk when this returns.
    pub(super) fn renew(&mut self, row: &Digest) -> Result<Known, Failure> {
        let known = self.fresh(*row);
        self.append(&line(row, &known))?;
        self.file
            .sync_all()
            .map_err(|error| fault(&self.path, error))?;
        Ok(known)
    }

    /// A row is raised. Not flushed: a line that is lost is asked for again under the same id.
    pub(super) fn recorded(&mut self, row: &Digest, entry: Option<u64>) -> Result<(), Failure> {
        let Some(known) = self.rows.get_mut(row) else {
            return Ok(());
        };
        known.is_raised = true;
        known.entry = entry;
        known.at = Timestamp::now().as_second();
        let line = line(row, known);
        self.append(&line)
    }

    fn fresh(&mut self, row: Digest) -> Known {
        let known = Known {
            id: agency_client::request_id(),
            is_raised: false,
            entry: None,
            at: Timestamp::now().as_second(),
        };
        self.rows.insert(row, known.clone());
        known
    }

    fn append(&mut self, lines: &[u8]) -> Result<(), Failure> {
        self.file
            .write_all(lines)
            .map_err(|error| fault(&self.path, error))
    }
}

fn line(row: &Digest, known: &Known) -> Vec<u8> {
    let line = Line {
        row: hex(row),
        id: known.id.clone(),
        at: known.at,
        is_raised: known.is_raised,
        entry: known.entry,
    };
    // Texts and numbers always encode.
    let mut bytes = serde_json::to_vec(&line).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

fn written(rows: &HashMap<Digest, Known>) -> Vec<u8> {
    rows.iter()
        .flat_map(|(row, known)| line(row, known))
        .collect()
}

/// Reads a journal, and whether its last line is whole.
fn read(bytes: &[u8]) -> Result<(HashMap<Digest, Known>, bool), String> {
    let mut rows = HashMap::new();
    for (at, text) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let Some(text) = text.strip_suffix(b"\n") else {
            return Ok((rows, false));
        };
        let damaged = || format!("line {} is damaged", at + 1);
        let line: Line = serde_json::from_slice(text).map_err(|_| damaged())?;
        let row = unhex(&line.row).and_then(|row| Digest::try_from(row.as_slice()).ok());
        let known = Known {
            id: line.id,
            is_raised: line.is_raised,
            entry: line.entry,
            at: line.at,
        };
        rows.insert(row.ok_or_else(damaged)?, known);
    }
    Ok((rows, true))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const HUB: Digest = [7; 32];
    const A: Digest = [1; 32];
    const B: Digest = [2; 32];

    fn open(folder: &Path) -> Journal {
        Journal::open(folder, &HUB).unwrap()
    }

    fn id(journal: &Journal, row: &Digest) -> String {
        journal.known(row).unwrap().id.clone()
    }

    #[test]
    fn a_row_keeps_its_id_over_runs_until_it_is_raised_anew() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = open(folder.path());
        journal.mint([A, B].iter(), false).unwrap();
        let (a, b) = (id(&journal, &A), id(&journal, &B));
        journal.recorded(&A, Some(9)).unwrap();
        // A process that was killed closes nothing in order.
        drop(journal);
        let mut journal = open(folder.path());
        journal.mint([A, B].iter(), false).unwrap();
        assert_eq!((id(&journal, &A), id(&journal, &B)), (a.clone(), b.clone()));
        assert_eq!(journal.known(&A).unwrap().entry, Some(9));
        assert!(!journal.known(&B).unwrap().is_raised);
        journal.mint([A, B].iter(), true).unwrap();
        assert_ne!(id(&journal, &A), a, "raised before, so another one");
        assert_eq!(id(&journal, &B), b, "not known to be raised, so the same");
        let renewed = journal.renew(&B).unwrap().id;
        drop(journal);
        assert_eq!(id(&open(folder.path()), &B), renewed);
    }

    #[test]
    fn another_hub_has_rows_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = open(folder.path());
        journal.mint([A].iter(), false).unwrap();
        let other = Journal::open(folder.path(), &[8; 32]).unwrap();
        assert_eq!(other.known(&A), None);
    }

    #[test]
    fn a_torn_line_is_cut_and_any_other_damage_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = open(folder.path());
        journal.mint([A].iter(), false).unwrap();
        let (path, a) = (journal.path.clone(), id(&journal, &A));
        drop(journal);
        let whole = fs::read(&path).unwrap();
        let torn = [whole.as_slice(), b"{\"row\": \"00"].concat();
        fs::write(&path, &torn).unwrap();
        let mut journal = open(folder.path());
        journal.mint([B].iter(), false).unwrap();
        assert_eq!(id(&journal, &A), a);
        drop(journal);
        assert_eq!(open(folder.path()).rows.len(), 2);
        fs::write(&path, [b"{}\n".as_slice(), &whole].concat()).unwrap();
        assert!(Journal::open(folder.path(), &HUB).is_err());
    }

    #[test]
    fn what_was_raised_long_ago_is_forgotten_and_what_is_open_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = open(folder.path());
        journal.mint([A, B].iter(), false).unwrap();
        journal.recorded(&A, None).unwrap();
        drop(journal);
        let now = Timestamp::now().as_second();
        let journal = Journal::open_at(folder.path(), &HUB, now + KEPT_S).unwrap();
        assert_eq!(journal.rows.len(), 2);
        drop(journal);
        let journal = Journal::open_at(folder.path(), &HUB, now + KEPT_S + 60).unwrap();
        assert_eq!(journal.known(&A), None);
        assert!(journal.known(&B).is_some());
        drop(journal);
        assert_eq!(open(folder.path()).rows.len(), 1);
    }

    #[test]
    fn two_runs_at_a_time_are_refused_and_nobody_else_reads_along() {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(folder.path());
        assert!(Journal::open(folder.path(), &HUB).is_err());
        let mode = fs::metadata(&journal.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
