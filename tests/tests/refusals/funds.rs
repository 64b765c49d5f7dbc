//! Rows of fund alerts: each power under the wrong unit and under the wrong role.

use hub_tests::alerts;

use super::{Case, DENIED, FILTERED, HIDDEN, Row, refused, row};

const TO_ALL: &str = "the alert to all members";
const TO_FEW: &str = "the alert to a named few";

pub(crate) const ALERT_ROWS: &[Row] = &[
    row(
        alerts!("RaiseAlert"),
        ("pboc-branch", "analyst"),
        refused("tax", "analyst", "", "ROLE_NOT_GRANTED"),
        refused("pboc-branch", "leader", "", DENIED),
    ),
    row(
        alerts!("AcknowledgeAlert"),
        ("tax", "clerk"),
        refused("finance", "clerk", TO_FEW, HIDDEN),
        refused("tax", "publisher", TO_FEW, HIDDEN),
    ),
    row(
        alerts!("ProvideInformation"),
        ("pboc-branch", "analyst"),
        refused("health", "leader", TO_ALL, HIDDEN),
        refused("pboc-branch", "clerk", TO_ALL, DENIED),
    ),
    row(
        alerts!("DraftJointNotice"),
        ("tax", "clerk"),
        refused("finance", "clerk", TO_FEW, HIDDEN),
        refused("tax", "publisher", TO_ALL, HIDDEN),
    ),
    row(
        alerts!("SignJointNotice"),
        ("tax", "leader"),
        refused("public-security", "leader", TO_ALL, DENIED),
        refused("tax", "publisher", TO_ALL, HIDDEN),
    ),
    row(
        alerts!("IssueJointNotice"),
        ("civil-affairs", "office"),
        refused("tax", "leader", TO_ALL, DENIED),
        refused("civil-affairs", "clerk", TO_ALL, DENIED),
    ),
    row(
        alerts!("RecordFinding"),
        ("tax", "clerk"),
        refused("finance", "clerk", TO_FEW, HIDDEN),
        refused("tax", "access-auditor", TO_FEW, HIDDEN),
    ),
    row(
        alerts!("TakeMeasure"),
        ("tax", "clerk"),
        refused("finance", "clerk", TO_FEW, HIDDEN),
        refused("tax", "publisher", TO_FEW, HIDDEN),
    ),
    row(
        alerts!("ReportMeasure"),
        ("tax", "clerk"),
        refused("pboc-branch", "analyst", TO_ALL, DENIED),
        refused("tax", "publisher", TO_ALL, HIDDEN),
    ),
    row(
        alerts!("ReviewMeasure"),
        ("tax", "clerk"),
        refused("pboc-branch", "leader", TO_ALL, DENIED),
        refused("tax", "publisher", TO_ALL, HIDDEN),
    ),
    row(
        alerts!("CloseAlert"),
        ("civil-affairs", "office"),
        refused("tax", "leader", TO_ALL, DENIED),
        refused("civil-affairs", "leader", TO_ALL, DENIED),
    ),
    row(
        alerts!("CorrectAlert"),
        ("pboc-branch", "analyst"),
        refused("civil-affairs", "office", TO_ALL, DENIED),
        refused("pboc-branch", "leader", TO_ALL, DENIED),
    ),
    row(
        alerts!("RetractAlert"),
        ("pboc-branch", "analyst"),
        refused("civil-affairs", "office", TO_ALL, DENIED),
        refused("pboc-branch", "clerk", TO_ALL, DENIED),
    ),
    row(
        alerts!("GetAlert"),
        ("tax", "clerk"),
        refused("finance", "clerk", TO_FEW, HIDDEN),
        refused("tax", "publisher", TO_FEW, HIDDEN),
    ),
    row(
        alerts!("ListAlerts"),
        ("tax", "clerk"),
        Case::Except(FILTERED),
        refused("tax", "publisher", "", DENIED),
    ),
];
