//! Meetings, minutes and major issues, call by call.

use std::sync::Arc;

use hub_proto::meetings::{
    self, AgreedItem, AnswerNoticeRequest, AnswerNoticeResponse, CancelMeetingRequest,
    CancelMeetingResponse, ChangeMeetingRequest, ChangeMeetingResponse, CirculateMinutesRequest,
    CirculateMinutesResponse, CloseAgreedItemRequest, CloseAgreedItemResponse, CloseMeetingRequest,
    CloseMeetingResponse, CoSignEscalationRequest, CoSignEscalationResponse, CommentOnTopicRequest,
    CommentOnTopicResponse, ConfirmMeetingRequest, ConfirmMeetingResponse, ConfirmTopicsRequest,
    ConfirmTopicsResponse, ConsentToMinutesRequest, ConsentToMinutesResponse,
    ConveneMeetingRequest, ConveneMeetingResponse, CorrectMinutesRequest, CorrectMinutesResponse,
    CreateMeetingRequest, CreateMeetingResponse, DecideExtensionRequest, DecideExtensionResponse,
    DecideTopicRequest, DecideTopicResponse, DisposeMajorIssueRequest, DisposeMajorIssueResponse,
    DraftEscalationRequest, DraftEscalationResponse, DraftMinutesRequest, DraftMinutesResponse,
    Escalation, FlagMajorIssueRequest, FlagMajorIssueResponse, GetMeetingStatisticsRequest,
    GetMeetingStatisticsResponse, IssueMinutesRequest, IssueMinutesResponse,
    ListAgreedItemsRequest, ListAgreedItemsResponse, ListEscalationsRequest,
    ListEscalationsResponse, ListMajorIssuesRequest, ListMajorIssuesResponse, ListMeetingsRequest,
    ListMeetingsResponse, MajorIssue, Meeting, MeetingWarning, MinutesVersion,
    ObjectToMinutesRequest, ObjectToMinutesResponse, OpenTopicsRequest, OpenTopicsResponse,
    OrderTopicsRequest, OrderTopicsResponse, ProgressReport, ProposeTopicRequest,
    ProposeTopicResponse, RecordMeetingHeldRequest, RecordMeetingHeldResponse,
    ReplyToEscalationRequest, ReplyToEscalationResponse, ReportProgressRequest,
    ReportProgressResponse, RequestExtensionRequest, RequestExtensionResponse,
    SendEscalationRequest, SendEscalationResponse, Topic, WithdrawEscalationRequest,
    WithdrawEscalationResponse, WithdrawObjectionRequest, WithdrawObjectionResponse,
};

use super::{Client, Threads, modules::module};
use crate::{author::Recorded, error::Result};

module! {
    /// The meeting service. Made by [`Client::meetings`].
    ///
    /// ```no_run
    /// # fn example(client: agency_client::blocking::Client) -> agency_client::Result<()> {
    /// for topic in client.meetings().topics("meetings/01980000-0000-7000-8000-000000000000")? {
    ///     println!("{}", topic.title);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    Meetings(meetings, "meetings::Meetings") {
        fn create(request: CreateMeetingRequest) -> Recorded<CreateMeetingResponse>;
        fn confirm(request: ConfirmMeetingRequest) -> Recorded<ConfirmMeetingResponse>;
        fn open_topics(request: OpenTopicsRequest) -> Recorded<OpenTopicsResponse>;
        fn propose_topic(request: ProposeTopicRequest) -> Recorded<ProposeTopicResponse>;
        fn comment_on_topic(request: CommentOnTopicRequest) -> Recorded<CommentOnTopicResponse>;
        fn decide_topic(request: DecideTopicRequest) -> Recorded<DecideTopicResponse>;
        fn order_topics(request: OrderTopicsRequest) -> Recorded<OrderTopicsResponse>;
        fn confirm_topics(request: ConfirmTopicsRequest) -> Recorded<ConfirmTopicsResponse>;
        fn convene(request: ConveneMeetingRequest) -> Recorded<ConveneMeetingResponse>;
        fn change(request: ChangeMeetingRequest) -> Recorded<ChangeMeetingResponse>;
        fn answer_notice(request: AnswerNoticeRequest) -> Recorded<AnswerNoticeResponse>;
        fn cancel(request: CancelMeetingRequest) -> Recorded<CancelMeetingResponse>;
        fn record_held(request: RecordMeetingHeldRequest) -> Recorded<RecordMeetingHeldResponse>;
        fn close(request: CloseMeetingRequest) -> Recorded<CloseMeetingResponse>;
        fn get(name: &str) -> Meeting;
        fn list(request: &ListMeetingsRequest) -> ListMeetingsResponse;
        fn topic(name: &str) -> Topic;
        fn topics(parent: &str) -> Vec<Topic>;
        fn warnings(parent: &str) -> Vec<MeetingWarning>;
    }
}

module! {
    /// The minutes service. Made by [`Client::minutes`].
    ///
    /// ```no_run
    /// # fn example(client: agency_client::blocking::Client) -> agency_client::Result<()> {
    /// let name = "meetings/01980000-0000-7000-8000-000000000000/minutes/1";
    /// println!("{:?}", client.minutes().get(name)?.consents);
    /// # Ok(())
    /// # }
    /// ```
    Minutes(minutes, "meetings::Minutes") {
        fn draft(request: DraftMinutesRequest) -> Recorded<DraftMinutesResponse>;
        fn circulate(request: CirculateMinutesRequest) -> Recorded<CirculateMinutesResponse>;
        fn consent(request: ConsentToMinutesRequest) -> Recorded<ConsentToMinutesResponse>;
        fn object(request: ObjectToMinutesRequest) -> Recorded<ObjectToMinutesResponse>;
        fn withdraw_objection(request: WithdrawObjectionRequest) -> Recorded<WithdrawObjectionResponse>;
        fn issue(request: IssueMinutesRequest) -> Recorded<IssueMinutesResponse>;
        fn correct(request: CorrectMinutesRequest) -> Recorded<CorrectMinutesResponse>;
        fn get(name: &str) -> meetings::Minutes;
        fn version(name: &str) -> MinutesVersion;
        fn versions(parent: &str) -> Vec<MinutesVersion>;
        fn report_progress(request: ReportProgressRequest) -> Recorded<ReportProgressResponse>;
        fn request_extension(request: RequestExtensionRequest) -> Recorded<RequestExtensionResponse>;
        fn decide_extension(request: DecideExtensionRequest) -> Recorded<DecideExtensionResponse>;
        fn close_agreed_item(request: CloseAgreedItemRequest) -> Recorded<CloseAgreedItemResponse>;
        fn agreed_item(name: &str) -> AgreedItem;
        fn progress_reports(item: &str, unit: &str) -> Vec<ProgressReport>;
        fn agreed_items(request: &ListAgreedItemsRequest) -> ListAgreedItemsResponse;
        fn statistics(request: &GetMeetingStatisticsRequest) -> GetMeetingStatisticsResponse;
    }
}

module! {
    /// The service of major issues. Made by [`Client::major_issues`].
    ///
    /// ```no_run
    /// # fn example(client: agency_client::blocking::Client) -> agency_client::Result<()> {
    /// let name = "majorIssues/01980000-0000-7000-8000-000000000000";
    /// println!("{}", client.major_issues().get(name)?.title);
    /// # Ok(())
    /// # }
    /// ```
    MajorIssues(major_issues, "meetings::MajorIssues") {
        fn flag(request: FlagMajorIssueRequest) -> Recorded<FlagMajorIssueResponse>;
        fn dispose(request: DisposeMajorIssueRequest) -> Recorded<DisposeMajorIssueResponse>;
        fn get(name: &str) -> MajorIssue;
        fn list(request: &ListMajorIssuesRequest) -> ListMajorIssuesResponse;
        fn draft_escalation(request: DraftEscalationRequest) -> Recorded<DraftEscalationResponse>;
        fn co_sign_escalation(request: CoSignEscalationRequest) -> Recorded<CoSignEscalationResponse>;
        fn send_escalation(request: SendEscalationRequest) -> Recorded<SendEscalationResponse>;
        fn withdraw_escalation(request: WithdrawEscalationRequest) -> Recorded<WithdrawEscalationResponse>;
        fn reply_to_escalation(request: ReplyToEscalationRequest) -> Recorded<ReplyToEscalationResponse>;
        fn escalation(name: &str) -> Escalation;
        fn escalations(request: &ListEscalationsRequest) -> ListEscalationsResponse;
    }
}
