//! Use, corrections, suspension and disposal.

use hub_core::date::to_wire;
use hub_proto::requests::{
    AnswerCorrectionRequest, AnswerCorrectionResponse, ConfirmDisposalRequest,
    ConfirmDisposalResponse, DeadlineKind, Disposal, InformationRequest, RecordUseRequest,
    RecordUseResponse, RequestCorrectionRequest, RequestCorrectionResponse, RequestState,
    ResumeUseRequest, ResumeUseResponse, SuspendUseRequest, SuspendUseResponse, UseRecord,
};
use hub_tests::{
    World,
    raw::{Session, fields, reason, requests::request_id},
    requests::{self as information, data, get, officer, today},
};
use tonic::Status;

use super::{outstanding, told};

/// A request of tax that civil affairs has answered with data.
async fn delivered(world: &World) -> String {
    let submitted = information::submit(world, "tax", data("tax", today(world))).await;
    let provider = officer(world, "civil-affairs", "leader");
    let name = submitted.unwrap().name;
    let answered = information::consent(&provider, &name, "住所：某路1号").await;
    assert_eq!(answered.unwrap().state(), RequestState::Delivered);
    name
}

fn used() -> UseRecord {
    UseRecord {
        scene: "免税资格复核".into(),
        process: "与申报比对".into(),
        effect: "一致，复核通过".into(),
        purpose_fit: "即申请所述的核实".into(),
        ..UseRecord::default()
    }
}

async fn record(
    session: &Session,
    name: &str,
    used: UseRecord,
) -> Result<InformationRequest, Status> {
    let request = RecordUseRequest {
        name: name.into(),
        r#use: Some(used),
        request_id: request_id(),
    };
    let method = hub_tests::requests!("RecordUse");
    let recorded: RecordUseResponse = session.ask(method, &request).await?;
    Ok(recorded.information_request.unwrap())
}

#[tokio::test]
async fn order_809_art_25_and_29_each_use_says_how_it_fits_the_purpose() {
    let world = World::start().await;
    let name = delivered(&world).await;
    let (clerk, provider) = (
        officer(&world, "tax", "clerk"),
        officer(&world, "civil-affairs", "leader"),
    );
    let unfit = UseRecord {
        purpose_fit: String::new(),
        ..used()
    };
    let refused = record(&clerk, &name, unfit).await.unwrap_err();
    assert_eq!(fields(&refused), ["use.purpose_fit"]);
    record(&clerk, &name, used()).await.unwrap();
    let theirs = record(&provider, &name, used()).await.unwrap_err();
    assert_eq!(reason(&theirs), "PERMISSION_DENIED");
    let read = get(&provider, &name).await.unwrap();
    assert_eq!(read.uses.len(), 1);
    assert_eq!(
        (read.uses[0].r#use, &*read.uses[0].officer),
        (1, "tax-clerk-1")
    );
    assert_eq!(read.uses[0].purpose_fit, "即申请所述的核实");
    assert_eq!(
        told(&provider, "civil-affairs", &name).await.len(),
        2,
        "received, used"
    );
}

#[tokio::test]
async fn order_809_art_26_an_error_is_reported_and_the_data_corrected() {
    let world = World::start().await;
    let name = delivered(&world).await;
    let (clerk, provider) = (
        officer(&world, "tax", "clerk"),
        officer(&world, "civil-affairs", "leader"),
    );
    let request = RequestCorrectionRequest {
        name: name.clone(),
        text: "住所已变更".into(),
        request_id: request_id(),
    };
    let method = hub_tests::requests!("RequestCorrection");
    let asked: RequestCorrectionResponse = clerk.ask(method, &request).await.unwrap();
    let asked = asked.information_request.unwrap();
    let deadline = asked.deadlines.last().unwrap();
    assert_eq!(
        (deadline.kind(), deadline.correction),
        (DeadlineKind::Correction, 1)
    );
    assert_eq!(deadline.working_days, 10);
    let owed = outstanding(&provider, "agencies/civil-affairs").await;
    assert_eq!((owed.len(), &owed[0].due_at), (1, &deadline.due_at));
    let answer = AnswerCorrectionRequest {
        name: name.clone(),
        correction: 1,
        is_corrected: true,
        answer: "住所：某路2号".into(),
        attachments: vec![],
        request_id: request_id(),
    };
    let method = hub_tests::requests!("AnswerCorrection");
    let _answered: AnswerCorrectionResponse = provider.ask(method, &answer).await.unwrap();
    assert_eq!(outstanding(&provider, "agencies/civil-affairs").await, []);
    let read = get(&clerk, &name).await.unwrap();
    let one = &read.corrections[0];
    assert!(one.is_answered && one.is_corrected && !one.is_withheld);
    assert_eq!((&*one.text, &*one.answer), ("住所已变更", "住所：某路2号"));
    assert_eq!(
        read.delivery.unwrap().text,
        "住所：某路1号",
        "what was delivered stays"
    );
    let mut again = answer;
    again.request_id = request_id();
    let twice = provider
        .ask::<AnswerCorrectionResponse>(method, &again)
        .await;
    assert_eq!(reason(&twice.unwrap_err()), "RECORD_STATE");
}

#[tokio::test]
async fn order_809_art_27_misuse_is_suspended_with_a_reason_until_it_is_put_right() {
    let world = World::start().await;
    let name = delivered(&world).await;
    let (clerk, provider) = (
        officer(&world, "tax", "clerk"),
        officer(&world, "civil-affairs", "leader"),
    );
    let mut suspend = SuspendUseRequest {
        name: name.clone(),
        reason: String::new(),
        request_id: request_id(),
    };
    let method = hub_tests::requests!("SuspendUse");
    let causeless = provider.ask::<SuspendUseResponse>(method, &suspend).await;
    assert_eq!(fields(&causeless.unwrap_err()), ["reason"]);
    suspend.reason = "用于申请以外的用途".into();
    let _suspended: SuspendUseResponse = provider.ask(method, &suspend).await.unwrap();
    let stopped = record(&clerk, &name, used()).await.unwrap_err();
    assert_eq!(reason(&stopped), "RECORD_STATE");
    let resume = ResumeUseRequest {
        name: name.clone(),
        reason: "已整改".into(),
        request_id: request_id(),
    };
    let method = hub_tests::requests!("ResumeUse");
    let _resumed: ResumeUseResponse = provider.ask(method, &resume).await.unwrap();
    record(&clerk, &name, used()).await.unwrap();
    let read = get(&clerk, &name).await.unwrap();
    let one = &read.suspensions[0];
    assert_eq!(
        (&*one.reason, &*one.resumption_reason),
        ("用于申请以外的用途", "已整改")
    );
}

#[tokio::test]
async fn order_809_art_27_and_29_disposal_is_confirmed_and_ends_the_use() {
    let world = World::start().await;
    let name = delivered(&world).await;
    let clerk = officer(&world, "tax", "clerk");
    let owed = outstanding(&clerk, "agencies/tax").await;
    let read = get(&clerk, &name).await.unwrap();
    let last = read.deadlines.last().unwrap();
    assert_eq!(
        (last.kind(), last.working_days),
        (DeadlineKind::Disposal, 0)
    );
    assert_eq!(last.due_on, read.valid_until_on);
    assert_eq!((owed.len(), &owed[0].due_at), (1, &last.due_at));
    let mut confirm = ConfirmDisposalRequest {
        name: name.clone(),
        disposal: Some(Disposal {
            storage: "复核系统".into(),
            destruction: "已删除并清空备份".into(),
            disposed_on: Some(to_wire(today(&world).tomorrow().unwrap())),
            ..Disposal::default()
        }),
        request_id: request_id(),
    };
    let method = hub_tests::requests!("ConfirmDisposal");
    let early = clerk.ask::<ConfirmDisposalResponse>(method, &confirm).await;
    assert_eq!(fields(&early.unwrap_err()), ["disposal.disposed_on"]);
    confirm.disposal.as_mut().unwrap().disposed_on = Some(to_wire(today(&world)));
    confirm.request_id = request_id();
    let confirmed: ConfirmDisposalResponse = clerk.ask(method, &confirm).await.unwrap();
    let confirmed = confirmed.information_request.unwrap();
    assert_eq!(confirmed.state(), RequestState::Disposed);
    assert_eq!(outstanding(&clerk, "agencies/tax").await, []);
    let late = record(&clerk, &name, used()).await.unwrap_err();
    assert_eq!(reason(&late), "RECORD_STATE");
    let provider = officer(&world, "civil-affairs", "leader");
    let read = get(&provider, &name).await.unwrap().disposal.unwrap();
    assert_eq!(
        (&*read.storage, &*read.destruction),
        ("复核系统", "已删除并清空备份")
    );
}
