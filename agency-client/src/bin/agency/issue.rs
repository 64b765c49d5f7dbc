//! `issue`: major issues (重大问题), from a member's flag to the leading group's reply.

mod escalation;

use hub_proto::{
    common::Receipt,
    meetings::{
        DisposeMajorIssueRequest, Disposition, DispositionKind, FlagMajorIssueRequest,
        ListMajorIssuesRequest, MajorIssue, MajorIssueState,
    },
};
use serde_json::{Value, json};

use crate::{
    Context,
    args::issue::{DisposeArgs, FlagArgs, IssueCommand},
    attach,
    correct::tell_id,
    json::{self, meetings as form},
    meeting::{act_rows, more, text_of},
    names::{Names, minute, resource, time},
    output::{Done, Out},
    people::meeting_name,
    table::{Table, Tone, many_lines, pairs},
    words,
};

pub(crate) async fn run(context: &Context, command: IssueCommand) -> Done {
    match command {
        IssueCommand::Flag(args) => flag(context, args).await,
        IssueCommand::Dispose(args) => dispose(context, args).await,
        IssueCommand::List {
            mechanism,
            state,
            page,
        } => {
            let request = ListMajorIssuesRequest {
                mechanism: mechanism
                    .map(|mechanism| resource("mechanisms", &mechanism))
                    .unwrap_or_default(),
                state: state.map_or(0, |state| MajorIssueState::from(state).into()),
                page_size: page.page_size,
                page_token: page.page_token,
            };
            list(context, request, page.all).await
        }
        IssueCommand::Show { issue } => show(context, &issue).await,
        IssueCommand::Escalation(command) => escalation::run(context, command).await,
    }
}

/// Full name of a major issue.
fn issue_name(text: &str) -> String {
    resource("majorIssues", text)
}

async fn flag(context: &Context, args: FlagArgs) -> Done {
    let client = context.client()?;
    let id = args.once.id();
    let request = FlagMajorIssueRequest {
        major_issue: Some(MajorIssue {
            mechanism: resource("mechanisms", &args.mechanism),
            title: args.title,
            text: text_of(args.text)?,
            reason: args.reason,
            documents: attach::upload(context.out, &client, &args.attach).await?,
            ..MajorIssue::default()
        }),
        request_id: id.clone(),
    };
    let answer = tell_id(context, &id, client.major_issues().flag(request).await)?.response;
    print(context, answer.major_issue, answer.receipt.as_ref(), &id)
}

async fn dispose(context: &Context, args: DisposeArgs) -> Done {
    let id = args.once.id();
    let request = DisposeMajorIssueRequest {
        name: issue_name(&args.issue),
        disposition: Some(Disposition {
            kind: DispositionKind::from(args.disposition).into(),
            reason: args.reason.unwrap_or_default(),
            meeting: args
                .meeting
                .as_deref()
                .map(meeting_name)
                .unwrap_or_default(),
            ..Disposition::default()
        }),
        request_id: id.clone(),
    };
    let answer = context.client()?.major_issues().dispose(request).await;
    let answer = tell_id(context, &id, answer)?.response;
    print(context, answer.major_issue, answer.receipt.as_ref(), &id)
}

async fn list(context: &Context, mut request: ListMajorIssuesRequest, all: bool) -> Done {
    let client = context.client()?;
    let mut issues = vec![];
    loop {
        let page = client.major_issues().list(&request).await?;
        issues.extend(page.major_issues);
        request.page_token = page.next_page_token;
        if !all || request.page_token.is_empty() {
            break;
        }
    }
    let out = context.out;
    if out.json {
        let values: Vec<Value> = issues.iter().map(form::issue).collect();
        return out.value(&json!({
            "major_issues": values,
            "next_page_token": request.page_token,
        }));
    }
    if issues.is_empty() {
        out.remark("no major issues", "没有重大问题");
        return Ok(());
    }
    let names = Names::fetch(&client).await;
    out.text(table(out, &issues, &names))?;
    more(out, &request.page_token);
    Ok(())
}

fn table(out: Out, issues: &[MajorIssue], names: &Names) -> String {
    let mut table = Table::new(&[
        out.label("flagged", "提出时间"),
        out.label("state", "状态"),
        out.label("by", "提出单位"),
        out.label("title", "标题"),
        out.label("name", "名称"),
    ])
    .elastic(&[2, 3])
    .tail();
    for issue in issues {
        let tone = match issue.state() {
            MajorIssueState::Flagged => Tone::Warn,
            MajorIssueState::Closed | MajorIssueState::Answered => Tone::Faint,
            _ => Tone::Plain,
        };
        let cells = vec![
            minute(issue.flagged_at.as_ref()),
            words::issue(out, issue.state()).to_owned(),
            names.show(&issue.flagged_by),
            issue.title.clone(),
            issue.name.clone(),
        ];
        table.toned(cells, tone);
    }
    table.render(out.look)
}

async fn show(context: &Context, issue: &str) -> Done {
    let client = context.client()?;
    let issue = client.major_issues().get(&issue_name(issue)).await?;
    let out = context.out;
    if out.json {
        return out.value(&json!({ "major_issue": form::issue(&issue) }));
    }
    let names = Names::fetch(&client).await;
    let mut text = pairs(&rows(out, &issue, &names));
    if !issue.text.is_empty() {
        text.push_str(&format!("\n{}\n", many_lines(&issue.text)));
    }
    out.text(text)
}

fn rows(out: Out, issue: &MajorIssue, names: &Names) -> Vec<(&'static str, String)> {
    let disposition = issue.disposition.clone().unwrap_or_default();
    let documents: Vec<&str> = issue
        .documents
        .iter()
        .map(|file| file.file_name.as_str())
        .collect();
    vec![
        (out.label("major issue", "重大问题"), issue.name.clone()),
        (out.label("title", "标题"), issue.title.clone()),
        (
            out.label("state", "状态"),
            words::issue(out, issue.state()).to_owned(),
        ),
        (out.label("mechanism", "机制"), names.show(&issue.mechanism)),
        (
            out.label("flagged by", "提出单位"),
            format!("{} · {}", names.show(&issue.flagged_by), issue.officer),
        ),
        (
            out.label("flagged", "提出时间"),
            time(issue.flagged_at.as_ref()),
        ),
        (out.label("why major", "重大理由"), issue.reason.clone()),
        (out.label("documents", "材料"), documents.join(", ")),
        (
            out.label("disposition", "处理意见"),
            words::disposition(out, disposition.kind()).to_owned(),
        ),
        (
            out.label("topic", "议题"),
            if disposition.topic.is_empty() {
                disposition.meeting.clone()
            } else {
                disposition.topic.clone()
            },
        ),
        (out.label("because", "处理理由"), disposition.reason.clone()),
        (
            out.label("decided", "处理时间"),
            time(disposition.decided_at.as_ref()),
        ),
        (
            out.label("discussed at", "讨论会议"),
            issue.discussed_at.join(", "),
        ),
        (
            out.label("escalations", "上报"),
            issue.escalations.join(", "),
        ),
    ]
}

fn print(
    context: &Context,
    issue: Option<MajorIssue>,
    receipt: Option<&Receipt>,
    id: &str,
) -> Done {
    let issue = issue.unwrap_or_default();
    let out = context.out;
    out.either(
        || json!({"major_issue": form::issue(&issue), "receipt": json::receipt(receipt)}),
        || {
            let mut rows = rows(out, &issue, &Names::default());
            rows.extend(act_rows(out, receipt, id));
            pairs(&rows)
        },
    )
}
