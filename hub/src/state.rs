//! State behind one small trait: the ledger that is the truth, and the rows that index it.
//!
//! The cast:
//! - [`store::Store`]: what the engine asks of storage; nothing above it assumes it owns a disk.
//! - [`embedded`]: ledger files and sled. [`memory`]: for tests and simulation.
//! - [`keys`]: every key, typed and ordered.
//! - [`view`]: reads, with the rows of an unfinished batch laid over the stored ones.
//! - [`digest`]: a sum over all rows that tells whether an index is whole.
//! - `contract`: one suite that every store must pass.
//!
//! Invariant: rows are a function of the ledger. A store that has lost or damaged its rows says so
//! through [`store::Store::applied`], and the engine applies the missing entries again.

/// Which rows there are and what is in them. An index with another number is set aside at start and
/// made anew from the ledger. Raise it in a release whose `apply` writes other rows, or another form
/// of a row, for entries that an earlier release may have recorded; a new kind of row that only new
/// events cause needs no new number.
pub const SCHEMA: u32 = 2;

#[cfg(test)]
mod contract;
pub mod digest;
pub mod embedded;
pub mod keys;
pub mod memory;
pub mod store;
pub mod view;
