//! The client: one connection, one officer, and the way every call takes.
//!
//! Invariant: a mutating call is encoded and signed once; its repetitions send the same bytes, salt
//! and signature.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http::uri::PathAndQuery;
use hub_core::{
    commitment::{SALT_HEADER, SIGNATURE_HEADER},
    names::RequestId,
    purpose::{PURPOSE_HEADER, PURPOSE_RULE, is_purpose},
};
use jiff::Timestamp;
use prost::Message;
use tokio::time::Instant;
use tonic::{
    Request, Status, Streaming,
    client::Grpc,
    metadata::{BinaryMetadataValue, MetadataMap},
    transport::Channel,
};

use crate::{
    attachments::Attachments,
    audit::Audit,
    author::{Authored, Recorded},
    channels::Channels,
    checkpoint::CheckpointMemory,
    codec::SignedBytes,
    error::{ClientError, Result, from_status},
    funds::Alerts,
    ledger::Ledger,
    meetings::{MajorIssues, Meetings, Minutes},
    members::Members,
    observer::{CallFinished, Watched},
    profile::{Identity, Profile},
    referrals::Referrals,
    requests::Requests,
    retry::{RetryPolicy, jitter},
    token::Minter,
    transport::TlsWatch,
};

/// Time that a call may take, retries included, unless the builder says otherwise.
///
/// ```
/// assert_eq!(agency_client::DEADLINE_DEFAULT, std::time::Duration::from_secs(10));
/// ```
pub const DEADLINE_DEFAULT: Duration = Duration::from_secs(10);
/// Most time that a call can be allowed.
///
/// ```
/// assert_eq!(agency_client::DEADLINE_MAX, std::time::Duration::from_secs(24 * 3_600));
/// ```
pub const DEADLINE_MAX: Duration = Duration::from_secs(24 * 3_600);
/// Largest answer that is read, in bytes. The hub's messages have at most 1 MiB; a whole ledger
/// entry of one with its header is a little more.
///
/// ```
/// assert_eq!(agency_client::ANSWER_BYTES_MAX, 4 * 1024 * 1024);
/// ```
pub const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Roles that a token may name.
///
/// ```
/// assert_eq!(agency_client::ROLES_MAX, 16);
/// ```
pub const ROLES_MAX: usize = 16;

/// A connection to the hub in the name of one officer. Cheap to clone; clones share everything.
///
/// ```no_run
/// use agency_client::{Client, profile};
///
/// # async fn example() -> agency_client::Result<()> {
/// let client = Client::connect(&profile::load("tax/profile.toml".as_ref())?).await?;
/// let other = client.clone();
/// tokio::join!(async { client.channels().list_channels().await }, async { other.members().who_am_i().await }).0?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    /// What restricted records are read for; empty when it is not said.
    purpose: Arc<str>,
}

struct Shared {
    channel: Channel,
    endpoint: String,
    watch: TlsWatch,
    identity: Arc<Identity>,
    minter: Minter,
    deadline: Duration,
    transfer_patience: Duration,
    retry: RetryPolicy,
    memory: CheckpointMemory,
    observer: Watched,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("endpoint", &self.shared.endpoint)
            .field("identity", &self.shared.identity)
            .field("minter", &self.shared.minter)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Connects with the profile's officer and roles, and asks the hub whether it takes the caller
    /// for who it is.
    ///
    /// ```no_run
    /// use agency_client::{Client, profile};
    ///
    /// # async fn example() -> agency_client::Result<()> {
    /// let profile = profile::load("tax/profile.toml".as_ref())?;
    /// let client = Client::connect(&profile).await?;
    /// # drop(client);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`ClientBuilder::connect`].
    pub async fn connect(profile: &Profile) -> Result<Self> {
        ClientBuilder::new(profile).connect().await
    }

    /// A builder, for another officer, role, endpoint or deadline.
    ///
    /// ```no_run
    /// use agency_client::{Client, Profile};
    ///
    /// # fn example(profile: &Profile) -> agency_client::Result<()> {
    /// let client = Client::builder(profile).officer("tax-leader-1").roles(["leader"]).build()?;
    /// # drop(client);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn builder(profile: &Profile) -> ClientBuilder {
        ClientBuilder::new(profile)
    }

    /// The same client, reading restricted records for a purpose. Every read of a notification to named
    /// addressees, an alert, a referral or a request is on the hub's ledger, with the purpose, before its
    /// contents are returned; for some kinds the charter refuses a read without one. It goes with every
    /// call and subscription of what this returns. An empty text says nothing.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// let client = client.with_purpose("核查晋社案〔2026〕12号")?;
    /// let name = "agencies/tax/notifications/0190a5c0-0000-7000-8000-000000000001";
    /// client.channels().notification(name).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::Input`] when it is longer than 200 characters or has control characters.
    pub fn with_purpose(&self, purpose: &str) -> Result<Self> {
        Ok(Self {
            shared: Arc::clone(&self.shared),
            purpose: checked_purpose(purpose)?,
        })
    }

    /// What restricted records are read for; empty when it is not said.
    ///
    /// ```no_run
    /// # fn example(client: agency_client::Client) {
    /// println!("{}", client.purpose());
    /// # }
    /// ```
    #[must_use]
    pub fn purpose(&self) -> &str {
        &self.purpose
    }

    /// The profile that the client was made from.
    ///
    /// ```no_run
    /// # fn example(client: agency_client::Client) {
    /// println!("{}", client.profile().agency);
    /// # }
    /// ```
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.shared.identity.profile
    }

    /// The officer who acts.
    ///
    /// ```no_run
    /// # fn example(client: agency_client::Client) {
    /// println!("{}", client.officer());
    /// # }
    /// ```
    #[must_use]
    pub fn officer(&self) -> &str {
        self.shared.minter.officer()
    }

    /// The roles under which the officer acts.
    ///
    /// ```no_run
    /// # fn example(client: agency_client::Client) {
    /// println!("{}", client.roles().join(", "));
    /// # }
    /// ```
    #[must_use]
    pub fn roles(&self) -> &[String] {
        self.shared.minter.roles()
    }

    /// Where the hub is.
    ///
    /// ```no_run
    /// # fn example(client: agency_client::Client) {
    /// println!("{}", client.endpoint());
    /// # }
    /// ```
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.shared.endpoint
    }

    /// SHA-256 of the node certificate's DER.
    ///
    /// ```no_run
    /// # fn example(client: agency_client::Client) {
    /// for byte in client.certificate_sha256() {
    ///     print!("{byte:02x}");
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn certificate_sha256(&self) -> [u8; 32] {
        self.shared.identity.certificate_sha256
    }

    /// Mechanisms, agencies, memberships, liaisons, nodes and token keys.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// for mechanism in client.members().list_mechanisms(None).await? {
    ///     println!("{}", mechanism.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn members(&self) -> Members {
        Members::new(self.clone())
    }

    /// Notifications: publish, receive, open, sign for.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// for channel in client.channels().list_channels().await? {
    ///     println!("{}", channel.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn channels(&self) -> Channels {
        Channels::new(self.clone())
    }

    /// Meetings: topics, notices and answers, attendance.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// let name = "meetings/01980000-0000-7000-8000-000000000000";
    /// println!("{}", client.meetings().get(name).await?.title);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn meetings(&self) -> Meetings {
        Meetings::new(self.clone())
    }

    /// Minutes: versions, consent, issue, agreed items.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// let name = "meetings/01980000-0000-7000-8000-000000000000/minutes/1";
    /// println!("{:?}", client.minutes().get(name).await?.consents);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn minutes(&self) -> Minutes {
        Minutes::new(self.clone())
    }

    /// Major issues and their escalation.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// let name = "majorIssues/01980000-0000-7000-8000-000000000000";
    /// println!("{}", client.major_issues().get(name).await?.title);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn major_issues(&self) -> MajorIssues {
        MajorIssues::new(self.clone())
    }

    /// Information requests between agencies.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// client.requests().list(&Default::default()).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn requests(&self) -> Requests {
        Requests::new(self.clone())
    }

    /// Fund alerts.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// client.alerts().list(&Default::default()).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn alerts(&self) -> Alerts {
        Alerts::new(self.clone())
    }

    /// Referrals: sending, acknowledging, answering, results.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// client.referrals().list(&Default::default()).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn referrals(&self) -> Referrals {
        Referrals::new(self.clone())
    }

    /// Files that go with notifications: upload and download.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// let file = client.attachments().upload("report.pdf", |_| {}).await?;
    /// println!("{}", file.sha256);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn attachments(&self) -> Attachments {
        Attachments::new(self.clone())
    }

    /// Who read which restricted record, for auditors.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// client.audit().list_accesses(&Default::default()).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn audit(&self) -> Audit {
        Audit::new(self.clone())
    }

    /// Checkpoints, proofs and entries.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// println!("{} entries", client.ledger().checkpoint().await?.size);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        Ledger::new(self.clone())
    }

    /// The memory of the last verified checkpoint.
    ///
    /// ```no_run
    /// # fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// if let Some(seen) = client.checkpoint_memory().remembered()? {
    ///     println!("{} entries were there", seen.size);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn checkpoint_memory(&self) -> &CheckpointMemory {
        &self.shared.memory
    }

    pub(crate) fn deadline(&self) -> Duration {
        self.shared.deadline
    }

    pub(crate) fn transfer_patience(&self) -> Duration {
        self.shared.transfer_patience
    }

    pub(crate) fn observer(&self) -> &Watched {
        &self.shared.observer
    }

    /// Forgets the token, so that the next call mints another.
    pub(crate) fn forget_token(&self) {
        self.shared.minter.forget();
    }

    /// A call that changes nothing.
    pub(crate) async fn read<R>(&self, path: &'static str, request: &impl Message) -> Result<R>
    where
        R: Message + Default + 'static,
    {
        let bytes = request.encode_to_vec().into();
        self.call(path, bytes, None, self.shared.retry).await
    }

    /// A call that changes something: signed by this node, safe to repeat.
    pub(crate) async fn mutate<R>(
        &self,
        path: &'static str,
        request: &impl Message,
    ) -> Result<Recorded<R>>
    where
        R: Message + Default + 'static,
    {
        let bytes = request.encode_to_vec().into();
        self.mutate_encoded(path, bytes, self.shared.retry).await
    }

    /// As [`Self::mutate`], with the request already encoded.
    pub(crate) async fn mutate_encoded<R>(
        &self,
        path: &'static str,
        request: Bytes,
        retry: RetryPolicy,
    ) -> Result<Recorded<R>>
    where
        R: Message + Default + 'static,
    {
        let authored = Authored::sign(&self.shared.identity, path, request)?;
        let bytes = authored.request.clone();
        let response = self.call(path, bytes, Some(&authored), retry).await?;
        Ok(Recorded { response, authored })
    }

    async fn call<R>(
        &self,
        path: &'static str,
        bytes: Bytes,
        authored: Option<&Authored>,
        retry: RetryPolicy,
    ) -> Result<R>
    where
        R: Message + Default + 'static,
    {
        let began_at = Instant::now();
        let mut attempts = 0;
        let ends_at = began_at + self.shared.deadline;
        let result = self
            .call_until(path, bytes, authored, retry, ends_at, &mut attempts)
            .await;
        self.shared.observer.tell(|observer| {
            observer.call_finished(&CallFinished {
                method: path,
                error: result.as_ref().err(),
                elapsed: began_at.elapsed(),
                attempts,
            });
        });
        result
    }

    async fn call_until<R>(
        &self,
        path: &'static str,
        bytes: Bytes,
        authored: Option<&Authored>,
        retry: RetryPolicy,
        ends_at: Instant,
        attempts: &mut u32,
    ) -> Result<R>
    where
        R: Message + Default + 'static,
    {
        let mut reminted = false;
        let mut failed = 0;
        loop {
            *attempts += 1;
            let attempt = self.attempt(path, bytes.clone(), authored, ends_at);
            let error = match tokio::time::timeout_at(ends_at, attempt).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => error,
                Err(_) => {
                    return Err(ClientError::Deadline {
                        endpoint: self.shared.endpoint.clone(),
                        after: self.shared.deadline,
                    });
                }
            };
            if error.is_token_expired() && !reminted {
                reminted = true;
                self.forget_token();
                continue;
            }
            failed += 1;
            let remains = ends_at.saturating_duration_since(Instant::now());
            let Some(wait) = retry.wait(&error, failed, remains, jitter()) else {
                return Err(error);
            };
            tracing::debug!(path, failed, %error, wait_ms = wait.as_millis(), "trying again");
            tokio::time::sleep(wait).await;
        }
    }

    async fn attempt<R>(
        &self,
        path: &'static str,
        bytes: Bytes,
        authored: Option<&Authored>,
        ends_at: Instant,
    ) -> Result<R>
    where
        R: Message + Default + 'static,
    {
        let mut request = self.request(bytes, authored)?;
        request.set_timeout(ends_at.saturating_duration_since(Instant::now()));
        let mut grpc = self.grpc().await?;
        grpc.unary(
            request,
            PathAndQuery::from_static(path),
            SignedBytes::default(),
        )
        .await
        .map(tonic::Response::into_inner)
        .map_err(|status| self.explain(&status))
    }

    /// Opens a stream. Its opening is bounded by the deadline; the stream itself is not.
    pub(crate) async fn stream<R>(
        &self,
        path: &'static str,
        request: &impl Message,
    ) -> Result<Streaming<R>>
    where
        R: Message + Default + 'static,
    {
        let request = self.request(request.encode_to_vec().into(), None)?;
        let opening = async {
            let mut grpc = self.grpc().await?;
            grpc.server_streaming(
                request,
                PathAndQuery::from_static(path),
                SignedBytes::default(),
            )
            .await
            .map(tonic::Response::into_inner)
            .map_err(|status| self.explain(&status))
        };
        tokio::time::timeout(self.shared.deadline, opening)
            .await
            .map_err(|_| ClientError::Unreachable {
                endpoint: self.shared.endpoint.clone(),
                detail: format!("no stream within {} ms", self.shared.deadline.as_millis()),
            })?
    }

    /// A call that takes in a stream of messages and answers once. It is bounded by nothing but its
    /// caller's patience.
    pub(crate) async fn send_stream<R>(
        &self,
        path: &'static str,
        messages: impl futures::Stream<Item = Bytes> + Send + 'static,
    ) -> Result<R>
    where
        R: Message + Default + 'static,
    {
        let mut request = Request::new(messages);
        let token = self.shared.minter.header(Timestamp::now())?;
        request.metadata_mut().insert("authorization", token);
        let mut grpc = self.grpc().await?;
        grpc.client_streaming(
            request,
            PathAndQuery::from_static(path),
            SignedBytes::default(),
        )
        .await
        .map(tonic::Response::into_inner)
        .map_err(|status| self.explain(&status))
    }

    /// What a status means.
    pub(crate) fn explain(&self, status: &Status) -> ClientError {
        from_status(
            status,
            &self.shared.endpoint,
            self.shared.deadline,
            self.shared.watch.last(),
        )
    }

    async fn grpc(&self) -> Result<Grpc<Channel>> {
        let mut grpc =
            Grpc::new(self.shared.channel.clone()).max_decoding_message_size(ANSWER_BYTES_MAX);
        grpc.ready()
            .await
            .map_err(|error| self.explain(&Status::from_error(Box::new(error))))?;
        Ok(grpc)
    }

    fn request(&self, bytes: Bytes, authored: Option<&Authored>) -> Result<Request<Bytes>> {
        let mut request = Request::new(bytes);
        let token = self.shared.minter.header(Timestamp::now())?;
        request.metadata_mut().insert("authorization", token);
        if let Some(authored) = authored {
            sign_headers(request.metadata_mut(), authored);
        }
        self.say_purpose(request.metadata_mut());
        Ok(request)
    }

    /// Says what the call reads for, unless its headers say so already.
    fn say_purpose(&self, headers: &mut MetadataMap) {
        if !self.purpose.is_empty() && headers.get_bin(PURPOSE_HEADER).is_none() {
            let purpose = BinaryMetadataValue::from_bytes(self.purpose.as_bytes());
            headers.insert_bin(PURPOSE_HEADER, purpose);
        }
    }
}

fn checked_purpose(purpose: &str) -> Result<Arc<str>> {
    if is_purpose(purpose) {
        Ok(purpose.trim().into())
    } else {
        Err(ClientError::input("purpose", PURPOSE_RULE))
    }
}

fn sign_headers(headers: &mut MetadataMap, authored: &Authored) {
    headers.insert_bin(SALT_HEADER, BinaryMetadataValue::from_bytes(&authored.salt));
    headers.insert_bin(
        SIGNATURE_HEADER,
        BinaryMetadataValue::from_bytes(&authored.signature),
    );
}

/// A new request id: a UUID of version 7, as text.
///
/// ```
/// use agency_client::channels::NotificationDraft;
///
/// // Stored before the call, so that the call can be repeated after a crash.
/// let id = agency_client::request_id();
/// let draft = NotificationDraft::to(["health"]).request_id(id.clone());
/// assert_eq!(draft.id(), id);
/// ```
#[must_use]
pub fn request_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// Checks a request id that a caller brought.
pub(crate) fn checked_request_id(text: String) -> Result<String> {
    text.parse::<RequestId>()
        .map_err(|rule| ClientError::input("request_id", rule.to_string()))?;
    Ok(text)
}

mod builder;
pub(crate) mod forward;

pub use builder::ClientBuilder;
#[cfg(test)]
mod tests;
