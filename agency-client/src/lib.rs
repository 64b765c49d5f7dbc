//! Client library of the coordination hub: what an agency's own systems link against.
//!
//! The cast:
//! - [`Client`], [`ClientBuilder`]: one connection in the name of one officer. Tokens are minted,
//!   mutating calls are signed, safe failures are tried again, all without the caller's doing.
//! - [`members`], [`channels`], [`ledger`]: a method for each RPC.
//! - [`attachments`]: files that go with notifications, up and down, over cuts.
//! - [`subscribe`]: notifications without gap or repeat, over reconnects.
//! - [`checkpoint`]: remembers the last verified checkpoint, and notices rewritten history.
//! - [`gateway`]: the same API for local systems that have no keys.
//! - [`verify`]: receipts and bundles, with the hub's help or with nobody's.
//! - [`error`]: who is at fault, and what to do next.
//!
//! Errors never hold tokens, keys or bodies.
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

pub mod attachments;
mod author;
pub mod blocking;
pub mod channels;
pub mod checkpoint;
mod client;
mod codec;
pub mod error;
pub mod gateway;
pub mod ledger;
pub mod members;
pub mod observer;
pub mod outbox;
pub mod profile;
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
    ANSWER_BYTES_MAX, Client, ClientBuilder, DEADLINE_DEFAULT, ROLES_MAX, request_id,
};
pub use error::{ClientError, Lang, Result};
pub use profile::Profile;
pub use retry::RetryPolicy;
pub use token::{TOKEN_LIFE_S, TOKEN_MARGIN_S};
