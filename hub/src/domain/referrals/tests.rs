//! Referrals against the rules, without anything around them.

use std::sync::Arc;

use hub_core::{
    crypto::{SigningKey, generate_ed25519_pkcs8},
    names::RequestId,
};
use hub_proto::channels::channels_event;

use super::*;
use crate::{
    charter::{Action, Charter},
    dev::site::CHARTER,
    domain::{self, EntryMeta, channels::asks, members::roster::Roster},
    state::memory::MemoryStore,
};

fn name(number: u64) -> ReferralName {
    let id: RequestId = format!("01890a5d-ac96-774b-bcce-{number:012x}")
        .parse()
        .unwrap();
    ReferralName(id)
}

fn store() -> MemoryStore {
    let key = SigningKey::from_pkcs8(&generate_ed25519_pkcs8().unwrap()).unwrap();
    MemoryStore::new("test", Arc::new(key)).unwrap()
}

struct Bench<'a> {
    charter: Charter,
    rows: Overlay<'a>,
    now: Timestamp,
    index: u64,
}

impl<'a> Bench<'a> {
    fn new(store: &'a MemoryStore) -> Self {
        Self::under(store, CHARTER)
    }

    fn under(store: &'a MemoryStore, charter: &str) -> Self {
        Self {
            charter: Charter::parse(charter, "test").unwrap(),
            rows: Overlay::new(store),
            now: "2026-08-03T02:00:00Z".parse().unwrap(),
            index: 10,
        }
    }

    fn run(&mut self, agency: &str, command: Command) -> Result<Decision> {
        let permit = Permit::testing(agency, "leader", Action::ReferralsSend);
        let roster = Roster::read(Arc::new(self.charter.clone()), &self.rows, 0).unwrap();
        let context = Context {
            charter: &self.charter,
            roster: &roster,
            now: self.now,
            index: self.index,
            seed: [7; 16],
        };
        let command = domain::Command::Referrals(command);
        let decision = domain::decide(&context, &self.rows, &permit, &command)?;
        if let Decision::Record(events) = &decision {
            let entry = EntryMeta {
                index: self.index,
                recorded_at: self.now,
                author: agency,
                officer: "officer-1",
            };
            domain::apply(&mut self.rows, &entry, events).unwrap();
            self.index += 1;
            self.now += SignedDuration::from_secs(60);
        }
        Ok(decision)
    }

    fn send_to(&mut self, from: &str, to: &str, number: u64) -> Result<Decision> {
        let command = Command::Send(Sending {
            referral: name(number),
            addressee: to.parse().unwrap(),
            attachments: vec![[9; 32]],
        });
        self.run(from, command)
    }

    /// The bank's referral to the police.
    fn sent(&mut self) {
        self.send_to("pboc-branch", "public-security", 1).unwrap();
    }

    fn bank(&mut self, command: Command) -> Result<Decision> {
        self.run("pboc-branch", command)
    }

    fn police(&mut self, command: Command) -> Result<Decision> {
        self.run("public-security", command)
    }

    fn row(&self) -> ReferralRow {
        referral(&self.rows, name(1)).unwrap()
    }

    fn board(&self, board: &str) -> Vec<asks::Outstanding> {
        let page = asks::page(&self.rows, board, None, None, 100).unwrap();
        page.into_iter().map(|(_, one)| one).collect()
    }
}

const POLICE: &str = "agencies/public-security";
const BANK: &str = "agencies/pboc-branch";

fn result(is_final: bool) -> Command {
    Command::FeedBack(Feedback {
        referral: name(1),
        is_final,
        attachments: vec![],
    })
}

fn correct(revision: u32) -> Command {
    Command::Correct(Correction {
        referral: name(1),
        revision,
        attachments: vec![],
    })
}

fn refusal(answer: Result<Decision>) -> (Reason, String) {
    let error = answer.unwrap_err();
    (error.reason, error.to_string())
}

#[test]
fn fs_036_sent_to_another_member_by_an_open_route_only() {
    let store = store();
    let routes = "answer_hours = 168\nresult_hours = 2160\n";
    assert!(CHARTER.contains(routes));
    let routed = CHARTER.replace(
        routes,
        &format!("{routes}routes = [{{ from = \"pboc-branch\", to = [\"public-security\"] }}]\n"),
    );
    let mut bench = Bench::under(&store, &routed);
    for (to, rule) in [
        ("pboc-branch", "must not be the sender"),
        ("leading-group-office", "member of a mechanism"),
        ("tax", "routes"),
    ] {
        let (reason, text) = refusal(bench.send_to("pboc-branch", to, 1));
        assert_eq!(reason, Reason::InvalidArgument, "{to}");
        assert!(text.contains(rule), "{to}: {text}");
    }
    bench.sent();
    // A unit that no route names may refer to every other.
    bench.send_to("tax", "health", 2).unwrap();
    let (reason, _) = refusal(bench.send_to("pboc-branch", "public-security", 1));
    assert_eq!(reason, Reason::RequestIdReused);
}

#[test]
fn fs_036_each_act_tells_the_other_side_without_words_of_it() {
    let store = store();
    let mut bench = Bench::new(&store);
    let told = |decision: Decision| {
        let Decision::Record(events) = decision else {
            panic!("{decision:?}");
        };
        let issued = events.iter().find_map(|event| match &event.kind {
            Some(event::Kind::Channels(event)) => match &event.kind {
                Some(channels_event::Kind::NotificationIssued(issued)) => Some(issued.clone()),
                _ => None,
            },
            _ => None,
        });
        assert_eq!(events.len(), 2, "the act and one notice");
        issued.unwrap().recipients
    };
    let sent = bench.send_to("pboc-branch", "public-security", 1).unwrap();
    assert_eq!(told(sent), [POLICE]);
    let acts: [(bool, Command); 9] = [
        (false, Command::Acknowledge(name(1), 1)),
        (false, Command::Ask(name(1))),
        (true, Command::Add(name(1))),
        (true, correct(1)),
        (false, Command::Acknowledge(name(1), 2)),
        (false, Command::Answer(name(1), Answered::TakenUp)),
        (false, result(false)),
        (false, result(true)),
        (true, Command::Close(name(1))),
    ];
    for (is_senders, act) in acts {
        let (agency, other) = match is_senders {
            true => ("pboc-branch", POLICE),
            false => ("public-security", BANK),
        };
        let decision = bench.run(agency, act.clone()).unwrap();
        assert_eq!(told(decision), [other], "{act:?}");
    }
}

#[test]
fn fs_037_the_addressee_is_asked_until_the_result_is_there() {
    let store = store();
    let mut bench = Bench::new(&store);
    bench.sent();
    let due = |bench: &Bench<'_>| {
        let board = bench.board(POLICE);
        assert_eq!(board.len(), 1);
        assert_eq!(bench.board(&asks::sent_board("pboc-branch")).len(), 1);
        board[0].due_at
    };
    let sent_at = bench.now - SignedDuration::from_secs(60);
    assert_eq!(due(&bench), sent_at + SignedDuration::from_hours(24));
    bench.police(Command::Acknowledge(name(1), 1)).unwrap();
    let at = bench.now - SignedDuration::from_secs(60);
    assert_eq!(due(&bench), at + SignedDuration::from_hours(168));
    bench
        .police(Command::Answer(name(1), Answered::TakenUp))
        .unwrap();
    let at = bench.now - SignedDuration::from_secs(60);
    assert_eq!(due(&bench), at + SignedDuration::from_hours(2_160));
    bench.police(result(false)).unwrap();
    due(&bench);
    bench.police(result(true)).unwrap();
    assert_eq!(bench.board(POLICE), []);
    assert_eq!(bench.board(&asks::sent_board("pboc-branch")), []);
    assert_eq!(bench.row().asked_addressee, None);
}

#[test]
fn fs_037_declining_returning_and_withdrawing_ask_for_nothing_more() {
    for act in [
        Command::Answer(name(1), Answered::Declined),
        Command::Answer(name(1), Answered::Returned),
        Command::Withdraw(name(1)),
    ] {
        let store = store();
        let mut bench = Bench::new(&store);
        bench.sent();
        bench.police(Command::Acknowledge(name(1), 1)).unwrap();
        bench.police(Command::Ask(name(1))).unwrap();
        assert_eq!(bench.board(BANK).len(), 1);
        let agency = match act {
            Command::Withdraw(_) => "pboc-branch",
            _ => "public-security",
        };
        bench.run(agency, act.clone()).unwrap();
        assert_eq!((bench.board(POLICE), bench.board(BANK)), (vec![], vec![]));
        let open = keys::seen_by(keys::Kind::ReferralOpen, POLICE).range();
        let open = bench.rows.scan(&open.0, &open.1, Direction::Forward, 9);
        assert_eq!(open.unwrap().len(), 0, "{act:?}");
    }
}

#[test]
fn x_007_a_correction_takes_the_place_of_what_was_asked() {
    let store = store();
    let mut bench = Bench::new(&store);
    bench.sent();
    bench.police(Command::Acknowledge(name(1), 1)).unwrap();
    let before = bench.board(POLICE)[0].place;
    bench.bank(correct(1)).unwrap();
    let board = bench.board(POLICE);
    assert_eq!(board.len(), 1);
    assert!(board[0].place > before, "the newer notice asks");
    assert_eq!(
        bench.row().duty().unwrap().step,
        hub_proto::referrals::ReferralStep::Acknowledge
    );
    let (reason, text) = refusal(bench.police(Command::Answer(name(1), Answered::TakenUp)));
    assert_eq!(reason, Reason::RecordState);
    assert!(text.contains("acknowledge revision 2"), "{text}");
    let (_, text) = refusal(bench.bank(correct(1)));
    assert!(text.contains("is not in force; 2 is"), "{text}");
    // What was acknowledged before is answered with that.
    let again = bench.police(Command::Acknowledge(name(1), 1)).unwrap();
    assert_eq!(again, Decision::Already(11));
}

#[test]
fn numbers_at_the_limit_and_past_it() {
    let store = store();
    let mut bench = Bench::new(&store);
    bench.sent();
    bench.police(Command::Acknowledge(name(1), 1)).unwrap();
    for _ in 0..QUESTIONS_MAX {
        bench.police(Command::Ask(name(1))).unwrap();
        bench.bank(Command::Add(name(1))).unwrap();
    }
    let (reason, text) = refusal(bench.police(Command::Ask(name(1))));
    assert_eq!(reason, Reason::RecordState);
    assert!(text.contains("8 questions"), "{text}");
    for _ in QUESTIONS_MAX..ADDITIONS_MAX {
        bench.bank(Command::Add(name(1))).unwrap();
    }
    assert!(
        refusal(bench.bank(Command::Add(name(1))))
            .1
            .contains("16 additions")
    );
    for revision in 1..=u32::try_from(CORRECTIONS_MAX).unwrap() {
        bench.bank(correct(revision)).unwrap();
    }
    assert!(
        refusal(bench.bank(correct(21)))
            .1
            .contains("20 corrections")
    );
    bench.police(Command::Acknowledge(name(1), 21)).unwrap();
    bench
        .police(Command::Answer(name(1), Answered::TakenUp))
        .unwrap();
    for _ in 1..RESULTS_MAX {
        bench.police(result(false)).unwrap();
    }
    assert!(
        refusal(bench.police(result(false)))
            .1
            .contains("15 results")
    );
    bench.police(result(true)).unwrap();
}

#[test]
fn x_009_the_other_side_is_refused_by_the_rules_too() {
    let store = store();
    let mut bench = Bench::new(&store);
    bench.sent();
    for agency in ["pboc-branch", "tax"] {
        let refused = refusal(bench.run(agency, Command::Acknowledge(name(1), 1)));
        assert_eq!(refused.0, Reason::PermissionDenied);
    }
    for agency in ["public-security", "tax"] {
        let refused = refusal(bench.run(agency, Command::Withdraw(name(1))));
        assert_eq!(refused.0, Reason::PermissionDenied);
    }
}

#[test]
fn what_has_ended_is_due_for_sealing_once_its_period_is_over() {
    let store = store();
    let mut bench = Bench::new(&store);
    bench.sent();
    bench.police(Command::Acknowledge(name(1), 1)).unwrap();
    let later = bench.now + SignedDuration::from_hours(1);
    assert_eq!(
        due_for_sealing(&bench.rows, later).unwrap(),
        None,
        "it is open"
    );
    bench.bank(Command::Withdraw(name(1))).unwrap();
    let ended = bench.now - SignedDuration::from_secs(60);
    assert_eq!(due_for_sealing(&bench.rows, ended).unwrap(), None);
    assert_eq!(
        due_for_sealing(&bench.rows, later).unwrap(),
        Some(vec![10, 11, 12])
    );
}
