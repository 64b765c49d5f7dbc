//! What the other side of a referral is told: that something was done, and nothing of what it is about.
//! Whoever reads an inbox need not be one who may read referrals.

use hub_core::names::ReferralName;
use hub_proto::channels::{Classification, Notification};

use crate::charter::referrals::REFERRAL_CATEGORY;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Sent,
    Acknowledged,
    TakenUp,
    Declined,
    Returned,
    Asked,
    Added,
    Result { is_final: bool },
    Corrected,
    Closed,
    Withdrawn,
}

/// A notice by the agency that acted.
pub(super) fn notice(name: ReferralName, actor: &str, step: Step) -> Notification {
    let (title, request) = match step {
        Step::Sent => ("收到移送，请签收", "请签收并答复"),
        Step::Acknowledged => ("移送已签收", ""),
        Step::TakenUp => ("移送已受理", ""),
        Step::Declined => ("移送未予受理", "请查阅理由并办结"),
        Step::Returned => ("移送已退回：非其职权", "请查阅理由并办结"),
        Step::Asked => ("移送需要补充情况", "请补充情况"),
        Step::Added => ("移送已补充情况", ""),
        Step::Result { is_final: false } => ("移送办理进展已反馈", ""),
        Step::Result { is_final: true } => ("移送办理结果已反馈", "请查阅并办结"),
        Step::Corrected => ("移送已更正，请重新签收", "请签收更正后的移送"),
        Step::Closed => ("移送已办结", ""),
        Step::Withdrawn => ("移送已撤回", "不再需要办理"),
    };
    let name = name.to_string();
    let lines = [
        ("移送", name.as_str()),
        ("单位", actor),
        ("办理要求", request),
    ];
    let body: String = lines
        .iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(label, text)| format!("{label}：{text}\n"))
        .collect();
    Notification {
        category: REFERRAL_CATEGORY.into(),
        title: title.into(),
        body: body.into_bytes().into(),
        media_type: "text/plain; charset=utf-8".into(),
        classification: Classification::Internal.into(),
        resource: name,
        ..Notification::default()
    }
}
