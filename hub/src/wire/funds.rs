//! `hub.funds.v1.AlertService`.

mod act;
mod list;
pub(in crate::wire) mod lookup;
mod raise;
mod show;

use hub_proto::{
    common::Receipt,
    funds::{
        AcknowledgeAlertRequest, AcknowledgeAlertResponse, Alert, CloseAlertRequest,
        CloseAlertResponse, CorrectAlertRequest, CorrectAlertResponse, DraftJointNoticeRequest,
        DraftJointNoticeResponse, GetAlertRequest, GetAlertResponse, IssueJointNoticeRequest,
        IssueJointNoticeResponse, ListAlertsRequest, ListAlertsResponse, ProvideInformationRequest,
        ProvideInformationResponse, RaiseAlertRequest, RaiseAlertResponse, RecordFindingRequest,
        RecordFindingResponse, ReportMeasureRequest, ReportMeasureResponse, RetractAlertRequest,
        RetractAlertResponse, ReviewMeasureRequest, ReviewMeasureResponse, SignJointNoticeRequest,
        SignJointNoticeResponse, TakeMeasureRequest, TakeMeasureResponse,
        alert_service_server::AlertService,
    },
};
use tonic::{Request, Response, Status};

use super::{Call, Services, reads::Purpose};

/// What every act answers with: the alert, and proof.
type Answer = (Alert, Receipt);

/// A method that changes an alert and answers with it.
macro_rules! mutating {
    ($services:ident, $request:ident, $method:literal, $act:ident, $response:ident) => {{
        const METHOD: &str = concat!("/hub.funds.v1.AlertService/", $method);
        let access = $services.access(&$request)?;
        let call = Call::of(METHOD, &$request)?;
        let (alert, receipt): Answer = $services.$act(call, &access, $request.get_ref()).await?;
        Ok(Response::new($response {
            alert: Some(alert),
            receipt: Some(receipt),
        }))
    }};
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
