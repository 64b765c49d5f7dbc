//! HTTP/2 by hand, frame by frame (RFC 9113), so that a test can send what no library sends.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use bytes::BytesMut;
use rustls::ClientConfig;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// With what HTTP/2 begins.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Bytes before a frame's payload.
const HEAD_BYTES: usize = 9;

/// A hub that says nothing for so long has said what it had to say.
pub const QUIET_TIME: Duration = Duration::from_millis(500);

/// Kinds of frames (RFC 9113 section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs, reason = "the names are those of the RFC")]
pub enum Kind {
    Data = 0,
    Headers = 1,
    Priority = 2,
    RstStream = 3,
    Settings = 4,
    Ping = 6,
    GoAway = 7,
    WindowUpdate = 8,
    Continuation = 9,
}

/// The message ends with this frame, or the frame is an answer.
pub const END_STREAM: u8 = 1;
/// The frame is an answer.
pub const ACK: u8 = 1;
/// The headers end with this frame.
pub const END_HEADERS: u8 = 4;

/// `SETTINGS_INITIAL_WINDOW_SIZE`.
pub const INITIAL_WINDOW_SIZE: u16 = 4;

/// Codes of errors (RFC 9113 section 7).
pub mod code {
    /// There is nothing wrong; no more is wanted.
    pub const NO_ERROR: u32 = 0;
    /// The peer broke the protocol.
    pub const PROTOCOL_ERROR: u32 = 1;
    /// A frame is longer than it may be, or not as long as it must be.
    pub const FRAME_SIZE_ERROR: u32 = 6;
    /// The stream was not looked at.
    pub const REFUSED_STREAM: u32 = 7;
    /// The peer wants it no more.
    pub const CANCEL: u32 = 8;
    /// Headers that cannot be decompressed.
    pub const COMPRESSION_ERROR: u32 = 9;
    /// Too much of it.
    pub const ENHANCE_YOUR_CALM: u32 = 11;
}

/// The bytes of a frame.
#[must_use]
pub fn frame(kind: Kind, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let head = [length[1], length[2], length[3], kind as u8, flags];
    [&head, &stream.to_be_bytes()[..], payload].concat()
}

/// A header field without compression (RFC 7541 section 6.2.2).
#[must_use]
pub fn field(name: &str, value: impl AsRef<[u8]>) -> Vec<u8> {
    let text = |text: &[u8]| {
        // A length in a prefix of 7 bits (RFC 7541 section 5.1).
        let mut out = vec![];
        let mut length = text.len();
        if length < 127 {
            out.push(u8::try_from(length).unwrap());
        } else {
            out.push(127);
            length -= 127;
            while length >= 128 {
                out.push(u8::try_from(length % 128 + 128).unwrap());
                length /= 128;
            }
            out.push(u8::try_from(length).unwrap());
        }
        out.extend(text);
        out
    };
    [vec![0], text(name.as_bytes()), text(value.as_ref())].concat()
}

/// The header fields of a gRPC call; further ones may follow them.
#[must_use]
pub fn call(path: &str, token: &str) -> Vec<u8> {
    let token = format!("Bearer {token}");
    let fields = [
        (":method", "POST"),
        (":scheme", "https"),
        (":path", path),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("authorization", &token),
    ];
    fields.map(|(name, value)| field(name, value)).concat()
}

/// A gRPC message with its prefix.
#[must_use]
pub fn message(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap();
    [&[0], &length.to_be_bytes()[..], bytes].concat()
}

/// The id of a client's stream by its number.
#[must_use]
pub fn stream_id(number: u32) -> u32 {
    number * 2 + 1
}

/// A frame that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Its kind, as a number.
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// Its stream.
    pub stream: u32,
    /// What it carries.
    pub payload: Vec<u8>,
}

impl Frame {
    /// Whether it is of a kind.
    #[must_use]
    pub fn is(&self, kind: Kind) -> bool {
        self.kind == kind as u8
    }

    /// By how much a connection's window grows with it.
    #[must_use]
    pub fn window(&self) -> Option<usize> {
        let is_grown = self.is(Kind::WindowUpdate) && self.stream == 0;
        is_grown.then(|| usize::try_from(self.number(0)).unwrap())
    }

    /// The number at a place of the payload.
    fn number(&self, at: usize) -> u32 {
        let bytes = self.payload[at..at + 4].try_into().unwrap();
        u32::from_be_bytes(bytes)
    }
}

/// What a hub said on a connection until it was read no further.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    /// The code with which it ended the connection, if it said so.
    pub go_away: Option<u32>,
    /// Streams that it broke off, with the code.
    pub resets: BTreeMap<u32, u32>,
    /// Streams that it answered to their end.
    pub answered: BTreeSet<u32>,
    /// Answers to pings.
    pub pongs: u64,
    /// It closed the connection.
    pub is_closed: bool,
}

impl Heard {
    /// Takes a frame into account.
    pub fn note(&mut self, frame: &Frame) {
        if frame.is(Kind::GoAway) {
            // A polite farewell may come before the reason.
            self.go_away = Some(frame.number(4));
        } else if frame.is(Kind::RstStream) {
            self.resets.insert(frame.stream, frame.number(0));
        } else if frame.is(Kind::Ping) && frame.flags & ACK != 0 {
            self.pongs += 1;
        } else if (frame.is(Kind::Headers) || frame.is(Kind::Data)) && frame.flags & END_STREAM != 0
        {
            self.answered.insert(frame.stream);
        }
    }

    /// Takes what was heard later into account.
    pub fn join(&mut self, later: Self) {
        self.go_away = later.go_away.or(self.go_away);
        self.resets.extend(later.resets);
        self.answered.extend(later.answered);
        self.pongs += later.pongs;
        self.is_closed |= later.is_closed;
    }

    /// The hub wants no more of a stream.
    #[must_use]
    pub fn is_over(&self, stream: u32) -> bool {
        self.answered.contains(&stream) || self.resets.contains_key(&stream)
    }

    /// The codes with which streams were broken off.
    #[must_use]
    pub fn reset_codes(&self) -> BTreeSet<u32> {
        self.resets.values().copied().collect()
    }
}

/// A connection over TLS on which nothing is said yet.
#[derive(Debug)]
pub struct Wire {
    /// Reads what comes.
    pub ears: Ears,
    /// Sends anything.
    pub mouth: Mouth,
}

/// The reading half of a connection.
#[derive(Debug)]
pub struct Ears {
    half: ReadHalf<TlsStream<TcpStream>>,
    buffer: BytesMut,
}

/// The writing half of a connection.
#[derive(Debug)]
pub struct Mouth(WriteHalf<TlsStream<TcpStream>>);

impl Wire {
    /// Connects and shakes hands.
    ///
    /// # Errors
    /// Of TCP or TLS.
    pub async fn connect(address: SocketAddr, config: Arc<ClientConfig>) -> io::Result<Self> {
        Self::over(TcpStream::connect(address).await?, config).await
    }

    /// Shakes hands on a connection.
    ///
    /// # Errors
    /// Of TCP or TLS.
    pub async fn over(tcp: TcpStream, config: Arc<ClientConfig>) -> io::Result<Self> {
        tcp.set_nodelay(true)?;
        let name = "localhost".try_into().unwrap();
        let stream = TlsConnector::from(config).connect(name, tcp).await?;
        let (ears, mouth) = tokio::io::split(stream);
        Ok(Self {
            ears: Ears {
                half: ears,
                buffer: BytesMut::new(),
            },
            mouth: Mouth(mouth),
        })
    }

    /// Says the preface and settings, and accepts the hub's: from then on its windows are what they say.
    ///
    /// # Errors
    /// When the hub has closed the connection.
    pub async fn begin(&mut self, settings: &[(u16, u32)]) -> io::Result<()> {
        let settings: Vec<u8> = settings
            .iter()
            .flat_map(|(name, value)| {
                let mut setting = name.to_be_bytes().to_vec();
                setting.extend(value.to_be_bytes());
                setting
            })
            .collect();
        let settings = frame(Kind::Settings, 0, 0, &settings);
        self.mouth.say(&[PREFACE, &settings].concat()).await?;
        loop {
            let frame = self.ears.next().await;
            let frame = frame.ok_or(io::ErrorKind::UnexpectedEof)?;
            if frame.is(Kind::Settings) && frame.flags & ACK == 0 {
                break;
            }
        }
        self.mouth.say(&frame(Kind::Settings, ACK, 0, &[])).await
    }

    /// Says something over and over while it listens, until all is said or the hub closes. Then it
    /// listens until the hub falls silent for a time.
    pub async fn flood(&mut self, parts: impl IntoIterator<Item = Vec<u8>>) -> Heard {
        let mut heard = Heard::default();
        let (ears, mouth) = (&mut self.ears, &mut self.mouth);
        let said = async {
            for part in parts {
                if mouth.say(&part).await.is_err() {
                    break;
                }
            }
        };
        let listened = async {
            while let Some(frame) = ears.next().await {
                heard.note(&frame);
            }
            heard.is_closed = true;
        };
        tokio::select! {
            () = listened => return heard,
            () = said => {}
        }
        heard.join(self.listen(QUIET_TIME).await);
        heard
    }

    /// Listens until the hub closes, or says nothing for so long.
    pub async fn listen(&mut self, quiet: Duration) -> Heard {
        let mut heard = Heard::default();
        loop {
            match tokio::time::timeout(quiet, self.ears.next()).await {
                Ok(Some(frame)) => heard.note(&frame),
                Ok(None) => {
                    heard.is_closed = true;
                    return heard;
                }
                Err(_) => return heard,
            }
        }
    }
}

impl Mouth {
    /// Sends bytes.
    ///
    /// # Errors
    /// When the hub has closed the connection.
    pub async fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).await?;
        self.0.flush().await
    }
}

impl Ears {
    /// The next frame; `None` when the hub has closed the connection. Giving up waiting loses nothing.
    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.heard() {
                return Some(frame);
            }
            let came = self.half.read_buf(&mut self.buffer).await;
            if came.is_ok_and(|bytes| bytes > 0) {
                continue;
            }
            return None;
        }
    }

    /// A frame that has come whole.
    fn heard(&mut self) -> Option<Frame> {
        let head = self.buffer.get(..HEAD_BYTES)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let whole = HEAD_BYTES + usize::try_from(length).unwrap();
        if self.buffer.len() < whole {
            return None;
        }
        let frame = self.buffer.split_to(whole);
        Some(Frame {
            kind: frame[3],
            flags: frame[4],
            stream: u32::from_be_bytes([frame[5], frame[6], frame[7], frame[8]]),
            payload: frame[HEAD_BYTES..].to_vec(),
        })
    }
}
