//! Reads beside the writer: what a list shows is there to be read.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use hub::{
    clock::ManualClock,
    engine::entropy::SystemEntropy,
    server,
    state::embedded::{EmbeddedOptions, EmbeddedStore},
};
use hub_core::names::{AgencyId, LogName};
use hub_proto::channels::{
    Classification, ListNotificationsRequest, Notification, PublishNotificationRequest,
    channel_service_server::ChannelService as _,
};
use hub_tests::{
    Site, TRUST_DOMAIN,
    direct::{Direct, call},
};
use jiff::Timestamp;

/// Commits beside the readers.
const PUBLISHES: usize = 1_500;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_list_beside_the_writer_never_fails() {
    let site = Site::new();
    let config = site.config();
    let (store, _) = EmbeddedStore::open(EmbeddedOptions {
        dir: config.data_dir.clone(),
        origin: TRUST_DOMAIN.into(),
        key: Arc::new(server::ledger_key(&config).unwrap()),
    })
    .unwrap();
    let clock = ManualClock::at(Timestamp::now());
    let direct =
        Arc::new(Direct::start(&site, Arc::new(store), clock, Box::new(SystemEntropy)).await);
    let tax = direct.caller(&site, "tax", "tax-clerk-1", &["clerk"]);
    let parent = LogName::Sent("tax".parse::<AgencyId>().unwrap()).to_string();
    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let (direct, tax, parent, done) =
                (direct.clone(), tax.clone(), parent.clone(), done.clone());
            tokio::spawn(async move {
                let mut reads = 0_u64;
                while !done.load(Ordering::Relaxed) {
                    let request = ListNotificationsRequest {
                        parent: parent.clone(),
                        page_size: 1,
                        newest_first: true,
                        ..ListNotificationsRequest::default()
                    };
                    direct
                        .services
                        .list_notifications(call(&tax, request))
                        .await
                        .map_err(|status| format!("after {reads} reads: {status:?}"))?;
                    reads += 1;
                    tokio::task::yield_now().await;
                }
                Ok::<u64, String>(reads)
            })
        })
        .collect();
    // Three readers and this many commits met within a few hundred reads when it went wrong.
    for _ in 0..PUBLISHES {
        if readers.iter().any(tokio::task::JoinHandle::is_finished) {
            break;
        }
        let request = PublishNotificationRequest {
            request_id: uuid::Uuid::now_v7().to_string(),
            notification: Some(Notification {
                category: "case_result_fund".into(),
                title: "x".into(),
                media_type: "text/plain".into(),
                classification: Classification::Internal.into(),
                ..Notification::default()
            }),
        };
        direct
            .services
            .publish_notification(call(&tax, request))
            .await
            .unwrap();
    }
    done.store(true, Ordering::Relaxed);
    for reader in readers {
        println!("{} reads", reader.await.unwrap().unwrap());
    }
    direct.stop();
}
