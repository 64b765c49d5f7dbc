//! The whole life of referrals through the command line alone.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test support: a failure here is a failed test"
)]

use hub_tests::{
    World,
    desk::{Desk, beside, code, err},
};
use serde_json::Value;

const ORGANIZATION: &str = "51100000500008957Y=某某协会";

fn send(bank: &Desk, extra: &[&str]) -> Value {
    let mut arguments = vec![
        "referral",
        "send",
        "--to",
        "public-security",
        "--organization",
        ORGANIZATION,
        "--title",
        "收支与业务范围不符",
        "--text",
        "监测发现的情况。",
        "--legal-basis",
        "反洗钱法第四十五条",
        "--source",
        "第三季度监测",
        "--asks",
        "请依法核查并反馈结果",
    ];
    arguments.extend(extra);
    bank.json(&arguments)
}

fn name_of(answer: &Value) -> String {
    answer["referral"]["name"].as_str().unwrap().to_owned()
}

fn whole_life(bank: &Desk, police: &Desk, folder: &std::path::Path) {
    let file = folder.join("clue.txt");
    std::fs::write(&file, "线索说明").unwrap();
    // An analyst may upload, a leader sends or answers what was uploaded.
    let sent = send(
        bank,
        &["--attach", file.to_str().unwrap(), "--reference", "移字1号"],
    );
    let name = name_of(&sent);
    assert_eq!(sent["referral"]["state"], "sent");
    assert!(sent["receipt"]["entry_index"].is_u64());
    assert_eq!(
        sent["referral"]["title"], "",
        "acts answer without contents"
    );

    let waiting = police.json(&[
        "referral",
        "list",
        "--awaiting",
        "answer",
        "--direction",
        "incoming",
    ]);
    assert_eq!(waiting["referrals"].as_array().unwrap().len(), 1);
    assert_eq!(waiting["referrals"][0]["duty"]["step"], "acknowledge");
    let table = police.text(&["--lang", "en", "referral", "list", "--awaiting", "any"]);
    for word in ["acknowledge", "public-security", "收支与业务范围不符"] {
        assert!(table.contains(word), "{table}");
    }
    let table = police.text(&["--lang", "zh", "referral", "list"]);
    for word in ["待签收", "签收", "待办单位"] {
        assert!(table.contains(word), "{table}");
    }
    is_taken_up(bank, police, &name);
    is_shown(bank, &name);
    let to = folder.join("down");
    std::fs::create_dir(&to).unwrap();
    police.text(&["attach", "get", &name, "--to", to.to_str().unwrap()]);
    assert_eq!(
        std::fs::read_to_string(to.join("clue.txt")).unwrap(),
        "线索说明"
    );
    let closed = bank.json(&["referral", "close", &name, "--note", "已归档"]);
    assert_eq!(closed["referral"]["state"], "closed");
}

/// From the receipt over a question and a correction to the result.
fn is_taken_up(bank: &Desk, police: &Desk, name: &str) {
    let got = police.json(&["referral", "acknowledge", name]);
    assert_eq!(got["referral"]["received"]["officer"], "police-leader");
    let asked = police.json(&["referral", "ask", name, "--text", "是哪一季度？"]);
    assert_eq!(asked["referral"]["duty"]["step"], "add_information");
    bank.json(&["referral", "inform", name, "--text", "第三季度"]);
    let corrected = bank.json(&[
        "referral",
        "correct",
        name,
        "--reason",
        "补正",
        "--title",
        "第三季度收支与业务范围不符",
    ]);
    assert_eq!(corrected["referral"]["revision"], 2);
    let early = police.run(&["referral", "take-up", name]);
    assert_ne!(code(&early), 0);
    assert!(
        err(&early).contains("acknowledge revision 2"),
        "{}",
        err(&early)
    );
    police.json(&["referral", "acknowledge", name, "--revision", "2"]);
    let taken = police.json(&["referral", "take-up", name, "--reference", "办字7号"]);
    assert_eq!(taken["referral"]["state"], "taken_up");
    police.json(&["referral", "result", name, "--text", "已立项核查"]);
    let last = police.json(&[
        "referral",
        "result",
        name,
        "--text",
        "未发现违法",
        "--final",
    ]);
    assert_eq!(last["referral"]["state"], "result_fed_back");
}

fn is_shown(bank: &Desk, name: &str) {
    let shown = bank.json(&["referral", "show", name]);
    let shown = &shown["referral"];
    assert_eq!(shown["title"], "第三季度收支与业务范围不符");
    assert_eq!(shown["results"][1]["text"], "未发现违法");
    assert_eq!(shown["answer"]["addressee_reference"], "办字7号");
    assert!(shown["times"]["total_seconds"].is_i64());
    let first = bank.json(&["referral", "show", name, "--revision", "1"]);
    assert_eq!(first["referral"]["title"], "收支与业务范围不符");
    let text = bank.text(&["--lang", "en", "referral", "show", name]);
    for word in [
        "result fed back",
        "final result",
        "question",
        "elapsed",
        "clue.txt",
    ] {
        assert!(text.contains(word), "{text}");
    }
}

fn other_ends(bank: &Desk, police: &Desk, outsider: &Desk) {
    let declined = name_of(&send(bank, &[]));
    police.json(&["referral", "acknowledge", &declined]);
    let no = police.json(&["referral", "decline", &declined, "--reason", "已在诉讼中"]);
    assert_eq!(no["referral"]["answer"]["kind"], "declined");
    let returned = name_of(&send(bank, &[]));
    police.json(&["referral", "acknowledge", &returned]);
    police.json(&[
        "referral",
        "return",
        &returned,
        "--reason",
        "涉税",
        "--competent",
        "税务部门",
    ]);
    let shown = bank.json(&["referral", "show", &returned]);
    assert_eq!(
        shown["referral"]["answer"]["competent_unit_hint"],
        "税务部门"
    );
    let withdrawn = name_of(&send(bank, &[]));
    let back = bank.json(&["referral", "withdraw", &withdrawn, "--reason", "误送"]);
    assert_eq!(back["referral"]["state"], "withdrawn");
    let all = bank.json(&["referral", "list", "--all", "--state", "withdrawn"]);
    assert_eq!(all["referrals"].as_array().unwrap().len(), 1);
    // To everyone else there is nothing.
    let hidden = outsider.run(&["referral", "show", &declined]);
    assert_ne!(code(&hidden), 0);
    assert!(err(&hidden).contains("NOT_FOUND") || err(&hidden).contains("not found"));
    let none = outsider.json(&["referral", "list"]);
    assert_eq!(none["referrals"], serde_json::json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn fs_036_fs_037_referrals_through_the_command_line() {
    let world = World::start().await;
    let bank =
        Desk::new(&world, "pboc-branch", "bank-analyst", &["analyst"]).reading_for("办理移送事项");
    let police = Desk::new(&world, "public-security", "police-leader", &["leader"])
        .reading_for("办理移送事项");
    let outsider =
        Desk::new(&world, "civil-affairs", "office-1", &["office", "leader"]).reading_for("查阅");
    let folder = world.site.path().to_owned();
    beside(move || {
        whole_life(&bank, &police, &folder);
        other_ends(&bank, &police, &outsider);
    })
    .await;
    drop(world);
}
