//! Records of reads of restricted records.

use prometheus_client::{metrics::counter::Counter, registry::Registry};

/// Instruments of reads on the record. They tell how many, never of what.
#[derive(Debug, Default)]
pub struct ReadMetrics {
    records: Counter,
    refusals: Counter,
}

impl ReadMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "hub_reads_records",
            "Restricted records whose reading was recorded",
            self.records.clone(),
        );
        registry.register(
            "hub_reads_refusals",
            "Reads of restricted records that were refused because they could not be recorded",
            self.refusals.clone(),
        );
    }

    /// A read of so many records was recorded, or could not be.
    pub fn ended(&self, records: usize, is_recorded: bool) {
        if is_recorded {
            self.records
                .inc_by(u64::try_from(records).unwrap_or_default());
        } else {
            self.refusals.inc();
        }
    }
}
