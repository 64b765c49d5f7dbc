//! When a call is tried again, and how long to wait before.
//!
//! Invariant: only what may succeed later is tried again, a bounded number of times and never past
//! the caller's deadline. Mutating calls are as safe as others: their `request_id` makes the hub
//! answer a repetition with the first receipt.

use std::time::Duration;

use hub_core::crypto::random;

use crate::error::{ClientError, RETRY_AFTER_MAX};

/// How often and how soon a call is tried again.
///
/// ```
/// use agency_client::RetryPolicy;
///
/// let policy = RetryPolicy { attempts_max: 3, ..RetryPolicy::default() };
/// assert!(policy.backoff_min < policy.backoff_max);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts in all, the first included.
    pub attempts_max: u32,
    /// Wait before the second attempt, before jitter; it doubles each time.
    pub backoff_min: Duration,
    /// Longest wait before jitter; more than [`RETRY_AFTER_MAX`] counts as that.
    pub backoff_max: Duration,
}

impl Default for RetryPolicy {
    /// 8 attempts, 100 ms to 2 s.
    fn default() -> Self {
        Self {
            attempts_max: 8,
            backoff_min: Duration::from_millis(100),
            backoff_max: Duration::from_secs(2),
        }
    }
}

impl RetryPolicy {
    /// One attempt only.
    ///
    /// ```
    /// assert_eq!(agency_client::RetryPolicy::never().attempts_max, 1);
    /// ```
    #[must_use]
    pub fn never() -> Self {
        Self {
            attempts_max: 1,
            ..Self::default()
        }
    }

    /// The wait before the next attempt, or `None` when the error is final: it is not of the kind
    /// that passes, the attempts are used up, or the wait would outlast what `remains`.
    ///
    /// `failed` attempts have been made; `jitter` is in 0..=1.
    pub(crate) fn wait(
        &self,
        error: &ClientError,
        failed: u32,
        remains: Duration,
        jitter: f64,
    ) -> Option<Duration> {
        let asked = error.retryable()?;
        if failed >= self.attempts_max {
            return None;
        }
        let wait = asked.max(self.backoff(failed, jitter));
        (wait < remains).then_some(wait)
    }

    /// Exponential back-off: between half and the whole of the step.
    pub(crate) fn backoff(&self, failed: u32, jitter: f64) -> Duration {
        let doublings = failed.saturating_sub(1).min(16);
        let step = self
            .backoff_min
            .saturating_mul(1 << doublings)
            .min(self.backoff_max)
            .min(RETRY_AFTER_MAX);
        step.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0))
    }
}

/// A number in 0..=1. A failed random source costs spread, nothing else.
pub(crate) fn jitter() -> f64 {
    random::<1>().map_or(0.5, |[byte]| f64::from(byte) / 255.0)
}

#[cfg(test)]
mod tests {
    use hub_core::reason::Reason;

    use super::*;
    use crate::error::Refusal;

    const LONG: Duration = Duration::from_secs(60);

    fn refused(reason: Reason, retry_after_ms: Option<u64>) -> ClientError {
        ClientError::Refused(Box::new(Refusal {
            reason: Some(reason),
            reason_text: reason.as_str().into(),
            code: tonic::Code::Unknown,
            message: String::new(),
            violations: vec![],
            retry_after: retry_after_ms.map(Duration::from_millis),
        }))
    }

    fn unreachable() -> ClientError {
        ClientError::Unreachable {
            endpoint: "https://hub".into(),
            detail: "connection refused".into(),
        }
    }

    #[test]
    fn only_what_passes_is_tried_again() {
        let policy = RetryPolicy::default();
        for reason in Reason::ALL {
            let passes = matches!(
                reason,
                Reason::Unavailable | Reason::LimitExceeded | Reason::StorageFull
            );
            let error = refused(*reason, Some(1));
            assert_eq!(
                policy.wait(&error, 1, LONG, 0.5).is_some(),
                passes,
                "{reason}"
            );
        }
        let no_hint = refused(Reason::LimitExceeded, None);
        assert_eq!(policy.wait(&no_hint, 1, LONG, 0.5), None);
        assert!(policy.wait(&unreachable(), 1, LONG, 0.5).is_some());
        let gap = ClientError::Gap {
            log: "channels/x".into(),
            expected: 1,
            received: 2,
        };
        assert_eq!(policy.wait(&gap, 1, LONG, 0.5), None);
    }

    #[test]
    fn waits_double_up_to_a_bound_and_spread() {
        let policy = RetryPolicy::default();
        let full = |failed| policy.backoff(failed, 1.0).as_millis();
        assert_eq!([full(1), full(2), full(3)], [100, 200, 400]);
        assert_eq!(full(30), 2000);
        let endless = RetryPolicy {
            backoff_min: Duration::MAX,
            backoff_max: Duration::MAX,
            ..policy
        };
        assert_eq!(endless.backoff(1, 1.0), RETRY_AFTER_MAX);
        assert_eq!(policy.backoff(2, 0.0).as_millis(), 100);
    }

    #[test]
    fn attempts_and_deadline_bound_it() {
        let policy = RetryPolicy::default();
        assert!(policy.wait(&unreachable(), 7, LONG, 1.0).is_some());
        assert_eq!(policy.wait(&unreachable(), 8, LONG, 1.0), None);
        let short = Duration::from_millis(99);
        assert_eq!(policy.wait(&unreachable(), 1, short, 1.0), None);
        assert_eq!(
            RetryPolicy::never().wait(&unreachable(), 1, LONG, 1.0),
            None
        );
    }

    #[test]
    fn the_hubs_hint_is_the_least_wait() {
        let policy = RetryPolicy::default();
        let error = refused(Reason::LimitExceeded, Some(3000));
        assert_eq!(
            policy.wait(&error, 1, LONG, 1.0),
            Some(Duration::from_secs(3))
        );
        assert_eq!(policy.wait(&error, 1, Duration::from_secs(2), 1.0), None);
    }
}
