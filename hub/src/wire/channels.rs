//! `hub.channels.v1.ChannelService`.

pub(super) mod lookup;
mod outstanding;
mod promptness;
mod publish;
pub mod search;
pub mod stream;

use std::sync::Arc;

use hub_core::names::{AgencyId, ConsumerId, LogName, NotificationName, Recipient};
use hub_proto::channels::{
    AcknowledgeDeliveryRequest, AcknowledgeDeliveryResponse, BatchPublishNotificationsRequest,
    BatchPublishNotificationsResponse, Channel, Consumer, CorrectNotificationRequest,
    CorrectNotificationResponse, DeliveryReceipt, GetNotificationRequest, GetNotificationResponse,
    ListChannelsRequest, ListChannelsResponse, ListConsumersRequest, ListConsumersResponse,
    ListDeliveryReceiptsRequest, ListDeliveryReceiptsResponse, ListNotificationsRequest,
    ListNotificationsResponse, ListOutstandingActionsRequest, ListOutstandingActionsResponse,
    Notification, OpenNotificationRequest, OpenNotificationResponse, PublishNotificationRequest,
    PublishNotificationResponse, RetractNotificationRequest, RetractNotificationResponse,
    SearchNotificationsRequest, SearchNotificationsResponse, SignForNotificationRequest,
    SignForNotificationResponse, SubscribeRequest, channel_service_server::ChannelService,
};
use tonic::{Request, Response, Status};

use super::{
    Call, Services, page, parse,
    reads::{Purpose, shown::Shown},
};
use crate::{
    authz::{Access, RecipientAct},
    charter::Action,
    domain::channels::{
        self, ConsumerRow, cursor::Cursor, log::Head, notification::BATCH_ITEMS_MAX,
    },
    engine::recorded::Recorded,
    error::{Error, Result},
};

use self::{lookup::Found, stream::SubscribeStream};

/// Largest page of notifications.
pub const PAGE_MAX: usize = 500;
/// Page of notifications when none is asked for.
pub const PAGE_DEFAULT: usize = 50;
/// A page ends once its notifications have grown to so many bytes.
pub const PAGE_BYTES_MAX: usize = 512 * 1024;

impl Services {
    fn show_channels(&self, access: &Access) -> Result<Vec<Channel>> {
        let readable = access.roster().charter().channels().iter();
        readable
            .filter(|channel| access.can_read_channel(channel))
            .map(|channel| {
                let mechanism = channel.mechanism().map(|id| format!("mechanisms/{id}"));
                Ok(Channel {
                    name: format!("channels/{}", channel.id()),
                    display_name: channel.name().to_owned(),
                    display_name_en: channel.name_en().to_owned(),
                    mechanism: mechanism.unwrap_or_default(),
                    is_publishable: access.can_publish(channel),
                    head_position: Head::read(
                        self.engine.store(),
                        &LogName::Channel(channel.id().clone()),
                    )?,
                })
            })
            .collect()
    }

    fn list(
        &self,
        access: &Access,
        request: &ListNotificationsRequest,
    ) -> Result<(ListNotificationsResponse, Shown)> {
        let log: LogName = parse("parent", &request.parent)?;
        access.read_log(&log)?;
        let size = page::size(request.page_size, PAGE_DEFAULT, PAGE_MAX)?;
        let order = if request.newest_first {
            "newest"
        } else {
            "oldest"
        };
        let list = format!("{log}?{order}");
        let head = Head::read(self.engine.store(), &log)?;
        let last = page::position(&request.page_token, access.agency(), &list)?;
        let last = last.and_then(|position| i64::try_from(position).ok());
        let positions: Box<dyn Iterator<Item = i64> + Send> = if request.newest_first {
            Box::new((1..=last.map_or(head, |last| head.min(last.saturating_sub(1)))).rev())
        } else {
            Box::new(last.unwrap_or(0).saturating_add(1)..=head)
        };
        let mut notifications: Vec<Notification> = vec![];
        let mut reads = Shown::default();
        let mut last_entry = None;
        let mut bytes = 0_usize;
        let mut next = None;
        for position in positions {
            if notifications.len() == size || bytes >= PAGE_BYTES_MAX {
                next = Some(if request.newest_first {
                    position + 1
                } else {
                    position - 1
                });
                break;
            }
            let found = lookup::at(&self.engine, &log, position, &mut last_entry)?;
            reads.in_log(&self.engine, access, &log, found.read())?;
            let mut shown = found.notification.as_ref().clone();
            if request.omit_bodies {
                shown.body.clear();
            }
            bytes = bytes.saturating_add(prost::Message::encoded_len(&shown));
            notifications.push(shown);
        }
        let next = next.and_then(|position| u64::try_from(position).ok());
        let page = ListNotificationsResponse {
            notifications,
            next_page_token: next
                .map(|position| page::token(access.agency(), &list, position))
                .unwrap_or_default(),
        };
        Ok((page, reads))
    }

    /// What showing a notification is as a read.
    fn reads(&self, access: &Access, found: &Found) -> Result<Shown> {
        let mut reads = Shown::default();
        reads.seen(&self.engine, access, found.read())?;
        Ok(reads)
    }

    /// Records what a recipient did with a notification.
    async fn act(
        &self,
        call: Call,
        (access, purpose): (&Access, &Purpose),
        act: RecipientAct,
        (name, recipient, request_id): (&str, &str, &str),
    ) -> Result<(Found, Recipient, Arc<Recorded>)> {
        let parsed: NotificationName = parse("name", name)?;
        let found = lookup::find(&self.engine, access, &parsed)?;
        let recipient = match recipient {
            "" => Recipient::Agency(access.agency().clone()),
            text => parse("recipient", text)?,
        };
        let permit = access.act_for(&recipient, act)?;
        if !found.recipients(access.roster()).contains(&recipient) {
            let rule = format!("{recipient} is not among the recipients of this notification");
            return Err(Error::field("recipient", rule));
        }
        let ids = vec![parse("request_id", request_id)?];
        self.check_purpose(access, purpose, &self.reads(access, &found)?)?;
        let command = match act {
            RecipientAct::Open => channels::Command::Open(found.place, recipient.clone()),
            RecipientAct::SignFor => channels::Command::SignFor(found.place, recipient.clone()),
        };
        let entry = self.record(call, permit, ids, command).await?;
        Ok((found, recipient, entry))
    }

    fn receipts(&self, access: &Access, name: &str) -> Result<(Vec<DeliveryReceipt>, Shown)> {
        let parsed: NotificationName = parse("parent", name)?;
        let found = lookup::find(&self.engine, access, &parsed)?;
        let sees_all = match (&parsed, found.entry.author().parse::<AgencyId>()) {
            (NotificationName::InChannel(channel, _), Ok(author)) => {
                access.sees_all_receipts(channel, &author)
            }
            (NotificationName::Addressed(author, _), _) => author == access.agency(),
            _ => false,
        };
        let is_own = |recipient: &Recipient| match recipient {
            Recipient::Agency(agency) => agency == access.agency(),
            Recipient::Office(mechanism) => access
                .roster()
                .offices_of(access.agency())
                .contains(mechanism),
        };
        let receipts = found
            .recipients(access.roster())
            .iter()
            .filter(|recipient| sees_all || is_own(recipient))
            .map(|recipient| lookup::receipt(&self.engine, access, &found, recipient))
            .collect::<Result<_>>()?;
        Ok((receipts, self.reads(access, &found)?))
    }

    fn show_consumer(&self, access: &Access, id: &str, row: &ConsumerRow) -> Result<Consumer> {
        let cursor = stream::readable(access, Cursor::from_positions(&row.positions)?);
        let mut lag_count = 0_i64;
        for (log, position) in cursor.positions() {
            let head = Head::read(self.engine.store(), log)?;
            lag_count = lag_count.saturating_add(head.saturating_sub(*position));
        }
        let at = jiff::Timestamp::from_microsecond(row.acknowledged_at_us);
        Ok(Consumer {
            name: format!("agencies/{}/consumers/{id}", access.agency()),
            cursor: cursor.encode(access.agency()),
            acknowledged_at: at.ok().map(hub_core::date::timestamp),
            lag_count,
        })
    }

    fn consumer(&self, access: &Access, id: &ConsumerId) -> Result<Consumer> {
        let consumers = channels::consumers(self.engine.store(), access.agency())?;
        let (_, row) = consumers
            .into_iter()
            .find(|(one, _)| one == id.as_str())
            .ok_or_else(|| Error::internal("a recorded consumer is missing"))?;
        self.show_consumer(access, id.as_str(), &row)
    }
}

#[tonic::async_trait]
impl ChannelService for Services {
    type SubscribeStream = SubscribeStream;

    async fn list_channels(
        &self,
        request: Request<ListChannelsRequest>,
    ) -> Result<Response<ListChannelsResponse>, Status> {
        let access = self.access(&request)?;
        Ok(Response::new(ListChannelsResponse {
            channels: self.show_channels(&access)?,
        }))
    }

    async fn publish_notification(
        &self,
        request: Request<PublishNotificationRequest>,
    ) -> Result<Response<PublishNotificationResponse>, Status> {
        const METHOD: &str = "/hub.channels.v1.ChannelService/PublishNotification";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let requests = [(String::new(), request.get_ref())];
        let entry = self.publish(call, &access, None, &requests).await?;
        Ok(Response::new(PublishNotificationResponse {
            notification: entry.notification(0).map(|one| one.as_ref().clone()),
            receipt: Some(entry.receipt()),
        }))
    }

    async fn batch_publish_notifications(
        &self,
        request: Request<BatchPublishNotificationsRequest>,
    ) -> Result<Response<BatchPublishNotificationsResponse>, Status> {
        const METHOD: &str = "/hub.channels.v1.ChannelService/BatchPublishNotifications";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let batch = request.get_ref();
        if !(1..=BATCH_ITEMS_MAX).contains(&batch.requests.len()) {
            let rule = format!("must be 1 to {BATCH_ITEMS_MAX}");
            return Err(Error::field("requests", rule).into());
        }
        let requests: Vec<_> = batch
            .requests
            .iter()
            .enumerate()
            .map(|(number, request)| (format!("requests[{number}]."), request))
            .collect();
        let entry = self
            .publish(call, &access, Some(&batch.request_id), &requests)
            .await?;
        let notifications = entry
            .notifications()
            .iter()
            .map(|(_, notification)| {
                let mut shown = notification.as_ref().clone();
                shown.body.clear();
                shown
            })
            .collect();
        let receipt = Some(entry.receipt());
        Ok(Response::new(BatchPublishNotificationsResponse {
            notifications,
            receipt,
        }))
    }

    async fn get_notification(
        &self,
        request: Request<GetNotificationRequest>,
    ) -> Result<Response<GetNotificationResponse>, Status> {
        const METHOD: &str = "/hub.channels.v1.ChannelService/GetNotification";
        let access = self.access(&request)?;
        let purpose = Purpose::of(&request)?;
        let name: NotificationName = parse("name", &request.get_ref().name)?;
        let found = lookup::find(&self.engine, &access, &name)?;
        let reads = self.reads(&access, &found)?;
        self.record_shown(&access, METHOD, &purpose, &reads).await?;
        Ok(Response::new(GetNotificationResponse {
            promptness: promptness::of(access.roster().charter(), &found.notification),
            notification: Some(found.notification.as_ref().clone()),
            receipt: Some(found.entry.receipt()),
        }))
    }

    async fn list_notifications(
        &self,
        request: Request<ListNotificationsRequest>,
    ) -> Result<Response<ListNotificationsResponse>, Status> {
        const METHOD: &str = "/hub.channels.v1.ChannelService/ListNotifications";
        let access = self.access(&request)?;
        let purpose = Purpose::of(&request)?;
        let (page, reads) = self.list(&access, request.get_ref())?;
        self.record_shown(&access, METHOD, &purpose, &reads).await?;
        Ok(Response::new(page))
    }

    async fn open_notification(
        &self,
        request: Request<OpenNotificationRequest>,
    ) -> Result<Response<OpenNotificationResponse>, Status> {
        const METHOD: &str = "/hub.channels.v1.ChannelService/OpenNotification";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let purpose = Purpose::of(&request)?;
        let request = request.get_ref();
        let what = (&*request.name, &*request.recipient, &*request.request_id);
        let who = (&access, &purpose);
        let (found, recipient, entry) = self.act(call, who, RecipientAct::Open, what).await?;
        let row = lookup::receipt(&self.engine, &access, &found, &recipient)?;
        let reads = self.reads(&access, &found)?;
        self.record_shown(&access, METHOD, &purpose, &reads).await?;
        Ok(Response::new(OpenNotificationResponse {
            notification: Some(found.notification.as_ref().clone()),
            delivery_receipt: Some(row),
            receipt: Some(entry.receipt()),
        }))
    }

    async fn sign_for_notification(
        &self,
        request: Request<SignForNotificationRequest>,
    ) -> Result<Response<SignForNotificationResponse>, Status> {
        const METHOD: &str = "/hub.channels.v1.ChannelService/SignForNotification";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let purpose = Purpose::of(&request)?;
        let request = request.get_ref();
        let what = (&*request.name, &*request.recipient, &*request.request_id);
        let who = (&access, &purpose);
        let (found, recipient, entry) = self.act(call, who, RecipientAct::SignFor, what).await?;
        let row = lookup::receipt(&self.engine, &access, &found, &recipient)?;
        // What is still outstanding is shown with the title.
        if !row.outstanding_actions.is_empty() {
            let reads = self.reads(&access, &found)?;
            self.record_shown(&access, METHOD, &purpose, &reads).await?;
        }
        Ok(Response::new(SignForNotificationResponse {
            delivery_receipt: Some(row),
            receipt: Some(entry.receipt()),
        }))
    }

    async fn list_delivery_receipts(
        &self,
        request: Request<ListDeliveryReceiptsRequest>,
    ) -> Result<Response<ListDeliveryReceiptsResponse>, Status> {
        const METHOD: &str = "/hub.channels.v1.ChannelService/ListDeliveryReceipts";
        let access = self.access(&request)?;
        let purpose = Purpose::of(&request)?;
        let (delivery_receipts, reads) = self.receipts(&access, &request.get_ref().parent)?;
        self.record_shown(&access, METHOD, &purpose, &reads).await?;
        Ok(Response::new(ListDeliveryReceiptsResponse {
            delivery_receipts,
        }))
    }

    async fn subscribe(
        &self,
        request: Request<SubscribeRequest>,
    ) -> Result<Response<SubscribeStream>, Status> {
        let access = self.access(&request)?;
        let purpose = Purpose::of(&request)?;
        Ok(Response::new(stream::open(
            self,
            (access, purpose),
            request.get_ref(),
        )?))
    }

    async fn acknowledge_delivery(
        &self,
        request: Request<AcknowledgeDeliveryRequest>,
    ) -> Result<Response<AcknowledgeDeliveryResponse>, Status> {
        const METHOD: &str = "/hub.channels.v1.ChannelService/AcknowledgeDelivery";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let permit = access.permit(Action::ConsumersAcknowledge)?;
        let request = request.get_ref();
        let consumer = stream::consumer_id(&request.consumer)?;
        let given = Cursor::decode(&request.cursor, access.agency())?;
        let cursor = stream::readable(&access, given.clone());
        if let (None, Some((log, _))) = (cursor.positions().next(), given.positions().next()) {
            return Err(Error::not_found(&log.to_string()).into());
        }
        let ids = vec![parse("request_id", &request.request_id)?];
        let command = channels::Command::Acknowledge(consumer.clone(), cursor);
        let entry = self.record(call, permit, ids, command).await?;
        Ok(Response::new(AcknowledgeDeliveryResponse {
            consumer: Some(self.consumer(&access, &consumer)?),
            receipt: Some(entry.receipt()),
        }))
    }

    async fn list_consumers(
        &self,
        request: Request<ListConsumersRequest>,
    ) -> Result<Response<ListConsumersResponse>, Status> {
        let access = self.access(&request)?;
        access.permit(Action::ConsumersAcknowledge)?;
        let rows = channels::consumers(self.engine.store(), access.agency())?;
        let consumers = rows
            .iter()
            .map(|(id, row)| self.show_consumer(&access, id, row))
            .collect::<Result<_>>()?;
        Ok(Response::new(ListConsumersResponse { consumers }))
    }

    async fn correct_notification(
        &self,
        request: Request<CorrectNotificationRequest>,
    ) -> Result<Response<CorrectNotificationResponse>, Status> {
        const METHOD: &str = "/hub.channels.v1.ChannelService/CorrectNotification";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let entry = self.correct(call, &access, request.get_ref()).await?;
        Ok(Response::new(CorrectNotificationResponse {
            notification: entry.notification(0).map(Arc::unwrap_or_clone),
            receipt: Some(entry.receipt()),
        }))
    }

    async fn retract_notification(
        &self,
        request: Request<RetractNotificationRequest>,
    ) -> Result<Response<RetractNotificationResponse>, Status> {
        const METHOD: &str = "/hub.channels.v1.ChannelService/RetractNotification";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let entry = self.retract(call, &access, request.get_ref()).await?;
        Ok(Response::new(RetractNotificationResponse {
            notification: entry.notification(0).map(Arc::unwrap_or_clone),
            receipt: Some(entry.receipt()),
        }))
    }

    async fn list_outstanding_actions(
        &self,
        request: Request<ListOutstandingActionsRequest>,
    ) -> Result<Response<ListOutstandingActionsResponse>, Status> {
        const METHOD: &str = "/hub.channels.v1.ChannelService/ListOutstandingActions";
        let access = self.access(&request)?;
        let purpose = Purpose::of(&request)?;
        let (page, reads) = self.outstanding(&access, request.get_ref())?;
        self.record_shown(&access, METHOD, &purpose, &reads).await?;
        Ok(Response::new(page))
    }

    async fn search_notifications(
        &self,
        request: Request<SearchNotificationsRequest>,
    ) -> Result<Response<SearchNotificationsResponse>, Status> {
        const METHOD: &str = "/hub.channels.v1.ChannelService/SearchNotifications";
        let access = self.access(&request)?;
        let purpose = Purpose::of(&request)?;
        let (page, reads) = search::search(self, access.clone(), request.get_ref()).await?;
        self.record_shown(&access, METHOD, &purpose, &reads).await?;
        Ok(Response::new(page))
    }
}
