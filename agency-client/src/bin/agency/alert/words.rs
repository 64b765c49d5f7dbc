//! States of alerts in the words of the office.

use hub_proto::funds::{
    AlertAction, AlertKind, AlertState, ClosingOutcome, Direction, FindingKind, JointNoticeState,
    MeasureState, Severity,
};

use crate::output::Out;

pub(super) fn state(out: Out, state: AlertState) -> &'static str {
    match state {
        AlertState::Unspecified => "",
        AlertState::Circulated => out.label("circulated", "待签收"),
        AlertState::UnderHandling => out.label("under handling", "处理中"),
        AlertState::Found => out.label("found", "已有结论"),
        AlertState::Closed => out.label("closed", "已办结"),
        AlertState::Retracted => out.label("retracted", "已撤回"),
    }
}

pub(super) fn kind(out: Out, kind: AlertKind) -> &'static str {
    match kind {
        AlertKind::Unspecified => "",
        AlertKind::AbnormalMovement => out.label("abnormal movement", "资金异动"),
        AlertKind::OverseasDonation => out.label("overseas donation", "境外捐赠"),
    }
}

pub(super) fn direction(out: Out, direction: Direction) -> &'static str {
    match direction {
        Direction::Unspecified => "",
        Direction::In => out.label("in", "流入"),
        Direction::Out => out.label("out", "流出"),
        Direction::Both => out.label("in and out", "双向"),
    }
}

pub(super) fn severity(out: Out, severity: Severity) -> &'static str {
    match severity {
        Severity::Unspecified => "",
        Severity::Routine => out.label("routine", "一般"),
        Severity::Major => out.label("major", "重大"),
        Severity::Emergency => out.label("EMERGENCY", "紧急"),
    }
}

pub(super) fn action(out: Out, action: AlertAction) -> &'static str {
    match action {
        AlertAction::Unspecified => "",
        AlertAction::Checks => out.label("checks", "开展核查"),
        AlertAction::NoAction => out.label("no action", "不采取措施"),
        AlertAction::NeedsInformation => out.label("needs information", "需补充信息"),
        AlertAction::Noted => out.label("noted", "已知悉"),
    }
}

pub(super) fn finding(out: Out, kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::Unspecified => "",
        FindingKind::Substantiated => out.label("substantiated", "属实"),
        FindingKind::Unsubstantiated => out.label("unsubstantiated", "不属实"),
        FindingKind::Referred => out.label("referred", "转其他程序"),
    }
}

pub(super) fn measure(out: Out, state: MeasureState) -> &'static str {
    match state {
        MeasureState::Unspecified => "",
        MeasureState::Open => out.label("open", "办理中"),
        MeasureState::Done => out.label("done", "已完成"),
        MeasureState::Lifted => out.label("lifted", "已解除"),
    }
}

pub(super) fn notice(out: Out, state: JointNoticeState) -> &'static str {
    match state {
        JointNoticeState::Unspecified => "",
        JointNoticeState::Drafted => out.label("waits for signatures", "待会签"),
        JointNoticeState::Issued => out.label("issued", "已印发"),
        JointNoticeState::Lapsed => out.label("lapsed", "已失效"),
    }
}

pub(super) fn outcome(out: Out, outcome: ClosingOutcome) -> &'static str {
    match outcome {
        ClosingOutcome::Unspecified => "",
        ClosingOutcome::Substantiated => out.label("substantiated", "属实"),
        ClosingOutcome::Referred => out.label("referred", "转其他程序"),
        ClosingOutcome::Unsubstantiated => out.label("unsubstantiated", "不属实"),
        ClosingOutcome::NoAction => out.label("no action", "均不采取措施"),
    }
}

/// How long ago, in the largest unit: `3d`, `5h`, `12m`.
pub(super) fn age(out: Out, seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (count, en, zh) = match seconds {
        0..3_600 => (seconds / 60, "m", "分钟"),
        3_600..86_400 => (seconds / 3_600, "h", "小时"),
        _ => (seconds / 86_400, "d", "天"),
    };
    format!("{count}{}", out.label(en, zh))
}
