//! Correct, retract, and what is outstanding.

use hub_proto::channels::{
    CorrectNotificationRequest, CorrectNotificationResponse, ListOutstandingActionsRequest,
    ListOutstandingActionsResponse, RetractNotificationRequest, RetractNotificationResponse,
};

use super::{Channels, NotificationDraft};
use crate::{
    author::Recorded,
    client::{checked_request_id, request_id},
    error::Result,
};

impl Channels {
    /// Puts a corrected notification in the place of one that the caller's agency published. It
    /// goes to everyone who got that one, and each of them must acknowledge it by signing for it.
    /// The draft's channel and addressees are left out; its request id stays the same over every
    /// retry.
    ///
    /// ```no_run
    /// use agency_client::{Client, channels::NotificationDraft};
    ///
    /// # async fn example(client: Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let name = "channels/joint-enforcement/notifications/7";
    /// let wrong = client.channels().notification(name).await?;
    /// let wrong = wrong.notification.ok_or("no notification")?;
    /// let draft = NotificationDraft::like(&wrong).title("Spot check in June");
    /// client.channels().correct(name, draft, "The month was wrong").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn correct(
        &self,
        name: &str,
        draft: NotificationDraft,
        reason: &str,
    ) -> Result<Recorded<CorrectNotificationResponse>> {
        let (mut notification, request_id) = draft.into_parts();
        notification.channel.clear();
        notification.addressees.clear();
        let request = CorrectNotificationRequest {
            name: name.to_owned(),
            notification: Some(notification),
            reason: reason.to_owned(),
            request_id: checked_request_id(request_id)?,
        };
        self.client
            .mutate(path!("CorrectNotification"), &request)
            .await
    }

    /// Takes back a notification that the caller's agency published. Everyone who got it gets the
    /// retraction and must acknowledge it by signing for it.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> Result<(), agency_client::ClientError> {
    /// let name = "channels/joint-enforcement/notifications/7";
    /// let answer = client.channels().retract(name, "Sent by mistake").await?;
    /// println!("{:?}", answer.notification);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn retract(
        &self,
        name: &str,
        reason: &str,
    ) -> Result<Recorded<RetractNotificationResponse>> {
        self.retract_as(name, reason, request_id()).await
    }

    /// As [`Self::retract`], under a request id of the caller's.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// // Stored before the call, so that it can be repeated after a crash.
    /// let id = agency_client::request_id();
    /// let name = "channels/all-members/notifications/7";
    /// client.channels().retract_as(name, "Sent by mistake", id).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn retract_as(
        &self,
        name: &str,
        reason: &str,
        request_id: String,
    ) -> Result<Recorded<RetractNotificationResponse>> {
        let request = RetractNotificationRequest {
            name: name.to_owned(),
            reason: reason.to_owned(),
            request_id: checked_request_id(request_id)?,
        };
        self.client
            .mutate(path!("RetractNotification"), &request)
            .await
    }

    /// A page of what was asked and has not been done, the earliest due first.
    ///
    /// ```no_run
    /// use agency_client::proto::channels::ListOutstandingActionsRequest;
    ///
    /// # async fn example(client: agency_client::Client) -> Result<(), agency_client::ClientError> {
    /// let request = ListOutstandingActionsRequest {
    ///     parent: "agencies/tax".into(),
    ///     overdue_only: true,
    ///     ..ListOutstandingActionsRequest::default()
    /// };
    /// for action in client.channels().outstanding(&request).await?.outstanding_actions {
    ///     println!("{} {}", action.notification, action.title);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn outstanding(
        &self,
        request: &ListOutstandingActionsRequest,
    ) -> Result<ListOutstandingActionsResponse> {
        self.client
            .read(path!("ListOutstandingActions"), request)
            .await
    }
}
