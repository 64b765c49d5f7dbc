//! State behind one small trait: the ledger that is the truth, and the rows that index it.
//!
//! The cast:
//! - [`store::Store`]: what the engine asks of storage; nothing above it assumes it owns a disk.
//! - [`embedded`]: ledger files and sled. [`memory`]: for tests and simulation.
//! - [`keys`]: every key, typed and ordered.
//! - [`view`]: reads, with the rows of an unfinished batch laid over the stored ones; `merge` lays them.
//! - [`digest`]: a sum over all rows that tells whether an index is whole.
//! - `contract`: one suite that every store must pass.
//!
//! Invariant: rows are a function of the ledger. A store that has lost or damaged its rows says so
//! through [`store::Store::applied`], and the engine applies the missing entries again.

#[cfg(test)]
mod contract;
pub mod digest;
pub mod embedded;
pub mod keys;
pub mod memory;
mod merge;
pub mod store;
pub mod view;
