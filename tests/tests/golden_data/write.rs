//! Makes a golden data folder: what a hub of this release leaves behind after real calls over mTLS.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use agency_client::{
    Client,
    channels::NotificationDraft,
    subscribe::{Event, SubscribeOptions},
};
use hub::{
    ledger::{self, EncodedEntry, LEDGER_DIR, LOCK_FILE, LedgerOptions, StoredEntry},
    server,
    state::embedded::STATE_DIR,
};
use hub_core::{crypto::hex, date};
use hub_proto::{
    channels::{Classification, ListNotificationsRequest},
    members::{AppointLiaisonRequest, Liaison, Rank},
};
use hub_tests::{TRUST_DOMAIN, World};

use super::{Expected, ExpectedLog, copy, entries, show_log, show_receipts};

/// Which agency reads which log of the golden folder.
pub(crate) const LOGS: [(&str, &str); 6] = [
    ("tax", "channels/joint-enforcement"),
    ("tax", "agencies/tax/inbox"),
    ("tax", "agencies/tax/sent"),
    ("finance", "channels/fund-supervision"),
    ("finance", "agencies/finance/sent"),
    ("market-regulation", "channels/joint-enforcement"),
];

/// Bytes of a segment in the folder that has several.
const SEGMENT_BYTES: u64 = 12 * 1024;

/// The liaison in the end.
pub(crate) const LIAISON: &str = "tax-liaison-2";

/// Makes the folder anew.
pub(crate) async fn write(folder: &Path) {
    let mut world = World::start().await;
    act(&world).await;
    let expected = expected(&world).await;
    let store = world.hub().engine().store();
    let stored = store
        .entries(0, expected.entries.len(), usize::MAX)
        .unwrap();
    assert_eq!(stored.len(), expected.entries.len());
    world.stop().await;
    if folder.exists() {
        fs::remove_dir_all(folder).unwrap();
    }
    let data = world.site.data_dir();
    copy(
        &data.join(LEDGER_DIR),
        &folder.join("data").join(LEDGER_DIR),
    );
    copy(&data.join(STATE_DIR), &folder.join("data").join(STATE_DIR));
    in_small_segments(&world, &stored, &folder.join("segments"));
    let pki = world.site.path().join("pki/hub");
    for name in ["ledger.key", "ledger.vkey"] {
        fs::copy(pki.join(name), folder.join(name)).unwrap();
    }
    fs::copy(
        world.site.path().join("charter.toml"),
        folder.join("charter.toml"),
    )
    .unwrap();
    let text = serde_json::to_string_pretty(&expected).unwrap();
    fs::write(folder.join("expected.json"), format!("{text}\n")).unwrap();
}

/// The same entries in segments so small that there are several, with their index files: a hub's own
/// are 64 MiB.
fn in_small_segments(world: &World, stored: &[StoredEntry], folder: &Path) {
    let key = Arc::new(server::ledger_key(&world.site.config()).unwrap());
    let mut options = LedgerOptions::new(folder, TRUST_DOMAIN, key);
    options.segment_bytes_max = SEGMENT_BYTES;
    let (mut writer, _, _) = ledger::open(options, 0).unwrap();
    for entry in stored {
        let entry = EncodedEntry {
            header: entry.header.clone(),
            content: entry.content.clone(),
        };
        let now = jiff::Timestamp::UNIX_EPOCH;
        writer.append(writer.head(), &[entry], now).unwrap();
    }
    writer.close().unwrap();
    fs::remove_file(folder.join(LOCK_FILE)).unwrap();
}

fn draft(draft: NotificationDraft, title: &str, text: &str) -> NotificationDraft {
    draft
        .category("coordination")
        .title(title)
        .body(text.to_owned(), "text/plain; charset=utf-8")
        .classification(Classification::Internal)
}

/// Every kind of act that a hub of format 0.1 records by call; adopting the charter and importing
/// the roster have happened at its start.
async fn act(world: &World) {
    let tax = world.clerk("tax");
    let finance = world.clerk("finance");
    let leader = world.client("tax", "tax-leader", &["leader"]);
    for number in 1..=3 {
        let to = NotificationDraft::to_channel("joint-enforcement");
        let one = draft(to, "工作沟通", &format!("第{number}号"));
        tax.channels().publish(one).await.unwrap();
    }
    let batch = (1..=4).map(|number| {
        let to = NotificationDraft::to_channel("fund-supervision");
        draft(to, "资金监管", &format!("批次之{number}"))
    });
    let published = finance.channels().publish_batch(batch.collect()).await;
    published.unwrap();
    for number in 1..=2 {
        let one = draft(
            NotificationDraft::to(["tax"]),
            "仅致税务",
            &format!("致税务第{number}号"),
        );
        let published = finance.channels().publish(one).await.unwrap().response;
        let name = published.notification.unwrap().name;
        tax.channels().open(&name, None).await.unwrap();
        if number == 1 {
            leader.channels().sign_for(&name, None).await.unwrap();
        }
    }
    appoint(world, &leader, "tax-liaison-1", "").await;
    appoint(world, &leader, LIAISON, "tax-liaison-1").await;
    acknowledge(&tax).await;
}

async fn appoint(world: &World, leader: &Client, officer: &str, replaces: &str) {
    let engine = world.hub().engine();
    let today = engine.roster().load_full().day(engine.clock().now());
    let liaison = Liaison {
        officer: officer.into(),
        display_name: "联络员甲".into(),
        rank: Rank::Division.into(),
        from_on: Some(date::to_wire(today)),
        ..Liaison::default()
    };
    let request = AppointLiaisonRequest {
        parent: "mechanisms/joint-enforcement".into(),
        liaison: Some(liaison),
        replaces: replaces.into(),
        ..AppointLiaisonRequest::default()
    };
    leader.members().appoint_liaison(request).await.unwrap();
}

async fn acknowledge(tax: &Client) {
    let mut stream = tax.channels().subscribe(SubscribeOptions::default());
    let mut cursor = String::new();
    loop {
        match stream.next().await.unwrap().unwrap() {
            Event::Delivery(delivery) => cursor = delivery.cursor,
            Event::CaughtUp { .. } => break,
            _ => {}
        }
    }
    tax.channels().acknowledge("oa", &cursor).await.unwrap();
}

async fn expected(world: &World) -> Expected {
    let mut logs = vec![];
    for (agency, parent) in LOGS {
        let client = world.clerk(agency);
        let request = ListNotificationsRequest {
            parent: parent.into(),
            page_size: 500,
            ..ListNotificationsRequest::default()
        };
        let page = client.channels().list_notifications(&request).await;
        logs.push(ExpectedLog {
            agency: agency.into(),
            log: parent.into(),
            notifications: show_log(&client, page.unwrap().notifications).await,
        });
    }
    let finance = world.clerk("finance");
    let sent = logs.iter().find(|log| log.log == "agencies/finance/sent");
    let mut receipts = BTreeMap::new();
    for one in &sent.unwrap().notifications {
        let rows = finance.channels().delivery_receipts(&one.name).await;
        receipts.insert(one.name.clone(), show_receipts(rows.unwrap()));
    }
    let engine = world.hub().engine();
    let checkpoint = engine.store().checkpoint();
    Expected {
        origin: TRUST_DOMAIN.into(),
        root: hex(&checkpoint.root),
        entries: entries(engine.store(), checkpoint.size),
        logs,
        receipts,
        liaison: LIAISON.into(),
        consumer: "oa".into(),
    }
}
