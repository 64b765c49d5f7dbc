//! Rows of referrals: sender and addressee each do their part, and nobody else learns anything.

use hub_tests::{raw::requests::referrals::OF_HEALTH, referrals};

use super::{Case, DENIED, FILTERED, HIDDEN, Row, refused, row};

const fn of_sender(method: &'static str) -> Row {
    row(
        method,
        ("health", "leader"),
        refused("education", "leader", OF_HEALTH, HIDDEN),
        refused("health", "clerk", OF_HEALTH, DENIED),
    )
}

const fn of_addressee(method: &'static str) -> Row {
    row(
        method,
        ("tax", "leader"),
        refused("civil-affairs", "leader", OF_HEALTH, HIDDEN),
        refused("tax", "clerk", OF_HEALTH, DENIED),
    )
}

pub(crate) const REFERRAL_ROWS: &[Row] = &[
    row(
        referrals!("SendReferral"),
        ("health", "leader"),
        refused(
            "leading-group-office",
            "leader",
            "to another member",
            DENIED,
        ),
        refused("health", "clerk", "to another member", DENIED),
    ),
    of_addressee(referrals!("AcknowledgeReferral")),
    of_addressee(referrals!("TakeUpReferral")),
    of_addressee(referrals!("DeclineReferral")),
    of_addressee(referrals!("ReturnReferral")),
    of_addressee(referrals!("AskForInformation")),
    of_sender(referrals!("AddInformation")),
    of_addressee(referrals!("FeedBackResult")),
    of_sender(referrals!("CorrectReferral")),
    of_sender(referrals!("CloseReferral")),
    of_sender(referrals!("WithdrawReferral")),
    row(
        referrals!("GetReferral"),
        ("tax", "clerk"),
        refused("education", "clerk", OF_HEALTH, HIDDEN),
        refused("tax", "publisher", OF_HEALTH, HIDDEN),
    ),
    row(
        referrals!("ListReferrals"),
        ("tax", "clerk"),
        Case::Except(FILTERED),
        refused("tax", "publisher", "", DENIED),
    ),
];
