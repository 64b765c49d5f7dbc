//! Two worlds live through the same story; in one of them two agencies also exchange addressed
//! notifications. Whatever any other agency can ask, under any of its roles, must be answered byte
//! for byte the same in both, also once the notifications are sealed. Only what says where on the ledger something stands is blanked: its
//! size is public.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::too_many_lines,
    reason = "a failure here is a failed test; seeds are printed; a story is told from its beginning to its end"
)]

mod accesses;
mod alerts;
mod follow_up;
mod meetings;
mod probe;
mod referrals;
mod requests;
mod search;
mod story;

use std::{
    collections::{HashMap, HashSet},
    fs,
    sync::Arc,
};

use futures::StreamExt as _;
use hub::{
    clock::ManualClock,
    server,
    state::{memory::MemoryStore, store::Store},
};
use hub_proto::channels::{
    SubscribeRequest, channel_service_server::ChannelService as _, subscribe_response::Event,
};
use hub_tests::{
    Site, TRUST_DOMAIN, charter_file,
    direct::{Direct, SameEntropy, call},
};
use jiff::Timestamp;
use tempfile::TempDir;

use probe::{Observation, observe};
use story::{Story, reminders_of, seal, tell};

/// Who writes to whom in the one world. The second and third pair also have open dealings with
/// others, who must learn nothing of it: `pboc-branch` writes to `public-security` in any case.
const PAIRS: [(&str, &str); 3] = [
    ("pboc-branch", "public-security"),
    ("tax", "public-security"),
    ("pboc-branch", "health"),
];

struct World {
    direct: Direct,
    store: Arc<MemoryStore>,
    /// Files of this world alone.
    files: TempDir,
}

/// A charter under which what agencies write to each other is kept for two months, and everything else
/// for years.
fn forgetful_site() -> Site {
    let text = fs::read_to_string(charter_file()).unwrap();
    let category = "[[categories]]\nid = \"coordination\"\n";
    assert!(text.contains(category));
    let text = text.replace(category, &format!("{category}retention_months = 2\n"));
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("charter.toml");
    fs::write(&file, text).unwrap();
    Site::with_charter(&file, "")
}

async fn direct(site: &Site, files: &TempDir, store: Arc<dyn Store>, clock: ManualClock) -> Direct {
    let mut config = site.config();
    config.data_dir = files.path().to_owned();
    Direct::start_in(site, config, store, clock, Box::new(SameEntropy)).await
}

async fn world(site: &Site, start: Timestamp) -> World {
    let key = Arc::new(server::ledger_key(&site.config()).unwrap());
    let store = Arc::new(MemoryStore::new(TRUST_DOMAIN, key).unwrap());
    let files = tempfile::tempdir().unwrap();
    let dynamic = Arc::clone(&store) as Arc<dyn Store>;
    let direct = direct(site, &files, dynamic, ManualClock::at(start)).await;
    World {
        direct,
        store,
        files,
    }
}

fn compare(pair: impl std::fmt::Debug, with: &[Observation], without: &[Observation]) {
    assert_eq!(with.len(), without.len());
    for (with, without) in with.iter().zip(without) {
        assert_eq!(with.asked, without.asked);
        assert_eq!(
            with.answer, without.answer,
            "{pair:?}: {} tells of what is hidden",
            with.asked
        );
    }
}

/// What an insider asks and is answered differently in the two worlds. It may list more pages in one of
/// them, so answers are compared by question.
async fn differences(
    site: &Site,
    (with, without): (&World, &World),
    insider: &str,
    told: &story::Told,
) -> Vec<String> {
    let agencies = site.charter().agencies().iter();
    let others: Vec<&str> = agencies
        .map(|one| one.id().as_str())
        .filter(|id| *id != insider)
        .collect();
    let seen = observe(site, &with.direct, &others, told).await;
    let unseen = observe(site, &without.direct, &others, told).await;
    let unseen: HashSet<(&str, &str)> = unseen
        .iter()
        .map(|one| (one.asked.as_str(), one.answer.as_str()))
        .collect();
    let differs = seen
        .iter()
        .filter(|one| !unseen.contains(&(one.asked.as_str(), one.answer.as_str())));
    differs.map(|one| one.asked.clone()).collect()
}

/// Once more when the letters of the first pair are sealed, and some open notifications with them.
async fn compare_sealed(site: &Site, with: &World, without: &World, told: &story::Told) {
    let (calls, contents) = seal(&with.direct).await;
    let (open_calls, open_contents) = seal(&without.direct).await;
    assert!(calls > open_calls + 10, "{calls} and {open_calls}");
    assert_eq!((contents, open_contents), (1, 0), "the secret file");
    let seen = observe(site, &with.direct, &[PAIRS[0].0, PAIRS[0].1], told).await;
    let unseen = observe(site, &without.direct, &[PAIRS[0].0, PAIRS[0].1], told).await;
    compare(PAIRS[0], &seen, &unseen);
    // Open files are of both kinds, or nothing was compared.
    for answer in ["attachments have been sealed", "Chunk("] {
        assert!(unseen.iter().any(|one| one.answer.contains(answer)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn x_006_no_third_agency_can_tell_that_two_others_write_to_each_other() {
    let site = forgetful_site();
    let start = Timestamp::now();
    for pair in PAIRS {
        let mut with = world(&site, start).await;
        let mut without = world(&site, start).await;
        let mut told = tell(&site, &with.direct, pair, true).await;
        let silent = tell(&site, &without.direct, pair, false).await;
        assert_eq!(
            told.names, silent.names,
            "the probes ask for the same names"
        );
        assert!(with.store.head() > without.store.head() + 40);
        let reminders = reminders_of(&site, &with.direct, pair).await;
        let open = reminders_of(&site, &without.direct, pair).await;
        assert!(reminders.len() > open.len() + 4, "{reminders:?}");
        told.names.extend(reminders);
        // Once more after a restart for the first pair.
        let rounds = if pair == PAIRS[0] { 2 } else { 1 };
        for _ in 0..rounds {
            let seen = observe(&site, &with.direct, &[pair.0, pair.1], &told).await;
            let unseen = observe(&site, &without.direct, &[pair.0, pair.1], &told).await;
            assert!(seen.len() > 5_000, "{} questions were asked", seen.len());
            compare(pair, &seen, &unseen);
            // Again after a restart, with the index lost.
            for world in [&mut with, &mut without] {
                world.direct.stop();
                world.store.drop_rows();
                let store = Arc::clone(&world.store) as Arc<dyn Store>;
                let clock = world.direct.clock.clone();
                world.direct = direct(&site, &world.files, store, clock).await;
            }
        }
        if pair == PAIRS[0] {
            compare_sealed(&site, &with, &without, &told).await;
        }
        with.direct.stop();
        without.direct.stop();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_comparison_notices_what_may_be_seen() {
    // A test that cannot fail is none: an addressee of the pair does see the difference.
    let site = Site::new();
    let start = Timestamp::now();
    let pair = PAIRS[0];
    let with = world(&site, start).await;
    let without = world(&site, start).await;
    let told = tell(&site, &with.direct, pair, true).await;
    tell(&site, &without.direct, pair, false).await;
    // As if public-security were a third agency.
    let outside = ("pboc-branch", "pboc-branch");
    let seen = observe(&site, &with.direct, &[outside.0, outside.1], &told).await;
    let unseen = observe(&site, &without.direct, &[outside.0, outside.1], &told).await;
    let by_question = |observations: &[Observation]| -> HashMap<String, String> {
        let pairs = observations.iter();
        pairs
            .map(|one| (one.asked.clone(), one.answer.clone()))
            .collect()
    };
    let (seen, unseen) = (by_question(&seen), by_question(&unseen));
    let differs = seen
        .iter()
        .filter(|(asked, answer)| unseen.get(*asked) != Some(answer));
    let asked: Vec<&str> = differs.map(|(asked, _)| asked.as_str()).collect();
    assert!(!asked.is_empty());
    let others = asked
        .iter()
        .filter(|asked| !asked.starts_with("public-security"));
    assert_eq!(others.collect::<Vec<_>>(), [] as [&&str; 0]);
    for part in [
        "list ",
        "notification ",
        "receipts ",
        "subscribe ",
        "outstanding ",
        "search ",
        "download ",
        "correct ",
        "retract ",
        "reply to ",
    ] {
        assert!(asked.iter().any(|asked| asked.contains(part)), "{part}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_stream_sends_nothing_of_what_is_addressed_to_others() {
    let site = Site::new();
    let start = Timestamp::now();
    let mut seen = vec![];
    for is_told in [true, false] {
        let world = world(&site, start).await;
        let direct = &world.direct;
        let caller = direct.caller(&site, "finance", "finance-clerk-1", &["clerk"]);
        let stream = direct
            .services
            .subscribe(call(&caller, SubscribeRequest::default()));
        let mut stream = stream.await.unwrap().into_inner();
        let mut items = vec![];
        let mut story = Story::new(&site, direct, PAIRS[1], is_told);
        for round in 0..5 {
            story.letter(&format!("秘{round}")).await;
            story.notice(&format!("公{round}")).await;
            loop {
                let mut item = stream.next().await.unwrap().unwrap();
                let is_delivery = matches!(&item.event, Some(Event::Delivery(_)));
                probe::blank_delivery(&mut item);
                items.push(format!("{item:?}"));
                if is_delivery {
                    break;
                }
            }
        }
        seen.push(items);
        drop(stream);
        direct.stop();
    }
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn heartbeats_come_however_much_is_addressed_to_others() {
    let site = Site::new();
    let world = world(&site, Timestamp::now()).await;
    let direct = &world.direct;
    let caller = direct.caller(&site, "finance", "finance-clerk-1", &["clerk"]);
    let stream = direct
        .services
        .subscribe(call(&caller, SubscribeRequest::default()));
    let mut stream = stream.await.unwrap().into_inner();
    let heartbeat = async {
        loop {
            let item = stream.next().await.unwrap().unwrap();
            if let Some(Event::Heartbeat(_)) = item.event {
                break;
            }
        }
    };
    let traffic = async {
        let mut story = Story::new(&site, direct, PAIRS[1], true);
        for number in 0.. {
            story.letter(&format!("秘{number}")).await;
            tokio::task::yield_now().await;
            // Paces the traffic; nothing is asserted after it.
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    };
    let limit = std::time::Duration::from_secs(25);
    tokio::select! {
        () = heartbeat => {}
        () = traffic => {}
        () = tokio::time::sleep(limit) => panic!("no heartbeat in {limit:?}"),
    }
}
