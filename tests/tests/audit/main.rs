//! Reads on the record: every way of reading a restricted record is on the ledger before anything is
//! returned; a purpose is demanded where the charter says so; auditors list what is for them, and nobody
//! learns of anything else by it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "a failure here is a failed test; a story is told from its beginning to its end"
)]

mod alerts;
mod desk;
mod listing;
mod purposes;
mod reads;
mod stopped;
mod streams;

use std::sync::Arc;

use hub::{
    clock::{Clock as _, ManualClock, SystemClock},
    engine::entropy::SystemEntropy,
    identity::Caller,
    server,
    state::{memory::MemoryStore, store::Store},
};
use hub_proto::{
    audit::{Access, ListAccessesRequest, audit_service_server::AuditService as _},
    channels::{
        Attachment, Notification, PublishNotificationRequest,
        channel_service_server::ChannelService as _,
    },
};
use hub_tests::{
    Site, TRUST_DOMAIN,
    direct::{Direct, call},
    gated::{Gate, Gated},
    random::Random,
    raw::requests::{draft, to_channel},
};
use tonic::Status;

/// A hub without network, with the officers of a story.
struct Hall {
    site: Site,
    direct: Direct,
    store: Arc<MemoryStore>,
    random: Random,
}

impl Hall {
    async fn new() -> Self {
        Self::on(Site::new()).await
    }

    async fn on(site: Site) -> Self {
        let store = memory(&site);
        let dynamic = Arc::clone(&store) as Arc<dyn Store>;
        let direct = start(&site, dynamic).await;
        Self {
            site,
            direct,
            store,
            random: Random::new(7),
        }
    }

    /// Again on what is stored, with the index lost.
    async fn restart(&mut self) {
        self.direct.stop();
        self.store.drop_rows();
        self.direct = start(&self.site, Arc::clone(&self.store) as Arc<dyn Store>).await;
    }

    fn officer(&self, agency: &str, role: &str) -> Arc<Caller> {
        let officer = format!("{agency}-{role}-1");
        self.direct.caller(&self.site, agency, &officer, &[role])
    }

    fn id(&mut self) -> String {
        self.random.uuid(self.direct.unix_ms())
    }

    async fn publish(&mut self, agency: &str, notification: Notification) -> Notification {
        let request = PublishNotificationRequest {
            notification: Some(notification),
            request_id: self.id(),
        };
        let caller = self.officer(agency, "clerk");
        let answer = self
            .direct
            .services
            .publish_notification(call(&caller, request))
            .await;
        answer.unwrap().into_inner().notification.unwrap()
    }

    /// From one agency to others.
    async fn send(&mut self, from: &str, to: &[&str]) -> Notification {
        let notification = letter(to);
        self.publish(from, notification).await
    }

    async fn try_list(
        &self,
        caller: &Arc<Caller>,
        request: ListAccessesRequest,
    ) -> Result<hub_proto::audit::ListAccessesResponse, Status> {
        let answer = self
            .direct
            .services
            .list_accesses(call(caller, request))
            .await;
        answer.map(tonic::Response::into_inner)
    }

    /// All that a request finds, page by page.
    async fn list(&self, caller: &Arc<Caller>, mut request: ListAccessesRequest) -> Vec<Access> {
        let mut found = vec![];
        loop {
            let page = self.try_list(caller, request.clone()).await.unwrap();
            found.extend(page.accesses);
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() {
                return found;
            }
        }
    }

    /// What an agency's own auditor lists, newest first.
    async fn own(&self, agency: &str) -> Vec<Access> {
        let auditor = self.officer(agency, "access-auditor");
        self.list(&auditor, ListAccessesRequest::default()).await
    }

    /// What the auditor of the leading group's office lists, newest first.
    async fn all(&self) -> Vec<Access> {
        let auditor = self.officer("leading-group-office", "auditor");
        self.list(&auditor, ListAccessesRequest::default()).await
    }
}

fn letter(to: &[&str]) -> Notification {
    Notification {
        addressees: to.iter().map(|one| format!("agencies/{one}")).collect(),
        ..draft("coordination")
    }
}

fn open_notice() -> Notification {
    to_channel("coordination", "joint-enforcement")
}

fn memory(site: &Site) -> Arc<MemoryStore> {
    let key = Arc::new(server::ledger_key(&site.config()).unwrap());
    Arc::new(MemoryStore::new(TRUST_DOMAIN, key).unwrap())
}

async fn start(site: &Site, store: Arc<dyn Store>) -> Direct {
    let clock = ManualClock::at(SystemClock.now());
    Direct::start(site, store, clock, Box::new(SystemEntropy)).await
}

/// A hall whose commits can be held up.
async fn gated() -> (Hall, Gate) {
    let site = Site::new();
    let key = Arc::new(server::ledger_key(&site.config()).unwrap());
    let inner = MemoryStore::new(TRUST_DOMAIN, key).unwrap();
    let (store, gate) = Gated::new(inner);
    let direct = start(&site, Arc::new(store)).await;
    let store = memory(&site);
    let hall = Hall {
        site,
        direct,
        store,
        random: Random::new(7),
    };
    (hall, gate)
}

fn names(access: &Access) -> Vec<&str> {
    access.records.iter().map(|one| one.name.as_str()).collect()
}

/// Puts a file where its sender may name it.
async fn upload(direct: &Direct, agency: &str, content: &'static [u8]) -> Attachment {
    use hub::attachments::{Opened, Start};
    let file = hub_tests::raw::requests::files::attachment(content);
    let start = Start {
        sha256: hub_core::crypto::sha256(&[content]),
        size_bytes: u64::try_from(content.len()).unwrap(),
        offset: 0,
    };
    let attachments = &direct.services.attachments;
    let opened = attachments.begin(&agency.parse().unwrap(), start).await;
    if let Opened::Awaiting(mut incoming) = opened.unwrap() {
        incoming.write(content.into()).await.unwrap();
        attachments.finish(incoming, start).await.unwrap();
    }
    file
}
