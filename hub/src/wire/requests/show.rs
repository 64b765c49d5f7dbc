//! Information requests as callers see them: rows, with the texts read back from the ledger.

use hub_core::date;
use hub_proto::requests::{
    Answer, AnswerCorrectionRequest, Approval, ApproveInformationRequestRequest,
    AskForMissingRequest, CompleteInformationRequestRequest, Completion, ConfirmDisposalRequest,
    ConsentToInformationRequestRequest, Correction, Deadline, DeadlineMove,
    DeliverInformationRequest, Delivery, Disposal, DraftInformationRequestRequest,
    ExtendAnswerTimeRequest, Extension, InformationRequest, RecordUseRequest,
    RefuseInformationRequestRequest, RequestCorrectionRequest, RequestState, ResumeUseRequest,
    SuspendUseRequest, Suspension, UseRecord, WithdrawInformationRequestRequest,
};
use prost::Message;

use super::lookup::FoundRequest;
use crate::{
    authz::{Access, RequestSight},
    domain::{
        meetings::rows::ActRow,
        requests::rows::{CorrectionRow, DeadlineRow, InformationRequestRow, SuspensionRow},
    },
    engine::Engine,
    error::Result,
    wire::meetings::{
        lookup as texts,
        show::{at, instant},
        topics::told,
    },
};

/// How much of a request is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// Everything.
    Whole,
    /// What was asked, without what came of it in words.
    Listed,
    /// Where it stands, and no text.
    Outline,
}

/// What whoever drafted a request wrote.
pub(super) fn drafted(engine: &Engine, row: &InformationRequestRow) -> Result<InformationRequest> {
    let request: DraftInformationRequestRequest = texts::request(engine, row.drafted.as_ref())?;
    Ok(request.information_request.unwrap_or_default())
}

/// The texts of a request as one caller reads them.
struct Reader<'a> {
    engine: &'a Engine,
    access: &'a Access,
    found: &'a FoundRequest,
    is_whole: bool,
}

/// A request as the caller sees it.
pub(super) fn request(
    engine: &Engine,
    access: &Access,
    found: &FoundRequest,
    detail: Detail,
) -> Result<InformationRequest> {
    let row = &found.row;
    let reader = Reader {
        engine,
        access,
        found,
        is_whole: detail == Detail::Whole,
    };
    let mut shown = match detail {
        Detail::Outline => InformationRequest::default(),
        Detail::Listed | Detail::Whole => drafted(engine, row)?,
    };
    if detail != Detail::Whole {
        shown.attachments.clear();
        shown.account = None;
    }
    shown.provider = format!("agencies/{}", row.provider);
    shown.kind = row.kind;
    shown.sharing = row.sharing;
    shown.approver.clone_from(&row.approver);
    shown.valid_until_on = row.valid_until_on;
    shown.name = found.name.to_string();
    shown.state = row.state;
    shown.requester = format!("agencies/{}", row.requester);
    shown.officer = officer(row.drafted.as_ref());
    shown.drafted_at = at(row.drafted.as_ref());
    let is_rejected = row.state() == RequestState::Rejected;
    shown.received_at = at(row.decided.as_ref().filter(|_| !is_rejected));
    shown.withdrawn_at = at(row.withdrawn.as_ref());
    shown.is_validity_over = access.day() > row.valid_until();
    let now = engine.clock().now().as_microsecond();
    shown.deadlines = row.deadlines.iter().map(|one| deadline(one, now)).collect();
    let bases = access.roster().charter().legal_bases();
    let basis = bases.iter().find(|one| one.id == shown.legal_basis);
    shown.legal_basis_text = basis.map(|one| one.basis.clone()).unwrap_or_default();
    if reader.is_whole {
        shown.notification = reader.notification_of_draft()?;
    }
    reader.steps(&mut shown)?;
    reader.afterwards(&mut shown)?;
    Ok(shown)
}

fn officer(act: Option<&ActRow>) -> String {
    act.map(|act| act.officer.clone()).unwrap_or_default()
}

impl Reader<'_> {
    /// The request of an act; empty unless all texts are shown.
    fn text<M: Message + Default>(&self, act: &ActRow) -> Result<M> {
        if self.is_whole {
            texts::request(self.engine, Some(act))
        } else {
            Ok(M::default())
        }
    }

    /// The notification by which an act told of the request; empty unless all texts are shown.
    fn notification(&self, act: &ActRow) -> Result<String> {
        if !self.is_whole {
            return Ok(String::new());
        }
        let entry = texts::entry(self.engine, act)?;
        Ok(told(&entry, &self.found.name.to_string()))
    }

    fn notification_of_draft(&self) -> Result<String> {
        let row = &self.found.row;
        let act = match self.found.sight {
            RequestSight::Requester => row.drafted.as_ref(),
            RequestSight::Provider => row.decided.as_ref(),
        };
        act.map_or(Ok(String::new()), |act| self.notification(act))
    }

    /// Whether what an act answers is withheld: an answer about accounts is for the requester, and at the
    /// provider for the officer who gave it (FS-053).
    fn is_withheld(&self, act: &ActRow) -> bool {
        self.found.row.is_account()
            && self.found.sight == RequestSight::Provider
            && act.officer != self.access.caller().officer.as_str()
    }

    /// A text that may be withheld.
    fn answer(&self, act: &ActRow, text: String) -> (String, bool) {
        if self.is_withheld(act) {
            (String::new(), true)
        } else {
            (text, false)
        }
    }

    /// From the approval to the delivery.
    fn steps(&self, shown: &mut InformationRequest) -> Result<()> {
        let row = &self.found.row;
        if let Some(act) = &row.decided {
            let text: ApproveInformationRequestRequest = self.text(act)?;
            shown.approval = Some(Approval {
                is_approved: row.state() != RequestState::Rejected,
                // The reason is the requester's own affair.
                reason: match self.found.sight {
                    RequestSight::Requester => text.reason,
                    RequestSight::Provider => String::new(),
                },
                officer: act.officer.clone(),
                decided_at: at(Some(act)),
            });
        }
        if let Some(act) = &row.withdrawn {
            let text: WithdrawInformationRequestRequest = self.text(act)?;
            shown.withdrawal_reason = text.reason;
        }
        if let Some(act) = &row.missing_asked {
            shown.completion = Some(self.completion(act, row.completed.as_ref())?);
        }
        if let Some(act) = &row.extended {
            let text: ExtendAnswerTimeRequest = self.text(act)?;
            shown.extension = Some(Extension {
                working_days: text.working_days,
                reason: text.reason,
                consent_reference: text.consent_reference,
                officer: act.officer.clone(),
                extended_at: at(Some(act)),
            });
        }
        if let Some(act) = &row.answered {
            shown.answer = Some(self.consent_or_refusal(act)?);
        }
        if let Some(act) = &row.delivered {
            shown.delivery = Some(self.delivery(act)?);
        }
        Ok(())
    }

    fn completion(&self, asked: &ActRow, completed: Option<&ActRow>) -> Result<Completion> {
        let text: AskForMissingRequest = self.text(asked)?;
        let mut completion = Completion {
            missing: text.missing,
            asked_by: asked.officer.clone(),
            asked_at: at(Some(asked)),
            completed_by: officer(completed),
            completed_at: at(completed),
            ..Completion::default()
        };
        if let Some(act) = completed {
            let text: CompleteInformationRequestRequest = self.text(act)?;
            completion.addition = text.addition;
            completion.attachments = text.attachments;
            completion.notification = self.notification(act)?;
        }
        Ok(completion)
    }

    fn consent_or_refusal(&self, act: &ActRow) -> Result<Answer> {
        let is_consent = self.found.row.state() != RequestState::Refused;
        let text = if is_consent {
            self.text::<ConsentToInformationRequestRequest>(act)?.text
        } else {
            self.text::<RefuseInformationRequestRequest>(act)?.reasons
        };
        let (text, is_withheld) = self.answer(act, text);
        Ok(Answer {
            is_consent,
            text,
            officer: act.officer.clone(),
            answered_at: at(Some(act)),
            is_withheld,
        })
    }

    fn delivery(&self, act: &ActRow) -> Result<Delivery> {
        // In one act with the consent, or in one of its own.
        let answered = self.found.row.answered.as_ref();
        let is_one_act = answered.is_some_and(|one| one.entry_index == act.entry_index);
        let data = if is_one_act {
            self.text::<ConsentToInformationRequestRequest>(act)?
                .delivery
        } else {
            self.text::<DeliverInformationRequest>(act)?.delivery
        };
        let data = data.unwrap_or_default();
        let (text, is_withheld) = self.answer(act, data.text);
        Ok(Delivery {
            text,
            attachments: data.attachments,
            officer: act.officer.clone(),
            delivered_at: at(Some(act)),
            notification: self.notification(act)?,
            is_withheld,
        })
    }

    /// What came after the delivery.
    fn afterwards(&self, shown: &mut InformationRequest) -> Result<()> {
        let row = &self.found.row;
        for (number, one) in (1..).zip(&row.corrections) {
            shown.corrections.push(self.correction(number, one)?);
        }
        for (number, act) in (1..).zip(&row.uses) {
            let text: RecordUseRequest = self.text(act)?;
            shown.uses.push(UseRecord {
                r#use: number,
                officer: act.officer.clone(),
                recorded_at: at(Some(act)),
                ..text.r#use.unwrap_or_default()
            });
        }
        for one in &row.suspensions {
            shown.suspensions.push(self.suspension(one)?);
        }
        if let Some(act) = &row.disposed {
            let text: ConfirmDisposalRequest = self.text(act)?;
            shown.disposal = Some(Disposal {
                officer: act.officer.clone(),
                confirmed_at: at(Some(act)),
                ..text.disposal.unwrap_or_default()
            });
        }
        Ok(())
    }

    fn correction(&self, number: i32, row: &CorrectionRow) -> Result<Correction> {
        let mut shown = Correction {
            correction: number,
            officer: officer(row.requested.as_ref()),
            requested_at: at(row.requested.as_ref()),
            is_answered: row.answered.is_some(),
            is_corrected: row.is_corrected,
            answered_by: officer(row.answered.as_ref()),
            answered_at: at(row.answered.as_ref()),
            ..Correction::default()
        };
        if let Some(act) = &row.requested {
            let text: RequestCorrectionRequest = self.text(act)?;
            shown.text = text.text;
        }
        if let Some(act) = &row.answered {
            let text: AnswerCorrectionRequest = self.text(act)?;
            (shown.answer, shown.is_withheld) = self.answer(act, text.answer);
            shown.attachments = text.attachments;
            shown.notification = self.notification(act)?;
        }
        Ok(shown)
    }

    fn suspension(&self, row: &SuspensionRow) -> Result<Suspension> {
        let mut shown = Suspension {
            officer: officer(row.suspended.as_ref()),
            suspended_at: at(row.suspended.as_ref()),
            resumed_by: officer(row.resumed.as_ref()),
            resumed_at: at(row.resumed.as_ref()),
            ..Suspension::default()
        };
        if let Some(act) = &row.suspended {
            shown.reason = self.text::<SuspendUseRequest>(act)?.reason;
        }
        if let Some(act) = &row.resumed {
            shown.resumption_reason = self.text::<ResumeUseRequest>(act)?.reason;
        }
        Ok(shown)
    }
}

fn deadline(row: &DeadlineRow, now_us: i64) -> Deadline {
    let due = row.due.clone().unwrap_or_default();
    let moves = row.moves.iter().map(|one| DeadlineMove {
        reason: one.reason,
        was_on: one.was_on,
        becomes_on: one.becomes_on,
        known_from_on: one.known_from_on,
        moved_at: instant(one.moved_at_us),
    });
    Deadline {
        kind: due.kind,
        correction: i32::try_from(due.correction).unwrap_or(i32::MAX),
        counted_from_on: due.counted_from_on,
        working_days: i32::try_from(due.working_days).unwrap_or(i32::MAX),
        counting: due.counting,
        due_on: row.due_on().map(date::to_wire),
        due_at: instant(due.due_us),
        is_provisional: due.is_provisional,
        is_open: row.is_open,
        is_overdue: is_overdue(row, now_us),
        met_at: instant(row.met_at_us),
        source: due.source,
        moves: moves.collect(),
    }
}

/// Whether a deadline runs and is over.
pub(super) fn is_overdue(row: &DeadlineRow, now_us: i64) -> bool {
    row.is_open && row.due.as_ref().is_some_and(|due| due.due_us < now_us)
}
