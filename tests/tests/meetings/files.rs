//! Documents of topics and notices: for who may see the meeting, and for nobody else.

use hub_proto::{
    attachments::DownloadAttachmentRequest,
    channels::Attachment,
    meetings::{
        ChangeMeetingRequest, ChangeMeetingResponse, MeetingKind, MeetingNotice,
        ProposeTopicRequest, ProposeTopicResponse, Topic, TopicState,
    },
};
use hub_tests::{
    World, attachments,
    meetings::{self, JOINT},
    raw::{
        Session, fields,
        requests::{
            files::{attachment, upload_as},
            request_id,
        },
    },
};
use prost::Message as _;
use tonic::{Code, Status};

async fn download(session: &Session, notification: &str, file: &Attachment) -> Result<(), Status> {
    let request = DownloadAttachmentRequest {
        notification: notification.into(),
        sha256: file.sha256.clone(),
        offset: 0,
    };
    let method = attachments!("DownloadAttachment");
    session
        .first(method, request.encode_to_vec().into())
        .await
        .map(drop)
}

#[tokio::test]
async fn documents_are_for_the_meeting_and_also_for_a_unit_that_was_added() {
    let world = World::start().await;
    let office = meetings::office(&world);
    let (tax, health, education) = (
        meetings::clerk(&world, "tax"),
        meetings::clerk(&world, "health"),
        meetings::clerk(&world, "education"),
    );
    let invited = ["tax", "health"];
    let meeting = meetings::opened(&world, MeetingKind::Partial, JOINT, &invited).await;
    let file = upload_as(&world, "tax", "clerk", b"tables").await;
    let mut request = ProposeTopicRequest {
        parent: meeting.name.clone(),
        topic: Some(Topic {
            title: "税收线索".into(),
            documents: vec![file.clone()],
            ..Topic::default()
        }),
        proposer: String::new(),
        request_id: request_id(),
    };
    let method = hub_tests::meetings!("ProposeTopic");
    let proposed: ProposeTopicResponse = tax.ask(method, &request).await.unwrap();
    let topic = proposed.topic.unwrap();
    assert_eq!(topic.documents, std::slice::from_ref(&file));
    for session in [&tax, &health, &office] {
        download(session, &topic.notification, &file).await.unwrap();
    }
    let refused = download(&education, &topic.notification, &file)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    // What was not uploaded is not named.
    request.topic.as_mut().unwrap().documents = vec![attachment(b"never uploaded")];
    request.request_id = request_id();
    let refused = tax.ask::<ProposeTopicResponse>(method, &request).await;
    let refused = refused.unwrap_err();
    assert_eq!(fields(&refused), ["topic.documents[0].sha256"]);

    meetings::decide(&office, &topic.name, TopicState::Accepted, "")
        .await
        .unwrap();
    meetings::confirm_topics(&office, &meeting.name, "")
        .await
        .unwrap();
    meetings::convene(&office, &meeting.name).await.unwrap();
    let agenda = upload_as(&world, "civil-affairs", "office", b"agenda").await;
    let request = ChangeMeetingRequest {
        name: meeting.name.clone(),
        notice: Some(MeetingNotice {
            documents: vec![agenda.clone()],
            ..meetings::notice()
        }),
        invited_units: vec!["agencies/tax".into(), "agencies/education".into()],
        reason: "增补参会单位".into(),
        request_id: request_id(),
        ..ChangeMeetingRequest::default()
    };
    let method = hub_tests::meetings!("ChangeMeeting");
    let changed: ChangeMeetingResponse = office.ask(method, &request).await.unwrap();
    let notice = changed.meeting.unwrap().notice.unwrap();
    for session in [&tax, &education] {
        download(session, &notice.notification, &agenda)
            .await
            .unwrap();
        download(session, &topic.notification, &file).await.unwrap();
    }
    // Who is no longer invited keeps what it got, and gets nothing new.
    let refused = download(&health, &notice.notification, &agenda)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    download(&health, &topic.notification, &file).await.unwrap();
}
