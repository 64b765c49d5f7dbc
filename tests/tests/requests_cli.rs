//! The whole life of information requests through the command line alone.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test support: a failure here is a failed test"
)]

#[path = "requests_cli/account.rs"]
mod account;
#[path = "requests_cli/calendar.rs"]
mod calendar;

use std::path::PathBuf;

use hub_core::workdays::{Calendar, Counting};
use hub_tests::{
    World,
    desk::{Desk, beside, code, err},
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde_json::Value;

/// An organisation that is made up.
pub(crate) const ORGANIZATION: &str = "51100000500008957Y=某某协会";

/// Today in the charter's time zone.
pub(crate) fn today() -> Date {
    let zone = TimeZone::get("Asia/Shanghai").unwrap();
    Timestamp::now().to_zoned(zone).date()
}

/// The day by which so many working days have passed since a day.
fn due(since: &Value, working_days: u32) -> String {
    let since: Date = since.as_str().unwrap().parse().unwrap();
    let calendar = Calendar::published().unwrap();
    let known = calendar.as_of(today());
    let computed = known.add(since, working_days, Counting::Strict).unwrap();
    computed.on.to_string()
}

fn name_of(answer: &Value) -> String {
    let name = &answer["information_request"]["name"];
    name.as_str().unwrap().to_owned()
}

pub(crate) fn valid_until() -> String {
    let days = jiff::Span::new().days(90);
    today().checked_add(days).unwrap().to_string()
}

/// Two agencies at their desks.
struct Stage {
    author: Desk,
    approver: Desk,
    provider: Desk,
    outsider: Desk,
    folder: PathBuf,
}

impl Stage {
    fn new(world: &World) -> Self {
        let desk = |agency: &str, officer: &str, roles: &[&str]| {
            Desk::new(world, agency, &format!("{agency}-{officer}"), roles)
        };
        Self {
            author: desk("civil-affairs", "clerk-1", &["clerk"]),
            approver: desk("civil-affairs", "leader-1", &["leader"]),
            // Files are taken in from those who may address others, which a leader alone may not.
            provider: desk("tax", "leader-1", &["leader", "clerk"]),
            outsider: desk("health", "leader-1", &["leader"]),
            folder: world.site.path().to_owned(),
        }
    }

    fn draft(&self, approver: &str, more: &[&str]) -> std::process::Output {
        let until = valid_until();
        let mut arguments = vec![
            "--json",
            "request",
            "draft",
            "--provider",
            "tax",
            "--sharing",
            "conditional",
            "--use-for",
            "核对年检材料",
            "--scope",
            "2025年度纳税申报情况",
            "--use-scene",
            "年度抽查",
            "--basis",
            "data_sharing",
            "--reference",
            "晋民查〔2026〕3号",
            "--organization",
            ORGANIZATION,
            "--valid-until",
            &until,
            "--approver",
            approver,
        ];
        arguments.extend(more);
        self.author.run(&arguments)
    }

    /// A draft that the author may not approve, and nobody but the named approver does.
    fn submit(&self) -> String {
        let own = self.draft("civil-affairs-clerk-1", &[]);
        assert_eq!(code(&own), 1, "{}", err(&own));
        assert!(
            err(&own).contains("information_request.approver"),
            "{}",
            err(&own)
        );
        let file = self.folder.join("函件.txt");
        std::fs::write(&file, "附件").unwrap();
        let attach = ["--attach", file.to_str().unwrap()];
        let drafted = self.draft("civil-affairs-leader-1", &attach);
        assert_eq!(code(&drafted), 0, "{}", err(&drafted));
        let drafted: Value = serde_json::from_slice(&drafted.stdout).unwrap();
        let name = name_of(&drafted);
        assert_eq!(drafted["information_request"]["state"], "drafted");
        let owed = &drafted["information_request"]["owed"][0];
        assert_eq!(owed["by"], "agencies/civil-affairs");
        // Before the approval there is nothing for the provider.
        let early = self.provider.run(&["request", "show", &name]);
        assert_eq!(code(&early), 1);
        assert!(err(&early).contains("NOT_FOUND"), "{}", err(&early));
        let other = Desk::of_profile(
            &self.approver.profile,
            "civil-affairs-leader-2",
            &["leader"],
        );
        let other = other.run(&["request", "approve", &name]);
        assert_eq!(code(&other), 1);
        assert!(
            err(&other).contains("civil-affairs-leader-1"),
            "{}",
            err(&other)
        );
        let approved = self.approver.json(&["request", "approve", &name]);
        assert_eq!(approved["information_request"]["state"], "submitted");
        let deadline = &approved["information_request"]["deadlines"][0];
        assert_eq!(deadline["due_on"], due(&deadline["counted_from_on"], 10));
        name
    }

    /// Lists tell at a glance who owes what.
    fn lists(&self, name: &str) {
        let list = ["request", "list", "--side", "provider"];
        let en = self.provider.text(&list);
        let row = en.lines().find(|line| line.contains(name)).unwrap();
        let due = due(&Value::from(today().to_string()), 10);
        for told in ["tax 省税务局", "answer", "with the provider", "10 wd", &due] {
            assert!(row.contains(told), "{told} in {en}");
        }
        let mut zh = vec!["--lang", "zh"];
        zh.extend(list);
        let zh = self.provider.text(&zh);
        for told in ["应办单位", "答复", "10 个工作日", "待答复"] {
            assert!(zh.contains(told), "{told} in {zh}");
        }
        let outside = self.outsider.json(&["request", "list"]);
        assert_eq!(outside["information_requests"], serde_json::json!([]));
        let outside = self.outsider.run(&["request", "show", name]);
        assert!(err(&outside).contains("NOT_FOUND"), "{}", err(&outside));
    }

    /// What is missing is asked for once; the time is extended once, by at most ten working days.
    fn ask_and_extend(&self, name: &str) {
        let missing = ["request", "ask-missing", name, "--text", "请说明年度"];
        let asked = self.provider.json(&missing);
        assert_eq!(asked["information_request"]["state"], "incomplete");
        let owed = &asked["information_request"]["owed"][0];
        assert_eq!(
            (&owed["by"], &owed["what"]),
            (&"agencies/civil-affairs".into(), &Value::Null)
        );
        let completed = self
            .author
            .json(&["request", "complete", name, "--text", "2025年度"]);
        assert_eq!(completed["information_request"]["state"], "submitted");
        let again = self.provider.run(&missing);
        assert_eq!(code(&again), 1);
        assert!(err(&again).contains("RECORD_STATE"), "{}", err(&again));
        assert!(err(&again).contains("what to do"), "{}", err(&again));
        let extend = |days: &str| {
            let reason = ["--reason", "档案搬迁", "--consent", "晋数函〔2026〕1号"];
            let mut arguments = vec!["--json", "request", "extend", name, "--days", days];
            arguments.extend(reason);
            self.provider.run(&arguments)
        };
        assert_eq!(code(&extend("11")), 2);
        let extended = extend("10");
        assert_eq!(code(&extended), 0, "{}", err(&extended));
        let extended: Value = serde_json::from_slice(&extended.stdout).unwrap();
        let deadlines = extended["information_request"]["deadlines"]
            .as_array()
            .unwrap();
        let open = deadlines.iter().find(|one| one["is_open"] == true).unwrap();
        assert_eq!(open["due_on"], due(&open["counted_from_on"], 20));
        assert_eq!(open["moves"][0]["reason"], "extension");
        assert_eq!(code(&extend("1")), 1);
        let shown = self.provider.text(&["request", "show", name]);
        let was = open["moves"][0]["was_on"].as_str().unwrap();
        assert!(shown.contains(&format!("(was {was})")), "{shown}");
        assert!(shown.contains("extended by working days: 10"), "{shown}");
    }

    /// Consent, then delivery with a document that the requester can download.
    fn answer(&self, name: &str) {
        let consented = self
            .provider
            .json(&["request", "consent", name, "--text", "仅限本案"]);
        assert_eq!(consented["information_request"]["state"], "consented");
        let owed = &consented["information_request"]["owed"][0];
        assert_eq!(
            (&owed["by"], &owed["what"]),
            (&"agencies/tax".into(), &"delivery".into())
        );
        let deadlines = consented["information_request"]["deadlines"]
            .as_array()
            .unwrap();
        let open = deadlines.iter().find(|one| one["is_open"] == true).unwrap();
        assert_eq!(open["due_on"], due(&open["counted_from_on"], 20));
        let file = self.folder.join("申报表.txt");
        std::fs::write(&file, "三张申报表").unwrap();
        let file = file.to_str().unwrap();
        let deliver = [
            "request",
            "deliver",
            name,
            "--text",
            "申报表见附件",
            "--attach",
            file,
        ];
        let delivered = self.provider.json(&deliver);
        assert_eq!(delivered["information_request"]["state"], "delivered");
        // What was delivered is read on the record only.
        assert_eq!(delivered["information_request"]["delivery"]["text"], "");
        let shown = self.author.json(&["request", "show", name]);
        let delivery = &shown["information_request"]["delivery"];
        assert_eq!(delivery["text"], "申报表见附件");
        let to = self.folder.join("下载");
        std::fs::create_dir_all(&to).unwrap();
        let notification = delivery["notification"].as_str().unwrap();
        let get = [
            "attach",
            "get",
            notification,
            "--all",
            "--to",
            to.to_str().unwrap(),
        ];
        self.author.text(&get);
        assert_eq!(
            std::fs::read_to_string(to.join("申报表.txt")).unwrap(),
            "三张申报表"
        );
    }

    fn record_use(&self, name: &str, more: &[&str]) -> std::process::Output {
        let mut arguments = vec![
            "--json",
            "request",
            "record-use",
            name,
            "--scene",
            "年度抽查",
            "--process",
            "比对",
            "--effect",
            "发现两处差异",
            "--fits",
            "即申请所列用途",
        ];
        arguments.extend(more);
        self.author.run(&arguments)
    }

    /// Use, corrections, suspension, disposal.
    fn afterwards(&self, name: &str) {
        let used = self.record_use(name, &[]);
        assert_eq!(code(&used), 0, "{}", err(&used));
        // As from a place where the hub is often away.
        let queued = self.record_use(name, &["--outbox"]);
        assert_eq!(code(&queued), 0, "{}", err(&queued));
        self.author.text(&["outbox", "send"]);
        self.author
            .text(&["request", "correct", name, "--text", "第二张合计有误"]);
        let answer = [
            "request",
            "answer-correction",
            name,
            "1",
            "corrected",
            "--text",
            "已补一行",
        ];
        let answered = self.provider.json(&answer);
        let correction = &answered["information_request"]["corrections"][0];
        assert_eq!(correction["is_corrected"], true);
        assert_eq!(code(&self.provider.run(&answer)), 1);
        let suspend = ["request", "suspend", name, "--reason", "转交第三方"];
        let suspended = self.provider.json(&suspend);
        assert_eq!(suspended["information_request"]["state"], "suspended");
        let refused = self.record_use(name, &[]);
        assert_eq!(code(&refused), 1);
        assert!(err(&refused).contains("RECORD_STATE"), "{}", err(&refused));
        self.provider
            .text(&["request", "resume", name, "--reason", "副本已销毁"]);
        let today = today().to_string();
        let disposed = self.author.json(&[
            "request",
            "dispose",
            name,
            "--storage",
            "存于办案服务器",
            "--destruction",
            "已删除",
            "--on",
            &today,
        ]);
        assert_eq!(disposed["information_request"]["state"], "disposed");
        assert_eq!(
            disposed["information_request"]["owed"],
            serde_json::json!([])
        );
        assert_eq!(code(&self.record_use(name, &[])), 1);
        let shown = self
            .provider
            .text(&["request", "show", name, "--lang", "zh"]);
        for told in [
            "已处置",
            "使用记录 2",
            "第二张合计有误",
            "已补一行",
            "转交第三方",
            "副本已销毁",
            "存于办案服务器",
        ] {
            assert!(shown.contains(told), "{told} in {shown}");
        }
        let list = self
            .author
            .json(&["request", "list", "--state", "disposed"]);
        assert_eq!(list["information_requests"][0]["name"], name);
    }

    /// One that is refused, one that is taken back, one that its approver rejects.
    fn other_ends(&self) {
        let drafted = || {
            let drafted = self.draft("civil-affairs-leader-1", &[]);
            assert_eq!(code(&drafted), 0, "{}", err(&drafted));
            name_of(&serde_json::from_slice(&drafted.stdout).unwrap())
        };
        let name = drafted();
        let rejected = self
            .approver
            .json(&["request", "reject", &name, "--reason", "范围过宽"]);
        assert_eq!(rejected["information_request"]["state"], "rejected");
        let name = drafted();
        self.approver.text(&["request", "approve", &name]);
        let none = self.provider.run(&["request", "refuse", &name]);
        assert_eq!(code(&none), 1);
        assert!(err(&none).contains("reasons"), "{}", err(&none));
        self.provider
            .text(&["request", "refuse", &name, "--text", "本单位不掌握"]);
        let shown = self.author.text(&["request", "show", &name]);
        assert!(
            shown.contains("refusal · ") && shown.contains("本单位不掌握"),
            "{shown}"
        );
        let name = drafted();
        self.approver.text(&["request", "approve", &name]);
        let withdrawn = self
            .author
            .json(&["request", "withdraw", &name, "--reason", "已无必要"]);
        assert_eq!(withdrawn["information_request"]["state"], "withdrawn");
        assert_eq!(
            withdrawn["information_request"]["deadlines"][0]["is_open"],
            false
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn order_809_a_request_lives_its_whole_life_on_the_command_line() {
    let world = World::start().await;
    let stage = Stage::new(&world);
    beside(move || {
        let name = stage.submit();
        stage.lists(&name);
        stage.ask_and_extend(&name);
        stage.answer(&name);
        stage.afterwards(&name);
        stage.other_ends();
    })
    .await;
}
