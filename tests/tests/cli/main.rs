//! The `agency` command line as people and scripts meet it: exit codes, JSON, tables, languages,
//! and that the same command twice does its work once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test support: a failure here is a failed test"
)]

mod watch;

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use hub_tests::{
    World,
    desk::{Desk, bare, beside, code, err},
    process::{agency_binary, first_line},
};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn exit_codes_and_advice_are_those_of_the_help() {
    let lost = bare(&["--profile", "/nonexistent", "whoami"])
        .output()
        .unwrap();
    assert_eq!(code(&lost), 5);
    assert!(err(&lost).contains("AGENCY_PROFILE"), "{}", err(&lost));
    let lost = bare(&["outbox", "list", "--folder", "/nonexistent"]).output();
    let lost = lost.unwrap();
    assert_eq!(code(&lost), 5);
    assert!(err(&lost).contains("is not there"), "{}", err(&lost));
    let mut world = World::start().await;
    let desk = Desk::clerk(&world, "tax");
    let desk = beside(move || {
        let refused = desk.run(&[
            "notify",
            "show",
            "channels/joint-enforcement/notifications/9",
        ]);
        assert_eq!(code(&refused), 1);
        assert!(err(&refused).contains("NOT_FOUND") && err(&refused).contains("what to do"));
        let zh = desk.run(&[
            "--lang",
            "zh",
            "notify",
            "show",
            "channels/x/notifications/9",
        ]);
        assert!(
            err(&zh).starts_with("错误") && err(&zh).contains("处理办法"),
            "{}",
            err(&zh)
        );
        let json = desk.run(&["--json", "notify", "show", "channels/x/notifications/9"]);
        let value: Value = serde_json::from_str(&err(&json)).unwrap();
        assert_eq!(value["error"]["reason"], "NOT_FOUND");
        assert!(value["error"]["advice"].is_string() && json.stdout.is_empty());
        assert_eq!(code(&desk.run(&["notify", "publish"])), 2);
        let missing = bare(&["--profile", "/nonexistent/profile.toml", "whoami"]);
        assert_eq!(code(&{ missing }.output().unwrap()), 5);
        let bundle = world_bundle(&desk);
        let mut offline = bare(&["--profile", "/nonexistent/profile.toml"]);
        let offline = offline.args(["ledger", "verify", "--bundle"]).arg(bundle);
        let offline = offline.output().unwrap();
        assert_eq!(code(&offline), 2);
        assert!(err(&offline).contains("--ledger-key"), "{}", err(&offline));
        desk
    })
    .await;
    world.stop().await;
    let away = beside(move || desk.run(&["--deadline", "1", "whoami"])).await;
    assert_eq!(code(&away), 3, "{}", err(&away));
}

/// A bundle of an entry that the desk wrote.
fn world_bundle(desk: &Desk) -> PathBuf {
    let answer = desk.json(&[
        "notify",
        "publish",
        "--channel",
        "joint-enforcement",
        "--category",
        "coordination",
        "--classification",
        "internal",
        "--title",
        "t",
        "--body",
        "b",
    ]);
    let index = answer["receipt"]["entry_index"].to_string();
    let path = desk.profile.with_file_name("bundle.json");
    desk.text(&["ledger", "proof", &index, "--out", path.to_str().unwrap()]);
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_piped_has_colours_unless_they_are_asked_for() {
    let mut world = World::start().await;
    let desk = Desk::clerk(&world, "tax");
    beside(move || {
        desk.publish("通知");
        for arguments in [
            &["channels"][..],
            &["notify", "list", "joint-enforcement"],
            &["help"],
            &["help", "notify", "publish"],
            &["--help"],
            &["notify", "show", "channels/x/notifications/9"],
        ] {
            let output = desk.run(arguments);
            let all = [output.stdout, output.stderr].concat();
            assert!(!all.contains(&0x1b), "{arguments:?}");
        }
        let painted = desk.text(&["--color", "always", "channels"]);
        assert!(painted.contains('\u{1b}'));
        let help = desk.text(&["--color", "always", "--help"]);
        assert!(help.contains('\u{1b}'));
        let never = desk.text(&["--color", "never", "channels"]);
        assert!(!never.contains('\u{1b}'));
    })
    .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_speak_the_language_that_is_asked_for() {
    let mut world = World::start().await;
    let desk = Desk::clerk(&world, "tax");
    beside(move || {
        desk.publish("关于联合抽查的通知");
        let list = ["notify", "list", "joint-enforcement"];
        let en = desk.text(&list);
        assert!(
            en.starts_with("published") && en.contains("current"),
            "{en}"
        );
        assert!(en.contains("tax 省税务局"), "names stand beside ids: {en}");
        let zh = desk.text(&["--lang", "zh", "notify", "list", "joint-enforcement"]);
        assert!(zh.starts_with("发布时间") && zh.contains("现行"), "{zh}");
        let by_environment = desk
            .command(&list)
            .env("LANG", "zh_CN.UTF-8")
            .output()
            .unwrap();
        assert_eq!(String::from_utf8(by_environment.stdout).unwrap(), zh);
        let help = bare(&["--lang", "zh", "--help"]).output().unwrap();
        let help = String::from_utf8(help.stdout).unwrap();
        assert!(help.contains("日常") && help.contains("退出码"), "{help}");
    })
    .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn times_are_typed_as_people_write_them_and_errors_show_how() {
    let mut world = World::start().await;
    let tax = Desk::clerk(&world, "tax");
    beside(move || {
        let day = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * 30);
        let day = day.strftime("%Y-%m-%d").to_string();
        let publish = |sign_by: &str, reply_by: &str| {
            let mut all = vec!["--json", "notify", "publish", "--to", "health"];
            all.extend(["--category", "coordination", "--classification", "internal"]);
            all.extend(["--title", "t", "--body", "b"]);
            all.extend(["--sign-by", sign_by, "--reply-by", reply_by]);
            tax.run(&all)
        };
        let sent = publish(&day, &format!("{day} 09:00"));
        assert_eq!(code(&sent), 0, "{}", err(&sent));
        let sent: Value = serde_json::from_slice(&sent.stdout).unwrap();
        let asked = &sent["notification"];
        let local = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
        for (field, expected) in [
            ("sign_by_at", format!("{day}T23:59:59+08:00")),
            ("reply_by_at", format!("{day}T09:00:00+08:00")),
        ] {
            let found = asked[field].as_str().unwrap();
            assert_eq!(local(found), local(&expected), "{field}");
        }
        for refused in [
            publish("soon", &day),
            tax.run(&["search", "--since", "2026-13-01"]),
        ] {
            assert_eq!(code(&refused), 2);
            assert!(err(&refused).contains("such as 2026-"), "{}", err(&refused));
        }
        // Whose a channel's list of what is owed is.
        let refused = tax.run(&["notify", "due", "--of", "joint-enforcement"]);
        assert_eq!(code(&refused), 1);
        assert!(err(&refused).contains("--role office"), "{}", err(&refused));
    })
    .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_and_a_retraction_show_in_lists_receipts_and_what_is_due() {
    let mut world = World::start().await;
    let tax = Desk::clerk(&world, "tax");
    let health = Desk::new(&world, "health", "health-leader", &["leader", "clerk"]);
    beside(move || {
        let name = tax.publish("五月联合抽查");
        let corrected = tax.json(&[
            "notify",
            "correct",
            &name,
            "--reason",
            "月份有误",
            "--title",
            "六月联合抽查",
        ]);
        let correction = &corrected["notification"];
        assert_eq!(correction["kind"], "correction");
        assert_eq!(correction["title"], "六月联合抽查");
        assert_eq!(correction["body_text"], "正文", "what is not named stays");
        assert_eq!(correction["about"], name.as_str());
        let old = tax.json(&["notify", "show", &name]);
        assert_eq!(old["notification"]["state"], "corrected");
        assert_eq!(old["notification"]["superseded_by"], correction["name"]);
        let again = tax.run(&["notify", "correct", &name, "--reason", "r", "--title", "t"]);
        assert_eq!(code(&again), 1);
        assert!(
            err(&again).contains("NOTIFICATION_SUPERSEDED"),
            "{}",
            err(&again)
        );

        let due = health.json(&["notify", "due"]);
        let actions = due["outstanding_actions"].as_array().unwrap();
        assert_eq!(actions.len(), 1, "{due}");
        assert_eq!(actions[0]["action"], "acknowledge");
        assert_eq!(actions[0]["notification"], correction["name"]);
        let overdue = health.json(&["notify", "due", "--overdue"]);
        assert_eq!(overdue["outstanding_actions"], serde_json::json!([]));

        let correction = correction["name"].as_str().unwrap();
        let signed = health.json(&["notify", "sign", correction]);
        assert_eq!(signed["delivery_receipt"]["signed_for_by"], "health-leader");
        let none = health.json(&["notify", "due"]);
        assert_eq!(none["outstanding_actions"], serde_json::json!([]));
        let receipts = tax.text(&["notify", "receipts", correction]);
        let row = |agency: &str| {
            let row = receipts.lines().find(|line| line.starts_with(agency));
            row.unwrap_or_else(|| panic!("{agency} in {receipts}"))
                .to_owned()
        };
        assert!(row("health ").contains("health-leader"), "{receipts}");
        assert!(
            row("culture-tourism ").contains("acknowledge"),
            "{receipts}"
        );
        assert!(!row("health ").contains("acknowledge"), "{receipts}");

        let retracted = tax.json(&["notify", "retract", correction, "--reason", "误发"]);
        assert_eq!(retracted["notification"]["kind"], "retraction");
        let list = tax.text(&["--lang", "zh", "notify", "list", "joint-enforcement"]);
        assert!(list.contains("已更正") && list.contains("已撤回"), "{list}");
    })
    .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_file_is_published_once_however_often_the_command_runs() {
    let mut world = World::start().await;
    let desk = Desk::clerk(&world, "tax");
    beside(move || {
        let line = |title: &str| {
            serde_json::json!({
                "channel": "joint-enforcement", "category": "coordination", "title": title,
                "body": "b", "classification": "internal",
            })
            .to_string()
        };
        let file = desk.profile.with_file_name("batch.jsonl");
        let path = file.to_str().unwrap();
        std::fs::write(&file, format!("{}\n\n{}\n", line("one"), line("two"))).unwrap();
        let batch = ["notify", "publish", "--batch", path];
        let first = desk.text(&batch);
        assert_eq!(first.lines().count(), 2);
        assert_eq!(desk.text(&batch), first);
        let count = |wanted: usize| {
            let list = desk.json(&["notify", "list", "joint-enforcement", "--all"]);
            assert_eq!(list["notifications"].as_array().unwrap().len(), wanted);
        };
        count(2);
        assert_ne!(
            desk.text(&["notify", "publish", "--batch", path, "--again"]),
            first
        );
        count(4);

        std::fs::write(
            &file,
            format!("{}\n\n{}\n", line("one"), line("two\nlines")),
        )
        .unwrap();
        let refused = desk.run(&batch);
        assert_eq!(code(&refused), 1);
        let text = err(&refused);
        assert!(
            text.contains("line 3") && !text.contains("requests["),
            "{text}"
        );
        let zh = desk.run(&["--lang", "zh", "notify", "publish", "--batch", path]);
        assert!(err(&zh).contains("第 3 行"), "{}", err(&zh));
        count(4);
    })
    .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_outbox_takes_lists_sends_refuses_and_discards() {
    let mut world = World::start().await;
    let desk = Desk::clerk(&world, "tax");
    beside(move || {
        let enqueue = |title: &str, key: &str, channel: &str| {
            desk.json(&[
                "notify",
                "publish",
                "--channel",
                channel,
                "--category",
                "coordination",
                "--classification",
                "internal",
                "--title",
                title,
                "--body",
                "b",
                "--outbox",
                "--key",
                key,
            ])
        };
        let first = enqueue("one", "k1", "joint-enforcement");
        assert_eq!(first["outbox_item"]["state"], "queued");
        assert_eq!(
            enqueue("one", "k1", "joint-enforcement")["is_repeated"],
            true
        );
        enqueue("two", "k2", "no-such-channel");
        let list = desk.json(&["outbox", "list"]);
        assert_eq!(list["counts"]["queued"], 2);

        let sent = desk.run(&["--json", "outbox", "send"]);
        assert_eq!(code(&sent), 1, "{}", err(&sent));
        let sent: Value = serde_json::from_slice(&sent.stdout).unwrap();
        assert_eq!(
            (&sent["queued"], &sent["refused"]),
            (&0.into(), &1.into()),
            "{sent}"
        );
        let one = desk.json(&["outbox", "show", "1"]);
        assert_eq!(one["outbox_item"]["state"], "delivered");
        assert!(one["outbox_item"]["receipt"]["entry_index"].is_u64());
        let table = desk.text(&["--lang", "zh", "outbox", "list"]);
        assert!(
            table.contains("已送达") && table.contains("被拒"),
            "{table}"
        );
        assert_eq!(desk.json(&["outbox", "discard", "2"])["discarded"], 2);
        let wrong = desk.run(&["outbox", "discard", "1"]);
        assert_eq!(code(&wrong), 2, "{}", err(&wrong));
        assert_eq!(code(&desk.run(&["outbox", "show", "77"])), 2);
    })
    .await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_sent_now_is_kept_and_the_exit_code_says_so() {
    let mut world = World::start().await;
    let desk = Desk::clerk(&world, "tax");
    world.stop().await;
    beside(move || {
        desk.json(&[
            "notify",
            "publish",
            "--channel",
            "joint-enforcement",
            "--category",
            "coordination",
            "--classification",
            "internal",
            "--title",
            "t",
            "--body",
            "b",
            "--outbox",
        ]);
        let waiting = desk.run(&["--deadline", "1", "outbox", "send", "--for", "1"]);
        assert_eq!(code(&waiting), 3, "{}", err(&waiting));
        assert_eq!(desk.json(&["outbox", "list"])["counts"]["queued"], 1);
    })
    .await;
}

/// Two notifications with a file were published; the first is `name`.
fn search_finds(health: &Desk, name: &str) {
    let found = |arguments: &[&str], wanted: usize| {
        // What is recorded is found a moment later.
        for _ in 0..500 {
            let answer = health.json(arguments);
            if answer["notifications"].as_array().unwrap().len() == wanted {
                return answer;
            }
        }
        panic!("{arguments:?} never finds {wanted}")
    };
    let both = found(&["search", "年度检查"], 2);
    assert_eq!(both["has_more"], false);
    assert_eq!(
        both["notifications"][0]["attachments"][0]["file_name"],
        "报告.pdf"
    );
    let one = health.json(&["search", "年度检查", "--limit", "1", "--oldest-first"]);
    assert_eq!(one["notifications"][0]["name"], name);
    assert_eq!(one["has_more"], true);
    let none = health.run(&["--lang", "zh", "search", "没有这个"]);
    assert!(
        none.stdout.is_empty() && err(&none).contains("未找到"),
        "{}",
        err(&none)
    );
}

/// The sender chose the name of the file: it must not cost the user one of theirs.
fn a_file_of_the_users_stays(health: &Desk, name: &str, folder: &Path) {
    let to = folder.to_str().unwrap();
    let own = folder.join("报告.pdf");
    let again = health.run(&["attach", "get", name, "--to", to]);
    assert_eq!(code(&again), 0, "{}", err(&again));
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 1);
    std::fs::write(&own, "my own").unwrap();
    let beside = health.run(&["attach", "get", name, "--to", to]);
    assert!(err(&beside).contains("stays"), "{}", err(&beside));
    assert_eq!(std::fs::read_to_string(&own).unwrap(), "my own");
    let written = String::from_utf8(beside.stdout).unwrap();
    assert_eq!(std::fs::read(written.trim()).unwrap(), vec![7; 100_000]);
    std::fs::write(written.trim(), "mine too").unwrap();
    let full = health.run(&["attach", "get", name, "--to", to]);
    assert_eq!(code(&full), 2, "{}", err(&full));
    assert_eq!(std::fs::read_to_string(written.trim()).unwrap(), "mine too");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_with_a_notification_and_is_found_and_fetched() {
    let mut world = World::start().await;
    let tax = Desk::clerk(&world, "tax");
    let health = Desk::clerk(&world, "health");
    beside(move || {
        let file = tax.profile.with_file_name("报告.pdf");
        std::fs::write(&file, vec![7; 100_000]).unwrap();
        let publish = |more: &[&str]| {
            let mut all = vec![
                "notify",
                "publish",
                "--channel",
                "joint-enforcement",
                "--category",
                "coordination",
                "--classification",
                "internal",
                "--title",
                "年度检查报告",
                "--body",
                "见附件",
                "--attach",
                file.to_str().unwrap(),
            ];
            all.extend(more);
            tax.json(&all)
        };
        let published = publish(&[]);
        let name = published["notification"]["name"].as_str().unwrap();
        let list = health.text(&["attach", "list", name]);
        assert!(
            list.contains("报告.pdf") && list.contains("100000"),
            "{list}"
        );
        let folder = health.profile.with_file_name("files");
        let to = folder.to_str().unwrap();
        let got = health.run(&["attach", "get", name, "--to", to]);
        assert_eq!(code(&got), 0, "{}", err(&got));
        assert!(got.stderr.is_empty(), "no bars when piped");
        assert_eq!(
            std::fs::read(folder.join("报告.pdf")).unwrap(),
            vec![7; 100_000]
        );
        a_file_of_the_users_stays(&health, name, &folder);
        let wrong = health.run(&["attach", "get", name, "x.pdf"]);
        assert_eq!(code(&wrong), 2);
        assert!(err(&wrong).contains("attach list"), "{}", err(&wrong));

        // By the outbox the file is copied first: the original may vanish.
        publish(&["--outbox"]);
        std::fs::remove_file(&file).unwrap();
        let sent = tax.json(&["outbox", "send"]);
        assert_eq!(
            (&sent["queued"], &sent["refused"]),
            (&0.into(), &0.into()),
            "{sent}"
        );

        search_finds(&health, name);
    })
    .await;
    world.stop().await;
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args([name, &child.id().to_string()])
        .status();
    assert!(status.unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_command_says_where_it_listens_and_stops_on_sigterm() {
    let mut world = World::start().await;
    let desk = Desk::clerk(&world, "tax");
    let socket = desk.profile.with_file_name("gateway.sock");
    let mut gateway = desk
        .command(&["serve", "--socket", socket.to_str().unwrap()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = gateway.stdout.take().unwrap();
    let (line, _) = first_line(&gateway, stdout);
    assert_eq!(line.trim(), format!("unix:{}", socket.display()));
    let channel = unix_channel(&socket).await;
    let who = hub_proto::members::members_service_client::MembersServiceClient::new(channel)
        .who_am_i(hub_proto::members::WhoAmIRequest {})
        .await
        .unwrap();
    assert_eq!(who.into_inner().officer, "tax-clerk-1");
    signal(&gateway, "-TERM");
    assert!(hub_tests::process::ended(&mut gateway).success());
    assert!(!socket.exists());
    let mut gateway = desk
        .command(&["--json", "serve", "--socket", socket.to_str().unwrap()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = gateway.stdout.take().unwrap();
    let (line, _) = first_line(&gateway, stdout);
    let said: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(said["listening"], format!("unix:{}", socket.display()));
    signal(&gateway, "-TERM");
    assert!(hub_tests::process::ended(&mut gateway).success());
    let open = beside(move || desk.run(&["serve", "--listen", "0.0.0.0:7500"])).await;
    assert_eq!(code(&open), 2, "{}", err(&open));
    assert!(err(&open).contains("loopback"), "{}", err(&open));
    world.stop().await;
}

async fn unix_channel(path: &Path) -> tonic::transport::Channel {
    let path = path.to_owned();
    tonic::transport::Endpoint::from_static("http://gateway")
        .connect_with_connector(tower::service_fn(move |_| {
            let path = path.clone();
            async move {
                let stream = tokio::net::UnixStream::connect(path).await?;
                Ok::<_, std::io::Error>(hyper_util::rt::TokioIo::new(stream))
            }
        }))
        .await
        .unwrap()
}

#[test]
fn completions_manual_pages_and_the_json_shapes_come_without_a_profile() {
    for (binary, shells) in [
        (
            agency_binary(),
            ["bash", "zsh", "fish", "elvish", "powershell"],
        ),
        (
            hub_tests::process::hub_binary(),
            ["bash", "zsh", "fish", "elvish", "powershell"],
        ),
    ] {
        let run = |arguments: &[&str]| {
            let output = Command::new(&binary).args(arguments).output().unwrap();
            assert_eq!(
                code(&output),
                0,
                "{binary:?} {arguments:?}: {}",
                err(&output)
            );
            String::from_utf8(output.stdout).unwrap()
        };
        for shell in shells {
            let script = run(&["completion", shell]);
            assert!(script.contains("completion"), "{shell}");
        }
        assert!(run(&["man"]).contains(".TH"));
        let folder = tempfile::tempdir().unwrap();
        run(&["man", "--to", folder.path().to_str().unwrap()]);
        let pages = std::fs::read_dir(folder.path()).unwrap().count();
        assert!(pages > 10, "{binary:?}: {pages} pages");
    }
    let json = bare(&["help", "json"]).output().unwrap();
    assert!(
        String::from_utf8(json.stdout)
            .unwrap()
            .contains("NOTIFICATION")
    );
}
