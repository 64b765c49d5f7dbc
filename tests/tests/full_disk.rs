//! A disk that fills up stops writes with a clear error, keeps reads alive, and when there is room
//! again everything goes on by itself with everything that was acknowledged.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test: a failure here is a failed test, and how it ran is printed"
)]

#[path = "full_disk/disk.rs"]
mod disk;

use std::{
    collections::BTreeMap,
    fs, io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use agency_client::{
    Client, RetryPolicy,
    channels::NotificationDraft,
    error::ClientError,
    subscribe::{Event, SubscribeOptions},
};
use disk::SmallDisk;
use hub::{
    clock::{Clock as _, ManualClock},
    config::Config,
    engine::{Writes, entropy::SeededEntropy},
    fsck, server,
    state::{
        embedded::{
            EmbeddedOptions, EmbeddedStore,
            room::{Disk, RoomOptions},
        },
        store::Store,
    },
};
use hub_core::reason::Reason;
use hub_proto::{
    channels::{
        Classification, ListNotificationsRequest, Notification, PublishNotificationRequest,
        channel_service_server::ChannelService as _,
    },
    common::Receipt,
};
use hub_tests::{
    Site, TRUST_DOMAIN,
    direct::{Direct, call},
    process::HubProcess,
    random::Random,
};
use tonic_types::StatusExt as _;

/// Publishes until the hub refuses. The floor is asked for now and then only, so some are taken yet.
const TRIES_MAX: usize = 5_000;

/// Bytes of a body; a few fill what room a page leaves.
const BODY_BYTES: usize = 6_000;

/// Longer than what was recorded waits for a flush of the index: a second in memory, a second in sled.
const FLUSH_MAX: Duration = Duration::from_secs(3);

/// How often a disk is filled until sled needs more of it just then.
const CYCLES_MAX: usize = 20;

/// Acts of a cycle. Together they need more than one of sled's segments (512 KiB): what fits into a
/// segment that the file already has is written however full the disk is.
const CYCLE_ACTS: usize = 500;

const CHANNEL: &str = "channels/joint-enforcement";

fn draft() -> NotificationDraft {
    NotificationDraft::to_channel("joint-enforcement")
        .category("coordination")
        .title("工作沟通")
        .body(vec![7; BODY_BYTES], "application/octet-stream")
        .classification(Classification::Internal)
}

/// A client that does not try again by itself.
fn client(site: &Site, endpoint: &str) -> Client {
    Client::builder(&site.profile("tax"))
        .endpoint(endpoint)
        .officer("tax-clerk-1")
        .roles(["clerk"])
        .retry(RetryPolicy::never())
        .build()
        .unwrap()
}

/// What was acknowledged, by name.
type Acknowledged = BTreeMap<String, Receipt>;

async fn publish(
    client: &Client,
    draft: NotificationDraft,
) -> Result<(String, Receipt), ClientError> {
    let published = client.channels().publish(draft).await?.response;
    let name = published.notification.unwrap().name;
    Ok((name, published.receipt.unwrap()))
}

fn assert_full(error: &ClientError) {
    let ClientError::Refused(refusal) = error else {
        panic!("{error}");
    };
    assert_eq!(refusal.reason, Some(Reason::StorageFull), "{error}");
    assert_eq!(refusal.code, tonic::Code::ResourceExhausted);
    assert!(
        refusal
            .retry_after
            .is_some_and(|after| after.as_secs() >= 1)
    );
}

/// Publishes until the disk is full; the draft that was refused.
async fn until_full(client: &Client, acknowledged: &mut Acknowledged) -> NotificationDraft {
    for _ in 0..TRIES_MAX {
        let draft = draft();
        match publish(client, draft.clone()).await {
            Ok((name, receipt)) => {
                acknowledged.insert(name, receipt);
            }
            Err(error) => {
                assert_full(&error);
                return draft;
            }
        }
    }
    panic!("the disk is full, but {TRIES_MAX} publishes were taken");
}

/// Lists, receipts and a subscription from the beginning show all that was acknowledged, and nothing
/// else.
async fn check_reads(client: &Client, acknowledged: &Acknowledged) {
    let mut request = ListNotificationsRequest {
        parent: CHANNEL.into(),
        page_size: 500,
        ..ListNotificationsRequest::default()
    };
    let mut listed = vec![];
    loop {
        let page = client
            .channels()
            .list_notifications(&request)
            .await
            .unwrap();
        listed.extend(page.notifications.into_iter().map(|one| one.name));
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(listed.len(), acknowledged.len());
    for name in &listed {
        let got = client.channels().notification(name).await.unwrap();
        assert_eq!(got.receipt.as_ref(), acknowledged.get(name), "{name}");
        assert_eq!(got.notification.unwrap().body.len(), BODY_BYTES);
    }
    let options = SubscribeOptions {
        logs: vec![CHANNEL.into()],
        ..SubscribeOptions::default()
    };
    let mut stream = client.channels().subscribe(options);
    let mut delivered = vec![];
    loop {
        match stream.next().await.unwrap().unwrap() {
            Event::Delivery(delivery) => delivered.push(delivery.notification.unwrap().name),
            Event::CaughtUp { .. } => break,
            _ => {}
        }
    }
    assert_eq!(delivered, listed);
}

/// The site's hub keeps its data on a small disk; and the settings with the data folder as this
/// process sees it.
fn site_on(disk: &SmallDisk, free_bytes_min: u64) -> (Site, Config) {
    let site = Site::new();
    let text = fs::read_to_string(site.config_file()).unwrap();
    let data = disk.inside().join("data");
    let line = format!("data_dir = {:?}", data.to_str().unwrap());
    let text = text.replace("data_dir = \"data\"", &line);
    let text = format!("{text}\n[limits]\ndisk_free_bytes_min = {free_bytes_min}\n");
    fs::write(site.config_file(), text).unwrap();
    let mut config = site.config();
    config.data_dir = disk.path().join("data");
    (site, config)
}

/// When sled last wrote its file.
fn index_written_at(config: &Config) -> SystemTime {
    let index = config.data_dir.join("state/db");
    fs::metadata(index).unwrap().modified().unwrap()
}

/// Waits until sled has flushed, in the background and on a full disk, what was recorded before. It
/// may have done so just before the disk was full: then there is nothing to wait for.
async fn flushed(config: &Config, before: SystemTime) {
    let written = async {
        while index_written_at(config) == before {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    drop(tokio::time::timeout(FLUSH_MAX, written).await);
}

/// A small file system, where one can be made. With `HUB_TEST_SMALL_DISK=required`, as CI runs it, a
/// test that did nothing does not look as if it had passed.
fn small_disk(mib: u32) -> Option<SmallDisk> {
    let disk = SmallDisk::new(mib);
    let is_required = std::env::var("HUB_TEST_SMALL_DISK").is_ok_and(|value| value == "required");
    match &disk {
        Some(disk) => println!("ran on {}", disk.way),
        None => println!("no small file system can be made here; the injected disk has to do"),
    }
    assert!(
        disk.is_some() || !is_required,
        "no small file system can be made here, neither as root nor in a user namespace"
    );
    disk
}

/// Fills the disk under a real hub and empties it again, several times over.
async fn fills_and_empties(disk: &SmallDisk, free_bytes_min: u64, fill: impl Fn(&SmallDisk)) {
    let (site, config) = site_on(disk, free_bytes_min);
    let hub = HubProcess::start_within(&disk.enter(), &site.config_file());
    let tax = client(&site, &hub.endpoint());
    let mut acknowledged = Acknowledged::new();
    for cycle in 0..4 {
        for _ in 0..5 {
            let (name, receipt) = publish(&tax, draft()).await.unwrap();
            acknowledged.insert(name, receipt);
        }
        let known = draft();
        let (name, receipt) = publish(&tax, known.clone()).await.unwrap();
        acknowledged.insert(name, receipt.clone());

        fill(disk);
        let index_written = index_written_at(&config);
        let refused = until_full(&tax, &mut acknowledged).await;
        for _ in 0..3 {
            // The hub itself gives a page free now and then, when an index is written anew.
            match publish(&tax, draft()).await {
                Ok((name, receipt)) => drop(acknowledged.insert(name, receipt)),
                Err(error) => assert_full(&error),
            }
        }
        flushed(&config, index_written).await;
        check_reads(&tax, &acknowledged).await;
        let (_, again) = publish(&tax, known).await.unwrap();
        assert_eq!(again, receipt, "what was acknowledged is answered again");

        disk.empty();
        let taken = publish(&tax, refused).await;
        let (name, receipt) =
            taken.unwrap_or_else(|error| panic!("cycle {cycle}: there is room again: {error}"));
        acknowledged.insert(name, receipt);
        check_reads(&tax, &acknowledged).await;
    }
    // Once more full, and killed so.
    fill(disk);
    until_full(&tax, &mut acknowledged).await;
    hub.kill();
    disk.empty();
    let hub = HubProcess::start_within(&disk.enter(), &site.config_file());
    check_reads(&client(&site, &hub.endpoint()), &acknowledged).await;
    assert!(hub.stop());
    let report = fsck::fsck(&config, &mut |_| {}).unwrap();
    assert!(report.is_clean(), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_filled_to_the_last_page_stops_writes_only() {
    let Some(disk) = small_disk(48) else { return };
    fills_and_empties(&disk, 0, SmallDisk::fill).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_under_the_floor_stops_writes_only() {
    let Some(disk) = small_disk(64) else { return };
    fills_and_empties(&disk, 24 * 1024 * 1024, |disk| disk.fill_with(40)).await;
}

/// A disk that answers what it is told to.
#[derive(Debug)]
struct Told(AtomicU64);

impl Disk for Told {
    fn free_bytes(&self, _dir: &Path) -> io::Result<u64> {
        Ok(self.0.load(Ordering::SeqCst))
    }
}

fn open(site: &Site, disk: &Arc<Told>) -> Arc<EmbeddedStore> {
    let config = site.config();
    let options = EmbeddedOptions {
        dir: config.data_dir.clone(),
        origin: TRUST_DOMAIN.into(),
        key: Arc::new(server::ledger_key(&config).unwrap()),
    };
    let room = RoomOptions {
        free_bytes_min: 1_000_000,
        disk: Arc::clone(disk) as Arc<dyn Disk>,
    };
    Arc::new(EmbeddedStore::open_with(options, room).unwrap().0)
}

async fn publish_direct(
    direct: &Direct,
    site: &Site,
    random: &mut Random,
) -> Result<u64, tonic::Status> {
    // Time passes, so that the disk is asked again.
    direct.clock.advance_us(1_000_000);
    let caller = direct.caller(site, "tax", "tax-clerk-1", &["clerk"]);
    let notification = Notification {
        channel: CHANNEL.into(),
        category: "coordination".into(),
        title: "工作沟通".into(),
        body: b"text".to_vec().into(),
        media_type: "text/plain".into(),
        classification: Classification::Internal.into(),
        ..Notification::default()
    };
    let request = PublishNotificationRequest {
        notification: Some(notification),
        request_id: random.uuid(direct.unix_ms()),
    };
    let answer = direct
        .services
        .publish_notification(call(&caller, request))
        .await?;
    Ok(answer.into_inner().receipt.unwrap().entry_index)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_injected_full_disk_stops_writes_only_and_is_told_to_whoever_asks() {
    let site = Site::new();
    let disk = Arc::new(Told(AtomicU64::new(u64::MAX)));
    let store = open(&site, &disk);
    let clock = ManualClock::at(hub::clock::SystemClock.now());
    let entropy = Box::new(SeededEntropy::new(1));
    let direct = Direct::start(&site, store.clone(), clock, entropy).await;
    let engine = Arc::clone(&direct.services.engine);
    let mut random = Random::new(1);
    let mut acknowledged = vec![];
    for _ in 0..3 {
        acknowledged.push(publish_direct(&direct, &site, &mut random).await.unwrap());
        assert_eq!(engine.writes(), Writes::Taken);
        disk.0.store(999_999, Ordering::SeqCst);
        let head = store.head();
        for _ in 0..3 {
            let status = publish_direct(&direct, &site, &mut random)
                .await
                .unwrap_err();
            assert_eq!(status.code(), tonic::Code::ResourceExhausted);
            assert_eq!(
                status.get_details_error_info().unwrap().reason,
                "STORAGE_FULL"
            );
            assert!(
                status
                    .get_details_retry_info()
                    .unwrap()
                    .retry_delay
                    .is_some()
            );
            assert_eq!(engine.writes(), Writes::DiskFull);
        }
        assert_eq!(store.head(), head);
        for index in &acknowledged {
            assert!(engine.recorded(*index).unwrap().is_some());
        }
        disk.0.store(u64::MAX, Ordering::SeqCst);
        assert_eq!(engine.writes(), Writes::Taken, "without waiting for an act");
    }
    acknowledged.push(publish_direct(&direct, &site, &mut random).await.unwrap());
    direct.stop();
    drop((direct, engine, store));
    let store = open(&site, &disk);
    for index in acknowledged {
        assert!(store.entry(index).unwrap().is_some());
    }
}

/// A real disk that cannot reserve.
#[derive(Debug)]
struct Unreserved;

impl Disk for Unreserved {
    fn reserve(&self, _file: &Path, _offset: u64, _bytes: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Names of all that was published to the channel, from the index.
async fn listed(direct: &Direct, site: &Site) -> Result<usize, tonic::Status> {
    let caller = direct.caller(site, "tax", "tax-clerk-1", &["clerk"]);
    let mut request = ListNotificationsRequest {
        parent: CHANNEL.into(),
        page_size: 500,
        ..ListNotificationsRequest::default()
    };
    let mut count = 0;
    loop {
        let page = direct
            .services
            .list_notifications(call(&caller, request.clone()));
        let page = page.await?.into_inner();
        count += page.notifications.len();
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return Ok(count);
        }
    }
}

/// Brings the index to meet a full disk: when the hub is about to seal something, or in the background.
async fn the_index_meets_a_full_disk(is_asked: bool) {
    let Some(disk) = small_disk(24) else { return };
    let site = Site::new();
    let mut config = site.config();
    config.data_dir = disk.path().join("data");
    let options = || EmbeddedOptions {
        dir: config.data_dir.clone(),
        origin: TRUST_DOMAIN.into(),
        key: Arc::new(server::ledger_key(&config).unwrap()),
    };
    let room = RoomOptions {
        free_bytes_min: 0,
        disk: Arc::new(Unreserved),
    };
    let store = Arc::new(EmbeddedStore::open_with(options(), room).unwrap().0);
    let clock = ManualClock::at(hub::clock::SystemClock.now());
    let entropy = Box::new(SeededEntropy::new(2));
    let direct = Direct::start(&site, store.clone(), clock.clone(), entropy).await;
    let engine = Arc::clone(&direct.services.engine);
    let mut random = Random::new(2);
    let mut acknowledged = vec![];
    for _ in 0..CYCLES_MAX {
        for _ in 0..CYCLE_ACTS {
            if let Ok(index) = publish_direct(&direct, &site, &mut random).await {
                acknowledged.push(index);
            }
        }
        disk.fill();
        let flushed = if is_asked {
            // Nothing is to be sealed, but what waits for sled is flushed before.
            Some(store.seal(&[]).is_ok())
        } else {
            tokio::time::sleep(FLUSH_MAX).await;
            None
        };
        disk.empty();
        // What waits for no commit is known all the same.
        let has_failed = engine.writes() == Writes::Failed;
        if let Ok(index) = publish_direct(&direct, &site, &mut random).await {
            acknowledged.push(index);
        }
        assert_eq!(has_failed, engine.writes() == Writes::Failed);
        assert_eq!(flushed.unwrap_or(!has_failed), !has_failed);
        if has_failed {
            break;
        }
    }
    assert_eq!(engine.writes(), Writes::Failed, "sled met a full disk");
    let status = publish_direct(&direct, &site, &mut random)
        .await
        .unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unavailable);
    for index in &acknowledged {
        assert!(engine.recorded(*index).unwrap().is_some());
    }
    // Lists go on as far as sled answers.
    match listed(&direct, &site).await {
        Ok(count) => assert!(count >= acknowledged.len()),
        Err(status) => assert_eq!(status.code(), tonic::Code::Unavailable, "{status}"),
    }
    // The last flush fails, and that is said.
    assert!(engine.stop().is_err());
    drop((direct, engine, store));

    let store = Arc::new(EmbeddedStore::open(options()).unwrap().0);
    let entropy = Box::new(SeededEntropy::new(3));
    let direct = Direct::start(&site, store.clone(), clock, entropy).await;
    for index in &acknowledged {
        assert!(store.entry(*index).unwrap().is_some());
    }
    assert!(listed(&direct, &site).await.unwrap() >= acknowledged.len());
    publish_direct(&direct, &site, &mut random).await.unwrap();
    direct.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_met_a_full_disk_stops_writes_only_and_is_made_whole_at_a_restart() {
    the_index_meets_a_full_disk(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_met_a_full_disk_in_the_background_stops_writes_only() {
    the_index_meets_a_full_disk(false).await;
}
