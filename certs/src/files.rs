//! Private, atomic files: written beside their place, flushed, then renamed into it.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustls_pki_types::{PrivatePkcs8KeyDer, pem::PemObject as _};

use crate::{Error, Result};

/// Most bytes of a file that this crate reads.
pub const FILE_BYTES_MAX: u64 = 64 << 20;

pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Error + '_ {
    move |source| Error::Io {
        path: path.to_owned(),
        source,
    }
}

/// Makes a folder with its parents; the last one, when new, only its owner can enter.
///
/// # Errors
/// When the operating system refuses.
pub fn private_folder(path: &Path) -> Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(io(path))
}

/// Makes a folder with its parents that everyone may enter.
///
/// # Errors
/// When the operating system refuses.
pub fn public_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(io(path))
}

/// Writes a private file (mode 0600) that must not exist yet.
///
/// # Errors
/// [`Error::Exists`] with the remedy when it does; otherwise when the operating system refuses.
pub fn write_key(path: &Path, contents: &[u8], remedy: &'static str) -> Result<()> {
    let temporary = write_temporary(path, contents, 0o600)?;
    // A hard link, unlike a rename, fails when the name is taken, even by a racing process.
    let linked = fs::hard_link(&temporary, path);
    fs::remove_file(&temporary).map_err(io(&temporary))?;
    match linked {
        Ok(()) => flush_folder(path),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(Error::Exists {
            path: path.to_owned(),
            remedy,
        }),
        Err(error) => Err(io(path)(error)),
    }
}

/// Writes a public file (mode 0644), replacing it in one step.
///
/// # Errors
/// When the operating system refuses.
pub fn write_public(path: &Path, contents: &[u8]) -> Result<()> {
    let temporary = write_temporary(path, contents, 0o644)?;
    fs::rename(&temporary, path).map_err(io(path))?;
    flush_folder(path)
}

/// Reads a text file of at most [`FILE_BYTES_MAX`].
///
/// # Errors
/// When it is missing, too large, or not UTF-8.
pub fn read_text(path: &Path) -> Result<String> {
    let bytes = fs::metadata(path).map_err(io(path))?.len();
    if bytes > FILE_BYTES_MAX {
        return Err(Error::Damaged {
            path: path.to_owned(),
            rule: format!("has {bytes} bytes; at most {FILE_BYTES_MAX} are read"),
        });
    }
    fs::read_to_string(path).map_err(io(path))
}

/// Reads a PKCS#8 PEM private key as DER.
///
/// # Errors
/// When the file is missing or holds no such key.
pub fn read_key(path: &Path) -> Result<Vec<u8>> {
    let text = read_text(path)?;
    PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes())
        .map(|key| key.secret_pkcs8_der().to_vec())
        .map_err(|_| Error::Damaged {
            path: path.to_owned(),
            rule: "must hold one PEM block PRIVATE KEY (PKCS#8)".into(),
        })
}

/// DER as PEM (RFC 7468).
#[must_use]
pub fn pem(label: &str, der: &[u8]) -> String {
    let encoded = STANDARD.encode(der);
    let mut out = format!("-----BEGIN {label}-----\n");
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        // Base64 is ASCII, so that every position is a character's boundary.
        let (line, tail) = rest.split_at(rest.len().min(64));
        out.push_str(line);
        out.push('\n');
        rest = tail;
    }
    out.push_str(&format!("-----END {label}-----\n"));
    out
}

fn write_temporary(path: &Path, contents: &[u8], mode: u32) -> Result<PathBuf> {
    let suffix = hub_core::crypto::hex(&hub_core::crypto::random::<8>()?);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{suffix}.tmp"));
    let temporary = path.with_file_name(name);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(&temporary).map_err(io(&temporary))?;
    let written = file.write_all(contents).and_then(|()| file.sync_all());
    if let Err(error) = written {
        // Best effort: the write's own error is what the caller needs.
        let _removed = fs::remove_file(&temporary);
        return Err(io(path)(error));
    }
    Ok(temporary)
}

fn flush_folder(path: &Path) -> Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(io(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_is_private_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/node.key");
        private_folder(path.parent().unwrap()).unwrap();
        write_key(&path, b"first", "move it away").unwrap();
        let error = write_key(&path, b"second", "move it away").unwrap_err();
        assert!(error.to_string().contains("move it away"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&path), 0o600);
            assert_eq!(mode(path.parent().unwrap()), 0o700);
        }
    }

    #[test]
    fn pem_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("k");
        let der = hub_core::crypto::generate_ed25519_pkcs8().unwrap();
        write_public(&path, pem("PRIVATE KEY", &der).as_bytes()).unwrap();
        assert_eq!(read_key(&path).unwrap(), der);
    }
}
