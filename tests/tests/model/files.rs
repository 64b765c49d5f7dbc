//! Random uploads, whole and cut, files that go with notifications, and downloads.

use agency_client::channels::NotificationDraft;
use futures::stream;
use hub_core::reason::Reason;
use hub_proto::channels::{Attachment, Notification};
use hub_tests::{
    attachments,
    model::{Officer, files::Upload},
    raw::{
        self, Session,
        requests::files::{attachment, upload_chunk, upload_start},
    },
};
use prost::Message as _;

use crate::Run;

/// Different contents of a run, so few that agencies often upload the same.
const CONTENTS_MAX: usize = 60;

impl Run {
    /// A content that nobody knows yet, or one that somebody may have.
    fn content(&mut self) -> (Attachment, Vec<u8>) {
        let is_new = self.contents.len() < CONTENTS_MAX && self.random.percent(30);
        if self.contents.is_empty() || is_new {
            let length = 2 + self.random.below(3_000);
            let mut random = || self.random.bits().to_be_bytes()[0];
            let content: Vec<u8> = (0..length).map(|_| random()).collect();
            self.contents.push((attachment(&content), content));
            return self.contents[self.contents.len() - 1].clone();
        }
        self.random.pick(&self.contents).clone()
    }

    pub(crate) async fn upload(&mut self) {
        let officer = self.officer();
        let content = self.content();
        self.upload_as(&officer, &content).await;
    }

    /// Uploads all of a content, or what is missing of it.
    async fn upload_as(&mut self, officer: &Officer, (file, content): &(Attachment, Vec<u8>)) {
        let may = self.model.may_upload(officer, self.today());
        let expected = (!may).then_some(Reason::PermissionDenied);
        let api = self.client(officer).attachments();
        let (name, media_type) = (file.file_name.clone(), file.media_type.clone());
        let answer = api.upload_bytes(name, media_type, content.clone(), |_| {});
        let answer = answer.await;
        let what = format!("{officer:?} uploads {}", file.sha256);
        if let Some(seen) = self.settle(&what, expected, answer) {
            assert_eq!(seen, *file);
            let upload = Upload {
                received_bytes: file.size_bytes,
                is_complete: true,
            };
            self.model.uploaded(&officer.agency, &file.sha256, upload);
        }
    }

    /// Uploads the first bytes of a content only; it can be gone on with later.
    pub(crate) async fn cut_an_upload(&mut self) {
        let officer = self.officer();
        let (file, content) = self.content();
        let is_known = self.model.upload(&officer.agency, &file.sha256).is_some();
        if is_known {
            return;
        }
        let part = 1 + self.random.below(content.len() - 1);
        let messages = [upload_start(&content, 0), upload_chunk(&content[..part])];
        let messages = messages.map(|message| bytes::Bytes::from(message.encode_to_vec()));
        let session = Session::new(&self.world, &officer.agency, &officer.id, &[&officer.role]);
        let answer = session.upload(attachments!("UploadAttachment"), stream::iter(messages));
        let refused = answer.await.expect_err("nothing or a part of it was taken");
        self.refused += 1;
        if !self.model.may_upload(&officer, self.today()) {
            assert_eq!(raw::reason(&refused), Reason::PermissionDenied.as_str());
            return;
        }
        assert_eq!(raw::reason(&refused), Reason::InvalidArgument.as_str());
        let upload = Upload {
            received_bytes: i64::try_from(part).unwrap(),
            is_complete: false,
        };
        self.model.uploaded(&officer.agency, &file.sha256, upload);
    }

    /// Attaches files now and then, mostly such as the agency may name.
    pub(crate) async fn attach(
        &mut self,
        officer: &Officer,
        mut draft: NotificationDraft,
        shape: &mut Notification,
    ) -> NotificationDraft {
        if !self.random.percent(30) {
            return draft;
        }
        for _ in 0..=self.random.below(2) {
            let content = self.content();
            let sha256 = &content.0.sha256;
            if shape.attachments.iter().any(|file| file.sha256 == *sha256) {
                continue;
            }
            let is_ready = self.model.may_name(&officer.agency, sha256);
            if !is_ready && self.random.percent(90) {
                self.upload_as(officer, &content).await;
            }
            draft = draft.attach(content.0.clone());
            shape.attachments.push(content.0);
        }
        draft
    }

    pub(crate) async fn download(&mut self) {
        let on = self.today();
        let published = self.model.published.iter().enumerate();
        let with_files = published.filter(|(_, one)| !one.files.is_empty());
        let with_files: Vec<usize> = with_files.map(|(number, _)| number).collect();
        if with_files.is_empty() {
            return;
        }
        let number = *self.random.pick(&with_files);
        let mut officer = self.officer();
        // As often as not someone who can see it.
        for _ in 0..3 {
            if self.model.sees(&officer, number, on) {
                break;
            }
            officer = self.officer();
        }
        let file = if self.random.percent(85) {
            let files = self.model.published[number].files.clone();
            self.random.pick(&files).clone()
        } else {
            self.content().0
        };
        self.download_of(&officer, number, &file).await;
    }

    /// One file of a notification, seen or not, named by it or not.
    pub(crate) async fn download_of(
        &mut self,
        officer: &Officer,
        number: usize,
        file: &Attachment,
    ) {
        let on = self.today();
        let name = self.model.published[number].seen.name.clone();
        let expected = self.model.download(officer, number, &file.sha256, on);
        let target = self.downloads.path().join("file");
        let api = self.client(officer).attachments();
        let answer = api.download(&name, file, &target, |_| {}).await;
        let told = answer.as_ref().err().map(|error| error.to_string());
        let what = format!("{officer:?} downloads {} of {name}", file.sha256);
        self.downloads_done[match expected {
            None => 0,
            Some(Reason::ContentSealed) => 1,
            Some(_) => 2,
        }] += 1;
        if self.settle(&what, expected, answer).is_some() {
            let known = self.contents.iter().find(|(one, _)| one == file);
            assert!(
                std::fs::read(&target).unwrap() == known.unwrap().1,
                "{what}"
            );
            std::fs::remove_file(&target).unwrap();
        } else if !self.model.sees(officer, number, on) {
            // What may not be seen is as absent as what is not there.
            let (parent, id) = name.rsplit_once('/').unwrap();
            let absent = match id.parse::<u64>() {
                Ok(_) => format!("{parent}/999999"),
                Err(_) => format!("{parent}/{}", agency_client::request_id()),
            };
            let nothing = api.download(&absent, file, &target, |_| {}).await;
            let nothing = nothing.expect_err("there is none").to_string();
            let told = told.unwrap().replace(&name, &absent);
            assert_eq!(told, nothing, "{what}");
        }
    }

    /// What an agency has begun to upload, and what it has not.
    pub(crate) async fn agree_on_uploads(&mut self, officer: &Officer) {
        let api = self.client(officer).attachments();
        for _ in 0..self.contents.len().min(8) {
            let sha256 = self.random.pick(&self.contents).0.sha256.clone();
            let found = api.status(&sha256).await.unwrap();
            let found = found.map(|upload| Upload {
                received_bytes: upload.received_bytes,
                is_complete: upload.is_complete,
            });
            let expected = self.model.upload(&officer.agency, &sha256);
            assert_eq!(found, expected, "{officer:?}: {sha256}");
        }
    }
}
