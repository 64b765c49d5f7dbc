//! Whether the hub shows everybody what the model says, and nothing else.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::future::join_all;
use hub_proto::{
    audit::{ListAccessesRequest, ListAccessesResponse, RecordKind},
    channels::{
        ListNotificationsRequest, ListNotificationsResponse, ListOutstandingActionsRequest,
        ListOutstandingActionsResponse, Notification, OutstandingAction,
    },
    funds::{
        Alert, AlertKind, AlertState, GetAlertRequest, GetAlertResponse, ListAlertsRequest,
        ListAlertsResponse, Severity,
    },
};
use hub_tests::{
    alerts::{BANK, OFFICE, UNITS},
    channels,
    raw::reason,
};
use prost::Message as _;
use prost_types::Timestamp as Instant;
use tonic::Status;

use super::{
    Walk,
    model::{ACTORS, Actor, Case, INDICATORS, agency_name, say, some_time},
    send::AUDITOR,
};

const GET: &str = hub_tests::alerts!("GetAlert");
const LIST: &str = hub_tests::alerts!("ListAlerts");
/// Alerts that are looked at in full each time, besides the newest.
const SAMPLE: usize = 10;
/// Titles of the notices that ask units to handle a revision.
const ASKING: [&str; 4] = [
    "资金预警：",
    "紧急资金预警：",
    "资金预警更正：",
    "资金预警撤回：",
];

/// A time that must be there, taken out.
fn taken(at: &mut Option<Instant>) -> Instant {
    at.take().expect("a time")
}

/// Times made one, so that only their being there is compared.
fn there(at: &mut Option<Instant>) {
    *at = at.and_then(|_| some_time());
}

/// An alert without what only the hub knows: the moments.
fn timeless(mut alert: Alert) -> Alert {
    taken(&mut alert.raised_at);
    assert!(!alert.notification.is_empty());
    alert.notification.clear();
    let hours = match alert.severity() {
        Severity::Emergency => 2,
        _ => 48,
    };
    for unit in &mut alert.units {
        let (told, by) = (
            taken(&mut unit.notified_at),
            taken(&mut unit.acknowledge_by_at),
        );
        // A revision's own time: that of an emergency is the charter's (FS-023).
        assert_eq!(
            (by.seconds - told.seconds, by.nanos),
            (hours * 3600, told.nanos)
        );
        assert!(!unit.is_overdue);
        there(&mut unit.acknowledged_at);
        there(&mut unit.stated_at);
    }
    for one in &mut alert.information {
        there(&mut one.provided_at);
    }
    for one in &mut alert.findings {
        there(&mut one.found_at);
    }
    for one in &mut alert.measures {
        assert!(!one.is_overdue);
        there(&mut one.taken_at);
        there(&mut one.reported_at);
        there(&mut one.reviewed_at);
    }
    for one in &mut alert.joint_notices {
        there(&mut one.drafted_at);
        there(&mut one.issued_at);
        for said in &mut one.signatures {
            there(&mut said.signed_at);
        }
    }
    for one in &mut alert.closings {
        there(&mut one.closed_at);
    }
    for one in &mut alert.revisions {
        there(&mut one.revised_at);
    }
    alert
}

/// What a list shows of an alert.
fn summary(alert: &Alert) -> Alert {
    let mut units = alert.units.clone();
    for unit in &mut units {
        unit.text.clear();
    }
    Alert {
        name: alert.name.clone(),
        organization: alert.organization.clone(),
        kind: alert.kind,
        indicator: alert.indicator.clone(),
        start_on: alert.start_on,
        end_on: alert.end_on,
        severity: alert.severity,
        circulated_to: alert.circulated_to.clone(),
        state: alert.state,
        revision: alert.revision,
        author: alert.author.clone(),
        officer: alert.officer.clone(),
        units,
        is_named: alert.is_named,
        ..Alert::default()
    }
}

fn takes(case: &Case, filter: &ListAlertsRequest) -> bool {
    let alert = &case.alert;
    let uscc = || alert.organization.clone().unwrap().uscc;
    let owes = |unit: &str| {
        let units = alert.units.iter().filter(|one| one.unit == unit);
        alert.state() != AlertState::Closed
            && units.filter(|one| one.acknowledged_at.is_none()).count() > 0
    };
    (filter.state == 0 || filter.state == alert.state)
        && (filter.organization.is_empty() || filter.organization == uscc())
        && (filter.indicator.is_empty() || filter.indicator == alert.indicator)
        && (filter.unacknowledged_by.is_empty() || owes(&filter.unacknowledged_by))
        && (filter.severity == 0 || filter.severity == alert.severity)
        && (filter.kind == 0 || filter.kind == alert.kind)
}

impl Walk {
    /// Compares everything that can be seen.
    pub(super) async fn agree(&mut self) {
        let count = self.model.cases.len();
        let newest = count.saturating_sub(10)..count;
        let others: Vec<usize> = (0..SAMPLE.min(count))
            .map(|_| self.chooser.random.below(count))
            .collect();
        for place in newest.chain(others) {
            let looks = join_all(ACTORS.map(|who| self.get(place, who, 0))).await;
            for (who, answer) in ACTORS.into_iter().zip(looks) {
                self.looked(place, who, answer);
            }
            self.revisions_agree(place).await;
        }
        for who in ACTORS {
            self.lists_agree(who).await;
            self.board_agrees(who).await;
            self.inbox_agrees(who).await;
        }
        self.bank_sees_who_owes().await;
    }

    async fn get(&self, place: usize, who: Actor, revision: i32) -> Result<Bytes, Status> {
        let request = GetAlertRequest {
            name: self.model.cases[place].alert.name.clone(),
            revision,
        };
        self.desks.of(who).call(GET, request.encode_to_vec()).await
    }

    /// Somebody looks at an alert.
    pub(super) async fn look(&mut self, place: usize, who: Actor) {
        let answer = self.get(place, who, 0).await;
        self.looked(place, who, answer);
    }

    fn looked(&mut self, place: usize, who: Actor, answer: Result<Bytes, Status>) {
        if !self.model.cases[place].sees(who) {
            assert_eq!(reason(&answer.unwrap_err()), "NOT_FOUND", "{who:?}");
            return;
        }
        self.count(place, who, GET);
        let shown = GetAlertResponse::decode(answer.unwrap()).unwrap();
        self.same(place, who, shown.alert.unwrap());
    }

    /// What is shown to somebody is what the model says, and what was is still there.
    pub(super) fn same(&mut self, place: usize, who: Actor, shown: Alert) {
        let case = &self.model.cases[place];
        let mut expected = case.alert.clone();
        expected.possible_duplicates = self.model.duplicates(place, who.agency);
        assert_eq!(timeless(shown.clone()), expected, "{who:?}");
        for unit in &shown.units {
            let Some(at) = unit.acknowledged_at else {
                continue;
            };
            // An acknowledgement is not lost, and stays the first.
            let key = (place, unit.unit.clone(), shown.revision);
            assert_eq!(*self.acknowledged.entry(key).or_insert(at), at, "{unit:?}");
        }
        if let Some(before) = self.seen.insert(place, shown.clone()) {
            assert_eq!(before.raised_at, shown.raised_at);
            assert!(shown.information.starts_with(&before.information));
            assert!(shown.findings.starts_with(&before.findings));
            assert!(shown.closings.starts_with(&before.closings));
            assert!(shown.revisions.starts_with(&before.revisions));
            for (before, now) in before.joint_notices.iter().zip(&shown.joint_notices) {
                assert_eq!(before.drafted_at, now.drafted_at);
                assert!(now.signatures.starts_with(&before.signatures));
            }
            for (before, now) in before.measures.iter().zip(&shown.measures) {
                assert_eq!(before.taken_at, now.taken_at);
            }
        }
    }

    /// An earlier revision says what it said; where the alert stands is as of now.
    async fn revisions_agree(&mut self, place: usize) {
        let who = ACTORS[0];
        let newest = self.model.cases[place].alert.revision;
        let revision = 1 + i32::try_from(self.chooser.random.below(3)).unwrap();
        let answer = self.get(place, who, revision).await;
        if revision > newest {
            assert_eq!(reason(&answer.unwrap_err()), "INVALID_ARGUMENT");
            return;
        }
        self.count(place, who, GET);
        let shown = GetAlertResponse::decode(answer.unwrap()).unwrap();
        let shown = shown.alert.unwrap();
        let case = &self.model.cases[place];
        let mut expected = case.alert.clone();
        let at = usize::try_from(revision - 1).unwrap();
        say(&mut expected, &case.drafts[at]);
        let mut said = Alert::default();
        say(&mut said, &shown);
        let mut wanted = Alert::default();
        say(&mut wanted, &expected);
        assert_eq!(said, wanted);
        assert_eq!((shown.state, shown.revision), (case.alert.state, newest));
    }

    /// Lists, whole and narrowed, page by page.
    async fn lists_agree(&mut self, who: Actor) {
        let uscc = self.model.cases.last();
        let uscc = uscc.map(|case| case.alert.organization.clone().unwrap().uscc);
        let random = &mut self.chooser.random;
        let size = 5 + i32::try_from(random.below(90)).unwrap();
        let of = || ListAlertsRequest {
            page_size: size,
            ..ListAlertsRequest::default()
        };
        let mut narrowed = of();
        match random.below(6) {
            0 => narrowed.state = 1 + i32::try_from(random.below(5)).unwrap(),
            1 => narrowed.organization = uscc.unwrap_or_default(),
            2 => narrowed.indicator = random.pick(&INDICATORS).0.into(),
            3 => narrowed.set_severity(Severity::Emergency),
            4 => narrowed.set_kind(AlertKind::OverseasDonation),
            _ => {}
        }
        if random.percent(60) {
            narrowed.unacknowledged_by = agency_name(random.pick::<&str>(&UNITS));
        }
        for filter in [of(), narrowed] {
            self.list_agrees(who, filter).await;
        }
    }

    async fn list_agrees(&mut self, who: Actor, filter: ListAlertsRequest) {
        let places: Vec<usize> = (0..self.model.cases.len())
            .rev()
            .filter(|place| self.model.cases[*place].sees(who))
            .filter(|place| takes(&self.model.cases[*place], &filter))
            .collect();
        let cases = places.iter().map(|place| &self.model.cases[*place]);
        let expected: Vec<Alert> = cases.map(|case| summary(&case.alert)).collect();
        let mut listed = vec![];
        let mut request = filter.clone();
        loop {
            let answer = self.desks.of(who).ask(LIST, &request).await;
            let answer: Result<ListAlertsResponse, Status> = answer;
            if !who.reads() {
                assert_eq!(reason(&answer.unwrap_err()), "PERMISSION_DENIED");
                return;
            }
            let answer = answer.unwrap();
            assert!(answer.alerts.len() <= usize::try_from(request.page_size).unwrap());
            listed.extend(answer.alerts.into_iter().map(|mut alert| {
                // A list does not name the notice.
                assert_eq!(alert.notification, "");
                alert.notification = "told".into();
                timeless(alert)
            }));
            request.page_token = answer.next_page_token;
            if request.page_token.is_empty() {
                break;
            }
        }
        assert_eq!(listed, expected, "{who:?} {filter:?}");
        for place in places {
            self.count(place, who, LIST);
        }
    }

    async fn outstanding(&self, who: Actor, board: &str) -> Vec<OutstandingAction> {
        let mut found: Vec<OutstandingAction> = vec![];
        let mut request = ListOutstandingActionsRequest {
            parent: board.into(),
            page_size: 60,
            ..ListOutstandingActionsRequest::default()
        };
        loop {
            let method = channels!("ListOutstandingActions");
            let page = self.desks.of(who).ask(method, &request).await;
            let page: ListOutstandingActionsResponse = page.unwrap();
            found.extend(page.outstanding_actions);
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() {
                break;
            }
        }
        let due = found.iter().map(|one| {
            let at = one.due_at.unwrap();
            (at.seconds, at.nanos)
        });
        assert!(due.is_sorted(), "the earliest due first");
        found
    }

    /// What is owed of which alert, by whom.
    fn owed(&self, takes: impl Fn(&Case, &str) -> bool) -> Vec<(usize, String, i32)> {
        let cases = self.model.cases.iter().enumerate();
        let owed = cases.flat_map(|(place, case)| {
            let owed = case.owed().into_iter();
            owed.filter(|(unit, _)| takes(case, unit))
                .map(move |(unit, action)| (place, unit, action.into()))
                .collect::<Vec<_>>()
        });
        let mut owed: Vec<_> = owed.collect();
        owed.sort();
        owed
    }

    fn found(&self, listed: &[OutstandingAction]) -> Vec<(usize, String, i32)> {
        let place = |one: &OutstandingAction| self.model.named_in(&one.title);
        let found = listed.iter().map(|one| {
            let place = place(one).unwrap_or_else(|| panic!("of no alert: {one:?}"));
            assert!(!one.is_overdue);
            (place, one.recipient.clone(), one.action)
        });
        let mut found: Vec<_> = found.collect();
        found.sort();
        found
    }

    /// Its board tells an agency what it owes, and nothing that it does not.
    async fn board_agrees(&self, who: Actor) {
        let (board, expected) = match who.role {
            "office" => (OFFICE.to_owned(), vec![]),
            _ => {
                let own = agency_name(who.agency);
                let expected = self.owed(|_, unit| unit == own);
                (own, expected)
            }
        };
        let listed = self.outstanding(who, &board).await;
        assert_eq!(self.found(&listed), expected, "{who:?}");
    }

    /// The bank sees who owes what on what it asked: to acknowledge, and to look at measures again.
    async fn bank_sees_who_owes(&self) {
        let listed = self
            .outstanding(ACTORS[0], &format!("agencies/{BANK}/sent"))
            .await;
        let handle = hub_proto::channels::RequestedAction::HandleAlert;
        let mut found = self.found(&listed);
        found.retain(|one| one.2 == i32::from(handle));
        let mut expected = self.owed(|_, _| true);
        expected.retain(|one| one.2 == i32::from(handle));
        assert_eq!(found, expected);
    }

    async fn inbox(&self, who: Actor, inbox: &str) -> Vec<Notification> {
        let mut found: Vec<Notification> = vec![];
        let mut request = ListNotificationsRequest {
            parent: inbox.into(),
            page_size: 500,
            ..ListNotificationsRequest::default()
        };
        loop {
            let method = channels!("ListNotifications");
            let page = self.desks.of(who).ask(method, &request).await;
            let page: ListNotificationsResponse = page.unwrap();
            found.extend(page.notifications);
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() {
                return found;
            }
        }
    }

    /// Each unit was told of each revision once (FS-023); nobody hears of an alert that it may not see.
    async fn inbox_agrees(&self, who: Actor) {
        let inbox = match who.role {
            "office" => format!("{OFFICE}/inbox"),
            _ => format!("agencies/{}/inbox", who.agency),
        };
        let mut told: BTreeMap<String, i32> = BTreeMap::new();
        let notices = self.inbox(who, &inbox).await;
        for notice in notices {
            assert_eq!(notice.category, "fund_alert", "{notice:?}");
            let cases = &self.model.cases;
            let case = cases.iter().find(|one| one.alert.name == notice.resource);
            let case = case.unwrap_or_else(|| panic!("{who:?} is told {notice:?}"));
            let is_for_it = match who.role {
                "office" => !case.alert.is_named,
                _ => case.is_for(who.agency),
            };
            assert!(is_for_it, "{who:?} is told {notice:?}");
            if ASKING.iter().any(|title| notice.title.starts_with(title)) {
                *told.entry(notice.resource).or_default() += 1;
            }
        }
        let cases = self.model.cases.iter().filter(|case| match who.role {
            "office" => !case.alert.is_named,
            _ => case.unit(who.agency).is_some(),
        });
        let expected = cases.map(|case| (case.alert.name.clone(), case.alert.revision));
        assert_eq!(told, expected.collect(), "{who:?}");
    }

    /// The ledger has every read of every alert, by whom and how, and no other.
    pub(super) async fn reads_are_on_record(&self) {
        let mut request = ListAccessesRequest {
            parent: agency_name(BANK),
            kind: RecordKind::Alert.into(),
            oldest_first: true,
            page_size: 200,
            ..ListAccessesRequest::default()
        };
        let mut recorded: BTreeMap<(String, String, String), usize> = BTreeMap::new();
        loop {
            let method = hub_tests::audit!("ListAccesses");
            let page = self.desks.of(AUDITOR).ask(method, &request).await;
            let page: ListAccessesResponse = page.unwrap();
            for access in page.accesses {
                for record in access.records {
                    let key = (record.name, access.officer.clone(), access.method.clone());
                    *recorded.entry(key).or_default() += 1;
                }
            }
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() {
                break;
            }
        }
        let total: usize = recorded.values().sum();
        println!("{total} reads of alerts on the ledger");
        for (read, count) in &self.reads {
            let (name, officer, method) = read;
            let key = (name.clone(), officer.clone(), (*method).to_owned());
            let found = recorded.remove(&key).unwrap_or_default();
            let unsure = self.unsure.get(read).copied().unwrap_or_default();
            let known = *count..=*count + unsure;
            assert!(known.contains(&found), "{key:?}: {found}, not {known:?}");
        }
        assert_eq!(recorded, BTreeMap::new(), "reads that nobody made");
    }
}
