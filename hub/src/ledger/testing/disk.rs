//! A disk that can fail and lose its power.
//!
//! Every call is made on real files, so that readers find them, and it is remembered what of it the
//! medium has. A sync makes a file's bytes durable, a sync of the folder its names. What is not
//! durable may be there or not after a power cut: each sector of 512 bytes and each name for itself,
//! in any order. What a sync that failed was to write is never made durable by a later one: the
//! operating system takes the pages for clean then, and goes on answering them to readers.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io,
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::Random;
use crate::ledger::{RealStorage, Storage};

/// What a disk writes whole or not at all.
const SECTOR_BYTES: u64 = 512;

/// A call that changes files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Create,
    Remove,
    Write,
    Sync,
    SetLen,
    Rename,
    SyncDir,
}

/// What the disk answers instead of success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// EIO; part may be done.
    Broken,
    /// ENOSPC, from calls that take room; part may be written.
    Full,
    /// Nothing: the process is killed within the call, and makes no other.
    Killed,
}

/// Which calls fail.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    /// So many calls succeed before.
    pub(crate) after: u64,
    /// So many fail then.
    pub(crate) count: u64,
    pub(crate) failure: Failure,
}

/// A call that failed, and the name of its file.
pub(crate) type Fired = (Call, String);

#[derive(Debug)]
pub(crate) struct ModelDisk(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    /// The ledger's folder.
    dir: PathBuf,
    random: Random,
    files: BTreeMap<Inode, Held>,
    /// Names on the medium.
    durable: BTreeMap<PathBuf, Inode>,
    names: Vec<Change<Name>>,
    calls: u64,
    fault: Option<Fault>,
    /// The process was killed: it makes no call any more.
    is_gone: bool,
    fired: Vec<Fired>,
}

type Inode = u64;

#[derive(Debug)]
struct Held {
    /// Keeps the number of the file from being given to another one.
    _file: File,
    path: PathBuf,
    /// What is durable for sure, and what has changed since.
    base: Vec<u8>,
    changes: Vec<Change<Bytes>>,
}

/// Something that the medium may have or not.
#[derive(Debug)]
struct Change<T> {
    call: u64,
    what: T,
    fate: Fate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Pending,
    /// A sync that failed was to write it.
    Forgotten,
    Durable,
}

#[derive(Debug)]
enum Bytes {
    Written(u64, Vec<u8>),
    Length(u64),
}

#[derive(Debug)]
enum Name {
    Put(PathBuf, Inode),
    Moved(PathBuf, PathBuf, Inode),
    Gone(PathBuf),
}

/// Which changes that are not durable a power cut leaves.
#[derive(Debug, Clone, Copy)]
enum Left {
    None,
    All,
    /// Each by chance, so many times in a hundred.
    Some(u64),
    /// Those before a call.
    Until(u64),
}

impl ModelDisk {
    /// A disk under a ledger's folder; all that is there is durable.
    pub(crate) fn new(dir: &Path, seed: u64) -> Self {
        let mut inner = Inner {
            dir: dir.to_path_buf(),
            random: Random::new(seed),
            files: BTreeMap::new(),
            durable: BTreeMap::new(),
            names: vec![],
            calls: 0,
            fault: None,
            is_gone: false,
            fired: vec![],
        };
        inner.look();
        Self(Mutex::new(inner))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets calls fail from now on, or none any more; a process that was killed is another one then.
    pub(crate) fn set_fault(&self, fault: Option<Fault>) {
        let mut inner = self.lock();
        inner.fault = fault;
        inner.is_gone = false;
    }

    /// The calls that failed since this was last asked.
    pub(crate) fn take_fired(&self) -> Vec<Fired> {
        std::mem::take(&mut self.lock().fired)
    }

    /// The power goes and comes again: the folder is what the medium has, and nobody may have a file
    /// of it open.
    pub(crate) fn cut_power(&self) {
        let mut inner = self.lock();
        let image = inner.image();
        for path in list(&inner.dir) {
            fs::remove_file(path).unwrap();
        }
        for (path, bytes) in &image {
            fs::write(path, bytes).unwrap();
        }
        inner.fault = None;
        inner.is_gone = false;
        inner.look();
    }
}

fn list(dir: &Path) -> Vec<PathBuf> {
    match fs::read_dir(dir) {
        Ok(entries) => entries.map(|entry| entry.unwrap().path()).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => vec![],
        Err(error) => panic!("{error}"),
    }
}

impl Inner {
    /// Takes all that is there for durable.
    fn look(&mut self) {
        self.files.clear();
        self.durable.clear();
        self.names.clear();
        for path in list(&self.dir) {
            let file = File::open(&path).unwrap();
            let bytes = fs::read(&path).unwrap();
            let inode = self.hold(&file, &path, bytes);
            self.durable.insert(path, inode);
        }
    }

    fn hold(&mut self, file: &File, path: &Path, base: Vec<u8>) -> Inode {
        let inode = file.metadata().unwrap().ino();
        let held = Held {
            _file: file.try_clone().unwrap(),
            path: path.to_path_buf(),
            base,
            changes: vec![],
        };
        self.files.insert(inode, held);
        inode
    }

    fn held(&mut self, file: &File) -> &mut Held {
        let inode = file.metadata().unwrap().ino();
        self.files.get_mut(&inode).expect("a file of the folder")
    }

    /// Counts a call; how it fails, if it does.
    fn enter(&mut self, call: Call, path: &Path) -> io::Result<Option<Failure>> {
        if self.is_gone {
            return Err(failed(Failure::Killed));
        }
        self.calls += 1;
        let failure = self.fails(call, path);
        self.is_gone = failure == Some(Failure::Killed);
        Ok(failure)
    }

    fn fails(&mut self, call: Call, path: &Path) -> Option<Failure> {
        let fault = self.fault.as_mut()?;
        let takes_room = matches!(call, Call::Create | Call::Write | Call::Rename);
        if fault.failure == Failure::Full && !takes_room {
            return None;
        }
        if fault.after > 0 {
            fault.after -= 1;
            return None;
        }
        fault.count = fault.count.checked_sub(1)?;
        let failure = fault.failure;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        self.fired.push((call, name.into_owned()));
        Some(failure)
    }

    fn change(&mut self, file: &File, what: Bytes) {
        let call = self.calls;
        self.held(file).changes.push(Change {
            call,
            what,
            fate: Fate::Pending,
        });
    }

    fn change_name(&mut self, name: Name) {
        self.names.push(Change {
            call: self.calls,
            what: name,
            fate: Fate::Pending,
        });
    }

    /// What the medium has, as far as a power cut now can tell.
    fn image(&mut self) -> BTreeMap<PathBuf, Vec<u8>> {
        let left = match self.random.below(4) {
            0 => Left::None,
            1 => Left::All,
            2 => Left::Some(5 + self.random.below(91)),
            _ => Left::Until(self.calls.saturating_sub(self.random.below(12))),
        };
        let random = &mut self.random;
        let mut names = self.durable.clone();
        for change in &self.names {
            if change.is_left(left, random) {
                change.what.apply(&mut names);
            }
        }
        let files = &self.files;
        let bytes = names
            .into_iter()
            .map(|(path, inode)| (path, files[&inode].left(left, random)));
        bytes.collect()
    }
}

impl<T> Change<T> {
    fn is_left(&self, left: Left, random: &mut Random) -> bool {
        self.fate == Fate::Durable
            || match left {
                Left::None => false,
                Left::All => true,
                Left::Some(percent) => random.percent(percent),
                Left::Until(call) => self.call < call,
            }
    }
}

/// Settles what a sync has done, and hands over what is durable from the beginning on.
fn settle<T>(changes: &mut Vec<Change<T>>, is_done: bool) -> Vec<T> {
    let fate = if is_done {
        Fate::Durable
    } else {
        Fate::Forgotten
    };
    for change in changes.iter_mut() {
        if change.fate == Fate::Pending {
            change.fate = fate;
        }
    }
    let durable = changes
        .iter()
        .take_while(|change| change.fate == Fate::Durable)
        .count();
    changes.drain(..durable).map(|change| change.what).collect()
}

impl Name {
    fn apply(&self, names: &mut BTreeMap<PathBuf, Inode>) {
        match self {
            Self::Put(path, inode) => {
                names.insert(path.clone(), *inode);
            }
            Self::Moved(from, to, inode) => {
                names.retain(|path, there| path != from || there != inode);
                names.insert(to.clone(), *inode);
            }
            Self::Gone(path) => {
                names.remove(path);
            }
        }
    }
}

impl Bytes {
    /// Puts all of it into a file, or, of what was written, the sectors that a test holds for.
    fn apply(&self, file: &mut Vec<u8>, mut is_left: impl FnMut() -> bool) {
        match self {
            Self::Length(length) => {
                if is_left() {
                    file.resize(usize::try_from(*length).unwrap(), 0);
                }
            }
            Self::Written(offset, bytes) => {
                let mut rest = bytes.as_slice();
                let mut at = *offset;
                while !rest.is_empty() {
                    let sector = usize::try_from(SECTOR_BYTES - at % SECTOR_BYTES).unwrap();
                    let (now, later) = rest.split_at(sector.min(rest.len()));
                    if is_left() {
                        put(file, at, now);
                    }
                    at += u64::try_from(now.len()).unwrap();
                    rest = later;
                }
            }
        }
    }
}

fn put(file: &mut Vec<u8>, at: u64, bytes: &[u8]) {
    let at = usize::try_from(at).unwrap();
    let end = at + bytes.len();
    if file.len() < end {
        file.resize(end, 0);
    }
    file[at..end].copy_from_slice(bytes);
}

impl Held {
    fn left(&self, left: Left, random: &mut Random) -> Vec<u8> {
        let mut bytes = self.base.clone();
        for change in &self.changes {
            let is_last = matches!(left, Left::Until(call) if call == change.call);
            if is_last
                && change.fate != Fate::Durable
                && let Bytes::Written(offset, written) = &change.what
            {
                // The last write that was under way, up to some byte.
                let part = random.index(written.len() + 1);
                put(&mut bytes, *offset, &written[..part]);
                continue;
            }
            change
                .what
                .apply(&mut bytes, || change.is_left(left, random));
            if let Bytes::Written(offset, written) = &change.what
                && change.fate != Fate::Durable
                && matches!(left, Left::Some(_))
                && random.percent(50)
            {
                // The length is known, and what was not written is read as zeros.
                let end = usize::try_from(*offset).unwrap() + written.len();
                bytes.resize(bytes.len().max(end), 0);
            }
        }
        bytes
    }

    fn settle(&mut self, is_done: bool) {
        for bytes in settle(&mut self.changes, is_done) {
            bytes.apply(&mut self.base, || true);
        }
    }
}

fn failed(failure: Failure) -> io::Error {
    match failure {
        Failure::Broken => io::Error::other("the disk is broken"),
        Failure::Full => io::ErrorKind::StorageFull.into(),
        Failure::Killed => io::Error::other("the process is gone"),
    }
}

impl Inner {
    /// Whether a call that changes names is made all the same when it fails.
    fn is_done(&mut self, failure: Option<Failure>) -> bool {
        match failure {
            None => true,
            Some(Failure::Full) => false,
            Some(_) => self.random.percent(50),
        }
    }

    fn open(&mut self, path: &Path, is_emptied: bool) -> io::Result<File> {
        let is_new = !path.exists();
        if let Some(failure) = self.enter(Call::Create, path)? {
            return Err(failed(failure));
        }
        let file = if is_emptied {
            RealStorage.create(path)?
        } else {
            RealStorage.open_or_create(path)?
        };
        if is_new {
            let inode = self.hold(&file, path, vec![]);
            self.change_name(Name::Put(path.to_path_buf(), inode));
        } else if is_emptied {
            self.change(&file, Bytes::Length(0));
        }
        Ok(file)
    }

    fn path_of(&mut self, file: &File) -> PathBuf {
        self.held(file).path.clone()
    }
}

impl Storage for ModelDisk {
    fn create(&self, path: &Path) -> io::Result<File> {
        self.lock().open(path, true)
    }

    fn open_or_create(&self, path: &Path) -> io::Result<File> {
        self.lock().open(path, false)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut inner = self.lock();
        let failure = inner.enter(Call::Remove, path)?;
        if inner.is_done(failure) {
            RealStorage.remove(path)?;
            inner.change_name(Name::Gone(path.to_path_buf()));
        }
        failure.map_or(Ok(()), |failure| Err(failed(failure)))
    }

    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut inner = self.lock();
        let path = inner.path_of(file);
        let failure = inner.enter(Call::Write, &path)?;
        let part = match failure {
            Some(_) => inner.random.index(bytes.len() + 1),
            None => bytes.len(),
        };
        file.write_all_at(&bytes[..part], offset)?;
        inner.change(file, Bytes::Written(offset, bytes[..part].to_vec()));
        failure.map_or(Ok(()), |failure| Err(failed(failure)))
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        let mut inner = self.lock();
        let path = inner.path_of(file);
        match inner.enter(Call::Sync, &path)? {
            None => inner.held(file).settle(true),
            Some(Failure::Killed) => return Err(failed(Failure::Killed)),
            Some(failure) => {
                inner.held(file).settle(false);
                return Err(failed(failure));
            }
        }
        Ok(())
    }

    fn set_len(&self, file: &File, length: u64) -> io::Result<()> {
        let mut inner = self.lock();
        let path = inner.path_of(file);
        if let Some(failure) = inner.enter(Call::SetLen, &path)? {
            return Err(failed(failure));
        }
        file.set_len(length)?;
        inner.change(file, Bytes::Length(length));
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut inner = self.lock();
        let failure = inner.enter(Call::Rename, to)?;
        if inner.is_done(failure) {
            let file = File::open(from)?;
            RealStorage.rename(from, to)?;
            inner.held(&file).path = to.to_path_buf();
            let inode = file.metadata()?.ino();
            let moved = Name::Moved(from.to_path_buf(), to.to_path_buf(), inode);
            inner.change_name(moved);
        }
        failure.map_or(Ok(()), |failure| Err(failed(failure)))
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut inner = self.lock();
        if let Some(failure) = inner.enter(Call::SyncDir, path)? {
            return Err(failed(failure));
        }
        if path == inner.dir {
            let inner = &mut *inner;
            for name in settle(&mut inner.names, true) {
                name.apply(&mut inner.durable);
            }
            if inner.names.is_empty() {
                let named: BTreeSet<Inode> = inner.durable.values().copied().collect();
                inner.files.retain(|inode, _| named.contains(inode));
            }
        }
        Ok(())
    }
}
