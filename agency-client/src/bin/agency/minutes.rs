//! `minutes`: versions, consent of every attending unit, issue, and what was agreed.

mod consent;
mod diff;
mod draft;
#[cfg(feature = "documents")]
mod export;
mod file;
mod items;
mod show;
mod statistics;

use agency_client::{Client, ClientError};
use hub_core::reason::Reason;
use hub_proto::{
    common::Receipt,
    meetings::{
        CirculateMinutesRequest, CorrectMinutesRequest, IssueMinutesRequest, Minutes, MinutesState,
        MinutesVersion, ObjectToMinutesRequest, WithdrawObjectionRequest,
    },
};
use serde_json::json;

use crate::{
    Context,
    args::minutes::{MinutesCommand, VersionArg},
    correct::tell_id,
    json::{self, meetings as form},
    meeting::{act_rows, tell_next},
    output::{Done, Failure},
    people::{meeting_name, wire, within},
    table::pairs,
};

pub(crate) async fn run(context: &Context, command: MinutesCommand) -> Done {
    match command {
        MinutesCommand::Template { meeting } => draft::template(context, &meeting).await,
        MinutesCommand::Draft(args) => draft::run(context, args).await,
        MinutesCommand::Versions(minutes) => show::versions(context, &minutes.name).await,
        MinutesCommand::Show {
            minutes,
            version,
            file,
        } => show::run(context, &minutes.name, version, file).await,
        MinutesCommand::Diff { minutes, from, to } => {
            show::difference(context, &minutes.name, from, to).await
        }
        MinutesCommand::Circulate {
            minutes,
            version,
            consent_by,
            once,
        } => circulate(context, &minutes.name, version, consent_by, once.id()).await,
        MinutesCommand::Consent { which, sha256, yes } => {
            consent::run(context, which, sha256, yes).await
        }
        MinutesCommand::Object { which, reason } => object(context, which, reason).await,
        MinutesCommand::Withdraw(which) => withdraw(context, which).await,
        MinutesCommand::Issue(which) => issue(context, which).await,
        MinutesCommand::Correct {
            minutes,
            reason,
            once,
        } => correct(context, &minutes.name, reason, once.id()).await,
        #[cfg(feature = "documents")]
        MinutesCommand::Export(args) => export::run(context, args).await,
        #[cfg(not(feature = "documents"))]
        MinutesCommand::Export(_) => Err(Failure::usage(
            "this program was built without documents; build it with the feature `documents`",
            "本程序构建时未包含文档导出功能（特性 documents）",
        )),
        MinutesCommand::Status(minutes) => show::status(context, &minutes.name).await,
        MinutesCommand::Statistics {
            period,
            all_members,
        } => statistics::run(context, &period, all_members).await,
        MinutesCommand::Bulletin(args) => statistics::bulletin(context, args).await,
        other => items::run(context, other).await,
    }
}

/// Full name of minutes: `MEETING/DOCUMENT`, a resource name, or the newest minutes of a meeting.
async fn minutes_name(client: &Client, text: &str) -> Result<String, Failure> {
    let text = match text.split_once("/versions/") {
        Some((minutes, _)) => minutes,
        None => text,
    };
    let is_meeting = !text.contains('/')
        || text
            .strip_prefix("meetings/")
            .is_some_and(|id| !id.contains('/'));
    if !is_meeting {
        return within("minutes", text);
    }
    let name = meeting_name(text);
    let meeting = client.meetings().get(&name).await?;
    Ok(meeting
        .minutes
        .last()
        .cloned()
        .unwrap_or_else(|| format!("{name}/minutes/1")))
}

/// The minutes; `None` while there is no draft of them, or none that the caller may see.
async fn minutes_or_none(client: &Client, name: &str) -> Result<Option<Minutes>, Failure> {
    match client.minutes().get(name).await {
        Err(error) if error.reason() == Some(Reason::NotFound) => Ok(None),
        other => Ok(Some(other?)),
    }
}

async fn version_of(
    client: &Client,
    name: &str,
    version: i32,
) -> Result<MinutesVersion, ClientError> {
    client
        .minutes()
        .version(&format!("{name}/versions/{version}"))
        .await
}

/// Name of the minutes and the version that an act is about: the given one, or the circulated one.
async fn target(client: &Client, which: &VersionArg) -> Result<(String, i32), Failure> {
    let name = minutes_name(client, &which.minutes.name).await?;
    if let Some(version) = which.version {
        return Ok((name, version));
    }
    let minutes = client.minutes().get(&name).await?;
    match minutes.circulated_version {
        0 => Err(Failure::usage(
            format!(
                "{name}: no version is before the units; the office circulates one with agency minutes \
                 circulate {name} --version V"
            ),
            format!(
                "{name}：尚无版本送会签；由办公室用 agency minutes circulate {name} --version 版本 送会签"
            ),
        )),
        version => Ok((name, version)),
    }
}

async fn circulate(
    context: &Context,
    minutes: &str,
    version: i32,
    consent_by: Option<jiff::Timestamp>,
    id: String,
) -> Done {
    let client = context.client()?;
    let request = CirculateMinutesRequest {
        name: minutes_name(&client, minutes).await?,
        version,
        consent_by_at: consent_by.map(wire),
        request_id: id.clone(),
    };
    let answer = tell_id(context, &id, client.minutes().circulate(request).await)?.response;
    print(context, answer.minutes, answer.receipt.as_ref(), &id)
}

async fn object(context: &Context, which: VersionArg, reason: String) -> Done {
    let client = context.client()?;
    let id = which.once.id();
    let (name, version) = target(&client, &which).await?;
    let request = ObjectToMinutesRequest {
        name,
        version,
        reason,
        request_id: id.clone(),
    };
    let answer = tell_id(context, &id, client.minutes().object(request).await)?.response;
    print(context, answer.minutes, answer.receipt.as_ref(), &id)
}

async fn withdraw(context: &Context, which: VersionArg) -> Done {
    let client = context.client()?;
    let id = which.once.id();
    let (name, version) = target(&client, &which).await?;
    let request = WithdrawObjectionRequest {
        name,
        version,
        request_id: id.clone(),
    };
    let answer = client.minutes().withdraw_objection(request).await;
    let answer = tell_id(context, &id, answer)?.response;
    print(context, answer.minutes, answer.receipt.as_ref(), &id)
}

async fn issue(context: &Context, which: VersionArg) -> Done {
    let client = context.client()?;
    let id = which.once.id();
    let (name, version) = target(&client, &which).await?;
    let request = IssueMinutesRequest {
        name,
        version,
        request_id: id.clone(),
    };
    let answer = tell_id(context, &id, client.minutes().issue(request).await)?.response;
    print(context, answer.minutes, answer.receipt.as_ref(), &id)
}

async fn correct(context: &Context, minutes: &str, reason: String, id: String) -> Done {
    let client = context.client()?;
    let request = CorrectMinutesRequest {
        name: minutes_name(&client, minutes).await?,
        reason,
        request_id: id.clone(),
    };
    let answer = tell_id(context, &id, client.minutes().correct(request).await)?.response;
    print(context, answer.minutes, answer.receipt.as_ref(), &id)
}

/// What an act on minutes ends with.
fn print(context: &Context, minutes: Option<Minutes>, receipt: Option<&Receipt>, id: &str) -> Done {
    let minutes = minutes.unwrap_or_default();
    let out = context.out;
    out.either(
        || json!({"minutes": form::minutes(&minutes), "receipt": json::receipt(receipt)}),
        || {
            let mut rows = show::heading(out, &minutes);
            rows.extend(act_rows(out, receipt, id));
            pairs(&rows)
        },
    )?;
    let name = &minutes.name;
    let next = match minutes.state() {
        MinutesState::Draft if minutes.newest_version > 0 => {
            let version = minutes.newest_version;
            Some(format!(
                "agency minutes circulate {name} --version {version}"
            ))
        }
        MinutesState::Agreed => Some(format!("agency minutes issue {name}")),
        MinutesState::Issued => Some(format!(
            "agency minutes export {name} --format pdf --out FILE"
        )),
        _ => None,
    };
    tell_next(out, next.filter(|_| is_office(context)));
    Ok(())
}

/// Whether the caller is likely to act for an office; what comes next is the office's.
fn is_office(context: &Context) -> bool {
    context.roles.iter().any(|role| role == "office")
}
