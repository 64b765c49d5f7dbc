//! Limits of what is asked by a time, of corrections and retractions, and of lists of what is
//! outstanding.

use hub_proto::channels::{
    CorrectNotificationRequest, CorrectNotificationResponse, ListOutstandingActionsRequest,
    ListOutstandingActionsResponse, PublishNotificationResponse, RetractNotificationRequest,
};
use hub_tests::raw::requests::draft;
use jiff::SignedDuration;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn the_times_by_which_something_is_asked() {
    const TEN_YEARS_S: i64 = 10 * 366 * 24 * 3_600;
    let bench = Bench::new().await;
    let at = |seconds: i64| {
        let at = Timestamp::now() + SignedDuration::from_secs(seconds);
        Some(hub_core::date::timestamp(at))
    };
    for field in ["sign_by_at", "reply_by_at"] {
        let send = async |seconds| {
            let publish = bench.publish(|draft| match field {
                "sign_by_at" => draft.sign_by_at = at(seconds),
                _ => draft.reply_by_at = at(seconds),
            });
            publish.await
        };
        let named = format!("notification.{field}");
        send(20).await.unwrap();
        names(&send(-1).await.unwrap_err(), &named, "later than now");
        send(TEN_YEARS_S - 20).await.unwrap();
        let far = send(TEN_YEARS_S + 20).await.unwrap_err();
        names(&far, &named, "at most ten years ahead");
        // An instant that the calendar does not have.
        let head = bench.head();
        let status = bench
            .publish(|draft| {
                let never = prost_types::Timestamp {
                    seconds: i64::MAX,
                    nanos: 0,
                };
                match field {
                    "sign_by_at" => draft.sign_by_at = Some(never),
                    _ => draft.reply_by_at = Some(never),
                }
            })
            .await
            .unwrap_err();
        names(&status, &named, "between the years 1 and 9999");
        assert_eq!(bench.head(), head);
    }
    let status = bench.publish(|draft| draft.in_reply_to = "x".into()).await;
    names(&status.unwrap_err(), "notification.in_reply_to", "");
}

#[tokio::test(flavor = "multi_thread")]
async fn reasons_of_corrections_and_what_only_the_hub_sets() {
    let bench = Bench::new().await;
    let first = publish(
        to_addressees("coordination", &["agencies/health"]),
        request_id(),
    );
    let sent: PublishNotificationResponse = bench.clerk.ask(PUBLISH, &first).await.unwrap();
    let mut name = sent.notification.unwrap().name;
    let correct = async |name: &str, reason: String, change: fn(&mut Notification)| {
        let mut notification = draft("coordination");
        change(&mut notification);
        let request = CorrectNotificationRequest {
            name: name.into(),
            notification: Some(notification),
            reason,
            request_id: request_id(),
        };
        let method = channels!("CorrectNotification");
        let answer = bench
            .clerk
            .ask::<CorrectNotificationResponse>(method, &request);
        answer.await.map(|answer| answer.notification.unwrap().name)
    };
    let retract = async |name: &str, reason: String| {
        let request = RetractNotificationRequest {
            name: name.into(),
            reason,
            request_id: request_id(),
        };
        let method = channels!("RetractNotification");
        bench.clerk.call(method, request.encode_to_vec()).await
    };
    for reason in ["社".repeat(201), String::new(), " ".into(), "一\n二".into()] {
        let refused = correct(&name, reason.clone(), |_| {}).await.unwrap_err();
        names(&refused, "reason", "1 to 200");
        names(
            &retract(&name, reason).await.unwrap_err(),
            "reason",
            "1 to 200",
        );
    }
    name = correct(&name, "社".repeat(200), |_| {}).await.unwrap();
    let output_only: [(&str, fn(&mut Notification)); 8] = [
        ("name", |one| one.name = "channels/x/notifications/1".into()),
        ("state", |one| one.state = 1),
        ("kind", |one| one.kind = 3),
        ("about", |one| one.about = "x".into()),
        ("reason", |one| one.reason = "x".into()),
        ("superseded_by", |one| one.superseded_by = "x".into()),
        ("is_sealed", |one| one.is_sealed = true),
        ("request_id", |one| one.request_id = "x".into()),
    ];
    for (field, change) in output_only {
        let field = format!("notification.{field}");
        let refused = correct(&name, "改".into(), change).await.unwrap_err();
        names(&refused, &field, "output only");
        let refused = bench.publish(change).await.unwrap_err();
        names(&refused, &field, "output only");
    }
    let elsewhere: [(&str, fn(&mut Notification)); 3] = [
        ("channel", |one| one.channel = "channels/all-members".into()),
        ("addressees", |one| {
            one.addressees = vec!["agencies/tax".into()]
        }),
        ("category", |one| one.category = "case_result_fund".into()),
    ];
    for (field, change) in elsewhere {
        let refused = correct(&name, "改".into(), change).await.unwrap_err();
        names(&refused, &format!("notification.{field}"), "correct");
    }
    retract(&name, "社".repeat(200)).await.unwrap();
    let status = retract(&name, "再".into()).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(reason(&status), "NOTIFICATION_SUPERSEDED");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_what_is_outstanding() {
    let bench = Bench::new().await;
    let list = async |page_size, page_token: &str| {
        let request = ListOutstandingActionsRequest {
            parent: "agencies/tax/sent".into(),
            page_size,
            page_token: page_token.into(),
            ..ListOutstandingActionsRequest::default()
        };
        let method = channels!("ListOutstandingActions");
        let answer = bench
            .clerk
            .ask::<ListOutstandingActionsResponse>(method, &request);
        answer.await
    };
    list(500, "").await.unwrap();
    for size in [501, -1, i32::MAX] {
        names(&list(size, "").await.unwrap_err(), "page_size", "0 to 500");
    }
    let by = Some(hub_core::date::timestamp(
        Timestamp::now() + SignedDuration::from_hours(1),
    ));
    let asking = |draft: &mut Notification| {
        draft.sign_by_at = by;
        draft.reply_by_at = by;
    };
    bench.publish(asking).await.unwrap();
    let page = list(1, "").await.unwrap();
    assert_eq!(page.outstanding_actions.len(), 1);
    let rest = list(1, &page.next_page_token).await.unwrap();
    assert_eq!(rest.outstanding_actions.len(), 1);
    assert_ne!(page.outstanding_actions, rest.outstanding_actions);
    assert_eq!(rest.next_page_token, "", "two in all");
    for token in ["x", &"A".repeat(100_000), &page.next_page_token[1..]] {
        let status = list(1, token).await.unwrap_err();
        assert_eq!(reason(&status), "CURSOR_INVALID", "{status:?}");
    }
}
