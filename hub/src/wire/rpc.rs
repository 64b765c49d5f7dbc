//! Every method of the hub: whether it changes anything, and which action it needs. A test holds
//! this table against the compiled protos, and the authorization matrix is drawn from it.

use crate::{
    authz::UPLOAD,
    charter::Action,
    identity::{Intake, TOKENLESS_PREFIX},
};

/// What a method does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Reads.
    Read,
    /// Records an entry: needs the author headers and a request id.
    Mutate,
    /// Streams.
    Stream,
    /// Takes in a stream. Nothing is recorded: there are no author headers.
    Upload,
}

/// A method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rpc {
    /// Full path.
    pub method: &'static str,
    /// What it does.
    pub effect: Effect,
    /// Actions, any of which lets a caller in; what it then sees or may change depends on the
    /// resource. Empty: every authenticated officer.
    pub actions: &'static [Action],
}

const fn read(method: &'static str, actions: &'static [Action]) -> Rpc {
    Rpc {
        method,
        effect: Effect::Read,
        actions,
    }
}

const fn mutate(method: &'static str, actions: &'static [Action]) -> Rpc {
    Rpc {
        method,
        effect: Effect::Mutate,
        actions,
    }
}

const READ_LOGS: &[Action] = &[
    Action::ChannelsRead,
    Action::InboxRead,
    Action::OfficeInboxRead,
];

const MEETINGS_READ: &[Action] = &[Action::MeetingsRead, Action::MeetingsConvene];

const REFERRALS_READ: &[Action] = &[Action::ReferralsRead];

const REFERRALS_SEND: &[Action] = &[Action::ReferralsSend];

const REFERRALS_ANSWER: &[Action] = &[Action::ReferralsAnswer];

const CONVENE: &[Action] = &[Action::MeetingsConvene];

const TOPICS: &[Action] = &[Action::MeetingsParticipate, Action::MeetingsConvene];

const ALERTS_READ: &[Action] = &[Action::AlertsRead, Action::AlertsCoordinate];

const JOINT_NOTICES: &[Action] = &[
    Action::AlertsCoordinate,
    Action::AlertsHandle,
    Action::AlertsRaise,
];

/// Every method, in the order of the protos.
pub const RPCS: &[Rpc] = &[
    Rpc {
        method: "/hub.attachments.v1.AttachmentService/UploadAttachment",
        effect: Effect::Upload,
        actions: UPLOAD,
    },
    read("/hub.attachments.v1.AttachmentService/GetUpload", UPLOAD),
    Rpc {
        method: "/hub.attachments.v1.AttachmentService/DownloadAttachment",
        effect: Effect::Stream,
        actions: READ_LOGS,
    },
    read(
        "/hub.audit.v1.AuditService/ListAccesses",
        &[Action::AccessesAudit, Action::AccessesAuditOwn],
    ),
    read("/hub.channels.v1.ChannelService/ListChannels", &[]),
    mutate(
        "/hub.channels.v1.ChannelService/PublishNotification",
        &[Action::ChannelsPublish, Action::NotificationsAddress],
    ),
    mutate(
        "/hub.channels.v1.ChannelService/BatchPublishNotifications",
        &[Action::ChannelsPublish, Action::NotificationsAddress],
    ),
    read("/hub.channels.v1.ChannelService/GetNotification", READ_LOGS),
    read(
        "/hub.channels.v1.ChannelService/ListNotifications",
        READ_LOGS,
    ),
    mutate(
        "/hub.channels.v1.ChannelService/OpenNotification",
        &[Action::NotificationsOpen, Action::OfficeInboxRead],
    ),
    mutate(
        "/hub.channels.v1.ChannelService/SignForNotification",
        &[Action::NotificationsSignFor, Action::OfficeSignFor],
    ),
    read(
        "/hub.channels.v1.ChannelService/ListDeliveryReceipts",
        READ_LOGS,
    ),
    Rpc {
        method: "/hub.channels.v1.ChannelService/Subscribe",
        effect: Effect::Stream,
        actions: READ_LOGS,
    },
    mutate(
        "/hub.channels.v1.ChannelService/AcknowledgeDelivery",
        &[Action::ConsumersAcknowledge],
    ),
    read(
        "/hub.channels.v1.ChannelService/ListConsumers",
        &[Action::ConsumersAcknowledge],
    ),
    mutate(
        "/hub.channels.v1.ChannelService/CorrectNotification",
        &[Action::ChannelsPublish, Action::NotificationsAddress],
    ),
    mutate(
        "/hub.channels.v1.ChannelService/RetractNotification",
        &[Action::ChannelsPublish, Action::NotificationsAddress],
    ),
    read(
        "/hub.channels.v1.ChannelService/ListOutstandingActions",
        READ_LOGS,
    ),
    read(
        "/hub.channels.v1.ChannelService/SearchNotifications",
        READ_LOGS,
    ),
    mutate(
        "/hub.funds.v1.AlertService/RaiseAlert",
        &[Action::AlertsRaise],
    ),
    mutate(
        "/hub.funds.v1.AlertService/AcknowledgeAlert",
        &[Action::AlertsHandle],
    ),
    mutate(
        "/hub.funds.v1.AlertService/ProvideInformation",
        &[Action::AlertsRaise],
    ),
    mutate("/hub.funds.v1.AlertService/DraftJointNotice", JOINT_NOTICES),
    mutate(
        "/hub.funds.v1.AlertService/SignJointNotice",
        &[Action::AlertsHandle],
    ),
    mutate("/hub.funds.v1.AlertService/IssueJointNotice", JOINT_NOTICES),
    mutate(
        "/hub.funds.v1.AlertService/RecordFinding",
        &[Action::AlertsHandle],
    ),
    mutate(
        "/hub.funds.v1.AlertService/TakeMeasure",
        &[Action::AlertsHandle],
    ),
    mutate(
        "/hub.funds.v1.AlertService/ReportMeasure",
        &[Action::AlertsHandle],
    ),
    mutate(
        "/hub.funds.v1.AlertService/ReviewMeasure",
        &[Action::AlertsHandle],
    ),
    mutate(
        "/hub.funds.v1.AlertService/CloseAlert",
        &[Action::AlertsCoordinate, Action::AlertsRaise],
    ),
    mutate(
        "/hub.funds.v1.AlertService/CorrectAlert",
        &[Action::AlertsRaise],
    ),
    mutate(
        "/hub.funds.v1.AlertService/RetractAlert",
        &[Action::AlertsRaise],
    ),
    read("/hub.funds.v1.AlertService/GetAlert", ALERTS_READ),
    read("/hub.funds.v1.AlertService/ListAlerts", ALERTS_READ),
    read(
        "/hub.ledger.v1.LedgerService/GetCheckpoint",
        &[Action::LedgerProve],
    ),
    read(
        "/hub.ledger.v1.LedgerService/GetInclusionProof",
        &[Action::LedgerProve],
    ),
    read(
        "/hub.ledger.v1.LedgerService/GetConsistencyProof",
        &[Action::LedgerProve],
    ),
    read(
        "/hub.ledger.v1.LedgerService/GetEntry",
        &[Action::LedgerProve],
    ),
    read(
        "/hub.ledger.v1.LedgerService/ListEntryHeaders",
        &[Action::LedgerAudit],
    ),
    mutate("/hub.meetings.v1.MeetingService/CreateMeeting", CONVENE),
    mutate("/hub.meetings.v1.MeetingService/ConfirmMeeting", CONVENE),
    mutate("/hub.meetings.v1.MeetingService/OpenTopics", CONVENE),
    mutate("/hub.meetings.v1.MeetingService/ProposeTopic", TOPICS),
    mutate("/hub.meetings.v1.MeetingService/CommentOnTopic", TOPICS),
    mutate("/hub.meetings.v1.MeetingService/DecideTopic", CONVENE),
    mutate("/hub.meetings.v1.MeetingService/OrderTopics", CONVENE),
    mutate("/hub.meetings.v1.MeetingService/ConfirmTopics", CONVENE),
    mutate("/hub.meetings.v1.MeetingService/ConveneMeeting", CONVENE),
    mutate("/hub.meetings.v1.MeetingService/ChangeMeeting", CONVENE),
    mutate(
        "/hub.meetings.v1.MeetingService/AnswerNotice",
        &[Action::MeetingsParticipate],
    ),
    mutate("/hub.meetings.v1.MeetingService/CancelMeeting", CONVENE),
    mutate("/hub.meetings.v1.MeetingService/RecordMeetingHeld", CONVENE),
    mutate("/hub.meetings.v1.MeetingService/CloseMeeting", CONVENE),
    read("/hub.meetings.v1.MeetingService/GetMeeting", MEETINGS_READ),
    read(
        "/hub.meetings.v1.MeetingService/ListMeetings",
        MEETINGS_READ,
    ),
    read("/hub.meetings.v1.MeetingService/GetTopic", MEETINGS_READ),
    read("/hub.meetings.v1.MeetingService/ListTopics", MEETINGS_READ),
    read(
        "/hub.meetings.v1.MeetingService/ListMeetingWarnings",
        CONVENE,
    ),
    mutate("/hub.meetings.v1.MinutesService/DraftMinutes", CONVENE),
    mutate("/hub.meetings.v1.MinutesService/CirculateMinutes", CONVENE),
    mutate(
        "/hub.meetings.v1.MinutesService/ConsentToMinutes",
        &[Action::MinutesConsent],
    ),
    mutate(
        "/hub.meetings.v1.MinutesService/ObjectToMinutes",
        &[Action::MinutesConsent],
    ),
    mutate(
        "/hub.meetings.v1.MinutesService/WithdrawObjection",
        &[Action::MinutesConsent],
    ),
    mutate("/hub.meetings.v1.MinutesService/IssueMinutes", CONVENE),
    mutate("/hub.meetings.v1.MinutesService/CorrectMinutes", CONVENE),
    read("/hub.meetings.v1.MinutesService/GetMinutes", MEETINGS_READ),
    read(
        "/hub.meetings.v1.MinutesService/GetMinutesVersion",
        MEETINGS_READ,
    ),
    read(
        "/hub.meetings.v1.MinutesService/ListMinutesVersions",
        MEETINGS_READ,
    ),
    mutate(
        "/hub.meetings.v1.MinutesService/ReportProgress",
        &[Action::AgreedItemsReport],
    ),
    mutate(
        "/hub.meetings.v1.MinutesService/RequestExtension",
        &[Action::AgreedItemsReport],
    ),
    mutate("/hub.meetings.v1.MinutesService/DecideExtension", CONVENE),
    mutate("/hub.meetings.v1.MinutesService/CloseAgreedItem", CONVENE),
    read(
        "/hub.meetings.v1.MinutesService/GetAgreedItem",
        MEETINGS_READ,
    ),
    read(
        "/hub.meetings.v1.MinutesService/ListProgressReports",
        MEETINGS_READ,
    ),
    read(
        "/hub.meetings.v1.MinutesService/ListAgreedItems",
        MEETINGS_READ,
    ),
    read(
        "/hub.meetings.v1.MinutesService/GetMeetingStatistics",
        MEETINGS_READ,
    ),
    mutate(
        "/hub.meetings.v1.MajorIssueService/FlagMajorIssue",
        &[Action::MajorIssuesFlag],
    ),
    mutate(
        "/hub.meetings.v1.MajorIssueService/DisposeMajorIssue",
        CONVENE,
    ),
    read(
        "/hub.meetings.v1.MajorIssueService/GetMajorIssue",
        MEETINGS_READ,
    ),
    read(
        "/hub.meetings.v1.MajorIssueService/ListMajorIssues",
        MEETINGS_READ,
    ),
    mutate(
        "/hub.meetings.v1.MajorIssueService/DraftEscalation",
        &[Action::EscalationsSend],
    ),
    mutate(
        "/hub.meetings.v1.MajorIssueService/CoSignEscalation",
        &[Action::EscalationsCoSign],
    ),
    mutate(
        "/hub.meetings.v1.MajorIssueService/SendEscalation",
        &[Action::EscalationsSend],
    ),
    mutate(
        "/hub.meetings.v1.MajorIssueService/WithdrawEscalation",
        &[Action::EscalationsSend],
    ),
    mutate(
        "/hub.meetings.v1.MajorIssueService/ReplyToEscalation",
        &[Action::EscalationsReply],
    ),
    read(
        "/hub.meetings.v1.MajorIssueService/GetEscalation",
        MEETINGS_READ,
    ),
    read(
        "/hub.meetings.v1.MajorIssueService/ListEscalations",
        MEETINGS_READ,
    ),
    read("/hub.members.v1.MembersService/WhoAmI", &[]),
    read(
        "/hub.members.v1.MembersService/ListMechanisms",
        &[Action::MembersRead],
    ),
    read(
        "/hub.members.v1.MembersService/ListAgencies",
        &[Action::MembersRead],
    ),
    read(
        "/hub.members.v1.MembersService/GetAgency",
        &[Action::MembersRead],
    ),
    read(
        "/hub.members.v1.MembersService/ListMemberships",
        &[Action::MembersRead],
    ),
    mutate(
        "/hub.members.v1.MembersService/AddMembership",
        &[Action::MembersAddMembership],
    ),
    mutate(
        "/hub.members.v1.MembersService/AppointLiaison",
        &[Action::MembersAppointLiaison],
    ),
    read(
        "/hub.members.v1.MembersService/ListNodes",
        &[Action::NodesRead, Action::NodesRevokeAny],
    ),
    mutate(
        "/hub.members.v1.MembersService/EnrollNode",
        &[Action::NodesEnroll],
    ),
    mutate(
        "/hub.members.v1.MembersService/RevokeNode",
        &[Action::NodesRevoke, Action::NodesRevokeAny],
    ),
    read(
        "/hub.members.v1.MembersService/ListTokenKeys",
        &[Action::NodesRead, Action::NodesRevokeAny],
    ),
    mutate(
        "/hub.members.v1.MembersService/EnrollTokenKey",
        &[Action::NodesEnroll],
    ),
    mutate(
        "/hub.members.v1.MembersService/RevokeTokenKey",
        &[Action::NodesRevoke, Action::NodesRevokeAny],
    ),
    mutate(
        "/hub.referrals.v1.ReferralService/SendReferral",
        REFERRALS_SEND,
    ),
    mutate(
        "/hub.referrals.v1.ReferralService/AcknowledgeReferral",
        REFERRALS_ANSWER,
    ),
    mutate(
        "/hub.referrals.v1.ReferralService/TakeUpReferral",
        REFERRALS_ANSWER,
    ),
    mutate(
        "/hub.referrals.v1.ReferralService/DeclineReferral",
        REFERRALS_ANSWER,
    ),
    mutate(
        "/hub.referrals.v1.ReferralService/ReturnReferral",
        REFERRALS_ANSWER,
    ),
    mutate(
        "/hub.referrals.v1.ReferralService/AskForInformation",
        REFERRALS_ANSWER,
    ),
    mutate(
        "/hub.referrals.v1.ReferralService/AddInformation",
        REFERRALS_SEND,
    ),
    mutate(
        "/hub.referrals.v1.ReferralService/FeedBackResult",
        REFERRALS_ANSWER,
    ),
    mutate(
        "/hub.referrals.v1.ReferralService/CorrectReferral",
        REFERRALS_SEND,
    ),
    mutate(
        "/hub.referrals.v1.ReferralService/CloseReferral",
        REFERRALS_SEND,
    ),
    mutate(
        "/hub.referrals.v1.ReferralService/WithdrawReferral",
        REFERRALS_SEND,
    ),
    read(
        "/hub.referrals.v1.ReferralService/GetReferral",
        REFERRALS_READ,
    ),
    read(
        "/hub.referrals.v1.ReferralService/ListReferrals",
        REFERRALS_READ,
    ),
    mutate(
        "/hub.requests.v1.RequestService/DraftInformationRequest",
        &[Action::RequestsMake],
    ),
    mutate(
        "/hub.requests.v1.RequestService/ApproveInformationRequest",
        &[Action::RequestsApprove],
    ),
    mutate(
        "/hub.requests.v1.RequestService/WithdrawInformationRequest",
        &[Action::RequestsMake],
    ),
    mutate(
        "/hub.requests.v1.RequestService/AskForMissing",
        &[Action::RequestsAnswer],
    ),
    mutate(
        "/hub.requests.v1.RequestService/CompleteInformationRequest",
        &[Action::RequestsMake],
    ),
    mutate(
        "/hub.requests.v1.RequestService/ExtendAnswerTime",
        &[Action::RequestsAnswer],
    ),
    mutate(
        "/hub.requests.v1.RequestService/ConsentToInformationRequest",
        &[Action::RequestsAnswer],
    ),
    mutate(
        "/hub.requests.v1.RequestService/DeliverInformation",
        &[Action::RequestsAnswer],
    ),
    mutate(
        "/hub.requests.v1.RequestService/RefuseInformationRequest",
        &[Action::RequestsAnswer],
    ),
    mutate(
        "/hub.requests.v1.RequestService/RecordUse",
        &[Action::RequestsMake],
    ),
    mutate(
        "/hub.requests.v1.RequestService/RequestCorrection",
        &[Action::RequestsMake],
    ),
    mutate(
        "/hub.requests.v1.RequestService/AnswerCorrection",
        &[Action::RequestsAnswer],
    ),
    mutate(
        "/hub.requests.v1.RequestService/SuspendUse",
        &[Action::RequestsAnswer],
    ),
    mutate(
        "/hub.requests.v1.RequestService/ResumeUse",
        &[Action::RequestsAnswer],
    ),
    mutate(
        "/hub.requests.v1.RequestService/ConfirmDisposal",
        &[Action::RequestsMake],
    ),
    mutate(
        "/hub.requests.v1.RequestService/CloseCase",
        &[Action::RequestsMake],
    ),
    read(
        "/hub.requests.v1.RequestService/GetInformationRequest",
        &[Action::RequestsRead],
    ),
    read(
        "/hub.requests.v1.RequestService/ListInformationRequests",
        &[Action::RequestsRead],
    ),
];

/// Whether a path is a mutating method.
#[must_use]
pub fn is_mutating(path: &str) -> bool {
    RPCS.iter()
        .any(|rpc| rpc.effect == Effect::Mutate && rpc.method == path)
}

/// How the message of a call comes in. What is no method of the hub is read by nobody but the handler
/// that refuses it.
#[must_use]
pub fn intake(path: &str) -> Intake {
    let rpc = RPCS.iter().find(|rpc| rpc.method == path);
    match rpc.map(|rpc| rpc.effect) {
        Some(Effect::Mutate) => Intake::Signed,
        Some(Effect::Read | Effect::Stream) => Intake::Plain,
        Some(Effect::Upload) => Intake::Streamed,
        None if path.starts_with(TOKENLESS_PREFIX) => Intake::Plain,
        None => Intake::Streamed,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use prost::Message as _;

    use super::*;
    use crate::domain::request_ids;

    #[test]
    fn the_table_and_the_protos_agree() {
        let set = prost_types::FileDescriptorSet::decode(hub_proto::DESCRIPTORS).unwrap();
        let mut methods = BTreeSet::new();
        for file in &set.file {
            for service in &file.service {
                // An agency's gateway serves this one, not the hub.
                if file.package() == "hub.gateway.v1" {
                    continue;
                }
                for method in &service.method {
                    let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                    let rpc = RPCS.iter().find(|rpc| rpc.method == path);
                    let rpc = rpc.unwrap_or_else(|| panic!("{path} is not in the table"));
                    assert_eq!(
                        method.server_streaming(),
                        rpc.effect == Effect::Stream,
                        "{path}"
                    );
                    assert_eq!(
                        method.client_streaming(),
                        rpc.effect == Effect::Upload,
                        "{path}"
                    );
                    methods.insert(path);
                }
            }
        }
        assert_eq!(
            methods.len(),
            RPCS.len(),
            "the table has methods that the protos have not"
        );
    }

    #[test]
    fn every_mutating_method_can_be_deduplicated_after_a_restart() {
        let readers: BTreeSet<&str> = request_ids::READERS.iter().map(|(name, _)| *name).collect();
        let mutating: BTreeSet<&str> = RPCS
            .iter()
            .filter(|rpc| rpc.effect == Effect::Mutate)
            .map(|rpc| rpc.method)
            .collect();
        assert_eq!(readers, mutating);
    }
}
