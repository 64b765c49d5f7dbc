//! A socket that gives up on a peer that takes nothing of what is written to it.
//!
//! It stands below TLS and below whatever else holds bytes back: what those take in is not yet taken by the
//! peer, and a word now and then that waits behind the rest must not pass for a sign of life.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::Sleep,
};

/// A socket, and how long nothing that was written to it has been taken, as the operating system tells: it
/// has room again once the peer has taken about a third of what waits.
#[derive(Debug)]
pub(super) struct Patient {
    tcp: TcpStream,
    time_max: Duration,
    /// Since something waits to be taken: until when it must be.
    until: Option<Pin<Box<Sleep>>>,
    has_given_up: bool,
}

impl Patient {
    pub(super) fn new(tcp: TcpStream, time_max: Duration) -> Self {
        Self {
            tcp,
            time_max,
            until: None,
            has_given_up: false,
        }
    }

    pub(super) fn get_ref(&self) -> &TcpStream {
        &self.tcp
    }

    /// It is given up for good: what was written later would have no beginning.
    fn check(&self) -> io::Result<()> {
        if self.has_given_up {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(())
    }

    /// What a write came to, or that the peer has taken nothing for too long.
    fn watch(
        &mut self,
        context: &mut Context<'_>,
        polled: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if polled.is_ready() {
            self.until = None;
            return polled;
        }
        let until = self
            .until
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(self.time_max)));
        ready!(until.as_mut().poll(context));
        self.has_given_up = true;
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Patient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(context, buffer)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        let polled = Pin::new(&mut self.tcp).poll_write(context, bytes);
        self.watch(context, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        let polled = Pin::new(&mut self.tcp).poll_write_vectored(context, parts);
        self.watch(context, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(context)
    }
}
