//! Officer tokens and author headers over gRPC: every one that must be refused, with its reason.
//!
//! Each refusal is of a publish that is right in everything else, and the ledger's head shows that
//! it recorded nothing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test support: a failure here is a failed test"
)]

use aws_lc_rs::hmac;
use certs::IssueOptions;
use hub_core::{
    commitment::{SALT_HEADER, SIGNATURE_HEADER},
    crypto::{SigningKey, generate_ed25519_pkcs8},
};
use hub_proto::members::{RevokeTokenKeyRequest, RevokeTokenKeyResponse};
use hub_tests::{
    World, channels, members,
    raw::{
        Author, Node, Session, bearer, eventually, reason,
        requests::{publish, request_id, to_addressees},
    },
    tokens::Token,
};
use jiff::Timestamp;
use prost::Message as _;
use serde_json::{Value, json};
use tonic::{Code, Status, metadata::MetadataMap};

const PUBLISH: &str = channels!("PublishNotification");
const SIGN_FOR: &str = channels!("SignForNotification");

struct Bench {
    world: World,
    /// A clerk of tax whose token is right.
    clerk: Session,
}

impl Bench {
    async fn new() -> Self {
        let world = World::start().await;
        let clerk = Session::new(&world, "tax", "tax-clerk-1", &["clerk"]);
        Self { world, clerk }
    }

    fn head(&self) -> u64 {
        self.world.hub().engine().store().head()
    }

    fn token(&self) -> Token {
        Token::new(&self.world.site.profile("tax"), "tax-clerk-1", &["clerk"])
    }

    async fn publish_with(&self, session: &Session) -> Result<(), Status> {
        session.call(PUBLISH, message()).await.map(drop)
    }

    /// A token is refused with a reason and a rule.
    async fn refused(&self, token: String, because: &str, rule: &str) {
        let head = self.head();
        let session = self.clerk.with_token(token.clone());
        let status = self.publish_with(&session).await.unwrap_err();
        assert_eq!(reason(&status), because, "{rule}: {status:?}");
        assert!(status.message().contains(rule), "{rule}: {status:?}");
        let signature = token.rsplit('.').next().unwrap_or_default();
        assert!(
            signature.len() < 16 || !status.message().contains(signature),
            "an error never holds the token"
        );
        assert_eq!(self.head(), head, "{rule}");
    }

    async fn accepted(&self, token: String) {
        let head = self.head();
        let session = self.clerk.with_token(token);
        self.publish_with(&session).await.unwrap();
        assert_eq!(self.head(), head + 1);
    }

    /// Headers of a publish are refused with a reason and a rule.
    async fn refused_headers(&self, headers: MetadataMap, because: &str, rule: &str) {
        let head = self.head();
        let answer = self.clerk.raw.unary(PUBLISH, message().into(), headers);
        let status = answer.await.unwrap_err();
        assert_eq!(reason(&status), because, "{rule}: {status:?}");
        assert!(status.message().contains(rule), "{rule}: {status:?}");
        assert_eq!(self.head(), head, "{rule}");
    }
}

/// A publish of a new notification.
fn message() -> Vec<u8> {
    let to = to_addressees("coordination", &["agencies/health"]);
    publish(to, request_id()).encode_to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_or_malformed_token_is_refused() {
    let bench = Bench::new().await;
    let author = |headers: &mut MetadataMap| {
        let request = message();
        bench.clerk.node.author(PUBLISH, &request).put(headers);
    };
    let with = |values: &[&str]| {
        let mut headers = MetadataMap::new();
        for value in values {
            headers.append("authorization", value.parse().unwrap());
        }
        author(&mut headers);
        headers
    };
    let right = format!("Bearer {}", bench.clerk.token);
    let missing = "TOKEN_MISSING";
    bench
        .refused_headers(with(&[]), missing, "exactly one")
        .await;
    bench
        .refused_headers(with(&[&right, &right]), missing, "exactly one")
        .await;
    for value in ["Bearer ", "Bearer", "Basic dGF4OnRheA=="] {
        bench
            .refused_headers(with(&[value]), missing, "must be Bearer")
            .await;
    }
    for text in ["x", "a.b", "a.b.c.d"] {
        bench
            .refused(text.into(), "TOKEN_INVALID", "the token")
            .await;
    }
    let token = bench.token().mint();
    let unsigned = token.rsplit_once('.').unwrap().0;
    bench
        .refused(format!("{unsigned}."), "TOKEN_INVALID", "signature")
        .await;
    bench.accepted(token).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_under_another_algorithm_is_refused() {
    let bench = Bench::new().await;
    let none = bench.token().header("alg", "none");
    for signature in [vec![], vec![0; 64]] {
        let token = none.with_signature(&signature);
        bench
            .refused(token, "TOKEN_INVALID", "alg must be EdDSA or ES256")
            .await;
    }
    let public = SigningKey::from_pkcs8(bench.token().key_der()).unwrap();
    let public = public.public_key();
    let hs256 = bench.token().header("alg", "HS256");
    for secret in [public.clone(), hub_core::crypto::hex(&public).into_bytes()] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        let tag = hmac::sign(&key, hs256.signed_part().as_bytes());
        let token = hs256.with_signature(tag.as_ref());
        bench
            .refused(token, "TOKEN_INVALID", "alg must be EdDSA or ES256")
            .await;
    }
    for alg in ["RS256", "ES384", "PS512", "HS512", "EdDSA ", "eddsa", ""] {
        let token = bench.token().header("alg", alg).mint();
        bench
            .refused(token, "TOKEN_INVALID", "alg must be EdDSA or ES256")
            .await;
    }
    // Listed, but not what the registered key is for.
    let token = bench.token().header("alg", "ES256").mint();
    bench
        .refused(token, "TOKEN_INVALID", "alg must be EdDSA, as")
        .await;
    bench.accepted(bench.token().mint()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_another_issuer_or_for_another_audience_is_refused() {
    let bench = Bench::new().await;
    for iss in ["health", "", "tax ", "agencies/tax"] {
        let token = bench.token().claim("iss", iss).mint();
        bench.refused(token, "TOKEN_INVALID", "iss must be").await;
    }
    for aud in [
        json!("hub.other.example"),
        json!(["hub.shanxi.example", "hub.other.example"]),
        json!([]),
    ] {
        let token = bench.token().claim("aud", aud).mint();
        bench.refused(token, "TOKEN_INVALID", "aud must be").await;
    }
    for claim in ["iss", "sub", "aud", "exp", "iat", "jti", "roles"] {
        let token = bench.token().claim(claim, Value::Null).mint();
        bench
            .refused(token, "TOKEN_INVALID", "must hold the claims")
            .await;
    }
    bench.accepted(bench.token().mint()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_signed_by_another_key_is_refused() {
    let bench = Bench::new().await;
    let health = bench.world.site.profile("health");
    let health_key = Token::new(&health, "a", &["clerk"]).key_der().to_vec();
    let stolen_kid = bench.token().key(&health_key).mint();
    bench
        .refused(stolen_kid, "TOKEN_INVALID", "signature does not verify")
        .await;
    // Under its own kid the key is health's, and tax has no such key.
    let own_kid = bench.token().key(&health_key);
    let own_kid = own_kid.header("kid", health.token_kid).mint();
    bench
        .refused(own_kid, "TOKEN_KEY_UNKNOWN", "is not registered")
        .await;
    let unknown = bench.token().header("kid", "nobody-2026").mint();
    bench
        .refused(
            unknown,
            "TOKEN_KEY_UNKNOWN",
            "nobody-2026 is not registered",
        )
        .await;
    for kid in [
        Value::Null,
        json!(""),
        json!("../tax"),
        json!("k".repeat(65)),
    ] {
        let token = bench.token().header("kid", kid).mint();
        bench.refused(token, "TOKEN_INVALID", "kid").await;
    }
    // The node's own key signs commitments, not tokens; and a new key is nobody's.
    let fresh = bench.token().key(&generate_ed25519_pkcs8().unwrap()).mint();
    bench
        .refused(fresh, "TOKEN_INVALID", "signature does not verify")
        .await;
    bench.accepted(bench.token().mint()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_token_is_refused() {
    let bench = Bench::new().await;
    let token = bench.token();
    let right = token.mint();
    let signature = right.rsplit('.').next().unwrap().to_owned();
    let forged = token.claim("sub", "tax-leader-1").signed_part();
    bench
        .refused(
            format!("{forged}.{signature}"),
            "TOKEN_INVALID",
            "signature does not verify",
        )
        .await;
    bench.accepted(right).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_out_of_its_time_is_refused() {
    let bench = Bench::new().await;
    let now_s = Timestamp::now().as_second();
    let timed = |iat: i64, exp: i64| bench.token().claim("iat", iat).claim("exp", exp).mint();
    bench
        .refused(timed(now_s - 600, now_s - 1), "TOKEN_EXPIRED", "expired")
        .await;
    bench
        .refused(
            timed(now_s + 120, now_s + 600),
            "TOKEN_INVALID",
            "not valid yet",
        )
        .await;
    let nbf = bench.token().claim("nbf", now_s + 120).mint();
    bench.refused(nbf, "TOKEN_INVALID", "not valid yet").await;
    let life = "exp must be 1 to 900 seconds after iat";
    bench
        .refused(timed(now_s - 1, now_s + 900), "TOKEN_INVALID", life)
        .await;
    bench
        .refused(timed(now_s, now_s), "TOKEN_INVALID", life)
        .await;
    for exp in [i64::MAX, i64::MIN] {
        bench
            .refused(timed(now_s, exp), "TOKEN_INVALID", "the token")
            .await;
    }
    let text = bench.token().claim("exp", (now_s + 600).to_string()).mint();
    bench.refused(text, "TOKEN_INVALID", "whole seconds").await;
    bench.accepted(timed(now_s - 1, now_s + 899)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_token_is_useless_from_another_node() {
    let bench = Bench::new().await;
    let not_bound = "TOKEN_NOT_BOUND";
    for cnf in [Value::Null, json!({}), json!({ "x5t#S256": null })] {
        let token = bench.token().claim("cnf", cnf).mint();
        bench.refused(token, not_bound, "has no cnf").await;
    }
    for thumbprint in ["", "AAAA", "hub"] {
        let token = bench
            .token()
            .claim("cnf", json!({ "x5t#S256": thumbprint }));
        bench.refused(token.mint(), not_bound, "another").await;
    }
    // Stolen by another agency: its certificate makes the key tax's no longer.
    let stolen = bench.token().mint();
    let thief = Session::new(&bench.world, "health", "a", &["clerk"]).with_token(stolen.clone());
    let head = bench.head();
    let status = bench.publish_with(&thief).await.unwrap_err();
    assert_eq!(reason(&status), "TOKEN_KEY_UNKNOWN");
    // Stolen by another node of the same agency.
    let issued = bench
        .world
        .site
        .pki()
        .issue(&IssueOptions::new("tax", "node-2"));
    let profile = issued.unwrap().profile_file.unwrap();
    let profile = agency_client::profile::load(&profile).unwrap();
    let node = Node::of_profile(&profile);
    let raw = hub_tests::raw::Raw::new(
        bench.world.hub().address(),
        node.tls(&bench.world.site.authority()),
    );
    let second = Session {
        raw,
        node,
        token: stolen,
    };
    eventually("the second node is enrolled", async || {
        let status = bench.publish_with(&second).await.unwrap_err();
        reason(&status) == not_bound
    })
    .await;
    let own = Token::new(&profile, "tax-clerk-1", &["clerk"]).mint();
    assert!(bench.head() > head, "the enrolment");
    bench.publish_with(&second.with_token(own)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_the_agency_does_not_have_is_refused() {
    let bench = Bench::new().await;
    for role in ["office", "auditor", "roster-admin", "analyst", "nobody"] {
        let token = bench.token().claim("roles", json!(["clerk", role])).mint();
        bench
            .refused(
                token,
                "ROLE_NOT_GRANTED",
                &format!("role {role} to agency tax"),
            )
            .await;
    }
    let many: Vec<String> = (0..17).map(|_| "clerk".to_owned()).collect();
    for roles in [json!([]), json!(many), json!(["Clerk"]), json!([""])] {
        let token = bench.token().claim("roles", roles).mint();
        bench.refused(token, "TOKEN_INVALID", "roles").await;
    }
    for roles in [json!("clerk"), json!([1])] {
        let token = bench.token().claim("roles", roles).mint();
        bench.refused(token, "TOKEN_INVALID", "claims").await;
    }
    bench.accepted(bench.token().mint()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_oversized_token_or_officer_is_refused() {
    let bench = Bench::new().await;
    let unpadded = bench.token().claim("note", "").mint().len();
    // Base64 makes four characters of three bytes.
    let at_most = (4096 - unpadded) / 4 * 3;
    let at_limit = bench.token().claim("note", "n".repeat(at_most)).mint();
    assert!(
        (4090..=4096).contains(&at_limit.len()),
        "{}",
        at_limit.len()
    );
    bench.accepted(at_limit).await;
    let past = bench.token().claim("note", "n".repeat(at_most + 8)).mint();
    assert!(past.len() > 4096);
    bench
        .refused(past, "TOKEN_INVALID", "at most 4096 bytes")
        .await;
    for jti in [String::new(), "j".repeat(65)] {
        let token = bench.token().claim("jti", jti).mint();
        bench.refused(token, "TOKEN_INVALID", "jti").await;
    }
    for sub in ["", "a b", "局长\n"] {
        let token = bench.token().claim("sub", sub).mint();
        bench.refused(token, "TOKEN_INVALID", "sub").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_a_revoked_key_is_refused_although_it_was_verified_before() {
    let bench = Bench::new().await;
    let token = bench.token().mint();
    bench.accepted(token.clone()).await;
    let admin = Session::new(&bench.world, "tax", "tax-admin-1", &["node-admin"]);
    let kid = bench.world.site.profile("tax").token_kid;
    let request = RevokeTokenKeyRequest {
        name: format!("agencies/tax/tokenKeys/{kid}"),
        reason: "lost".into(),
        request_id: request_id(),
    };
    let _revoked: RevokeTokenKeyResponse = admin
        .ask(members!("RevokeTokenKey"), &request)
        .await
        .unwrap();
    bench
        .refused(token, "TOKEN_KEY_UNKNOWN", "is revoked")
        .await;
    bench
        .refused(bench.token().mint(), "TOKEN_KEY_UNKNOWN", "is revoked")
        .await;
}

/// The right token with author headers as given.
fn headers(bench: &Bench, author: &Author) -> MetadataMap {
    let mut headers = bearer(&bench.clerk.token);
    author.put(&mut headers);
    headers
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mutating_call_without_right_author_headers_is_refused() {
    let bench = Bench::new().await;
    let because = "AUTHOR_SIGNATURE_INVALID";
    let author = bench.clerk.node.author(PUBLISH, &message());
    let without = |name: &str| {
        let mut headers = headers(&bench, &author);
        headers.remove_bin(name);
        headers
    };
    let salt = format!("{SALT_HEADER} is missing");
    bench
        .refused_headers(without(SALT_HEADER), because, &salt)
        .await;
    let signature = format!("{SIGNATURE_HEADER} is missing");
    bench
        .refused_headers(without(SIGNATURE_HEADER), because, &signature)
        .await;
    for length in [0, 15, 17, 32] {
        let short = Author {
            salt: vec![7; length],
            ..author.clone()
        };
        bench
            .refused_headers(headers(&bench, &short), because, "must be 16 bytes")
            .await;
    }
    for length in [0, 1, 64, 72] {
        let noise = Author {
            signature: vec![7; length],
            ..author.clone()
        };
        bench
            .refused_headers(headers(&bench, &noise), because, "does not verify")
            .await;
    }
    let long = Author {
        signature: vec![7; 73],
        ..author.clone()
    };
    bench
        .refused_headers(headers(&bench, &long), because, "at most 72 bytes")
        .await;
    let mut twice = headers(&bench, &author);
    let value = twice.get_bin(SALT_HEADER).unwrap().clone();
    twice.append_bin(SALT_HEADER, value);
    bench
        .refused_headers(twice, because, "must be given once")
        .await;
    bench.accepted(bench.clerk.token.clone()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_is_for_one_key_one_method_and_exactly_these_bytes() {
    let bench = Bench::new().await;
    let because = "AUTHOR_SIGNATURE_INVALID";
    let session = &bench.clerk;
    let head = bench.head();
    let send = async |method: &'static str, request: &[u8], author: &Author| {
        let status = session
            .raw
            .unary(method, request.to_vec().into(), headers(&bench, author))
            .await
            .unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied, "{status:?}");
        assert_eq!(reason(&status), because, "{status:?}");
        assert!(status.message().contains("does not verify"), "{status:?}");
    };
    let request = message();
    let other = Node::of_profile(&bench.world.site.profile("health"));
    send(PUBLISH, &request, &other.author(PUBLISH, &request)).await;
    let right = session.node.author(PUBLISH, &request);
    send(PUBLISH, &message(), &right).await;
    // The same fields in another order are other bytes, and so is a field that nobody reads.
    let longer = [request.as_slice(), &[0xfa, 0x3f, 0]].concat();
    send(PUBLISH, &longer, &right).await;
    send(SIGN_FOR, &request, &right).await;
    send(PUBLISH, &request, &session.node.author(SIGN_FOR, &request)).await;
    let mut salted = right.clone();
    salted.salt[0] ^= 1;
    send(PUBLISH, &request, &salted).await;
    assert_eq!(bench.head(), head);

    let sent = session
        .raw
        .unary(PUBLISH, request.into(), headers(&bench, &right));
    sent.await.unwrap();
    assert_eq!(bench.head(), head + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replayed_call_is_recorded_once() {
    let bench = Bench::new().await;
    let request = message();
    let author = bench.clerk.node.author(PUBLISH, &request);
    let head = bench.head();
    let mut answers = vec![];
    for _ in 0..2 {
        let answer =
            bench
                .clerk
                .raw
                .unary(PUBLISH, request.clone().into(), headers(&bench, &author));
        answers.push(answer.await.unwrap());
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(bench.head(), head + 1);
}
