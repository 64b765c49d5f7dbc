//! `bench scale`: what a publish costs as the ledger and the number of nodes grow, and a delivery as the
//! number of subscribers does.

mod subscribers;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;

use crate::{
    binaries::Binaries,
    fill::{self, Age},
    load::{self, Caller, HubNode, Plan, Window},
    peers::{BODY_BYTES, seconds},
    plot::{Curve, Plot},
    report::{Findings, Row},
    server::{Server, hub_binary},
    site::Site,
    stats::{as_f64, median},
};

/// Calls under way, over all nodes together, whatever their number: the load stays the same.
const CALLS_UNDER_WAY: usize = 192;

/// How long the hub may work on what was filled in before it is idle.
const CATCH_UP_TIME_MAX: Duration = Duration::from_secs(6 * 60 * 60);

/// How the scaling is measured.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Sizes of the ledger.
    #[arg(long, value_delimiter = ',', default_values_t = [10_000_u64, 100_000, 1_000_000])]
    pub(crate) entries: Vec<u64>,
    /// Numbers of nodes.
    #[arg(long, value_delimiter = ',', default_values_t = [1_u16, 12, 100, 1_000])]
    pub(crate) nodes: Vec<u16>,
    /// Numbers of live subscribers.
    #[arg(long, value_delimiter = ',', default_values_t = [1_u16, 12, 200])]
    pub(crate) subscribers: Vec<u16>,
    /// Rounds at each size.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) rounds: u32,
    /// Seconds of a round of publishes. They are few, because the ledger grows meanwhile.
    #[arg(long, default_value_t = 1.0, value_parser = seconds)]
    pub(crate) seconds: f64,
    /// Where plots go; none are drawn without.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) plots: Option<PathBuf>,
}

impl Options {
    /// Smaller sizes, for a look.
    pub(crate) fn quick(&mut self) {
        self.entries = vec![10_000, 50_000];
        self.nodes = vec![1, 12, 100];
        self.rounds = 2;
    }
}

/// Microseconds of the server's CPU time a message, by size.
type Costs = Vec<(f64, f64)>;

/// Measures and reports.
pub(crate) async fn run(
    options: &Options,
    binaries: &Binaries,
    folder: &Path,
) -> anyhow::Result<Findings> {
    let hub = hub_binary(binaries.hub.as_deref())?;
    let mut findings = Findings::default();
    let costs = by_entries(options, &hub, folder, &mut findings).await?;
    finish(options, &mut findings, ("entries", "publish"), &costs)?;
    let costs = by_nodes(options, &hub, folder, &mut findings).await?;
    finish(options, &mut findings, ("nodes", "publish"), &costs)?;
    let costs = subscribers::by_subscribers(options, &hub, folder, &mut findings).await?;
    finish(options, &mut findings, ("subscribers", "delivery"), &costs)?;
    Ok(findings)
}

async fn by_entries(
    options: &Options,
    hub: &Path,
    folder: &Path,
    findings: &mut Findings,
) -> anyhow::Result<Costs> {
    let site = Site::make(&folder.join("scale-entries"), 12)?;
    let mut costs = vec![];
    for wanted in &options.entries {
        eprintln!("scale: {wanted} entries");
        let made = fill::fill(&site, *wanted, Age::Fresh).await?;
        let server = Server::hub(hub, &site)?;
        server.settle(CATCH_UP_TIME_MAX).await?;
        let windows = publishes(options, &site, &server).await?;
        // The measurement makes the ledger grow: the middle of it is what the cost is of.
        let grown: u64 = windows.iter().map(|it| it.messages_in_all).sum();
        costs.push((as_f64(made + grown / 2), cost(&windows)));
        let name = format!("{wanted} entries");
        findings.row(Row::of(&name, "hub", &windows, &server)?);
        server.stop().await?;
    }
    Ok(costs)
}

async fn by_nodes(
    options: &Options,
    hub: &Path,
    folder: &Path,
    findings: &mut Findings,
) -> anyhow::Result<Costs> {
    let mut costs = vec![];
    for nodes in &options.nodes {
        eprintln!("scale: {nodes} nodes");
        let site = Site::make(
            &folder.join(format!("scale-nodes-{nodes}")),
            (*nodes).into(),
        )?;
        let server = Server::hub(hub, &site)?;
        let windows = publishes(options, &site, &server).await?;
        costs.push((f64::from(*nodes), cost(&windows)));
        let name = format!("{nodes} nodes");
        findings.row(Row::of(&name, "hub", &windows, &server)?);
        server.stop().await?;
    }
    Ok(costs)
}

async fn publishes(options: &Options, site: &Site, server: &Server) -> anyhow::Result<Vec<Window>> {
    let body = load::body(BODY_BYTES)?;
    let clients = site.clients(&server.endpoint())?.into_iter();
    let callers = clients.map(|client| Caller::Hub(HubNode::new(client, body.clone(), 1)));
    let callers: Vec<_> = callers.collect();
    let plan = Plan {
        in_flight: CALLS_UNDER_WAY.div_ceil(callers.len().max(1)),
        items: 1,
        warm_up: Duration::from_millis(300),
        measured: Duration::from_secs_f64(options.seconds),
    };
    let mut windows = vec![];
    for _ in 0..options.rounds {
        windows.push(load::run(server, &callers, plan).await?);
    }
    Ok(windows)
}

fn cost(windows: &[Window]) -> f64 {
    let costs = windows.iter().map(|it| it.server_cpu.as_secs_f64() * 1e6);
    median(&costs.collect::<Vec<_>>())
}

/// The figure, which is the largest cost over the smallest, and the plot.
fn finish(
    options: &Options,
    findings: &mut Findings,
    (by, what): (&str, &str),
    costs: &Costs,
) -> anyhow::Result<()> {
    if costs.is_empty() {
        return Ok(());
    }
    let values = || costs.iter().map(|(_, cost)| *cost);
    let least = values().fold(f64::INFINITY, f64::min);
    let most = values().fold(0.0, f64::max);
    for (size, cost) in costs {
        findings.note(format!(
            "{size:.0} {by}: {cost:.1} µs of the server a {what}"
        ));
    }
    findings.value(&format!("scale_{by}"), most / least);
    let Some(folder) = &options.plots else {
        return Ok(());
    };
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let plot = Plot {
        title: format!("Cost of a {what} by {by}"),
        x: by.to_owned(),
        y: "µs of the server's CPU".into(),
        curves: vec![Curve {
            name: what.into(),
            points: costs.clone(),
        }],
    };
    fs::write(folder.join(format!("scale-{by}.svg")), plot.svg())?;
    Ok(())
}
