//! What an outbox shows of its items.

use std::{fmt, str::FromStr};

use hub_proto::common::Receipt;
use jiff::Timestamp;

use crate::error::{ClientError, Result};

/// Names one item of one outbox for ever: numbers are not used twice.
///
/// ```
/// use agency_client::outbox::Ticket;
///
/// let ticket: Ticket = "12".parse()?;
/// assert_eq!(ticket.to_string(), "12");
/// # Ok::<(), agency_client::ClientError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub(super) i64);

impl Ticket {
    /// The number, from 1, in the order of enqueueing.
    ///
    /// ```
    /// use agency_client::outbox::Ticket;
    ///
    /// let ticket: Ticket = "12".parse()?;
    /// assert_eq!(ticket.number(), 12);
    /// # Ok::<(), agency_client::ClientError>(())
    /// ```
    #[must_use]
    pub fn number(self) -> u64 {
        self.0.unsigned_abs()
    }
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Ticket {
    type Err = ClientError;

    fn from_str(text: &str) -> Result<Self> {
        match text.parse::<i64>() {
            Ok(number) if number > 0 => Ok(Self(number)),
            _ => Err(ClientError::input(
                "ticket",
                "must be the number of an item, from 1",
            )),
        }
    }
}

/// What `enqueue` answers: the item is on the disk.
///
/// ```no_run
/// use agency_client::outbox::{Outbox, Outgoing};
///
/// # async fn example(outbox: Outbox, what: Outgoing) -> agency_client::outbox::Result<()> {
/// let enqueued = outbox.enqueue("oa", what.key("oa-2026-0512")).await?;
/// if enqueued.is_repeated {
///     println!("item {} was there before", enqueued.ticket);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enqueued {
    /// The item.
    pub ticket: Ticket,
    /// It was there already: the same key had been used for the same content. Nothing was added.
    pub is_repeated: bool,
}

/// Where an item stands.
///
/// ```
/// use agency_client::outbox::State;
///
/// assert_eq!("queued".parse::<State>()?, State::Queued);
/// # Ok::<(), agency_client::ClientError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// It waits for its turn, or for the hub.
    Queued,
    /// The hub refused it for good; a person retries or discards it.
    Refused,
    /// The hub recorded it.
    Delivered,
    /// A person discarded it; its content is gone.
    Discarded,
}

impl State {
    /// Every state.
    ///
    /// ```
    /// use agency_client::outbox::State;
    ///
    /// let names: Vec<&str> = State::ALL.into_iter().map(State::as_str).collect();
    /// assert_eq!(names, ["queued", "refused", "delivered", "discarded"]);
    /// ```
    pub const ALL: [Self; 4] = [
        Self::Queued,
        Self::Refused,
        Self::Delivered,
        Self::Discarded,
    ];

    /// The state's name: `queued`, `refused`, `delivered` or `discarded`.
    ///
    /// ```
    /// use agency_client::outbox::State;
    ///
    /// assert_eq!(State::Delivered.as_str(), "delivered");
    /// ```
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Refused => "refused",
            Self::Delivered => "delivered",
            Self::Discarded => "discarded",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for State {
    type Err = ClientError;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| {
                ClientError::input("state", "must be queued, refused, delivered or discarded")
            })
    }
}

/// One item, without its content.
///
/// ```no_run
/// use agency_client::outbox::{Outbox, Ticket};
///
/// # async fn example(outbox: Outbox, ticket: Ticket) -> agency_client::outbox::Result<()> {
/// let item = outbox.get(ticket).await?;
/// println!("{} {} {}", item.ticket, item.title, item.state);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Its number.
    pub ticket: Ticket,
    /// The stream in which it keeps its place.
    pub stream: String,
    /// The caller's key.
    pub key: Option<String>,
    /// What people see in a list.
    pub title: String,
    /// Full gRPC path of the call.
    pub method: String,
    /// The request id under which it is sent next, or was recorded.
    pub request_id: String,
    /// Where it stands.
    pub state: State,
    /// Whether its stream stands still until it is retried or discarded.
    pub is_holding: bool,
    /// Bytes of the request; after delivery what they were.
    pub request_bytes: u64,
    /// Files that go with it.
    pub attachments: Vec<ItemAttachment>,
    /// When it was enqueued.
    pub enqueued_at: Timestamp,
    /// Attempts that ended, with whatever outcome.
    pub attempts: u32,
    /// When it was first sent.
    pub first_attempt_at: Option<Timestamp>,
    /// When it was last sent.
    pub last_attempt_at: Option<Timestamp>,
    /// Whether an attempt may have been recorded although no answer came. The sender finds out
    /// before it would ever send under another request id.
    pub is_uncertain: bool,
    /// What stood in the way at the last attempt; `None` after delivery.
    pub problem: Option<Problem>,
    /// The hub's answer.
    pub delivered: Option<Delivered>,
}

/// What stood in the way of an item.
///
/// ```no_run
/// use agency_client::outbox::{Outbox, Ticket};
///
/// # async fn example(outbox: Outbox, ticket: Ticket) -> agency_client::outbox::Result<()> {
/// if let Some(problem) = outbox.get(ticket).await?.problem {
///     println!("{}: {}", problem.reason, problem.message);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The hub's reason, or one of the client's own such as `UNREACHABLE`.
    pub reason: String,
    /// The message.
    pub message: String,
}

/// A file that goes with an item.
///
/// ```no_run
/// use agency_client::outbox::{Outbox, Ticket};
///
/// # async fn example(outbox: Outbox, ticket: Ticket) -> agency_client::outbox::Result<()> {
/// for file in outbox.get(ticket).await?.attachments {
///     println!("{} {} B", file.file_name, file.size_bytes);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemAttachment {
    /// Its name for the recipients.
    pub file_name: String,
    /// Its media type.
    pub media_type: String,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// SHA-256 of its content, hex.
    pub sha256: String,
}

/// What is kept of a delivered item.
///
/// ```no_run
/// use agency_client::outbox::{Outbox, Ticket};
///
/// # async fn example(outbox: Outbox, ticket: Ticket) -> agency_client::outbox::Result<()> {
/// let delivered = outbox.wait(ticket).await?;
/// println!("{} is entry {}", delivered.name, delivered.receipt.entry_index);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Delivered {
    /// Resource name of what came to be, such as
    /// `channels/joint-enforcement/notifications/7`; empty when the answer names none.
    pub name: String,
    /// The hub's receipt.
    pub receipt: Receipt,
    /// When its answer came.
    pub at: Timestamp,
}

/// Which items to list. The default lists everything, oldest first.
///
/// ```
/// use agency_client::outbox::{ListItems, State};
///
/// let refused = ListItems {
///     state: Some(State::Refused),
///     ..ListItems::default()
/// };
/// # drop(refused);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListItems {
    /// In this state only.
    pub state: Option<State>,
    /// In this stream only.
    pub stream: Option<String>,
    /// After this item: pass the last ticket of a page to get the next one.
    pub after: Option<Ticket>,
    /// At most so many; 0 means [`super::LIST_DEFAULT`], and more than [`super::LIST_MAX`] means that.
    pub limit: usize,
    /// Newest first; `after` then means before.
    pub newest_first: bool,
}

/// What an outbox holds.
///
/// ```no_run
/// # async fn example(outbox: agency_client::outbox::Outbox) -> agency_client::outbox::Result<()> {
/// let counts = outbox.counts().await?;
/// if let Some(since) = counts.oldest_queued_at {
///     println!("{} wait, the first since {since}", counts.queued);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Items that wait.
    pub queued: u64,
    /// Items set aside.
    pub refused: u64,
    /// Delivered items that are still kept.
    pub delivered: u64,
    /// Discarded items that are still listed.
    pub discarded: u64,
    /// Streams that stand still behind a refused item.
    pub streams_held: u64,
    /// Bytes of queued and refused items, attachments included.
    pub bytes: u64,
    /// When the oldest item that waits was enqueued.
    pub oldest_queued_at: Option<Timestamp>,
}

/// What [`super::Outbox::prune`] took away.
///
/// ```no_run
/// # async fn example(outbox: agency_client::outbox::Outbox) -> agency_client::outbox::Result<()> {
/// let pruned = outbox.prune().await?;
/// println!("{} items, {} files", pruned.items, pruned.files);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Delivered and discarded items.
    pub items: u64,
    /// Files that no item needs any more.
    pub files: u64,
}
