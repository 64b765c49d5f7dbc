//! Meetings as callers see them: rows, with the texts read back from the ledger.

use hub_core::{
    date,
    names::{AgencyId, MinutesName},
};
use hub_proto::meetings::{
    AnswerNoticeRequest, CancelMeetingRequest, ChangeMeetingRequest, ConveneMeetingRequest,
    Meeting, MeetingKind, MeetingNotice, MeetingState, MeetingUnit, MinutesState,
    RecordMeetingHeldRequest, UnitAnswer,
};
use jiff::Timestamp;
use prost::Message;

use super::{
    lookup::{self, FoundMeeting},
    topics,
};
use crate::{
    charter::Charter,
    domain::meetings::rows::{ActRow, MeetingRow, MinutesRow, NoticeRow, UnitRow},
    engine::Engine,
    error::{Error, Result},
    state::{keys, view::ViewExt as _},
};

/// An instant of a row; nothing for 0, which stands for never.
pub(in crate::wire) fn instant(us: i64) -> Option<prost_types::Timestamp> {
    (us != 0)
        .then(|| Timestamp::from_microsecond(us).ok())
        .flatten()
        .map(date::timestamp)
}

/// When an act was recorded.
pub(in crate::wire) fn at(act: Option<&ActRow>) -> Option<prost_types::Timestamp> {
    act.and_then(|act| instant(act.at_us))
}

/// How much of a meeting is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// Everything.
    Whole,
    /// What a list shows: without the texts that take a read of the ledger each.
    Listed,
}

/// A meeting as the caller sees it.
pub(super) fn meeting(
    engine: &Engine,
    charter: &Charter,
    found: &FoundMeeting,
    detail: Detail,
) -> Result<Meeting> {
    let row = &found.row;
    let draft = lookup::draft(engine, row)?;
    let is_whole = detail == Detail::Whole;
    let units = row.units.iter().map(|unit| listed_unit(charter, row, unit));
    let mut shown = Meeting {
        name: found.name.to_string(),
        kind: row.kind,
        mechanisms: row
            .mechanisms
            .iter()
            .map(|id| format!("mechanisms/{id}"))
            .collect(),
        title: draft.title,
        planned_on: row.planned_on,
        topics_by_at: draft.topics_by_at,
        state: row.state,
        units: units.collect(),
        offices: row.mechanisms.iter().map(|id| office(id)).collect(),
        confirmed_by: row.confirmed_by.iter().map(|id| office(id)).collect(),
        etag: row.etag(),
        created_at: at(row.created.as_ref()),
        topics_confirmed_at: instant(row.topics_confirmed_at_us),
        held_at: instant(row.held_at_us),
        minutes: minutes(engine, found)?,
        ..Meeting::default()
    };
    if row.kind() == MeetingKind::Partial {
        shown.invited_units = shown.units.iter().map(|unit| unit.agency.clone()).collect();
    }
    if let Some(notice) = &row.notice {
        shown.notice = Some(notice_of(engine, &shown.name, notice, detail)?);
    }
    if is_whole {
        shown.purpose = draft.purpose;
        texts(engine, row, &mut shown)?;
    }
    Ok(shown)
}

fn office(mechanism: &str) -> String {
    format!("mechanisms/{mechanism}/office")
}

/// A unit without what it wrote.
fn listed_unit(charter: &Charter, row: &MeetingRow, unit: &UnitRow) -> MeetingUnit {
    let id: Option<AgencyId> = unit.agency.parse().ok();
    let agency = id.and_then(|id| charter.agency(&id));
    let day = row.names_on(charter.zone());
    let answer = unit.answered.as_ref().map(|act| UnitAnswer {
        kind: unit.answer,
        answered_at: at(Some(act)),
        officer: act.officer.clone(),
        ..UnitAnswer::default()
    });
    MeetingUnit {
        agency: format!("agencies/{}", unit.agency),
        display_name: agency.map_or_else(String::new, |agency| agency.name_on(day).into()),
        answer,
        attendance: unit.attendance,
        attendees: vec![],
    }
}

/// The newest notice. Its request is that of the convening or of a change.
fn notice_of(
    engine: &Engine,
    meeting: &str,
    notice: &NoticeRow,
    detail: Detail,
) -> Result<MeetingNotice> {
    let sent = notice.sent.as_ref();
    let mut shown = match sent {
        Some(act) => {
            let entry = lookup::entry(engine, act)?;
            let request = entry.content.request.clone();
            let decoded = match entry.header.method.rsplit('/').next() {
                Some("ChangeMeeting") => {
                    ChangeMeetingRequest::decode(request).map(|request| request.notice)
                }
                _ => ConveneMeetingRequest::decode(request).map(|request| request.notice),
            };
            let mut decoded = decoded.map_err(Error::internal)?.unwrap_or_default();
            decoded.notification = topics::told(&entry, meeting);
            decoded
        }
        None => MeetingNotice::default(),
    };
    if detail == Detail::Listed {
        shown.text.clear();
        shown.documents.clear();
    }
    shown.starts_at = instant(notice.starts_at_us);
    shown.answer_by_at = instant(notice.answer_by_us);
    shown.revision = i32::try_from(notice.revision).unwrap_or(i32::MAX);
    shown.sent_at = at(sent);
    Ok(shown)
}

/// What the office and the units wrote later on.
fn texts(engine: &Engine, row: &MeetingRow, shown: &mut Meeting) -> Result<()> {
    for (unit, shown) in row.units.iter().zip(&mut shown.units) {
        let Some(answer) = &mut shown.answer else {
            continue;
        };
        let request: AnswerNoticeRequest = lookup::request(engine, unit.answered.as_ref())?;
        let given = request.answer.unwrap_or_default();
        answer.attendees = given.attendees;
        answer.reason = given.reason;
    }
    let cancelled: CancelMeetingRequest = lookup::request(engine, row.cancelled.as_ref())?;
    shown.cancel_reason = cancelled.reason;
    let held: RecordMeetingHeldRequest = lookup::request(engine, row.held.as_ref())?;
    for recorded in held.units {
        let unit = shown
            .units
            .iter_mut()
            .find(|unit| unit.agency == recorded.agency);
        if let Some(unit) = unit {
            unit.attendees = recorded.attendees;
        }
    }
    shown.chair = held.chair;
    shown.observers = held.observers;
    shown.speaker_points = held.speaker_points;
    Ok(())
}

/// The minutes that the caller may see: the office all; a unit issued ones, and one that attended also
/// those that have been circulated.
fn minutes(engine: &Engine, found: &FoundMeeting) -> Result<Vec<String>> {
    let mut shown = vec![];
    for document in 1..=found.row.documents_count {
        let key = keys::minutes(found.name.0.as_bytes(), document);
        let row: Option<MinutesRow> = engine.store().message(&key)?;
        let is_out = row.is_some_and(|row| {
            let is_circulated = row.versions.iter().any(|one| one.circulated_at_us != 0);
            row.state() == MinutesState::Issued || (is_circulated && found.has_attended())
        });
        if found.sight.is_office || is_out {
            let meeting = found.name;
            shown.push(MinutesName { meeting, document }.to_string());
        }
    }
    Ok(shown)
}

/// Whether a meeting is in a state, as a filter.
pub(super) fn is_in(row: &MeetingRow, state: MeetingState) -> bool {
    state == MeetingState::Unspecified || row.state() == state
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use hub_core::date::to_wire;
    use jiff::{
        SignedDuration,
        civil::{Date, date},
    };

    use super::*;

    #[test]
    fn fs_011_the_branch_of_the_central_bank_bears_the_name_of_the_day() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charters/shanxi.toml");
        let charter = Charter::read(&file).unwrap();
        let unit = UnitRow {
            agency: "pboc-branch".into(),
            ..UnitRow::default()
        };
        let name_on = |day: Date| {
            let row = MeetingRow {
                planned_on: Some(to_wire(day)),
                ..MeetingRow::default()
            };
            listed_unit(&charter, &row, &unit).display_name
        };
        assert_eq!(name_on(date(2022, 6, 1)), "中国人民银行太原中心支行");
        assert_eq!(name_on(date(2023, 8, 17)), "中国人民银行太原中心支行");
        assert_eq!(name_on(date(2023, 8, 18)), "中国人民银行山西省分行");
        assert_eq!(name_on(date(2024, 6, 3)), "中国人民银行山西省分行");
        // Held later than planned: the day on which it was held counts, in the province's time.
        let held_at: Timestamp = "2023-08-17T16:00:00Z".parse().unwrap();
        let row = |held_at: Timestamp| MeetingRow {
            planned_on: Some(to_wire(date(2023, 8, 10))),
            held_at_us: held_at.as_microsecond(),
            ..MeetingRow::default()
        };
        let name = |row: &MeetingRow| listed_unit(&charter, row, &unit).display_name;
        assert_eq!(name(&row(held_at)), "中国人民银行山西省分行");
        let second = SignedDuration::from_secs(1);
        assert_eq!(name(&row(held_at - second)), "中国人民银行太原中心支行");
    }
}
