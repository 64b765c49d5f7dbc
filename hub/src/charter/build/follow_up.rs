//! Follow-up and retention: bounded numbers, reminders in order.

use jiff::SignedDuration;
use toml::Spanned;

use super::Checker;
use crate::charter::{
    FollowUp,
    follow_up::{FOLLOW_UP_HOURS_MAX, REMINDERS_AFTER_MAX, RETENTION_MONTHS},
    raw::{RawFollowUp, RawRetention},
};

/// Builds the follow-up; the default when the charter says nothing.
pub(super) fn follow_up(raw: Option<&Spanned<RawFollowUp>>, check: &mut Checker) -> FollowUp {
    let Some(raw) = raw.map(Spanned::get_ref) else {
        return FollowUp::default();
    };
    check.text(&raw.source, "follow_up.source");
    hours(
        &raw.acknowledge_hours,
        1,
        "follow_up.acknowledge_hours",
        check,
    );
    if let Some(before) = &raw.remind_before_hours {
        hours(before, 1, "follow_up.remind_before_hours", check);
    }
    let mut last = None;
    for (place, after) in raw.remind_after_hours.iter().enumerate() {
        let path = format!("follow_up.remind_after_hours[{place}]");
        hours(after, 0, &path, check);
        if last.is_some_and(|last| *after.get_ref() <= last) {
            check.report(
                after.span(),
                path,
                "must be more than the one before",
                "list the hours in ascending order",
            );
        }
        last = Some(*after.get_ref());
    }
    if let Some(first) = raw.remind_after_hours.first() {
        check.at_most(
            first.span(),
            "follow_up.remind_after_hours",
            raw.remind_after_hours.len(),
            REMINDERS_AFTER_MAX,
        );
    }
    let before = raw
        .remind_before_hours
        .iter()
        .map(|one| -i64::from(*one.get_ref()));
    let after = raw
        .remind_after_hours
        .iter()
        .map(|one| i64::from(*one.get_ref()));
    FollowUp {
        acknowledge: SignedDuration::from_hours(i64::from(*raw.acknowledge_hours.get_ref())),
        reminders: before
            .chain(after)
            .map(SignedDuration::from_hours)
            .collect(),
    }
}

fn hours(at: &Spanned<u16>, min: u16, path: &str, check: &mut Checker) {
    if !(min..=FOLLOW_UP_HOURS_MAX).contains(at.get_ref()) {
        check.report(
            at.span(),
            path,
            format!("must be {min} to {FOLLOW_UP_HOURS_MAX} hours"),
            "name hours, such as 72 for three days",
        );
    }
}

/// Months that texts are kept unless their category says another number; nothing when they are kept
/// for ever.
pub(super) fn retention(raw: Option<&Spanned<RawRetention>>, check: &mut Checker) -> Option<u16> {
    let raw = raw?.get_ref();
    check.text(&raw.source, "retention.source");
    Some(months(&raw.months, "retention.months", check))
}

/// A retention in months.
pub(super) fn months(at: &Spanned<u16>, path: &str, check: &mut Checker) -> u16 {
    if !RETENTION_MONTHS.contains(at.get_ref()) {
        check.report(
            at.span(),
            path,
            format!(
                "must be {} to {} months",
                RETENTION_MONTHS.start(),
                RETENTION_MONTHS.end()
            ),
            "name months, such as 120 for ten years; leave it out to keep texts for ever",
        );
    }
    *at.get_ref()
}
