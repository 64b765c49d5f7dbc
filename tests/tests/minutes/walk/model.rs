//! The whole state machine once more, plainly: what may happen to a meeting, its minutes and what it
//! agreed, and who may do it. It shares nothing with the hub.

use std::collections::{BTreeMap, BTreeSet};

/// Where a meeting stands, by the names of the wire.
pub(crate) type State = &'static str;

/// Why something is refused.
pub(crate) type Refusal = &'static str;

const NOT_FOUND: Refusal = "NOT_FOUND";
const DENIED: Refusal = "PERMISSION_DENIED";
const STATE: Refusal = "MEETING_STATE";
const CONFLICT: Refusal = "CONFLICT";
const NOT_AGREED: Refusal = "MINUTES_NOT_AGREED";
const INVALID: Refusal = "INVALID_ARGUMENT";

/// What a unit says to the version before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stand {
    Pending,
    Agreed,
    Objected,
}

/// An item as a version states it.
#[derive(Debug, Clone)]
pub(crate) struct Planned {
    pub(crate) units: Vec<String>,
    pub(crate) due: i64,
    pub(crate) is_joint: bool,
    pub(crate) continues: usize,
}

/// A version.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    pub(crate) sha256: String,
    pub(crate) items: Vec<Planned>,
    pub(crate) was_circulated: bool,
}

/// A document of minutes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Doc {
    pub(crate) texts: Vec<Text>,
    /// The version before the units; 0 for none.
    pub(crate) before: usize,
    pub(crate) stands: BTreeMap<String, Stand>,
    pub(crate) is_issued: bool,
    pub(crate) number: String,
}

impl Doc {
    fn is_agreed(&self) -> bool {
        self.before > 0 && self.stands.values().all(|stand| *stand == Stand::Agreed)
    }

    pub(crate) fn state(&self) -> State {
        match self {
            Self {
                is_issued: true, ..
            } => "MINUTES_STATE_ISSUED",
            Self { before: 0, .. } => "MINUTES_STATE_DRAFT",
            doc if doc.is_agreed() => "MINUTES_STATE_AGREED",
            _ => "MINUTES_STATE_CONSENT_ROUND",
        }
    }
}

/// A unit's part of an item.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Part {
    /// 0 nothing reported, 1 under way, 2 done.
    pub(crate) state: u8,
    pub(crate) due: i64,
    pub(crate) wanted: Option<i64>,
}

/// An agreed item.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) doc: usize,
    pub(crate) due: i64,
    pub(crate) is_joint: bool,
    pub(crate) parts: BTreeMap<String, Part>,
    pub(crate) is_closed: bool,
    pub(crate) is_superseded: bool,
}

impl Item {
    pub(crate) fn state(&self) -> State {
        match (self.is_superseded, self.is_closed) {
            (true, _) => "AGREED_ITEM_STATE_SUPERSEDED",
            (_, true) => "AGREED_ITEM_STATE_CLOSED",
            _ => "AGREED_ITEM_STATE_OPEN",
        }
    }
}

/// A meeting.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meeting {
    pub(crate) name: String,
    pub(crate) state: State,
    pub(crate) mechanisms: Vec<&'static str>,
    pub(crate) is_by_correspondence: bool,
    pub(crate) confirmed: BTreeSet<&'static str>,
    pub(crate) units: Vec<String>,
    pub(crate) is_announced: bool,
    /// Whether each topic is accepted; nothing while it is not decided.
    pub(crate) topics: Vec<Option<bool>>,
    pub(crate) attended: BTreeSet<String>,
    pub(crate) docs: Vec<Doc>,
    pub(crate) items: Vec<Item>,
}

/// Who acts: an agency under a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Actor {
    pub(crate) agency: String,
    pub(crate) role: &'static str,
}

impl Actor {
    fn is_office(&self) -> bool {
        self.role == "office"
    }
}

/// What is done about a meeting.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Confirm(&'static str),
    Open,
    Propose,
    Decide(usize, bool),
    ConfirmTopics,
    Convene,
    Answer,
    Held(BTreeSet<String>),
    Cancel,
    Close,
    Draft(usize, usize, Text, String),
    Circulate(usize, usize),
    Consent(usize, usize, String),
    Object(usize, usize),
    Withdraw(usize, usize),
    Issue(usize, usize),
    Correct(usize),
    Report(usize, bool),
    Extend(usize, i64),
    DecideExtension(usize, String, bool, i64),
    CloseItem(usize, bool),
}

impl Meeting {
    fn is_seen_by(&self, who: &Actor) -> bool {
        who.is_office() || (self.is_announced && self.units.contains(&who.agency))
    }

    fn office(who: &Actor) -> Result<(), Refusal> {
        if who.is_office() { Ok(()) } else { Err(DENIED) }
    }

    fn stands(&self, states: &[State]) -> Result<(), Refusal> {
        if states.contains(&self.state) {
            Ok(())
        } else {
            Err(STATE)
        }
    }

    fn doc(&self, number: usize) -> Result<&Doc, Refusal> {
        self.docs.get(number - 1).ok_or(NOT_FOUND)
    }

    /// A document of which the actor may know.
    fn seen_doc(&self, who: &Actor, number: usize) -> Result<&Doc, Refusal> {
        let doc = self.doc(number)?;
        let was_out = doc.texts.iter().any(|text| text.was_circulated);
        let is_seen =
            who.is_office() || doc.is_issued || (was_out && self.attended.contains(&who.agency));
        if is_seen { Ok(doc) } else { Err(NOT_FOUND) }
    }

    /// Whether, and why not, something may be done.
    pub(crate) fn check(&self, who: &Actor, act: &Act) -> Result<(), Refusal> {
        if !self.is_seen_by(who) {
            return Err(NOT_FOUND);
        }
        match act {
            Act::Draft(..)
            | Act::Circulate(..)
            | Act::Consent(..)
            | Act::Object(..)
            | Act::Withdraw(..)
            | Act::Issue(..)
            | Act::Correct(_) => self.check_minutes(who, act),
            Act::Report(..) | Act::Extend(..) | Act::DecideExtension(..) | Act::CloseItem(..) => {
                self.check_item(who, act)
            }
            _ => self.check_meeting(who, act),
        }
    }

    fn check_meeting(&self, who: &Actor, act: &Act) -> Result<(), Refusal> {
        const OPEN: State = "MEETING_STATE_TOPICS_OPEN";
        match act {
            Act::Propose => {
                if who.is_office() {
                    return Err(DENIED);
                }
                self.stands(&[OPEN])
            }
            Act::Answer => {
                if who.is_office() {
                    return Err(DENIED);
                }
                self.stands(&["MEETING_STATE_CONVENED"])
            }
            _ => {
                Self::office(who)?;
                self.check_office(act)
            }
        }
    }

    fn check_office(&self, act: &Act) -> Result<(), Refusal> {
        const DRAFT: State = "MEETING_STATE_DRAFT";
        const OPEN: State = "MEETING_STATE_TOPICS_OPEN";
        const CONFIRMED: State = "MEETING_STATE_TOPICS_CONFIRMED";
        const CONVENED: State = "MEETING_STATE_CONVENED";
        let only = |is_kept: bool| if is_kept { Ok(()) } else { Err(STATE) };
        match act {
            Act::Confirm(mechanism) => {
                self.stands(&[DRAFT])?;
                only(!self.confirmed.contains(mechanism))
            }
            Act::Open => {
                self.stands(&[DRAFT])?;
                only(self.confirmed.len() == self.mechanisms.len())
            }
            Act::Decide(..) => self.stands(&[OPEN]),
            Act::ConfirmTopics => {
                self.stands(&[OPEN])?;
                only(!self.topics.contains(&None))?;
                only(self.topics.contains(&Some(true)))
            }
            Act::Convene => self.stands(&[CONFIRMED]),
            Act::Held(_) => self.stands(&[CONVENED]),
            Act::Cancel => self.stands(&[DRAFT, OPEN, CONFIRMED, CONVENED]),
            _ => {
                self.stands(&["MEETING_STATE_ISSUED", "MEETING_STATE_FOLLOW_UP"])?;
                only(self.docs.iter().all(|doc| doc.is_issued))?;
                let mut items = self.items.iter();
                only(items.all(|item| item.is_closed || item.is_superseded))
            }
        }
    }

    fn check_minutes(&self, who: &Actor, act: &Act) -> Result<(), Refusal> {
        match act {
            Act::Draft(number, base, ..) => {
                Self::office(who)?;
                let newest = self.docs.get(number - 1).map_or(0, |doc| doc.texts.len());
                if *number == 1 {
                    self.stands(&[
                        "MEETING_STATE_HELD",
                        "MEETING_STATE_MINUTES_DRAFT",
                        "MEETING_STATE_CONSENT_ROUND",
                        "MEETING_STATE_AGREED",
                    ])?;
                } else if self.doc(*number)?.is_issued {
                    return Err(STATE);
                }
                if *base == newest {
                    Ok(())
                } else {
                    Err(CONFLICT)
                }
            }
            Act::Circulate(number, version) => {
                Self::office(who)?;
                let doc = self.doc(*number)?;
                match doc.texts.len() {
                    newest if newest != *version => Err(CONFLICT),
                    _ if doc.is_issued || doc.before > 0 => Err(STATE),
                    _ if doc.texts[version - 1].items.is_empty() => Err(STATE),
                    _ => Ok(()),
                }
            }
            Act::Issue(number, version) => {
                Self::office(who)?;
                let doc = self.doc(*number)?;
                let is_newest = doc.before == 0 && *version == doc.texts.len();
                match doc {
                    _ if *version != doc.before && !is_newest => Err(CONFLICT),
                    Doc {
                        is_issued: true, ..
                    } => Ok(()),
                    doc if doc.is_agreed() => Ok(()),
                    _ => Err(NOT_AGREED),
                }
            }
            Act::Correct(number) => {
                Self::office(who)?;
                let doc = self.doc(*number)?;
                let is_open = self.state != "MEETING_STATE_CLOSED";
                if doc.is_issued && *number == self.docs.len() && is_open {
                    Ok(())
                } else {
                    Err(STATE)
                }
            }
            _ => self.check_stand(who, act),
        }
    }

    fn check_stand(&self, who: &Actor, act: &Act) -> Result<(), Refusal> {
        let (Act::Consent(number, version, _)
        | Act::Object(number, version)
        | Act::Withdraw(number, version)) = act
        else {
            unreachable!("{act:?}");
        };
        let doc = self.seen_doc(who, *number)?;
        if who.role != "leader" || !self.attended.contains(&who.agency) {
            return Err(DENIED);
        }
        if *version != doc.before {
            return Err(CONFLICT);
        }
        if doc.is_issued {
            return Err(STATE);
        }
        let stand = doc.stands[&who.agency];
        match act {
            Act::Consent(_, version, sha256) => match stand {
                _ if doc.texts[version - 1].sha256 != *sha256 => Err(CONFLICT),
                Stand::Objected => Err(STATE),
                Stand::Pending | Stand::Agreed => Ok(()),
            },
            Act::Object(..) if stand == Stand::Objected => Err(STATE),
            Act::Withdraw(..) if stand != Stand::Objected => Err(STATE),
            _ => Ok(()),
        }
    }

    fn check_item(&self, who: &Actor, act: &Act) -> Result<(), Refusal> {
        let (Act::Report(number, _)
        | Act::Extend(number, _)
        | Act::DecideExtension(number, ..)
        | Act::CloseItem(number, _)) = act
        else {
            unreachable!("{act:?}");
        };
        let item = self.items.get(number - 1).ok_or(NOT_FOUND)?;
        let part = item.parts.get(&who.agency);
        match act {
            Act::Report(..) | Act::Extend(..) if who.is_office() || part.is_none() => {
                return Err(DENIED);
            }
            Act::DecideExtension(..) | Act::CloseItem(..) => Self::office(who)?,
            _ => {}
        }
        if item.is_closed || item.is_superseded {
            return Err(STATE);
        }
        let is_done = |part: &Part| part.state == 2;
        match act {
            Act::Extend(_, due) => match part {
                Some(part) if is_done(part) => Err(STATE),
                Some(part) if *due <= part.due => Err(INVALID),
                _ => Ok(()),
            },
            Act::DecideExtension(_, unit, _, due) => match item.parts.get(unit) {
                None => Err(INVALID),
                Some(Part { wanted: None, .. }) => Err(STATE),
                Some(part) if part.wanted != Some(*due) => Err(CONFLICT),
                Some(_) => Ok(()),
            },
            Act::CloseItem(_, has_note) => match item.parts.values().all(is_done) {
                false if item.is_joint => Err(STATE),
                false if !has_note => Err(INVALID),
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Does what may be done. `number` is the document number that the hub gave, if it gave one.
    pub(crate) fn apply(&mut self, who: &Actor, act: &Act, number: &str) {
        match act {
            Act::Confirm(mechanism) => {
                self.confirmed.insert(*mechanism);
            }
            Act::Open => {
                self.state = "MEETING_STATE_TOPICS_OPEN";
                self.is_announced = true;
            }
            Act::Propose => self.topics.push(None),
            Act::Decide(topic, is_accepted) => self.topics[topic - 1] = Some(*is_accepted),
            Act::ConfirmTopics => self.state = "MEETING_STATE_TOPICS_CONFIRMED",
            Act::Convene => self.state = "MEETING_STATE_CONVENED",
            Act::Answer => {}
            Act::Held(attended) => {
                self.state = "MEETING_STATE_HELD";
                self.attended.clone_from(attended);
            }
            Act::Cancel => self.state = "MEETING_STATE_CANCELLED",
            Act::Close => self.state = "MEETING_STATE_CLOSED",
            Act::Report(..) | Act::Extend(..) | Act::DecideExtension(..) | Act::CloseItem(..) => {
                self.apply_item(who, act);
            }
            _ => self.apply_minutes(who, act, number),
        }
    }

    fn apply_minutes(&mut self, who: &Actor, act: &Act, issued_as: &str) {
        let attended = self.attended.clone();
        let number = match act {
            Act::Correct(_) => {
                self.docs.push(Doc::default());
                return;
            }
            Act::Draft(number, ..)
            | Act::Circulate(number, _)
            | Act::Consent(number, ..)
            | Act::Object(number, _)
            | Act::Withdraw(number, _)
            | Act::Issue(number, _) => *number,
            other => unreachable!("{other:?}"),
        };
        if number > self.docs.len() {
            self.docs.push(Doc::default());
        }
        let doc = &mut self.docs[number - 1];
        match act {
            Act::Draft(_, _, text, _) => {
                doc.texts.push(text.clone());
                doc.before = 0;
                doc.stands.clear();
            }
            Act::Circulate(_, version) => {
                doc.before = *version;
                doc.texts[version - 1].was_circulated = true;
                doc.stands = attended
                    .into_iter()
                    .map(|unit| (unit, Stand::Pending))
                    .collect();
            }
            Act::Consent(..) => {
                doc.stands.insert(who.agency.clone(), Stand::Agreed);
            }
            Act::Object(..) => {
                doc.stands.insert(who.agency.clone(), Stand::Objected);
            }
            Act::Withdraw(..) => {
                doc.stands.insert(who.agency.clone(), Stand::Pending);
            }
            _ if doc.is_issued => return,
            _ => {
                doc.is_issued = true;
                doc.number = issued_as.to_owned();
                let items = doc.texts[doc.before - 1].items.clone();
                self.agree(number, &items);
            }
        }
        if number == 1 {
            self.state = match self.docs[0].state() {
                "MINUTES_STATE_DRAFT" => "MEETING_STATE_MINUTES_DRAFT",
                "MINUTES_STATE_AGREED" => "MEETING_STATE_AGREED",
                "MINUTES_STATE_ISSUED" => "MEETING_STATE_ISSUED",
                _ => "MEETING_STATE_CONSENT_ROUND",
            };
        }
    }

    /// What a document agrees takes the place of what the one before agreed.
    fn agree(&mut self, doc: usize, planned: &[Planned]) {
        let old = self.items.clone();
        for item in &mut self.items {
            item.is_superseded = true;
        }
        for one in planned {
            let before = one.continues.checked_sub(1).map(|place| &old[place]);
            let part = |unit: &String| {
                let mut part = before
                    .and_then(|item| item.parts.get(unit))
                    .cloned()
                    .unwrap_or_default();
                if before.is_none_or(|item| item.due != one.due || part.due == 0) {
                    part.due = one.due;
                }
                part.wanted = None;
                (unit.clone(), part)
            };
            self.items.push(Item {
                doc,
                due: one.due,
                is_joint: one.is_joint,
                parts: one.units.iter().map(part).collect(),
                is_closed: before.is_some_and(|item| item.is_closed),
                is_superseded: false,
            });
        }
        if doc > 1 {
            self.state = "MEETING_STATE_FOLLOW_UP";
        }
    }

    fn apply_item(&mut self, who: &Actor, act: &Act) {
        match act {
            Act::Report(number, is_done) => {
                let part = self.part(*number, &who.agency);
                part.state = if *is_done { 2 } else { 1 };
                if *is_done {
                    part.wanted = None;
                }
            }
            Act::Extend(number, due) => self.part(*number, &who.agency).wanted = Some(*due),
            Act::DecideExtension(number, unit, is_granted, due) => {
                let part = self.part(*number, unit);
                part.wanted = None;
                if *is_granted {
                    part.due = *due;
                }
            }
            Act::CloseItem(number, _) => {
                let item = &mut self.items[number - 1];
                item.is_closed = true;
                for part in item.parts.values_mut() {
                    part.wanted = None;
                }
            }
            other => unreachable!("{other:?}"),
        }
        if self.state == "MEETING_STATE_ISSUED" {
            self.state = "MEETING_STATE_FOLLOW_UP";
        }
    }

    fn part(&mut self, number: usize, unit: &str) -> &mut Part {
        self.items[number - 1].parts.get_mut(unit).unwrap()
    }

    /// How many consents, and how many reports, a unit owes here.
    pub(crate) fn owed_by(&self, unit: &str) -> (usize, usize) {
        let rounds = self.docs.iter().filter(|doc| !doc.is_issued);
        let consents = rounds.filter(|doc| doc.stands.get(unit) == Some(&Stand::Pending));
        let open = self
            .items
            .iter()
            .filter(|item| !item.is_closed && !item.is_superseded);
        let parts = open.filter(|item| item.parts.get(unit).is_some_and(|part| part.state != 2));
        (consents.count(), parts.count())
    }
}
