//! The rules of an alert that need no charter.
//!
//! The hub has them too and decides; here they find what is wrong before anything is sent, and say it in
//! both languages.

use std::{collections::BTreeSet, fmt};

use hub_core::{
    date::from_wire,
    names::is_id,
    uscc::{Uscc, UsccError},
};
use hub_proto::{
    channels::Classification,
    funds::{Alert, AlertKind, Direction, Severity},
};
use jiff::{ToSpan as _, civil::Date};

use crate::error::Lang;

/// What is asked of units, at most.
///
/// ```
/// assert_eq!(agency_client::funds::ASKS_MAX, 32);
/// ```
pub const ASKS_MAX: usize = 32;
/// Documents of an alert, at most.
///
/// ```
/// assert_eq!(agency_client::funds::DOCUMENTS_MAX, 10);
/// ```
pub const DOCUMENTS_MAX: usize = 10;
/// Longest period, in years.
///
/// ```
/// assert_eq!(agency_client::funds::PERIOD_YEARS_MAX, 10);
/// ```
pub const PERIOD_YEARS_MAX: i32 = 10;
/// Longest name of an organisation, in characters.
const NAME_CHARS_MAX: usize = 200;
/// Longest reason for the severity, in characters.
const SEVERITY_REASON_CHARS_MAX: usize = 1_000;
/// Longest grounds, in characters.
const GROUNDS_CHARS_MAX: usize = 4_000;
/// Longest source note, ask and legal basis, in characters.
const NOTE_CHARS_MAX: usize = 500;
/// Longest id of the charter, in characters.
const CHARTER_ID_CHARS_MAX: usize = 64;
/// Most units that an alert names.
pub(super) const CIRCULATION_MAX: usize = 32;
/// So many digits in a row read as the number of an account or of a transaction.
const ACCOUNT_DIGITS_MIN: usize = 12;

/// A rule that an alert can break without any charter.
///
/// ```
/// use agency_client::{funds::check, proto::funds::Alert};
///
/// let broken = check(&Alert::default(), jiff::civil::date(2026, 7, 1));
/// for one in broken {
///     println!("{}: {}", one.field, one.rule);
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AlertRule {
    /// It is not there.
    Missing,
    /// A unified social credit code that is none (GB 32100-2015).
    Uscc(UsccError),
    /// A text on one line.
    Line {
        /// Most characters.
        chars_max: usize,
    },
    /// A text.
    Text {
        /// Most characters.
        chars_max: usize,
    },
    /// An id of the charter.
    CharterId,
    /// Three capital letters (ISO 4217).
    Currency,
    /// A day of the calendar.
    Day,
    /// The period ends before it begins.
    PeriodReversed,
    /// The period ends after today.
    PeriodAhead {
        /// Today.
        today: Date,
    },
    /// The period is longer than [`PERIOD_YEARS_MAX`].
    PeriodTooLong,
    /// More than [`ASKS_MAX`].
    TooManyAsks,
    /// More than [`DOCUMENTS_MAX`].
    TooManyDocuments,
    /// `agencies/{agency}`.
    Unit,
    /// A unit twice.
    UnitTwice,
    /// Something is asked of a unit that the alert does not go to.
    AskedOfAnother,
    /// More units than 32.
    TooManyUnits,
    /// An emergency goes to all members (FS-023).
    EmergencyToFew,
    /// A text that has what looks like the number of an account or a transaction (FS-051).
    Account,
    /// It is marked as a secret (X-005).
    Secret,
    /// It is not marked as internal.
    NotInternal,
}

impl AlertRule {
    /// The rule in a language; it reads after the field's name.
    ///
    /// ```
    /// use agency_client::{funds::check, proto::funds::Alert};
    ///
    /// let broken = check(&Alert::default(), jiff::civil::date(2026, 7, 1));
    /// assert!(!broken[0].rule.text(agency_client::Lang::Zh).is_empty());
    /// ```
    #[must_use]
    pub fn text(&self, lang: Lang) -> String {
        match lang {
            Lang::En => self.en(),
            Lang::Zh => self.zh(),
        }
    }

    fn en(&self) -> String {
        match self {
            Self::Missing => "must be set".into(),
            Self::Uscc(error) => error.to_string(),
            Self::Line { chars_max } => {
                format!("must be 1 to {chars_max} characters on one line")
            }
            Self::Text { chars_max } => {
                format!("must be 1 to {chars_max} characters without control characters")
            }
            Self::CharterId => {
                "must be an id of the charter: a-z, 0-9, _ and -, at most 64 characters".into()
            }
            Self::Currency => "must be three capital letters (ISO 4217), such as CNY".into(),
            Self::Day => "must be a day of the calendar, such as 2026-03-31".into(),
            Self::PeriodReversed => "must not be before the first day".into(),
            Self::PeriodAhead { today } => {
                format!("must not be in the future: today is {today}")
            }
            Self::PeriodTooLong => {
                format!("must be at most {PERIOD_YEARS_MAX} years after the first day")
            }
            Self::TooManyAsks => format!("must be at most {ASKS_MAX}"),
            Self::TooManyDocuments => format!("must be at most {DOCUMENTS_MAX}"),
            Self::Unit => "must be agencies/{agency}".into(),
            Self::UnitTwice => "must not be named twice".into(),
            Self::AskedOfAnother => "must be a unit that the alert goes to".into(),
            Self::EmergencyToFew => {
                "must be empty: an emergency goes to all members (FS-023)".into()
            }
            Self::TooManyUnits => format!("must be at most {CIRCULATION_MAX}"),
            Self::Account => format!(
                "must not have {ACCOUNT_DIGITS_MIN} or more digits in a row, which read as the number of an \
                 account or a transaction: an alert stays at clue level (FS-051)"
            ),
            Self::Secret => {
                "work secrets and state secrets must not enter the hub (X-005); send it through \
                 the channel that its classification demands"
                    .into()
            }
            Self::NotInternal => {
                "must be internal; it is never assumed, and an alert is never public".into()
            }
        }
    }

    fn zh(&self) -> String {
        match self {
            Self::Missing => "须填写".into(),
            Self::Uscc(error) => uscc_zh(*error),
            Self::Line { chars_max } => format!("须为一行，1 至 {chars_max} 字"),
            Self::Text { chars_max } => format!("须为 1 至 {chars_max} 字，不得含控制字符"),
            Self::CharterId => "须为章程中的标识：a-z、0-9、_ 和 -，至多 64 个字符".into(),
            Self::Currency => "须为三位大写字母币种代码（ISO 4217），如 CNY".into(),
            Self::Day => "须为有效日期，如 2026-03-31".into(),
            Self::PeriodReversed => "不得早于起始日期".into(),
            Self::PeriodAhead { today } => format!("不得晚于今天（{today}）"),
            Self::PeriodTooLong => format!("距起始日期不得超过 {PERIOD_YEARS_MAX} 年"),
            Self::TooManyAsks => format!("至多 {ASKS_MAX} 项"),
            Self::TooManyDocuments => format!("至多 {DOCUMENTS_MAX} 个"),
            Self::Unit => "须为 agencies/{单位标识}".into(),
            Self::UnitTwice => "不得重复".into(),
            Self::AskedOfAnother => "须为本预警发往的单位".into(),
            Self::EmergencyToFew => "须为空：紧急预警发往全部成员单位（FS-023）".into(),
            Self::TooManyUnits => format!("至多 {CIRCULATION_MAX} 个"),
            Self::Account => format!(
                "不得含连续 {ACCOUNT_DIGITS_MIN} 位以上数字（疑似账号或交易编号）：预警仅限线索层级（FS-051）"
            ),
            Self::Secret => "工作秘密、国家秘密不得进入本系统（X-005），请走相应保密渠道".into(),
            Self::NotInternal => "须为内部；不作默认，预警一律不公开".into(),
        }
    }
}

/// A rule of the code standard in Chinese.
fn uscc_zh(error: UsccError) -> String {
    match error {
        UsccError::Length { chars } => format!("须为 18 位，现为 {chars} 位"),
        UsccError::Character {
            position, found, ..
        } => {
            format!("第 {position} 位不得为“{found}”（字母表不含 I、O、S、V、Z）")
        }
        UsccError::OuterCheck { expected, found } => {
            format!("第 18 位校验码应为 {expected}，现为 {found}：录入有误")
        }
        UsccError::InnerCheck { expected, found } => {
            format!("第 17 位（组织机构代码校验码）应为 {expected}，现为 {found}")
        }
        other => other.to_string(),
    }
}

impl fmt::Display for AlertRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.en())
    }
}

/// A field and the rule that it breaks.
///
/// ```
/// use agency_client::{funds::check, proto::funds::Alert};
///
/// let broken = check(&Alert::default(), jiff::civil::date(2026, 7, 1));
/// assert!(broken.iter().any(|one| one.field == "currency"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The field, as the contract names it: `organization.uscc`, `asks[0].unit`.
    pub field: String,
    /// The rule.
    pub rule: AlertRule,
}

/// Every rule that an alert breaks, as far as they need no charter; `today` is the day where the
/// charter applies.
///
/// ```
/// use agency_client::{funds::check, proto::funds::Alert};
/// use jiff::civil::date;
///
/// let broken = check(&Alert::default(), date(2026, 7, 1));
/// assert!(broken.iter().any(|one| one.field == "grounds"));
/// ```
#[must_use]
pub fn check(alert: &Alert, today: Date) -> Vec<Broken> {
    let mut rules = Rules(vec![]);
    match alert.classification() {
        Classification::Internal => {}
        Classification::WorkSecret | Classification::StateSecret => {
            rules.broken("classification", AlertRule::Secret);
        }
        _ => rules.broken("classification", AlertRule::NotInternal),
    }
    let organization = alert.organization.clone().unwrap_or_default();
    rules.uscc(&organization.uscc);
    rules.line(
        "organization.display_name",
        &organization.display_name,
        NAME_CHARS_MAX,
    );
    rules.require(
        alert.kind() != AlertKind::Unspecified,
        "kind",
        AlertRule::Missing,
    );
    rules.charter_id("indicator", &alert.indicator);
    period(&mut rules, alert, today);
    rules.charter_id("amount_band", &alert.amount_band);
    let currency = alert.currency.as_bytes();
    let is_currency = currency.len() == 3 && currency.iter().all(u8::is_ascii_uppercase);
    rules.require(is_currency, "currency", AlertRule::Currency);
    rules.require(
        alert.direction() != Direction::Unspecified,
        "direction",
        AlertRule::Missing,
    );
    rules.require(
        alert.severity() != Severity::Unspecified,
        "severity",
        AlertRule::Missing,
    );
    for (field, text, chars_max) in [
        (
            "severity_reason",
            &alert.severity_reason,
            SEVERITY_REASON_CHARS_MAX,
        ),
        ("grounds", &alert.grounds, GROUNDS_CHARS_MAX),
        ("source_note", &alert.source_note, NOTE_CHARS_MAX),
        ("legal_basis", &alert.legal_basis, NOTE_CHARS_MAX),
    ] {
        rules.text(field, text, chars_max);
    }
    units(&mut rules, alert);
    rules.require(
        alert.attachments.len() <= DOCUMENTS_MAX,
        "attachments",
        AlertRule::TooManyDocuments,
    );
    rules.0
}

fn period(rules: &mut Rules, alert: &Alert, today: Date) {
    let mut day = |field: &str, wire: Option<&hub_proto::common::Date>| {
        let Some(wire) = wire else {
            rules.broken(field, AlertRule::Missing);
            return None;
        };
        let day = from_wire(wire);
        rules.require(day.is_some(), field, AlertRule::Day);
        day
    };
    let start = day("start_on", alert.start_on.as_ref());
    let end = day("end_on", alert.end_on.as_ref());
    let Some(end) = end else { return };
    rules.require(end <= today, "end_on", AlertRule::PeriodAhead { today });
    let Some(start) = start else { return };
    rules.require(start <= end, "end_on", AlertRule::PeriodReversed);
    let latest = start.saturating_add(PERIOD_YEARS_MAX.years());
    rules.require(end <= latest, "end_on", AlertRule::PeriodTooLong);
}

fn units(rules: &mut Rules, alert: &Alert) {
    let is_narrowed = !alert.circulated_to.is_empty();
    rules.require(
        !is_narrowed || alert.severity() != Severity::Emergency,
        "circulated_to",
        AlertRule::EmergencyToFew,
    );
    rules.require(
        alert.circulated_to.len() <= CIRCULATION_MAX,
        "circulated_to",
        AlertRule::TooManyUnits,
    );
    let mut named = BTreeSet::new();
    let units = alert.circulated_to.iter().enumerate();
    for (number, unit) in units.take(CIRCULATION_MAX) {
        let field = format!("circulated_to[{number}]");
        rules.require(is_agency(unit), &field, AlertRule::Unit);
        rules.require(named.insert(unit), &field, AlertRule::UnitTwice);
    }
    rules.require(alert.asks.len() <= ASKS_MAX, "asks", AlertRule::TooManyAsks);
    for (number, ask) in alert.asks.iter().enumerate().take(ASKS_MAX) {
        let field = format!("asks[{number}].unit");
        rules.require(is_agency(&ask.unit), &field, AlertRule::Unit);
        rules.require(
            !is_narrowed || named.contains(&ask.unit),
            &field,
            AlertRule::AskedOfAnother,
        );
        rules.text(&format!("asks[{number}].text"), &ask.text, NOTE_CHARS_MAX);
    }
}

fn is_agency(name: &str) -> bool {
    name.strip_prefix("agencies/").is_some_and(is_id)
}

/// What is broken so far.
struct Rules(Vec<Broken>);

impl Rules {
    fn broken(&mut self, field: &str, rule: AlertRule) {
        self.0.push(Broken {
            field: field.to_owned(),
            rule,
        });
    }

    fn require(&mut self, is_kept: bool, field: &str, rule: AlertRule) {
        if !is_kept {
            self.broken(field, rule);
        }
    }

    fn uscc(&mut self, text: &str) {
        let field = "organization.uscc";
        if text.is_empty() {
            return self.broken(field, AlertRule::Missing);
        }
        if let Err(error) = text.parse::<Uscc>().and_then(Uscc::with_inner_check) {
            self.broken(field, AlertRule::Uscc(error));
        }
    }

    fn line(&mut self, field: &str, text: &str, chars_max: usize) {
        let is_kept = is_between(text, chars_max) && !text.chars().any(char::is_control);
        self.require(is_kept, field, AlertRule::Line { chars_max });
        self.require(!looks_like_an_account(text), field, AlertRule::Account);
    }

    fn text(&mut self, field: &str, text: &str, chars_max: usize) {
        let is_plain = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
        let is_kept = is_between(text, chars_max) && text.chars().all(is_plain);
        self.require(is_kept, field, AlertRule::Text { chars_max });
        self.require(!looks_like_an_account(text), field, AlertRule::Account);
    }

    fn charter_id(&mut self, field: &str, text: &str) {
        if text.is_empty() {
            return self.broken(field, AlertRule::Missing);
        }
        let is_plain =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
        let is_kept = text.chars().count() <= CHARTER_ID_CHARS_MAX && text.chars().all(is_plain);
        self.require(is_kept, field, AlertRule::CharterId);
    }
}

fn is_between(text: &str, chars_max: usize) -> bool {
    text.chars().count() <= chars_max && !text.trim().is_empty()
}

/// Whether some word of a text is nothing but 12 or more digits, half or full width, as accounts and
/// transactions have them (FS-051). Words with letters, such as the number of a case, are left alone, and so
/// are unified social credit codes.
///
/// ```
/// use agency_client::funds::looks_like_an_account;
///
/// assert!(looks_like_an_account("转入 6222000000000000000 账户"));
/// assert!(!looks_like_an_account("2026年1月至6月，约 120 笔"));
/// ```
#[must_use]
pub fn looks_like_an_account(text: &str) -> bool {
    let is_digit = |c: char| c.is_ascii_digit() || ('０'..='９').contains(&c);
    let is_of_word = |c: char| c.is_ascii_alphabetic() || is_digit(c);
    text.split(|c| !is_of_word(c)).any(|word| {
        word.chars().count() >= ACCOUNT_DIGITS_MIN
            && word.chars().all(is_digit)
            && word.parse::<Uscc>().is_err()
    })
}

#[cfg(test)]
mod tests {
    use hub_proto::{channels::SubjectOrganization, funds::AlertAsk};
    use jiff::civil::date;

    use super::*;

    const TODAY: Date = date(2026, 7, 1);

    /// A code whose check characters are both right.
    fn code() -> String {
        let alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY";
        let inner = "0123456789X";
        for i in inner.chars() {
            for o in alphabet.chars() {
                let text = format!("51140000MJ000000{i}{o}");
                if text
                    .parse::<Uscc>()
                    .and_then(Uscc::with_inner_check)
                    .is_ok()
                {
                    return text;
                }
            }
        }
        panic!("none fits");
    }

    fn day(day: Date) -> Option<hub_proto::common::Date> {
        Some(hub_core::date::to_wire(day))
    }

    fn good() -> Alert {
        Alert {
            organization: Some(SubjectOrganization {
                uscc: code(),
                display_name: "某某协会".into(),
            }),
            classification: Classification::Internal.into(),
            kind: AlertKind::AbnormalMovement.into(),
            indicator: "flow_out_of_line".into(),
            start_on: day(date(2026, 1, 1)),
            end_on: day(TODAY),
            amount_band: "1m_10m".into(),
            currency: "CNY".into(),
            direction: Direction::Out.into(),
            severity: Severity::Major.into(),
            severity_reason: "短期内多次".into(),
            grounds: "第一行\n第二行".into(),
            source_note: "二季度分析".into(),
            legal_basis: "依据".into(),
            asks: vec![AlertAsk {
                unit: "agencies/tax".into(),
                text: "核对票据".into(),
            }],
            ..Alert::default()
        }
    }

    fn broken(change: impl FnOnce(&mut Alert)) -> Vec<(String, AlertRule)> {
        let mut alert = good();
        change(&mut alert);
        let broken = check(&alert, TODAY).into_iter();
        broken.map(|one| (one.field, one.rule)).collect()
    }

    #[test]
    fn a_good_alert_breaks_no_rule() {
        assert_eq!(broken(|_| {}), []);
    }

    #[test]
    fn an_empty_alert_names_every_field_that_must_be_set() {
        let fields: Vec<String> = check(&Alert::default(), TODAY)
            .into_iter()
            .map(|one| one.field)
            .collect();
        assert_eq!(
            fields,
            [
                "classification",
                "organization.uscc",
                "organization.display_name",
                "kind",
                "indicator",
                "start_on",
                "end_on",
                "amount_band",
                "currency",
                "direction",
                "severity",
                "severity_reason",
                "grounds",
                "source_note",
                "legal_basis",
            ]
        );
    }

    #[test]
    fn x_005_secrets_are_refused_and_nothing_is_assumed() {
        let with = |classification: Classification| {
            broken(|alert| alert.classification = classification.into())
        };
        for (classification, rule) in [
            (Classification::Unspecified, AlertRule::NotInternal),
            (Classification::Public, AlertRule::NotInternal),
            (Classification::WorkSecret, AlertRule::Secret),
            (Classification::StateSecret, AlertRule::Secret),
        ] {
            let of = vec![("classification".to_owned(), rule)];
            assert_eq!(with(classification), of);
        }
    }

    #[test]
    fn both_check_characters_of_the_code_are_verified() {
        let with = |text: String| {
            broken(|alert| alert.organization.as_mut().unwrap().uscc = text)
                .pop()
                .unwrap()
                .1
        };
        let right = code();
        let other = if right.ends_with('A') { 'B' } else { 'A' };
        let outer = format!("{}{other}", &right[..17]);
        assert!(matches!(
            with(outer),
            AlertRule::Uscc(UsccError::OuterCheck { .. })
        ));
        assert!(matches!(
            with(right[..17].into()),
            AlertRule::Uscc(UsccError::Length { chars: 17 })
        ));
        // I, O, S, V and Z are not in the alphabet of 31.
        for letter in ['I', 'O', 'S', 'V', 'Z'] {
            let text = format!("51140000M{letter}{}", &right[10..]);
            assert!(
                matches!(
                    with(text),
                    AlertRule::Uscc(UsccError::Character { position: 10, .. })
                ),
                "{letter}"
            );
        }
    }

    #[test]
    fn a_period_has_limits() {
        let with = |start, end| {
            broken(|alert| {
                alert.start_on = day(start);
                alert.end_on = day(end);
            })
        };
        assert_eq!(with(TODAY, TODAY), []);
        assert_eq!(with(date(2016, 7, 1), TODAY), []);
        let of = |rule| vec![("end_on".to_owned(), rule)];
        assert_eq!(with(date(2016, 6, 30), TODAY), of(AlertRule::PeriodTooLong));
        assert_eq!(
            with(TODAY, date(2026, 7, 2)),
            of(AlertRule::PeriodAhead { today: TODAY })
        );
        assert_eq!(
            with(date(2026, 6, 2), date(2026, 6, 1)),
            of(AlertRule::PeriodReversed)
        );
    }

    #[test]
    fn texts_have_limits_at_the_character() {
        for (field, chars_max) in [
            ("severity_reason", 1_000),
            ("grounds", 4_000),
            ("source_note", 500),
            ("legal_basis", 500),
        ] {
            let with = |text: String| {
                broken(|alert| {
                    let place = match field {
                        "severity_reason" => &mut alert.severity_reason,
                        "grounds" => &mut alert.grounds,
                        "source_note" => &mut alert.source_note,
                        _ => &mut alert.legal_basis,
                    };
                    *place = text;
                })
            };
            assert_eq!(with("字".repeat(chars_max)), [], "{field}");
            let of = vec![(field.to_owned(), AlertRule::Text { chars_max })];
            for text in [
                "字".repeat(chars_max + 1),
                "  ".into(),
                "a\0b".into(),
                "a\rb".into(),
            ] {
                assert_eq!(with(text), of, "{field}");
            }
        }
    }

    #[test]
    fn fs_023_an_emergency_goes_to_all_and_asks_go_to_whom_it_goes() {
        let emergency = broken(|alert| {
            alert.severity = Severity::Emergency.into();
            alert.circulated_to = vec!["agencies/tax".into()];
        });
        assert_eq!(
            emergency,
            [("circulated_to".to_owned(), AlertRule::EmergencyToFew)]
        );
        let other = broken(|alert| {
            alert.circulated_to = vec!["agencies/finance".into(), "agencies/finance".into()];
        });
        assert_eq!(
            other,
            [
                ("circulated_to[1]".to_owned(), AlertRule::UnitTwice),
                ("asks[0].unit".to_owned(), AlertRule::AskedOfAnother),
            ]
        );
    }

    #[test]
    fn fs_051_numbers_of_accounts_are_found_in_every_writing() {
        for text in [
            "账号 622202100100",
            "（６２２２０２１００１００）",
            "转622202100100入",
            "x,622202100100001.",
        ] {
            assert!(looks_like_an_account(text), "{text}");
        }
        for text in [
            "",
            "62220210010",
            "晋民函〔2021〕64号，2026-01-01 至 2026-06-30",
            "案件 JW20260101000123",
            "金额约 1 200 000 元",
        ] {
            assert!(!looks_like_an_account(text), "{text}");
        }
        assert!(!looks_like_an_account(&format!("另见 {}", code())));
        let rule = broken(|alert| alert.grounds = "转入 6222021001000015".into());
        assert_eq!(rule, [("grounds".to_owned(), AlertRule::Account)]);
        let rule = broken(|alert| {
            let organization = alert.organization.as_mut().unwrap();
            organization.display_name = "6222021001000015".into();
        });
        assert_eq!(rule[0].1, AlertRule::Account);
    }

    #[test]
    fn every_rule_is_said_in_both_languages() {
        for broken in check(&Alert::default(), TODAY) {
            assert!(broken.rule.text(Lang::En).is_ascii(), "{broken:?}");
            assert!(!broken.rule.text(Lang::Zh).is_ascii(), "{broken:?}");
        }
        let reversed = AlertRule::PeriodReversed;
        assert_eq!(reversed.to_string(), reversed.text(Lang::En));
    }
}
