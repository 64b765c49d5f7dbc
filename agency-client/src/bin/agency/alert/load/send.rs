//! Raises rows, several at a time.
//!
//! What the hub says of a row is the row's; what it says of the caller, and its silence, ends the run: the
//! next one goes on.

use std::{io::IsTerminal as _, time::Duration};

use agency_client::{
    Client, ClientError,
    error::Refusal,
    funds::file::{Column, Problem, Row, Words},
};
use futures::{StreamExt as _, stream::FuturesUnordered};
use hub_core::reason::Reason;
use hub_proto::funds::{Alert, RaiseAlertResponse};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{
    journal::Journal,
    report::{Outcome, Place, Raised, Refused},
};
use crate::{
    args::alert::LoadArgs,
    output::{Done, Failure, Out},
    publish::is_open,
    stop::Stop,
};

/// How often a bar that nothing moves is drawn.
const TICK: Duration = Duration::from_millis(250);

/// What an attempt came to.
enum Answer {
    /// It is raised.
    Raised(Box<Alert>, Option<u64>),
    /// The row breaks rules of the hub.
    Row(Vec<Problem>),
    /// Its id is too old, and the hub has nothing under it.
    Expired,
    /// Nothing more can be sent.
    End(ClientError),
}

pub(super) async fn run(
    out: Out,
    client: &Client,
    journal: &mut Journal,
    rows: Vec<Row>,
    args: &LoadArgs,
    outcome: &mut Outcome,
) -> Done {
    let mut waiting = vec![];
    for row in rows {
        match journal.known(row.digest()) {
            Some(known) if known.is_raised => {
                outcome.raised.push(Raised {
                    place: Place::of(&row),
                    alert: format!("alerts/{}", known.id),
                    entry_index: known.entry,
                    is_repeated: true,
                    possible_duplicates: vec![],
                });
            }
            _ => waiting.push(row),
        }
    }
    let mut stop = Stop::listen()?;
    let bar = bar(out, waiting.len());
    let ended = raise_all(client, journal, waiting, args, outcome, (&mut stop, &bar)).await;
    bar.finish_and_clear();
    let failure = ended?;
    if failure.is_some() || stop.is_asked() {
        tell_rest(out, outcome);
    }
    match failure {
        Some(error) => Err(error.into()),
        // Something still waits for the hub.
        None if outcome.unsent > 0 => Err(Failure::Said(3)),
        None => Ok(()),
    }
}

/// Raises rows until all are, or none can be; answers why not.
async fn raise_all(
    client: &Client,
    journal: &mut Journal,
    waiting: Vec<Row>,
    args: &LoadArgs,
    outcome: &mut Outcome,
    (stop, bar): (&mut Stop, &ProgressBar),
) -> Result<Option<ClientError>, Failure> {
    let mut queue = waiting.into_iter();
    let mut flying = FuturesUnordered::new();
    let mut end: Option<ClientError> = None;
    loop {
        while end.is_none() && !stop.is_asked() && flying.len() < usize::from(args.in_flight) {
            let Some(row) = queue.next() else { break };
            let id = id_of(journal, &row)?;
            flying.push(attempt(client, row, id));
        }
        let (row, answer) = tokio::select! {
            () = stop.asked(), if !stop.is_asked() => continue,
            next = flying.next() => match next {
                Some(next) => next,
                None => break,
            },
        };
        match answer {
            Answer::Expired => {
                let id = journal.renew(row.digest())?.id;
                flying.push(attempt(client, row, id));
                continue;
            }
            Answer::Raised(alert, entry_index) => {
                journal.recorded(row.digest(), entry_index)?;
                outcome.raised.push(Raised {
                    place: Place::of(&row),
                    alert: alert.name,
                    entry_index,
                    is_repeated: false,
                    possible_duplicates: alert.possible_duplicates,
                });
            }
            Answer::Row(problems) => {
                outcome
                    .refused
                    .extend(problems.into_iter().map(|problem| Refused {
                        place: Place::of(&row),
                        problem,
                    }));
            }
            Answer::End(error) => {
                if is_open(&error) {
                    outcome.unanswered += 1;
                } else {
                    outcome.unsent += 1;
                }
                end.get_or_insert(error);
            }
        }
        bar.inc(1);
    }
    outcome.unsent += queue.len();
    Ok(end)
}

/// The id that a row was given before anything was sent.
fn id_of(journal: &mut Journal, row: &Row) -> Result<String, Failure> {
    match journal.known(row.digest()) {
        Some(known) => Ok(known.id.clone()),
        None => Ok(journal.renew(row.digest())?.id),
    }
}

async fn attempt(client: &Client, row: Row, id: String) -> (Row, Answer) {
    let answer = match client.alerts().raise(row.draft(&id)).await {
        Ok(answer) => raised(answer.response),
        Err(error) if error.reason() == Some(Reason::RequestIdExpired) => {
            look(client, &id, error).await
        }
        Err(error) => sorted(error),
    };
    (row, answer)
}

fn raised(response: RaiseAlertResponse) -> Answer {
    let entry_index = response.receipt.map(|receipt| receipt.entry_index);
    Answer::Raised(Box::new(response.alert.unwrap_or_default()), entry_index)
}

/// The hub no longer takes an id. An alert's id is that of its request, so whether it was raised before the
/// id grew old can be seen.
async fn look(client: &Client, id: &str, expired: ClientError) -> Answer {
    match client.alerts().get(&format!("alerts/{id}")).await {
        Ok(alert) => Answer::Raised(Box::new(alert), None),
        Err(error) if error.reason() == Some(Reason::NotFound) => Answer::Expired,
        Err(error) if is_open(&error) => Answer::End(error),
        Err(_) => Answer::End(expired),
    }
}

/// Whose an error is: the row's, or everybody's.
fn sorted(error: ClientError) -> Answer {
    match error {
        ClientError::Refused(refusal) if is_of_the_row(&refusal) => Answer::Row(problems(&refusal)),
        ClientError::Input { field, rule } => Answer::Row(vec![Problem::new(
            Column::of_field(&field).map_or("row", |column| column.name),
            Words::new(rule.clone(), rule),
        )]),
        error => Answer::End(error),
    }
}

fn is_of_the_row(refusal: &Refusal) -> bool {
    matches!(
        refusal.reason,
        Some(
            Reason::InvalidArgument
                | Reason::ClassificationRefused
                | Reason::NotFound
                | Reason::RequestIdReused
                | Reason::ContentSealed
                | Reason::RecordState
                | Reason::Conflict
        )
    )
}

fn problems(refusal: &Refusal) -> Vec<Problem> {
    if refusal.violations.is_empty() {
        let text = format!("{}: {}", refusal.reason_text, refusal.message);
        return vec![Problem::of_row(Words::new(text.clone(), text))];
    }
    refusal
        .violations
        .iter()
        .map(|violation| match Column::of_field(&violation.field) {
            Some(column) => Problem::new(
                column.name,
                Words::new(violation.rule.clone(), violation.rule.clone()),
            ),
            None => {
                let text = format!("{}: {}", violation.field, violation.rule);
                Problem::of_row(Words::new(text.clone(), text))
            }
        })
        .collect()
}

/// Tells that the run is not over.
fn tell_rest(out: Out, outcome: &Outcome) {
    let (unanswered, unsent) = (outcome.unanswered, outcome.unsent);
    if unanswered + unsent == 0 {
        return;
    }
    out.remark(
        format_args!(
            "{unanswered} rows may or may not be raised and {unsent} were not: run the same command again, \
             without --again; nothing is raised twice"
        ),
        format_args!(
            "{unanswered} 行是否已发起未知，{unsent} 行未发起：请再次运行同一命令（不加 --again），不会重复发起"
        ),
    );
}

/// A bar on a terminal, nothing anywhere else.
fn bar(out: Out, rows: usize) -> ProgressBar {
    if out.json || !std::io::stderr().is_terminal() {
        return ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    }
    let bar = ProgressBar::new(u64::try_from(rows).unwrap_or(u64::MAX));
    let template = out.label(
        "raising {bar:30} {pos}/{len} {per_sec} {eta} left",
        "发起 {bar:30} {pos}/{len} {per_sec} 剩余 {eta}",
    );
    // The templates are constants; were one wrong, the default style would do.
    bar.set_style(
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    bar.enable_steady_tick(TICK);
    bar
}

#[cfg(test)]
mod tests {
    use agency_client::error::Violation;

    use super::*;

    fn refused(reason: Reason, violations: Vec<Violation>) -> ClientError {
        ClientError::Refused(Box::new(Refusal {
            reason: Some(reason),
            reason_text: reason.as_str().into(),
            code: tonic::Code::Unknown,
            message: "m".into(),
            violations,
            retry_after: None,
        }))
    }

    #[test]
    fn what_the_hub_says_of_a_row_is_told_by_column() {
        let violation = |field: &str| Violation {
            field: field.into(),
            rule: "must be another".into(),
        };
        let error = refused(
            Reason::InvalidArgument,
            vec![violation("alert.indicator"), violation("request_id")],
        );
        let Answer::Row(problems) = sorted(error) else {
            panic!("it is the row's");
        };
        let told: Vec<(&str, &str)> = problems
            .iter()
            .map(|one| (one.field.as_str(), one.words.en.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                ("indicator", "must be another"),
                ("row", "request_id: must be another")
            ]
        );
        let Answer::Row(problems) = sorted(refused(Reason::Conflict, vec![])) else {
            panic!("it is the row's");
        };
        assert_eq!(problems[0].words.en, "CONFLICT: m");
    }

    #[test]
    fn what_is_not_the_rows_ends_the_run() {
        for reason in [
            Reason::PermissionDenied,
            Reason::RoleNotGranted,
            Reason::TokenInvalid,
            Reason::NodeRevoked,
            Reason::LimitExceeded,
            Reason::StorageFull,
            Reason::Unavailable,
            Reason::Internal,
        ] {
            let answer = sorted(refused(reason, vec![]));
            assert!(matches!(answer, Answer::End(_)), "{reason}");
        }
    }
}
