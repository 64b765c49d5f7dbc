//! Whether the hub shows every agency what the model says.

use hub_core::{
    date::from_wire,
    workdays::{Calendar, Counting},
};
use hub_proto::requests::{
    Deadline, DeadlineKind, GetInformationRequestRequest, GetInformationRequestResponse,
    InformationRequest, ListInformationRequestsRequest, ListInformationRequestsResponse,
};
use hub_tests::raw::reason;
use jiff::civil::Date;

use crate::{
    Walk,
    model::{AGENCIES, Line, Request},
    send::{method, valid_until},
};

/// Requests that are looked at in full each time, besides the newest.
const SAMPLE: usize = 25;

impl Walk {
    /// Compares everything that can be seen.
    pub(crate) async fn agree(&mut self) {
        for agency in AGENCIES {
            self.lists_agree(agency).await;
        }
        let count = self.model.requests.len();
        let newest = count.saturating_sub(8)..count;
        let others: Vec<usize> = (0..SAMPLE.min(count))
            .map(|_| self.random.below(count))
            .collect();
        for place in newest.chain(others) {
            let one = self.model.requests[place].clone();
            for agency in AGENCIES {
                self.request_agrees(agency, &one).await;
            }
        }
    }

    async fn lists_agree(&self, agency: &'static str) {
        let places = self.model.lists.get(agency).cloned().unwrap_or_default();
        let expected = places
            .iter()
            .rev()
            .map(|place| &self.model.requests[*place]);
        let expected: Vec<_> = expected.map(|one| (one.name.clone(), one.state)).collect();
        let mut listed = vec![];
        let mut request = ListInformationRequestsRequest {
            page_size: 37,
            ..ListInformationRequestsRequest::default()
        };
        loop {
            let session = self.desks.session(agency, "clerk");
            let answer = session
                .ask(method!("ListInformationRequests"), &request)
                .await;
            let answer: ListInformationRequestsResponse = answer.unwrap();
            let page = answer.information_requests.iter();
            listed.extend(page.map(|one| (one.name.clone(), one.state())));
            request.page_token = answer.next_page_token;
            if request.page_token.is_empty() {
                break;
            }
        }
        assert_eq!(listed, expected, "{agency}");
    }

    async fn request_agrees(&self, agency: &'static str, one: &Request) {
        let request = GetInformationRequestRequest {
            name: one.name.clone(),
        };
        let session = self.desks.session(agency, "second");
        let answer = session
            .ask(method!("GetInformationRequest"), &request)
            .await;
        let answer: Result<GetInformationRequestResponse, _> = answer;
        if !one.is_seen_by(agency) {
            assert_eq!(
                reason(&answer.unwrap_err()),
                "NOT_FOUND",
                "{agency}: {one:?}"
            );
            return;
        }
        let shown = answer.unwrap().information_request.unwrap();
        assert_eq!(shown.state(), one.state, "{one:?}");
        assert_eq!(shown.requester, format!("agencies/{}", one.requester));
        assert_eq!(shown.provider, format!("agencies/{}", one.provider));
        assert_eq!(shown.account.is_some(), one.case.is_some());
        assert_eq!(shown.completion.is_some(), one.is_asked);
        assert_eq!(shown.extension.is_some(), one.is_extended);
        assert_eq!(shown.delivery.is_some(), one.is_delivered());
        assert_eq!(shown.uses.len(), one.uses);
        assert_eq!(shown.suspensions.len(), one.suspensions);
        let corrections = shown.corrections.iter();
        let corrections: Vec<Option<bool>> = corrections
            .map(|one| one.is_answered.then_some(one.is_corrected))
            .collect();
        assert_eq!(corrections, one.corrections);
        // Nobody delivers what nobody approved (FS-053), by another officer than the author.
        if shown.delivery.is_some() {
            let approval = shown.approval.as_ref().unwrap();
            assert!(approval.is_approved && approval.officer != shown.officer);
        }
        withheld_as_told(agency, &shown, one);
        deadlines_agree(&shown.deadlines, &one.deadlines);
    }
}

/// The answer about accounts is for the requester: the second leader of the bank gave none of them.
fn withheld_as_told(agency: &str, shown: &InformationRequest, one: &Request) {
    let is_withheld = one.case.is_some() && agency == one.provider;
    if let Some(answer) = &shown.answer {
        let is_own = one.answered_by == "second";
        assert_eq!(
            answer.is_withheld,
            is_withheld && !is_own,
            "{agency}: {one:?}"
        );
        assert_eq!(answer.text.is_empty(), answer.is_withheld);
    }
    if let Some(delivery) = &shown.delivery {
        assert_eq!(delivery.text.is_empty(), delivery.is_withheld);
    }
}

fn deadlines_agree(shown: &[Deadline], expected: &[Line]) {
    assert_eq!(shown.len(), expected.len());
    let calendar = Calendar::published().unwrap();
    for (shown, line) in shown.iter().zip(expected) {
        assert_eq!(
            (shown.kind(), shown.correction),
            (line.kind, line.correction)
        );
        assert_eq!(shown.working_days, line.working_days, "{shown:?}");
        assert_eq!(shown.is_open, line.is_open, "{shown:?}");
        assert_eq!(shown.met_at.is_some(), line.is_met, "{shown:?}");
        assert_eq!(shown.moves.len(), line.moves, "{shown:?}");
        let day = |on: Option<&hub_proto::common::Date>| on.and_then(from_wire).unwrap();
        let from: Date = day(shown.counted_from_on.as_ref());
        assert!(
            (line.from.0..=line.from.1).contains(&from),
            "{shown:?} {line:?}"
        );
        let due = day(shown.due_on.as_ref());
        if line.kind == DeadlineKind::Disposal {
            // The last day of use; the walk may have begun on the day before.
            assert!(due <= valid_until(), "{shown:?}");
            continue;
        }
        let count = u32::try_from(line.working_days).unwrap();
        let computed = calendar
            .newest()
            .add(from, count, Counting::Strict)
            .unwrap();
        assert_eq!(
            (due, shown.is_provisional),
            (computed.on, computed.is_provisional)
        );
    }
}
