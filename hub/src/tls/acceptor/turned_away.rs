//! Connections that are closed at the door: each is counted, and the log is told of as many as it can
//! bear, for strangers can bring them about as often as they like.

use std::{
    io,
    net::SocketAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::metrics::door::{Closed, DoorMetrics};

/// At most one line of a kind in so long.
const TIME_MIN: Duration = Duration::from_secs(1);

/// Why a connection does not come through the door.
#[derive(Debug)]
pub(super) struct TurnedAway {
    why: Closed,
    /// What else there is to say.
    details: String,
}

impl TurnedAway {
    pub(super) fn new(why: Closed, details: impl Into<String>) -> Self {
        let details = details.into();
        Self { why, details }
    }
}

impl From<Closed> for TurnedAway {
    fn from(why: Closed) -> Self {
        Self::new(why, "")
    }
}

impl From<io::Error> for TurnedAway {
    fn from(error: io::Error) -> Self {
        Self::new(Closed::Handshake, error.to_string())
    }
}

/// Counts and logs who is turned away.
#[derive(Debug)]
pub(super) struct Book {
    metrics: DoorMetrics,
    lines: [Sparing; Closed::ALL.len()],
}

impl Book {
    pub(super) fn new(metrics: &DoorMetrics) -> Self {
        Self {
            metrics: metrics.clone(),
            lines: <[Sparing; Closed::ALL.len()]>::default(),
        }
    }

    /// Somebody is turned away.
    pub(super) fn note(&self, remote: SocketAddr, turned_away: impl Into<TurnedAway>) {
        let TurnedAway { why, details } = turned_away.into();
        self.metrics.closed(why);
        let line = self.lines.get(why.number());
        let Some(left_out) = line.and_then(|line| line.next(Instant::now())) else {
            return;
        };
        let text = text(why);
        if why == Closed::Full {
            tracing::warn!(%remote, left_out, %details, "closed: {text}");
        } else {
            tracing::info!(%remote, left_out, %details, "closed: {text}");
        }
    }
}

fn text(why: Closed) -> &'static str {
    match why {
        Closed::AddressPace => "connections come too fast from this address",
        Closed::Full => "too many connections",
        Closed::Handshake => "the handshake failed",
        Closed::HandshakeTime => "the handshake took too long",
        Closed::GaveWay => "the handshake gave way to a newer one",
        Closed::NodePace => "the node connects too often",
        Closed::AgencyFull => "too many connections of one agency",
    }
}

/// Decides for one kind of line whether it is written, and counts those that are not.
#[derive(Debug, Default)]
struct Sparing(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    wrote_at: Option<Instant>,
    left_out: u64,
}

impl Sparing {
    /// Whether a line is to be written now, and how many were left out before it.
    fn next(&self, now: Instant) -> Option<u64> {
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
