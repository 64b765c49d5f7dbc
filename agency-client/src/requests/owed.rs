//! Who owes what, by when: what people look for first in a list of requests.

use hub_core::date::{from_timestamp, from_wire};
use hub_proto::requests::{Deadline, DeadlineKind, InformationRequest, RequestState};
use jiff::{Timestamp, civil::Date};

/// One thing that is owed.
///
/// ```
/// use agency_client::{proto::requests::InformationRequest, requests::owed};
///
/// assert!(owed(&InformationRequest::default()).is_empty());
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Owed {
    /// Who owes it, `agencies/{agency}`.
    pub by: String,
    /// What, with the number of the correction request if it is one; nothing for what has no deadline: the
    /// approval of a draft, and the completion of what was missing.
    pub deadline: Option<Deadline>,
    /// Since when.
    pub since: Option<Timestamp>,
    /// By the end of which day, if there is one.
    pub due_on: Option<Date>,
}

/// What is owed now, the most urgent first. Nothing for a request that has come to its end.
///
/// ```
/// use agency_client::{proto::requests::{InformationRequest, RequestState}, requests::owed};
///
/// let request = InformationRequest {
///     requester: "agencies/civil-affairs".into(),
///     state: RequestState::Drafted.into(),
///     ..InformationRequest::default()
/// };
/// assert_eq!(owed(&request).first().map(|one| one.by.as_str()), Some("agencies/civil-affairs"));
/// ```
#[must_use]
pub fn owed(request: &InformationRequest) -> Vec<Owed> {
    let waiting = match request.state() {
        RequestState::Drafted => Some(request.drafted_at.as_ref()),
        RequestState::Incomplete => Some(
            request
                .completion
                .as_ref()
                .and_then(|one| one.asked_at.as_ref()),
        ),
        _ => None,
    };
    if let Some(since) = waiting {
        return vec![Owed {
            by: request.requester.clone(),
            deadline: None,
            since: since.and_then(from_timestamp),
            due_on: None,
        }];
    }
    let open = request.deadlines.iter().filter(|one| one.is_open);
    let mut all: Vec<Owed> = open.map(|one| of_deadline(request, one)).collect();
    all.sort_by_key(|one| one.due_on);
    all
}

fn of_deadline(request: &InformationRequest, deadline: &Deadline) -> Owed {
    let (by, since) = match deadline.kind() {
        DeadlineKind::Disposal => {
            let delivery = request.delivery.as_ref();
            (
                &request.requester,
                delivery.and_then(|one| one.delivered_at.as_ref()),
            )
        }
        DeadlineKind::Delivery => {
            let answer = request.answer.as_ref();
            (
                &request.provider,
                answer.and_then(|one| one.answered_at.as_ref()),
            )
        }
        DeadlineKind::Correction => {
            let mut corrections = request.corrections.iter();
            let asked = corrections.find(|one| one.correction == deadline.correction);
            (
                &request.provider,
                asked.and_then(|one| one.requested_at.as_ref()),
            )
        }
        DeadlineKind::Answer | DeadlineKind::Unspecified => {
            let completion = request.completion.as_ref();
            let completed = completion.and_then(|one| one.completed_at.as_ref());
            (
                &request.provider,
                completed.or(request.received_at.as_ref()),
            )
        }
    };
    Owed {
        by: by.clone(),
        deadline: Some(deadline.clone()),
        since: since.and_then(from_timestamp),
        due_on: deadline.due_on.as_ref().and_then(from_wire),
    }
}

#[cfg(test)]
mod tests {
    use hub_core::date::{timestamp, to_wire};
    use hub_proto::requests::{Completion, Correction};
    use jiff::civil::date;

    use super::*;

    fn request(state: RequestState) -> InformationRequest {
        InformationRequest {
            requester: "agencies/a".into(),
            provider: "agencies/b".into(),
            state: state.into(),
            ..InformationRequest::default()
        }
    }

    fn deadline(kind: DeadlineKind, due_on: Date, is_open: bool) -> Deadline {
        Deadline {
            kind: kind.into(),
            due_on: Some(to_wire(due_on)),
            is_open,
            ..Deadline::default()
        }
    }

    #[test]
    fn what_waits_for_the_requester_has_no_deadline() {
        let asked_at: Timestamp = "2026-03-02T01:00:00Z".parse().unwrap();
        let mut incomplete = request(RequestState::Incomplete);
        incomplete.completion = Some(Completion {
            asked_at: Some(timestamp(asked_at)),
            ..Completion::default()
        });
        // A deadline that was stopped is owed by nobody.
        incomplete.deadlines = vec![deadline(DeadlineKind::Answer, date(2026, 3, 9), false)];
        let expected = Owed {
            by: "agencies/a".into(),
            deadline: None,
            since: Some(asked_at),
            due_on: None,
        };
        assert_eq!(owed(&incomplete), [expected]);
        for state in [
            RequestState::Refused,
            RequestState::Withdrawn,
            RequestState::Disposed,
        ] {
            assert_eq!(owed(&request(state)), []);
        }
    }

    #[test]
    fn the_most_urgent_comes_first_and_each_says_who() {
        let mut delivered = request(RequestState::Delivered);
        let requested_at: Timestamp = "2026-05-06T01:00:00Z".parse().unwrap();
        delivered.corrections = vec![Correction {
            correction: 1,
            requested_at: Some(timestamp(requested_at)),
            ..Correction::default()
        }];
        let mut correction = deadline(DeadlineKind::Correction, date(2026, 5, 20), true);
        correction.correction = 1;
        delivered.deadlines = vec![
            deadline(DeadlineKind::Answer, date(2026, 3, 9), false),
            deadline(DeadlineKind::Disposal, date(2026, 12, 31), true),
            correction,
        ];
        let all = owed(&delivered);
        let told: Vec<_> = all
            .iter()
            .map(|one| (one.by.as_str(), one.due_on))
            .collect();
        let expected = [
            ("agencies/b", Some(date(2026, 5, 20))),
            ("agencies/a", Some(date(2026, 12, 31))),
        ];
        assert_eq!(told, expected);
        assert_eq!(all[0].since, Some(requested_at));
    }
}
