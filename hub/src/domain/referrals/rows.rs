//! What state keeps of referrals. Texts are not here: rows have the index of the entry whose request has
//! them.

use hub_proto::{
    channels::NotificationRef,
    referrals::{Answered, ReferralState, ReferralStep},
};

use crate::domain::meetings::rows::ActRow;

/// A referral.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ReferralRow {
    /// Where it stands.
    #[prost(enumeration = "ReferralState", tag = "1")]
    pub state: i32,
    /// Agency id of the sender.
    #[prost(string, tag = "2")]
    pub sender: String,
    /// Agency id of the addressee.
    #[prost(string, tag = "3")]
    pub addressee: String,
    /// Its sending, whose request has the text of the first revision.
    #[prost(message, optional, tag = "4")]
    pub sent: Option<ActRow>,
    /// Its corrections in order, each with the text of a revision.
    #[prost(message, repeated, tag = "5")]
    pub corrections: Vec<ActRow>,
    /// The first acknowledgement of any revision.
    #[prost(message, optional, tag = "6")]
    pub acknowledged: Option<ActRow>,
    /// That of the newest acknowledged revision.
    #[prost(message, optional, tag = "7")]
    pub acknowledged_last: Option<ActRow>,
    /// That revision; 0 for none.
    #[prost(uint32, tag = "8")]
    pub acknowledged_revision: u32,
    /// The answer, whose request has the reason.
    #[prost(message, optional, tag = "9")]
    pub answer: Option<ActRow>,
    /// What it is.
    #[prost(enumeration = "Answered", tag = "10")]
    pub answered: i32,
    /// Questions and additions in order.
    #[prost(message, repeated, tag = "11")]
    pub messages: Vec<MessageRow>,
    /// Results in order.
    #[prost(message, repeated, tag = "12")]
    pub results: Vec<ResultRow>,
    /// Its closing or withdrawal.
    #[prost(message, optional, tag = "13")]
    pub end: Option<ActRow>,
    /// What the addressee is asked.
    #[prost(message, optional, tag = "14")]
    pub asked_addressee: Option<AskedSide>,
    /// What the sender is asked.
    #[prost(message, optional, tag = "15")]
    pub asked_sender: Option<AskedSide>,
}

/// A question, or what was added.
#[derive(Clone, PartialEq, prost::Message)]
pub struct MessageRow {
    /// Whether the addressee asks.
    #[prost(bool, tag = "1")]
    pub is_question: bool,
    /// The act, whose request has the text.
    #[prost(message, optional, tag = "2")]
    pub act: Option<ActRow>,
}

/// A result.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ResultRow {
    /// Whether it is the last.
    #[prost(bool, tag = "1")]
    pub is_final: bool,
    /// The act, whose request has the text.
    #[prost(message, optional, tag = "2")]
    pub act: Option<ActRow>,
}

/// What a side is asked, by which notification.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AskedSide {
    /// The notification that asks.
    #[prost(message, optional, tag = "1")]
    pub notification: Option<NotificationRef>,
    /// By when, microseconds.
    #[prost(int64, tag = "2")]
    pub due_us: i64,
}

/// What is owed next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duty {
    /// Whether the sender owes it; else the addressee.
    pub is_senders: bool,
    /// What.
    pub step: ReferralStep,
    /// Since when, microseconds.
    pub since_us: i64,
    /// By when, microseconds; 0 for no time.
    pub due_us: i64,
}

impl ReferralRow {
    /// The revision in force, from 1.
    #[must_use]
    pub fn revision(&self) -> u32 {
        u32::try_from(self.corrections.len())
            .unwrap_or(u32::MAX)
            .saturating_add(1)
    }

    /// The act that made a revision.
    #[must_use]
    pub fn revised(&self, revision: u32) -> Option<&ActRow> {
        match revision.checked_sub(2) {
            Some(number) => self.corrections.get(usize::try_from(number).ok()?),
            None => self.sent.as_ref().filter(|_| revision == 1),
        }
    }

    /// Whether the addressee has asked and the sender has not added anything since.
    #[must_use]
    pub fn has_open_question(&self) -> bool {
        self.messages.last().is_some_and(|one| one.is_question)
    }

    /// The final result.
    #[must_use]
    pub fn final_result(&self) -> Option<&ActRow> {
        let last = self.results.iter().find(|result| result.is_final)?;
        last.act.as_ref()
    }

    /// Whether an answer or the result is still to come.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(
            self.state(),
            ReferralState::Sent | ReferralState::Received | ReferralState::TakenUp
        )
    }

    /// Every act on it; their requests have its texts.
    pub fn acts(&self) -> impl Iterator<Item = &ActRow> {
        let single = [
            &self.sent,
            &self.acknowledged,
            &self.acknowledged_last,
            &self.answer,
            &self.end,
        ];
        let messages = self.messages.iter().filter_map(|one| one.act.as_ref());
        let results = self.results.iter().filter_map(|one| one.act.as_ref());
        single
            .into_iter()
            .flatten()
            .chain(&self.corrections)
            .chain(messages)
            .chain(results)
    }

    /// Who owes the next step; nobody once it is over.
    #[must_use]
    pub fn duty(&self) -> Option<Duty> {
        let at = |act: Option<&ActRow>| act.map_or(0, |act| act.at_us);
        let due = |side: &Option<AskedSide>| side.as_ref().map_or(0, |side| side.due_us);
        let addressees = |step, since_us| {
            Some(Duty {
                is_senders: false,
                step,
                since_us,
                due_us: due(&self.asked_addressee),
            })
        };
        let senders = |step, since_us, due_us| {
            Some(Duty {
                is_senders: true,
                step,
                since_us,
                due_us,
            })
        };
        if self.is_open() && self.acknowledged_revision < self.revision() {
            let since = at(self.revised(self.revision()));
            return addressees(ReferralStep::Acknowledge, since);
        }
        if self.is_open() && self.has_open_question() {
            let asked = self.messages.last().and_then(|one| one.act.as_ref());
            let step = ReferralStep::AddInformation;
            return senders(step, at(asked), due(&self.asked_sender));
        }
        match self.state() {
            ReferralState::Received => {
                addressees(ReferralStep::Answer, at(self.acknowledged.as_ref()))
            }
            ReferralState::TakenUp => {
                addressees(ReferralStep::FeedBackResult, at(self.answer.as_ref()))
            }
            ReferralState::Declined | ReferralState::Returned => {
                senders(ReferralStep::Close, at(self.answer.as_ref()), 0)
            }
            ReferralState::ResultFedBack => {
                senders(ReferralStep::Close, at(self.final_result()), 0)
            }
            _ => None,
        }
    }
}
