//! Who read which restricted record, when and what for.
//!
//! ```no_run
//! # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
//! for read in client.audit().list_accesses(&Default::default()).await?.accesses {
//!     println!("{} {}", read.reader, read.purpose);
//! }
//! # Ok(())
//! # }
//! ```

use std::collections::VecDeque;

use hub_proto::audit::{Access, ListAccessesRequest, ListAccessesResponse};

use crate::{client::Client, error::Result};

/// The audit service. Made by [`Client::audit`].
///
/// ```no_run
/// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
/// let page = client.audit().list_accesses(&Default::default()).await?;
/// println!("{} reads", page.accesses.len());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Audit {
    client: Client,
}

impl Audit {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    /// A page of accesses to restricted records, newest first unless the request says otherwise: of the
    /// own agency's officers and to its records, or, for the auditor of the body above the mechanisms, of
    /// all agencies. A page may be empty and not the last.
    ///
    /// ```no_run
    /// use agency_client::proto::audit::ListAccessesRequest;
    ///
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// let request = ListAccessesRequest {
    ///     officer: "tax-clerk-1".into(),
    ///     ..ListAccessesRequest::default()
    /// };
    /// for access in client.audit().list_accesses(&request).await?.accesses {
    ///     println!("{} {}", access.officer, access.purpose);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn list_accesses(
        &self,
        request: &ListAccessesRequest,
    ) -> Result<ListAccessesResponse> {
        let path = "/hub.audit.v1.AuditService/ListAccesses";
        self.client.read(path, request).await
    }

    /// All accesses that a request finds, page by page.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// let mut accesses = client.audit().all_accesses(Default::default());
    /// while let Some(access) = accesses.next().await? {
    ///     println!("{} read {} records", access.officer, access.records.len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn all_accesses(&self, request: ListAccessesRequest) -> Accesses {
        Accesses {
            audit: self.clone(),
            request,
            page: VecDeque::new(),
            is_last: false,
        }
    }
}

/// Accesses, one after the other. Made by [`Audit::all_accesses`].
///
/// ```no_run
/// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
/// let mut reads = client.audit().all_accesses(Default::default());
/// while let Some(read) = reads.next().await? {
///     println!("{}", read.officer);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Accesses {
    audit: Audit,
    request: ListAccessesRequest,
    page: VecDeque<Access>,
    is_last: bool,
}

impl Accesses {
    /// The next access; `None` at the end. After an error it can be called again and goes on where it was.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// let mut reads = client.audit().all_accesses(Default::default());
    /// let newest = reads.next().await?;
    /// # drop(newest);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`crate::ClientError`].
    pub async fn next(&mut self) -> Result<Option<Access>> {
        while self.page.is_empty() && !self.is_last {
            let answer = self.audit.list_accesses(&self.request).await?;
            self.page = answer.accesses.into();
            self.is_last = answer.next_page_token.is_empty();
            self.request.page_token = answer.next_page_token;
        }
        Ok(self.page.pop_front())
    }
}
