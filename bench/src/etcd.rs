//! etcd: puts of new keys over TLS with client certificates, to one member.

use std::{
    fs,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use tokio::time::Instant;
use tonic::transport::Channel;

use crate::{
    server::{START_TIME_MAX, Server, free_address},
    site::{Node, Site},
    tls,
};

/// etcd's messages.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    reason = "generated code"
)]
mod proto {
    tonic::include_proto!("etcdserverpb");
}

use proto::{PutRequest, kv_client::KvClient};

/// Largest database in bytes: etcd's own default of 2 GiB would end a long run.
const QUOTA_BYTES: u64 = 16 << 30;

/// Starts a cluster of one.
pub(crate) async fn start(binary: &Path, site: &Site) -> anyhow::Result<Server> {
    let folder = site.folder().join("etcd");
    fs::create_dir_all(&folder)?;
    let data = folder.join("data");
    let (address, peers) = (free_address()?, free_address()?);
    let mut command = Command::new(binary);
    command.args(["--name", "bench", "--logger", "zap", "--log-level", "warn"]);
    command.arg("--data-dir").arg(&data);
    command.arg(format!("--listen-client-urls=https://{address}"));
    command.arg(format!("--advertise-client-urls=https://{address}"));
    command.arg(format!("--listen-peer-urls=http://{peers}"));
    command.arg(format!("--initial-advertise-peer-urls=http://{peers}"));
    command.arg(format!("--initial-cluster=bench=http://{peers}"));
    command.arg("--client-cert-auth=true");
    command.arg("--trusted-ca-file").arg(site.authority());
    command.arg("--cert-file").arg(site.server_certificate());
    command.arg("--key-file").arg(site.server_key());
    // The gateway for JSON would want a client certificate of its own; nobody here asks it.
    command.arg("--enable-grpc-gateway=false");
    command.arg(format!("--quota-backend-bytes={QUOTA_BYTES}"));
    let server = Server::listening("etcd", command, address, &data)?;
    let ends_at = Instant::now() + START_TIME_MAX;
    let node = site.nodes().first().context("a site has nodes")?;
    let first = Putter::connect(site, &server, (usize::MAX, node), Bytes::from_static(b"1"))?;
    while let Err(error) = first.call().await {
        if Instant::now() > ends_at {
            bail!("{error:#}: {}", server.explain());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(server)
}

/// A node that puts.
#[derive(Debug, Clone)]
pub(crate) struct Putter {
    client: KvClient<Channel>,
    number: usize,
    next: Arc<AtomicU64>,
    payload: Bytes,
}

impl Putter {
    /// The node of a number, on a connection of its own.
    pub(crate) fn connect(
        site: &Site,
        server: &Server,
        (number, node): (usize, &Node),
        payload: Bytes,
    ) -> anyhow::Result<Self> {
        // This release of etcd speaks TLS 1.2 and no newer one.
        let config = tls::client(site, node, tls::ANY)?;
        let channel = tls::channel(server.address(), config)?;
        Ok(Self {
            client: KvClient::new(channel),
            number,
            next: Arc::default(),
            payload,
        })
    }

    /// Puts the payload under a key of its own: a log has no key twice.
    pub(crate) async fn call(&self) -> anyhow::Result<()> {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        let request = PutRequest {
            key: format!("bench/{}/{next:012}", self.number).into(),
            value: self.payload.clone(),
        };
        let answer = self.client.clone().put(request).await?.into_inner();
        let header = answer.header.context("etcd says nothing")?;
        anyhow::ensure!(header.revision > 0, "etcd recorded nothing");
        Ok(())
    }
}
