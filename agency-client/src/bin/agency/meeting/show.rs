//! One meeting for people.

use std::fmt::Write as _;

use agency_client::ClientError;
use hub_core::reason::Reason;
use hub_proto::meetings::{AnswerKind, Attendance, Attendee, Meeting, MeetingUnit, Topic};
use serde_json::json;

use super::topic::table as topic_table;
use crate::{
    Context,
    json::{date, meetings as form},
    names::{Names, minute, time},
    output::{Done, Failure, Out},
    people::meeting_name,
    table::{Table, Tone, many_lines, one_line, pairs},
    words,
};

pub(super) async fn run(context: &Context, meeting: &str) -> Done {
    let client = context.client()?;
    let name = meeting_name(meeting);
    let meeting = client.meetings().get(&name).await?;
    let topics = client.meetings().topics(&name).await;
    let topics = or_none(topics)?;
    let out = context.out;
    if out.json {
        let topics: Vec<_> = topics.iter().map(form::topic).collect();
        return out.value(&json!({"meeting": form::meeting(&meeting), "topics": topics}));
    }
    let names = Names::fetch(&client).await;
    out.text(text(out, &meeting, &topics, &names))
}

/// A draft's topics are none yet, and a hub may say so with a refusal.
fn or_none(topics: Result<Vec<Topic>, ClientError>) -> Result<Vec<Topic>, Failure> {
    match topics {
        Err(error) if error.reason() == Some(Reason::NotFound) => Ok(vec![]),
        other => Ok(other?),
    }
}

/// What every view of a meeting begins with.
pub(super) fn heading(out: Out, meeting: &Meeting) -> Vec<(&'static str, String)> {
    vec![
        (out.label("meeting", "会议"), meeting.name.clone()),
        (out.label("title", "会议名称"), meeting.title.clone()),
        (
            out.label("state", "状态"),
            words::meeting(out, meeting.state()).to_owned(),
        ),
        (
            out.label("kind", "类型"),
            words::kind(out, meeting.kind()).to_owned(),
        ),
        (
            out.label("day", "日期"),
            date(meeting.planned_on.as_ref()).unwrap_or_default(),
        ),
    ]
}

fn text(out: Out, meeting: &Meeting, topics: &[Topic], names: &Names) -> String {
    let mut rows = heading(out, meeting);
    rows.extend(details(out, meeting, names));
    let mut text = pairs(&rows);
    for (label, long) in [
        (out.label("purpose", "会议内容"), meeting.purpose.as_str()),
        (
            out.label("notice", "通知正文"),
            meeting.notice.as_ref().map_or("", |notice| &notice.text),
        ),
    ] {
        if !long.is_empty() {
            // Writing to a String cannot fail.
            let _infallible = write!(text, "\n{label}\n{}\n", many_lines(long));
        }
    }
    text.push('\n');
    text.push_str(&units(out, meeting));
    if !topics.is_empty() {
        text.push('\n');
        text.push_str(&topic_table(out, topics, names));
    }
    for point in &meeting.speaker_points {
        let said = one_line(&format!("{}: {}", names.show(&point.agency), point.text));
        let _infallible = write!(text, "\n{said}\n");
    }
    text
}

fn details(out: Out, meeting: &Meeting, names: &Names) -> Vec<(&'static str, String)> {
    let show = |names_of: &[String]| -> String {
        let shown: Vec<String> = names_of.iter().map(|one| names.show(one)).collect();
        shown.join(", ")
    };
    let notice = meeting.notice.clone().unwrap_or_default();
    let waits: Vec<String> = meeting
        .offices
        .iter()
        .filter(|office| !meeting.confirmed_by.contains(office))
        .cloned()
        .collect();
    let documents: Vec<&str> = notice
        .documents
        .iter()
        .map(|file| file.file_name.as_str())
        .collect();
    let revision = match notice.revision {
        0 => String::new(),
        revision => revision.to_string(),
    };
    vec![
        (out.label("offices", "办公室"), show(&meeting.offices)),
        (out.label("not confirmed by", "待确认"), show(&waits)),
        (
            out.label("topics by", "议题征集截止"),
            time(meeting.topics_by_at.as_ref()),
        ),
        (
            out.label("topics confirmed", "议题确定"),
            time(meeting.topics_confirmed_at.as_ref()),
        ),
        (
            out.label("begins", "开始时间"),
            time(notice.starts_at.as_ref()),
        ),
        (out.label("place", "地点"), notice.place.clone()),
        (out.label("notice no.", "通知版次"), revision),
        (out.label("documents", "会议材料"), documents.join(", ")),
        (
            out.label("answer by", "回复截止"),
            time(notice.answer_by_at.as_ref()),
        ),
        (
            out.label("held", "召开时间"),
            time(meeting.held_at.as_ref()),
        ),
        (out.label("chair", "主持"), meeting.chair.clone()),
        (
            out.label("in attendance", "列席"),
            meeting.observers.join("、"),
        ),
        (
            out.label("cancelled because", "取消原因"),
            meeting.cancel_reason.clone(),
        ),
        (out.label("minutes", "纪要"), meeting.minutes.join(", ")),
    ]
}

/// The units, their answers, and who was there.
fn units(out: Out, meeting: &Meeting) -> String {
    let was_held = meeting.held_at.is_some();
    let mut table = Table::new(&[
        out.label("unit", "单位"),
        out.label("answer", "回复"),
        out.label("answered", "回复时间"),
        if was_held {
            out.label("attendance", "出席情况")
        } else {
            ""
        },
        out.label("who, or why not", "人员或原因"),
    ])
    .elastic(&[0, 4]);
    for unit in &meeting.units {
        let (cells, tone) = unit_row(out, unit, meeting.notice.is_some());
        table.toned(cells, tone);
    }
    table.render(out.look)
}

fn unit_row(out: Out, unit: &MeetingUnit, is_asked: bool) -> (Vec<String>, Tone) {
    let answer = unit.answer.clone().unwrap_or_default();
    let who = if unit.attendees.is_empty() {
        &answer.attendees
    } else {
        &unit.attendees
    };
    let detail = if answer.reason.is_empty() || !who.is_empty() {
        people(who)
    } else {
        answer.reason.clone()
    };
    let is_waiting = is_asked
        && answer.kind() == AnswerKind::Unspecified
        && unit.attendance() == Attendance::Unspecified;
    let said = if is_asked || answer.kind() != AnswerKind::Unspecified {
        words::answer(out, answer.kind())
    } else {
        ""
    };
    let id = unit.agency.strip_prefix("agencies/");
    let cells = vec![
        format!("{} {}", id.unwrap_or(&unit.agency), unit.display_name),
        said.to_owned(),
        minute(answer.answered_at.as_ref()),
        words::attendance(out, unit.attendance()).to_owned(),
        detail,
    ];
    (cells, if is_waiting { Tone::Warn } else { Tone::Plain })
}

/// Officers in one line.
fn people(who: &[Attendee]) -> String {
    let shown: Vec<String> = who
        .iter()
        .map(|who| {
            format!("{} {}", who.display_name, who.post)
                .trim_end()
                .to_owned()
        })
        .collect();
    shown.join("、")
}
