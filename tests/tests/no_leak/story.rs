//! What happens in both worlds, and what happens in one only. Every step takes a second in both.

use std::sync::Arc;

use futures::StreamExt as _;
use hub::identity::Caller;
use hub_proto::{
    channels::{
        AcknowledgeDeliveryRequest, BatchPublishNotificationsRequest, Classification, Notification,
        OpenNotificationRequest, PublishNotificationRequest, SignForNotificationRequest,
        SubscribeRequest, channel_service_server::ChannelService as _, subscribe_response::Event,
    },
    members::{AppointLiaisonRequest, Liaison, Rank, members_service_server::MembersService as _},
};
use hub_tests::{
    Site,
    direct::{Direct, call},
    random::Random,
};

/// What an attacker may have got to know from elsewhere.
pub(crate) struct Told {
    /// Names of the pair's notifications, and of some that are in no world.
    pub(crate) names: Vec<String>,
    /// Their request ids.
    pub(crate) ids: Vec<String>,
}

/// One world's story.
pub(crate) struct Story<'a> {
    site: &'a Site,
    direct: &'a Direct,
    pair: (&'static str, &'static str),
    is_told: bool,
    random: Random,
    pub(crate) told: Told,
}

const ROLES: &[&str] = &["clerk", "leader"];

impl<'a> Story<'a> {
    pub(crate) fn new(
        site: &'a Site,
        direct: &'a Direct,
        pair: (&'static str, &'static str),
        is_told: bool,
    ) -> Self {
        Self {
            site,
            direct,
            pair,
            is_told,
            random: Random::new(1),
            told: Told {
                names: vec![],
                ids: vec![],
            },
        }
    }

    fn officer(&self, agency: &str) -> Arc<Caller> {
        let roles: &[&str] = if agency == "civil-affairs" {
            &["office", "clerk", "leader"]
        } else {
            ROLES
        };
        let officer = format!("{agency}-officer");
        self.direct.caller(self.site, agency, &officer, roles)
    }

    fn step(&mut self) -> String {
        self.direct.clock.advance_us(1_000_000);
        self.random.uuid(self.direct.unix_ms())
    }

    /// A notification in both worlds.
    pub(crate) async fn publish(&mut self, agency: &str, notification: Notification) -> String {
        let request = PublishNotificationRequest {
            notification: Some(notification),
            request_id: self.step(),
        };
        let caller = self.officer(agency);
        let answer = self
            .direct
            .services
            .publish_notification(call(&caller, request));
        answer
            .await
            .unwrap()
            .into_inner()
            .notification
            .unwrap()
            .name
    }

    /// A notice of the office to all.
    pub(crate) async fn notice(&mut self, title: &str) -> String {
        let mut notice = draft("work_notice", title);
        notice.channel = "channels/all-members".into();
        self.publish("civil-affairs", notice).await
    }

    async fn between(&mut self, from: &str, to: &str, title: &str, in_reply_to: &str) -> String {
        let id = self.step();
        let mut letter = draft("coordination", title);
        letter.addressees = vec![format!("agencies/{to}")];
        letter.in_reply_to = in_reply_to.into();
        let name = format!("agencies/{from}/notifications/{id}");
        self.told.names.push(name.clone());
        self.told.ids.push(id.clone());
        if self.is_told {
            let request = PublishNotificationRequest {
                notification: Some(letter),
                request_id: id,
            };
            let caller = self.officer(from);
            let answer = self
                .direct
                .services
                .publish_notification(call(&caller, request));
            let seen = answer.await.unwrap().into_inner().notification.unwrap();
            assert_eq!(seen.name, name);
        }
        name
    }

    /// A letter of the pair's, in one world only: sent, opened, signed for, acknowledged, answered.
    pub(crate) async fn letter(&mut self, title: &str) {
        let (from, to) = self.pair;
        let name = self.between(from, to, title, "").await;
        let open = OpenNotificationRequest {
            name: name.clone(),
            recipient: String::new(),
            request_id: self.step(),
        };
        let sign = SignForNotificationRequest {
            name: name.clone(),
            recipient: String::new(),
            request_id: self.step(),
        };
        self.told.ids.push(open.request_id.clone());
        let caller = self.officer(to);
        if self.is_told {
            let services = &self.direct.services;
            services
                .open_notification(call(&caller, open))
                .await
                .unwrap();
            services
                .sign_for_notification(call(&caller, sign))
                .await
                .unwrap();
        }
        self.between(to, from, "答复", &name).await;
    }

    /// A batch of the pair's letters, in one world only.
    async fn letters(&mut self) {
        let (from, to) = self.pair;
        let request_id = self.step();
        let requests: Vec<_> = (0..3)
            .map(|number| {
                let mut letter = draft("coordination", &format!("批{number}"));
                letter.addressees = vec![format!("agencies/{to}")];
                let id = self.step();
                self.told
                    .names
                    .push(format!("agencies/{from}/notifications/{id}"));
                self.told.ids.push(id.clone());
                PublishNotificationRequest {
                    notification: Some(letter),
                    request_id: id,
                }
            })
            .collect();
        let batch = BatchPublishNotificationsRequest {
            requests,
            request_id,
        };
        if self.is_told {
            let caller = self.officer(from);
            let answer = self
                .direct
                .services
                .batch_publish_notifications(call(&caller, batch));
            answer.await.unwrap();
        }
    }

    /// A consumer of an agency takes all that is there, in both worlds.
    async fn acknowledge(&mut self, agency: &str) {
        let request_id = self.step();
        let caller = self.officer(agency);
        let services = &self.direct.services;
        let stream = services.subscribe(call(&caller, SubscribeRequest::default()));
        let mut stream = stream.await.unwrap().into_inner();
        let cursor = loop {
            if let Some(Event::CaughtUp(end)) = stream.next().await.unwrap().unwrap().event {
                break end.cursor;
            }
        };
        let request = AcknowledgeDeliveryRequest {
            consumer: "oa".into(),
            cursor,
            request_id,
        };
        let answer = services.acknowledge_delivery(call(&caller, request)).await;
        answer.unwrap();
    }

    async fn sign(&mut self, agency: &str, name: &str) {
        let request = SignForNotificationRequest {
            name: name.into(),
            recipient: String::new(),
            request_id: self.step(),
        };
        let caller = self.officer(agency);
        let answer = self
            .direct
            .services
            .sign_for_notification(call(&caller, request));
        answer.await.unwrap();
    }

    async fn appoint(&mut self, agency: &str) {
        let zone = self.site.charter().zone();
        let today = hub_core::date::on(hub::clock::Clock::now(&self.direct.clock), zone);
        let request = AppointLiaisonRequest {
            parent: "mechanisms/joint-enforcement".into(),
            liaison: Some(Liaison {
                officer: format!("{agency}-liaison"),
                display_name: "联络员".into(),
                rank: Rank::Division.into(),
                from_on: Some(hub_core::date::to_wire(today)),
                ..Liaison::default()
            }),
            replaces: String::new(),
            request_id: self.step(),
        };
        let caller = self.officer(agency);
        let answer = self.direct.services.appoint_liaison(call(&caller, request));
        answer.await.unwrap();
    }
}

pub(crate) fn draft(category: &str, title: &str) -> Notification {
    Notification {
        category: category.into(),
        title: title.into(),
        body: format!("正文：{title}").into_bytes().into(),
        media_type: "text/plain".into(),
        classification: Classification::Internal.into(),
        ..Notification::default()
    }
}

/// The whole story.
pub(crate) async fn tell(
    site: &Site,
    direct: &Direct,
    pair: (&'static str, &'static str),
    is_told: bool,
) -> Told {
    let mut story = Story::new(site, direct, pair, is_told);
    let first = story.notice("一").await;
    story.letter("秘一").await;
    let mut open = draft("coordination", "联合检查");
    open.channel = "channels/joint-enforcement".into();
    let checked = story.publish("tax", open).await;
    let mut letter = draft("work_notice", "函");
    letter.addressees = vec!["agencies/education".into(), "agencies/health".into()];
    story.publish("civil-affairs", letter).await;
    // Open dealings of those whom the pair deals with.
    let referral = story
        .publish("pboc-branch", draft("fund_referral", "线索"))
        .await;
    story.letters().await;
    story
        .publish("tax", draft("case_result_fund", "查处"))
        .await;
    story.acknowledge("public-security").await;
    story.sign("public-security", &referral).await;
    story.letter("秘二").await;
    story.appoint("health").await;
    for agency in ["pboc-branch", "health", "tax"] {
        story.acknowledge(agency).await;
        story.sign(agency, &first).await;
    }
    story.sign("public-security", &checked).await;
    story.letters().await;
    let mut fund = draft("coordination", "资金");
    fund.channel = "channels/fund-supervision".into();
    story.publish("finance", fund).await;
    story
        .publish("pboc-branch", draft("fund_referral", "线索二"))
        .await;
    // Names of nothing in either world, to be asked for beside the others.
    let id = story.step();
    story
        .told
        .names
        .push(format!("agencies/{}/notifications/{id}", pair.0));
    story
        .told
        .names
        .push("channels/all-members/notifications/2".into());
    story.told.names.push(referral);
    story.told
}
