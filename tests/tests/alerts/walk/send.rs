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

/// The message of a step on the alert of a name.
pub(super) fn message(step: &Step, name: &str, id: &str) -> Sent {
    let (name, request_id, text) = (name.to_owned(), id.to_owned(), step.text.clone());
    macro_rules! message {
        ($method:literal, $request:ident { $($field:ident: $value:expr),* }) => {
            (
                alerts!($method),
                $request { name, request_id, $($field: $value,)* }.encode_to_vec(),
            )
        };
    }
    let (method, bytes) = match &step.act {
        Act::Raise(draft) => {
            let request = RaiseAlertRequest {
                alert: Some((**draft).clone()),
                request_id,
            };
            (alerts!("RaiseAlert"), request.encode_to_vec())
        }
        Act::Acknowledge(revision, action) => message!(
            "AcknowledgeAlert",
            AcknowledgeAlertRequest {
                revision: *revision,
                action: (*action).into(),
                text: text
            }
        ),
        Act::Inform => message!(
            "ProvideInformation",
            ProvideInformationRequest { text: text }
        ),
        Act::Draft(units) => {
            let notice = JointNotice {
                text,
                units: units.iter().map(|unit| agency_name(unit)).collect(),
                ..JointNotice::default()
            };
            message!(
                "DraftJointNotice",
                DraftJointNoticeRequest {
                    joint_notice: Some(notice)
                }
            )
        }
        Act::Sign(notice, declines) => message!(
            "SignJointNotice",
            SignJointNoticeRequest {
                joint_notice: *notice,
                declines: *declines,
                reason: text
            }
        ),
        Act::Issue(notice) => message!(
            "IssueJointNotice",
            IssueJointNoticeRequest {
                joint_notice: *notice
            }
        ),
        Act::Find(kind) => {
            let finding = Finding {
                kind: (*kind).into(),
                reason: text,
                ..Finding::default()
            };
            message!(
                "RecordFinding",
                RecordFindingRequest {
                    finding: Some(finding)
                }
            )
        }
        Act::Take(due) => {
            let measure = Measure {
                text,
                due_on: Some(to_wire(*due)),
                ..Measure::default()
            };
            message!(
                "TakeMeasure",
                TakeMeasureRequest {
                    measure: Some(measure)
                }
            )
        }
        Act::Report(measure) => message!(
            "ReportMeasure",
            ReportMeasureRequest {
                measure: *measure,
                text: text
            }
        ),
        Act::Review(measure, lifts) => message!(
            "ReviewMeasure",
            ReviewMeasureRequest {
                measure: *measure,
                lifts: *lifts,
                reason: text
            }
        ),
        Act::Close(agency, reviewer) => {
            let closing = Closing {
                reason: text,
                reviewer_agency: agency_name(agency),
                reviewer: reviewer.clone(),
                ..Closing::default()
            };
            message!(
                "CloseAlert",
                CloseAlertRequest {
                    closing: Some(closing)
                }
            )
        }
        Act::Correct(revision, draft) => message!(
            "CorrectAlert",
            CorrectAlertRequest {
                revision: *revision,
                alert: Some((**draft).clone()),
                reason: text
            }
        ),
        Act::Retract => message!("RetractAlert", RetractAlertRequest { reason: text }),
    };
    Sent {
        who: step.who,
        method,
        bytes,
    }
}
