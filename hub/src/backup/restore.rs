//! `hub restore`: makes a data folder from a backup.
//!
//! Invariant: nothing stands in the data folder under its proper name before the ledger was read
//! whole, the state index was made from it, and `hub fsck` found no error in both. What a run that
//! was broken off left is in a folder of its own, which the next run removes.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, bail, ensure};
use hub_core::note::{NoteSigner, NoteVerifier};
use serde::Serialize;

use super::{
    attachments::{self, ATTACHMENTS_DIR},
    files,
    manifest::{BEGUN_FILE, MANIFEST_FILE, Manifest},
    require_sound, verifier,
};
use crate::{
    clock::{Clock as _, SystemClock},
    config::Config,
    engine::replay,
    fsck,
    ledger::{
        Checkpoint, DataLock, LEDGER_DIR, LOCK_FILE,
        snapshot::{Cut, Target, Walker},
    },
    server,
    state::{
        embedded::{EmbeddedOptions, EmbeddedStore, STATE_DIR},
        store::Store as _,
    },
};

/// Folder in the data folder where a restore works until it is done.
pub const RESTORING_DIR: &str = "restoring";

/// What to restore.
#[derive(Debug, Clone)]
pub struct RestoreOptions {
    /// The backup's folder.
    pub from: PathBuf,
    /// Restore only so many entries, the oldest; all of them without.
    pub to_index: Option<u64>,
}

/// What a restore did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// The data folder.
    pub folder: PathBuf,
    /// Entries in it.
    pub entries: u64,
    /// Entries of the backup that were left out.
    pub entries_left_out: u64,
    /// Root of the tree over the entries, hex.
    pub root: String,
    /// Whether the tree of just these entries had to be signed anew.
    pub signed_anew: bool,
    /// Rows of the state index that were made and held against the ledger.
    pub rows: u64,
    /// Attachments.
    pub attachments: u64,
    /// Whether the backup has attachments at all, or they lie in a store of their own.
    pub attachments_copied: bool,
    /// When the backup was begun.
    pub backup_created_at: String,
}

/// Restores a backup into the data folder of a configuration, which must be empty.
///
/// # Errors
/// With file and remedy. Nothing of the data folder is in place then.
pub fn restore(
    config: &Config,
    options: &RestoreOptions,
    progress: &mut dyn FnMut(String),
) -> anyhow::Result<Restored> {
    let verifier = verifier(config)?;
    let manifest = read_manifest(&options.from, &verifier)?;
    let entries = options.to_index.unwrap_or(manifest.entries);
    ensure!(
        (1..=manifest.entries).contains(&entries),
        "--to-index: must be 1 to {}, the entries of the backup, is {entries}",
        manifest.entries
    );
    let data = &config.data_dir;
    require_empty(data)?;
    let lock = DataLock::acquire(data).context("a hub or another restore has the data folder")?;
    let work = data.join(RESTORING_DIR);
    if work.exists() {
        fs::remove_dir_all(&work).with_context(|| work.display().to_string())?;
    }
    fs::create_dir_all(&work).with_context(|| work.display().to_string())?;

    let (newest, signed_anew) = copy_ledger(config, options, &manifest, entries, progress)?;
    attachments::restore(&manifest.attachments.files, &options.from, &work)?;
    progress("making the state index".to_owned());
    make_state(config, &work, &newest)?;
    let report = check(config, &work, &manifest, progress)?;
    settle(data, &work)?;
    drop(lock);
    Ok(Restored {
        folder: data.clone(),
        entries,
        entries_left_out: manifest.entries.saturating_sub(entries),
        root: files::hex_of(&newest.root),
        signed_anew,
        rows: report.rows_compared,
        attachments: manifest.attachments.files.len() as u64,
        attachments_copied: manifest.attachments.copied,
        backup_created_at: manifest.created_at,
    })
}

fn read_manifest(from: &Path, verifier: &NoteVerifier) -> anyhow::Result<Manifest> {
    let shown = from.display();
    let manifest = Manifest::read(from)?.with_context(|| {
        if from.join(BEGUN_FILE).exists() {
            format!(
                "{shown}: a backup was begun here and has not finished ({MANIFEST_FILE} is \
                 missing); run `hub backup` into the folder again, or restore another backup"
            )
        } else {
            format!("{shown}: is no backup, {MANIFEST_FILE} is missing")
        }
    })?;
    manifest.require_ledger(from, verifier)?;
    Ok(manifest)
}

/// Refuses a data folder that holds anything but what a restore itself leaves.
fn require_empty(data: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(data).with_context(|| format!("{}: cannot be made", data.display()))?;
    let entries = fs::read_dir(data).with_context(|| data.display().to_string())?;
    for entry in entries {
        let name = entry
            .with_context(|| data.display().to_string())?
            .file_name();
        let is_nothing =
            [LOCK_FILE, RESTORING_DIR, "lost+found"].contains(&&*name.to_string_lossy());
        ensure!(
            is_nothing,
            "{}: is not empty, it holds {}. A restore never overwrites: move the folder's contents \
             away and keep them until the restored hub has been looked at",
            data.display(),
            name.to_string_lossy()
        );
    }
    Ok(())
}

/// Copies the segments, each checked against its hash and read whole; the newest checkpoint and
/// whether it had to be signed anew.
fn copy_ledger(
    config: &Config,
    options: &RestoreOptions,
    manifest: &Manifest,
    entries: u64,
    progress: &mut dyn FnMut(String),
) -> anyhow::Result<(Checkpoint, bool)> {
    let key = Arc::new(server::ledger_key(config)?);
    let signer = NoteSigner::new(&config.ledger.origin, key)?;
    let verifier = signer.verifier().clone();
    let cut = Cut { entries, signer };
    let target = Target::new(&config.data_dir.join(RESTORING_DIR))?;
    let mut walker = Walker::new(&options.from, &verifier, None);
    let segments = &manifest.segments;
    // A segment that begins at the cut would be empty; the first one is never left out.
    let kept = segments.iter().filter(|one| one.first < entries.max(1));
    let kept: Vec<_> = kept.collect();
    let mut newest = None;
    for (record, number) in kept.iter().zip(1_usize..) {
        let is_last = number == kept.len();
        let bytes = record.read(&options.from)?;
        let whole = walker.check(record.first, bytes, false, Some(&cut))?;
        target.segment(&whole)?;
        if !is_last {
            target.index(&whole)?;
        }
        progress(format!("{number} of {} segments", kept.len()));
        newest = Some((whole.checkpoint, whole.signed_anew));
    }
    let (checkpoint, signed_anew) = newest.context("the backup has no segment")?;
    ensure!(
        checkpoint.size == entries,
        "{}: {} entries are in the segments, {MANIFEST_FILE} says {}",
        options.from.display(),
        checkpoint.size,
        manifest.entries
    );
    let firsts: Vec<u64> = kept.iter().map(|one| one.first).collect();
    target.finish(&firsts, &checkpoint)?;
    Ok((checkpoint, signed_anew))
}

/// Makes the state index from the ledger.
fn make_state(config: &Config, work: &Path, newest: &Checkpoint) -> anyhow::Result<()> {
    let (store, _) = EmbeddedStore::open(EmbeddedOptions {
        dir: work.to_owned(),
        origin: config.ledger.origin.clone(),
        key: Arc::new(server::ledger_key(config)?),
    })?;
    replay::catch_up(&store)
        .map_err(|error| anyhow::anyhow!(error.context.unwrap_or(error.message)))?;
    let found = store.checkpoint();
    ensure!(
        (found.size, found.root) == (newest.size, newest.root),
        "the restored ledger has {} entries and another root than the backup",
        found.size
    );
    Ok(store.close(SystemClock.now())?)
}

/// Reads everything again from the disk.
fn check(
    config: &Config,
    work: &Path,
    manifest: &Manifest,
    progress: &mut dyn FnMut(String),
) -> anyhow::Result<fsck::Report> {
    let mut config = config.clone();
    work.clone_into(&mut config.data_dir);
    let report = fsck::fsck(&config, &mut |entries| {
        progress(format!("{entries} entries checked"));
    })?;
    // An erasure cannot be undone: the ledger cannot end before the order that it rests on.
    if let Some(order) = report.missing_order
        && (report.entries..manifest.entries).contains(&order)
    {
        bail!(
            "--to-index: contents of the first {} entries were erased by the order in entry {order}; \
             restore at least {} entries, or from a backup that was made before; nothing was put in \
             place",
            report.entries,
            order.saturating_add(1)
        );
    }
    require_sound(&report).context("the restored data is not sound; nothing was put in place")?;
    Ok(report)
}

/// Gives everything its proper name. The ledger is a whole data folder by itself: what is broken
/// off after it is made at the next start.
fn settle(data: &Path, work: &Path) -> anyhow::Result<()> {
    for name in [ATTACHMENTS_DIR, LEDGER_DIR, STATE_DIR] {
        let from = work.join(name);
        if from.exists() {
            fs::rename(&from, data.join(name)).with_context(|| from.display().to_string())?;
            files::sync_dir(data)?;
        }
    }
    fs::remove_dir_all(work).with_context(|| work.display().to_string())?;
    Ok(files::sync_dir(data)?)
}
