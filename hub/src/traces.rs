//! Spans of calls and commits, sent over OTLP when a setting says where to.
//!
//! A span names the method, the agency, the outcome and how much; never contents, officers or names
//! of notifications. Log lines never become a part of a span, and spans never a part of log lines.
//!
//! Invariant: tracing never slows or fails a call. The queue to the collector is bounded; what does
//! not fit is dropped.

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use anyhow::Context as _;
use http::HeaderMap;
use opentelemetry::{
    propagation::{Extractor, TextMapPropagator as _},
    trace::TracerProvider as _,
};
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    propagation::TraceContextPropagator,
    trace::{
        BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider, SpanData, SpanExporter,
        SpanLimits,
    },
};
use tracing::{Metadata, Span, Subscriber, field::Empty};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::{Layer, registry::LookupSpan};

/// Target of every span that is sent, and of nothing else.
const TARGET: &str = "hub::trace";

/// Spans that wait for the collector; one more is dropped.
pub const QUEUE_MAX: usize = 4_096;

/// Spans in one message to the collector.
const EXPORT_MAX: usize = 512;

/// How long spans wait to be sent together.
const EXPORT_DELAY: Duration = Duration::from_secs(1);

/// How long the collector has to take a message.
const EXPORT_TIME_MAX: Duration = Duration::from_secs(5);

/// How long stopping waits for the last spans to be sent.
const FLUSH_TIME_MAX: Duration = Duration::from_secs(5);

/// Most submissions that a commit's span refers to.
pub const LINKS_MAX: usize = 128;

/// The one header that is read when a setting lets callers continue a trace of theirs (W3C Trace
/// Context). `tracestate` is not: it may hold anything.
const TRACEPARENT: &str = "traceparent";

/// Where spans go, and how many.
#[derive(Debug, Clone)]
pub struct Options {
    /// The collector, `http://host:port`.
    pub otlp_endpoint: String,
    /// Part of the traces that is kept, 0 to 1.
    pub sample_ratio: f64,
    /// A caller's own decision to sample counts too.
    pub accept_traceparent: bool,
}

/// Sends spans until it is stopped.
#[derive(Debug)]
pub struct Exporter(SdkTracerProvider);

impl Exporter {
    /// Prepares to send. Connects when there is something to send, so a collector that is gone keeps
    /// no hub from starting. Call it within a tokio runtime.
    ///
    /// # Errors
    /// When the endpoint is none.
    pub fn new(options: &Options) -> anyhow::Result<Self> {
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_tonic()
            .with_endpoint(&options.otlp_endpoint)
            .with_timeout(EXPORT_TIME_MAX)
            .build()
            .with_context(|| format!("traces.otlp_endpoint: `{}`", options.otlp_endpoint))?;
        let batch = BatchConfigBuilder::default()
            .with_max_queue_size(QUEUE_MAX)
            .with_max_export_batch_size(EXPORT_MAX)
            .with_scheduled_delay(EXPORT_DELAY)
            .build();
        let processor = BatchSpanProcessor::builder(Told::new(exporter))
            .with_batch_config(batch)
            .build();
        let by_ratio = Sampler::TraceIdRatioBased(options.sample_ratio);
        let sampler = if options.accept_traceparent {
            Sampler::ParentBased(Box::new(by_ratio))
        } else {
            by_ratio
        };
        let limits = SpanLimits {
            max_links_per_span: u32::try_from(LINKS_MAX)?,
            ..SpanLimits::default()
        };
        let resource = Resource::builder_empty()
            .with_service_name("hub")
            .with_attribute(opentelemetry::KeyValue::new(
                "service.version",
                env!("CARGO_PKG_VERSION"),
            ))
            .build();
        Ok(Self(
            SdkTracerProvider::builder()
                .with_span_processor(processor)
                .with_sampler(sampler)
                .with_span_limits(limits)
                .with_resource(resource)
                .build(),
        ))
    }

    /// The part of the log's machinery that hands spans over; nothing else passes it.
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("hub"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_level(false)
            .with_tracked_inactivity(false)
            .with_filter(tracing_subscriber::filter::filter_fn(is_sent))
    }

    /// Sends what is left and stops. It blocks, a few seconds at most.
    pub fn stop(&self) {
        if let Err(error) = self.0.shutdown_with_timeout(FLUSH_TIME_MAX) {
            tracing::warn!(%error, "the last spans did not reach the collector");
        }
    }
}

/// Whether this is one of the spans of this module.
#[must_use]
pub fn is_sent(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.target() == TARGET
}

/// An exporter that tells the log, once, that the collector takes nothing, and once that it does
/// again.
struct Told<E> {
    inner: E,
    is_failing: AtomicBool,
}

impl<E> Told<E> {
    fn new(inner: E) -> Self {
        Self {
            inner,
            is_failing: AtomicBool::new(false),
        }
    }
}

impl<E> fmt::Debug for Told<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Told").finish_non_exhaustive()
    }
}

impl<E: SpanExporter> SpanExporter for Told<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let outcome = self.inner.export(batch).await;
        let was_failing = self.is_failing.swap(outcome.is_err(), Ordering::Relaxed);
        match &outcome {
            Err(error) if !was_failing => {
                tracing::warn!(%error, "the collector of traces takes no spans; they are dropped");
            }
            Ok(()) if was_failing => tracing::info!("the collector of traces takes spans again"),
            _ => {}
        }
        outcome
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

/// A call's span. It ends when the last of it is dropped.
#[must_use]
pub fn call(method: &'static str, agency: Option<&str>) -> Span {
    tracing::info_span!(
        target: TARGET,
        "call",
        otel.name = method,
        otel.kind = "server",
        otel.status_code = Empty,
        rpc.system = "grpc",
        rpc.method = method,
        rpc.grpc.status_code = Empty,
        agency,
    )
}

/// Makes a call's span part of the caller's trace, if the caller names one.
pub fn continue_from(span: &Span, headers: &HeaderMap) {
    struct Traceparent<'a>(&'a HeaderMap);
    impl Extractor for Traceparent<'_> {
        fn get(&self, key: &str) -> Option<&str> {
            let value = (key == TRACEPARENT).then(|| self.0.get(key))??;
            value.to_str().ok()
        }
        fn keys(&self) -> Vec<&str> {
            vec![TRACEPARENT]
        }
    }
    if span.is_disabled() || !headers.contains_key(TRACEPARENT) {
        return;
    }
    let parent = TraceContextPropagator::new().extract(&Traceparent(headers));
    // It fails only for a span that was begun already; then the call has a trace of its own.
    drop(span.set_parent(parent));
}

/// How a call ended: its gRPC code, and whether that is the hub's fault.
pub fn ended(span: &Span, code: usize, is_our_fault: bool) {
    span.record("rpc.grpc.status_code", code);
    if is_our_fault {
        span.record("otel.status_code", "ERROR");
    }
}

/// A commit's span: how many entries and bytes. It is a trace of its own, because it serves many calls.
#[must_use]
pub fn commit(entries: usize, bytes: usize) -> Span {
    tracing::info_span!(
        target: TARGET,
        parent: None,
        "commit",
        otel.status_code = Empty,
        entries,
        bytes,
    )
}

/// A commit failed.
pub fn failed(span: &Span) {
    span.record("otel.status_code", "ERROR");
}
