//! A folder with everything a development hub needs: charter, PKI, settings, data.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use certs::pki::{InitOptions, IssueOptions, Pki};

use crate::charter::Charter;

/// Shanxi's charter, as it was when the hub was built.
pub const CHARTER: &str = include_str!("../../../charters/shanxi.toml");

/// Marks a folder as made by `hub dev`, so that nothing else is ever deleted.
const MARK: &str = ".made-by-hub-dev";

const CONFIG: &str = r#"# A development hub. `hub dev` made this file.
listen = "@LISTEN@"
data_dir = "data"
charter = "charter.toml"
trust_domain = "hub.shanxi.example"
roster_dir = "pki/roster"
reload_interval_ms = 200

[ledger]
origin = "hub.shanxi.example"
key = "pki/hub/ledger.key"

[tls]
certificate = "pki/hub/hub.pem"
key = "pki/hub/hub.key"
client_ca = "pki/ca/ca.pem"
crl = "pki/crl.pem"

[log]
filter = "warn"
"#;

/// A development folder.
#[derive(Debug)]
pub struct Site {
    dir: PathBuf,
    charter: Charter,
}

impl Site {
    /// The folder as it is, or a new one whose hub listens on an address.
    ///
    /// # Errors
    /// When something else is in the folder, or a file cannot be written.
    pub fn open_or_make(dir: &Path, listen: SocketAddr) -> anyhow::Result<Self> {
        let charter = Charter::parse(CHARTER, "charters/shanxi.toml")?;
        let site = Self {
            dir: dir.to_owned(),
            charter,
        };
        if !site.dir.join(MARK).exists() {
            site.make(listen)?;
        }
        Ok(site)
    }

    /// A new folder; an older one of `hub dev`'s own is deleted.
    ///
    /// # Errors
    /// When something else is in the folder, or a file cannot be written.
    pub fn fresh(dir: &Path, listen: SocketAddr) -> anyhow::Result<Self> {
        if dir.join(MARK).exists() {
            fs::remove_dir_all(dir).with_context(|| dir.display().to_string())?;
        }
        Self::open_or_make(dir, listen)
    }

    fn make(&self, listen: SocketAddr) -> anyhow::Result<()> {
        let dir = &self.dir;
        fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
        let is_foreign = |name: &std::ffi::OsStr| name != "tour";
        let mut entries = fs::read_dir(dir)?.filter_map(Result::ok);
        ensure!(
            !entries.any(|entry| is_foreign(&entry.file_name())),
            "{}: holds something else; name another folder with --dir",
            dir.display()
        );
        fs::write(dir.join("charter.toml"), CHARTER)?;
        fs::write(
            self.config_file(),
            CONFIG.replace("@LISTEN@", &listen.to_string()),
        )?;
        let mut pki = Pki::init(&self.pki_dir(), &InitOptions::default())?;
        for agency in self.charter.agencies() {
            let options = IssueOptions::new(agency.id().as_str(), "node-1");
            pki.issue(&IssueOptions {
                hub_endpoint: format!("https://{listen}"),
                ..options
            })?;
        }
        // Written last: a folder that was left half made is not taken for a whole one.
        fs::write(dir.join(MARK), "")?;
        Ok(())
    }

    /// The folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The charter.
    #[must_use]
    pub fn charter(&self) -> &Charter {
        &self.charter
    }

    /// The settings.
    #[must_use]
    pub fn config_file(&self) -> PathBuf {
        self.dir.join("hub.toml")
    }

    /// The PKI.
    #[must_use]
    pub fn pki_dir(&self) -> PathBuf {
        self.dir.join("pki")
    }

    /// The profiles, one folder an agency.
    #[must_use]
    pub fn profiles_dir(&self) -> PathBuf {
        self.pki_dir().join("profiles")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_others_is_touched() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("thesis.txt"), "mine").unwrap();
        let error = Site::fresh(dir.path(), crate::dev::LISTEN).unwrap_err();
        assert!(error.to_string().contains("--dir"), "{error}");
        assert!(dir.path().join("thesis.txt").exists());
    }
}
