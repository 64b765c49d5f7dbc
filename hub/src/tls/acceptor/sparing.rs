//! Lines of the log about what strangers can bring about as often as they like.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// At most one line in so long.
const TIME_MIN: Duration = Duration::from_secs(1);

/// Decides for one kind of line whether it is written, and counts those that are not.
#[derive(Debug, Default)]
pub(super) struct Sparing(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    wrote_at: Option<Instant>,
    left_out: u64,
}

impl Sparing {
    /// Whether a line is to be written now, and how many were left out before it.
    pub(super) fn next(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_early = |at: Instant| now.saturating_duration_since(at) < TIME_MIN;
        if state.wrote_at.is_some_and(is_early) {
            state.left_out = state.left_out.saturating_add(1);
            return None;
        }
        state.wrote_at = Some(now);
        Some(std::mem::take(&mut state.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_a_second_that_says_how_many_were_left_out() {
        let (line, began) = (Sparing::default(), Instant::now());
        let at = |ms| line.next(began + Duration::from_millis(ms));
        assert_eq!(at(0), Some(0));
        for ms in [0, 1, 500, 999] {
            assert_eq!(at(ms), None);
        }
        assert_eq!(at(1_000), Some(4));
        assert_eq!(at(1_999), None);
        assert_eq!(at(5_000), Some(1));
    }
}
