//! Files of alerts: what is raised, what is refused and why.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use hub_tests::{
    World,
    desk::{Desk, beside, code as exit_code, err},
};
use serde_json::{Value, json};

use super::{analyst, code};

pub(super) const HEADING: &str = "reference,uscc,organization,kind,indicator,start_on,end_on,\
     amount_band,currency,direction,severity,severity_reason,grounds,source_note,legal_basis,\
     classification,asks";

/// A good row.
pub(super) fn row(number: u32) -> String {
    format!(
        "R-{number},{},某某协会{number},abnormal_movement,flow_out_of_line,2026-01-01,2026-06-30,1m_10m,CNY,\
         out,routine,首次出现,流出与项目不符（{number}）,二季度分析,晋社管组发〔2021〕2号,internal,tax=核对票据",
        code(number)
    )
}

/// The same as a JSON line.
fn json_line(number: u32) -> String {
    let text = row(number);
    let cells = HEADING.split(',').zip(text.split(','));
    let fields = cells.map(|(name, cell)| (name.to_owned(), json!(cell)));
    Value::Object(fields.collect()).to_string()
}

pub(super) fn file(folder: &Path, name: &str, rows: &[String]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, format!("{HEADING}\n{}\n", rows.join("\n"))).unwrap();
    path
}

/// Loads a file, whatever comes of it: exit code and JSON.
pub(super) fn load(desk: &Desk, file: &Path, further: &[&str]) -> (i32, Value) {
    let mut arguments = vec!["--json", "--deadline", "120", "alert", "load"];
    arguments.push(file.to_str().unwrap());
    arguments.extend(further);
    let output = desk.run(&arguments);
    let value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{arguments:?}: {}", err(&output)));
    (exit_code(&output), value)
}

/// Names of the alerts that the bank can see.
pub(super) fn alerts(desk: &Desk) -> BTreeSet<String> {
    let listed = desk.json(&["alert", "list", "--all", "--page-size", "200"]);
    let alerts = listed["alerts"].as_array().unwrap();
    let names: BTreeSet<String> = alerts
        .iter()
        .map(|alert| alert["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names.len(), alerts.len());
    names
}

/// Rows that were refused, with their column.
fn refused(value: &Value) -> Vec<(u64, String)> {
    let rows = value["refused"].as_array().unwrap().iter();
    rows.map(|one| {
        (
            one["row"].as_u64().unwrap(),
            one["field"].as_str().unwrap().to_owned(),
        )
    })
    .collect()
}

/// A thousand rows of which seven are bad, each in another way.
fn thousand() -> Vec<String> {
    let mut rows: Vec<String> = (1..=1_000).map(row).collect();
    let mut change = |number: usize, from: &str, to: &str| {
        let row = &mut rows[number - 1];
        assert!(row.contains(from), "{row}");
        *row = row.replace(from, to);
    };
    // I is not in the alphabet of 31.
    change(100, "51140000MJ", "51140000MI");
    change(200, "流出与项目不符", "转入 6222021001000015");
    change(300, "2026-06-30", "2025-06-30");
    // Only the hub knows the charter.
    change(400, "flow_out_of_line", "no_such_indicator");
    change(500, "1m_10m", "1m_20m");
    change(600, "某某协会600", "\"某某协会600");
    rows[699] = rows[698].replace("R-699", "R-700");
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn fs_054_a_file_of_a_thousand_rows_with_seven_bad_ones() {
    let mut world = World::start().await;
    let bank = analyst(&world);
    let folder = world.site.path().to_owned();
    beside(move || {
        let path = file(&folder, "alerts.csv", &thousand());
        let report = folder.join("refused.csv");
        let (checked, value) = load(&bank, &path, &["--check"]);
        assert_eq!(checked, 6);
        assert_eq!(value["counts"]["valid"], 995, "without the charter");
        assert!(alerts(&bank).is_empty(), "a check raises nothing");

        let report_name = report.to_str().unwrap();
        let (loaded, value) = load(&bank, &path, &["--report", report_name]);
        assert_eq!(loaded, 6);
        let counts = &value["counts"];
        assert_eq!(
            (&counts["raised"], &counts["refused"]),
            (&json!(993), &json!(7))
        );
        let expected = [
            (100, "uscc"),
            (200, "grounds"),
            (300, "end_on"),
            (400, "indicator"),
            (500, "amount_band"),
            (600, "row"),
            (700, "row"),
        ];
        assert_eq!(
            refused(&value),
            expected.map(|(row, field)| (row, field.to_owned()))
        );
        let first = &value["refused"][0];
        assert_eq!(
            (&first["line"], &first["reference"]),
            (&json!(101), &json!("R-100"))
        );
        let text = std::fs::read_to_string(report).unwrap();
        assert_eq!(text.lines().count(), 8, "{text}");
        assert!(text.contains("\r\n400,401,R-400,indicator,"), "{text}");
        let raised = alerts(&bank);
        assert_eq!(raised.len(), 993);

        // The same again raises nothing.
        let (again, value) = load(&bank, &path, &[]);
        assert_eq!(again, 6);
        assert_eq!(value["counts"]["raised"], 0);
        assert_eq!(value["counts"]["raised_before"], 993);
        assert_eq!(alerts(&bank), raised);
    })
    .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_changed_rows_of_a_changed_file_are_new() {
    let mut world = World::start().await;
    let bank = analyst(&world);
    let folder = world.site.path().to_owned();
    beside(move || {
        let mut rows: Vec<String> = (1..=5).map(row).collect();
        let path = file(&folder, "alerts.csv", &rows);
        let (code, value) = load(&bank, &path, &[]);
        assert_eq!((code, &value["counts"]["raised"]), (0, &json!(5)));
        let before = alerts(&bank);

        // Moved, renumbered, in the other format: the same. One is changed and one is new.
        rows.reverse();
        let path = file(&folder, "again.csv", &rows);
        let (_, value) = load(&bank, &path, &[]);
        assert_eq!(value["counts"]["raised"], 0);
        let mut lines: Vec<String> = (1..=6).map(json_line).collect();
        lines[2] = lines[2].replace("首次出现", "再次出现");
        let path = folder.join("alerts.jsonl");
        std::fs::write(&path, format!("\u{feff}{}\r\n", lines.join("\r\n"))).unwrap();
        let (code, value) = load(&bank, &path, &[]);
        assert_eq!(code, 0, "{value}");
        let fresh: Vec<u64> = value["raised"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|one| one["is_repeated"] == false)
            .map(|one| one["row"].as_u64().unwrap())
            .collect();
        assert_eq!(fresh, [3, 6]);
        // The hub points out what the changed row is alike.
        let changed = &value["raised"][2]["possible_duplicates"];
        assert_eq!(changed.as_array().unwrap().len(), 1);
        let after = alerts(&bank);
        assert_eq!(after.len(), 7);
        assert!(before.is_subset(&after));

        let (_, value) = load(&bank, &path, &["--again"]);
        assert_eq!(value["counts"]["raised"], 6);
        assert_eq!(alerts(&bank).len(), 13);
    })
    .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fs_051_a_raw_report_and_what_is_no_text_are_refused_whole() {
    let mut world = World::start().await;
    let bank = analyst(&world);
    let folder = world.site.path().to_owned();
    beside(move || {
        let path = folder.join("file.csv");
        let transactions = "account_number,transaction_time,amount,counterparty\n1,2,3,4\n";
        // 协会 in GBK.
        let gbk = [HEADING.as_bytes(), b"\n", &[0xd0, 0xad, 0xbb, 0xe1]].concat();
        let nul = format!("{HEADING}\n{}\n", row(1)).replace("某某协会1", "某\0某");
        for (bytes, code, said) in [
            (transactions.as_bytes(), 5, "FS-051"),
            (&gbk, 5, "GBK"),
            (b"".as_slice(), 5, "has no row"),
            (nul.as_bytes(), 6, "on one line"),
        ] {
            std::fs::write(&path, bytes).unwrap();
            let output = bank.run(&["alert", "load", path.to_str().unwrap()]);
            assert_eq!(exit_code(&output), code, "{}", err(&output));
            let all = format!(
                "{}{}",
                err(&output),
                String::from_utf8_lossy(&output.stdout)
            );
            assert!(all.contains(said), "{said} in\n{all}");
        }
        assert!(alerts(&bank).is_empty());
        let unknown = folder.join("file.txt");
        std::fs::write(&unknown, "x").unwrap();
        let output = bank.run(&["alert", "load", unknown.to_str().unwrap()]);
        assert_eq!(exit_code(&output), 2, "{}", err(&output));
        let same = path.to_str().unwrap();
        let output = bank.run(&["alert", "load", same, "--report", same]);
        assert_eq!(exit_code(&output), 2, "{}", err(&output));
    })
    .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fs_054_a_file_from_another_agency_ends_with_the_hubs_refusal_and_people_see_tables() {
    let mut world = World::start().await;
    let bank = analyst(&world);
    let tax = Desk::new(&world, "tax", "tax-analyst-1", &["analyst"]);
    let folder = world.site.path().to_owned();
    beside(move || {
        let mut rows: Vec<String> = (1..=20).map(row).collect();
        let path = file(&folder, "alerts.csv", &rows);
        let refused = tax.run(&["alert", "load", path.to_str().unwrap()]);
        assert_eq!(exit_code(&refused), 1, "{}", err(&refused));
        assert!(
            err(&refused).contains("nothing is raised twice"),
            "{}",
            err(&refused)
        );
        assert!(alerts(&bank).is_empty());

        rows[4] = rows[4].replace("internal", "state_secret");
        let overlapping = rows[0].replace("首次出现", "再次出现");
        rows.push(overlapping);
        let path = file(&folder, "more.csv", &rows);
        let output = bank.run(&["--lang", "zh", "alert", "load", path.to_str().unwrap()]);
        assert_eq!(exit_code(&output), 6, "{}", err(&output));
        let text = String::from_utf8(output.stdout).unwrap();
        for expected in [
            "密级",
            "X-005",
            "R-5",
            "与第 1 行的组织和指标相同",
            "已发起",
            "拒绝",
        ] {
            assert!(text.contains(expected), "{expected} in\n{text}");
        }
        assert_eq!(alerts(&bank).len(), 20);
    })
    .await;
    world.stop().await;
}
