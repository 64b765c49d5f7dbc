//! Dates and instants between the wire and `jiff`.

use hub_proto::common;
use jiff::{Timestamp, civil::Date, tz::TimeZone};

/// Reads a wire date; `None` when it is no day of the calendar.
#[must_use]
pub fn from_wire(date: &common::Date) -> Option<Date> {
    let year = i16::try_from(date.year)
        .ok()
        .filter(|year| (1..=9999).contains(year))?;
    Date::new(
        year,
        i8::try_from(date.month).ok()?,
        i8::try_from(date.day).ok()?,
    )
    .ok()
}

/// Writes a wire date.
#[must_use]
pub fn to_wire(date: Date) -> common::Date {
    common::Date {
        year: i32::from(date.year()),
        month: i32::from(date.month()),
        day: i32::from(date.day()),
    }
}

/// Writes a wire instant.
#[must_use]
pub fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: at.as_second(),
        nanos: at.subsec_nanosecond(),
    }
}

/// Reads a wire instant; `None` when it is out of range.
#[must_use]
pub fn from_timestamp(at: &prost_types::Timestamp) -> Option<Timestamp> {
    Timestamp::new(at.seconds, at.nanos).ok()
}

/// The civil date of an instant in a time zone.
#[must_use]
pub fn on(at: Timestamp, zone: &TimeZone) -> Date {
    zone.to_datetime(at).date()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_days_that_are_none() {
        let wire = |year, month, day| from_wire(&common::Date { year, month, day });
        assert_eq!(
            wire(2023, 8, 18).map(to_wire),
            Some(common::Date {
                year: 2023,
                month: 8,
                day: 18
            })
        );
        for (year, month, day) in [
            (2023, 2, 29),
            (0, 1, 1),
            (10_000, 1, 1),
            (2023, 13, 1),
            (2023, 1, 0),
        ] {
            assert_eq!(wire(year, month, day), None);
        }
    }
}
