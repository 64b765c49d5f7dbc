//! A roster, a node and an officer for the tests of this folder.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use certs::{Ca, KeyKind, Leaf, LeafSpec};
use hub_core::{
    crypto::{Digest, SigningKey, generate_ed25519_pkcs8},
    jwk::TokenJwk,
    names::{AgencyId, RoleId},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{throttle::Throttles, *};
use crate::clock::ManualClock;

pub(super) const DOMAIN: &str = "hub.test.example";
pub(super) const AUDIENCE: &str = "hub.test.example";

/// 2026-03-02T09:00:00Z.
pub(super) const START_S: i64 = 1_772_442_000;

#[derive(Default)]
pub(super) struct State {
    pub(super) agencies: HashMap<AgencyId, AgencyStanding>,
    pub(super) nodes: HashMap<Digest, NodeStanding>,
    pub(super) keys: HashMap<(AgencyId, String), KeyStanding>,
    pub(super) roles: HashSet<(AgencyId, RoleId)>,
    pub(super) changes_at: Option<Timestamp>,
}

/// A roster that tests change; it counts how often a token key is looked up.
pub(super) struct TestRoster {
    pub(super) epochs: watch::Sender<u64>,
    pub(super) state: Mutex<State>,
    pub(super) key_lookups: AtomicUsize,
}

impl TestRoster {
    /// Changes the roster and its epoch.
    pub(super) fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
        self.epochs.send_modify(|epoch| *epoch += 1);
    }
}

impl Roster for TestRoster {
    fn epochs(&self) -> watch::Receiver<u64> {
        self.epochs.subscribe()
    }

    fn agency(&self, agency: &AgencyId, now: Timestamp) -> AgencyStanding {
        let state = self.state.lock().unwrap();
        let standing = state.agencies.get(agency).copied();
        match (standing, state.changes_at) {
            (Some(_), Some(at)) if now >= at => AgencyStanding::NotInForce,
            (standing, _) => standing.unwrap_or(AgencyStanding::Unknown),
        }
    }

    fn agency_changes_at(&self, _agency: &AgencyId, now: Timestamp) -> Option<Timestamp> {
        self.state.lock().unwrap().changes_at.filter(|at| *at > now)
    }

    fn node(&self, fingerprint: &Digest) -> NodeStanding {
        let state = self.state.lock().unwrap();
        let standing = state.nodes.get(fingerprint).cloned();
        standing.unwrap_or(NodeStanding::NotEnrolled)
    }

    fn token_key(&self, agency: &AgencyId, kid: &str) -> KeyStanding {
        self.key_lookups.fetch_add(1, Ordering::SeqCst);
        let state = self.state.lock().unwrap();
        let standing = state.keys.get(&(agency.clone(), kid.to_owned())).cloned();
        standing.unwrap_or(KeyStanding::Unknown)
    }

    fn is_role_granted(&self, agency: &AgencyId, role: &RoleId) -> bool {
        let state = self.state.lock().unwrap();
        state.roles.contains(&(agency.clone(), role.clone()))
    }
}

/// The agency `tax` with one node and one token key, both known to the roster.
pub(super) struct World {
    pub(super) roster: Arc<TestRoster>,
    pub(super) revoked: watch::Sender<Arc<RevokedSerials>>,
    pub(super) clock: ManualClock,
    pub(super) identity: Arc<Identity>,
    pub(super) leaf: Leaf,
    pub(super) peer: Arc<Peer>,
    pub(super) token_der: Vec<u8>,
    pub(super) jwk: TokenJwk,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with_key(KeyKind::P256)
    }

    pub(super) fn with_key(key_kind: KeyKind) -> Self {
        let start_at = Timestamp::from_second(START_S).unwrap();
        Self::of(leaf("tax", "node-1", key_kind), start_at)
    }

    pub(super) fn of(peer_leaf: Leaf, start_at: Timestamp) -> Self {
        let peer = Arc::new(Peer::from_certificate(&peer_leaf.certificate_der, DOMAIN).unwrap());
        let token_der = generate_ed25519_pkcs8().unwrap();
        let jwk = jwk(&token_der);
        let mut state = State::default();
        let tax: AgencyId = "tax".parse().unwrap();
        state.agencies.insert(tax.clone(), AgencyStanding::InForce);
        let enrolled = NodeStanding::Enrolled {
            agency: tax.clone(),
        };
        state.nodes.insert(peer.fingerprint, enrolled);
        let key = KeyStanding::Active(Arc::new(TokenKey::new(&jwk).unwrap()));
        state.keys.insert((tax.clone(), jwk.kid().to_owned()), key);
        for role in ["clerk", "liaison"] {
            state.roles.insert((tax.clone(), role.parse().unwrap()));
        }
        let roster = Arc::new(TestRoster {
            epochs: watch::Sender::new(1),
            state: Mutex::new(state),
            key_lookups: AtomicUsize::new(0),
        });
        let revoked = watch::Sender::new(Arc::new(RevokedSerials::default()));
        let clock = ManualClock::at(start_at);
        let identity = Arc::new(Identity::new(IdentityOptions {
            audience: AUDIENCE.into(),
            roster: roster.clone(),
            revoked: revoked.subscribe(),
            clock: Arc::new(clock.clone()),
            rates: RateLimits::default(),
        }));
        Self {
            roster,
            revoked,
            clock,
            identity,
            leaf: peer_leaf,
            peer,
            token_der,
            jwk,
        }
    }

    /// Claims that are right in everything.
    pub(super) fn claims(&self) -> Value {
        json!({
            "iss": "tax", "sub": "tax-clerk-1", "aud": AUDIENCE,
            "iat": START_S, "exp": START_S + 600, "jti": "t-1", "roles": ["clerk"],
            "cnf": { "x5t#S256": URL_SAFE_NO_PAD.encode(self.peer.fingerprint) },
        })
    }

    pub(super) fn header(&self) -> Value {
        json!({ "alg": "EdDSA", "typ": "JWT", "kid": self.jwk.kid() })
    }

    /// Signs with the agency's token key whatever the header says.
    pub(super) fn mint(&self, header: &Value, claims: &Value) -> String {
        sign(&self.token_der, header, claims)
    }

    pub(super) fn token(&self) -> String {
        self.mint(&self.header(), &self.claims())
    }

    pub(super) fn info(&self) -> PeerInfo {
        PeerInfo {
            peer: Ok(Arc::clone(&self.peer)),
            is_resumed: false,
            throttle: Arc::<Throttles>::default().of(&self.peer.fingerprint),
        }
    }
}

/// What a connection of a node in good standing knows, for the tests of layers.
pub(crate) fn peer_info() -> PeerInfo {
    World::new().info()
}

/// A watch over an officer in good standing, for the tests of handlers that stream.
pub(crate) fn caller_watch() -> CallerWatch {
    let world = World::new();
    let caller = Caller {
        peer: Arc::clone(&world.peer),
        officer: "tax-clerk-1".parse().unwrap(),
        roles: vec!["clerk".parse().unwrap()],
        token_expires_at: Timestamp::from_second(START_S + 600).unwrap(),
        token_kid: world.jwk.kid().to_owned(),
    };
    CallerWatch::new(Arc::clone(&world.identity), Arc::new(caller))
}

pub(super) fn leaf(agency: &str, node: &str, key_kind: KeyKind) -> Leaf {
    let start_at = Timestamp::from_second(START_S).unwrap();
    let day = SignedDuration::from_hours(24);
    let ca = Ca::generate("test", start_at - day, start_at + day).unwrap();
    let mut spec = LeafSpec::node(DOMAIN, agency, node, start_at - day, start_at + day);
    spec.key_kind = key_kind;
    ca.issue(&spec).unwrap()
}

pub(super) fn jwk(token_der: &[u8]) -> TokenJwk {
    let public = SigningKey::from_pkcs8(token_der).unwrap().public_key();
    TokenJwk::ed25519(public.try_into().unwrap())
}

pub(super) fn sign(token_der: &[u8], header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let key = SigningKey::from_pkcs8(token_der).unwrap();
    let signature = key.sign(signed.as_bytes()).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}
