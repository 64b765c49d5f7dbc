//! Who may see an information request, and act on one: the two agencies on it, and nobody else.

use hub_core::{names::AgencyId, reason::Reason};

use super::{Access, Permit};
use crate::{
    charter::Action,
    error::{Error, Result},
};

/// On which side of a request a caller is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestSight {
    /// It asks.
    Requester,
    /// It is asked.
    Provider,
}

impl Access {
    /// How the caller sees a request, if at all. The provider does once it was submitted.
    #[must_use]
    pub fn request(
        &self,
        requester: &AgencyId,
        provider: &AgencyId,
        is_submitted: bool,
    ) -> Option<RequestSight> {
        if !self.is_granted(Action::RequestsRead) {
            return None;
        }
        if requester == self.agency() {
            Some(RequestSight::Requester)
        } else {
            (is_submitted && provider == self.agency()).then_some(RequestSight::Provider)
        }
    }

    /// A permit to act on a request that the caller sees from a side. `wanted` is the side that acts.
    ///
    /// # Errors
    /// [`Reason::PermissionDenied`].
    pub fn act_on_request(
        &self,
        sight: RequestSight,
        wanted: RequestSight,
        action: Action,
    ) -> Result<Permit> {
        if sight == wanted {
            return self.permit(action);
        }
        let side = match wanted {
            RequestSight::Requester => "requester",
            RequestSight::Provider => "provider",
        };
        let message = format!(
            "only the {side} of a request may do this, and agencies/{} is not",
            self.agency()
        );
        Err(Error::new(Reason::PermissionDenied, message))
    }
}
