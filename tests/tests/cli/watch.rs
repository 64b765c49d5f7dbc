//! `watch`: its program, its interrupts, and a hub that is away.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::Stdio,
    time::Duration,
};

use hub_tests::{World, process::first_line, relay::Relay};
use serde_json::Value;

use super::{Desk, beside, signal};

#[tokio::test(flavor = "multi_thread")]
async fn a_program_of_watch_gets_each_delivery_and_only_success_is_acknowledged() {
    let mut world = World::start().await;
    let tax = Desk::clerk(&world, "tax");
    let health = Desk::clerk(&world, "health");
    beside(move || {
        let (first, second) = (tax.publish("one; $(touch pwned)"), tax.publish("two"));
        let seen = health.profile.with_file_name("seen");
        // Fails the first time for the first delivery.
        let script = format!(
            "cat >> {0}; echo \" $HUB_NOTIFICATION\" >> {0}.names; test $(wc -l < {0}) -ge 2",
            seen.display()
        );
        let watch = [
            "watch",
            "--consumer",
            "oa",
            "--until-caught-up",
            "--exec",
            "sh",
            "-c",
            &script,
        ];
        health.text(&watch);
        let names = std::fs::read_to_string(seen.with_extension("names")).unwrap();
        let names: Vec<&str> = names.lines().map(str::trim).collect();
        assert_eq!(
            names,
            [first.as_str(), &first, &second],
            "again until it ended with 0"
        );
        let lines = std::fs::read_to_string(&seen).unwrap();
        let value: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
        assert_eq!(value["notification"]["title"], "one; $(touch pwned)");
        let consumers = health.json(&["consumers"]);
        assert_eq!(consumers["consumers"][0]["lag_count"], 0);
        health.text(&watch);
        let again = std::fs::read_to_string(seen.with_extension("names")).unwrap();
        assert_eq!(
            again.lines().count(),
            3,
            "what was acknowledged does not come again"
        );
    })
    .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_while_the_program_fails_loses_nothing() {
    let mut world = World::start().await;
    let tax = Desk::clerk(&world, "tax");
    let health = Desk::clerk(&world, "health");
    beside(move || {
        let name = tax.publish("one");
        let mut watch = health
            .command(&["watch", "--consumer", "oa", "--exec", "false"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = watch.stderr.take().unwrap();
        let (line, _) = first_line(&watch, stderr);
        assert!(line.contains("false failed"), "{line}");
        signal(&watch, "-INT");
        assert!(hub_tests::process::ended(&mut watch).success());
        let printed = health.text(&["watch", "--consumer", "oa", "--ack", "--until-caught-up"]);
        assert!(printed.contains(&name), "{printed}");
    })
    .await;
    world.stop().await;
}

/// A program for `--exec` that says that it runs, and ends when it is told to, or its folder is gone.
fn slow(folder: &Path) -> String {
    format!(
        "echo run >> {0}/runs; while test -e {0}/runs -a ! -e {0}/go; do sleep 0.02; done",
        folder.display()
    )
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..6_000 {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("never: {what}");
}

fn oa_lag(desk: &Desk) -> Value {
    desk.json(&["consumers"])["consumers"][0]["lag_count"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_lets_the_program_that_runs_end_and_counts_its_work() {
    let mut world = World::start().await;
    let tax = Desk::clerk(&world, "tax");
    let health = Desk::clerk(&world, "health");
    beside(move || {
        let folder = tempfile::tempdir().unwrap();
        for (sign, once_more) in [("-INT", false), ("-TERM", false), ("-INT", true)] {
            tax.publish("one");
            let runs = folder.path().join("runs");
            for name in ["runs", "go"] {
                drop(std::fs::remove_file(folder.path().join(name)));
            }
            let mut watch = health
                .command(&["watch", "--consumer", "oa", "--exec", "sh", "-c"])
                .arg(slow(folder.path()))
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            until("it runs", || runs.exists());
            signal(&watch, sign);
            let stderr = watch.stderr.take().unwrap();
            // The program may say more before it ends.
            let (line, _rest) = first_line(&watch, stderr);
            assert!(line.contains("waiting for sh"), "{line}");
            if once_more {
                signal(&watch, sign);
            } else {
                std::fs::write(folder.path().join("go"), "").unwrap();
            }
            assert!(hub_tests::process::ended(&mut watch).success());
            assert_eq!(oa_lag(&health), u64::from(once_more), "{sign}");
        }
    })
    .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_ends_while_the_hub_is_away_is_acknowledged_when_it_is_back() {
    let mut world = World::start().await;
    let relay = Relay::start().await;
    relay.point_to(Some(world.hub().address()));
    let endpoint = format!("https://{}", relay.address);
    let tax = Desk::clerk(&world, "tax");
    let health = Desk::at(&world, &endpoint, "health", "health-clerk-1", &["clerk"]);
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("runs");
    let mut command = health.command(&["--deadline", "1", "watch", "--consumer", "oa"]);
    command.args(["--exec", "sh", "-c", &slow(folder.path())]);
    let mut watch = beside(move || {
        tax.publish("one");
        command.stderr(Stdio::piped()).spawn().unwrap()
    })
    .await;
    let ran = runs.clone();
    beside(move || until("it runs", || ran.exists())).await;
    relay.point_to(None);
    world.stop().await;
    std::fs::write(folder.path().join("go"), "").unwrap();
    let said = BufReader::new(watch.stderr.take().unwrap());
    let said = beside(move || {
        let mut lines = said.lines().map_while(Result::ok);
        let found = lines.any(|line| line.contains("not acknowledged yet"));
        assert!(found, "the watch goes on");
        lines
    })
    .await;
    world.restart().await;
    relay.point_to(Some(world.hub().address()));
    beside(move || {
        until("it is acknowledged", || oa_lag(&health) == 0);
        signal(&watch, "-TERM");
        assert!(hub_tests::process::ended(&mut watch).success());
        drop(said);
        assert_eq!(std::fs::read_to_string(&runs).unwrap(), "run\n");
    })
    .await;
    world.stop().await;
}
