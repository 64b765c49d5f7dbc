//! `hub.gateway.v1.GatewayService`: the outbox for programs in any language.

use std::time::Duration;

use hub_proto::{
    channels::PublishNotificationRequest,
    gateway::{
        EnqueueNotificationRequest, EnqueueNotificationResponse, GetOutboxItemRequest,
        GetOutboxItemResponse, ListOutboxItemsRequest, ListOutboxItemsResponse, OutboxItem,
        OutboxItemState, gateway_service_server::GatewayService,
    },
};
use tonic::{Code, Request, Response, Status};

use crate::{
    client::forward::own,
    outbox::{Item, ListItems, Outbox, OutboxError, Outgoing, State, Ticket},
};

/// Full gRPC path of what an item calls.
const PUBLISH: &str = "/hub.channels.v1.ChannelService/PublishNotification";
/// Collection of the items.
const ITEMS: &str = "outbox/items/";
/// Stream of an item that names none.
///
/// ```
/// assert_eq!(agency_client::gateway::STREAM_DEFAULT, "default");
/// ```
pub const STREAM_DEFAULT: &str = "default";
/// Longest name of a stream, in characters.
///
/// ```
/// assert_eq!(agency_client::gateway::STREAM_CHARS_MAX, 64);
/// ```
pub const STREAM_CHARS_MAX: usize = 64;
/// Longest key, in characters.
///
/// ```
/// assert_eq!(agency_client::gateway::KEY_CHARS_MAX, 200);
/// ```
pub const KEY_CHARS_MAX: usize = 200;
/// Items of a page unless asked otherwise.
///
/// ```
/// assert_eq!(agency_client::gateway::PAGE_DEFAULT, 50);
/// ```
pub const PAGE_DEFAULT: usize = 50;
/// Items of a page at most.
///
/// ```
/// assert_eq!(agency_client::gateway::PAGE_MAX, 500);
/// ```
pub const PAGE_MAX: usize = 500;
/// When a caller should try again while the outbox is full or held.
const RETRY: Duration = Duration::from_secs(1);

/// The service on an outbox.
#[derive(Debug)]
pub(super) struct OutboxService {
    outbox: Outbox,
}

impl OutboxService {
    pub(super) fn new(outbox: Outbox) -> Self {
        Self { outbox }
    }
}

#[tonic::async_trait]
impl GatewayService for OutboxService {
    async fn enqueue_notification(
        &self,
        request: Request<EnqueueNotificationRequest>,
    ) -> Result<Response<EnqueueNotificationResponse>, Status> {
        let request = request.into_inner();
        let stream = stream(request.stream)?;
        if request.key.chars().count() > KEY_CHARS_MAX {
            return Err(invalid("key", "must have at most 200 characters"));
        }
        let notification = request
            .notification
            .ok_or_else(|| invalid("notification", "must be there"))?;
        let title = notification.title.clone();
        let publish = PublishNotificationRequest {
            notification: Some(notification),
            request_id: String::new(),
        };
        let mut outgoing = Outgoing::request(PUBLISH, &publish, title)
            .map_err(|error| refused(&OutboxError::from(error)))?;
        if !request.key.is_empty() {
            outgoing = outgoing.key(request.key);
        }
        let enqueued = self.outbox.enqueue(stream, outgoing).await;
        let ticket = enqueued.map_err(|error| refused(&error))?.ticket;
        let item = self.outbox.get(ticket).await;
        Ok(Response::new(EnqueueNotificationResponse {
            outbox_item: Some(shown(item.map_err(|error| refused(&error))?)),
        }))
    }

    async fn get_outbox_item(
        &self,
        request: Request<GetOutboxItemRequest>,
    ) -> Result<Response<GetOutboxItemResponse>, Status> {
        let name = request.into_inner().name;
        let ticket: Ticket = name
            .strip_prefix(ITEMS)
            .and_then(|number| number.parse().ok())
            .ok_or_else(|| invalid("name", "must be outbox/items/{number}"))?;
        let item = self.outbox.get(ticket).await;
        Ok(Response::new(GetOutboxItemResponse {
            outbox_item: Some(shown(item.map_err(|error| refused(&error))?)),
        }))
    }

    async fn list_outbox_items(
        &self,
        request: Request<ListOutboxItemsRequest>,
    ) -> Result<Response<ListOutboxItemsResponse>, Status> {
        let request = request.into_inner();
        let state = match request.state() {
            OutboxItemState::Unspecified => None,
            OutboxItemState::Queued => Some(State::Queued),
            OutboxItemState::Delivered => Some(State::Delivered),
            OutboxItemState::Refused => Some(State::Refused),
            OutboxItemState::Discarded => Some(State::Discarded),
        };
        let size = match request.page_size {
            0 => PAGE_DEFAULT,
            size => usize::try_from(size)
                .ok()
                .filter(|size| *size <= PAGE_MAX)
                .ok_or_else(|| invalid("page_size", "must be 0 to 500"))?,
        };
        let after = match request.page_token.as_str() {
            "" => None,
            token => Some(
                token
                    .parse()
                    .map_err(|_| invalid("page_token", "must come from an earlier response"))?,
            ),
        };
        let list = ListItems {
            state,
            after,
            limit: size + 1,
            ..ListItems::default()
        };
        let mut items = self
            .outbox
            .list(list)
            .await
            .map_err(|error| refused(&error))?;
        let has_more = items.len() > size;
        items.truncate(size);
        let next_page_token = match items.last() {
            Some(last) if has_more => last.ticket.to_string(),
            _ => String::new(),
        };
        Ok(Response::new(ListOutboxItemsResponse {
            outbox_items: items.into_iter().map(shown).collect(),
            next_page_token,
        }))
    }
}

fn stream(text: String) -> Result<String, Status> {
    if text.is_empty() {
        return Ok(STREAM_DEFAULT.to_owned());
    }
    let is_fit = text.len() <= STREAM_CHARS_MAX
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b));
    if is_fit {
        Ok(text)
    } else {
        Err(invalid(
            "stream",
            "must be 1 to 64 characters of a-z 0-9 . _ -",
        ))
    }
}

fn invalid(field: &str, rule: &str) -> Status {
    own(
        Code::InvalidArgument,
        &format!("{field}: {rule}"),
        "INPUT_INVALID",
        None,
    )
}

fn refused(error: &OutboxError) -> Status {
    let (code, retry) = match error {
        OutboxError::Client(_) | OutboxError::TooLarge { .. } => (Code::InvalidArgument, None),
        OutboxError::Full { .. } | OutboxError::DiskFull { .. } => {
            (Code::ResourceExhausted, Some(RETRY))
        }
        OutboxError::KeyReused { .. } => (Code::AlreadyExists, None),
        OutboxError::NoSuchItem(_) => (Code::NotFound, None),
        OutboxError::WrongState { .. } => (Code::FailedPrecondition, None),
        OutboxError::Busy { .. } => (Code::Unavailable, Some(RETRY)),
        _ => (Code::Internal, None),
    };
    let text = format!("{error}. {}", error.advice());
    own(code, &text, error.reason_text(), retry)
}

fn shown(item: Item) -> OutboxItem {
    let state = match item.state {
        State::Queued => OutboxItemState::Queued,
        State::Delivered => OutboxItemState::Delivered,
        State::Refused => OutboxItemState::Refused,
        State::Discarded => OutboxItemState::Discarded,
    };
    let (message, reason) = item
        .problem
        .map(|problem| (problem.message, problem.reason))
        .unwrap_or_default();
    let (notification, receipt) = item
        .delivered
        .map(|delivered| (delivered.name, Some(delivered.receipt)))
        .unwrap_or_default();
    OutboxItem {
        name: format!("{ITEMS}{}", item.ticket),
        stream: item.stream,
        key: item.key.unwrap_or_default(),
        title: item.title,
        state: state.into(),
        enqueued_at: Some(prost_types::Timestamp {
            seconds: item.enqueued_at.as_second(),
            nanos: item.enqueued_at.subsec_nanosecond(),
        }),
        attempt_count: i32::try_from(item.attempts).unwrap_or(i32::MAX),
        message,
        reason,
        notification,
        receipt,
    }
}
