//! `alert raise | correct`.

use agency_client::{ClientError, funds::AlertDraft, outbox::Outgoing};
use hub_core::date::{self, from_wire};
use hub_proto::funds::{Alert, AlertKind, Direction, Severity};
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::{alert_name, enqueue, print};
use crate::{
    Context,
    args::{
        alert::{CorrectAlertArgs, RaiseArgs},
        meeting::TextArgs,
    },
    attach,
    correct::tell_id,
    meeting::text_of,
    names::ZONE,
    output::{Done, Failure},
    people::Units,
    publish::subject_of,
};

/// Today where the charter applies.
pub(super) fn today() -> Date {
    let zone = TimeZone::get(ZONE).unwrap_or(TimeZone::UTC);
    date::on(Timestamp::now(), &zone)
}

pub(super) async fn run(context: &Context, args: RaiseArgs) -> Done {
    let client = context.client()?;
    let id = args.once.id();
    let (uscc, name) = subject_of(&args.subject)?;
    let grounds = text_of(TextArgs {
        text: args.grounds,
        text_file: args.grounds_file,
    })?;
    let mut draft = AlertDraft::on(uscc.trim(), name.trim())
        .kind(args.kind.into())
        .indicator(args.indicator)
        .period(args.from, args.until)
        .amount(args.band, args.currency)
        .direction(args.direction.into())
        .severity(args.severity.into(), args.severity_reason)
        .grounds(grounds)
        .source_note(args.source)
        .legal_basis(args.legal_basis)
        .classification(args.classification.into())
        .request_id(&id);
    if !args.asks.is_empty() || !args.to.is_empty() {
        // By id alone where the hub is away.
        let units = if args.outbox {
            None
        } else {
            Some(Units::fetch(&client).await?)
        };
        let named = |unit: &String| match &units {
            Some(units) => units.named(unit),
            None => Ok(unit.clone()),
        };
        for (unit, text) in args.asks {
            draft = draft.ask(&named(&unit)?, text);
        }
        let to: Vec<String> = args.to.iter().map(named).collect::<Result<_, Failure>>()?;
        draft = draft.circulate_to(to);
    }
    if let Some(broken) = draft.check(today()).first() {
        return Err(Failure::Client(ClientError::Input {
            field: broken.field.clone(),
            rule: broken.rule.text(context.out.lang),
        }));
    }
    if args.outbox {
        let mut outgoing = Outgoing::raise_alert(draft)?;
        if let Some(key) = args.key {
            outgoing = outgoing.key(key);
        }
        return enqueue(context, outgoing).await;
    }
    for file in attach::upload(context.out, &client, &args.attach).await? {
        draft = draft.attach(file);
    }
    let answer = tell_id(context, &id, client.alerts().raise(draft).await)?.response;
    print(context, answer.alert, answer.receipt.as_ref(), &id)
}

/// Corrects an alert: what is not given stays as it was.
pub(super) async fn correct(context: &Context, args: CorrectAlertArgs) -> Done {
    let client = context.client()?;
    let id = args.once.id();
    let name = alert_name(&args.alert);
    let old = client.alerts().get(&name).await?;
    if old.is_sealed {
        return Err(Failure::usage(
            format!("{name} is sealed: its text was erased, so there is nothing to correct"),
            format!("{name} 已封存：内容已清除，无可更正"),
        ));
    }
    let revision = args.revision.unwrap_or(old.revision);
    let reason = args.reason.clone();
    let files = args.attach.clone();
    let units = match args.asks.as_slice() {
        [] => None,
        _ => Some(Units::fetch(&client).await?),
    };
    let mut draft = changed(&old, args, units.as_ref())?.request_id(&id);
    for file in attach::upload(context.out, &client, &files).await? {
        draft = draft.attach(file);
    }
    let answer = client
        .alerts()
        .correct(&name, revision, draft, &reason)
        .await;
    let answer = tell_id(context, &id, answer)?.response;
    print(context, answer.alert, answer.receipt.as_ref(), &id)
}

fn changed(
    old: &Alert,
    args: CorrectAlertArgs,
    units: Option<&Units>,
) -> Result<AlertDraft, Failure> {
    let grounds = match (&args.grounds, &args.grounds_file) {
        (None, None) => old.grounds.clone(),
        _ => text_of(TextArgs {
            text: args.grounds,
            text_file: args.grounds_file,
        })?,
    };
    let day = |day: Option<Date>, old: Option<&hub_proto::common::Date>| {
        day.or_else(|| old.and_then(from_wire))
    };
    let mut draft = AlertDraft::like(old)
        .kind(args.kind.map_or(old.kind(), AlertKind::from))
        .indicator(args.indicator.unwrap_or_else(|| old.indicator.clone()))
        .amount(
            args.band.unwrap_or_else(|| old.amount_band.clone()),
            args.currency.unwrap_or_else(|| old.currency.clone()),
        )
        .direction(args.direction.map_or(old.direction(), Direction::from))
        .severity(
            args.severity.map_or(old.severity(), Severity::from),
            args.severity_reason
                .unwrap_or_else(|| old.severity_reason.clone()),
        )
        .grounds(grounds)
        .source_note(args.source.unwrap_or_else(|| old.source_note.clone()))
        .legal_basis(args.legal_basis.unwrap_or_else(|| old.legal_basis.clone()));
    if let Some(name) = args.organization {
        draft = draft.organization_name(name);
    }
    let start = day(args.from, old.start_on.as_ref());
    let end = day(args.until, old.end_on.as_ref());
    if let (Some(start), Some(end)) = (start, end) {
        draft = draft.period(start, end);
    }
    if let Some(units) = units {
        draft = draft.without_asks();
        for (unit, text) in args.asks {
            draft = draft.ask(&units.named(&unit)?, text);
        }
    }
    Ok(draft)
}
