//! What is asked by a time, answered, corrected and taken back.

use hub_core::{
    date::{from_timestamp, timestamp},
    reason::Reason,
};
use hub_proto::channels::{
    Notification, NotificationKind, NotificationState, OutstandingAction, RequestedAction,
};
use jiff::{SignedDuration, civil::Date};

use super::{Model, OFFICE_HOST, Officer};

/// How long the charter gives to acknowledge a correction or a retraction.
const ACKNOWLEDGE: SignedDuration = SignedDuration::from_hours(72);

impl Model {
    /// A notification by its name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<usize> {
        self.published.iter().position(|one| one.seen.name == name)
    }

    pub(super) fn sees_what_it_answers(
        &self,
        officer: &Officer,
        draft: &Notification,
        on: Date,
    ) -> Result<(), Reason> {
        let is_seen = draft.in_reply_to.is_empty()
            || self
                .named(&draft.in_reply_to)
                .is_some_and(|number| self.sees(officer, number, on));
        is_seen.then_some(()).ok_or(Reason::InvalidArgument)
    }

    /// Where what goes to these comes to an agency.
    fn reaches(&self, to: &[String], agency: &str, on: Date) -> bool {
        to.iter().any(|one| {
            if one.starts_with("channels/") {
                self.is_audience(&agency["agencies/".len()..], one, on)
            } else if one.starts_with("mechanisms/") {
                agency == format!("agencies/{OFFICE_HOST}")
            } else {
                one == agency
            }
        })
    }

    /// A notification was published: what it asks is owed, and what it answers is answered.
    pub fn follow_up(&mut self, officer: &Officer, number: usize, to: &[String], on: Date) {
        self.answer(officer, number, to, on, None);
        let seen = self.published[number].seen.clone();
        let asks = [
            (RequestedAction::SignFor, seen.sign_by_at),
            (RequestedAction::Reply, seen.reply_by_at),
        ];
        self.ask(number, asks);
    }

    fn ask(&mut self, number: usize, asks: [(RequestedAction, Option<prost_types::Timestamp>); 2]) {
        if asks.iter().all(|(_, by)| by.is_none()) {
            return;
        }
        let recipients = self.recipients(number);
        let seen = self.published[number].seen.clone();
        for recipient in &recipients {
            for (action, by) in asks {
                if by.is_none() {
                    continue;
                }
                let owed = OutstandingAction {
                    notification: seen.name.clone(),
                    title: seen.title.clone(),
                    author: seen.author.clone(),
                    recipient: recipient.clone(),
                    action: action.into(),
                    due_at: by,
                    is_overdue: false,
                    asked_at: seen.published_at,
                };
                self.row(number, recipient).outstanding_actions.push(owed);
            }
        }
        self.published[number].asked = Some(recipients);
    }

    /// Whom a notification answers, and for which of its recipients.
    fn answers_of(
        &self,
        officer: &Officer,
        number: usize,
        to: &[String],
        on: Date,
    ) -> Vec<(usize, String)> {
        let seen = &self.published[number].seen;
        let Some(original) = self.named(&seen.in_reply_to) else {
            return vec![];
        };
        let author = &self.published[original].seen.author;
        if !self.reaches(to, author, on) {
            return vec![];
        }
        let is_ours = |recipient: &String| {
            if recipient.starts_with("mechanisms/") {
                officer.agency == OFFICE_HOST && self.may(officer, "office", on)
            } else {
                *recipient == format!("agencies/{}", officer.agency)
                    && self.may(officer, "read inbox", on)
            }
        };
        let recipients = self.recipients(original).into_iter();
        let ours = recipients.filter(is_ours);
        ours.map(|recipient| (original, recipient)).collect()
    }

    /// What a notification answers is answered; what it takes the place of answers no more, but for
    /// what a correction goes on to answer.
    fn answer(
        &mut self,
        officer: &Officer,
        number: usize,
        to: &[String],
        on: Date,
        earlier: Option<usize>,
    ) {
        let seen = self.published[number].seen.clone();
        let named = self.named(&seen.in_reply_to);
        let is_correction = seen.kind() == NotificationKind::Correction;
        let earlier = earlier.and_then(|one| self.answers.remove(&one));
        let (mut stand, fall): (Vec<_>, Vec<_>) =
            earlier.unwrap_or_default().into_iter().partition(|one| {
                is_correction && (seen.in_reply_to.is_empty() || named == Some(one.0))
            });
        for (original, recipient) in self.answers_of(officer, number, to, on) {
            let is_there = stand
                .iter()
                .any(|(of, whose, _)| (*of, whose) == (original, &recipient));
            if is_there {
                continue;
            }
            let key = (original, recipient.clone());
            let act = (seen.published_at, officer.id.clone());
            self.replies.entry(key).or_default().insert(number, act);
            self.reply_is_in(original, &recipient);
            stand.push((original, recipient, number));
        }
        for (original, recipient, reply) in fall {
            let key = (original, recipient.clone());
            let standing = self.replies.entry(key.clone()).or_default();
            standing.remove(&reply);
            if standing.is_empty() {
                let again = self.answered.remove(&key).unwrap_or_default();
                let row = self.row(original, &recipient);
                row.outstanding_actions.extend(again);
            }
        }
        self.answers.insert(number, stand);
    }

    fn reply_is_in(&mut self, number: usize, recipient: &str) {
        let row = self.row(number, recipient);
        let owed = std::mem::take(&mut row.outstanding_actions);
        let is_reply = |one: &OutstandingAction| one.action() == RequestedAction::Reply;
        let (done, left): (Vec<_>, Vec<_>) = owed.into_iter().partition(is_reply);
        row.outstanding_actions = left;
        let answered = self.answered.entry((number, recipient.to_owned()));
        answered.or_default().extend(done);
    }

    /// A recipient has done what it was asked.
    pub fn settle(&mut self, number: usize, recipient: &str, actions: &[RequestedAction]) {
        let row = self.row(number, recipient);
        row.outstanding_actions
            .retain(|owed| !actions.contains(&owed.action()));
    }

    /// Where a correction or a retraction of an officer goes, or the reason for which it is refused.
    /// A retraction has no draft.
    ///
    /// # Errors
    /// The reason.
    pub fn supersede(
        &self,
        officer: &Officer,
        number: usize,
        draft: Option<&Notification>,
        on: Date,
    ) -> Result<Vec<String>, Reason> {
        if !self.sees(officer, number, on) {
            return Err(self.unseen(officer, on));
        }
        let one = &self.published[number];
        if one.seen.author != format!("agencies/{}", officer.agency) {
            return Err(Reason::PermissionDenied);
        }
        if one.is_issued || one.seen.kind() == NotificationKind::Retraction {
            return Err(Reason::InvalidArgument);
        }
        if let Some(draft) = draft {
            if draft.category != one.seen.category {
                return Err(Reason::InvalidArgument);
            }
            self.sees_what_it_answers(officer, draft, on)?;
            self.claims(&officer.agency, &draft.attachments)?;
        }
        let to = if one.seen.channel.is_empty() {
            one.seen.addressees.clone()
        } else {
            vec![one.seen.channel.clone()]
        };
        self.permits(officer, &to, &one.seen.category, on)?;
        if one.seen.state() != NotificationState::Current {
            return Err(Reason::NotificationSuperseded);
        }
        Ok(to)
    }

    /// A correction or a retraction was recorded.
    pub fn succeed(
        &mut self,
        officer: &Officer,
        number: usize,
        seen: Notification,
        to: &[String],
        on: Date,
    ) {
        let recipients = self.recipients(number);
        let (name, kind) = (seen.name.clone(), seen.kind());
        let published_at = seen.published_at.as_ref().and_then(from_timestamp);
        let by = published_at.map(|at| timestamp(at + ACKNOWLEDGE));
        let acknowledge = seen.sign_by_at.or(by);
        let reply = seen.reply_by_at;
        let successor = self.record(seen, on, to, true);
        let old = &mut self.published[number].seen;
        old.superseded_by = name;
        old.set_state(if kind == NotificationKind::Retraction {
            NotificationState::Retracted
        } else {
            NotificationState::Corrected
        });
        for ((of, _), row) in &mut self.receipts {
            if *of == number {
                row.outstanding_actions.clear();
            }
        }
        self.answered.retain(|(of, _), _| *of != number);
        self.answer(officer, successor, to, on, Some(number));
        if !recipients.is_empty() {
            self.published[successor].asked = Some(recipients);
            let asks = [
                (RequestedAction::Acknowledge, acknowledge),
                (RequestedAction::Reply, reply),
            ];
            self.ask(successor, asks);
        }
    }

    /// Whether an officer may see a list of what is outstanding.
    #[must_use]
    pub fn lists_outstanding(&self, officer: &Officer, parent: &str, on: Date) -> bool {
        if parent.starts_with("channels/") {
            return officer.agency == OFFICE_HOST
                && self.may(officer, "office", on)
                && self.reads(officer, parent, on);
        }
        let is_sent = parent.ends_with("/sent");
        let log = if is_sent {
            parent.to_owned()
        } else {
            format!("{parent}/inbox")
        };
        self.reads(officer, &log, on)
    }

    /// What is outstanding on a list, the earliest due first, then in the order of publication.
    #[must_use]
    pub fn outstanding(&self, parent: &str) -> Vec<OutstandingAction> {
        let mut found: Vec<(i64, usize, &OutstandingAction)> = vec![];
        for ((number, recipient), row) in &self.receipts {
            let seen = &self.published[*number].seen;
            let is_listed = if parent.starts_with("channels/") {
                seen.channel == parent
            } else if let Some(author) = parent.strip_suffix("/sent") {
                seen.author == author
            } else {
                recipient == parent
            };
            if is_listed {
                let owed = row.outstanding_actions.iter();
                found.extend(owed.map(|owed| {
                    let at = owed.due_at.as_ref().and_then(from_timestamp).unwrap();
                    (at.as_microsecond(), *number, owed)
                }));
            }
        }
        found.sort_by_key(|(due_us, number, owed)| {
            (*due_us, *number, owed.action, owed.recipient.clone())
        });
        found.into_iter().map(|(_, _, owed)| owed.clone()).collect()
    }
}
