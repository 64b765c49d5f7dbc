//! Reads of state. `decide` sees the stored rows with those of the unfinished batch laid over them;
//! `apply` writes into the same overlay.

use std::{collections::BTreeMap, ops::Bound};

use bytes::{Bytes, BytesMut};
use prost::Message;

use super::{
    merge::lay_over,
    store::{Direction, Row, RowBatch, Store, StoreError},
};
use crate::error::{self, Error, Result};

/// Rows that can be read.
pub trait View {
    /// One row.
    ///
    /// # Errors
    /// When storage fails.
    fn row(&self, key: &[u8]) -> Result<Option<Bytes>>;

    /// Up to `limit` rows in `from..to`.
    ///
    /// # Errors
    /// When storage fails.
    fn scan(&self, from: &[u8], to: &[u8], direction: Direction, limit: usize) -> Result<Vec<Row>>;
}

/// Reads of typed rows.
pub trait ViewExt: View {
    /// One row as a message.
    ///
    /// # Errors
    /// When storage fails or the row is no such message.
    fn message<M: Message + Default>(&self, key: &[u8]) -> Result<Option<M>> {
        self.row(key)?.map(decode).transpose()
    }
}

impl<V: View + ?Sized> ViewExt for V {}

/// Reads a row's message.
///
/// # Errors
/// When the bytes are none: the index is damaged.
pub fn decode<M: Message + Default>(value: Bytes) -> Result<M> {
    M::decode(value).map_err(|error| Error::internal(format!("a state row is damaged: {error}")))
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let context = error::chain(&error);
        match error {
            // It has failed for good, whether this was the first to notice or not.
            StoreError::Index(_) => Self {
                context: Some(context),
                ..Self::storage_failed()
            },
            _ => Self::internal(context),
        }
    }
}

impl<S: Store + ?Sized> View for S {
    fn row(&self, key: &[u8]) -> Result<Option<Bytes>> {
        Ok(Store::row(self, key)?)
    }

    fn scan(&self, from: &[u8], to: &[u8], direction: Direction, limit: usize) -> Result<Vec<Row>> {
        Ok(Store::scan(self, from, to, direction, limit)?)
    }
}

/// Stored rows with changes laid over them.
#[derive(Debug)]
pub struct Overlay<'a> {
    store: &'a dyn Store,
    changes: RowBatch,
}

impl<'a> Overlay<'a> {
    /// No changes yet.
    #[must_use]
    pub fn new(store: &'a dyn Store) -> Self {
        Self {
            store,
            changes: BTreeMap::new(),
        }
    }

    /// Writes a row.
    pub fn put(&mut self, key: Vec<u8>, value: impl Into<Bytes>) {
        self.changes.insert(key, Some(value.into()));
    }

    /// Writes more at the end of a row, or a row if there is none. A row that was written here before
    /// grows in place.
    ///
    /// # Errors
    /// When storage fails.
    pub fn append(&mut self, key: Vec<u8>, more: &[u8]) -> Result<()> {
        let before = match self.changes.get_mut(&key) {
            Some(change) => change.take(),
            None => View::row(self.store, &key)?,
        };
        let mut value = match before {
            Some(value) => value
                .try_into_mut()
                .unwrap_or_else(|value| BytesMut::from(&*value)),
            None => BytesMut::new(),
        };
        value.extend_from_slice(more);
        self.put(key, value);
        Ok(())
    }

    /// Removes a row.
    pub fn remove(&mut self, key: Vec<u8>) {
        self.changes.insert(key, None);
    }

    /// Writes a row's message.
    pub fn put_message(&mut self, key: Vec<u8>, value: &impl Message) {
        self.put(key, value.encode_to_vec());
    }

    /// Takes the changes out.
    #[must_use]
    pub fn take_changes(&mut self) -> RowBatch {
        std::mem::take(&mut self.changes)
    }
}

impl View for Overlay<'_> {
    fn row(&self, key: &[u8]) -> Result<Option<Bytes>> {
        match self.changes.get(key) {
            Some(change) => Ok(change.clone()),
            None => View::row(self.store, key),
        }
    }

    fn scan(&self, from: &[u8], to: &[u8], direction: Direction, limit: usize) -> Result<Vec<Row>> {
        let bounds = (Bound::Included(from), Bound::Excluded(to));
        let changed = self.changes.range::<[u8], _>(bounds);
        // Each change can hide at most one stored row, so this many stored rows are enough.
        let enough = limit.saturating_add(changed.clone().count());
        let changed = changed.map(|(key, change)| (Bytes::copy_from_slice(key), change.clone()));
        let stored = View::scan(self.store, from, to, direction, enough)?;
        let stored = stored.into_iter().map(Ok);
        match direction {
            Direction::Forward => lay_over(stored, changed, direction, limit),
            Direction::Backward => lay_over(stored, changed.rev(), direction, limit),
        }
    }
}
