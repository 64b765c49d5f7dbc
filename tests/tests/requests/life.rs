//! From the draft to the delivery.

use hub_core::date::to_wire;
use hub_proto::{
    attachments::DownloadAttachmentRequest,
    requests::{
        ApproveInformationRequestRequest, ApproveInformationRequestResponse, AskForMissingRequest,
        AskForMissingResponse, CompleteInformationRequestRequest,
        CompleteInformationRequestResponse, DeadlineKind, DeliverInformationRequest,
        DeliverInformationResponse, DeliveredData, ExtendAnswerTimeRequest,
        ExtendAnswerTimeResponse, InformationRequest, ListInformationRequestsRequest,
        RefuseInformationRequestRequest, RefuseInformationRequestResponse, RequestSide,
        RequestState, SharingAttribute, WithdrawInformationRequestRequest,
        WithdrawInformationRequestResponse,
    },
};
use hub_tests::{
    World, attachments,
    raw::{
        Session, fields, reason,
        requests::{files::upload_as, request_id},
    },
    requests::{self as information, data, draft, get, list, officer, today},
};
use prost::Message as _;
use tonic::{Code, Status};

use super::{outstanding, told};

/// A request that there is not.
const NOWHERE: &str = "informationRequests/0190a5c0-0000-7000-8000-000000000001";

/// What an answer says, without the name that was asked for.
fn said(status: &Status, name: &str) -> (Code, String, String) {
    let message = status.message().replace(name, "it");
    (status.code(), message, reason(status))
}

#[tokio::test]
async fn order_809_art_20_a_request_is_drafted_by_one_officer_and_approved_by_another() {
    let world = World::start().await;
    let (clerk, leader) = (
        officer(&world, "tax", "clerk"),
        officer(&world, "tax", "leader"),
    );
    let provider = officer(&world, "civil-affairs", "leader");
    let mut given = data("tax", today(&world));
    given.approver = "tax-clerk-1".into();
    let own = draft(&clerk, given.clone()).await.unwrap_err();
    assert_eq!(fields(&own), ["information_request.approver"]);
    given.approver = "tax-leader-1".into();
    given.purpose.clear();
    let unsaid = draft(&clerk, given.clone()).await.unwrap_err();
    assert_eq!(fields(&unsaid), ["information_request.purpose"]);
    let drafted = draft(&clerk, data("tax", today(&world))).await.unwrap();
    assert_eq!(drafted.state(), RequestState::Drafted);
    assert_eq!(drafted.officer, "tax-clerk-1");
    // The provider knows nothing of a draft, in the same words as of nothing.
    let hidden = get(&provider, &drafted.name).await.unwrap_err();
    let nowhere = get(&provider, NOWHERE).await.unwrap_err();
    assert_eq!(said(&hidden, &drafted.name), said(&nowhere, NOWHERE));
    assert_eq!(told(&provider, "civil-affairs", &drafted.name).await, []);
    // One officer under two roles is one officer.
    let both = Session::new(&world, "tax", "tax-clerk-1", &["clerk", "leader"]);
    let alone = information::approve(&both, &drafted.name)
        .await
        .unwrap_err();
    assert_eq!(reason(&alone), "PERMISSION_DENIED");
    let other = Session::new(&world, "tax", "tax-leader-2", &["leader"]);
    let unnamed = information::approve(&other, &drafted.name)
        .await
        .unwrap_err();
    assert_eq!(reason(&unnamed), "PERMISSION_DENIED");
    let submitted = information::approve(&leader, &drafted.name).await.unwrap();
    assert_eq!(submitted.state(), RequestState::Submitted);
    assert_eq!(
        submitted.received_at,
        submitted.approval.unwrap().decided_at
    );
    let notices = told(&provider, "civil-affairs", &drafted.name).await;
    assert_eq!(notices.len(), 1);
    let body = String::from_utf8(notices[0].body.to_vec()).unwrap();
    assert!(
        !body.contains(information::PURPOSE),
        "notices quote nothing: {body}"
    );
    let read = get(&provider, &drafted.name).await.unwrap();
    assert_eq!(read.purpose, information::PURPOSE);
    assert_eq!(
        read.legal_basis_text,
        "政务数据共享条例（国务院令第809号）第二十条"
    );
}

#[tokio::test]
async fn order_809_art_20_a_rejected_draft_goes_nowhere() {
    let world = World::start().await;
    let (clerk, leader) = (
        officer(&world, "tax", "clerk"),
        officer(&world, "tax", "leader"),
    );
    let drafted = draft(&clerk, data("tax", today(&world))).await.unwrap();
    let mut reject = ApproveInformationRequestRequest {
        name: drafted.name.clone(),
        request_id: request_id(),
        ..ApproveInformationRequestRequest::default()
    };
    let method = hub_tests::requests!("ApproveInformationRequest");
    let silent = leader
        .ask::<ApproveInformationRequestResponse>(method, &reject)
        .await;
    assert_eq!(fields(&silent.unwrap_err()), ["reason"]);
    reject.reason = "用途不明".into();
    let rejected: ApproveInformationRequestResponse = leader.ask(method, &reject).await.unwrap();
    let rejected = rejected.information_request.unwrap();
    assert_eq!(rejected.state(), RequestState::Rejected);
    assert_eq!((rejected.received_at, rejected.deadlines.len()), (None, 0));
    let read = get(&clerk, &drafted.name).await.unwrap();
    assert_eq!(read.approval.unwrap().reason, "用途不明");
    let provider = officer(&world, "civil-affairs", "leader");
    let hidden = get(&provider, &drafted.name).await.unwrap_err();
    assert_eq!(hidden.code(), Code::NotFound);
    let again = information::approve(&leader, &drafted.name)
        .await
        .unwrap_err();
    assert_eq!(reason(&again), "RECORD_STATE");
}

#[tokio::test]
async fn a_request_is_for_its_two_sides_and_nobody_else_can_tell() {
    let world = World::start().await;
    let submitted = information::submit(&world, "tax", data("tax", today(&world))).await;
    let name = submitted.unwrap().name;
    let outsiders = [
        officer(&world, "health", "leader"),
        officer(&world, "pboc-branch", "clerk"),
        officer(&world, "civil-affairs", "office"),
        officer(&world, "leading-group-office", "auditor"),
        officer(&world, "tax", "publisher"),
    ];
    for outsider in &outsiders {
        let hidden = get(outsider, &name).await.unwrap_err();
        let nowhere = get(outsider, NOWHERE).await.unwrap_err();
        assert_eq!(said(&hidden, &name), said(&nowhere, NOWHERE));
        assert_eq!(hidden.code(), Code::NotFound);
    }
    let all = ListInformationRequestsRequest::default();
    for outsider in &outsiders[..2] {
        let listed = list(outsider, &all).await.unwrap();
        assert_eq!(
            (listed.information_requests.len(), listed.next_page_token),
            (0, String::new())
        );
    }
    let office = list(&outsiders[2], &all).await.unwrap_err();
    assert_eq!(
        reason(&office),
        "PERMISSION_DENIED",
        "the office does not see requests"
    );
    for (agency, side) in [
        ("tax", RequestSide::Requester),
        ("civil-affairs", RequestSide::Provider),
    ] {
        let clerk = officer(&world, agency, "clerk");
        let mut asked = all.clone();
        asked.side = side.into();
        let listed = list(&clerk, &asked).await.unwrap().information_requests;
        assert_eq!(listed.len(), 1, "{agency}");
        assert_eq!(
            (&listed[0].name, &*listed[0].purpose),
            (&name, information::PURPOSE)
        );
        for (no_side, no_state) in [(true, false), (false, true)] {
            let mut other = asked.clone();
            if no_side {
                let other_side = match side {
                    RequestSide::Requester => RequestSide::Provider,
                    _ => RequestSide::Requester,
                };
                other.side = other_side.into();
            }
            if no_state {
                other.states = vec![RequestState::Delivered.into()];
            }
            assert_eq!(list(&clerk, &other).await.unwrap().information_requests, []);
        }
    }
}

#[tokio::test]
async fn answers_of_acts_carry_no_texts_and_reads_are_on_the_record() {
    let world = World::start().await;
    let submitted = information::submit(&world, "tax", data("tax", today(&world)))
        .await
        .unwrap();
    assert_eq!(
        (
            &*submitted.purpose,
            &*submitted.scope,
            submitted.organizations.len()
        ),
        ("", "", 0)
    );
    let engine = world.hub().engine();
    let head = engine.store().head();
    let clerk = officer(&world, "tax", "clerk");
    get(&clerk, &submitted.name).await.unwrap();
    let access = engine
        .recorded(head)
        .unwrap()
        .expect("the read is recorded");
    assert_eq!(access.header.method, hub::domain::audit::METHOD);
    let head = engine.store().head();
    list(&clerk, &ListInformationRequestsRequest::default())
        .await
        .unwrap();
    let access = engine.recorded(head).unwrap().expect("so is the list");
    assert_eq!(access.header.method, hub::domain::audit::METHOD);
    // A read that finds nothing is none.
    let head = engine.store().head();
    get(&officer(&world, "health", "clerk"), &submitted.name)
        .await
        .unwrap_err();
    assert_eq!(engine.store().head(), head);
}

#[tokio::test]
async fn order_809_art_21_the_deadline_is_shown_and_owed_until_the_answer() {
    let world = World::start().await;
    let provider = officer(&world, "civil-affairs", "leader");
    let clerk = officer(&world, "tax", "clerk");
    for (sharing, days) in [
        (SharingAttribute::Unconditional, 1),
        (SharingAttribute::Conditional, 10),
    ] {
        let mut given = data("tax", today(&world));
        given.sharing = sharing.into();
        let submitted = information::submit(&world, "tax", given).await.unwrap();
        let deadline = &submitted.deadlines[0];
        assert_eq!(deadline.kind(), DeadlineKind::Answer);
        assert_eq!((deadline.working_days, deadline.is_open), (days, true));
        assert!(deadline.source.contains("第二十一条"));
        let calendar = hub_core::workdays::Calendar::published().unwrap();
        let known = calendar.as_of(today(&world));
        let due = known.add(
            today(&world),
            days.unsigned_abs(),
            hub_core::workdays::Counting::Strict,
        );
        assert_eq!(deadline.due_on, due.map(|due| to_wire(due.on)));
        let asked = outstanding(&provider, "agencies/civil-affairs").await;
        assert_eq!(asked.len(), 1);
        assert_eq!(asked[0].due_at, deadline.due_at);
        assert_eq!(outstanding(&clerk, "agencies/tax/sent").await.len(), 1);
        let refuse = RefuseInformationRequestRequest {
            name: submitted.name.clone(),
            reasons: "不属本单位职责".into(),
            request_id: request_id(),
        };
        let method = hub_tests::requests!("RefuseInformationRequest");
        let refused: RefuseInformationRequestResponse =
            provider.ask(method, &refuse).await.unwrap();
        let refused = refused.information_request.unwrap();
        assert_eq!(refused.state(), RequestState::Refused);
        assert!(refused.deadlines[0].met_at.is_some());
        assert_eq!(outstanding(&provider, "agencies/civil-affairs").await, []);
        let read = get(&clerk, &submitted.name).await.unwrap();
        let answer = read.answer.unwrap();
        assert_eq!(
            (answer.is_consent, &*answer.text),
            (false, "不属本单位职责")
        );
        assert_eq!(
            told(&clerk, "tax", &submitted.name).await.len(),
            2,
            "the draft and the refusal"
        );
    }
    let silent = information::submit(&world, "tax", data("tax", today(&world)))
        .await
        .unwrap();
    let refuse = RefuseInformationRequestRequest {
        name: silent.name,
        reasons: String::new(),
        request_id: request_id(),
    };
    let method = hub_tests::requests!("RefuseInformationRequest");
    let refused = provider
        .ask::<RefuseInformationRequestResponse>(method, &refuse)
        .await;
    assert_eq!(
        fields(&refused.unwrap_err()),
        ["reasons"],
        "a refusal gives its reasons"
    );
}

async fn ask_for_missing(session: &Session, name: &str) -> Result<InformationRequest, Status> {
    let request = AskForMissingRequest {
        name: name.into(),
        missing: "请补充期间".into(),
        request_id: request_id(),
    };
    let method = hub_tests::requests!("AskForMissing");
    let asked: AskForMissingResponse = session.ask(method, &request).await?;
    Ok(asked.information_request.unwrap())
}

#[tokio::test]
async fn order_809_art_21_everything_missing_is_asked_for_once() {
    let world = World::start().await;
    let (clerk, provider) = (
        officer(&world, "tax", "clerk"),
        officer(&world, "civil-affairs", "leader"),
    );
    let submitted = information::submit(&world, "tax", data("tax", today(&world)))
        .await
        .unwrap();
    let name = submitted.name;
    let incomplete = ask_for_missing(&provider, &name).await.unwrap();
    assert_eq!(incomplete.state(), RequestState::Incomplete);
    assert!(incomplete.deadlines.iter().all(|one| !one.is_open));
    assert_eq!(outstanding(&provider, "agencies/civil-affairs").await, []);
    let refuse = RefuseInformationRequestRequest {
        name: name.clone(),
        reasons: "不完整".into(),
        request_id: request_id(),
    };
    let method = hub_tests::requests!("RefuseInformationRequest");
    let outright = provider
        .ask::<RefuseInformationRequestResponse>(method, &refuse)
        .await;
    assert_eq!(reason(&outright.unwrap_err()), "RECORD_STATE");
    let file = upload_as(&world, "tax", "clerk", b"period").await;
    let request = CompleteInformationRequestRequest {
        name: name.clone(),
        addition: "期间为2025年".into(),
        attachments: vec![file.clone()],
        request_id: request_id(),
    };
    let method = hub_tests::requests!("CompleteInformationRequest");
    let completed: CompleteInformationRequestResponse = clerk.ask(method, &request).await.unwrap();
    let completed = completed.information_request.unwrap();
    assert_eq!(completed.state(), RequestState::Submitted);
    assert_eq!(completed.deadlines.len(), 2);
    assert!(completed.deadlines[1].is_open, "the clock starts anew");
    let again = ask_for_missing(&provider, &name).await.unwrap_err();
    assert_eq!(reason(&again), "RECORD_STATE");
    assert!(again.message().contains("art. 21"), "{again}");
    let read = get(&provider, &name).await.unwrap().completion.unwrap();
    assert_eq!(
        (&*read.missing, &*read.addition),
        ("请补充期间", "期间为2025年")
    );
    download(&provider, &read.notification, &file.sha256)
        .await
        .unwrap();
}

#[tokio::test]
async fn order_809_art_21_an_extension_needs_consent_and_is_told() {
    let world = World::start().await;
    let provider = officer(&world, "civil-affairs", "leader");
    let submitted = information::submit(&world, "tax", data("tax", today(&world)))
        .await
        .unwrap();
    let mut extend = ExtendAnswerTimeRequest {
        name: submitted.name.clone(),
        working_days: 11,
        reason: "数据量大".into(),
        consent_reference: "晋数函〔2026〕1号".into(),
        request_id: request_id(),
    };
    let method = hub_tests::requests!("ExtendAnswerTime");
    let over = provider
        .ask::<ExtendAnswerTimeResponse>(method, &extend)
        .await
        .unwrap_err();
    assert_eq!(fields(&over), ["working_days"]);
    extend.working_days = 10;
    extend.consent_reference.clear();
    extend.request_id = request_id();
    let alone = provider
        .ask::<ExtendAnswerTimeResponse>(method, &extend)
        .await
        .unwrap_err();
    assert_eq!(fields(&alone), ["consent_reference"]);
    extend.consent_reference = "晋数函〔2026〕1号".into();
    let extended: ExtendAnswerTimeResponse = provider.ask(method, &extend).await.unwrap();
    let extended = extended.information_request.unwrap();
    let (before, after) = (&submitted.deadlines[0], &extended.deadlines[0]);
    assert_eq!((after.working_days, after.moves.len()), (20, 1));
    assert_eq!(after.moves[0].was_on, before.due_on);
    assert_eq!(after.moves[0].becomes_on, after.due_on);
    let asked = outstanding(&provider, "agencies/civil-affairs").await;
    assert_eq!(
        (asked.len(), &asked[0].due_at),
        (1, &after.due_at),
        "what is owed moves with it"
    );
    let clerk = officer(&world, "tax", "clerk");
    assert_eq!(told(&clerk, "tax", &submitted.name).await.len(), 2);
}

async fn download(session: &Session, notification: &str, sha256: &str) -> Result<(), Status> {
    let request = DownloadAttachmentRequest {
        notification: notification.into(),
        sha256: sha256.into(),
        offset: 0,
    };
    let method = attachments!("DownloadAttachment");
    session
        .first(method, request.encode_to_vec().into())
        .await
        .map(drop)
}

#[tokio::test]
async fn order_809_art_22_the_data_follows_the_consent_with_its_files() {
    let world = World::start().await;
    let (clerk, provider) = (
        officer(&world, "tax", "clerk"),
        officer(&world, "civil-affairs", "leader"),
    );
    let instrument = upload_as(&world, "tax", "clerk", b"instrument").await;
    let mut given = data("tax", today(&world));
    given.attachments = vec![instrument.clone()];
    let submitted = information::submit(&world, "tax", given).await.unwrap();
    let name = submitted.name;
    let read = get(&provider, &name).await.unwrap();
    download(&provider, &read.notification, &instrument.sha256)
        .await
        .unwrap();
    let own = get(&clerk, &name).await.unwrap();
    download(&clerk, &own.notification, &instrument.sha256)
        .await
        .unwrap();
    let consented = information::consent(&provider, &name, "").await.unwrap();
    assert_eq!(consented.state(), RequestState::Consented);
    assert_eq!(consented.deadlines[1].kind(), DeadlineKind::Delivery);
    assert_eq!(consented.deadlines[1].working_days, 20);
    let asked = outstanding(&provider, "agencies/civil-affairs").await;
    assert_eq!(
        (asked.len(), &asked[0].due_at),
        (1, &consented.deadlines[1].due_at)
    );
    let file = upload_as(&world, "civil-affairs", "clerk", b"table").await;
    let deliver = DeliverInformationRequest {
        name: name.clone(),
        delivery: Some(DeliveredData {
            text: "登记信息见附件".into(),
            attachments: vec![file.clone()],
        }),
        request_id: request_id(),
    };
    let method = hub_tests::requests!("DeliverInformation");
    let delivered: DeliverInformationResponse = provider.ask(method, &deliver).await.unwrap();
    let delivered = delivered.information_request.unwrap();
    assert_eq!(delivered.state(), RequestState::Delivered);
    assert_eq!(
        delivered.delivery.unwrap().text,
        "",
        "an act answers without texts"
    );
    let read = get(&clerk, &name).await.unwrap().delivery.unwrap();
    assert_eq!((&*read.text, read.attachments.len()), ("登记信息见附件", 1));
    download(&clerk, &read.notification, &file.sha256)
        .await
        .unwrap();
    // Nor for a reader of the inbox who may not read requests.
    for (agency, role) in [("health", "clerk"), ("tax", "publisher")] {
        let outsider = officer(&world, agency, role);
        let hidden = download(&outsider, &read.notification, &file.sha256).await;
        assert_eq!(
            hidden.unwrap_err().code(),
            Code::NotFound,
            "{agency} {role}"
        );
    }
    let asked = outstanding(&clerk, "agencies/tax").await;
    assert_eq!(
        asked.len(),
        1,
        "disposal is asked for by the last day of use"
    );
}

#[tokio::test]
async fn a_request_is_taken_back_before_it_is_answered_and_outlives_a_restart() {
    let mut world = World::start().await;
    let submitted = information::submit(&world, "tax", data("tax", today(&world)))
        .await
        .unwrap();
    let name = submitted.name;
    let withdraw = WithdrawInformationRequestRequest {
        name: name.clone(),
        reason: "不再需要".into(),
        request_id: request_id(),
    };
    let method = hub_tests::requests!("WithdrawInformationRequest");
    let clerk = officer(&world, "tax", "clerk");
    let first: WithdrawInformationRequestResponse = clerk.ask(method, &withdraw).await.unwrap();
    world.restart().await;
    let clerk = officer(&world, "tax", "clerk");
    let again: WithdrawInformationRequestResponse = clerk.ask(method, &withdraw).await.unwrap();
    assert_eq!(first, again, "the same call again is the same act");
    let provider = officer(&world, "civil-affairs", "leader");
    let read = get(&provider, &name).await.unwrap();
    assert_eq!(read.state(), RequestState::Withdrawn);
    assert_eq!(read.withdrawal_reason, "不再需要");
    let late = information::consent(&provider, &name, "数据")
        .await
        .unwrap_err();
    assert_eq!(reason(&late), "RECORD_STATE");
    assert_eq!(outstanding(&provider, "agencies/civil-affairs").await, []);
}

#[tokio::test]
async fn a_page_of_long_requests_ends_before_it_is_too_large_for_clients() {
    let world = World::start().await;
    let clerk = officer(&world, "tax", "clerk");
    let mut given = data("tax", today(&world));
    given.purpose = "核".repeat(1_000);
    given.scope = "核".repeat(2_000);
    let mut names = vec![];
    for _ in 0..70 {
        names.push(draft(&clerk, given.clone()).await.unwrap().name);
    }
    names.reverse();
    let mut asked = ListInformationRequestsRequest {
        page_size: 100,
        ..ListInformationRequestsRequest::default()
    };
    let (mut listed, mut pages) = (vec![], 0);
    loop {
        let page = list(&clerk, &asked).await.unwrap();
        assert!(page.encoded_len() < 1024 * 1024, "{}", page.encoded_len());
        listed.extend(page.information_requests.into_iter().map(|one| one.name));
        pages += 1;
        asked.page_token = page.next_page_token;
        if asked.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(pages, 2);
    assert_eq!(listed, names);
}
