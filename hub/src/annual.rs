//! Once a year has ended, the office of a mechanism that has not held its annual meeting is told so
//! (JE-070, FS-060): a warning by the hub's own notice, once for each year, which blocks nothing.

use std::{sync::Arc, time::Duration};

use hub_core::reason::Reason;

use crate::{
    authz::Permit,
    domain::meetings::{
        self,
        years::{self, METHOD, Missed},
    },
    engine::{Engine, Submission},
    error::Result,
};

/// How often the hub looks.
pub const INTERVAL: Duration = Duration::from_secs(600);

/// Warns for as long as the hub runs.
pub async fn watch(engine: Arc<Engine>) {
    loop {
        // Nothing of this is urgent: a hub that has just been started has other things to do.
        tokio::time::sleep(INTERVAL).await;
        match run(&engine).await {
            Ok(0) => {}
            Ok(given) => tracing::info!(given, "offices were told of a year without its meeting"),
            Err(error) => tracing::warn!(%error, "a warning is late; the hub tries again"),
        }
    }
}

/// Warns of the year that ended last, and tells how many offices there were to warn.
///
/// # Errors
/// When storage fails, or nothing can be recorded now.
pub async fn run(engine: &Engine) -> Result<usize> {
    let roster = engine.roster().load_full();
    let charter = roster.charter();
    let now = engine.clock().now();
    let year = roster.day(now).year().saturating_sub(1);
    let began = engine.recorded(0)?;
    let began = began.map_or(now, |entry| entry.recorded_at());
    if year < years::first(charter, began) {
        return Ok(0);
    }
    let mut given = 0_usize;
    for mechanism in charter.mechanisms() {
        let mechanism = mechanism.id().clone();
        if charter.meetings().annual_source(&mechanism).is_none() {
            continue;
        }
        let missed = Missed { mechanism, year };
        let store = engine.store();
        if years::was_told(store, &missed)? || years::has_met(store, charter.zone(), &missed)? {
            continue;
        }
        match warn(engine, missed).await {
            Ok(()) => given = given.saturating_add(1),
            // The meeting was recorded while this was on its way.
            Err(error) if error.reason == Reason::Conflict => {}
            Err(error) => return Err(error),
        }
    }
    Ok(given)
}

async fn warn(engine: &Engine, missed: Missed) -> Result<()> {
    let submission = Submission {
        permit: Permit::hub()?,
        peer: None,
        authored: None,
        method: METHOD,
        request_ids: vec![],
        command: meetings::Command::Missed(missed).into(),
    };
    engine.submit(submission).await.map(drop)
}
