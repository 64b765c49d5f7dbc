//! What a command must remember: files in the profile's state folder that survive a crash and that nobody
//! else may read.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use agency_client::ClientError;

use crate::output::Failure;

/// A local file that cannot be used.
pub(crate) fn fault(path: &Path, problem: impl ToString) -> Failure {
    Failure::Client(ClientError::LocalFile {
        path: path.to_owned(),
        problem: problem.to_string(),
    })
}

/// A folder within the state folder, made when it is not there.
pub(crate) fn folder(state_dir: &Path, name: &str) -> Result<PathBuf, Failure> {
    let folder = state_dir.join(name);
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .map_err(|error| fault(&folder, error))?;
    Ok(folder)
}

/// Keeps other runs out as long as the answer lives. `taken` says what another one does.
pub(crate) fn lock(path: &Path, taken: &str) -> Result<File, Failure> {
    let lock = File::create(path).map_err(|error| fault(path, error))?;
    lock.try_lock().map_err(|_| fault(path, taken))?;
    Ok(lock)
}

/// Puts a file in the place of one; after a crash it is the one or the other.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let fresh = path.with_extension("new");
    let written = (|| {
        let mut file = private_file(&fresh)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&fresh, path)?;
        File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
    })();
    written.map_err(|error| fault(path, error))
}

/// Makes a file that only this user may read.
fn private_file(path: &Path) -> io::Result<File> {
    // One that a run left behind may have other rights.
    drop(fs::remove_file(path));
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}
