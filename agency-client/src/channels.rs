//! Notifications: publish, receive, open, sign for; one method an RPC.
//!
//! ```no_run
//! use agency_client::{Client, channels::NotificationDraft, proto::channels::Classification};
//!
//! # async fn example(client: Client) -> agency_client::Result<()> {
//! let draft = NotificationDraft::to(["health"])
//!     .category("coordination")
//!     .title("Spot check in May")
//!     .classification(Classification::Internal);
//! client.channels().publish(draft).await?;
//! # Ok(())
//! # }
//! ```

mod draft;
mod search;

use hub_proto::channels::{
    AcknowledgeDeliveryRequest, AcknowledgeDeliveryResponse, BatchPublishNotificationsRequest,
    BatchPublishNotificationsResponse, Channel, Consumer, DeliveryReceipt, GetNotificationRequest,
    GetNotificationResponse, ListChannelsRequest, ListChannelsResponse, ListConsumersRequest,
    ListConsumersResponse, ListDeliveryReceiptsRequest, ListDeliveryReceiptsResponse,
    ListNotificationsRequest, ListNotificationsResponse, OpenNotificationRequest,
    OpenNotificationResponse, PublishNotificationResponse, SearchNotificationsResponse,
    SignForNotificationRequest, SignForNotificationResponse,
};

pub use draft::NotificationDraft;
pub use search::{SearchQuery, SearchResults};

use crate::{
    author::Recorded,
    client::{Client, request_id},
    error::{ClientError, Result},
    subscribe::{SubscribeOptions, Subscription},
};

/// Notifications in one batch.
///
/// ```
/// use agency_client::channels::{BATCH_ITEMS_MAX, NotificationDraft};
///
/// let drafts: Vec<_> = (0..1_000)
///     .map(|number| NotificationDraft::to(["health"]).title(format!("No. {number}")))
///     .collect();
/// assert_eq!(drafts.chunks(BATCH_ITEMS_MAX).count(), 4);
/// ```
pub const BATCH_ITEMS_MAX: usize = 256;

macro_rules! path {
    ($method:literal) => {
        concat!("/hub.channels.v1.ChannelService/", $method)
    };
}

mod corrections;

pub(crate) const SUBSCRIBE: &str = path!("Subscribe");

/// The channels service. Made by [`Client::channels`].
///
/// ```no_run
/// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
/// let name = "channels/all-members/notifications/7";
/// let notification = client.channels().notification(name).await?.notification;
/// println!("{}", notification.unwrap_or_default().title);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Channels {
    client: Client,
}

impl Channels {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    /// Channels that the caller may read, in the charter's order.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// for channel in client.channels().list_channels().await? {
    ///     println!("{} {}", channel.name, channel.display_name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`ClientError`]; so for every method here.
    pub async fn list_channels(&self) -> Result<Vec<Channel>> {
        let answer: ListChannelsResponse = self
            .client
            .read(path!("ListChannels"), &ListChannelsRequest {})
            .await?;
        Ok(answer.channels)
    }

    /// Publishes one notification. The draft's request id stays the same over every retry.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::{channels::NotificationDraft, proto::channels::Classification};
    ///
    /// let draft = NotificationDraft::to(["health"])
    ///     .category("coordination")
    ///     .title("Spot check in May")
    ///     .classification(Classification::Internal);
    /// let published = client.channels().publish(draft).await?;
    /// println!("{:?}", published.receipt);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn publish(
        &self,
        draft: NotificationDraft,
    ) -> Result<Recorded<PublishNotificationResponse>> {
        let request = draft.into_request()?;
        self.client
            .mutate(path!("PublishNotification"), &request)
            .await
    }

    /// Publishes up to [`BATCH_ITEMS_MAX`] notifications under one author signature, all or none.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::channels::NotificationDraft;
    ///
    /// let drafts = ["May", "June"]
    ///     .map(|title| NotificationDraft::to_channel("joint-enforcement").title(title));
    /// let published = client.channels().publish_batch(drafts.into()).await?;
    /// assert_eq!(published.notifications.len(), 2);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn publish_batch(
        &self,
        drafts: Vec<NotificationDraft>,
    ) -> Result<Recorded<BatchPublishNotificationsResponse>> {
        self.publish_batch_as(drafts, request_id()).await
    }

    /// As [`Self::publish_batch`], under a request id of the caller's.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::{channels::NotificationDraft, request_id};
    ///
    /// // Stored by the caller, to repeat the very same batch after a crash.
    /// let id = request_id();
    /// let drafts = vec![NotificationDraft::to_channel("joint-enforcement").title("May")];
    /// client.channels().publish_batch_as(drafts, id).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn publish_batch_as(
        &self,
        drafts: Vec<NotificationDraft>,
        request_id: String,
    ) -> Result<Recorded<BatchPublishNotificationsResponse>> {
        if drafts.is_empty() || drafts.len() > BATCH_ITEMS_MAX {
            let rule = format!(
                "must have 1 to {BATCH_ITEMS_MAX} items, has {}",
                drafts.len()
            );
            return Err(ClientError::input("requests", rule));
        }
        let request = BatchPublishNotificationsRequest {
            requests: drafts
                .into_iter()
                .map(NotificationDraft::into_request)
                .collect::<Result<_>>()?,
            request_id: crate::client::checked_request_id(request_id)?,
        };
        self.client
            .mutate(path!("BatchPublishNotifications"), &request)
            .await
    }

    /// One notification by name. Reading it here does not record that it was opened.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// let name = "channels/joint-enforcement/notifications/7";
    /// let answer = client.channels().notification(name).await?;
    /// println!("{:?}", answer.notification);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn notification(&self, name: &str) -> Result<GetNotificationResponse> {
        let request = GetNotificationRequest {
            name: name.to_owned(),
        };
        self.client.read(path!("GetNotification"), &request).await
    }

    /// A page of the notifications of one log.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::channels::ListNotificationsRequest;
    ///
    /// let request = ListNotificationsRequest {
    ///     parent: "agencies/tax/inbox".into(),
    ///     newest_first: true,
    ///     ..ListNotificationsRequest::default()
    /// };
    /// for one in client.channels().list_notifications(&request).await?.notifications {
    ///     println!("{} {}", one.name, one.title);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn list_notifications(
        &self,
        request: &ListNotificationsRequest,
    ) -> Result<ListNotificationsResponse> {
        self.client.read(path!("ListNotifications"), request).await
    }

    /// One page of the notifications that the caller may see and that match a query, without bodies.
    /// What was published before the call is found.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::channels::SearchQuery;
    ///
    /// let query = SearchQuery::new().title("spot check").category("coordination");
    /// let found = client.channels().search(&query).await?;
    /// println!("{} on this page", found.notifications.len());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn search(&self, query: &SearchQuery) -> Result<SearchNotificationsResponse> {
        self.client
            .read(path!("SearchNotifications"), query.request())
            .await
    }

    /// As [`Self::search`], page after page as they are needed.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::channels::SearchQuery;
    ///
    /// let mut found = client.channels().search_all(SearchQuery::new().title("spot check"));
    /// while let Some(one) = found.next().await? {
    ///     println!("{}", one.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn search_all(&self, query: SearchQuery) -> SearchResults {
        SearchResults::new(self.clone(), query)
    }

    /// Records that an officer of the recipient opened a notification, and returns it. No
    /// recipient means the caller's agency; else `mechanisms/{mechanism}/office`.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// let name = "channels/joint-enforcement/notifications/7";
    /// let opened = client.channels().open(name, None).await?;
    /// println!("{:?}", opened.notification);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn open(
        &self,
        name: &str,
        recipient: Option<&str>,
    ) -> Result<Recorded<OpenNotificationResponse>> {
        let request = OpenNotificationRequest {
            name: name.to_owned(),
            recipient: recipient.unwrap_or_default().to_owned(),
            request_id: request_id(),
        };
        self.client
            .mutate(path!("OpenNotification"), &request)
            .await
    }

    /// Signs for a notification (签收). No recipient means the caller's agency; else
    /// `mechanisms/{mechanism}/office`.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// let name = "channels/joint-enforcement/notifications/7";
    /// let signed = client
    ///     .channels()
    ///     .sign_for(name, Some("mechanisms/joint-enforcement/office"))
    ///     .await?;
    /// println!("{:?}", signed.receipt);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn sign_for(
        &self,
        name: &str,
        recipient: Option<&str>,
    ) -> Result<Recorded<SignForNotificationResponse>> {
        let request = SignForNotificationRequest {
            name: name.to_owned(),
            recipient: recipient.unwrap_or_default().to_owned(),
            request_id: request_id(),
        };
        self.client
            .mutate(path!("SignForNotification"), &request)
            .await
    }

    /// Who has received, opened and signed for a notification, as far as the caller may see.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// let name = "channels/joint-enforcement/notifications/7";
    /// for row in client.channels().delivery_receipts(name).await? {
    ///     println!("{} signed at {:?}", row.recipient, row.signed_for_at);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn delivery_receipts(&self, name: &str) -> Result<Vec<DeliveryReceipt>> {
        let request = ListDeliveryReceiptsRequest {
            parent: name.to_owned(),
        };
        let answer: ListDeliveryReceiptsResponse = self
            .client
            .read(path!("ListDeliveryReceipts"), &request)
            .await?;
        Ok(answer.delivery_receipts)
    }

    /// Backlog, then live, without gap or repeat; reconnects by itself.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::subscribe::{Event, SubscribeOptions};
    ///
    /// let mut events = client.channels().subscribe(SubscribeOptions::default());
    /// while let Some(event) = events.next().await {
    ///     if let Event::Delivery(delivery) = event? {
    ///         println!("{} {}", delivery.log, delivery.position);
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn subscribe(&self, options: SubscribeOptions) -> Subscription {
        Subscription::start(self.client.clone(), options)
    }

    /// Moves a durable consumer forward to the cursor of the last delivery dealt with.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// # let delivery = agency_client::proto::channels::Delivery::default();
    /// // After the work that the delivery caused is stored.
    /// client.channels().acknowledge("oa", &delivery.cursor).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn acknowledge(
        &self,
        consumer: &str,
        cursor: &str,
    ) -> Result<Recorded<AcknowledgeDeliveryResponse>> {
        let request = AcknowledgeDeliveryRequest {
            consumer: consumer.to_owned(),
            cursor: cursor.to_owned(),
            request_id: request_id(),
        };
        self.client
            .mutate(path!("AcknowledgeDelivery"), &request)
            .await
    }

    /// Durable consumers of the caller's agency.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// for consumer in client.channels().list_consumers().await? {
    ///     println!("{}: {} wait", consumer.name, consumer.lag_count);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn list_consumers(&self) -> Result<Vec<Consumer>> {
        let answer: ListConsumersResponse = self
            .client
            .read(path!("ListConsumers"), &ListConsumersRequest {})
            .await?;
        Ok(answer.consumers)
    }
}
