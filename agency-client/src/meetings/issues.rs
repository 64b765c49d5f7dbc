//! Major issues and their escalation to the leading group; one method an RPC.

use hub_proto::meetings::{
    CoSignEscalationRequest, CoSignEscalationResponse, DisposeMajorIssueRequest,
    DisposeMajorIssueResponse, DraftEscalationRequest, DraftEscalationResponse, Escalation,
    FlagMajorIssueRequest, FlagMajorIssueResponse, GetEscalationRequest, GetEscalationResponse,
    GetMajorIssueRequest, GetMajorIssueResponse, ListEscalationsRequest, ListEscalationsResponse,
    ListMajorIssuesRequest, ListMajorIssuesResponse, MajorIssue, ReplyToEscalationRequest,
    ReplyToEscalationResponse, SendEscalationRequest, SendEscalationResponse,
    WithdrawEscalationRequest, WithdrawEscalationResponse,
};

use super::{empty, minted};
use crate::{author::Recorded, client::Client, error::Result};

macro_rules! path {
    ($method:literal) => {
        concat!("/hub.meetings.v1.MajorIssueService/", $method)
    };
}

/// The service of major issues. Made by [`Client::major_issues`].
///
/// ```no_run
/// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
/// let name = "majorIssues/01980000-0000-7000-8000-000000000000";
/// println!("{}", client.major_issues().get(name).await?.title);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct MajorIssues {
    client: Client,
}

impl MajorIssues {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    /// Flags a major issue to an office (JE-023).
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::meetings::{FlagMajorIssueRequest, MajorIssue};
    ///
    /// client
    ///     .major_issues()
    ///     .flag(FlagMajorIssueRequest {
    ///         major_issue: Some(MajorIssue {
    ///             mechanism: "mechanisms/joint-enforcement".into(),
    ///             title: "One organisation under three names".into(),
    ///             text: "Found in two districts.".into(),
    ///             reason: "Several departments are concerned".into(),
    ///             ..MajorIssue::default()
    ///         }),
    ///         ..FlagMajorIssueRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn flag(
        &self,
        mut request: FlagMajorIssueRequest,
    ) -> Result<Recorded<FlagMajorIssueResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("FlagMajorIssue"), &request).await
    }

    /// Gives a major issue its disposition, by the office.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::meetings::{
    ///     Disposition, DispositionKind, DisposeMajorIssueRequest,
    /// };
    ///
    /// client
    ///     .major_issues()
    ///     .dispose(DisposeMajorIssueRequest {
    ///         name: "majorIssues/01980000-0000-7000-8000-000000000000".into(),
    ///         disposition: Some(Disposition {
    ///             kind: DispositionKind::Agenda.into(),
    ///             meeting: "meetings/01980000-0000-7000-8000-000000000001".into(),
    ///             ..Disposition::default()
    ///         }),
    ///         ..DisposeMajorIssueRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn dispose(
        &self,
        mut request: DisposeMajorIssueRequest,
    ) -> Result<Recorded<DisposeMajorIssueResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client
            .mutate(path!("DisposeMajorIssue"), &request)
            .await
    }

    /// One major issue.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// let name = "majorIssues/01980000-0000-7000-8000-000000000000";
    /// let issue = client.major_issues().get(name).await?;
    /// println!("{}", issue.title);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn get(&self, name: &str) -> Result<MajorIssue> {
        let request = GetMajorIssueRequest {
            name: name.to_owned(),
        };
        let answer: GetMajorIssueResponse =
            self.client.read(path!("GetMajorIssue"), &request).await?;
        answer
            .major_issue
            .ok_or_else(|| empty(path!("GetMajorIssue")))
    }

    /// A page of major issues that the caller may see, oldest first: the office's queue, or a member's own.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::meetings::{ListMajorIssuesRequest, MajorIssueState};
    ///
    /// let request = ListMajorIssuesRequest {
    ///     state: MajorIssueState::Flagged.into(),
    ///     ..ListMajorIssuesRequest::default()
    /// };
    /// for issue in client.major_issues().list(&request).await?.major_issues {
    ///     println!("{} {}", issue.name, issue.title);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn list(&self, request: &ListMajorIssuesRequest) -> Result<ListMajorIssuesResponse> {
        self.client.read(path!("ListMajorIssues"), request).await
    }

    /// Drafts an escalation, by the lead unit: of an issue that a held meeting discussed, with at least one
    /// member concerned (JE-075).
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::meetings::{DraftEscalationRequest, Escalation};
    ///
    /// client
    ///     .major_issues()
    ///     .draft_escalation(DraftEscalationRequest {
    ///         escalation: Some(Escalation {
    ///             major_issue: "majorIssues/01980000-0000-7000-8000-000000000000".into(),
    ///             meeting: "meetings/01980000-0000-7000-8000-000000000001".into(),
    ///             co_units: vec!["agencies/public-security".into()],
    ///             title: "Report on one organisation under three names".into(),
    ///             text: "The members ask for a decision.".into(),
    ///             ..Escalation::default()
    ///         }),
    ///         ..DraftEscalationRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn draft_escalation(
        &self,
        mut request: DraftEscalationRequest,
    ) -> Result<Recorded<DraftEscalationResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("DraftEscalation"), &request).await
    }

    /// Signs a draft in the name of a co-reporting member, or declines to.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::meetings::CoSignEscalationRequest;
    ///
    /// client
    ///     .major_issues()
    ///     .co_sign_escalation(CoSignEscalationRequest {
    ///         name: "escalations/01980000-0000-7000-8000-000000000000".into(),
    ///         ..CoSignEscalationRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn co_sign_escalation(
        &self,
        mut request: CoSignEscalationRequest,
    ) -> Result<Recorded<CoSignEscalationResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client
            .mutate(path!("CoSignEscalation"), &request)
            .await
    }

    /// Sends a draft that at least one member has co-signed, by the lead.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::meetings::SendEscalationRequest;
    ///
    /// client
    ///     .major_issues()
    ///     .send_escalation(SendEscalationRequest {
    ///         name: "escalations/01980000-0000-7000-8000-000000000000".into(),
    ///         ..SendEscalationRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn send_escalation(
        &self,
        mut request: SendEscalationRequest,
    ) -> Result<Recorded<SendEscalationResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("SendEscalation"), &request).await
    }

    /// Takes a draft back before it is sent, by the lead.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::meetings::WithdrawEscalationRequest;
    ///
    /// client
    ///     .major_issues()
    ///     .withdraw_escalation(WithdrawEscalationRequest {
    ///         name: "escalations/01980000-0000-7000-8000-000000000000".into(),
    ///         ..WithdrawEscalationRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn withdraw_escalation(
        &self,
        mut request: WithdrawEscalationRequest,
    ) -> Result<Recorded<WithdrawEscalationResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client
            .mutate(path!("WithdrawEscalation"), &request)
            .await
    }

    /// Records the leading group's reply, by its office.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::meetings::{EscalationReply, ReplyToEscalationRequest};
    ///
    /// client
    ///     .major_issues()
    ///     .reply_to_escalation(ReplyToEscalationRequest {
    ///         name: "escalations/01980000-0000-7000-8000-000000000000".into(),
    ///         reply: Some(EscalationReply {
    ///             text: "Handle it as proposed.".into(),
    ///             ..EscalationReply::default()
    ///         }),
    ///         ..ReplyToEscalationRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn reply_to_escalation(
        &self,
        mut request: ReplyToEscalationRequest,
    ) -> Result<Recorded<ReplyToEscalationResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client
            .mutate(path!("ReplyToEscalation"), &request)
            .await
    }

    /// One escalation.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// let name = "escalations/01980000-0000-7000-8000-000000000000";
    /// let escalation = client.major_issues().escalation(name).await?;
    /// println!("{}", escalation.title);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn escalation(&self, name: &str) -> Result<Escalation> {
        let request = GetEscalationRequest {
            name: name.to_owned(),
        };
        let answer: GetEscalationResponse =
            self.client.read(path!("GetEscalation"), &request).await?;
        answer
            .escalation
            .ok_or_else(|| empty(path!("GetEscalation")))
    }

    /// A page of escalations that the caller may see, newest first.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::meetings::ListEscalationsRequest;
    ///
    /// let request = ListEscalationsRequest::default();
    /// for escalation in client.major_issues().escalations(&request).await?.escalations {
    ///     println!("{} {}", escalation.name, escalation.title);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn escalations(
        &self,
        request: &ListEscalationsRequest,
    ) -> Result<ListEscalationsResponse> {
        self.client.read(path!("ListEscalations"), request).await
    }
}
