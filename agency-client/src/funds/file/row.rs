//! A row as an alert, and what is wrong with it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use hub_core::{
    crypto::{Digest, sha256},
    date::to_wire,
};
use hub_proto::{
    channels::{Classification, SubjectOrganization},
    funds::{Alert, AlertAsk, AlertKind, Direction, Severity},
};
use jiff::civil::Date;
use prost::Message as _;

use super::columns::Column;
use crate::{
    Lang,
    funds::{ASKS_MAX, AlertDraft, AlertRule, check, rules::CIRCULATION_MAX},
};

/// Most rules of a row that are told: a row of nothing but mistakes takes no more memory than others.
///
/// ```
/// assert_eq!(agency_client::funds::file::PROBLEMS_MAX, 64);
/// ```
pub const PROBLEMS_MAX: usize = 64;

/// Longest reference, in characters.
const REFERENCE_CHARS_MAX: usize = 100;

/// A text in both languages. As an error it reads in English.
///
/// ```
/// use agency_client::{Lang, funds::file::Words};
///
/// let words = Words::new("must be set", "须填写");
/// assert_eq!(words.of(Lang::Zh), "须填写");
/// assert_eq!(words.to_string(), "must be set");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// In English.
    pub en: String,
    /// In Chinese.
    pub zh: String,
}

impl Words {
    /// A text in both languages.
    ///
    /// ```
    /// let words = agency_client::funds::file::Words::new("must be set", "须填写");
    /// assert_eq!(words.en, "must be set");
    /// ```
    #[must_use]
    pub fn new(en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self {
            en: en.into(),
            zh: zh.into(),
        }
    }

    /// The text in a language.
    ///
    /// ```
    /// use agency_client::{Lang, funds::file::Words};
    ///
    /// assert_eq!(Words::new("twice", "重复").of(Lang::En), "twice");
    /// ```
    #[must_use]
    pub fn of(&self, lang: Lang) -> &str {
        lang.pick(&self.en, &self.zh)
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.en)
    }
}

impl std::error::Error for Words {}

/// A column, or `row`, and the rule that it breaks.
///
/// ```
/// use agency_client::funds::file::{self, Format};
/// use jiff::civil::date;
///
/// let rows = file::read(br#"{"severity": "2"}"#, Format::JsonLines, date(2026, 7, 1))?;
/// let problem = rows[0].problems().iter().find(|one| one.field == "severity").unwrap();
/// assert_eq!(problem.words.en, "must be routine, major, emergency");
/// # Ok::<(), agency_client::funds::file::Words>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Name of the column; `row` when it is the row as such.
    pub field: String,
    /// The rule.
    pub words: Words,
}

impl Problem {
    /// Of a column.
    ///
    /// ```
    /// use agency_client::funds::file::{Problem, Words};
    ///
    /// assert_eq!(Problem::new("uscc", Words::new("must be set", "须填写")).field, "uscc");
    /// ```
    #[must_use]
    pub fn new(field: &str, words: Words) -> Self {
        Self {
            field: field.to_owned(),
            words,
        }
    }

    /// Of the row as such.
    ///
    /// ```
    /// use agency_client::funds::file::{Problem, Words};
    ///
    /// assert_eq!(Problem::of_row(Words::new("must be set", "须填写")).field, "row");
    /// ```
    #[must_use]
    pub fn of_row(words: Words) -> Self {
        Self::new("row", words)
    }

    /// A field that is no column.
    pub(super) fn unknown_field(name: &str) -> Self {
        let name: String = name.chars().take(40).collect();
        Self::new(
            &name,
            Words::new(
                "there is no such column: alerts are at clue level (FS-051)",
                "没有这一列：预警仅限线索层级（FS-051）",
            ),
        )
    }

    fn of_rule(field: &str, rule: &AlertRule) -> Self {
        Self::new(field, Words::new(rule.text(Lang::En), rule.text(Lang::Zh)))
    }
}

/// What stands in the cells of a row.
#[derive(Debug, Default)]
pub(super) struct Cells {
    seen: BTreeSet<&'static str>,
    texts: BTreeMap<&'static str, String>,
    asks: Vec<AlertAsk>,
    circulated_to: Vec<String>,
    problems: Vec<Problem>,
}

impl Cells {
    pub(super) fn problem(&mut self, problem: Problem) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem);
        }
    }

    /// Takes note of a column; false when it was there before.
    pub(super) fn begin(&mut self, column: &'static Column) -> bool {
        let is_first = self.seen.insert(column.name);
        if !is_first {
            self.problem(Problem::new(
                column.name,
                Words::new("must not be there twice", "不得重复"),
            ));
        }
        is_first
    }

    pub(super) fn set(&mut self, column: &'static Column, text: String) {
        let text = text.trim();
        match column.name {
            "asks" => self.asks_of(text),
            "circulated_to" => {
                for unit in text
                    .split('|')
                    .map(str::trim)
                    .filter(|unit| !unit.is_empty())
                {
                    self.circulate_to(unit);
                }
            }
            name => {
                self.texts.insert(name, text.to_owned());
            }
        }
    }

    fn asks_of(&mut self, text: &str) {
        let parts = text.split(['|', '\n']).map(str::trim);
        for part in parts.filter(|part| !part.is_empty()) {
            match part.split_once('=') {
                Some((unit, asked)) => self.ask(unit, asked),
                None => self.problem(Problem::new(
                    "asks",
                    Words::new("must be AGENCY=TEXT", "须为 单位标识=要求"),
                )),
            }
        }
    }

    pub(super) fn ask(&mut self, unit: &str, text: &str) {
        // One more than there may be is enough to break the rule.
        if self.asks.len() > ASKS_MAX {
            return;
        }
        self.asks.push(AlertAsk {
            unit: agency(unit),
            text: text.trim().to_owned(),
        });
    }

    pub(super) fn circulate_to(&mut self, unit: &str) {
        if self.circulated_to.len() > CIRCULATION_MAX {
            return;
        }
        self.circulated_to.push(agency(unit));
    }

    fn take(&mut self, name: &str) -> String {
        self.texts.remove(name).unwrap_or_default()
    }

    /// The value of a column that has a few.
    fn one_of<T>(&mut self, name: &'static str, all: &[T], none: T) -> T
    where
        T: Copy,
    {
        let text = self.take(name);
        let column = Column::find(name);
        let values = column.map_or(&[][..], |column| column.values);
        if text.is_empty() {
            return none;
        }
        let is_it = |(value, zh): &(&str, &str)| *value == text || *zh == text;
        let found = values.iter().position(is_it).and_then(|at| all.get(at));
        if let Some(found) = found {
            return *found;
        }
        let en: Vec<&str> = values.iter().map(|(value, _)| *value).collect();
        let zh: Vec<&str> = values.iter().map(|(_, zh)| *zh).collect();
        self.problem(Problem::new(
            name,
            Words::new(
                format!("must be {}", en.join(", ")),
                format!("须为 {}", zh.join("、")),
            ),
        ));
        none
    }

    /// A day: `2026-01-31`, or `2026/1/31` as spreadsheets make of it.
    fn day(&mut self, name: &'static str) -> Option<hub_proto::common::Date> {
        let text = self.take(name);
        if text.is_empty() {
            return None;
        }
        let day = day(&text);
        if day.is_none() {
            self.problem(Problem::of_rule(name, &AlertRule::Day));
        }
        day.map(to_wire)
    }

    fn alert(&mut self) -> Alert {
        Alert {
            organization: Some(SubjectOrganization {
                uscc: self.take("uscc"),
                display_name: self.take("organization"),
            }),
            kind: self
                .one_of(
                    "kind",
                    &[AlertKind::AbnormalMovement, AlertKind::OverseasDonation],
                    AlertKind::Unspecified,
                )
                .into(),
            indicator: self.take("indicator"),
            start_on: self.day("start_on"),
            end_on: self.day("end_on"),
            amount_band: self.take("amount_band"),
            currency: self.take("currency"),
            direction: self
                .one_of(
                    "direction",
                    &[Direction::In, Direction::Out, Direction::Both],
                    Direction::Unspecified,
                )
                .into(),
            severity: self
                .one_of(
                    "severity",
                    &[Severity::Routine, Severity::Major, Severity::Emergency],
                    Severity::Unspecified,
                )
                .into(),
            severity_reason: self.take("severity_reason"),
            grounds: self.take("grounds"),
            source_note: self.take("source_note"),
            legal_basis: self.take("legal_basis"),
            classification: self
                .one_of(
                    "classification",
                    &[
                        Classification::Internal,
                        Classification::WorkSecret,
                        Classification::StateSecret,
                    ],
                    Classification::Unspecified,
                )
                .into(),
            asks: std::mem::take(&mut self.asks),
            circulated_to: std::mem::take(&mut self.circulated_to),
            ..Alert::default()
        }
    }
}

fn agency(unit: &str) -> String {
    let unit = unit.trim();
    if unit.contains('/') {
        unit.to_owned()
    } else {
        format!("agencies/{unit}")
    }
}

fn day(text: &str) -> Option<Date> {
    let separator = if text.contains('/') { '/' } else { '-' };
    let mut parts = text.split(separator).map(|part| {
        let is_plain = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        is_plain.then_some(part)
    });
    let year = parts.next()??;
    let (month, day) = (parts.next()??, parts.next()??);
    if parts.next().is_some() || year.len() != 4 || month.len() > 2 || day.len() > 2 {
        return None;
    }
    let date = Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
    date.ok().filter(|date| date.year() > 0)
}

/// A row of a file.
///
/// ```
/// use agency_client::funds::file::{self, Format};
/// use jiff::civil::date;
///
/// let rows = file::read(b"\n{\"reference\": \"A-1\"}", Format::JsonLines, date(2026, 7, 1))?;
/// assert_eq!((rows[0].number(), rows[0].line(), rows[0].reference()), (1, 2, "A-1"));
/// assert!(!rows[0].problems().is_empty());
/// # Ok::<(), agency_client::funds::file::Words>(())
/// ```
#[derive(Debug)]
pub struct Row {
    number: usize,
    line: usize,
    reference: String,
    alert: Alert,
    digest: Digest,
    problems: Vec<Problem>,
}

impl Row {
    /// A row that is none.
    pub(super) fn broken(number: usize, line: usize, problem: Problem) -> Self {
        Self {
            number,
            line,
            reference: String::new(),
            alert: Alert::default(),
            digest: [0; 32],
            problems: vec![problem],
        }
    }

    pub(super) fn new(number: usize, line: usize, mut cells: Cells, today: Date) -> Self {
        let reference = cells.take("reference");
        if reference.chars().count() > REFERENCE_CHARS_MAX
            || reference.chars().any(char::is_control)
        {
            let chars_max = REFERENCE_CHARS_MAX;
            cells.problem(Problem::of_rule(
                "reference",
                &AlertRule::Line { chars_max },
            ));
        }
        let alert = cells.alert();
        let mut problems = cells.problems;
        // One thing is said of a cell once.
        let said: BTreeSet<String> = problems.iter().map(|one| one.field.clone()).collect();
        for broken in check(&alert, today) {
            let column = Column::of_field(&broken.field).map_or("row", |column| column.name);
            if !said.contains(column) && problems.len() < PROBLEMS_MAX {
                problems.push(Problem::of_rule(column, &broken.rule));
            }
        }
        let digest = sha256(&[b"alert row v1\0", &alert.encode_to_vec()]);
        Self {
            number,
            line,
            reference,
            alert,
            digest,
            problems,
        }
    }

    /// Its number: from 1, without heading and blank rows.
    ///
    /// ```
    /// # use agency_client::funds::file::Row;
    /// fn told(row: &Row) -> String {
    ///     format!("row {} (line {})", row.number(), row.line())
    /// }
    /// ```
    #[must_use]
    pub fn number(&self) -> usize {
        self.number
    }

    /// The line of the file where it begins, from 1.
    ///
    /// ```
    /// # use agency_client::funds::file::Row;
    /// fn told(row: &Row) -> String {
    ///     format!("row {} (line {})", row.number(), row.line())
    /// }
    /// ```
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// The author's own id of it, for reports alone; it is not sent.
    ///
    /// ```
    /// # use agency_client::funds::file::Row;
    /// fn told(row: &Row) -> String {
    ///     format!("{}: {} problems", row.reference(), row.problems().len())
    /// }
    /// ```
    #[must_use]
    pub fn reference(&self) -> &str {
        &self.reference
    }

    /// Every rule that it breaks, at most [`PROBLEMS_MAX`]; it may be raised when there is none.
    ///
    /// ```
    /// # use agency_client::funds::file::Row;
    /// fn good(rows: Vec<Row>) -> Vec<Row> {
    ///     rows.into_iter().filter(|row| row.problems().is_empty()).collect()
    /// }
    /// ```
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// What the row says.
    ///
    /// ```
    /// # use agency_client::funds::file::Row;
    /// fn indicator(row: &Row) -> &str {
    ///     &row.alert().indicator
    /// }
    /// ```
    #[must_use]
    pub fn alert(&self) -> &Alert {
        &self.alert
    }

    /// SHA-256 of what the row says, as a key: the same in either format, without the reference.
    ///
    /// ```
    /// # use agency_client::funds::file::Row;
    /// fn say_the_same(one: &Row, other: &Row) -> bool {
    ///     one.digest() == other.digest()
    /// }
    /// ```
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The alert on its way, under a request id.
    ///
    /// ```no_run
    /// # use agency_client::{Client, funds::file::Row};
    /// # async fn example(client: Client, row: Row) -> agency_client::Result<()> {
    /// // Kept before anything is sent, the id lets a run that was killed go on.
    /// let id = agency_client::request_id();
    /// client.alerts().raise(row.draft(&id)).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn draft(&self, request_id: &str) -> AlertDraft {
        AlertDraft::like(&self.alert).request_id(request_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: Date = jiff::civil::date(2026, 7, 1);

    /// A code whose check characters are both right, with a number in it.
    fn code(number: u32) -> String {
        const ALPHABET: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";
        let body = format!("51140000MJ{number:06}");
        for inner in "0123456789X".chars() {
            for outer in ALPHABET.chars() {
                let text = format!("{body}{inner}{outer}");
                let code = text.parse::<hub_core::uscc::Uscc>();
                if code.is_ok_and(|code| code.inner_check_is_valid()) {
                    return text;
                }
            }
        }
        panic!("none fits {number}");
    }

    fn good(change: &[(&'static str, &str)]) -> Row {
        let code = code(1);
        let mut texts: BTreeMap<&'static str, &str> = BTreeMap::from([
            ("uscc", code.as_str()),
            ("organization", "某某协会"),
            ("kind", "资金异动"),
            ("indicator", "flow_out_of_line"),
            ("start_on", "2026-01-01"),
            ("end_on", "2026/6/30"),
            ("amount_band", "1m_10m"),
            ("currency", "CNY"),
            ("direction", "out"),
            ("severity", "重大"),
            ("severity_reason", "理由"),
            ("grounds", "依据"),
            ("source_note", "来源"),
            ("legal_basis", "法律依据"),
            ("classification", "内部"),
        ]);
        texts.extend(change.iter().copied());
        let mut cells = Cells::default();
        for (name, text) in texts {
            let column = Column::find(name).unwrap();
            assert!(cells.begin(column));
            cells.set(column, text.to_owned());
        }
        Row::new(1, 2, cells, TODAY)
    }

    fn said(row: &Row) -> Vec<(&str, &str)> {
        let problems = row.problems.iter();
        problems
            .map(|one| (one.field.as_str(), one.words.en.as_str()))
            .collect()
    }

    #[test]
    fn a_good_row_is_an_alert() {
        let row = good(&[
            ("asks", "tax=核对票据| agencies/finance = 核对=账务\n"),
            ("circulated_to", "tax| finance |"),
        ]);
        assert_eq!(said(&row), []);
        let alert = row.draft("x").alert().clone();
        assert_eq!(alert.kind(), AlertKind::AbnormalMovement);
        assert_eq!(alert.severity(), Severity::Major);
        assert_eq!(alert.end_on.unwrap().month, 6);
        let asks: Vec<(&str, &str)> = alert
            .asks
            .iter()
            .map(|ask| (ask.unit.as_str(), ask.text.as_str()))
            .collect();
        assert_eq!(
            asks,
            [
                ("agencies/tax", "核对票据"),
                ("agencies/finance", "核对=账务")
            ]
        );
        assert_eq!(alert.circulated_to, ["agencies/tax", "agencies/finance"]);
    }

    #[test]
    fn fs_054_every_broken_cell_is_named_once() {
        for (column, text, rule) in [
            ("uscc", "", "must be set"),
            ("uscc", "51140000MI0000001F", "character 10 must be"),
            ("organization", "a\u{0}b", "on one line"),
            (
                "kind",
                "其他",
                "must be abnormal_movement, overseas_donation",
            ),
            ("kind", "", "must be set"),
            ("indicator", "Flow Out", "an id of the charter"),
            ("start_on", "01/02/2026", "a day of the calendar"),
            ("start_on", "2026-02-30", "a day of the calendar"),
            ("end_on", "2026-07-02", "must not be in the future"),
            ("currency", "cny", "three capital letters"),
            ("direction", "left", "must be in, out, both"),
            ("severity", "2", "must be routine, major, emergency"),
            ("grounds", "账号 6222021001000015", "FS-051"),
            ("classification", "", "must be internal"),
            ("classification", "国家秘密", "X-005"),
            ("classification", "public", "must be internal, work_secret"),
            ("asks", "tax", "must be AGENCY=TEXT"),
            ("asks", "TAX=x", "must be agencies/{agency}"),
            ("circulated_to", "tax|tax", "must not be named twice"),
        ] {
            let row = good(&[(column, text)]);
            let said = said(&row);
            assert_eq!(said.len(), 1, "{column}={text}: {said:?}");
            assert_eq!(said[0].0, column);
            assert!(said[0].1.contains(rule), "{column}={text}: {said:?}");
        }
        let long = "x".repeat(REFERENCE_CHARS_MAX + 1);
        assert_eq!(said(&good(&[("reference", &long)]))[0].0, "reference");
    }

    #[test]
    fn the_key_is_what_a_row_says_and_nothing_else() {
        let row = good(&[]);
        let same = good(&[
            ("kind", "abnormal_movement"),
            ("severity", " major "),
            ("start_on", "2026/1/1"),
            ("reference", "A-1"),
        ]);
        assert_eq!(row.digest(), same.digest());
        assert_eq!(same.reference, "A-1");
        assert_ne!(row.digest(), good(&[("grounds", "依据。")]).digest());
        assert_ne!(row.digest(), good(&[("asks", "tax=x")]).digest());
    }

    #[test]
    fn a_row_of_nothing_but_mistakes_is_told_in_bounds() {
        let units = "tax|".repeat(30_000);
        let asks = "tax=x|".repeat(20_000);
        for (column, text) in [
            ("circulated_to", units.as_str()),
            ("asks", asks.as_str()),
            ("asks", units.as_str()),
        ] {
            let row = good(&[(column, text)]);
            assert!((1..=PROBLEMS_MAX).contains(&row.problems().len()));
            assert!(row.problems().iter().any(|one| one.field == column));
            assert!(row.alert().circulated_to.len() <= CIRCULATION_MAX + 1);
            assert!(row.alert().asks.len() <= ASKS_MAX + 1);
        }
    }
}
