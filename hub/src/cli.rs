//! The command line. Data goes to stdout, everything else to stderr.

use std::{
    io::Write as _,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::{CommandFactory as _, Parser, Subcommand};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::{
    EnvFilter, Layer as _, filter::filter_fn, layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use crate::{
    backup::{BackupCommand, RestoreCommand},
    calendar, charter,
    config::{Config, Log, LogFormat},
    dev::DevCommand,
    fsck,
    pki::PkiCommand,
    rebuild,
    server::{self, Running},
    traces,
};

/// The coordination hub of a province's agencies.
#[derive(Debug, Parser)]
#[command(
    name = "hub",
    version,
    about,
    after_help = "Exit codes: 0 done, 1 refused or failed, 2 wrong usage."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve.
    Serve {
        /// The settings file.
        #[arg(long, env = "HUB_CONFIG", default_value = "hub.toml")]
        config: PathBuf,
        /// Listen here instead of where the settings say.
        #[arg(long)]
        listen: Option<SocketAddr>,
    },
    /// Make a development hub and serve, or play a tour of it.
    Dev(DevCommand),
    /// Issue and revoke certificates.
    #[command(subcommand)]
    Pki(PkiCommand),
    /// Check the whole data folder of a stopped hub; changes nothing.
    #[command(
        after_help = "Exit codes: 0 no errors (warnings are shown), 1 errors, or the check \
                            could not be made, 2 wrong usage."
    )]
    Fsck {
        /// The settings file.
        #[arg(long, env = "HUB_CONFIG", default_value = "hub.toml")]
        config: PathBuf,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Copy ledger and attachments of a hub that runs, or of a stopped one, into a folder.
    Backup(BackupCommand),
    /// Make the data folder of a stopped hub from a backup, and check it.
    Restore(RestoreCommand),
    /// Make the state index of a stopped hub anew from the ledger.
    Rebuild {
        /// The settings file.
        #[arg(long, env = "HUB_CONFIG", default_value = "hub.toml")]
        config: PathBuf,
    },
    /// Check charters.
    #[command(subcommand)]
    Charter(CharterCommand),
    /// Check calendars of working days.
    #[command(subcommand)]
    Calendar(CalendarCommand),
    /// Print a completion script.
    Completion {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print or write manual pages.
    Man {
        /// Write a page for every command into this folder; the first page to stdout when absent.
        #[arg(long, value_name = "DIR")]
        to: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
enum CharterCommand {
    /// Explain every error of a charter with its line and rule.
    Check {
        /// The charter.
        file: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum CalendarCommand {
    /// Tell what a file adds to the built-in calendar, or which line breaks which rule.
    Check {
        /// The file that `calendar.file` is to name.
        file: PathBuf,
    },
}

/// Runs the command line of this process.
#[must_use]
pub fn run() -> ExitCode {
    match execute(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            // Nothing can be done when stderr is gone.
            drop(writeln!(std::io::stderr(), "hub: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn execute(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve { config, listen } => serve(&config, listen)?,
        Command::Dev(command) => command.run()?,
        Command::Pki(command) => command.run()?,
        Command::Charter(CharterCommand::Check { file }) => {
            let is_sound = charter::check_command(&file, &mut std::io::stdout().lock())?;
            return Ok(code(is_sound));
        }
        Command::Calendar(CalendarCommand::Check { file }) => {
            let is_sound = calendar::check_command(&file, &mut std::io::stdout().lock())?;
            return Ok(code(is_sound));
        }
        Command::Fsck { config, json } => {
            let config = Config::read(&config)?;
            start_log(&config.log)?;
            let (mut out, mut progress) = (std::io::stdout().lock(), std::io::stderr());
            return fsck::command(&config, json, &mut out, &mut progress).map(code);
        }
        Command::Backup(command) => return command.run().map(code),
        Command::Restore(command) => command.run()?,
        Command::Rebuild { config } => rebuild(&config)?,
        Command::Completion { shell } => {
            // Into memory first: clap_complete stops the process when a pipe is closed.
            let mut script = vec![];
            clap_complete::generate(shell, &mut Cli::command(), "hub", &mut script);
            std::io::stdout().write_all(&script)?;
        }
        Command::Man { to } => man(to.as_deref())?,
    }
    Ok(ExitCode::SUCCESS)
}

fn code(is_sound: bool) -> ExitCode {
    if is_sound {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn man(to: Option<&Path>) -> anyhow::Result<()> {
    let command = Cli::command();
    let Some(folder) = to else {
        return Ok(clap_mangen::Man::new(command).render(&mut std::io::stdout())?);
    };
    let written = std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(command.disable_help_subcommand(true), folder));
    written.with_context(|| format!("{}: cannot be written", folder.display()))
}

fn rebuild(path: &Path) -> anyhow::Result<()> {
    let config = Config::read(path)?;
    start_log(&config.log)?;
    let rebuilt = rebuild::rebuild(&config)?;
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{} entries applied, {} rows; their digest was verified on disk",
        rebuilt.entries, rebuilt.rows
    )?;
    if rebuilt.has_search {
        writeln!(
            out,
            "the search index is deleted; the next start makes it anew in the background"
        )?;
    }
    if let Some(aside) = rebuilt.aside {
        writeln!(out, "the old index is in {}", aside.display())?;
    }
    Ok(())
}

/// Crates whose lines follow the operator's filter at every level.
const OWN_CRATES: [&str; 4] = ["hub", "hub_core", "agency_client", "certs"];

/// Most verbose level of every other crate. Below it they write out frames, rows and headers, and
/// with them tokens and bodies; no filter opens that.
const DEPENDENCY_LEVEL_MAX: tracing::Level = tracing::Level::INFO;

fn is_fit_for_the_log(target: &str, level: &tracing::Level) -> bool {
    let name = target.split("::").next().unwrap_or_default();
    OWN_CRATES.contains(&name) || *level <= DEPENDENCY_LEVEL_MAX
}

/// Starts the log on stderr.
///
/// # Errors
/// When the filter is malformed.
pub fn start_log(log: &Log) -> anyhow::Result<()> {
    start_log_and_traces(log, None)
}

fn start_log_and_traces(log: &Log, traces: Option<&traces::Exporter>) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&log.filter)
        .with_context(|| format!("log.filter: `{}` is no filter", log.filter))?;
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match log.format {
        LogFormat::Text => lines.with_ansi(false).boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    // The operator's filter is for lines. Spans of traces are no part of them, and follow the
    // settings of traces only.
    let is_line =
        filter_fn(|line| !traces::is_sent(line) && is_fit_for_the_log(line.target(), line.level()));
    tracing_subscriber::registry()
        .with(lines.with_filter(is_line).with_filter(filter))
        .with(traces.map(traces::Exporter::layer))
        .try_init()
        .map_err(|error| anyhow::anyhow!("the log was started already: {error}"))
}

fn serve(path: &Path, listen: Option<SocketAddr>) -> anyhow::Result<()> {
    let mut config = Config::read(path)?;
    config.listen = listen.unwrap_or(config.listen);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let served = runtime.block_on(async {
        let mut stop = StopSignal::listen()?;
        let traces = config.traces.options();
        let traces = traces.as_ref().map(traces::Exporter::new).transpose()?;
        start_log_and_traces(&config.log, traces.as_ref())?;
        let Some(running) = start(config, &mut stop).await? else {
            return Ok(());
        };
        // The one line on stdout: where the hub listens, for those who let the system choose a port.
        writeln!(std::io::stdout(), "{}", running.address())?;
        stop.received().await;
        let stopped = running.stop().await;
        if let Some(traces) = traces {
            // It waits for the collector, which the runtime's other threads talk to.
            tokio::task::spawn_blocking(move || traces.stop()).await?;
        }
        stopped
    });
    // A start that was given up may be busy still; what it wrote stands a cut at any place.
    runtime.shutdown_background();
    served
}

/// Starts the hub; `None` when a signal to stop came first.
///
/// # Errors
/// As [`server::start`].
pub async fn start(config: Config, stop: &mut StopSignal) -> anyhow::Result<Option<Running>> {
    // A task of its own: opening a long ledger keeps its thread busy.
    let starting = tokio::spawn(async move { server::start(&config).await });
    tokio::select! {
        running = starting => Ok(Some(running??)),
        () = stop.received() => {
            tracing::info!("stopped before the hub served");
            Ok(None)
        }
    }
}

/// SIGTERM and SIGINT. From [`StopSignal::listen`] on they end the process only where it waits for
/// them.
#[derive(Debug)]
pub struct StopSignal {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignal {
    /// Listens from now on.
    ///
    /// # Errors
    /// When the system does not let the process wait for signals.
    pub fn listen() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for either, also for one that came before.
    pub async fn received(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
