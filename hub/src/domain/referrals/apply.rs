//! Rows from events of referrals, and what is asked of each side until it is done.

use bytes::Bytes;
use hub_proto::{
    channels::{NotificationRef, RequestedAction},
    referrals::{
        Answered, AskedBy, ReferralAcknowledged, ReferralAnswered, ReferralSent, ReferralState,
        ReferralsEvent, referrals_event::Kind,
    },
};

use super::{
    ask,
    rows::{AskedSide, MessageRow, ReferralRow, ResultRow},
};
use crate::{
    domain::{
        EntryMeta,
        channels::{
            asks, attachment,
            log::{NotificationPlace, issued_item},
        },
        meetings::rows::ActRow,
    },
    error::Result,
    state::{
        keys,
        view::{Overlay, ViewExt as _},
    },
};

/// The item under which an entry's own attachments are kept; notices count down from the largest number.
const OWN_ITEM: u32 = 0;

/// Applies an event to rows.
///
/// # Errors
/// Only when storage fails or holds a damaged row.
pub fn apply(rows: &mut Overlay<'_>, entry: &EntryMeta<'_>, event: &ReferralsEvent) -> Result<()> {
    let act = ActRow::new(entry);
    match &event.kind {
        Some(Kind::ReferralSent(event)) => {
            send(rows, entry, event);
            Ok(())
        }
        Some(Kind::ReferralAcknowledged(event)) => acknowledge(rows, entry, event),
        Some(Kind::ReferralAnswered(event)) => answer(rows, entry, event),
        Some(Kind::InformationAsked(event)) => update(rows, &event.referral, |_, row| {
            row.asked_sender = Some(asked_here(entry, event.asked_by));
            row.messages.push(MessageRow {
                is_question: true,
                act: Some(act),
            });
            Ok(())
        }),
        Some(Kind::InformationAdded(event)) => update(rows, &event.referral, |rows, row| {
            withdraw(rows, &mut row.asked_sender)?;
            row.messages.push(MessageRow {
                is_question: false,
                act: Some(act),
            });
            Ok(())
        }),
        Some(Kind::ResultFedBack(event)) => {
            keep(rows, entry, &event.attachments);
            update(rows, &event.referral, |rows, row| {
                row.results.push(ResultRow {
                    is_final: event.is_final,
                    act: Some(act),
                });
                if event.is_final {
                    row.set_state(ReferralState::ResultFedBack);
                    settle(rows, row)?;
                }
                Ok(())
            })
        }
        Some(Kind::ReferralCorrected(event)) => {
            keep(rows, entry, &event.attachments);
            update(rows, &event.referral, |rows, row| {
                withdraw(rows, &mut row.asked_addressee)?;
                row.asked_addressee = Some(asked_here(entry, event.asked_by));
                row.corrections.push(act);
                Ok(())
            })
        }
        Some(Kind::ReferralClosed(event)) => {
            end(rows, entry, &event.referral, ReferralState::Closed)
        }
        Some(Kind::ReferralWithdrawn(event)) => {
            end(rows, entry, &event.referral, ReferralState::Withdrawn)
        }
        None => Ok(()),
    }
}

fn send(rows: &mut Overlay<'_>, entry: &EntryMeta<'_>, event: &ReferralSent) {
    let row = ReferralRow {
        state: ReferralState::Sent.into(),
        sender: event.sender.clone(),
        addressee: event.addressee.clone(),
        sent: Some(ActRow::new(entry)),
        asked_addressee: Some(asked_here(entry, event.asked_by)),
        ..ReferralRow::default()
    };
    rows.put_message(keys::referral(&event.referral), &row);
    for agency in [&event.sender, &event.addressee] {
        for kind in [keys::Kind::ReferralOf, keys::Kind::ReferralOpen] {
            let key = keys::seen_by(kind, &format!("agencies/{agency}")).number(entry.index);
            rows.put(key.build(), event.referral.clone());
        }
    }
    keep(rows, entry, &event.attachments);
}

fn acknowledge(
    rows: &mut Overlay<'_>,
    entry: &EntryMeta<'_>,
    event: &ReferralAcknowledged,
) -> Result<()> {
    update(rows, &event.referral, |rows, row| {
        let act = ActRow::new(entry);
        row.acknowledged.get_or_insert_with(|| act.clone());
        row.acknowledged_last = Some(act);
        row.acknowledged_revision = event.revision;
        if row.state() == ReferralState::Sent {
            row.set_state(ReferralState::Received);
        }
        ask_on(rows, entry, row, event.asked_by)
    })
}

fn answer(rows: &mut Overlay<'_>, entry: &EntryMeta<'_>, event: &ReferralAnswered) -> Result<()> {
    update(rows, &event.referral, |rows, row| {
        row.answer = Some(ActRow::new(entry));
        row.answered = event.answered;
        let state = match event.answered() {
            Answered::TakenUp => ReferralState::TakenUp,
            Answered::Declined => ReferralState::Declined,
            Answered::Returned | Answered::Unspecified => ReferralState::Returned,
        };
        row.set_state(state);
        match state {
            ReferralState::TakenUp => ask_on(rows, entry, row, event.asked_by),
            _ => settle(rows, row),
        }
    })
}

fn end(
    rows: &mut Overlay<'_>,
    entry: &EntryMeta<'_>,
    referral: &Bytes,
    state: ReferralState,
) -> Result<()> {
    update(rows, referral, |rows, row| {
        row.end = Some(ActRow::new(entry));
        row.set_state(state);
        let key = keys::ended_referrals().number(entry.index);
        rows.put(key.build(), referral.clone());
        settle(rows, row)
    })
}

fn update(
    rows: &mut Overlay<'_>,
    referral: &[u8],
    change: impl FnOnce(&mut Overlay<'_>, &mut ReferralRow) -> Result<()>,
) -> Result<()> {
    let key = keys::referral(referral);
    if let Some(mut row) = rows.message::<ReferralRow>(&key)? {
        change(rows, &mut row)?;
        rows.put_message(key, &row);
    }
    Ok(())
}

/// What the notice of this entry asks.
fn asked_here(entry: &EntryMeta<'_>, by: Option<AskedBy>) -> AskedSide {
    AskedSide {
        notification: Some(NotificationRef {
            entry_index: entry.index,
            item: issued_item(0),
        }),
        due_us: by.map_or(0, |by| by.due_us),
    }
}

/// The addressee has done a step and is asked for the next one by another time: the notice that brought
/// the referral goes on asking until its answer and its result are there (Anti-Money-Laundering Law
/// art. 45).
fn ask_on(
    rows: &mut Overlay<'_>,
    entry: &EntryMeta<'_>,
    row: &mut ReferralRow,
    by: Option<AskedBy>,
) -> Result<()> {
    let (Some(asked), Some(by)) = (&mut row.asked_addressee, by) else {
        return Ok(());
    };
    asked.due_us = by.due_us;
    let Some(place) = asked.notification.as_ref().map(NotificationPlace::from) else {
        return Ok(());
    };
    let recipient = format!("agencies/{}", row.addressee);
    let actions = [RequestedAction::AnswerReferral];
    asks::done(rows, place, &recipient, &actions)?;
    let boards = [asks::sent_board(&row.sender)];
    asks::put(rows, entry, place, &ask(&row.addressee, &by), &boards)
}

/// Nothing is asked of either side any more, and neither waits.
fn settle(rows: &mut Overlay<'_>, row: &mut ReferralRow) -> Result<()> {
    withdraw(rows, &mut row.asked_addressee)?;
    withdraw(rows, &mut row.asked_sender)?;
    let sent = row.sent.as_ref().map_or(0, |act| act.entry_index);
    for agency in [&row.sender, &row.addressee] {
        let viewer = format!("agencies/{agency}");
        let key = keys::seen_by(keys::Kind::ReferralOpen, &viewer).number(sent);
        rows.remove(key.build());
    }
    Ok(())
}

fn withdraw(rows: &mut Overlay<'_>, asked: &mut Option<AskedSide>) -> Result<()> {
    match asked.take().and_then(|asked| asked.notification) {
        Some(place) => asks::withdraw(rows, (&place).into()),
        None => Ok(()),
    }
}

/// Keeps the files that an act of a side names.
fn keep(rows: &mut Overlay<'_>, entry: &EntryMeta<'_>, attachments: &[Bytes]) {
    let place = NotificationPlace {
        entry_index: entry.index,
        item: OWN_ITEM,
    };
    attachment::apply(rows, entry.author, place, attachments);
}
