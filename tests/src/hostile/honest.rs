//! Honest clients beside an attack: every call of theirs must go well.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use hub_proto::{
    channels::{
        PublishNotificationResponse, SubscribeRequest, SubscribeResponse, subscribe_response::Event,
    },
    ledger::{GetCheckpointRequest, GetCheckpointResponse},
    members::WhoAmIRequest,
};
use prost::Message as _;
use tokio::task::JoinHandle;

use super::session;
use crate::{
    Site, channels, ledger, members,
    process::HubProcess,
    raw::{
        Session,
        requests::{publish, request_id, to_channel},
    },
};

const CHANNEL: &str = "joint-enforcement";

/// Rounds that must be done to show that the honest go on.
const ROUNDS: u64 = 5;

/// No ten honest calls take longer than this, whatever else goes on: a guard, not a measure.
const PATIENCE: Duration = Duration::from_secs(60);

/// Two agencies: one publishes, connects anew and asks; the other reads along.
#[derive(Debug)]
pub struct Honest {
    entries_before: u64,
    others: u64,
    auditor: Session,
    rounds: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
    to_read: Arc<AtomicU64>,
    writer: JoinHandle<()>,
    reader: JoinHandle<u64>,
}

/// Entries of the ledger, as a checkpoint says.
pub async fn entries(session: &Session) -> u64 {
    let method = ledger!("GetCheckpoint");
    let answer = session.ask::<GetCheckpointResponse>(method, &GetCheckpointRequest {});
    let note = answer.await.expect("a checkpoint is given").checkpoint;
    note.lines().nth(1).unwrap().parse().unwrap()
}

impl Honest {
    /// Begins. Nothing may be recorded from here on but what the honest publish.
    pub async fn start(site: &Site, hub: &HubProcess) -> Self {
        let auditor = session(site, hub.address(), "finance");
        let reader = session(site, hub.address(), "education");
        let entries_before = entries(&auditor).await;
        let rounds = Arc::new(AtomicU64::new(0));
        let is_over = Arc::new(AtomicBool::new(false));
        let to_read = Arc::new(AtomicU64::new(u64::MAX));
        let writer = Writer {
            session: session(site, hub.address(), "health"),
            anew: {
                let profile = site.profile("health");
                let authority = site.authority();
                let node = crate::raw::Node::of_profile(&profile);
                Arc::new(node.tls(&authority))
            },
            address: hub.address(),
            rounds: Arc::clone(&rounds),
            is_over: Arc::clone(&is_over),
        };
        let subscribe = SubscribeRequest {
            logs: vec![format!("channels/{CHANNEL}")],
            live_only: true,
            ..SubscribeRequest::default()
        };
        let method = channels!("Subscribe");
        let mut stream = reader
            .open(method, subscribe.encode_to_vec())
            .await
            .unwrap();
        let told = stream.message().await.unwrap();
        assert!(told.is_some(), "it has caught up");
        Self {
            entries_before,
            others: 0,
            auditor,
            writer: tokio::spawn(writer.run()),
            reader: tokio::spawn(read_along(stream, Arc::clone(&to_read))),
            rounds,
            is_over,
            to_read,
        }
    }

    /// Somebody else has published in the channel too, and may.
    pub fn expect_another(&mut self) {
        self.others += 1;
    }

    /// Waits until some more rounds have gone well.
    pub async fn go_on(&self) {
        let enough = self.rounds.load(Ordering::SeqCst) + ROUNDS;
        let reached = async {
            while self.rounds.load(Ordering::SeqCst) < enough && !self.writer.is_finished() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let reached = tokio::time::timeout(PATIENCE, reached).await;
        reached.expect("the honest go on");
        assert!(!self.writer.is_finished(), "an honest call has failed");
    }

    /// Ends: everything went well, everything was delivered, and the ledger holds nothing else.
    pub async fn finish(self) -> u64 {
        self.go_on().await;
        self.is_over.store(true, Ordering::SeqCst);
        self.writer.await.expect("every honest call goes well");
        let published = self.rounds.load(Ordering::SeqCst) + self.others;
        self.to_read.store(published, Ordering::SeqCst);
        let read = tokio::time::timeout(PATIENCE, self.reader).await;
        let read = read.expect("everything is delivered").unwrap();
        assert_eq!(read, published);
        let recorded = entries(&self.auditor).await - self.entries_before;
        assert_eq!(recorded, published, "nobody else has recorded anything");
        published
    }
}

struct Writer {
    session: Session,
    anew: Arc<rustls::ClientConfig>,
    address: std::net::SocketAddr,
    rounds: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
}

impl Writer {
    async fn run(self) {
        while !self.is_over.load(Ordering::SeqCst) {
            let request = publish(to_channel("coordination", CHANNEL), request_id());
            let method = channels!("PublishNotification");
            let published = self
                .session
                .ask::<PublishNotificationResponse>(method, &request);
            published.await.expect("an honest publish goes well");
            // A newcomer gets in as well: full handshake, one call.
            let newcomer = Session {
                raw: crate::raw::Raw::shared(self.address, Arc::clone(&self.anew)),
                ..self.session.clone()
            };
            let asked = newcomer.call(members!("WhoAmI"), WhoAmIRequest {}.encode_to_vec());
            asked.await.expect("an honest newcomer is let in");
            self.rounds.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Reads along without a gap until everything has come.
async fn read_along(mut stream: tonic::Streaming<bytes::Bytes>, to_read: Arc<AtomicU64>) -> u64 {
    let mut position = None;
    let mut read = 0;
    while read < to_read.load(Ordering::SeqCst) {
        let message = tokio::time::timeout(Duration::from_millis(100), stream.message());
        let Ok(message) = message.await else { continue };
        let message = message
            .expect("the stream stands")
            .expect("the stream goes on");
        let response = SubscribeResponse::decode(message).unwrap();
        if let Some(Event::Delivery(delivery)) = response.event {
            if let Some(before) = position.replace(delivery.position) {
                assert_eq!(delivery.position, before + 1, "no gap and no repeat");
            }
            read += 1;
        }
    }
    read
}
