//! `bench fanout`: from a publish to the last of all live subscribers, at a steady rate, beside the echo
//! at the same rate.
//!
//! The rate is kept whatever the answers do (an open loop): a server that falls behind is not spared the
//! next call. A notification's time runs from the moment at which it was its turn to be sent until the
//! last subscriber has it decoded.

use std::{path::Path, sync::Arc, time::Duration};

use agency_client::subscribe::{Event, Subscription};
use anyhow::{Context as _, bail, ensure};
use futures::future::try_join_all;
use tokio::{task::JoinHandle, time::Instant};

use crate::{
    binaries::Binaries,
    cpu::Cpu,
    echo, load,
    peers::{BODY_BYTES, publish_bytes},
    report::{Findings, Row, mebibytes, milliseconds},
    server::{SETTLE_TIME_MAX, Server, hub_binary},
    site::Site,
    stats::{Latencies, Ratio, median},
};

/// How long subscribers may take for what is published.
const DELIVERY_TIME_MAX: Duration = Duration::from_secs(60);

/// How the fan-out is measured.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Rounds; each measures the hub and the echo.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) rounds: u32,
    /// Seconds of a measurement.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=600))]
    pub(crate) seconds: u32,
    /// Single publishes in a second, over all nodes together.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub(crate) rate: u32,
    /// Publishing nodes.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub(crate) nodes: u16,
    /// Live subscribers, spread over the nodes, each on a connection of its own.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u16).range(1..=700))]
    pub(crate) subscribers: u16,
}

impl Options {
    /// Shorter rounds, for a look.
    pub(crate) fn quick(&mut self) {
        self.seconds = 4;
    }

    fn calls(&self) -> usize {
        let calls = u64::from(self.rate) * u64::from(self.seconds);
        usize::try_from(calls).unwrap_or(usize::MAX)
    }
}

/// One round of the hub.
#[derive(Debug)]
struct Fanout {
    /// From publish to the last subscriber.
    delivered: Latencies,
    /// From publish to the answer.
    answered: Latencies,
    others_cpu_share: f64,
}

/// Measures and reports.
pub(crate) async fn run(
    options: &Options,
    binaries: &Binaries,
    folder: &Path,
) -> anyhow::Result<Findings> {
    let site = Site::make(&folder.join("fanout"), options.nodes.into())?;
    let hub = Server::hub(&hub_binary(binaries.hub.as_deref())?, &site)?;
    let echo = echo::start(&site)?;
    let mut rounds = vec![];
    for round in 0..options.rounds {
        eprintln!("round {} of {}: fan-out", round + 1, options.rounds);
        let (fanout, echoed) = if round % 2 == 0 {
            let fanout = fan_out(options, &site, &hub).await?;
            (fanout, echo_at_rate(options, &site, &echo).await?)
        } else {
            let echoed = echo_at_rate(options, &site, &echo).await?;
            (fan_out(options, &site, &hub).await?, echoed)
        };
        rounds.push((fanout, echoed));
    }
    findings(options, &rounds, &hub, &echo)
}

fn findings(
    options: &Options,
    rounds: &[(Fanout, Latencies)],
    hub: &Server,
    echo: &Server,
) -> anyhow::Result<Findings> {
    let over = |of: fn(&(Fanout, Latencies)) -> Duration| {
        let values: Vec<f64> = rounds.iter().map(|it| of(it).as_secs_f64()).collect();
        Duration::from_secs_f64(median(&values))
    };
    let others = rounds.iter().map(|(fanout, _)| fanout.others_cpu_share);
    let others = median(&others.collect::<Vec<_>>());
    let mut findings = Findings::default();
    let name = format!("fan-out to {}", options.subscribers);
    let row = |system: &str, times: [Duration; 3], server: &Server, others: Option<f64>| {
        let [p50, p99, max] = times.map(milliseconds);
        let mut cells = vec![
            ("messages/s", options.rate.to_string()),
            ("p50 ms", p50),
            ("p99 ms", p99),
            ("max ms", max),
            ("peak MiB", mebibytes(server.peak_resident_bytes()?)),
        ];
        if let Some(others) = others {
            cells.push(("others' CPU", format!("{:.0} %", others * 100.0)));
        }
        anyhow::Ok(Row::plain(&name, system, &cells))
    };
    let delivered = [
        over(|(it, _)| it.delivered.p50()),
        over(|(it, _)| it.delivered.p99()),
        over(|(it, _)| it.delivered.max()),
    ];
    let answered = [
        over(|(it, _)| it.answered.p50()),
        over(|(it, _)| it.answered.p99()),
        over(|(it, _)| it.answered.max()),
    ];
    let echoed = [
        over(|(_, it)| it.p50()),
        over(|(_, it)| it.p99()),
        over(|(_, it)| it.max()),
    ];
    findings.row(row("hub, last delivery", delivered, hub, Some(others))?);
    findings.row(row("hub, answer", answered, hub, None)?);
    findings.row(row("echo, answer", echoed, echo, None)?);
    let ratio = |of: fn(&Latencies) -> Duration| {
        let pairs = rounds.iter().map(|(fanout, echoed)| {
            (
                of(&fanout.delivered).as_secs_f64(),
                of(echoed).as_secs_f64(),
            )
        });
        Ratio::of(&pairs.collect::<Vec<_>>())
    };
    let [p50, p99, _] = delivered;
    findings.value("fanout_p50_ms", p50.as_secs_f64() * 1e3);
    findings.value("fanout_p99_ms", p99.as_secs_f64() * 1e3);
    findings.ratio("fanout_p50_vs_echo", ratio(Latencies::p50), None);
    findings.ratio("fanout_p99_vs_echo", ratio(Latencies::p99), None);
    Ok(findings)
}

/// Turns come at the rate, whatever became of the turns before. Answers when the last one has been given.
async fn pace<T: Send + 'static>(
    options: &Options,
    mut turn: impl FnMut(usize, Instant) -> JoinHandle<anyhow::Result<T>>,
) -> anyhow::Result<Vec<T>> {
    let began_at = Instant::now();
    let interval = Duration::from_secs(1) / options.rate;
    let mut tasks = Vec::with_capacity(options.calls());
    let mut next = 0;
    while next < options.calls() {
        let due_at = began_at + interval.saturating_mul(u32::try_from(next)?);
        tokio::time::sleep_until(due_at).await;
        // The timer rings by the millisecond: all whose turn has come go at once.
        let now = Instant::now();
        while next < options.calls()
            && began_at + interval.saturating_mul(u32::try_from(next)?) <= now
        {
            tasks.push(turn(next, Instant::now()));
            next += 1;
        }
    }
    try_join_all(tasks).await?.into_iter().collect()
}

/// One round of the hub.
async fn fan_out(options: &Options, site: &Site, hub: &Server) -> anyhow::Result<Fanout> {
    let endpoint = hub.endpoint();
    let publishers = site.clients(&endpoint)?;
    let body = load::body(BODY_BYTES)?;
    let nodes = site.nodes().iter().cycle();
    let subscribers = nodes
        .take(options.subscribers.into())
        .map(|node| Ok(load::listen(&node.client(&endpoint)?)));
    let subscribers: Vec<_> = subscribers.collect::<anyhow::Result<_>>()?;
    let subscribers = try_join_all(subscribers.into_iter().map(caught_up)).await?;
    for publisher in &publishers {
        publisher.members().who_am_i().await?;
    }
    let count = options.calls();
    let readers: Vec<_> = subscribers
        .into_iter()
        .map(|events| tokio::spawn(arrivals(events, count)))
        .collect();
    let publishers = Arc::new(publishers);
    let before = Cpu::read(hub)?;
    let began_at = Instant::now();
    let turns = pace(options, |number, at| {
        let (publishers, body) = (Arc::clone(&publishers), body.clone());
        tokio::spawn(async move {
            let publisher = publishers.get(number % publishers.len());
            let publisher = publisher.context("there are publishers")?;
            let draft = load::draft(number.to_string(), &body);
            publisher.channels().publish(draft).await?;
            Ok((at, Instant::now()))
        })
    });
    let turns = turns.await?;
    let elapsed = began_at.elapsed();
    let used = Cpu::read(hub)?.since(before);
    let mut last: Vec<Instant> = turns.iter().map(|(at, _)| *at).collect();
    for reader in try_join_all(readers).await? {
        for (number, at) in reader?.into_iter().enumerate() {
            let last = last.get_mut(number).context("nothing else was published")?;
            *last = (*last).max(at);
        }
    }
    hub.settle(SETTLE_TIME_MAX).await?;
    let since = |ends: &mut dyn Iterator<Item = Instant>| {
        let times = ends.zip(&turns);
        let times = times.map(|(end, (at, _))| nanoseconds(end.duration_since(*at)));
        times.collect::<Vec<u64>>()
    };
    Ok(Fanout {
        delivered: Latencies::of(since(&mut last.into_iter())),
        answered: Latencies::of(since(&mut turns.iter().map(|(_, end)| *end))),
        others_cpu_share: used.others_share(elapsed),
    })
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Waits until a subscription is live.
async fn caught_up(mut events: Subscription) -> anyhow::Result<Subscription> {
    let waiting = async {
        while let Some(event) = events.next().await {
            if matches!(event?, Event::CaughtUp { .. }) {
                return Ok(());
            }
        }
        bail!("a subscription ended")
    };
    tokio::time::timeout(DELIVERY_TIME_MAX, waiting).await??;
    Ok(events)
}

/// When each of so many notifications arrived. Their titles are their numbers.
async fn arrivals(mut events: Subscription, count: usize) -> anyhow::Result<Vec<Instant>> {
    let mut arrived: Vec<Option<Instant>> = vec![None; count];
    let mut missing = count;
    while missing > 0 {
        let event = tokio::time::timeout(DELIVERY_TIME_MAX, events.next()).await;
        let event = event.with_context(|| format!("{missing} were not delivered"))?;
        let Event::Delivery(delivery) = event.context("a subscription ended")?? else {
            continue;
        };
        let now = Instant::now();
        let notification = delivery.notification.context("a delivery has one")?;
        let number: usize = notification.title.parse()?;
        let slot = arrived.get_mut(number).context("nobody published it")?;
        ensure!(slot.is_none(), "{number} was delivered twice");
        *slot = Some(now);
        missing -= 1;
    }
    arrived
        .into_iter()
        .map(|at| at.context("it is not missing"))
        .collect()
}

/// One round of the echo.
async fn echo_at_rate(
    options: &Options,
    site: &Site,
    server: &Server,
) -> anyhow::Result<Latencies> {
    let payload = load::body(publish_bytes(&load::body(BODY_BYTES)?))?;
    let nodes = site.nodes().iter().enumerate();
    let callers = nodes.map(|node| echo::Caller::connect(site, server, node, payload.clone()));
    let callers: Vec<_> = callers.collect::<anyhow::Result<_>>()?;
    for caller in &callers {
        caller.call().await?;
    }
    let callers = Arc::new(callers);
    let times = pace(options, |number, at| {
        let callers = Arc::clone(&callers);
        tokio::spawn(async move {
            let caller = callers.get(number % callers.len());
            caller.context("there are callers")?.call().await?;
            Ok(nanoseconds(at.elapsed()))
        })
    });
    let times = times.await?;
    ensure!(times.len() == options.calls(), "some are missing");
    Ok(Latencies::of(times))
}
