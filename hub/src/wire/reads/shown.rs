//! Which restricted records an answer shows: addressed notifications, and entries of the ledger that hold
//! acts on restricted records. An answer is put together first, then what it shows is recorded, then it
//! is returned.

use hub_core::names::{AgencyId, LogName, NotificationName, Recipient};
use hub_proto::{
    audit::{AccessedRecord, RecordKind},
    channels::{Delivery, Notification},
};

use super::{Purpose, Restricted};
use crate::{
    authz::{Access, HUB_AGENCY, Permit},
    domain::{channels::log, funds::rows::AlertRow},
    engine::{Engine, recorded::Recorded},
    error::{Error, Result},
    wire::{Services, channels::lookup::parsed},
};

/// Resources that the auditor of the body above the mechanisms may know to exist, beside alerts that not
/// only a named few may know of. A notice about any other, such as a referral, is for the agencies
/// concerned only (FS-036), also one that this list forgot.
const OPEN_RESOURCES: [&str; 3] = ["meetings/", "majorIssues/", "escalations/"];

/// Capabilities whose acts are acts on restricted records. An entry does not say to which kind of request
/// it belongs; the stricter is assumed.
const RESTRICTED_METHODS: [(&str, RecordKind); 3] = [
    ("/hub.funds.", RecordKind::Alert),
    ("/hub.referrals.", RecordKind::Referral),
    ("/hub.requests.", RecordKind::AccountInformationRequest),
];

/// What an answer shows of restricted records, by the role under which the caller sees it.
#[derive(Debug, Default)]
pub(in crate::wire) struct Shown(Vec<(Permit, Vec<AccessedRecord>)>);

impl Shown {
    /// Whether a delivery shows a restricted notification.
    pub(in crate::wire) fn has(&self, delivery: &Delivery) -> bool {
        let name = delivery.notification.as_ref().map(|one| &one.name);
        let mut records = self.0.iter().flat_map(|(_, records)| records);
        name.is_some_and(|name| records.any(|one| one.name == *name))
    }

    fn add(&mut self, permit: Permit, record: AccessedRecord) {
        let role = self
            .0
            .iter_mut()
            .find(|(one, _)| one.role() == permit.role());
        match role {
            Some((_, records)) if records.iter().rev().any(|one| one.name == record.name) => {}
            Some((_, records)) => records.push(record),
            None => self.0.push((permit, vec![record])),
        }
    }

    /// Adds a record that the caller has been found to see.
    pub(in crate::wire) fn record(&mut self, permit: Permit, record: &Restricted) {
        self.add(permit, record.into());
    }

    /// Adds a notification of an entry that is read in a log.
    pub(in crate::wire) fn in_log(
        &mut self,
        engine: &Engine,
        access: &Access,
        log: &LogName,
        (entry, item, notification): (&Recorded, u32, &Notification),
    ) -> Result<()> {
        match accessed(engine, entry, item, notification)? {
            Some((_, record)) => {
                self.add(access.read_log(log)?, record);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Adds a notification of an entry that the caller has been found to see.
    pub(in crate::wire) fn seen(
        &mut self,
        engine: &Engine,
        access: &Access,
        (entry, item, notification): (&Recorded, u32, &Notification),
    ) -> Result<()> {
        let Some((author, record)) = accessed(engine, entry, item, notification)? else {
            return Ok(());
        };
        let recipients: Vec<Recipient> = parsed(&notification.addressees);
        self.add(access.read_addressed(&author, &recipients)?, record);
        Ok(())
    }

    /// Adds what an entry of the ledger holds.
    pub(in crate::wire) fn entry(
        &mut self,
        engine: &Engine,
        permit: &Permit,
        entry: &Recorded,
    ) -> Result<()> {
        for (item, notification) in entry.notifications() {
            if let Some((_, record)) = accessed(engine, entry, *item, notification)? {
                self.add(permit.clone(), record);
            }
        }
        let method = entry.header.method.as_str();
        let mut restricted = RESTRICTED_METHODS.iter();
        if let Some((_, kind)) = restricted.find(|(prefix, _)| method.starts_with(prefix)) {
            let record = AccessedRecord {
                name: format!("entries/{}", entry.header.index),
                kind: (*kind).into(),
                auditors: vec![entry.author().to_owned()],
                // It does not say which alert it is about either.
                is_confidential: true,
            };
            self.add(permit.clone(), record);
        }
        Ok(())
    }
}

/// What is recorded of a notification that is shown, and its author; nothing of one in a channel.
fn accessed(
    engine: &Engine,
    entry: &Recorded,
    item: u32,
    notification: &Notification,
) -> Result<Option<(AgencyId, AccessedRecord)>> {
    let name: NotificationName = notification
        .name
        .parse()
        .map_err(|error| Error::internal(format!("{}: {error}", notification.name)))?;
    let NotificationName::Addressed(author, _) = name else {
        return Ok(None);
    };
    let is_agency = author.as_str() != HUB_AGENCY;
    let record = AccessedRecord {
        name: notification.name.clone(),
        kind: RecordKind::Notification.into(),
        auditors: is_agency.then(|| author.to_string()).into_iter().collect(),
        is_confidential: is_confidential(engine, entry, item, notification)?,
    };
    Ok(Some((author, record)))
}

/// Whether a notification tells of something that outsiders may not know to exist. What people write says
/// of itself to whom it is addressed; what the hub writes is judged by the resource that it tells of, and a
/// reminder by what it reminds of.
fn is_confidential(
    engine: &Engine,
    entry: &Recorded,
    item: u32,
    notification: &Notification,
) -> Result<bool> {
    if !log::is_issued(item) {
        return Ok(false);
    }
    // What a sealed notice told of is gone; so it is not known to be open.
    if notification.is_sealed {
        return Ok(true);
    }
    if !notification.resource.is_empty() {
        return Ok(!is_open(engine, &notification.resource)?);
    }
    let Some(original) = entry.reminds_of() else {
        return Ok(false);
    };
    let missing = || Error::internal("a reminder is of a notification that is not there");
    let of = engine.recorded(original.entry_index)?.ok_or_else(missing)?;
    let told = of.notification(original.item).ok_or_else(missing)?;
    if !log::is_issued(original.item) {
        return Ok(false);
    }
    let is_open = !told.is_sealed && (told.resource.is_empty() || is_open(engine, &told.resource)?);
    Ok(!is_open)
}

/// Whether the auditor of the body above the mechanisms may know that there is a resource.
fn is_open(engine: &Engine, resource: &str) -> Result<bool> {
    if let Ok(alert) = resource.parse() {
        let row = AlertRow::read(engine.store(), alert)?;
        return Ok(row.is_some_and(|row| !row.is_confidential()));
    }
    Ok(OPEN_RESOURCES.iter().any(|one| resource.starts_with(one)))
}

impl Services {
    /// Checks that a purpose is said where the charter demands one for what is to be shown: before an act,
    /// so that the act is not done when its answer would be refused.
    pub(in crate::wire) fn check_purpose(
        &self,
        access: &Access,
        purpose: &Purpose,
        shown: &Shown,
    ) -> Result<()> {
        let mut all = shown.0.iter();
        all.try_for_each(|(_, records)| purpose.check(access, records))
    }

    /// Records what an answer shows, and returns once that is durable.
    ///
    /// # Errors
    /// As [`Services::record_reads`].
    pub(in crate::wire) async fn record_shown(
        &self,
        access: &Access,
        method: &'static str,
        purpose: &Purpose,
        shown: &Shown,
    ) -> Result<()> {
        self.check_purpose(access, purpose, shown)?;
        for (permit, records) in &shown.0 {
            self.record_accesses(access, permit, method, purpose, records)
                .await?;
        }
        Ok(())
    }
}
