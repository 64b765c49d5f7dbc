//! A plain model of what the hub must answer: lists that are looked through. It knows nothing of
//! ledgers, rows or cursors; it is written from what the protos and ARCHITECTURE promise.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use hub_core::{
    names::{LogName, RequestId},
    reason::Reason,
};
use jiff::Timestamp;

use crate::domain::{Command, channels::log::NotificationPlace};

/// How far ahead of the hub's clock an id may lie.
const AHEAD_MS_MAX: u64 = 300_000;

/// Where a notification goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum To {
    Channel(String),
    Agencies(Vec<String>),
}

#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) id: RequestId,
    pub(super) title: String,
    pub(super) to: To,
}

/// What an act is about, in the model's words.
#[derive(Debug, Clone)]
pub(super) enum What {
    Publish(Vec<Item>),
    /// Takes the place of one.
    Supersede(NotificationPlace, Item),
    /// An agency opens one, or signs for it.
    Receipt {
        of: NotificationPlace,
        recipient: String,
        is_signed: bool,
    },
    Acknowledge {
        consumer: String,
        positions: BTreeMap<LogName, i64>,
    },
    /// Contents of entries are to be erased.
    Seal(Vec<u64>),
}

/// Something that somebody asks the hub to record.
#[derive(Debug, Clone)]
pub(super) struct Act {
    pub(super) agency: String,
    pub(super) method: &'static str,
    pub(super) request: Bytes,
    pub(super) ids: Vec<RequestId>,
    pub(super) command: Command,
    pub(super) what: What,
}

/// An entry.
#[derive(Debug, Clone)]
pub(super) struct Fact {
    pub(super) agency: String,
    pub(super) method: &'static str,
    pub(super) request: Bytes,
    /// When it was recorded, microseconds; 0 until that is known.
    pub(super) recorded_at_us: i64,
}

#[derive(Debug, Clone)]
pub(super) struct Note {
    pub(super) author: String,
    pub(super) name: String,
    pub(super) title: String,
    pub(super) to: To,
    pub(super) is_superseded: bool,
}

/// What the hub must answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    New(u64),
    /// The entry that recorded the same before.
    Earlier(u64),
    Refused(Reason),
}

#[derive(Debug, Clone, Default)]
pub(super) struct Model {
    pub(super) facts: Vec<Fact>,
    pub(super) notes: BTreeMap<NotificationPlace, Note>,
    pub(super) logs: BTreeMap<LogName, Vec<NotificationPlace>>,
    pub(super) consumers: BTreeMap<(String, String), BTreeMap<LogName, i64>>,
    ids: BTreeMap<(String, RequestId), u64>,
    receipts: BTreeMap<(NotificationPlace, String, bool), u64>,
    /// Entries whose erasure is ordered, by which entry.
    pub(super) ordered: BTreeMap<u64, u64>,
    /// Entries that are erased for sure.
    pub(super) erased: BTreeSet<u64>,
}

impl Model {
    pub(super) fn head(&self) -> u64 {
        u64::try_from(self.facts.len()).unwrap()
    }

    pub(super) fn length(&self, log: &LogName) -> i64 {
        let length = self.logs.get(log).map_or(0, Vec::len);
        i64::try_from(length).unwrap()
    }

    /// The entry that an id of an agency led to.
    pub(super) fn answered(&self, act: &Act) -> Option<u64> {
        let id = act.ids.first()?;
        self.ids.get(&(act.agency.clone(), *id)).copied()
    }

    /// Records an act, or says what becomes of it.
    pub(super) fn take(&mut self, act: &Act, now: Timestamp) -> Expected {
        let expected = self.judge(act, now);
        if expected == Expected::New(self.head()) {
            self.record(act);
        }
        expected
    }

    fn judge(&self, act: &Act, now: Timestamp) -> Expected {
        if let Some(index) = self.answered(act) {
            let fact = &self.facts[usize::try_from(index).unwrap()];
            let is_same = fact.method == act.method && fact.request == act.request;
            return match () {
                // Nobody can compare with what is erased.
                () if self.erased.contains(&index) => Expected::Refused(Reason::ContentSealed),
                () if is_same => Expected::Earlier(index),
                () => Expected::Refused(Reason::RequestIdReused),
            };
        }
        let ids = &act.ids;
        if ids
            .iter()
            .any(|id| self.ids.contains_key(&(act.agency.clone(), *id)))
        {
            return Expected::Refused(Reason::RequestIdReused);
        }
        let now_ms = u64::try_from(now.as_millisecond()).unwrap();
        if ids.iter().any(|id| id.unix_ms() > now_ms + AHEAD_MS_MAX) {
            return Expected::Refused(Reason::InvalidArgument);
        }
        self.judge_what(&act.agency, &act.what)
    }

    fn judge_what(&self, agency: &str, what: &What) -> Expected {
        let new = Expected::New(self.head());
        match what {
            What::Publish(items) => {
                let ids: BTreeSet<_> = items.iter().map(|item| item.id).collect();
                if ids.len() < items.len() {
                    return Expected::Refused(Reason::RequestIdReused);
                }
                new
            }
            What::Supersede(of, _) if self.notes[of].is_superseded => {
                Expected::Refused(Reason::NotificationSuperseded)
            }
            What::Supersede(..) => new,
            What::Receipt {
                of,
                recipient,
                is_signed,
            } => {
                let first = self.receipts.get(&(*of, recipient.clone(), *is_signed));
                first.map_or(new, |index| Expected::Earlier(*index))
            }
            What::Acknowledge {
                consumer,
                positions,
            } => self.judge_acknowledgement(agency, consumer, positions),
            What::Seal(entries) => {
                let mut entries = entries.clone();
                entries.sort_unstable();
                match entries.first().map(|first| self.ordered.get(first)) {
                    Some(Some(order)) if entries.iter().all(|e| self.ordered.contains_key(e)) => {
                        Expected::Earlier(*order)
                    }
                    _ => new,
                }
            }
        }
    }

    fn judge_acknowledgement(
        &self,
        agency: &str,
        consumer: &str,
        positions: &BTreeMap<LogName, i64>,
    ) -> Expected {
        let key = (agency.to_owned(), consumer.to_owned());
        let known = self.consumers.get(&key);
        for (log, position) in positions {
            if *position > self.length(log) {
                return Expected::Refused(Reason::CursorInvalid);
            }
            if known.is_some_and(|known| *position < known.get(log).copied().unwrap_or(0)) {
                return Expected::Refused(Reason::CursorBehind);
            }
        }
        Expected::New(self.head())
    }

    fn record(&mut self, act: &Act) {
        let index = self.head();
        for id in &act.ids {
            self.ids.insert((act.agency.clone(), *id), index);
        }
        self.facts.push(Fact {
            agency: act.agency.clone(),
            method: act.method,
            request: act.request.clone(),
            recorded_at_us: 0,
        });
        match &act.what {
            What::Publish(items) => {
                for (number, item) in (0..).zip(items) {
                    self.publish(&act.agency, place(index, number), item);
                }
            }
            What::Supersede(of, item) => {
                self.publish(&act.agency, place(index, 0), item);
                self.notes.get_mut(of).unwrap().is_superseded = true;
            }
            What::Receipt {
                of,
                recipient,
                is_signed,
            } => {
                let key = (*of, recipient.clone(), *is_signed);
                self.receipts.insert(key, index);
            }
            What::Acknowledge {
                consumer,
                positions,
            } => {
                let key = (act.agency.clone(), consumer.clone());
                let known = self.consumers.entry(key).or_default();
                known.extend(positions.iter().map(|(log, at)| (log.clone(), *at)));
            }
            What::Seal(entries) => {
                for entry in entries {
                    self.ordered.entry(*entry).or_insert(index);
                }
            }
        }
    }

    fn publish(&mut self, author: &str, place: NotificationPlace, item: &Item) {
        let mut logs: Vec<String> = match &item.to {
            To::Channel(channel) => vec![format!("channels/{channel}")],
            To::Agencies(agencies) => agencies
                .iter()
                .map(|agency| format!("agencies/{agency}/inbox"))
                .collect(),
        };
        logs.push(format!("agencies/{author}/sent"));
        let mut name = format!("agencies/{author}/notifications/{}", item.id);
        for log in logs {
            let log: LogName = log.parse().unwrap();
            let places = self.logs.entry(log.clone()).or_default();
            places.push(place);
            if matches!(log, LogName::Channel(_)) {
                name = format!("{log}/notifications/{}", places.len());
            }
        }
        let note = Note {
            author: author.to_owned(),
            name,
            title: item.title.clone(),
            to: item.to.clone(),
            is_superseded: false,
        };
        self.notes.insert(place, note);
    }
}

fn place(entry_index: u64, item: u32) -> NotificationPlace {
    NotificationPlace { entry_index, item }
}
