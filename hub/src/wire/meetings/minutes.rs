//! `hub.meetings.v1.MinutesService`.

mod act;
mod items;
mod lookup;
mod show;
mod statistics;

use hub_core::names::{AgreedItemName, MinutesName, MinutesVersionName};
use hub_proto::meetings::{
    AgreedItem, CirculateMinutesRequest, CirculateMinutesResponse, CloseAgreedItemRequest,
    CloseAgreedItemResponse, ConsentToMinutesRequest, ConsentToMinutesResponse,
    CorrectMinutesRequest, CorrectMinutesResponse, DecideExtensionRequest, DecideExtensionResponse,
    DraftMinutesRequest, DraftMinutesResponse, GetAgreedItemRequest, GetAgreedItemResponse,
    GetMeetingStatisticsRequest, GetMeetingStatisticsResponse, GetMinutesRequest,
    GetMinutesResponse, GetMinutesVersionRequest, GetMinutesVersionResponse, IssueMinutesRequest,
    IssueMinutesResponse, ListAgreedItemsRequest, ListAgreedItemsResponse,
    ListMinutesVersionsRequest, ListMinutesVersionsResponse, ListProgressReportsRequest,
    ListProgressReportsResponse, Minutes, MinutesVersion, ObjectToMinutesRequest,
    ObjectToMinutesResponse, ReportProgressRequest, ReportProgressResponse,
    RequestExtensionRequest, RequestExtensionResponse, WithdrawObjectionRequest,
    WithdrawObjectionResponse, meetings_event, minutes_service_server::MinutesService,
};
use tonic::{Request, Response, Status};

use super::super::{Call, Services, parse, parse_name};
use crate::{
    authz::Access,
    domain::meetings::minutes::round,
    engine::recorded::Recorded,
    error::{Error, Result},
};

impl Services {
    fn shown_minutes(&self, access: &Access, name: MinutesName) -> Result<Minutes> {
        let found = lookup::minutes(&self.engine, access, name)?;
        let charter = access.roster().charter();
        show::minutes(&self.engine, charter, self.engine.clock().now(), &found)
    }

    /// The version that an entry drafted: also when it is asked again after others.
    fn shown_draft(
        &self,
        access: &Access,
        name: MinutesName,
        entry: &Recorded,
    ) -> Result<MinutesVersion> {
        let found = lookup::minutes(&self.engine, access, name)?;
        let drafted = entry.meetings_events().find_map(|event| match event {
            meetings_event::Kind::MinutesDrafted(event) => Some(event.version),
            _ => None,
        });
        let version = drafted.unwrap_or_default();
        show::version(&self.engine, &found, version, true)
    }

    fn shown_item(&self, access: &Access, name: AgreedItemName) -> Result<AgreedItem> {
        let found = lookup::item(&self.engine, access, name)?;
        let charter = access.roster().charter();
        let today = show::today(charter, self.engine.clock().now());
        items::found(&self.engine, today, &found)
    }
}

#[tonic::async_trait]
impl MinutesService for Services {
    async fn draft_minutes(
        &self,
        request: Request<DraftMinutesRequest>,
    ) -> Result<Response<DraftMinutesResponse>, Status> {
        const METHOD: &str = "/hub.meetings.v1.MinutesService/DraftMinutes";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let (name, entry) = self.draft(call, &access, request.get_ref()).await?;
        Ok(Response::new(DraftMinutesResponse {
            version: Some(self.shown_draft(&access, name, &entry)?),
            receipt: Some(entry.receipt()),
        }))
    }

    async fn circulate_minutes(
        &self,
        request: Request<CirculateMinutesRequest>,
    ) -> Result<Response<CirculateMinutesResponse>, Status> {
        const METHOD: &str = "/hub.meetings.v1.MinutesService/CirculateMinutes";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let (name, entry) = self.circulate(call, &access, request.get_ref()).await?;
        Ok(Response::new(CirculateMinutesResponse {
            minutes: Some(self.shown_minutes(&access, name)?),
            receipt: Some(entry.receipt()),
        }))
    }

    async fn consent_to_minutes(
        &self,
        request: Request<ConsentToMinutesRequest>,
    ) -> Result<Response<ConsentToMinutesResponse>, Status> {
        const METHOD: &str = "/hub.meetings.v1.MinutesService/ConsentToMinutes";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let (name, entry) = self.consent(call, &access, request.get_ref()).await?;
        Ok(Response::new(ConsentToMinutesResponse {
            minutes: Some(self.shown_minutes(&access, name)?),
            receipt: Some(entry.receipt()),
        }))
    }

    async fn object_to_minutes(
        &self,
        request: Request<ObjectToMinutesRequest>,
    ) -> Result<Response<ObjectToMinutesResponse>, Status> {
        const METHOD: &str = "/hub.meetings.v1.MinutesService/ObjectToMinutes";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let (name, entry) = self.object(call, &access, request.get_ref()).await?;
        Ok(Response::new(ObjectToMinutesResponse {
            minutes: Some(self.shown_minutes(&access, name)?),
            receipt: Some(entry.receipt()),
        }))
    }

    async fn withdraw_objection(
        &self,
        request: Request<WithdrawObjectionRequest>,
    ) -> Result<Response<WithdrawObjectionResponse>, Status> {
        const METHOD: &str = "/hub.meetings.v1.MinutesService/WithdrawObjection";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let (name, entry) = self.withdraw(call, &access, request.get_ref()).await?;
        Ok(Response::new(WithdrawObjectionResponse {
            minutes: Some(self.shown_minutes(&access, name)?),
            receipt: Some(entry.receipt()),
        }))
    }

    async fn issue_minutes(
        &self,
        request: Request<IssueMinutesRequest>,
    ) -> Result<Response<IssueMinutesResponse>, Status> {
        const METHOD: &str = "/hub.meetings.v1.MinutesService/IssueMinutes";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let (name, entry) = self.issue(call, &access, request.get_ref()).await?;
        Ok(Response::new(IssueMinutesResponse {
            minutes: Some(self.shown_minutes(&access, name)?),
            receipt: Some(entry.receipt()),
        }))
    }

    async fn correct_minutes(
        &self,
        request: Request<CorrectMinutesRequest>,
    ) -> Result<Response<CorrectMinutesResponse>, Status> {
        const METHOD: &str = "/hub.meetings.v1.MinutesService/CorrectMinutes";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let (name, entry) = self
            .correct_minutes_of(call, &access, request.get_ref())
            .await?;
        Ok(Response::new(CorrectMinutesResponse {
            minutes: Some(self.shown_minutes(&access, name)?),
            receipt: Some(entry.receipt()),
        }))
    }

    async fn report_progress(
        &self,
        request: Request<ReportProgressRequest>,
    ) -> Result<Response<ReportProgressResponse>, Status> {
        const METHOD: &str = "/hub.meetings.v1.MinutesService/ReportProgress";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let (name, entry) = self.report(call, &access, request.get_ref()).await?;
        Ok(Response::new(ReportProgressResponse {
            agreed_item: Some(self.shown_item(&access, name)?),
            receipt: Some(entry.receipt()),
        }))
    }

    async fn request_extension(
        &self,
        request: Request<RequestExtensionRequest>,
    ) -> Result<Response<RequestExtensionResponse>, Status> {
        const METHOD: &str = "/hub.meetings.v1.MinutesService/RequestExtension";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let (name, entry) = self.ask_extension(call, &access, request.get_ref()).await?;
        Ok(Response::new(RequestExtensionResponse {
            agreed_item: Some(self.shown_item(&access, name)?),
            receipt: Some(entry.receipt()),
        }))
    }

    async fn decide_extension(
        &self,
        request: Request<DecideExtensionRequest>,
    ) -> Result<Response<DecideExtensionResponse>, Status> {
        const METHOD: &str = "/hub.meetings.v1.MinutesService/DecideExtension";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let (name, entry) = self
            .answer_extension(call, &access, request.get_ref())
            .await?;
        Ok(Response::new(DecideExtensionResponse {
            agreed_item: Some(self.shown_item(&access, name)?),
            receipt: Some(entry.receipt()),
        }))
    }

    async fn close_agreed_item(
        &self,
        request: Request<CloseAgreedItemRequest>,
    ) -> Result<Response<CloseAgreedItemResponse>, Status> {
        const METHOD: &str = "/hub.meetings.v1.MinutesService/CloseAgreedItem";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let (name, entry) = self.close_item(call, &access, request.get_ref()).await?;
        Ok(Response::new(CloseAgreedItemResponse {
            agreed_item: Some(self.shown_item(&access, name)?),
            receipt: Some(entry.receipt()),
        }))
    }

    async fn get_minutes(
        &self,
        request: Request<GetMinutesRequest>,
    ) -> Result<Response<GetMinutesResponse>, Status> {
        let access = self.access(&request)?;
        let name = parse("name", &request.get_ref().name)?;
        Ok(Response::new(GetMinutesResponse {
            minutes: Some(self.shown_minutes(&access, name)?),
        }))
    }

    async fn get_minutes_version(
        &self,
        request: Request<GetMinutesVersionRequest>,
    ) -> Result<Response<GetMinutesVersionResponse>, Status> {
        let access = self.access(&request)?;
        let name: MinutesVersionName = parse("name", &request.get_ref().name)?;
        let found = lookup::minutes(&self.engine, &access, name.minutes)?;
        if !found.sees_version(name.version) {
            return Err(Error::not_found(&name.to_string()).into());
        }
        Ok(Response::new(GetMinutesVersionResponse {
            version: Some(show::version(&self.engine, &found, name.version, true)?),
        }))
    }

    async fn list_minutes_versions(
        &self,
        request: Request<ListMinutesVersionsRequest>,
    ) -> Result<Response<ListMinutesVersionsResponse>, Status> {
        let access = self.access(&request)?;
        let name = parse("parent", &request.get_ref().parent)?;
        let found = lookup::minutes(&self.engine, &access, name)?;
        let versions = (1..=round::newest(&found.row))
            .rev()
            .filter(|version| found.sees_version(*version))
            .map(|version| show::version(&self.engine, &found, version, false))
            .collect::<Result<_>>()?;
        Ok(Response::new(ListMinutesVersionsResponse { versions }))
    }

    async fn get_agreed_item(
        &self,
        request: Request<GetAgreedItemRequest>,
    ) -> Result<Response<GetAgreedItemResponse>, Status> {
        let access = self.access(&request)?;
        let name = parse("name", &request.get_ref().name)?;
        Ok(Response::new(GetAgreedItemResponse {
            agreed_item: Some(self.shown_item(&access, name)?),
        }))
    }

    async fn list_progress_reports(
        &self,
        request: Request<ListProgressReportsRequest>,
    ) -> Result<Response<ListProgressReportsResponse>, Status> {
        let access = self.access(&request)?;
        let request = request.get_ref();
        let found = lookup::item(&self.engine, &access, parse("parent", &request.parent)?)?;
        let unit = parse_name("unit", "agencies", &request.unit)?;
        let reports = items::all_reports(&self.engine, &found, &unit)?;
        Ok(Response::new(reports))
    }

    async fn list_agreed_items(
        &self,
        request: Request<ListAgreedItemsRequest>,
    ) -> Result<Response<ListAgreedItemsResponse>, Status> {
        let access = self.access(&request)?;
        if access.meeting_viewers().is_empty() {
            access.permit(crate::charter::Action::MeetingsRead)?;
        }
        let listed = items::list(&self.engine, &access, request.get_ref())?;
        Ok(Response::new(listed))
    }

    async fn get_meeting_statistics(
        &self,
        request: Request<GetMeetingStatisticsRequest>,
    ) -> Result<Response<GetMeetingStatisticsResponse>, Status> {
        let access = self.access(&request)?;
        let counted = statistics::statistics(&self.engine, &access, request.get_ref())?;
        Ok(Response::new(counted))
    }
}
