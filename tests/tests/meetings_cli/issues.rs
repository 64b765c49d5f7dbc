//! Major issues from a flag to the leading group's reply.

use hub_tests::{
    World,
    desk::{Desk, beside, code, err},
};

use super::{Stage, names};

/// The last part of a resource name.
fn id(name: &str) -> &str {
    name.rsplit('/').next().unwrap()
}

/// Flags an issue and puts it on the agenda of a meeting that is held; answers its name.
fn discussed(stage: &mut Stage) -> String {
    stage.create();
    let meeting = stage.meeting.clone();
    stage.office.text(&["meeting", "confirm", &meeting]);
    stage.office.text(&["meeting", "open", &meeting]);
    let flagged = stage.leader("tax").json(&[
        "issue",
        "flag",
        "--mechanism",
        "joint-enforcement",
        "--title",
        "重大问题一",
        "--text",
        "内容",
        "--reason",
        "影响较大",
    ]);
    let issue = flagged["major_issue"]["name"].as_str().unwrap().to_owned();
    let queue = stage.office.json(&["issue", "list", "--state", "flagged"]);
    assert_eq!(names(&queue["major_issues"], "name"), [issue.as_str()]);
    let wrong = stage.office.run(&["issue", "dispose", &issue, "agenda"]);
    assert_eq!(code(&wrong), 2);
    let disposed = stage.office.json(&[
        "issue",
        "dispose",
        id(&issue),
        "agenda",
        "--meeting",
        &meeting,
    ]);
    assert_eq!(disposed["major_issue"]["state"], "on_agenda");
    stage
        .office
        .text(&["meeting", "topic", "confirm", &meeting]);
    stage.call();
    stage.hold();
    issue
}

#[tokio::test(flavor = "multi_thread")]
async fn je_075_a_major_issue_is_reported_together_and_answered() {
    let mut world = World::start().await;
    let mut stage = Stage::new(&world);
    let group = Desk::new(
        &world,
        "leading-group-office",
        "desk-1",
        &["leading-group-desk"],
    );
    beside(move || {
        let issue = discussed(&mut stage);
        let lead = stage.leader("civil-affairs");
        let drafted = lead.json(&[
            "issue",
            "escalation",
            "draft",
            &issue,
            "--meeting",
            &stage.meeting,
            "--with",
            "tax",
            "--with",
            "省卫生健康委",
            "--title",
            "报告",
            "--text",
            "报告正文",
        ]);
        let name = drafted["escalation"]["name"].as_str().unwrap();
        let early = lead.run(&["issue", "escalation", "send", name]);
        assert_eq!(code(&early), 1, "{}", err(&early));
        stage
            .leader("tax")
            .text(&["issue", "escalation", "co-sign", name]);
        stage.leader("health").text(&[
            "issue",
            "escalation",
            "decline",
            id(name),
            "--reason",
            "职责不涉及",
        ]);
        let shown = lead.text(&["--lang", "zh", "issue", "escalation", "show", name]);
        for expected in ["已会签", "不同意会签", "职责不涉及", "报告正文"] {
            assert!(shown.contains(expected), "{expected} in\n{shown}");
        }
        lead.text(&["issue", "escalation", "send", name]);
        let replied = group.json(&[
            "issue",
            "escalation",
            "reply",
            name,
            "--text",
            "同意",
            "--document-number",
            "晋社管组〔2026〕9号",
        ]);
        assert_eq!(replied["escalation"]["state"], "answered");
        let answered = stage.office.json(&["issue", "show", &issue]);
        assert_eq!(answered["major_issue"]["state"], "answered");
        let stranger = stage
            .leader("education")
            .run(&["issue", "escalation", "show", name]);
        assert!(err(&stranger).contains("NOT_FOUND"), "{}", err(&stranger));
        let listed = lead.json(&["issue", "escalation", "list", "--issue", &issue]);
        assert_eq!(names(&listed["escalations"], "name"), [name]);
    })
    .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn je_023_an_issue_is_closed_with_a_reason_or_withdrawn_as_a_report() {
    let mut world = World::start().await;
    let mut stage = Stage::new(&world);
    beside(move || {
        let issue = discussed(&mut stage);
        let lead = stage.leader("civil-affairs");
        let drafted = lead.json(&[
            "issue",
            "escalation",
            "draft",
            &issue,
            "--meeting",
            &stage.meeting,
            "--with",
            "tax",
            "--title",
            "报告",
            "--text",
            "报告正文",
        ]);
        let name = drafted["escalation"]["name"].as_str().unwrap();
        let withdrawn = lead.json(&["issue", "escalation", "withdraw", name]);
        assert_eq!(withdrawn["escalation"]["state"], "withdrawn");
        let closed = stage.office.json(&[
            "issue",
            "dispose",
            &issue,
            "close",
            "--reason",
            "已另行处理",
        ]);
        assert_eq!(closed["major_issue"]["state"], "closed");
    })
    .await;
    world.stop().await;
}
