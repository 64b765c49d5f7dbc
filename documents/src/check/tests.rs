//! Each rule, and that its error names the field.

use super::*;
use crate::{
    docx, markdown,
    minutes::{Delegation, Officer, Topic},
    test_support::{long_sample, sample},
};

/// The only error of the sample after `change`.
#[track_caller]
fn error(change: impl FnOnce(&mut Minutes)) -> String {
    let mut minutes = sample();
    change(&mut minutes);
    let invalid = minutes.check(AuditPage::Omitted).unwrap_err();
    assert_eq!((invalid.errors.len(), invalid.more), (1, 0), "{invalid}");
    invalid.to_string()
}

#[test]
fn the_samples_keep_every_rule() {
    for minutes in [sample(), long_sample()] {
        minutes.check(AuditPage::Omitted).unwrap();
        minutes.check(AuditPage::Appended).unwrap();
    }
}

#[test]
fn minutes_go_to_json_and_back() {
    let text = serde_json::to_string(&long_sample()).unwrap();
    assert_eq!(
        serde_json::from_str::<Minutes>(&text).unwrap(),
        long_sample()
    );
    let misspelt = text.replacen("\"issuer\"", "\"isuer\"", 1);
    let error = serde_json::from_str::<Minutes>(&misspelt).unwrap_err();
    assert!(error.to_string().contains("isuer"), "{error}");
}

#[test]
fn a_number_in_wrong_brackets_is_refused() {
    let rule = "must have hexagonal brackets 〔〕 (U+3014, U+3015) around the year";
    let broken = error(|minutes| minutes.document_number = "晋社执纪[2026]3号".to_owned());
    assert_eq!(broken, format!("document_number {rule}"));
    let broken = error(|minutes| minutes.replaces = Some("晋社执纪（2026）2号".to_owned()));
    assert_eq!(broken, format!("replaces {rule}"));
}

#[test]
fn a_correction_replaces_another_document() {
    let broken = error(|minutes| minutes.replaces = Some(minutes.document_number.clone()));
    assert_eq!(broken, "replaces must be the number of another document");
}

#[test]
fn je_073_minutes_without_an_agreed_item_are_refused() {
    assert_eq!(
        error(|minutes| minutes.agreed.clear()),
        "agreed must have at least 1"
    );
}

#[test]
fn je_073_an_agreed_item_has_a_responsible_unit() {
    let broken = error(|minutes| minutes.agreed[1].responsible.clear());
    assert_eq!(broken, "agreed[1].responsible must have at least 1");
}

#[test]
fn somebody_attended() {
    let broken = error(|minutes| minutes.attendance.present.clear());
    assert_eq!(broken, "attendance.present must have at least 1");
}

#[test]
fn dates_are_dates_in_order() {
    for text in [
        "2026-02-30",
        "2026-3-5",
        "20260305",
        "2026-03-05T10:00",
        "1899-12-31",
        "",
    ] {
        let broken = error(|minutes| minutes.issued_on = text.to_owned());
        assert!(broken.starts_with("issued_on must be a date"), "{broken}");
    }
    let broken = error(|minutes| minutes.issued_on = "2026-03-04".to_owned());
    assert_eq!(broken, "issued_on must not be before meeting.held_on");
    let broken = error(|minutes| minutes.agreed[0].due_on = Some("soon".to_owned()));
    assert!(
        broken.starts_with("agreed[0].due_on must be a date"),
        "{broken}"
    );
}

/// A field's name and where it is.
type Field = (&'static str, fn(&mut Minutes) -> &mut String);

const TEXTS: [Field; 18] = [
    ("mark", |minutes| &mut minutes.mark),
    ("title", |minutes| &mut minutes.title),
    ("meeting.kind", |minutes| &mut minutes.meeting.kind),
    ("meeting.place", |minutes| &mut minutes.meeting.place),
    ("meeting.chair", |minutes| &mut minutes.meeting.chair),
    ("opening", |minutes| &mut minutes.opening),
    ("topics[0].title", |minutes| &mut minutes.topics[0].title),
    ("topics[0].discussion[0]", |minutes| {
        &mut minutes.topics[0].discussion[0]
    }),
    ("agreed[0].text", |minutes| &mut minutes.agreed[0].text),
    ("agreed[0].responsible[0]", |minutes| {
        &mut minutes.agreed[0].responsible[0]
    }),
    ("agreed[0].assisting[1]", |minutes| {
        &mut minutes.agreed[0].assisting[1]
    }),
    ("attendance.present[2].unit", |minutes| {
        &mut minutes.attendance.present[2].unit
    }),
    ("attendance.present[2].officers[1].name", |minutes| {
        &mut minutes.attendance.present[2].officers[1].name
    }),
    ("attendance.excused[0].unit", |minutes| {
        &mut minutes.attendance.excused[0].unit
    }),
    ("issuer", |minutes| &mut minutes.issuer),
    ("main_to[0]", |minutes| &mut minutes.main_to[0]),
    ("copies_to[0]", |minutes| &mut minutes.copies_to[0]),
    ("printing_office", |minutes| &mut minutes.printing_office),
];

#[test]
fn every_text_is_one_printable_line() {
    for (field, text) in TEXTS {
        let wrong = [
            (String::new(), "must not be empty"),
            (" 甲".to_owned(), "must not begin or end with a space"),
            (
                "甲\u{3000}".to_owned(),
                "must not begin or end with a space",
            ),
            (
                "甲\n乙".to_owned(),
                "must be one line of printable text, without U+000A",
            ),
            (
                "甲\u{0}".to_owned(),
                "must be one line of printable text, without U+0000",
            ),
            (
                "甲\u{202E}乙".to_owned(),
                "must be one line of printable text, without U+202E",
            ),
            (
                "甲\u{200B}乙".to_owned(),
                "must be one line of printable text, without U+200B",
            ),
            (
                "甲\u{FFFF}".to_owned(),
                "must be one line of printable text, without U+FFFF",
            ),
        ];
        for (value, rule) in wrong {
            let broken = error(|minutes| *text(minutes) = value);
            assert_eq!(broken, format!("{field} {rule}"));
        }
        let mut minutes = sample();
        *text(&mut minutes) = "甲".repeat(5_001);
        let broken = minutes.check(AuditPage::Omitted).unwrap_err().to_string();
        assert!(
            broken.starts_with(&format!("{field} must have at most")),
            "{broken}"
        );
    }
}

#[test]
fn the_longest_texts_are_taken_and_one_more_is_not() {
    let mut minutes = sample();
    minutes.mark = "甲".repeat(MARK_CHARS_MAX);
    minutes.title = "甲".repeat(TITLE_CHARS_MAX);
    minutes.issuer = "甲".repeat(NAME_CHARS_MAX);
    minutes.opening = "甲".repeat(PARAGRAPH_CHARS_MAX);
    minutes.check(AuditPage::Omitted).unwrap();
    let broken = error(|minutes| minutes.mark = "甲".repeat(MARK_CHARS_MAX + 1));
    assert_eq!(broken, "mark must have at most 24 characters");
}

#[test]
fn lists_are_limited() {
    let delegation = Delegation {
        unit: "甲".to_owned(),
        officers: vec![],
    };
    let officer = Officer {
        name: "甲".to_owned(),
        post: None,
    };
    let topic = Topic {
        title: "甲".to_owned(),
        discussion: vec![],
    };
    assert_eq!(
        error(|minutes| minutes.topics = vec![topic; TOPICS_MAX + 1]),
        "topics must have at most 60"
    );
    assert_eq!(
        error(|minutes| minutes.agreed = vec![minutes.agreed[0].clone(); AGREED_MAX + 1]),
        "agreed must have at most 100"
    );
    assert_eq!(
        error(|minutes| minutes.attendance.excused = vec![delegation; UNITS_MAX + 1]),
        "attendance.excused must have at most 100"
    );
    assert_eq!(
        error(|minutes| {
            minutes.attendance.present[0].officers = vec![officer; OFFICERS_MAX + 1];
        }),
        "attendance.present[0].officers must have at most 50"
    );
    assert_eq!(
        error(|minutes| minutes.topics[0].discussion = vec!["甲".to_owned(); PARAGRAPHS_MAX + 1]),
        "topics[0].discussion must have at most 100"
    );
    assert_eq!(
        error(|minutes| minutes.attachments = vec!["甲".to_owned(); ATTACHMENTS_MAX + 1]),
        "attachments must have at most 50"
    );
    assert_eq!(
        error(|minutes| minutes.copies_to = vec!["甲".repeat(59); 10]),
        "copies_to must have at most 600 characters together with main_to"
    );
    let paragraphs = vec!["甲".repeat(PARAGRAPH_CHARS_MAX); 41];
    assert_eq!(
        error(|minutes| minutes.topics[0].discussion = paragraphs),
        "minutes must have at most 200000 characters in all"
    );
}

#[test]
fn many_errors_are_counted() {
    let mut minutes = sample();
    minutes.copies_to = vec![String::new(); 25];
    let invalid = minutes.check(AuditPage::Omitted).unwrap_err();
    assert_eq!((invalid.errors.len(), invalid.more), (ERRORS_MAX, 5));
    assert!(invalid.to_string().ends_with("; and 5 more"), "{invalid}");
}

#[test]
fn audit_data_is_checked() {
    type Change = fn(&mut Audit);
    let wrong: [(Change, &str); 4] = [
        (
            |audit| audit.consent_version = 0,
            "audit.consent_version must be at least 1",
        ),
        (
            |audit| audit.text_sha256 = "AB".repeat(32),
            "audit.text_sha256 must be 64 lower-case hexadecimal digits",
        ),
        (
            |audit| audit.text_sha256.truncate(63),
            "audit.text_sha256 must be 64 lower-case hexadecimal digits",
        ),
        (|audit| audit.hub.clear(), "audit.hub must not be empty"),
    ];
    for (change, expected) in wrong {
        assert_eq!(
            error(|minutes| change(minutes.audit.as_mut().unwrap())),
            expected
        );
    }
    let mut minutes = sample();
    minutes.audit = None;
    minutes.check(AuditPage::Omitted).unwrap();
    let invalid = minutes.check(AuditPage::Appended).unwrap_err();
    assert_eq!(invalid.to_string(), "audit must be given for an audit page");
}

#[test]
fn audit_data_is_shown_only_where_asked_for() {
    let hash = sample().audit.unwrap().text_sha256;
    let form = sample().check(AuditPage::Omitted).unwrap();
    let audited = sample().check(AuditPage::Appended).unwrap();
    assert!(!markdown(&form).contains(&hash));
    assert!(markdown(&audited).contains(&hash));
    assert_ne!(docx(&form).unwrap(), docx(&audited).unwrap());
}

#[test]
fn the_sheet_follows_the_form() {
    let text = markdown(&long_sample().check(AuditPage::Appended).unwrap());
    // Written out, so that a change of the form is seen. The example `render` writes it anew.
    let expected = include_str!("../../samples/joint_meeting.md");
    assert_eq!(text, expected);
}

#[test]
fn fs_011_units_keep_the_names_they_are_given() {
    let mut minutes = sample();
    minutes.attendance.present[0].unit = "中国人民银行太原中心支行".to_owned();
    let text = markdown(&minutes.check(AuditPage::Omitted).unwrap());
    assert!(
        text.contains("**出席**：中国人民银行太原中心支行　某甲（副厅长）；"),
        "{text}"
    );
}

/// The sample as minutes of a meeting by correspondence.
fn by_correspondence() -> Minutes {
    let mut minutes = sample();
    let attendance = &mut minutes.attendance;
    attendance.consulted = std::mem::take(&mut attendance.present);
    minutes.meeting.place.clear();
    minutes.meeting.chair.clear();
    minutes
}

#[test]
fn je_071_a_meeting_by_correspondence_has_consulted_units_and_none_present() {
    by_correspondence().check(AuditPage::Omitted).unwrap();
    let mut both = by_correspondence();
    both.attendance.present = both.attendance.consulted.clone();
    let invalid = both.check(AuditPage::Omitted).unwrap_err();
    assert_eq!(invalid.errors[0].field, "attendance.present");
    // Whoever meets has a place and a chair.
    assert_eq!(
        error(|minutes| minutes.meeting.place.clear()),
        "meeting.place must not be empty"
    );
    assert_eq!(
        error(|minutes| minutes.attendance.present.clear()),
        "attendance.present must have at least 1"
    );
}
