//! Fund alerts of a scene: one to all members, of which tax and finance are asked for a joint notice and
//! tax has taken a measure, and one to tax and public security alone.

use hub::wire::rpc::RPCS;
use hub_core::date::to_wire;
use hub_proto::funds::{
    AcknowledgeAlertRequest, Alert, AlertAction, CloseAlertRequest, CorrectAlertRequest,
    DraftJointNoticeRequest, Finding, FindingKind, GetAlertRequest, IssueJointNoticeRequest,
    JointNotice, ListAlertsRequest, Measure, ProvideInformationRequest, RaiseAlertRequest,
    RecordFindingRequest, ReportMeasureRequest, RetractAlertRequest, ReviewMeasureRequest,
    SignJointNoticeRequest, TakeMeasureRequest,
};
use jiff::civil::date;

use super::{Scene, Target, future_id};
use crate::{World, alerts, meetings};

/// Units of the alert that went to a named few.
pub const FEW: [&str; 2] = ["tax", "public-security"];

/// What there is.
#[derive(Debug, Clone, Default)]
pub struct AlertScene {
    /// To all members.
    pub to_all: String,
    /// To [`FEW`].
    pub to_few: String,
}

impl AlertScene {
    /// Raises both.
    pub(super) async fn set(world: &World) -> Self {
        let bank = alerts::analyst(world);
        let to_all = alerts::raise(&bank, alerts::draft(world))
            .await
            .unwrap()
            .name;
        let few = alerts::named(world, &FEW);
        let to_few = alerts::raise(&bank, few).await.unwrap().name;
        let tax = meetings::clerk(world, "tax");
        alerts::acknowledge(&tax, &to_all, 1, AlertAction::Checks)
            .await
            .unwrap();
        let due_on = alerts::today(world);
        alerts::take(&tax, &to_all, due_on).await.unwrap();
        let office = meetings::office(world);
        alerts::draft_notice(&office, &to_all, &["tax", "finance"])
            .await
            .unwrap();
        Self { to_all, to_few }
    }
}

impl Scene {
    /// Everything that can be asked about alerts.
    pub(super) fn funds(&self, world: &World, targets: &mut Vec<Target>) {
        let first = targets.len();
        let draft = alerts::draft(world);
        let raise = draft.clone();
        targets.push(Target::new(crate::alerts!("RaiseAlert"), "", move |_| {
            RaiseAlertRequest {
                alert: Some(raise.clone()),
                request_id: future_id(),
            }
        }));
        let both = [
            ("the alert to all members", self.alerts.to_all.clone()),
            ("the alert to a named few", self.alerts.to_few.clone()),
        ];
        for (what, name) in &both {
            handling(what, name, targets);
        }
        for (what, name) in &both {
            joint_notices(what, name, targets);
        }
        for (what, name) in &both {
            measures(what, name, targets);
        }
        for (what, name) in &both {
            ending(what, name, &draft, targets);
        }
        for (what, name) in both {
            targets.push(Target::new(crate::alerts!("GetAlert"), what, move |_| {
                GetAlertRequest {
                    name: name.clone(),
                    revision: 0,
                }
            }));
        }
        targets.push(Target::new(crate::alerts!("ListAlerts"), "", |_| {
            ListAlertsRequest::default()
        }));
        // Both alerts of a method together, in the order of the protos.
        targets[first..].sort_by_key(|target| {
            let mut methods = RPCS.iter().map(|rpc| rpc.method);
            methods.position(|method| method == target.method)
        });
    }
}

fn handling(what: &str, name: &str, targets: &mut Vec<Target>) {
    let of = name.to_owned();
    targets.push(Target::new(
        crate::alerts!("AcknowledgeAlert"),
        what,
        move |_| AcknowledgeAlertRequest {
            name: of.clone(),
            revision: 1,
            action: AlertAction::Checks.into(),
            text: String::new(),
            request_id: future_id(),
        },
    ));
    let of = name.to_owned();
    targets.push(Target::new(
        crate::alerts!("ProvideInformation"),
        what,
        move |_| ProvideInformationRequest {
            name: of.clone(),
            text: "补充说明".into(),
            request_id: future_id(),
        },
    ));
    let of = name.to_owned();
    targets.push(Target::new(
        crate::alerts!("RecordFinding"),
        what,
        move |_| RecordFindingRequest {
            name: of.clone(),
            finding: Some(Finding {
                kind: FindingKind::Substantiated.into(),
                reason: "经核查".into(),
                ..Finding::default()
            }),
            request_id: future_id(),
        },
    ));
}

fn joint_notices(what: &str, name: &str, targets: &mut Vec<Target>) {
    let of = name.to_owned();
    targets.push(Target::new(
        crate::alerts!("DraftJointNotice"),
        what,
        move |_| DraftJointNoticeRequest {
            name: of.clone(),
            joint_notice: Some(JointNotice {
                text: "联合通报".into(),
                units: FEW.map(|unit| format!("agencies/{unit}")).into(),
                ..JointNotice::default()
            }),
            request_id: future_id(),
        },
    ));
    let of = name.to_owned();
    targets.push(Target::new(
        crate::alerts!("SignJointNotice"),
        what,
        move |_| SignJointNoticeRequest {
            name: of.clone(),
            joint_notice: 1,
            request_id: future_id(),
            ..SignJointNoticeRequest::default()
        },
    ));
    let of = name.to_owned();
    targets.push(Target::new(
        crate::alerts!("IssueJointNotice"),
        what,
        move |_| IssueJointNoticeRequest {
            name: of.clone(),
            joint_notice: 1,
            request_id: future_id(),
        },
    ));
}

fn measures(what: &str, name: &str, targets: &mut Vec<Target>) {
    let of = name.to_owned();
    targets.push(Target::new(
        crate::alerts!("TakeMeasure"),
        what,
        move |_| TakeMeasureRequest {
            name: of.clone(),
            measure: Some(Measure {
                text: "核查".into(),
                due_on: Some(to_wire(date(2099, 1, 1))),
                ..Measure::default()
            }),
            request_id: future_id(),
        },
    ));
    let of = name.to_owned();
    targets.push(Target::new(
        crate::alerts!("ReportMeasure"),
        what,
        move |_| ReportMeasureRequest {
            name: of.clone(),
            measure: 1,
            text: "已落实".into(),
            request_id: future_id(),
        },
    ));
    let of = name.to_owned();
    targets.push(Target::new(
        crate::alerts!("ReviewMeasure"),
        what,
        move |_| ReviewMeasureRequest {
            name: of.clone(),
            measure: 1,
            lifts: false,
            reason: "经复核".into(),
            request_id: future_id(),
        },
    ));
}

fn ending(what: &str, name: &str, draft: &Alert, targets: &mut Vec<Target>) {
    let of = name.to_owned();
    targets.push(Target::new(crate::alerts!("CloseAlert"), what, move |_| {
        CloseAlertRequest {
            name: of.clone(),
            closing: Some(alerts::closing()),
            request_id: future_id(),
        }
    }));
    let (of, draft) = (name.to_owned(), draft.clone());
    targets.push(Target::new(
        crate::alerts!("CorrectAlert"),
        what,
        move |_| CorrectAlertRequest {
            name: of.clone(),
            revision: 1,
            alert: Some(draft.clone()),
            reason: "有误".into(),
            request_id: future_id(),
        },
    ));
    let of = name.to_owned();
    targets.push(Target::new(
        crate::alerts!("RetractAlert"),
        what,
        move |_| RetractAlertRequest {
            name: of.clone(),
            reason: "误报".into(),
            request_id: future_id(),
        },
    ));
}
