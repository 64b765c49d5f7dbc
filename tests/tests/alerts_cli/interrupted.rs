//! A load that is killed, stopped, or loses the hub, and goes on.

use std::process::{Command, Stdio};

use hub_tests::{
    World,
    desk::{Desk, beside, code as exit_code, err},
    process::output_of,
    relay::Relay,
};

use super::{
    analyst,
    load::{alerts, file, load, row},
};

/// How often a test looks for something to come about.
const LOOKS_MAX: usize = 2_000;

/// Waits until some alerts are there, but far from all.
fn await_some(desk: &Desk, count: usize) {
    // Each look is a program of its own and takes its time.
    let mut looks = 0;
    while alerts(desk).len() < count {
        looks += 1;
        assert!(looks < LOOKS_MAX, "nothing is raised");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fs_054_a_load_that_is_killed_goes_on_without_doubles() {
    let mut world = World::start().await;
    let bank = analyst(&world);
    let folder = world.site.path().to_owned();
    beside(move || {
        let rows: Vec<String> = (1..=1_000).map(row).collect();
        let path = file(&folder, "alerts.csv", &rows);
        for round in 1..=2 {
            let mut child = bank
                .command(&["alert", "load", path.to_str().unwrap(), "--in-flight", "4"])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            await_some(&bank, round * 40);
            let was_busy = child.try_wait().unwrap().is_none();
            child.kill().unwrap();
            child.wait().unwrap();
            assert!(was_busy, "it had ended before it was killed");
        }
        let part = alerts(&bank);
        assert!(part.len() < 1_000, "it was killed in the middle");
        let (code, value) = load(&bank, &path, &["--in-flight", "16"]);
        assert_eq!(code, 0, "{value}");
        let all = alerts(&bank);
        assert_eq!(all.len(), 1_000, "each once");
        assert!(part.is_subset(&all));
        let (_, value) = load(&bank, &path, &[]);
        assert_eq!(value["counts"]["raised_before"], 1_000);
        assert_eq!(alerts(&bank).len(), 1_000);
    })
    .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_is_interrupted_finishes_what_is_under_way_and_says_so() {
    let mut world = World::start().await;
    let bank = analyst(&world);
    let folder = world.site.path().to_owned();
    beside(move || {
        let rows: Vec<String> = (1..=1_000).map(row).collect();
        let path = file(&folder, "alerts.csv", &rows);
        let child = bank
            .command(&["--json", "alert", "load", path.to_str().unwrap()])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        await_some(&bank, 20);
        let status = Command::new("kill")
            .args(["-TERM", &child.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
        let output = output_of(child);
        assert_eq!(exit_code(&output), 3, "{}", err(&output));
        assert!(
            err(&output).contains("run the same command again"),
            "{}",
            err(&output)
        );
        let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let raised = value["raised"].as_array().unwrap().len();
        assert_eq!(alerts(&bank).len(), raised, "what it says is what is there");
        let unsent = value["counts"]["unsent"].as_u64().unwrap();
        assert_eq!(raised as u64 + unsent, 1_000);
        let (code, _) = load(&bank, &path, &[]);
        assert_eq!(code, 0);
        assert_eq!(alerts(&bank).len(), 1_000);
    })
    .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_without_a_hub_says_what_to_do_and_goes_on_when_it_is_back() {
    let mut world = World::start().await;
    let relay = Relay::start().await;
    let endpoint = format!("https://{}", relay.address);
    let roles = ["analyst"];
    let bank = Desk::at(&world, &endpoint, "pboc-branch", "pboc-analyst-1", &roles);
    let folder = world.site.path().to_owned();
    let hub = world.hub().address();
    beside(move || {
        let rows: Vec<String> = (1..=30).map(row).collect();
        let path = file(&folder, "alerts.csv", &rows);
        let load_it = [
            "--json",
            "--deadline",
            "1",
            "alert",
            "load",
            path.to_str().unwrap(),
        ];
        let output = bank.run(&load_it);
        assert_eq!(exit_code(&output), 3, "{}", err(&output));
        assert!(
            err(&output).contains("nothing is raised twice"),
            "{}",
            err(&output)
        );
        let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let count = |name: &str| value["counts"][name].as_u64().unwrap();
        assert_eq!(count("unanswered") + count("unsent"), 30, "{value}");
        assert_eq!(value["refused"].as_array().unwrap().len(), 0);
        relay.point_to(Some(hub));
        let (code, value) = load(&bank, &path, &[]);
        assert_eq!(
            (code, &value["counts"]["raised"]),
            (0, &30.into()),
            "{value}"
        );
        assert_eq!(alerts(&bank).len(), 30);
    })
    .await;
    world.stop().await;
}
