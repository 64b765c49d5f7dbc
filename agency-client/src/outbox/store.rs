//! The outbox on the disk.

use std::path::{Path, PathBuf};

use tokio::sync::Notify;

use super::{
    Counts, Enqueued, Item, ListItems, OutboxError, OutboxOptions, Outgoing, Pruned, Result, Ticket,
};

#[derive(Debug)]
pub(crate) struct Store {
    folder: PathBuf,
    options: OutboxOptions,
    changed: Notify,
}

impl Store {
    pub(crate) fn open(folder: &Path, options: OutboxOptions) -> Result<Self> {
        Ok(Self {
            folder: folder.to_owned(),
            options,
            changed: Notify::new(),
        })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn options(&self) -> &OutboxOptions {
        &self.options
    }

    pub(crate) fn changed(&self) -> &Notify {
        &self.changed
    }

    fn unfinished<T>(&self) -> Result<T> {
        Err(OutboxError::Storage {
            path: self.folder.clone(),
            detail: "this part is being written".into(),
        })
    }

    pub(crate) fn enqueue(&self, _items: &[(String, Outgoing)]) -> Result<Vec<Enqueued>> {
        self.unfinished()
    }

    pub(crate) fn get(&self, _ticket: Ticket) -> Result<Item> {
        self.unfinished()
    }

    pub(crate) fn find(&self, _key: &str) -> Result<Option<Item>> {
        self.unfinished()
    }

    pub(crate) fn list(&self, _request: &ListItems) -> Result<Vec<Item>> {
        self.unfinished()
    }

    pub(crate) fn counts(&self) -> Result<Counts> {
        self.unfinished()
    }

    pub(crate) fn retry(&self, _ticket: Ticket) -> Result<()> {
        self.unfinished()
    }

    pub(crate) fn discard(&self, _ticket: Ticket) -> Result<()> {
        self.unfinished()
    }

    pub(crate) fn prune(&self) -> Result<Pruned> {
        self.unfinished()
    }
}
