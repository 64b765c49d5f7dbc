//! Referrals: one unit hands a matter to the competent unit, which acknowledges, answers and feeds the
//! result back (FS-036, FS-037, X-007).
//!
//! Invariants: a referral has exactly two sides, and nothing of it is in a row, a log or a board of anybody
//! else; each act is one side's, and tells the other by a notice that has no words of it; a result can be
//! final once; what has ended does not change any more.
//!
//! The cast: [`decide`](mod@self) (the rules), [`apply`](apply::apply) (rows and what is asked), [`rows`]
//! (what state keeps), `notices` (what the other side is told).

mod apply;
mod notices;
pub mod rows;
#[cfg(test)]
mod tests;

use hub_core::{
    crypto::Digest,
    names::{AgencyId, Recipient, ReferralName},
    reason::Reason,
};
use hub_proto::{
    channels::{Ask, AskedAction, RequestedAction},
    ledger::{Event, event},
    referrals::{
        Answered, AskedBy, InformationAdded, InformationAsked, ReferralAcknowledged,
        ReferralAnswered, ReferralClosed, ReferralCorrected, ReferralSent, ReferralState,
        ReferralWithdrawn, ReferralsEvent, ResultFedBack, referrals_event::Kind,
    },
};
use jiff::{SignedDuration, Timestamp};

pub use self::apply::apply;
use self::{notices::Step, rows::ReferralRow};
use super::{
    Context, Decision,
    channels::{self, Issue},
};
use crate::{
    authz::Permit,
    error::{Error, Result},
    state::{
        keys,
        store::Direction,
        view::{Overlay, View, ViewExt as _},
    },
};

/// Most questions of a referral.
pub const QUESTIONS_MAX: usize = 8;

/// Most times that the sender adds information to a referral.
pub const ADDITIONS_MAX: usize = 16;

/// Most results of a referral, the final one included.
pub const RESULTS_MAX: usize = 16;

/// Most corrections of a referral.
pub const CORRECTIONS_MAX: usize = 20;

/// A change. Texts are in the request that it came with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// The sender hands a matter over.
    Send(Sending),
    /// The addressee acknowledges a revision.
    Acknowledge(ReferralName, u32),
    /// The addressee takes up, declines or returns.
    Answer(ReferralName, Answered),
    /// The addressee asks for more.
    Ask(ReferralName),
    /// The sender adds something.
    Add(ReferralName),
    /// The addressee feeds a result back.
    FeedBack(Feedback),
    /// The sender corrects a revision.
    Correct(Correction),
    /// The sender closes.
    Close(ReferralName),
    /// The sender takes it back.
    Withdraw(ReferralName),
}

/// A referral that is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    /// Which.
    pub referral: ReferralName,
    /// To whom.
    pub addressee: AgencyId,
    /// SHA-256 of each attachment.
    pub attachments: Vec<Digest>,
}

/// A result that is to be fed back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feedback {
    /// Of which.
    pub referral: ReferralName,
    /// Whether it is the last.
    pub is_final: bool,
    /// SHA-256 of each attachment.
    pub attachments: Vec<Digest>,
}

/// A correction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// Of which.
    pub referral: ReferralName,
    /// Of which revision.
    pub revision: u32,
    /// SHA-256 of each attachment.
    pub attachments: Vec<Digest>,
}

/// Decides a command.
///
/// # Errors
/// When a rule refuses it.
pub fn decide(
    context: &Context<'_>,
    view: &Overlay<'_>,
    permit: &Permit,
    command: &Command,
) -> Result<Decision> {
    let deciding = Deciding {
        context,
        view,
        permit,
    };
    match command {
        Command::Send(sending) => deciding.send(sending),
        Command::Acknowledge(name, revision) => deciding.acknowledge(*name, *revision),
        Command::Answer(name, answered) => deciding.answer(*name, *answered),
        Command::Ask(name) => deciding.ask(*name),
        Command::Add(name) => deciding.add(*name),
        Command::FeedBack(result) => deciding.feed_back(result),
        Command::Correct(correction) => deciding.correct(correction),
        Command::Close(name) => deciding.close(*name),
        Command::Withdraw(name) => deciding.withdraw(*name),
    }
}

/// What a decision is made from.
struct Deciding<'a> {
    context: &'a Context<'a>,
    view: &'a Overlay<'a>,
    permit: &'a Permit,
}

impl Deciding<'_> {
    fn send(&self, sending: &Sending) -> Result<Decision> {
        let name = sending.referral;
        if self.view.row(&keys::referral(name.0.as_bytes()))?.is_some() {
            let message = format!("request_id {} is used already", name.0);
            return Err(Error::new(Reason::RequestIdReused, message));
        }
        self.check_addressee(&sending.addressee)?;
        let asked_by = self.asked_by(self.rules().acknowledge())?;
        let event = Kind::ReferralSent(ReferralSent {
            referral: id(name),
            sender: self.permit.agency().to_string(),
            addressee: sending.addressee.to_string(),
            attachments: hashes(&sending.attachments),
            asked_by: Some(asked_by),
        });
        let to = sending.addressee.as_str();
        self.record(name, event, (to, Step::Sent), Some(asked_by))
    }

    /// The addressee is another member than the sender, and one to which it may refer.
    fn check_addressee(&self, addressee: &AgencyId) -> Result<()> {
        let field = "referral.addressee";
        let sender = self.permit.agency();
        if addressee == sender {
            return Err(Error::field(field, "must not be the sender"));
        }
        let today = self.context.today();
        if !self.context.roster.is_member_of_any(addressee, today) {
            let rule = "must be a member of a mechanism today, agencies/{agency} (FS-036)";
            return Err(Error::field(field, rule));
        }
        if !self.rules().is_route(sender, addressee) {
            let rule = format!(
                "must be a unit that the charter's routes name for agencies/{sender} ([referrals] \
                 routes)"
            );
            return Err(Error::field(field, rule));
        }
        Ok(())
    }

    fn acknowledge(&self, name: ReferralName, revision: u32) -> Result<Decision> {
        let row = self.as_addressee(name)?;
        if row.acknowledged_revision == revision
            && let Some(act) = &row.acknowledged_last
        {
            return Ok(Decision::Already(act.entry_index));
        }
        let open = [
            ReferralState::Sent,
            ReferralState::Received,
            ReferralState::TakenUp,
        ];
        require(name, &row, &open)?;
        require_revision(name, &row, revision)?;
        let next = match row.state() {
            ReferralState::TakenUp => self.rules().result(),
            _ => self.rules().answer(),
        };
        let event = Kind::ReferralAcknowledged(ReferralAcknowledged {
            referral: id(name),
            revision,
            asked_by: Some(self.asked_by(next)?),
        });
        self.record(name, event, (&row.sender, Step::Acknowledged), None)
    }

    fn answer(&self, name: ReferralName, answered: Answered) -> Result<Decision> {
        let row = self.as_addressee(name)?;
        require(name, &row, &[ReferralState::Received])?;
        require_acknowledged(name, &row)?;
        let (step, asked_by) = match answered {
            Answered::TakenUp => {
                let asked_by = self.asked_by(self.rules().result())?;
                (Step::TakenUp, Some(asked_by))
            }
            Answered::Declined => (Step::Declined, None),
            Answered::Returned => (Step::Returned, None),
            Answered::Unspecified => return Err(Error::internal("an answer of no kind")),
        };
        let event = Kind::ReferralAnswered(ReferralAnswered {
            referral: id(name),
            answered: answered.into(),
            asked_by,
        });
        self.record(name, event, (&row.sender, step), None)
    }

    fn ask(&self, name: ReferralName) -> Result<Decision> {
        let row = self.as_addressee(name)?;
        require(
            name,
            &row,
            &[ReferralState::Received, ReferralState::TakenUp],
        )?;
        if row.has_open_question() {
            let message = format!("{name} has a question that is not answered yet");
            return Err(refused(message));
        }
        let questions = row.messages.iter().filter(|one| one.is_question).count();
        at_most(name, questions, QUESTIONS_MAX, "questions")?;
        let asked_by = self.asked_by(self.rules().answer())?;
        let event = Kind::InformationAsked(InformationAsked {
            referral: id(name),
            asked_by: Some(asked_by),
        });
        self.record(name, event, (&row.sender, Step::Asked), Some(asked_by))
    }

    fn add(&self, name: ReferralName) -> Result<Decision> {
        let row = self.as_sender(name)?;
        let open = [
            ReferralState::Sent,
            ReferralState::Received,
            ReferralState::TakenUp,
        ];
        require(name, &row, &open)?;
        let additions = row.messages.iter().filter(|one| !one.is_question).count();
        // An open question can always be answered: there are fewer questions than additions.
        at_most(name, additions, ADDITIONS_MAX, "additions")?;
        let event = Kind::InformationAdded(InformationAdded { referral: id(name) });
        self.record(name, event, (&row.addressee, Step::Added), None)
    }

    fn feed_back(&self, result: &Feedback) -> Result<Decision> {
        let name = result.referral;
        let row = self.as_addressee(name)?;
        require(name, &row, &[ReferralState::TakenUp])?;
        // The last place is kept for the final one, which is owed.
        let most = match result.is_final {
            true => RESULTS_MAX,
            false => RESULTS_MAX.saturating_sub(1),
        };
        at_most(name, row.results.len(), most, "results")?;
        if result.is_final {
            require_acknowledged(name, &row)?;
        }
        let event = Kind::ResultFedBack(ResultFedBack {
            referral: id(name),
            is_final: result.is_final,
            attachments: hashes(&result.attachments),
        });
        let step = Step::Result {
            is_final: result.is_final,
        };
        self.record(name, event, (&row.sender, step), None)
    }

    fn correct(&self, correction: &Correction) -> Result<Decision> {
        let name = correction.referral;
        let row = self.as_sender(name)?;
        let open = [
            ReferralState::Sent,
            ReferralState::Received,
            ReferralState::TakenUp,
        ];
        require(name, &row, &open)?;
        require_revision(name, &row, correction.revision)?;
        at_most(name, row.corrections.len(), CORRECTIONS_MAX, "corrections")?;
        let asked_by = self.asked_by(self.rules().acknowledge())?;
        let event = Kind::ReferralCorrected(ReferralCorrected {
            referral: id(name),
            revision: row.revision().saturating_add(1),
            attachments: hashes(&correction.attachments),
            asked_by: Some(asked_by),
        });
        let to = (row.addressee.as_str(), Step::Corrected);
        self.record(name, event, to, Some(asked_by))
    }

    fn close(&self, name: ReferralName) -> Result<Decision> {
        let row = self.as_sender(name)?;
        let answered = [
            ReferralState::ResultFedBack,
            ReferralState::Declined,
            ReferralState::Returned,
        ];
        require(name, &row, &answered)?;
        let event = Kind::ReferralClosed(ReferralClosed { referral: id(name) });
        self.record(name, event, (&row.addressee, Step::Closed), None)
    }

    fn withdraw(&self, name: ReferralName) -> Result<Decision> {
        let row = self.as_sender(name)?;
        require(name, &row, &[ReferralState::Sent, ReferralState::Received])?;
        let event = Kind::ReferralWithdrawn(ReferralWithdrawn { referral: id(name) });
        self.record(name, event, (&row.addressee, Step::Withdrawn), None)
    }

    /// The act and the notice to the other side, as one entry.
    fn record(
        &self,
        name: ReferralName,
        kind: Kind,
        (to, step): (&str, Step),
        asked_by: Option<AskedBy>,
    ) -> Result<Decision> {
        let agency: AgencyId = to.parse().map_err(Error::internal)?;
        let own = self.context.charter.agency(self.permit.agency());
        let own = own.map_or("", |own| own.name_on(self.context.today()));
        let notice = notices::notice(name, own, step);
        let mut issue = Issue::new([Recipient::Agency(agency)], notice);
        issue.ask = asked_by.map(|by| ask(to, &by));
        let mut events = vec![event(kind)];
        events.extend(channels::issue(self.context, self.view, &[issue])?);
        Ok(Decision::Record(events))
    }

    fn rules(&self) -> &crate::charter::ReferralRules {
        self.context.charter.referrals()
    }

    fn asked_by(&self, within: SignedDuration) -> Result<AskedBy> {
        let now = self.context.now;
        let due_at = now.checked_add(within).map_err(Error::internal)?;
        let follow_up = self.context.charter.follow_up();
        let remind_at = follow_up.next_reminder(due_at, now);
        Ok(AskedBy {
            due_us: due_at.as_microsecond(),
            remind_at_us: remind_at.map_or(0, Timestamp::as_microsecond),
        })
    }

    fn as_sender(&self, name: ReferralName) -> Result<ReferralRow> {
        let row = referral(self.view, name)?;
        self.is_side(&row.sender)?;
        Ok(row)
    }

    fn as_addressee(&self, name: ReferralName) -> Result<ReferralRow> {
        let row = referral(self.view, name)?;
        self.is_side(&row.addressee)?;
        Ok(row)
    }

    /// The edge has looked before; the rule is kept here too.
    fn is_side(&self, side: &str) -> Result<()> {
        if side == self.permit.agency().as_str() {
            return Ok(());
        }
        let message = "this is for the other side of the referral to do";
        Err(Error::new(Reason::PermissionDenied, message))
    }
}

/// A referral by its name.
///
/// # Errors
/// NOT_FOUND when there is none.
pub fn referral(view: &(impl View + ?Sized), name: ReferralName) -> Result<ReferralRow> {
    let row: Option<ReferralRow> = view.message(&keys::referral(name.0.as_bytes()))?;
    row.ok_or_else(|| Error::not_found(&name.to_string()))
}

/// The entries of all acts on the referral that ended first, when that was before an instant and it is not
/// sealed.
///
/// # Errors
/// When storage fails.
pub fn due_for_sealing(view: &(impl View + ?Sized), cutoff: Timestamp) -> Result<Option<Vec<u64>>> {
    let (from, to) = keys::ended_referrals().range();
    let found = view.scan(&from, &to, Direction::Forward, 1)?;
    let Some((_, id)) = found.first() else {
        return Ok(None);
    };
    let row: Option<ReferralRow> = view.message(&keys::referral(id))?;
    let row = row.ok_or_else(|| Error::internal("a referral that ended is missing"))?;
    let ended = row.end.as_ref().map_or(i64::MAX, |act| act.at_us);
    if ended >= cutoff.as_microsecond() {
        return Ok(None);
    }
    let mut entries: Vec<u64> = row.acts().map(|act| act.entry_index).collect();
    entries.sort_unstable();
    entries.dedup();
    Ok(Some(entries))
}

/// Wraps an event.
fn event(kind: Kind) -> Event {
    Event {
        kind: Some(event::Kind::Referrals(ReferralsEvent { kind: Some(kind) })),
    }
}

/// What an agency is asked about a referral.
fn ask(agency: &str, by: &AskedBy) -> Ask {
    Ask {
        recipients: vec![format!("agencies/{agency}")],
        actions: vec![AskedAction {
            action: RequestedAction::AnswerReferral.into(),
            due_us: by.due_us,
            remind_at_us: by.remind_at_us,
        }],
    }
}

fn id(name: ReferralName) -> bytes::Bytes {
    bytes::Bytes::copy_from_slice(name.0.as_bytes())
}

fn hashes(attachments: &[Digest]) -> Vec<bytes::Bytes> {
    let attachments = attachments.iter();
    attachments
        .map(|sha256| bytes::Bytes::copy_from_slice(sha256))
        .collect()
}

/// Refuses an act that where the referral stands does not allow.
fn require(name: ReferralName, row: &ReferralRow, states: &[ReferralState]) -> Result<()> {
    if states.contains(&row.state()) {
        return Ok(());
    }
    let needed: Vec<&str> = states.iter().copied().map(word).collect();
    Err(refused(format!(
        "{name} is {}; this needs {}",
        word(row.state()),
        needed.join(" or ")
    )))
}

fn require_revision(name: ReferralName, row: &ReferralRow, revision: u32) -> Result<()> {
    if row.revision() == revision {
        return Ok(());
    }
    Err(refused(format!(
        "revision {revision} of {name} is not in force; {} is",
        row.revision()
    )))
}

fn require_acknowledged(name: ReferralName, row: &ReferralRow) -> Result<()> {
    if row.acknowledged_revision == row.revision() {
        return Ok(());
    }
    Err(refused(format!(
        "{name} was corrected; acknowledge revision {} first",
        row.revision()
    )))
}

fn at_most(name: ReferralName, count: usize, most: usize, what: &str) -> Result<()> {
    if count < most {
        return Ok(());
    }
    Err(refused(format!(
        "{name} has {count} {what}, which is the most"
    )))
}

fn refused(message: impl Into<String>) -> Error {
    Error::new(Reason::RecordState, message)
}

/// A state without the prefix that protobuf wants.
fn word(state: ReferralState) -> &'static str {
    let name = state.as_str_name();
    name.strip_prefix("REFERRAL_STATE_").unwrap_or(name)
}
