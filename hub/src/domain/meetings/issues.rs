//! To be written.

use hub_proto::meetings::meetings_event::Kind;

use crate::{
    authz::Permit,
    domain::{Context, Decision, EntryMeta},
    error::Result,
    state::view::Overlay,
};

/// A change.
#[derive(Debug, Clone)]
pub enum Command {}

/// Decides a command.
///
/// # Errors
/// When a rule refuses it.
pub fn decide(
    _context: &Context<'_>,
    _view: &Overlay<'_>,
    _permit: &Permit,
    command: &Command,
) -> Result<Decision> {
    match *command {}
}

/// Applies an event.
///
/// # Errors
/// When storage fails.
pub fn apply(_rows: &mut Overlay<'_>, _entry: &EntryMeta<'_>, _kind: &Kind) -> Result<()> {
    Ok(())
}
