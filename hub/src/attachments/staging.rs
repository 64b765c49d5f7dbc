//! Uploads: files that are still coming in, and markers of those that have come in whole.
//!
//! On disk, under `{data}/uploads/{agency}/`: `{sha256}-{size}.part` with what has been received, and the
//! empty `{sha256}-{size}.done` once the content is in the store. The same is in memory, where limits
//! are counted; memory is made from the folder at start.
//!
//! Invariant: at most one call writes to an upload, from its beginning until its last write has ended,
//! also when the caller goes away meanwhile.

use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File, OpenOptions},
    io::{self, Read as _},
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use bytes::Bytes;
use hub_core::{
    crypto::{Digest, Sha256, hex, parse_digest},
    names::AgencyId,
    reason::Reason,
};
use jiff::Timestamp;

use super::{Limits, blocking, contents::make_folder, disk, disk_full};
use crate::error::{Error, Result};

/// Received bytes are flushed to the medium each time that so many have come in.
const SYNC_BYTES: u64 = 8 * 1024 * 1024;

/// How much of a file is read at once to hash it, in bytes.
const HASH_BYTES: usize = 1024 * 1024;

/// Only the hub's own user reads what agencies send.
const FILE_MODE: u32 = 0o600;

/// What the hub has of a file that an agency uploads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Upload {
    /// Size of the whole file in bytes.
    pub size_bytes: u64,
    /// How much has been received.
    pub received_bytes: u64,
    /// All of it is there, verified and in the store.
    pub is_complete: bool,
}

/// What is to be uploaded.
#[derive(Debug, Clone, Copy)]
pub struct Start {
    /// SHA-256 of the whole.
    pub sha256: Digest,
    /// Size of the whole, in bytes.
    pub size_bytes: u64,
    /// Where the first byte that comes belongs: 0 begins anew.
    pub offset: u64,
}

/// All uploads.
#[derive(Debug)]
pub(super) struct Staging {
    folder: PathBuf,
    limits: Limits,
    desks: Mutex<HashMap<AgencyId, Desk>>,
}

/// The uploads of one agency.
#[derive(Debug, Default)]
struct Desk {
    open: usize,
    uploads: BTreeMap<Digest, Entry>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    upload: Upload,
    is_open: bool,
}

/// How an upload begins.
#[derive(Debug)]
pub(super) enum Begun {
    /// This agency has sent all of it before.
    Complete(Upload),
    /// Bytes are awaited.
    Open(Incoming),
}

/// An upload that a call writes to.
#[derive(Debug)]
pub struct Incoming {
    slot: Arc<Slot>,
    file: Arc<File>,
    received: u64,
    synced: u64,
}

/// The right to write to an upload. Every write holds it, so that it outlives a caller who goes away.
#[derive(Debug)]
pub(super) struct Slot {
    staging: Arc<Staging>,
    agency: AgencyId,
    start: Start,
}

impl Desk {
    /// Bytes of files that are coming in, as announced; and of those that are complete.
    fn bytes(&self) -> (u64, u64) {
        let mut sums = (0_u64, 0_u64);
        for entry in self.uploads.values() {
            let sum = if entry.upload.is_complete {
                &mut sums.1
            } else {
                &mut sums.0
            };
            *sum = sum.saturating_add(entry.upload.size_bytes);
        }
        sums
    }
}

impl Staging {
    /// Reads what an earlier life of the hub left.
    pub(super) fn open(folder: PathBuf, limits: Limits) -> anyhow::Result<Arc<Self>> {
        make_folder(&folder)?;
        let mut desks: HashMap<AgencyId, Desk> = HashMap::new();
        for agency_folder in read_folder(&folder)? {
            let name = agency_folder.file_name().unwrap_or_default();
            let Ok(agency) = name.to_string_lossy().parse::<AgencyId>() else {
                continue;
            };
            let desk = desks.entry(agency).or_default();
            let mut met: BTreeMap<Digest, PathBuf> = BTreeMap::new();
            for path in read_folder(&agency_folder)? {
                let Some((digest, size_bytes, is_complete)) = parse(&path) else {
                    continue;
                };
                let received_bytes = if is_complete {
                    size_bytes
                } else {
                    fs::metadata(&path)?.len().min(size_bytes)
                };
                let upload = Upload {
                    size_bytes,
                    received_bytes,
                    is_complete,
                };
                let entry = Entry {
                    upload,
                    is_open: false,
                };
                // A marker counts more than what a crash left beside it, which goes: nothing in
                // memory would know of it.
                let left = match desk.uploads.get(&digest) {
                    Some(_) if !is_complete => Some(path),
                    _ => {
                        desk.uploads.insert(digest, entry);
                        met.insert(digest, path)
                    }
                };
                if let Some(left) = left {
                    remove_file(&left).with_context(|| left.display().to_string())?;
                }
            }
        }
        Ok(Arc::new(Self {
            folder,
            limits,
            desks: Mutex::new(desks),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AgencyId, Desk>> {
        self.desks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An upload of an agency.
    pub(super) fn upload(&self, agency: &AgencyId, digest: &Digest) -> Option<Upload> {
        let desks = self.lock();
        let entry = desks.get(agency)?.uploads.get(digest)?;
        Some(entry.upload)
    }

    /// Begins an upload, or goes on with one.
    pub(super) async fn begin(self: &Arc<Self>, agency: &AgencyId, start: Start) -> Result<Begun> {
        if let Some(upload) = self.reserve(agency, start)? {
            return Ok(Begun::Complete(upload));
        }
        let slot = Arc::new(Slot {
            staging: Arc::clone(self),
            agency: agency.clone(),
            start,
        });
        let open = move || {
            let path = slot.part();
            let file = slot.open_file(&path)?;
            let received = file.metadata().map_err(disk("look at", &path))?.len();
            slot.note(received);
            slot.require_room(start.size_bytes.saturating_sub(received))?;
            let expected = start.offset;
            // What a crash of the machine left may be longer than what was announced: begin anew.
            if received > start.size_bytes || expected == 0 {
                file.set_len(0).map_err(disk("empty", &path))?;
                slot.note(0);
            }
            let received = if expected == 0 { 0 } else { received };
            if received != expected {
                return Err(Error::field(
                    "start.offset",
                    format!("must be 0 or {received}, which is how much has been received"),
                ));
            }
            Ok(Incoming {
                slot,
                file: Arc::new(file),
                received,
                synced: received,
            })
        };
        blocking(open).await.map(Begun::Open)
    }

    /// Takes the right to write, within the limits; an upload that is complete instead.
    fn reserve(&self, agency: &AgencyId, start: Start) -> Result<Option<Upload>> {
        let mut desks = self.lock();
        let desk = desks.entry(agency.clone()).or_default();
        let known = desk.uploads.get(&start.sha256).copied();
        if let Some(known) = known {
            if known.upload.size_bytes != start.size_bytes && known.upload.is_complete {
                let rule = format!("must be {}, the size of the file", known.upload.size_bytes);
                return Err(Error::field("start.size_bytes", rule));
            }
            if known.upload.is_complete {
                return Ok(Some(known.upload));
            }
            if known.is_open {
                return Err(Error::new(
                    Reason::Conflict,
                    "another call of this agency is uploading this file; ask how far it is, and go \
                     on when that call has ended",
                ));
            }
            if known.upload.size_bytes != start.size_bytes && start.offset != 0 {
                let rule = format!(
                    "must be {} as before, or begin anew at 0",
                    known.upload.size_bytes
                );
                return Err(Error::field("start.size_bytes", rule));
            }
        } else if start.offset != 0 {
            let rule = "must be 0: nothing of this file has been received";
            return Err(Error::field("start.offset", rule));
        }
        self.limits
            .check(desk, start, known.map(|one| one.upload))?;
        if let Some(known) = known
            && known.upload.size_bytes != start.size_bytes
        {
            // The name holds the size: the old file goes.
            let path = part(&self.folder, agency, &start.sha256, known.upload.size_bytes);
            remove_file(&path).map_err(disk("remove", &path))?;
        }
        desk.open = desk.open.saturating_add(1);
        let upload = Upload {
            size_bytes: start.size_bytes,
            received_bytes: known.map_or(0, |one| one.upload.received_bytes),
            is_complete: false,
        };
        let entry = Entry {
            upload,
            is_open: true,
        };
        desk.uploads.insert(start.sha256, entry);
        Ok(None)
    }

    /// Forgets complete uploads, which notifications name now.
    pub(super) fn settle(&self, agency: &AgencyId, digests: &[Digest]) -> Result<()> {
        for digest in digests {
            let complete = self.upload(agency, digest).filter(|one| one.is_complete);
            let Some(upload) = complete else { continue };
            let path = done(&self.folder, agency, digest, upload.size_bytes);
            remove_file(&path).map_err(disk("remove", &path))?;
            if let Some(desk) = self.lock().get_mut(agency) {
                desk.uploads.remove(digest);
            }
        }
        Ok(())
    }

    /// Removes what has not been touched since an instant. Answers how much.
    pub(super) fn clean(&self, before: Timestamp) -> Result<usize> {
        let mut old = vec![];
        for (agency, digest, entry) in self.entries() {
            let size = entry.upload.size_bytes;
            let path = if entry.upload.is_complete {
                done(&self.folder, &agency, &digest, size)
            } else {
                part(&self.folder, &agency, &digest, size)
            };
            if !entry.is_open && is_older(&path, before).map_err(disk("look at", &path))? {
                old.push((agency, digest, path));
            }
        }
        let mut removed = 0;
        for (agency, digest, path) in old {
            let mut desks = self.lock();
            let Some(desk) = desks.get_mut(&agency) else {
                continue;
            };
            // It may have been gone on with since.
            if desk.uploads.get(&digest).is_some_and(|entry| entry.is_open) {
                continue;
            }
            remove_file(&path).map_err(disk("remove", &path))?;
            desk.uploads.remove(&digest);
            removed += 1;
        }
        Ok(removed)
    }

    /// Contents that some agency has sent whole and not yet named.
    pub(super) fn claimed(&self) -> std::collections::HashSet<Digest> {
        let complete = |(_, digest, entry): (AgencyId, Digest, Entry)| {
            entry.upload.is_complete.then_some(digest)
        };
        self.entries().into_iter().filter_map(complete).collect()
    }

    fn entries(&self) -> Vec<(AgencyId, Digest, Entry)> {
        let desks = self.lock();
        let all = desks.iter().flat_map(|(agency, desk)| {
            let uploads = desk.uploads.iter();
            uploads.map(|(digest, entry)| (agency.clone(), *digest, *entry))
        });
        all.collect()
    }
}

impl Limits {
    /// Whether an agency may begin an upload, or go on with one that is `known`.
    fn check(&self, desk: &Desk, start: Start, known: Option<Upload>) -> Result<()> {
        let full = |what: String, hint: Duration| Err(Error::limit(what, hint));
        if desk.open >= self.agency_open_max {
            let what = format!(
                "an agency uploads at most {} files at once",
                self.agency_open_max
            );
            return full(what, Duration::from_secs(1));
        }
        if known.is_none() && desk.uploads.len() >= self.agency_uploads_max {
            let what = format!(
                "an agency has at most {} files that no notification of its own names yet; what is \
                 not named is removed after a day",
                self.agency_uploads_max
            );
            return full(what, Duration::from_secs(60));
        }
        let (mut coming, complete) = desk.bytes();
        coming = coming.saturating_sub(known.map_or(0, |one| one.size_bytes));
        if coming.saturating_add(start.size_bytes) > self.agency_coming_bytes_max {
            let what = format!(
                "files that an agency has begun to upload come to at most {} bytes; finish one first",
                self.agency_coming_bytes_max
            );
            return full(what, Duration::from_secs(10));
        }
        if complete.saturating_add(start.size_bytes) > self.agency_complete_bytes_max {
            let what = format!(
                "files that no notification of an agency's names yet come to at most {} bytes; what \
                 is not named is removed after a day",
                self.agency_complete_bytes_max
            );
            return full(what, Duration::from_secs(60));
        }
        Ok(())
    }
}

impl Slot {
    pub(super) fn part(&self) -> PathBuf {
        let (folder, start) = (&self.staging.folder, &self.start);
        part(folder, &self.agency, &start.sha256, start.size_bytes)
    }

    /// Uploads never take the room that the ledger needs: an agency's files must not keep the others
    /// from recording anything.
    fn require_room(&self, bytes: u64) -> Result<()> {
        let folder = &self.staging.folder;
        let free = match rustix::fs::statvfs(folder) {
            Ok(found) => found.f_bavail.saturating_mul(found.f_frsize),
            // A file system that does not tell is found full by writing.
            Err(_) => return Ok(()),
        };
        let needed = self.staging.limits.free_bytes_min.saturating_add(bytes);
        if free >= needed {
            return Ok(());
        }
        Err(Error {
            context: Some(format!(
                "{free} bytes are free for {}, an upload needs {needed}",
                folder.display()
            )),
            ..disk_full()
        })
    }

    fn open_file(&self, path: &Path) -> Result<File> {
        if let Some(folder) = path.parent() {
            make_folder(folder).map_err(|error| Error::internal(format!("{error:#}")))?;
        }
        OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(FILE_MODE)
            .open(path)
            .map_err(disk("open", path))
    }

    fn note(&self, received: u64) {
        self.change(|entry| entry.upload.received_bytes = received);
    }

    fn change(&self, change: impl FnOnce(&mut Entry)) {
        let mut desks = self.staging.lock();
        let desk = desks.get_mut(&self.agency);
        if let Some(entry) = desk.and_then(|desk| desk.uploads.get_mut(&self.start.sha256)) {
            change(entry);
        }
    }

    /// Marks the upload as complete, now that the content is in the store, and drops what was staged.
    pub(super) fn complete(&self) -> Result<Upload> {
        let (folder, start) = (&self.staging.folder, &self.start);
        let marker = done(folder, &self.agency, &start.sha256, start.size_bytes);
        let made = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(FILE_MODE)
            .open(&marker);
        made.and_then(|file| file.sync_all())
            .map_err(disk("make", &marker))?;
        let part = self.part();
        remove_file(&part).map_err(disk("remove", &part))?;
        sync_parent(&marker)?;
        let upload = Upload {
            size_bytes: start.size_bytes,
            received_bytes: start.size_bytes,
            is_complete: true,
        };
        self.change(|entry| entry.upload = upload);
        Ok(upload)
    }

    /// Drops what was received: it is not the file that was announced.
    fn discard(&self) -> Result<()> {
        let path = self.part();
        remove_file(&path).map_err(disk("remove", &path))?;
        self.note(0);
        Ok(())
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut desks = self.staging.lock();
        let Some(desk) = desks.get_mut(&self.agency) else {
            return;
        };
        desk.open = desk.open.saturating_sub(1);
        if let Some(entry) = desk.uploads.get_mut(&self.start.sha256) {
            entry.is_open = false;
            // Nothing came: nothing is kept in mind, nor on disk.
            if entry.upload.received_bytes == 0 {
                desk.uploads.remove(&self.start.sha256);
                if let Err(error) = remove_file(&self.part()) {
                    tracing::warn!(%error, "an empty upload could not be removed");
                }
            }
        }
    }
}

impl Incoming {
    /// How much has been received.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received
    }

    pub(super) fn slot(&self) -> &Arc<Slot> {
        &self.slot
    }

    /// Stores the next bytes.
    ///
    /// # Errors
    /// When there are more than were announced, or the disk fails.
    pub async fn write(&mut self, chunk: Bytes) -> Result<()> {
        let length = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        let (at, end) = (self.received, self.received.saturating_add(length));
        if end > self.slot.start.size_bytes {
            return Err(Error::field(
                "chunk",
                format!(
                    "must not go past start.size_bytes, {}",
                    self.slot.start.size_bytes
                ),
            ));
        }
        let is_sync_due = end.saturating_sub(self.synced) >= SYNC_BYTES;
        let (slot, file) = (Arc::clone(&self.slot), Arc::clone(&self.file));
        blocking(move || {
            let path = slot.part();
            if is_sync_due {
                slot.require_room(length)?;
            }
            file.write_all_at(&chunk, at)
                .map_err(disk("write", &path))?;
            slot.note(end);
            if is_sync_due {
                file.sync_data().map_err(disk("sync", &path))?;
            }
            Ok(())
        })
        .await?;
        self.received = end;
        if is_sync_due {
            self.synced = end;
        }
        Ok(())
    }

    /// Flushes what was received, so that it is there to go on from.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn sync(&mut self) -> Result<()> {
        let (slot, file) = (Arc::clone(&self.slot), Arc::clone(&self.file));
        blocking(move || file.sync_all().map_err(disk("sync", &slot.part()))).await?;
        self.synced = self.received;
        Ok(())
    }

    /// Flushes the file and holds it against its SHA-256; what does not agree is dropped.
    pub(super) async fn verify(&mut self) -> Result<()> {
        let size = self.slot.start.size_bytes;
        if self.received != size {
            self.sync().await?;
            return Err(Error::field(
                "chunk",
                format!(
                    "the stream ended after {} of {size} bytes; send the rest from there",
                    self.received
                ),
            ));
        }
        self.sync().await?;
        let (slot, file) = (Arc::clone(&self.slot), Arc::clone(&self.file));
        blocking(move || {
            if digest(&file).map_err(disk("read", &slot.part()))? == slot.start.sha256 {
                return Ok(());
            }
            slot.discard()?;
            Err(Error::field(
                "start.sha256",
                "must be the SHA-256 of the file; what was received has another, and was dropped",
            ))
        })
        .await
    }
}

/// SHA-256 of a whole file, from its beginning.
fn digest(file: &File) -> io::Result<Digest> {
    let mut file = file;
    io::Seek::rewind(&mut file)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; HASH_BYTES];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok(hash.finish());
        }
        hash.update(buffer.get(..count).unwrap_or_default());
    }
}

fn part(folder: &Path, agency: &AgencyId, digest: &Digest, size: u64) -> PathBuf {
    let name = format!("{}-{size}.part", hex(digest));
    folder.join(agency.as_str()).join(name)
}

fn done(folder: &Path, agency: &AgencyId, digest: &Digest, size: u64) -> PathBuf {
    let name = format!("{}-{size}.done", hex(digest));
    folder.join(agency.as_str()).join(name)
}

/// What a file's name tells: content, size, and whether it is complete.
fn parse(path: &Path) -> Option<(Digest, u64, bool)> {
    let (stem, extension) = path.file_name()?.to_str()?.rsplit_once('.')?;
    let is_complete = match extension {
        "part" => false,
        "done" => true,
        _ => return None,
    };
    let (digits, size) = stem.split_once('-')?;
    Some((parse_digest(digits)?, size.parse().ok()?, is_complete))
}

fn read_folder(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(path).with_context(|| path.display().to_string())?;
    entries
        .map(|entry| Ok(entry.with_context(|| path.display().to_string())?.path()))
        .collect()
}

/// Removes a file that may be gone already.
fn remove_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Whether a file was last changed before an instant; one that is gone counts as old.
fn is_older(path: &Path, before: Timestamp) -> io::Result<bool> {
    let modified = match fs::metadata(path) {
        Ok(metadata) => metadata.modified()?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(error),
    };
    Ok(Timestamp::try_from(modified).is_ok_and(|at| at < before))
}

/// Returns when the name of a file is on the medium.
pub(super) fn sync_parent(path: &Path) -> Result<()> {
    let Some(folder) = path.parent() else {
        return Ok(());
    };
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(disk("sync", folder))
}
