//! Fund alerts over mTLS. Tests bear the ids of the requirements that they prove.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a failure here is a failed test; seeds are printed"
)]

mod clue_level;
mod hidden;
mod life;
mod lists;
mod powers;
mod revisions;
mod sealing;
mod walk;
