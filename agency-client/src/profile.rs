//! Reads a profile and the keys that it names.
//!
//! Invariant: an `Identity` holds a node key that belongs to its certificate.
//!
//! ```no_run
//! use agency_client::{Client, profile};
//!
//! # fn example() -> agency_client::Result<()> {
//! let profile = profile::load("tax/profile.toml".as_ref())?;
//! let client = Client::builder(&profile).build()?;
//! # drop(client);
//! # Ok(())
//! # }
//! ```

use std::{fmt, fs, path::Path, sync::Arc};

use hub_core::{
    crypto::{Digest, SigningKey, VerifyingKey, sha256},
    note::NoteVerifier,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject as _};

pub use hub_core::profile::Profile;

use crate::error::{ClientError, Result};

/// Largest file that a profile may name, in bytes.
///
/// ```
/// assert_eq!(agency_client::profile::FILE_BYTES_MAX, 1024 * 1024);
/// ```
pub const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Reads a profile file; relative paths in it start at its folder.
///
/// ```no_run
/// use agency_client::profile;
///
/// # fn example() -> agency_client::Result<()> {
/// let profile = profile::load("tax/profile.toml".as_ref())?;
/// println!("{} acts for {}", profile.officer, profile.agency);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`ClientError::LocalFile`] when it cannot be read or breaks a rule; the text names the line.
pub fn load(path: &Path) -> Result<Profile> {
    let text = text(path)?;
    let mut profile: Profile =
        toml::from_str(&text).map_err(|error| ClientError::file(path, error.to_string().trim()))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    for file in [
        &mut profile.certificate,
        &mut profile.key,
        &mut profile.ca,
        &mut profile.token_key,
        &mut profile.ledger_key,
        &mut profile.state_dir,
    ] {
        // Both parts were UTF-8, so nothing is lost; a folder that is not cannot be named here.
        *file = folder
            .join(&*file)
            .into_os_string()
            .into_string()
            .map_err(|_| ClientError::file(path, "the folder's name is not UTF-8"))?;
    }
    Ok(profile)
}

/// Reads a file of at most [`FILE_BYTES_MAX`] bytes.
pub(crate) fn bytes(path: &Path) -> Result<Vec<u8>> {
    let size_bytes = fs::metadata(path)
        .map_err(|error| ClientError::file(path, error))?
        .len();
    if size_bytes > FILE_BYTES_MAX {
        return Err(ClientError::file(
            path,
            format!("{size_bytes} bytes; at most {FILE_BYTES_MAX} are read"),
        ));
    }
    fs::read(path).map_err(|error| ClientError::file(path, error))
}

/// Reads a UTF-8 text file.
pub(crate) fn text(path: &Path) -> Result<String> {
    String::from_utf8(bytes(path)?).map_err(|_| ClientError::file(path, "is not UTF-8 text"))
}

/// The certificates of a PEM file, at least one.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let found = CertificateDer::pem_slice_iter(&bytes(path)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| ClientError::file(path, format!("is no PEM: {error}")))?;
    if found.is_empty() {
        return Err(ClientError::file(path, "holds no PEM certificate"));
    }
    Ok(found)
}

fn private_key(path: &Path) -> Result<PrivatePkcs8KeyDer<'static>> {
    match PrivateKeyDer::from_pem_slice(&bytes(path)?) {
        Ok(PrivateKeyDer::Pkcs8(key)) => Ok(key),
        Ok(_) => Err(ClientError::file(path, "is a private key, but not PKCS#8")),
        // The error is not shown: it could quote the file.
        Err(_) => Err(ClientError::file(path, "holds no PKCS#8 PEM private key")),
    }
}

/// Reads a ledger's verifier key: the text of a C2SP signed-note key in a file.
///
/// ```no_run
/// use agency_client::{checkpoint::CheckpointMemory, profile};
///
/// # fn example() -> agency_client::Result<()> {
/// let key = profile::ledger_key("tax/ledger.vkey".as_ref())?;
/// let memory = CheckpointMemory::new("state", key);
/// println!("{}", memory.path().display());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`ClientError::LocalFile`] when the file cannot be read or holds no such key.
pub fn ledger_key(path: &Path) -> Result<NoteVerifier> {
    text(path)?
        .trim()
        .parse()
        .map_err(|error| ClientError::file(path, error))
}

/// Who a client is: its certificate, its keys, and what it trusts.
pub(crate) struct Identity {
    pub(crate) profile: Profile,
    /// Leaf first.
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) tls_key: PrivatePkcs8KeyDer<'static>,
    /// Signs commitments.
    pub(crate) node_key: SigningKey,
    pub(crate) certificate_sha256: Digest,
    pub(crate) authorities: Vec<CertificateDer<'static>>,
    /// Signs tokens.
    pub(crate) token_key: PrivatePkcs8KeyDer<'static>,
    /// Verifies the ledger's checkpoints.
    pub(crate) ledger_key: NoteVerifier,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}

impl Identity {
    /// Reads every file that the profile names.
    pub(crate) fn load(profile: &Profile) -> Result<Arc<Self>> {
        let key_path = Path::new(&profile.key);
        let chain = certificates(Path::new(&profile.certificate))?;
        let leaf = chain
            .first()
            .ok_or_else(|| ClientError::file(&profile.certificate, "holds no PEM certificate"))?;
        let tls_key = private_key(key_path)?;
        let node_key = SigningKey::from_pkcs8(tls_key.secret_pkcs8_der())
            .map_err(|error| ClientError::file(key_path, error))?;
        let public = VerifyingKey::from_certificate(leaf)
            .map_err(|error| ClientError::file(&profile.certificate, error))?;
        let probe = node_key.sign(b"probe")?;
        public.verify(b"probe", &probe).map_err(|_| {
            ClientError::file(
                key_path,
                format!("is not the key of the certificate {}", profile.certificate),
            )
        })?;
        Ok(Arc::new(Self {
            certificate_sha256: sha256(&[leaf]),
            tls_key,
            node_key,
            authorities: certificates(Path::new(&profile.ca))?,
            token_key: private_key(Path::new(&profile.token_key))?,
            ledger_key: ledger_key(Path::new(&profile.ledger_key))?,
            profile: profile.clone(),
            chain,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Fixture;

    #[test]
    fn a_key_of_another_certificate_is_refused_by_name() {
        let ours = Fixture::new();
        let other = Fixture::new();
        let mut profile = ours.profile();
        profile.key = other.profile().key;
        let error = Identity::load(&profile).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("is not the key of the certificate"), "{text}");
    }

    #[test]
    fn a_bad_profile_names_file_and_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("profile.toml");
        fs::write(&path, "endpoint = \"https://hub\"\nsever_name = \"x\"\n").unwrap();
        let text = load(&path).unwrap_err().to_string();
        assert!(
            text.contains("profile.toml") && text.contains("sever_name") && text.contains("line 2"),
            "{text}"
        );
    }

    #[test]
    fn debug_output_holds_no_key() {
        let fixture = Fixture::new();
        let identity = Identity::load(&fixture.profile()).unwrap();
        let text = format!("{identity:?}");
        assert!(
            !text.contains("Pkcs8") && !text.contains("tls_key"),
            "{text}"
        );
    }
}
