//! Who does what next: mostly something that moves an alert on, often enough something that must be refused.

use hub_core::date::to_wire;
use hub_proto::{
    channels::{Classification, SubjectOrganization},
    funds::{
        Alert, AlertAction, AlertAsk, AlertKind, AlertState, Direction, FindingKind,
        JointNoticeState, MeasureState, Severity,
    },
};
use hub_tests::{
    alerts::{BANK, UNITS},
    random::Random,
};
use jiff::ToSpan as _;

use super::model::{
    ACCOUNT, ACTORS, Act, Actor, Case, INDICATORS, Model, OUTSIDERS, Step, agency_name, today,
};

/// Organisations that are made up.
const ORGANIZATIONS: [&str; 3] = [
    "51100000500008957Y",
    "53220000500104519Q",
    "52140000500025183F",
];
/// Kinds of acts, by how often they are tried.
const KINDS: [(usize, Kind); 13] = [
    (5, Kind::Raise),
    (30, Kind::Acknowledge),
    (3, Kind::Inform),
    (6, Kind::Draft),
    (15, Kind::Sign),
    (5, Kind::Issue),
    (12, Kind::Find),
    (7, Kind::Take),
    (6, Kind::Report),
    (6, Kind::Review),
    (8, Kind::Close),
    (3, Kind::Correct),
    (1, Kind::Retract),
];
/// How often one kind is tried.
const TRIES: usize = 60;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Raise,
    Acknowledge,
    Inform,
    Draft,
    Sign,
    Issue,
    Find,
    Take,
    Report,
    Review,
    Close,
    Correct,
    Retract,
}

/// Makes steps.
#[derive(Debug)]
pub(super) struct Chooser {
    pub(super) random: Random,
    texts: usize,
}

impl Chooser {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            texts: 0,
        }
    }

    fn text(&mut self) -> String {
        self.texts += 1;
        format!("情况{}", self.texts)
    }

    /// One step on the alerts that there are, or a new one; mostly one that must be taken.
    pub(super) fn step(&mut self, model: &Model, open_max: usize) -> Step {
        if self.random.percent(70) {
            return self.legal(model, open_max);
        }
        let kind = self.kind();
        self.any(model, open_max, kind)
    }

    /// One that must be taken.
    pub(super) fn legal(&mut self, model: &Model, open_max: usize) -> Step {
        loop {
            // One kind is given some tries, so that what is seldom possible is done when it is.
            let kind = self.kind();
            for _ in 0..TRIES {
                let step = self.any(model, open_max, kind);
                if model.check(&step).is_empty() {
                    return step;
                }
            }
        }
    }

    fn any(&mut self, model: &Model, open_max: usize, kind: Kind) -> Step {
        let busy: Vec<usize> = (0..model.cases.len())
            .filter(|place| is_busy(&model.cases[*place]))
            .collect();
        let is_short = busy.len() < open_max && self.random.percent(2);
        if busy.is_empty() || is_short || kind == Kind::Raise {
            return self.raise();
        }
        let place = if self.random.percent(6) {
            self.random.below(model.cases.len())
        } else {
            *self.random.pick(&busy)
        };
        let case = &model.cases[place];
        let who = self.actor(case, kind);
        let act = self.act(case, who, kind);
        let text = match self.random.below(100) {
            0 | 1 => String::new(),
            2 => format!("账户{ACCOUNT}"),
            _ => self.text(),
        };
        Step {
            who,
            place,
            act,
            text,
        }
    }

    fn kind(&mut self) -> Kind {
        let total = KINDS.iter().map(|(weight, _)| weight).sum();
        let mut at = self.random.below(total);
        for (weight, kind) in KINDS {
            if at < weight {
                return kind;
            }
            at -= weight;
        }
        Kind::Acknowledge
    }

    /// Mostly somebody who may.
    fn actor(&mut self, case: &Case, kind: Kind) -> Actor {
        if self.random.percent(25) {
            return *self.random.pick(&ACTORS);
        }
        let is_named = case.alert.is_named;
        let is_able = |who: &Actor| {
            let is_author = who.role == "analyst";
            let is_coordinator = if is_named {
                is_author
            } else {
                who.role == "office"
            };
            let handles = matches!(who.role, "clerk" | "leader");
            let is_unit = handles && case.unit(who.agency).is_some();
            match kind {
                Kind::Inform | Kind::Correct | Kind::Retract => is_author,
                Kind::Close => is_coordinator,
                Kind::Draft | Kind::Issue => is_coordinator || is_unit,
                Kind::Sign => is_unit || (handles && who.agency == BANK),
                _ => is_unit,
            }
        };
        let mut able: Vec<Actor> = ACTORS.into_iter().filter(is_able).collect();
        // Mostly those who have not said so yet.
        let is_new = |who: &Actor| !case.is_acknowledged_by(who.agency);
        if kind == Kind::Acknowledge && able.iter().any(is_new) && self.random.percent(85) {
            able.retain(is_new);
        }
        *self.random.pick(&able)
    }

    fn act(&mut self, case: &Case, who: Actor, kind: Kind) -> Act {
        let alert = &case.alert;
        let revision = if self.random.percent(94) {
            alert.revision
        } else {
            alert.revision + 1 - i32::try_from(self.random.below(3)).unwrap()
        };
        match kind {
            Kind::Raise | Kind::Acknowledge => Act::Acknowledge(revision, self.action(case)),
            Kind::Inform => Act::Inform,
            Kind::Draft => Act::Draft(self.signers(case)),
            Kind::Sign => Act::Sign(self.notice(case), self.random.percent(20)),
            Kind::Issue => Act::Issue(self.notice(case)),
            Kind::Find => {
                let kinds = [
                    FindingKind::Substantiated,
                    FindingKind::Unsubstantiated,
                    FindingKind::Unsubstantiated,
                    FindingKind::Referred,
                ];
                let is_unsaid = self.random.percent(3);
                let kind = *self.random.pick(&kinds);
                Act::Find(if is_unsaid {
                    FindingKind::Unspecified
                } else {
                    kind
                })
            }
            Kind::Take => {
                let due = match self.random.below(20) {
                    0 => today().checked_sub(2.days()),
                    1 => today().checked_add(11.years()),
                    _ => today().checked_add(9.days()),
                };
                Act::Take(due.unwrap())
            }
            Kind::Report => Act::Report(self.measure(case, who, false)),
            Kind::Review => {
                let measure = self.measure(case, who, true);
                Act::Review(measure, self.random.percent(40))
            }
            Kind::Close => {
                let agencies = ["civil-affairs", BANK, "tax", "public-security", "health"];
                let is_usual = self.random.percent(70);
                let (usual, any) = (BANK, *self.random.pick(&agencies));
                let agency = if is_usual { usual } else { any };
                let is_self = self.random.percent(10);
                let reviewer = if is_self {
                    who.officer()
                } else {
                    format!("{agency}-reviewer")
                };
                Act::Close(if is_self { who.agency } else { agency }, reviewer)
            }
            Kind::Correct => Act::Correct(revision, Box::new(self.correction(case))),
            Kind::Retract => Act::Retract,
        }
    }

    fn action(&mut self, case: &Case) -> AlertAction {
        let is_retracted = case.alert.state() == AlertState::Retracted;
        if self.random.percent(93) && is_retracted {
            return AlertAction::Noted;
        }
        // Where all do nothing it may be closed for that.
        if case.is_quiet() && self.random.percent(92) {
            return AlertAction::NoAction;
        }
        *self.random.pick(&[
            AlertAction::Checks,
            AlertAction::Checks,
            AlertAction::Checks,
            AlertAction::Checks,
            AlertAction::NoAction,
            AlertAction::NeedsInformation,
            AlertAction::Noted,
            AlertAction::Unspecified,
        ])
    }

    /// Mostly two or three that may be asked.
    fn signers(&mut self, case: &Case) -> Vec<&'static str> {
        let able: Vec<&'static str> = UNITS
            .into_iter()
            .chain([BANK])
            .filter(|unit| case.is_for(unit))
            .collect();
        let mut units = vec![];
        for _ in 0..2 + self.random.below(2) {
            let from: &[&'static str] = if self.random.percent(96) {
                &able
            } else {
                &OUTSIDERS
            };
            let one = *self.random.pick(from);
            if !units.contains(&one) || self.random.percent(5) {
                units.push(one);
            }
        }
        units
    }

    fn notice(&mut self, case: &Case) -> i32 {
        let notices = &case.alert.joint_notices;
        let drafted = notices
            .iter()
            .filter(|one| one.state() == JointNoticeState::Drafted);
        let drafted: Vec<i32> = drafted.map(|one| one.joint_notice).collect();
        if drafted.is_empty() || self.random.percent(8) {
            return i32::try_from(self.random.below(notices.len() + 2)).unwrap();
        }
        *self.random.pick(&drafted)
    }

    fn measure(&mut self, case: &Case, who: Actor, awaits: bool) -> i32 {
        let measures = &case.alert.measures;
        let unit = agency_name(who.agency);
        let own = measures.iter().filter(|one| {
            let is_due = if awaits {
                one.awaits_review
            } else {
                one.state() == MeasureState::Open
            };
            one.unit == unit && is_due
        });
        let own: Vec<i32> = own.map(|one| one.measure).collect();
        if own.is_empty() || self.random.percent(10) {
            return i32::try_from(self.random.below(measures.len() + 2)).unwrap();
        }
        *self.random.pick(&own)
    }

    fn correction(&mut self, case: &Case) -> Alert {
        let mut draft = self.content();
        draft.organization.clone_from(&case.alert.organization);
        match self.random.below(12) {
            0 => draft.organization.as_mut().unwrap().uscc = self.uscc(),
            1 => draft.circulated_to = vec![agency_name("tax")],
            2 => draft.asks = vec![ask("health")],
            3 => draft.asks = vec![ask(self.random.pick::<&str>(&UNITS))],
            _ => {}
        }
        draft
    }

    fn uscc(&mut self) -> String {
        (*self.random.pick(&ORGANIZATIONS)).to_owned()
    }

    fn raise(&mut self) -> Step {
        let analyst = Actor::new(BANK, "analyst");
        let who = if self.random.percent(92) {
            analyst
        } else {
            *self.random.pick(&ACTORS)
        };
        let mut draft = self.content();
        if self.random.percent(40) {
            draft.circulated_to = self.few();
        }
        match self.random.below(25) {
            0 => draft.circulated_to.push(agency_name("health")),
            1 => draft.circulated_to.push(agency_name(BANK)),
            2 => draft.circulated_to = vec![agency_name("tax"), agency_name("tax")],
            3 => draft.asks = vec![ask("health")],
            4 => draft.indicator = "unheard_of".into(),
            5 => draft.grounds = format!("账户{ACCOUNT}"),
            6..10 => draft.asks = vec![ask(self.random.pick::<&str>(&UNITS))],
            _ => {}
        }
        Step {
            who,
            place: 0,
            act: Act::Raise(Box::new(draft)),
            text: String::new(),
        }
    }

    /// One to three members.
    fn few(&mut self) -> Vec<String> {
        let count = 1 + self.random.below(3);
        let mut few = vec![];
        while few.len() < count {
            let unit = agency_name(self.random.pick::<&str>(&UNITS));
            if !few.contains(&unit) {
                few.push(unit);
            }
        }
        few
    }

    /// What an alert says, mostly rightly.
    fn content(&mut self) -> Alert {
        let (indicator, kind) = *self.random.pick(&INDICATORS);
        let days = |random: &mut Random, most: usize| i64::try_from(random.below(most)).unwrap();
        let start = today().checked_sub((60 + days(&mut self.random, 120)).days());
        let start = start.unwrap();
        let end = match self.random.below(30) {
            0 => today().checked_add(3.days()),
            1 => start.checked_sub(1.day()),
            _ => start.checked_add(days(&mut self.random, 40).days()),
        };
        let severity = match self.random.below(6) {
            0 => Severity::Emergency,
            1 | 2 => Severity::Major,
            _ => Severity::Routine,
        };
        let is_mixed_up = self.random.percent(3);
        let uscc = self.uscc();
        let grounds = self.text();
        Alert {
            organization: Some(SubjectOrganization {
                uscc,
                display_name: format!("第{}号基金会", self.texts),
            }),
            kind: match (is_mixed_up, kind) {
                (false, kind) => kind.into(),
                (true, AlertKind::OverseasDonation) => AlertKind::AbnormalMovement.into(),
                (true, _) => AlertKind::OverseasDonation.into(),
            },
            indicator: indicator.into(),
            start_on: Some(to_wire(start)),
            end_on: Some(to_wire(end.unwrap())),
            amount_band: (*self.random.pick(&["below_100k", "1m_10m"])).into(),
            currency: (*self.random.pick(&["CNY", "USD"])).into(),
            direction: Direction::Out.into(),
            severity: severity.into(),
            severity_reason: "与项目规模不符".into(),
            grounds,
            source_note: "经人工复核".into(),
            legal_basis: "晋社管组发〔2021〕2号".into(),
            classification: Classification::Internal.into(),
            ..Alert::default()
        }
    }
}

fn ask(unit: &str) -> AlertAsk {
    AlertAsk {
        unit: agency_name(unit),
        text: "请核查".into(),
    }
}

/// Whether somebody has still to do something about it.
fn is_busy(case: &Case) -> bool {
    case.is_open() || !case.owed().is_empty()
}

impl Case {
    /// Alerts of which nothing comes: every fourth.
    fn is_quiet(&self) -> bool {
        let grounds = self.drafts[0].grounds.trim_start_matches("情况");
        grounds
            .parse::<usize>()
            .is_ok_and(|number| number.is_multiple_of(4))
    }
}
