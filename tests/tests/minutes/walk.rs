//! A random walk of all fifteen units and the offices over the whole state machine, against a plain
//! model, with `kill -9`, stops, and loss of the state index in between.
//!
//! `HUB_TEST_SEED` replays a run, `HUB_WALK_STEPS` makes it longer.

mod act;
mod agree;
mod model;
mod request;

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

use self::model::{Act, Actor, Meeting};
use crate::hall::{Hall, OFFICE};

/// Acts of a run unless `HUB_WALK_STEPS` says otherwise.
const STEPS: usize = 1_800;
/// After each phase the hub dies or stops, and everything is compared.
const PHASES: usize = 6;
/// Meetings that are not over.
const MEETINGS_OPEN_MAX: usize = 7;

/// Members of the joint-enforcement mechanism (JE-012).
pub(crate) const JOINT: [&str; 13] = [
    "civil-affairs",
    "publicity",
    "political-legal",
    "cyberspace",
    "education",
    "public-security",
    "human-resources",
    "culture-tourism",
    "health",
    "market-regulation",
    "foreign-affairs",
    "state-security",
    "tax",
];

/// Members of the fund-supervision mechanism (FS-010).
pub(crate) const FUND: [&str; 6] = [
    "civil-affairs",
    "public-security",
    "finance",
    "state-security",
    "tax",
    "pboc-branch",
];

/// Something that was done, as it went out.
#[derive(Clone)]
struct Sent {
    who: Actor,
    method: &'static str,
    bytes: Vec<u8>,
}

/// The hub and the model side by side.
struct Walk {
    site: Site,
    config: PathBuf,
    hub: Option<HubProcess>,
    hall: Hall,
    random: Random,
    meetings: Vec<Meeting>,
    done: Vec<Sent>,
    texts: usize,
    recorded: usize,
    refused: BTreeMap<&'static str, usize>,
    issued: usize,
    crashed_over: usize,
}

impl Walk {
    fn start(seed: u64) -> Self {
        let site = Site::new();
        let config = site.config_file();
        let hub = HubProcess::start(&config);
        let hall = Hall::new(&site, hub.address());
        Self {
            site,
            config,
            hub: Some(hub),
            hall,
            random: Random::new(seed),
            meetings: vec![],
            done: vec![],
            texts: 0,
            recorded: 0,
            refused: BTreeMap::new(),
            issued: 0,
            crashed_over: 0,
        }
    }

    fn uuid(&mut self) -> String {
        let now = u64::try_from(Timestamp::now().as_millisecond()).unwrap();
        self.random.uuid(now)
    }

    async fn send(&self, sent: &Sent) -> Result<bytes::Bytes, Status> {
        let who = (sent.who.agency.as_str(), sent.who.role);
        let session = self.hall.session(who);
        session.call(sent.method, sent.bytes.clone()).await
    }

    /// One act, and what the model says of it.
    async fn step(&mut self) {
        let open = self.meetings.iter().filter(|one| !is_over(one)).count();
        if open == 0 || (open < MEETINGS_OPEN_MAX && self.random.percent(4)) {
            return self.create().await;
        }
        if self.random.percent(3) {
            return self.again().await;
        }
        let (place, who, act) = self.choose();
        let id = self.uuid();
        let sent = self.request(place, &who, &act, &id);
        let expected = self.meetings[place].check(&who, &act);
        let answer = self.send(&sent).await;
        self.settle(place, &who, &act, sent, expected, answer);
    }

    fn settle(
        &mut self,
        place: usize,
        who: &Actor,
        act: &Act,
        sent: Sent,
        expected: Result<(), &'static str>,
        answer: Result<bytes::Bytes, Status>,
    ) {
        let meeting = &mut self.meetings[place];
        match (expected, answer) {
            (Ok(()), Ok(answer)) => {
                let number = act::document_number(act, &answer);
                if let Act::Issue(doc, version) = act {
                    // JE-074, whatever else the model says.
                    let doc = &meeting.docs[doc - 1];
                    assert_eq!(doc.before, *version, "{act:?}");
                    assert!(doc.stands.values().all(|one| *one == model::Stand::Agreed));
                    assert!(doc.stands.keys().eq(&meeting.attended), "{act:?}");
                    self.issued += usize::from(!doc.is_issued);
                }
                meeting.apply(who, act, &number);
                self.recorded += 1;
                self.done.push(sent);
            }
            (Err(expected), Err(status)) if reason(&status) == expected => {
                *self.refused.entry(expected).or_default() += 1;
            }
            (expected, answer) => panic!(
                "{who:?} does {act:?} in {} ({}): the model says {expected:?}, the hub {answer:?}",
                meeting.name, meeting.state
            ),
        }
    }

    /// What was done is asked for once more: it is answered, and nothing is done again.
    async fn again(&mut self) {
        if self.done.is_empty() {
            return;
        }
        let sent = self.random.pick(&self.done).clone();
        let answer = self.send(&sent).await;
        // A unit may have lost sight of it since: of a draft that it was never shown, for one.
        answer.unwrap_or_else(|status| panic!("{} again: {status}", sent.method));
    }

    /// Something is under way when the hub dies: afterwards it is asked for again, and is done once.
    async fn crash(&mut self) {
        let (place, who, act) = loop {
            let chosen = self.choose();
            if self.meetings[chosen.0].check(&chosen.1, &chosen.2).is_ok() {
                break chosen;
            }
        };
        let id = self.uuid();
        let sent = self.request(place, &who, &act, &id);
        let wait_us = self.random.below(15_000);
        let hub = self.hub.take().unwrap();
        let killer = async {
            // No condition is awaited: this is the random moment.
            let wait = std::time::Duration::from_micros(u64::try_from(wait_us).unwrap());
            tokio::time::sleep(wait).await;
            hub.kill();
        };
        let (answer, ()) = tokio::join!(self.send(&sent), killer);
        self.crashed_over += usize::from(answer.is_ok());
        self.rise();
        let answer = self.send(&sent).await;
        self.settle(place, &who, &act, sent, Ok(()), answer);
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
            self.hall = Hall::new(&self.site, hub.address());
            self.hub = Some(hub);
        }
    }
}

/// Nothing happens in it any more.
fn is_over(meeting: &Meeting) -> bool {
    matches!(
        meeting.state,
        "MEETING_STATE_CLOSED" | "MEETING_STATE_CANCELLED"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn je_074_no_random_walk_loses_a_consent_or_issues_without_all_of_them() {
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
    println!(
        "{} acts recorded, {refused} refused as they should be ({:?}), {} minutes issued, {} of the \
         acts under way at a crash had been answered",
        walk.recorded, walk.refused, walk.issued, walk.crashed_over
    );
    assert!(walk.recorded > steps / 3 && refused > steps / 10 && walk.issued > steps / 200);
    assert!(walk.refused.contains_key("MINUTES_NOT_AGREED"));
    walk.stop();
    let report = walk.fsck();
    assert_eq!(report["findings_total"], 0, "{report}");
}

/// A unit officer.
fn unit(agency: &str, role: &'static str) -> Actor {
    Actor {
        agency: agency.into(),
        role,
    }
}

fn office() -> Actor {
    unit(OFFICE.0, OFFICE.1)
}
