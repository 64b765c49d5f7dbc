//! The service of information requests; one method an RPC.

use hub_proto::requests::{
    AnswerCorrectionRequest, AnswerCorrectionResponse, ApproveInformationRequestRequest,
    ApproveInformationRequestResponse, AskForMissingRequest, AskForMissingResponse,
    CloseCaseRequest, CloseCaseResponse, CompleteInformationRequestRequest,
    CompleteInformationRequestResponse, ConfirmDisposalRequest, ConfirmDisposalResponse,
    ConsentToInformationRequestRequest, ConsentToInformationRequestResponse,
    DeliverInformationRequest, DeliverInformationResponse, DraftInformationRequestRequest,
    DraftInformationRequestResponse, ExtendAnswerTimeRequest, ExtendAnswerTimeResponse,
    GetInformationRequestRequest, GetInformationRequestResponse, InformationRequest,
    ListInformationRequestsRequest, ListInformationRequestsResponse, RecordUseRequest,
    RecordUseResponse, RefuseInformationRequestRequest, RefuseInformationRequestResponse,
    RequestCorrectionRequest, RequestCorrectionResponse, ResumeUseRequest, ResumeUseResponse,
    SuspendUseRequest, SuspendUseResponse, WithdrawInformationRequestRequest,
    WithdrawInformationRequestResponse,
};

use super::RequestDraft;
use crate::{
    author::Recorded,
    client::{Client, checked_request_id, request_id},
    error::{ClientError, Result},
};

macro_rules! path {
    ($method:literal) => {
        concat!("/hub.requests.v1.RequestService/", $method)
    };
}

/// The service of information requests. Made by [`Client::requests`].
///
/// ```no_run
/// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
/// let page = client.requests().list(&Default::default()).await?;
/// println!("{} requests", page.information_requests.len());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Requests {
    client: Client,
}

impl Requests {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    /// Drafts a request, by the requester; its approver is asked. It goes to nobody else before it is approved.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::{proto::requests::SharingAttribute, requests::RequestDraft};
    /// use jiff::civil::date;
    ///
    /// let draft = RequestDraft::data("tax", SharingAttribute::Conditional)
    ///     .purpose("To check the annual report of one association")
    ///     .scope("Its tax registration and the returns of 2025")
    ///     .use_scene("Spot check of 2026")
    ///     .legal_basis("data-sharing", "")
    ///     .case_reference("晋民查〔2026〕3号")
    ///     .valid_until(date(2026, 12, 31))
    ///     .approver("leader-1");
    /// println!("{:?}", client.requests().draft(draft).await?.information_request);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn draft(
        &self,
        draft: RequestDraft,
    ) -> Result<Recorded<DraftInformationRequestResponse>> {
        let request: DraftInformationRequestRequest = draft.into_request()?;
        self.client
            .mutate(path!("DraftInformationRequest"), &request)
            .await
    }

    /// Approves a draft, or rejects it, by the named approver and never by its author (art. 20). With the approval
    /// it is submitted, and the time to answer starts.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::requests::ApproveInformationRequestRequest;
    ///
    /// client
    ///     .requests()
    ///     .approve(ApproveInformationRequestRequest {
    ///         name: "informationRequests/01980000-0000-7000-8000-000000000000".into(),
    ///         is_approved: true,
    ///         ..ApproveInformationRequestRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn approve(
        &self,
        mut request: ApproveInformationRequestRequest,
    ) -> Result<Recorded<ApproveInformationRequestResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client
            .mutate(path!("ApproveInformationRequest"), &request)
            .await
    }

    /// Takes a request back, by the requester, until it was answered.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::requests::WithdrawInformationRequestRequest;
    ///
    /// client
    ///     .requests()
    ///     .withdraw(WithdrawInformationRequestRequest {
    ///         name: "informationRequests/01980000-0000-7000-8000-000000000000".into(),
    ///         reason: "The case was closed.".into(),
    ///         ..WithdrawInformationRequestRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn withdraw(
        &self,
        mut request: WithdrawInformationRequestRequest,
    ) -> Result<Recorded<WithdrawInformationRequestResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client
            .mutate(path!("WithdrawInformationRequest"), &request)
            .await
    }

    /// Asks for everything that is missing, by the provider: once, for a second time is refused (art. 21).
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::requests::AskForMissingRequest;
    ///
    /// client
    ///     .requests()
    ///     .ask_for_missing(AskForMissingRequest {
    ///         name: "informationRequests/01980000-0000-7000-8000-000000000000".into(),
    ///         missing: "The year of the accounts; the form in which they are needed.".into(),
    ///         ..AskForMissingRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn ask_for_missing(
        &self,
        mut request: AskForMissingRequest,
    ) -> Result<Recorded<AskForMissingResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("AskForMissing"), &request).await
    }

    /// Gives what was missing, by the requester. The time to answer starts anew.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::requests::CompleteInformationRequestRequest;
    ///
    /// client
    ///     .requests()
    ///     .complete(CompleteInformationRequestRequest {
    ///         name: "informationRequests/01980000-0000-7000-8000-000000000000".into(),
    ///         addition: "The accounts of 2025, as tables.".into(),
    ///         ..CompleteInformationRequestRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn complete(
        &self,
        mut request: CompleteInformationRequestRequest,
    ) -> Result<Recorded<CompleteInformationRequestResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client
            .mutate(path!("CompleteInformationRequest"), &request)
            .await
    }

    /// Extends the time to answer a conditional request, by the provider: once, by at most 10 working days, with the
    /// consent of the sharing authority (art. 21).
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::requests::ExtendAnswerTimeRequest;
    ///
    /// client
    ///     .requests()
    ///     .extend(ExtendAnswerTimeRequest {
    ///         name: "informationRequests/01980000-0000-7000-8000-000000000000".into(),
    ///         working_days: 10,
    ///         reason: "The archive is being moved.".into(),
    ///         consent_reference: "函〔2026〕12号".into(),
    ///         ..ExtendAnswerTimeRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn extend(
        &self,
        mut request: ExtendAnswerTimeRequest,
    ) -> Result<Recorded<ExtendAnswerTimeResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client
            .mutate(path!("ExtendAnswerTime"), &request)
            .await
    }

    /// Consents, by the provider, and delivers in the same act if `delivery` is set. Without it the data is due within
    /// 20 working days (art. 22).
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::requests::ConsentToInformationRequestRequest;
    ///
    /// client
    ///     .requests()
    ///     .consent(ConsentToInformationRequestRequest {
    ///         name: "informationRequests/01980000-0000-7000-8000-000000000000".into(),
    ///         text: "For this case only.".into(),
    ///         ..ConsentToInformationRequestRequest::default()
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
        mut request: ConsentToInformationRequestRequest,
    ) -> Result<Recorded<ConsentToInformationRequestResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client
            .mutate(path!("ConsentToInformationRequest"), &request)
            .await
    }

    /// Delivers the data of a request that was consented to, by the provider.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::requests::{DeliverInformationRequest, DeliveredData};
    ///
    /// client
    ///     .requests()
    ///     .deliver(DeliverInformationRequest {
    ///         name: "informationRequests/01980000-0000-7000-8000-000000000000".into(),
    ///         delivery: Some(DeliveredData {
    ///             text: "Three reports, attached.".into(),
    ///             ..DeliveredData::default()
    ///         }),
    ///         ..DeliverInformationRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn deliver(
        &self,
        mut request: DeliverInformationRequest,
    ) -> Result<Recorded<DeliverInformationResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client
            .mutate(path!("DeliverInformation"), &request)
            .await
    }

    /// Refuses a request, by the provider, which must say why (art. 21).
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::requests::RefuseInformationRequestRequest;
    ///
    /// client
    ///     .requests()
    ///     .refuse(RefuseInformationRequestRequest {
    ///         name: "informationRequests/01980000-0000-7000-8000-000000000000".into(),
    ///         reasons: "The data is not held here.".into(),
    ///         ..RefuseInformationRequestRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn refuse(
        &self,
        mut request: RefuseInformationRequestRequest,
    ) -> Result<Recorded<RefuseInformationRequestResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client
            .mutate(path!("RefuseInformationRequest"), &request)
            .await
    }

    /// Records a use, by the requester (art. 25, 29).
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::requests::{RecordUseRequest, UseRecord};
    ///
    /// client
    ///     .requests()
    ///     .record_use(RecordUseRequest {
    ///         name: "informationRequests/01980000-0000-7000-8000-000000000000".into(),
    ///         r#use: Some(UseRecord {
    ///             scene: "Spot check of 2026".into(),
    ///             process: "Compared with the annual report.".into(),
    ///             effect: "Two differences found.".into(),
    ///             purpose_fit: "The check that it was asked for.".into(),
    ///             ..UseRecord::default()
    ///         }),
    ///         ..RecordUseRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn record_use(
        &self,
        mut request: RecordUseRequest,
    ) -> Result<Recorded<RecordUseResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("RecordUse"), &request).await
    }

    /// Reports an error in the data, by the requester; it is answered within 10 working days (art. 26).
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::requests::RequestCorrectionRequest;
    ///
    /// client
    ///     .requests()
    ///     .request_correction(RequestCorrectionRequest {
    ///         name: "informationRequests/01980000-0000-7000-8000-000000000000".into(),
    ///         text: "The sum of the second table is not that of its rows.".into(),
    ///         ..RequestCorrectionRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn request_correction(
        &self,
        mut request: RequestCorrectionRequest,
    ) -> Result<Recorded<RequestCorrectionResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client
            .mutate(path!("RequestCorrection"), &request)
            .await
    }

    /// Answers a correction request with corrected data or with reasons, by the provider (art. 26).
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::requests::AnswerCorrectionRequest;
    ///
    /// client
    ///     .requests()
    ///     .answer_correction(AnswerCorrectionRequest {
    ///         name: "informationRequests/01980000-0000-7000-8000-000000000000".into(),
    ///         correction: 1,
    ///         is_corrected: true,
    ///         answer: "A row was missing; see the new table.".into(),
    ///         ..AnswerCorrectionRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn answer_correction(
        &self,
        mut request: AnswerCorrectionRequest,
    ) -> Result<Recorded<AnswerCorrectionResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client
            .mutate(path!("AnswerCorrection"), &request)
            .await
    }

    /// Suspends the use, by the provider, which must say why (art. 27).
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::requests::SuspendUseRequest;
    ///
    /// client
    ///     .requests()
    ///     .suspend_use(SuspendUseRequest {
    ///         name: "informationRequests/01980000-0000-7000-8000-000000000000".into(),
    ///         reason: "It was given to a third party.".into(),
    ///         ..SuspendUseRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn suspend_use(
        &self,
        mut request: SuspendUseRequest,
    ) -> Result<Recorded<SuspendUseResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("SuspendUse"), &request).await
    }

    /// Lifts a suspension, by the provider.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::requests::ResumeUseRequest;
    ///
    /// client
    ///     .requests()
    ///     .resume_use(ResumeUseRequest {
    ///         name: "informationRequests/01980000-0000-7000-8000-000000000000".into(),
    ///         reason: "The copy was destroyed.".into(),
    ///         ..ResumeUseRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn resume_use(
        &self,
        mut request: ResumeUseRequest,
    ) -> Result<Recorded<ResumeUseResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("ResumeUse"), &request).await
    }

    /// Confirms how the data was disposed of, by the requester (art. 27, 29).
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::{common::Date, requests::{ConfirmDisposalRequest, Disposal}};
    ///
    /// client
    ///     .requests()
    ///     .confirm_disposal(ConfirmDisposalRequest {
    ///         name: "informationRequests/01980000-0000-7000-8000-000000000000".into(),
    ///         disposal: Some(Disposal {
    ///             storage: "On the case server.".into(),
    ///             destruction: "Erased after the case was closed.".into(),
    ///             disposed_on: Some(Date { year: 2026, month: 11, day: 30 }),
    ///             ..Disposal::default()
    ///         }),
    ///         ..ConfirmDisposalRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn confirm_disposal(
        &self,
        mut request: ConfirmDisposalRequest,
    ) -> Result<Recorded<ConfirmDisposalResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("ConfirmDisposal"), &request).await
    }

    /// Closes a case that the own agency declared in a request for account information: no further request
    /// under its number is accepted (FS-053).
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::requests::CloseCaseRequest;
    ///
    /// client
    ///     .requests()
    ///     .close_case(CloseCaseRequest {
    ///         case_number: "晋公立〔2026〕7号".into(),
    ///         reason: "Decided.".into(),
    ///         ..CloseCaseRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn close_case(
        &self,
        mut request: CloseCaseRequest,
    ) -> Result<Recorded<CloseCaseResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("CloseCase"), &request).await
    }

    /// One request with all that came of it. The read is recorded on the ledger before it is answered; of a
    /// request for account information it must say what it is for.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// let name = "informationRequests/01980000-0000-7000-8000-000000000000";
    /// let requests = client.with_purpose("Case 7: comparing the accounts")?.requests();
    /// for deadline in requests.get(name).await?.deadlines {
    ///     println!("{:?} by {:?}", deadline.kind(), deadline.due_on);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn get(&self, name: &str) -> Result<InformationRequest> {
        let request = GetInformationRequestRequest {
            name: name.to_owned(),
        };
        let answer: GetInformationRequestResponse = self
            .client
            .read(path!("GetInformationRequest"), &request)
            .await?;
        answer.information_request.ok_or_else(|| {
            ClientError::Protocol(
                concat!(path!("GetInformationRequest"), ": an empty answer").into(),
            )
        })
    }

    /// A page of requests of the own agency and to it, newest first, without what was delivered. The read is
    /// recorded on the ledger before it is answered.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::requests::{ListInformationRequestsRequest, RequestSide};
    ///
    /// let mine = ListInformationRequestsRequest {
    ///     side: RequestSide::Provider.into(),
    ///     is_overdue: true,
    ///     ..ListInformationRequestsRequest::default()
    /// };
    /// for request in client.requests().list(&mine).await?.information_requests {
    ///     println!("{} {:?}", request.name, request.state());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn list(
        &self,
        request: &ListInformationRequestsRequest,
    ) -> Result<ListInformationRequestsResponse> {
        self.client
            .read(path!("ListInformationRequests"), request)
            .await
    }
}

/// The request id that the caller brought, or a new one.
fn minted(id: String) -> Result<String> {
    if id.is_empty() {
        Ok(request_id())
    } else {
        checked_request_id(id)
    }
}
