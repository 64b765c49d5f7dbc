//! Years without the meeting that a mechanism holds once a year in principle (JE-070, FS-060).
//!
//! Invariants: such a year is warned of and blocks nothing; an office is told once of each year.

use hub_core::{
    date::on,
    names::{MechanismId, MeetingName, Recipient, RequestId},
    reason::Reason,
};
use hub_proto::{
    ledger::Event,
    meetings::{MeetingKind, YearMissed, meetings_event::Kind},
};
use jiff::{Timestamp, civil::date, tz::TimeZone};

use super::{event, notices, rows::MeetingRow};
use crate::{
    authz::Permit,
    charter::Charter,
    domain::{
        Context,
        channels::{self, Issue},
    },
    error::{Error, Result},
    state::{
        keys,
        store::Direction,
        view::{Overlay, View},
    },
};

/// The act of the hub under which a warning is on the ledger.
pub const METHOD: &str = "/hub.system.v1/WarnOfMissedYear";

/// Meetings of a mechanism in one year that are looked at.
const MEETINGS_A_YEAR_MAX: usize = 1_000;

/// A year of a mechanism that has ended without its annual meeting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missed {
    /// The mechanism.
    pub mechanism: MechanismId,
    /// The year.
    pub year: i16,
}

/// The first year that is looked at: that in which the hub began, or the charter was issued.
#[must_use]
pub fn first(charter: &Charter, began: Timestamp) -> i16 {
    let began_on = on(began, charter.zone());
    began_on.year().max(charter.issued_on().year())
}

/// What is missing, for people.
#[must_use]
pub fn message(year: i16) -> String {
    format!("{year}年未记录召开成员单位工作协调会议（原则上每年一次）")
}

/// Whether the annual meeting of a mechanism was held in a year of the province's calendar.
///
/// # Errors
/// When storage fails.
pub fn has_met(view: &(impl View + ?Sized), zone: &TimeZone, of: &Missed) -> Result<bool> {
    let start_us = |year: i16| {
        let day = date(year, 1, 1).to_zoned(zone.clone());
        day.map_or(Timestamp::MAX, |zoned| zoned.timestamp())
            .as_microsecond()
    };
    let key = |year| keys::meetings_held(of.mechanism.as_str(), start_us(year)).build();
    let (from, to) = (key(of.year), key(of.year.saturating_add(1)));
    for (_, id) in view.scan(&from, &to, Direction::Forward, MEETINGS_A_YEAR_MAX)? {
        let id = <[u8; 16]>::try_from(&*id).ok();
        let Some(id) = id.and_then(RequestId::from_bytes) else {
            continue;
        };
        let row = MeetingRow::read(view, MeetingName(id))?;
        if row.is_some_and(|row| row.kind() == MeetingKind::Annual) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the office has been told of a year.
///
/// # Errors
/// When storage fails.
pub fn was_told(view: &(impl View + ?Sized), of: &Missed) -> Result<bool> {
    Ok(view.row(&key(of.mechanism.as_str(), of.year))?.is_some())
}

fn key(mechanism: &str, year: i16) -> Vec<u8> {
    keys::year_missed(mechanism, u16::try_from(year).unwrap_or_default())
}

/// Tells the office, unless it has been told, or the meeting was recorded meanwhile.
pub(super) fn decide(
    context: &Context<'_>,
    view: &Overlay<'_>,
    permit: &Permit,
    missed: &Missed,
) -> Result<Vec<Event>> {
    if !permit.is_hub() {
        return Err(Error::internal("only the hub warns of a year"));
    }
    if was_told(view, missed)? || has_met(view, context.charter.zone(), missed)? {
        return Err(Error::new(Reason::Conflict, "there is nothing to warn of"));
    }
    let Missed { mechanism, year } = missed;
    let source = context.charter.meetings().annual_source(mechanism);
    let source = source.ok_or_else(|| Error::internal("a mechanism without annual meetings"))?;
    let name = context.charter.mechanism(mechanism);
    let title = format!("提醒：{}", message(*year));
    let lines = [
        ("机制", name.map_or("", |found| found.name())),
        ("依据", source),
        ("说明", "仅作提醒，不影响其他会议和工作"),
    ];
    let notice = notices::notice(&format!("mechanisms/{mechanism}"), &title, &lines);
    let mut events = vec![event(Kind::YearMissed(YearMissed {
        mechanism: mechanism.to_string(),
        year: i32::from(*year),
    }))];
    let office = [Recipient::Office(mechanism.clone())];
    events.extend(channels::issue(
        context,
        view,
        &[Issue::new(office, notice)],
    )?);
    Ok(events)
}

/// Applies an event, if it is one of a year's.
pub(super) fn apply(rows: &mut Overlay<'_>, kind: &Kind) {
    if let Kind::YearMissed(event) = kind {
        let year = i16::try_from(event.year).unwrap_or_default();
        rows.put(key(&event.mechanism, year), vec![]);
    }
}
