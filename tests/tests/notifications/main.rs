//! Notifications through real clients: what may be published and to whom, that it is recorded once,
//! delivered in order, and that receipts say who did what.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a failure here is a failed test; seeds are printed"
)]

mod clauses;
mod corrections;
mod delivery;
mod departed;
mod idempotency;
mod paging;
mod publish;
mod receipts;
mod reminders;
mod routes;

use agency_client::{
    Client, ClientError,
    channels::NotificationDraft,
    error::Violation,
    subscribe::{Event, SubscribeOptions, Subscription},
};
use hub_core::reason::Reason;
use hub_proto::channels::{Classification, Delivery, ListNotificationsRequest, Notification};
use hub_tests::World;

/// A code whose both check characters are right.
const USCC: &str = "51100000500008957Y";

fn reason<T: std::fmt::Debug>(result: Result<T, ClientError>) -> Reason {
    let error = result.expect_err("it must be refused");
    error.reason().unwrap_or_else(|| panic!("{error}"))
}

fn violations<T: std::fmt::Debug>(result: Result<T, ClientError>) -> Vec<Violation> {
    match result.expect_err("it must be refused") {
        ClientError::Refused(refusal) => refusal.violations,
        other => panic!("{other}"),
    }
}

fn fields<T: std::fmt::Debug>(result: Result<T, ClientError>) -> Vec<String> {
    let violations = violations(result).into_iter();
    violations.map(|violation| violation.field).collect()
}

fn message<T: std::fmt::Debug>(result: Result<T, ClientError>) -> String {
    match result.expect_err("it must be refused") {
        ClientError::Refused(refusal) => refusal.message,
        other => panic!("{other}"),
    }
}

/// Both of an office officer's roles, so that what the agency sent can be read too.
fn office(world: &World) -> Client {
    world.client("civil-affairs", "office-1", &["office", "clerk"])
}

fn leader(world: &World, agency: &str) -> Client {
    world.client(agency, &format!("{agency}-leader-1"), &["leader"])
}

fn filled(draft: NotificationDraft, title: &str) -> NotificationDraft {
    draft
        .title(title)
        .text(format!("正文：{title}"))
        .classification(Classification::Internal)
}

/// A notice of an office to a channel.
fn notice(channel: &str, title: &str) -> NotificationDraft {
    filled(
        NotificationDraft::to_channel(channel).category("work_notice"),
        title,
    )
}

/// An addressed message that any agency may send.
fn addressed(to: &[&str], title: &str) -> NotificationDraft {
    filled(NotificationDraft::to(to).category("coordination"), title)
}

async fn publish(client: &Client, draft: NotificationDraft) -> Notification {
    let answer = client.channels().publish(draft).await.unwrap();
    answer.response.notification.unwrap()
}

async fn list(client: &Client, parent: &str) -> Result<Vec<Notification>, ClientError> {
    let request = ListNotificationsRequest {
        parent: parent.into(),
        page_size: 500,
        ..ListNotificationsRequest::default()
    };
    let page = client.channels().list_notifications(&request).await?;
    assert_eq!(page.next_page_token, "");
    Ok(page.notifications)
}

async fn titles(client: &Client, parent: &str) -> Vec<String> {
    let list = list(client, parent).await.unwrap().into_iter();
    list.map(|one| one.title).collect()
}

fn subscribe(client: &Client, logs: &[&str]) -> Subscription {
    client.channels().subscribe(SubscribeOptions {
        logs: logs.iter().map(|log| (*log).to_owned()).collect(),
        ..SubscribeOptions::default()
    })
}

/// Reads until the stream says that it has caught up.
async fn backlog(stream: &mut Subscription) -> (Vec<Delivery>, String) {
    let mut deliveries = vec![];
    loop {
        match stream.next().await.unwrap().unwrap() {
            Event::Delivery(delivery) => deliveries.push(*delivery),
            Event::CaughtUp { cursor } => return (deliveries, cursor),
            other => panic!("{other:?}"),
        }
    }
}

async fn next_delivery(stream: &mut Subscription) -> Delivery {
    loop {
        if let Event::Delivery(delivery) = stream.next().await.unwrap().unwrap() {
            return *delivery;
        }
    }
}
