//! What information requests are, plainly.

use std::collections::BTreeMap;

use hub_proto::requests::{DeadlineKind, RequestState};
use hub_tests::random::Random;
use jiff::{Timestamp, civil::Date, tz::TimeZone};

/// Agencies of the walk. The last answers for accounts.
pub(crate) const AGENCIES: [&str; 5] = [
    "civil-affairs",
    "tax",
    "health",
    "public-security",
    "pboc-branch",
];

/// Who answers for accounts.
pub(crate) const BANK: &str = "pboc-branch";

/// Officers of an agency, with their roles: the first writes, the second is the named approver, the third
/// is another leader.
pub(crate) const OFFICERS: [(&str, &str); 3] = [
    ("clerk", "clerk"),
    ("leader", "leader"),
    ("second", "leader"),
];

/// Numbers of cases.
const CASES: usize = 3;

/// Most of each, as the contract says.
const CORRECTIONS_MAX: usize = 20;
const SUSPENSIONS_MAX: usize = 20;

/// Today in the charter's time zone.
pub(crate) fn today() -> Date {
    let zone = TimeZone::get("Asia/Shanghai").unwrap();
    Timestamp::now().to_zoned(zone).date()
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Actor {
    pub(crate) agency: &'static str,
    pub(crate) officer: &'static str,
}

impl Actor {
    fn is(&self, officer: &str) -> bool {
        self.officer == officer
    }

    fn role(&self) -> &'static str {
        if self.is("clerk") { "clerk" } else { "leader" }
    }
}

/// A case as a draft declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Declared {
    pub(crate) number: usize,
    /// Which organisations it names: of two ways.
    pub(crate) variant: usize,
}

#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) provider: &'static str,
    pub(crate) is_conditional: bool,
    pub(crate) approver: &'static str,
    /// Of account information.
    pub(crate) case: Option<Declared>,
    /// Whether the approval that the statute asks for is stated.
    pub(crate) has_level: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum What {
    Approve,
    Reject,
    Withdraw,
    Ask,
    Complete,
    Extend(i32),
    Consent { with_data: bool },
    Deliver,
    Refuse,
    Use,
    Correct,
    AnswerCorrection(i32, bool),
    Suspend,
    Resume,
    Dispose,
}

#[derive(Debug, Clone)]
pub(crate) enum Act {
    Draft(Draft),
    CloseCase(usize),
    /// To the request of a place.
    Do(usize, What),
}

/// A deadline as it should stand.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) kind: DeadlineKind,
    pub(crate) correction: i32,
    pub(crate) working_days: i32,
    /// The days from which it may be counted: before and after the call.
    pub(crate) from: (Date, Date),
    pub(crate) is_open: bool,
    pub(crate) is_met: bool,
    pub(crate) moves: usize,
}

#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) name: String,
    pub(crate) requester: &'static str,
    pub(crate) provider: &'static str,
    pub(crate) is_conditional: bool,
    pub(crate) case: Option<Declared>,
    pub(crate) state: RequestState,
    pub(crate) is_submitted: bool,
    pub(crate) is_asked: bool,
    pub(crate) is_extended: bool,
    /// Who answered, at the provider.
    pub(crate) answered_by: &'static str,
    pub(crate) uses: usize,
    /// What came of each, once it was answered.
    pub(crate) corrections: Vec<Option<bool>>,
    pub(crate) suspensions: usize,
    pub(crate) deadlines: Vec<Line>,
}

impl Request {
    pub(crate) fn is_over(&self) -> bool {
        matches!(
            self.state,
            RequestState::Rejected
                | RequestState::Refused
                | RequestState::Withdrawn
                | RequestState::Disposed
        )
    }

    pub(crate) fn is_delivered(&self) -> bool {
        matches!(
            self.state,
            RequestState::Delivered | RequestState::Suspended | RequestState::Disposed
        )
    }

    /// Whether an agency sees it.
    pub(crate) fn is_seen_by(&self, agency: &str) -> bool {
        agency == self.requester || (self.is_submitted && agency == self.provider)
    }

    fn start(&mut self, kind: DeadlineKind, correction: i32, working_days: i32, before: Date) {
        self.deadlines.push(Line {
            kind,
            correction,
            working_days,
            from: (before, today()),
            is_open: true,
            is_met: false,
            moves: 0,
        });
    }

    fn answer_begins(&mut self, before: Date) {
        let days = if self.is_conditional { 10 } else { 1 };
        self.start(DeadlineKind::Answer, 0, days, before);
    }

    fn end(&mut self, kind: DeadlineKind, correction: i32) {
        for line in &mut self.deadlines {
            if line.is_open && line.kind == kind && line.correction == correction {
                line.is_open = false;
                line.is_met = true;
            }
        }
    }

    fn stop_all(&mut self) {
        for line in &mut self.deadlines {
            line.is_open = false;
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) requests: Vec<Request>,
    /// By agency and number: how it was declared in the first request that was approved, and whether it was closed.
    cases: BTreeMap<(&'static str, usize), (usize, bool)>,
    /// What each agency lists, oldest first.
    pub(crate) lists: BTreeMap<&'static str, Vec<usize>>,
}

impl Model {
    /// What an act is about, for a message.
    pub(crate) fn of(&self, act: &Act) -> Option<&Request> {
        match act {
            Act::Do(place, _) => self.requests.get(*place),
            _ => None,
        }
    }

    fn is_case_closed(&self, request: &Request) -> bool {
        let case = request
            .case
            .as_ref()
            .and_then(|case| self.cases.get(&(request.requester, case.number)));
        case.is_some_and(|(_, is_closed)| *is_closed)
    }

    /// Whether a request that was approved declares the case of another one otherwise.
    fn is_case_another(&self, request: &Request) -> bool {
        let case = request.case.as_ref();
        case.is_some_and(|case| {
            let known = self.cases.get(&(request.requester, case.number));
            known.is_some_and(|(variant, _)| *variant != case.variant)
        })
    }

    /// Whether an act is allowed, or the reason why not.
    pub(crate) fn check(&self, who: &Actor, act: &Act) -> Result<(), &'static str> {
        match act {
            Act::Draft(draft) => self.check_draft(who, draft),
            Act::CloseCase(number) => {
                if who.role() != "clerk" {
                    return Err("PERMISSION_DENIED");
                }
                match self.cases.get(&(who.agency, *number)) {
                    Some(_) => Ok(()),
                    None => Err("NOT_FOUND"),
                }
            }
            Act::Do(place, what) => self.check_step(who, &self.requests[*place], what),
        }
    }

    fn check_draft(&self, who: &Actor, draft: &Draft) -> Result<(), &'static str> {
        if who.role() != "clerk" {
            return Err("PERMISSION_DENIED");
        }
        let mut is_sound = draft.provider != who.agency && draft.approver != "clerk";
        if let Some(case) = &draft.case {
            // Only of the bank, by those who have a power, with the approval that it asks for.
            is_sound &= draft.provider == BANK && draft.is_conditional && draft.has_level;
            is_sound &= ["civil-affairs", "public-security"].contains(&who.agency);
            let known = self.cases.get(&(who.agency, case.number));
            is_sound &= known.is_none_or(|(variant, _)| *variant == case.variant);
            if is_sound && known.is_some_and(|(_, is_closed)| *is_closed) {
                return Err("RECORD_STATE");
            }
        }
        if is_sound {
            Ok(())
        } else {
            Err("INVALID_ARGUMENT")
        }
    }

    fn check_step(&self, who: &Actor, one: &Request, what: &What) -> Result<(), &'static str> {
        if !one.is_seen_by(who.agency) {
            return Err("NOT_FOUND");
        }
        let (side, role) = match what {
            What::Approve | What::Reject => (one.requester, "leader"),
            What::Withdraw | What::Complete | What::Use | What::Correct | What::Dispose => {
                (one.requester, "clerk")
            }
            _ => (one.provider, "leader"),
        };
        if who.agency != side || who.role() != role {
            return Err("PERMISSION_DENIED");
        }
        use RequestState as S;
        let wanted: &[S] = match what {
            What::Approve | What::Reject => &[S::Drafted],
            What::Withdraw => &[S::Drafted, S::Submitted, S::Incomplete],
            What::Ask | What::Extend(_) | What::Consent { .. } | What::Refuse => &[S::Submitted],
            What::Complete => &[S::Incomplete],
            What::Deliver => &[S::Consented],
            What::Use | What::Suspend => &[S::Delivered],
            What::Resume => &[S::Suspended],
            What::Correct | What::AnswerCorrection(..) | What::Dispose => {
                &[S::Delivered, S::Suspended]
            }
        };
        if !wanted.contains(&one.state) {
            return Err("RECORD_STATE");
        }
        match what {
            What::Approve | What::Reject if !who.is("leader") => Err("PERMISSION_DENIED"),
            What::Approve | What::Consent { .. } | What::Deliver if self.is_case_closed(one) => {
                Err("RECORD_STATE")
            }
            What::Approve if self.is_case_another(one) => Err("RECORD_STATE"),
            What::Ask if one.is_asked => Err("RECORD_STATE"),
            What::Extend(_) if !one.is_conditional || one.is_extended => Err("RECORD_STATE"),
            What::Extend(days) if !(1..=10).contains(days) => Err("INVALID_ARGUMENT"),
            What::Correct if one.corrections.len() >= CORRECTIONS_MAX => Err("RECORD_STATE"),
            What::Suspend if one.suspensions >= SUSPENSIONS_MAX => Err("RECORD_STATE"),
            What::AnswerCorrection(number, _) => {
                let place = usize::try_from(number - 1).unwrap();
                match one.corrections.get(place) {
                    None => Err("INVALID_ARGUMENT"),
                    Some(Some(_)) => Err("RECORD_STATE"),
                    Some(None) => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// What an act makes of it all; `before` is the day before the call.
    pub(crate) fn apply(&mut self, who: &Actor, act: &Act, id: &str, before: Date) {
        match act {
            Act::Draft(draft) => {
                let place = self.requests.len();
                self.requests.push(Request {
                    name: format!("informationRequests/{id}"),
                    requester: who.agency,
                    provider: draft.provider,
                    is_conditional: draft.is_conditional,
                    case: draft.case.clone(),
                    state: RequestState::Drafted,
                    is_submitted: false,
                    is_asked: false,
                    is_extended: false,
                    answered_by: "",
                    uses: 0,
                    corrections: vec![],
                    suspensions: 0,
                    deadlines: vec![],
                });
                self.lists.entry(who.agency).or_default().push(place);
            }
            Act::CloseCase(number) => {
                if let Some((_, is_closed)) = self.cases.get_mut(&(who.agency, *number)) {
                    *is_closed = true;
                }
            }
            Act::Do(place, what) => {
                if matches!(what, What::Approve) {
                    let request = &self.requests[*place];
                    if let Some(case) = &request.case {
                        let key = (request.requester, case.number);
                        self.cases.entry(key).or_insert((case.variant, false));
                    }
                    self.lists.entry(request.provider).or_default().push(*place);
                }
                step(&mut self.requests[*place], who, what, before);
            }
        }
    }

    /// A draft, sound or not.
    pub(crate) fn draft(&self, random: &mut Random) -> (Actor, Act) {
        let is_account = random.percent(35);
        let agency = if is_account && random.percent(90) {
            *random.pick(&["civil-affairs", "public-security"])
        } else {
            *random.pick(&AGENCIES)
        };
        let provider = if is_account && random.percent(90) {
            BANK
        } else {
            *random.pick(&AGENCIES)
        };
        let case = is_account.then(|| Declared {
            number: random.below(CASES),
            variant: usize::from(random.percent(10)),
        });
        let act = Act::Draft(Draft {
            provider,
            is_conditional: random.percent(if is_account { 95 } else { 70 }),
            approver: if random.percent(93) {
                "leader"
            } else {
                "clerk"
            },
            case,
            has_level: random.percent(90),
        });
        let officer = if random.percent(95) {
            "clerk"
        } else {
            "leader"
        };
        (Actor { agency, officer }, act)
    }

    pub(crate) fn close_case(&self, random: &mut Random) -> (Actor, Act) {
        let agency = *random.pick(&["civil-affairs", "public-security", "tax"]);
        let officer = if random.percent(80) {
            "clerk"
        } else {
            "leader"
        };
        (
            Actor { agency, officer },
            Act::CloseCase(random.below(CASES)),
        )
    }

    /// Something that somebody does about a request; mostly what is next for it, by whom it is for.
    pub(crate) fn choose(&self, random: &mut Random) -> (Actor, Act) {
        let open: Vec<usize> = (0..self.requests.len())
            .filter(|place| !self.requests[*place].is_over())
            .collect();
        let place = if open.is_empty() || random.percent(6) {
            random.below(self.requests.len())
        } else {
            *random.pick(&open)
        };
        let one = &self.requests[place];
        let what = if random.percent(80) {
            next(one, random)
        } else {
            any(one, random)
        };
        let is_requesters = matches!(
            what,
            What::Approve
                | What::Reject
                | What::Withdraw
                | What::Complete
                | What::Use
                | What::Correct
                | What::Dispose
        );
        let is_leaders = matches!(what, What::Approve | What::Reject) || !is_requesters;
        let right = Actor {
            agency: if is_requesters {
                one.requester
            } else {
                one.provider
            },
            officer: if is_leaders { "leader" } else { "clerk" },
        };
        let who = if random.percent(85) {
            right
        } else {
            Actor {
                agency: random.pick::<&str>(&AGENCIES),
                officer: random.pick(&OFFICERS).0,
            }
        };
        (who, Act::Do(place, what))
    }
}

/// What is next for a request where it stands.
fn next(one: &Request, random: &mut Random) -> What {
    let open = one.corrections.iter().position(Option::is_none);
    match one.state {
        RequestState::Drafted => match random.below(10) {
            0 => What::Reject,
            1 => What::Withdraw,
            _ => What::Approve,
        },
        RequestState::Submitted => match random.below(10) {
            0 => What::Refuse,
            1 => What::Withdraw,
            2 | 3 => What::Ask,
            4 | 5 => What::Extend(i32::try_from(random.below(12)).unwrap()),
            6 => What::Consent { with_data: true },
            _ => What::Consent { with_data: false },
        },
        RequestState::Incomplete => What::Complete,
        RequestState::Consented => What::Deliver,
        RequestState::Suspended if random.percent(70) => What::Resume,
        RequestState::Delivered | RequestState::Suspended => match (random.below(12), open) {
            (0, _) => What::Dispose,
            (1 | 2, _) => What::Correct,
            (3..=6, Some(place)) => {
                let number = i32::try_from(place + 1).unwrap();
                What::AnswerCorrection(number, random.percent(50))
            }
            (7 | 8, _) => What::Suspend,
            _ => What::Use,
        },
        _ => any(one, random),
    }
}

/// Anything at all.
fn any(one: &Request, random: &mut Random) -> What {
    match random.below(15) {
        0 => What::Approve,
        1 => What::Reject,
        2 => What::Withdraw,
        3 => What::Ask,
        4 => What::Complete,
        5 => What::Extend(5),
        6 => What::Consent { with_data: true },
        7 => What::Consent { with_data: false },
        8 => What::Deliver,
        9 => What::Refuse,
        10 => What::Use,
        11 => What::Correct,
        12 => {
            let number = random.below(one.corrections.len() + 1) + 1;
            What::AnswerCorrection(i32::try_from(number).unwrap(), true)
        }
        13 => What::Suspend,
        _ => random.pick(&[What::Resume, What::Dispose]).clone(),
    }
}

/// What a step makes of a request.
fn step(one: &mut Request, who: &Actor, what: &What, before: Date) {
    match what {
        What::Approve => {
            one.state = RequestState::Submitted;
            one.is_submitted = true;
            one.answer_begins(before);
        }
        What::Reject => one.state = RequestState::Rejected,
        What::Withdraw => {
            one.state = RequestState::Withdrawn;
            one.stop_all();
        }
        What::Ask => {
            one.state = RequestState::Incomplete;
            one.is_asked = true;
            one.stop_all();
        }
        What::Complete => {
            one.state = RequestState::Submitted;
            one.answer_begins(before);
        }
        What::Extend(days) => {
            one.is_extended = true;
            for line in one.deadlines.iter_mut().filter(|line| line.is_open) {
                line.working_days += days;
                line.moves += 1;
            }
        }
        What::Consent { with_data } => {
            one.answered_by = who.officer;
            one.end(DeadlineKind::Answer, 0);
            if *with_data {
                one.state = RequestState::Delivered;
                one.start(DeadlineKind::Disposal, 0, 0, before);
            } else {
                one.state = RequestState::Consented;
                one.start(DeadlineKind::Delivery, 0, 20, before);
            }
        }
        What::Deliver => {
            one.state = RequestState::Delivered;
            one.end(DeadlineKind::Delivery, 0);
            one.start(DeadlineKind::Disposal, 0, 0, before);
        }
        What::Refuse => {
            one.answered_by = who.officer;
            one.state = RequestState::Refused;
            one.end(DeadlineKind::Answer, 0);
        }
        What::Use => one.uses += 1,
        What::Correct => {
            one.corrections.push(None);
            let number = i32::try_from(one.corrections.len()).unwrap();
            one.start(DeadlineKind::Correction, number, 10, before);
        }
        What::AnswerCorrection(number, is_corrected) => {
            let place = usize::try_from(number - 1).unwrap();
            one.corrections[place] = Some(*is_corrected);
            one.end(DeadlineKind::Correction, *number);
        }
        What::Suspend => {
            one.state = RequestState::Suspended;
            one.suspensions += 1;
        }
        What::Resume => one.state = RequestState::Delivered,
        What::Dispose => {
            one.state = RequestState::Disposed;
            one.end(DeadlineKind::Disposal, 0);
            one.stop_all();
        }
    }
}
