//! What every system under measurement shares: one authority, node certificates with Ed25519 keys, and a
//! folder that ends with the run.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use agency_client::{Client, Profile, RetryPolicy, profile};
use anyhow::Context as _;
use certs::{
    KeyKind,
    pki::{InitOptions, IssueOptions, Pki},
};
use hub::identity::{Caller, Peer};
use hub_core::crypto::SigningKey;
use jiff::{SignedDuration, Timestamp};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};

/// Members of the joint-enforcement mechanism, in the charter's order: who publishes and reads.
pub(crate) const AGENCIES: [&str; 12] = [
    "civil-affairs",
    "publicity",
    "political-legal",
    "cyberspace",
    "education",
    "public-security",
    "human-resources",
    "culture-tourism",
    "health",
    "market-regulation",
    "foreign-affairs",
    "state-security",
];

/// The channel that all of them read and write.
pub(crate) const CHANNEL: &str = "joint-enforcement";

/// The role of a department's own systems: it may publish, receive and acknowledge.
const ROLE: &str = "publisher";

/// What one call may take. Nothing that is measured comes near; it ends a run that hangs.
const CALL_TIME_MAX: Duration = Duration::from_secs(60);

/// For how long the nodes' certificates have been good.
const HISTORY: SignedDuration = SignedDuration::from_hours(24);

/// A folder with everything in it.
#[derive(Debug)]
pub(crate) struct Site {
    folder: PathBuf,
    nodes: Vec<Node>,
}

/// One client node.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    profile: Profile,
    /// Its certificate, PEM.
    pub(crate) certificate: PathBuf,
    /// Its key, PKCS#8 PEM.
    pub(crate) key: PathBuf,
}

impl Site {
    /// Makes a PKI with so many nodes, spread over the agencies, and the hub's settings.
    pub(crate) fn make(folder: &Path, nodes: usize) -> anyhow::Result<Self> {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let mut pki = Pki::init(&folder.join("pki"), &InitOptions::default())?;
        let mut made = vec![];
        for (number, agency) in (0..nodes).zip(AGENCIES.into_iter().cycle()) {
            let name = format!("node-{}", number / AGENCIES.len() + 1);
            let mut options = IssueOptions::new(agency, name);
            options.key_kind = KeyKind::Ed25519;
            options.roles = vec![ROLE.into()];
            // Good before now, for ledgers with a history.
            options.not_before_at = Some(Timestamp::now().checked_sub(HISTORY)?);
            options.officer = Some(format!("{agency}-system-1"));
            let issued = pki.issue(&options)?;
            let file = issued.profile_file.context("a profile was asked for")?;
            let profile = profile::load(&file)?;
            made.push(Node {
                certificate: profile.certificate.clone().into(),
                key: profile.key.clone().into(),
                profile,
            });
        }
        let trust_domain = pki.trust_domain().to_owned();
        drop(pki);
        let charter = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charters/shanxi.toml");
        fs::copy(&charter, folder.join("charter.toml"))
            .with_context(|| charter.display().to_string())?;
        fs::write(folder.join("hub.toml"), settings(&trust_domain))?;
        Ok(Self {
            folder: folder.to_owned(),
            nodes: made,
        })
    }

    /// The folder of it all.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The hub's settings.
    pub(crate) fn config_file(&self) -> PathBuf {
        self.folder.join("hub.toml")
    }

    /// The hub's data.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The authority's certificate, PEM.
    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.join("pki/ca/ca.pem")
    }

    /// The servers' certificate, PEM. Peers use the hub's: it names this machine.
    pub(crate) fn server_certificate(&self) -> PathBuf {
        self.folder.join("pki/hub/hub.pem")
    }

    /// The servers' key, PEM.
    pub(crate) fn server_key(&self) -> PathBuf {
        self.folder.join("pki/hub/hub.key")
    }

    /// The nodes.
    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// A client of every node, on a connection of its own.
    pub(crate) fn clients(&self, endpoint: &str) -> anyhow::Result<Vec<Client>> {
        let nodes = self.nodes.iter();
        nodes.map(|node| node.client(endpoint)).collect()
    }
}

impl Node {
    /// A client of the hub on a connection of its own. A call that fails is not tried again: a measured
    /// call is one call.
    pub(crate) fn client(&self, endpoint: &str) -> anyhow::Result<Client> {
        let client = Client::builder(&self.profile)
            .endpoint(endpoint)
            .deadline(CALL_TIME_MAX)
            .retry(RetryPolicy::never())
            .build()?;
        Ok(client)
    }
}

impl Node {
    /// The node's officer as the hub's identity layer would put it before a service.
    pub(crate) fn caller(&self, trust_domain: &str, now: Timestamp) -> anyhow::Result<Caller> {
        let certificate = CertificateDer::from_pem_file(&self.certificate)?;
        let roles = self.profile.roles.iter().map(|role| role.parse());
        Ok(Caller {
            peer: Arc::new(Peer::from_certificate(&certificate, trust_domain)?),
            officer: self.profile.officer.parse()?,
            roles: roles.collect::<Result<_, _>>()?,
            token_expires_at: now.checked_add(SignedDuration::from_hours(24))?,
            token_kid: self.profile.token_kid.clone(),
        })
    }

    /// The key that it signs with.
    pub(crate) fn signing_key(&self) -> anyhow::Result<SigningKey> {
        Ok(SigningKey::from_pkcs8(&certs::files::read_key(&self.key)?)?)
    }
}

/// The hub as it is deployed, but for two things: it listens where the system lets it, and the number of
/// calls that an agency may make in a second is above what is measured. The limiter itself stays on.
fn settings(trust_domain: &str) -> String {
    format!(
        r#"listen = "127.0.0.1:0"
data_dir = "data"
charter = "charter.toml"
trust_domain = "{trust_domain}"
roster_dir = "pki/roster"

[ledger]
origin = "{trust_domain}"
key = "pki/hub/ledger.key"

[tls]
certificate = "pki/hub/hub.pem"
key = "pki/hub/hub.key"
client_ca = "pki/ca/ca.pem"
crl = "pki/crl.pem"

[limits]
agency_calls_per_second_max = 1000000
agency_calls_burst_max = 1000000
# All clients come from one address, and at once.
address_connections_burst_max = 100000
node_connections_burst_max = 100000
node_bytes_per_second_max = 1099511627776

[log]
filter = "warn"
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_has_what_the_hub_and_its_peers_need() {
        let folder = tempfile::tempdir().unwrap();
        let site = Site::make(folder.path(), 14).unwrap();
        hub::config::Config::read(&site.config_file()).unwrap();
        let nodes: Vec<_> = site
            .nodes()
            .iter()
            .map(|node| (node.profile.agency.as_str(), node.profile.node.as_str()))
            .collect();
        assert_eq!(nodes.len(), 14);
        assert_eq!(
            (nodes[0], nodes[13]),
            (("civil-affairs", "node-1"), ("publicity", "node-2"))
        );
        for node in site.nodes() {
            let key = node.signing_key().unwrap();
            assert!(matches!(key, SigningKey::Ed25519(_)), "as the echo's");
        }
        for file in [
            site.authority(),
            site.server_certificate(),
            site.server_key(),
        ] {
            assert!(file.is_file(), "{}", file.display());
        }
    }

    #[test]
    fn the_agencies_are_those_of_the_charter() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charters/shanxi.toml");
        let charter = hub::charter::Charter::read(&file).unwrap();
        let known: Vec<_> = charter
            .agencies()
            .iter()
            .map(|it| it.id().as_str())
            .collect();
        assert!(AGENCIES.iter().all(|agency| known.contains(agency)));
    }
}
