//! The client for programs without an async runtime: the same calls, each of which returns when it
//! is done. A client brings a small runtime of its own, one thread, which ends with it.
//!
//! Inside an async runtime these calls would hold up the thread that other tasks run on, so they
//! answer [`ClientError::AsyncContext`] there instead: use [`crate::Client`], or a thread of your
//! own.
//!
//! ```no_run
//! use agency_client::{
//!     blocking::Client, channels::NotificationDraft, profile, proto::channels::Classification,
//!     subscribe::{Event, SubscribeOptions},
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::connect(&profile::load("tax/profile.toml".as_ref())?)?;
//! let draft = NotificationDraft::to_channel("joint-enforcement")
//!     .category("coordination")
//!     .title("Spot check in May")
//!     .classification(Classification::Internal);
//! client.channels().publish(draft)?;
//! for event in client.channels().subscribe(SubscribeOptions::default())? {
//!     if let Event::Delivery(delivery) = event? {
//!         println!("{} {}", delivery.log, delivery.position);
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod funds;
mod meetings;
mod modules;
mod outbox;
mod referrals;
mod requests;
mod search;

use std::{fmt, sync::Arc, time::Duration};

use tokio::runtime::{Builder, Handle, Runtime};

pub use funds::Alerts;
pub use meetings::{MajorIssues, Meetings, Minutes};
pub use modules::{Attachments, Audit, Channels, Ledger, Members};
pub use outbox::{Outbox, Sender};
pub use referrals::Referrals;
pub use requests::Requests;
pub use search::SearchResults;

use crate::{
    ClientBuilder, Profile,
    error::{ClientError, Result},
    subscribe::Event,
};

/// A runtime of one thread.
pub(crate) struct Threads(Option<Runtime>);

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Threads")
    }
}

impl Threads {
    fn start() -> Result<Arc<Self>> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("agency-client")
            .enable_all()
            .build()
            .map_err(|error| ClientError::file("thread", error))?;
        Ok(Arc::new(Self(Some(runtime))))
    }

    /// Runs a future to its end on this thread.
    fn run<T>(&self, future: impl Future<Output = T>) -> Result<T> {
        // There the runtime would panic.
        if Handle::try_current().is_ok() {
            return Err(ClientError::AsyncContext);
        }
        let runtime = self.0.as_ref().ok_or(ClientError::AsyncContext)?;
        Ok(runtime.block_on(future))
    }

    fn handle(&self) -> Result<&Handle> {
        let runtime = self.0.as_ref().ok_or(ClientError::AsyncContext)?;
        Ok(runtime.handle())
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // Waits for nothing, so that it may be dropped anywhere, inside a runtime too.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// A connection to the hub in the name of one officer, for programs without an async runtime.
/// Cheap to clone; clones share everything.
///
/// ```no_run
/// use agency_client::{blocking::Client, profile};
///
/// # fn example() -> agency_client::Result<()> {
/// let client = Client::connect(&profile::load("tax/profile.toml".as_ref())?)?;
/// println!("{:?}", client.members().who_am_i()?.agency);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Client {
    inner: crate::Client,
    threads: Arc<Threads>,
}

impl Client {
    /// Connects with the profile's officer and roles, and asks the hub whether it takes the caller
    /// for who it is.
    ///
    /// ```no_run
    /// use agency_client::{Profile, blocking::Client};
    ///
    /// # fn example(profile: &Profile) -> agency_client::Result<()> {
    /// let client = Client::connect(profile)?;
    /// # drop(client);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`crate::Client::connect`]; [`ClientError::AsyncContext`] inside an async runtime.
    pub fn connect(profile: &Profile) -> Result<Self> {
        let client = Self::build(crate::Client::builder(profile))?;
        client.members().who_am_i()?;
        Ok(client)
    }

    /// A client of a builder, for another officer, role, endpoint or deadline. It has not called
    /// yet.
    ///
    /// ```no_run
    /// use agency_client::{Client, blocking, profile};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let profile = profile::load("tax/profile.toml".as_ref())?;
    /// let builder = Client::builder(&profile).officer("tax-leader-1").roles(["leader"]);
    /// let client = blocking::Client::build(builder)?;
    /// # drop(client);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`ClientBuilder::build`]; [`ClientError::AsyncContext`] inside an async runtime.
    pub fn build(builder: ClientBuilder) -> Result<Self> {
        let threads = Threads::start()?;
        // The connection's own work begins on the runtime.
        let inner = threads.run(async { builder.build() })??;
        Ok(Self { inner, threads })
    }

    /// The async client inside, for its settings.
    ///
    /// ```no_run
    /// # fn example(client: agency_client::blocking::Client) {
    /// println!("{}", client.inner().endpoint());
    /// # }
    /// ```
    #[must_use]
    pub fn inner(&self) -> &crate::Client {
        &self.inner
    }

    /// Runs anything async with the client to its end: for what has no method of its own here.
    ///
    /// ```no_run
    /// # fn example(
    /// #     client: agency_client::blocking::Client,
    /// #     receipt: agency_client::proto::common::Receipt,
    /// # ) -> agency_client::Result<()> {
    /// let proved = client.run(async |client| {
    ///     agency_client::verify::receipt(client, &receipt, None).await
    /// })??;
    /// println!("under checkpoint {}", proved.checkpoint.size);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::AsyncContext`] inside an async runtime.
    pub fn run<T>(&self, work: impl AsyncFnOnce(&crate::Client) -> T) -> Result<T> {
        self.threads.run(work(&self.inner))
    }

    /// Mechanisms, agencies, memberships, liaisons, nodes and token keys.
    ///
    /// ```no_run
    /// # fn example(client: agency_client::blocking::Client) -> agency_client::Result<()> {
    /// for agency in client.members().list_agencies(None)? {
    ///     println!("{}", agency.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn members(&self) -> Members {
        Members::new(self)
    }

    /// Notifications: publish, receive, open, sign for, correct, search.
    ///
    /// ```no_run
    /// # fn example(client: agency_client::blocking::Client) -> agency_client::Result<()> {
    /// for channel in client.channels().list_channels()? {
    ///     println!("{}", channel.name);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn channels(&self) -> Channels {
        Channels::new(self)
    }

    /// Meetings: topics, notices and answers, attendance.
    ///
    /// ```no_run
    /// # fn example(client: agency_client::blocking::Client) -> agency_client::Result<()> {
    /// let name = "meetings/01980000-0000-7000-8000-000000000000";
    /// println!("{}", client.meetings().get(name)?.title);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn meetings(&self) -> Meetings {
        Meetings::new(self)
    }

    /// Referrals: sending, acknowledging, answering, results.
    ///
    /// ```no_run
    /// # fn example(client: agency_client::blocking::Client) -> agency_client::Result<()> {
    /// client.referrals().list(&Default::default())?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn referrals(&self) -> Referrals {
        Referrals::new(self)
    }

    /// Minutes: versions, consent, issue, agreed items.
    ///
    /// ```no_run
    /// # fn example(client: agency_client::blocking::Client) -> agency_client::Result<()> {
    /// let name = "meetings/01980000-0000-7000-8000-000000000000/minutes/1";
    /// println!("{:?}", client.minutes().get(name)?.consents);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn minutes(&self) -> Minutes {
        Minutes::new(self)
    }

    /// Major issues and their escalation.
    ///
    /// ```no_run
    /// # fn example(client: agency_client::blocking::Client) -> agency_client::Result<()> {
    /// let name = "majorIssues/01980000-0000-7000-8000-000000000000";
    /// println!("{}", client.major_issues().get(name)?.title);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn major_issues(&self) -> MajorIssues {
        MajorIssues::new(self)
    }

    /// Information requests between agencies.
    ///
    /// ```no_run
    /// # fn example(client: agency_client::blocking::Client) -> agency_client::Result<()> {
    /// client.requests().list(&Default::default())?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn requests(&self) -> Requests {
        Requests::new(self)
    }

    /// Fund alerts.
    ///
    /// ```no_run
    /// # fn example(client: agency_client::blocking::Client) -> agency_client::Result<()> {
    /// client.alerts().list(&Default::default())?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn alerts(&self) -> Alerts {
        Alerts::new(self)
    }

    /// Checkpoints, proofs and entries.
    ///
    /// ```no_run
    /// # fn example(client: agency_client::blocking::Client) -> agency_client::Result<()> {
    /// println!("{} entries", client.ledger().checkpoint()?.size);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        Ledger::new(self)
    }

    /// Who read which restricted record, for auditors.
    ///
    /// ```no_run
    /// # fn example(client: agency_client::blocking::Client) -> agency_client::Result<()> {
    /// client.audit().list_accesses(&Default::default())?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn audit(&self) -> Audit {
        Audit::new(self)
    }

    /// As [`crate::Client::with_purpose`].
    ///
    /// ```no_run
    /// # fn example(client: agency_client::blocking::Client) -> agency_client::Result<()> {
    /// let client = client.with_purpose("核查晋社案〔2026〕12号")?;
    /// # drop(client);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As there.
    pub fn with_purpose(&self, purpose: &str) -> Result<Self> {
        Ok(Self {
            inner: self.inner.with_purpose(purpose)?,
            threads: Arc::clone(&self.threads),
        })
    }

    /// Files that go with notifications.
    ///
    /// ```no_run
    /// # fn example(client: agency_client::blocking::Client) -> agency_client::Result<()> {
    /// println!("{}", client.attachments().upload("report.pdf".as_ref(), |_| {})?.sha256);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn attachments(&self) -> Attachments {
        Attachments::new(self)
    }
}

/// Notifications as an iterator, which waits for the next one. It ends after an error, which only
/// comes through when another connection cannot mend it. Dropping it ends the subscription.
///
/// ```no_run
/// use agency_client::{blocking::Client, subscribe::SubscribeOptions};
///
/// # fn example(client: Client) -> agency_client::Result<()> {
/// for event in client.channels().subscribe(SubscribeOptions::default())? {
///     println!("{:?}", event?);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Subscription {
    inner: crate::subscribe::Subscription,
    threads: Arc<Threads>,
}

impl Subscription {
    /// The next event, if one comes in time; `Ok(None)` when none did.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// use agency_client::blocking::Subscription;
    ///
    /// # fn example(mut events: Subscription) -> agency_client::Result<()> {
    /// if let Some(event) = events.next_within(Duration::from_secs(1))? {
    ///     println!("{event:?}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// What ended the subscription, or [`ClientError::AsyncContext`].
    pub fn next_within(&mut self, patience: Duration) -> Result<Option<Event>> {
        let inner = &mut self.inner;
        let next = self
            .threads
            .run(async { tokio::time::timeout(patience, inner.next()).await })?;
        match next {
            Ok(event) => event.transpose(),
            Err(_elapsed) => Ok(None),
        }
    }
}

impl Iterator for Subscription {
    type Item = Result<Event>;

    fn next(&mut self) -> Option<Self::Item> {
        let inner = &mut self.inner;
        match self.threads.run(inner.next()) {
            Ok(event) => event,
            Err(error) => Some(Err(error)),
        }
    }
}

#[cfg(test)]
mod tests;
