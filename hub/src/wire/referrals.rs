//! `hub.referrals.v1.ReferralService`.

mod act;
mod check;
mod list;
pub(in crate::wire) mod lookup;
mod show;

use hub_proto::referrals::{
    AcknowledgeReferralRequest, AcknowledgeReferralResponse, AddInformationRequest,
    AddInformationResponse, AskForInformationRequest, AskForInformationResponse,
    CloseReferralRequest, CloseReferralResponse, CorrectReferralRequest, CorrectReferralResponse,
    DeclineReferralRequest, DeclineReferralResponse, FeedBackResultRequest, FeedBackResultResponse,
    GetReferralRequest, GetReferralResponse, ListReferralsRequest, ListReferralsResponse,
    ReturnReferralRequest, ReturnReferralResponse, SendReferralRequest, SendReferralResponse,
    TakeUpReferralRequest, TakeUpReferralResponse, WithdrawReferralRequest,
    WithdrawReferralResponse, referral_service_server::ReferralService,
};
use tonic::{Request, Response, Status};

use super::{Call, Services, reads::Purpose};

/// An act: parsed, permitted and recorded by the method of [`Services`] that is named.
macro_rules! act {
    ($self:ident, $request:ident, $method:literal, $act:ident, $response:ident) => {{
        const METHOD: &str = concat!("/hub.referrals.v1.ReferralService/", $method);
        let access = $self.access(&$request)?;
        let call = Call::of(METHOD, &$request)?;
        let (referral, receipt) = $self.$act(call, &access, $request.get_ref()).await?;
        Ok(Response::new($response {
            referral: Some(referral),
            receipt: Some(receipt),
        }))
    }};
}

#[tonic::async_trait]
impl ReferralService for Services {
    async fn send_referral(
        &self,
        request: Request<SendReferralRequest>,
    ) -> Result<Response<SendReferralResponse>, Status> {
        act!(
            self,
            request,
            "SendReferral",
            send_a_referral,
            SendReferralResponse
        )
    }

    async fn acknowledge_referral(
        &self,
        request: Request<AcknowledgeReferralRequest>,
    ) -> Result<Response<AcknowledgeReferralResponse>, Status> {
        act!(
            self,
            request,
            "AcknowledgeReferral",
            acknowledge_a_referral,
            AcknowledgeReferralResponse
        )
    }

    async fn take_up_referral(
        &self,
        request: Request<TakeUpReferralRequest>,
    ) -> Result<Response<TakeUpReferralResponse>, Status> {
        act!(
            self,
            request,
            "TakeUpReferral",
            take_up_a_referral,
            TakeUpReferralResponse
        )
    }

    async fn decline_referral(
        &self,
        request: Request<DeclineReferralRequest>,
    ) -> Result<Response<DeclineReferralResponse>, Status> {
        act!(
            self,
            request,
            "DeclineReferral",
            decline_a_referral,
            DeclineReferralResponse
        )
    }

    async fn return_referral(
        &self,
        request: Request<ReturnReferralRequest>,
    ) -> Result<Response<ReturnReferralResponse>, Status> {
        act!(
            self,
            request,
            "ReturnReferral",
            return_a_referral,
            ReturnReferralResponse
        )
    }

    async fn ask_for_information(
        &self,
        request: Request<AskForInformationRequest>,
    ) -> Result<Response<AskForInformationResponse>, Status> {
        act!(
            self,
            request,
            "AskForInformation",
            ask_about_a_referral,
            AskForInformationResponse
        )
    }

    async fn add_information(
        &self,
        request: Request<AddInformationRequest>,
    ) -> Result<Response<AddInformationResponse>, Status> {
        act!(
            self,
            request,
            "AddInformation",
            add_to_a_referral,
            AddInformationResponse
        )
    }

    async fn feed_back_result(
        &self,
        request: Request<FeedBackResultRequest>,
    ) -> Result<Response<FeedBackResultResponse>, Status> {
        act!(
            self,
            request,
            "FeedBackResult",
            feed_a_result_back,
            FeedBackResultResponse
        )
    }

    async fn correct_referral(
        &self,
        request: Request<CorrectReferralRequest>,
    ) -> Result<Response<CorrectReferralResponse>, Status> {
        act!(
            self,
            request,
            "CorrectReferral",
            correct_a_referral,
            CorrectReferralResponse
        )
    }

    async fn close_referral(
        &self,
        request: Request<CloseReferralRequest>,
    ) -> Result<Response<CloseReferralResponse>, Status> {
        act!(
            self,
            request,
            "CloseReferral",
            close_a_referral,
            CloseReferralResponse
        )
    }

    async fn withdraw_referral(
        &self,
        request: Request<WithdrawReferralRequest>,
    ) -> Result<Response<WithdrawReferralResponse>, Status> {
        act!(
            self,
            request,
            "WithdrawReferral",
            withdraw_a_referral,
            WithdrawReferralResponse
        )
    }

    async fn get_referral(
        &self,
        request: Request<GetReferralRequest>,
    ) -> Result<Response<GetReferralResponse>, Status> {
        let access = self.access(&request)?;
        let purpose = Purpose::of(&request)?;
        let referral = self
            .read_a_referral(&access, &purpose, request.get_ref())
            .await?;
        Ok(Response::new(GetReferralResponse {
            referral: Some(referral),
        }))
    }

    async fn list_referrals(
        &self,
        request: Request<ListReferralsRequest>,
    ) -> Result<Response<ListReferralsResponse>, Status> {
        let access = self.access(&request)?;
        let purpose = Purpose::of(&request)?;
        let listed = self
            .list_the_referrals(&access, &purpose, request.get_ref())
            .await?;
        Ok(Response::new(listed))
    }
}
