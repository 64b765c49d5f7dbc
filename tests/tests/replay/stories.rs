//! An alert, a referral and an information request among the random acts, each with its acts in order, so that
//! a replay has their events to give back.

use hub_proto::{
    funds::{
        AcknowledgeAlertRequest, AlertAction, CorrectAlertRequest, DraftJointNoticeRequest,
        IssueJointNoticeRequest, JointNotice, Measure, RaiseAlertRequest, RetractAlertRequest,
        ReviewMeasureRequest, SignJointNoticeRequest, TakeMeasureRequest,
        alert_service_server::AlertService as _,
    },
    referrals::{
        AcknowledgeReferralRequest, FeedBackResultRequest, Referral, ReferralResult,
        SendReferralRequest, TakeUpReferralRequest, referral_service_server::ReferralService as _,
    },
    requests::{
        ApproveInformationRequestRequest, ConsentToInformationRequestRequest, DeliveredData,
        DraftInformationRequestRequest, GetInformationRequestRequest, RecordUseRequest, UseRecord,
        request_service_server::RequestService as _,
    },
};
use hub_tests::{alerts, referrals, requests};
use jiff::civil::Date;

use super::*;

/// An act that nothing refuses, a second after the one before.
macro_rules! act {
    ($run:expr, $who:expr, $method:ident, $request:ident { $($field:ident: $value:expr),* $(,)? }) => {{
        $run.direct.clock.advance_us(1_000_000);
        let request = $request { request_id: $run.id(), $($field: $value,)* };
        let answer = $run.direct.services.$method(call(&$who, request)).await;
        answer.unwrap_or_else(|status| panic!("{}: {status:?}", stringify!($method))).into_inner()
    }};
}

impl Run<'_> {
    fn today(&self) -> Date {
        on(self.direct.clock.now(), self.site.charter().zone())
    }

    fn officer(&self, agency: &str, role: &str) -> Arc<Caller> {
        let officer = format!("{agency}-{role}-1");
        self.direct.caller(self.site, agency, &officer, &[role])
    }

    /// Each of the three once.
    pub(super) async fn supervise(&mut self) {
        self.warn().await;
        self.refer().await;
        self.inquire().await;
    }

    #[allow(clippy::too_many_lines, reason = "one story, told in order")]
    async fn warn(&mut self) {
        let (bank, office) = (
            self.officer(alerts::BANK, "analyst"),
            self.officer("civil-affairs", "office"),
        );
        let units = ["tax", "finance"].map(|unit| self.officer(unit, "clerk"));
        let alert = alerts::draft_on(self.today());
        let raised = act!(
            self,
            bank,
            raise_alert,
            RaiseAlertRequest {
                alert: Some(alert.clone())
            }
        );
        let name = raised.alert.unwrap().name;
        let action = AlertAction::Checks.into();
        for unit in &units {
            act!(
                self,
                unit,
                acknowledge_alert,
                AcknowledgeAlertRequest {
                    name: name.clone(),
                    revision: 1,
                    action: action,
                    text: "核查".into(),
                }
            );
        }
        let measure = Measure {
            text: "抽查".into(),
            due_on: Some(to_wire(self.today())),
            ..Measure::default()
        };
        act!(
            self,
            units[0],
            take_measure,
            TakeMeasureRequest {
                name: name.clone(),
                measure: Some(measure),
            }
        );
        let joint_notice = Some(JointNotice {
            text: "通报".into(),
            units: vec!["agencies/tax".into(), "agencies/finance".into()],
            ..JointNotice::default()
        });
        act!(
            self,
            office,
            draft_joint_notice,
            DraftJointNoticeRequest {
                name: name.clone(),
                joint_notice: joint_notice,
            }
        );
        for unit in &units {
            act!(
                self,
                unit,
                sign_joint_notice,
                SignJointNoticeRequest {
                    name: name.clone(),
                    joint_notice: 1,
                    declines: false,
                    reason: String::new(),
                }
            );
        }
        act!(
            self,
            office,
            issue_joint_notice,
            IssueJointNoticeRequest {
                name: name.clone(),
                joint_notice: 1,
            }
        );
        act!(
            self,
            bank,
            correct_alert,
            CorrectAlertRequest {
                name: name.clone(),
                revision: 1,
                alert: Some(alert),
                reason: "有误".into(),
            }
        );
        act!(
            self,
            units[0],
            review_measure,
            ReviewMeasureRequest {
                name: name.clone(),
                measure: 1,
                lifts: true,
                reason: "解除".into(),
            }
        );
        act!(
            self,
            bank,
            retract_alert,
            RetractAlertRequest {
                name: name,
                reason: "误报".into()
            }
        );
    }

    async fn refer(&mut self) {
        let (tax, police) = (
            self.officer("tax", "leader"),
            self.officer("public-security", "leader"),
        );
        let referral = Some(Referral {
            ..referrals::draft("public-security")
        });
        let sent = act!(
            self,
            tax,
            send_referral,
            SendReferralRequest { referral: referral }
        );
        let name = sent.referral.unwrap().name;
        act!(
            self,
            police,
            acknowledge_referral,
            AcknowledgeReferralRequest {
                name: name.clone(),
                revision: 1,
            }
        );
        act!(
            self,
            police,
            take_up_referral,
            TakeUpReferralRequest {
                name: name.clone(),
                note: String::new(),
                addressee_reference: String::new(),
            }
        );
        let result = Some(ReferralResult {
            text: "结果".into(),
            is_final: true,
            ..ReferralResult::default()
        });
        act!(
            self,
            police,
            feed_back_result,
            FeedBackResultRequest {
                name: name,
                result: result
            }
        );
    }

    async fn inquire(&mut self) {
        let (tax, leader) = (self.officer("tax", "clerk"), self.officer("tax", "leader"));
        let provider = self.officer("civil-affairs", "leader");
        let request = requests::data("tax", self.today());
        let drafted = act!(
            self,
            tax,
            draft_information_request,
            DraftInformationRequestRequest {
                information_request: Some(request),
            }
        );
        let name = drafted.information_request.unwrap().name;
        act!(
            self,
            leader,
            approve_information_request,
            ApproveInformationRequestRequest {
                name: name.clone(),
                is_approved: true,
                reason: String::new(),
            }
        );
        let delivery = Some(DeliveredData {
            text: "数据".into(),
            attachments: vec![],
        });
        act!(
            self,
            provider,
            consent_to_information_request,
            ConsentToInformationRequestRequest {
                name: name.clone(),
                text: String::new(),
                delivery: delivery,
            }
        );
        let request = GetInformationRequestRequest { name: name.clone() };
        let services = &self.direct.services;
        let read = services.get_information_request(call(&tax, request)).await;
        read.unwrap();
        let used = Some(UseRecord {
            scene: "抽查".into(),
            process: "比对".into(),
            effect: "无".into(),
            purpose_fit: "相符".into(),
            ..UseRecord::default()
        });
        act!(
            self,
            tax,
            record_use,
            RecordUseRequest {
                name: name,
                r#use: used
            }
        );
    }
}
