//! One request in full, and how its days are told.

use hub_core::{
    date::from_wire,
    workdays::{Calendar, Known},
};
use hub_proto::{
    common,
    requests::{
        AccountInquiry, Correction, Deadline, Delivery, InformationRequest, RequestKind,
        Suspension, UseRecord,
    },
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde_json::json;

use super::{name_of, words};
use crate::{
    Context,
    json::{date, requests as form},
    names::{Names, ZONE, time},
    output::{Done, Out},
    table::{Table, Tone, many_lines, pairs},
};

/// Today, with the calendar that this program has. The hub's may know a newer notice: what it computed, it
/// tells itself; here only the days that are left are counted.
#[derive(Debug)]
pub(super) struct Today {
    calendar: Calendar,
    on: Date,
}

impl Today {
    pub(super) fn now() -> Self {
        let zone = TimeZone::get(ZONE).unwrap_or(TimeZone::UTC);
        Self::on(Timestamp::now().to_zoned(zone).date())
    }

    pub(super) fn on(on: Date) -> Self {
        // A test of the calendar reads the same rows; without them weekends alone are off.
        let calendar = Calendar::published().unwrap_or_default();
        Self { calendar, on }
    }

    fn known(&self) -> Known<'_> {
        self.calendar.newest()
    }
}

/// The day of an instant, in the charter's time zone.
pub(super) fn day(at: Timestamp) -> String {
    let zone = TimeZone::get(ZONE).unwrap_or(TimeZone::UTC);
    at.to_zoned(zone).date().to_string()
}

fn on(on: Option<&common::Date>) -> String {
    date(on).unwrap_or_default()
}

/// The day, marked when it is provisional, with the first day that was told when it was moved.
pub(super) fn due(out: Out, deadline: &Deadline) -> String {
    let mut text = on(deadline.due_on.as_ref());
    if deadline.is_provisional {
        text.push_str(out.label(" (provisional)", "（暂定）"));
    }
    if let Some(first) = deadline.moves.first() {
        let was = on(first.was_on.as_ref());
        text.push_str(&match out.lang {
            agency_client::Lang::En => format!(" (was {was})"),
            agency_client::Lang::Zh => format!("（原 {was}）"),
        });
    }
    text
}

/// How many working days are left of a deadline that runs, or how many it is late.
pub(super) fn left(out: Out, deadline: &Deadline, today: &Today) -> String {
    let due_on = deadline.due_on.as_ref().and_then(from_wire);
    let Some(due_on) = due_on.filter(|_| deadline.is_open) else {
        return String::new();
    };
    let zh = out.lang == agency_client::Lang::Zh;
    if deadline.is_overdue {
        let late = today.known().between(due_on, today.on);
        return if zh {
            format!("逾期 {late} 个工作日")
        } else {
            format!("overdue, {late} wd")
        };
    }
    let left = today.known().between(today.on, due_on);
    let about = if today.known().is_provisional(due_on) {
        "~"
    } else {
        ""
    };
    if zh {
        format!("{about}{left} 个工作日")
    } else {
        format!("{about}{left} wd")
    }
}

pub(super) async fn run(context: &Context, request: &str) -> Done {
    let client = context.client()?;
    let request = client.requests().get(&name_of(request)).await?;
    let out = context.out;
    if out.json {
        return out.value(&json!({ "information_request": form::request(&request) }));
    }
    let names = Names::fetch(&client).await;
    out.text(text(out, &request, &names, &Today::now()))
}

/// Everything about a request.
pub(super) fn text(out: Out, one: &InformationRequest, names: &Names, today: &Today) -> String {
    let mut rows = heading(out, one, names);
    rows.extend(contents(out, one));
    if let Some(account) = &one.account {
        rows.extend(account_rows(out, account));
    }
    let mut text = pairs(&rows);
    if !one.deadlines.is_empty() {
        text.push_str(&format!("\n{}", deadlines(out, one, today)));
    }
    for part in history(out, one) {
        text.push_str(&part);
    }
    text
}

/// Where it stands and who is on it.
pub(super) fn heading(
    out: Out,
    one: &InformationRequest,
    names: &Names,
) -> Vec<(&'static str, String)> {
    vec![
        (out.label("request", "请求"), one.name.clone()),
        (
            out.label("state", "状态"),
            words::state(out, one.state()).to_owned(),
        ),
        (
            out.label("kind", "类型"),
            words::kind(out, one.kind()).to_owned(),
        ),
        (
            out.label("sharing", "共享属性"),
            words::sharing(out, one.sharing()).to_owned(),
        ),
        (out.label("asks", "请求方"), names.show(&one.requester)),
        (out.label("is asked", "提供方"), names.show(&one.provider)),
        (
            out.label("drafted", "起草"),
            acted(out, &one.officer, one.drafted_at.as_ref()),
        ),
        (out.label("approver", "审批人"), one.approver.clone()),
        (
            out.label("received", "收到"),
            time(one.received_at.as_ref()),
        ),
        (
            out.label("may be used until", "使用期限"),
            validity(out, one),
        ),
        (
            out.label("withdrawn", "撤回"),
            time(one.withdrawn_at.as_ref()),
        ),
        (out.label("reason", "原因"), one.withdrawal_reason.clone()),
    ]
}

fn validity(out: Out, one: &InformationRequest) -> String {
    let until = on(one.valid_until_on.as_ref());
    if one.is_validity_over {
        format!("{until} {}", out.label("(over)", "（已届满）"))
    } else {
        until
    }
}

fn contents(out: Out, one: &InformationRequest) -> Vec<(&'static str, String)> {
    let organizations: Vec<String> = one
        .organizations
        .iter()
        .map(|organization| format!("{} {}", organization.uscc, organization.display_name))
        .collect();
    let period = match (&one.start_on, &one.end_on) {
        (None, None) => String::new(),
        (start, end) => format!("{} – {}", on(start.as_ref()), on(end.as_ref())),
    };
    let basis = [
        &one.legal_basis,
        &one.legal_basis_text,
        &one.instrument_basis,
    ];
    let basis: Vec<&str> = basis
        .iter()
        .map(|text| text.as_str())
        .filter(|text| !text.is_empty())
        .collect();
    vec![
        (out.label("purpose", "用途"), one.purpose.clone()),
        (out.label("scope", "范围"), one.scope.clone()),
        (out.label("organisations", "组织"), organizations.join("; ")),
        (out.label("period", "数据期间"), period),
        (out.label("used in", "使用场景"), one.use_scene.clone()),
        (out.label("legal basis", "法律依据"), basis.join(" · ")),
        (
            out.label("reference", "案（事）号"),
            one.case_reference.clone(),
        ),
        (
            out.label("documents", "材料"),
            files(&one.attachments, &one.notification),
        ),
    ]
}

fn account_rows(out: Out, account: &AccountInquiry) -> Vec<(&'static str, String)> {
    let case = account.case_opened.clone().unwrap_or_default();
    let approval = format!(
        "{} · {} · {}",
        words::approval_level(out, account.approval_level()),
        account.approval_reference,
        on(account.approved_on.as_ref())
    );
    let charity = account
        .is_charity
        .then(|| out.label("yes", "是").to_owned());
    vec![
        (
            out.label("case opened", "立案"),
            on(case.opened_on.as_ref()),
        ),
        (
            out.label("case names", "案件所涉组织"),
            case.organizations.join(", "),
        ),
        (
            out.label("instrument", "查询文书"),
            account.instrument_number.clone(),
        ),
        (
            out.label("officers", "查询人员"),
            account.officers.join(", "),
        ),
        (out.label("inquiry approved by", "查询审批"), approval),
        (
            out.label("charity", "慈善组织"),
            charity.unwrap_or_default(),
        ),
    ]
}

/// Every deadline: what, by when, how it was moved, whether it was met.
pub(super) fn deadlines(out: Out, one: &InformationRequest, today: &Today) -> String {
    let mut table = Table::new(&[
        out.label("deadline", "期限事项"),
        out.label("counted from", "起算日"),
        out.label("working days", "工作日"),
        out.label("due", "期限"),
        out.label("left, or met", "剩余或办结"),
        out.label("source", "依据"),
    ])
    .elastic(&[5]);
    for deadline in &one.deadlines {
        let (standing, tone) = if let Some(met_at) = &deadline.met_at {
            (time(Some(met_at)), Tone::Good)
        } else if deadline.is_open {
            let tone = if deadline.is_overdue {
                Tone::Bad
            } else {
                Tone::Plain
            };
            (left(out, deadline, today), tone)
        } else {
            (out.label("stopped", "已中止").to_owned(), Tone::Faint)
        };
        let count = match deadline.working_days {
            0 => String::new(),
            count => count.to_string(),
        };
        let cells = vec![
            words::deadline(out, deadline.kind(), deadline.correction),
            on(deadline.counted_from_on.as_ref()),
            count,
            due(out, deadline),
            standing,
            deadline.source.clone(),
        ];
        table.toned(cells, tone);
    }
    let mut text = table.render(out.look);
    for (deadline, moved) in one
        .deadlines
        .iter()
        .flat_map(|deadline| deadline.moves.iter().map(move |moved| (deadline, moved)))
    {
        let line = format!(
            "{}: {} → {} · {} · {}",
            words::deadline(out, deadline.kind(), deadline.correction),
            on(moved.was_on.as_ref()),
            on(moved.becomes_on.as_ref()),
            words::moved(out, moved.reason()),
            time(moved.moved_at.as_ref()),
        );
        text.push_str(&format!("{}\n", out.look.paint(&line, Tone::Warn)));
    }
    text
}

/// Who did it, and when.
fn acted(_out: Out, officer: &str, at: Option<&prost_types::Timestamp>) -> String {
    match time(at) {
        at if at.is_empty() => String::new(),
        at => format!("{at} {officer}"),
    }
}

fn files(files: &[hub_proto::channels::Attachment], notification: &str) -> String {
    let names: Vec<&str> = files.iter().map(|file| file.file_name.as_str()).collect();
    match names.is_empty() {
        true => String::new(),
        false => format!("{} (agency attach get {notification})", names.join(", ")),
    }
}

/// A step of the request: a heading with who and when, then a text.
fn step(
    out: Out,
    title: &str,
    officer: &str,
    at: Option<&prost_types::Timestamp>,
    body: &str,
) -> String {
    let head = crate::table::one_line(&format!("{title} · {}", acted(out, officer, at)));
    let head = out.look.paint(&head, Tone::Strong);
    if body.is_empty() {
        format!("\n{head}\n")
    } else {
        format!("\n{head}\n{}\n", many_lines(body))
    }
}

fn withheld(out: Out, is_withheld: bool, text: &str) -> String {
    if is_withheld {
        let rule = out.label(
            "withheld: shown to the requester, and to the officer who gave it (FS-053)",
            "不予显示：仅请求方及经办人可见（FS-053）",
        );
        rule.to_owned()
    } else {
        text.to_owned()
    }
}

/// What came of it, in order.
fn history(out: Out, one: &InformationRequest) -> Vec<String> {
    let mut parts = until_the_answer(out, one);
    parts.extend(one.answer.iter().map(|one| answer(out, one)));
    parts.extend(one.delivery.iter().map(|one| delivery(out, one)));
    parts.extend(one.corrections.iter().map(|one| correction(out, one)));
    parts.extend(one.uses.iter().map(|one| use_record(out, one)));
    parts.extend(one.suspensions.iter().map(|one| suspension(out, one)));
    parts.extend(one.disposal.iter().map(|one| disposal(out, one)));
    parts
}

fn until_the_answer(out: Out, one: &InformationRequest) -> Vec<String> {
    let mut parts = vec![];
    if let Some(approval) = &one.approval {
        let title = if approval.is_approved {
            out.label("approved", "审批通过")
        } else {
            out.label("rejected", "审批不通过")
        };
        let at = approval.decided_at.as_ref();
        parts.push(step(out, title, &approval.officer, at, &approval.reason));
    }
    if let Some(completion) = &one.completion {
        let (title, at) = (
            out.label("missing", "要求补正"),
            completion.asked_at.as_ref(),
        );
        parts.push(step(
            out,
            title,
            &completion.asked_by,
            at,
            &completion.missing,
        ));
        if completion.completed_at.is_some() {
            let (title, at) = (
                out.label("completed", "补正"),
                completion.completed_at.as_ref(),
            );
            parts.push(step(
                out,
                title,
                &completion.completed_by,
                at,
                &completion.addition,
            ));
            parts.push(file_line(
                out,
                &completion.attachments,
                &completion.notification,
            ));
        }
    }
    if let Some(extension) = &one.extension {
        let title = format!(
            "{} {}",
            out.label("extended by working days:", "延长工作日："),
            extension.working_days
        );
        let body = format!("{}\n{}", extension.reason, extension.consent_reference);
        parts.push(step(
            out,
            &title,
            &extension.officer,
            extension.extended_at.as_ref(),
            &body,
        ));
    }
    parts
}

fn answer(out: Out, one: &hub_proto::requests::Answer) -> String {
    let title = if one.is_consent {
        out.label("consent", "同意")
    } else {
        out.label("refusal", "不予提供")
    };
    let body = withheld(out, one.is_withheld, &one.text);
    step(out, title, &one.officer, one.answered_at.as_ref(), &body)
}

fn disposal(out: Out, one: &hub_proto::requests::Disposal) -> String {
    let title = format!(
        "{} {}",
        out.label("disposed of on", "处置于"),
        on(one.disposed_on.as_ref())
    );
    let body = format!("{}\n{}", one.storage, one.destruction);
    step(out, &title, &one.officer, one.confirmed_at.as_ref(), &body)
}

fn file_line(
    out: Out,
    attachments: &[hub_proto::channels::Attachment],
    notification: &str,
) -> String {
    match files(attachments, notification) {
        line if line.is_empty() => line,
        line => format!(
            "{}: {}\n",
            out.label("documents", "材料"),
            crate::table::one_line(&line)
        ),
    }
}

fn delivery(out: Out, one: &Delivery) -> String {
    let body = withheld(out, one.is_withheld, &one.text);
    let title = out.label("data", "数据");
    let text = step(out, title, &one.officer, one.delivered_at.as_ref(), &body);
    text + &file_line(out, &one.attachments, &one.notification)
}

fn correction(out: Out, one: &Correction) -> String {
    let title = format!(
        "{} {}",
        out.label("correction request", "校核申请"),
        one.correction
    );
    let mut text = step(
        out,
        &title,
        &one.officer,
        one.requested_at.as_ref(),
        &one.text,
    );
    if one.is_answered {
        let title = if one.is_corrected {
            out.label("corrected", "已更正")
        } else {
            out.label("stands as delivered", "不予更正")
        };
        let body = withheld(out, one.is_withheld, &one.answer);
        text.push_str(&step(
            out,
            title,
            &one.answered_by,
            one.answered_at.as_ref(),
            &body,
        ));
        text.push_str(&file_line(out, &one.attachments, &one.notification));
    }
    text
}

fn use_record(out: Out, one: &UseRecord) -> String {
    let title = format!("{} {}", out.label("use", "使用记录"), one.r#use);
    let body = pairs(&[
        (out.label("in", "场景"), one.scene.clone()),
        (out.label("how", "过程"), one.process.clone()),
        (out.label("effect", "效果"), one.effect.clone()),
        (
            out.label("fits the purpose", "与用途相符"),
            one.purpose_fit.clone(),
        ),
    ]);
    step(
        out,
        &title,
        &one.officer,
        one.recorded_at.as_ref(),
        body.trim_end(),
    )
}

fn suspension(out: Out, one: &Suspension) -> String {
    let title = out.label("use suspended", "暂停使用");
    let mut text = step(
        out,
        title,
        &one.officer,
        one.suspended_at.as_ref(),
        &one.reason,
    );
    if one.resumed_at.is_some() {
        let title = out.label("suspension lifted", "恢复使用");
        let (officer, at) = (&one.resumed_by, one.resumed_at.as_ref());
        text.push_str(&step(out, title, officer, at, &one.resumption_reason));
    }
    text
}

/// Whether a read of it must say what it is for.
pub(super) fn needs_purpose(one: &InformationRequest) -> bool {
    one.kind() == RequestKind::AccountInformation
}
