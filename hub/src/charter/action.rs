//! The closed set of actions that roles can grant.

use std::{fmt, str::FromStr};

macro_rules! actions {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)*) => {
        /// Something that a role may be allowed to do. What is not granted is refused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Action {
            $($(#[$doc])* $variant,)*
        }

        impl Action {
            /// Every action.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The text in the charter, such as `channels.publish`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }

        impl FromStr for Action {
            type Err = ();

            fn from_str(text: &str) -> Result<Self, ()> {
                match text {
                    $($text => Ok(Self::$variant),)*
                    _ => Err(()),
                }
            }
        }
    };
}

actions! {
    /// Read mechanisms, agencies, memberships and the directory of liaisons (JE-021).
    MembersRead = "members.read",
    /// Name or change the own agency's liaison (JE-027, JE-028).
    MembersAppointLiaison = "members.appoint_liaison",
    /// Add a member to a mechanism whose office the agency hosts (JE-014, FS-013).
    MembersAddMembership = "members.add_membership",
    /// List the own agency's nodes and token keys.
    NodesRead = "nodes.read",
    /// Enrol nodes and token keys of the own agency.
    NodesEnroll = "nodes.enroll",
    /// Revoke nodes and token keys of the own agency.
    NodesRevoke = "nodes.revoke",
    /// List and revoke nodes and token keys of any agency.
    NodesRevokeAny = "nodes.revoke_any",
    /// Read channels, as far as a channel's `read` rules reach.
    ChannelsRead = "channels.read",
    /// Publish to channels, as far as a channel's `publish` rules reach.
    ChannelsPublish = "channels.publish",
    /// Send a notification to named addressees, as far as its category allows.
    NotificationsAddress = "notifications.address",
    /// Read the own agency's inbox.
    InboxRead = "inbox.read",
    /// Read the inbox of a mechanism's office that the agency hosts.
    OfficeInboxRead = "office_inbox.read",
    /// Record that a notification was opened.
    NotificationsOpen = "notifications.open",
    /// Sign for a notification in the own agency's name (签收).
    NotificationsSignFor = "notifications.sign_for",
    /// Sign for a notification in the name of an office that the agency hosts.
    OfficeSignFor = "office.sign_for",
    /// See all recipients' receipts of what went through a mechanism whose office the agency hosts.
    ReceiptsReadAny = "receipts.read_any",
    /// Move the own agency's durable consumers forward.
    ConsumersAcknowledge = "consumers.acknowledge",
    /// See meetings to which the own agency is called, their minutes and agreed items, and major issues.
    MeetingsRead = "meetings.read",
    /// Make, convene and hold meetings and draft minutes, for an office that the agency hosts (JE-022).
    MeetingsConvene = "meetings.convene",
    /// Propose and comment on topics and answer notices in the own agency's name.
    MeetingsParticipate = "meetings.participate",
    /// Consent to or object against minutes in the own agency's name: who may bind the unit (JE-074).
    MinutesConsent = "minutes.consent",
    /// Report on what the own agency is to carry out, and ask for more time (JE-080).
    AgreedItemsReport = "agreed_items.report",
    /// Flag a major issue in the own agency's name (JE-023).
    MajorIssuesFlag = "major_issues.flag",
    /// Draft, send and withdraw an escalation in the lead unit's name (JE-075).
    EscalationsSend = "escalations.send",
    /// Sign an escalation together with the lead, in the own agency's name (JE-075).
    EscalationsCoSign = "escalations.co_sign",
    /// Reply to an escalation, for the body above a mechanism (JE-075).
    EscalationsReply = "escalations.reply",
    /// See fund alerts that were circulated to the own agency, or to an office that it hosts.
    AlertsRead = "alerts.read",
    /// Raise, correct and retract fund alerts in the own agency's name (FS-054).
    AlertsRaise = "alerts.raise",
    /// Acknowledge fund alerts, say what is done about them, take measures and sign joint notices, in
    /// the own agency's name (FS-021).
    AlertsHandle = "alerts.handle",
    /// Coordinate fund alerts, issue joint notices and close, for an office that the agency hosts.
    AlertsCoordinate = "alerts.coordinate",
    /// See referrals that the own agency sent or got (FS-036).
    ReferralsRead = "referrals.read",
    /// Send referrals in the own agency's name.
    ReferralsSend = "referrals.send",
    /// Answer referrals in the own agency's name (FS-037).
    ReferralsAnswer = "referrals.answer",
    /// See information requests of the own agency and to it.
    RequestsRead = "requests.read",
    /// Make information requests in the own agency's name, and carry them on.
    RequestsMake = "requests.make",
    /// Approve information requests of another officer of the own agency.
    RequestsApprove = "requests.approve",
    /// Answer information requests to the own agency.
    RequestsAnswer = "requests.answer",
    /// List who read the own agency's records, and what its officers read.
    AccessesAuditOwn = "accesses.audit_own",
    /// List who read restricted records, for the body above the mechanisms.
    AccessesAudit = "accesses.audit",
    /// Ask for checkpoints, proofs and the own agency's entries.
    LedgerProve = "ledger.prove",
    /// Read the headers of all entries.
    LedgerAudit = "ledger.audit",
}

impl Action {
    /// Whether the action is done for a mechanism's office, so that only an agency that hosts one
    /// may have it (JE-020).
    #[must_use]
    pub fn is_for_office(self) -> bool {
        matches!(
            self,
            Self::MembersAddMembership
                | Self::OfficeInboxRead
                | Self::OfficeSignFor
                | Self::ReceiptsReadAny
                | Self::MeetingsConvene
                | Self::AlertsCoordinate
        )
    }

    /// Whether the action reaches beyond the own agency, so that the charter must name the agencies
    /// that have it.
    #[must_use]
    pub fn is_far_reaching(self) -> bool {
        self.is_for_office()
            || matches!(
                self,
                Self::NodesRevokeAny
                    | Self::LedgerAudit
                    | Self::EscalationsReply
                    | Self::AlertsRaise
                    | Self::AccessesAudit
            )
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_reads_back() {
        for action in Action::ALL {
            assert_eq!(action.as_str().parse(), Ok(*action));
        }
        assert_eq!("channels.*".parse::<Action>(), Err(()));
    }
}
