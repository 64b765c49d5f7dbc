//! Once the charter's period is over, the text of a notification is gone from view and from the disk,
//! while the ledger goes on proving that it was sealed and not altered.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failed test"
)]

use std::{fs, path::Path, sync::Arc};

use agency_client::{
    Client, ClientError,
    channels::{NotificationDraft, SearchQuery},
};
use hub::{clock::Clock, fsck, rebuild, reminders, retention};
use hub_core::reason::Reason;
use hub_proto::{
    channels::{
        Attachment, Classification, ListNotificationsRequest, ListOutstandingActionsRequest,
        Notification, NotificationState,
    },
    common::Receipt,
};
use hub_tests::{Site, World, charter_file, clock::Shifted, raw::eventually};
use jiff::{SignedDuration, Timestamp};

/// Words that must be nowhere once they are sealed.
const SECRET: &str = "密级以外的旧文";

fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

/// A charter under which coordination is kept for two months and everything else for ten years.
fn site() -> Site {
    let text = fs::read_to_string(charter_file()).unwrap();
    let category = "[[categories]]\nid = \"coordination\"\n";
    assert!(text.contains(category));
    let text = text.replace(category, &format!("{category}retention_months = 2\n"));
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("charter.toml");
    fs::write(&file, text).unwrap();
    Site::with_charter(&file, "")
}

fn draft(to: &str, title: &str) -> NotificationDraft {
    NotificationDraft::to([to])
        .category("coordination")
        .title(title)
        .text(format!("正文 {title}"))
        .classification(Classification::Internal)
}

async fn publish(client: &Client, draft: NotificationDraft) -> Notification {
    let answer = client.channels().publish(draft).await.unwrap();
    answer.response.notification.unwrap()
}

async fn get(client: &Client, name: &str) -> Notification {
    let answer = client.channels().notification(name).await.unwrap();
    answer.notification.unwrap()
}

async fn seal(world: &World) -> u64 {
    let hub = world.hub();
    retention::run(hub.engine(), hub.search())
        .await
        .unwrap()
        .sealed
}

/// Whether some file of a folder holds some bytes. A file that a hub at work has just put in place
/// under another name is no longer there under the one that was listed.
fn holds(folder: &Path, needle: &[u8]) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds(&path, needle);
        }
        match fs::read(&path) {
            Ok(bytes) => bytes.windows(needle.len()).any(|window| window == needle),
            Err(error) => {
                assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{error}");
                false
            }
        }
    })
}

fn reason<T: std::fmt::Debug>(result: Result<T, ClientError>) -> Reason {
    result.expect_err("it must be refused").reason().unwrap()
}

/// What was there before it was sealed.
struct Before {
    attachment: Attachment,
    old: Notification,
    correction: Notification,
    receipt: Receipt,
    notice: Notification,
}

/// 财政 sends 税务 a text with a file, and corrects it; the office publishes a notice that is kept longer.
async fn publish_all(world: &World) -> Before {
    let finance = world.clerk("finance");
    let content = format!("附件 {SECRET} {}", "x".repeat(1_000));
    let attachment = finance
        .attachments()
        .upload_bytes("旧文.txt", "text/plain", content.into_bytes(), |_| {})
        .await
        .unwrap();
    let asking = draft("agencies/tax", SECRET)
        .sign_by(Timestamp::now() + days(1))
        .attach(attachment.clone());
    let old = publish(&finance, asking).await;
    let corrected = finance
        .channels()
        .correct(&old.name, draft("x", SECRET), SECRET)
        .await
        .unwrap()
        .response;
    let office = world.client("civil-affairs", "office-1", &["office"]);
    let notice = NotificationDraft::to_channel("all-members")
        .category("work_notice")
        .title("留存的通知")
        .classification(Classification::Public);
    Before {
        attachment,
        old: get(&world.clerk("tax"), &old.name).await,
        correction: corrected.notification.unwrap(),
        receipt: corrected.receipt.unwrap(),
        notice: publish(&office, notice).await,
    }
}

impl Before {
    /// What is left of the text: who told whom and when.
    fn left(&self) -> Notification {
        let old = self.old.clone();
        Notification {
            name: old.name,
            author: old.author,
            author_officer: old.author_officer,
            author_role: old.author_role,
            addressees: old.addressees,
            category: old.category,
            published_at: old.published_at,
            request_id: old.request_id,
            kind: old.kind,
            state: NotificationState::Corrected.into(),
            superseded_by: self.correction.name.clone(),
            is_sealed: true,
            ..Notification::default()
        }
    }
}

/// Neither read, search, download nor reminder knows the text any more.
async fn is_gone_from_view(world: &World, before: &Before) {
    let tax = world.clerk("tax");
    assert_eq!(get(&tax, &before.old.name).await, before.left());
    assert_eq!(get(&tax, &before.notice.name).await.title, "留存的通知");
    let target = world.site.path().join("旧文.txt");
    let gone = tax
        .attachments()
        .download(&before.old.name, &before.attachment, &target, |_| {})
        .await;
    assert_eq!(reason(gone), Reason::ContentSealed);
    let query = SearchQuery::new().title(SECRET);
    let found = tax.channels().search(&query).await.unwrap();
    assert_eq!(found.notifications, []);
    let request = ListOutstandingActionsRequest {
        parent: "agencies/tax".into(),
        ..ListOutstandingActionsRequest::default()
    };
    let owed = tax.channels().outstanding(&request).await.unwrap();
    assert_eq!(owed.outstanding_actions, [], "what is sealed asks nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_is_gone_from_view_and_disk_and_still_proved() {
    let clock = Arc::new(Shifted::default());
    let mut world = World::start_on(site(), Arc::clone(&clock) as Arc<dyn Clock>).await;
    let before = publish_all(&world).await;
    assert_eq!(seal(&world).await, 0, "nothing is due yet");
    world.stop().await;
    let report = fsck::fsck(&world.site.config(), &mut |_| {}).unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(report.sealed, 0);
    world.restart().await;
    let seen = world.clerk("finance").ledger().checkpoint().await.unwrap();
    assert!(
        holds(&world.site.data_dir(), SECRET.as_bytes()),
        "the search is no blind one"
    );

    clock.by(days(70));
    assert_eq!(
        seal(&world).await,
        2,
        "the text and its correction; not what is kept longer"
    );
    assert_eq!(seal(&world).await, 0, "once");
    let attachments = world.hub().attachments();
    let cleaned = attachments.clean(clock.now()).await.unwrap();
    assert_eq!(cleaned.contents, 1, "nothing names the file any more");
    clock.by(SignedDuration::ZERO);
    is_gone_from_view(&world, &before).await;

    // Proofs stand: the header that the author holds is in today's tree.
    let size = world.hub().engine().store().head();
    let proof = world
        .clerk("finance")
        .ledger()
        .inclusion_proof(before.receipt.entry_index, size)
        .await
        .unwrap();
    assert_eq!(proof.leaf_hash, before.receipt.leaf_hash);
    // And today's tree continues the one from before, which the client demands proof of.
    let now = world.clerk("finance").ledger().checkpoint().await.unwrap();
    assert!(now.size > seen.size, "the orders are on the ledger");

    world.stop().await;
    let report = fsck::fsck(&world.site.config(), &mut |_| {}).unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(report.sealed, 2);
    assert!(
        !holds(&world.site.data_dir(), SECRET.as_bytes()),
        "gone from the disk"
    );
    rebuild::rebuild(&world.site.config()).unwrap();
    world.restart().await;
    is_gone_from_view(&world, &before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reminders_go_with_what_they_are_of() {
    let clock = Arc::new(Shifted::default());
    let mut world = World::start_on(site(), Arc::clone(&clock) as Arc<dyn Clock>).await;
    let before = publish_all(&world).await;
    // The correction was to be acknowledged within three days; its title is in the reminders.
    clock.by(days(7));
    let given = reminders::run(world.hub().engine()).await.unwrap();
    assert!(given > 0);
    let inbox = ListNotificationsRequest {
        parent: "agencies/tax/inbox".into(),
        newest_first: true,
        page_size: i32::try_from(given).unwrap(),
        ..ListNotificationsRequest::default()
    };
    // They are much younger, and of a category that is kept for years.
    clock.by(days(64));
    assert_eq!(seal(&world).await, 2 + given as u64);
    assert_eq!(seal(&world).await, 0, "once");
    let attachments = world.hub().attachments();
    attachments.clean(clock.now()).await.unwrap();
    clock.by(SignedDuration::ZERO);
    is_gone_from_view(&world, &before).await;
    let api = world.clerk("tax").channels();
    let found = api.list_notifications(&inbox).await.unwrap().notifications;
    assert_eq!(found.len(), given);
    for reminder in found {
        assert!(reminder.is_sealed);
        assert_eq!((&*reminder.author, &*reminder.title), ("agencies/hub", ""));
    }
    world.stop().await;
    let report = fsck::fsck(&world.site.config(), &mut |_| {}).unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert!(!holds(&world.site.data_dir(), SECRET.as_bytes()));
    rebuild::rebuild(&world.site.config()).unwrap();
    world.restart().await;
    clock.by(days(64));
    assert_eq!(seal(&world).await, 0, "known from what is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_runs_seals_what_is_due_by_itself() {
    let clock = Arc::new(Shifted::default());
    let mut world = World::start_on(site(), Arc::clone(&clock) as Arc<dyn Clock>).await;
    publish_all(&world).await;
    world.stop().await;
    clock.by(days(70));
    world.restart().await;
    let ledger = world.site.data_dir().join("ledger");
    assert!(world.hub().engine().store().head() > 0);
    eventually("the text is sealed", async || {
        !holds(&ledger, SECRET.as_bytes())
    })
    .await;
}
