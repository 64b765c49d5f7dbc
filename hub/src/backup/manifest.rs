//! `backup.json`: what a finished backup holds.

use std::{fs, io::Read as _, path::Path};

use anyhow::{Context as _, bail, ensure};
use hub_core::{
    crypto::{Digest, sha256, unhex},
    note::NoteVerifier,
};
use serde::{Deserialize, Serialize};

use super::files;
use crate::ledger::snapshot;

/// Name of the file in the backup's folder.
pub const MANIFEST_FILE: &str = "backup.json";

/// Stands in the backup's folder from the beginning of a run to its end.
pub const BEGUN_FILE: &str = "backup.begun";

/// The form that this release writes, and the newest that it reads.
pub const BACKUP_FORMAT: u32 = 1;

/// Bytes of a `backup.json` that are read; one attachment takes about 110.
const MANIFEST_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`BACKUP_FORMAT`].
    pub format: u32,
    /// Release of the hub that made it.
    pub hub: String,
    /// When the copying began (RFC 3339, UTC): what was acknowledged before is in it.
    pub created_at: String,
    /// Origin of the ledger.
    pub origin: String,
    /// The ledger's public key, as a C2SP verifier key.
    pub ledger_key: String,
    /// Entries in it.
    pub entries: u64,
    /// Root of the tree over them, hex.
    pub root: String,
    /// The signed checkpoint over them.
    pub checkpoint: String,
    /// The segment files, in order.
    pub segments: Vec<SegmentRecord>,
    /// The attachments.
    pub attachments: Attachments,
    /// SHA-256, hex, of this file as it is with an empty text here: damage to any other field shows.
    #[serde(default)]
    pub digest: String,
}

/// A segment file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentRecord {
    /// Path below the backup's folder.
    pub file: String,
    /// Index of its first entry.
    pub first: u64,
    /// Entries in it.
    pub entries: u64,
    /// Bytes of it that belong to the backup.
    pub bytes: u64,
    /// SHA-256 of these, hex.
    pub sha256: String,
}

/// Which attachments a backup holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachments {
    /// False when the attachments lie in a store that is backed up by itself.
    pub copied: bool,
    /// Each attachment.
    pub files: Vec<AttachmentRecord>,
    /// SHA-256 names of those whose contents are others than their names say; they are not in it.
    pub damaged: Vec<String>,
}

/// An attachment of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachmentRecord {
    /// SHA-256 of the contents, hex.
    pub sha256: String,
    /// Bytes of them.
    pub bytes: u64,
}

impl Manifest {
    /// Reads the manifest of a folder; nothing when there is none.
    ///
    /// # Errors
    /// When it is of a newer form, or damaged.
    pub fn read(dir: &Path) -> anyhow::Result<Option<Self>> {
        #[derive(Deserialize)]
        struct Form {
            format: u32,
        }
        let path = dir.join(MANIFEST_FILE);
        let shown = path.display();
        let file = match fs::File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("{shown}: cannot be read")),
        };
        let mut bytes = vec![];
        file.take(MANIFEST_BYTES_MAX + 1)
            .read_to_end(&mut bytes)
            .with_context(|| format!("{shown}: cannot be read"))?;
        ensure!(
            bytes.len() as u64 <= MANIFEST_BYTES_MAX,
            "{shown}: has more than {MANIFEST_BYTES_MAX} bytes"
        );
        let damaged = || format!("{shown}: is damaged. {REMEDY}");
        let form: Form = serde_json::from_slice(&bytes).with_context(damaged)?;
        if form.format > BACKUP_FORMAT {
            bail!(
                "{shown}: is of backup format {}, this release reads format {BACKUP_FORMAT}. Use \
                 the release that made the backup, or a later one",
                form.format
            );
        }
        let manifest: Self = serde_json::from_slice(&bytes).with_context(damaged)?;
        let (_, digest) = manifest.digested()?;
        ensure!(digest == manifest.digest, damaged());
        Ok(Some(manifest))
    }

    /// The manifest without its digest, and what that is.
    fn digested(&self) -> anyhow::Result<(Self, String)> {
        let mut bare = self.clone();
        bare.digest.clear();
        let digest = files::hex_of(&sha256(&[&serde_json::to_vec_pretty(&bare)?]));
        Ok((bare, digest))
    }

    /// Puts the manifest in place.
    ///
    /// # Errors
    /// The operating system's.
    pub fn write(&self, dir: &Path) -> anyhow::Result<()> {
        let (mut whole, digest) = self.digested()?;
        whole.digest = digest;
        let mut text = serde_json::to_vec_pretty(&whole)?;
        text.push(b'\n');
        files::put(&dir.join(MANIFEST_FILE), &text)
    }

    /// The root as bytes.
    ///
    /// # Errors
    /// When it is none.
    pub fn root(&self) -> anyhow::Result<Digest> {
        let root = unhex(&self.root).and_then(|root| Digest::try_from(root).ok());
        root.with_context(|| format!("{MANIFEST_FILE}: root is no SHA-256"))
    }

    /// That the backup is of this ledger.
    ///
    /// # Errors
    /// With what differs.
    pub fn require_ledger(&self, dir: &Path, verifier: &NoteVerifier) -> anyhow::Result<()> {
        let dir = dir.display();
        ensure!(
            self.origin == verifier.origin(),
            "{dir}: is a backup of the ledger {}, the settings name {} (ledger.origin)",
            self.origin,
            verifier.origin()
        );
        ensure!(
            self.ledger_key == verifier.to_string(),
            "{dir}: was signed with another key than ledger.key of the settings; put the key that \
             belongs to the backup in its place"
        );
        let signed = verifier.verify(&self.checkpoint);
        let signed = signed.with_context(|| format!("{dir}: the checkpoint of {MANIFEST_FILE}"))?;
        ensure!(
            (signed.size, signed.root) == (self.entries, self.root()?),
            "{dir}: {MANIFEST_FILE} contradicts its own checkpoint. {REMEDY}"
        );
        Ok(())
    }
}

impl SegmentRecord {
    /// The bytes of the segment that belong to the backup.
    ///
    /// # Errors
    /// With file and remedy when they are missing, cut or altered.
    pub fn read(&self, dir: &Path) -> anyhow::Result<Vec<u8>> {
        let path = snapshot::segment_file(dir, self.first);
        let shown = path.display();
        let file = match fs::File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                bail!("{shown}: is missing from the backup. {}", remedy(dir))
            }
            Err(error) => return Err(error).with_context(|| format!("{shown}: cannot be read")),
        };
        let mut bytes = vec![];
        file.take(self.bytes)
            .read_to_end(&mut bytes)
            .with_context(|| format!("{shown}: cannot be read"))?;
        let found = bytes.len() as u64;
        ensure!(
            found == self.bytes,
            "{shown}: is cut: {found} of {} bytes are there. {}",
            self.bytes,
            remedy(dir)
        );
        ensure!(
            files::hex_of(&sha256(&[&bytes])) == self.sha256,
            "{shown}: is damaged: its SHA-256 is not the one in {MANIFEST_FILE}. {}",
            remedy(dir)
        );
        Ok(bytes)
    }
}

/// What to do about a damaged backup.
pub(super) const REMEDY: &str = "Restore another backup; or, if the hub it was taken from still has \
                                 its data, run `hub backup` into the same folder again, which mends it";

fn remedy(dir: &Path) -> String {
    if dir.join(BEGUN_FILE).exists() {
        format!("A later run into this folder did not finish. {REMEDY}")
    } else {
        REMEDY.to_owned()
    }
}
