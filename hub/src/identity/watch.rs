//! Tells a long-running call that its caller may no longer be served.
//!
//! It waits on changes and on instants, never in rounds: a revocation ends a stream as soon as the
//! roster or the revocation list says so.

use std::{fmt, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::sync::watch;

use super::{Caller, RevokedSerials, layer::Identity};
use crate::error::{Error, Result};

/// Longest single sleep; after it the instants are looked at again. It only bounds the effect of
/// a clock that was set back.
const SLEEP_MAX: Duration = Duration::from_secs(3600);

/// Waits for the end of a caller's standing. A streaming handler selects on [`Self::ended`].
pub struct CallerWatch {
    identity: Arc<Identity>,
    caller: Arc<Caller>,
    epochs: watch::Receiver<u64>,
    revoked: watch::Receiver<Arc<RevokedSerials>>,
    /// From when to when what was found last holds, unless roster or revocation list change.
    holds: Option<(Timestamp, Timestamp)>,
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
            holds: None,
        }
    }

    /// Checks that the caller may still be served, as [`Identity::check_caller`] does. That is asked for every
    /// message of a stream, so it is looked at again only when something may have changed.
    ///
    /// # Errors
    /// Why it may not.
    pub fn check(&mut self, now: Timestamp) -> Result<()> {
        let is_changed = is_changed(&self.epochs) || is_changed(&self.revoked);
        let holds = |(from, until): (Timestamp, Timestamp)| from <= now && now < until;
        if !is_changed && self.holds.is_some_and(holds) {
            return Ok(());
        }
        self.holds = None;
        // Marked before looking, so that no change after it is missed.
        self.epochs.mark_unchanged();
        self.revoked.mark_unchanged();
        self.identity.check_caller(&self.caller, now)?;
        self.holds = Some((now, self.next_at(now)));
        Ok(())
    }

    /// Resolves with the reason once the node is revoked, the agency is no longer in force, the
    /// token's key is revoked, a role is withdrawn, or the token or certificate expires.
    ///
    /// Safe to drop and call again: nothing is missed.
    pub async fn ended(&mut self) -> Error {
        loop {
            let now = self.identity.now();
            if let Err(error) = self.check(now) {
                return error;
            }
            let sleep = Duration::try_from(self.next_at(now).duration_since(now));
            let sleep = sleep.unwrap_or_default();
            let sleep = tokio::time::sleep(sleep.clamp(Duration::from_millis(1), SLEEP_MAX));
            tokio::select! {
                () = changed(&mut self.epochs) => {}
                () = changed(&mut self.revoked) => {}
                () = sleep => {}
            }
            // Waiting has taken the news in.
            self.holds = None;
        }
    }

    /// The next instant at which time alone ends the caller's standing.
    fn next_at(&self, now: Timestamp) -> Timestamp {
        let peer = &self.caller.peer;
        let next_at = self.caller.token_expires_at.min(peer.not_after_at);
        let changes_at = self.identity.roster().agency_changes_at(&peer.agency, now);
        changes_at.map_or(next_at, |at| next_at.min(at))
    }
}

/// Whether there is something new; never once the sender is gone, because nothing can change then.
fn is_changed<T>(receiver: &watch::Receiver<T>) -> bool {
    receiver.has_changed().unwrap_or(false)
}

/// Resolves on a change; never when the sender is gone, because nothing can change then.
async fn changed<T>(receiver: &mut watch::Receiver<T>) {
    if receiver.changed().await.is_err() {
        std::future::pending().await
    }
}
