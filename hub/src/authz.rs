//! Who may do what. Everything not granted is refused; what a caller may not see is NOT_FOUND.
//!
//! The only way to a [`Permit`] is through this module, and the domain asks for one. A permit names
//! agency, officer, role and the action granted.

mod funds;
mod reads;
mod referrals;
mod requests;

use std::sync::Arc;

use hub_core::{
    names::{
        AgencyId, ChannelId, LogName, MechanismId, NotificationName, OfficerId, Recipient, RoleId,
    },
    reason::Reason,
};
use jiff::{Timestamp, civil::Date};

pub use self::{
    funds::{AlertParties, AlertSight},
    reads::Audited,
    requests::RequestSight,
};
use crate::{
    charter::{Action, Audience, Category, Channel, Destination, Who},
    domain::members::roster::Roster,
    error::{Error, Result},
    identity::Caller,
};

/// Id under which the hub's own acts are recorded. No agency of a charter may bear it.
pub const HUB_AGENCY: &str = "hub";

/// What lets an officer upload files: what can name them, any one of these.
pub const UPLOAD: &[Action] = &[
    Action::ChannelsPublish,
    Action::NotificationsAddress,
    Action::AlertsRaise,
    Action::ReferralsSend,
    Action::ReferralsAnswer,
    Action::RequestsMake,
    Action::RequestsAnswer,
];

/// That somebody may do something. It cannot be made outside this module.
#[derive(Debug, Clone)]
pub struct Permit {
    agency: AgencyId,
    officer: OfficerId,
    role: RoleId,
    action: Option<Action>,
}

impl Permit {
    /// The hub itself acts, on its operator's word: it adopts a charter or imports the roster folder.
    /// Such an act is on the ledger like any other.
    ///
    /// # Errors
    /// Never in practice: the hub's own ids are well-formed.
    pub fn hub() -> Result<Self> {
        let id = |error| Error::internal(format!("the hub's own id: {error}"));
        Ok(Self {
            agency: HUB_AGENCY.parse().map_err(id)?,
            officer: HUB_AGENCY.parse().map_err(id)?,
            role: HUB_AGENCY.parse().map_err(id)?,
            action: None,
        })
    }

    /// A permit for a test of the domain, which has no caller.
    #[cfg(test)]
    pub(crate) fn testing(agency: &str, role: &str, action: Action) -> Self {
        Self {
            agency: agency.parse().unwrap(),
            officer: format!("{agency}-{role}").parse().unwrap(),
            role: role.parse().unwrap(),
            action: Some(action),
        }
    }

    /// Whether it is the hub's own.
    #[must_use]
    pub fn is_hub(&self) -> bool {
        self.action.is_none()
    }

    /// Whose permit it is.
    #[must_use]
    pub fn agency(&self) -> &AgencyId {
        &self.agency
    }

    /// Which officer acts.
    #[must_use]
    pub fn officer(&self) -> &OfficerId {
        &self.officer
    }

    /// Under which role.
    #[must_use]
    pub fn role(&self) -> &RoleId {
        &self.role
    }

    /// What is granted; nothing for the hub itself.
    #[must_use]
    pub fn action(&self) -> Option<Action> {
        self.action
    }
}

/// A caller as of now: the roster, the day, and the roles in force.
#[derive(Debug, Clone)]
pub struct Access {
    roster: Arc<Roster>,
    caller: Arc<Caller>,
    on: Date,
    roles: Vec<RoleId>,
}

impl Access {
    /// Looks at the caller's roles as of an instant.
    #[must_use]
    pub fn new(roster: Arc<Roster>, caller: Arc<Caller>, now: Timestamp) -> Self {
        let on = roster.day(now);
        let roles = roster.roles_in_force(&caller.peer.agency, &caller.officer, &caller.roles, on);
        Self {
            roster,
            caller,
            on,
            roles,
        }
    }

    /// The caller's agency.
    #[must_use]
    pub fn agency(&self) -> &AgencyId {
        &self.caller.peer.agency
    }

    /// The caller.
    #[must_use]
    pub fn caller(&self) -> &Arc<Caller> {
        &self.caller
    }

    /// The roster looked at.
    #[must_use]
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// The day.
    #[must_use]
    pub fn day(&self) -> Date {
        self.on
    }

    /// The token's roles that are in force.
    #[must_use]
    pub fn roles(&self) -> &[RoleId] {
        &self.roles
    }

    /// The first role in force that grants an action.
    fn role_with(&self, action: Action) -> Option<&RoleId> {
        self.roles.iter().find(|id| {
            self.roster
                .charter()
                .role(id)
                .is_some_and(|role| role.grants(action))
        })
    }

    /// Whether some role in force grants an action.
    #[must_use]
    pub fn is_granted(&self, action: Action) -> bool {
        self.role_with(action).is_some()
    }

    /// A permit for an action that concerns the caller's own agency only.
    ///
    /// # Errors
    /// [`Reason::PermissionDenied`], which names the action and the roles looked at.
    pub fn permit(&self, action: Action) -> Result<Permit> {
        match self.role_with(action) {
            Some(role) => Ok(self.permit_under(role, action)),
            None => Err(self.denied(action)),
        }
    }

    /// A permit to upload files: for whoever may do something that could name them.
    ///
    /// # Errors
    /// [`Reason::PermissionDenied`], which names the action and the roles looked at.
    pub fn upload(&self) -> Result<Permit> {
        let mut permits = UPLOAD.iter().map(|action| self.permit(*action));
        let granted = permits.find_map(Result::ok);
        granted.map_or_else(|| self.permit(Action::NotificationsAddress), Ok)
    }

    fn permit_under(&self, role: &RoleId, action: Action) -> Permit {
        Permit {
            agency: self.agency().clone(),
            officer: self.caller.officer.clone(),
            role: role.clone(),
            action: Some(action),
        }
    }

    /// A permit to read an entry of the ledger, by its author's agency and officer. Proof is for
    /// whoever authored it, and for those who may read what their agency sent anyway: a role without
    /// that must not get at the texts by way of the ledger.
    ///
    /// # Errors
    /// NOT_FOUND, also when there is no such entry for anybody.
    pub fn read_entry(&self, index: u64, agency: &str, officer: &str) -> Result<Permit> {
        let is_own =
            officer == self.caller.officer.as_str() || self.is_granted(self.reads_sent_by());
        if agency == self.agency().as_str() && is_own {
            return self.permit(Action::LedgerProve);
        }
        Err(Error::not_found(&format!("entry {index}")))
    }

    /// Checks that some role of the token is in force.
    ///
    /// # Errors
    /// [`Reason::PermissionDenied`], which names the roles that are not.
    pub fn check_some_role(&self) -> Result<()> {
        if self.roles.is_empty() {
            Err(self.refused("no role of the token is in force"))
        } else {
            Ok(())
        }
    }

    fn denied(&self, action: Action) -> Error {
        let charter = self.roster.charter();
        let able: Vec<&str> = charter
            .roles()
            .iter()
            .filter(|role| role.grants(action) && role.is_granted_to(self.agency()))
            .map(|role| role.id().as_str())
            .collect();
        let able = if able.is_empty() {
            "no role of this agency has it".into()
        } else {
            format!("these roles of this agency have it: {}", able.join(", "))
        };
        self.refused(&format!("{action} is not granted ({able})"))
    }

    fn refused(&self, what: &str) -> Error {
        let in_force: Vec<&str> = self.roles.iter().map(RoleId::as_str).collect();
        let lapsed: Vec<&str> = self
            .caller
            .roles
            .iter()
            .filter(|role| !self.roles.contains(role))
            .map(RoleId::as_str)
            .collect();
        let roles = if in_force.is_empty() {
            "none".into()
        } else {
            in_force.join(", ")
        };
        let mut message = format!("{what}; roles in force: {roles}");
        if !lapsed.is_empty() {
            let unbound = lapsed.join(", ");
            message.push_str(&format!("; not in force for this officer: {unbound}"));
        }
        Error::new(Reason::PermissionDenied, message)
    }

    fn is_member(&self, mechanism: &MechanismId) -> bool {
        self.roster.is_member(self.agency(), mechanism, self.on)
    }

    fn hosts(&self, mechanism: &MechanismId) -> bool {
        self.roster
            .charter()
            .mechanism(mechanism)
            .is_some_and(|mechanism| mechanism.office().host == *self.agency())
    }

    /// Whether a role both grants an action and is named by an audience: one and the same role must do
    /// both, and it is the one that the ledger names.
    fn is_in(&self, role: &RoleId, audience: &Audience, action: Action) -> bool {
        self.grants(role, action)
            && audience.matches(self.agency(), std::slice::from_ref(role), |of| {
                self.is_member(of)
            })
    }

    fn grants(&self, role: &RoleId, action: Action) -> bool {
        let role = self.roster.charter().role(role);
        role.is_some_and(|role| role.grants(action))
    }

    /// Whether an officer of the agency may send a category under a role. What an office sends is sent
    /// under a role that may sign for the office (JE-020), not by any clerk of its host.
    fn may_send(&self, role: &RoleId, category: &Category) -> bool {
        category.from().iter().any(|who| {
            self.roster.contains(who, self.agency(), self.on)
                && (!matches!(who, Who::OfficeOf { .. })
                    || self.grants(role, Action::OfficeSignFor))
        })
    }

    /// Whether the caller may read a channel.
    #[must_use]
    pub fn can_read_channel(&self, channel: &Channel) -> bool {
        let mut roles = self.roles.iter();
        roles.any(|role| self.is_in(role, channel.audience(), Action::ChannelsRead))
    }

    /// Whether the caller may publish to a channel.
    #[must_use]
    pub fn can_publish(&self, channel: &Channel) -> bool {
        let mut roles = self.roles.iter();
        roles.any(|role| self.is_in(role, channel.publishers(), Action::ChannelsPublish))
    }

    /// A permit to publish notifications of a category where they are to go.
    ///
    /// # Errors
    /// A channel that the caller may not read is NOT_FOUND; else [`Reason::PermissionDenied`].
    pub fn publish(&self, category: &Category, destination: &Destination) -> Result<Permit> {
        let (action, channel) = match destination {
            Destination::Channel(id) => (Action::ChannelsPublish, Some(self.readable_channel(id)?)),
            Destination::Recipients(_) => (Action::NotificationsAddress, None),
        };
        let is_able = |role: &&RoleId| match channel {
            Some(channel) => self.is_in(role, channel.publishers(), action),
            None => self.grants(role, action),
        };
        let able: Vec<&RoleId> = self.roles.iter().filter(is_able).collect();
        if able.is_empty() {
            return Err(match channel {
                Some(channel) if self.is_granted(action) => {
                    let what = format!(
                        "channels/{} is not for these roles to publish to",
                        channel.id()
                    );
                    self.refused(&what)
                }
                _ => self.denied(action),
            });
        }
        let role = able.into_iter().find(|role| self.may_send(role, category));
        let role = role.ok_or_else(|| {
            let what = format!(
                "notification.category: {} is not for agencies/{} to send under these roles ({})",
                category.id(),
                self.agency(),
                category.sources().join(", ")
            );
            self.refused(&what)
        })?;
        Ok(self.permit_under(role, action))
    }

    /// A permit to correct or retract what the caller's agency published under a role. Where the agency
    /// may still send the like, this is a permit to publish; it may always take back its own words, also
    /// when it has left the channel or may not send such notifications any more. What an office sent
    /// needs a role that signs for an office as long as the agency has one (JE-020).
    ///
    /// # Errors
    /// As [`Self::publish`].
    pub fn supersede(
        &self,
        category: Option<&Category>,
        destination: &Destination,
        published_under: &str,
    ) -> Result<Permit> {
        if let Some(category) = category.filter(|one| self.agency_sends(one, destination)) {
            return self.publish(category, destination);
        }
        let action = match destination {
            Destination::Channel(_) => Action::ChannelsPublish,
            Destination::Recipients(_) => Action::NotificationsAddress,
        };
        let signs = Action::OfficeSignFor;
        let roles = self.roster.charter().roles();
        let was_office = roles
            .iter()
            .any(|role| role.id().as_str() == published_under && role.grants(signs));
        let is_office = roles
            .iter()
            .any(|role| role.grants(signs) && role.is_granted_to(self.agency()));
        let needs_office = was_office && is_office;
        let is_able = |role: &&RoleId| {
            self.grants(role, action) && (!needs_office || self.grants(role, signs))
        };
        match self.roles.iter().find(is_able) {
            Some(role) => Ok(self.permit_under(role, action)),
            None => Err(self.denied(if needs_office { signs } else { action })),
        }
    }

    /// Whether the agency, under whatever role, may send a category somewhere today.
    fn agency_sends(&self, category: &Category, destination: &Destination) -> bool {
        let is_member = |of: &MechanismId| self.is_member(of);
        let reaches = match destination {
            Destination::Channel(id) => self.roster.charter().channel(id).is_some_and(|channel| {
                channel.audience().includes(self.agency(), is_member)
                    && channel.publishers().includes(self.agency(), is_member)
            }),
            Destination::Recipients(_) => true,
        };
        let mut from = category.from().iter();
        reaches && from.any(|who| self.roster.contains(who, self.agency(), self.on))
    }

    /// Whether the caller's agency does not read a channel, whatever its officers' roles.
    #[must_use]
    pub fn is_outside(&self, channel: &ChannelId, on: Date) -> bool {
        !self.roster.audience(channel, on).contains(self.agency())
    }

    fn readable_channel(&self, id: &ChannelId) -> Result<&Channel> {
        self.roster
            .charter()
            .channel(id)
            .filter(|channel| self.can_read_channel(channel))
            .ok_or_else(|| Error::not_found(&format!("channels/{id}")))
    }

    /// The action that lets an officer read what the agency sent: an office must see what it sent
    /// itself, and it sends in its host's name.
    fn reads_sent_by(&self) -> Action {
        if self.is_granted(Action::OfficeInboxRead) {
            Action::OfficeInboxRead
        } else {
            Action::InboxRead
        }
    }

    /// A permit to read a log.
    ///
    /// # Errors
    /// NOT_FOUND for every log that the caller may not read, whether there is one or not.
    pub fn read_log(&self, log: &LogName) -> Result<Permit> {
        let not_found = || Error::not_found(&log.to_string());
        let action = match log {
            LogName::Channel(id) => {
                self.readable_channel(id)?;
                Action::ChannelsRead
            }
            LogName::Inbox(Recipient::Agency(agency)) if agency == self.agency() => {
                Action::InboxRead
            }
            LogName::Sent(agency) if agency == self.agency() => self.reads_sent_by(),
            LogName::Inbox(Recipient::Office(mechanism)) if self.hosts(mechanism) => {
                Action::OfficeInboxRead
            }
            LogName::Inbox(_) | LogName::Sent(_) => return Err(not_found()),
        };
        self.permit(action).map_err(|_| not_found())
    }

    /// Logs that a stream of the caller reads when it names none: channels in the charter's order,
    /// then inboxes.
    #[must_use]
    pub fn readable_logs(&self) -> Vec<LogName> {
        let channels = self
            .roster
            .charter()
            .channels()
            .iter()
            .map(|channel| channel.id().clone());
        let own = LogName::Inbox(Recipient::Agency(self.agency().clone()));
        let offices = self.roster.offices_of(self.agency()).into_iter();
        channels
            .map(LogName::Channel)
            .chain([own])
            .chain(offices.map(|mechanism| LogName::Inbox(Recipient::Office(mechanism))))
            .filter(|log| self.read_log(log).is_ok())
            .collect()
    }

    /// How the caller may see a notification of an author with such recipients, if at all. `recipients`
    /// are those of an addressed one. Its own agency's it sees also in a channel that it has left: it
    /// answers for it.
    #[must_use]
    pub fn sees(
        &self,
        name: &NotificationName,
        author: &str,
        recipients: &[Recipient],
    ) -> Option<Sight> {
        let is_author = author == self.agency().as_str() && self.is_granted(self.reads_sent_by());
        match name {
            NotificationName::InChannel(channel, _) => match self.readable_channel(channel) {
                Ok(_) => Some(Sight::Audience),
                Err(_) => is_author.then_some(Sight::Author),
            },
            NotificationName::Addressed(..) => {
                let is_recipient = || {
                    recipients
                        .iter()
                        .any(|recipient| self.read_log(&LogName::Inbox(recipient.clone())).is_ok())
                };
                if is_author {
                    Some(Sight::Author)
                } else {
                    is_recipient().then_some(Sight::Recipient)
                }
            }
        }
    }

    /// A permit to act on a notification in a recipient's name.
    ///
    /// # Errors
    /// [`Reason::PermissionDenied`] when the recipient is another, or no role grants the act.
    pub fn act_for(&self, recipient: &Recipient, act: RecipientAct) -> Result<Permit> {
        let (is_own, action) = match (recipient, act) {
            (Recipient::Agency(agency), RecipientAct::Open) => {
                (agency == self.agency(), Action::NotificationsOpen)
            }
            (Recipient::Agency(agency), RecipientAct::SignFor) => {
                (agency == self.agency(), Action::NotificationsSignFor)
            }
            (Recipient::Office(mechanism), RecipientAct::Open) => {
                (self.hosts(mechanism), Action::OfficeInboxRead)
            }
            (Recipient::Office(mechanism), RecipientAct::SignFor) => {
                (self.hosts(mechanism), Action::OfficeSignFor)
            }
        };
        if !is_own {
            return Err(Error::new(
                Reason::PermissionDenied,
                format!(
                    "recipient: agencies/{} cannot act for {recipient}",
                    self.agency()
                ),
            ));
        }
        let offices = self.roster.offices_of(self.agency());
        let for_office = match act {
            RecipientAct::Open => Action::OfficeInboxRead,
            RecipientAct::SignFor => Action::OfficeSignFor,
        };
        self.permit(action).map_err(|mut error| {
            if let (Recipient::Agency(_), true) = (recipient, self.is_granted(for_office)) {
                let offices: Vec<String> = offices
                    .into_iter()
                    .map(|of| Recipient::Office(of).to_string())
                    .collect();
                error
                    .message
                    .push_str("; to act for an office, name it as recipient: ");
                error.message.push_str(&offices.join(" or "));
            }
            error
        })
    }

    /// Whether the caller sees every recipient's receipt of a channel's notification by an author:
    /// the author's agency does, and the office of the channel's mechanism; in a channel of all
    /// members, every office does.
    #[must_use]
    pub fn sees_all_receipts(&self, channel: &ChannelId, author: &AgencyId) -> bool {
        self.roster.charter().channel(channel).is_some()
            && (author == self.agency() || self.sees_all_of(channel))
    }

    /// Whether the caller, as the office of a channel's mechanism, sees what every member has done with
    /// the channel's notifications; in a channel of all members, every office does.
    #[must_use]
    pub fn sees_all_of(&self, channel: &ChannelId) -> bool {
        let Ok(channel) = self.readable_channel(channel) else {
            return false;
        };
        let hosts = match channel.mechanism() {
            Some(mechanism) => self.hosts(mechanism),
            None => !self.roster.offices_of(self.agency()).is_empty(),
        };
        hosts && self.is_granted(Action::ReceiptsReadAny)
    }

    /// How the caller sees something of a meeting or the like: as the office of one of its mechanisms,
    /// or as one of the units that know of it; `None` when it may not even learn that there is one.
    #[must_use]
    pub fn meeting(&self, mechanisms: &[MechanismId], units: &[AgencyId]) -> Option<MeetingSight> {
        let sight = MeetingSight {
            is_office: mechanisms.iter().any(|of| self.hosts(of))
                && self.is_granted(Action::MeetingsConvene),
            is_unit: units.contains(self.agency()) && self.is_granted(Action::MeetingsRead),
        };
        (sight.is_office || sight.is_unit).then_some(sight)
    }

    /// Who may be looking at meetings: the caller's agency as a unit, and the offices that it hosts.
    #[must_use]
    pub fn meeting_viewers(&self) -> Vec<Recipient> {
        let unit = self
            .is_granted(Action::MeetingsRead)
            .then(|| Recipient::Agency(self.agency().clone()));
        let offices = self
            .is_granted(Action::MeetingsConvene)
            .then(|| self.roster.offices_of(self.agency()));
        let offices = offices.into_iter().flatten().map(Recipient::Office);
        offices.chain(unit).collect()
    }

    /// A permit to act for the office of one of some mechanisms (JE-022): of any of them, whichever the
    /// caller's agency hosts.
    ///
    /// # Errors
    /// [`Reason::PermissionDenied`].
    pub fn convene(&self, mechanisms: &[MechanismId]) -> Result<Permit> {
        let permit = self.permit(Action::MeetingsConvene)?;
        if mechanisms.iter().any(|of| self.hosts(of)) {
            return Ok(permit);
        }
        let offices: Vec<String> = mechanisms
            .iter()
            .map(|of| format!("mechanisms/{of}/office"))
            .collect();
        Err(Error::new(
            Reason::PermissionDenied,
            format!(
                "only {} may do this (JE-022), and agencies/{} hosts none of them",
                offices.join(" or "),
                self.agency()
            ),
        ))
    }

    /// A permit to do something of a meeting in the own agency's name, which must be one of its units.
    ///
    /// # Errors
    /// [`Reason::PermissionDenied`].
    pub fn act_as_unit(&self, units: &[AgencyId], action: Action) -> Result<Permit> {
        let permit = self.permit(action)?;
        if units.contains(self.agency()) {
            return Ok(permit);
        }
        Err(Error::new(
            Reason::PermissionDenied,
            format!(
                "agencies/{} is none of the units that may do this",
                self.agency()
            ),
        ))
    }

    /// A permit to add members to a mechanism: its office's.
    ///
    /// # Errors
    /// [`Reason::PermissionDenied`].
    pub fn add_membership(&self, mechanism: &MechanismId) -> Result<Permit> {
        let permit = self.permit(Action::MembersAddMembership)?;
        if self.hosts(mechanism) {
            Ok(permit)
        } else {
            Err(self.denied(Action::MembersAddMembership))
        }
    }

    /// A permit to name the own agency's liaison in a mechanism of which it is a member on a day.
    ///
    /// # Errors
    /// [`Reason::PermissionDenied`].
    pub fn appoint_liaison(&self, mechanism: &MechanismId, on: Date) -> Result<Permit> {
        let permit = self.permit(Action::MembersAppointLiaison)?;
        if self.roster.is_member(self.agency(), mechanism, on) {
            return Ok(permit);
        }
        Err(Error::new(
            Reason::PermissionDenied,
            format!(
                "agencies/{} is no member of mechanisms/{mechanism} on {on}",
                self.agency()
            ),
        ))
    }

    /// A permit to list or revoke nodes and token keys of an agency.
    ///
    /// # Errors
    /// Another agency's are NOT_FOUND, unless a role grants all of them.
    pub fn credentials_of(&self, agency: &AgencyId, own: Action) -> Result<Permit> {
        if agency == self.agency() {
            return self
                .permit(own)
                .or_else(|error| self.permit(Action::NodesRevokeAny).map_err(|_| error));
        }
        self.permit(Action::NodesRevokeAny)
            .ok()
            .filter(|_| self.roster.charter().agency(agency).is_some())
            .ok_or_else(|| Error::not_found(&format!("agencies/{agency}")))
    }
}

/// How a caller sees a meeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MeetingSight {
    /// For an office of its mechanisms.
    pub is_office: bool,
    /// As one of its units.
    pub is_unit: bool,
}

/// How a caller sees a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// As one of a channel's audience.
    Audience,
    /// As the author's agency.
    Author,
    /// As an addressee.
    Recipient,
}

/// What a recipient does with a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecipientAct {
    /// Open it.
    Open,
    /// Sign for it.
    SignFor,
}
