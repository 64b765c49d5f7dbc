//! Open streams, and calls under way, counted per agency.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hub_core::names::AgencyId;

use crate::error::{Error, Result};

/// Open streams by agency.
#[derive(Debug)]
pub struct Streams {
    /// What is counted, for the text of a refusal.
    of: &'static str,
    per_agency_max: usize,
    open: Mutex<HashMap<AgencyId, usize>>,
}

/// One open stream; it is counted until this is dropped.
#[derive(Debug)]
pub struct StreamGuard {
    streams: Arc<Streams>,
    agency: AgencyId,
}

impl Streams {
    /// Allows so many at once for each agency.
    #[must_use]
    pub fn new(per_agency_max: usize) -> Self {
        Self::of("open streams", per_agency_max)
    }

    /// As [`Self::new`], of something else.
    #[must_use]
    pub fn of(what: &'static str, per_agency_max: usize) -> Self {
        Self {
            of: what,
            per_agency_max,
            open: Mutex::default(),
        }
    }

    /// Open streams of each agency that has any.
    #[must_use]
    pub fn counts(&self) -> HashMap<AgencyId, usize> {
        self.open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Counts one more.
    ///
    /// # Errors
    /// [`hub_core::reason::Reason::LimitExceeded`] at the limit.
    pub fn open(self: &Arc<Self>, agency: &AgencyId) -> Result<StreamGuard> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(agency.clone()).or_default();
        if *count >= self.per_agency_max {
            let message = format!("an agency has at most {} {}", self.per_agency_max, self.of);
            return Err(Error::limit(message, Duration::from_secs(5)));
        }
        *count = count.saturating_add(1);
        Ok(StreamGuard {
            streams: Arc::clone(self),
            agency: agency.clone(),
        })
    }
}

impl Drop for StreamGuard {
    fn drop(&mut self) {
        let mut open = self
            .streams
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.agency) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                open.remove(&self.agency);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_per_agency_and_is_given_back() {
        let streams = Arc::new(Streams::new(1));
        let tax: AgencyId = "tax".parse().unwrap();
        let one = streams.open(&tax).unwrap();
        assert!(streams.open(&tax).is_err());
        assert!(streams.open(&"health".parse().unwrap()).is_ok());
        drop(one);
        assert!(streams.open(&tax).is_ok());
    }
}
