//! Clients that misbehave, and honest ones that must not notice.
//!
//! Each attack is a wave: it is bounded, ends by itself, and can be sent again. The tests send one and
//! look at what the hub makes of it; `examples/hostile_load.rs` sends them without a pause and measures
//! what is left for the honest.

pub mod honest;
pub mod waves;

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use rustls::{ClientConfig, version::TLS13};
use tokio::net::{TcpSocket, TcpStream};

use crate::{
    Site,
    frames::{self, Wire},
    process::HubProcess,
    raw::{Node, Raw, Session, tls},
    tokens::Token,
};

/// Whence attackers come: not from where the honest do.
const FAR: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// Where a hub listens, and everything that a member of it has.
#[derive(Debug, Clone)]
pub struct Attacker {
    /// Where the hub listens.
    pub address: SocketAddr,
    /// Its own address.
    pub from: IpAddr,
    /// A member's officer in good standing.
    pub session: Session,
    /// TLS with the member's certificate.
    pub member: Arc<ClientConfig>,
    /// TLS without any certificate.
    pub stranger: Arc<ClientConfig>,
}

impl Attacker {
    /// A member's clerk who has turned bad.
    #[must_use]
    pub fn new(site: &Site, address: SocketAddr, agency: &str) -> Self {
        let authority = site.authority();
        let session = session(site, address, agency);
        Self {
            address,
            from: FAR,
            member: Arc::new(session.node.tls(&authority)),
            stranger: Arc::new(tls(&authority, None, &TLS13)),
            session,
        }
    }

    /// A connection on which nothing has been said yet.
    ///
    /// # Errors
    /// Of TCP.
    pub async fn tcp(&self) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        // A port that another connection has just left may be taken again.
        socket.set_reuseaddr(true)?;
        socket.bind(SocketAddr::new(self.from, 0))?;
        socket.connect(self.address).await
    }

    /// A connection over TLS on which nothing has been said yet.
    ///
    /// # Errors
    /// Of TCP or TLS.
    pub async fn connect(&self) -> io::Result<Wire> {
        Wire::over(self.tcp().await?, Arc::clone(&self.member)).await
    }

    /// The same without a certificate.
    ///
    /// # Errors
    /// Of TCP or TLS.
    pub async fn connect_as_stranger(&self) -> io::Result<Wire> {
        Wire::over(self.tcp().await?, Arc::clone(&self.stranger)).await
    }

    /// A connection that speaks HTTP/2 with these settings.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub async fn begin(&self, settings: &[(u16, u32)]) -> io::Result<Wire> {
        let mut wire = self.connect().await?;
        wire.begin(settings).await?;
        Ok(wire)
    }

    /// Header fields of a call of this member.
    #[must_use]
    pub fn call(&self, path: &str) -> Vec<u8> {
        frames::call(path, &self.session.token)
    }
}

/// A clerk of an agency, on a connection of its own.
#[must_use]
pub fn session(site: &Site, address: SocketAddr, agency: &str) -> Session {
    let profile = site.profile(agency);
    let node = Node::of_profile(&profile);
    Session {
        raw: Raw::new(address, node.tls(&site.authority())),
        token: Token::new(&profile, &format!("{agency}-clerk-1"), &["clerk"]).mint(),
        node,
    }
}

/// A hub in a process of its own, an attacker, and the honest.
#[derive(Debug)]
pub struct Field {
    // Before the site: the hub stops before its folder goes.
    /// The hub.
    pub hub: HubProcess,
    /// Its settings and PKI.
    pub site: Site,
    /// A member that misbehaves.
    pub attacker: Attacker,
    /// Resident memory before anything happened.
    pub resident_bytes_before: u64,
}

impl Field {
    /// Starts a hub with further settings.
    #[must_use]
    pub fn with(settings: &str) -> Self {
        let site = Site::with_charter(&crate::charter_file(), settings);
        let hub = HubProcess::start(&site.config_file());
        let attacker = Attacker::new(&site, hub.address(), "tax");
        Self {
            resident_bytes_before: hub.resident_bytes(),
            hub,
            site,
            attacker,
        }
    }

    /// A clerk of an agency, on a connection of its own.
    #[must_use]
    pub fn session(&self, agency: &str) -> Session {
        session(&self.site, self.hub.address(), agency)
    }

    /// How much the hub has grown.
    #[must_use]
    pub fn grown_bytes(&self) -> u64 {
        let now = self.hub.resident_bytes();
        now.saturating_sub(self.resident_bytes_before)
    }
}
