//! Stored rows with changes laid over them.

use std::iter::Peekable;

use bytes::Bytes;

use super::store::{Direction, Row};

/// A row's key, and what it is now: nothing when it was removed.
pub(super) type Change = (Bytes, Option<Bytes>);

/// Up to `limit` rows of two runs, both in a direction. A change hides the stored row of its key.
///
/// # Errors
/// The first of the stored rows' errors that is met.
pub(super) fn lay_over<E>(
    stored: impl Iterator<Item = Result<Row, E>>,
    changes: impl Iterator<Item = Change>,
    direction: Direction,
    limit: usize,
) -> Result<Vec<Row>, E> {
    let (mut stored, mut changes) = (stored.peekable(), changes.peekable());
    let mut rows = vec![];
    while rows.len() < limit {
        if is_stored_next(&mut stored, &mut changes, direction) {
            match stored.next() {
                Some(row) => rows.push(row?),
                None => break,
            }
        } else if let Some((key, change)) = changes.next() {
            stored.next_if(|row| row.as_ref().is_ok_and(|(one, _)| *one == key));
            rows.extend(change.map(|value| (key, value)));
        }
    }
    Ok(rows)
}

/// Whether no change comes before the next stored row, or in its place.
fn is_stored_next<E>(
    stored: &mut Peekable<impl Iterator<Item = Result<Row, E>>>,
    changes: &mut Peekable<impl Iterator<Item = Change>>,
    direction: Direction,
) -> bool {
    match (stored.peek(), changes.peek()) {
        (Some(Ok((stored, _))), Some((changed, _))) => match direction {
            Direction::Forward => stored < changed,
            Direction::Backward => stored > changed,
        },
        (None, Some(_)) => false,
        (_, None) | (Some(Err(_)), _) => true,
    }
}
