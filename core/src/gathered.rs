//! Writes that wait for each other.
//!
//! HTTP/2 hands over a message in parts, and flushes after each body and when it has no more for the moment.
//! Below TLS every part is a record and a system call, and the other side pays for a read and a wake-up
//! each. Where many calls share a connection their parts come in bursts, as when a commit answers a dozen
//! calls at once.

use std::{
    fmt, io,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker, ready},
};

use futures::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, BufReader, ReadBuf};

/// Bytes that are gathered at most; then they are written, whoever else is ready. As much as one TLS record
/// holds (RFC 8446 section 5.1).
pub const GATHERED_BYTES_MAX: usize = 16 * 1024;

/// Bytes that are read at a time below TLS: a full record with all that is around it. TLS itself asks for a
/// quarter of that, and a record of a dozen calls would take a system call for each part.
pub const READ_AHEAD_BYTES: usize = 17 * 1024;

/// What goes below TLS: reads of a socket in pieces of [`READ_AHEAD_BYTES`], which are set aside for as long
/// as it is open. Writes go through.
pub fn read_ahead<S: AsyncRead>(socket: S) -> BufReader<S> {
    BufReader::with_capacity(READ_AHEAD_BYTES, socket)
}

/// A stream whose flush waits until the runtime has nothing else to do on this thread, so that what other
/// tasks are about to write goes out with it.
///
/// A flush is answered at once and done a moment later, when the task that asked for it is woken again:
/// after the tasks that were ready by then, and at the latest after a few dozen of them (the runtime's
/// `event_interval`). That task must poll the stream whenever it is woken, as HTTP/2 does. It is the thread
/// that is waited for: a task that blocks it holds back what is gathered there as long.
///
/// The first error of a write is for good: what is held is dropped, and it is told to every later write,
/// flush and shutdown, but to no read. A shutdown writes everything before it ends.
///
/// At most [`GATHERED_BYTES_MAX`] are held, and no memory while there are none.
pub struct Gathered<S> {
    stream: S,
    /// What is written, and how much of it the stream has taken.
    bytes: Vec<u8>,
    taken: usize,
    /// Whether a flush is waited for.
    is_waiting: bool,
    turn: Arc<Turn>,
    failure: Option<io::Error>,
}

/// The end of what is ready now.
#[derive(Default)]
struct Turn {
    is_over: AtomicBool,
    task: AtomicWaker,
}

impl Wake for Turn {
    fn wake(self: Arc<Self>) {
        self.is_over.store(true, Ordering::Release);
        self.task.wake();
    }
}

impl<S> Gathered<S> {
    /// Gathers what is written to a stream.
    pub fn new(stream: S) -> Self {
        Self {
            stream,
            bytes: Vec::new(),
            taken: 0,
            is_waiting: false,
            turn: Arc::default(),
            failure: None,
        }
    }

    /// The stream.
    pub fn get_ref(&self) -> &S {
        &self.stream
    }
}

impl<S> fmt::Debug for Gathered<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gathered")
            .field("held", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

impl<S: AsyncWrite + Unpin> Gathered<S> {
    /// Does a flush that was asked for, if its time has come. Reading does it too; whoever may be woken and
    /// not read calls this. What fails is told to who writes: there may be something to read yet, such as
    /// why the peer has closed.
    pub fn flush_if_due(&mut self, context: &mut Context<'_>) {
        if self.is_due() {
            let _told_to_who_writes = self.poll_flush_now(context);
        }
    }

    /// Whether a flush was asked for and its time has come.
    fn is_due(&self) -> bool {
        self.is_waiting && self.turn.is_over.load(Ordering::Acquire)
    }

    /// What a write to the stream came to. An error is kept: what the stream took of it is not known, so
    /// nothing may be written again.
    fn note<T>(&mut self, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        polled.map_err(|error| {
            let told = again(&error);
            self.let_go();
            self.failure = Some(error);
            told
        })
    }

    /// Holds nothing any more, nor the memory for it.
    fn let_go(&mut self) {
        self.bytes = Vec::new();
        self.taken = 0;
    }

    fn check(&self) -> io::Result<()> {
        self.failure
            .as_ref()
            .map_or(Ok(()), |error| Err(again(error)))
    }

    /// Writes all that is held.
    fn poll_drain(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.bytes.get(self.taken..)
            && !rest.is_empty()
        {
            let polled = match Pin::new(&mut self.stream).poll_write(context, rest) {
                Poll::Ready(Ok(0)) => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                polled => polled,
            };
            let taken = ready!(self.note(polled))?;
            self.taken = self.taken.saturating_add(taken);
        }
        self.let_go();
        Poll::Ready(Ok(()))
    }

    /// Makes room for so many bytes more, or for none where they are too many to be held.
    fn poll_room(&mut self, context: &mut Context<'_>, more: usize) -> Poll<io::Result<()>> {
        self.check()?;
        if self.bytes.len().saturating_add(more) > GATHERED_BYTES_MAX {
            ready!(self.poll_drain(context))?;
        }
        if self.bytes.capacity() == 0 && more <= GATHERED_BYTES_MAX {
            self.bytes.reserve_exact(GATHERED_BYTES_MAX);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_flush_now(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        ready!(self.poll_drain(context))?;
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        ready!(self.note(flushed))?;
        self.is_waiting = false;
        Poll::Ready(Ok(()))
    }

    /// Sees to it that the turn ends once what is ready now has been done.
    fn begin_turn(&mut self) {
        self.is_waiting = true;
        self.turn.is_over.store(false, Ordering::Release);
        let waker = Waker::from(Arc::clone(&self.turn));
        // It is the waker that is waited for: dropping the future does not take it back.
        let _pending = pin!(tokio::task::yield_now()).poll(&mut Context::from_waker(&waker));
    }
}

/// The same error once more.
fn again(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), error.to_string())
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Gathered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Whoever polls after the wake-up may come here first, or only here.
        self.flush_if_due(context);
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gathered<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[io::IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let bytes: usize = parts.iter().map(|part| part.len()).sum();
        ready!(self.poll_room(context, bytes))?;
        if bytes > GATHERED_BYTES_MAX {
            let polled = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
            return self.note(polled);
        }
        for part in parts {
            self.bytes.extend_from_slice(part);
        }
        Poll::Ready(Ok(bytes))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Before the turn is asked whether it is over: what ends it from now on wakes this task.
        self.turn.task.register(context.waker());
        // After an error nothing is held either.
        if self.bytes.is_empty() || self.is_due() {
            return self.poll_flush_now(context);
        }
        if !self.is_waiting {
            self.begin_turn();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_flush_now(context))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests;
