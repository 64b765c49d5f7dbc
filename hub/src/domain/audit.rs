//! Reads on the record: who read which restricted record, when and what for.
//!
//! An access is a fact of the hub's own, durable before contents are returned. It names the records and
//! says nothing of what is in them. Who may list an access is settled when it is recorded: the auditors
//! of the reader's agency, those that a record names, and, unless the record may not be known to exist
//! (FS-036), the auditor of the body above the mechanisms, here [`ANY`].

use bytes::Bytes;
use hub_core::reason::Reason;
use hub_proto::{
    audit::{AccessRecorded, AccessedRecord, AuditEvent, RecordKind, audit_event},
    ledger::{Event, event},
};

use super::{Decision, EntryMeta};
use crate::{
    authz::Permit,
    error::{Error, Result},
    state::{
        keys::{self, Key, Kind},
        store::Direction,
        view::{Overlay, View},
    },
};

/// Under which accesses are recorded.
pub const METHOD: &str = "/hub.system.v1/RecordAccess";

/// Most records of one access.
pub const RECORDS_MAX: usize = 256;

/// Viewer of what the auditor of the body above the mechanisms may list; no agency's id.
pub const ANY: &str = "-";

/// To record an access.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// Who reads what.
    pub access: AccessRecorded,
}

/// Decides an access to be recorded.
pub(super) fn decide(permit: &Permit, command: &Command) -> Result<Decision> {
    if !permit.is_hub() {
        let message = "only the hub itself records who reads what";
        return Err(Error::new(Reason::PermissionDenied, message));
    }
    let access = &command.access;
    if access.records.is_empty() || access.records.len() > RECORDS_MAX {
        let rule = format!("must be 1 to {RECORDS_MAX} records");
        return Err(Error::field("records", rule));
    }
    let kind = Some(audit_event::Kind::AccessRecorded(access.clone()));
    Ok(Decision::Record(vec![Event {
        kind: Some(event::Kind::Audit(AuditEvent { kind })),
    }]))
}

/// Lists an access for all who may list it, in the order of entries and by record.
pub(super) fn apply(rows: &mut Overlay<'_>, entry: &EntryMeta<'_>, event: &AuditEvent) {
    let Some(audit_event::Kind::AccessRecorded(access)) = &event.kind else {
        return;
    };
    for record in &access.records {
        for viewer in viewers(access, record) {
            let key = keys::seen_by(Kind::AccessOf, viewer).number(entry.index);
            rows.put(key.build(), Bytes::new());
        }
        for viewer in indexed_for(access, record) {
            let key = keys::accesses_to(viewer, &record.name).number(entry.index);
            rows.put(key.build(), Bytes::new());
        }
    }
}

/// Who may list that a record was read: agency ids, and [`ANY`].
fn viewers<'a>(
    access: &'a AccessRecorded,
    record: &'a AccessedRecord,
) -> impl Iterator<Item = &'a str> {
    let auditors = record.auditors.iter().map(String::as_str);
    let others = auditors.filter(|one| *one != access.agency);
    let any = is_open(record).then_some(ANY);
    [access.agency.as_str()]
        .into_iter()
        .chain(others)
        .chain(any)
}

/// For whom an access can be looked up by its record. Notifications are many: an access to an open one has
/// a single row, which its author uses too, for every access to it is for the author to list. What
/// another viewer asks for by its name is found among all that this viewer may list.
fn indexed_for<'a>(
    access: &'a AccessRecorded,
    record: &'a AccessedRecord,
) -> impl Iterator<Item = &'a str> {
    let has_one = record.kind() == RecordKind::Notification && is_open(record);
    viewers(access, record).filter(move |viewer| !has_one || *viewer == ANY)
}

/// Whether the auditor of the body above the mechanisms may know of an access: not of referrals and
/// information requests, nor of what tells of them (FS-036).
fn is_open(record: &AccessedRecord) -> bool {
    let is_open_kind = matches!(record.kind(), RecordKind::Notification | RecordKind::Alert);
    is_open_kind && !record.is_confidential
}

/// Whether a viewer may list that a record was read.
#[must_use]
pub fn may_list(viewer: &str, access: &AccessRecorded, record: &AccessedRecord) -> bool {
    viewers(access, record).any(|one| one == viewer)
}

/// Rows that hold a viewer's accesses to a record; those of the first that has any are all there are.
fn by_record(viewer: &str, record: &str) -> Vec<Key> {
    let own = keys::accesses_to(viewer, record);
    let mut parts = record.split('/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some("agencies"), Some(author), Some("notifications")) if author == viewer => {
            vec![own, keys::accesses_to(ANY, record)]
        }
        (Some("agencies"), _, Some("notifications")) if viewer != ANY => {
            vec![own, keys::seen_by(Kind::AccessOf, viewer)]
        }
        _ => vec![own],
    }
}

/// Which accesses are looked for.
#[derive(Debug, Clone, Copy)]
pub struct Selection<'a> {
    /// An agency's id, or [`ANY`].
    pub viewer: &'a str,
    /// Only accesses to this record; others may be among them all the same.
    pub record: Option<&'a str>,
    /// From this entry.
    pub from: u64,
    /// To before this entry.
    pub before: u64,
    /// In which order.
    pub direction: Direction,
}

/// The entries of accesses that a viewer may list, at most so many.
///
/// # Errors
/// When storage fails.
pub fn page(
    view: &(impl View + ?Sized),
    selection: &Selection<'_>,
    limit: usize,
) -> Result<Vec<u64>> {
    let Selection { from, before, .. } = *selection;
    if from >= before {
        return Ok(vec![]);
    }
    let prefixes = match selection.record {
        Some(record) => by_record(selection.viewer, record),
        None => vec![keys::seen_by(Kind::AccessOf, selection.viewer)],
    };
    for prefix in prefixes {
        let skip = prefix.clone().build().len();
        let start = prefix.clone().number(from).build();
        let end = prefix.number(before).build();
        let rows = view.scan(&start, &end, selection.direction, limit)?;
        let index = |key: &[u8]| key.get(skip..).and_then(|rest| rest.try_into().ok());
        let found = rows.iter().filter_map(|(key, _)| index(key));
        let found: Vec<u64> = found.map(u64::from_be_bytes).collect();
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(vec![])
}

#[cfg(test)]
mod tests;
