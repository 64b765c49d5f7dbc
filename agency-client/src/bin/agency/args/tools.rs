//! Arguments of `serve`, `completion`, `man` and `help`.

use std::{net::SocketAddr, path::PathBuf};

use agency_client::gateway::{CALLS_MAX_DEFAULT, CONNECTIONS_MAX_DEFAULT};
use clap::Args;
use clap_complete::Shell;

use super::outbox::FolderArg;

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Loopback address.
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1:7500",
        conflicts_with = "socket"
    )]
    pub(crate) listen: SocketAddr,
    /// Unix socket instead, mode 0660, in a folder that not everybody may write.
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
    /// File with a secret that callers must send as metadata `gateway-secret`.
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) outbox: FolderArg,
    /// Connections that may be open; others wait.
    #[arg(long, value_name = "N", default_value_t = CONNECTIONS_MAX_DEFAULT)]
    pub(crate) connections_max: usize,
    /// Calls that may be under way, streams included.
    #[arg(long, value_name = "N", default_value_t = CALLS_MAX_DEFAULT)]
    pub(crate) calls_max: usize,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionArgs {
    /// The shell.
    pub(crate) shell: Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Write a page for every command into this folder; the first page to stdout when absent.
    #[arg(long, value_name = "DIR")]
    pub(crate) to: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct HelpArgs {
    /// A command, or `json`, `minutes-file` or `alert-file`.
    pub(crate) topic: Vec<String>,
}
