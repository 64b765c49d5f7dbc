//! Lists of issues and escalations.

use std::collections::BTreeMap;

use hub_core::names::{EscalationName, MajorIssueName, MechanismId, Recipient, RequestId};
use hub_proto::meetings::{
    ListEscalationsRequest, ListEscalationsResponse, ListMajorIssuesRequest,
    ListMajorIssuesResponse, MajorIssueState,
};

use super::{
    lookup::{self, FoundEscalation},
    show,
};
use crate::{
    authz::Access,
    charter::Action,
    domain::meetings::issues,
    error::{Error, Result},
    state::{
        keys::{self, Kind},
        store::Direction,
    },
    wire::{Services, page, parse, parse_name},
};

/// Page when none is asked for.
const PAGE_DEFAULT: usize = 50;
/// Largest page.
const PAGE_MAX: usize = 200;
/// Rows that are looked at for one page; a filter may leave fewer, or none.
const LOOKED_AT_MAX: usize = 400;

impl Services {
    pub(super) fn list_issues(
        &self,
        access: &Access,
        request: &ListMajorIssuesRequest,
    ) -> Result<ListMajorIssuesResponse> {
        reads(access)?;
        let size = page::size(request.page_size, PAGE_DEFAULT, PAGE_MAX)?;
        let mechanism: Option<MechanismId> = match request.mechanism.as_str() {
            "" => None,
            name => Some(parse_name("mechanism", "mechanisms", name)?),
        };
        let state = MajorIssueState::try_from(request.state)
            .map_err(|_| Error::field("state", "must be a state of major issues"))?;
        let list = format!(
            "majorIssues?mechanism={}&state={}",
            request.mechanism, request.state
        );
        let after = page::position(&request.page_token, access.agency(), &list)?;
        let (seen, has_more) =
            self.seen_by(access, Kind::MajorIssueOf, after, Direction::Forward)?;
        let mut major_issues = vec![];
        let mut last = None;
        let mut is_full = false;
        for (flagged, id) in seen {
            if major_issues.len() == size {
                is_full = true;
                break;
            }
            last = Some(flagged);
            let name = MajorIssueName(id);
            let row = issues::issue(self.engine.store(), name)?;
            let is_wanted = mechanism
                .as_ref()
                .is_none_or(|of| row.mechanism == of.as_str());
            let Some(found) = lookup::seen(&self.engine, access, name, row)? else {
                continue;
            };
            let shown = show::issue(&self.engine, access, &found, false)?;
            let is_in = state == MajorIssueState::Unspecified || shown.state() == state;
            if is_wanted && is_in {
                major_issues.push(shown);
            }
        }
        let next = last.filter(|_| is_full || has_more);
        Ok(ListMajorIssuesResponse {
            major_issues,
            next_page_token: next
                .map(|flagged| page::token(access.agency(), &list, flagged))
                .unwrap_or_default(),
        })
    }

    pub(super) fn list_the_escalations(
        &self,
        access: &Access,
        request: &ListEscalationsRequest,
    ) -> Result<ListEscalationsResponse> {
        reads(access)?;
        let size = page::size(request.page_size, PAGE_DEFAULT, PAGE_MAX)?;
        let issue: Option<MajorIssueName> = match request.major_issue.as_str() {
            "" => None,
            name => Some(parse("major_issue", name)?),
        };
        let list = format!("escalations?majorIssue={}", request.major_issue);
        let before = page::position(&request.page_token, access.agency(), &list)?;
        let (seen, has_more) =
            self.seen_by(access, Kind::EscalationOf, before, Direction::Backward)?;
        let mut escalations = vec![];
        let mut last = None;
        let mut is_full = false;
        for (drafted, id) in seen.into_iter().rev() {
            if escalations.len() == size {
                is_full = true;
                break;
            }
            last = Some(drafted);
            let name = EscalationName(id);
            let row = issues::escalation(self.engine.store(), name)?;
            let is_wanted = issue.is_none_or(|of| row.major_issue == of.0.as_bytes());
            let found = FoundEscalation { name, row };
            if is_wanted && lookup::sees(access, &found) {
                escalations.push(show::escalation(&self.engine, &found, false)?);
            }
        }
        let next = last.filter(|_| is_full || has_more);
        Ok(ListEscalationsResponse {
            escalations,
            next_page_token: next
                .map(|drafted| page::token(access.agency(), &list, drafted))
                .unwrap_or_default(),
        })
    }

    /// What the caller may see of a kind by the entries that brought it: the first
    /// [`LOOKED_AT_MAX`] beyond a position, and whether there may be more.
    fn seen_by(
        &self,
        access: &Access,
        kind: Kind,
        beyond: Option<u64>,
        direction: Direction,
    ) -> Result<(BTreeMap<u64, RequestId>, bool)> {
        let mut seen = BTreeMap::new();
        for viewer in access.meeting_viewers() {
            // An escalation is seen by agencies only.
            if kind == Kind::EscalationOf && matches!(viewer, Recipient::Office(_)) {
                continue;
            }
            let prefix = keys::seen_by(kind, &viewer.to_string());
            let skip = prefix.clone().build().len();
            let (mut from, mut to) = prefix.clone().range();
            match (beyond, direction) {
                (Some(at), Direction::Forward) => {
                    from = prefix.number(at.saturating_add(1)).build();
                }
                (Some(at), Direction::Backward) => to = prefix.number(at).build(),
                (None, _) => {}
            }
            let store = self.engine.store();
            for (key, id) in store.scan(&from, &to, direction, LOOKED_AT_MAX)? {
                let at = key.get(skip..).and_then(|rest| rest.try_into().ok());
                if let (Some(at), Some(id)) = (at.map(u64::from_be_bytes), lookup::id(&id)) {
                    seen.insert(at, id);
                }
            }
        }
        let has_more = seen.len() >= LOOKED_AT_MAX;
        while seen.len() > LOOKED_AT_MAX {
            match direction {
                Direction::Forward => seen.pop_last(),
                Direction::Backward => seen.pop_first(),
            };
        }
        Ok((seen, has_more))
    }
}

/// Refuses a caller who may look at no issue or escalation of anybody.
fn reads(access: &Access) -> Result<()> {
    if access.meeting_viewers().is_empty() {
        access.permit(Action::MeetingsRead)?;
    }
    Ok(())
}
