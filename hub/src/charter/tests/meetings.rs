//! Settings for meetings: what the texts leave open.

use jiff::SignedDuration;

use super::{rules::breaks, *};

#[test]
fn shanxis_settings_are_explicit_consent_and_a_series_for_each() {
    let charter = shanxi();
    let rules = charter.meetings();
    assert_eq!(rules.answer(), SignedDuration::from_hours(72));
    assert_eq!(rules.consent(), SignedDuration::from_hours(168));
    assert_eq!(rules.co_sign(), SignedDuration::from_hours(168));
    assert!(!rules.silence_is_consent(), "同意 is an act");
    assert_eq!(rules.correspondence(), CorrespondenceUnits::Consulted);
    let (joint, fund) = (id("joint-enforcement"), id("fund-supervision"));
    let words = [
        rules.document_word(std::slice::from_ref(&joint), false),
        rules.document_word(std::slice::from_ref(&fund), false),
        rules.document_word(&[joint.clone(), fund.clone()], false),
        rules.document_word(std::slice::from_ref(&joint), true),
        rules.document_word(std::slice::from_ref(&fund), true),
        rules.document_word(&[joint.clone(), fund.clone()], true),
    ];
    let distinct: BTreeSet<_> = words.iter().map(|word| word.unwrap()).collect();
    assert_eq!(distinct.len(), 6, "{words:?}");
    assert_eq!(rules.annual_source(&joint), Some("JE-070"));
    assert_eq!(rules.annual_source(&fund), Some("FS-060"));
}

#[test]
fn je_036_the_assigners_include_the_two_bodies() {
    assert_eq!(shanxi().meetings().assigners(), ["省委", "省政府"]);
}

#[test]
fn another_province_reads_the_open_points_otherwise() {
    let charter = Charter::parse(OTHER, "other.toml").unwrap();
    let rules = charter.meetings();
    assert_eq!(rules.answer(), SignedDuration::from_hours(24));
    assert_eq!(
        rules.consent(),
        SignedDuration::from_hours(168),
        "the default"
    );
    assert!(rules.silence_is_consent());
    assert_eq!(rules.correspondence(), CorrespondenceUnits::Answered);
    assert_eq!(
        rules.document_word(&[id("inspection")], false),
        Some("某检办纪")
    );
    for (mechanism, is_partial) in [("training", false), ("inspection", true)] {
        let word = rules.document_word(&[id(mechanism)], is_partial);
        assert_eq!(word, None, "it has named none");
    }
    assert_eq!(rules.annual_source(&id("inspection")), None);
    // Without the section the defaults hold.
    let start = SHANXI.find("[meetings]").unwrap();
    let without = Charter::parse(&SHANXI[..start], "x").unwrap();
    assert_eq!(*without.meetings(), MeetingRules::default());
}

#[test]
fn settings_for_meetings_keep_their_rules() {
    let path = "meetings.answer_hours";
    for hours in ["0", "8785"] {
        breaks(
            "answer_hours = 72",
            &format!("answer_hours = {hours}"),
            0,
            path,
        );
    }
    let wrong = "correspondence = \"nobody\"";
    breaks(
        "correspondence = \"consulted\"",
        wrong,
        0,
        "meetings.correspondence",
    );
    let path = "meetings.document_words[0].mechanism";
    let from = "{ mechanism = \"joint-enforcement\", word = ";
    breaks(from, "{ mechanism = \"unknown\", word = ", 0, path);
    let path = "meetings.document_words[1].mechanism";
    let from = "{ mechanism = \"fund-supervision\", word = ";
    breaks(
        from,
        "{ mechanism = \"joint-enforcement\", word = ",
        0,
        path,
    );
    let path = "meetings.document_words[0].word";
    let rule = breaks("晋社管联执办纪", "晋社管〔联执〕", 0, path);
    assert!(rule.contains("document number"), "{rule}");
    // Two series with one word would give a number twice.
    let rule = breaks(
        "晋社管资监办纪",
        "晋社管联执办纪",
        0,
        "meetings.document_words[1].word",
    );
    assert!(rule.contains("repeat"), "{rule}");
    let path = "meetings.annual[1].mechanism";
    let from = "{ mechanism = \"fund-supervision\", source = \"FS-060\" }";
    let to = "{ mechanism = \"joint-enforcement\", source = \"FS-060\" }";
    breaks(from, to, 0, path);
    breaks(
        "\"省委\", \"省政府\"",
        "\"省委\", \"省委\"",
        0,
        "meetings.assigners[1]",
    );
}

#[test]
fn the_category_of_meetings_is_the_hubs_own() {
    let rule = breaks(
        "id = \"coordination\"",
        "id = \"meeting\"",
        0,
        "categories[24].id",
    );
    assert!(rule.contains("hub's own"), "{rule}");
}
