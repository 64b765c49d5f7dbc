//! What goes into an outbox.

use std::path::PathBuf;

use bytes::Bytes;
use hub_proto::channels::{
    Attachment, CorrectNotificationRequest, Notification, PublishNotificationRequest,
    RetractNotificationRequest,
};
use hub_proto::funds::{AcknowledgeAlertRequest, ReportMeasureRequest};
use hub_proto::meetings::{AnswerNoticeRequest, ConsentToMinutesRequest, ReportProgressRequest};
use hub_proto::referrals::{FeedBackResultRequest, SendReferralRequest};
use prost::Message;

use super::method::{
    ACKNOWLEDGE_ALERT, ANSWER_NOTICE, CONSENT, CORRECT, FEED_BACK, Method, PUBLISH, RAISE_ALERT,
    REPORT, REPORT_MEASURE, RETRACT, SEND_REFERRAL,
};
use crate::{
    channels::NotificationDraft,
    error::{ClientError, Result},
    funds::AlertDraft,
};

/// Longest key, in characters.
///
/// ```
/// assert_eq!(agency_client::outbox::KEY_CHARS_MAX, 200);
/// ```
pub const KEY_CHARS_MAX: usize = 200;
/// Longest title that is kept for lists, in characters; a longer one is cut.
///
/// ```
/// assert_eq!(agency_client::outbox::TITLE_CHARS_MAX, 200);
/// ```
pub const TITLE_CHARS_MAX: usize = 200;
/// Files of one item.
///
/// ```
/// assert_eq!(agency_client::outbox::ATTACHMENTS_MAX, 20);
/// ```
pub const ATTACHMENTS_MAX: usize = 20;
/// Largest file, in bytes: 100 MiB.
///
/// ```
/// assert_eq!(agency_client::outbox::ATTACHMENT_BYTES_MAX, 100 * 1024 * 1024);
/// ```
pub const ATTACHMENT_BYTES_MAX: u64 = crate::attachments::FILE_BYTES_MAX;

/// A call on its way into an outbox: what to send, under which key, with which files.
///
/// ```
/// use agency_client::{channels::NotificationDraft, outbox::Outgoing};
///
/// let draft = NotificationDraft::to_channel("joint-enforcement").title("Spot check in May");
/// let outgoing = Outgoing::publish(draft)?.key("oa-2026-0512");
/// # drop(outgoing);
/// # Ok::<(), agency_client::ClientError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Outgoing {
    pub(super) method: &'static Method,
    /// With a request id in it.
    pub(super) request: Bytes,
    pub(super) request_id: String,
    /// The id may have been sent before it came here.
    pub(super) is_brought: bool,
    pub(super) title: String,
    pub(super) key: Option<String>,
    pub(super) attachments: Vec<AttachmentFile>,
}

/// A file to go with a notification. It is copied when the item is enqueued; the original may
/// change or vanish afterwards.
///
/// ```
/// use agency_client::{channels::NotificationDraft, outbox::{AttachmentFile, Outgoing}};
///
/// let file = AttachmentFile {
///     path: "/var/reports/2026-05.pdf".into(),
///     file_name: "报告.pdf".into(),
///     media_type: "application/pdf".into(),
/// };
/// let draft = NotificationDraft::to(["health"]).title("Report");
/// let what = Outgoing::publish(draft)?.attach(file);
/// # drop(what);
/// # Ok::<(), agency_client::ClientError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachmentFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its name for the recipients.
    pub file_name: String,
    /// Its media type, such as `application/pdf`.
    pub media_type: String,
}

impl Outgoing {
    /// A notification. It keeps the draft's request id, so that a draft that was tried online
    /// before, with an answer that never came, is not recorded twice.
    ///
    /// ```
    /// use agency_client::{channels::NotificationDraft, outbox::Outgoing};
    ///
    /// let draft = NotificationDraft::to(["health"]).title("Report");
    /// let id = draft.id().to_owned();
    /// assert_eq!(Outgoing::publish(draft)?.request_id(), id);
    /// # Ok::<(), agency_client::ClientError>(())
    /// ```
    ///
    /// # Errors
    /// [`ClientError::Input`] when the draft breaks a rule.
    pub fn publish(draft: NotificationDraft) -> Result<Self> {
        let request = draft.into_request()?;
        let title = request
            .notification
            .as_ref()
            .map(|notification| notification.title.clone())
            .unwrap_or_default();
        Self::request(PUBLISH, &request, title)
    }

    /// A correction: the draft, whole, takes the place of the notification of a name. The draft
    /// goes to whom that one went; where the draft itself would go is left out.
    ///
    /// ```
    /// use agency_client::{channels::NotificationDraft, outbox::Outgoing};
    ///
    /// let draft = NotificationDraft::to(["health"]).title("Report of June");
    /// let name = "channels/all-members/notifications/7";
    /// let what = Outgoing::correct(name, draft, "The month was wrong")?;
    /// # drop(what);
    /// # Ok::<(), agency_client::ClientError>(())
    /// ```
    ///
    /// # Errors
    /// [`ClientError::Input`] when the draft breaks a rule.
    pub fn correct(
        name: impl Into<String>,
        draft: NotificationDraft,
        reason: impl Into<String>,
    ) -> Result<Self> {
        let (notification, request_id) = draft.into_parts();
        let title = notification.title.clone();
        let request = CorrectNotificationRequest {
            name: name.into(),
            notification: Some(Notification {
                channel: String::new(),
                addressees: vec![],
                ..notification
            }),
            reason: reason.into(),
            request_id,
        };
        Self::request(CORRECT, &request, title)
    }

    /// A retraction: the notification of a name is taken back.
    ///
    /// ```
    /// use agency_client::outbox::Outgoing;
    ///
    /// let name = "channels/all-members/notifications/7";
    /// let what = Outgoing::retract(name, "Sent by mistake")?;
    /// # drop(what);
    /// # Ok::<(), agency_client::ClientError>(())
    /// ```
    ///
    /// # Errors
    /// [`ClientError::Input`] in no case that the arguments can cause.
    pub fn retract(name: impl Into<String>, reason: impl Into<String>) -> Result<Self> {
        let request = RetractNotificationRequest {
            name: name.into(),
            reason: reason.into(),
            request_id: String::new(),
        };
        let title = request.reason.clone();
        Self::request(RETRACT, &request, title)
    }

    /// An answer to a meeting's notice. It counts when the hub records it, not when it is enqueued: an
    /// answer that waits past the notice's time is late, and one that meets a changed notice or a
    /// meeting that has been held is refused and set aside. Where the time is short, call
    /// [`crate::meetings::Meetings::answer_notice`] and see the answer arrive.
    ///
    /// ```
    /// use agency_client::{outbox::Outgoing, proto::meetings::AnswerNoticeRequest};
    ///
    /// let request = AnswerNoticeRequest {
    ///     name: "meetings/01980000-0000-7000-8000-000000000000".into(),
    ///     ..AnswerNoticeRequest::default()
    /// };
    /// let what = Outgoing::answer_notice(&request)?;
    /// # drop(what);
    /// # Ok::<(), agency_client::ClientError>(())
    /// ```
    ///
    /// # Errors
    /// [`ClientError::Input`] when the request id is no UUIDv7.
    pub fn answer_notice(request: &AnswerNoticeRequest) -> Result<Self> {
        Self::request(ANSWER_NOTICE, request, request.name.clone())
    }

    /// A consent to one version of minutes. It counts when the hub records it; if the office has drafted
    /// another version by then, it is refused and set aside, and never counts for a text that
    /// nobody has read. Near the end of the time to consent, call
    /// [`crate::meetings::Minutes::consent`].
    ///
    /// ```
    /// use agency_client::{outbox::Outgoing, proto::meetings::ConsentToMinutesRequest};
    ///
    /// let request = ConsentToMinutesRequest {
    ///     name: "meetings/01980000-0000-7000-8000-000000000000/minutes/1".into(),
    ///     ..ConsentToMinutesRequest::default()
    /// };
    /// let what = Outgoing::consent(&request)?;
    /// # drop(what);
    /// # Ok::<(), agency_client::ClientError>(())
    /// ```
    ///
    /// # Errors
    /// [`ClientError::Input`] when the request id is no UUIDv7.
    pub fn consent(request: &ConsentToMinutesRequest) -> Result<Self> {
        Self::request(CONSENT, request, request.name.clone())
    }

    /// A report on the unit's part of an agreed item. It counts from when the hub records it: near the
    /// due day, call [`crate::meetings::Minutes::report_progress`].
    ///
    /// ```
    /// use agency_client::{outbox::Outgoing, proto::meetings::ReportProgressRequest};
    ///
    /// let request = ReportProgressRequest {
    ///     name: "meetings/01980000-0000-7000-8000-000000000000/minutes/1/items/1".into(),
    ///     ..ReportProgressRequest::default()
    /// };
    /// let what = Outgoing::report_progress(&request)?;
    /// # drop(what);
    /// # Ok::<(), agency_client::ClientError>(())
    /// ```
    ///
    /// # Errors
    /// [`ClientError::Input`] when the request id is no UUIDv7.
    pub fn report_progress(request: &ReportProgressRequest) -> Result<Self> {
        Self::request(REPORT, request, request.name.clone())
    }

    /// A record of use of what an information request brought. It is refused, and set aside, when the use was
    /// suspended or is over by the time it arrives.
    ///
    /// ```
    /// # fn example() -> agency_client::Result<()> {
    /// use agency_client::outbox::Outgoing;
    /// use agency_client::proto::requests::RecordUseRequest;
    ///
    /// let request = RecordUseRequest { name: "informationRequests/0190a5c0-0000-7000-8000-000000000001".into(), ..Default::default() };
    /// let what = Outgoing::record_use(&request)?;
    /// # drop(what);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::Input`] when the request id is no UUIDv7.
    pub fn record_use(request: &hub_proto::requests::RecordUseRequest) -> Result<Self> {
        Self::request(super::method::RECORD_USE, request, request.name.clone())
    }

    /// That what an information request brought was disposed of. It counts when the hub records it: near the
    /// last day of use, call [`crate::requests::Requests::confirm_disposal`].
    ///
    /// ```
    /// # fn example() -> agency_client::Result<()> {
    /// use agency_client::outbox::Outgoing;
    /// use agency_client::proto::requests::ConfirmDisposalRequest;
    ///
    /// let request = ConfirmDisposalRequest { name: "informationRequests/0190a5c0-0000-7000-8000-000000000001".into(), ..Default::default() };
    /// let what = Outgoing::confirm_disposal(&request)?;
    /// # drop(what);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::Input`] when the request id is no UUIDv7.
    pub fn confirm_disposal(request: &hub_proto::requests::ConfirmDisposalRequest) -> Result<Self> {
        Self::request(
            super::method::CONFIRM_DISPOSAL,
            request,
            request.name.clone(),
        )
    }

    /// A fund alert. It keeps the draft's request id, which is also the alert's: one that was tried online
    /// before, with an answer that never came, is not raised twice. An emergency is better raised with
    /// [`crate::funds::Alerts::raise`], and seen to arrive.
    ///
    /// ```
    /// # fn example() -> agency_client::Result<()> {
    /// use agency_client::outbox::Outgoing;
    /// use agency_client::funds::AlertDraft;
    ///
    /// let draft = AlertDraft::on("51140000MJ0000018C", "某某协会");
    /// let what = Outgoing::raise_alert(draft)?;
    /// # drop(what);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::Input`] when the draft's request id is no UUIDv7.
    pub fn raise_alert(draft: AlertDraft) -> Result<Self> {
        let request = draft.into_request()?;
        let alert = request.alert.as_ref();
        let organization = alert.and_then(|alert| alert.organization.as_ref());
        let title = organization.map_or_else(String::new, |one| one.uscc.clone());
        Self::request(RAISE_ALERT, &request, title)
    }

    /// What a unit says that it does about an alert. It counts when the hub records it; if the alert has
    /// been corrected or retracted by then, it is refused and set aside: nobody acknowledges what they
    /// have not read. Near the end of the time to acknowledge, call
    /// [`crate::funds::Alerts::acknowledge`].
    ///
    /// ```
    /// # fn example() -> agency_client::Result<()> {
    /// use agency_client::outbox::Outgoing;
    /// use agency_client::proto::funds::{AcknowledgeAlertRequest, AlertAction};
    ///
    /// let request = AcknowledgeAlertRequest {
    ///     name: "alerts/0190a5c0-0000-7000-8000-000000000001".into(),
    ///     revision: 1,
    ///     action: AlertAction::Checks.into(),
    ///     ..Default::default()
    /// };
    /// let what = Outgoing::acknowledge_alert(&request)?;
    /// # drop(what);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::Input`] when the request id is no UUIDv7, or no revision is named.
    pub fn acknowledge_alert(request: &AcknowledgeAlertRequest) -> Result<Self> {
        if request.revision < 1 {
            let rule = "must be named: it is the one that was read";
            return Err(ClientError::input("revision", rule));
        }
        Self::request(ACKNOWLEDGE_ALERT, request, request.name.clone())
    }

    /// A report that a measure on an alert is done. It counts from when the hub records it: near the due
    /// day, call [`crate::funds::Alerts::report_measure`].
    ///
    /// ```
    /// # fn example() -> agency_client::Result<()> {
    /// use agency_client::outbox::Outgoing;
    /// use agency_client::proto::funds::ReportMeasureRequest;
    ///
    /// let request = ReportMeasureRequest { name: "alerts/0190a5c0-0000-7000-8000-000000000001".into(), measure: 1, ..Default::default() };
    /// let what = Outgoing::report_measure(&request)?;
    /// # drop(what);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::Input`] when the request id is no UUIDv7.
    pub fn report_measure(request: &ReportMeasureRequest) -> Result<Self> {
        Self::request(REPORT_MEASURE, request, request.name.clone())
    }

    /// A referral to the competent unit. It counts as sent when the hub records it. Its title on this
    /// machine is that of a referral and nothing of what it is about.
    ///
    /// ```
    /// # fn example() -> agency_client::Result<()> {
    /// use agency_client::outbox::Outgoing;
    /// use agency_client::proto::referrals::SendReferralRequest;
    ///
    /// let what = Outgoing::send_referral(&SendReferralRequest::default())?;
    /// # drop(what);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::Input`] when the request id is no UUIDv7.
    pub fn send_referral(request: &SendReferralRequest) -> Result<Self> {
        Self::request(SEND_REFERRAL, request, "referral")
    }

    /// A result of a referral that this agency has taken up.
    ///
    /// ```
    /// # fn example() -> agency_client::Result<()> {
    /// use agency_client::outbox::Outgoing;
    /// use agency_client::proto::referrals::FeedBackResultRequest;
    ///
    /// let request = FeedBackResultRequest { name: "referrals/0190a5c0-0000-7000-8000-000000000001".into(), ..Default::default() };
    /// let what = Outgoing::feed_back_result(&request)?;
    /// # drop(what);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::Input`] when the request id is no UUIDv7.
    pub fn feed_back_result(request: &FeedBackResultRequest) -> Result<Self> {
        Self::request(FEED_BACK, request, request.name.clone())
    }

    /// Any other mutating call of the hub's API: `method` is its full gRPC path. An empty
    /// `request_id` is filled in. Batches are refused: enqueue their items with
    /// [`super::Outbox::enqueue_many`].
    ///
    /// ```
    /// use agency_client::{outbox::Outgoing, proto::channels::SignForNotificationRequest};
    ///
    /// let request = SignForNotificationRequest {
    ///     name: "channels/all-members/notifications/7".into(),
    ///     ..SignForNotificationRequest::default()
    /// };
    /// let method = "/hub.channels.v1.ChannelService/SignForNotification";
    /// let what = Outgoing::request(method, &request, "a signature")?;
    /// # drop(what);
    /// # Ok::<(), agency_client::ClientError>(())
    /// ```
    ///
    /// # Errors
    /// [`ClientError::Input`] when the hub has no such mutating method, or the request id is no
    /// UUIDv7.
    pub fn request(method: &str, request: &impl Message, title: impl Into<String>) -> Result<Self> {
        Self::encoded(method, request.encode_to_vec().into(), title)
    }

    /// As [`Self::request`], with the request already encoded: for gateways, which pass on what
    /// others have written.
    ///
    /// ```
    /// use agency_client::outbox::Outgoing;
    ///
    /// // Field 1, the name, as another program encoded it.
    /// let name = "channels/all-members/notifications/7";
    /// let mut request = vec![0x0a, u8::try_from(name.len()).unwrap_or_default()];
    /// request.extend_from_slice(name.as_bytes());
    /// let method = "/hub.channels.v1.ChannelService/SignForNotification";
    /// let what = Outgoing::encoded(method, request.into(), "a signature")?;
    /// assert!(!what.request_id().is_empty());
    /// # Ok::<(), agency_client::ClientError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Self::request`]; also when the bytes are no message of the method.
    pub fn encoded(method: &str, request: Bytes, title: impl Into<String>) -> Result<Self> {
        let method = Method::find(method)?;
        let given = method.request_id(&request)?;
        let is_brought = given.is_some();
        let (request, request_id) = match given {
            Some(id) => (request, crate::client::checked_request_id(id)?),
            None => {
                let id = crate::client::request_id();
                (method.with_request_id(&request, &id)?, id)
            }
        };
        Ok(Self {
            method,
            request,
            request_id,
            is_brought,
            title: shown(&title.into()),
            key: None,
            attachments: vec![],
        })
    }

    /// A key of the caller's, unique in the outbox: enqueueing the same content under it again
    /// answers the first ticket, and other content is refused. It is remembered as long as its
    /// item is: until it is discarded, or pruned after delivery. 1 to [`KEY_CHARS_MAX`] characters.
    ///
    /// ```
    /// use agency_client::{channels::NotificationDraft, outbox::Outgoing};
    ///
    /// let draft = NotificationDraft::to(["health"]).title("Report");
    /// let what = Outgoing::publish(draft)?.key("oa-2026-0512");
    /// # drop(what);
    /// # Ok::<(), agency_client::ClientError>(())
    /// ```
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// A file to upload before the item is sent; at most [`ATTACHMENTS_MAX`].
    ///
    /// ```
    /// use agency_client::{channels::NotificationDraft, outbox::{AttachmentFile, Outgoing}};
    ///
    /// let file = AttachmentFile {
    ///     path: "report.pdf".into(),
    ///     file_name: "report.pdf".into(),
    ///     media_type: "application/pdf".into(),
    /// };
    /// let draft = NotificationDraft::to(["health"]).title("Report");
    /// let what = Outgoing::publish(draft)?.attach(file);
    /// # drop(what);
    /// # Ok::<(), agency_client::ClientError>(())
    /// ```
    #[must_use]
    pub fn attach(mut self, file: AttachmentFile) -> Self {
        self.attachments.push(file);
        self
    }

    /// The request id under which it will first be sent.
    ///
    /// ```
    /// use agency_client::{channels::NotificationDraft, outbox::Outgoing};
    ///
    /// let draft = NotificationDraft::to(["health"]).title("Report");
    /// println!("{}", Outgoing::publish(draft)?.request_id());
    /// # Ok::<(), agency_client::ClientError>(())
    /// ```
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// The request with files named in its notification.
    pub(super) fn with_attachments(&self, files: Vec<Attachment>) -> Result<Bytes> {
        if files.is_empty() {
            return Ok(self.request.clone());
        }
        let broken = |_| ClientError::input("request", "must be an encoded message");
        let name = |notification: &mut Option<Notification>| {
            if let Some(notification) = notification {
                notification.attachments.extend(files);
            }
        };
        match self.method.path {
            PUBLISH => {
                let mut request =
                    PublishNotificationRequest::decode(&self.request[..]).map_err(broken)?;
                name(&mut request.notification);
                Ok(request.encode_to_vec().into())
            }
            CORRECT => {
                let mut request =
                    CorrectNotificationRequest::decode(&self.request[..]).map_err(broken)?;
                name(&mut request.notification);
                Ok(request.encode_to_vec().into())
            }
            _ => Err(ClientError::input(
                "attachments",
                "go with a notification or a correction only",
            )),
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        if let Some(key) = &self.key
            && (key.is_empty() || key.chars().count() > KEY_CHARS_MAX)
        {
            let rule = format!("must have 1 to {KEY_CHARS_MAX} characters");
            return Err(ClientError::input("key", rule));
        }
        if self.attachments.len() > ATTACHMENTS_MAX {
            let rule = format!("at most {ATTACHMENTS_MAX} files go with one item");
            return Err(ClientError::input("attachments", rule));
        }
        Ok(())
    }
}

/// One line of bounded length.
fn shown(title: &str) -> String {
    title
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(TITLE_CHARS_MAX)
        .collect()
}
