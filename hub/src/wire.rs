//! The edge: gRPC services that parse, ask `authz` for a permit, hand a typed command to the
//! engine and write the answer. No rule of the domain lives here.

pub mod status;
