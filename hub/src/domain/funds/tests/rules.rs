//! What may be written, and who may raise.

use hub_proto::common;

use super::*;

/// Past the limit by one is refused at this field; at the limit nothing is.
fn edge(field: &str, at: impl FnOnce(&mut Alert), past: impl FnOnce(&mut Alert)) {
    let store = store();
    let bench = Bench::new(&store);
    bench.content(at).unwrap();
    assert_eq!(fields(bench.content(past)), [field]);
}

fn day(year: i32, month: i32, day: i32) -> Option<common::Date> {
    Some(common::Date { year, month, day })
}

#[test]
fn texts_and_counts_at_the_limit_and_one_past_it() {
    type Set = fn(&mut Alert, String);
    let texts: [(&str, Set, usize); 4] = [
        (
            "severity_reason",
            |one, text| one.severity_reason = text,
            1_000,
        ),
        ("grounds", |one, text| one.grounds = text, 4_000),
        ("source_note", |one, text| one.source_note = text, 500),
        ("legal_basis", |one, text| one.legal_basis = text, 500),
    ];
    for (field, set, max) in texts {
        let field = format!("alert.{field}");
        edge(
            &field,
            |one| set(one, "社".repeat(max)),
            |one| set(one, "社".repeat(max + 1)),
        );
        edge(
            &field,
            |one| set(one, "a\nb".into()),
            |one| set(one, String::new()),
        );
    }
    let asks = |count: usize| {
        let ask = AlertAsk {
            unit: "agencies/tax".into(),
            text: "请核对".into(),
        };
        vec![ask; count]
    };
    edge(
        "alert.asks",
        |one| one.asks = asks(32),
        |one| one.asks = asks(33),
    );
    edge(
        "alert.asks[0].text",
        |one| one.asks[0].text = "社".repeat(500),
        |one| one.asks[0].text = "社".repeat(501),
    );
    let files = |count: u8| (0..count).map(attachment).collect::<Vec<_>>();
    edge(
        "alert.attachments",
        |one| one.attachments = files(10),
        |one| one.attachments = files(11),
    );
    edge(
        "alert.organization.display_name",
        |one| one.organization.as_mut().unwrap().display_name = "社".repeat(200),
        |one| one.organization.as_mut().unwrap().display_name = "社".repeat(201),
    );
}

#[test]
fn a_period_ends_by_today_and_lasts_ten_years_at_most() {
    // Today is 3 August 2026 in the province.
    edge(
        "alert.end_on",
        |one| one.end_on = day(2026, 8, 3),
        |one| one.end_on = day(2026, 8, 4),
    );
    edge(
        "alert.end_on",
        |one| one.start_on = day(2016, 6, 30),
        |one| one.start_on = day(2016, 6, 29),
    );
    edge(
        "alert.end_on",
        |one| one.start_on = day(2026, 6, 30),
        |one| one.start_on = day(2026, 7, 1),
    );
    edge("alert.start_on", |_| {}, |one| one.start_on = None);
    edge("alert.end_on", |_| {}, |one| one.end_on = day(2026, 2, 29));
}

#[test]
fn fs_051_the_code_is_checked_and_no_text_has_the_number_of_an_account() {
    for code in ["", "51100000500008957X", "6222021001001234567"] {
        edge(
            "alert.organization.uscc",
            |_| {},
            |one| one.organization.as_mut().unwrap().uscc = code.into(),
        );
    }
    edge("alert.organization", |_| {}, |one| one.organization = None);
    let number = "账号6222021001001234567";
    edge(
        "alert.grounds",
        |one| one.grounds = USCC.into(),
        |one| one.grounds = number.into(),
    );
    edge(
        "alert.asks[0].text",
        |_| {},
        |one| one.asks[0].text = number.into(),
    );
    edge(
        "alert.attachments[0].file_name",
        |one| one.attachments = vec![attachment(1)],
        |one| {
            one.attachments = vec![Attachment {
                file_name: "6222021001001234567.csv".into(),
                ..attachment(1)
            }];
        },
    );
}

#[test]
fn fs_054_an_overseas_donation_is_a_kind_of_its_own() {
    edge(
        "alert.kind",
        |one| {
            one.kind = AlertKind::OverseasDonation.into();
            one.indicator = "overseas_donation_unfiled".into();
        },
        |one| one.kind = AlertKind::OverseasDonation.into(),
    );
    edge("alert.kind", |_| {}, |one| one.kind = 0);
}

#[test]
fn x_004_indicators_bands_and_currencies_are_the_charters() {
    edge(
        "alert.indicator",
        |_| {},
        |one| one.indicator = "unheard_of".into(),
    );
    edge(
        "alert.amount_band",
        |_| {},
        |one| one.amount_band = "exactly_1234567".into(),
    );
    edge(
        "alert.currency",
        |one| one.currency = "USD".into(),
        |one| one.currency = "cny".into(),
    );
    edge("alert.direction", |_| {}, |one| one.direction = 0);
    edge("alert.severity", |_| {}, |one| one.severity = 0);
}

#[test]
fn x_005_secrets_do_not_enter_and_nothing_is_assumed() {
    let store = store();
    let mut bench = Bench::new(&store);
    for secret in [Classification::WorkSecret, Classification::StateSecret] {
        let refused = bench.raise(|one| {
            one.classification = secret.into();
            // Nothing else is looked at.
            one.grounds.clear();
        });
        assert_eq!(reason(refused).0, Reason::ClassificationRefused);
    }
    for other in [Classification::Unspecified, Classification::Public] {
        let refused = bench.raise(|one| one.classification = other.into());
        assert_eq!(fields(refused), ["alert.classification"]);
    }
}

#[test]
fn every_broken_rule_is_named_at_once_and_output_is_no_input() {
    let store = store();
    let bench = Bench::new(&store);
    let refused = bench.content(|one| {
        one.grounds.clear();
        one.currency = "X".into();
        one.direction = 0;
        one.revision = 1;
    });
    let at_fault = [
        "alert",
        "alert.currency",
        "alert.direction",
        "alert.grounds",
    ];
    assert_eq!(fields(refused), at_fault);
}

#[test]
fn x_009_only_a_member_of_the_fund_mechanism_raises() {
    let store = store();
    let mut bench = Bench::new(&store);
    for outsider in ["health", "leading-group-office", "publicity"] {
        let refused = bench.raise_as(outsider, 1, |_| {});
        assert_eq!(reason(refused).0, Reason::PermissionDenied, "{outsider}");
    }
    bench.raise(|_| {}).unwrap();
    let again = bench.raise(|_| {});
    assert_eq!(reason(again).0, Reason::RequestIdReused);
}

#[test]
fn fs_012_an_alert_goes_to_all_members_but_its_author_or_to_a_named_few() {
    let store = store();
    let mut bench = Bench::raised(&store);
    let units: Vec<String> = bench
        .row()
        .units
        .into_iter()
        .map(|one| one.agency)
        .collect();
    assert_eq!(units, UNITS);
    let mut all = agencies(&UNITS);
    all.push(office());
    assert_eq!(bench.told(), [all]);
    let few = agencies(&["tax", "public-security"]);
    bench
        .raise_as(BANK, 2, |one| one.circulated_to.clone_from(&few))
        .unwrap();
    let row = alert(&bench.rows, AlertName(id(2))).unwrap();
    assert!(row.is_named && !row.is_office_included);
    // In the mechanism's order, and the office is not told of it.
    let order = agencies(&["public-security", "tax"]);
    assert_eq!(bench.told(), [order]);
}

#[test]
fn a_circulation_names_members_once_and_asks_only_them() {
    let store = store();
    let mut bench = Bench::new(&store);
    for wrong in ["health", BANK] {
        let to = agencies(&["tax", wrong]);
        let refused = bench.raise(|one| one.circulated_to = to);
        assert_eq!(fields(refused), ["alert.circulated_to[1]"], "{wrong}");
    }
    let twice = agencies(&["tax", "tax"]);
    let refused = bench.raise(|one| one.circulated_to = twice);
    assert_eq!(fields(refused), ["alert.circulated_to[1]"]);
    let many = vec!["agencies/tax".to_owned(); 33];
    let refused = fields(bench.raise(|one| one.circulated_to = many));
    assert_eq!(refused[0], "alert.circulated_to");
    let few = agencies(&["finance"]);
    let refused = bench.raise(|one| one.circulated_to = few);
    assert_eq!(
        fields(refused),
        ["alert.asks[0].unit"],
        "tax is asked, not told"
    );
    let refused = bench.raise(|one| one.asks[0].unit = "agencies/health".into());
    assert_eq!(fields(refused), ["alert.asks[0].unit"]);
}

#[test]
fn x_004_whether_a_few_may_be_named_is_a_setting() {
    let store = store();
    let no = CHARTER.replace("is_naming_allowed = true", "is_naming_allowed = false");
    assert_ne!(no, CHARTER);
    let mut bench = Bench::with(&store, &no);
    let few = agencies(&["tax"]);
    let refused = bench.raise(|one| one.circulated_to.clone_from(&few));
    assert_eq!(fields(refused), ["alert.circulated_to"]);
    let told = "is_office_told_of_named = true";
    let office_too = CHARTER.replace("is_office_told_of_named = false", told);
    assert_ne!(office_too, CHARTER);
    let mut bench = Bench::with(&store, &office_too);
    bench
        .raise(|one| one.circulated_to.clone_from(&few))
        .unwrap();
    assert_eq!(bench.told(), [["agencies/tax".to_owned(), office()]]);
}

#[test]
fn fs_023_an_emergency_reaches_all_at_once_within_the_charters_hours() {
    let store = store();
    let mut bench = Bench::new(&store);
    let few = agencies(&["tax"]);
    let refused = bench.raise(|one| {
        one.severity = Severity::Emergency.into();
        one.circulated_to.clone_from(&few);
    });
    assert_eq!(fields(refused), ["alert.circulated_to"]);
    for (number, severity, hours) in [
        (1, Severity::Emergency, 2),
        (2, Severity::Major, 48),
        (3, Severity::Routine, 48),
    ] {
        let at = bench.now;
        bench
            .raise_as(BANK, number, |one| one.severity = severity.into())
            .unwrap();
        let row = alert(&bench.rows, AlertName(id(number))).unwrap();
        let by = at + SignedDuration::from_hours(hours);
        let facts = row.facts.unwrap();
        assert_eq!(facts.acknowledge_by_us, by.as_microsecond());
        assert_eq!(row.units.len(), UNITS.len());
    }
}
