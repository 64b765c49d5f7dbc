//! Every method that can show a restricted record records that it does.

use std::{collections::BTreeSet, pin::Pin};

use futures::StreamExt as _;
use hub::wire::reads::decisions::{DECISIONS, Decision};
use hub_proto::{
    attachments::{
        DownloadAttachmentRequest, attachment_service_server::AttachmentService as _,
        download_attachment_response::Part,
    },
    audit::RecordKind,
    channels::{
        GetNotificationRequest, ListDeliveryReceiptsRequest, ListNotificationsRequest,
        ListOutstandingActionsRequest, OpenNotificationRequest, SearchNotificationsRequest,
        SignForNotificationRequest, SubscribeRequest, subscribe_response::Event,
    },
    ledger::{GetEntryRequest, ledger_service_server::LedgerService as _},
};
use hub_tests::{PURPOSE, attachments, channels, ledger, raw::requests::request_id_in};

use super::*;

/// Reads that another test binary proves, by the capability's package.
const PROVED_ELSEWHERE: [&str; 3] = ["/hub.funds.", "/hub.referrals.", "/hub.requests."];

const FILE: &[u8] = b"evidence";

/// A read that is under way: answers whether it showed anything of the record.
type Reading<'a> = Pin<Box<dyn Future<Output = Result<bool, Status>> + Send + 'a>>;

/// What a reader needs to know of what was sent to it.
pub(super) struct Sent {
    pub(super) notification: Notification,
    entry_index: u64,
}

/// Sends a letter to health that asks to be signed for and to be answered, with a file.
pub(super) async fn sent(hall: &mut Hall) -> Sent {
    let file = upload(&hall.direct, "tax", FILE).await;
    let day = hall.direct.clock.now() + jiff::SignedDuration::from_hours(48);
    let by = Some(hub_core::date::timestamp(day));
    let notification = Notification {
        attachments: vec![file],
        sign_by_at: by,
        reply_by_at: by,
        ..letter(&["health"])
    };
    let notification = hall.publish("tax", notification).await;
    let entry_index = hall.direct.services.engine.store().head() - 1;
    Sent {
        notification,
        entry_index,
    }
}

/// Every way for an officer of health to read what was sent to it.
pub(super) fn ways<'a>(hall: &'a Hall, sent: &'a Sent) -> Vec<(&'static str, Reading<'a>)> {
    let services = &hall.direct.services;
    let name = &sent.notification.name;
    let title = &sent.notification.title;
    let reader = hall.officer("health", "leader");
    let inbox = "agencies/health/inbox";
    let id = || request_id_in(0);
    let is_it = move |one: &Notification| one.name == *name && one.title == *title;
    let get = {
        let reader = Arc::clone(&reader);
        async move {
            let asked = GetNotificationRequest { name: name.clone() };
            let answer = services.get_notification(call(&reader, asked)).await?;
            Ok(answer
                .into_inner()
                .notification
                .is_some_and(|one| is_it(&one)))
        }
    };
    let list = {
        let reader = Arc::clone(&reader);
        async move {
            let asked = ListNotificationsRequest {
                parent: inbox.into(),
                ..ListNotificationsRequest::default()
            };
            let answer = services.list_notifications(call(&reader, asked)).await?;
            Ok(answer.into_inner().notifications.iter().any(is_it))
        }
    };
    let open = {
        let reader = Arc::clone(&reader);
        async move {
            let asked = OpenNotificationRequest {
                name: name.clone(),
                request_id: id(),
                ..OpenNotificationRequest::default()
            };
            let answer = services.open_notification(call(&reader, asked)).await?;
            Ok(answer
                .into_inner()
                .notification
                .is_some_and(|one| is_it(&one)))
        }
    };
    let sign = {
        let reader = Arc::clone(&reader);
        async move {
            let asked = SignForNotificationRequest {
                name: name.clone(),
                request_id: id(),
                ..SignForNotificationRequest::default()
            };
            let answer = services.sign_for_notification(call(&reader, asked)).await?;
            let row = answer.into_inner().delivery_receipt.unwrap();
            Ok(row
                .outstanding_actions
                .iter()
                .any(|one| one.title == *title))
        }
    };
    let receipts = {
        let reader = Arc::clone(&reader);
        async move {
            let asked = ListDeliveryReceiptsRequest {
                parent: name.clone(),
            };
            let answer = services
                .list_delivery_receipts(call(&reader, asked))
                .await?;
            let rows = answer.into_inner().delivery_receipts;
            let mut asked = rows.iter().flat_map(|row| &row.outstanding_actions);
            Ok(asked.any(|one| one.title == *title))
        }
    };
    let outstanding = {
        let reader = Arc::clone(&reader);
        async move {
            let asked = ListOutstandingActionsRequest {
                parent: "agencies/health".into(),
                ..ListOutstandingActionsRequest::default()
            };
            let answer = services
                .list_outstanding_actions(call(&reader, asked))
                .await?;
            let mut actions = answer.into_inner().outstanding_actions.into_iter();
            Ok(actions.any(|one| one.title == *title))
        }
    };
    let search = {
        let reader = Arc::clone(&reader);
        async move {
            let asked = SearchNotificationsRequest {
                author: "agencies/tax".into(),
                ..SearchNotificationsRequest::default()
            };
            let answer = services.search_notifications(call(&reader, asked)).await?;
            Ok(answer.into_inner().notifications.iter().any(is_it))
        }
    };
    let subscribe = {
        let reader = Arc::clone(&reader);
        async move {
            let asked = SubscribeRequest {
                logs: vec![inbox.into()],
                ..SubscribeRequest::default()
            };
            let stream = services.subscribe(call(&reader, asked)).await?;
            let mut stream = stream.into_inner();
            let first = stream
                .next()
                .await
                .expect("a stream begins with an event")?;
            match first.event {
                Some(Event::Delivery(delivery)) => {
                    Ok(delivery.notification.is_some_and(|one| is_it(&one)))
                }
                _ => Ok(false),
            }
        }
    };
    let download = {
        let reader = Arc::clone(&reader);
        async move {
            let asked = DownloadAttachmentRequest {
                notification: name.clone(),
                sha256: sent.notification.attachments[0].sha256.clone(),
                offset: 0,
            };
            let stream = services.download_attachment(call(&reader, asked)).await?;
            let mut stream = stream.into_inner();
            let mut bytes = vec![];
            while let Some(part) = stream.next().await {
                if let Some(Part::Chunk(chunk)) = part?.part {
                    bytes.extend(chunk);
                }
            }
            Ok(bytes == FILE)
        }
    };
    let entry = async move {
        let asked = GetEntryRequest {
            entry_index: sent.entry_index,
        };
        let answer = services.get_entry(call(&reader, asked)).await?;
        let entry = answer.into_inner().entry.unwrap();
        let text = String::from_utf8_lossy(&entry.content).into_owned();
        Ok(text.contains(title.as_str()))
    };
    vec![
        (channels!("GetNotification"), Box::pin(get)),
        (channels!("ListNotifications"), Box::pin(list)),
        (channels!("ListDeliveryReceipts"), Box::pin(receipts)),
        (channels!("ListOutstandingActions"), Box::pin(outstanding)),
        (channels!("SearchNotifications"), Box::pin(search)),
        (channels!("Subscribe"), Box::pin(subscribe)),
        (attachments!("DownloadAttachment"), Box::pin(download)),
        (ledger!("GetEntry"), Box::pin(entry)),
        (channels!("OpenNotification"), Box::pin(open)),
        (channels!("SignForNotification"), Box::pin(sign)),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn x_006_every_way_of_reading_an_addressed_notification_is_on_the_record() {
    let mut hall = Hall::new().await;
    let sent = sent(&mut hall).await;
    let mut tried = BTreeSet::new();
    for (method, reading) in ways(&hall, &sent) {
        let before = hall.own("health").await.len();
        assert!(reading.await.unwrap(), "{method} shows the record");
        let listed = hall.own("health").await;
        assert_eq!(listed.len(), before + 1, "{method} is one access");
        let access = &listed[0];
        assert_eq!(access.method, method);
        assert_eq!(access.reader, "agencies/health");
        assert_eq!(access.officer, "health-leader-1");
        assert_eq!(access.role, "leader");
        assert_eq!(access.purpose, PURPOSE);
        assert_eq!(names(access), [sent.notification.name.as_str()], "{method}");
        assert_eq!(access.records[0].kind(), RecordKind::Notification);
        // The author's auditor and the leading group's office list the same.
        assert_eq!(hall.own("tax").await[0], *access, "{method}");
        assert_eq!(hall.all().await[0], *access, "{method}");
        tried.insert(method);
    }
    let decided = DECISIONS.iter();
    let recorded: BTreeSet<&str> = decided
        .filter(|(_, decision)| *decision == Decision::Recorded)
        .map(|(method, _)| *method)
        .filter(|method| !PROVED_ELSEWHERE.iter().any(|one| method.starts_with(one)))
        .collect();
    assert_eq!(recorded, tried, "every method that records is tried here");
    hall.direct.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_read_of_a_restricted_record_is_not_recorded() {
    let mut hall = Hall::new().await;
    let head = |hall: &Hall| hall.direct.services.engine.store().head();
    let open = hall.publish("tax", open_notice()).await;
    let secret = hall.send("tax", &["health"]).await;
    let start = head(&hall);
    let (health, finance) = (
        hall.officer("health", "clerk"),
        hall.officer("finance", "clerk"),
    );
    let get = async |caller, name: &str| {
        let asked = GetNotificationRequest { name: name.into() };
        let services = &hall.direct.services;
        services.get_notification(call(caller, asked)).await
    };
    // A channel is for its whole audience; an author's answer is its own; what is not found is no read.
    get(&health, &open.name).await.unwrap();
    let refused = get(&finance, &secret.name).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::NotFound);
    let asked = ListNotificationsRequest {
        parent: "agencies/finance/inbox".into(),
        ..ListNotificationsRequest::default()
    };
    let services = &hall.direct.services;
    let empty = services.list_notifications(call(&finance, asked)).await;
    assert!(empty.unwrap().into_inner().notifications.is_empty());
    hall.own("health").await;
    assert_eq!(head(&hall), start, "nor is listing accesses");
    // The sender's own officers read it like everybody else.
    let tax = hall.officer("tax", "clerk");
    get(&tax, &secret.name).await.unwrap();
    assert_eq!(head(&hall), start + 1);
    assert_eq!(hall.own("tax").await[0].officer, "tax-clerk-1");
    hall.direct.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_one_access_and_more_than_256_records_are_two() {
    let mut hall = Hall::new().await;
    for _ in 0..260 {
        hall.send("tax", &["health"]).await;
    }
    let clerk = hall.officer("health", "clerk");
    let list = async |page_size| {
        let asked = ListNotificationsRequest {
            parent: "agencies/health/inbox".into(),
            page_size,
            ..ListNotificationsRequest::default()
        };
        let services = &hall.direct.services;
        let page = services.list_notifications(call(&clerk, asked)).await;
        page.unwrap().into_inner().notifications.len()
    };
    assert_eq!(list(256).await, 256);
    let counts = async || -> Vec<usize> {
        let listed = hall.own("health").await;
        listed.iter().map(|one| one.records.len()).collect()
    };
    assert_eq!(counts().await, [256]);
    assert_eq!(list(260).await, 260);
    assert_eq!(counts().await, [4, 256, 256]);
    hall.direct.stop();
}
