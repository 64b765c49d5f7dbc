//! The file: its form, how it is opened, and what makes it unfit.
//!
//! Everything in it follows from the ledger. A file that is damaged, of another form or of another
//! ledger is deleted and made anew; no fault of it stops the hub.

use std::{
    fs, io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use hub_core::crypto::{Digest, sha256};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, params};

use crate::domain::channels::log::NotificationPlace;

/// Name of the file in the data folder. SQLite puts two more beside it.
pub const SEARCH_FILE: &str = "search.sqlite";

/// Marks the file as one of the hub's: "hubS".
const APPLICATION_ID: i32 = 0x6875_6253;

/// Form of the tables. A file of any other is made anew.
const FORM: i32 = 3;

/// Pages that the writer keeps in memory, in KiB.
const WRITER_CACHE_KIB: i32 = 16 * 1024;

/// Pages that each reader keeps in memory, in KiB.
const READER_CACHE_KIB: i32 = 4 * 1024;

/// Pages in the write-ahead log after which they move into the file, with a sync: 16 MiB. A page that
/// changes often moves less often so.
const LOG_PAGES: i32 = 4_096;

/// How long one connection waits for another's lock.
const BUSY: Duration = Duration::from_secs(5);

/// `notification` has what must be known to take a notification out again; instants never go back along
/// it. `posting` has the places of each term in order, many to a row, so that a page of any filter is a
/// range of it. `request` has those of each request id, one to a row: ids begin with their time, so new
/// ones come at the end. `title` is the full text.
const TABLES: &str = "
CREATE TABLE meta (
    id INTEGER PRIMARY KEY CHECK (id = 0),
    applied INTEGER NOT NULL,
    leaf BLOB NOT NULL,
    is_clean INTEGER NOT NULL
) STRICT;
CREATE TABLE notification (
    place INTEGER PRIMARY KEY,
    published_at_us INTEGER NOT NULL,
    state INTEGER NOT NULL,
    category TEXT NOT NULL,
    is_sealed INTEGER NOT NULL,
    title TEXT NOT NULL,
    terms BLOB NOT NULL
) STRICT;
CREATE TABLE posting (
    term INTEGER NOT NULL,
    first INTEGER NOT NULL,
    rest BLOB NOT NULL,
    PRIMARY KEY (term, first)
) STRICT, WITHOUT ROWID;
CREATE TABLE request (
    id BLOB NOT NULL,
    place INTEGER NOT NULL,
    PRIMARY KEY (id, place)
) STRICT, WITHOUT ROWID;
CREATE VIRTUAL TABLE title USING fts5 (
    text, content = '', columnsize = 0, tokenize = 'ascii', prefix = '1'
);
INSERT INTO title (title, rank) VALUES ('secure-delete', 1);
INSERT INTO meta VALUES (0, 0, x'', 0);
";

/// What went wrong with the file.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub(super) struct Fault {
    what: String,
    kind: FaultKind,
}

/// What is to be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FaultKind {
    /// The file is to be made anew.
    Unfit,
    /// It may be better later: a full disk, a failing one.
    Passing,
    /// The search was told to end.
    Interrupted,
}

impl Fault {
    pub(super) fn unfit(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            kind: FaultKind::Unfit,
        }
    }

    pub(super) fn passing(what: impl ToString) -> Self {
        Self {
            what: what.to_string(),
            kind: FaultKind::Passing,
        }
    }

    pub(super) fn of_kind(what: impl Into<String>, kind: FaultKind) -> Self {
        Self {
            what: what.into(),
            kind,
        }
    }

    pub(super) fn kind(&self) -> FaultKind {
        self.kind
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        let kind = match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => FaultKind::Interrupted,
            Some(
                ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::OutOfMemory
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::PermissionDenied
                | ErrorCode::ReadOnly
                | ErrorCode::FileLockingProtocolFailed,
            ) => FaultKind::Passing,
            _ => FaultKind::Unfit,
        };
        Self {
            what: error.to_string(),
            kind,
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::passing(error)
    }
}

/// The three files that SQLite makes of one.
fn files(dir: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|end| dir.join(format!("{SEARCH_FILE}{end}")))
}

/// Deletes the search index of a data folder, if there is one. It is made anew from the ledger.
///
/// # Errors
/// When the disk refuses.
pub fn delete(dir: &Path) -> io::Result<bool> {
    let mut was_there = false;
    for file in files(dir) {
        match fs::remove_file(&file) {
            Ok(()) => was_there = true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(was_there)
}

/// Opens the file to write, or makes it.
pub(super) fn open_writer(dir: &Path) -> Result<Connection, Fault> {
    let [file, ..] = files(dir);
    // Titles are for the hub's operator only, as the ledger is.
    fs::OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&file)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&file, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    // What is sealed must be gone from the disk, not only unreachable.
    connection.pragma_update(None, "secure_delete", true)?;
    let form: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let owner: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    // In write-ahead mode this loses a tail in a power cut, which is indexed again, and no more.
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
    if tables == 0 {
        let made = connection.unchecked_transaction()?;
        made.execute_batch(TABLES)?;
        made.pragma_update(None, "application_id", APPLICATION_ID)?;
        made.pragma_update(None, "user_version", FORM)?;
        made.commit()?;
    } else if (owner, form) != (APPLICATION_ID, FORM) {
        return Err(Fault::unfit(format!(
            "it has form {form}, this hub reads form {FORM}"
        )));
    }
    Ok(connection)
}

/// Opens the file to read.
pub(super) fn open_reader(dir: &Path) -> Result<Connection, Fault> {
    let [file, ..] = files(dir);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&file, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
    Ok(connection)
}

/// How far the file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Meta {
    /// Ledger entries that are in it.
    pub(super) applied: u64,
    /// Leaf hash of the last of them, which tells whose they are.
    pub(super) leaf: Vec<u8>,
    /// Whether it was closed as it should be.
    pub(super) is_clean: bool,
}

pub(super) fn meta(connection: &Connection) -> Result<Meta, Fault> {
    let row = connection.query_row("SELECT applied, leaf, is_clean FROM meta", [], |row| {
        Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?))
    });
    let (applied, leaf, is_clean) = row
        .optional()?
        .ok_or_else(|| Fault::unfit("its head row is missing"))?;
    Ok(Meta {
        applied: u64::try_from(applied).map_err(|_| Fault::unfit("its head row is damaged"))?,
        leaf,
        is_clean,
    })
}

pub(super) fn set_applied(
    connection: &Connection,
    applied: u64,
    leaf: &Digest,
) -> Result<(), Fault> {
    let applied = i64::try_from(applied).map_err(Fault::passing)?;
    let mut set = connection.prepare_cached("UPDATE meta SET applied = ?1, leaf = ?2")?;
    set.execute(params![applied, leaf.as_slice()])?;
    Ok(())
}

pub(super) fn set_clean(connection: &Connection, is_clean: bool) -> Result<(), Fault> {
    connection.execute("UPDATE meta SET is_clean = ?1", params![is_clean])?;
    Ok(())
}

/// Reads the file through.
pub(super) fn check_whole(connection: &Connection) -> Result<(), Fault> {
    let found: String =
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0))?;
    if found == "ok" {
        Ok(())
    } else {
        Err(Fault::unfit(found))
    }
}

/// Moves everything from the write-ahead log into the file and empties the log. False when a reader
/// stands in the way.
pub(super) fn truncate_log(connection: &Connection) -> Result<bool, Fault> {
    let busy: i64 =
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    Ok(busy == 0)
}

/// Where a notification is on the ledger, as one number that keeps the order: the entry, then 16 bits
/// for the item. Items count up from 0, or down from the last number for what the hub issues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place(pub(super) i64);

const ITEM_BITS: u32 = 16;
const ITEM_MASK: i64 = 0xFFFF;
/// Items from here on were counted down.
const ISSUED_FROM: i64 = 0x8000;

impl Place {
    /// The place of a notification; `None` for what no hub records.
    pub(super) fn new(place: NotificationPlace) -> Option<Self> {
        let item = match place.item {
            item @ 0..=0x7FFF => i64::from(item),
            item @ 0xFFFF_8000.. => i64::from(item) & ITEM_MASK,
            _ => return None,
        };
        let entry = i64::try_from(place.entry_index).ok()?;
        (entry <= i64::MAX >> ITEM_BITS).then_some(Self((entry << ITEM_BITS) | item))
    }

    /// The first and the last place of an entry.
    pub(super) fn of_entry(index: u64) -> Option<(Self, Self)> {
        let Self(first) = Self::new(NotificationPlace {
            entry_index: index,
            item: 0,
        })?;
        Some((Self(first), Self(first | ITEM_MASK)))
    }

    /// The notification's place on the ledger.
    pub(super) fn notification(self) -> NotificationPlace {
        let item = self.0 & ITEM_MASK;
        let item = if item >= ISSUED_FROM {
            item | 0xFFFF_0000
        } else {
            item
        };
        NotificationPlace {
            entry_index: u64::try_from(self.0 >> ITEM_BITS).unwrap_or(0),
            item: u32::try_from(item).unwrap_or(0),
        }
    }
}

/// Something that notifications are found by, but for the words of titles: 8 bytes of the hash of
/// what it is. Two that are the same are as likely as the end of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Term(i64);

impl Term {
    fn of(kind: u8, value: &[u8]) -> Self {
        let hash = sha256(&[&[kind], value]);
        let first = hash.first_chunk::<8>().copied().unwrap_or_default();
        Self(i64::from_be_bytes(first))
    }

    /// Placed in a log, by its name.
    #[must_use]
    pub fn log(name: &str) -> Self {
        Self::of(1, name.as_bytes())
    }

    /// By an author, `agencies/{agency}`.
    #[must_use]
    pub fn author(name: &str) -> Self {
        Self::of(2, name.as_bytes())
    }

    /// Of a category.
    #[must_use]
    pub fn category(id: &str) -> Self {
        Self::of(3, id.as_bytes())
    }

    /// Of a `NotificationKind`.
    #[must_use]
    pub fn kind(kind: i32) -> Self {
        Self::of(4, &kind.to_be_bytes())
    }

    /// In a `NotificationState`.
    #[must_use]
    pub fn state(state: i32) -> Self {
        Self::of(5, &state.to_be_bytes())
    }

    /// Addressed by name to a recipient.
    #[must_use]
    pub fn addressee(name: &str) -> Self {
        Self::of(6, name.as_bytes())
    }

    /// About an organisation, by its unified social credit code.
    #[must_use]
    pub fn subject(uscc: &str) -> Self {
        Self::of(7, uscc.as_bytes())
    }

    /// With a document number, in its one form.
    #[must_use]
    pub fn document(number: &str) -> Self {
        Self::of(8, number.as_bytes())
    }

    /// A reply to a notification.
    #[must_use]
    pub fn reply_to(place: NotificationPlace) -> Self {
        let entry = place.entry_index.to_be_bytes();
        Self::of(9, &[entry.as_slice(), &place.item.to_be_bytes()].concat())
    }

    /// Of a category, and its text has not been sealed.
    #[must_use]
    pub(super) fn unsealed(category: &str) -> Self {
        Self::of(11, category.as_bytes())
    }

    /// A reminder of a notification of an entry.
    #[must_use]
    pub(super) fn reminder_of(entry_index: u64) -> Self {
        Self::of(12, &entry_index.to_be_bytes())
    }

    pub(super) fn id(self) -> i64 {
        self.0
    }

    pub(super) fn from_id(id: i64) -> Self {
        Self(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::channels::log::ISSUED_ITEM;

    #[test]
    fn places_keep_the_order_and_read_back() {
        let mut last = Place(-1);
        for entry_index in [0, 1, 2, 1 << 40] {
            for item in [0, 255, 0x7FFF, ISSUED_ITEM - 0x7FFF, ISSUED_ITEM] {
                let place = NotificationPlace { entry_index, item };
                let made = Place::new(place).unwrap();
                assert!(made > last);
                assert_eq!(made.notification(), place);
                let (from, to) = Place::of_entry(entry_index).unwrap();
                assert!((from..=to).contains(&made));
                last = made;
            }
        }
        let item = 0x8000;
        assert_eq!(
            Place::new(NotificationPlace {
                entry_index: 1,
                item
            }),
            None
        );
        let entry_index = 1 << 60;
        assert_eq!(
            Place::new(NotificationPlace {
                entry_index,
                item: 0
            }),
            None
        );
    }

    #[test]
    fn a_file_of_another_form_is_unfit() {
        let dir = tempfile::tempdir().unwrap();
        let made = open_writer(dir.path()).unwrap();
        assert_eq!(meta(&made).unwrap().applied, 0);
        made.pragma_update(None, "user_version", FORM + 1).unwrap();
        drop(made);
        let refused = open_writer(dir.path()).unwrap_err();
        assert_eq!(refused.kind(), FaultKind::Unfit, "{refused}");
        assert!(delete(dir.path()).unwrap());
        assert!(!delete(dir.path()).unwrap());
        fs::write(dir.path().join(SEARCH_FILE), [7; 8192]).unwrap();
        assert_eq!(
            open_writer(dir.path()).unwrap_err().kind(),
            FaultKind::Unfit
        );
    }

    #[test]
    fn only_the_operator_can_read_the_files() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let writer = open_writer(dir.path()).unwrap();
        set_clean(&writer, false).unwrap();
        for file in files(dir.path()) {
            let mode = fs::metadata(&file).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{}", file.display());
        }
    }
}
