//! Limits of what is asked by a time, of corrections and retractions, and of lists of what is
//! outstanding.

use hub_proto::channels::{
    CorrectNotificationRequest, CorrectNotificationResponse, ListOutstandingActionsRequest,
    ListOutstandingActionsResponse, PublishNotificationResponse, RetractNotificationRequest,
};
use hub_tests::raw::requests::draft;
use jiff::{SignedDuration, Timestamp};

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

/// What makes a draft wrong.
type Change = fn(&mut Notification);

/// Corrects and retracts one notification of tax's after another.
struct Desk {
    bench: Bench,
    name: String,
}

impl Desk {
    async fn new() -> Self {
        let bench = Bench::new().await;
        let first = to_addressees("coordination", &["agencies/health"]);
        let first = publish(first, request_id());
        let sent: PublishNotificationResponse = bench.clerk.ask(PUBLISH, &first).await.unwrap();
        let name = sent.notification.unwrap().name;
        Self { bench, name }
    }

    /// A correction is the next one to be corrected.
    async fn correct(&mut self, reason: &str, change: Change) -> Result<(), Status> {
        let mut notification = draft("coordination");
        change(&mut notification);
        let request = CorrectNotificationRequest {
            name: self.name.clone(),
            notification: Some(notification),
            reason: reason.into(),
            request_id: request_id(),
        };
        let method = channels!("CorrectNotification");
        let clerk = &self.bench.clerk;
        let answer = clerk.ask::<CorrectNotificationResponse>(method, &request);
        self.name = answer.await?.notification.unwrap().name;
        Ok(())
    }

    async fn retract(&self, reason: &str) -> Result<(), Status> {
        let request = RetractNotificationRequest {
            name: self.name.clone(),
            reason: reason.into(),
            request_id: request_id(),
        };
        let method = channels!("RetractNotification");
        let answer = self.bench.clerk.call(method, request.encode_to_vec());
        answer.await.map(drop)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reasons_of_corrections_and_retractions() {
    let mut desk = Desk::new().await;
    for reason in ["社".repeat(201).as_str(), "", " ", "一\n二"] {
        let refused = desk.correct(reason, |_| {}).await.unwrap_err();
        names(&refused, "reason", "1 to 200");
        let refused = desk.retract(reason).await.unwrap_err();
        names(&refused, "reason", "1 to 200");
    }
    let longest = "社".repeat(200);
    let first = desk.name.clone();
    desk.correct(&longest, |_| {}).await.unwrap();
    desk.retract(&longest).await.unwrap();
    for name in [desk.name.clone(), first] {
        desk.name = name;
        let status = desk.retract("再").await.unwrap_err();
        assert_eq!(status.code(), Code::FailedPrecondition);
        assert_eq!(reason(&status), "NOTIFICATION_SUPERSEDED");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_hub_sets_and_what_a_correction_inherits() {
    let mut desk = Desk::new().await;
    let output_only: [(&str, Change); 9] = [
        ("name", |one| one.name = "channels/x/notifications/1".into()),
        ("state", |one| one.state = 1),
        ("kind", |one| one.kind = 3),
        ("about", |one| one.about = "x".into()),
        ("reason", |one| one.reason = "x".into()),
        ("superseded_by", |one| one.superseded_by = "x".into()),
        ("is_sealed", |one| one.is_sealed = true),
        ("resource", |one| one.resource = "meetings/x".into()),
        ("request_id", |one| one.request_id = "x".into()),
    ];
    for (field, change) in output_only {
        let field = format!("notification.{field}");
        let refused = desk.correct("改", change).await.unwrap_err();
        names(&refused, &field, "output only");
        let refused = desk.bench.publish(change).await.unwrap_err();
        names(&refused, &field, "output only");
    }
    let inherited: [(&str, Change); 3] = [
        ("channel", |one| one.channel = "channels/all-members".into()),
        ("addressees", |one| {
            one.addressees = vec!["agencies/tax".into()];
        }),
        ("category", |one| one.category = "case_result_fund".into()),
    ];
    for (field, change) in inherited {
        let refused = desk.correct("改", change).await.unwrap_err();
        names(&refused, &format!("notification.{field}"), "correct");
    }
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
