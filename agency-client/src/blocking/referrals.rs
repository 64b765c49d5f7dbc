//! Referrals, call by call.

use std::sync::Arc;

use hub_proto::referrals::{
    AcknowledgeReferralRequest, AcknowledgeReferralResponse, AddInformationRequest,
    AddInformationResponse, AskForInformationRequest, AskForInformationResponse,
    CloseReferralRequest, CloseReferralResponse, CorrectReferralRequest, CorrectReferralResponse,
    DeclineReferralRequest, DeclineReferralResponse, FeedBackResultRequest, FeedBackResultResponse,
    ListReferralsRequest, ListReferralsResponse, Referral, ReturnReferralRequest,
    ReturnReferralResponse, SendReferralRequest, SendReferralResponse, TakeUpReferralRequest,
    TakeUpReferralResponse, WithdrawReferralRequest, WithdrawReferralResponse,
};

use super::{Client, Threads, modules::module};
use crate::{author::Recorded, error::Result};

module! {
    /// The service of referrals. Made by [`Client::referrals`].
    ///
    /// ```no_run
    /// # fn example(client: agency_client::blocking::Client) -> agency_client::Result<()> {
    /// let name = "referrals/01980000-0000-7000-8000-000000000000";
    /// println!("{}", client.referrals().get(name)?.title);
    /// # Ok(())
    /// # }
    /// ```
    Referrals(referrals, "referrals::Referrals") {
        fn send(request: SendReferralRequest) -> Recorded<SendReferralResponse>;
        fn acknowledge(request: AcknowledgeReferralRequest) -> Recorded<AcknowledgeReferralResponse>;
        fn take_up(request: TakeUpReferralRequest) -> Recorded<TakeUpReferralResponse>;
        fn decline(request: DeclineReferralRequest) -> Recorded<DeclineReferralResponse>;
        fn return_to_sender(request: ReturnReferralRequest) -> Recorded<ReturnReferralResponse>;
        fn ask(request: AskForInformationRequest) -> Recorded<AskForInformationResponse>;
        fn inform(request: AddInformationRequest) -> Recorded<AddInformationResponse>;
        fn feed_back(request: FeedBackResultRequest) -> Recorded<FeedBackResultResponse>;
        fn correct(request: CorrectReferralRequest) -> Recorded<CorrectReferralResponse>;
        fn close(request: CloseReferralRequest) -> Recorded<CloseReferralResponse>;
        fn withdraw(request: WithdrawReferralRequest) -> Recorded<WithdrawReferralResponse>;
        fn get(name: &str) -> Referral;
        fn revision(name: &str, revision: i32) -> Referral;
        fn list(request: &ListReferralsRequest) -> ListReferralsResponse;
    }
}
