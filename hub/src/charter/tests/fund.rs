//! Settings for fund alerts.

use jiff::SignedDuration;

use super::{rules::breaks, *};

#[test]
fn x_004_shanxis_settings_for_alerts_are_its_own() {
    let charter = shanxi();
    let rules = charter.fund().unwrap();
    assert_eq!(rules.mechanism().as_str(), "fund-supervision");
    assert_eq!(rules.emergency(), SignedDuration::from_hours(2));
    assert_eq!(rules.acknowledge(), SignedDuration::from_hours(48));
    assert_eq!(rules.sign(), SignedDuration::from_hours(120));
    assert!(rules.is_naming_allowed() && !rules.is_office_told_of_named());
    assert_eq!(rules.unsubstantiated_retention_months(), 24);
    assert_eq!(rules.currencies()[0], "CNY");
    assert_eq!(rules.amount_bands().len(), 5);
    assert_eq!(
        rules.amount_band("1m_10m").unwrap().name_en,
        "1 to 10 million"
    );
    assert_eq!(rules.amount_band("exactly"), None);
}

#[test]
fn x_009_only_the_central_bank_branch_can_raise() {
    let charter = shanxi();
    let able: Vec<(&str, &str)> = charter
        .roles()
        .iter()
        .filter(|role| role.grants(Action::AlertsRaise))
        .flat_map(|role| {
            let agencies = charter.agencies().iter();
            let agencies = agencies.filter(|agency| role.is_granted_to(agency.id()));
            agencies.map(|agency| (role.id().as_str(), agency.id().as_str()))
        })
        .collect();
    assert_eq!(able, [("analyst", "pboc-branch")]);
}

#[test]
fn another_province_sets_other_times_and_names_nobody() {
    let charter = Charter::parse(OTHER, "other.toml").unwrap();
    let rules = charter.fund().unwrap();
    assert_eq!(rules.emergency(), SignedDuration::from_hours(6));
    assert!(!rules.is_naming_allowed());
    assert_eq!(rules.unsubstantiated_retention_months(), 6);
    let start = SHANXI.find("[fund]").unwrap();
    let without = Charter::parse(&SHANXI[..start], "x").unwrap();
    assert_eq!(without.fund(), None);
}

#[test]
fn settings_for_alerts_keep_their_rules() {
    let hours = [
        (
            "emergency_hours = 2",
            "emergency_hours = 0",
            "emergency_hours",
        ),
        (
            "acknowledge_hours = 48",
            "acknowledge_hours = 8785",
            "acknowledge_hours",
        ),
        ("sign_hours = 120", "sign_hours = 0", "sign_hours"),
        (
            "unsubstantiated_retention_months = 24",
            "unsubstantiated_retention_months = 0",
            "unsubstantiated_retention_months",
        ),
    ];
    for (from, to, field) in hours {
        breaks(from, to, 0, &format!("fund.{field}"));
    }
    let slower = breaks(
        "emergency_hours = 2",
        "emergency_hours = 49",
        0,
        "fund.emergency_hours",
    );
    assert!(slower.contains("FS-023"), "{slower}");
    let known = "mechanism = \"fund-supervision\"\nemergency";
    breaks(
        known,
        "mechanism = \"unknown\"\nemergency",
        0,
        "fund.mechanism",
    );
    breaks(
        "\"CNY\", \"USD\"",
        "\"CNY\", \"usd\"",
        0,
        "fund.currencies[1]",
    );
    breaks(
        "\"CNY\", \"USD\"",
        "\"CNY\", \"CNY\"",
        0,
        "fund.currencies[1]",
    );
    breaks(
        "\"100k_1m\"",
        "\"below_100k\"",
        0,
        "fund.amount_bands[1].id",
    );
    breaks(
        "10万元至100万元",
        "10万元以下",
        0,
        "fund.amount_bands[1].name",
    );
    let rule = breaks(
        "id = \"coordination\"",
        "id = \"fund_alert\"",
        0,
        "categories[24].id",
    );
    assert!(rule.contains("hub's own"), "{rule}");
}

#[test]
fn x_009_a_charter_under_which_nobody_could_raise_or_coordinate_is_refused() {
    let line = SHANXI[..SHANXI.find("[fund]").unwrap()]
        .matches('\n')
        .count()
        + 2;
    for (from, says) in [
        ("  \"alerts.raise\",\n", "raise"),
        ("  \"alerts.coordinate\",\n", "coordinate"),
    ] {
        let text = SHANXI.replacen(from, "", 1);
        let errors = Charter::parse(&text, "x").unwrap_err().errors;
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert_eq!(
            (errors[0].line, &*errors[0].path),
            (line - 1, "fund.mechanism")
        );
        assert!(errors[0].rule.contains(says), "{errors:?}");
    }
}
