//! Who got a channel's notification and has left the channel since gets its correction all the same,
//! and nothing else of the channel.

use std::sync::Arc;

use hub::{clock::ManualClock, server, state::memory::MemoryStore};
use hub_core::date::{on, to_wire};
use hub_proto::{
    channels::{
        AcknowledgeDeliveryRequest, CorrectNotificationRequest, GetNotificationRequest,
        ListDeliveryReceiptsRequest, ListNotificationsRequest, ListOutstandingActionsRequest,
        PublishNotificationRequest, RequestedAction, SignForNotificationRequest,
        channel_service_server::ChannelService as _,
    },
    ledger::{GetEntryRequest, ledger_service_server::LedgerService as _},
    members::{
        AddMembershipRequest, add_membership_request::Basis,
        members_service_server::MembersService as _,
    },
};
use hub_tests::{
    Site, TRUST_DOMAIN,
    direct::{Direct, SameEntropy, call},
    random::Random,
    raw,
};
use jiff::Timestamp;

use super::*;

const DAY_US: i64 = 86_400_000_000;

struct Left {
    site: Site,
    direct: Direct,
    random: Random,
}

impl Left {
    /// Health is a member of the fund-supervision mechanism for today only.
    async fn new() -> Self {
        let site = Site::new();
        let key = Arc::new(server::ledger_key(&site.config()).unwrap());
        let store = Arc::new(MemoryStore::new(TRUST_DOMAIN, key).unwrap());
        let clock = ManualClock::at(Timestamp::now());
        let direct = Direct::start(&site, store, clock, Box::new(SameEntropy)).await;
        let mut left = Self {
            site,
            direct,
            random: Random::new(1),
        };
        let today = on(Timestamp::now(), left.site.charter().zone());
        let request = AddMembershipRequest {
            parent: "mechanisms/fund-supervision".into(),
            agency: "agencies/health".into(),
            from_on: Some(to_wire(today)),
            until_on: Some(to_wire(today.tomorrow().unwrap())),
            basis: Some(Basis::LeadingGroupDecision("晋社管组发〔2026〕3号".into())),
            request_id: left.id(),
        };
        let office = left.officer("civil-affairs", "office");
        let services = &left.direct.services;
        let added = services.add_membership(call(&office, request)).await;
        added.unwrap();
        left
    }

    fn id(&mut self) -> String {
        self.random.uuid(self.direct.unix_ms())
    }

    fn officer(&self, agency: &str, role: &str) -> Arc<hub::identity::Caller> {
        let officer = format!("{agency}-{role}-1");
        self.direct.caller(&self.site, agency, &officer, &[role])
    }

    async fn publish(&mut self, title: &str) -> Notification {
        let mut notification = raw::requests::to_channel("work_notice", "fund-supervision");
        notification.title = title.into();
        let request = PublishNotificationRequest {
            notification: Some(notification),
            request_id: self.id(),
        };
        let office = self.officer("civil-affairs", "office");
        let services = &self.direct.services;
        let answer = services.publish_notification(call(&office, request)).await;
        answer.unwrap().into_inner().notification.unwrap()
    }

    async fn correct(&mut self, name: &str) -> (Notification, u64) {
        let request = CorrectNotificationRequest {
            name: name.into(),
            notification: Some(raw::requests::draft("work_notice")),
            reason: "日期有误".into(),
            request_id: self.id(),
        };
        let office = self.officer("civil-affairs", "office");
        let services = &self.direct.services;
        let answer = services.correct_notification(call(&office, request)).await;
        let answer = answer.unwrap().into_inner();
        (
            answer.notification.unwrap(),
            answer.receipt.unwrap().entry_index,
        )
    }

    async fn get(&self, agency: &str, name: &str) -> Result<Notification, tonic::Status> {
        let request = GetNotificationRequest { name: name.into() };
        let clerk = self.officer(agency, "clerk");
        let services = &self.direct.services;
        let answer = services.get_notification(call(&clerk, request)).await?;
        Ok(answer.into_inner().notification.unwrap())
    }

    async fn list(&self, agency: &str, log: &str) -> Result<Vec<Notification>, tonic::Status> {
        let request = ListNotificationsRequest {
            parent: log.into(),
            ..ListNotificationsRequest::default()
        };
        let clerk = self.officer(agency, "clerk");
        let services = &self.direct.services;
        let answer = services.list_notifications(call(&clerk, request)).await?;
        Ok(answer.into_inner().notifications)
    }

    async fn owed(&self, agency: &str) -> Vec<(String, RequestedAction)> {
        let request = ListOutstandingActionsRequest {
            parent: format!("agencies/{agency}"),
            ..ListOutstandingActionsRequest::default()
        };
        let clerk = self.officer(agency, "clerk");
        let services = &self.direct.services;
        let answer = services
            .list_outstanding_actions(call(&clerk, request))
            .await;
        let actions = answer.unwrap().into_inner().outstanding_actions;
        let actions = actions.into_iter();
        actions
            .map(|one| (one.notification.clone(), one.action()))
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_left_a_channel_gets_its_correction_and_nothing_else() {
    let mut left = Left::new().await;
    let sent = left.publish("旧").await;
    assert_eq!(left.get("health", &sent.name).await.unwrap(), sent);
    left.direct.clock.advance_us(3 * DAY_US);
    let later = left.publish("新").await;
    let (first, _) = left.correct(&sent.name).await;
    // The correction of the correction comes too.
    let (last, entry_index) = left.correct(&first.name).await;
    let inbox = left.list("health", "agencies/health/inbox").await.unwrap();
    let names: Vec<&str> = inbox.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, [&first.name, &last.name]);
    assert_eq!(inbox[0].superseded_by, last.name);
    assert_eq!(left.get("health", &last.name).await.unwrap(), last);
    for hidden in [&sent.name, &later.name] {
        let status = left.get("health", hidden).await.unwrap_err();
        assert_eq!(raw::reason(&status), "NOT_FOUND");
    }
    let channel = left.list("health", "channels/fund-supervision").await;
    assert_eq!(raw::reason(&channel.unwrap_err()), "NOT_FOUND");
    // Nobody else who is no member learns of it.
    assert_eq!(
        raw::reason(&left.get("education", &last.name).await.unwrap_err()),
        "NOT_FOUND"
    );
    settle(&mut left, &last, entry_index).await;
    left.direct.stop();
}

/// It can be proved, signed for, and its delivery is known.
async fn settle(left: &mut Left, last: &Notification, entry_index: u64) {
    let services = left.direct.services.clone();
    let clerk = left.officer("health", "clerk");
    let entry = GetEntryRequest { entry_index };
    services.get_entry(call(&clerk, entry)).await.unwrap();
    assert_eq!(
        left.owed("health").await,
        [(last.name.clone(), RequestedAction::Acknowledge)]
    );
    let mut cursor = hub::domain::channels::cursor::Cursor::default();
    cursor.set("agencies/health/inbox".parse().unwrap(), 2);
    let acknowledge = AcknowledgeDeliveryRequest {
        consumer: "oa".into(),
        cursor: cursor.encode(&"health".parse().unwrap()),
        request_id: left.id(),
    };
    let acknowledged = services.acknowledge_delivery(call(&clerk, acknowledge));
    acknowledged.await.unwrap();
    let sign = SignForNotificationRequest {
        name: last.name.clone(),
        recipient: String::new(),
        request_id: left.id(),
    };
    let leader = left.officer("health", "leader");
    let signed = services.sign_for_notification(call(&leader, sign)).await;
    signed.unwrap();
    assert_eq!(left.owed("health").await, []);
    let receipts = ListDeliveryReceiptsRequest {
        parent: last.name.clone(),
    };
    let office = left.officer("civil-affairs", "office");
    let rows = services
        .list_delivery_receipts(call(&office, receipts.clone()))
        .await;
    let rows = rows.unwrap().into_inner().delivery_receipts;
    let row = rows.iter().find(|row| row.recipient == "agencies/health");
    let row = row.unwrap();
    assert_eq!(row.delivered_to, "oa");
    assert!(row.delivered_at.is_some() && row.signed_for_at.is_some());
    assert!(rows.len() > 2, "the members owe it as well");
    // Of the receipts it sees its own.
    let own = services
        .list_delivery_receipts(call(&clerk, receipts))
        .await;
    let own = own.unwrap().into_inner().delivery_receipts;
    assert_eq!(own, std::slice::from_ref(row));
}
