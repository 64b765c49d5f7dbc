//! `hub.audit.v1.AuditService`: who read what, and when.

use hub_core::{
    crypto::{hex, sha256},
    date,
    names::{AgencyId, OfficerId},
};
use hub_proto::audit::{
    self as wire, AccessRecorded, AuditEvent, ListAccessesRequest, ListAccessesResponse,
    ReadRecord, RecordKind, audit_event, audit_service_server::AuditService,
};
use hub_proto::ledger::event;
use prost::Message as _;
use tonic::{Request, Response, Status};

use super::{Services, page, parse, parse_name};
use crate::{
    authz::{Access, Audited},
    domain::audit::{self, Selection},
    engine::recorded::Recorded,
    error::{Error, Result},
    state::store::Direction,
};

/// Largest page of accesses.
pub const ACCESSES_PAGE_MAX: usize = 200;
/// Page of accesses when none is asked for.
pub const ACCESSES_PAGE_DEFAULT: usize = 50;
/// Accesses that are looked at for one page; a filter may leave fewer, or none.
pub const ACCESSES_LOOKED_AT_MAX: usize = 500;
/// A page ends once its accesses have grown to so many bytes.
const PAGE_BYTES_MAX: usize = 512 * 1024;
/// Longest resource name that is looked for, in bytes.
const RECORD_BYTES_MAX: usize = 200;

/// What is looked for.
#[derive(Debug)]
struct Wanted {
    viewer: String,
    record: Option<String>,
    kind: Option<RecordKind>,
    reader: Option<AgencyId>,
    officer: Option<OfficerId>,
}

impl Wanted {
    fn of(access: &Access, request: &ListAccessesRequest) -> Result<Self> {
        let viewer = match access.audit_accesses(&request.parent)? {
            Audited::All => audit::ANY.to_owned(),
            Audited::Own(agency) => agency.to_string(),
        };
        let record = optional(&request.record, |text| {
            if text.len() > RECORD_BYTES_MAX || text.chars().any(char::is_control) {
                let rule = format!("must be a resource name of at most {RECORD_BYTES_MAX} bytes");
                return Err(Error::field("record", rule));
            }
            Ok(text.to_owned())
        })?;
        let kind = match RecordKind::try_from(request.kind) {
            Ok(RecordKind::Unspecified) => None,
            Ok(kind) => Some(kind),
            Err(_) => return Err(Error::field("kind", "must be a kind that this hub knows")),
        };
        Ok(Self {
            viewer,
            record,
            kind,
            reader: optional(&request.reader, |text| {
                parse_name("reader", "agencies", text)
            })?,
            officer: optional(&request.officer, |text| parse("officer", text))?,
        })
    }

    /// What of an access is for the viewer and asked for; nothing when nothing is.
    fn show(&self, entry: &Recorded) -> Option<wire::Access> {
        let access = recorded(entry)?;
        let reader = self.reader.as_ref();
        let officer = self.officer.as_ref();
        if reader.is_some_and(|reader| reader.as_str() != access.agency)
            || officer.is_some_and(|officer| officer.as_str() != access.officer)
        {
            return None;
        }
        let records = access.records.iter().filter(|record| {
            audit::may_list(&self.viewer, access, record)
                && self.kind.is_none_or(|kind| kind == record.kind())
                && self.record.as_ref().is_none_or(|name| *name == record.name)
        });
        let records: Vec<ReadRecord> = records
            .map(|record| ReadRecord {
                name: record.name.clone(),
                kind: record.kind,
            })
            .collect();
        (!records.is_empty()).then(|| wire::Access {
            reader: format!("agencies/{}", access.agency),
            officer: access.officer.clone(),
            role: access.role.clone(),
            read_at: Some(date::timestamp(entry.recorded_at())),
            method: access.method.clone(),
            purpose: access.purpose.clone(),
            records,
            entry_index: entry.header.index,
        })
    }
}

fn optional<T>(text: &str, read: impl FnOnce(&str) -> Result<T>) -> Result<Option<T>> {
    (!text.is_empty()).then(|| read(text)).transpose()
}

fn recorded(entry: &Recorded) -> Option<&AccessRecorded> {
    entry.events.iter().find_map(|event| match &event.kind {
        Some(event::Kind::Audit(AuditEvent {
            kind: Some(audit_event::Kind::AccessRecorded(access)),
        })) => Some(access),
        _ => None,
    })
}

/// An instant in microseconds, up, so that one between two is kept to on both sides.
fn instant(field: &str, at: Option<&prost_types::Timestamp>) -> Result<Option<i64>> {
    let Some(at) = at else { return Ok(None) };
    let rule = || Error::field(field, "must be an instant of the years 1 to 9999");
    let nanos = date::from_timestamp(at).ok_or_else(rule)?.as_nanosecond();
    let up = i128::from(nanos.rem_euclid(1_000) != 0);
    let micros = nanos.div_euclid(1_000).saturating_add(up);
    i64::try_from(micros).map(Some).map_err(|_| rule())
}

/// Names a list, so that a page token is of no use to another.
fn list_of(request: &ListAccessesRequest) -> String {
    let request = ListAccessesRequest {
        page_size: 0,
        page_token: String::new(),
        ..request.clone()
    };
    format!("accesses?{}", hex(&sha256(&[&request.encode_to_vec()])))
}

impl Services {
    fn accesses(
        &self,
        access: &Access,
        request: &ListAccessesRequest,
    ) -> Result<ListAccessesResponse> {
        let wanted = Wanted::of(access, request)?;
        let size = page::size(request.page_size, ACCESSES_PAGE_DEFAULT, ACCESSES_PAGE_MAX)?;
        let list = list_of(request);
        let (from, before) = self.period(request)?;
        let after = page::position(&request.page_token, access.agency(), &list)?;
        let (from, before, direction) = match (after, request.oldest_first) {
            (after, true) => {
                let next = after.map_or(0, |after| after.saturating_add(1));
                (from.max(next), before, Direction::Forward)
            }
            (after, false) => (
                from,
                before.min(after.unwrap_or(u64::MAX)),
                Direction::Backward,
            ),
        };
        let selection = Selection {
            viewer: &wanted.viewer,
            record: wanted.record.as_deref(),
            from,
            before,
            direction,
        };
        let found = audit::page(self.engine.store(), &selection, ACCESSES_LOOKED_AT_MAX)?;
        let has_more = found.len() == ACCESSES_LOOKED_AT_MAX;
        let (mut accesses, mut bytes, mut last) = (vec![], 0_usize, None);
        let mut is_full = false;
        for index in found {
            if accesses.len() == size || bytes >= PAGE_BYTES_MAX {
                is_full = true;
                break;
            }
            last = Some(index);
            let entry = self.engine.recorded(index)?;
            let entry = entry.ok_or_else(|| Error::internal("a recorded access is missing"))?;
            if let Some(shown) = wanted.show(&entry) {
                bytes = bytes.saturating_add(shown.encoded_len());
                accesses.push(shown);
            }
        }
        let next = last.filter(|_| is_full || has_more);
        Ok(ListAccessesResponse {
            accesses,
            next_page_token: next
                .map(|last| page::token(access.agency(), &list, last))
                .unwrap_or_default(),
        })
    }

    /// The entries of the period that is asked for: from one, and before another.
    fn period(&self, request: &ListAccessesRequest) -> Result<(u64, u64)> {
        let from = instant("read_from", request.read_from.as_ref())?;
        let before = instant("read_before", request.read_before.as_ref())?;
        if let (Some(from), Some(before)) = (from, before)
            && from >= before
        {
            return Err(Error::field("read_before", "must be after read_from"));
        }
        let first = |at: Option<i64>, otherwise| match at {
            Some(at) => self.engine.first_at(at),
            None => Ok(otherwise),
        };
        Ok((first(from, 0)?, first(before, u64::MAX)?))
    }
}

#[tonic::async_trait]
impl AuditService for Services {
    async fn list_accesses(
        &self,
        request: Request<ListAccessesRequest>,
    ) -> Result<Response<ListAccessesResponse>, Status> {
        let access = self.access(&request)?;
        Ok(Response::new(self.accesses(&access, request.get_ref())?))
    }
}
