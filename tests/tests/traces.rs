//! Spans reach a collector over OTLP: of calls, of commits, with nothing of what was written.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test support: a failure here is a failed test"
)]

use std::{
    fs,
    sync::{Arc, Mutex},
};

use agency_client::Client;
use hub_proto::channels::PublishNotificationResponse;
use hub_tests::{
    Site, channels, charter_file, members,
    process::HubProcess,
    raw::{
        Node, Raw, Session,
        requests::{publish, request_id, to_addressees},
    },
    tokens::Token,
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::{KeyValue, any_value::Value},
    trace::v1::Span,
};
use prost::Message as _;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, transport::Server};

/// A collector that keeps what it gets.
#[derive(Debug, Clone, Default)]
struct Collector(Arc<Mutex<Vec<ExportTraceServiceRequest>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.lock().unwrap().push(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    /// Listens; gives the endpoint for the hub's settings.
    async fn start() -> (Self, String) {
        let collector = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let server = Server::builder().add_service(TraceServiceServer::new(collector.clone()));
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        (collector, endpoint)
    }

    fn spans(&self) -> Vec<Span> {
        let requests = self.0.lock().unwrap();
        let resources = requests.iter().flat_map(|request| &request.resource_spans);
        let scopes = resources.flat_map(|resource| &resource.scope_spans);
        scopes.flat_map(|scope| scope.spans.clone()).collect()
    }

    /// Everything that was sent, as bytes.
    fn bytes(&self) -> Vec<u8> {
        let requests = self.0.lock().unwrap();
        requests
            .iter()
            .flat_map(|one| one.encode_to_vec())
            .collect()
    }
}

fn attribute(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|one| one.key == key)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        Value::IntValue(number) => Some(number.to_string()),
        _ => None,
    }
}

struct Traced {
    site: Site,
    hub: HubProcess,
    collector: Collector,
}

impl Traced {
    async fn start(settings: &str) -> Self {
        let (collector, endpoint) = Collector::start().await;
        let settings = format!("traces.otlp_endpoint = \"{endpoint}\"\n{settings}");
        let site = Site::with_charter(&charter_file(), &settings);
        let config = site.config_file();
        let start = tokio::task::spawn_blocking(move || HubProcess::start(&config));
        let hub = start.await.unwrap();
        Self {
            site,
            hub,
            collector,
        }
    }

    fn clerk(&self, agency: &str) -> Session {
        let profile = self.site.profile(agency);
        let node = Node::of_profile(&profile);
        let raw = Raw::new(self.hub.address(), node.tls(&self.site.authority()));
        let token = Token::new(&profile, "an-officer-17", &["clerk"]).mint();
        Session { raw, node, token }
    }

    /// Stops the hub, which sends what is left, and gives all spans.
    async fn stop(self) -> Collector {
        let hub = self.hub;
        let stop = tokio::task::spawn_blocking(move || hub.stop());
        assert!(stop.await.unwrap(), "the hub stops in order");
        self.collector
    }
}

const WHO: &str = "hub.members.v1.MembersService/WhoAmI";
const PUBLISH: &str = "hub.channels.v1.ChannelService/PublishNotification";

#[tokio::test(flavor = "multi_thread")]
async fn a_call_and_its_commit_are_seen_and_nothing_of_what_was_written() {
    let traced = Traced::start("traces.sample_ratio = 1.0").await;
    let clerk = traced.clerk("tax");
    clerk.call(members!("WhoAmI"), vec![]).await.unwrap();
    let mut draft = to_addressees("coordination", &["agencies/health"]);
    draft.title = "a-title-of-its-own".into();
    draft.body = b"a-body-of-its-own".to_vec().into();
    let request = publish(draft, request_id());
    let method = channels!("PublishNotification");
    let _sent: PublishNotificationResponse = clerk.ask(method, &request).await.unwrap();
    let unsigned = clerk.with_token("no.token.atall".into());
    unsigned.call(members!("WhoAmI"), vec![]).await.unwrap_err();
    let token = clerk.token.clone();
    let collector = traced.stop().await;

    let spans = collector.spans();
    let named = |name: &str| {
        spans
            .iter()
            .filter(|span| span.name == name)
            .collect::<Vec<_>>()
    };
    let calls = named(WHO);
    let codes: Vec<String> = calls
        .iter()
        .filter_map(|span| attribute(&span.attributes, "rpc.grpc.status_code"))
        .collect();
    assert_eq!(codes, ["0", "16"], "{calls:?}");
    assert_eq!(
        attribute(&calls[0].attributes, "agency").as_deref(),
        Some("tax")
    );
    let published = named(PUBLISH);
    assert_eq!(published.len(), 1);
    let commits = named("commit");
    let of_call = |span: &&&Span| {
        let mut links = span.links.iter();
        links.any(|link| link.span_id == published[0].span_id)
    };
    let commit = commits.iter().find(of_call).expect("the call's commit");
    assert_eq!(
        attribute(&commit.attributes, "entries").as_deref(),
        Some("1")
    );
    assert_ne!(
        commit.trace_id, published[0].trace_id,
        "a commit serves many"
    );

    let sent = String::from_utf8_lossy(&collector.bytes()).into_owned();
    assert!(sent.contains("agency"), "text can be found in it at all");
    for secret in [
        "of-its-own",
        "an-officer-17",
        token.as_str(),
        request.request_id.as_str(),
    ] {
        assert!(!sent.contains(secret), "{secret}");
    }
}

/// Calls with a trace of the caller's own; gives the call's span.
async fn with_traceparent(settings: &str) -> Span {
    let traced = Traced::start(&format!("traces.sample_ratio = 1.0\n{settings}")).await;
    let clerk = traced.clerk("tax");
    let method = members!("WhoAmI");
    let mut headers = clerk.headers(method, &[]);
    headers.insert("traceparent", TRACEPARENT.parse().unwrap());
    headers.insert("tracestate", "vendor=a-state-of-its-own".parse().unwrap());
    clerk
        .raw
        .unary(method, vec![].into(), headers)
        .await
        .unwrap();
    let collector = traced.stop().await;
    let sent = String::from_utf8_lossy(&collector.bytes()).into_owned();
    assert!(!sent.contains("a-state-of-its-own"));
    let mut spans = collector.spans().into_iter();
    spans
        .find(|span| span.name == WHO)
        .expect("the call's span")
}

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const TRACE_ID: [u8; 16] = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736_u128.to_be_bytes();
const PARENT_ID: [u8; 8] = 0x00f0_67aa_0ba9_02b7_u64.to_be_bytes();

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_s_trace_is_continued_only_if_a_setting_says_so() {
    let own = with_traceparent("").await;
    assert_ne!(own.trace_id, TRACE_ID);
    assert!(own.parent_span_id.is_empty());
    let continued = with_traceparent("traces.accept_traceparent = true").await;
    assert_eq!(continued.trace_id, TRACE_ID);
    assert_eq!(continued.parent_span_id, PARENT_ID);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ratio_of_nothing_sends_nothing() {
    let traced = Traced::start("traces.sample_ratio = 0.0").await;
    let clerk = traced.clerk("tax");
    clerk.call(members!("WhoAmI"), vec![]).await.unwrap();
    assert!(traced.stop().await.spans().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_gone_is_told_once_and_keeps_nobody_waiting() {
    // A port that was free a moment ago, and on which nobody listens.
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let settings = format!("traces.otlp_endpoint = \"{endpoint}\"\ntraces.sample_ratio = 1.0");
    let site = Site::with_charter(&charter_file(), &settings);
    let log = site.path().join("hub.log");
    let (config, file) = (site.config_file(), fs::File::create(&log).unwrap());
    let start =
        tokio::task::spawn_blocking(move || HubProcess::start_logging_to(&config, file.into()));
    let hub = start.await.unwrap();
    let client = Client::builder(&site.profile("tax"))
        .endpoint(hub.endpoint())
        .officer("a")
        .roles(["clerk"])
        .build()
        .unwrap();
    for _ in 0..3 {
        client.members().who_am_i().await.unwrap();
    }
    drop(client);
    let stop = tokio::task::spawn_blocking(move || hub.stop());
    assert!(stop.await.unwrap(), "the hub stops in order");
    let text = fs::read_to_string(&log).unwrap();
    let told = text
        .matches("the collector of traces takes no spans")
        .count();
    assert_eq!(told, 1, "{text}");
}
