//! Meetings and their topics; one method an RPC.

use hub_proto::meetings::{
    AnswerNoticeRequest, AnswerNoticeResponse, CancelMeetingRequest, CancelMeetingResponse,
    ChangeMeetingRequest, ChangeMeetingResponse, CloseMeetingRequest, CloseMeetingResponse,
    CommentOnTopicRequest, CommentOnTopicResponse, ConfirmMeetingRequest, ConfirmMeetingResponse,
    ConfirmTopicsRequest, ConfirmTopicsResponse, ConveneMeetingRequest, ConveneMeetingResponse,
    CreateMeetingRequest, CreateMeetingResponse, DecideTopicRequest, DecideTopicResponse,
    GetMeetingRequest, GetMeetingResponse, GetTopicRequest, GetTopicResponse,
    ListMeetingWarningsRequest, ListMeetingWarningsResponse, ListMeetingsRequest,
    ListMeetingsResponse, ListTopicsRequest, ListTopicsResponse, Meeting, MeetingWarning,
    OpenTopicsRequest, OpenTopicsResponse, OrderTopicsRequest, OrderTopicsResponse,
    ProposeTopicRequest, ProposeTopicResponse, RecordMeetingHeldRequest, RecordMeetingHeldResponse,
    Topic,
};

use super::{empty, minted};
use crate::{author::Recorded, client::Client, error::Result};

macro_rules! path {
    ($method:literal) => {
        concat!("/hub.meetings.v1.MeetingService/", $method)
    };
}

/// The meeting service. Made by [`Client::meetings`].
///
/// ```no_run
/// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
/// let name = "meetings/01980000-0000-7000-8000-000000000000";
/// println!("{}", client.meetings().get(name).await?.title);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Meetings {
    client: Client,
}

impl Meetings {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    /// Makes a meeting as a draft, by an office of one of its mechanisms (JE-022).
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::{
    ///     common::Date,
    ///     meetings::{CreateMeetingRequest, Meeting, MeetingKind},
    /// };
    ///
    /// let created = client
    ///     .meetings()
    ///     .create(CreateMeetingRequest {
    ///         meeting: Some(Meeting {
    ///             kind: MeetingKind::Annual.into(),
    ///             mechanisms: vec!["mechanisms/joint-enforcement".into()],
    ///             title: "Coordination meeting of 2026".into(),
    ///             planned_on: Some(Date { year: 2026, month: 12, day: 20 }),
    ///             ..Meeting::default()
    ///         }),
    ///         office: "mechanisms/joint-enforcement/office".into(),
    ///         ..CreateMeetingRequest::default()
    ///     })
    ///     .await?;
    /// println!("{:?}", created.meeting);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn create(
        &self,
        mut request: CreateMeetingRequest,
    ) -> Result<Recorded<CreateMeetingResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("CreateMeeting"), &request).await
    }

    /// Confirms a joint meeting in the other office's name (FS-061).
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::meetings::ConfirmMeetingRequest;
    ///
    /// client
    ///     .meetings()
    ///     .confirm(ConfirmMeetingRequest {
    ///         name: "meetings/01980000-0000-7000-8000-000000000000".into(),
    ///         office: "mechanisms/fund-supervision/office".into(),
    ///         ..ConfirmMeetingRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn confirm(
        &self,
        mut request: ConfirmMeetingRequest,
    ) -> Result<Recorded<ConfirmMeetingResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("ConfirmMeeting"), &request).await
    }

    /// Opens a draft for topics: its units learn of it.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::meetings::OpenTopicsRequest;
    ///
    /// client
    ///     .meetings()
    ///     .open_topics(OpenTopicsRequest {
    ///         name: "meetings/01980000-0000-7000-8000-000000000000".into(),
    ///         ..OpenTopicsRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn open_topics(
        &self,
        mut request: OpenTopicsRequest,
    ) -> Result<Recorded<OpenTopicsResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("OpenTopics"), &request).await
    }

    /// Proposes a topic (JE-072).
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::meetings::{ProposeTopicRequest, Topic};
    ///
    /// let proposed = client
    ///     .meetings()
    ///     .propose_topic(ProposeTopicRequest {
    ///         parent: "meetings/01980000-0000-7000-8000-000000000000".into(),
    ///         topic: Some(Topic {
    ///             title: "Joint spot checks".into(),
    ///             text: "Which organisations, and when.".into(),
    ///             ..Topic::default()
    ///         }),
    ///         ..ProposeTopicRequest::default()
    ///     })
    ///     .await?;
    /// println!("{:?}", proposed.topic);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn propose_topic(
        &self,
        mut request: ProposeTopicRequest,
    ) -> Result<Recorded<ProposeTopicResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("ProposeTopic"), &request).await
    }

    /// Comments on a topic.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::meetings::CommentOnTopicRequest;
    ///
    /// client
    ///     .meetings()
    ///     .comment_on_topic(CommentOnTopicRequest {
    ///         name: "meetings/01980000-0000-7000-8000-000000000000/topics/1".into(),
    ///         text: "Agreed, if it begins in March.".into(),
    ///         ..CommentOnTopicRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn comment_on_topic(
        &self,
        mut request: CommentOnTopicRequest,
    ) -> Result<Recorded<CommentOnTopicResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("CommentOnTopic"), &request).await
    }

    /// Accepts, declines or merges a topic, by the office.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::meetings::{DecideTopicRequest, TopicState};
    ///
    /// client
    ///     .meetings()
    ///     .decide_topic(DecideTopicRequest {
    ///         name: "meetings/01980000-0000-7000-8000-000000000000/topics/1".into(),
    ///         decision: TopicState::Accepted.into(),
    ///         ..DecideTopicRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn decide_topic(
        &self,
        mut request: DecideTopicRequest,
    ) -> Result<Recorded<DecideTopicResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("DecideTopic"), &request).await
    }

    /// Puts the accepted topics in an order, by the office.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::meetings::OrderTopicsRequest;
    ///
    /// let meeting = "meetings/01980000-0000-7000-8000-000000000000";
    /// client
    ///     .meetings()
    ///     .order_topics(OrderTopicsRequest {
    ///         parent: meeting.into(),
    ///         topics: [2, 1].map(|number| format!("{meeting}/topics/{number}")).into(),
    ///         ..OrderTopicsRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn order_topics(
        &self,
        mut request: OrderTopicsRequest,
    ) -> Result<Recorded<OrderTopicsResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("OrderTopics"), &request).await
    }

    /// Fixes the topics, by the office (JE-072).
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::meetings::ConfirmTopicsRequest;
    ///
    /// client
    ///     .meetings()
    ///     .confirm_topics(ConfirmTopicsRequest {
    ///         name: "meetings/01980000-0000-7000-8000-000000000000".into(),
    ///         ..ConfirmTopicsRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn confirm_topics(
        &self,
        mut request: ConfirmTopicsRequest,
    ) -> Result<Recorded<ConfirmTopicsResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("ConfirmTopics"), &request).await
    }

    /// Sends the notice, by the office.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::meetings::{ConveneMeetingRequest, MeetingNotice};
    ///
    /// # let starts_at = None;
    /// client
    ///     .meetings()
    ///     .convene(ConveneMeetingRequest {
    ///         name: "meetings/01980000-0000-7000-8000-000000000000".into(),
    ///         notice: Some(MeetingNotice {
    ///             starts_at,
    ///             place: "Room 301".into(),
    ///             ..MeetingNotice::default()
    ///         }),
    ///         ..ConveneMeetingRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn convene(
        &self,
        mut request: ConveneMeetingRequest,
    ) -> Result<Recorded<ConveneMeetingResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("ConveneMeeting"), &request).await
    }

    /// Changes a convened meeting: everyone who got the notice gets the change, and answers are asked anew. The
    /// meeting's `etag` keeps two changes from overwriting each other.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::{meetings::as_written, proto::meetings::ChangeMeetingRequest};
    ///
    /// let meetings = client.meetings();
    /// let meeting = meetings.get("meetings/01980000-0000-7000-8000-000000000000").await?;
    /// let mut notice = as_written(meeting.notice.unwrap_or_default());
    /// notice.place = "Room 401".into();
    /// meetings
    ///     .change(ChangeMeetingRequest {
    ///         name: meeting.name,
    ///         notice: Some(notice),
    ///         reason: "Room 301 is taken".into(),
    ///         etag: meeting.etag,
    ///         ..ChangeMeetingRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn change(
        &self,
        mut request: ChangeMeetingRequest,
    ) -> Result<Recorded<ChangeMeetingResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("ChangeMeeting"), &request).await
    }

    /// Answers the notice in the name of the caller's unit. A later answer replaces it until the meeting is held.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::meetings::{AnswerKind, AnswerNoticeRequest, Attendee, UnitAnswer};
    ///
    /// client
    ///     .meetings()
    ///     .answer_notice(AnswerNoticeRequest {
    ///         name: "meetings/01980000-0000-7000-8000-000000000000".into(),
    ///         answer: Some(UnitAnswer {
    ///             kind: AnswerKind::Attends.into(),
    ///             attendees: vec![Attendee {
    ///                 display_name: "A. Officer".into(),
    ///                 ..Attendee::default()
    ///             }],
    ///             ..UnitAnswer::default()
    ///         }),
    ///         revision: 1,
    ///         ..AnswerNoticeRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn answer_notice(
        &self,
        mut request: AnswerNoticeRequest,
    ) -> Result<Recorded<AnswerNoticeResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("AnswerNotice"), &request).await
    }

    /// Cancels a meeting that was not held, by the office; everyone who knows of it is told.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::meetings::CancelMeetingRequest;
    ///
    /// client
    ///     .meetings()
    ///     .cancel(CancelMeetingRequest {
    ///         name: "meetings/01980000-0000-7000-8000-000000000000".into(),
    ///         reason: "Postponed to next year".into(),
    ///         ..CancelMeetingRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn cancel(
        &self,
        mut request: CancelMeetingRequest,
    ) -> Result<Recorded<CancelMeetingResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("CancelMeeting"), &request).await
    }

    /// Records that the meeting was held and who was there (出席, 请假, 列席), by the office.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::meetings::{
    ///     Attendance, Attendee, MeetingUnit, RecordMeetingHeldRequest,
    /// };
    ///
    /// # let held_at = None;
    /// client
    ///     .meetings()
    ///     .record_held(RecordMeetingHeldRequest {
    ///         name: "meetings/01980000-0000-7000-8000-000000000000".into(),
    ///         held_at,
    ///         chair: "B. Director".into(),
    ///         units: vec![MeetingUnit {
    ///             agency: "agencies/tax".into(),
    ///             attendance: Attendance::Present.into(),
    ///             attendees: vec![Attendee {
    ///                 display_name: "A. Officer".into(),
    ///                 ..Attendee::default()
    ///             }],
    ///             ..MeetingUnit::default()
    ///         }],
    ///         ..RecordMeetingHeldRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn record_held(
        &self,
        mut request: RecordMeetingHeldRequest,
    ) -> Result<Recorded<RecordMeetingHeldResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client
            .mutate(path!("RecordMeetingHeld"), &request)
            .await
    }

    /// Closes a meeting all of whose agreed items are closed, by the office.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::meetings::CloseMeetingRequest;
    ///
    /// client
    ///     .meetings()
    ///     .close(CloseMeetingRequest {
    ///         name: "meetings/01980000-0000-7000-8000-000000000000".into(),
    ///         ..CloseMeetingRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn close(
        &self,
        mut request: CloseMeetingRequest,
    ) -> Result<Recorded<CloseMeetingResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("CloseMeeting"), &request).await
    }

    /// One meeting.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// let name = "meetings/01980000-0000-7000-8000-000000000000";
    /// let meeting = client.meetings().get(name).await?;
    /// println!("{}", meeting.title);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn get(&self, name: &str) -> Result<Meeting> {
        let request = GetMeetingRequest {
            name: name.to_owned(),
        };
        let answer: GetMeetingResponse = self.client.read(path!("GetMeeting"), &request).await?;
        answer.meeting.ok_or_else(|| empty(path!("GetMeeting")))
    }

    /// A page of the meetings that the caller may see, newest first.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::meetings::ListMeetingsRequest;
    ///
    /// let request = ListMeetingsRequest {
    ///     year: 2026,
    ///     ..ListMeetingsRequest::default()
    /// };
    /// for meeting in client.meetings().list(&request).await?.meetings {
    ///     println!("{} {}", meeting.name, meeting.title);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn list(&self, request: &ListMeetingsRequest) -> Result<ListMeetingsResponse> {
        self.client.read(path!("ListMeetings"), request).await
    }

    /// One topic with its text and comments.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// let name = "meetings/01980000-0000-7000-8000-000000000000/topics/1";
    /// let topic = client.meetings().topic(name).await?;
    /// println!("{}", topic.title);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn topic(&self, name: &str) -> Result<Topic> {
        let request = GetTopicRequest {
            name: name.to_owned(),
        };
        let answer: GetTopicResponse = self.client.read(path!("GetTopic"), &request).await?;
        answer.topic.ok_or_else(|| empty(path!("GetTopic")))
    }

    /// The topics of a meeting: accepted ones in their order, then the others by number.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// let parent = "meetings/01980000-0000-7000-8000-000000000000";
    /// for topic in client.meetings().topics(parent).await? {
    ///     println!("{}", topic.title);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn topics(&self, parent: &str) -> Result<Vec<Topic>> {
        let request = ListTopicsRequest {
            parent: parent.to_owned(),
        };
        let answer: ListTopicsResponse = self.client.read(path!("ListTopics"), &request).await?;
        Ok(answer.topics)
    }

    /// What the texts ask for in principle and has not happened (JE-070), for the office of a mechanism.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// let parent = "mechanisms/joint-enforcement";
    /// for warning in client.meetings().warnings(parent).await? {
    ///     println!("{}", warning.message);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn warnings(&self, parent: &str) -> Result<Vec<MeetingWarning>> {
        let request = ListMeetingWarningsRequest {
            parent: parent.to_owned(),
        };
        let answer: ListMeetingWarningsResponse = self
            .client
            .read(path!("ListMeetingWarnings"), &request)
            .await?;
        Ok(answer.warnings)
    }
}
