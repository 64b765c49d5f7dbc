//! Reads of alerts, one or many: on the record before they are answered.

use std::collections::BTreeMap;

use hub_core::{
    date,
    names::{AgencyId, AlertName, Recipient, RequestId},
    uscc::Uscc,
};
use hub_proto::funds::{
    Alert, AlertKind, AlertState, GetAlertRequest, ListAlertsRequest, ListAlertsResponse, Severity,
};
use jiff::civil::Date;

use super::{
    lookup::{self, Found},
    show,
};
use crate::{
    authz::Access,
    domain::funds::{content, rows::AlertRow},
    engine::Engine,
    error::{Error, Result},
    state::{
        keys::{self, Key, Kind},
        store::Direction,
    },
    wire::{Services, page, parse, parse_name, reads::Purpose},
};

/// Page when none is asked for.
const PAGE_DEFAULT: usize = 50;
/// Largest page.
const PAGE_MAX: usize = 200;
/// Rows that are looked at for one page; a filter may leave fewer, or none.
const LOOKED_AT_MAX: usize = 400;
/// Most duplicates that are pointed out.
const DUPLICATES_MAX: usize = 20;

/// Which alerts are wanted.
struct Filter {
    state: AlertState,
    organization: Option<Uscc>,
    indicator: String,
    unacknowledged_by: Option<AgencyId>,
    severity: Severity,
    kind: AlertKind,
}

impl Filter {
    fn of(request: &ListAlertsRequest) -> Result<Self> {
        let refused =
            |field: &str| Error::field(field, "must be a value of its kind, or 0 for any");
        Ok(Self {
            state: AlertState::try_from(request.state).map_err(|_| refused("state"))?,
            organization: match request.organization.as_str() {
                "" => None,
                code => Some(parse("organization", code)?),
            },
            indicator: request.indicator.clone(),
            unacknowledged_by: match request.unacknowledged_by.as_str() {
                "" => None,
                name => Some(parse_name("unacknowledged_by", "agencies", name)?),
            },
            severity: Severity::try_from(request.severity).map_err(|_| refused("severity"))?,
            kind: AlertKind::try_from(request.kind).map_err(|_| refused("kind"))?,
        })
    }

    fn takes(&self, row: &AlertRow) -> bool {
        let facts = row.facts.clone().unwrap_or_default();
        let owes = |unit: &AgencyId| {
            let is_asked = row.state() != AlertState::Closed && row.unit(unit).is_some();
            is_asked && !row.is_acknowledged_by(unit)
        };
        (self.state == AlertState::Unspecified || row.state() == self.state)
            && (self.indicator.is_empty() || facts.indicator == self.indicator)
            && (self.severity == Severity::Unspecified || facts.severity() == self.severity)
            && (self.kind == AlertKind::Unspecified || facts.kind() == self.kind)
            && self.unacknowledged_by.as_ref().is_none_or(owes)
    }

    /// The alerts that a viewer may see and that can be wanted.
    fn key(&self, viewer: &Recipient) -> Key {
        let viewer = viewer.to_string();
        match &self.organization {
            Some(code) => keys::alerts_on(&viewer, &content::organization_sha256(code)),
            None => keys::seen_by(Kind::AlertOf, &viewer),
        }
    }
}

impl Services {
    pub(super) async fn read_an_alert(
        &self,
        access: &Access,
        purpose: &Purpose,
        request: &GetAlertRequest,
    ) -> Result<Alert> {
        const METHOD: &str = "/hub.funds.v1.AlertService/GetAlert";
        let found = self.find_alert(access, &request.name)?;
        let permit = access.read_alerts()?;
        let newest = found.row.revision();
        let revision = match u32::try_from(request.revision) {
            Ok(0) => newest,
            Ok(revision) if revision <= newest => revision,
            _ => {
                let rule = format!("must be 0 to {newest}; 0 is the one in force");
                return Err(Error::field("revision", rule));
            }
        };
        let now = self.engine.clock().now();
        let shown = show::alert(&self.engine, access, &found, revision, now)?;
        let records = [found.restricted()];
        self.record_reads(access, &permit, METHOD, purpose, &records)
            .await?;
        Ok(shown)
    }

    pub(super) async fn list_the_alerts(
        &self,
        access: &Access,
        purpose: &Purpose,
        request: &ListAlertsRequest,
    ) -> Result<ListAlertsResponse> {
        const METHOD: &str = "/hub.funds.v1.AlertService/ListAlerts";
        let permit = access.read_alerts()?;
        let size = page::size(request.page_size, PAGE_DEFAULT, PAGE_MAX)?;
        let filter = Filter::of(request)?;
        let list = format!(
            "alerts?state={}&organization={}&indicator={}&unacknowledgedBy={}&severity={}&kind={}",
            request.state,
            request.organization,
            request.indicator,
            request.unacknowledged_by,
            request.severity,
            request.kind
        );
        let before = page::position(&request.page_token, access.agency(), &list)?;
        let seen = seen(&self.engine, access, |viewer| filter.key(viewer), before)?;
        let has_more = seen.len() >= LOOKED_AT_MAX;
        let now = self.engine.clock().now();
        let (mut alerts, mut records) = (vec![], vec![]);
        let mut last = None;
        let mut is_full = false;
        for (raised, name) in seen.into_iter().rev() {
            if alerts.len() == size {
                is_full = true;
                break;
            }
            last = Some(raised);
            let Some(found) = visible(&self.engine, access, name)? else {
                continue;
            };
            if filter.takes(&found.row) {
                let written = lookup::written(&self.engine, &found.row, found.row.revision())?;
                records.push(found.restricted());
                alerts.push(show::summary(&found, &written, now));
            }
        }
        self.record_reads(access, &permit, METHOD, purpose, &records)
            .await?;
        let next = last.filter(|_| is_full || has_more);
        Ok(ListAlertsResponse {
            alerts,
            next_page_token: next
                .map(|raised| page::token(access.agency(), &list, raised))
                .unwrap_or_default(),
        })
    }
}

/// An alert, if the caller may see it.
fn visible(engine: &Engine, access: &Access, name: AlertName) -> Result<Option<Found>> {
    let Some(row) = AlertRow::read(engine.store(), name)? else {
        return Ok(None);
    };
    let found = Found::new(name, row)?;
    Ok(access.alert(&found.parties).is_some().then_some(found))
}

/// What the caller may see of a list, by the entries that raised it: the newest [`LOOKED_AT_MAX`] before
/// a position.
fn seen(
    engine: &Engine,
    access: &Access,
    key: impl Fn(&Recipient) -> Key,
    before: Option<u64>,
) -> Result<BTreeMap<u64, AlertName>> {
    let mut seen = BTreeMap::new();
    for viewer in access.alert_viewers() {
        let prefix = key(&viewer);
        let skip = prefix.clone().build().len();
        let (from, mut to) = prefix.clone().range();
        if let Some(at) = before {
            to = prefix.number(at).build();
        }
        let store = engine.store();
        for (key, id) in store.scan(&from, &to, Direction::Backward, LOOKED_AT_MAX)? {
            let at = key.get(skip..).and_then(|rest| rest.try_into().ok());
            let id = <[u8; 16]>::try_from(&*id).ok();
            let name = id.and_then(RequestId::from_bytes).map(AlertName);
            if let (Some(at), Some(name)) = (at.map(u64::from_be_bytes), name) {
                seen.insert(at, name);
            }
        }
    }
    while seen.len() > LOOKED_AT_MAX {
        seen.pop_first();
    }
    Ok(seen)
}

/// Alerts on the same organisation and indicator with an overlapping period that the caller can see, the
/// newest first.
pub(super) fn duplicates(
    engine: &Engine,
    access: &Access,
    found: &Found,
) -> Result<Vec<AlertName>> {
    let organization = &found.row.organization_sha256;
    let Some(own) = period(&found.row).filter(|_| !organization.is_empty()) else {
        return Ok(vec![]);
    };
    let key = |viewer: &Recipient| keys::alerts_on(&viewer.to_string(), organization);
    let mut duplicates = vec![];
    for name in seen(engine, access, key, None)?.into_values().rev() {
        let Some(other) = visible(engine, access, name)? else {
            continue;
        };
        let overlaps = period(&other.row)
            .is_some_and(|other| other.0 == own.0 && other.1 <= own.2 && own.1 <= other.2);
        let stands = other.row.state() != AlertState::Retracted && !other.row.is_sealed;
        if name != found.name && overlaps && stands && duplicates.len() < DUPLICATES_MAX {
            duplicates.push(name);
        }
    }
    Ok(duplicates)
}

/// Indicator, first and last day.
fn period(row: &AlertRow) -> Option<(&str, Date, Date)> {
    let facts = row.facts.as_ref()?;
    let start = facts.start_on.as_ref().and_then(date::from_wire)?;
    let end = facts.end_on.as_ref().and_then(date::from_wire)?;
    Some((&facts.indicator, start, end))
}
