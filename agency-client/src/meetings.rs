//! Meetings, minutes and major issues (JE-020 to JE-036, JE-070 to JE-084); one method an RPC.
//!
//! The cast:
//! - [`Meetings`]: topics by correspondence, convening, holding.
//! - [`Minutes`]: versions, consent of every attending unit, issue, and what was agreed.
//! - [`MajorIssues`]: major issues, and their escalation to the leading group.
//! - [`content_sha256`]: what is consented to. [`as_written`]: a notice to be changed.
//!
//! Mutating methods take the request of the contract; an empty `request_id` in it is filled in. Keep
//! one of your own to repeat the very same call after a crash.
//!
//! ```no_run
//! use agency_client::{Client, proto::meetings::ListMeetingsRequest};
//!
//! # async fn example(client: Client) -> agency_client::Result<()> {
//! let request = ListMeetingsRequest::default();
//! for meeting in client.meetings().list(&request).await?.meetings {
//!     println!("{} {}", meeting.name, meeting.title);
//! }
//! # Ok(())
//! # }
//! ```

mod issues;
mod meeting;
mod minutes;

use hub_core::crypto::{hex, sha256};
use hub_proto::meetings::{MeetingNotice, MinutesContent};
use prost::Message as _;

pub use issues::MajorIssues;
pub use meeting::Meetings;
pub use minutes::Minutes;

use crate::{
    client::{checked_request_id, request_id},
    error::{ClientError, Result},
};

/// SHA-256 of the encoded content, 64 lower-case hexadecimal digits: what a version's
/// `content_sha256` says and what is consented to. Compare it with the version's before consenting:
/// then what was read is what the consent covers.
///
/// ```
/// use agency_client::{meetings::content_sha256, proto::meetings::MinutesContent};
///
/// let content = MinutesContent { title: "Minutes".into(), ..MinutesContent::default() };
/// assert_eq!(content_sha256(&content).len(), 64);
/// ```
#[must_use]
pub fn content_sha256(content: &MinutesContent) -> String {
    hex(&sha256(&[&content.encode_to_vec()]))
}

/// A notice without what the hub fills in: what [`Meetings::change`] takes, so that a notice that was
/// read can be sent again with one thing changed.
///
/// ```
/// use agency_client::{meetings::as_written, proto::meetings::MeetingNotice};
///
/// let read = MeetingNotice { place: "Room 301".into(), revision: 2, ..MeetingNotice::default() };
/// let notice = MeetingNotice { place: "Room 302".into(), ..as_written(read) };
/// assert_eq!((&*notice.place, notice.revision), ("Room 302", 0));
/// ```
#[must_use]
pub fn as_written(notice: MeetingNotice) -> MeetingNotice {
    MeetingNotice {
        starts_at: notice.starts_at,
        place: notice.place,
        text: notice.text,
        documents: notice.documents,
        answer_by_at: notice.answer_by_at,
        ..MeetingNotice::default()
    }
}

/// The request id that the caller brought, or a new one.
fn minted(id: String) -> Result<String> {
    if id.is_empty() {
        Ok(request_id())
    } else {
        checked_request_id(id)
    }
}

/// An answer without what was asked for.
fn empty(path: &str) -> ClientError {
    ClientError::Protocol(format!("{path}: an empty answer"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use prost_types::FileDescriptorSet;

    use super::*;

    /// Every method of the three services is called by its path somewhere in this module, and no
    /// other: a new RPC without a method here turns this red.
    #[test]
    fn every_rpc_has_a_method() {
        let set = FileDescriptorSet::decode(hub_proto::DESCRIPTORS).unwrap();
        let services = set
            .file
            .iter()
            .filter(|file| file.package() == "hub.meetings.v1")
            .flat_map(|file| &file.service);
        for service in services {
            let source = match service.name() {
                "MeetingService" => include_str!("meetings/meeting.rs"),
                "MinutesService" => include_str!("meetings/minutes.rs"),
                "MajorIssueService" => include_str!("meetings/issues.rs"),
                other => panic!("no module for {other}"),
            };
            let called: BTreeSet<&str> = source
                .split("path!(\"")
                .skip(1)
                .filter_map(|rest| rest.split('"').next())
                .collect();
            let there: BTreeSet<&str> = service.method.iter().map(|one| one.name()).collect();
            assert_eq!(called, there, "{}", service.name());
        }
    }
}
