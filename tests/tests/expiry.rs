//! The log warns of what ends soon, as soon as the hub starts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test support: a failure here is a failed test"
)]

use std::{fs, process::Command};

use certs::pki::IssueOptions;
use hub_tests::{
    Site, World,
    process::{HubProcess, agency_binary},
    raw::eventually,
};
use jiff::{SignedDuration, Timestamp};

fn lines(site: &Site) -> Vec<String> {
    let log = site.path().join("hub.log");
    let file = fs::File::create(&log).unwrap();
    let hub = HubProcess::start_logging_to(&site.config_file(), file.into());
    // All lines of the first look come at once, soon after the hub listens.
    let warned = || {
        let text = fs::read_to_string(&log).unwrap();
        let lines = text
            .lines()
            .filter(|line| line.contains("a certificate or list"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let mut tries = 0;
    while warned().is_empty() && tries < 200 {
        std::thread::sleep(std::time::Duration::from_millis(50));
        tries += 1;
    }
    assert!(hub.stop());
    warned()
}

#[test]
fn a_node_that_ends_soon_is_named_and_a_renewed_one_is_not() {
    let site = Site::new();
    let now = Timestamp::now();
    let end = |days: i64| Some(now + SignedDuration::from_hours(24 * days));
    let mut pki = site.pki();
    for (agency, node, days) in [("tax", "node-2", 6), ("health", "node-2", 29)] {
        pki.issue(&IssueOptions {
            not_after_at: end(days),
            ..IssueOptions::new(agency, node)
        })
        .unwrap();
    }
    // Renewed in time: the old certificate is enrolled still, and nobody needs to be told.
    pki.issue(&IssueOptions {
        not_after_at: end(2),
        ..IssueOptions::new("finance", "node-2")
    })
    .unwrap();
    let renewed = IssueOptions {
        replace: true,
        ..IssueOptions::new("finance", "node-2")
    };
    pki.issue(&renewed).unwrap();
    drop(pki);

    let mut lines = lines(&site);
    lines.sort();
    let found: Vec<bool> = [("tax", "within 7 days"), ("health", "within 30 days")]
        .iter()
        .map(|(agency, within)| {
            let agency = format!("agency=\"{agency}\"");
            let is_it = |line: &&String| line.contains(&agency) && line.contains(within);
            lines.iter().filter(is_it).count() == 1
        })
        .collect();
    assert_eq!(found, [true, true], "{lines:#?}");
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(
        lines
            .iter()
            .all(|line| line.contains("WARN") && line.contains("--replace"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_tells_an_officer_that_the_node_ends_soon() {
    let world = World::start().await;
    let issue = |node: &str, days: i64| {
        let issued = world.site.pki().issue(&IssueOptions {
            not_after_at: Some(Timestamp::now() + SignedDuration::from_hours(24 * days)),
            hub_endpoint: world.endpoint(),
            ..IssueOptions::new("tax", node)
        });
        issued.unwrap();
        let folder = world.site.path().join("pki/profiles");
        folder.join(format!("tax.{node}/profile.toml"))
    };
    // Built before the waiting begins.
    let binary = tokio::task::spawn_blocking(agency_binary).await.unwrap();
    for (node, days, is_warned) in [("node-2", 6, true), ("node-3", 40, false)] {
        let profile = issue(node, days);
        let mut told = String::new();
        // The hub enrols the certificate when it looks at its roster folder next.
        eventually("the node is enrolled", async || {
            let (binary, profile) = (binary.clone(), profile.clone());
            let run = move || {
                let mut agency = Command::new(binary);
                agency.args(["--lang", "en", "--json", "whoami", "--profile"]);
                agency.arg(profile).output().unwrap()
            };
            let output = tokio::task::spawn_blocking(run).await.unwrap();
            told = String::from_utf8(output.stderr).unwrap();
            output.status.success()
        })
        .await;
        assert_eq!(told.contains("ends within 6 days"), is_warned, "{told}");
        assert_eq!(told.is_empty(), !is_warned, "{told}");
    }
}
