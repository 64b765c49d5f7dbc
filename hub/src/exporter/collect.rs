//! What is looked up in the running hub at every scrape. Every loop is bounded by the charter's
//! agencies and what each may have.

use std::{
    collections::BTreeMap,
    fmt,
    path::PathBuf,
    sync::{Arc, Weak},
};

use hub_core::names::{AgencyId, LogName, Recipient};
use jiff::Timestamp;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeGaugeValue, EncodeMetric as _},
    metrics::{MetricType, gauge::ConstGauge},
};

use super::process;
use crate::{
    clock::Clock,
    domain::{
        channels::{self, cursor::Cursor, log::Head},
        members::roster::Roster,
    },
    engine::{Engine, QUEUE_MAX, Writes},
    error::Result,
    expiry,
    tls::{Connections, TlsReloader},
    wire::streams::Streams,
};

/// Label of connections and calls of certificates that name no agency of the charter.
const UNKNOWN: &str = "unknown";

/// Where it is looked up.
#[derive(Debug)]
pub struct Sources {
    /// Ledger, rows, roster, queue. Weak, because the engine's thread holds the metrics that hold this.
    pub engine: Weak<Engine>,
    /// Open connections.
    pub connections: Connections,
    /// Open subscriptions.
    pub streams: Arc<Streams>,
    /// When the TLS files end.
    pub tls: Arc<TlsReloader>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The data folder.
    pub data_dir: PathBuf,
    /// When the hub started.
    pub started_at: Timestamp,
}

/// Labels of one series.
type Labels = Vec<(&'static str, String)>;

impl Collector for Sources {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.process(&mut encoder)?;
        let Some(engine) = self.engine.upgrade() else {
            return Ok(());
        };
        let roster = engine.roster().load_full();
        writer(&mut encoder, &engine)?;
        self.doors(&mut encoder, &roster)?;
        self.certificates(&mut encoder, &roster)?;
        consumers(&mut encoder, &engine, &roster)
    }
}

impl Sources {
    fn process(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let version = vec![("version", env!("CARGO_PKG_VERSION").to_owned())];
        gauges(
            encoder,
            "hub_build_info",
            "1, with the version that runs",
            [(version, 1_i64)],
        )?;
        let started = self.started_at.as_millisecond();
        #[allow(
            clippy::cast_precision_loss,
            reason = "milliseconds since 1970 are exact in 53 bits"
        )]
        let started_s = started as f64 / 1000.0;
        let start = "process_start_time_seconds";
        gauge(
            encoder,
            start,
            "When the hub started, since 1970",
            Some(started_s),
        )?;
        let memory = "process_resident_memory_bytes";
        gauge(
            encoder,
            memory,
            "Resident memory",
            process::resident_bytes(),
        )?;
        let free = "hub_data_free_bytes";
        let help = "Free room on the data folder's file system";
        gauge(encoder, free, help, process::free_bytes(&self.data_dir))?;
        let files = "process_open_fds";
        gauge(encoder, files, "Open file handles", process::open_files())?;
        let most = "process_max_fds";
        gauge(
            encoder,
            most,
            "Most file handles",
            process::open_files_max(),
        )
    }

    fn doors(&self, encoder: &mut DescriptorEncoder<'_>, roster: &Roster) -> fmt::Result {
        let open = self.connections.open();
        let open = by_agency(
            roster,
            open.iter().map(|(who, count)| (who.as_ref(), *count)),
        );
        gauges(encoder, "hub_connections", "Open connections", open)?;
        let open = self.streams.counts();
        let open = by_agency(roster, open.iter().map(|(who, count)| (Some(who), *count)));
        gauges(encoder, "hub_subscriptions", "Open subscriptions", open)
    }

    fn certificates(&self, encoder: &mut DescriptorEncoder<'_>, roster: &Roster) -> fmt::Result {
        let now = self.clock.now();
        let mut days: BTreeMap<expiry::Subject, f64> = BTreeMap::new();
        for expiry in expiry::all(&self.tls, roster) {
            // Of several authorities the first to end is shown.
            let left = expiry.days_left(now);
            let first = days.entry(expiry.subject).or_insert(left);
            *first = first.min(left);
        }
        let series = days.into_iter().map(|(subject, left)| {
            let mut labels = vec![("kind", subject.kind().to_owned())];
            if let expiry::Subject::Node { agency, node } = subject {
                labels.extend([("agency", agency), ("node", node)]);
            }
            (labels, left)
        });
        let help = "Days until a certificate or the revocation list ends";
        gauges(encoder, "hub_certificate_expiry_days", help, series)
    }
}

fn writer(encoder: &mut DescriptorEncoder<'_>, engine: &Engine) -> fmt::Result {
    let takes = i64::from(engine.writes() == Writes::Taken);
    let help = "1 while the hub records, 0 while its disk is full or after its storage failed";
    gauge(encoder, "hub_writes_accepted", help, Some(takes))?;
    let head = "hub_ledger_entries";
    gauge(
        encoder,
        head,
        "Entries of the ledger",
        Some(engine.store().head()),
    )?;
    let depth = u64::try_from(engine.queue_depth()).ok();
    let waiting = "hub_writer_queue_submissions";
    gauge(
        encoder,
        waiting,
        "Submissions that wait for the writer",
        depth,
    )?;
    let most = "hub_writer_queue_submissions_max";
    let max = u64::try_from(QUEUE_MAX).ok();
    gauge(
        encoder,
        most,
        "Most submissions that may wait for the writer",
        max,
    )
}

fn consumers(encoder: &mut DescriptorEncoder<'_>, engine: &Engine, roster: &Roster) -> fmt::Result {
    let lags = lags(engine, roster).unwrap_or_else(|error| {
        tracing::warn!(%error, "the lag of consumers could not be read");
        vec![]
    });
    let help = "Notifications that a durable consumer has not acknowledged";
    gauges(encoder, "hub_consumer_lag_notifications", help, lags)
}

/// How far each consumer is behind, in the logs that its agency may read today.
fn lags(engine: &Engine, roster: &Roster) -> Result<Vec<(Labels, i64)>> {
    let store = engine.store();
    let today = roster.day(engine.clock().now());
    let mut lags = vec![];
    for agency in roster.charter().agencies() {
        let agency = agency.id();
        let may_read = |log: &LogName| match log {
            LogName::Channel(channel) => roster.audience(channel, today).contains(agency),
            LogName::Inbox(Recipient::Agency(of)) | LogName::Sent(of) => of == agency,
            LogName::Inbox(Recipient::Office(mechanism)) => {
                roster.offices_of(agency).contains(mechanism)
            }
        };
        for (consumer, row) in channels::consumers(store, agency)? {
            let mut lag = 0_i64;
            for (log, position) in Cursor::from_positions(&row.positions)?.positions() {
                if may_read(log) {
                    let behind = Head::read(store, log)?.saturating_sub(*position);
                    lag = lag.saturating_add(behind);
                }
            }
            lags.push((
                vec![("agency", agency.to_string()), ("consumer", consumer)],
                lag,
            ));
        }
    }
    Ok(lags)
}

/// A count for every agency of the charter, zero included, so that one can see who is not there; and
/// one for all others together.
fn by_agency<'a>(
    roster: &Roster,
    counts: impl Iterator<Item = (Option<&'a AgencyId>, usize)>,
) -> Vec<(Labels, i64)> {
    let agencies = roster.charter().agencies().iter();
    let mut totals: BTreeMap<&str, i64> =
        agencies.map(|agency| (agency.id().as_str(), 0)).collect();
    for (agency, count) in counts {
        let known = agency.filter(|id| roster.charter().agency(id).is_some());
        let total = totals
            .entry(known.map_or(UNKNOWN, |id| id.as_str()))
            .or_default();
        *total = total.saturating_add(i64::try_from(count).unwrap_or(i64::MAX));
    }
    let labelled = |(agency, total): (&str, i64)| (vec![("agency", agency.to_owned())], total);
    totals.into_iter().map(labelled).collect()
}

/// One value without labels; nothing but its name when there is none.
fn gauge<N: EncodeGaugeValue>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    value: Option<N>,
) -> fmt::Result {
    gauges(encoder, name, help, value.map(|value| (vec![], value)))
}

fn gauges<N: EncodeGaugeValue>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    series: impl IntoIterator<Item = (Labels, N)>,
) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (labels, value) in series {
        let value = ConstGauge::new(value);
        if labels.is_empty() {
            return value.encode(metric);
        }
        value.encode(metric.encode_family(&labels)?)?;
    }
    Ok(())
}
