//! `kill -9` under load, again and again: what was acknowledged is there once, and what was not can
//! be asked again.
//!
//! `HUB_CRASH_ROUNDS` sets the rounds (5 unless given), `HUB_CRASH_SECONDS` ends them early,
//! `HUB_TEST_SEED` repeats the choices of a run.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test: a failure here is a failed test, and its seed is printed"
)]

#[path = "crash/load.rs"]
mod load;

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
    time::Duration,
};

use agency_client::{Client, verify};
use hub_core::crypto::sha256;
use hub_proto::channels::ListNotificationsRequest;
use hub_tests::{
    Site,
    process::{HubProcess, hub_binary},
};
use load::{Consumed, FUNDS, INBOX, Intent, JOINT, Memory, client, resume, work};
use tokio::{sync::watch, time::Instant};

/// A ledger is begun anew after so many rounds, so that looking at all of it stays quick.
const SITE_ROUNDS: u64 = 20;

/// Longest that the clients may need to get the hub to the moment of its death.
const LOAD_MAX: Duration = Duration::from_secs(60);

/// Receipts that are proved in a round.
const PROVED: usize = 12;

fn setting(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name} is a number")),
        Err(_) => default,
    }
}

fn random(seed: u64, round: u64, which: u8) -> u64 {
    let digest = sha256(&[&seed.to_be_bytes(), &round.to_be_bytes(), &[which]]);
    u64::from_be_bytes(digest[..8].try_into().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_or_doubled_by_kill_9() {
    let seed = hub_tests::seed();
    let rounds = setting("HUB_CRASH_ROUNDS", 5);
    let seconds = setting("HUB_CRASH_SECONDS", u64::MAX);
    println!("HUB_TEST_SEED={seed}");
    let begun = Instant::now();
    let mut history = History::default();
    let (mut done, mut published, mut unanswered, mut kept) = (0, 0, 0, 0);
    while done < rounds && begun.elapsed().as_secs() < seconds {
        if done % SITE_ROUNDS == 0 {
            history = History::default();
        }
        let tally = round(&mut history, seed, done).await;
        done += 1;
        published += tally.published;
        unanswered += tally.unanswered;
        kept += tally.kept;
        println!(
            "round {done} of {rounds}: {published} calls answered, {unanswered} not answered (of \
             which {kept} had been recorded), none lost, none doubled; {} s",
            begun.elapsed().as_secs()
        );
    }
    assert!(done > 0 && published > 0);
}

/// What all lives of a hub came to.
#[derive(Default)]
struct History {
    site: Site,
    /// Every call that was ever made, with its answer.
    intents: Vec<Intent>,
    signed: Vec<String>,
    consumed: Consumed,
}

#[derive(Default)]
struct Tally {
    published: usize,
    unanswered: usize,
    kept: usize,
}

async fn round(history: &mut History, seed: u64, round: u64) -> Tally {
    let what = format!("HUB_TEST_SEED={seed}, round {}", round + 1);
    let memory = live_and_die(history, seed, round).await;
    let mut tally = Tally {
        published: memory
            .intents
            .iter()
            .filter(|one| one.answer.is_some())
            .count(),
        ..Tally::default()
    };
    tally.unanswered = memory.intents.len() - tally.published;
    // What the crash left may need repair, but nothing that was acknowledged is touched.
    let (is_sound, report) = fsck(&history.site);
    assert!(is_sound, "{what}: fsck after kill -9: {report}");

    let hub = HubProcess::start(&history.site.config_file());
    let endpoint = hub.endpoint();
    let before = Logs::list(&history.site, &endpoint).await;
    let first = history.intents.len();
    history.intents.extend(memory.intents);
    history.signed.extend(memory.signed);
    history.consumed = memory.consumed;
    for intent in &mut history.intents[first..] {
        tally.kept += before.check(intent, &what);
    }
    ask_again(history, first, &endpoint, &what).await;
    let after = Logs::list(&history.site, &endpoint).await;
    after.check_all(history, &what);
    prove(history, first, &endpoint, &what).await;
    catch_up(history, &after, &endpoint, &what).await;
    check_signed(history, &endpoint, &what).await;
    assert!(hub.stop(), "{what}: the hub did not stop in order");
    let (_, report) = fsck(&history.site);
    assert_eq!(
        report["findings_total"], 0,
        "{what}: fsck after a stop: {report}"
    );
    tally
}

/// Starts the hub, lets clients work on it, and kills it at a random moment.
async fn live_and_die(history: &History, seed: u64, round: u64) -> Memory {
    let hub = HubProcess::start(&history.site.config_file());
    let endpoint = hub.endpoint();
    let (sender, mut answers) = watch::channel(0);
    let enough = usize::try_from(10 + random(seed, round, 0) % 150).unwrap();
    let further = Duration::from_micros(random(seed, round, 1) % 20_000);
    let killer = async move {
        let enough = answers.wait_for(|count| *count >= enough);
        let reached = tokio::time::timeout(LOAD_MAX, enough).await;
        reached
            .expect("the clients get on")
            .expect("the clients live");
        // No condition is awaited: this is the random moment.
        tokio::time::sleep(further).await;
        hub.kill();
    };
    let (memory, ()) = tokio::join!(
        work(&history.site, &endpoint, history.consumed.clone(), sender),
        killer
    );
    memory
}

/// Runs `hub fsck --json`: whether it exits with 0, and its report.
fn fsck(site: &Site) -> (bool, serde_json::Value) {
    let output = Command::new(hub_binary())
        .args(["fsck", "--json", "--config"])
        .arg(site.config_file())
        .output()
        .unwrap();
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    (output.status.success(), report)
}

/// Everything that the logs hold: the name of each notification by its author's id.
struct Logs {
    names: BTreeMap<&'static str, Vec<String>>,
    by_id: BTreeMap<String, Vec<String>>,
}

impl Logs {
    async fn list(site: &Site, endpoint: &str) -> Self {
        let tax = client(site, endpoint, "tax", "clerk");
        let mut logs = Self {
            names: BTreeMap::new(),
            by_id: BTreeMap::new(),
        };
        for log in [JOINT, FUNDS, INBOX] {
            logs.read(&tax, log).await;
        }
        logs
    }

    async fn read(&mut self, tax: &Client, log: &'static str) {
        let mut request = ListNotificationsRequest {
            parent: log.into(),
            page_size: 500,
            omit_bodies: true,
            ..ListNotificationsRequest::default()
        };
        let names = self.names.entry(log).or_default();
        loop {
            let page = tax.channels().list_notifications(&request).await.unwrap();
            for notification in page.notifications {
                names.push(notification.name.clone());
                let id = notification.request_id;
                self.by_id.entry(id).or_default().push(notification.name);
            }
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() {
                return;
            }
        }
    }

    /// Holds a call against what is there before anything is asked again. Answers 1 when it was
    /// recorded without an answer.
    fn check(&self, intent: &Intent, what: &str) -> usize {
        let found: Vec<_> = intent
            .drafts
            .iter()
            .map(|draft| self.by_id.get(draft.id()).cloned().unwrap_or_default())
            .collect();
        match &intent.answer {
            Some(answer) => {
                let names: Vec<_> = answer.names.iter().map(|name| vec![name.clone()]).collect();
                assert_eq!(
                    found, names,
                    "{what}: an answered call of {}",
                    intent.agency
                );
                0
            }
            None => {
                let counts: BTreeSet<_> = found.iter().map(Vec::len).collect();
                let is_whole = counts == BTreeSet::from([0]) || counts == BTreeSet::from([1]);
                assert!(is_whole, "{what}: half a batch, or one twice: {found:?}");
                usize::from(counts.contains(&1))
            }
        }
    }

    /// Everything that was ever asked is there once, and nothing else; channels have no gaps.
    fn check_all(&self, history: &History, what: &str) {
        let mut asked = 0;
        for intent in &history.intents {
            assert!(
                intent.answer.is_some(),
                "{what}: everything has been answered"
            );
            self.check(intent, what);
            asked += intent.drafts.len();
        }
        let there: usize = self.names.values().map(Vec::len).sum();
        assert_eq!(there, asked, "{what}: notifications");
        for channel in [JOINT, FUNDS] {
            for (name, position) in self.names[channel].iter().zip(1..) {
                assert_eq!(
                    *name,
                    format!("{channel}/notifications/{position}"),
                    "{what}"
                );
            }
        }
    }
}

/// Sends every unanswered call again under its request ids, and some answered ones too.
async fn ask_again(history: &mut History, first: usize, endpoint: &str, what: &str) {
    let site = &history.site;
    for intent in &mut history.intents[first..] {
        let client = client(site, endpoint, intent.agency, "clerk");
        let again = match &intent.answer {
            None => true,
            // Enough of them: one in eight.
            Some(answer) => answer.receipt.entry_index % 8 == 0,
        };
        if !again {
            continue;
        }
        let answer = intent.send(&client).await;
        let answer = answer.unwrap_or_else(|error| panic!("{what}: asked again: {error}"));
        if let Some(earlier) = &intent.answer {
            assert_eq!(answer.names, earlier.names, "{what}: asked again");
            assert_eq!(answer.receipt, earlier.receipt, "{what}: asked again");
        } else {
            intent.answer = Some(answer);
        }
    }
}

/// Proves receipts against the signed checkpoint, by clients who remember an earlier one.
async fn prove(history: &History, first: usize, endpoint: &str, what: &str) {
    let health = client(&history.site, endpoint, "health", "clerk");
    let checkpoint = health.ledger().checkpoint().await;
    checkpoint.unwrap_or_else(|error| panic!("{what}: {error}"));
    let fresh = &history.intents[first..];
    let step = (fresh.len() / PROVED).max(1);
    for intent in fresh.iter().step_by(step) {
        let client = client(&history.site, endpoint, intent.agency, "clerk");
        let answer = intent.answer.as_ref().unwrap();
        let proved = verify::receipt(&client, &answer.receipt, None).await;
        let proved = proved.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(proved.header.method, answer.authored.method, "{what}");
    }
}

/// The consumer goes on from the cursor that it stored, and has then seen each log whole, in order,
/// each notification once.
async fn catch_up(history: &mut History, logs: &Logs, endpoint: &str, what: &str) {
    let tax = client(&history.site, endpoint, "tax", "clerk");
    let consumers = tax.channels().list_consumers().await.unwrap();
    let consumed = &mut history.consumed;
    match consumers.first() {
        Some(consumer) => {
            let known = [&consumed.acknowledged, &consumed.sent];
            let is_known = known.contains(&&Some(consumer.cursor.clone()));
            assert!(
                is_known,
                "{what}: the consumer stands at {}, not at {known:?}",
                consumer.cursor
            );
            // Whether the last acknowledgement was recorded is known now: the next may not be.
            consumed.acknowledged = Some(consumer.cursor.clone());
        }
        None => assert_eq!(consumed.acknowledged, None, "{what}: the consumer is lost"),
    }
    let mut stream = tax.channels().subscribe(resume(consumed.cursor.clone()));
    while !consumed.take(stream.next().await.unwrap().unwrap()) {}
    for log in [JOINT, INBOX] {
        let expected = (1..).zip(logs.names[log].iter().cloned());
        let seen = consumed.seen.get(log).cloned().unwrap_or_default();
        let expected: Vec<_> = expected.collect();
        assert!(seen == expected, "{what}: {log}: seen {seen:?}");
    }
}

async fn check_signed(history: &History, endpoint: &str, what: &str) {
    let tax = client(&history.site, endpoint, "tax", "clerk");
    // The newest are those of the life that ended.
    for name in history.signed.iter().rev().take(PROVED) {
        let rows = tax.channels().delivery_receipts(name).await.unwrap();
        let signed = rows.iter().filter(|row| row.signed_for_at.is_some());
        assert_eq!(signed.count(), 1, "{what}: {name} was signed for");
    }
}
