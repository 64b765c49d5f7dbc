//! Duties of office and members that notifications carry, by the id of their clause.

use super::*;

async fn receipts_of(client: &Client, name: &str) -> Vec<String> {
    let rows = client.channels().delivery_receipts(name).await.unwrap();
    rows.into_iter().map(|row| row.recipient).collect()
}

/// A bulletin of the office reaches every member of the day, and nobody but the office may send it.
#[tokio::test(flavor = "multi_thread")]
async fn je_024_compiled_statistics_reach_every_member_active_on_the_day() {
    let mut world = World::start().await;
    let bulletin = |title| {
        let draft = NotificationDraft::by_route("statistics_joint_enforcement");
        filled(draft, title)
    };
    let sent = publish(&office(&world), bulletin("三月统计")).await;
    let reached = receipts_of(&office(&world), &sent.name).await;
    let members = world.clerk("tax").members();
    let members = members.list_memberships("mechanisms/joint-enforcement", None);
    let mut active: Vec<String> = members
        .await
        .unwrap()
        .into_iter()
        .map(|member| member.agency.unwrap().name)
        .filter(|agency| agency != "agencies/civil-affairs")
        .collect();
    let mut sorted = reached.clone();
    active.sort_unstable();
    sorted.sort_unstable();
    assert_eq!(sorted, active);
    assert_eq!(active.len(), 12, "13 with the office's own");
    for agency in &active {
        let clerk = world.clerk(agency.strip_prefix("agencies/").unwrap());
        let read = clerk.channels().notification(&sent.name).await.unwrap();
        assert_eq!(read.notification.unwrap().body, sent.body);
    }
    let refused = world
        .clerk("tax")
        .channels()
        .publish(bulletin("冒名"))
        .await;
    assert_eq!(reason(refused), Reason::PermissionDenied);
    world.stop().await;
}

/// Members and the leading group give the office tasks; the office answers them and cannot delete one.
#[tokio::test(flavor = "multi_thread")]
async fn je_025_a_task_for_the_office_can_be_answered_and_not_deleted() {
    let mut world = World::start().await;
    let desk = world.client("leading-group-office", "desk-1", &["leading-group-desk"]);
    for (giver, giver_id) in [
        (world.clerk("health"), "health"),
        (desk, "leading-group-office"),
    ] {
        let draft = NotificationDraft::by_route("office_task_joint_enforcement");
        let task = publish(&giver, filled(draft, "请汇总三季度情况")).await;
        assert_eq!(task.addressees, ["mechanisms/joint-enforcement/office"]);
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
    let outsider = filled(
        NotificationDraft::by_route("office_task_joint_enforcement"),
        "请办",
    );
    let refused = world.clerk("finance").channels().publish(outsider).await;
    assert_eq!(reason(refused), Reason::PermissionDenied);
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
#[tokio::test(flavor = "multi_thread")]
async fn je_082_however_late_a_notice_is_recorded_with_its_day() {
    let mut world = World::start().await;
    let occurred_on = jiff::civil::date(2021, 3, 1);
    let draft = NotificationDraft::by_route("serious_violation_monitoring");
    let draft = filled(draft, "迟报").occurred_on(occurred_on);
    let sent = publish(&world.clerk("education"), draft).await;
    let told = sent.occurred_on.unwrap();
    assert_eq!((told.year, told.month, told.day), (2021, 3, 1));
    assert!(sent.published_at.is_some(), "the elapsed time follows");
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
