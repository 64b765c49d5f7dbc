//! From the approval of a draft to its answer (Order 809 art. 20 to 22).

use hub_core::reason::Reason;
use hub_proto::{
    channels::Attachment,
    ledger::Event,
    requests::{
        AnswerTimeExtended, DeadlineKind, DueDay, InformationDelivered,
        InformationRequestCompleted, InformationRequestConsented, InformationRequestRefused,
        InformationRequestRejected, InformationRequestSubmitted, InformationRequestWithdrawn,
        MissingAsked, RequestState, SharingAttribute, requests_event::Kind,
    },
};

use super::{
    Case,
    deadlines::{disposal, extended, next_reminder, rules, starting},
    event,
    notices::Notice,
    refused,
};
use crate::{
    domain::channels::{self, Issue},
    error::{Error, Result},
};

/// An act and the notices of it; the first one asks for what is due.
fn told(case: &Case<'_>, kind: Kind, issues: &[Issue]) -> Result<Vec<Event>> {
    let mut events = vec![event(kind)];
    events.extend(channels::issue(case.context, case.view, issues)?);
    Ok(events)
}

/// Checks that the named approver acts, who is never the author.
fn check_approver(case: &Case<'_>) -> Result<()> {
    let officer = case.permit.officer().as_str();
    let author = case.row.drafted.as_ref().map(|act| act.officer.as_str());
    if author == Some(officer) {
        let message = format!(
            "{} must be approved by another officer than {officer}, who drafted it (Order 809 art. 20)",
            case.name
        );
        return Err(Error::new(Reason::PermissionDenied, message));
    }
    if case.row.approver != officer {
        let message = format!(
            "{} names {} as its approver; only that officer may approve or reject it (Order 809 art. 20)",
            case.name, case.row.approver
        );
        return Err(Error::new(Reason::PermissionDenied, message));
    }
    Ok(())
}

/// The time to answer that begins now.
fn answer_due(case: &Case<'_>) -> Result<DueDay> {
    let rules = rules(case.context)?;
    let deadline = match case.row.sharing() {
        SharingAttribute::Unconditional => rules.answer_unconditional(),
        SharingAttribute::Conditional | SharingAttribute::Unspecified => rules.answer_conditional(),
    };
    starting(case.context, DeadlineKind::Answer, 0, deadline)
}

pub(super) fn approve(case: &Case<'_>, documents: &[Attachment]) -> Result<Vec<Event>> {
    case.require(&[RequestState::Drafted], "Order 809 art. 20")?;
    check_approver(case)?;
    case.require_valid("Order 809 art. 20")?;
    case.require_open_case()?;
    case.require_declared_so()?;
    let due = answer_due(case)?;
    let (requester, provider) = (case.row.requester_id()?, case.row.provider_id()?);
    let mut notice = Notice::new(case.name, &provider, &requester, "收到申请");
    notice.wanted = "请答复：同意、说明理由不予共享，或一次性告知需补充的内容";
    notice.due = Some(&due);
    notice.documents = documents;
    let issue = notice.issue(case.context);
    let kind = Kind::Submitted(InformationRequestSubmitted {
        information_request: case.id(),
        due: Some(due),
    });
    told(case, kind, &[issue])
}

pub(super) fn reject(case: &Case<'_>) -> Result<Vec<Event>> {
    case.require(&[RequestState::Drafted], "Order 809 art. 20")?;
    check_approver(case)?;
    let requester = case.row.requester_id()?;
    let notice = Notice::new(case.name, &requester, &requester, "审批未通过");
    let kind = Kind::Rejected(InformationRequestRejected {
        information_request: case.id(),
    });
    told(case, kind, &[notice.issue(case.context)])
}

pub(super) fn withdraw(case: &Case<'_>) -> Result<Vec<Event>> {
    let unanswered = [
        RequestState::Drafted,
        RequestState::Submitted,
        RequestState::Incomplete,
    ];
    case.require(&unanswered, "a request is taken back before it is answered")?;
    let (requester, provider) = (case.row.requester_id()?, case.row.provider_id()?);
    // Of a draft, the provider knows nothing.
    let notice = Notice::new(case.name, &provider, &requester, "申请已撤回");
    let issues: Vec<Issue> = case
        .row
        .is_submitted()
        .then(|| notice.issue(case.context))
        .into_iter()
        .collect();
    let kind = Kind::Withdrawn(InformationRequestWithdrawn {
        information_request: case.id(),
    });
    told(case, kind, &issues)
}

pub(super) fn ask_for_missing(case: &Case<'_>) -> Result<Vec<Event>> {
    case.require(&[RequestState::Submitted], "Order 809 art. 21")?;
    if case.row.missing_asked.is_some() {
        return Err(refused(format!(
            "{}: what is missing was asked for already, and everything must be told at once \
             (Order 809 art. 21)",
            case.name
        )));
    }
    let (requester, provider) = (case.row.requester_id()?, case.row.provider_id()?);
    let mut notice = Notice::new(case.name, &requester, &provider, "一次性告知需补充的内容");
    notice.wanted = "请补充；补充后重新计算答复时限";
    let kind = Kind::MissingAsked(MissingAsked {
        information_request: case.id(),
    });
    told(case, kind, &[notice.issue(case.context)])
}

pub(super) fn complete(case: &Case<'_>, documents: &[Attachment]) -> Result<Vec<Event>> {
    case.require(&[RequestState::Incomplete], "Order 809 art. 21")?;
    let due = answer_due(case)?;
    let (requester, provider) = (case.row.requester_id()?, case.row.provider_id()?);
    let mut notice = Notice::new(case.name, &provider, &requester, "申请已补充");
    notice.wanted = "请答复：同意或说明理由不予共享";
    notice.due = Some(&due);
    notice.documents = documents;
    let issue = notice.issue(case.context);
    let kind = Kind::Completed(InformationRequestCompleted {
        information_request: case.id(),
        due: Some(due),
    });
    told(case, kind, &[issue])
}

pub(super) fn extend(case: &Case<'_>, working_days: u32) -> Result<Vec<Event>> {
    let source = "Order 809 art. 21";
    case.require(&[RequestState::Submitted], source)?;
    if case.row.sharing() != SharingAttribute::Conditional {
        return Err(refused(format!(
            "{}: only the time to answer a conditional request can be extended ({source})",
            case.name
        )));
    }
    if case.row.extended.is_some() {
        let message = format!(
            "{}: its time was extended already, once ({source})",
            case.name
        );
        return Err(refused(message));
    }
    let most = rules(case.context)?.answer_conditional().extension_amount;
    let most = u32::from(most.unwrap_or_default());
    if !(1..=most).contains(&working_days) {
        let rule = format!("must be 1 to {most} working days ({source})");
        return Err(Error::field("working_days", rule));
    }
    let open = case.row.open(DeadlineKind::Answer, 0);
    let before = open.and_then(|open| open.due.as_ref());
    let before = before.ok_or_else(|| Error::internal("a submitted request has no deadline"))?;
    if case.context.now.as_microsecond() > before.due_us {
        let message = format!(
            "{}: its time is over and cannot be extended any more ({source})",
            case.name
        );
        return Err(refused(message));
    }
    let due = extended(case.context, before, working_days)?;
    let (requester, provider) = (case.row.requester_id()?, case.row.provider_id()?);
    let step = format!(
        "经共享主管部门同意，答复时限由{}延长至{}",
        super::notices::day_of(before),
        super::notices::day_of(&due)
    );
    let notice = Notice::new(case.name, &requester, &provider, &step);
    let kind = Kind::Extended(AnswerTimeExtended {
        information_request: case.id(),
        working_days,
        next_remind_at_us: next_reminder(case.context, &due),
        due: Some(due),
    });
    told(case, kind, &[notice.issue(case.context)])
}

pub(super) fn consent(case: &Case<'_>, delivery: Option<&[Attachment]>) -> Result<Vec<Event>> {
    case.require(&[RequestState::Submitted], "Order 809 art. 21")?;
    case.require_valid("Order 809 art. 20")?;
    case.require_open_case()?;
    if let Some(documents) = delivery {
        let mut events = vec![event(Kind::Consented(InformationRequestConsented {
            information_request: case.id(),
            due: None,
        }))];
        events.extend(delivered(case, documents, "同意并已提供")?);
        return Ok(events);
    }
    let deadline = rules(case.context)?.delivery();
    let due = starting(case.context, DeadlineKind::Delivery, 0, deadline)?;
    let (requester, provider) = (case.row.requester_id()?, case.row.provider_id()?);
    let mut own = Notice::new(case.name, &provider, &provider, "已同意，待提供");
    own.wanted = "请提供";
    own.due = Some(&due);
    let mut theirs = Notice::new(case.name, &requester, &provider, "同意共享");
    let by = format!("提供时限：{}", super::notices::day_of(&due));
    theirs.wanted = &by;
    let issues = [own.issue(case.context), theirs.issue(case.context)];
    let kind = Kind::Consented(InformationRequestConsented {
        information_request: case.id(),
        due: Some(due),
    });
    told(case, kind, &issues)
}

pub(super) fn deliver(case: &Case<'_>, documents: &[Attachment]) -> Result<Vec<Event>> {
    case.require(&[RequestState::Consented], "Order 809 art. 22")?;
    case.require_valid("Order 809 art. 20")?;
    case.require_open_case()?;
    delivered(case, documents, "已提供")
}

/// The delivery, with which the requester is asked to confirm disposal by the last day of use.
fn delivered(case: &Case<'_>, documents: &[Attachment], step: &str) -> Result<Vec<Event>> {
    let due = disposal(case.context, &case.row);
    let (requester, provider) = (case.row.requester_id()?, case.row.provider_id()?);
    let mut notice = Notice::new(case.name, &requester, &provider, step);
    notice.wanted = "仅限申请的用途使用，记录使用情况；用途终止后处置并确认";
    notice.due = Some(&due);
    notice.documents = documents;
    let issue = notice.issue(case.context);
    let kind = Kind::Delivered(InformationDelivered {
        information_request: case.id(),
        due: Some(due),
    });
    told(case, kind, &[issue])
}

/// Once the validity is over, nothing can be given any more: what waits for its completion or its delivery
/// is refused then, so that it does not wait for ever.
pub(super) fn refuse(case: &Case<'_>) -> Result<Vec<Event>> {
    let waiting = [
        RequestState::Submitted,
        RequestState::Incomplete,
        RequestState::Consented,
    ];
    let is_over = case.require_valid("").is_err();
    let wanted = if is_over {
        &waiting[..]
    } else {
        &[RequestState::Submitted]
    };
    case.require(wanted, "Order 809 art. 21")?;
    let (requester, provider) = (case.row.requester_id()?, case.row.provider_id()?);
    let notice = Notice::new(case.name, &requester, &provider, "不予共享，理由见答复");
    let kind = Kind::Refused(InformationRequestRefused {
        information_request: case.id(),
    });
    told(case, kind, &[notice.issue(case.context)])
}
