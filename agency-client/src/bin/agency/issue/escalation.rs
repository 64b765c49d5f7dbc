//! `issue escalation`: reports of major issues to the leading group (JE-075).

use hub_proto::{
    common::Receipt,
    meetings::{
        CoSignEscalationRequest, DraftEscalationRequest, Escalation, EscalationReply,
        EscalationState, ListEscalationsRequest, ReplyToEscalationRequest, SendEscalationRequest,
        WithdrawEscalationRequest,
    },
};
use serde_json::{Value, json};

use super::issue_name;
use crate::{
    Context,
    args::issue::{EscalateArgs, EscalationCommand},
    attach,
    correct::tell_id,
    json::{self, meetings as form},
    meeting::{act_rows, more, tell_next, text_of},
    names::{Names, minute, resource, time},
    output::{Done, Out},
    people::{Units, meeting_name},
    table::{Table, Tone, many_lines, one_line, pairs},
    words,
};

/// Full name of an escalation.
fn name_of(text: &str) -> String {
    resource("escalations", text)
}

pub(super) async fn run(context: &Context, command: EscalationCommand) -> Done {
    match command {
        EscalationCommand::Draft(args) => draft(context, args).await,
        EscalationCommand::CoSign { escalation, once } => {
            co_sign(context, &escalation, None, once.id()).await
        }
        EscalationCommand::Decline {
            escalation,
            reason,
            once,
        } => co_sign(context, &escalation, Some(reason), once.id()).await,
        EscalationCommand::Send { escalation, once } => {
            let id = once.id();
            let request = SendEscalationRequest {
                name: name_of(&escalation),
                request_id: id.clone(),
            };
            let issues = context.client()?.major_issues();
            let answer = tell_id(context, &id, issues.send_escalation(request).await)?.response;
            print(context, answer.escalation, answer.receipt.as_ref(), &id)
        }
        EscalationCommand::Withdraw { escalation, once } => {
            let id = once.id();
            let request = WithdrawEscalationRequest {
                name: name_of(&escalation),
                request_id: id.clone(),
            };
            let issues = context.client()?.major_issues();
            let answer = tell_id(context, &id, issues.withdraw_escalation(request).await)?;
            let answer = answer.response;
            print(context, answer.escalation, answer.receipt.as_ref(), &id)
        }
        EscalationCommand::Reply {
            escalation,
            text,
            document_number,
            attach,
            once,
        } => {
            let reply = EscalationReply {
                text: text_of(text)?,
                document_number,
                ..EscalationReply::default()
            };
            send_reply(context, &escalation, reply, &attach, once.id()).await
        }
        EscalationCommand::List { issue, page } => {
            let request = ListEscalationsRequest {
                major_issue: issue.as_deref().map(issue_name).unwrap_or_default(),
                page_size: page.page_size,
                page_token: page.page_token,
            };
            list(context, request, page.all).await
        }
        EscalationCommand::Show { escalation } => show(context, &escalation).await,
    }
}

async fn draft(context: &Context, args: EscalateArgs) -> Done {
    let client = context.client()?;
    let id = args.once.id();
    let request = DraftEscalationRequest {
        escalation: Some(Escalation {
            major_issue: issue_name(&args.issue),
            meeting: meeting_name(&args.meeting),
            co_units: Units::fetch(&client).await?.all(&args.with)?,
            title: args.title,
            text: text_of(args.text)?,
            documents: attach::upload(context.out, &client, &args.attach).await?,
            ..Escalation::default()
        }),
        request_id: id.clone(),
    };
    let answer = client.major_issues().draft_escalation(request).await;
    let answer = tell_id(context, &id, answer)?.response;
    print(context, answer.escalation, answer.receipt.as_ref(), &id)
}

/// Signs, or declines with a reason.
async fn co_sign(
    context: &Context,
    escalation: &str,
    declines: Option<String>,
    id: String,
) -> Done {
    let request = CoSignEscalationRequest {
        name: name_of(escalation),
        declines: declines.is_some(),
        reason: declines.unwrap_or_default(),
        request_id: id.clone(),
    };
    let issues = context.client()?.major_issues();
    let answer = tell_id(context, &id, issues.co_sign_escalation(request).await)?.response;
    print(context, answer.escalation, answer.receipt.as_ref(), &id)
}

async fn send_reply(
    context: &Context,
    escalation: &str,
    reply: EscalationReply,
    files: &[std::path::PathBuf],
    id: String,
) -> Done {
    let client = context.client()?;
    let reply = EscalationReply {
        documents: attach::upload(context.out, &client, files).await?,
        ..reply
    };
    let request = ReplyToEscalationRequest {
        name: name_of(escalation),
        reply: Some(reply),
        request_id: id.clone(),
    };
    let answer = client.major_issues().reply_to_escalation(request).await;
    let answer = tell_id(context, &id, answer)?.response;
    print(context, answer.escalation, answer.receipt.as_ref(), &id)
}

async fn list(context: &Context, mut request: ListEscalationsRequest, all: bool) -> Done {
    let client = context.client()?;
    let mut escalations = vec![];
    loop {
        let page = client.major_issues().escalations(&request).await?;
        escalations.extend(page.escalations);
        request.page_token = page.next_page_token;
        if !all || request.page_token.is_empty() {
            break;
        }
    }
    let out = context.out;
    if out.json {
        let values: Vec<Value> = escalations.iter().map(form::escalation).collect();
        return out.value(&json!({
            "escalations": values,
            "next_page_token": request.page_token,
        }));
    }
    if escalations.is_empty() {
        out.remark("no escalations", "没有上报事项");
        return Ok(());
    }
    let names = Names::fetch(&client).await;
    out.text(table(out, &escalations, &names))?;
    more(out, &request.page_token);
    Ok(())
}

fn table(out: Out, escalations: &[Escalation], names: &Names) -> String {
    let mut table = Table::new(&[
        out.label("drafted", "起草时间"),
        out.label("state", "状态"),
        out.label("signed", "会签"),
        out.label("lead", "牵头单位"),
        out.label("title", "标题"),
        out.label("name", "名称"),
    ])
    .elastic(&[3, 4])
    .tail();
    for one in escalations {
        let signed = one.co_signatures.iter().filter(|one| one.is_signed).count();
        let tone = match one.state() {
            EscalationState::Drafted => Tone::Warn,
            EscalationState::Withdrawn => Tone::Faint,
            _ => Tone::Plain,
        };
        let cells = vec![
            minute(one.drafted_at.as_ref()),
            words::escalation(out, one.state()).to_owned(),
            format!("{signed}/{}", one.co_units.len()),
            names.show(&one.lead_unit),
            one.title.clone(),
            one.name.clone(),
        ];
        table.toned(cells, tone);
    }
    table.render(out.look)
}

async fn show(context: &Context, escalation: &str) -> Done {
    let client = context.client()?;
    let escalation = client
        .major_issues()
        .escalation(&name_of(escalation))
        .await?;
    let out = context.out;
    if out.json {
        return out.value(&json!({ "escalation": form::escalation(&escalation) }));
    }
    let names = Names::fetch(&client).await;
    out.text(text(out, &escalation, &names))
}

fn rows(out: Out, one: &Escalation, names: &Names) -> Vec<(&'static str, String)> {
    let documents: Vec<&str> = one
        .documents
        .iter()
        .map(|file| file.file_name.as_str())
        .collect();
    vec![
        (out.label("escalation", "上报"), one.name.clone()),
        (out.label("title", "标题"), one.title.clone()),
        (
            out.label("state", "状态"),
            words::escalation(out, one.state()).to_owned(),
        ),
        (
            out.label("major issue", "重大问题"),
            one.major_issue.clone(),
        ),
        (out.label("discussed at", "讨论会议"), one.meeting.clone()),
        (out.label("lead", "牵头单位"), names.show(&one.lead_unit)),
        (out.label("to", "报送"), names.show(&one.addressee)),
        (out.label("documents", "材料"), documents.join(", ")),
        (
            out.label("drafted", "起草时间"),
            time(one.drafted_at.as_ref()),
        ),
        (out.label("sent", "上报时间"), time(one.sent_at.as_ref())),
    ]
}

/// Where each member that was asked stands.
fn signatures(out: Out, one: &Escalation, names: &Names) -> String {
    let mut table = Table::new(&[
        out.label("together with", "会同单位"),
        out.label("signature", "会签"),
        out.label("at", "时间"),
        out.label("by, or why not", "经办人或理由"),
    ])
    .elastic(&[0, 3]);
    for unit in &one.co_units {
        let signature = one.co_signatures.iter().find(|one| one.unit == *unit);
        let (state, tone) = match signature {
            None => (out.label("waiting", "待会签"), Tone::Warn),
            Some(one) if one.is_signed => (out.label("signed", "已会签"), Tone::Plain),
            Some(_) => (out.label("declined", "不同意会签"), Tone::Bad),
        };
        let signature = signature.cloned().unwrap_or_default();
        let detail = if signature.reason.is_empty() {
            signature.officer
        } else {
            signature.reason
        };
        let cells = vec![
            names.show(unit),
            state.to_owned(),
            minute(signature.signed_at.as_ref()),
            detail,
        ];
        table.toned(cells, tone);
    }
    table.render(out.look)
}

fn text(out: Out, one: &Escalation, names: &Names) -> String {
    let mut text = pairs(&rows(out, one, names));
    text.push_str(&format!("\n{}", signatures(out, one, names)));
    if !one.text.is_empty() {
        text.push_str(&format!("\n{}\n", many_lines(&one.text)));
    }
    if let Some(reply) = &one.reply {
        let head = format!(
            "{} {} · {} · {}",
            out.label("reply", "批复"),
            reply.document_number,
            time(reply.replied_at.as_ref()),
            reply.officer
        );
        text.push_str(&format!(
            "\n{}\n{}\n",
            one_line(&head),
            many_lines(&reply.text)
        ));
    }
    text
}

fn print(
    context: &Context,
    escalation: Option<Escalation>,
    receipt: Option<&Receipt>,
    id: &str,
) -> Done {
    let one = escalation.unwrap_or_default();
    let out = context.out;
    if out.json {
        return out.value(&json!({
            "escalation": form::escalation(&one),
            "receipt": json::receipt(receipt),
        }));
    }
    let names = Names::default();
    let mut rows = rows(out, &one, &names);
    rows.extend(act_rows(out, receipt, id));
    out.text(format!(
        "{}\n{}",
        pairs(&rows),
        signatures(out, &one, &names)
    ))?;
    let signed = one.co_signatures.iter().any(|one| one.is_signed);
    let is_complete = signed && one.co_signatures.len() == one.co_units.len();
    let next = (one.state() == EscalationState::Drafted && is_complete)
        .then(|| format!("agency issue escalation send {}", one.name));
    tell_next(out, next);
    Ok(())
}
