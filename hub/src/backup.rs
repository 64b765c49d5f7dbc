//! `hub backup`: copies a data folder beside a running hub, or a stopped one. `hub restore` is in
//! [`restore`].
//!
//! The cast:
//! - [`manifest`]: `backup.json`, which says what a finished backup holds.
//! - [`attachments`]: contents of attachments, named by their hash.
//! - [`restore`]: makes a data folder from a backup.
//! - `files`: files put in place whole.
//! - [`crate::ledger::snapshot`] reads segments beside their writer and checks every byte of them.
//!
//! Invariant: every entry that was acknowledged before the command began is in the backup, each
//! segment was verified from the very bytes that were written, and `backup.json` comes last. The
//! data folder is only read, and its lock is left to the hub.

pub mod attachments;
mod files;
pub mod manifest;
pub mod restore;
mod show;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use hub_core::{crypto::sha256, note::NoteVerifier};
use serde::Serialize;

use self::manifest::{BACKUP_FORMAT, BEGUN_FILE, Manifest, SegmentRecord};
use crate::{
    attachments::settings::Place,
    clock::{Clock as _, SystemClock},
    config::Config,
    fsck,
    ledger::{
        DataLock, LEDGER_DIR,
        snapshot::{self, Target, Walker, Whole},
    },
    server,
};
pub use show::{BackupCommand, RestoreCommand};

/// What to back up, and how.
#[derive(Debug, Clone)]
pub struct BackupOptions {
    /// The backup's folder; made when it is not there.
    pub to: PathBuf,
    /// Read the finished backup again, as `hub fsck` does.
    pub verify: bool,
    /// Remove attachments from the backup that the hub no longer has.
    pub prune: bool,
}

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackedUp {
    /// The backup's folder.
    pub folder: PathBuf,
    /// Entries in it.
    pub entries: u64,
    /// Root of the tree over them, hex.
    pub root: String,
    /// Segment files in it.
    pub segments: u64,
    /// Those that this run wrote; the others were there.
    pub segments_written: u64,
    /// Bytes of all segments.
    pub bytes: u64,
    /// Whether attachments are in it.
    pub attachments_copied: bool,
    /// Attachments in it.
    pub attachments: u64,
    /// Those that this run wrote.
    pub attachments_written: u64,
    /// Those that this run removed, because the hub no longer has them.
    pub attachments_removed: u64,
    /// Attachments of the hub whose contents are others than their names say; left out.
    pub attachments_damaged: Vec<String>,
    /// Whether the finished backup was read again.
    pub verified: bool,
}

/// How often the ledger is gone through while segments begin and contents are erased in it.
const COPY_TRIES_MAX: u32 = 5;

/// Backs up the data folder of a configuration. `progress` is told how far it is.
///
/// # Errors
/// With file and remedy; what is in the folder can be gone on with by another run.
pub fn backup(
    config: &Config,
    options: &BackupOptions,
    progress: &mut dyn FnMut(String),
) -> anyhow::Result<BackedUp> {
    let created_at = SystemClock.now().to_string();
    let to = prepare(config, &options.to)?;
    let lock = DataLock::acquire(&to).context("another run writes into this folder")?;
    let verifier = verifier(config)?;
    let earlier = Manifest::read(&to)?;
    if let Some(earlier) = &earlier {
        earlier.require_ledger(&to, &verifier)?;
    }
    let note = format!("A backup was begun at {created_at} and has not finished.\n");
    files::put(&to.join(BEGUN_FILE), note.as_bytes())?;

    // The ledger comes first: what an entry names was stored before the entry was recorded.
    let copied = copy_whole(config, &to, &verifier, earlier.as_ref(), progress)?;
    let pass = match config.attachments.place()? {
        Place::Local => attachments::copy(&config.data_dir, &to, options.prune, progress)?,
        // A bucket is not copied here; whoever runs it has versions and copies of his own.
        Place::S3 { .. } => attachments::Pass::default(),
    };
    let manifest = Manifest {
        format: BACKUP_FORMAT,
        hub: env!("CARGO_PKG_VERSION").to_owned(),
        created_at,
        origin: config.ledger.origin.clone(),
        ledger_key: verifier.to_string(),
        entries: copied.newest.checkpoint.size,
        root: files::hex_of(&copied.newest.checkpoint.root),
        checkpoint: copied.newest.checkpoint.note.clone(),
        segments: copied.records,
        attachments: pass.attachments,
        digest: String::new(),
    };
    manifest.write(&to)?;
    files::remove(&to.join(BEGUN_FILE))?;
    files::sync_dir(&to)?;
    drop(lock);
    if options.verify {
        verify(config, &to, &manifest, progress)?;
    }
    let count = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
    Ok(BackedUp {
        folder: to,
        entries: manifest.entries,
        root: manifest.root,
        segments: count(manifest.segments.len()),
        segments_written: copied.written,
        bytes: manifest.segments.iter().map(|one| one.bytes).sum(),
        attachments_copied: manifest.attachments.copied,
        attachments: count(manifest.attachments.files.len()),
        attachments_written: pass.written,
        attachments_removed: pass.removed,
        attachments_damaged: manifest.attachments.damaged,
        verified: options.verify,
    })
}

/// The ledger's public key.
fn verifier(config: &Config) -> anyhow::Result<NoteVerifier> {
    let public = server::ledger_key(config)?.public_key();
    let public = <[u8; 32]>::try_from(public.as_slice()).context("the ledger key is no Ed25519")?;
    Ok(NoteVerifier::new(&config.ledger.origin, public)?)
}

/// Makes the backup's folder; it must not lie in the data folder, nor be one.
fn prepare(config: &Config, to: &Path) -> anyhow::Result<PathBuf> {
    let data = &config.data_dir;
    ensure!(
        data.join(LEDGER_DIR).is_dir(),
        "{}: holds no ledger; check data_dir in the settings",
        data.display()
    );
    let context = || format!("{}: cannot be made", to.display());
    fs::create_dir_all(to).with_context(context)?;
    let to = fs::canonicalize(to).with_context(context)?;
    let data = fs::canonicalize(data).with_context(|| data.display().to_string())?;
    ensure!(
        !to.starts_with(&data),
        "{}: lies in the data folder; name a folder elsewhere, best on another disk",
        to.display()
    );
    let is_ours = to.join(manifest::MANIFEST_FILE).exists() || to.join(BEGUN_FILE).exists();
    ensure!(
        is_ours || !to.join(LEDGER_DIR).exists(),
        "{}: holds a ledger that is no backup; name another folder",
        to.display()
    );
    Ok(to)
}

/// What copying the ledger came to.
struct Copied {
    records: Vec<SegmentRecord>,
    newest: Whole,
    written: u64,
    /// Whether contents of it have been erased.
    has_sealed: bool,
}

/// Copies the ledger so that the order of every erasure in it is in it too. The order is older than the
/// erasure, but when a segment began meanwhile it may be there, past the list that was copied.
fn copy_whole(
    config: &Config,
    to: &Path,
    verifier: &NoteVerifier,
    earlier: Option<&Manifest>,
    progress: &mut dyn FnMut(String),
) -> anyhow::Result<Copied> {
    let mut tries = 1;
    let mut written = 0_u64;
    loop {
        let mut copied = copy_ledger(config, to, verifier, earlier, progress)?;
        written = written.saturating_add(copied.written);
        copied.written = written;
        let has_begun = snapshot::segments(&config.data_dir)?.len() != copied.records.len();
        if !(copied.has_sealed && has_begun) {
            return Ok(copied);
        }
        ensure!(
            tries < COPY_TRIES_MAX,
            "contents are erased faster than they can be copied; run it again later"
        );
        tries += 1;
        progress("a segment began meanwhile; looking again".to_owned());
    }
}

fn copy_ledger(
    config: &Config,
    to: &Path,
    verifier: &NoteVerifier,
    earlier: Option<&Manifest>,
    progress: &mut dyn FnMut(String),
) -> anyhow::Result<Copied> {
    let milestone = match earlier {
        Some(earlier) => Some((earlier.entries, earlier.root()?)),
        None => None,
    };
    let foreign = || {
        anyhow::anyhow!(
            "{}: is a backup of {} entries that are not the beginning of this ledger. Keep it, and \
             name another folder; was the data folder exchanged or restored?",
            to.display(),
            earlier.map_or(0, |earlier| earlier.entries)
        )
    };
    // Asked before anything of the earlier backup is replaced; the walk bears it out.
    if let Some((entries, root)) = milestone
        && snapshot::quick_root(&config.data_dir, entries).is_some_and(|found| found != root)
    {
        return Err(foreign());
    }
    // What was acknowledged by now is in the segments of this list.
    let firsts = snapshot::segments(&config.data_dir)?;
    let target = Target::new(to)?;
    let mut walker = Walker::new(&config.data_dir, verifier, milestone);
    let (mut records, mut newest, mut written) = (vec![], None, 0_u64);
    let mut has_sealed = false;
    for (&first, number) in firsts.iter().zip(1_usize..) {
        let is_last = number == firsts.len();
        let whole = walker.next(first, is_last)?;
        if is_last && !walker.met_milestone() {
            return Err(foreign());
        }
        if target.segment(&whole)? {
            written = written.saturating_add(1);
        }
        if !is_last {
            target.index(&whole)?;
        }
        has_sealed |= whole.has_sealed;
        records.push(record(&whole));
        progress(format!("{number} of {} segments", firsts.len()));
        newest = Some(whole);
    }
    let newest = newest.context("the ledger has no segment; run `hub fsck`")?;
    target.finish(&firsts, &newest.checkpoint)?;
    Ok(Copied {
        records,
        newest,
        written,
        has_sealed,
    })
}

fn record(whole: &Whole) -> SegmentRecord {
    let file = snapshot::segment_file(Path::new(""), whole.first);
    SegmentRecord {
        file: file.to_string_lossy().into_owned(),
        first: whole.first,
        entries: whole.entries,
        bytes: whole.bytes.len() as u64,
        sha256: files::hex_of(&sha256(&[&whole.bytes])),
    }
}

/// Reads a finished backup again: hashes, and all that `hub fsck` checks.
fn verify(
    config: &Config,
    to: &Path,
    manifest: &Manifest,
    progress: &mut dyn FnMut(String),
) -> anyhow::Result<()> {
    for record in &manifest.segments {
        record.read(to)?;
    }
    for record in &manifest.attachments.files {
        attachments::verified(record, to)?;
    }
    let mut config = config.clone();
    to.clone_into(&mut config.data_dir);
    let report = fsck::fsck(&config, &mut |entries| {
        progress(format!("{entries} entries verified"));
    })?;
    require_sound(&report)?;
    ensure!(
        report.entries == manifest.entries,
        "{}: {} entries were read, {} were written",
        to.display(),
        report.entries,
        manifest.entries
    );
    Ok(())
}

/// That a check found no error.
fn require_sound(report: &fsck::Report) -> anyhow::Result<()> {
    let is_error = |finding: &&fsck::Finding| finding.severity == fsck::Severity::Error;
    match report.findings.iter().find(is_error) {
        Some(finding) => bail!(
            "{}: {}. {} ({} errors in all)",
            finding.file.display(),
            finding.what,
            finding.remedy,
            report.errors_total
        ),
        None => Ok(()),
    }
}
