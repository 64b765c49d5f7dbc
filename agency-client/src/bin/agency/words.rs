//! States of meetings, minutes and major issues in the words of the office.

pub(crate) mod referrals;

use hub_proto::meetings::{
    AgreedItemKind, AgreedItemState, AnswerKind, Attendance, ConsentState, DispositionKind,
    EscalationState, MajorIssueState, MeetingKind, MeetingState, MinutesState, TaskState,
    TopicState,
};

use crate::output::Out;

pub(crate) fn kind(out: Out, kind: MeetingKind) -> &'static str {
    match kind {
        MeetingKind::Unspecified => "",
        MeetingKind::Annual => out.label("annual", "工作协调会议"),
        MeetingKind::Extraordinary => out.label("extraordinary", "临时会议"),
        MeetingKind::Partial => out.label("partial", "部分成员单位会议"),
        MeetingKind::Correspondence => out.label("by correspondence", "通讯形式"),
    }
}

pub(crate) fn meeting(out: Out, state: MeetingState) -> &'static str {
    match state {
        MeetingState::Unspecified => "",
        MeetingState::Draft => out.label("draft", "筹备"),
        MeetingState::TopicsOpen => out.label("topics open", "征集议题"),
        MeetingState::TopicsConfirmed => out.label("topics confirmed", "议题已定"),
        MeetingState::Convened => out.label("convened", "已通知"),
        MeetingState::Held => out.label("held", "已召开"),
        MeetingState::MinutesDraft => out.label("minutes drafted", "起草纪要"),
        MeetingState::ConsentRound => out.label("consent round", "会签中"),
        MeetingState::Agreed => out.label("agreed", "会签完成"),
        MeetingState::Issued => out.label("issued", "已印发"),
        MeetingState::FollowUp => out.label("follow-up", "督办中"),
        MeetingState::Closed => out.label("closed", "已办结"),
        MeetingState::Cancelled => out.label("cancelled", "已取消"),
    }
}

pub(crate) fn answer(out: Out, answer: AnswerKind) -> &'static str {
    match answer {
        AnswerKind::Unspecified => out.label("no answer", "未回复"),
        AnswerKind::Attends => out.label("attends", "参加"),
        AnswerKind::Deputy => out.label("sends a deputy", "派员代会"),
        AnswerKind::Excused => out.label("excused", "请假"),
    }
}

pub(crate) fn attendance(out: Out, attendance: Attendance) -> &'static str {
    match attendance {
        Attendance::Unspecified => "",
        Attendance::Present => out.label("present", "出席"),
        Attendance::Excused => out.label("excused", "请假"),
        Attendance::Absent => out.label("absent", "缺席"),
        Attendance::Consulted => out.label("consulted", "征求意见"),
    }
}

pub(crate) fn topic(out: Out, state: TopicState) -> &'static str {
    match state {
        TopicState::Unspecified => "",
        TopicState::Proposed => out.label("proposed", "待定"),
        TopicState::Accepted => out.label("accepted", "列入议程"),
        TopicState::Declined => out.label("declined", "未列入"),
        TopicState::Merged => out.label("merged", "已合并"),
    }
}

pub(crate) fn minutes(out: Out, state: MinutesState) -> &'static str {
    match state {
        MinutesState::Unspecified => "",
        MinutesState::Draft => out.label("draft", "起草中"),
        MinutesState::ConsentRound => out.label("consent round", "会签中"),
        MinutesState::Agreed => out.label("agreed", "会签完成"),
        MinutesState::Issued => out.label("issued", "已印发"),
    }
}

pub(crate) fn consent(out: Out, state: ConsentState) -> &'static str {
    match state {
        ConsentState::Unspecified => "",
        ConsentState::Pending => out.label("waiting", "待会签"),
        ConsentState::Agreed => out.label("agreed", "同意"),
        ConsentState::Objected => out.label("objected", "有异议"),
        ConsentState::Silent => out.label("silent, counted as agreed", "逾期未复，视为同意"),
    }
}

pub(crate) fn item(out: Out, state: AgreedItemState) -> &'static str {
    match state {
        AgreedItemState::Unspecified => "",
        AgreedItemState::Open => out.label("open", "办理中"),
        AgreedItemState::Closed => out.label("closed", "已办结"),
        AgreedItemState::Superseded => out.label("superseded", "已被更正取代"),
    }
}

pub(crate) fn item_kind(out: Out, kind: AgreedItemKind) -> &'static str {
    match kind {
        AgreedItemKind::Unspecified => "",
        AgreedItemKind::Task => out.label("task", "任务"),
        AgreedItemKind::Priority => out.label("priority", "阶段性重点"),
        AgreedItemKind::JointOperation => out.label("joint operation", "联合行动"),
        AgreedItemKind::MajorCase => out.label("major case", "重大案件"),
    }
}

pub(crate) fn task(out: Out, state: TaskState) -> &'static str {
    match state {
        TaskState::Unspecified => "",
        TaskState::NotStarted => out.label("not reported", "未报告"),
        TaskState::InProgress => out.label("in progress", "办理中"),
        TaskState::Done => out.label("done", "已完成"),
    }
}

pub(crate) fn issue(out: Out, state: MajorIssueState) -> &'static str {
    match state {
        MajorIssueState::Unspecified => "",
        MajorIssueState::Flagged => out.label("flagged", "待处理"),
        MajorIssueState::OnAgenda => out.label("on an agenda", "列入议程"),
        MajorIssueState::Discussed => out.label("discussed", "已讨论"),
        MajorIssueState::Escalated => out.label("escalated", "上报中"),
        MajorIssueState::Answered => out.label("answered", "已批复"),
        MajorIssueState::Closed => out.label("closed", "已办结"),
    }
}

pub(crate) fn disposition(out: Out, kind: DispositionKind) -> &'static str {
    match kind {
        DispositionKind::Unspecified => "",
        DispositionKind::Agenda => out.label("agenda", "提交会议讨论"),
        DispositionKind::Escalate => out.label("to the leading group", "上报领导小组"),
        DispositionKind::Close => out.label("closed", "办结"),
    }
}

pub(crate) fn escalation(out: Out, state: EscalationState) -> &'static str {
    match state {
        EscalationState::Unspecified => "",
        EscalationState::Drafted => out.label("waits for signatures", "待会签"),
        EscalationState::Sent => out.label("sent", "已上报"),
        EscalationState::Answered => out.label("answered", "已批复"),
        EscalationState::Withdrawn => out.label("withdrawn", "已撤回"),
    }
}
