//! Streams, cursors and durable consumers.

use std::time::Duration;

use super::*;

const WAIT: Duration = Duration::from_secs(20);

fn logs_and_positions(deliveries: &[Delivery]) -> Vec<(&str, i64)> {
    deliveries
        .iter()
        .map(|one| (one.log.as_str(), one.position))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn backlog_then_live_in_the_ledgers_order_over_all_logs() {
    let world = World::start().await;
    let office = office(&world);
    publish(&office, notice("all-members", "1")).await;
    publish(&office, addressed(&["tax"], "2")).await;
    publish(&office, notice("joint-enforcement", "3")).await;
    publish(&office, addressed(&["health"], "not for tax")).await;
    publish(&office, notice("all-members", "4")).await;
    let tax = world.clerk("tax");
    let mut stream = subscribe(&tax, &[]);
    let (seen, _) = backlog(&mut stream).await;
    assert_eq!(
        logs_and_positions(&seen),
        [
            ("channels/all-members", 1),
            ("agencies/tax/inbox", 1),
            ("channels/joint-enforcement", 1),
            ("channels/all-members", 2)
        ]
    );
    let mut indexes: Vec<u64> = seen
        .iter()
        .map(|one| one.receipt.as_ref().unwrap().entry_index)
        .collect();
    for title in ["5", "6"] {
        publish(&office, notice("fund-supervision", title)).await;
        let live = tokio::time::timeout(WAIT, next_delivery(&mut stream)).await;
        let live = live.unwrap();
        assert_eq!(live.notification.unwrap().title, title);
        indexes.push(live.receipt.unwrap().entry_index);
    }
    assert!(indexes.is_sorted_by(|one, next| one < next), "{indexes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_resumes_without_gap_or_repeat() {
    let mut world = World::start().await;
    for number in 0..150 {
        publish(&office(&world), notice("all-members", &number.to_string())).await;
    }
    let (all, end) = backlog(&mut subscribe(&world.clerk("tax"), &[])).await;
    assert_eq!(all.len(), 150);
    world.restart().await;
    let tax = world.clerk("tax");
    for at in [0, 1, 63, 64, 127, 128, 148, 149] {
        let mut stream = tax.channels().subscribe(SubscribeOptions {
            cursor: Some(all[at].cursor.clone()),
            ..SubscribeOptions::default()
        });
        let (rest, cursor) = backlog(&mut stream).await;
        assert_eq!(rest, all[at + 1..], "after {at}");
        assert_eq!(cursor, end);
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn live_only_leaves_the_backlog_out() {
    let world = World::start().await;
    let office = office(&world);
    publish(&office, notice("all-members", "before")).await;
    let mut stream = world.clerk("tax").channels().subscribe(SubscribeOptions {
        live_only: true,
        ..SubscribeOptions::default()
    });
    let (seen, _) = backlog(&mut stream).await;
    assert_eq!(seen, []);
    publish(&office, notice("all-members", "after")).await;
    let live = next_delivery(&mut stream).await;
    assert_eq!(
        (live.position, live.notification.unwrap().title.as_str()),
        (2, "after")
    );
    let both = world.clerk("tax").channels().subscribe(SubscribeOptions {
        live_only: true,
        consumer: Some("oa".into()),
        ..SubscribeOptions::default()
    });
    let mut both = both;
    assert_eq!(fields(both.next().await.unwrap()), ["live_only"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_moves_forward_only_and_counts_what_waits() {
    let mut world = World::start().await;
    for number in 0..5 {
        publish(&office(&world), notice("all-members", &number.to_string())).await;
    }
    let tax = world.clerk("tax");
    let (all, _) = backlog(&mut subscribe(&tax, &[])).await;
    assert_eq!(tax.channels().list_consumers().await.unwrap(), []);
    let api = tax.channels();
    let first = api.acknowledge("oa", &all[2].cursor).await.unwrap();
    let consumer = first.response.consumer.unwrap();
    assert_eq!(consumer.name, "agencies/tax/consumers/oa");
    assert_eq!(consumer.lag_count, 2);
    assert_eq!(
        consumer.acknowledged_at,
        first.response.receipt.unwrap().recorded_at
    );
    let back = api.acknowledge("oa", &all[1].cursor).await;
    assert_eq!(reason(back), Reason::CursorBehind);
    api.acknowledge("oa", &all[2].cursor).await.unwrap();
    api.acknowledge("archive", &all[0].cursor).await.unwrap();

    world.restart().await;
    let tax = world.clerk("tax");
    let consumers = tax.channels().list_consumers().await.unwrap();
    let lags: Vec<_> = consumers
        .iter()
        .map(|one| (one.name.rsplit('/').next().unwrap(), one.lag_count))
        .collect();
    assert_eq!(lags, [("archive", 4), ("oa", 2)]);
    let mut stream = tax.channels().subscribe(SubscribeOptions {
        consumer: Some("oa".into()),
        ..SubscribeOptions::default()
    });
    let (rest, cursor) = backlog(&mut stream).await;
    assert_eq!(
        logs_and_positions(&rest),
        [("channels/all-members", 4), ("channels/all-members", 5)]
    );
    let done = tax.channels().acknowledge("oa", &cursor).await.unwrap();
    assert_eq!(done.response.consumer.unwrap().lag_count, 0);
    // Others' consumers are not seen.
    let health = world.clerk("health").channels();
    assert_eq!(health.list_consumers().await.unwrap(), []);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn consumers_are_bounded() {
    let world = World::start().await;
    publish(&office(&world), notice("all-members", "x")).await;
    let tax = world.clerk("tax");
    let (all, _) = backlog(&mut subscribe(&tax, &[])).await;
    for number in 0..16 {
        let id = format!("c-{number}");
        tax.channels()
            .acknowledge(&id, &all[0].cursor)
            .await
            .unwrap();
    }
    let refused = tax.channels().acknowledge("c-16", &all[0].cursor).await;
    assert_eq!(fields(refused), ["consumer"]);
    let long = "c".repeat(33);
    let refused = tax.channels().acknowledge(&long, &all[0].cursor).await;
    assert_eq!(fields(refused), ["consumer"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_of_another_agency_or_a_damaged_one_is_refused() {
    let world = World::start().await;
    publish(&office(&world), notice("all-members", "x")).await;
    let (all, _) = backlog(&mut subscribe(&world.clerk("tax"), &[])).await;
    let cursor = all[0].cursor.clone();
    let mut damaged = cursor.clone().into_bytes();
    damaged[5] = if damaged[5] == b'A' { b'B' } else { b'A' };
    let damaged = String::from_utf8(damaged).unwrap();
    for (agency, cursor) in [("health", cursor), ("tax", damaged)] {
        let api = world.clerk(agency).channels();
        let refused = api.acknowledge("oa", &cursor).await;
        assert_eq!(reason(refused), Reason::CursorInvalid);
        let mut stream = api.subscribe(SubscribeOptions {
            cursor: Some(cursor),
            ..SubscribeOptions::default()
        });
        assert_eq!(reason(stream.next().await.unwrap()), Reason::CursorInvalid);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_goes_on_when_a_log_is_no_longer_the_callers() {
    // Two officers of one agency share a consumer; only one may read the office's inbox.
    let world = World::start().await;
    publish(
        &world.clerk("tax"),
        filled(NotificationDraft::by_route("case_result_fund"), "1"),
    )
    .await;
    publish(&office(&world), notice("all-members", "2")).await;
    let (all, end) = backlog(&mut subscribe(&office(&world), &[])).await;
    assert_eq!(all.len(), 2);
    let api = office(&world).channels();
    api.acknowledge("oa", &end).await.unwrap();
    publish(&office(&world), notice("all-members", "3")).await;
    let clerk = world.clerk("civil-affairs");
    let mut stream = clerk.channels().subscribe(SubscribeOptions {
        consumer: Some("oa".into()),
        ..SubscribeOptions::default()
    });
    let (rest, cursor) = backlog(&mut stream).await;
    assert_eq!(logs_and_positions(&rest), [("channels/all-members", 2)]);
    clerk.channels().acknowledge("oa", &cursor).await.unwrap();
    // What the other officer had dealt with stays dealt with.
    publish(
        &world.clerk("tax"),
        filled(NotificationDraft::by_route("case_result_fund"), "4"),
    )
    .await;
    let mut stream = office(&world).channels().subscribe(SubscribeOptions {
        consumer: Some("oa".into()),
        ..SubscribeOptions::default()
    });
    let (rest, _) = backlog(&mut stream).await;
    assert_eq!(
        logs_and_positions(&rest),
        [("mechanisms/joint-enforcement/office/inbox", 2)]
    );
    // A cursor from before a role was laid down resumes what is left.
    let mut stream = clerk.channels().subscribe(SubscribeOptions {
        cursor: Some(all[1].cursor.clone()),
        ..SubscribeOptions::default()
    });
    let (rest, _) = backlog(&mut stream).await;
    assert_eq!(logs_and_positions(&rest), [("channels/all-members", 2)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_that_are_not_the_callers_are_not_found() {
    let world = World::start().await;
    for log in [
        "agencies/health/inbox",
        "mechanisms/joint-enforcement/office/inbox",
        "channels/no-such-channel",
        "agencies/no-such-agency/inbox",
    ] {
        let tax = world.clerk("tax");
        let mut stream = subscribe(&tax, &[log]);
        assert_eq!(
            reason(stream.next().await.unwrap()),
            Reason::NotFound,
            "{log}"
        );
        assert_eq!(reason(list(&tax, log).await), Reason::NotFound, "{log}");
    }
    let mut finance = subscribe(&world.clerk("finance"), &["channels/joint-enforcement"]);
    assert_eq!(reason(finance.next().await.unwrap()), Reason::NotFound);
    let mut sent = subscribe(&world.clerk("tax"), &["agencies/tax/sent"]);
    assert_eq!(fields(sent.next().await.unwrap()), ["logs[0]"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_in_a_log_that_was_empty_before_counts_too() {
    let world = World::start().await;
    publish(&office(&world), notice("all-members", "1")).await;
    let tax = world.clerk("tax").channels();
    let (all, _) = backlog(&mut subscribe(&world.clerk("tax"), &[])).await;
    let here = tax.acknowledge("oa", &all[0].cursor).await.unwrap();
    assert_eq!(here.response.consumer.unwrap().lag_count, 0);
    let one_log = ["channels/all-members"];
    let (all, _) = backlog(&mut subscribe(&world.clerk("tax"), &one_log)).await;
    tax.acknowledge("web", &all[0].cursor).await.unwrap();
    // The first that ever comes to the inbox.
    publish(&world.clerk("health"), addressed(&["tax"], "2")).await;
    let consumers = tax.list_consumers().await.unwrap();
    let lags: Vec<_> = consumers.iter().map(|one| one.lag_count).collect();
    assert_eq!(
        lags,
        [1, 0],
        "who does not read the inbox owes nothing there"
    );
    let text = world.hub().metrics().encode().unwrap();
    let line = "hub_consumer_lag_notifications{agency=\"tax\",consumer=\"oa\"} 1";
    assert!(text.contains(line), "{text}");
}
