//! For which records a purpose is demanded.

use super::{rules::breaks, *};

fn demanded(charter: &Charter) -> Vec<&'static str> {
    let all = RestrictedKind::ALL.iter();
    all.filter(|(_, kind)| charter.reads().purpose_demanded(*kind).is_some())
        .map(|(text, _)| *text)
        .collect()
}

#[test]
fn x_006_shanxi_demands_a_purpose_for_what_may_hold_information_of_the_banks() {
    let charter = shanxi();
    assert_eq!(
        demanded(&charter),
        ["referral", "account_information_request"]
    );
    let source = charter.reads().purpose_demanded(RestrictedKind::Referral);
    assert!(source.unwrap().contains("反洗钱法"), "{source:?}");
}

#[test]
fn without_the_section_none_is_demanded() {
    let charter = Charter::parse(OTHER, "other.toml").unwrap();
    assert_eq!(*charter.reads(), ReadRules::default());
    assert!(demanded(&charter).is_empty());
}

#[test]
fn every_kind_has_a_text_of_its_own() {
    for (text, kind) in RestrictedKind::ALL {
        assert_eq!(kind.as_str(), *text);
    }
}

#[test]
fn broken_rules_of_reads_are_named() {
    let from = "\"referral\", \"account_information_request\"";
    let rule = breaks(
        from,
        "\"referral\", \"referral\"",
        0,
        "reads.purpose_demanded_for[1]",
    );
    assert!(rule.contains("twice"), "{rule}");
    let path = "reads.purpose_demanded_for[0]";
    breaks(from, "\"referrals\"", 0, path);
    breaks(
        "source = \"反洗钱法",
        "source = \" 反洗钱法",
        0,
        "reads.source",
    );
}
