//! Deadlines on the days of the example, and a notice that moves them, on a clock of the test's own.

use std::sync::Arc;

use hub::{
    clock::{Clock as _, ManualClock},
    deadlines,
    engine::entropy::SystemEntropy,
    identity::Caller,
    server,
    state::memory::MemoryStore,
};
use hub_core::{
    date::{on, to_wire},
    workdays::Calendar,
};
use hub_proto::requests::{
    ApproveInformationRequestRequest, DeadlineMoveReason, DraftInformationRequestRequest,
    GetInformationRequestRequest, InformationRequest, ListInformationRequestsRequest,
    SharingAttribute, request_service_server::RequestService as _,
};
use hub_tests::{
    Site, TRUST_DOMAIN,
    direct::{Direct, call},
    requests::data,
};
use jiff::{Timestamp, civil::Date};

/// A hub on a clock, without network.
struct Days {
    site: Site,
    hub: Direct,
    clock: ManualClock,
    count: u16,
}

impl Days {
    async fn start(at: &str) -> Self {
        let at: Timestamp = at.parse().unwrap();
        let site = Site::issued_from("2025-01-01T00:00:00Z".parse().unwrap());
        let clock = ManualClock::at(at);
        let key = Arc::new(server::ledger_key(&site.config()).unwrap());
        let store = Arc::new(MemoryStore::new(TRUST_DOMAIN, key).unwrap());
        let hub = Direct::start(&site, store, clock.clone(), Box::new(SystemEntropy)).await;
        Self {
            site,
            hub,
            clock,
            count: 0,
        }
    }

    fn move_to(&self, at: &str) {
        let at: Timestamp = at.parse().unwrap();
        self.clock
            .advance_us(at.as_microsecond() - self.clock.now().as_microsecond());
    }

    fn today(&self) -> Date {
        on(self.clock.now(), self.site.charter().zone())
    }

    fn officer(&self, agency: &str, role: &str) -> Arc<Caller> {
        let officer = format!("{agency}-{role}-1");
        self.hub.caller(&self.site, agency, &officer, &[role])
    }

    fn id(&mut self) -> String {
        self.count += 1;
        let mut random = [0; 10];
        random[8..].copy_from_slice(&self.count.to_be_bytes());
        let id = uuid::Builder::from_unix_timestamp_millis(self.hub.unix_ms(), &random);
        id.into_uuid().to_string()
    }

    async fn submit(&mut self, sharing: SharingAttribute) -> InformationRequest {
        let mut given = data("tax", self.today());
        given.sharing = sharing.into();
        let request = DraftInformationRequestRequest {
            information_request: Some(given),
            request_id: self.id(),
        };
        let services = self.hub.services.clone();
        let clerk = self.officer("tax", "clerk");
        let drafted = services
            .draft_information_request(call(&clerk, request))
            .await;
        let drafted = drafted.unwrap().into_inner().information_request.unwrap();
        let request = ApproveInformationRequestRequest {
            name: drafted.name,
            is_approved: true,
            reason: String::new(),
            request_id: self.id(),
        };
        let leader = self.officer("tax", "leader");
        let approved = services
            .approve_information_request(call(&leader, request))
            .await;
        approved.unwrap().into_inner().information_request.unwrap()
    }

    async fn get(&self, name: &str) -> InformationRequest {
        let request = GetInformationRequestRequest { name: name.into() };
        let clerk = self.officer("tax", "clerk");
        let found = self
            .hub
            .services
            .get_information_request(call(&clerk, request))
            .await;
        found.unwrap().into_inner().information_request.unwrap()
    }

    async fn overdue(&self) -> usize {
        let request = ListInformationRequestsRequest {
            is_overdue: true,
            ..ListInformationRequestsRequest::default()
        };
        let clerk = self.officer("tax", "clerk");
        let listed = self
            .hub
            .services
            .list_information_requests(call(&clerk, request))
            .await;
        listed.unwrap().into_inner().information_requests.len()
    }

    async fn recompute(&self) -> usize {
        deadlines::run(&self.hub.services.engine).await.unwrap()
    }
}

fn day(text: &str) -> Option<hub_proto::common::Date> {
    Some(to_wire(text.parse().unwrap()))
}

/// Received on Wednesday 24 September 2025: the two Saturdays and Sundays of make-up work count, the
/// National Day's week does not.
#[tokio::test(flavor = "multi_thread")]
async fn order_809_art_21_a_conditional_request_of_24_september_2025_is_due_on_14_october() {
    let mut days = Days::start("2025-09-24T08:00:00Z").await;
    let conditional = days.submit(SharingAttribute::Conditional).await;
    let deadline = &conditional.deadlines[0];
    assert_eq!(deadline.counted_from_on, day("2025-09-24"));
    assert_eq!(deadline.due_on, day("2025-10-14"));
    assert!(!deadline.is_provisional && !deadline.is_overdue);
    let unconditional = days.submit(SharingAttribute::Unconditional).await;
    assert_eq!(unconditional.deadlines[0].due_on, day("2025-09-25"));
    // One is over at the end of the next day, the other not before the end of its own.
    days.move_to("2025-09-25T15:59:59Z");
    assert_eq!(days.overdue().await, 0);
    days.move_to("2025-09-25T16:00:00Z");
    assert_eq!(days.overdue().await, 1);
    days.move_to("2025-10-14T16:00:00Z");
    assert_eq!(days.overdue().await, 2);
    assert!(days.get(&conditional.name).await.deadlines[0].is_overdue);
}

#[tokio::test(flavor = "multi_thread")]
async fn x_003_a_newer_calendar_moves_what_runs_and_the_day_before_stays_visible() {
    let mut days = Days::start("2025-09-24T08:00:00Z").await;
    let request = days.submit(SharingAttribute::Conditional).await;
    assert_eq!(days.recompute().await, 0, "nothing is newer");
    // A notice of 29 September makes 10 October a day off.
    let notice = "2025-10-10,holiday,x,2025-09-29";
    let calendar = Calendar::published().unwrap().extended(notice).unwrap();
    days.hub.services.engine.roster().set_calendar(calendar);
    assert_eq!(days.recompute().await, 0, "it is not known yet");
    days.move_to("2025-09-29T01:00:00Z");
    assert_eq!(days.recompute().await, 1);
    assert_eq!(days.recompute().await, 0, "once");
    let read = days.get(&request.name).await;
    let deadline = &read.deadlines[0];
    assert_eq!(deadline.due_on, day("2025-10-15"));
    let moved = &deadline.moves[0];
    assert_eq!(moved.reason(), DeadlineMoveReason::Calendar);
    assert_eq!(
        (moved.was_on, moved.becomes_on),
        (day("2025-10-14"), day("2025-10-15"))
    );
    assert_eq!(moved.known_from_on, day("2025-09-29"));
    let engine = &days.hub.services.engine;
    let methods: Vec<String> = (0..engine.store().head())
        .map(|index| {
            engine
                .recorded(index)
                .unwrap()
                .unwrap()
                .header
                .method
                .clone()
        })
        .collect();
    let own = "/hub.system.v1/RecomputeDeadlines";
    assert_eq!(methods.iter().filter(|method| *method == own).count(), 1);
}
