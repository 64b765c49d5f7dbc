//! What people type on a command line about meetings: times of the office's clock, officers who come,
//! units by any of their names, and resource names by their last parts.

use agency_client::Client;
use hub_proto::{meetings::Attendee, members::Agency};
use jiff::{
    Timestamp,
    civil::{Date, DateTime, time},
    tz::TimeZone,
};

use crate::{names::ZONE, output::Failure};

/// A unit that was there and one officer who came for it.
pub(crate) type Present = (String, Option<Attendee>);

/// An instant: RFC 3339, or a date and a time in the charter's time zone.
pub(crate) fn moment(text: &str) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let rule = || {
        format!(
            "must be a date and a time of {ZONE}, such as \"2026-12-20 09:00\", or RFC 3339, not {text:?}"
        )
    };
    // A date alone would mean midnight to the one and the end of the day to the other.
    if !text.contains(':') {
        return Err(rule());
    }
    let civil: DateTime = text
        .trim()
        .replacen(' ', "T", 1)
        .parse()
        .map_err(|_| rule())?;
    let zone = TimeZone::get(ZONE).unwrap_or(TimeZone::UTC);
    zone.to_timestamp(civil).map_err(|_| rule())
}

/// A time by which something is asked: as [`moment`], and a day alone means until its end in the
/// charter's time zone.
pub(crate) fn deadline(text: &str) -> Result<Timestamp, String> {
    if let Ok(on) = text.trim().parse::<Date>()
        && !text.contains(':')
    {
        let zone = TimeZone::get(ZONE).unwrap_or(TimeZone::UTC);
        let end = on.to_datetime(time(23, 59, 59, 0));
        return zone.to_timestamp(end).map_err(|error| error.to_string());
    }
    moment(text).map_err(|_| {
        format!(
            "must be a day such as 2026-12-01 (until its end), a time of {ZONE} such as \"2026-12-01 \
             18:00\", or RFC 3339"
        )
    })
}

/// A day.
pub(crate) fn day(text: &str) -> Result<Date, String> {
    let digits = text.trim();
    let is_plain = digits.len() == "2026-05-31".len();
    let day = digits.parse().ok().filter(|_| is_plain);
    day.ok_or_else(|| "must be a day such as 2026-05-31, and one that the calendar has".to_owned())
}

/// An instant as the wire has it.
pub(crate) fn wire(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: at.as_second(),
        nanos: at.subsec_nanosecond(),
    }
}

/// An officer: `NAME`, `NAME,POST` or `NAME,POST,OFFICER-ID`, with either comma.
pub(crate) fn attendee(text: &str) -> Result<Attendee, String> {
    let mut parts = text.split([',', '，']).map(str::trim);
    let mut next = || parts.next().unwrap_or_default().to_owned();
    let who = Attendee {
        display_name: next(),
        post: next(),
        officer: next(),
    };
    if who.display_name.is_empty() || parts.next().is_some() {
        return Err(format!(
            "must be NAME, NAME,POST or NAME,POST,OFFICER-ID, not {text:?}"
        ));
    }
    Ok(who)
}

/// An officer as [`attendee`] reads one.
pub(crate) fn attendee_text(who: &Attendee) -> String {
    let parts = [&who.display_name, &who.post, &who.officer];
    let used = parts.iter().rposition(|part| !part.is_empty()).unwrap_or(0);
    let parts: Vec<&str> = parts
        .iter()
        .take(used + 1)
        .map(|part| part.as_str())
        .collect();
    parts.join(",")
}

/// `UNIT=WHO`.
pub(crate) fn present(text: &str) -> Result<Present, String> {
    match text.split_once('=') {
        Some((unit, who)) if !unit.trim().is_empty() => {
            Ok((unit.trim().to_owned(), Some(attendee(who)?)))
        }
        _ => Err(format!("must be UNIT=NAME or UNIT=NAME,POST, not {text:?}")),
    }
}

/// `UNIT=TEXT` or `UNIT/TOPIC-NUMBER=TEXT`.
pub(crate) fn point(text: &str) -> Result<(String, u32, String), String> {
    let rule = || format!("must be UNIT=TEXT or UNIT/TOPIC-NUMBER=TEXT, not {text:?}");
    let (unit, said) = text.split_once('=').ok_or_else(rule)?;
    let (unit, topic) = match unit.split_once('/') {
        None => (unit, 0),
        Some((unit, topic)) => (unit, topic.trim().parse().map_err(|_| rule())?),
    };
    let (unit, said) = (unit.trim(), said.trim());
    if unit.is_empty() || said.is_empty() {
        return Err(rule());
    }
    Ok((unit.to_owned(), topic, said.to_owned()))
}

/// `UNIT=TEXT`: what is asked of a unit.
pub(crate) fn asked(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((unit, asked)) if !unit.trim().is_empty() && !asked.trim().is_empty() => {
            Ok((unit.trim().to_owned(), asked.trim().to_owned()))
        }
        _ => Err(format!("must be UNIT=TEXT, not {text:?}")),
    }
}

/// `UNIT/OFFICER-ID`: an officer of a unit.
pub(crate) fn reviewer(text: &str) -> Result<(String, String), String> {
    match text.rsplit_once('/') {
        Some((unit, officer)) if !unit.trim().is_empty() && !officer.trim().is_empty() => {
            Ok((unit.trim().to_owned(), officer.trim().to_owned()))
        }
        _ => Err(format!("must be UNIT/OFFICER-ID, not {text:?}")),
    }
}

/// The charter's agencies, to find one by any name.
#[derive(Debug)]
pub(crate) struct Units(Vec<Agency>);

impl Units {
    pub(crate) async fn fetch(client: &Client) -> Result<Self, Failure> {
        Ok(Self(client.members().list_agencies(None).await?))
    }

    #[cfg(test)]
    pub(crate) fn of(agencies: Vec<Agency>) -> Self {
        Self(agencies)
    }

    /// The resource name of a unit by its id, resource name, official name of any day, or alias.
    pub(crate) fn find(&self, text: &str) -> Option<String> {
        let text = text.trim();
        let id = text.strip_prefix("agencies/").unwrap_or(text);
        let by_id = self
            .0
            .iter()
            .find(|agency| agency.name.strip_prefix("agencies/") == Some(id));
        let is_called = |agency: &&Agency| {
            agency.display_name == text
                || agency.aliases.iter().any(|alias| alias == text)
                || agency.names.iter().any(|name| name.display_name == text)
        };
        by_id
            .or_else(|| self.0.iter().find(is_called))
            .map(|agency| agency.name.clone())
    }

    /// The name under which [`Self::find`] finds a unit: its official name, or its id where that is
    /// another's too.
    pub(crate) fn written<'a>(&'a self, resource: &'a str) -> &'a str {
        let id = resource.strip_prefix("agencies/").unwrap_or(resource);
        self.0
            .iter()
            .find(|agency| agency.name == resource)
            .map(|agency| agency.display_name.as_str())
            .filter(|name| self.find(name).as_deref() == Some(resource))
            .unwrap_or(id)
    }

    /// As [`Self::find`], for an argument.
    pub(crate) fn named(&self, text: &str) -> Result<String, Failure> {
        self.find(text).ok_or_else(|| unknown_unit(text))
    }

    /// As [`Self::named`], for several.
    pub(crate) fn all(&self, texts: &[String]) -> Result<Vec<String>, Failure> {
        texts.iter().map(|text| self.named(text)).collect()
    }
}

fn unknown_unit(text: &str) -> Failure {
    Failure::usage(
        format!(
            "{text}: there is no such unit; give its id, official name or an alias: `agency members \
             agencies` lists them"
        ),
        format!("{text}：没有这个单位；请用标识、正式名称或别名，见 agency members agencies"),
    )
}

/// Full name of a meeting.
pub(crate) fn meeting_name(text: &str) -> String {
    crate::names::resource("meetings", text)
}

/// Full name of something numbered within a meeting: `MEETING/NUMBER` or the name itself.
pub(crate) fn within(collection: &str, text: &str) -> Result<String, Failure> {
    let parts: Vec<&str> = text.trim_end_matches('/').split('/').collect();
    match parts.as_slice() {
        ["meetings", _, of, _] if *of == collection => Ok(text.to_owned()),
        ["meetings", meeting, number] | [meeting, number] if is_number(number) => {
            Ok(format!("meetings/{meeting}/{collection}/{number}"))
        }
        _ => Err(Failure::usage(
            format!(
                "{text}: must be MEETING/NUMBER, such as 01980000-…/1, or \
                 meetings/…/{collection}/NUMBER"
            ),
            format!("{text}：须为 会议/编号（如 01980000-…/1）或 meetings/…/{collection}/编号"),
        )),
    }
}

/// Full name of an alert, and the number of what is in it: `ALERT/NUMBER`.
pub(crate) fn in_alert(text: &str) -> Result<(String, i32), Failure> {
    let parts: Vec<&str> = text.split('/').collect();
    if let ["alerts", alert, number] | [alert, number] = parts.as_slice()
        && let Ok(number) = number.parse::<i32>()
        && number > 0
        && *alert != "alerts"
    {
        return Ok((format!("alerts/{alert}"), number));
    }
    Err(Failure::usage(
        format!("{text}: must be ALERT/NUMBER, such as 01980000-…/1"),
        format!("{text}：须为 预警/编号，如 01980000-…/1"),
    ))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit())
}

/// The number at the end of a resource name.
pub(crate) fn number(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or_default()
}

/// Full name of a mechanism's office.
pub(crate) fn office_name(mechanism: &str) -> String {
    let mechanism = mechanism
        .trim_start_matches("mechanisms/")
        .trim_end_matches("/office");
    format!("mechanisms/{mechanism}/office")
}

#[cfg(test)]
mod tests {
    use hub_proto::members::DatedName;

    use super::*;

    #[test]
    fn times_are_those_of_the_office() {
        let at: Timestamp = "2026-12-20T01:00:00Z".parse().unwrap();
        for text in [
            "2026-12-20 09:00",
            "2026-12-20T09:00",
            "2026-12-20 09:00:00",
            "2026-12-20T01:00:00Z",
            "2026-12-20T09:00:00+08:00",
        ] {
            assert_eq!(moment(text).unwrap(), at, "{text}");
        }
        for text in ["2026-12-20", "tomorrow", "2026-13-20 09:00", "09:00", ""] {
            assert!(moment(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_day_alone_is_a_deadline_at_its_end() {
        let at: Timestamp = "2026-12-20T15:59:59Z".parse().unwrap();
        assert_eq!(deadline("2026-12-20").unwrap(), at);
        for text in ["2026-12-20 09:00", "2026-12-20T09:00:00+08:00"] {
            assert_eq!(deadline(text), moment(text), "{text}");
        }
        for text in ["", "tomorrow", "2026-13-20", "20.12.2026"] {
            let error = deadline(text).unwrap_err();
            assert!(error.contains("2026-12-01"), "it shows how: {error}");
        }
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!(day("2026-02-28").unwrap().to_string(), "2026-02-28");
        for text in [
            "2026-02-29",
            "2026-2-8",
            "20260228",
            "28.2.2026",
            "2026-02-28T09:00",
            "",
        ] {
            let error = day(text).unwrap_err();
            assert!(error.contains("2026-05-31"), "it shows how: {error}");
        }
    }

    #[test]
    fn officers_are_read_with_either_comma_and_written_back() {
        for text in [
            "某甲",
            "某甲,处长",
            "某甲，处长，tax-officer-1",
            "某甲,,tax-officer-1",
        ] {
            let who = attendee(text).unwrap();
            assert_eq!(attendee(&attendee_text(&who)).unwrap(), who, "{text}");
        }
        for text in ["", ",处长", "a,b,c,d"] {
            assert!(attendee(text).is_err(), "{text}");
        }
    }

    #[test]
    fn attendance_and_points_are_read() {
        let (unit, who) = present("tax=某甲,处长").unwrap();
        assert_eq!((unit.as_str(), who.unwrap().post.as_str()), ("tax", "处长"));
        assert!(present("tax").is_err() && present("=某甲").is_err() && present("tax=").is_err());
        assert_eq!(
            point("tax/2=同意=尽快").unwrap(),
            ("tax".into(), 2, "同意=尽快".into())
        );
        assert_eq!(point("tax=同意").unwrap().1, 0);
        assert!(point("tax/x=同意").is_err() && point("tax=").is_err() && point("同意").is_err());
    }

    #[test]
    fn what_is_asked_and_who_reviews_is_read() {
        assert_eq!(
            asked("tax= 核对=票据").unwrap(),
            ("tax".into(), "核对=票据".into())
        );
        assert!(asked("tax").is_err() && asked("=x").is_err() && asked("tax=").is_err());
        for (text, unit) in [
            ("civil-affairs/leader-1", "civil-affairs"),
            ("agencies/civil-affairs/leader-1", "agencies/civil-affairs"),
            ("省民政厅/leader-1", "省民政厅"),
        ] {
            assert_eq!(reviewer(text).unwrap(), (unit.into(), "leader-1".into()));
        }
        assert!(reviewer("leader-1").is_err() && reviewer("/x").is_err());
        for text in ["a/2", "alerts/a/2"] {
            assert_eq!(in_alert(text).unwrap(), ("alerts/a".into(), 2), "{text}");
        }
        for text in ["a", "alerts/a", "alerts/2", "a/0", "a/x", "meetings/a/2"] {
            assert!(in_alert(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_unit_is_found_by_any_of_its_names() {
        let units = Units::of(vec![Agency {
            name: "agencies/pboc-branch".into(),
            display_name: "中国人民银行山西省分行".into(),
            aliases: vec!["省人行".into()],
            names: vec![DatedName {
                display_name: "中国人民银行太原中心支行".into(),
                ..DatedName::default()
            }],
            ..Agency::default()
        }]);
        for text in [
            "pboc-branch",
            "agencies/pboc-branch",
            "中国人民银行山西省分行",
            "中国人民银行太原中心支行",
            "省人行",
        ] {
            assert_eq!(
                units.find(text).as_deref(),
                Some("agencies/pboc-branch"),
                "{text}"
            );
        }
        assert_eq!(units.find("人民银行"), None);
    }

    #[test]
    fn short_names_become_full_ones() {
        for text in ["m/3", "meetings/m/3", "meetings/m/topics/3"] {
            assert_eq!(
                within("topics", text).unwrap(),
                "meetings/m/topics/3",
                "{text}"
            );
        }
        for text in ["m", "meetings/m", "meetings/m/agreedItems/3", "m/x"] {
            assert!(within("topics", text).is_err(), "{text}");
        }
        for text in ["m", "mechanisms/m", "mechanisms/m/office"] {
            assert_eq!(office_name(text), "mechanisms/m/office");
        }
        assert_eq!(meeting_name("m"), "meetings/m");
    }
}
