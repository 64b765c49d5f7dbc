//! Hooks for metrics: what the client did, as it happens.
//!
//! ```
//! use agency_client::observer::Observer;
//!
//! struct Heard;
//!
//! impl Observer for Heard {
//!     fn reconnected(&self) {
//!         eprintln!("the hub is back");
//!     }
//! }
//! ```

use std::{fmt, sync::Arc, time::Duration};

use crate::{checkpoint::TrustedCheckpoint, error::ClientError};

/// Told of what the client does; set with [`crate::ClientBuilder::observer`]. Every method has an
/// empty body, so that an observer names only what it counts. The methods are called in the midst
/// of calls: they must return at once.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// use agency_client::observer::{CallFinished, Observer};
///
/// #[derive(Default)]
/// struct Failures(AtomicU64);
///
/// impl Observer for Failures {
///     fn call_finished(&self, call: &CallFinished<'_>) {
///         if call.error.is_some() {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
/// ```
pub trait Observer: Send + Sync {
    /// A call has ended, after all its attempts.
    fn call_finished(&self, call: &CallFinished<'_>) {
        let _ = call;
    }

    /// A new connection to the hub stands, after an earlier one.
    fn reconnected(&self) {}

    /// A subscription goes on after it had broken.
    fn stream_resumed(&self, stream: &StreamResumed<'_>) {
        let _ = stream;
    }

    /// An outbox with a running sender holds more, less or other than before.
    fn outbox_changed(&self, outbox: &OutboxGauge) {
        let _ = outbox;
    }

    /// A checkpoint of the ledger was verified and continues the remembered one.
    fn checkpoint_verified(&self, checkpoint: &TrustedCheckpoint) {
        let _ = checkpoint;
    }
}

/// A call that has ended.
///
/// ```
/// use agency_client::observer::{CallFinished, Observer};
///
/// struct Slow;
///
/// impl Observer for Slow {
///     fn call_finished(&self, call: &CallFinished<'_>) {
///         if call.elapsed.as_secs() > 1 {
///             eprintln!("{} took {} attempts", call.method, call.attempts);
///         }
///     }
/// }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct CallFinished<'a> {
    /// Full gRPC path.
    pub method: &'a str,
    /// Why it failed; `None` when it succeeded. [`ClientError::reason_text`] is a label of few
    /// values.
    pub error: Option<&'a ClientError>,
    /// From the call to its end, waits between attempts included.
    pub elapsed: Duration,
    /// Attempts, from 1.
    pub attempts: u32,
}

/// A subscription that goes on.
///
/// ```
/// use agency_client::observer::{Observer, StreamResumed};
///
/// struct Away;
///
/// impl Observer for Away {
///     fn stream_resumed(&self, stream: &StreamResumed<'_>) {
///         eprintln!("away for {:?}: {}", stream.away, stream.error);
///     }
/// }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct StreamResumed<'a> {
    /// Why it had broken.
    pub error: &'a ClientError,
    /// How long nothing could be received.
    pub away: Duration,
    /// Connections that were tried, from 1.
    pub attempts: u32,
}

/// What an outbox holds.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// use agency_client::observer::{Observer, OutboxGauge};
///
/// #[derive(Default)]
/// struct Queue(AtomicU64);
///
/// impl Observer for Queue {
///     fn outbox_changed(&self, outbox: &OutboxGauge) {
///         self.0.store(outbox.queued, Ordering::Relaxed);
///     }
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutboxGauge {
    /// Items that wait.
    pub queued: u64,
    /// Items set aside.
    pub refused: u64,
    /// Bytes of both, attachments included.
    pub bytes: u64,
}

/// The observer of a client, or none.
#[derive(Clone, Default)]
pub(crate) struct Watched(Option<Arc<dyn Observer>>);

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watched").field(&self.0.is_some()).finish()
    }
}

impl Watched {
    pub(crate) fn new(observer: Arc<dyn Observer>) -> Self {
        Self(Some(observer))
    }

    /// Whether there is one.
    pub(crate) fn is_set(&self) -> bool {
        self.0.is_some()
    }

    /// Tells the observer, if there is one; what is told is made only then.
    pub(crate) fn tell(&self, tell: impl FnOnce(&dyn Observer)) {
        if let Some(observer) = &self.0 {
            tell(&**observer);
        }
    }
}

#[cfg(test)]
mod tests;
