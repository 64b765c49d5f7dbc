//! Joint notices (联合通报): two or more units sign one (FS-021).

use hub_core::names::{AgencyId, Recipient};
use hub_proto::{
    channels::RequestedAction,
    funds::{
        JointNoticeDrafted, JointNoticeIssued, JointNoticeSigned, JointNoticeState,
        funds_event::Kind,
    },
    ledger::Event,
};

use super::{
    Case, JOINT_NOTICES_MAX, SIGNATURES_MIN, SIGNERS_MAX, event, handle::recipient, next, refused,
    require_fewer, require_open, rows::NoticeRow, told,
};
use crate::{
    domain::{Decision, channels::Issue},
    error::{Error, Result, Violation},
};

pub(super) fn draft(case: &Case<'_>, author: &Recipient, units: &[AgencyId]) -> Result<Vec<Event>> {
    require_open(case.name, case.row)?;
    check_units(case, units)?;
    let count = case.row.notices.len();
    require_fewer(case.name, count, JOINT_NOTICES_MAX, "joint notices")?;
    let drafted = event(Kind::JointNoticeDrafted(JointNoticeDrafted {
        alert: case.name.0.as_bytes().to_vec().into(),
        joint_notice: next(count),
        author: author.to_string(),
        units: units.iter().map(ToString::to_string).collect(),
    }));
    let by = told::later(case.context, told::rules(case.context)?.sign())?;
    let lines = [
        ("起草", case.name_of(author)),
        ("会签时限", told::instant(case.context, by)),
        (
            "办理要求",
            "请查阅预警中的联合通报，会签或说明理由".to_owned(),
        ),
    ];
    let lines = lines
        .each_ref()
        .map(|(label, text)| (*label, text.as_str()));
    let notice = case.notice("请会签联合通报", &lines);
    let asked: Vec<Recipient> = units.iter().cloned().map(Recipient::Agency).collect();
    let action = RequestedAction::CoSign;
    let told = told::asking(case.context, asked.clone(), notice, (&asked, action), by);
    case.with(drafted, &[told])
}

fn check_units(case: &Case<'_>, units: &[AgencyId]) -> Result<()> {
    let field = "joint_notice.units";
    if !(SIGNATURES_MIN..=SIGNERS_MAX).contains(&units.len()) {
        let rule = format!("must be {SIGNATURES_MIN} to {SIGNERS_MAX} units (FS-021)");
        return Err(Error::field(field, rule));
    }
    let author = case.row.author();
    let is_able = |unit: &AgencyId| case.row.unit(unit).is_some() || author.as_ref() == Some(unit);
    let mut violations = vec![];
    for (number, unit) in units.iter().enumerate() {
        let rule = if units.iter().take(number).any(|one| one == unit) {
            "must not be named twice"
        } else if !is_able(unit) {
            "must be a unit that the alert went to, or the one that raised it"
        } else {
            continue;
        };
        violations.push(Violation {
            field: format!("{field}[{number}]"),
            rule: rule.into(),
        });
    }
    if violations.is_empty() {
        Ok(())
    } else {
        Err(Error::fields(violations))
    }
}

impl Case<'_> {
    /// A joint notice that waits for signatures.
    fn drafted(&self, number: u32) -> Result<&NoticeRow> {
        let at = usize::try_from(number)
            .ok()
            .and_then(|at| at.checked_sub(1));
        let found = at.and_then(|at| self.row.notices.get(at)).ok_or_else(|| {
            let rule = "must be the number of a joint notice of the alert";
            Error::field("joint_notice", rule)
        })?;
        if found.state() == JointNoticeState::Drafted {
            return Ok(found);
        }
        let stands = found.state().as_str_name();
        let stands = stands.strip_prefix("JOINT_NOTICE_STATE_").unwrap_or(stands);
        Err(refused(format!(
            "joint notice {number} of {} is {stands}; this needs DRAFTED",
            self.name
        )))
    }
}

pub(super) fn sign(case: &Case<'_>, number: u32, is_signed: bool) -> Result<Decision> {
    let notice = case.drafted(number)?;
    let unit = case.permit.agency().as_str();
    if !notice.units.iter().any(|one| one == unit) {
        return Err(Error::internal("a unit that was not asked signs"));
    }
    if let Some(before) = notice.signatures.iter().find(|one| one.unit == unit) {
        return match &before.act {
            Some(act) if before.is_signed == is_signed => Ok(Decision::Already(act.entry_index)),
            _ => Err(refused(format!(
                "agencies/{unit} has answered joint notice {number} of {} already",
                case.name
            ))),
        };
    }
    let signed = event(Kind::JointNoticeSigned(JointNoticeSigned {
        alert: case.name.0.as_bytes().to_vec().into(),
        joint_notice: number,
        unit: unit.to_owned(),
        is_signed,
    }));
    let what = match is_signed {
        true => "联合通报已会签",
        false => "联合通报不会签",
    };
    let own = case.own_name();
    let mut author: Vec<Recipient> = notice.author.parse().into_iter().collect();
    author.retain(|one| *one != case.unit());
    let told = Issue::new(author, case.notice(what, &[("单位", &own)]));
    case.with(signed, &[told]).map(Decision::Record)
}

pub(super) fn issue(
    case: &Case<'_>,
    number: u32,
    by: &Recipient,
    text: &str,
) -> Result<Vec<Event>> {
    let notice = case.drafted(number)?;
    let signed = notice.signatures.iter().filter(|one| one.is_signed);
    let names: Vec<String> = signed
        .filter_map(|one| recipient(&one.unit))
        .map(|unit| case.name_of(&unit))
        .collect();
    if names.len() < SIGNATURES_MIN {
        return Err(refused(format!(
            "joint notice {number} of {} has {} signatures; it needs {SIGNATURES_MIN} (FS-021)",
            case.name,
            names.len()
        )));
    }
    let issued = event(Kind::JointNoticeIssued(JointNoticeIssued {
        alert: case.name.0.as_bytes().to_vec().into(),
        joint_notice: number,
    }));
    let names = names.join("、");
    let lines = [("联合通报单位", names.as_str()), ("内容", text)];
    let told = Issue::new(
        told::others(case.row, by),
        case.notice("资金异动联合通报", &lines),
    );
    case.with(issued, &[told])
}
