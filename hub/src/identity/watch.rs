//! Tells a long-running call that its caller may no longer be served.
//!
//! It waits on changes and on instants, never in rounds: a revocation ends a stream as soon as the
//! roster or the revocation list says so.

use std::{fmt, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::sync::watch;

use super::{Caller, RevokedSerials, layer::Identity};
use crate::error::Error;

/// Longest single sleep; after it the instants are looked at again. It only bounds the effect of
/// a clock that was set back.
const SLEEP_MAX: Duration = Duration::from_secs(3600);

/// Waits for the end of a caller's standing. A streaming handler selects on [`Self::ended`].
pub struct CallerWatch {
    identity: Arc<Identity>,
    caller: Arc<Caller>,
    epochs: watch::Receiver<u64>,
    revoked: watch::Receiver<Arc<RevokedSerials>>,
}

impl fmt::Debug for CallerWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallerWatch")
            .field("caller", &self.caller)
            .finish_non_exhaustive()
    }
}

impl CallerWatch {
    /// Watches a caller from now on.
    #[must_use]
    pub fn new(identity: Arc<Identity>, caller: Arc<Caller>) -> Self {
        Self {
            epochs: identity.roster().epochs(),
            revoked: identity.revoked(),
            identity,
            caller,
        }
    }

    /// Resolves with the reason once the node is revoked, the agency is no longer in force, the
    /// token's key is revoked, a role is withdrawn, or the token or certificate expires.
    ///
    /// Safe to drop and call again: nothing is missed.
    pub async fn ended(&mut self) -> Error {
        loop {
            self.epochs.mark_unchanged();
            self.revoked.mark_unchanged();
            let now = self.identity.now();
            if let Err(error) = self.identity.check_caller(&self.caller, now) {
                return error;
            }
            let sleep = tokio::time::sleep(self.until_next(now));
            tokio::select! {
                () = changed(&mut self.epochs) => {}
                () = changed(&mut self.revoked) => {}
                () = sleep => {}
            }
        }
    }

    /// How long until the next instant at which time alone ends the caller's standing.
    fn until_next(&self, now: Timestamp) -> Duration {
        let peer = &self.caller.peer;
        let mut next_at = self.caller.token_expires_at.min(peer.not_after_at);
        if let Some(at) = self.identity.roster().agency_changes_at(&peer.agency, now) {
            next_at = next_at.min(at);
        }
        Duration::try_from(next_at.duration_since(now))
            .unwrap_or_default()
            .clamp(Duration::from_millis(1), SLEEP_MAX)
    }
}

/// Resolves on a change; never when the sender is gone, because nothing can change then.
async fn changed<T>(receiver: &mut watch::Receiver<T>) {
    if receiver.changed().await.is_err() {
        std::future::pending().await
    }
}
