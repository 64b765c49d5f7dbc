use std::sync::atomic::Ordering;

use certs::KeyKind;
use hub_core::crypto::{SigningKey, generate_ed25519_pkcs8};
use jsonwebtoken::{EncodingKey, encode};
use serde_json::{Value, json};

use super::*;
use crate::{
    clock::Clock as _,
    identity::testing::{AUDIENCE, START_S, World, jwk, leaf, sign},
};

fn check(world: &World, token: &str) -> Result<Caller> {
    let now = world.clock.now();
    verify(token, &world.peer, AUDIENCE, &*world.roster, now)
}

#[track_caller]
fn refused(world: &World, token: &str, reason: Reason, rule: &str) {
    let error = check(world, token).unwrap_err();
    assert_eq!(error.reason, reason, "{error}");
    assert!(error.message.contains(rule), "{rule}: {error}");
    let is_repeated = token.len() > 8 && error.message.contains(token);
    assert!(!is_repeated, "a token is never repeated");
}

/// A token with one claim changed, or removed when it is null.
fn with(world: &World, claim: &str, value: Value) -> String {
    let mut claims = world.claims();
    match value {
        Value::Null => claims.as_object_mut().unwrap().remove(claim),
        value => claims.as_object_mut().unwrap().insert(claim.into(), value),
    };
    world.mint(&world.header(), &claims)
}

fn with_header(world: &World, field: &str, value: Value) -> String {
    let mut header = world.header();
    header[field] = value;
    world.mint(&header, &world.claims())
}

#[test]
fn a_correct_token_names_officer_and_roles() {
    let world = World::new();
    let caller = check(&world, &world.token()).unwrap();
    assert_eq!(caller.officer.as_str(), "tax-clerk-1");
    assert_eq!(caller.roles, ["clerk".parse().unwrap()]);
    assert_eq!(caller.token_expires_at.as_second(), START_S + 600);
    assert_eq!(caller.token_kid, world.jwk.kid());
    let listed = with(&world, "aud", json!([AUDIENCE]));
    assert!(check(&world, &listed).is_ok());
}

#[test]
fn es256_works_with_a_p256_key_and_no_other() {
    let world = World::new();
    let der = leaf("tax", "key", KeyKind::P256).key_der;
    let point = SigningKey::from_pkcs8(&der).unwrap().public_key();
    let part = |range| URL_SAFE_NO_PAD.encode(&point[range]);
    let text = json!({
        "kty": "EC", "crv": "P-256", "x": part(1..33), "y": part(33..65), "kid": "es-1",
    });
    let key = TokenKey::new(&TokenJwk::parse(&text.to_string()).unwrap()).unwrap();
    world.roster.change(|state| {
        let key = KeyStanding::Active(Arc::new(key));
        state
            .keys
            .insert((world.peer.agency.clone(), "es-1".into()), key);
    });
    let mut header = jsonwebtoken::Header::new(Algorithm::ES256);
    header.kid = Some("es-1".into());
    let token = encode(&header, &world.claims(), &EncodingKey::from_ec_der(&der)).unwrap();
    assert!(check(&world, &token).is_ok());
    // The same algorithm under the Ed25519 key's id, and the other way round.
    header.kid = Some(world.jwk.kid().into());
    let token = encode(&header, &world.claims(), &EncodingKey::from_ec_der(&der)).unwrap();
    refused(
        &world,
        &token,
        Reason::TokenInvalid,
        "alg must be EdDSA, as",
    );
    let token = with_header(&world, "kid", json!("es-1"));
    refused(
        &world,
        &token,
        Reason::TokenInvalid,
        "alg must be ES256, as",
    );
}

#[test]
fn alg_none_is_refused() {
    let world = World::new();
    for alg in ["none", "None", "NONE", ""] {
        let token = with_header(&world, "alg", json!(alg));
        refused(&world, &token, Reason::TokenInvalid, "alg must be");
        let (unsigned, _) = token.rsplit_once('.').unwrap();
        let unsigned = format!("{unsigned}.");
        refused(&world, &unsigned, Reason::TokenInvalid, "alg must be");
    }
}

#[test]
fn hs256_keyed_with_the_public_key_is_refused() {
    let world = World::new();
    let mut header = jsonwebtoken::Header::new(Algorithm::HS256);
    header.kid = Some(world.jwk.kid().into());
    let raw = URL_SAFE_NO_PAD.decode(world.jwk.x()).unwrap();
    for secret in [raw, world.jwk.to_json().to_string().into_bytes()] {
        let secret = EncodingKey::from_secret(&secret);
        let token = encode(&header, &world.claims(), &secret).unwrap();
        refused(
            &world,
            &token,
            Reason::TokenInvalid,
            "alg must be EdDSA or ES256",
        );
        // The same bytes under an allowed name are no Ed25519 signature.
        let (_, rest) = token.split_once('.').unwrap();
        let header = URL_SAFE_NO_PAD.encode(world.header().to_string());
        let relabelled = format!("{header}.{rest}");
        refused(&world, &relabelled, Reason::TokenInvalid, "");
    }
}

#[test]
fn an_unlisted_algorithm_is_refused_even_if_the_signature_is_good() {
    let world = World::new();
    for alg in ["RS256", "ES384", "PS256", "Ed25519", "eddsa", "ES256K"] {
        let token = with_header(&world, "alg", json!(alg));
        refused(
            &world,
            &token,
            Reason::TokenInvalid,
            "alg must be EdDSA or ES256",
        );
    }
    let token = with_header(&world, "alg", json!("ES256"));
    refused(
        &world,
        &token,
        Reason::TokenInvalid,
        "as the registered key",
    );
}

#[test]
fn a_strange_header_is_refused() {
    let world = World::new();
    let token = with_header(&world, "crit", json!(["exp"]));
    refused(&world, &token, Reason::TokenInvalid, "crit");
    let token = with_header(&world, "typ", json!("at+jwt"));
    refused(&world, &token, Reason::TokenInvalid, "typ");
    let token = with_header(&world, "kid", json!("../kid"));
    refused(&world, &token, Reason::TokenInvalid, "kid");
    let token = with_header(&world, "kid", Value::Null);
    refused(&world, &token, Reason::TokenInvalid, "kid is missing");
    for token in [
        "",
        "a",
        "a.b",
        "a.b.c",
        "a.b.c.d",
        "....",
        "\u{0}.\u{0}.\u{0}",
    ] {
        refused(&world, token, Reason::TokenInvalid, "");
    }
}

#[test]
fn a_wrong_issuer_and_a_wrong_audience_are_refused() {
    let world = World::new();
    let token = with(&world, "iss", json!("customs"));
    refused(&world, &token, Reason::TokenInvalid, "iss must be tax");
    for audience in [
        json!("other"),
        json!([AUDIENCE, "other"]),
        json!([]),
        json!(""),
    ] {
        let token = with(&world, "aud", audience);
        refused(&world, &token, Reason::TokenInvalid, "aud must be");
    }
}

#[test]
fn another_agencys_key_is_refused_under_any_name() {
    let world = World::new();
    let other = generate_ed25519_pkcs8().unwrap();
    let other_jwk = jwk(&other);
    let key = KeyStanding::Active(Arc::new(TokenKey::new(&other_jwk).unwrap()));
    world.roster.change(|state| {
        let agency = "customs".parse().unwrap();
        state.keys.insert((agency, other_jwk.kid().into()), key);
    });
    let mut header = world.header();
    let token = sign(&other, &header, &world.claims());
    refused(
        &world,
        &token,
        Reason::TokenInvalid,
        "signature does not verify",
    );
    header["kid"] = json!(other_jwk.kid());
    let token = sign(&other, &header, &world.claims());
    refused(
        &world,
        &token,
        Reason::TokenKeyUnknown,
        "not registered for agency tax",
    );
}

#[test]
fn an_unknown_and_a_revoked_key_are_refused() {
    let world = World::new();
    let token = with_header(&world, "kid", json!("other"));
    refused(&world, &token, Reason::TokenKeyUnknown, "not registered");
    world.roster.change(|state| {
        for key in state.keys.values_mut() {
            *key = KeyStanding::Revoked;
        }
    });
    refused(
        &world,
        &world.token(),
        Reason::TokenKeyUnknown,
        "is revoked",
    );
}

#[test]
fn expired_early_and_long_lived_tokens_are_refused() {
    let world = World::new();
    let times = |iat: i64, exp: i64| {
        let mut claims = world.claims();
        claims["iat"] = json!(iat);
        claims["exp"] = json!(exp);
        world.mint(&world.header(), &claims)
    };
    let expired = times(START_S - 600, START_S);
    refused(&world, &expired, Reason::TokenExpired, "expired at");
    assert!(check(&world, &times(START_S - 600, START_S + 1)).is_ok());
    let early = times(START_S + CLOCK_SKEW_S_MAX + 1, START_S + 300);
    refused(&world, &early, Reason::TokenInvalid, "not valid yet");
    assert!(check(&world, &times(START_S + CLOCK_SKEW_S_MAX, START_S + 300)).is_ok());
    let token = with(&world, "nbf", json!(START_S + CLOCK_SKEW_S_MAX + 1));
    refused(&world, &token, Reason::TokenInvalid, "not valid yet");
    assert!(check(&world, &times(START_S, START_S + TOKEN_LIFE_S_MAX)).is_ok());
    for (iat, exp) in [
        (START_S, START_S + TOKEN_LIFE_S_MAX + 1),
        (START_S, START_S),
        (START_S, START_S - 1),
        (i64::MIN, START_S + 1),
    ] {
        let token = times(iat, exp);
        refused(&world, &token, Reason::TokenInvalid, "iat");
    }
    let token = times(i64::MAX - 1, i64::MAX);
    refused(&world, &token, Reason::TokenInvalid, "exp");
}

#[test]
fn a_token_without_its_certificate_is_useless() {
    let world = World::new();
    for cnf in [Value::Null, json!({}), json!({ "x5t#S256": Value::Null })] {
        let token = with(&world, "cnf", cnf);
        refused(&world, &token, Reason::TokenNotBound, "no cnf.x5t#S256");
    }
    let stolen = world.token();
    let thief = World::new();
    let other = Arc::new(Peer {
        fingerprint: thief.peer.fingerprint,
        ..(*world.peer).clone()
    });
    let now = world.clock.now();
    let error = verify(&stolen, &other, AUDIENCE, &*world.roster, now).unwrap_err();
    assert_eq!(error.reason, Reason::TokenNotBound);
    let padded = base64::engine::general_purpose::URL_SAFE.encode(world.peer.fingerprint);
    let token = with(&world, "cnf", json!({ "x5t#S256": padded }));
    refused(
        &world,
        &token,
        Reason::TokenNotBound,
        "another client certificate",
    );
}

#[test]
fn every_role_must_be_granted() {
    let world = World::new();
    let token = with(&world, "roles", json!(["clerk", "office-head"]));
    refused(&world, &token, Reason::RoleNotGranted, "office-head");
    let token = with(&world, "roles", json!(["clerk", "liaison", "clerk"]));
    assert_eq!(check(&world, &token).unwrap().roles.len(), 2);
    let at_limit = with(&world, "roles", json!(vec!["clerk"; TOKEN_ROLES_MAX]));
    assert!(check(&world, &at_limit).is_ok());
    for roles in [
        json!([]),
        json!(vec!["clerk"; TOKEN_ROLES_MAX + 1]),
        json!(["Clerk"]),
    ] {
        let token = with(&world, "roles", roles);
        refused(&world, &token, Reason::TokenInvalid, "roles");
    }
}

#[test]
fn missing_and_misshapen_claims_are_refused() {
    let world = World::new();
    for claim in ["iss", "sub", "aud", "exp", "iat", "jti", "roles"] {
        let token = with(&world, claim, Value::Null);
        refused(&world, &token, Reason::TokenInvalid, claim);
        let token = with(&world, claim, json!({ "odd": true }));
        refused(&world, &token, Reason::TokenInvalid, claim);
    }
    let token = with(&world, "sub", json!("a b"));
    refused(&world, &token, Reason::TokenInvalid, "sub must be");
    for jti in [String::new(), "j".repeat(TOKEN_ID_CHARS_MAX + 1)] {
        let token = with(&world, "jti", json!(jti));
        refused(&world, &token, Reason::TokenInvalid, "jti must be");
    }
    assert!(
        check(
            &world,
            &with(&world, "jti", json!("j".repeat(TOKEN_ID_CHARS_MAX)))
        )
        .is_ok()
    );
}

#[test]
fn a_token_is_bounded_at_exactly_its_limit() {
    let world = World::new();
    let padded = |spaces: usize| {
        let mut claims = world.claims();
        claims["note"] = json!("n".repeat(spaces));
        world.mint(&world.header(), &claims)
    };
    let base = padded(0).len();
    // Base64 grows in steps, so the largest that fits is looked for.
    let fits = (0..TOKEN_BYTES_MAX - base)
        .rev()
        .find(|spaces| padded(*spaces).len() <= TOKEN_BYTES_MAX)
        .unwrap();
    assert!(check(&world, &padded(fits)).is_ok());
    refused(
        &world,
        &padded(fits + 2),
        Reason::TokenInvalid,
        "at most 4096 bytes",
    );
}

#[test]
fn a_changed_token_does_not_verify() {
    let world = World::new();
    let token = world.token();
    let mut claims = world.claims();
    claims["sub"] = json!("tax-head-1");
    let parts = token.split('.').collect::<Vec<_>>();
    let forged = format!(
        "{}.{}.{}",
        parts[0],
        URL_SAFE_NO_PAD.encode(claims.to_string()),
        parts[2]
    );
    refused(
        &world,
        &forged,
        Reason::TokenInvalid,
        "signature does not verify",
    );
}

#[test]
fn verified_tokens_are_remembered_until_they_expire_or_the_roster_changes() {
    let world = World::new();
    let cache = TokenCache::new(TOKEN_CACHE_MAX);
    let token = world.token();
    let call = || {
        let now = world.clock.now();
        cache.verify(&token, &world.peer, AUDIENCE, &*world.roster, now)
    };
    let lookups = || world.roster.key_lookups.load(Ordering::SeqCst);
    call().unwrap();
    call().unwrap();
    assert_eq!(lookups(), 1, "the second call did not verify again");
    world.roster.change(|_| {});
    call().unwrap();
    assert_eq!(lookups(), 2, "a change of the roster counts");
    world.roster.change(|state| state.roles.clear());
    assert_eq!(call().unwrap_err().reason, Reason::RoleNotGranted);
    world.roster.change(|state| {
        let role = (world.peer.agency.clone(), "clerk".parse().unwrap());
        state.roles.insert(role);
    });
    call().unwrap();
    world.clock.advance_us(600_000_000);
    assert_eq!(call().unwrap_err().reason, Reason::TokenExpired);
}

#[test]
fn a_remembered_token_is_still_bound_to_its_certificate() {
    let world = World::new();
    let cache = TokenCache::new(TOKEN_CACHE_MAX);
    let now = world.clock.now();
    let token = world.token();
    let call = |peer| cache.verify(&token, peer, AUDIENCE, &*world.roster, now);
    call(&world.peer).unwrap();
    let other = Arc::new(Peer {
        fingerprint: [7; 32],
        ..(*world.peer).clone()
    });
    assert_eq!(call(&other).unwrap_err().reason, Reason::TokenNotBound);
}

#[test]
fn the_cache_is_bounded() {
    let world = World::new();
    let cache = TokenCache::new(NonZeroUsize::new(3).unwrap());
    assert!(cache.is_empty());
    let now = world.clock.now();
    for number in 0..10 {
        let token = with(&world, "jti", json!(format!("t-{number}")));
        cache
            .verify(&token, &world.peer, AUDIENCE, &*world.roster, now)
            .unwrap();
    }
    assert_eq!(cache.len(), 3);
    assert!(
        cache
            .verify("no.to.ken", &world.peer, AUDIENCE, &*world.roster, now)
            .is_err()
    );
    assert_eq!(cache.len(), 3, "refusals are not remembered");
}
