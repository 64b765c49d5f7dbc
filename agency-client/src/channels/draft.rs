//! A notification on its way to being published.
//!
//! The hub checks every rule; here only what would make the request itself ambiguous is refused.

use bytes::Bytes;
use hub_core::date::to_wire;
use hub_proto::channels::{
    Attachment, Classification, Notification, PublishNotificationRequest, SubjectOrganization,
};
use jiff::{Timestamp, civil::Date};

use crate::{
    client::{checked_request_id, request_id},
    error::{ClientError, Result},
};

/// Builds a notification. The request id is minted when the draft is made, so that a draft that is
/// sent twice is recorded once.
///
/// ```
/// use agency_client::channels::NotificationDraft;
///
/// let draft = NotificationDraft::to_channel("joint-enforcement")
///     .category("coordination")
///     .title("Spot check in May")
///     .text("Who takes part?");
/// assert_eq!(draft.id(), draft.clone().id());
/// ```
#[derive(Debug, Clone)]
pub struct NotificationDraft {
    notification: Notification,
    request_id: String,
}

impl NotificationDraft {
    fn new(notification: Notification) -> Self {
        Self {
            notification: Notification {
                media_type: "text/plain; charset=utf-8".into(),
                ..notification
            },
            request_id: request_id(),
        }
    }

    /// To everyone who reads a channel: its id, or `channels/{channel}`.
    ///
    /// ```
    /// use agency_client::channels::NotificationDraft;
    ///
    /// let draft = NotificationDraft::to_channel("joint-enforcement");
    /// # drop(draft);
    /// ```
    #[must_use]
    pub fn to_channel(channel: &str) -> Self {
        let channel = channel.strip_prefix("channels/").unwrap_or(channel);
        Self::new(Notification {
            channel: format!("channels/{channel}"),
            ..Notification::default()
        })
    }

    /// To named addressees, whom only they and the author see: `agencies/{agency}` or
    /// `mechanisms/{mechanism}/office`; a bare id means an agency.
    ///
    /// ```
    /// use agency_client::channels::NotificationDraft;
    ///
    /// let draft = NotificationDraft::to(["health", "mechanisms/joint-enforcement/office"]);
    /// # drop(draft);
    /// ```
    #[must_use]
    pub fn to<A: AsRef<str>>(addressees: impl IntoIterator<Item = A>) -> Self {
        Self::new(Notification {
            addressees: addressees
                .into_iter()
                .map(|addressee| addressee_name(addressee.as_ref()))
                .collect(),
            ..Notification::default()
        })
    }

    /// To whom the charter routes a category.
    ///
    /// ```
    /// use agency_client::channels::NotificationDraft;
    ///
    /// let draft = NotificationDraft::by_route("case_result_fund");
    /// # drop(draft);
    /// ```
    #[must_use]
    pub fn by_route(category: &str) -> Self {
        Self::new(Notification {
            category: category.to_owned(),
            ..Notification::default()
        })
    }

    /// With the content of an existing notification: to correct it, or to send it again. Channel
    /// and addressees come along; what only the hub sets does not.
    ///
    /// ```
    /// use agency_client::{channels::NotificationDraft, proto::channels::Notification};
    ///
    /// let old = Notification { title: "May".into(), ..Notification::default() };
    /// let draft = NotificationDraft::like(&old).title("June");
    /// # drop(draft);
    /// ```
    #[must_use]
    pub fn like(notification: &Notification) -> Self {
        let mut draft = Self::new(Notification::default());
        let fresh = notification.clone();
        draft.notification = Notification {
            name: String::new(),
            author: String::new(),
            author_officer: String::new(),
            author_role: String::new(),
            published_at: None,
            request_id: String::new(),
            state: 0,
            kind: 0,
            about: String::new(),
            reason: String::new(),
            superseded_by: String::new(),
            is_sealed: false,
            ..fresh
        };
        draft
    }

    /// Category id from the charter.
    ///
    /// ```
    /// use agency_client::channels::NotificationDraft;
    ///
    /// let draft = NotificationDraft::to(["health"]).category("coordination");
    /// # drop(draft);
    /// ```
    #[must_use]
    pub fn category(mut self, category: impl Into<String>) -> Self {
        self.notification.category = category.into();
        self
    }

    /// Title, 1 to 200 characters, one line.
    ///
    /// ```
    /// use agency_client::channels::NotificationDraft;
    ///
    /// let draft = NotificationDraft::to(["health"]).title("Spot check in May");
    /// # drop(draft);
    /// ```
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.notification.title = title.into();
        self
    }

    /// A text body.
    ///
    /// ```
    /// use agency_client::channels::NotificationDraft;
    ///
    /// let draft = NotificationDraft::to(["health"]).text("Who takes part?");
    /// # drop(draft);
    /// ```
    #[must_use]
    pub fn text(self, text: impl Into<String>) -> Self {
        self.body(text.into().into_bytes(), "text/plain; charset=utf-8")
    }

    /// A body with its media type; at most 256 KiB.
    ///
    /// ```
    /// use agency_client::channels::NotificationDraft;
    ///
    /// let draft = NotificationDraft::to(["health"]).body("<p>Who?</p>", "text/html");
    /// # drop(draft);
    /// ```
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>, media_type: impl Into<String>) -> Self {
        self.notification.body = body.into();
        self.notification.media_type = media_type.into();
        self
    }

    /// An organisation that it is about: unified social credit code and registered name.
    ///
    /// ```
    /// use agency_client::channels::NotificationDraft;
    ///
    /// let draft = NotificationDraft::to(["health"]).subject("51100000500008957Y", "Some Association");
    /// # drop(draft);
    /// ```
    #[must_use]
    pub fn subject(mut self, uscc: impl Into<String>, display_name: impl Into<String>) -> Self {
        self.notification.subjects.push(SubjectOrganization {
            uscc: uscc.into(),
            display_name: display_name.into(),
        });
        self
    }

    /// Document number, such as 晋民函〔2021〕64号.
    ///
    /// ```
    /// use agency_client::channels::NotificationDraft;
    ///
    /// let draft = NotificationDraft::to(["health"]).document_number("晋民函〔2021〕64号");
    /// # drop(draft);
    /// ```
    #[must_use]
    pub fn document_number(mut self, number: impl Into<String>) -> Self {
        self.notification.document_number = number.into();
        self
    }

    /// Classification; the hub refuses a notification without one.
    ///
    /// ```
    /// use agency_client::{channels::NotificationDraft, proto::channels::Classification};
    ///
    /// let draft = NotificationDraft::to(["health"]).classification(Classification::Internal);
    /// # drop(draft);
    /// ```
    #[must_use]
    pub fn classification(mut self, classification: Classification) -> Self {
        self.notification.classification = classification.into();
        self
    }

    /// Adds a legal basis.
    ///
    /// ```
    /// use agency_client::channels::NotificationDraft;
    ///
    /// let draft = NotificationDraft::to(["health"]).legal_basis("《社会团体登记管理条例》第三十条");
    /// # drop(draft);
    /// ```
    #[must_use]
    pub fn legal_basis(mut self, basis: impl Into<String>) -> Self {
        self.notification.legal_bases.push(basis.into());
        self
    }

    /// Remedy open to the organisation and its deadline (JE-041).
    ///
    /// ```
    /// use agency_client::channels::NotificationDraft;
    ///
    /// let draft = NotificationDraft::to(["health"]).remedy("Review within 60 days");
    /// # drop(draft);
    /// ```
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.notification.remedy = remedy.into();
        self
    }

    /// When every recipient is asked to have signed for it.
    ///
    /// ```
    /// use agency_client::channels::NotificationDraft;
    ///
    /// let draft = NotificationDraft::to(["health"]).sign_by("2026-12-01T18:00:00+08:00".parse()?);
    /// # drop(draft);
    /// # Ok::<(), jiff::Error>(())
    /// ```
    #[must_use]
    pub fn sign_by(mut self, at: Timestamp) -> Self {
        self.notification.sign_by_at = Some(prost_types::Timestamp {
            seconds: at.as_second(),
            nanos: at.subsec_nanosecond(),
        });
        self
    }

    /// When every recipient is asked to have answered.
    ///
    /// ```
    /// use agency_client::channels::NotificationDraft;
    ///
    /// let draft = NotificationDraft::to(["health"]).reply_by("2026-12-01T18:00:00+08:00".parse()?);
    /// # drop(draft);
    /// # Ok::<(), jiff::Error>(())
    /// ```
    #[must_use]
    pub fn reply_by(mut self, at: Timestamp) -> Self {
        self.notification.reply_by_at = Some(prost_types::Timestamp {
            seconds: at.as_second(),
            nanos: at.subsec_nanosecond(),
        });
        self
    }

    /// When what it reports came about (JE-082).
    ///
    /// ```
    /// use agency_client::channels::NotificationDraft;
    ///
    /// let draft = NotificationDraft::to(["health"]).occurred_on("2026-11-30".parse()?);
    /// # drop(draft);
    /// # Ok::<(), jiff::Error>(())
    /// ```
    #[must_use]
    pub fn occurred_on(mut self, on: Date) -> Self {
        self.notification.occurred_on = Some(to_wire(on));
        self
    }

    /// The notification that this one answers, by resource name.
    ///
    /// ```
    /// use agency_client::channels::NotificationDraft;
    ///
    /// let draft = NotificationDraft::to(["health"]).in_reply_to("channels/all-members/notifications/7");
    /// # drop(draft);
    /// ```
    #[must_use]
    pub fn in_reply_to(mut self, name: impl Into<String>) -> Self {
        self.notification.in_reply_to = name.into();
        self
    }

    /// Adds a file that was uploaded: at most 20, each once.
    ///
    /// ```no_run
    /// use agency_client::{Client, channels::NotificationDraft};
    ///
    /// # async fn example(client: Client) -> agency_client::Result<()> {
    /// let report = client.attachments().upload("report.pdf", |_| {}).await?;
    /// let draft = NotificationDraft::to(["health"]).attach(report);
    /// # drop(draft);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn attach(mut self, attachment: Attachment) -> Self {
        self.notification.attachments.push(attachment);
        self
    }

    /// A request id of the caller's: one it stored before, to repeat a call whose answer was lost.
    ///
    /// ```
    /// use agency_client::channels::NotificationDraft;
    ///
    /// let draft = NotificationDraft::to(["health"]).request_id(agency_client::request_id());
    /// # drop(draft);
    /// ```
    #[must_use]
    pub fn request_id(mut self, id: impl Into<String>) -> Self {
        self.request_id = id.into();
        self
    }

    /// The request id. Store it before publishing, to be able to repeat the call after a crash.
    ///
    /// ```
    /// use agency_client::channels::NotificationDraft;
    ///
    /// let draft = NotificationDraft::to(["health"]);
    /// assert_eq!(draft.id().len(), 36);
    /// ```
    #[must_use]
    pub fn id(&self) -> &str {
        &self.request_id
    }

    /// Notification and request id, unchecked.
    pub(crate) fn into_parts(self) -> (Notification, String) {
        (self.notification, self.request_id)
    }

    pub(crate) fn into_request(self) -> Result<PublishNotificationRequest> {
        let notification = self.notification;
        let targets = usize::from(!notification.channel.is_empty())
            + usize::from(!notification.addressees.is_empty());
        if targets == 0 && notification.category.is_empty() {
            return Err(ClientError::input(
                "notification",
                "must name a channel, addressees, or a category with a route",
            ));
        }
        Ok(PublishNotificationRequest {
            notification: Some(notification),
            request_id: checked_request_id(self.request_id)?,
        })
    }
}

pub(super) fn addressee_name(text: &str) -> String {
    if text.contains('/') {
        text.to_owned()
    } else {
        format!("agencies/{text}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_become_resource_names() {
        let request = NotificationDraft::to(["tax", "mechanisms/fund-supervision/office"])
            .title("t")
            .into_request()
            .unwrap();
        assert_eq!(
            request.notification.unwrap().addressees,
            ["agencies/tax", "mechanisms/fund-supervision/office"]
        );
        for channel in ["all-members", "channels/all-members"] {
            let request = NotificationDraft::to_channel(channel)
                .into_request()
                .unwrap();
            let notification = request.notification.unwrap();
            assert_eq!(notification.channel, "channels/all-members");
        }
    }

    #[test]
    fn a_draft_keeps_its_request_id() {
        let draft = NotificationDraft::by_route("case_result_fund");
        let again = draft.clone();
        assert_eq!(
            draft.into_request().unwrap().request_id,
            again.into_request().unwrap().request_id
        );
        let error = NotificationDraft::by_route("x")
            .request_id("1")
            .into_request()
            .unwrap_err();
        assert!(error.to_string().starts_with("request_id: must be a UUID"));
    }

    #[test]
    fn a_draft_like_another_leaves_out_what_the_hub_sets() {
        let old = Notification {
            name: "channels/x/notifications/1".into(),
            title: "t".into(),
            author: "agencies/tax".into(),
            author_officer: "tax-clerk-1".into(),
            author_role: "clerk".into(),
            published_at: Some(prost_types::Timestamp::default()),
            request_id: "r".into(),
            state: 1,
            kind: 1,
            about: "a".into(),
            reason: "w".into(),
            superseded_by: "s".into(),
            is_sealed: true,
            ..Notification::default()
        };
        let (new, id) = NotificationDraft::like(&old).into_parts();
        let expected = Notification {
            title: "t".into(),
            ..Notification::default()
        };
        assert_eq!(new, expected);
        assert_ne!(id, "r");
    }

    #[test]
    fn nowhere_to_go_is_refused_here() {
        let none: [&str; 0] = [];
        assert!(NotificationDraft::to(none).into_request().is_err());
    }
}
