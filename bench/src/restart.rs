//! `bench restart`: how long a hub with many entries takes from its start to its first answer, and how
//! much memory by then and after an hour's mixed load.

use std::{path::Path, time::Duration};

use anyhow::Context as _;
use tokio::time::Instant;

use crate::{
    binaries::Binaries,
    fill::{self, Age},
    mixed,
    report::{Findings, mebibytes},
    server::{Server, hub_binary},
    site::Site,
    stats::{as_f64, median, per},
};

/// How long the hub may work on what was filled in before it is idle: the index for searches follows.
const CATCH_UP_TIME_MAX: Duration = Duration::from_secs(6 * 60 * 60);

/// Client nodes that the entries are of.
const NODES: usize = 12;

/// How the restart is measured.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Entries of the ledger; several numbers are measured from the smallest on, on one ledger.
    #[arg(long, value_delimiter = ',', default_values_t = [100_000_u64, 1_000_000])]
    pub(crate) entries: Vec<u64>,
    /// The entries are of now and not of an hour ago: what a hub meets that stops under full load.
    #[arg(long)]
    pub(crate) fresh: bool,
    /// Starts of each kind.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) rounds: u32,
    /// Calls of mixed load after the starts, as fast as they go: by default what 19 members ask in an hour.
    #[arg(long, default_value_t = mixed::HOUR_CALLS)]
    pub(crate) mixed_calls: u64,
}

impl Options {
    fn age(&self) -> Age {
        if self.fresh { Age::Fresh } else { Age::Old }
    }

    /// A smaller ledger, for a look.
    pub(crate) fn quick(&mut self) {
        self.entries = vec![20_000, 100_000];
    }
}

/// One start.
#[derive(Debug, Clone, Copy)]
struct Start {
    elapsed: Duration,
    peak_bytes: u64,
}

/// Measures and reports.
pub(crate) async fn run(
    options: &Options,
    binaries: &Binaries,
    folder: &Path,
) -> anyhow::Result<Findings> {
    let site = Site::make(&folder.join("restart"), NODES)?;
    let hub = hub_binary(binaries.hub.as_deref())?;
    let mut entries = options.entries.clone();
    entries.sort_unstable();
    let mut findings = Findings::default();
    for wanted in entries {
        eprintln!("filling the ledger up to {wanted} entries");
        let began_at = Instant::now();
        let made = fill::fill(&site, wanted, options.age()).await?;
        let filled = began_at.elapsed();
        let server = Server::hub(&hub, &site)?;
        server.settle(CATCH_UP_TIME_MAX).await?;
        let on_disk = server.disk_bytes()?;
        server.stop().await?;
        findings.note(format!(
            "{made} entries: filled in {:.0} s, {:.0} bytes on disk an entry",
            filled.as_secs_f64(),
            per(as_f64(on_disk), made)
        ));
        let (mut clean, mut killed) = (vec![], vec![]);
        for round in 0..options.rounds {
            eprintln!("round {} of {}: {made} entries", round + 1, options.rounds);
            let (start, server) = first_answer(&hub, &site).await?;
            clean.push(start);
            // It ends by kill -9.
            drop(server);
            let (start, server) = first_answer(&hub, &site).await?;
            killed.push(start);
            server.stop().await?;
        }
        mixed_load(options, &hub, &site, wanted, &mut findings).await?;
        tell(&mut findings, wanted, "after a stop", "restart", &clean);
        tell(
            &mut findings,
            wanted,
            "after kill -9",
            "restart_killed",
            &killed,
        );
    }
    Ok(findings)
}

fn tell(findings: &mut Findings, entries: u64, how: &str, name: &str, starts: &[Start]) {
    let times: Vec<f64> = starts.iter().map(|it| it.elapsed.as_secs_f64()).collect();
    let peak = starts.iter().map(|it| it.peak_bytes).max();
    let peak = peak.unwrap_or_default();
    findings.note(format!(
        "{entries} entries, {how}: first answer after {:.3} s, peak {} MiB by then",
        median(&times),
        mebibytes(peak)
    ));
    findings.value(&format!("{name}_{entries}_seconds"), median(&times));
    findings.mebibytes(&format!("{name}_{entries}_peak_mib"), peak);
}

/// Puts the mixed load on a hub that has just started, and tells of its memory.
async fn mixed_load(
    options: &Options,
    hub: &Path,
    site: &Site,
    entries: u64,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let calls = options.mixed_calls;
    eprintln!("{calls} calls of mixed load");
    let (_, server) = first_answer(hub, site).await?;
    let elapsed = mixed::run(site, &server, calls).await?;
    server.settle(CATCH_UP_TIME_MAX).await?;
    let (peak, now) = (server.peak_resident_bytes()?, server.resident_bytes()?);
    findings.note(format!(
        "{entries} entries, {calls} calls of mixed load in {:.0} s: peak {} MiB, {} MiB at its end",
        elapsed.as_secs_f64(),
        mebibytes(peak),
        mebibytes(now)
    ));
    findings.mebibytes(&format!("mixed_{entries}_peak_mib"), peak);
    findings.mebibytes(&format!("mixed_{entries}_end_mib"), now);
    server.stop().await
}

/// Starts the hub and asks it who is asking.
async fn first_answer(hub: &Path, site: &Site) -> anyhow::Result<(Start, Server)> {
    let began_at = Instant::now();
    let server = Server::hub(hub, site)?;
    let node = site.nodes().first().context("a site has nodes")?;
    let client = node.client(&server.endpoint())?;
    client.members().who_am_i().await?;
    let start = Start {
        elapsed: began_at.elapsed(),
        peak_bytes: server.peak_resident_bytes()?,
    };
    Ok((start, server))
}
