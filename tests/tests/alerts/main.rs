//! Fund alerts over mTLS. Tests bear the ids of the requirements that they prove.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failed test"
)]

mod clue_level;
mod hidden;
mod life;
mod lists;
mod powers;
mod revisions;
mod sealing;
