//! Every rule, broken once: the error has the line, the path and the rule.

use super::*;

/// Errors of a text.
fn errors_of(text: &str) -> Vec<CharterError> {
    match Charter::parse(text, "broken.toml") {
        Ok(_) => panic!("no rule was broken"),
        Err(errors) => errors.errors,
    }
}

/// Replaces the first `from` in Shanxi's charter and expects exactly one error, on the line where
/// the replacement begins, moved by `lines` lines; returns its rule.
#[track_caller]
pub(super) fn breaks(from: &str, to: &str, lines: usize, path: &str) -> String {
    let start = SHANXI
        .find(from)
        .unwrap_or_else(|| panic!("{from:?} is not in the charter"));
    let text = SHANXI.replacen(from, to, 1);
    let errors = errors_of(&text);
    let [error] = errors.as_slice() else {
        panic!("one error, not {errors:#?}");
    };
    let line = SHANXI[..start].matches('\n').count() + 1 + lines;
    assert_eq!((error.line, error.path.as_str()), (line, path), "{error:?}");
    assert!(!error.hint.is_empty());
    error.rule.clone()
}

#[test]
fn je_001_document_numbers_use_hexagonal_brackets() {
    for (from, to) in [("〔2021〕2号", "[2021]2号"), ("〔2021〕2号", "（2021）2号")] {
        let rule = breaks(
            &format!("document_number = \"晋社管组发{from}"),
            &format!("document_number = \"晋社管组发{to}"),
            0,
            "charter.document_number",
        );
        assert!(rule.contains("〔〕") && rule.contains("JE-001"), "{rule}");
    }
    breaks(
        "中办发〔2016〕46号",
        "中办发〔2016〕046号",
        0,
        "charter.legal_basis[0]",
    );
}

#[test]
fn je_002_without_an_adopting_meeting_it_cannot_be_set_in_force() {
    let lines = || SHANXI.lines();
    let kept: Vec<&str> = lines()
        .filter(|line| !line.starts_with("adopted_at_meeting"))
        .collect();
    let errors = errors_of(&kept.join("\n"));
    assert_eq!(errors.len(), 1, "{errors:#?}");
    assert_eq!(errors[0].path, "charter.adopted_at_meeting");
    assert!(errors[0].rule.contains("JE-002"));
    let head = lines().position(|line| line == "[charter]").unwrap();
    assert_eq!(errors[0].line, head + 1);
}

#[test]
fn je_010_the_parent_body_is_known() {
    breaks(
        "parent_body = \"leading-group-office\"",
        "parent_body = \"leading-group\"",
        0,
        "mechanisms[0].parent_body",
    );
}

#[test]
fn je_011_no_lead_and_two_leads_are_refused() {
    let lead = "{ agency = \"civil-affairs\", role = \"lead\", from_on = 2021-02-23, notice_duty";
    let none = SHANXI.replacen(lead, &lead.replace("lead", "member"), 1);
    let errors = errors_of(&none);
    assert_eq!(errors.len(), 1, "{errors:#?}");
    assert_eq!(errors[0].path, "mechanisms[0].members");
    assert!(errors[0].rule.contains("JE-011"));

    let rule = breaks(
        "{ agency = \"publicity\", from_on",
        "{ agency = \"publicity\", role = \"lead\", from_on",
        0,
        "mechanisms[0].members[1].role",
    );
    assert!(rule.contains("JE-011"));
}

#[test]
fn je_012_the_lead_comes_first_and_has_no_end() {
    let lead = "  { agency = \"civil-affairs\", role = \"lead\", from_on = 2021-02-23 },\n";
    let second =
        "  { agency = \"public-security\", from_on = 2021-02-23 },\n  { agency = \"finance\"";
    assert!(SHANXI.contains(&format!("{lead}{second}")));
    let police = "  { agency = \"public-security\", from_on = 2021-02-23 },\n";
    let text = SHANXI.replacen(&format!("{lead}{police}"), &format!("{police}{lead}"), 1);
    let errors = errors_of(&text);
    assert_eq!(errors.len(), 1, "{errors:#?}");
    assert_eq!(errors[0].path, "mechanisms[1].members[1]");

    breaks(
        "role = \"lead\", from_on = 2021-02-23,",
        "role = \"lead\", from_on = 2021-02-23, until_on = 2030-01-01,",
        0,
        "mechanisms[0].members[0].until_on",
    );
}

#[test]
fn members_are_known_and_listed_once() {
    breaks(
        "{ agency = \"publicity\"",
        "{ agency = \"propaganda\"",
        0,
        "mechanisms[0].members[1].agency",
    );
    breaks(
        "{ agency = \"publicity\"",
        "{ agency = \"civil-affairs\"",
        0,
        "mechanisms[0].members[1].agency",
    );
    breaks(
        "{ agency = \"publicity\", from_on = 2021-02-23",
        "{ agency = \"publicity\", from_on = 2021-02-23, until_on = 2021-02-23",
        0,
        "mechanisms[0].members[1].until_on",
    );
}

#[test]
fn je_013_a_name_leads_to_one_agency() {
    let rule = breaks(
        "aliases = [\"山西省教育厅\"]",
        "aliases = [\"省民政厅\"]",
        0,
        "agencies[4].aliases[0]",
    );
    assert!(rule.contains("agencies[0].names[0].name"), "{rule}");
    breaks(
        "aliases = [\"山西省教育厅\"]",
        "aliases = [\"tax\"]",
        45,
        "agencies[12].id",
    );
    breaks(
        "names = [{ name = \"省教育厅\" }]",
        "names = [{ name = \"省公安厅\" }]",
        6,
        "agencies[5].names[0].name",
    );
}

#[test]
fn fs_011_dated_names_follow_each_other() {
    let first = "{ name = \"中国人民银行太原中心支行\", until_on = 2023-08-18 }";
    for to in [
        first.replace("2023-08-18", "2023-08-17"),
        first.replace("2023-08-18", "2023-08-19"),
        first.replace(", until_on = 2023-08-18", ""),
    ] {
        let rule = breaks(first, &to, 0, "agencies[14].names[0]");
        assert!(rule.contains("without gap or overlap"), "{rule}");
    }
    breaks(
        "{ name = \"中国人民银行山西省分行\", from_on = 2023-08-18 }",
        "{ name = \"中国人民银行山西省分行\", from_on = 2023-08-18, until_on = 2040-01-01 }",
        0,
        "agencies[14].names[1]",
    );
    breaks(
        "from_on = 2023-08-18 }",
        "from_on = 2023-08-18T00:00:00Z }",
        0,
        "agencies[14].names[1].from_on",
    );
}

#[test]
fn je_014_je_027_kinds_are_known() {
    let rule = breaks(
        "basis = \"case\"",
        "basis = \"vote\"",
        0,
        "mechanisms[0].membership_addition.basis",
    );
    assert!(rule.contains("vote"));
    breaks(
        "rank = \"division\"",
        "rank = \"director\"",
        0,
        "mechanisms[0].liaison.rank",
    );
}

#[test]
fn je_020_the_office_has_a_known_host_and_its_grants_stay_there() {
    breaks(
        "host = \"civil-affairs\"",
        "host = \"civil\"",
        0,
        "mechanisms[0].office.host",
    );
    let rule = breaks(
        "agencies = [\"civil-affairs\"]\ngrants = [\n  \"members.read\",\n  \"members.add",
        "agencies = [\"civil-affairs\", \"tax\"]\ngrants = [\n  \"members.read\",\n  \"members.add",
        0,
        "roles[3].agencies",
    );
    assert!(rule.contains("tax") && rule.contains("JE-020"), "{rule}");
}

#[test]
fn far_reaching_grants_are_for_named_agencies() {
    for (place, agencies) in [
        (5, "[\"civil-affairs\"]"),
        (7, "[\"leading-group-office\"]"),
    ] {
        let roles: Vec<&str> = SHANXI.split("[[roles]]").collect();
        let from = format!("[[roles]]{}", roles[place + 1]);
        let to = from.replace(agencies, "\"all\"");
        assert_ne!(from, to);
        breaks(&from, &to, 4, &format!("roles[{place}].agencies"));
    }
}

#[test]
fn je_028_je_029_a_liaison_change_reaches_its_own_office() {
    let rule = breaks(
        "change_category = \"liaison_change_fund_supervision\"",
        "change_category = \"liaison_change_joint_enforcement\"",
        0,
        "mechanisms[1].liaison.change_category",
    );
    assert!(
        rule.contains("mechanisms/fund-supervision/office"),
        "{rule}"
    );
}

#[test]
fn grants_and_role_agencies_are_known() {
    breaks(
        "  \"channels.publish\",",
        "  \"channels.delete\",",
        0,
        "roles[0].grants[2]",
    );
    breaks(
        "agencies = [\"pboc-branch\"]\ngrants",
        "agencies = [\"pboc\"]\ngrants",
        0,
        "roles[6].agencies[0]",
    );
    breaks(
        "agencies = \"all\"",
        "agencies = \"everyone\"",
        0,
        "roles[0].agencies",
    );
    breaks(
        "binding = \"appointed_liaison\"",
        "binding = \"anyone\"",
        0,
        "roles[1].binding",
    );
}

#[test]
fn whoever_publishes_can_read() {
    let start = SHANXI.find("publish = [\n  { who = { members_of").unwrap();
    let rules = SHANXI[start..].split("[[channels]]").next().unwrap();
    let (kept, rest) = rules.rsplit_once(", \"publisher\"").unwrap();
    let rule = breaks(rules, &format!("{kept}{rest}"), 0, "channels[1].publish");
    assert!(rule.contains("publisher"), "{rule}");

    // A charter's own member without end is sure to read; another agency is not.
    let add = |agency: &str| {
        let more = format!(
            "publish = [\n{{ who = {{ agencies = [\"{agency}\"] }}, roles = [\"clerk\"] }},"
        );
        SHANXI.replacen(rules, &rules.replacen("publish = [", &more, 1), 1)
    };
    assert!(Charter::parse(&add("tax"), "x").is_ok());
    let errors = errors_of(&add("finance"));
    assert_eq!(errors.len(), 1, "{errors:#?}");
    assert!(errors[0].rule.contains("clerk of finance"));
}

#[test]
fn channel_rules_resolve() {
    breaks(
        "{ who = { office_of = \"joint-enforcement\" }",
        "{ who = { office_of = \"joint\" }",
        0,
        "channels[0].publish[0].who",
    );
    let rule = breaks(
        "roles = [\"office\"] },",
        "roles = [\"office\", \"leader\"] },",
        0,
        "channels[0].publish[0].roles[1]",
    );
    assert!(rule.contains("channels.publish"), "{rule}");
}

#[test]
fn routes_resolve_and_can_be_used() {
    breaks(
        "to = [\"agencies/public-security\"]",
        "to = [\"agencies/police\"]",
        0,
        "categories[20].to[0]",
    );
    let nowhere = errors_of(&SHANXI.replacen("to = [\"agencies/public-security\"]\n", "", 1));
    assert_eq!(nowhere[0].path, "categories[20].to");
    let both = errors_of(&SHANXI.replacen(
        "to = [\"agencies/public-security\"]",
        "to = [\"agencies/public-security\", \"channels/fund-supervision\"]",
        1,
    ));
    assert_eq!(both[0].path, "categories[20].to");

    // Finance is no member of joint enforcement, so it could never publish there.
    let unreachable = errors_of(&SHANXI.replacen(
        "from = [{ agencies = [\"finance\"] }]\nto = [\"agencies/civil-affairs\"]",
        "from = [{ agencies = [\"finance\"] }]\nto = [\"channels/joint-enforcement\"]",
        1,
    ));
    assert_eq!(unreachable.len(), 1, "{unreachable:#?}");
    assert!(
        unreachable[0]
            .rule
            .contains("may publish to channels/joint-enforcement")
    );

    // Without this grant, what goes to the offices would lie unread.
    let unread = errors_of(&SHANXI.replacen("  \"office_inbox.read\",\n", "", 1));
    assert!(unread.len() > 1);
    assert!(
        unread
            .iter()
            .all(|error| error.rule.contains("no role could read"))
    );
}

#[test]
fn x_004_je_082_no_limit_is_invented() {
    let category = "from = [{ agencies = [\"finance\"] }]\nto = [\"agencies/civil-affairs\"]\n";
    let hard = format!("{category}trigger_word = \"及时\"\nis_soft = true");
    breaks(
        &hard,
        &hard.replace("\nis_soft = true", ""),
        2,
        "categories[19].trigger_word",
    );
    let soft = SHANXI.replacen(&hard, &format!("{hard}\nwarn_after_working_days = 3"), 1);
    let charter = Charter::parse(&soft, "soft.toml").unwrap();
    let category = charter.category("tax_qualification_problem").unwrap();
    assert_eq!(category.warn_after_working_days(), Some(3));
    breaks(
        "to = [\"agencies/public-security\"]",
        "warn_after_working_days = 3\nto = [\"agencies/public-security\"]",
        0,
        "categories[20].warn_after_working_days",
    );
}

#[test]
fn ids_are_well_formed_and_unique() {
    breaks(
        "id = \"coordination\"",
        "id = \"work_notice\"",
        0,
        "categories[24].id",
    );
    breaks(
        "id = \"flow_out_of_line\"",
        "id = \"Flow\"",
        0,
        "alert_indicators[0].id",
    );
    breaks(
        "id = \"records_retention\"",
        "id = \"catalog_review\"",
        0,
        "deadlines[6].id",
    );
    breaks(
        "time_zone = \"Asia/Shanghai\"",
        "time_zone = \"Shanxi\"",
        0,
        "charter.time_zone",
    );
    breaks("format = 1", "format = 2", 0, "charter.format");
    breaks(
        "province_en = \"Shanxi\"",
        "province_en = \" \"",
        0,
        "charter.province_en",
    );
}

#[test]
fn all_errors_come_at_once_in_order_of_lines() {
    let text = SHANXI
        .replace("host = \"civil-affairs\"", "host = \"nobody\"")
        .replacen(
            "晋社管组发〔2021〕2号\"\nissuer",
            "晋社管组发[2021]2号\"\nissuer",
            1,
        )
        .replacen("  \"channels.publish\",", "  \"channels.delete\",", 1);
    let errors = errors_of(&text);
    let paths: Vec<&str> = errors.iter().map(|error| error.path.as_str()).collect();
    assert!(
        paths.starts_with(&["charter.document_number", "mechanisms[0].office.host"]),
        "{paths:?}"
    );
    assert!(paths.contains(&"mechanisms[1].office.host") && paths.contains(&"roles[0].grants[2]"));
    assert!(errors.is_sorted_by_key(|error| error.line));

    let shown = Charter::parse(&text, "broken.toml")
        .unwrap_err()
        .to_string();
    assert_eq!(shown.lines().count(), errors.len());
    for line in shown.lines() {
        assert!(
            line.starts_with("broken.toml:") && line.ends_with(')'),
            "{line}"
        );
    }
}

#[test]
fn unknown_and_missing_fields_have_a_line() {
    for (from, to, word) in [
        ("issuer = ", "isuer = ", "isuer"),
        (
            "aliases = [\"山西省民政厅\"]",
            "nickname = \"x\"",
            "nickname",
        ),
        ("name_en = \"Provincial Tax Bureau\"\n", "", "name_en"),
        ("rank = \"division\"", "rank = 5", "string"),
        ("{ office_of =", "{ bureau_of =", "bureau_of"),
        ("[charter]", "[charter", "charter"),
    ] {
        let text = SHANXI.replacen(from, to, 1);
        assert_ne!(text, SHANXI);
        let errors = errors_of(&text);
        assert_eq!(errors.len(), 1);
        assert!(errors[0].line > 1, "{errors:?}");
        if word != "charter" {
            assert!(errors[0].rule.contains(word), "{errors:?}");
        }
    }
}

#[test]
fn limits_hold_and_one_past_them_is_refused() {
    let with_channels = |count: usize| {
        let one = SHANXI
            .split("[[channels]]")
            .nth(1)
            .unwrap()
            .replace("# --- ", "");
        let mut text = SHANXI.to_owned();
        for number in 3..count {
            let channel = one.replace("id = \"all-members\"", &format!("id = \"extra-{number}\""));
            text.push_str("\n[[channels]]");
            text.push_str(&channel);
        }
        text
    };
    assert!(Charter::parse(&with_channels(CHANNELS_MAX), "x").is_ok());
    let errors = errors_of(&with_channels(CHANNELS_MAX + 1));
    assert_eq!(errors.len(), 1);
    assert_eq!(
        (errors[0].path.as_str(), errors[0].rule.as_str()),
        ("channels", "at most 64, not 65")
    );

    let padded = |bytes: usize| {
        let padding = bytes - SHANXI.len() - 2;
        format!("{SHANXI}#{}\n", " ".repeat(padding))
    };
    assert!(Charter::parse(&padded(FILE_BYTES_MAX), "x").is_ok());
    assert!(
        errors_of(&padded(FILE_BYTES_MAX + 1))[0]
            .rule
            .contains("1048576 bytes")
    );

    let name = |chars: usize| SHANXI.replacen("省教育厅", &"厅".repeat(chars), 1);
    assert!(Charter::parse(&name(TEXT_CHARS_MAX), "x").is_ok());
    assert_eq!(
        errors_of(&name(TEXT_CHARS_MAX + 1))[0].path,
        "agencies[4].names[0].name"
    );

    let aliases = |count: usize| {
        let list: Vec<String> = (0..count)
            .map(|number| format!("\"别名{number}\""))
            .collect();
        SHANXI.replacen("\"山西省教育厅\"", &list.join(", "), 1)
    };
    assert!(Charter::parse(&aliases(LIST_ITEMS_MAX), "x").is_ok());
    assert_eq!(
        errors_of(&aliases(LIST_ITEMS_MAX + 1))[0].path,
        "agencies[4].aliases"
    );
}

#[test]
fn a_flood_of_errors_is_summed_up() {
    let grants = "\"x\", ".repeat(LIST_ITEMS_MAX);
    let mut text = SHANXI.to_owned();
    let declared = SHANXI.matches("[[roles]]").count();
    for number in declared..ROLES_MAX {
        text.push_str(&format!(
            "\n[[roles]]\nid = \"r{number}\"\nname = \"x\"\nname_en = \"x\"\nagencies = \"all\"\n\
             grants = [{grants}]\nsource = \"x\"\n"
        ));
    }
    let errors = errors_of(&text);
    assert_eq!(errors.len(), ERRORS_MAX + 1);
    assert!(
        errors
            .last()
            .unwrap()
            .rule
            .ends_with("more rules are broken")
    );
}

/// No damaged text brings the reader down, and every error has a line of the file.
#[test]
fn damaged_texts_are_refused_with_lines() {
    let lines: Vec<&str> = SHANXI.lines().collect();
    for place in (0..lines.len()).step_by(7) {
        let mut text = lines[..place].join("\n");
        let cut = [
            text.clone(),
            format!("{text}\n{}", lines[place + 1..].join("\n")),
        ];
        text.push_str("\n= [[{");
        for text in cut.iter().chain([&text]) {
            if let Err(errors) = Charter::parse(text, "x") {
                assert!(!errors.errors.is_empty());
                for error in &errors.errors {
                    assert!(
                        (1..=text.lines().count() + 1).contains(&error.line),
                        "{error:?}"
                    );
                }
            }
        }
    }
}
