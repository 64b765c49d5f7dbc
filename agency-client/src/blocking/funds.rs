//! Fund alerts, call by call.

use std::sync::Arc;

use hub_proto::funds::{
    AcknowledgeAlertRequest, AcknowledgeAlertResponse, Alert, CloseAlertRequest,
    CloseAlertResponse, CorrectAlertResponse, DraftJointNoticeRequest, DraftJointNoticeResponse,
    IssueJointNoticeRequest, IssueJointNoticeResponse, ListAlertsRequest, ListAlertsResponse,
    ProvideInformationRequest, ProvideInformationResponse, RaiseAlertResponse,
    RecordFindingRequest, RecordFindingResponse, ReportMeasureRequest, ReportMeasureResponse,
    RetractAlertRequest, RetractAlertResponse, ReviewMeasureRequest, ReviewMeasureResponse,
    SignJointNoticeRequest, SignJointNoticeResponse, TakeMeasureRequest, TakeMeasureResponse,
};

use super::{Client, Threads, modules::module};
use crate::{author::Recorded, error::Result, funds::AlertDraft};

module! {
    /// The service of fund alerts. Made by [`Client::alerts`].
    ///
    /// ```no_run
    /// # fn example(client: agency_client::blocking::Client) -> agency_client::Result<()> {
    /// let name = "alerts/01980000-0000-7000-8000-000000000000";
    /// println!("{:?}", client.alerts().get(name)?.units);
    /// # Ok(())
    /// # }
    /// ```
    Alerts(alerts, "funds::Alerts") {
        fn raise(draft: AlertDraft) -> Recorded<RaiseAlertResponse>;
        fn acknowledge(request: AcknowledgeAlertRequest) -> Recorded<AcknowledgeAlertResponse>;
        fn provide_information(
            request: ProvideInformationRequest
        ) -> Recorded<ProvideInformationResponse>;
        fn draft_joint_notice(request: DraftJointNoticeRequest) -> Recorded<DraftJointNoticeResponse>;
        fn sign_joint_notice(request: SignJointNoticeRequest) -> Recorded<SignJointNoticeResponse>;
        fn issue_joint_notice(request: IssueJointNoticeRequest) -> Recorded<IssueJointNoticeResponse>;
        fn record_finding(request: RecordFindingRequest) -> Recorded<RecordFindingResponse>;
        fn take_measure(request: TakeMeasureRequest) -> Recorded<TakeMeasureResponse>;
        fn report_measure(request: ReportMeasureRequest) -> Recorded<ReportMeasureResponse>;
        fn review_measure(request: ReviewMeasureRequest) -> Recorded<ReviewMeasureResponse>;
        fn close(request: CloseAlertRequest) -> Recorded<CloseAlertResponse>;
        fn correct(
            name: &str,
            revision: i32,
            draft: AlertDraft,
            reason: &str
        ) -> Recorded<CorrectAlertResponse>;
        fn retract(request: RetractAlertRequest) -> Recorded<RetractAlertResponse>;
        fn get(name: &str) -> Alert;
        fn revision(name: &str, revision: i32) -> Alert;
        fn list(request: &ListAlertsRequest) -> ListAlertsResponse;
    }
}
