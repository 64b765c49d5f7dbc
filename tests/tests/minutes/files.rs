//! Files of minutes and of reports: whoever is told of them can fetch them, and nobody else.

use hub_core::reason::Reason;
use hub_proto::{
    attachments::DownloadAttachmentRequest,
    channels::{Attachment, ListNotificationsRequest, ListNotificationsResponse, Notification},
    meetings::{ProgressReport, ReportProgressRequest, ReportProgressResponse, TaskState},
};
use hub_tests::{attachments, raw::requests::files};
use prost::Message as _;
use tonic::Status;

use crate::hall::{Hall, OFFICE, Stage, Who, content, id, leader, minutes_method, refused, task};

/// Notices with files in a log, by their titles.
async fn with_files(hall: &Hall, who: Who<'_>, log: &str) -> Vec<Notification> {
    let request = ListNotificationsRequest {
        parent: log.into(),
        page_size: 200,
        ..ListNotificationsRequest::default()
    };
    let method = "/hub.channels.v1.ChannelService/ListNotifications";
    let page: ListNotificationsResponse = hall.ask(who, method, &request).await.unwrap();
    let mut found = page.notifications;
    found.retain(|one| !one.attachments.is_empty());
    found
}

async fn fetch(
    hall: &Hall,
    who: Who<'_>,
    notice: &Notification,
    file: &Attachment,
) -> Result<(), Status> {
    let request = DownloadAttachmentRequest {
        notification: notice.name.clone(),
        sha256: file.sha256.clone(),
        offset: 0,
    };
    let bytes = request.encode_to_vec().into();
    let method = attachments!("DownloadAttachment");
    hall.session(who).first(method, bytes).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_minutes_are_for_those_who_have_them_before_them() {
    let stage = Stage::start().await;
    let hall = &stage.hall;
    let file = files::upload_as(&stage.world, OFFICE.0, OFFICE.1, b"annex").await;
    let minutes = format!("{}/minutes/1", hall.held().await);
    let mut what = content("纪要", &[task("a", &["education"])]);
    what.attachments = vec![file.clone()];
    hall.draft(&minutes, 0, &what).await.unwrap();
    let office = "mechanisms/joint-enforcement/office/inbox";
    let drafted = with_files(hall, OFFICE, office).await;
    assert_eq!(drafted.len(), 1);
    fetch(hall, OFFICE, &drafted[0], &file).await.unwrap();
    // What the office writes goes out in its host's name, whose officers may read what it sent.
    for unit in ["education", "tax"] {
        let told = with_files(hall, leader(unit), &format!("agencies/{unit}/inbox")).await;
        assert_eq!(told, []);
        refused(
            fetch(hall, leader(unit), &drafted[0], &file).await,
            Reason::NotFound,
        );
    }
    hall.circulate(&minutes, 1).await.unwrap();
    let told = with_files(hall, leader("education"), "agencies/education/inbox").await;
    fetch(hall, leader("education"), &told[0], &file)
        .await
        .unwrap();
    refused(
        fetch(hall, leader("tax"), &told[0], &file).await,
        Reason::NotFound,
    );
    for unit in ["civil-affairs", "education"] {
        hall.consent(leader(unit), &minutes, 1, &what)
            .await
            .unwrap();
    }
    hall.issue(&minutes, 1).await.unwrap();
    let told = with_files(hall, leader("tax"), "agencies/tax/inbox").await;
    fetch(hall, leader("tax"), &told[0], &file).await.unwrap();
    refused(
        fetch(hall, leader("finance"), &told[0], &file).await,
        Reason::NotFound,
    );
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn je_080_evidence_of_a_report_goes_to_the_office() {
    let stage = Stage::start().await;
    let hall = &stage.hall;
    let meeting = hall.issued(&[task("a", &["tax"])]).await;
    let file = files::upload_as(&stage.world, "tax", "clerk", b"evidence").await;
    let report = |evidence: Vec<Attachment>| ReportProgressRequest {
        name: format!("{meeting}/agreedItems/1"),
        report: Some(ProgressReport {
            state: TaskState::Done.into(),
            text: "已完成。".into(),
            evidence,
            ..ProgressReport::default()
        }),
        request_id: id(),
    };
    // What was not uploaded is no evidence.
    let method = minutes_method!("ReportProgress");
    let missing = report(vec![files::attachment(b"nowhere")]);
    let answer: Result<ReportProgressResponse, Status> =
        hall.ask(("tax", "clerk"), method, &missing).await;
    refused(answer, Reason::InvalidArgument);
    let answer: ReportProgressResponse = hall
        .ask(("tax", "clerk"), method, &report(vec![file.clone()]))
        .await
        .unwrap();
    let reports = &answer.agreed_item.unwrap().tasks[0].reports;
    assert_eq!(reports[0].evidence, std::slice::from_ref(&file));
    let told = with_files(hall, OFFICE, "mechanisms/joint-enforcement/office/inbox").await;
    fetch(hall, OFFICE, &told[0], &file).await.unwrap();
    refused(
        fetch(hall, leader("health"), &told[0], &file).await,
        Reason::NotFound,
    );
    stage.stop().await;
}
