//! NATS JetStream: one stream in files, over TLS with client certificates.

use std::{fs, path::Path, process::Command, time::Duration};

use anyhow::{Context as _, bail};
use async_nats::{
    ConnectOptions,
    jetstream::{
        self,
        context::ContextBuilder,
        stream::{Config, StorageType},
    },
};
use bytes::Bytes;
use futures::future::try_join_all;
use tokio::time::Instant;

use crate::{
    server::{START_TIME_MAX, Server, free_address},
    site::{Node, Site},
};

/// Most acknowledgements that one connection waits for.
const ACKS_MAX: usize = 16 * 1024;

/// What an acknowledgement may take. Nothing that is measured comes near; it ends a run that hangs.
const ACK_TIME_MAX: Duration = Duration::from_secs(60);

/// When JetStream syncs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sync {
    /// Before every acknowledgement, as the hub does.
    BeforeAck,
    /// Every two minutes: its default.
    Default,
}

impl Sync {
    fn name(self) -> &'static str {
        match self {
            Self::BeforeAck => "nats-sync",
            Self::Default => "nats-default",
        }
    }

    fn setting(self) -> &'static str {
        match self {
            Self::BeforeAck => "sync_interval: always",
            Self::Default => "",
        }
    }
}

/// Starts a server with a stream, by the certificates of a site.
pub(crate) async fn start(binary: &Path, site: &Site, sync: Sync) -> anyhow::Result<Server> {
    let folder = site.folder().join(sync.name());
    fs::create_dir_all(&folder)?;
    let (data, address) = (folder.join("data"), free_address()?);
    let settings = folder.join("nats.conf");
    fs::write(
        &settings,
        format!(
            r#"listen: "{address}"
tls {{
  cert_file: "{}"
  key_file: "{}"
  ca_file: "{}"
  verify: true
}}
jetstream {{
  store_dir: "{}"
  max_file_store: 100GB
  {}
}}
"#,
            site.server_certificate().display(),
            site.server_key().display(),
            site.authority().display(),
            data.display(),
            sync.setting(),
        ),
    )?;
    let mut command = Command::new(binary);
    command.arg("-c").arg(&settings);
    let server = Server::listening(sync.name(), command, address, &data)?;
    let ends_at = Instant::now() + START_TIME_MAX;
    let node = site.nodes().first().context("a site has nodes")?;
    while let Err(error) = make_stream(site, node, &server).await {
        if Instant::now() > ends_at {
            bail!("{error:#}: {}", server.explain());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(server)
}

async fn make_stream(site: &Site, node: &Node, server: &Server) -> anyhow::Result<()> {
    let context = connect(site, node, server).await?;
    let stream = Config {
        name: "bench".into(),
        subjects: vec!["bench.>".into()],
        storage: StorageType::File,
        num_replicas: 1,
        ..Config::default()
    };
    context.create_stream(stream).await?;
    Ok(())
}

async fn connect(site: &Site, node: &Node, server: &Server) -> anyhow::Result<jetstream::Context> {
    let client = ConnectOptions::new()
        .add_root_certificates(site.authority())
        .add_client_certificate(node.certificate.clone(), node.key.clone())
        .require_tls(true)
        .connect(format!("tls://{}", server.address()))
        .await?;
    let context = ContextBuilder::new()
        .timeout(ACK_TIME_MAX)
        .max_ack_inflight(ACKS_MAX);
    Ok(context.build(client))
}

/// A node that publishes.
#[derive(Debug, Clone)]
pub(crate) struct Publisher {
    context: jetstream::Context,
    subject: String,
    payload: Bytes,
    items: usize,
}

impl Publisher {
    /// The node of a number, on a connection of its own. A call of it publishes so many items and then
    /// waits for all of their acknowledgements.
    pub(crate) async fn connect(
        site: &Site,
        server: &Server,
        (number, node): (usize, &Node),
        payload: Bytes,
        items: usize,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            context: connect(site, node, server).await?,
            subject: format!("bench.node-{number}"),
            payload,
            items,
        })
    }

    /// Publishes, and waits until all of it is acknowledged.
    pub(crate) async fn call(&self) -> anyhow::Result<()> {
        let mut acks = Vec::with_capacity(self.items);
        for _ in 0..self.items {
            let (subject, payload) = (self.subject.clone(), self.payload.clone());
            acks.push(self.context.publish(subject, payload).await?.into_future());
        }
        try_join_all(acks).await?;
        Ok(())
    }
}
