//! The outbox for programs without an async runtime.

use std::{path::Path, thread, time::Duration};

use tokio::{sync::oneshot, task::JoinHandle};

use super::Client;
use crate::outbox::{
    self, Counts, Delivered, Enqueued, Item, ListItems, OutboxError, OutboxOptions, Outgoing,
    Pruned, Result, Ticket,
};

/// How often a waiting program looks again.
const POLL: Duration = Duration::from_millis(50);

/// As [`crate::outbox::Outbox`]. These methods wait for the disk, and need no runtime.
///
/// ```no_run
/// use agency_client::{
///     blocking, channels::NotificationDraft,
///     outbox::{OutboxOptions, Outgoing},
/// };
///
/// # fn example(client: blocking::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let outbox = blocking::Outbox::open("outbox", OutboxOptions::default())?;
/// let sender = outbox.start_sender(&client)?;
/// let draft = NotificationDraft::to_channel("joint-enforcement").title("Spot check in May");
/// let ticket = outbox.enqueue("oa", Outgoing::publish(draft)?)?.ticket;
/// println!("recorded as {}", outbox.wait(ticket)?.name);
/// sender.stop()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Outbox {
    inner: outbox::Outbox,
}

impl Outbox {
    /// As [`crate::outbox::Outbox::open`].
    ///
    /// # Errors
    /// As there.
    pub fn open(folder: impl AsRef<Path>, options: OutboxOptions) -> Result<Self> {
        let inner = outbox::Outbox::open_blocking(folder.as_ref(), options)?;
        Ok(Self { inner })
    }

    /// The async outbox of the same folder.
    #[must_use]
    pub fn inner(&self) -> &outbox::Outbox {
        &self.inner
    }

    /// As [`crate::outbox::Outbox::enqueue`].
    ///
    /// # Errors
    /// As there.
    pub fn enqueue(&self, stream: impl Into<String>, what: Outgoing) -> Result<Enqueued> {
        outbox::one(self.enqueue_many(&[(stream.into(), what)])?)
    }

    /// As [`crate::outbox::Outbox::enqueue_wait`].
    ///
    /// # Errors
    /// As there.
    pub fn enqueue_wait(&self, stream: impl Into<String>, what: Outgoing) -> Result<Enqueued> {
        let item = [(stream.into(), what)];
        loop {
            match self.enqueue_many(&item) {
                Err(OutboxError::Full { .. }) => thread::sleep(POLL),
                other => return outbox::one(other?),
            }
        }
    }

    /// As [`crate::outbox::Outbox::enqueue_many`].
    ///
    /// # Errors
    /// As there.
    pub fn enqueue_many(&self, items: &[(String, Outgoing)]) -> Result<Vec<Enqueued>> {
        self.inner.store().enqueue(items)
    }

    /// As [`crate::outbox::Outbox::get`].
    ///
    /// # Errors
    /// As there.
    pub fn get(&self, ticket: Ticket) -> Result<Item> {
        self.inner.store().get(ticket)
    }

    /// As [`crate::outbox::Outbox::find`].
    ///
    /// # Errors
    /// As there.
    pub fn find(&self, key: &str) -> Result<Option<Item>> {
        self.inner.store().find(key)
    }

    /// As [`crate::outbox::Outbox::list`].
    ///
    /// # Errors
    /// As there.
    pub fn list(&self, request: &ListItems) -> Result<Vec<Item>> {
        self.inner.store().list(request)
    }

    /// As [`crate::outbox::Outbox::counts`].
    ///
    /// # Errors
    /// As there.
    pub fn counts(&self) -> Result<Counts> {
        self.inner.store().counts()
    }

    /// As [`crate::outbox::Outbox::wait`].
    ///
    /// # Errors
    /// As there.
    pub fn wait(&self, ticket: Ticket) -> Result<Delivered> {
        loop {
            if let Some(delivered) = outbox::settled(self.get(ticket)?)? {
                return Ok(delivered);
            }
            thread::sleep(POLL);
        }
    }

    /// As [`crate::outbox::Outbox::retry`].
    ///
    /// # Errors
    /// As there.
    pub fn retry(&self, ticket: Ticket) -> Result<()> {
        self.inner.store().retry(ticket)
    }

    /// As [`crate::outbox::Outbox::discard`].
    ///
    /// # Errors
    /// As there.
    pub fn discard(&self, ticket: Ticket) -> Result<()> {
        self.inner.store().discard(ticket)
    }

    /// As [`crate::outbox::Outbox::prune`].
    ///
    /// # Errors
    /// As there.
    pub fn prune(&self) -> Result<Pruned> {
        self.inner.store().prune()
    }

    /// Starts the sender of this outbox on the client's own thread. It sends until it is stopped or
    /// dropped.
    ///
    /// # Errors
    /// [`OutboxError::SenderRuns`] when there is one already.
    pub fn start_sender(&self, client: &Client) -> Result<Sender> {
        let sender = self.inner.sender()?;
        let (stop, stopped) = oneshot::channel();
        let running = sender.run(client.inner.clone(), async {
            // Whoever has dropped the other end wants it to stop as well.
            drop(stopped.await);
        });
        let task = client.threads.handle()?.spawn(running);
        Ok(Sender {
            client: client.clone(),
            stop,
            task,
        })
    }
}

/// A sender at work. Made by [`Outbox::start_sender`].
#[derive(Debug)]
pub struct Sender {
    client: Client,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<()>>,
}

impl Sender {
    /// Whether it has ended by itself, because the outbox cannot be used any more.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    /// Stops it: what is under way is brought to its end, nothing is begun.
    ///
    /// # Errors
    /// Why it had ended before, if it had.
    pub fn stop(self) -> Result<()> {
        drop(self.stop);
        let ended = self.client.threads.run(self.task)?;
        ended.unwrap_or_else(|error| {
            Err(OutboxError::Storage {
                path: Path::new("sender").to_owned(),
                detail: format!("the sender was cut off: {error}"),
            })
        })
    }
}
