//! Reading referrals: one, and pages of an agency's own. Each read is on the record before it is answered.

use hub_core::{
    names::{ReferralName, RequestId},
    uscc::Uscc,
};
use hub_proto::referrals::{
    GetReferralRequest, ListReferralsRequest, ListReferralsResponse, Referral, ReferralAwaiting,
    ReferralDirection, ReferralState,
};

use super::{
    lookup::{self, FoundReferral},
    show,
};
use crate::{
    authz::Access,
    domain::referrals,
    error::{Error, Result},
    state::{
        keys::{self, Kind},
        store::Direction,
    },
    wire::{Services, page, parse, reads::Purpose},
};

/// Page when none is asked for.
const PAGE_DEFAULT: usize = 50;
/// Largest page.
const PAGE_MAX: usize = 200;
/// Rows that are looked at for one page; a filter may leave fewer, or none.
const LOOKED_AT_MAX: usize = 400;

/// What is wanted of a list.
struct Filter {
    direction: ReferralDirection,
    awaiting: ReferralAwaiting,
    state: ReferralState,
    organization: Option<Uscc>,
}

impl Filter {
    fn read(request: &ListReferralsRequest) -> Result<Self> {
        let unknown = |field, what| move |_| Error::field(field, format!("must be {what}"));
        Ok(Self {
            direction: ReferralDirection::try_from(request.direction)
                .map_err(unknown("direction", "a direction of referrals"))?,
            awaiting: ReferralAwaiting::try_from(request.awaiting)
                .map_err(unknown("awaiting", "what referrals wait for"))?,
            state: ReferralState::try_from(request.state)
                .map_err(unknown("state", "a state of referrals"))?,
            organization: match request.organization.as_str() {
                "" => None,
                code => Some(parse("organization", code)?),
            },
        })
    }

    /// Whether a referral fits, as far as its row says.
    fn fits(&self, access: &Access, found: &FoundReferral) -> bool {
        let row = &found.row;
        let is_direction = match self.direction {
            ReferralDirection::Unspecified => true,
            ReferralDirection::Outgoing => found.sender == *access.agency(),
            ReferralDirection::Incoming => found.addressee == *access.agency(),
        };
        let is_awaited = match self.awaiting {
            ReferralAwaiting::Unspecified => true,
            ReferralAwaiting::Any => row.is_open(),
            ReferralAwaiting::Result => row.state() == ReferralState::TakenUp,
            ReferralAwaiting::Answer => {
                matches!(row.state(), ReferralState::Sent | ReferralState::Received)
            }
        };
        let is_state = self.state == ReferralState::Unspecified || self.state == row.state();
        is_direction && is_awaited && is_state
    }

    /// Whether it is about the organisation that is asked for.
    fn is_about(&self, shown: &Referral) -> bool {
        self.organization.as_ref().is_none_or(|code| {
            let mut organizations = shown.organizations.iter();
            organizations.any(|one| one.uscc == code.as_str())
        })
    }

    /// Which rows are scanned, and from which end.
    fn index(&self) -> (Kind, Direction) {
        match self.awaiting {
            ReferralAwaiting::Unspecified => (Kind::ReferralOf, Direction::Backward),
            _ => (Kind::ReferralOpen, Direction::Forward),
        }
    }
}

impl Services {
    pub(super) async fn read_a_referral(
        &self,
        access: &Access,
        purpose: &Purpose,
        request: &GetReferralRequest,
    ) -> Result<Referral> {
        const METHOD: &str = "/hub.referrals.v1.ReferralService/GetReferral";
        let found = lookup::referral(&self.engine, access, parse("name", &request.name)?)?;
        let newest = found.row.revision();
        let revision = match request.revision {
            0 => newest,
            asked => u32::try_from(asked)
                .ok()
                .filter(|asked| (1..=newest).contains(asked))
                .ok_or_else(|| Error::field("revision", format!("must be 0 to {newest}")))?,
        };
        let (name, now) = (found.name, self.engine.clock().now());
        let shown = show::whole(&self.engine, name, &found.row, revision, now)?;
        self.record_referral_reads(access, METHOD, purpose, &[found])
            .await?;
        Ok(shown)
    }

    pub(super) async fn list_the_referrals(
        &self,
        access: &Access,
        purpose: &Purpose,
        request: &ListReferralsRequest,
    ) -> Result<ListReferralsResponse> {
        const METHOD: &str = "/hub.referrals.v1.ReferralService/ListReferrals";
        access.read_referrals()?;
        let size = page::size(request.page_size, PAGE_DEFAULT, PAGE_MAX)?;
        let filter = Filter::read(request)?;
        let list = format!(
            "referrals?direction={}&awaiting={}&state={}&organization={}",
            request.direction, request.awaiting, request.state, request.organization
        );
        let beyond = page::position(&request.page_token, access.agency(), &list)?;
        let rows = self.scan_referrals(access, filter.index(), beyond)?;
        let has_more = rows.len() >= LOOKED_AT_MAX;
        let now = self.engine.clock().now();
        let (mut referrals, mut read) = (vec![], vec![]);
        let (mut last, mut is_full) = (None, false);
        for (at, id) in rows {
            if referrals.len() == size {
                is_full = true;
                break;
            }
            last = Some(at);
            let name = ReferralName(id);
            let row = referrals::referral(self.engine.store(), name)?;
            let found = FoundReferral::seen(access, name, row)?;
            let Some(found) = found.filter(|found| filter.fits(access, found)) else {
                continue;
            };
            let shown = show::summary(&self.engine, name, &found.row, now)?;
            if filter.is_about(&shown) {
                referrals.push(shown);
                read.push(found);
            }
        }
        self.record_referral_reads(access, METHOD, purpose, &read)
            .await?;
        let next = last.filter(|_| is_full || has_more);
        Ok(ListReferralsResponse {
            referrals,
            next_page_token: next
                .map(|at| page::token(access.agency(), &list, at))
                .unwrap_or_default(),
        })
    }

    /// The first [`LOOKED_AT_MAX`] referrals of the caller's agency beyond a position.
    fn scan_referrals(
        &self,
        access: &Access,
        (kind, direction): (Kind, Direction),
        beyond: Option<u64>,
    ) -> Result<Vec<(u64, RequestId)>> {
        let prefix = keys::seen_by(kind, &format!("agencies/{}", access.agency()));
        let skip = prefix.clone().build().len();
        let (mut from, mut to) = prefix.clone().range();
        match (beyond, direction) {
            (Some(at), Direction::Forward) => from = prefix.number(at.saturating_add(1)).build(),
            (Some(at), Direction::Backward) => to = prefix.number(at).build(),
            (None, _) => {}
        }
        let store = self.engine.store();
        let rows = store.scan(&from, &to, direction, LOOKED_AT_MAX)?;
        let mut found = Vec::with_capacity(rows.len());
        for (key, id) in rows {
            let at = key.get(skip..).and_then(|rest| rest.try_into().ok());
            found.extend(at.map(u64::from_be_bytes).zip(lookup::id_of(&id)));
        }
        Ok(found)
    }
}
