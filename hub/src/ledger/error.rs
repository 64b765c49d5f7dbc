//! What can go wrong with the ledger. Each variant says what an operator must do, or who is at
//! fault.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use hub_core::note::NoteError;

/// Something on disk that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub file: PathBuf,
    /// Where in the file, in bytes from its beginning.
    pub offset: u64,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, offset) = (self.file.display(), self.offset);
        write!(f, "{file}, byte {offset}: {}. {}", self.what, self.remedy)
    }
}

/// Why the ledger refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// Another process has the data folder.
    #[error("{} is held by process {holder}; one hub at a time uses a data folder", file.display())]
    Locked {
        /// The lock file.
        file: PathBuf,
        /// Process id that the holder wrote, or `unknown`.
        holder: String,
    },
    /// A file's bytes are wrong: never opened, never answered from.
    #[error("the ledger is damaged: {0}")]
    Damaged(Box<Damage>),
    /// Entries that were acknowledged are not there.
    #[error("acknowledged entries are missing: {0}")]
    Missing(Box<Damage>),
    /// The files belong to another ledger, or another key signed them.
    #[error("the files are of another ledger or key: {0}")]
    Foreign(Box<Damage>),
    /// The files are of a format that this release does not read.
    #[error("a newer release wrote this: {0}")]
    Newer(Box<Damage>),
    /// There is no room. Nothing was written, or it was taken back: the ledger is as it was.
    #[error("there is no room for {}", file.display())]
    Full {
        /// What was to be written.
        file: PathBuf,
    },
    /// The operating system refused.
    #[error("could not {action} {}", file.display())]
    Io {
        /// What was tried, such as `read`.
        action: &'static str,
        /// On which file.
        file: PathBuf,
        /// The operating system's answer.
        #[source]
        source: io::Error,
    },
    /// The caller's head is not the ledger's: its state is of another moment.
    #[error("the ledger's head is {actual}, not {expected} as the caller expected")]
    HeadMismatch {
        /// What the caller expected.
        expected: u64,
        /// What it is.
        actual: u64,
    },
    /// An earlier write failed, so what is on disk is not known until the ledger is opened again.
    #[error("an earlier write failed; nothing is appended until the ledger is opened again")]
    Poisoned,
    /// The caller passed more than a limit, or nothing.
    #[error("{0}")]
    Limit(String),
    /// The caller asked for a proof outside the tree.
    #[error("{0}")]
    OutOfRange(String),
    /// The entry is sealed, and what stayed of it is not what the caller says.
    #[error("entry {0} is sealed already, and another residue stayed of it")]
    SealedOtherwise(u64),
    /// The origin or the key cannot sign checkpoints.
    #[error("the ledger's origin or key is unusable")]
    Key(#[from] NoteError),
}

pub(super) type Result<T, E = LedgerError> = std::result::Result<T, E>;

pub(super) const RESTORE: &str = "Restore the data folder from a backup; run `hub fsck` to see all";

/// What to do about data of a newer release.
pub(crate) const INSTALL_NEWER: &str = "Install the release that wrote it or a later one, or restore \
                                        a backup that this release made; see docs/UPGRADING.md";

impl LedgerError {
    pub(super) fn damaged(file: &Path, offset: u64, what: impl Into<String>) -> Self {
        Self::Damaged(damage(file, offset, what, RESTORE))
    }

    pub(super) fn missing(file: &Path, offset: u64, what: impl Into<String>) -> Self {
        Self::Missing(damage(file, offset, what, RESTORE))
    }

    pub(super) fn foreign(file: &Path, offset: u64, what: impl Into<String>) -> Self {
        let remedy = "Check the ledger's origin and key in the configuration, and the data folder";
        Self::Foreign(damage(file, offset, what, remedy))
    }

    pub(super) fn newer(file: &Path, offset: u64, what: impl Into<String>) -> Self {
        Self::Newer(damage(file, offset, what, INSTALL_NEWER))
    }

    pub(super) fn io(action: &'static str, file: &Path) -> impl FnOnce(io::Error) -> Self {
        let file = file.to_path_buf();
        move |source| Self::Io {
            action,
            file,
            source,
        }
    }

    /// The same error as [`LedgerError::Full`], when want of room is what it says. For callers that
    /// have taken back what they wrote.
    pub(super) fn or_full(self) -> Self {
        match self {
            Self::Io { file, source, .. }
                if matches!(
                    source.kind(),
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
                ) =>
            {
                Self::Full { file }
            }
            other => other,
        }
    }

    /// The damage, when a file is at fault.
    #[must_use]
    pub fn damage(&self) -> Option<&Damage> {
        match self {
            Self::Damaged(damage)
            | Self::Missing(damage)
            | Self::Foreign(damage)
            | Self::Newer(damage) => Some(damage),
            _ => None,
        }
    }
}

pub(super) fn damage(
    file: &Path,
    offset: u64,
    what: impl Into<String>,
    remedy: impl Into<String>,
) -> Box<Damage> {
    Box::new(Damage {
        file: file.to_path_buf(),
        offset,
        what: what.into(),
        remedy: remedy.into(),
    })
}
