//! Who may do what about fund alerts.

use hub_core::{
    names::{AgencyId, MechanismId, Recipient},
    reason::Reason,
};

use super::{Access, Permit};
use crate::{
    charter::Action,
    error::{Error, Result},
};

/// Whom an alert is for.
#[derive(Debug, Clone)]
pub struct AlertParties {
    /// Who raised it.
    pub author: AgencyId,
    /// Units that it went to.
    pub units: Vec<AgencyId>,
    /// The mechanism whose office coordinates it; `None` when the office may not see it.
    pub office: Option<MechanismId>,
}

/// How a caller sees an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertSight {
    /// As who raised it.
    pub is_author: bool,
    /// As a unit that it went to.
    pub is_unit: bool,
    /// For the office.
    pub is_office: bool,
}

impl Access {
    /// How the caller sees an alert; `None` when it may not even learn that there is one.
    #[must_use]
    pub fn alert(&self, parties: &AlertParties) -> Option<AlertSight> {
        let reads = self.is_granted(Action::AlertsRead);
        let sight = AlertSight {
            is_author: reads && parties.author == *self.agency(),
            is_unit: reads && parties.units.contains(self.agency()),
            is_office: self.coordinates(parties),
        };
        (sight.is_author || sight.is_unit || sight.is_office).then_some(sight)
    }

    fn coordinates(&self, parties: &AlertParties) -> bool {
        let office = parties.office.as_ref();
        office.is_some_and(|office| self.hosts(office)) && self.is_granted(Action::AlertsCoordinate)
    }

    /// Who may be looking at alerts: the caller's agency, and the offices that it hosts.
    #[must_use]
    pub fn alert_viewers(&self) -> Vec<Recipient> {
        let own = self
            .is_granted(Action::AlertsRead)
            .then(|| Recipient::Agency(self.agency().clone()));
        let offices = self
            .is_granted(Action::AlertsCoordinate)
            .then(|| self.roster.offices_of(self.agency()));
        let offices = offices.into_iter().flatten().map(Recipient::Office);
        offices.chain(own).collect()
    }

    /// A permit to look at alerts at all.
    ///
    /// # Errors
    /// [`Reason::PermissionDenied`].
    pub fn read_alerts(&self) -> Result<Permit> {
        self.permit(Action::AlertsRead)
            .or_else(|error| self.permit(Action::AlertsCoordinate).map_err(|_| error))
    }

    /// A permit to raise alerts: an analyst's of a member of the fund mechanism (FS-054, X-009).
    ///
    /// # Errors
    /// [`Reason::PermissionDenied`].
    pub fn raise_alert(&self) -> Result<Permit> {
        let permit = self.permit(Action::AlertsRaise)?;
        let fund = self.roster.charter().fund();
        let mechanism = fund.map(|fund| fund.mechanism());
        if mechanism.is_some_and(|mechanism| self.is_member(mechanism)) {
            return Ok(permit);
        }
        Err(Error::new(
            Reason::PermissionDenied,
            format!(
                "agencies/{} is no member of a mechanism of fund supervision today",
                self.agency()
            ),
        ))
    }

    /// A permit to correct, retract or explain what the caller's agency raised; also once it has left the
    /// mechanism: it may always take back its own words.
    ///
    /// # Errors
    /// [`Reason::PermissionDenied`].
    pub fn revise_alert(&self, parties: &AlertParties) -> Result<Permit> {
        let permit = self.permit(Action::AlertsRaise)?;
        if parties.author == *self.agency() {
            return Ok(permit);
        }
        Err(Error::new(
            Reason::PermissionDenied,
            format!(
                "only agencies/{}, which raised the alert, may do this (X-009)",
                parties.author
            ),
        ))
    }

    /// A permit to act on an alert in the own agency's name, which must be one of some units.
    ///
    /// # Errors
    /// [`Reason::PermissionDenied`].
    pub fn handle_alert(&self, units: &[AgencyId]) -> Result<Permit> {
        self.act_as_unit(units, Action::AlertsHandle)
    }

    /// A permit to coordinate an alert, and as whom: as its office, or, where the office may not see it, as
    /// the agency that raised it.
    ///
    /// # Errors
    /// [`Reason::PermissionDenied`].
    pub fn coordinate_alert(&self, parties: &AlertParties) -> Result<(Permit, Recipient)> {
        let Some(office) = &parties.office else {
            let permit = self.revise_alert(parties)?;
            return Ok((permit, Recipient::Agency(self.agency().clone())));
        };
        let permit = self.permit(Action::AlertsCoordinate)?;
        if self.hosts(office) {
            return Ok((permit, Recipient::Office(office.clone())));
        }
        Err(Error::new(
            Reason::PermissionDenied,
            format!("only mechanisms/{office}/office may do this (FS-014)"),
        ))
    }

    /// A permit to draft a joint notice, and as whom: as whoever coordinates the alert, or as a unit.
    ///
    /// # Errors
    /// [`Reason::PermissionDenied`].
    pub fn draft_joint_notice(&self, parties: &AlertParties) -> Result<(Permit, Recipient)> {
        self.coordinate_alert(parties).or_else(|_| {
            let permit = self.handle_alert(&parties.units)?;
            Ok((permit, Recipient::Agency(self.agency().clone())))
        })
    }

    /// A permit to issue a joint notice, and as whom: as whoever coordinates the alert, or as the unit that
    /// drafted it.
    ///
    /// # Errors
    /// [`Reason::PermissionDenied`].
    pub fn issue_joint_notice(
        &self,
        parties: &AlertParties,
        drafted_by: &str,
    ) -> Result<(Permit, Recipient)> {
        self.coordinate_alert(parties).or_else(|error| {
            let own = Recipient::Agency(self.agency().clone());
            if own.to_string() != drafted_by {
                return Err(error);
            }
            let permit = self.permit(Action::AlertsHandle)?;
            Ok((permit, own))
        })
    }
}
