//! A codec that sends bytes as they are and decodes the answer: what was signed is what is sent.

use std::marker::PhantomData;

use bytes::{Buf, BufMut, Bytes};
use prost::{
    DecodeError, Message,
    encoding::{self, DecodeContext, WireType, skip_field},
};
use tonic::{
    Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};

/// Sends [`Bytes`], receives `R`.
#[derive(Debug)]
pub(crate) struct SignedBytes<R>(PhantomData<R>);

impl<R> Default for SignedBytes<R> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<R: Message + Default + 'static> Codec for SignedBytes<R> {
    type Encode = Bytes;
    type Decode = R;
    type Encoder = Raw;
    type Decoder = Decode<R>;

    fn encoder(&mut self) -> Raw {
        Raw
    }

    fn decoder(&mut self) -> Decode<R> {
        Decode(PhantomData)
    }
}

/// The answer to a call whose type is not known here: its length-delimited fields as they stand on
/// the wire, which are all that an answer's receipt and resource can be.
#[derive(Debug, Default, Clone)]
pub(crate) struct AnyAnswer(pub(crate) Vec<(u32, Bytes)>);

impl Message for AnyAnswer {
    /// It is read and never sent.
    fn encode_raw(&self, _: &mut impl BufMut) {}

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buffer: &mut impl Buf,
        context: DecodeContext,
    ) -> Result<(), DecodeError> {
        if wire_type != WireType::LengthDelimited {
            return skip_field(wire_type, tag, buffer, context);
        }
        let mut value = Bytes::new();
        encoding::bytes::merge(wire_type, &mut value, buffer, context)?;
        self.0.push((tag, value));
        Ok(())
    }

    fn encoded_len(&self) -> usize {
        0
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

/// Sends and receives messages as they are, unread.
#[derive(Debug, Default)]
pub(crate) struct RawCodec;

impl Codec for RawCodec {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Raw;
    type Decoder = Raw;

    fn encoder(&mut self) -> Raw {
        Raw
    }

    fn decoder(&mut self) -> Raw {
        Raw
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        let length = source.remaining();
        Ok(Some(source.copy_to_bytes(length)))
    }
}

/// Writes the bytes, or takes them.
#[derive(Debug)]
pub(crate) struct Raw;

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, target: &mut EncodeBuf<'_>) -> Result<(), Status> {
        target.put(item);
        Ok(())
    }
}

/// Reads a message.
#[derive(Debug)]
pub(crate) struct Decode<R>(PhantomData<R>);

impl<R: Message + Default> Decoder for Decode<R> {
    type Item = R;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<R>, Status> {
        R::decode(source)
            .map(Some)
            .map_err(|error| Status::internal(format!("undecodable answer: {error}")))
    }
}
