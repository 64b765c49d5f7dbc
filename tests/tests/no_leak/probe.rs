//! Everything that an agency can ask, with an attacker's knowledge of names, ids and formats.

use std::{fmt::Debug, sync::Arc};

use futures::StreamExt as _;
use hub::{domain::channels::cursor::Cursor, identity::Caller};
use hub_core::names::AgencyId;
use hub_proto::{
    channels::{
        AcknowledgeDeliveryRequest, BatchPublishNotificationsRequest, GetNotificationRequest,
        ListChannelsRequest, ListConsumersRequest, ListDeliveryReceiptsRequest,
        ListNotificationsRequest, OpenNotificationRequest, PublishNotificationRequest,
        SignForNotificationRequest, SubscribeRequest, SubscribeResponse,
        channel_service_server::ChannelService as _, subscribe_response::Event,
    },
    common::Receipt,
    ledger::{
        EntryHeader, GetEntryRequest, ListEntryHeadersRequest,
        ledger_service_server::LedgerService as _,
    },
    members::{
        ListMechanismsRequest, ListMembershipsRequest, ListNodesRequest, ListTokenKeysRequest,
        RevokeTokenKeyRequest, WhoAmIRequest, members_service_server::MembersService as _,
    },
};
use hub_tests::{
    Site,
    direct::{Direct, call},
    random::Random,
};
use prost::Message as _;
use tonic::{Response, Status};

use crate::story::{Told, draft};

/// A question and its answer.
pub(crate) struct Observation {
    pub(crate) asked: String,
    pub(crate) answer: String,
}

/// Asks everything as every agency but the insiders, under each of its roles and under all of them.
pub(crate) async fn observe(
    site: &Site,
    direct: &Direct,
    insiders: &[&str],
    told: &Told,
) -> Vec<Observation> {
    let mut observations = vec![];
    let head = direct.services.engine.store().head();
    for agency in site.charter().agencies() {
        let id = agency.id().as_str();
        if insiders.contains(&id) {
            continue;
        }
        let granted = site.charter().roles().iter();
        let granted = granted.filter(|role| role.is_granted_to(agency.id()));
        let roles: Vec<&str> = granted.map(|role| role.id().as_str()).collect();
        let sets = roles.iter().map(|role| vec![*role]).chain([roles.clone()]);
        for set in sets {
            let officer = format!("{id}-liaison");
            let probe = Probe {
                site,
                direct,
                caller: direct.caller(site, id, &officer, &set),
                who: format!("{id} as {set:?}"),
                told,
                head,
                is_thorough: set == roles,
            };
            probe.everything(&mut observations).await;
        }
    }
    observations
}

pub(crate) struct Probe<'a> {
    pub(crate) site: &'a Site,
    pub(crate) direct: &'a Direct,
    pub(crate) caller: Arc<Caller>,
    who: String,
    pub(crate) told: &'a Told,
    /// The head of the ledger when the questions began.
    head: u64,
    /// Under all roles at once, a caller also asks what comes to the same under each of them.
    pub(crate) is_thorough: bool,
}

pub(crate) type Observations = Vec<Observation>;

impl Probe<'_> {
    pub(crate) fn note<T: Debug>(
        &self,
        notes: &mut Observations,
        asked: impl std::fmt::Display,
        answer: Result<Response<T>, Status>,
        blank: impl FnOnce(&mut T),
    ) {
        let answer = match answer {
            Ok(answer) => {
                let mut answer = answer.into_inner();
                blank(&mut answer);
                format!("{answer:?}")
            }
            Err(status) => refusal(&status),
        };
        let asked = format!("{}: {asked}", self.who);
        notes.push(Observation { asked, answer });
    }

    async fn everything(&self, notes: &mut Observations) {
        self.roster(notes).await;
        self.lists(notes).await;
        self.names(notes).await;
        self.streams(notes).await;
        self.cursors(notes).await;
        self.outstanding(notes).await;
        self.successors(notes).await;
        self.files(notes).await;
        self.search(notes).await;
        self.meetings(notes).await;
        self.requests(notes).await;
        self.referrals(notes).await;
        self.alerts(notes).await;
        self.ids(notes).await;
        self.accesses(notes).await;
        self.ledger(notes).await;
    }

    async fn roster(&self, notes: &mut Observations) {
        let api = &self.direct.services;
        let asked = call(&self.caller, WhoAmIRequest {});
        self.note(notes, "who am I", api.who_am_i(asked).await, |_| {});
        let asked = call(&self.caller, ListMechanismsRequest::default());
        self.note(
            notes,
            "mechanisms",
            api.list_mechanisms(asked).await,
            |_| {},
        );
        for mechanism in ["joint-enforcement", "fund-supervision"] {
            let parent = format!("mechanisms/{mechanism}");
            let asked = ListMembershipsRequest {
                parent,
                as_of_on: None,
            };
            let answer = api.list_memberships(call(&self.caller, asked)).await;
            self.note(notes, format!("members {mechanism}"), answer, |_| {});
        }
        for agency in ["", "agencies/public-security", "agencies/tax"] {
            let asked = ListNodesRequest {
                parent: agency.into(),
            };
            let answer = api.list_nodes(call(&self.caller, asked)).await;
            self.note(notes, format!("nodes {agency}"), answer, |_| {});
            let asked = ListTokenKeysRequest {
                parent: agency.into(),
            };
            let answer = api.list_token_keys(call(&self.caller, asked)).await;
            self.note(notes, format!("keys {agency}"), answer, |_| {});
        }
    }

    /// Every log that there can be, whether it is the caller's or not.
    pub(crate) fn logs(&self) -> Vec<String> {
        let charter = self.site.charter();
        let channels = charter.channels().iter();
        let channels = channels.map(|channel| format!("channels/{}", channel.id()));
        let agencies = charter.agencies().iter().flat_map(|agency| {
            ["inbox", "sent"].map(|log| format!("agencies/{}/{log}", agency.id()))
        });
        let offices = charter.mechanisms().iter();
        let offices = offices.map(|one| format!("mechanisms/{}/office/inbox", one.id()));
        let nothing = ["channels/nothing".into(), "agencies/nobody/inbox".into()];
        channels
            .chain(agencies)
            .chain(offices)
            .chain(nothing)
            .collect()
    }

    async fn lists(&self, notes: &mut Observations) {
        let api = &self.direct.services;
        let asked = call(&self.caller, ListChannelsRequest {});
        self.note(notes, "channels", api.list_channels(asked).await, |_| {});
        let asked = call(&self.caller, ListConsumersRequest {});
        self.note(notes, "consumers", api.list_consumers(asked).await, |_| {});
        for log in self.logs() {
            for newest_first in [false, true] {
                let mut asked = ListNotificationsRequest {
                    parent: log.clone(),
                    page_size: 2,
                    newest_first,
                    ..ListNotificationsRequest::default()
                };
                loop {
                    let question = format!("list {asked:?}");
                    let answer = api
                        .list_notifications(call(&self.caller, asked.clone()))
                        .await;
                    let next = answer
                        .as_ref()
                        .ok()
                        .map(|page| page.get_ref().next_page_token.clone());
                    self.note(notes, question, answer, |_| {});
                    match next {
                        Some(token) if !token.is_empty() => asked.page_token = token,
                        _ => break,
                    }
                }
            }
        }
    }

    async fn names(&self, notes: &mut Observations) {
        let api = &self.direct.services;
        for name in &self.told.names {
            let asked = GetNotificationRequest { name: name.clone() };
            let answer = api.get_notification(call(&self.caller, asked)).await;
            self.note(notes, format!("notification {name}"), answer, |answer| {
                blank(&mut answer.receipt);
            });
            let asked = ListDeliveryReceiptsRequest {
                parent: name.clone(),
            };
            let answer = api.list_delivery_receipts(call(&self.caller, asked)).await;
            self.note(notes, format!("receipts {name}"), answer, |answer| {
                for row in &mut answer.delivery_receipts {
                    blank(&mut row.signed_for_receipt);
                }
            });
            let recipients = [
                "",
                "agencies/public-security",
                "mechanisms/fund-supervision/office",
            ];
            for (recipient, request_id) in recipients
                .map(|one| (one, self.id(one)))
                .into_iter()
                .chain([("", "x".into())])
            {
                let asked = OpenNotificationRequest {
                    name: name.clone(),
                    recipient: recipient.into(),
                    request_id: request_id.clone(),
                };
                let answer = api.open_notification(call(&self.caller, asked)).await;
                self.note(
                    notes,
                    format!("open {name} for {recipient}"),
                    answer,
                    |answer| {
                        blank(&mut answer.receipt);
                        if let Some(row) = &mut answer.delivery_receipt {
                            blank(&mut row.signed_for_receipt);
                        }
                    },
                );
                let asked = SignForNotificationRequest {
                    name: name.clone(),
                    recipient: recipient.into(),
                    request_id,
                };
                let answer = api.sign_for_notification(call(&self.caller, asked)).await;
                self.note(
                    notes,
                    format!("sign {name} for {recipient}"),
                    answer,
                    |answer| {
                        blank(&mut answer.receipt);
                        if let Some(row) = &mut answer.delivery_receipt {
                            blank(&mut row.signed_for_receipt);
                        }
                    },
                );
            }
        }
    }

    /// An id of the caller's own, the same in both worlds.
    pub(crate) fn id(&self, what: &str) -> String {
        let seed = format!("{} {what}", self.who)
            .bytes()
            .fold(7_u64, |sum, byte| {
                sum.wrapping_mul(31).wrapping_add(byte.into())
            });
        Random::new(seed).uuid(self.direct.unix_ms())
    }

    async fn stream(&self, notes: &mut Observations, asked: SubscribeRequest) {
        let question = format!("subscribe {asked:?}");
        let mut stream = match self
            .direct
            .services
            .subscribe(call(&self.caller, asked))
            .await
        {
            Ok(stream) => stream.into_inner(),
            Err(status) => {
                let refused: Result<Response<()>, Status> = Err(status);
                return self.note(notes, question, refused, |()| {});
            }
        };
        let mut items = vec![];
        loop {
            let mut item = stream.next().await.unwrap().unwrap();
            let is_end = matches!(&item.event, Some(Event::CaughtUp(_)));
            blank_delivery(&mut item);
            items.push(item);
            if is_end {
                break;
            }
        }
        self.note(notes, question, Ok(Response::new(items)), |_| {});
    }

    async fn streams(&self, notes: &mut Observations) {
        self.stream(notes, SubscribeRequest::default()).await;
        for log in self.logs() {
            let asked = SubscribeRequest {
                logs: vec![log],
                ..SubscribeRequest::default()
            };
            self.stream(notes, asked).await;
        }
    }

    /// Cursors that name foreign logs: they carry no secret, so anyone can make them.
    async fn cursors(&self, notes: &mut Observations) {
        let own = &self.caller.peer.agency;
        let other: AgencyId = "public-security".parse().unwrap();
        let forged = |logs: &[&str], position: i64, agency: &AgencyId| {
            let mut cursor = Cursor::default();
            for log in logs {
                cursor.set(log.parse().unwrap(), position);
            }
            cursor.encode(agency)
        };
        for position in [0, 1, 3, 999] {
            for logs in [
                &["agencies/public-security/inbox"][..],
                &["agencies/public-security/inbox", "channels/all-members"],
                &["agencies/pboc-branch/sent", "agencies/health/inbox"],
                &["mechanisms/fund-supervision/office/inbox"],
            ] {
                for agency in [own, &other] {
                    let cursor = forged(logs, position, agency);
                    let asked = SubscribeRequest {
                        cursor: cursor.clone(),
                        ..SubscribeRequest::default()
                    };
                    self.stream(notes, asked).await;
                    let asked = AcknowledgeDeliveryRequest {
                        consumer: "spy".into(),
                        cursor,
                        request_id: self.id(&format!("{logs:?} {position} {agency}")),
                    };
                    let question = format!("acknowledge {logs:?} {position} {agency}");
                    let answer = self
                        .direct
                        .services
                        .acknowledge_delivery(call(&self.caller, asked));
                    self.note(notes, question, answer.await, |answer| {
                        blank(&mut answer.receipt)
                    });
                }
            }
        }
        let asked = call(&self.caller, ListConsumersRequest {});
        let answer = self.direct.services.list_consumers(asked).await;
        self.note(notes, "consumers afterwards", answer, |_| {});
    }

    /// The pair's ids used by the caller, and replies to what it cannot see.
    async fn ids(&self, notes: &mut Observations) {
        let api = &self.direct.services;
        for id in &self.told.ids {
            let mut one = draft("coordination", &self.who);
            one.addressees = vec!["agencies/pboc-branch".into()];
            one.in_reply_to = self.told.names[0].clone();
            let asked = PublishNotificationRequest {
                notification: Some(one),
                request_id: id.clone(),
            };
            let answer = api
                .publish_notification(call(&self.caller, asked.clone()))
                .await;
            self.note(notes, format!("publish under {id}"), answer, |answer| {
                blank(&mut answer.receipt);
            });
            let batch = BatchPublishNotificationsRequest {
                requests: vec![asked],
                request_id: id.clone(),
            };
            let answer = api
                .batch_publish_notifications(call(&self.caller, batch))
                .await;
            self.note(notes, format!("batch under {id}"), answer, |answer| {
                blank(&mut answer.receipt);
            });
            let asked = RevokeTokenKeyRequest {
                name: format!("agencies/{}/tokenKeys/none", self.caller.peer.agency),
                reason: "x".into(),
                request_id: id.clone(),
            };
            let answer = api.revoke_token_key(call(&self.caller, asked)).await;
            self.note(notes, format!("revoke under {id}"), answer, |answer| {
                blank(&mut answer.receipt);
            });
        }
    }

    /// Entries that the caller authored or can see all of are the same but for their places; every
    /// other index is not found, whether there is an entry or not.
    async fn ledger(&self, notes: &mut Observations) {
        let api = &self.direct.services;
        // What the questions themselves have added is the hub's own; the newest of it are asked for too.
        let head = api.engine.store().head();
        let newest = head.saturating_sub(40).max(self.head);
        let mut own = vec![];
        for entry_index in (0..self.head).chain(newest..head + 2) {
            let asked = GetEntryRequest { entry_index };
            match api.get_entry(call(&self.caller, asked)).await {
                Ok(answer) => {
                    let mut answer = answer.into_inner();
                    let entry = answer.entry.as_mut().unwrap();
                    let content = hub_proto::ledger::EntryContent::decode(entry.content.clone());
                    let content = content.unwrap();
                    assert!(content.events.is_empty() && content.event_salt.is_empty());
                    entry.header = blanked_header(&entry.header);
                    own.push(format!("{answer:?}"));
                }
                Err(status) => {
                    let text = refusal(&status).replace(&entry_index.to_string(), "#");
                    let is_hidden = text.contains("entry #: not found");
                    assert!(
                        is_hidden || status.code() == tonic::Code::PermissionDenied,
                        "{text}"
                    );
                }
            }
        }
        let answer = Ok(Response::new(own));
        self.note(notes, "own entries", answer, |_| {});
        let asked = ListEntryHeadersRequest {
            page_size: 1_000,
            ..ListEntryHeadersRequest::default()
        };
        let answer = api.list_entry_headers(call(&self.caller, asked)).await;
        // An auditor reads the headers of all entries but confidential ones; that is what the role is for.
        self.note(notes, "headers", answer, |answer| {
            answer.headers.clear();
            answer.withheld.clear();
        });
    }
}

/// Goes on to the next page, or tells that there is none.
pub(crate) fn is_last(token: &mut String, next: Option<String>) -> bool {
    *token = next.unwrap_or_default();
    token.is_empty()
}

fn refusal(status: &Status) -> String {
    format!(
        "{:?} {} {:?}",
        status.code(),
        status.message(),
        status.details()
    )
}

/// Blanks what says where on the ledger something stands.
pub(crate) fn blank(receipt: &mut Option<Receipt>) {
    if let Some(receipt) = receipt {
        receipt.entry_index = 0;
        receipt.leaf_hash.clear();
        receipt.header = blanked_header(&receipt.header);
    }
}

/// A header without its index and the hash that follows from it and from positions.
fn blanked_header(header: &[u8]) -> bytes::Bytes {
    let mut header = EntryHeader::decode(header).unwrap();
    header.index = 0;
    header.events_hash.clear();
    header.encode_to_vec().into()
}

/// Blanks the receipt of a delivery.
pub(crate) fn blank_delivery(item: &mut SubscribeResponse) {
    if let Some(Event::Delivery(delivery)) = &mut item.event {
        blank(&mut delivery.receipt);
    }
}
