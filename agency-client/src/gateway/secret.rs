//! The secret that callers send where a socket's permissions do not say who may call.

use std::{fmt, os::unix::fs::PermissionsExt as _, path::Path};

use hub_core::crypto::{Digest, sha256};

use crate::{
    error::{ClientError, Result},
    profile,
};

/// Fewest characters of a secret.
///
/// ```
/// assert_eq!(agency_client::gateway::SECRET_CHARS_MIN, 16);
/// ```
pub const SECRET_CHARS_MIN: usize = 16;

/// A secret, kept as its hash.
pub(super) struct Secret(Digest);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// Reads a file whose one line is the secret.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = profile::text(path)?;
        let secret = text.trim();
        let is_fit =
            secret.len() >= SECRET_CHARS_MIN && secret.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_fit {
            let rule = format!(
                "must hold one line of at least {SECRET_CHARS_MIN} printable ASCII characters without spaces"
            );
            return Err(ClientError::file(path, rule));
        }
        let mode = std::fs::metadata(path)
            .map_err(|error| ClientError::file(path, error))?
            .permissions()
            .mode();
        if mode & 0o007 != 0 {
            return Err(ClientError::file(
                path,
                "can be read by every user of this machine: chmod o= it",
            ));
        }
        Ok(Self(sha256(&[secret.as_bytes()])))
    }

    /// Whether it is the secret, in a time that does not depend on where they differ.
    pub(super) fn is(&self, given: &[u8]) -> bool {
        let given = sha256(&[given]);
        let differing = self
            .0
            .iter()
            .zip(&given)
            .fold(0, |sum, (a, b)| sum | (a ^ b));
        differing == 0
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};

    use super::*;

    #[test]
    fn a_secret_is_compared_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        fs::write(&path, "0123456789abcdef\n").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let secret = Secret::read(&path).unwrap();
        assert!(secret.is(b"0123456789abcdef"));
        for wrong in [
            &b""[..],
            b"0123456789abcde",
            b"0123456789abcdef\n",
            b"x123456789abcdef",
        ] {
            assert!(!secret.is(wrong));
        }
        assert_eq!(format!("{secret:?}"), "Secret");
    }

    #[test]
    fn a_short_secret_and_an_open_file_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        fs::write(&path, "short\n").unwrap();
        let error = Secret::read(&path).unwrap_err().to_string();
        assert!(error.contains("at least 16"), "{error}");
        fs::write(&path, "0123456789abcdef").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let error = Secret::read(&path).unwrap_err().to_string();
        assert!(error.contains("every user"), "{error}");
    }
}
