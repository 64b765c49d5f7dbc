//! `hub dev`: a hub to try things on, with a PKI of its own, and the tour.
//!
//! The cast: [`site`] makes the folder; [`tour`] plays a stretch of work on it. Everything here is
//! a client of the hub and uses nothing but its public API.

pub mod site;
pub mod tour;

use std::{
    io::Write as _,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    path::PathBuf,
};

use anyhow::Context as _;
use clap::Args;

use self::site::Site;
use crate::{
    cli::{self, StopSignal},
    config::Config,
};

/// Where a development hub listens unless told otherwise.
pub const LISTEN: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 7443));

/// `hub dev`.
#[derive(Debug, Args)]
pub struct DevCommand {
    /// Folder for PKI and data; it is made when it is not there.
    #[arg(long, default_value = ".hub-dev")]
    pub dir: PathBuf,
    /// Loopback address to listen on [default: 127.0.0.1:7443, or what the folder was made for].
    #[arg(long)]
    pub listen: Option<SocketAddr>,
    /// Play a stretch of real work of fifteen departments in a fresh folder, verify it, and stop.
    #[arg(long)]
    pub tour: bool,
}

impl DevCommand {
    /// Runs it.
    ///
    /// # Errors
    /// When a file is in the way, the port is taken, or anything in the tour is off.
    pub fn run(self) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        if self.tour {
            let site = Site::fresh(&self.dir.join("tour"), LISTEN)?;
            return runtime.block_on(tour::play(&site));
        }
        let listen = self.listen.unwrap_or(LISTEN);
        anyhow::ensure!(
            listen.ip().is_loopback(),
            "--listen {listen}: a development hub listens on loopback only"
        );
        let site = Site::open_or_make(&self.dir, listen)?;
        let config = Config::read(&site.config_file())?;
        anyhow::ensure!(
            self.listen.is_none_or(|listen| listen == config.listen),
            "{} and its profiles were made for {}; name another folder with --dir",
            self.dir.display(),
            config.listen
        );
        runtime.block_on(serve(&site, config))
    }
}

async fn serve(site: &Site, config: Config) -> anyhow::Result<()> {
    cli::start_log(&config.log)?;
    let mut stop = StopSignal::listen()?;
    let Some(running) = cli::start(config, &mut stop).await? else {
        return Ok(());
    };
    let address = running.address();
    let profiles = site.profiles_dir();
    writeln!(
        std::io::stdout(),
        "The hub listens on {address}. Its folder is {dir}; delete the folder to start anew.\n\
         \n\
         In another terminal:\n\
         \n\
         \x20 cargo run --release -p agency-client -- --profile {office} --officer office-1 --role office \\\n\
         \x20     notify publish --channel all-members --category work_notice --title 通知 --body 正文 \\\n\
         \x20     --classification internal\n\
         \x20 cargo run --release -p agency-client -- --profile {tax} watch\n\
         \n\
         Every agency of the charter has a profile in {profiles}. Ctrl-C stops the hub.",
        dir = site.dir().display(),
        office = profiles.join("civil-affairs/profile.toml").display(),
        tax = profiles.join("tax/profile.toml").display(),
        profiles = profiles.display(),
    )?;
    stop.received().await;
    running.stop().await.context("stopping")
}
