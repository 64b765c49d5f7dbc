//! `meeting topic`: topics by correspondence (JE-072).

use std::fmt::Write as _;

use hub_proto::{
    common::Receipt,
    meetings::{
        CommentOnTopicRequest, ConfirmTopicsRequest, DecideTopicRequest, OrderTopicsRequest,
        ProposeTopicRequest, Topic, TopicState,
    },
};
use serde_json::{Value, json};

use super::{act_rows, print as print_meeting, text_of};
use crate::{
    Context,
    args::meeting::{ProposeArgs, TextArgs, TopicCommand},
    attach,
    correct::tell_id,
    json::{self, meetings as form},
    names::{Names, minute, resource, time},
    output::{Done, Out},
    people::{meeting_name, number, office_name, within},
    table::{Table, Tone, many_lines, pairs},
    words,
};

pub(super) async fn run(context: &Context, command: TopicCommand) -> Done {
    match command {
        TopicCommand::List { meeting } => list(context, &meeting).await,
        TopicCommand::Show { topic } => show(context, &topic).await,
        TopicCommand::Propose(args) => propose(context, *args).await,
        TopicCommand::Comment {
            topic,
            text,
            office,
            once,
        } => comment(context, &topic, text, office, once.id()).await,
        TopicCommand::Accept { topic, once } => {
            let decision = (TopicState::Accepted, String::new(), String::new());
            decide(context, &topic, decision, once.id()).await
        }
        TopicCommand::Decline {
            topic,
            reason,
            once,
        } => {
            let decision = (TopicState::Declined, reason, String::new());
            decide(context, &topic, decision, once.id()).await
        }
        TopicCommand::Merge {
            topic,
            into,
            reason,
            once,
        } => {
            let name = within("topics", &topic)?;
            let (parent, _) = name.rsplit_once('/').unwrap_or_default();
            let decision = (TopicState::Merged, reason, format!("{parent}/{into}"));
            decide(context, &topic, decision, once.id()).await
        }
        TopicCommand::Order {
            meeting,
            numbers,
            once,
        } => order(context, &meeting, &numbers, once.id()).await,
        TopicCommand::Confirm { meeting, once } => confirm(context, &meeting, once.id()).await,
    }
}

async fn list(context: &Context, meeting: &str) -> Done {
    let client = context.client()?;
    let topics = client.meetings().topics(&meeting_name(meeting)).await?;
    let out = context.out;
    if out.json {
        let values: Vec<Value> = topics.iter().map(form::topic).collect();
        return out.value(&json!({ "topics": values }));
    }
    let names = Names::fetch(&client).await;
    out.text(table(out, &topics, &names))
}

/// Topics under each other.
pub(super) fn table(out: Out, topics: &[Topic], names: &Names) -> String {
    let mut table = Table::new(&[
        out.label("no.", "编号"),
        out.label("agenda", "议程"),
        out.label("state", "状态"),
        out.label("topic", "议题"),
        out.label("proposed by", "提出单位"),
        out.label("comments", "意见"),
        out.label("remark", "说明"),
    ])
    .elastic(&[3, 4, 6]);
    for topic in topics {
        let place = match topic.order {
            0 => String::new(),
            order => order.to_string(),
        };
        let remark = match topic.merged_into.as_str() {
            "" => topic.reason.clone(),
            into => format!("→ {} {}", number(into), topic.reason),
        };
        let tone = match topic.state() {
            TopicState::Declined | TopicState::Merged => Tone::Faint,
            TopicState::Proposed => Tone::Warn,
            _ => Tone::Plain,
        };
        let cells = vec![
            number(&topic.name).to_owned(),
            place,
            words::topic(out, topic.state()).to_owned(),
            topic.title.clone(),
            names.show(&topic.proposer),
            topic.comment_count.to_string(),
            remark.trim_end().to_owned(),
        ];
        table.toned(cells, tone);
    }
    table.render(out.look)
}

async fn show(context: &Context, topic: &str) -> Done {
    let client = context.client()?;
    let topic = client.meetings().topic(&within("topics", topic)?).await?;
    let out = context.out;
    if out.json {
        return out.value(&json!({ "topic": form::topic(&topic) }));
    }
    let names = Names::fetch(&client).await;
    let mut text = pairs(&rows(out, &topic, &names));
    if !topic.text.is_empty() {
        // Writing to a String cannot fail.
        let _infallible = write!(text, "\n{}\n", many_lines(&topic.text));
    }
    for comment in &topic.comments {
        let who = format!(
            "{} · {} · {}",
            names.show(&comment.author),
            comment.officer,
            minute(comment.commented_at.as_ref())
        );
        let said = many_lines(&comment.text);
        let _infallible = write!(text, "\n{}\n{said}\n", crate::table::one_line(&who));
    }
    out.text(text)
}

fn rows(out: Out, topic: &Topic, names: &Names) -> Vec<(&'static str, String)> {
    let documents: Vec<&str> = topic
        .documents
        .iter()
        .map(|file| file.file_name.as_str())
        .collect();
    vec![
        (out.label("topic", "议题"), topic.name.clone()),
        (out.label("title", "标题"), topic.title.clone()),
        (
            out.label("state", "状态"),
            words::topic(out, topic.state()).to_owned(),
        ),
        (
            out.label("proposed by", "提出单位"),
            format!("{} · {}", names.show(&topic.proposer), topic.officer),
        ),
        (
            out.label("proposed", "提出时间"),
            time(topic.proposed_at.as_ref()),
        ),
        (
            out.label("major issue", "重大问题"),
            topic.major_issue.clone(),
        ),
        (out.label("merged into", "并入"), topic.merged_into.clone()),
        (out.label("reason", "原因"), topic.reason.clone()),
        (out.label("documents", "材料"), documents.join(", ")),
    ]
}

async fn propose(context: &Context, args: ProposeArgs) -> Done {
    let client = context.client()?;
    let id = args.once.id();
    let topic = Topic {
        title: args.title,
        text: text_of(args.text)?,
        documents: attach::upload(context.out, &client, &args.attach).await?,
        major_issue: args
            .major_issue
            .map(|issue| resource("majorIssues", &issue))
            .unwrap_or_default(),
        ..Topic::default()
    };
    let request = ProposeTopicRequest {
        parent: meeting_name(&args.meeting),
        topic: Some(topic),
        proposer: args.office.as_deref().map(office_name).unwrap_or_default(),
        request_id: id.clone(),
    };
    let answer = client.meetings().propose_topic(request).await;
    let answer = tell_id(context, &id, answer)?.response;
    print(context, answer.topic, answer.receipt.as_ref(), &id)
}

async fn comment(
    context: &Context,
    topic: &str,
    text: TextArgs,
    office: Option<String>,
    id: String,
) -> Done {
    let request = CommentOnTopicRequest {
        name: within("topics", topic)?,
        text: text_of(text)?,
        author: office.as_deref().map(office_name).unwrap_or_default(),
        request_id: id.clone(),
    };
    let answer = context.client()?.meetings().comment_on_topic(request).await;
    let answer = tell_id(context, &id, answer)?.response;
    print(context, answer.topic, answer.receipt.as_ref(), &id)
}

/// The decision, why, and the topic that another one is merged into.
async fn decide(
    context: &Context,
    topic: &str,
    (decision, reason, merged_into): (TopicState, String, String),
    id: String,
) -> Done {
    let request = DecideTopicRequest {
        name: within("topics", topic)?,
        decision: decision.into(),
        reason,
        merged_into,
        request_id: id.clone(),
    };
    let answer = context.client()?.meetings().decide_topic(request).await;
    let answer = tell_id(context, &id, answer)?.response;
    print(context, answer.topic, answer.receipt.as_ref(), &id)
}

async fn order(context: &Context, meeting: &str, numbers: &[u32], id: String) -> Done {
    let client = context.client()?;
    let parent = meeting_name(meeting);
    let topics = numbers
        .iter()
        .map(|number| format!("{parent}/topics/{number}"))
        .collect();
    let request = OrderTopicsRequest {
        parent,
        topics,
        request_id: id.clone(),
    };
    let answer = client.meetings().order_topics(request).await;
    let answer = tell_id(context, &id, answer)?.response;
    let out = context.out;
    if out.json {
        let values: Vec<Value> = answer.topics.iter().map(form::topic).collect();
        return out.value(&json!({
            "topics": values,
            "receipt": json::receipt(answer.receipt.as_ref()),
        }));
    }
    let names = Names::fetch(&client).await;
    out.text(table(out, &answer.topics, &names))
}

async fn confirm(context: &Context, meeting: &str, id: String) -> Done {
    let request = ConfirmTopicsRequest {
        name: meeting_name(meeting),
        etag: String::new(),
        request_id: id.clone(),
    };
    let answer = context.client()?.meetings().confirm_topics(request).await;
    let answer = tell_id(context, &id, answer)?.response;
    print_meeting(context, answer.meeting, answer.receipt.as_ref(), &id)
}

fn print(context: &Context, topic: Option<Topic>, receipt: Option<&Receipt>, id: &str) -> Done {
    let topic = topic.unwrap_or_default();
    let out = context.out;
    out.either(
        || json!({"topic": form::topic(&topic), "receipt": json::receipt(receipt)}),
        || {
            let mut rows = rows(out, &topic, &Names::default());
            rows.extend(act_rows(out, receipt, id));
            pairs(&rows)
        },
    )
}
