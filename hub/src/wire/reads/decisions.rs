//! For every method, whether restricted records can be seen in its answer. A method that is not in this
//! table fails a test, and one that shows restricted records without being here as such is refused at run
//! time: nothing is shown by oversight. `docs/ARCHITECTURE.md` has the same list with its reasons.

/// What a method's answer can show of restricted records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Contents of restricted records; each such answer is recorded before it is given.
    Recorded,
    /// Only what the caller has just sent itself, which is no read.
    OwnAct,
    /// Nothing of them.
    Nothing,
}

use Decision::{Nothing, OwnAct, Recorded};

/// Every method with its decision, in the order of `RPCS`.
pub const DECISIONS: &[(&str, Decision)] = &[
    (
        "/hub.attachments.v1.AttachmentService/UploadAttachment",
        Nothing,
    ),
    ("/hub.attachments.v1.AttachmentService/GetUpload", Nothing),
    (
        "/hub.attachments.v1.AttachmentService/DownloadAttachment",
        Recorded,
    ),
    ("/hub.audit.v1.AuditService/ListAccesses", Nothing),
    ("/hub.channels.v1.ChannelService/ListChannels", Nothing),
    (
        "/hub.channels.v1.ChannelService/PublishNotification",
        OwnAct,
    ),
    (
        "/hub.channels.v1.ChannelService/BatchPublishNotifications",
        OwnAct,
    ),
    ("/hub.channels.v1.ChannelService/GetNotification", Recorded),
    (
        "/hub.channels.v1.ChannelService/ListNotifications",
        Recorded,
    ),
    ("/hub.channels.v1.ChannelService/OpenNotification", Recorded),
    (
        "/hub.channels.v1.ChannelService/SignForNotification",
        Recorded,
    ),
    (
        "/hub.channels.v1.ChannelService/ListDeliveryReceipts",
        Recorded,
    ),
    ("/hub.channels.v1.ChannelService/Subscribe", Recorded),
    (
        "/hub.channels.v1.ChannelService/AcknowledgeDelivery",
        Nothing,
    ),
    ("/hub.channels.v1.ChannelService/ListConsumers", Nothing),
    (
        "/hub.channels.v1.ChannelService/CorrectNotification",
        OwnAct,
    ),
    (
        "/hub.channels.v1.ChannelService/RetractNotification",
        OwnAct,
    ),
    (
        "/hub.channels.v1.ChannelService/ListOutstandingActions",
        Recorded,
    ),
    (
        "/hub.channels.v1.ChannelService/SearchNotifications",
        Recorded,
    ),
    ("/hub.funds.v1.AlertService/RaiseAlert", Recorded),
    ("/hub.funds.v1.AlertService/AcknowledgeAlert", Recorded),
    ("/hub.funds.v1.AlertService/ProvideInformation", Recorded),
    ("/hub.funds.v1.AlertService/DraftJointNotice", Recorded),
    ("/hub.funds.v1.AlertService/SignJointNotice", Recorded),
    ("/hub.funds.v1.AlertService/IssueJointNotice", Recorded),
    ("/hub.funds.v1.AlertService/RecordFinding", Recorded),
    ("/hub.funds.v1.AlertService/TakeMeasure", Recorded),
    ("/hub.funds.v1.AlertService/ReportMeasure", Recorded),
    ("/hub.funds.v1.AlertService/ReviewMeasure", Recorded),
    ("/hub.funds.v1.AlertService/CloseAlert", Recorded),
    ("/hub.funds.v1.AlertService/CorrectAlert", Recorded),
    ("/hub.funds.v1.AlertService/RetractAlert", Recorded),
    ("/hub.funds.v1.AlertService/GetAlert", Recorded),
    ("/hub.funds.v1.AlertService/ListAlerts", Recorded),
    ("/hub.ledger.v1.LedgerService/GetCheckpoint", Nothing),
    ("/hub.ledger.v1.LedgerService/GetInclusionProof", Nothing),
    ("/hub.ledger.v1.LedgerService/GetConsistencyProof", Nothing),
    ("/hub.ledger.v1.LedgerService/GetEntry", Recorded),
    ("/hub.ledger.v1.LedgerService/ListEntryHeaders", Nothing),
    ("/hub.meetings.v1.MeetingService/CreateMeeting", Nothing),
    ("/hub.meetings.v1.MeetingService/ConfirmMeeting", Nothing),
    ("/hub.meetings.v1.MeetingService/OpenTopics", Nothing),
    ("/hub.meetings.v1.MeetingService/ProposeTopic", Nothing),
    ("/hub.meetings.v1.MeetingService/CommentOnTopic", Nothing),
    ("/hub.meetings.v1.MeetingService/DecideTopic", Nothing),
    ("/hub.meetings.v1.MeetingService/OrderTopics", Nothing),
    ("/hub.meetings.v1.MeetingService/ConfirmTopics", Nothing),
    ("/hub.meetings.v1.MeetingService/ConveneMeeting", Nothing),
    ("/hub.meetings.v1.MeetingService/ChangeMeeting", Nothing),
    ("/hub.meetings.v1.MeetingService/AnswerNotice", Nothing),
    ("/hub.meetings.v1.MeetingService/CancelMeeting", Nothing),
    ("/hub.meetings.v1.MeetingService/RecordMeetingHeld", Nothing),
    ("/hub.meetings.v1.MeetingService/CloseMeeting", Nothing),
    ("/hub.meetings.v1.MeetingService/GetMeeting", Nothing),
    ("/hub.meetings.v1.MeetingService/ListMeetings", Nothing),
    ("/hub.meetings.v1.MeetingService/GetTopic", Nothing),
    ("/hub.meetings.v1.MeetingService/ListTopics", Nothing),
    (
        "/hub.meetings.v1.MeetingService/ListMeetingWarnings",
        Nothing,
    ),
    ("/hub.meetings.v1.MinutesService/DraftMinutes", Nothing),
    ("/hub.meetings.v1.MinutesService/CirculateMinutes", Nothing),
    ("/hub.meetings.v1.MinutesService/ConsentToMinutes", Nothing),
    ("/hub.meetings.v1.MinutesService/ObjectToMinutes", Nothing),
    ("/hub.meetings.v1.MinutesService/WithdrawObjection", Nothing),
    ("/hub.meetings.v1.MinutesService/IssueMinutes", Nothing),
    ("/hub.meetings.v1.MinutesService/CorrectMinutes", Nothing),
    ("/hub.meetings.v1.MinutesService/GetMinutes", Nothing),
    ("/hub.meetings.v1.MinutesService/GetMinutesVersion", Nothing),
    (
        "/hub.meetings.v1.MinutesService/ListMinutesVersions",
        Nothing,
    ),
    ("/hub.meetings.v1.MinutesService/ReportProgress", Nothing),
    ("/hub.meetings.v1.MinutesService/RequestExtension", Nothing),
    ("/hub.meetings.v1.MinutesService/DecideExtension", Nothing),
    ("/hub.meetings.v1.MinutesService/CloseAgreedItem", Nothing),
    ("/hub.meetings.v1.MinutesService/GetAgreedItem", Nothing),
    (
        "/hub.meetings.v1.MinutesService/ListProgressReports",
        Nothing,
    ),
    ("/hub.meetings.v1.MinutesService/ListAgreedItems", Nothing),
    (
        "/hub.meetings.v1.MinutesService/GetMeetingStatistics",
        Nothing,
    ),
    ("/hub.meetings.v1.MajorIssueService/FlagMajorIssue", Nothing),
    (
        "/hub.meetings.v1.MajorIssueService/DisposeMajorIssue",
        Nothing,
    ),
    ("/hub.meetings.v1.MajorIssueService/GetMajorIssue", Nothing),
    (
        "/hub.meetings.v1.MajorIssueService/ListMajorIssues",
        Nothing,
    ),
    (
        "/hub.meetings.v1.MajorIssueService/DraftEscalation",
        Nothing,
    ),
    (
        "/hub.meetings.v1.MajorIssueService/CoSignEscalation",
        Nothing,
    ),
    ("/hub.meetings.v1.MajorIssueService/SendEscalation", Nothing),
    (
        "/hub.meetings.v1.MajorIssueService/WithdrawEscalation",
        Nothing,
    ),
    (
        "/hub.meetings.v1.MajorIssueService/ReplyToEscalation",
        Nothing,
    ),
    ("/hub.meetings.v1.MajorIssueService/GetEscalation", Nothing),
    (
        "/hub.meetings.v1.MajorIssueService/ListEscalations",
        Nothing,
    ),
    ("/hub.members.v1.MembersService/WhoAmI", Nothing),
    ("/hub.members.v1.MembersService/ListMechanisms", Nothing),
    ("/hub.members.v1.MembersService/ListAgencies", Nothing),
    ("/hub.members.v1.MembersService/GetAgency", Nothing),
    ("/hub.members.v1.MembersService/ListMemberships", Nothing),
    ("/hub.members.v1.MembersService/AddMembership", Nothing),
    ("/hub.members.v1.MembersService/AppointLiaison", Nothing),
    ("/hub.members.v1.MembersService/ListNodes", Nothing),
    ("/hub.members.v1.MembersService/EnrollNode", Nothing),
    ("/hub.members.v1.MembersService/RevokeNode", Nothing),
    ("/hub.members.v1.MembersService/ListTokenKeys", Nothing),
    ("/hub.members.v1.MembersService/EnrollTokenKey", Nothing),
    ("/hub.members.v1.MembersService/RevokeTokenKey", Nothing),
    ("/hub.referrals.v1.ReferralService/SendReferral", Nothing),
    (
        "/hub.referrals.v1.ReferralService/AcknowledgeReferral",
        Nothing,
    ),
    ("/hub.referrals.v1.ReferralService/TakeUpReferral", Nothing),
    ("/hub.referrals.v1.ReferralService/DeclineReferral", Nothing),
    ("/hub.referrals.v1.ReferralService/ReturnReferral", Nothing),
    (
        "/hub.referrals.v1.ReferralService/AskForInformation",
        Nothing,
    ),
    ("/hub.referrals.v1.ReferralService/AddInformation", Nothing),
    ("/hub.referrals.v1.ReferralService/FeedBackResult", Nothing),
    ("/hub.referrals.v1.ReferralService/CorrectReferral", Nothing),
    ("/hub.referrals.v1.ReferralService/CloseReferral", Nothing),
    (
        "/hub.referrals.v1.ReferralService/WithdrawReferral",
        Nothing,
    ),
    ("/hub.referrals.v1.ReferralService/GetReferral", Recorded),
    ("/hub.referrals.v1.ReferralService/ListReferrals", Recorded),
    (
        "/hub.requests.v1.RequestService/DraftInformationRequest",
        Nothing,
    ),
    (
        "/hub.requests.v1.RequestService/ApproveInformationRequest",
        Nothing,
    ),
    (
        "/hub.requests.v1.RequestService/WithdrawInformationRequest",
        Nothing,
    ),
    ("/hub.requests.v1.RequestService/AskForMissing", Nothing),
    (
        "/hub.requests.v1.RequestService/CompleteInformationRequest",
        Nothing,
    ),
    ("/hub.requests.v1.RequestService/ExtendAnswerTime", Nothing),
    (
        "/hub.requests.v1.RequestService/ConsentToInformationRequest",
        Nothing,
    ),
    (
        "/hub.requests.v1.RequestService/DeliverInformation",
        Nothing,
    ),
    (
        "/hub.requests.v1.RequestService/RefuseInformationRequest",
        Nothing,
    ),
    ("/hub.requests.v1.RequestService/RecordUse", Nothing),
    ("/hub.requests.v1.RequestService/RequestCorrection", Nothing),
    ("/hub.requests.v1.RequestService/AnswerCorrection", Nothing),
    ("/hub.requests.v1.RequestService/SuspendUse", Nothing),
    ("/hub.requests.v1.RequestService/ResumeUse", Nothing),
    ("/hub.requests.v1.RequestService/ConfirmDisposal", Nothing),
    ("/hub.requests.v1.RequestService/CloseCase", Nothing),
    (
        "/hub.requests.v1.RequestService/GetInformationRequest",
        Recorded,
    ),
    (
        "/hub.requests.v1.RequestService/ListInformationRequests",
        Recorded,
    ),
];

/// Whether a method records what it shows.
#[must_use]
pub fn is_recorded(method: &str) -> bool {
    DECISIONS.contains(&(method, Recorded))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::wire::rpc::RPCS;

    const ARCHITECTURE: &str = include_str!("../../../../docs/ARCHITECTURE.md");

    #[test]
    fn every_method_has_one_decision_and_the_documents_name_what_is_recorded() {
        let decided: Vec<&str> = DECISIONS.iter().map(|(method, _)| *method).collect();
        let known: BTreeSet<&str> = RPCS.iter().map(|rpc| rpc.method).collect();
        for method in &known {
            assert!(
                decided.contains(method),
                "{method}: decide in wire/reads/decisions.rs whether its answer can show a restricted \
                 record"
            );
        }
        let distinct: BTreeSet<&str> = decided.iter().copied().collect();
        assert_eq!(distinct.len(), decided.len(), "a method is decided twice");
        assert_eq!(
            distinct, known,
            "the table has methods that the hub has not"
        );
        for (method, decision) in DECISIONS {
            let name = method.rsplit('/').next().unwrap();
            let is_told = ARCHITECTURE.contains(&format!("`{name}`"));
            assert!(
                is_told || *decision == Nothing,
                "docs/ARCHITECTURE.md, Reads on the record, does not name {name}"
            );
        }
    }
}
