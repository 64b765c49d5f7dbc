//! What fund alerts are, plainly: the contract of `hub.funds.v1` told once more, without the hub.

use std::collections::BTreeMap;

use hub_core::date::from_wire;
use hub_proto::{
    channels::RequestedAction,
    funds::{
        Alert, AlertAction, AlertKind, AlertState, Closing, ClosingOutcome, Finding, FindingKind,
        JointNotice, JointNoticeState, Measure, MeasureState, NoticeSignature, ProvidedInformation,
        Revision, Severity, UnitHandling,
    },
};
use hub_tests::alerts::{BANK, OFFICE, UNITS};
use jiff::{Timestamp, ToSpan as _, civil::Date, tz::TimeZone};
use prost_types::Timestamp as Instant;

/// The number of an account, which no text may have (FS-051).
pub(super) const ACCOUNT: &str = "6222021001001234567";
/// Agencies that no alert is for.
pub(super) const OUTSIDERS: [&str; 2] = ["health", "leading-group-office"];
/// Indicators that are used, each with its series.
pub(super) const INDICATORS: [(&str, AlertKind); 3] = [
    ("flow_out_of_line", AlertKind::AbnormalMovement),
    ("promised_return", AlertKind::AbnormalMovement),
    ("overseas_donation_unfiled", AlertKind::OverseasDonation),
];
/// Most duplicates that are pointed out.
const DUPLICATES_MAX: usize = 20;

const NOT_FOUND: &str = "NOT_FOUND";
const DENIED: &str = "PERMISSION_DENIED";
const INVALID: &str = "INVALID_ARGUMENT";
const STATE: &str = "RECORD_STATE";

/// Today in the charter's time zone.
pub(super) fn today() -> Date {
    let zone = TimeZone::get("Asia/Shanghai").unwrap();
    Timestamp::now().to_zoned(zone).date()
}

pub(super) fn agency_name(agency: &str) -> String {
    format!("agencies/{agency}")
}

/// An officer: one for each role of an agency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Actor {
    pub(super) agency: &'static str,
    pub(super) role: &'static str,
}

impl Actor {
    pub(super) const fn new(agency: &'static str, role: &'static str) -> Self {
        Self { agency, role }
    }

    pub(super) fn officer(self) -> String {
        format!("{}-{}", self.agency, self.role)
    }

    /// Whether the role reads alerts at all.
    pub(super) fn reads(self) -> bool {
        self.role != "leading-group-desk"
    }

    fn raises(self) -> bool {
        self.role == "analyst"
    }

    fn handles(self) -> bool {
        matches!(self.role, "clerk" | "leader")
    }

    fn is_office(self) -> bool {
        self.role == "office"
    }
}

/// Everybody who tries.
pub(super) const ACTORS: [Actor; 12] = [
    Actor::new(BANK, "analyst"),
    Actor::new(BANK, "clerk"),
    Actor::new("civil-affairs", "office"),
    Actor::new("civil-affairs", "clerk"),
    Actor::new("public-security", "clerk"),
    Actor::new("public-security", "leader"),
    Actor::new("finance", "clerk"),
    Actor::new("state-security", "leader"),
    Actor::new("tax", "clerk"),
    Actor::new("tax", "leader"),
    Actor::new("health", "clerk"),
    Actor::new("leading-group-office", "leading-group-desk"),
];

/// What is done.
#[derive(Debug, Clone)]
pub(super) enum Act {
    Raise(Box<Alert>),
    Acknowledge(i32, AlertAction),
    Inform,
    Draft(Vec<&'static str>),
    /// A joint notice, and whether it is declined.
    Sign(i32, bool),
    Issue(i32),
    Find(FindingKind),
    Take(Date),
    Report(i32),
    /// A measure, and whether it is lifted.
    Review(i32, bool),
    /// Agency of the reviewer, and the reviewer.
    Close(&'static str, String),
    Correct(i32, Box<Alert>),
    Retract,
}

impl Act {
    /// Whether its text may not be left out.
    fn needs_text(&self) -> bool {
        match self {
            Self::Raise(_) | Self::Issue(_) => false,
            Self::Acknowledge(_, action) => matches!(
                action,
                AlertAction::NoAction | AlertAction::NeedsInformation
            ),
            Self::Sign(_, declines) => *declines,
            _ => true,
        }
    }
}

/// Who does what to which alert, in which words.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) who: Actor,
    pub(super) place: usize,
    pub(super) act: Act,
    pub(super) text: String,
}

/// An alert as everyone who may see it is to see it, without the times, which are only there or not.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) alert: Alert,
    /// What its author wrote, by revision.
    pub(super) drafts: Vec<Alert>,
}

/// Every alert there is, in the order of their raising.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) cases: Vec<Case>,
}

fn number(count: usize) -> i32 {
    i32::try_from(count).unwrap()
}

/// One of a list that counts from 1.
fn counted<T>(list: &[T], number: i32) -> Option<&T> {
    list.get(usize::try_from(number).ok()?.checked_sub(1)?)
}

/// A time that is there.
pub(super) fn some_time() -> Option<Instant> {
    Some(Instant::default())
}

fn period(alert: &Alert) -> (Date, Date) {
    let day = |wire: Option<&hub_proto::common::Date>| wire.and_then(from_wire).unwrap();
    (day(alert.start_on.as_ref()), day(alert.end_on.as_ref()))
}

/// Whether what an alert says keeps the rules, but for whom it goes to.
fn is_right(draft: &Alert) -> bool {
    let (start, end) = period(draft);
    let indicator = INDICATORS.iter().find(|one| one.0 == draft.indicator);
    indicator.is_some_and(|one| one.1 == draft.kind())
        && start <= end
        && end <= today()
        && start.checked_add(10.years()).unwrap() >= end
        && !draft.grounds.is_empty()
        && !draft.grounds.contains(ACCOUNT)
}

fn asks_only(draft: &Alert, units: &[String]) -> bool {
    draft.asks.iter().all(|ask| units.contains(&ask.unit))
}

/// The units that an alert goes to, if it may.
fn circulation(draft: &Alert) -> Option<Vec<String>> {
    let named = &draft.circulated_to;
    let units = UNITS.map(agency_name);
    if named.is_empty() {
        return Some(units.to_vec());
    }
    let mut once = named.clone();
    once.sort();
    once.dedup();
    let is_able = draft.severity() != Severity::Emergency
        && once.len() == named.len()
        && named.iter().all(|unit| units.contains(unit));
    let told = units.iter().filter(|unit| named.contains(unit));
    is_able.then(|| told.cloned().collect())
}

impl Case {
    pub(super) fn sees(&self, who: Actor) -> bool {
        who.reads() && self.is_for(who.agency)
    }

    /// Whether an agency may know of it. The office's host is always a unit when the office may.
    pub(super) fn is_for(&self, agency: &str) -> bool {
        agency == BANK || self.unit(agency).is_some()
    }

    pub(super) fn unit(&self, agency: &str) -> Option<&UnitHandling> {
        let name = agency_name(agency);
        self.alert.units.iter().find(|unit| unit.unit == name)
    }

    pub(super) fn is_open(&self) -> bool {
        !matches!(
            self.alert.state(),
            AlertState::Closed | AlertState::Retracted
        )
    }

    pub(super) fn is_acknowledged_by(&self, agency: &str) -> bool {
        let unit = self.unit(agency);
        unit.is_some_and(|unit| unit.acknowledged_at.is_some())
    }

    /// Whether nothing has happened to it but that it was raised.
    pub(super) fn is_as_raised(&self) -> bool {
        let alert = &self.alert;
        alert.revision == 1
            && alert.state() == AlertState::Circulated
            && alert.information.is_empty()
            && alert.joint_notices.is_empty()
    }

    fn coordinates(&self, who: Actor) -> bool {
        if self.alert.is_named {
            who.agency == BANK && who.raises()
        } else {
            who.is_office()
        }
    }

    fn is_permitted(&self, who: Actor, act: &Act) -> bool {
        let name = agency_name(who.agency);
        let is_unit = who.handles() && self.unit(who.agency).is_some();
        let is_author = who.raises() && who.agency == BANK;
        match act {
            Act::Raise(_) | Act::Inform | Act::Correct(..) | Act::Retract => is_author,
            Act::Close(..) => self.coordinates(who),
            Act::Draft(_) => self.coordinates(who) || is_unit,
            Act::Issue(notice) => {
                let notice = counted(&self.alert.joint_notices, *notice);
                let is_own = notice.is_some_and(|notice| notice.author == name);
                self.coordinates(who) || (is_own && who.handles())
            }
            Act::Sign(notice, _) => match counted(&self.alert.joint_notices, *notice) {
                Some(notice) => who.handles() && notice.units.contains(&name),
                None => who.handles(),
            },
            _ => is_unit,
        }
    }

    fn has_right_arguments(&self, who: Actor, act: &Act) -> bool {
        let alert = &self.alert;
        let is_own = |measure: i32| {
            let measure = counted(&alert.measures, measure);
            measure.is_some_and(|one| one.unit == agency_name(who.agency))
        };
        match act {
            Act::Raise(draft) => {
                let units = circulation(draft);
                is_right(draft) && units.is_some_and(|units| asks_only(draft, &units))
            }
            Act::Acknowledge(revision, action) => {
                let is_retracted = alert.state() == AlertState::Retracted;
                let is_noted = *action == AlertAction::Noted;
                *revision > 0 && *action != AlertAction::Unspecified && is_retracted == is_noted
            }
            Act::Draft(units) => {
                let is_able = |unit: &str| unit == BANK || self.unit(unit).is_some();
                let mut once = units.clone();
                once.sort_unstable();
                once.dedup();
                units.len() >= 2 && once.len() == units.len() && units.iter().all(|u| is_able(u))
            }
            Act::Sign(notice, _) | Act::Issue(notice) => {
                counted(&alert.joint_notices, *notice).is_some()
            }
            Act::Find(kind) => *kind != FindingKind::Unspecified,
            Act::Take(due) => {
                let today = today();
                *due >= today && *due <= today.checked_add(10.years()).unwrap()
            }
            Act::Report(measure) | Act::Review(measure, _) => is_own(*measure),
            Act::Close(agency, reviewer) => self.is_for(agency) && *reviewer != who.officer(),
            Act::Correct(revision, draft) => {
                let units: Vec<String> = alert.units.iter().map(|one| one.unit.clone()).collect();
                let uscc = |of: &Alert| of.organization.clone().unwrap().uscc;
                *revision > 0
                    && is_right(draft)
                    && draft.circulated_to.is_empty()
                    && uscc(draft) == uscc(alert)
                    && !(alert.is_named && draft.severity() == Severity::Emergency)
                    && asks_only(draft, &units)
            }
            Act::Inform | Act::Retract => true,
        }
    }

    fn is_allowed(&self, who: Actor, act: &Act) -> bool {
        let alert = &self.alert;
        let name = agency_name(who.agency);
        let has_read = self.is_acknowledged_by(who.agency);
        let notice = |notice: i32| counted(&alert.joint_notices, notice);
        let is_drafted = |one: &JointNotice| one.state() == JointNoticeState::Drafted;
        let measure = |measure: i32| counted(&alert.measures, measure);
        match act {
            Act::Raise(_) => true,
            Act::Acknowledge(revision, _) => {
                *revision == alert.revision && alert.state() != AlertState::Closed
            }
            Act::Inform => self.is_open() && alert.information.len() < 100,
            Act::Draft(_) => self.is_open() && alert.joint_notices.len() < 20,
            Act::Sign(number, declines) => notice(*number).is_none_or(|one| {
                let mut said = one.signatures.iter().filter(|said| said.unit == name);
                // The same said twice is answered as before.
                is_drafted(one) && said.all(|said| said.is_signed != *declines)
            }),
            Act::Issue(number) => notice(*number).is_none_or(|one| {
                let signed = one.signatures.iter().filter(|said| said.is_signed);
                is_drafted(one) && signed.count() >= 2
            }),
            Act::Find(_) => {
                let own = self.unit(who.agency);
                let checks = own.is_some_and(|one| one.action() == AlertAction::Checks);
                self.is_open() && has_read && checks && alert.findings.len() < 200
            }
            Act::Take(_) => self.is_open() && has_read && alert.measures.len() < 100,
            Act::Report(number) => measure(*number)
                .is_none_or(|one| one.state() == MeasureState::Open && !one.awaits_review),
            Act::Review(number, _) => measure(*number).is_none_or(|one| one.awaits_review),
            Act::Close(..) => {
                let is_pending =
                    |one: &Measure| one.awaits_review || one.state() == MeasureState::Open;
                self.is_open() && self.outcome().is_some() && !alert.measures.iter().any(is_pending)
            }
            Act::Correct(revision, _) => {
                alert.state() != AlertState::Retracted && *revision == alert.revision
            }
            Act::Retract => alert.state() != AlertState::Retracted,
        }
    }

    /// What it comes to if it is closed now.
    fn outcome(&self) -> Option<ClosingOutcome> {
        let standing: BTreeMap<&str, FindingKind> = self
            .alert
            .findings
            .iter()
            .filter(|one| one.revision == self.alert.revision)
            .map(|one| (&*one.unit, one.kind()))
            .collect();
        let has = |kind| standing.values().any(|one| *one == kind);
        let does_nothing = |unit: &UnitHandling| {
            unit.acknowledged_at.is_some() && unit.action() == AlertAction::NoAction
        };
        if has(FindingKind::Substantiated) {
            Some(ClosingOutcome::Substantiated)
        } else if has(FindingKind::Referred) {
            Some(ClosingOutcome::Referred)
        } else if !standing.is_empty() {
            Some(ClosingOutcome::Unsubstantiated)
        } else {
            let all = self.alert.units.iter().all(does_nothing);
            all.then_some(ClosingOutcome::NoAction)
        }
    }

    /// Joint notices that are not out lapse.
    fn lapse(&mut self) {
        for notice in &mut self.alert.joint_notices {
            if notice.state() == JointNoticeState::Drafted {
                notice.set_state(JointNoticeState::Lapsed);
            }
        }
    }

    /// The next revision: everyone acknowledges again, and what was done is looked at again.
    fn revise(&mut self, step: &Step, state: AlertState) {
        self.lapse();
        let alert = &mut self.alert;
        alert.revision += 1;
        alert.set_state(state);
        for unit in &mut alert.units {
            unit.acknowledged_at = None;
        }
        for measure in &mut alert.measures {
            measure.awaits_review = measure.state() != MeasureState::Lifted;
        }
        alert.revisions.push(Revision {
            revision: alert.revision,
            is_retraction: state == AlertState::Retracted,
            reason: step.text.clone(),
            officer: step.who.officer(),
            revised_at: some_time(),
        });
    }

    fn acknowledge(&mut self, step: &Step, revision: i32, action: AlertAction) {
        let name = agency_name(step.who.agency);
        let alert = &mut self.alert;
        let is_retracted = alert.state() == AlertState::Retracted;
        let unit = alert.units.iter_mut().find(|unit| unit.unit == name);
        let unit = unit.unwrap();
        if is_retracted && unit.acknowledged_at.is_some() {
            return;
        }
        unit.acknowledged_at = some_time();
        unit.acknowledged_revision = revision;
        unit.set_action(action);
        unit.text.clone_from(&step.text);
        unit.officer = step.who.officer();
        unit.stated_at = some_time();
        if alert.state() == AlertState::Circulated {
            alert.set_state(AlertState::UnderHandling);
        }
    }

    fn draft(&mut self, step: &Step, units: &[&str]) {
        let author = match self.coordinates(step.who) && !self.alert.is_named {
            true => OFFICE.to_owned(),
            false => agency_name(step.who.agency),
        };
        self.alert.joint_notices.push(JointNotice {
            joint_notice: number(self.alert.joint_notices.len() + 1),
            text: step.text.clone(),
            units: units.iter().map(|unit| agency_name(unit)).collect(),
            author,
            officer: step.who.officer(),
            drafted_at: some_time(),
            state: JointNoticeState::Drafted.into(),
            revision: self.alert.revision,
            ..JointNotice::default()
        });
    }

    fn sign(&mut self, step: &Step, notice: i32, declines: bool) {
        let unit = agency_name(step.who.agency);
        let at = usize::try_from(notice - 1).unwrap();
        let signatures = &mut self.alert.joint_notices[at].signatures;
        if signatures.iter().all(|one| one.unit != unit) {
            signatures.push(NoticeSignature {
                unit,
                is_signed: !declines,
                reason: step.text.clone(),
                officer: step.who.officer(),
                signed_at: some_time(),
            });
        }
    }

    fn close(&mut self, step: &Step, agency: &str, reviewer: &str) {
        let outcome = self.outcome().unwrap();
        self.lapse();
        let alert = &mut self.alert;
        let open = alert.units.iter().filter(|u| u.acknowledged_at.is_none());
        alert.closings.push(Closing {
            reason: step.text.clone(),
            reviewer_agency: agency_name(agency),
            reviewer: reviewer.to_owned(),
            outcome: outcome.into(),
            revision: alert.revision,
            officer: step.who.officer(),
            closed_at: some_time(),
            unacknowledged_units: open.map(|unit| unit.unit.clone()).collect(),
        });
        alert.set_state(AlertState::Closed);
    }

    fn correct(&mut self, step: &Step, draft: &Alert) {
        self.revise(step, AlertState::Circulated);
        self.drafts.push(draft.clone());
        say(&mut self.alert, draft);
    }

    fn apply(&mut self, step: &Step) {
        let alert = &mut self.alert;
        let (unit, officer) = (agency_name(step.who.agency), step.who.officer());
        let text = step.text.clone();
        match &step.act {
            Act::Raise(_) => {}
            Act::Acknowledge(revision, action) => self.acknowledge(step, *revision, *action),
            Act::Inform => alert.information.push(ProvidedInformation {
                text,
                officer,
                provided_at: some_time(),
            }),
            Act::Draft(units) => self.draft(step, units),
            Act::Sign(notice, declines) => self.sign(step, *notice, *declines),
            Act::Issue(notice) => {
                let at = usize::try_from(notice - 1).unwrap();
                alert.joint_notices[at].set_state(JointNoticeState::Issued);
                alert.joint_notices[at].issued_at = some_time();
            }
            Act::Find(kind) => {
                alert.set_state(AlertState::Found);
                alert.findings.push(Finding {
                    unit,
                    kind: (*kind).into(),
                    reason: text,
                    revision: alert.revision,
                    officer,
                    found_at: some_time(),
                });
            }
            Act::Take(due) => alert.measures.push(Measure {
                measure: number(alert.measures.len() + 1),
                unit,
                text,
                due_on: Some(hub_core::date::to_wire(*due)),
                state: MeasureState::Open.into(),
                officer,
                taken_at: some_time(),
                revision: alert.revision,
                ..Measure::default()
            }),
            Act::Report(measure) => {
                let measure = &mut alert.measures[usize::try_from(measure - 1).unwrap()];
                measure.set_state(MeasureState::Done);
                measure.report = text;
                measure.reported_at = some_time();
            }
            Act::Review(measure, lifts) => {
                let measure = &mut alert.measures[usize::try_from(measure - 1).unwrap()];
                measure.awaits_review = false;
                measure.review_reason = text;
                measure.reviewed_at = some_time();
                if *lifts {
                    measure.set_state(MeasureState::Lifted);
                }
            }
            Act::Close(agency, reviewer) => self.close(step, agency, reviewer),
            Act::Correct(_, draft) => self.correct(step, draft),
            Act::Retract => {
                self.revise(step, AlertState::Retracted);
                self.drafts.push(self.drafts.last().unwrap().clone());
            }
        }
    }

    /// What its units have still to do about it, in no order.
    pub(super) fn owed(&self) -> Vec<(String, RequestedAction)> {
        let alert = &self.alert;
        let mut owed = vec![];
        if alert.state() != AlertState::Closed {
            let open = alert.units.iter().filter(|u| u.acknowledged_at.is_none());
            owed.extend(open.map(|unit| (unit.unit.clone(), RequestedAction::HandleAlert)));
        }
        for notice in &alert.joint_notices {
            if notice.state() != JointNoticeState::Drafted {
                continue;
            }
            let has_said = |unit: &String| notice.signatures.iter().any(|one| one.unit == *unit);
            let silent = notice.units.iter().filter(|unit| !has_said(unit));
            owed.extend(silent.map(|unit| (unit.clone(), RequestedAction::CoSign)));
        }
        let carry_out = RequestedAction::CarryOutMeasure;
        let open = |one: &&Measure| one.state() == MeasureState::Open;
        let open = alert.measures.iter().filter(open);
        owed.extend(open.map(|one| (one.unit.clone(), carry_out)));
        // Asked once of each unit, however many measures it is about.
        for unit in &alert.units {
            let mut own = alert.measures.iter().filter(|one| one.unit == unit.unit);
            if own.any(|one| one.awaits_review) {
                owed.push((unit.unit.clone(), carry_out));
            }
        }
        owed
    }
}

/// Puts what an author writes into an alert.
pub(super) fn say(alert: &mut Alert, draft: &Alert) {
    alert.organization.clone_from(&draft.organization);
    alert.kind = draft.kind;
    alert.indicator.clone_from(&draft.indicator);
    (alert.start_on, alert.end_on) = (draft.start_on, draft.end_on);
    alert.amount_band.clone_from(&draft.amount_band);
    alert.currency.clone_from(&draft.currency);
    alert.direction = draft.direction;
    alert.severity = draft.severity;
    alert.severity_reason.clone_from(&draft.severity_reason);
    alert.grounds.clone_from(&draft.grounds);
    alert.source_note.clone_from(&draft.source_note);
    alert.asks.clone_from(&draft.asks);
    alert.legal_basis.clone_from(&draft.legal_basis);
    alert.classification = draft.classification;
}

impl Model {
    /// The reasons for which a step may be refused; none when it must be taken.
    ///
    /// What one may not see comes before what one may not do, and both before everything else. Of a wrong
    /// argument and a state that does not allow the act, the hub may name either.
    pub(super) fn check(&self, step: &Step) -> Vec<&'static str> {
        let Step { who, act, text, .. } = step;
        if let Act::Raise(_) = act
            && !(who.agency == BANK && who.raises())
        {
            return vec![DENIED];
        }
        let nothing = Case {
            alert: Alert::default(),
            drafts: vec![],
        };
        let case = match act {
            Act::Raise(_) => &nothing,
            _ => &self.cases[step.place],
        };
        if !matches!(act, Act::Raise(_)) {
            if !case.sees(*who) {
                return vec![NOT_FOUND];
            }
            if !case.is_permitted(*who, act) {
                return vec![DENIED];
            }
        }
        let has_no_text = text.is_empty() && act.needs_text();
        let has_text = !matches!(act, Act::Raise(_) | Act::Issue(_));
        let has_account = has_text && text.contains(ACCOUNT);
        let mut reasons = vec![];
        if has_no_text || has_account || !case.has_right_arguments(*who, act) {
            reasons.push(INVALID);
        }
        if !case.is_allowed(*who, act) {
            reasons.push(STATE);
        }
        reasons
    }

    /// Does what was accepted; the alert's place, and whether anything changed.
    pub(super) fn apply(&mut self, step: &Step, id: &str) -> (usize, bool) {
        let Act::Raise(draft) = &step.act else {
            let case = &mut self.cases[step.place];
            let before = case.alert.clone();
            case.apply(step);
            return (step.place, case.alert != before);
        };
        let units = circulation(draft).unwrap();
        let is_named = !draft.circulated_to.is_empty();
        let handling = units.iter().map(|unit| UnitHandling {
            unit: unit.clone(),
            ..UnitHandling::default()
        });
        let mut alert = Alert {
            name: format!("alerts/{id}"),
            state: AlertState::Circulated.into(),
            revision: 1,
            author: agency_name(step.who.agency),
            officer: step.who.officer(),
            units: handling.collect(),
            circulated_to: if is_named { units } else { vec![] },
            is_named,
            ..Alert::default()
        };
        say(&mut alert, draft);
        self.cases.push(Case {
            alert,
            drafts: vec![(**draft).clone()],
        });
        (self.cases.len() - 1, true)
    }

    /// The alert that a text tells of by its organisation's name, of which each has its own.
    pub(super) fn named_in(&self, text: &str) -> Option<usize> {
        let name = |case: &Case| case.alert.organization.clone().unwrap().display_name;
        self.cases
            .iter()
            .position(|case| text.contains(&format!("《{}》", name(case))))
    }

    /// Alerts that an agency is shown as possibly the same.
    pub(super) fn duplicates(&self, place: usize, agency: &str) -> Vec<String> {
        let own = &self.cases[place].alert;
        let uscc = |of: &Alert| of.organization.clone().unwrap().uscc;
        let (start, end) = period(own);
        let is_same = |other: &Alert| {
            let (from, to) = period(other);
            other.name != own.name
                && uscc(other) == uscc(own)
                && other.indicator == own.indicator
                && from <= end
                && start <= to
                && other.state() != AlertState::Retracted
        };
        let cases = self.cases.iter().rev();
        let seen = cases.filter(|case| case.is_for(agency));
        let same = seen.filter(|case| is_same(&case.alert));
        let names = same.map(|case| case.alert.name.clone());
        names.take(DUPLICATES_MAX).collect()
    }
}
