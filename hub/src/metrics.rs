//! What the hub counts and measures while it works.
//!
//! The cast:
//! - [`Metrics`]: all instruments, shared by everyone who counts, and the registry that shows them.
//! - [`door`]: connections that were closed at the door.
//! - [`reads`]: reads on the record.
//! - [`rpc`]: calls by method and outcome.
//! - [`writer`]: the writer's batches and commits.
//!
//! What can be read off the running hub is not counted here but looked up when somebody asks:
//! see [`crate::exporter`].
//!
//! A part that has something to count adds a file to this folder with a struct of its instruments and
//! a `register`, and a field to [`Metrics`]; the dashboard's test then asks for a panel.
//!
//! Invariant: a label holds a method, a code, a reason, an agency, a node or a consumer, each from a
//! bounded set; never contents, organisations, officers or names of notifications. Counting takes no lock
//! that a scrape holds for long.

pub mod door;
pub mod reads;
pub mod rpc;
pub mod writer;

use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

use prometheus_client::{encoding::text, registry::Registry};

use self::{door::DoorMetrics, reads::ReadMetrics, rpc::RpcMetrics, writer::WriterMetrics};

/// Every instrument of the hub.
pub struct Metrics {
    /// The door.
    pub door: DoorMetrics,
    /// Reads of restricted records.
    pub reads: ReadMetrics,
    /// Calls.
    pub rpc: RpcMetrics,
    /// The writer.
    pub writer: WriterMetrics,
    registry: Mutex<Registry>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    /// Knows no method: every call counts as [`rpc::OTHER`].
    fn default() -> Self {
        Self::new([])
    }
}

impl Metrics {
    /// Instruments that tell these methods apart, given as full paths.
    #[must_use]
    pub fn new(methods: impl IntoIterator<Item = &'static str>) -> Self {
        let metrics = Self {
            door: DoorMetrics::default(),
            reads: ReadMetrics::default(),
            rpc: RpcMetrics::new(methods),
            writer: WriterMetrics::default(),
            registry: Mutex::default(),
        };
        metrics.register(|registry| {
            metrics.door.register(registry);
            metrics.reads.register(registry);
            metrics.rpc.register(registry);
            metrics.writer.register(registry);
        });
        metrics
    }

    /// Adds instruments, or a collector that looks things up at every scrape. Names begin with `hub_`
    /// and end in their unit.
    pub fn register(&self, add: impl FnOnce(&mut Registry)) {
        add(&mut self.registry.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// All of it as OpenMetrics text. Runs the collectors, which may read from the disk.
    ///
    /// # Errors
    /// When a collector cannot write its text.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut out = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        text::encode(&mut out, &registry)?;
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn text(metrics: &Metrics) -> String {
        metrics.encode().unwrap()
    }

    #[test]
    fn a_call_is_counted_under_its_method_and_code() {
        let metrics = Metrics::new(["/a.B/C"]);
        let method = metrics.rpc.method("/a.B/C");
        method.answered(Duration::from_millis(3));
        method.ended(5);
        method.ended(0);
        method.ended(0);
        let text = text(&metrics);
        let line = |line: &str| assert!(text.contains(line), "{line}\n{text}");
        line("hub_rpc_calls_total{method=\"a.B/C\",code=\"OK\"} 2\n");
        line("hub_rpc_calls_total{method=\"a.B/C\",code=\"NOT_FOUND\"} 1\n");
        line("hub_rpc_duration_seconds_bucket{le=\"0.005\",method=\"a.B/C\"} 1\n");
        line("hub_rpc_duration_seconds_bucket{le=\"0.0025\",method=\"a.B/C\"} 0\n");
    }

    #[test]
    fn what_callers_make_up_adds_no_series() {
        let metrics = Metrics::new(["/a.B/C"]);
        for number in 0..100 {
            metrics.rpc.method(&format!("/x/{number}")).ended(12);
            metrics.rpc.method("/a.B/C").ended(1_000 + number);
        }
        let text = text(&metrics);
        let series = text
            .lines()
            .filter(|line| line.starts_with("hub_rpc_calls_total{"));
        let series: Vec<&str> = series.collect();
        assert_eq!(
            series.len(),
            2,
            "one for other methods, one for other codes: {series:?}"
        );
        assert!(text.contains("{method=\"other\",code=\"UNIMPLEMENTED\"} 100\n"));
        assert!(text.contains("{method=\"a.B/C\",code=\"UNKNOWN\"} 100\n"));
    }
}
