//! How much memory a request takes once it is decoded, told from its bytes without decoding it.
//!
//! Two bytes can stand for an empty message of a list, which decoded is a structure of hundreds of bytes: a
//! mebibyte of them would take a third of a gibibyte, before any rule about the length of lists is looked at.
//! So the structures are counted first, and the budget holds what the call really takes.
//!
//! Invariant: whatever the bytes are, counting takes time in proportion to them and no memory; and decoding
//! allocates no more than what is counted, but for a constant factor. Bytes that are no message are counted
//! up to where decoding stops.

use std::{
    collections::{BTreeMap, HashMap},
    sync::LazyLock,
};

use prost::Message as _;
use prost_types::{
    DescriptorProto, FileDescriptorSet,
    field_descriptor_proto::{Label, Type},
};

/// Most bytes that a request may take decoded: several times what the largest one that keeps every rule does.
pub const DECODED_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Messages within messages, as deep as decoding goes.
const DEPTH_MAX: usize = 100;

/// Bytes of a text or a list in a structure, beside what is in it.
const TEXT_BYTES: usize = 24;

/// Bytes of anything else in a structure, with room for its being optional.
const NUMBER_BYTES: usize = 16;

/// A list takes up to twice what is in it, because it grows by doubling.
const GROWTH: usize = 2;

/// What a field adds when it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Text,
    /// Not copied: it stays where it came in.
    Bytes,
    /// By its place in [`Shapes::messages`].
    Message(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Field {
    kind: Kind,
    is_list: bool,
}

#[derive(Debug, Default)]
struct Shape {
    /// Of the structure, with the messages that it holds inline.
    bytes: usize,
    fields: BTreeMap<u32, Field>,
}

/// The requests of every method.
#[derive(Debug, Default)]
struct Shapes {
    messages: Vec<Shape>,
    by_method: HashMap<String, usize>,
}

static SHAPES: LazyLock<Shapes> = LazyLock::new(Shapes::compiled);

/// Bytes that a request of a method takes decoded, beside its own; 0 for a method that is none.
#[must_use]
pub fn decoded_bytes(method: &str, message: &[u8]) -> usize {
    let shapes = &*SHAPES;
    let Some(request) = shapes.by_method.get(method) else {
        return 0;
    };
    shapes
        .own_bytes(*request)
        .saturating_add(shapes.weigh(*request, message, 0))
}

impl Shapes {
    /// From the compiled protos; empty were they damaged, which a test rules out.
    fn compiled() -> Self {
        let set = FileDescriptorSet::decode(hub_proto::DESCRIPTORS).unwrap_or_default();
        let mut named = BTreeMap::new();
        for file in &set.file {
            let package = format!(".{}", file.package());
            for message in &file.message_type {
                name(&package, message, &mut named);
            }
        }
        let places: HashMap<&str, usize> = named.keys().map(String::as_str).zip(0..).collect();
        let shape = |message: &&DescriptorProto| Shape {
            bytes: 0,
            fields: fields(message, &places),
        };
        let mut shapes = Self {
            messages: named.values().map(shape).collect(),
            by_method: HashMap::new(),
        };
        for at in 0..shapes.messages.len() {
            let bytes = shapes.structure_bytes(at, 0);
            if let Some(shape) = shapes.messages.get_mut(at) {
                shape.bytes = bytes;
            }
        }
        for file in &set.file {
            for service in &file.service {
                for method in &service.method {
                    let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                    if let Some(place) = places.get(method.input_type()) {
                        shapes.by_method.insert(path, *place);
                    }
                }
            }
        }
        shapes
    }

    fn own_bytes(&self, at: usize) -> usize {
        self.messages.get(at).map_or(0, |shape| shape.bytes)
    }

    /// A structure with what it holds inline. What holds itself is behind a pointer.
    fn structure_bytes(&self, at: usize, depth: usize) -> usize {
        const INLINE_DEPTH_MAX: usize = 8;
        let Some(shape) = self.messages.get(at).filter(|_| depth < INLINE_DEPTH_MAX) else {
            return NUMBER_BYTES;
        };
        let bytes = shape.fields.values().map(|field| match field.kind {
            _ if field.is_list => TEXT_BYTES,
            Kind::Number => NUMBER_BYTES,
            Kind::Text => TEXT_BYTES,
            Kind::Bytes => TEXT_BYTES.saturating_add(NUMBER_BYTES),
            Kind::Message(of) => self.structure_bytes(of, depth.saturating_add(1)),
        });
        bytes.fold(NUMBER_BYTES, usize::saturating_add)
    }

    /// What the fields of a message add to its structure.
    fn weigh(&self, at: usize, message: &[u8], depth: usize) -> usize {
        let Some(shape) = self.messages.get(at).filter(|_| depth < DEPTH_MAX) else {
            return 0;
        };
        let mut bytes = 0_usize;
        let mut rest = message;
        // Groups, which no request has, are passed over with what is in them.
        let mut groups = 0_usize;
        while let Some(part) = Part::read(&mut rest) {
            match part.value {
                Value::GroupBegin => groups = groups.saturating_add(1),
                Value::GroupEnd => groups = groups.saturating_sub(1),
                Value::Number | Value::Bytes(_) if groups > 0 => {}
                Value::Number | Value::Bytes(_) => {
                    if let Some(field) = shape.fields.get(&part.number) {
                        bytes = bytes.saturating_add(self.added(*field, &part.value, depth));
                    }
                }
            }
        }
        bytes
    }

    fn added(&self, field: Field, value: &Value<'_>, depth: usize) -> usize {
        let (own, within) = match (field.kind, value) {
            (Kind::Message(of), Value::Bytes(message)) => {
                let within = self.weigh(of, message, depth.saturating_add(1));
                (self.own_bytes(of), within)
            }
            (Kind::Text, Value::Bytes(text)) => (TEXT_BYTES, text.len()),
            (Kind::Bytes, Value::Bytes(_)) => (TEXT_BYTES.saturating_add(NUMBER_BYTES), 0),
            // Packed: a byte is a number of up to eight.
            (Kind::Number, Value::Bytes(packed)) => (packed.len().saturating_mul(8), 0),
            _ => (NUMBER_BYTES, 0),
        };
        let own = if field.is_list {
            own.saturating_mul(GROWTH)
        } else {
            0
        };
        own.saturating_add(within)
    }
}

/// Every message of a file, those within others too, by its full name.
fn name<'a>(
    parent: &str,
    message: &'a DescriptorProto,
    named: &mut BTreeMap<String, &'a DescriptorProto>,
) {
    let full = format!("{parent}.{}", message.name());
    for nested in &message.nested_type {
        name(&full, nested, named);
    }
    named.insert(full, message);
}

fn fields(message: &DescriptorProto, places: &HashMap<&str, usize>) -> BTreeMap<u32, Field> {
    let fields = message.field.iter().filter_map(|field| {
        let kind = match field.r#type() {
            Type::String => Kind::Text,
            Type::Bytes => Kind::Bytes,
            Type::Message => Kind::Message(*places.get(field.type_name())?),
            _ => Kind::Number,
        };
        let is_list = field.label() == Label::Repeated;
        Some((u32::try_from(field.number()).ok()?, Field { kind, is_list }))
    });
    fields.collect()
}

/// A field as it stands in the bytes.
#[derive(Debug)]
struct Part<'a> {
    number: u32,
    value: Value<'a>,
}

#[derive(Debug)]
enum Value<'a> {
    Number,
    Bytes(&'a [u8]),
    GroupBegin,
    GroupEnd,
}

impl<'a> Part<'a> {
    /// The next field; `None` at the end, and where the bytes are no field.
    fn read(rest: &mut &'a [u8]) -> Option<Self> {
        let tag = varint(rest)?;
        let number = u32::try_from(tag >> 3).ok()?;
        let value = match tag & 7 {
            0 => {
                varint(rest)?;
                Value::Number
            }
            1 => {
                take(rest, 8)?;
                Value::Number
            }
            2 => {
                let count = usize::try_from(varint(rest)?).ok()?;
                Value::Bytes(take(rest, count)?)
            }
            3 => Value::GroupBegin,
            4 => Value::GroupEnd,
            5 => {
                take(rest, 4)?;
                Value::Number
            }
            _ => return None,
        };
        Some(Self { number, value })
    }
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(count)?;
    *rest = left;
    Some(taken)
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    prost::encoding::decode_varint(rest).ok()
}

#[cfg(test)]
mod tests {
    use hub_proto::{
        channels::{
            BatchPublishNotificationsRequest, Notification, PublishNotificationRequest,
            SubjectOrganization,
        },
        meetings::DraftMinutesRequest,
    };

    use super::*;
    use crate::wire::rpc::RPCS;

    const BATCH: &str = "/hub.channels.v1.ChannelService/BatchPublishNotifications";

    #[test]
    fn every_method_has_a_shape() {
        for rpc in RPCS {
            assert!(decoded_bytes(rpc.method, &[]) > 0, "{}", rpc.method);
        }
        assert_eq!(
            decoded_bytes("/hub.channels.v1.ChannelService/None", &[]),
            0
        );
    }

    #[test]
    fn structures_are_counted_as_large_as_they_are() {
        let notification = size_of::<Notification>();
        let one = decoded_bytes(BATCH, b"\x0a\x00") - decoded_bytes(BATCH, &[]);
        assert!(one >= 2 * notification, "{one} for {notification}");
        assert!(one <= 8 * notification, "{one} for {notification}");
        let minutes = "/hub.meetings.v1.MinutesService/DraftMinutes";
        assert!(decoded_bytes(minutes, &[]) >= size_of::<DraftMinutesRequest>());
    }

    #[test]
    fn a_mebibyte_of_empty_messages_is_too_much_and_the_largest_batch_is_not() {
        let empty = b"\x0a\x00".repeat(1 << 19);
        let items = BatchPublishNotificationsRequest::decode(&empty[..]).unwrap();
        let structures = items.requests.len() * size_of::<PublishNotificationRequest>();
        let counted = decoded_bytes(BATCH, &empty);
        assert!(
            counted >= structures && counted > DECODED_BYTES_MAX,
            "{counted}"
        );
        // Half of a message is as much as the whole up to there.
        let torn = [&empty[..], b"\x0a\xff"].concat();
        assert_eq!(decoded_bytes(BATCH, &torn), counted);
        // A group before them hides nothing, nor do they hide in one.
        let after = [b"\x7b\x7c", &empty[..]].concat();
        assert_eq!(decoded_bytes(BATCH, &after), counted);

        let subject = SubjectOrganization {
            uscc: "51100000500008957Y".into(),
            display_name: "某某协会".into(),
        };
        let request = PublishNotificationRequest {
            notification: Some(Notification {
                subjects: vec![subject; 50],
                addressees: vec!["agencies/tax".into(); 32],
                legal_bases: vec!["第七条".into(); 20],
                ..Notification::default()
            }),
            request_id: "01890a5d-ac96-774b-bcce-b302099a8057".into(),
        };
        let largest = BatchPublishNotificationsRequest {
            requests: vec![request; 256],
            request_id: String::new(),
        };
        let counted = decoded_bytes(BATCH, &largest.encode_to_vec());
        assert!(counted < DECODED_BYTES_MAX / 2, "{counted}");
    }

    #[test]
    fn deep_and_odd_bytes_end() {
        for bytes in [
            &b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"[..],
            b"\x0b\x0b\x0b\x0b",
            b"\x0c\x0a\x00",
            b"\x0a\xff\xff\xff\xff\x0f",
            b"\x0f",
        ] {
            assert!(decoded_bytes(BATCH, bytes) < 4096, "{bytes:?}");
        }
    }
}
