//! HTTP/1.1 with one path and one method.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, Response, StatusCode,
    header::{ALLOW, CONTENT_TYPE},
};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
};

use crate::metrics::Metrics;

/// Open connections; further ones wait in the kernel.
pub const CONNECTIONS_MAX: usize = 8;

/// Time for one connection, which is one scrape: Prometheus's own time-out.
pub const CONNECTION_TIME_MAX: Duration = Duration::from_secs(10);

/// Bytes of a request's head; hyper takes no less than 8 KiB.
const HEAD_BYTES_MAX: usize = 8 * 1024;

/// Pause after the operating system refused to accept, as when it is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What OpenMetrics asks for.
const CONTENT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(super) async fn serve(listener: TcpListener, metrics: Arc<Metrics>) {
    // A scrape reads rows from the disk; one at a time is enough for anybody.
    let scrape = Arc::new(Semaphore::new(1));
    let mut connections = JoinSet::new();
    loop {
        let has_room = connections.len() < CONNECTIONS_MAX;
        tokio::select! {
            Some(ended) = connections.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a scrape's task failed");
                }
            }
            accepted = listener.accept(), if has_room => match accepted {
                Ok((tcp, _)) => {
                    let (metrics, scrape) = (Arc::clone(&metrics), Arc::clone(&scrape));
                    connections.spawn(connection(tcp, metrics, scrape));
                }
                Err(error) => {
                    tracing::warn!(%error, "the operating system refused to accept a scrape");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
}

async fn connection(tcp: TcpStream, metrics: Arc<Metrics>, scrape: Arc<Semaphore>) {
    let answers =
        service_fn(move |request| answer(request, Arc::clone(&metrics), Arc::clone(&scrape)));
    let served = http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(tcp), answers);
    match tokio::time::timeout(CONNECTION_TIME_MAX, served).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a scrape's connection failed"),
        Err(_) => tracing::debug!("a scrape took too long"),
    }
}

async fn answer(
    request: Request<Incoming>,
    metrics: Arc<Metrics>,
    scrape: Arc<Semaphore>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.uri().path() != "/metrics" {
        return Ok(plain(
            StatusCode::NOT_FOUND,
            "the metrics are at /metrics\n",
        ));
    }
    if request.method() != Method::GET {
        let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, "GET only\n");
        refused
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("GET"));
        return Ok(refused);
    }
    let failed = || plain(StatusCode::INTERNAL_SERVER_ERROR, "see the hub's log\n");
    let Ok(_one) = scrape.acquire().await else {
        return Ok(failed());
    };
    let encoded = tokio::task::spawn_blocking(move || metrics.encode()).await;
    let Ok(Ok(text)) = encoded else {
        tracing::error!("the metrics could not be written out");
        return Ok(failed());
    };
    let mut found = Response::new(Full::from(text));
    found
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(CONTENT));
    Ok(found)
}

fn plain(code: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = code;
    response
}
