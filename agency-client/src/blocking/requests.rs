//! Information requests, call by call.

use std::sync::Arc;

use hub_proto::requests::{
    AnswerCorrectionRequest, AnswerCorrectionResponse, ApproveInformationRequestRequest,
    ApproveInformationRequestResponse, AskForMissingRequest, AskForMissingResponse,
    CloseCaseRequest, CloseCaseResponse, CompleteInformationRequestRequest,
    CompleteInformationRequestResponse, ConfirmDisposalRequest, ConfirmDisposalResponse,
    ConsentToInformationRequestRequest, ConsentToInformationRequestResponse,
    DeliverInformationRequest, DeliverInformationResponse, DraftInformationRequestResponse,
    ExtendAnswerTimeRequest, ExtendAnswerTimeResponse, InformationRequest,
    ListInformationRequestsRequest, ListInformationRequestsResponse, RecordUseRequest,
    RecordUseResponse, RefuseInformationRequestRequest, RefuseInformationRequestResponse,
    RequestCorrectionRequest, RequestCorrectionResponse, ResumeUseRequest, ResumeUseResponse,
    SuspendUseRequest, SuspendUseResponse, WithdrawInformationRequestRequest,
    WithdrawInformationRequestResponse,
};

use super::{Client, Threads, modules::module};
use crate::{author::Recorded, error::Result, requests::RequestDraft};

module! {
    /// The service of information requests. Made by [`Client::requests`].
    ///
    /// ```no_run
    /// # fn example(client: agency_client::blocking::Client) -> agency_client::Result<()> {
    /// let name = "informationRequests/01980000-0000-7000-8000-000000000000";
    /// println!("{:?}", client.requests().get(name)?.state());
    /// # Ok(())
    /// # }
    /// ```
    Requests(requests, "requests::Requests") {
        fn draft(draft: RequestDraft) -> Recorded<DraftInformationRequestResponse>;
        fn approve(request: ApproveInformationRequestRequest) -> Recorded<ApproveInformationRequestResponse>;
        fn withdraw(request: WithdrawInformationRequestRequest) -> Recorded<WithdrawInformationRequestResponse>;
        fn ask_for_missing(request: AskForMissingRequest) -> Recorded<AskForMissingResponse>;
        fn complete(request: CompleteInformationRequestRequest) -> Recorded<CompleteInformationRequestResponse>;
        fn extend(request: ExtendAnswerTimeRequest) -> Recorded<ExtendAnswerTimeResponse>;
        fn consent(request: ConsentToInformationRequestRequest) -> Recorded<ConsentToInformationRequestResponse>;
        fn deliver(request: DeliverInformationRequest) -> Recorded<DeliverInformationResponse>;
        fn refuse(request: RefuseInformationRequestRequest) -> Recorded<RefuseInformationRequestResponse>;
        fn record_use(request: RecordUseRequest) -> Recorded<RecordUseResponse>;
        fn request_correction(request: RequestCorrectionRequest) -> Recorded<RequestCorrectionResponse>;
        fn answer_correction(request: AnswerCorrectionRequest) -> Recorded<AnswerCorrectionResponse>;
        fn suspend_use(request: SuspendUseRequest) -> Recorded<SuspendUseResponse>;
        fn resume_use(request: ResumeUseRequest) -> Recorded<ResumeUseResponse>;
        fn confirm_disposal(request: ConfirmDisposalRequest) -> Recorded<ConfirmDisposalResponse>;
        fn close_case(request: CloseCaseRequest) -> Recorded<CloseCaseResponse>;
        fn get(name: &str) -> InformationRequest;
        fn list(request: &ListInformationRequestsRequest) -> ListInformationRequestsResponse;
    }
}
