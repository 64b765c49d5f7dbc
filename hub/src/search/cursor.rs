//! Places that have everything that is asked, found by leaps.
//!
//! Every filter is a list of places in order, read in pieces by a range of an index. The lists are
//! led to the same place in turn, each leaping to where another one stands, so what is read is in
//! proportion to the shorter lists and to the page. What the caller may see is one of the lists: a
//! place outside it never comes up.

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rusqlite::{Connection, Params, params};

use super::{
    index::{Fault, FaultKind, Place, Term},
    posting,
};

/// Places that a list reads at first, and after a piece that was hardly of use.
const PIECE_MIN: usize = 16;

/// Most places that a list reads at a time; pieces grow to this while they are of use.
const PIECE_MAX: usize = 1_024;

/// A piece was of use when one in so many of its places was looked at.
const USE_SHARE: usize = 4;

/// Pieces that one search may read. More is no page but a walk through the ledger.
pub const PIECES_MAX: u32 = 20_000;

/// The statements beside those of terms, each a range of one index in its order.
pub(super) const STATEMENTS: [&str; 4] = [
    "SELECT place FROM request WHERE id = ?1 AND place <= ?2 ORDER BY place DESC LIMIT ?3",
    "SELECT place FROM request WHERE id = ?1 AND place >= ?2 ORDER BY place LIMIT ?3",
    "SELECT rowid FROM title WHERE title MATCH ?1 AND rowid <= ?2 ORDER BY rowid DESC LIMIT ?3",
    "SELECT rowid FROM title WHERE title MATCH ?1 AND rowid >= ?2 ORDER BY rowid LIMIT ?3",
];

/// Which way a search goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    NewestFirst,
    OldestFirst,
}

impl Order {
    /// A number that grows the way the search goes.
    fn key(self, place: Place) -> i64 {
        match self {
            Self::NewestFirst => place.0.saturating_neg(),
            Self::OldestFirst => place.0,
        }
    }

    fn place(self, key: i64) -> Place {
        match self {
            Self::NewestFirst => Place(key.saturating_neg()),
            Self::OldestFirst => Place(key),
        }
    }
}

/// What a search may still read.
#[derive(Debug)]
pub(super) struct Effort {
    pieces: Cell<u32>,
    is_over: Arc<AtomicBool>,
}

impl Effort {
    pub(super) fn new(pieces: u32, is_over: Arc<AtomicBool>) -> Self {
        Self {
            pieces: Cell::new(pieces),
            is_over,
        }
    }

    fn spend(&self) -> Result<(), Fault> {
        let left = self.pieces.get().checked_sub(1);
        match left.filter(|_| !self.is_over.load(Ordering::Relaxed)) {
            Some(left) => {
                self.pieces.set(left);
                Ok(())
            }
            None => Err(Fault::interrupted()),
        }
    }
}

/// What a list is of.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// Places of a term.
    Term(Term),
    /// Places of a request id.
    Request([u8; 16]),
    /// Places whose title matches a query.
    Title(String),
}

/// One list.
#[derive(Debug)]
struct List {
    source: Source,
    order: Order,
    /// Keys that were read and not passed yet, from `at` on.
    keys: Vec<i64>,
    at: usize,
    piece: usize,
    /// How often something was looked for in this piece.
    looked: usize,
    is_read_out: bool,
}

impl List {
    fn new(source: Source, order: Order) -> Self {
        Self {
            source,
            order,
            keys: vec![],
            at: 0,
            piece: PIECE_MIN,
            looked: 0,
            is_read_out: false,
        }
    }

    /// The first key of the list that is not less than `key`. Keys asked for never go back.
    fn seek(
        &mut self,
        connection: &Connection,
        effort: &Effort,
        key: i64,
    ) -> Result<Option<i64>, Fault> {
        let ahead = self.keys.get(self.at..).unwrap_or_default();
        self.at = self
            .at
            .saturating_add(ahead.partition_point(|one| *one < key));
        if self.at >= self.keys.len() && !self.is_read_out {
            self.piece = if self.looked >= self.piece / USE_SHARE {
                self.piece.saturating_mul(4).min(PIECE_MAX)
            } else {
                PIECE_MIN
            };
            self.looked = 0;
            self.read(connection, effort, key)?;
        }
        self.looked = self.looked.saturating_add(1);
        Ok(self.keys.get(self.at).copied())
    }

    fn read(&mut self, connection: &Connection, effort: &Effort, key: i64) -> Result<(), Fault> {
        effort.spend()?;
        self.keys.clear();
        self.at = 0;
        let is_back = self.order == Order::NewestFirst;
        let from = self.order.place(key).0;
        let [requests_back, requests_on, titles_back, titles_on] = STATEMENTS;
        match &self.source {
            Source::Term(term) => {
                let term = term.id();
                self.read_runs(connection, params![term, from], key)?;
            }
            Source::Request(id) => {
                let statement = if is_back { requests_back } else { requests_on };
                let id = *id;
                self.read_places(connection, statement, params![id, from, self.count()])?;
            }
            Source::Title(query) => {
                let statement = if is_back { titles_back } else { titles_on };
                let query = query.clone();
                self.read_places(connection, statement, params![query, from, self.count()])?;
            }
        }
        self.is_read_out = self.keys.len() < self.piece;
        Ok(())
    }

    fn count(&self) -> i64 {
        i64::try_from(self.piece).unwrap_or(i64::MAX)
    }

    /// Reads rows of one place each.
    fn read_places(
        &mut self,
        connection: &Connection,
        statement: &str,
        parameters: impl Params,
    ) -> Result<(), Fault> {
        let mut statement = connection.prepare_cached(statement)?;
        let mut rows = statement.query(parameters)?;
        while let Some(row) = rows.next()? {
            self.keys.push(self.order.key(Place(row.get(0)?)));
        }
        Ok(())
    }

    /// Reads rows of many places each, until there are enough.
    fn read_runs(
        &mut self,
        connection: &Connection,
        parameters: impl Params,
        key: i64,
    ) -> Result<(), Fault> {
        let [back, on] = posting::STATEMENTS;
        let is_back = self.order == Order::NewestFirst;
        let mut statement = connection.prepare_cached(if is_back { back } else { on })?;
        let mut rows = statement.query(parameters)?;
        while self.keys.len() < self.piece
            && let Some(row) = rows.next()?
        {
            let rest = row
                .get_ref(1)?
                .as_blob()
                .map_err(|error| Fault::unfit(error.to_string()))?;
            let mut run = posting::decode(row.get(0)?, rest)?;
            if is_back {
                run.reverse();
            }
            let keys = run.into_iter().map(|place| self.order.key(Place(place)));
            self.keys.extend(keys.filter(|one| *one >= key));
        }
        Ok(())
    }
}

/// Places that are in one of several lists.
#[derive(Debug)]
struct Any(Vec<List>);

impl Any {
    fn seek(
        &mut self,
        connection: &Connection,
        effort: &Effort,
        key: i64,
    ) -> Result<Option<i64>, Fault> {
        let mut least = None;
        for list in &mut self.0 {
            if let Some(found) = list.seek(connection, effort, key)? {
                least = Some(least.map_or(found, |least: i64| least.min(found)));
            }
        }
        Ok(least)
    }
}

/// Places that are in one list of each group, in order.
#[derive(Debug)]
pub(super) struct Places {
    groups: Vec<Any>,
    order: Order,
    next: i64,
    last: i64,
}

impl Places {
    /// `between` are the first and the last place looked at, both included.
    pub(super) fn new(
        groups: Vec<Vec<Source>>,
        order: Order,
        (least, greatest): (Place, Place),
    ) -> Self {
        let lists = |sources: Vec<Source>| {
            Any(sources
                .into_iter()
                .map(|source| List::new(source, order))
                .collect())
        };
        let (a, b) = (order.key(least), order.key(greatest));
        Self {
            groups: groups.into_iter().map(lists).collect(),
            order,
            next: a.min(b),
            last: if least > greatest { i64::MIN } else { a.max(b) },
        }
    }

    /// The next place.
    pub(super) fn next(
        &mut self,
        connection: &Connection,
        effort: &Effort,
    ) -> Result<Option<Place>, Fault> {
        let mut key = self.next;
        let mut agreed = 0;
        while agreed < self.groups.len() {
            agreed = 0;
            for group in &mut self.groups {
                if key > self.last {
                    return Ok(None);
                }
                match group.seek(connection, effort, key)? {
                    None => {
                        self.next = i64::MAX;
                        self.last = i64::MIN;
                        return Ok(None);
                    }
                    Some(found) if found == key => agreed += 1,
                    // The others have to look again.
                    Some(found) => key = found,
                }
            }
        }
        if key > self.last || self.groups.is_empty() {
            return Ok(None);
        }
        self.next = key.saturating_add(1);
        Ok(Some(self.order.place(key)))
    }
}

impl Fault {
    fn interrupted() -> Self {
        Self::of_kind("it read more than one search may", FaultKind::Interrupted)
    }
}
