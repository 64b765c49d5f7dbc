//! What comes after the delivery: use, corrections, suspension, disposal (Order 809 art. 25 to 29).

use hub_core::date;
use hub_proto::{
    ledger::Event,
    requests::{
        CorrectionAnswered, CorrectionRequested, DeadlineKind, DisposalConfirmed, RequestState,
        UseRecorded, UseResumed, UseSuspended, requests_event::Kind,
    },
};
use jiff::{Timestamp, civil::Date};

use super::{
    CORRECTIONS_MAX, Case, CorrectionAnswer, SUSPENSIONS_MAX, USES_MAX,
    deadlines::{rules, starting},
    event,
    notices::Notice,
    refused,
};
use crate::{
    domain::channels::{self, Issue},
    error::{Error, Result},
};

/// States in which there is data to speak of.
const IN_HAND: [RequestState; 2] = [RequestState::Delivered, RequestState::Suspended];

fn told(case: &Case<'_>, kind: Kind, issue: Issue) -> Result<Vec<Event>> {
    let mut events = vec![event(kind)];
    events.extend(channels::issue(case.context, case.view, &[issue])?);
    Ok(events)
}

/// The number of the next one of a list, or a refusal when it is full.
fn next(case: &Case<'_>, count: usize, max: usize, what: &str) -> Result<u32> {
    if count >= max {
        return Err(refused(format!(
            "{} has {max} {what}, which is the most",
            case.name
        )));
    }
    Ok(u32::try_from(count).unwrap_or(u32::MAX).saturating_add(1))
}

pub(super) fn record_use(case: &Case<'_>) -> Result<Vec<Event>> {
    case.require(&[RequestState::Delivered], "Order 809 art. 25, 27")?;
    case.require_valid("Order 809 art. 25, 27")?;
    let number = next(case, case.row.uses.len(), USES_MAX, "records of use")?;
    let (requester, provider) = (case.row.requester_id()?, case.row.provider_id()?);
    let notice = Notice::new(case.name, &provider, &requester, "已记录使用情况");
    let kind = Kind::UseRecorded(UseRecorded {
        information_request: case.id(),
        r#use: number,
    });
    told(case, kind, notice.issue(case.context))
}

pub(super) fn request_correction(case: &Case<'_>) -> Result<Vec<Event>> {
    case.require(&IN_HAND, "Order 809 art. 26")?;
    let count = case.row.corrections.len();
    let number = next(case, count, CORRECTIONS_MAX, "correction requests")?;
    let deadline = rules(case.context)?.correction_answer();
    let due = starting(case.context, DeadlineKind::Correction, number, deadline)?;
    let (requester, provider) = (case.row.requester_id()?, case.row.provider_id()?);
    let mut notice = Notice::new(case.name, &provider, &requester, "数据校核申请");
    notice.wanted = "请核实，并答复更正后的数据或理由";
    notice.due = Some(&due);
    let issue = notice.issue(case.context);
    let kind = Kind::CorrectionRequested(CorrectionRequested {
        information_request: case.id(),
        correction: number,
        due: Some(due),
    });
    told(case, kind, issue)
}

pub(super) fn answer_correction(case: &Case<'_>, answer: &CorrectionAnswer) -> Result<Vec<Event>> {
    case.require(&IN_HAND, "Order 809 art. 26")?;
    let number = answer.correction;
    let place = usize::try_from(number)
        .ok()
        .and_then(|one| one.checked_sub(1));
    let found = place.and_then(|place| case.row.corrections.get(place));
    let Some(found) = found else {
        let count = case.row.corrections.len();
        let rule = format!("must be one of the {count} correction requests, counted from 1");
        return Err(Error::field("correction", rule));
    };
    if found.answered.is_some() {
        let message = format!(
            "{}: correction request {number} was answered already (Order 809 art. 26)",
            case.name
        );
        return Err(refused(message));
    }
    let (requester, provider) = (case.row.requester_id()?, case.row.provider_id()?);
    let step = if answer.is_corrected {
        "数据已更正"
    } else {
        "核实后不予更正，理由见答复"
    };
    let mut notice = Notice::new(case.name, &requester, &provider, step);
    notice.documents = &answer.documents;
    let kind = Kind::CorrectionAnswered(CorrectionAnswered {
        information_request: case.id(),
        correction: number,
        is_corrected: answer.is_corrected,
    });
    told(case, kind, notice.issue(case.context))
}

pub(super) fn suspend(case: &Case<'_>) -> Result<Vec<Event>> {
    case.require(&[RequestState::Delivered], "Order 809 art. 27")?;
    next(
        case,
        case.row.suspensions.len(),
        SUSPENSIONS_MAX,
        "suspensions",
    )?;
    let (requester, provider) = (case.row.requester_id()?, case.row.provider_id()?);
    let mut notice = Notice::new(case.name, &requester, &provider, "暂停使用");
    notice.wanted = "请停止使用并整改，理由见申请";
    let kind = Kind::Suspended(UseSuspended {
        information_request: case.id(),
    });
    told(case, kind, notice.issue(case.context))
}

pub(super) fn resume(case: &Case<'_>) -> Result<Vec<Event>> {
    case.require(&[RequestState::Suspended], "Order 809 art. 27")?;
    let (requester, provider) = (case.row.requester_id()?, case.row.provider_id()?);
    let notice = Notice::new(case.name, &requester, &provider, "恢复使用");
    let kind = Kind::Resumed(UseResumed {
        information_request: case.id(),
    });
    told(case, kind, notice.issue(case.context))
}

pub(super) fn dispose(case: &Case<'_>, disposed_on: Date) -> Result<Vec<Event>> {
    case.require(&IN_HAND, "Order 809 art. 27, 29")?;
    let today = case.context.today();
    let delivered = case.row.delivered.as_ref();
    let delivered = delivered.and_then(|act| Timestamp::from_microsecond(act.at_us).ok());
    let delivered_on = delivered.map(|at| date::on(at, case.context.charter.zone()));
    if disposed_on > today || delivered_on.is_some_and(|on| disposed_on < on) {
        let on = delivered_on.unwrap_or(today);
        let rule = format!("must be from the day of the delivery, {on}, to today, {today}");
        return Err(Error::field("disposal.disposed_on", rule));
    }
    let (requester, provider) = (case.row.requester_id()?, case.row.provider_id()?);
    let notice = Notice::new(case.name, &provider, &requester, "已处置并确认");
    let kind = Kind::Disposed(DisposalConfirmed {
        information_request: case.id(),
    });
    told(case, kind, notice.issue(case.context))
}
