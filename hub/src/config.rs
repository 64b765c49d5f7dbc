//! The hub's settings: strict TOML. An unknown key is an error, every default is named here, and
//! paths are relative to the file.

use std::{
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use serde::Deserialize;

use crate::{
    attachments::settings::Settings as Attachments,
    identity::{
        RateLimits,
        rates::{AGENCY_CALLS_BURST_MAX, AGENCY_CALLS_PER_SECOND_MAX},
    },
    pace::Quota,
    tls::AcceptLimits,
};

/// Largest settings file in bytes.
pub const CONFIG_BYTES_MAX: u64 = 64 * 1024;

/// Default of [`Config::reload_interval_ms`].
pub const RELOAD_INTERVAL_MS: u64 = 1_000;

/// Default of [`Config::drain_ms_max`].
pub const DRAIN_MS_MAX: u64 = 10_000;

/// Default of [`Limits::agency_streams_max`].
pub const AGENCY_STREAMS_MAX: usize = 64;

/// Default of [`Limits::connection_calls_max`].
pub const CONNECTION_CALLS_MAX: u32 = 256;

/// Default of [`Limits::agency_calls_max`].
pub const AGENCY_CALLS_MAX: usize = 2_048;

/// Default of [`Limits::keepalive_ms`].
pub const KEEPALIVE_MS: u64 = 20_000;

/// Default of [`Traces::sample_ratio`]: one call in ten.
pub const SAMPLE_RATIO: f64 = 0.1;

/// Default of [`Limits::disk_free_bytes_min`]: 256 MiB.
pub const DISK_FREE_BYTES_MIN: u64 = 256 * 1024 * 1024;

/// Least of [`Limits::node_bytes_per_second_max`]: the largest message comes in within a second.
pub const NODE_BYTES_PER_SECOND_MIN: u64 = 1 << 20;

/// `hub.toml`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address and port to listen on. Port 0 lets the system choose.
    pub listen: SocketAddr,
    /// The data folder: ledger and state.
    pub data_dir: PathBuf,
    /// The charter.
    pub charter: PathBuf,
    /// Trust domain of node certificates.
    pub trust_domain: String,
    /// What officer tokens must name as their audience; the trust domain unless given.
    #[serde(default)]
    pub token_audience: Option<String>,
    /// Folder of certificates and token keys that the operator enrols; nothing is imported without.
    #[serde(default)]
    pub roster_dir: Option<PathBuf>,
    /// How often TLS files, the roster folder and the calendar are looked at, in milliseconds.
    #[serde(default = "reload_interval_ms")]
    pub reload_interval_ms: u64,
    /// How long calls may go on after SIGTERM, in milliseconds.
    #[serde(default = "drain_ms_max")]
    pub drain_ms_max: u64,
    /// Answer gRPC reflection; for development only.
    #[serde(default)]
    pub reflection: bool,
    /// The ledger.
    pub ledger: Ledger,
    /// TLS.
    pub tls: Tls,
    /// Limits.
    #[serde(default)]
    pub limits: Limits,
    /// Working days.
    #[serde(default)]
    pub calendar: Calendar,
    /// Files that go with notifications.
    #[serde(default)]
    pub attachments: Attachments,
    /// The log.
    #[serde(default)]
    pub log: Log,
    /// Metrics.
    #[serde(default)]
    pub metrics: Metrics,
    /// Traces.
    #[serde(default)]
    pub traces: Traces,
}

/// `[ledger]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    /// Name of the ledger in its checkpoints: no white space, no `+`.
    pub origin: String,
    /// The Ed25519 key that signs checkpoints, PKCS#8 PEM.
    pub key: PathBuf,
}

/// `[tls]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The hub's certificate chain, PEM, leaf first.
    pub certificate: PathBuf,
    /// The hub's private key, PEM.
    pub key: PathBuf,
    /// Authorities of node certificates, PEM.
    pub client_ca: PathBuf,
    /// Their revocation lists, PEM.
    pub crl: PathBuf,
}

/// `[limits]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Open connections in all.
    pub connections_max: usize,
    /// Open connections of one agency.
    pub agency_connections_max: usize,
    /// New connections from one address in a second, in the long run.
    pub address_connections_per_second_max: u64,
    /// New connections from one address at once, after a time of rest.
    pub address_connections_burst_max: u64,
    /// New connections of one node in a second, in the long run, wherever from.
    pub node_connections_per_second_max: u64,
    /// New connections of one node at once, after a time of rest, wherever from.
    pub node_connections_burst_max: u64,
    /// Bytes that one node may send in a second, in the long run.
    pub node_bytes_per_second_max: u64,
    /// Open subscriptions of one agency.
    pub agency_streams_max: usize,
    /// Calls under way on one connection.
    pub connection_calls_max: u32,
    /// Calls of one agency under way, until their answers are handed over; streams too.
    pub agency_calls_max: usize,
    /// A connection is asked for a sign of life so often, in milliseconds, and closed when it gives
    /// none in as long again, or takes nothing of what is written to it in twice as long.
    pub keepalive_ms: u64,
    /// Calls of one agency in a second, in the long run.
    pub agency_calls_per_second_max: u32,
    /// Calls of one agency at once, after a time of rest.
    pub agency_calls_burst_max: u32,
    /// Free bytes of the data folder's file system below which nothing is recorded.
    pub disk_free_bytes_min: u64,
}

impl Default for Limits {
    fn default() -> Self {
        let accept = AcceptLimits::default();
        Self {
            connections_max: accept.connections_max,
            agency_connections_max: accept.agency_connections_max,
            address_connections_per_second_max: accept.address_arrivals.per_second_max,
            address_connections_burst_max: accept.address_arrivals.burst_max,
            node_connections_per_second_max: accept.node_arrivals.per_second_max,
            node_connections_burst_max: accept.node_arrivals.burst_max,
            node_bytes_per_second_max: accept.node_bytes_per_second_max,
            agency_streams_max: AGENCY_STREAMS_MAX,
            connection_calls_max: CONNECTION_CALLS_MAX,
            agency_calls_max: AGENCY_CALLS_MAX,
            keepalive_ms: KEEPALIVE_MS,
            agency_calls_per_second_max: AGENCY_CALLS_PER_SECOND_MAX,
            agency_calls_burst_max: AGENCY_CALLS_BURST_MAX,
            disk_free_bytes_min: DISK_FREE_BYTES_MIN,
        }
    }
}

impl Limits {
    fn check(&self) -> anyhow::Result<()> {
        let count = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
        let calls_per_second = u64::from(self.agency_calls_per_second_max);
        let calls_burst = u64::from(self.agency_calls_burst_max);
        let connection_calls = u64::from(self.connection_calls_max);
        for (name, value, min, max) in [
            ("connections_max", count(self.connections_max), 1, 1 << 20),
            (
                "agency_connections_max",
                count(self.agency_connections_max),
                1,
                1 << 20,
            ),
            (
                "address_connections_per_second_max",
                self.address_connections_per_second_max,
                1,
                1 << 20,
            ),
            (
                "address_connections_burst_max",
                self.address_connections_burst_max,
                1,
                1 << 20,
            ),
            (
                "node_connections_per_second_max",
                self.node_connections_per_second_max,
                1,
                1 << 20,
            ),
            (
                "node_connections_burst_max",
                self.node_connections_burst_max,
                1,
                1 << 20,
            ),
            (
                "node_bytes_per_second_max",
                self.node_bytes_per_second_max,
                NODE_BYTES_PER_SECOND_MIN,
                1 << 40,
            ),
            (
                "agency_streams_max",
                count(self.agency_streams_max),
                1,
                1 << 20,
            ),
            ("connection_calls_max", connection_calls, 1, 1 << 16),
            ("agency_calls_max", count(self.agency_calls_max), 1, 1 << 20),
            ("keepalive_ms", self.keepalive_ms, 100, 600_000),
            ("agency_calls_burst_max", calls_burst, 1, 1 << 30),
            ("agency_calls_per_second_max", calls_per_second, 1, 1 << 30),
            ("disk_free_bytes_min", self.disk_free_bytes_min, 0, 1 << 50),
        ] {
            within(&format!("limits.{name}"), value, min, max)?;
        }
        Ok(())
    }
}

/// `[calendar]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Calendar {
    /// What newer notices say of working days, added to what is built in; only that without.
    pub file: Option<PathBuf>,
}

/// `[log]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// `text` or `json`.
    pub format: LogFormat,
    /// What to log, such as `info` or `hub=debug,info`.
    pub filter: String,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            format: LogFormat::Text,
            filter: "info".into(),
        }
    }
}

/// Form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// `[metrics]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Metrics {
    /// Where `GET /metrics` is answered, to whoever can reach it; nowhere without. Port 0 lets the
    /// system choose.
    pub listen: Option<SocketAddr>,
}

/// `[traces]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Traces {
    /// The collector that takes OTLP over gRPC, `http://host:port`; no traces without.
    pub otlp_endpoint: Option<String>,
    /// Part of the traces that is kept, 0 to 1.
    pub sample_ratio: f64,
    /// A caller may make a call part of its own trace (W3C `traceparent`), and decide that it is kept.
    pub accept_traceparent: bool,
}

impl Default for Traces {
    fn default() -> Self {
        Self {
            otlp_endpoint: None,
            sample_ratio: SAMPLE_RATIO,
            accept_traceparent: false,
        }
    }
}

impl Traces {
    /// Where spans go, if anywhere.
    #[must_use]
    pub fn options(&self) -> Option<crate::traces::Options> {
        let otlp_endpoint = self.otlp_endpoint.clone()?;
        Some(crate::traces::Options {
            otlp_endpoint,
            sample_ratio: self.sample_ratio,
            accept_traceparent: self.accept_traceparent,
        })
    }

    fn check(&self) -> anyhow::Result<()> {
        ensure!(
            (0.0..=1.0).contains(&self.sample_ratio),
            "traces.sample_ratio: must be 0 to 1, is {}",
            self.sample_ratio
        );
        let is_plain_http = |endpoint: &String| {
            endpoint
                .parse::<http::Uri>()
                .is_ok_and(|uri| uri.scheme_str() == Some("http") && uri.host().is_some())
        };
        // The collector is a program on the same machine or behind a proxy there: the hub speaks TLS
        // with nodes only.
        ensure!(
            self.otlp_endpoint.as_ref().is_none_or(is_plain_http),
            "traces.otlp_endpoint: must be http://host:port"
        );
        Ok(())
    }
}

fn within(name: &str, value: u64, min: u64, max: u64) -> anyhow::Result<()> {
    ensure!(
        (min..=max).contains(&value),
        "{name}: must be {min} to {max}, is {value}"
    );
    Ok(())
}

fn reload_interval_ms() -> u64 {
    RELOAD_INTERVAL_MS
}

fn drain_ms_max() -> u64 {
    DRAIN_MS_MAX
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("listen", &self.listen)
            .field("data_dir", &self.data_dir)
            .field("charter", &self.charter)
            .field("trust_domain", &self.trust_domain)
            .finish_non_exhaustive()
    }
}

impl Config {
    /// Reads a file; its paths become relative to the file's folder.
    ///
    /// # Errors
    /// With file, line and rule.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let length = std::fs::metadata(path)
            .with_context(|| {
                format!("{shown}: cannot be read; name the settings with --config or HUB_CONFIG")
            })?
            .len();
        ensure!(
            length <= CONFIG_BYTES_MAX,
            "{shown}: must be at most {CONFIG_BYTES_MAX} bytes"
        );
        let text =
            std::fs::read_to_string(path).with_context(|| format!("{shown}: cannot be read"))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        Self::parse(&text, folder).with_context(|| format!("{shown}: not a valid hub.toml"))
    }

    /// Reads text; paths become relative to a folder.
    ///
    /// # Errors
    /// With line and rule.
    pub fn parse(text: &str, folder: &Path) -> anyhow::Result<Self> {
        let mut config: Self = toml::from_str(text)?;
        for path in [
            &mut config.data_dir,
            &mut config.charter,
            &mut config.ledger.key,
            &mut config.tls.certificate,
            &mut config.tls.key,
            &mut config.tls.client_ca,
            &mut config.tls.crl,
        ] {
            *path = folder.join(&*path);
        }
        config.roster_dir = config.roster_dir.map(|dir| folder.join(dir));
        config.calendar.file = config.calendar.file.map(|file| folder.join(file));
        let attachments = &mut config.attachments;
        for path in [
            &mut attachments.access_key_id_file,
            &mut attachments.secret_access_key_file,
            &mut attachments.ca,
        ] {
            *path = path.take().map(|path| folder.join(path));
        }
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> anyhow::Result<()> {
        within("reload_interval_ms", self.reload_interval_ms, 50, 3_600_000)?;
        within("drain_ms_max", self.drain_ms_max, 0, 600_000)?;
        self.limits.check()?;
        self.attachments.check()?;
        self.traces.check()?;
        ensure!(
            certs::vkey::is_origin(&self.ledger.origin),
            "ledger.origin: must have no white space and no `+`, and not be empty"
        );
        ensure!(
            !self.trust_domain.is_empty(),
            "trust_domain: must not be empty"
        );
        Ok(())
    }

    /// Audience of officer tokens.
    #[must_use]
    pub fn audience(&self) -> &str {
        self.token_audience.as_deref().unwrap_or(&self.trust_domain)
    }

    /// How often files are looked at.
    #[must_use]
    pub fn reload_interval(&self) -> Duration {
        Duration::from_millis(self.reload_interval_ms)
    }

    /// How often a connection is asked for a sign of life, and how long it may take to give it.
    #[must_use]
    pub fn keepalive(&self) -> Duration {
        Duration::from_millis(self.limits.keepalive_ms)
    }

    /// Limits of an agency's calls.
    #[must_use]
    pub fn rate_limits(&self) -> RateLimits {
        RateLimits {
            calls_per_second_max: self.limits.agency_calls_per_second_max,
            calls_burst_max: self.limits.agency_calls_burst_max,
        }
    }

    /// Limits of the door.
    #[must_use]
    pub fn accept_limits(&self) -> AcceptLimits {
        AcceptLimits {
            connections_max: self.limits.connections_max,
            agency_connections_max: self.limits.agency_connections_max,
            address_arrivals: Quota {
                per_second_max: self.limits.address_connections_per_second_max,
                burst_max: self.limits.address_connections_burst_max,
            },
            node_arrivals: Quota {
                per_second_max: self.limits.node_connections_per_second_max,
                burst_max: self.limits.node_connections_burst_max,
            },
            node_bytes_per_second_max: self.limits.node_bytes_per_second_max,
            stall_time_max: self.keepalive().saturating_mul(2),
            ..AcceptLimits::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../deploy")
            .join(name)
    }

    #[test]
    fn the_samples_are_valid() {
        let small = Config::read(&sample("hub.minimal.toml")).unwrap();
        assert_eq!(small.reload_interval_ms, RELOAD_INTERVAL_MS);
        assert_eq!(small.audience(), small.trust_domain);
        let full = Config::read(&sample("hub.full.toml")).unwrap();
        assert!(full.roster_dir.is_some());
        assert!(!full.reflection);
    }

    #[test]
    fn the_sample_with_a_bucket_is_valid() {
        let config = Config::read(&sample("hub.s3.toml")).unwrap();
        let attachments = &config.attachments;
        let place = attachments.place().unwrap();
        let expected = crate::attachments::settings::Place::S3 {
            bucket: "hub-attachments".into(),
            prefix: "shanxi".into(),
        };
        assert_eq!(place, expected);
        let folder = sample("");
        for (path, below) in [
            (&attachments.access_key_id_file, "secrets/s3-access-key-id"),
            (
                &attachments.secret_access_key_file,
                "secrets/s3-secret-access-key",
            ),
            (&attachments.ca, "pki/s3-ca.pem"),
        ] {
            assert_eq!(*path, Some(folder.join(below)));
        }
    }

    #[test]
    fn the_full_sample_names_every_key_with_its_default() {
        let text = std::fs::read_to_string(sample("hub.full.toml")).unwrap();
        let full = Config::parse(&text, Path::new(".")).unwrap();
        assert_eq!(full.limits, Limits::default());
        assert_eq!(
            (full.reload_interval_ms, full.drain_ms_max),
            (RELOAD_INTERVAL_MS, DRAIN_MS_MAX)
        );
        assert_eq!(full.log.filter, Log::default().filter);
        assert_eq!(full.attachments, Attachments::default());
        let traces = Traces::default();
        assert!((full.traces.sample_ratio - traces.sample_ratio).abs() < f64::EPSILON);
        assert_eq!(full.traces.accept_traceparent, traces.accept_traceparent);
        assert!(text.contains("\naccept_traceparent = ") && text.contains("\nsample_ratio = "));
        for key in [
            "token_audience",
            "roster_dir",
            "reflection",
            "address_connections_per_second_max",
            "address_connections_burst_max",
            "node_connections_per_second_max",
            "node_connections_burst_max",
            "node_bytes_per_second_max",
            "store",
            "orphan_hours",
            "region",
            "allow_http",
            "format",
        ] {
            assert!(text.contains(&format!("\n{key} = ")), "{key}");
        }
    }

    #[test]
    fn what_is_off_by_default_is_shown_and_works_when_turned_on() {
        let text = std::fs::read_to_string(sample("hub.full.toml")).unwrap();
        let full = Config::parse(&text, Path::new(".")).unwrap();
        assert!(full.metrics.listen.is_none() && full.traces.options().is_none());
        let on = text
            .replace("\n# listen = ", "\nlisten = ")
            .replace("\n# otlp_endpoint = ", "\notlp_endpoint = ");
        let on = Config::parse(&on, Path::new(".")).unwrap();
        assert!(on.metrics.listen.is_some_and(|at| at.ip().is_loopback()));
        let options = on.traces.options().unwrap();
        assert_eq!(options.otlp_endpoint, "http://127.0.0.1:4317");
    }

    #[test]
    fn the_calendar_is_built_in_unless_a_file_is_named() {
        let text = std::fs::read_to_string(sample("hub.full.toml")).unwrap();
        let full = Config::parse(&text, Path::new("etc")).unwrap();
        assert_eq!(full.calendar, Calendar::default());
        assert_eq!(full.calendar.file, None);
        let named = text.replace("\n# file = ", "\nfile = ");
        let named = Config::parse(&named, Path::new("etc")).unwrap();
        assert_eq!(named.calendar.file.unwrap(), Path::new("etc/workdays.csv"));
        let error = Config::parse(&format!("{text}\n[calendar]\nurl = 1"), Path::new("."));
        assert!(error.is_err());
    }

    #[test]
    fn traces_are_checked() {
        let text = std::fs::read_to_string(sample("hub.minimal.toml")).unwrap();
        let with = |line: &str| Config::parse(&format!("{text}\n[traces]\n{line}"), Path::new("."));
        for good in ["sample_ratio = 0.0", "sample_ratio = 1.0"] {
            assert!(with(good).is_ok(), "{good}");
        }
        for bad in ["sample_ratio = 1.1", "sample_ratio = nan"] {
            let error = with(bad).unwrap_err().to_string();
            assert!(
                error.starts_with("traces.sample_ratio: must be 0 to 1"),
                "{error}"
            );
        }
        for bad in ["https://127.0.0.1:4317", "127.0.0.1:4317", "http://"] {
            let error = with(&format!("otlp_endpoint = \"{bad}\"")).unwrap_err();
            assert!(
                error.to_string().starts_with("traces.otlp_endpoint"),
                "{error}"
            );
        }
    }

    #[test]
    fn an_unknown_key_is_named() {
        let text = std::fs::read_to_string(sample("hub.minimal.toml")).unwrap();
        let error = Config::parse(&format!("colour = 1\n{text}"), Path::new(".")).unwrap_err();
        assert!(format!("{error:#}").contains("colour"), "{error:#}");
    }

    #[test]
    fn limits_hold_at_the_edge_and_past_it() {
        let text = std::fs::read_to_string(sample("hub.minimal.toml")).unwrap();
        let with = |line: &str| Config::parse(&format!("{line}\n{text}"), Path::new("."));
        assert!(with("reload_interval_ms = 50").is_ok());
        let error = with("reload_interval_ms = 49").unwrap_err();
        assert_eq!(
            error.to_string(),
            "reload_interval_ms: must be 50 to 3600000, is 49"
        );
        for (key, min, max) in [
            ("address_connections_per_second_max", 1, 1 << 20),
            ("address_connections_burst_max", 1, 1 << 20),
            ("node_connections_per_second_max", 1, 1 << 20),
            ("node_connections_burst_max", 1, 1 << 20),
            ("node_bytes_per_second_max", 1 << 20, 1_u64 << 40),
        ] {
            let limit = |value| with(&format!("limits.{key} = {value}"));
            assert!(limit(min).is_ok() && limit(max).is_ok(), "{key}");
            for past in [min - 1, max + 1] {
                let error = limit(past).unwrap_err().to_string();
                let expected = format!("limits.{key}: must be {min} to {max}, is {past}");
                assert_eq!(error, expected);
            }
        }
    }
}
