//! Corrections and retractions reach everyone who got the original, must be acknowledged by each of
//! them, and leave the original readable with its state.

use hub_proto::channels::{
    ListOutstandingActionsRequest, NotificationKind, NotificationState, OutstandingAction,
    RequestedAction,
};

use hub::clock::Clock;
use hub_tests::{Site, clock::Shifted};
use std::sync::Arc;

use super::*;

async fn correct(client: &Client, name: &str, draft: NotificationDraft) -> Notification {
    let answer = client.channels().correct(name, draft, "日期有误").await;
    answer.unwrap().response.notification.unwrap()
}

async fn retract(client: &Client, name: &str) -> Notification {
    let answer = client.channels().retract(name, "误发").await;
    answer.unwrap().response.notification.unwrap()
}

async fn get(client: &Client, name: &str) -> Notification {
    let answer = client.channels().notification(name).await.unwrap();
    answer.notification.unwrap()
}

async fn outstanding(client: &Client, parent: &str) -> Vec<OutstandingAction> {
    let request = ListOutstandingActionsRequest {
        parent: parent.into(),
        ..ListOutstandingActionsRequest::default()
    };
    let page = client.channels().outstanding(&request).await.unwrap();
    page.outstanding_actions
}

/// The part of what is outstanding that does not depend on the clock.
fn owed(list: &[OutstandingAction]) -> Vec<(&str, &str, RequestedAction)> {
    list.iter()
        .map(|one| (&*one.notification, &*one.recipient, one.action()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_goes_to_every_addressee_and_each_must_acknowledge_it() {
    let world = World::start().await;
    let finance = world.clerk("finance");
    let sent = publish(&finance, addressed(&["tax", "health"], "五月抽查")).await;
    assert_eq!(sent.state(), NotificationState::Current);
    assert_eq!(sent.kind(), NotificationKind::Original);
    let corrected = correct(
        &finance,
        &sent.name,
        NotificationDraft::like(&sent).title("六月抽查"),
    )
    .await;
    assert_eq!(corrected.kind(), NotificationKind::Correction);
    assert_eq!(corrected.about, sent.name);
    assert_eq!(corrected.reason, "日期有误");
    assert_eq!(corrected.addressees, sent.addressees);
    assert_eq!(corrected.title, "六月抽查");

    for agency in ["tax", "health"] {
        let clerk = world.clerk(agency);
        let (seen, _) = backlog(&mut subscribe(&clerk, &[])).await;
        let seen: Vec<&Notification> = seen
            .iter()
            .map(|one| one.notification.as_ref().unwrap())
            .collect();
        assert_eq!(seen.len(), 2, "{agency} gets both, in order");
        assert_eq!(seen[0].title, "五月抽查", "the earlier text stays readable");
        assert_eq!(seen[0].state(), NotificationState::Corrected);
        assert_eq!(seen[0].superseded_by, corrected.name);
        assert_eq!(seen[1], &corrected);
        assert_eq!(get(&clerk, &sent.name).await, *seen[0]);
    }
    let acknowledge = RequestedAction::Acknowledge;
    assert_eq!(
        owed(&outstanding(&finance, "agencies/finance/sent").await),
        [
            (&*corrected.name, "agencies/health", acknowledge),
            (&*corrected.name, "agencies/tax", acknowledge),
        ]
    );
    let tax = leader(&world, "tax").channels();
    tax.sign_for(&corrected.name, None).await.unwrap();
    assert_eq!(
        owed(&outstanding(&finance, "agencies/finance/sent").await),
        [(&*corrected.name, "agencies/health", acknowledge)],
        "who has not acknowledged is listed"
    );
    assert_eq!(outstanding(&world.clerk("tax"), "agencies/tax").await, []);
    assert_eq!(
        owed(&outstanding(&world.clerk("health"), "agencies/health").await),
        [(&*corrected.name, "agencies/health", acknowledge)]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channels_retraction_is_owed_by_its_whole_audience() {
    let world = World::start().await;
    let office = office(&world);
    let sent = publish(&office, notice("fund-supervision", "会议改期")).await;
    let retraction = retract(&office, &sent.name).await;
    assert_eq!(retraction.kind(), NotificationKind::Retraction);
    assert_eq!(retraction.name, "channels/fund-supervision/notifications/2");
    assert_eq!(
        (
            &*retraction.title,
            &*retraction.reason,
            &*retraction.category
        ),
        ("误发", "误发", "work_notice")
    );
    assert_eq!(
        get(&world.clerk("tax"), &sent.name).await.state(),
        NotificationState::Retracted
    );
    let owing: Vec<String> = outstanding(&office, "channels/fund-supervision")
        .await
        .into_iter()
        .map(|one| one.recipient)
        .collect();
    let mut expected = [
        "public-security",
        "finance",
        "state-security",
        "tax",
        "pboc-branch",
    ]
    .map(|agency| format!("agencies/{agency}"));
    expected.sort();
    assert_eq!(owing, expected);
    // The office alone sees the whole channel's list; a member sees its own.
    let refused = world
        .clerk("tax")
        .channels()
        .outstanding(&ListOutstandingActionsRequest {
            parent: "channels/fund-supervision".into(),
            ..ListOutstandingActionsRequest::default()
        })
        .await;
    assert_eq!(reason(refused), Reason::NotFound);
    let signer = leader(&world, "tax").channels();
    signer.sign_for(&retraction.name, None).await.unwrap();
    let left = outstanding(&office, "channels/fund-supervision").await;
    assert_eq!(left.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_longer_stands_asks_nothing_and_has_one_successor() {
    let world = World::start().await;
    let finance = world.clerk("finance");
    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(48);
    let asking = addressed(&["tax"], "核对").sign_by(later).reply_by(later);
    let sent = publish(&finance, asking).await;
    assert_eq!(
        owed(&outstanding(&world.clerk("tax"), "agencies/tax").await),
        [
            (&*sent.name, "agencies/tax", RequestedAction::SignFor),
            (&*sent.name, "agencies/tax", RequestedAction::Reply),
        ]
    );
    let first = correct(
        &finance,
        &sent.name,
        NotificationDraft::like(&sent).sign_by(later),
    )
    .await;
    assert_eq!(
        owed(&outstanding(&world.clerk("tax"), "agencies/tax").await)
            .into_iter()
            .filter(|(name, ..)| *name == sent.name)
            .count(),
        0,
        "the earlier one asks nothing any more"
    );
    let channels = finance.channels();
    let again = channels
        .correct(&sent.name, NotificationDraft::like(&sent), "再改")
        .await;
    assert_eq!(reason(again), Reason::NotificationSuperseded);
    let again = channels.retract(&sent.name, "收回").await;
    let text = message(again);
    assert!(text.contains(&first.name), "it names what holds: {text}");
    // The chain goes on from its end.
    let last = retract(&finance, &first.name).await;
    let refused = channels
        .correct(&last.name, NotificationDraft::like(&sent), "再改")
        .await;
    assert_eq!(fields(refused), ["name"]);
    let refused = channels.retract(&last.name, "收回撤回").await;
    assert_eq!(fields(refused), ["name"], "a retraction stands for good");
    let refused = channels.retract(&first.name, "收回").await;
    assert_eq!(reason(refused), Reason::NotificationSuperseded);
    assert_eq!(
        owed(&outstanding(&world.clerk("tax"), "agencies/tax").await),
        [(&*last.name, "agencies/tax", RequestedAction::Acknowledge)]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_authors_agency_corrects_and_others_learn_nothing() {
    let world = World::start().await;
    let sent = publish(&world.clerk("finance"), addressed(&["tax"], "协查")).await;
    let draft = || NotificationDraft::like(&sent);
    let tax = world.clerk("tax").channels();
    assert_eq!(
        reason(tax.correct(&sent.name, draft(), "改").await),
        Reason::PermissionDenied
    );
    assert_eq!(
        reason(tax.retract(&sent.name, "收").await),
        Reason::PermissionDenied
    );
    let health = world.clerk("health").channels();
    assert_eq!(
        reason(health.correct(&sent.name, draft(), "改").await),
        Reason::NotFound
    );
    assert_eq!(
        reason(health.retract(&sent.name, "收").await),
        Reason::NotFound
    );
    let finance = world.clerk("finance").channels();
    let wrong = draft().category("work_notice");
    assert_eq!(
        fields(finance.correct(&sent.name, wrong, "改").await),
        ["notification.category"]
    );
    assert_eq!(
        fields(finance.correct(&sent.name, draft(), " ").await),
        ["reason"]
    );
    assert_eq!(
        fields(finance.retract(&sent.name, "一\n二").await),
        ["reason"]
    );
    // An officer whose role cannot send it cannot take it back either.
    let auditor = leader(&world, "finance").channels();
    assert_eq!(
        reason(auditor.retract(&sent.name, "收").await),
        Reason::PermissionDenied
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_is_threaded_and_settles_what_was_asked() {
    let world = World::start().await;
    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(48);
    let finance = world.clerk("finance");
    let sent = publish(
        &finance,
        addressed(&["tax", "health"], "核对").reply_by(later),
    )
    .await;
    let answer = addressed(&["finance"], "已核对").in_reply_to(&sent.name);
    let reply = publish(&world.clerk("tax"), answer).await;
    assert_eq!(reply.in_reply_to, sent.name);
    let rows = finance
        .channels()
        .delivery_receipts(&sent.name)
        .await
        .unwrap();
    assert_eq!(rows[0].recipient, "agencies/tax");
    assert_eq!(rows[0].reply, reply.name);
    assert_eq!(rows[0].replied_by, "tax-clerk-1");
    assert_eq!(rows[0].replied_at, reply.published_at);
    assert_eq!(rows[0].outstanding_actions, []);
    assert_eq!(rows[1].recipient, "agencies/health");
    assert_eq!(
        rows[1].outstanding_actions[0].action(),
        RequestedAction::Reply
    );
    // An outsider cannot tell a notification that it does not see from one that is not there.
    let secret = addressed(&["health"], "答").in_reply_to(&sent.name);
    let absent =
        addressed(&["health"], "答").in_reply_to(sent.name.replace("finance", "education"));
    let education = world.clerk("education").channels();
    let secret = violations(education.publish(secret).await);
    let absent = violations(education.publish(absent).await);
    assert_eq!(secret[0].field, "notification.in_reply_to");
    assert_eq!(secret[0].field, absent[0].field);
    assert_eq!(
        secret[0].rule.replace("finance", "education"),
        absent[0].rule
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_is_retracted_settles_nothing_unless_another_one_stands() {
    let world = World::start().await;
    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(48);
    let finance = world.clerk("finance");
    let asking = addressed(&["tax", "health"], "核对").reply_by(later);
    let sent = publish(&finance, asking).await;
    let tax = world.clerk("tax");
    let asked = outstanding(&tax, "agencies/tax").await[0].due_at;
    let answer = |title: &str| addressed(&["finance"], title).in_reply_to(&sent.name);
    let first = publish(&tax, answer("已核对")).await;
    let second = publish(&tax, answer("补充")).await;
    let row = async || {
        let rows = finance.channels().delivery_receipts(&sent.name).await;
        rows.unwrap().into_iter().next().unwrap()
    };
    let answered = row().await;
    assert_eq!(answered.reply, first.name);
    retract(&tax, &first.name).await;
    let answered = row().await;
    assert_eq!(answered.reply, second.name, "the other one stands");
    assert_eq!(answered.replied_at, second.published_at);
    assert_eq!(outstanding(&tax, "agencies/tax").await, []);
    // A correction gives the same answer, at the time of the reply that it corrects.
    let draft = NotificationDraft::like(&second)
        .in_reply_to("")
        .title("补充更正");
    let corrected = correct(&tax, &second.name, draft).await;
    assert_eq!(row().await, answered);
    assert_eq!(outstanding(&tax, "agencies/tax").await, []);
    retract(&tax, &corrected.name).await;
    let open = row().await;
    assert_eq!(
        (&*open.reply, open.replied_at, &*open.replied_by),
        ("", None, "")
    );
    assert_eq!(
        owed(&outstanding(&tax, "agencies/tax").await),
        [(&*sent.name, "agencies/tax", RequestedAction::Reply)],
        "it is owed again"
    );
    let due = outstanding(&tax, "agencies/tax").await[0].due_at;
    assert_eq!(due, asked, "by the same time");
    assert_eq!(
        outstanding(&finance, "agencies/finance/sent").await.len(),
        2
    );
    let anew = publish(&tax, answer("重新答复")).await;
    assert_eq!(row().await.reply, anew.name);
    assert_eq!(outstanding(&tax, "agencies/tax").await, []);
    // What is corrected asks nothing more, so taking back a reply to it asks for none.
    correct(&finance, &sent.name, NotificationDraft::like(&sent)).await;
    retract(&tax, &anew.name).await;
    let owing = outstanding(&tax, "agencies/tax").await;
    assert!(owed(&owing).iter().all(|(name, ..)| *name != sent.name));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_does_not_reach_the_author_settles_nothing() {
    let world = World::start().await;
    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(48);
    let finance = world.clerk("finance");
    let asking = addressed(&["tax", "health"], "核对").reply_by(later);
    let sent = publish(&finance, asking).await;
    let tax = world.clerk("tax");
    let aside = addressed(&["health"], "看看").in_reply_to(&sent.name);
    let aside = publish(&tax, aside).await;
    assert_eq!(aside.in_reply_to, sent.name, "it is threaded all the same");
    let reply = RequestedAction::Reply;
    assert_eq!(
        owed(&outstanding(&tax, "agencies/tax").await),
        [(&*sent.name, "agencies/tax", reply)]
    );
    let rows = finance.channels().delivery_receipts(&sent.name).await;
    assert_eq!(rows.unwrap()[0].replied_at, None);
    let answer = addressed(&["health", "finance"], "答").in_reply_to(&sent.name);
    publish(&tax, answer).await;
    assert_eq!(outstanding(&tax, "agencies/tax").await, []);
    assert_eq!(
        owed(&outstanding(&finance, "agencies/finance/sent").await),
        [(&*sent.name, "agencies/health", reply)]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_is_answered_as_the_first_call_was_though_its_times_have_passed() {
    let clock = Arc::new(Shifted::default());
    let world = World::start_on(Site::new(), Arc::clone(&clock) as Arc<dyn Clock>).await;
    let finance = world.clerk("finance").channels();
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(90);
    let draft = addressed(&["tax"], "核对").sign_by(soon).reply_by(soon);
    let first = finance.publish(draft.clone()).await.unwrap();
    let name = first.response.notification.as_ref().unwrap().name.clone();
    let better = NotificationDraft::like(first.response.notification.as_ref().unwrap())
        .title("再核对")
        .sign_by(soon);
    let corrected = finance.correct(&name, better.clone(), "改").await.unwrap();
    clock.by(jiff::SignedDuration::from_secs(120));
    let again = finance.publish(draft.clone()).await.unwrap();
    assert_eq!(again.response, first.response);
    let again = finance.correct(&name, better, "改").await.unwrap();
    assert_eq!(again.response, corrected.response);
    let anew = draft.request_id(agency_client::request_id());
    let items = vec![addressed(&["tax"], "一"), anew.clone()];
    assert_eq!(
        fields(finance.publish(anew).await),
        ["notification.sign_by_at", "notification.reply_by_at"]
    );
    assert_eq!(
        fields(finance.publish_batch(items).await),
        [
            "requests[1].notification.sign_by_at",
            "requests[1].notification.reply_by_at"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn times_that_have_passed_are_refused() {
    let world = World::start().await;
    let past = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(60);
    let draft = addressed(&["tax"], "核对").sign_by(past).reply_by(past);
    let refused = world.clerk("finance").channels().publish(draft).await;
    assert_eq!(
        fields(refused),
        ["notification.sign_by_at", "notification.reply_by_at"]
    );
}

/// What a durable consumer gets from where it stands; it acknowledges all of it.
async fn come_back(world: &World, agency: &str) -> Vec<(String, NotificationKind)> {
    let clerk = world.clerk(agency);
    let mut stream = clerk.channels().subscribe(SubscribeOptions {
        consumer: Some("oa".into()),
        ..SubscribeOptions::default()
    });
    let (seen, cursor) = backlog(&mut stream).await;
    clerk.channels().acknowledge("oa", &cursor).await.unwrap();
    let seen = seen.into_iter().map(|one| one.notification.unwrap());
    seen.map(|one| (one.title.clone(), one.kind())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_was_offline_gets_original_and_correction_in_order() {
    let mut world = World::start().await;
    publish(&world.clerk("finance"), addressed(&["tax", "health"], "一")).await;
    for agency in ["tax", "health"] {
        assert_eq!(come_back(&world, agency).await.len(), 1);
    }
    // Both are away; health comes back in between.
    let sent = publish(
        &world.clerk("finance"),
        addressed(&["tax", "health"], "五月"),
    )
    .await;
    let (original, correction) = (NotificationKind::Original, NotificationKind::Correction);
    let five = ("五月".to_owned(), original);
    let first = come_back(&world, "health").await;
    assert_eq!(first, std::slice::from_ref(&five));
    world.restart().await;
    let draft = NotificationDraft::like(&sent).title("六月");
    let corrected = correct(&world.clerk("finance"), &sent.name, draft).await;
    retract(&world.clerk("finance"), &corrected.name).await;
    world.restart().await;
    let six = ("六月".to_owned(), correction);
    let gone = ("误发".to_owned(), NotificationKind::Retraction);
    assert_eq!(
        come_back(&world, "tax").await,
        [five, six.clone(), gone.clone()],
        "who missed all gets all, in order"
    );
    assert_eq!(come_back(&world, "health").await, [six, gone]);
    assert_eq!(come_back(&world, "tax").await, [], "once");
    world.stop().await;
}
