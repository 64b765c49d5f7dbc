//! What the operating system says of this process. Where there is no `/proc`, it says nothing.

use std::{fs, path::Path};

/// Resident memory in bytes.
pub(super) fn resident_bytes() -> Option<u64> {
    resident_of(&fs::read_to_string("/proc/self/status").ok()?)
}

fn resident_of(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// Open file handles, not counting the one that this takes.
pub(super) fn open_files() -> Option<u64> {
    let count = fs::read_dir("/proc/self/fd").ok()?.count();
    u64::try_from(count.saturating_sub(1)).ok()
}

/// How many file handles the process may open.
pub(super) fn open_files_max() -> Option<u64> {
    limit_of(&fs::read_to_string("/proc/self/limits").ok()?)
}

fn limit_of(limits: &str) -> Option<u64> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Bytes that this process may still write to a folder's file system.
pub(super) fn free_bytes(folder: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(folder).ok()?;
    found.f_bavail.checked_mul(found.f_frsize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_proc_are_read() {
        let status = "Name:\thub\nVmHWM:\t  9 kB\nVmRSS:\t   1024 kB\n";
        assert_eq!(resident_of(status), Some(1024 * 1024));
        assert_eq!(resident_of("Name:\thub\n"), None);
        let limits = "Limit  Soft Limit  Hard Limit  Units\n\
                      Max open files            1024                 524288               files\n";
        assert_eq!(limit_of(limits), Some(1024));
        assert_eq!(limit_of("Max open files unlimited unlimited files\n"), None);
    }
}
