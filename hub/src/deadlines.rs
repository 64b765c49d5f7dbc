//! Deadlines in working days follow the calendar: when a notice that is known today has moved one that
//! runs, the hub moves it, as an act of its own on the ledger. The day before and the notice that
//! moved it stay visible with the request.

use std::{sync::Arc, time::Duration};

use hub_core::{
    names::{InformationRequestName, RequestId},
    reason::Reason,
};
use jiff::Timestamp;

use crate::{
    authz::Permit,
    domain::requests::{self, InformationRequestRow, Recompute, deadlines::is_outdated},
    engine::{Engine, Submission},
    error::Result,
    state::{
        keys::{Key, Kind},
        store::Direction,
    },
};

/// How often the hub looks; a newer calendar may come into force at any time, and what is known changes
/// with the day.
pub const INTERVAL: Duration = Duration::from_secs(10 * 60);

/// Requests that are read at a time.
const ROWS_PAGE: usize = 256;

/// The act of the hub under which a deadline is moved.
const METHOD: &str = "/hub.system.v1/RecomputeDeadlines";

/// Looks at start and then again and again, for as long as the hub runs.
pub async fn watch(engine: Arc<Engine>) {
    loop {
        match run(&engine).await {
            Ok(0) => {}
            Ok(moved) => tracing::info!(moved, "deadlines were moved with the calendar"),
            Err(error) => {
                tracing::warn!(%error, "deadlines wait for the calendar; the hub tries again")
            }
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Moves every deadline that runs and is not where the calendar known today has it; tells how many.
///
/// # Errors
/// When storage fails, or nothing can be recorded now; what was moved so far stays so.
pub async fn run(engine: &Engine) -> Result<usize> {
    let mut moved = 0_usize;
    let (mut from, to) = Key::new(Kind::RunningDeadlines).range();
    loop {
        let page = engine
            .store()
            .scan(&from, &to, Direction::Forward, ROWS_PAGE)?;
        for (key, _) in &page {
            let id = key.get(1..).and_then(|id| id.try_into().ok());
            if let Some(id) = id.and_then(RequestId::from_bytes) {
                let request = InformationRequestName(id);
                moved = moved.saturating_add(of_request(engine, request).await?);
            }
        }
        match page.last() {
            // The smallest key greater than the last one.
            Some((key, _)) if page.len() == ROWS_PAGE => from = [key, [0].as_slice()].concat(),
            _ => return Ok(moved),
        }
    }
}

/// The deadlines of a request that are to be moved now.
fn outdated(
    engine: &Engine,
    request: InformationRequestName,
    now: Timestamp,
) -> Result<Vec<Recompute>> {
    let roster = engine.roster().load_full();
    let calendar = roster.calendar().as_of(roster.day(now));
    let row = InformationRequestRow::read(engine.store(), request)?;
    let deadlines = row.deadlines.iter();
    let outdated = deadlines.filter(|one| is_outdated(one, calendar));
    let due = outdated.filter_map(|one| one.due.as_ref());
    Ok(due
        .map(|due| Recompute {
            request,
            kind: due.kind(),
            correction: due.correction,
        })
        .collect())
}

async fn of_request(engine: &Engine, request: InformationRequestName) -> Result<usize> {
    let mut moved = 0_usize;
    for recompute in outdated(engine, request, engine.clock().now())? {
        let submission = Submission {
            permit: Permit::hub()?,
            peer: None,
            authored: None,
            method: METHOD,
            request_ids: vec![],
            command: requests::Command::Recompute(recompute).into(),
        };
        match engine.submit(submission).await {
            Ok(_) => moved = moved.saturating_add(1),
            // It was met, or moved, while this was on its way.
            Err(error) if error.reason == Reason::Conflict => {}
            Err(error) => return Err(error),
        }
    }
    Ok(moved)
}
