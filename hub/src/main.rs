//! `hub`: serves, makes PKI, checks charters and data folders.
//!
//! Exit codes: 0 done; 1 refused or failed, with the reason on stderr; 2 wrong usage.

use std::process::ExitCode;

fn main() -> ExitCode {
    hub::cli::run()
}
