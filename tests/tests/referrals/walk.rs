//! A random walk of five units over referrals, against a plain model, with `kill -9`, stops, and loss of
//! the state index in between.
//!
//! `HUB_TEST_SEED` replays a run, `HUB_WALK_STEPS` makes it longer.

use std::{collections::HashMap, path::PathBuf, process::Command};

use hub_proto::referrals::{
    GetReferralResponse, ListReferralsRequest, ListReferralsResponse, ReferralAwaiting,
    ReferralState, ReferralStep, SendReferralRequest, SendReferralResponse,
};
use hub_tests::{
    Site,
    process::{HubProcess, hub_binary},
    random::Random,
    raw::{Node, Raw, Session, reason},
    referrals::{self, Act},
    seed,
    tokens::Token,
};
use jiff::Timestamp;
use prost::Message as _;
use tonic::Status;

/// Acts of a run unless `HUB_WALK_STEPS` says otherwise.
const STEPS: usize = 900;
/// After each phase the hub dies or stops, and everything is compared.
const PHASES: usize = 6;
/// Units that refer to each other.
const UNITS: [&str; 5] = [
    "pboc-branch",
    "public-security",
    "tax",
    "health",
    "civil-affairs",
];

/// A referral as the rules say it stands, told in the plainest way.
#[derive(Debug, Clone)]
struct Model {
    name: String,
    sender: &'static str,
    addressee: &'static str,
    state: ReferralState,
    revision: i32,
    acknowledged: i32,
    text: String,
    /// Text, and whether it is a question.
    messages: Vec<(bool, String)>,
    results: Vec<(bool, String)>,
    answer: String,
    end: String,
}

impl Model {
    fn is_open(&self) -> bool {
        matches!(
            self.state,
            ReferralState::Sent | ReferralState::Received | ReferralState::TakenUp
        )
    }

    fn is_asked(&self) -> bool {
        self.messages
            .last()
            .is_some_and(|(is_question, _)| *is_question)
    }

    /// What the hub must answer when a unit does something.
    fn check(&self, unit: &str, act: &Act) -> Result<(), &'static str> {
        if unit != self.sender && unit != self.addressee {
            return Err("NOT_FOUND");
        }
        if act.is_senders() != (unit == self.sender) {
            return Err("PERMISSION_DENIED");
        }
        let is_current = self.acknowledged == self.revision;
        let count = |is_question| {
            let messages = self.messages.iter();
            messages.filter(|(one, _)| *one == is_question).count()
        };
        let state = self.state;
        let is_allowed = match act {
            Act::Acknowledge(revision) if *revision == self.acknowledged => true,
            Act::Acknowledge(revision) => self.is_open() && *revision == self.revision,
            Act::TakeUp | Act::Decline | Act::Return => {
                state == ReferralState::Received && is_current
            }
            Act::Ask => {
                matches!(state, ReferralState::Received | ReferralState::TakenUp)
                    && !self.is_asked()
                    && count(true) < 8
            }
            Act::Add => self.is_open() && count(false) < 16,
            Act::FeedBack(true) => state == ReferralState::TakenUp && is_current,
            Act::FeedBack(false) => state == ReferralState::TakenUp && self.results.len() < 15,
            Act::Correct(revision) => {
                self.is_open() && *revision == self.revision && self.revision <= 20
            }
            Act::Close => matches!(
                state,
                ReferralState::Declined | ReferralState::Returned | ReferralState::ResultFedBack
            ),
            Act::Withdraw => matches!(state, ReferralState::Sent | ReferralState::Received),
        };
        if is_allowed {
            Ok(())
        } else {
            Err("RECORD_STATE")
        }
    }

    fn apply(&mut self, act: &Act, text: &str) {
        let text = text.to_owned();
        match act {
            Act::Acknowledge(revision) => {
                self.acknowledged = *revision;
                if self.state == ReferralState::Sent {
                    self.state = ReferralState::Received;
                }
            }
            Act::TakeUp => (self.state, self.answer) = (ReferralState::TakenUp, text),
            Act::Decline => (self.state, self.answer) = (ReferralState::Declined, text),
            Act::Return => (self.state, self.answer) = (ReferralState::Returned, text),
            Act::Ask => self.messages.push((true, text)),
            Act::Add => self.messages.push((false, text)),
            Act::FeedBack(is_final) => {
                self.results.push((*is_final, text));
                if *is_final {
                    self.state = ReferralState::ResultFedBack;
                }
            }
            Act::Correct(_) => {
                self.revision += 1;
                self.text = text;
            }
            Act::Close => (self.state, self.end) = (ReferralState::Closed, text),
            Act::Withdraw => (self.state, self.end) = (ReferralState::Withdrawn, text),
        }
    }

    /// Who owes what.
    fn duty(&self) -> Option<(&'static str, ReferralStep)> {
        if self.is_open() && self.acknowledged < self.revision {
            return Some((self.addressee, ReferralStep::Acknowledge));
        }
        if self.is_open() && self.is_asked() {
            return Some((self.sender, ReferralStep::AddInformation));
        }
        match self.state {
            ReferralState::Received => Some((self.addressee, ReferralStep::Answer)),
            ReferralState::TakenUp => Some((self.addressee, ReferralStep::FeedBackResult)),
            ReferralState::Declined | ReferralState::Returned | ReferralState::ResultFedBack => {
                Some((self.sender, ReferralStep::Close))
            }
            _ => None,
        }
    }
}

/// The hub and the model side by side.
struct Walk {
    site: Site,
    config: PathBuf,
    hub: Option<HubProcess>,
    sessions: HashMap<&'static str, Session>,
    random: Random,
    referrals: Vec<Model>,
    texts: usize,
    recorded: usize,
    refused: usize,
}

impl Walk {
    fn start(seed: u64) -> Self {
        let site = Site::new();
        let config = site.config_file();
        let mut walk = Self {
            site,
            config,
            hub: None,
            sessions: HashMap::new(),
            random: Random::new(seed),
            referrals: vec![],
            texts: 0,
            recorded: 0,
            refused: 0,
        };
        walk.rise();
        walk
    }

    fn rise(&mut self) {
        let hub = HubProcess::start(&self.config);
        let authority = self.site.authority();
        for unit in UNITS {
            let profile = self.site.profile(unit);
            let node = Node::of_profile(&profile);
            let raw = Raw::new(hub.address(), node.tls(&authority));
            let token = Token::new(&profile, &format!("{unit}-leader"), &["leader"]).mint();
            self.sessions.insert(unit, Session { raw, node, token });
        }
        self.hub = Some(hub);
    }

    fn uuid(&mut self) -> String {
        let now = u64::try_from(Timestamp::now().as_millisecond()).unwrap();
        self.random.uuid(now)
    }

    async fn send(&mut self) {
        let sender = *self.random.pick(&UNITS);
        let others: Vec<&str> = UNITS.into_iter().filter(|unit| *unit != sender).collect();
        let addressee = *self.random.pick(&others);
        let request = SendReferralRequest {
            referral: Some(referrals::draft(addressee)),
            request_id: self.uuid(),
        };
        let method = hub_tests::referrals!("SendReferral");
        let sent: SendReferralResponse = self.sessions[sender].ask(method, &request).await.unwrap();
        self.referrals.push(Model {
            name: sent.referral.unwrap().name,
            sender,
            addressee,
            state: ReferralState::Sent,
            revision: 1,
            acknowledged: 0,
            text: referrals::draft(addressee).text,
            messages: vec![],
            results: vec![],
            answer: String::new(),
            end: String::new(),
        });
        self.recorded += 1;
    }

    /// A unit, mostly a side of the referral, and an act, mostly one of its own.
    fn choose(&mut self) -> (usize, &'static str, Act) {
        let open: Vec<usize> = (0..self.referrals.len())
            .filter(|place| self.referrals[*place].duty().is_some())
            .collect();
        let place = if open.is_empty() || self.random.percent(5) {
            self.random.below(self.referrals.len())
        } else {
            *self.random.pick(&open)
        };
        let model = self.referrals[place].clone();
        let act = self.random.pick(&Act::ALL).clone();
        let act = match act {
            Act::Acknowledge(_) if self.random.percent(85) => Act::Acknowledge(model.revision),
            Act::Acknowledge(_) => Act::Acknowledge(1),
            Act::Correct(_) if self.random.percent(85) => Act::Correct(model.revision),
            Act::FeedBack(_) => Act::FeedBack(self.random.percent(30)),
            act => act,
        };
        let unit = if self.random.percent(88) {
            if act.is_senders() {
                model.sender
            } else {
                model.addressee
            }
        } else {
            *self.random.pick(&UNITS)
        };
        (place, unit, act)
    }

    async fn step(&mut self) {
        let open = self.referrals.iter().filter(|one| one.duty().is_some());
        if open.count() < 8 {
            return self.send().await;
        }
        let (place, unit, act) = self.choose();
        self.texts += 1;
        let text = format!("情况{}", self.texts);
        let id = self.uuid();
        let request = act.request(&self.referrals[place].name, &text, id);
        let expected = self.referrals[place].check(unit, &act);
        let answer = self.sessions[unit]
            .call(act.method(), request.clone())
            .await;
        self.settle(place, &act, &text, expected, answer.as_ref());
        // Asked once more, it is answered and not done again.
        if answer.is_ok() && self.random.percent(5) {
            let again = self.sessions[unit].call(act.method(), request).await;
            again.unwrap();
        }
    }

    fn settle(
        &mut self,
        place: usize,
        act: &Act,
        text: &str,
        expected: Result<(), &'static str>,
        answer: Result<&bytes::Bytes, &Status>,
    ) {
        let model = &mut self.referrals[place];
        match (expected, answer) {
            (Ok(()), Ok(_)) => {
                model.apply(act, text);
                self.recorded += 1;
            }
            (Err(expected), Err(status)) if reason(status) == expected => self.refused += 1,
            (expected, answer) => {
                panic!("{act:?} on {model:?}: the model says {expected:?}, the hub {answer:?}")
            }
        }
    }

    /// An act is under way when the hub dies: afterwards it is asked for again, and is done once.
    async fn crash(&mut self) {
        let (place, unit, act) = loop {
            let chosen = self.choose();
            if self.referrals[chosen.0].check(chosen.1, &chosen.2).is_ok() {
                break chosen;
            }
        };
        self.texts += 1;
        let text = format!("情况{}", self.texts);
        let id = self.uuid();
        let request = act.request(&self.referrals[place].name, &text, id);
        let wait_us = u64::try_from(self.random.below(15_000)).unwrap();
        let hub = self.hub.take().unwrap();
        let killer = async {
            // No condition is awaited: this is the random moment.
            tokio::time::sleep(std::time::Duration::from_micros(wait_us)).await;
            hub.kill();
        };
        let session = self.sessions[unit].clone();
        let call = session.call(act.method(), request.clone());
        let (_, ()) = tokio::join!(call, killer);
        self.rise();
        let answer = self.sessions[unit].call(act.method(), request).await;
        self.settle(place, &act, &text, Ok(()), answer.as_ref());
    }

    /// Every unit sees of every referral exactly what the model says.
    async fn compare(&self) {
        for model in &self.referrals {
            for unit in UNITS {
                let session = &self.sessions[unit];
                let request = hub_proto::referrals::GetReferralRequest {
                    name: model.name.clone(),
                    revision: 0,
                };
                let method = hub_tests::referrals!("GetReferral");
                let answer = session.call(method, request.encode_to_vec()).await;
                if unit != model.sender && unit != model.addressee {
                    assert_eq!(reason(&answer.unwrap_err()), "NOT_FOUND");
                    continue;
                }
                let read = GetReferralResponse::decode(answer.unwrap()).unwrap();
                self.same(model, &read.referral.unwrap());
            }
        }
        for unit in UNITS {
            self.compare_lists(unit).await;
        }
    }

    fn same(&self, model: &Model, read: &hub_proto::referrals::Referral) {
        assert_eq!(read.state(), model.state, "{model:?}");
        assert_eq!((read.revision, &read.text), (model.revision, &model.text));
        let acknowledged = read.received.as_ref().map_or(0, |one| one.revision);
        assert_eq!(acknowledged, model.acknowledged, "{model:?}");
        let messages = read.messages.iter();
        let messages: Vec<_> = messages
            .map(|one| (one.is_question, one.text.clone()))
            .collect();
        assert_eq!(messages, model.messages);
        let results = read.results.iter();
        let results: Vec<_> = results
            .map(|one| (one.is_final, one.text.clone()))
            .collect();
        assert_eq!(results, model.results);
        let answer = read.answer.as_ref().map(|one| one.reason.clone());
        assert_eq!(answer.unwrap_or_default(), model.answer);
        let end = read.end.as_ref().map(|one| one.text.clone());
        assert_eq!(end.unwrap_or_default(), model.end);
        let duty = read.duty.as_ref().map(|one| (one.unit.clone(), one.step()));
        let owed = model
            .duty()
            .map(|(unit, step)| (format!("agencies/{unit}"), step));
        assert_eq!(duty, owed, "{model:?}");
    }

    /// What waits is listed by age, and all of it newest first.
    async fn compare_lists(&self, unit: &str) {
        let own = self
            .referrals
            .iter()
            .filter(|one| [one.sender, one.addressee].contains(&unit));
        let waiting: Vec<&str> = own
            .clone()
            .filter(|one| one.is_open())
            .map(|one| one.name.as_str())
            .collect();
        let all: Vec<&str> = own.rev().map(|one| one.name.as_str()).collect();
        for (awaiting, expected) in [
            (ReferralAwaiting::Any, waiting),
            (ReferralAwaiting::Unspecified, all),
        ] {
            let mut request = ListReferralsRequest {
                awaiting: awaiting.into(),
                page_size: 7,
                ..ListReferralsRequest::default()
            };
            let mut found = vec![];
            loop {
                let method = hub_tests::referrals!("ListReferrals");
                let page: ListReferralsResponse =
                    self.sessions[unit].ask(method, &request).await.unwrap();
                found.extend(page.referrals.into_iter().map(|one| one.name));
                request.page_token = page.next_page_token;
                if request.page_token.is_empty() {
                    break;
                }
            }
            assert_eq!(found, expected, "{unit} {awaiting:?}");
        }
    }

    fn lose_the_index(&self) {
        std::fs::remove_dir_all(self.site.data_dir().join("state")).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fs_037_a_random_walk_over_referrals_is_what_the_plain_model_says() {
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
        match phase % 3 {
            0 => walk.crash().await,
            1 => {
                assert!(walk.hub.take().unwrap().stop(), "the hub stops in order");
                walk.lose_the_index();
                walk.rise();
            }
            _ => {
                walk.hub.take().unwrap().kill();
                walk.lose_the_index();
                walk.rise();
            }
        }
        walk.compare().await;
    }
    println!(
        "{} referrals, {} acts recorded, {} refused as they should be",
        walk.referrals.len(),
        walk.recorded,
        walk.refused
    );
    assert!(walk.recorded > steps / 4 && walk.refused > steps / 10);
    let ends = [ReferralState::Closed, ReferralState::Withdrawn];
    for end in ends {
        assert!(walk.referrals.iter().any(|one| one.state == end), "{end:?}");
    }
    assert!(walk.hub.take().unwrap().stop(), "the hub stops in order");
    let output = Command::new(hub_binary())
        .args(["fsck", "--json", "--config"])
        .arg(&walk.config)
        .output()
        .unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["findings_total"], 0, "{report}");
}
