//! `meeting`: from a draft over topics, notice and answers to a meeting that was held.

mod held;
mod show;
mod topic;

use agency_client::{Client, meetings::as_written, outbox::Outgoing};
use hub_core::date::to_wire;
use hub_proto::{
    common::Receipt,
    meetings::{
        AnswerKind, AnswerNoticeRequest, CancelMeetingRequest, ChangeMeetingRequest,
        CloseMeetingRequest, ConfirmMeetingRequest, ConveneMeetingRequest, CreateMeetingRequest,
        ListMeetingsRequest, Meeting, MeetingKind, MeetingNotice, MeetingState, OpenTopicsRequest,
        UnitAnswer,
    },
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde_json::{Value, json};

use crate::{
    Context,
    args::meeting::{
        AnswerArgs, ChangeArgs, ConveneArgs, CreateArgs, MeetingCommand, MeetingListArgs, TextArgs,
    },
    attach,
    correct::tell_id,
    input_text,
    json::{self, date, instant, meetings as form},
    members::entry,
    names::{Names, ZONE, resource},
    outbox,
    output::{Done, Failure, Out},
    people::{Units, meeting_name, office_name, wire},
    table::{Table, Tone, pairs},
    words,
};

/// The outbox's stream of answers, consents and reports.
pub(crate) const STREAM: &str = "meetings";

pub(crate) async fn run(context: &Context, command: MeetingCommand) -> Done {
    match command {
        MeetingCommand::Create(args) => create(context, *args).await,
        MeetingCommand::Confirm {
            meeting,
            office,
            once,
        } => confirm(context, &meeting, office, once.id()).await,
        MeetingCommand::Open { meeting, once } => open(context, &meeting, once.id()).await,
        MeetingCommand::Topic(command) => topic::run(context, command).await,
        MeetingCommand::Convene(args) => convene(context, *args).await,
        MeetingCommand::Change(args) => change(context, *args).await,
        MeetingCommand::Answer(args) => answer(context, args).await,
        MeetingCommand::Cancel {
            meeting,
            reason,
            once,
        } => cancel(context, &meeting, reason, once.id()).await,
        MeetingCommand::Held(args) => held::run(context, *args).await,
        MeetingCommand::Close { meeting, once } => close(context, &meeting, once.id()).await,
        MeetingCommand::List(args) => list(context, args).await,
        MeetingCommand::Show { meeting } => show::run(context, &meeting).await,
        MeetingCommand::Warnings { mechanism } => warnings(context, &mechanism).await,
    }
}

/// A text that was typed or stands in a file; empty when neither was given.
pub(crate) fn text_of(text: TextArgs) -> Result<String, Failure> {
    Ok(text_or_none(text)?.unwrap_or_default())
}

/// A text, or nothing where none was given.
pub(crate) fn text_or_none(text: TextArgs) -> Result<Option<String>, Failure> {
    match (text.text, text.text_file) {
        (Some(text), _) => Ok(Some(text)),
        (None, Some(file)) => Ok(Some(input_text(&file)?.trim_end().to_owned())),
        (None, None) => Ok(None),
    }
}

async fn create(context: &Context, args: CreateArgs) -> Done {
    let client = context.client()?;
    let invited_units = match args.unit.as_slice() {
        [] => vec![],
        units => Units::fetch(&client).await?.all(units)?,
    };
    let purpose = text_of(TextArgs {
        text: args.purpose,
        text_file: args.purpose_file,
    })?;
    let office = args.mechanism.first().map(|first| office_name(first));
    let id = args.once.id();
    let meeting = Meeting {
        kind: MeetingKind::from(args.kind).into(),
        mechanisms: args
            .mechanism
            .iter()
            .map(|mechanism| resource("mechanisms", mechanism))
            .collect(),
        title: args.title,
        purpose,
        invited_units,
        planned_on: Some(to_wire(args.on)),
        topics_by_at: args.topics_by.map(wire),
        ..Meeting::default()
    };
    let request = CreateMeetingRequest {
        meeting: Some(meeting),
        office: office.unwrap_or_default(),
        request_id: id.clone(),
    };
    let answer = tell_id(context, &id, client.meetings().create(request).await)?.response;
    print(context, answer.meeting, answer.receipt.as_ref(), &id)
}

async fn confirm(context: &Context, meeting: &str, office: Option<String>, id: String) -> Done {
    let client = context.client()?;
    let name = meeting_name(meeting);
    let office = match office {
        Some(office) => office_name(&office),
        None => unconfirmed(&client.meetings().get(&name).await?)?,
    };
    let request = ConfirmMeetingRequest {
        name,
        office,
        etag: String::new(),
        request_id: id.clone(),
    };
    let answer = tell_id(context, &id, client.meetings().confirm(request).await)?.response;
    print(context, answer.meeting, answer.receipt.as_ref(), &id)
}

/// The first office that has not confirmed a meeting.
fn unconfirmed(meeting: &Meeting) -> Result<String, Failure> {
    let missing = meeting
        .offices
        .iter()
        .find(|office| !meeting.confirmed_by.contains(office));
    missing.cloned().ok_or_else(|| {
        let name = &meeting.name;
        Failure::usage(
            format!("{name}: every office has confirmed it; next: agency meeting open {name}"),
            format!("{name}：各办公室均已确认；下一步：agency meeting open {name}"),
        )
    })
}

async fn open(context: &Context, meeting: &str, id: String) -> Done {
    let request = OpenTopicsRequest {
        name: meeting_name(meeting),
        etag: String::new(),
        request_id: id.clone(),
    };
    let answer = context.client()?.meetings().open_topics(request).await;
    let answer = tell_id(context, &id, answer)?.response;
    print(context, answer.meeting, answer.receipt.as_ref(), &id)
}

async fn convene(context: &Context, args: ConveneArgs) -> Done {
    let client = context.client()?;
    let id = args.once.id();
    let notice = MeetingNotice {
        starts_at: Some(wire(args.starts)),
        place: args.place,
        text: text_of(args.text)?,
        documents: attach::upload(context.out, &client, &args.attach).await?,
        answer_by_at: args.answer_by.map(wire),
        ..MeetingNotice::default()
    };
    let request = ConveneMeetingRequest {
        name: meeting_name(&args.meeting),
        notice: Some(notice),
        etag: String::new(),
        request_id: id.clone(),
    };
    let answer = tell_id(context, &id, client.meetings().convene(request).await)?.response;
    print(context, answer.meeting, answer.receipt.as_ref(), &id)
}

async fn change(context: &Context, args: ChangeArgs) -> Done {
    let client = context.client()?;
    let id = args.once.id();
    let old = client.meetings().get(&meeting_name(&args.meeting)).await?;
    let notice = old.notice.clone().ok_or_else(|| {
        let name = &old.name;
        Failure::usage(
            format!("{name} has no notice yet; send one with agency meeting convene {name}"),
            format!("{name} 尚未发出通知；请先用 agency meeting convene {name}"),
        )
    })?;
    let mut notice = as_written(notice);
    let before = instant(notice.starts_at.as_ref());
    if let Some(at) = args.starts.or_else(|| moved(before?, args.on?)) {
        notice.starts_at = Some(wire(at));
    }
    if let Some(place) = args.place {
        notice.place = place;
    }
    if let Some(text) = text_or_none(args.text)? {
        notice.text = text;
    }
    // The old time to answer is about the old notice.
    notice.answer_by_at = args.answer_by.map(wire);
    let documents = attach::upload(context.out, &client, &args.attach).await?;
    notice.documents.extend(documents);
    let invited_units = match args.unit.as_slice() {
        [] => vec![],
        units => Units::fetch(&client).await?.all(units)?,
    };
    let request = ChangeMeetingRequest {
        name: old.name,
        notice: Some(notice),
        planned_on: args.on.map(to_wire),
        invited_units,
        reason: args.reason,
        etag: old.etag,
        request_id: id.clone(),
    };
    let answer = tell_id(context, &id, client.meetings().change(request).await)?.response;
    print(context, answer.meeting, answer.receipt.as_ref(), &id)
}

/// The same time of day on another day.
fn moved(at: Timestamp, on: Date) -> Option<Timestamp> {
    let zone = TimeZone::get(ZONE).unwrap_or(TimeZone::UTC);
    let time = at.to_zoned(zone.clone()).time();
    zone.to_timestamp(on.to_datetime(time)).ok()
}

async fn answer(context: &Context, args: AnswerArgs) -> Done {
    let kind = AnswerKind::from(args.answer);
    checked(kind, &args)?;
    let id = args.once.id();
    let mut request = AnswerNoticeRequest {
        name: meeting_name(&args.meeting),
        answer: Some(UnitAnswer {
            kind: kind.into(),
            attendees: args.attendee,
            reason: args.reason,
            ..UnitAnswer::default()
        }),
        revision: args.revision.unwrap_or_default(),
        request_id: id.clone(),
    };
    if args.outbox {
        return enqueue(context, Outgoing::answer_notice(&request)?).await;
    }
    let client = context.client()?;
    if args.revision.is_none() {
        request.revision = newest_notice(&client, &request.name).await?;
    }
    let answer = client.meetings().answer_notice(request).await;
    let answer = tell_id(context, &id, answer)?.response;
    print(context, answer.meeting, answer.receipt.as_ref(), &id)
}

/// What the command line can tell to be wrong with an answer.
fn checked(kind: AnswerKind, args: &AnswerArgs) -> Done {
    let is_excused = kind == AnswerKind::Excused;
    if is_excused && (args.reason.is_empty() || !args.attendee.is_empty()) {
        return Err(Failure::usage(
            "excused: say why with --reason, and name nobody with --attendee",
            "请假：请用 --reason 说明原因，不要使用 --attendee",
        ));
    }
    if !is_excused && args.attendee.is_empty() {
        return Err(Failure::usage(
            "say who comes: --attendee NAME,POST, once for each",
            "请说明参会人员：--attendee 姓名,职务，每人一次",
        ));
    }
    Ok(())
}

async fn newest_notice(client: &Client, name: &str) -> Result<i32, Failure> {
    let notice = client.meetings().get(name).await?.notice;
    Ok(notice.unwrap_or_default().revision)
}

/// Hands a call to the outbox.
pub(crate) async fn enqueue(context: &Context, what: Outgoing) -> Done {
    let outbox = outbox::open(context, None).await?;
    let enqueued = outbox.enqueue(STREAM, what).await?;
    let item = outbox.get(enqueued.ticket).await?;
    outbox::print(context.out, &item, enqueued.is_repeated)
}

async fn cancel(context: &Context, meeting: &str, reason: String, id: String) -> Done {
    let request = CancelMeetingRequest {
        name: meeting_name(meeting),
        reason,
        etag: String::new(),
        request_id: id.clone(),
    };
    let answer = context.client()?.meetings().cancel(request).await;
    let answer = tell_id(context, &id, answer)?.response;
    print(context, answer.meeting, answer.receipt.as_ref(), &id)
}

async fn close(context: &Context, meeting: &str, id: String) -> Done {
    let request = CloseMeetingRequest {
        name: meeting_name(meeting),
        etag: String::new(),
        request_id: id.clone(),
    };
    let answer = context.client()?.meetings().close(request).await;
    let answer = tell_id(context, &id, answer)?.response;
    print(context, answer.meeting, answer.receipt.as_ref(), &id)
}

/// What an act on a meeting ends with.
fn print(context: &Context, meeting: Option<Meeting>, receipt: Option<&Receipt>, id: &str) -> Done {
    let meeting = meeting.unwrap_or_default();
    let out = context.out;
    out.either(
        || json!({"meeting": form::meeting(&meeting), "receipt": json::receipt(receipt)}),
        || {
            let mut rows = show::heading(out, &meeting);
            rows.extend(act_rows(out, receipt, id));
            pairs(&rows)
        },
    )?;
    tell_next(out, next(&meeting));
    Ok(())
}

/// Ledger entry and request id of an act.
pub(crate) fn act_rows(
    out: Out,
    receipt: Option<&Receipt>,
    id: &str,
) -> [(&'static str, String); 2] {
    [
        (out.label("ledger entry", "账本条目"), entry(receipt)),
        (out.label("request id", "请求编号"), id.to_owned()),
    ]
}

/// Tells what comes next.
pub(crate) fn tell_next(out: Out, command: Option<String>) {
    if let Some(command) = command {
        out.remark(
            format_args!("next: {command}"),
            format_args!("下一步：{command}"),
        );
    }
}

/// What comes after an act, where it is the office's turn.
fn next(meeting: &Meeting) -> Option<String> {
    let name = &meeting.name;
    let is_unconfirmed = meeting.confirmed_by.len() < meeting.offices.len();
    let command = match meeting.state() {
        MeetingState::Draft if is_unconfirmed => format!("agency meeting confirm {name}"),
        MeetingState::Draft => format!("agency meeting open {name}"),
        MeetingState::TopicsOpen => format!("agency meeting topic list {name}"),
        MeetingState::TopicsConfirmed => {
            format!("agency meeting convene {name} --starts TIME --place PLACE")
        }
        MeetingState::Convened => format!("agency meeting show {name}"),
        MeetingState::Held => format!("agency minutes template {name} > minutes.md"),
        _ => return None,
    };
    Some(command)
}

async fn list(context: &Context, args: MeetingListArgs) -> Done {
    let client = context.client()?;
    let mut request = ListMeetingsRequest {
        mechanism: args
            .mechanism
            .map(|mechanism| resource("mechanisms", &mechanism))
            .unwrap_or_default(),
        state: args
            .state
            .map_or(0, |state| MeetingState::from(state).into()),
        year: args.year.unwrap_or_default(),
        page_size: args.page.page_size,
        page_token: args.page.page_token,
    };
    let mut meetings = vec![];
    loop {
        let page = client.meetings().list(&request).await?;
        meetings.extend(page.meetings);
        request.page_token = page.next_page_token;
        if !args.page.all || request.page_token.is_empty() {
            break;
        }
    }
    let out = context.out;
    if out.json {
        let values: Vec<Value> = meetings.iter().map(form::meeting).collect();
        return out.value(&json!({
            "meetings": values,
            "next_page_token": request.page_token,
        }));
    }
    let names = Names::fetch(&client).await;
    out.text(table(out, &meetings, &names))?;
    more(out, &request.page_token);
    Ok(())
}

/// Tells of further pages.
pub(crate) fn more(out: Out, token: &str) {
    if !token.is_empty() {
        out.remark(
            format_args!("more: --page-token {token} or --all"),
            format_args!("还有更多：--page-token {token} 或 --all"),
        );
    }
}

fn table(out: Out, meetings: &[Meeting], names: &Names) -> String {
    let mut table = Table::new(&[
        out.label("day", "日期"),
        out.label("state", "状态"),
        out.label("kind", "类型"),
        out.label("title", "会议名称"),
        out.label("mechanisms", "机制"),
        out.label("name", "名称"),
    ])
    .elastic(&[3, 4])
    .tail();
    for meeting in meetings {
        let mechanisms: Vec<String> = meeting
            .mechanisms
            .iter()
            .map(|mechanism| names.show(mechanism))
            .collect();
        let tone = match meeting.state() {
            MeetingState::Cancelled | MeetingState::Closed => Tone::Faint,
            _ => Tone::Plain,
        };
        let cells = vec![
            date(meeting.planned_on.as_ref()).unwrap_or_default(),
            words::meeting(out, meeting.state()).to_owned(),
            words::kind(out, meeting.kind()).to_owned(),
            meeting.title.clone(),
            mechanisms.join(", "),
            meeting.name.clone(),
        ];
        table.toned(cells, tone);
    }
    table.render(out.look)
}

async fn warnings(context: &Context, mechanism: &str) -> Done {
    let client = context.client()?;
    let parent = resource("mechanisms", mechanism);
    let warnings = client.meetings().warnings(&parent).await?;
    let out = context.out;
    if out.json {
        let values: Vec<Value> = warnings.iter().map(form::warning).collect();
        return out.value(&json!({ "warnings": values }));
    }
    if warnings.is_empty() {
        out.remark("nothing is missing", "没有需要提醒的事项");
        return Ok(());
    }
    let mut table = Table::new(&[
        out.label("year", "年度"),
        out.label("clause", "条款"),
        out.label("what is missing", "提醒"),
    ])
    .elastic(&[2]);
    for warning in &warnings {
        let cells = vec![
            warning.year.to_string(),
            warning.requirement.clone(),
            warning.message.clone(),
        ];
        table.toned(cells, Tone::Warn);
    }
    out.text(table.render(out.look))
}
