//! Lists of information requests.

use hub_core::names::{InformationRequestName, RequestId};
use hub_proto::requests::{
    ListInformationRequestsRequest, ListInformationRequestsResponse, RequestKind, RequestSide,
    RequestState,
};

use prost::Message as _;

use super::{
    lookup::{self, FoundRequest},
    show::{self, Detail, is_overdue},
};
use crate::{
    authz::{Access, RequestSight},
    charter::Action,
    domain::requests::InformationRequestRow,
    error::{Error, Result},
    state::{
        keys::{self, Kind},
        store::Direction,
    },
    wire::{Services, page, reads::Purpose},
};

/// Page when none is asked for.
const PAGE_DEFAULT: usize = 20;
/// Largest page.
const PAGE_MAX: usize = 100;
/// A page ends once its requests have grown to so many bytes, so that clients take it.
const PAGE_BYTES_MAX: usize = 512 * 1024;
/// Rows that are looked at for one page; a filter may leave fewer, or none.
const LOOKED_AT_MAX: usize = 400;
/// Most states of a filter: there are no more.
const STATES_MAX: usize = 16;

const METHOD: &str = "/hub.requests.v1.RequestService/ListInformationRequests";

/// What is asked for.
struct Filter {
    side: RequestSide,
    states: Vec<RequestState>,
    kind: RequestKind,
    is_overdue: bool,
}

impl Filter {
    fn of(request: &ListInformationRequestsRequest) -> Result<Self> {
        let side = RequestSide::try_from(request.side)
            .map_err(|_| Error::field("side", "must be a side of requests"))?;
        let kind = RequestKind::try_from(request.kind)
            .map_err(|_| Error::field("kind", "must be a kind of requests"))?;
        let states: Option<Vec<RequestState>> = request
            .states
            .iter()
            .map(|state| RequestState::try_from(*state).ok())
            .collect();
        let states = states.filter(|states| states.len() <= STATES_MAX);
        let rule = format!("must be at most {STATES_MAX} states of requests");
        let states = states.ok_or_else(|| Error::field("states", rule))?;
        Ok(Self {
            side,
            states,
            kind,
            is_overdue: request.is_overdue,
        })
    }

    /// What a page token is bound to.
    fn list(&self) -> String {
        let states: Vec<String> = self
            .states
            .iter()
            .map(|one| i32::from(*one).to_string())
            .collect();
        format!(
            "informationRequests?side={}&states={}&kind={}&overdue={}",
            i32::from(self.side),
            states.join(","),
            i32::from(self.kind),
            self.is_overdue
        )
    }

    fn wants(&self, found: &FoundRequest, now_us: i64) -> bool {
        let is_side = match self.side {
            RequestSide::Unspecified => true,
            RequestSide::Requester => found.sight == RequestSight::Requester,
            RequestSide::Provider => found.sight == RequestSight::Provider,
        };
        let row = &found.row;
        let is_late =
            |row: &InformationRequestRow| row.deadlines.iter().any(|one| is_overdue(one, now_us));
        is_side
            && (self.states.is_empty() || self.states.contains(&row.state()))
            && (self.kind == RequestKind::Unspecified || self.kind == row.kind())
            && (!self.is_overdue || is_late(row))
    }
}

impl Services {
    pub(super) async fn list_requests(
        &self,
        access: &Access,
        purpose: &Purpose,
        request: &ListInformationRequestsRequest,
    ) -> Result<ListInformationRequestsResponse> {
        let permit = access.permit(Action::RequestsRead)?;
        let size = page::size(request.page_size, PAGE_DEFAULT, PAGE_MAX)?;
        let filter = Filter::of(request)?;
        let list = filter.list();
        let before = page::position(&request.page_token, access.agency(), &list)?;
        let (found, mut next) = self.page_of_requests(access, &filter, before, size)?;
        let mut information_requests = vec![];
        let mut read = vec![];
        let mut bytes = 0_usize;
        let mut last = None;
        for (at, one) in &found {
            if bytes >= PAGE_BYTES_MAX {
                next = last;
                break;
            }
            let is_open = !one.row.is_account() || *purpose != Purpose::default();
            let detail = if is_open {
                Detail::Listed
            } else {
                Detail::Outline
            };
            let shown = show::request(&self.engine, access, one, detail)?;
            bytes = bytes.saturating_add(shown.encoded_len());
            last = Some(*at);
            information_requests.push(shown);
            // An outline has none of the contents.
            if is_open {
                read.push(one.restricted()?);
            }
        }
        self.record_reads(access, &permit, METHOD, purpose, &read)
            .await?;
        Ok(ListInformationRequestsResponse {
            information_requests,
            next_page_token: next
                .map(|at| page::token(access.agency(), &list, at))
                .unwrap_or_default(),
        })
    }

    /// The newest requests before a place that a filter wants, and where the page ends if it is not the
    /// last.
    fn page_of_requests(
        &self,
        access: &Access,
        filter: &Filter,
        before: Option<u64>,
        size: usize,
    ) -> Result<(Vec<(u64, FoundRequest)>, Option<u64>)> {
        let viewer = format!("agencies/{}", access.agency());
        let prefix = keys::seen_by(Kind::InformationRequestOf, &viewer);
        let skip = prefix.clone().build().len();
        let (from, end) = prefix.clone().range();
        let to = before.map_or(end, |at| prefix.number(at).build());
        let store = self.engine.store();
        let rows = store.scan(&from, &to, Direction::Backward, LOOKED_AT_MAX)?;
        let now_us = self.engine.clock().now().as_microsecond();
        let mut found = vec![];
        let mut last = None;
        for (key, id) in &rows {
            if found.len() == size {
                return Ok((found, last));
            }
            let at = key.get(skip..).and_then(|rest| rest.try_into().ok());
            let Some(at) = at.map(u64::from_be_bytes) else {
                continue;
            };
            last = Some(at);
            let id = <[u8; 16]>::try_from(&**id).ok();
            let Some(id) = id.and_then(RequestId::from_bytes) else {
                continue;
            };
            let name = InformationRequestName(id);
            let row = InformationRequestRow::read(store, name)?;
            let seen = lookup::seen(access, name, row)?;
            let seen = seen.filter(|one| filter.wants(one, now_us));
            found.extend(seen.map(|one| (at, one)));
        }
        Ok((found, last.filter(|_| rows.len() == LOOKED_AT_MAX)))
    }
}
