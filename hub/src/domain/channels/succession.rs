//! Corrections and retractions: what took the place of a notification. A notification has at most one
//! successor, and a retraction has none; the earlier one stays readable.

use hub_core::reason::Reason;
use hub_proto::channels::{NotificationKind, NotificationPublished, NotificationRef, Succession};

use super::{Predecessor, asks, log::NotificationPlace};
use crate::{
    domain::EntryMeta,
    error::{Error, Result},
    state::{
        keys,
        store::Direction,
        view::{Overlay, View, ViewExt as _},
    },
};

/// What took the place of a notification.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SuccessorRow {
    /// Where it is.
    #[prost(message, optional, tag = "1")]
    pub successor: Option<NotificationRef>,
    /// A correction or a retraction.
    #[prost(enumeration = "NotificationKind", tag = "2")]
    pub kind: i32,
    /// Its name.
    #[prost(string, tag = "3")]
    pub name: String,
}

impl SuccessorRow {
    /// Reads a row; nothing while the notification stands.
    ///
    /// # Errors
    /// When storage fails.
    pub fn read(view: &(impl View + ?Sized), place: NotificationPlace) -> Result<Option<Self>> {
        view.message(&keys::successor(place.entry_index, place.item))
    }

    /// Whether any notification from one place to another, both included, has a successor.
    ///
    /// # Errors
    /// When storage fails.
    pub fn any_between(
        view: &(impl View + ?Sized),
        first: NotificationPlace,
        last: NotificationPlace,
    ) -> Result<bool> {
        let from = keys::successor(first.entry_index, first.item);
        let mut to = keys::successor(last.entry_index, last.item);
        to.push(0);
        Ok(!view.scan(&from, &to, Direction::Forward, 1)?.is_empty())
    }
}

/// Refuses to take the place of what no longer stands.
pub(super) fn check(view: &(impl View + ?Sized), predecessor: &Predecessor) -> Result<()> {
    let Some(row) = SuccessorRow::read(view, predecessor.place)? else {
        return Ok(());
    };
    let rule = match row.kind() {
        NotificationKind::Retraction => format!(
            "name: {} was retracted by {}; publish anew if something is still to be said",
            predecessor.name, row.name
        ),
        _ => format!(
            "name: {} was corrected by {}; correct or retract that one",
            predecessor.name, row.name
        ),
    };
    Err(Error::new(Reason::NotificationSuperseded, rule))
}

/// Marks the predecessor; what it asked is asked no more.
pub(super) fn apply(
    rows: &mut Overlay<'_>,
    entry: &EntryMeta<'_>,
    place: NotificationPlace,
    succession: &Succession,
    event: &NotificationPublished,
) -> Result<()> {
    let Some(predecessor) = &succession.predecessor else {
        return Ok(());
    };
    let row = SuccessorRow {
        successor: Some(place.into()),
        kind: succession.kind,
        name: super::notification::name(entry.author, &event.positions, &event.request_id),
    };
    rows.put_message(
        keys::successor(predecessor.entry_index, predecessor.item),
        &row,
    );
    asks::withdraw(rows, predecessor.into())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hub_core::crypto::{SigningKey, generate_ed25519_pkcs8};
    use hub_proto::channels::{Ask, AskedAction, RequestedAction};

    use super::*;
    use crate::{
        domain::channels::receipts::ReceiptRow,
        state::{memory::MemoryStore, store::Direction},
    };

    const FIRST: NotificationPlace = NotificationPlace {
        entry_index: 4,
        item: 2,
    };

    fn store() -> MemoryStore {
        let key = SigningKey::from_pkcs8(&generate_ed25519_pkcs8().unwrap()).unwrap();
        MemoryStore::new("test", Arc::new(key)).unwrap()
    }

    fn meta(index: u64) -> EntryMeta<'static> {
        EntryMeta {
            index,
            recorded_at: jiff::Timestamp::from_second(9).unwrap(),
            author: "finance",
            officer: "a",
        }
    }

    fn predecessor() -> Predecessor {
        Predecessor {
            place: FIRST,
            name: "agencies/finance/notifications/x".into(),
            kind: NotificationKind::Correction,
            got_by: crate::domain::channels::audience::Got::Named(vec![]),
        }
    }

    fn succeed(rows: &mut Overlay<'_>, kind: NotificationKind) {
        let place = NotificationPlace {
            entry_index: 5,
            item: 0,
        };
        let succession = Succession {
            predecessor: Some(FIRST.into()),
            kind: kind.into(),
            predecessor_name: "agencies/finance/notifications/x".into(),
        };
        let event = NotificationPublished {
            positions: vec![hub_proto::channels::LogPosition {
                log: "channels/joint-enforcement".into(),
                position: 7,
            }],
            ..NotificationPublished::default()
        };
        apply(rows, &meta(5), place, &succession, &event).unwrap();
    }

    #[test]
    fn what_stands_can_have_a_successor_and_only_one() {
        let store = store();
        for (kind, rule) in [
            (NotificationKind::Correction, "was corrected by"),
            (NotificationKind::Retraction, "was retracted by"),
        ] {
            let mut rows = Overlay::new(&store);
            assert_eq!(check(&rows, &predecessor()), Ok(()));
            succeed(&mut rows, kind);
            let refused = check(&rows, &predecessor()).unwrap_err();
            assert_eq!(refused.reason, Reason::NotificationSuperseded);
            assert!(refused.message.contains(rule), "{}", refused.message);
            let name = "channels/joint-enforcement/notifications/7";
            assert!(refused.message.contains(name), "{}", refused.message);
            let row = SuccessorRow::read(&rows, FIRST).unwrap().unwrap();
            assert_eq!((row.kind(), &*row.name), (kind, name));
            // Its neighbours of the same batch still stand.
            for item in [1, 3] {
                let place = NotificationPlace { item, ..FIRST };
                assert_eq!(SuccessorRow::read(&rows, place).unwrap(), None);
            }
        }
    }

    #[test]
    fn what_no_longer_stands_asks_nothing_and_its_neighbours_still_do() {
        let store = store();
        let mut rows = Overlay::new(&store);
        let ask = Ask {
            recipients: vec!["agencies/tax".into(), "agencies/health".into()],
            actions: vec![AskedAction {
                action: RequestedAction::SignFor.into(),
                due_us: 10,
                remind_at_us: 5,
            }],
        };
        let neighbour = NotificationPlace { item: 3, ..FIRST };
        for place in [FIRST, neighbour] {
            asks::put(
                &mut rows,
                &meta(4),
                place,
                &ask,
                &["agencies/finance/sent".into()],
            )
            .unwrap();
        }
        succeed(&mut rows, NotificationKind::Retraction);
        let tax = "agencies/tax".parse().unwrap();
        let owed = |place| ReceiptRow::read(&rows, place, &tax).unwrap().asked.len();
        assert_eq!((owed(FIRST), owed(neighbour)), (0, 1));
        let left = asks::page(&rows, "agencies/finance/sent", None, None, 9).unwrap();
        assert!(left.iter().all(|(_, one)| one.place == neighbour));
        assert_eq!(left.len(), 2);
        let (from, to) = keys::reminders().range();
        let reminders = rows.scan(&from, &to, Direction::Forward, 9).unwrap();
        assert_eq!(reminders.len(), 2);
    }
}
