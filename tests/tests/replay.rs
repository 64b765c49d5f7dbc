//! Random acts through the services, without network. The ledger alone gives the state back, row
//! for row, and the same seed gives the same ledger, byte for byte.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::too_many_lines,
    reason = "a failure here is a failed test; seeds are printed; a story is told from its beginning to its end"
)]

#[path = "replay/stories.rs"]
mod stories;

use std::sync::Arc;

use hub::{
    clock::{Clock as _, ManualClock},
    engine::{entropy::SeededEntropy, replay},
    identity::Caller,
    reminders, server,
    state::{
        embedded::{EmbeddedOptions, EmbeddedStore},
        memory::MemoryStore,
        store::Store,
    },
};
use hub_core::date::{on, timestamp, to_wire};
use hub_proto::{
    channels::{
        AcknowledgeDeliveryRequest, BatchPublishNotificationsRequest, Classification,
        CorrectNotificationRequest, GetNotificationRequest, Notification, OpenNotificationRequest,
        PublishNotificationRequest, RetractNotificationRequest, SignForNotificationRequest,
        channel_service_server::ChannelService as _,
    },
    members::{
        AddMembershipRequest, AppointLiaisonRequest, EnrollTokenKeyRequest, Liaison, Rank,
        RevokeTokenKeyRequest, add_membership_request::Basis,
        members_service_server::MembersService as _,
    },
};
use hub_tests::{
    Site, TRUST_DOMAIN,
    direct::{Direct, call},
    random::Random,
    seed,
};
use jiff::{SignedDuration, Timestamp};

/// Acts of one run; many of them are refused, and that is part of it.
const STEPS: usize = 600;

/// Random acts on one hub.
struct Run<'a> {
    site: &'a Site,
    direct: Direct,
    random: Random,
    /// Notifications that may be acted on.
    names: Vec<String>,
    /// Officers appointed, by unit.
    liaisons: Vec<(String, String, String)>,
    recorded: usize,
    steps: usize,
    /// Corrections and retractions.
    succeeded: usize,
    reminded: usize,
}

impl<'a> Run<'a> {
    async fn start(site: &'a Site, store: Arc<dyn Store>, seed: u64) -> Self {
        let clock = ManualClock::at(Timestamp::from_second(Timestamp::now().as_second()).unwrap());
        Self::start_at(site, store, seed, clock).await
    }

    async fn start_at(
        site: &'a Site,
        store: Arc<dyn Store>,
        seed: u64,
        clock: ManualClock,
    ) -> Self {
        let entropy = Box::new(SeededEntropy::new(seed));
        Self {
            site,
            direct: Direct::start(site, store, clock, entropy).await,
            random: Random::new(seed),
            names: vec![],
            liaisons: vec![],
            recorded: 0,
            steps: 0,
            succeeded: 0,
            reminded: 0,
        }
    }

    fn agency(&mut self) -> String {
        let agencies = self.site.charter().agencies();
        agencies[self.random.below(agencies.len())].id().to_string()
    }

    fn caller(&mut self) -> Arc<Caller> {
        let agency = self.agency();
        let charter = self.site.charter();
        let id = agency.parse().unwrap();
        let roles: Vec<&str> = charter
            .roles()
            .iter()
            .filter(|role| role.is_granted_to(&id))
            .map(|role| role.id().as_str())
            .collect();
        let officer = format!("officer-{}", self.random.below(3));
        self.direct.caller(self.site, &agency, &officer, &roles)
    }

    fn id(&mut self) -> String {
        self.random.uuid(self.direct.unix_ms())
    }

    fn draft(&mut self) -> Notification {
        let charter = self.site.charter();
        let categories = charter.categories();
        let category = &categories[self.random.below(categories.len())];
        let mut draft = Notification {
            category: category.id().to_string(),
            title: format!("题 {}", self.random.bits()),
            body: self.random.bits().to_be_bytes().to_vec().into(),
            media_type: "application/octet-stream".into(),
            classification: Classification::Public.into(),
            ..Notification::default()
        };
        match self.random.below(3) {
            0 => draft.channel = format!("channels/{}", self.random.pick(charter.channels()).id()),
            1 => {
                let count = 1 + self.random.below(3);
                draft.addressees = (0..count)
                    .map(|_| format!("agencies/{}", self.agency()))
                    .collect();
            }
            _ => {}
        }
        let mut by = || {
            let hours = i64::try_from(self.random.below(120)).unwrap();
            let at = self.direct.clock.now() + SignedDuration::from_hours(1 + hours);
            self.random.percent(40).then(|| timestamp(at))
        };
        (draft.sign_by_at, draft.reply_by_at) = (by(), by());
        if self.random.percent(30) {
            draft.in_reply_to = self.name();
        }
        draft
    }

    /// The hub's own part, now and then: whoever is late is reminded.
    async fn remind(&mut self) {
        if self.random.percent(10) {
            let given = reminders::run(&self.direct.services.engine).await.unwrap();
            self.reminded += given;
        }
    }

    fn name(&mut self) -> String {
        if self.names.is_empty() {
            return "channels/all-members/notifications/1".into();
        }
        self.random.pick(&self.names).clone()
    }

    async fn step(&mut self) {
        // Whole days pass now and then, so that terms begin and end.
        let us = if self.random.percent(2) {
            86_400_000_000
        } else {
            1_000
        };
        self.direct.clock.advance_us(us);
        self.steps += 1;
        if self.steps % 100 == 10 {
            self.supervise().await;
        }
        let caller = self.caller();
        self.remind().await;
        let is_recorded = match self.random.below(16) {
            0..=3 => self.publish(&caller).await,
            4 => self.publish_batch(&caller).await,
            5 => self.open(&caller).await,
            6..=8 => self.sign(&caller).await,
            9 => self.acknowledge(&caller).await,
            10 => self.appoint(&caller).await,
            11 => self.add_member(&caller).await,
            12 | 13 => self.correct(&caller).await,
            14 => self.retract(&caller).await,
            _ => self.token_key(&caller).await,
        };
        self.recorded += usize::from(is_recorded);
    }

    async fn publish(&mut self, caller: &Arc<Caller>) -> bool {
        let request = PublishNotificationRequest {
            notification: Some(self.draft()),
            request_id: self.id(),
        };
        let services = self.direct.services.clone();
        let answer = services
            .publish_notification(call(caller, request.clone()))
            .await;
        let Ok(answer) = answer else { return false };
        let answer = answer.into_inner();
        if self.random.percent(20) {
            let again = services.publish_notification(call(caller, request)).await;
            assert_eq!(again.unwrap().into_inner(), answer);
        }
        self.names.push(answer.notification.unwrap().name);
        true
    }

    async fn publish_batch(&mut self, caller: &Arc<Caller>) -> bool {
        let count = 1 + self.random.below(4);
        let draft = self.draft();
        let requests = (0..count)
            .map(|_| PublishNotificationRequest {
                notification: Some(draft.clone()),
                request_id: self.id(),
            })
            .collect();
        let batch = BatchPublishNotificationsRequest {
            requests,
            request_id: self.id(),
        };
        let answer = self
            .direct
            .services
            .batch_publish_notifications(call(caller, batch))
            .await;
        let Ok(answer) = answer else { return false };
        let published = answer.into_inner().notifications.into_iter();
        self.names.extend(published.map(|one| one.name));
        true
    }

    /// The caller's agency, or rather the author's, corrects one of the notifications.
    async fn correct(&mut self, caller: &Arc<Caller>) -> bool {
        let (caller, name, category) = self.own(caller).await;
        let mut draft = Notification {
            category,
            channel: String::new(),
            addressees: vec![],
            ..self.draft()
        };
        if self.random.percent(50) {
            draft.in_reply_to = String::new();
        }
        let request = CorrectNotificationRequest {
            name,
            notification: Some(draft),
            reason: "有误".into(),
            request_id: self.id(),
        };
        let services = self.direct.services.clone();
        let answer = services.correct_notification(call(&caller, request)).await;
        let Ok(answer) = answer else { return false };
        self.names
            .push(answer.into_inner().notification.unwrap().name);
        self.succeeded += 1;
        true
    }

    async fn retract(&mut self, caller: &Arc<Caller>) -> bool {
        let (caller, name, _) = self.own(caller).await;
        let request = RetractNotificationRequest {
            name,
            reason: "误发".into(),
            request_id: self.id(),
        };
        let services = self.direct.services.clone();
        let answer = services.retract_notification(call(&caller, request)).await;
        let Ok(answer) = answer else { return false };
        self.names
            .push(answer.into_inner().notification.unwrap().name);
        self.succeeded += 1;
        true
    }

    /// Some notification, its category and somebody of its author's agency, if that is known.
    async fn own(&mut self, caller: &Arc<Caller>) -> (Arc<Caller>, String, String) {
        let name = self.name();
        let author = name
            .strip_prefix("agencies/")
            .and_then(|rest| rest.split('/').next());
        let caller = match author {
            Some(author) => {
                let roles = ["clerk", "publisher"];
                self.direct.caller(self.site, author, "officer-1", &roles)
            }
            None => Arc::clone(caller),
        };
        let request = GetNotificationRequest { name: name.clone() };
        let services = &self.direct.services;
        let found = services.get_notification(call(&caller, request)).await;
        let category = found
            .ok()
            .and_then(|found| found.into_inner().notification)
            .map_or("coordination".into(), |seen| seen.category);
        (caller, name, category)
    }

    async fn open(&mut self, caller: &Arc<Caller>) -> bool {
        let request = OpenNotificationRequest {
            name: self.name(),
            recipient: String::new(),
            request_id: self.id(),
        };
        self.direct
            .services
            .open_notification(call(caller, request))
            .await
            .is_ok()
    }

    async fn sign(&mut self, caller: &Arc<Caller>) -> bool {
        let request = SignForNotificationRequest {
            name: self.name(),
            recipient: String::new(),
            request_id: self.id(),
        };
        self.direct
            .services
            .sign_for_notification(call(caller, request))
            .await
            .is_ok()
    }

    async fn acknowledge(&mut self, caller: &Arc<Caller>) -> bool {
        let mut cursor = hub::domain::channels::cursor::Cursor::default();
        for log in ["channels/all-members", "channels/joint-enforcement"] {
            let position = i64::try_from(self.random.below(6)).unwrap();
            cursor.set(log.parse().unwrap(), position);
        }
        let inbox = format!("agencies/{}/inbox", caller.peer.agency);
        cursor.set(
            inbox.parse().unwrap(),
            i64::try_from(self.random.below(6)).unwrap(),
        );
        let request = AcknowledgeDeliveryRequest {
            consumer: format!("c{}", self.random.below(2)),
            cursor: cursor.encode(&caller.peer.agency),
            request_id: self.id(),
        };
        self.direct
            .services
            .acknowledge_delivery(call(caller, request))
            .await
            .is_ok()
    }

    fn mechanism(&mut self) -> String {
        let one = self.random.pick(&["joint-enforcement", "fund-supervision"]);
        format!("mechanisms/{one}")
    }

    async fn appoint(&mut self, caller: &Arc<Caller>) -> bool {
        let mechanism = self.mechanism();
        let agency = caller.peer.agency.to_string();
        let last = self
            .liaisons
            .iter()
            .rfind(|(of, unit, _)| *of == mechanism && *unit == agency);
        let replaces = last
            .map(|(_, _, officer)| officer.clone())
            .unwrap_or_default();
        let officer = format!("officer-{}", self.random.below(3));
        let today = on(self.direct.clock.now(), self.site.charter().zone());
        let request = AppointLiaisonRequest {
            parent: mechanism.clone(),
            liaison: Some(Liaison {
                officer: officer.clone(),
                display_name: "联络员".into(),
                rank: Rank::Division.into(),
                from_on: Some(to_wire(today)),
                ..Liaison::default()
            }),
            replaces,
            request_id: self.id(),
        };
        let is_ok = self
            .direct
            .services
            .appoint_liaison(call(caller, request))
            .await
            .is_ok();
        if is_ok {
            self.liaisons.push((mechanism, agency, officer));
        }
        is_ok
    }

    async fn add_member(&mut self, caller: &Arc<Caller>) -> bool {
        let today = on(self.direct.clock.now(), self.site.charter().zone());
        let from_on = today.tomorrow().unwrap();
        let parent = self.mechanism();
        let basis = if parent.ends_with("joint-enforcement") {
            Basis::CaseReference("案".into())
        } else {
            Basis::LeadingGroupDecision("晋社管组发〔2026〕3号".into())
        };
        let request = AddMembershipRequest {
            parent,
            agency: format!("agencies/{}", self.agency()),
            from_on: Some(to_wire(from_on)),
            until_on: self
                .random
                .percent(50)
                .then(|| to_wire(from_on.tomorrow().unwrap())),
            basis: Some(basis),
            request_id: self.id(),
        };
        self.direct
            .services
            .add_membership(call(caller, request))
            .await
            .is_ok()
    }

    async fn token_key(&mut self, caller: &Arc<Caller>) -> bool {
        let services = &self.direct.services;
        let mut key = [0; 32];
        key[..8].copy_from_slice(&self.random.bits().to_be_bytes());
        let jwk = hub_core::jwk::TokenJwk::ed25519(key);
        let request = EnrollTokenKeyRequest {
            jwk: jwk.to_json().to_string(),
            request_id: self.random.uuid(self.direct.unix_ms()),
        };
        let enrolled = services.enroll_token_key(call(caller, request)).await;
        let Ok(enrolled) = enrolled else { return false };
        let request = RevokeTokenKeyRequest {
            name: enrolled.into_inner().token_key.unwrap().name,
            reason: "换".into(),
            request_id: self.random.uuid(self.direct.unix_ms()),
        };
        services
            .revoke_token_key(call(caller, request))
            .await
            .unwrap();
        true
    }
}

fn memory(site: &Site) -> Arc<MemoryStore> {
    let key = Arc::new(server::ledger_key(&site.config()).unwrap());
    Arc::new(MemoryStore::new(TRUST_DOMAIN, key).unwrap())
}

fn ledger(store: &dyn Store) -> Vec<(Vec<u8>, Vec<u8>)> {
    let entries = store.entries(0, usize::MAX, usize::MAX).unwrap();
    let entries = entries.into_iter();
    entries
        .map(|entry| (entry.header.to_vec(), entry.content.to_vec()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_into_empty_state_gives_the_live_rows_and_a_seed_its_ledger() {
    let seed = seed();
    println!("HUB_TEST_SEED={seed}");
    let site = Site::new();
    let start = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
    let mut ledgers = vec![];
    for _ in 0..2 {
        let store = memory(&site);
        let dynamic = Arc::clone(&store) as Arc<dyn Store>;
        let mut run = Run::start_at(&site, dynamic, seed, ManualClock::at(start)).await;
        for step in 0..STEPS {
            run.step().await;
            if step % 150 == 149 {
                let live = store.rows();
                // The engine is idle between calls, so its rows can be taken away under it.
                store.drop_rows();
                replay::catch_up(&*store).unwrap();
                assert_eq!(store.rows(), live, "HUB_TEST_SEED={seed}, step {step}");
            }
        }
        assert!(
            run.recorded > STEPS / 10,
            "only {} acts were recorded",
            run.recorded
        );
        println!("{} successions, {} reminders", run.succeeded, run.reminded);
        assert!(run.succeeded > 0 && run.reminded > 0);
        run.direct.stop();
        ledgers.push((ledger(&*store), store.checkpoint().root));
    }
    assert!(
        ledgers[0] == ledgers[1],
        "HUB_TEST_SEED={seed}: two ledgers"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn another_seed_gives_another_ledger() {
    let site = Site::new();
    let mut roots = vec![];
    for seed in [1, 2] {
        let store = memory(&site);
        let mut run = Run::start(&site, Arc::clone(&store) as Arc<dyn Store>, seed).await;
        for _ in 0..20 {
            run.step().await;
        }
        run.direct.stop();
        roots.push(store.checkpoint().root);
    }
    assert_ne!(roots[0], roots[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_index_is_rebuilt_to_the_same_digest() {
    let seed = seed();
    println!("HUB_TEST_SEED={seed}");
    let site = Site::new();
    let open = || {
        let options = EmbeddedOptions {
            dir: site.data_dir(),
            origin: TRUST_DOMAIN.into(),
            key: Arc::new(server::ledger_key(&site.config()).unwrap()),
        };
        Arc::new(EmbeddedStore::open(options).unwrap().0)
    };
    let clock = ManualClock::at(Timestamp::now());
    for round in 0..3_u64 {
        let store = open();
        let dynamic = Arc::clone(&store) as Arc<dyn Store>;
        let mut run = Run::start_at(&site, dynamic, seed.wrapping_add(round), clock.clone()).await;
        for _ in 0..STEPS / 3 {
            run.step().await;
        }
        run.direct.stop();
        let (live, head) = (store.digest().unwrap(), store.head());
        drop((run, store));
        std::fs::remove_dir_all(site.data_dir().join("state")).unwrap();
        let rebuilt = open();
        assert_eq!(rebuilt.applied(), 0);
        let count = replay::catch_up(&*rebuilt).unwrap();
        assert_eq!(count, head);
        assert_eq!(
            rebuilt.digest().unwrap(),
            live,
            "HUB_TEST_SEED={seed}, round {round}"
        );
        rebuilt.close(clock.now()).unwrap();
    }
}
