//! The writer's batches and commits.

use std::time::Duration;

use prometheus_client::{
    metrics::{counter::Counter, histogram::Histogram},
    registry::Registry,
};

/// Upper bounds of the buckets of a batch, in submissions; the last is the largest batch.
const BATCH: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// Upper bounds of the buckets of a commit's time, in seconds.
const COMMIT_S: [f64; 13] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0,
];

/// Instruments of the one writer.
#[derive(Debug)]
pub struct WriterMetrics {
    batch: Histogram,
    commit: Histogram,
    failures: Counter,
}

impl Default for WriterMetrics {
    fn default() -> Self {
        Self {
            batch: Histogram::new(BATCH),
            commit: Histogram::new(COMMIT_S),
            failures: Counter::default(),
        }
    }
}

impl WriterMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "hub_writer_batch_submissions",
            "Submissions that the writer worked through in one go",
            self.batch.clone(),
        );
        registry.register(
            "hub_commit_duration_seconds",
            "Time to append a batch's entries, sync them and hand over their rows",
            self.commit.clone(),
        );
        registry.register(
            "hub_commit_failures",
            "Commits that failed",
            self.failures.clone(),
        );
    }

    /// The writer has taken so many submissions from its queue.
    pub fn batch(&self, submissions: usize) {
        // At most `engine::BATCH_MAX`, which is exact in 32 bits.
        self.batch
            .observe(u32::try_from(submissions).unwrap_or(u32::MAX).into());
    }

    /// A commit took so long and succeeded.
    pub fn committed(&self, after: Duration) {
        self.commit.observe(after.as_secs_f64());
    }

    /// A commit failed.
    pub fn commit_failed(&self) {
        self.failures.inc();
    }
}
