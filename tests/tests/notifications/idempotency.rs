//! Recorded once, whatever is sent twice.

use futures::future::join_all;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_returns_the_identical_answer_before_and_after_restarts() {
    let mut world = World::start().await;
    let draft = notice("all-members", "一次");
    let letter = addressed(&["tax"], "一封");
    let batch = vec![notice("all-members", "批一"), addressed(&["tax"], "批二")];
    let batch_id = uuid::Uuid::now_v7().to_string();
    let sent = async |world: &World| {
        let api = office(world).channels();
        let batch = api.publish_batch_as(batch.clone(), batch_id.clone());
        (
            api.publish(draft.clone()).await.unwrap().response,
            api.publish(letter.clone()).await.unwrap().response,
            batch.await.unwrap().response,
        )
    };
    let first = sent(&world).await;
    assert_eq!(sent(&world).await, first);
    world.restart().await;
    assert_eq!(sent(&world).await, first, "after a restart");
    world.stop().await;
    std::fs::remove_dir_all(world.site.data_dir().join("state")).unwrap();
    world.restart().await;
    assert_eq!(sent(&world).await, first, "after the index was deleted");
    assert_eq!(
        titles(&office(&world), "channels/all-members").await,
        ["一次", "批一"]
    );
    let tax = world.clerk("tax");
    assert_eq!(titles(&tax, "agencies/tax/inbox").await, ["一封", "批二"]);

    // The same ids with other content, in any call, are refused, also after all this.
    let api = office(&world).channels();
    let other = api.publish(draft.clone().title("另一")).await;
    assert_eq!(reason(other), Reason::RequestIdReused);
    let moved = notice("joint-enforcement", "一次").request_id(draft.id());
    assert_eq!(reason(api.publish(moved).await), Reason::RequestIdReused);
    let item = batch[0].clone();
    assert_eq!(reason(api.publish(item).await), Reason::RequestIdReused);
    let fewer = api.publish_batch_as(batch[..1].to_vec(), batch_id.clone());
    assert_eq!(reason(fewer.await), Reason::RequestIdReused);
    let anew = api.publish_batch(vec![notice("all-members", "新"), draft.clone()]);
    assert_eq!(reason(anew.await), Reason::RequestIdReused);
    assert_eq!(
        titles(&office(&world), "channels/all-members").await.len(),
        2
    );
    // Another agency's id is its own affair.
    let same_id = addressed(&["health"], "同号").request_id(draft.id());
    publish(&tax, same_id).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_duplicates_are_recorded_once() {
    let world = World::start().await;
    let clients: Vec<Client> = (0..8).map(|_| office(&world)).collect();
    for round in 0..5 {
        let draft = notice("all-members", &format!("第{round}轮"));
        let calls = clients.iter().map(|client| {
            let draft = draft.clone();
            async move { client.channels().publish(draft).await.unwrap().response }
        });
        let answers = join_all(calls).await;
        assert!(answers.iter().all(|one| *one == answers[0]), "{answers:?}");
    }
    // Eight different contents under one id: one wins, the others are told.
    let id = uuid::Uuid::now_v7().to_string();
    let calls = clients.iter().enumerate().map(|(number, client)| {
        let draft = notice("all-members", &format!("不同{number}")).request_id(&id);
        async move { client.channels().publish(draft).await }
    });
    let answers = join_all(calls).await;
    assert_eq!(answers.iter().filter(|one| one.is_ok()).count(), 1);
    for refused in answers.into_iter().filter(Result::is_err) {
        assert_eq!(reason(refused), Reason::RequestIdReused);
    }
    assert_eq!(titles(&clients[0], "channels/all-members").await.len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_is_no_uuid_7_or_from_the_future_is_refused() {
    let world = World::start().await;
    let api = office(&world).channels();
    let ahead_ms = u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap() + 600_000;
    let ahead = uuid::Builder::from_unix_timestamp_millis(ahead_ms, &[7; 10]).into_uuid();
    let draft = notice("all-members", "x").request_id(ahead.to_string());
    assert_eq!(fields(api.publish(draft).await), ["request_id"]);
}
