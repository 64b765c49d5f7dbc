//! Search through real clients: each filter finds what it says, to whom it may be shown and to nobody
//! else; pages are stable; an index that is behind, damaged or gone is made anew.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a failure here is a failed test; seeds are printed"
)]

mod filters;
mod index;
mod random;

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use agency_client::{
    Client, ClientError,
    channels::{NotificationDraft, SearchQuery},
};
use hub::{clock::ManualClock, search::SEARCH_FILE, wire::channels::search::SEARCH_PAGE_MAX};
use hub_core::{date, reason::Reason};
use hub_proto::channels::{
    Classification, ListNotificationsRequest, Notification, NotificationKind, NotificationState,
};
use hub_proto::members::{AppointLiaisonRequest, AppointLiaisonResponse, Liaison, Rank};
use hub_tests::{
    Site, World, channels, members,
    random::Random,
    raw::{self, Session, requests::request_id},
    seed,
};
use jiff::{SignedDuration, Timestamp};

/// Codes that both check characters confirm.
const USCC: [&str; 2] = ["51100000500008957Y", "53220000500104519Q"];

fn draft(draft: NotificationDraft, category: &str, title: &str) -> NotificationDraft {
    draft
        .category(category)
        .title(title)
        .text("正文")
        .classification(Classification::Internal)
}

/// From any agency to a channel.
fn open(channel: &str, title: &str) -> NotificationDraft {
    draft(
        NotificationDraft::to_channel(channel),
        "coordination",
        title,
    )
}

/// From any agency to some.
fn addressed(to: &[&str], title: &str) -> NotificationDraft {
    draft(NotificationDraft::to(to), "coordination", title)
}

/// From the office to a channel.
fn notice(channel: &str, title: &str) -> NotificationDraft {
    draft(NotificationDraft::to_channel(channel), "work_notice", title)
}

fn office(world: &World) -> Client {
    world.client("civil-affairs", "office-1", &["office"])
}

async fn publish(client: &Client, draft: NotificationDraft) -> Notification {
    let answer = client.channels().publish(draft).await.unwrap();
    answer.response.notification.unwrap()
}

async fn found(client: &Client, query: SearchQuery) -> Vec<Notification> {
    let mut results = client.channels().search_all(query);
    let mut all = vec![];
    while let Some(one) = results.next().await.unwrap() {
        assert!(one.body.is_empty(), "a search shows no bodies");
        all.push(one);
    }
    all
}

async fn titles(client: &Client, query: SearchQuery) -> Vec<String> {
    let found = found(client, query).await.into_iter();
    found.map(|one| one.title).collect()
}

fn refused<T: std::fmt::Debug>(result: Result<T, ClientError>) -> (Reason, Vec<String>) {
    match result.expect_err("it must be refused") {
        ClientError::Refused(refusal) => {
            let fields = refusal.violations.iter().map(|one| one.field.clone());
            let fields = fields.collect();
            (ClientError::Refused(refusal).reason().unwrap(), fields)
        }
        other => panic!("{other}"),
    }
}

fn instant(notification: &Notification) -> Timestamp {
    date::from_timestamp(notification.published_at.as_ref().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_caller_may_not_see_is_not_found_by_any_word_of_it() {
    let world = World::start().await;
    let (tax, finance) = (world.clerk("tax"), world.clerk("finance"));
    let hidden = addressed(&["health"], "机密线索").subject(USCC[0], "甲");
    let hidden = hidden.document_number("晋税函〔2021〕7号");
    let hidden = publish(&tax, hidden).await;
    let to_office = addressed(&["mechanisms/joint-enforcement/office"], "致办公室");
    let to_office = publish(&tax, to_office).await;
    let q = SearchQuery::new;
    for query in [
        q(),
        q().title("机密"),
        q().title("机"),
        q().author("tax"),
        q().addressee("health"),
        q().uscc(USCC[0]),
        q().document_number("晋税函〔2021〕7号"),
        q().request_id(&hidden.request_id),
        q().in_reply_to(&hidden.name),
        q().in_reply_to("channels/all-members/notifications/99"),
    ] {
        let answer = finance.channels().search(&query).await.unwrap();
        assert_eq!(answer.notifications, []);
        assert_eq!(answer.next_page_token, "", "{query:?}");
    }
    let named = |title: &str| SearchQuery::new().title(title);
    // The recipient and the author's agency find it; a role that reads nothing is refused.
    for reader in [world.clerk("health"), tax.clone()] {
        assert_eq!(titles(&reader, named("机密")).await, ["机密线索"]);
    }
    let admin = world.client("tax", "tax-admin-1", &["node-admin"]);
    let (reason, _) = refused(admin.channels().search(&q()).await);
    assert_eq!(reason, Reason::PermissionDenied);
    // What goes to an office is for its office role, not for any clerk of its host.
    assert_eq!(titles(&office(&world), named("办公室")).await, ["致办公室"]);
    let host = world.clerk("civil-affairs");
    assert_eq!(titles(&host, named("办公室")).await, Vec::<String>::new());
    assert_eq!(
        titles(&world.clerk("health"), named("办公室")).await,
        Vec::<String>::new()
    );
    assert_eq!(
        to_office.addressees,
        ["mechanisms/joint-enforcement/office"]
    );
    // A channel that is not the caller's is as if it were not there.
    publish(&tax, open("joint-enforcement", "联合")).await;
    assert_eq!(titles(&finance, named("联合")).await, Vec::<String>::new());
    for channel in ["joint-enforcement", "no-such"] {
        let (reason, _) = refused(finance.channels().search(&q().channel(channel)).await);
        assert_eq!(reason, Reason::NotFound, "{channel}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_liaison_searches_until_another_is_appointed() {
    let world = World::start().await;
    publish(&office(&world), notice("all-members", "通知")).await;
    let leader = Session::new(&world, "tax", "tax-leader-1", &["leader"]);
    let roster = world.hub().engine().roster().load_full();
    let today = date::to_wire(roster.day(Timestamp::now()));
    let appoint = async |officer: &str, replaces: &str| {
        let request = AppointLiaisonRequest {
            parent: "mechanisms/joint-enforcement".into(),
            liaison: Some(Liaison {
                officer: officer.into(),
                display_name: "甲".into(),
                rank: Rank::Division.into(),
                from_on: Some(today),
                ..Liaison::default()
            }),
            replaces: replaces.into(),
            request_id: request_id(),
        };
        let method = members!("AppointLiaison");
        let _appointed: AppointLiaisonResponse = leader.ask(method, &request).await.unwrap();
    };
    let first = world.client("tax", "first", &["liaison"]);
    appoint("first", "").await;
    assert_eq!(titles(&first, SearchQuery::new()).await, ["通知"]);
    appoint("second", "first").await;
    let (reason, _) = refused(first.channels().search(&SearchQuery::new()).await);
    assert_eq!(reason, Reason::PermissionDenied);
    // The hub's own notices of the appointments are found by those to whom they were issued.
    let notices = SearchQuery::new().category("liaison_change_joint_enforcement");
    assert_eq!(found(&office(&world), notices.clone()).await.len(), 2);
    assert_eq!(found(&world.clerk("health"), notices).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_just_been_published_is_found() {
    let world = World::start().await;
    let tax = world.clerk("tax");
    for number in 0..40 {
        let title = format!("即时 word{number}");
        publish(&tax, open("joint-enforcement", &title)).await;
        let query = SearchQuery::new().title(format!("word{number}"));
        assert_eq!(titles(&tax, query).await, [title]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_retention_asks_for_comes_oldest_first_and_by_category() {
    let clock = ManualClock::at(Timestamp::now());
    let world = World::start_on(Site::new(), Arc::new(clock.clone())).await;
    let (tax, civil) = (world.clerk("tax"), office(&world));
    let mut entries = vec![];
    for _ in 0..3 {
        let batch = vec![
            open("joint-enforcement", "一"),
            open("joint-enforcement", "二"),
        ];
        let answer = tax.channels().publish_batch(batch).await.unwrap();
        entries.push(answer.response.receipt.unwrap().entry_index);
        publish(&civil, notice("all-members", "通知")).await;
        clock.advance_us(1_000_000);
    }
    let search = world.hub().search();
    let end = Timestamp::now() + SignedDuration::from_hours(1);
    let due = |before, after, limit| search.due_for_sealing("coordination", before, after, limit);
    assert_eq!(due(end, None, 100).await.unwrap(), entries);
    assert_eq!(due(end, None, 2).await.unwrap(), entries[..2]);
    assert_eq!(due(end, Some(entries[0]), 100).await.unwrap(), entries[1..]);
    let last = found(&tax, SearchQuery::new().category("coordination")).await;
    assert_eq!(
        due(instant(&last[0]), None, 100).await.unwrap(),
        entries[..2]
    );
    assert_eq!(due(Timestamp::UNIX_EPOCH, None, 100).await.unwrap(), [0; 0]);
}

async fn names_in_pages(client: &Client, query: &SearchQuery, size: u16) -> Vec<String> {
    let mut names = vec![];
    let mut token = String::new();
    loop {
        let query = query.clone().page_size(size).page_token(token);
        let page = client.channels().search(&query).await.unwrap();
        assert!(page.notifications.len() <= usize::from(size));
        names.extend(page.notifications.into_iter().map(|one| one.name));
        token = page.next_page_token;
        if token.is_empty() {
            return names;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_repeat_and_skip_nothing_while_others_publish() {
    let world = World::start().await;
    let tax = world.clerk("tax");
    let mut before = vec![];
    for number in 0..30 {
        // Some of one entry, so that pages end within a batch.
        let batch = (0..3).map(|_| open("joint-enforcement", &format!("检查 {number}")));
        let answer = tax.channels().publish_batch(batch.collect()).await.unwrap();
        before.extend(
            answer
                .response
                .notifications
                .into_iter()
                .map(|one| one.name),
        );
    }
    let is_done = Arc::new(AtomicBool::new(false));
    let (writer, its_done) = (world.clerk("health"), Arc::clone(&is_done));
    let writing = tokio::spawn(async move {
        let mut count = 0;
        while !its_done.load(Ordering::SeqCst) || count == 0 {
            publish(&writer, open("joint-enforcement", "检查 meanwhile")).await;
            count += 1;
        }
        count
    });
    let query = SearchQuery::new().title("检查");
    let newest = names_in_pages(&tax, &query, 7).await;
    let oldest = names_in_pages(&tax, &query.clone().oldest_first(), 7).await;
    is_done.store(true, Ordering::SeqCst);
    assert!(writing.await.unwrap() > 0);
    for (names, order) in [(&newest, "newest first"), (&oldest, "oldest first")] {
        let unique: BTreeSet<&String> = names.iter().collect();
        assert_eq!(unique.len(), names.len(), "{order} repeats");
        let of_before: Vec<&String> = names.iter().filter(|one| before.contains(one)).collect();
        assert_eq!(of_before.len(), before.len(), "{order} skips");
    }
    let found: Vec<&String> = oldest.iter().take(before.len()).collect();
    assert_eq!(found, before.iter().collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_token_is_for_its_caller_and_search_only() {
    let world = World::start().await;
    let (tax, health) = (world.clerk("tax"), world.clerk("health"));
    for _ in 0..3 {
        publish(&tax, open("joint-enforcement", "检查")).await;
    }
    let query = SearchQuery::new().title("检查").page_size(1);
    let page = tax.channels().search(&query).await.unwrap();
    let token = page.next_page_token;
    let at = |query: SearchQuery| query.page_token(&token);
    let next = tax.channels().search(&at(query.clone().page_size(2))).await;
    assert_eq!(
        next.unwrap().notifications.len(),
        2,
        "another size is the same search"
    );
    for (client, query) in [
        (&health, at(query.clone())),
        (&tax, at(query.clone().title("检"))),
        (&tax, at(query.clone().oldest_first())),
        (&tax, at(query.clone().author("tax"))),
        (&tax, query.clone().page_token("AAAA")),
    ] {
        let (reason, _) = refused(client.channels().search(&query).await);
        assert_eq!(reason, Reason::CursorInvalid, "{query:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_field_is_named_and_no_text_is_syntax() {
    let world = World::start().await;
    let tax = world.clerk("tax");
    publish(&tax, open("joint-enforcement", "普通标题 or near")).await;
    let now = Timestamp::now();
    let q = SearchQuery::new;
    let size = u16::try_from(SEARCH_PAGE_MAX).unwrap();
    assert!(tax.channels().search(&q().page_size(size)).await.is_ok());
    assert!(
        tax.channels()
            .search(&q().title("年".repeat(100)))
            .await
            .is_ok()
    );
    for (query, field) in [
        (q().title("年".repeat(101)), "title"),
        (q().title("，。\"*"), "title"),
        (q().channel("A B"), "channel"),
        (q().category("no_such"), "category"),
        (q().author("no-such"), "author"),
        (q().author("mechanisms/x/office"), "author"),
        (q().addressee("offices/x"), "addressee"),
        (q().uscc("51100000500008957X"), "uscc"),
        (q().document_number("64号"), "document_number"),
        (q().in_reply_to("x"), "in_reply_to"),
        (q().request_id("1"), "request_id"),
        (q().page_size(size + 1), "page_size"),
        (
            q().published_from(now).published_before(now),
            "published_before",
        ),
    ] {
        let (reason, fields) = refused(tax.channels().search(&query).await);
        assert_eq!(
            (reason, fields),
            (Reason::InvalidArgument, vec![field.into()])
        );
    }
    let (_, fields) = refused(
        tax.channels()
            .search(&q().uscc("1").title("*").category("x"))
            .await,
    );
    assert_eq!(fields, ["title", "category", "uscc"], "all at once");
    for text in [
        "标题\" OR \"a",
        "title:标题x",
        "标题* NOT 普通",
        "'; DROP TABLE posting; --",
        "{a b}: ^c",
    ] {
        assert_eq!(
            titles(&tax, q().title(text)).await,
            Vec::<String>::new(),
            "{text}"
        );
    }
    assert_eq!(
        titles(&tax, q().title("\"标题\" (OR NEAR)")).await,
        ["普通标题 or near"]
    );
}
