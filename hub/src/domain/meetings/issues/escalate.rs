//! Escalations: drafted by the lead, signed by members, sent to the leading group, answered (JE-075).

use hub_core::{
    names::{AgencyId, EscalationName, MajorIssueName, MeetingName, Recipient},
    reason::Reason,
};
use hub_proto::{
    channels::{Attachment, RequestedAction},
    ledger::Event,
    meetings::{
        EscalationCoSigned, EscalationDrafted, EscalationReplied, EscalationSent, EscalationState,
        EscalationWithdrawn, MajorIssueState, meetings_event::Kind,
    },
};

use super::{CO_UNITS_MAX, ESCALATIONS_MAX, escalation, issue, refused, word};
use crate::{
    authz::Permit,
    domain::{
        Context, Decision,
        channels::{self, Issue, asks},
        meetings::{
            event,
            meeting::{self},
            notices,
            rows::{EscalationRow, MajorIssueRow},
        },
    },
    error::{Error, Result},
    state::{
        keys,
        view::{Overlay, View, ViewExt as _},
    },
};

/// What an escalation says, for the notices.
#[derive(Debug, Clone)]
pub struct Report {
    /// Which.
    pub escalation: EscalationName,
    /// Its title.
    pub title: String,
    /// The report.
    pub text: String,
    /// Its documents.
    pub documents: Vec<Attachment>,
}

/// An escalation that the lead drafts.
#[derive(Debug, Clone)]
pub struct Draft {
    /// What it says.
    pub report: Report,
    /// The issue.
    pub issue: MajorIssueName,
    /// The meeting that discussed it.
    pub meeting: MeetingName,
    /// Members that are asked to report it together with the lead.
    pub co_units: Vec<AgencyId>,
}

/// A member signs, or declines to.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Which.
    pub escalation: EscalationName,
    /// Its title, for the notice.
    pub title: String,
    /// Whether it signs.
    pub is_signed: bool,
    /// Why not.
    pub reason: String,
}

/// What the leading group replied.
#[derive(Debug, Clone)]
pub struct Reply {
    /// To which.
    pub escalation: EscalationName,
    /// Its title, for the notices.
    pub title: String,
    /// The issue's title, for the office.
    pub issue_title: String,
    /// The reply.
    pub text: String,
    /// Its document number, or empty.
    pub document_number: String,
    /// Its documents.
    pub documents: Vec<Attachment>,
}

pub(super) fn draft(
    context: &Context<'_>,
    view: &Overlay<'_>,
    command: &Draft,
) -> Result<Vec<Event>> {
    let name = command.report.escalation;
    if view.row(&keys::escalation(name.0.as_bytes()))?.is_some() {
        let message = format!("request_id {} is used already", name.0);
        return Err(Error::new(Reason::RequestIdReused, message));
    }
    let row = issue(view, command.issue)?;
    check_issue(view, command, &row)?;
    let mechanism = row.mechanism.parse().ok();
    let mechanism = mechanism.and_then(|id| context.charter.mechanism(&id));
    let mechanism = mechanism.ok_or_else(|| Error::internal("an issue of no mechanism"))?;
    check_co_units(view, command, mechanism.lead())?;
    let name_of = |agency: &AgencyId| {
        let found = context.charter.agency(agency);
        found.map_or("", |found| found.name_on(context.today()))
    };
    let title = format!(
        "请会签重大问题报告：{}",
        notices::quoted(&command.report.title)
    );
    let lines = [
        ("报告", command.report.title.as_str()),
        ("牵头单位", name_of(mechanism.lead())),
        ("报送", name_of(mechanism.parent_body())),
        ("内容", &command.report.text),
        ("办理要求", "请会签，不同意会签的请说明理由"),
    ];
    let mut notice = notices::notice(&name.to_string(), &title, &lines);
    notice.attachments.clone_from(&command.report.documents);
    let asked = recipients(command.co_units.iter().map(AgencyId::as_str));
    let due_at = context
        .now
        .checked_add(context.charter.meetings().co_sign());
    let due_at = due_at.map_err(Error::internal)?;
    let follow_up = context.charter.follow_up();
    let ask = asks::ask(
        follow_up,
        &asked,
        RequestedAction::CoSign,
        due_at,
        context.now,
    );
    let mut issue_to = Issue::new(asked, notice);
    issue_to.ask = ask;
    let mut events = vec![event(Kind::EscalationDrafted(EscalationDrafted {
        escalation: name.0.as_bytes().to_vec().into(),
        major_issue: command.issue.0.as_bytes().to_vec().into(),
        meeting: command.meeting.0.as_bytes().to_vec().into(),
        lead_unit: mechanism.lead().to_string(),
        co_units: command.co_units.iter().map(ToString::to_string).collect(),
        addressee: mechanism.parent_body().to_string(),
    }))];
    events.extend(channels::issue(context, view, &[issue_to])?);
    Ok(events)
}

/// Refuses to report an issue that no meeting has discussed, or that is being reported already.
fn check_issue(view: &Overlay<'_>, command: &Draft, row: &MajorIssueRow) -> Result<()> {
    let name = command.issue;
    if row.state() == MajorIssueState::Closed {
        return Err(refused(format!("{name} is CLOSED; flag it anew (JE-023)")));
    }
    let meeting = command.meeting.0.as_bytes();
    if !row.discussed_at.iter().any(|one| one == meeting) {
        let message = format!(
            "{name} was not discussed at {}: a major issue is reported after a meeting that was \
             held has discussed it (JE-075)",
            command.meeting
        );
        return Err(refused(message));
    }
    for id in &row.escalations {
        let found: Option<EscalationRow> = view.message(&keys::escalation(id))?;
        if found.is_some_and(|found| found.state() == EscalationState::Drafted) {
            let message =
                format!("{name} has a report that waits for signatures; send or withdraw it first");
            return Err(refused(message));
        }
    }
    if row.escalations.len() >= ESCALATIONS_MAX {
        let message = format!("{name} has {ESCALATIONS_MAX} reports, which is the most");
        return Err(refused(message));
    }
    Ok(())
}

/// Refuses a report without members to make it together with the lead: units of the meeting that
/// discussed the issue, none of them the lead.
fn check_co_units(view: &Overlay<'_>, command: &Draft, lead: &AgencyId) -> Result<()> {
    let field = "escalation.co_units";
    let units = &command.co_units;
    if units.is_empty() || units.len() > CO_UNITS_MAX {
        let rule = format!(
            "must be 1 to {CO_UNITS_MAX} members that report the issue together with the lead \
             (JE-075)"
        );
        return Err(Error::field(field, rule));
    }
    let of = meeting::read(view, command.meeting)?;
    for (number, unit) in units.iter().enumerate() {
        let field = format!("{field}[{number}]");
        if unit == lead {
            let rule = "must not be the lead, which reports in any case (JE-075)";
            return Err(Error::field(field, rule));
        }
        if units.iter().take(number).any(|one| one == unit) {
            return Err(Error::field(field, "must not be named twice"));
        }
        if !of.units.iter().any(|one| one.agency == unit.as_str()) {
            let rule = "must be a unit of the meeting that discussed the issue";
            return Err(Error::field(field, rule));
        }
    }
    Ok(())
}

pub(super) fn co_sign(
    context: &Context<'_>,
    view: &Overlay<'_>,
    permit: &Permit,
    command: &Answer,
) -> Result<Decision> {
    let row = escalation(view, command.escalation)?;
    require(command.escalation, &row, EscalationState::Drafted)?;
    let unit = permit.agency().as_str();
    let own = row.co_units.iter().find(|one| one.unit == unit);
    let own = own.ok_or_else(|| Error::internal("a unit that was not asked signs"))?;
    if let Some(act) = &own.answered
        && own.is_signed
        && command.is_signed
    {
        return Ok(Decision::Already(act.entry_index));
    }
    let by = context.charter.agency(permit.agency());
    let by = by.map_or("", |agency| agency.name_on(context.today()));
    let what = if command.is_signed {
        "已会签"
    } else {
        "不会签"
    };
    let title = format!("{by}{what}：{}", notices::quoted(&command.title));
    let lines = [
        ("报告", command.title.as_str()),
        ("单位", by),
        ("答复", what),
        ("理由", &command.reason),
    ];
    let notice = notices::notice(&command.escalation.to_string(), &title, &lines);
    let lead = recipients([row.lead_unit.as_str()]);
    let mut events = vec![event(Kind::EscalationCoSigned(EscalationCoSigned {
        escalation: command.escalation.0.as_bytes().to_vec().into(),
        unit: unit.to_owned(),
        is_signed: command.is_signed,
        officer: permit.officer().to_string(),
    }))];
    events.extend(channels::issue(context, view, &[Issue::new(lead, notice)])?);
    Ok(Decision::Record(events))
}

pub(super) fn send(
    context: &Context<'_>,
    view: &Overlay<'_>,
    command: &Report,
) -> Result<Vec<Event>> {
    let name = command.escalation;
    let row = escalation(view, name)?;
    require(name, &row, EscalationState::Drafted)?;
    let open = row.co_units.iter().filter(|unit| unit.answered.is_none());
    let open: Vec<&str> = open.map(|unit| unit.unit.as_str()).collect();
    if !open.is_empty() {
        let message = format!(
            "{name} waits for the answer of {} (JE-075)",
            open.join(", ")
        );
        return Err(refused(message));
    }
    let signed = row.co_units.iter().filter(|unit| unit.is_signed);
    let signed: Vec<&str> = signed.map(|unit| unit.unit.as_str()).collect();
    if signed.is_empty() {
        let message = format!(
            "{name} is signed by no member: the lead reports together with the members concerned \
             (JE-075)"
        );
        return Err(refused(message));
    }
    let names = |units: &[&str]| {
        let found = units.iter().filter_map(|unit| unit.parse().ok());
        let found = found.filter_map(|unit| context.charter.agency(&unit));
        let found: Vec<&str> = found.map(|unit| unit.name_on(context.today())).collect();
        found.join("、")
    };
    let declined = row.co_units.iter().filter(|unit| !unit.is_signed);
    let declined: Vec<&str> = declined.map(|unit| unit.unit.as_str()).collect();
    let title = format!("重大问题报告：{}", notices::quoted(&command.title));
    let lines = [
        ("报告", command.title.as_str()),
        ("牵头单位", &names(&[&row.lead_unit])),
        ("会签单位", &names(&signed)),
        ("未会签单位", &names(&declined)),
        ("内容", &command.text),
    ];
    let mut to_addressee = notices::notice(&name.to_string(), &title, &lines);
    to_addressee.attachments.clone_from(&command.documents);
    let title = format!("重大问题报告已报送：{}", notices::quoted(&command.title));
    let lines = [("报告", command.title.as_str())];
    let to_units = notices::notice(&name.to_string(), &title, &lines);
    let asked = row.co_units.iter().map(|unit| unit.unit.as_str());
    let issues = [
        Issue::new(recipients([row.addressee.as_str()]), to_addressee),
        Issue::new(recipients(asked), to_units),
    ];
    let mut events = vec![event(Kind::EscalationSent(EscalationSent {
        escalation: name.0.as_bytes().to_vec().into(),
    }))];
    events.extend(channels::issue(context, view, &issues)?);
    Ok(events)
}

pub(super) fn withdraw(
    context: &Context<'_>,
    view: &Overlay<'_>,
    command: &Report,
) -> Result<Vec<Event>> {
    let name = command.escalation;
    let row = escalation(view, name)?;
    require(name, &row, EscalationState::Drafted)?;
    let title = format!("重大问题报告撤回：{}", notices::quoted(&command.title));
    let lines = [
        ("报告", command.title.as_str()),
        ("办理要求", "不再需要会签"),
    ];
    let notice = notices::notice(&name.to_string(), &title, &lines);
    let asked = recipients(row.co_units.iter().map(|unit| unit.unit.as_str()));
    let mut events = vec![event(Kind::EscalationWithdrawn(EscalationWithdrawn {
        escalation: name.0.as_bytes().to_vec().into(),
    }))];
    events.extend(channels::issue(
        context,
        view,
        &[Issue::new(asked, notice)],
    )?);
    Ok(events)
}

pub(super) fn reply(
    context: &Context<'_>,
    view: &Overlay<'_>,
    permit: &Permit,
    command: &Reply,
) -> Result<Vec<Event>> {
    let name = command.escalation;
    let row = escalation(view, name)?;
    require(name, &row, EscalationState::Sent)?;
    let title = format!("领导小组答复：{}", notices::quoted(&command.title));
    let lines = [
        ("报告", command.title.as_str()),
        ("文号", &command.document_number),
        ("答复", &command.text),
    ];
    let mut notice = notices::notice(&name.to_string(), &title, &lines);
    notice.attachments.clone_from(&command.documents);
    let units = row.co_units.iter().map(|unit| unit.unit.as_str());
    let told = recipients([row.lead_unit.as_str()].into_iter().chain(units));
    let mut issues = vec![Issue::new(told, notice)];
    let id = <[u8; 16]>::try_from(row.major_issue.as_slice()).ok();
    let id = id.and_then(hub_core::names::RequestId::from_bytes);
    if let Some(issue_name) = id.map(MajorIssueName)
        && let Ok(mechanism) = issue(view, issue_name)?.mechanism.parse()
    {
        // The office sees its issues, but of the report itself what the lead shows it.
        let title = format!(
            "重大问题已获答复：{}",
            notices::quoted(&command.issue_title)
        );
        let lines = [("问题", command.issue_title.as_str())];
        let notice = notices::notice(&issue_name.to_string(), &title, &lines);
        issues.push(Issue::new([Recipient::Office(mechanism)], notice));
    }
    let mut events = vec![event(Kind::EscalationReplied(EscalationReplied {
        escalation: name.0.as_bytes().to_vec().into(),
        officer: permit.officer().to_string(),
    }))];
    events.extend(channels::issue(context, view, &issues)?);
    Ok(events)
}

fn recipients<'a>(agencies: impl IntoIterator<Item = &'a str>) -> Vec<Recipient> {
    let ids = agencies.into_iter().filter_map(|id| id.parse().ok());
    ids.map(Recipient::Agency).collect()
}

/// Refuses an act in another state than the one it belongs to.
fn require(name: EscalationName, row: &EscalationRow, wanted: EscalationState) -> Result<()> {
    if row.state() == wanted {
        return Ok(());
    }
    let word = |state: EscalationState| word(state.as_str_name(), "ESCALATION_STATE_").to_owned();
    let message = format!(
        "{name} is {}; this needs {}",
        word(row.state()),
        word(wanted)
    );
    Err(refused(message))
}
