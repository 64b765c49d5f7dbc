//! How many submissions of each agency wait for the writer, so that one agency's rush does not take
//! the whole queue from the others.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hub_core::names::AgencyId;

use crate::error::{Error, Result};

/// When a submission that was refused for want of room may come again: the writer works through far
/// more than a share in this time.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// Waiting submissions by agency.
#[derive(Debug)]
pub(super) struct Shares {
    agency_max: usize,
    waiting: Mutex<HashMap<AgencyId, usize>>,
}

/// One waiting submission; it is counted until this is dropped.
#[derive(Debug)]
pub(super) struct Share {
    shares: Arc<Shares>,
    agency: AgencyId,
}

impl Shares {
    /// Allows so many at once for each agency.
    pub(super) fn new(agency_max: usize) -> Self {
        Self {
            agency_max,
            waiting: Mutex::default(),
        }
    }

    /// Counts one more.
    ///
    /// # Errors
    /// [`hub_core::reason::Reason::LimitExceeded`] at the limit.
    pub(super) fn take(self: &Arc<Self>, agency: &AgencyId) -> Result<Share> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let count = waiting.entry(agency.clone()).or_default();
        if *count >= self.agency_max {
            let max = self.agency_max;
            let message = format!("{max} calls of this agency are waiting to be recorded");
            return Err(Error::limit(message, RETRY_AFTER));
        }
        *count = count.saturating_add(1);
        Ok(Share {
            shares: Arc::clone(self),
            agency: agency.clone(),
        })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let waiting = self.shares.waiting.lock();
        let mut waiting = waiting.unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = waiting.get_mut(&self.agency) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                waiting.remove(&self.agency);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use hub_core::reason::Reason;

    use super::*;

    #[test]
    fn a_share_is_held_at_the_limit_refused_past_it_and_given_back() {
        let shares = Arc::new(Shares::new(2));
        let (tax, health) = ("tax".parse().unwrap(), "health".parse().unwrap());
        let first = shares.take(&tax).unwrap();
        let _second = shares.take(&tax).unwrap();
        let refused = shares.take(&tax).unwrap_err();
        assert_eq!(refused.reason, Reason::LimitExceeded);
        assert_eq!(refused.retry_after, Some(RETRY_AFTER));
        let theirs = shares.take(&health).unwrap();
        drop(first);
        let _third = shares.take(&tax).unwrap();
        assert!(shares.take(&tax).is_err());
        drop(theirs);
        assert_eq!(
            shares.waiting.lock().unwrap().len(),
            1,
            "nothing is left behind"
        );
    }
}
