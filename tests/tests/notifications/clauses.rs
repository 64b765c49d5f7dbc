//! Duties of office and members that notifications carry, by the id of their clause.

use super::*;

async fn receipts_of(client: &Client, name: &str) -> Vec<String> {
    let rows = client.channels().delivery_receipts(name).await.unwrap();
    rows.into_iter().map(|row| row.recipient).collect()
}

/// The two mechanisms: their ids, how many members each has, one of them, and an agency outside.
const MECHANISMS: [(&str, usize, &str, &str); 2] = [
    ("joint-enforcement", 13, "health", "finance"),
    ("fund-supervision", 6, "finance", "health"),
];

/// The category that the charter routes for one mechanism.
fn category(of: &str, mechanism: &str) -> String {
    format!("{of}_{}", mechanism.replace('-', "_"))
}

/// A bulletin of the office reaches every member of the day, and nobody but the office may send it.
#[tokio::test(flavor = "multi_thread")]
async fn je_024_fs_014_compiled_statistics_reach_every_member_active_on_the_day() {
    let mut world = World::start().await;
    for (mechanism, count, member, outsider) in MECHANISMS {
        let bulletin = |title| {
            filled(
                NotificationDraft::by_route(&category("statistics", mechanism)),
                title,
            )
        };
        let sent = publish(&office(&world), bulletin("三月统计")).await;
        let mut reached = receipts_of(&office(&world), &sent.name).await;
        let members = world.clerk(member).members();
        let parent = format!("mechanisms/{mechanism}");
        let mut active: Vec<String> = members
            .list_memberships(&parent, None)
            .await
            .unwrap()
            .into_iter()
            .map(|member| member.agency.unwrap().name)
            .filter(|agency| agency != "agencies/civil-affairs")
            .collect();
        active.sort_unstable();
        reached.sort_unstable();
        assert_eq!(reached, active);
        assert_eq!(active.len(), count - 1, "{count} with the office's own");
        for agency in &active {
            let clerk = world.clerk(agency.strip_prefix("agencies/").unwrap());
            let read = clerk.channels().notification(&sent.name).await.unwrap();
            assert_eq!(read.notification.unwrap().body, sent.body);
        }
        let outside = world.clerk(outsider).channels();
        let hidden = outside.notification(&sent.name).await;
        assert_eq!(reason(hidden), Reason::NotFound);
        let forged = world
            .clerk(member)
            .channels()
            .publish(bulletin("冒名"))
            .await;
        assert_eq!(reason(forged), Reason::PermissionDenied);
    }
    world.stop().await;
}

/// Members and the leading group give the office tasks; the office answers them and cannot delete one.
#[tokio::test(flavor = "multi_thread")]
async fn je_025_fs_015_a_task_for_the_office_can_be_answered_and_not_deleted() {
    let mut world = World::start().await;
    for (mechanism, _, member, outsider) in MECHANISMS {
        let of = category("office_task", mechanism);
        let desk = world.client("leading-group-office", "desk-1", &["leading-group-desk"]);
        for (giver, giver_id) in [
            (world.clerk(member), member),
            (desk, "leading-group-office"),
        ] {
            let draft = filled(NotificationDraft::by_route(&of), "请汇总三季度情况");
            let task = publish(&giver, draft).await;
            assert_eq!(task.addressees, [format!("mechanisms/{mechanism}/office")]);
            let api = office(&world).channels();
            let taken_back = api.retract(&task.name, "不办").await;
            assert_eq!(reason(taken_back), Reason::PermissionDenied);
            let reply = filled(
                NotificationDraft::to([giver_id]).category("work_notice"),
                "已汇总",
            );
            publish(&office(&world), reply.in_reply_to(task.name.clone())).await;
            let row = &giver
                .channels()
                .delivery_receipts(&task.name)
                .await
                .unwrap()[0];
            assert!(row.replied_at.is_some() && !row.reply.is_empty(), "{row:?}");
            let still = api.notification(&task.name).await.unwrap();
            assert_eq!(still.notification.unwrap().body, task.body);
        }
        // Whoever is neither a member nor above has no task to give.
        let outside = filled(NotificationDraft::by_route(&of), "请办");
        let refused = world.clerk(outsider).channels().publish(outside).await;
        assert_eq!(reason(refused), Reason::PermissionDenied);
    }
    world.stop().await;
}

/// A policy document of one member reaches the others of its mechanism, with its file named, and no
/// one outside.
#[tokio::test(flavor = "multi_thread")]
async fn je_077_a_member_shares_a_policy_with_the_mechanism() {
    let mut world = World::start().await;
    let tax = world.clerk("tax");
    let file = tax
        .attachments()
        .upload_bytes("办法.txt", "text/plain", b"policy".to_vec(), |_| {})
        .await
        .unwrap();
    let draft = NotificationDraft::to_channel("joint-enforcement").category("coordination");
    let draft = filled(draft, "政策衔接").document_number("晋税函〔2026〕7号");
    let sent = publish(&tax, draft.attach(file)).await;
    let health = world.clerk("health").channels();
    let read = health.notification(&sent.name).await.unwrap();
    let read = read.notification.unwrap();
    assert_eq!(read.document_number, "晋税函〔2026〕7号");
    assert_eq!(read.attachments.len(), 1);
    let outside = world.clerk("finance").channels();
    let hidden = outside.notification(&sent.name).await;
    assert_eq!(reason(hidden), Reason::NotFound);
    world.stop().await;
}

/// "Promptly" has no number: what is told years later is recorded with the day on which it came about.
/// A limit of the province's own, with which the same hub starts again, warns of it and changes nothing
/// of what is recorded.
#[tokio::test(flavor = "multi_thread")]
async fn je_082_a_limit_changes_the_warning_and_not_the_record() {
    let text = std::fs::read_to_string(hub_tests::charter_file()).unwrap();
    let id = "id = \"serious_violation_monitoring\"\n";
    let limited = text.replace(id, &format!("{id}warn_after_working_days = 5\n"));
    assert_ne!(limited, text);
    let mut world = World::start().await;
    let told = async |world: &World, occurred_on: jiff::civil::Date| {
        let draft = NotificationDraft::by_route("serious_violation_monitoring");
        let draft = filled(draft, "监测信息").occurred_on(occurred_on);
        publish(&world.clerk("education"), draft).await
    };
    let old = told(&world, jiff::civil::date(2021, 3, 1)).await;
    let on = old.occurred_on.unwrap();
    assert_eq!((on.year, on.month, on.day), (2021, 3, 1));
    let read = async |world: &World, name: &str| {
        let api = office(world).channels();
        let read = api.notification(name).await.unwrap();
        (read.notification.unwrap(), read.promptness.unwrap())
    };
    let (before, measured) = read(&world, &old.name).await;
    assert!(measured.elapsed_working_days > 1_000, "{measured:?}");
    assert_eq!(
        (measured.warn_after_working_days, measured.is_late),
        (0, false)
    );

    std::fs::write(world.site.path().join("charter.toml"), &limited).unwrap();
    world.restart().await;
    let (after, warned) = read(&world, &old.name).await;
    assert_eq!(after, before);
    assert_eq!(warned.elapsed_working_days, measured.elapsed_working_days);
    assert_eq!((warned.warn_after_working_days, warned.is_late), (5, true));
    // It is no law: what comes late is still accepted, and what is prompt is not warned of.
    let zone = world.site.charter().zone().clone();
    let today = hub_core::date::on(jiff::Timestamp::now(), &zone);
    told(&world, jiff::civil::date(2021, 3, 2)).await;
    let prompt = told(&world, today).await;
    let (_, prompt) = read(&world, &prompt.name).await;
    assert_eq!((prompt.elapsed_working_days, prompt.is_late), (0, false));
    world.stop().await;
}

/// What is shared with named units is on the ledger with its purpose and recipients, and seen by them
/// alone.
#[tokio::test(flavor = "multi_thread")]
async fn je_084_what_is_shared_is_on_record_with_purpose_and_recipients() {
    let mut world = World::start().await;
    let sender = world.clerk("market-regulation");
    let draft = addressed(&["public-security", "tax"], "联合抽查：共享执法信息");
    let answer = sender.channels().publish(draft).await.unwrap().response;
    let sent = answer.notification.unwrap();
    let receipt = answer.receipt.unwrap();
    agency_client::verify::receipt(&sender, &receipt, None)
        .await
        .unwrap();
    let entry = sender.ledger().entry(receipt.entry_index).await.unwrap();
    let text = String::from_utf8_lossy(&entry.entry.unwrap().content).into_owned();
    for part in ["agencies/public-security", "agencies/tax", "共享执法信息"] {
        assert!(text.contains(part), "{part}");
    }
    assert_eq!(
        receipts_of(&sender, &sent.name).await,
        ["agencies/public-security", "agencies/tax"]
    );
    let outside = world.clerk("health").channels();
    assert_eq!(
        reason(outside.notification(&sent.name).await),
        Reason::NotFound
    );
    world.stop().await;
}
