//! Arguments of `ledger`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum LedgerCommand {
    /// The newest checkpoint, verified against the remembered one
    Checkpoint,
    /// Verify the hub's history, a receipt, or (offline) a bundle
    Verify(VerifyArgs),
    /// Write a bundle that proves an entry offline
    Proof {
        /// Index of the entry.
        index: u64,
        /// File to write; stdout when absent.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Receipt with the header of another agency's entry.
        #[arg(long, value_name = "FILE")]
        receipt: Option<PathBuf>,
    },
    /// One entry that this agency authored
    Entry {
        /// Index of the entry.
        index: u64,
    },
    /// Read every header and compute the root anew; for auditors
    Audit,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Bundle written by `ledger proof --out`; no network is used.
    #[arg(long, value_name = "FILE", conflicts_with = "receipt")]
    pub(crate) bundle: Option<PathBuf>,
    /// JSON file with a receipt, as any --json answer has it ("-": stdin).
    #[arg(long, value_name = "FILE")]
    pub(crate) receipt: Option<PathBuf>,
    /// The ledger's verifier key, instead of the profile's; needed where there is no profile.
    #[arg(long, value_name = "FILE", requires = "bundle")]
    pub(crate) ledger_key: Option<PathBuf>,
    /// Authorities that the author's certificate must chain to.
    #[arg(long, value_name = "FILE", requires = "bundle")]
    pub(crate) node_ca: Option<PathBuf>,
}
