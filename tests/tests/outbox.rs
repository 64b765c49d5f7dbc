//! Outboxes that outlive programs and hubs, over real mutual TLS: `kill -9` on both sides, a hub
//! that was never there, and one that no longer knows an id. What was enqueued is there once and in
//! order.
//!
//! `OUTBOX_CRASH_ROUNDS` sets the rounds (4 unless given); `HUB_TEST_SEED` repeats the choices of a
//! run.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test: a failure here is a failed test, and its seed is printed"
)]

#[path = "outbox/program.rs"]
mod program;

use std::{collections::BTreeMap, time::Duration};

use agency_client::{
    Client,
    channels::NotificationDraft,
    outbox::{AttachmentFile, ListItems, Outbox, OutboxOptions, Outgoing, State, Ticket},
    subscribe::{Event, SubscribeOptions},
    verify,
};
use hub::fsck;
use hub_core::names::RequestId;
use hub_proto::channels::{Classification, ListNotificationsRequest, Notification};
use hub_tests::{Site, World, process::HubProcess, random::Random};
use program::{ITEMS, Program, STREAMS, file_content, has_file, title};
use tokio::sync::oneshot;

/// Longest that the programs may need to get to the moment of a death.
const LIFE_MAX: Duration = Duration::from_secs(60);

fn draft(title: &str) -> NotificationDraft {
    NotificationDraft::to_channel("joint-enforcement")
        .category("coordination")
        .title(title)
        .classification(Classification::Internal)
}

/// Fixes the hub's port, so that it comes back where it was.
fn settle_down(site: &Site, hub: &HubProcess) {
    let file = site.config_file();
    let text = std::fs::read_to_string(&file).unwrap();
    let address = format!("listen = \"{}\"", hub.address());
    let text = text.replace("listen = \"127.0.0.1:0\"", &address);
    assert!(text.contains(&address));
    std::fs::write(file, text).unwrap();
}

fn client(site: &Site, endpoint: &str, agency: &str) -> Client {
    Client::builder(&site.profile(agency))
        .endpoint(endpoint)
        .officer(format!("{agency}-clerk-1"))
        .roles(["clerk"])
        .build()
        .unwrap()
}

fn patient() -> OutboxOptions {
    OutboxOptions {
        backoff_max: Duration::from_millis(200),
        ..OutboxOptions::default()
    }
}

/// Runs a sender while a part of the test goes on.
async fn while_sending<T>(outbox: &Outbox, client: Client, part: impl Future<Output = T>) -> T {
    let (stop, stopped) = oneshot::channel::<()>();
    let sending = outbox.sender().unwrap().run(client, async {
        // A test that failed has dropped the other end.
        drop(stopped.await);
    });
    let part = async {
        let done = part.await;
        stop.send(()).unwrap();
        done
    };
    let (sent, done) = tokio::join!(sending, part);
    sent.unwrap();
    done
}

/// Waits until an outbox has delivered so many.
async fn until_delivered(outbox: &Outbox, enough: u64) {
    let reached = async {
        while outbox.counts().await.unwrap().delivered < enough {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let reached = tokio::time::timeout(LIFE_MAX, reached).await;
    reached.expect("the program gets on");
}

/// A ledger and an outbox are begun anew after so many rounds: the work of a program is done then.
const SITE_ROUNDS: u64 = 8;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_enqueued_arrives_once_and_in_order_through_kill_9_on_both_sides() {
    let seed = hub_tests::seed();
    println!("HUB_TEST_SEED={seed}");
    let rounds: u64 = std::env::var("OUTBOX_CRASH_ROUNDS").map_or(4, |text| text.parse().unwrap());
    let mut random = Random::new(seed);
    let mut done = 0;
    while done < rounds {
        let share = SITE_ROUNDS.min(rounds - done);
        work_through_deaths(share, seed, &mut random).await;
        done += share;
        println!("{done} of {rounds} rounds: everything arrived once and in order");
    }
}

/// One outbox's whole work, while hub and program die so many times.
async fn work_through_deaths(rounds: u64, seed: u64, random: &mut Random) {
    let site = Site::new();
    let mut hub = HubProcess::start(&site.config_file());
    settle_down(&site, &hub);
    let endpoint = hub.endpoint();
    let folder = site.path().join("outbox");
    let outbox = Outbox::open(&folder, patient()).await.unwrap();
    let reader = client(&site, &endpoint, "health");
    let mut events = reader.channels().subscribe(SubscribeOptions::default());
    let all = (STREAMS.len() * ITEMS) as u64;
    for round in 0..rounds {
        let program = Program::start(&site, &endpoint, &folder);
        let delivered = outbox.counts().await.unwrap().delivered;
        let share = usize::try_from(all / rounds).unwrap();
        let enough = (delivered + random.below(share) as u64).min(all);
        until_delivered(&outbox, enough).await;
        // No condition is awaited: these are the random moments.
        tokio::time::sleep(Duration::from_micros(random.below(20_000) as u64)).await;
        if random.percent(50) {
            hub.kill();
            tokio::time::sleep(Duration::from_micros(random.below(50_000) as u64)).await;
            program.kill();
            hub = HubProcess::start(&site.config_file());
        } else {
            program.kill();
        }
        println!("round {}: {enough} of {all} were delivered", round + 1);
    }
    // The last life ends by itself.
    let last = Program::start(&site, &endpoint, &folder);
    until_delivered(&outbox, all).await;
    last.finish();
    let counts = outbox.counts().await.unwrap();
    assert_eq!(
        (counts.delivered, counts.queued, counts.refused),
        (all, 0, 0)
    );
    check_log(&site, &endpoint, &outbox).await;
    let seen = take(&mut events, usize::try_from(all).unwrap()).await;
    for stream in STREAMS {
        let of: Vec<_> = seen.iter().filter(|one| one.starts_with(stream)).collect();
        let expected: Vec<_> = (0..ITEMS).map(|number| title(stream, number)).collect();
        assert_eq!(
            of,
            expected.iter().collect::<Vec<_>>(),
            "HUB_TEST_SEED={seed}"
        );
    }
    check_files(&site, &endpoint).await;
    assert!(hub.stop(), "the hub stops in order");
    let report = fsck::fsck(&site.config(), &mut |_| {}).unwrap();
    assert!(report.is_clean(), "{report:?}");
}

/// Every item that was enqueued with a file arrived with it, whole.
async fn check_files(site: &Site, endpoint: &str) {
    let tax = client(site, endpoint, "tax");
    let request = ListNotificationsRequest {
        parent: "agencies/tax/sent".into(),
        page_size: 500,
        ..ListNotificationsRequest::default()
    };
    let page = tax.channels().list_notifications(&request).await.unwrap();
    assert_eq!(page.notifications.len(), STREAMS.len() * ITEMS);
    let copy = site.path().join("copy.txt");
    for one in page.notifications {
        let (stream, number) = one.title.split_once(' ').unwrap();
        let number = number.parse().unwrap();
        assert_eq!(one.attachments.len(), usize::from(has_file(number)));
        for file in &one.attachments {
            let files = tax.attachments();
            files
                .download(&one.name, file, &copy, |_| {})
                .await
                .unwrap();
            let content = std::fs::read_to_string(&copy).unwrap();
            assert!(content == file_content(stream, number), "{}", one.name);
        }
    }
}

/// Every ticket leads to one notification of its own, and there are no others.
async fn check_log(site: &Site, endpoint: &str, outbox: &Outbox) {
    let tax = client(site, endpoint, "tax");
    let mut there = BTreeMap::new();
    let mut request = ListNotificationsRequest {
        parent: "agencies/tax/sent".into(),
        page_size: 500,
        ..ListNotificationsRequest::default()
    };
    loop {
        let page = tax.channels().list_notifications(&request).await.unwrap();
        for one in page.notifications {
            assert!(there.insert(one.name, one.title).is_none());
        }
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    let items = outbox.list(ListItems {
        limit: 1000,
        ..ListItems::default()
    });
    for item in items.await.unwrap() {
        let delivered = item.delivered.unwrap();
        verify::header(&delivered.receipt).unwrap();
        let title = there.remove(&delivered.name);
        assert_eq!(title.as_ref(), Some(&item.title), "item {}", item.ticket);
    }
    assert_eq!(there, BTreeMap::new(), "nothing is there twice");
}

/// The titles of the next deliveries; there must be no more of them.
async fn take(events: &mut agency_client::subscribe::Subscription, count: usize) -> Vec<String> {
    let mut titles = vec![];
    let all = async {
        while titles.len() < count {
            if let Event::Delivery(delivery) = events.next().await.unwrap().unwrap() {
                titles.push(delivery.notification.unwrap().title);
            }
        }
    };
    tokio::time::timeout(LIFE_MAX, all).await.expect("all come");
    titles
}

/// Not a test: what [`Program`] runs in a process of its own, to be killed.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a program that the tests start"]
async fn program() {
    program::run().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_is_not_there_yet_is_waited_for() {
    let site = Site::new();
    let hub = HubProcess::start(&site.config_file());
    settle_down(&site, &hub);
    let endpoint = hub.endpoint();
    assert!(hub.stop());
    let outbox = Outbox::open(site.path().join("outbox"), patient())
        .await
        .unwrap();
    let ticket = enqueue(&outbox, "s", draft("early")).await;
    let tax = client(&site, &endpoint, "tax");
    while_sending(&outbox, tax.clone(), async {
        // Tried, and in vain.
        while outbox.get(ticket).await.unwrap().attempts < 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let hub = HubProcess::start(&site.config_file());
        let delivered = outbox.wait(ticket).await.unwrap();
        let found = tax.channels().notification(&delivered.name).await.unwrap();
        assert_eq!(found.notification.unwrap().title, "early");
        assert_eq!(found.receipt, Some(delivered.receipt));
        assert!(hub.stop());
    })
    .await;
}

async fn enqueue(outbox: &Outbox, stream: &str, draft: NotificationDraft) -> Ticket {
    let what = Outgoing::publish(draft).unwrap();
    outbox.enqueue(stream, what).await.unwrap().ticket
}

/// Publishes so much that the hub forgets every id from before.
async fn push_out_of_the_window(client: &Client) {
    const BATCHES: usize = 64;
    const ITEMS: usize = 256;
    for _ in 0..BATCHES {
        let drafts = (0..ITEMS).map(|_| draft("much").text("x")).collect();
        client.channels().publish_batch(drafts).await.unwrap();
    }
}

fn minted_ms(draft: &NotificationDraft) -> u64 {
    draft.id().parse::<RequestId>().unwrap().unix_ms()
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_that_the_hub_has_forgotten_are_looked_for_and_never_doubled() {
    let world = World::start().await;
    let tax = world.clerk("tax");
    let outbox = Outbox::open(world.site.path().join("outbox"), patient())
        .await
        .unwrap();
    // Recorded, but the program never learnt so: it hands the same draft to its outbox.
    let to_channel = draft("recorded in the channel");
    let to_health = NotificationDraft::to(["health"])
        .category("coordination")
        .title("recorded for health")
        .classification(Classification::Internal);
    let mut recorded = vec![];
    for draft in [&to_channel, &to_health] {
        let answer = tax.channels().publish(draft.clone()).await.unwrap();
        recorded.push((
            answer.response.notification.unwrap().name,
            answer.response.receipt.unwrap(),
        ));
    }
    let found = [
        enqueue(&outbox, "a", to_channel).await,
        enqueue(&outbox, "b", to_health).await,
    ];
    let unsent = draft("not recorded");
    let unsent_ms = minted_ms(&unsent);
    let unsent_id = unsent.id().to_owned();
    let unsent = enqueue(&outbox, "c", unsent).await;
    push_out_of_the_window(&tax).await;
    while_sending(&outbox, tax.clone(), async {
        for (ticket, expected) in found.iter().zip(&recorded) {
            let delivered = outbox.wait(*ticket).await.unwrap();
            assert_eq!(
                (&delivered.name, &delivered.receipt),
                (&expected.0, &expected.1)
            );
        }
        outbox.wait(unsent).await.unwrap();
    })
    .await;
    let item = outbox.get(unsent).await.unwrap();
    assert_ne!(item.request_id, unsent_id, "minted anew");
    let id: RequestId = item.request_id.parse().unwrap();
    assert!(id.unix_ms() > unsent_ms);
    let newest = newest_sent(&tax).await;
    assert_eq!(newest[0].title, "not recorded");
    assert_eq!(newest[1].title, "much", "nothing else was added");
}

async fn newest_sent(client: &Client) -> Vec<Notification> {
    let request = ListNotificationsRequest {
        parent: "agencies/tax/sent".into(),
        page_size: 5,
        newest_first: true,
        ..ListNotificationsRequest::default()
    };
    let page = client.channels().list_notifications(&request).await;
    page.unwrap().notifications
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_with_its_notification_and_leaves_the_outbox() {
    let world = World::start().await;
    let folder = world.site.path().join("outbox");
    let outbox = Outbox::open(&folder, patient()).await.unwrap();
    let original = world.site.path().join("table.csv");
    std::fs::write(&original, "a,b\n1,2\n").unwrap();
    let file = AttachmentFile {
        path: original.clone(),
        file_name: "表.csv".into(),
        media_type: "text/csv".into(),
    };
    let what = Outgoing::publish(draft("with a table"))
        .unwrap()
        .attach(file);
    let ticket = outbox.enqueue("s", what).await.unwrap().ticket;
    std::fs::remove_file(&original).unwrap();
    let sending = while_sending(&outbox, world.clerk("tax"), outbox.wait(ticket));
    let name = sending.await.unwrap().name;
    let health = world.clerk("health");
    let got = health.channels().notification(&name).await.unwrap();
    let attachment = &got.notification.unwrap().attachments[0];
    assert_eq!(attachment.file_name, "表.csv");
    let copy = world.site.path().join("copy.csv");
    health
        .attachments()
        .download(&name, attachment, &copy, |_| {})
        .await
        .unwrap();
    assert_eq!(std::fs::read_to_string(copy).unwrap(), "a,b\n1,2\n");
    assert_eq!(outbox.prune().await.unwrap().files, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_hub_refuses_is_set_aside_with_its_reason() {
    let world = World::start().await;
    let tax = world.clerk("tax");
    let outbox = Outbox::open(world.site.path().join("outbox"), patient())
        .await
        .unwrap();
    let secret = draft("secret").classification(Classification::StateSecret);
    let secret = enqueue(&outbox, "s", secret).await;
    let after = enqueue(&outbox, "s", draft("after")).await;
    while_sending(&outbox, tax, async {
        let error = outbox.wait(secret).await.unwrap_err();
        assert_eq!(error.reason_text(), "CLASSIFICATION_REFUSED");
        outbox.wait(after).await.unwrap();
    })
    .await;
    let item = outbox.get(secret).await.unwrap();
    assert_eq!(
        (item.state, item.attempts, item.is_uncertain),
        (State::Refused, 1, false)
    );
    outbox.discard(secret).await.unwrap();
    assert_eq!(outbox.counts().await.unwrap().bytes, 0);
}
