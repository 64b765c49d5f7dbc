//! Random commands of all agencies, under all their roles, through real clients against a plain
//! model, with restarts, loss of the state index and months that pass in between. `HUB_TEST_SEED`
//! replays a run, `HUB_MODEL_STEPS` makes it longer.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a failure here is a failed test; seeds are printed"
)]

mod act;
mod agree;
mod files;
mod follow_up;
mod time;

use std::{collections::HashMap, sync::Arc};

use agency_client::Client;
use hub::clock::Clock;
use hub_proto::channels::Attachment;
use hub_tests::{
    World,
    clock::Shifted,
    model::{MECHANISMS, Model, Officer},
    random::Random,
    seed,
};
use jiff::{Timestamp, civil::Date};
use tempfile::TempDir;

/// Commands of a run unless `HUB_MODEL_STEPS` says otherwise.
const STEPS: usize = 600;
/// After each phase everything is compared; in between the hub is restarted.
const PHASES: usize = 4;

/// The hub and the model side by side.
struct Run {
    world: World,
    model: Model,
    random: Random,
    clients: HashMap<Officer, Client>,
    /// Publishes that can be sent again, with the answers that they got.
    answered: Vec<act::Answered>,
    /// The same of corrections and retractions.
    succeeded: Vec<follow_up::Succeeded>,
    /// Receipts of what was published.
    receipts: Vec<time::Proved>,
    /// Contents that agencies upload, often the same ones.
    contents: Vec<(Attachment, Vec<u8>)>,
    downloads: TempDir,
    /// The hub's clock, and how many days it has been ahead.
    clock: Arc<Shifted>,
    days: i64,
    /// Whether the ledger's newest entry is of a day that is yet to come for callers.
    is_ledger_ahead: bool,
    /// What is asked is due days after this instant.
    began_at: Timestamp,
    recorded: usize,
    refused: usize,
    /// Downloads that gave the content, that found it sealed, and that found nothing.
    downloads_done: [usize; 3],
    /// Replies to what was sealed, and what took the place of such.
    about_sealed: [usize; 2],
}

impl Run {
    async fn start(seed: u64) -> Self {
        let clock = Arc::new(Shifted::default());
        let dynamic = Arc::clone(&clock) as Arc<dyn Clock>;
        let world = World::start_on(time::site(), dynamic).await;
        let charter = world.site.charter();
        let ids = charter.agencies().iter();
        let mut model = Model {
            agencies: ids.map(|agency| agency.id().to_string()).collect(),
            ..Model::default()
        };
        let issued_on = jiff::civil::date(2021, 2, 23);
        for (mechanism, members) in MECHANISMS.iter().zip([JOINT, FUND]) {
            let members = members.iter();
            let members = members.map(|one| ((*one).to_owned(), issued_on)).collect();
            model.members.insert((*mechanism).to_owned(), members);
        }
        Self {
            world,
            model,
            random: Random::new(seed),
            clients: HashMap::new(),
            answered: vec![],
            succeeded: vec![],
            receipts: vec![],
            contents: vec![],
            downloads: tempfile::tempdir().unwrap(),
            clock,
            days: 0,
            is_ledger_ahead: false,
            began_at: Timestamp::from_second(Timestamp::now().as_second()).unwrap(),
            recorded: 0,
            refused: 0,
            downloads_done: [0; 3],
            about_sealed: [0; 2],
        }
    }

    fn today(&self) -> Date {
        hub_core::date::on(Timestamp::now(), self.world.site.charter().zone())
    }

    fn client(&mut self, officer: &Officer) -> Client {
        let world = &self.world;
        let client = self
            .clients
            .entry(officer.clone())
            .or_insert_with(|| world.client(&officer.agency, &officer.id, &[&officer.role]));
        client.clone()
    }

    async fn restart(&mut self, loses_state: bool) {
        self.world.stop().await;
        self.agree_with_the_disk();
        if loses_state {
            std::fs::remove_dir_all(self.world.site.data_dir().join("state")).unwrap();
        }
        self.world.restart().await;
        self.clients.clear();
    }
}

/// Members of the joint-enforcement mechanism (JE-012).
const JOINT: &[&str] = &[
    "civil-affairs",
    "publicity",
    "political-legal",
    "cyberspace",
    "education",
    "public-security",
    "human-resources",
    "culture-tourism",
    "health",
    "market-regulation",
    "foreign-affairs",
    "state-security",
    "tax",
];

/// Members of the fund-supervision mechanism (FS-010).
const FUND: &[&str] = &[
    "civil-affairs",
    "public-security",
    "finance",
    "state-security",
    "tax",
    "pboc-branch",
];

#[tokio::test(flavor = "multi_thread")]
async fn the_hub_agrees_with_a_plain_model_through_restarts_and_loss_of_the_index() {
    let seed = seed();
    let steps = std::env::var("HUB_MODEL_STEPS").map_or(STEPS, |text| {
        text.parse().expect("HUB_MODEL_STEPS is a number")
    });
    println!("HUB_TEST_SEED={seed} HUB_MODEL_STEPS={steps}");
    let mut run = Run::start(seed).await;
    for phase in 0..PHASES {
        for _ in 0..steps / PHASES {
            run.step().await;
        }
        run.move_time().await;
        run.agree().await;
        run.restart(phase % 2 == 1).await;
        run.agree().await;
    }
    println!(
        "{} commands recorded, {} refused as they should be",
        run.recorded, run.refused
    );
    assert!(run.recorded > steps / 5 && run.refused > steps / 20);
    println!(
        "downloads {:?}, replies to and successors of what was sealed {:?}",
        run.downloads_done, run.about_sealed
    );
    assert!(run.downloads_done.iter().all(|count| *count > steps / 100));
    run.world.stop().await;
}
