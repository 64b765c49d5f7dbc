//! When certificates and the revocation list end, and who is told of it in time.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::{
    clock::Clock,
    domain::members::roster::{Roster, SharedRoster},
    tls::TlsReloader,
};

/// How many days before an end the log warns, once for each.
pub const WARNING_DAYS: [i64; 5] = [30, 14, 7, 3, 1];

/// How often the ends are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(3600);

/// What ends.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// The hub's own certificate.
    Hub,
    /// An authority of node certificates.
    Authority,
    /// The revocation list; of several, the first to end.
    RevocationList,
    /// A node, by the latest of its enrolled certificates that is not revoked.
    Node {
        /// Whose.
        agency: String,
        /// Which.
        node: String,
    },
}

impl Subject {
    /// What it is, in one word of a metric's label.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Hub => "hub",
            Self::Authority => "authority",
            Self::RevocationList => "revocation_list",
            Self::Node { .. } => "node",
        }
    }

    /// What happens then, and what to do before.
    fn remedy(&self) -> &'static str {
        match self {
            Self::Hub => "then no client connects; `hub pki renew-hub` makes a new one",
            Self::Authority => {
                "then every certificate under it is refused; put a new authority beside it in \
                 tls.client_ca and issue anew"
            }
            Self::RevocationList => "then every node is refused; `hub pki refresh-crl` writes it",
            Self::Node { .. } => {
                "then the hub refuses the node; `hub pki issue AGENCY NODE --replace` renews it, \
                 and a node that is gone for good is revoked"
            }
        }
    }
}

/// Something that ends.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Expiry {
    /// What.
    pub subject: Subject,
    /// When.
    pub until_at: Timestamp,
}

impl Expiry {
    /// Days left; less than 0 afterwards.
    #[must_use]
    pub fn days_left(&self, now: Timestamp) -> f64 {
        self.until_at.duration_since(now).as_secs_f64() / 86_400.0
    }
}

/// Everything that ends: what the TLS files hold, and the nodes of the roster.
#[must_use]
pub fn all(tls: &TlsReloader, roster: &Roster) -> Vec<Expiry> {
    let ends = tls.ends();
    let own = [
        (Subject::Hub, ends.certificate_until_at),
        (Subject::RevocationList, ends.crl_until_at),
    ];
    let authorities = ends.authorities_until_at.into_iter();
    let own = own
        .into_iter()
        .chain(authorities.map(|until_at| (Subject::Authority, until_at)));
    own.chain(nodes(roster))
        .map(|(subject, until_at)| Expiry { subject, until_at })
        .collect()
}

fn nodes(roster: &Roster) -> BTreeMap<Subject, Timestamp> {
    let mut nodes = BTreeMap::new();
    for agency in roster.charter().agencies() {
        let rows = roster.nodes(agency.id()).into_iter();
        for row in rows.filter(|row| row.revoked_at_us == 0) {
            let subject = Subject::Node {
                agency: row.agency.clone(),
                node: row.node.clone(),
            };
            let Some(until_at) = not_after(&row.certificate) else {
                continue;
            };
            let latest = nodes.entry(subject).or_insert(until_at);
            *latest = until_at.max(*latest);
        }
    }
    nodes
}

/// The end of a certificate's validity; `None` when it cannot be read, so it was never let in.
fn not_after(der: &[u8]) -> Option<Timestamp> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()
}

/// Something that ends soon or has ended, and has not been told of at this nearness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// What and when.
    pub expiry: Expiry,
    /// The threshold that was passed, in days; 0 when it is over.
    pub days: i64,
}

/// What has been told.
#[derive(Debug, Default)]
pub struct Warned(HashMap<Expiry, i64>);

impl Warned {
    /// What is to be told now: for each thing that ends at most the nearest threshold, and each
    /// threshold once. A renewed certificate ends at another time and is another thing.
    pub fn look(&mut self, now: Timestamp, all: Vec<Expiry>) -> Vec<Warning> {
        self.0.retain(|told, _| all.contains(told));
        let mut due = vec![];
        for expiry in all {
            let Some(days) = threshold(expiry.until_at.duration_since(now)) else {
                continue;
            };
            if self.0.get(&expiry).is_some_and(|told| *told <= days) {
                continue;
            }
            self.0.insert(expiry.clone(), days);
            due.push(Warning { expiry, days });
        }
        due
    }
}

/// The nearest threshold that has been passed.
fn threshold(left: SignedDuration) -> Option<i64> {
    if left <= SignedDuration::ZERO {
        return Some(0);
    }
    let passed = |days: &i64| left <= SignedDuration::from_hours(days * 24);
    WARNING_DAYS.into_iter().filter(passed).min()
}

/// Looks at once and then every hour, and tells the log. It ends only when dropped.
pub async fn watch(tls: Arc<TlsReloader>, roster: Arc<SharedRoster>, clock: Arc<dyn Clock>) {
    let mut warned = Warned::default();
    loop {
        for warning in warned.look(clock.now(), all(&tls, &roster.load_full())) {
            log(&warning);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn log(warning: &Warning) {
    let Expiry { subject, until_at } = &warning.expiry;
    let (kind, days, remedy) = (subject.kind(), warning.days, subject.remedy());
    let (agency, node) = match subject {
        Subject::Node { agency, node } => (Some(agency), Some(node)),
        _ => (None, None),
    };
    if days == 0 {
        tracing::error!(kind, agency, node, %until_at, "a certificate or list has expired: {remedy}");
    } else {
        tracing::warn!(
            kind, agency, node, %until_at,
            "a certificate or list expires within {days} days; {remedy}"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    const DAY_US: i64 = 86_400_000_000;

    fn days_of(warnings: &[Warning]) -> Vec<i64> {
        warnings.iter().map(|warning| warning.days).collect()
    }

    #[test]
    fn each_threshold_is_told_once() {
        let clock = ManualClock::at("2026-03-02T00:00:00Z".parse().unwrap());
        let expiry = Expiry {
            subject: Subject::Hub,
            until_at: clock.now() + SignedDuration::from_hours(24 * 31),
        };
        let mut warned = Warned::default();
        let mut told = vec![];
        for _hour in 0..24 * 33 {
            told.extend(warned.look(clock.now(), vec![expiry.clone()]));
            clock.advance_us(DAY_US / 24);
        }
        assert_eq!(days_of(&told), [30, 14, 7, 3, 1, 0]);
    }

    #[test]
    fn a_late_start_tells_the_nearest_only_and_a_renewal_begins_anew() {
        let now: Timestamp = "2026-03-02T00:00:00Z".parse().unwrap();
        let node = |hours| Expiry {
            subject: Subject::Node {
                agency: "tax".into(),
                node: "node-1".into(),
            },
            until_at: now + SignedDuration::from_hours(hours),
        };
        let mut warned = Warned::default();
        assert_eq!(days_of(&warned.look(now, vec![node(5 * 24)])), [7]);
        assert_eq!(warned.look(now, vec![node(5 * 24)]), []);
        assert_eq!(warned.look(now, vec![node(397 * 24)]), []);
        assert_eq!(days_of(&warned.look(now, vec![node(29 * 24)])), [30]);
        assert_eq!(days_of(&warned.look(now, vec![node(5 * 24)])), [7], "again");
        assert_eq!(days_of(&warned.look(now, vec![node(-1)])), [0]);
    }

    #[test]
    fn a_threshold_is_passed_at_its_very_end() {
        let at = |hours| threshold(SignedDuration::from_hours(hours));
        assert_eq!(at(30 * 24 + 1), None);
        assert_eq!(at(30 * 24), Some(30));
        assert_eq!(at(14 * 24 + 1), Some(30));
        assert_eq!(at(24), Some(1));
        assert_eq!(at(0), Some(0));
    }
}
