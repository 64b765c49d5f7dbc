//! Meetings over mTLS. Tests bear the ids of the requirements that they prove.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failed test"
)]

mod convening;
mod files;
mod joint;
mod life;
mod partial;
mod topics;
mod years;
