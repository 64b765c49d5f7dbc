//! Meetings: bounded times, one word for each series of document numbers, no body named twice.

use std::collections::{BTreeMap, BTreeSet};

use hub_core::{document_number::DocumentNumber, names::MechanismId};
use jiff::SignedDuration;
use toml::Spanned;

use super::{Checker, Known};
use crate::charter::{
    MECHANISMS_MAX, MeetingRules,
    meetings::{CorrespondenceUnits, DOCUMENT_WORD_CHARACTERS_MAX, HOURS_MAX},
    raw::{RawAnnual, RawDocumentWord, RawMeetings, Text},
};

/// Builds the settings for meetings; the default when the charter says nothing.
pub(super) fn meetings(
    raw: Option<&Spanned<RawMeetings>>,
    known: &Known,
    check: &mut Checker,
) -> MeetingRules {
    let default = MeetingRules::default();
    let Some(raw) = raw.map(Spanned::get_ref) else {
        return default;
    };
    check.text(&raw.source, "meetings.source");
    let mut hours = |at: &Option<Spanned<u16>>, field: &str, default: SignedDuration| match at {
        Some(at) => hours(at, &format!("meetings.{field}"), check),
        None => default,
    };
    let answer = hours(&raw.answer_hours, "answer_hours", default.answer);
    let consent = hours(&raw.consent_hours, "consent_hours", default.consent);
    let co_sign = hours(&raw.co_sign_hours, "co_sign_hours", default.co_sign);
    let correspondence = raw.correspondence.as_ref().and_then(|at| {
        let words = [
            ("consulted", CorrespondenceUnits::Consulted),
            ("answered", CorrespondenceUnits::Answered),
        ];
        check.choice(at, "meetings.correspondence", &words)
    });
    let mut series = Series::default();
    let joint = raw.joint_document_word.as_ref();
    let joint_document_word =
        joint.and_then(|at| series.word(at, "meetings.joint_document_word", check));
    let joint = raw.joint_partial_document_word.as_ref();
    let joint_partial_document_word =
        joint.and_then(|at| series.word(at, "meetings.joint_partial_document_word", check));
    let (document_words, partial_document_words) =
        document_words(&raw.document_words, known, &mut series, check);
    MeetingRules {
        answer,
        consent,
        co_sign,
        silence_is_consent: raw.silence_is_consent,
        correspondence: correspondence.unwrap_or_default(),
        document_words,
        partial_document_words,
        joint_document_word: joint_document_word.unwrap_or_default(),
        joint_partial_document_word: joint_partial_document_word.unwrap_or_default(),
        annual: annual(&raw.annual, known, check),
        assigners: check.texts(&raw.assigners, "meetings.assigners"),
    }
}

fn hours(at: &Spanned<u16>, path: &str, check: &mut Checker) -> SignedDuration {
    if !(1..=HOURS_MAX).contains(at.get_ref()) {
        check.report(
            at.span(),
            path,
            format!("must be 1 to {HOURS_MAX} hours"),
            "name hours, such as 72 for three days",
        );
    }
    SignedDuration::from_hours(i64::from(*at.get_ref()))
}

/// The words of the series so far. Two series with one word would give a number twice.
#[derive(Default)]
struct Series(BTreeSet<String>);

impl Series {
    fn word(&mut self, at: &Text, path: &str, check: &mut Checker) -> Option<String> {
        let word = check.text(at, path)?;
        let is_word = word.chars().count() <= DOCUMENT_WORD_CHARACTERS_MAX
            && format!("{word}〔2026〕1号")
                .parse::<DocumentNumber>()
                .is_ok();
        if !is_word {
            check.report(
                at.span(),
                path,
                format!(
                    "must be the word of a document number, at most \
                     {DOCUMENT_WORD_CHARACTERS_MAX} characters"
                ),
                "name what stands before 〔year〕, such as 晋社管组办纪",
            );
            return None;
        }
        if !self.0.insert(word.clone()) {
            check.report(
                at.span(),
                path,
                format!("{word:?} is the word of two series, whose numbers would repeat"),
                "give each series a word of its own",
            );
        }
        Some(word)
    }
}

fn annual(
    raw: &[Spanned<RawAnnual>],
    known: &Known,
    check: &mut Checker,
) -> BTreeMap<MechanismId, String> {
    if let Some(first) = raw.first() {
        check.at_most(first.span(), "meetings.annual", raw.len(), MECHANISMS_MAX);
    }
    let mut found = BTreeMap::new();
    for (place, row) in raw.iter().take(MECHANISMS_MAX).enumerate() {
        let raw = row.get_ref();
        let field = format!("meetings.annual[{place}].mechanism");
        let mechanism: Option<MechanismId> =
            check.known(&raw.mechanism, &field, &known.mechanisms, "mechanisms");
        let source = check.text(&raw.source, &format!("meetings.annual[{place}].source"));
        let (Some(mechanism), Some(source)) = (mechanism, source) else {
            continue;
        };
        if found.insert(mechanism, source).is_some() {
            check.report(
                raw.mechanism.span(),
                field,
                format!("{:?} is named already", raw.mechanism.get_ref()),
                "take one out",
            );
        }
    }
    found
}

/// Words by mechanism: of meetings of all members, and of meetings of some.
fn document_words(
    raw: &[Spanned<RawDocumentWord>],
    known: &Known,
    series: &mut Series,
    check: &mut Checker,
) -> (BTreeMap<MechanismId, String>, BTreeMap<MechanismId, String>) {
    if let Some(first) = raw.first() {
        let path = "meetings.document_words";
        check.at_most(first.span(), path, raw.len(), MECHANISMS_MAX);
    }
    let (mut words, mut partial_words) = (BTreeMap::new(), BTreeMap::new());
    for (place, row) in raw.iter().take(MECHANISMS_MAX).enumerate() {
        let path = format!("meetings.document_words[{place}]");
        let raw = row.get_ref();
        let field = format!("{path}.mechanism");
        let mechanism: Option<MechanismId> =
            check.known(&raw.mechanism, &field, &known.mechanisms, "mechanisms");
        let word = series.word(&raw.word, &format!("{path}.word"), check);
        let partial = raw.partial_word.as_ref();
        let partial =
            partial.and_then(|at| series.word(at, &format!("{path}.partial_word"), check));
        let (Some(mechanism), Some(word)) = (mechanism, word) else {
            continue;
        };
        partial_words.extend(partial.map(|word| (mechanism.clone(), word)));
        if words.insert(mechanism, word).is_some() {
            check.report(
                raw.mechanism.span(),
                field,
                format!("{:?} has a word already", raw.mechanism.get_ref()),
                "take one out",
            );
        }
    }
    (words, partial_words)
}
