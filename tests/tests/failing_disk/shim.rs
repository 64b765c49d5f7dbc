//! The shim that makes calls of a process on files fail: built here, and told what to fail.

use std::{
    fs::{self, File, OpenOptions},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use hub_tests::process::hub_binary;

const CONTROL_BYTES: u64 = 4_096;
const FILTER_AT: u64 = 256;
const FILTER_BYTES: usize = 256;
const TOLD_AT: u64 = 512;
const TOLD_BYTES: usize = 1_000;

/// A kind of call; the number is the shim's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Open for writing.
    Open = 0,
    Write = 1,
    Sync = 2,
    Rename = 3,
    Remove = 4,
    Cut = 5,
    Read = 6,
}

/// What a call answers instead of success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// EIO.
    Broken,
    /// ENOSPC.
    Full,
    /// Half of what is to be read or written is, without an error.
    Short,
}

/// Which calls fail.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) class: Class,
    /// What the path has in it.
    pub(crate) on: &'static str,
    /// So many calls succeed before.
    pub(crate) after: u64,
    /// So many fail then.
    pub(crate) count: u64,
    pub(crate) answer: Answer,
}

/// The shim, and the file through which it is told.
pub(crate) struct Shim {
    library: PathBuf,
    control_file: PathBuf,
    control: File,
    folder: PathBuf,
}

impl Shim {
    /// Builds the shim for files under a folder; `work` is where it is put.
    pub(crate) fn build(work: &Path, folder: &Path) -> Self {
        let library = work.join("failing_disk.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("shim/failing_disk.c");
        let built = Command::new("cc")
            .args(["-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o"])
            .arg(&library)
            .arg(source)
            .arg("-ldl")
            .status();
        let built = built.expect("a C compiler is here, as for linking");
        assert!(built.success(), "the shim is built");
        let control_file = work.join("control");
        let control = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&control_file)
            .unwrap();
        control.set_len(CONTROL_BYTES).unwrap();
        Self {
            library,
            control_file,
            control,
            folder: folder.to_path_buf(),
        }
    }

    /// The hub's binary under the shim.
    pub(crate) fn hub(&self) -> Command {
        fs::create_dir_all(&self.folder).unwrap();
        let mut command = Command::new(hub_binary());
        command
            .env("LD_PRELOAD", &self.library)
            .env("FAILING_DISK_DIR", self.folder.canonicalize().unwrap())
            .env("FAILING_DISK_CONTROL", &self.control_file);
        command
    }

    fn put(&self, word: u64, value: u64) {
        let bytes = value.to_ne_bytes();
        self.control.write_all_at(&bytes, word * 8).unwrap();
    }

    fn get(&self, word: u64) -> u64 {
        let mut bytes = [0; 8];
        self.control.read_exact_at(&mut bytes, word * 8).unwrap();
        u64::from_ne_bytes(bytes)
    }

    /// Calls fail from now on.
    pub(crate) fn arm(&self, plan: &Plan) {
        self.disarm();
        let mut filter = plan.on.as_bytes().to_vec();
        filter.resize(FILTER_BYTES, 0);
        self.control.write_all_at(&filter, FILTER_AT).unwrap();
        self.control
            .write_all_at(&[0; TOLD_BYTES], TOLD_AT)
            .unwrap();
        self.put(1, plan.after);
        self.put(2, plan.count);
        let error = match plan.answer {
            Answer::Broken => 5,
            Answer::Full => 28,
            Answer::Short => 0,
        };
        self.put(3, error);
        self.put(4, 0);
        self.put(0, 1 << (plan.class as u64));
    }

    /// No call fails any more.
    pub(crate) fn disarm(&self) {
        self.put(0, 0);
    }

    /// How many calls have failed since it was armed.
    pub(crate) fn failed(&self) -> u64 {
        self.get(4)
    }

    /// The first of them and its path.
    pub(crate) fn told(&self) -> String {
        let mut bytes = [0; TOLD_BYTES];
        self.control.read_exact_at(&mut bytes, TOLD_AT).unwrap();
        let end = bytes.iter().position(|byte| *byte == 0).unwrap();
        String::from_utf8_lossy(&bytes[..end]).into_owned()
    }
}
