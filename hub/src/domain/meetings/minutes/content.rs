//! What a version of minutes must be, and its hash.

use std::collections::BTreeSet;

use hub_core::{
    crypto::{Digest, sha256},
    date,
    names::AgencyId,
};
use hub_proto::{
    common,
    meetings::{AgreedItemDraft, AgreedItemKind, MinutesContent},
};
use prost::Message as _;

use crate::{
    domain::channels::attachment::draft as files,
    error::{Error, Result, Violation},
};

/// Largest content in bytes, encoded (256 KiB).
pub const CONTENT_BYTES_MAX: usize = 262_144;
/// Longest title in characters.
pub const TITLE_CHARACTERS_MAX: usize = 200;
/// Longest opening or paragraph in characters.
pub const PARAGRAPH_CHARACTERS_MAX: usize = 4_000;
/// Most topics.
pub const TOPICS_MAX: usize = 60;
/// Most paragraphs of a topic.
pub const PARAGRAPHS_MAX: usize = 50;
/// Most agreed items.
pub const AGREED_ITEMS_MAX: usize = 100;
/// Longest agreed item in characters.
pub const ITEM_CHARACTERS_MAX: usize = 2_000;
/// Most responsible, and most assisting, units of an agreed item.
pub const ITEM_UNITS_MAX: usize = 20;
/// Most addressees of either kind.
pub const ADDRESSEES_MAX: usize = 40;
/// Longest addressee in characters.
pub const ADDRESSEE_CHARACTERS_MAX: usize = 100;
/// Longest text of all addressees of both kinds together, in characters: they stand at the foot of one
/// page.
pub const ADDRESSEES_CHARACTERS_MAX: usize = 600;
/// Most attachments.
pub const ATTACHMENTS_MAX: usize = 10;

/// What a content is held against.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// Units of the meeting.
    pub units: &'a [AgencyId],
    /// How many topics the meeting has.
    pub topics_count: u32,
    /// Bodies that may assign an item (JE-036).
    pub assigners: &'a [String],
    /// Items of the document that this one corrects.
    pub corrected_items: &'a [u32],
}

/// SHA-256 of the encoded content: what units consent to. Encoded as protobuf with the fields in the
/// order of their numbers and defaults left out, as every generator does that writes them in order.
#[must_use]
pub fn hash(content: &MinutesContent) -> Digest {
    sha256(&[&content.encode_to_vec()])
}

/// Checks a content. All broken rules are told at once.
///
/// # Errors
/// The fields that break a rule.
pub fn check(content: &MinutesContent, facts: &Facts<'_>) -> Result<()> {
    let mut rules = Rules(vec![]);
    if content.encoded_len() > CONTENT_BYTES_MAX {
        let rule = format!("must be at most {CONTENT_BYTES_MAX} bytes, encoded");
        return Err(Error::field("content", rule));
    }
    rules.line("content.title", &content.title, TITLE_CHARACTERS_MAX);
    rules.require(
        is_text(&content.opening, PARAGRAPH_CHARACTERS_MAX),
        "content.opening",
        || format!("must be text of at most {PARAGRAPH_CHARACTERS_MAX} characters"),
    );
    check_topics(&mut rules, content, facts);
    let items = &content.agreed_items;
    rules.require(
        items.len() <= AGREED_ITEMS_MAX,
        "content.agreed_items",
        || format!("must be at most {AGREED_ITEMS_MAX}"),
    );
    let mut continued = BTreeSet::new();
    for (number, item) in items.iter().take(AGREED_ITEMS_MAX).enumerate() {
        let path = format!("content.agreed_items[{number}]");
        check_item(&mut rules, &path, item, facts);
        check_kind(&mut rules, &path, item);
        let continues = item.continues_item;
        let is_one =
            u32::try_from(continues).is_ok_and(|number| facts.corrected_items.contains(&number));
        let field = format!("{path}.continues_item");
        rules.require(continues == 0 || is_one, &field, || {
            "must be 0, or an agreed item of the minutes that this document corrects".into()
        });
        rules.require(
            continues == 0 || continued.insert(continues),
            &field,
            || "must not be continued twice".into(),
        );
    }
    let lists = [
        ("content.main_addressees", &content.main_addressees),
        ("content.copy_addressees", &content.copy_addressees),
    ];
    for (field, list) in lists {
        rules.require(list.len() <= ADDRESSEES_MAX, field, || {
            format!("must be at most {ADDRESSEES_MAX}")
        });
        for (number, one) in list.iter().take(ADDRESSEES_MAX).enumerate() {
            rules.line(&format!("{field}[{number}]"), one, ADDRESSEE_CHARACTERS_MAX);
        }
    }
    let all = content
        .main_addressees
        .iter()
        .chain(&content.copy_addressees);
    let characters: usize = all.map(|one| one.chars().count()).sum();
    rules.require(
        characters <= ADDRESSEES_CHARACTERS_MAX,
        "content.copy_addressees",
        || format!("must have at most {ADDRESSEES_CHARACTERS_MAX} characters together with main_addressees"),
    );
    for (field, rule) in files::broken("content.attachments", &content.attachments, ATTACHMENTS_MAX)
    {
        rules.broken(&field, rule);
    }
    rules.result()
}

fn check_topics(rules: &mut Rules, content: &MinutesContent, facts: &Facts<'_>) {
    let count = content.topics.len();
    rules.require((1..=TOPICS_MAX).contains(&count), "content.topics", || {
        format!("must be 1 to {TOPICS_MAX}")
    });
    for (number, topic) in content.topics.iter().take(TOPICS_MAX).enumerate() {
        let path = format!("content.topics[{number}]");
        rules.line(&format!("{path}.title"), &topic.title, TITLE_CHARACTERS_MAX);
        rules.topic(&format!("{path}.topic"), topic.topic, facts);
        rules.require(
            topic.paragraphs.len() <= PARAGRAPHS_MAX,
            &format!("{path}.paragraphs"),
            || format!("must be at most {PARAGRAPHS_MAX}"),
        );
        for (place, text) in topic.paragraphs.iter().take(PARAGRAPHS_MAX).enumerate() {
            let field = format!("{path}.paragraphs[{place}]");
            rules.text(&field, text, PARAGRAPH_CHARACTERS_MAX);
        }
    }
}

fn check_item(rules: &mut Rules, path: &str, item: &AgreedItemDraft, facts: &Facts<'_>) {
    rules.text(&format!("{path}.text"), &item.text, ITEM_CHARACTERS_MAX);
    rules.topic(&format!("{path}.topic"), item.topic, facts);
    let is_day =
        |day: &Option<common::Date>| day.as_ref().is_none_or(|d| date::from_wire(d).is_some());
    rules.require(is_day(&item.due_on), &format!("{path}.due_on"), || {
        "must be a day of the calendar, or empty".into()
    });
    let lists = [
        ("responsible_units", &item.responsible_units, 1),
        ("assisting_units", &item.assisting_units, 0),
    ];
    let mut named = BTreeSet::new();
    for (list, units, least) in lists {
        let field = format!("{path}.{list}");
        rules.require(
            (least..=ITEM_UNITS_MAX).contains(&units.len()),
            &field,
            || format!("must be {least} to {ITEM_UNITS_MAX} units"),
        );
        for (number, name) in units.iter().take(ITEM_UNITS_MAX).enumerate() {
            let field = format!("{field}[{number}]");
            let unit = name
                .strip_prefix("agencies/")
                .and_then(|id| id.parse().ok());
            let is_unit = unit.is_some_and(|unit: AgencyId| facts.units.contains(&unit));
            rules.require(is_unit, &field, || {
                "must be agencies/{agency}, a unit of the meeting".into()
            });
            rules.require(named.insert(name), &field, || {
                "must not be named twice, and not both as responsible and as assisting".into()
            });
        }
    }
    let is_assigner = item.assigner.is_empty() || facts.assigners.contains(&item.assigner);
    rules.require(is_assigner, &format!("{path}.assigner"), || {
        format!(
            "must be empty or one of the charter's assigners (JE-036): {}",
            facts.assigners.join(", ")
        )
    });
}

/// What a kind of item has that others have not (JE-031, JE-033, JE-035).
fn check_kind(rules: &mut Rules, path: &str, item: &AgreedItemDraft) {
    let kind = item.kind();
    rules.require(
        kind != AgreedItemKind::Unspecified,
        &format!("{path}.kind"),
        || "must be a kind of agreed item".into(),
    );
    let days = (
        item.period_from_on.as_ref().and_then(date::from_wire),
        item.period_until_on.as_ref().and_then(date::from_wire),
    );
    let is_period = matches!(days, (Some(from), Some(until)) if from <= until);
    let has_period = item.period_from_on.is_some() || item.period_until_on.is_some();
    if kind == AgreedItemKind::Priority {
        rules.require(is_period, &format!("{path}.period_from_on"), || {
            "must be, with period_until_on, the first and the last day of the period of a priority \
             (JE-031)"
                .into()
        });
    } else {
        rules.require(!has_period, &format!("{path}.period_from_on"), || {
            "must be empty, as period_until_on: only a priority has a period".into()
        });
    }
    let is_led = matches!(
        kind,
        AgreedItemKind::JointOperation | AgreedItemKind::MajorCase
    );
    let field = format!("{path}.lead_unit");
    if is_led {
        rules.require(
            item.responsible_units.contains(&item.lead_unit),
            &field,
            || "must be the responsible unit that leads (JE-033, JE-035)".into(),
        );
    } else {
        rules.require(item.lead_unit.is_empty(), &field, || {
            "must be empty: only a joint operation or a major case is led".into()
        });
    }
    let field = format!("{path}.responsible_units");
    let responsible = item.responsible_units.len();
    let all = responsible.saturating_add(item.assisting_units.len());
    rules.require(
        kind != AgreedItemKind::JointOperation || responsible >= 2,
        &field,
        || "must be two or more units for a joint operation (JE-035)".into(),
    );
    rules.require(kind != AgreedItemKind::MajorCase || all >= 2, &field, || {
        "must be, with assisting_units, the lead and one or more participants for a major case (JE-033)"
            .into()
    });
}

/// Broken rules.
struct Rules(Vec<Violation>);

impl Rules {
    fn broken(&mut self, field: &str, rule: String) {
        self.0.push(Violation {
            field: field.to_owned(),
            rule,
        });
    }

    fn require(&mut self, is_kept: bool, field: &str, rule: impl FnOnce() -> String) {
        if !is_kept {
            self.broken(field, rule());
        }
    }

    fn line(&mut self, field: &str, text: &str, characters_max: usize) {
        let is_kept = !text.trim().is_empty()
            && is_text(text, characters_max)
            && !text.contains(['\n', '\t']);
        self.require(is_kept, field, || {
            format!("must be 1 to {characters_max} characters on one line")
        });
    }

    fn text(&mut self, field: &str, text: &str, characters_max: usize) {
        let is_kept = !text.trim().is_empty() && is_text(text, characters_max);
        self.require(is_kept, field, || {
            format!("must be text of 1 to {characters_max} characters")
        });
    }

    fn topic(&mut self, field: &str, topic: i32, facts: &Facts<'_>) {
        let is_kept = u32::try_from(topic).is_ok_and(|topic| topic <= facts.topics_count);
        self.require(is_kept, field, || {
            "must be 0, or the number of a topic of the meeting".into()
        });
    }

    fn result(self) -> Result<()> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Error::fields(self.0))
        }
    }
}

/// Text without control characters but line ends and tabs.
fn is_text(text: &str, characters_max: usize) -> bool {
    let is_plain = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
    text.chars().count() <= characters_max && text.chars().all(is_plain)
}
