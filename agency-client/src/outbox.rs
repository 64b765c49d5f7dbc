//! A durable outbox: what is enqueued survives this program, this machine's restart and days
//! without the hub, and is recorded once.
//!
//! The cast:
//! - [`Outbox`]: the folder. Any number of processes enqueue, list and wait.
//! - [`OutboxSender`]: the one process that sends, in order within each stream.
//! - [`Outgoing`]: what goes in; [`Ticket`]: what comes back; [`Item`]: what is shown.
//!
//! Invariants:
//! - `enqueue` answers after the item has been flushed to the disk.
//! - A request, its id included, is on the disk before it is sent, and the same bytes are sent
//!   until the hub has answered. An id that the hub no longer knows is replaced only after it has
//!   been found out that nothing was recorded under it.
//! - Within a stream, an item is sent after the hub has recorded the one before it.
//!
//! ```no_run
//! use agency_client::{
//!     Client,
//!     channels::NotificationDraft,
//!     outbox::{Outbox, OutboxOptions, Outgoing},
//!     profile,
//!     proto::channels::Classification,
//! };
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let outbox = Outbox::open("outbox", OutboxOptions::default()).await?;
//! let draft = NotificationDraft::to_channel("joint-enforcement")
//!     .category("coordination")
//!     .title("Spot check in May")
//!     .classification(Classification::Internal);
//! let outgoing = Outgoing::publish(draft)?.key("oa-2026-0512");
//! let ticket = outbox.enqueue("joint-enforcement", outgoing).await?.ticket;
//!
//! // Here, or in another process:
//! let client = Client::builder(&profile::load("tax/profile.toml".as_ref())?).build()?;
//! let sender = outbox.sender()?;
//! tokio::select! {
//!     ended = sender.run(client, std::future::pending()) => ended?,
//!     delivered = outbox.wait(ticket) => println!("recorded as {}", delivered?.name),
//! }
//! # Ok(())
//! # }
//! ```

mod attempt;
mod error;
mod item;
pub(crate) mod method;
mod outgoing;
mod sender;
mod store;
mod transport;
mod verdict;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

pub use error::OutboxError;
pub use item::{
    Counts, Delivered, Enqueued, Item, ItemAttachment, ListItems, Problem, Pruned, State, Ticket,
};
pub use outgoing::{
    ATTACHMENT_BYTES_MAX, ATTACHMENTS_MAX, AttachmentFile, KEY_CHARS_MAX, Outgoing, TITLE_CHARS_MAX,
};
pub use sender::OutboxSender;

use store::Store;

/// Result with [`OutboxError`].
///
/// ```no_run
/// # async fn example(outbox: agency_client::outbox::Outbox) -> agency_client::outbox::Result<()> {
/// let waiting = outbox.counts().await?.queued;
/// println!("{waiting} wait");
/// # Ok(())
/// # }
/// ```
pub type Result<T, E = OutboxError> = std::result::Result<T, E>;

/// Items that may wait or be set aside, unless the options say otherwise.
///
/// ```
/// assert_eq!(agency_client::outbox::ITEMS_MAX_DEFAULT, 10_000);
/// ```
pub const ITEMS_MAX_DEFAULT: u64 = 10_000;
/// Bytes that may wait or be set aside, attachments included, unless the options say otherwise:
/// 1 GiB.
///
/// ```
/// assert_eq!(agency_client::outbox::BYTES_MAX_DEFAULT, 1024 * 1024 * 1024);
/// ```
pub const BYTES_MAX_DEFAULT: u64 = 1024 * 1024 * 1024;
/// How long delivered items are kept with their receipts, unless the options say otherwise:
/// 30 days.
///
/// ```
/// assert_eq!(agency_client::outbox::DELIVERED_KEPT_DEFAULT, std::time::Duration::from_secs(30 * 24 * 60 * 60));
/// ```
pub const DELIVERED_KEPT_DEFAULT: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Delivered items that are kept at most; the oldest go first.
///
/// ```
/// assert_eq!(agency_client::outbox::DELIVERED_MAX, 100_000);
/// ```
pub const DELIVERED_MAX: u64 = 100_000;
/// Streams that are sent at a time, unless the options say otherwise.
///
/// ```
/// assert_eq!(agency_client::outbox::STREAMS_PARALLEL_DEFAULT, 4);
/// ```
pub const STREAMS_PARALLEL_DEFAULT: usize = 4;
/// Streams that can be sent at a time.
///
/// ```
/// assert_eq!(agency_client::outbox::STREAMS_PARALLEL_MAX, 64);
/// ```
pub const STREAMS_PARALLEL_MAX: usize = 64;
/// Longest name of a stream, in characters of `a-z 0-9 . _ -`.
///
/// ```
/// assert_eq!(agency_client::outbox::STREAM_CHARS_MAX, 64);
/// ```
pub const STREAM_CHARS_MAX: usize = 64;
/// Items in one [`Outbox::enqueue_many`].
///
/// ```
/// assert_eq!(agency_client::outbox::ENQUEUE_MANY_MAX, 10_000);
/// ```
pub const ENQUEUE_MANY_MAX: usize = 10_000;
/// Largest encoded request, in bytes: the hub's limit of a message.
///
/// ```
/// assert_eq!(agency_client::outbox::REQUEST_BYTES_MAX, 1024 * 1024);
/// ```
pub const REQUEST_BYTES_MAX: u64 = 1024 * 1024;
/// Items in a list, unless asked otherwise.
///
/// ```
/// assert_eq!(agency_client::outbox::LIST_DEFAULT, 100);
/// ```
pub const LIST_DEFAULT: usize = 100;
/// Items in a list at most.
///
/// ```
/// assert_eq!(agency_client::outbox::LIST_MAX, 1000);
/// ```
pub const LIST_MAX: usize = 1000;
/// How often a waiting program looks whether another process has changed something.
const POLL: Duration = Duration::from_millis(200);

/// What the sender does when the hub refuses an item for good.
///
/// ```
/// use agency_client::outbox::{OnRefusal, OutboxOptions};
///
/// let options = OutboxOptions { on_refusal: OnRefusal::Hold, ..OutboxOptions::default() };
/// assert_ne!(options.on_refusal, OnRefusal::default());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnRefusal {
    /// The item is set aside, and its stream goes on with the next one.
    #[default]
    SetAside,
    /// The stream stands still until a person retries or discards the item.
    Hold,
}

/// Bounds and habits of an outbox. They belong to the process that opens it, not to the folder.
///
/// ```
/// use agency_client::outbox::{OnRefusal, OutboxOptions};
///
/// let options = OutboxOptions {
///     items_max: 500,
///     on_refusal: OnRefusal::Hold,
///     ..OutboxOptions::default()
/// };
/// # drop(options);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxOptions {
    /// Items that may wait or be set aside; [`ITEMS_MAX_DEFAULT`].
    pub items_max: u64,
    /// Their bytes, attachments included; [`BYTES_MAX_DEFAULT`].
    pub bytes_max: u64,
    /// What the sender does with a refused item.
    pub on_refusal: OnRefusal,
    /// Streams that the sender works on at a time, 1 to [`STREAMS_PARALLEL_MAX`];
    /// [`STREAMS_PARALLEL_DEFAULT`].
    pub streams_parallel: usize,
    /// How long delivered items are kept; [`DELIVERED_KEPT_DEFAULT`].
    pub delivered_kept: Duration,
    /// Longest wait between two attempts of an item, before jitter; 30 s. A longer one than
    /// [`RETRY_AFTER_MAX`](crate::error::RETRY_AFTER_MAX), an hour, counts as that.
    pub backoff_max: Duration,
}

impl Default for OutboxOptions {
    fn default() -> Self {
        Self {
            items_max: ITEMS_MAX_DEFAULT,
            bytes_max: BYTES_MAX_DEFAULT,
            on_refusal: OnRefusal::SetAside,
            streams_parallel: STREAMS_PARALLEL_DEFAULT,
            delivered_kept: DELIVERED_KEPT_DEFAULT,
            backoff_max: Duration::from_secs(30),
        }
    }
}

/// An outbox in a folder of its own. Cheap to clone. Dropping it loses nothing.
///
/// ```no_run
/// use agency_client::outbox::{Outbox, OutboxOptions};
///
/// # async fn example() -> agency_client::outbox::Result<()> {
/// let outbox = Outbox::open("outbox", OutboxOptions::default()).await?;
/// println!("{} wait", outbox.counts().await?.queued);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Outbox {
    store: Arc<Store>,
}

impl Outbox {
    /// Opens the outbox in a folder, which is made when there is none: `0700`, its files `0600`.
    /// The folder must be on a local disk.
    ///
    /// ```no_run
    /// use agency_client::outbox::{Outbox, OutboxOptions};
    ///
    /// # async fn example() -> agency_client::outbox::Result<()> {
    /// let options = OutboxOptions { items_max: 500, ..OutboxOptions::default() };
    /// let outbox = Outbox::open("outbox", options).await?;
    /// # drop(outbox);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`OutboxError::Corrupt`] when what is there is damaged, [`OutboxError::NewerFormat`] when a
    /// newer release wrote it, [`OutboxError::Storage`] when it cannot be read or written.
    pub async fn open(folder: impl AsRef<Path>, options: OutboxOptions) -> Result<Self> {
        let folder = folder.as_ref().to_owned();
        blocking(move || Self::open_blocking(&folder, options)).await
    }

    /// The folder.
    ///
    /// ```no_run
    /// # fn example(outbox: agency_client::outbox::Outbox) {
    /// println!("{}", outbox.folder().display());
    /// # }
    /// ```
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.store.folder()
    }

    /// The options it was opened with.
    ///
    /// ```no_run
    /// # fn example(outbox: agency_client::outbox::Outbox) {
    /// println!("room for {}", outbox.options().items_max);
    /// # }
    /// ```
    #[must_use]
    pub fn options(&self) -> &OutboxOptions {
        self.store.options()
    }

    /// Puts a call at the end of a stream. When this answers, the item is on the disk and will be
    /// recorded once. A stream is a name of 1 to [`STREAM_CHARS_MAX`] characters of
    /// `a-z 0-9 . _ -`; what is in one stream arrives in order.
    ///
    /// ```no_run
    /// use agency_client::{channels::NotificationDraft, outbox::{Outbox, Outgoing}};
    ///
    /// # async fn example(outbox: Outbox) -> agency_client::outbox::Result<()> {
    /// let draft = NotificationDraft::to_channel("joint-enforcement").title("Spot check in May");
    /// let enqueued = outbox.enqueue("oa", Outgoing::publish(draft)?).await?;
    /// println!("item {}", enqueued.ticket);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`OutboxError::Full`] when there is no room: see [`Self::enqueue_wait`].
    /// [`OutboxError::KeyReused`], [`OutboxError::TooLarge`] and [`OutboxError::Client`] when the
    /// item is at fault. Nothing was enqueued after an error.
    pub async fn enqueue(&self, stream: impl Into<String>, what: Outgoing) -> Result<Enqueued> {
        let enqueued = self.enqueue_many(vec![(stream.into(), what)]).await?;
        one(enqueued)
    }

    /// As [`Self::enqueue`], but waits for room instead of failing with [`OutboxError::Full`]:
    /// this is how a fast producer is held back.
    ///
    /// ```no_run
    /// use agency_client::{channels::NotificationDraft, outbox::{Outbox, Outgoing}};
    ///
    /// # async fn example(outbox: Outbox) -> agency_client::outbox::Result<()> {
    /// for number in 0..100_000 {
    ///     let draft = NotificationDraft::to(["health"]).title(format!("No. {number}"));
    ///     // Goes on only as fast as the hub takes them, once the outbox is full.
    ///     outbox.enqueue_wait("oa", Outgoing::publish(draft)?).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Self::enqueue`], without [`OutboxError::Full`].
    pub async fn enqueue_wait(
        &self,
        stream: impl Into<String>,
        what: Outgoing,
    ) -> Result<Enqueued> {
        let stream = stream.into();
        loop {
            match self.enqueue(stream.clone(), what.clone()).await {
                Err(OutboxError::Full { .. }) => self.changed(POLL).await,
                other => return other,
            }
        }
    }

    /// Enqueues several items, streams given with them: all or none. They keep their order.
    ///
    /// ```no_run
    /// use agency_client::{channels::NotificationDraft, outbox::{Outbox, Outgoing}};
    ///
    /// # async fn example(outbox: Outbox) -> agency_client::outbox::Result<()> {
    /// let mut items = vec![];
    /// for title in ["First", "Second"] {
    ///     let draft = NotificationDraft::to(["health"]).title(title);
    ///     items.push(("oa".to_owned(), Outgoing::publish(draft)?));
    /// }
    /// outbox.enqueue_many(items).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Self::enqueue`]; at most [`ENQUEUE_MANY_MAX`] items.
    pub async fn enqueue_many(&self, items: Vec<(String, Outgoing)>) -> Result<Vec<Enqueued>> {
        let store = self.store.clone();
        blocking(move || store.enqueue(&items)).await
    }

    /// One item.
    ///
    /// ```no_run
    /// use agency_client::outbox::{Outbox, Ticket};
    ///
    /// # async fn example(outbox: Outbox, ticket: Ticket) -> agency_client::outbox::Result<()> {
    /// let item = outbox.get(ticket).await?;
    /// println!("{} after {} attempts", item.state, item.attempts);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`OutboxError::NoSuchItem`] when there is none, or it was pruned.
    pub async fn get(&self, ticket: Ticket) -> Result<Item> {
        let store = self.store.clone();
        blocking(move || store.get(ticket)).await
    }

    /// The item of a key, if there is one.
    ///
    /// ```no_run
    /// # async fn example(outbox: agency_client::outbox::Outbox) -> agency_client::outbox::Result<()> {
    /// if let Some(item) = outbox.find("oa-2026-0512").await? {
    ///     println!("item {} is {}", item.ticket, item.state);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub async fn find(&self, key: &str) -> Result<Option<Item>> {
        let (store, key) = (self.store.clone(), key.to_owned());
        blocking(move || store.find(&key)).await
    }

    /// Items, oldest first unless asked otherwise.
    ///
    /// ```no_run
    /// use agency_client::outbox::{ListItems, Outbox, State};
    ///
    /// # async fn example(outbox: Outbox) -> agency_client::outbox::Result<()> {
    /// let refused = ListItems { state: Some(State::Refused), ..ListItems::default() };
    /// for item in outbox.list(refused).await? {
    ///     println!("{} {} {:?}", item.ticket, item.title, item.problem);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub async fn list(&self, request: ListItems) -> Result<Vec<Item>> {
        let store = self.store.clone();
        blocking(move || store.list(&request)).await
    }

    /// How much it holds.
    ///
    /// ```no_run
    /// # async fn example(outbox: agency_client::outbox::Outbox) -> agency_client::outbox::Result<()> {
    /// let counts = outbox.counts().await?;
    /// println!("{} wait, {} are set aside", counts.queued, counts.refused);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub async fn counts(&self) -> Result<Counts> {
        let store = self.store.clone();
        blocking(move || store.counts()).await
    }

    /// Waits until an item has been recorded. It may be enqueued and sent by other processes; a
    /// sender must run somewhere.
    ///
    /// ```no_run
    /// use agency_client::outbox::{Outbox, Ticket};
    ///
    /// # async fn example(outbox: Outbox, ticket: Ticket) -> agency_client::outbox::Result<()> {
    /// let delivered = outbox.wait(ticket).await?;
    /// println!("recorded as {}", delivered.name);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`OutboxError::Refused`] when it is set aside, [`OutboxError::NoSuchItem`] when it is gone.
    pub async fn wait(&self, ticket: Ticket) -> Result<Delivered> {
        loop {
            if let Some(delivered) = settled(self.get(ticket).await?)? {
                return Ok(delivered);
            }
            self.changed(POLL).await;
        }
    }

    /// Sends a refused item again, in its old place in the stream; a queued one that waits after a
    /// failure is tried at once.
    ///
    /// ```no_run
    /// use agency_client::outbox::{Outbox, Ticket};
    ///
    /// # async fn example(outbox: Outbox, ticket: Ticket) -> agency_client::outbox::Result<()> {
    /// outbox.retry(ticket).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`OutboxError::WrongState`] when it is delivered.
    pub async fn retry(&self, ticket: Ticket) -> Result<()> {
        let store = self.store.clone();
        blocking(move || store.retry(ticket)).await
    }

    /// Takes an item away for good: a refused one, or a queued one that was never sent or that the
    /// hub certainly has not recorded, such as one whose role is not granted. Of a refused item
    /// whose [`Item::is_uncertain`] is set, the hub may have a record.
    ///
    /// ```no_run
    /// use agency_client::outbox::{Outbox, Ticket};
    ///
    /// # async fn example(outbox: Outbox, ticket: Ticket) -> agency_client::outbox::Result<()> {
    /// outbox.discard(ticket).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`OutboxError::WrongState`] when it is delivered, or was sent and its outcome is open.
    pub async fn discard(&self, ticket: Ticket) -> Result<()> {
        let store = self.store.clone();
        blocking(move || store.discard(ticket)).await
    }

    /// Takes away delivered items that are older than [`OutboxOptions::delivered_kept`] or past
    /// [`DELIVERED_MAX`], and files that no item needs. A running sender does so every hour.
    ///
    /// ```no_run
    /// # async fn example(outbox: agency_client::outbox::Outbox) -> agency_client::outbox::Result<()> {
    /// println!("{} items are gone", outbox.prune().await?.items);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub async fn prune(&self) -> Result<Pruned> {
        let store = self.store.clone();
        blocking(move || store.prune()).await
    }

    /// The sender of this outbox. There is one at a time, over all processes; the place is free
    /// again when it is dropped or its process ends.
    ///
    /// ```no_run
    /// use agency_client::{Client, outbox::Outbox};
    ///
    /// # async fn example(outbox: Outbox, client: Client) -> agency_client::outbox::Result<()> {
    /// // Until the program is told to stop.
    /// let stop = async { drop(tokio::signal::ctrl_c().await) };
    /// outbox.sender()?.run(client, stop).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`OutboxError::SenderRuns`] when there is one.
    pub fn sender(&self) -> Result<OutboxSender> {
        OutboxSender::start(self)
    }

    /// Returns when something may have changed in the outbox, at the latest after a time.
    async fn changed(&self, at_most: Duration) {
        // Elapsed is what it is for.
        let _elapsed = tokio::time::timeout(at_most, self.store.changed().notified()).await;
    }

    pub(crate) fn open_blocking(folder: &Path, options: OutboxOptions) -> Result<Self> {
        let store = Store::open(folder, options)?;
        Ok(Self {
            store: Arc::new(store),
        })
    }

    pub(crate) fn store(&self) -> &Arc<Store> {
        &self.store
    }
}

/// What an item has come to, if it has.
pub(crate) fn settled(item: Item) -> Result<Option<Delivered>> {
    match item.state {
        State::Queued => Ok(None),
        State::Delivered => Ok(item.delivered),
        State::Discarded => Err(OutboxError::NoSuchItem(item.ticket)),
        State::Refused => {
            let problem = item.problem.unwrap_or(Problem {
                reason: String::new(),
                message: String::new(),
            });
            Err(OutboxError::Refused {
                ticket: item.ticket,
                reason: problem.reason,
                message: problem.message,
            })
        }
    }
}

/// The answer about a single item.
pub(crate) fn one(enqueued: Vec<Enqueued>) -> Result<Enqueued> {
    enqueued.into_iter().next().ok_or(OutboxError::Storage {
        path: PathBuf::new(),
        detail: "nothing was enqueued".into(),
    })
}

/// Runs disk work where it may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(OutboxError::Storage {
            path: PathBuf::new(),
            detail: format!("the work on the disk was cut off: {error}"),
        }),
    }
}
