use std::{
    convert::Infallible,
    sync::atomic::{AtomicUsize, Ordering},
};

use http::HeaderMap;
use http_body_util::StreamBody;
use hub_core::reason::Reason;
use tonic::{Status, body::Body as TonicBody};
use tonic_types::StatusExt as _;
use tower::{ServiceExt as _, util::BoxCloneSyncService};

use super::*;
use crate::identity::{budget::AGENCY_REQUESTS_BYTES_MAX, testing};

const READ: &str = "/hub.channels.v1.ChannelService/GetNotification";
const MUTATE: &str = "/hub.channels.v1.ChannelService/PublishNotification";
const STREAM: &str = "/hub.channels.v1.ChannelService/Subscribe";

type Called = BoxCloneSyncService<Request<()>, Response<Answer<TonicBody>>, Infallible>;

/// Answers every call with so many bytes and with trailers.
fn service(calls_max: usize, bytes: usize) -> (Called, Arc<AtomicUsize>) {
    let reached = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&reached);
    let inner = tower::service_fn(move |_: Request<()>| {
        counter.fetch_add(1, Ordering::SeqCst);
        async move {
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", "0".parse().unwrap());
            let frames = [
                Ok::<_, Status>(Frame::data(Bytes::from(vec![7; bytes]))),
                Ok(Frame::trailers(trailers)),
            ];
            let body = StreamBody::new(futures::stream::iter(frames));
            Ok::<_, Infallible>(Response::new(TonicBody::new(body)))
        }
    });
    let layered = UnderWayLayer::new(calls_max).layer(inner);
    (BoxCloneSyncService::new(layered), reached)
}

struct Caller {
    service: Called,
    info: PeerInfo,
}

impl Caller {
    fn new(service: Called) -> Self {
        let info = testing::peer_info();
        Self { service, info }
    }

    async fn call(&self, path: &str) -> Response<Answer<TonicBody>> {
        let mut request = Request::new(());
        *request.uri_mut() = path.parse().unwrap();
        request.extensions_mut().insert(self.info.clone());
        self.service.clone().oneshot(request).await.unwrap()
    }

    async fn refused(&self, path: &str, rule: &str) {
        let response = self.call(path).await;
        let status = Status::from_header_map(response.headers()).expect("a refusal");
        let info = status.get_details_error_info().unwrap();
        assert_eq!(info.reason, Reason::LimitExceeded.as_str(), "{status:?}");
        assert!(status.message().contains(rule), "{status:?}");
        assert!(status.get_details_retry_info().is_some());
    }

    async fn accepted(&self, path: &str) -> Response<Answer<TonicBody>> {
        let response = self.call(path).await;
        assert!(Status::from_header_map(response.headers()).is_none());
        response
    }
}

/// Bytes of an answer, and whether its trailers came.
async fn taken(answer: Response<Answer<TonicBody>>) -> (usize, bool) {
    let collected = answer.into_body().collect().await.unwrap();
    let has_trailers = collected.trailers().is_some();
    (collected.to_bytes().len(), has_trailers)
}

#[tokio::test]
async fn a_call_is_under_way_until_its_answer_is_taken_or_dropped() {
    let (service, reached) = service(2, 10);
    let caller = Caller::new(service);
    for path in [READ, MUTATE, STREAM] {
        let before = reached.load(Ordering::SeqCst);
        let first = caller.accepted(path).await;
        let second = caller.accepted(STREAM).await;
        for path in [READ, MUTATE, STREAM, "/none"] {
            caller.refused(path, "at most 2 calls under way").await;
        }
        let reached = reached.load(Ordering::SeqCst);
        assert_eq!(reached, before + 2, "what is refused is not begun");
        assert_eq!(taken(first).await, (10, true));
        let third = caller.accepted(path).await;
        caller.refused(path, "at most 2 calls under way").await;
        drop((second, third));
    }
}

#[tokio::test]
async fn answers_that_nobody_takes_are_bounded_by_their_bytes() {
    let half = AGENCY_REQUESTS_BYTES_MAX / 2;
    let (service, reached) = service(100, half + 1);
    let caller = Caller::new(service);
    let first = caller.accepted(READ).await;
    // What is read can be asked for again; what was done is told, and fills the room for what follows.
    caller
        .refused(READ, "answers under way of this agency")
        .await;
    let told = caller.accepted(MUTATE).await;
    assert_eq!(reached.load(Ordering::SeqCst), 3);
    for path in [READ, MUTATE, STREAM] {
        caller
            .refused(path, "answers under way of this agency")
            .await;
    }
    assert_eq!(reached.load(Ordering::SeqCst), 3, "not even begun");
    assert_eq!(taken(told).await, (half + 1, true));
    drop(first);
    assert_eq!(taken(caller.accepted(READ).await).await, (half + 1, true));
}

#[tokio::test]
async fn a_call_without_an_agency_is_not_begun() {
    let (service, reached) = service(1, 1);
    let response = service.oneshot(Request::new(())).await.unwrap();
    let status = Status::from_header_map(response.headers()).unwrap();
    assert_eq!(status.code(), tonic::Code::Internal, "{status:?}");
    assert_eq!(reached.load(Ordering::SeqCst), 0);
}
