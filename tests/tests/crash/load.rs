//! Clients that work on a hub until it dies, and remember what they asked and what they were told.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use agency_client::{
    Authored, Client, RetryPolicy,
    channels::NotificationDraft,
    error::ClientError,
    subscribe::{Event, SubscribeOptions},
};
use hub_proto::{channels::Classification, common::Receipt};
use hub_tests::Site;
use tokio::sync::{mpsc, watch};

/// The logs that everything goes to.
pub(crate) const JOINT: &str = "channels/joint-enforcement";
pub(crate) const FUNDS: &str = "channels/fund-supervision";
pub(crate) const INBOX: &str = "agencies/tax/inbox";

/// Notifications of a batch.
const BATCH: usize = 4;

/// One publishing call: stored before it is sent, as a member's system would.
#[derive(Debug, Clone)]
pub(crate) struct Intent {
    pub(crate) agency: &'static str,
    pub(crate) drafts: Vec<NotificationDraft>,
    /// Of the batch; nothing for a single publish.
    pub(crate) batch_id: Option<String>,
    /// What it corrects, or takes back.
    pub(crate) place_of: Option<PlaceOf>,
    pub(crate) answer: Option<Answer>,
}

/// The notification whose place another one takes.
#[derive(Debug, Clone)]
pub(crate) enum PlaceOf {
    Correct(String),
    Retract(String),
}

/// What the hub answered.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) names: Vec<String>,
    pub(crate) receipt: Receipt,
    pub(crate) authored: Authored,
}

impl Intent {
    fn single(agency: &'static str, log: &'static str, number: usize) -> Self {
        let draft = match log.strip_prefix("channels/") {
            Some(channel) => NotificationDraft::to_channel(channel),
            None => NotificationDraft::to(["tax"]),
        };
        let draft = draft
            .category("coordination")
            .title("工作沟通")
            .text(format!("{agency} {number}"))
            .classification(Classification::Internal);
        Self {
            agency,
            drafts: vec![draft],
            batch_id: None,
            place_of: None,
            answer: None,
        }
    }

    /// Every third call corrects what the one before it published, and every fourth of these takes it
    /// back.
    fn next(
        agency: &'static str,
        log: &'static str,
        is_batch: bool,
        number: usize,
        last: Option<&str>,
    ) -> Self {
        let last = last.filter(|_| number % 3 == 2);
        match last {
            Some(name) if number % 4 == 3 => Self {
                place_of: Some(PlaceOf::Retract(name.into())),
                ..Self::single(agency, log, number)
            },
            Some(name) => Self {
                place_of: Some(PlaceOf::Correct(name.into())),
                ..Self::single(agency, log, number)
            },
            None if is_batch => Self::batch(agency, log, number),
            None => Self::single(agency, log, number),
        }
    }

    fn batch(agency: &'static str, log: &'static str, number: usize) -> Self {
        let drafts =
            (0..BATCH).flat_map(|item| Self::single(agency, log, number * BATCH + item).drafts);
        Self {
            drafts: drafts.collect(),
            batch_id: Some(agency_client::request_id()),
            ..Self::single(agency, log, number)
        }
    }

    /// Sends it, or sends it again.
    pub(crate) async fn send(&self, client: &Client) -> Result<Answer, ClientError> {
        let channels = client.channels();
        let (notifications, receipt, authored) = match (&self.batch_id, &self.place_of) {
            (_, Some(PlaceOf::Correct(name))) => {
                let sent = channels.correct(name, self.drafts[0].clone(), "改").await?;
                let notification = sent.response.notification.into_iter().collect();
                (notification, sent.response.receipt, sent.authored)
            }
            (_, Some(PlaceOf::Retract(name))) => {
                let id = self.drafts[0].id().to_owned();
                let sent = channels.retract_as(name, "误发", id).await?;
                let notification = sent.response.notification.into_iter().collect();
                (notification, sent.response.receipt, sent.authored)
            }
            (Some(id), None) => {
                let sent = channels
                    .publish_batch_as(self.drafts.clone(), id.clone())
                    .await?;
                (
                    sent.response.notifications,
                    sent.response.receipt,
                    sent.authored,
                )
            }
            (None, None) => {
                let sent = channels.publish(self.drafts[0].clone()).await?;
                let notification = sent.response.notification.into_iter().collect();
                (notification, sent.response.receipt, sent.authored)
            }
        };
        Ok(Answer {
            names: notifications.into_iter().map(|one| one.name).collect(),
            receipt: receipt.expect("a publish is answered with a receipt"),
            authored,
        })
    }
}

/// The durable consumer of the tax bureau: what it did, and its cursor, stored together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Consumed {
    pub(crate) cursor: Option<String>,
    pub(crate) seen: BTreeMap<String, Vec<(i64, String)>>,
    /// The newest cursor whose acknowledgement was answered, and one that was only sent.
    pub(crate) acknowledged: Option<String>,
    pub(crate) sent: Option<String>,
}

/// What the clients of one life of the hub remember.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) intents: Vec<Intent>,
    /// Notifications whose signature was answered.
    pub(crate) signed: Vec<String>,
    pub(crate) consumed: Consumed,
}

/// A client that does not try again by itself.
pub(crate) fn client(site: &Site, endpoint: &str, agency: &str, role: &str) -> Client {
    Client::builder(&site.profile(agency))
        .endpoint(endpoint)
        .officer(format!("{agency}-{role}"))
        .roles([role])
        .retry(RetryPolicy::never())
        .build()
        .unwrap()
}

/// Whether the hub is gone, and nothing worse.
fn assert_gone(error: &ClientError) {
    let is_gone = error.retryable().is_some() || matches!(error, ClientError::Deadline { .. });
    assert!(is_gone, "a dying hub answered: {error}");
}

/// Works on the hub until it dies. `answers` counts what was answered.
pub(crate) async fn work(
    site: &Site,
    endpoint: &str,
    consumed: Consumed,
    answers: watch::Sender<usize>,
) -> Memory {
    let answers = Arc::new(answers);
    let (names, to_sign) = mpsc::channel(64);
    let publishers = [
        ("tax", JOINT, false, None),
        ("market-regulation", JOINT, false, None),
        ("finance", FUNDS, true, None),
        ("tax", FUNDS, false, None),
        ("finance", INBOX, false, Some(names)),
    ]
    .map(|(agency, log, is_batch, names)| {
        let client = client(site, endpoint, agency, "clerk");
        tokio::spawn(publish(
            client,
            agency,
            log,
            is_batch,
            names,
            Arc::clone(&answers),
        ))
    });
    let signer = tokio::spawn(sign(client(site, endpoint, "tax", "leader"), to_sign));
    let auditor = tokio::spawn(remember(client(site, endpoint, "health", "clerk")));
    let reader = client(site, endpoint, "tax", "clerk");
    let consumer = tokio::spawn(consume(reader, consumed));
    let mut memory = Memory::default();
    for publisher in publishers {
        memory.intents.extend(publisher.await.unwrap());
    }
    memory.signed = signer.await.unwrap();
    memory.consumed = consumer.await.unwrap();
    auditor.await.unwrap();
    memory
}

async fn publish(
    client: Client,
    agency: &'static str,
    log: &'static str,
    is_batch: bool,
    names: Option<mpsc::Sender<String>>,
    answers: Arc<watch::Sender<usize>>,
) -> Vec<Intent> {
    let mut intents: Vec<Intent> = vec![];
    let mut last: Option<String> = None;
    for number in 0.. {
        let mut intent = Intent::next(agency, log, is_batch, number, last.as_deref());
        match intent.send(&client).await {
            Ok(answer) => {
                if let Some(names) = &names {
                    // The signer may have seen the hub die first.
                    drop(names.send(answer.names[0].clone()).await);
                }
                last = Some(answer.names[0].clone());
                intent.answer = Some(answer);
                intents.push(intent);
                answers.send_modify(|count| *count += 1);
            }
            Err(error) => {
                assert_gone(&error);
                intents.push(intent);
                break;
            }
        }
    }
    intents
}

async fn sign(leader: Client, mut names: mpsc::Receiver<String>) -> Vec<String> {
    let mut signed = vec![];
    while let Some(name) = names.recv().await {
        match leader.channels().sign_for(&name, None).await {
            Ok(_) => signed.push(name),
            Err(error) => {
                assert_gone(&error);
                break;
            }
        }
    }
    signed
}

/// Keeps its memory of checkpoints as new as it can.
async fn remember(client: Client) {
    loop {
        if let Err(error) = client.ledger().checkpoint().await {
            assert_gone(&error);
            break;
        }
    }
}

/// Options that resume after a cursor, and end when the hub is gone.
pub(crate) fn resume(cursor: Option<String>) -> SubscribeOptions {
    SubscribeOptions {
        logs: vec![JOINT.into(), INBOX.into()],
        consumer: Some("oa".into()),
        give_up_after: Some(Duration::ZERO),
        cursor,
        ..SubscribeOptions::default()
    }
}

impl Consumed {
    /// Does the work of an event and stores the cursor with it; whether it was the end of what is
    /// there.
    pub(crate) fn take(&mut self, event: Event) -> bool {
        match event {
            Event::Delivery(delivery) => {
                let name = delivery.notification.unwrap().name;
                let log = self.seen.entry(delivery.log).or_default();
                log.push((delivery.position, name));
                self.cursor = Some(delivery.cursor);
                false
            }
            Event::CaughtUp { .. } => true,
            _ => false,
        }
    }
}

async fn consume(client: Client, mut consumed: Consumed) -> Consumed {
    let mut stream = client.channels().subscribe(resume(consumed.cursor.clone()));
    let mut since = 0;
    loop {
        match stream.next().await {
            Some(Ok(event)) => {
                consumed.take(event);
                since += 1;
            }
            Some(Err(error)) => {
                assert_gone(&error);
                return consumed;
            }
            None => panic!("the stream ended without saying why"),
        }
        if since < 16 {
            continue;
        }
        since = 0;
        let Some(cursor) = consumed.cursor.clone() else {
            continue;
        };
        consumed.sent = Some(cursor.clone());
        match client.channels().acknowledge("oa", &cursor).await {
            Ok(_) => consumed.acknowledged = Some(cursor),
            Err(error) => {
                assert_gone(&error);
                return consumed;
            }
        }
    }
}
