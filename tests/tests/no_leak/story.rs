//! What happens in both worlds, and what happens in one only. Every step takes a second in both.

use std::sync::Arc;

use futures::StreamExt as _;
use hub::{
    attachments::{Opened, Start},
    clock::Clock as _,
    identity::Caller,
    reminders, retention,
};
use hub_core::{
    crypto::{hex, sha256},
    date::timestamp,
};
use hub_proto::{
    channels::{
        AcknowledgeDeliveryRequest, Attachment, BatchPublishNotificationsRequest, Classification,
        CorrectNotificationRequest, ListNotificationsRequest, Notification, NotificationKind,
        OpenNotificationRequest, PublishNotificationRequest, RetractNotificationRequest,
        SignForNotificationRequest, SubjectOrganization, SubscribeRequest,
        channel_service_server::ChannelService as _, subscribe_response::Event,
    },
    members::{AppointLiaisonRequest, Liaison, Rank, members_service_server::MembersService as _},
};
use hub_tests::{
    Site,
    direct::{Direct, call},
    random::Random,
};
use jiff::{SignedDuration, Timestamp};

/// What an attacker may have got to know from elsewhere.
pub(crate) struct Told {
    /// Names of the pair's notifications, and of some that are in no world.
    pub(crate) names: Vec<String>,
    /// Their request ids.
    pub(crate) ids: Vec<String>,
    /// SHA-256 of what they attached, and of something that nobody did.
    pub(crate) files: Vec<String>,
    /// Names of meetings and what belongs to them, of issues and escalations.
    pub(crate) resources: Vec<String>,
    /// Names of referrals.
    pub(crate) referrals: Vec<String>,
    /// Names of alerts.
    pub(crate) alerts: Vec<String>,
    /// Whether also what the auditor of the body above the mechanisms lists is the same.
    pub(crate) are_all_reads_compared: bool,
}

/// Code of the organisation that the pair writes about and nobody else.
pub(crate) const SECRET_USCC: &str = "51100000500008957Y";

/// Document number of the pair's letters.
pub(crate) const SECRET_NUMBER: &str = "晋密函〔2026〕7号";

/// What the pair attaches.
pub(crate) const SECRET_FILE: &[u8] = "秘密附件".as_bytes();

/// What the pair attaches too, and the office to a notice: stored once, for both.
const SHARED_FILE: &[u8] = "共有附件".as_bytes();

/// One world's story.
pub(crate) struct Story<'a> {
    pub(crate) site: &'a Site,
    pub(crate) direct: &'a Direct,
    pair: (&'static str, &'static str),
    is_told: bool,
    random: Random,
    pub(crate) told: Told,
    /// By when something is asked, each at a time of its own: reminders of one instant would bear one
    /// id, because randomness is the same in both worlds.
    dues: Vec<Timestamp>,
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
                files: vec![],
                resources: vec![],
                referrals: vec![],
                alerts: vec![],
                are_all_reads_compared: false,
            },
            dues: vec![],
        }
    }

    /// A time by which something is asked.
    fn due(&mut self) -> Option<prost_types::Timestamp> {
        let count = i64::try_from(self.dues.len()).unwrap();
        let hours = SignedDuration::from_hours(40) + SignedDuration::from_secs(100 * count);
        self.due_in(hours)
    }

    fn due_in(&mut self, ahead: SignedDuration) -> Option<prost_types::Timestamp> {
        let now = self.direct.clock.now();
        self.dues.push(now + ahead);
        Some(timestamp(now + ahead))
    }

    pub(crate) fn officer(&self, agency: &str) -> Arc<Caller> {
        let roles: &[&str] = if agency == "civil-affairs" {
            &["office", "clerk", "leader"]
        } else {
            ROLES
        };
        let officer = format!("{agency}-officer");
        self.direct.caller(self.site, agency, &officer, roles)
    }

    pub(crate) fn step(&mut self) -> String {
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

    /// Sends something of the pair's, in one world only.
    async fn between(&mut self, from: &str, mut letter: Notification, to: &str) -> String {
        let id = self.step();
        letter.addressees = vec![format!("agencies/{to}")];
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

    /// A letter of the pair's, in one world only: sent, opened, signed for, answered.
    pub(crate) async fn letter(&mut self, title: &str) {
        let (from, to) = self.pair;
        let letter = draft("coordination", title);
        let name = self.between(from, letter, to).await;
        self.open_and_sign(to, &name).await;
        let mut answer = draft("coordination", "答复");
        answer.in_reply_to = name;
        self.between(to, answer, from).await;
    }

    /// A dealing of the pair's, in one world only: an asking letter with a file, opened, signed for,
    /// corrected, the correction acknowledged; an answer that asks back and is retracted; and a letter
    /// about what somebody else published to all.
    async fn dealing(&mut self, public: &str) {
        let (from, to) = self.pair;
        let mut letter = self.secret("秘查").await;
        letter.sign_by_at = self.due();
        letter.reply_by_at = self.due();
        let name = self.between(from, letter, to).await;
        self.open_and_sign(to, &name).await;
        let mut answer = self.secret("秘答").await;
        answer.in_reply_to.clone_from(&name);
        answer.reply_by_at = self.due();
        let answer = self.between(to, answer, from).await;
        let mut corrected = self.secret("秘改").await;
        corrected.sign_by_at = self.due();
        let corrected = self.succeed(from, &name, Some(corrected)).await;
        self.open_and_sign(to, &corrected).await;
        let mut again = self.secret("秘再改").await;
        again.reply_by_at = self.due();
        again.sign_by_at = self.due();
        self.succeed(from, &corrected, Some(again)).await;
        self.succeed(to, &answer, None).await;
        let mut about = self.secret("秘议").await;
        about.in_reply_to = public.to_owned();
        self.between(from, about.clone(), to).await;
        self.between(to, about, from).await;
    }

    /// A letter of the pair's about something, with a file.
    async fn secret(&mut self, title: &str) -> Notification {
        let (from, to) = self.pair;
        if self.is_told {
            for agency in [from, to] {
                self.upload(agency, SECRET_FILE).await;
                self.upload(agency, SHARED_FILE).await;
            }
        }
        Notification {
            subjects: vec![SubjectOrganization {
                uscc: SECRET_USCC.into(),
                display_name: "某基金会".into(),
            }],
            document_number: SECRET_NUMBER.into(),
            attachments: [SECRET_FILE, SHARED_FILE].map(attached).to_vec(),
            ..draft("coordination", title)
        }
    }

    pub(crate) async fn upload(&self, agency: &str, content: &'static [u8]) {
        let attachments = &self.direct.services.attachments;
        let start = Start {
            sha256: sha256(&[content]),
            size_bytes: u64::try_from(content.len()).unwrap(),
            offset: 0,
        };
        let opened = attachments.begin(&agency.parse().unwrap(), start).await;
        if let Opened::Awaiting(mut incoming) = opened.unwrap() {
            incoming.write(content.into()).await.unwrap();
            attachments.finish(incoming, start).await.unwrap();
        }
    }

    /// A correction, or a retraction when there is no draft, of the pair's, in one world only.
    async fn succeed(&mut self, by: &str, name: &str, draft: Option<Notification>) -> String {
        let request_id = self.step();
        let successor = format!("agencies/{by}/notifications/{request_id}");
        self.told.names.push(successor.clone());
        self.told.ids.push(request_id.clone());
        if draft
            .as_ref()
            .is_none_or(|draft| draft.sign_by_at.is_none())
        {
            self.due_in(SignedDuration::from_hours(72));
        }
        if self.is_told {
            let caller = self.officer(by);
            let seen = self.supersede(&caller, name, draft, request_id).await;
            assert_eq!(seen, successor);
        }
        successor
    }

    async fn supersede(
        &self,
        caller: &Arc<Caller>,
        name: &str,
        draft: Option<Notification>,
        request_id: String,
    ) -> String {
        let (name, reason) = (name.to_owned(), "秘密理由".to_owned());
        let services = &self.direct.services;
        let seen = match draft {
            Some(draft) => {
                let request = CorrectNotificationRequest {
                    name,
                    notification: Some(draft),
                    reason,
                    request_id,
                };
                let answer = services.correct_notification(call(caller, request)).await;
                answer.unwrap().into_inner().notification
            }
            None => {
                let request = RetractNotificationRequest {
                    name,
                    reason,
                    request_id,
                };
                let answer = services.retract_notification(call(caller, request)).await;
                answer.unwrap().into_inner().notification
            }
        };
        seen.unwrap().name
    }

    /// A correction or a retraction in both worlds.
    async fn supersede_openly(
        &mut self,
        agency: &str,
        name: &str,
        draft: Option<Notification>,
    ) -> String {
        let request_id = self.step();
        self.due_in(SignedDuration::from_hours(72));
        let caller = self.officer(agency);
        self.supersede(&caller, name, draft, request_id).await
    }

    /// One of the pair opens and signs for something of the other's, in one world only.
    async fn open_and_sign(&mut self, agency: &str, name: &str) {
        let open = OpenNotificationRequest {
            name: name.to_owned(),
            recipient: String::new(),
            request_id: self.step(),
        };
        let sign = SignForNotificationRequest {
            name: name.to_owned(),
            recipient: String::new(),
            request_id: self.step(),
        };
        self.told.ids.push(open.request_id.clone());
        let caller = self.officer(agency);
        if self.is_told {
            let services = &self.direct.services;
            let opened = services.open_notification(call(&caller, open)).await;
            opened.unwrap();
            let signed = services.sign_for_notification(call(&caller, sign)).await;
            signed.unwrap();
        }
    }

    /// What is asked for beside the pair's: names and files of nothing in either world, and open ones.
    fn learn(&mut self, open: [String; 4]) {
        let id = self.step();
        let nothing = [
            format!("agencies/{}/notifications/{id}", self.pair.0),
            "channels/all-members/notifications/2".into(),
        ];
        self.told.names.extend(nothing.into_iter().chain(open));
        for content in [SECRET_FILE, SHARED_FILE, b"nothing"] {
            self.told.files.push(hex(&sha256(&[content])));
        }
    }

    /// Time goes on past everything that was asked, and the hub reminds whoever is late.
    async fn remind(&mut self) {
        let offsets = [-24, 0, 72].map(SignedDuration::from_hours);
        let mut instants: Vec<Timestamp> = self
            .dues
            .iter()
            .flat_map(|due| offsets.map(|offset| *due + offset))
            .collect();
        instants.sort_unstable();
        for at in instants {
            let now = self.direct.clock.now();
            let us = at.as_microsecond() - now.as_microsecond();
            self.direct.clock.advance_us(us);
            let engine = &self.direct.services.engine;
            let given = reminders::run(engine).await.unwrap();
            assert!(given <= 64, "one notification's recipients");
        }
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

pub(crate) fn attached(content: &[u8]) -> Attachment {
    Attachment {
        sha256: hex(&sha256(&[content])),
        file_name: "附.txt".into(),
        media_type: "text/plain".into(),
        size_bytes: i64::try_from(content.len()).unwrap(),
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
    let mut notice = draft("work_notice", "一");
    notice.channel = "channels/all-members".into();
    notice.reply_by_at = story.due();
    let first = story.publish("civil-affairs", notice).await;
    story.letter("秘一").await;
    story.dealing(&first).await;
    // The same file openly, once in what is kept for long and once in what is sealed with the letters.
    story.upload("civil-affairs", SHARED_FILE).await;
    let mut notices = vec![];
    for category in ["work_notice", "coordination"] {
        let mut notice = draft(category, "附件");
        notice.channel = "channels/joint-enforcement".into();
        notice.attachments = vec![attached(SHARED_FILE)];
        notices.push(story.publish("civil-affairs", notice).await);
    }
    let [filed, passing] = notices.try_into().unwrap();
    let mut open = draft("coordination", "联合检查");
    open.channel = "channels/joint-enforcement".into();
    let checked = story.publish("tax", open).await;
    let mut letter = draft("work_notice", "函");
    letter.addressees = vec![
        "agencies/education".into(),
        "agencies/culture-tourism".into(),
    ];
    letter.sign_by_at = story.due();
    let sent = story.publish("civil-affairs", letter.clone()).await;
    letter.addressees.clear();
    letter.sign_by_at = None;
    story
        .supersede_openly("civil-affairs", &sent, Some(letter))
        .await;
    let wrong = story.notice("误").await;
    story.supersede_openly("civil-affairs", &wrong, None).await;
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
    story.dealing(&first).await;
    story.remind().await;
    story.learn([first, referral, filed, passing]);
    story.told
}

/// Two months pass: the pair's letters are sealed, and their files cleaned. Gives how many calls were
/// sealed, and how many contents went.
pub(crate) async fn seal(direct: &Direct) -> (u64, usize) {
    const DAYS: i64 = 70;
    direct.clock.advance_us(DAYS * 24 * 3_600_000_000);
    let services = &direct.services;
    let report = retention::run(&services.engine, &services.search).await;
    let cleaned = services.attachments.clean(direct.clock.now()).await;
    (report.unwrap().sealed, cleaned.unwrap().contents)
}

/// Names of the reminders that the second of the pair was given.
pub(crate) async fn reminders_of(
    site: &Site,
    direct: &Direct,
    pair: (&'static str, &'static str),
) -> Vec<String> {
    let caller = Story::new(site, direct, pair, true).officer(pair.1);
    let request = ListNotificationsRequest {
        parent: format!("agencies/{}/inbox", pair.1),
        page_size: 500,
        ..ListNotificationsRequest::default()
    };
    let answer = direct
        .services
        .list_notifications(call(&caller, request))
        .await;
    let all = answer.unwrap().into_inner().notifications.into_iter();
    all.filter(|one| one.kind() == NotificationKind::Reminder)
        .map(|one| one.name)
        .collect()
}
