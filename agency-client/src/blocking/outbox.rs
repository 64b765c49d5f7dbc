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
    /// ```no_run
    /// use agency_client::{blocking::Outbox, outbox::OutboxOptions};
    ///
    /// # fn example() -> agency_client::outbox::Result<()> {
    /// let outbox = Outbox::open("outbox", OutboxOptions::default())?;
    /// # drop(outbox);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As there.
    pub fn open(folder: impl AsRef<Path>, options: OutboxOptions) -> Result<Self> {
        let inner = outbox::Outbox::open_blocking(folder.as_ref(), options)?;
        Ok(Self { inner })
    }

    /// The async outbox of the same folder.
    ///
    /// ```no_run
    /// # fn example(outbox: agency_client::blocking::Outbox) {
    /// println!("{}", outbox.inner().folder().display());
    /// # }
    /// ```
    #[must_use]
    pub fn inner(&self) -> &outbox::Outbox {
        &self.inner
    }

    /// As [`crate::outbox::Outbox::enqueue`].
    ///
    /// ```no_run
    /// use agency_client::{blocking::Outbox, outbox::Outgoing};
    ///
    /// # fn example(outbox: Outbox, what: Outgoing) -> agency_client::outbox::Result<()> {
    /// println!("item {}", outbox.enqueue("oa", what)?.ticket);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As there.
    pub fn enqueue(&self, stream: impl Into<String>, what: Outgoing) -> Result<Enqueued> {
        outbox::one(self.enqueue_many(&[(stream.into(), what)])?)
    }

    /// As [`crate::outbox::Outbox::enqueue_wait`].
    ///
    /// ```no_run
    /// use agency_client::{blocking::Outbox, outbox::Outgoing};
    ///
    /// # fn example(outbox: Outbox, what: Outgoing) -> agency_client::outbox::Result<()> {
    /// println!("item {}", outbox.enqueue_wait("oa", what)?.ticket);
    /// # Ok(())
    /// # }
    /// ```
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
    /// ```no_run
    /// use agency_client::{blocking::Outbox, outbox::Outgoing};
    ///
    /// # fn example(outbox: Outbox, first: Outgoing, second: Outgoing) -> agency_client::outbox::Result<()> {
    /// let items = [("a".to_owned(), first), ("b".to_owned(), second)];
    /// for enqueued in outbox.enqueue_many(&items)? {
    ///     println!("item {}", enqueued.ticket);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As there.
    pub fn enqueue_many(&self, items: &[(String, Outgoing)]) -> Result<Vec<Enqueued>> {
        self.inner.store().enqueue(items)
    }

    /// As [`crate::outbox::Outbox::get`].
    ///
    /// ```no_run
    /// use agency_client::{blocking::Outbox, outbox::Ticket};
    ///
    /// # fn example(outbox: Outbox, ticket: Ticket) -> agency_client::outbox::Result<()> {
    /// println!("{}", outbox.get(ticket)?.state);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As there.
    pub fn get(&self, ticket: Ticket) -> Result<Item> {
        self.inner.store().get(ticket)
    }

    /// As [`crate::outbox::Outbox::find`].
    ///
    /// ```no_run
    /// # fn example(outbox: agency_client::blocking::Outbox) -> agency_client::outbox::Result<()> {
    /// println!("{:?}", outbox.find("oa-2026-0512")?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As there.
    pub fn find(&self, key: &str) -> Result<Option<Item>> {
        self.inner.store().find(key)
    }

    /// As [`crate::outbox::Outbox::list`].
    ///
    /// ```no_run
    /// use agency_client::{blocking::Outbox, outbox::ListItems};
    ///
    /// # fn example(outbox: Outbox) -> agency_client::outbox::Result<()> {
    /// for item in outbox.list(&ListItems::default())? {
    ///     println!("{} {}", item.ticket, item.title);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As there.
    pub fn list(&self, request: &ListItems) -> Result<Vec<Item>> {
        self.inner.store().list(request)
    }

    /// As [`crate::outbox::Outbox::counts`].
    ///
    /// ```no_run
    /// # fn example(outbox: agency_client::blocking::Outbox) -> agency_client::outbox::Result<()> {
    /// println!("{} wait", outbox.counts()?.queued);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As there.
    pub fn counts(&self) -> Result<Counts> {
        self.inner.store().counts()
    }

    /// As [`crate::outbox::Outbox::wait`].
    ///
    /// ```no_run
    /// use agency_client::{blocking::Outbox, outbox::Ticket};
    ///
    /// # fn example(outbox: Outbox, ticket: Ticket) -> agency_client::outbox::Result<()> {
    /// println!("recorded as {}", outbox.wait(ticket)?.name);
    /// # Ok(())
    /// # }
    /// ```
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
    /// ```no_run
    /// use agency_client::{blocking::Outbox, outbox::Ticket};
    ///
    /// # fn example(outbox: Outbox, ticket: Ticket) -> agency_client::outbox::Result<()> {
    /// outbox.retry(ticket)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As there.
    pub fn retry(&self, ticket: Ticket) -> Result<()> {
        self.inner.store().retry(ticket)
    }

    /// As [`crate::outbox::Outbox::discard`].
    ///
    /// ```no_run
    /// use agency_client::{blocking::Outbox, outbox::Ticket};
    ///
    /// # fn example(outbox: Outbox, ticket: Ticket) -> agency_client::outbox::Result<()> {
    /// outbox.discard(ticket)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As there.
    pub fn discard(&self, ticket: Ticket) -> Result<()> {
        self.inner.store().discard(ticket)
    }

    /// As [`crate::outbox::Outbox::prune`].
    ///
    /// ```no_run
    /// # fn example(outbox: agency_client::blocking::Outbox) -> agency_client::outbox::Result<()> {
    /// println!("{} items are gone", outbox.prune()?.items);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As there.
    pub fn prune(&self) -> Result<Pruned> {
        self.inner.store().prune()
    }

    /// Starts the sender of this outbox on the client's own thread. It sends until it is stopped or
    /// dropped.
    ///
    /// ```no_run
    /// use agency_client::blocking::{Client, Outbox};
    ///
    /// # fn example(outbox: Outbox, client: Client) -> agency_client::outbox::Result<()> {
    /// let sender = outbox.start_sender(&client)?;
    /// sender.stop()?;
    /// # Ok(())
    /// # }
    /// ```
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
///
/// ```no_run
/// use agency_client::blocking::{Client, Outbox};
///
/// # fn example(outbox: Outbox, client: Client) -> agency_client::outbox::Result<()> {
/// let sender = outbox.start_sender(&client)?;
/// if sender.has_ended() {
///     sender.stop()?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Sender {
    client: Client,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<()>>,
}

impl Sender {
    /// Whether it has ended by itself, because the outbox cannot be used any more.
    ///
    /// ```no_run
    /// # fn example(sender: agency_client::blocking::Sender) {
    /// if sender.has_ended() {
    ///     eprintln!("the outbox cannot be used any more");
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    /// Stops it: what is under way is brought to its end, nothing is begun.
    ///
    /// ```no_run
    /// # fn example(sender: agency_client::blocking::Sender) -> agency_client::outbox::Result<()> {
    /// sender.stop()?;
    /// # Ok(())
    /// # }
    /// ```
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
