//! The whole life of fund alerts through the command line alone, and files of them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test support: a failure here is a failed test"
)]

#[path = "alerts_cli/help.rs"]
mod help;
#[path = "alerts_cli/interrupted.rs"]
mod interrupted;
#[path = "alerts_cli/life.rs"]
mod life;
#[path = "alerts_cli/load.rs"]
mod load;
#[path = "alerts_cli/outbox.rs"]
mod outbox;

use hub_core::uscc::Uscc;
use hub_tests::{World, desk::Desk};
use serde_json::Value;

/// The bank's analyst at a desk.
fn analyst(world: &World) -> Desk {
    Desk::new(world, "pboc-branch", "pboc-analyst-1", &["analyst"])
}

/// The office at a desk.
fn office(world: &World) -> Desk {
    // Its host's clerk has a desk too; each writes the same profile.
    Desk::new(world, "civil-affairs", "office-1", &["office"])
}

/// A code whose check characters are both right, with a number in it.
fn code(number: u32) -> String {
    const ALPHABET: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";
    for inner in "0123456789X".chars() {
        for outer in ALPHABET.chars() {
            let text = format!("51140000MJ{number:06}{inner}{outer}");
            if text
                .parse::<Uscc>()
                .is_ok_and(|code| code.inner_check_is_valid())
            {
                return text;
            }
        }
    }
    panic!("none fits {number}");
}

/// Raises an alert; answers what the hub did.
fn raise(desk: &Desk, number: u32, further: &[&str]) -> Value {
    let subject = format!("{}=某某协会", code(number));
    let mut arguments = vec![
        "alert",
        "raise",
        "--subject",
        &subject,
        "--kind",
        "abnormal-movement",
        "--indicator",
        "flow_out_of_line",
        "--from",
        "2026-01-01",
        "--until",
        "2026-06-30",
        "--band",
        "1m_10m",
        "--direction",
        "out",
        "--severity-reason",
        "短期内多次",
        "--grounds",
        "流出与项目不符。",
        "--source",
        "二季度分析",
        "--legal-basis",
        "晋社管组发〔2021〕2号",
        "--classification",
        "internal",
    ];
    arguments.extend(further);
    if !further.contains(&"--severity") {
        arguments.extend(["--severity", "major"]);
    }
    desk.json(&arguments)
}

/// A day on which something may be due.
fn later() -> String {
    let zone = jiff::tz::TimeZone::get("Asia/Shanghai").unwrap();
    let today = jiff::Timestamp::now().to_zoned(zone).date();
    (today + jiff::Span::new().days(100)).to_string()
}

/// The name of an alert in an answer.
fn name(answer: &Value) -> String {
    answer["alert"]["name"].as_str().unwrap().to_owned()
}

/// What a unit does about an alert.
fn unit<'a>(answer: &'a Value, id: &str) -> &'a Value {
    let units = answer["alert"]["units"].as_array().unwrap();
    let full = format!("agencies/{id}");
    units.iter().find(|unit| unit["unit"] == full).unwrap()
}
