//! One alert from the first word to the end.

use hub_tests::{
    World,
    desk::{Desk, beside, code as exit_code, err},
};

use super::{analyst, name, office, raise, unit};

/// Everyone at a desk.
struct Stage {
    bank: Desk,
    office: Desk,
    tax: Desk,
    finance: Desk,
    police: Desk,
    alert: String,
}

impl Stage {
    fn new(world: &World) -> Self {
        let leader = |id: &str| Desk::new(world, id, &format!("{id}-leader-1"), &["leader"]);
        Self {
            bank: analyst(world),
            office: office(world),
            tax: leader("tax"),
            finance: leader("finance"),
            police: leader("public-security"),
            alert: String::new(),
        }
    }

    fn raise(&mut self) {
        let raised = raise(
            &self.bank,
            1,
            &["--ask", "省税务局=核对票据", "--ask", "finance=核对账务"],
        );
        assert_eq!(raised["alert"]["state"], "circulated");
        assert_eq!(raised["alert"]["asks"][0]["unit"], "agencies/tax");
        assert!(raised["receipt"]["entry_index"].is_u64());
        self.alert = name(&raised);
    }

    /// Who owes an acknowledgement shows at a glance, to everyone who may see the alert.
    fn show_who_owes(&self) {
        let table = self.office.text(&["--lang", "zh", "alert", "list"]);
        assert!(
            table.contains("未签收单位") && table.contains("重大"),
            "{table}"
        );
        assert!(table.contains("全部 5"), "{table}");
        let shown = self
            .tax
            .text(&["--lang", "zh", "alert", "show", &self.alert]);
        for expected in [
            "tax 省税务局",
            "未签收，",
            "分钟",
            "0/5",
            "流出与项目不符。",
            "核对票据",
            "资金异动",
            "流出",
        ] {
            assert!(shown.contains(expected), "{expected} in\n{shown}");
        }
    }

    fn acknowledge(&self) {
        let alert = self.alert.as_str();
        let silent = self.tax.run(&["alert", "acknowledge", alert, "no-action"]);
        assert_eq!(exit_code(&silent), 2);
        assert!(err(&silent).contains("--text"), "{}", err(&silent));
        let asked = self.tax.json(&[
            "alert",
            "acknowledge",
            alert,
            "needs-information",
            "--text",
            "涉及哪个季度？",
        ]);
        assert_eq!(asked["alert"]["state"], "under_handling");
        assert_eq!(unit(&asked, "tax")["text"], "涉及哪个季度？");
        let told = self
            .bank
            .json(&["alert", "inform", alert, "--text", "第二季度。"]);
        assert_eq!(told["alert"]["information"][0]["text"], "第二季度。");
        self.tax.text(&["alert", "acknowledge", alert, "checks"]);
        self.finance
            .text(&["alert", "acknowledge", alert, "checks"]);
        let mine = self
            .police
            .json(&["alert", "list", "--unacknowledged-by", "me"]);
        assert_eq!(mine["alerts"][0]["name"], alert);
        self.police.text(&[
            "alert",
            "acknowledge",
            alert,
            "no-action",
            "--text",
            "未见涉嫌犯罪线索",
        ]);
        let none = self
            .police
            .json(&["alert", "list", "--unacknowledged-by", "省公安厅"]);
        assert_eq!(none["alerts"].as_array().unwrap().len(), 0);
    }

    /// FS-021: two units sign, and the office issues.
    fn issue_a_notice(&self) {
        let alert = self.alert.as_str();
        let one = self.office.run(&[
            "alert", "notice", "draft", alert, "--unit", "tax", "--text", "通报",
        ]);
        assert_eq!(exit_code(&one), 2);
        assert!(err(&one).contains("FS-021"), "{}", err(&one));
        let drafted = self.office.json(&[
            "alert",
            "notice",
            "draft",
            alert,
            "--unit",
            "tax",
            "--unit",
            "省财政厅",
            "--unit",
            "public-security",
            "--text",
            "通报正文",
        ]);
        assert_eq!(drafted["alert"]["joint_notices"][0]["state"], "drafted");
        let notice = format!("{alert}/1");
        self.tax.text(&["alert", "notice", "sign", &notice]);
        self.police.text(&[
            "alert",
            "notice",
            "decline",
            &notice,
            "--reason",
            "不涉及本单位职责",
        ]);
        let early = self.office.run(&["alert", "notice", "issue", &notice]);
        assert_eq!(exit_code(&early), 1);
        assert!(err(&early).contains("what to do"), "{}", err(&early));
        self.finance.text(&["alert", "notice", "sign", &notice]);
        let issued = self.office.json(&["alert", "notice", "issue", &notice]);
        assert_eq!(issued["alert"]["joint_notices"][0]["state"], "issued");
        let shown = self.office.text(&["--lang", "zh", "alert", "show", alert]);
        for expected in [
            "联合通报 1 · 已印发 · 2/3 已会签",
            "通报正文",
            "不会签",
            "不涉及本单位职责",
        ] {
            assert!(shown.contains(expected), "{expected} in\n{shown}");
        }
    }

    fn find_and_measure(&self) {
        let alert = self.alert.as_str();
        let due = super::later();
        let found = self.tax.json(&[
            "alert",
            "finding",
            alert,
            "substantiated",
            "--reason",
            "票据与项目不符",
        ]);
        assert_eq!(found["alert"]["state"], "found");
        self.finance.text(&[
            "alert",
            "finding",
            alert,
            "unsubstantiated",
            "--reason",
            "账务无异常",
        ]);
        let taken = self.tax.json(&[
            "alert",
            "measure",
            "take",
            alert,
            "--due",
            &due,
            "--text",
            "补缴税款",
        ]);
        assert_eq!(taken["alert"]["measures"][0]["due_on"], due);
        let shown = self.office.text(&["--lang", "zh", "alert", "show", alert]);
        for expected in [
            "结论",
            "属实",
            "账务无异常",
            "补缴税款",
            due.as_str(),
            "办理中",
        ] {
            assert!(shown.contains(expected), "{expected} in\n{shown}");
        }
    }

    fn close(&self) {
        let alert = self.alert.as_str();
        let closing = [
            "alert",
            "close",
            alert,
            "--reason",
            "各单位均已反馈",
            "--reviewer",
            "省民政厅/leader-1",
        ];
        let open = self.office.run(&closing);
        assert_eq!(exit_code(&open), 1);
        assert!(err(&open).contains("RECORD_STATE"), "{}", err(&open));
        self.tax.text(&[
            "alert",
            "measure",
            "report",
            &format!("{alert}/1"),
            "--text",
            "已补缴",
        ]);
        let closed = self.office.json(&closing);
        assert_eq!(closed["alert"]["state"], "closed");
        let last = &closed["alert"]["closings"][0];
        assert_eq!(last["outcome"], "substantiated");
        assert_eq!(last["reviewer_agency"], "agencies/civil-affairs");
        let listed = self.tax.json(&["alert", "list", "--state", "closed"]);
        assert_eq!(listed["alerts"][0]["name"], alert);
    }

    /// A correction opens it again; a retraction ends it, and measures await review.
    fn correct_and_retract(&self) {
        let alert = self.alert.as_str();
        let corrected = self.bank.json(&[
            "alert",
            "correct",
            alert,
            "--reason",
            "金额档有误",
            "--band",
            "10m_100m",
        ]);
        let corrected = &corrected["alert"];
        assert_eq!(corrected["revision"], 2);
        assert_eq!(corrected["amount_band"], "10m_100m");
        assert_eq!(
            corrected["grounds"], "流出与项目不符。",
            "what is not given stays"
        );
        assert_eq!(corrected["asks"].as_array().unwrap().len(), 2);
        let before = self.tax.json(&["alert", "show", alert, "--revision", "1"]);
        assert_eq!(before["alert"]["amount_band"], "1m_10m");
        let shown = self.tax.text(&["--lang", "zh", "alert", "show", alert]);
        assert!(
            shown.contains("待复核") && shown.contains("金额档有误"),
            "{shown}"
        );
        self.tax.text(&["alert", "acknowledge", alert, "checks"]);
        let measure = format!("{alert}/1");
        let kept = self.tax.json(&[
            "alert",
            "measure",
            "review",
            &measure,
            "upheld",
            "--reason",
            "仍属实",
        ]);
        assert_eq!(kept["alert"]["measures"][0]["state"], "done");
        let gone = self
            .bank
            .json(&["alert", "retract", alert, "--reason", "对象有误"]);
        assert_eq!(gone["alert"]["state"], "retracted");
        let checks = self.tax.run(&["alert", "acknowledge", alert, "checks"]);
        assert_eq!(exit_code(&checks), 1, "{}", err(&checks));
        self.tax.text(&["alert", "acknowledge", alert, "noted"]);
        let lifted = self.tax.json(&[
            "alert",
            "measure",
            "review",
            &measure,
            "lifted",
            "--reason",
            "预警已撤回",
        ]);
        assert_eq!(lifted["alert"]["measures"][0]["state"], "lifted");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fs_021_an_alert_lives_from_the_first_word_to_the_end() {
    let mut world = World::start().await;
    let mut stage = Stage::new(&world);
    let stranger = Desk::clerk(&world, "education");
    beside(move || {
        stage.raise();
        stage.show_who_owes();
        let hidden = stranger.run(&["alert", "show", &stage.alert]);
        assert!(err(&hidden).contains("NOT_FOUND"), "{}", err(&hidden));
        stage.acknowledge();
        stage.issue_a_notice();
        stage.find_and_measure();
        stage.close();
        stage.correct_and_retract();
    })
    .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicates_are_pointed_out_and_a_repeated_command_is_one_act() {
    let mut world = World::start().await;
    let bank = analyst(&world);
    beside(move || {
        let id = agency_client::request_id();
        let once = ["--request-id", id.as_str()];
        let first = raise(&bank, 1, &once);
        assert_eq!(raise(&bank, 1, &once)["receipt"], first["receipt"]);
        let second = raise(&bank, 1, &[]);
        assert_eq!(second["alert"]["possible_duplicates"][0], name(&first));
        let shown = bank.run(&["alert", "show", &name(&second)]);
        assert!(err(&shown).contains(&name(&first)), "{}", err(&shown));
        assert!(err(&shown).contains("nothing is merged"), "{}", err(&shown));
    })
    .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fs_054_who_may_not_raise_is_told_what_to_do() {
    let mut world = World::start().await;
    let tax = Desk::new(&world, "tax", "tax-analyst-1", &["analyst"]);
    let clerk = Desk::clerk(&world, "pboc-branch");
    beside(move || {
        for desk in [tax, clerk] {
            let subject = format!("{}=某某协会", super::code(1));
            let refused = desk.run(&[
                "--lang",
                "zh",
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
                "--severity",
                "major",
                "--severity-reason",
                "r",
                "--grounds",
                "g",
                "--source",
                "s",
                "--legal-basis",
                "l",
                "--classification",
                "internal",
            ]);
            assert_eq!(exit_code(&refused), 1, "{}", err(&refused));
            assert!(err(&refused).contains("处理办法"), "{}", err(&refused));
        }
    })
    .await;
    world.stop().await;
}
