//! `alert`: fund alerts (资金预警), from the first word to the end.

mod act;
mod list;
mod load;
mod raise;
mod show;
mod words;

use agency_client::outbox::Outgoing;
use hub_proto::{common::Receipt, funds::Alert};
use serde_json::json;

pub(crate) use load::columns;

use crate::{
    Context,
    args::alert::AlertCommand,
    json::{self, alerts as form},
    meeting::act_rows,
    names::{Names, resource},
    outbox,
    output::Done,
    table::pairs,
};

/// The outbox's stream of alerts, acknowledgements and reports.
const STREAM: &str = "alerts";

pub(crate) async fn run(context: &Context, command: AlertCommand) -> Done {
    match command {
        AlertCommand::Raise(args) => raise::run(context, *args).await,
        AlertCommand::Load(args) => load::run(context, &args).await,
        AlertCommand::List(args) => list::run(context, args).await,
        AlertCommand::Show { alert, revision } => show::run(context, &alert, revision).await,
        AlertCommand::Acknowledge(args) => act::acknowledge(context, args).await,
        AlertCommand::Inform { alert, text, once } => {
            act::inform(context, &alert, text, once.id()).await
        }
        AlertCommand::Notice(command) => act::notice(context, command).await,
        AlertCommand::Finding {
            alert,
            finding,
            reason,
            once,
        } => act::finding(context, &alert, finding.into(), reason, once.id()).await,
        AlertCommand::Measure(command) => act::measure(context, command).await,
        AlertCommand::Close {
            alert,
            reason,
            reviewer,
            once,
        } => act::close(context, &alert, reason, reviewer, once.id()).await,
        AlertCommand::Correct(args) => raise::correct(context, *args).await,
        AlertCommand::Retract {
            alert,
            reason,
            once,
        } => act::retract(context, &alert, reason, once.id()).await,
    }
}

/// Full name of an alert.
fn alert_name(text: &str) -> String {
    resource("alerts", text)
}

/// Hands a call to the outbox.
async fn enqueue(context: &Context, what: Outgoing) -> Done {
    let outbox = outbox::open(context, None).await?;
    let enqueued = outbox.enqueue(STREAM, what).await?;
    let item = outbox.get(enqueued.ticket).await?;
    outbox::print(context.out, &item, enqueued.is_repeated)
}

/// What an act on an alert ends with.
fn print(context: &Context, alert: Option<Alert>, receipt: Option<&Receipt>, id: &str) -> Done {
    let alert = alert.unwrap_or_default();
    let out = context.out;
    out.either(
        || json!({"alert": form::alert(&alert), "receipt": json::receipt(receipt)}),
        || {
            let mut rows = show::heading(out, &alert, &Names::default());
            rows.extend(act_rows(out, receipt, id));
            pairs(&rows)
        },
    )?;
    show::tell_duplicates(out, &alert);
    Ok(())
}
