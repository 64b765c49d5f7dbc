//! Information requests of a scene: one of tax to civil affairs, which has received it.

use hub_core::date::to_wire;
use hub_proto::requests::{
    AnswerCorrectionRequest, ApproveInformationRequestRequest, AskForMissingRequest,
    CloseCaseRequest, CompleteInformationRequestRequest, ConfirmDisposalRequest,
    ConsentToInformationRequestRequest, DeliverInformationRequest, DeliveredData, Disposal,
    DraftInformationRequestRequest, ExtendAnswerTimeRequest, GetInformationRequestRequest,
    ListInformationRequestsRequest, RecordUseRequest, RefuseInformationRequestRequest,
    RequestCorrectionRequest, ResumeUseRequest, SuspendUseRequest, UseRecord,
    WithdrawInformationRequestRequest,
};

use super::{Scene, Target, future_id};
use crate::{World, requests as information};

/// Whose request it is.
const WHAT: &str = "tax's to civil-affairs";

/// Brings a request of tax to civil affairs.
pub(super) async fn set(world: &World) -> String {
    let request = information::data("tax", information::today(world));
    let submitted = information::submit(world, "tax", request).await;
    submitted.unwrap().name
}

impl Scene {
    pub(super) fn information_requests(&self, world: &World, targets: &mut Vec<Target>) {
        let today = information::today(world);
        targets.push(Target::new(
            crate::requests!("DraftInformationRequest"),
            "to agencies/state-security",
            move |agency| {
                let mut request = information::data(agency, today);
                request.provider = "agencies/state-security".into();
                DraftInformationRequestRequest {
                    information_request: Some(request),
                    request_id: future_id(),
                }
            },
        ));
        self.requesters(targets);
        self.providers(targets);
        targets.push(Target::new(crate::requests!("CloseCase"), "", |_| {
            CloseCaseRequest {
                case_number: "无此案".into(),
                reason: "已结案".into(),
                request_id: future_id(),
            }
        }));
        let of = self.information_request.clone();
        targets.push(Target::new(
            crate::requests!("GetInformationRequest"),
            WHAT,
            move |_| GetInformationRequestRequest { name: of.clone() },
        ));
        targets.push(Target::new(
            crate::requests!("ListInformationRequests"),
            "",
            |_| ListInformationRequestsRequest::default(),
        ));
        let of = self.information_request.clone();
        targets.push(Target::new(
            crate::requests!("ConfirmDisposal"),
            WHAT,
            move |_| ConfirmDisposalRequest {
                name: of.clone(),
                disposal: Some(Disposal {
                    storage: "业务系统".into(),
                    destruction: "已删除".into(),
                    disposed_on: Some(to_wire(today)),
                    ..Disposal::default()
                }),
                request_id: future_id(),
            },
        ));
    }

    /// A target on the scene's request.
    fn on_request<M: prost::Message>(
        &self,
        targets: &mut Vec<Target>,
        method: &'static str,
        build: impl Fn(String) -> M + Send + Sync + 'static,
    ) {
        let of = self.information_request.clone();
        targets.push(Target::new(method, WHAT, move |_| build(of.clone())));
    }

    /// What the requester does.
    fn requesters(&self, targets: &mut Vec<Target>) {
        let approve = crate::requests!("ApproveInformationRequest");
        self.on_request(targets, approve, |name| ApproveInformationRequestRequest {
            name,
            is_approved: true,
            reason: String::new(),
            request_id: future_id(),
        });
        let withdraw = crate::requests!("WithdrawInformationRequest");
        self.on_request(targets, withdraw, |name| {
            WithdrawInformationRequestRequest {
                name,
                reason: "不再需要".into(),
                request_id: future_id(),
            }
        });
        let complete = crate::requests!("CompleteInformationRequest");
        self.on_request(targets, complete, |name| {
            CompleteInformationRequestRequest {
                name,
                addition: "补充说明".into(),
                attachments: vec![],
                request_id: future_id(),
            }
        });
        let record = crate::requests!("RecordUse");
        self.on_request(targets, record, |name| RecordUseRequest {
            name,
            r#use: Some(UseRecord {
                scene: "复核".into(),
                process: "比对".into(),
                effect: "一致".into(),
                purpose_fit: "即申请的用途".into(),
                ..UseRecord::default()
            }),
            request_id: future_id(),
        });
        let correction = crate::requests!("RequestCorrection");
        self.on_request(targets, correction, |name| RequestCorrectionRequest {
            name,
            text: "住所有误".into(),
            request_id: future_id(),
        });
    }

    /// What the provider does.
    fn providers(&self, targets: &mut Vec<Target>) {
        let missing = crate::requests!("AskForMissing");
        self.on_request(targets, missing, |name| AskForMissingRequest {
            name,
            missing: "缺少期间".into(),
            request_id: future_id(),
        });
        let extend = crate::requests!("ExtendAnswerTime");
        self.on_request(targets, extend, |name| ExtendAnswerTimeRequest {
            name,
            working_days: 5,
            reason: "数据量大".into(),
            consent_reference: "晋数函〔2026〕1号".into(),
            request_id: future_id(),
        });
        let consent = crate::requests!("ConsentToInformationRequest");
        self.on_request(targets, consent, |name| {
            ConsentToInformationRequestRequest {
                name,
                text: String::new(),
                delivery: None,
                request_id: future_id(),
            }
        });
        let deliver = crate::requests!("DeliverInformation");
        self.on_request(targets, deliver, |name| DeliverInformationRequest {
            name,
            delivery: Some(DeliveredData {
                text: "数据".into(),
                attachments: vec![],
            }),
            request_id: future_id(),
        });
        let refuse = crate::requests!("RefuseInformationRequest");
        self.on_request(targets, refuse, |name| RefuseInformationRequestRequest {
            name,
            reasons: "不属本单位".into(),
            request_id: future_id(),
        });
        let answer = crate::requests!("AnswerCorrection");
        self.on_request(targets, answer, |name| AnswerCorrectionRequest {
            name,
            correction: 1,
            is_corrected: false,
            answer: "经核实无误".into(),
            attachments: vec![],
            request_id: future_id(),
        });
        let suspend = crate::requests!("SuspendUse");
        self.on_request(targets, suspend, |name| SuspendUseRequest {
            name,
            reason: "超范围使用".into(),
            request_id: future_id(),
        });
        let resume = crate::requests!("ResumeUse");
        self.on_request(targets, resume, |name| ResumeUseRequest {
            name,
            reason: "已整改".into(),
            request_id: future_id(),
        });
    }
}
