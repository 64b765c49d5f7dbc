//! Information requests between units, with a legal basis and working-day deadlines (Order 809, FS-053).
//!
//! Invariants: a request reaches its provider only with the approval of another officer than its author;
//! every clock has a deadline, which stands as it was computed until an event moves it; what was delivered
//! is used within the validity only, and never while its use is suspended or after its disposal; a request
//! for account information rests on an open case that names the organisation.
//!
//! The cast: [`draft`] (drafting, with what each legal basis demands), [`step`] (from approval to the answer),
//! [`afterwards`] (use, corrections, suspension, disposal), [`deadlines`], [`rows`] (what state keeps),
//! `notices` (what the two sides are told).

pub mod afterwards;
mod apply;
pub mod deadlines;
pub mod draft;
mod notices;
pub mod rows;
pub mod step;

use hub_core::{names::InformationRequestName, reason::Reason};
use hub_proto::{
    channels::Attachment,
    ledger::{Event, event},
    requests::{RequestState, RequestsEvent, requests_event},
};
use jiff::civil::Date;

use super::{Context, Decision, EntryMeta};
use crate::{
    authz::Permit,
    error::{Error, Result},
    state::view::Overlay,
};

pub use self::{apply::id_of, deadlines::Recompute, draft::Draft, rows::InformationRequestRow};

/// Most records of use of a request. This and the next ones bound what a request with all of its texts
/// takes: it fits into an answer that clients take, so that neither side can make it unreadable.
pub const USES_MAX: usize = 100;

/// Most correction requests of a request.
pub const CORRECTIONS_MAX: usize = 20;

/// Most suspensions of a request.
pub const SUSPENSIONS_MAX: usize = 20;

/// A typed request of this capability.
#[derive(Debug, Clone)]
pub enum Command {
    /// Draft a request.
    Draft(Box<Draft>),
    /// Do something about one.
    Act(Box<Act>),
    /// Close a case of the own agency, by its number.
    CloseCase(String),
    /// Move a deadline with the calendar, as the hub.
    Recompute(Recompute),
}

/// Something done about a request.
#[derive(Debug, Clone)]
pub struct Act {
    /// Which.
    pub request: InformationRequestName,
    /// What.
    pub what: What,
}

/// What may be done about a request. Texts are in the call's message.
#[derive(Debug, Clone)]
pub enum What {
    /// Approve it, with the files of its draft for the provider.
    Approve(Vec<Attachment>),
    /// Reject it.
    Reject,
    /// Take it back.
    Withdraw,
    /// Ask for everything that is missing.
    AskForMissing,
    /// Give what was missing, with files.
    Complete(Vec<Attachment>),
    /// Extend the time to answer by so many working days.
    Extend(u32),
    /// Consent; with files if the data is delivered in the same act.
    Consent(Option<Vec<Attachment>>),
    /// Deliver, with files.
    Deliver(Vec<Attachment>),
    /// Refuse.
    Refuse,
    /// Record a use.
    RecordUse,
    /// Ask for a correction.
    RequestCorrection,
    /// Answer a correction request.
    AnswerCorrection(CorrectionAnswer),
    /// Suspend the use.
    Suspend,
    /// Lift the suspension.
    Resume,
    /// Confirm disposal on a day.
    Dispose(Date),
}

/// What the provider found.
#[derive(Debug, Clone)]
pub struct CorrectionAnswer {
    /// Number of the correction request.
    pub correction: u32,
    /// Whether the data was corrected.
    pub is_corrected: bool,
    /// Files with the corrected data.
    pub documents: Vec<Attachment>,
}

/// A request about which something is done.
struct Case<'a> {
    context: &'a Context<'a>,
    view: &'a Overlay<'a>,
    permit: &'a Permit,
    name: InformationRequestName,
    row: InformationRequestRow,
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
    let events = match command {
        Command::Draft(command) => draft::draft(context, view, permit, command)?,
        Command::Act(command) => {
            let case = Case {
                context,
                view,
                permit,
                name: command.request,
                row: InformationRequestRow::read(view, command.request)?,
            };
            act(&case, &command.what)?
        }
        Command::CloseCase(number) => return draft::close_case(view, permit, number),
        Command::Recompute(command) => deadlines::recompute(context, view, permit, command)?,
    };
    Ok(Decision::Record(events))
}

fn act(case: &Case<'_>, what: &What) -> Result<Vec<Event>> {
    match what {
        What::Approve(documents) => step::approve(case, documents),
        What::Reject => step::reject(case),
        What::Withdraw => step::withdraw(case),
        What::AskForMissing => step::ask_for_missing(case),
        What::Complete(documents) => step::complete(case, documents),
        What::Extend(working_days) => step::extend(case, *working_days),
        What::Consent(delivery) => step::consent(case, delivery.as_deref()),
        What::Deliver(documents) => step::deliver(case, documents),
        What::Refuse => step::refuse(case),
        What::RecordUse => afterwards::record_use(case),
        What::RequestCorrection => afterwards::request_correction(case),
        What::AnswerCorrection(answer) => afterwards::answer_correction(case, answer),
        What::Suspend => afterwards::suspend(case),
        What::Resume => afterwards::resume(case),
        What::Dispose(disposed_on) => afterwards::dispose(case, *disposed_on),
    }
}

/// Applies an event to rows.
///
/// # Errors
/// Only when storage fails or holds a damaged row.
pub fn apply(rows: &mut Overlay<'_>, entry: &EntryMeta<'_>, event: &RequestsEvent) -> Result<()> {
    match &event.kind {
        Some(kind) => apply::apply(rows, entry, kind),
        None => Ok(()),
    }
}

/// Wraps an event.
fn event(kind: requests_event::Kind) -> Event {
    Event {
        kind: Some(event::Kind::Requests(RequestsEvent { kind: Some(kind) })),
    }
}

/// An act that where something stands does not allow.
fn refused(message: String) -> Error {
    Error::new(Reason::RecordState, message)
}

impl Case<'_> {
    /// Its id, for events.
    fn id(&self) -> bytes::Bytes {
        self.name.0.as_bytes().to_vec().into()
    }

    /// Refuses an act in another state than those it belongs to, with the source of the rule.
    fn require(&self, wanted: &[RequestState], source: &str) -> Result<()> {
        let state = self.row.state();
        if wanted.contains(&state) {
            return Ok(());
        }
        let words: Vec<&str> = wanted.iter().map(|state| word(*state)).collect();
        Err(refused(format!(
            "{} is {}; this needs {} ({source})",
            self.name,
            word(state),
            words.join(" or ")
        )))
    }

    /// Refuses what the end of the validity ends.
    fn require_valid(&self, source: &str) -> Result<()> {
        let until = self.row.valid_until();
        if self.context.today() <= until {
            return Ok(());
        }
        Err(refused(format!(
            "{} was valid until {until}, which is over ({source})",
            self.name
        )))
    }

    /// Refuses an inquiry whose case has been declared otherwise since it was drafted.
    fn require_declared_so(&self) -> Result<()> {
        let digest = self.row.case_digest.as_ref();
        if digest.map_or(Ok(true), |digest| draft::is_declared_so(self.view, digest))? {
            return Ok(());
        }
        Err(refused(format!(
            "{}: a request that was approved meanwhile declares its case with another day or other \
             organisations; reject it, and draft it anew as the case is (FS-053)",
            self.name
        )))
    }

    /// Refuses what an inquiry needs an open case for.
    fn require_open_case(&self) -> Result<()> {
        match &self.row.case_digest {
            Some(digest) => draft::check_open(self.view, digest),
            None => Ok(()),
        }
    }
}

/// The last part of a state's name.
fn word(state: RequestState) -> &'static str {
    let name = state.as_str_name();
    name.strip_prefix("REQUEST_STATE_").unwrap_or(name)
}

#[cfg(test)]
mod tests;
