//! Minutes (纪要): versions, consent of every attending unit, issue under a number, corrections, and
//! what was agreed (JE-073, JE-074, JE-080).
//!
//! Invariants: versions and issued minutes never change; a consent is to exactly one version, and a
//! newer draft clears all of them; minutes are issued only when every attending unit has agreed to the
//! version before them; numbers of a series have no gap and no repeat; whoever is asked something by a
//! time is asked exactly while it is outstanding.
//!
//! The cast: [`content`] (what a version must be), [`round`] (drafts, circulation, consent), [`issue`]
//! (numbers, corrections), [`items`] (agreed items as they are carried out), [`notices`] (what those
//! concerned are told).

pub mod content;
pub mod issue;
pub mod items;
pub mod notices;
pub mod round;

#[cfg(test)]
mod tests;

use hub_core::{
    crypto::Digest,
    names::{AgencyId, MeetingName, Recipient},
    reason::Reason,
};
use hub_proto::{
    channels::{Attachment, NotificationRef, RequestedAction},
    meetings::{Attendance, MinutesContent, TaskState, meetings_event::Kind},
};
use jiff::{Timestamp, civil::Date};

use super::{
    notices as told,
    rows::{ActRow, MeetingRow, MinutesRow, UnitRow},
};
use crate::{
    authz::Permit,
    domain::{
        Context, Decision, EntryMeta,
        channels::{
            asks,
            log::{NotificationPlace, issued_item},
        },
    },
    error::{Error, Result},
    state::{
        keys,
        view::{Overlay, View, ViewExt as _},
    },
};

/// A change to the minutes or the agreed items of a meeting.
#[derive(Debug, Clone)]
pub struct Command {
    /// The meeting.
    pub meeting: MeetingName,
    /// Its title, for what is told.
    pub subject: String,
    /// What is done.
    pub act: Act,
}

/// What is done.
#[derive(Debug, Clone)]
pub enum Act {
    /// Draft the next version.
    Draft(Draft),
    /// Put the newest version before the attending units.
    Circulate {
        /// The document.
        document: u32,
        /// The version.
        version: u32,
        /// By when units are asked; none for the charter's time.
        consent_by: Option<Timestamp>,
        /// What goes with the version.
        attachments: Vec<Attachment>,
    },
    /// Consent in the name of the permit's agency.
    Consent {
        /// The document.
        document: u32,
        /// The version.
        version: u32,
        /// SHA-256 of the content that was read.
        content_sha256: Digest,
    },
    /// Object in the name of the permit's agency.
    Object {
        /// The document.
        document: u32,
        /// The version.
        version: u32,
        /// Why.
        reason: String,
    },
    /// Withdraw the objection of the permit's agency.
    WithdrawObjection {
        /// The document.
        document: u32,
        /// The version.
        version: u32,
    },
    /// Issue a version.
    Issue {
        /// The document.
        document: u32,
        /// The version.
        version: u32,
        /// What the version says. Versions never change, so it is read before.
        content: Box<MinutesContent>,
    },
    /// Begin a correction of an issued document.
    Correct {
        /// The issued document.
        document: u32,
        /// Why.
        reason: String,
    },
    /// Report on the part of the permit's agency.
    Report {
        /// The agreed item.
        item: u32,
        /// Where it stands.
        state: TaskState,
        /// Evidence.
        evidence: Vec<Attachment>,
    },
    /// Ask for a later day for the part of the permit's agency.
    RequestExtension {
        /// The agreed item.
        item: u32,
        /// The day.
        due_on: Date,
        /// Why.
        reason: String,
    },
    /// Grant or refuse an extension.
    DecideExtension {
        /// The agreed item.
        item: u32,
        /// Whose.
        unit: AgencyId,
        /// Whether it is granted.
        is_granted: bool,
        /// The day that was asked for.
        due_on: Date,
        /// Why not.
        reason: String,
    },
    /// Close an agreed item.
    CloseItem {
        /// The agreed item.
        item: u32,
        /// What came of it, or empty.
        note: String,
    },
}

/// The next version of a document.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The document.
    pub document: u32,
    /// The version that it is based on; 0 for none.
    pub base_version: u32,
    /// SHA-256 of the content.
    pub content_sha256: Digest,
    /// How many agreed items it states.
    pub agreed_items_count: u32,
    /// What goes with it.
    pub attachments: Vec<Attachment>,
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
    let case = Case::read(context, view, permit, command)?;
    match &command.act {
        Act::Draft(draft) => round::draft(&case, draft),
        Act::Circulate {
            document,
            version,
            consent_by,
            attachments,
        } => round::circulate(&case, (*document, *version), *consent_by, attachments),
        Act::Consent {
            document,
            version,
            content_sha256,
        } => round::consent(&case, (*document, *version), content_sha256),
        Act::Object {
            document,
            version,
            reason,
        } => round::object(&case, (*document, *version), reason),
        Act::WithdrawObjection { document, version } => {
            round::withdraw_objection(&case, (*document, *version))
        }
        Act::Issue {
            document,
            version,
            content,
        } => issue::issue(&case, (*document, *version), content),
        Act::Correct { document, reason } => issue::correct(&case, *document, reason),
        Act::Report {
            item,
            state,
            evidence,
        } => items::report(&case, *item, *state, evidence),
        Act::RequestExtension {
            item,
            due_on,
            reason,
        } => items::request_extension(&case, *item, *due_on, reason),
        Act::DecideExtension {
            item,
            unit,
            is_granted,
            due_on,
            reason,
        } => {
            let extension = items::Extension {
                unit,
                is_granted: *is_granted,
                due_on: *due_on,
                reason,
            };
            items::decide_extension(&case, *item, &extension)
        }
        Act::CloseItem { item, note } => items::close(&case, *item, note),
    }
}

/// Applies an event.
///
/// # Errors
/// When storage fails.
pub fn apply(rows: &mut Overlay<'_>, entry: &EntryMeta<'_>, kind: &Kind) -> Result<()> {
    match kind {
        Kind::MinutesDrafted(event) => round::apply::drafted(rows, entry, event),
        Kind::MinutesCirculated(event) => round::apply::circulated(rows, entry, event),
        Kind::MinutesConsented(event) => round::apply::consented(rows, entry, event),
        Kind::MinutesObjected(event) => round::apply::objected(rows, entry, event),
        Kind::ObjectionWithdrawn(event) => round::apply::objection_withdrawn(rows, entry, event),
        Kind::MinutesIssued(event) => issue::apply::issued(rows, entry, event),
        Kind::CorrectionBegun(event) => issue::apply::correction_begun(rows, entry, event),
        Kind::ProgressReported(event) => items::reported(rows, entry, event),
        Kind::ExtensionRequested(event) => items::extension_requested(rows, entry, event),
        Kind::ExtensionDecided(event) => items::extension_decided(rows, entry, event),
        Kind::AgreedItemClosed(event) => items::closed(rows, entry, event),
        _ => Ok(()),
    }
}

/// What every decision looks at.
struct Case<'a> {
    context: &'a Context<'a>,
    view: &'a Overlay<'a>,
    permit: &'a Permit,
    name: MeetingName,
    subject: &'a str,
    meeting: MeetingRow,
}

impl<'a> Case<'a> {
    fn read(
        context: &'a Context<'a>,
        view: &'a Overlay<'a>,
        permit: &'a Permit,
        command: &'a Command,
    ) -> Result<Self> {
        let meeting = view.message(&keys::meeting(command.meeting.0.as_bytes()))?;
        Ok(Self {
            context,
            view,
            permit,
            name: command.meeting,
            subject: &command.subject,
            meeting: meeting.ok_or_else(|| Error::not_found(&command.meeting.to_string()))?,
        })
    }

    fn id(&self) -> &[u8] {
        self.name.0.as_bytes()
    }

    /// The id as events have it.
    fn id_bytes(&self) -> bytes::Bytes {
        self.id().to_vec().into()
    }

    fn minutes_name(&self, document: u32) -> String {
        format!("{}/minutes/{document}", self.name)
    }

    fn minutes(&self, document: u32) -> Result<MinutesRow> {
        minutes(self.view, self.id(), document)?
            .ok_or_else(|| Error::not_found(&self.minutes_name(document)))
    }

    fn unit(&self) -> &str {
        self.permit.agency().as_str()
    }

    /// The official name of a unit on the day of the meeting (FS-011).
    fn name_of(&self, unit: &str) -> String {
        match unit.parse() {
            Ok(id) => told::name_of(self.context.charter, &id, &self.meeting),
            Err(_) => unit.to_owned(),
        }
    }

    fn names_of<'u>(&self, units: impl Iterator<Item = &'u str>) -> String {
        let names: Vec<String> = units.map(|unit| self.name_of(unit)).collect();
        names.join("、")
    }

    fn offices(&self) -> Vec<Recipient> {
        told::offices(&self.meeting)
    }

    fn units(&self) -> Vec<Recipient> {
        told::units(&self.meeting)
    }

    fn state_refused(&self, message: impl Into<String>) -> Error {
        Error::new(Reason::MeetingState, message)
    }
}

/// The units that attended (与会单位), who are asked for consent: those that were present, also by a
/// deputy; of a meeting by correspondence those that were consulted, as the charter reads it.
#[must_use]
pub fn attending(meeting: &MeetingRow) -> Vec<&UnitRow> {
    let attended = [Attendance::Present, Attendance::Consulted];
    let units = meeting.units.iter();
    units
        .filter(|unit| attended.contains(&unit.attendance()))
        .collect()
}

/// A document of minutes.
///
/// # Errors
/// When storage fails.
pub fn minutes(
    view: &(impl View + ?Sized),
    meeting: &[u8],
    document: u32,
) -> Result<Option<MinutesRow>> {
    view.message(&keys::minutes(meeting, document))
}

fn recipients<'u>(units: impl Iterator<Item = &'u str>) -> Vec<Recipient> {
    units
        .filter_map(|unit| unit.parse().ok())
        .map(Recipient::Agency)
        .collect()
}

fn agency_name(unit: &str) -> String {
    format!("agencies/{unit}")
}

/// What an officer did, in an entry.
fn act(entry: &EntryMeta<'_>, role: &str) -> ActRow {
    ActRow {
        entry_index: entry.index,
        at_us: entry.recorded_at.as_microsecond(),
        officer: entry.officer.into(),
        role: role.into(),
    }
}

/// A notice that an entry issued, by its number.
fn notice(entry: &EntryMeta<'_>, number: u32) -> NotificationRef {
    NotificationPlace {
        entry_index: entry.index,
        item: issued_item(number),
    }
    .into()
}

/// Takes back what a notice asks of a unit.
fn settle(
    rows: &mut Overlay<'_>,
    notice: Option<&NotificationRef>,
    unit: &str,
    action: RequestedAction,
) -> Result<()> {
    match notice {
        Some(place) => asks::done(rows, place.into(), &agency_name(unit), &[action]),
        None => Ok(()),
    }
}

/// Changes a meeting; nothing when there is none.
fn update_meeting(
    rows: &mut Overlay<'_>,
    meeting: &[u8],
    change: impl FnOnce(&mut MeetingRow),
) -> Result<()> {
    let key = keys::meeting(meeting);
    if let Some(mut row) = rows.message::<MeetingRow>(&key)? {
        change(&mut row);
        row.revision = row.revision.saturating_add(1);
        rows.put_message(key, &row);
    }
    Ok(())
}

/// Writes a document that changed.
fn put_minutes(rows: &mut Overlay<'_>, meeting: &[u8], document: u32, mut row: MinutesRow) {
    row.revision = row.revision.saturating_add(1);
    rows.put_message(keys::minutes(meeting, document), &row);
}
