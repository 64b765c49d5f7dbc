//! A connection after its handshake, which gives up on a peer that never begins to speak HTTP/2; its socket
//! gives up on one that takes nothing of what is written to it. A peer that does too much is not read until
//! it is due again.
//!
//! Between the two the server's keepalive watches over a connection. It begins with HTTP/2 itself, and
//! ends where its own ping cannot be written.

use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use hub_core::gathered::Gathered;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep},
};
use tonic::transport::server::Connected;

use super::{AcceptLimits, Place, Tls};
use crate::identity::PeerInfo;

/// Bytes with which HTTP/2 begins (RFC 9113 section 3.4).
const PREFACE_BYTES: usize = 24;

/// How often somebody who is not read is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// A connection with a finished handshake. Its `ConnectInfo` is [`PeerInfo`].
pub struct TlsIo {
    stream: Gathered<Tls>,
    info: PeerInfo,
    /// Bytes of the preface that have not come, and until when they must.
    silent: Option<(usize, Pin<Box<Sleep>>)>,
    /// Until when nothing is read.
    pause: Option<Pin<Box<Sleep>>>,
    _place: Place,
}

impl TlsIo {
    pub(super) fn new(stream: Tls, info: PeerInfo, place: Place, limits: &AcceptLimits) -> Self {
        let patience = tokio::time::sleep(limits.preface_time_max);
        Self {
            stream: Gathered::new(stream),
            info,
            silent: Some((PREFACE_BYTES, Box::pin(patience))),
            pause: None,
            _place: place,
        }
    }

    fn tcp(&self) -> &TcpStream {
        let (read_ahead, _session) = self.stream.get_ref().get_ref();
        let patient = read_ahead.get_ref();
        patient.get_ref()
    }

    /// Waits until the peer may be read. One that goes away meanwhile is not waited for: its calls would
    /// stay open for so long, and take the places of its agency.
    fn poll_due(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(context));
                self.pause = None;
                if is_gone(self.tcp()) {
                    return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
                }
            }
            // Another connection of the node's may have used up what was due meanwhile.
            let pause = self.info.throttle.pause(Instant::now());
            if pause.is_zero() {
                return Poll::Ready(Ok(()));
            }
            self.pause = Some(Box::pin(tokio::time::sleep(pause.min(LOOK_EVERY))));
        }
    }
}

/// Whether the peer has closed or broken a connection, whatever of it has not been read yet.
#[cfg(target_os = "linux")]
fn is_gone(tcp: &TcpStream) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut asked = [PollFd::new(tcp, PollFlags::RDHUP)];
    // What is broken is told without being asked for.
    poll(&mut asked, Some(&Timespec::default())).is_ok_and(|told| told > 0)
}

/// Whether the peer has closed or broken a connection: found out when it is read again.
#[cfg(not(target_os = "linux"))]
fn is_gone(_: &TcpStream) -> bool {
    false
}

impl fmt::Debug for TlsIo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsIo")
            .field("info", &self.info)
            .finish_non_exhaustive()
    }
}

impl Connected for TlsIo {
    type ConnectInfo = PeerInfo;

    fn connect_info(&self) -> PeerInfo {
        self.info.clone()
    }
}

impl AsyncRead for TlsIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Who is not read is written to all the same.
        self.stream.flush_if_due(context);
        ready!(self.poll_due(context))?;
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let read = buffer.filled().len().saturating_sub(before);
        if read > 0 {
            self.info.throttle.read(read, Instant::now());
        }
        let Some((missing, patience)) = &mut self.silent else {
            return polled;
        };
        *missing = missing.saturating_sub(read);
        if *missing == 0 {
            self.silent = None;
            return polled;
        }
        if polled.is_pending() && patience.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        polled
    }
}

impl AsyncWrite for TlsIo {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
