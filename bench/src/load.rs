//! Load in a closed loop: so many nodes, so many calls of each under way, each followed by the next.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use bytes::Bytes;
use futures::future::try_join_all;
use tokio::time::Instant;

use crate::{
    cpu::Cpu,
    etcd::Putter,
    nats::Publisher,
    server::{SETTLE_TIME_MAX, Server},
    site::CHANNEL,
    stats::{Latencies, as_f64, per},
};
use agency_client::{
    Client,
    channels::NotificationDraft,
    proto::channels::{Classification, Notification},
    subscribe::{SubscribeOptions, Subscription},
};

/// Title of what is published where nothing hangs on it.
pub(crate) const TITLE: &str = "月度监测";

/// What members may say to each other at any time.
const CATEGORY: &str = "coordination";

/// Media type of bodies: nothing that anybody reads.
const MEDIA_TYPE: &str = "application/octet-stream";

/// Most latencies that one worker keeps: more than it can come to within the longest window.
const SAMPLES_MAX: usize = 1 << 22;

/// How often a window may be made longer for a server that is slow.
const LENGTHENED_MAX: u32 = 4;

/// Whoever is called.
#[derive(Debug, Clone)]
pub(crate) enum Caller {
    /// A node of the hub; a call publishes so many notifications.
    Hub(HubNode),
    /// A node of the echo.
    Echo(crate::echo::Caller),
    /// A node of NATS.
    Nats(Publisher),
    /// A node of etcd.
    Etcd(Putter),
}

impl Caller {
    async fn call(&self) -> anyhow::Result<()> {
        match self {
            Self::Hub(node) => node.call().await,
            Self::Echo(node) => node.call().await,
            Self::Nats(node) => node.call().await,
            Self::Etcd(node) => node.call().await,
        }
    }
}

/// A node of the hub.
#[derive(Debug, Clone)]
pub(crate) struct HubNode {
    client: Client,
    body: Bytes,
    items: usize,
}

impl HubNode {
    /// Publishes so many notifications a call: one by `PublishNotification`, several by
    /// `BatchPublishNotifications`.
    pub(crate) fn new(client: Client, body: Bytes, items: usize) -> Self {
        Self {
            client,
            body,
            items,
        }
    }

    async fn call(&self) -> anyhow::Result<()> {
        let channels = self.client.channels();
        if self.items == 1 {
            channels.publish(draft(TITLE, &self.body)).await?;
            return Ok(());
        }
        let drafts = (0..self.items).map(|_| draft(TITLE, &self.body));
        let answer = channels.publish_batch(drafts.collect()).await?;
        anyhow::ensure!(answer.notifications.len() == self.items, "some are missing");
        Ok(())
    }
}

/// A notification to the channel that all nodes read.
pub(crate) fn draft(title: impl Into<String>, body: &Bytes) -> NotificationDraft {
    NotificationDraft::to_channel(CHANNEL)
        .category(CATEGORY)
        .title(title)
        .classification(Classification::Internal)
        .body(body.clone(), MEDIA_TYPE)
}

/// A subscription to that channel from now on.
pub(crate) fn listen(client: &Client) -> Subscription {
    client.channels().subscribe(SubscribeOptions {
        logs: vec![format!("channels/{CHANNEL}")],
        live_only: true,
        ..SubscribeOptions::default()
    })
}

/// What [`draft`] makes, as its message.
pub(crate) fn notification(body: &Bytes) -> Notification {
    Notification {
        channel: format!("channels/{CHANNEL}"),
        category: CATEGORY.into(),
        title: TITLE.into(),
        body: body.clone(),
        media_type: MEDIA_TYPE.into(),
        classification: Classification::Internal.into(),
        ..Notification::default()
    }
}

/// Takes one of what is left, and tells how many there were with it.
pub(crate) fn take(left: &AtomicU64) -> Option<u64> {
    let less = |left: u64| left.checked_sub(1);
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
        .ok()
}

/// How a load is put on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Calls of one node under way.
    pub(crate) in_flight: usize,
    /// Messages in a call.
    pub(crate) items: usize,
    /// Time before the measurement, under the same load.
    pub(crate) warm_up: Duration,
    /// Time of the measurement.
    pub(crate) measured: Duration,
}

/// What one window came to.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    /// Messages acknowledged in all, with those before and after the window.
    pub(crate) messages_in_all: u64,
    /// Messages in a second.
    pub(crate) throughput: f64,
    /// Of the calls that ended within the window.
    pub(crate) latencies: Latencies,
    /// The server's CPU time a message, with what it did afterwards.
    pub(crate) server_cpu: Duration,
    /// The client's CPU time a message.
    pub(crate) client_cpu: Duration,
    /// Part of the machine's CPU time that went to other processes.
    pub(crate) others_cpu_share: f64,
    /// Bytes on disk a message, over warm-up, window and what came afterwards.
    pub(crate) disk_bytes: f64,
}

struct Worker {
    caller: Caller,
    begins_at: Instant,
    ends_at: Instant,
}

#[derive(Default)]
struct Done {
    /// Nanoseconds of each call that ended within the window.
    nanoseconds: Vec<u64>,
    /// Calls in all, also before the window.
    calls: u64,
}

impl Worker {
    async fn run(self) -> anyhow::Result<Done> {
        let mut done = Done::default();
        loop {
            let began_at = Instant::now();
            if began_at >= self.ends_at {
                return Ok(done);
            }
            self.caller.call().await?;
            let now = Instant::now();
            done.calls += 1;
            if (self.begins_at..=self.ends_at).contains(&now) {
                anyhow::ensure!(done.nanoseconds.len() < SAMPLES_MAX, "too long a window");
                let elapsed = now.duration_since(began_at).as_nanos();
                done.nanoseconds.push(u64::try_from(elapsed)?);
            }
        }
    }
}

/// Puts a load on a server, and waits until the server has settled. The callers are one for each node.
///
/// A window in which not even one round of calls comes to its end says nothing: then it is measured
/// again, three times as long.
pub(crate) async fn run(
    server: &Server,
    callers: &[Caller],
    mut plan: Plan,
) -> anyhow::Result<Window> {
    for _ in 0..LENGTHENED_MAX {
        if let Some(window) = measure(server, callers, plan).await? {
            return Ok(window);
        }
        plan.measured *= 3;
        let seconds = plan.measured.as_secs_f64();
        eprintln!("{} is slow: again, for {seconds} s", server.name());
    }
    anyhow::bail!("{} hardly answers: {}", server.name(), server.explain())
}

async fn measure(
    server: &Server,
    callers: &[Caller],
    plan: Plan,
) -> anyhow::Result<Option<Window>> {
    // Connections come about before anything is measured.
    try_join_all(callers.iter().map(Caller::call)).await?;
    let disk_before = server.disk_bytes()?;
    let begins_at = Instant::now() + plan.warm_up;
    let ends_at = begins_at + plan.measured;
    let workers = callers.iter().flat_map(|caller| {
        (0..plan.in_flight).map(|_| {
            let caller = caller.clone();
            tokio::spawn(
                Worker {
                    caller,
                    begins_at,
                    ends_at,
                }
                .run(),
            )
        })
    });
    let workers: Vec<_> = workers.collect();
    tokio::time::sleep_until(begins_at).await;
    let before = Cpu::read(server)?;
    tokio::time::sleep_until(ends_at).await;
    let used = Cpu::read(server)?.since(before);
    let mut nanoseconds = vec![];
    let mut calls = 0;
    for worker in try_join_all(workers).await? {
        let done = worker?;
        calls += done.calls;
        nanoseconds.extend(done.nanoseconds);
    }
    let settled = server.settle(SETTLE_TIME_MAX).await?;
    let items = u64::try_from(plan.items)?;
    let all = Totals {
        plan,
        used,
        settled,
        written: server.disk_bytes()?.saturating_sub(disk_before),
        messages: u64::try_from(nanoseconds.len())? * items,
        messages_in_all: calls * items,
    };
    let is_long_enough = nanoseconds.len() >= callers.len() * plan.in_flight;
    Ok(is_long_enough.then(|| all.window(nanoseconds)))
}

/// What a window is reckoned from.
struct Totals {
    plan: Plan,
    used: Cpu,
    settled: Duration,
    written: u64,
    messages: u64,
    messages_in_all: u64,
}

impl Totals {
    fn window(&self, nanoseconds: Vec<u64>) -> Window {
        let each = |time: Duration, messages: u64| {
            Duration::from_secs_f64(per(time.as_secs_f64(), messages))
        };
        Window {
            messages_in_all: self.messages_in_all,
            throughput: as_f64(self.messages) / self.plan.measured.as_secs_f64(),
            latencies: Latencies::of(nanoseconds),
            server_cpu: each(self.used.server, self.messages)
                + each(self.settled, self.messages_in_all),
            client_cpu: each(self.used.client, self.messages),
            others_cpu_share: self.used.others_share(self.plan.measured),
            disk_bytes: per(as_f64(self.written), self.messages_in_all),
        }
    }
}

/// A body of so many bytes that nothing can compress, the same for every message of a run.
pub(crate) fn body(bytes: usize) -> anyhow::Result<Bytes> {
    let mut body = Vec::with_capacity(bytes + 64);
    while body.len() < bytes {
        body.extend(hub_core::crypto::random::<64>()?);
    }
    body.truncate(bytes);
    Ok(body.into())
}
