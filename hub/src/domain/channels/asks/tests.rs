//! Random acts on what is asked: boards and reminders are there exactly while a receipt row says so.

use std::{collections::BTreeSet, sync::Arc};

use hub_core::crypto::{SigningKey, generate_ed25519_pkcs8};
use hub_proto::channels::{
    ChannelsEvent, LogPosition, NotificationKind, NotificationPublished, NotificationSignedFor,
    RecipientReminded, Succession, channels_event::Kind,
};

use super::*;
use crate::{
    domain::channels,
    engine::entropy::{Entropy as _, SeededEntropy},
    error::Error,
    state::{memory::MemoryStore, view::ViewExt as _},
};

const AUTHORS: [&str; 2] = ["finance", "tax"];
const RECIPIENTS: [&str; 4] = [
    "agencies/health",
    "agencies/tax",
    "agencies/tax-two",
    "mechanisms/joint-enforcement/office",
];
const ROUNDS: usize = 120;

fn store() -> MemoryStore {
    let key = SigningKey::from_pkcs8(&generate_ed25519_pkcs8().unwrap()).unwrap();
    MemoryStore::new("test", Arc::new(key)).unwrap()
}

fn place(entry_index: u64, item: u32) -> NotificationPlace {
    NotificationPlace { entry_index, item }
}

/// Acts that follow from a seed.
struct Acts<'a> {
    rows: Overlay<'a>,
    entropy: SeededEntropy,
    index: u64,
    /// What was published, and in which log of a channel it stands, if in any.
    places: Vec<NotificationPlace>,
    positions: i64,
}

impl<'a> Acts<'a> {
    fn new(store: &'a MemoryStore, seed: u64) -> Self {
        Self {
            rows: Overlay::new(store),
            entropy: SeededEntropy::new(seed),
            index: 0,
            places: vec![],
            positions: 0,
        }
    }

    fn below(&mut self, bound: u64) -> u64 {
        let [a, b, c, d, ..] = self.entropy.salt().unwrap();
        u64::from(u32::from_be_bytes([a, b, c, d])) % bound
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        let bound = u64::try_from(from.len()).unwrap();
        from[usize::try_from(self.below(bound)).unwrap()]
    }

    fn record(&mut self, author: &str, kind: Kind) {
        let meta = EntryMeta {
            index: self.index,
            recorded_at: Timestamp::from_second(i64::try_from(self.index).unwrap()).unwrap(),
            author,
            officer: "a",
        };
        self.index += 1;
        let event = ChannelsEvent { kind: Some(kind) };
        channels::apply(&mut self.rows, &meta, &event).unwrap();
    }

    fn ask(&mut self) -> Option<Ask> {
        let mut recipients = RECIPIENTS.map(str::to_owned).to_vec();
        recipients.truncate(usize::try_from(self.below(5)).unwrap());
        let mut actions = vec![];
        for action in [
            RequestedAction::SignFor,
            RequestedAction::Reply,
            RequestedAction::Acknowledge,
        ] {
            if self.below(2) == 0 {
                actions.push(AskedAction {
                    action: action.into(),
                    due_us: i64::try_from(self.below(4)).unwrap() * 10,
                    remind_at_us: i64::try_from(self.below(3)).unwrap() * 10,
                });
            }
        }
        (self.below(5) > 0).then_some(Ask {
            recipients,
            actions,
        })
    }

    /// Publishes, in a channel or addressed; what takes the place of another, or answers one.
    fn publish(&mut self) {
        let author = self.pick(&AUTHORS);
        let is_channel = self.below(2) == 0;
        let log = if is_channel {
            self.positions += 1;
            vec![LogPosition {
                log: "channels/joint-enforcement".into(),
                position: self.positions,
            }]
        } else {
            vec![]
        };
        let other = (!self.places.is_empty()).then(|| {
            let places = self.places.clone();
            self.pick(&places)
        });
        let is_successor = self.below(3) == 0;
        let is_reply = self.below(3) == 0;
        let kind = self.pick(&[NotificationKind::Correction, NotificationKind::Retraction]);
        let event = NotificationPublished {
            item: 0,
            request_id: vec![7; 16].into(),
            positions: log,
            ask: self.ask(),
            succession: other.filter(|_| is_successor).map(|place| Succession {
                predecessor: Some(place.into()),
                kind: kind.into(),
                predecessor_name: "n".into(),
            }),
            in_reply_to: other.filter(|_| is_reply).map(Into::into),
            replies_for: vec![self.pick(&RECIPIENTS).into()],
            ..NotificationPublished::default()
        };
        self.places.push(place(self.index, 0));
        self.record(author, Kind::NotificationPublished(event));
    }

    fn act(&mut self) {
        if self.places.is_empty() || self.below(3) == 0 {
            return self.publish();
        }
        let places = self.places.clone();
        if self.below(12) == 0 {
            let sealed = self.pick(&places);
            return withdraw_all(&mut self.rows, sealed.entry_index).unwrap();
        }
        let notification = Some(self.pick(&places).into());
        let recipient = self.pick(&RECIPIENTS).to_owned();
        let kind = if self.below(2) == 0 {
            Kind::NotificationSignedFor(NotificationSignedFor {
                notification,
                recipient,
                officer: "b".into(),
            })
        } else {
            Kind::RecipientReminded(RecipientReminded {
                notification,
                recipient,
                action: self
                    .pick(&[RequestedAction::Reply, RequestedAction::Acknowledge])
                    .into(),
                next_remind_at_us: i64::try_from(self.below(3)).unwrap() * 20,
            })
        };
        self.record("health", kind);
    }

    fn keys(&self, kind: keys::Kind) -> BTreeSet<Vec<u8>> {
        let (from, to) = keys::Key::new(kind).range();
        let rows = self.rows.scan(&from, &to, Direction::Forward, usize::MAX);
        rows.unwrap().iter().map(|(key, _)| key.to_vec()).collect()
    }

    /// Keys of boards and reminders that the receipt rows call for.
    fn called_for(&self) -> (BTreeSet<Vec<u8>>, BTreeSet<Vec<u8>>) {
        let (mut boards, mut reminders) = (BTreeSet::new(), BTreeSet::new());
        for place in &self.places {
            for recipient in RECIPIENTS {
                let key = keys::receipt(place.entry_index, place.item, recipient);
                let row: Option<ReceiptRow> = self.rows.message(&key).unwrap();
                for asked in row.unwrap_or_default().asked {
                    for board in asked.boards.iter().map(String::as_str).chain([recipient]) {
                        boards.insert(board_key(board, *place, recipient, &asked));
                    }
                    if asked.remind_at_us > 0 {
                        reminders.insert(reminder_key(*place, recipient, &asked));
                    }
                }
            }
        }
        (boards, reminders)
    }
}

#[test]
fn boards_and_reminders_are_there_exactly_while_a_receipt_says_so() {
    let (mut most_boards, mut most_reminders) = (0, 0);
    for seed in 0..64 {
        let store = store();
        let mut acts = Acts::new(&store, seed);
        for round in 0..ROUNDS {
            acts.act();
            let (boards, reminders) = acts.called_for();
            let what = format!("seed {seed}, round {round}");
            assert_eq!(acts.keys(keys::Kind::Outstanding), boards, "{what}");
            assert_eq!(acts.keys(keys::Kind::Reminder), reminders, "{what}");
            most_boards = most_boards.max(boards.len());
            most_reminders = most_reminders.max(reminders.len());
        }
    }
    assert!(
        most_boards > 40 && most_reminders > 20,
        "something is asked"
    );
}

#[test]
fn pages_of_any_size_give_a_board_once_and_in_order() {
    for seed in 0..16 {
        let store = store();
        let mut acts = Acts::new(&store, seed);
        for _ in 0..ROUNDS {
            acts.act();
        }
        let boards = [
            "agencies/finance/sent",
            "channels/joint-enforcement",
            "agencies/tax",
            "agencies/tax-two",
        ];
        for board in boards {
            let whole = page(&acts.rows, board, None, None, usize::MAX).unwrap();
            let order = whole
                .iter()
                .map(|(_, one)| (one.due_at, one.place, i32::from(one.action), &one.recipient));
            assert!(order.clone().is_sorted(), "seed {seed}: {board}");
            for size in [1, 2, 3, 7] {
                let mut read = vec![];
                let mut after: Option<Vec<u8>> = None;
                loop {
                    let next = page(&acts.rows, board, after.as_deref(), None, size).unwrap();
                    let Some((standing, _)) = next.last() else {
                        break;
                    };
                    after = Some(standing.clone());
                    read.extend(next);
                }
                assert_eq!(read, whole, "seed {seed}: {board} by {size}");
            }
            // What is due at an instant is overdue at it, and what is due later is not.
            for due_us in [0, 10, 20, 30] {
                let at = Timestamp::from_microsecond(due_us).unwrap();
                let due = page(&acts.rows, board, None, Some(at), usize::MAX).unwrap();
                let expected = whole.iter().filter(|(_, one)| one.due_at <= at);
                assert!(due.iter().eq(expected), "seed {seed}: {board} at {due_us}");
            }
            if board.starts_with("agencies/tax") && !board.ends_with("/sent") {
                assert!(whole.iter().all(|(_, one)| one.recipient == board));
            }
        }
    }
}

#[test]
fn a_page_goes_on_after_what_was_done_meanwhile() {
    let store = store();
    let mut acts = Acts::new(&store, 1);
    for _ in 0..ROUNDS {
        acts.act();
    }
    let board = "agencies/finance/sent";
    let whole = page(&acts.rows, board, None, None, usize::MAX).unwrap();
    assert!(whole.len() > 4);
    let (standing, last_seen) = whole[1].clone();
    let actions = [last_seen.action];
    done(
        &mut acts.rows,
        last_seen.place,
        &last_seen.recipient,
        &actions,
    )
    .unwrap();
    let rest = page(&acts.rows, board, Some(&standing), None, usize::MAX).unwrap();
    assert_eq!(
        rest,
        whole[2..],
        "nothing is left out and nothing comes again"
    );
}

#[test]
fn reminders_come_when_they_are_due_the_earliest_first_and_so_many() {
    let store = store();
    let mut acts = Acts::new(&store, 3);
    for _ in 0..ROUNDS {
        acts.act();
    }
    let at = |us: i64| Timestamp::from_microsecond(us).unwrap();
    let due_by = |by, limit| reminders_due(&acts.rows, at(by), None, limit).unwrap();
    let (all, _) = due_by(1_000, usize::MAX);
    assert!(all.iter().map(|one| one.remind_at).is_sorted());
    assert_eq!(all.len(), acts.keys(keys::Kind::Reminder).len());
    let (due, end) = due_by(10, usize::MAX);
    assert_eq!(end, None);
    let expected: Vec<_> = all.iter().filter(|one| one.remind_at <= at(10)).collect();
    assert!(!due.is_empty() && due.len() < all.len());
    assert_eq!(due.iter().collect::<Vec<_>>(), expected);
    assert_eq!(due_by(9, usize::MAX).0, []);
    let (mut paged, mut end) = due_by(1_000, 3);
    assert_eq!(paged, all[..3]);
    while let Some(after) = end {
        let page = reminders_due(&acts.rows, at(1_000), Some(&after), 3);
        let (due, next) = page.unwrap();
        paged.extend(due);
        end = next;
    }
    assert_eq!(paged, all, "page by page they are the same");
}

#[test]
fn a_correction_is_acknowledged_by_the_time_it_names_or_within_the_charter_s() {
    let now = Timestamp::from_second(1_000).unwrap();
    let by = Timestamp::from_second(5_000).unwrap();
    let follow_up = FollowUp::default();
    let tax = ["agencies/tax".parse().unwrap()];
    let asking = |sign_by_at| AskDraft {
        sign_by_at,
        reply_by_at: None,
    };
    let due = |sign_by_at, is_successor| {
        let ask = asking(sign_by_at).decide(&follow_up, &tax, is_successor, now);
        ask.map(|ask| (ask.actions[0].action(), ask.actions[0].due_us))
    };
    let acknowledge = RequestedAction::Acknowledge;
    assert_eq!(due(None, false), None);
    assert_eq!(
        due(Some(by), false),
        Some((RequestedAction::SignFor, by.as_microsecond()))
    );
    assert_eq!(
        due(Some(by), true),
        Some((acknowledge, by.as_microsecond()))
    );
    let within = now + follow_up.acknowledge();
    assert_eq!(
        due(None, true),
        Some((acknowledge, within.as_microsecond()))
    );
    let nobody = asking(Some(by)).decide(&follow_up, &[], true, now);
    assert_eq!(nobody, None);
}

#[test]
fn a_time_has_passed_at_the_instant_itself() {
    let by = Timestamp::from_second(5_000).unwrap();
    let draft = AskDraft {
        sign_by_at: Some(by),
        reply_by_at: None,
    };
    let fields = |now: Timestamp| {
        draft
            .passed(now)
            .map(|(field, _)| field)
            .collect::<Vec<_>>()
    };
    let before = Timestamp::from_nanosecond(by.as_nanosecond() - 1).unwrap();
    assert_eq!(fields(before), [] as [&str; 0]);
    assert_eq!(fields(by), ["sign_by_at"]);
}

#[test]
fn a_receipt_that_is_damaged_is_an_error_and_not_a_panic() {
    let store = store();
    let mut rows = Overlay::new(&store);
    let here = place(1, 0);
    rows.put(keys::receipt(1, 0, "agencies/tax"), vec![0xff; 3]);
    let failed: Result<(), Error> = withdraw(&mut rows, here);
    assert!(failed.is_err());
}
