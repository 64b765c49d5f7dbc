//! `bench replay`: one subscriber reads a backlog from its beginning.

use std::{path::Path, time::Duration};

use agency_client::{
    Client,
    channels::BATCH_ITEMS_MAX,
    subscribe::{Event, SubscribeOptions},
};
use anyhow::{Context as _, ensure};
use futures::future::try_join_all;
use tokio::time::Instant;

use crate::{
    binaries::Binaries,
    cpu::Cpu,
    load,
    peers::BODY_BYTES,
    report::{Findings, Row, mebibytes, microseconds},
    server::{SETTLE_TIME_MAX, Server, hub_binary},
    site::{CHANNEL, Site},
    stats::{Ratio, as_f64, median, per},
};

/// What is wanted.
const GOAL_PER_SECOND: f64 = 150_000.0;

/// How long the hub may take for the next delivery.
const DELIVERY_TIME_MAX: Duration = Duration::from_secs(60);

/// How the replay is measured.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Rounds; each reads the whole backlog.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) rounds: u32,
    /// Notifications in the backlog.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=20_000_000))]
    pub(crate) backlog: u64,
}

impl Options {
    /// A smaller backlog, for a look.
    pub(crate) fn quick(&mut self) {
        self.backlog = 200_000;
    }
}

/// Nodes that make the backlog.
const NODES: usize = 12;

/// Batch calls of a node under way meanwhile.
const IN_FLIGHT: usize = 2;

/// One reading.
#[derive(Debug)]
struct Reading {
    elapsed: Duration,
    server_cpu: Duration,
    client_cpu: Duration,
    others_cpu_share: f64,
}

/// Measures and reports.
pub(crate) async fn run(
    options: &Options,
    binaries: &Binaries,
    folder: &Path,
) -> anyhow::Result<Findings> {
    let site = Site::make(&folder.join("replay"), NODES)?;
    let hub = Server::hub(&hub_binary(binaries.hub.as_deref())?, &site)?;
    let clients = site.clients(&hub.endpoint())?;
    eprintln!("making a backlog of {}", options.backlog);
    let made = Instant::now();
    fill(&clients, options.backlog).await?;
    let made = made.elapsed();
    hub.settle(SETTLE_TIME_MAX).await?;
    let reader = clients.first().context("there are clients")?;
    let mut readings = vec![];
    for round in 0..options.rounds {
        eprintln!("round {} of {}: replay", round + 1, options.rounds);
        readings.push(read(reader, &hub, options.backlog).await?);
    }
    let rates: Vec<(f64, f64)> = readings
        .iter()
        .map(|it| (as_f64(options.backlog) / it.elapsed.as_secs_f64(), 1.0))
        .collect();
    let each = |of: fn(&Reading) -> Duration| {
        let times: Vec<f64> = readings.iter().map(|it| of(it).as_secs_f64()).collect();
        Duration::from_secs_f64(per(median(&times), options.backlog))
    };
    let others: Vec<f64> = readings.iter().map(|it| it.others_cpu_share).collect();
    let rate = Ratio::of(&rates);
    let mut findings = Findings::default();
    let cells = [
        ("messages/s", format!("{:.0}", rate.median)),
        ("server µs/msg", microseconds(each(|it| it.server_cpu))),
        ("client µs/msg", microseconds(each(|it| it.client_cpu))),
        ("peak MiB", mebibytes(hub.peak_resident_bytes()?)),
        (
            "disk B/msg",
            format!("{:.0}", per(as_f64(hub.disk_bytes()?), options.backlog)),
        ),
        ("others' CPU", format!("{:.0} %", median(&others) * 100.0)),
    ];
    findings.row(Row::plain("replay", "hub", &cells));
    findings.note(format!(
        "backlog of {} made in {:.1} s by batches of {BATCH_ITEMS_MAX}",
        options.backlog,
        made.as_secs_f64()
    ));
    findings.ratio("replay_per_second", rate, Some(GOAL_PER_SECOND));
    Ok(findings)
}

/// Publishes so many notifications by the largest batches there are.
pub(crate) async fn fill(clients: &[Client], count: u64) -> anyhow::Result<()> {
    let body = load::body(BODY_BYTES)?;
    let batch = u64::try_from(BATCH_ITEMS_MAX)?;
    let next = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let workers = clients.iter().cycle().take(clients.len() * IN_FLIGHT);
    let workers = workers.map(|client| {
        let (client, body, next) = (client.clone(), body.clone(), next.clone());
        let work = async move {
            loop {
                let first = next.fetch_add(batch, std::sync::atomic::Ordering::Relaxed);
                let items = count.saturating_sub(first).min(batch);
                if items == 0 {
                    return anyhow::Ok(());
                }
                let drafts = (0..items).map(|_| load::draft(load::TITLE, &body));
                client.channels().publish_batch(drafts.collect()).await?;
            }
        };
        tokio::spawn(work)
    });
    let workers: Vec<_> = workers.collect();
    try_join_all(workers).await?.into_iter().collect()
}

/// Reads the channel from its beginning.
async fn read(client: &Client, hub: &Server, count: u64) -> anyhow::Result<Reading> {
    let before = Cpu::read(hub)?;
    let began_at = Instant::now();
    let mut events = client.channels().subscribe(SubscribeOptions {
        logs: vec![format!("channels/{CHANNEL}")],
        ..SubscribeOptions::default()
    });
    let mut read = 0;
    let mut bytes = 0;
    while read < count {
        let event = tokio::time::timeout(DELIVERY_TIME_MAX, events.next()).await;
        let event = event.with_context(|| format!("{read} of {count} were delivered"))?;
        if let Event::Delivery(delivery) = event.context("the subscription ended")?? {
            read += 1;
            bytes += delivery.notification.map_or(0, |it| it.body.len());
        }
    }
    let elapsed = began_at.elapsed();
    let used = Cpu::read(hub)?.since(before);
    let expected = u64::try_from(BODY_BYTES)? * count;
    ensure!(u64::try_from(bytes)? == expected, "bodies are not whole");
    Ok(Reading {
        elapsed,
        server_cpu: used.server,
        client_cpu: used.client,
        others_cpu_share: used.others_share(elapsed),
    })
}
