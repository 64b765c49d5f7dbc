//! Minutes over mTLS: consent of every attending unit, races, issue, what was agreed, and a random walk
//! of all units over the whole state machine.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a failure here is a failed test; seeds are printed"
)]

mod files;
mod hall;
mod items;
mod races;
mod reminders;
mod round;
mod walk;
