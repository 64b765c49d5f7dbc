//! Chinese names beside ids, and times as people here read them.

use std::collections::HashMap;

use agency_client::Client;
use jiff::{Timestamp, tz::TimeZone};

use crate::json::instant;

/// Time zone of the charter.
pub(crate) const ZONE: &str = "Asia/Shanghai";

/// Names of agencies and offices by resource name; fetched once a command.
#[derive(Debug, Default)]
pub(crate) struct Names(HashMap<String, String>);

impl Names {
    /// Fetches the names. When that fails, ids alone are shown: the command itself goes on.
    pub(crate) async fn fetch(client: &Client) -> Self {
        let members = client.members();
        let (agencies, mechanisms) =
            tokio::join!(members.list_agencies(None), members.list_mechanisms(None));
        let mut names = HashMap::new();
        for agency in agencies.unwrap_or_default() {
            names.insert(agency.name, agency.display_name);
        }
        for mechanism in mechanisms.unwrap_or_default() {
            let office = mechanism
                .office_names
                .into_iter()
                .next()
                .unwrap_or_else(|| format!("{}办公室", mechanism.display_name));
            names.insert(mechanism.office, office);
            names.insert(mechanism.name, mechanism.display_name);
        }
        Self(names)
    }

    /// The id with its name, such as `tax 国家税务总局山西省税务局`.
    pub(crate) fn show(&self, resource: &str) -> String {
        let id = ["agencies/", "mechanisms/"]
            .iter()
            .find_map(|collection| resource.strip_prefix(collection))
            .filter(|id| !id.contains('/'))
            .unwrap_or(resource);
        match self.0.get(resource) {
            Some(name) => format!("{id} {name}"),
            None => id.to_owned(),
        }
    }

    /// As [`Self::show`], by agency id.
    pub(crate) fn agency(&self, id: &str) -> String {
        self.show(&format!("agencies/{id}"))
    }
}

/// An instant off the wire in the charter's time zone; empty when absent.
pub(crate) fn time(at: Option<&prost_types::Timestamp>) -> String {
    instant(at).map(local).unwrap_or_default()
}

/// An instant in the charter's time zone, to the second.
pub(crate) fn local(at: Timestamp) -> String {
    let zone = TimeZone::get(ZONE).unwrap_or(TimeZone::UTC);
    at.to_zoned(zone)
        .strftime("%Y-%m-%d %H:%M:%S %:z")
        .to_string()
}

/// An instant off the wire for a table, to the minute and without its offset, which `--help`
/// states; empty when absent.
pub(crate) fn minute(at: Option<&prost_types::Timestamp>) -> String {
    let zone = TimeZone::get(ZONE).unwrap_or(TimeZone::UTC);
    instant(at).map_or_else(String::new, |at| {
        at.to_zoned(zone).strftime("%Y-%m-%d %H:%M").to_string()
    })
}

/// Full name of a log: a channel id, `inbox`, `sent`, or a full name already.
pub(crate) fn log_name(text: &str, agency: &str) -> String {
    match text {
        "inbox" | "sent" => format!("agencies/{agency}/{text}"),
        full if full.contains('/') => full.to_owned(),
        channel => format!("channels/{channel}"),
    }
}

/// Full name of a resource in a collection, from its id or its full name.
pub(crate) fn resource(collection: &str, text: &str) -> String {
    if text.contains('/') {
        text.to_owned()
    } else {
        format!("{collection}/{text}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_local_with_their_offset() {
        let at = "2026-12-01T10:00:00.999Z".parse().unwrap();
        assert_eq!(local(at), "2026-12-01 18:00:00 +08:00");
        assert_eq!(time(None), "");
        let wire = prost_types::Timestamp {
            seconds: 1_796_119_200,
            nanos: 0,
        };
        assert_eq!(minute(Some(&wire)), "2026-12-01 18:00");
    }

    #[test]
    fn short_log_names_become_full_ones() {
        for (text, full) in [
            ("inbox", "agencies/tax/inbox"),
            ("sent", "agencies/tax/sent"),
            ("all-members", "channels/all-members"),
            ("mechanisms/m/office/inbox", "mechanisms/m/office/inbox"),
        ] {
            assert_eq!(log_name(text, "tax"), full);
        }
    }

    #[test]
    fn an_unknown_agency_is_shown_by_id() {
        let names = Names(HashMap::from([("agencies/tax".into(), "税务局".into())]));
        assert_eq!(names.agency("tax"), "tax 税务局");
        assert_eq!(names.agency("other"), "other");
    }
}
