//! What honest clients keep of their throughput while others misbehave.
//!
//! A hub as a process of its own; twelve agencies publish, each as fast as it is answered; the thirteenth
//! attacks. Each attack is measured in turns: undisturbed, attacked, undisturbed, … and the medians are
//! compared. The attackers' thread has the lowest priority of the system (nice 19): they stand for other
//! machines, and what they use of this one's processors would not be the hub's. `waves` tells how many
//! of them were begun in a second.
//!
//! `scripts/hostile-load.sh` runs it. `HOSTILE_SECONDS` sets the length of a turn (2 unless given),
//! `HOSTILE_TURNS` how many there are of each (3), `HOSTILE_ATTACKS` which attacks (all), separated by
//! commas. Attackers come from another address than the honest unless `HOSTILE_SHARED` is set, as when all
//! stand behind one gateway.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a measuring program: it prints, and stops at the first surprise"
)]

use std::{
    future::Future,
    pin::Pin,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use hub_proto::channels::{GetNotificationRequest, PublishNotificationResponse};
use hub_tests::{
    channels,
    frames::{QUIET_TIME, Wire},
    hostile::{
        Attacker, Field,
        waves::{self, Chatter, Endless},
    },
    raw::{
        Session,
        requests::{publish, request_id, to_channel},
    },
};
use prost::Message as _;
use tokio::{runtime::Runtime, task::JoinSet};

/// The other members of the mechanism, in whose channel they publish.
const HONEST: [&str; 12] = [
    "civil-affairs",
    "culture-tourism",
    "cyberspace",
    "education",
    "foreign-affairs",
    "health",
    "human-resources",
    "market-regulation",
    "political-legal",
    "public-security",
    "publicity",
    "state-security",
];
const ATTACKERS: usize = 4;
const PUBLISH: &str = channels!("PublishNotification");

type Wave = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A name, and one wave of it.
type Attack = (&'static str, fn(Attacker, Bytes) -> Wave);

/// Keeps connections for a moment, as who wants to use up their places would.
async fn keep(wire: Wire) {
    tokio::time::sleep(QUIET_TIME).await;
    drop(wire);
}

const ATTACKS: &[Attack] = &[
    ("silent TCP", |it, _| {
        Box::pin(async move { drop(waves::silent(&it, 400).await) })
    }),
    ("half handshakes", |it, _| {
        Box::pin(async move { drop(waves::half_hellos(&it, 400).await) })
    }),
    ("no certificate", |it, _| {
        Box::pin(async move {
            waves::strangers(&it, 20).await;
        })
    }),
    ("handshakes and nothing", |it, _| {
        Box::pin(async move {
            for _ in 0..20 {
                drop(it.connect().await);
            }
        })
    }),
    ("10,000 streams", |it, _| {
        Box::pin(async move {
            if let Ok((wire, _)) = waves::open_calls(&it, 2_500).await {
                keep(wire).await;
            }
        })
    }),
    ("unfinished messages", |it, _| {
        Box::pin(async move {
            if let Ok((wire, _)) = waves::unfinished(&it, 100, 1_000_000).await {
                keep(wire).await;
            }
        })
    }),
    ("answers not taken", |it, request| {
        Box::pin(async move {
            let method = channels!("GetNotification");
            if let Ok((wire, _)) = waves::untaken_answers(&it, 250, method, &request).await {
                keep(wire).await;
            }
        })
    }),
    ("rapid resets", |it, _| {
        Box::pin(async move { drop(waves::rapid_resets(&it, 10_000).await) })
    }),
    ("provoked resets", |it, _| {
        Box::pin(async move { drop(waves::provoked_resets(&it, 10_000).await) })
    }),
    ("header floods", |it, _| {
        Box::pin(async move {
            for what in Endless::ALL {
                drop(waves::endless_headers(&it, what, 1_000).await);
            }
        })
    }),
    ("pings", |it, _| {
        Box::pin(async move { drop(waves::chatter(&it, Chatter::Pings, 20_000).await) })
    }),
    ("settings", |it, _| {
        Box::pin(async move { drop(waves::chatter(&it, Chatter::Settings, 20_000).await) })
    }),
    ("windows", |it, _| {
        Box::pin(async move { drop(waves::chatter(&it, Chatter::Windows, 20_000).await) })
    }),
    ("calls past the rate", |it, _| {
        Box::pin(async move {
            let request = GetNotificationRequest::default().encode_to_vec();
            let method = channels!("GetNotification");
            let mut calls = JoinSet::new();
            for _ in 0..200 {
                let session = it.session.clone();
                let request = request.clone();
                calls.spawn(async move { drop(session.call(method, request).await) });
            }
            calls.join_all().await;
        })
    }),
];

/// A number from the environment.
fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// Threads with the lowest priority of the system.
fn meek_runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .on_thread_start(|| {
            // `<process>/task/<thread>`
            let thread = std::fs::read_link("/proc/thread-self").unwrap();
            let id = thread.file_name().unwrap();
            let renice = Command::new("renice")
                .args(["-n", "19", "-p"])
                .arg(id)
                .output();
            assert!(renice.expect("renice runs").status.success());
        })
        .build()
        .unwrap()
}

/// Honest clients that publish as fast as they are answered.
struct Honest {
    done: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
    tasks: JoinSet<()>,
}

impl Honest {
    fn start(field: &Field) -> Self {
        let done = Arc::new(AtomicU64::new(0));
        let is_over = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        for agency in HONEST {
            let session = field.session(agency);
            tasks.spawn(work(session, Arc::clone(&done), Arc::clone(&is_over)));
        }
        Self {
            done,
            is_over,
            tasks,
        }
    }

    /// Notifications a second during a turn.
    async fn turn(&self, time: Duration) -> f64 {
        let before = self.done.load(Ordering::SeqCst);
        tokio::time::sleep(time).await;
        let done = self.done.load(Ordering::SeqCst) - before;
        done as f64 / time.as_secs_f64()
    }

    async fn finish(self) {
        self.is_over.store(true, Ordering::SeqCst);
        // A call that failed has stopped its task.
        self.tasks.join_all().await;
    }
}

async fn work(session: Session, done: Arc<AtomicU64>, is_over: Arc<AtomicBool>) {
    while !is_over.load(Ordering::SeqCst) {
        let mut notification = to_channel("coordination", "joint-enforcement");
        notification.body = vec![b'b'; 1_024].into();
        let request = publish(notification, request_id()).encode_to_vec();
        let answer = session.call(PUBLISH, request).await;
        answer.expect("an honest call goes well");
        done.fetch_add(1, Ordering::SeqCst);
    }
}

/// Attackers that send one wave after the other.
struct Attackers {
    is_over: Arc<AtomicBool>,
    waves: Arc<AtomicU64>,
    tasks: JoinSet<()>,
}

impl Attackers {
    fn start(runtime: &Runtime, attacker: &Attacker, wave: &Attack, request: &Bytes) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let waves = Arc::new(AtomicU64::new(0));
        let mut tasks = JoinSet::new();
        for _ in 0..ATTACKERS {
            let (attacker, request, wave) = (attacker.clone(), request.clone(), wave.1);
            let (is_over, waves) = (Arc::clone(&is_over), Arc::clone(&waves));
            let task = async move {
                while !is_over.load(Ordering::SeqCst) {
                    // Begun: a wave that the hub keeps waiting may never come to its end.
                    waves.fetch_add(1, Ordering::SeqCst);
                    wave(attacker.clone(), request.clone()).await;
                }
            };
            tasks.spawn_on(task, runtime.handle());
        }
        Self {
            is_over,
            waves,
            tasks,
        }
    }

    async fn stop(mut self) -> u64 {
        self.is_over.store(true, Ordering::SeqCst);
        self.tasks.shutdown().await;
        self.waves.load(Ordering::SeqCst)
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A notification with the longest body, and the request that reads it.
async fn long_notification(session: &Session) -> Bytes {
    let mut notification = to_channel("coordination", "joint-enforcement");
    notification.body = vec![b'b'; 262_144].into();
    let request = publish(notification, request_id());
    let answer = session.ask::<PublishNotificationResponse>(PUBLISH, &request);
    let name = answer.await.unwrap().notification.unwrap().name;
    GetNotificationRequest { name }.encode_to_vec().into()
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let turn = Duration::from_secs(number("HOSTILE_SECONDS", 2));
    let turns = number("HOSTILE_TURNS", 3);
    let chosen = std::env::var("HOSTILE_ATTACKS").unwrap_or_default();
    let meek = meek_runtime();
    let mut field = Field::with("");
    if std::env::var_os("HOSTILE_SHARED").is_some() {
        field.attacker.from = field.hub.address().ip();
    }
    let request = long_notification(&field.attacker.session).await;
    let honest = Honest::start(&field);
    honest.turn(turn).await;
    println!(
        "{:<26} {:>10} {:>10} {:>7} {:>9} {:>9}",
        "attack", "alone/s", "attacked/s", "ratio", "waves/s", "hub MiB"
    );
    for attack in ATTACKS {
        if !chosen.is_empty() && !chosen.split(',').any(|name| name == attack.0) {
            continue;
        }
        let (mut alone, mut attacked, mut waves) = (vec![], vec![], 0);
        for _ in 0..turns {
            alone.push(honest.turn(turn).await);
            let attackers = Attackers::start(&meek, &field.attacker, attack, &request);
            attacked.push(honest.turn(turn).await);
            waves += attackers.stop().await;
            // What they left behind is done with.
            tokio::time::sleep(QUIET_TIME).await;
        }
        let (alone, attacked) = (median(alone), median(attacked));
        let waves = waves as f64 / (turn.as_secs_f64() * turns as f64);
        let resident_mib = field.hub.resident_bytes() >> 20;
        println!(
            "{:<26} {alone:>10.0} {attacked:>10.0} {:>7.2} {waves:>9.1} {resident_mib:>9}",
            attack.0,
            attacked / alone,
        );
    }
    println!(
        "most memory of the hub: {} MiB",
        field.hub.peak_resident_bytes() >> 20
    );
    honest.finish().await;
    meek.shutdown_background();
    assert!(field.hub.stop(), "the hub stops in order");
}
