//! Cursors: how far a reader has come in each log. On the wire they are opaque; inside they hold
//! positions of the reader's own logs and nothing else, so that a cursor tells its holder nothing.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hub_core::{
    names::{AgencyId, LogName},
    reason::Reason,
};
use hub_proto::channels::LogPosition;
use prost::Message as _;

use crate::error::{Error, Result};

/// Longest cursor in characters.
pub const CURSOR_CHARACTERS_MAX: usize = 8_192;

/// Most logs in a cursor.
pub const CURSOR_LOGS_MAX: usize = 64;

const FORMAT: u32 = 1;

/// Positions by log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cursor(BTreeMap<LogName, i64>);

#[derive(Clone, PartialEq, prost::Message)]
struct Packed {
    #[prost(uint32, tag = "1")]
    format: u32,
    #[prost(string, tag = "2")]
    agency: String,
    #[prost(message, repeated, tag = "3")]
    positions: Vec<LogPosition>,
}

impl Cursor {
    /// Position in a log; 0 before its first notification.
    #[must_use]
    pub fn position(&self, log: &LogName) -> i64 {
        self.0.get(log).copied().unwrap_or_default()
    }

    /// Positions in order of log name.
    pub fn positions(&self) -> impl Iterator<Item = (&LogName, &i64)> {
        self.0.iter()
    }

    /// Moves in one log.
    pub fn set(&mut self, log: LogName, position: i64) {
        self.0.insert(log, position);
    }

    /// Keeps the logs that a test holds for.
    pub fn retain(&mut self, mut keep: impl FnMut(&LogName) -> bool) {
        self.0.retain(|log, _| keep(log));
    }

    /// Reads stored positions.
    ///
    /// # Errors
    /// When a log name is none: the row is damaged.
    pub fn from_positions(positions: &[LogPosition]) -> Result<Self> {
        positions
            .iter()
            .map(|position| {
                let log = position
                    .log
                    .parse()
                    .map_err(|_| invalid("names an unknown log"))?;
                if position.position < 0 {
                    return Err(invalid("has a negative position"));
                }
                Ok((log, position.position))
            })
            .collect::<Result<_>>()
            .map(Self)
    }

    /// Positions to store.
    #[must_use]
    pub fn to_positions(&self) -> Vec<LogPosition> {
        self.0
            .iter()
            .map(|(log, position)| LogPosition {
                log: log.to_string(),
                position: *position,
            })
            .collect()
    }

    /// Writes the wire form for a reader of an agency.
    #[must_use]
    pub fn encode(&self, agency: &AgencyId) -> String {
        let packed = Packed {
            format: FORMAT,
            agency: agency.to_string(),
            positions: self.to_positions(),
        };
        let mut bytes = packed.encode_to_vec();
        let sum = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&sum.to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads the wire form.
    ///
    /// # Errors
    /// [`Reason::CursorInvalid`] when it is damaged or another agency's.
    pub fn decode(text: &str, agency: &AgencyId) -> Result<Self> {
        if text.len() > CURSOR_CHARACTERS_MAX {
            return Err(invalid("is too long"));
        }
        let bytes = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_| invalid("is damaged"))?;
        let (body, sum) = bytes
            .split_last_chunk::<4>()
            .ok_or_else(|| invalid("is damaged"))?;
        if crc32c::crc32c(body).to_be_bytes() != *sum {
            return Err(invalid("is damaged"));
        }
        let packed = Packed::decode(body).map_err(|_| invalid("is damaged"))?;
        if packed.format != FORMAT || packed.positions.len() > CURSOR_LOGS_MAX {
            return Err(invalid("is of another format"));
        }
        if packed.agency != agency.as_str() {
            return Err(invalid("is another agency's"));
        }
        Self::from_positions(&packed.positions)
    }
}

fn invalid(what: &str) -> Error {
    Error::new(
        Reason::CursorInvalid,
        format!("cursor: {what}; pass one that this hub gave to your agency, unchanged"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (AgencyId, Cursor) {
        let mut cursor = Cursor::default();
        cursor.set("channels/all-members".parse().unwrap(), 7);
        cursor.set("agencies/tax/inbox".parse().unwrap(), 0);
        ("tax".parse().unwrap(), cursor)
    }

    #[test]
    fn round_trips_for_its_agency_only() {
        let (agency, cursor) = sample();
        let text = cursor.encode(&agency);
        assert_eq!(Cursor::decode(&text, &agency), Ok(cursor));
        let other = Cursor::decode(&text, &"health".parse().unwrap()).unwrap_err();
        assert_eq!(other.reason, Reason::CursorInvalid);
    }

    #[test]
    fn every_changed_character_is_noticed() {
        let (agency, cursor) = sample();
        let text = cursor.encode(&agency);
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(Cursor::decode(&changed, &agency).is_err(), "{changed}");
        }
    }
}
