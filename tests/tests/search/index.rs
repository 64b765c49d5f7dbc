//! An index that is gone, behind, foreign, damaged or impossible: it is made anew, and nothing else
//! suffers.

use super::*;

fn index_file(world: &World) -> PathBuf {
    world.site.data_dir().join(SEARCH_FILE)
}

async fn check(world: &World, name: &str, expected: usize) {
    let query = SearchQuery::new().title("检查").category("coordination");
    let now = SearchQuery::new().published_from(Timestamp::UNIX_EPOCH);
    let tax = world.clerk("tax");
    assert_eq!(found(&tax, query).await.len(), expected, "{name}");
    assert_eq!(found(&tax, now).await.len(), expected, "{name}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_is_gone_behind_foreign_or_damaged_is_made_anew() {
    let mut world = World::start().await;
    let tax = world.clerk("tax");
    for _ in 0..3 {
        publish(&tax, open("joint-enforcement", "年度检查")).await;
    }
    check(&world, "as it is", 3).await;
    world.restart().await;
    check(&world, "after a restart", 3).await;

    world.stop().await;
    let old = std::fs::read(index_file(&world)).unwrap();
    std::fs::remove_file(index_file(&world)).unwrap();
    world.restart().await;
    check(&world, "gone", 3).await;

    publish(&world.clerk("tax"), open("joint-enforcement", "检查")).await;
    check(&world, "one more", 4).await;
    world.stop().await;
    std::fs::write(index_file(&world), &old).unwrap();
    world.restart().await;
    check(&world, "behind", 4).await;

    let mut other = World::start().await;
    for _ in 0..30 {
        publish(&other.clerk("tax"), open("joint-enforcement", "检查")).await;
    }
    check(&other, "another hub's", 30).await;
    other.stop().await;
    world.stop().await;
    std::fs::copy(index_file(&other), index_file(&world)).unwrap();
    world.restart().await;
    check(&world, "of another ledger", 4).await;

    for (name, bytes) in [("no database", vec![7; 50_000]), ("empty", vec![])] {
        world.stop().await;
        std::fs::write(index_file(&world), bytes).unwrap();
        world.restart().await;
        check(&world, name, 4).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_in_any_page_of_the_file_is_no_wrong_answer() {
    const PAGE_BYTES: usize = 4_096;
    let mut world = World::start().await;
    for _ in 0..3 {
        publish(&world.clerk("tax"), open("joint-enforcement", "年度检查")).await;
    }
    check(&world, "as it is", 3).await;
    world.stop().await;
    let whole = std::fs::read(index_file(&world)).unwrap();
    let pages = whole.len() / PAGE_BYTES;
    assert!(pages > 5);
    for page in 0..pages {
        let mut damaged = std::fs::read(index_file(&world)).unwrap();
        let end = damaged.len().min((page + 1) * PAGE_BYTES);
        damaged[page * PAGE_BYTES..end].fill(0xFF);
        std::fs::write(index_file(&world), damaged).unwrap();
        world.restart().await;
        check(&world, &format!("page {page}"), 3).await;
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_takes_no_index_stops_no_publish() {
    let site = Site::new();
    // A folder stands where the file should be.
    std::fs::create_dir_all(site.data_dir().join(SEARCH_FILE)).unwrap();
    let mut world = World::start_on(site, Arc::new(hub::clock::SystemClock)).await;
    let tax = world.clerk("tax");
    publish(&tax, open("joint-enforcement", "检查")).await;
    let session = Session::new(&world, "tax", "tax-clerk-1", &["clerk"]);
    let request = hub_proto::channels::SearchNotificationsRequest::default();
    let method = channels!("SearchNotifications");
    let answer: Result<hub_proto::channels::SearchNotificationsResponse, _> =
        session.ask(method, &request).await;
    let status = answer.unwrap_err();
    assert_eq!(raw::reason(&status), "UNAVAILABLE");
    assert!(status.message().contains("search index"), "{status:?}");
    std::fs::remove_dir(world.site.data_dir().join(SEARCH_FILE)).unwrap();
    check(&world, "once there is room", 1).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_in_the_way_does_not_keep_what_was_sealed_on_the_disk_for_long() {
    const WORD: &str = "zweiundvierzig";
    let world = World::start().await;
    let tax = world.clerk("tax");
    let sent = open("joint-enforcement", WORD);
    let sent = tax.channels().publish(sent).await.unwrap().response;
    let entry = sent.receipt.unwrap().entry_index;
    let words = || SearchQuery::new().title(WORD);
    assert_eq!(found(&tax, words()).await.len(), 1);
    let is_on_disk = || {
        ["", "-wal"].iter().any(|end| {
            let path = world.site.data_dir().join(format!("{SEARCH_FILE}{end}"));
            let bytes = std::fs::read(path).unwrap_or_default();
            bytes
                .windows(WORD.len())
                .any(|found| found == WORD.as_bytes())
        })
    };
    assert!(is_on_disk());
    // A reader holds the old pages while the index erases them.
    let reader = rusqlite::Connection::open(index_file(&world)).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    let count = "SELECT count(*) FROM notification";
    let held: i64 = reader.query_row(count, [], |row| row.get(0)).unwrap();
    assert!(held > 0);
    let engine = world.hub().engine();
    let sealed = engine.seal(vec![entry], "test", Timestamp::now()).await;
    assert_eq!(sealed.unwrap().sealed, 1);
    // Answered once the index has the order, however long that takes it.
    while tax.channels().search(&words()).await.is_err() {}
    assert!(is_on_disk(), "the reader still stands in the way");
    reader.execute_batch("ROLLBACK").unwrap();
    // Nothing more is recorded, and the word goes all the same.
    let gone = async {
        while is_on_disk() {
            tokio::task::yield_now().await;
        }
    };
    let limit = std::time::Duration::from_secs(120);
    tokio::time::timeout(limit, gone).await.expect("it stays");
}
