use std::{
    future::poll_fn,
    sync::{Mutex, MutexGuard},
    time::Duration,
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
    /// The next write fails.
    is_next_broken: bool,
    /// Nothing is taken now.
    is_stuck: bool,
    /// Bytes that it takes at a time; every other call it takes none and asks to be called again.
    takes_at_most: Option<usize>,
    is_next_slow: bool,
    /// Who is told of each write.
    writing: Option<mpsc::Sender<Vec<u8>>>,
}

/// More frames than there are under way in any test.
const CHANNEL_FRAMES: usize = 16;

/// Longer than anything takes here, on any machine.
const LONG: Duration = Duration::from_secs(60);

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
        if std::mem::take(&mut seen.is_next_broken) {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if seen.is_stuck {
            return Poll::Pending;
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
        if let Some(writing) = &seen.writing {
            writing.try_send(bytes[..taken].to_vec()).unwrap();
        }
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
async fn serve(mut stream: Gathered<End>, mut frames: mpsc::Receiver<Vec<u8>>) {
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
    let (sender, frames) = mpsc::channel(CHANNEL_FRAMES);
    tokio::spawn(serve(Gathered::new(end.clone()), frames));
    tokio::task::yield_now().await;
    for number in 0..10 {
        let sender = sender.clone();
        // As a call's own task does when it is answered.
        tokio::spawn(async move { sender.try_send(vec![number; 100]).unwrap() });
    }
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    let seen = end.seen();
    let expected: Vec<u8> = (0..10).flat_map(|number| [number; 100]).collect();
    assert_eq!(seen.writes, [expected]);
    assert_eq!(seen.flushes, 2, "one before there was anything to write");
}

/// Nothing else goes on in the runtime: it is asleep when the time is up, or it has been woken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_frame_alone_is_written_without_anything_else_to_happen() {
    let end = End::default();
    let (sender, frames) = mpsc::channel(CHANNEL_FRAMES);
    let (said, mut written) = mpsc::channel(CHANNEL_FRAMES);
    end.seen().writing = Some(said);
    tokio::spawn(serve(Gathered::new(end.clone()), frames));
    for number in 1..=100 {
        sender.try_send(vec![number]).unwrap();
        let written = tokio::time::timeout(LONG, written.recv()).await;
        assert_eq!(written.expect("it is written"), Some(vec![number]));
    }
}

#[test]
fn what_is_too_much_is_written_at_once_and_in_order() {
    let end = End::default();
    let mut stream = Gathered::new(end.clone());
    let mut context = Context::from_waker(Waker::noop());
    let mut write = |bytes: &[u8]| {
        let written = Pin::new(&mut stream).poll_write(&mut context, bytes);
        assert!(matches!(written, Poll::Ready(Ok(all)) if all == bytes.len()));
        assert!(stream.bytes.capacity() <= GATHERED_BYTES_MAX);
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

/// Until the flush that was asked for is due.
async fn until_due(stream: &Gathered<End>) {
    let due = async {
        while !stream.is_due() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, due)
        .await
        .expect("its time comes");
}

#[tokio::test]
async fn what_is_written_while_a_flush_waits_comes_after_it() {
    let end = End::default();
    let mut stream = Gathered::new(end.clone());
    stream.write_all(b"a").await.unwrap();
    stream.flush().await.unwrap();
    until_due(&stream).await;
    end.seen().is_stuck = true;
    let mut context = Context::from_waker(Waker::noop());
    assert!(Pin::new(&mut stream).poll_flush(&mut context).is_pending());
    // A read that is polled meanwhile neither loses nor doubles anything.
    let mut read = [0; 3];
    stream.read_exact(&mut read).await.unwrap();
    stream.write_all(b"b").await.unwrap();
    assert!(Pin::new(&mut stream).poll_flush(&mut context).is_pending());
    assert!(end.seen().writes.is_empty());
    end.seen().is_stuck = false;
    stream.flush().await.unwrap();
    assert_eq!(end.seen().writes, [b"ab"]);
    // And the next turn begins as the first did.
    stream.write_all(b"c").await.unwrap();
    stream.flush().await.unwrap();
    assert_eq!(end.seen().writes.len(), 1);
    until_due(&stream).await;
    stream.flush().await.unwrap();
    assert_eq!(end.seen().writes, [&b"ab"[..], b"c"]);
}

/// What the stream took of a write that failed is not known.
#[tokio::test]
async fn after_an_error_nothing_is_written_again_and_what_there_is_can_be_read() {
    let end = End::default();
    end.seen().is_next_broken = true;
    let mut stream = Gathered::new(end.clone());
    stream.write_all(b"hello").await.unwrap();
    stream.flush().await.unwrap();
    until_due(&stream).await;
    let mut read = [0; 3];
    stream.read_exact(&mut read).await.unwrap();
    assert_eq!(&read, b"why");
    let told = [
        stream.flush().await.unwrap_err(),
        stream.write_all(b"again").await.unwrap_err(),
        stream
            .write_all(&[0; 2 * GATHERED_BYTES_MAX])
            .await
            .unwrap_err(),
        stream.shutdown().await.unwrap_err(),
    ];
    for told in told {
        assert_eq!(told.kind(), io::ErrorKind::BrokenPipe);
    }
    let seen = end.seen();
    assert!(seen.writes.is_empty() && !seen.is_shut);
}
