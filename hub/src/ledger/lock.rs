//! One process at a time on a data folder.
//!
//! The lock is the operating system's (it ends with the process, however it ends); the process id
//! in the file is only for the message.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read as _, Seek as _, Write as _},
    path::Path,
};

use super::error::{LedgerError, Result};

/// Name of the lock file in the data folder.
pub const LOCK_FILE: &str = "lock";

/// Bytes of the lock file that are read for the message.
const HOLDER_BYTES_MAX: u64 = 32;

/// How often the lock is tried for. A process that has just ended may hold it for a moment more, and
/// so may a child between its fork and its start.
const TRIES_MAX: u32 = 20;

/// Pause between two tries.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(25);

/// Holds the data folder until it is dropped.
#[derive(Debug)]
pub struct DataLock {
    _file: File,
}

impl DataLock {
    /// Takes the folder.
    ///
    /// # Errors
    /// [`LedgerError::Locked`] when another process, or another part of this one, has it.
    pub fn acquire(data_dir: &Path) -> Result<Self> {
        let path = data_dir.join(LOCK_FILE);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(LedgerError::io("open", &path))?;
        let mut tries = 1;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if tries < TRIES_MAX => {
                    tries += 1;
                    std::thread::sleep(PAUSE);
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(LedgerError::Locked {
                        holder: holder(&file),
                        file: path,
                    });
                }
                Err(TryLockError::Error(error)) => {
                    return Err(LedgerError::io("lock", &path)(error));
                }
            }
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(LedgerError::io("write", &path))?;
        Ok(Self { _file: file })
    }
}

fn holder(file: &File) -> String {
    let mut text = String::new();
    let read = file.take(HOLDER_BYTES_MAX).read_to_string(&mut text);
    match (read, text.trim().parse::<u32>()) {
        (Ok(_), Ok(pid)) => pid.to_string(),
        _ => "unknown".to_owned(),
    }
}
