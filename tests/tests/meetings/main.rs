//! Meetings over mTLS. Tests bear the ids of the requirements that they prove.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failed test"
)]

mod asks;
mod convening;
mod escalation;
mod files;
mod issues;
mod joint;
mod life;
mod partial;
mod topics;
mod years;
