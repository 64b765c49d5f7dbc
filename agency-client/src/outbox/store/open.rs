//! Opens the folder and its database, and says what is wrong with them.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use crate::outbox::{OutboxError, Result};

/// The database.
const DATABASE: &str = "outbox.db";
/// Says that there must be a database: one that has vanished must not pass for a new outbox.
const MARKER: &str = "FORMAT";
/// Held while a process opens the outbox.
const OPEN_LOCK: &str = "open.lock";
/// Format of the database that this release writes.
const FORMAT: i64 = 1;
/// `HBOX`, in the header of the file.
const APPLICATION_ID: i64 = 0x4842_4f58;
/// How long another process may hold the database.
pub(super) const BUSY_MAX: Duration = Duration::from_secs(10);
/// How often a taken lock is tried again.
const LOCK_POLL: Duration = Duration::from_millis(20);
/// A write-ahead log that grew larger is cut back to this, in bytes.
const LOG_BYTES_MAX: i64 = 16 * 1024 * 1024;

const SCHEMA: &str = "
CREATE TABLE meta (
    name TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE items (
    ticket INTEGER PRIMARY KEY AUTOINCREMENT,
    stream TEXT NOT NULL,
    key TEXT,
    title TEXT NOT NULL,
    method TEXT NOT NULL,
    request BLOB,
    request_sha256 BLOB NOT NULL,
    content_sha256 BLOB NOT NULL,
    request_bytes INTEGER NOT NULL,
    request_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'refused', 'delivered', 'discarded')),
    is_holding INTEGER NOT NULL DEFAULT 0,
    is_uncertain INTEGER NOT NULL DEFAULT 0,
    is_brought INTEGER NOT NULL,
    wakes INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    enqueued_at_us INTEGER NOT NULL,
    first_attempt_at_us INTEGER,
    last_attempt_at_us INTEGER,
    settled_at_us INTEGER,
    reason TEXT,
    message TEXT,
    name TEXT,
    receipt BLOB
) STRICT;
CREATE INDEX items_by_stream ON items (state, stream, ticket, request_bytes);
CREATE UNIQUE INDEX items_by_key ON items (key) WHERE key IS NOT NULL AND state <> 'discarded';
CREATE INDEX items_settled ON items (settled_at_us, ticket)
    WHERE state IN ('delivered', 'discarded');
CREATE TABLE attachments (
    ticket INTEGER NOT NULL REFERENCES items (ticket) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    file_name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    PRIMARY KEY (ticket, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX attachments_by_content ON attachments (sha256, ticket);
";

/// The database of an outbox's folder.
pub(crate) fn database(folder: &Path) -> PathBuf {
    folder.join(DATABASE)
}

/// Makes or opens the folder and the database in it.
pub(super) fn open(folder: &Path) -> Result<Connection> {
    let storage = |error: io::Error| of_io(folder, &error);
    prepare_folder(folder)?;
    let _held = lock(&folder.join(OPEN_LOCK), BUSY_MAX)?;
    let path = database(folder);
    let marker = folder.join(MARKER);
    let must_be_there = marker.try_exists().map_err(storage)?;
    if must_be_there && !path.try_exists().map_err(storage)? {
        return Err(OutboxError::Corrupt {
            path,
            detail: "the file is missing, although this folder has been an outbox".into(),
        });
    }
    // SQLite gives its other files the mode of this one.
    private_file(&path).map_err(storage)?;
    let mut connection = connect(folder)?;
    let sql = |error| of_sql(&path, &error);
    let format: i64 = pragma(&connection, "user_version").map_err(sql)?;
    let application: i64 = pragma(&connection, "application_id").map_err(sql)?;
    if format > FORMAT {
        return Err(OutboxError::NewerFormat {
            path,
            found: format,
            known: FORMAT,
        });
    }
    if format == 0 {
        let tables: i64 = connection
            .query_row("SELECT COUNT(*) FROM sqlite_schema", [], |row| row.get(0))
            .map_err(sql)?;
        if must_be_there || tables > 0 {
            let detail = "it has no format, although this folder has been an outbox".into();
            return Err(OutboxError::Corrupt { path, detail });
        }
        create(&mut connection).map_err(sql)?;
    } else if application != APPLICATION_ID {
        let detail = "it is the database of something else".into();
        return Err(OutboxError::Corrupt { path, detail });
    }
    if !must_be_there {
        private_file(&marker)
            .and_then(|file| {
                fs::write(&marker, format!("outbox {FORMAT}\n"))?;
                file.sync_all()?;
                // A run that was killed may have made the folder and not come to flush its name.
                flush_name(&marker)?;
                flush_name(folder)
            })
            .map_err(storage)?;
    }
    Ok(connection)
}

/// A further connection to a database that [`open`] has looked at.
pub(super) fn connect(folder: &Path) -> Result<Connection> {
    let path = database(folder);
    let sql = |error| of_sql(&path, &error);
    let connection = Connection::open(&path).map_err(sql)?;
    connection.busy_timeout(BUSY_MAX).map_err(sql)?;
    set_up(&connection).map_err(sql)?;
    Ok(connection)
}

fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    // Takes effect before the first table only.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // Every commit is flushed: what `enqueue` has answered outlives a power cut.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    // Bodies that were delivered do not linger in free pages.
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "journal_size_limit", LOG_BYTES_MAX)
}

fn create(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(SCHEMA)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

/// Makes the folder, or takes one that is empty or has been an outbox.
fn prepare_folder(folder: &Path) -> Result<()> {
    let storage = |error: io::Error| of_io(folder, &error);
    match fs::read_dir(folder) {
        Ok(mut entries) => {
            let is_ours = folder.join(MARKER).exists() || folder.join(OPEN_LOCK).exists();
            if !is_ours && entries.next().is_some() {
                return Err(OutboxError::Storage {
                    path: folder.to_owned(),
                    detail: "has other files in it; an outbox needs a folder of its own".into(),
                });
            }
            private_folder_mode(folder).map_err(storage)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            private_folder(folder).map_err(storage)
        }
        Err(error) => Err(storage(error)),
    }
}

/// Makes a folder that only this user may enter. When this answers, its name is on the medium, and
/// so are those above it that were missing.
pub(crate) fn private_folder(folder: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = folder
        .ancestors()
        .take_while(|above| *above != Path::new("") && !above.exists())
        .collect();
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    for made in missing {
        flush_name(made)?;
    }
    private_folder_mode(folder)
}

/// Returns when the name of a file or folder is on the medium.
fn flush_name(path: &Path) -> io::Result<()> {
    let above = path.parent().filter(|above| *above != Path::new(""));
    match File::open(above.unwrap_or(Path::new("."))) {
        Ok(above) => above.sync_all(),
        // One may write a folder without reading it; then its names cannot be flushed.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(unix)]
fn private_folder_mode(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    if fs::metadata(folder)?.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn private_folder_mode(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Opens a file for writing that only this user may read; what is in it stays.
pub(crate) fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Takes a lock file, or says that another process has held it for so long.
pub(crate) fn lock(path: &Path, patience: Duration) -> Result<File> {
    let file = private_file(path).map_err(|error| of_io(path, &error))?;
    let mut waited = Duration::ZERO;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(of_io(path, &error)),
            Err(TryLockError::WouldBlock) if waited >= patience => {
                return Err(OutboxError::Busy {
                    path: path.to_owned(),
                    waited,
                });
            }
            Err(TryLockError::WouldBlock) => {
                std::thread::sleep(LOCK_POLL);
                waited += LOCK_POLL;
            }
        }
    }
}

/// What an error of the file system means.
pub(crate) fn of_io(path: &Path, error: &io::Error) -> OutboxError {
    let path = path.to_owned();
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => OutboxError::DiskFull { path },
        _ => OutboxError::Storage {
            path,
            detail: error.to_string(),
        },
    }
}

/// What an error of the database means.
pub(crate) fn of_sql(path: &Path, error: &rusqlite::Error) -> OutboxError {
    let path = path.to_owned();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => OutboxError::Corrupt {
            path,
            detail: error.to_string(),
        },
        Some(ErrorCode::DiskFull) => OutboxError::DiskFull { path },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OutboxError::Busy {
            path,
            waited: BUSY_MAX,
        },
        _ => OutboxError::Storage {
            path,
            detail: error.to_string(),
        },
    }
}
