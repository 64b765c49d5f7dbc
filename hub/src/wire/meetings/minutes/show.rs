//! Minutes as callers see them: rows, with the texts read back from the ledger.

use hub_core::{
    crypto::{hex, sha256},
    date,
    names::{AgencyId, MinutesName, MinutesVersionName},
};
use hub_proto::meetings::{
    Consent, ConsentState, CorrectMinutesRequest, Minutes, MinutesState, MinutesVersion,
    ObjectToMinutesRequest, Objection,
};
use jiff::Timestamp;

use super::lookup::{self, FoundMinutes};
use crate::{
    charter::Charter,
    domain::meetings::{
        minutes::{self, issue::document_number, round},
        notices,
        rows::{ConsentRow, MinutesRow, ObjectionRow},
    },
    engine::Engine,
    error::Result,
    wire::meetings::{
        lookup::request,
        show::{at, instant},
    },
};

/// Most objections that are shown, the newest.
const OBJECTIONS_SHOWN_MAX: usize = 100;

fn number(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// Minutes as the caller sees them.
pub(super) fn minutes(
    engine: &Engine,
    charter: &Charter,
    now: Timestamp,
    found: &FoundMinutes,
) -> Result<Minutes> {
    let row = &found.row;
    let newest = (1..=round::newest(row))
        .rev()
        .find(|version| found.sees_version(*version));
    let mut shown = Minutes {
        name: found.name.to_string(),
        state: row.state,
        newest_version: number(newest.unwrap_or(0)),
        circulated_version: number(row.circulated_version),
        consent_by_at: instant(row.consent_by_us),
        etag: etag(found),
        ..Minutes::default()
    };
    if row.state() == MinutesState::Issued {
        shown.document_number = number_of(row);
        shown.issued_at = at(row.issued.as_ref());
        shown.issued_on = row.issued_on;
        shown.issued_entry_index = row.issued.as_ref().map_or(0, |act| act.entry_index);
        let issued = round::version_row(row, row.circulated_version);
        shown.content_sha256 = issued.map_or_else(String::new, |one| hex(&one.content_sha256));
    }
    if found.meeting.sight.is_office || found.meeting.has_attended() {
        let consents = row.consents.iter();
        shown.consents = consents
            .map(|one| consent(charter, found, one, now))
            .collect();
        let objections = row.objections.iter().rev().take(OBJECTIONS_SHOWN_MAX);
        shown.objections = objections
            .map(|one| objection(engine, one))
            .collect::<Result<_>>()?;
    }
    corrections(engine, found, &mut shown)?;
    Ok(shown)
}

/// Says nothing but that something changed.
fn etag(found: &FoundMinutes) -> String {
    let name = found.name.to_string();
    let sum = sha256(&[name.as_bytes(), &found.row.revision.to_be_bytes()]);
    hex(sum.get(..8).unwrap_or_default())
}

/// The number of an issued document.
pub(super) fn number_of(row: &MinutesRow) -> String {
    document_number(&row.document_word, row.year, row.serial)
}

fn consent(charter: &Charter, found: &FoundMinutes, row: &ConsentRow, now: Timestamp) -> Consent {
    let answered = row.agreed.as_ref().or(row.objected.as_ref());
    let state = match (&row.agreed, &row.objected) {
        (Some(_), _) => ConsentState::Agreed,
        (None, Some(_)) => ConsentState::Objected,
        (None, None) if row.is_silent => ConsentState::Silent,
        (None, None) => ConsentState::Pending,
    };
    let unit: Option<AgencyId> = row.unit.parse().ok();
    let is_pending = state == ConsentState::Pending;
    Consent {
        unit: format!("agencies/{}", row.unit),
        display_name: unit.map_or_else(String::new, |unit| {
            notices::name_of(charter, &unit, &found.meeting.row)
        }),
        state: state.into(),
        asked_at: instant(row.asked_at_us),
        answered_at: at(answered),
        officer: answered.map_or_else(String::new, |act| act.officer.clone()),
        role: answered.map_or_else(String::new, |act| act.role.clone()),
        is_overdue: is_pending && found.row.consent_by_us <= now.as_microsecond(),
    }
}

fn objection(engine: &Engine, row: &ObjectionRow) -> Result<Objection> {
    let said: ObjectToMinutesRequest = request(engine, row.act.as_ref())?;
    Ok(Objection {
        unit: format!("agencies/{}", row.unit),
        version: number(row.version),
        reason: said.reason,
        objected_at: at(row.act.as_ref()),
        officer: row
            .act
            .as_ref()
            .map_or_else(String::new, |act| act.officer.clone()),
        withdrawn_at: instant(row.withdrawn_at_us),
        answered_by_version: number(row.answered_by_version),
    })
}

/// What the document corrects, and what corrects it.
fn corrections(engine: &Engine, found: &FoundMinutes, shown: &mut Minutes) -> Result<()> {
    let MinutesName { meeting, document } = found.name;
    let read = |document| minutes::minutes(engine.store(), meeting.0.as_bytes(), document);
    if let Some(act) = &found.row.corrects {
        let said: CorrectMinutesRequest = request(engine, Some(act))?;
        shown.correction_reason = said.reason;
        let before = read(document.saturating_sub(1))?;
        shown.corrects = before.as_ref().map_or_else(String::new, number_of);
    }
    let document = document.saturating_add(1);
    let after = read(document)?.filter(|row| row.state() == MinutesState::Issued);
    if after.is_some() {
        shown.corrected_by = MinutesName { meeting, document }.to_string();
    }
    Ok(())
}

/// A version as the caller sees it, with or without what it says.
pub(super) fn version(
    engine: &Engine,
    found: &FoundMinutes,
    version: u32,
    has_content: bool,
) -> Result<MinutesVersion> {
    let row = round::version_row(&found.row, version)
        .cloned()
        .unwrap_or_default();
    let drafted = lookup::drafted(engine, &found.row, version)?;
    Ok(MinutesVersion {
        name: MinutesVersionName {
            minutes: found.name,
            version,
        }
        .to_string(),
        content: drafted.content.filter(|_| has_content),
        drafted_at: at(row.drafted.as_ref()),
        officer: row.drafted.map_or_else(String::new, |act| act.officer),
        content_sha256: hex(&row.content_sha256),
        change_note: drafted.change_note,
        circulated_at: instant(row.circulated_at_us),
    })
}

/// The day on which the caller's clock stands, in the province.
pub(super) fn today(charter: &Charter, now: Timestamp) -> jiff::civil::Date {
    date::on(now, charter.zone())
}
