//! `hub rebuild`: makes the state index anew from the ledger.
//!
//! Invariant: the ledger is only read, and repaired as at every start. The old index is set aside,
//! not deleted; an index set aside earlier makes room for it.

use std::{fs, path::PathBuf, sync::Arc};

use anyhow::{Context as _, ensure};
use jiff::Timestamp;

use crate::{
    clock::{Clock as _, SystemClock},
    config::Config,
    engine::replay,
    ledger::{DataLock, LEDGER_DIR},
    search, server,
    state::{
        embedded::{EmbeddedOptions, EmbeddedStore, STATE_DIR, inspect},
        store::Store as _,
    },
};

/// Where the old index is put.
pub const ASIDE_DIR: &str = "state.aside";

/// What a rebuild did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebuilt {
    /// Entries that were applied.
    pub entries: u64,
    /// Rows that came of them.
    pub rows: u64,
    /// Where the old index is; nothing when there was none.
    pub aside: Option<PathBuf>,
    /// Whether there was a search index, which was deleted; the next start makes it anew.
    pub has_search: bool,
}

/// Rebuilds the state index of a configuration's data folder.
///
/// # Errors
/// When a hub has the folder, the ledger is damaged, or the disk refuses. The old index is in
/// [`ASIDE_DIR`] then, and starting the hub makes a new one.
pub fn rebuild(config: &Config) -> anyhow::Result<Rebuilt> {
    let dir = &config.data_dir;
    ensure!(
        dir.join(LEDGER_DIR).is_dir(),
        "{}: holds no ledger; check data_dir in the settings",
        dir.display()
    );
    let key = Arc::new(server::ledger_key(config)?);
    let aside = set_aside(config)?;
    // Nothing of it is worth keeping: the next start makes it anew from the same ledger.
    let has_search = search::delete(dir).with_context(|| dir.display().to_string())?;
    let (store, _) = EmbeddedStore::open(EmbeddedOptions {
        dir: dir.clone(),
        origin: config.ledger.origin.clone(),
        key,
    })?;
    let entries = replay::catch_up(&store)
        .map_err(|error| anyhow::anyhow!(error.context.unwrap_or(error.message)))?;
    let now: Timestamp = SystemClock.now();
    store.close(now)?;
    drop(store);
    let rows = verify(config, entries)?;
    Ok(Rebuilt {
        entries,
        rows,
        aside,
        has_search,
    })
}

fn set_aside(config: &Config) -> anyhow::Result<Option<PathBuf>> {
    let _lock = DataLock::acquire(&config.data_dir).context("stop the hub first")?;
    let state = config.data_dir.join(STATE_DIR);
    let aside = config.data_dir.join(ASIDE_DIR);
    if !state.exists() {
        return Ok(None);
    }
    if aside.exists() {
        fs::remove_dir_all(&aside).with_context(|| aside.display().to_string())?;
    }
    fs::rename(&state, &aside).with_context(|| state.display().to_string())?;
    Ok(Some(aside))
}

/// Reads the new index from disk once more and holds it against its digest.
fn verify(config: &Config, entries: u64) -> anyhow::Result<u64> {
    let _lock = DataLock::acquire(&config.data_dir)?;
    let state = inspect::inspect(&config.data_dir)?;
    state.check_digest().map_err(anyhow::Error::msg)?;
    ensure!(
        state.applied() == entries,
        "the new index has {} entries on disk, not {entries}; run `hub rebuild` again",
        state.applied()
    );
    Ok(state.rows_count())
}
