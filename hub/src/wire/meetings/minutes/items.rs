//! Agreed items as callers see them, and lists of them.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use hub_core::{
    date,
    names::{AgencyId, AgreedItemName, MeetingName, MinutesName, RequestId},
};
use hub_proto::{
    common,
    meetings::{
        AgreedItem, AgreedItemState, CloseAgreedItemRequest, ListAgreedItemsRequest,
        ListAgreedItemsResponse, ListProgressReportsResponse, MinutesContent, ProgressReport,
        ReportProgressRequest, RequestExtensionRequest, TaskState, UnitTask,
    },
};
use jiff::civil::Date;

use super::{
    lookup::{self, FoundItem},
    show,
};
use crate::{
    authz::Access,
    domain::meetings::{
        minutes::{self, items},
        rows::{ActRow, AgreedItemRow, TaskRow},
    },
    engine::Engine,
    error::{Error, Result},
    state::{
        keys::{self, Kind},
        store::Direction,
    },
    wire::{
        meetings::{lookup::request, show::at},
        page, parse, parse_name,
    },
};

/// Reports that an item shows of each unit.
const REPORTS_SHOWN: usize = 3;
/// Items of a page unless another number is asked for.
const PAGE_DEFAULT: usize = 50;
/// Most items of a page.
const PAGE_MAX: usize = 200;
/// Items that are looked at for one page at most.
const LOOKED_AT_MAX: usize = 2_000;
/// Bytes of an item's place in a list: day, meeting, number.
const PLACE_BYTES: usize = 32;

fn is_late(task: &TaskRow, today: Date) -> bool {
    let due_on = task.due_on.as_ref().and_then(date::from_wire);
    task.state() != TaskState::Done && due_on.is_some_and(|due_on| due_on < today)
}

/// Where an item stands.
pub(super) fn state(row: &AgreedItemRow) -> AgreedItemState {
    if row.is_superseded {
        AgreedItemState::Superseded
    } else if row.closed.is_some() {
        AgreedItemState::Closed
    } else {
        AgreedItemState::Open
    }
}

/// Whether a unit's part of an item is late.
pub(super) fn is_overdue(row: &AgreedItemRow, task: &TaskRow, today: Date) -> bool {
    state(row) == AgreedItemState::Open && is_late(task, today)
}

/// How much of an item is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// Everything.
    Whole,
    /// Without reports.
    Listed,
}

/// An item, out of what the issued minutes say.
pub(super) fn item(
    engine: &Engine,
    today: Date,
    (name, row): (AgreedItemName, &AgreedItemRow),
    content: &MinutesContent,
    detail: Detail,
) -> Result<AgreedItem> {
    let place = usize::try_from(row.place).unwrap_or(usize::MAX);
    let said = content.agreed_items.get(place).cloned().unwrap_or_default();
    let closed: CloseAgreedItemRequest = request(engine, row.closed.as_ref())?;
    let other = |item: u32| {
        let meeting = name.meeting;
        (item > 0).then(|| AgreedItemName { meeting, item }.to_string())
    };
    let tasks = row.tasks.iter();
    Ok(AgreedItem {
        name: name.to_string(),
        text: said.text,
        minutes: MinutesName {
            meeting: name.meeting,
            document: row.document,
        }
        .to_string(),
        tasks: tasks
            .map(|one| task(engine, row, one, today, detail))
            .collect::<Result<_>>()?,
        assisting_units: said.assisting_units,
        due_on: row.due_on,
        state: state(row).into(),
        close_note: closed.note,
        closed_at: at(row.closed.as_ref()),
        is_overdue: row.tasks.iter().any(|task| is_overdue(row, task, today)),
        kind: row.kind,
        lead_unit: said.lead_unit,
        period_from_on: said.period_from_on,
        period_until_on: said.period_until_on,
        assigner: said.assigner,
        continues: other(row.continues_item).unwrap_or_default(),
        continued_by: other(row.continued_by).unwrap_or_default(),
    })
}

fn task(
    engine: &Engine,
    row: &AgreedItemRow,
    task: &TaskRow,
    today: Date,
    detail: Detail,
) -> Result<UnitTask> {
    let asked: RequestExtensionRequest = request(engine, task.requested.as_ref())?;
    let shown = if detail == Detail::Whole {
        REPORTS_SHOWN
    } else {
        0
    };
    Ok(UnitTask {
        unit: format!("agencies/{}", task.unit),
        state: task.state,
        due_on: task.due_on,
        is_overdue: is_overdue(row, task, today),
        requested_due_on: task.requested_due_on,
        extension_reason: asked.reason,
        reports: reports(engine, task, shown)?,
    })
}

fn reports(engine: &Engine, task: &TaskRow, count_max: usize) -> Result<Vec<ProgressReport>> {
    let newest = task.reports.iter().rev().take(count_max);
    newest.map(|act| report(engine, act)).collect()
}

fn report(engine: &Engine, act: &ActRow) -> Result<ProgressReport> {
    let said: ReportProgressRequest = request(engine, Some(act))?;
    Ok(ProgressReport {
        reported_at: at(Some(act)),
        officer: act.officer.clone(),
        ..said.report.unwrap_or_default()
    })
}

/// What the document of an item says.
pub(super) fn content_of(
    engine: &Engine,
    meeting: MeetingName,
    document: u32,
) -> Result<MinutesContent> {
    let row = minutes::minutes(engine.store(), meeting.0.as_bytes(), document)?;
    let row = row.unwrap_or_default();
    lookup::content(engine, &row, row.circulated_version)
}

/// An item that was found, whole.
pub(super) fn found(engine: &Engine, today: Date, found: &FoundItem) -> Result<AgreedItem> {
    let content = content_of(engine, found.name.meeting, found.row.document)?;
    let one = (found.name, &found.row);
    item(engine, today, one, &content, Detail::Whole)
}

/// Every report of a unit on an item.
pub(super) fn all_reports(
    engine: &Engine,
    found: &FoundItem,
    unit: &AgencyId,
) -> Result<ListProgressReportsResponse> {
    let task = found.row.tasks.iter();
    let mut task = task.filter(|task| task.unit == unit.as_str());
    let Some(task) = task.next() else {
        let rule = "must be agencies/{agency}, a unit that is responsible for the item";
        return Err(Error::field("unit", rule));
    };
    Ok(ListProgressReportsResponse {
        reports: reports(engine, task, items::REPORTS_MAX)?,
    })
}

/// Which items are listed.
struct Filter {
    meeting: Option<MeetingName>,
    unit: Option<AgencyId>,
    overdue_only: bool,
    open_only: bool,
}

impl Filter {
    fn matches(&self, row: &AgreedItemRow, today: Date) -> bool {
        let is_open = state(row) == AgreedItemState::Open;
        let is_of = |unit: &AgencyId| row.tasks.iter().any(|task| task.unit == unit.as_str());
        let is_late = || row.tasks.iter().any(|task| is_overdue(row, task, today));
        (is_open || !(self.open_only || self.overdue_only))
            && self.unit.as_ref().is_none_or(is_of)
            && (!self.overdue_only || is_late())
    }
}

/// A page of the items that the caller may see, the earliest day first.
pub(super) fn list(
    engine: &Engine,
    access: &Access,
    asked: &ListAgreedItemsRequest,
) -> Result<ListAgreedItemsResponse> {
    let size = page::size(asked.page_size, PAGE_DEFAULT, PAGE_MAX)?;
    let filter = Filter {
        meeting: match asked.parent.as_str() {
            "meetings/-" => None,
            name => Some(parse("parent", name)?),
        },
        unit: match asked.unit.as_str() {
            "" => None,
            name => Some(parse_name("unit", "agencies", name)?),
        },
        overdue_only: asked.overdue_only,
        open_only: asked.open_only,
    };
    if let Some(meeting) = filter.meeting {
        crate::wire::meetings::lookup::meeting(engine, access, meeting)?;
    }
    let list = format!(
        "agreedItems?{}&{}&{}&{}",
        asked.parent, asked.unit, asked.overdue_only, asked.open_only
    );
    let after = page::bytes(&asked.page_token, access.agency(), &list)?;
    let charter = access.roster().charter();
    let today = show::today(charter, engine.clock().now());
    let mut shown = vec![];
    let mut contents = BTreeMap::new();
    let mut place = after;
    let mut looked_at = 0;
    loop {
        let rows = next(engine, access, place.as_deref(), PAGE_MAX)?;
        let is_last = rows.len() < PAGE_MAX;
        for one in rows {
            looked_at += 1;
            place = Some(one.clone());
            let Some(name) = name_at(&one) else { continue };
            if filter
                .meeting
                .is_some_and(|meeting| meeting != name.meeting)
            {
                continue;
            }
            let row = items::item(engine.store(), name.meeting.0.as_bytes(), name.item)?;
            let Some(row) = row.filter(|row| filter.matches(row, today)) else {
                continue;
            };
            let of = (name.meeting, row.document);
            let content = match contents.entry(of) {
                Entry::Occupied(read) => read.into_mut(),
                Entry::Vacant(place) => place.insert(content_of(engine, of.0, of.1)?),
            };
            let one = (name, &row);
            shown.push(item(engine, today, one, content, Detail::Listed)?);
            if shown.len() == size {
                break;
            }
        }
        if shown.len() == size || (looked_at >= LOOKED_AT_MAX && !is_last) {
            break;
        }
        if is_last {
            place = None;
            break;
        }
    }
    Ok(ListAgreedItemsResponse {
        agreed_items: shown,
        next_page_token: place.map_or_else(String::new, |place| {
            page::token_bytes(access.agency(), &list, &place)
        }),
    })
}

/// Places after one in the lists of everyone as whom the caller looks, in their order, each once.
fn next(
    engine: &Engine,
    access: &Access,
    after: Option<&[u8]>,
    count_max: usize,
) -> Result<Vec<Vec<u8>>> {
    let mut places = BTreeSet::new();
    for viewer in access.meeting_viewers() {
        let (start, end) = keys::seen_by(Kind::AgreedItemOf, &viewer.to_string()).range();
        let skip = start.len();
        let from = match after {
            // The smallest key greater than the last one.
            Some(after) => [&start, after, &[0]].concat(),
            None => start,
        };
        let rows = engine
            .store()
            .scan(&from, &end, Direction::Forward, count_max)?;
        places.extend(
            rows.iter()
                .filter_map(|(key, _)| Some(key.get(skip..)?.to_vec())),
        );
    }
    Ok(places.into_iter().take(count_max).collect())
}

/// The item at a place.
fn name_at(place: &[u8]) -> Option<AgreedItemName> {
    if place.len() != PLACE_BYTES {
        return None;
    }
    let meeting: [u8; 16] = place.get(8..24)?.try_into().ok()?;
    let item = u64::from_be_bytes(place.get(24..)?.try_into().ok()?);
    Some(AgreedItemName {
        meeting: MeetingName(RequestId::from_bytes(meeting)?),
        item: u32::try_from(item).ok()?,
    })
}

/// Every item that a viewer may see and that the minutes ask for before a day.
pub(super) fn due_before(
    engine: &Engine,
    viewer: &str,
    until_on: &common::Date,
) -> Result<Vec<(AgreedItemName, AgreedItemRow)>> {
    let (mut from, _) = keys::seen_by(Kind::AgreedItemOf, viewer).range();
    let skip = from.len();
    let to = keys::seen_by(Kind::AgreedItemOf, viewer)
        .number(minutes::issue::day_number(until_on))
        .build();
    let mut found = vec![];
    loop {
        let rows = engine
            .store()
            .scan(&from, &to, Direction::Forward, PAGE_MAX)?;
        for (key, _) in &rows {
            let Some(name) = key.get(skip..).and_then(name_at) else {
                continue;
            };
            let row = items::item(engine.store(), name.meeting.0.as_bytes(), name.item)?;
            found.extend(row.map(|row| (name, row)));
        }
        match rows.last() {
            Some((key, _)) if rows.len() == PAGE_MAX => from = [key, [0].as_slice()].concat(),
            _ => return Ok(found),
        }
    }
}
