//! Reminders: whoever was asked to sign, reply or acknowledge by a time, and has not, is told by the
//! hub before and after that time, as often as the charter says. A reminder is an entry of the hub's
//! own, addressed to the one that it reminds; so nobody else learns who is late.

use std::{sync::Arc, time::Duration};

use hub_proto::channels::{Classification, Notification, NotificationKind, RequestedAction};
use jiff::Timestamp;

use crate::{
    authz::Permit,
    charter::follow_up::REMINDER_CATEGORY,
    domain::channels::{
        self, Reminding,
        asks::{self, Reminder},
        receipts::ReceiptRow,
    },
    engine::{Engine, Submission},
    error::{Error, Result},
};
use hub_core::reason::Reason;

/// How often the hub looks for reminders that are due.
pub const INTERVAL: Duration = Duration::from_secs(30);

/// Reminders that are read at a time.
pub const BATCH_MAX: usize = 256;

/// Reminders of one round that failed and are named in the log; the others are counted.
const FAILURES_LOGGED_MAX: usize = 8;

/// Characters of the original's title that a reminder repeats.
const TITLE_CHARACTERS_MAX: usize = 120;

/// The act of the hub under which a reminder is on the ledger.
const METHOD: &str = "/hub.system.v1/RemindRecipient";

/// Gives reminders for as long as the hub runs.
pub async fn watch(engine: Arc<Engine>) {
    loop {
        match run(&engine).await {
            Ok(0) => {}
            Ok(given) => tracing::info!(given, "reminders went out"),
            Err(error) => tracing::warn!(%error, "reminders are late; the hub tries again"),
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Gives every reminder that is due now, and tells how many there were. One that cannot be given holds
/// up no other: it is passed over, and tried again the next time.
///
/// # Errors
/// When storage fails, or nothing can be recorded now.
pub async fn run(engine: &Engine) -> Result<usize> {
    let (mut given, mut failed) = (0_usize, 0_usize);
    let now = engine.clock().now();
    let mut after = None;
    loop {
        let (due, end) = asks::reminders_due(engine.store(), now, after.as_deref(), BATCH_MAX)?;
        for reminder in due {
            let (place, recipient) = (reminder.place, reminder.recipient.clone());
            match remind(engine, reminder).await {
                Ok(()) => given = given.saturating_add(1),
                // It was done, withdrawn or reminded of while this was on its way.
                Err(error) if error.reason == Reason::Conflict => {}
                Err(error) if stops_all(error.reason) => return Err(error),
                Err(error) => {
                    failed = failed.saturating_add(1);
                    if failed <= FAILURES_LOGGED_MAX {
                        let (entry_index, context) = (place.entry_index, error.context.as_deref());
                        tracing::warn!(entry_index, recipient, %error, context, "a reminder could not be given");
                    }
                }
            }
        }
        after = end;
        if after.is_none() {
            break;
        }
    }
    if failed > 0 {
        tracing::warn!(
            failed,
            "reminders could not be given; the hub tries them again"
        );
    }
    Ok(given)
}

/// Whether an error is the same for every reminder: nothing can be recorded now.
fn stops_all(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::Unavailable | Reason::StorageFull | Reason::LimitExceeded
    )
}

async fn remind(engine: &Engine, reminder: Reminder) -> Result<()> {
    let missing = || Error::internal("a reminder is of a notification that is not there");
    let entry = engine
        .recorded(reminder.place.entry_index)?
        .ok_or_else(missing)?;
    let original = entry
        .notification(reminder.place.item)
        .ok_or_else(missing)?;
    let recipient = reminder.recipient.parse().map_err(Error::internal)?;
    let row = ReceiptRow::read(engine.store(), reminder.place, &recipient)?;
    let asked = row
        .asked
        .iter()
        .find(|asked| asked.action() == reminder.action)
        .ok_or_else(|| Error::new(Reason::Conflict, "it was done meanwhile"))?;
    let due_at = Timestamp::from_microsecond(asked.due_us).map_err(Error::internal)?;
    let notification = written(engine, &original, reminder.action, due_at);
    let submission = Submission {
        permit: Permit::hub()?,
        peer: None,
        authored: None,
        method: METHOD,
        request_ids: vec![],
        command: channels::Command::Remind(Box::new(Reminding {
            reminder,
            due_at,
            notification,
        }))
        .into(),
    };
    engine.submit(submission).await.map(drop)
}

/// What the hub writes.
fn written(
    engine: &Engine,
    original: &Notification,
    action: RequestedAction,
    due_at: Timestamp,
) -> Notification {
    let roster = engine.roster().load_full();
    let zone = roster.charter().zone().clone();
    let by = due_at.to_zoned(zone).strftime("%Y-%m-%d %H:%M").to_string();
    let is_overdue = due_at <= engine.clock().now();
    let act = match action {
        RequestedAction::Reply => "答复",
        RequestedAction::Acknowledge => "签收确认更正或撤回",
        RequestedAction::SignFor | RequestedAction::Unspecified => "签收",
        RequestedAction::AnswerNotice => "答复会议通知",
        RequestedAction::Consent => "对纪要表示同意或提出异议",
        RequestedAction::CarryOut => "落实议定事项并报告进展",
        RequestedAction::CoSign => "会签或说明理由",
        RequestedAction::HandleAlert => "确认预警并说明处理措施",
        RequestedAction::CarryOutMeasure => "落实或复核预警后续措施",
        RequestedAction::AnswerReferral => "答复移送事项",
        RequestedAction::AnswerRequest => "办理信息共享申请",
    };
    let title: String = original.title.chars().take(TITLE_CHARACTERS_MAX).collect();
    let head = if is_overdue {
        "逾期提醒"
    } else {
        "到期提醒"
    };
    Notification {
        category: REMINDER_CATEGORY.into(),
        title: format!("{head}：请{act}《{title}》，时限{by}"),
        body: format!("通知：{}\n事项：{act}\n时限：{by}\n", original.name)
            .into_bytes()
            .into(),
        media_type: "text/plain; charset=utf-8".into(),
        classification: Classification::Internal.into(),
        kind: NotificationKind::Reminder.into(),
        about: original.name.clone(),
        ..Notification::default()
    }
}
