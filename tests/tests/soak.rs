//! Mixed load for minutes with restarts in between: memory, file handles and lag stay flat.
//!
//! Not part of the normal tests; `scripts/soak.sh` runs it. `HUB_SOAK_MINUTES` sets how long.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test: a failure here is a failed test, and how it ran is printed"
)]

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use agency_client::{
    Client,
    channels::NotificationDraft,
    subscribe::{Event, SubscribeOptions},
};
use hub_proto::channels::{Classification, ListNotificationsRequest};
use hub_tests::{Site, process::HubProcess};
use tokio::{task::JoinSet, time::Instant};

/// Lives of the hub. The first warms the machine up, the others are compared.
const LIVES: u32 = 5;

/// Between two looks at the process.
const SAMPLE: Duration = Duration::from_secs(5);

/// Between two calls of one client: a load that the machine bears, so that lag is the hub's.
const PACE: Duration = Duration::from_millis(15);

/// Memory that one life may need more than another, besides a fifth.
const MEMORY_SLACK_KIB: u64 = 24 * 1024;

/// File handles that come and go with connections and segments.
const HANDLES_SLACK: usize = 24;

const CHANNEL: &str = "channels/joint-enforcement";

/// What the clients have done together.
#[derive(Default)]
struct Counts {
    /// The newest position in the channel that was acknowledged, and the newest that was delivered.
    published: AtomicU64,
    delivered: AtomicU64,
    calls: AtomicU64,
    stops: AtomicBool,
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    memory_kib: u64,
    handles: usize,
    lag: u64,
}

fn draft() -> NotificationDraft {
    NotificationDraft::to_channel("joint-enforcement")
        .category("coordination")
        .title("工作沟通")
        .body(vec![7; 1_024], "application/octet-stream")
        .classification(Classification::Internal)
}

fn client(site: &Site, endpoint: &str, agency: &str) -> Client {
    Client::builder(&site.profile(agency))
        .endpoint(endpoint)
        .officer(format!("{agency}-clerk-1"))
        .roles(["clerk"])
        .purpose(hub_tests::PURPOSE)
        .build()
        .unwrap()
}

/// Publishes, one by one or in batches. A hub that is away is waited for.
async fn publish(client: Client, counts: Arc<Counts>, is_batch: bool) {
    while !counts.stops.load(Ordering::SeqCst) {
        let names: Vec<String> = if is_batch {
            let sent = client
                .channels()
                .publish_batch((0..16).map(|_| draft()).collect())
                .await;
            let notifications = sent.map(|sent| sent.response.notifications);
            notifications
                .into_iter()
                .flatten()
                .map(|one| one.name)
                .collect()
        } else {
            let sent = client.channels().publish(draft()).await;
            let notification = sent.ok().and_then(|sent| sent.response.notification);
            notification.into_iter().map(|one| one.name).collect()
        };
        for name in names {
            let position = name.rsplit('/').next().unwrap().parse().unwrap();
            counts.published.fetch_max(position, Ordering::SeqCst);
        }
        counts.calls.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(PACE).await;
    }
}

/// Follows the channel through all restarts, without gap or repeat, and acknowledges.
async fn follow(client: Client, counts: Arc<Counts>) {
    let options = SubscribeOptions {
        logs: vec![CHANNEL.into()],
        consumer: Some("oa".into()),
        ..SubscribeOptions::default()
    };
    let mut stream = client.channels().subscribe(options);
    let mut next = 1;
    while let Some(event) = stream.next().await {
        if let Event::Delivery(delivery) = event.unwrap() {
            assert_eq!(delivery.position, next, "no gap, no repeat");
            next += 1;
            counts
                .delivered
                .store(u64::try_from(delivery.position).unwrap(), Ordering::SeqCst);
            if delivery.position % 256 == 0 {
                // The hub may be away just now; the next one will do.
                drop(client.channels().acknowledge("oa", &delivery.cursor).await);
            }
        }
    }
}

/// Reads pages and single notifications.
async fn look(client: Client, counts: Arc<Counts>) {
    while !counts.stops.load(Ordering::SeqCst) {
        let request = ListNotificationsRequest {
            parent: CHANNEL.into(),
            page_size: 50,
            ..ListNotificationsRequest::default()
        };
        if let Ok(page) = client.channels().list_notifications(&request).await
            && let Some(one) = page.notifications.first()
        {
            drop(client.channels().notification(&one.name).await);
        }
        counts.calls.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(PACE).await;
    }
}

fn sample(hub: &HubProcess, counts: &Counts) -> Sample {
    let process = format!("/proc/{}", hub.id());
    let status = fs::read_to_string(format!("{process}/status")).unwrap();
    let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let memory = memory.unwrap().trim().trim_end_matches(" kB");
    let published = counts.published.load(Ordering::SeqCst);
    Sample {
        memory_kib: memory.parse().unwrap(),
        handles: fs::read_dir(format!("{process}/fd")).unwrap().count(),
        lag: published.saturating_sub(counts.delivered.load(Ordering::SeqCst)),
    }
}

/// Fixes the hub's port, so that it comes back where it was.
fn settle_down(site: &Site, hub: &HubProcess) {
    let file = site.config_file();
    let address = format!("listen = \"{}\"", hub.address());
    let text = fs::read_to_string(&file).unwrap();
    let text = text.replace("listen = \"127.0.0.1:0\"", &address);
    assert!(text.contains(&address));
    fs::write(file, text).unwrap();
}

fn start_clients(site: &Site, endpoint: &str, counts: &Arc<Counts>) -> JoinSet<()> {
    let mut clients = JoinSet::new();
    for agency in ["tax", "market-regulation", "education"] {
        let client = client(site, endpoint, agency);
        clients.spawn(publish(client, Arc::clone(counts), false));
    }
    let batches = client(site, endpoint, "health");
    clients.spawn(publish(batches, Arc::clone(counts), true));
    clients.spawn(look(client(site, endpoint, "tax"), Arc::clone(counts)));
    clients
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes; scripts/soak.sh runs it"]
async fn memory_file_handles_and_lag_stay_flat() {
    let minutes: u32 = std::env::var("HUB_SOAK_MINUTES").map_or(30, |text| text.parse().unwrap());
    let life = Duration::from_secs(60) * minutes / LIVES;
    let site = Site::new();
    let mut hub = HubProcess::start(&site.config_file());
    settle_down(&site, &hub);
    let endpoint = hub.endpoint();
    let counts = Arc::new(Counts::default());
    let mut clients = start_clients(&site, &endpoint, &counts);
    let follower = tokio::spawn(follow(
        client(&site, &endpoint, "health"),
        Arc::clone(&counts),
    ));
    println!("life  seconds  memory KiB  file handles  lag  notifications  calls");
    let mut ends = vec![];
    for number in 1..=LIVES {
        let began = Instant::now();
        let mut samples = vec![];
        while began.elapsed() < life {
            tokio::time::sleep(SAMPLE.min(life / 4)).await;
            let now = sample(&hub, &counts);
            samples.push(now);
            println!(
                "{number:4}  {:7}  {:10}  {:12}  {:3}  {:13}  {:5}",
                began.elapsed().as_secs(),
                now.memory_kib,
                now.handles,
                now.lag,
                counts.published.load(Ordering::SeqCst),
                counts.calls.load(Ordering::SeqCst)
            );
        }
        ends.push(end_of(&samples));
        if number < LIVES {
            // Half of the ends are in order, half are not.
            if number % 2 == 0 {
                hub.kill();
            } else {
                assert!(hub.stop());
            }
            hub = HubProcess::start(&site.config_file());
        }
    }
    counts.stops.store(true, Ordering::SeqCst);
    while let Some(ended) = clients.join_next().await {
        ended.unwrap();
    }
    assert!(!follower.is_finished(), "the follower goes on to the end");
    let caught_up = async {
        while counts.delivered.load(Ordering::SeqCst) < counts.published.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let caught_up = tokio::time::timeout(Duration::from_secs(60), caught_up).await;
    caught_up.expect("without load the lag goes to nothing");
    follower.abort();
    assert!(hub.stop());
    judge(&ends);
}

/// The worst of the last half of a life, when what warms up is warm.
fn end_of(samples: &[Sample]) -> Sample {
    let last = &samples[samples.len() / 2..];
    Sample {
        memory_kib: last.iter().map(|one| one.memory_kib).max().unwrap(),
        handles: last.iter().map(|one| one.handles).max().unwrap(),
        lag: last.iter().map(|one| one.lag).max().unwrap(),
    }
}

/// Lives are as long as each other, and the ledger is longer in each: what grows with it is no flat line.
fn judge(ends: &[Sample]) {
    let (first, last) = (ends[1], ends[ends.len() - 1]);
    println!("ends of lives: {ends:?}");
    let memory_max = first.memory_kib + first.memory_kib / 5 + MEMORY_SLACK_KIB;
    assert!(last.memory_kib <= memory_max, "memory grows: {ends:?}");
    assert!(
        last.handles <= first.handles + HANDLES_SLACK,
        "handles leak: {ends:?}"
    );
    assert!(last.lag <= 2 * first.lag + 256, "lag grows: {ends:?}");
}
