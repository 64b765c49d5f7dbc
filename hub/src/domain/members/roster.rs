//! The roster in memory: charter and rows together, small, read on every call.
//!
//! It is read from the rows anew after every entry that changes it, and swapped in whole.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use hub_core::{
    crypto::Digest,
    date,
    jwk::TokenJwk,
    names::{AgencyId, ChannelId, MechanismId, OfficerId, RoleId},
    workdays::Calendar,
};
use hub_proto::members::Liaison;
use jiff::{Timestamp, civil::Date};
use tokio::sync::watch;

use super::rows::{LiaisonRow, MembershipRow, NodeRow, TermRow, TokenKeyRow, liaison_period};
use crate::{
    charter::{Binding, Charter, MemberRole, Period, Who},
    error::{Error, Result},
    identity::{AgencyStanding, KeyStanding, NodeStanding, TokenKey},
    state::{
        keys::{Key, Kind},
        store::Direction,
        view::{View, decode},
    },
};

/// Most certificates of an agency, revoked ones included.
pub const NODES_MAX: usize = 64;

/// Most token keys of an agency, revoked ones included.
pub const TOKEN_KEYS_MAX: usize = 16;

/// More rows of a kind than the limits allow: a bound for scans.
const SCAN_MAX: usize = 100_000;

/// One agency's membership of a mechanism.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub agency: AgencyId,
    /// Lead or member.
    pub role: MemberRole,
    /// When.
    pub period: Period,
    /// What an added membership rests on; empty for the charter's own.
    pub basis: String,
}

/// Token keys by agency and kid; a row whose JWK this hub cannot use has no key.
type TokenKeys = BTreeMap<(AgencyId, String), (TokenKeyRow, Option<Arc<TokenKey>>)>;

/// Charter, calendar and rows.
#[derive(Debug)]
pub struct Roster {
    epoch: u64,
    charter: Arc<Charter>,
    calendar: Arc<Calendar>,
    /// Keyed by the row keys of membership, in their order.
    added: BTreeMap<(MechanismId, AgencyId), Vec<TermRow>>,
    liaisons: BTreeMap<(MechanismId, AgencyId), Vec<Liaison>>,
    nodes: HashMap<Digest, NodeRow>,
    token_keys: TokenKeys,
}

impl Roster {
    /// Reads the rows, beside the built-in calendar.
    ///
    /// # Errors
    /// When storage fails or a row is damaged.
    pub fn read(charter: Arc<Charter>, view: &(impl View + ?Sized), epoch: u64) -> Result<Self> {
        let calendar = Calendar::published().map_err(Error::internal)?;
        Self::read_beside(charter, Arc::new(calendar), view, epoch)
    }

    fn read_beside(
        charter: Arc<Charter>,
        calendar: Arc<Calendar>,
        view: &(impl View + ?Sized),
        epoch: u64,
    ) -> Result<Self> {
        Ok(Self {
            epoch,
            charter,
            calendar,
            added: rows_by_unit(view, Kind::Membership, |row: MembershipRow| row.terms)?,
            liaisons: rows_by_unit(view, Kind::Liaison, |row: LiaisonRow| row.terms)?,
            nodes: nodes(view)?,
            token_keys: token_keys(view)?,
        })
    }

    /// The same charter and calendar with other rows.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn with_rows(&self, view: &(impl View + ?Sized)) -> Result<Self> {
        let (charter, calendar) = (Arc::clone(&self.charter), Arc::clone(&self.calendar));
        Self::read_beside(charter, calendar, view, self.epoch)
    }

    /// The same charter and rows with another calendar.
    #[must_use]
    pub fn with_calendar(&self, calendar: Arc<Calendar>) -> Self {
        Self {
            epoch: self.epoch,
            charter: Arc::clone(&self.charter),
            calendar,
            added: self.added.clone(),
            liaisons: self.liaisons.clone(),
            nodes: self.nodes.clone(),
            token_keys: self.token_keys.clone(),
        }
    }

    /// The charter.
    #[must_use]
    pub fn charter(&self) -> &Charter {
        &self.charter
    }

    /// The calendar of working days in force: what is built in, with what the operator's file adds.
    /// It is no part of the ledger, so `apply` must not ask it.
    #[must_use]
    pub fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// Which reading of the rows this is.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The day of an instant in the charter's time zone.
    #[must_use]
    pub fn day(&self, at: Timestamp) -> Date {
        date::on(at, self.charter.zone())
    }

    /// Whether an agency is a member of a mechanism on a day.
    #[must_use]
    pub fn is_member(&self, agency: &AgencyId, mechanism: &MechanismId, on: Date) -> bool {
        let is_charter_member = self
            .charter
            .mechanism(mechanism)
            .and_then(|mechanism| mechanism.member(agency))
            .is_some_and(|member| member.period.contains(on));
        is_charter_member
            || self
                .added
                .get(&(mechanism.clone(), agency.clone()))
                .is_some_and(|terms| terms.iter().any(|term| term.period().contains(on)))
    }

    /// Whether an agency is a member of some mechanism on a day.
    #[must_use]
    pub fn is_member_of_any(&self, agency: &AgencyId, on: Date) -> bool {
        let mut mechanisms = self.charter.mechanisms().iter();
        mechanisms.any(|mechanism| self.is_member(agency, mechanism.id(), on))
    }

    /// Members of a mechanism on a day in official order; those added later follow in order of
    /// their first day.
    #[must_use]
    pub fn members(&self, mechanism: &MechanismId, on: Date) -> Vec<Member> {
        let Some(found) = self.charter.mechanism(mechanism) else {
            return vec![];
        };
        let own = found.members_on(on).map(|member| Member {
            agency: member.agency.clone(),
            role: member.role,
            period: member.period,
            basis: String::new(),
        });
        let mut added: Vec<Member> = self
            .added
            .iter()
            .filter(|((of, _), _)| of == mechanism)
            .flat_map(|((_, agency), terms)| terms.iter().map(move |term| (agency, term)))
            .filter(|(_, term)| term.period().contains(on))
            .map(|(agency, term)| Member {
                agency: agency.clone(),
                role: MemberRole::Member,
                period: term.period(),
                basis: term.basis.clone(),
            })
            .collect();
        added.sort_by_key(|member| member.period.from_on);
        own.chain(added).collect()
    }

    /// Mechanisms that an agency is a member of on a day.
    pub fn mechanisms_of<'a>(
        &'a self,
        agency: &'a AgencyId,
        on: Date,
    ) -> impl Iterator<Item = &'a MechanismId> {
        self.charter
            .mechanisms()
            .iter()
            .map(|mechanism| mechanism.id())
            .filter(move |id| self.is_member(agency, id, on))
    }

    /// The liaison of a unit on a day.
    #[must_use]
    pub fn liaison(
        &self,
        mechanism: &MechanismId,
        agency: &AgencyId,
        on: Date,
    ) -> Option<&Liaison> {
        self.liaisons
            .get(&(mechanism.clone(), agency.clone()))?
            .iter()
            .find(|term| liaison_period(term).contains(on))
    }

    /// Whether an officer is a liaison of an agency in some mechanism on a day.
    #[must_use]
    pub fn is_liaison(&self, agency: &AgencyId, officer: &OfficerId, on: Date) -> bool {
        self.charter.mechanisms().iter().any(|mechanism| {
            self.is_member(agency, mechanism.id(), on)
                && self
                    .liaison(mechanism.id(), agency, on)
                    .is_some_and(|liaison| liaison.officer == officer.as_str())
        })
    }

    /// Those of an officer's roles that are in force: granted to the agency, their binding met.
    #[must_use]
    pub fn roles_in_force(
        &self,
        agency: &AgencyId,
        officer: &OfficerId,
        roles: &[RoleId],
        on: Date,
    ) -> Vec<RoleId> {
        let is_bound = |binding| match binding {
            Some(Binding::AppointedLiaison) => self.is_liaison(agency, officer, on),
            None => true,
        };
        roles
            .iter()
            .filter(|id| {
                self.charter
                    .role(id)
                    .is_some_and(|role| role.is_granted_to(agency) && is_bound(role.binding()))
            })
            .cloned()
            .collect()
    }

    /// Days on which some membership of an agency begins or ends.
    fn membership_days(&self, agency: &AgencyId) -> impl Iterator<Item = Date> {
        let own = self
            .charter
            .mechanisms()
            .iter()
            .filter_map(|mechanism| mechanism.member(agency));
        let own = own.flat_map(|member| [member.period.from_on, member.period.until_on]);
        let added = self.added.iter().filter(move |((_, of), _)| of == agency);
        let added = added.flat_map(|(_, terms)| terms).map(TermRow::period);
        own.chain(added.flat_map(|period| [period.from_on, period.until_on]))
            .flatten()
    }

    /// Agencies that can read a channel on a day, in the charter's order.
    #[must_use]
    pub fn audience(&self, channel: &ChannelId, on: Date) -> Vec<AgencyId> {
        let Some(channel) = self.charter.channel(channel) else {
            return vec![];
        };
        self.charter
            .agencies()
            .iter()
            .map(|agency| agency.id())
            .filter(|id| {
                channel
                    .audience()
                    .includes(id, |of| self.is_member(id, of, on))
            })
            .cloned()
            .collect()
    }

    /// Whether an agency is in a set on a day.
    #[must_use]
    pub fn contains(&self, who: &Who, agency: &AgencyId, on: Date) -> bool {
        who.contains(agency, |mechanism| self.is_member(agency, mechanism, on))
    }

    /// Whether an agency may call at all: it is a member of a mechanism, or a body that one answers
    /// to.
    #[must_use]
    pub fn standing(&self, agency: &AgencyId, on: Date) -> AgencyStanding {
        if self.charter.agency(agency).is_none() {
            return AgencyStanding::Unknown;
        }
        let is_in_force = self.charter.mechanisms().iter().any(|mechanism| {
            mechanism.parent_body() == agency || self.is_member(agency, mechanism.id(), on)
        });
        if is_in_force {
            AgencyStanding::InForce
        } else {
            AgencyStanding::NotInForce
        }
    }

    /// How a certificate stands.
    #[must_use]
    pub fn node_standing(&self, fingerprint: &Digest) -> NodeStanding {
        match self.nodes.get(fingerprint) {
            None => NodeStanding::NotEnrolled,
            Some(row) if row.revoked_at_us != 0 => NodeStanding::Revoked,
            Some(row) => row
                .agency
                .parse()
                .map_or(NodeStanding::NotEnrolled, |agency| NodeStanding::Enrolled {
                    agency,
                }),
        }
    }

    /// A certificate.
    #[must_use]
    pub fn node(&self, fingerprint: &Digest) -> Option<&NodeRow> {
        self.nodes.get(fingerprint)
    }

    /// Certificates of an agency, newest first.
    #[must_use]
    pub fn nodes(&self, agency: &AgencyId) -> Vec<&NodeRow> {
        let mut nodes: Vec<&NodeRow> = self
            .nodes
            .values()
            .filter(|row| row.agency == agency.as_str())
            .collect();
        nodes.sort_by(|one, other| {
            let order = |row: &NodeRow| {
                (
                    std::cmp::Reverse(row.enrolled_at_us),
                    row.certificate.clone(),
                )
            };
            order(one).cmp(&order(other))
        });
        nodes
    }

    /// How a token key stands.
    #[must_use]
    pub fn key_standing(&self, agency: &AgencyId, kid: &str) -> KeyStanding {
        match self.token_keys.get(&(agency.clone(), kid.to_owned())) {
            None => KeyStanding::Unknown,
            Some((row, _)) if row.revoked_at_us != 0 => KeyStanding::Revoked,
            Some((_, Some(key))) => KeyStanding::Active(Arc::clone(key)),
            Some((_, None)) => KeyStanding::Unknown,
        }
    }

    /// Token keys of an agency, newest first.
    #[must_use]
    pub fn token_keys(&self, agency: &AgencyId) -> Vec<&TokenKeyRow> {
        let mut keys: Vec<&TokenKeyRow> = self
            .token_keys
            .values()
            .map(|(row, _)| row)
            .filter(|row| row.agency == agency.as_str())
            .collect();
        keys.sort_by_key(|row| std::cmp::Reverse(row.enrolled_at_us));
        keys
    }

    /// Whether an agency may give a role to its officers.
    #[must_use]
    pub fn is_role_granted(&self, agency: &AgencyId, role: &RoleId) -> bool {
        self.charter
            .role(role)
            .is_some_and(|role| role.is_granted_to(agency))
    }

    /// Mechanisms whose office an agency hosts.
    #[must_use]
    pub fn offices_of(&self, agency: &AgencyId) -> BTreeSet<MechanismId> {
        self.charter
            .mechanisms()
            .iter()
            .filter(|mechanism| mechanism.office().host == *agency)
            .map(|mechanism| mechanism.id().clone())
            .collect()
    }
}

fn rows_by_unit<M: prost::Message + Default, T>(
    view: &(impl View + ?Sized),
    kind: Kind,
    terms: fn(M) -> Vec<T>,
) -> Result<BTreeMap<(MechanismId, AgencyId), Vec<T>>> {
    scan(view, kind)?
        .into_iter()
        .map(|(key, value)| {
            let mut parts = key.get(1..).unwrap_or_default().split(|byte| *byte == 0);
            let unit = text_part(&mut parts).zip(text_part(&mut parts));
            let (mechanism, agency) = unit.ok_or_else(damaged)?;
            let mechanism = mechanism.parse().map_err(|_| damaged())?;
            let agency = agency.parse().map_err(|_| damaged())?;
            Ok(((mechanism, agency), terms(decode(value)?)))
        })
        .collect()
}

fn text_part<'a>(parts: &mut impl Iterator<Item = &'a [u8]>) -> Option<&'a str> {
    std::str::from_utf8(parts.next()?).ok()
}

fn nodes(view: &(impl View + ?Sized)) -> Result<HashMap<Digest, NodeRow>> {
    scan(view, Kind::Node)?
        .into_iter()
        .map(|(key, value)| {
            let fingerprint = key.get(1..).and_then(|part| part.try_into().ok());
            Ok((fingerprint.ok_or_else(damaged)?, decode(value)?))
        })
        .collect()
}

fn token_keys(view: &(impl View + ?Sized)) -> Result<TokenKeys> {
    scan(view, Kind::TokenKey)?
        .into_iter()
        .map(|(_, value)| {
            let row: TokenKeyRow = decode(value)?;
            let agency = row.agency.parse().map_err(|_| damaged())?;
            let jwk = TokenJwk::parse(&row.jwk).ok();
            let key = jwk.and_then(|jwk| TokenKey::new(&jwk).ok()).map(Arc::new);
            Ok(((agency, row.kid.clone()), (row, key)))
        })
        .collect()
}

fn scan(view: &(impl View + ?Sized), kind: Kind) -> Result<Vec<crate::state::store::Row>> {
    let (from, to) = Key::new(kind).range();
    view.scan(&from, &to, Direction::Forward, SCAN_MAX)
}

fn damaged() -> Error {
    Error::internal("a row of the roster is damaged; run `hub rebuild`")
}

/// The roster that everyone reads, and news of its changes.
#[derive(Debug)]
pub struct SharedRoster {
    current: ArcSwap<Roster>,
    /// Held while a new roster is made from the current one.
    changing: Mutex<()>,
    epoch: watch::Sender<u64>,
}

impl SharedRoster {
    /// Reads the rows for the first time.
    ///
    /// # Errors
    /// When storage fails.
    pub fn load(charter: Arc<Charter>, view: &(impl View + ?Sized)) -> Result<Self> {
        let roster = Roster::read(charter, view, 0)?;
        Ok(Self {
            current: ArcSwap::from_pointee(roster),
            changing: Mutex::new(()),
            epoch: watch::Sender::new(0),
        })
    }

    /// Reads the rows anew and tells everyone.
    ///
    /// # Errors
    /// When storage fails; the old roster stays then.
    pub fn refresh(&self, view: &(impl View + ?Sized)) -> Result<()> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut roster = self.current.load().with_rows(view)?;
        roster.epoch = roster.epoch.saturating_add(1);
        let epoch = roster.epoch;
        self.current.store(Arc::new(roster));
        self.epoch.send_replace(epoch);
        Ok(())
    }

    /// Puts another calendar in force. Nobody's standing depends on it, so nobody is told.
    pub fn set_calendar(&self, calendar: Calendar) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let roster = self.current.load().with_calendar(Arc::new(calendar));
        self.current.store(Arc::new(roster));
    }

    /// The roster as it stands.
    #[must_use]
    pub fn load_full(&self) -> Arc<Roster> {
        self.current.load_full()
    }

    /// Follows its changes.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.epoch.subscribe()
    }
}

impl crate::identity::Roster for SharedRoster {
    fn epochs(&self) -> watch::Receiver<u64> {
        self.watch()
    }

    fn agency(&self, agency: &AgencyId, now: Timestamp) -> AgencyStanding {
        let roster = self.current.load();
        roster.standing(agency, roster.day(now))
    }

    fn agency_changes_at(&self, agency: &AgencyId, now: Timestamp) -> Option<Timestamp> {
        let roster = self.current.load();
        let zone = roster.charter().zone();
        let next = roster
            .membership_days(agency)
            .filter_map(|on| zone.to_zoned(on.into()).ok());
        next.map(|zoned| zoned.timestamp())
            .filter(|at| *at > now)
            .min()
    }

    fn node(&self, fingerprint: &Digest) -> NodeStanding {
        self.current.load().node_standing(fingerprint)
    }

    fn token_key(&self, agency: &AgencyId, kid: &str) -> KeyStanding {
        self.current.load().key_standing(agency, kid)
    }

    fn is_role_granted(&self, agency: &AgencyId, role: &RoleId) -> bool {
        self.current.load().is_role_granted(agency, role)
    }
}
