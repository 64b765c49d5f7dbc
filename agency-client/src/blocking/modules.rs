//! The client's modules, call by call.

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use hub_proto::{
    attachments::Upload,
    audit::{ListAccessesRequest, ListAccessesResponse},
    channels::{
        AcknowledgeDeliveryResponse, Attachment, BatchPublishNotificationsResponse, Channel,
        Consumer, CorrectNotificationResponse, DeliveryReceipt, GetNotificationResponse,
        ListNotificationsRequest, ListNotificationsResponse, ListOutstandingActionsRequest,
        ListOutstandingActionsResponse, OpenNotificationResponse, PublishNotificationResponse,
        RetractNotificationResponse, SearchNotificationsResponse, SignForNotificationResponse,
    },
    ledger::{
        GetConsistencyProofResponse, GetEntryResponse, GetInclusionProofResponse,
        ListEntryHeadersRequest, ListEntryHeadersResponse,
    },
    members::{
        AddMembershipRequest, AddMembershipResponse, Agency, AppointLiaisonRequest,
        AppointLiaisonResponse, EnrollNodeResponse, EnrollTokenKeyResponse, Mechanism, Membership,
        Node, RevokeNodeResponse, RevokeTokenKeyResponse, TokenKey, WhoAmIResponse,
    },
};
use jiff::civil::Date;

use super::{Client, SearchResults, Subscription, Threads};
use crate::{
    attachments::Progress,
    author::Recorded,
    channels::{NotificationDraft, SearchQuery},
    checkpoint::TrustedCheckpoint,
    error::Result,
    ledger::AuditReport,
    subscribe::SubscribeOptions,
    verify::Bundle,
};

/// A module whose methods are those of the async one.
macro_rules! module {
    (
        $(#[$doc:meta])*
        $name:ident($maker:ident, $path:literal) {
            $(fn $method:ident($($arg:ident: $type:ty),*) -> $answer:ty;)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name {
            client: Client,
        }

        impl $name {
            pub(super) fn new(client: &Client) -> Self {
                Self { client: client.clone() }
            }

            fn threads(&self) -> &Arc<Threads> {
                &self.client.threads
            }

            $(
                #[doc = concat!("As [`crate::", $path, "::", stringify!($method), "`].")]
                ///
                /// ```no_run
                /// # #![allow(unused_imports)]
                /// # use std::path::Path;
                /// # use agency_client::{
                /// #     Recorded, Result, attachments::Progress, blocking::Client,
                /// #     channels::{NotificationDraft, SearchQuery}, checkpoint::TrustedCheckpoint,
                /// #     funds::AlertDraft, ledger::AuditReport, requests::RequestDraft, verify::Bundle,
                /// #     proto::{attachments::*, audit::*, channels::*, funds::*, ledger::*, members::*},
                /// #     proto::{meetings::{self, *}, referrals::*, requests::*},
                /// # };
                /// # use bytes::Bytes;
                /// # use jiff::civil::Date;
                #[doc = concat!(
                    "fn example(\n    client: &Client",
                    $(",\n    ", stringify!($arg), ": ", stringify!($type),)*
                    "\n) -> Result<", stringify!($answer), "> {\n    client.",
                    stringify!($maker), "().", stringify!($method), "("
                    $(, stringify!($arg), ", ")*
                    , ")\n}"
                )]
                /// ```
                ///
                /// # Errors
                /// As there; [`crate::ClientError::AsyncContext`] inside an async runtime.
                pub fn $method(&self, $($arg: $type),*) -> Result<$answer> {
                    let module = self.client.inner.$maker();
                    self.threads().run(async { module.$method($($arg),*).await })?
                }
            )*
        }
    };
}

pub(super) use module;

module! {
    /// The channels service. Made by [`Client::channels`].
    ///
    /// ```no_run
    /// # fn example(client: agency_client::blocking::Client) -> agency_client::Result<()> {
    /// for channel in client.channels().list_channels()? {
    ///     println!("{} {}", channel.name, channel.display_name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    Channels(channels, "channels::Channels") {
        fn list_channels() -> Vec<Channel>;
        fn publish(draft: NotificationDraft) -> Recorded<PublishNotificationResponse>;
        fn publish_batch(
            drafts: Vec<NotificationDraft>
        ) -> Recorded<BatchPublishNotificationsResponse>;
        fn publish_batch_as(
            drafts: Vec<NotificationDraft>,
            request_id: String
        ) -> Recorded<BatchPublishNotificationsResponse>;
        fn notification(name: &str) -> GetNotificationResponse;
        fn list_notifications(request: &ListNotificationsRequest) -> ListNotificationsResponse;
        fn search(query: &SearchQuery) -> SearchNotificationsResponse;
        fn open(name: &str, recipient: Option<&str>) -> Recorded<OpenNotificationResponse>;
        fn sign_for(name: &str, recipient: Option<&str>) -> Recorded<SignForNotificationResponse>;
        fn delivery_receipts(name: &str) -> Vec<DeliveryReceipt>;
        fn acknowledge(consumer: &str, cursor: &str) -> Recorded<AcknowledgeDeliveryResponse>;
        fn list_consumers() -> Vec<Consumer>;
        fn correct(
            name: &str,
            draft: NotificationDraft,
            reason: &str
        ) -> Recorded<CorrectNotificationResponse>;
        fn retract(name: &str, reason: &str) -> Recorded<RetractNotificationResponse>;
        fn retract_as(
            name: &str,
            reason: &str,
            request_id: String
        ) -> Recorded<RetractNotificationResponse>;
        fn outstanding(request: &ListOutstandingActionsRequest) -> ListOutstandingActionsResponse;
    }
}

impl Channels {
    /// As [`crate::channels::Channels::subscribe`], as an iterator.
    ///
    /// ```no_run
    /// use agency_client::{blocking::Client, subscribe::SubscribeOptions};
    ///
    /// # fn example(client: Client) -> agency_client::Result<()> {
    /// for event in client.channels().subscribe(SubscribeOptions::default())? {
    ///     println!("{:?}", event?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`crate::ClientError::AsyncContext`] inside an async runtime.
    pub fn subscribe(&self, options: SubscribeOptions) -> Result<Subscription> {
        let channels = self.client.inner.channels();
        let inner = self.threads().run(async { channels.subscribe(options) })?;
        Ok(Subscription {
            inner,
            threads: Arc::clone(self.threads()),
        })
    }

    /// As [`crate::channels::Channels::search_all`], as an iterator.
    ///
    /// ```no_run
    /// use agency_client::{blocking::Client, channels::SearchQuery};
    ///
    /// # fn example(client: Client) -> agency_client::Result<()> {
    /// for found in client.channels().search_all(SearchQuery::new().title("检查")) {
    ///     println!("{}", found?.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn search_all(&self, query: SearchQuery) -> SearchResults {
        SearchResults {
            inner: self.client.inner.channels().search_all(query),
            threads: Arc::clone(self.threads()),
        }
    }
}

module! {
    /// The audit service. Made by [`Client::audit`].
    ///
    /// ```no_run
    /// # fn example(client: agency_client::blocking::Client) -> agency_client::Result<()> {
    /// for access in client.audit().list_accesses(&Default::default())?.accesses {
    ///     println!("{} {}", access.officer, access.purpose);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    Audit(audit, "audit::Audit") {
        fn list_accesses(request: &ListAccessesRequest) -> ListAccessesResponse;
    }
}

module! {
    /// The members service. Made by [`Client::members`].
    ///
    /// ```no_run
    /// # fn example(client: agency_client::blocking::Client) -> agency_client::Result<()> {
    /// println!("{:?}", client.members().who_am_i()?);
    /// # Ok(())
    /// # }
    /// ```
    Members(members, "members::Members") {
        fn who_am_i() -> WhoAmIResponse;
        fn list_mechanisms(as_of: Option<Date>) -> Vec<Mechanism>;
        fn list_agencies(as_of: Option<Date>) -> Vec<Agency>;
        fn agency(name: &str, as_of: Option<Date>) -> Agency;
        fn find_agency(query: &str, as_of: Option<Date>) -> Agency;
        fn list_memberships(mechanism: &str, as_of: Option<Date>) -> Vec<Membership>;
        fn add_membership(request: AddMembershipRequest) -> Recorded<AddMembershipResponse>;
        fn appoint_liaison(request: AppointLiaisonRequest) -> Recorded<AppointLiaisonResponse>;
        fn list_nodes(agency: Option<&str>) -> Vec<Node>;
        fn enroll_node(certificate: Vec<u8>) -> Recorded<EnrollNodeResponse>;
        fn revoke_node(name: &str, reason: &str) -> Recorded<RevokeNodeResponse>;
        fn list_token_keys(agency: Option<&str>) -> Vec<TokenKey>;
        fn enroll_token_key(jwk: &str) -> Recorded<EnrollTokenKeyResponse>;
        fn revoke_token_key(name: &str, reason: &str) -> Recorded<RevokeTokenKeyResponse>;
    }
}

module! {
    /// The ledger service. Made by [`Client::ledger`].
    ///
    /// ```no_run
    /// # fn example(client: agency_client::blocking::Client) -> agency_client::Result<()> {
    /// println!("{} entries", client.ledger().checkpoint()?.size);
    /// # Ok(())
    /// # }
    /// ```
    Ledger(ledger, "ledger::Ledger") {
        fn raw_checkpoint() -> String;
        fn checkpoint() -> TrustedCheckpoint;
        fn checkpoint_covering(entry_index: u64) -> TrustedCheckpoint;
        fn inclusion_proof(entry_index: u64, tree_size: u64) -> GetInclusionProofResponse;
        fn consistency_proof(from_size: u64, to_size: u64) -> GetConsistencyProofResponse;
        fn entry(entry_index: u64) -> GetEntryResponse;
        fn entry_headers(request: &ListEntryHeadersRequest) -> ListEntryHeadersResponse;
        fn bundle(entry_index: u64, header: Option<&[u8]>) -> Bundle;
        fn audit(progress: impl FnMut(u64, u64)) -> AuditReport;
    }
}

module! {
    /// The attachments service. Made by [`Client::attachments`].
    ///
    /// ```no_run
    /// # fn example(client: agency_client::blocking::Client) -> agency_client::Result<()> {
    /// let attachment = client.attachments().upload("report.pdf".as_ref(), |_| {})?;
    /// println!("{}", attachment.sha256);
    /// # Ok(())
    /// # }
    /// ```
    Attachments(attachments, "attachments::Attachments") {
        fn upload(
            file: &Path,
            progress: impl Fn(Progress) + Send + Sync + 'static
        ) -> Attachment;
        fn upload_bytes(
            file_name: &str,
            media_type: &str,
            content: Bytes,
            progress: impl Fn(Progress) + Send + Sync + 'static
        ) -> Attachment;
        fn status(sha256: &str) -> Option<Upload>;
        fn download(
            notification: &str,
            attachment: &Attachment,
            file: &Path,
            progress: impl Fn(Progress) + Send + Sync + 'static
        ) -> ();
    }
}
