//! From sending to the end, and who owes what on the way.

use hub_proto::{
    channels::RequestedAction,
    referrals::{
        ListReferralsRequest, ReferralAnswerKind, ReferralAwaiting, ReferralDirection,
        ReferralState, ReferralStep,
    },
};
use hub_tests::{
    meetings,
    raw::{fields, reason},
    referrals::{self, Act},
};

use crate::Stage;

const POLICE_INBOX: &str = "agencies/public-security/inbox";
const BANK_INBOX: &str = "agencies/pboc-branch/inbox";

#[tokio::test(flavor = "multi_thread")]
async fn fs_036_a_referral_has_a_two_sided_receipt() {
    let stage = Stage::set().await;
    let (bank, police) = (&stage.bank, &stage.police);
    let sent = referrals::send(bank, referrals::draft("public-security")).await;
    let sent = sent.unwrap();
    assert!(sent.receipt.unwrap().entry_index > 0);
    let shown = sent.referral.unwrap();
    let name = shown.name.clone();
    assert_eq!(shown.state(), ReferralState::Sent);
    assert_eq!(shown.officer, "pboc-analyst-1");
    assert!(
        shown.title.is_empty() && shown.organizations.is_empty(),
        "{shown:?}"
    );
    let duty = shown.duty.unwrap();
    assert_eq!(duty.unit, "agencies/public-security");
    assert_eq!(duty.step(), ReferralStep::Acknowledge);
    assert!(duty.due_at.is_some() && !duty.is_overdue);

    // The addressee is told, without a word of it; nobody else is.
    let told = stage.notices(police, POLICE_INBOX).await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].resource, name);
    let body = String::from_utf8(told[0].body.to_vec()).unwrap();
    for words in [&told[0].title, &body] {
        for secret in ["某某协会", "业务范围", "51100000500008957Y", "监测"] {
            assert!(!words.contains(secret), "{words}");
        }
    }
    assert_eq!(stage.notices(bank, BANK_INBOX).await.len(), 0);
    let owed = stage.board(police, "agencies/public-security").await;
    assert_eq!(owed.len(), 1);
    assert_eq!(owed[0].action(), RequestedAction::AnswerReferral);
    assert_eq!(
        stage.board(bank, "agencies/pboc-branch/sent").await.len(),
        1
    );

    // The other side of the receipt: a named officer, for both to see.
    let first = referrals::act(police, &name, &Act::Acknowledge(1)).await;
    let first = first.unwrap();
    let again = referrals::act(police, &name, &Act::Acknowledge(1)).await;
    let again = again.unwrap();
    let index = |answer: &Option<hub_proto::common::Receipt>| answer.as_ref().unwrap().entry_index;
    assert_eq!(
        index(&first.receipt),
        index(&again.receipt),
        "the first stands"
    );
    let read = referrals::get(bank, &name).await.unwrap();
    assert_eq!(read.state(), ReferralState::Received);
    let received = read.received.clone().unwrap();
    assert_eq!(
        (received.officer.as_str(), received.revision),
        ("public-security-leader-1", 1)
    );
    assert!(received.received_at.is_some());
    assert_eq!(read.text, "监测发现的情况。");
    assert_eq!(read.duty.unwrap().step(), ReferralStep::Answer);
    assert_eq!(stage.notices(bank, BANK_INBOX).await.len(), 1);
    // The same ask goes on, by a later time: an answer is owed now.
    let later = stage.board(police, "agencies/public-security").await;
    assert_eq!(later.len(), 1);
    assert!(later[0].due_at.unwrap().seconds > owed[0].due_at.unwrap().seconds);
}

#[tokio::test(flavor = "multi_thread")]
async fn fs_037_the_result_is_fed_back_and_asked_for_until_then() {
    let stage = Stage::set().await;
    let (bank, police) = (&stage.bank, &stage.police);
    let name = stage.send().await;
    let taken = stage.run(&name, &[Act::Acknowledge(1), Act::TakeUp]).await;
    assert_eq!(taken.state(), ReferralState::TakenUp);
    assert_eq!(taken.duty.unwrap().step(), ReferralStep::FeedBackResult);
    stage.run(&name, &[Act::FeedBack(false)]).await;
    assert_eq!(
        stage.board(police, "agencies/public-security").await.len(),
        1
    );
    let refused = referrals::act(bank, &name, &Act::Close).await.unwrap_err();
    assert_eq!(
        reason(&refused),
        "RECORD_STATE",
        "the result is not there yet"
    );
    let refused = referrals::act(bank, &name, &Act::Withdraw)
        .await
        .unwrap_err();
    assert_eq!(reason(&refused), "RECORD_STATE", "it is taken up");
    stage.run(&name, &[Act::FeedBack(true)]).await;
    assert_eq!(
        stage.board(police, "agencies/public-security").await.len(),
        0
    );
    let refused = referrals::act(police, &name, &Act::FeedBack(true)).await;
    assert_eq!(
        reason(&refused.unwrap_err()),
        "RECORD_STATE",
        "one is the last"
    );
    let read = referrals::get(bank, &name).await.unwrap();
    assert_eq!(read.state(), ReferralState::ResultFedBack);
    assert_eq!(read.results.len(), 2);
    assert!(read.results[1].is_final && read.results[1].text == "情况说明");
    let answer = read.answer.unwrap();
    assert_eq!(answer.kind(), ReferralAnswerKind::TakenUp);
    assert_eq!(
        (answer.reason.as_str(), answer.addressee_reference.as_str()),
        ("情况说明", "办字7号")
    );
    let duty = read.duty.unwrap();
    assert_eq!(
        (duty.unit.as_str(), duty.step()),
        ("agencies/pboc-branch", ReferralStep::Close)
    );
    let closed = stage.run(&name, &[Act::Close]).await;
    assert_eq!(closed.state(), ReferralState::Closed);
    assert!(closed.duty.is_none());
    let times = closed.times.unwrap();
    assert!(times.total_seconds >= times.sent_to_received_seconds);
    for act in Act::ALL {
        if act == Act::Acknowledge(1) {
            continue;
        }
        let refused = referrals::act(stage.side(&act), &name, &act)
            .await
            .unwrap_err();
        assert_eq!(reason(&refused), "RECORD_STATE", "{act:?}");
    }
    // Each step told the other side once, and only it.
    assert_eq!(stage.notices(bank, BANK_INBOX).await.len(), 4);
    assert_eq!(stage.notices(police, POLICE_INBOX).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn fs_037_an_answer_may_be_no_with_a_reason() {
    let stage = Stage::set().await;
    for (act, kind, hint) in [
        (Act::Decline, ReferralAnswerKind::Declined, ""),
        (Act::Return, ReferralAnswerKind::Returned, "税务部门"),
    ] {
        let name = stage.send().await;
        let early = referrals::act(&stage.police, &name, &act)
            .await
            .unwrap_err();
        assert_eq!(reason(&early), "RECORD_STATE", "acknowledged first");
        stage.run(&name, &[Act::Acknowledge(1)]).await;
        let empty = act.request(&name, " ", hub_tests::raw::requests::request_id());
        let empty = stage.police.call(act.method(), empty).await.unwrap_err();
        assert_eq!(fields(&empty), ["reason"]);
        stage.run(&name, &[act]).await;
        let read = referrals::get(&stage.bank, &name).await.unwrap();
        let answer = read.answer.unwrap();
        assert_eq!((answer.kind(), answer.reason.as_str()), (kind, "情况说明"));
        assert_eq!(answer.competent_unit_hint, hint);
        assert_eq!(read.duty.unwrap().step(), ReferralStep::Close);
        stage.run(&name, &[Act::Close]).await;
    }
    assert_eq!(
        stage
            .board(&stage.police, "agencies/public-security")
            .await
            .len(),
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::too_many_lines, reason = "a table of cases")]
async fn fs_037_what_is_not_answered_is_listed_by_age_on_each_side() {
    let stage = Stage::set().await;
    let mut names = vec![];
    for _ in 0..4 {
        names.push(stage.send().await);
    }
    stage.run(&names[1], &[Act::Acknowledge(1)]).await;
    stage
        .run(&names[2], &[Act::Acknowledge(1), Act::TakeUp])
        .await;
    stage.run(&names[3], &[Act::Withdraw]).await;
    // One the other way round.
    let back = referrals::send(&stage.police, referrals::draft("pboc-branch")).await;
    let back = back.unwrap().referral.unwrap().name;
    let ask = |direction: ReferralDirection, awaiting: ReferralAwaiting| ListReferralsRequest {
        direction: direction.into(),
        awaiting: awaiting.into(),
        page_size: 1,
        ..ListReferralsRequest::default()
    };
    let cases = [
        (
            ReferralDirection::Outgoing,
            ReferralAwaiting::Answer,
            vec![&names[0], &names[1]],
        ),
        (
            ReferralDirection::Outgoing,
            ReferralAwaiting::Result,
            vec![&names[2]],
        ),
        (
            ReferralDirection::Incoming,
            ReferralAwaiting::Any,
            vec![&back],
        ),
        (
            ReferralDirection::Unspecified,
            ReferralAwaiting::Any,
            vec![&names[0], &names[1], &names[2], &back],
        ),
        (
            ReferralDirection::Unspecified,
            ReferralAwaiting::Unspecified,
            vec![&back, &names[3], &names[2], &names[1], &names[0]],
        ),
    ];
    for (direction, awaiting, expected) in cases {
        let mut request = ask(direction, awaiting);
        let mut found = vec![];
        loop {
            let page = referrals::list(&stage.bank, &request).await.unwrap();
            found.extend(page.referrals);
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() {
                break;
            }
        }
        let found: Vec<&String> = found.iter().map(|one| &one.name).collect();
        assert_eq!(found, expected, "{direction:?} {awaiting:?}");
    }
    // The other side's view, by organisation.
    let request = ListReferralsRequest {
        organization: hub_tests::raw::requests::USCC.into(),
        awaiting: ReferralAwaiting::Answer.into(),
        direction: ReferralDirection::Incoming.into(),
        ..ListReferralsRequest::default()
    };
    let page = referrals::list(&stage.police, &request).await.unwrap();
    assert_eq!(page.referrals.len(), 2);
    assert!(
        page.referrals
            .iter()
            .all(|one| one.text.is_empty() && !one.title.is_empty())
    );
    let other = ListReferralsRequest {
        organization: "52140000500025183F".into(),
        ..request
    };
    let page = referrals::list(&stage.police, &other).await.unwrap();
    assert_eq!(page.referrals, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn x_007_questions_go_back_and_forth_and_each_waits_for_its_answer() {
    let stage = Stage::set().await;
    let name = stage.send().await;
    let early = referrals::act(&stage.police, &name, &Act::Ask).await;
    assert_eq!(reason(&early.unwrap_err()), "RECORD_STATE");
    let asked = stage.run(&name, &[Act::Acknowledge(1), Act::Ask]).await;
    let duty = asked.duty.unwrap();
    assert_eq!(
        (duty.unit.as_str(), duty.step()),
        ("agencies/pboc-branch", ReferralStep::AddInformation)
    );
    assert_eq!(
        stage.board(&stage.bank, "agencies/pboc-branch").await.len(),
        1
    );
    assert_eq!(
        stage
            .board(&stage.police, "agencies/public-security")
            .await
            .len(),
        1
    );
    let twice = referrals::act(&stage.police, &name, &Act::Ask).await;
    assert_eq!(reason(&twice.unwrap_err()), "RECORD_STATE", "one at a time");
    let added = stage.run(&name, &[Act::Add]).await;
    assert_eq!(added.duty.unwrap().step(), ReferralStep::Answer);
    assert_eq!(
        stage.board(&stage.bank, "agencies/pboc-branch").await.len(),
        0
    );
    // Eight questions are the most.
    for _ in 1..8 {
        stage.run(&name, &[Act::Ask, Act::Add]).await;
    }
    let ninth = referrals::act(&stage.police, &name, &Act::Ask).await;
    assert_eq!(reason(&ninth.unwrap_err()), "RECORD_STATE");
    let read = referrals::get(&stage.police, &name).await.unwrap();
    assert_eq!(read.messages.len(), 16);
    assert!(read.messages[0].is_question && read.messages[0].text == "情况说明");
}

#[tokio::test(flavor = "multi_thread")]
async fn x_007_a_correction_must_be_acknowledged_again() {
    let stage = Stage::set().await;
    let name = stage.send().await;
    stage
        .run(&name, &[Act::Acknowledge(1), Act::Correct(1)])
        .await;
    let stale = referrals::act(&stage.bank, &name, &Act::Correct(1)).await;
    assert_eq!(
        reason(&stale.unwrap_err()),
        "RECORD_STATE",
        "another is in force"
    );
    for act in [Act::TakeUp, Act::Acknowledge(3)] {
        let refused = referrals::act(&stage.police, &name, &act).await;
        assert_eq!(reason(&refused.unwrap_err()), "RECORD_STATE", "{act:?}");
    }
    // One thing is asked, by the newer notice.
    let owed = stage.board(&stage.police, "agencies/public-security").await;
    assert_eq!(owed.len(), 1);
    let taken = stage.run(&name, &[Act::Acknowledge(2), Act::TakeUp]).await;
    assert_eq!(taken.revision, 2);
    // Also while the result is awaited; the final one waits for the acknowledgement.
    stage.run(&name, &[Act::Correct(2)]).await;
    let refused = referrals::act(&stage.police, &name, &Act::FeedBack(true)).await;
    assert_eq!(reason(&refused.unwrap_err()), "RECORD_STATE");
    stage
        .run(&name, &[Act::Acknowledge(3), Act::FeedBack(true)])
        .await;
    let read = referrals::get(&stage.police, &name).await.unwrap();
    assert_eq!((read.revision, read.corrections.len()), (3, 2));
    assert_eq!(read.text, "情况说明");
    let first = hub_proto::referrals::GetReferralRequest { name, revision: 1 };
    let first: hub_proto::referrals::GetReferralResponse = stage
        .police
        .ask(hub_tests::referrals!("GetReferral"), &first)
        .await
        .unwrap();
    assert_eq!(first.referral.unwrap().text, "监测发现的情况。");
}

#[tokio::test(flavor = "multi_thread")]
async fn fs_036_a_referral_goes_to_another_member_and_nowhere_else() {
    let stage = Stage::set().await;
    for addressee in ["pboc-branch", "leading-group-office", "nobody"] {
        let refused = referrals::send(&stage.bank, referrals::draft(addressee)).await;
        let refused = refused.unwrap_err();
        assert_eq!(fields(&refused), ["referral.addressee"], "{addressee}");
    }
    let outsider = meetings::leader(&stage.world, "leading-group-office");
    let refused = referrals::send(&outsider, referrals::draft("tax")).await;
    assert_eq!(reason(&refused.unwrap_err()), "PERMISSION_DENIED");
    let mut wrong = referrals::draft("public-security");
    wrong.organizations.clear();
    wrong.title = "两\n行".into();
    wrong.sender = "agencies/tax".into();
    let refused = referrals::send(&stage.bank, wrong).await.unwrap_err();
    assert_eq!(
        fields(&refused),
        ["referral", "referral.organizations", "referral.title"]
    );
}
