//! `Subscribe`: one stream of backlog and live. The stream pulls, so a slow reader holds nothing
//! but its own place.
//!
//! What is read of inboxes is on the ledger before it is sent: one access for what is read in one go. The
//! record moves the ledger's head, which wakes the stream once more; it is in no log, so nothing comes of
//! it and nothing is sent or recorded for it.

use std::{collections::VecDeque, pin::Pin, sync::Arc, time::Duration};

use futures::Stream;
use hub_core::names::{ConsumerId, LogName};
use hub_proto::channels::{
    CaughtUp, Delivery, Heartbeat, SubscribeRequest, SubscribeResponse, subscribe_response::Event,
};
use tokio::{sync::watch, time::Instant};
use tonic::Status;

use crate::{
    authz::Access,
    charter::Action,
    domain::channels::{self, cursor::Cursor, log::Head, succession::SuccessorRow},
    engine::Engine,
    error::{Error, Result},
    feed::{Delivered, Subscription},
    identity::CallerWatch,
    wire::{
        Services, parse,
        reads::{Purpose, shown::Shown},
        streams::StreamGuard,
    },
};

use super::lookup;

/// Most logs of a stream.
pub const LOGS_MAX: usize = 32;

/// A heartbeat is sent when nothing else was for so long.
pub const HEARTBEAT: Duration = Duration::from_secs(15);

const METHOD: &str = "/hub.channels.v1.ChannelService/Subscribe";

/// Longest consumer id in characters.
const CONSUMER_CHARACTERS_MAX: usize = 32;

/// Deliveries read in one go.
const READ_COUNT_MAX: usize = 64;

/// About how many bytes are read in one go.
const READ_BYTES_MAX: usize = 512 * 1024;

/// The stream of a subscriber.
pub type SubscribeStream = Pin<Box<dyn Stream<Item = Result<SubscribeResponse, Status>> + Send>>;

/// Reads a consumer's id.
pub(super) fn consumer_id(text: &str) -> Result<ConsumerId> {
    if text.len() > CONSUMER_CHARACTERS_MAX {
        let rule = format!("must be at most {CONSUMER_CHARACTERS_MAX} characters");
        return Err(Error::field("consumer", rule));
    }
    parse("consumer", text)
}

/// Opens a stream.
pub(super) fn open(
    services: &Services,
    (access, purpose): (Access, Purpose),
    request: &SubscribeRequest,
) -> Result<SubscribeStream> {
    let logs = logs(&access, request)?;
    let cursor = start(services, &access, request, &logs)?;
    let guard = services.streams.open(access.agency())?;
    let state = State {
        subscription: Subscription::new(services.engine.clone(), logs, cursor),
        head: services.engine.head_watch(),
        draining: services.draining.clone(),
        caller: services.identity.watch(access.caller().clone()),
        roster: services.engine.roster().watch(),
        services: services.clone(),
        access,
        purpose,
        ready: VecDeque::new(),
        refused: None,
        is_caught_up: false,
        heartbeat_at: Instant::now() + HEARTBEAT,
        _guard: guard,
    };
    Ok(Box::pin(futures::stream::try_unfold(
        state,
        |mut state| async move {
            let next = state.next().await.map_err(Status::from)?;
            state.heartbeat_at = Instant::now() + HEARTBEAT;
            Ok(next.map(|response| (response, state)))
        },
    )))
}

fn logs(access: &Access, request: &SubscribeRequest) -> Result<Vec<LogName>> {
    if request.logs.is_empty() {
        let all = access.readable_logs();
        if all.is_empty() {
            // Says which roles there are, as every other refusal does.
            access.permit(Action::ChannelsRead)?;
        }
        return Ok(all);
    }
    if request.logs.len() > LOGS_MAX {
        return Err(Error::field("logs", format!("must be at most {LOGS_MAX}")));
    }
    let mut logs: Vec<LogName> = Vec::with_capacity(request.logs.len());
    for (number, text) in request.logs.iter().enumerate() {
        let field = format!("logs[{number}]");
        let log: LogName = parse(&field, text)?;
        if matches!(log, LogName::Sent(_)) {
            return Err(Error::field(
                field,
                "must be a channel or an inbox; list what was sent",
            ));
        }
        access.read_log(&log)?;
        if !logs.contains(&log) {
            logs.push(log);
        }
    }
    Ok(logs)
}

fn start(
    services: &Services,
    access: &Access,
    request: &SubscribeRequest,
    logs: &[LogName],
) -> Result<Cursor> {
    let store = services.engine.store();
    if request.live_only {
        if !request.cursor.is_empty() || !request.consumer.is_empty() {
            return Err(Error::field(
                "live_only",
                "must not be set with cursor or consumer",
            ));
        }
        let mut cursor = Cursor::default();
        for log in logs {
            cursor.set(log.clone(), Head::read(store, log)?);
        }
        return Ok(cursor);
    }
    let mut cursor = Cursor::default();
    if !request.consumer.is_empty() {
        access.permit(Action::ConsumersAcknowledge)?;
        let id = consumer_id(&request.consumer)?;
        let consumers = channels::consumers(store, access.agency())?;
        if let Some((_, row)) = consumers.into_iter().find(|(one, _)| one == id.as_str()) {
            cursor = readable(access, Cursor::from_positions(&row.positions)?);
        }
    }
    if !request.cursor.is_empty() {
        let given = readable(access, Cursor::decode(&request.cursor, access.agency())?);
        for (log, position) in given.positions() {
            if *position > Head::read(store, log)? {
                return Err(Error::new(
                    hub_core::reason::Reason::CursorInvalid,
                    format!(
                        "cursor: stands after the newest notification of {log}; was the hub restored from a backup?"
                    ),
                ));
            }
            cursor.set(log.clone(), *position);
        }
    }
    Ok(cursor)
}

/// A cursor without the logs that are not the caller's to read, or no longer: another officer of the
/// agency may have read them, or its membership may have ended. The rest must still be resumable.
pub(super) fn readable(access: &Access, mut cursor: Cursor) -> Cursor {
    cursor.retain(|log| access.read_log(log).is_ok());
    cursor
}

struct State {
    services: Services,
    access: Access,
    purpose: Purpose,
    subscription: Subscription,
    head: watch::Receiver<u64>,
    roster: watch::Receiver<u64>,
    draining: watch::Receiver<bool>,
    caller: CallerWatch,
    ready: VecDeque<SubscribeResponse>,
    /// Why what follows cannot be sent.
    refused: Option<Error>,
    is_caught_up: bool,
    /// Set anew by what is sent, and by nothing else: if entries that are not for this caller put it
    /// off, a silent stream would tell that there are such.
    heartbeat_at: Instant,
    _guard: StreamGuard,
}

impl State {
    async fn next(&mut self) -> Result<Option<SubscribeResponse>> {
        loop {
            self.check()?;
            if let Some(response) = self.ready.pop_front() {
                return Ok(Some(response));
            }
            if let Some(refused) = self.refused.take() {
                return Err(refused);
            }
            // Marked as seen before reading, so that nothing recorded meanwhile is slept over.
            self.head.borrow_and_update();
            let (read, reads) = self.fill()?;
            self.record(read, reads).await;
            if !self.ready.is_empty() || self.refused.is_some() {
                continue;
            }
            if !self.is_caught_up {
                self.is_caught_up = true;
                let cursor = self.subscription.cursor().encode(self.access.agency());
                return Ok(Some(response(Event::CaughtUp(CaughtUp { cursor }))));
            }
            if self.wait().await? == Woken::Idle {
                let now = self.services.engine.clock().now();
                let sent_at = Some(hub_core::date::timestamp(now));
                return Ok(Some(response(Event::Heartbeat(Heartbeat { sent_at }))));
            }
        }
    }

    /// Ends the stream when the caller may no longer read what it reads.
    fn check(&mut self) -> Result<()> {
        let now = self.services.engine.clock().now();
        self.services
            .identity
            .check_caller(self.access.caller(), now)?;
        if *self.draining.borrow() {
            let message = "the hub is stopping; connect again and resume from your cursor";
            return Err(Error::unavailable(message, Duration::from_secs(1)));
        }
        // Roles and memberships end with a day too, and no entry says so.
        let roster = self.services.engine.roster().load_full();
        if self.roster.has_changed().unwrap_or(true) || roster.day(now) != self.access.day() {
            self.roster.borrow_and_update();
            self.access = Access::new(roster, self.access.caller().clone(), now);
            self.access.check_some_role()?;
            for log in self.subscription.logs() {
                self.access.read_log(log)?;
            }
        }
        Ok(())
    }

    /// Reads what is new, up to a bound, and says what of it is restricted.
    fn fill(&mut self) -> Result<(Vec<Delivery>, Shown)> {
        let mut bytes = 0_usize;
        let (mut read, mut reads) = (vec![], Shown::default());
        let mut is_more = true;
        while read.len() < READ_COUNT_MAX && bytes < READ_BYTES_MAX {
            let Some(delivered) = self.subscription.read_next()? else {
                is_more = false;
                break;
            };
            let what = (
                &*delivered.entry,
                delivered.place.item,
                &*delivered.notification,
            );
            reads.in_log(&self.services.engine, &self.access, &delivered.log, what)?;
            bytes =
                bytes.saturating_add(prost::Message::encoded_len(delivered.notification.as_ref()));
            let cursor = self.subscription.cursor().encode(self.access.agency());
            read.push((delivered, cursor));
        }
        if is_more {
            // More than one read is waiting: the subscriber is behind and is told when it no longer is.
            self.is_caught_up = false;
        }
        Ok((deliveries(&self.services.engine, read)?, reads))
    }

    /// Makes what was read ready to be sent, once what of it is restricted is on the ledger. If it cannot
    /// be recorded, what comes before it is sent, and then the stream ends.
    async fn record(&mut self, read: Vec<Delivery>, reads: Shown) {
        let recorded = self
            .services
            .record_shown(&self.access, METHOD, &self.purpose, &reads)
            .await;
        let is_recorded = recorded.is_ok();
        self.refused = recorded.err();
        let sent = read
            .into_iter()
            .take_while(|delivery| is_recorded || !reads.has(delivery));
        self.ready
            .extend(sent.map(|delivery| response(Event::Delivery(delivery))));
    }

    async fn wait(&mut self) -> Result<Woken> {
        tokio::select! {
            changed = self.head.changed() => changed.map(|()| Woken::News).map_err(Error::internal),
            changed = self.roster.changed() => {
                // Seen again by `check`.
                self.roster.mark_changed();
                changed.map(|()| Woken::News).map_err(Error::internal)
            }
            changed = self.draining.changed() => changed.map(|()| Woken::News).map_err(Error::internal),
            error = self.caller.ended() => Err(error),
            () = tokio::time::sleep_until(self.heartbeat_at) => Ok(Woken::Idle),
        }
    }
}

#[derive(PartialEq, Eq)]
enum Woken {
    News,
    Idle,
}

/// What was read as it is sent, with what has taken the place of a notification since.
fn deliveries(engine: &Engine, read: Vec<(Delivered, String)>) -> Result<Vec<Delivery>> {
    let places = read.iter().map(|(delivered, _)| delivered.place);
    let is_any_superseded = match (places.clone().min(), places.max()) {
        (Some(first), Some(last)) => SuccessorRow::any_between(engine.store(), first, last)?,
        _ => false,
    };
    read.into_iter()
        .map(|(delivered, cursor)| {
            let notification = if is_any_superseded {
                lookup::shown(engine, delivered.place, delivered.notification)?
            } else {
                delivered.notification
            };
            Ok(Delivery {
                log: delivered.log.to_string(),
                position: delivered.position,
                cursor,
                notification: Some(Arc::unwrap_or_clone(notification)),
                receipt: Some(delivered.entry.receipt()),
            })
        })
        .collect()
}

fn response(event: Event) -> SubscribeResponse {
    SubscribeResponse { event: Some(event) }
}
