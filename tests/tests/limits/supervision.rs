//! Limits of alerts, referrals and information requests over the wire: texts of acts, and pages.

use hub_proto::{
    funds::{
        AcknowledgeAlertRequest, AlertAction, DraftJointNoticeRequest, JointNotice,
        ListAlertsRequest, ProvideInformationRequest, RetractAlertRequest,
    },
    referrals::{AskForInformationRequest, DeclineReferralRequest, ListReferralsRequest, Referral},
    requests::{InformationRequest, ListInformationRequestsRequest},
};
use hub_tests::{alerts, meetings, referrals, requests};

use super::*;

fn han(count: usize) -> String {
    "社".repeat(count)
}

/// Past its limit an act is refused by its field and changes nothing; at the limit it is recorded.
async fn edge(
    session: &Session,
    method: &'static str,
    (field, limit): (&str, usize),
    request: impl Fn(String) -> Vec<u8>,
) {
    let refused = session.call(method, request(han(limit + 1))).await;
    names(&refused.unwrap_err(), field, &limit.to_string());
    session.call(method, request(han(limit))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_of_acts_on_an_alert() {
    let bench = Bench::new().await;
    let (bank, tax) = (alerts::analyst(&bench.world), &bench.clerk);
    let name = alerts::raised(&bench.world).await.name;
    let text = ("text", 1_000);
    edge(tax, alerts!("AcknowledgeAlert"), text, |text| {
        let request = AcknowledgeAlertRequest {
            name: name.clone(),
            revision: 1,
            action: AlertAction::Checks.into(),
            text,
            request_id: request_id(),
        };
        request.encode_to_vec()
    })
    .await;
    let text = ("text", 4_000);
    edge(&bank, alerts!("ProvideInformation"), text, |text| {
        let request = ProvideInformationRequest {
            name: name.clone(),
            text,
            request_id: request_id(),
        };
        request.encode_to_vec()
    })
    .await;
    let text = ("joint_notice.text", 8_000);
    edge(tax, alerts!("DraftJointNotice"), text, |text| {
        let units = ["agencies/tax", "agencies/finance"];
        let request = DraftJointNoticeRequest {
            name: name.clone(),
            joint_notice: Some(JointNotice {
                text,
                units: units.map(Into::into).to_vec(),
                ..JointNotice::default()
            }),
            request_id: request_id(),
        };
        request.encode_to_vec()
    })
    .await;
    let reason = ("reason", 1_000);
    edge(&bank, alerts!("RetractAlert"), reason, |reason| {
        let request = RetractAlertRequest {
            name: name.clone(),
            reason,
            request_id: request_id(),
        };
        request.encode_to_vec()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_of_a_referral_and_of_acts_on_it() {
    let bench = Bench::new().await;
    let tax = &meetings::leader(&bench.world, "tax");
    let police = meetings::leader(&bench.world, "public-security");
    let mut name = String::new();
    for (field, limit) in [("title", 200), ("text", 4_000)] {
        let draft = |count: usize| {
            let mut draft = Referral {
                ..referrals::draft("public-security")
            };
            match field {
                "title" => draft.title = han(count),
                _ => draft.text = han(count),
            }
            draft
        };
        let refused = referrals::send(tax, draft(limit + 1)).await.unwrap_err();
        names(&refused, &format!("referral.{field}"), &limit.to_string());
        let sent = referrals::send(tax, draft(limit)).await.unwrap();
        name = sent.referral.unwrap().name;
    }
    let acknowledged = referrals::act(&police, &name, &referrals::Act::Acknowledge(1)).await;
    acknowledged.unwrap();
    let text = ("text", 2_000);
    edge(&police, referrals!("AskForInformation"), text, |text| {
        let request = AskForInformationRequest {
            name: name.clone(),
            text,
            request_id: request_id(),
        };
        request.encode_to_vec()
    })
    .await;
    let reason = ("reason", 1_000);
    edge(&police, referrals!("DeclineReferral"), reason, |reason| {
        let request = DeclineReferralRequest {
            name: name.clone(),
            reason,
            request_id: request_id(),
        };
        request.encode_to_vec()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_of_an_information_request() {
    let bench = Bench::new().await;
    let today = requests::today(&bench.world);
    for (field, limit) in [("purpose", 1_000), ("scope", 2_000)] {
        let draft = |count: usize| {
            let mut draft: InformationRequest = requests::data("tax", today);
            match field {
                "purpose" => draft.purpose = han(count),
                _ => draft.scope = han(count),
            }
            draft
        };
        let refused = requests::draft(&bench.clerk, draft(limit + 1)).await;
        let field = format!("information_request.{field}");
        names(&refused.unwrap_err(), &field, &limit.to_string());
        requests::draft(&bench.clerk, draft(limit)).await.unwrap();
    }
    let asked = requests::data("tax", today);
    let asked = requests::submit(&bench.world, "tax", asked).await.unwrap();
    let provider = meetings::leader(&bench.world, "civil-affairs");
    let refused = requests::consent(&provider, &asked.name, &han(20_001)).await;
    names(&refused.unwrap_err(), "delivery.text", "20000");
    let answered = requests::consent(&provider, &asked.name, &han(20_000)).await;
    answered.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_alerts_referrals_and_requests() {
    const ALERTS: &str = alerts!("ListAlerts");
    const REFERRALS: &str = referrals!("ListReferrals");
    let bench = Bench::new().await;
    let page = |method: &'static str, page_size: i32| {
        let request = match method {
            ALERTS => ListAlertsRequest {
                page_size,
                ..ListAlertsRequest::default()
            }
            .encode_to_vec(),
            REFERRALS => ListReferralsRequest {
                page_size,
                ..ListReferralsRequest::default()
            }
            .encode_to_vec(),
            _ => ListInformationRequestsRequest {
                page_size,
                ..ListInformationRequestsRequest::default()
            }
            .encode_to_vec(),
        };
        bench.clerk.call(method, request)
    };
    for (method, max) in [
        (ALERTS, 200),
        (REFERRALS, 200),
        (requests!("ListInformationRequests"), 100),
    ] {
        page(method, max).await.unwrap();
        for size in [max + 1, -1, i32::MAX] {
            let refused = page(method, size).await.unwrap_err();
            names(&refused, "page_size", &format!("0 to {max}"));
        }
    }
}
