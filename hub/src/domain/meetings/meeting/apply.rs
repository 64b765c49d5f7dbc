//! What events of a meeting make of its rows.

use bytes::Bytes;
use hub_proto::meetings::{MeetingCreated, MeetingState, meetings_event::Kind};

use crate::{
    domain::{
        EntryMeta,
        meetings::rows::{ActRow, MeetingRow, UnitRow},
    },
    error::Result,
    state::{
        keys,
        view::{Overlay, ViewExt as _},
    },
};

/// Applies an event, if it is one of a meeting's.
///
/// # Errors
/// When storage fails.
pub fn apply(rows: &mut Overlay<'_>, entry: &EntryMeta<'_>, kind: &Kind) -> Result<()> {
    match kind {
        Kind::MeetingCreated(event) => {
            create(rows, entry, event);
            Ok(())
        }
        Kind::MeetingConfirmed(event) => MeetingRow::update(rows, &event.meeting, |row| {
            row.confirmed_by.push(event.mechanism.clone());
        }),
        Kind::TopicsOpened(event) => {
            MeetingRow::update(rows, &event.meeting, |row| {
                row.set_state(MeetingState::TopicsOpen);
                row.is_announced = true;
            })?;
            announce(rows, &event.meeting)
        }
        _ => Ok(()),
    }
}

fn create(rows: &mut Overlay<'_>, entry: &EntryMeta<'_>, event: &MeetingCreated) {
    let units = event.units.iter().map(|agency| UnitRow {
        agency: agency.clone(),
        ..UnitRow::default()
    });
    let row = MeetingRow {
        state: MeetingState::Draft.into(),
        kind: event.kind,
        mechanisms: event.mechanisms.clone(),
        units: units.collect(),
        planned_on: event.planned_on,
        created: Some(ActRow::new(entry)),
        confirmed_by: event.mechanisms.iter().take(1).cloned().collect(),
        revision: 1,
        ..MeetingRow::default()
    };
    for mechanism in &event.mechanisms {
        let viewer = format!("mechanisms/{mechanism}/office");
        list(rows, &viewer, entry.index, &event.meeting);
    }
    rows.put_message(keys::meeting(&event.meeting), &row);
}

/// Lists a meeting for a viewer.
fn list(rows: &mut Overlay<'_>, viewer: &str, created: u64, meeting: &[u8]) {
    let key = keys::seen_by(keys::Kind::MeetingOf, viewer).number(created);
    rows.put(key.build(), Bytes::copy_from_slice(meeting));
}

/// Lists a meeting for all its units.
fn announce(rows: &mut Overlay<'_>, meeting: &[u8]) -> Result<()> {
    let row: Option<MeetingRow> = rows.message(&keys::meeting(meeting))?;
    let row = row.unwrap_or_default();
    let created = row.created.as_ref().map_or(0, |act| act.entry_index);
    for unit in &row.units {
        list(rows, &format!("agencies/{}", unit.agency), created, meeting);
    }
    Ok(())
}
