//! Every method refuses whoever is not known, whoever is of the wrong agency, and whoever acts under
//! the wrong role. One table, drawn from the compiled protos: a new method without a row fails.
//!
//! An exception is listed with its reason, here and in `golden/refusal-exceptions.txt`. The list
//! may only shrink: adding to it means changing both, and saying why.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test support: a failure here is a failed test"
)]

#[path = "refusals/funds.rs"]
mod funds;
#[path = "refusals/meetings.rs"]
mod meetings;
#[path = "refusals/referrals.rs"]
mod referrals;
#[path = "refusals/requests.rs"]
mod requests;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use bytes::Bytes;
use hub::{clock::SystemClock, wire::rpc};
use hub_tests::{
    Site, World, attachments, audit, channels, charter_file, ledger, members,
    raw::{
        self, Raw, Session, reason,
        requests::{Scene, Target, is_let_through},
    },
};
use prost::Message as _;
use rustls::version::TLS13;
use tonic::Status;

/// Who is refused what.
struct Refused {
    agency: &'static str,
    role: &'static str,
    /// Which of the method's targets, by what it says.
    target: &'static str,
    because: &'static str,
}

/// A refusal that the method must give, or why it gives none.
enum Case {
    Refused(Refused),
    Except(&'static str),
}

struct Row {
    method: &'static str,
    /// Someone who is let through, so that the refusals are about the difference.
    admitted: (&'static str, &'static str),
    wrong_agency: Case,
    wrong_role: Case,
}

const DENIED: &str = "PERMISSION_DENIED";
const HIDDEN: &str = "NOT_FOUND";

const OWN_ONLY: &str = "concerns the caller's own agency only, by construction";
const FOR_MEMBERS: &str = "the same for every agency in force (JE-021)";
const HASHES: &str = "proofs hold hashes only and are for every agency in force";
const SELF: &str = "tells a known caller what it is itself; nothing is granted by it";
const FILTERED: &str = "lists what the caller may read, which may be nothing";

const fn refused(
    agency: &'static str,
    role: &'static str,
    target: &'static str,
    because: &'static str,
) -> Case {
    Case::Refused(Refused {
        agency,
        role,
        target,
        because,
    })
}

const fn row(
    method: &'static str,
    admitted: (&'static str, &'static str),
    wrong_agency: Case,
    wrong_role: Case,
) -> Row {
    Row {
        method,
        admitted,
        wrong_agency,
        wrong_role,
    }
}

/// A liaison who was never appointed: a role that the charter knows and that is not in force.
const UNBOUND: &str = "liaison";

const ATTACHMENT_ROWS: &[Row] = &[
    row(
        attachments!("UploadAttachment"),
        ("tax", "clerk"),
        Case::Except(OWN_ONLY),
        refused("tax", "node-admin", "", DENIED),
    ),
    row(
        attachments!("GetUpload"),
        ("tax", "clerk"),
        refused("health", "clerk", "tax's", HIDDEN),
        refused("tax", "node-admin", "tax's", DENIED),
    ),
    row(
        attachments!("DownloadAttachment"),
        ("tax", "clerk"),
        refused("finance", "clerk", "addressed by health to tax", HIDDEN),
        refused("tax", "node-admin", "addressed by health to tax", HIDDEN),
    ),
];

const CHANNEL_ROWS: &[Row] = &[
    row(
        channels!("ListChannels"),
        ("tax", "clerk"),
        Case::Except(FILTERED),
        Case::Except(FILTERED),
    ),
    row(
        channels!("PublishNotification"),
        ("tax", "clerk"),
        refused(
            "health",
            "clerk",
            "coordination to channels/fund-supervision",
            HIDDEN,
        ),
        refused(
            "tax",
            "leader",
            "coordination to channels/joint-enforcement",
            DENIED,
        ),
    ),
    row(
        channels!("BatchPublishNotifications"),
        ("tax", "clerk"),
        refused("finance", "clerk", "channels/joint-enforcement", HIDDEN),
        refused("tax", "leader", "channels/joint-enforcement", DENIED),
    ),
    row(
        channels!("GetNotification"),
        ("tax", "clerk"),
        refused("finance", "clerk", "addressed by health to tax", HIDDEN),
        refused("tax", "node-admin", "addressed by health to tax", HIDDEN),
    ),
    row(
        channels!("ListNotifications"),
        ("tax", "clerk"),
        refused("health", "clerk", "agencies/tax/inbox", HIDDEN),
        refused("tax", "node-admin", "agencies/tax/inbox", HIDDEN),
    ),
    row(
        channels!("OpenNotification"),
        ("tax", "clerk"),
        refused(
            "finance",
            "clerk",
            "addressed by health to tax, for itself",
            HIDDEN,
        ),
        refused(
            "tax",
            "publisher",
            "addressed by health to tax, for itself",
            DENIED,
        ),
    ),
    row(
        channels!("SignForNotification"),
        ("tax", "leader"),
        refused(
            "finance",
            "leader",
            "addressed by health to tax, for itself",
            HIDDEN,
        ),
        refused(
            "tax",
            "clerk",
            "addressed by health to tax, for itself",
            DENIED,
        ),
    ),
    row(
        channels!("ListDeliveryReceipts"),
        ("tax", "clerk"),
        refused("finance", "clerk", "addressed by health to tax", HIDDEN),
        refused("tax", "node-admin", "addressed by health to tax", HIDDEN),
    ),
    row(
        channels!("Subscribe"),
        ("tax", "clerk"),
        refused("health", "clerk", "agencies/tax/inbox", HIDDEN),
        refused("tax", "node-admin", "all that it may", DENIED),
    ),
    row(
        channels!("AcknowledgeDelivery"),
        ("tax", "clerk"),
        refused("health", "clerk", "agencies/tax/inbox", HIDDEN),
        refused("tax", "leader", "channels/all-members", DENIED),
    ),
    row(
        channels!("ListConsumers"),
        ("tax", "clerk"),
        Case::Except(OWN_ONLY),
        refused("tax", "leader", "", DENIED),
    ),
];

const FOLLOW_UP_ROWS: &[Row] = &[
    row(
        channels!("CorrectNotification"),
        ("tax", "clerk"),
        refused(
            "finance",
            "clerk",
            "addressed by tax to the joint office",
            HIDDEN,
        ),
        refused(
            "tax",
            "leader",
            "addressed by tax to the joint office",
            DENIED,
        ),
    ),
    row(
        channels!("RetractNotification"),
        ("tax", "clerk"),
        refused(
            "finance",
            "clerk",
            "addressed by tax to the joint office",
            HIDDEN,
        ),
        refused(
            "tax",
            "leader",
            "addressed by tax to the joint office",
            DENIED,
        ),
    ),
    row(
        channels!("ListOutstandingActions"),
        ("tax", "clerk"),
        refused("health", "clerk", "agencies/tax", HIDDEN),
        refused("tax", "node-admin", "agencies/tax", HIDDEN),
    ),
];

const SEARCH_ROWS: &[Row] = &[row(
    channels!("SearchNotifications"),
    ("tax", "clerk"),
    refused("health", "clerk", "channels/fund-supervision", HIDDEN),
    refused("tax", "node-admin", "all that it may", DENIED),
)];

const LEDGER_ROWS: &[Row] = &[
    row(
        ledger!("GetCheckpoint"),
        ("tax", "clerk"),
        Case::Except(HASHES),
        refused("tax", UNBOUND, "", DENIED),
    ),
    row(
        ledger!("GetInclusionProof"),
        ("tax", "clerk"),
        Case::Except(HASHES),
        refused("tax", UNBOUND, "of tax's entry", DENIED),
    ),
    row(
        ledger!("GetConsistencyProof"),
        ("tax", "clerk"),
        Case::Except(HASHES),
        refused("tax", UNBOUND, "", DENIED),
    ),
    row(
        ledger!("GetEntry"),
        ("tax", "clerk"),
        refused("health", "clerk", "authored by tax", HIDDEN),
        refused("tax", "node-admin", "authored by tax", HIDDEN),
    ),
    row(
        audit!("ListAccesses"),
        ("tax", "access-auditor"),
        refused("health", "access-auditor", "of tax", HIDDEN),
        refused("tax", "clerk", "of tax", DENIED),
    ),
    row(
        ledger!("ListEntryHeaders"),
        ("leading-group-office", "auditor"),
        refused("civil-affairs", "auditor", "", "ROLE_NOT_GRANTED"),
        refused("leading-group-office", "clerk", "", DENIED),
    ),
];

const MEMBER_ROWS: &[Row] = &[
    row(
        members!("WhoAmI"),
        ("tax", "clerk"),
        Case::Except(SELF),
        Case::Except(SELF),
    ),
    row(
        members!("ListMechanisms"),
        ("tax", "clerk"),
        Case::Except(FOR_MEMBERS),
        refused("tax", UNBOUND, "", DENIED),
    ),
    row(
        members!("ListAgencies"),
        ("tax", "clerk"),
        Case::Except(FOR_MEMBERS),
        refused("tax", UNBOUND, "", DENIED),
    ),
    row(
        members!("GetAgency"),
        ("tax", "clerk"),
        Case::Except(FOR_MEMBERS),
        refused("tax", UNBOUND, "tax", DENIED),
    ),
    row(
        members!("ListMemberships"),
        ("tax", "clerk"),
        Case::Except(FOR_MEMBERS),
        refused("tax", UNBOUND, "mechanisms/fund-supervision", DENIED),
    ),
    row(
        members!("AddMembership"),
        ("civil-affairs", "office"),
        refused(
            "tax",
            "office",
            "mechanisms/joint-enforcement",
            "ROLE_NOT_GRANTED",
        ),
        refused(
            "civil-affairs",
            "leader",
            "mechanisms/joint-enforcement",
            DENIED,
        ),
    ),
    row(
        members!("AppointLiaison"),
        ("tax", "leader"),
        refused("health", "leader", "mechanisms/fund-supervision", DENIED),
        refused("tax", "clerk", "mechanisms/fund-supervision", DENIED),
    ),
    row(
        members!("ListNodes"),
        ("tax", "node-admin"),
        refused("health", "node-admin", "tax's", HIDDEN),
        refused("tax", "clerk", "its own", DENIED),
    ),
    row(
        members!("EnrollNode"),
        ("tax", "node-admin"),
        refused("health", "node-admin", "tax's", "INVALID_ARGUMENT"),
        refused("tax", "leader", "its own", DENIED),
    ),
    row(
        members!("RevokeNode"),
        ("tax", "node-admin"),
        refused("health", "node-admin", "tax's", HIDDEN),
        refused("tax", "leader", "its own", DENIED),
    ),
    row(
        members!("ListTokenKeys"),
        ("tax", "node-admin"),
        refused("health", "node-admin", "tax's", HIDDEN),
        refused("tax", "clerk", "its own", DENIED),
    ),
    row(
        members!("EnrollTokenKey"),
        ("tax", "node-admin"),
        Case::Except(OWN_ONLY),
        refused("tax", "leader", "its own", DENIED),
    ),
    row(
        members!("RevokeTokenKey"),
        ("tax", "node-admin"),
        refused("health", "node-admin", "tax's", HIDDEN),
        refused("tax", "leader", "its own", DENIED),
    ),
];

fn table() -> impl Iterator<Item = &'static Row> {
    let files = ATTACHMENT_ROWS.iter();
    files
        .chain(CHANNEL_ROWS)
        .chain(FOLLOW_UP_ROWS)
        .chain(SEARCH_ROWS)
        .chain(funds::ALERT_ROWS)
        .chain(LEDGER_ROWS)
        .chain(meetings::MEETING_ROWS)
        .chain(meetings::MINUTES_ROWS)
        .chain(meetings::ISSUE_ROWS)
        .chain(MEMBER_ROWS)
        .chain(requests::REQUEST_ROWS)
        .chain(referrals::REFERRAL_ROWS)
}

/// Every method of the compiled protos.
fn methods() -> BTreeSet<String> {
    let set = prost_types::FileDescriptorSet::decode(hub_proto::DESCRIPTORS).unwrap();
    // An agency's gateway serves its own, not the hub.
    let files = set.file.iter();
    let files = files.filter(|file| file.package() != "hub.gateway.v1");
    let services = files.flat_map(|file| {
        let package = file.package();
        file.service.iter().map(move |service| (package, service))
    });
    services
        .flat_map(|(package, service)| {
            let methods = service.method.iter();
            methods.map(move |method| format!("/{package}.{}/{}", service.name(), method.name()))
        })
        .collect()
}

#[test]
fn every_method_of_the_protos_has_a_row_and_every_row_a_method() {
    let rows: Vec<String> = table().map(|row| row.method.to_owned()).collect();
    let unique: BTreeSet<String> = rows.iter().cloned().collect();
    assert_eq!(rows.len(), unique.len(), "a method has two rows");
    assert_eq!(methods(), unique);
    let known: BTreeSet<String> = rpc::RPCS.iter().map(|rpc| rpc.method.to_owned()).collect();
    assert_eq!(methods(), known);
}

#[test]
fn the_exceptions_are_those_of_the_golden_list() {
    let mut lines = vec![];
    for row in table() {
        for (kind, case) in [("agency", &row.wrong_agency), ("role", &row.wrong_role)] {
            if let Case::Except(why) = case {
                lines.push(format!("{} wrong {kind}: {why}\n", row.method));
            }
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/refusal-exceptions.txt");
    let golden = std::fs::read_to_string(path).unwrap();
    let listed: Vec<&str> = golden
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    let found = lines.concat();
    assert_eq!(
        found.lines().collect::<Vec<_>>(),
        listed,
        "an exception that is gone leaves the list; a new one needs a very good reason"
    );
}

struct Stage {
    world: World,
    scene: Scene,
}

impl Stage {
    async fn set() -> Self {
        let world = World::start().await;
        let scene = Scene::set(&world).await;
        Self { world, scene }
    }

    /// Targets by method.
    fn targets(&self) -> BTreeMap<&'static str, Vec<Target>> {
        let mut by_method: BTreeMap<_, Vec<Target>> = BTreeMap::new();
        for target in self.scene.targets(&self.world) {
            by_method.entry(target.method).or_default().push(target);
        }
        by_method
    }

    /// Entries, but for reads that were recorded.
    fn acts(&self) -> usize {
        self.world.acts()
    }

    fn session(&self, agency: &str, role: &str) -> Session {
        Session::new(&self.world, agency, "somebody-else", &[role])
    }
}

fn pick<'a>(targets: &'a BTreeMap<&str, Vec<Target>>, method: &str, what: &str) -> &'a Target {
    targets[method]
        .iter()
        .find(|target| target.what == what)
        .unwrap_or_else(|| panic!("{method} has no target {what:?}: {:?}", targets[method]))
}

fn is_admitted(outcome: &Result<Bytes, Status>) -> bool {
    match outcome {
        Ok(_) => true,
        Err(status) => is_let_through(status),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_refuses_a_call_without_a_token_or_a_certificate() {
    let stage = Stage::set().await;
    let targets = stage.targets();
    let acts = stage.acts();
    let nobody = raw::tls(&stage.world.site.authority(), None, &TLS13);
    for row in table() {
        let (agency, role) = row.admitted;
        let session = stage.session(agency, role);
        let request = Bytes::from(targets[row.method][0].request(agency));
        let mut headers = session.headers(row.method, &request);
        headers.remove("authorization");
        let status = send(&session.raw, row.method, request.clone(), headers.clone()).await;
        assert_eq!(reason(&status), "TOKEN_MISSING", "{}", row.method);

        headers.insert("authorization", "Bearer a.b.c".parse().unwrap());
        let status = send(&session.raw, row.method, request.clone(), headers).await;
        assert_eq!(reason(&status), "TOKEN_INVALID", "{}", row.method);

        let stranger = Raw::new(stage.world.hub().address(), nobody.clone());
        let headers = session.headers(row.method, &request);
        let status = send(&stranger, row.method, request, headers).await;
        assert_eq!(reason(&status), "", "{}: {status:?}", row.method);
    }
    assert_eq!(stage.acts(), acts);
}

/// Calls a method with headers as given; it must fail.
async fn send(
    raw: &Raw,
    method: &'static str,
    request: Bytes,
    headers: tonic::metadata::MetadataMap,
) -> Status {
    if raw::is_upload(method) {
        let messages = futures::stream::iter([request, raw::requests::files::one_byte()]);
        raw.slow_unary(method, messages, headers).await.unwrap_err()
    } else if raw::is_stream(method) {
        raw.stream(method, request, headers).await.unwrap_err()
    } else {
        raw.unary(method, request, headers).await.unwrap_err()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_lets_the_admitted_through() {
    let stage = Stage::set().await;
    let targets = stage.targets();
    for row in table() {
        let (agency, role) = row.admitted;
        let session = stage.session(agency, role);
        let mut passed = 0;
        for target in &targets[row.method] {
            let request = Bytes::from(target.request(agency));
            passed += usize::from(is_admitted(&session.first(row.method, request).await));
        }
        assert!(passed > 0, "{} admits nobody", row.method);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_refuses_the_wrong_agency_and_the_wrong_role() {
    let stage = Stage::set().await;
    let targets = stage.targets();
    let acts = stage.acts();
    for row in table() {
        for case in [&row.wrong_agency, &row.wrong_role] {
            let Case::Refused(refused) = case else {
                continue;
            };
            let target = pick(&targets, row.method, refused.target);
            let session = stage.session(refused.agency, refused.role);
            let request = Bytes::from(target.request(refused.agency));
            let status = session.first(row.method, request).await.unwrap_err();
            assert_eq!(reason(&status), refused.because, "{target:?}: {status:?}");
            assert!(!is_let_through(&status), "{target:?}");
            // The same resource under the right agency and role is let through.
            let (agency, role) = row.admitted;
            let admitted = stage.session(agency, role);
            let request = Bytes::from(target.request(agency));
            let outcome = admitted.first(row.method, request).await;
            assert!(is_admitted(&outcome), "{target:?}: {outcome:?}");
        }
    }
    assert_eq!(stage.acts(), acts);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_refuses_an_agency_that_is_not_in_force() {
    let text = std::fs::read_to_string(charter_file()).unwrap();
    let member = "  { agency = \"foreign-affairs\", from_on = 2021-02-23 },\n";
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text.replace(member, "")).unwrap();
    let site = Site::with_charter(file.path(), "");
    let world = World::start_on(site, Arc::new(SystemClock)).await;
    let scene = Scene::set_without(&world, "foreign-affairs").await;
    let head = world.hub().engine().store().head();
    let session = Session::new(&world, "foreign-affairs", "a", &["clerk"]);
    for target in scene.targets(&world) {
        let request = Bytes::from(target.request("foreign-affairs"));
        let status = session.first(target.method, request).await.unwrap_err();
        assert_eq!(reason(&status), "AGENCY_NOT_IN_FORCE", "{target:?}");
    }
    assert_eq!(world.hub().engine().store().head(), head);
}
