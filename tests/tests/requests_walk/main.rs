//! A random walk of five agencies over the whole life of information requests, against a plain model, with
//! `kill -9`, stops, and loss of the state index in between.
//!
//! `HUB_TEST_SEED` replays a run, `HUB_WALK_STEPS` makes it longer.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a failure here is a failed test; seeds are printed"
)]

mod agree;
mod model;
mod send;

use std::{collections::BTreeMap, path::PathBuf, process::Command};

use hub_tests::{
    Site,
    process::{HubProcess, hub_binary},
    random::Random,
    raw::reason,
    seed,
};
use jiff::Timestamp;
use tonic::Status;

use model::{Act, Actor, Model};
use send::{Desks, Sent};

/// Acts of a run unless `HUB_WALK_STEPS` says otherwise.
const STEPS: usize = 900;
/// After each phase the hub dies or stops, and everything is compared.
const PHASES: usize = 6;
/// Requests that are not over.
const OPEN_MAX: usize = 10;

/// The hub and the model side by side.
struct Walk {
    site: Site,
    config: PathBuf,
    hub: Option<HubProcess>,
    desks: Desks,
    random: Random,
    model: Model,
    done: Vec<Sent>,
    recorded: usize,
    refused: BTreeMap<String, usize>,
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
            random: Random::new(seed),
            model: Model::default(),
            done: vec![],
            recorded: 0,
            refused: BTreeMap::new(),
            crashed_over: 0,
        }
    }

    fn uuid(&mut self) -> String {
        let now = u64::try_from(Timestamp::now().as_millisecond()).unwrap();
        self.random.uuid(now)
    }

    /// One act, and what the model says of it.
    async fn step(&mut self) {
        let open = self.model.requests.iter().filter(|one| !one.is_over());
        let open = open.count();
        if self.random.percent(3) {
            return self.again().await;
        }
        let (who, act) = if open == 0 || (open < OPEN_MAX && self.random.percent(15)) {
            self.model.draft(&mut self.random)
        } else if self.random.percent(1) {
            self.model.close_case(&mut self.random)
        } else {
            self.model.choose(&mut self.random)
        };
        let id = self.uuid();
        let sent = send::sent(&self.model, &who, &act, &id);
        let expected = self.model.check(&who, &act);
        let before = model::today();
        let answer = self.desks.send(&sent).await;
        self.settle(&who, &act, (sent, id, before), expected, answer);
    }

    fn settle(
        &mut self,
        who: &Actor,
        act: &Act,
        (sent, id, before): (Sent, String, jiff::civil::Date),
        expected: Result<(), &'static str>,
        answer: Result<bytes::Bytes, Status>,
    ) {
        match (expected, answer) {
            (Ok(()), Ok(_)) => {
                self.model.apply(who, act, &id, before);
                self.recorded += 1;
                self.done.push(sent);
            }
            (Err(expected), Err(status)) if reason(&status) == expected => {
                *self.refused.entry(expected.to_owned()).or_default() += 1;
            }
            (expected, answer) => panic!(
                "{who:?} does {act:?} ({:?}): the model says {expected:?}, the hub {answer:?}",
                self.model.of(act)
            ),
        }
    }

    /// What was done is asked for once more: it is answered, and nothing is done again.
    async fn again(&mut self) {
        if self.done.is_empty() {
            return;
        }
        let sent = self.random.pick(&self.done).clone();
        let answer = self.desks.send(&sent).await;
        answer.unwrap_or_else(|status| panic!("{} again: {status}", sent.method));
    }

    /// Something is under way when the hub dies: afterwards it is asked for again, and is done once.
    async fn crash(&mut self) {
        let (who, act) = loop {
            let (who, act) = self.model.choose(&mut self.random);
            if self.model.check(&who, &act).is_ok() {
                break (who, act);
            }
        };
        let id = self.uuid();
        let sent = send::sent(&self.model, &who, &act, &id);
        let before = model::today();
        let wait_us = u64::try_from(self.random.below(15_000)).unwrap();
        let hub = self.hub.take().unwrap();
        let killer = async {
            // No condition is awaited: this is the random moment.
            tokio::time::sleep(std::time::Duration::from_micros(wait_us)).await;
            hub.kill();
        };
        let (answer, ()) = tokio::join!(self.desks.send(&sent), killer);
        self.crashed_over += usize::from(answer.is_ok());
        self.rise();
        let answer = self.desks.send(&sent).await;
        self.settle(&who, &act, (sent, id, before), Ok(()), answer);
    }

    /// Stops the hub in order.
    fn stop(&mut self) {
        assert!(self.hub.take().unwrap().stop(), "the hub stops in order");
    }

    fn lose_the_index(&self) {
        std::fs::remove_dir_all(self.site.data_dir().join("state")).unwrap();
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

    fn rise(&mut self) {
        if self.hub.is_none() {
            let hub = HubProcess::start(&self.config);
            self.desks = Desks::new(&self.site, hub.address());
            self.hub = Some(hub);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fs_053_order_809_no_random_walk_gives_data_without_approval_or_loses_a_deadline() {
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
        walk.agree().await;
        match phase % 3 {
            0 => walk.crash().await,
            1 => {
                walk.stop();
                walk.lose_the_index();
                walk.rise();
            }
            _ => {
                let hub = walk.hub.take().unwrap();
                hub.kill();
                walk.lose_the_index();
                walk.rise();
            }
        }
        walk.agree().await;
    }
    let refused: usize = walk.refused.values().sum();
    let delivered = walk.model.requests.iter().filter(|one| one.is_delivered());
    let delivered = delivered.count();
    println!(
        "{} acts recorded, {refused} refused as they should be ({:?}), {delivered} requests delivered, {} of \
         the acts under way at a crash had been answered",
        walk.recorded, walk.refused, walk.crashed_over
    );
    assert!(walk.recorded > steps / 3 && refused > steps / 10 && delivered > steps / 100);
    for reason in [
        "INVALID_ARGUMENT",
        "NOT_FOUND",
        "PERMISSION_DENIED",
        "RECORD_STATE",
    ] {
        assert!(walk.refused.contains_key(reason), "{reason}");
    }
    walk.stop();
    let report = walk.fsck();
    assert_eq!(report["findings_total"], 0, "{report}");
}
