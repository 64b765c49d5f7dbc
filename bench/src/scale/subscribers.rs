//! What one delivery costs as the number of live subscribers grows: the server's CPU time for a run of
//! notifications with them, less that for the same run without, over the deliveries.

use std::{path::Path, time::Duration};

use agency_client::{
    Client,
    subscribe::{Event, Subscription},
};
use anyhow::{Context as _, ensure};
use futures::future::try_join_all;
use tokio::time::{Instant, timeout};

use crate::{
    cpu::Cpu,
    load,
    peers::{BATCH_ITEMS, BODY_BYTES},
    report::{Findings, Row, mebibytes, microseconds},
    server::{SETTLE_TIME_MAX, Server},
    site::Site,
    stats::{as_f64, median},
};

use super::{Costs, Options};

/// Deliveries of a run, over all subscribers together, whatever their number.
const DELIVERIES: usize = 120_000;

/// Least batches of a run.
const BATCHES_MIN: usize = 20;

/// Batch calls under way.
const UNDER_WAY: usize = 4;

/// For how long nothing may come before a run counts as failed.
const DELIVERY_TIME_MAX: Duration = Duration::from_secs(60);

/// Measures and reports.
pub(super) async fn by_subscribers(
    options: &Options,
    hub: &Path,
    folder: &Path,
    findings: &mut Findings,
) -> anyhow::Result<Costs> {
    let site = Site::make(&folder.join("scale-subscribers"), 12)?;
    let server = Server::hub(hub, &site)?;
    let mut costs = vec![];
    for subscribers in &options.subscribers {
        eprintln!("scale: {subscribers} subscribers");
        let count = usize::from(*subscribers);
        let batches = (DELIVERIES / count / BATCH_ITEMS).max(BATCHES_MIN);
        // The first pair warms up.
        run(&site, &server, count, BATCHES_MIN).await?;
        let (mut rounds, mut rates, mut others) = (vec![], vec![], vec![]);
        for round in 0..options.rounds {
            let (alone, subscribed) = if round % 2 == 0 {
                let alone = run(&site, &server, 0, batches).await?;
                (alone, run(&site, &server, count, batches).await?)
            } else {
                let subscribed = run(&site, &server, count, batches).await?;
                (run(&site, &server, 0, batches).await?, subscribed)
            };
            let deliveries = as_f64(u64::try_from(batches * BATCH_ITEMS * count)?);
            let more = subscribed.server.as_secs_f64() - alone.server.as_secs_f64();
            rounds.push(more.max(0.0) / deliveries * 1e6);
            rates.push(deliveries / subscribed.elapsed.as_secs_f64());
            others.push(subscribed.others_share);
        }
        let cost = median(&rounds);
        costs.push((f64::from(*subscribers), cost));
        let cells = [
            ("messages/s", format!("{:.0}", median(&rates))),
            (
                "server µs/msg",
                microseconds(Duration::from_secs_f64(cost / 1e6)),
            ),
            ("peak MiB", mebibytes(server.peak_resident_bytes()?)),
            ("others' CPU", format!("{:.0} %", median(&others) * 100.0)),
        ];
        let name = format!("{subscribers} subscribers");
        findings.row(Row::plain(&name, "hub, a delivery", &cells));
    }
    server.stop().await?;
    Ok(costs)
}

/// What one run used.
struct Run {
    server: Duration,
    elapsed: Duration,
    others_share: f64,
}

/// Publishes so many batches while so many subscribers listen, and waits until all have all.
async fn run(
    site: &Site,
    server: &Server,
    subscribers: usize,
    batches: usize,
) -> anyhow::Result<Run> {
    let endpoint = server.endpoint();
    let nodes = site.nodes().iter().cycle().take(subscribers);
    let subscriptions = nodes.map(|node| anyhow::Ok(load::listen(&node.client(&endpoint)?)));
    let mut subscriptions = subscriptions.collect::<anyhow::Result<Vec<_>>>()?;
    for subscription in &mut subscriptions {
        caught_up(subscription).await?;
    }
    let publisher = site.nodes().first().context("there are nodes")?;
    let publisher = publisher.client(&endpoint)?;
    publisher.members().who_am_i().await?;
    server.settle(SETTLE_TIME_MAX).await?;
    let before = Cpu::read(server)?;
    let began_at = Instant::now();
    let count = batches * BATCH_ITEMS;
    let readers = subscriptions
        .into_iter()
        .map(|events| tokio::spawn(read(events, count)));
    let readers: Vec<_> = readers.collect();
    publish(&publisher, batches).await?;
    for reader in try_join_all(readers).await? {
        reader?;
    }
    let elapsed = began_at.elapsed();
    let others_share = Cpu::read(server)?.since(before).others_share(elapsed);
    server.settle(SETTLE_TIME_MAX).await?;
    Ok(Run {
        server: Cpu::read(server)?.since(before).server,
        elapsed,
        others_share,
    })
}

async fn publish(publisher: &Client, batches: usize) -> anyhow::Result<()> {
    let body = load::body(BODY_BYTES)?;
    let workers = (0..UNDER_WAY).map(|worker| {
        let body = &body;
        async move {
            for _ in (worker..batches).step_by(UNDER_WAY) {
                let drafts = (0..BATCH_ITEMS).map(|_| load::draft(load::TITLE, body));
                let channels = publisher.channels();
                channels.publish_batch(drafts.collect()).await?;
            }
            anyhow::Ok(())
        }
    });
    try_join_all(workers).await?;
    Ok(())
}

/// Waits until a subscription is live.
async fn caught_up(events: &mut Subscription) -> anyhow::Result<()> {
    loop {
        let event = timeout(DELIVERY_TIME_MAX, events.next()).await?;
        if let Event::CaughtUp { .. } = event.context("a subscription ended")?? {
            return Ok(());
        }
    }
}

/// Reads so many deliveries and no more.
async fn read(mut events: Subscription, count: usize) -> anyhow::Result<()> {
    let mut read = 0;
    while read < count {
        let event = timeout(DELIVERY_TIME_MAX, events.next()).await;
        let event = event.with_context(|| format!("{} are missing", count - read))?;
        if let Event::Delivery(_) = event.context("a subscription ended")?? {
            read += 1;
        }
    }
    ensure!(read == count, "there are more than were published");
    Ok(())
}
