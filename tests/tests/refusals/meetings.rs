//! Rows of meetings, minutes, and major issues.

use hub_tests::{issues, minutes};

use super::{Case, DENIED, FILTERED, HIDDEN, Row, refused, row};

pub(crate) const MEETING_ROWS: &[Row] = &[
    row(
        hub_tests::meetings!("CreateMeeting"),
        ("civil-affairs", "office"),
        refused("tax", "leader", "mechanisms/joint-enforcement", DENIED),
        refused(
            "civil-affairs",
            "leader",
            "mechanisms/joint-enforcement",
            DENIED,
        ),
    ),
    row(
        hub_tests::meetings!("ConfirmMeeting"),
        ("civil-affairs", "office"),
        refused("education", "leader", "the partial meeting", HIDDEN),
        refused("civil-affairs", "clerk", "the partial meeting", DENIED),
    ),
    row(
        hub_tests::meetings!("OpenTopics"),
        ("civil-affairs", "office"),
        refused("education", "leader", "the partial meeting", HIDDEN),
        refused("civil-affairs", "clerk", "the partial meeting", DENIED),
    ),
    row(
        hub_tests::meetings!("ProposeTopic"),
        ("tax", "leader"),
        refused(
            "education",
            "leader",
            "the partial meeting, for itself",
            HIDDEN,
        ),
        refused(
            "civil-affairs",
            "office",
            "the partial meeting, for itself",
            DENIED,
        ),
    ),
    row(
        hub_tests::meetings!("CommentOnTopic"),
        ("tax", "leader"),
        refused(
            "education",
            "leader",
            "the partial meeting, for itself",
            HIDDEN,
        ),
        refused(
            "civil-affairs",
            "office",
            "the partial meeting, for itself",
            DENIED,
        ),
    ),
    row(
        hub_tests::meetings!("DecideTopic"),
        ("civil-affairs", "office"),
        refused("education", "leader", "the partial meeting", HIDDEN),
        refused("civil-affairs", "clerk", "the partial meeting", DENIED),
    ),
    row(
        hub_tests::meetings!("OrderTopics"),
        ("civil-affairs", "office"),
        refused("education", "leader", "the partial meeting", HIDDEN),
        refused("civil-affairs", "clerk", "the partial meeting", DENIED),
    ),
    row(
        hub_tests::meetings!("ConfirmTopics"),
        ("civil-affairs", "office"),
        refused("education", "leader", "the partial meeting", HIDDEN),
        refused("civil-affairs", "clerk", "the partial meeting", DENIED),
    ),
    row(
        hub_tests::meetings!("ConveneMeeting"),
        ("civil-affairs", "office"),
        refused("education", "leader", "the partial meeting", HIDDEN),
        refused("civil-affairs", "clerk", "the partial meeting", DENIED),
    ),
    row(
        hub_tests::meetings!("ChangeMeeting"),
        ("civil-affairs", "office"),
        refused("education", "leader", "the partial meeting", HIDDEN),
        refused("civil-affairs", "clerk", "the partial meeting", DENIED),
    ),
    row(
        hub_tests::meetings!("AnswerNotice"),
        ("tax", "leader"),
        refused("education", "leader", "the partial meeting", HIDDEN),
        refused("civil-affairs", "office", "the partial meeting", DENIED),
    ),
    row(
        hub_tests::meetings!("CancelMeeting"),
        ("civil-affairs", "office"),
        refused("education", "leader", "the partial meeting", HIDDEN),
        refused("civil-affairs", "clerk", "the partial meeting", DENIED),
    ),
    row(
        hub_tests::meetings!("RecordMeetingHeld"),
        ("civil-affairs", "office"),
        refused("education", "leader", "the partial meeting", HIDDEN),
        refused("civil-affairs", "clerk", "the partial meeting", DENIED),
    ),
    row(
        hub_tests::meetings!("CloseMeeting"),
        ("civil-affairs", "office"),
        refused("education", "leader", "the partial meeting", HIDDEN),
        refused("civil-affairs", "clerk", "the partial meeting", DENIED),
    ),
    row(
        hub_tests::meetings!("GetMeeting"),
        ("tax", "clerk"),
        refused("education", "clerk", "the partial meeting", HIDDEN),
        refused("tax", "publisher", "the partial meeting", HIDDEN),
    ),
    row(
        hub_tests::meetings!("ListMeetings"),
        ("tax", "clerk"),
        Case::Except(FILTERED),
        refused("tax", "publisher", "", DENIED),
    ),
    row(
        hub_tests::meetings!("GetTopic"),
        ("tax", "clerk"),
        refused("education", "clerk", "the partial meeting", HIDDEN),
        refused("tax", "publisher", "the partial meeting", HIDDEN),
    ),
    row(
        hub_tests::meetings!("ListTopics"),
        ("tax", "clerk"),
        refused("education", "clerk", "the partial meeting", HIDDEN),
        refused("tax", "publisher", "the partial meeting", HIDDEN),
    ),
    row(
        hub_tests::meetings!("ListMeetingWarnings"),
        ("civil-affairs", "office"),
        refused("tax", "leader", "mechanisms/joint-enforcement", DENIED),
        refused(
            "civil-affairs",
            "clerk",
            "mechanisms/joint-enforcement",
            DENIED,
        ),
    ),
];

pub(crate) const MINUTES_ROWS: &[Row] = &[
    row(
        minutes!("DraftMinutes"),
        ("civil-affairs", "office"),
        refused(
            "education",
            "leader",
            "minutes of the partial meeting",
            HIDDEN,
        ),
        refused(
            "civil-affairs",
            "clerk",
            "minutes of the partial meeting",
            DENIED,
        ),
    ),
    row(
        minutes!("CirculateMinutes"),
        ("civil-affairs", "office"),
        refused(
            "education",
            "leader",
            "minutes of the partial meeting",
            HIDDEN,
        ),
        refused(
            "civil-affairs",
            "clerk",
            "minutes of the partial meeting",
            DENIED,
        ),
    ),
    row(
        minutes!("ConsentToMinutes"),
        ("tax", "leader"),
        refused(
            "education",
            "leader",
            "minutes of the partial meeting",
            HIDDEN,
        ),
        refused("tax", "clerk", "minutes of the partial meeting", DENIED),
    ),
    row(
        minutes!("ObjectToMinutes"),
        ("tax", "leader"),
        refused(
            "education",
            "leader",
            "minutes of the partial meeting",
            HIDDEN,
        ),
        refused("tax", "clerk", "minutes of the partial meeting", DENIED),
    ),
    row(
        minutes!("WithdrawObjection"),
        ("tax", "leader"),
        refused(
            "education",
            "leader",
            "minutes of the partial meeting",
            HIDDEN,
        ),
        refused("tax", "clerk", "minutes of the partial meeting", DENIED),
    ),
    row(
        minutes!("IssueMinutes"),
        ("civil-affairs", "office"),
        refused(
            "education",
            "leader",
            "minutes of the partial meeting",
            HIDDEN,
        ),
        refused(
            "civil-affairs",
            "clerk",
            "minutes of the partial meeting",
            DENIED,
        ),
    ),
    row(
        minutes!("CorrectMinutes"),
        ("civil-affairs", "office"),
        refused(
            "education",
            "leader",
            "minutes of the partial meeting",
            HIDDEN,
        ),
        refused(
            "civil-affairs",
            "clerk",
            "minutes of the partial meeting",
            DENIED,
        ),
    ),
    row(
        minutes!("GetMinutes"),
        ("tax", "clerk"),
        refused(
            "education",
            "clerk",
            "minutes of the partial meeting",
            HIDDEN,
        ),
        refused("tax", "publisher", "minutes of the partial meeting", HIDDEN),
    ),
    row(
        minutes!("GetMinutesVersion"),
        ("tax", "clerk"),
        refused(
            "education",
            "clerk",
            "minutes of the partial meeting",
            HIDDEN,
        ),
        refused("tax", "publisher", "minutes of the partial meeting", HIDDEN),
    ),
    row(
        minutes!("ListMinutesVersions"),
        ("tax", "clerk"),
        refused(
            "education",
            "clerk",
            "minutes of the partial meeting",
            HIDDEN,
        ),
        refused("tax", "publisher", "minutes of the partial meeting", HIDDEN),
    ),
    row(
        minutes!("ReportProgress"),
        ("tax", "clerk"),
        refused(
            "health",
            "clerk",
            "tax's item of the partial meeting",
            DENIED,
        ),
        refused(
            "tax",
            "publisher",
            "tax's item of the partial meeting",
            HIDDEN,
        ),
    ),
    row(
        minutes!("RequestExtension"),
        ("tax", "clerk"),
        refused(
            "health",
            "clerk",
            "tax's item of the partial meeting",
            DENIED,
        ),
        refused(
            "tax",
            "publisher",
            "tax's item of the partial meeting",
            HIDDEN,
        ),
    ),
    row(
        minutes!("DecideExtension"),
        ("civil-affairs", "office"),
        refused(
            "education",
            "leader",
            "tax's item of the partial meeting",
            HIDDEN,
        ),
        refused(
            "civil-affairs",
            "clerk",
            "tax's item of the partial meeting",
            DENIED,
        ),
    ),
    row(
        minutes!("CloseAgreedItem"),
        ("civil-affairs", "office"),
        refused(
            "education",
            "leader",
            "tax's item of the partial meeting",
            HIDDEN,
        ),
        refused(
            "civil-affairs",
            "clerk",
            "tax's item of the partial meeting",
            DENIED,
        ),
    ),
    row(
        minutes!("GetAgreedItem"),
        ("tax", "clerk"),
        refused(
            "education",
            "clerk",
            "tax's item of the partial meeting",
            HIDDEN,
        ),
        refused(
            "tax",
            "publisher",
            "tax's item of the partial meeting",
            HIDDEN,
        ),
    ),
    row(
        minutes!("ListProgressReports"),
        ("tax", "clerk"),
        refused(
            "education",
            "clerk",
            "tax's item of the partial meeting",
            HIDDEN,
        ),
        refused(
            "tax",
            "publisher",
            "tax's item of the partial meeting",
            HIDDEN,
        ),
    ),
    row(
        minutes!("ListAgreedItems"),
        ("tax", "clerk"),
        refused("education", "clerk", "the partial meeting", HIDDEN),
        refused("tax", "publisher", "the partial meeting", DENIED),
    ),
    row(
        minutes!("GetMeetingStatistics"),
        ("tax", "clerk"),
        refused("education", "clerk", "mechanisms/fund-supervision", HIDDEN),
        refused("tax", "publisher", "mechanisms/fund-supervision", HIDDEN),
    ),
];

pub(crate) const ISSUE_ROWS: &[Row] = &[
    row(
        issues!("FlagMajorIssue"),
        ("tax", "leader"),
        refused("education", "leader", "mechanisms/fund-supervision", DENIED),
        refused("tax", "clerk", "mechanisms/fund-supervision", DENIED),
    ),
    row(
        issues!("DisposeMajorIssue"),
        ("civil-affairs", "office"),
        refused(
            "education",
            "leader",
            "tax's, discussed at the partial meeting",
            HIDDEN,
        ),
        refused(
            "civil-affairs",
            "clerk",
            "tax's, discussed at the partial meeting",
            DENIED,
        ),
    ),
    row(
        issues!("GetMajorIssue"),
        ("tax", "clerk"),
        refused(
            "education",
            "clerk",
            "tax's, discussed at the partial meeting",
            HIDDEN,
        ),
        refused(
            "tax",
            "publisher",
            "tax's, discussed at the partial meeting",
            HIDDEN,
        ),
    ),
    row(
        issues!("ListMajorIssues"),
        ("tax", "clerk"),
        Case::Except(FILTERED),
        refused("tax", "publisher", "", DENIED),
    ),
    row(
        issues!("DraftEscalation"),
        ("civil-affairs", "leader"),
        refused(
            "tax",
            "leader",
            "reported by civil affairs with tax",
            DENIED,
        ),
        refused(
            "civil-affairs",
            "office",
            "reported by civil affairs with tax",
            DENIED,
        ),
    ),
    row(
        issues!("SendEscalation"),
        ("civil-affairs", "leader"),
        refused(
            "tax",
            "leader",
            "reported by civil affairs with tax",
            DENIED,
        ),
        refused(
            "civil-affairs",
            "office",
            "reported by civil affairs with tax",
            DENIED,
        ),
    ),
    row(
        issues!("WithdrawEscalation"),
        ("civil-affairs", "leader"),
        refused(
            "tax",
            "leader",
            "reported by civil affairs with tax",
            DENIED,
        ),
        refused(
            "civil-affairs",
            "office",
            "reported by civil affairs with tax",
            DENIED,
        ),
    ),
    row(
        issues!("CoSignEscalation"),
        ("tax", "leader"),
        refused(
            "health",
            "leader",
            "reported by civil affairs with tax",
            HIDDEN,
        ),
        refused("tax", "clerk", "reported by civil affairs with tax", DENIED),
    ),
    row(
        issues!("ReplyToEscalation"),
        ("leading-group-office", "leading-group-desk"),
        refused(
            "civil-affairs",
            "leader",
            "reported by civil affairs with tax",
            DENIED,
        ),
        refused(
            "leading-group-office",
            "clerk",
            "reported by civil affairs with tax",
            DENIED,
        ),
    ),
    row(
        issues!("GetEscalation"),
        ("tax", "clerk"),
        refused(
            "health",
            "clerk",
            "reported by civil affairs with tax",
            HIDDEN,
        ),
        refused(
            "tax",
            "publisher",
            "reported by civil affairs with tax",
            HIDDEN,
        ),
    ),
    row(
        issues!("ListEscalations"),
        ("tax", "clerk"),
        Case::Except(FILTERED),
        refused("tax", "publisher", "", DENIED),
    ),
];
