//! What is left of a notification once its period is over.

use hub_core::date::from_timestamp;
use hub_proto::channels::Notification;
use jiff::{Span, Timestamp, tz::TimeZone};

use super::Model;

/// Months after which a category is sealed, in the charter of the model's hub.
#[must_use]
pub fn months(category: &str) -> i32 {
    match category {
        "coordination" => 1,
        "case_result_fund" => 2,
        _ => 120,
    }
}

impl Model {
    /// Whether the period of a notification is over.
    fn is_due(&self, number: usize, now: Timestamp, zone: &TimeZone) -> bool {
        let seen = &self.published[number].seen;
        let kept = Span::new().months(months(&seen.category));
        let before = now.to_zoned(zone.clone()).checked_sub(kept).unwrap();
        let published_at = seen.published_at.as_ref().and_then(from_timestamp);
        published_at.unwrap() < before.timestamp()
    }

    /// Whether a notification is sealed.
    #[must_use]
    pub fn is_sealed(&self, name: &str) -> bool {
        let number = self.named(name);
        number.is_some_and(|number| self.published[number].seen.is_sealed)
    }

    /// Time has come to an instant: what was published in one call goes when the period of all of it is
    /// over. What the hub wrote as part of another act stays with that act. Gives the number of calls.
    pub fn seal(&mut self, now: Timestamp, zone: &TimeZone) -> usize {
        let mut calls = 0;
        let mut from = 0;
        while from < self.published.len() {
            let call = self.published[from].call;
            let numbers = (from..self.published.len()).take_while(|number| {
                let one = &self.published[*number];
                *number == from || one.call == call
            });
            let numbers: Vec<usize> = numbers.collect();
            from += numbers.len();
            let is_due = numbers.iter().all(|number| {
                let one = &self.published[*number];
                !one.is_issued && !one.seen.is_sealed && self.is_due(*number, now, zone)
            });
            if is_due {
                calls += 1;
                for number in numbers {
                    self.seal_one(number);
                }
            }
        }
        calls
    }

    /// Who told whom and when stays, and what took its place; nothing is asked any more.
    fn seal_one(&mut self, number: usize) {
        let seen = &mut self.published[number].seen;
        let whole = std::mem::take(seen);
        *seen = Notification {
            name: whole.name,
            author: whole.author,
            author_officer: whole.author_officer,
            author_role: whole.author_role,
            channel: whole.channel,
            addressees: whole.addressees,
            category: whole.category,
            published_at: whole.published_at,
            request_id: whole.request_id,
            kind: whole.kind,
            about: whole.about,
            state: whole.state,
            superseded_by: whole.superseded_by,
            is_sealed: true,
            ..Notification::default()
        };
        self.answered.retain(|(of, _), _| *of != number);
        for ((of, _), row) in &mut self.receipts {
            if *of == number {
                row.outstanding_actions.clear();
            }
        }
    }
}
