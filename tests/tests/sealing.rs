//! Retention erases contents: they are gone from view and disk, and the ledger proves as before what was
//! sent, by whom and when.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failed test"
)]

use std::{fs, path::Path};

use agency_client::{
    Client, ClientError,
    channels::NotificationDraft,
    subscribe::{Event, SubscribeOptions},
    verify::{self, Bundle, Outcome},
};
use hub::{
    fsck::{self, Report, Severity},
    ledger::{self, Erasure, LedgerOptions},
    rebuild, server,
    state::embedded::{EmbeddedOptions, EmbeddedStore},
};
use hub_core::{note::NoteSigner, reason::Reason};
use hub_proto::{
    channels::{Classification, ListNotificationsRequest, Notification},
    common::Receipt,
    ledger::{EntryContent, EventList},
};
use hub_tests::{TRUST_DOMAIN, World, raw::eventually};
use jiff::Timestamp;
use prost::Message as _;

/// Stands in every body that is to be erased, and nowhere else.
const SECRET: &str = "须清除之正文";
/// Stands in a body that stays.
const KEPT: &str = "须保留之正文";

fn draft(to: NotificationDraft, text: &str) -> NotificationDraft {
    to.category("coordination")
        .title("工作沟通")
        .text(text)
        .classification(Classification::Internal)
}

fn in_channel(text: &str) -> NotificationDraft {
    draft(NotificationDraft::to_channel("joint-enforcement"), text)
}

fn to_health(text: &str) -> NotificationDraft {
    draft(NotificationDraft::to(["health"]), text)
}

fn reason<T: std::fmt::Debug>(answer: Result<T, ClientError>) -> Reason {
    answer.unwrap_err().reason().expect("the hub refused")
}

/// What the tax agency published, and kept of it.
struct Story {
    channel: Sent,
    addressed: Sent,
    batch: Receipt,
    batch_id: String,
    /// Not to be sealed.
    kept: Sent,
    bundle: Bundle,
}

struct Sent {
    draft: NotificationDraft,
    notification: Notification,
    receipt: Receipt,
    authored: agency_client::Authored,
}

impl Sent {
    async fn publish(client: &Client, draft: NotificationDraft) -> Self {
        let sent = client.channels().publish(draft.clone()).await.unwrap();
        Self {
            draft,
            notification: sent.response.notification.clone().unwrap(),
            receipt: sent.receipt.clone().unwrap(),
            authored: sent.authored.clone(),
        }
    }

    fn index(&self) -> u64 {
        self.receipt.entry_index
    }
}

impl Story {
    async fn tell(world: &World) -> Self {
        let tax = world.clerk("tax");
        let channel = Sent::publish(&tax, in_channel(SECRET)).await;
        let addressed = Sent::publish(&tax, to_health(SECRET)).await;
        let name = &addressed.notification.name;
        world
            .clerk("health")
            .channels()
            .open(name, None)
            .await
            .unwrap();
        let leader = world.client("health", "health-leader", &["leader"]);
        leader.channels().sign_for(name, None).await.unwrap();
        let batch_id = agency_client::request_id();
        let items = vec![in_channel(SECRET), to_health(SECRET), in_channel(SECRET)];
        let batch = tax
            .channels()
            .publish_batch_as(items, batch_id.clone())
            .await
            .unwrap();
        let kept = Sent::publish(&tax, in_channel(KEPT)).await;
        let bundle = tax.ledger().bundle(channel.index(), None).await.unwrap();
        Self {
            channel,
            addressed,
            batch: batch.receipt.clone().unwrap(),
            batch_id,
            kept,
            bundle,
        }
    }

    fn due(&self) -> Vec<u64> {
        vec![
            self.channel.index(),
            self.addressed.index(),
            self.batch.entry_index,
        ]
    }
}

/// Whether a text stands in some file of a folder.
fn is_on_disk(folder: &Path, text: &str) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return is_on_disk(&path, text);
        }
        let bytes = fs::read(path).unwrap_or_default();
        bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    })
}

fn check(world: &World) -> Report {
    fsck::fsck(&world.site.config(), &mut |_| {}).unwrap()
}

fn digest(world: &World) -> [u8; 16] {
    let config = world.site.config();
    let (store, _) = EmbeddedStore::open(EmbeddedOptions {
        dir: world.site.data_dir(),
        origin: TRUST_DOMAIN.into(),
        key: server::ledger_key(&config).unwrap().into(),
    })
    .unwrap();
    store.digest().unwrap().to_bytes()
}

async fn seal(world: &World, story: &Story) {
    let engine = world.hub().engine();
    let report = engine
        .seal(story.due(), "retention.notifications", Timestamp::now())
        .await
        .unwrap();
    assert_eq!((report.sealed, report.already), (3, 0));
    let again = engine
        .seal(story.due(), "retention.notifications", Timestamp::now())
        .await
        .unwrap();
    assert_eq!(again.sealed, 0, "an order stands once");
}

async fn listed(client: &Client, parent: &str) -> Vec<Notification> {
    let request = ListNotificationsRequest {
        parent: parent.into(),
        ..ListNotificationsRequest::default()
    };
    let answer = client
        .channels()
        .list_notifications(&request)
        .await
        .unwrap();
    answer.notifications
}

/// Who told whom and when is still told; what was said is not.
async fn assert_tombstones(world: &World, story: &Story) {
    let health = world.clerk("health");
    for sent in [&story.channel, &story.addressed] {
        let told = &sent.notification;
        let found = health.channels().notification(&told.name).await.unwrap();
        let found = found.notification.unwrap();
        assert_eq!(
            (
                &found.name,
                &found.author,
                &found.author_officer,
                &found.author_role
            ),
            (
                &told.name,
                &told.author,
                &told.author_officer,
                &told.author_role
            )
        );
        assert_eq!(
            (
                &found.channel,
                &found.addressees,
                &found.published_at,
                &found.request_id
            ),
            (
                &told.channel,
                &told.addressees,
                &told.published_at,
                &told.request_id
            )
        );
        assert_eq!(
            (&*found.title, &*found.body, &*found.media_type),
            ("", &b""[..], "")
        );
    }
    let logs = [
        ("channels/joint-enforcement", 4),
        ("agencies/health/inbox", 2),
    ];
    for (log, count) in logs {
        let all = listed(&health, log).await;
        assert_eq!(all.len(), count, "{log}");
        for found in all {
            let is_kept = found.name == story.kept.notification.name;
            assert_eq!(found.body.is_empty(), !is_kept, "{}", found.name);
        }
    }
    let mut stream = health.channels().subscribe(SubscribeOptions::default());
    let mut bodies = vec![];
    while bodies.len() < 6 {
        if let Event::Delivery(delivery) = stream.next().await.unwrap().unwrap() {
            bodies.push(delivery.notification.unwrap().body);
        }
    }
    bodies.retain(|body| !body.is_empty());
    assert_eq!(bodies, [KEPT.as_bytes()]);
    let receipts = world
        .clerk("tax")
        .channels()
        .delivery_receipts(&story.addressed.notification.name)
        .await
        .unwrap();
    assert_eq!(receipts[0].signed_for_by, "health-leader");
}

/// What members kept still verifies, and what the hub gives now says what it lacks.
async fn assert_proofs(world: &World, story: &Story) {
    let tax = world.clerk("tax");
    for sent in [&story.channel, &story.addressed] {
        verify::receipt(&tax, &sent.receipt, Some(&sent.authored))
            .await
            .unwrap();
    }
    let key = server::ledger_key(&world.site.config()).unwrap();
    let signer = NoteSigner::new(TRUST_DOMAIN, std::sync::Arc::new(key)).unwrap();
    let outcome = |bundle: &Bundle, name: &str| {
        let report = bundle.verify(signer.verifier(), None).unwrap();
        let check = report.checks.iter().find(|check| check.name == name);
        check.unwrap().outcome
    };
    assert_eq!(outcome(&story.bundle, "commitment"), Outcome::Holds);

    let entry = tax.ledger().entry(story.channel.index()).await.unwrap();
    assert!(entry.entry.unwrap().content.is_empty());
    let bundle = tax
        .ledger()
        .bundle(story.channel.index(), None)
        .await
        .unwrap();
    let bundle: Bundle = serde_json::from_str(&serde_json::to_string(&bundle).unwrap()).unwrap();
    for name in ["inclusion", "author_signature", "author_identity"] {
        assert_eq!(outcome(&bundle, name), Outcome::Holds, "{name}");
    }
    for name in ["commitment", "events_hash"] {
        let Outcome::NotChecked(why) = outcome(&bundle, name) else {
            panic!("{name} cannot hold");
        };
        assert!(why.starts_with("content sealed by retention"), "{why}");
    }
    assert!(!story.bundle.is_sealed && bundle.is_sealed);
}

/// A repeated call is known, and neither recorded again nor answered as if it could be compared.
async fn assert_replays(world: &World, story: &Story) {
    let tax = world.clerk("tax").channels();
    let head = world.hub().engine().store().head();
    for sent in [&story.channel, &story.addressed] {
        let answer = tax.publish(sent.draft.clone()).await;
        assert_eq!(reason(answer), Reason::ContentSealed);
    }
    let items = vec![in_channel(SECRET)];
    let answer = tax.publish_batch_as(items, story.batch_id.clone()).await;
    assert_eq!(reason(answer), Reason::ContentSealed);
    let again = tax.publish(story.kept.draft.clone()).await.unwrap();
    assert_eq!(again.receipt.as_ref(), Some(&story.kept.receipt));
    assert_eq!(world.hub().engine().store().head(), head);
}

#[tokio::test(flavor = "multi_thread")]
async fn sealed_contents_are_gone_and_everything_about_them_can_still_be_proved() {
    let mut world = World::start().await;
    let story = Story::tell(&world).await;
    world.stop().await;
    let before = check(&world);
    assert!(before.is_clean(), "{:?}", before.findings);
    assert_eq!((before.sealed, before.unerased), (0, 0));
    assert!(is_on_disk(&world.site.data_dir(), SECRET));

    world.restart().await;
    seal(&world, &story).await;
    assert!(!is_on_disk(&world.site.data_dir(), SECRET));
    assert!(is_on_disk(&world.site.data_dir(), KEPT));
    assert_tombstones(&world, &story).await;
    assert_proofs(&world, &story).await;
    assert_replays(&world, &story).await;

    // What comes after a restart knows of it from the disk only.
    world.restart().await;
    assert_tombstones(&world, &story).await;
    assert_proofs(&world, &story).await;
    assert_replays(&world, &story).await;
    let sent = Sent::publish(&world.clerk("tax"), in_channel("后续")).await;
    assert!(
        sent.notification.name.ends_with("/5"),
        "no gap, no step back"
    );
    world.stop().await;
    assert!(!is_on_disk(&world.site.data_dir(), SECRET));

    let after = check(&world);
    assert!(after.is_clean(), "{:?}", after.findings);
    assert_eq!((after.sealed, after.unerased), (3, 0));
    assert!(after.rows_compared > 0);
    let live = digest(&world);
    rebuild::rebuild(&world.site.config()).unwrap();
    assert_eq!(digest(&world), live, "residues give the same state");
    fs::remove_dir_all(world.site.data_dir().join("state")).unwrap();
    world.restart().await;
    world.stop().await;
    assert_eq!(digest(&world), live);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_ordered_before_a_crash_is_erased_after_it() {
    let mut world = World::start().await;
    let story = Story::tell(&world).await;
    let engine = world.hub().engine();
    let order = engine
        .order_seal(story.due(), "retention.notifications", Timestamp::now())
        .await
        .unwrap();
    assert_eq!(order.header.method, "/hub.system.v1/SealContents");
    world.stop().await;
    let report = check(&world);
    assert!(report.is_sound() && !report.is_clean());
    assert_eq!((report.sealed, report.unerased), (0, 3));
    assert!(report.findings[0].remedy.contains("starting the hub"));

    world.restart().await;
    let store = world.hub().engine();
    eventually("the contents are erased", async || {
        story.due().iter().all(|index| {
            let entry = store.store().entry(*index).unwrap().unwrap();
            entry.is_sealed
        })
    })
    .await;
    world.stop().await;
    assert!(!is_on_disk(&world.site.data_dir(), SECRET));
    let report = check(&world);
    assert!(report.is_clean(), "{:?}", report.findings);
    assert_eq!((report.sealed, report.unerased), (3, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_notifications_that_are_on_the_ledger_can_be_ordered_to_be_sealed() {
    let mut world = World::start().await;
    let story = Story::tell(&world).await;
    let engine = world.hub().engine();
    let head = engine.store().head();
    let opened = story.addressed.index() + 1;
    let charter = 0;
    for wrong in [
        vec![head],
        vec![u64::MAX],
        vec![opened],
        vec![charter],
        vec![],
    ] {
        let now = Timestamp::now();
        let refused = engine.seal(wrong.clone(), "retention.notifications", now);
        assert_eq!(
            refused.await.unwrap_err().reason,
            Reason::InvalidArgument,
            "{wrong:?}"
        );
    }
    assert_eq!(engine.store().head(), head);
    // The newest entries are in memory, and go from there too.
    seal(&world, &story).await;
    assert_tombstones(&world, &story).await;
    let refused = engine.seal(vec![head], "retention.notifications", Timestamp::now());
    assert!(refused.await.is_err(), "the order itself is not for a time");
    world.stop().await;
}

/// Replaces what stays of an entry behind the hub's back, as whoever can write its files could.
fn forge(world: &World, index: u64, residue: impl FnOnce(EntryContent) -> EntryContent) {
    let config = world.site.config();
    let key = server::ledger_key(&config).unwrap();
    let options = LedgerOptions::new(world.site.data_dir(), TRUST_DOMAIN, key.into());
    let (mut writer, reader, _) = ledger::open(options, 0).unwrap();
    writer.roll().unwrap();
    let stored = reader.entry(index).unwrap().unwrap();
    let content = EntryContent::decode(stored.content).unwrap();
    let residue = residue(content).encode_to_vec().into();
    let erasure = Erasure { index, residue };
    writer.sealer().seal(&[erasure]).unwrap();
    writer.close().unwrap();
}

fn sealed_by(content: EntryContent, order: u64) -> EntryContent {
    EntryContent {
        author_salt: Default::default(),
        request: Default::default(),
        sealed_by: order + 1,
        ..content
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_content_that_is_erased_without_an_order_or_against_it_is_named() {
    let mut world = World::start().await;
    let story = Story::tell(&world).await;
    let kept = story.kept.index();
    let order = world
        .hub()
        .engine()
        .order_seal(story.due(), "retention.notifications", Timestamp::now())
        .await
        .unwrap()
        .header
        .index;
    world.stop().await;
    let data = world.site.data_dir();
    let aside = tempfile::tempdir().unwrap();
    copy(&data, aside.path());
    let channel = story.channel.index();
    let events_of = |events: EventList| events.encode_to_vec().into();
    type Forged = Box<dyn FnOnce(EntryContent) -> EntryContent>;
    let cases: Vec<(u64, Forged, &str)> = vec![
        (
            kept,
            Box::new(move |c| sealed_by(c, order)),
            "is sealed without an order",
        ),
        (
            channel,
            Box::new(move |c| sealed_by(c, order + 1)),
            "is sealed without an order",
        ),
        (
            channel,
            Box::new(move |c| EntryContent {
                sealed_by: 0,
                ..sealed_by(c, order)
            }),
            "does not say which entry ordered it",
        ),
        (
            channel,
            Box::new(move |c| EntryContent {
                sealed_by: order + 1,
                ..c
            }),
            "its request or the salt of its commitment is still there",
        ),
        (
            channel,
            Box::new(move |c| EntryContent {
                events: events_of(EventList::default()),
                ..sealed_by(c, order)
            }),
            "its events are not those that the header's hash was made over",
        ),
    ];
    for (index, residue, what) in cases {
        forge(&world, index, residue);
        let report = check(&world);
        let is_named = report
            .findings
            .iter()
            .any(|finding| finding.severity == Severity::Error && finding.what.contains(what));
        assert!(is_named, "{what}: {:?}", report.findings);
        fs::remove_dir_all(&data).unwrap();
        copy(aside.path(), &data);
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
