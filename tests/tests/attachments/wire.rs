//! The methods themselves: fields, order of messages, limits, and what may be published.

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use hub_proto::{
    attachments::{
        DownloadAttachmentRequest, DownloadAttachmentResponse, GetUploadRequest, GetUploadResponse,
        Upload, UploadAttachmentRequest, UploadAttachmentResponse, UploadStart,
        download_attachment_response, upload_attachment_request::Part,
    },
    channels::PublishNotificationResponse,
};
use hub_tests::{
    World, attachments, channels,
    raw::{
        Session, eventually, fields, reason,
        requests::{
            self,
            files::{attachment, upload_as, upload_chunk, upload_start},
            publish, request_id, to_addressees,
        },
        retry_after,
    },
};
use prost::Message as _;
use tonic::Status;

const UPLOAD: &str = attachments!("UploadAttachment");
const GET: &str = attachments!("GetUpload");
const DOWNLOAD: &str = attachments!("DownloadAttachment");

fn session(world: &World, agency: &str) -> Session {
    Session::new(world, agency, &format!("{agency}-clerk-1"), &["clerk"])
}

fn encoded(message: UploadAttachmentRequest) -> Bytes {
    message.encode_to_vec().into()
}

async fn send(
    session: &Session,
    messages: impl IntoIterator<Item = UploadAttachmentRequest>,
) -> Result<Upload, Status> {
    let messages: Vec<Bytes> = messages.into_iter().map(encoded).collect();
    let answer = session.upload(UPLOAD, stream::iter(messages)).await?;
    let answer = UploadAttachmentResponse::decode(answer).unwrap();
    Ok(answer.upload.unwrap())
}

async fn received(session: &Session, agency: &str, content: &[u8]) -> Result<Upload, Status> {
    let request = GetUploadRequest {
        name: format!("agencies/{agency}/uploads/{}", attachment(content).sha256),
    };
    let answer: GetUploadResponse = session.ask(GET, &request).await?;
    Ok(answer.upload.unwrap())
}

fn assert_field(outcome: Result<Upload, Status>, field: &str, rule: &str) {
    let status = outcome.unwrap_err();
    assert_eq!(reason(&status), "INVALID_ARGUMENT", "{status:?}");
    assert_eq!(fields(&status), [field]);
    assert!(status.message().contains(rule), "{}", status.message());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_message_says_what_comes() {
    let world = World::start().await;
    let tax = session(&world, "tax");
    let start = |change: fn(&mut UploadStart)| {
        let mut message = upload_start(b"x", 0);
        if let Some(Part::Start(start)) = &mut message.part {
            change(start);
        }
        [message, upload_chunk(b"x")]
    };
    assert_field(send(&tax, []).await, "start", "must be the first message");
    let chunk = [upload_chunk(b"x")];
    assert_field(
        send(&tax, chunk).await,
        "start",
        "must be the first message",
    );
    let outcome = send(&tax, start(|one| one.sha256 = "X".repeat(64))).await;
    assert_field(outcome, "start.sha256", "64 lower-case");
    for size in [0, -1, 104_857_601] {
        let mut messages = start(|_| {});
        if let Some(Part::Start(start)) = &mut messages[0].part {
            start.size_bytes = size;
        }
        let outcome = send(&tax, messages).await;
        assert_field(outcome, "start.size_bytes", "1 to 104857600");
    }
    let outcome = send(&tax, start(|one| one.offset = 2)).await;
    assert_field(outcome, "start.offset", "0 to start.size_bytes");
    let outcome = send(&tax, start(|one| one.offset = 1)).await;
    assert_field(outcome, "start.offset", "must be 0: nothing");
    assert!(send(&tax, start(|_| {})).await.unwrap().is_complete);
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_at_the_limit_and_past_it() {
    let world = World::start().await;
    let tax = session(&world, "tax");
    let whole = super::content(524_289, 1);
    let outcome = send(&tax, [upload_start(&whole, 0), upload_chunk(&whole)]).await;
    assert_field(outcome, "chunk", "1 to 524288 bytes");
    let outcome = send(&tax, [upload_start(&whole, 0), upload_chunk(b"")]).await;
    assert_field(outcome, "chunk", "1 to 524288 bytes");
    let twice = [upload_start(&whole, 0), upload_start(&whole, 0)];
    assert_field(
        send(&tax, twice).await,
        "chunk",
        "every message but the first",
    );
    let (first, last) = whole.split_at(524_288);
    let messages = [upload_start(&whole, 0), upload_chunk(first)];
    assert_field(
        send(&tax, messages).await,
        "chunk",
        "after 524288 of 524289",
    );
    assert_eq!(
        received(&tax, "tax", &whole).await.unwrap(),
        Upload {
            name: format!("agencies/tax/uploads/{}", attachment(&whole).sha256),
            size_bytes: 524_289,
            received_bytes: 524_288,
            is_complete: false,
        }
    );
    let messages = [upload_start(&whole, 1), upload_chunk(last)];
    assert_field(send(&tax, messages).await, "start.offset", "0 or 524288");
    let messages = [upload_start(&whole, 524_288), upload_chunk(b"ab")];
    assert_field(send(&tax, messages).await, "chunk", "past start.size_bytes");
    let messages = [upload_start(&whole, 524_288), upload_chunk(last)];
    assert!(send(&tax, messages).await.unwrap().is_complete);
    // An answer that was lost can be asked for again.
    let again = send(&tax, [upload_start(&whole, 524_289)]).await.unwrap();
    assert_eq!(again, received(&tax, "tax", &whole).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_what_was_announced_is_dropped() {
    let world = World::start().await;
    let tax = session(&world, "tax");
    let messages = [upload_start(b"right", 0), upload_chunk(b"wrong")];
    assert_field(send(&tax, messages).await, "start.sha256", "was dropped");
    let status = received(&tax, "tax", b"right").await.unwrap_err();
    assert_eq!(reason(&status), "NOT_FOUND");
    let folder = world.site.data_dir().join("uploads/tax");
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_at_once_are_bounded_and_a_second_one_of_the_same_file_is_told_so() {
    let world = World::start().await;
    let tax = session(&world, "tax");
    let mut open = vec![];
    for number in 0_u8..8 {
        let messages = stream::iter([encoded(upload_start(&[number, 0], 0))]);
        let (tax, messages) = (tax.clone(), messages.chain(stream::pending()));
        open.push(tokio::spawn(async move {
            // The client library of this test gives up after a minute; the hub does before.
            drop(tax.upload(UPLOAD, messages).await);
        }));
    }
    let folder = world.site.data_dir().join("uploads/tax");
    eventually("eight files are open", async || {
        std::fs::read_dir(&folder).is_ok_and(|entries| entries.count() == 8)
    })
    .await;
    let status = send(&tax, [upload_start(b"ninth", 0)]).await.unwrap_err();
    assert_eq!(reason(&status), "LIMIT_EXCEEDED", "{status:?}");
    assert!(retry_after(&status).is_some());
    let status = send(&tax, [upload_start(&[3, 0], 0)]).await.unwrap_err();
    assert_eq!(reason(&status), "CONFLICT");
    let health = session(&world, "health");
    let other = [upload_start(&[3, 0], 0), upload_chunk(&[3, 0])];
    assert!(send(&health, other).await.unwrap().is_complete);
    for task in open {
        task.abort();
    }
    eventually("the places are given back", async || {
        let messages = [upload_start(b"ninth", 0), upload_chunk(b"ninth")];
        send(&tax, messages).await.is_ok()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn downloads_at_once_are_bounded() {
    let world = World::start().await;
    let tax = session(&world, "tax");
    let content = super::content(8 << 20, 1);
    let client = world.clerk("tax");
    let file = super::put(&client, content).await;
    let notification = super::publish(&client, "health", vec![file.clone()])
        .await
        .unwrap();
    let request = DownloadAttachmentRequest {
        notification,
        sha256: file.sha256,
        offset: 0,
    };
    let mut open = vec![];
    for _ in 0..16 {
        open.push(tax.open(DOWNLOAD, request.encode_to_vec()).await.unwrap());
    }
    let status = tax
        .open(DOWNLOAD, request.encode_to_vec())
        .await
        .unwrap_err();
    assert_eq!(reason(&status), "LIMIT_EXCEEDED");
    assert!(retry_after(&status).is_some());
    open.pop();
    eventually("the place is given back", async || {
        tax.open(DOWNLOAD, request.encode_to_vec()).await.is_ok()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_begins_where_it_is_asked_to() {
    let world = World::start().await;
    let tax = session(&world, "tax");
    let content = super::content(100_000, 1);
    let file = upload_as(&world, "tax", "clerk", &content).await;
    let mut notification = to_addressees("coordination", &["agencies/health"]);
    notification.attachments = vec![file.clone()];
    let (notification, _) = requests::publish_as(&world, "tax", "clerk", notification).await;
    let request = |offset| DownloadAttachmentRequest {
        notification: notification.clone(),
        sha256: file.sha256.clone(),
        offset,
    };
    for offset in [0, 1, 99_999, 100_000] {
        let opened = tax.open(DOWNLOAD, request(offset).encode_to_vec()).await;
        let mut messages = opened.unwrap();
        let mut got = vec![];
        while let Some(message) = messages.message().await.unwrap() {
            let message = DownloadAttachmentResponse::decode(message).unwrap();
            match message.part.unwrap() {
                download_attachment_response::Part::Start(start) => {
                    assert_eq!((start.size_bytes, start.offset), (100_000, offset));
                    assert!(got.is_empty());
                }
                download_attachment_response::Part::Chunk(chunk) => {
                    assert!((1..=65_536).contains(&chunk.len()));
                    got.extend_from_slice(&chunk);
                }
            }
        }
        assert!(
            got == content[usize::try_from(offset).unwrap()..],
            "{offset}"
        );
    }
    for (offset, rule) in [(-1, "must not be negative"), (100_001, "at most 100000")] {
        let opened = tax.open(DOWNLOAD, request(offset).encode_to_vec()).await;
        let status = opened.unwrap_err();
        assert_eq!(fields(&status), ["offset"]);
        assert!(status.message().contains(rule), "{status:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_the_agency_has_sent_itself_can_be_attached() {
    let world = World::start().await;
    let (tax, health) = (session(&world, "tax"), session(&world, "health"));
    let head = || world.hub().engine().store().head();
    let attach = async |session: &Session, files: &[&[u8]], size: i64| {
        let to = ["agencies/finance"];
        let mut notification = to_addressees("coordination", &to);
        notification.attachments = files.iter().map(|file| attachment(file)).collect();
        notification.attachments[0].size_bytes = size;
        let request = publish(notification, request_id());
        let method = channels!("PublishNotification");
        session
            .ask::<PublishNotificationResponse>(method, &request)
            .await
            .map(|answer| answer.notification.unwrap().name)
    };
    let field = |outcome: Result<String, Status>| fields(&outcome.unwrap_err());
    let before = head();
    let sha256 = "notification.attachments[0].sha256";
    assert_eq!(field(attach(&tax, &[b"a"], 1).await), [sha256]);
    let partly = [upload_start(b"a", 0)];
    assert!(send(&tax, partly).await.is_err());
    assert_eq!(field(attach(&tax, &[b"a"], 1).await), [sha256]);
    upload_as(&world, "tax", "clerk", b"a").await;
    let size = "notification.attachments[0].size_bytes";
    assert_eq!(field(attach(&tax, &[b"a"], 2).await), [size]);
    let second = "notification.attachments[1].sha256";
    assert_eq!(field(attach(&tax, &[b"a", b"b"], 1).await), [second]);
    assert_eq!(head(), before, "nothing was recorded");
    attach(&tax, &[b"a"], 1).await.unwrap();
    // What it has attached it may attach again; nobody else may, not even who can download it.
    attach(&tax, &[b"a"], 1).await.unwrap();
    assert_eq!(field(attach(&tax, &[b"a"], 2).await), [size]);
    let finance = session(&world, "finance");
    assert_eq!(field(attach(&health, &[b"a"], 1).await), [sha256]);
    assert_eq!(field(attach(&finance, &[b"a"], 1).await), [sha256]);
    // The upload waits for a notification no more.
    let status = received(&tax, "tax", b"a").await.unwrap_err();
    assert_eq!(reason(&status), "NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_publish_with_attachments_is_recorded_once() {
    let world = World::start().await;
    let tax = session(&world, "tax");
    let mut notification = to_addressees("coordination", &["agencies/health"]);
    notification.attachments = vec![upload_as(&world, "tax", "clerk", b"a").await];
    let request = publish(notification, request_id());
    let method = channels!("PublishNotification");
    let first: PublishNotificationResponse = tax.ask(method, &request).await.unwrap();
    let again: PublishNotificationResponse = tax.ask(method, &request).await.unwrap();
    assert_eq!(first, again);
}
