//! `bench peers`: the hub against its peers, pair by pair and round by round.
//!
//! All servers stand ready; one at a time is under load. A round goes through all pairs. Within a pair
//! one system is measured right after the other, and who comes first changes from round to round, so
//! that a machine that slows down or speeds up favours nobody.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use agency_client::proto::channels::PublishNotificationRequest;
use bytes::Bytes;
use prost::Message as _;

use crate::{
    binaries::Binaries,
    echo,
    etcd::{self, Putter},
    load::{self, Caller, HubNode, Plan, Window},
    nats::{self, Publisher, Sync},
    report::{Findings, Row},
    server::{Server, hub_binary},
    site::{Node, Site},
    stats::Ratio,
};

/// Notifications in one call of the batch comparisons.
pub(crate) const BATCH_ITEMS: usize = 64;

/// Bytes of a notification's body and of every peer's message.
pub(crate) const BODY_BYTES: usize = 1024;

/// How the comparison is made.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Rounds; each measures every pair once.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) rounds: u32,
    /// Seconds that one system is measured in a round.
    #[arg(long, default_value_t = 3.0, value_parser = seconds)]
    pub(crate) seconds: f64,
    /// Seconds of load before each measurement.
    #[arg(long, default_value_t = 0.5, value_parser = seconds)]
    pub(crate) warm_up: f64,
    /// Client nodes, each on a connection of its own.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u16).range(1..=700))]
    pub(crate) nodes: u16,
    /// Single calls of a node under way.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) in_flight: u16,
    /// Batch calls of a node under way; the peers have as many messages under way.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) batches_in_flight: u16,
    /// Measure only these pairs.
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Vec<String>,
}

/// A time that a measurement may take, in seconds.
pub(crate) fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if (0.1..=600.0).contains(&value) => Ok(value),
        _ => Err("must be 0.1 to 600".into()),
    }
}

impl Options {
    /// Fewer and shorter rounds, for a look.
    pub(crate) fn quick(&mut self) {
        self.rounds = 3;
        self.seconds = 1.5;
    }

    fn plan(&self, pair: Pair) -> Plan {
        let in_flight = if pair.items == 1 {
            self.in_flight
        } else {
            self.batches_in_flight
        };
        Plan {
            in_flight: in_flight.into(),
            items: pair.items,
            warm_up: Duration::from_secs_f64(self.warm_up),
            measured: Duration::from_secs_f64(self.seconds),
        }
    }
}

/// Whom the hub is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Peer {
    Echo,
    NatsSync,
    NatsDefault,
    Etcd,
}

/// One comparison.
#[derive(Debug, Clone, Copy)]
struct Pair {
    name: &'static str,
    peer: Peer,
    items: usize,
    /// What issue and README promise.
    goal: f64,
}

const PAIRS: [Pair; 5] = [
    Pair {
        name: "unary_vs_signed_echo",
        peer: Peer::Echo,
        items: 1,
        goal: 0.85,
    },
    Pair {
        name: "unary_vs_nats_sync",
        peer: Peer::NatsSync,
        items: 1,
        goal: 1.25,
    },
    Pair {
        name: "unary_vs_etcd",
        peer: Peer::Etcd,
        items: 1,
        goal: 1.5,
    },
    Pair {
        name: "batch_vs_nats_sync",
        peer: Peer::NatsSync,
        items: BATCH_ITEMS,
        goal: 6.0,
    },
    Pair {
        name: "batch_vs_nats_default",
        peer: Peer::NatsDefault,
        items: BATCH_ITEMS,
        goal: 1.0,
    },
];

/// The servers that stand ready.
struct Stage {
    site: Site,
    hub: Server,
    peers: BTreeMap<Peer, Server>,
    body: Bytes,
    /// Of the same size as a publish of the hub on the wire.
    echoed: Bytes,
}

impl Stage {
    async fn set(
        folder: &std::path::Path,
        binaries: &Binaries,
        options: &Options,
        pairs: &[Pair],
    ) -> anyhow::Result<Self> {
        let site = Site::make(folder, options.nodes.into())?;
        let hub = Server::hub(&hub_binary(binaries.hub.as_deref())?, &site)?;
        let body = load::body(BODY_BYTES)?;
        let echoed = load::body(publish_bytes(&body))?;
        let mut peers = BTreeMap::new();
        for peer in pairs.iter().map(|pair| pair.peer) {
            if peers.contains_key(&peer) {
                continue;
            }
            if let Some(server) = start(peer, binaries, &site).await? {
                peers.insert(peer, server);
            }
        }
        Ok(Self {
            site,
            hub,
            peers,
            body,
            echoed,
        })
    }

    /// The peer's callers of a pair, one for each node.
    async fn peer_callers(&self, pair: Pair, server: &Server) -> anyhow::Result<Vec<Caller>> {
        let mut callers = vec![];
        for node in self.site.nodes().iter().enumerate() {
            callers.push(self.peer_caller(pair, server, node).await?);
        }
        Ok(callers)
    }

    async fn peer_caller(
        &self,
        pair: Pair,
        server: &Server,
        node: (usize, &Node),
    ) -> anyhow::Result<Caller> {
        let (site, body) = (&self.site, self.body.clone());
        Ok(match pair.peer {
            Peer::Echo => {
                let payload = self.echoed.clone();
                Caller::Echo(echo::Caller::connect(site, server, node, payload)?)
            }
            Peer::Etcd => Caller::Etcd(Putter::connect(site, server, node, body)?),
            Peer::NatsSync | Peer::NatsDefault => {
                let publisher = Publisher::connect(site, server, node, body, pair.items).await?;
                Caller::Nats(publisher)
            }
        })
    }

    fn hub_callers(&self, items: usize) -> anyhow::Result<Vec<Caller>> {
        let clients = self.site.clients(&self.hub.endpoint())?.into_iter();
        let node = |client| Caller::Hub(HubNode::new(client, self.body.clone(), items));
        Ok(clients.map(node).collect())
    }
}

/// Starts a peer, or says why it is left out.
async fn start(peer: Peer, binaries: &Binaries, site: &Site) -> anyhow::Result<Option<Server>> {
    let missing = |name: &str| {
        eprintln!("left out: {name} (no --peers folder, or it is not there); see bench/README.md");
    };
    Ok(match peer {
        Peer::Echo => Some(echo::start(site)?),
        Peer::NatsSync | Peer::NatsDefault => {
            let sync = match peer {
                Peer::NatsSync => Sync::BeforeAck,
                _ => Sync::Default,
            };
            match binaries.nats() {
                Some(binary) => Some(nats::start(&binary, site, sync).await?),
                None => {
                    missing("nats-server");
                    None
                }
            }
        }
        Peer::Etcd => match binaries.etcd() {
            Some(binary) => Some(etcd::start(&binary, site).await?),
            None => {
                missing("etcd");
                None
            }
        },
    })
}

/// How many bytes the request of a single publish has.
pub(crate) fn publish_bytes(body: &Bytes) -> usize {
    let request = PublishNotificationRequest {
        notification: Some(load::notification(body)),
        request_id: agency_client::request_id(),
    };
    request.encoded_len()
}

/// What a pair's rounds came to.
#[derive(Debug, Default)]
struct Rounds {
    hub: Vec<Window>,
    peer: Vec<Window>,
}

/// Measures and reports.
pub(crate) async fn run(
    options: &Options,
    binaries: &Binaries,
    folder: &std::path::Path,
) -> anyhow::Result<Findings> {
    let pairs: Vec<Pair> = PAIRS
        .into_iter()
        .filter(|pair| options.only.is_empty() || options.only.iter().any(|it| it == pair.name))
        .collect();
    anyhow::ensure!(!pairs.is_empty(), "--only names no pair");
    let folder: PathBuf = folder.join("peers");
    let stage = Stage::set(&folder, binaries, options, &pairs).await?;
    let mut callers = vec![];
    for pair in pairs {
        if let Some(server) = stage.peers.get(&pair.peer) {
            let hub = stage.hub_callers(pair.items)?;
            callers.push((pair, hub, stage.peer_callers(pair, server).await?, server));
        }
    }
    let mut rounds: Vec<Rounds> = callers.iter().map(|_| Rounds::default()).collect();
    for round in 0..options.rounds {
        for ((pair, hub, peer, server), rounds) in callers.iter().zip(&mut rounds) {
            let plan = options.plan(*pair);
            eprintln!("round {} of {}: {}", round + 1, options.rounds, pair.name);
            if round % 2 == 0 {
                rounds.hub.push(load::run(&stage.hub, hub, plan).await?);
                rounds.peer.push(load::run(server, peer, plan).await?);
            } else {
                rounds.peer.push(load::run(server, peer, plan).await?);
                rounds.hub.push(load::run(&stage.hub, hub, plan).await?);
            }
        }
    }
    let mut findings = Findings::default();
    for ((pair, _, _, server), rounds) in callers.iter().zip(&rounds) {
        let hub_name = if pair.items == 1 { "hub" } else { "hub, batch" };
        findings.row(Row::of(pair.name, hub_name, &rounds.hub, &stage.hub)?);
        findings.row(Row::of(pair.name, server.name(), &rounds.peer, server)?);
        let throughput = |window: &Window| window.throughput;
        let hub = rounds.hub.iter().map(throughput);
        let both: Vec<_> = hub.zip(rounds.peer.iter().map(throughput)).collect();
        findings.ratio(pair.name, Ratio::of(&both), Some(pair.goal));
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_echo_is_as_large_as_a_publish() {
        let body = load::body(BODY_BYTES).unwrap();
        let bytes = publish_bytes(&body);
        assert!((1_100..1_250).contains(&bytes), "{bytes}");
        assert_eq!(load::body(bytes).unwrap().len(), bytes);
    }

    #[test]
    fn a_load_of_batches_has_its_own_concurrency() {
        let options: Options = crate::options(&["--in-flight", "7"]).unwrap();
        let [single, .., batch] = PAIRS;
        let plan = options.plan(single);
        assert_eq!((plan.in_flight, plan.items), (7, 1));
        let plan = options.plan(batch);
        assert_eq!((plan.in_flight, plan.items), (2, BATCH_ITEMS));
    }
}
