//! Who calls: certificates, tokens, and the headers of a call.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, OnceLock},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{Request, Response};
use http_body_util::Full;
use hub::{
    clock::ManualClock,
    identity::{
        AgencyStanding, AuthorLayer, Authored, Caller, Identity, IdentityLayer, IdentityOptions,
        KeyStanding, NodeStanding, Peer, PeerInfo, RateLimits, RevokedSerials, Roster, TokenKey,
        spiffe, throttle::Throttles, token as tokens,
    },
    metrics::Metrics,
    wire::{
        observe::{ObserveLayer, ObserveOptions},
        rpc,
    },
};
use hub_core::{
    commitment::{SALT_HEADER, SIGNATURE_HEADER, commitment},
    crypto::{Digest, VerifyingKey},
    names::{AgencyId, RoleId, is_id},
};
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::watch;
use tonic::body::Body;
use tower::{Layer as _, ServiceExt as _};

use super::{header_lines, key, token_key};
use crate::{tape::Tape, world::runtime};

/// Trust domain and audience of these targets.
pub const DOMAIN: &str = "hub.fuzz.example";

/// When these targets take place: 2026-03-02T09:00:00Z.
pub const NOW_S: i64 = 1_772_442_000;

/// Words of certificates.
pub const CERTIFICATE_WORDS: &[&str] = &[
    "spiffe://hub.fuzz.example/agency/tax/node/node-1",
    "spiffe://",
    "/agency/",
    "/node/",
    "\u{6}\u{3}U\u{1d}\u{11}",
];

/// Words of tokens.
pub const TOKEN_WORDS: &[&str] = &[
    "eyJ",
    "alg",
    "EdDSA",
    "ES256",
    "none",
    "kid",
    "crit",
    "typ",
    "JWT",
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "nbf",
    "jti",
    "roles",
    "cnf",
    "x5t#S256",
    "clerk",
    "liaison",
    "tax",
    "null",
    "1772442000",
    "1772442600",
    "9223372036854775807",
    "-9223372036854775808",
    "1e400",
    "\\u0000",
    "{}",
    "[]",
    "[[[[",
];

/// Words of headers.
pub const HEADER_WORDS: &[&str] = &[
    "authorization: Bearer ",
    "author-salt-bin: ",
    "author-signature-bin: ",
    "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\n",
    "grpc-timeout: 99999999H\n",
    "grpc-encoding: gzip\n",
    "AAAAAAAAAAAAAAAAAAAAAA==",
];

/// A roster of one agency with one node and one key.
#[derive(Debug)]
struct OneAgency {
    epochs: watch::Sender<u64>,
}

impl Roster for OneAgency {
    fn epochs(&self) -> watch::Receiver<u64> {
        self.epochs.subscribe()
    }

    fn epoch(&self) -> u64 {
        *self.epochs.borrow()
    }

    fn agency(&self, agency: &AgencyId, _now: Timestamp) -> AgencyStanding {
        match agency.as_str() {
            "tax" => AgencyStanding::InForce,
            _ => AgencyStanding::Unknown,
        }
    }

    fn agency_changes_at(&self, _agency: &AgencyId, _now: Timestamp) -> Option<Timestamp> {
        None
    }

    fn node(&self, _fingerprint: &Digest) -> NodeStanding {
        NodeStanding::Enrolled {
            agency: "tax".parse().unwrap(),
        }
    }

    fn token_key(&self, agency: &AgencyId, kid: &str) -> KeyStanding {
        static KEY: OnceLock<Arc<TokenKey>> = OnceLock::new();
        let (_, jwk) = token_key();
        if agency.as_str() != "tax" || kid != jwk.kid() {
            return KeyStanding::Unknown;
        }
        let key = KEY.get_or_init(|| Arc::new(TokenKey::new(jwk).unwrap()));
        KeyStanding::Active(Arc::clone(key))
    }

    fn is_role_granted(&self, _agency: &AgencyId, role: &RoleId) -> bool {
        ["clerk", "liaison"].contains(&role.as_str())
    }
}

fn roster() -> Arc<OneAgency> {
    static ROSTER: OnceLock<Arc<OneAgency>> = OnceLock::new();
    Arc::clone(ROSTER.get_or_init(|| {
        Arc::new(OneAgency {
            epochs: watch::Sender::new(1),
        })
    }))
}

fn now() -> Timestamp {
    Timestamp::from_second(NOW_S).unwrap()
}

/// An element of DER with a tag around the parts.
pub(super) fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut bytes = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short) if short < 0x80 => bytes.push(short),
        _ => {
            let length = content.len().to_be_bytes();
            let zeros = length.iter().take_while(|byte| **byte == 0).count();
            bytes.push(0x80 | u8::try_from(length.len() - zeros).unwrap());
            bytes.extend(&length[zeros..]);
        }
    }
    bytes.extend(content);
    bytes
}

pub(super) const SEQUENCE: u8 = 0x30;

/// A node's certificate that is right but for what stands as its subject alternative names. Nobody's
/// signature is on it: that is TLS's to check.
#[must_use]
pub fn certificate_with(names: &[u8]) -> Vec<u8> {
    static SPKI: OnceLock<Vec<u8>> = OnceLock::new();
    let spki = SPKI.get_or_init(|| key(3).spki().unwrap());
    let ed25519 = der(SEQUENCE, &[&[0x06, 0x03, 0x2b, 0x65, 0x70]]);
    let name = der(SEQUENCE, &[]);
    let validity = der(
        SEQUENCE,
        &[
            &der(0x17, &[b"260101000000Z"]),
            &der(0x17, &[b"460101000000Z"]),
        ],
    );
    let oid = [0x06, 0x03, 0x55, 0x1d, 0x11];
    let extension = der(SEQUENCE, &[&oid, &der(0x04, &[names])]);
    let tbs = der(
        SEQUENCE,
        &[
            &der(0xa0, &[&[0x02, 0x01, 0x02]]),
            &[0x02, 0x01, 0x07],
            &ed25519,
            &name,
            &validity,
            &name,
            spki,
            &der(0xa3, &[&der(SEQUENCE, &[&extension])]),
        ],
    );
    der(SEQUENCE, &[&tbs, &ed25519, &der(0x03, &[&[0], &[0; 64]])])
}

/// The extension's value for one URI.
#[must_use]
pub fn one_uri(uri: &[u8]) -> Vec<u8> {
    der(SEQUENCE, &[&der(0x86, &[uri])])
}

fn peer() -> Arc<Peer> {
    static PEER: OnceLock<Arc<Peer>> = OnceLock::new();
    Arc::clone(PEER.get_or_init(|| {
        let names = one_uri(format!("spiffe://{DOMAIN}/agency/tax/node/node-1").as_bytes());
        Arc::new(Peer::from_certificate(&certificate_with(&names), DOMAIN).unwrap())
    }))
}

/// A certificate as TLS hands it on: whole DER, or the bytes of the subject alternative names in a
/// certificate that is right otherwise, or one URI. A node is named only by the one URI of the documented
/// form; what names a node has the URI in its bytes; all readers of a certificate agree.
pub fn certificate(input: &[u8]) {
    let mut tape = Tape::new(input);
    let kind = tape.byte() % 3;
    let bytes = match kind {
        0 => tape.rest().to_vec(),
        1 => certificate_with(tape.rest()),
        _ => certificate_with(&one_uri(tape.rest())),
    };
    let named = spiffe::parse(&bytes, DOMAIN);
    let key = VerifyingKey::from_certificate(&bytes);
    if let Ok((agency, node)) = &named {
        let uri = format!("spiffe://{DOMAIN}/agency/{agency}/node/{node}");
        let holds = bytes.windows(uri.len()).any(|part| part == uri.as_bytes());
        assert!(holds, "{uri} is not in the certificate");
    }
    if kind == 2 {
        let expected = expected_names(tape.rest());
        let found = named.as_ref().ok();
        let found = found.map(|(agency, node)| (agency.to_string(), node.to_string()));
        assert_eq!(found, expected);
    }
    match Peer::from_certificate(&bytes, DOMAIN) {
        Ok(peer) => {
            assert_eq!(named, Ok((peer.agency, peer.node)));
            assert!(key.is_ok());
            assert_ne!(peer.serial.first(), Some(&0));
        }
        Err(error) => assert!(!error.message.is_empty()),
    }
}

/// The rule, told a second time.
fn expected_names(uri: &[u8]) -> Option<(String, String)> {
    let path = std::str::from_utf8(uri).ok()?;
    let path = path.strip_prefix(&format!("spiffe://{DOMAIN}/agency/"))?;
    let (agency, node) = path.split_once("/node/")?;
    (is_id(agency) && is_id(node)).then(|| (agency.into(), node.into()))
}

/// A token in its three parts, signed by the key that the roster has.
#[must_use]
pub fn signed(header: &[u8], claims: &[u8]) -> String {
    let body = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(claims)
    );
    let signature = token_key().0.sign(body.as_bytes()).unwrap();
    format!("{body}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// The header that a good token has.
#[must_use]
pub fn good_header() -> String {
    let kid = token_key().1.kid();
    format!(r#"{{"alg":"EdDSA","typ":"JWT","kid":"{kid}"}}"#)
}

/// The claims of a good token.
#[must_use]
pub fn good_claims() -> String {
    let thumbprint = URL_SAFE_NO_PAD.encode(peer().fingerprint);
    format!(
        r#"{{"iss":"tax","sub":"zhang.san","aud":"{DOMAIN}","iat":{NOW_S},"exp":{},"jti":"1","roles":["clerk"],"cnf":{{"x5t#S256":"{thumbprint}"}}}}"#,
        NOW_S + 600
    )
}

/// A token as it comes in the header `authorization`, for a fixed roster, certificate and instant. What is
/// taken has a caller within every documented bound.
pub fn token(input: &[u8]) {
    let text = Tape::new(input).text();
    if let Ok(caller) = tokens::verify(&text, &peer(), DOMAIN, &*roster(), now()) {
        check_caller(&caller);
    }
}

fn check_caller(caller: &Caller) {
    assert_eq!(caller.agency().as_str(), "tax");
    assert!(caller.token_expires_at > now());
    let life_s = caller.token_expires_at.as_second() - NOW_S;
    assert!(life_s <= tokens::TOKEN_LIFE_S_MAX + tokens::CLOCK_SKEW_S_MAX);
    assert!((1..=2).contains(&caller.roles.len()), "{:?}", caller.roles);
    assert_eq!(caller.token_kid, token_key().1.kid());
}

/// Header and claims behind a signature that stands: most mutants of a token die at the signature. What is
/// taken is also right in the eyes of a JSON parser that knows nothing of tokens.
pub fn token_claims(input: &[u8]) {
    let mut tape = Tape::new(input);
    let header = match tape.byte() % 2 {
        0 => good_header().into_bytes(),
        _ => tape.piece().to_vec(),
    };
    let claims = tape.rest();
    let text = signed(&header, claims);
    let Ok(caller) = tokens::verify(&text, &peer(), DOMAIN, &*roster(), now()) else {
        return;
    };
    check_caller(&caller);
    let claims: Value = serde_json::from_slice(claims).expect("claims are JSON");
    assert_eq!(claims["iss"], "tax");
    assert_eq!(claims["sub"], caller.officer.as_str());
    let audience = claims["aud"].as_str().or(claims["aud"][0].as_str());
    assert_eq!(audience, Some(DOMAIN));
    let (from, until) = (
        claims["iat"].as_i64().unwrap(),
        claims["exp"].as_i64().unwrap(),
    );
    assert_eq!(until, caller.token_expires_at.as_second());
    assert!((1..=tokens::TOKEN_LIFE_S_MAX).contains(&(until - from)));
    assert!(from <= NOW_S + tokens::CLOCK_SKEW_S_MAX);
    for role in claims["roles"].as_array().unwrap() {
        assert!(caller.roles.iter().any(|one| role == one.as_str()));
    }
    let thumbprint = URL_SAFE_NO_PAD.encode(peer().fingerprint);
    assert_eq!(claims["cnf"]["x5t#S256"], thumbprint.as_str());
}

fn identity() -> Arc<Identity> {
    static IDENTITY: OnceLock<(Arc<Identity>, watch::Sender<Arc<RevokedSerials>>)> =
        OnceLock::new();
    let (identity, _) = IDENTITY.get_or_init(|| {
        let revoked = watch::Sender::new(Arc::<RevokedSerials>::default());
        let identity = Identity::new(IdentityOptions {
            audience: DOMAIN.into(),
            roster: roster(),
            revoked: revoked.subscribe(),
            clock: Arc::new(ManualClock::at(now())),
            rates: RateLimits {
                calls_per_second_max: 1 << 30,
                calls_burst_max: 1 << 30,
            },
        });
        (Arc::new(identity), revoked)
    });
    Arc::clone(identity)
}

/// The head of a call: lines of headers and a body, through the layers that stand before every handler. A
/// handler is reached only with a caller, and a mutating one only with the very bytes that were signed.
pub fn call_headers(input: &[u8]) {
    let mut tape = Tape::new(input);
    let (choice, rpc) = (tape.byte(), usize::from(tape.byte()));
    let method = rpc::RPCS[rpc % rpc::RPCS.len()].method;
    let head = tape.piece();
    let body = tape.rest().to_vec();
    let mut request = Request::builder().method("POST").uri(method);
    if choice & 1 != 0 {
        static GOOD: OnceLock<String> = OnceLock::new();
        let token = GOOD.get_or_init(|| signed(good_header().as_bytes(), good_claims().as_bytes()));
        request = request.header("authorization", format!("Bearer {token}"));
    }
    if choice & 2 != 0 {
        let (salt, message) = ([7; 16], body.get(5..).unwrap_or_default());
        let signature = key(3).sign(&commitment(&salt, method, message)).unwrap();
        let bin = |bytes: &[u8]| base64::prelude::BASE64_STANDARD.encode(bytes);
        request = request
            .header(SALT_HEADER, bin(&salt))
            .header(SIGNATURE_HEADER, bin(&signature));
    }
    for (name, value) in header_lines(head) {
        request = request.header(name, value);
    }
    let info = PeerInfo {
        peer: Ok(peer()),
        is_resumed: false,
        throttle: throttles().of(&[0; 32]),
    };
    let request = request.extension(info);
    if let Ok(request) = request.body(Body::new(Full::new(bytes::Bytes::from(body.clone())))) {
        pass(method, request, &body);
    }
}

/// One table for all runs: it is large.
fn throttles() -> Arc<Throttles> {
    static THROTTLES: OnceLock<Arc<Throttles>> = OnceLock::new();
    Arc::clone(THROTTLES.get_or_init(Arc::default))
}

fn pass(method: &'static str, request: Request<Body>, body: &[u8]) {
    let reached: Arc<Mutex<Option<Option<Arc<Authored>>>>> = Arc::default();
    let seen = Arc::clone(&reached);
    let handler = tower::service_fn(move |request: Request<Body>| {
        let extensions = request.extensions();
        let caller = extensions.get::<Arc<Caller>>();
        check_caller(caller.expect("a handler has a caller"));
        *seen.lock().unwrap() = Some(extensions.get::<Arc<Authored>>().cloned());
        std::future::ready(Ok::<_, Infallible>(Response::new(Body::default())))
    });
    let observe = ObserveOptions {
        metrics: Arc::<Metrics>::default(),
        clock: Arc::new(ManualClock::at(now())),
        accept_traceparent: true,
    };
    // What is compressed goes on to the handler, which takes no encoding and refuses it.
    let mut encodings = request.headers().get_all("grpc-encoding").iter();
    let is_encoded = encodings.any(|encoding| encoding != "identity");
    let service = AuthorLayer::new(rpc::intake).layer(handler);
    let service = IdentityLayer::new(identity()).layer(service);
    let service = ObserveLayer::new(observe).layer(service);
    let Ok(response) = runtime().block_on(service.oneshot(request));
    let reached = reached.lock().unwrap().take();
    match reached {
        Some(Some(authored)) => {
            assert!(rpc::is_mutating(method));
            assert_eq!(body.get(5..), Some(&authored.request[..]));
        }
        Some(None) => assert!(is_encoded || !rpc::is_mutating(method)),
        None => assert!(response.headers().contains_key("grpc-status")),
    }
}
