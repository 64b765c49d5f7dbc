//! A small file system of its own, which goes away with the process that holds it.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use hub_tests::process::first_line;
use tempfile::TempDir;

/// Bytes that the filler writes at a time; a page.
const FILL_BYTES: usize = 4_096;

/// A tmpfs in a mount namespace. Its holder sleeps; the namespace is reached through `/proc`.
pub(crate) struct SmallDisk {
    holder: Child,
    root: PathBuf,
    mountpoint: TempDir,
    flags: &'static str,
    /// How it was made.
    pub(crate) way: &'static str,
}

impl SmallDisk {
    /// Makes one of so many MiB, as root or in a user namespace; nothing where neither is allowed.
    pub(crate) fn new(mib: u32) -> Option<Self> {
        ["-m", "-Urm"]
            .into_iter()
            .find_map(|flags| Self::unshared(mib, flags))
    }

    fn unshared(mib: u32, flags: &'static str) -> Option<Self> {
        let mountpoint = TempDir::new().unwrap();
        let script = format!(
            "mount -t tmpfs -o size={mib}m,mode=700 tmpfs '{}' && echo ready && exec sleep 600",
            mountpoint.path().display()
        );
        let mut holder = Command::new("unshare")
            .args([flags, "sh", "-c", &script])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let stdout = holder.stdout.take().unwrap();
        let (line, _) = first_line(&holder, stdout);
        if line.trim() != "ready" {
            drop(holder.kill());
            holder.wait().unwrap();
            return None;
        }
        let inside = mountpoint.path().strip_prefix("/").unwrap();
        let root = Path::new("/proc").join(holder.id().to_string());
        let root = root.join("root").join(inside);
        // Where a command cannot go into the namespace, the file system is of no use.
        let small = Self {
            holder,
            root,
            mountpoint,
            flags,
            way: if flags == "-m" {
                "a tmpfs of root's"
            } else {
                "a tmpfs in a user namespace"
            },
        };
        let mut enter = small.enter();
        let program = enter.remove(0);
        let entered = Command::new(program).args(enter).arg("true").status();
        entered
            .is_ok_and(|status| status.success())
            .then_some(small)
    }

    /// What a command is to be preceded by, to see the file system at [`SmallDisk::inside`].
    pub(crate) fn enter(&self) -> Vec<String> {
        let holder = self.holder.id().to_string();
        let namespaces: &[&str] = if self.flags == "-m" {
            &["-m"]
        } else {
            &["-U", "-m", "--preserve-credentials"]
        };
        let mut command = vec!["nsenter".to_owned(), "--target".to_owned(), holder];
        command.extend(namespaces.iter().map(|one| (*one).to_owned()));
        command
    }

    /// The file system's folder, as commands within see it.
    pub(crate) fn inside(&self) -> &Path {
        self.mountpoint.path()
    }

    /// The file system's folder, as this process sees it.
    pub(crate) fn path(&self) -> &Path {
        &self.root
    }

    fn filler(&self) -> PathBuf {
        self.root.join("filler")
    }

    /// Fills it to the last page.
    pub(crate) fn fill(&self) {
        let mut file = fs::File::create(self.filler()).unwrap();
        loop {
            match file.write_all(&[7; FILL_BYTES]) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::StorageFull => break,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Fills it with so many MiB.
    pub(crate) fn fill_with(&self, mib: usize) {
        let filler = vec![7; mib * 1024 * 1024];
        fs::write(self.filler(), filler).unwrap();
    }

    /// Takes the filler away.
    pub(crate) fn empty(&self) {
        fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(self.holder.kill());
        drop(self.holder.wait());
    }
}
