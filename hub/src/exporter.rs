//! Shows the hub's metrics to whoever scrapes them: `GET /metrics`, OpenMetrics text.
//!
//! The cast:
//! - `http`: the listener, bounded in connections and time.
//! - `collect`: what is looked up in the running hub at every scrape.
//! - `process`: what the operating system says of this process.
//!
//! There is no authentication here: the settings let it listen on loopback unless they say otherwise.

mod collect;
mod http;
mod process;

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context as _;
use tokio::net::TcpListener;

pub use collect::Sources;
pub use http::{CONNECTION_TIME_MAX, CONNECTIONS_MAX};

use crate::metrics::Metrics;

/// A listener that nobody is served on yet.
#[derive(Debug)]
pub struct Exporter {
    listener: TcpListener,
    metrics: Arc<Metrics>,
}

impl Exporter {
    /// Listens.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub async fn bind(listen: SocketAddr, metrics: Arc<Metrics>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(listen)
            .await
            .with_context(|| format!("metrics.listen = \"{listen}\": cannot listen there"))?;
        Ok(Self { listener, metrics })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the operating system does not say.
    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        Ok(self.listener.local_addr()?)
    }

    /// Serves until dropped.
    pub async fn run(self) {
        http::serve(self.listener, self.metrics).await;
    }
}
