//! Fund alerts (FS-012, FS-021, FS-023, FS-051, FS-054); one method an RPC.
//!
//! The cast:
//! - [`Alerts`]: raise, acknowledge, find, take measures, close, correct, retract, read.
//! - [`AlertDraft`]: an alert on its way to being raised, or to taking the place of one.
//! - [`AlertRule`], [`Broken`]: the rules that need no charter, so that a draft can be checked before
//!   anything is sent.
//! - [`mod@file`]: files of alerts, such as a spreadsheet's.
//!
//! An alert is about an organisation and at clue level: an indicator, a band of amounts, grounds in
//! words. There is nowhere to put an account, a transaction or a counterparty, and none belongs into a
//! text (FS-051).
//!
//! Mutating methods take the request of the contract; an empty `request_id` in it is filled in. Keep
//! one of your own to repeat the very same call after a crash. The id that raises an alert is also the
//! last part of its name.
//!
//! ```no_run
//! # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
//! for alert in client.alerts().list(&Default::default()).await?.alerts {
//!     println!("{}", alert.name);
//! }
//! # Ok(())
//! # }
//! ```

mod alerts;
mod draft;
pub mod file;
mod rules;

pub use alerts::Alerts;
pub use draft::AlertDraft;
pub use rules::{
    ASKS_MAX, AlertRule, Broken, DOCUMENTS_MAX, PERIOD_YEARS_MAX, check, looks_like_an_account,
};

/// Full name of an agency, from its id or its full name.
fn agency_name(text: &str) -> String {
    if text.contains('/') {
        text.to_owned()
    } else {
        format!("agencies/{text}")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use prost::Message as _;
    use prost_types::FileDescriptorSet;

    /// Every method of the service is called by its path in this module, and no other: a new RPC
    /// without a method here turns this red.
    #[test]
    fn every_rpc_has_a_method() {
        let set = FileDescriptorSet::decode(hub_proto::DESCRIPTORS).unwrap();
        let services = set
            .file
            .iter()
            .filter(|file| file.package() == "hub.funds.v1")
            .flat_map(|file| &file.service);
        for service in services {
            assert_eq!(service.name(), "AlertService");
            let called: BTreeSet<&str> = include_str!("funds/alerts.rs")
                .split("path!(\"")
                .skip(1)
                .filter_map(|rest| rest.split('"').next())
                .collect();
            let there: BTreeSet<&str> = service.method.iter().map(|one| one.name()).collect();
            assert_eq!(called, there);
        }
    }
}
