//! What drafts, circulation and consent make of the rows.

use hub_proto::{
    channels::RequestedAction,
    meetings::{
        MeetingState, MinutesCirculated, MinutesConsented, MinutesDrafted, MinutesObjected,
        MinutesState, ObjectionWithdrawn,
    },
};

use super::super::{act, minutes, notice, put_minutes, settle, update_meeting};
use crate::{
    domain::{
        EntryMeta,
        meetings::rows::{ConsentRow, MinutesRow, ObjectionRow, VersionRow},
    },
    error::Result,
    state::view::Overlay,
};

/// Nobody is asked any longer, and nobody has agreed to anything.
fn end_round(rows: &mut Overlay<'_>, row: &mut MinutesRow) -> Result<()> {
    for one in std::mem::take(&mut row.consents) {
        let asked = one.notification.as_ref();
        settle(rows, asked, &one.unit, RequestedAction::Consent)?;
    }
    row.circulated_version = 0;
    row.consent_by_us = 0;
    Ok(())
}

pub(in crate::domain::meetings::minutes) fn drafted(
    rows: &mut Overlay<'_>,
    entry: &EntryMeta<'_>,
    event: &MinutesDrafted,
) -> Result<()> {
    let mut row = minutes(rows, &event.meeting, event.document)?.unwrap_or_default();
    end_round(rows, &mut row)?;
    row.set_state(MinutesState::Draft);
    row.versions.push(VersionRow {
        drafted: Some(act(entry, "")),
        content_sha256: event.content_sha256.to_vec(),
        circulated_at_us: 0,
        agreed_items_count: event.agreed_items_count,
    });
    put_minutes(rows, &event.meeting, event.document, row);
    update_meeting(rows, &event.meeting, |meeting| {
        meeting.documents_count = meeting.documents_count.max(event.document);
        if event.document == 1 {
            meeting.set_state(MeetingState::MinutesDraft);
        }
    })
}

pub(in crate::domain::meetings::minutes) fn circulated(
    rows: &mut Overlay<'_>,
    entry: &EntryMeta<'_>,
    event: &MinutesCirculated,
) -> Result<()> {
    let at_us = entry.recorded_at.as_microsecond();
    let mut row = minutes(rows, &event.meeting, event.document)?.unwrap_or_default();
    row.set_state(MinutesState::ConsentRound);
    row.circulated_version = event.version;
    row.consent_by_us = event.consent_by_us;
    row.consents = event
        .units
        .iter()
        .map(|unit| ConsentRow {
            unit: unit.clone(),
            notification: Some(notice(entry, 0)),
            asked_at_us: at_us,
            ..ConsentRow::default()
        })
        .collect();
    let place = usize::try_from(event.version).unwrap_or_default();
    if let Some(version) = row.versions.get_mut(place.saturating_sub(1)) {
        version.circulated_at_us = at_us;
    }
    for objection in &mut row.objections {
        if objection.withdrawn_at_us == 0 && objection.answered_by_version == 0 {
            objection.answered_by_version = event.version;
        }
    }
    put_minutes(rows, &event.meeting, event.document, row);
    set_state(
        rows,
        &event.meeting,
        event.document,
        MeetingState::ConsentRound,
    )
}

/// The meeting stands where its original minutes do; corrections leave it where it is.
fn set_state(
    rows: &mut Overlay<'_>,
    meeting: &[u8],
    document: u32,
    state: MeetingState,
) -> Result<()> {
    update_meeting(rows, meeting, |row| {
        if document == 1 {
            row.set_state(state);
        }
    })
}

pub(in crate::domain::meetings::minutes) fn consented(
    rows: &mut Overlay<'_>,
    entry: &EntryMeta<'_>,
    event: &MinutesConsented,
) -> Result<()> {
    let mut row = minutes(rows, &event.meeting, event.document)?.unwrap_or_default();
    if let Some(own) = row.consents.iter_mut().find(|one| one.unit == event.unit) {
        own.agreed = Some(act(entry, &event.role));
        let asked = own.notification;
        settle(rows, asked.as_ref(), &event.unit, RequestedAction::Consent)?;
    }
    if event.is_agreed {
        row.set_state(MinutesState::Agreed);
    }
    put_minutes(rows, &event.meeting, event.document, row);
    let state = if event.is_agreed {
        MeetingState::Agreed
    } else {
        MeetingState::ConsentRound
    };
    set_state(rows, &event.meeting, event.document, state)
}

pub(in crate::domain::meetings::minutes) fn objected(
    rows: &mut Overlay<'_>,
    entry: &EntryMeta<'_>,
    event: &MinutesObjected,
) -> Result<()> {
    let mut row = minutes(rows, &event.meeting, event.document)?.unwrap_or_default();
    if let Some(own) = row.consents.iter_mut().find(|one| one.unit == event.unit) {
        own.agreed = None;
        own.objected = Some(act(entry, &event.role));
        let asked = own.notification;
        settle(rows, asked.as_ref(), &event.unit, RequestedAction::Consent)?;
    }
    row.objections.push(ObjectionRow {
        unit: event.unit.clone(),
        version: event.version,
        act: Some(act(entry, &event.role)),
        withdrawn_at_us: 0,
        answered_by_version: 0,
    });
    row.set_state(MinutesState::ConsentRound);
    put_minutes(rows, &event.meeting, event.document, row);
    set_state(
        rows,
        &event.meeting,
        event.document,
        MeetingState::ConsentRound,
    )
}

pub(in crate::domain::meetings::minutes) fn objection_withdrawn(
    rows: &mut Overlay<'_>,
    entry: &EntryMeta<'_>,
    event: &ObjectionWithdrawn,
) -> Result<()> {
    let at_us = entry.recorded_at.as_microsecond();
    let mut row = minutes(rows, &event.meeting, event.document)?.unwrap_or_default();
    if let Some(own) = row.consents.iter_mut().find(|one| one.unit == event.unit) {
        own.objected = None;
        own.notification = Some(notice(entry, 0));
        own.asked_at_us = at_us;
    }
    let open = row.objections.iter_mut().rev().find(|one| {
        one.unit == event.unit && one.version == event.version && one.withdrawn_at_us == 0
    });
    if let Some(objection) = open {
        objection.withdrawn_at_us = at_us;
    }
    put_minutes(rows, &event.meeting, event.document, row);
    set_state(
        rows,
        &event.meeting,
        event.document,
        MeetingState::ConsentRound,
    )
}
