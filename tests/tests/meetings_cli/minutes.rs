//! Minutes from a file to their issue, and what was agreed.

use std::path::{Path, PathBuf};

use hub_tests::{
    World,
    desk::{Desk, beside, code, err},
};

use super::Stage;

/// Minutes with a due day for the first item; the second one's has passed.
fn draft(folder: &Path, settings: &str, due: &str) -> PathBuf {
    let file = folder.join("minutes.md");
    let text = format!(
        "+++\n{settings}\nmain_addressees = [\"各成员单位\"]\n+++\n\n# 联席会议纪要\n\n会议研究了两个议题。\n\n\
         ## 议题 1：议题1\n\n会议听取了省税务局的汇报。\n\n## 议定事项\n\n1. 开展年度联合抽查。\n   - 责任单位：\
         省税务局、finance\n   - 期限：{due}\n   - 议题：1\n2. 报送名单。\n   - 责任单位：省教育厅\n   - \
         期限：2026-01-31\n"
    );
    std::fs::write(&file, text).unwrap();
    file
}

fn drafted(stage: &Stage, settings: &str, due: &str) -> i64 {
    let file = draft(&stage.folder, settings, due);
    let answer = stage
        .office
        .json(&["minutes", "draft", &stage.meeting, file.to_str().unwrap()]);
    let name = answer["version"]["name"].as_str().unwrap();
    name.rsplit('/').next().unwrap().parse().unwrap()
}

fn consent(desk: &Desk, meeting: &str, version: &str) -> serde_json::Value {
    desk.json(&["minutes", "consent", meeting, "--version", version, "--yes"])
}

/// Version 1 meets an objection, version 2 finds everybody's consent.
fn agree(stage: &Stage) {
    let meeting = stage.meeting.as_str();
    assert_eq!(drafted(stage, "", "2030-06-30"), 1);
    let hidden = stage.leader("tax").run(&["minutes", "show", meeting]);
    assert_eq!(code(&hidden), 1, "{}", err(&hidden));
    stage
        .office
        .text(&["minutes", "circulate", meeting, "--version", "1"]);
    let tax = stage.leader("tax");
    let asked = tax.run(&["minutes", "consent", meeting]);
    assert_eq!(code(&asked), 2);
    assert!(
        err(&asked).contains("--version 1 --sha256 "),
        "{}",
        err(&asked)
    );
    let wrong = tax.run(&["minutes", "consent", meeting, "--yes", "--sha256", "00"]);
    assert_eq!(code(&wrong), 2, "{}", err(&wrong));
    let given = consent(tax, meeting, "1");
    assert_eq!(given["minutes"]["circulated_version"], 1);
    stage
        .leader("finance")
        .text(&["minutes", "object", meeting, "--reason", "期限过长"]);
    let status = stage
        .office
        .text(&["--lang", "zh", "minutes", "status", meeting]);
    assert!(
        status.contains("有异议") && status.contains("期限过长"),
        "{status}"
    );
    let unbased = draft(&stage.folder, "", "2030-03-31");
    let unbased = stage
        .office
        .run(&["minutes", "draft", meeting, unbased.to_str().unwrap()]);
    assert_eq!(code(&unbased), 2);
    assert!(err(&unbased).contains("base_version"), "{}", err(&unbased));
    let settings = "base_version = 1\nchange_note = \"提前期限\"";
    assert_eq!(drafted(stage, settings, "2030-03-31"), 2);
    let diff = stage.office.text(&["minutes", "diff", meeting]);
    assert!(diff.contains("2030-0[-6-]{+3+}-3[-0-]{+1+}"), "{diff}");
    let early = stage
        .office
        .run(&["minutes", "issue", meeting, "--version", "2"]);
    assert_eq!(code(&early), 1, "{}", err(&early));
    stage
        .office
        .text(&["minutes", "circulate", meeting, "--version", "2"]);
    let late =
        stage
            .leader("health")
            .run(&["minutes", "consent", meeting, "--version", "1", "--yes"]);
    assert!(err(&late).contains("CONFLICT"), "{}", err(&late));
    for unit in stage.attending() {
        let _ = consent(stage.leader(&unit), meeting, "2");
    }
    let excused = stage.leader("foreign-affairs").run(&[
        "minutes",
        "consent",
        meeting,
        "--version",
        "2",
        "--yes",
    ]);
    assert_eq!(code(&excused), 1);
}

/// An agreed item as people type it.
fn item(stage: &Stage, number: u32) -> String {
    format!("{}/{number}", stage.meeting).replace("meetings/", "")
}

/// What was agreed is carried out, extended, late, closed.
fn carry_out(stage: &Stage) {
    let meeting = stage.meeting.as_str();
    let item = |number: u32| item(stage, number);
    let done =
        stage
            .leader("tax")
            .json(&["minutes", "report", &item(1), "done", "--text", "已完成"]);
    assert_eq!(done["agreed_item"]["tasks"][0]["state"], "done");
    let overdue = stage
        .leader("education")
        .json(&["minutes", "items", "--overdue"]);
    assert_eq!(overdue["agreed_items"][0]["text"], "报送名单。");
    let table = stage
        .office
        .text(&["--lang", "zh", "minutes", "items", meeting]);
    assert!(
        table.contains("已逾期") && table.contains("已完成"),
        "{table}"
    );
    let finance = stage.leader("finance");
    finance.text(&[
        "minutes",
        "extend",
        &item(1),
        "--until",
        "2030-06-30",
        "--reason",
        "名单未齐",
    ]);
    let granted = stage
        .office
        .json(&["minutes", "grant", &item(1), "--unit", "省财政厅"]);
    assert_eq!(granted["agreed_item"]["tasks"][1]["due_on"], "2030-06-30");
    stage.leader("education").text(&[
        "minutes",
        "extend",
        &item(2),
        "--until",
        "2030-01-31",
        "--reason",
        "人手不足",
    ]);
    stage.office.text(&[
        "minutes",
        "refuse",
        &item(2),
        "--unit",
        "education",
        "--reason",
        "须按期完成",
    ]);
    finance.text(&["minutes", "report", &item(1), "done", "--text", "已完成"]);
    close(stage);
}

/// Closed are an item that is done, one that is not, and then the meeting.
fn close(stage: &Stage) {
    let meeting = stage.meeting.as_str();
    let item = |number: u32| item(stage, number);
    stage.office.text(&["minutes", "close-item", &item(1)]);
    let shown = stage
        .office
        .text(&["--lang", "zh", "minutes", "item", &item(1)]);
    assert!(
        shown.contains("已办结") && shown.contains("已完成"),
        "{shown}"
    );
    let rows = stage.office.text(&[
        "minutes",
        "statistics",
        "--mechanism",
        "joint-enforcement",
        "--from",
        "2026-01-01",
        "--until",
        "2031-01-01",
    ]);
    assert!(rows.contains("100%"), "{rows}");
    let open = stage.office.run(&["meeting", "close", meeting]);
    assert_eq!(code(&open), 1, "{}", err(&open));
    stage
        .office
        .text(&["minutes", "close-item", &item(2), "--note", "转入日常工作"]);
    let closed = stage.office.json(&["meeting", "close", meeting]);
    assert_eq!(closed["meeting"]["state"], "closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn je_074_minutes_from_a_file_to_what_was_carried_out() {
    let mut world = World::start().await;
    let mut stage = Stage::new(&world);
    beside(move || {
        stage.create();
        stage.settle_topics();
        stage.call();
        stage.hold();
        let template = stage.office.text(&["minutes", "template", &stage.meeting]);
        let file = stage.folder.join("template.md");
        std::fs::write(&file, template).unwrap();
        let checked = stage.office.json(&[
            "minutes",
            "draft",
            &stage.meeting,
            file.to_str().unwrap(),
            "--check",
        ]);
        assert_eq!(checked["content"]["topics"].as_array().unwrap().len(), 2);
        agree(&stage);
        let issued = stage.office.json(&["minutes", "issue", &stage.meeting]);
        let number = issued["minutes"]["document_number"].as_str().unwrap();
        assert!(number.contains('〔') && number.ends_with("1号"), "{number}");
        let read = stage
            .leader("foreign-affairs")
            .text(&["minutes", "show", &stage.meeting]);
        assert!(read.contains(number), "{read}");
        carry_out(&stage);
    })
    .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn je_074_a_correction_is_a_document_of_its_own() {
    let mut world = World::start().await;
    let mut stage = Stage::new(&world);
    beside(move || {
        stage.create();
        stage.settle_topics();
        stage.call();
        stage.hold();
        agree(&stage);
        let first = stage.office.json(&["minutes", "issue", &stage.meeting]);
        let number = first["minutes"]["document_number"].clone();
        let begun =
            stage
                .office
                .json(&["minutes", "correct", &stage.meeting, "--reason", "期限有误"]);
        let begun = &begun["minutes"];
        assert!(begun["name"].as_str().unwrap().ends_with("/minutes/2"));
        assert_eq!(begun["corrects"], number);
        // A file that a version was printed as is read back, and based on what it says.
        let printed = stage.office.text(&[
            "minutes",
            "show",
            &format!("{}/minutes/1", stage.meeting),
            "--file",
        ]);
        let file = stage.folder.join("again.md");
        let text = printed
            .replace("base_version = 2", "")
            .replace("2030-03-31", "2030-05-31");
        std::fs::write(&file, text).unwrap();
        let drafted = stage.office.json(&[
            "minutes",
            "draft",
            &stage.meeting,
            file.to_str().unwrap(),
            "--note",
            "更正期限",
        ]);
        assert!(
            drafted["version"]["name"]
                .as_str()
                .unwrap()
                .ends_with("/minutes/2/versions/1")
        );
    })
    .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_file_is_named_with_line_and_rule() {
    let mut world = World::start().await;
    let stage = Stage::new(&world);
    beside(move || {
        let file = draft(&stage.folder, "", "三月底");
        let path = file.to_str().unwrap();
        for (lang, rule) in [("en", "a day is written"), ("zh", "日期须写作 2026-08-31")] {
            let refused = stage.office.run(&[
                "--lang",
                lang,
                "minutes",
                "draft",
                "meetings/m/minutes/1",
                path,
                "--check",
            ]);
            assert_eq!(code(&refused), 2);
            let said = err(&refused);
            assert!(said.contains(&format!("{path}:18: {rule}")), "{said}");
        }
    })
    .await;
    world.stop().await;
}
