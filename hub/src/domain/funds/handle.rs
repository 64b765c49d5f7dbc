//! What units do about an alert, and what its author answers.

use hub_core::{date, names::Recipient};
use hub_proto::{
    channels::RequestedAction,
    funds::{
        AlertAcknowledged, AlertAction, AlertState, FindingKind, FindingRecorded,
        InformationProvided, MeasureReported, MeasureReviewed, MeasureState, MeasureTaken,
        funds_event::Kind,
    },
    ledger::Event,
};
use jiff::{Span, civil::Date};

use super::{
    Case, FINDINGS_MAX, INFORMATION_MAX, MEASURES_MAX, event, next, refused, require_fewer,
    require_open, require_revision,
    rows::{MeasureRow, UnitRow},
    told,
};
use crate::{
    domain::{Decision, channels::Issue, meetings::minutes::notices::end_of_day},
    error::{Error, Result},
};

/// Farthest day on which a measure is to be done, in years.
pub const DUE_YEARS_MAX: i16 = 10;

impl Case<'_> {
    fn id(&self) -> bytes::Bytes {
        self.name.0.as_bytes().to_vec().into()
    }

    /// The acting unit's row.
    fn own(&self) -> Result<&UnitRow> {
        let own = self.row.unit(self.permit.agency());
        own.ok_or_else(|| Error::internal("a unit acts that the alert did not go to"))
    }

    /// The unit must have acknowledged the revision in force: nobody acts on what it has not read.
    fn require_acknowledged(&self) -> Result<&UnitRow> {
        let own = self.own()?;
        if own.acknowledged.is_some() {
            return Ok(own);
        }
        Err(refused(format!(
            "agencies/{} has not acknowledged revision {} of {} yet",
            own.agency,
            self.row.revision(),
            self.name
        )))
    }

    /// A measure of the acting unit.
    fn own_measure(&self, number: u32) -> Result<&MeasureRow> {
        let at = usize::try_from(number)
            .ok()
            .and_then(|at| at.checked_sub(1));
        let found = at.and_then(|at| self.row.measures.get(at));
        found
            .filter(|one| one.unit == self.permit.agency().as_str())
            .ok_or_else(|| {
                let rule = "must be the number of a measure that the own agency has taken";
                Error::field("measure", rule)
            })
    }

    fn tell_coordinators(&self, what: &str) -> Issue {
        let own = self.own_name();
        let notice = self.notice(what, &[("单位", &own)]);
        Issue::new(told::coordinators(self.row, &self.unit()), notice)
    }
}

pub(super) fn acknowledge(case: &Case<'_>, revision: u32, action: AlertAction) -> Result<Decision> {
    let own = case.own()?;
    require_revision(case.name, case.row, revision)?;
    if case.row.state() == AlertState::Retracted {
        if action != AlertAction::Noted {
            let rule = "must be ALERT_ACTION_NOTED: the alert is retracted";
            return Err(Error::field("action", rule));
        }
        if let Some(act) = &own.acknowledged {
            return Ok(Decision::Already(act.entry_index));
        }
    } else {
        require_open(case.name, case.row)?;
        if action == AlertAction::Noted {
            let rule = "must say what the unit does; ALERT_ACTION_NOTED is for a retraction";
            return Err(Error::field("action", rule));
        }
    }
    let acknowledged = event(Kind::AlertAcknowledged(AlertAcknowledged {
        alert: case.id(),
        unit: own.agency.clone(),
        revision,
        action: action.into(),
    }));
    let says = match action {
        AlertAction::Checks => "已确认预警，开展核查",
        AlertAction::NoAction => "已确认预警，不采取措施",
        AlertAction::NeedsInformation => "已确认预警，需补充信息",
        AlertAction::Noted | AlertAction::Unspecified => "已确认预警撤回",
    };
    let told = case.tell_coordinators(says);
    case.with(acknowledged, &[told]).map(Decision::Record)
}

pub(super) fn inform(case: &Case<'_>) -> Result<Vec<Event>> {
    require_open(case.name, case.row)?;
    let count = case.row.information.len();
    require_fewer(case.name, count, INFORMATION_MAX, "answers")?;
    let provided = event(Kind::InformationProvided(InformationProvided {
        alert: case.id(),
    }));
    let own = case.own_name();
    let lines = [("发布单位", own.as_str()), ("说明", "请查阅预警")];
    let notice = case.notice("资金预警补充信息", &lines);
    let told = Issue::new(told::others(case.row, &case.unit()), notice);
    case.with(provided, &[told])
}

pub(super) fn find(case: &Case<'_>, kind: FindingKind) -> Result<Vec<Event>> {
    require_open(case.name, case.row)?;
    let own = case.require_acknowledged()?;
    if own.action() != AlertAction::Checks {
        return Err(refused(format!(
            "agencies/{} has not said that it checks {}; acknowledge it so first",
            own.agency, case.name
        )));
    }
    let count = case.row.findings.len();
    require_fewer(case.name, count, FINDINGS_MAX, "findings")?;
    let recorded = event(Kind::FindingRecorded(FindingRecorded {
        alert: case.id(),
        unit: own.agency.clone(),
        kind: kind.into(),
        revision: case.row.revision(),
    }));
    let found = match kind {
        FindingKind::Substantiated => "核查属实",
        FindingKind::Unsubstantiated => "核查不属实",
        FindingKind::Referred | FindingKind::Unspecified => "转其他程序办理",
    };
    let name = case.own_name();
    let notice = case.notice("资金预警核查结论", &[("单位", &name), ("结论", found)]);
    let told = Issue::new(told::others(case.row, &case.unit()), notice);
    case.with(recorded, &[told])
}

pub(super) fn take(case: &Case<'_>, due_on: Date) -> Result<Vec<Event>> {
    require_open(case.name, case.row)?;
    let own = case.require_acknowledged()?;
    let today = case.context.today();
    let latest = today.checked_add(Span::new().years(DUE_YEARS_MAX));
    if due_on < today || latest.is_ok_and(|latest| due_on > latest) {
        let rule = format!("must be a day from {today} on, at most {DUE_YEARS_MAX} years ahead");
        return Err(Error::field("measure.due_on", rule));
    }
    let count = case.row.measures.len();
    require_fewer(case.name, count, MEASURES_MAX, "measures")?;
    let taken = event(Kind::MeasureTaken(MeasureTaken {
        alert: case.id(),
        measure: next(count),
        unit: own.agency.clone(),
        due_on: Some(date::to_wire(due_on)),
    }));
    let due = due_on.to_string();
    let name = case.own_name();
    let lines = [("单位", name.as_str()), ("完成时限", due.as_str())];
    let to_own = case.notice("请落实预警后续措施", &lines);
    let to_others = case.notice("预警后续措施", &lines);
    let unit = vec![case.unit()];
    let due_at = end_of_day(due_on, case.context.charter.zone());
    let action = RequestedAction::CarryOutMeasure;
    let issues = [
        told::asking(case.context, unit.clone(), to_own, (&unit, action), due_at),
        Issue::new(told::others(case.row, &case.unit()), to_others),
    ];
    case.with(taken, &issues)
}

pub(super) fn report(case: &Case<'_>, number: u32) -> Result<Vec<Event>> {
    let measure = case.own_measure(number)?;
    if measure.state() != MeasureState::Open {
        return Err(refused(format!(
            "measure {number} of {} is not open any more",
            case.name
        )));
    }
    if measure.awaits_review {
        return Err(refused(format!(
            "measure {number} of {} awaits review; uphold or lift it first",
            case.name
        )));
    }
    let reported = event(Kind::MeasureReported(MeasureReported {
        alert: case.id(),
        measure: number,
    }));
    case.with(reported, &[case.tell_coordinators("预警后续措施已落实")])
}

pub(super) fn review(case: &Case<'_>, number: u32, is_lifted: bool) -> Result<Vec<Event>> {
    let measure = case.own_measure(number)?;
    if !measure.awaits_review {
        return Err(refused(format!(
            "measure {number} of {} does not await review",
            case.name
        )));
    }
    let reviewed = event(Kind::MeasureReviewed(MeasureReviewed {
        alert: case.id(),
        measure: number,
        is_lifted,
    }));
    let what = match is_lifted {
        true => "预警后续措施已解除",
        false => "预警后续措施予以维持",
    };
    case.with(reviewed, &[case.tell_coordinators(what)])
}

/// A recipient in the agency's name.
pub(super) fn recipient(agency: &str) -> Option<Recipient> {
    agency.parse().ok().map(Recipient::Agency)
}
