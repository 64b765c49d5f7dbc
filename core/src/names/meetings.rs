//! Names of meetings and what belongs to them, of major issues and of escalations.

use std::{fmt, str::FromStr};

use super::{NameError, RequestId, by_id::named_by_id};

/// A number in a name: from 1, in its one usual form.
fn number(text: &str) -> Option<u32> {
    let number: u32 = text.parse().ok()?;
    (number > 0 && number.to_string() == text).then_some(number)
}

named_by_id!(
    /// `meetings/{meeting}`.
    MeetingName = "meetings",
    "meetings/{meeting}"
);
named_by_id!(
    /// `majorIssues/{major_issue}`.
    MajorIssueName = "majorIssues",
    "majorIssues/{major_issue}"
);
named_by_id!(
    /// `escalations/{escalation}`.
    EscalationName = "escalations",
    "escalations/{escalation}"
);

macro_rules! of_meeting {
    ($(#[$doc:meta])* $name:ident { $number:ident } = $collection:literal, $rule:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name {
            /// The meeting.
            pub meeting: MeetingName,
            /// Its number in the meeting, from 1.
            pub $number: u32,
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                const RULE: NameError = NameError($rule);
                let (meeting, last) = text
                    .rsplit_once(concat!("/", $collection, "/"))
                    .ok_or(RULE)?;
                Ok(Self {
                    meeting: meeting.parse().map_err(|_| RULE)?,
                    $number: number(last).ok_or(RULE)?,
                })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!("{}/", $collection, "/{}"), self.meeting, self.$number)
            }
        }
    };
}

of_meeting!(
    /// `meetings/{meeting}/topics/{topic}`.
    TopicName { topic } = "topics",
    "meetings/{meeting}/topics/{topic}"
);
of_meeting!(
    /// `meetings/{meeting}/minutes/{document}`.
    MinutesName { document } = "minutes",
    "meetings/{meeting}/minutes/{document}"
);
of_meeting!(
    /// `meetings/{meeting}/agreedItems/{item}`.
    AgreedItemName { item } = "agreedItems",
    "meetings/{meeting}/agreedItems/{item}"
);

/// `meetings/{meeting}/minutes/{document}/versions/{version}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MinutesVersionName {
    /// The document.
    pub minutes: MinutesName,
    /// The version, from 1.
    pub version: u32,
}

impl FromStr for MinutesVersionName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        const RULE: NameError =
            NameError("meetings/{meeting}/minutes/{document}/versions/{version}");
        let (minutes, version) = text.rsplit_once("/versions/").ok_or(RULE)?;
        Ok(Self {
            minutes: minutes.parse().map_err(|_| RULE)?,
            version: number(version).ok_or(RULE)?,
        })
    }
}

impl fmt::Display for MinutesVersionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/versions/{}", self.minutes, self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

    fn reads<T: FromStr<Err = NameError> + fmt::Display>(text: &str) {
        let name: T = text.parse().unwrap_or_else(|_| panic!("{text}"));
        assert_eq!(name.to_string(), text);
    }

    #[test]
    fn names_round_trip() {
        reads::<MeetingName>(&format!("meetings/{ID}"));
        reads::<TopicName>(&format!("meetings/{ID}/topics/7"));
        reads::<MinutesName>(&format!("meetings/{ID}/minutes/1"));
        reads::<MinutesVersionName>(&format!("meetings/{ID}/minutes/1/versions/12"));
        reads::<AgreedItemName>(&format!("meetings/{ID}/agreedItems/3"));
        reads::<MajorIssueName>(&format!("majorIssues/{ID}"));
        reads::<EscalationName>(&format!("escalations/{ID}"));
    }

    #[test]
    fn odd_names_are_refused() {
        for text in [
            String::new(),
            "meetings/".into(),
            "meetings/x".into(),
            format!("meetings/{}", ID.to_uppercase()),
            format!("meetings/{ID}/"),
            format!("majorIssues/{ID}"),
        ] {
            assert!(text.parse::<MeetingName>().is_err(), "{text}");
        }
        for last in ["", "0", "01", "+1", "-1", "1/2", "4294967296"] {
            let text = format!("meetings/{ID}/topics/{last}");
            assert!(text.parse::<TopicName>().is_err(), "{text}");
        }
        let twice = format!("meetings/{ID}/topics/1/topics/2");
        assert!(twice.parse::<TopicName>().is_err());
        let version = format!("meetings/{ID}/minutes/1/versions/0");
        assert!(version.parse::<MinutesVersionName>().is_err());
    }
}
