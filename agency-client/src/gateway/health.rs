//! Whether the hub can be reached, for supervisors of the gateway.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tonic_health::{ServingStatus, server::HealthReporter};

use crate::client::{Client, forward::Forwarded};

/// How often the hub is asked.
const PROBE_INTERVAL: Duration = Duration::from_secs(3);
/// How long it may take to answer.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);
/// What the hub is asked.
const CHECK: &str = "/grpc.health.v1.Health/Check";
/// `HealthCheckResponse { status: SERVING }` as it stands on the wire.
const SERVING: &[u8] = &[8, 1];
/// What gRPC health answers for; the empty name is the gateway as a whole.
const SERVICES: [&str; 2] = ["", "hub.gateway.v1.GatewayService"];

/// Tells the health service that the hub is not known to be there.
pub(super) async fn start(reporter: &HealthReporter) {
    reporter
        .set_service_status("", ServingStatus::NotServing)
        .await;
    // The outbox takes what it is given also while the hub is away.
    reporter
        .set_service_status("hub.gateway.v1.GatewayService", ServingStatus::Serving)
        .await;
}

/// Asks the hub again and again, until the gateway drains.
pub(super) async fn watch(
    client: Client,
    reporter: HealthReporter,
    mut draining: watch::Receiver<bool>,
) {
    let mut was_reachable = None;
    loop {
        let is_reachable = probe(&client).await;
        if was_reachable != Some(is_reachable) {
            tracing::info!(is_reachable, endpoint = client.endpoint(), "the hub");
            was_reachable = Some(is_reachable);
        }
        let status = if is_reachable {
            ServingStatus::Serving
        } else {
            ServingStatus::NotServing
        };
        reporter.set_service_status("", status).await;
        let drained = async {
            drop(draining.wait_for(|is_draining| *is_draining).await);
        };
        tokio::select! {
            () = drained => break,
            () = tokio::time::sleep(PROBE_INTERVAL) => {}
        }
    }
    for service in SERVICES {
        reporter
            .set_service_status(service, ServingStatus::NotServing)
            .await;
    }
}

async fn probe(client: &Client) -> bool {
    let with = Forwarded {
        timeout: Some(PROBE_TIMEOUT),
        ..Forwarded::default()
    };
    let answer = client.forward_unary(CHECK, Bytes::new(), with).await;
    answer.is_ok_and(|answer| answer.get_ref() == SERVING)
}
