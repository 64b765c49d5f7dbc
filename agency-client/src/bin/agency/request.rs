//! `request`: information requests between agencies, from the draft to disposal.

mod act;
mod draft;
mod show;
pub(crate) mod words;

use agency_client::requests::owed;
use hub_proto::requests::{
    InformationRequest, ListInformationRequestsRequest, RequestKind, RequestSide, RequestState,
};
use serde_json::{Value, json};

use crate::{
    Context,
    args::request::{RequestCommand, RequestListArgs},
    json::requests as form,
    meeting::more,
    names::{Names, resource},
    output::{Done, Out},
    table::{Table, Tone},
};

use show::{Today, left};

/// The outbox's stream of records of use and disposals.
pub(crate) const STREAM: &str = "requests";

pub(crate) async fn run(context: &Context, command: RequestCommand) -> Done {
    match command {
        RequestCommand::Draft(args) => draft::data(context, *args).await,
        RequestCommand::DraftAccount(args) => draft::account(context, *args).await,
        RequestCommand::List(args) => list(context, args).await,
        RequestCommand::Show { request } => show::run(context, &request).await,
        act => act::run(context, act).await,
    }
}

/// Full name of a request.
fn name_of(text: &str) -> String {
    resource("informationRequests", text)
}

async fn list(context: &Context, args: RequestListArgs) -> Done {
    let client = context.client()?;
    let mut request = ListInformationRequestsRequest {
        page_size: args.page.page_size,
        page_token: args.page.page_token,
        side: args.side.map_or(0, |side| RequestSide::from(side).into()),
        states: args
            .state
            .iter()
            .map(|state| RequestState::from(*state).into())
            .collect(),
        kind: args.kind.map_or(0, |kind| RequestKind::from(kind).into()),
        is_overdue: args.overdue,
    };
    let mut requests = vec![];
    loop {
        let page = client.requests().list(&request).await?;
        requests.extend(page.information_requests);
        request.page_token = page.next_page_token;
        if !args.page.all || request.page_token.is_empty() {
            break;
        }
    }
    let out = context.out;
    if out.json {
        let values: Vec<Value> = requests.iter().map(form::request).collect();
        return out.value(&json!({
            "information_requests": values,
            "next_page_token": request.page_token,
        }));
    }
    if requests.is_empty() {
        out.remark("no information requests", "没有信息查询请求");
    } else {
        let names = Names::fetch(&client).await;
        out.text(table(out, &requests, &names, &Today::now()))?;
    }
    more(out, &request.page_token);
    Ok(())
}

/// Who owes what since when, by when, and how many working days are left.
fn table(out: Out, requests: &[InformationRequest], names: &Names, today: &Today) -> String {
    let mut table = Table::new(&[
        out.label("owes", "应办单位"),
        out.label("what", "事项"),
        out.label("since", "起始"),
        out.label("due", "期限"),
        out.label("left", "剩余"),
        out.label("state", "状态"),
        out.label("asks", "请求方"),
        out.label("purpose", "用途"),
        out.label("name", "名称"),
    ])
    .elastic(&[0, 6, 7])
    .tail();
    for request in requests {
        let first = owed(request).into_iter().next();
        let deadline = first.as_ref().and_then(|one| one.deadline.as_ref());
        let tone = match deadline {
            Some(deadline) if deadline.is_overdue => Tone::Bad,
            Some(_) => Tone::Plain,
            None if first.is_some() => Tone::Warn,
            None => Tone::Faint,
        };
        let cells = vec![
            first
                .as_ref()
                .map(|one| names.show(&one.by))
                .unwrap_or_default(),
            first
                .as_ref()
                .map(|one| words::owed(out, request, one))
                .unwrap_or_default(),
            first
                .as_ref()
                .and_then(|one| one.since)
                .map(show::day)
                .unwrap_or_default(),
            deadline.map(|one| show::due(out, one)).unwrap_or_default(),
            deadline
                .map(|one| left(out, one, today))
                .unwrap_or_default(),
            words::state(out, request.state()).to_owned(),
            names.show(&request.requester),
            request.purpose.clone(),
            request.name.clone(),
        ];
        table.toned(cells, tone);
    }
    table.render(out.look)
}

#[cfg(test)]
mod tests;
