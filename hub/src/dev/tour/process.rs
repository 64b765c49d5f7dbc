//! The hub of the tour, a process of its own.

use std::{net::SocketAddr, path::Path, process::Stdio, time::Duration};

use anyhow::{Context as _, ensure};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

/// A hub must listen within this time.
const START_TIME_MAX: Duration = Duration::from_secs(60);

/// A hub that is asked to stop must be gone within this time.
const STOP_TIME_MAX: Duration = Duration::from_secs(30);

/// A child process; it is killed when this is dropped.
#[derive(Debug)]
pub(super) struct HubProcess {
    child: Child,
    address: SocketAddr,
}

impl HubProcess {
    /// Starts `hub serve` on a port that the system chooses, or on a given one.
    pub(super) async fn start(config: &Path, address: Option<SocketAddr>) -> anyhow::Result<Self> {
        let listen = address.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)));
        let mut child = Command::new(std::env::current_exe()?)
            .arg("serve")
            .arg("--config")
            .arg(config)
            .args(["--listen", &listen.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("the hub's process does not start")?;
        let stdout = child
            .stdout
            .take()
            .context("the hub's process has no output")?;
        let mut line = String::new();
        let mut reader = BufReader::new(stdout);
        tokio::time::timeout(START_TIME_MAX, reader.read_line(&mut line))
            .await
            .context("the hub does not listen in time")??;
        let address = line
            .trim()
            .parse()
            .context("the hub ended before it listened")?;
        Ok(Self { child, address })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn endpoint(&self) -> String {
        format!("https://{}", self.address)
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id().unwrap_or_default()
    }

    /// `kill -9`.
    pub(super) async fn kill(mut self) -> anyhow::Result<()> {
        self.child
            .kill()
            .await
            .context("the hub's process cannot be killed")
    }

    /// SIGTERM: the hub drains and ends cleanly.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        let status = Command::new("kill")
            .args(["-TERM", &self.id().to_string()])
            .status()
            .await?;
        ensure!(
            status.success(),
            "the hub's process cannot be asked to stop"
        );
        let ended = tokio::time::timeout(STOP_TIME_MAX, self.child.wait()).await;
        let status = ended.context("the hub does not stop in time")??;
        ensure!(status.success(), "the hub ended with {status}");
        Ok(())
    }
}
