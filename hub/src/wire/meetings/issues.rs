//! `hub.meetings.v1.MajorIssueService`.

mod act;
mod list;
pub(in crate::wire) mod lookup;
mod show;

use hub_proto::meetings::{
    CoSignEscalationRequest, CoSignEscalationResponse, DisposeMajorIssueRequest,
    DisposeMajorIssueResponse, DraftEscalationRequest, DraftEscalationResponse,
    FlagMajorIssueRequest, FlagMajorIssueResponse, GetEscalationRequest, GetEscalationResponse,
    GetMajorIssueRequest, GetMajorIssueResponse, ListEscalationsRequest, ListEscalationsResponse,
    ListMajorIssuesRequest, ListMajorIssuesResponse, ReplyToEscalationRequest,
    ReplyToEscalationResponse, SendEscalationRequest, SendEscalationResponse,
    WithdrawEscalationRequest, WithdrawEscalationResponse,
    major_issue_service_server::MajorIssueService,
};
use tonic::{Request, Response, Status};

use crate::wire::{Call, Services, parse};

#[tonic::async_trait]
impl MajorIssueService for Services {
    async fn flag_major_issue(
        &self,
        request: Request<FlagMajorIssueRequest>,
    ) -> Result<Response<FlagMajorIssueResponse>, Status> {
        const METHOD: &str = "/hub.meetings.v1.MajorIssueService/FlagMajorIssue";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let (major_issue, receipt) = self.flag(call, &access, request.get_ref()).await?;
        Ok(Response::new(FlagMajorIssueResponse {
            major_issue: Some(major_issue),
            receipt: Some(receipt),
        }))
    }

    async fn dispose_major_issue(
        &self,
        request: Request<DisposeMajorIssueRequest>,
    ) -> Result<Response<DisposeMajorIssueResponse>, Status> {
        const METHOD: &str = "/hub.meetings.v1.MajorIssueService/DisposeMajorIssue";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let (major_issue, receipt) = self.dispose(call, &access, request.get_ref()).await?;
        Ok(Response::new(DisposeMajorIssueResponse {
            major_issue: Some(major_issue),
            receipt: Some(receipt),
        }))
    }

    async fn draft_escalation(
        &self,
        request: Request<DraftEscalationRequest>,
    ) -> Result<Response<DraftEscalationResponse>, Status> {
        const METHOD: &str = "/hub.meetings.v1.MajorIssueService/DraftEscalation";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let (escalation, receipt) = self
            .draft_an_escalation(call, &access, request.get_ref())
            .await?;
        Ok(Response::new(DraftEscalationResponse {
            escalation: Some(escalation),
            receipt: Some(receipt),
        }))
    }

    async fn co_sign_escalation(
        &self,
        request: Request<CoSignEscalationRequest>,
    ) -> Result<Response<CoSignEscalationResponse>, Status> {
        const METHOD: &str = "/hub.meetings.v1.MajorIssueService/CoSignEscalation";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let (escalation, receipt) = self.co_sign(call, &access, request.get_ref()).await?;
        Ok(Response::new(CoSignEscalationResponse {
            escalation: Some(escalation),
            receipt: Some(receipt),
        }))
    }

    async fn send_escalation(
        &self,
        request: Request<SendEscalationRequest>,
    ) -> Result<Response<SendEscalationResponse>, Status> {
        const METHOD: &str = "/hub.meetings.v1.MajorIssueService/SendEscalation";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let (escalation, receipt) = self.send(call, &access, request.get_ref()).await?;
        Ok(Response::new(SendEscalationResponse {
            escalation: Some(escalation),
            receipt: Some(receipt),
        }))
    }

    async fn withdraw_escalation(
        &self,
        request: Request<WithdrawEscalationRequest>,
    ) -> Result<Response<WithdrawEscalationResponse>, Status> {
        const METHOD: &str = "/hub.meetings.v1.MajorIssueService/WithdrawEscalation";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let (escalation, receipt) = self
            .withdraw_a_draft(call, &access, request.get_ref())
            .await?;
        Ok(Response::new(WithdrawEscalationResponse {
            escalation: Some(escalation),
            receipt: Some(receipt),
        }))
    }

    async fn reply_to_escalation(
        &self,
        request: Request<ReplyToEscalationRequest>,
    ) -> Result<Response<ReplyToEscalationResponse>, Status> {
        const METHOD: &str = "/hub.meetings.v1.MajorIssueService/ReplyToEscalation";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let (escalation, receipt) = self.reply(call, &access, request.get_ref()).await?;
        Ok(Response::new(ReplyToEscalationResponse {
            escalation: Some(escalation),
            receipt: Some(receipt),
        }))
    }

    async fn get_major_issue(
        &self,
        request: Request<GetMajorIssueRequest>,
    ) -> Result<Response<GetMajorIssueResponse>, Status> {
        let access = self.access(&request)?;
        let name = parse("name", &request.get_ref().name)?;
        let found = lookup::issue(&self.engine, &access, name)?;
        let shown = show::issue(&self.engine, &access, &found, true)?;
        Ok(Response::new(GetMajorIssueResponse {
            major_issue: Some(shown),
        }))
    }

    async fn list_major_issues(
        &self,
        request: Request<ListMajorIssuesRequest>,
    ) -> Result<Response<ListMajorIssuesResponse>, Status> {
        let access = self.access(&request)?;
        let listed = self.list_issues(&access, request.get_ref())?;
        Ok(Response::new(listed))
    }

    async fn get_escalation(
        &self,
        request: Request<GetEscalationRequest>,
    ) -> Result<Response<GetEscalationResponse>, Status> {
        let access = self.access(&request)?;
        let found = self.find_escalation(&access, &request.get_ref().name)?;
        let shown = show::escalation(&self.engine, &found, true)?;
        Ok(Response::new(GetEscalationResponse {
            escalation: Some(shown),
        }))
    }

    async fn list_escalations(
        &self,
        request: Request<ListEscalationsRequest>,
    ) -> Result<Response<ListEscalationsResponse>, Status> {
        let access = self.access(&request)?;
        let listed = self.list_the_escalations(&access, request.get_ref())?;
        Ok(Response::new(listed))
    }
}
