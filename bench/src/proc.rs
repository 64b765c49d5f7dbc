//! What the system knows of a process: CPU time, peak memory, bytes on disk. From `/proc`.

use std::{fs, os::unix::fs::MetadataExt as _, path::Path, time::Duration};

use anyhow::{Context as _, ensure};

/// Ticks of `/proc/<pid>/stat` in a second. `USER_HZ` is part of Linux's interface and is 100 on both
/// architectures that the hub is deployed on.
const TICKS_PER_SECOND: u64 = 100;

/// Bytes of a block in `stat(2)`, whatever the file system's own blocks are.
const STAT_BLOCK_BYTES: u64 = 512;

/// Most files that are counted below a folder.
const FILES_MAX: usize = 1_000_000;

/// CPU time that a process has used so far, in user and system mode, by all of its threads.
pub(crate) fn cpu_time(pid: u32) -> anyhow::Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).with_context(|| path.clone())?;
    parse_cpu_time(&text).with_context(|| path)
}

/// CPU time that the whole machine has spent on work, by all processes and all of its processors.
pub(crate) fn machine_busy_time() -> anyhow::Result<Duration> {
    let text = fs::read_to_string("/proc/stat").context("/proc/stat")?;
    parse_busy_time(&text).context("/proc/stat")
}

/// The most memory that a process has had resident, in bytes.
pub(crate) fn peak_resident_bytes(pid: u32) -> anyhow::Result<u64> {
    memory_bytes(pid, "VmHWM:")
}

/// The memory that a process has resident, in bytes.
pub(crate) fn resident_bytes(pid: u32) -> anyhow::Result<u64> {
    memory_bytes(pid, "VmRSS:")
}

fn memory_bytes(pid: u32, what: &str) -> anyhow::Result<u64> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).with_context(|| path.clone())?;
    parse_memory(&text, what).with_context(|| path)
}

fn ticks(count: u64) -> Duration {
    Duration::from_millis(count.saturating_mul(1_000 / TICKS_PER_SECOND))
}

/// Fields 14 and 15 of proc_pid_stat(5). The second field is a name in parentheses that may itself hold
/// blanks and parentheses.
fn parse_cpu_time(text: &str) -> anyhow::Result<Duration> {
    let (_, fields) = text.rsplit_once(')').context("has no name")?;
    // The first field after the name is the third.
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let mut next = || -> anyhow::Result<u64> {
        let field = fields.next().context("ends before the CPU time")?;
        field.parse().context("CPU time is not a number")
    };
    Ok(ticks(next()?.saturating_add(next()?)))
}

/// The first line of proc_stat(5) without the columns idle and iowait; guest time is part of user time.
fn parse_busy_time(text: &str) -> anyhow::Result<Duration> {
    let line = text.lines().next().unwrap_or_default();
    let columns = line.strip_prefix("cpu ").context("has no line `cpu`")?;
    let columns: Vec<u64> = columns
        .split_ascii_whitespace()
        .map(str::parse)
        .collect::<Result<_, _>>()
        .context("a column is not a number")?;
    ensure!(columns.len() >= 8, "has too few columns");
    let busy = columns.iter().take(8).enumerate();
    let busy = busy.filter(|(at, _)| !matches!(at, 3 | 4));
    Ok(ticks(busy.map(|(_, count)| count).sum()))
}

fn parse_memory(text: &str, what: &str) -> anyhow::Result<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(what));
    let kilobytes = line.with_context(|| format!("has no {what}"))?.trim();
    let kilobytes = kilobytes
        .strip_suffix("kB")
        .context("memory is not in kB")?;
    let kilobytes: u64 = kilobytes.trim().parse().context("memory is not a number")?;
    Ok(kilobytes.saturating_mul(1024))
}

/// Bytes that the file system has set aside for everything below a folder. Files may come and go
/// meanwhile.
pub(crate) fn allocated_bytes(folder: &Path) -> anyhow::Result<u64> {
    let mut open = vec![folder.to_owned()];
    let (mut bytes, mut files) = (0_u64, 0);
    while let Some(folder) = open.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries.flatten() {
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            files += 1;
            ensure!(files <= FILES_MAX, "more than {FILES_MAX} files");
            if metadata.is_dir() {
                open.push(entry.path());
            } else {
                bytes = bytes.saturating_add(metadata.blocks().saturating_mul(STAT_BLOCK_BYTES));
            }
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_found_behind_any_name() {
        let rest = "S 1 10 10 0 -1 4194560 1000 0 5 0 321 79 7 7 20 0 4 0 100 1 1";
        for name in ["hub", "a b", "odd) (name"] {
            let time = parse_cpu_time(&format!("42 ({name}) {rest}")).unwrap();
            assert_eq!(time, Duration::from_millis(4_000), "{name}");
        }
        assert!(parse_cpu_time("42 (hub) S 1 10").is_err());
        assert!(parse_cpu_time("").is_err());
    }

    #[test]
    fn waiting_is_no_work() {
        //            user nice system idle iowait irq softirq steal guest guest_nice
        let text = "cpu  100 20 30 5000 600 1 2 7 50 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n";
        assert_eq!(parse_busy_time(text).unwrap(), ticks(160));
        assert!(parse_busy_time("intr 5").is_err());
        assert!(parse_busy_time("cpu  1 2 3").is_err());
    }

    #[test]
    fn memory_is_in_bytes() {
        let text = "Name:\thub\nVmPeak:\t  99 kB\nVmHWM:\t    2048 kB\nVmRSS:\t 1 kB\n";
        assert_eq!(parse_memory(text, "VmHWM:").unwrap(), 2 * 1024 * 1024);
        assert_eq!(parse_memory(text, "VmRSS:").unwrap(), 1024);
        assert!(parse_memory("VmRSS:\t 1 kB\n", "VmHWM:").is_err());
        assert!(parse_memory("VmHWM:\t 1 MB\n", "VmHWM:").is_err());
    }

    #[test]
    fn this_process_can_be_read() {
        let pid = std::process::id();
        assert!(peak_resident_bytes(pid).unwrap() > 0);
        assert!(machine_busy_time().unwrap() >= cpu_time(pid).unwrap());
    }

    #[test]
    fn a_folder_is_counted_with_what_is_below() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("a/b");
        fs::create_dir_all(&below).unwrap();
        // Random, because some file systems compress.
        let contents: [u8; 1 << 16] = hub_core::crypto::random().unwrap();
        fs::write(below.join("file"), contents).unwrap();
        fs::File::open(below.join("file"))
            .unwrap()
            .sync_all()
            .unwrap();
        let bytes = allocated_bytes(folder.path()).unwrap();
        assert!((1 << 16..1 << 18).contains(&bytes), "{bytes}");
        assert_eq!(allocated_bytes(&folder.path().join("none")).unwrap(), 0);
    }
}
