//! Information requests between agencies (Order 809 art. 20 to 29, FS-053); one method an RPC.
//!
//! The cast:
//! - [`Requests`]: from the draft over approval and answer to disposal.
//! - [`RequestDraft`]: a request on its way to being drafted; [`AccountDraft`]: what one for account information
//!   needs besides.
//! - [`owed`]: what is owed now, by whom, by when.
//!
//! Mutating methods take the request of the contract; an empty `request_id` in it is filled in. Keep one of your
//! own to repeat the very same call after a crash. Their answers tell where a request stands and quote none of its
//! texts: those are read with [`Requests::get`], and each read is on the ledger.
//!
//! ```no_run
//! # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
//! for request in client.requests().list(&Default::default()).await?.information_requests {
//!     println!("{}", request.name);
//! }
//! # Ok(())
//! # }
//! ```

mod draft;
mod owed;
mod service;

pub use draft::{AccountDraft, RequestDraft};
pub use owed::{Owed, owed};
pub use service::Requests;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use prost::Message as _;
    use prost_types::FileDescriptorSet;

    /// Every method of the service is called by its path in this module, and no other: a new RPC without
    /// a method here turns this red.
    #[test]
    fn every_rpc_has_a_method() {
        let set = FileDescriptorSet::decode(hub_proto::DESCRIPTORS).unwrap();
        let mut services = set
            .file
            .iter()
            .filter(|file| file.package() == "hub.requests.v1")
            .flat_map(|file| &file.service);
        let service = services.next().unwrap();
        let called: BTreeSet<&str> = include_str!("requests/service.rs")
            .split("path!(\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        let there: BTreeSet<&str> = service.method.iter().map(|one| one.name()).collect();
        assert_eq!(called, there);
        assert!(services.next().is_none());
    }
}
