//! `hub`: serves, makes PKI, checks charters and data folders.
//!
//! Exit codes: 0 done; 1 refused or failed, with the reason on stderr; 2 wrong usage.

use std::process::ExitCode;

/// The system's allocator takes twice the time for what one thread makes and another lets go of: that is
/// every entry, made by the writer and let go of by whoever answers.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    hub::cli::run()
}
