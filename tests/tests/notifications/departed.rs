//! Who got a channel's notification and has left the channel since gets its correction all the same,
//! and nothing else of the channel.

use std::sync::Arc;

use hub::{
    clock::{Clock as _, ManualClock},
    engine::entropy::SystemEntropy,
    server,
    state::memory::MemoryStore,
};
use hub_core::date::{on, to_wire};
use hub_proto::{
    channels::{
        AcknowledgeDeliveryRequest, CorrectNotificationRequest, GetNotificationRequest,
        ListDeliveryReceiptsRequest, ListNotificationsRequest, ListOutstandingActionsRequest,
        PublishNotificationRequest, RequestedAction, RetractNotificationRequest,
        SignForNotificationRequest, SignForNotificationResponse,
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
    gated::Gated,
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
        let request = left.membership();
        let office = left.officer("civil-affairs", "office");
        let services = &left.direct.services;
        let added = services.add_membership(call(&office, request)).await;
        added.unwrap();
        left
    }

    fn membership(&mut self) -> AddMembershipRequest {
        let today = on(self.direct.clock.now(), self.site.charter().zone());
        AddMembershipRequest {
            parent: "mechanisms/fund-supervision".into(),
            agency: "agencies/health".into(),
            from_on: Some(to_wire(today)),
            until_on: Some(to_wire(today.tomorrow().unwrap())),
            basis: Some(Basis::LeadingGroupDecision("晋社管组发〔2026〕3号".into())),
            request_id: self.id(),
        }
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

impl Left {
    /// Publishes as an officer, and answers what was published.
    async fn send(&mut self, agency: &str, role: &str, notification: Notification) -> Notification {
        let request = PublishNotificationRequest {
            notification: Some(notification),
            request_id: self.id(),
        };
        let officer = self.officer(agency, role);
        let services = &self.direct.services;
        let answer = services.publish_notification(call(&officer, request)).await;
        answer.unwrap().into_inner().notification.unwrap()
    }

    /// A notice to the channel that asks for a signature and a reply within ten days.
    async fn ask(&mut self, title: &str) -> Notification {
        let by = self.direct.clock.now() + jiff::SignedDuration::from_hours(240);
        let notification = Notification {
            title: title.into(),
            sign_by_at: Some(hub_core::date::timestamp(by)),
            reply_by_at: Some(hub_core::date::timestamp(by)),
            ..raw::requests::to_channel("work_notice", "fund-supervision")
        };
        self.send("civil-affairs", "office", notification).await
    }

    async fn sign(&mut self, name: &str) -> Result<SignForNotificationResponse, tonic::Status> {
        let request = SignForNotificationRequest {
            name: name.into(),
            recipient: String::new(),
            request_id: self.id(),
        };
        self.sign_with(request).await
    }

    async fn sign_with(
        &self,
        request: SignForNotificationRequest,
    ) -> Result<SignForNotificationResponse, tonic::Status> {
        let leader = self.officer("health", "leader");
        let services = &self.direct.services;
        let answer = services.sign_for_notification(call(&leader, request));
        answer.await.map(tonic::Response::into_inner)
    }

    async fn retract(&mut self, agency: &str, name: &str) -> Result<Notification, tonic::Status> {
        let request = RetractNotificationRequest {
            name: name.into(),
            reason: "误发".into(),
            request_id: self.id(),
        };
        let clerk = self.officer(agency, "clerk");
        let services = &self.direct.services;
        let answer = services.retract_notification(call(&clerk, request)).await?;
        Ok(answer.into_inner().notification.unwrap())
    }

    async fn is_hidden(&self, agency: &str, name: &str) -> bool {
        let got = self.get(agency, name).await;
        got.is_err_and(|status| raw::reason(&status) == "NOT_FOUND")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_left_a_channel_settles_what_it_owes_there_and_sees_nothing_else() {
    let mut left = Left::new().await;
    let owed = left.ask("答复").await;
    let signed = left.ask("已签").await;
    let withdrawn = left.ask("撤回").await;
    left.sign(&signed.name).await.unwrap();
    let answer = |to: &Notification| Notification {
        in_reply_to: to.name.clone(),
        ..raw::requests::to_addressees("coordination", &["agencies/civil-affairs"])
    };
    left.send("health", "clerk", answer(&signed)).await;
    let plain = left.publish("无要求").await;
    left.direct.clock.advance_us(3 * DAY_US);
    left.correct(&withdrawn.name).await;
    assert_eq!(left.get("health", &owed.name).await.unwrap(), owed);
    for hidden in [&signed, &withdrawn, &plain] {
        assert!(
            left.is_hidden("health", &hidden.name).await,
            "{}",
            hidden.title
        );
    }
    assert!(
        left.is_hidden("education", &owed.name).await,
        "it never got it"
    );
    let channel = left.list("health", "channels/fund-supervision").await;
    assert_eq!(raw::reason(&channel.unwrap_err()), "NOT_FOUND");
    // It signs, and a call whose answer was lost finds its first answer.
    let request = SignForNotificationRequest {
        name: owed.name.clone(),
        recipient: String::new(),
        request_id: left.id(),
    };
    let first = left.sign_with(request.clone()).await.unwrap();
    assert_eq!(left.sign_with(request.clone()).await.unwrap(), first);
    left.send("health", "clerk", answer(&owed)).await;
    assert_eq!(
        left.sign_with(request).await.unwrap().receipt,
        first.receipt
    );
    let owing = left.owed("health").await;
    assert!(
        owing.iter().all(|(name, _)| *name != owed.name),
        "{owing:?}"
    );
    assert!(left.is_hidden("education", &owed.name).await);
    left.direct.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_author_that_has_left_a_channel_corrects_and_retracts_what_it_published_there() {
    let mut left = Left::new().await;
    let mut draft = raw::requests::to_channel("coordination", "fund-supervision");
    draft.title = "旧".into();
    let sent = left.send("health", "clerk", draft).await;
    let others = left.publish("他人").await;
    left.direct.clock.advance_us(3 * DAY_US);
    assert_eq!(left.get("health", &sent.name).await.unwrap(), sent);
    let request = CorrectNotificationRequest {
        name: sent.name.clone(),
        notification: Some(raw::requests::draft("coordination")),
        reason: "日期有误".into(),
        request_id: left.id(),
    };
    let clerk = left.officer("health", "clerk");
    let services = left.direct.services.clone();
    let corrected = services.correct_notification(call(&clerk, request)).await;
    let corrected = corrected.unwrap().into_inner().notification.unwrap();
    let retraction = left.retract("health", &corrected.name).await.unwrap();
    // Everyone who got the first one gets both and owes the last.
    for agency in ["tax", "finance"] {
        assert_eq!(
            left.get(agency, &corrected.name)
                .await
                .unwrap()
                .superseded_by,
            retraction.name
        );
        let acknowledge = (retraction.name.clone(), RequestedAction::Acknowledge);
        assert_eq!(left.owed(agency).await, [acknowledge], "{agency}");
    }
    // It is its own words that it may take back, and nothing that others said.
    let refused = left.retract("health", &others.name).await.unwrap_err();
    assert_eq!(raw::reason(&refused), "NOT_FOUND");
    assert!(left.is_hidden("health", &others.name).await);
    let refused = left.retract("tax", &sent.name).await.unwrap_err();
    assert_eq!(raw::reason(&refused), "PERMISSION_DENIED");
    // It publishes nothing new there.
    let draft = raw::requests::to_channel("coordination", "fund-supervision");
    let request = PublishNotificationRequest {
        notification: Some(draft),
        request_id: left.id(),
    };
    let refused = services.publish_notification(call(&clerk, request)).await;
    assert_eq!(raw::reason(&refused.unwrap_err()), "NOT_FOUND");
    // Who may not send for the agency may not take back for it.
    let leader = left.officer("health", "leader");
    let mut request = RetractNotificationRequest {
        name: retraction.name.clone(),
        reason: "误发".into(),
        request_id: left.id(),
    };
    request.name.clone_from(&corrected.name);
    let refused = services.retract_notification(call(&leader, request)).await;
    assert_eq!(raw::reason(&refused.unwrap_err()), "PERMISSION_DENIED");
    left.direct.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gets_a_notification_is_decided_by_the_roster_that_the_writer_sees() {
    let site = Site::new();
    let key = Arc::new(server::ledger_key(&site.config()).unwrap());
    let (store, gate) = Gated::new(MemoryStore::new(TRUST_DOMAIN, key).unwrap());
    let clock = ManualClock::at(Timestamp::now());
    let direct = Direct::start(&site, Arc::new(store), clock, Box::new(SystemEntropy)).await;
    let mut left = Left {
        site,
        direct,
        random: Random::new(2),
    };
    let sent = left.publish("通知").await;
    // The writer is busy; a new member and a correction wait for it together, in this order.
    gate.close();
    let services = left.direct.services.clone();
    let office = left.officer("civil-affairs", "office");
    let waits = async |count: usize| {
        while services.engine.queue_depth() < count {
            tokio::task::yield_now().await;
        }
    };
    let busy = PublishNotificationRequest {
        notification: Some(raw::requests::to_channel("work_notice", "fund-supervision")),
        request_id: left.id(),
    };
    let membership = left.membership();
    let correction = CorrectNotificationRequest {
        name: sent.name.clone(),
        notification: Some(raw::requests::draft("work_notice")),
        reason: "日期有误".into(),
        request_id: left.id(),
    };
    let calls = async {
        gate.until_the_writer_waits().await;
        let add = services.add_membership(call(&office, membership));
        let correct = async {
            waits(1).await;
            services
                .correct_notification(call(&office, correction))
                .await
        };
        let open = async {
            waits(2).await;
            gate.open();
        };
        let (added, corrected, ()) = tokio::join!(add, correct, open);
        added.unwrap();
        corrected.unwrap().into_inner().notification.unwrap()
    };
    let (first, corrected) =
        tokio::join!(services.publish_notification(call(&office, busy)), calls);
    first.unwrap();
    assert_eq!(
        left.owed("health").await,
        [(corrected.name, RequestedAction::Acknowledge)],
        "it is a member since before the correction, and of the day of the original"
    );
    left.direct.stop();
}
