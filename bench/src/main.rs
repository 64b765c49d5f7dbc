//! `bench`: the hub beside what a user would pick instead, on one machine in one run.
//!
//! The cast:
//! - [`site`]: certificates and settings that all systems share; [`binaries`], [`server`]: what runs.
//! - [`load`]: calls in a closed loop and what they cost; [`mixed`]: an hour of all kinds; [`cpu`],
//!   [`proc`], [`stats`]: how that is reckoned.
//! - [`echo`], [`nats`], [`etcd`]: the peers, and [`tls`] for those that are made here.
//! - [`peers`], [`fanout`], [`replay`], [`restart`], [`scale`]: the measurements.
//! - [`fill`]: a large ledger in little time.
//! - [`report`], [`plot`]: what people and machines read.
//!
//! Figures go to stdout, progress to stderr. `bench/README.md` says what each figure means.

#![allow(
    clippy::print_stdout,
    reason = "a program of the command line: what it found is its output"
)]

mod binaries;
mod cpu;
mod echo;
mod etcd;
mod fanout;
mod fill;
mod load;
mod mixed;
mod nats;
mod peers;
mod plot;
mod proc;
mod replay;
mod report;
mod restart;
mod scale;
mod server;
mod site;
mod stats;
mod tls;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};
use tempfile::TempDir;

use crate::{binaries::Binaries, report::Findings};

/// As in the hub: the clients of all systems share it, and so does the echo.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures the hub beside its peers.
#[derive(Debug, Parser)]
#[command(name = "bench", version)]
struct Cli {
    #[command(flatten)]
    binaries: Binaries,
    /// Where data goes; it should be on the disk that matters. A folder in it is made and removed.
    #[arg(long, global = true, value_name = "FOLDER")]
    data: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Throughput against the echo, NATS and etcd, alternating.
    Peers {
        #[command(flatten)]
        options: peers::Options,
        /// Fewer and shorter rounds.
        #[arg(long)]
        quick: bool,
    },
    /// From publish to the last of 12 subscribers, at a steady rate, beside the echo.
    Fanout {
        #[command(flatten)]
        options: fanout::Options,
        /// Shorter rounds.
        #[arg(long)]
        quick: bool,
    },
    /// One subscriber reads a backlog.
    Replay {
        #[command(flatten)]
        options: replay::Options,
        /// A smaller backlog.
        #[arg(long)]
        quick: bool,
    },
    /// From the start of a hub with a large ledger to its first answer.
    Restart {
        #[command(flatten)]
        options: restart::Options,
        /// Smaller ledgers.
        #[arg(long)]
        quick: bool,
    },
    /// What a publish costs as the ledger and the number of nodes grow.
    Scale {
        #[command(flatten)]
        options: scale::Options,
        /// Smaller sizes.
        #[arg(long)]
        quick: bool,
    },
    /// Peers, fan-out and replay, one after the other, with their defaults.
    All {
        /// Fewer and shorter rounds, a smaller backlog.
        #[arg(long)]
        quick: bool,
    },
    /// The echo's server.
    #[command(hide = true)]
    EchoServe(echo::ServeCommand),
}

#[tokio::main]
async fn main() -> ExitCode {
    match execute(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn execute(cli: Cli) -> anyhow::Result<()> {
    if let Command::EchoServe(command) = &cli.command {
        return command.run().await;
    }
    let folder = folder(cli.data.as_deref())?;
    let (binaries, at) = (&cli.binaries, folder.path());
    let mut findings = Findings::default();
    match cli.command {
        Command::Peers { mut options, quick } => {
            if quick {
                options.quick();
            }
            findings.add(peers::run(&options, binaries, at).await?);
        }
        Command::Fanout { mut options, quick } => {
            if quick {
                options.quick();
            }
            findings.add(fanout::run(&options, binaries, at).await?);
        }
        Command::Replay { mut options, quick } => {
            if quick {
                options.quick();
            }
            findings.add(replay::run(&options, binaries, at).await?);
        }
        Command::Restart { mut options, quick } => {
            if quick {
                options.quick();
            }
            findings.add(restart::run(&options, binaries, at).await?);
        }
        Command::Scale { mut options, quick } => {
            if quick {
                options.quick();
            }
            findings.add(scale::run(&options, binaries, at).await?);
        }
        Command::All { quick } => {
            let mut peers: peers::Options = options(&[])?;
            let mut fanout: fanout::Options = options(&[])?;
            let mut replay: replay::Options = options(&[])?;
            if quick {
                peers.quick();
                fanout.quick();
                replay.quick();
            }
            findings.add(peers::run(&peers, binaries, at).await?);
            findings.add(fanout::run(&fanout, binaries, at).await?);
            findings.add(replay::run(&replay, binaries, at).await?);
        }
        Command::EchoServe(_) => {}
    }
    print!("{}", findings.text());
    Ok(())
}

/// A part's options by a line of arguments, so that its defaults stand in one place.
fn options<T: Args>(line: &[&str]) -> anyhow::Result<T> {
    let command = clap::Command::new("bench").no_binary_name(true);
    let matches = T::augment_args(command).try_get_matches_from(line)?;
    Ok(T::from_arg_matches(&matches)?)
}

/// A folder for this run: below `target`, so that it lies on the same disk as the sources, unless
/// another is named.
fn folder(given: Option<&std::path::Path>) -> anyhow::Result<TempDir> {
    let parent = match given {
        Some(given) => given.to_owned(),
        None => std::path::absolute(std::env::current_exe()?)?
            .parent()
            .map(std::path::Path::to_owned)
            .unwrap_or_default(),
    };
    let prefix = tempfile::Builder::new().prefix("bench-data-").to_owned();
    Ok(prefix.tempdir_in(parent)?)
}
