//! What events of a meeting make of its rows.

use bytes::Bytes;
use hub_proto::{
    channels::{NotificationRef, RequestedAction},
    meetings::{
        MeetingCreated, MeetingHeld, MeetingState, NoticeAnswered, NoticeSent, TopicCommented,
        TopicDecided, TopicProposed, TopicState, meetings_event::Kind,
    },
};

use crate::{
    domain::{
        EntryMeta,
        channels::{asks, log::issued_item},
        meetings::rows::{ActRow, CommentRow, MeetingRow, NoticeRow, TopicRow, UnitRow},
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
        Kind::TopicProposed(event) => propose(rows, entry, event),
        Kind::TopicCommented(event) => comment(rows, entry, event),
        Kind::TopicDecided(event) => decide(rows, entry, event),
        Kind::TopicsOrdered(event) => MeetingRow::update(rows, &event.meeting, |row| {
            row.agenda.clone_from(&event.topics);
        }),
        Kind::TopicsConfirmed(event) => MeetingRow::update(rows, &event.meeting, |row| {
            row.set_state(MeetingState::TopicsConfirmed);
            row.topics_confirmed_at_us = entry.recorded_at.as_microsecond();
        }),
        Kind::NoticeSent(event) => send(rows, entry, event),
        Kind::NoticeAnswered(event) => answer(rows, entry, event),
        Kind::MeetingCancelled(event) => {
            end_notice(rows, &event.meeting)?;
            MeetingRow::update(rows, &event.meeting, |row| {
                row.set_state(MeetingState::Cancelled);
                row.cancelled = Some(ActRow::new(entry));
            })
        }
        Kind::MeetingHeld(event) => hold(rows, entry, event),
        Kind::MeetingClosed(event) => MeetingRow::update(rows, &event.meeting, |row| {
            row.set_state(MeetingState::Closed);
        }),
        _ => Ok(()),
    }
}

fn propose(rows: &mut Overlay<'_>, entry: &EntryMeta<'_>, event: &TopicProposed) -> Result<()> {
    let state = if event.is_accepted {
        TopicState::Accepted
    } else {
        TopicState::Proposed
    };
    let topic = TopicRow {
        state: state.into(),
        proposer: event.proposer.clone(),
        proposed: Some(ActRow::new(entry)),
        decided: event.is_accepted.then(|| ActRow::new(entry)),
        major_issue: event.major_issue.to_vec(),
        ..TopicRow::default()
    };
    rows.put_message(keys::topic(&event.meeting, event.topic), &topic);
    MeetingRow::update(rows, &event.meeting, |row| {
        row.topics_count = row.topics_count.max(event.topic);
        if event.is_accepted {
            row.agenda.push(event.topic);
        }
        speak(row, &event.proposer);
    })
}

/// Notes that a unit took part in the topics.
fn speak(row: &mut MeetingRow, who: &str) {
    let agency = who.strip_prefix("agencies/");
    for unit in &mut row.units {
        unit.has_spoken |= agency == Some(unit.agency.as_str());
    }
}

fn comment(rows: &mut Overlay<'_>, entry: &EntryMeta<'_>, event: &TopicCommented) -> Result<()> {
    let key = keys::topic(&event.meeting, event.topic);
    let Some(mut topic) = rows.message::<TopicRow>(&key)? else {
        return Ok(());
    };
    topic.comments.push(CommentRow {
        author: event.author.clone(),
        act: Some(ActRow::new(entry)),
    });
    rows.put_message(key, &topic);
    MeetingRow::update(rows, &event.meeting, |row| speak(row, &event.author))
}

fn decide(rows: &mut Overlay<'_>, entry: &EntryMeta<'_>, event: &TopicDecided) -> Result<()> {
    let key = keys::topic(&event.meeting, event.topic);
    let Some(mut topic) = rows.message::<TopicRow>(&key)? else {
        return Ok(());
    };
    topic.state = event.state;
    topic.merged_into = event.merged_into;
    topic.decided = Some(ActRow::new(entry));
    rows.put_message(key, &topic);
    let is_accepted = event.state() == TopicState::Accepted;
    MeetingRow::update(rows, &event.meeting, |row| {
        let is_on = row.agenda.contains(&event.topic);
        if is_accepted && !is_on {
            row.agenda.push(event.topic);
        } else if !is_accepted {
            row.agenda.retain(|topic| *topic != event.topic);
        }
    })
}

/// Takes back what the newest notice still asks of units.
fn end_notice(rows: &mut Overlay<'_>, meeting: &[u8]) -> Result<()> {
    let row: Option<MeetingRow> = rows.message(&keys::meeting(meeting))?;
    let asking = row.and_then(|row| row.notice?.notification);
    asking.map_or(Ok(()), |asking| asks::withdraw(rows, (&asking).into()))
}

/// A notice went out. Who was a unit and is none any more does not see the meeting from here on; who
/// has become one does.
fn send(rows: &mut Overlay<'_>, entry: &EntryMeta<'_>, event: &NoticeSent) -> Result<()> {
    end_notice(rows, &event.meeting)?;
    let before: Option<MeetingRow> = rows.message(&keys::meeting(&event.meeting))?;
    let before = before.unwrap_or_default();
    let created = before.created.as_ref().map_or(0, |act| act.entry_index);
    let gone = before
        .units
        .iter()
        .filter(|unit| !event.units.contains(&unit.agency));
    for unit in gone {
        let viewer = format!("agencies/{}", unit.agency);
        let key = keys::seen_by(keys::Kind::MeetingOf, &viewer).number(created);
        rows.remove(key.build());
    }
    MeetingRow::update(rows, &event.meeting, |row| {
        row.set_state(MeetingState::Convened);
        row.planned_on = event.planned_on;
        row.units = event
            .units
            .iter()
            .map(|agency| UnitRow {
                agency: agency.clone(),
                has_spoken: before
                    .units
                    .iter()
                    .any(|unit| unit.has_spoken && unit.agency == *agency),
                ..UnitRow::default()
            })
            .collect();
        row.notice = Some(NoticeRow {
            sent: Some(ActRow::new(entry)),
            revision: event.revision,
            starts_at_us: event.starts_at_us,
            answer_by_us: event.answer_by_us,
            notification: Some(NotificationRef {
                entry_index: entry.index,
                item: issued_item(0),
            }),
        });
    })?;
    announce(rows, &event.meeting)
}

fn answer(rows: &mut Overlay<'_>, entry: &EntryMeta<'_>, event: &NoticeAnswered) -> Result<()> {
    let mut asking = None;
    MeetingRow::update(rows, &event.meeting, |row| {
        asking = row.notice.as_ref().and_then(|notice| notice.notification);
        let unit = row.units.iter_mut().find(|unit| unit.agency == event.unit);
        if let Some(unit) = unit {
            unit.answer = event.answer;
            unit.answered = Some(ActRow::new(entry));
        }
    })?;
    let Some(asking) = asking else {
        return Ok(());
    };
    let recipient = format!("agencies/{}", event.unit);
    let actions = [RequestedAction::AnswerNotice];
    asks::done(rows, (&asking).into(), &recipient, &actions)
}

fn hold(rows: &mut Overlay<'_>, entry: &EntryMeta<'_>, event: &MeetingHeld) -> Result<()> {
    end_notice(rows, &event.meeting)?;
    let mut mechanisms = vec![];
    MeetingRow::update(rows, &event.meeting, |row| {
        row.set_state(MeetingState::Held);
        row.held = Some(ActRow::new(entry));
        row.held_at_us = event.held_at_us;
        row.discussed_issues = event
            .discussed_issues
            .iter()
            .map(|id| id.to_vec())
            .collect();
        for unit in &mut row.units {
            let recorded = event.attendances.iter().find(|one| one.unit == unit.agency);
            unit.attendance = recorded.map_or(0, |recorded| recorded.attendance);
        }
        mechanisms.clone_from(&row.mechanisms);
    })?;
    for mechanism in &mechanisms {
        let key = keys::meetings_held(mechanism, event.held_at_us).number(entry.index);
        rows.put(key.build(), event.meeting.clone());
    }
    Ok(())
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
