//! Makes a development PKI: an authority, the hub's certificate, and a profile per agency.

use std::{io::Write as _, path::PathBuf};

use certs::{InitOptions, IssueOptions, Pki};
use clap::Parser;

/// Makes a development PKI in a folder, or adds agencies to the one that is there.
///
/// For real agencies use `hub pki`, and let each node make its own key.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Folder of the PKI.
    #[arg(long, default_value = "certs/out")]
    out: PathBuf,
    /// Trust domain, which is also the ledger's origin.
    #[arg(long, default_value = "hub.shanxi.example")]
    trust_domain: String,
    /// Where the hub will listen.
    #[arg(long, default_value = "https://127.0.0.1:7443")]
    endpoint: String,
    /// Ids of agencies; each gets a node `node-1` and a profile.
    agencies: Vec<String>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let mut out = std::io::stdout().lock();
    let mut pki = if arguments.out.join("index.json").exists() {
        Pki::open(&arguments.out)?
    } else {
        let options = InitOptions {
            trust_domain: arguments.trust_domain.clone(),
            origin: arguments.trust_domain.clone(),
            ..InitOptions::default()
        };
        Pki::init(&arguments.out, &options)?
    };
    writeln!(out, "PKI in {}", pki.folder().display())?;
    for agency in &arguments.agencies {
        let mut options = IssueOptions::new(agency, "node-1");
        options.hub_endpoint.clone_from(&arguments.endpoint);
        let issued = pki.issue(&options)?;
        let profile = issued.profile_file.unwrap_or(issued.key_file);
        writeln!(out, "{}  {}", issued.spiffe_id, profile.display())?;
    }
    Ok(())
}
