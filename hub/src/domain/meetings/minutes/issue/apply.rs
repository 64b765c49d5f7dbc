//! What an issue and the beginning of a correction make of the rows.

use hub_proto::{
    channels::RequestedAction,
    meetings::{
        AgreedItemIssued, CorrectionBegun, MeetingState, MinutesIssued, MinutesState, TaskState,
    },
};

use super::{
    super::{act, minutes, notice, put_minutes, settle, update_meeting},
    item_key, kept_due, series_key,
};
use crate::{
    domain::{
        EntryMeta,
        meetings::rows::{AgreedItemRow, MeetingRow, MinutesRow, SeriesRow, TaskRow},
    },
    error::Result,
    state::{
        keys,
        view::{Overlay, ViewExt as _},
    },
};

pub(in crate::domain::meetings::minutes) fn correction_begun(
    rows: &mut Overlay<'_>,
    entry: &EntryMeta<'_>,
    event: &CorrectionBegun,
) -> Result<()> {
    let mut row = MinutesRow {
        corrects: Some(act(entry, "")),
        ..MinutesRow::default()
    };
    row.set_state(MinutesState::Draft);
    put_minutes(rows, &event.meeting, event.document, row);
    update_meeting(rows, &event.meeting, |meeting| {
        meeting.documents_count = meeting.documents_count.max(event.document);
    })
}

pub(in crate::domain::meetings::minutes) fn issued(
    rows: &mut Overlay<'_>,
    entry: &EntryMeta<'_>,
    event: &MinutesIssued,
) -> Result<()> {
    let mut row = minutes(rows, &event.meeting, event.document)?.unwrap_or_default();
    row.set_state(MinutesState::Issued);
    row.issued = Some(act(entry, ""));
    row.document_word.clone_from(&event.document_word);
    row.year = event.year;
    row.serial = event.serial;
    row.issued_on = event.issued_on;
    for one in &mut row.consents {
        one.is_silent = event.silent_units.contains(&one.unit);
        let asked = one.notification;
        settle(rows, asked.as_ref(), &one.unit, RequestedAction::Consent)?;
    }
    put_minutes(rows, &event.meeting, event.document, row);
    let series = SeriesRow {
        serial: event.serial,
    };
    let year = i16::try_from(event.year).unwrap_or_default();
    rows.put_message(series_key(&event.document_word, year), &series);
    let meeting: Option<MeetingRow> = rows.message(&keys::meeting(&event.meeting))?;
    if let Some(meeting) = meeting {
        supersede(rows, &meeting, event)?;
        let viewers = viewers(&meeting);
        for item in &event.agreed_items {
            put_item(rows, entry, (event, item), &viewers)?;
        }
    }
    let count = u32::try_from(event.agreed_items.len()).unwrap_or(u32::MAX);
    update_meeting(rows, &event.meeting, |meeting| {
        meeting.items_count = meeting.items_count.saturating_add(count);
        meeting.set_state(if event.document == 1 {
            MeetingState::Issued
        } else {
            MeetingState::FollowUp
        });
    })
}

/// Who sees the agreed items of a meeting.
fn viewers(meeting: &MeetingRow) -> Vec<String> {
    let units = meeting.units.iter();
    let units = units.map(|unit| format!("agencies/{}", unit.agency));
    let offices = meeting.mechanisms.iter();
    let offices = offices.map(|mechanism| format!("mechanisms/{mechanism}/office"));
    units.chain(offices).collect()
}

/// What the corrected document agreed does not stand any longer, and nobody is asked for it.
fn supersede(rows: &mut Overlay<'_>, meeting: &MeetingRow, event: &MinutesIssued) -> Result<()> {
    for number in 1..=meeting.items_count {
        let key = keys::agreed_item(&event.meeting, number);
        let Some(mut row) = rows.message::<AgreedItemRow>(&key)? else {
            continue;
        };
        if row.is_superseded {
            continue;
        }
        row.is_superseded = true;
        let by = event.agreed_items.iter();
        let mut by = by.filter(|item| item.continues_item == number);
        row.continued_by = by.next().map_or(0, |item| item.item);
        for task in &row.tasks {
            let asked = task.notification.as_ref();
            settle(rows, asked, &task.unit, RequestedAction::CarryOut)?;
        }
        rows.put_message(key, &row);
    }
    Ok(())
}

fn put_item(
    rows: &mut Overlay<'_>,
    entry: &EntryMeta<'_>,
    (event, item): (&MinutesIssued, &AgreedItemIssued),
    viewers: &[String],
) -> Result<()> {
    let continued: Option<AgreedItemRow> = match item.continues_item {
        0 => None,
        number => rows.message(&keys::agreed_item(&event.meeting, number))?,
    };
    let task = |(unit, number): (&String, &u32)| {
        let mut before = continued.iter().flat_map(|row| &row.tasks);
        let before = before.find(|task| task.unit == *unit).cloned();
        TaskRow {
            unit: unit.clone(),
            due_on: kept_due(continued.as_ref(), item.due_on, unit),
            requested_due_on: None,
            requested: None,
            notification: Some(notice(entry, *number)),
            ..before.unwrap_or(TaskRow {
                state: TaskState::NotStarted.into(),
                ..TaskRow::default()
            })
        }
    };
    let row = AgreedItemRow {
        document: event.document,
        place: item.place,
        tasks: item
            .responsible_units
            .iter()
            .zip(&item.notices)
            .map(task)
            .collect(),
        assisting_units: item.assisting_units.clone(),
        due_on: item.due_on,
        closed: continued.as_ref().and_then(|row| row.closed.clone()),
        is_superseded: false,
        kind: item.kind,
        continues_item: item.continues_item,
        continued_by: 0,
    };
    rows.put_message(keys::agreed_item(&event.meeting, item.item), &row);
    for viewer in viewers {
        let key = item_key(viewer, item.due_on.as_ref(), &event.meeting, item.item);
        rows.put(key, vec![]);
    }
    Ok(())
}
