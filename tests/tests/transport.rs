//! Who gets as far as a handler: nobody but an enrolled node of an agency in force, over TLS 1.3.
//!
//! Every stranger sends the same call: a publish that is right in everything else, with a token
//! bound to the stranger's own certificate and signed by its own key. A handler that was reached
//! would record it, so the ledger's head tells.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test support: a failure here is a failed test"
)]

use std::sync::Arc;

use certs::{Ca, ExtendedUse, IssueOptions, Leaf, LeafSpec, Reason as Why};
use hub::clock::SystemClock;
use hub_core::crypto::hex;
use hub_proto::members::{RevokeNodeRequest, RevokeNodeResponse};
use hub_tests::{
    Site, TRUST_DOMAIN, World, channels, charter_file, members,
    raw::{
        self, Node, Raw, Session, eventually, reason,
        requests::{publish, request_id, to_addressees},
    },
    tokens::Token,
};
use jiff::{SignedDuration, Timestamp};
use prost::Message as _;
use rustls::{
    HandshakeKind,
    version::{TLS12, TLS13},
};
use tonic::{Code, Status};

const PUBLISH: &str = channels!("PublishNotification");

/// A world, and what would show that a handler was reached.
struct Gate {
    world: World,
    authority: Ca,
}

impl Gate {
    async fn new() -> Self {
        Self::of(World::start().await)
    }

    fn of(world: World) -> Self {
        let authority = world.site.authority();
        Self { world, authority }
    }

    fn head(&self) -> u64 {
        self.world.hub().engine().store().head()
    }

    /// A certificate for tax, valid for an hour, as the authority would issue it.
    fn leaf(&self, spoil: impl FnOnce(&mut LeafSpec)) -> Leaf {
        self.authority.issue(&spec(spoil)).unwrap()
    }

    /// Sends the call over a connection, in the name of a node.
    async fn knock(&self, raw: &Raw, node: &Node) -> Result<(), Status> {
        let profile = self.world.site.profile("tax");
        let token = Token::bound_to(&profile, node, "tax-clerk-1", &["clerk"]).mint();
        let session = Session {
            raw: raw.clone(),
            node: node.clone(),
            token,
        };
        let request = publish(
            to_addressees("coordination", &["agencies/health"]),
            request_id(),
        );
        session
            .call(PUBLISH, request.encode_to_vec())
            .await
            .map(drop)
    }

    fn raw(&self, config: rustls::ClientConfig) -> Raw {
        Raw::new(self.world.hub().address(), config)
    }

    /// The handshake is refused with an alert, and no handler is reached.
    async fn refused_by_tls(&self, config: rustls::ClientConfig, node: &Node, alert: &str) {
        let head = self.head();
        // The connection may break under the client's writing before it has read the alert.
        eventually("the alert is read", async || {
            let raw = self.raw(config.clone());
            let status = self.knock(&raw, node).await.unwrap_err();
            assert_eq!(reason(&status), "", "no answer of the hub's: {status:?}");
            let failure = raw.tls_failure().unwrap_or_default();
            assert!(failure.contains(alert) || failure.is_empty(), "{failure}");
            !failure.is_empty()
        })
        .await;
        assert_eq!(self.head(), head);
    }

    async fn refused_leaf(&self, leaf: &Leaf, alert: &str) {
        let node = Node::of_leaf(leaf);
        self.refused_by_tls(node.tls(&self.authority), &node, alert)
            .await;
    }

    /// The connection stands, and every call on it is refused with a reason.
    async fn refused_by_identity(&self, node: &Node, because: &str) {
        let head = self.head();
        let raw = self.raw(node.tls(&self.authority));
        let status = self.knock(&raw, node).await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated, "{status:?}");
        assert_eq!(reason(&status), because, "{status:?}");
        assert_eq!(self.head(), head);
    }

    /// So that a refusal above is about the stranger: the right node's same call is recorded.
    async fn lets_the_right_node_in(&self) {
        let head = self.head();
        let node = Node::of_profile(&self.world.site.profile("tax"));
        let raw = self.raw(node.tls(&self.authority));
        self.knock(&raw, &node).await.unwrap();
        assert_eq!(self.head(), head + 1);
    }
}

fn spec(spoil: impl FnOnce(&mut LeafSpec)) -> LeafSpec {
    let now = Timestamp::now();
    let hour = SignedDuration::from_hours(1);
    let mut spec = LeafSpec::node(TRUST_DOMAIN, "tax", "node-1", now - hour, now + hour);
    spoil(&mut spec);
    spec
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_certificate_no_handler_is_reached() {
    let gate = Gate::new().await;
    let node = Node::of_profile(&gate.world.site.profile("tax"));
    let nobody = raw::tls(&gate.authority, None, &TLS13);
    gate.refused_by_tls(nobody, &node, "CertificateRequired")
        .await;
    gate.lets_the_right_node_in().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_cannot_be_trusted_reaches_no_handler() {
    let gate = Gate::new().await;
    let now = Timestamp::now();
    let hour = SignedDuration::from_hours(1);
    let other = Ca::generate("other", now - hour, now + hour).unwrap();
    let foreign = other.issue(&spec(|_| {})).unwrap();
    gate.refused_leaf(&foreign, "UnknownCA").await;
    let twin = format!("{TRUST_DOMAIN} authority");
    let twin = Ca::generate(&twin, now - hour, now + hour).unwrap();
    gate.refused_leaf(&twin.issue(&spec(|_| {})).unwrap(), "alert")
        .await;
    let expired = gate.leaf(|spec| spec.not_after_at = now - SignedDuration::from_secs(5));
    gate.refused_leaf(&expired, "CertificateExpired").await;
    let early = gate.leaf(|spec| spec.not_before_at = now + SignedDuration::from_secs(300));
    gate.refused_leaf(&early, "CertificateExpired").await;
    let server = gate.leaf(|spec| spec.extended_uses = vec![ExtendedUse::Server]);
    gate.refused_leaf(&server, "UnsupportedCertificate").await;
    gate.lets_the_right_node_in().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_names_no_node_of_this_hub_reaches_no_handler() {
    let gate = Gate::new().await;
    let uri = |domain: &str| certs::ca::spiffe_id(domain, "tax", "node-1");
    let nameless = gate.leaf(|spec| spec.uri_sans.clear());
    let two = gate.leaf(|spec| spec.uri_sans.push(uri("two.example")));
    let dns = gate.leaf(|spec| {
        spec.uri_sans.clear();
        spec.dns_sans.push("tax.example".into());
    });
    let both = gate.leaf(|spec| spec.dns_sans.push("tax.example".into()));
    let foreign = gate.leaf(|spec| spec.uri_sans = vec![uri("other.example")]);
    for leaf in [nameless, two, dns, both, foreign] {
        gate.refused_by_identity(&Node::of_leaf(&leaf), "NODE_IDENTITY_INVALID")
            .await;
    }
    gate.lets_the_right_node_in().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_the_roster_does_not_admit_reaches_no_handler() {
    let gate = Gate::new().await;
    let unknown = gate.leaf(|spec| {
        spec.uri_sans = vec![certs::ca::spiffe_id(TRUST_DOMAIN, "customs", "node-1")];
    });
    gate.refused_by_identity(&Node::of_leaf(&unknown), "AGENCY_UNKNOWN")
        .await;
    let stranger = gate.leaf(|_| {});
    gate.refused_by_identity(&Node::of_leaf(&stranger), "NODE_NOT_ENROLLED")
        .await;
    gate.lets_the_right_node_in().await;
}

/// Shanxi's charter, but foreign affairs is a member of nothing.
fn charter_without_foreign_affairs() -> tempfile::NamedTempFile {
    let text = std::fs::read_to_string(charter_file()).unwrap();
    let member = "  { agency = \"foreign-affairs\", from_on = 2021-02-23 },\n";
    let changed = text.replace(member, "");
    assert_ne!(text, changed);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), changed).unwrap();
    file
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agency_that_is_a_member_of_nothing_reaches_no_handler() {
    let charter = charter_without_foreign_affairs();
    let site = Site::with_charter(charter.path(), "");
    let gate = Gate::of(World::start_on(site, Arc::new(SystemClock)).await);
    let node = Node::of_profile(&gate.world.site.profile("foreign-affairs"));
    gate.refused_by_identity(&node, "AGENCY_NOT_IN_FORCE").await;
    gate.lets_the_right_node_in().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_1_2_and_plaintext_reach_no_handler() {
    let gate = Gate::new().await;
    let node = Node::of_profile(&gate.world.site.profile("tax"));
    let old = raw::tls(&gate.authority, Some(&node), &TLS12);
    gate.refused_by_tls(old, &node, "ProtocolVersion").await;

    let head = gate.head();
    let plain = Raw::plaintext(gate.world.hub().address());
    let status = gate.knock(&plain, &node).await.unwrap_err();
    assert_eq!(reason(&status), "", "{status:?}");
    assert_eq!(gate.head(), head);

    let mut http1 = node.tls(&gate.authority);
    http1.alpn_protocols = vec![b"http/1.1".to_vec()];
    gate.refused_by_tls(http1, &node, "NoApplicationProtocol")
        .await;
    gate.lets_the_right_node_in().await;
}

/// Waits until the hub has read a new revocation list.
async fn crl_is_in_force(gate: &Gate, node: &Node) {
    eventually("the new list is in force", async || {
        let raw = gate.raw(node.tls(&gate.authority));
        gate.knock(&raw, node).await.is_err() && raw.tls_failure().is_some()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_on_the_revocation_list_reaches_no_handler_old_connections_included() {
    let gate = Gate::new().await;
    let node = Node::of_profile(&gate.world.site.profile("tax"));
    let open = gate.raw(node.tls(&gate.authority));
    gate.knock(&open, &node).await.unwrap();
    let selector = "tax/node-1".parse().unwrap();
    gate.world
        .site
        .pki()
        .revoke(&selector, Why::KeyCompromise)
        .unwrap();
    crl_is_in_force(&gate, &node).await;
    gate.refused_by_tls(node.tls(&gate.authority), &node, "CertificateRevoked")
        .await;
    let head = gate.head();
    let status = gate.knock(&open, &node).await.unwrap_err();
    assert_eq!(reason(&status), "NODE_REVOKED");
    assert_eq!(gate.head(), head);
}

/// The office revokes the certificate on the ledger.
async fn revoke_on_ledger(world: &World, agency: &str, node: &Node) {
    let officer = Session::new(world, "civil-affairs", "roster-1", &["roster-admin"]);
    let sha256 = hex(&node.fingerprint());
    let request = RevokeNodeRequest {
        name: format!("agencies/{agency}/nodes/node-1/certificates/{sha256}"),
        reason: "lost".into(),
        request_id: request_id(),
    };
    let revoked: RevokeNodeResponse = officer.ask(members!("RevokeNode"), &request).await.unwrap();
    assert!(revoked.node.unwrap().revoked_at.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_revoked_on_the_ledger_reaches_no_handler_also_after_a_restart() {
    let mut gate = Gate::new().await;
    let node = Node::of_profile(&gate.world.site.profile("tax"));
    gate.lets_the_right_node_in().await;
    revoke_on_ledger(&gate.world, "tax", &node).await;
    gate.refused_by_identity(&node, "NODE_REVOKED").await;
    // The roster folder still holds the certificate; it must not come back.
    gate.world.restart().await;
    gate.refused_by_identity(&node, "NODE_REVOKED").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_resume() {
    let gate = Gate::new().await;
    let node = Node::of_profile(&gate.world.site.profile("tax"));
    let tickets = Arc::new(node.tls(&gate.authority));
    let connect = || Raw::shared(gate.world.hub().address(), Arc::clone(&tickets));
    let first = connect();
    gate.knock(&first, &node).await.unwrap();
    assert_eq!(first.handshakes(), [HandshakeKind::Full]);
    let second = connect();
    gate.knock(&second, &node).await.unwrap();
    assert_eq!(second.handshakes(), [HandshakeKind::Resumed]);
}

#[tokio::test(flavor = "multi_thread")]
async fn resumption_is_no_way_around_a_revocation() {
    for by_ledger in [true, false] {
        let gate = Gate::new().await;
        let node = Node::of_profile(&gate.world.site.profile("tax"));
        let tickets = Arc::new(node.tls(&gate.authority));
        let connect = || Raw::shared(gate.world.hub().address(), Arc::clone(&tickets));
        gate.knock(&connect(), &node).await.unwrap();
        if by_ledger {
            revoke_on_ledger(&gate.world, "tax", &node).await;
        } else {
            let mut pki = gate.world.site.pki();
            pki.revoke(&"tax/node-1".parse().unwrap(), Why::Superseded)
                .unwrap();
            crl_is_in_force(&gate, &node).await;
        }
        let head = gate.head();
        let resumed = connect();
        let status = gate.knock(&resumed, &node).await.unwrap_err();
        if by_ledger {
            assert_eq!(resumed.handshakes(), [HandshakeKind::Resumed]);
            assert_eq!(reason(&status), "NODE_REVOKED", "{status:?}");
        } else {
            assert_eq!(reason(&status), "", "no answer of the hub's");
            assert!(!resumed.handshakes().contains(&HandshakeKind::Resumed));
        }
        assert_eq!(gate.head(), head);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_another_key_kind_is_let_in_once_it_is_enrolled() {
    let gate = Gate::new().await;
    let mut options = IssueOptions::new("tax", "node-2");
    options.key_kind = certs::KeyKind::Ed25519;
    let issued = gate.world.site.pki().issue(&options).unwrap();
    let folder = issued.profile_file.unwrap();
    let profile = agency_client::profile::load(&folder).unwrap();
    let node = Node::of_profile(&profile);
    eventually("the roster folder is looked at", async || {
        let raw = gate.raw(node.tls(&gate.authority));
        gate.knock(&raw, &node).await.is_ok()
    })
    .await;
}
