//! Resource names and identifiers, parsed once at the edge and trusted afterwards.

mod by_id;
mod meetings;
mod supervision;

use std::{fmt, str::FromStr, sync::Arc};

pub use self::meetings::{
    AgreedItemName, EscalationName, MajorIssueName, MeetingName, MinutesName, MinutesVersionName,
    TopicName,
};
pub use self::supervision::{AlertName, InformationRequestName, ReferralName};

/// Longest identifier in bytes.
pub const ID_BYTES_MAX: usize = 40;

/// Why a name was refused. It reads as a rule: "must be …".
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
#[error("must be {0}")]
pub struct NameError(pub &'static str);

/// True for 1 to [`ID_BYTES_MAX`] characters of `a-z 0-9 -`, a letter or digit at both ends.
#[must_use]
pub fn is_id(text: &str) -> bool {
    let bytes = text.as_bytes();
    let plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    bytes.len() <= ID_BYTES_MAX
        && bytes.first().is_some_and(plain)
        && bytes.last().is_some_and(plain)
        && bytes.iter().all(|byte| plain(byte) || *byte == b'-')
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The identifier.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                if is_id(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(NameError("1 to 40 characters of a-z, 0-9 and -, a letter or digit at both ends"))
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    };
}

id!(
    /// An agency, such as `civil-affairs`.
    AgencyId
);
id!(
    /// A mechanism, such as `joint-enforcement`.
    MechanismId
);
id!(
    /// A channel.
    ChannelId
);
id!(
    /// A node of an agency.
    NodeId
);
id!(
    /// A durable consumer of an agency, such as `oa`.
    ConsumerId
);
id!(
    /// A role, such as `liaison`.
    RoleId
);

/// An officer: the token's `sub`, 1 to 64 characters of letters, digits and `. _ -`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OfficerId(Arc<str>);

impl OfficerId {
    /// The identifier.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for OfficerId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if (1..=64).contains(&text.len()) && text.chars().all(plain) {
            Ok(Self(text.into()))
        } else {
            Err(NameError(
                "1 to 64 letters, digits, dots, underscores or hyphens",
            ))
        }
    }
}

impl fmt::Display for OfficerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for OfficerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OfficerId({})", self.0)
    }
}

/// Someone a notification can be addressed to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Recipient {
    /// `agencies/{agency}`.
    Agency(AgencyId),
    /// `mechanisms/{mechanism}/office`.
    Office(MechanismId),
}

impl FromStr for Recipient {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        const RULE: NameError = NameError("agencies/{agency} or mechanisms/{mechanism}/office");
        let parts: Vec<&str> = text.split('/').collect();
        match *parts.as_slice() {
            ["agencies", agency] => agency.parse().map(Self::Agency).map_err(|_| RULE),
            ["mechanisms", mechanism, "office"] => {
                mechanism.parse().map(Self::Office).map_err(|_| RULE)
            }
            _ => Err(RULE),
        }
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agency(agency) => write!(f, "agencies/{agency}"),
            Self::Office(mechanism) => write!(f, "mechanisms/{mechanism}/office"),
        }
    }
}

/// A log of notifications that can be listed or subscribed to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogName {
    /// `channels/{channel}`.
    Channel(ChannelId),
    /// `agencies/{agency}/inbox` or `mechanisms/{mechanism}/office/inbox`.
    Inbox(Recipient),
    /// `agencies/{agency}/sent`.
    Sent(AgencyId),
}

impl FromStr for LogName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        const RULE: NameError = NameError(
            "channels/{channel}, agencies/{agency}/inbox, agencies/{agency}/sent or \
             mechanisms/{mechanism}/office/inbox",
        );
        let parts: Vec<&str> = text.split('/').collect();
        match *parts.as_slice() {
            ["channels", channel] => channel.parse().map(Self::Channel).map_err(|_| RULE),
            ["agencies", agency, "sent"] => agency.parse().map(Self::Sent).map_err(|_| RULE),
            [.., "inbox"] => text
                .strip_suffix("/inbox")
                .ok_or(RULE)
                .and_then(|recipient| recipient.parse().map_err(|_| RULE))
                .map(Self::Inbox),
            _ => Err(RULE),
        }
    }
}

impl fmt::Display for LogName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Channel(channel) => write!(f, "channels/{channel}"),
            Self::Inbox(recipient) => write!(f, "{recipient}/inbox"),
            Self::Sent(agency) => write!(f, "agencies/{agency}/sent"),
        }
    }
}

/// A client-minted id of a mutation: a UUID of version 7 (RFC 9562).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(uuid::Uuid);

impl RequestId {
    /// Reads 16 bytes; `None` unless they are a UUID of version 7.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Option<Self> {
        let id = uuid::Uuid::from_bytes(bytes);
        (id.get_version_num() == 7 && id.get_variant() == uuid::Variant::RFC4122)
            .then_some(Self(id))
    }

    /// The 16 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// Its time, milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn unix_ms(&self) -> u64 {
        let [a, b, c, d, e, f, ..] = *self.as_bytes();
        u64::from_be_bytes([0, 0, a, b, c, d, e, f])
    }
}

impl FromStr for RequestId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        const RULE: NameError = NameError("a UUID of version 7 in its usual form (RFC 9562)");
        let id = uuid::Uuid::try_parse(text).map_err(|_| RULE)?;
        if text.len() != 36 {
            return Err(RULE);
        }
        Self::from_bytes(*id.as_bytes()).ok_or(RULE)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The name of a notification.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum NotificationName {
    /// `channels/{channel}/notifications/{position}`.
    InChannel(ChannelId, i64),
    /// `agencies/{author}/notifications/{request_id}`.
    Addressed(AgencyId, RequestId),
}

impl FromStr for NotificationName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        const RULE: NameError = NameError(
            "channels/{channel}/notifications/{position} or \
             agencies/{agency}/notifications/{request_id}",
        );
        let parts: Vec<&str> = text.split('/').collect();
        match *parts.as_slice() {
            ["channels", channel, "notifications", position] => {
                let number: i64 = position.parse().map_err(|_| RULE)?;
                if number < 1 || number.to_string() != position {
                    return Err(RULE);
                }
                Ok(Self::InChannel(channel.parse().map_err(|_| RULE)?, number))
            }
            ["agencies", agency, "notifications", id] => Ok(Self::Addressed(
                agency.parse().map_err(|_| RULE)?,
                id.parse().map_err(|_| RULE)?,
            )),
            _ => Err(RULE),
        }
    }
}

impl fmt::Display for NotificationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InChannel(channel, position) => {
                write!(f, "channels/{channel}/notifications/{position}")
            }
            Self::Addressed(agency, id) => write!(f, "agencies/{agency}/notifications/{id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for text in [
            "channels/all-members",
            "agencies/tax/inbox",
            "agencies/tax/sent",
            "mechanisms/m/office/inbox",
        ] {
            assert_eq!(text.parse::<LogName>().unwrap().to_string(), text);
        }
        for text in [
            "channels/x/notifications/7",
            "agencies/tax/notifications/01890a5d-ac96-774b-bcce-b302099a8057",
        ] {
            assert_eq!(text.parse::<NotificationName>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn odd_names_are_refused() {
        for text in [
            "",
            "channels/",
            "channels/A",
            "channels/a/b",
            "agencies/tax/other",
            "agencies//inbox",
            "inbox",
        ] {
            assert!(text.parse::<LogName>().is_err(), "{text}");
        }
        for text in [
            "channels/x/notifications/0",
            "channels/x/notifications/+7",
            "channels/x/notifications/07",
        ] {
            assert!(text.parse::<NotificationName>().is_err(), "{text}");
        }
        assert!(
            "01890A5DAC96774BBCCEB302099A8057"
                .parse::<RequestId>()
                .is_err()
        );
        assert!(
            "f47ac10b-58cc-4372-a567-0e02b2c3d479"
                .parse::<RequestId>()
                .is_err(),
            "version 4"
        );
        assert!("-a".parse::<AgencyId>().is_err());
    }
}
