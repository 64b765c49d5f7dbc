//! Arguments of `outbox`.

use std::path::PathBuf;

use agency_client::outbox::{State, Ticket};
use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub(crate) struct FolderArg {
    /// Folder of the outbox; `outbox` in the profile's state folder when absent.
    #[arg(long, value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum OutboxCommand {
    /// Items, oldest first, and how many there are
    List {
        #[command(flatten)]
        folder: FolderArg,
        /// In this state only: queued, refused, delivered or discarded.
        #[arg(long)]
        state: Option<State>,
        /// In this stream only.
        #[arg(long, value_name = "NAME")]
        stream: Option<String>,
        /// After this item.
        #[arg(long, value_name = "N")]
        after: Option<Ticket>,
        /// At most so many.
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: usize,
        /// Newest first.
        #[arg(long)]
        newest_first: bool,
    },
    /// One item, with what stood in its way or its receipt
    Show {
        /// Number of the item.
        item: Ticket,
        #[command(flatten)]
        folder: FolderArg,
    },
    /// Send until nothing waits any more
    Send {
        #[command(flatten)]
        folder: FolderArg,
        /// Stop after so many seconds, also when something waits; 0 means never.
        #[arg(long = "for", value_name = "SECONDS", default_value_t = 60)]
        seconds: u64,
    },
    /// Send a refused item again
    Retry {
        /// Number of the item.
        item: Ticket,
        #[command(flatten)]
        folder: FolderArg,
    },
    /// Take an item away for good
    Discard {
        /// Number of the item.
        item: Ticket,
        #[command(flatten)]
        folder: FolderArg,
    },
    /// Take away delivered items whose time is over
    Prune {
        #[command(flatten)]
        folder: FolderArg,
    },
}
