//! The whole life of meetings, minutes and major issues through the command line alone.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test support: a failure here is a failed test"
)]

#[path = "meetings_cli/bulletin.rs"]
mod bulletin;
#[path = "meetings_cli/help.rs"]
mod help;
#[path = "meetings_cli/issues.rs"]
mod issues;
#[path = "meetings_cli/minutes.rs"]
mod minutes;

use std::{collections::BTreeMap, path::PathBuf};

use hub_tests::{
    World,
    desk::{Desk, beside, code, err},
};
use serde_json::Value;

/// Units that are excused.
const EXCUSED: [&str; 2] = ["foreign-affairs", "culture-tourism"];

/// Everyone at a desk.
struct Stage {
    office: Desk,
    /// Leaders by agency id.
    leaders: BTreeMap<String, Desk>,
    meeting: String,
    folder: PathBuf,
}

impl Stage {
    /// A joint meeting as a draft.
    fn new(world: &World) -> Self {
        let charter = world.site.charter();
        let leaders = charter
            .agencies()
            .iter()
            .map(|agency| {
                let id = agency.id().to_string();
                let desk = Desk::new(world, &id, &format!("{id}-leader"), &["leader"]);
                (id, desk)
            })
            .collect();
        Self {
            office: Desk::new(world, "civil-affairs", "office-1", &["office"]),
            leaders,
            meeting: String::new(),
            folder: world.site.path().to_owned(),
        }
    }

    fn leader(&self, id: &str) -> &Desk {
        &self.leaders[id]
    }

    fn create(&mut self) {
        let today = today();
        let made = self.office.json(&[
            "meeting",
            "create",
            "--mechanism",
            "joint-enforcement",
            "--mechanism",
            "fund-supervision",
            "--kind",
            "annual",
            "--title",
            "联席会议",
            "--on",
            &today,
        ]);
        assert_eq!(made["meeting"]["state"], "draft");
        assert!(made["receipt"]["entry_index"].is_u64());
        made["meeting"]["name"]
            .as_str()
            .unwrap()
            .clone_into(&mut self.meeting);
    }

    /// Both offices confirm, topics are settled by correspondence.
    fn settle_topics(&self) {
        let meeting = self.meeting.as_str();
        let confirmed = self.office.json(&["meeting", "confirm", meeting]);
        let offices = &confirmed["meeting"];
        assert_eq!(offices["confirmed_by"].as_array().unwrap().len(), 2);
        let opened = self.office.json(&["meeting", "open", meeting]);
        assert_eq!(opened["meeting"]["units"].as_array().unwrap().len(), 15);
        for (number, id) in ["tax", "finance", "education", "health"].iter().enumerate() {
            let title = format!("议题{}", number + 1);
            let proposed = self.leader(id).json(&[
                "meeting", "topic", "propose", meeting, "--title", &title, "--text", "内容",
            ]);
            assert_eq!(proposed["topic"]["proposer"], format!("agencies/{id}"));
        }
        let topic = |number: u32| format!("{meeting}/{number}");
        let topic = |number: u32| topic(number).replace("meetings/", "");
        let tax = self.leader("tax");
        let said = tax.json(&["meeting", "topic", "comment", &topic(2), "--text", "同意"]);
        assert_eq!(said["topic"]["comment_count"], 1);
        for number in [1, 2] {
            self.office
                .text(&["meeting", "topic", "accept", &topic(number)]);
        }
        let early = self.office.run(&["meeting", "topic", "confirm", meeting]);
        assert_eq!(code(&early), 1, "{}", err(&early));
        assert!(err(&early).contains("what to do"), "{}", err(&early));
        self.office.text(&[
            "meeting",
            "topic",
            "merge",
            &topic(3),
            "--into",
            "1",
            "--reason",
            "内容相同",
        ]);
        self.office.text(&[
            "meeting",
            "topic",
            "decline",
            &topic(4),
            "--reason",
            "另行研究",
        ]);
        self.office
            .text(&["meeting", "topic", "order", meeting, "2", "1"]);
        let confirmed = self.office.json(&["meeting", "topic", "confirm", meeting]);
        assert_eq!(confirmed["meeting"]["state"], "topics_confirmed");
        let table = self
            .office
            .text(&["--lang", "zh", "meeting", "topic", "list", meeting]);
        let order: Vec<&str> = table
            .lines()
            .skip(1)
            .map(|line| line.split_whitespace().next().unwrap())
            .collect();
        assert_eq!(order, ["2", "1", "3", "4"], "{table}");
        assert!(table.contains("未列入") && table.contains("→ 1"), "{table}");
    }

    /// The notice goes out, is changed, and every unit answers.
    fn call(&self) {
        let meeting = self.meeting.as_str();
        let starts = (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(2)).to_string();
        self.office.text(&[
            "meeting",
            "convene",
            meeting,
            "--starts",
            &starts,
            "--place",
            "301 会议室",
            "--text",
            "请按时参加。",
        ]);
        let changed = self.office.json(&[
            "meeting",
            "change",
            meeting,
            "--reason",
            "会议室占用",
            "--place",
            "401 会议室",
        ]);
        let notice = &changed["meeting"]["notice"];
        assert_eq!(
            (&notice["place"], &notice["revision"]),
            (&"401 会议室".into(), &2.into())
        );
        assert_eq!(notice["text"], "请按时参加。");
        let wrong = self
            .leader("tax")
            .run(&["meeting", "answer", meeting, "attends"]);
        assert_eq!(code(&wrong), 2);
        assert!(err(&wrong).contains("--attendee"), "{}", err(&wrong));
        let late = self.leader("tax").run(&[
            "meeting",
            "answer",
            meeting,
            "attends",
            "--attendee",
            "某甲",
            "--revision",
            "1",
        ]);
        assert!(err(&late).contains("CONFLICT"), "{}", err(&late));
        self.answer();
    }

    /// Every unit answers: most come, some are excused.
    fn answer(&self) {
        let meeting = self.meeting.as_str();
        for unit in self.units() {
            if EXCUSED.contains(&unit.as_str()) {
                self.leader(&unit).text(&[
                    "meeting",
                    "answer",
                    meeting,
                    "excused",
                    "--reason",
                    "另有会议",
                ]);
            } else {
                let who = format!("{unit}人员,处长");
                self.leader(&unit).text(&[
                    "meeting",
                    "answer",
                    meeting,
                    "attends",
                    "--attendee",
                    &who,
                ]);
            }
        }
        let shown = self
            .office
            .text(&["--lang", "zh", "meeting", "show", meeting]);
        for expected in ["401 会议室", "另有会议", "tax人员 处长", "请假"] {
            assert!(shown.contains(expected), "{expected} in\n{shown}");
        }
    }

    /// It is held: first with too little said, then from a sheet.
    fn hold(&self) {
        let meeting = self.meeting.as_str();
        let short = self.office.run(&[
            "meeting",
            "held",
            meeting,
            "--chair",
            "某主任",
            "--present",
            "tax=某甲",
        ]);
        assert_eq!(code(&short), 2);
        assert!(
            err(&short).contains("nothing is said of civil-affairs"),
            "{}",
            err(&short)
        );
        let sheet = self.office.text(&[
            "meeting",
            "held",
            meeting,
            "--template",
            "--chair",
            "某主任",
        ]);
        let file = self.folder.join("sheet.toml");
        let now = jiff::Timestamp::now().to_string();
        std::fs::write(&file, sheet).unwrap();
        let held = self.office.json(&[
            "meeting",
            "held",
            meeting,
            "--sheet",
            file.to_str().unwrap(),
            "--at",
            &now,
            "--observer",
            "某列席人员",
            "--point",
            "省税务局/1=建议尽快开展",
        ]);
        let held = &held["meeting"];
        assert_eq!(
            (&held["state"], &held["chair"]),
            (&"held".into(), &"某主任".into())
        );
        assert_eq!(held["observers"][0], "某列席人员");
        assert_eq!(held["speaker_points"][0]["agency"], "agencies/tax");
        for unit in held["units"].as_array().unwrap() {
            let id = unit["agency"]
                .as_str()
                .unwrap()
                .trim_start_matches("agencies/");
            let expected = if EXCUSED.contains(&id) {
                "excused"
            } else {
                "present"
            };
            assert_eq!(unit["attendance"], expected, "{id}");
        }
    }

    fn units(&self) -> Vec<String> {
        let shown = self.office.json(&["meeting", "show", &self.meeting]);
        shown["meeting"]["units"]
            .as_array()
            .unwrap()
            .iter()
            .map(|unit| {
                let name = unit["agency"].as_str().unwrap();
                name.trim_start_matches("agencies/").to_owned()
            })
            .collect()
    }

    fn attending(&self) -> Vec<String> {
        let units = self.units().into_iter();
        units
            .filter(|unit| !EXCUSED.contains(&unit.as_str()))
            .collect()
    }
}

fn today() -> String {
    let zone = jiff::tz::TimeZone::get("Asia/Shanghai").unwrap();
    jiff::Timestamp::now().to_zoned(zone).date().to_string()
}

fn names(value: &Value, field: &str) -> Vec<String> {
    let rows = value.as_array().unwrap().iter();
    rows.map(|row| row[field].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn je_076_a_joint_meeting_from_draft_to_attendance() {
    let mut world = World::start().await;
    let mut stage = Stage::new(&world);
    beside(move || {
        stage.create();
        let hidden = stage
            .leader("tax")
            .run(&["meeting", "show", &stage.meeting]);
        assert!(err(&hidden).contains("NOT_FOUND"), "{}", err(&hidden));
        stage.settle_topics();
        stage.call();
        stage.hold();
        let listed = stage
            .leader("tax")
            .json(&["meeting", "list", "--state", "held"]);
        assert_eq!(names(&listed["meetings"], "name"), [stage.meeting.as_str()]);
        let nobody = stage.leader("leading-group-office");
        assert!(names(&nobody.json(&["meeting", "list"])["meetings"], "name").is_empty());
    })
    .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_meeting_and_a_repeated_command() {
    let mut world = World::start().await;
    let mut stage = Stage::new(&world);
    beside(move || {
        stage.create();
        stage.settle_topics();
        let meeting = stage.meeting.as_str();
        let id = agency_client::request_id();
        let cancel = [
            "meeting",
            "cancel",
            meeting,
            "--reason",
            "改期",
            "--request-id",
            &id,
        ];
        let first = stage.office.json(&cancel);
        assert_eq!(first["meeting"]["state"], "cancelled");
        let again = stage.office.json(&cancel);
        assert_eq!(again["receipt"], first["receipt"]);
        let other = stage
            .office
            .run(&["meeting", "cancel", meeting, "--reason", "改期"]);
        assert_eq!(code(&other), 1);
        assert!(err(&other).contains("MEETING_STATE"), "{}", err(&other));
        let warnings =
            stage
                .office
                .json(&["meeting", "warnings", "--mechanism", "joint-enforcement"]);
        assert!(warnings["warnings"].is_array());
    })
    .await;
    world.stop().await;
}
