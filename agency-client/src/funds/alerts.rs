//! The service of fund alerts; one method an RPC.

use hub_proto::funds::{
    AcknowledgeAlertRequest, AcknowledgeAlertResponse, Alert, CloseAlertRequest,
    CloseAlertResponse, CorrectAlertRequest, CorrectAlertResponse, DraftJointNoticeRequest,
    DraftJointNoticeResponse, GetAlertRequest, GetAlertResponse, IssueJointNoticeRequest,
    IssueJointNoticeResponse, ListAlertsRequest, ListAlertsResponse, ProvideInformationRequest,
    ProvideInformationResponse, RaiseAlertResponse, RecordFindingRequest, RecordFindingResponse,
    ReportMeasureRequest, ReportMeasureResponse, RetractAlertRequest, RetractAlertResponse,
    ReviewMeasureRequest, ReviewMeasureResponse, SignJointNoticeRequest, SignJointNoticeResponse,
    TakeMeasureRequest, TakeMeasureResponse,
};

use super::AlertDraft;
use crate::{
    author::Recorded,
    client::{Client, checked_request_id, request_id},
    error::{ClientError, Result},
};

macro_rules! path {
    ($method:literal) => {
        concat!("/hub.funds.v1.AlertService/", $method)
    };
}

/// The request id that the caller brought, or a new one.
fn minted(id: String) -> Result<String> {
    if id.is_empty() {
        Ok(request_id())
    } else {
        checked_request_id(id)
    }
}

/// The service of fund alerts. Made by [`Client::alerts`].
///
/// ```no_run
/// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
/// let page = client.alerts().list(&Default::default()).await?;
/// println!("{} alerts", page.alerts.len());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Alerts {
    client: Client,
}

impl Alerts {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    /// Raises an alert and circulates it, by an analyst of the central-bank branch (FS-054). The draft
    /// keeps its request id over every retry; it is the last part of the alert's name.
    ///
    /// ```no_run
    /// use agency_client::{
    ///     Client,
    ///     funds::AlertDraft,
    ///     proto::{
    ///         channels::Classification,
    ///         funds::{AlertKind, Direction, Severity},
    ///     },
    /// };
    /// use jiff::civil::date;
    ///
    /// # async fn example(client: Client) -> agency_client::Result<()> {
    /// let draft = AlertDraft::on("51140000MJ0000001F", "某某协会")
    ///     .kind(AlertKind::OverseasDonation)
    ///     .indicator("overseas_donation_unfiled")
    ///     .period(date(2026, 1, 1), date(2026, 6, 30))
    ///     .amount("1m_10m", "USD")
    ///     .direction(Direction::In)
    ///     .severity(Severity::Major, "No filing number was given")
    ///     .grounds("A donation from overseas without a filing number.")
    ///     .source_note("Report of the second quarter")
    ///     .legal_basis("境外非政府组织境内活动管理法")
    ///     .classification(Classification::Internal);
    /// let raised = client.alerts().raise(draft).await?;
    /// println!("{}", raised.alert.as_ref().map_or("", |alert| &alert.name));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn raise(&self, draft: AlertDraft) -> Result<Recorded<RaiseAlertResponse>> {
        let request = draft.into_request()?;
        self.client.mutate(path!("RaiseAlert"), &request).await
    }

    /// Acknowledges the revision in force in the own unit's name, and says what the unit does about it. The
    /// revision is the one that was read: another in force is refused.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::funds::{AcknowledgeAlertRequest, AlertAction};
    ///
    /// client
    ///     .alerts()
    ///     .acknowledge(AcknowledgeAlertRequest {
    ///         name: "alerts/01980000-0000-7000-8000-000000000000".into(),
    ///         revision: 1,
    ///         action: AlertAction::Checks.into(),
    ///         ..AcknowledgeAlertRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn acknowledge(
        &self,
        mut request: AcknowledgeAlertRequest,
    ) -> Result<Recorded<AcknowledgeAlertResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client
            .mutate(path!("AcknowledgeAlert"), &request)
            .await
    }

    /// Answers a unit that needs more information, by the raising agency. All units are told.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::funds::ProvideInformationRequest;
    ///
    /// client
    ///     .alerts()
    ///     .provide_information(ProvideInformationRequest {
    ///         name: "alerts/01980000-0000-7000-8000-000000000000".into(),
    ///         text: "It is about the second quarter only.".into(),
    ///         ..ProvideInformationRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn provide_information(
        &self,
        mut request: ProvideInformationRequest,
    ) -> Result<Recorded<ProvideInformationResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client
            .mutate(path!("ProvideInformation"), &request)
            .await
    }

    /// Drafts a joint notice and asks two or more units to sign it (FS-021).
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::funds::{DraftJointNoticeRequest, JointNotice};
    ///
    /// client
    ///     .alerts()
    ///     .draft_joint_notice(DraftJointNoticeRequest {
    ///         name: "alerts/01980000-0000-7000-8000-000000000000".into(),
    ///         joint_notice: Some(JointNotice {
    ///             text: "The units named below …".into(),
    ///             units: vec!["agencies/tax".into(), "agencies/finance".into()],
    ///             ..JointNotice::default()
    ///         }),
    ///         ..DraftJointNoticeRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn draft_joint_notice(
        &self,
        mut request: DraftJointNoticeRequest,
    ) -> Result<Recorded<DraftJointNoticeResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client
            .mutate(path!("DraftJointNotice"), &request)
            .await
    }

    /// Signs a joint notice in the own unit's name, or declines to with a reason.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::funds::SignJointNoticeRequest;
    ///
    /// client
    ///     .alerts()
    ///     .sign_joint_notice(SignJointNoticeRequest {
    ///         name: "alerts/01980000-0000-7000-8000-000000000000".into(),
    ///         joint_notice: 1,
    ///         ..SignJointNoticeRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn sign_joint_notice(
        &self,
        mut request: SignJointNoticeRequest,
    ) -> Result<Recorded<SignJointNoticeResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("SignJointNotice"), &request).await
    }

    /// Issues a joint notice that at least two units have signed (FS-021).
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::funds::IssueJointNoticeRequest;
    ///
    /// client
    ///     .alerts()
    ///     .issue_joint_notice(IssueJointNoticeRequest {
    ///         name: "alerts/01980000-0000-7000-8000-000000000000".into(),
    ///         joint_notice: 1,
    ///         ..IssueJointNoticeRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn issue_joint_notice(
        &self,
        mut request: IssueJointNoticeRequest,
    ) -> Result<Recorded<IssueJointNoticeResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client
            .mutate(path!("IssueJointNotice"), &request)
            .await
    }

    /// Records what the own unit found that has said it checks.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::funds::{Finding, FindingKind, RecordFindingRequest};
    ///
    /// client
    ///     .alerts()
    ///     .record_finding(RecordFindingRequest {
    ///         name: "alerts/01980000-0000-7000-8000-000000000000".into(),
    ///         finding: Some(Finding {
    ///             kind: FindingKind::Unsubstantiated.into(),
    ///             reason: "The receipts are in order.".into(),
    ///             ..Finding::default()
    ///         }),
    ///         ..RecordFindingRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn record_finding(
        &self,
        mut request: RecordFindingRequest,
    ) -> Result<Recorded<RecordFindingResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("RecordFinding"), &request).await
    }

    /// Takes a measure on an alert; it links back to it (FS-021).
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::{
    ///     common::Date,
    ///     funds::{Measure, TakeMeasureRequest},
    /// };
    ///
    /// client
    ///     .alerts()
    ///     .take_measure(TakeMeasureRequest {
    ///         name: "alerts/01980000-0000-7000-8000-000000000000".into(),
    ///         measure: Some(Measure {
    ///             text: "Audit of the programme".into(),
    ///             due_on: Some(Date { year: 2027, month: 3, day: 31 }),
    ///             ..Measure::default()
    ///         }),
    ///         ..TakeMeasureRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn take_measure(
        &self,
        mut request: TakeMeasureRequest,
    ) -> Result<Recorded<TakeMeasureResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("TakeMeasure"), &request).await
    }

    /// Reports a measure done, by the unit that took it.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::funds::ReportMeasureRequest;
    ///
    /// client
    ///     .alerts()
    ///     .report_measure(ReportMeasureRequest {
    ///         name: "alerts/01980000-0000-7000-8000-000000000000".into(),
    ///         measure: 1,
    ///         text: "The audit found nothing.".into(),
    ///         ..ReportMeasureRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn report_measure(
        &self,
        mut request: ReportMeasureRequest,
    ) -> Result<Recorded<ReportMeasureResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("ReportMeasure"), &request).await
    }

    /// Upholds or lifts a measure after the alert was corrected or retracted, by the unit that took it.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::funds::ReviewMeasureRequest;
    ///
    /// client
    ///     .alerts()
    ///     .review_measure(ReviewMeasureRequest {
    ///         name: "alerts/01980000-0000-7000-8000-000000000000".into(),
    ///         measure: 1,
    ///         lifts: true,
    ///         reason: "The alert was taken back.".into(),
    ///         ..ReviewMeasureRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn review_measure(
        &self,
        mut request: ReviewMeasureRequest,
    ) -> Result<Recorded<ReviewMeasureResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("ReviewMeasure"), &request).await
    }

    /// Closes an alert with a reason and a named reviewer, by the office.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::funds::{CloseAlertRequest, Closing};
    ///
    /// client
    ///     .alerts()
    ///     .close(CloseAlertRequest {
    ///         name: "alerts/01980000-0000-7000-8000-000000000000".into(),
    ///         closing: Some(Closing {
    ///             reason: "Every unit has reported.".into(),
    ///             reviewer_agency: "agencies/civil-affairs".into(),
    ///             reviewer: "leader-1".into(),
    ///             ..Closing::default()
    ///         }),
    ///         ..CloseAlertRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn close(
        &self,
        mut request: CloseAlertRequest,
    ) -> Result<Recorded<CloseAlertResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("CloseAlert"), &request).await
    }

    /// Takes an alert back, by its raising agency, also after it was closed. Every unit that was told must
    /// acknowledge that, and review the measures that it took.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::funds::RetractAlertRequest;
    ///
    /// client
    ///     .alerts()
    ///     .retract(RetractAlertRequest {
    ///         name: "alerts/01980000-0000-7000-8000-000000000000".into(),
    ///         reason: "It is about another organisation.".into(),
    ///         ..RetractAlertRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn retract(
        &self,
        mut request: RetractAlertRequest,
    ) -> Result<Recorded<RetractAlertResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("RetractAlert"), &request).await
    }

    /// Puts a corrected alert in the place of one, by its raising agency: `revision` is the one that is
    /// corrected. Every unit that was told must acknowledge again, measures await review, and a closed
    /// alert is open again. To whom the draft would go is left out; its request id stays the same over
    /// every retry.
    ///
    /// ```no_run
    /// use agency_client::{Client, funds::AlertDraft};
    ///
    /// # async fn example(client: Client) -> agency_client::Result<()> {
    /// let name = "alerts/01980000-0000-7000-8000-000000000000";
    /// let wrong = client.alerts().get(name).await?;
    /// let draft = AlertDraft::like(&wrong).amount("10m_100m", "CNY");
    /// client.alerts().correct(name, wrong.revision, draft, "The band was wrong").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn correct(
        &self,
        name: &str,
        revision: i32,
        draft: AlertDraft,
        reason: &str,
    ) -> Result<Recorded<CorrectAlertResponse>> {
        let (alert, request_id) = draft.into_parts();
        let request = CorrectAlertRequest {
            name: name.to_owned(),
            revision,
            alert: Some(Alert {
                circulated_to: vec![],
                ..alert
            }),
            reason: reason.to_owned(),
            request_id: checked_request_id(request_id)?,
        };
        self.client.mutate(path!("CorrectAlert"), &request).await
    }

    /// One alert as it stands. The hub records the read before it answers.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// let alert = client.alerts().get("alerts/01980000-0000-7000-8000-000000000000").await?;
    /// for unit in alert.units.iter().filter(|unit| unit.acknowledged_at.is_none()) {
    ///     println!("{} has not acknowledged revision {}", unit.unit, alert.revision);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn get(&self, name: &str) -> Result<Alert> {
        self.revision(name, 0).await
    }

    /// As [`Self::get`], with the text of an earlier revision, from 1; 0 for the one in force.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// let name = "alerts/01980000-0000-7000-8000-000000000000";
    /// println!("{}", client.alerts().revision(name, 1).await?.grounds);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn revision(&self, name: &str, revision: i32) -> Result<Alert> {
        let request = GetAlertRequest {
            name: name.to_owned(),
            revision,
        };
        let answer: GetAlertResponse = self.client.read(path!("GetAlert"), &request).await?;
        answer
            .alert
            .ok_or_else(|| ClientError::Protocol(format!("{}: an empty answer", path!("GetAlert"))))
    }

    /// A page of alerts that the caller may see, newest first: of all, or of a state, a kind, an
    /// organisation, or those that a unit has not acknowledged. The hub records the read before it
    /// answers.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::funds::ListAlertsRequest;
    ///
    /// let request = ListAlertsRequest {
    ///     unacknowledged_by: "agencies/tax".into(),
    ///     ..ListAlertsRequest::default()
    /// };
    /// for alert in client.alerts().list(&request).await?.alerts {
    ///     println!("{}", alert.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn list(&self, request: &ListAlertsRequest) -> Result<ListAlertsResponse> {
        self.client.read(path!("ListAlerts"), request).await
    }
}
