//! Referrals for people: who owes what since when, and what has been said.

use hub_proto::referrals::{Referral, ReferralDuty, ReferralState, ReferralTimes};

use crate::{
    names::{Names, minute, time},
    output::Out,
    table::{Table, Tone, many_lines},
    words,
};

/// One line each: state, age, who owes what since when.
pub(super) fn table(out: Out, referrals: &[Referral], names: &Names) -> String {
    let mut table = Table::new(&[
        out.label("sent", "移送时间"),
        out.label("age", "历时"),
        out.label("state", "状态"),
        out.label("from", "移送单位"),
        out.label("to", "接收单位"),
        out.label("owes", "待办单位"),
        out.label("what", "待办事项"),
        out.label("since", "自"),
        out.label("title", "标题"),
        out.label("name", "名称"),
    ])
    .elastic(&[3, 4, 5, 8])
    .tail();
    for one in referrals {
        let duty = one.duty.clone().unwrap_or_default();
        let tone = if duty.is_overdue {
            Tone::Warn
        } else if matches!(
            one.state(),
            ReferralState::Closed | ReferralState::Withdrawn
        ) {
            Tone::Faint
        } else {
            Tone::Plain
        };
        let cells = vec![
            minute(one.sent_at.as_ref()),
            span(out, total(one)),
            words::referrals::state(out, one.state()).to_owned(),
            names.show(&one.sender),
            names.show(&one.addressee),
            names.show(&duty.unit),
            words::referrals::step(out, duty.step()).to_owned(),
            minute(duty.since_at.as_ref()),
            one.title.clone(),
            one.name.clone(),
        ];
        table.toned(cells, tone);
    }
    table.render(out.look)
}

fn total(one: &Referral) -> i64 {
    one.times.map_or(0, |times| times.total_seconds)
}

/// A length of time in its two largest units.
fn span(out: Out, seconds: i64) -> String {
    let minutes = seconds / 60;
    let (days, hours, minutes) = (minutes / 1_440, minutes / 60 % 24, minutes % 60);
    let parts = if days > 0 {
        [
            (days, out.label("d", "天")),
            (hours, out.label("h", "小时")),
        ]
    } else {
        [
            (hours, out.label("h", "小时")),
            (minutes, out.label("min", "分钟")),
        ]
    };
    let parts = parts.map(|(count, unit)| format!("{count}{unit}"));
    parts.join(out.label(" ", ""))
}

/// What is known of a referral, label by label; what is empty is left out.
pub(super) fn rows(out: Out, one: &Referral, names: &Names) -> Vec<(&'static str, String)> {
    let organizations = one.organizations.iter();
    let organizations = organizations.map(|one| format!("{} {}", one.uscc, one.display_name));
    let files = one.attachments.iter().map(|file| file.file_name.as_str());
    let mut rows = vec![
        (out.label("referral", "移送"), one.name.clone()),
        (out.label("title", "标题"), one.title.clone()),
        (
            out.label("state", "状态"),
            words::referrals::state(out, one.state()).to_owned(),
        ),
        (out.label("revision", "版本"), one.revision.to_string()),
        (
            out.label("from", "移送单位"),
            format!("{} · {}", names.show(&one.sender), one.officer),
        ),
        (out.label("to", "接收单位"), names.show(&one.addressee)),
        (
            out.label("organisations", "涉及组织"),
            organizations.collect::<Vec<_>>().join("; "),
        ),
        (
            out.label("legal basis", "法律依据"),
            one.legal_basis.clone(),
        ),
        (out.label("source", "线索来源"), one.source_note.clone()),
        (out.label("asked", "办理要求"), one.requested_action.clone()),
        (
            out.label("reference", "移送文号"),
            one.sender_reference.clone(),
        ),
        (
            out.label("documents", "材料"),
            files.collect::<Vec<_>>().join(", "),
        ),
        (out.label("sent", "移送时间"), time(one.sent_at.as_ref())),
    ];
    rows.extend(answer_rows(out, one));
    rows.extend(one.duty.as_ref().map(|duty| {
        let label = out.label("owes", "待办");
        (label, owed(out, duty, names))
    }));
    rows.extend(one.times.as_ref().map(|times| {
        let label = out.label("elapsed", "历时");
        (label, elapsed(out, times))
    }));
    if one.is_sealed {
        let sealed = out.label("its texts are sealed", "内容已封存");
        rows.push((out.label("sealed", "封存"), sealed.to_owned()));
    }
    rows
}

fn answer_rows(out: Out, one: &Referral) -> Vec<(&'static str, String)> {
    let mut rows = vec![];
    if let Some(received) = &one.received {
        rows.push((
            out.label("received", "签收"),
            format!(
                "{} · {} · {} {}",
                time(received.received_at.as_ref()),
                received.officer,
                out.label("revision", "版本"),
                received.revision
            ),
        ));
    }
    if let Some(answer) = &one.answer {
        rows.push((
            out.label("answer", "答复"),
            format!(
                "{} · {} · {}",
                words::referrals::answer(out, answer.kind()),
                time(answer.answered_at.as_ref()),
                answer.officer
            ),
        ));
        rows.push((out.label("because", "理由"), answer.reason.clone()));
        rows.push((
            out.label("may be competent", "可能有权单位"),
            answer.competent_unit_hint.clone(),
        ));
        rows.push((
            out.label("their reference", "接收单位文号"),
            answer.addressee_reference.clone(),
        ));
    }
    if let Some(end) = &one.end {
        let at = time(end.ended_at.as_ref());
        let label = out.label("ended", "办结");
        rows.push((label, format!("{at} · {} {}", end.officer, end.text)));
    }
    rows
}

fn owed(out: Out, duty: &ReferralDuty, names: &Names) -> String {
    let mut text = format!(
        "{}: {}, {} {}",
        names.show(&duty.unit),
        words::referrals::step(out, duty.step()),
        out.label("since", "自"),
        time(duty.since_at.as_ref())
    );
    if duty.due_at.is_some() {
        let by = out.label("by", "应于");
        text.push_str(&format!(", {by} {}", time(duty.due_at.as_ref())));
    }
    if duty.is_overdue {
        text.push_str(&format!(" ({})", out.label("late", "逾期")));
    }
    text
}

fn elapsed(out: Out, times: &ReferralTimes) -> String {
    [
        (
            out.label("until received", "至签收"),
            times.sent_to_received_seconds,
        ),
        (
            out.label("until answered", "至答复"),
            times.received_to_answered_seconds,
        ),
        (
            out.label("until the result", "至结果"),
            times.answered_to_result_seconds,
        ),
        (out.label("in all", "共计"), times.total_seconds),
    ]
    .map(|(label, seconds)| format!("{label} {}", span(out, seconds)))
    .join(", ")
}

/// Questions, what was added, corrections and results, in order.
pub(super) fn history(out: Out, one: &Referral) -> String {
    let mut said = vec![];
    for message in &one.messages {
        let what = match message.is_question {
            true => out.label("question", "询问"),
            false => out.label("added", "补充"),
        };
        said.push((message.sent_at, what, &message.officer, &message.text));
    }
    for correction in &one.corrections {
        let what = out.label("corrected", "更正");
        let at = correction.corrected_at;
        said.push((at, what, &correction.officer, &correction.reason));
    }
    for result in &one.results {
        let what = match result.is_final {
            true => out.label("final result", "最终结果"),
            false => out.label("result so far", "阶段结果"),
        };
        said.push((result.fed_back_at, what, &result.officer, &result.text));
    }
    said.sort_by_key(|(at, ..)| at.map(|at| (at.seconds, at.nanos)));
    said.iter()
        .map(|(at, what, officer, text)| {
            let text = many_lines(text);
            format!("\n{} · {what} · {officer}\n{text}\n", time(at.as_ref()))
        })
        .collect()
}
