//! Account information: refused for lack of approval, then answered in time (FS-053).

use hub_tests::{
    World,
    desk::{Desk, beside, code, err},
};
use serde_json::Value;

use crate::{ORGANIZATION, name_of, today, valid_until};

const CASE: &str = "晋公立〔2026〕7号";

struct Inquiry {
    author: Desk,
    approver: Desk,
    bank: Desk,
    colleague: Desk,
    outsider: Desk,
}

impl Inquiry {
    fn new(world: &World) -> Self {
        let desk = |agency: &str, officer: &str, role: &str| {
            Desk::new(world, agency, &format!("{agency}-{officer}"), &[role])
        };
        Self {
            author: desk("public-security", "clerk-1", "clerk"),
            approver: desk("public-security", "leader-1", "leader"),
            bank: desk("pboc-branch", "leader-1", "leader"),
            colleague: desk("pboc-branch", "leader-2", "leader"),
            outsider: desk("tax", "leader-1", "leader"),
        }
    }

    fn draft(&self, approved_by: &str, acting: &[&str]) -> std::process::Output {
        let (until, today) = (valid_until(), today().to_string());
        let mut arguments = vec![
            "--json",
            "request",
            "draft-account",
            "--provider",
            "pboc-branch",
            "--organization",
            ORGANIZATION,
            "--case",
            CASE,
            "--case-opened",
            "2026-06-01",
            "--instrument",
            "晋公查〔2026〕15号",
            "--approved-by",
            approved_by,
            "--approval-reference",
            "晋公批〔2026〕4号",
            "--approved-on",
            &today,
            "--basis",
            "public_security_case",
            "--instrument-basis",
            "刑事诉讼法第一百四十四条",
            "--use-for",
            "查明资金去向",
            "--scope",
            "账户及余额",
            "--use-scene",
            "案件侦办",
            "--valid-until",
            &until,
            "--approver",
            "public-security-leader-1",
            "--acting",
        ];
        arguments.extend(acting);
        self.author.run(&arguments)
    }

    fn life(&self) {
        let two = ["public-security-clerk-1", "public-security-clerk-2"];
        // Without the approval that the statute asks for there is no inquiry, and with one officer neither.
        let refused = self.draft("agency-head", &two);
        assert_eq!(code(&refused), 1);
        let told: Value = serde_json::from_slice(&refused.stderr).unwrap();
        let field = "information_request.account.approval_level";
        assert_eq!(told["error"]["fields"][0]["field"], field, "{told}");
        let alone = self.draft("as-statute", &two[..1]);
        assert!(err(&alone).contains("account.officers"), "{}", err(&alone));
        let drafted = self.draft("as-statute", &two);
        assert_eq!(code(&drafted), 0, "{}", err(&drafted));
        let name = name_of(&serde_json::from_slice(&drafted.stdout).unwrap());
        // Nor does it reach the bank before the approver has approved it.
        let early = self
            .bank
            .run(&["request", "consent", &name, "--data", "账户一个"]);
        assert!(err(&early).contains("NOT_FOUND"), "{}", err(&early));
        self.approver.text(&["request", "approve", &name]);
        self.answered_in_time(&name);
        self.seen_by_the_requester_only(&name);
        self.case_is_closed();
    }

    fn answered_in_time(&self, name: &str) {
        // The bank must say what it reads it for.
        let mute = self.bank.run(&["request", "show", name]);
        assert_eq!(code(&mute), 1);
        assert!(err(&mute).contains("purpose"), "{}", err(&mute));
        let shown = self
            .bank
            .text(&["--purpose", "办理查询", "request", "show", name]);
        for told in [
            "晋公查〔2026〕15号",
            "as the statute says",
            "public-security-clerk-2",
        ] {
            assert!(shown.contains(told), "{told} in {shown}");
        }
        let consent = ["request", "consent", name, "--data", "账户一个，余额三元"];
        let answered = self.bank.json(&consent);
        let request = &answered["information_request"];
        assert_eq!(request["state"], "delivered");
        let deadlines = request["deadlines"].as_array().unwrap();
        let answer = deadlines
            .iter()
            .find(|one| one["kind"] == "answer")
            .unwrap();
        assert_eq!(
            (&answer["is_open"], &answer["is_overdue"]),
            (&false.into(), &false.into())
        );
        assert!(
            answer["met_at"].as_str() < answer["due_at"].as_str(),
            "{answer}"
        );
    }

    fn seen_by_the_requester_only(&self, name: &str) {
        let show = ["--purpose", "侦办案件", "request", "show", name];
        assert!(self.author.text(&show).contains("余额三元"));
        assert!(self.bank.text(&show).contains("余额三元"));
        let colleague = self.colleague.text(&show);
        assert!(!colleague.contains("余额三元"), "{colleague}");
        assert!(
            colleague.contains("withheld: shown to the requester"),
            "{colleague}"
        );
        let outside = self.outsider.run(&show);
        assert!(err(&outside).contains("NOT_FOUND"), "{}", err(&outside));
        // Without a purpose a list has none of its texts.
        let list = self
            .author
            .json(&["request", "list", "--kind", "account-information"]);
        let one = &list["information_requests"][0];
        assert_eq!((&one["name"], &one["purpose"]), (&name.into(), &"".into()));
    }

    fn case_is_closed(&self) {
        let closed = self
            .author
            .json(&["request", "close-case", CASE, "--reason", "已结案"]);
        assert!(closed["receipt"]["entry_index"].is_u64());
        let late = self.draft(
            "as-statute",
            &["public-security-clerk-1", "public-security-clerk-2"],
        );
        assert_eq!(code(&late), 1);
        assert!(err(&late).contains("the case is closed"), "{}", err(&late));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fs_053_account_information_is_refused_without_approval_and_then_answered_in_time() {
    let world = World::start().await;
    let inquiry = Inquiry::new(&world);
    beside(move || inquiry.life()).await;
}
