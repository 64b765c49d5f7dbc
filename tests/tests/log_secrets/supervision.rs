//! Texts of alerts, referrals and information requests, recorded and refused, and what they are read for.

use hub_proto::{
    funds::{
        AcknowledgeAlertRequest, Alert, AlertAction, CorrectAlertRequest, GetAlertRequest,
        ListAlertsRequest, RaiseAlertRequest, RaiseAlertResponse, RetractAlertRequest,
    },
    referrals::{
        AcknowledgeReferralRequest, AskForInformationRequest, DeclineReferralRequest, Referral,
    },
    requests::{GetInformationRequestRequest, InformationRequest},
};
use hub_tests::{alerts, referrals, requests};

use super::*;

fn officer(site: &Site, hub: &HubProcess, agency: &str, officer: &str, role: &str) -> Session {
    let profile = site.profile(agency);
    session(site, hub, agency).with_token(Token::new(&profile, officer, &[role]).mint())
}

struct Markers<'a>(&'a mut Secrets);

impl Markers<'_> {
    fn of(&mut self, what: &str) -> String {
        let text = format!("标记-{what}-4242-4242");
        self.0.text(what, &text);
        text
    }
}

/// Good and bad calls of the three services with secrets in them.
pub(super) async fn handle(site: &Site, hub: &HubProcess, secrets: &mut Secrets) {
    let mut markers = Markers(secrets);
    let bank = officer(site, hub, alerts::BANK, "analyst-1", "analyst");
    let tax = officer(site, hub, "tax", "tax-clerk-1", "clerk");
    let today = hub_core::date::on(jiff::Timestamp::now(), site.charter().zone());
    handle_alert(&bank, &tax, today, &mut markers).await;
    let police = officer(site, hub, "public-security", "police-1", "leader");
    let leader = officer(site, hub, "tax", "tax-leader-1", "leader");
    handle_referral(&leader, &police, &mut markers).await;
    let provider = officer(site, hub, "civil-affairs", "leader-1", "leader");
    let sides = [&tax, &leader, &provider];
    handle_request(sides, today, &mut markers).await;
}

async fn handle_alert(
    bank: &Session,
    tax: &Session,
    today: jiff::civil::Date,
    markers: &mut Markers<'_>,
) {
    let mut alert = Alert {
        circulated_to: vec!["agencies/tax".into()],
        severity_reason: markers.of("severity-reason"),
        grounds: markers.of("grounds"),
        source_note: markers.of("source-note"),
        ..alerts::draft_on(today)
    };
    alert.organization.as_mut().unwrap().display_name = markers.of("organisation");
    let raise = |alert: &Alert| RaiseAlertRequest {
        alert: Some(alert.clone()),
        request_id: request_id(),
    };
    let method = alerts!("RaiseAlert");
    let raised: RaiseAlertResponse = bank.ask(method, &raise(&alert)).await.unwrap();
    let name = raised.alert.unwrap().name;
    // Refused for its role, and for what it says.
    let refused = tax.call(method, raise(&alert).encode_to_vec()).await;
    assert_eq!(reason(&refused.unwrap_err()), "PERMISSION_DENIED");
    let wrong = Alert {
        grounds: format!("{}，账号6222021234567890", markers.of("account")),
        ..alert.clone()
    };
    let refused = bank.call(method, raise(&wrong).encode_to_vec()).await;
    let refused = refused.unwrap_err();
    assert_eq!(reason(&refused), "INVALID_ARGUMENT");
    markers.0.text("an account's number", "6222021234567890");
    let mut acknowledge = AcknowledgeAlertRequest {
        name: name.clone(),
        revision: 2,
        action: AlertAction::Checks.into(),
        text: markers.of("acknowledgement"),
        request_id: request_id(),
    };
    let method = alerts!("AcknowledgeAlert");
    let refused = tax.call(method, acknowledge.encode_to_vec()).await;
    refused.unwrap_err();
    (acknowledge.revision, acknowledge.request_id) = (1, request_id());
    tax.call(method, acknowledge.encode_to_vec()).await.unwrap();
    let correct = CorrectAlertRequest {
        name: name.clone(),
        revision: 1,
        alert: Some(Alert {
            circulated_to: vec![],
            grounds: markers.of("corrected-grounds"),
            ..alert
        }),
        reason: markers.of("correction-reason"),
        request_id: request_id(),
    };
    let method = alerts!("CorrectAlert");
    bank.call(method, correct.encode_to_vec()).await.unwrap();
    let retract = RetractAlertRequest {
        name: name.clone(),
        reason: markers.of("retraction-reason"),
        request_id: request_id(),
    };
    let method = alerts!("RetractAlert");
    bank.call(method, retract.encode_to_vec()).await.unwrap();
    let get = GetAlertRequest { name, revision: 0 };
    read_for(
        tax,
        alerts!("GetAlert"),
        &get,
        &markers.of("purpose-of-alert"),
    )
    .await;
    let list = ListAlertsRequest::default();
    let method = alerts!("ListAlerts");
    tax.call(method, list.encode_to_vec()).await.unwrap();
}

/// A read that says what it is for.
async fn read_for(
    session: &Session,
    method: &'static str,
    request: &impl prost::Message,
    purpose: &str,
) {
    use hub_core::purpose::PURPOSE_HEADER;
    use tonic::metadata::BinaryMetadataValue;
    let bytes = request.encode_to_vec();
    let mut headers = session.headers(method, &bytes);
    headers.remove_bin(PURPOSE_HEADER);
    let value = BinaryMetadataValue::from_bytes(purpose.as_bytes());
    headers.insert_bin(PURPOSE_HEADER, value);
    let answer = session.raw.unary(method, bytes.clone().into(), headers);
    answer.await.unwrap();
    // One that is no purpose is refused, and not told either.
    let mut headers = session.headers(method, &bytes);
    headers.remove_bin(PURPOSE_HEADER);
    let value = BinaryMetadataValue::from_bytes(format!("{purpose}\n").as_bytes());
    headers.insert_bin(PURPOSE_HEADER, value);
    let answer = session.raw.unary(method, bytes.into(), headers);
    assert_eq!(reason(&answer.await.unwrap_err()), "INVALID_ARGUMENT");
}

async fn handle_referral(tax: &Session, police: &Session, markers: &mut Markers<'_>) {
    let referral = Referral {
        title: markers.of("referral-title"),
        text: markers.of("referral-text"),
        source_note: markers.of("referral-source"),
        requested_action: markers.of("referral-action"),
        sender_reference: markers.of("referral-number"),
        ..referrals::draft("public-security")
    };
    let sent = referrals::send(tax, referral.clone()).await.unwrap();
    let name = sent.referral.unwrap().name;
    let wrong = Referral {
        addressee: "agencies/nobody".into(),
        ..referral
    };
    referrals::send(tax, wrong).await.unwrap_err();
    let acknowledge = AcknowledgeReferralRequest {
        name: name.clone(),
        revision: 1,
        request_id: request_id(),
    };
    let method = referrals!("AcknowledgeReferral");
    let answer = police.call(method, acknowledge.encode_to_vec()).await;
    answer.unwrap();
    let ask = AskForInformationRequest {
        name: name.clone(),
        text: markers.of("referral-question"),
        request_id: request_id(),
    };
    // Not by its sender; refused or not, it is not told.
    let method = referrals!("AskForInformation");
    let refused = tax.call(method, ask.encode_to_vec()).await;
    refused.unwrap_err();
    let decline = DeclineReferralRequest {
        name: name.clone(),
        reason: markers.of("referral-reason"),
        request_id: request_id(),
    };
    let method = referrals!("DeclineReferral");
    let answer = police.call(method, decline.encode_to_vec()).await;
    answer.unwrap();
    let purpose = markers.of("purpose-of-referral");
    let get = hub_proto::referrals::GetReferralRequest { name, revision: 0 };
    read_for(police, referrals!("GetReferral"), &get, &purpose).await;
}

async fn handle_request(
    [tax, leader, provider]: [&Session; 3],
    today: jiff::civil::Date,
    markers: &mut Markers<'_>,
) {
    let request = InformationRequest {
        purpose: markers.of("request-purpose"),
        scope: markers.of("request-scope"),
        use_scene: markers.of("request-scene"),
        case_reference: markers.of("request-case"),
        ..requests::data("tax", today)
    };
    let drafted = requests::draft(tax, request.clone()).await.unwrap();
    let wrong = InformationRequest {
        approver: String::new(),
        ..request
    };
    requests::draft(tax, wrong).await.unwrap_err();
    let name = drafted.name;
    requests::approve(leader, &name).await.unwrap();
    let data = markers.of("delivered-data");
    // Not by the one who asks.
    requests::consent(tax, &name, &data).await.unwrap_err();
    requests::consent(provider, &name, &data).await.unwrap();
    let purpose = markers.of("purpose-of-request");
    let get = GetInformationRequestRequest { name };
    let method = requests!("GetInformationRequest");
    read_for(tax, method, &get, &purpose).await;
}
