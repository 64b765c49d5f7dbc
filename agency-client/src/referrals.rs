//! Referrals (移送) between two agencies: sent, acknowledged, answered, their result fed back (FS-036, FS-037);
//! one method an RPC.
//!
//! Mutating methods take the request of the contract; an empty `request_id` in it is filled in. Keep one of
//! your own to repeat the very same call after a crash. Their answers say where the referral stands and have
//! none of its contents: these come from [`Referrals::get`] and [`Referrals::list`], and every read of them is
//! recorded on the ledger before the hub answers.
//!
//! ```no_run
//! # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
//! for referral in client.referrals().list(&Default::default()).await?.referrals {
//!     println!("{}", referral.name);
//! }
//! # Ok(())
//! # }
//! ```

use hub_proto::referrals::{
    AcknowledgeReferralRequest, AcknowledgeReferralResponse, AddInformationRequest,
    AddInformationResponse, AskForInformationRequest, AskForInformationResponse,
    CloseReferralRequest, CloseReferralResponse, CorrectReferralRequest, CorrectReferralResponse,
    DeclineReferralRequest, DeclineReferralResponse, FeedBackResultRequest, FeedBackResultResponse,
    GetReferralRequest, GetReferralResponse, ListReferralsRequest, ListReferralsResponse, Referral,
    ReturnReferralRequest, ReturnReferralResponse, SendReferralRequest, SendReferralResponse,
    TakeUpReferralRequest, TakeUpReferralResponse, WithdrawReferralRequest,
    WithdrawReferralResponse,
};

use crate::{
    author::Recorded,
    client::{Client, checked_request_id, request_id},
    error::{ClientError, Result},
};

macro_rules! path {
    ($method:literal) => {
        concat!("/hub.referrals.v1.ReferralService/", $method)
    };
}

/// A referral without what the hub fills in: what [`Referrals::correct`] takes, so that a referral that was
/// read can be sent again with one thing changed.
///
/// ```
/// use agency_client::{proto::referrals::Referral, referrals::as_written};
///
/// let again = as_written(Referral { title: "线索".into(), revision: 2, ..Default::default() });
/// assert_eq!((again.title.as_str(), again.revision), ("线索", 0));
/// ```
#[must_use]
pub fn as_written(referral: Referral) -> Referral {
    Referral {
        addressee: referral.addressee,
        organizations: referral.organizations,
        title: referral.title,
        text: referral.text,
        legal_basis: referral.legal_basis,
        source_note: referral.source_note,
        requested_action: referral.requested_action,
        sender_reference: referral.sender_reference,
        attachments: referral.attachments,
        ..Referral::default()
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

/// The service of referrals. Made by [`Client::referrals`].
///
/// ```no_run
/// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
/// let page = client.referrals().list(&Default::default()).await?;
/// println!("{} referrals", page.referrals.len());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Referrals {
    client: Client,
}

impl Referrals {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    /// Sends a referral (FS-036). The `request_id` becomes its id.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::{
    ///     channels::SubjectOrganization,
    ///     referrals::{Referral, SendReferralRequest},
    /// };
    ///
    /// let sent = client
    ///     .referrals()
    ///     .send(SendReferralRequest {
    ///         referral: Some(Referral {
    ///             addressee: "agencies/public-security".into(),
    ///             organizations: vec![SubjectOrganization {
    ///                 uscc: "52140000500025183F".into(),
    ///                 display_name: "An association".into(),
    ///             }],
    ///             title: "Funds out of line with the programme".into(),
    ///             text: "What was noticed, in words and at clue level.".into(),
    ///             legal_basis: "Anti-Money-Laundering Law art. 45".into(),
    ///             source_note: "Analysis of the third quarter".into(),
    ///             requested_action: "Examine, and feed the result back".into(),
    ///             ..Referral::default()
    ///         }),
    ///         ..SendReferralRequest::default()
    ///     })
    ///     .await?;
    /// println!("{}", sent.response.referral.unwrap_or_default().name);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn send(
        &self,
        mut request: SendReferralRequest,
    ) -> Result<Recorded<SendReferralResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("SendReferral"), &request).await
    }

    /// Acknowledges the revision that was read, in the addressee's name.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::referrals::AcknowledgeReferralRequest;
    ///
    /// client
    ///     .referrals()
    ///     .acknowledge(AcknowledgeReferralRequest {
    ///         name: "referrals/01980000-0000-7000-8000-000000000000".into(),
    ///         revision: 1,
    ///         ..AcknowledgeReferralRequest::default()
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
        mut request: AcknowledgeReferralRequest,
    ) -> Result<Recorded<AcknowledgeReferralResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client
            .mutate(path!("AcknowledgeReferral"), &request)
            .await
    }

    /// Takes a referral up, as its addressee (FS-037).
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::referrals::TakeUpReferralRequest;
    ///
    /// client
    ///     .referrals()
    ///     .take_up(TakeUpReferralRequest {
    ///         name: "referrals/01980000-0000-7000-8000-000000000000".into(),
    ///         addressee_reference: "No. 12".into(),
    ///         ..TakeUpReferralRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn take_up(
        &self,
        mut request: TakeUpReferralRequest,
    ) -> Result<Recorded<TakeUpReferralResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("TakeUpReferral"), &request).await
    }

    /// Declines a referral, as its addressee, with a reason.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::referrals::DeclineReferralRequest;
    ///
    /// client
    ///     .referrals()
    ///     .decline(DeclineReferralRequest {
    ///         name: "referrals/01980000-0000-7000-8000-000000000000".into(),
    ///         reason: "The matter is before the court already".into(),
    ///         ..DeclineReferralRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn decline(
        &self,
        mut request: DeclineReferralRequest,
    ) -> Result<Recorded<DeclineReferralResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("DeclineReferral"), &request).await
    }

    /// Returns a referral, as its addressee, because it is not competent.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::referrals::ReturnReferralRequest;
    ///
    /// client
    ///     .referrals()
    ///     .return_to_sender(ReturnReferralRequest {
    ///         name: "referrals/01980000-0000-7000-8000-000000000000".into(),
    ///         reason: "Taxes are not ours".into(),
    ///         competent_unit_hint: "The tax authority".into(),
    ///         ..ReturnReferralRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn return_to_sender(
        &self,
        mut request: ReturnReferralRequest,
    ) -> Result<Recorded<ReturnReferralResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("ReturnReferral"), &request).await
    }

    /// Asks the sender for more, as the addressee.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::referrals::AskForInformationRequest;
    ///
    /// client
    ///     .referrals()
    ///     .ask(AskForInformationRequest {
    ///         name: "referrals/01980000-0000-7000-8000-000000000000".into(),
    ///         text: "Which quarter?".into(),
    ///         ..AskForInformationRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn ask(
        &self,
        mut request: AskForInformationRequest,
    ) -> Result<Recorded<AskForInformationResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client
            .mutate(path!("AskForInformation"), &request)
            .await
    }

    /// Adds information, as the sender, asked or not.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::referrals::AddInformationRequest;
    ///
    /// client
    ///     .referrals()
    ///     .inform(AddInformationRequest {
    ///         name: "referrals/01980000-0000-7000-8000-000000000000".into(),
    ///         text: "The third.".into(),
    ///         ..AddInformationRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn inform(
        &self,
        mut request: AddInformationRequest,
    ) -> Result<Recorded<AddInformationResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("AddInformation"), &request).await
    }

    /// Feeds a result back, as the addressee that took it up.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::referrals::{FeedBackResultRequest, ReferralResult};
    ///
    /// client
    ///     .referrals()
    ///     .feed_back(FeedBackResultRequest {
    ///         name: "referrals/01980000-0000-7000-8000-000000000000".into(),
    ///         result: Some(ReferralResult {
    ///             text: "Examined; nothing against the law was found.".into(),
    ///             is_final: true,
    ///             ..ReferralResult::default()
    ///         }),
    ///         ..FeedBackResultRequest::default()
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn feed_back(
        &self,
        mut request: FeedBackResultRequest,
    ) -> Result<Recorded<FeedBackResultResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("FeedBackResult"), &request).await
    }

    /// Corrects a referral, as its sender; the addressee must acknowledge the new revision.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::{proto::referrals::CorrectReferralRequest, referrals::as_written};
    ///
    /// let name = "referrals/01980000-0000-7000-8000-000000000000";
    /// let mut referral = client.referrals().get(name).await?;
    /// let revision = referral.revision;
    /// referral.title = "Funds out of line with the programme, third quarter".into();
    /// client
    ///     .referrals()
    ///     .correct(CorrectReferralRequest {
    ///         name: name.into(),
    ///         revision,
    ///         referral: Some(as_written(referral)),
    ///         reason: "The period was missing".into(),
    ///         ..CorrectReferralRequest::default()
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
        mut request: CorrectReferralRequest,
    ) -> Result<Recorded<CorrectReferralResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("CorrectReferral"), &request).await
    }

    /// Closes a referral, as its sender, after its final result, its declining or its return.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::referrals::CloseReferralRequest;
    ///
    /// client
    ///     .referrals()
    ///     .close(CloseReferralRequest {
    ///         name: "referrals/01980000-0000-7000-8000-000000000000".into(),
    ///         note: "Filed".into(),
    ///         ..CloseReferralRequest::default()
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
        mut request: CloseReferralRequest,
    ) -> Result<Recorded<CloseReferralResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("CloseReferral"), &request).await
    }

    /// Takes a referral back, as its sender, before it is taken up.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::referrals::WithdrawReferralRequest;
    ///
    /// client
    ///     .referrals()
    ///     .withdraw(WithdrawReferralRequest {
    ///         name: "referrals/01980000-0000-7000-8000-000000000000".into(),
    ///         reason: "Sent to the wrong unit".into(),
    ///         ..WithdrawReferralRequest::default()
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
        mut request: WithdrawReferralRequest,
    ) -> Result<Recorded<WithdrawReferralResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client
            .mutate(path!("WithdrawReferral"), &request)
            .await
    }

    /// One referral, with the text in force. The read is recorded on the ledger.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// let name = "referrals/01980000-0000-7000-8000-000000000000";
    /// let referral = client.referrals().get(name).await?;
    /// println!("{} {}", referral.title, referral.state().as_str_name());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn get(&self, name: &str) -> Result<Referral> {
        self.revision(name, 0).await
    }

    /// One referral, with the text of a revision, from 1; 0 for the one in force. The read is recorded on
    /// the ledger.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// let name = "referrals/01980000-0000-7000-8000-000000000000";
    /// let first = client.referrals().revision(name, 1).await?;
    /// println!("{}", first.text);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn revision(&self, name: &str, revision: i32) -> Result<Referral> {
        let path = path!("GetReferral");
        let request = GetReferralRequest {
            name: name.to_owned(),
            revision,
        };
        let answer: GetReferralResponse = self.client.read(path, &request).await?;
        let empty = || ClientError::Protocol(format!("{path}: an empty answer"));
        answer.referral.ok_or_else(empty)
    }

    /// A page of the own agency's referrals; unanswered ones by age (FS-037). Every one in it is recorded on
    /// the ledger as read.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::referrals::{ListReferralsRequest, ReferralAwaiting};
    ///
    /// let request = ListReferralsRequest {
    ///     awaiting: ReferralAwaiting::Answer.into(),
    ///     ..ListReferralsRequest::default()
    /// };
    /// for referral in client.referrals().list(&request).await?.referrals {
    ///     println!("{} {}", referral.name, referral.title);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn list(&self, request: &ListReferralsRequest) -> Result<ListReferralsResponse> {
        self.client.read(path!("ListReferrals"), request).await
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use prost::Message as _;
    use prost_types::FileDescriptorSet;

    /// Every method of the service is called by its path, and no other.
    #[test]
    fn every_rpc_has_a_method() {
        let set = FileDescriptorSet::decode(hub_proto::DESCRIPTORS).unwrap();
        let files = set.file.iter();
        let service = files
            .filter(|file| file.package() == "hub.referrals.v1")
            .find_map(|file| file.service.first())
            .unwrap();
        let called: BTreeSet<&str> = include_str!("referrals.rs")
            .split("path!(\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .filter(|name| name.chars().all(char::is_alphabetic))
            .collect();
        let there: BTreeSet<&str> = service.method.iter().map(|one| one.name()).collect();
        assert_eq!(called, there);
    }
}
