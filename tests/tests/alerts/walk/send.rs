//! Steps as messages, and officers who send them.

use std::{collections::HashMap, net::SocketAddr};

use hub_core::date::to_wire;
use hub_proto::funds::{
    AcknowledgeAlertRequest, CloseAlertRequest, Closing, CorrectAlertRequest,
    DraftJointNoticeRequest, Finding, IssueJointNoticeRequest, JointNotice, Measure,
    ProvideInformationRequest, RaiseAlertRequest, RecordFindingRequest, ReportMeasureRequest,
    RetractAlertRequest, ReviewMeasureRequest, SignJointNoticeRequest, TakeMeasureRequest,
};
use hub_tests::{
    Site, alerts,
    raw::{Node, Raw, Session},
    tokens::Token,
};
use prost::Message as _;

use super::model::{ACTORS, Act, Actor, Step, agency_name};

/// Whoever lists who read the bank's alerts.
pub(super) const AUDITOR: Actor = Actor::new(alerts::BANK, "access-auditor");

/// Something as it goes out.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) who: Actor,
    pub(super) method: &'static str,
    pub(super) bytes: Vec<u8>,
}

/// Everybody, connected.
pub(super) struct Desks(HashMap<Actor, Session>);

impl Desks {
    pub(super) fn new(site: &Site, address: SocketAddr) -> Self {
        let authority = site.authority();
        let mut connections: HashMap<&str, (Raw, Node)> = HashMap::new();
        let mut sessions = HashMap::new();
        for who in ACTORS.into_iter().chain([AUDITOR]) {
            let profile = site.profile(who.agency);
            let (raw, node) = connections.entry(who.agency).or_insert_with(|| {
                let node = Node::of_profile(&profile);
                (Raw::new(address, node.tls(&authority)), node)
            });
            let session = Session {
                raw: raw.clone(),
                node: node.clone(),
                token: Token::new(&profile, &who.officer(), &[who.role]).mint(),
            };
            sessions.insert(who, session);
        }
        Self(sessions)
    }

    pub(super) fn of(&self, who: Actor) -> &Session {
        &self.0[&who]
    }
}

/// A message about an alert, with the method that takes it.
macro_rules! about {
    ($name:expr, $id:expr, $method:literal, $request:ident { $($field:ident: $value:expr),* }) => {
        (
            alerts!($method),
            $request {
                name: $name.to_owned(),
                request_id: $id.to_owned(),
                $($field: $value,)*
            }
            .encode_to_vec(),
        )
    };
}

/// The message of a step on the alert of a name.
pub(super) fn message(step: &Step, name: &str, id: &str) -> Sent {
    let text = step.text.clone();
    let (method, bytes) = match &step.act {
        Act::Raise(draft) => {
            let request = RaiseAlertRequest {
                alert: Some((**draft).clone()),
                request_id: id.to_owned(),
            };
            (alerts!("RaiseAlert"), request.encode_to_vec())
        }
        Act::Acknowledge(revision, action) => about!(
            name,
            id,
            "AcknowledgeAlert",
            AcknowledgeAlertRequest {
                revision: *revision,
                action: (*action).into(),
                text: text
            }
        ),
        Act::Inform => about!(
            name,
            id,
            "ProvideInformation",
            ProvideInformationRequest { text: text }
        ),
        Act::Find(kind) => {
            let finding = Finding {
                kind: (*kind).into(),
                reason: text,
                ..Finding::default()
            };
            about!(
                name,
                id,
                "RecordFinding",
                RecordFindingRequest {
                    finding: Some(finding)
                }
            )
        }
        Act::Correct(revision, draft) => about!(
            name,
            id,
            "CorrectAlert",
            CorrectAlertRequest {
                revision: *revision,
                alert: Some((**draft).clone()),
                reason: text
            }
        ),
        Act::Retract => about!(
            name,
            id,
            "RetractAlert",
            RetractAlertRequest { reason: text }
        ),
        Act::Take(_) | Act::Report(_) | Act::Review(..) => of_measure(step, name, id),
        _ => together(step, name, id),
    };
    Sent {
        who: step.who,
        method,
        bytes,
    }
}

/// What a unit does about its measures.
fn of_measure(step: &Step, name: &str, id: &str) -> (&'static str, Vec<u8>) {
    let text = step.text.clone();
    match &step.act {
        Act::Take(due) => {
            let measure = Measure {
                text,
                due_on: Some(to_wire(*due)),
                ..Measure::default()
            };
            about!(
                name,
                id,
                "TakeMeasure",
                TakeMeasureRequest {
                    measure: Some(measure)
                }
            )
        }
        Act::Report(measure) => about!(
            name,
            id,
            "ReportMeasure",
            ReportMeasureRequest {
                measure: *measure,
                text: text
            }
        ),
        Act::Review(measure, lifts) => about!(
            name,
            id,
            "ReviewMeasure",
            ReviewMeasureRequest {
                measure: *measure,
                lifts: *lifts,
                reason: text
            }
        ),
        other => panic!("{other:?} is of no measure"),
    }
}

/// What is done together: joint notices, and the end.
fn together(step: &Step, name: &str, id: &str) -> (&'static str, Vec<u8>) {
    let text = step.text.clone();
    match &step.act {
        Act::Draft(units) => {
            let notice = JointNotice {
                text,
                units: units.iter().map(|unit| agency_name(unit)).collect(),
                ..JointNotice::default()
            };
            about!(
                name,
                id,
                "DraftJointNotice",
                DraftJointNoticeRequest {
                    joint_notice: Some(notice)
                }
            )
        }
        Act::Sign(notice, declines) => about!(
            name,
            id,
            "SignJointNotice",
            SignJointNoticeRequest {
                joint_notice: *notice,
                declines: *declines,
                reason: text
            }
        ),
        Act::Issue(notice) => about!(
            name,
            id,
            "IssueJointNotice",
            IssueJointNoticeRequest {
                joint_notice: *notice
            }
        ),
        Act::Close(agency, reviewer) => {
            let closing = Closing {
                reason: text,
                reviewer_agency: agency_name(agency),
                reviewer: reviewer.clone(),
                ..Closing::default()
            };
            about!(
                name,
                id,
                "CloseAlert",
                CloseAlertRequest {
                    closing: Some(closing)
                }
            )
        }
        other => panic!("{other:?} is done alone"),
    }
}
