//! Referrals as their sides see them: rows, with the texts read back from the ledger.

use hub_core::{date, names::ReferralName};
use hub_proto::{
    channels::Attachment,
    referrals::{
        AddInformationRequest, Answered, AskForInformationRequest, CloseReferralRequest,
        CorrectReferralRequest, DeclineReferralRequest, FeedBackResultRequest, Referral,
        ReferralAnswer, ReferralAnswerKind, ReferralCorrection, ReferralDuty, ReferralEnd,
        ReferralMessage, ReferralReceipt, ReferralResult, ReferralState, ReferralTimes,
        ReturnReferralRequest, SendReferralRequest, TakeUpReferralRequest, WithdrawReferralRequest,
    },
};
use jiff::Timestamp;

use crate::{
    domain::{
        meetings::rows::ActRow,
        referrals::rows::{MessageRow, ReferralRow, ResultRow},
    },
    engine::Engine,
    error::Result,
    wire::meetings::{lookup as texts, show::at},
};

/// Whether retention has erased its texts: all at once.
pub(super) fn is_sealed(engine: &Engine, row: &ReferralRow) -> Result<bool> {
    match &row.sent {
        Some(act) => Ok(texts::entry(engine, act)?.is_sealed()),
        None => Ok(false),
    }
}

/// What the sender wrote in a revision; empty when it is sealed.
fn written(engine: &Engine, row: &ReferralRow, revision: u32) -> Result<Referral> {
    let act = row.revised(revision);
    if revision <= 1 {
        let request: SendReferralRequest = texts::request(engine, act)?;
        return Ok(request.referral.unwrap_or_default());
    }
    let request: CorrectReferralRequest = texts::request(engine, act)?;
    Ok(request.referral.unwrap_or_default())
}

/// Every document that a side has given with it.
pub(super) fn documents(engine: &Engine, row: &ReferralRow) -> Result<Vec<Attachment>> {
    let mut all = vec![];
    for revision in 1..=row.revision() {
        all.extend(written(engine, row, revision)?.attachments);
    }
    for result in &row.results {
        let request: FeedBackResultRequest = texts::request(engine, result.act.as_ref())?;
        all.extend(request.result.unwrap_or_default().attachments);
    }
    Ok(all)
}

/// Where it stands, without contents.
pub(super) fn standing(
    engine: &Engine,
    name: ReferralName,
    row: &ReferralRow,
    now: Timestamp,
) -> Result<Referral> {
    let officer = |act: Option<&ActRow>| act.map(|act| act.officer.clone()).unwrap_or_default();
    let count = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let received = row.acknowledged.as_ref().map(|first| ReferralReceipt {
        received_at: at(Some(first)),
        officer: first.officer.clone(),
        revision: count(row.acknowledged_revision),
        acknowledged_at: at(row.acknowledged_last.as_ref()),
    });
    let answer = row.answer.as_ref().map(|act| ReferralAnswer {
        kind: answer_kind(row.answered()).into(),
        officer: act.officer.clone(),
        answered_at: at(Some(act)),
        ..ReferralAnswer::default()
    });
    let messages = row.messages.iter().map(|one| ReferralMessage {
        is_question: one.is_question,
        text: String::new(),
        officer: officer(one.act.as_ref()),
        sent_at: at(one.act.as_ref()),
    });
    let results = row.results.iter().map(|one| ReferralResult {
        is_final: one.is_final,
        officer: officer(one.act.as_ref()),
        fed_back_at: at(one.act.as_ref()),
        ..ReferralResult::default()
    });
    let corrections = row.corrections.iter().zip(2..);
    let corrections = corrections.map(|(act, revision)| ReferralCorrection {
        revision,
        reason: String::new(),
        officer: act.officer.clone(),
        corrected_at: at(Some(act)),
    });
    Ok(Referral {
        name: name.to_string(),
        addressee: format!("agencies/{}", row.addressee),
        state: row.state,
        revision: count(row.revision()),
        sender: format!("agencies/{}", row.sender),
        officer: officer(row.sent.as_ref()),
        sent_at: at(row.sent.as_ref()),
        received,
        answer,
        messages: messages.collect(),
        results: results.collect(),
        corrections: corrections.collect(),
        end: row.end.as_ref().map(|act| ReferralEnd {
            text: String::new(),
            officer: act.officer.clone(),
            ended_at: at(Some(act)),
        }),
        times: Some(times(row, now)),
        duty: duty(row, now),
        is_sealed: is_sealed(engine, row)?,
        ..Referral::default()
    })
}

/// As a list shows it: where it stands, its title and its organisations.
pub(super) fn summary(
    engine: &Engine,
    name: ReferralName,
    row: &ReferralRow,
    now: Timestamp,
) -> Result<Referral> {
    let written = written(engine, row, row.revision())?;
    Ok(Referral {
        title: written.title,
        organizations: written.organizations,
        sender_reference: written.sender_reference,
        ..standing(engine, name, row, now)?
    })
}

/// All of it, with the text of a revision.
pub(super) fn whole(
    engine: &Engine,
    name: ReferralName,
    row: &ReferralRow,
    revision: u32,
    now: Timestamp,
) -> Result<Referral> {
    let mut shown = standing(engine, name, row, now)?;
    let written = written(engine, row, revision)?;
    shown.organizations = written.organizations;
    shown.title = written.title;
    shown.text = written.text;
    shown.legal_basis = written.legal_basis;
    shown.source_note = written.source_note;
    shown.requested_action = written.requested_action;
    shown.sender_reference = written.sender_reference;
    shown.attachments = written.attachments;
    if let Some(answer) = &mut shown.answer {
        fill_answer(engine, row, answer)?;
    }
    for (shown, row) in shown.messages.iter_mut().zip(&row.messages) {
        shown.text = message(engine, row)?;
    }
    for (shown, row) in shown.results.iter_mut().zip(&row.results) {
        (shown.text, shown.attachments) = result(engine, row)?;
    }
    for (shown, act) in shown.corrections.iter_mut().zip(&row.corrections) {
        let request: CorrectReferralRequest = texts::request(engine, Some(act))?;
        shown.reason = request.reason;
    }
    if let Some(end) = &mut shown.end {
        end.text = end_text(engine, row)?;
    }
    Ok(shown)
}

fn answer_kind(answered: Answered) -> ReferralAnswerKind {
    match answered {
        Answered::TakenUp => ReferralAnswerKind::TakenUp,
        Answered::Declined => ReferralAnswerKind::Declined,
        Answered::Returned => ReferralAnswerKind::Returned,
        Answered::Unspecified => ReferralAnswerKind::Unspecified,
    }
}

fn fill_answer(engine: &Engine, row: &ReferralRow, answer: &mut ReferralAnswer) -> Result<()> {
    let act = row.answer.as_ref();
    match row.answered() {
        Answered::TakenUp => {
            let request: TakeUpReferralRequest = texts::request(engine, act)?;
            answer.reason = request.note;
            answer.addressee_reference = request.addressee_reference;
        }
        Answered::Declined => {
            let request: DeclineReferralRequest = texts::request(engine, act)?;
            answer.reason = request.reason;
        }
        Answered::Returned => {
            let request: ReturnReferralRequest = texts::request(engine, act)?;
            answer.reason = request.reason;
            answer.competent_unit_hint = request.competent_unit_hint;
        }
        Answered::Unspecified => {}
    }
    Ok(())
}

fn message(engine: &Engine, row: &MessageRow) -> Result<String> {
    let act = row.act.as_ref();
    if row.is_question {
        let request: AskForInformationRequest = texts::request(engine, act)?;
        return Ok(request.text);
    }
    let request: AddInformationRequest = texts::request(engine, act)?;
    Ok(request.text)
}

fn result(engine: &Engine, row: &ResultRow) -> Result<(String, Vec<Attachment>)> {
    let request: FeedBackResultRequest = texts::request(engine, row.act.as_ref())?;
    let written = request.result.unwrap_or_default();
    Ok((written.text, written.attachments))
}

fn end_text(engine: &Engine, row: &ReferralRow) -> Result<String> {
    let act = row.end.as_ref();
    if row.state() == ReferralState::Withdrawn {
        let request: WithdrawReferralRequest = texts::request(engine, act)?;
        return Ok(request.reason);
    }
    let request: CloseReferralRequest = texts::request(engine, act)?;
    Ok(request.note)
}

/// Elapsed times: of what is over as it was, of what waits until now.
fn times(row: &ReferralRow, now: Timestamp) -> ReferralTimes {
    let us = |act: Option<&ActRow>| act.map(|act| act.at_us);
    let sent = us(row.sent.as_ref());
    let received = us(row.acknowledged.as_ref());
    let answered = us(row.answer.as_ref());
    let is_withdrawn = row.state() == ReferralState::Withdrawn;
    let withdrawn = us(row.end.as_ref()).filter(|_| is_withdrawn);
    let is_taken_up = row.answered() == Answered::TakenUp;
    let result = us(row.final_result());
    let over = result.or(answered.filter(|_| !is_taken_up)).or(withdrawn);
    let now = now.as_microsecond();
    let between = |from: Option<i64>, to: Option<i64>| {
        let to = to.or(over).unwrap_or(now);
        from.map_or(0, |from| to.saturating_sub(from).max(0) / 1_000_000)
    };
    ReferralTimes {
        sent_to_received_seconds: between(sent, received),
        received_to_answered_seconds: between(received, answered),
        answered_to_result_seconds: between(answered.filter(|_| is_taken_up), result),
        total_seconds: between(sent, over),
    }
}

fn duty(row: &ReferralRow, now: Timestamp) -> Option<ReferralDuty> {
    let duty = row.duty()?;
    let unit = match duty.is_senders {
        true => &row.sender,
        false => &row.addressee,
    };
    let instant = |us: i64| Timestamp::from_microsecond(us).ok().map(date::timestamp);
    Some(ReferralDuty {
        unit: format!("agencies/{unit}"),
        step: duty.step.into(),
        since_at: instant(duty.since_us),
        due_at: instant(duty.due_us).filter(|_| duty.due_us > 0),
        is_overdue: duty.due_us > 0 && duty.due_us <= now.as_microsecond(),
    })
}
