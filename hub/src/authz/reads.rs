//! Who may read restricted notifications, under which role, and who may list who did.

use hub_core::names::{AgencyId, LogName, Recipient};

use super::{Access, Permit};
use crate::{
    charter::Action,
    error::{Error, Result},
};

/// Whose accesses a caller may list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audited {
    /// Those of every agency, as far as the body above the mechanisms may know of them.
    All,
    /// Those by its own officers and to its own records.
    Own(AgencyId),
}

impl Access {
    /// A permit that names the role under which the caller reads an addressed notification that it has
    /// been found to see: as its author's agency, as an addressee, or else by what an answer tells of it,
    /// such as the documents of a meeting or an entry of the ledger.
    ///
    /// # Errors
    /// [`hub_core::reason::Reason::PermissionDenied`] when no role in force is for reading.
    pub fn read_addressed(&self, author: &AgencyId, recipients: &[Recipient]) -> Result<Permit> {
        if author == self.agency()
            && let Ok(permit) = self.permit(self.reads_sent_by())
        {
            return Ok(permit);
        }
        let inboxes = recipients.iter().cloned().map(LogName::Inbox);
        let mut inboxes = inboxes.filter_map(|log| self.read_log(&log).ok());
        if let Some(permit) = inboxes.next() {
            return Ok(permit);
        }
        let others = [
            Action::MeetingsRead,
            Action::MeetingsConvene,
            Action::LedgerProve,
        ];
        let mut others = others.into_iter().filter_map(|one| self.permit(one).ok());
        others
            .next()
            .map_or_else(|| self.permit(Action::InboxRead), Ok)
    }

    /// Whose accesses the caller may list. `parent` is `agencies/{agency}`, `agencies/-` for all, or empty
    /// for the most that the caller may.
    ///
    /// # Errors
    /// [`hub_core::reason::Reason::PermissionDenied`] when no role in force audits accesses, or not those
    /// that are asked for; another agency's are NOT_FOUND, whether there is such an agency or not.
    pub fn audit_accesses(&self, parent: &str) -> Result<Audited> {
        let all = self.permit(Action::AccessesAudit).map(|_| Audited::All);
        let own = self.permit(Action::AccessesAuditOwn);
        let own = own.map(|permit| Audited::Own(permit.agency().clone()));
        if all.is_err() && own.is_err() {
            return own;
        }
        match parent.strip_prefix("agencies/") {
            None if parent.is_empty() => all.or(own),
            Some("-") => all,
            Some(id) if id == self.agency().as_str() => own,
            _ => Err(Error::not_found(parent)),
        }
    }
}
