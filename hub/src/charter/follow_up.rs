//! How the hub follows up what is asked of recipients, and how long texts are kept: settings of the
//! province, never law.

use jiff::{SignedDuration, Span, Timestamp, tz::TimeZone};

/// Longest time of a follow-up in hours (a year).
pub const FOLLOW_UP_HOURS_MAX: u16 = 8_784;

/// Most reminders after the time has passed.
pub const REMINDERS_AFTER_MAX: usize = 8;

/// Shortest and longest retention in months (100 years).
pub const RETENTION_MONTHS: std::ops::RangeInclusive<u16> = 1..=1_200;

/// The category of reminders, which the hub alone writes; the charter cannot declare it.
pub const REMINDER_CATEGORY: &str = "reminder";

/// When recipients must have acknowledged a correction, and when they are reminded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowUp {
    pub(super) acknowledge: SignedDuration,
    /// Offsets from the time by which something is asked, in order: negative before it.
    pub(super) reminders: Vec<SignedDuration>,
}

impl Default for FollowUp {
    /// Three days to acknowledge, and no reminders.
    fn default() -> Self {
        Self {
            acknowledge: SignedDuration::from_hours(72),
            reminders: vec![],
        }
    }
}

impl FollowUp {
    /// How long recipients have to acknowledge a correction or a retraction.
    #[must_use]
    pub fn acknowledge(&self) -> SignedDuration {
        self.acknowledge
    }

    /// The first reminder after an instant of what is due at another; nothing when there is none
    /// left.
    #[must_use]
    pub fn next_reminder(&self, due_at: Timestamp, after: Timestamp) -> Option<Timestamp> {
        self.reminders
            .iter()
            .filter_map(|offset| due_at.checked_add(*offset).ok())
            .find(|at| *at > after)
    }
}

/// Adds months of the calendar to an instant, in a time zone.
#[must_use]
pub fn months_before(now: Timestamp, months: u16, zone: &TimeZone) -> Timestamp {
    now.to_zoned(zone.clone())
        .checked_sub(Span::new().months(months))
        .map_or(Timestamp::MIN, |at| at.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn reminders_come_before_and_after_and_then_end() {
        let follow_up = FollowUp {
            reminders: [-24, 0, 72].map(SignedDuration::from_hours).to_vec(),
            ..FollowUp::default()
        };
        let due = at("2026-03-10T12:00:00Z");
        let next = |after| follow_up.next_reminder(due, at(after));
        assert_eq!(
            next("2026-03-01T00:00:00Z"),
            Some(at("2026-03-09T12:00:00Z"))
        );
        assert_eq!(next("2026-03-09T12:00:00Z"), Some(due));
        assert_eq!(
            next("2026-03-10T12:00:00Z"),
            Some(at("2026-03-13T12:00:00Z"))
        );
        assert_eq!(next("2026-03-13T12:00:00Z"), None);
        assert_eq!(
            FollowUp::default().next_reminder(due, at("2026-01-01T00:00:00Z")),
            None
        );
    }

    #[test]
    fn months_are_those_of_the_calendar() {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let now = at("2026-03-30T16:00:00Z");
        assert_eq!(months_before(now, 1, &zone), at("2026-02-27T16:00:00Z"));
        assert_eq!(months_before(now, 12, &zone), at("2025-03-30T16:00:00Z"));
    }
}
