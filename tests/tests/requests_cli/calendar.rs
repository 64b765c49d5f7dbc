//! A holiday notice that comes out while a deadline runs, and the commands for calendars.

use std::{path::Path, process::Command, sync::Arc};

use hub::clock::SystemClock;
use hub_core::workdays::{Calendar, Counting};
use hub_tests::{
    Site, World, charter_file,
    desk::{Desk, bare, beside, code, err},
    process::hub_binary,
};
use jiff::civil::Date;
use serde_json::Value;

use crate::{name_of, today, valid_until};

/// What every notice lists, of years that no notice is known for yet: a file must not leave them out.
fn coming_years(known_on: Date) -> String {
    let last = Calendar::published().unwrap().newest().last_year().unwrap();
    let years = (last + 1)..=(today().year() + 1).max(last);
    let days = years.flat_map(|year| [(1, 1), (5, 1), (10, 1)].map(|(m, d)| (year, m, d)));
    days.map(|(y, m, d)| format!("{y}-{m:02}-{d:02},holiday,假日,{known_on}\n"))
        .collect()
}

/// A calendar file that makes the next working day a day off, as known from today; and the day by which
/// ten working days have passed, before and after.
fn notice() -> (String, String, String) {
    let today = today();
    let coming = coming_years(Date::constant(2020, 1, 1));
    let before = Calendar::published().unwrap().extended(&coming).unwrap();
    let add = |calendar: &Calendar, count| {
        let known = calendar.as_of(today);
        known.add(today, count, Counting::Strict).unwrap().on
    };
    let off = format!("{coming}{},holiday,调休,{today}\n", add(&before, 1));
    let after = Calendar::published().unwrap().extended(&off).unwrap();
    (
        off,
        add(&before, 10).to_string(),
        add(&after, 10).to_string(),
    )
}

fn submitted(world: &World) -> (Desk, String) {
    let author = Desk::new(world, "civil-affairs", "civil-affairs-clerk-1", &["clerk"]);
    let approver = Desk::new(
        world,
        "civil-affairs",
        "civil-affairs-leader-1",
        &["leader"],
    );
    let until = valid_until();
    let drafted = author.json(&[
        "request",
        "draft",
        "--provider",
        "tax",
        "--sharing",
        "conditional",
        "--use-for",
        "核对",
        "--scope",
        "登记情况",
        "--use-scene",
        "抽查",
        "--basis",
        "data_sharing",
        "--reference",
        "晋民查〔2026〕9号",
        "--valid-until",
        &until,
        "--approver",
        "civil-affairs-leader-1",
    ]);
    let name = name_of(&drafted);
    approver.text(&["request", "approve", &name]);
    (author, name)
}

/// The first deadline of a request, once it satisfies a condition.
fn once(desk: &Desk, name: &str, condition: impl Fn(&Value) -> bool) -> Value {
    // Each call is a condition asked anew; the hub looks at the file every 100 ms.
    for _ in 0..600 {
        let shown = desk.json(&["request", "show", name]);
        let deadline = shown["information_request"]["deadlines"][0].clone();
        if condition(&deadline) {
            return deadline;
        }
    }
    panic!("the deadline of {name} is not moved");
}

#[tokio::test(flavor = "multi_thread")]
async fn x_003_a_notice_moves_a_running_deadline_and_the_day_told_first_stays_visible() {
    let site = Site::with_charter(&charter_file(), "calendar.file = \"workdays.csv\"");
    let file = site.path().join("workdays.csv");
    let (notice, before, after) = notice();
    std::fs::write(&file, coming_years(Date::constant(2020, 1, 1))).unwrap();
    let world = World::start_on(site, Arc::new(SystemClock)).await;
    let moved = world.hub().engine().roster().clone();
    beside(move || {
        let (desk, name) = submitted(&world);
        let deadline = once(&desk, &name, |_| true);
        assert_eq!(deadline["due_on"], before);
        // A file that breaks a rule changes nothing.
        std::fs::write(&file, format!("{notice}2026-13-01,holiday,x,\n")).unwrap();
        std::fs::write(&file, &notice).unwrap();
        let deadline = once(&desk, &name, |one| one["moves"][0].is_object());
        let today = today().to_string();
        assert_eq!(
            (&deadline["due_on"], &deadline["moves"][0]["was_on"]),
            (&after.clone().into(), &before.clone().into())
        );
        assert_eq!(deadline["moves"][0]["reason"], "calendar");
        assert_eq!(deadline["moves"][0]["known_from_on"], today);
        let shown = desk.text(&["request", "show", &name]);
        assert!(
            shown.contains(&format!(
                "answer: {before} → {after} · a new holiday notice"
            )),
            "{shown}"
        );
    })
    .await;
    assert!(!moved.load_full().calendar().is_empty());
}

fn hub(arguments: &[&str], folder: &Path) -> std::process::Output {
    let mut command = Command::new(hub_binary());
    command
        .current_dir(folder)
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn a_calendar_that_breaks_a_rule_stops_the_start_with_line_and_rule() {
    let site = Site::with_charter(&charter_file(), "calendar.file = \"workdays.csv\"");
    let file = site.path().join("workdays.csv");
    std::fs::write(&file, "# 2027\n2027-01-01,holiday,元旦,2026-11-05\n").unwrap();
    let config = site.config_file();
    let refused = hub(
        &["serve", "--config", config.to_str().unwrap()],
        site.path(),
    );
    assert_eq!(code(&refused), 1);
    let rule = "workdays.csv:2: calendar: 2027 must list 2027-05-01 as a holiday";
    assert!(err(&refused).contains(rule), "{}", err(&refused));
    let checked = hub(&["calendar", "check", "workdays.csv"], site.path());
    assert_eq!(code(&checked), 1);
    let out = String::from_utf8(checked.stdout).unwrap();
    assert!(out.starts_with(rule), "{out}");
    std::fs::write(&file, "# nothing new\n").unwrap();
    assert_eq!(
        code(&hub(&["calendar", "check", "workdays.csv"], site.path())),
        0
    );
}

#[test]
fn x_003_working_days_are_computed_without_a_hub() {
    let told = |arguments: &[&str]| {
        let output = bare(arguments).output().unwrap();
        assert_eq!(code(&output), 0, "{}", err(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let text = told(&["workdays", "--from", "2025-09-24", "--count", "10"]);
    assert!(text.contains("2025-10-14"), "{text}");
    let first = [
        "--json",
        "workdays",
        "--from",
        "2024-02-08",
        "--count",
        "5",
        "--first-day-counts",
    ];
    let first: Value = serde_json::from_str(&told(&first)).unwrap();
    assert_eq!(
        (&first["on"], &first["is_provisional"]),
        (&"2024-02-20".into(), &false.into())
    );
    assert_eq!(first["counting"], "first_day_counts");
    let zh = told(&[
        "--lang",
        "zh",
        "workdays",
        "--from",
        "2020-01-20",
        "--count",
        "10",
        "--known-on",
        "2020-01-26",
    ]);
    assert!(zh.contains("2020-02-07") && zh.contains("最近变更"), "{zh}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("days.csv");
    std::fs::write(&file, "2026-13-01,holiday,x,\n").unwrap();
    let bad = [
        "workdays",
        "--from",
        "2026-01-05",
        "--count",
        "1",
        "--file",
        file.to_str().unwrap(),
    ];
    let bad = bare(&bad).output().unwrap();
    assert_eq!(code(&bad), 5);
    assert!(err(&bad).contains("line 1: date"), "{}", err(&bad));
}
