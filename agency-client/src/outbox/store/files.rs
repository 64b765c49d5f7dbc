//! The files of an outbox: each content once, under its SHA-256.
//!
//! Invariant: a file that an item needs is in place, whole and flushed, before the item is
//! committed; and a file is swept away only while nothing can be enqueued.

use std::{
    collections::HashSet,
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use hub_core::crypto::{Sha256, hex};
use hub_proto::channels::Attachment;
use rusqlite::{Connection, Transaction};

use super::{
    super::{ATTACHMENT_BYTES_MAX, AttachmentFile, OutboxError, Result, Ticket},
    open::{of_io, private_file, private_folder},
};
use crate::error::ClientError;

/// Files under their SHA-256.
const BLOBS: &str = "blobs";
/// Files on their way in, one folder for each process that has the outbox open.
const INCOMING: &str = "incoming";
/// Bytes that are copied at a time.
const CHUNK_BYTES: usize = 256 * 1024;

#[derive(Debug)]
pub(super) struct Files {
    blobs: PathBuf,
    incoming: PathBuf,
}

/// A file that was copied in and is not in its place yet.
#[derive(Debug)]
pub(super) struct Arrived {
    path: PathBuf,
    sha256: String,
    size_bytes: u64,
    file_name: String,
    media_type: String,
}

impl Arrived {
    pub(super) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    pub(super) fn attachment(&self) -> Attachment {
        Attachment {
            sha256: self.sha256.clone(),
            file_name: self.file_name.clone(),
            media_type: self.media_type.clone(),
            // At most `ATTACHMENT_BYTES_MAX`.
            size_bytes: i64::try_from(self.size_bytes).unwrap_or(i64::MAX),
        }
    }
}

impl Files {
    pub(super) fn open(folder: &Path) -> Result<Self> {
        let files = Self {
            blobs: folder.join(BLOBS),
            incoming: folder.join(INCOMING),
        };
        for folder in [&files.blobs, &files.incoming] {
            private_folder(folder).map_err(|error| of_io(folder, &error))?;
        }
        // Whoever made them may have been killed before their names were on the medium.
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| of_io(folder, &error))?;
        Ok(files)
    }

    /// Where a file of an item is.
    pub(super) fn path(&self, sha256: &str) -> PathBuf {
        self.blobs.join(sha256)
    }

    /// Copies a file in and flushes it.
    pub(super) fn take_in(&self, file: &AttachmentFile) -> Result<Arrived> {
        let path = self.incoming.join(uuid::Uuid::now_v7().to_string());
        let copied = copy(&file.path, &path);
        if copied.is_err() {
            // It may not have come about.
            drop(fs::remove_file(&path));
        }
        let (sha256, size_bytes) = copied?;
        Ok(Arrived {
            path,
            sha256,
            size_bytes,
            file_name: file.file_name.clone(),
            media_type: file.media_type.clone(),
        })
    }

    /// Puts a file into its place, flushed; what is there already has the same content.
    pub(super) fn keep(&self, file: &Arrived) -> Result<()> {
        let place = self.path(&file.sha256);
        let keep = || {
            fs::rename(&file.path, &place)?;
            File::open(&self.blobs)?.sync_all()
        };
        keep().map_err(|error| of_io(&place, &error))
    }

    /// Takes the copy away, if it did not get into its place.
    pub(super) fn forget(&self, file: &Arrived) {
        // What stays behind is swept later.
        drop(fs::remove_file(&file.path));
    }

    /// Removes every file that no item needs; answers how many.
    pub(super) fn sweep(&self, needed: &HashSet<String>) -> Result<u64> {
        let sweep = || {
            let mut swept = 0;
            for entry in fs::read_dir(&self.blobs)? {
                let entry = entry?;
                let is_needed = entry
                    .file_name()
                    .to_str()
                    .is_some_and(|name| needed.contains(name));
                if !is_needed {
                    fs::remove_file(entry.path())?;
                    swept += 1;
                }
            }
            Ok(swept + sweep_incoming(&self.incoming)?)
        };
        sweep().map_err(|error| of_io(&self.blobs, &error))
    }
}

/// Removes copies that a program left behind when it was killed: those older than a day.
fn sweep_incoming(folder: &Path) -> io::Result<u64> {
    const KEPT_S: i64 = 24 * 60 * 60;
    let now = jiff::Timestamp::now().as_second();
    let mut swept = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // The name is a UUIDv7 that says when the copying began.
        let began = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<uuid::Uuid>().ok())
            .and_then(|id| id.get_timestamp())
            .map(|at| i64::try_from(at.to_unix().0).unwrap_or(i64::MAX));
        if began.is_some_and(|began| now.saturating_sub(began) > KEPT_S) {
            fs::remove_file(entry.path())?;
            swept += 1;
        }
    }
    Ok(swept)
}

fn copy(from: &Path, to: &Path) -> Result<(String, u64)> {
    let reading = |error: io::Error| ClientError::file(from, error);
    let writing = |error: io::Error| of_io(to, &error);
    let mut source = File::open(from).map_err(reading)?;
    let mut target = private_file(to).map_err(writing)?;
    let mut hasher = Sha256::new();
    let mut size_bytes = 0_u64;
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let length = source.read(&mut chunk).map_err(reading)?;
        let bytes = chunk.get(..length).unwrap_or_default();
        if bytes.is_empty() {
            break;
        }
        size_bytes += length as u64;
        if size_bytes > ATTACHMENT_BYTES_MAX {
            return Err(OutboxError::TooLarge {
                what: from.display().to_string(),
                bytes: size_bytes,
                bytes_max: ATTACHMENT_BYTES_MAX,
            });
        }
        hasher.update(bytes);
        target.write_all(bytes).map_err(writing)?;
    }
    if size_bytes == 0 {
        return Err(ClientError::file(from, "is empty, and cannot be attached").into());
    }
    target.sync_all().map_err(writing)?;
    Ok((hex(&hasher.finish()), size_bytes))
}

/// Contents that an item still needs.
pub(super) fn needed(connection: &Connection) -> rusqlite::Result<HashSet<String>> {
    let mut query = connection.prepare(
        "SELECT DISTINCT sha256 FROM attachments JOIN items USING (ticket) \
         WHERE state IN ('queued', 'refused')",
    )?;
    let rows = query.query_map([], |row| row.get(0))?;
    rows.collect()
}

pub(super) fn insert(
    transaction: &Transaction<'_>,
    ticket: Ticket,
    files: &[Arrived],
) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached(
        "INSERT INTO attachments (ticket, position, sha256, size_bytes, file_name, media_type) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for (file, position) in files.iter().zip(0_i64..) {
        statement.execute((
            ticket.0,
            position,
            &file.sha256,
            i64::try_from(file.size_bytes).unwrap_or(i64::MAX),
            &file.file_name,
            &file.media_type,
        ))?;
    }
    Ok(())
}
