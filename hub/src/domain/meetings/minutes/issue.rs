//! Issue under the next number of the year's series, and corrections.
//!
//! A correction is a document of its own that takes the place of the one before when it is issued: what
//! that one agreed is superseded. An item of a correction may say which item it continues, as the text
//! that the units consent to; then units that stay responsible keep their progress, and what was closed
//! stays closed. Everything else begins anew.

pub(super) mod apply;

use std::collections::BTreeMap;

use hub_core::{date, document_number::SERIAL_MAX, names::Recipient, reason::Reason};
use hub_proto::{
    channels::RequestedAction,
    common,
    meetings::{
        AgreedItemDraft, AgreedItemIssued, CorrectionBegun, MeetingKind, MeetingState,
        MinutesContent, MinutesIssued, MinutesState, TaskState, meetings_event::Kind,
    },
};

use jiff::civil::Date;

use super::{
    Case,
    notices::{self, end_of_day},
    recipients,
    round::{conflict, newest},
};
use crate::{
    domain::{
        Decision,
        channels::{self, Issue, asks, log::ISSUED_MAX},
        meetings::{
            event,
            rows::{AgreedItemRow, MinutesRow, SeriesRow},
        },
    },
    error::{Error, Result},
    state::{
        keys::{self, Kind as KeyKind},
        view::{View, ViewExt as _},
    },
};

/// Most documents of a meeting: the original and its corrections.
pub const DOCUMENTS_MAX: u32 = 20;

pub(super) fn issue(
    case: &Case<'_>,
    (document, version): (u32, u32),
    content: &MinutesContent,
) -> Result<Decision> {
    let row = case.minutes(document)?;
    let is_newest_draft = row.state() == MinutesState::Draft && version == newest(&row);
    if version != row.circulated_version && !is_newest_draft {
        return Err(conflict(version, row.circulated_version, "circulated"));
    }
    if let Some(issued) = &row.issued {
        return Ok(Decision::Already(issued.entry_index));
    }
    let silent_units = agreed_by_all(case, &row, version)?;
    let number = next_number(case)?;
    let first = case.meeting.items_count.saturating_add(1);
    let old = Superseded::read(case, document)?;
    let mut agreed_items = vec![];
    let mut told = vec![told_of_issue(case, document, content, &number)];
    for (place, draft) in (0_u32..).zip(&content.agreed_items) {
        let item = first.saturating_add(place);
        let telling = Telling {
            case,
            item,
            draft,
            number: &number,
            old: &old,
        };
        agreed_items.push(AgreedItemIssued {
            item,
            place,
            responsible_units: draft
                .responsible_units
                .iter()
                .map(|name| id(name))
                .collect(),
            assisting_units: draft.assisting_units.iter().map(|name| id(name)).collect(),
            due_on: draft.due_on,
            kind: draft.kind,
            continues_item: u32::try_from(draft.continues_item).unwrap_or_default(),
            notices: telling.tell(&mut told),
        });
    }
    if told.len() > ISSUED_MAX {
        return Err(case.state_refused(
            "the units of this many agreed items with extensions of their own cannot be told at once",
        ));
    }
    let issued = MinutesIssued {
        meeting: case.id_bytes(),
        document,
        version,
        document_word: number.word.clone(),
        year: i32::from(number.year),
        serial: number.serial,
        issued_on: Some(date::to_wire(case.context.today())),
        agreed_items,
        silent_units,
    };
    let mut events = vec![event(Kind::MinutesIssued(issued))];
    events.extend(channels::issue(case.context, case.view, &told)?);
    Ok(Decision::Record(events))
}

/// That every attending unit has agreed to the version (JE-074); the units whose silence counted, by the
/// charter's rule.
fn agreed_by_all(case: &Case<'_>, row: &MinutesRow, version: u32) -> Result<Vec<String>> {
    let not_agreed = |message: String| Err(Error::new(Reason::MinutesNotAgreed, message));
    if row.state() == MinutesState::Draft || row.consents.is_empty() {
        return not_agreed(format!(
            "version: {version} is not before the units, so that none has agreed (JE-074)"
        ));
    }
    let is_over = row.consent_by_us <= case.context.now.as_microsecond();
    let silence_counts = case.context.charter.meetings().silence_is_consent() && is_over;
    let missing = row.consents.iter().filter(|one| one.agreed.is_none());
    let (silent, missing): (Vec<_>, Vec<_>) =
        missing.partition(|one| silence_counts && one.objected.is_none());
    if !missing.is_empty() {
        let names = case.names_of(missing.iter().map(|one| &*one.unit));
        return not_agreed(format!(
            "version: {version} is not agreed to by every attending unit (JE-074): {names}"
        ));
    }
    Ok(silent.into_iter().map(|one| one.unit.clone()).collect())
}

struct Number {
    word: String,
    year: i16,
    serial: u32,
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&document_number(
            &self.word,
            i32::from(self.year),
            self.serial,
        ))
    }
}

/// A document number as it is written, such as 晋社管组办纪〔2026〕3号.
#[must_use]
pub fn document_number(word: &str, year: i32, serial: u32) -> String {
    format!("{word}〔{year}〕{serial}号")
}

/// The number after the newest of the year's series. The row is of the entries before, also of this
/// batch: one writer decides one after the other, so that no number is given twice and none is left out.
fn next_number(case: &Case<'_>) -> Result<Number> {
    let rules = case.context.charter.meetings();
    let is_partial = case.meeting.kind() == MeetingKind::Partial;
    let word = rules
        .document_word(&case.meeting.mechanism_ids(), is_partial)
        .ok_or_else(|| {
            case.state_refused("the charter names no document word for minutes of these mechanisms")
        })?;
    let year = case.context.today().year();
    let serial = serial(case.view, word, year)?.saturating_add(1);
    if serial > SERIAL_MAX {
        return Err(case.state_refused("the year's series of document numbers is used up"));
    }
    Ok(Number {
        word: word.to_owned(),
        year,
        serial,
    })
}

fn series_key(word: &str, year: i16) -> Vec<u8> {
    keys::series(word, u16::try_from(year).unwrap_or_default())
}

/// The newest serial of a series; 0 for none.
///
/// # Errors
/// When storage fails.
pub fn serial(view: &(impl View + ?Sized), word: &str, year: i16) -> Result<u32> {
    let row: Option<SeriesRow> = view.message(&series_key(word, year))?;
    Ok(row.map_or(0, |row| row.serial))
}

/// The items of the document that a correction takes the place of.
struct Superseded(Vec<(u32, AgreedItemRow)>);

impl Superseded {
    fn read(case: &Case<'_>, document: u32) -> Result<Self> {
        let mut items = vec![];
        if document > 1 {
            for number in 1..=case.meeting.items_count {
                let row: Option<AgreedItemRow> =
                    case.view.message(&keys::agreed_item(case.id(), number))?;
                items.extend(row.map(|row| (number, row)));
            }
        }
        Ok(Self(items))
    }

    /// What a unit has done before of an item that is continued.
    fn is_done(&self, continues: i32, unit: &str) -> bool {
        let Some((_, row)) = self
            .0
            .iter()
            .find(|(number, _)| i64::from(*number) == i64::from(continues))
        else {
            return false;
        };
        let task = row.tasks.iter().find(|task| task.unit == unit);
        row.closed.is_some() || task.is_some_and(|task| task.state() == TaskState::Done)
    }

    fn due_of(&self, draft: &AgreedItemDraft, unit: &str) -> Option<common::Date> {
        let continued = self
            .0
            .iter()
            .find(|(number, _)| i64::from(*number) == i64::from(draft.continues_item));
        kept_due(continued.map(|(_, row)| row), draft.due_on, unit)
    }
}

/// By when a unit carries out its part: an extension stays where the minutes still ask for the same day.
fn kept_due(
    continued: Option<&AgreedItemRow>,
    due_on: Option<common::Date>,
    unit: &str,
) -> Option<common::Date> {
    let same = continued.filter(|row| row.due_on == due_on);
    let task = same.and_then(|row| row.tasks.iter().find(|task| task.unit == unit));
    task.map_or(due_on, |task| task.due_on)
}

fn told_of_issue(
    case: &Case<'_>,
    document: u32,
    content: &MinutesContent,
    number: &Number,
) -> Issue {
    let name = case.minutes_name(document);
    let title = format!("{number} {}", content.title);
    let body = format!(
        "纪要：{name}\n文号：{number}\n标题：{}\n会议：{}\n议定事项：{}项\n",
        content.title,
        case.quoted(),
        content.agreed_items.len()
    );
    let addressees: Vec<Recipient> = case.units().into_iter().chain(case.offices()).collect();
    let notice = case.notice_with(name, title, body, &content.attachments);
    Issue::new(addressees, notice)
}

/// Tells the units of an agreed item.
struct Telling<'a> {
    case: &'a Case<'a>,
    item: u32,
    draft: &'a AgreedItemDraft,
    number: &'a Number,
    old: &'a Superseded,
}

impl Telling<'_> {
    /// One notice for all of them, which asks those that are to carry it out by the earliest day; one
    /// more for those whose day an extension has moved before. Answers the notice of each responsible
    /// unit.
    fn tell(&self, told: &mut Vec<Issue>) -> Vec<u32> {
        let units: Vec<String> = self
            .draft
            .responsible_units
            .iter()
            .map(|name| id(name))
            .collect();
        let assisting: Vec<String> = self
            .draft
            .assisting_units
            .iter()
            .map(|name| id(name))
            .collect();
        let mut by_day: BTreeMap<Date, Vec<&str>> = BTreeMap::new();
        for unit in &units {
            let due_on = self.old.due_of(self.draft, unit);
            let is_done = self.old.is_done(self.draft.continues_item, unit);
            if let Some(day) = due_on.as_ref().and_then(date::from_wire)
                && !is_done
            {
                by_day.entry(day).or_default().push(unit);
            }
        }
        let all: Vec<&str> = units.iter().chain(&assisting).map(String::as_str).collect();
        let first = place(told);
        let mut notices = vec![first; units.len()];
        let mut groups = by_day.into_iter();
        told.push(self.notice(&all, groups.next()));
        for (day, group) in groups {
            let number = place(told);
            for (unit, notice) in units.iter().zip(&mut notices) {
                if group.contains(&unit.as_str()) {
                    *notice = number;
                }
            }
            told.push(self.notice(&group.clone(), Some((day, group))));
        }
        notices
    }

    fn notice(&self, addressees: &[&str], asked: Option<(Date, Vec<&str>)>) -> Issue {
        let case = self.case;
        let due_on = asked.as_ref().map(|(day, _)| *day);
        let ask = asked.and_then(|(day, units)| {
            asks::ask(
                case.context.charter.follow_up(),
                &recipients(units.into_iter()),
                RequestedAction::CarryOut,
                end_of_day(day, case.context.charter.zone()),
                case.context.now,
            )
        });
        let names = |names: &[String]| {
            let ids: Vec<String> = names.iter().map(|name| id(name)).collect();
            case.names_of(ids.iter().map(String::as_str))
        };
        let name = format!("{}/agreedItems/{}", case.name, self.item);
        let body = format!(
            "事项：{name}\n出处：{}\n责任单位：{}\n协助单位：{}\n时限：{}\n内容：{}\n",
            self.number,
            names(&self.draft.responsible_units),
            names(&self.draft.assisting_units),
            due_on.map_or("未定".into(), |day| day.to_string()),
            notices::item(&self.draft.text)
        );
        let title = format!("{}议定事项{}，请落实", self.number, self.item);
        Issue {
            addressees: recipients(addressees.iter().copied()),
            notification: case.notice(name, title, body),
            ask,
        }
    }
}

/// The number that the next notice of an entry gets.
fn place(told: &[Issue]) -> u32 {
    u32::try_from(told.len()).unwrap_or(u32::MAX)
}

/// The id in an agency's name, which was checked when it was drafted.
fn id(name: &str) -> String {
    name.strip_prefix("agencies/").unwrap_or(name).to_owned()
}

pub(super) fn correct(case: &Case<'_>, document: u32, reason: &str) -> Result<Decision> {
    let row = case.minutes(document)?;
    if row.state() != MinutesState::Issued {
        return Err(case.state_refused(format!(
            "{}: are not issued; draft a new version instead",
            case.minutes_name(document)
        )));
    }
    if document != case.meeting.documents_count {
        return Err(case.state_refused(format!(
            "{}: have a correction already, {}",
            case.minutes_name(document),
            case.minutes_name(case.meeting.documents_count)
        )));
    }
    if case.meeting.state() == MeetingState::Closed {
        return Err(case.state_refused(format!("{}: is closed", case.name)));
    }
    if document >= DOCUMENTS_MAX {
        let rule = format!("a meeting has at most {DOCUMENTS_MAX} documents");
        return Err(Error::field("name", rule));
    }
    let next = document.saturating_add(1);
    let number = document_number(&row.document_word, row.year, row.serial);
    let name = case.minutes_name(next);
    let body = format!("原纪要：{number}\n更正理由：{reason}\n更正稿将另行征求意见。\n");
    let title = format!("{number}将予更正");
    let addressees: Vec<Recipient> = case.units().into_iter().chain(case.offices()).collect();
    let told = Issue::new(addressees, case.notice(name, title, body));
    let mut events = vec![event(Kind::CorrectionBegun(CorrectionBegun {
        meeting: case.id_bytes(),
        document: next,
    }))];
    events.extend(channels::issue(case.context, case.view, &[told])?);
    Ok(Decision::Record(events))
}

/// Where an agreed item stands in a viewer's list: by its day, those without one last.
#[must_use]
pub fn item_key(viewer: &str, due_on: Option<&common::Date>, meeting: &[u8], item: u32) -> Vec<u8> {
    keys::seen_by(KeyKind::AgreedItemOf, viewer)
        .number(due_on.map_or(u64::MAX, day_number))
        .bytes(meeting)
        .number(u64::from(item))
        .build()
}

/// A day in a key.
#[must_use]
pub fn day_number(day: &common::Date) -> u64 {
    let number = |part: i32| u64::try_from(part).unwrap_or_default();
    let months = number(day.year)
        .saturating_mul(100)
        .saturating_add(number(day.month));
    months.saturating_mul(100).saturating_add(number(day.day))
}
