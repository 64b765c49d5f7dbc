//! What was once said rightly, said again: under another method, by another agency, to another hub, at
//! another time. `tokens` has what is wrong with tokens and signatures one by one.

use std::sync::Arc;

use bytes::Bytes;
use hub::wire::rpc::{Effect, RPCS};
use hub_tests::{
    Site, World, channels, charter_file,
    clock::Shifted,
    raw::{
        Author, Session, bearer, reason,
        requests::{publish, request_id, to_addressees},
    },
    tokens::{LIFE_S, Token},
};
use jiff::SignedDuration;
use prost::Message as _;
use tonic::{Status, metadata::MetadataMap};

const PUBLISH: &str = channels!("PublishNotification");

/// A call as it went over the wire: whoever has this may send it again.
struct Recorded {
    request: Bytes,
    author: Author,
    token: String,
}

impl Recorded {
    fn of(session: &Session) -> Self {
        let draft = to_addressees("coordination", &["agencies/health"]);
        let request: Bytes = publish(draft, request_id()).encode_to_vec().into();
        Self {
            author: session.node.author(PUBLISH, &request),
            token: session.token.clone(),
            request,
        }
    }

    fn headers(&self, token: &str) -> MetadataMap {
        let mut headers = bearer(token);
        self.author.put(&mut headers);
        headers
    }

    /// Sends it over a session's connection, with a token.
    async fn again(
        &self,
        over: &Session,
        method: &'static str,
        token: &str,
    ) -> Result<Bytes, Status> {
        let headers = self.headers(token);
        over.raw.unary(method, self.request.clone(), headers).await
    }
}

fn head(world: &World) -> u64 {
    world.hub().engine().store().head()
}

#[tokio::test(flavor = "multi_thread")]
async fn under_another_method() {
    let world = World::start().await;
    let clerk = Session::new(&world, "tax", "a", &["clerk"]);
    let recorded = Recorded::of(&clerk);
    let first = recorded.again(&clerk, PUBLISH, &recorded.token).await;
    first.unwrap();
    let before = head(&world);
    let others = RPCS.iter().filter(|rpc| rpc.effect == Effect::Mutate);
    let others: Vec<_> = others.filter(|rpc| rpc.method != PUBLISH).collect();
    assert!(others.len() > 40, "every other act: {}", others.len());
    for rpc in others {
        let status = recorded.again(&clerk, rpc.method, &recorded.token).await;
        let status = status.unwrap_err();
        assert_eq!(
            reason(&status),
            "AUTHOR_SIGNATURE_INVALID",
            "{}: {status:?}",
            rpc.method
        );
    }
    assert_eq!(head(&world), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn by_another_agency() {
    let world = World::start().await;
    let clerk = Session::new(&world, "tax", "a", &["clerk"]);
    let thief = Session::new(&world, "health", "b", &["clerk"]);
    let recorded = Recorded::of(&clerk);
    let before = head(&world);
    // The stolen token is bound to another certificate; with a token of its own, the signature is not its
    // node's.
    let status = recorded.again(&thief, PUBLISH, &recorded.token).await;
    let status = status.unwrap_err();
    assert!(
        ["TOKEN_NOT_BOUND", "TOKEN_KEY_UNKNOWN", "TOKEN_INVALID"].contains(&&*reason(&status)),
        "{status:?}"
    );
    let status = recorded.again(&thief, PUBLISH, &thief.token).await;
    assert_eq!(reason(&status.unwrap_err()), "AUTHOR_SIGNATURE_INVALID");
    assert_eq!(head(&world), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn to_another_hub() {
    let world = World::start().await;
    let clerk = Session::new(&world, "tax", "a", &["clerk"]);
    let recorded = Recorded::of(&clerk);
    recorded
        .again(&clerk, PUBLISH, &recorded.token)
        .await
        .unwrap();

    // Of the same members, with the same certificates, keys and charter; only its name for tokens differs.
    let other = world.site.twin("token_audience = \"other.hub.example\"");
    let other = World::start_on(other, Arc::new(hub::clock::SystemClock)).await;
    let there = Session::new(&other, "tax", "a", &["clerk"]);
    let before = head(&other);
    let status = recorded.again(&there, PUBLISH, &recorded.token).await;
    let status = status.unwrap_err();
    assert_eq!(reason(&status), "TOKEN_INVALID", "{status:?}");
    assert!(status.message().contains("aud"), "{status:?}");
    assert_eq!(head(&other), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn at_another_time() {
    let clock = Arc::new(Shifted::default());
    let site = Site::with_charter(&charter_file(), "");
    let world = World::start_on(site, Arc::clone(&clock) as Arc<dyn hub::clock::Clock>).await;
    let clerk = Session::new(&world, "tax", "a", &["clerk"]);
    let recorded = Recorded::of(&clerk);
    let first = recorded
        .again(&clerk, PUBLISH, &recorded.token)
        .await
        .unwrap();
    let before = head(&world);
    // When its token's time is over, the call is.
    let later = SignedDuration::from_secs(2 * LIFE_S);
    clock.by(later);
    let status = recorded.again(&clerk, PUBLISH, &recorded.token).await;
    assert_eq!(reason(&status.unwrap_err()), "TOKEN_EXPIRED");
    // Its own node may say it again, and is told what was recorded the first time.
    let profile = world.site.profile("tax");
    let now_s = (jiff::Timestamp::now() + later).as_second();
    let fresh = Token::new(&profile, "a", &["clerk"])
        .claim("iat", now_s)
        .claim("exp", now_s + LIFE_S)
        .mint();
    let again = recorded.again(&clerk, PUBLISH, &fresh).await.unwrap();
    assert_eq!(again, first);
    assert_eq!(head(&world), before);
}
