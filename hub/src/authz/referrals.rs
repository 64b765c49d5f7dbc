//! Who may see and send referrals. Sender and addressee, each under its own roles, and nobody else: no
//! office and no body above (FS-036, X-006).

use hub_core::{names::AgencyId, reason::Reason};

use super::{Access, Permit};
use crate::{
    charter::Action,
    error::{Error, Result},
};

impl Access {
    /// A permit to read referrals of the caller's agency.
    ///
    /// # Errors
    /// [`Reason::PermissionDenied`].
    pub fn read_referrals(&self) -> Result<Permit> {
        self.permit(Action::ReferralsRead)
    }

    /// Whether the caller may see a referral between two agencies, or learn that there is one.
    #[must_use]
    pub fn sees_referral(&self, sender: &AgencyId, addressee: &AgencyId) -> bool {
        [sender, addressee].contains(&self.agency()) && self.is_granted(Action::ReferralsRead)
    }

    /// A permit to send referrals in the own agency's name, which must be a member of a mechanism today.
    ///
    /// # Errors
    /// [`Reason::PermissionDenied`].
    pub fn send_referral(&self) -> Result<Permit> {
        let permit = self.permit(Action::ReferralsSend)?;
        if self.roster().is_member_of_any(self.agency(), self.day()) {
            return Ok(permit);
        }
        Err(Error::new(
            Reason::PermissionDenied,
            format!(
                "agencies/{} is no member of a mechanism today; referrals pass between members (FS-036)",
                self.agency()
            ),
        ))
    }

    /// A permit to do something about a referral that only one of its sides does; the caller is one of
    /// them.
    ///
    /// # Errors
    /// [`Reason::PermissionDenied`].
    pub fn act_on_referral(&self, side: &AgencyId, action: Action) -> Result<Permit> {
        let permit = self.permit(action)?;
        if side == self.agency() {
            return Ok(permit);
        }
        let (own, other) = match action {
            Action::ReferralsSend => ("addressee", "sender"),
            _ => ("sender", "addressee"),
        };
        Err(Error::new(
            Reason::PermissionDenied,
            format!(
                "agencies/{} is the {own} of this referral; only its {other} may do this (FS-037)",
                self.agency()
            ),
        ))
    }
}
