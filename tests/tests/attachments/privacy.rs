//! Who may see an attachment, and what nobody learns.

use bytes::Bytes;
use futures::stream;
use hub_proto::{
    attachments::{DownloadAttachmentRequest, GetUploadRequest},
    channels::Attachment,
};
use hub_tests::{
    World, attachments, channels,
    raw::{
        Session, reason,
        requests::{
            files::{attachment, upload_as, upload_chunk, upload_start},
            publish, publish_as, request_id, to_addressees, to_channel,
        },
    },
};
use prost::Message as _;
use tonic::Status;

async fn download(session: &Session, notification: &str, sha256: &str) -> Result<Bytes, Status> {
    let request = DownloadAttachmentRequest {
        notification: notification.into(),
        sha256: sha256.into(),
        offset: 0,
    };
    let request = request.encode_to_vec().into();
    session
        .first(attachments!("DownloadAttachment"), request)
        .await
}

/// Everything that a refusal says, with one text in the place of another of the same length.
fn said(status: &Status, from: &str, to: &str) -> (i32, String, Vec<u8>) {
    assert_eq!(from.len(), to.len());
    let message = status.message().replace(from, to);
    let mut details = status.details().to_vec();
    let (from, to) = (from.as_bytes(), to.as_bytes());
    for at in 0..details.len().saturating_sub(from.len() - 1) {
        if details[at..].starts_with(from) {
            details[at..at + from.len()].copy_from_slice(to);
        }
    }
    (status.code().into(), message, details)
}

/// A name of no notification, as long as one that there is.
fn missing(name: &str) -> String {
    let (parent, id) = name.rsplit_once('/').unwrap();
    let other = if id.len() == 36 {
        request_id()
    } else {
        "9".repeat(id.len())
    };
    format!("{parent}/{other}")
}

async fn assert_hidden(session: &Session, name: &str, file: &Attachment, who: &str) {
    let missing = missing(name);
    let is = download(session, name, &file.sha256).await.unwrap_err();
    let none = download(session, &missing, &file.sha256).await.unwrap_err();
    assert_eq!(reason(&is), "NOT_FOUND", "{who}: {is:?}");
    assert_eq!(
        said(&is, name, &missing),
        said(&none, &missing, &missing),
        "{who}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_those_who_may_see_the_notification_can_download() {
    let world = World::start().await;
    let file = upload_as(&world, "tax", "clerk", b"secret of two").await;
    let mut addressed = to_addressees("coordination", &["agencies/health"]);
    addressed.attachments = vec![file.clone()];
    let (addressed, _) = publish_as(&world, "tax", "clerk", addressed).await;
    let mut open = to_channel("coordination", "joint-enforcement");
    open.attachments = vec![file.clone()];
    let (in_channel, _) = publish_as(&world, "tax", "clerk", open).await;
    let mechanism = "joint-enforcement".parse().unwrap();
    let roster = world.hub().engine().roster().load_full();
    let today = roster.day(jiff::Timestamp::now());
    let mut counts = (0, 0);
    for agency in world.site.agencies() {
        for role in ["clerk", "node-admin"] {
            let session = Session::new(&world, &agency, &format!("{agency}-{role}"), &[role]);
            let who = format!("{agency} as {role}");
            let is_clerk = role == "clerk";
            if is_clerk && ["tax", "health"].contains(&&*agency) {
                counts.0 += 1;
                download(&session, &addressed, &file.sha256).await.unwrap();
            } else {
                assert_hidden(&session, &addressed, &file, &who).await;
            }
            let is_member = roster.is_member(&agency.parse().unwrap(), &mechanism, today);
            if is_clerk && is_member {
                counts.1 += 1;
                download(&session, &in_channel, &file.sha256).await.unwrap();
            } else {
                assert_hidden(&session, &in_channel, &file, &who).await;
            }
        }
    }
    assert_eq!(counts, (2, 13), "author and recipient; the members");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_gives_its_own_attachments_only() {
    let world = World::start().await;
    let named = upload_as(&world, "tax", "clerk", b"named").await;
    let other = upload_as(&world, "tax", "clerk", b"other").await;
    let mut with = to_addressees("coordination", &["agencies/health"]);
    with.attachments = vec![named.clone()];
    let (with, _) = publish_as(&world, "tax", "clerk", with).await;
    let without = to_addressees("coordination", &["agencies/health"]);
    let (without, _) = publish_as(&world, "tax", "clerk", without).await;
    let health = Session::new(&world, "health", "health-clerk-1", &["clerk"]);
    download(&health, &with, &named.sha256).await.unwrap();
    let unknown = attachment(b"nobody has this");
    for (name, file) in [(&with, &other), (&without, &named)] {
        let is = download(&health, name, &file.sha256).await.unwrap_err();
        let none = download(&health, name, &unknown.sha256).await.unwrap_err();
        assert_eq!(reason(&is), "NOT_FOUND");
        let (from, to) = (&*file.sha256, &*unknown.sha256);
        assert_eq!(said(&is, from, to), said(&none, to, to), "there or not");
    }
}

/// Everything that an agency can ask about a content, before and while it sends it.
async fn asked(session: &Session, content: &[u8]) -> Vec<(i32, String, Vec<u8>)> {
    let file = attachment(content);
    let hidden = "0".repeat(64);
    let mut all = vec![];
    let mut note = |outcome: Result<Bytes, Status>| {
        let said = match outcome {
            Ok(answer) => {
                let text = String::from_utf8_lossy(&answer).replace(&file.sha256, &hidden);
                (0, text, vec![])
            }
            Err(status) => said(&status, &file.sha256, &hidden),
        };
        all.push(said);
    };
    let upload = async |messages: Vec<Bytes>| {
        session
            .upload(attachments!("UploadAttachment"), stream::iter(messages))
            .await
    };
    let bytes = |message: hub_proto::attachments::UploadAttachmentRequest| {
        Bytes::from(message.encode_to_vec())
    };
    let own = GetUploadRequest {
        name: format!("agencies/health/uploads/{}", file.sha256),
    };
    let others = GetUploadRequest {
        name: format!("agencies/tax/uploads/{}", file.sha256),
    };
    let get = attachments!("GetUpload");
    note(session.call(get, own.encode_to_vec()).await);
    note(session.call(get, others.encode_to_vec()).await);
    let mut draft = to_addressees("coordination", &["agencies/finance"]);
    draft.attachments = vec![file.clone()];
    let attach = || publish(draft.clone(), request_id()).encode_to_vec();
    let method = channels!("PublishNotification");
    note(session.call(method, attach()).await);
    let size = i64::try_from(content.len()).unwrap();
    note(upload(vec![bytes(upload_start(content, size))]).await);
    note(upload(vec![bytes(upload_start(content, 0))]).await);
    let (first, last) = content.split_at(3);
    let part = vec![bytes(upload_start(content, 0)), bytes(upload_chunk(first))];
    note(upload(part).await);
    note(session.call(get, own.encode_to_vec()).await);
    note(session.call(method, attach()).await);
    let rest = vec![bytes(upload_start(content, 3)), bytes(upload_chunk(last))];
    note(upload(rest).await);
    note(session.call(get, own.encode_to_vec()).await);
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_learns_that_somebody_else_has_a_content() {
    let world = World::start().await;
    // Both attached and only uploaded: the hub has them.
    let attached = upload_as(&world, "tax", "clerk", b"of tax").await;
    let mut draft = to_addressees("coordination", &["agencies/finance"]);
    draft.attachments = vec![attached];
    publish_as(&world, "tax", "clerk", draft).await;
    upload_as(&world, "tax", "clerk", b"waits!").await;
    let health = Session::new(&world, "health", "health-clerk-1", &["clerk"]);
    let of_nobody = asked(&health, b"nobody").await;
    assert_eq!(of_nobody.len(), 10);
    assert_eq!(of_nobody[9].0, 0, "it was uploaded");
    assert_eq!(asked(&health, b"of tax").await, of_nobody);
    assert_eq!(asked(&health, b"waits!").await, of_nobody);
}
