//! Information requests in tests: officers of both sides, and a request brought as far as a test needs it.

use hub_core::{
    date::{on, to_wire},
    purpose::PURPOSE_HEADER,
};
use hub_proto::{
    channels::SubjectOrganization,
    requests::{
        AccountInquiry, ApprovalLevel, ApproveInformationRequestRequest,
        ApproveInformationRequestResponse, CaseOpened, ConsentToInformationRequestRequest,
        ConsentToInformationRequestResponse, DeliveredData, DraftInformationRequestRequest,
        DraftInformationRequestResponse, GetInformationRequestRequest,
        GetInformationRequestResponse, InformationRequest, ListInformationRequestsRequest,
        ListInformationRequestsResponse, RequestKind, SharingAttribute,
    },
};
use jiff::{Timestamp, ToSpan as _, civil::Date};
use prost::Message;
use tonic::{Status, metadata::BinaryMetadataValue};

use crate::{
    World,
    raw::{
        Session,
        requests::{USCC, request_id},
    },
};

/// Path of a method of information requests.
#[macro_export]
macro_rules! requests {
    ($method:literal) => {
        concat!("/hub.requests.v1.RequestService/", $method)
    };
}

/// Purpose of the requests of tests, which must not be found where it does not belong.
pub const PURPOSE: &str = "核实登记事项与申报是否一致";

/// An officer of an agency under a role.
#[must_use]
pub fn officer(world: &World, agency: &str, role: &str) -> Session {
    Session::new(world, agency, &format!("{agency}-{role}-1"), &[role])
}

/// Today in the province.
#[must_use]
pub fn today(world: &World) -> Date {
    on(Timestamp::now(), world.site.charter().zone())
}

/// A request of an agency for data of civil affairs, valid for 90 days.
#[must_use]
pub fn data(requester: &str, today: Date) -> InformationRequest {
    InformationRequest {
        provider: "agencies/civil-affairs".into(),
        kind: RequestKind::Data.into(),
        sharing: SharingAttribute::Conditional.into(),
        purpose: PURPOSE.into(),
        scope: "登记证书、章程、年度报告".into(),
        organizations: vec![organization()],
        use_scene: "免税资格复核".into(),
        legal_basis: "data_sharing".into(),
        case_reference: "复核〔2026〕7号".into(),
        valid_until_on: Some(to_wire(today.checked_add(90.days()).unwrap())),
        approver: format!("{requester}-leader-1"),
        ..InformationRequest::default()
    }
}

/// The organisation that requests are about.
#[must_use]
pub fn organization() -> SubjectOrganization {
    SubjectOrganization {
        uscc: USCC.into(),
        display_name: "某社会组织".into(),
    }
}

/// A request of public security for account information, in a case that was opened yesterday.
#[must_use]
pub fn inquiry(today: Date) -> InformationRequest {
    let yesterday = to_wire(today.yesterday().unwrap());
    InformationRequest {
        provider: "agencies/pboc-branch".into(),
        kind: RequestKind::AccountInformation.into(),
        scope: "开户情况".into(),
        legal_basis: "public_security_case".into(),
        instrument_basis: "刑事诉讼法第一百四十四条".into(),
        case_reference: "某公立字〔2026〕7号".into(),
        account: Some(AccountInquiry {
            case_opened: Some(CaseOpened {
                case_number: "某公立字〔2026〕7号".into(),
                opened_on: Some(yesterday),
                organizations: vec![USCC.into()],
            }),
            instrument_number: "某公查询〔2026〕3号".into(),
            officers: vec!["ps-1".into(), "ps-2".into()],
            approval_level: ApprovalLevel::AsStatute.into(),
            approval_reference: "某公批〔2026〕3号".into(),
            approved_on: Some(yesterday),
            is_charity: false,
        }),
        ..data("public-security", today)
    }
}

/// Drafts a request.
///
/// # Errors
/// What the hub answers.
pub async fn draft(
    session: &Session,
    request: InformationRequest,
) -> Result<InformationRequest, Status> {
    let request = DraftInformationRequestRequest {
        information_request: Some(request),
        request_id: request_id(),
    };
    let method = requests!("DraftInformationRequest");
    let made: DraftInformationRequestResponse = session.ask(method, &request).await?;
    Ok(made.information_request.unwrap())
}

/// Approves a draft.
///
/// # Errors
/// What the hub answers.
pub async fn approve(session: &Session, name: &str) -> Result<InformationRequest, Status> {
    let request = ApproveInformationRequestRequest {
        name: name.into(),
        is_approved: true,
        reason: String::new(),
        request_id: request_id(),
    };
    let method = requests!("ApproveInformationRequest");
    let approved: ApproveInformationRequestResponse = session.ask(method, &request).await?;
    Ok(approved.information_request.unwrap())
}

/// Drafts a request as a clerk, and approves it as the leader, of its requester.
///
/// # Errors
/// What the hub answers.
pub async fn submit(
    world: &World,
    agency: &str,
    request: InformationRequest,
) -> Result<InformationRequest, Status> {
    let drafted = draft(&officer(world, agency, "clerk"), request).await?;
    approve(&officer(world, agency, "leader"), &drafted.name).await
}

/// Consents, and delivers a text in the same act unless it is empty.
///
/// # Errors
/// What the hub answers.
pub async fn consent(
    session: &Session,
    name: &str,
    data: &str,
) -> Result<InformationRequest, Status> {
    let delivery = (!data.is_empty()).then(|| DeliveredData {
        text: data.into(),
        attachments: vec![],
    });
    let request = ConsentToInformationRequestRequest {
        name: name.into(),
        text: "仅限申请的用途".into(),
        delivery,
        request_id: request_id(),
    };
    let method = requests!("ConsentToInformationRequest");
    let answered: ConsentToInformationRequestResponse = session.ask(method, &request).await?;
    Ok(answered.information_request.unwrap())
}

/// A request as somebody sees it who says what for; nothing for no purpose.
///
/// # Errors
/// What the hub answers.
pub async fn get_for(
    session: &Session,
    name: &str,
    purpose: &str,
) -> Result<InformationRequest, Status> {
    let request = GetInformationRequestRequest { name: name.into() };
    let method = requests!("GetInformationRequest");
    let bytes = request.encode_to_vec();
    let mut headers = session.headers(method, &bytes);
    headers.remove_bin(PURPOSE_HEADER);
    if !purpose.is_empty() {
        let value = BinaryMetadataValue::from_bytes(purpose.as_bytes());
        headers.insert_bin(PURPOSE_HEADER, value);
    }
    let answer = session.raw.unary(method, bytes.into(), headers).await?;
    let found = GetInformationRequestResponse::decode(answer).unwrap();
    Ok(found.information_request.unwrap())
}

/// A request as somebody sees it.
///
/// # Errors
/// What the hub answers.
pub async fn get(session: &Session, name: &str) -> Result<InformationRequest, Status> {
    get_for(session, name, "办理").await
}

/// A page of requests.
///
/// # Errors
/// What the hub answers.
pub async fn list(
    session: &Session,
    request: &ListInformationRequestsRequest,
) -> Result<ListInformationRequestsResponse, Status> {
    session
        .ask(requests!("ListInformationRequests"), request)
        .await
}
