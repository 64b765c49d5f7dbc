use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Mutex, MutexGuard},
};

use bytes::Bytes;
use futures::future::BoxFuture;
use hub_core::reason::Reason;
use hub_proto::{channels::PublishNotificationRequest, common::Receipt};
use prost::Message as _;
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::*;
use crate::{
    channels::NotificationDraft,
    error::{ClientError, Refusal, Violation},
    outbox::{
        ItemAttachment, OnRefusal, Outgoing, State,
        method::Method,
        transport::{Found, minted_ms, now_ms},
    },
};

/// A hub that keeps records, forgets ids, and loses answers when told to.
#[derive(Default)]
struct Model {
    /// Title and position of what was recorded, by request id.
    recorded: BTreeMap<String, (String, u64)>,
    /// In order of recording.
    titles: Vec<String>,
    /// Ids at or below this are not known any more.
    floor_ms: u64,
    /// How far the hub's clock is behind.
    behind_ms: u64,
    is_away: bool,
    /// Records, and loses the answer, so many times.
    answers_lost: usize,
    /// Loses the request itself, so many times.
    requests_lost: usize,
    /// Refuses what has this title.
    refused: BTreeMap<String, Reason>,
    /// Every request that came, whatever became of it.
    came: Vec<Bytes>,
    found: usize,
    under_way: BTreeSet<String>,
    under_way_max: usize,
    gauges: Vec<OutboxGauge>,
}

#[derive(Default)]
struct FakeHub(Mutex<Model>);

fn refusal(reason: Reason, field: &str) -> ClientError {
    let code = match reason {
        Reason::PermissionDenied => tonic::Code::PermissionDenied,
        Reason::NodeExpired => tonic::Code::Unauthenticated,
        _ => tonic::Code::InvalidArgument,
    };
    ClientError::Refused(Box::new(Refusal {
        reason: Some(reason),
        reason_text: reason.as_str().into(),
        code,
        message: "because".into(),
        violations: vec![Violation {
            field: field.into(),
            rule: "r".into(),
        }],
        retry_after: None,
    }))
}

fn lost() -> ClientError {
    ClientError::Unreachable {
        endpoint: "https://hub".into(),
        detail: "the connection broke".into(),
    }
}

fn found(id: &str, position: u64) -> Found {
    let receipt = Receipt {
        entry_index: position,
        ..Receipt::default()
    };
    (format!("notifications/{id}"), receipt)
}

impl FakeHub {
    fn model(&self) -> MutexGuard<'_, Model> {
        self.0.lock().unwrap()
    }
}

impl Model {
    /// The window loses what the log still has.
    fn forget_the_first(&mut self) -> (String, (String, u64)) {
        let forgotten = self.recorded.pop_first().unwrap();
        self.floor_ms = minted_ms(&forgotten.0);
        self.is_away = false;
        forgotten
    }

    fn take(&mut self, id: &str, title: &str) -> Result<Found, ClientError> {
        if self.is_away {
            return Err(lost());
        }
        if self.requests_lost > 0 {
            self.requests_lost -= 1;
            return Err(lost());
        }
        if !self.recorded.contains_key(id) {
            if minted_ms(id) > now_ms() - self.behind_ms + 300_000 {
                return Err(refusal(Reason::InvalidArgument, "request_id"));
            }
            if minted_ms(id) <= self.floor_ms {
                return Err(refusal(Reason::RequestIdExpired, ""));
            }
        }
        if let Some(reason) = self.refused.get(title) {
            return Err(refusal(*reason, "notification.title"));
        }
        let next = self.recorded.len() as u64;
        let (first, position) = self
            .recorded
            .entry(id.to_owned())
            .or_insert_with(|| (title.to_owned(), next))
            .clone();
        assert_eq!(first, title, "an id stands for one content");
        if position == next {
            self.titles.push(first);
        }
        if self.answers_lost > 0 {
            self.answers_lost -= 1;
            return Err(lost());
        }
        Ok(found(id, position))
    }
}

impl Transport for FakeHub {
    fn agency(&self) -> &str {
        "tax"
    }

    fn send(
        &self,
        method: &'static Method,
        request: Bytes,
    ) -> BoxFuture<'_, Result<Found, ClientError>> {
        Box::pin(async move {
            let id = method.request_id(&request).unwrap().unwrap();
            let title = PublishNotificationRequest::decode(&request[..])
                .unwrap()
                .notification
                .unwrap()
                .title;
            {
                let mut model = self.model();
                model.came.push(request);
                model.under_way.insert(id.clone());
                model.under_way_max = model.under_way_max.max(model.under_way.len());
            }
            // Others get their turn while this one is under way.
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
            let mut model = self.model();
            model.under_way.remove(&id);
            model.take(&id, &title)
        })
    }

    fn find<'a>(
        &'a self,
        request_id: &'a str,
    ) -> BoxFuture<'a, Result<Option<Found>, ClientError>> {
        Box::pin(async move {
            let mut model = self.model();
            model.found += 1;
            if model.is_away {
                return Err(lost());
            }
            let recorded = model.recorded.get(request_id);
            Ok(recorded.map(|(_, position)| found(request_id, *position)))
        })
    }

    fn upload<'a>(
        &'a self,
        _: &'a Path,
        _: &'a ItemAttachment,
    ) -> BoxFuture<'a, Result<(), ClientError>> {
        Box::pin(async { Ok(()) })
    }

    fn is_observed(&self) -> bool {
        true
    }

    fn tell(&self, gauge: &OutboxGauge) {
        self.model().gauges.push(*gauge);
    }
}

struct Site {
    _dir: TempDir,
    outbox: Outbox,
    hub: FakeHub,
}

impl Site {
    fn new() -> Self {
        Self::with(OutboxOptions::default())
    }

    fn with(options: OutboxOptions) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = OutboxOptions {
            backoff_max: Duration::from_millis(20),
            ..options
        };
        Self {
            outbox: Outbox::open_blocking(&dir.path().join("o"), options).unwrap(),
            _dir: dir,
            hub: FakeHub::default(),
        }
    }

    async fn put(&self, stream: &str, title: &str) -> Ticket {
        self.put_draft(stream, draft(title)).await
    }

    async fn put_draft(&self, stream: &str, draft: NotificationDraft) -> Ticket {
        let what = Outgoing::publish(draft).unwrap();
        self.outbox.enqueue(stream, what).await.unwrap().ticket
    }

    /// Enqueued by an outbox that minted the id itself.
    async fn put_minted(&self, stream: &str, title: &str) -> Ticket {
        let mut request = draft(title).into_request().unwrap();
        request.request_id.clear();
        let path = "/hub.channels.v1.ChannelService/PublishNotification";
        let what = Outgoing::request(path, &request, title).unwrap();
        self.outbox.enqueue(stream, what).await.unwrap().ticket
    }

    /// Runs a sender while a part of the test goes on.
    async fn while_sending<T>(&self, part: impl Future<Output = T>) -> T {
        let (stop, stopped) = oneshot::channel::<()>();
        let sender = self.outbox.sender().unwrap();
        let sending = sender.run_on(&self.hub, async {
            stopped.await.ok();
        });
        let part = async {
            let done = part.await;
            stop.send(()).unwrap();
            done
        };
        let (sent, done) = tokio::join!(sending, part);
        sent.unwrap();
        done
    }

    async fn until(&self, what: impl Fn(&Model) -> bool) {
        while !what(&self.hub.model()) {
            tokio::task::yield_now().await;
        }
    }

    async fn state(&self, ticket: Ticket) -> State {
        self.outbox.get(ticket).await.unwrap().state
    }
}

fn draft(title: &str) -> NotificationDraft {
    NotificationDraft::to_channel("joint-enforcement").title(title)
}

#[tokio::test]
async fn a_stream_keeps_its_order_and_streams_go_side_by_side() {
    let site = Site::new();
    let mut tickets = vec![];
    for number in 0..10 {
        for stream in ["a", "b", "c", "d", "e", "f"] {
            tickets.push(site.put(stream, &format!("{stream}{number}")).await);
        }
    }
    site.hub.model().requests_lost = 5;
    site.hub.model().answers_lost = 5;
    site.while_sending(async {
        for ticket in &tickets {
            site.outbox.wait(*ticket).await.unwrap();
        }
    })
    .await;
    let model = site.hub.model();
    for stream in ["a", "b", "c", "d", "e", "f"] {
        let of: Vec<_> = model
            .titles
            .iter()
            .filter(|t| t.starts_with(stream))
            .collect();
        let expected: Vec<_> = (0..10).map(|n| format!("{stream}{n}")).collect();
        assert_eq!(of, expected.iter().collect::<Vec<_>>());
    }
    assert!(
        (2..=4).contains(&model.under_way_max),
        "{}",
        model.under_way_max
    );
    let last = model.gauges.last().unwrap();
    assert_eq!((last.queued, last.refused, last.bytes), (0, 0, 0));
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_with_the_same_bytes() {
    let site = Site::new();
    let ticket = site.put("s", "t").await;
    site.hub.model().answers_lost = 2;
    let delivered = site.while_sending(site.outbox.wait(ticket)).await.unwrap();
    let model = site.hub.model();
    assert_eq!(model.titles, ["t"]);
    assert_eq!(model.came.len(), 3);
    assert!(model.came.iter().all(|bytes| *bytes == model.came[0]));
    assert!(
        model
            .recorded
            .contains_key(delivered.name.strip_prefix("notifications/").unwrap())
    );
}

#[tokio::test]
async fn an_id_that_expired_unsent_is_minted_anew_after_a_look() {
    let site = Site::new();
    let ticket = site.put_minted("s", "t").await;
    let old = site.outbox.get(ticket).await.unwrap().request_id;
    tokio::time::sleep(Duration::from_millis(2)).await;
    site.hub.model().floor_ms = now_ms() - 1;
    site.while_sending(site.outbox.wait(ticket)).await.unwrap();
    let item = site.outbox.get(ticket).await.unwrap();
    assert_ne!(item.request_id, old);
    let model = site.hub.model();
    // The folder may be an old copy, in which what was sent looks unsent.
    assert_eq!((model.titles.len(), model.found), (1, 1));
}

#[tokio::test]
async fn an_expired_id_that_was_recorded_is_found_and_not_doubled() {
    let site = Site::new();
    let ticket = site.put_minted("s", "t").await;
    site.hub.model().answers_lost = 1;
    site.while_sending(async {
        site.until(|model| model.titles.len() == 1).await;
        // The next attempt meets a hub that has forgotten the id, not the notification.
        let mut model = site.hub.model();
        model.is_away = true;
    })
    .await;
    {
        let (id, what) = site.hub.model().forget_the_first();
        let item = site.outbox.get(ticket).await.unwrap();
        assert!(item.is_uncertain && item.request_id == id);
        // Known to its log, not to its window.
        let forgetful = Forgetful {
            hub: &site.hub,
            found: found(&id, what.1),
        };
        let sender = site.outbox.sender().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let sending = sender.run_on(&forgetful, async {
            stopped.await.ok();
        });
        let wait = async {
            let delivered = site.outbox.wait(ticket).await.unwrap();
            stop.send(()).unwrap();
            delivered
        };
        let (sent, delivered) = tokio::join!(sending, wait);
        sent.unwrap();
        assert_eq!(delivered.name, format!("notifications/{id}"));
    }
    assert_eq!(site.hub.model().titles, ["t"]);
}

/// A hub whose window has lost what its log still has.
struct Forgetful<'h> {
    hub: &'h FakeHub,
    found: Found,
}

impl Transport for Forgetful<'_> {
    fn agency(&self) -> &str {
        self.hub.agency()
    }

    fn send(
        &self,
        method: &'static Method,
        request: Bytes,
    ) -> BoxFuture<'_, Result<Found, ClientError>> {
        self.hub.send(method, request)
    }

    fn find<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<Found>, ClientError>> {
        Box::pin(async { Ok(Some(self.found.clone())) })
    }

    fn upload<'a>(
        &'a self,
        path: &'a Path,
        file: &'a ItemAttachment,
    ) -> BoxFuture<'a, Result<(), ClientError>> {
        self.hub.upload(path, file)
    }

    fn is_observed(&self) -> bool {
        false
    }

    fn tell(&self, _: &OutboxGauge) {}
}

#[tokio::test]
async fn an_expired_id_that_was_not_recorded_is_looked_for_then_minted_anew() {
    let site = Site::new();
    let ticket = site.put_minted("s", "t").await;
    let old = site.outbox.get(ticket).await.unwrap().request_id;
    site.hub.model().requests_lost = 1;
    site.hub.model().floor_ms = minted_ms(&old);
    tokio::time::sleep(Duration::from_millis(2)).await;
    site.while_sending(site.outbox.wait(ticket)).await.unwrap();
    let model = site.hub.model();
    assert_eq!((model.titles.len(), model.found), (1, 1));
    assert!(!model.recorded.contains_key(&old));
}

#[tokio::test]
async fn what_a_restored_folder_does_not_know_to_be_sent_is_not_recorded_twice() {
    let site = Site::new();
    let ticket = site.put_minted("s", "t").await;
    let old = site.outbox.get(ticket).await.unwrap().request_id;
    site.hub.model().take(&old, "t").unwrap();
    site.hub.model().floor_ms = minted_ms(&old);
    tokio::time::sleep(Duration::from_millis(2)).await;
    site.while_sending(site.outbox.wait(ticket)).await.unwrap();
    assert_eq!(site.hub.model().titles, ["t"]);
}

#[tokio::test]
async fn a_draft_that_was_tried_online_is_looked_for_as_well() {
    let site = Site::new();
    let draft = draft("t");
    let id = draft.id().to_owned();
    let ticket = site.put_draft("s", draft).await;
    site.hub.model().floor_ms = minted_ms(&id);
    tokio::time::sleep(Duration::from_millis(2)).await;
    site.while_sending(site.outbox.wait(ticket)).await.unwrap();
    assert_eq!(site.hub.model().found, 1);
}

/// A UUIDv7 of a time.
fn id_at(ms: u64) -> String {
    let mut bytes = [0x11; 16];
    bytes[..6].copy_from_slice(&ms.to_be_bytes()[2..]);
    bytes[6] = 0x71;
    bytes[8] = 0x91;
    uuid::Uuid::from_bytes(bytes).to_string()
}

#[tokio::test]
async fn an_id_of_a_clock_that_was_ahead_is_minted_anew_when_the_clock_is_right() {
    let site = Site::new();
    let ahead = id_at(now_ms() + 3_600_000);
    let ticket = site.put_draft("s", draft("t").request_id(&ahead)).await;
    site.while_sending(site.outbox.wait(ticket)).await.unwrap();
    let model = site.hub.model();
    assert_eq!(model.titles, ["t"]);
    assert!(!model.recorded.contains_key(&ahead));
}

#[tokio::test]
async fn while_the_clock_is_ahead_the_item_waits_under_its_id() {
    let site = Site::new();
    let ticket = site.put("s", "t").await;
    let id = site.outbox.get(ticket).await.unwrap().request_id;
    site.hub.model().behind_ms = 3_600_000;
    site.while_sending(async {
        site.until(|model| model.came.len() >= 3).await;
        assert_eq!(site.state(ticket).await, State::Queued);
        site.hub.model().behind_ms = 0;
        site.outbox.wait(ticket).await.unwrap();
    })
    .await;
    assert!(site.hub.model().recorded.contains_key(&id));
}

#[tokio::test]
async fn a_refused_item_is_set_aside_and_the_stream_goes_on() {
    let site = Site::new();
    let bad = site.put("s", "bad").await;
    let good = site.put("s", "good").await;
    site.hub
        .model()
        .refused
        .insert("bad".into(), Reason::InvalidArgument);
    site.while_sending(async {
        site.outbox.wait(good).await.unwrap();
        let error = site.outbox.wait(bad).await.unwrap_err();
        assert_eq!(error.reason_text(), "INVALID_ARGUMENT");
        site.hub.model().refused.clear();
        site.outbox.retry(bad).await.unwrap();
        site.outbox.wait(bad).await.unwrap();
    })
    .await;
    assert_eq!(site.hub.model().titles, ["good", "bad"]);
}

#[tokio::test]
async fn a_refused_item_holds_its_stream_when_told_to() {
    let site = Site::with(OutboxOptions {
        on_refusal: OnRefusal::Hold,
        ..OutboxOptions::default()
    });
    let bad = site.put("s", "bad").await;
    let good = site.put("s", "good").await;
    let other = site.put("z", "other").await;
    site.hub
        .model()
        .refused
        .insert("bad".into(), Reason::PermissionDenied);
    site.while_sending(async {
        site.outbox.wait(bad).await.unwrap_err();
        site.outbox.wait(other).await.unwrap();
        assert!(site.outbox.get(bad).await.unwrap().is_holding);
        assert_eq!(site.state(good).await, State::Queued);
        site.outbox.discard(bad).await.unwrap();
        site.outbox.wait(good).await.unwrap();
    })
    .await;
    assert_eq!(site.hub.model().titles, ["other", "good"]);
    assert_eq!(site.state(bad).await, State::Discarded);
}

#[tokio::test]
async fn a_refusal_after_a_lost_answer_is_no_refusal_when_it_was_recorded() {
    let site = Site::new();
    let ticket = site.put_minted("s", "t").await;
    site.hub.model().answers_lost = 1;
    site.while_sending(async {
        site.until(|model| model.titles.len() == 1).await;
        // The role has gone: the hub does not show its first answer any more.
        site.hub
            .model()
            .refused
            .insert("t".into(), Reason::PermissionDenied);
        site.outbox.wait(ticket).await.unwrap();
    })
    .await;
    assert_eq!(site.hub.model().titles, ["t"]);
}

#[tokio::test]
async fn trouble_of_the_sender_itself_sets_nothing_aside() {
    let site = Site::new();
    let ticket = site.put("s", "t").await;
    site.hub
        .model()
        .refused
        .insert("t".into(), Reason::NodeExpired);
    site.while_sending(async {
        site.until(|model| model.came.len() >= 3).await;
        assert_eq!(site.state(ticket).await, State::Queued);
        site.hub.model().refused.clear();
        site.outbox.wait(ticket).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_hub_that_is_away_is_waited_for_and_others_enqueue_meanwhile() {
    let site = Site::new();
    site.hub.model().is_away = true;
    let first = site.put("s", "first").await;
    site.while_sending(async {
        site.until(|model| model.came.len() >= 2).await;
        let item = site.outbox.get(first).await.unwrap();
        assert_eq!(item.problem.unwrap().reason, "UNREACHABLE");
        // As another process would: over a connection of its own.
        let other = Outbox::open_blocking(site.outbox.folder(), OutboxOptions::default()).unwrap();
        let what = Outgoing::publish(draft("second")).unwrap();
        let second = other.enqueue("s", what).await.unwrap().ticket;
        site.hub.model().is_away = false;
        other.wait(second).await.unwrap();
    })
    .await;
    assert_eq!(site.hub.model().titles, ["first", "second"]);
}

#[tokio::test]
async fn a_fast_producer_is_held_back_until_there_is_room() {
    let site = Site::with(OutboxOptions {
        items_max: 3,
        ..OutboxOptions::default()
    });
    site.while_sending(async {
        let mut last = None;
        for number in 0..20 {
            let what = Outgoing::publish(draft(&number.to_string())).unwrap();
            let enqueued = site.outbox.enqueue_wait("s", what).await.unwrap();
            assert!(site.outbox.counts().await.unwrap().queued <= 3);
            last = Some(enqueued.ticket);
        }
        site.outbox.wait(last.unwrap()).await.unwrap();
    })
    .await;
    let expected: Vec<_> = (0..20).map(|number| number.to_string()).collect();
    assert_eq!(site.hub.model().titles, expected);
}

#[tokio::test]
async fn one_sender_at_a_time_and_of_one_agency() {
    let site = Site::new();
    let first = site.outbox.sender().unwrap();
    let again = Outbox::open_blocking(site.outbox.folder(), OutboxOptions::default()).unwrap();
    let error = again.sender().unwrap_err();
    assert!(matches!(error, OutboxError::SenderRuns { .. }), "{error}");
    first.run_on(&site.hub, async {}).await.unwrap();
    drop(first);
    let sender = again.sender().unwrap();
    struct Other(FakeHub);
    impl Transport for Other {
        fn agency(&self) -> &str {
            "health"
        }
        fn send(
            &self,
            method: &'static Method,
            request: Bytes,
        ) -> BoxFuture<'_, Result<Found, ClientError>> {
            self.0.send(method, request)
        }
        fn find<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Found>, ClientError>> {
            self.0.find(id)
        }
        fn upload<'a>(
            &'a self,
            path: &'a Path,
            file: &'a ItemAttachment,
        ) -> BoxFuture<'a, Result<(), ClientError>> {
            self.0.upload(path, file)
        }
        fn is_observed(&self) -> bool {
            false
        }
        fn tell(&self, _: &OutboxGauge) {}
    }
    let other = Other(FakeHub::default());
    let error = sender.run_on(&other, async {}).await.unwrap_err();
    assert!(
        matches!(&error, OutboxError::OtherAgency { owner, .. } if owner == "tax"),
        "{error}"
    );
}
