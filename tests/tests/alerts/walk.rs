//! A random walk of the fund members, the bank branch, the office and outsiders over the whole life of
//! fund alerts, against a plain model, with `kill -9`, stops, and loss of the state index in between.
//!
//! `HUB_TEST_SEED` replays a run, `HUB_WALK_STEPS` makes it longer.

mod agree;
mod choose;
mod model;
mod send;

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    process::Command,
};

use bytes::Bytes;
use hub_proto::funds::{Alert, AlertState, ClosingOutcome, JointNoticeState, RaiseAlertResponse};
use hub_tests::{
    Site, alerts,
    process::{HubProcess, hub_binary},
    raw::reason,
    seed,
};
use jiff::Timestamp;
use prost::Message as _;
use prost_types::Timestamp as Instant;
use tonic::Status;

use choose::Chooser;
use model::{ACTORS, Act, Actor, Model, Step};
use send::{Desks, Sent};

/// Acts of a run unless `HUB_WALK_STEPS` says otherwise.
const STEPS: usize = 1_000;
/// After each phase the hub dies or stops, and everything is compared.
const PHASES: usize = 8;
/// Alerts about which somebody has to do something.
const OPEN_MAX: usize = 9;

/// Alert, officer, method.
type Read = (String, String, &'static str);

/// The hub and the model side by side.
struct Walk {
    site: Site,
    config: PathBuf,
    hub: Option<HubProcess>,
    desks: Desks,
    chooser: Chooser,
    model: Model,
    /// What was recorded, with the alert that it is of.
    done: Vec<(usize, Sent)>,
    /// How often each was read, as far as this side knows.
    reads: BTreeMap<Read, usize>,
    /// Reads whose answers a crash may have swallowed.
    unsure: BTreeMap<Read, usize>,
    /// Alerts as they were seen last, with their times.
    seen: HashMap<usize, Alert>,
    /// When a unit acknowledged a revision first.
    acknowledged: HashMap<(usize, String, i32), Instant>,
    refused: BTreeMap<&'static str, usize>,
    by_act: BTreeMap<&'static str, usize>,
    crashed_over: usize,
}

impl Walk {
    fn start(seed: u64) -> Self {
        let site = Site::new();
        let config = site.config_file();
        let hub = HubProcess::start(&config);
        let desks = Desks::new(&site, hub.address());
        Self {
            site,
            config,
            hub: Some(hub),
            desks,
            chooser: Chooser::new(seed),
            model: Model::default(),
            done: vec![],
            reads: BTreeMap::new(),
            unsure: BTreeMap::new(),
            seen: HashMap::new(),
            acknowledged: HashMap::new(),
            refused: BTreeMap::new(),
            by_act: BTreeMap::new(),
            crashed_over: 0,
        }
    }

    fn uuid(&mut self) -> String {
        let now = u64::try_from(Timestamp::now().as_millisecond()).unwrap();
        self.chooser.random.uuid(now)
    }

    fn message(&self, step: &Step, id: &str) -> Sent {
        let case = self.model.cases.get(step.place);
        send::message(step, case.map_or("", |case| &case.alert.name), id)
    }

    async fn send(&self, sent: &Sent) -> Result<Bytes, Status> {
        let session = self.desks.of(sent.who);
        session.call(sent.method, sent.bytes.clone()).await
    }

    /// One act, and what the model says of it; then somebody looks at the alert.
    async fn step(&mut self) {
        if self.chooser.random.percent(3) && !self.done.is_empty() {
            return self.again().await;
        }
        let step = self.chooser.step(&self.model, OPEN_MAX);
        let id = self.uuid();
        let sent = self.message(&step, &id);
        let expected = self.model.check(&step);
        let answer = self.send(&sent).await;
        let Some(place) = self.settle(&step, &id, sent, &expected, answer) else {
            return;
        };
        let viewer = *self.chooser.random.pick(&ACTORS);
        self.look(place, viewer).await;
    }

    /// Takes an answer in; the alert's place if there is one.
    fn settle(
        &mut self,
        step: &Step,
        id: &str,
        sent: Sent,
        expected: &[&'static str],
        answer: Result<Bytes, Status>,
    ) -> Option<usize> {
        match answer {
            Ok(answer) if expected.is_empty() => {
                let (place, is_new) = self.model.apply(step, id);
                self.answered(place, &sent, answer);
                // What was said before is answered and not recorded anew.
                if is_new {
                    *self.by_act.entry(name_of(sent.method)).or_default() += 1;
                    self.done.push((place, sent));
                }
                Some(place)
            }
            Err(status) if expected.iter().any(|one| *one == reason(&status)) => {
                let said = expected.iter().find(|one| **one == reason(&status));
                *self.refused.entry(said.copied().unwrap()).or_default() += 1;
                (!matches!(step.act, Act::Raise(_))).then_some(step.place)
            }
            answer => panic!(
                "{:?} does {step:?} ({:#?}): the model says {expected:?}, the hub {answer:?}",
                step.who,
                self.model.cases.get(step.place)
            ),
        }
    }

    /// The alert in an answer to an act is the alert as it stands, and that it was shown is a read; but for
    /// what its author has just raised.
    fn answered(&mut self, place: usize, sent: &Sent, answer: Bytes) {
        // All answers to acts have the same shape.
        let answer = RaiseAlertResponse::decode(answer).unwrap();
        assert!(answer.receipt.is_some());
        let case = &self.model.cases[place];
        if !(case.is_as_raised() && sent.who.agency == alerts::BANK) {
            self.count(place, sent.who, sent.method);
        }
        self.same(place, sent.who, answer.alert.unwrap());
    }

    fn count(&mut self, place: usize, who: Actor, method: &'static str) {
        let name = self.model.cases[place].alert.name.clone();
        *self.reads.entry((name, who.officer(), method)).or_default() += 1;
    }

    /// What was done is asked for once more: it is answered, and nothing is done again.
    async fn again(&mut self) {
        let (place, sent) = self.chooser.random.pick(&self.done).clone();
        let answer = self.send(&sent).await;
        let answer = answer.unwrap_or_else(|status| panic!("{} again: {status}", sent.method));
        self.answered(place, &sent, answer);
    }

    /// Something is under way when the hub dies: afterwards it is asked for again, and is done once.
    async fn crash(&mut self) {
        let step = self.chooser.legal(&self.model, OPEN_MAX);
        let id = self.uuid();
        let sent = self.message(&step, &id);
        let wait_us = u64::try_from(self.chooser.random.below(20_000)).unwrap();
        let hub = self.hub.take().unwrap();
        let killer = async {
            // No condition is awaited: this is the random moment.
            tokio::time::sleep(std::time::Duration::from_micros(wait_us)).await;
            hub.kill();
        };
        let (answer, ()) = tokio::join!(self.send(&sent), killer);
        self.crashed_over += usize::from(answer.is_ok());
        if !matches!(step.act, Act::Raise(_)) {
            let name = self.model.cases[step.place].alert.name.clone();
            let read = (name, sent.who.officer(), sent.method);
            *self.unsure.entry(read).or_default() += 1;
        }
        self.rise();
        let answer = self.send(&sent).await;
        self.settle(&step, &id, sent, &[], answer);
    }

    /// Stops the hub in order.
    fn stop(&mut self) {
        assert!(self.hub.take().unwrap().stop(), "the hub stops in order");
    }

    fn lose_the_index(&self) {
        std::fs::remove_dir_all(self.site.data_dir().join("state")).unwrap();
    }

    fn rise(&mut self) {
        let hub = HubProcess::start(&self.config);
        self.desks = Desks::new(&self.site, hub.address());
        self.hub = Some(hub);
    }

    /// What `hub fsck` finds.
    fn fsck(&self) -> serde_json::Value {
        let output = Command::new(hub_binary())
            .args(["fsck", "--json", "--config"])
            .arg(&self.config)
            .output()
            .unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Whether the walk came everywhere.
    fn went_far(&self, steps: usize) {
        let cases = &self.model.cases;
        let recorded: usize = self.by_act.values().sum();
        let refused: usize = self.refused.values().sum();
        println!(
            "{} alerts, {recorded} acts recorded {:?}, {refused} refused {:?}, {} of the acts under way at a \
             crash had been answered",
            cases.len(),
            self.by_act,
            self.refused,
            self.crashed_over
        );
        assert!(recorded > steps / 3 && refused > steps / 10);
        assert_eq!(self.by_act.len(), 13, "{:?}", self.by_act);
        assert_eq!(self.refused.len(), 4, "{:?}", self.refused);
        for state in [AlertState::Closed, AlertState::Retracted] {
            let found = cases.iter().any(|one| one.alert.state() == state);
            assert!(found, "{state:?}");
        }
        let closings = cases.iter().flat_map(|one| &one.alert.closings);
        let closings: Vec<_> = closings.map(|one| one.outcome()).collect();
        for outcome in [
            ClosingOutcome::Substantiated,
            ClosingOutcome::Unsubstantiated,
        ] {
            assert!(closings.contains(&outcome), "{outcome:?}");
        }
        let notices = cases.iter().flat_map(|one| &one.alert.joint_notices);
        let notices: Vec<_> = notices.map(|one| one.state()).collect();
        for state in [JointNoticeState::Issued, JointNoticeState::Lapsed] {
            assert!(notices.contains(&state), "{state:?}");
        }
        assert!(cases.iter().any(|one| one.alert.is_named));
    }
}

/// The last part of a method's path.
fn name_of(method: &'static str) -> &'static str {
    method.rsplit('/').next().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn fs_021_fs_023_fs_054_a_random_walk_over_alerts_is_what_the_plain_model_says() {
    let seed = seed();
    let steps = std::env::var("HUB_WALK_STEPS").map_or(STEPS, |text| {
        text.parse().expect("HUB_WALK_STEPS is a number")
    });
    println!("HUB_TEST_SEED={seed} HUB_WALK_STEPS={steps}");
    let mut walk = Walk::start(seed);
    for phase in 0..PHASES {
        for _ in 0..steps / PHASES {
            walk.step().await;
        }
        match phase % 4 {
            0 => walk.crash().await,
            1 => {
                walk.stop();
                walk.lose_the_index();
                walk.rise();
            }
            2 => {
                walk.hub.take().unwrap().kill();
                walk.lose_the_index();
                walk.rise();
            }
            _ => {
                walk.stop();
                walk.rise();
            }
        }
        walk.agree().await;
    }
    walk.reads_are_on_record().await;
    walk.stop();
    let report = walk.fsck();
    assert_eq!(report["findings_total"], 0, "{report}");
    // Of a long walk only; a short one is for looking at something.
    if steps >= STEPS {
        walk.went_far(steps);
    }
}
