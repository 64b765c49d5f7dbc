//! That hub and model agree on everything that can be seen.

use std::collections::BTreeMap;

use hub_core::reason::Reason;
use hub_proto::{
    channels::{ListOutstandingActionsRequest, ListOutstandingActionsResponse, RequestedAction},
    meetings::{
        AgreedItem, GetAgreedItemRequest, GetAgreedItemResponse, GetMeetingRequest,
        GetMeetingResponse, GetMinutesVersionRequest, GetMinutesVersionResponse, Minutes,
    },
};

use super::{
    FUND, JOINT, Walk,
    model::{Doc, Item, Meeting, Stand},
};
use crate::hall::{
    OFFICE, agency, leader, meeting_method, minutes_method, refused, sha, today_and,
};

impl Walk {
    /// Compares every meeting, its minutes, its items, and what is asked of every unit.
    pub(super) async fn agree(&mut self) {
        for row in &self.meetings {
            let request = GetMeetingRequest {
                name: row.name.clone(),
            };
            let method = meeting_method!("GetMeeting");
            let seen: GetMeetingResponse = self.hall.office(method, &request).await;
            let seen = seen.meeting.unwrap();
            assert_eq!(seen.state().as_str_name(), row.state, "{}", row.name);
            assert_eq!(seen.minutes.len(), row.docs.len(), "{}", row.name);
            for (place, doc) in row.docs.iter().enumerate() {
                self.agree_on_minutes(row, place + 1, doc).await;
            }
            for (place, item) in row.items.iter().enumerate() {
                self.agree_on_item(row, place + 1, item).await;
            }
        }
        self.agree_on_numbers();
        self.agree_on_asks().await;
        self.agree_on_sight().await;
    }

    async fn agree_on_minutes(&self, row: &Meeting, number: usize, doc: &Doc) {
        let name = format!("{}/minutes/{number}", row.name);
        let seen: Minutes = self.hall.minutes(OFFICE, &name).await.unwrap();
        assert_eq!(seen.state().as_str_name(), doc.state(), "{name}");
        let numbers = (seen.newest_version, seen.circulated_version);
        let expected = (doc.texts.len(), doc.before);
        let usize_of = |number: i32| usize::try_from(number).unwrap();
        assert_eq!(
            (usize_of(numbers.0), usize_of(numbers.1)),
            expected,
            "{name}"
        );
        assert_eq!(seen.document_number, doc.number, "{name}");
        let stands: BTreeMap<String, &str> = seen
            .consents
            .iter()
            .map(|one| (one.unit.clone(), one.state().as_str_name()))
            .collect();
        let expected: BTreeMap<String, &str> = doc
            .stands
            .iter()
            .map(|(unit, stand)| {
                let state = match stand {
                    Stand::Pending => "CONSENT_STATE_PENDING",
                    Stand::Agreed => "CONSENT_STATE_AGREED",
                    Stand::Objected => "CONSENT_STATE_OBJECTED",
                };
                (agency(unit), state)
            })
            .collect();
        assert_eq!(stands, expected, "{name}");
        let Some(text) = doc.texts.last() else { return };
        let request = GetMinutesVersionRequest {
            name: format!("{name}/versions/{}", doc.texts.len()),
        };
        let method = minutes_method!("GetMinutesVersion");
        let read: GetMinutesVersionResponse = self.hall.office(method, &request).await;
        let read = read.version.unwrap();
        assert_eq!(read.content_sha256, text.sha256, "{name}");
        assert_eq!(sha(&read.content.unwrap()), text.sha256, "{name}");
    }

    async fn agree_on_item(&self, row: &Meeting, number: usize, item: &Item) {
        let name = format!("{}/agreedItems/{number}", row.name);
        let request = GetAgreedItemRequest { name: name.clone() };
        let method = minutes_method!("GetAgreedItem");
        let seen: GetAgreedItemResponse = self.hall.office(method, &request).await;
        let seen: AgreedItem = seen.agreed_item.unwrap();
        assert_eq!(seen.state().as_str_name(), item.state(), "{name}");
        assert_eq!(seen.tasks.len(), item.parts.len(), "{name}");
        for (unit, part) in &item.parts {
            let task = seen.tasks.iter().find(|task| task.unit == agency(unit));
            let task = task.unwrap_or_else(|| panic!("{name} of {unit}"));
            let state = i32::from(part.state) + 1;
            assert_eq!(task.state, state, "{name} of {unit}");
            assert_eq!(task.due_on, Some(today_and(part.due)), "{name} of {unit}");
            let wanted = part.wanted.map(today_and);
            assert_eq!(task.requested_due_on, wanted, "{name} of {unit}");
        }
    }

    /// Numbers of each series count from 1, without gap or repeat.
    fn agree_on_numbers(&self) {
        let docs = self.meetings.iter().flat_map(|row| &row.docs);
        let mut series: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for doc in docs.filter(|doc| doc.is_issued) {
            let (word, serial) = doc.number.rsplit_once('〕').unwrap();
            let serial = serial.trim_end_matches('号').parse().unwrap();
            series.entry(word).or_default().push(serial);
        }
        for (word, mut serials) in series {
            serials.sort_unstable();
            let count = serials.len();
            assert_eq!(serials, (1..=count).collect::<Vec<_>>(), "{word}");
        }
    }

    /// Who is asked something is who owes it.
    async fn agree_on_asks(&self) {
        let mut units: Vec<&str> = JOINT.iter().chain(&FUND).copied().collect();
        units.sort_unstable();
        units.dedup();
        for unit in units {
            let asked = self.asked(unit).await;
            let owed = self.meetings.iter().map(|row| row.owed_by(unit));
            let owed = owed.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
            assert_eq!(asked, owed, "what is asked of {unit}");
        }
    }

    async fn asked(&self, unit: &str) -> (usize, usize) {
        let mut counts = (0, 0);
        let mut request = ListOutstandingActionsRequest {
            parent: agency(unit),
            page_size: 100,
            ..ListOutstandingActionsRequest::default()
        };
        loop {
            let method = "/hub.channels.v1.ChannelService/ListOutstandingActions";
            let page: ListOutstandingActionsResponse =
                self.hall.ask(leader(unit), method, &request).await.unwrap();
            for one in &page.outstanding_actions {
                match one.action() {
                    RequestedAction::Consent => counts.0 += 1,
                    RequestedAction::CarryOut => counts.1 += 1,
                    _ => {}
                }
            }
            if page.next_page_token.is_empty() {
                return counts;
            }
            request.page_token = page.next_page_token;
        }
    }

    /// Who was not called learns nothing; who did not attend sees no draft.
    async fn agree_on_sight(&self) {
        for row in &self.meetings {
            for unit in ["finance", "publicity", "health"] {
                for (place, doc) in row.docs.iter().enumerate() {
                    let name = format!("{}/minutes/{}", row.name, place + 1);
                    let was_out = doc.texts.iter().any(|text| text.was_circulated);
                    let is_seen = row.units.iter().any(|one| one == unit)
                        && (doc.is_issued || (was_out && row.attended.contains(unit)));
                    let seen = self.hall.minutes(leader(unit), &name).await;
                    if is_seen {
                        seen.unwrap_or_else(|status| panic!("{unit} sees {name}: {status}"));
                    } else {
                        refused(seen, Reason::NotFound);
                    }
                }
            }
        }
    }
}
