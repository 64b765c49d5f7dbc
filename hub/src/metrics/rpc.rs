//! Calls by method and outcome.

use std::{collections::HashMap, fmt, sync::OnceLock, time::Duration};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};

/// Label of every method that is not one of the hub's own services.
pub const OTHER: &str = "other";

/// gRPC codes by number.
const CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// The code of a call whose caller went away before its end.
pub const CANCELLED: usize = 1;

/// The code of what is no gRPC code.
pub const UNKNOWN: usize = 2;

/// Upper bounds of the buckets of a call's time, in seconds.
const DURATION_S: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    method: &'static str,
    code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MethodLabels {
    method: &'static str,
}

type Calls = Family<CallLabels, Counter>;
type Durations = Family<MethodLabels, Histogram, fn() -> Histogram>;

/// Calls of all methods.
pub struct RpcMetrics {
    calls: Calls,
    durations: Durations,
    methods: HashMap<&'static str, MethodMetrics>,
    other: MethodMetrics,
}

impl fmt::Debug for RpcMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RpcMetrics").finish_non_exhaustive()
    }
}

/// Calls of one method. A series begins with its first call; from then on counting goes past the
/// tables, which a scrape locks.
pub struct MethodMetrics {
    name: &'static str,
    calls: Calls,
    by_code: [OnceLock<Counter>; CODES.len()],
    durations: Durations,
    duration: OnceLock<Histogram>,
}

impl fmt::Debug for MethodMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MethodMetrics").field(&self.name).finish()
    }
}

impl RpcMetrics {
    pub(super) fn new(methods: impl IntoIterator<Item = &'static str>) -> Self {
        let calls = Calls::default();
        let durations = Durations::new_with_constructor(|| Histogram::new(DURATION_S));
        let method = |name| MethodMetrics {
            name,
            calls: calls.clone(),
            by_code: [const { OnceLock::new() }; CODES.len()],
            durations: durations.clone(),
            duration: OnceLock::new(),
        };
        Self {
            methods: methods
                .into_iter()
                .map(|path| (path, method(path.trim_start_matches('/'))))
                .collect(),
            other: method(OTHER),
            calls,
            durations,
        }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "hub_rpc_calls",
            "Calls that have ended, by method and gRPC code",
            self.calls.clone(),
        );
        registry.register(
            "hub_rpc_duration_seconds",
            "Time until a call was answered; of a stream, until it was opened",
            self.durations.clone(),
        );
    }

    /// The instruments of a path.
    #[must_use]
    pub fn method(&self, path: &str) -> &MethodMetrics {
        self.methods.get(path).unwrap_or(&self.other)
    }
}

impl MethodMetrics {
    /// The method without its leading slash, or [`OTHER`].
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// A call was answered, or a stream opened, after so long.
    pub fn answered(&self, after: Duration) {
        let labels = MethodLabels { method: self.name };
        self.duration
            .get_or_init(|| self.durations.get_or_create_owned(&labels))
            .observe(after.as_secs_f64());
    }

    /// A call has ended with a gRPC code; what is no code counts as `UNKNOWN`.
    pub fn ended(&self, code: usize) {
        let code = if code < CODES.len() { code } else { UNKNOWN };
        let (Some(counter), Some(name)) = (self.by_code.get(code), CODES.get(code)) else {
            return;
        };
        let labels = CallLabels {
            method: self.name,
            code: name,
        };
        counter
            .get_or_init(|| self.calls.get_or_create_owned(&labels))
            .inc();
    }
}
