//! Arguments of `attach`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum AttachCommand {
    /// Upload files, to be named in a notification later; `notify publish --attach` does both
    Upload {
        /// Files of at most 100 MiB.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Attachments of a notification
    List {
        /// Resource name of the notification.
        name: String,
    },
    /// Download attachments of a notification; goes on where it broke off
    Get(GetArgs),
}

#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    /// Resource name of the notification.
    pub(crate) name: String,
    /// File name, or SHA-256 or its first digits; may be left out where there is one only.
    #[arg(conflicts_with = "all")]
    pub(crate) which: Option<String>,
    /// Every attachment.
    #[arg(long)]
    pub(crate) all: bool,
    /// Folder to write into.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) to: PathBuf,
}
