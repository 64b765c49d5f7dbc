//! What retention leaves of an alert: its states and times. The order names every entry of it, and the
//! row goes with the entry that raised it.

use hub_core::{
    names::{AlertName, RequestId},
    reason::Reason,
};
use hub_proto::{
    funds::{AlertRaised, FundsEvent, funds_event},
    ledger::{Event, event},
};
use jiff::Timestamp;

use super::{apply::resume, rows::AlertRow};
use crate::{
    error::{Error, Result},
    state::{
        keys::{self, Key, Kind},
        store::Direction,
        view::{Overlay, View},
    },
};

/// Methods of alerts begin with this.
const METHODS: &str = "/hub.funds.v1.AlertService/";

/// Entries of an alert at most: [`super::ACTS_MAX`], then a closing and a retraction.
const ENTRIES_MAX: usize = 4_002;

/// Alerts that are looked up at a time.
const ENDED_PAGE: usize = 64;

/// Whether an entry is one of an alert.
#[must_use]
pub fn is_entry_of_alert(method: &str, events: &[Event]) -> bool {
    let is_funds = |event: &Event| matches!(&event.kind, Some(event::Kind::Funds(_)));
    method.starts_with(METHODS) && events.iter().any(is_funds)
}

/// An event's part that would confirm a guess, if it has one: it goes with the text.
pub fn telling(event: &mut Event) -> Option<&mut AlertRaised> {
    match &mut event.kind {
        Some(event::Kind::Funds(FundsEvent {
            kind: Some(funds_event::Kind::AlertRaised(raised)),
        })) => Some(raised),
        _ => None,
    }
}

/// Whether an event raises an alert, and so says by a hash whom it is about.
#[must_use]
pub fn is_telling(event: &Event) -> bool {
    matches!(
        &event.kind,
        Some(event::Kind::Funds(FundsEvent {
            kind: Some(funds_event::Kind::AlertRaised(_)),
        }))
    )
}

/// The alert that an entry raised.
fn raised_by(view: &(impl View + ?Sized), entry_index: u64) -> Result<Option<AlertName>> {
    let id = view.row(&keys::alert_raised(entry_index))?;
    Ok(id.as_deref().and_then(name))
}

fn name(id: &[u8]) -> Option<AlertName> {
    let id = <[u8; 16]>::try_from(id).ok()?;
    RequestId::from_bytes(id).map(AlertName)
}

/// Refuses to seal an alert that has not ended before an instant, of which something is still to be
/// reviewed, or of which an order, sorted, leaves out an act: since the order was put together, it may have
/// been corrected, retracted or acknowledged.
///
/// # Errors
/// [`Reason::Conflict`].
pub fn check(
    view: &(impl View + ?Sized),
    entry_index: u64,
    cutoff: Timestamp,
    order: &[u64],
) -> Result<()> {
    let Some(name) = raised_by(view, entry_index)? else {
        return Ok(());
    };
    let conflict = |what: &str| {
        let message = format!("entry {entry_index} raised an alert {what}");
        Err(Error::new(Reason::Conflict, message))
    };
    let row = AlertRow::read(view, name)?;
    if !row.is_some_and(|row| is_due(&row) && row.ended_at_us < cutoff.as_microsecond()) {
        return conflict("that has not ended, or not long enough ago");
    }
    let acts = entries(view, name)?;
    if acts.iter().any(|act| order.binary_search(act).is_err()) {
        return conflict("of which the order leaves out an act");
    }
    Ok(())
}

fn is_due(row: &AlertRow) -> bool {
    row.ended_at_us != 0 && row.pending_measures().next().is_none()
}

/// Takes away what rows say of an alert whose raising is sealed.
///
/// # Errors
/// When storage fails.
pub fn apply(rows: &mut Overlay<'_>, entry_index: u64) -> Result<()> {
    let Some(name) = raised_by(rows, entry_index)? else {
        return Ok(());
    };
    let Some(mut row) = AlertRow::read(rows, name)? else {
        return Ok(());
    };
    resume(rows, name, &mut row);
    let organization = std::mem::take(&mut row.organization_sha256);
    if !organization.is_empty() {
        for viewer in row.viewers() {
            let key = keys::alerts_on(&viewer.to_string(), &organization);
            rows.remove(key.number(entry_index).build());
        }
    }
    row.is_sealed = true;
    rows.put_message(keys::alert(name.0.as_bytes()), &row);
    Ok(())
}

/// Alerts that ended before an instant and are not sealed, the oldest end first, each with all of its
/// entries.
///
/// # Errors
/// When storage fails.
pub fn due(view: &(impl View + ?Sized), before: Timestamp) -> Result<Vec<Vec<u64>>> {
    let (mut from, _) = Key::new(Kind::AlertEnded).range();
    let to = keys::alerts_ended(before.as_microsecond()).build();
    let mut due = vec![];
    while from < to {
        let page = view.scan(&from, &to, Direction::Forward, ENDED_PAGE)?;
        for (key, _) in &page {
            let Some(name) = key.last_chunk::<16>().and_then(|id| name(id)) else {
                continue;
            };
            let row = AlertRow::read(view, name)?;
            if row.is_some_and(|row| is_due(&row)) {
                due.push(entries(view, name)?);
            }
        }
        match page.last() {
            // The smallest key greater than the last one.
            Some((key, _)) if page.len() == ENDED_PAGE => from = [key, [0].as_slice()].concat(),
            _ => break,
        }
    }
    Ok(due)
}

fn entries(view: &(impl View + ?Sized), name: AlertName) -> Result<Vec<u64>> {
    let (from, to) = keys::alert_entries(name.0.as_bytes()).range();
    let rows = view.scan(&from, &to, Direction::Forward, ENTRIES_MAX)?;
    let indexes = rows.iter().filter_map(|(key, _)| key.last_chunk::<8>());
    Ok(indexes.map(|index| u64::from_be_bytes(*index)).collect())
}
