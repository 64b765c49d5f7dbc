//! Lists of meetings, and what the texts ask for in principle and has not happened.

use std::collections::BTreeMap;

use hub_core::names::{MechanismId, MeetingName, RequestId};
use hub_proto::meetings::{
    ListMeetingWarningsRequest, ListMeetingWarningsResponse, ListMeetingsRequest,
    ListMeetingsResponse, MeetingState, MeetingWarning,
};

use super::{
    lookup::{self, FoundMeeting},
    show::{self, Detail},
};
use crate::{
    authz::Access,
    charter::Action,
    domain::meetings::{
        rows::MeetingRow,
        years::{self, Missed},
    },
    error::{Error, Result},
    state::{keys, store::Direction},
    wire::{Services, page, parse_name},
};

/// Page of meetings when none is asked for.
const PAGE_DEFAULT: usize = 50;
/// Largest page of meetings.
const PAGE_MAX: usize = 100;
/// Meetings that are looked at for one page; a filter may leave fewer, or none.
const LOOKED_AT_MAX: usize = 400;
/// Most warnings.
const WARNINGS_MAX: usize = 20;

impl Services {
    pub(super) fn list_the_meetings(
        &self,
        access: &Access,
        request: &ListMeetingsRequest,
    ) -> Result<ListMeetingsResponse> {
        if access.meeting_viewers().is_empty() {
            access.permit(Action::MeetingsRead)?;
        }
        let size = page::size(request.page_size, PAGE_DEFAULT, PAGE_MAX)?;
        let mechanism: Option<MechanismId> = match request.mechanism.as_str() {
            "" => None,
            name => Some(parse_name("mechanism", "mechanisms", name)?),
        };
        let state = MeetingState::try_from(request.state)
            .map_err(|_| Error::field("state", "must be a state of meetings"))?;
        let list = format!(
            "meetings?mechanism={}&state={}&year={}",
            request.mechanism, request.state, request.year
        );
        let before = page::position(&request.page_token, access.agency(), &list)?;
        let mut meetings = vec![];
        let mut next = None;
        let seen = self.seen_meetings(access, before)?;
        let has_more = seen.len() >= LOOKED_AT_MAX;
        let mut last = None;
        for (created, name) in seen.into_iter().rev() {
            if meetings.len() == size {
                next = last;
                break;
            }
            last = Some(created);
            let Some(row) = MeetingRow::read(self.engine.store(), name)? else {
                continue;
            };
            let is_wanted = mechanism
                .as_ref()
                .is_none_or(|of| row.mechanisms.iter().any(|one| one == of.as_str()))
                && show::is_in(&row, state)
                && (request.year == 0 || i32::from(row.day().year()) == request.year);
            let sight = lookup::sight(access, &row).filter(|_| is_wanted);
            if let Some(sight) = sight {
                let found = FoundMeeting::new(access, name, row, sight);
                let charter = access.roster().charter();
                meetings.push(show::meeting(
                    &self.engine,
                    charter,
                    &found,
                    Detail::Listed,
                )?);
            }
        }
        let next = next.or(last.filter(|_| has_more));
        Ok(ListMeetingsResponse {
            meetings,
            next_page_token: next
                .map(|created| page::token(access.agency(), &list, created))
                .unwrap_or_default(),
        })
    }

    /// Meetings that the caller may see by the entries that made them: the newest
    /// [`LOOKED_AT_MAX`], made before an entry.
    fn seen_meetings(
        &self,
        access: &Access,
        before: Option<u64>,
    ) -> Result<BTreeMap<u64, MeetingName>> {
        let store = self.engine.store();
        let mut seen = BTreeMap::new();
        for viewer in access.meeting_viewers() {
            let prefix = keys::seen_by(keys::Kind::MeetingOf, &viewer.to_string());
            let skip = prefix.clone().build().len();
            let (from, end) = prefix.clone().range();
            let to = before.map_or(end, |before| prefix.number(before).build());
            for (key, id) in store.scan(&from, &to, Direction::Backward, LOOKED_AT_MAX)? {
                let created = key.get(skip..).and_then(|rest| rest.try_into().ok());
                let id = <[u8; 16]>::try_from(&*id)
                    .ok()
                    .and_then(RequestId::from_bytes);
                if let (Some(created), Some(id)) = (created.map(u64::from_be_bytes), id) {
                    seen.insert(created, MeetingName(id));
                }
            }
        }
        while seen.len() > LOOKED_AT_MAX {
            seen.pop_first();
        }
        Ok(seen)
    }

    /// Years of a mechanism without the meeting that is held once a year in principle: those that have
    /// ended since the hub began.
    pub(super) fn list_warnings(
        &self,
        access: &Access,
        request: &ListMeetingWarningsRequest,
    ) -> Result<ListMeetingWarningsResponse> {
        let mechanism: MechanismId = parse_name("parent", "mechanisms", &request.parent)?;
        access.convene(std::slice::from_ref(&mechanism))?;
        let charter = access.roster().charter();
        let Some(source) = charter.meetings().annual_source(&mechanism) else {
            return Ok(ListMeetingWarningsResponse::default());
        };
        let began = self.engine.recorded(0)?;
        let began = began.map_or(self.engine.clock().now(), |entry| entry.recorded_at());
        let first = years::first(charter, began);
        let mut warnings = vec![];
        for year in (first..access.day().year()).rev().take(WARNINGS_MAX) {
            let missed = Missed {
                mechanism: mechanism.clone(),
                year,
            };
            if !years::has_met(self.engine.store(), charter.zone(), &missed)? {
                warnings.push(MeetingWarning {
                    mechanism: format!("mechanisms/{mechanism}"),
                    year: i32::from(year),
                    requirement: source.to_owned(),
                    message: years::message(year),
                });
            }
        }
        Ok(ListMeetingWarningsResponse { warnings })
    }
}
