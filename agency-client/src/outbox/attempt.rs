//! One item's turn: sent, and every answer of the hub turned into what is stored.

use std::{sync::Arc, time::Duration};

use super::{
    OnRefusal, OutboxError, Result, Ticket, blocking,
    item::Problem,
    method::Trace,
    store::{Loaded, Parked, Store},
    transport::{Found, Transport, minted_ms, now_ms},
    verdict::{Verdict, verdict},
};
use crate::{client::request_id, error::ClientError};

/// Request ids that are minted in one turn: one because the old one expired or was ahead, and one
/// more, should that meet the other fault.
const MINTED_MAX: usize = 2;

/// What a turn came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It is delivered or set aside, or is gone: the stream goes on, or stands still by its row.
    Settled,
    /// It waits, at least so long. `is_away`: because nobody answers.
    Waits { wait: Duration, is_away: bool },
}

/// What the own agency's records say about a lost answer.
enum Traced {
    Found(Box<Found>),
    /// Nothing was recorded.
    Nothing,
    /// Not now.
    Later(ClientError),
    /// There is no way to find out.
    Unknowable(String),
}

/// An item's turn.
pub(crate) struct Attempt<'a> {
    pub(crate) store: &'a Arc<Store>,
    pub(crate) transport: &'a dyn Transport,
    pub(crate) on_refusal: OnRefusal,
}

impl Attempt<'_> {
    /// Sends an item and stores what came of it.
    pub(crate) async fn take(&self, ticket: Ticket) -> Result<Turn> {
        let store = Arc::clone(self.store);
        let Some(mut item) = blocking(move || store.load(ticket)).await? else {
            return Ok(Turn::Settled);
        };
        for (path, file) in &item.files {
            if let Err(error) = self.transport.upload(path, file).await {
                return self.not_uploaded(&item, error).await;
            }
        }
        for _ in 0..=MINTED_MAX {
            // Doubt about earlier attempts; this one is judged by its answer.
            let is_in_doubt = item.is_uncertain || item.is_brought;
            if !self.begin(&item).await? {
                return Ok(Turn::Settled);
            }
            let sent = self.transport.send(item.method, item.request.clone());
            let error = match sent.await {
                Ok(found) => return self.delivered(item.ticket, found).await,
                Err(error) => error,
            };
            match verdict(&error) {
                Verdict::Later { is_certain, wait } => {
                    let is_uncertain = item.is_uncertain || !is_certain;
                    return self.wait(&item, is_uncertain, &error, wait).await;
                }
                Verdict::Refused => return self.refused(&item, is_in_doubt, error).await,
                Verdict::Ahead if minted_ms(&item.request_id) <= now_ms() => {
                    // This clock is still wrong, or the hub's is: the id's time will come.
                    let is_uncertain = item.is_uncertain;
                    return self.wait(&item, is_uncertain, &error, Duration::ZERO).await;
                }
                Verdict::Ahead | Verdict::Expired => {
                    if let Some(turn) = self.renew(&mut item, is_in_doubt, error).await? {
                        return Ok(turn);
                    }
                }
            }
        }
        let error = ClientError::Protocol("every new request id is refused".into());
        self.wait(&item, true, &error, Duration::ZERO).await
    }

    async fn begin(&self, item: &Loaded) -> Result<bool> {
        // What is stored already needs no second flush.
        if item.is_uncertain && !item.is_first {
            return Ok(true);
        }
        let (store, ticket) = (Arc::clone(self.store), item.ticket);
        blocking(move || store.begin(ticket)).await
    }

    /// Another request id, stored before it is used; an end of the turn when there must be none.
    ///
    /// The hub refuses the old id for ever, so that an attempt still under way cannot be recorded
    /// after the look.
    async fn renew(
        &self,
        item: &mut Loaded,
        is_in_doubt: bool,
        error: ClientError,
    ) -> Result<Option<Turn>> {
        // Without a doubt it is looked for as well: the folder may have been restored from a copy
        // that was made before the first attempt.
        if is_in_doubt || item.method.trace() == Trace::Notification {
            match self.trace(item).await {
                Traced::Found(found) => {
                    return self.delivered(item.ticket, *found).await.map(Some);
                }
                Traced::Nothing => {}
                Traced::Later(error) => {
                    // The hub refused this attempt; only earlier ones are in doubt.
                    let is_uncertain = item.is_uncertain;
                    let turn = self.wait(item, is_uncertain, &error, Duration::ZERO);
                    return turn.await.map(Some);
                }
                Traced::Unknowable(_) if !is_in_doubt => {}
                Traced::Unknowable(why) => {
                    let problem = Problem {
                        reason: error.reason_text().to_owned(),
                        message: format!("{error}; whether it was recorded is not known: {why}"),
                    };
                    return self.set_aside(item, true, problem).await.map(Some);
                }
            }
        }
        let (store, mut renewed) = (Arc::clone(self.store), item.clone());
        *item = blocking(move || {
            store.remint(&mut renewed, request_id())?;
            Ok(renewed)
        })
        .await?;
        Ok(None)
    }

    async fn trace(&self, item: &Loaded) -> Traced {
        match item.method.trace() {
            Trace::Absorbed => Traced::Nothing,
            Trace::None => Traced::Unknowable("this call leaves no trace to look for".into()),
            Trace::Notification => match self.transport.find(&item.request_id).await {
                Ok(Some(found)) => Traced::Found(Box::new(found)),
                Ok(None) => Traced::Nothing,
                Err(error) => match verdict(&error) {
                    Verdict::Refused => Traced::Unknowable(error.to_string()),
                    _ => Traced::Later(error),
                },
            },
        }
    }

    /// The hub refuses it. When an earlier attempt is in doubt, that one may have been recorded.
    async fn refused(&self, item: &Loaded, is_in_doubt: bool, error: ClientError) -> Result<Turn> {
        if is_in_doubt && item.method.trace() == Trace::Notification {
            match self.trace(item).await {
                Traced::Found(found) => return self.delivered(item.ticket, *found).await,
                Traced::Later(error) => {
                    let is_uncertain = item.is_uncertain;
                    return self.wait(item, is_uncertain, &error, Duration::ZERO).await;
                }
                Traced::Nothing | Traced::Unknowable(_) => {}
            }
        }
        self.set_aside(item, item.is_uncertain, problem(&error))
            .await
    }

    /// Nothing was sent: the item is as certain as it was.
    async fn not_uploaded(&self, item: &Loaded, error: ClientError) -> Result<Turn> {
        let is_uncertain = item.is_uncertain;
        match verdict(&error) {
            Verdict::Refused => self.set_aside(item, is_uncertain, problem(&error)).await,
            _ => self.wait(item, is_uncertain, &error, Duration::ZERO).await,
        }
    }

    async fn delivered(&self, ticket: Ticket, found: Found) -> Result<Turn> {
        let store = Arc::clone(self.store);
        blocking(move || store.delivered(ticket, &found.0, &found.1)).await?;
        Ok(Turn::Settled)
    }

    async fn set_aside(&self, item: &Loaded, is_uncertain: bool, problem: Problem) -> Result<Turn> {
        let parked = match self.on_refusal {
            OnRefusal::SetAside => Parked::Aside,
            OnRefusal::Hold => Parked::Holds,
        };
        tracing::warn!(
            ticket = %item.ticket,
            reason = problem.reason,
            message = problem.message,
            "the hub refused an item of the outbox"
        );
        self.park(item.ticket, parked, is_uncertain, problem)
            .await?;
        Ok(Turn::Settled)
    }

    async fn wait(
        &self,
        item: &Loaded,
        is_uncertain: bool,
        error: &ClientError,
        wait: Duration,
    ) -> Result<Turn> {
        tracing::debug!(ticket = %item.ticket, %error, "an item of the outbox waits");
        self.park(item.ticket, Parked::Waits, is_uncertain, problem(error))
            .await?;
        let is_away = matches!(
            error,
            ClientError::Unreachable { .. } | ClientError::Deadline { .. }
        );
        Ok(Turn::Waits { wait, is_away })
    }

    async fn park(
        &self,
        ticket: Ticket,
        parked: Parked,
        is_uncertain: bool,
        problem: Problem,
    ) -> Result<()> {
        let store = Arc::clone(self.store);
        blocking(move || store.park(ticket, parked, is_uncertain, &problem)).await
    }
}

fn problem(error: &ClientError) -> Problem {
    Problem {
        reason: error.reason_text().to_owned(),
        message: match error {
            ClientError::Refused(refusal) => refusal.message.clone(),
            other => other.to_string(),
        },
    }
}

/// Whether the sender can go on after an error of its own disk.
pub(crate) fn passes(error: &OutboxError) -> bool {
    matches!(
        error,
        OutboxError::DiskFull { .. } | OutboxError::Busy { .. } | OutboxError::Storage { .. }
    )
}
