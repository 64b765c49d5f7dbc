//! Referrals in tests: drafts, the acts of both sides, and what there is to read.

use hub::server::Running;
use hub_proto::{
    audit::{AccessRecorded, audit_event},
    channels::SubjectOrganization,
    ledger::event,
    referrals::{
        AcknowledgeReferralRequest, AddInformationRequest, AskForInformationRequest,
        CloseReferralRequest, CorrectReferralRequest, DeclineReferralRequest,
        FeedBackResultRequest, GetReferralRequest, GetReferralResponse, ListReferralsRequest,
        ListReferralsResponse, Referral, ReferralResult, ReturnReferralRequest,
        SendReferralRequest, SendReferralResponse, TakeUpReferralRequest, WithdrawReferralRequest,
    },
};
use prost::Message as _;
use tonic::Status;

use crate::{
    World,
    raw::{
        Session,
        requests::{USCC, request_id},
    },
};

/// Path of a method of referrals.
#[macro_export]
macro_rules! referrals {
    ($method:literal) => {
        concat!("/hub.referrals.v1.ReferralService/", $method)
    };
}

/// The bank branch's analyst.
#[must_use]
pub fn analyst(world: &World) -> Session {
    Session::new(world, "pboc-branch", "pboc-analyst-1", &["analyst"])
}

/// A referral that keeps every rule.
#[must_use]
pub fn draft(addressee: &str) -> Referral {
    Referral {
        addressee: format!("agencies/{addressee}"),
        organizations: vec![SubjectOrganization {
            uscc: USCC.into(),
            display_name: "某某协会".into(),
        }],
        title: "收支与业务范围不符".into(),
        text: "监测发现的情况。".into(),
        legal_basis: "反洗钱法第四十五条".into(),
        source_note: "第三季度监测".into(),
        requested_action: "请依法核查并反馈结果".into(),
        sender_reference: "移字1号".into(),
        ..Referral::default()
    }
}

/// What a side does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Acknowledges a revision.
    Acknowledge(i32),
    /// Takes up.
    TakeUp,
    /// Declines.
    Decline,
    /// Returns.
    Return,
    /// Asks.
    Ask,
    /// Adds.
    Add,
    /// Feeds back; whether it is final.
    FeedBack(bool),
    /// Corrects a revision.
    Correct(i32),
    /// Closes.
    Close,
    /// Takes back.
    Withdraw,
}

impl Act {
    /// One of each.
    pub const ALL: [Self; 10] = [
        Self::Acknowledge(1),
        Self::TakeUp,
        Self::Decline,
        Self::Return,
        Self::Ask,
        Self::Add,
        Self::FeedBack(true),
        Self::Correct(1),
        Self::Close,
        Self::Withdraw,
    ];

    /// Whether the sender does it.
    #[must_use]
    pub fn is_senders(&self) -> bool {
        matches!(
            self,
            Self::Add | Self::Correct(_) | Self::Close | Self::Withdraw
        )
    }

    /// Its method.
    #[must_use]
    pub fn method(&self) -> &'static str {
        match self {
            Self::Acknowledge(_) => referrals!("AcknowledgeReferral"),
            Self::TakeUp => referrals!("TakeUpReferral"),
            Self::Decline => referrals!("DeclineReferral"),
            Self::Return => referrals!("ReturnReferral"),
            Self::Ask => referrals!("AskForInformation"),
            Self::Add => referrals!("AddInformation"),
            Self::FeedBack(_) => referrals!("FeedBackResult"),
            Self::Correct(_) => referrals!("CorrectReferral"),
            Self::Close => referrals!("CloseReferral"),
            Self::Withdraw => referrals!("WithdrawReferral"),
        }
    }

    /// Its request, with a text.
    #[must_use]
    pub fn request(&self, name: &str, text: &str, request_id: String) -> Vec<u8> {
        let (name, text) = (name.to_owned(), text.to_owned());
        match self {
            Self::Acknowledge(revision) => AcknowledgeReferralRequest {
                name,
                revision: *revision,
                request_id,
            }
            .encode_to_vec(),
            Self::TakeUp => TakeUpReferralRequest {
                name,
                note: text,
                addressee_reference: "办字7号".into(),
                request_id,
            }
            .encode_to_vec(),
            Self::Decline => DeclineReferralRequest {
                name,
                reason: text,
                request_id,
            }
            .encode_to_vec(),
            Self::Return => ReturnReferralRequest {
                name,
                reason: text,
                competent_unit_hint: "税务部门".into(),
                request_id,
            }
            .encode_to_vec(),
            Self::Ask => AskForInformationRequest {
                name,
                text,
                request_id,
            }
            .encode_to_vec(),
            Self::Add => AddInformationRequest {
                name,
                text,
                request_id,
            }
            .encode_to_vec(),
            Self::FeedBack(is_final) => FeedBackResultRequest {
                name,
                result: Some(result(text, *is_final)),
                request_id,
            }
            .encode_to_vec(),
            Self::Correct(revision) => CorrectReferralRequest {
                name,
                revision: *revision,
                referral: Some(correction(text)),
                reason: "日期有误".into(),
                request_id,
            }
            .encode_to_vec(),
            Self::Close => CloseReferralRequest {
                name,
                note: text,
                request_id,
            }
            .encode_to_vec(),
            Self::Withdraw => WithdrawReferralRequest {
                name,
                reason: text,
                request_id,
            }
            .encode_to_vec(),
        }
    }
}

fn result(text: String, is_final: bool) -> ReferralResult {
    ReferralResult {
        text,
        is_final,
        ..ReferralResult::default()
    }
}

fn correction(text: String) -> Referral {
    Referral {
        addressee: String::new(),
        text,
        ..draft("nobody")
    }
}

/// Sends a referral.
///
/// # Errors
/// What the hub answers.
pub async fn send(session: &Session, referral: Referral) -> Result<SendReferralResponse, Status> {
    let request = SendReferralRequest {
        referral: Some(referral),
        request_id: request_id(),
    };
    session.ask(referrals!("SendReferral"), &request).await
}

/// Does something about a referral. The answers of all acts are alike.
///
/// # Errors
/// What the hub answers.
pub async fn act(session: &Session, name: &str, act: &Act) -> Result<SendReferralResponse, Status> {
    let request = act.request(name, "情况说明", request_id());
    let answer = session.call(act.method(), request).await?;
    Ok(SendReferralResponse::decode(answer).unwrap())
}

/// A referral as somebody reads it.
///
/// # Errors
/// What the hub answers.
pub async fn get(session: &Session, name: &str) -> Result<Referral, Status> {
    let request = GetReferralRequest {
        name: name.into(),
        revision: 0,
    };
    let found: GetReferralResponse = session.ask(referrals!("GetReferral"), &request).await?;
    Ok(found.referral.unwrap())
}

/// A page of referrals.
///
/// # Errors
/// What the hub answers.
pub async fn list(
    session: &Session,
    request: &ListReferralsRequest,
) -> Result<ListReferralsResponse, Status> {
    session.ask(referrals!("ListReferrals"), request).await
}

/// Every read that is on the record, in order.
#[must_use]
pub fn accesses(hub: &Running) -> Vec<AccessRecorded> {
    let store = hub.engine().store();
    let mut found = vec![];
    for index in 0..store.head() {
        let entry = hub.engine().recorded(index).unwrap().unwrap();
        for event in &entry.events {
            if let Some(event::Kind::Audit(audit)) = &event.kind
                && let Some(audit_event::Kind::AccessRecorded(access)) = &audit.kind
            {
                found.push(access.clone());
            }
        }
    }
    found
}
