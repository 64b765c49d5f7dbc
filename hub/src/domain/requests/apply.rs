//! What events make of the rows of information requests.

use bytes::Bytes;
use hub_proto::{
    channels::{NotificationRef, RequestedAction},
    requests::{
        CaseClosed, CaseDigest, DeadlineKind, DeadlineMoveReason, DueDay,
        InformationRequestDrafted, RequestState, requests_event::Kind,
    },
};

use super::rows::{
    CaseRow, CorrectionRow, DeadlineRow, InformationRequestRow, MoveRow, SuspensionRow,
};
use crate::{
    domain::{
        EntryMeta,
        channels::{asks, log::issued_item},
        meetings::rows::ActRow,
    },
    error::Result,
    state::{
        keys,
        view::{Overlay, ViewExt as _},
    },
};

/// What a request asks is answered by acts of its own.
const ASKED: RequestedAction = RequestedAction::AnswerRequest;

/// The change of one request: its row, and the asks that begin, move or end with it.
struct Change<'a, 'b> {
    rows: &'a mut Overlay<'b>,
    entry: &'a EntryMeta<'a>,
    row: InformationRequestRow,
}

/// Applies an event.
///
/// # Errors
/// When storage fails.
pub(super) fn apply(rows: &mut Overlay<'_>, entry: &EntryMeta<'_>, kind: &Kind) -> Result<()> {
    match kind {
        Kind::Drafted(event) => {
            draft(rows, entry, event);
            return Ok(());
        }
        Kind::CaseClosed(event) => return close_case(rows, entry, event),
        _ => {}
    }
    let Some(id) = id_of(kind) else {
        return Ok(());
    };
    let Some(row) = InformationRequestRow::find(rows, id)? else {
        return Ok(());
    };
    let mut change = Change { rows, entry, row };
    change.act(kind)?;
    change.finish(id)
}

/// The request that an event is about; `None` for one about a case.
#[must_use]
pub fn id_of(kind: &Kind) -> Option<&Bytes> {
    match kind {
        Kind::CaseClosed(_) => None,
        Kind::Drafted(event) => Some(&event.information_request),
        Kind::Submitted(event) => Some(&event.information_request),
        Kind::Rejected(event) => Some(&event.information_request),
        Kind::Withdrawn(event) => Some(&event.information_request),
        Kind::MissingAsked(event) => Some(&event.information_request),
        Kind::Completed(event) => Some(&event.information_request),
        Kind::Extended(event) => Some(&event.information_request),
        Kind::Consented(event) => Some(&event.information_request),
        Kind::Delivered(event) => Some(&event.information_request),
        Kind::Refused(event) => Some(&event.information_request),
        Kind::UseRecorded(event) => Some(&event.information_request),
        Kind::CorrectionRequested(event) => Some(&event.information_request),
        Kind::CorrectionAnswered(event) => Some(&event.information_request),
        Kind::Suspended(event) => Some(&event.information_request),
        Kind::Resumed(event) => Some(&event.information_request),
        Kind::Disposed(event) => Some(&event.information_request),
        Kind::DeadlineRecomputed(event) => Some(&event.information_request),
    }
}

/// Lists a request for an agency.
fn show(rows: &mut Overlay<'_>, agency: &str, entry_index: u64, id: &Bytes) {
    let viewer = format!("agencies/{agency}");
    let key = keys::seen_by(keys::Kind::InformationRequestOf, &viewer).number(entry_index);
    rows.put(key.build(), id.clone());
}

fn draft(rows: &mut Overlay<'_>, entry: &EntryMeta<'_>, event: &InformationRequestDrafted) {
    let row = InformationRequestRow {
        state: RequestState::Drafted.into(),
        kind: event.kind,
        sharing: event.sharing,
        requester: event.requester.clone(),
        provider: event.provider.clone(),
        approver: event.approver.clone(),
        valid_until_on: event.valid_until_on,
        case_digest: event.case_digest.clone(),
        drafted: Some(ActRow::new(entry)),
        ..InformationRequestRow::default()
    };
    rows.put_message(keys::information_request(&event.information_request), &row);
    show(
        rows,
        &event.requester,
        entry.index,
        &event.information_request,
    );
}

/// The first request that is approved under a number declares the case.
fn declare(rows: &mut Overlay<'_>, digest: &CaseDigest) -> Result<()> {
    let key = keys::request_case(&digest.case_sha256);
    if rows.message::<CaseRow>(&key)?.is_none() {
        let row = CaseRow {
            digest: Some(digest.clone()),
            closed: None,
        };
        rows.put_message(key, &row);
    }
    Ok(())
}

fn close_case(rows: &mut Overlay<'_>, entry: &EntryMeta<'_>, event: &CaseClosed) -> Result<()> {
    let key = keys::request_case(&event.case_sha256);
    if let Some(mut row) = rows.message::<CaseRow>(&key)? {
        row.closed = Some(ActRow::new(entry));
        rows.put_message(key, &row);
    }
    Ok(())
}

impl Change<'_, '_> {
    /// What an event makes of the row.
    fn act(&mut self, kind: &Kind) -> Result<()> {
        let act = ActRow::new(self.entry);
        match kind {
            Kind::Submitted(event) => {
                self.row.set_state(RequestState::Submitted);
                self.row.decided = Some(act);
                if let Some(digest) = &self.row.case_digest {
                    declare(self.rows, digest)?;
                }
                let provider = self.row.provider.clone();
                show(
                    self.rows,
                    &provider,
                    self.entry.index,
                    &event.information_request,
                );
                self.start(event.due.as_ref(), &provider);
            }
            Kind::Rejected(_) => {
                self.row.set_state(RequestState::Rejected);
                self.row.decided = Some(act);
            }
            Kind::Withdrawn(_) => {
                self.row.set_state(RequestState::Withdrawn);
                self.row.withdrawn = Some(act);
                self.stop_all()?;
            }
            Kind::MissingAsked(_) => {
                self.row.set_state(RequestState::Incomplete);
                self.row.missing_asked = Some(act);
                self.stop_all()?;
            }
            Kind::Completed(event) => {
                self.row.set_state(RequestState::Submitted);
                self.row.completed = Some(act);
                let provider = self.row.provider.clone();
                self.start(event.due.as_ref(), &provider);
            }
            Kind::Extended(event) => {
                self.row.extended = Some(act);
                if let Some(due) = &event.due {
                    let reason = DeadlineMoveReason::Extension;
                    self.shift(due, event.next_remind_at_us, reason, None)?;
                }
            }
            Kind::Consented(event) => {
                self.row.set_state(RequestState::Consented);
                self.row.answered = Some(act);
                self.end(DeadlineKind::Answer, 0, true)?;
                let provider = self.row.provider.clone();
                self.start(event.due.as_ref(), &provider);
            }
            Kind::Delivered(event) => {
                self.row.set_state(RequestState::Delivered);
                self.row.delivered = Some(act);
                self.end(DeadlineKind::Delivery, 0, true)?;
                let requester = self.row.requester.clone();
                self.start(event.due.as_ref(), &requester);
            }
            Kind::Refused(_) => {
                self.row.set_state(RequestState::Refused);
                self.row.answered = Some(act);
                self.end(DeadlineKind::Answer, 0, true)?;
                self.stop_all()?;
            }
            _ => return self.act_afterwards(kind, act),
        }
        Ok(())
    }

    /// What an event after the delivery makes of the row.
    fn act_afterwards(&mut self, kind: &Kind, act: ActRow) -> Result<()> {
        match kind {
            Kind::UseRecorded(_) => self.row.uses.push(act),
            Kind::CorrectionRequested(event) => {
                self.row.corrections.push(CorrectionRow {
                    requested: Some(act),
                    ..CorrectionRow::default()
                });
                let provider = self.row.provider.clone();
                self.start(event.due.as_ref(), &provider);
            }
            Kind::CorrectionAnswered(event) => {
                let place = usize::try_from(event.correction).unwrap_or_default();
                let found = self.row.corrections.get_mut(place.saturating_sub(1));
                if let Some(found) = found {
                    found.answered = Some(act);
                    found.is_corrected = event.is_corrected;
                }
                self.end(DeadlineKind::Correction, event.correction, true)?;
            }
            Kind::Suspended(_) => {
                self.row.set_state(RequestState::Suspended);
                self.row.suspensions.push(SuspensionRow {
                    suspended: Some(act),
                    resumed: None,
                });
            }
            Kind::Resumed(_) => {
                self.row.set_state(RequestState::Delivered);
                if let Some(last) = self.row.suspensions.last_mut() {
                    last.resumed = Some(act);
                }
            }
            Kind::Disposed(_) => {
                self.row.set_state(RequestState::Disposed);
                self.row.disposed = Some(act);
                self.end(DeadlineKind::Disposal, 0, true)?;
                self.stop_all()?;
            }
            Kind::DeadlineRecomputed(event) => {
                if let Some(due) = &event.due {
                    let reason = DeadlineMoveReason::Calendar;
                    self.shift(due, event.next_remind_at_us, reason, event.known_from_on)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// A deadline begins to run. The first notice of the entry asks for it.
    fn start(&mut self, due: Option<&DueDay>, agency: &str) {
        if let Some(due) = due {
            self.row.deadlines.push(DeadlineRow {
                due: Some(due.clone()),
                is_open: true,
                met_at_us: 0,
                notification: Some(NotificationRef {
                    entry_index: self.entry.index,
                    item: issued_item(0),
                }),
                recipient: format!("agencies/{agency}"),
                moves: vec![],
            });
        }
    }

    /// A deadline that runs is at another day, and so is what was asked.
    fn shift(
        &mut self,
        due: &DueDay,
        next_remind_at_us: i64,
        reason: DeadlineMoveReason,
        known_from_on: Option<hub_proto::common::Date>,
    ) -> Result<()> {
        let (kind, correction) = (due.kind(), due.correction);
        let mut all = self.row.deadlines.iter_mut();
        let Some(found) = all.find(|one| one.is_open && one.is_of(kind, correction)) else {
            return Ok(());
        };
        let was_on = found.due.as_ref().and_then(|due| due.due_on);
        if was_on != due.due_on {
            found.moves.push(MoveRow {
                reason: reason.into(),
                was_on,
                becomes_on: due.due_on,
                known_from_on,
                moved_at_us: self.entry.recorded_at.as_microsecond(),
            });
        }
        found.due = Some(due.clone());
        let (place, recipient) = (found.notification, found.recipient.clone());
        match place {
            Some(place) => asks::moved(
                self.rows,
                (&place).into(),
                &recipient,
                ASKED,
                (due.due_us, next_remind_at_us),
            ),
            None => Ok(()),
        }
    }

    /// A deadline ends: met, or stopped.
    fn end(&mut self, kind: DeadlineKind, correction: u32, is_met: bool) -> Result<()> {
        let at_us = self.entry.recorded_at.as_microsecond();
        let mut ended = vec![];
        for one in &mut self.row.deadlines {
            if one.is_open && one.is_of(kind, correction) {
                one.is_open = false;
                one.met_at_us = if is_met { at_us } else { 0 };
                ended.extend(one.notification.map(|place| (place, one.recipient.clone())));
            }
        }
        for (place, recipient) in ended {
            asks::done(self.rows, (&place).into(), &recipient, &[ASKED])?;
        }
        Ok(())
    }

    /// Every deadline that runs stops.
    fn stop_all(&mut self) -> Result<()> {
        let open = self.row.deadlines.iter().filter(|one| one.is_open);
        let due = open.filter_map(|one| one.due.as_ref());
        let open: Vec<(DeadlineKind, u32)> = due.map(|due| (due.kind(), due.correction)).collect();
        for (kind, correction) in open {
            self.end(kind, correction, false)?;
        }
        Ok(())
    }

    /// Writes the row, and lists it among those with a deadline that the calendar can move.
    fn finish(self, id: &Bytes) -> Result<()> {
        let mut deadlines = self.row.deadlines.iter();
        let runs = deadlines
            .any(|one| one.is_open && one.due.as_ref().is_some_and(|due| due.working_days > 0));
        let key = keys::running_deadlines(id);
        if runs {
            self.rows.put(key, Bytes::new());
        } else {
            self.rows.remove(key);
        }
        self.rows
            .put_message(keys::information_request(id), &self.row);
        Ok(())
    }
}
