//! Files: the operator's (charter, settings, calendar), an agency's (profile, files of alerts).

use std::{path::Path, sync::LazyLock};

use agency_client::funds::file::{self, Format, PROBLEMS_MAX, ROWS_MAX, Row};
use hub::{charter::Charter, config::Config};
use hub_core::{
    profile::Profile,
    workdays::{Calendar, Counting},
};
use jiff::civil::{Date, date};
use serde_json::{Value, json};

use crate::tape::Tape;

/// Words of charters.
pub const CHARTER_WORDS: &[&str] = &[
    "[charter]",
    "[[agencies]]",
    "[[mechanisms]]",
    "[[roles]]",
    "[[channels]]",
    "[[categories]]",
    "[[legal_bases]]",
    "[[deadlines]]",
    "[[alert_indicators]]",
    "[follow_up]",
    "[retention]",
    "[meetings]",
    "[requests]",
    "[fund]",
    "[reads]",
    "[referrals]",
    "id = ",
    "name = ",
    "\"tax\"",
    "2021-01-01",
    "〔2021〕2号",
    "true",
    "\"\"\"",
    "{}",
    "[]",
    "99999999999999999999",
    "*",
];

/// Words of settings.
pub const CONFIG_WORDS: &[&str] = &[
    "[ledger]",
    "[tls]",
    "[log]",
    "[limits]",
    "[metrics]",
    "[traces]",
    "[attachments]",
    "[calendar]",
    "listen",
    "127.0.0.1:0",
    "data_dir",
    "charter",
    "trust_domain",
    "origin",
    "otlp_endpoint",
    "sample_ratio",
    "bucket",
    "endpoint",
    "http://",
    "nan",
    "-1",
    "18446744073709551615",
];

/// Words of calendars.
pub const CALENDAR_WORDS: &[&str] = &[
    "holiday",
    "workday",
    "usual",
    "2027-01-01",
    "2027-05-01",
    "2027-10-01",
    "2026-11-05",
    "9999-12-31",
    "-9999-01-01",
    "\n",
    ",,",
];

/// Words of profiles.
pub const PROFILE_WORDS: &[&str] = &[
    "endpoint = ",
    "server_name = ",
    "roles = ",
    "purpose = ",
    "officer = ",
    "\"\"\"",
    "'''",
];

/// Words of files of alerts.
pub const ALERT_WORDS: &[&str] = &[
    "uscc",
    "organization",
    "kind",
    "indicator",
    "start_on",
    "end_on",
    "asks",
    "circulated_to",
    "reference",
    "资金异动",
    "重大",
    "内部",
    "out",
    "2026/1/31",
    "51140000MJ0000018C",
    "\"\"",
    "\"",
    "\r\n",
    "|",
    "tax=x|",
    "\u{feff}",
    "{\"",
    "\":\"",
    "[{\"unit\":\"tax\",\"text\":\"x\"}]",
    "null",
];

/// A charter. What is refused says where and why, within bounds; what is taken answers for itself.
pub fn charter(input: &[u8]) {
    let text = Tape::new(input).text();
    match Charter::parse(&text, "charter.toml") {
        Ok(charter) => {
            assert!(!charter.agencies().is_empty());
            for agency in charter.agencies() {
                assert!(charter.agency(agency.id()).is_some());
            }
            for category in charter.categories() {
                assert!(charter.category(category.id().as_str()).is_some());
            }
        }
        Err(refused) => {
            assert!(!refused.errors.is_empty());
            assert!(refused.errors.len() <= hub::charter::ERRORS_MAX + 1);
            let lines = text.lines().count().max(1) + 1;
            for error in &refused.errors {
                assert!((1..=lines).contains(&error.line), "{error:?}");
                assert!(!error.rule.is_empty());
            }
            assert!(!refused.to_string().is_empty());
        }
    }
}

/// `hub.toml`. What is taken is within the documented limits and shows no secret.
pub fn config(input: &[u8]) {
    let text = Tape::new(input).text();
    let Ok(config) = Config::parse(&text, Path::new("/hub")) else {
        return;
    };
    assert!(
        config.data_dir.starts_with("/hub") || text.contains(&*config.data_dir.to_string_lossy())
    );
    assert!((1..=1 << 20).contains(&config.limits.connections_max));
    assert!((50..=3_600_000).contains(&config.reload_interval_ms));
    assert!(!config.audience().is_empty() || config.token_audience.is_some());
    assert!(!format!("{config:?}").is_empty());
    let limits = (config.rate_limits(), config.accept_limits());
    assert!(limits.0.calls_burst_max > 0 && limits.1.connections_max > 0);
}

/// A calendar of working days, which adds to what is published. What is refused says where and why; what is taken
/// can be counted in: days go forward, and counting so many on passes exactly so many working days.
pub fn calendar(input: &[u8]) {
    // Read once: it is the same for every input, and takes far longer than one.
    static PUBLISHED: LazyLock<Calendar> = LazyLock::new(|| Calendar::published().unwrap());
    let text = Tape::new(input).text();
    let calendar = match PUBLISHED.extended(&text) {
        Ok(calendar) => calendar,
        Err(error) => {
            assert!((1..=text.lines().count().max(1)).contains(&error.line));
            return assert!(!error.rule.is_empty());
        }
    };
    let (first, last) = calendar.years().expect("the published years are there");
    assert!(first <= last && !calendar.is_empty());
    let days = [date(2026, 1, 1), Date::MIN, Date::MAX, date(last, 12, 31)];
    let versions: Vec<Date> = calendar.versions().take(4).collect();
    for day in days.iter().chain(&versions) {
        let known = calendar.newest();
        for counting in [Counting::Strict, Counting::FirstDayCounts] {
            let Some(computed) = known.add(*day, 20, counting) else {
                continue;
            };
            assert!(computed.on > *day);
            let first = counting == Counting::FirstDayCounts && known.is_working_day(*day);
            assert_eq!(known.between(*day, computed.on), 20 - u32::from(first));
        }
        if let Some(due) = calendar.due(*day, 5, date(2027, 1, 1)) {
            assert!(due.now.on > *day && due.first.on > *day);
        }
    }
}

/// A client's profile. What is taken is written and read as the same.
pub fn profile(input: &[u8]) {
    let text = Tape::new(input).text();
    let Ok(profile) = toml::from_str::<Profile>(&text) else {
        return;
    };
    let written = toml::to_string(&profile).expect("a profile can be written");
    assert_eq!(toml::from_str::<Profile>(&written), Ok(profile));
}

const TODAY: Date = date(2026, 7, 1);

/// A file of alerts as comma-separated values. Rows are told in order and within bounds; a good row says
/// the same when it is written as a JSON line.
pub fn alert_csv(input: &[u8]) {
    alerts(input, Format::Csv);
}

/// A file of alerts as JSON lines, likewise.
pub fn alert_json_lines(input: &[u8]) {
    alerts(input, Format::JsonLines);
}

fn alerts(input: &[u8], format: Format) {
    let rows = match file::read(input, format, TODAY) {
        Ok(rows) => rows,
        Err(words) => {
            assert!(!words.en.is_empty() && !words.zh.is_empty());
            return;
        }
    };
    assert!((1..=ROWS_MAX).contains(&rows.len()));
    let lines = input.split(|byte| *byte == b'\n').count();
    let mut line = 0;
    for (at, row) in rows.iter().enumerate() {
        assert_eq!(row.number(), at + 1);
        assert!(row.line() > line && row.line() <= lines);
        line = row.line();
        assert!(row.problems().len() <= PROBLEMS_MAX);
        if row.problems().is_empty() {
            same_as_json(row);
        }
    }
}

fn same_as_json(row: &Row) {
    let alert = row.alert();
    let organization = alert.organization.clone().unwrap_or_default();
    let day = |on: &Option<hub_proto::common::Date>| {
        let on = on.as_ref().expect("a good row has both days");
        format!("{:04}-{:02}-{:02}", on.year, on.month, on.day)
    };
    let value = |column: &str, number: i32| {
        let column = file::Column::find(column).unwrap();
        let at = usize::try_from(number).unwrap() - 1;
        column.values[at].0
    };
    let asks: Vec<Value> = alert
        .asks
        .iter()
        .map(|ask| json!({"unit": ask.unit, "text": ask.text}))
        .collect();
    let line = json!({
        "uscc": organization.uscc,
        "organization": organization.display_name,
        "kind": value("kind", alert.kind),
        "indicator": alert.indicator,
        "start_on": day(&alert.start_on),
        "end_on": day(&alert.end_on),
        "amount_band": alert.amount_band,
        "currency": alert.currency,
        "direction": value("direction", alert.direction),
        "severity": value("severity", alert.severity),
        "severity_reason": alert.severity_reason,
        "grounds": alert.grounds,
        "source_note": alert.source_note,
        "legal_basis": alert.legal_basis,
        // No other is raised.
        "classification": "internal",
        "asks": asks,
        "circulated_to": alert.circulated_to,
        "reference": row.reference(),
    });
    let again = file::read(line.to_string().as_bytes(), Format::JsonLines, TODAY).unwrap();
    assert_eq!(again[0].problems(), []);
    assert_eq!(again[0].digest(), row.digest());
}
