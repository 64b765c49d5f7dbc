use http::HeaderValue;
use tonic::{Status, body::Body};
use tonic_types::StatusExt as _;
use tower::ServiceExt as _;

use super::*;
use crate::identity::{NodeStanding, testing::World};

/// Calls through the layer; the inner service answers with the officer it was told, or `-`.
async fn call(world: &World, request: Request<Body>) -> Result<String, Status> {
    let inner = tower::service_fn(|request: Request<Body>| async move {
        let caller = request.extensions().get::<Arc<Caller>>();
        let officer = caller.map_or("-", |caller| caller.officer.as_str());
        let mut response = Response::new(Body::empty());
        response
            .headers_mut()
            .insert("officer", officer.parse().unwrap());
        Ok::<_, std::convert::Infallible>(response)
    });
    let service = IdentityLayer::new(Arc::clone(&world.identity)).layer(inner);
    let response = service.oneshot(request).await.unwrap();
    match Status::from_header_map(response.headers()) {
        Some(status) => Err(status),
        None => Ok(response.headers()["officer"].to_str().unwrap().to_owned()),
    }
}

fn request(world: &World, path: &str) -> Request<Body> {
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = path.parse().unwrap();
    request.extensions_mut().insert(world.info());
    request
}

const PATH: &str = "/hub.members.v1.MembersService/WhoAmI";
const HEALTH: &str = "/grpc.health.v1.Health/Check";

fn with_token(world: &World, authorization: &str) -> Request<Body> {
    let mut request = request(world, PATH);
    let value = HeaderValue::from_str(authorization).unwrap();
    request.headers_mut().insert(AUTHORIZATION, value);
    request
}

async fn refused(world: &World, request: Request<Body>, reason: Reason) {
    let status = call(world, request).await.unwrap_err();
    let info = status.get_details_error_info().unwrap();
    assert_eq!(info.reason, reason.as_str(), "{status:?}");
}

#[tokio::test]
async fn a_known_officer_reaches_the_handler() {
    let world = World::new();
    for scheme in ["Bearer", "bearer"] {
        let request = with_token(&world, &format!("{scheme} {}", world.token()));
        assert_eq!(call(&world, request).await.unwrap(), "tax-clerk-1");
    }
}

#[tokio::test]
async fn a_missing_or_doubled_token_is_refused() {
    let world = World::new();
    refused(&world, request(&world, PATH), Reason::TokenMissing).await;
    for header in ["Bearer", "Bearer ", "Basic dGF4OnRheA==", ""] {
        refused(&world, with_token(&world, header), Reason::TokenMissing).await;
    }
    let token = format!("Bearer {}", world.token());
    let mut doubled = with_token(&world, &token);
    doubled
        .headers_mut()
        .append(AUTHORIZATION, token.parse().unwrap());
    refused(&world, doubled, Reason::TokenMissing).await;
    refused(
        &world,
        with_token(&world, "Bearer a.b.c"),
        Reason::TokenInvalid,
    )
    .await;
}

#[tokio::test]
async fn the_health_service_needs_a_known_node_but_no_token() {
    let world = World::new();
    assert_eq!(call(&world, request(&world, HEALTH)).await.unwrap(), "-");
    world.roster.change(|state| state.nodes.clear());
    refused(&world, request(&world, HEALTH), Reason::NodeNotEnrolled).await;
    let near = "/grpc.health.v1.HealthX/Check";
    refused(
        &world,
        request(&World::new(), near),
        Reason::NodeNotEnrolled,
    )
    .await;
}

#[tokio::test]
async fn each_standing_of_agency_and_node_has_its_reason() {
    let world = World::new();
    let token = format!("Bearer {}", world.token());
    let tax = world.peer.agency.clone();
    let fingerprint = world.peer.fingerprint;
    let standing = |standing| {
        world.roster.change(|state| {
            state.agencies.insert(tax.clone(), standing);
        });
    };
    let node = |standing| {
        world.roster.change(|state| {
            state.nodes.insert(fingerprint, standing);
        });
    };
    standing(AgencyStanding::Unknown);
    refused(&world, with_token(&world, &token), Reason::AgencyUnknown).await;
    standing(AgencyStanding::NotInForce);
    refused(&world, with_token(&world, &token), Reason::AgencyNotInForce).await;
    standing(AgencyStanding::InForce);
    node(NodeStanding::NotEnrolled);
    refused(&world, with_token(&world, &token), Reason::NodeNotEnrolled).await;
    let agency = "customs".parse().unwrap();
    node(NodeStanding::Enrolled { agency });
    refused(&world, with_token(&world, &token), Reason::NodeNotEnrolled).await;
    node(NodeStanding::Revoked);
    refused(&world, with_token(&world, &token), Reason::NodeRevoked).await;
    node(NodeStanding::Enrolled {
        agency: tax.clone(),
    });
    assert!(call(&world, with_token(&world, &token)).await.is_ok());
}

#[tokio::test]
async fn an_open_connection_does_not_outlive_its_certificate() {
    let world = World::new();
    let list = [world.peer.serial.as_slice()].into_iter().collect();
    world.revoked.send_replace(Arc::new(list));
    let token = format!("Bearer {}", world.token());
    refused(&world, with_token(&world, &token), Reason::NodeRevoked).await;

    let world = World::new();
    world.clock.advance_us(86_400_000_000 + 1);
    refused(&world, request(&world, HEALTH), Reason::NodeExpired).await;
}

#[tokio::test]
async fn a_certificate_that_names_no_node_gets_its_own_error() {
    let world = World::new();
    let mut nameless = request(&world, HEALTH);
    nameless.extensions_mut().insert(PeerInfo {
        peer: Err(Error::new(Reason::NodeIdentityInvalid, "has two names")),
        is_resumed: false,
        throttle: world.info().throttle,
    });
    let status = call(&world, nameless).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unauthenticated);
    assert!(status.message().contains("two names"));
    let mut bare = request(&world, PATH);
    bare.extensions_mut().clear();
    refused(&world, bare, Reason::Internal).await;
}

mod watch {
    use std::time::Duration;

    use super::*;

    async fn caller(world: &World) -> Arc<Caller> {
        let headers = with_token(world, &format!("Bearer {}", world.token()));
        world
            .identity
            .caller(&world.peer, headers.headers())
            .unwrap()
    }

    /// True while the watch has nothing to say, however often it is polled.
    async fn is_quiet(watch: &mut CallerWatch) -> bool {
        futures::poll!(std::pin::pin!(watch.ended())).is_pending()
    }

    async fn ends_with(mut watch: CallerWatch, reason: Reason) {
        let error = tokio::time::timeout(Duration::from_secs(5), watch.ended()).await;
        assert_eq!(error.expect("it wakes").reason, reason);
    }

    #[tokio::test]
    async fn a_stream_ends_with_its_callers_standing() {
        type Change = fn(&World);
        let changes: [(Change, Reason); 5] = [
            (
                |world| {
                    let list = [world.peer.serial.as_slice()].into_iter().collect();
                    world.revoked.send_replace(Arc::new(list));
                },
                Reason::NodeRevoked,
            ),
            (
                |world| {
                    world.roster.change(|state| {
                        let revoked = NodeStanding::Revoked;
                        state.nodes.insert(world.peer.fingerprint, revoked);
                    });
                },
                Reason::NodeRevoked,
            ),
            (
                |world| {
                    world.roster.change(|state| {
                        let agency = world.peer.agency.clone();
                        state.agencies.insert(agency, AgencyStanding::NotInForce);
                    });
                },
                Reason::AgencyNotInForce,
            ),
            (
                |world| world.roster.change(|state| state.keys.clear()),
                Reason::TokenKeyUnknown,
            ),
            (
                |world| world.roster.change(|state| state.roles.clear()),
                Reason::RoleNotGranted,
            ),
        ];
        for (change, reason) in changes {
            let world = World::new();
            let mut watch = world.identity.watch(caller(&world).await);
            assert!(is_quiet(&mut watch).await);
            world.roster.change(|_| {});
            assert!(
                is_quiet(&mut watch).await,
                "an unrelated change ends nothing"
            );
            let waiting = tokio::spawn(ends_with(watch, reason));
            tokio::task::yield_now().await;
            change(&world);
            waiting.await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_change_between_the_call_and_the_watch_is_not_missed() {
        let world = World::new();
        let watch = world.identity.watch(caller(&world).await);
        world.roster.change(|state| state.nodes.clear());
        ends_with(watch, Reason::NodeNotEnrolled).await;
    }

    /// The clock is moved to 20 ms before the end, so that the watch's own sleep is short.
    #[tokio::test]
    async fn it_wakes_when_the_token_expires() {
        let world = World::new();
        let mut watch = world.identity.watch(caller(&world).await);
        world.clock.advance_us(599_980_000);
        assert!(is_quiet(&mut watch).await);
        let waiting = tokio::spawn(ends_with(watch, Reason::TokenExpired));
        tokio::task::yield_now().await;
        world.clock.advance_us(20_000);
        waiting.await.unwrap();
    }

    #[tokio::test]
    async fn it_wakes_when_membership_ends_by_date_alone() {
        let world = World::new();
        let at = world.clock.now() + jiff::SignedDuration::from_millis(20);
        world.roster.change(|state| state.changes_at = Some(at));
        let mut watch = world.identity.watch(caller(&world).await);
        assert!(is_quiet(&mut watch).await);
        let waiting = tokio::spawn(ends_with(watch, Reason::AgencyNotInForce));
        tokio::task::yield_now().await;
        world.clock.advance_us(20_000);
        waiting.await.unwrap();
    }
}
