//! Statistics that the office compiles and sends to all members.

use hub_tests::{
    World,
    desk::{Desk, beside, code, err},
};

use super::{EXCUSED, Stage};

/// A command about a mechanism and a period.
fn of_period(command: &'static str, more: &[&'static str]) -> Vec<&'static str> {
    let period = ["--mechanism", "joint-enforcement", "--from", "2026-01-01"];
    let mut words = vec!["minutes", command];
    words.extend(period);
    words.extend(["--until", "2031-01-01"]);
    words.extend(more);
    words
}

#[tokio::test(flavor = "multi_thread")]
async fn je_024_a_bulletin_has_the_figures_of_the_records_and_reaches_every_member() {
    let mut world = World::start().await;
    let mut stage = Stage::new(&world);
    let outsider = Desk::new(
        &world,
        "leading-group-office",
        "desk-1",
        &["leading-group-desk"],
    );
    beside(move || {
        stage.create();
        stage.settle_topics();
        stage.call();
        stage.hold();
        // Without --send it is only shown.
        let draft = stage.office.json(&of_period("bulletin", &[]));
        assert_eq!(draft["category"], "statistics_joint_enforcement");
        assert!(draft["notification"].is_null(), "{draft}");
        let list = ["notify", "list", "joint-enforcement"];
        let before = stage.leader("tax").json(&list);
        assert_eq!(before["notifications"].as_array().unwrap().len(), 0);
        let counted = of_period("statistics", &["--all-members"]);
        let counted = stage.office.json(&counted);
        assert_eq!(draft["statistics"]["units"], counted["units"]);
        assert_eq!(counted["meetings_held_count"], 1);

        let sent = stage.office.json(&of_period(
            "bulletin",
            &["--send", "--text", "请各单位对照。"],
        ));
        let name = sent["notification"]["name"].as_str().unwrap();
        let body = sent["body"].as_str().unwrap();
        assert!(
            body.starts_with("请各单位对照。\n\n统计期间：2026-01-01至2030-12-31"),
            "{body}"
        );
        for unit in counted["units"].as_array().unwrap() {
            let id = unit["unit"]
                .as_str()
                .unwrap()
                .trim_start_matches("agencies/");
            let (present, rate) = if EXCUSED.contains(&id) {
                (0, 0)
            } else {
                (1, 100)
            };
            assert_eq!(unit["present_count"], present, "{id}");
            let expected = format!(
                "应到1次，出席{present}次，请假{}次，出席率{rate}%",
                1 - present
            );
            let lines = body.lines().filter(|line| line.contains(&expected));
            assert_eq!(lines.count(), if present == 1 { 11 } else { 2 }, "{body}");
            if id != "civil-affairs" {
                let read = stage.leader(id).json(&["notify", "show", name]);
                assert_eq!(read["notification"]["title"], sent["title"], "{id}");
            }
        }
        for nobody in [stage.leader("finance"), &outsider] {
            let hidden = nobody.run(&["notify", "show", name]);
            assert_eq!(code(&hidden), 1, "{}", err(&hidden));
        }
        let forged = stage.leader("tax").run(&of_period("bulletin", &["--send"]));
        assert_eq!(code(&forged), 1, "{}", err(&forged));
    })
    .await;
    world.stop().await;
}
