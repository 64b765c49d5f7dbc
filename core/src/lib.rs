//! Rules and cryptography that the hub and its clients share.
//!
//! The cast:
//! - [`crypto`]: the only place that signs, verifies, hashes and draws random bytes.
//! - [`commitment`]: what an author signs.
//! - [`merkle`]: the ledger's tree and its proofs.
//! - [`note`]: signed checkpoints of that tree.
//! - [`names`]: resource names and identifiers, parsed once.
//! - [`reason`]: the reasons that errors carry, one help page each.
//! - [`date`]: civil dates.
//! - [`uscc`]: unified social credit codes.
//! - [`document_number`]: numbers of official documents.
//! - [`gathered`]: writes of a connection that wait for each other.
//! - [`jwk`]: public keys of officer tokens.
//! - [`workdays`]: holidays and make-up working days.
//! - [`profile`]: a client's settings file.
//! - [`purpose`]: what a read of restricted records is for.

pub mod commitment;
pub mod crypto;
pub mod date;
pub mod document_number;
pub mod gathered;
pub mod jwk;
pub mod merkle;
pub mod names;
pub mod note;
pub mod profile;
pub mod purpose;
pub mod reason;
pub mod uscc;
pub mod workdays;
