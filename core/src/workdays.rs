//! Working days of the Chinese calendar: the State Council's holidays and make-up working days, as they
//! were known on a day.
//!
//! A notice comes out in the autumn before its year and is sometimes changed when the year runs, so a
//! deadline is computed from what is known: a later notice may move it, and what lies past the last
//! published year is provisional.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use jiff::civil::{Date, Weekday};

/// The days that the State Council has published, with the notices that changed them.
const PUBLISHED: &str = include_str!("../data/workdays.csv");

/// Most rows of a calendar.
pub const ROWS_MAX: usize = 10_000;

/// Most working days that can be counted at once (about 20 years).
pub const COUNT_MAX: u32 = 5_000;

/// Month and day of what every notice lists as off.
const ALWAYS_OFF: [(i8, i8); 3] = [(1, 1), (5, 1), (10, 1)];

/// What a notice makes of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayKind {
    /// A day off.
    Holiday,
    /// A weekend day that is worked.
    Workday,
    /// A day that an earlier notice had listed and a later one no longer does.
    Usual,
}

/// Why a calendar could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {rule}")]
pub struct CalendarError {
    /// Counts from 1.
    pub line: usize,
    /// The rule that is broken.
    pub rule: String,
}

/// How working days are counted from a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counting {
    /// The day itself never counts: the first one is the next working day.
    Strict,
    /// The day itself is the first one, if it is a working day.
    FirstDayCounts,
}

/// A day that was computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Computed {
    /// The day.
    pub on: Date,
    /// Whether a notice that is still to come may move it: some day on the way lies past the last
    /// published year.
    pub is_provisional: bool,
}

impl fmt::Display for Computed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.is_provisional {
            " (provisional)"
        } else {
            ""
        };
        write!(f, "{}{mark}", self.on)
    }
}

/// A day by which something is due: as it is known now, and as it was known when the count began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// As it is known now.
    pub now: Computed,
    /// As it was known on the day from which was counted.
    pub first: Computed,
}

impl Due {
    /// Whether a notice has moved the day since the count began.
    #[must_use]
    pub fn is_moved(&self) -> bool {
        self.now.on != self.first.on
    }
}

/// What notices say, each from the day on which it was known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calendar {
    /// By day: what is known of it, in the order in which it was.
    days: BTreeMap<Date, Vec<(Date, DayKind)>>,
    /// The days on which something became known, after what was always known.
    versions: BTreeSet<Date>,
    /// By year that a notice covers: since when it is known.
    years: BTreeMap<i16, Date>,
}

impl Calendar {
    /// The published calendar of the State Council, from 2018 on.
    ///
    /// # Errors
    /// Never in practice: a test reads the same rows.
    pub fn published() -> Result<Self, CalendarError> {
        PUBLISHED.parse()
    }

    /// What is published here, with what a file of the same form adds: rows of new years, and rows that a
    /// later notice changed. Rows that are there already may be repeated, so that the file may also be
    /// a whole calendar.
    ///
    /// # Errors
    /// As reading from text; and when the file says otherwise of what is there, leaves out a year, or
    /// has of a new year not even New Year's Day, 1 May and 1 October, as a notice always does: days of a
    /// year that is entered by half would pass for known.
    pub fn extended(&self, text: &str) -> Result<Self, CalendarError> {
        let mut calendar = self.clone();
        let lines = calendar.read(text)?;
        let known = self.years.keys().next_back().copied();
        let mut last = known;
        for year in calendar.years.keys().filter(|year| Some(**year) > known) {
            let line = lines.get(year).copied().unwrap_or(1);
            let refuse = |rule: String| CalendarError { line, rule };
            if let Some(before) = last.filter(|last| last.saturating_add(1) != *year) {
                let rule = format!("a notice for the year after {before} must come before {year}");
                return Err(refuse(rule));
            }
            for (month, day) in ALWAYS_OFF {
                if !calendar.lists_off(*year, month, day) {
                    let rule = format!("{year} must list {year}-{month:02}-{day:02} as a holiday");
                    return Err(refuse(rule));
                }
            }
            last = Some(*year);
        }
        Ok(calendar)
    }

    fn lists_off(&self, year: i16, month: i8, day: i8) -> bool {
        let rows = Date::new(year, month, day)
            .ok()
            .and_then(|day| self.days.get(&day));
        rows.is_some_and(|rows| rows.iter().any(|(_, kind)| *kind == DayKind::Holiday))
    }

    /// The first and the last year for which a notice is known today; `None` when none is.
    #[must_use]
    pub fn years(&self) -> Option<(i16, i16)> {
        Some((*self.years.keys().next()?, *self.years.keys().next_back()?))
    }

    /// Days that are listed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.days.len()
    }

    /// Whether no day is listed: only weekends are off.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.days.is_empty()
    }

    /// The days on which something became known that was not always known, oldest first: computed days
    /// may differ from then on.
    pub fn versions(&self) -> impl Iterator<Item = Date> {
        self.versions.iter().copied()
    }

    /// The day by which so many working days have passed since a day, that day never counted: as it is
    /// known today, and as it was known on that day. `None` as [`Known::add`].
    #[must_use]
    pub fn due(&self, since: Date, working_days: u32, today: Date) -> Option<Due> {
        let day = |known_on| {
            self.as_of(known_on)
                .add(since, working_days, Counting::Strict)
        };
        Some(Due {
            now: day(today)?,
            first: day(since)?,
        })
    }

    /// The calendar as it was known on a day.
    #[must_use]
    pub fn as_of(&self, known_on: Date) -> Known<'_> {
        Known {
            calendar: self,
            known_on,
        }
    }

    /// The calendar as it is known now.
    #[must_use]
    pub fn newest(&self) -> Known<'_> {
        self.as_of(Date::MAX)
    }
}

/// A calendar as it was known on a day.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    calendar: &'a Calendar,
    known_on: Date,
}

impl Known<'_> {
    /// Whether a day is a working day. Past the last published year only weekends are known to be off.
    #[must_use]
    pub fn is_working_day(&self, day: Date) -> bool {
        let listed = self.calendar.days.get(&day);
        let newest = listed.and_then(|rows| {
            let mut known = rows.iter().rev();
            let newest = known.find(|(from, _)| *from <= self.known_on);
            newest.map(|(_, kind)| *kind)
        });
        match newest {
            Some(DayKind::Holiday) => false,
            Some(DayKind::Workday) => true,
            Some(DayKind::Usual) | None => {
                !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
            }
        }
    }

    /// The last year for which a notice was known; `None` when none was.
    #[must_use]
    pub fn last_year(&self) -> Option<i16> {
        let mut newest = self.calendar.years.iter().rev();
        newest
            .find(|(_, from)| **from <= self.known_on)
            .map(|(year, _)| *year)
    }

    /// Whether a notice for the day's year was still to come.
    #[must_use]
    pub fn is_provisional(&self, day: Date) -> bool {
        Some(day.year()) > self.last_year()
    }

    /// The last day on which something became known that was not always known.
    #[must_use]
    pub fn version(&self) -> Option<Date> {
        self.calendar
            .versions
            .range(..=self.known_on)
            .next_back()
            .copied()
    }

    /// The day on which so many working days have passed, counted from a day. No working day at all is
    /// the day itself. `None` for more than [`COUNT_MAX`], or at the end of time.
    #[must_use]
    pub fn add(&self, from: Date, working_days: u32, counting: Counting) -> Option<Computed> {
        if working_days > COUNT_MAX {
            return None;
        }
        let mut on = from;
        let counts_first = counting == Counting::FirstDayCounts && self.is_working_day(from);
        let mut left = working_days.saturating_sub(u32::from(counts_first));
        while left > 0 {
            on = on.tomorrow().ok()?;
            left = left.saturating_sub(u32::from(self.is_working_day(on)));
        }
        Some(Computed {
            on,
            is_provisional: working_days > 0 && self.is_provisional(on),
        })
    }

    /// Working days after one day up to and with another; 0 when that is not later.
    #[must_use]
    pub fn between(&self, after: Date, until: Date) -> u32 {
        let days = after.series(jiff::Span::new().days(1)).skip(1);
        let days = days.take_while(|day| *day <= until);
        let count = days.filter(|day| self.is_working_day(*day)).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }
}

impl Calendar {
    /// Adds rows. Answers the first line of each year.
    fn read(&mut self, text: &str) -> Result<BTreeMap<i16, usize>, CalendarError> {
        let mut first_lines = BTreeMap::new();
        let mut read = BTreeSet::new();
        let lines = (1..).zip(text.lines().map(str::trim));
        let is_row = |text: &str| {
            !text.is_empty() && !text.starts_with('#') && !text.starts_with("date,kind,")
        };
        for (line, text) in lines.filter(|(_, text)| is_row(text)) {
            let refuse = |rule: String| CalendarError { line, rule };
            let (day, kind, from) = row(text).map_err(refuse)?;
            first_lines.entry(day.year()).or_insert(line);
            let known = self.days.entry(day).or_default();
            let is_new = read.insert((day, from));
            if is_new && known.contains(&(from, kind)) {
                continue;
            }
            if known.last().is_some_and(|(before, _)| *before >= from) {
                let rule = format!("{day} is listed before with the same or a later known_from");
                return Err(refuse(rule));
            }
            known.push((from, kind));
            if from > Date::MIN {
                self.versions.insert(from);
            }
            let since = self.years.entry(day.year()).or_insert(from);
            *since = (*since).min(from);
            if read.len() > ROWS_MAX {
                return Err(refuse(format!("has more than {ROWS_MAX} days")));
            }
        }
        Ok(first_lines)
    }
}

impl FromStr for Calendar {
    type Err = CalendarError;

    /// Reads lines of `date,kind,name,known_from`: the kind is `holiday`, `workday` or `usual`,
    /// `known_from` is empty for what was always known. Lines that begin with `#`, empty ones and the
    /// head are passed over.
    fn from_str(text: &str) -> Result<Self, CalendarError> {
        let mut calendar = Self::default();
        calendar.read(text)?;
        Ok(calendar)
    }
}

fn row(text: &str) -> Result<(Date, DayKind, Date), String> {
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    let [day, kind, _name, from] = *parts.as_slice() else {
        return Err("must be date,kind,name,known_from".into());
    };
    let day: Date = day
        .parse()
        .map_err(|_| format!("date {day:?} must be a day such as 2026-10-01"))?;
    let kind = match kind {
        "holiday" => DayKind::Holiday,
        "workday" => DayKind::Workday,
        "usual" => DayKind::Usual,
        _ => return Err(format!("kind {kind:?} must be holiday, workday or usual")),
    };
    let from = match from {
        "" => Date::MIN,
        from => from
            .parse()
            .map_err(|_| format!("known_from {from:?} must be a day or empty"))?,
    };
    Ok((day, kind, from))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn calendar() -> Calendar {
        Calendar::published().unwrap()
    }

    fn added(from: &str, count: u32, counting: Counting) -> String {
        let calendar = calendar();
        let computed = calendar.newest().add(day(from), count, counting);
        computed.unwrap().to_string()
    }

    /// The fifth day with the first counted, and strictly; then 10 and 20 more.
    #[test]
    fn x_003_both_conventions_agree_with_the_vectors() {
        const VECTORS: &str = "
            2024-02-08 2024-02-20 2024-02-21 2024-02-28 2024-03-13
            2024-03-04 2024-03-08 2024-03-11 2024-03-18 2024-04-01
            2024-09-12 2024-09-19 2024-09-20 2024-09-27 2024-10-16
            2021-09-30 2021-10-12 2021-10-13 2021-10-20 2021-11-03
            2018-04-13 2018-04-19 2018-04-20 2018-04-27 2018-05-14
            2025-07-18 2025-07-24 2025-07-25 2025-08-01 2025-08-15
            2026-02-11 2026-02-24 2026-02-25 2026-03-03 2026-03-17
            2026-09-24 2026-10-08 2026-10-09 2026-10-15 2026-10-29
            2021-02-23 2021-03-01 2021-03-02 2021-03-09 2021-03-23";
        let vectors: Vec<&str> = VECTORS.split_whitespace().collect();
        assert_eq!(vectors.len(), 45);
        for vector in vectors.chunks(5) {
            let &[from, first_counts, strict, ten, twenty] = vector else {
                unreachable!("chunks of five");
            };
            assert_eq!(
                added(from, 5, Counting::FirstDayCounts),
                first_counts,
                "{from}"
            );
            assert_eq!(added(from, 5, Counting::Strict), strict, "{from}");
            assert_eq!(added(from, 10, Counting::Strict), ten, "{from}");
            assert_eq!(added(from, 20, Counting::Strict), twenty, "{from}");
        }
    }

    #[test]
    fn an_answer_across_the_national_day_is_due_when_the_facts_say() {
        assert_eq!(added("2025-09-24", 10, Counting::Strict), "2025-10-14");
    }

    #[test]
    fn every_year_has_as_many_working_days_as_counted_elsewhere() {
        let calendar = calendar();
        let counts = [250, 250, 249, 250, 249, 249, 251, 248, 248];
        for (year, count) in (2018..).zip(counts) {
            let eve = Date::new(year - 1, 12, 31).unwrap();
            let end = Date::new(year, 12, 31).unwrap();
            assert_eq!(calendar.newest().between(eve, end), count, "{year}");
        }
    }

    /// Before the notice of 22 March 2019 only 1 May was off.
    #[test]
    fn a_notice_moves_days_from_the_day_on_which_it_is_known() {
        let calendar = calendar();
        let (may_2, april_28) = (day("2019-05-02"), day("2019-04-28"));
        let before = calendar.as_of(day("2019-03-21"));
        assert!(before.is_working_day(may_2) && !before.is_working_day(april_28));
        let after = calendar.as_of(day("2019-03-22"));
        assert!(!after.is_working_day(may_2) && after.is_working_day(april_28));
        // In the middle of a running period: 1 February was to be worked, then it was off.
        let due = |known: &str| {
            let known = calendar.as_of(day(known));
            known
                .add(day("2020-01-20"), 10, Counting::Strict)
                .unwrap()
                .on
        };
        assert_eq!(due("2020-01-26"), day("2020-02-07"));
        assert_eq!(due("2020-01-27"), day("2020-02-11"));
        let versions: Vec<Date> = calendar.versions().collect();
        assert_eq!(versions, [day("2019-03-22"), day("2020-01-27")]);
        let version = |known: &str| calendar.as_of(day(known)).version();
        assert_eq!(version("2019-03-21"), None);
        assert_eq!(version("2020-01-26"), Some(day("2019-03-22")));
        assert_eq!(calendar.newest().version(), Some(day("2020-01-27")));
    }

    #[test]
    fn what_lies_past_the_last_notice_is_provisional() {
        assert_eq!(calendar().years(), Some((2018, 2026)));
        assert_eq!(calendar().newest().last_year(), Some(2026));
        assert_eq!(added("2026-12-28", 3, Counting::Strict), "2026-12-31");
        assert_eq!(
            added("2026-12-28", 4, Counting::Strict),
            "2027-01-01 (provisional)"
        );
    }

    #[test]
    fn a_day_off_is_no_first_day_and_none_is_the_day_itself() {
        assert_eq!(
            added("2026-10-03", 1, Counting::FirstDayCounts),
            "2026-10-08"
        );
        assert_eq!(added("2026-10-03", 0, Counting::Strict), "2026-10-03");
        assert_eq!(
            added("2026-09-30", 1, Counting::FirstDayCounts),
            "2026-09-30"
        );
        let calendar = calendar();
        let known = calendar.newest();
        assert!(
            known
                .add(day("2026-01-05"), COUNT_MAX, Counting::Strict)
                .is_some()
        );
        assert!(
            known
                .add(day("2026-01-05"), COUNT_MAX + 1, Counting::Strict)
                .is_none()
        );
        assert!(known.add(Date::MAX, 1, Counting::Strict).is_none());
        assert_eq!(known.between(day("2026-01-05"), day("2026-01-05")), 0);
        assert_eq!(known.between(day("2026-01-05"), day("2026-01-04")), 0);
    }

    #[test]
    fn a_bad_row_is_named_by_its_line() {
        let error = |text: &str| text.parse::<Calendar>().unwrap_err().to_string();
        assert!(
            error("date,kind,name,known_from\n2026-13-01,holiday,x,").starts_with("line 2: date")
        );
        assert!(error("2026-01-01,off,x,").starts_with("line 1: kind \"off\""));
        assert!(error("2026-01-01,holiday,x").contains("must be date,kind,name,known_from"));
        assert!(error("2026-01-01,holiday,x,soon").contains("known_from \"soon\""));
        let twice = "2026-01-01,holiday,x,\n2026-01-01,workday,x,";
        assert!(error(twice).starts_with("line 2: 2026-01-01 is listed before"));
        let taken_back = "2026-01-01,holiday,x,\n2026-01-01,usual,x,2025-12-30";
        let calendar: Calendar = taken_back.parse().unwrap();
        assert!(calendar.newest().is_working_day(day("2026-01-01")));
        let many = (0..=ROWS_MAX).map(|at| {
            let at = i64::try_from(at).unwrap();
            let date = day("2000-01-01")
                .checked_add(jiff::Span::new().days(at))
                .unwrap();
            format!("{date},holiday,x,\n")
        });
        let many: String = many.collect();
        assert!(error(&many).contains("more than 10000 days"));
    }

    /// The notice for 2027 as it might come out, known from a day of the autumn before.
    const NEXT: &str = "date,kind,name,known_from\n\
        2027-01-01,holiday,元旦,2026-11-05\n\
        2027-01-04,holiday,元旦,2026-11-05\n\
        2027-01-09,workday,元旦,2026-11-05\n\
        2027-05-01,holiday,劳动节,2026-11-05\n\
        2027-10-01,holiday,国庆节,2026-11-05\n";

    #[test]
    fn a_new_notice_moves_what_was_provisional_and_makes_it_certain() {
        let calendar = calendar().extended(NEXT).unwrap();
        let before = calendar.as_of(day("2026-11-04"));
        let before = before.add(day("2026-12-21"), 10, Counting::Strict).unwrap();
        assert_eq!(before.to_string(), "2027-01-04 (provisional)");
        // Counted from a day on which the notice was known: nothing has moved since.
        let after = calendar
            .due(day("2026-12-21"), 10, day("2026-12-22"))
            .unwrap();
        assert_eq!(
            (after.now.to_string().as_str(), after.is_moved()),
            ("2027-01-06", false)
        );
        // Counted from before the notice: the day moves when it is out, and both are told.
        let across = calendar
            .due(day("2026-11-04"), 42, day("2026-11-05"))
            .unwrap();
        assert_eq!(across.first.to_string(), "2027-01-01 (provisional)");
        assert_eq!(across.now.to_string(), "2027-01-05");
        assert!(across.is_moved());
        assert_eq!(calendar.as_of(day("2026-11-04")).last_year(), Some(2026));
        assert_eq!(calendar.as_of(day("2026-11-05")).last_year(), Some(2027));
    }

    #[test]
    fn a_file_may_repeat_what_is_known_and_must_not_deny_it() {
        let published = calendar();
        assert_eq!(published.extended(PUBLISHED).unwrap(), published);
        let whole = format!("{PUBLISHED}\n{NEXT}");
        assert_eq!(published.extended(&whole), published.extended(NEXT));
        let error = |text: &str| published.extended(text).unwrap_err().to_string();
        assert!(error("2026-10-01,workday,x,").starts_with("line 1: 2026-10-01 is listed before"));
        let twice = format!("{NEXT}2027-10-01,holiday,国庆节,2026-11-05");
        assert!(error(&twice).starts_with("line 7: 2027-10-01 is listed before"));
        let by_half = NEXT.replace("2027-10-01", "2027-10-02");
        assert_eq!(
            error(&by_half),
            "line 2: 2027 must list 2027-10-01 as a holiday"
        );
        let too_far = NEXT.replace("2027-", "2028-");
        assert!(error(&too_far).starts_with("line 2: a notice for the year after 2026 must come"));
    }
}
