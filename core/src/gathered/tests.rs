use std::{
    future::poll_fn,
    sync::{Mutex, MutexGuard},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::mpsc,
};

use super::*;

/// What came to the end of a stream.
#[derive(Debug, Default)]
struct Seen {
    writes: Vec<Vec<u8>>,
    flushes: usize,
    is_shut: bool,
    /// The stream takes nothing more.
    is_broken: bool,
    /// Bytes that it takes at a time; every other call it takes none and asks to be called again.
    takes_at_most: Option<usize>,
    is_next_slow: bool,
}

#[derive(Debug, Clone, Default)]
struct End(Arc<Mutex<Seen>>);

impl End {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap()
    }
}

impl AsyncWrite for End {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut seen = self.seen();
        if seen.is_broken {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let taken = match seen.takes_at_most {
            Some(max) => {
                seen.is_next_slow = !seen.is_next_slow;
                if seen.is_next_slow {
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                bytes.len().min(max)
            }
            None => bytes.len(),
        };
        seen.writes.push(bytes[..taken].to_vec());
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.seen().flushes += 1;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.seen().is_shut = true;
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for End {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        buffer.put_slice(b"why");
        Poll::Ready(Ok(()))
    }
}

/// Writes and flushes what comes, as HTTP/2 does frame by frame, and flushes whenever it is woken.
async fn serve(mut stream: Gathered<End>, mut frames: mpsc::UnboundedReceiver<Vec<u8>>) {
    poll_fn(|context| {
        while let Poll::Ready(frame) = frames.poll_recv(context) {
            let Some(frame) = frame else {
                return Poll::Ready(());
            };
            let written = Pin::new(&mut stream).poll_write(context, &frame);
            assert!(matches!(written, Poll::Ready(Ok(all)) if all == frame.len()));
            let flushed = Pin::new(&mut stream).poll_flush(context);
            assert!(matches!(flushed, Poll::Ready(Ok(()))));
        }
        ready!(Pin::new(&mut stream).poll_flush(context)).unwrap();
        Poll::Pending
    })
    .await;
}

#[tokio::test]
async fn what_is_ready_together_is_written_together() {
    let end = End::default();
    let (sender, frames) = mpsc::unbounded_channel();
    tokio::spawn(serve(Gathered::new(end.clone()), frames));
    tokio::task::yield_now().await;
    for number in 0..10 {
        let sender = sender.clone();
        // As a call's own task does when it is answered.
        tokio::spawn(async move { sender.send(vec![number; 100]).unwrap() });
    }
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    let seen = end.seen();
    let expected: Vec<u8> = (0..10).flat_map(|number| [number; 100]).collect();
    assert_eq!(seen.writes, [expected]);
    assert_eq!(seen.flushes, 2, "one before there was anything to write");
}

#[tokio::test]
async fn one_frame_alone_is_written_without_anything_else_to_happen() {
    let end = End::default();
    let (sender, frames) = mpsc::unbounded_channel();
    tokio::spawn(serve(Gathered::new(end.clone()), frames));
    for number in 1..=3 {
        sender.send(vec![number]).unwrap();
        while end.seen().writes.len() < usize::from(number) {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(end.seen().writes, [[1], [2], [3]]);
}

#[test]
fn what_is_too_much_is_written_at_once_and_in_order() {
    let end = End::default();
    let mut stream = Gathered::new(end.clone());
    let mut context = Context::from_waker(Waker::noop());
    let mut write = |bytes: &[u8]| {
        let written = Pin::new(&mut stream).poll_write(&mut context, bytes);
        assert!(matches!(written, Poll::Ready(Ok(all)) if all == bytes.len()));
        assert!(stream.bytes.len() <= GATHERED_BYTES_MAX);
    };
    write(&[1; GATHERED_BYTES_MAX]);
    assert!(end.seen().writes.is_empty());
    write(&[2]);
    write(&[3; GATHERED_BYTES_MAX + 1]);
    let lens: Vec<usize> = end.seen().writes.iter().map(Vec::len).collect();
    assert_eq!(lens, [GATHERED_BYTES_MAX, 1, GATHERED_BYTES_MAX + 1]);
    let firsts: Vec<u8> = end.seen().writes.iter().map(|bytes| bytes[0]).collect();
    assert_eq!(firsts, [1, 2, 3]);
    assert_eq!(stream.bytes.capacity(), 0);
}

/// Any sizes, whole and in parts, with flushes between, into a stream that takes little and is not always
/// ready: what was written arrives, in order and once.
#[tokio::test]
async fn nothing_is_lost_or_doubled_when_the_stream_is_slow() {
    for takes_at_most in [1_000, 7_001, 40_000] {
        let end = End::default();
        end.seen().takes_at_most = Some(takes_at_most);
        let mut stream = Gathered::new(end.clone());
        let mut expected = vec![];
        let mut number: usize = 1;
        for round in 0..400 {
            number = number
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let len = (number >> 33) % [10, 2_000, 20_000][round % 3];
            let bytes: Vec<u8> = (0..len).map(|at| (at ^ round).to_le_bytes()[0]).collect();
            expected.extend_from_slice(&bytes);
            if round % 2 == 0 {
                stream.write_all(&bytes).await.unwrap();
            } else {
                let (a, b) = bytes.split_at(len / 3);
                let parts = [io::IoSlice::new(a), io::IoSlice::new(b)];
                let written = stream.write_vectored(&parts).await.unwrap();
                stream.write_all(&bytes[written..]).await.unwrap();
            }
            if number.is_multiple_of(5) {
                stream.flush().await.unwrap();
                tokio::task::yield_now().await;
            }
        }
        stream.shutdown().await.unwrap();
        let seen = end.seen();
        assert!(seen.is_shut);
        assert!(
            seen.writes.concat() == expected,
            "{takes_at_most} at a time"
        );
    }
}

#[tokio::test]
async fn a_peer_that_is_gone_is_told_to_who_writes_and_can_still_be_read() {
    let end = End::default();
    end.seen().is_broken = true;
    let mut stream = Gathered::new(end.clone());
    stream.write_all(b"hello").await.unwrap();
    stream.flush().await.unwrap();
    while !stream.is_due() {
        tokio::task::yield_now().await;
    }
    let mut read = [0; 3];
    stream.read_exact(&mut read).await.unwrap();
    assert_eq!(&read, b"why");
    let told = stream.flush().await.unwrap_err();
    assert_eq!(told.kind(), io::ErrorKind::BrokenPipe);
    stream.shutdown().await.unwrap_err();
}
