//! `hub.meetings.v1.MeetingService`.

mod create;
pub(in crate::wire) mod fields;
pub(in crate::wire) mod lookup;
mod minutes;
pub(in crate::wire) mod show;

use std::sync::Arc;

use hub_core::{
    date,
    names::{MeetingName, Recipient, RequestId},
};
use hub_proto::{
    common::Receipt,
    meetings::{
        AnswerNoticeRequest, AnswerNoticeResponse, CancelMeetingRequest, CancelMeetingResponse,
        ChangeMeetingRequest, ChangeMeetingResponse, CloseMeetingRequest, CloseMeetingResponse,
        CommentOnTopicRequest, CommentOnTopicResponse, ConfirmMeetingRequest,
        ConfirmMeetingResponse, ConfirmTopicsRequest, ConfirmTopicsResponse, ConveneMeetingRequest,
        ConveneMeetingResponse, CreateMeetingRequest, CreateMeetingResponse, DecideTopicRequest,
        DecideTopicResponse, GetMeetingRequest, GetMeetingResponse, GetTopicRequest,
        GetTopicResponse, ListMeetingWarningsRequest, ListMeetingWarningsResponse,
        ListMeetingsRequest, ListMeetingsResponse, ListTopicsRequest, ListTopicsResponse, Meeting,
        OpenTopicsRequest, OpenTopicsResponse, OrderTopicsRequest, OrderTopicsResponse,
        ProposeTopicRequest, ProposeTopicResponse, RecordMeetingHeldRequest,
        RecordMeetingHeldResponse, meeting_service_server::MeetingService,
    },
};
use tonic::{Request, Response, Status};

use super::{Call, Services, parse};
use crate::{
    authz::{Access, Permit},
    domain::meetings::{
        self,
        meeting::{self, Act, Change},
    },
    engine::recorded::Recorded,
    error::{Error, Result},
};

use self::{lookup::FoundMeeting, show::Detail};

impl Services {
    /// Records something done about a meeting.
    async fn change_meeting(
        &self,
        call: Call,
        permit: Permit,
        found: &FoundMeeting,
        (etag, request_id): (&str, &str),
        act: Act,
    ) -> Result<Arc<Recorded>> {
        let request_id: RequestId = parse("request_id", request_id)?;
        let change = Change {
            meeting: found.name,
            title: lookup::draft(&self.engine, &found.row)?.title,
            etag: etag.to_owned(),
            act,
        };
        let command = meetings::Command::Meeting(meeting::Command::Change(Box::new(change)));
        self.record(call, permit, vec![request_id], command).await
    }

    /// A meeting as it stands after an act of the caller.
    fn shown_meeting(
        &self,
        access: &Access,
        name: MeetingName,
        entry: &Recorded,
    ) -> Result<(Meeting, Receipt)> {
        let found = lookup::meeting(&self.engine, access, name)?;
        let charter = access.roster().charter();
        let shown = show::meeting(&self.engine, charter, &found, Detail::Whole)?;
        Ok((shown, entry.receipt()))
    }

    fn find_meeting(&self, access: &Access, field: &str, name: &str) -> Result<FoundMeeting> {
        lookup::meeting(&self.engine, access, parse(field, name)?)
    }

    async fn confirm(
        &self,
        call: Call,
        access: &Access,
        request: &ConfirmMeetingRequest,
    ) -> Result<(Meeting, Receipt)> {
        let found = self.find_meeting(access, "name", &request.name)?;
        let Recipient::Office(office) = parse("office", &request.office)? else {
            return Err(Error::field(
                "office",
                "must be mechanisms/{mechanism}/office",
            ));
        };
        let permit = access.convene(std::slice::from_ref(&office))?;
        if !found.mechanisms().contains(&office) {
            let rule = "must be an office of the meeting";
            return Err(Error::field("office", rule));
        }
        let given = (&*request.etag, &*request.request_id);
        let act = Act::Confirm(office);
        let entry = self
            .change_meeting(call, permit, &found, given, act)
            .await?;
        self.shown_meeting(access, found.name, &entry)
    }

    async fn open_for_topics(
        &self,
        call: Call,
        access: &Access,
        request: &OpenTopicsRequest,
    ) -> Result<(Meeting, Receipt)> {
        let found = self.find_meeting(access, "name", &request.name)?;
        let permit = access.convene(&found.mechanisms())?;
        let given = (&*request.etag, &*request.request_id);
        let topics_by_at = lookup::draft(&self.engine, &found.row)?.topics_by_at;
        let act = Act::OpenTopics {
            topics_by_at: topics_by_at.as_ref().and_then(date::from_timestamp),
        };
        let entry = self
            .change_meeting(call, permit, &found, given, act)
            .await?;
        self.shown_meeting(access, found.name, &entry)
    }
}

#[tonic::async_trait]
impl MeetingService for Services {
    async fn create_meeting(
        &self,
        request: Request<CreateMeetingRequest>,
    ) -> Result<Response<CreateMeetingResponse>, Status> {
        const METHOD: &str = "/hub.meetings.v1.MeetingService/CreateMeeting";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let (permit, request_id, command) = create::command(&access, request.get_ref())?;
        let command = meetings::Command::Meeting(command);
        let entry = self.record(call, permit, vec![request_id], command).await?;
        let (meeting, receipt) = self.shown_meeting(&access, MeetingName(request_id), &entry)?;
        Ok(Response::new(CreateMeetingResponse {
            meeting: Some(meeting),
            receipt: Some(receipt),
        }))
    }

    async fn confirm_meeting(
        &self,
        request: Request<ConfirmMeetingRequest>,
    ) -> Result<Response<ConfirmMeetingResponse>, Status> {
        const METHOD: &str = "/hub.meetings.v1.MeetingService/ConfirmMeeting";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let (meeting, receipt) = self.confirm(call, &access, request.get_ref()).await?;
        Ok(Response::new(ConfirmMeetingResponse {
            meeting: Some(meeting),
            receipt: Some(receipt),
        }))
    }

    async fn open_topics(
        &self,
        request: Request<OpenTopicsRequest>,
    ) -> Result<Response<OpenTopicsResponse>, Status> {
        const METHOD: &str = "/hub.meetings.v1.MeetingService/OpenTopics";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let (meeting, receipt) = self
            .open_for_topics(call, &access, request.get_ref())
            .await?;
        Ok(Response::new(OpenTopicsResponse {
            meeting: Some(meeting),
            receipt: Some(receipt),
        }))
    }

    async fn get_meeting(
        &self,
        request: Request<GetMeetingRequest>,
    ) -> Result<Response<GetMeetingResponse>, Status> {
        let access = self.access(&request)?;
        let found = self.find_meeting(&access, "name", &request.get_ref().name)?;
        let charter = access.roster().charter();
        let shown = show::meeting(&self.engine, charter, &found, Detail::Whole)?;
        Ok(Response::new(GetMeetingResponse {
            meeting: Some(shown),
        }))
    }

    async fn propose_topic(
        &self,
        _request: Request<ProposeTopicRequest>,
    ) -> Result<Response<ProposeTopicResponse>, Status> {
        Err(Error::internal("not yet").into())
    }

    async fn comment_on_topic(
        &self,
        _request: Request<CommentOnTopicRequest>,
    ) -> Result<Response<CommentOnTopicResponse>, Status> {
        Err(Error::internal("not yet").into())
    }

    async fn decide_topic(
        &self,
        _request: Request<DecideTopicRequest>,
    ) -> Result<Response<DecideTopicResponse>, Status> {
        Err(Error::internal("not yet").into())
    }

    async fn order_topics(
        &self,
        _request: Request<OrderTopicsRequest>,
    ) -> Result<Response<OrderTopicsResponse>, Status> {
        Err(Error::internal("not yet").into())
    }

    async fn confirm_topics(
        &self,
        _request: Request<ConfirmTopicsRequest>,
    ) -> Result<Response<ConfirmTopicsResponse>, Status> {
        Err(Error::internal("not yet").into())
    }

    async fn convene_meeting(
        &self,
        _request: Request<ConveneMeetingRequest>,
    ) -> Result<Response<ConveneMeetingResponse>, Status> {
        Err(Error::internal("not yet").into())
    }

    async fn change_meeting(
        &self,
        _request: Request<ChangeMeetingRequest>,
    ) -> Result<Response<ChangeMeetingResponse>, Status> {
        Err(Error::internal("not yet").into())
    }

    async fn answer_notice(
        &self,
        _request: Request<AnswerNoticeRequest>,
    ) -> Result<Response<AnswerNoticeResponse>, Status> {
        Err(Error::internal("not yet").into())
    }

    async fn cancel_meeting(
        &self,
        _request: Request<CancelMeetingRequest>,
    ) -> Result<Response<CancelMeetingResponse>, Status> {
        Err(Error::internal("not yet").into())
    }

    async fn record_meeting_held(
        &self,
        _request: Request<RecordMeetingHeldRequest>,
    ) -> Result<Response<RecordMeetingHeldResponse>, Status> {
        Err(Error::internal("not yet").into())
    }

    async fn close_meeting(
        &self,
        _request: Request<CloseMeetingRequest>,
    ) -> Result<Response<CloseMeetingResponse>, Status> {
        Err(Error::internal("not yet").into())
    }

    async fn list_meetings(
        &self,
        _request: Request<ListMeetingsRequest>,
    ) -> Result<Response<ListMeetingsResponse>, Status> {
        Err(Error::internal("not yet").into())
    }

    async fn get_topic(
        &self,
        _request: Request<GetTopicRequest>,
    ) -> Result<Response<GetTopicResponse>, Status> {
        Err(Error::internal("not yet").into())
    }

    async fn list_topics(
        &self,
        _request: Request<ListTopicsRequest>,
    ) -> Result<Response<ListTopicsResponse>, Status> {
        Err(Error::internal("not yet").into())
    }

    async fn list_meeting_warnings(
        &self,
        _request: Request<ListMeetingWarningsRequest>,
    ) -> Result<Response<ListMeetingWarningsResponse>, Status> {
        Err(Error::internal("not yet").into())
    }
}
