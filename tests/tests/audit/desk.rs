//! Over the wire: the command line, a profile with a purpose, the gateway, and what stays out of the log.

use agency_client::{
    Client,
    gateway::{Gateway, GatewayOptions, Listen},
    subscribe::{Event, SubscribeOptions},
};
use hub_core::purpose::PURPOSE_HEADER;
use hub_proto::channels::{
    Classification, GetNotificationRequest, channel_service_client::ChannelServiceClient,
};
use hub_tests::{
    World,
    desk::{Desk, beside},
};
use tonic::{Request, metadata::MetadataValue, transport::Endpoint};

use super::*;

async fn letter_to_health(world: &World) -> String {
    let draft = agency_client::channels::NotificationDraft::to(["health"])
        .category("coordination")
        .title("协查")
        .text("正文")
        .classification(Classification::Internal);
    let sent = world.clerk("tax").channels().publish(draft).await.unwrap();
    sent.response.notification.unwrap().name
}

async fn own(world: &World, agency: &str) -> Vec<Access> {
    let auditor = world.client(agency, "auditor-1", &["access-auditor"]);
    let request = ListAccessesRequest::default();
    let page = auditor.audit().list_accesses(&request).await.unwrap();
    page.accesses
}

#[tokio::test(flavor = "multi_thread")]
async fn the_purpose_comes_from_the_command_line_the_profile_or_the_client() {
    let world = World::start().await;
    let name = letter_to_health(&world).await;
    let clerk = world.clerk("health");
    let last = async || own(&world, "health").await[0].purpose.clone();
    let channels = clerk.with_purpose("核查12号").unwrap().channels();
    channels.notification(&name).await.unwrap();
    assert_eq!(last().await, "核查12号");
    let silent = clerk.with_purpose("").unwrap();
    silent.channels().notification(&name).await.unwrap();
    assert_eq!(last().await, "");
    assert!(clerk.with_purpose("a\nb").is_err());
    assert!(clerk.with_purpose(&"核".repeat(201)).is_err());
    // A machine has one in its profile, and subscribes with it.
    let mut profile = world.site.profile("health");
    profile.purpose = Some("公文系统收文".into());
    let machine = Client::builder(&profile)
        .endpoint(world.endpoint())
        .build()
        .unwrap();
    let mut events = machine.channels().subscribe(SubscribeOptions {
        logs: vec!["agencies/health/inbox".into()],
        ..SubscribeOptions::default()
    });
    let Event::Delivery(delivery) = events.next().await.unwrap().unwrap() else {
        panic!("a delivery comes first");
    };
    assert_eq!(delivery.notification.unwrap().name, name);
    assert_eq!(last().await, "公文系统收文");
    drop(events);

    let desk = Desk::clerk(&world, "health");
    let auditor = Desk::new(&world, "health", "auditor-1", &["access-auditor"]);
    let of = name.clone();
    beside(move || {
        desk.text(&["--purpose", "阅办", "notify", "show", &of]);
        let listed = auditor.json(&["audit", "list", &of, "--limit", "1"]);
        let access = &listed["accesses"][0];
        assert_eq!(access["purpose"], "阅办");
        assert_eq!(access["officer"], "health-clerk-1");
        assert_eq!(access["records"][0]["name"], of.as_str());
        assert_eq!(access["records"][0]["kind"], "notification");
        assert_eq!(listed["has_more"], true);
        let table = auditor.text(&["--lang", "zh", "audit", "list", "--own"]);
        for word in ["查阅时间", "阅办", "health-clerk-1", &of] {
            assert!(table.contains(word), "{word}: {table}");
        }
        let table = auditor.text(&["--lang", "en", "audit", "list", "--by", "nobody"]);
        assert_eq!(table, "");
        let refused = auditor.run(&["audit", "list", "--all"]);
        assert_eq!(hub_tests::desk::code(&refused), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_passes_a_callers_purpose_on_and_says_its_own_otherwise() {
    let world = World::start().await;
    let name = letter_to_health(&world).await;
    let folder = tempfile::tempdir().unwrap();
    let client = world.clerk("health").with_purpose("网关").unwrap();
    let listen = Listen::Tcp("127.0.0.1:0".parse().unwrap());
    let options = GatewayOptions::new(listen, folder.path().join("outbox"));
    let gateway = Gateway::start(client, options).await.unwrap();
    let Listen::Tcp(address) = gateway.listen().clone() else {
        panic!("it listens on TCP");
    };
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    let mut api = ChannelServiceClient::new(endpoint.connect().await.unwrap());
    for (given, expected) in [(Some("核查"), "核查"), (None, "网关")] {
        let mut request = Request::new(GetNotificationRequest { name: name.clone() });
        if let Some(given) = given {
            let value = MetadataValue::from_bytes(given.as_bytes());
            request.metadata_mut().insert_bin(PURPOSE_HEADER, value);
        }
        api.get_notification(request).await.unwrap();
        assert_eq!(own(&world, "health").await[0].purpose, expected);
    }
    drop(api);
    gateway.stop().await.unwrap();
}
