//! What an outbox must know of a method, read from the protos themselves: where its request id
//! stands, and where its answer has the receipt and the name of what came to be.
//!
//! Invariant: only the request id of a stored request is ever changed; every other byte stays.

use std::{collections::HashMap, sync::OnceLock};

use bytes::{BufMut as _, Bytes, BytesMut};
use hub_proto::common::Receipt;
use prost::{
    Message as _,
    encoding::{
        DecodeContext, WireType, decode_key, decode_varint, encode_key, encode_varint, skip_field,
    },
};
use prost_types::{
    DescriptorProto, FileDescriptorProto, FileDescriptorSet,
    field_descriptor_proto::{Label, Type},
};

use crate::{
    codec::AnyAnswer,
    error::{ClientError, Result},
};

/// Publishes a notification.
pub(crate) const PUBLISH: &str = "/hub.channels.v1.ChannelService/PublishNotification";
/// Corrects one.
pub(crate) const CORRECT: &str = "/hub.channels.v1.ChannelService/CorrectNotification";
/// Takes one back.
pub(crate) const RETRACT: &str = "/hub.channels.v1.ChannelService/RetractNotification";
/// Answers the notice of a meeting.
pub(crate) const ANSWER_NOTICE: &str = "/hub.meetings.v1.MeetingService/AnswerNotice";
/// Consents to minutes.
pub(crate) const CONSENT: &str = "/hub.meetings.v1.MinutesService/ConsentToMinutes";
/// Records a use of what a request brought.
pub(crate) const RECORD_USE: &str = "/hub.requests.v1.RequestService/RecordUse";
/// Confirms how it was disposed of.
pub(crate) const CONFIRM_DISPOSAL: &str = "/hub.requests.v1.RequestService/ConfirmDisposal";
/// Sends a referral.
pub(crate) const SEND_REFERRAL: &str = "/hub.referrals.v1.ReferralService/SendReferral";
/// Feeds a result back.
pub(crate) const FEED_BACK: &str = "/hub.referrals.v1.ReferralService/FeedBackResult";
/// Reports on an agreed item.
pub(crate) const REPORT: &str = "/hub.meetings.v1.MinutesService/ReportProgress";
/// Raises a fund alert.
pub(crate) const RAISE_ALERT: &str = "/hub.funds.v1.AlertService/RaiseAlert";
/// Acknowledges one.
pub(crate) const ACKNOWLEDGE_ALERT: &str = "/hub.funds.v1.AlertService/AcknowledgeAlert";
/// Reports a measure on one done.
pub(crate) const REPORT_MEASURE: &str = "/hub.funds.v1.AlertService/ReportMeasure";

/// Calls that the hub absorbs or refuses by their own nature when they come a second time, under
/// whatever request id: opening and signing again change nothing, and the rest meets what it made. A
/// consent is to one version, and the hub refuses a version that is no longer before the units; a
/// draft says which version it is based on, a correction of an alert which revision it corrects; a unit signs
/// a joint notice once, and a measure is reported done once. Not here is what adds something each time, as
/// a progress report or another alert, and what would take the place of something newer, as an answer to a
/// notice or what a unit says that it does about an alert.
const ABSORBED: [&str; 24] = [
    "/hub.channels.v1.ChannelService/AcknowledgeDelivery",
    "/hub.channels.v1.ChannelService/OpenNotification",
    "/hub.channels.v1.ChannelService/SignForNotification",
    "/hub.funds.v1.AlertService/CorrectAlert",
    "/hub.funds.v1.AlertService/IssueJointNotice",
    "/hub.funds.v1.AlertService/ReportMeasure",
    "/hub.funds.v1.AlertService/RetractAlert",
    "/hub.funds.v1.AlertService/SignJointNotice",
    "/hub.meetings.v1.MajorIssueService/CoSignEscalation",
    "/hub.meetings.v1.MinutesService/ConsentToMinutes",
    "/hub.meetings.v1.MinutesService/DraftMinutes",
    "/hub.members.v1.MembersService/AddMembership",
    "/hub.members.v1.MembersService/AppointLiaison",
    "/hub.members.v1.MembersService/EnrollNode",
    "/hub.members.v1.MembersService/EnrollTokenKey",
    "/hub.members.v1.MembersService/RevokeNode",
    "/hub.members.v1.MembersService/RevokeTokenKey",
    "/hub.referrals.v1.ReferralService/AcknowledgeReferral",
    "/hub.referrals.v1.ReferralService/CloseReferral",
    "/hub.referrals.v1.ReferralService/CorrectReferral",
    "/hub.referrals.v1.ReferralService/DeclineReferral",
    "/hub.referrals.v1.ReferralService/ReturnReferral",
    "/hub.referrals.v1.ReferralService/TakeUpReferral",
    "/hub.referrals.v1.ReferralService/WithdrawReferral",
];

/// The same of information requests: each of these is done once, or once for a number, and refused after that.
/// Not here is what adds something each time, as a record of use, or goes to and fro, as a suspension.
const REQUESTS_ABSORBED: [&str; 11] = [
    "/hub.requests.v1.RequestService/AnswerCorrection",
    "/hub.requests.v1.RequestService/ApproveInformationRequest",
    "/hub.requests.v1.RequestService/AskForMissing",
    "/hub.requests.v1.RequestService/CloseCase",
    "/hub.requests.v1.RequestService/CompleteInformationRequest",
    "/hub.requests.v1.RequestService/ConsentToInformationRequest",
    "/hub.requests.v1.RequestService/DeliverInformation",
    "/hub.requests.v1.RequestService/ExtendAnswerTime",
    "/hub.requests.v1.RequestService/RefuseInformationRequest",
    "/hub.requests.v1.RequestService/WithdrawInformationRequest",
    CONFIRM_DISPOSAL,
];

/// How it can be found out whether a call was recorded whose answer was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trace {
    /// It left a notification in the own sent log.
    Notification,
    /// It does no harm a second time.
    Absorbed,
    /// There is no way.
    None,
}

/// A mutating method whose repetition is safe.
#[derive(Debug)]
pub(crate) struct Method {
    /// Full gRPC path.
    pub(crate) path: &'static str,
    request_id_tag: u32,
    receipt_tag: u32,
    /// Fields of the answer that are messages with a `name`: (field, name's field).
    name_tags: Vec<(u32, u32)>,
}

impl Method {
    /// The method of a path.
    pub(crate) fn find(path: &str) -> Result<&'static Self> {
        static METHODS: OnceLock<HashMap<&'static str, Method>> = OnceLock::new();
        METHODS.get_or_init(all).get(path).ok_or_else(|| {
            ClientError::input(
                "method",
                format!("must be the full path of a mutating call that is no batch, not {path:?}"),
            )
        })
    }

    /// How it can be found out whether it was recorded.
    pub(crate) fn trace(&self) -> Trace {
        match self.path {
            PUBLISH | CORRECT | RETRACT => Trace::Notification,
            path if ABSORBED.contains(&path) || REQUESTS_ABSORBED.contains(&path) => {
                Trace::Absorbed
            }
            _ => Trace::None,
        }
    }

    /// The request id that stands in a request; `None` when it is empty.
    pub(crate) fn request_id(&self, request: &Bytes) -> Result<Option<String>> {
        let mut found = None;
        for field in fields(request)? {
            if field.tag == self.request_id_tag {
                let text = String::from_utf8(field.value.to_vec())
                    .map_err(|_| ClientError::input("request_id", "must be text"))?;
                found = Some(text).filter(|text| !text.is_empty());
            }
        }
        Ok(found)
    }

    /// The same request under another id.
    pub(crate) fn with_request_id(&self, request: &Bytes, id: &str) -> Result<Bytes> {
        let mut out = BytesMut::with_capacity(request.len() + id.len() + 4);
        let mut is_written = false;
        let mut write = |out: &mut BytesMut| {
            if !is_written {
                encode_key(self.request_id_tag, WireType::LengthDelimited, out);
                encode_varint(id.len() as u64, out);
                out.put_slice(id.as_bytes());
            }
            is_written = true;
        };
        for field in fields(request)? {
            if field.tag == self.request_id_tag {
                write(&mut out);
            } else {
                out.put_slice(&field.whole);
            }
        }
        write(&mut out);
        Ok(out.freeze())
    }

    /// Name and receipt of an answer.
    pub(crate) fn answer(&self, answer: &AnyAnswer) -> Result<(String, Receipt)> {
        let broken = |what: &str| ClientError::Protocol(format!("{}: {what}", self.path));
        let (mut name, mut receipt) = (String::new(), None);
        for (tag, value) in &answer.0 {
            if *tag == self.receipt_tag {
                let decoded = Receipt::decode(value.clone());
                receipt = Some(decoded.map_err(|_| broken("a receipt that does not decode"))?);
            }
            let within = self.name_tags.iter().find(|(field, _)| field == tag);
            if let Some((_, name_tag)) = within
                && name.is_empty()
            {
                for inner in fields(value)? {
                    if inner.tag == *name_tag {
                        name = String::from_utf8_lossy(&inner.value).into_owned();
                    }
                }
            }
        }
        let receipt = receipt.ok_or_else(|| broken("an answer without a receipt"))?;
        Ok((name, receipt))
    }
}

/// A field of a message as it stands on the wire.
struct Field {
    tag: u32,
    /// Key and value.
    whole: Bytes,
    /// Content of a length-delimited field; empty for others.
    value: Bytes,
}

/// The top-level fields of a message.
fn fields(message: &Bytes) -> Result<Vec<Field>> {
    let broken = |_| ClientError::input("request", "must be an encoded message");
    let mut rest = message.clone();
    let mut found = vec![];
    while !rest.is_empty() {
        let start = message.len() - rest.len();
        let (tag, wire) = decode_key(&mut rest).map_err(broken)?;
        let mut value = Bytes::new();
        if wire == WireType::LengthDelimited {
            let mut peek = rest.clone();
            let length = decode_varint(&mut peek).map_err(broken)?;
            let length = usize::try_from(length)
                .ok()
                .filter(|length| *length <= peek.len())
                .ok_or_else(|| ClientError::input("request", "must be an encoded message"))?;
            value = peek.split_to(length);
            rest = peek;
        } else {
            skip_field(wire, tag, &mut rest, DecodeContext::default()).map_err(broken)?;
        }
        let end = message.len() - rest.len();
        found.push(Field {
            tag,
            whole: message.slice(start..end),
            value,
        });
    }
    Ok(found)
}

/// Every mutating method of the API but batches, by path.
fn all() -> HashMap<&'static str, Method> {
    static DESCRIPTORS: OnceLock<FileDescriptorSet> = OnceLock::new();
    // The descriptors are compiled in; a test reads them.
    let set = DESCRIPTORS
        .get_or_init(|| FileDescriptorSet::decode(hub_proto::DESCRIPTORS).unwrap_or_default());
    let mut messages = HashMap::new();
    for file in &set.file {
        for message in &file.message_type {
            let name = format!(".{}.{}", file.package(), message.name());
            messages.insert(name, message);
        }
    }
    let methods = set.file.iter().flat_map(|file| of_file(file, &messages));
    methods.map(|method| (method.path, method)).collect()
}

fn of_file(
    file: &FileDescriptorProto,
    messages: &HashMap<String, &DescriptorProto>,
) -> Vec<Method> {
    let mut found = vec![];
    for service in &file.service {
        for method in &service.method {
            let (Some(request), Some(response)) = (
                messages.get(method.input_type()),
                messages.get(method.output_type()),
            ) else {
                continue;
            };
            let (Some(request_id_tag), Some(receipt_tag)) =
                (tag_of(request, "request_id"), tag_of(response, "receipt"))
            else {
                continue;
            };
            // Items of a batch have request ids of their own, which an outbox would not renew.
            let is_batch = request.field.iter().any(|field| {
                field.label() == Label::Repeated
                    && messages
                        .get(field.type_name())
                        .is_some_and(|item| tag_of(item, "request_id").is_some())
            });
            if is_batch || method.client_streaming() || method.server_streaming() {
                continue;
            }
            let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
            found.push(Method {
                // Once for the life of the program.
                path: Box::leak(path.into_boxed_str()),
                request_id_tag,
                receipt_tag,
                name_tags: name_tags(response, messages),
            });
        }
    }
    found
}

fn tag_of(message: &DescriptorProto, name: &str) -> Option<u32> {
    let field = message.field.iter().find(|field| field.name() == name)?;
    field.number().try_into().ok()
}

fn name_tags(
    response: &DescriptorProto,
    messages: &HashMap<String, &DescriptorProto>,
) -> Vec<(u32, u32)> {
    let of = |field: &prost_types::FieldDescriptorProto| {
        if field.r#type() != Type::Message || field.label() == Label::Repeated {
            return None;
        }
        let name = tag_of(messages.get(field.type_name())?, "name")?;
        Some((field.number().try_into().ok()?, name))
    };
    response.field.iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use hub_proto::channels::{
        Notification, PublishNotificationRequest, PublishNotificationResponse,
        SignForNotificationRequest,
    };

    use super::*;

    fn request(id: &str) -> PublishNotificationRequest {
        PublishNotificationRequest {
            notification: Some(Notification {
                title: "t".into(),
                ..Notification::default()
            }),
            request_id: id.into(),
        }
    }

    #[test]
    fn only_the_request_id_is_changed() {
        let method = Method::find(PUBLISH).unwrap();
        let old: Bytes = request("old").encode_to_vec().into();
        assert_eq!(method.request_id(&old).unwrap().as_deref(), Some("old"));
        let new = method.with_request_id(&old, "a-new-one").unwrap();
        assert_eq!(new, request("a-new-one").encode_to_vec());
        let none: Bytes = request("").encode_to_vec().into();
        assert_eq!(method.request_id(&none).unwrap(), None);
        let filled = method.with_request_id(&none, "x").unwrap();
        assert_eq!(filled, request("x").encode_to_vec());
    }

    #[test]
    fn a_field_of_a_newer_release_survives() {
        let method = Method::find(PUBLISH).unwrap();
        let mut bytes = request("old").encode_to_vec();
        encode_key(999, WireType::Varint, &mut bytes);
        encode_varint(7, &mut bytes);
        let new = method.with_request_id(&bytes.into(), "new").unwrap();
        let mut expected = request("new").encode_to_vec();
        encode_key(999, WireType::Varint, &mut expected);
        encode_varint(7, &mut expected);
        assert_eq!(new, expected);
    }

    #[test]
    fn every_absorbed_call_exists() {
        for path in ABSORBED.into_iter().chain(REQUESTS_ABSORBED) {
            assert_eq!(Method::find(path).unwrap().trace(), Trace::Absorbed);
        }
    }

    #[test]
    fn what_adds_or_replaces_something_is_not_repeated_under_a_new_id() {
        for path in [
            ANSWER_NOTICE,
            REPORT,
            RAISE_ALERT,
            ACKNOWLEDGE_ALERT,
            SEND_REFERRAL,
            FEED_BACK,
        ] {
            assert_eq!(Method::find(path).unwrap().trace(), Trace::None, "{path}");
        }
        for path in [CONSENT, REPORT_MEASURE] {
            assert_eq!(
                Method::find(path).unwrap().trace(),
                Trace::Absorbed,
                "{path}"
            );
        }
    }

    #[test]
    fn a_record_of_use_is_not_repeated_under_a_new_id() {
        assert_eq!(Method::find(RECORD_USE).unwrap().trace(), Trace::None);
        let suspension = "/hub.requests.v1.RequestService/SuspendUse";
        assert_eq!(Method::find(suspension).unwrap().trace(), Trace::None);
    }

    #[test]
    fn reads_and_batches_are_no_methods_of_an_outbox() {
        for path in [
            "/hub.channels.v1.ChannelService/GetNotification",
            "/hub.channels.v1.ChannelService/BatchPublishNotifications",
            "/hub.channels.v1.ChannelService/Subscribe",
            "PublishNotification",
        ] {
            let error = Method::find(path).unwrap_err();
            assert_eq!(error.reason_text(), "INPUT_INVALID", "{path}");
        }
        for name in ["SignForNotification", "AcknowledgeDelivery"] {
            Method::find(&format!("/hub.channels.v1.ChannelService/{name}")).unwrap();
        }
        let sign = Method::find("/hub.channels.v1.ChannelService/SignForNotification").unwrap();
        let request = SignForNotificationRequest {
            request_id: "here".into(),
            ..SignForNotificationRequest::default()
        };
        let bytes = request.encode_to_vec().into();
        assert_eq!(sign.request_id(&bytes).unwrap().as_deref(), Some("here"));
    }

    #[test]
    fn an_answer_gives_name_and_receipt() {
        let method = Method::find(PUBLISH).unwrap();
        let receipt = Receipt {
            entry_index: 7,
            ..Receipt::default()
        };
        let response = PublishNotificationResponse {
            notification: Some(Notification {
                name: "channels/x/notifications/1".into(),
                ..Notification::default()
            }),
            receipt: Some(receipt.clone()),
        };
        let read = |bytes: &[u8]| AnyAnswer::decode(bytes).unwrap();
        let answer = method.answer(&read(&response.encode_to_vec())).unwrap();
        assert_eq!(answer, ("channels/x/notifications/1".into(), receipt));
        let error = method.answer(&read(&[])).unwrap_err();
        assert_eq!(error.reason_text(), "PROTOCOL");
    }

    #[test]
    fn bytes_that_are_no_message_are_refused() {
        let method = Method::find(PUBLISH).unwrap();
        for bytes in [&[0x0a, 0xff][..], &[0xff], &[0x0a, 0x05, 1]] {
            let error = method
                .request_id(&Bytes::copy_from_slice(bytes))
                .unwrap_err();
            assert_eq!(error.reason_text(), "INPUT_INVALID");
        }
    }
}
