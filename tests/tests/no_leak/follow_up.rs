//! What an agency can ask about what is outstanding, about successors and replies, and about files.

use futures::StreamExt as _;
use hub_proto::{
    attachments::{
        DownloadAttachmentRequest, GetUploadRequest,
        attachment_service_server::AttachmentService as _,
    },
    channels::{
        Attachment, CorrectNotificationRequest, ListOutstandingActionsRequest,
        PublishNotificationRequest, RetractNotificationRequest,
        channel_service_server::ChannelService as _,
    },
};
use hub_tests::direct::call;
use tonic::Response;

use crate::{
    probe::{Observations, Probe, blank, is_last},
    story::draft,
};

impl Probe<'_> {
    /// Every list of what is outstanding that there can be, page by page.
    pub(crate) async fn outstanding(&self, notes: &mut Observations) {
        let api = &self.direct.services;
        let mut parents: Vec<String> = vec![];
        for log in self.logs() {
            if let Some(owner) = log.strip_suffix("/inbox") {
                parents.push(owner.to_owned());
            } else {
                parents.push(log);
            }
        }
        for parent in parents {
            for overdue_only in [false, true] {
                let mut asked = ListOutstandingActionsRequest {
                    parent: parent.clone(),
                    overdue_only,
                    page_size: 3,
                    page_token: String::new(),
                };
                for page in 0.. {
                    let question = format!("outstanding {parent} {overdue_only} page {page}");
                    let answer = api
                        .list_outstanding_actions(call(&self.caller, asked.clone()))
                        .await;
                    let next = answer.as_ref().ok();
                    let next = next.map(|page| page.get_ref().next_page_token.clone());
                    self.note(notes, question, answer, |page| {
                        blank_token(&mut page.next_page_token);
                    });
                    if is_last(&mut asked.page_token, next) {
                        break;
                    }
                }
            }
        }
    }

    /// Under all roles at once, all names; under each of them, some, which is enough to see a refusal
    /// that depends on the role.
    fn names_to_ask(&self) -> impl Iterator<Item = &String> {
        let step = if self.is_thorough { 1 } else { 7 };
        self.told.names.iter().step_by(step)
    }

    /// Corrections and retractions of, and replies to, what the caller may not see.
    pub(crate) async fn successors(&self, notes: &mut Observations) {
        let api = &self.direct.services;
        for name in self.names_to_ask() {
            for category in ["coordination", "flawed"] {
                let asked = CorrectNotificationRequest {
                    name: name.clone(),
                    notification: Some(draft(category, "改")),
                    reason: "改".into(),
                    request_id: self.id(&format!("correct {name} {category}")),
                };
                let answer = api.correct_notification(call(&self.caller, asked)).await;
                self.note(notes, format!("correct {name} {category}"), answer, |one| {
                    blank(&mut one.receipt);
                });
            }
            for reason in ["收", ""] {
                let asked = RetractNotificationRequest {
                    name: name.clone(),
                    reason: reason.into(),
                    request_id: self.id(&format!("retract {name} {reason}")),
                };
                let answer = api.retract_notification(call(&self.caller, asked)).await;
                self.note(notes, format!("retract {name} {reason}"), answer, |one| {
                    blank(&mut one.receipt);
                });
            }
            let mut reply = draft("coordination", "复");
            reply.addressees = vec!["agencies/pboc-branch".into()];
            reply.in_reply_to.clone_from(name);
            let asked = PublishNotificationRequest {
                notification: Some(reply),
                request_id: self.id(&format!("reply to {name}")),
            };
            let answer = api.publish_notification(call(&self.caller, asked)).await;
            self.note(notes, format!("reply to {name}"), answer, |answer| {
                blank(&mut answer.receipt);
            });
        }
    }

    /// The pair's files, by notification and by digest, and attached by the caller.
    pub(crate) async fn files(&self, notes: &mut Observations) {
        let api = &self.direct.services;
        for sha256 in &self.told.files {
            for name in self.names_to_ask() {
                for offset in [0, 99_999] {
                    let asked = DownloadAttachmentRequest {
                        notification: name.clone(),
                        sha256: sha256.clone(),
                        offset,
                    };
                    let question = format!("download {name} {sha256} from {offset}");
                    let answer = api.download_attachment(call(&self.caller, asked)).await;
                    match answer {
                        Err(status) => {
                            self.note::<()>(notes, question, Err(status), |()| {});
                        }
                        Ok(stream) => {
                            let parts: Vec<String> = stream
                                .into_inner()
                                .map(|part| format!("{part:?}"))
                                .collect()
                                .await;
                            self.note(notes, question, Ok(Response::new(parts)), |_| {});
                        }
                    }
                }
            }
            for agency in [self.caller.peer.agency.as_str(), "public-security", "tax"] {
                let asked = GetUploadRequest {
                    name: format!("agencies/{agency}/uploads/{sha256}"),
                };
                let answer = api.get_upload(call(&self.caller, asked)).await;
                self.note(notes, format!("upload {agency} {sha256}"), answer, |_| {});
            }
            for size_bytes in [12, 13] {
                let mut letter = draft("coordination", "附");
                letter.addressees = vec!["agencies/pboc-branch".into()];
                letter.attachments = vec![Attachment {
                    sha256: sha256.clone(),
                    file_name: "a.txt".into(),
                    media_type: "text/plain".into(),
                    size_bytes,
                }];
                let asked = PublishNotificationRequest {
                    notification: Some(letter),
                    request_id: self.id(&format!("attach {sha256} {size_bytes}")),
                };
                let answer = api.publish_notification(call(&self.caller, asked)).await;
                let question = format!("attach {sha256} of {size_bytes}");
                self.note(notes, question, answer, |answer| {
                    blank(&mut answer.receipt);
                });
            }
        }
    }
}

/// A token says where on the ledger a page ends; that there is one is compared.
pub(crate) fn blank_token(token: &mut String) {
    if !token.is_empty() {
        *token = "more".into();
    }
}
