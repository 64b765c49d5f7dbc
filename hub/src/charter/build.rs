//! From the file as written to the typed charter, collecting every broken rule on the way.
//!
//! Ids are gathered first, so that a reference can be judged before what it points to is built.
//! A part that is wrong reports its errors and is left out; the charter exists only when no part
//! reported any.

mod agencies;
mod categories;
mod channels;
mod cross;
mod follow_up;
mod fund;
mod mechanisms;
mod meetings;
mod reads;
mod reference;
mod referrals;
mod requests;
mod roles;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
    ops::Range,
    str::FromStr,
};

use hub_core::{
    document_number::DocumentNumber,
    names::{AgencyId, ChannelId, MechanismId, RoleId},
};
use jiff::{civil::Date, tz::TimeZone};
use toml::Spanned;

use super::{
    AGENCIES_MAX, CATEGORIES_MAX, CHANNELS_MAX, ERRORS_MAX, FORMAT, Head, LIST_ITEMS_MAX,
    MECHANISMS_MAX, REFERENCE_ROWS_MAX, ROLES_MAX, TEXT_CHARS_MAX,
    category::CategoryId,
    error::CharterError,
    raw::{Day, RawFile, RawHead, Text},
};

pub(super) use cross::cross_checks;

/// Everything the file declares, typed.
pub(super) struct Parts {
    pub(super) head: Option<Head>,
    pub(super) agencies: Vec<super::Agency>,
    pub(super) mechanisms: Vec<super::Mechanism>,
    pub(super) roles: Vec<super::Role>,
    pub(super) channels: Vec<super::Channel>,
    pub(super) categories: Vec<super::Category>,
    pub(super) alert_indicators: Vec<super::AlertIndicator>,
    pub(super) legal_bases: Vec<super::LegalBasis>,
    pub(super) deadlines: Vec<super::Deadline>,
    pub(super) follow_up: super::FollowUp,
    pub(super) retention_months: Option<u16>,
    pub(super) meetings: super::MeetingRules,
    pub(super) requests: Option<super::RequestRules>,
    pub(super) reads: super::ReadRules,
    pub(super) fund: Option<super::FundRules>,
    pub(super) referrals: super::ReferralRules,
}

/// Ids that the file declares.
#[derive(Default)]
pub(super) struct Known {
    agencies: BTreeSet<AgencyId>,
    mechanisms: BTreeSet<MechanismId>,
    channels: BTreeSet<ChannelId>,
    roles: BTreeSet<RoleId>,
    categories: BTreeSet<CategoryId>,
}

/// Collects errors and knows which line an offset is on.
pub(super) struct Checker {
    line_starts: Vec<usize>,
    errors: Vec<CharterError>,
    /// Errors beyond [`ERRORS_MAX`], counted only.
    further_count: usize,
}

/// Builds every part of a file.
pub(super) fn parts(raw: &RawFile, check: &mut Checker) -> Parts {
    let known = known(raw, check);
    let head = head(&raw.charter, check);
    let agencies = agencies::agencies(&raw.agencies, check);
    let roles = roles::roles(&raw.roles, &known, check);
    let mechanisms = mechanisms::mechanisms(&raw.mechanisms, &known, check);
    let by_id: BTreeMap<_, _> = mechanisms.iter().map(|one| (one.id(), one)).collect();
    let scope = channels::Scope {
        known: &known,
        mechanisms: &by_id,
        roles: &roles,
    };
    let channels = channels::channels(&raw.channels, &scope, check);
    let soft_words: BTreeSet<&str> = raw
        .charter
        .get_ref()
        .soft_words
        .iter()
        .map(|word| word.get_ref().as_str())
        .collect();
    let categories = categories::categories(&raw.categories, &scope, &soft_words, check);
    let deadlines = reference::deadlines(&raw.deadlines, check);
    Parts {
        head,
        agencies,
        roles,
        channels,
        categories,
        alert_indicators: reference::alert_indicators(&raw.alert_indicators, check),
        legal_bases: reference::legal_bases(&raw.legal_bases, &known, check),
        requests: requests::requests(raw.requests.as_ref(), &deadlines, &known, check),
        deadlines,
        follow_up: follow_up::follow_up(raw.follow_up.as_ref(), check),
        retention_months: follow_up::retention(raw.retention.as_ref(), check),
        meetings: meetings::meetings(raw.meetings.as_ref(), &known, check),
        reads: reads::reads(raw.reads.as_ref(), check),
        fund: fund::fund(raw.fund.as_ref(), &known, check),
        referrals: referrals::referrals(raw.referrals.as_ref(), &known, check),
        mechanisms,
    }
}

/// Checks how many rows each table has.
pub(super) fn limits(raw: &RawFile, check: &mut Checker) {
    let counts = [
        ("agencies", raw.agencies.len(), AGENCIES_MAX),
        ("mechanisms", raw.mechanisms.len(), MECHANISMS_MAX),
        ("roles", raw.roles.len(), ROLES_MAX),
        ("channels", raw.channels.len(), CHANNELS_MAX),
        ("categories", raw.categories.len(), CATEGORIES_MAX),
        (
            "alert_indicators",
            raw.alert_indicators.len(),
            REFERENCE_ROWS_MAX,
        ),
        ("legal_bases", raw.legal_bases.len(), REFERENCE_ROWS_MAX),
        ("deadlines", raw.deadlines.len(), REFERENCE_ROWS_MAX),
    ];
    for (path, count, max) in counts {
        check.at_most(0..0, path, count, max);
    }
    for (path, count) in [
        ("agencies", raw.agencies.len()),
        ("mechanisms", raw.mechanisms.len()),
        ("roles", raw.roles.len()),
    ] {
        if count == 0 {
            check.report(
                0..0,
                path,
                "there must be at least one",
                format!("add a [[{path}]] table"),
            );
        }
    }
}

/// Gathers the ids of every table and checks that each is well formed and used once.
fn known(raw: &RawFile, check: &mut Checker) -> Known {
    macro_rules! ids {
        ($table:ident) => {
            check.unique_ids(
                stringify!($table),
                raw.$table.iter().map(|row| &row.get_ref().id),
            )
        };
    }
    Known {
        agencies: ids!(agencies),
        mechanisms: ids!(mechanisms),
        channels: ids!(channels),
        roles: ids!(roles),
        categories: ids!(categories),
    }
}

/// Builds the `[charter]` table.
fn head(raw: &Spanned<RawHead>, check: &mut Checker) -> Option<Head> {
    let span = raw.span();
    let raw = raw.get_ref();
    if *raw.format.get_ref() != FORMAT {
        check.report(
            raw.format.span(),
            "charter.format",
            format!("must be {FORMAT}, not {}", raw.format.get_ref()),
            "this hub reads no other format of charters",
        );
    }
    let zone = TimeZone::get(raw.time_zone.get_ref()).ok();
    if zone.is_none() {
        check.report(
            raw.time_zone.span(),
            "charter.time_zone",
            format!("{:?} is no time zone", raw.time_zone.get_ref()),
            "use an IANA name such as Asia/Shanghai",
        );
    }
    if raw.adopted_at_meeting.is_none() {
        check.report(
            span,
            "charter.adopted_at_meeting",
            "a charter that no meeting has adopted cannot be set in force (JE-002)",
            "name the meeting that adopted it",
        );
    }
    let legal_basis = check.list(
        &raw.legal_basis,
        "charter.legal_basis",
        |check, at, path| check.document_number(at, path),
    );
    let soft_words = check.texts(&raw.soft_words, "charter.soft_words");
    let trust_notes = check.texts(&raw.trust_notes, "charter.trust_notes");
    let sources = check.texts(&raw.sources, "charter.sources");
    let province = check.text(&raw.province, "charter.province");
    let province_en = check.text(&raw.province_en, "charter.province_en");
    let document_number = check.document_number(&raw.document_number, "charter.document_number");
    let issuer = check.text(&raw.issuer, "charter.issuer");
    let adopted_at_meeting = raw
        .adopted_at_meeting
        .as_ref()
        .and_then(|meeting| check.text(meeting, "charter.adopted_at_meeting"));
    let issued_on = check.date(&raw.issued_on, "charter.issued_on");
    Some(Head {
        province: province?,
        province_en: province_en?,
        zone: zone?,
        document_number: document_number?,
        issuer: issuer?,
        adopted_at_meeting: adopted_at_meeting?,
        issued_on: issued_on?,
        legal_basis,
        soft_words,
        trust_notes,
        sources,
    })
}

impl Checker {
    /// A checker of a text.
    pub(super) fn new(text: &str) -> Self {
        let breaks = text.match_indices('\n').map(|(offset, _)| offset + 1);
        Self {
            line_starts: std::iter::once(0).chain(breaks).collect(),
            errors: vec![],
            further_count: 0,
        }
    }

    /// The errors so far, in order of lines.
    pub(super) fn into_errors(mut self) -> Vec<CharterError> {
        self.errors.sort_by_key(|error| error.line);
        if self.further_count > 0 {
            self.errors.push(CharterError {
                line: self.line_starts.len(),
                path: String::new(),
                rule: format!("{} more rules are broken", self.further_count),
                hint: "correct these first".to_owned(),
            });
        }
        self.errors
    }

    /// Whether no rule was broken so far.
    pub(super) fn is_clean(&self) -> bool {
        self.errors.is_empty()
    }

    /// Records a broken rule.
    pub(super) fn report(
        &mut self,
        span: Range<usize>,
        path: impl Into<String>,
        rule: impl Into<String>,
        hint: impl Into<String>,
    ) {
        if self.errors.len() >= ERRORS_MAX {
            self.further_count += 1;
            return;
        }
        let line = self
            .line_starts
            .partition_point(|start| *start <= span.start);
        self.errors.push(CharterError {
            line,
            path: path.into(),
            rule: rule.into(),
            hint: hint.into(),
        });
    }

    /// Checks a count against its limit.
    fn at_most(&mut self, span: Range<usize>, path: &str, count: usize, max: usize) {
        if count > max {
            self.report(
                span,
                path,
                format!("at most {max}, not {count}"),
                "take some out or split the charter",
            );
        }
    }

    /// Reads an identifier.
    fn id<T: FromStr<Err: Display>>(&mut self, at: &Text, path: &str) -> Option<T> {
        match at.get_ref().parse() {
            Ok(id) => Some(id),
            Err(error) => {
                self.report(
                    at.span(),
                    path,
                    format!("{:?} {error}", at.get_ref()),
                    "ids are short English words, such as civil-affairs",
                );
                None
            }
        }
    }

    /// Reads the ids of a table, each once.
    fn unique_ids<'a, T: FromStr<Err: Display> + Ord + Clone>(
        &mut self,
        table: &str,
        ids: impl Iterator<Item = &'a Text>,
    ) -> BTreeSet<T> {
        let mut known = BTreeSet::new();
        for (place, at) in ids.enumerate() {
            let path = format!("{table}[{place}].id");
            if let Some(id) = self.id::<T>(at, &path)
                && !known.insert(id)
            {
                self.report(
                    at.span(),
                    path,
                    format!("{:?} is used twice", at.get_ref()),
                    "give each table an id of its own",
                );
            }
        }
        known
    }

    /// Resolves a reference to something that the charter declares.
    fn known<T>(&mut self, at: &Text, path: &str, known: &BTreeSet<T>, table: &str) -> Option<T>
    where
        T: FromStr + Ord + Display,
    {
        let id = at.get_ref().parse().ok().filter(|id| known.contains(id));
        if id.is_none() {
            let names: Vec<String> = known.iter().map(ToString::to_string).collect();
            self.report(
                at.span(),
                path,
                format!("{:?} is not among the charter's {table}", at.get_ref()),
                format!("known are: {}", names.join(", ")),
            );
        }
        id
    }

    /// Reads one of a few words.
    fn choice<T: Copy>(&mut self, at: &Text, path: &str, words: &[(&str, T)]) -> Option<T> {
        let found = words.iter().find(|(word, _)| word == at.get_ref());
        if found.is_none() {
            let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.report(
                at.span(),
                path,
                format!("{:?} is no value of this field", at.get_ref()),
                format!("use one of: {}", names.join(", ")),
            );
        }
        found.map(|(_, value)| *value)
    }

    /// Reads a text for people: one line, not empty, no blanks around it.
    fn text(&mut self, at: &Text, path: &str) -> Option<String> {
        let text = at.get_ref();
        let is_fine = !text.is_empty()
            && text.trim() == text
            && !text.chars().any(char::is_control)
            && text.chars().count() <= TEXT_CHARS_MAX;
        if !is_fine {
            self.report(
                at.span(),
                path,
                format!(
                    "must be 1 to {TEXT_CHARS_MAX} characters on one line, without blanks around"
                ),
                "shorten it, or take out the blanks and breaks",
            );
        }
        is_fine.then(|| text.clone())
    }

    /// Reads each item of a list, which is limited and has no item twice.
    fn list<T>(
        &mut self,
        items: &[Text],
        path: &str,
        mut read: impl FnMut(&mut Self, &Text, &str) -> Option<T>,
    ) -> Vec<T> {
        if let Some(first) = items.first() {
            self.at_most(first.span(), path, items.len(), LIST_ITEMS_MAX);
        }
        let mut seen = BTreeSet::new();
        let mut out = vec![];
        for (place, at) in items.iter().take(LIST_ITEMS_MAX).enumerate() {
            let path = format!("{path}[{place}]");
            if !seen.insert(at.get_ref()) {
                self.report(
                    at.span(),
                    path.as_str(),
                    format!("{:?} is listed twice", at.get_ref()),
                    "take one out",
                );
            }
            out.extend(read(self, at, &path));
        }
        out
    }

    /// Reads a list of texts for people.
    fn texts(&mut self, items: &[Text], path: &str) -> Vec<String> {
        self.list(items, path, |check, at, path| check.text(at, path))
    }

    /// Reads a document number.
    fn document_number(&mut self, at: &Text, path: &str) -> Option<DocumentNumber> {
        match at.get_ref().parse() {
            Ok(number) => Some(number),
            Err(error) => {
                self.report(
                    at.span(),
                    path,
                    format!("document number {:?} {error} (JE-001)", at.get_ref()),
                    "write it as printed, such as 晋社管组发〔2021〕2号",
                );
                None
            }
        }
    }

    /// Reads a civil date.
    fn date(&mut self, at: &Day, path: &str) -> Option<Date> {
        let value = at.get_ref();
        let date = match (value.date, value.time, value.offset) {
            (Some(date), None, None) => i16::try_from(date.year)
                .ok()
                .zip(i8::try_from(date.month).ok())
                .zip(i8::try_from(date.day).ok())
                .and_then(|((year, month), day)| Date::new(year, month, day).ok()),
            _ => None,
        };
        if date.is_none() {
            self.report(
                at.span(),
                path,
                format!("{value} is no civil date"),
                "write a day without time, such as 2021-02-23",
            );
        }
        date
    }

    /// Reads a run of days; `None` only when a date is wrong or the run is empty.
    fn period(
        &mut self,
        from_on: Option<&Day>,
        until_on: Option<&Day>,
        path: &str,
    ) -> Option<super::Period> {
        let mut read = |day: Option<&Day>, field: &str| match day {
            None => Some(None),
            Some(day) => self.date(day, &format!("{path}.{field}")).map(Some),
        };
        let (from, until) = (read(from_on, "from_on"), read(until_on, "until_on"));
        let period = super::Period {
            from_on: from?,
            until_on: until?,
        };
        if let (Some(from), Some(until), Some(at)) = (period.from_on, period.until_on, until_on)
            && until <= from
        {
            self.report(
                at.span(),
                format!("{path}.until_on"),
                format!("{until} must be after from_on, {from}"),
                "until_on is the first day on which it no longer holds",
            );
            return None;
        }
        Some(period)
    }
}
