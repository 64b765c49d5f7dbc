//! Contents of attachments: files named by their SHA-256, `attachments/sha256/<2 hex>/<64 hex>`.
//!
//! A name says what the contents must be, so what is there once need not be copied again, and every
//! copy is checked. Uploads under way are elsewhere (`uploads/`) and are no part of a backup.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use hub_core::crypto::sha256;

use super::{
    files,
    manifest::{AttachmentRecord, Attachments, REMEDY},
};

/// Folder of the contents in the data folder and in a backup.
pub const ATTACHMENTS_DIR: &str = "attachments";

/// Characters of a SHA-256 in hexadecimal.
const NAME_CHARS: usize = 64;

/// Where the contents with a name lie.
fn path_of(dir: &Path, name: &str) -> PathBuf {
    let shard = name.get(..2).unwrap_or_default();
    dir.join(ATTACHMENTS_DIR)
        .join("sha256")
        .join(shard)
        .join(name)
}

fn is_name(text: &str) -> bool {
    let is_hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
    text.len() == NAME_CHARS && text.bytes().all(is_hex)
}

/// Names of all contents below a folder, in order.
fn names(dir: &Path) -> anyhow::Result<Vec<String>> {
    let mut found = vec![];
    for shard in list(&dir.join(ATTACHMENTS_DIR).join("sha256"))? {
        for path in list(&shard)? {
            let name = path.file_name().and_then(|name| name.to_str());
            if let Some(name) = name.filter(|name| is_name(name)) {
                found.push(name.to_owned());
            }
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Paths in a folder; none when it is not there or is no folder.
fn list(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let context = || format!("{}: cannot be listed", dir.display());
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(vec![]);
        }
        Err(error) => return Err(error).with_context(context),
    };
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    paths.collect::<Result<_, _>>().with_context(context)
}

/// What a pass over the attachments did.
#[derive(Debug, Default)]
pub(super) struct Pass {
    pub(super) attachments: Attachments,
    pub(super) written: u64,
    pub(super) removed: u64,
}

/// Copies the contents that are not yet in a backup. What vanishes meanwhile was removed by the hub
/// and is passed over. With `prune`, what the hub no longer has is removed from the backup.
pub(super) fn copy(
    from: &Path,
    to: &Path,
    prune: bool,
    progress: &mut dyn FnMut(String),
) -> anyhow::Result<Pass> {
    let mut pass = Pass::default();
    pass.attachments.copied = true;
    let names = names(from)?;
    let total = names.len();
    for (name, number) in names.iter().zip(1_usize..) {
        let Some(bytes) = length(&path_of(from, name))? else {
            continue;
        };
        let record = AttachmentRecord {
            sha256: name.clone(),
            bytes,
        };
        if length(&path_of(to, name))? == Some(bytes) {
            pass.attachments.files.push(record);
            continue;
        }
        match read(&path_of(from, name))? {
            None => {}
            Some(contents) if files::hex_of(&sha256(&[&contents])) == *name => {
                put(&path_of(to, name), &contents)?;
                pass.written = pass.written.saturating_add(1);
                pass.attachments.files.push(record);
                progress(format!("{number} of {total} attachments"));
            }
            Some(_) => pass.attachments.damaged.push(name.clone()),
        }
    }
    if prune {
        let kept: BTreeSet<&String> = names.iter().collect();
        for name in self::names(to)?.iter().filter(|name| !kept.contains(name)) {
            files::remove(&path_of(to, name))?;
            pass.removed = pass.removed.saturating_add(1);
        }
    }
    Ok(pass)
}

/// Copies the contents that a backup lists, each checked.
pub(super) fn restore(records: &[AttachmentRecord], from: &Path, to: &Path) -> anyhow::Result<()> {
    for record in records {
        let contents = verified(record, from)?;
        put(&path_of(to, &record.sha256), &contents)?;
    }
    Ok(())
}

/// Reads the contents that a backup lists.
pub(super) fn verified(record: &AttachmentRecord, dir: &Path) -> anyhow::Result<Vec<u8>> {
    ensure!(
        is_name(&record.sha256),
        "{:?} is no name of an attachment. {REMEDY}",
        record.sha256
    );
    let path = path_of(dir, &record.sha256);
    let shown = path.display();
    let contents = read(&path)?;
    let contents =
        contents.with_context(|| format!("{shown}: is missing from the backup. {REMEDY}"))?;
    ensure!(
        files::hex_of(&sha256(&[&contents])) == record.sha256,
        "{shown}: is damaged: its SHA-256 is not its name. {REMEDY}"
    );
    Ok(contents)
}

fn put(path: &Path, contents: &[u8]) -> anyhow::Result<()> {
    if let Some(shard) = path.parent() {
        fs::create_dir_all(shard)
            .with_context(|| format!("{}: cannot be made", shard.display()))?;
    }
    files::put(path, contents)
}

fn length(path: &Path) -> anyhow::Result<Option<u64>> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata.len())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{}: cannot be read", path.display())),
    }
}

fn read(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(contents) => Ok(Some(contents)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{}: cannot be read", path.display())),
    }
}
