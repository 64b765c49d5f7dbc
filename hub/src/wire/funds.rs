//! `hub.funds.v1.AlertService`.

mod act;
mod list;
pub(in crate::wire) mod lookup;
mod raise;
mod show;

use hub_proto::{
    audit::RecordKind,
    common::Receipt,
    funds::{
        AcknowledgeAlertRequest, AcknowledgeAlertResponse, Alert, AlertState, CloseAlertRequest,
        CloseAlertResponse, CorrectAlertRequest, CorrectAlertResponse, DraftJointNoticeRequest,
        DraftJointNoticeResponse, GetAlertRequest, GetAlertResponse, IssueJointNoticeRequest,
        IssueJointNoticeResponse, ListAlertsRequest, ListAlertsResponse, ProvideInformationRequest,
        ProvideInformationResponse, RaiseAlertRequest, RaiseAlertResponse, RecordFindingRequest,
        RecordFindingResponse, ReportMeasureRequest, ReportMeasureResponse, RetractAlertRequest,
        RetractAlertResponse, ReviewMeasureRequest, ReviewMeasureResponse, SignJointNoticeRequest,
        SignJointNoticeResponse, TakeMeasureRequest, TakeMeasureResponse, UnitHandling,
        alert_service_server::AlertService,
    },
};
use tonic::{Request, Response, Status};

use self::lookup::Found;
use super::{Call, Services, parse, reads::Purpose};
use crate::{authz::Access, domain::funds, error::Result as HubResult};

/// What every act answers with: the alert, and proof.
type Answer = (Alert, Receipt);

/// A method that changes an alert and answers with it.
macro_rules! mutating {
    ($services:ident, $request:ident, $method:literal, $act:ident, $response:ident) => {{
        const METHOD: &str = concat!("/hub.funds.v1.AlertService/", $method);
        let access = $services.access(&$request)?;
        let purpose = Purpose::of(&$request)?;
        let call = Call::of(METHOD, &$request)?;
        let (alert, receipt): Answer = $services.$act(call, &access, $request.get_ref()).await?;
        let alert = $services.answered(&access, METHOD, &purpose, alert).await?;
        Ok(Response::new($response {
            alert: Some(alert),
            receipt: Some(receipt),
        }))
    }};
}

impl Services {
    /// The alert with which an act is answered. It shows what others wrote, so the read is recorded first;
    /// who may act and may not read learns where the alert stands and no more, and so does who does not say
    /// what for where the charter demands it. An alert as the caller has just raised it is no read.
    async fn answered(
        &self,
        access: &Access,
        method: &'static str,
        purpose: &Purpose,
        alert: Alert,
    ) -> HubResult<Alert> {
        if is_as_raised(&alert) && alert.author == format!("agencies/{}", access.agency()) {
            return Ok(alert);
        }
        let outline = Alert {
            name: alert.name.clone(),
            state: alert.state,
            revision: alert.revision,
            ..Alert::default()
        };
        let Ok(permit) = access.read_alerts() else {
            return Ok(outline);
        };
        if purpose.check_kind(access, RecordKind::Alert).is_err() {
            return Ok(outline);
        }
        let name = parse("name", &alert.name)?;
        let found = Found::new(name, funds::alert(self.engine.store(), name)?)?;
        self.record_reads(access, &permit, method, purpose, &[found.restricted()])
            .await?;
        Ok(alert)
    }
}

/// Whether nothing has happened to an alert since it was raised.
fn is_as_raised(alert: &Alert) -> bool {
    let is_untouched = |unit: &UnitHandling| unit.acknowledged_revision == 0;
    alert.state() == AlertState::Circulated
        && alert.revision == 1
        && alert.units.iter().all(is_untouched)
        && alert.information.is_empty()
        && alert.joint_notices.is_empty()
}

#[tonic::async_trait]
impl AlertService for Services {
    async fn raise_alert(
        &self,
        request: Request<RaiseAlertRequest>,
    ) -> Result<Response<RaiseAlertResponse>, Status> {
        mutating!(
            self,
            request,
            "RaiseAlert",
            raise_an_alert,
            RaiseAlertResponse
        )
    }

    async fn acknowledge_alert(
        &self,
        request: Request<AcknowledgeAlertRequest>,
    ) -> Result<Response<AcknowledgeAlertResponse>, Status> {
        mutating!(
            self,
            request,
            "AcknowledgeAlert",
            acknowledge_an_alert,
            AcknowledgeAlertResponse
        )
    }

    async fn provide_information(
        &self,
        request: Request<ProvideInformationRequest>,
    ) -> Result<Response<ProvideInformationResponse>, Status> {
        mutating!(
            self,
            request,
            "ProvideInformation",
            inform_of_an_alert,
            ProvideInformationResponse
        )
    }

    async fn draft_joint_notice(
        &self,
        request: Request<DraftJointNoticeRequest>,
    ) -> Result<Response<DraftJointNoticeResponse>, Status> {
        mutating!(
            self,
            request,
            "DraftJointNotice",
            draft_a_joint_notice,
            DraftJointNoticeResponse
        )
    }

    async fn sign_joint_notice(
        &self,
        request: Request<SignJointNoticeRequest>,
    ) -> Result<Response<SignJointNoticeResponse>, Status> {
        mutating!(
            self,
            request,
            "SignJointNotice",
            sign_a_joint_notice,
            SignJointNoticeResponse
        )
    }

    async fn issue_joint_notice(
        &self,
        request: Request<IssueJointNoticeRequest>,
    ) -> Result<Response<IssueJointNoticeResponse>, Status> {
        mutating!(
            self,
            request,
            "IssueJointNotice",
            issue_a_joint_notice,
            IssueJointNoticeResponse
        )
    }

    async fn record_finding(
        &self,
        request: Request<RecordFindingRequest>,
    ) -> Result<Response<RecordFindingResponse>, Status> {
        mutating!(
            self,
            request,
            "RecordFinding",
            record_a_finding,
            RecordFindingResponse
        )
    }

    async fn take_measure(
        &self,
        request: Request<TakeMeasureRequest>,
    ) -> Result<Response<TakeMeasureResponse>, Status> {
        mutating!(
            self,
            request,
            "TakeMeasure",
            take_a_measure,
            TakeMeasureResponse
        )
    }

    async fn report_measure(
        &self,
        request: Request<ReportMeasureRequest>,
    ) -> Result<Response<ReportMeasureResponse>, Status> {
        mutating!(
            self,
            request,
            "ReportMeasure",
            report_a_measure,
            ReportMeasureResponse
        )
    }

    async fn review_measure(
        &self,
        request: Request<ReviewMeasureRequest>,
    ) -> Result<Response<ReviewMeasureResponse>, Status> {
        mutating!(
            self,
            request,
            "ReviewMeasure",
            review_a_measure,
            ReviewMeasureResponse
        )
    }

    async fn close_alert(
        &self,
        request: Request<CloseAlertRequest>,
    ) -> Result<Response<CloseAlertResponse>, Status> {
        mutating!(
            self,
            request,
            "CloseAlert",
            close_an_alert,
            CloseAlertResponse
        )
    }

    async fn correct_alert(
        &self,
        request: Request<CorrectAlertRequest>,
    ) -> Result<Response<CorrectAlertResponse>, Status> {
        mutating!(
            self,
            request,
            "CorrectAlert",
            correct_an_alert,
            CorrectAlertResponse
        )
    }

    async fn retract_alert(
        &self,
        request: Request<RetractAlertRequest>,
    ) -> Result<Response<RetractAlertResponse>, Status> {
        mutating!(
            self,
            request,
            "RetractAlert",
            retract_an_alert,
            RetractAlertResponse
        )
    }

    async fn get_alert(
        &self,
        request: Request<GetAlertRequest>,
    ) -> Result<Response<GetAlertResponse>, Status> {
        let access = self.access(&request)?;
        let purpose = Purpose::of(&request)?;
        let alert = self
            .read_an_alert(&access, &purpose, request.get_ref())
            .await?;
        Ok(Response::new(GetAlertResponse { alert: Some(alert) }))
    }

    async fn list_alerts(
        &self,
        request: Request<ListAlertsRequest>,
    ) -> Result<Response<ListAlertsResponse>, Status> {
        let access = self.access(&request)?;
        let purpose = Purpose::of(&request)?;
        let listed = self
            .list_the_alerts(&access, &purpose, request.get_ref())
            .await?;
        Ok(Response::new(listed))
    }
}
