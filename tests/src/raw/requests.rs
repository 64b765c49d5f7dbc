//! A well-formed request for every method and every kind of resource, against a scene that has
//! been set, so that a refusal is about who asks and never about what is asked.
//!
//! Mutating requests carry a request id from the future. The hub looks at it last of all, after
//! authorization, and refuses it: so a permitted call is told apart from a refused one, and neither
//! changes anything.

pub mod files;
pub mod funds;
mod information;
pub mod meetings;
mod places;
pub mod referrals;

use std::collections::BTreeMap;

use hub::domain::channels::cursor::Cursor;
use hub_core::{crypto::hex, date};
use hub_proto::{
    audit::ListAccessesRequest,
    channels::{
        AcknowledgeDeliveryRequest, BatchPublishNotificationsRequest, Classification,
        CorrectNotificationRequest, GetNotificationRequest, ListChannelsRequest,
        ListConsumersRequest, ListDeliveryReceiptsRequest, ListNotificationsRequest,
        ListOutstandingActionsRequest, Notification, OpenNotificationRequest,
        PublishNotificationRequest, PublishNotificationResponse, RetractNotificationRequest,
        SearchNotificationsRequest, SignForNotificationRequest, SubjectOrganization,
        SubscribeRequest,
    },
    common::Date,
    ledger::{
        GetCheckpointRequest, GetConsistencyProofRequest, GetEntryRequest,
        GetInclusionProofRequest, ListEntryHeadersRequest,
    },
    members::{
        AddMembershipRequest, AppointLiaisonRequest, AppointLiaisonResponse, EnrollNodeRequest,
        EnrollTokenKeyRequest, GetAgencyRequest, Liaison, ListAgenciesRequest,
        ListMechanismsRequest, ListMembershipsRequest, ListNodesRequest, ListTokenKeysRequest,
        Rank, RevokeNodeRequest, RevokeTokenKeyRequest, WhoAmIRequest,
        add_membership_request::Basis,
    },
};
use jiff::{SignedDuration, Timestamp};
use prost::Message;
use tonic::Status;

use self::{
    files::{WAITING_FILE, publish_with_file, upload_as},
    funds::AlertScene,
    meetings::MeetingScene,
    places::{logs, outstanding, recipients, sent_logs},
};
use super::{Node, Session, fields};
use crate::{TRUST_DOMAIN, World};

/// Path of a method of the attachments.
#[macro_export]
macro_rules! attachments {
    ($method:literal) => {
        concat!("/hub.attachments.v1.AttachmentService/", $method)
    };
}

/// Path of a method of the audit.
#[macro_export]
macro_rules! audit {
    ($method:literal) => {
        concat!("/hub.audit.v1.AuditService/", $method)
    };
}

/// Path of a method of the channels.
#[macro_export]
macro_rules! channels {
    ($method:literal) => {
        concat!("/hub.channels.v1.ChannelService/", $method)
    };
}

/// Path of a method of the ledger.
#[macro_export]
macro_rules! ledger {
    ($method:literal) => {
        concat!("/hub.ledger.v1.LedgerService/", $method)
    };
}

/// Path of a method of the members.
#[macro_export]
macro_rules! members {
    ($method:literal) => {
        concat!("/hub.members.v1.MembersService/", $method)
    };
}

/// The channels of the charter.
pub const CHANNELS: [&str; 3] = ["all-members", "joint-enforcement", "fund-supervision"];

/// A code that both check characters confirm.
pub const USCC: &str = "51100000500008957Y";

/// A new request id.
#[must_use]
pub fn request_id() -> String {
    agency_client::request_id()
}

/// A request id so many milliseconds from now.
#[must_use]
pub fn request_id_in(ms: i64) -> String {
    let at_ms = u64::try_from(Timestamp::now().as_millisecond() + ms).unwrap();
    let random: [u8; 10] = hub_core::crypto::random().unwrap();
    uuid::Builder::from_unix_timestamp_millis(at_ms, &random)
        .into_uuid()
        .to_string()
}

/// A request id that every hub refuses, after everything else.
#[must_use]
pub fn future_id() -> String {
    request_id_in(3_600_000)
}

/// True when a call was let through and only its request id was refused.
#[must_use]
pub fn is_let_through(status: &Status) -> bool {
    fields(status) == ["request_id"] && status.message().contains("ahead of the hub's clock")
}

/// A notification that keeps every rule.
#[must_use]
pub fn draft(category: &str) -> Notification {
    Notification {
        category: category.into(),
        title: "通知".into(),
        body: "正文".as_bytes().into(),
        media_type: "text/plain; charset=utf-8".into(),
        classification: Classification::Internal.into(),
        ..Notification::default()
    }
}

/// A draft to a channel.
#[must_use]
pub fn to_channel(category: &str, channel: &str) -> Notification {
    Notification {
        channel: format!("channels/{channel}"),
        ..draft(category)
    }
}

/// A draft to addressees.
#[must_use]
pub fn to_addressees(category: &str, addressees: &[&str]) -> Notification {
    Notification {
        addressees: addressees.iter().map(|one| (*one).to_owned()).collect(),
        ..draft(category)
    }
}

/// A publish under a request id.
#[must_use]
pub fn publish(notification: Notification, request_id: String) -> PublishNotificationRequest {
    PublishNotificationRequest {
        notification: Some(notification),
        request_id,
    }
}

type Build = Box<dyn Fn(&str) -> Vec<u8> + Send + Sync>;

/// A method, what it is asked for, and the request of a caller's agency.
pub struct Target {
    /// Full path.
    pub method: &'static str,
    /// Which resource, for people.
    pub what: String,
    build: Build,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.what)
    }
}

impl Target {
    fn new<M: Message>(
        method: &'static str,
        what: impl Into<String>,
        build: impl Fn(&str) -> M + Send + Sync + 'static,
    ) -> Self {
        Self {
            method,
            what: what.into(),
            build: Box::new(move |agency| build(agency).encode_to_vec()),
        }
    }

    /// The request as an agency makes it.
    #[must_use]
    pub fn request(&self, agency: &str) -> Vec<u8> {
        (self.build)(agency)
    }
}

/// A hub with something in every place: liaisons, a notification in every channel, one addressed
/// by health to tax, one by tax to the office of joint enforcement.
#[derive(Debug)]
pub struct Scene {
    /// The notification that health addressed to tax.
    pub to_tax: String,
    /// The notification that tax addressed to the office of joint enforcement.
    pub to_office: String,
    /// Index of an entry that tax authored.
    pub tax_entry: u64,
    /// A partial meeting and what came of it.
    pub meetings: MeetingScene,
    /// Fund alerts.
    pub alerts: AlertScene,
    /// The information request of tax to civil affairs.
    pub information_request: String,
    /// The referral of health to tax.
    pub referral: String,
    nodes: BTreeMap<String, String>,
    keys: BTreeMap<String, String>,
    fresh: BTreeMap<String, Vec<u8>>,
}

/// The liaison of an agency in a scene.
#[must_use]
pub fn liaison_of(agency: &str) -> String {
    format!("{agency}-liaison-1")
}

impl Scene {
    /// Sets the scene.
    pub async fn set(world: &World) -> Self {
        Self::set_without(world, "").await
    }

    /// Sets the scene without a liaison of one agency, which may not be in force.
    pub async fn set_without(world: &World, absent: &str) -> Self {
        appoint_liaisons(world, absent).await;
        for (category, channel) in [
            ("work_notice", "all-members"),
            ("statistics_joint_enforcement", "joint-enforcement"),
            ("statistics_fund_supervision", "fund-supervision"),
        ] {
            publish_with_file(
                world,
                "civil-affairs",
                "office",
                to_channel(category, channel),
            )
            .await;
        }
        let to_tax = to_addressees("coordination", &["agencies/tax"]);
        let (to_tax, _) = publish_with_file(world, "health", "clerk", to_tax).await;
        let (to_office, tax_entry) =
            publish_with_file(world, "tax", "clerk", draft("case_result_fund")).await;
        upload_as(world, "tax", "clerk", WAITING_FILE).await;
        let authority = world.site.authority();
        let now = Timestamp::now();
        let hour = SignedDuration::from_hours(1);
        let (mut nodes, mut keys, mut fresh) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for agency in world.site.agencies() {
            let profile = world.site.profile(&agency);
            let sha256 = hex(&Node::of_profile(&profile).fingerprint());
            let name = format!("agencies/{agency}/nodes/node-1/certificates/{sha256}");
            nodes.insert(agency.clone(), name);
            let kid = &profile.token_kid;
            keys.insert(agency.clone(), format!("agencies/{agency}/tokenKeys/{kid}"));
            let spec =
                certs::LeafSpec::node(TRUST_DOMAIN, &agency, "node-9", now - hour, now + hour);
            fresh.insert(agency, authority.issue(&spec).unwrap().certificate_der);
        }
        Self {
            to_tax,
            to_office,
            tax_entry,
            meetings: MeetingScene::set(world).await,
            alerts: AlertScene::set(world).await,
            information_request: information::set(world).await,
            referral: referrals::set(world).await,
            nodes,
            keys,
            fresh,
        }
    }

    /// Every method with every kind of resource, in the order of the protos.
    #[must_use]
    pub fn targets(&self, world: &World) -> Vec<Target> {
        let mut targets = vec![];
        self.files(&mut targets);
        self.publishing(world, &mut targets);
        self.notifications(&mut targets);
        self.streams(&mut targets);
        self.follow_up(&mut targets);
        self.search(&mut targets);
        self.funds(world, &mut targets);
        self.ledger(&mut targets);
        self.meetings(world, &mut targets);
        roster(&mut targets);
        self.credentials(&mut targets);
        self.information_requests(world, &mut targets);
        self.of_referrals(&mut targets);
        targets
    }

    fn publishing(&self, world: &World, targets: &mut Vec<Target>) {
        targets.push(Target::new(channels!("ListChannels"), "", |_| {
            ListChannelsRequest {}
        }));
        for (what, notification) in every_category(world) {
            targets.push(Target::new(
                channels!("PublishNotification"),
                what,
                move |_| publish(notification.clone(), future_id()),
            ));
        }
        let batches = [
            (
                "channels/joint-enforcement",
                to_channel("coordination", "joint-enforcement"),
            ),
            (
                "one allowed to agencies/health, one to channels/all-members",
                to_channel("work_notice", "all-members"),
            ),
        ];
        for (what, last) in batches {
            targets.push(Target::new(
                channels!("BatchPublishNotifications"),
                what,
                move |_| BatchPublishNotificationsRequest {
                    requests: vec![
                        publish(
                            to_addressees("coordination", &["agencies/health"]),
                            future_id(),
                        ),
                        publish(last.clone(), future_id()),
                    ],
                    request_id: future_id(),
                },
            ));
        }
    }

    /// Corrections, retractions and what is outstanding.
    fn follow_up(&self, targets: &mut Vec<Target>) {
        let categories = [
            "work_notice",
            "statistics_joint_enforcement",
            "statistics_fund_supervision",
            "coordination",
            "case_result_fund",
        ];
        for ((what, name), category) in self.named().into_iter().zip(categories) {
            targets.push(Target::new(
                channels!("CorrectNotification"),
                what,
                move |_| CorrectNotificationRequest {
                    name: name.clone(),
                    notification: Some(draft(category)),
                    reason: "日期有误".into(),
                    request_id: future_id(),
                },
            ));
        }
        for (what, name) in self.named() {
            targets.push(Target::new(
                channels!("RetractNotification"),
                what,
                move |_| RetractNotificationRequest {
                    name: name.clone(),
                    reason: "误发".into(),
                    request_id: future_id(),
                },
            ));
        }
        for (what, parent) in outstanding() {
            targets.push(Target::new(
                channels!("ListOutstandingActions"),
                what,
                move |agency| ListOutstandingActionsRequest {
                    parent: parent.replace('*', agency),
                    ..ListOutstandingActionsRequest::default()
                },
            ));
        }
    }

    /// What there is to read: for people, and its name.
    fn named(&self) -> Vec<(String, String)> {
        let mut named: Vec<(String, String)> = CHANNELS
            .map(|id| {
                (
                    format!("channels/{id}"),
                    format!("channels/{id}/notifications/1"),
                )
            })
            .into();
        named.push(("addressed by health to tax".into(), self.to_tax.clone()));
        named.push((
            "addressed by tax to the joint office".into(),
            self.to_office.clone(),
        ));
        named
    }

    fn notifications(&self, targets: &mut Vec<Target>) {
        for (what, name) in self.named() {
            targets.push(Target::new(channels!("GetNotification"), what, move |_| {
                GetNotificationRequest { name: name.clone() }
            }));
        }
        for (what, log) in logs().into_iter().chain(sent_logs()) {
            targets.push(Target::new(
                channels!("ListNotifications"),
                what,
                move |agency| ListNotificationsRequest {
                    parent: log.replace('*', agency),
                    ..ListNotificationsRequest::default()
                },
            ));
        }
        for (what, name) in self.named() {
            for recipient in recipients(&what) {
                let what = format!(
                    "{what}, for {}",
                    if recipient.is_empty() {
                        "itself"
                    } else {
                        "the joint office"
                    }
                );
                let name = name.clone();
                targets.push(Target::new(
                    channels!("OpenNotification"),
                    what,
                    move |_| OpenNotificationRequest {
                        name: name.clone(),
                        recipient: (*recipient).into(),
                        request_id: future_id(),
                    },
                ));
            }
        }
        for (what, name) in self.named() {
            for recipient in recipients(&what) {
                let what = format!(
                    "{what}, for {}",
                    if recipient.is_empty() {
                        "itself"
                    } else {
                        "the joint office"
                    }
                );
                let name = name.clone();
                targets.push(Target::new(
                    channels!("SignForNotification"),
                    what,
                    move |_| SignForNotificationRequest {
                        name: name.clone(),
                        recipient: (*recipient).into(),
                        request_id: future_id(),
                    },
                ));
            }
        }
        for (what, parent) in self.named() {
            targets.push(Target::new(
                channels!("ListDeliveryReceipts"),
                what,
                move |_| ListDeliveryReceiptsRequest {
                    parent: parent.clone(),
                },
            ));
        }
    }

    fn streams(&self, targets: &mut Vec<Target>) {
        targets.push(Target::new(
            channels!("Subscribe"),
            "all that it may",
            |_| SubscribeRequest::default(),
        ));
        targets.push(Target::new(channels!("Subscribe"), "as a consumer", |_| {
            SubscribeRequest {
                consumer: "oa".into(),
                ..SubscribeRequest::default()
            }
        }));
        for (what, log) in logs() {
            targets.push(Target::new(channels!("Subscribe"), what, move |agency| {
                SubscribeRequest {
                    logs: vec![log.replace('*', agency)],
                    ..SubscribeRequest::default()
                }
            }));
        }
        for (what, log) in logs() {
            targets.push(Target::new(
                channels!("AcknowledgeDelivery"),
                what,
                move |agency| {
                    let mut cursor = Cursor::default();
                    cursor.set(log.replace('*', agency).parse().unwrap(), 0);
                    AcknowledgeDeliveryRequest {
                        consumer: "oa".into(),
                        cursor: cursor.encode(&agency.parse().unwrap()),
                        request_id: future_id(),
                    }
                },
            ));
        }
        targets.push(Target::new(channels!("ListConsumers"), "", |_| {
            ListConsumersRequest {}
        }));
    }

    fn search(&self, targets: &mut Vec<Target>) {
        let method = channels!("SearchNotifications");
        targets.push(Target::new(method, "all that it may", |_| {
            SearchNotificationsRequest::default()
        }));
        for id in CHANNELS {
            targets.push(Target::new(method, format!("channels/{id}"), move |_| {
                SearchNotificationsRequest {
                    channel: format!("channels/{id}"),
                    ..SearchNotificationsRequest::default()
                }
            }));
        }
    }

    fn ledger(&self, targets: &mut Vec<Target>) {
        let tax_entry = self.tax_entry;
        targets.extend([
            Target::new(ledger!("GetCheckpoint"), "", |_| GetCheckpointRequest {}),
            Target::new(ledger!("GetInclusionProof"), "of tax's entry", move |_| {
                GetInclusionProofRequest {
                    entry_index: tax_entry,
                    tree_size: 0,
                }
            }),
            Target::new(ledger!("GetConsistencyProof"), "", |_| {
                GetConsistencyProofRequest {
                    from_size: 1,
                    to_size: 0,
                }
            }),
            Target::new(ledger!("GetEntry"), "authored by tax", move |_| {
                GetEntryRequest {
                    entry_index: tax_entry,
                }
            }),
            Target::new(ledger!("GetEntry"), "authored by the hub", |_| {
                GetEntryRequest { entry_index: 0 }
            }),
            Target::new(ledger!("ListEntryHeaders"), "", |_| {
                ListEntryHeadersRequest::default()
            }),
        ]);
        for (parent, what) in [
            ("", ""),
            ("agencies/-", "of all agencies"),
            ("agencies/tax", "of tax"),
            ("agencies/*", "of its own agency"),
        ] {
            targets.push(Target::new(audit!("ListAccesses"), what, move |agency| {
                ListAccessesRequest {
                    parent: parent.replace('*', agency),
                    ..ListAccessesRequest::default()
                }
            }));
        }
    }

    fn credentials(&self, targets: &mut Vec<Target>) {
        for owner in ["*", "tax"] {
            let what = if owner == "*" { "its own" } else { "tax's" };
            let of = move |map: &BTreeMap<String, String>, agency: &str| {
                map[&owner.replace('*', agency)].clone()
            };
            targets.push(Target::new(members!("ListNodes"), what, move |agency| {
                ListNodesRequest {
                    parent: format!("agencies/{}", owner.replace('*', agency)),
                }
            }));
            let fresh = self.fresh.clone();
            targets.push(Target::new(members!("EnrollNode"), what, move |agency| {
                EnrollNodeRequest {
                    certificate: fresh[&owner.replace('*', agency)].clone().into(),
                    request_id: future_id(),
                }
            }));
            let nodes = self.nodes.clone();
            targets.push(Target::new(members!("RevokeNode"), what, move |agency| {
                RevokeNodeRequest {
                    name: of(&nodes, agency),
                    reason: "lost".into(),
                    request_id: future_id(),
                }
            }));
            targets.push(Target::new(
                members!("ListTokenKeys"),
                what,
                move |agency| ListTokenKeysRequest {
                    parent: format!("agencies/{}", owner.replace('*', agency)),
                },
            ));
            if owner == "*" {
                targets.push(Target::new(members!("EnrollTokenKey"), what, |_| {
                    EnrollTokenKeyRequest {
                        jwk: jwk(),
                        request_id: future_id(),
                    }
                }));
            }
            let keys = self.keys.clone();
            targets.push(Target::new(
                members!("RevokeTokenKey"),
                what,
                move |agency| RevokeTokenKeyRequest {
                    name: of(&keys, agency),
                    reason: "lost".into(),
                    request_id: future_id(),
                },
            ));
        }
    }
}

fn roster(targets: &mut Vec<Target>) {
    targets.extend([
        Target::new(members!("WhoAmI"), "", |_| WhoAmIRequest {}),
        Target::new(members!("ListMechanisms"), "", |_| {
            ListMechanismsRequest::default()
        }),
        Target::new(members!("ListAgencies"), "", |_| {
            ListAgenciesRequest::default()
        }),
        Target::new(members!("GetAgency"), "tax", |_| GetAgencyRequest {
            name: "agencies/tax".into(),
            ..GetAgencyRequest::default()
        }),
    ]);
    for mechanism in ["joint-enforcement", "fund-supervision"] {
        let parent = format!("mechanisms/{mechanism}");
        let of = parent.clone();
        targets.push(Target::new(
            members!("ListMemberships"),
            &parent,
            move |_| ListMembershipsRequest {
                parent: of.clone(),
                as_of_on: None,
            },
        ));
        let of = parent.clone();
        targets.push(Target::new(members!("AddMembership"), &parent, move |_| {
            AddMembershipRequest {
                parent: of.clone(),
                agency: "agencies/leading-group-office".into(),
                from_on: Some(in_2099()),
                until_on: None,
                basis: Some(if of.ends_with("joint-enforcement") {
                    Basis::CaseReference("案件 7".into())
                } else {
                    Basis::LeadingGroupDecision("晋社管组发〔2026〕3号".into())
                }),
                request_id: future_id(),
            }
        }));
        let of = parent.clone();
        targets.push(Target::new(
            members!("AppointLiaison"),
            &parent,
            move |agency| AppointLiaisonRequest {
                parent: of.clone(),
                liaison: Some(liaison(&format!("{agency}-liaison-2"), in_2099())),
                replaces: liaison_of(agency),
                request_id: future_id(),
            },
        ));
    }
}

fn in_2099() -> Date {
    date::to_wire(jiff::civil::date(2099, 1, 1))
}

fn liaison(officer: &str, from_on: Date) -> Liaison {
    Liaison {
        officer: officer.into(),
        display_name: "甲".into(),
        rank: Rank::Division.into(),
        from_on: Some(from_on),
        ..Liaison::default()
    }
}

/// A public token key that nobody has enrolled.
#[must_use]
pub fn jwk() -> String {
    let der = hub_core::crypto::generate_ed25519_pkcs8().unwrap();
    let key = hub_core::crypto::SigningKey::from_pkcs8(&der).unwrap();
    let public = key.public_key().try_into().unwrap();
    hub_core::jwk::TokenJwk::ed25519(public)
        .to_json()
        .to_string()
}

/// A draft of every category to every place that the charter lets it go to.
fn every_category(world: &World) -> Vec<(String, Notification)> {
    let mut drafts = vec![];
    for category in world.site.charter().categories() {
        let id = category.id().as_str();
        let mut notification = draft(id);
        if category.is_decision() {
            notification.legal_bases = vec!["社会团体登记管理条例第三十条".into()];
            notification.remedy = "六十日内申请行政复议".into();
            notification.subjects = vec![SubjectOrganization {
                uscc: USCC.into(),
                display_name: "某协会".into(),
            }];
        }
        let route = category.route();
        if route.resolve(None, &[]).is_ok() {
            drafts.push((format!("{id} by its route"), notification));
            continue;
        }
        for channel in route.channels() {
            let channel = format!("channels/{channel}");
            let to = Notification {
                channel: channel.clone(),
                ..notification.clone()
            };
            drafts.push((format!("{id} to {channel}"), to));
        }
        let health = "agencies/health";
        if route.resolve(None, &[health.parse().unwrap()]).is_ok() {
            notification.addressees = vec![health.into()];
            drafts.push((format!("{id} to {health}"), notification));
        }
    }
    drafts
}

async fn appoint_liaisons(world: &World, absent: &str) {
    let roster = world.hub().engine().roster().load_full();
    let today = roster.day(Timestamp::now());
    for agency in world.site.agencies() {
        if agency == absent {
            continue;
        }
        let leader = Session::new(world, &agency, &format!("{agency}-leader-1"), &["leader"]);
        let id = agency.parse().unwrap();
        let mechanisms: Vec<String> = roster
            .mechanisms_of(&id, today)
            .map(|id| format!("mechanisms/{id}"))
            .collect();
        for parent in mechanisms {
            let request = AppointLiaisonRequest {
                parent,
                liaison: Some(liaison(&liaison_of(&agency), date::to_wire(today))),
                replaces: String::new(),
                request_id: request_id(),
            };
            let method = members!("AppointLiaison");
            let _appointed: AppointLiaisonResponse = leader.ask(method, &request).await.unwrap();
        }
    }
}

/// Publishes as an agency; gives the name and the entry's index.
pub async fn publish_as(
    world: &World,
    agency: &str,
    role: &str,
    notification: Notification,
) -> (String, u64) {
    let session = Session::new(world, agency, &format!("{agency}-{role}-1"), &[role]);
    let request = publish(notification, request_id());
    let answer: PublishNotificationResponse = session
        .ask(channels!("PublishNotification"), &request)
        .await
        .unwrap();
    (
        answer.notification.unwrap().name,
        answer.receipt.unwrap().entry_index,
    )
}
