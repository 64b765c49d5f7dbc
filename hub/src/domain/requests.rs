//! Information requests between units, with a legal basis and working-day deadlines (Order 809, FS-053).

use hub_proto::requests::RequestsEvent;

use super::{Context, Decision, EntryMeta};
use crate::{authz::Permit, error::Result, state::view::Overlay};

/// A typed request of this capability.
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// Applies an event to rows.
///
/// # Errors
/// Only when storage fails or holds a damaged row.
pub fn apply(
    _rows: &mut Overlay<'_>,
    _entry: &EntryMeta<'_>,
    _event: &RequestsEvent,
) -> Result<()> {
    Ok(())
}
