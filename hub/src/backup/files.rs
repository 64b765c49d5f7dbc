//! Files that are put in place whole and on the medium.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

use anyhow::Context as _;
use hub_core::crypto::{Digest, hex};

use crate::ledger::{RealStorage, Storage as _};

/// Hexadecimal text of a hash.
pub(super) fn hex_of(digest: &Digest) -> String {
    hex(digest)
}

/// Writes a file aside, syncs it, renames it, syncs its folder.
pub(super) fn put(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let shown = path.display();
    place(path, bytes).with_context(|| format!("{shown}: cannot be written"))
}

fn place(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    let file = RealStorage.create(&temporary)?;
    RealStorage.write_at(&file, bytes, 0)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    path.parent().map_or(Ok(()), sync_dir)
}

/// Returns when the names in a folder are on the medium.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Removes a file that may not be there.
pub(super) fn remove(path: &Path) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{}: cannot be removed", path.display()))
        }
        _ => Ok(()),
    }
}
