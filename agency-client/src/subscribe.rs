//! A subscription that outlives its connection.
//!
//! Invariant: per log, positions are handed out in order, each once. What the hub repeats after a
//! reconnection is dropped; what it skips ends the stream with [`ClientError::Gap`].
//!
//! ```no_run
//! use agency_client::{Client, subscribe::{Event, SubscribeOptions}};
//!
//! # async fn example(client: Client) -> agency_client::Result<()> {
//! let mut events = client.channels().subscribe(SubscribeOptions::default());
//! while let Some(event) = events.next().await {
//!     if let Event::Delivery(delivery) = event? {
//!         // Store the cursor together with the work that the delivery causes.
//!         println!("{} {}", delivery.position, delivery.cursor);
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod resume;

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures::{FutureExt as _, Stream};
use hub_proto::channels::{
    Delivery, SubscribeRequest, SubscribeResponse, subscribe_response::Event as Wire,
};
use tokio::{sync::mpsc, task::JoinHandle};
use tonic::Streaming;

use crate::{
    channels::SUBSCRIBE,
    client::Client,
    error::{ClientError, Result},
    observer::StreamResumed,
    retry::{RetryPolicy, jitter},
};
use resume::{Resume, Step};

/// Events that wait for a slow reader unless the options say otherwise. A body has at most 256 KiB,
/// so at most 16 MiB wait; beyond that the hub is held back by flow control.
///
/// ```
/// assert_eq!(agency_client::subscribe::BUFFER_EVENTS_DEFAULT, 64);
/// ```
pub const BUFFER_EVENTS_DEFAULT: usize = 64;
/// Most events that are handed to the reader at a time.
const TOGETHER_MAX: usize = 16;
/// Silence after which a stream counts as dead. The hub sends something every 15 seconds.
const SILENCE_MAX: Duration = Duration::from_secs(45);
/// Waits between reconnections: 100 ms, doubling to 10 s.
const RECONNECT: RetryPolicy = RetryPolicy {
    attempts_max: u32::MAX,
    backoff_min: Duration::from_millis(100),
    backoff_max: Duration::from_secs(10),
};

/// Told of every lost connection before it is made again.
///
/// ```
/// use std::sync::Arc;
///
/// use agency_client::subscribe::{OnReconnect, SubscribeOptions};
///
/// let told: OnReconnect = Arc::new(|error| eprintln!("{error}; connecting again"));
/// let options = SubscribeOptions { on_reconnect: Some(told), ..SubscribeOptions::default() };
/// # drop(options);
/// ```
pub type OnReconnect = Arc<dyn Fn(&ClientError) + Send + Sync>;

/// What to read, and from where.
///
/// ```
/// use agency_client::subscribe::SubscribeOptions;
///
/// let options = SubscribeOptions {
///     logs: vec!["channels/joint-enforcement".into()],
///     consumer: Some("oa".into()),
///     ..SubscribeOptions::default()
/// };
/// assert!(!options.live_only);
/// ```
#[derive(Clone, Default)]
pub struct SubscribeOptions {
    /// Logs to read, at most 32; none means every log that the caller may read.
    pub logs: Vec<String>,
    /// Resume after this cursor.
    pub cursor: Option<String>,
    /// Durable consumer of the caller's agency; without a cursor, the stream starts where it
    /// last acknowledged.
    pub consumer: Option<String>,
    /// Leave the backlog out. Not with a cursor or a consumer.
    pub live_only: bool,
    /// Events that may wait for a slow reader; 0 means [`BUFFER_EVENTS_DEFAULT`].
    pub buffer_events: usize,
    /// Give up when no connection could be made for so long; never, when absent.
    pub give_up_after: Option<Duration>,
    /// Told of every lost connection.
    pub on_reconnect: Option<OnReconnect>,
}

impl fmt::Debug for SubscribeOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubscribeOptions")
            .field("logs", &self.logs)
            .field("consumer", &self.consumer)
            .field("live_only", &self.live_only)
            .field("give_up_after", &self.give_up_after)
            .finish_non_exhaustive()
    }
}

/// What a subscription hands out.
///
/// ```no_run
/// use agency_client::subscribe::Event;
///
/// # fn example(event: Event) {
/// match event {
///     Event::Delivery(delivery) => println!("{} {}", delivery.log, delivery.position),
///     Event::CaughtUp { .. } => println!("nothing waits any more"),
///     _ => {}
/// }
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The next notification. Store its cursor together with the work that it causes.
    Delivery(Box<Delivery>),
    /// Everything that was there has been handed out; the stream goes on live.
    CaughtUp {
        /// Resumes here.
        cursor: String,
    },
}

/// A stream of [`Event`]s. Dropping it ends the subscription. After an error it ends: only errors
/// that another connection cannot mend come through.
///
/// ```no_run
/// use agency_client::{Client, subscribe::SubscribeOptions};
///
/// # async fn example(client: Client) -> agency_client::Result<()> {
/// let mut events = client.channels().subscribe(SubscribeOptions::default());
/// while let Some(event) = events.next().await {
///     println!("{:?}", event?);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Subscription {
    events: mpsc::Receiver<Vec<Result<Event>>>,
    /// What came with the last of them and has not been handed out yet.
    ready: std::vec::IntoIter<Result<Event>>,
    task: JoinHandle<()>,
}

impl Subscription {
    pub(crate) fn start(client: Client, options: SubscribeOptions) -> Self {
        let capacity = match options.buffer_events {
            0 => BUFFER_EVENTS_DEFAULT,
            events => events,
        };
        // Events that are there already are handed over together: to wake the reader for each of them
        // costs more than the event.
        let together_max = (capacity / 4).clamp(1, TOGETHER_MAX);
        let (sender, events) = mpsc::channel(capacity / together_max);
        let reader = Reader {
            together_max,
            resume: Resume::new(options.cursor.clone(), &options),
            broken: None,
            client,
            options,
            sender,
        };
        Self {
            events,
            ready: vec![].into_iter(),
            task: tokio::spawn(reader.run()),
        }
    }

    /// The next event; `None` after the stream has ended with an error.
    ///
    /// ```no_run
    /// # async fn example(mut events: agency_client::subscribe::Subscription) -> agency_client::Result<()> {
    /// while let Some(event) = events.next().await {
    ///     println!("{:?}", event?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn next(&mut self) -> Option<Result<Event>> {
        std::future::poll_fn(|context| self.poll_event(context)).await
    }

    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Event>>> {
        loop {
            if let Some(event) = self.ready.next() {
                return Poll::Ready(Some(event));
            }
            match ready!(self.events.poll_recv(context)) {
                Some(events) => self.ready = events.into_iter(),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl Stream for Subscription {
    type Item = Result<Event>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_event(context)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The reader has gone: nobody wants more events.
struct ReaderGone;

/// A break that the subscription has not got over yet.
struct Broken {
    error: ClientError,
    at: tokio::time::Instant,
    attempts: u32,
}

struct Reader {
    broken: Option<Broken>,
    client: Client,
    options: SubscribeOptions,
    resume: Resume,
    sender: mpsc::Sender<Vec<Result<Event>>>,
    /// Most events that are handed over together.
    together_max: usize,
}

impl Reader {
    async fn run(mut self) {
        let mut failed = 0_u32;
        let mut lost_at = tokio::time::Instant::now();
        loop {
            let before = self.resume.progress();
            let ended = match self.open().await {
                Ok(stream) => self.drain(stream).await,
                Err(error) => Ok(error),
            };
            let Ok(error) = ended else { return };
            if self.resume.progress() != before {
                failed = 0;
                lost_at = tokio::time::Instant::now();
            }
            failed = failed.saturating_add(1);
            let Some(wait) = self.wait(&error, failed, lost_at.elapsed()) else {
                // Fails only when nobody listens any more.
                let _gone = self.sender.send(vec![Err(error)]).await;
                return;
            };
            tracing::info!(%error, failed, "the stream broke, connecting again");
            if let Some(tell) = &self.options.on_reconnect {
                tell(&error);
            }
            let now = tokio::time::Instant::now();
            let at = self.broken.as_ref().map_or(now, |earlier| earlier.at);
            self.broken = Some(Broken {
                error,
                at,
                attempts: failed,
            });
            tokio::time::sleep(wait).await;
        }
    }

    /// How long to wait before connecting again, or `None` when that cannot help.
    fn wait(&self, error: &ClientError, failed: u32, lost_for: Duration) -> Option<Duration> {
        if self
            .options
            .give_up_after
            .is_some_and(|patience| lost_for >= patience)
        {
            return None;
        }
        // A token ends while the stream runs; the next one is fresh. A second refusal in a row
        // means that the clock is wrong, which no further token mends.
        if error.is_token_expired() {
            self.client.forget_token();
            return (failed <= 1).then_some(Duration::ZERO);
        }
        RECONNECT.wait(error, failed, Duration::MAX, jitter())
    }

    async fn open(&self) -> Result<Streaming<SubscribeResponse>> {
        let cursor = self.resume.cursor();
        let request = SubscribeRequest {
            logs: self.options.logs.clone(),
            cursor: cursor.unwrap_or_default().to_owned(),
            consumer: self.options.consumer.clone().unwrap_or_default(),
            live_only: self.options.live_only && cursor.is_none(),
        };
        self.client.stream(SUBSCRIBE, &request).await
    }

    /// Hands out events until the stream ends; answers why it did.
    async fn drain(
        &mut self,
        mut stream: Streaming<SubscribeResponse>,
    ) -> Result<ClientError, ReaderGone> {
        loop {
            let mut message = tokio::select! {
                message = tokio::time::timeout(SILENCE_MAX, stream.message()) => match message {
                    Ok(message) => message,
                    Err(_) => return Ok(self.lost("the hub fell silent")),
                },
                () = self.sender.closed() => return Err(ReaderGone),
            };
            let mut events = vec![];
            let ended = loop {
                match self.take(message) {
                    Ok(event) => events.extend(event.map(Ok)),
                    Err(error) => break Some(error),
                }
                if events.len() >= self.together_max {
                    break None;
                }
                match stream.message().now_or_never() {
                    Some(next) => message = next,
                    None => break None,
                }
            };
            self.hand_over(&mut events).await?;
            if let Some(error) = ended {
                return Ok(error);
            }
        }
    }

    /// What there is to hand out of a message; an error when the stream ends with it.
    fn take(
        &mut self,
        message: Result<Option<SubscribeResponse>, tonic::Status>,
    ) -> Result<Option<Event>, ClientError> {
        let event = match message {
            Ok(Some(SubscribeResponse { event: Some(event) })) => event,
            // A kind of event that this release does not know.
            Ok(Some(SubscribeResponse { event: None })) => return Ok(None),
            Ok(None) => return Err(self.lost("the hub ended the stream")),
            Err(status) => return Err(self.client.explain(&status)),
        };
        self.tell_resumed();
        let step = match event {
            Wire::Delivery(delivery) => self.resume.delivery(delivery),
            Wire::CaughtUp(caught_up) => self.resume.caught_up(caught_up.cursor),
            Wire::Heartbeat(_) => Step::Skip,
        };
        match step {
            Step::Skip => Ok(None),
            Step::Emit(event) => Ok(Some(event)),
            Step::Fail(error) => Err(error),
        }
    }

    async fn hand_over(&self, events: &mut Vec<Result<Event>>) -> Result<(), ReaderGone> {
        if events.is_empty() {
            return Ok(());
        }
        let sent = self.sender.send(std::mem::take(events)).await;
        sent.map_err(|_gone| ReaderGone)
    }

    /// The first message after a break.
    fn tell_resumed(&mut self) {
        let Some(broken) = self.broken.take() else {
            return;
        };
        self.client.observer().tell(|observer| {
            observer.stream_resumed(&StreamResumed {
                error: &broken.error,
                away: broken.at.elapsed(),
                attempts: broken.attempts,
            });
        });
    }

    fn lost(&self, detail: &str) -> ClientError {
        ClientError::Unreachable {
            endpoint: self.client.endpoint().to_owned(),
            detail: detail.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
