//! Words for referrals.

use hub_proto::referrals::{ReferralAnswerKind, ReferralState, ReferralStep};

use crate::output::Out;

pub(crate) fn state(out: Out, state: ReferralState) -> &'static str {
    match state {
        ReferralState::Unspecified => "",
        ReferralState::Sent => out.label("sent", "待签收"),
        ReferralState::Received => out.label("received", "已签收"),
        ReferralState::TakenUp => out.label("taken up", "已受理"),
        ReferralState::Declined => out.label("declined", "未予受理"),
        ReferralState::Returned => out.label("returned", "已退回"),
        ReferralState::ResultFedBack => out.label("result fed back", "已反馈结果"),
        ReferralState::Closed => out.label("closed", "已办结"),
        ReferralState::Withdrawn => out.label("withdrawn", "已撤回"),
    }
}

pub(crate) fn answer(out: Out, kind: ReferralAnswerKind) -> &'static str {
    match kind {
        ReferralAnswerKind::Unspecified => "",
        ReferralAnswerKind::TakenUp => out.label("taken up", "受理"),
        ReferralAnswerKind::Declined => out.label("declined", "不予受理"),
        ReferralAnswerKind::Returned => out.label("returned as not competent", "非其职权，退回"),
    }
}

pub(crate) fn step(out: Out, step: ReferralStep) -> &'static str {
    match step {
        ReferralStep::Unspecified => "",
        ReferralStep::Acknowledge => out.label("acknowledge", "签收"),
        ReferralStep::Answer => out.label("answer", "答复"),
        ReferralStep::FeedBackResult => out.label("feed the result back", "反馈结果"),
        ReferralStep::AddInformation => out.label("add information", "补充情况"),
        ReferralStep::Close => out.label("close", "办结"),
    }
}
