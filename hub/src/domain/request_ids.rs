//! The request ids of a recorded request, so that the rows of the deduplication window follow from the
//! entry alone.

use hub_core::names::RequestId;
use hub_proto::{
    channels::{
        AcknowledgeDeliveryRequest, BatchPublishNotificationsRequest, CorrectNotificationRequest,
        OpenNotificationRequest, PublishNotificationRequest, RetractNotificationRequest,
        SignForNotificationRequest,
    },
    funds::{
        AcknowledgeAlertRequest, CloseAlertRequest, CorrectAlertRequest, DraftJointNoticeRequest,
        IssueJointNoticeRequest, ProvideInformationRequest, RaiseAlertRequest,
        RecordFindingRequest, ReportMeasureRequest, RetractAlertRequest, ReviewMeasureRequest,
        SignJointNoticeRequest, TakeMeasureRequest,
    },
    meetings::{
        AnswerNoticeRequest, CancelMeetingRequest, ChangeMeetingRequest, CirculateMinutesRequest,
        CloseAgreedItemRequest, CloseMeetingRequest, CoSignEscalationRequest,
        CommentOnTopicRequest, ConfirmMeetingRequest, ConfirmTopicsRequest,
        ConsentToMinutesRequest, ConveneMeetingRequest, CorrectMinutesRequest,
        CreateMeetingRequest, DecideExtensionRequest, DecideTopicRequest, DisposeMajorIssueRequest,
        DraftEscalationRequest, DraftMinutesRequest, FlagMajorIssueRequest, IssueMinutesRequest,
        ObjectToMinutesRequest, OpenTopicsRequest, OrderTopicsRequest, ProposeTopicRequest,
        RecordMeetingHeldRequest, ReplyToEscalationRequest, ReportProgressRequest,
        RequestExtensionRequest, SendEscalationRequest, WithdrawEscalationRequest,
        WithdrawObjectionRequest,
    },
    members::{
        AddMembershipRequest, AppointLiaisonRequest, EnrollNodeRequest, EnrollTokenKeyRequest,
        RevokeNodeRequest, RevokeTokenKeyRequest,
    },
    referrals::{
        AcknowledgeReferralRequest, AddInformationRequest, AskForInformationRequest,
        CloseReferralRequest, CorrectReferralRequest, DeclineReferralRequest,
        FeedBackResultRequest, ReturnReferralRequest, SendReferralRequest, TakeUpReferralRequest,
        WithdrawReferralRequest,
    },
    requests,
};
use prost::Message;

/// Reads the request ids of a request.
pub type Reader = fn(&[u8]) -> Vec<String>;

macro_rules! reader {
    ($method:literal, $request:ty) => {
        ($method, |bytes| {
            one(bytes, |request: $request| request.request_id)
        })
    };
}

/// Every mutating method, with how to read its request ids: the call's own first, then its items'.
pub const READERS: &[(&str, Reader)] = &[
    (
        "/hub.channels.v1.ChannelService/PublishNotification",
        |bytes| {
            one(bytes, |request: PublishNotificationRequest| {
                request.request_id
            })
        },
    ),
    (
        "/hub.channels.v1.ChannelService/BatchPublishNotifications",
        batch,
    ),
    (
        "/hub.channels.v1.ChannelService/OpenNotification",
        |bytes| one(bytes, |request: OpenNotificationRequest| request.request_id),
    ),
    (
        "/hub.channels.v1.ChannelService/SignForNotification",
        |bytes| {
            one(bytes, |request: SignForNotificationRequest| {
                request.request_id
            })
        },
    ),
    (
        "/hub.channels.v1.ChannelService/AcknowledgeDelivery",
        |bytes| {
            one(bytes, |request: AcknowledgeDeliveryRequest| {
                request.request_id
            })
        },
    ),
    (
        "/hub.channels.v1.ChannelService/CorrectNotification",
        |bytes| {
            one(bytes, |request: CorrectNotificationRequest| {
                request.request_id
            })
        },
    ),
    (
        "/hub.channels.v1.ChannelService/RetractNotification",
        |bytes| {
            one(bytes, |request: RetractNotificationRequest| {
                request.request_id
            })
        },
    ),
    reader!("/hub.funds.v1.AlertService/RaiseAlert", RaiseAlertRequest),
    reader!(
        "/hub.funds.v1.AlertService/AcknowledgeAlert",
        AcknowledgeAlertRequest
    ),
    reader!(
        "/hub.funds.v1.AlertService/ProvideInformation",
        ProvideInformationRequest
    ),
    reader!(
        "/hub.funds.v1.AlertService/DraftJointNotice",
        DraftJointNoticeRequest
    ),
    reader!(
        "/hub.funds.v1.AlertService/SignJointNotice",
        SignJointNoticeRequest
    ),
    reader!(
        "/hub.funds.v1.AlertService/IssueJointNotice",
        IssueJointNoticeRequest
    ),
    reader!(
        "/hub.funds.v1.AlertService/RecordFinding",
        RecordFindingRequest
    ),
    reader!("/hub.funds.v1.AlertService/TakeMeasure", TakeMeasureRequest),
    reader!(
        "/hub.funds.v1.AlertService/ReportMeasure",
        ReportMeasureRequest
    ),
    reader!(
        "/hub.funds.v1.AlertService/ReviewMeasure",
        ReviewMeasureRequest
    ),
    reader!("/hub.funds.v1.AlertService/CloseAlert", CloseAlertRequest),
    reader!(
        "/hub.funds.v1.AlertService/CorrectAlert",
        CorrectAlertRequest
    ),
    reader!(
        "/hub.funds.v1.AlertService/RetractAlert",
        RetractAlertRequest
    ),
    reader!(
        "/hub.meetings.v1.MeetingService/CreateMeeting",
        CreateMeetingRequest
    ),
    reader!(
        "/hub.meetings.v1.MeetingService/ConfirmMeeting",
        ConfirmMeetingRequest
    ),
    reader!(
        "/hub.meetings.v1.MeetingService/OpenTopics",
        OpenTopicsRequest
    ),
    reader!(
        "/hub.meetings.v1.MeetingService/ProposeTopic",
        ProposeTopicRequest
    ),
    reader!(
        "/hub.meetings.v1.MeetingService/CommentOnTopic",
        CommentOnTopicRequest
    ),
    reader!(
        "/hub.meetings.v1.MeetingService/DecideTopic",
        DecideTopicRequest
    ),
    reader!(
        "/hub.meetings.v1.MeetingService/OrderTopics",
        OrderTopicsRequest
    ),
    reader!(
        "/hub.meetings.v1.MeetingService/ConfirmTopics",
        ConfirmTopicsRequest
    ),
    reader!(
        "/hub.meetings.v1.MeetingService/ConveneMeeting",
        ConveneMeetingRequest
    ),
    reader!(
        "/hub.meetings.v1.MeetingService/ChangeMeeting",
        ChangeMeetingRequest
    ),
    reader!(
        "/hub.meetings.v1.MeetingService/AnswerNotice",
        AnswerNoticeRequest
    ),
    reader!(
        "/hub.meetings.v1.MeetingService/CancelMeeting",
        CancelMeetingRequest
    ),
    reader!(
        "/hub.meetings.v1.MeetingService/RecordMeetingHeld",
        RecordMeetingHeldRequest
    ),
    reader!(
        "/hub.meetings.v1.MeetingService/CloseMeeting",
        CloseMeetingRequest
    ),
    reader!(
        "/hub.meetings.v1.MinutesService/DraftMinutes",
        DraftMinutesRequest
    ),
    reader!(
        "/hub.meetings.v1.MinutesService/CirculateMinutes",
        CirculateMinutesRequest
    ),
    reader!(
        "/hub.meetings.v1.MinutesService/ConsentToMinutes",
        ConsentToMinutesRequest
    ),
    reader!(
        "/hub.meetings.v1.MinutesService/ObjectToMinutes",
        ObjectToMinutesRequest
    ),
    reader!(
        "/hub.meetings.v1.MinutesService/WithdrawObjection",
        WithdrawObjectionRequest
    ),
    reader!(
        "/hub.meetings.v1.MinutesService/IssueMinutes",
        IssueMinutesRequest
    ),
    reader!(
        "/hub.meetings.v1.MinutesService/CorrectMinutes",
        CorrectMinutesRequest
    ),
    reader!(
        "/hub.meetings.v1.MinutesService/ReportProgress",
        ReportProgressRequest
    ),
    reader!(
        "/hub.meetings.v1.MinutesService/RequestExtension",
        RequestExtensionRequest
    ),
    reader!(
        "/hub.meetings.v1.MinutesService/DecideExtension",
        DecideExtensionRequest
    ),
    reader!(
        "/hub.meetings.v1.MinutesService/CloseAgreedItem",
        CloseAgreedItemRequest
    ),
    reader!(
        "/hub.meetings.v1.MajorIssueService/FlagMajorIssue",
        FlagMajorIssueRequest
    ),
    reader!(
        "/hub.meetings.v1.MajorIssueService/DisposeMajorIssue",
        DisposeMajorIssueRequest
    ),
    reader!(
        "/hub.meetings.v1.MajorIssueService/DraftEscalation",
        DraftEscalationRequest
    ),
    reader!(
        "/hub.meetings.v1.MajorIssueService/CoSignEscalation",
        CoSignEscalationRequest
    ),
    reader!(
        "/hub.meetings.v1.MajorIssueService/SendEscalation",
        SendEscalationRequest
    ),
    reader!(
        "/hub.meetings.v1.MajorIssueService/WithdrawEscalation",
        WithdrawEscalationRequest
    ),
    reader!(
        "/hub.meetings.v1.MajorIssueService/ReplyToEscalation",
        ReplyToEscalationRequest
    ),
    ("/hub.members.v1.MembersService/AddMembership", |bytes| {
        one(bytes, |request: AddMembershipRequest| request.request_id)
    }),
    ("/hub.members.v1.MembersService/AppointLiaison", |bytes| {
        one(bytes, |request: AppointLiaisonRequest| request.request_id)
    }),
    ("/hub.members.v1.MembersService/EnrollNode", |bytes| {
        one(bytes, |request: EnrollNodeRequest| request.request_id)
    }),
    ("/hub.members.v1.MembersService/RevokeNode", |bytes| {
        one(bytes, |request: RevokeNodeRequest| request.request_id)
    }),
    ("/hub.members.v1.MembersService/EnrollTokenKey", |bytes| {
        one(bytes, |request: EnrollTokenKeyRequest| request.request_id)
    }),
    ("/hub.members.v1.MembersService/RevokeTokenKey", |bytes| {
        one(bytes, |request: RevokeTokenKeyRequest| request.request_id)
    }),
    reader!(
        "/hub.referrals.v1.ReferralService/SendReferral",
        SendReferralRequest
    ),
    reader!(
        "/hub.referrals.v1.ReferralService/AcknowledgeReferral",
        AcknowledgeReferralRequest
    ),
    reader!(
        "/hub.referrals.v1.ReferralService/TakeUpReferral",
        TakeUpReferralRequest
    ),
    reader!(
        "/hub.referrals.v1.ReferralService/DeclineReferral",
        DeclineReferralRequest
    ),
    reader!(
        "/hub.referrals.v1.ReferralService/ReturnReferral",
        ReturnReferralRequest
    ),
    reader!(
        "/hub.referrals.v1.ReferralService/AskForInformation",
        AskForInformationRequest
    ),
    reader!(
        "/hub.referrals.v1.ReferralService/AddInformation",
        AddInformationRequest
    ),
    reader!(
        "/hub.referrals.v1.ReferralService/FeedBackResult",
        FeedBackResultRequest
    ),
    reader!(
        "/hub.referrals.v1.ReferralService/CorrectReferral",
        CorrectReferralRequest
    ),
    reader!(
        "/hub.referrals.v1.ReferralService/CloseReferral",
        CloseReferralRequest
    ),
    reader!(
        "/hub.referrals.v1.ReferralService/WithdrawReferral",
        WithdrawReferralRequest
    ),
    reader!(
        "/hub.requests.v1.RequestService/DraftInformationRequest",
        requests::DraftInformationRequestRequest
    ),
    reader!(
        "/hub.requests.v1.RequestService/ApproveInformationRequest",
        requests::ApproveInformationRequestRequest
    ),
    reader!(
        "/hub.requests.v1.RequestService/WithdrawInformationRequest",
        requests::WithdrawInformationRequestRequest
    ),
    reader!(
        "/hub.requests.v1.RequestService/AskForMissing",
        requests::AskForMissingRequest
    ),
    reader!(
        "/hub.requests.v1.RequestService/CompleteInformationRequest",
        requests::CompleteInformationRequestRequest
    ),
    reader!(
        "/hub.requests.v1.RequestService/ExtendAnswerTime",
        requests::ExtendAnswerTimeRequest
    ),
    reader!(
        "/hub.requests.v1.RequestService/ConsentToInformationRequest",
        requests::ConsentToInformationRequestRequest
    ),
    reader!(
        "/hub.requests.v1.RequestService/DeliverInformation",
        requests::DeliverInformationRequest
    ),
    reader!(
        "/hub.requests.v1.RequestService/RefuseInformationRequest",
        requests::RefuseInformationRequestRequest
    ),
    reader!(
        "/hub.requests.v1.RequestService/RecordUse",
        requests::RecordUseRequest
    ),
    reader!(
        "/hub.requests.v1.RequestService/RequestCorrection",
        requests::RequestCorrectionRequest
    ),
    reader!(
        "/hub.requests.v1.RequestService/AnswerCorrection",
        requests::AnswerCorrectionRequest
    ),
    reader!(
        "/hub.requests.v1.RequestService/SuspendUse",
        requests::SuspendUseRequest
    ),
    reader!(
        "/hub.requests.v1.RequestService/ResumeUse",
        requests::ResumeUseRequest
    ),
    reader!(
        "/hub.requests.v1.RequestService/ConfirmDisposal",
        requests::ConfirmDisposalRequest
    ),
    reader!(
        "/hub.requests.v1.RequestService/CloseCase",
        requests::CloseCaseRequest
    ),
];

/// The ids of a request; none when the method has none or the content is sealed.
#[must_use]
pub fn of(method: &str, request: &[u8]) -> Vec<RequestId> {
    let Some((_, read)) = READERS.iter().find(|(name, _)| *name == method) else {
        return vec![];
    };
    read(request)
        .iter()
        .filter_map(|id| id.parse().ok())
        .collect()
}

fn one<M: Message + Default>(bytes: &[u8], id: fn(M) -> String) -> Vec<String> {
    M::decode(bytes).map(id).into_iter().collect()
}

fn batch(bytes: &[u8]) -> Vec<String> {
    let Ok(batch) = BatchPublishNotificationsRequest::decode(bytes) else {
        return vec![];
    };
    let items = batch.requests.into_iter().map(|item| item.request_id);
    std::iter::once(batch.request_id).chain(items).collect()
}
