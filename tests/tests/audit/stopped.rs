//! Without a record there is no read.

use std::{
    io,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use futures::StreamExt as _;
use hub::state::embedded::{
    EmbeddedOptions, EmbeddedStore,
    room::{Disk, RoomOptions},
};
use hub_proto::channels::{
    GetNotificationRequest, ListNotificationsRequest, SubscribeRequest, subscribe_response::Event,
};
use hub_tests::raw;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_shown_before_its_record_is_durable() {
    let (mut hall, gate) = gated().await;
    let open = hall.publish("tax", open_notice()).await;
    let sent = reads::sent(&mut hall).await;
    let clerk = hall.officer("health", "clerk");
    for (method, mut reading) in reads::ways(&hall, &sent) {
        let acts = ["OpenNotification", "SignForNotification"];
        let is_act = acts.iter().any(|one| method.ends_with(one));
        let head = hall.direct.services.engine.store().head();
        gate.close();
        tokio::select! {
            answer = &mut reading => panic!("{method} answered {answer:?} before the commit"),
            () = gate.until_the_writer_waits() => {}
        }
        // What is for a whole channel can be read meanwhile.
        let asked = GetNotificationRequest {
            name: open.name.clone(),
        };
        let services = &hall.direct.services;
        services
            .get_notification(call(&clerk, asked))
            .await
            .unwrap();
        assert_eq!(services.engine.store().head(), head, "{method}");
        gate.open();
        assert!(reading.await.unwrap(), "{method}");
        let grown = services.engine.store().head() - head;
        assert_eq!(grown, if is_act { 2 } else { 1 }, "{method}");
    }
    hall.direct.stop();
}

/// A disk that answers what it is told to.
#[derive(Debug)]
struct Told(AtomicU64);

impl Disk for Told {
    fn free_bytes(&self, _dir: &Path) -> io::Result<u64> {
        Ok(self.0.load(Ordering::SeqCst))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_reads_of_restricted_records_and_no_others() {
    let site = Site::new();
    let disk = Arc::new(Told(AtomicU64::new(u64::MAX)));
    let options = EmbeddedOptions {
        dir: site.config().data_dir.clone(),
        origin: TRUST_DOMAIN.into(),
        key: Arc::new(server::ledger_key(&site.config()).unwrap()),
    };
    let room = RoomOptions {
        free_bytes_min: 1_000_000,
        disk: Arc::clone(&disk) as Arc<dyn Disk>,
    };
    let store = Arc::new(EmbeddedStore::open_with(options, room).unwrap().0);
    let direct = start(&site, store).await;
    let unused = memory(&site);
    let mut hall = Hall {
        site,
        direct,
        store: unused,
        random: Random::new(7),
    };
    let open = hall.publish("tax", open_notice()).await;
    let sent = reads::sent(&mut hall).await;
    let later = hall.publish("tax", open_notice()).await;
    disk.0.store(999_999, Ordering::SeqCst);
    // Time passes, so that the disk is asked again.
    hall.direct.clock.advance_us(1_000_000);
    for (method, reading) in reads::ways(&hall, &sent) {
        let refused = reading.await.unwrap_err();
        assert_eq!(raw::reason(&refused), "STORAGE_FULL", "{method}");
    }
    let services = &hall.direct.services;
    let clerk = hall.officer("health", "clerk");
    for name in [&open.name, &later.name] {
        let asked = GetNotificationRequest { name: name.clone() };
        services
            .get_notification(call(&clerk, asked))
            .await
            .unwrap();
    }
    let asked = ListNotificationsRequest {
        parent: "channels/joint-enforcement".into(),
        ..ListNotificationsRequest::default()
    };
    let page = services.list_notifications(call(&clerk, asked)).await;
    assert_eq!(page.unwrap().into_inner().notifications.len(), 2);
    // A stream over both gives what comes before, and says why it ends.
    let stream = services.subscribe(call(&clerk, SubscribeRequest::default()));
    let mut stream = stream.await.unwrap().into_inner();
    let first = stream.next().await.unwrap().unwrap();
    let Some(Event::Delivery(first)) = first.event else {
        panic!("{first:?}")
    };
    assert_eq!(first.notification.unwrap().name, open.name);
    let refused = stream.next().await.unwrap().unwrap_err();
    assert_eq!(raw::reason(&refused), "STORAGE_FULL");
    assert!(stream.next().await.is_none());
    // There is room again: everything can be read, and is on the record.
    disk.0.store(u64::MAX, Ordering::SeqCst);
    for (method, reading) in reads::ways(&hall, &sent) {
        assert!(reading.await.unwrap(), "{method}");
    }
    assert_eq!(hall.own("health").await.len(), 10);
    hall.direct.stop();
}
