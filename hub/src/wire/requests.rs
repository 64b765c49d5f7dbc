//! `hub.requests.v1.RequestService`.

mod act;
mod check;
mod list;
pub(in crate::wire) mod lookup;
mod show;

use hub_core::{names::InformationRequestName, purpose::PURPOSE_HEADER};
use hub_proto::requests::{
    AnswerCorrectionRequest, AnswerCorrectionResponse, ApproveInformationRequestRequest,
    ApproveInformationRequestResponse, AskForMissingRequest, AskForMissingResponse,
    CloseCaseRequest, CloseCaseResponse, CompleteInformationRequestRequest,
    CompleteInformationRequestResponse, ConfirmDisposalRequest, ConfirmDisposalResponse,
    ConsentToInformationRequestRequest, ConsentToInformationRequestResponse,
    DeliverInformationRequest, DeliverInformationResponse, DraftInformationRequestRequest,
    DraftInformationRequestResponse, ExtendAnswerTimeRequest, ExtendAnswerTimeResponse,
    GetInformationRequestRequest, GetInformationRequestResponse, ListInformationRequestsRequest,
    ListInformationRequestsResponse, RecordUseRequest, RecordUseResponse,
    RefuseInformationRequestRequest, RefuseInformationRequestResponse, RequestCorrectionRequest,
    RequestCorrectionResponse, ResumeUseRequest, ResumeUseResponse, SuspendUseRequest,
    SuspendUseResponse, WithdrawInformationRequestRequest, WithdrawInformationRequestResponse,
    request_service_server::RequestService,
};
use tonic::{Request, Response, Status};

use self::show::Detail;
use super::{Call, Services, parse, reads::Purpose};
use crate::{charter::Action, error::Error};

/// A mutating method that answers with the request and a receipt.
macro_rules! step {
    ($self:ident, $request:ident, $method:literal, $act:ident, $response:ident) => {{
        const METHOD: &str = concat!("/hub.requests.v1.RequestService/", $method);
        let access = $self.access(&$request)?;
        let call = Call::of(METHOD, &$request)?;
        let (shown, receipt) = $self.$act(call, &access, $request.get_ref()).await?;
        Ok(Response::new($response {
            information_request: Some(shown),
            receipt: Some(receipt),
        }))
    }};
}

#[tonic::async_trait]
impl RequestService for Services {
    async fn draft_information_request(
        &self,
        request: Request<DraftInformationRequestRequest>,
    ) -> Result<Response<DraftInformationRequestResponse>, Status> {
        step!(
            self,
            request,
            "DraftInformationRequest",
            draft_request,
            DraftInformationRequestResponse
        )
    }

    async fn approve_information_request(
        &self,
        request: Request<ApproveInformationRequestRequest>,
    ) -> Result<Response<ApproveInformationRequestResponse>, Status> {
        step!(
            self,
            request,
            "ApproveInformationRequest",
            approve_request,
            ApproveInformationRequestResponse
        )
    }

    async fn withdraw_information_request(
        &self,
        request: Request<WithdrawInformationRequestRequest>,
    ) -> Result<Response<WithdrawInformationRequestResponse>, Status> {
        step!(
            self,
            request,
            "WithdrawInformationRequest",
            withdraw_request,
            WithdrawInformationRequestResponse
        )
    }

    async fn ask_for_missing(
        &self,
        request: Request<AskForMissingRequest>,
    ) -> Result<Response<AskForMissingResponse>, Status> {
        step!(
            self,
            request,
            "AskForMissing",
            ask_for_what_is_missing,
            AskForMissingResponse
        )
    }

    async fn complete_information_request(
        &self,
        request: Request<CompleteInformationRequestRequest>,
    ) -> Result<Response<CompleteInformationRequestResponse>, Status> {
        step!(
            self,
            request,
            "CompleteInformationRequest",
            complete_request,
            CompleteInformationRequestResponse
        )
    }

    async fn extend_answer_time(
        &self,
        request: Request<ExtendAnswerTimeRequest>,
    ) -> Result<Response<ExtendAnswerTimeResponse>, Status> {
        step!(
            self,
            request,
            "ExtendAnswerTime",
            extend_time,
            ExtendAnswerTimeResponse
        )
    }

    async fn consent_to_information_request(
        &self,
        request: Request<ConsentToInformationRequestRequest>,
    ) -> Result<Response<ConsentToInformationRequestResponse>, Status> {
        step!(
            self,
            request,
            "ConsentToInformationRequest",
            consent_to_request,
            ConsentToInformationRequestResponse
        )
    }

    async fn deliver_information(
        &self,
        request: Request<DeliverInformationRequest>,
    ) -> Result<Response<DeliverInformationResponse>, Status> {
        step!(
            self,
            request,
            "DeliverInformation",
            deliver_data,
            DeliverInformationResponse
        )
    }

    async fn refuse_information_request(
        &self,
        request: Request<RefuseInformationRequestRequest>,
    ) -> Result<Response<RefuseInformationRequestResponse>, Status> {
        step!(
            self,
            request,
            "RefuseInformationRequest",
            refuse_request,
            RefuseInformationRequestResponse
        )
    }

    async fn record_use(
        &self,
        request: Request<RecordUseRequest>,
    ) -> Result<Response<RecordUseResponse>, Status> {
        step!(self, request, "RecordUse", record_a_use, RecordUseResponse)
    }

    async fn request_correction(
        &self,
        request: Request<RequestCorrectionRequest>,
    ) -> Result<Response<RequestCorrectionResponse>, Status> {
        step!(
            self,
            request,
            "RequestCorrection",
            ask_for_correction,
            RequestCorrectionResponse
        )
    }

    async fn answer_correction(
        &self,
        request: Request<AnswerCorrectionRequest>,
    ) -> Result<Response<AnswerCorrectionResponse>, Status> {
        step!(
            self,
            request,
            "AnswerCorrection",
            answer_a_correction,
            AnswerCorrectionResponse
        )
    }

    async fn suspend_use(
        &self,
        request: Request<SuspendUseRequest>,
    ) -> Result<Response<SuspendUseResponse>, Status> {
        step!(
            self,
            request,
            "SuspendUse",
            suspend_the_use,
            SuspendUseResponse
        )
    }

    async fn resume_use(
        &self,
        request: Request<ResumeUseRequest>,
    ) -> Result<Response<ResumeUseResponse>, Status> {
        step!(
            self,
            request,
            "ResumeUse",
            resume_the_use,
            ResumeUseResponse
        )
    }

    async fn confirm_disposal(
        &self,
        request: Request<ConfirmDisposalRequest>,
    ) -> Result<Response<ConfirmDisposalResponse>, Status> {
        step!(
            self,
            request,
            "ConfirmDisposal",
            confirm_the_disposal,
            ConfirmDisposalResponse
        )
    }

    async fn close_case(
        &self,
        request: Request<CloseCaseRequest>,
    ) -> Result<Response<CloseCaseResponse>, Status> {
        const METHOD: &str = "/hub.requests.v1.RequestService/CloseCase";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let receipt = self.close_a_case(call, &access, request.get_ref()).await?;
        Ok(Response::new(CloseCaseResponse {
            receipt: Some(receipt),
        }))
    }

    async fn get_information_request(
        &self,
        request: Request<GetInformationRequestRequest>,
    ) -> Result<Response<GetInformationRequestResponse>, Status> {
        const METHOD: &str = "/hub.requests.v1.RequestService/GetInformationRequest";
        let access = self.access(&request)?;
        let purpose = Purpose::of(&request)?;
        let name: InformationRequestName = parse("name", &request.get_ref().name)?;
        let found = lookup::request(&self.engine, &access, name)?;
        if found.row.is_account() && purpose == Purpose::default() {
            let rule = "must say what the read is for: account information is read for a purpose only \
                        (FS-053, X-006)";
            return Err(Error::field(PURPOSE_HEADER, rule).into());
        }
        let shown = show::request(&self.engine, &access, &found, Detail::Whole)?;
        let permit = access.permit(Action::RequestsRead)?;
        let read = [found.restricted()?];
        self.record_reads(&access, &permit, METHOD, &purpose, &read)
            .await?;
        Ok(Response::new(GetInformationRequestResponse {
            information_request: Some(shown),
        }))
    }

    async fn list_information_requests(
        &self,
        request: Request<ListInformationRequestsRequest>,
    ) -> Result<Response<ListInformationRequestsResponse>, Status> {
        let access = self.access(&request)?;
        let purpose = Purpose::of(&request)?;
        let listed = self.list_requests(&access, &purpose, request.get_ref());
        Ok(Response::new(listed.await?))
    }
}
