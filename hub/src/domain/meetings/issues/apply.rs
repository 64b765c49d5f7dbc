//! What events make of the rows of issues and escalations. Meetings bear on issues too: a topic is
//! accepted, a meeting is held or cancelled.

use bytes::Bytes;
use hub_proto::{
    channels::{NotificationRef, RequestedAction},
    meetings::{
        DispositionKind, EscalationCoSigned, EscalationDrafted, EscalationState,
        MajorIssueDisposed, MajorIssueFlagged, MajorIssueState, MeetingHeld, TopicState,
        meetings_event::Kind,
    },
};

use super::DISCUSSED_AT_MAX;
use crate::{
    domain::{
        EntryMeta,
        channels::{asks, log::issued_item},
        meetings::{
            meeting::topics,
            rows::{ActRow, CoUnitRow, EscalationRow, MajorIssueRow, MeetingRow, TopicRow},
        },
    },
    error::Result,
    state::{
        keys,
        view::{Overlay, ViewExt as _},
    },
};

/// Applies an event, if it bears on issues or escalations.
///
/// # Errors
/// When storage fails.
pub fn apply(rows: &mut Overlay<'_>, entry: &EntryMeta<'_>, kind: &Kind) -> Result<()> {
    match kind {
        Kind::MajorIssueFlagged(event) => {
            flag(rows, entry, event);
            Ok(())
        }
        Kind::MajorIssueDisposed(event) => dispose(rows, entry, event),
        Kind::TopicProposed(event) => {
            update(rows, &event.major_issue, |row| {
                row.topic_at.push(event.meeting.to_vec());
            })?;
            show_to_meeting(rows, &event.major_issue, &event.meeting)
        }
        Kind::TopicDecided(event) => {
            let key = keys::topic(&event.meeting, event.topic);
            let topic: Option<TopicRow> = rows.message(&key)?;
            let topic = topic.filter(|_| event.state() == TopicState::Accepted);
            let Some(topic) = topic else { return Ok(()) };
            update(rows, &topic.major_issue, |row| {
                if row.state() == MajorIssueState::Flagged {
                    let meeting = (event.meeting.to_vec(), event.topic);
                    put_on_agenda(row, entry, meeting);
                }
            })
        }
        Kind::NoticeSent(event) => {
            for issue in of_topics(rows, &event.meeting)? {
                show_to_meeting(rows, &issue, &event.meeting)?;
            }
            Ok(())
        }
        Kind::MeetingHeld(event) => discuss(rows, event),
        Kind::MeetingCancelled(event) => {
            for issue in of_topics(rows, &event.meeting)? {
                update(rows, &issue, |row| back_to_the_queue(row, &event.meeting))?;
            }
            Ok(())
        }
        Kind::EscalationDrafted(event) => draft(rows, entry, event),
        Kind::EscalationCoSigned(event) => co_sign(rows, entry, event),
        Kind::EscalationSent(event) => {
            let mut addressee = None;
            update_escalation(rows, &event.escalation, |row| {
                row.set_state(EscalationState::Sent);
                row.sent = Some(ActRow::new(entry));
                addressee = Some((row.addressee.clone(), drafted_at(row)));
            })?;
            if let Some((addressee, drafted)) = addressee {
                show_escalation(rows, &addressee, drafted, &event.escalation);
            }
            Ok(())
        }
        Kind::EscalationWithdrawn(event) => withdraw(rows, &event.escalation),
        Kind::EscalationReplied(event) => {
            let mut issue = vec![];
            update_escalation(rows, &event.escalation, |row| {
                row.set_state(EscalationState::Answered);
                row.replied = Some(ActRow::new(entry));
                issue.clone_from(&row.major_issue);
            })?;
            update(rows, &issue, |row| {
                if row.state() == MajorIssueState::Escalated {
                    row.set_state(MajorIssueState::Answered);
                }
            })
        }
        _ => Ok(()),
    }
}

fn flag(rows: &mut Overlay<'_>, entry: &EntryMeta<'_>, event: &MajorIssueFlagged) {
    let row = MajorIssueRow {
        state: MajorIssueState::Flagged.into(),
        mechanism: event.mechanism.clone(),
        flagged_by: event.flagged_by.clone(),
        flagged: Some(ActRow::new(entry)),
        ..MajorIssueRow::default()
    };
    rows.put_message(keys::major_issue(&event.major_issue), &row);
    let office = format!("mechanisms/{}/office", event.mechanism);
    for viewer in [office, format!("agencies/{}", event.flagged_by)] {
        show(rows, &viewer, entry.index, &event.major_issue);
    }
}

/// Lists an issue for a viewer, in the order of flagging.
fn show(rows: &mut Overlay<'_>, viewer: &str, flagged: u64, issue: &[u8]) {
    let key = keys::seen_by(keys::Kind::MajorIssueOf, viewer).number(flagged);
    rows.put(key.build(), Bytes::copy_from_slice(issue));
}

/// Lists an issue for everyone in a meeting.
fn show_to_meeting(rows: &mut Overlay<'_>, issue: &[u8], meeting: &[u8]) -> Result<()> {
    let row: Option<MajorIssueRow> = rows.message(&keys::major_issue(issue))?;
    let of: Option<MeetingRow> = rows.message(&keys::meeting(meeting))?;
    let (Some(row), Some(of)) = (row, of) else {
        return Ok(());
    };
    let flagged = row.flagged.map_or(0, |act| act.entry_index);
    let offices = of.mechanisms.iter();
    let offices = offices.map(|id| format!("mechanisms/{id}/office"));
    let units = of
        .units
        .iter()
        .map(|unit| format!("agencies/{}", unit.agency));
    for viewer in offices.chain(units) {
        show(rows, &viewer, flagged, issue);
    }
    Ok(())
}

/// Issues of which a meeting has topics.
fn of_topics(rows: &Overlay<'_>, meeting: &[u8]) -> Result<Vec<Vec<u8>>> {
    let of: Option<MeetingRow> = rows.message(&keys::meeting(meeting))?;
    let found = topics::all(rows, meeting, &of.unwrap_or_default())?;
    let issues = found.into_iter().map(|(_, topic)| topic.major_issue);
    Ok(issues.filter(|issue| !issue.is_empty()).collect())
}

fn update(
    rows: &mut Overlay<'_>,
    issue: &[u8],
    change: impl FnOnce(&mut MajorIssueRow),
) -> Result<()> {
    let key = keys::major_issue(issue);
    if let Some(mut row) = rows.message::<MajorIssueRow>(&key)? {
        change(&mut row);
        rows.put_message(key, &row);
    }
    Ok(())
}

fn put_on_agenda(row: &mut MajorIssueRow, entry: &EntryMeta<'_>, at: (Vec<u8>, u32)) {
    row.set_state(MajorIssueState::OnAgenda);
    row.set_disposition(DispositionKind::Agenda);
    row.disposed = Some(ActRow::new(entry));
    (row.meeting, row.topic) = at;
}

fn dispose(
    rows: &mut Overlay<'_>,
    entry: &EntryMeta<'_>,
    event: &MajorIssueDisposed,
) -> Result<()> {
    let mut lead_sees = None;
    update(rows, &event.major_issue, |row| {
        put_on_agenda(row, entry, (event.meeting.to_vec(), event.topic));
        row.disposition = event.kind;
        match event.kind() {
            DispositionKind::Escalate => {
                row.set_state(MajorIssueState::Escalated);
                lead_sees = row.flagged.as_ref().map(|act| act.entry_index);
            }
            DispositionKind::Close => row.set_state(MajorIssueState::Closed),
            DispositionKind::Agenda | DispositionKind::Unspecified => {}
        }
    })?;
    // The lead is to report it, also when it was not called to the meeting that discussed it.
    if let Some(flagged) = lead_sees {
        let lead = format!("agencies/{}", event.lead_unit);
        show(rows, &lead, flagged, &event.major_issue);
    }
    Ok(())
}

fn discuss(rows: &mut Overlay<'_>, event: &MeetingHeld) -> Result<()> {
    for issue in &event.discussed_issues {
        update(rows, issue, |row| {
            if row.discussed_at.len() < DISCUSSED_AT_MAX {
                row.discussed_at.push(event.meeting.to_vec());
            }
            let waits = [MajorIssueState::Flagged, MajorIssueState::OnAgenda];
            if waits.contains(&row.state()) {
                row.set_state(MajorIssueState::Discussed);
            }
        })?;
        show_to_meeting(rows, issue, &event.meeting)?;
    }
    Ok(())
}

/// An issue whose meeting is cancelled waits for another disposition.
fn back_to_the_queue(row: &mut MajorIssueRow, meeting: &[u8]) {
    if row.state() != MajorIssueState::OnAgenda || row.meeting != meeting {
        return;
    }
    row.set_disposition(DispositionKind::Unspecified);
    row.disposed = None;
    row.meeting.clear();
    row.topic = 0;
    row.set_state(if row.discussed_at.is_empty() {
        MajorIssueState::Flagged
    } else {
        MajorIssueState::Discussed
    });
}

fn drafted_at(row: &EscalationRow) -> u64 {
    row.drafted.as_ref().map_or(0, |act| act.entry_index)
}

/// Lists an escalation for an agency, in the order of drafting.
fn show_escalation(rows: &mut Overlay<'_>, agency: &str, drafted: u64, escalation: &[u8]) {
    let viewer = format!("agencies/{agency}");
    let key = keys::seen_by(keys::Kind::EscalationOf, &viewer).number(drafted);
    rows.put(key.build(), Bytes::copy_from_slice(escalation));
}

fn draft(rows: &mut Overlay<'_>, entry: &EntryMeta<'_>, event: &EscalationDrafted) -> Result<()> {
    let co_units = event.co_units.iter().map(|unit| CoUnitRow {
        unit: unit.clone(),
        ..CoUnitRow::default()
    });
    let row = EscalationRow {
        state: EscalationState::Drafted.into(),
        major_issue: event.major_issue.to_vec(),
        meeting: event.meeting.to_vec(),
        lead_unit: event.lead_unit.clone(),
        addressee: event.addressee.clone(),
        drafted: Some(ActRow::new(entry)),
        co_units: co_units.collect(),
        notification: Some(NotificationRef {
            entry_index: entry.index,
            item: issued_item(0),
        }),
        ..EscalationRow::default()
    };
    rows.put_message(keys::escalation(&event.escalation), &row);
    for agency in event.co_units.iter().chain([&event.lead_unit]) {
        show_escalation(rows, agency, entry.index, &event.escalation);
    }
    update(rows, &event.major_issue, |row| {
        row.escalations.push(event.escalation.to_vec());
        row.set_state(MajorIssueState::Escalated);
    })
}

fn update_escalation(
    rows: &mut Overlay<'_>,
    escalation: &[u8],
    change: impl FnOnce(&mut EscalationRow),
) -> Result<()> {
    let key = keys::escalation(escalation);
    if let Some(mut row) = rows.message::<EscalationRow>(&key)? {
        change(&mut row);
        rows.put_message(key, &row);
    }
    Ok(())
}

fn co_sign(
    rows: &mut Overlay<'_>,
    entry: &EntryMeta<'_>,
    event: &EscalationCoSigned,
) -> Result<()> {
    let mut asking = None;
    update_escalation(rows, &event.escalation, |row| {
        asking = row.notification;
        let unit = row.co_units.iter_mut().find(|one| one.unit == event.unit);
        if let Some(unit) = unit {
            unit.answered = Some(ActRow::new(entry));
            unit.is_signed = event.is_signed;
        }
    })?;
    let Some(asking) = asking else {
        return Ok(());
    };
    let recipient = format!("agencies/{}", event.unit);
    let actions = [RequestedAction::CoSign];
    asks::done(rows, (&asking).into(), &recipient, &actions)
}

fn withdraw(rows: &mut Overlay<'_>, escalation: &[u8]) -> Result<()> {
    let mut before = None;
    update_escalation(rows, escalation, |row| {
        row.set_state(EscalationState::Withdrawn);
        before = Some((row.major_issue.clone(), row.notification));
    })?;
    let Some((issue, asking)) = before else {
        return Ok(());
    };
    if let Some(asking) = asking {
        asks::withdraw(rows, (&asking).into())?;
    }
    let row: Option<MajorIssueRow> = rows.message(&keys::major_issue(&issue))?;
    let mut state = match row.as_ref().map(MajorIssueRow::disposition) {
        Some(DispositionKind::Escalate) => MajorIssueState::Escalated,
        _ => MajorIssueState::Discussed,
    };
    for other in row.iter().flat_map(|row| &row.escalations) {
        let other: Option<EscalationRow> = rows.message(&keys::escalation(other))?;
        state = match other.map(|other| other.state()) {
            Some(EscalationState::Sent) => MajorIssueState::Escalated,
            Some(EscalationState::Answered) if state == MajorIssueState::Discussed => {
                MajorIssueState::Answered
            }
            _ => state,
        };
    }
    update(rows, &issue, |row| {
        if row.state() == MajorIssueState::Escalated {
            row.set_state(state);
        }
    })
}
