//! `hub.members.v1.MembersService`.

mod parse;
mod show;

use std::sync::Arc;

use hub_core::names::{AgencyId, MechanismId};
use hub_proto::members::{
    AddMembershipRequest, AddMembershipResponse, AppointLiaisonRequest, AppointLiaisonResponse,
    EnrollNodeRequest, EnrollNodeResponse, EnrollTokenKeyRequest, EnrollTokenKeyResponse,
    GetAgencyRequest, GetAgencyResponse, ListAgenciesRequest, ListAgenciesResponse,
    ListMechanismsRequest, ListMechanismsResponse, ListMembershipsRequest, ListMembershipsResponse,
    ListNodesRequest, ListNodesResponse, ListTokenKeysRequest, ListTokenKeysResponse, Membership,
    RevokeNodeRequest, RevokeNodeResponse, RevokeTokenKeyRequest, RevokeTokenKeyResponse,
    WhoAmIRequest, WhoAmIResponse, members_service_server::MembersService,
};
use jiff::civil::Date;
use tonic::{Request, Response, Status};

use super::{Call, Services, parse, parse_name};
use crate::{
    charter::Action,
    domain::members::{
        self,
        roster::{NODES_MAX, Roster, TOKEN_KEYS_MAX},
    },
    error::{Error, Result},
    identity::Peer,
};

impl Services {
    fn membership(
        &self,
        mechanism: &MechanismId,
        agency: &AgencyId,
        on: Date,
    ) -> Result<Membership> {
        let roster = self.engine.roster().load_full();
        show::memberships(&roster, mechanism, on)?
            .into_iter()
            .find(|membership| {
                membership
                    .agency
                    .as_ref()
                    .is_some_and(|one| one.name == format!("agencies/{agency}"))
            })
            .ok_or_else(|| Error::internal("a recorded membership is missing"))
    }

    /// A newly enrolled or revoked certificate.
    fn node(&self, fingerprint: &[u8]) -> Result<hub_proto::members::Node> {
        let roster: Arc<Roster> = self.engine.roster().load_full();
        let fingerprint = fingerprint.try_into().map_err(Error::internal)?;
        roster
            .node(&fingerprint)
            .map(show::node)
            .ok_or_else(|| Error::internal("a recorded node is missing"))
    }

    /// A certificate that would be let in if it were enrolled.
    fn node_to_enroll(&self, der: &[u8]) -> Result<Peer> {
        let refused = |rule: String| Error::field("certificate", rule);
        self.tls
            .verify_node(der)
            .map_err(|error| refused(format!("is not accepted: {error}")))?;
        Peer::from_certificate(der, &self.trust_domain).map_err(|error| refused(error.message))
    }

    fn token_key(&self, agency: &AgencyId, kid: &str) -> Result<hub_proto::members::TokenKey> {
        self.engine
            .roster()
            .load_full()
            .token_keys(agency)
            .into_iter()
            .find(|row| row.kid == kid)
            .map(show::token_key)
            .ok_or_else(|| Error::internal("a recorded key is missing"))
    }
}

#[tonic::async_trait]
impl MembersService for Services {
    async fn who_am_i(
        &self,
        request: Request<WhoAmIRequest>,
    ) -> Result<Response<WhoAmIResponse>, Status> {
        let access = self.who(&request)?;
        Ok(Response::new(show::who_am_i(&access)?))
    }

    async fn list_mechanisms(
        &self,
        request: Request<ListMechanismsRequest>,
    ) -> Result<Response<ListMechanismsResponse>, Status> {
        let access = self.access(&request)?;
        access.permit(Action::MembersRead)?;
        let on = parse::day(request.get_ref().as_of_on.as_ref(), access.day())?;
        let roster = access.roster();
        let mechanisms = roster.charter().mechanisms().iter();
        let mechanisms = mechanisms
            .map(|mechanism| show::mechanism(roster, mechanism, on))
            .collect();
        Ok(Response::new(ListMechanismsResponse { mechanisms }))
    }

    async fn list_agencies(
        &self,
        request: Request<ListAgenciesRequest>,
    ) -> Result<Response<ListAgenciesResponse>, Status> {
        let access = self.access(&request)?;
        access.permit(Action::MembersRead)?;
        let on = parse::day(request.get_ref().as_of_on.as_ref(), access.day())?;
        let agencies = access.roster().charter().agencies().iter();
        let agencies = agencies.map(|agency| show::agency(agency, on)).collect();
        Ok(Response::new(ListAgenciesResponse { agencies }))
    }

    async fn get_agency(
        &self,
        request: Request<GetAgencyRequest>,
    ) -> Result<Response<GetAgencyResponse>, Status> {
        let access = self.access(&request)?;
        access.permit(Action::MembersRead)?;
        let request = request.get_ref();
        let on = parse::day(request.as_of_on.as_ref(), access.day())?;
        let charter = access.roster().charter();
        let found = match (request.name.as_str(), request.query.as_str()) {
            ("" | "agencies/-", "") => {
                return Err(
                    Error::field("query", "must be set when name is empty or agencies/-").into(),
                );
            }
            ("" | "agencies/-", query) => charter.find_agency(query, on),
            (name, "") => charter.agency(&parse_name("name", "agencies", name)?),
            _ => {
                let rule = "must be empty when name names an agency; use agencies/-";
                return Err(Error::field("query", rule).into());
            }
        };
        let asked = if request.query.is_empty() {
            &request.name
        } else {
            &request.query
        };
        let found = found.ok_or_else(|| Error::not_found(asked))?;
        Ok(Response::new(GetAgencyResponse {
            agency: Some(show::agency(found, on)),
        }))
    }

    async fn list_memberships(
        &self,
        request: Request<ListMembershipsRequest>,
    ) -> Result<Response<ListMembershipsResponse>, Status> {
        let access = self.access(&request)?;
        access.permit(Action::MembersRead)?;
        let request = request.get_ref();
        let on = parse::day(request.as_of_on.as_ref(), access.day())?;
        let mechanism = parse_name("parent", "mechanisms", &request.parent)?;
        let memberships = show::memberships(access.roster(), &mechanism, on)?;
        Ok(Response::new(ListMembershipsResponse { memberships }))
    }

    async fn add_membership(
        &self,
        request: Request<AddMembershipRequest>,
    ) -> Result<Response<AddMembershipResponse>, Status> {
        const METHOD: &str = "/hub.members.v1.MembersService/AddMembership";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let request = request.into_inner();
        let command = parse::add_membership(access.roster(), &request)?;
        let permit = access.add_membership(&command.mechanism)?;
        let ids = vec![parse("request_id", &request.request_id)?];
        let (mechanism, agency) = (command.mechanism.clone(), command.agency.clone());
        let on = command.period.from_on.unwrap_or(access.day());
        let entry = self
            .record(call, permit, ids, members::Command::AddMembership(command))
            .await?;
        Ok(Response::new(AddMembershipResponse {
            membership: Some(self.membership(&mechanism, &agency, on)?),
            receipt: Some(entry.receipt()),
        }))
    }

    async fn appoint_liaison(
        &self,
        request: Request<AppointLiaisonRequest>,
    ) -> Result<Response<AppointLiaisonResponse>, Status> {
        const METHOD: &str = "/hub.members.v1.MembersService/AppointLiaison";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let request = request.into_inner();
        let command = parse::appoint_liaison(access.roster(), &request)?;
        let on = command.from_on;
        let permit = access.appoint_liaison(&command.mechanism, on)?;
        let ids = vec![parse("request_id", &request.request_id)?];
        let mechanism = command.mechanism.clone();
        let entry = self
            .record(call, permit, ids, members::Command::AppointLiaison(command))
            .await?;
        Ok(Response::new(AppointLiaisonResponse {
            membership: Some(self.membership(&mechanism, access.agency(), on)?),
            receipt: Some(entry.receipt()),
        }))
    }

    async fn list_nodes(
        &self,
        request: Request<ListNodesRequest>,
    ) -> Result<Response<ListNodesResponse>, Status> {
        let access = self.access(&request)?;
        let agency = parse::parent_agency(&request.get_ref().parent, access.agency())?;
        access.credentials_of(&agency, Action::NodesRead)?;
        let nodes = access
            .roster()
            .nodes(&agency)
            .into_iter()
            .map(show::node)
            .collect();
        Ok(Response::new(ListNodesResponse { nodes }))
    }

    async fn enroll_node(
        &self,
        request: Request<EnrollNodeRequest>,
    ) -> Result<Response<EnrollNodeResponse>, Status> {
        const METHOD: &str = "/hub.members.v1.MembersService/EnrollNode";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let permit = access.permit(Action::NodesEnroll)?;
        let request = request.into_inner();
        let ids = vec![parse("request_id", &request.request_id)?];
        let peer = self.node_to_enroll(&request.certificate)?;
        if peer.agency != *access.agency() {
            let rule = format!("must name agencies/{}, yours", access.agency());
            return Err(Error::field("certificate", rule).into());
        }
        // A replay of the last one that fitted must still be answered.
        let is_enrolled = access.roster().node(&peer.fingerprint).is_some();
        if !is_enrolled && access.roster().nodes(access.agency()).len() >= NODES_MAX {
            let rule = format!(
                "an agency enrolls at most {NODES_MAX} certificates, revoked ones included"
            );
            return Err(Error::field("certificate", rule).into());
        }
        let command = members::Command::EnrollNode {
            agency: peer.agency.clone(),
            node: peer.node.clone(),
            certificate: request.certificate.to_vec(),
        };
        let entry = self.record(call, permit, ids, command).await?;
        Ok(Response::new(EnrollNodeResponse {
            node: Some(self.node(&peer.fingerprint)?),
            receipt: Some(entry.receipt()),
        }))
    }

    async fn revoke_node(
        &self,
        request: Request<RevokeNodeRequest>,
    ) -> Result<Response<RevokeNodeResponse>, Status> {
        const METHOD: &str = "/hub.members.v1.MembersService/RevokeNode";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let request = request.into_inner();
        let (agency, fingerprint) = parse::node_name(&request.name)?;
        let permit = access.credentials_of(&agency, Action::NodesRevoke)?;
        let ids = vec![parse("request_id", &request.request_id)?];
        let reason = super::required_text("reason", &request.reason, 500)?;
        let command = members::Command::RevokeNode {
            agency,
            fingerprint,
            reason,
        };
        let entry = self.record(call, permit, ids, command).await?;
        Ok(Response::new(RevokeNodeResponse {
            node: Some(self.node(&fingerprint)?),
            receipt: Some(entry.receipt()),
        }))
    }

    async fn list_token_keys(
        &self,
        request: Request<ListTokenKeysRequest>,
    ) -> Result<Response<ListTokenKeysResponse>, Status> {
        let access = self.access(&request)?;
        let agency = parse::parent_agency(&request.get_ref().parent, access.agency())?;
        access.credentials_of(&agency, Action::NodesRead)?;
        let keys = access.roster().token_keys(&agency).into_iter();
        let token_keys = keys.map(show::token_key).collect();
        Ok(Response::new(ListTokenKeysResponse { token_keys }))
    }

    async fn enroll_token_key(
        &self,
        request: Request<EnrollTokenKeyRequest>,
    ) -> Result<Response<EnrollTokenKeyResponse>, Status> {
        const METHOD: &str = "/hub.members.v1.MembersService/EnrollTokenKey";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let permit = access.permit(Action::NodesEnroll)?;
        let request = request.into_inner();
        let ids = vec![parse("request_id", &request.request_id)?];
        let kid = parse::jwk(&request.jwk)?;
        let keys = access.roster().token_keys(access.agency());
        // A replay of the last one that fitted must still be answered.
        if keys.len() >= TOKEN_KEYS_MAX && keys.iter().all(|row| row.kid != kid) {
            let rule =
                format!("an agency enrolls at most {TOKEN_KEYS_MAX} keys, revoked ones included");
            return Err(Error::field("jwk", rule).into());
        }
        let agency = access.agency().clone();
        let command = members::Command::EnrollTokenKey {
            agency,
            kid: kid.clone(),
            jwk: request.jwk,
        };
        let entry = self.record(call, permit, ids, command).await?;
        Ok(Response::new(EnrollTokenKeyResponse {
            token_key: Some(self.token_key(access.agency(), &kid)?),
            receipt: Some(entry.receipt()),
        }))
    }

    async fn revoke_token_key(
        &self,
        request: Request<RevokeTokenKeyRequest>,
    ) -> Result<Response<RevokeTokenKeyResponse>, Status> {
        const METHOD: &str = "/hub.members.v1.MembersService/RevokeTokenKey";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let request = request.into_inner();
        let (agency, kid) = parse::token_key_name(&request.name)?;
        let permit = access.credentials_of(&agency, Action::NodesRevoke)?;
        let ids = vec![parse("request_id", &request.request_id)?];
        let reason = super::required_text("reason", &request.reason, 500)?;
        let command = members::Command::RevokeTokenKey {
            agency: agency.clone(),
            kid: kid.clone(),
            reason,
        };
        let entry = self.record(call, permit, ids, command).await?;
        Ok(Response::new(RevokeTokenKeyResponse {
            token_key: Some(self.token_key(&agency, &kid)?),
            receipt: Some(entry.receipt()),
        }))
    }
}
