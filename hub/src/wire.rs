//! The edge: gRPC services that parse, ask `authz` for access, hand a typed command to the engine
//! and write the answer. No rule of the domain lives here.

pub mod attachments;
pub mod audit;
pub mod channels;
pub mod funds;
pub mod ledger;
pub mod meetings;
pub mod members;
pub mod observe;
pub mod page;
pub mod reads;
pub mod referrals;
pub mod requests;
pub mod rpc;
pub mod status;
pub mod streams;
pub mod under_way;

use std::sync::Arc;

use hub_core::names::RequestId;
use tokio::sync::watch;
use tonic::Request;

use crate::{
    attachments::Attachments,
    authz::{Access, Permit},
    domain::Command,
    engine::{Engine, Submission, recorded::Recorded},
    error::{Error, Result},
    identity::{Authored, Caller, Identity},
    metrics::Metrics,
    search::Search,
    tls::TlsReloader,
};

use self::streams::Streams;

/// What every service works with.
#[derive(Debug, Clone)]
pub struct Services {
    /// The engine.
    pub engine: Arc<Engine>,
    /// Checks callers; streams watch through it.
    pub identity: Arc<Identity>,
    /// Verifies certificates that are to be enrolled.
    pub tls: Arc<TlsReloader>,
    /// Trust domain of node certificates.
    pub trust_domain: Arc<str>,
    /// Finds notifications by what they are about.
    pub search: Arc<Search>,
    /// Counts open streams.
    pub streams: Arc<Streams>,
    /// Files that go with notifications.
    pub attachments: Arc<Attachments>,
    /// Counts downloads.
    pub downloads: Arc<Streams>,
    /// Instruments, for what only a service can count.
    pub metrics: Arc<Metrics>,
    /// Turns true when the hub drains.
    pub draining: watch::Receiver<bool>,
}

impl Services {
    /// The caller as of now, whether or not a role is in force. The identity layer has put the caller
    /// there; without it nothing runs.
    fn who<T>(&self, request: &Request<T>) -> Result<Access> {
        let caller = request.extensions().get::<Arc<Caller>>();
        let caller =
            caller.ok_or_else(|| Error::internal("a handler was reached without a caller"))?;
        let roster = self.engine.roster().load_full();
        Ok(Access::new(
            roster,
            Arc::clone(caller),
            self.engine.clock().now(),
        ))
    }

    /// The caller as of now, under at least one role in force: a former liaison is told that the
    /// role has ended, not that everything has vanished.
    fn access<T>(&self, request: &Request<T>) -> Result<Access> {
        let access = self.who(request)?;
        access.check_some_role()?;
        Ok(access)
    }

    /// Records a command for a caller.
    async fn record(
        &self,
        call: Call,
        permit: Permit,
        request_ids: Vec<RequestId>,
        command: impl Into<Command>,
    ) -> Result<Arc<Recorded>> {
        // The identity layer looked before the body came, which may have taken half a minute.
        let now = self.engine.clock().now();
        self.identity.check_caller(&call.caller, now)?;
        let submission = Submission {
            permit,
            peer: Some(Arc::clone(&call.caller.peer)),
            authored: Some(call.authored),
            method: call.method,
            request_ids,
            command: command.into(),
        };
        self.engine.submit(submission).await
    }
}

/// Who calls what, and with which signature.
#[derive(Debug)]
struct Call {
    method: &'static str,
    caller: Arc<Caller>,
    authored: Arc<Authored>,
}

impl Call {
    /// The author layer has put the signature there; a mutating handler does not run without it.
    fn of<T>(method: &'static str, request: &Request<T>) -> Result<Self> {
        let extensions = request.extensions();
        let missing = || Error::internal("a mutating handler was reached without an author");
        Ok(Self {
            method,
            caller: extensions
                .get::<Arc<Caller>>()
                .cloned()
                .ok_or_else(missing)?,
            authored: extensions
                .get::<Arc<Authored>>()
                .cloned()
                .ok_or_else(missing)?,
        })
    }
}

/// Reads a field's text into its type.
fn parse<T: std::str::FromStr>(field: &str, text: &str) -> Result<T>
where
    T::Err: std::fmt::Display,
{
    text.parse()
        .map_err(|rule: T::Err| Error::field(field, rule.to_string()))
}

/// Reads the part of a resource name after its collection.
fn parse_name<T: std::str::FromStr>(field: &str, collection: &str, name: &str) -> Result<T> {
    name.strip_prefix(collection)
        .and_then(|rest| rest.strip_prefix('/'))
        .and_then(|id| id.parse().ok())
        .ok_or_else(|| Error::field(field, format!("must be {collection}/{{id}}")))
}

/// A text of 1 to so many characters without control characters.
fn required_text(field: &str, text: &str, characters_max: usize) -> Result<String> {
    let count = text.chars().count();
    if text.trim().is_empty() || count > characters_max || text.chars().any(char::is_control) {
        let rule = format!("must be 1 to {characters_max} characters without control characters");
        return Err(Error::field(field, rule));
    }
    Ok(text.to_owned())
}
