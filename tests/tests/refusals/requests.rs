//! Rows of information requests.

use super::{Case, DENIED, FILTERED, HIDDEN, OWN_ONLY, Row, refused, row};

const WHAT: &str = "tax's to civil-affairs";

/// A step of the requester: not for the other side, which sees the request, nor for a third agency.
const fn requesters(method: &'static str, role: &'static str, wrong_role: &'static str) -> Row {
    row(
        method,
        ("tax", role),
        refused("civil-affairs", role, WHAT, DENIED),
        refused("tax", wrong_role, WHAT, DENIED),
    )
}

/// A step of the provider: a third agency does not find the request.
const fn providers(method: &'static str) -> Row {
    row(
        method,
        ("civil-affairs", "leader"),
        refused("health", "leader", WHAT, HIDDEN),
        refused("civil-affairs", "clerk", WHAT, DENIED),
    )
}

pub(crate) const REQUEST_ROWS: &[Row] = &[
    row(
        hub_tests::requests!("DraftInformationRequest"),
        ("tax", "clerk"),
        Case::Except(OWN_ONLY),
        refused("tax", "leader", "to agencies/state-security", DENIED),
    ),
    requesters(
        hub_tests::requests!("ApproveInformationRequest"),
        "leader",
        "clerk",
    ),
    requesters(
        hub_tests::requests!("WithdrawInformationRequest"),
        "clerk",
        "leader",
    ),
    providers(hub_tests::requests!("AskForMissing")),
    requesters(
        hub_tests::requests!("CompleteInformationRequest"),
        "clerk",
        "leader",
    ),
    providers(hub_tests::requests!("ExtendAnswerTime")),
    providers(hub_tests::requests!("ConsentToInformationRequest")),
    providers(hub_tests::requests!("DeliverInformation")),
    providers(hub_tests::requests!("RefuseInformationRequest")),
    requesters(hub_tests::requests!("RecordUse"), "clerk", "leader"),
    requesters(hub_tests::requests!("RequestCorrection"), "clerk", "leader"),
    providers(hub_tests::requests!("AnswerCorrection")),
    providers(hub_tests::requests!("SuspendUse")),
    providers(hub_tests::requests!("ResumeUse")),
    requesters(hub_tests::requests!("ConfirmDisposal"), "clerk", "leader"),
    row(
        hub_tests::requests!("CloseCase"),
        ("tax", "clerk"),
        Case::Except(OWN_ONLY),
        refused("tax", "leader", "", DENIED),
    ),
    row(
        hub_tests::requests!("GetInformationRequest"),
        ("tax", "clerk"),
        refused("health", "clerk", WHAT, HIDDEN),
        refused("civil-affairs", "office", WHAT, HIDDEN),
    ),
    row(
        hub_tests::requests!("ListInformationRequests"),
        ("tax", "clerk"),
        Case::Except(FILTERED),
        refused("civil-affairs", "office", "", DENIED),
    ),
];
