//! Every call that changes a file of the ledger, behind one trait, so that a test can fail each in turn.

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use super::error::{LedgerError, Result};

/// Only the hub's own user reads the ledger: content may be restricted.
const FILE_MODE: u32 = 0o600;

/// The calls that change files. The provided bodies are the real ones.
pub trait Storage: fmt::Debug + Send + Sync {
    /// Creates or empties a file for reading and writing.
    ///
    /// # Errors
    /// The operating system's.
    fn create(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .mode(FILE_MODE)
            .open(path)
    }

    /// Opens a file for reading and writing, and makes it when it is not there.
    ///
    /// # Errors
    /// The operating system's.
    fn open_or_create(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(FILE_MODE)
            .open(path)
    }

    /// Removes a file.
    ///
    /// # Errors
    /// The operating system's.
    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    /// Writes all bytes at an offset.
    ///
    /// # Errors
    /// The operating system's; part may be written.
    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        file.write_all_at(bytes, offset)
    }

    /// Returns when the file's bytes and length are on the medium (fdatasync).
    ///
    /// # Errors
    /// The operating system's; what is on the medium is then unknown.
    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    /// Cuts or extends a file.
    ///
    /// # Errors
    /// The operating system's.
    fn set_len(&self, file: &File, length: u64) -> io::Result<()> {
        file.set_len(length)
    }

    /// Renames, replacing what was there.
    ///
    /// # Errors
    /// The operating system's.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    /// Returns when the folder's names are on the medium.
    ///
    /// # Errors
    /// The operating system's.
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }
}

/// The operating system's files.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealStorage;

impl Storage for RealStorage {}

/// A whole file that is on the medium under another name.
#[derive(Debug)]
pub(super) struct Aside {
    file: File,
    path: PathBuf,
    temporary: PathBuf,
    /// Its length.
    pub(super) bytes: u64,
}

impl Aside {
    /// Writes a file aside; nothing stays of it when that fails.
    pub(super) fn write(storage: &dyn Storage, path: &Path, bytes: &[u8]) -> Result<Self> {
        let temporary = path.with_extension(TEMPORARY_EXTENSION);
        let file = storage
            .create(&temporary)
            .map_err(LedgerError::io("create", &temporary))?;
        let aside = Self {
            file,
            path: path.to_path_buf(),
            temporary,
            bytes: bytes.len() as u64,
        };
        let written = storage
            .write_at(&aside.file, bytes, 0)
            .map_err(LedgerError::io("write", &aside.temporary))
            .and_then(|()| {
                let synced = storage.sync(&aside.file);
                synced.map_err(LedgerError::io("sync", &aside.temporary))
            });
        match written {
            Ok(()) => Ok(aside),
            Err(error) => {
                aside.discard(storage);
                Err(error)
            }
        }
    }

    /// Gives the file its name.
    pub(super) fn put(self, storage: &dyn Storage) -> Result<File> {
        storage
            .rename(&self.temporary, &self.path)
            .map_err(LedgerError::io("put in place", &self.path))?;
        Ok(self.file)
    }

    /// Removes the file again.
    pub(super) fn discard(self, storage: &dyn Storage) {
        // What stays takes room and is removed at the next opening.
        if let Err(error) = storage.remove(&self.temporary) {
            tracing::warn!(%error, file = %self.temporary.display(), "a file stays behind");
        }
    }
}

/// Puts a whole file in place: whoever looks sees the old one or the new one, never a part.
/// The file's bytes are on the medium; its name is once the folder is synced.
pub(super) fn replace(storage: &dyn Storage, path: &Path, bytes: &[u8]) -> Result<File> {
    Aside::write(storage, path, bytes)?.put(storage)
}

/// Extension of a file that is not yet in place.
pub(super) const TEMPORARY_EXTENSION: &str = "tmp";
