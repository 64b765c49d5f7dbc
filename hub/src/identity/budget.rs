//! How many bytes of requests are held at once, in all and for one agency: from the first byte that is
//! read until the call is answered; and how many of answers, until they are taken. Without it many slow
//! calls of one agency could take all memory.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hub_core::names::AgencyId;

use crate::error::{Error, Result};

/// Bytes of requests under way, in all; and of answers.
pub const REQUESTS_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Bytes of requests under way, of one agency; and of answers.
pub const AGENCY_REQUESTS_BYTES_MAX: usize = 48 * 1024 * 1024;

/// When a call that was refused for want of room may try again.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// What is held now.
#[derive(Debug)]
pub struct Budget {
    /// What is held, for the text of a refusal.
    of: &'static str,
    bytes_max: usize,
    agency_bytes_max: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    bytes: usize,
    agencies: HashMap<AgencyId, usize>,
}

/// What one call holds; given back when this is dropped.
#[derive(Debug)]
pub struct Share {
    budget: Arc<Budget>,
    agency: AgencyId,
    bytes: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(REQUESTS_BYTES_MAX, AGENCY_REQUESTS_BYTES_MAX)
    }
}

impl Budget {
    /// Room for so many bytes in all, and of one agency.
    #[must_use]
    pub fn new(bytes_max: usize, agency_bytes_max: usize) -> Self {
        Self {
            of: "requests",
            bytes_max,
            agency_bytes_max,
            held: Mutex::default(),
        }
    }

    /// The same room for something else than requests.
    #[must_use]
    pub fn of(what: &'static str) -> Self {
        Self {
            of: what,
            ..Self::default()
        }
    }

    /// A share of an agency's call that holds nothing yet.
    #[must_use]
    pub fn share(self: &Arc<Self>, agency: &AgencyId) -> Share {
        Share {
            budget: Arc::clone(self),
            agency: agency.clone(),
            bytes: 0,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// Holds so many bytes more.
    ///
    /// # Errors
    /// [`hub_core::reason::Reason::LimitExceeded`] when there is no room for them.
    pub fn grow(&mut self, bytes: usize) -> Result<()> {
        let budget = Arc::clone(&self.budget);
        let mut held = budget.lock();
        let own = held.agencies.get(&self.agency).copied().unwrap_or_default();
        let (all, own) = (held.bytes.saturating_add(bytes), own.saturating_add(bytes));
        if all > budget.bytes_max || own > budget.agency_bytes_max {
            let who = if own > budget.agency_bytes_max {
                "this agency"
            } else {
                "all agencies"
            };
            return Err(Error::limit(
                format!(
                    "{} under way of {who} take all the room there is for them",
                    budget.of
                ),
                RETRY_AFTER,
            ));
        }
        self.add(&mut held, bytes);
        Ok(())
    }

    /// Holds so many bytes more, whether or not there is room: what must be held counts too.
    pub fn hold(&mut self, bytes: usize) {
        let budget = Arc::clone(&self.budget);
        self.add(&mut budget.lock(), bytes);
    }

    fn add(&mut self, held: &mut Held, bytes: usize) {
        held.bytes = held.bytes.saturating_add(bytes);
        let own = held.agencies.entry(self.agency.clone()).or_default();
        *own = own.saturating_add(bytes);
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.budget.lock();
        held.bytes = held.bytes.saturating_sub(self.bytes);
        if let Some(own) = held.agencies.get_mut(&self.agency) {
            *own = own.saturating_sub(self.bytes);
            if *own == 0 {
                held.agencies.remove(&self.agency);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use hub_core::reason::Reason;

    use super::*;

    #[test]
    fn room_is_held_at_the_limit_refused_past_it_and_given_back() {
        let budget = Arc::new(Budget::new(15, 10));
        let (tax, health) = ("tax".parse().unwrap(), "health".parse().unwrap());
        let mut one = budget.share(&tax);
        one.grow(10).unwrap();
        let refused = budget.share(&tax).grow(1).unwrap_err();
        assert_eq!(refused.reason, Reason::LimitExceeded);
        assert!(refused.retry_after.is_some());
        let mut other = budget.share(&health);
        other.grow(5).unwrap();
        assert!(other.grow(1).is_err(), "no room in all");
        drop(one);
        other.grow(5).unwrap();
        assert!(other.grow(1).is_err(), "no room for the agency");
        drop(other);
        budget.share(&tax).grow(10).unwrap();
    }
}
