//! How promptly a notification was told: measured by what is recorded, held against the charter as it is
//! now (JE-082).
//!
//! Invariant: a limit changes what is warned of, and neither what is recorded nor what is accepted.

use std::sync::LazyLock;

use hub_core::{date, workdays::Calendar};
use hub_proto::channels::{Notification, Promptness};
use jiff::{ToSpan as _, civil::Date};

use crate::charter::Charter;

/// How far back days are counted, in years.
const YEARS_MAX: i64 = 20;

/// The published calendar; none only if the file of this program were damaged, which a test rules out.
static CALENDAR: LazyLock<Option<Calendar>> = LazyLock::new(|| Calendar::published().ok());

/// How promptly a notification was told; nothing when it does not say when that came about.
pub(super) fn of(charter: &Charter, notification: &Notification) -> Option<Promptness> {
    let occurred_on = date::from_wire(notification.occurred_on.as_ref()?)?;
    let published_at = date::from_timestamp(notification.published_at.as_ref()?)?;
    let published_on = date::on(published_at, charter.zone());
    let category = charter.category(&notification.category);
    let limit = category.and_then(|category| category.warn_after_working_days());
    measure((occurred_on, published_on), limit)
}

fn measure((occurred_on, published_on): (Date, Date), limit: Option<u16>) -> Option<Promptness> {
    let calendar = CALENDAR.as_ref()?.as_of(published_on);
    let first = published_on.saturating_sub(YEARS_MAX.years());
    let elapsed = calendar.between(occurred_on.max(first), published_on);
    Some(Promptness {
        elapsed_working_days: i32::try_from(elapsed).unwrap_or(i32::MAX),
        warn_after_working_days: limit.map_or(0, i32::from),
        is_late: limit.is_some_and(|limit| elapsed > u32::from(limit)),
    })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn je_082_the_limit_changes_the_warning_and_not_what_was_measured() {
        // Across the holidays of October: from Wednesday, 24 September 2025, ten working days.
        let days = (date(2025, 9, 24), date(2025, 10, 14));
        let with = |limit| measure(days, limit).unwrap();
        for (limit, is_late) in [(None, false), (Some(9), true), (Some(10), false)] {
            let measured = with(limit);
            assert_eq!(measured.elapsed_working_days, 10);
            assert_eq!(measured.warn_after_working_days, limit.map_or(0, i32::from));
            assert_eq!(measured.is_late, is_late, "{limit:?}");
        }
        let same_day = measure((date(2025, 9, 24), date(2025, 9, 24)), Some(0)).unwrap();
        assert_eq!(
            (same_day.elapsed_working_days, same_day.is_late),
            (0, false)
        );
    }

    #[test]
    fn what_came_about_long_ago_takes_no_longer_to_count() {
        let years = |occurred_on| measure((occurred_on, date(2025, 9, 24)), None).unwrap();
        assert_eq!(years(Date::MIN), years(date(2005, 9, 24)));
    }
}
