//! Places of a term, many to a row.
//!
//! A row has up to [`RUN_PLACES`] places of one term in order: the first as its key, then the
//! distances from one to the next as varints. Rows of a term do not overlap. New places come at the
//! end, so a transaction changes the last row of each term that it names and adds rows behind it,
//! however many notifications are in it.

use std::collections::HashMap;

use prost::encoding::{decode_varint, encode_varint};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::index::{Fault, Place, Term};

/// Places of a row.
pub(super) const RUN_PLACES: usize = 128;

/// The rows of a term, the last before a place first, and on from the one that may hold a place.
pub(super) const STATEMENTS: [&str; 2] = [
    "SELECT first, rest FROM posting WHERE term = ?1 AND first <= ?2 ORDER BY first DESC",
    "SELECT first, rest FROM posting WHERE term = ?1 AND first >= coalesce(
         (SELECT max(first) FROM posting WHERE term = ?1 AND first <= ?2), ?2) ORDER BY first",
];

/// The places of a row.
pub(super) fn decode(first: i64, mut rest: &[u8]) -> Result<Vec<i64>, Fault> {
    let mut last = first;
    let mut places = vec![first];
    while !rest.is_empty() {
        let distance = decode_varint(&mut rest).ok();
        let distance = distance.and_then(|distance| i64::try_from(distance).ok());
        let next = distance.and_then(|distance| last.checked_add(distance));
        last = next
            .filter(|next| *next > last)
            .ok_or_else(|| Fault::unfit("a row of places is damaged"))?;
        places.push(last);
    }
    Ok(places)
}

/// What stands behind the first place of a row.
fn encode(places: &[i64]) -> Vec<u8> {
    let mut rest = Vec::with_capacity(places.len().saturating_mul(3));
    for pair in places.windows(2) {
        if let [a, b] = pair {
            encode_varint(b.saturating_sub(*a).unsigned_abs(), &mut rest);
        }
    }
    rest
}

/// New places that are not in the file yet, by term.
#[derive(Debug, Default)]
pub(super) struct Postings(HashMap<Term, Vec<i64>>);

impl Postings {
    /// Takes note of a place.
    pub(super) fn add(&mut self, term: Term, place: Place) {
        self.0.entry(term).or_default().push(place.0);
    }

    /// Writes what was noted.
    pub(super) fn flush(&mut self, connection: &Connection) -> Result<(), Fault> {
        for (term, mut places) in self.0.drain() {
            places.sort_unstable();
            places.dedup();
            append(connection, term, &places)?;
        }
        Ok(())
    }
}

/// Adds places in order, at the end where they belong there.
fn append(connection: &Connection, term: Term, places: &[i64]) -> Result<(), Fault> {
    let Some((least, greatest)) = places.first().zip(places.last()) else {
        return Ok(());
    };
    let run = match run_of(connection, term, *greatest)? {
        Some(run) if run.last().is_some_and(|last| last >= least) => {
            // Not new places only: each goes where it belongs.
            return places
                .iter()
                .try_for_each(|place| put(connection, term, Place(*place)));
        }
        Some(run) => run,
        None => vec![],
    };
    let room = match run.len() {
        0 => 0,
        taken => RUN_PLACES.saturating_sub(taken).min(places.len()),
    };
    let (into_last, behind) = places.split_at(room);
    if !into_last.is_empty() {
        write(connection, term, &[&run, into_last].concat())?;
    }
    for run in behind.chunks(RUN_PLACES) {
        write(connection, term, run)?;
    }
    Ok(())
}

/// Adds a place wherever it belongs.
pub(super) fn put(connection: &Connection, term: Term, place: Place) -> Result<(), Fault> {
    let mut run = run_of(connection, term, place.0)?.unwrap_or_default();
    let Err(at) = run.binary_search(&place.0) else {
        return Ok(());
    };
    run.insert(at, place.0);
    let half = if run.len() > RUN_PLACES && at + 1 < run.len() {
        run.len().div_ceil(2)
    } else {
        RUN_PLACES
    };
    run.chunks(half)
        .try_for_each(|run| write(connection, term, run))
}

/// Takes a place out.
pub(super) fn take(connection: &Connection, term: Term, place: Place) -> Result<(), Fault> {
    let Some(mut run) = run_of(connection, term, place.0)? else {
        return Ok(());
    };
    let Ok(at) = run.binary_search(&place.0) else {
        return Ok(());
    };
    run.remove(at);
    if at == 0 {
        connection
            .prepare_cached("DELETE FROM posting WHERE term = ?1 AND first = ?2")?
            .execute(params![term.id(), place.0])?;
    }
    write(connection, term, &run)
}

/// The row that a place is in, if it is there: the last that begins no later.
fn run_of(connection: &Connection, term: Term, place: i64) -> Result<Option<Vec<i64>>, Fault> {
    let [back, _] = STATEMENTS;
    let mut back = connection.prepare_cached(back)?;
    let row = back
        .query_row(params![term.id(), place], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
        })
        .optional()?;
    row.map(|(first, rest)| decode(first, &rest)).transpose()
}

fn write(connection: &Connection, term: Term, run: &[i64]) -> Result<(), Fault> {
    if let Some(first) = run.first() {
        connection
            .prepare_cached("INSERT OR REPLACE INTO posting VALUES (?1, ?2, ?3)")?
            .execute(params![term.id(), first, encode(run)])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::search::index;

    fn rows(connection: &Connection, term: Term) -> Vec<Vec<i64>> {
        let mut rows = connection
            .prepare("SELECT first, rest FROM posting WHERE term = ?1 ORDER BY first")
            .unwrap();
        let rows = rows
            .query_map(params![term.id()], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap();
        rows.map(|row: rusqlite::Result<(i64, Vec<u8>)>| {
            let (first, rest) = row.unwrap();
            decode(first, &rest).unwrap()
        })
        .collect()
    }

    fn all(connection: &Connection, term: Term) -> Vec<i64> {
        rows(connection, term).concat()
    }

    #[test]
    fn how_places_are_cut_into_transactions_does_not_matter() {
        let dir = tempfile::tempdir().unwrap();
        let connection = index::open_writer(dir.path()).unwrap();
        let places: Vec<i64> = (0..1_000_i64).map(|n| n * n * 65_536 + n % 3).collect();
        let terms = [1, 7, 127, 128, 129, 500, 1_000];
        for size in terms {
            let term = Term::author(&size.to_string());
            for part in places.chunks(size) {
                let mut postings = Postings::default();
                for place in part {
                    postings.add(term, Place(*place));
                }
                postings.flush(&connection).unwrap();
            }
            assert_eq!(all(&connection, term), places, "{size} at a time");
        }
        let runs: Vec<_> = terms
            .map(|size| rows(&connection, Term::author(&size.to_string())))
            .into();
        assert!(runs.iter().all(|one| *one == runs[0]));
        assert_eq!(runs[0].len(), places.len().div_ceil(RUN_PLACES));
    }

    /// Against a set, with places that come in any order, twice, and go again.
    #[test]
    fn rows_hold_what_a_set_holds() {
        let dir = tempfile::tempdir().unwrap();
        let connection = index::open_writer(dir.path()).unwrap();
        let transaction = connection.unchecked_transaction().unwrap();
        let term = Term::category("c");
        let mut set = BTreeSet::new();
        let mut number: u64 = 1;
        let mut draw = |below: u64| {
            number ^= number << 13;
            number ^= number >> 7;
            number ^= number << 17;
            i64::try_from(number % below).unwrap()
        };
        for step in 0..6_000 {
            let place = draw(1_500) * 70_000;
            match draw(5) {
                0 | 1 => {
                    take(&transaction, term, Place(place)).unwrap();
                    set.remove(&place);
                }
                2 => {
                    let mut postings = Postings::default();
                    for next in 0..draw(300) {
                        let place = place + next * draw(3);
                        postings.add(term, Place(place));
                        set.insert(place);
                    }
                    postings.flush(&transaction).unwrap();
                }
                _ => {
                    put(&transaction, term, Place(place)).unwrap();
                    set.insert(place);
                }
            }
            if step % 250 == 0 {
                let held: Vec<i64> = set.iter().copied().collect();
                assert_eq!(all(&transaction, term), held, "step {step}");
                let runs = rows(&transaction, term);
                assert!(runs.iter().all(|run| run.len() <= RUN_PLACES));
            }
        }
        assert!(set.len() > 1_000);
    }

    #[test]
    fn a_damaged_row_is_told_from_a_short_one() {
        assert_eq!(decode(5, &[]).unwrap(), [5]);
        assert_eq!(decode(5, &[1, 0x80, 0x01]).unwrap(), [5, 6, 134]);
        for damaged in [&[0_u8][..], &[0x80], &[1, 0], &[0xFF; 11]] {
            assert!(decode(5, damaged).is_err(), "{damaged:?}");
        }
        assert!(decode(i64::MAX, &[1]).is_err());
    }
}
