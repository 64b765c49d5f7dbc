//! `minutes template | draft`: minutes as a file.

use std::path::Path;

use agency_client::meetings::content_sha256;
use hub_proto::meetings::{
    AgreedItemDraft, AgreedItemKind, DraftMinutesRequest, MinutesContent, TopicMinutes, TopicState,
};
use serde_json::json;

use super::{file, minutes_name, minutes_or_none};
use crate::{
    Context,
    args::minutes::DraftArgs,
    attach,
    correct::tell_id,
    input_text,
    json::{self, meetings as form},
    meeting::{act_rows, tell_next},
    output::{Done, Failure},
    people::{Units, meeting_name, number},
    table::pairs,
};

/// Prints a file to begin with.
pub(super) async fn template(context: &Context, meeting: &str) -> Done {
    let client = context.client()?;
    let name = meeting_name(meeting);
    let meeting = client.meetings().get(&name).await?;
    let topics = client.meetings().topics(&name).await?;
    let units = Units::fetch(&client).await?;
    let accepted = topics
        .iter()
        .filter(|topic| topic.state() == TopicState::Accepted)
        .map(|topic| TopicMinutes {
            topic: number(&topic.name).parse().unwrap_or_default(),
            title: topic.title.clone(),
            paragraphs: vec!["（讨论情况）".into()],
        });
    let content = MinutesContent {
        title: format!("{}纪要", meeting.title),
        opening: "（会议时间、地点、主持人和参会情况）".into(),
        topics: accepted.collect(),
        agreed_items: vec![AgreedItemDraft {
            text: "（议定事项）".into(),
            responsible_units: meeting
                .units
                .first()
                .map(|unit| unit.agency.clone())
                .into_iter()
                .collect(),
            due_on: meeting.planned_on,
            kind: AgreedItemKind::Task.into(),
            ..AgreedItemDraft::default()
        }],
        main_addressees: vec!["各成员单位".into()],
        ..MinutesContent::default()
    };
    let version = minutes_or_none(&client, &minutes_name(&client, &name).await?).await?;
    let base = version.map_or(0, |minutes| minutes.newest_version);
    let out = context.out;
    out.either(
        || json!({"content": form::content(&content), "base_version": base}),
        || file::text(&content, Some(base), "", &units),
    )
}

/// Drafts the next version from a file.
pub(super) async fn run(context: &Context, args: DraftArgs) -> Done {
    let client = context.client()?;
    let text = input_text(&args.file)?;
    let units = Units::fetch(&client).await?;
    let read = file::parse(&text, &units).map_err(|found| mistakes(&args.file, &found))?;
    let mut content = read.content;
    if args.check {
        return check(context, &content);
    }
    let name = minutes_name(&client, &args.minutes.name).await?;
    let newest = minutes_or_none(&client, &name)
        .await?
        .map_or(0, |minutes| minutes.newest_version);
    let base = match args.base.or(read.base_version) {
        Some(base) => base,
        None if newest == 0 => 0,
        None => return Err(no_base(&name, newest)),
    };
    let files: Vec<_> = read
        .files
        .iter()
        .map(|file| beside(&args.file, file))
        .collect();
    let uploaded = attach::upload(context.out, &client, &files).await?;
    content.attachments.extend(uploaded);
    let id = args.once.id();
    let request = DraftMinutesRequest {
        parent: name.clone(),
        content: Some(content),
        change_note: args.note.unwrap_or(read.change_note),
        base_version: base,
        request_id: id.clone(),
    };
    let answer = tell_id(context, &id, client.minutes().draft(request).await)?.response;
    let version = answer.version.unwrap_or_default();
    let out = context.out;
    out.either(
        || {
            json!({
                "version": form::version(&version),
                "receipt": json::receipt(answer.receipt.as_ref()),
            })
        },
        || {
            let mut rows = vec![
                (out.label("drafted", "已起草"), version.name.clone()),
                (
                    out.label("what changed", "修改说明"),
                    version.change_note.clone(),
                ),
                ("SHA-256", version.content_sha256.clone()),
            ];
            rows.extend(act_rows(out, answer.receipt.as_ref(), &id));
            pairs(&rows)
        },
    )?;
    let number = number(&version.name);
    let next = format!("agency minutes circulate {name} --version {number}");
    tell_next(out, Some(next));
    Ok(())
}

/// A file that is named in another one lies beside it.
fn beside(file: &Path, named: &Path) -> std::path::PathBuf {
    file.parent()
        .filter(|_| file != Path::new("-"))
        .map_or_else(|| named.to_owned(), |folder| folder.join(named))
}

/// Shows what a file says without sending it.
fn check(context: &Context, content: &MinutesContent) -> Done {
    let out = context.out;
    out.either(
        || json!({"content": form::content(content)}),
        || {
            pairs(&[
                (out.label("title", "标题"), content.title.clone()),
                (
                    out.label("topics", "议题"),
                    content.topics.len().to_string(),
                ),
                (
                    out.label("agreed items", "议定事项"),
                    content.agreed_items.len().to_string(),
                ),
                ("SHA-256", content_sha256(content)),
            ])
        },
    )
}

fn no_base(name: &str, newest: i32) -> Failure {
    Failure::usage(
        format!(
            "{name} has version {newest} already: say which version the file is based on, with \
             base_version in it or --base; `agency minutes show {name} --file` prints the newest one \
             as a file that says so"
        ),
        format!(
            "{name} 已有第 {newest} 版：请在文件中写明 base_version，或使用 --base；\
             agency minutes show {name} --file 可将最新版输出为文件"
        ),
    )
}

/// The mistakes of a file as one failure.
fn mistakes(path: &Path, problems: &[file::Problem]) -> Failure {
    let path = path.display();
    let all = |text: fn(&file::Problem) -> &str| -> String {
        let lines: Vec<String> = problems
            .iter()
            .map(|problem| format!("{path}:{}: {}", problem.line, text(problem)))
            .collect();
        lines.join("; ")
    };
    Failure::usage(
        format!(
            "{}; agency help minutes-file explains the form",
            all(|problem| &problem.en)
        ),
        format!(
            "{}；格式说明见 agency help minutes-file",
            all(|problem| &problem.zh)
        ),
    )
}
