//! The table "who notifies whom", end to end: who gets it, and that nobody else does.

use std::collections::BTreeSet;

use super::*;

/// Every inbox of the charter with its readers, and how many notifications are in it.
async fn inboxes(world: &World) -> Vec<(String, usize)> {
    let mut counts = vec![];
    for agency in world.site.charter().agencies() {
        let id = agency.id().as_str();
        let log = format!("agencies/{id}/inbox");
        let found = list(&world.clerk(id), &log).await.unwrap().len();
        counts.push((log, found));
    }
    for mechanism in ["joint-enforcement", "fund-supervision"] {
        let log = format!("mechanisms/{mechanism}/office/inbox");
        let found = list(&office(world), &log).await.unwrap().len();
        counts.push((log, found));
    }
    for channel in ["all-members", "joint-enforcement", "fund-supervision"] {
        let log = format!("channels/{channel}");
        let found = list(&office(world), &log).await.unwrap().len();
        counts.push((log, found));
    }
    counts
}

/// Publishes a category by its route as one agency, and returns the logs that grew.
async fn reached(world: &World, client: &Client, draft: NotificationDraft) -> BTreeSet<String> {
    let before = inboxes(world).await;
    publish(client, draft).await;
    let after = inboxes(world).await.into_iter();
    after
        .zip(before)
        .filter(|((_, now), (_, then))| now != then)
        .map(|((log, now), (_, then))| {
            assert_eq!(now, then + 1);
            log
        })
        .collect()
}

const JOINT_OFFICE: &str = "mechanisms/joint-enforcement/office/inbox";
const FUND_OFFICE: &str = "mechanisms/fund-supervision/office/inbox";
const LEADING_GROUP: &str = "agencies/leading-group-office/inbox";

/// Sender, category, and the logs that it reaches.
const ROWS: &[(&str, &str, &[&str])] = &[
    (
        "publicity",
        "liaison_change_joint_enforcement",
        &[JOINT_OFFICE],
    ),
    ("finance", "liaison_change_fund_supervision", &[FUND_OFFICE]),
    (
        "cyberspace",
        "serious_violation_monitoring",
        &[JOINT_OFFICE],
    ),
    ("public-security", "case_result_fund", &[JOINT_OFFICE]),
    ("health", "case_result_activity", &[JOINT_OFFICE]),
    ("tax", "supervision_info", &[FUND_OFFICE]),
    ("pboc-branch", "policy_implementation", &[FUND_OFFICE]),
    ("state-security", "major_issue", &[FUND_OFFICE]),
    (
        "civil-affairs",
        "statistics_joint_enforcement",
        &["channels/joint-enforcement"],
    ),
    (
        "civil-affairs",
        "statistics_fund_supervision",
        &["channels/fund-supervision"],
    ),
    (
        "civil-affairs",
        "major_issue_study_joint_enforcement",
        &["channels/joint-enforcement"],
    ),
    (
        "civil-affairs",
        "major_issue_study_fund_supervision",
        &["channels/fund-supervision"],
    ),
    ("civil-affairs", "major_issue_submission", &[LEADING_GROUP]),
    (
        "civil-affairs",
        "escalation_joint_enforcement",
        &[LEADING_GROUP],
    ),
    (
        "civil-affairs",
        "escalation_fund_supervision",
        &[LEADING_GROUP],
    ),
    (
        "education",
        "own_field_action",
        &["agencies/civil-affairs/inbox"],
    ),
    (
        "market-regulation",
        "own_field_action",
        &["agencies/civil-affairs/inbox"],
    ),
    ("finance", "non_member_action", &[LEADING_GROUP]),
    (
        "finance",
        "tax_qualification_problem",
        &["agencies/civil-affairs/inbox"],
    ),
    (
        "pboc-branch",
        "fund_referral",
        &["agencies/public-security/inbox"],
    ),
    (
        "leading-group-office",
        "office_task_joint_enforcement",
        &[JOINT_OFFICE],
    ),
    ("tax", "office_task_fund_supervision", &[FUND_OFFICE]),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_row_reaches_whom_it_names_and_nobody_else() {
    let world = World::start().await;
    for (agency, category, to) in ROWS {
        let draft = filled(NotificationDraft::by_route(category), category);
        let expected: BTreeSet<String> = to.iter().map(|log| (*log).to_owned()).collect();
        // What an office sends is sent under its role, not by any clerk of its host (JE-020).
        let sender = match *agency {
            "civil-affairs" => office(&world),
            _ => world.clerk(agency),
        };
        let found = reached(&world, &sender, draft).await;
        assert_eq!(found, expected, "{agency} {category}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_may_send_them() {
    let world = World::start().await;
    let rows = [
        ("finance", "case_result_fund"),
        ("education", "supervision_info"),
        ("tax", "statistics_joint_enforcement"),
        ("civil-affairs", "statistics_joint_enforcement"),
        ("public-security", "fund_referral"),
        ("civil-affairs", "fund_referral"),
        ("health", "own_field_action"),
        ("culture-tourism", "own_field_action"),
        ("tax", "non_member_action"),
        ("tax", "tax_qualification_problem"),
        ("finance", "escalation_fund_supervision"),
    ];
    for (agency, category) in rows {
        let draft = filled(NotificationDraft::by_route(category), category);
        let refused = world.clerk(agency).channels().publish(draft).await;
        let got = refused.as_ref().unwrap_err().reason();
        // Where the route is a channel that the sender may read, it may still not send this.
        assert_eq!(got, Some(Reason::PermissionDenied), "{agency} {category}");
    }
    // A fixed route takes no further addressees.
    let draft = filled(
        NotificationDraft::to(["health"]).category("case_result_fund"),
        "x",
    );
    assert_eq!(
        fields(world.clerk("tax").channels().publish(draft).await),
        ["notification.addressees"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn fs_045_tax_names_the_business_supervisory_unit_besides_civil_affairs() {
    let world = World::start().await;
    let tax = world.clerk("tax");
    let alone = filled(NotificationDraft::by_route("tax_violation"), "x");
    let refused = violations(tax.channels().publish(alone).await);
    assert_eq!(refused[0].field, "notification.addressees");
    assert!(
        refused[0].rule.contains("agencies/civil-affairs"),
        "{refused:?}"
    );
    let same = filled(
        NotificationDraft::to(["civil-affairs"]).category("tax_violation"),
        "x",
    );
    assert_eq!(
        fields(tax.channels().publish(same).await),
        ["notification.addressees"]
    );
    let both = filled(
        NotificationDraft::to(["education"]).category("tax_violation"),
        "税收违法",
    );
    let found = reached(&world, &tax, both).await;
    let found: Vec<_> = found.iter().map(String::as_str).collect();
    assert_eq!(
        found,
        ["agencies/civil-affairs/inbox", "agencies/education/inbox"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_route_needs_a_place() {
    let world = World::start().await;
    let office = office(&world);
    let open = filled(NotificationDraft::by_route("work_notice"), "x");
    assert_eq!(
        fields(office.channels().publish(open).await),
        ["notification.addressees"]
    );
    let unknown = addressed(&["agencies/no-such-agency"], "x");
    assert_eq!(
        fields(office.channels().publish(unknown).await),
        ["notification.addressees[0]"]
    );
    let twice = addressed(&["tax", "tax"], "x");
    assert_eq!(
        fields(office.channels().publish(twice).await),
        ["notification.addressees[1]"]
    );
}
