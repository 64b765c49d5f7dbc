//! Reads on the record: who read which restricted record, when and what for.
//!
//! An access is a fact of the hub's own, durable before contents are returned. It names the records and
//! says nothing of what is in them.

use bytes::Bytes;
use hub_core::reason::Reason;
use hub_proto::{
    audit::{AccessRecorded, AuditEvent, audit_event},
    ledger::{Event, event},
};

use super::{Decision, EntryMeta};
use crate::{
    authz::Permit,
    error::{Error, Result},
    state::{
        keys::{self, Kind},
        view::Overlay,
    },
};

/// Under which accesses are recorded.
pub const METHOD: &str = "/hub.system.v1/RecordAccess";

/// Most records of one access.
pub const RECORDS_MAX: usize = 256;

/// Longest purpose in characters.
pub const PURPOSE_CHARACTERS_MAX: usize = 200;

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

/// Lists an access for the auditors of the reader's agency and for those that each record names.
pub(super) fn apply(rows: &mut Overlay<'_>, entry: &EntryMeta<'_>, event: &AuditEvent) {
    let Some(audit_event::Kind::AccessRecorded(access)) = &event.kind else {
        return;
    };
    for record in &access.records {
        for auditor in auditors(access, &record.auditors) {
            let key = keys::seen_by(Kind::AccessOf, auditor).number(entry.index);
            rows.put(key.build(), Bytes::new());
            let key = keys::accesses_to(auditor, &record.name).number(entry.index);
            rows.put(key.build(), Bytes::new());
        }
    }
}

/// The agencies whose auditors may list that a record was read.
pub fn auditors<'a>(
    access: &'a AccessRecorded,
    of_record: &'a [String],
) -> impl Iterator<Item = &'a str> {
    let others = of_record.iter().filter(|one| **one != access.agency);
    [&access.agency]
        .into_iter()
        .chain(others)
        .map(String::as_str)
}

#[cfg(test)]
mod tests {
    use hub_proto::audit::AccessedRecord;

    use super::*;
    use crate::charter::Action;

    fn access(count: usize) -> Command {
        let record = AccessedRecord {
            name: "alerts/a".into(),
            ..AccessedRecord::default()
        };
        Command {
            access: AccessRecorded {
                records: vec![record; count],
                ..AccessRecorded::default()
            },
        }
    }

    #[test]
    fn only_the_hub_records_an_access_and_only_one_of_something() {
        let hub = Permit::hub().unwrap();
        assert!(decide(&hub, &access(RECORDS_MAX)).is_ok());
        assert!(decide(&hub, &access(0)).is_err());
        assert!(decide(&hub, &access(RECORDS_MAX + 1)).is_err());
        let officer = Permit::testing("tax", "clerk", Action::InboxRead);
        let refused = decide(&officer, &access(1)).unwrap_err();
        assert_eq!(refused.reason, Reason::PermissionDenied);
    }
}
