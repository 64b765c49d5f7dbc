//! What events make of the rows of alerts.

use bytes::Bytes;
use hub_core::names::{AlertName, RequestId};
use hub_proto::{
    channels::RequestedAction,
    funds::{
        AlertAcknowledged, AlertClosed, AlertFacts, AlertRaised, AlertState, FundsEvent,
        JointNoticeSigned, JointNoticeState, MeasureReviewed, MeasureState, funds_event::Kind,
    },
};

use super::{
    close::is_for_a_time,
    rows::{
        AlertRow, ClosingRow, FindingRow, MeasureRow, NoticeRow, RevisionRow, SignatureRow,
        UnitRow, issued_by,
    },
};
use crate::{
    domain::{
        EntryMeta,
        channels::{
            asks,
            log::{NotificationPlace, issued_item},
        },
        meetings::rows::ActRow,
    },
    error::Result,
    state::{
        keys::{self, Kind as KeyKind},
        view::Overlay,
    },
};

const HANDLE: [RequestedAction; 1] = [RequestedAction::HandleAlert];
const SIGN: [RequestedAction; 1] = [RequestedAction::CoSign];
const CARRY_OUT: [RequestedAction; 1] = [RequestedAction::CarryOutMeasure];

impl AlertRow {
    /// A row as its raising makes it, without the act.
    pub(super) fn raised(event: &AlertRaised) -> Self {
        Self {
            state: AlertState::Circulated.into(),
            agency: event.agency.clone(),
            mechanism: event.mechanism.clone(),
            units: event
                .units
                .iter()
                .map(|unit| UnitRow {
                    agency: unit.clone(),
                    ..UnitRow::default()
                })
                .collect(),
            is_named: event.is_named,
            is_office_included: event.is_office_included,
            facts: event.facts.clone(),
            organization_sha256: event.organization_sha256.to_vec(),
            ..Self::default()
        }
    }

    fn unit_mut(&mut self, agency: &str) -> Option<&mut UnitRow> {
        self.units.iter_mut().find(|unit| unit.agency == agency)
    }

    fn measure_mut(&mut self, number: u32) -> Option<&mut MeasureRow> {
        let at = usize::try_from(number).ok()?.checked_sub(1)?;
        self.measures.get_mut(at)
    }

    fn notice_mut(&mut self, number: u32) -> Option<&mut NoticeRow> {
        let at = usize::try_from(number).ok()?.checked_sub(1)?;
        self.notices.get_mut(at)
    }
}

/// Applies an event.
///
/// # Errors
/// Only when storage fails or holds a damaged row.
pub fn apply(rows: &mut Overlay<'_>, entry: &EntryMeta<'_>, event: &FundsEvent) -> Result<()> {
    let Some(kind) = &event.kind else {
        return Ok(());
    };
    if let Kind::AlertRaised(event) = kind {
        raise(rows, entry, event);
        return Ok(());
    }
    let alert = alert_of(kind);
    let name = <[u8; 16]>::try_from(&**alert).ok();
    let Some(name) = name.and_then(RequestId::from_bytes).map(AlertName) else {
        return Ok(());
    };
    let Some(mut row) = AlertRow::read(rows, name)? else {
        return Ok(());
    };
    change(rows, entry, name, &mut row, kind)?;
    row.acts_count = row.acts_count.saturating_add(1);
    list_entry(rows, alert, entry);
    rows.put_message(keys::alert(alert), &row);
    Ok(())
}

fn alert_of(kind: &Kind) -> &Bytes {
    match kind {
        Kind::AlertRaised(event) => &event.alert,
        Kind::AlertAcknowledged(event) => &event.alert,
        Kind::InformationProvided(event) => &event.alert,
        Kind::JointNoticeDrafted(event) => &event.alert,
        Kind::JointNoticeSigned(event) => &event.alert,
        Kind::JointNoticeIssued(event) => &event.alert,
        Kind::FindingRecorded(event) => &event.alert,
        Kind::MeasureTaken(event) => &event.alert,
        Kind::MeasureReported(event) => &event.alert,
        Kind::MeasureReviewed(event) => &event.alert,
        Kind::AlertClosed(event) => &event.alert,
        Kind::AlertCorrected(event) => &event.alert,
        Kind::AlertRetracted(event) => &event.alert,
    }
}

fn list_entry(rows: &mut Overlay<'_>, alert: &[u8], entry: &EntryMeta<'_>) {
    let key = keys::alert_entries(alert).number(entry.index);
    rows.put(key.build(), Bytes::new());
}

fn raise(rows: &mut Overlay<'_>, entry: &EntryMeta<'_>, event: &AlertRaised) {
    let mut row = AlertRow::raised(event);
    row.revisions.push(RevisionRow {
        act: Some(ActRow::new(entry)),
        is_retraction: false,
    });
    row.acts_count = 1;
    for viewer in row.viewers() {
        let viewer = viewer.to_string();
        let key = keys::seen_by(KeyKind::AlertOf, &viewer).number(entry.index);
        rows.put(key.build(), event.alert.clone());
        // What is left of a sealed one does not say whom it was about.
        if !row.organization_sha256.is_empty() {
            let key = keys::alerts_on(&viewer, &row.organization_sha256).number(entry.index);
            rows.put(key.build(), event.alert.clone());
        }
    }
    list_entry(rows, &event.alert, entry);
    rows.put(keys::alert_raised(entry.index), event.alert.clone());
    rows.put_message(keys::alert(&event.alert), &row);
}

fn change(
    rows: &mut Overlay<'_>,
    entry: &EntryMeta<'_>,
    name: AlertName,
    row: &mut AlertRow,
    kind: &Kind,
) -> Result<()> {
    let act = ActRow::new(entry);
    match kind {
        Kind::AlertAcknowledged(event) => acknowledge(rows, row, act, event)?,
        Kind::InformationProvided(_) => row.information.push(act),
        Kind::JointNoticeDrafted(event) => row.notices.push(NoticeRow {
            state: JointNoticeState::Drafted.into(),
            author: event.author.clone(),
            units: event.units.clone(),
            revision: row.revision(),
            drafted: Some(act),
            ..NoticeRow::default()
        }),
        Kind::JointNoticeSigned(event) => sign(rows, row, act, event)?,
        Kind::JointNoticeIssued(event) => issue(rows, row, act, event.joint_notice)?,
        Kind::FindingRecorded(event) => {
            row.set_state(AlertState::Found);
            row.findings.push(FindingRow {
                unit: event.unit.clone(),
                kind: event.kind,
                revision: event.revision,
                act: Some(act),
            });
        }
        Kind::MeasureTaken(event) => row.measures.push(MeasureRow {
            unit: event.unit.clone(),
            state: MeasureState::Open.into(),
            due_on: event.due_on,
            revision: row.revision(),
            taken: Some(act),
            ..MeasureRow::default()
        }),
        Kind::MeasureReported(event) => report(rows, row, act, event.measure)?,
        Kind::MeasureReviewed(event) => review(rows, row, act, event)?,
        Kind::AlertClosed(event) => close(rows, name, row, act, event)?,
        Kind::AlertCorrected(event) => {
            let facts = event.facts.clone();
            revise(rows, name, row, (act, facts), &event.reviewing_units)?;
        }
        Kind::AlertRetracted(event) => {
            let facts = row.facts.clone().map(|facts| AlertFacts {
                acknowledge_by_us: event.acknowledge_by_us,
                ..facts
            });
            let ended_at_us = act.at_us;
            revise(rows, name, row, (act, facts), &event.reviewing_units)?;
            if let Some(revision) = row.revisions.last_mut() {
                revision.is_retraction = true;
            }
            row.set_state(AlertState::Retracted);
            end(rows, name, row, ended_at_us);
        }
        Kind::AlertRaised(_) => {}
    }
    Ok(())
}

fn done(
    rows: &mut Overlay<'_>,
    asked: Option<NotificationPlace>,
    unit: &str,
    actions: &[RequestedAction],
) -> Result<()> {
    match asked {
        Some(place) => asks::done(rows, place, &format!("agencies/{unit}"), actions),
        None => Ok(()),
    }
}

fn withdraw(rows: &mut Overlay<'_>, asked: Option<NotificationPlace>) -> Result<()> {
    asked.map_or(Ok(()), |place| asks::withdraw(rows, place))
}

fn acknowledge(
    rows: &mut Overlay<'_>,
    row: &mut AlertRow,
    act: ActRow,
    event: &AlertAcknowledged,
) -> Result<()> {
    let asked = row.told(row.revision());
    if row.state() == AlertState::Circulated {
        row.set_state(AlertState::UnderHandling);
    }
    if let Some(unit) = row.unit_mut(&event.unit) {
        unit.acknowledged.get_or_insert_with(|| act.clone());
        unit.acknowledged_revision = event.revision;
        unit.action = event.action;
        unit.stated = Some(act);
    }
    done(rows, asked, &event.unit, &HANDLE)
}

fn sign(
    rows: &mut Overlay<'_>,
    row: &mut AlertRow,
    act: ActRow,
    event: &JointNoticeSigned,
) -> Result<()> {
    let Some(notice) = row.notice_mut(event.joint_notice) else {
        return Ok(());
    };
    let asked = notice.drafted.as_ref().map(|act| issued_by(act, 0));
    notice.signatures.push(SignatureRow {
        unit: event.unit.clone(),
        is_signed: event.is_signed,
        act: Some(act),
    });
    done(rows, asked, &event.unit, &SIGN)
}

fn issue(rows: &mut Overlay<'_>, row: &mut AlertRow, act: ActRow, number: u32) -> Result<()> {
    let Some(notice) = row.notice_mut(number) else {
        return Ok(());
    };
    notice.set_state(JointNoticeState::Issued);
    notice.issued = Some(act);
    withdraw(rows, notice.drafted.as_ref().map(|act| issued_by(act, 0)))
}

fn report(rows: &mut Overlay<'_>, row: &mut AlertRow, act: ActRow, number: u32) -> Result<()> {
    let Some(measure) = row.measure_mut(number) else {
        return Ok(());
    };
    measure.set_state(MeasureState::Done);
    measure.reported = Some(act);
    let asked = measure.taken.as_ref().map(|act| issued_by(act, 0));
    let unit = measure.unit.clone();
    done(rows, asked, &unit, &CARRY_OUT)
}

fn review(
    rows: &mut Overlay<'_>,
    row: &mut AlertRow,
    act: ActRow,
    event: &MeasureReviewed,
) -> Result<()> {
    let Some(measure) = row.measure_mut(event.measure) else {
        return Ok(());
    };
    measure.awaits_review = false;
    measure.reviewed = Some(act);
    let unit = measure.unit.clone();
    if event.is_lifted {
        measure.set_state(MeasureState::Lifted);
        let asked = measure.taken.as_ref().map(|act| issued_by(act, 0));
        done(rows, asked, &unit, &CARRY_OUT)?;
    }
    let mut own = row.measures.iter().filter(|one| one.unit == unit);
    if own.any(|one| one.awaits_review) {
        return Ok(());
    }
    let asked = row.unit_mut(&unit).and_then(|unit| asked_to_review(unit));
    done(rows, asked, &unit, &CARRY_OUT)
}

/// The notice that asked a unit last to review its measures.
fn asked_to_review(unit: &UnitRow) -> Option<NotificationPlace> {
    (unit.review_entry > 0).then(|| NotificationPlace {
        entry_index: unit.review_entry,
        item: issued_item(unit.review_number),
    })
}

/// Joint notices that were not issued lapse, and nobody is asked to handle what does not stand any more.
fn lapse(rows: &mut Overlay<'_>, row: &mut AlertRow) -> Result<()> {
    withdraw(rows, row.told(row.revision()))?;
    for notice in &mut row.notices {
        if notice.state() == JointNoticeState::Drafted {
            notice.set_state(JointNoticeState::Lapsed);
            withdraw(rows, notice.drafted.as_ref().map(|act| issued_by(act, 0)))?;
        }
    }
    Ok(())
}

fn close(
    rows: &mut Overlay<'_>,
    name: AlertName,
    row: &mut AlertRow,
    act: ActRow,
    event: &AlertClosed,
) -> Result<()> {
    lapse(rows, row)?;
    row.set_state(AlertState::Closed);
    let open = row.units.iter().filter(|unit| unit.acknowledged.is_none());
    let unacknowledged = open.map(|unit| unit.agency.clone()).collect();
    let ended_at_us = act.at_us;
    row.closings.push(ClosingRow {
        outcome: event.outcome,
        revision: row.revision(),
        act: Some(act),
        unacknowledged,
    });
    if is_for_a_time(event.outcome()) {
        end(rows, name, row, ended_at_us);
    }
    Ok(())
}

/// It is to be sealed some time after this.
fn end(rows: &mut Overlay<'_>, name: AlertName, row: &mut AlertRow, at_us: i64) {
    row.ended_at_us = at_us;
    let key = keys::alerts_ended(at_us).bytes(name.0.as_bytes());
    rows.put(key.build(), Bytes::new());
}

/// It has not ended after all.
pub(super) fn resume(rows: &mut Overlay<'_>, name: AlertName, row: &mut AlertRow) {
    let at_us = std::mem::take(&mut row.ended_at_us);
    if at_us != 0 {
        let key = keys::alerts_ended(at_us).bytes(name.0.as_bytes());
        rows.remove(key.build());
    }
}

/// The next revision: every unit acknowledges again, and measures that stand are reviewed.
fn revise(
    rows: &mut Overlay<'_>,
    name: AlertName,
    row: &mut AlertRow,
    (act, facts): (ActRow, Option<AlertFacts>),
    reviewing: &[String],
) -> Result<()> {
    lapse(rows, row)?;
    resume(rows, name, row);
    for unit in &mut row.units {
        unit.acknowledged = None;
        withdraw(rows, asked_to_review(unit))?;
        let place = reviewing.iter().position(|one| *one == unit.agency);
        // The notice to all units comes first.
        let number = place.and_then(|place| u32::try_from(place).ok());
        unit.review_entry = number.map_or(0, |_| act.entry_index);
        unit.review_number = number.map_or(0, |number| number.saturating_add(1));
    }
    for measure in &mut row.measures {
        measure.awaits_review = measure.state() != MeasureState::Lifted;
    }
    row.facts = facts;
    row.set_state(AlertState::Circulated);
    row.revisions.push(RevisionRow {
        act: Some(act),
        is_retraction: false,
    });
    Ok(())
}
