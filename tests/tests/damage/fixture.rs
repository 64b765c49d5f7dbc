//! A small data folder made by a real hub, what a member can learn of it, and ways to damage it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use agency_client::{
    Client,
    channels::NotificationDraft,
    subscribe::{Event, SubscribeOptions},
    verify,
};
use hub::{
    ledger::{self, EncodedEntry, LedgerOptions, StoredEntry},
    server::{self, Running},
};
use hub_core::{crypto::SigningKey, date};
use hub_proto::{
    channels::{Classification, Consumer, DeliveryReceipt, ListNotificationsRequest, Notification},
    members::{AppointLiaisonRequest, Liaison, Membership, Rank},
};
use hub_tests::{Site, TRUST_DOMAIN, World};
use tempfile::TempDir;

/// Who reads which logs when two hubs are compared.
const READERS: [(&str, &[&str]); 3] = [
    (
        "tax",
        &[
            "channels/all-members",
            "channels/joint-enforcement",
            "agencies/tax/inbox",
            "agencies/tax/sent",
        ],
    ),
    (
        "finance",
        &["channels/fund-supervision", "agencies/finance/inbox"],
    ),
    ("civil-affairs", &["agencies/civil-affairs/sent"]),
];

/// A site whose hub is stopped, and a copy of its data folder as the hub left it.
pub(crate) struct Fixture {
    pub(crate) site: Site,
    pub(crate) pristine: TempDir,
    pub(crate) known: Known,
    /// Published only to see it again.
    names: Vec<String>,
}

/// Everything that was acknowledged, as members and the ledger show it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Known {
    pub(crate) entries: Vec<StoredEntry>,
    root: [u8; 32],
    logs: BTreeMap<(String, String), Vec<Notification>>,
    receipts: BTreeMap<String, Vec<DeliveryReceipt>>,
    consumers: Vec<Consumer>,
    memberships: Vec<Membership>,
}

pub(crate) fn notice(channel: &str, text: &str) -> NotificationDraft {
    NotificationDraft::to_channel(channel)
        .category("coordination")
        .title("工作沟通")
        .body(text.to_owned(), "text/plain; charset=utf-8")
        .classification(Classification::Internal)
}

pub(crate) fn addressed(to: &str, text: &str) -> NotificationDraft {
    NotificationDraft::to([to])
        .category("coordination")
        .title("工作沟通")
        .body(text.to_owned(), "text/plain; charset=utf-8")
        .classification(Classification::Internal)
}

impl Fixture {
    /// Publishes, opens, signs for, names a liaison, acknowledges; then stops.
    pub(crate) async fn new() -> Self {
        let mut world = World::start().await;
        let names = act(&world).await;
        let client = |agency: &str| world.clerk(agency);
        let mut known = Known::of(world.hub(), client, &names).await.unwrap();
        // What was read of inboxes is on the ledger now, too.
        (known.entries, known.root) = Known::ledger(world.hub(), &client("tax")).await.unwrap();
        world.stop().await;
        let pristine = TempDir::new().unwrap();
        copy(&world.site.data_dir(), pristine.path());
        Self {
            site: world.site,
            pristine,
            known,
            names,
        }
    }

    /// Puts the data folder back as it was.
    pub(crate) fn reset(&self) {
        self.reset_from(self.pristine.path());
    }

    /// Puts the data folder back as another one is.
    pub(crate) fn reset_from(&self, from: &Path) {
        drop(fs::remove_dir_all(self.site.data_dir()));
        copy(from, &self.site.data_dir());
    }

    pub(crate) async fn known(&self, running: &Running) -> anyhow::Result<Known> {
        let client = |agency: &str| {
            // Each look puts reads on the ledger, which go when the folder is put back: the client
            // would rightly say that history was rewritten.
            drop(fs::remove_dir_all(self.site.profile(agency).state_dir));
            Client::builder(&self.site.profile(agency))
                .endpoint(format!("https://{}", running.address()))
                .officer(format!("{agency}-clerk-1"))
                .roles(["clerk"])
                .build()
                .unwrap()
        };
        Known::of(running, client, &self.names).await
    }

    pub(crate) fn key(&self) -> Arc<SigningKey> {
        Arc::new(server::ledger_key(&self.site.config()).unwrap())
    }

    /// A data folder with these entries, one a commit, in segments of a size.
    pub(crate) fn ledger_of(&self, entries: &[EncodedEntry], segment_bytes_max: u64) -> TempDir {
        let dir = TempDir::new().unwrap();
        let mut options = LedgerOptions::new(dir.path(), TRUST_DOMAIN, self.key());
        options.segment_bytes_max = segment_bytes_max;
        let (mut writer, _, _) = ledger::open(options, 0).unwrap();
        for entry in entries {
            let head = writer.head();
            let entries = std::slice::from_ref(entry);
            writer
                .append(head, entries, jiff::Timestamp::UNIX_EPOCH)
                .unwrap();
        }
        writer.close().unwrap();
        dir
    }

    pub(crate) fn encoded(&self) -> Vec<EncodedEntry> {
        let entries = self.known.entries.iter();
        entries
            .map(|entry| EncodedEntry {
                header: entry.header.clone(),
                content: entry.content.clone(),
            })
            .collect()
    }
}

async fn act(world: &World) -> Vec<String> {
    let tax = world.clerk("tax");
    let finance = world.clerk("finance");
    let leader = world.client("tax", "tax-leader", &["leader"]);
    let mut names = vec![];
    for number in 0..3 {
        let draft = notice("joint-enforcement", &format!("第{number}号"));
        let published = tax.channels().publish(draft).await.unwrap().response;
        names.push(published.notification.unwrap().name);
    }
    let batch = (0..5).map(|number| notice("fund-supervision", &format!("批次{number}")));
    let published = finance.channels().publish_batch(batch.collect()).await;
    names.push(published.unwrap().response.notifications[4].name.clone());
    let published = finance
        .channels()
        .publish(addressed("tax", "仅致税务"))
        .await;
    let name = published.unwrap().response.notification.unwrap().name;
    tax.channels().open(&name, None).await.unwrap();
    leader.channels().sign_for(&name, None).await.unwrap();
    names.push(name);
    let liaison = Liaison {
        officer: "tax-liaison".into(),
        display_name: "联络员甲".into(),
        rank: Rank::Division.into(),
        from_on: Some(date::to_wire(today(world))),
        ..Liaison::default()
    };
    let request = AppointLiaisonRequest {
        parent: "mechanisms/joint-enforcement".into(),
        liaison: Some(liaison),
        ..AppointLiaisonRequest::default()
    };
    leader.members().appoint_liaison(request).await.unwrap();
    acknowledge(&tax).await;
    names
}

fn today(world: &World) -> jiff::civil::Date {
    let engine = world.hub().engine();
    engine.roster().load_full().day(engine.clock().now())
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

impl Known {
    /// Whether all of an earlier look is there, and nothing but records of reads may have come since.
    pub(crate) fn continues(&self, earlier: &Self) -> bool {
        self.entries.starts_with(&earlier.entries)
            && self.logs == earlier.logs
            && self.receipts == earlier.receipts
            && self.consumers == earlier.consumers
            && self.memberships == earlier.memberships
    }

    /// What is on the ledger, before anything is read that puts itself there.
    async fn ledger(
        running: &Running,
        client: &Client,
    ) -> anyhow::Result<(Vec<StoredEntry>, [u8; 32])> {
        let store = running.engine().store();
        let checkpoint = client.ledger().checkpoint().await?;
        let mut entries = vec![];
        while u64::try_from(entries.len())? < checkpoint.size {
            let next = u64::try_from(entries.len())?;
            entries.extend(store.entries(next, 4_096, usize::MAX)?);
        }
        Ok((entries, checkpoint.root))
    }

    async fn of(
        running: &Running,
        client: impl Fn(&str) -> Client,
        names: &[String],
    ) -> anyhow::Result<Self> {
        let (entries, root) = Self::ledger(running, &client("tax")).await?;
        let mut logs = BTreeMap::new();
        for (agency, parents) in READERS {
            let client = client(agency);
            for parent in parents {
                let request = ListNotificationsRequest {
                    parent: (*parent).into(),
                    page_size: 500,
                    ..ListNotificationsRequest::default()
                };
                let page = client.channels().list_notifications(&request).await?;
                logs.insert((agency.into(), (*parent).into()), page.notifications);
            }
        }
        let tax = client("tax");
        let finance = client("finance");
        let mut receipts = BTreeMap::new();
        for name in names {
            let author = if name.contains("joint-enforcement") {
                &tax
            } else {
                &finance
            };
            let shown = author.channels().notification(name).await?;
            verify::receipt(author, &shown.receipt.unwrap(), None).await?;
            let rows = author.channels().delivery_receipts(name).await?;
            receipts.insert(name.clone(), rows);
        }
        Ok(Self {
            entries,
            root,
            logs,
            receipts,
            consumers: tax.channels().list_consumers().await?,
            memberships: tax
                .members()
                .list_memberships("mechanisms/joint-enforcement", None)
                .await?,
        })
    }

    /// That the fixture is worth comparing: nothing of it is empty.
    pub(crate) fn assert_not_trivial(&self) {
        let empty = self.logs.iter().filter(|(_, log)| log.is_empty());
        let empty: Vec<_> = empty.map(|(name, _)| name).collect();
        assert_eq!(
            empty,
            [
                &(
                    "civil-affairs".to_owned(),
                    "agencies/civil-affairs/sent".to_owned()
                ),
                &("finance".to_owned(), "agencies/finance/inbox".to_owned()),
                &("tax".to_owned(), "channels/all-members".to_owned()),
            ]
        );
        let receipts = self.receipts.values().flatten();
        assert!(receipts.clone().any(|row| row.signed_for_at.is_some()));
        assert!(receipts.clone().any(|row| row.delivered_at.is_some()));
        assert_eq!(self.consumers.len(), 1);
        assert!(
            self.memberships
                .iter()
                .any(|member| member.liaison.is_some())
        );
    }
}

/// Copies a folder.
pub(crate) fn copy(from: &Path, to: &Path) {
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

/// Every file below a folder, relative to it, in order.
pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = vec![];
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(dir).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}
