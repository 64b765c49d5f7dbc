//! Calls of a real hub on the real files of ledger and state fail one after the other: nothing that
//! was acknowledged is lost or doubled, after a failed sync nothing is acknowledged until the hub has
//! started again, and everybody is told clearly.
//!
//! `HUB_DISK_CASES` sets how many cases are drawn besides the fixed ones, or is `all`; `HUB_DISK_HUBS` is
//! how many hubs are tried at the same time (1 unless given; most of a case is waiting); of all cases
//! those from `HUB_DISK_FROM` to before `HUB_DISK_TO` are tried; `HUB_TEST_SEED` repeats the choices of a
//! run, with the same range.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test: a failure here is a failed test, and how it ran is printed"
)]

#[path = "failing_disk/shim.rs"]
mod shim;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::PathBuf,
    process::{Command, Stdio},
    sync::Mutex,
    time::Duration,
};

use agency_client::{Client, RetryPolicy, channels::NotificationDraft, error::ClientError};
use hub_core::reason::Reason;
use hub_proto::channels::{Classification, ListNotificationsRequest};
use hub_tests::{
    Site,
    process::{HubProcess, hub_binary},
    random::Random,
};
use shim::{Answer, Class, Plan, Shim};
use tempfile::TempDir;

const CHANNEL: &str = "channels/joint-enforcement";

/// Cases on one data folder. A ledger begun anew is quickly looked at.
const LIFE_CASES: usize = 25;

/// Cases that are drawn in the normal test.
const DRAWN: usize = 6;

/// Notifications of a case before it counts as one that no call was made for.
const PUBLISHES_MAX: usize = 24;

/// Some calls are made once a second. They are awaited so often, each time so long.
const WAITS_MAX: usize = 60;
const WAIT: Duration = Duration::from_millis(50);

/// When calls begin to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    Start,
    Running,
}

/// A publish, and the name that it was answered with.
struct Intent {
    draft: NotificationDraft,
    name: Option<String>,
}

struct Bench {
    site: Site,
    work: TempDir,
    shim: Shim,
    intents: Vec<Intent>,
    starts: usize,
    random: Random,
}

/// What came of the calls that failed.
#[derive(Debug, Default)]
struct Tally {
    cases: usize,
    struck: usize,
    /// Hubs that did not start, that recorded nothing more, that refused for want of room.
    unstarted: usize,
    stopped: usize,
    full: usize,
    /// Failures that no caller noticed.
    unnoticed: usize,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.cases += other.cases;
        self.struck += other.struck;
        self.unstarted += other.unstarted;
        self.stopped += other.stopped;
        self.full += other.full;
        self.unnoticed += other.unnoticed;
    }
}

fn draft(number: usize) -> NotificationDraft {
    NotificationDraft::to_channel("joint-enforcement")
        .category("coordination")
        .title(format!("第{number}号"))
        .body(vec![7; 900], "application/octet-stream")
        .classification(Classification::Internal)
}

/// The fixed cases: the calls that a commit and a start are made of.
fn fixed() -> Vec<(From, Plan)> {
    let plan = |class, on, after, count, answer| Plan {
        class,
        on,
        after,
        count,
        answer,
    };
    let always = 1_000_000;
    vec![
        // In the first start of a data folder, while the first nodes are enrolled.
        (
            From::Start,
            plan(Class::Sync, "/ledger/segment", 9, 1, Answer::Broken),
        ),
        (
            From::Running,
            plan(Class::Sync, "/ledger/segment", 2, 1, Answer::Broken),
        ),
        (
            From::Running,
            plan(Class::Write, "/ledger/segment", 3, 1, Answer::Broken),
        ),
        (
            From::Running,
            plan(Class::Write, "/ledger/segment", 1, 3, Answer::Full),
        ),
        (
            From::Running,
            plan(Class::Write, "/ledger/", 0, 9, Answer::Short),
        ),
        (
            From::Running,
            plan(Class::Sync, "/ledger/", 0, always, Answer::Full),
        ),
        (
            From::Running,
            plan(Class::Rename, "/ledger/checkpoint", 0, 1, Answer::Broken),
        ),
        (
            From::Running,
            plan(Class::Write, "/state/", 0, 1, Answer::Broken),
        ),
        (
            From::Running,
            plan(Class::Sync, "/state/", 0, always, Answer::Broken),
        ),
        (
            From::Start,
            plan(Class::Read, "/ledger/segment", 0, 1, Answer::Broken),
        ),
        (
            From::Start,
            plan(Class::Sync, "/ledger/segment", 0, 1, Answer::Broken),
        ),
        (
            From::Start,
            plan(Class::Read, "/state/", 2, 1, Answer::Broken),
        ),
        (
            From::Running,
            plan(Class::Write, "/search", 0, always, Answer::Full),
        ),
    ]
}

/// Every class on every kind of file.
fn places() -> Vec<(Class, &'static str)> {
    let classes = [
        Class::Open,
        Class::Write,
        Class::Sync,
        Class::Rename,
        Class::Remove,
        Class::Cut,
        Class::Read,
    ];
    let on = ["/ledger/segment", "/ledger/", "/ledger", "/state/"];
    classes
        .into_iter()
        .flat_map(|class| on.map(|on| (class, on)))
        .collect()
}

fn answers(class: Class) -> &'static [Answer] {
    match class {
        Class::Write => &[Answer::Broken, Answer::Full, Answer::Short],
        Class::Read => &[Answer::Broken, Answer::Short],
        Class::Remove => &[Answer::Broken],
        _ => &[Answer::Broken, Answer::Full],
    }
}

fn drawn(random: &mut Random) -> (From, Plan) {
    let (class, on) = *random.pick(&places());
    let plan = Plan {
        class,
        on,
        after: u64::try_from(random.below(12)).unwrap(),
        count: *random.pick(&[1, 1, 2, 1_000_000]),
        answer: *random.pick(answers(class)),
    };
    let from = *random.pick(&[From::Start, From::Running, From::Running]);
    (from, plan)
}

impl Bench {
    fn new(seed: u64) -> Self {
        let site = Site::new();
        let work = tempfile::tempdir().unwrap();
        // Calls are told apart by the paths that the hub passes.
        let data = site.path().canonicalize().unwrap().join("data");
        let text = fs::read_to_string(site.config_file()).unwrap();
        let line = format!("data_dir = {:?}", data.to_str().unwrap());
        fs::write(
            site.config_file(),
            text.replace("data_dir = \"data\"", &line),
        )
        .unwrap();
        Self {
            shim: Shim::build(work.path(), &data),
            site,
            work,
            intents: vec![],
            starts: 0,
            random: Random::new(seed),
        }
    }

    fn log_file(&self) -> PathBuf {
        self.work.path().join(format!("log-{}", self.starts))
    }

    fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap()
    }

    /// Starts the hub under the shim, with a log of its own.
    fn start(&mut self) -> Option<HubProcess> {
        self.starts += 1;
        let log = Stdio::from(File::create(self.log_file()).unwrap());
        HubProcess::try_start_by(self.shim.hub(), &self.site.config_file(), log).ok()
    }

    fn client(&self, hub: &HubProcess) -> Client {
        Client::builder(&self.site.profile("tax"))
            .endpoint(hub.endpoint())
            .officer("tax-clerk-1")
            .roles(["clerk"])
            .retry(RetryPolicy::never())
            .build()
            .unwrap()
    }

    /// Whether `hub fsck` ends well, and what it found.
    fn fsck(&self) -> (bool, serde_json::Value) {
        let output = Command::new(hub_binary())
            .args(["fsck", "--json", "--config"])
            .arg(self.site.config_file())
            .output()
            .unwrap();
        let report = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        (output.status.success(), report)
    }

    async fn case(&mut self, (from, plan): &(From, Plan), is_fixed: bool, tally: &mut Tally) {
        let from = *from;
        let what = format!("{from:?} {plan:?}");
        tally.cases += 1;
        self.shim.disarm();
        if from == From::Start {
            self.shim.arm(plan);
        }
        let Some(hub) = self.start() else {
            assert!(
                self.shim.failed() > 0,
                "{what}: it does not start: {}",
                self.log()
            );
            assert_named(&self.log(), &self.shim.told(), &what);
            tally.struck += 1;
            tally.unstarted += 1;
            return;
        };
        let tax = self.client(&hub);
        if from == From::Running {
            self.settle(&tax, &what).await;
            self.shim.arm(plan);
        }
        let seen = self.publish_until_struck(&tax, plan, &what).await;
        self.read(&tax, plan, &what).await;
        let failed = self.shim.failed();
        self.shim.disarm();
        if seen.stopped > 0 {
            // The disk works again, but what it holds is not known.
            for _ in 0..2 {
                let refused = self.publish(&tax).await.unwrap_err();
                assert_eq!(refused.reason(), Some(Reason::Unavailable), "{what}");
            }
            assert_named(&self.log(), &self.shim.told(), &what);
            tally.stopped += 1;
        }
        tally.struck += usize::from(failed > 0);
        assert!(failed > 0 || !is_fixed, "{what}: no call failed");
        tally.full += usize::from(seen.full > 0);
        tally.unnoticed += usize::from(failed > 0 && seen.stopped + seen.full == 0);
        if self.random.percent(50) {
            hub.kill();
        } else {
            // It says so when the last flush fails.
            let is_in_order = hub.stop();
            assert!(is_in_order || failed > 0, "{what}: {}", self.log());
        }
    }

    /// Publishes until calls have failed, and a little more.
    async fn publish_until_struck(&mut self, tax: &Client, plan: &Plan, what: &str) -> Seen {
        let mut seen = Seen::default();
        let (mut left, mut waits) = (PUBLISHES_MAX, WAITS_MAX);
        let mut further = 5;
        while left > 0 && further > 0 {
            left -= 1;
            let answer = self.publish(tax).await;
            let failed = self.shim.failed();
            further -= usize::from(failed > 0);
            match &answer {
                Ok(()) => {
                    let is_sync = plan.class == Class::Sync && plan.on == "/ledger/segment";
                    assert!(
                        !is_sync || failed == 0 || plan.answer == Answer::Short,
                        "{what}: acknowledged after a sync that failed"
                    );
                    assert_eq!(seen.stopped, 0, "{what}: acknowledged by a hub that failed");
                }
                Err(error) => seen.refused(error, plan, failed, what),
            }
            if failed == 0 && left == 1 && waits > 0 {
                waits -= 1;
                left += 1;
                tokio::time::sleep(WAIT).await;
            }
        }
        seen
    }

    async fn publish(&mut self, tax: &Client) -> Result<(), ClientError> {
        let draft = draft(self.intents.len());
        self.intents.push(Intent {
            draft: draft.clone(),
            name: None,
        });
        let published = tax.channels().publish(draft).await?;
        let name = published.response.notification.unwrap().name;
        self.intents.last_mut().unwrap().name = Some(name);
        Ok(())
    }

    /// Reads of what was acknowledged go on, or are refused clearly.
    async fn read(&mut self, tax: &Client, plan: &Plan, what: &str) {
        let acknowledged: Vec<_> = self
            .intents
            .iter()
            .filter_map(|one| one.name.as_ref())
            .collect();
        for _ in 0..3 {
            if acknowledged.is_empty() {
                return;
            }
            let name = *self.random.pick(&acknowledged);
            match tax.channels().notification(name).await {
                Ok(found) => assert_eq!(found.notification.unwrap().body.len(), 900, "{what}"),
                Err(error) => {
                    let is_clear = [Some(Reason::Internal), Some(Reason::Unavailable)]
                        .contains(&error.reason());
                    // sled answers nothing any more once a write of it has failed.
                    let may = plan.class == Class::Read || plan.on == "/state/";
                    assert!(is_clear && may && self.shim.failed() > 0, "{what}: {error}");
                }
            }
        }
    }

    /// What was acknowledged is there once; the rest is asked again and is there once then.
    async fn settle(&mut self, tax: &Client, what: &str) {
        let mut by_id = self.list(tax).await;
        for intent in &mut self.intents {
            let found = by_id.remove(intent.draft.id()).unwrap_or_default();
            match &intent.name {
                Some(name) => assert_eq!(found, [name.as_str()], "{what}: acknowledged"),
                None => assert!(found.len() < 2, "{what}: doubled: {found:?}"),
            }
        }
        assert!(by_id.is_empty(), "{what}: nobody asked for {by_id:?}");
        for intent in self.intents.iter_mut().filter(|one| one.name.is_none()) {
            let again = tax.channels().publish(intent.draft.clone()).await;
            let again = again.unwrap_or_else(|error| panic!("{what}: asked again: {error}"));
            intent.name = Some(again.response.notification.unwrap().name);
        }
        let after = self.list(tax).await;
        assert_eq!(after.len(), self.intents.len(), "{what}");
        let mut names: Vec<_> = after.into_values().flatten().collect();
        let place = |name: &String| name.rsplit('/').next().unwrap().parse::<usize>().unwrap();
        names.sort_by_key(place);
        let places: Vec<_> = names.iter().map(place).collect();
        assert!(
            places.iter().copied().eq(1..=names.len()),
            "{what}: {places:?}"
        );
    }

    /// Names by the author's id.
    async fn list(&self, tax: &Client) -> BTreeMap<String, Vec<String>> {
        let mut request = ListNotificationsRequest {
            parent: CHANNEL.into(),
            page_size: 500,
            omit_bodies: true,
            ..ListNotificationsRequest::default()
        };
        let mut by_id: BTreeMap<String, Vec<String>> = BTreeMap::new();
        loop {
            let page = tax.channels().list_notifications(&request).await.unwrap();
            for one in page.notifications {
                by_id.entry(one.request_id).or_default().push(one.name);
            }
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() {
                return by_id;
            }
        }
    }

    /// A start without failures shows what there is; then everything is as it should be.
    async fn check(&mut self) {
        self.shim.disarm();
        let hub = self.start().expect("the disk works");
        let tax = self.client(&hub);
        self.settle(&tax, "in the end").await;
        assert!(hub.stop(), "{}", self.log());
        let (is_sound, report) = self.fsck();
        assert!(is_sound && report["findings_total"] == 0, "{report}");
    }
}

/// How a hub refused.
#[derive(Debug, Default)]
struct Seen {
    full: usize,
    stopped: usize,
}

impl Seen {
    fn refused(&mut self, error: &ClientError, plan: &Plan, failed: u64, what: &str) {
        assert!(
            failed > 0,
            "{what}: refused, and no call has failed: {error}"
        );
        assert!(
            plan.answer != Answer::Short,
            "{what}: half a write is no failure"
        );
        assert!(!plan.on.starts_with("/search"), "{what}: {error}");
        match error.reason() {
            Some(Reason::StorageFull) => {
                assert_eq!(plan.answer, Answer::Full, "{what}: {error}");
                assert_eq!(self.stopped, 0, "{what}: {error}");
                self.full += 1;
            }
            Some(Reason::Unavailable) => self.stopped += 1,
            // A row or an entry could not be read; that is no failed commit.
            Some(Reason::Internal) => {
                assert!(plan.class == Class::Read, "{what}: {error}");
            }
            _ => panic!("{what}: {error}"),
        }
    }
}

/// The log names what failed: the call's file, or the index that sled keeps in several.
fn assert_named(log: &str, told: &str, what: &str) {
    let file = told.rsplit('/').next().unwrap_or_default();
    let is_index = told.contains("/state") && log.contains("state index");
    let system_says = ["Input/output error", "No space left"];
    let is_named = log.contains(file) && system_says.iter().any(|text| log.contains(text));
    assert!(is_index || is_named, "{what}: {told}: {log}");
}

#[test]
fn whichever_call_fails_nothing_acknowledged_is_lost_and_nothing_is_doubled() {
    let seed = hub_tests::seed();
    println!("HUB_TEST_SEED={seed}");
    let mut random = Random::new(seed);
    let mut cases = fixed();
    match std::env::var("HUB_DISK_CASES").as_deref() {
        Ok("all") => cases.extend(all()),
        Ok(count) => cases.extend((0..count.parse().unwrap()).map(|_| drawn(&mut random))),
        Err(_) => cases.extend((0..DRAWN).map(|_| drawn(&mut random))),
    }
    let setting = |name, default| std::env::var(name).map_or(default, |text| text.parse().unwrap());
    let hubs = setting("HUB_DISK_HUBS", 1);
    let to = setting("HUB_DISK_TO", cases.len()).min(cases.len());
    let from = setting("HUB_DISK_FROM", 0).min(to);
    let total = to - from;
    let lives = Mutex::new(cases[from..to].chunks(LIFE_CASES).enumerate());
    let tally = Mutex::new(Tally::default());
    std::thread::scope(|scope| {
        for _ in 0..hubs {
            scope.spawn(|| {
                let runtime = tokio::runtime::Runtime::new().unwrap();
                while let Some((number, cases)) = next(&lives) {
                    let seed = seed ^ u64::try_from(number).unwrap();
                    let life = runtime.block_on(life(seed, cases, from + number == 0));
                    let mut tally = tally.lock().unwrap();
                    tally.add(&life);
                    println!("{} of {total}: {tally:?}", tally.cases);
                }
            });
        }
    });
    let tally = tally.into_inner().unwrap();
    assert_eq!(tally.cases, total);
    // The fixed cases alone come to this.
    let is_part = from > 0 || to < fixed().len();
    assert!(
        is_part || (tally.stopped >= 4 && tally.full >= 1 && tally.unstarted >= 1),
        "{tally:?}"
    );
}

/// The next one, whoever takes it.
fn next<T>(of: &Mutex<impl Iterator<Item = T>>) -> Option<T> {
    of.lock().unwrap().next()
}

/// The cases of one data folder, one after the other. The first life begins with the fixed ones.
async fn life(seed: u64, cases: &[(From, Plan)], is_first: bool) -> Tally {
    let mut bench = Bench::new(seed);
    let mut tally = Tally::default();
    let fixed = if is_first { fixed().len() } else { 0 };
    for (number, case) in cases.iter().enumerate() {
        bench.case(case, number < fixed, &mut tally).await;
    }
    bench.check().await;
    tally
}

/// Each of the first calls of each class on each kind of file, once and from then on.
fn all() -> Vec<(From, Plan)> {
    let mut cases = vec![];
    for (class, on) in places() {
        for &answer in answers(class) {
            for after in 0..20 {
                for count in [1, 1_000_000] {
                    for from in [From::Start, From::Running] {
                        let plan = Plan {
                            class,
                            on,
                            after,
                            count,
                            answer,
                        };
                        cases.push((from, plan));
                    }
                }
            }
        }
    }
    cases
}
