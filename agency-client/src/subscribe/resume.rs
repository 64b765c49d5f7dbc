//! What a subscription remembers to go on after a broken connection: pure, without I/O.

use std::collections::HashMap;

use hub_proto::channels::Delivery;

use super::{Event, SubscribeOptions};
use crate::error::ClientError;

/// What to do with a message.
#[derive(Debug)]
pub(super) enum Step {
    /// Hand it out.
    Emit(Event),
    /// It was handed out before.
    Skip,
    /// The hub broke its promise.
    Fail(ClientError),
}

/// Cursor and positions of what was handed out.
#[derive(Debug)]
pub(super) struct Resume {
    cursor: Option<String>,
    /// Last position of each log.
    positions: HashMap<String, i64>,
    /// Whether every log starts at position 1: nothing is left out before the first delivery.
    from_start: bool,
    /// Whether the reader was told that it has caught up, and nothing came since.
    told_caught_up: bool,
    progress: u64,
}

impl Resume {
    pub(super) fn new(cursor: Option<String>, options: &SubscribeOptions) -> Self {
        let cursor = cursor.filter(|cursor| !cursor.is_empty());
        Self {
            from_start: cursor.is_none() && options.consumer.is_none() && !options.live_only,
            cursor,
            positions: HashMap::new(),
            told_caught_up: false,
            progress: 0,
        }
    }

    /// Where to resume.
    pub(super) fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// Grows whenever the hub sent something new; tells a working connection from one that breaks
    /// at once.
    pub(super) fn progress(&self) -> u64 {
        self.progress
    }

    pub(super) fn delivery(&mut self, delivery: Delivery) -> Step {
        let last = self.positions.get(&delivery.log).copied();
        let expected = match last {
            Some(last) => last.saturating_add(1),
            None if self.from_start => 1,
            None => delivery.position,
        };
        if delivery.position < expected {
            return Step::Skip;
        }
        if delivery.position > expected {
            return Step::Fail(ClientError::Gap {
                log: delivery.log,
                expected,
                received: delivery.position,
            });
        }
        if delivery.cursor.is_empty() {
            return Step::Fail(ClientError::Protocol("a delivery has no cursor".into()));
        }
        self.positions
            .insert(delivery.log.clone(), delivery.position);
        self.advance(delivery.cursor.clone());
        self.told_caught_up = false;
        Step::Emit(Event::Delivery(Box::new(delivery)))
    }

    pub(super) fn caught_up(&mut self, cursor: String) -> Step {
        if !cursor.is_empty() {
            self.advance(cursor.clone());
        }
        if self.told_caught_up {
            return Step::Skip;
        }
        self.told_caught_up = true;
        Step::Emit(Event::CaughtUp { cursor })
    }

    fn advance(&mut self, cursor: String) {
        self.cursor = Some(cursor);
        self.progress += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(log: &str, position: i64) -> Delivery {
        Delivery {
            log: log.into(),
            position,
            cursor: format!("{log}@{position}"),
            ..Delivery::default()
        }
    }

    fn emitted(step: &Step) -> bool {
        matches!(step, Step::Emit(_))
    }

    #[test]
    fn each_log_counts_for_itself() {
        let mut resume = Resume::new(None, &SubscribeOptions::default());
        assert!(emitted(&resume.delivery(delivery("a", 1))));
        assert!(emitted(&resume.delivery(delivery("b", 1))));
        assert!(emitted(&resume.delivery(delivery("a", 2))));
        assert_eq!(resume.cursor(), Some("a@2"));
        assert!(matches!(resume.delivery(delivery("b", 1)), Step::Skip));
        let Step::Fail(ClientError::Gap {
            log,
            expected,
            received,
        }) = resume.delivery(delivery("b", 3))
        else {
            panic!("a gap went unnoticed");
        };
        assert_eq!((log.as_str(), expected, received), ("b", 2, 3));
        assert_eq!(resume.cursor(), Some("a@2"), "a gap moves no cursor");
    }

    #[test]
    fn the_beginning_is_one_and_a_cursor_starts_anywhere() {
        let mut from_start = Resume::new(None, &SubscribeOptions::default());
        assert!(matches!(
            from_start.delivery(delivery("a", 2)),
            Step::Fail(ClientError::Gap { expected: 1, .. })
        ));
        let mut resumed = Resume::new(Some("c".into()), &SubscribeOptions::default());
        assert!(emitted(&resumed.delivery(delivery("a", 7))));
        assert!(matches!(
            resumed.delivery(delivery("a", 9)),
            Step::Fail(ClientError::Gap { expected: 8, .. })
        ));
        let live = SubscribeOptions {
            live_only: true,
            ..SubscribeOptions::default()
        };
        assert!(emitted(
            &Resume::new(None, &live).delivery(delivery("a", 7))
        ));
    }

    #[test]
    fn caught_up_is_told_once_until_something_comes() {
        let mut resume = Resume::new(None, &SubscribeOptions::default());
        assert!(emitted(&resume.caught_up("x".into())));
        assert!(!emitted(&resume.caught_up("y".into())));
        assert_eq!(resume.cursor(), Some("y"));
        assert!(emitted(&resume.delivery(delivery("a", 1))));
        assert!(emitted(&resume.caught_up("z".into())));
    }
}
