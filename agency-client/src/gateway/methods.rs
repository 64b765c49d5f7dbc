//! Which methods the hub has, and which of their sides are streams, as the protos say.

use std::{collections::HashMap, sync::OnceLock};

use prost::Message as _;
use prost_types::FileDescriptorSet;

/// The package that the gateway serves itself.
pub(super) const OWN_PACKAGE: &str = "hub.gateway.v1";

/// A method of the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Method {
    /// Full gRPC path.
    pub(super) path: &'static str,
    /// The caller sends a stream.
    pub(super) is_client_streaming: bool,
    /// The hub answers with a stream.
    pub(super) is_server_streaming: bool,
}

/// The method of a path; `None` for what the hub does not have.
pub(super) fn find(path: &str) -> Option<Method> {
    static METHODS: OnceLock<HashMap<&'static str, Method>> = OnceLock::new();
    METHODS.get_or_init(all).get(path).copied()
}

fn all() -> HashMap<&'static str, Method> {
    // The descriptors are compiled in; a test reads them.
    let set = FileDescriptorSet::decode(hub_proto::DESCRIPTORS).unwrap_or_default();
    let mut methods = HashMap::new();
    for file in &set.file {
        if file.package() == OWN_PACKAGE {
            continue;
        }
        for service in &file.service {
            for method in &service.method {
                let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                // Once for the life of the program.
                let path: &'static str = Box::leak(path.into_boxed_str());
                let method = Method {
                    path,
                    is_client_streaming: method.client_streaming(),
                    is_server_streaming: method.server_streaming(),
                };
                methods.insert(path, method);
            }
        }
    }
    methods
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_known_with_their_kind() {
        for (path, client, server) in [
            (
                "/hub.channels.v1.ChannelService/PublishNotification",
                false,
                false,
            ),
            ("/hub.channels.v1.ChannelService/Subscribe", false, true),
            (
                "/hub.attachments.v1.AttachmentService/UploadAttachment",
                true,
                false,
            ),
            (
                "/hub.attachments.v1.AttachmentService/DownloadAttachment",
                false,
                true,
            ),
            ("/hub.members.v1.MembersService/WhoAmI", false, false),
            ("/hub.meetings.v1.MeetingService/AnswerNotice", false, false),
            (
                "/hub.meetings.v1.MinutesService/ConsentToMinutes",
                false,
                false,
            ),
            (
                "/hub.meetings.v1.MajorIssueService/FlagMajorIssue",
                false,
                false,
            ),
        ] {
            let method = find(path).unwrap();
            assert_eq!(method.path, path);
            assert_eq!(method.is_client_streaming, client, "{path}");
            assert_eq!(method.is_server_streaming, server, "{path}");
        }
    }

    #[test]
    fn what_the_hub_does_not_have_is_unknown() {
        for path in [
            "/hub.gateway.v1.GatewayService/EnqueueNotification",
            "/hub.channels.v1.ChannelService/publishNotification",
            "/hub.channels.v1.ChannelService/",
            "/",
            "",
        ] {
            assert_eq!(find(path), None, "{path}");
        }
    }
}
