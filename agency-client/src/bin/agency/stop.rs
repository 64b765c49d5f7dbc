//! When the user, or a supervisor, asks a long command to stop.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Interrupts (Ctrl-C) and SIGTERM since this was made.
#[derive(Debug)]
pub(crate) struct Stop {
    interrupt: Signal,
    terminate: Signal,
    is_asked: bool,
}

impl Stop {
    /// From here on, these signals do not end the process by themselves.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            is_asked: false,
        })
    }

    /// Whether it was asked for, and seen by [`Self::asked`].
    pub(crate) fn is_asked(&self) -> bool {
        self.is_asked
    }

    /// Waits until it is asked for; at once when it was.
    pub(crate) async fn asked(&mut self) {
        if !self.is_asked {
            self.asked_again().await;
        }
    }

    /// Waits until it is asked for once more.
    pub(crate) async fn asked_again(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
        self.is_asked = true;
    }
}
