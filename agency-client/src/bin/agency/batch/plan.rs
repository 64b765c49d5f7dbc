//! What is remembered of a batch file: its request ids before sending, its answers after.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    output::Failure,
    state_folder::{self, fault},
};

/// Folder within the profile's state folder.
const FOLDER: &str = "batches";
/// How long a file that was published is remembered: 90 days.
const KEPT: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// Lines that go out under one author signature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Batch {
    pub(super) first_line: usize,
    pub(super) last_line: usize,
    pub(super) request_id: String,
    /// Request ids of the lines, in their order.
    pub(super) item_ids: Vec<String>,
    /// What the hub answered, as JSON; absent until it has.
    pub(super) answer: Option<Value>,
}

/// The batches of one file.
#[derive(Debug)]
pub(super) struct Plan {
    path: PathBuf,
    batches: Vec<Batch>,
    /// Held as long as this lives, so that two runs do not send the same file.
    _lock: File,
}

impl Plan {
    /// The plan of a file, by its SHA-256: the one that was made before, or a new one that is on the
    /// disk when this returns.
    pub(super) fn open(
        state_dir: &Path,
        digest: &str,
        is_anew: bool,
        make: impl FnOnce() -> Vec<Batch>,
    ) -> Result<Self, Failure> {
        let folder = state_folder::folder(state_dir, FOLDER)?;
        forget_old(&folder);
        let lock = state_folder::lock(
            &folder.join(format!("{digest}.lock")),
            "the same file is being published by another process",
        )?;
        let path = folder.join(format!("{digest}.json"));
        let stored = match fs::read(&path) {
            _ if is_anew => None,
            Ok(bytes) => Some(
                serde_json::from_slice(&bytes)
                    .map_err(|error| fault(&path, format!("is damaged: {error}")))?,
            ),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            // With new ids, what was recorded before would be recorded once more.
            Err(error) => return Err(fault(&path, error)),
        };
        let is_new = stored.is_none();
        let plan = Self {
            path,
            batches: stored.unwrap_or_else(make),
            _lock: lock,
        };
        if is_new {
            plan.store()?;
        }
        Ok(plan)
    }

    pub(super) fn batches(&self) -> &[Batch] {
        &self.batches
    }

    /// Whether all of it is recorded.
    pub(super) fn is_done(&self) -> bool {
        self.batches.iter().all(|batch| batch.answer.is_some())
    }

    /// Remembers an answer.
    pub(super) fn answered(&mut self, at: usize, answer: Value) -> Result<(), Failure> {
        if let Some(batch) = self.batches.get_mut(at) {
            batch.answer = Some(answer);
        }
        self.store()
    }

    fn store(&self) -> Result<(), Failure> {
        let bytes = serde_json::to_vec(&self.batches).map_err(|error| fault(&self.path, error))?;
        // Nobody else may read it: the hub's answers quote the notifications.
        state_folder::replace(&self.path, &bytes)
    }
}

/// Takes away what is older than [`KEPT`]. What cannot be read is left.
fn forget_old(folder: &Path) {
    let Ok(files) = fs::read_dir(folder) else {
        return;
    };
    for file in files.flatten() {
        let age = file.metadata().and_then(|data| data.modified());
        if age.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > KEPT)) {
            drop(fs::remove_file(file.path()));
        }
    }
}

#[cfg(test)]
mod tests {
    use agency_client::ClientError;

    use super::*;

    fn one(id: &str) -> Vec<Batch> {
        vec![Batch {
            first_line: 1,
            last_line: 2,
            request_id: id.into(),
            item_ids: vec!["a".into(), "b".into()],
            answer: None,
        }]
    }

    #[test]
    fn the_same_file_keeps_its_ids_until_it_is_published_anew() {
        let folder = tempfile::tempdir().unwrap();
        let open = |is_anew, id| Plan::open(folder.path(), "00", is_anew, || one(id)).unwrap();
        assert_eq!(open(false, "first").batches(), one("first"));
        let mut again = open(false, "second");
        assert_eq!(again.batches(), one("first"));
        assert!(!again.is_done());
        again.answered(0, Value::from(1)).unwrap();
        drop(again);
        assert!(open(false, "second").is_done());
        assert_eq!(open(true, "third").batches(), one("third"));
    }

    #[test]
    fn two_runs_at_a_time_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let first = Plan::open(folder.path(), "00", false, || one("x")).unwrap();
        let error = Plan::open(folder.path(), "00", false, || one("x")).unwrap_err();
        assert!(matches!(
            error,
            Failure::Client(ClientError::LocalFile { .. })
        ));
        drop(first);
    }

    #[test]
    fn a_plan_that_cannot_be_read_is_not_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let plan = folder.path().join(FOLDER).join("00.json");
        fs::create_dir(folder.path().join(FOLDER)).unwrap();
        // It leads to itself, so that reading fails and replacing does not.
        std::os::unix::fs::symlink(&plan, &plan).unwrap();
        let error = Plan::open(folder.path(), "00", false, || one("x")).unwrap_err();
        assert!(matches!(
            error,
            Failure::Client(ClientError::LocalFile { .. })
        ));
    }

    #[test]
    fn nobody_else_may_read_a_plan() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let plan = Plan::open(folder.path(), "00", false, || one("x")).unwrap();
        let mode = fs::metadata(&plan.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
