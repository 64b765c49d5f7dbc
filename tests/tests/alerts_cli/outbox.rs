//! Alerts by way of the outbox.

use hub_tests::{
    World,
    desk::{Desk, beside, code as exit_code, err},
};

use super::{analyst, name, raise, unit};

#[allow(clippy::too_many_lines, reason = "one story, told in order")]
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_in_the_outbox_is_raised_acknowledged_and_reported_once() {
    let mut world = World::start().await;
    let bank = analyst(&world);
    let tax = Desk::clerk(&world, "tax");
    beside(move || {
        let keyed = ["--outbox", "--key", "aml-7", "--ask", "tax=核对票据"];
        let id = agency_client::request_id();
        let once = [&keyed[..], &["--request-id", &id]].concat();
        let first = raise(&bank, 1, &once);
        assert_eq!(first["is_repeated"], false);
        let again = raise(&bank, 1, &once);
        assert_eq!(again["is_repeated"], true);
        bank.text(&["outbox", "send"]);
        let listed = bank.json(&["alert", "list"]);
        let alerts = listed["alerts"].as_array().unwrap();
        assert_eq!(alerts.len(), 1);
        let alert = alerts[0]["name"].as_str().unwrap().to_owned();
        assert_eq!(
            alert,
            format!("alerts/{id}"),
            "the request id is the alert's"
        );

        let unnamed = tax.run(&["alert", "acknowledge", &alert, "checks", "--outbox"]);
        assert_eq!(exit_code(&unnamed), 2, "{}", err(&unnamed));
        tax.text(&[
            "alert",
            "acknowledge",
            &alert,
            "checks",
            "--revision",
            "1",
            "--outbox",
        ]);
        tax.text(&["outbox", "send"]);
        let shown = tax.json(&["alert", "show", &alert]);
        assert_eq!(unit(&shown, "tax")["action"], "checks");
        let taken = tax.json(&[
            "alert",
            "measure",
            "take",
            &alert,
            "--due",
            &super::later(),
            "--text",
            "核查",
        ]);
        assert_eq!(name(&taken), alert);
        let measure = format!("{alert}/1");
        tax.text(&[
            "alert",
            "measure",
            "report",
            &measure,
            "--text",
            "已完成",
            "--outbox",
        ]);
        tax.text(&["outbox", "send"]);
        let shown = tax.json(&["alert", "show", &alert]);
        assert_eq!(shown["alert"]["measures"][0]["state"], "done");
        assert_eq!(shown["alert"]["measures"][0]["report"], "已完成");

        // What was corrected in between is not acknowledged unread.
        bank.text(&[
            "alert",
            "correct",
            &alert,
            "--reason",
            "金额档有误",
            "--band",
            "10m_100m",
        ]);
        tax.text(&[
            "alert",
            "acknowledge",
            &alert,
            "checks",
            "--revision",
            "1",
            "--outbox",
        ]);
        let sent = tax.run(&["outbox", "send"]);
        assert_ne!(exit_code(&sent), 0);
        let shown = tax.json(&["alert", "show", &alert]);
        assert_eq!(unit(&shown, "tax")["acknowledged_revision"], 1);
        assert!(unit(&shown, "tax")["acknowledged_at"].is_null());
    })
    .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fs_051_a_draft_that_breaks_a_rule_is_refused_before_it_is_put_away() {
    let mut world = World::start().await;
    let bank = analyst(&world);
    beside(move || {
        let subject = format!("{}=某某协会", super::code(1));
        let refused = bank.run(&[
            "alert",
            "raise",
            "--outbox",
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
            "账号 6222021001000015",
            "--source",
            "s",
            "--legal-basis",
            "l",
            "--classification",
            "internal",
        ]);
        assert_eq!(exit_code(&refused), 2, "{}", err(&refused));
        assert!(err(&refused).contains("FS-051"), "{}", err(&refused));
        let waits = bank.json(&["outbox", "list"]);
        assert_eq!(waits["counts"]["queued"], 0);
    })
    .await;
    world.stop().await;
}
