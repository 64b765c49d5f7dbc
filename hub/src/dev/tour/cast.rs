//! Who plays: every agency of the charter, its clients, and the receipts that it was given.

use std::collections::BTreeMap;

use agency_client::{Authored, Client, Profile, Recorded, profile};
use anyhow::Context as _;
use hub_core::names::AgencyId;
use hub_proto::common::Receipt;

use crate::{charter::Charter, dev::site::Site};

/// A receipt that an agency was given, to be proved at the end.
#[derive(Debug)]
pub(super) struct Given {
    /// For what.
    pub(super) what: &'static str,
    /// The receipt.
    pub(super) receipt: Receipt,
    /// What the agency signed for it; nothing when another authored the entry.
    pub(super) authored: Option<Authored>,
}

/// An agency.
#[derive(Debug)]
pub(super) struct Player {
    /// Its official name today.
    pub(super) name: String,
    profile: Profile,
    endpoint: String,
    /// Receipts that it was given.
    pub(super) given: Vec<Given>,
    /// Notifications that it has received, by name.
    pub(super) received: Vec<String>,
    /// Its liaison today; empty for a body that has none.
    pub(super) liaison: String,
}

impl Player {
    /// A client for an officer under a role.
    pub(super) fn officer(&self, officer: &str, role: &str) -> anyhow::Result<Client> {
        Ok(Client::builder(&self.profile)
            .endpoint(&self.endpoint)
            .officer(officer)
            .roles([role])
            .build()?)
    }

    /// A clerk.
    pub(super) fn clerk(&self) -> anyhow::Result<Client> {
        self.officer(&format!("{}-clerk-1", self.profile.agency), "clerk")
    }

    /// The unit's leader.
    pub(super) fn leader(&self) -> anyhow::Result<Client> {
        self.officer(&format!("{}-leader", self.profile.agency), "leader")
    }

    /// Keeps a receipt of the agency's own act.
    pub(super) fn keep<T>(
        &mut self,
        what: &'static str,
        recorded: &Recorded<T>,
        receipt: Option<Receipt>,
    ) -> anyhow::Result<()> {
        let receipt = receipt.with_context(|| format!("{}: no receipt for {what}", self.name))?;
        self.given.push(Given {
            what,
            receipt,
            authored: Some(recorded.authored.clone()),
        });
        Ok(())
    }
}

/// Everyone.
#[derive(Debug)]
pub(super) struct Cast {
    /// By agency id.
    pub(super) players: BTreeMap<String, Player>,
    /// Ids in the charter's order.
    pub(super) order: Vec<String>,
    charter: Charter,
}

impl Cast {
    pub(super) fn new(site: &Site, endpoint: &str) -> anyhow::Result<Self> {
        let today = jiff::Zoned::now().date();
        let mut players = BTreeMap::new();
        let mut order = vec![];
        for agency in site.charter().agencies() {
            let id = agency.id().to_string();
            let file = site.profiles_dir().join(&id).join("profile.toml");
            let player = Player {
                name: agency.name_on(today).to_owned(),
                profile: profile::load(&file)?,
                endpoint: endpoint.to_owned(),
                given: vec![],
                received: vec![],
                liaison: String::new(),
            };
            players.insert(id.clone(), player);
            order.push(id);
        }
        Ok(Self {
            players,
            order,
            charter: site.charter().clone(),
        })
    }

    /// An agency.
    pub(super) fn player(&mut self, id: &str) -> anyhow::Result<&mut Player> {
        self.players
            .get_mut(id)
            .with_context(|| format!("the charter has no agency {id}"))
    }

    /// Mechanisms of which an agency is a member by charter.
    pub(super) fn mechanisms(&self, id: &str) -> Vec<String> {
        let Ok(agency) = id.parse::<AgencyId>() else {
            return vec![];
        };
        let all = self.charter.mechanisms().iter();
        all.filter(|mechanism| mechanism.member(&agency).is_some())
            .map(|mechanism| mechanism.id().to_string())
            .collect()
    }

    /// The departments: members of some mechanism, in the charter's order.
    pub(super) fn departments(&self) -> Vec<String> {
        self.order
            .iter()
            .filter(|id| !self.mechanisms(id).is_empty())
            .cloned()
            .collect()
    }
}
