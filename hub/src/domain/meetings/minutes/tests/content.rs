//! What a version must be.

use hub_proto::meetings::AgreedItemKind;

use super::*;
use crate::domain::meetings::minutes::content::{self as rules, Facts, check};

fn broken(change: impl FnOnce(&mut MinutesContent)) -> Vec<String> {
    let units: Vec<AgencyId> = ["education", "health", "tax"]
        .iter()
        .map(|unit| unit.parse().unwrap())
        .collect();
    let facts = Facts {
        units: &units,
        topics_count: 2,
        assigners: &["省委".to_owned(), "省政府".to_owned()],
        corrected_items: &[1, 2],
    };
    let mut what = content("纪要", &[task("a", &["education", "tax"])]);
    change(&mut what);
    match check(&what, &facts) {
        Ok(()) => vec![],
        Err(error) => error.violations.into_iter().map(|one| one.field).collect(),
    }
}

fn item(change: impl FnOnce(&mut AgreedItemDraft)) -> Vec<String> {
    let broken = broken(|what| change(&mut what.agreed_items[0]));
    let prefix = "content.agreed_items[0].";
    broken
        .iter()
        .map(|field| field.strip_prefix(prefix).unwrap().to_owned())
        .collect()
}

#[test]
fn je_031_a_priority_has_a_period() {
    let priority = |from, until| {
        item(move |item| {
            item.kind = AgreedItemKind::Priority.into();
            item.period_from_on = from;
            item.period_until_on = until;
        })
    };
    let (first, last) = (Some(day(2026, 1, 1)), Some(day(2026, 12, 31)));
    assert_eq!(priority(first, last), [""; 0]);
    assert_eq!(priority(first, first), [""; 0]);
    for (from, until) in [(None, None), (first, None), (None, last), (last, first)] {
        assert_eq!(priority(from, until), ["period_from_on"]);
    }
    assert_eq!(item(|item| item.period_until_on = last), ["period_from_on"]);
}

#[test]
fn je_033_a_major_case_names_its_lead_and_its_participants() {
    let case = |responsible: &[&str], assisting: &[&str], lead: &str| {
        let names = |units: &[&str]| {
            units
                .iter()
                .map(|unit| format!("agencies/{unit}"))
                .collect()
        };
        let (responsible, assisting): (Vec<_>, Vec<_>) = (names(responsible), names(assisting));
        item(|item| {
            item.kind = AgreedItemKind::MajorCase.into();
            item.responsible_units = responsible;
            item.assisting_units = assisting;
            item.lead_unit = lead.into();
        })
    };
    assert_eq!(case(&["education", "tax"], &[], "agencies/tax"), [""; 0]);
    assert_eq!(case(&["tax"], &["education"], "agencies/tax"), [""; 0]);
    assert_eq!(case(&["tax"], &[], "agencies/tax"), ["responsible_units"]);
    assert_eq!(case(&["tax"], &["education"], ""), ["lead_unit"]);
    assert_eq!(
        case(&["tax"], &["education"], "agencies/education"),
        ["lead_unit"]
    );
}

#[test]
fn je_035_a_joint_operation_has_two_units_and_a_lead() {
    let operation = |count: usize, lead: &str| {
        item(|item| {
            item.kind = AgreedItemKind::JointOperation.into();
            item.responsible_units.truncate(count);
            item.lead_unit = lead.into();
        })
    };
    assert_eq!(operation(2, "agencies/education"), [""; 0]);
    assert_eq!(operation(1, "agencies/education"), ["responsible_units"]);
    assert_eq!(operation(2, "agencies/health"), ["lead_unit"]);
    assert_eq!(operation(2, ""), ["lead_unit"]);
    let led = item(|item| item.lead_unit = "agencies/tax".into());
    assert_eq!(led, ["lead_unit"], "a task is not led");
}

#[test]
fn je_036_the_assigner_is_one_of_the_charters() {
    for assigner in ["", "省委", "省政府"] {
        assert_eq!(item(|item| item.assigner = assigner.into()), [""; 0]);
    }
    assert_eq!(item(|item| item.assigner = "市政府".into()), ["assigner"]);
    // The province's own list has the two bodies.
    let charter = Charter::parse(CHARTER, "test").unwrap();
    assert_eq!(charter.meetings().assigners(), ["省委", "省政府"]);
}

#[test]
fn units_of_an_item_are_units_of_the_meeting_each_named_once() {
    let named = |units: &[&str]| {
        let units: Vec<String> = units.iter().map(|unit| (*unit).to_owned()).collect();
        item(|item| item.responsible_units = units)
    };
    assert_eq!(named(&["agencies/tax"]), [""; 0]);
    assert_eq!(named(&[]), ["responsible_units"]);
    assert_eq!(named(&["agencies/finance"]), ["responsible_units[0]"]);
    assert_eq!(named(&["tax"]), ["responsible_units[0]"]);
    assert_eq!(
        named(&["agencies/tax", "agencies/tax"]),
        ["responsible_units[1]"]
    );
    let both = item(|item| item.assisting_units = vec!["agencies/tax".into()]);
    assert_eq!(both, ["assisting_units[0]"]);
}

#[test]
fn only_items_of_the_corrected_minutes_are_continued_each_once() {
    assert_eq!(item(|item| item.continues_item = 2), [""; 0]);
    assert_eq!(item(|item| item.continues_item = 3), ["continues_item"]);
    assert_eq!(item(|item| item.continues_item = -1), ["continues_item"]);
    let twice = broken(|what| {
        what.agreed_items[0].continues_item = 1;
        let again = what.agreed_items[0].clone();
        what.agreed_items.push(again);
    });
    assert_eq!(twice, ["content.agreed_items[1].continues_item"]);
}

#[test]
fn every_limit_at_the_edge_and_past_it() {
    let han = |count: usize| "社".repeat(count);
    assert_eq!(broken(|what| what.title = han(200)), [""; 0]);
    assert_eq!(broken(|what| what.title = han(201)), ["content.title"]);
    assert_eq!(broken(|what| what.title = "a\nb".into()), ["content.title"]);
    assert_eq!(broken(|what| what.opening = han(4_000)), [""; 0]);
    assert_eq!(
        broken(|what| what.opening = han(4_001)),
        ["content.opening"]
    );
    let items = |count| broken(|what| what.agreed_items = vec![task("a", &["tax"]); count]);
    assert_eq!(items(100), [""; 0]);
    assert_eq!(items(101), ["content.agreed_items"]);
    assert_eq!(items(0), [""; 0], "a draft may be unfinished");
    let topics = |count| broken(|what| what.topics = vec![what.topics[0].clone(); count]);
    assert_eq!(topics(60), [""; 0]);
    assert_eq!(topics(61), ["content.topics"]);
    assert_eq!(topics(0), ["content.topics"]);
    assert_eq!(broken(|what| what.topics[0].topic = 2), [""; 0]);
    assert_eq!(
        broken(|what| what.topics[0].topic = 3),
        ["content.topics[0].topic"]
    );
    assert_eq!(item(|item| item.text = han(2_000)), [""; 0]);
    assert_eq!(item(|item| item.text = han(2_001)), ["text"]);
    assert_eq!(item(|item| item.kind = 0), ["kind"]);
    assert_eq!(
        item(|item| item.due_on = Some(day(2026, 2, 30))),
        ["due_on"]
    );
    let addressees =
        |count, characters| broken(|what| what.copy_addressees = vec![han(characters); count]);
    assert_eq!(addressees(40, 15), [""; 0]);
    assert_eq!(addressees(6, 100), [""; 0]);
    assert_eq!(addressees(41, 1), ["content.copy_addressees"]);
    assert_eq!(
        addressees(7, 86),
        ["content.copy_addressees"],
        "602 together"
    );
    let long = broken(|what| what.topics[0].paragraphs = vec![han(4_000); 22]);
    assert_eq!(long, ["content"], "more than 256 KiB");
}

#[test]
fn the_hash_is_of_the_encoded_content() {
    let what = content("纪要", &[task("a", &["tax"])]);
    // Title is field 1, topics field 3 and so on: the encoding that every generator writes.
    let title = "纪要".as_bytes();
    let only_title = MinutesContent {
        title: "纪要".into(),
        ..MinutesContent::default()
    };
    let mut bytes = vec![0x0a, u8::try_from(title.len()).unwrap()];
    bytes.extend_from_slice(title);
    assert_eq!(
        rules::hash(&only_title),
        hub_core::crypto::sha256(&[&bytes])
    );
    assert_ne!(rules::hash(&what), rules::hash(&only_title));
}
