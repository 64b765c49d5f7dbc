//! Mechanisms, agencies, memberships, liaisons, nodes and token keys, one method an RPC.
//!
//! A day of `None` means today in the charter's time zone.
//!
//! ```no_run
//! # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
//! for agency in client.members().list_agencies(None).await? {
//!     println!("{} {}", agency.name, agency.display_name);
//! }
//! # Ok(())
//! # }
//! ```

use hub_core::date::to_wire;
use hub_proto::members::{
    AddMembershipRequest, AddMembershipResponse, Agency, AppointLiaisonRequest,
    AppointLiaisonResponse, EnrollNodeRequest, EnrollNodeResponse, EnrollTokenKeyRequest,
    EnrollTokenKeyResponse, GetAgencyRequest, GetAgencyResponse, ListAgenciesRequest,
    ListAgenciesResponse, ListMechanismsRequest, ListMechanismsResponse, ListMembershipsRequest,
    ListMembershipsResponse, ListNodesRequest, ListNodesResponse, ListTokenKeysRequest,
    ListTokenKeysResponse, Mechanism, Membership, Node, RevokeNodeRequest, RevokeNodeResponse,
    RevokeTokenKeyRequest, RevokeTokenKeyResponse, TokenKey, WhoAmIRequest, WhoAmIResponse,
};
use jiff::civil::Date;

use crate::{
    author::Recorded,
    client::{Client, checked_request_id, request_id},
    error::{ClientError, Result},
};

macro_rules! path {
    ($method:literal) => {
        concat!("/hub.members.v1.MembersService/", $method)
    };
}

/// The members service. Made by [`Client::members`].
///
/// ```no_run
/// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
/// let me = client.members().who_am_i().await?;
/// println!("{:?}", me.agency);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Members {
    client: Client,
}

impl Members {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    /// Who the hub takes the caller for.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// println!("{:?}", client.members().who_am_i().await?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`ClientError`]; so for every method here.
    pub async fn who_am_i(&self) -> Result<WhoAmIResponse> {
        self.client.read(path!("WhoAmI"), &WhoAmIRequest {}).await
    }

    /// The charter's mechanisms on a day.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// for mechanism in client.members().list_mechanisms(None).await? {
    ///     println!("{}", mechanism.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn list_mechanisms(&self, as_of: Option<Date>) -> Result<Vec<Mechanism>> {
        let request = ListMechanismsRequest {
            as_of_on: as_of.map(to_wire),
        };
        let answer: ListMechanismsResponse =
            self.client.read(path!("ListMechanisms"), &request).await?;
        Ok(answer.mechanisms)
    }

    /// Every agency of the charter with its name on a day.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use jiff::civil::date;
    ///
    /// let then = client.members().list_agencies(Some(date(2021, 7, 1))).await?;
    /// println!("{} agencies", then.len());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn list_agencies(&self, as_of: Option<Date>) -> Result<Vec<Agency>> {
        let request = ListAgenciesRequest {
            as_of_on: as_of.map(to_wire),
        };
        let answer: ListAgenciesResponse =
            self.client.read(path!("ListAgencies"), &request).await?;
        Ok(answer.agencies)
    }

    /// One agency by its resource name, such as `agencies/tax`.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// println!("{}", client.members().agency("agencies/tax", None).await?.display_name);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn agency(&self, name: &str, as_of: Option<Date>) -> Result<Agency> {
        self.find(name, "", as_of).await
    }

    /// One agency by any official name, alias or id (JE-013).
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// println!("{}", client.members().find_agency("税务局", None).await?.name);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn find_agency(&self, query: &str, as_of: Option<Date>) -> Result<Agency> {
        self.find("agencies/-", query, as_of).await
    }

    async fn find(&self, name: &str, query: &str, as_of: Option<Date>) -> Result<Agency> {
        let request = GetAgencyRequest {
            name: name.to_owned(),
            query: query.to_owned(),
            as_of_on: as_of.map(to_wire),
        };
        let answer: GetAgencyResponse = self.client.read(path!("GetAgency"), &request).await?;
        answer
            .agency
            .ok_or_else(|| ClientError::Protocol("GetAgency answered without an agency".into()))
    }

    /// Members of a mechanism, such as `mechanisms/joint-enforcement`, in official order.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// let members = client.members().list_memberships("mechanisms/joint-enforcement", None).await?;
    /// println!("{} members", members.len());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn list_memberships(
        &self,
        mechanism: &str,
        as_of: Option<Date>,
    ) -> Result<Vec<Membership>> {
        let request = ListMembershipsRequest {
            parent: mechanism.to_owned(),
            as_of_on: as_of.map(to_wire),
        };
        let answer: ListMembershipsResponse =
            self.client.read(path!("ListMemberships"), &request).await?;
        Ok(answer.memberships)
    }

    /// Adds a member (JE-014, FS-013). An empty `request_id` is filled in.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::members::AddMembershipRequest;
    ///
    /// let request = AddMembershipRequest::default(); // filled in from the deciding document
    /// client.members().add_membership(request).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn add_membership(
        &self,
        mut request: AddMembershipRequest,
    ) -> Result<Recorded<AddMembershipResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("AddMembership"), &request).await
    }

    /// Names or changes the liaison of the caller's agency (JE-027, JE-028). An empty
    /// `request_id` is filled in.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::members::AppointLiaisonRequest;
    ///
    /// let request = AppointLiaisonRequest::default(); // filled in with officer and dates
    /// client.members().appoint_liaison(request).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn appoint_liaison(
        &self,
        mut request: AppointLiaisonRequest,
    ) -> Result<Recorded<AppointLiaisonResponse>> {
        request.request_id = minted(request.request_id)?;
        self.client.mutate(path!("AppointLiaison"), &request).await
    }

    /// Nodes of an agency; of the caller's when none is named.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// for node in client.members().list_nodes(None).await? {
    ///     println!("{}", node.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn list_nodes(&self, agency: Option<&str>) -> Result<Vec<Node>> {
        let request = ListNodesRequest {
            parent: agency.unwrap_or_default().to_owned(),
        };
        let answer: ListNodesResponse = self.client.read(path!("ListNodes"), &request).await?;
        Ok(answer.nodes)
    }

    /// Enrols a certificate (DER) of the caller's agency.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// # let der: Vec<u8> = vec![];
    /// client.members().enroll_node(der).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn enroll_node(&self, certificate: Vec<u8>) -> Result<Recorded<EnrollNodeResponse>> {
        let request = EnrollNodeRequest {
            certificate: certificate.into(),
            request_id: request_id(),
        };
        self.client.mutate(path!("EnrollNode"), &request).await
    }

    /// Revokes a certificate by its resource name; its open streams end.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// # let name = "";
    /// client.members().revoke_node(name, "the machine was replaced").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn revoke_node(
        &self,
        name: &str,
        reason: &str,
    ) -> Result<Recorded<RevokeNodeResponse>> {
        let request = RevokeNodeRequest {
            name: name.to_owned(),
            reason: reason.to_owned(),
            request_id: request_id(),
        };
        self.client.mutate(path!("RevokeNode"), &request).await
    }

    /// Token keys of an agency; of the caller's when none is named.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// for key in client.members().list_token_keys(None).await? {
    ///     println!("{}", key.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn list_token_keys(&self, agency: Option<&str>) -> Result<Vec<TokenKey>> {
        let request = ListTokenKeysRequest {
            parent: agency.unwrap_or_default().to_owned(),
        };
        let answer: ListTokenKeysResponse =
            self.client.read(path!("ListTokenKeys"), &request).await?;
        Ok(answer.token_keys)
    }

    /// Enrols a token-signing key of the caller's agency: a public JWK with `kid`.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// # let jwk = "";
    /// client.members().enroll_token_key(jwk).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn enroll_token_key(&self, jwk: &str) -> Result<Recorded<EnrollTokenKeyResponse>> {
        let request = EnrollTokenKeyRequest {
            jwk: jwk.to_owned(),
            request_id: request_id(),
        };
        self.client.mutate(path!("EnrollTokenKey"), &request).await
    }

    /// Revokes a token-signing key by its resource name.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// # let name = "";
    /// client.members().revoke_token_key(name, "rotated").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn revoke_token_key(
        &self,
        name: &str,
        reason: &str,
    ) -> Result<Recorded<RevokeTokenKeyResponse>> {
        let request = RevokeTokenKeyRequest {
            name: name.to_owned(),
            reason: reason.to_owned(),
            request_id: request_id(),
        };
        self.client.mutate(path!("RevokeTokenKey"), &request).await
    }
}

fn minted(id: String) -> Result<String> {
    if id.is_empty() {
        Ok(request_id())
    } else {
        checked_request_id(id)
    }
}
