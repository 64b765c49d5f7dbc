//! The hub as the sender sees it: a seam, so that tests can play a hub that forgets and fails.

use std::{path::Path, time::Duration};

use futures::future::BoxFuture;
use hub_core::names::RequestId;
use hub_proto::{
    channels::{
        ListNotificationsRequest, Notification, SearchNotificationsRequest,
        SearchNotificationsResponse,
    },
    common::Receipt,
};
use jiff::Timestamp;

use super::{item::ItemAttachment, method::Method};
use crate::{
    client::Client,
    codec::AnyAnswer,
    error::{ClientError, Result},
    observer::OutboxGauge,
    retry::RetryPolicy,
};

/// How far a clock may have been wrong when an id was minted: the sent log is read back to so long
/// before the id's time. The hub refuses ids that are 5 minutes ahead.
const CLOCK_SLACK: Duration = Duration::from_secs(10 * 60);
/// Notifications of the sent log that are read at a time.
const PAGE: i32 = 500;

/// What was recorded: a resource name and its receipt.
pub(crate) type Found = (String, Receipt);

/// A hub, or something that plays one.
pub(crate) trait Transport: Send + Sync {
    /// The agency that sends.
    fn agency(&self) -> &str;

    /// Sends exact bytes, once: an error says what became of this one attempt.
    fn send(&self, method: &'static Method, request: bytes::Bytes) -> BoxFuture<'_, Result<Found>>;

    /// What the own agency has recorded under a request id.
    fn find<'a>(&'a self, request_id: &'a str) -> BoxFuture<'a, Result<Option<Found>>>;

    /// Sees to it that the hub has a file.
    fn upload<'a>(&'a self, path: &'a Path, file: &'a ItemAttachment) -> BoxFuture<'a, Result<()>>;

    /// Whether somebody wants to be told of the outbox.
    fn is_observed(&self) -> bool;

    /// Tells the observer.
    fn tell(&self, gauge: &OutboxGauge);
}

impl Transport for Client {
    fn agency(&self) -> &str {
        &self.profile().agency
    }

    fn send(&self, method: &'static Method, request: bytes::Bytes) -> BoxFuture<'_, Result<Found>> {
        Box::pin(async move {
            let recorded = self
                .mutate_encoded::<AnyAnswer>(method.path, request, RetryPolicy::never())
                .await?;
            method.answer(&recorded)
        })
    }

    fn find<'a>(&'a self, request_id: &'a str) -> BoxFuture<'a, Result<Option<Found>>> {
        Box::pin(find(self, request_id))
    }

    fn upload<'a>(&'a self, path: &'a Path, file: &'a ItemAttachment) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let sent = self.attachments().upload(path, |_| {}).await?;
            if sent.sha256 == file.sha256 {
                return Ok(());
            }
            let problem = format!("is not the file {:?} that was enqueued", file.file_name);
            Err(ClientError::file(path, problem))
        })
    }

    fn is_observed(&self) -> bool {
        self.observer().is_set()
    }

    fn tell(&self, gauge: &OutboxGauge) {
        self.observer()
            .tell(|observer| observer.outbox_changed(gauge));
    }
}

async fn find(client: &Client, request_id: &str) -> Result<Option<Found>> {
    let addressed = format!(
        "agencies/{}/notifications/{request_id}",
        client.profile().agency
    );
    if let Some(found) = fetch(client, &addressed).await? {
        return Ok(Some(found));
    }
    match named(client, request_id).await? {
        Some(name) => match fetch(client, &name).await? {
            Some(found) => Ok(Some(found)),
            None => Err(ClientError::Protocol(format!(
                "{name} is in the sent log, and cannot be read"
            ))),
        },
        // A search leaves out what the caller's roles do not show; that is no proof that nothing
        // was recorded.
        None => sent_log_is_readable(client).await.map(|()| None),
    }
}

/// Fails when the caller may not see all that its agency has sent.
async fn sent_log_is_readable(client: &Client) -> Result<()> {
    let request = ListNotificationsRequest {
        parent: sent_log(client),
        page_size: 1,
        omit_bodies: true,
        ..ListNotificationsRequest::default()
    };
    client.channels().list_notifications(&request).await?;
    Ok(())
}

fn sent_log(client: &Client) -> String {
    format!("agencies/{}/sent", client.profile().agency)
}

/// A notification and its receipt, when the caller may see one of this name.
async fn fetch(client: &Client, name: &str) -> Result<Option<Found>> {
    match client.channels().notification(name).await {
        Ok(answer) => {
            let receipt = answer
                .receipt
                .ok_or_else(|| ClientError::Protocol(format!("{name} has no receipt")))?;
            let name = answer.notification.unwrap_or_default().name;
            Ok(Some((name, receipt)))
        }
        Err(error) if error.reason() == Some(hub_core::reason::Reason::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The name of what the own agency sent under a request id.
async fn named(client: &Client, request_id: &str) -> Result<Option<String>> {
    let request = SearchNotificationsRequest {
        author: format!("agencies/{}", client.profile().agency),
        request_id: request_id.to_owned(),
        ..SearchNotificationsRequest::default()
    };
    let path = "/hub.channels.v1.ChannelService/SearchNotifications";
    let searched: Result<SearchNotificationsResponse> = client.read(path, &request).await;
    match searched {
        Ok(answer) => Ok(pick(answer.notifications, request_id)),
        // A hub of an earlier release.
        Err(ClientError::Refused(refusal)) if refusal.code == tonic::Code::Unimplemented => {
            in_sent_log(client, request_id).await
        }
        Err(error) => Err(error),
    }
}

fn pick(notifications: Vec<Notification>, request_id: &str) -> Option<String> {
    notifications
        .into_iter()
        .find(|one| one.request_id == request_id)
        .map(|one| one.name)
}

async fn in_sent_log(client: &Client, request_id: &str) -> Result<Option<String>> {
    let id: RequestId = request_id
        .parse()
        .map_err(|_| ClientError::input("request_id", "must be a UUIDv7"))?;
    let minted_at_s = i64::try_from(id.unix_ms() / 1000).unwrap_or(i64::MAX);
    let slack_s = i64::try_from(CLOCK_SLACK.as_secs()).unwrap_or(i64::MAX);
    let mut request = ListNotificationsRequest {
        parent: sent_log(client),
        page_size: PAGE,
        newest_first: true,
        omit_bodies: true,
        ..ListNotificationsRequest::default()
    };
    loop {
        let page = client.channels().list_notifications(&request).await?;
        let oldest = page
            .notifications
            .last()
            .and_then(|one| one.published_at)
            .map_or(i64::MIN, |at| at.seconds);
        if let Some(name) = pick(page.notifications, request_id) {
            return Ok(Some(name));
        }
        if page.next_page_token.is_empty() || oldest < minted_at_s.saturating_sub(slack_s) {
            return Ok(None);
        }
        request.page_token = page.next_page_token;
    }
}

/// The instant of a request id, in milliseconds since 1970.
pub(crate) fn minted_ms(request_id: &str) -> u64 {
    request_id.parse::<RequestId>().map_or(0, |id| id.unix_ms())
}

/// Now, in milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    u64::try_from(Timestamp::now().as_millisecond()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use hub_proto::channels::ListNotificationsResponse;

    use super::*;
    use crate::testing::{FakeHub, Fixture, message, refusal};

    /// What is found of an id on a hub that shows nothing under it.
    async fn found(is_sent_log_shown: bool) -> Result<Option<Found>> {
        let fixture = Fixture::new();
        let hub = FakeHub::start(&fixture, move |call| match call.path.rsplit('/').next() {
            Some("SearchNotifications") => message(&SearchNotificationsResponse::default()),
            Some("ListNotifications") if is_sent_log_shown => {
                message(&ListNotificationsResponse::default())
            }
            _ => Err(refusal("NOT_FOUND")),
        })
        .await;
        let client = fixture.client(&hub);
        Transport::find(&client, &crate::client::request_id()).await
    }

    #[tokio::test]
    async fn nothing_found_counts_only_for_those_who_see_the_sent_log() {
        assert_eq!(found(true).await.unwrap(), None);
        let error = found(false).await.unwrap_err();
        assert_eq!(error.reason_text(), "NOT_FOUND");
    }
}
