//! Agencies and the names they bear over time.

use hub_core::names::AgencyId;
use jiff::civil::Date;

/// A run of days: from the first (or ever) until before the last (or for good).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Period {
    /// First day; `None` means from the start.
    pub from_on: Option<Date>,
    /// First day on which it no longer holds; `None` means it holds until further notice.
    pub until_on: Option<Date>,
}

impl Period {
    /// Whether it holds on a day.
    #[must_use]
    pub fn contains(&self, on: Date) -> bool {
        self.from_on.is_none_or(|from_on| from_on <= on)
            && self.until_on.is_none_or(|until_on| on < until_on)
    }

    /// Whether the two share a day.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let begins_before_end = |a: &Self, b: &Self| match (a.from_on, b.until_on) {
            (Some(from_on), Some(until_on)) => from_on < until_on,
            _ => true,
        };
        begins_before_end(self, other) && begins_before_end(other, self)
    }
}

/// An official name and when it was one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatedName {
    /// The name.
    pub name: String,
    /// When.
    pub period: Period,
}

/// An agency of the charter. Its id outlives its names (FS-011).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agency {
    pub(super) id: AgencyId,
    pub(super) names: Vec<DatedName>,
    pub(super) name_en: String,
    pub(super) aliases: Vec<String>,
}

impl Agency {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> &AgencyId {
        &self.id
    }

    /// Every official name, oldest first, without gap or overlap.
    #[must_use]
    pub fn names(&self) -> &[DatedName] {
        &self.names
    }

    /// The English name.
    #[must_use]
    pub fn name_en(&self) -> &str {
        &self.name_en
    }

    /// Other names that resolve to it (JE-013).
    #[must_use]
    pub fn aliases(&self) -> &[String] {
        &self.aliases
    }

    /// The official name on a day: for a day before the first name, the first.
    #[must_use]
    pub fn name_on(&self, on: Date) -> &str {
        self.names
            .iter()
            .find(|name| name.period.contains(on))
            .or_else(|| self.names.first())
            .map_or(self.id.as_str(), |name| name.name.as_str())
    }

    /// How well a text names this agency on a day; `None` when it does not.
    pub(super) fn match_on(&self, text: &str, on: Date) -> Option<Match> {
        if self.id.as_str() == text {
            return Some(Match::Id);
        }
        let mut borne = self.names.iter().filter(|name| name.name == text);
        if borne.clone().any(|name| name.period.contains(on)) {
            return Some(Match::NameOnDay);
        }
        if self.aliases.iter().any(|alias| alias == text) {
            return Some(Match::Alias);
        }
        borne.next().map(|_| Match::NameOnOtherDay)
    }
}

/// How a text names an agency; the lesser, the better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Match {
    /// By its id.
    Id,
    /// By its official name on the day asked for.
    NameOnDay,
    /// By an alias.
    Alias,
    /// By an official name of another day.
    NameOnOtherDay,
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_period_ends_before_its_last_day() {
        let period = Period {
            from_on: Some(date(2023, 8, 18)),
            until_on: Some(date(2024, 1, 1)),
        };
        assert!(!period.contains(date(2023, 8, 17)));
        assert!(period.contains(date(2023, 8, 18)));
        assert!(period.contains(date(2023, 12, 31)));
        assert!(!period.contains(date(2024, 1, 1)));
        let next = Period {
            from_on: Some(date(2024, 1, 1)),
            until_on: None,
        };
        assert!(!period.overlaps(&next) && !next.overlaps(&period));
        assert!(period.overlaps(&period) && period.overlaps(&Period::default()));
    }
}
