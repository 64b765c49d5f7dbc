//! Acts as messages, and officers who send them.

use std::{collections::HashMap, net::SocketAddr};

use hub_core::date::to_wire;
use hub_proto::{
    channels::SubjectOrganization,
    requests::{
        AccountInquiry, AnswerCorrectionRequest, ApprovalLevel, ApproveInformationRequestRequest,
        AskForMissingRequest, CaseOpened, CloseCaseRequest, CompleteInformationRequestRequest,
        ConfirmDisposalRequest, ConsentToInformationRequestRequest, DeliverInformationRequest,
        DeliveredData, Disposal, DraftInformationRequestRequest, ExtendAnswerTimeRequest,
        InformationRequest, RecordUseRequest, RefuseInformationRequestRequest,
        RequestCorrectionRequest, RequestKind, ResumeUseRequest, SharingAttribute,
        SuspendUseRequest, UseRecord, WithdrawInformationRequestRequest,
    },
};
use hub_tests::{
    Site,
    raw::{Node, Raw, Session},
    tokens::Token,
};
use jiff::{Span, civil::Date};
use prost::Message;
use tonic::Status;

use crate::model::{AGENCIES, Act, Actor, Declared, Draft, Model, OFFICERS, What, today};

/// Organisations that are made up. The first is in every case.
const ORGANIZATIONS: [&str; 2] = ["51100000500008957Y", "52140000500025183F"];

macro_rules! method {
    ($name:literal) => {
        concat!("/hub.requests.v1.RequestService/", $name)
    };
}

pub(crate) use method;

/// Something that was done, as it went out.
#[derive(Clone)]
pub(crate) struct Sent {
    who: Actor,
    pub(crate) method: &'static str,
    bytes: Vec<u8>,
}

/// Officers of the agencies of the walk.
pub(crate) struct Desks(HashMap<(&'static str, &'static str), Session>);

impl Desks {
    pub(crate) fn new(site: &Site, address: SocketAddr) -> Self {
        let authority = site.authority();
        let mut sessions = HashMap::new();
        for agency in AGENCIES {
            let profile = site.profile(agency);
            let node = Node::of_profile(&profile);
            let raw = Raw::new(address, node.tls(&authority));
            for (officer, role) in OFFICERS {
                let token = Token::new(&profile, &format!("{agency}-{officer}"), &[role]).mint();
                let session = Session {
                    raw: raw.clone(),
                    node: node.clone(),
                    token,
                };
                sessions.insert((agency, officer), session);
            }
        }
        Self(sessions)
    }

    pub(crate) fn session(&self, agency: &'static str, officer: &'static str) -> &Session {
        &self.0[&(agency, officer)]
    }

    pub(crate) async fn send(&self, sent: &Sent) -> Result<bytes::Bytes, Status> {
        let session = self.session(sent.who.agency, sent.who.officer);
        session.call(sent.method, sent.bytes.clone()).await
    }
}

/// The last day of use of every request.
pub(crate) fn valid_until() -> Date {
    today().checked_add(Span::new().days(200)).unwrap()
}

/// The message of an act.
pub(crate) fn sent(model: &Model, who: &Actor, act: &Act, id: &str) -> Sent {
    let (method, bytes) = match act {
        Act::Draft(draft) => {
            let request = DraftInformationRequestRequest {
                information_request: Some(drafted(who, draft)),
                request_id: id.to_owned(),
            };
            (method!("DraftInformationRequest"), request.encode_to_vec())
        }
        Act::CloseCase(number) => {
            let request = CloseCaseRequest {
                case_number: case_number(*number),
                reason: "结案".into(),
                request_id: id.to_owned(),
            };
            (method!("CloseCase"), request.encode_to_vec())
        }
        Act::Do(place, what) => step(&model.requests[*place].name, what, id),
    };
    Sent {
        who: who.clone(),
        method,
        bytes,
    }
}

fn case_number(number: usize) -> String {
    format!("立〔2026〕{}号", number + 1)
}

fn drafted(who: &Actor, draft: &Draft) -> InformationRequest {
    let mut request = InformationRequest {
        provider: format!("agencies/{}", draft.provider),
        kind: RequestKind::Data.into(),
        sharing: if draft.is_conditional {
            SharingAttribute::Conditional.into()
        } else {
            SharingAttribute::Unconditional.into()
        },
        purpose: "核对".into(),
        scope: "登记情况".into(),
        use_scene: "抽查".into(),
        legal_basis: "data_sharing".into(),
        case_reference: "查〔2026〕1号".into(),
        valid_until_on: Some(to_wire(valid_until())),
        approver: format!("{}-{}", who.agency, draft.approver),
        ..InformationRequest::default()
    };
    if let Some(case) = &draft.case {
        inquiry(&mut request, who, draft, case);
    }
    request
}

fn inquiry(request: &mut InformationRequest, who: &Actor, draft: &Draft, case: &Declared) {
    let is_police = who.agency == "public-security";
    let level = match (draft.has_level, is_police) {
        (true, true) => ApprovalLevel::AsStatute,
        (true, false) => ApprovalLevel::Government,
        (false, _) => ApprovalLevel::BureauHead,
    };
    request.kind = RequestKind::AccountInformation.into();
    request.case_reference = case_number(case.number);
    request.organizations = vec![SubjectOrganization {
        uscc: ORGANIZATIONS[0].into(),
        display_name: "某某协会".into(),
    }];
    (request.legal_basis, request.instrument_basis) = if is_police {
        (
            "public_security_case".into(),
            "刑事诉讼法第一百四十四条".into(),
        )
    } else {
        ("civil_affairs_charity".into(), String::new())
    };
    let named = &ORGANIZATIONS[..=case.variant];
    request.account = Some(AccountInquiry {
        case_opened: Some(CaseOpened {
            case_number: case_number(case.number),
            opened_on: Some(to_wire(jiff::civil::date(2026, 1, 5))),
            organizations: named.iter().map(|one| (*one).to_owned()).collect(),
        }),
        instrument_number: "查询〔2026〕1号".into(),
        officers: vec!["o-1".into(), "o-2".into()],
        approval_level: level.into(),
        approval_reference: "批〔2026〕1号".into(),
        approved_on: Some(to_wire(jiff::civil::date(2026, 1, 6))),
        is_charity: true,
    });
}

fn data() -> Option<DeliveredData> {
    Some(DeliveredData {
        text: "数据".into(),
        attachments: vec![],
    })
}

fn step(name: &str, what: &What, id: &str) -> (&'static str, Vec<u8>) {
    let (name, request_id) = (name.to_owned(), id.to_owned());
    let text = || String::from("说明");
    macro_rules! message {
        ($method:literal, $request:ident { $($field:ident: $value:expr),* }) => {
            (method!($method), $request { name, request_id, $($field: $value,)* }.encode_to_vec())
        };
    }
    match what {
        What::Approve => message!(
            "ApproveInformationRequest",
            ApproveInformationRequestRequest {
                is_approved: true,
                reason: String::new()
            }
        ),
        What::Reject => message!(
            "ApproveInformationRequest",
            ApproveInformationRequestRequest {
                is_approved: false,
                reason: text()
            }
        ),
        What::Withdraw => message!(
            "WithdrawInformationRequest",
            WithdrawInformationRequestRequest { reason: text() }
        ),
        What::Ask => message!("AskForMissing", AskForMissingRequest { missing: text() }),
        What::Complete => message!(
            "CompleteInformationRequest",
            CompleteInformationRequestRequest {
                addition: text(),
                attachments: vec![]
            }
        ),
        What::Extend(days) => message!(
            "ExtendAnswerTime",
            ExtendAnswerTimeRequest {
                working_days: *days,
                reason: text(),
                consent_reference: text()
            }
        ),
        What::Consent { with_data } => {
            let delivery = if *with_data { data() } else { None };
            message!(
                "ConsentToInformationRequest",
                ConsentToInformationRequestRequest {
                    text: text(),
                    delivery: delivery
                }
            )
        }
        What::Deliver => message!(
            "DeliverInformation",
            DeliverInformationRequest { delivery: data() }
        ),
        What::Refuse => message!(
            "RefuseInformationRequest",
            RefuseInformationRequestRequest { reasons: text() }
        ),
        _ => afterwards(name, what, request_id),
    }
}

fn afterwards(name: String, what: &What, request_id: String) -> (&'static str, Vec<u8>) {
    let text = || String::from("说明");
    macro_rules! message {
        ($method:literal, $request:ident { $($field:ident: $value:expr),* }) => {
            (method!($method), $request { name, request_id, $($field: $value,)* }.encode_to_vec())
        };
    }
    match what {
        What::Use => {
            let record = UseRecord {
                scene: text(),
                process: text(),
                effect: text(),
                purpose_fit: text(),
                ..UseRecord::default()
            };
            let request = RecordUseRequest {
                name,
                r#use: Some(record),
                request_id,
            };
            (method!("RecordUse"), request.encode_to_vec())
        }
        What::Correct => message!(
            "RequestCorrection",
            RequestCorrectionRequest { text: text() }
        ),
        What::AnswerCorrection(number, is_corrected) => message!(
            "AnswerCorrection",
            AnswerCorrectionRequest {
                correction: *number,
                is_corrected: *is_corrected,
                answer: text(),
                attachments: vec![]
            }
        ),
        What::Suspend => message!("SuspendUse", SuspendUseRequest { reason: text() }),
        What::Resume => message!("ResumeUse", ResumeUseRequest { reason: text() }),
        _ => message!(
            "ConfirmDisposal",
            ConfirmDisposalRequest {
                disposal: Some(Disposal {
                    storage: text(),
                    destruction: text(),
                    disposed_on: Some(to_wire(today())),
                    ..Disposal::default()
                })
            }
        ),
    }
}
