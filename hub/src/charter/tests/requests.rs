//! Settings for information requests, and the legal bases that they name.

use hub_core::workdays::Counting;

use super::{rules::breaks, *};

#[test]
fn order_809_the_days_are_those_of_the_deadlines_and_the_default_is_strict() {
    let charter = shanxi();
    let rules = charter.requests().unwrap();
    assert_eq!(rules.counting(), Counting::Strict);
    assert_eq!(rules.account_provider(), Some(&id("pboc-branch")));
    assert_eq!(rules.validity_days_max(), 366);
    let conditional = rules.answer_conditional();
    let amounts = (
        rules.answer_unconditional().amount,
        conditional.amount,
        conditional.extension_amount,
        rules.delivery().amount,
        rules.correction_answer().amount,
    );
    assert_eq!(amounts, (1, 10, Some(10), 20, 10));
    let silent = SHANXI.replace("counting = \"strict\"\n", "");
    let silent = Charter::parse(&silent, "x").unwrap();
    assert_eq!(silent.requests().unwrap().counting(), Counting::Strict);
}

#[test]
fn x_001_another_province_counts_otherwise_and_asks_for_no_account_information() {
    let charter = Charter::parse(OTHER, "other.toml").unwrap();
    let rules = charter.requests().unwrap();
    assert_eq!(rules.counting(), Counting::FirstDayCounts);
    assert_eq!(rules.account_provider(), None);
    assert_eq!(rules.answer_conditional().amount, 7);
    let start = SHANXI.find("[requests]").unwrap();
    let without = Charter::parse(&SHANXI[..start], "x").unwrap();
    assert!(without.requests().is_none());
}

#[test]
fn the_settings_are_words_and_numbers_that_there_are() {
    breaks(
        "counting = \"strict\"",
        "counting = \"loose\"",
        0,
        "requests.counting",
    );
    for days in ["0", "1831"] {
        let to = format!("validity_days_max = {days}");
        let rule = breaks(
            "validity_days_max = 366",
            &to,
            0,
            "requests.validity_days_max",
        );
        assert!(rule.contains("1 to 1830"), "{rule}");
    }
    breaks(
        "account_provider = \"pboc-branch\"",
        "account_provider = \"bank\"",
        0,
        "requests.account_provider",
    );
    breaks(
        "source = \"政务数据共享条例第二十条至第二十九条, FS-053, X-003, X-012\"",
        "source = \"\"",
        0,
        "requests.source",
    );
}

/// The lines from the beginning of the first text to that of the second.
fn lines_between(from: &str, to: &str) -> usize {
    let (from, to) = (SHANXI.find(from).unwrap(), SHANXI.find(to).unwrap());
    SHANXI[from..to].matches('\n').count()
}

#[test]
fn every_deadline_that_requests_need_is_there_in_working_days() {
    for deadline in crate::charter::requests::DEADLINES {
        let from = format!("id = \"{deadline}\"");
        let lines = lines_between(&from, "[requests]");
        let rule = breaks(&from, "id = \"another\"", lines, "requests");
        assert!(rule.contains(deadline), "{rule}");
    }
    let from = "id = \"delivery\"\nname = \"提供数据\"\namount = 20\nunit = \"working_day\"";
    let lines = lines_between(from, "[requests]");
    breaks(from, &from.replace("working_day", "day"), lines, "requests");
    let from = "amount = 10\nunit = \"working_day\"\nextension_amount = 10\n";
    let to = "amount = 10\nunit = \"working_day\"\n\n";
    let lines = lines_between(from, "[requests]");
    let rule = breaks(from, to, lines, "requests");
    assert!(rule.contains("extension_amount"), "{rule}");
}

#[test]
fn somebody_can_make_approve_and_answer_requests() {
    for (action, word) in [
        ("requests.make", "make"),
        ("requests.approve", "approve"),
        ("requests.answer", "answer"),
    ] {
        let without = SHANXI.replace(&format!("  \"{action}\",\n"), "\n");
        let errors = Charter::parse(&without, "x").unwrap_err().errors;
        let [error] = errors.as_slice() else {
            panic!("one error, not {errors:#?}");
        };
        assert_eq!(error.path, "requests");
        assert!(error.rule.contains(word), "{}", error.rule);
    }
}

#[test]
fn fs_053_a_basis_for_account_information_names_requester_approval_and_two_officers() {
    let from =
        "officers_min = 2\nmark = \"primary\"\n\n[[legal_bases]]\nid = \"public_security_case\"";
    let place = "legal_bases[2]";
    let rule = breaks(
        from,
        &from.replace("officers_min = 2", "officers_min = 1"),
        0,
        &format!("{place}.officers_min"),
    );
    assert!(rule.contains("FS-053"), "{rule}");
    // Of a row that leaves something out, the error is on the row.
    for (from, path) in [
        ("requester = \"civil-affairs\"\n", "requester"),
        ("approval_level = \"government\"\n", "approval_level"),
    ] {
        let errors = Charter::parse(&SHANXI.replacen(from, "\n", 1), "x").unwrap_err();
        let [error] = errors.errors.as_slice() else {
            panic!("one error, not {errors:#?}");
        };
        assert_eq!(error.path, format!("{place}.{path}"));
        assert!(error.rule.contains("FS-053"), "{}", error.rule);
    }
    breaks(
        "kind = \"account_information\"",
        "kind = \"accounts\"",
        0,
        &format!("{place}.kind"),
    );
    let provider = "account_provider = \"pboc-branch\"\n";
    let lines = lines_between("[requests]", provider);
    let errors = Charter::parse(&SHANXI.replacen(provider, "\n", 1), "x").unwrap_err();
    let [error] = errors.errors.as_slice() else {
        panic!("one error, not {errors:#?}");
    };
    assert_eq!(
        (error.path.as_str(), lines),
        ("requests.account_provider", 2)
    );
}
