//! Drafts and consent rounds: which version is before whom, and who has agreed to it.

pub(super) mod apply;

use hub_core::{crypto::Digest, names::Recipient, reason::Reason};
use hub_proto::{
    channels::{Attachment, RequestedAction},
    meetings::{
        MeetingState, MinutesCirculated, MinutesConsented, MinutesDrafted, MinutesObjected,
        MinutesState, ObjectionWithdrawn, meetings_event::Kind,
    },
};
use jiff::{SignedDuration, Timestamp};

use super::{Case, Draft, attending, minutes, recipients};
use crate::{
    domain::{
        Decision,
        channels::{self, Issue, asks},
        meetings::{
            event,
            rows::{ConsentRow, MinutesRow, VersionRow},
        },
    },
    error::{Error, Result},
};

/// Most versions of a document.
pub const VERSIONS_MAX: usize = 100;

/// Most objections to the versions of a document, withdrawn ones included.
pub const OBJECTIONS_MAX: usize = 400;

/// Longest time to consent (a year).
pub const CONSENT_AFTER_MAX: SignedDuration = SignedDuration::from_hours(366 * 24);

/// A document and a version of it.
type Of = (u32, u32);

pub(super) fn draft(case: &Case<'_>, draft: &Draft) -> Result<Decision> {
    let document = draft.document;
    let row = if document == 1 {
        check_original(case)?;
        minutes(case.view, case.id(), document)?.unwrap_or_default()
    } else {
        case.minutes(document)?
    };
    if row.state() == MinutesState::Issued {
        return Err(case.state_refused(format!(
            "name: {} are issued and never change; begin a correction",
            case.minutes_name(document)
        )));
    }
    if draft.base_version != newest(&row) {
        return Err(Error::new(
            Reason::Conflict,
            format!(
                "base_version: {} is not the newest, which is {}; read it and draft again",
                draft.base_version,
                newest(&row)
            ),
        ));
    }
    if row.versions.len() >= VERSIONS_MAX {
        let rule = format!("a document has at most {VERSIONS_MAX} versions");
        return Err(Error::field("content", rule));
    }
    let version = newest(&row).saturating_add(1);
    let drafted = MinutesDrafted {
        meeting: case.id_bytes(),
        document,
        version,
        content_sha256: draft.content_sha256.to_vec().into(),
        officer: case.permit.officer().to_string(),
        agreed_items_count: draft.agreed_items_count,
    };
    let mut events = vec![event(Kind::MinutesDrafted(drafted))];
    let told = told_of_draft(case, &row, draft, version);
    events.extend(channels::issue(case.context, case.view, &told)?);
    Ok(Decision::Record(events))
}

/// The original is drafted from when the meeting was held until it is issued.
fn check_original(case: &Case<'_>) -> Result<()> {
    let state = case.meeting.state();
    match state {
        MeetingState::Held
        | MeetingState::MinutesDraft
        | MeetingState::ConsentRound
        | MeetingState::Agreed => Ok(()),
        MeetingState::Issued | MeetingState::FollowUp | MeetingState::Closed => Err(case
            .state_refused(format!(
                "{}: the minutes are issued and never change; begin a correction",
                case.name
            ))),
        _ => Err(case.state_refused(format!(
            "{}: is {}; minutes are drafted once it was held (JE-073)",
            case.name,
            state.as_str_name()
        ))),
    }
}

/// The offices learn of the draft; the units that were asked, that they are not asked any longer.
fn told_of_draft(case: &Case<'_>, row: &MinutesRow, draft: &Draft, version: u32) -> Vec<Issue> {
    let name = case.minutes_name(draft.document);
    let title = format!("{}纪要第{version}稿已拟定", case.quoted());
    let body = format!("纪要：{name}\n稿次：{version}\n");
    let notice = case.notice_with(name.clone(), title, body, &draft.attachments);
    let mut told = vec![Issue::new(case.offices(), notice)];
    if row.circulated_version > 0 {
        let before = row.circulated_version;
        let title = format!("{}纪要第{before}稿不再征求意见", case.quoted());
        let body = format!(
            "纪要：{name}\n第{before}稿正在修改，此前的同意不再有效；修改稿将另行征求意见。\n"
        );
        let units = recipients(row.consents.iter().map(|one| &*one.unit));
        told.push(Issue::new(units, case.notice(name, title, body)));
    }
    told
}

pub(super) fn circulate(
    case: &Case<'_>,
    (document, version): Of,
    consent_by: Option<Timestamp>,
    attachments: &[Attachment],
) -> Result<Decision> {
    let row = case.minutes(document)?;
    if version != newest(&row) {
        return Err(conflict(version, newest(&row), "newest"));
    }
    if row.state() != MinutesState::Draft {
        return Err(case.state_refused(format!(
            "{}: version {version} is before the units already, or issued",
            case.minutes_name(document)
        )));
    }
    let states_items = row
        .versions
        .last()
        .is_some_and(|newest| newest.agreed_items_count > 0);
    if !states_items {
        return Err(case.state_refused(format!(
            "version: {version} states no agreed item; minutes state what was agreed (JE-073)"
        )));
    }
    let now = case.context.now;
    let rules = case.context.charter.meetings();
    let consent_by = match consent_by {
        Some(by) if by <= now => {
            let rule = format!("must be later than now, {now:.0}");
            return Err(Error::field("consent_by_at", rule));
        }
        Some(by) => by,
        None => now
            .saturating_add(rules.consent())
            .unwrap_or(Timestamp::MAX),
    };
    let units: Vec<String> = attending(&case.meeting)
        .into_iter()
        .map(|unit| unit.agency.clone())
        .collect();
    if units.is_empty() {
        return Err(case.state_refused(format!(
            "{}: no unit attended, so that none can agree (JE-074)",
            case.name
        )));
    }
    let asked = recipients(units.iter().map(String::as_str));
    let name = case.minutes_name(document);
    let title = format!("请对{}纪要第{version}稿表示同意或提出异议", case.quoted());
    let body = format!(
        "纪要：{name}\n稿次：{version}\n请于{}前表示同意或提出异议。\n",
        case.instant(consent_by)
    );
    let told = Issue {
        addressees: asked.iter().cloned().chain(case.offices()).collect(),
        notification: case.notice_with(name, title, body, attachments),
        ask: ask(case, &asked, consent_by),
    };
    let mut events = vec![event(Kind::MinutesCirculated(MinutesCirculated {
        meeting: case.id_bytes(),
        document,
        version,
        units,
        consent_by_us: consent_by.as_microsecond(),
    }))];
    events.extend(channels::issue(case.context, case.view, &[told])?);
    Ok(Decision::Record(events))
}

fn ask(
    case: &Case<'_>,
    units: &[Recipient],
    consent_by: Timestamp,
) -> Option<hub_proto::channels::Ask> {
    let follow_up = case.context.charter.follow_up();
    let now = case.context.now;
    asks::ask(follow_up, units, RequestedAction::Consent, consent_by, now)
}

/// The row of the permit's agency in the round on a version.
fn in_round<'r>(
    case: &Case<'_>,
    row: &'r MinutesRow,
    (document, version): Of,
) -> Result<&'r ConsentRow> {
    let unit = case.unit();
    let attended = attending(&case.meeting);
    if !attended.iter().any(|one| one.agency == unit) {
        return Err(Error::new(
            Reason::PermissionDenied,
            format!("agencies/{unit} did not attend and is not asked (JE-074)"),
        ));
    }
    if version != row.circulated_version {
        return Err(conflict(version, row.circulated_version, "circulated"));
    }
    if row.state() == MinutesState::Issued {
        return Err(case.state_refused(format!(
            "{}: are issued and never change",
            case.minutes_name(document)
        )));
    }
    let own = row.consents.iter().find(|one| one.unit == unit);
    own.ok_or_else(|| conflict(version, row.circulated_version, "circulated"))
}

pub(super) fn consent(case: &Case<'_>, of: Of, content_sha256: &Digest) -> Result<Decision> {
    let (document, version) = of;
    let row = case.minutes(document)?;
    let own = in_round(case, &row, of)?;
    let read = version_row(&row, version).map(|one| one.content_sha256.as_slice());
    if read != Some(content_sha256.as_slice()) {
        return Err(Error::new(
            Reason::Conflict,
            format!("content_sha256: is not that of version {version}; read it again"),
        ));
    }
    if let Some(agreed) = &own.agreed {
        return Ok(Decision::Already(agreed.entry_index));
    }
    if own.objected.is_some() {
        return Err(case.state_refused(format!(
            "agencies/{} objects to version {version}; withdraw the objection first",
            case.unit()
        )));
    }
    let others = row.consents.iter().filter(|one| one.unit != own.unit);
    let is_agreed = others.clone().all(|one| one.agreed.is_some());
    let agreed = others.filter(|one| one.agreed.is_some()).count();
    let consented = MinutesConsented {
        meeting: case.id_bytes(),
        document,
        version,
        unit: own.unit.clone(),
        officer: case.permit.officer().to_string(),
        role: case.permit.role().to_string(),
        is_agreed,
    };
    let end = if is_agreed {
        "与会单位均已同意，可以印发。"
    } else {
        "尚待其他与会单位答复。"
    };
    let said = format!(
        "同意（{}/{}）",
        agreed.saturating_add(1),
        row.consents.len()
    );
    let told = told_offices(case, of, &said, end);
    record(case, Kind::MinutesConsented(consented), &[told])
}

pub(super) fn object(case: &Case<'_>, of: Of, reason: &str) -> Result<Decision> {
    let (document, version) = of;
    let row = case.minutes(document)?;
    let own = in_round(case, &row, of)?;
    if own.objected.is_some() {
        return Err(case.state_refused(format!(
            "agencies/{} objects to version {version} already; withdraw that to say something else",
            case.unit()
        )));
    }
    if row.objections.len() >= OBJECTIONS_MAX {
        let rule = format!("a document takes at most {OBJECTIONS_MAX} objections");
        return Err(Error::field("name", rule));
    }
    let objected = MinutesObjected {
        meeting: case.id_bytes(),
        document,
        version,
        unit: own.unit.clone(),
        officer: case.permit.officer().to_string(),
        role: case.permit.role().to_string(),
    };
    let told = told_offices(case, of, "提出异议", reason);
    record(case, Kind::MinutesObjected(objected), &[told])
}

pub(super) fn withdraw_objection(case: &Case<'_>, of: Of) -> Result<Decision> {
    let (document, version) = of;
    let row = case.minutes(document)?;
    let own = in_round(case, &row, of)?;
    if own.objected.is_none() {
        return Err(case.state_refused(format!(
            "agencies/{} has no objection to version {version}",
            case.unit()
        )));
    }
    let name = case.minutes_name(document);
    let unit = recipients([case.unit()].into_iter());
    let consent_by = Timestamp::from_microsecond(row.consent_by_us).unwrap_or(case.context.now);
    let title = format!("请对{}纪要第{version}稿表示同意或提出异议", case.quoted());
    let body = format!("纪要：{name}\n稿次：{version}\n异议已撤回，请重新答复。\n");
    let again = Issue {
        addressees: unit.clone(),
        notification: case.notice(name, title, body),
        ask: ask(case, &unit, consent_by),
    };
    let withdrawn = ObjectionWithdrawn {
        meeting: case.id_bytes(),
        document,
        version,
        unit: own.unit.clone(),
    };
    let told = told_offices(case, of, "撤回异议", "");
    record(case, Kind::ObjectionWithdrawn(withdrawn), &[again, told])
}

fn told_offices(case: &Case<'_>, (document, version): Of, what: &str, text: &str) -> Issue {
    let name = case.minutes_name(document);
    let unit = case.name_of(case.unit());
    let title = format!("{unit}对{}纪要第{version}稿{what}", case.quoted());
    let body = format!("纪要：{name}\n稿次：{version}\n单位：{unit}\n答复：{what}\n{text}\n");
    Issue::new(case.offices(), case.notice(name, title, body))
}

fn record(case: &Case<'_>, kind: Kind, told: &[Issue]) -> Result<Decision> {
    let mut events = vec![event(kind)];
    events.extend(channels::issue(case.context, case.view, told)?);
    Ok(Decision::Record(events))
}

/// The number of the newest version; 0 for none.
#[must_use]
pub fn newest(row: &MinutesRow) -> u32 {
    u32::try_from(row.versions.len()).unwrap_or(u32::MAX)
}

/// A version of a document.
#[must_use]
pub fn version_row(row: &MinutesRow, version: u32) -> Option<&VersionRow> {
    let place = usize::try_from(version.checked_sub(1)?).ok()?;
    row.versions.get(place)
}

pub(super) fn conflict(asked: u32, is: u32, what: &str) -> Error {
    let is = if is == 0 {
        format!("there is no {what} one")
    } else {
        format!("the {what} one is {is}")
    };
    Error::new(
        Reason::Conflict,
        format!("version: {asked} is not it; {is}: read again"),
    )
}
