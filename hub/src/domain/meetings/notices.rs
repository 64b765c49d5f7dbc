//! What the hub tells about meetings, minutes and major issues, and to whom: those concerned, and
//! nobody else. A notice is written with the act that it tells of, as one entry.

use hub_core::names::{AgencyId, MechanismId, Recipient};
use hub_proto::channels::{Classification, Notification};

use super::rows::MeetingRow;
use crate::{
    authz::Permit,
    charter::{Charter, meetings::MEETING_CATEGORY},
};

/// Characters of a title that a notice repeats in its own.
const TITLE_CHARACTERS_MAX: usize = 120;

/// A notice of the hub's own about a resource: a title of one line, and lines of `label：text`. Lines
/// without text are left out.
#[must_use]
pub fn notice(resource: &str, title: &str, lines: &[(&str, &str)]) -> Notification {
    let body: String = lines
        .iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(label, text)| format!("{label}：{text}\n"))
        .collect();
    Notification {
        category: MEETING_CATEGORY.into(),
        title: title.into(),
        body: body.into_bytes().into(),
        media_type: "text/plain; charset=utf-8".into(),
        classification: Classification::Internal.into(),
        resource: resource.into(),
        ..Notification::default()
    }
}

/// As much of a title as fits into another one, in book-title marks.
#[must_use]
pub fn quoted(title: &str) -> String {
    let mut clipped: String = title.chars().take(TITLE_CHARACTERS_MAX).collect();
    if clipped.len() < title.len() {
        clipped.push('…');
    }
    format!("《{clipped}》")
}

/// The units of a meeting as addressees, in the official order.
#[must_use]
pub fn units(row: &MeetingRow) -> Vec<Recipient> {
    row.unit_ids().into_iter().map(Recipient::Agency).collect()
}

/// The offices of a meeting as addressees; the first made it.
#[must_use]
pub fn offices(row: &MeetingRow) -> Vec<Recipient> {
    row.mechanism_ids()
        .into_iter()
        .map(Recipient::Office)
        .collect()
}

/// The office for which somebody acts: the first of the meeting's that the agency hosts.
#[must_use]
pub fn acting_office(charter: &Charter, row: &MeetingRow, permit: &Permit) -> Option<MechanismId> {
    row.mechanism_ids().into_iter().find(|id| {
        charter
            .mechanism(id)
            .is_some_and(|mechanism| mechanism.office().host == *permit.agency())
    })
}

/// As whom somebody acts who acts for an office: as that office.
#[must_use]
pub fn acting(charter: &Charter, row: &MeetingRow, permit: &Permit) -> Recipient {
    acting_office(charter, row, permit).map_or_else(
        || Recipient::Agency(permit.agency().clone()),
        Recipient::Office,
    )
}

/// Everyone in a meeting but the one who acts: units, then offices.
#[must_use]
pub fn others(row: &MeetingRow, acting: &Recipient) -> Vec<Recipient> {
    let mut all = units(row);
    all.extend(offices(row));
    all.retain(|one| one != acting);
    all
}

/// What an agency is called on the day of a meeting (FS-011).
#[must_use]
pub fn name_of(charter: &Charter, agency: &AgencyId, row: &MeetingRow) -> String {
    charter.agency(agency).map_or_else(
        || agency.to_string(),
        |found| found.name_on(row.names_on(charter.zone())).to_owned(),
    )
}

/// What somebody who acts is called: a unit, or an office.
#[must_use]
pub fn actor_name(charter: &Charter, actor: &Recipient, row: &MeetingRow) -> String {
    match actor {
        Recipient::Agency(agency) => name_of(charter, agency, row),
        Recipient::Office(mechanism) => charter
            .mechanism(mechanism)
            .and_then(|mechanism| mechanism.office().names.first().cloned())
            .unwrap_or_else(|| actor.to_string()),
    }
}
