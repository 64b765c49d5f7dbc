//! Client library of the coordination hub: what an agency's own systems link against.
//!
//! The cast:
//! - [`Client`], [`ClientBuilder`]: one connection in the name of one officer. Tokens are minted,
//!   mutating calls are signed, safe failures are tried again, all without the caller's doing.
//! - [`members`], [`channels`], [`ledger`]: a method for each RPC.
//! - [`meetings`]: meetings, minutes and major issues, likewise.
//! - [`requests`]: information requests, likewise.
//! - [`audit`]: who read which restricted record.
//! - [`funds`]: fund alerts, likewise.
//! - [`referrals`]: matters that one agency hands to another, likewise.
//! - [`attachments`]: files that go with notifications, up and down, over cuts.
//! - [`subscribe`]: notifications without gap or repeat, over reconnects.
//! - [`checkpoint`]: remembers the last verified checkpoint, and notices rewritten history.
//! - [`outbox`]: what is handed to it arrives once, through crashes and days without the hub.
//! - [`blocking`]: the same for programs without an async runtime.
//! - [`observer`]: hooks for metrics.
//! - [`gateway`]: the same API for local systems that have no keys.
//! - [`verify`]: receipts and bundles, with the hub's help or with nobody's.
//! - [`error`]: who is at fault, and what to do next.
//!
//! Errors never hold tokens, keys or bodies.
//!
//! # Connect and publish
//!
//! A profile names certificate, keys and hub. [`Client::connect`] asks the hub who it takes the
//! caller for, so that what is wrong shows at once; [`ClientBuilder::build`] needs no hub yet.
//!
//! ```no_run
//! use agency_client::{
//!     Client, channels::NotificationDraft, profile, proto::channels::Classification, verify,
//! };
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let profile = profile::load("tax/profile.toml".as_ref())?;
//! let client = Client::connect(&profile).await?;
//! let draft = NotificationDraft::to_channel("joint-enforcement")
//!     .category("coordination")
//!     .title("Result of case 12")
//!     .text("Closed; the organisation was warned.")
//!     .classification(Classification::Internal);
//! let published = client.channels().publish(draft).await?;
//! let receipt = published.receipt.as_ref().ok_or("no receipt")?;
//! let proved = verify::receipt(&client, receipt, Some(&published.authored)).await?;
//! println!("entry {} is under checkpoint {}", proved.header.index, proved.checkpoint.size);
//! # Ok(())
//! # }
//! ```
//!
//! # Hand it over and forget it
//!
//! What must arrive, whatever happens to this program, this machine or the hub, goes into an
//! [`outbox`]: `enqueue` answers when it is on the disk, and a sender, here or in another process,
//! delivers it once and in order.
//!
//! ```no_run
//! use agency_client::{
//!     Client, channels::NotificationDraft,
//!     outbox::{Outbox, OutboxOptions, Outgoing},
//! };
//!
//! # async fn example(client: Client) -> Result<(), Box<dyn std::error::Error>> {
//! let outbox = Outbox::open("outbox", OutboxOptions::default()).await?;
//! let draft = NotificationDraft::to_channel("joint-enforcement").title("Spot check in May");
//! // The key makes the same order, given twice, one item.
//! let what = Outgoing::publish(draft)?.key("oa-2026-0512");
//! let ticket = outbox.enqueue("oa", what).await?.ticket;
//! let sender = tokio::spawn(outbox.sender()?.run(client, std::future::pending()));
//! println!("recorded as {}", outbox.wait(ticket).await?.name);
//! # sender.abort();
//! # Ok(())
//! # }
//! ```
//!
//! # Receive
//!
//! A subscription under a durable consumer goes on where its last acknowledgement stood. Store
//! the cursor together with the work that a delivery causes: then each is worked on once.
//!
//! ```no_run
//! use agency_client::{Client, subscribe::{Event, SubscribeOptions}};
//!
//! # async fn example(client: Client) -> agency_client::Result<()> {
//! let mut events = client.channels().subscribe(SubscribeOptions {
//!     consumer: Some("oa".into()),
//!     ..SubscribeOptions::default()
//! });
//! while let Some(event) = events.next().await {
//!     if let Event::Delivery(delivery) = event? {
//!         client.channels().acknowledge("oa", &delivery.cursor).await?;
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Trust nobody
//!
//! [`ledger::Ledger::checkpoint`] demands proof that the hub's ledger continues what this node saw
//! before; [`verify::receipt`] proves a receipt under it; [`ledger::Ledger::bundle`] makes a file
//! that proves an entry without a network.
//!
//! # Errors
//!
//! Every error says who is at fault and what to do next.
//!
//! ```no_run
//! # async fn example(client: agency_client::Client) {
//! if let Err(error) = client.members().who_am_i().await {
//!     eprintln!("{error}\n{}", error.advice());
//! }
//! # }
//! ```

pub mod attachments;
pub mod audit;
mod author;
pub mod blocking;
pub mod channels;
pub mod checkpoint;
mod client;
mod codec;
pub mod error;
pub mod funds;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
pub mod gateway;
pub mod ledger;
pub mod meetings;
pub mod members;
pub mod observer;
pub mod outbox;
pub mod profile;
pub mod referrals;
pub mod requests;
mod retry;
pub mod subscribe;
#[cfg(test)]
mod testing;
mod token;
mod transport;
pub mod verify;

pub use hub_proto as proto;

pub use author::{Authored, Recorded};
pub use client::{
    ANSWER_BYTES_MAX, Client, ClientBuilder, DEADLINE_DEFAULT, DEADLINE_MAX, ROLES_MAX, request_id,
};
pub use error::{ClientError, Lang, Result};
pub use profile::Profile;
pub use retry::RetryPolicy;
pub use token::{TOKEN_LIFE_S, TOKEN_MARGIN_S};
