//! Requests for account information: stricter to make, and narrower to read (FS-053).

use hub_core::purpose::PURPOSE_HEADER;
use hub_proto::{
    attachments::DownloadAttachmentRequest,
    audit::{AuditEvent, RecordKind, audit_event},
    channels::Attachment,
    ledger::{GetEntryRequest, GetEntryResponse, event},
    requests::{
        ApprovalLevel, CloseCaseRequest, CloseCaseResponse, ConsentToInformationRequestRequest,
        ConsentToInformationRequestResponse, DeliveredData, InformationRequest,
        ListInformationRequestsRequest, RequestState,
    },
};
use hub_tests::{
    World, attachments,
    raw::{
        Session, fields, reason,
        requests::{
            files::{attachment, upload_as},
            request_id,
        },
    },
    requests::{self as information, draft, get, get_for, inquiry, list, officer, today},
};
use prost::Message as _;
use tonic::Code;

const ANSWER: &str = "在某银行开立基本账户一个";

/// What is wrong with a changed inquiry.
async fn broken(
    clerk: &Session,
    world: &World,
    change: impl FnOnce(&mut InformationRequest),
) -> Vec<String> {
    let mut given = inquiry(today(world));
    change(&mut given);
    fields(&draft(clerk, given).await.unwrap_err())
}

#[tokio::test]
async fn fs_053_an_inquiry_without_case_instrument_officers_or_approval_is_refused() {
    let world = World::start().await;
    let clerk = officer(&world, "public-security", "clerk");
    let at = |field: &str| vec![format!("information_request.{field}")];
    let found = broken(&clerk, &world, |given| given.account = None).await;
    assert_eq!(found, at("account"));
    let found = broken(&clerk, &world, |given| {
        given.account.as_mut().unwrap().instrument_number.clear();
    });
    assert_eq!(found.await, at("account.instrument_number"));
    let found = broken(&clerk, &world, |given| {
        given.account.as_mut().unwrap().officers.pop();
    });
    assert_eq!(found.await, at("account.officers"));
    let found = broken(&clerk, &world, |given| {
        given.account.as_mut().unwrap().approval_reference.clear();
    });
    assert_eq!(found.await, at("account.approval_reference"));
    let found = broken(&clerk, &world, |given| {
        given
            .account
            .as_mut()
            .unwrap()
            .set_approval_level(ApprovalLevel::AgencyHead);
    });
    assert_eq!(found.await, at("account.approval_level"));
    let found = broken(&clerk, &world, |given| {
        let account = given.account.as_mut().unwrap();
        let case = account.case_opened.as_mut().unwrap();
        case.organizations = vec!["51100000500008981F".into()];
    });
    let found = found.await;
    assert!(
        found[0].starts_with("information_request.account.case_opened.organizations"),
        "{found:?}"
    );
    let found = broken(&clerk, &world, |given| {
        given.legal_basis = "data_sharing".into()
    });
    assert_eq!(found.await, at("legal_basis"));
    let found = broken(&clerk, &world, |given| {
        given.provider = "agencies/tax".into()
    });
    assert_eq!(found.await, at("provider"));
    draft(&clerk, inquiry(today(&world))).await.unwrap();
}

#[tokio::test]
async fn fs_053_the_answer_is_for_the_requester_and_whoever_gave_it_and_is_read_for_a_purpose() {
    let world = World::start().await;
    let submitted = information::submit(&world, "public-security", inquiry(today(&world))).await;
    let name = submitted.unwrap().name;
    let bank = officer(&world, "pboc-branch", "leader");
    let mut consent = ConsentToInformationRequestRequest {
        name: name.clone(),
        text: "同意".into(),
        delivery: Some(DeliveredData {
            text: ANSWER.into(),
            attachments: vec![attachment(b"statement")],
        }),
        request_id: request_id(),
    };
    let method = hub_tests::requests!("ConsentToInformationRequest");
    let files = bank
        .ask::<ConsentToInformationRequestResponse>(method, &consent)
        .await;
    assert_eq!(fields(&files.unwrap_err()), ["delivery.attachments"]);
    consent.delivery.as_mut().unwrap().attachments = Vec::<Attachment>::new();
    consent.request_id = request_id();
    let answered: ConsentToInformationRequestResponse = bank.ask(method, &consent).await.unwrap();
    let answer_receipt = answered.receipt.clone();
    let answered = answered.information_request.unwrap();
    assert_eq!(answered.state(), RequestState::Delivered);
    let clerk = officer(&world, "public-security", "clerk");
    let unsaid = get_for(&clerk, &name, "").await.unwrap_err();
    assert_eq!(fields(&unsaid), ["hub-purpose-bin"]);
    let text = async |session: &Session| {
        let read = get(session, &name).await.unwrap();
        let (answer, delivery) = (read.answer.unwrap(), read.delivery.unwrap());
        assert_eq!(answer.is_withheld, delivery.is_withheld);
        assert_eq!(answer.text.is_empty(), delivery.text.is_empty());
        (delivery.text, delivery.is_withheld)
    };
    assert_eq!(text(&clerk).await, (ANSWER.to_owned(), false));
    assert_eq!(
        text(&bank).await,
        (ANSWER.to_owned(), false),
        "whoever gave it"
    );
    let colleague = officer(&world, "pboc-branch", "clerk");
    assert_eq!(text(&colleague).await, (String::new(), true));
    for outsider in ["tax", "civil-affairs", "leading-group-office"] {
        let outsider = officer(&world, outsider, "leader");
        let hidden = get(&outsider, &name).await.unwrap_err();
        assert_eq!(hidden.code(), Code::NotFound);
    }
    // Nor does the ledger give what the request keeps back.
    let receipt = answer_receipt.unwrap().entry_index;
    let entry = async |session: &Session| {
        let request = GetEntryRequest {
            entry_index: receipt,
        };
        let method = hub_tests::ledger!("GetEntry");
        session.ask::<GetEntryResponse>(method, &request).await
    };
    entry(&clerk).await.unwrap();
    entry(&bank).await.unwrap();
    let system = officer(&world, "public-security", "publisher");
    for session in [&colleague, &system] {
        assert_eq!(entry(session).await.unwrap_err().code(), Code::NotFound);
    }
    // With a purpose a list has what was asked, and the answer never.
    let listed = list(&clerk, &ListInformationRequestsRequest::default()).await;
    let listed = listed.unwrap().information_requests;
    assert_eq!(listed[0].purpose, information::PURPOSE);
    assert_eq!(listed[0].delivery.as_ref().unwrap().text, "");
    assert_eq!(listed[0].account, None);
}

#[tokio::test]
async fn fs_053_the_instrument_of_an_inquiry_is_read_for_a_purpose_too() {
    let world = World::start().await;
    let mut given = inquiry(today(&world));
    let file = upload_as(&world, "public-security", "clerk", b"instrument").await;
    given.attachments = vec![file.clone()];
    let submitted = information::submit(&world, "public-security", given).await;
    let name = submitted.unwrap().name;
    // A leader of the bank may answer, and so may upload what an answer names.
    upload_as(&world, "pboc-branch", "leader", b"an answer").await;
    let bank = officer(&world, "pboc-branch", "leader");
    let request = DownloadAttachmentRequest {
        notification: get(&bank, &name).await.unwrap().notification,
        sha256: file.sha256,
        offset: 0,
    };
    let method = attachments!("DownloadAttachment");
    let bytes = bytes::Bytes::from(request.encode_to_vec());
    let mut silent = bank.headers(method, &bytes);
    silent.remove_bin(PURPOSE_HEADER);
    let read = async |headers| {
        let mut stream = bank.raw.stream(method, bytes.clone(), headers).await?;
        stream.message().await
    };
    let refused = read(silent).await.unwrap_err();
    assert_eq!(fields(&refused), [PURPOSE_HEADER]);
    read(bank.headers(method, &bytes)).await.unwrap();
    let engine = world.hub().engine();
    let last = engine.recorded(engine.store().head() - 1).unwrap().unwrap();
    let Some(event::Kind::Audit(AuditEvent {
        kind: Some(audit_event::Kind::AccessRecorded(access)),
    })) = &last.events[0].kind
    else {
        panic!("{last:?}");
    };
    assert_eq!(
        (&*access.method, &*access.records[0].name),
        (method, &*name)
    );
    assert_eq!(
        access.records[0].kind(),
        RecordKind::AccountInformationRequest
    );
}

#[tokio::test]
async fn fs_053_a_closed_case_carries_no_inquiry() {
    let world = World::start().await;
    let clerk = officer(&world, "public-security", "clerk");
    let leader = officer(&world, "public-security", "leader");
    let first = draft(&clerk, inquiry(today(&world))).await.unwrap();
    let close = |number: &str| CloseCaseRequest {
        case_number: number.into(),
        reason: "已结案".into(),
        request_id: request_id(),
    };
    let number = inquiry(today(&world)).case_reference;
    let method = hub_tests::requests!("CloseCase");
    let stranger = officer(&world, "tax", "clerk");
    let others = stranger
        .ask::<CloseCaseResponse>(method, &close(&number))
        .await
        .unwrap_err();
    let none = stranger
        .ask::<CloseCaseResponse>(method, &close("无此案"))
        .await
        .unwrap_err();
    assert_eq!(
        (others.code(), none.code()),
        (Code::NotFound, Code::NotFound)
    );
    // A draft declares no case; its approval does.
    let early = clerk
        .ask::<CloseCaseResponse>(method, &close(&number))
        .await
        .unwrap_err();
    assert_eq!(early.code(), Code::NotFound);
    let approved = draft(&clerk, inquiry(today(&world))).await.unwrap();
    information::approve(&leader, &approved.name).await.unwrap();
    let _closed: CloseCaseResponse = clerk.ask(method, &close(&number)).await.unwrap();
    let again = draft(&clerk, inquiry(today(&world))).await.unwrap_err();
    assert_eq!(reason(&again), "RECORD_STATE");
    let late = information::approve(&leader, &first.name)
        .await
        .unwrap_err();
    assert_eq!(reason(&late), "RECORD_STATE");
}

#[tokio::test]
async fn x_009_civil_affairs_has_no_power_over_an_association_that_is_no_charity() {
    let world = World::start().await;
    let clerk = officer(&world, "civil-affairs", "clerk");
    let mut given = inquiry(today(&world));
    given.legal_basis = "civil_affairs_charity".into();
    given.instrument_basis.clear();
    given.approver = "civil-affairs-leader-1".into();
    let account = given.account.as_mut().unwrap();
    account.set_approval_level(ApprovalLevel::Government);
    let refused = draft(&clerk, given.clone()).await.unwrap_err();
    assert_eq!(fields(&refused), ["information_request.account.is_charity"]);
    given.account.as_mut().unwrap().is_charity = true;
    let tax = officer(&world, "tax", "clerk");
    let mut theirs = given.clone();
    theirs.approver = "tax-leader-1".into();
    let refused = draft(&tax, theirs).await.unwrap_err();
    assert_eq!(fields(&refused), ["information_request.legal_basis"]);
    draft(&clerk, given).await.unwrap();
}
