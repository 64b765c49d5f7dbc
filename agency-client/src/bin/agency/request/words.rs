//! States and deadlines of requests in the words of the office.

use agency_client::requests::Owed;
use hub_proto::requests::{
    ApprovalLevel, DeadlineKind, DeadlineMoveReason, InformationRequest, RequestKind, RequestState,
    SharingAttribute,
};

use crate::output::Out;

pub(crate) fn state(out: Out, state: RequestState) -> &'static str {
    match state {
        RequestState::Unspecified => "",
        RequestState::Drafted => out.label("waits for approval", "待审批"),
        RequestState::Rejected => out.label("rejected", "审批未通过"),
        RequestState::Submitted => out.label("with the provider", "待答复"),
        RequestState::Incomplete => out.label("incomplete", "待补正"),
        RequestState::Consented => out.label("consented", "同意，待提供"),
        RequestState::Delivered => out.label("delivered", "已提供"),
        RequestState::Suspended => out.label("use suspended", "暂停使用"),
        RequestState::Refused => out.label("refused", "不予提供"),
        RequestState::Withdrawn => out.label("withdrawn", "已撤回"),
        RequestState::Disposed => out.label("disposed of", "已处置"),
    }
}

pub(crate) fn kind(out: Out, kind: RequestKind) -> &'static str {
    match kind {
        RequestKind::Unspecified => "",
        RequestKind::Data => out.label("government data", "政务数据"),
        RequestKind::AccountInformation => out.label("account information", "账户信息"),
    }
}

pub(crate) fn sharing(out: Out, sharing: SharingAttribute) -> &'static str {
    match sharing {
        SharingAttribute::Unspecified => "",
        SharingAttribute::Unconditional => out.label("unconditional", "无条件共享"),
        SharingAttribute::Conditional => out.label("conditional", "有条件共享"),
    }
}

pub(crate) fn approval_level(out: Out, level: ApprovalLevel) -> &'static str {
    match level {
        ApprovalLevel::Unspecified => "",
        ApprovalLevel::Government => out.label("the people's government", "本级人民政府"),
        ApprovalLevel::AgencyHead => out.label("the head of the agency", "单位负责人"),
        ApprovalLevel::BureauHead => out.label("the head of the bureau", "局长"),
        ApprovalLevel::AsStatute => out.label("as the statute says", "依法定审批人"),
    }
}

/// What must be done by a day.
pub(crate) fn deadline(out: Out, kind: DeadlineKind, correction: i32) -> String {
    match kind {
        DeadlineKind::Unspecified => String::new(),
        DeadlineKind::Answer => out.label("answer", "答复").to_owned(),
        DeadlineKind::Delivery => out.label("delivery", "提供数据").to_owned(),
        DeadlineKind::Correction => {
            format!("{} {correction}", out.label("correction", "校核更正"))
        }
        DeadlineKind::Disposal => out.label("disposal", "处置数据").to_owned(),
    }
}

/// What is owed.
pub(crate) fn owed(out: Out, request: &InformationRequest, owed: &Owed) -> String {
    match &owed.deadline {
        Some(one) => deadline(out, one.kind(), one.correction),
        None if request.state() == RequestState::Drafted => {
            format!(
                "{} {}",
                out.label("approval by", "审批："),
                request.approver
            )
        }
        None => out.label("what is missing", "补正材料").to_owned(),
    }
}

/// Why a deadline was moved.
pub(crate) fn moved(out: Out, reason: DeadlineMoveReason) -> &'static str {
    match reason {
        DeadlineMoveReason::Unspecified => "",
        DeadlineMoveReason::Calendar => out.label("a new holiday notice", "节假日安排调整"),
        DeadlineMoveReason::Extension => out.label("extended", "延期"),
    }
}
