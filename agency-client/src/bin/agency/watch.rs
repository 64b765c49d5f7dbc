//! `watch` and `consumers`.
//!
//! Invariant: only what has been printed and flushed, or dealt with by the program of `--exec`, is
//! acknowledged.

use std::{sync::Arc, time::Duration};

use agency_client::{
    Client, ClientError,
    subscribe::{Event, SubscribeOptions, Subscription},
};
use hub_core::reason::Reason;
use hub_proto::channels::Delivery;
use serde_json::{Value, json};

use crate::{
    Context,
    args::notify::WatchArgs,
    exec::Program,
    json,
    names::{Names, log_name, minute, time},
    output::{Done, Failure, Out},
    stop::Stop,
    table::{Table, one_line},
};

/// Deliveries that are acknowledged together at most.
const ACK_EVERY: u32 = 64;
/// Quiet after which what was printed is acknowledged.
const ACK_QUIET: Duration = Duration::from_millis(300);

pub(crate) async fn run(context: &Context, args: WatchArgs) -> Done {
    let client = context.client()?;
    let out = context.out;
    let agency = client.profile().agency.clone();
    let options = SubscribeOptions {
        logs: args.logs.iter().map(|log| log_name(log, &agency)).collect(),
        cursor: args.from_cursor,
        consumer: args.consumer.clone(),
        live_only: args.live_only,
        on_reconnect: Some(Arc::new(move |error| {
            tell_reconnect(out, error);
        })),
        ..SubscribeOptions::default()
    };
    let names = if out.json {
        Names::default()
    } else {
        Names::fetch(&client).await
    };
    let mut stop = Stop::listen()?;
    let mut watch = Watch {
        subscription: client.channels().subscribe(options),
        acks: Acks {
            consumer: args.consumer.filter(|_| args.ack || !args.exec.is_empty()),
            client,
            pending: None,
            unacknowledged: 0,
        },
        program: Program::new(args.exec),
        out,
        names,
        until_caught_up: args.until_caught_up,
    };
    let watched = watch.follow(&mut stop).await;
    // What was printed counts as dealt with, however the watch ended.
    let was_asked = stop.is_asked();
    let acknowledged = tokio::select! {
        acknowledged = watch.acks.send() => acknowledged,
        () = stop.asked_again(), if was_asked => Ok(()),
    };
    watched.and(acknowledged)
}

/// Says in a line that the stream goes on elsewhere; the causes beneath are in the log of those who
/// ask for it.
fn tell_reconnect(out: Out, error: &ClientError) {
    match error {
        // A token lives ten minutes; nothing is wrong.
        error if error.reason() == Some(Reason::TokenExpired) => {}
        ClientError::Unreachable { endpoint, .. } => out.remark(
            format_args!("the connection to {endpoint} is gone, connecting again; nothing is lost"),
            format_args!("与 {endpoint} 的连接已断开，正在重连，不会遗漏"),
        ),
        error => out.remark(
            format_args!(
                "connecting again after {}; nothing is lost",
                error.reason_text()
            ),
            format_args!("正在重连（{}），不会遗漏", error.reason_text()),
        ),
    }
}

struct Watch {
    subscription: Subscription,
    out: Out,
    names: Names,
    acks: Acks,
    program: Option<Program>,
    until_caught_up: bool,
}

impl Watch {
    /// Until it is caught up, if that was asked for, or until the user stops it.
    async fn follow(&mut self, stop: &mut Stop) -> Done {
        while !stop.is_asked() {
            let quiet = self.acks.are_due();
            let next = tokio::select! {
                next = self.subscription.next() => next,
                () = tokio::time::sleep(ACK_QUIET), if quiet => {
                    self.acknowledge_or_later(stop).await?;
                    continue;
                }
                () = stop.asked() => return Ok(()),
            };
            match next {
                Some(event) => {
                    if self.event(event?, stop).await? {
                        return Ok(());
                    }
                }
                None => return Ok(()),
            }
        }
        Ok(())
    }

    /// Prints an event; true when the watch is over.
    async fn event(&mut self, event: Event, stop: &mut Stop) -> Result<bool, Failure> {
        match event {
            Event::Delivery(delivery) => {
                match &self.program {
                    Some(program) => {
                        let value = delivery_value(&delivery);
                        if !program.handle(self.out, stop, &delivery, &value).await? {
                            return Ok(true);
                        }
                    }
                    None => self.print(&delivery)?,
                }
                let unacknowledged = self.acks.add(delivery.cursor);
                if unacknowledged >= ACK_EVERY || self.program.is_some() {
                    self.acknowledge_or_later(stop).await?;
                }
                Ok(false)
            }
            Event::CaughtUp { cursor } => {
                self.acknowledge_or_later(stop).await?;
                if self.out.json {
                    self.out
                        .json_line(&json!({"event": "caught_up", "cursor": cursor}))?;
                } else {
                    self.out.remark(
                        format_args!("caught up; cursor {cursor}"),
                        format_args!("已到最新；游标 {cursor}"),
                    );
                }
                Ok(self.until_caught_up)
            }
            _ => Ok(false),
        }
    }

    /// As [`Acks::send`], but a hub that is away does not end the watch: the cursor is kept, and
    /// goes out with the next one, or when the hub is back.
    async fn acknowledge_or_later(&mut self, stop: &mut Stop) -> Done {
        if stop.is_asked() {
            return Ok(());
        }
        let sent = tokio::select! {
            sent = self.acks.send() => sent,
            () = stop.asked() => Ok(()),
        };
        match sent {
            Err(Failure::Client(error)) if is_away(&error) => {
                self.out.remark(
                    format_args!(
                        "not acknowledged yet ({}): goes out when the hub is back",
                        error.reason_text()
                    ),
                    format_args!("尚未确认（{}）：中枢恢复后补发", error.reason_text()),
                );
                Ok(())
            }
            other => other,
        }
    }

    fn print(&self, delivery: &Delivery) -> Done {
        let notification = delivery.notification.clone().unwrap_or_default();
        if self.out.json {
            return self.out.json_line(&delivery_value(delivery));
        }
        self.out.text(format_args!(
            "{}  {}#{}  {}  {}  {}\n",
            minute(notification.published_at.as_ref()),
            one_line(&delivery.log),
            delivery.position,
            one_line(&self.names.show(&notification.author)),
            one_line(&notification.title),
            one_line(&notification.name),
        ))
    }
}

/// What has been dealt with, and is to be acknowledged.
struct Acks {
    client: Client,
    /// `None` when nothing is acknowledged.
    consumer: Option<String>,
    /// Cursor of the last delivery that was dealt with and is not acknowledged.
    pending: Option<String>,
    unacknowledged: u32,
}

impl Acks {
    fn are_due(&self) -> bool {
        self.pending.is_some() && self.consumer.is_some()
    }

    /// Takes note of a delivery; answers how many are not acknowledged.
    fn add(&mut self, cursor: String) -> u32 {
        self.pending = Some(cursor);
        self.unacknowledged += 1;
        self.unacknowledged
    }

    async fn send(&mut self) -> Done {
        let (Some(cursor), Some(consumer)) = (&self.pending, &self.consumer) else {
            return Ok(());
        };
        self.client.channels().acknowledge(consumer, cursor).await?;
        self.pending = None;
        self.unacknowledged = 0;
        Ok(())
    }
}

/// Whether nobody answers, or the hub is stopping.
fn is_away(error: &ClientError) -> bool {
    matches!(
        error,
        ClientError::Unreachable { .. } | ClientError::Deadline { .. }
    ) || error.reason() == Some(Reason::Unavailable)
}

fn delivery_value(delivery: &Delivery) -> Value {
    let notification = delivery.notification.clone().unwrap_or_default();
    json!({
        "event": "delivery",
        "log": delivery.log,
        "position": delivery.position,
        "cursor": delivery.cursor,
        "notification": json::notification(&notification),
        "receipt": json::receipt(delivery.receipt.as_ref()),
    })
}

pub(crate) async fn consumers(context: &Context) -> Done {
    let consumers = context.client()?.channels().list_consumers().await?;
    let out = context.out;
    out.either(
        || json!({ "consumers": consumers.iter().map(json::consumer).collect::<Vec<_>>() }),
        || {
            let mut table = Table::new(&[
                out.label("consumer", "消费者"),
                out.label("waiting", "待处理"),
                out.label("acknowledged", "最近确认"),
            ]);
            for consumer in &consumers {
                table.row(vec![
                    consumer
                        .name
                        .rsplit('/')
                        .next()
                        .unwrap_or_default()
                        .to_owned(),
                    consumer.lag_count.to_string(),
                    time(consumer.acknowledged_at.as_ref()),
                ]);
            }
            table.render(out.look)
        },
    )
}
