//! What is outstanding: signatures, replies, acknowledgements.

use hub_core::names::{LogName, Recipient};
use hub_proto::channels::{ListOutstandingActionsRequest, ListOutstandingActionsResponse};

use super::{PAGE_DEFAULT, PAGE_MAX, lookup};
use crate::{
    authz::Access,
    domain::channels::asks,
    error::{Error, Result},
    wire::{Services, page, parse, reads::shown::Shown},
};

impl Services {
    pub(super) fn outstanding(
        &self,
        access: &Access,
        request: &ListOutstandingActionsRequest,
    ) -> Result<(ListOutstandingActionsResponse, Shown)> {
        let board = board(access, &request.parent)?;
        let size = page::size(request.page_size, PAGE_DEFAULT, PAGE_MAX)?;
        // One instant for the whole page: what is listed as overdue is shown as overdue.
        let now = self.engine.clock().now();
        let due_by = request.overdue_only.then_some(now);
        let list = format!("{board}?outstanding={}", request.overdue_only);
        let after = page::bytes(&request.page_token, access.agency(), &list)?;
        let store = self.engine.store();
        let mut found = asks::page(
            store,
            &board,
            after.as_deref(),
            due_by,
            size.saturating_add(1),
        )?;
        let has_more = found.len() > size;
        found.truncate(size);
        let next_page_token = match found.last() {
            Some((standing, _)) if has_more => page::token_bytes(access.agency(), &list, standing),
            _ => String::new(),
        };
        let mut outstanding_actions = Vec::with_capacity(found.len());
        let mut reads = Shown::default();
        for (_, one) in &found {
            let read = lookup::read(&self.engine, one.place)?;
            let read =
                read.ok_or_else(|| Error::internal("an outstanding notification is missing"))?;
            reads.seen(&self.engine, access, read.read())?;
            outstanding_actions.push(lookup::outstanding(now, &read, one));
        }
        let page = ListOutstandingActionsResponse {
            outstanding_actions,
            next_page_token,
        };
        Ok((page, reads))
    }
}

/// The board that a parent names, if the caller may see it.
fn board(access: &Access, parent: &str) -> Result<String> {
    let not_found = || Error::not_found(parent);
    if let Ok(recipient) = parent.parse::<Recipient>() {
        access
            .read_log(&LogName::Inbox(recipient.clone()))
            .map_err(|_| not_found())?;
        return Ok(recipient.to_string());
    }
    match parse::<LogName>("parent", parent)? {
        LogName::Sent(agency) => {
            access
                .read_log(&LogName::Sent(agency.clone()))
                .map_err(|_| not_found())?;
            Ok(asks::sent_board(agency.as_str()))
        }
        LogName::Channel(channel) if access.sees_all_of(&channel) => {
            Ok(asks::channel_board(&channel))
        }
        _ => Err(not_found()),
    }
}
