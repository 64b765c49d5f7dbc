//! Minutes, consent and agreed items; one method an RPC.

use hub_proto::meetings::{
    self, AgreedItem, CirculateMinutesRequest, CirculateMinutesResponse, CloseAgreedItemRequest,
    CloseAgreedItemResponse, ConsentToMinutesRequest, ConsentToMinutesResponse,
    CorrectMinutesRequest, CorrectMinutesResponse, DecideExtensionRequest, DecideExtensionResponse,
    DraftMinutesRequest, DraftMinutesResponse, GetAgreedItemRequest, GetAgreedItemResponse,
    GetMeetingStatisticsRequest, GetMeetingStatisticsResponse, GetMinutesRequest,
    GetMinutesResponse, GetMinutesVersionRequest, GetMinutesVersionResponse, IssueMinutesRequest,
    IssueMinutesResponse, ListAgreedItemsRequest, ListAgreedItemsResponse,
    ListMinutesVersionsRequest, ListMinutesVersionsResponse, ListProgressReportsRequest,
    ListProgressReportsResponse, MinutesVersion, ObjectToMinutesRequest, ObjectToMinutesResponse,
    ProgressReport, ReportProgressRequest, ReportProgressResponse, RequestExtensionRequest,
    RequestExtensionResponse, WithdrawObjectionRequest, WithdrawObjectionResponse,
};

use super::{empty, minted};
use crate::{author::Recorded, client::Client, error::Result};

macro_rules! path {
    ($method:literal) => {
        concat!("/hub.meetings.v1.MinutesService/", $method)
    };
}

/// The minutes service. Made by [`Client::minutes`].
///
/// ```no_run
/// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
/// let name = "meetings/01980000-0000-7000-8000-000000000000/minutes/1";
/// println!("{:?}", client.minutes().get(name).await?.consents);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Minutes {
    client: Client,
}

impl Minutes {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    /// Drafts the next version, by the office. In a consent round it ends the round (JE-074).
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::meetings::{DraftMinutesRequest, MinutesContent};
    ///
    /// let content = MinutesContent::default(); // title, topics, agreed items
    /// client
    ///     .minutes()
    ///     .draft(DraftMinutesRequest {
    ///         parent: "meetings/01980000-0000-7000-8000-000000000000/minutes/1".into(),
    ///         content: Some(content),
    ///         base_version: 0,
    ///         ..DraftMinutesRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn draft(
        &self,
        mut request: DraftMinutesRequest,
    ) -> Result<Recorded<DraftMinutesResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("DraftMinutes"), &request).await
    }

    /// Puts the newest version before the attending units, by the office.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::meetings::CirculateMinutesRequest;
    ///
    /// client
    ///     .minutes()
    ///     .circulate(CirculateMinutesRequest {
    ///         name: "meetings/01980000-0000-7000-8000-000000000000/minutes/1".into(),
    ///         version: 1,
    ///         ..CirculateMinutesRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn circulate(
        &self,
        mut request: CirculateMinutesRequest,
    ) -> Result<Recorded<CirculateMinutesResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client
            .mutate(path!("CirculateMinutes"), &request)
            .await
    }

    /// Consents to exactly one version in the unit's name, by an officer whose role may bind it.
    /// [`super::content_sha256`] of what was read keeps the consent from covering anything else.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::{meetings::content_sha256, proto::meetings::ConsentToMinutesRequest};
    ///
    /// let minutes = client.minutes();
    /// let name = "meetings/01980000-0000-7000-8000-000000000000/minutes/1";
    /// let circulated = minutes.get(name).await?.circulated_version;
    /// let version = minutes.version(&format!("{name}/versions/{circulated}")).await?;
    /// let content = version.content.unwrap_or_default();
    /// // Read it, and then:
    /// minutes
    ///     .consent(ConsentToMinutesRequest {
    ///         name: name.into(),
    ///         version: circulated,
    ///         content_sha256: content_sha256(&content),
    ///         ..ConsentToMinutesRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn consent(
        &self,
        mut request: ConsentToMinutesRequest,
    ) -> Result<Recorded<ConsentToMinutesResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client
            .mutate(path!("ConsentToMinutes"), &request)
            .await
    }

    /// Objects to exactly one version; takes back a consent that was given to it.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::meetings::ObjectToMinutesRequest;
    ///
    /// client
    ///     .minutes()
    ///     .object(ObjectToMinutesRequest {
    ///         name: "meetings/01980000-0000-7000-8000-000000000000/minutes/1".into(),
    ///         version: 1,
    ///         reason: "Item 2 names the wrong unit".into(),
    ///         ..ObjectToMinutesRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn object(
        &self,
        mut request: ObjectToMinutesRequest,
    ) -> Result<Recorded<ObjectToMinutesResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("ObjectToMinutes"), &request).await
    }

    /// Withdraws the unit's objection; it is asked again.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::meetings::WithdrawObjectionRequest;
    ///
    /// client
    ///     .minutes()
    ///     .withdraw_objection(WithdrawObjectionRequest {
    ///         name: "meetings/01980000-0000-7000-8000-000000000000/minutes/1".into(),
    ///         version: 1,
    ///         ..WithdrawObjectionRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn withdraw_objection(
        &self,
        mut request: WithdrawObjectionRequest,
    ) -> Result<Recorded<WithdrawObjectionResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client
            .mutate(path!("WithdrawObjection"), &request)
            .await
    }

    /// Issues minutes to which every attending unit has agreed, under the next number of the year's series.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::meetings::IssueMinutesRequest;
    ///
    /// client
    ///     .minutes()
    ///     .issue(IssueMinutesRequest {
    ///         name: "meetings/01980000-0000-7000-8000-000000000000/minutes/1".into(),
    ///         version: 2,
    ///         ..IssueMinutesRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn issue(
        &self,
        mut request: IssueMinutesRequest,
    ) -> Result<Recorded<IssueMinutesResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("IssueMinutes"), &request).await
    }

    /// Begins a correction of issued minutes: a new document that cites them and goes the same way.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::meetings::CorrectMinutesRequest;
    ///
    /// client
    ///     .minutes()
    ///     .correct(CorrectMinutesRequest {
    ///         name: "meetings/01980000-0000-7000-8000-000000000000/minutes/1".into(),
    ///         reason: "The due day of item 1 was wrong".into(),
    ///         ..CorrectMinutesRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn correct(
        &self,
        mut request: CorrectMinutesRequest,
    ) -> Result<Recorded<CorrectMinutesResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("CorrectMinutes"), &request).await
    }

    /// Minutes, and who has agreed.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// let name = "meetings/01980000-0000-7000-8000-000000000000/minutes/1";
    /// let minutes = client.minutes().get(name).await?;
    /// println!("{}", minutes.document_number);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn get(&self, name: &str) -> Result<meetings::Minutes> {
        let request = GetMinutesRequest {
            name: name.to_owned(),
        };
        let answer: GetMinutesResponse = self.client.read(path!("GetMinutes"), &request).await?;
        answer.minutes.ok_or_else(|| empty(path!("GetMinutes")))
    }

    /// One version with its content.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// let name = "meetings/01980000-0000-7000-8000-000000000000/minutes/1/versions/1";
    /// let version = client.minutes().version(name).await?;
    /// println!("{}", version.content_sha256);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn version(&self, name: &str) -> Result<MinutesVersion> {
        let request = GetMinutesVersionRequest {
            name: name.to_owned(),
        };
        let answer: GetMinutesVersionResponse = self
            .client
            .read(path!("GetMinutesVersion"), &request)
            .await?;
        answer
            .version
            .ok_or_else(|| empty(path!("GetMinutesVersion")))
    }

    /// Versions that the caller may see, newest first, without content.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// let parent = "meetings/01980000-0000-7000-8000-000000000000/minutes/1";
    /// for version in client.minutes().versions(parent).await? {
    ///     println!("{}", version.change_note);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn versions(&self, parent: &str) -> Result<Vec<MinutesVersion>> {
        let request = ListMinutesVersionsRequest {
            parent: parent.to_owned(),
        };
        let answer: ListMinutesVersionsResponse = self
            .client
            .read(path!("ListMinutesVersions"), &request)
            .await?;
        Ok(answer.versions)
    }

    /// Reports on the unit's part of an agreed item (JE-080).
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::meetings::{ProgressReport, ReportProgressRequest, TaskState};
    ///
    /// client
    ///     .minutes()
    ///     .report_progress(ReportProgressRequest {
    ///         name: "meetings/01980000-0000-7000-8000-000000000000/agreedItems/1".into(),
    ///         report: Some(ProgressReport {
    ///             state: TaskState::Done.into(),
    ///             text: "All 20 organisations were visited.".into(),
    ///             ..ProgressReport::default()
    ///         }),
    ///         ..ReportProgressRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn report_progress(
        &self,
        mut request: ReportProgressRequest,
    ) -> Result<Recorded<ReportProgressResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("ReportProgress"), &request).await
    }

    /// Asks the office for a later day for the unit's part.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::{common::Date, meetings::RequestExtensionRequest};
    ///
    /// client
    ///     .minutes()
    ///     .request_extension(RequestExtensionRequest {
    ///         name: "meetings/01980000-0000-7000-8000-000000000000/agreedItems/1".into(),
    ///         due_on: Some(Date { year: 2027, month: 3, day: 31 }),
    ///         reason: "Two organisations could not be reached".into(),
    ///         ..RequestExtensionRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn request_extension(
        &self,
        mut request: RequestExtensionRequest,
    ) -> Result<Recorded<RequestExtensionResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client
            .mutate(path!("RequestExtension"), &request)
            .await
    }

    /// Grants or refuses an extension, by the office.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::{common::Date, meetings::DecideExtensionRequest};
    ///
    /// client
    ///     .minutes()
    ///     .decide_extension(DecideExtensionRequest {
    ///         name: "meetings/01980000-0000-7000-8000-000000000000/agreedItems/1".into(),
    ///         unit: "agencies/tax".into(),
    ///         is_granted: true,
    ///         due_on: Some(Date { year: 2027, month: 3, day: 31 }),
    ///         ..DecideExtensionRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn decide_extension(
        &self,
        mut request: DecideExtensionRequest,
    ) -> Result<Recorded<DecideExtensionResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("DecideExtension"), &request).await
    }

    /// Closes an agreed item, by the office.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::meetings::CloseAgreedItemRequest;
    ///
    /// client
    ///     .minutes()
    ///     .close_agreed_item(CloseAgreedItemRequest {
    ///         name: "meetings/01980000-0000-7000-8000-000000000000/agreedItems/1".into(),
    ///         ..CloseAgreedItemRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn close_agreed_item(
        &self,
        mut request: CloseAgreedItemRequest,
    ) -> Result<Recorded<CloseAgreedItemResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("CloseAgreedItem"), &request).await
    }

    /// One agreed item.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// let name = "meetings/01980000-0000-7000-8000-000000000000/agreedItems/1";
    /// let item = client.minutes().agreed_item(name).await?;
    /// println!("{}", item.text);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn agreed_item(&self, name: &str) -> Result<AgreedItem> {
        let request = GetAgreedItemRequest {
            name: name.to_owned(),
        };
        let answer: GetAgreedItemResponse =
            self.client.read(path!("GetAgreedItem"), &request).await?;
        answer
            .agreed_item
            .ok_or_else(|| empty(path!("GetAgreedItem")))
    }

    /// Every report of one unit on an agreed item, newest first.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// let item = "meetings/01980000-0000-7000-8000-000000000000/agreedItems/1";
    /// for report in client.minutes().progress_reports(item, "agencies/tax").await? {
    ///     println!("{}", report.text);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn progress_reports(&self, item: &str, unit: &str) -> Result<Vec<ProgressReport>> {
        let request = ListProgressReportsRequest {
            parent: item.to_owned(),
            unit: unit.to_owned(),
        };
        let answer: ListProgressReportsResponse = self
            .client
            .read(path!("ListProgressReports"), &request)
            .await?;
        Ok(answer.reports)
    }

    /// A page of the agreed items that the caller may see, the earliest due first.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::meetings::ListAgreedItemsRequest;
    ///
    /// let request = ListAgreedItemsRequest {
    ///     parent: "meetings/-".into(),
    ///     overdue_only: true,
    ///     ..ListAgreedItemsRequest::default()
    /// };
    /// for item in client.minutes().agreed_items(&request).await?.agreed_items {
    ///     println!("{} {}", item.name, item.text);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn agreed_items(
        &self,
        request: &ListAgreedItemsRequest,
    ) -> Result<ListAgreedItemsResponse> {
        self.client.read(path!("ListAgreedItems"), request).await
    }

    /// Attendance and completion per unit in a period (JE-080): every unit for an office, its own row for
    /// a unit.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::{common::Date, meetings::GetMeetingStatisticsRequest};
    ///
    /// let request = GetMeetingStatisticsRequest {
    ///     name: "mechanisms/joint-enforcement".into(),
    ///     from_on: Some(Date { year: 2026, month: 1, day: 1 }),
    ///     until_on: Some(Date { year: 2027, month: 1, day: 1 }),
    ///     all_members_only: false,
    /// };
    /// for unit in client.minutes().statistics(&request).await?.units {
    ///     println!("{}: {} of {}", unit.unit, unit.present_count, unit.meetings_count);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn statistics(
        &self,
        request: &GetMeetingStatisticsRequest,
    ) -> Result<GetMeetingStatisticsResponse> {
        self.client
            .read(path!("GetMeetingStatistics"), request)
            .await
    }
}
