//! `hub.meetings.v1.MeetingService`.

mod convene;
mod create;
pub(in crate::wire) mod fields;
mod held;
mod issues;
mod list;
pub(in crate::wire) mod lookup;
mod minutes;
pub(in crate::wire) mod show;
pub(in crate::wire) mod topics;

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
        request: Request<ProposeTopicRequest>,
    ) -> Result<Response<ProposeTopicResponse>, Status> {
        const METHOD: &str = "/hub.meetings.v1.MeetingService/ProposeTopic";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let (topic, receipt) = self
            .propose_a_topic(call, &access, request.get_ref())
            .await?;
        Ok(Response::new(ProposeTopicResponse {
            topic: Some(topic),
            receipt: Some(receipt),
        }))
    }

    async fn comment_on_topic(
        &self,
        request: Request<CommentOnTopicRequest>,
    ) -> Result<Response<CommentOnTopicResponse>, Status> {
        const METHOD: &str = "/hub.meetings.v1.MeetingService/CommentOnTopic";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let (topic, receipt) = self.comment(call, &access, request.get_ref()).await?;
        Ok(Response::new(CommentOnTopicResponse {
            topic: Some(topic),
            receipt: Some(receipt),
        }))
    }

    async fn decide_topic(
        &self,
        request: Request<DecideTopicRequest>,
    ) -> Result<Response<DecideTopicResponse>, Status> {
        const METHOD: &str = "/hub.meetings.v1.MeetingService/DecideTopic";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let (topic, receipt) = self
            .decide_a_topic(call, &access, request.get_ref())
            .await?;
        Ok(Response::new(DecideTopicResponse {
            topic: Some(topic),
            receipt: Some(receipt),
        }))
    }

    async fn order_topics(
        &self,
        request: Request<OrderTopicsRequest>,
    ) -> Result<Response<OrderTopicsResponse>, Status> {
        const METHOD: &str = "/hub.meetings.v1.MeetingService/OrderTopics";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let (topics, receipt) = self.order(call, &access, request.get_ref()).await?;
        Ok(Response::new(OrderTopicsResponse {
            topics,
            receipt: Some(receipt),
        }))
    }

    async fn confirm_topics(
        &self,
        request: Request<ConfirmTopicsRequest>,
    ) -> Result<Response<ConfirmTopicsResponse>, Status> {
        const METHOD: &str = "/hub.meetings.v1.MeetingService/ConfirmTopics";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let (meeting, receipt) = self.fix_topics(call, &access, request.get_ref()).await?;
        Ok(Response::new(ConfirmTopicsResponse {
            meeting: Some(meeting),
            receipt: Some(receipt),
        }))
    }

    async fn convene_meeting(
        &self,
        request: Request<ConveneMeetingRequest>,
    ) -> Result<Response<ConveneMeetingResponse>, Status> {
        const METHOD: &str = "/hub.meetings.v1.MeetingService/ConveneMeeting";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let (meeting, receipt) = self.convene(call, &access, request.get_ref()).await?;
        Ok(Response::new(ConveneMeetingResponse {
            meeting: Some(meeting),
            receipt: Some(receipt),
        }))
    }

    async fn change_meeting(
        &self,
        request: Request<ChangeMeetingRequest>,
    ) -> Result<Response<ChangeMeetingResponse>, Status> {
        const METHOD: &str = "/hub.meetings.v1.MeetingService/ChangeMeeting";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let (meeting, receipt) = self.change(call, &access, request.get_ref()).await?;
        Ok(Response::new(ChangeMeetingResponse {
            meeting: Some(meeting),
            receipt: Some(receipt),
        }))
    }

    async fn answer_notice(
        &self,
        request: Request<AnswerNoticeRequest>,
    ) -> Result<Response<AnswerNoticeResponse>, Status> {
        const METHOD: &str = "/hub.meetings.v1.MeetingService/AnswerNotice";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let (meeting, receipt) = self.answer(call, &access, request.get_ref()).await?;
        Ok(Response::new(AnswerNoticeResponse {
            meeting: Some(meeting),
            receipt: Some(receipt),
        }))
    }

    async fn cancel_meeting(
        &self,
        request: Request<CancelMeetingRequest>,
    ) -> Result<Response<CancelMeetingResponse>, Status> {
        const METHOD: &str = "/hub.meetings.v1.MeetingService/CancelMeeting";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let (meeting, receipt) = self.cancel(call, &access, request.get_ref()).await?;
        Ok(Response::new(CancelMeetingResponse {
            meeting: Some(meeting),
            receipt: Some(receipt),
        }))
    }

    async fn record_meeting_held(
        &self,
        request: Request<RecordMeetingHeldRequest>,
    ) -> Result<Response<RecordMeetingHeldResponse>, Status> {
        const METHOD: &str = "/hub.meetings.v1.MeetingService/RecordMeetingHeld";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let (meeting, receipt) = self.record_held(call, &access, request.get_ref()).await?;
        Ok(Response::new(RecordMeetingHeldResponse {
            meeting: Some(meeting),
            receipt: Some(receipt),
        }))
    }

    async fn close_meeting(
        &self,
        request: Request<CloseMeetingRequest>,
    ) -> Result<Response<CloseMeetingResponse>, Status> {
        const METHOD: &str = "/hub.meetings.v1.MeetingService/CloseMeeting";
        let access = self.access(&request)?;
        let call = Call::of(METHOD, &request)?;
        let (meeting, receipt) = self.close(call, &access, request.get_ref()).await?;
        Ok(Response::new(CloseMeetingResponse {
            meeting: Some(meeting),
            receipt: Some(receipt),
        }))
    }

    async fn list_meetings(
        &self,
        request: Request<ListMeetingsRequest>,
    ) -> Result<Response<ListMeetingsResponse>, Status> {
        let access = self.access(&request)?;
        let listed = self.list_the_meetings(&access, request.get_ref())?;
        Ok(Response::new(listed))
    }

    async fn get_topic(
        &self,
        request: Request<GetTopicRequest>,
    ) -> Result<Response<GetTopicResponse>, Status> {
        let access = self.access(&request)?;
        let (name, found) = self.find_topic(&access, &request.get_ref().name)?;
        Ok(Response::new(GetTopicResponse {
            topic: Some(self.shown_topic(&found, name)?),
        }))
    }

    async fn list_topics(
        &self,
        request: Request<ListTopicsRequest>,
    ) -> Result<Response<ListTopicsResponse>, Status> {
        let access = self.access(&request)?;
        let found = self.find_meeting(&access, "parent", &request.get_ref().parent)?;
        Ok(Response::new(ListTopicsResponse {
            topics: self.list_of_topics(&found)?,
        }))
    }

    async fn list_meeting_warnings(
        &self,
        request: Request<ListMeetingWarningsRequest>,
    ) -> Result<Response<ListMeetingWarningsResponse>, Status> {
        let access = self.access(&request)?;
        let warnings = self.list_warnings(&access, request.get_ref())?;
        Ok(Response::new(warnings))
    }
}
