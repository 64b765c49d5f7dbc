//! A server under measurement: a process of its own, its data folder, and what it has used.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Read as _},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use tokio::time::Instant;

use crate::{proc, site::Site};

/// How long a server may take until it answers.
pub(crate) const START_TIME_MAX: Duration = Duration::from_secs(30);

/// How long a server may go on working after a load of seconds has ended.
pub(crate) const SETTLE_TIME_MAX: Duration = Duration::from_secs(120);

/// How often a server is asked whether it still works.
const SETTLE_STEP: Duration = Duration::from_millis(200);

/// CPU time within a step up to which a server counts as idle: what etcd and NATS use for their clocks.
const IDLE_CPU_PER_STEP: Duration = Duration::from_millis(10);

/// Steps without work after which it is idle: longer than the hub's search index waits for more entries.
const IDLE_STEPS: u32 = 7;

/// How long a server may take to end in order.
const STOP_TIME_MAX: Duration = Duration::from_secs(60);

/// A running server. It ends with this.
#[derive(Debug)]
pub(crate) struct Server {
    name: &'static str,
    child: Child,
    address: SocketAddr,
    data: PathBuf,
    log: PathBuf,
}

impl Server {
    /// Starts a server that prints the address where it listens as the first line of its output.
    pub(crate) fn announcing(
        name: &'static str,
        mut command: Command,
        data: &Path,
    ) -> anyhow::Result<Self> {
        let log = log_file(data, name)?;
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command
            .stderr(File::create(&log)?)
            .spawn()
            .with_context(|| format!("{name} cannot be started"))?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            // An address is short; whatever is longer is none.
            BufReader::new(stdout.take(256)).read_line(&mut line)?;
        }
        let Ok(address) = line.trim().parse() else {
            drop(child.kill());
            drop(child.wait());
            bail!("{name} said no address but {line:?}: {}", tail(&log));
        };
        Ok(Self {
            name,
            child,
            address,
            data: data.to_owned(),
            log,
        })
    }

    /// Starts a server that was told where to listen.
    pub(crate) fn listening(
        name: &'static str,
        mut command: Command,
        address: SocketAddr,
        data: &Path,
    ) -> anyhow::Result<Self> {
        let log = log_file(data, name)?;
        let out = File::create(&log)?;
        command.stdin(Stdio::null()).stdout(out.try_clone()?);
        let child = command
            .stderr(out)
            .spawn()
            .with_context(|| format!("{name} cannot be started"))?;
        Ok(Self {
            name,
            child,
            address,
            data: data.to_owned(),
            log,
        })
    }

    /// The `hub` binary on a site.
    pub(crate) fn hub(binary: &Path, site: &Site) -> anyhow::Result<Self> {
        let mut command = Command::new(binary);
        command.args(["serve", "--config"]).arg(site.config_file());
        Self::announcing("hub", command, &site.data_dir())
    }

    /// What it is.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// As a client's endpoint.
    pub(crate) fn endpoint(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// CPU time that it has used.
    pub(crate) fn cpu_time(&self) -> anyhow::Result<Duration> {
        proc::cpu_time(self.pid()).with_context(|| self.explain())
    }

    /// The most memory that it has had resident.
    pub(crate) fn peak_resident_bytes(&self) -> anyhow::Result<u64> {
        proc::peak_resident_bytes(self.pid()).with_context(|| self.explain())
    }

    /// The memory that it has resident.
    pub(crate) fn resident_bytes(&self) -> anyhow::Result<u64> {
        proc::resident_bytes(self.pid()).with_context(|| self.explain())
    }

    /// Bytes that its data takes on disk.
    pub(crate) fn disk_bytes(&self) -> anyhow::Result<u64> {
        proc::allocated_bytes(&self.data)
    }

    /// The end of its log, for an error.
    pub(crate) fn explain(&self) -> String {
        format!("{}: {}", self.name, tail(&self.log))
    }

    /// Waits until it has done what the load left to be done later, so that this falls upon nobody else.
    /// Answers the CPU time that went into it.
    pub(crate) async fn settle(&self, time_max: Duration) -> anyhow::Result<Duration> {
        let began = self.cpu_time()?;
        let ends_at = Instant::now() + time_max;
        let mut before = began;
        let mut idle_steps = 0;
        while idle_steps < IDLE_STEPS {
            ensure!(
                Instant::now() < ends_at,
                "{} works on {} s after the load",
                self.name,
                time_max.as_secs()
            );
            tokio::time::sleep(SETTLE_STEP).await;
            let now = self.cpu_time()?;
            let is_idle = now.saturating_sub(before) <= IDLE_CPU_PER_STEP;
            idle_steps = if is_idle { idle_steps + 1 } else { 0 };
            before = now;
        }
        Ok(before.saturating_sub(began))
    }

    /// SIGTERM, and waits for the end.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        let mut kill = Command::new("kill");
        kill.arg(self.pid().to_string());
        ensure!(kill.status()?.success(), "{} cannot be told", self.name);
        let ends_at = Instant::now() + STOP_TIME_MAX;
        while self.child.try_wait()?.is_none() {
            ensure!(Instant::now() < ends_at, "{} does not end", self.name);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn log_file(data: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let folder = data.parent().context("a data folder has a parent")?;
    fs::create_dir_all(folder)?;
    Ok(folder.join(format!("{name}.log")))
}

fn tail(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().rev().take(8).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}

/// A port of the loopback that was free a moment ago, for servers that cannot choose one themselves.
pub(crate) fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// The `hub` binary of the same profile as this program. Cargo builds it, which is nothing when it is
/// there already: both packages are named, so that they are resolved together and nothing is built twice.
pub(crate) fn hub_binary(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(given) = given {
        ensure!(given.is_file(), "{}: no such file", given.display());
        return Ok(given.to_owned());
    }
    let own = std::env::current_exe()?;
    let profile_dir = own.parent().context("a program is in a folder")?;
    let target_dir = profile_dir.parent().context("target/<profile>")?;
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args([
        "build", "--quiet", "-p", "hub", "-p", "bench", "--bin", "hub",
    ]);
    cargo.arg("--target-dir").arg(target_dir);
    cargo.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    if profile_dir.file_name().is_some_and(|it| it == "release") {
        cargo.arg("--release");
    }
    ensure!(
        cargo.status().context("cargo cannot be run")?.success(),
        "the hub could not be built; name one with --hub"
    );
    Ok(profile_dir.join("hub"))
}
