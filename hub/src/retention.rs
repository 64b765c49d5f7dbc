//! Retention: once the charter's period is over, the text of a notification is sealed. What is due is
//! found in the search index and looked at again in the ledger; the order to seal is an entry of the
//! hub's own, and only then are contents erased.
//!
//! A reminder repeats the title of what it is of, so it goes with that.
//!
//! A fund alert to which there was nothing is sealed as a whole some time after its end: every act on it,
//! with the notices that were written with the act.
//!
//! A batch is one entry: it is sealed when the period of every notification in it is over.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

use crate::{
    charter::{
        Charter, follow_up::REMINDER_CATEGORY, follow_up::months_before,
        referrals::REFERRAL_CATEGORY,
    },
    domain::{
        funds, referrals,
        sealing::{self, ENTRIES_MAX},
    },
    engine::Engine,
    error::Result,
    ledger::SealReport,
    search::Search,
};

/// How often the hub looks for what is due.
pub const INTERVAL: Duration = Duration::from_secs(60 * 60);

/// The rule under which reminders are sealed before their own period is over.
const REMINDER_RULE: &str = "reminder: with what it is of";

/// Seals what is due for as long as the hub runs.
pub async fn watch(engine: Arc<Engine>, search: Arc<Search>) {
    loop {
        match run(&engine, &search).await {
            Ok(report) if report.sealed == 0 => {}
            Ok(report) => tracing::info!(
                entries = report.sealed,
                bytes = report.bytes_freed,
                "texts whose period is over were sealed"
            ),
            Err(error) => tracing::warn!(%error, "sealing is late; the hub tries again"),
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Seals everything that is due now.
///
/// # Errors
/// When storage fails or nothing can be recorded now; what was sealed so far stays so.
pub async fn run(engine: &Arc<Engine>, search: &Search) -> Result<SealReport> {
    let roster = engine.roster().load_full();
    let charter = roster.charter();
    let now = engine.clock().now();
    let categories = charter
        .categories()
        .iter()
        .map(|category| category.id().as_str());
    let mut report = SealReport::default();
    for category in categories.chain([REMINDER_CATEGORY]) {
        let Some(cutoff) = cutoff(charter, category, now) else {
            continue;
        };
        let mut after = None;
        loop {
            let found = search
                .due_for_sealing(category, cutoff, after, ENTRIES_MAX)
                .await?;
            after = found.last().copied();
            let due = whole_entries(engine, charter, &found, now)?;
            if !due.is_empty() {
                let months = charter.retention_months(category).unwrap_or_default();
                let rule = format!("{category}: {months} months");
                // Before what they are of, so that a run that breaks off in between finds them again;
                // and after it for one that was given meanwhile. After that there are no more.
                seal_reminders(engine, search, &due, now, &mut report).await?;
                report.add(engine.seal(due.clone(), &rule, cutoff).await?);
                seal_reminders(engine, search, &due, now, &mut report).await?;
            }
            if found.len() < ENTRIES_MAX {
                break;
            }
        }
    }
    seal_alerts(engine, search, charter, now, &mut report).await?;
    seal_referrals(engine, search, charter, now, &mut report).await?;
    Ok(report)
}

/// Seals the texts of referrals that ended before their period began to run out: all acts on one at once.
async fn seal_referrals(
    engine: &Arc<Engine>,
    search: &Search,
    charter: &Charter,
    now: Timestamp,
    report: &mut SealReport,
) -> Result<()> {
    let Some(cutoff) = cutoff(charter, REFERRAL_CATEGORY, now) else {
        return Ok(());
    };
    let months = charter
        .retention_months(REFERRAL_CATEGORY)
        .unwrap_or_default();
    let rule = format!("{REFERRAL_CATEGORY}: {months} months after its end");
    while let Some(entries) = referrals::due_for_sealing(engine.store(), cutoff)? {
        seal_reminders(engine, search, &entries, now, report).await?;
        let order = engine.seal(entries.clone(), &rule, cutoff).await?;
        let is_done = order.sealed == 0;
        report.add(order);
        seal_reminders(engine, search, &entries, now, report).await?;
        if is_done {
            break;
        }
    }
    Ok(())
}

/// Seals fund alerts that ended long enough ago, each with all of its entries in one order.
async fn seal_alerts(
    engine: &Arc<Engine>,
    search: &Search,
    charter: &Charter,
    now: Timestamp,
    report: &mut SealReport,
) -> Result<()> {
    let Some(fund) = charter.fund() else {
        return Ok(());
    };
    let months = fund.unsubstantiated_retention_months();
    let cutoff = months_before(now, months, charter.zone());
    let rule = format!("fund.unsubstantiated_retention_months: {months}");
    let mut order: Vec<u64> = vec![];
    let mut alerts = funds::sealed::due(engine.store(), cutoff)?
        .into_iter()
        .peekable();
    while let Some(alert) = alerts.next() {
        order.extend(alert);
        let next = alerts.peek().map_or(usize::MAX, Vec::len);
        if order.len().saturating_add(next) > ENTRIES_MAX {
            let due = std::mem::take(&mut order);
            seal_reminders(engine, search, &due, now, report).await?;
            report.add(engine.seal(due.clone(), &rule, cutoff).await?);
            seal_reminders(engine, search, &due, now, report).await?;
        }
    }
    Ok(())
}

/// Seals the reminders of what is due in the same run: a reminder repeats the title of what it is of,
/// and its own period ends later.
async fn seal_reminders(
    engine: &Arc<Engine>,
    search: &Search,
    due: &[u64],
    now: Timestamp,
    report: &mut SealReport,
) -> Result<()> {
    for index in due {
        let entry = engine.recorded(*index)?;
        let asks = entry.is_some_and(|entry| {
            entry.published().any(|event| event.ask.is_some())
                || entry.issued().any(|event| event.ask.is_some())
        });
        if !asks {
            continue;
        }
        loop {
            let found = search
                .unsealed_reminders_of(REMINDER_CATEGORY, *index, ENTRIES_MAX)
                .await?;
            if found.is_empty() {
                break;
            }
            let before = report.sealed;
            report.add(engine.seal(found, REMINDER_RULE, now).await?);
            if report.sealed == before {
                break;
            }
        }
    }
    Ok(())
}

/// What was published before this instant is due.
fn cutoff(charter: &Charter, category: &str, now: Timestamp) -> Option<Timestamp> {
    let months = charter.retention_months(category)?;
    Some(months_before(now, months, charter.zone()))
}

/// The entries of which every notification is due, and that can be sealed at all.
fn whole_entries(
    engine: &Engine,
    charter: &Charter,
    entries: &[u64],
    now: Timestamp,
) -> Result<Vec<u64>> {
    let mut due = vec![];
    for index in entries {
        let Some(entry) = engine.recorded(*index)? else {
            continue;
        };
        let is_due = !entry.is_sealed()
            && sealing::is_sealable(&entry.header, &entry.events)
            && entry.notifications().iter().all(|(_, notification)| {
                cutoff(charter, &notification.category, now)
                    .is_some_and(|cutoff| entry.recorded_at() < cutoff)
            });
        if is_due {
            due.push(*index);
        }
    }
    Ok(due)
}
