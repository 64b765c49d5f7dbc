//! The table "who notifies whom", row by row: exactly these senders, exactly this way.

use super::*;

/// Where a row of the table leads.
enum To<'a> {
    /// To these inboxes, and no others.
    Only(&'a [&'a str]),
    /// To these inboxes and at least one more, named by the sender.
    AndNamed(&'a [&'a str]),
    /// To a channel.
    Channel(&'a str),
}

/// One row of the table.
struct Row<'a> {
    from: Vec<&'a str>,
    to: To<'a>,
    categories: &'a [&'a str],
    trigger_word: Option<&'a str>,
    source: &'a str,
}

/// Agencies that may send a category on [`DAY`], in the charter's order.
fn senders<'a>(charter: &'a Charter, category: &Category) -> BTreeSet<&'a str> {
    charter
        .agencies()
        .iter()
        .map(Agency::id)
        .filter(|agency| {
            category.admits_sender(agency, |mechanism| is_member(charter, mechanism, agency))
        })
        .map(AgencyId::as_str)
        .collect()
}

/// Checks one row against the charter.
fn check(row: &Row<'_>) {
    let charter = shanxi();
    for name in row.categories {
        let category = charter.category(name).unwrap_or_else(|| panic!("{name}"));
        assert_eq!(
            senders(&charter, category),
            row.from.iter().copied().collect(),
            "{name}"
        );
        assert_eq!(category.trigger_word(), row.trigger_word, "{name}");
        assert!(
            category.sources().iter().any(|source| source == row.source),
            "{name}"
        );
        let route = category.route();
        let stranger: Recipient = id("agencies/foreign-affairs");
        let recipients =
            |names: &[&str]| names.iter().map(|one| id(one)).collect::<Vec<Recipient>>();
        match &row.to {
            To::Only(names) => {
                let fixed = recipients(names);
                let expected = Ok(Destination::Recipients(fixed.clone()));
                assert_eq!(route.resolve(None, &[]), expected, "{name}");
                assert_eq!(route.resolve(None, &fixed), expected, "{name}");
                let refused = Err(RouteError::Addressee(stranger.clone()));
                assert_eq!(route.resolve(None, &[stranger]), refused, "{name}");
            }
            To::AndNamed(names) => {
                let mut fixed = recipients(names);
                let missing = Err(RouteError::AddresseeMissing(fixed.clone()));
                assert_eq!(route.resolve(None, &[]), missing, "{name}");
                assert_eq!(route.resolve(None, &fixed), missing, "{name}");
                let named = [stranger.clone(), stranger.clone()];
                let destination = route.resolve(None, &named);
                fixed.push(stranger);
                assert_eq!(destination, Ok(Destination::Recipients(fixed)), "{name}");
            }
            To::Channel(channel) => {
                let expected = Ok(Destination::Channel(id(channel)));
                assert_eq!(route.resolve(None, &[]), expected, "{name}");
                assert_eq!(route.resolve(Some(&id(channel)), &[]), expected, "{name}");
                let refused = Err(RouteError::Addressee(stranger.clone()));
                assert_eq!(route.resolve(None, &[stranger]), refused, "{name}");
            }
        }
        if !matches!(row.to, To::Channel(_)) {
            for channel in charter.channels() {
                let refused = Err(RouteError::Channel {
                    channel: channel.id().clone(),
                    others: vec![],
                });
                assert_eq!(route.resolve(Some(channel.id()), &[]), refused, "{name}");
            }
        }
    }
}

#[test]
fn row_01_member_to_office_liaison_change() {
    let charter = shanxi();
    for (mechanism, category, source) in [
        (
            "joint-enforcement",
            "liaison_change_joint_enforcement",
            "JE-028",
        ),
        (
            "fund-supervision",
            "liaison_change_fund_supervision",
            "FS-013",
        ),
    ] {
        check(&Row {
            from: members(&charter, mechanism),
            to: To::Only(&[&format!("mechanisms/{mechanism}/office")]),
            categories: &[category],
            trigger_word: Some("及时"),
            source,
        });
    }
}

#[test]
fn row_02_je_081_joint_enforcement_member_to_its_office() {
    check(&Row {
        from: members(&shanxi(), "joint-enforcement"),
        to: To::Only(&["mechanisms/joint-enforcement/office"]),
        categories: &[
            "serious_violation_monitoring",
            "case_result_fund",
            "case_result_activity",
        ],
        trigger_word: Some("及时"),
        source: "JE-081",
    });
}

#[test]
fn row_03_fs_070_fund_member_to_its_office() {
    check(&Row {
        from: members(&shanxi(), "fund-supervision"),
        to: To::Only(&["mechanisms/fund-supervision/office"]),
        categories: &["supervision_info", "policy_implementation", "major_issue"],
        trigger_word: Some("及时"),
        source: "FS-070",
    });
}

#[test]
fn row_04_office_to_members_statistics() {
    for (channel, category, source) in [
        (
            "joint-enforcement",
            "statistics_joint_enforcement",
            "JE-024",
        ),
        ("fund-supervision", "statistics_fund_supervision", "FS-014"),
    ] {
        check(&Row {
            from: vec!["civil-affairs"],
            to: To::Channel(channel),
            categories: &[category],
            trigger_word: Some("及时"),
            source,
        });
    }
}

#[test]
fn row_05_je_023_office_to_mechanism_or_leading_group_for_study() {
    for (channel, category) in [
        ("joint-enforcement", "major_issue_study_joint_enforcement"),
        ("fund-supervision", "major_issue_study_fund_supervision"),
    ] {
        check(&Row {
            from: vec!["civil-affairs"],
            to: To::Channel(channel),
            categories: &[category],
            trigger_word: Some("及时"),
            source: if channel == "joint-enforcement" {
                "JE-023"
            } else {
                "FS-014"
            },
        });
    }
    check(&Row {
        from: vec!["civil-affairs"],
        to: To::Only(&["agencies/leading-group-office"]),
        categories: &["major_issue_submission"],
        trigger_word: Some("及时"),
        source: "JE-023",
    });
}

#[test]
fn row_06_je_075_lead_with_members_concerned_to_leading_group() {
    check(&Row {
        from: vec!["civil-affairs"],
        to: To::Only(&["agencies/leading-group-office"]),
        categories: &[
            "escalation_joint_enforcement",
            "escalation_fund_supervision",
        ],
        trigger_word: None,
        source: "JE-075",
    });
    let charter = shanxi();
    for mechanism in charter.mechanisms() {
        let name = format!("escalation_{}", mechanism.id().as_str().replace('-', "_"));
        let category = charter.category(&name).unwrap();
        assert_eq!(category.jointly_with(), [mechanism.id().clone()]);
    }
}

#[test]
fn row_07_je_041_civil_affairs_to_departments_concerned_decision() {
    check(&Row {
        from: vec!["civil-affairs"],
        to: To::AndNamed(&[]),
        categories: &["decision_notice"],
        trigger_word: Some("及时"),
        source: "JE-041",
    });
    let charter = shanxi();
    let decisions: Vec<&str> = charter
        .categories()
        .iter()
        .filter(|category| category.is_decision())
        .map(|category| category.id().as_str())
        .collect();
    assert_eq!(decisions, ["decision_notice"]);
}

#[test]
fn row_08_je_051_052_055_own_field_action_to_civil_affairs() {
    for source in ["JE-051", "JE-052", "JE-055"] {
        check(&Row {
            from: vec!["education", "human-resources", "market-regulation"],
            to: To::Only(&["agencies/civil-affairs"]),
            categories: &["own_field_action"],
            trigger_word: None,
            source,
        });
    }
}

#[test]
fn row_09_je_053_054_no_notice_duty_in_the_text() {
    let charter = shanxi();
    let to_civil_affairs = Recipient::Agency(id("civil-affairs"));
    for category in charter.categories() {
        if category.route().recipients().contains(&to_civil_affairs) {
            let senders = senders(&charter, category);
            assert!(!senders.contains("culture-tourism"), "{}", category.id());
            assert!(!senders.contains("health"), "{}", category.id());
        }
    }
}

#[test]
fn row_10_fs_045_tax_to_civil_affairs_and_the_business_supervisory_unit() {
    check(&Row {
        from: vec!["tax"],
        to: To::AndNamed(&["agencies/civil-affairs"]),
        categories: &["tax_violation"],
        trigger_word: None,
        source: "FS-045",
    });
}

#[test]
fn row_11_fs_042_finance_to_civil_affairs() {
    check(&Row {
        from: vec!["finance"],
        to: To::Only(&["agencies/civil-affairs"]),
        categories: &["tax_qualification_problem"],
        trigger_word: Some("及时"),
        source: "FS-042",
    });
}

#[test]
fn row_12_fs_036_central_bank_branch_to_public_security() {
    check(&Row {
        from: vec!["pboc-branch"],
        to: To::Only(&["agencies/public-security"]),
        categories: &["fund_referral"],
        trigger_word: Some("通报"),
        source: "FS-036",
    });
}

#[test]
fn row_13_je_063_non_members_to_the_leading_group_not_to_civil_affairs() {
    check(&Row {
        from: vec!["finance", "pboc-branch"],
        to: To::Only(&["agencies/leading-group-office"]),
        categories: &["non_member_action"],
        trigger_word: Some("及时"),
        source: "JE-063",
    });
    // Once it is added as a member, a unit is no longer among the others.
    let charter = shanxi();
    let category = charter.category("non_member_action").unwrap();
    assert!(!category.admits_sender(&id("finance"), |_| true));
    assert!(!category.admits_sender(&id("leading-group-office"), |_| false));
}

#[test]
fn the_two_offices_have_different_mandatory_notices() {
    let charter = shanxi();
    let to_office = |mechanism: &str| -> BTreeSet<&str> {
        let office = Recipient::Office(id(mechanism));
        charter
            .categories()
            .iter()
            .filter(|category| category.route().recipients() == [office.clone()])
            .map(|category| category.id().as_str())
            .collect()
    };
    let (first, second) = (
        to_office("joint-enforcement"),
        to_office("fund-supervision"),
    );
    assert_eq!((first.len(), second.len()), (5, 5));
    assert!(first.is_disjoint(&second));
}

#[test]
fn open_routes_go_where_the_sender_says() {
    let charter = shanxi();
    let route = charter.category("work_notice").unwrap().route();
    let tax: Recipient = id("agencies/tax");
    assert_eq!(route.additional_addressees(), AdditionalAddressees::Allowed);
    assert_eq!(route.resolve(None, &[]), Err(RouteError::Open));
    let channel: ChannelId = id("all-members");
    assert_eq!(
        route.resolve(Some(&channel), &[]),
        Ok(Destination::Channel(channel.clone()))
    );
    assert_eq!(
        route.resolve(Some(&channel), std::slice::from_ref(&tax)),
        Err(RouteError::Both)
    );
    assert_eq!(
        route.resolve(None, std::slice::from_ref(&tax)),
        Ok(Destination::Recipients(vec![tax]))
    );
    // Members may coordinate in their channels, but only an office speaks to all members.
    let route = charter.category("coordination").unwrap().route();
    assert_eq!(
        route.resolve(Some(&channel), &[]),
        Err(RouteError::Channel {
            channel,
            others: route.channels().to_vec(),
        })
    );
}
