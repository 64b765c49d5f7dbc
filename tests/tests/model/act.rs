//! One random command, sent to the hub and told to the model.

use std::{collections::BTreeMap, fmt::Debug};

use agency_client::{
    ClientError,
    channels::NotificationDraft,
    subscribe::{Event, SubscribeOptions},
};
use hub_core::{date::to_wire, reason::Reason};
use hub_proto::{
    channels::{
        Classification, Delivery, ListNotificationsRequest, Notification, NotificationKind,
        NotificationState, PublishNotificationResponse, RequestedAction,
    },
    members::{
        AddMembershipRequest, AppointLiaisonRequest, Liaison, Rank, add_membership_request::Basis,
    },
};
use hub_tests::model::{MECHANISMS, OFFICE_HOST, Officer};

use crate::{Run, time::Proved};

/// A publish that was answered.
#[derive(Clone)]
pub(crate) struct Answered {
    officer: Officer,
    draft: NotificationDraft,
    shape: Notification,
    response: PublishNotificationResponse,
}

impl Run {
    pub(crate) fn agency(&mut self) -> String {
        self.random.pick(&self.model.agencies).clone()
    }

    /// An officer of an agency that is not cut off.
    pub(crate) fn officer(&mut self) -> Officer {
        let agency = loop {
            let agency = self.agency();
            if !self.model.cut_off.contains(&agency) {
                break agency;
            }
        };
        let mut roles = vec!["clerk", "leader", "liaison", "publisher"];
        match agency.as_str() {
            OFFICE_HOST => roles.extend(["office", "office"]),
            "pboc-branch" => roles.push("analyst"),
            _ => {}
        }
        let role = *self.random.pick(&roles);
        let id = format!("{agency}-{role}-{}", self.random.below(2));
        Officer {
            agency,
            id,
            role: role.into(),
        }
    }

    fn office(&self) -> Officer {
        Officer {
            agency: OFFICE_HOST.into(),
            id: "office-1".into(),
            role: "office".into(),
        }
    }

    pub(crate) async fn step(&mut self) {
        match self.random.below(112) {
            0..=28 => self.publish().await,
            29..=36 => self.publish_batch().await,
            37..=41 => self.open_or_sign(false).await,
            42..=53 => self.open_or_sign(true).await,
            54..=62 => self.acknowledge().await,
            63..=67 => self.look().await,
            68..=73 => self.look_at_a_list().await,
            74..=82 => self.supersede().await,
            83..=85 => self.race().await,
            86 | 87 => self.publish_again().await,
            88 => self.supersede_again().await,
            // A membership or an office begins on a day of the ledger's at the earliest, and that is yet
            // to come for callers.
            89..=98 if self.is_ledger_ahead => self.download().await,
            89..=96 => self.appoint().await,
            97 | 98 => self.add_member().await,
            99 => self.revoke().await,
            100..=102 => self.upload().await,
            103 | 104 => self.cut_an_upload().await,
            _ => self.download().await,
        }
    }

    /// What both sides must agree on: an answer, or the reason of a refusal.
    pub(crate) fn settle<T: Debug>(
        &mut self,
        what: &str,
        expected: Option<Reason>,
        answer: Result<T, ClientError>,
    ) -> Option<T> {
        match (expected, answer) {
            (None, Ok(answer)) => {
                self.recorded += 1;
                Some(answer)
            }
            (Some(reason), Err(error)) if error.reason() == Some(reason) => {
                self.refused += 1;
                None
            }
            (expected, answer) => panic!("{what}: the model says {expected:?}, the hub {answer:?}"),
        }
    }

    fn draft(&mut self, officer: &Officer) -> (NotificationDraft, Notification) {
        let category = match self.random.below(10) {
            0..=4 => "coordination",
            5 if officer.agency == OFFICE_HOST => "work_notice",
            5 | 6 => "case_result_fund",
            7 => "supervision_info",
            8 => "fund_referral",
            _ => "non_member_action",
        };
        let category = if officer.role == "office" && self.random.percent(60) {
            "work_notice"
        } else {
            category
        };
        let mut shape = Notification {
            category: category.into(),
            title: format!("题 {:016x}", self.random.bits()),
            ..Notification::default()
        };
        let is_open = matches!(category, "coordination" | "work_notice");
        let way = self.random.below(if is_open { 10 } else { 30 });
        let draft = match way {
            0..=4 => {
                let channels = ["all-members", MECHANISMS[0], MECHANISMS[1]];
                shape.channel = format!("channels/{}", self.random.pick(&channels));
                NotificationDraft::to_channel(&shape.channel)
            }
            5..=8 => {
                let count = 1 + self.random.below(3);
                for _ in 0..count {
                    let one = if self.random.percent(15) {
                        format!("mechanisms/{}/office", self.random.pick(&MECHANISMS))
                    } else {
                        format!("agencies/{}", self.agency())
                    };
                    if !shape.addressees.contains(&one) {
                        shape.addressees.push(one);
                    }
                }
                NotificationDraft::to(&shape.addressees)
            }
            _ => NotificationDraft::by_route(category),
        };
        let draft = draft
            .category(category)
            .title(&shape.title)
            .text(format!("正文 {}", shape.title))
            .classification(Classification::Internal);
        (self.ask(officer, draft, &mut shape), shape)
    }

    /// What the hub must say of a notification that it recorded.
    pub(crate) fn check_seen(
        &self,
        officer: &Officer,
        seen: &Notification,
        shape: &Notification,
        to: &[String],
    ) {
        let name = if to[0].starts_with("channels/") {
            assert_eq!(
                (seen.channel.as_str(), &seen.addressees),
                (to[0].as_str(), &vec![])
            );
            format!("{}/notifications/{}", to[0], self.model.head(&to[0]) + 1)
        } else {
            assert_eq!((seen.channel.as_str(), &seen.addressees[..]), ("", to));
            format!(
                "agencies/{}/notifications/{}",
                officer.agency, seen.request_id
            )
        };
        assert_eq!(seen.name, name);
        assert_eq!(seen.title, shape.title);
        assert_eq!(seen.in_reply_to, shape.in_reply_to);
        assert_eq!(
            (seen.sign_by_at, seen.reply_by_at),
            (shape.sign_by_at, shape.reply_by_at)
        );
        assert_eq!(seen.attachments, shape.attachments);
        assert_eq!(seen.state(), NotificationState::Current);
        assert_eq!((&*seen.superseded_by, seen.is_sealed), ("", false));
        assert_eq!(seen.author, format!("agencies/{}", officer.agency));
        assert_eq!(
            (&seen.author_officer, &seen.author_role),
            (&officer.id, &officer.role)
        );
    }

    async fn publish(&mut self) {
        let on = self.today();
        let mut officer = self.officer();
        let (mut draft, mut shape) = self.draft(&officer);
        let mut expected = self.model.check(&officer, &shape, on);
        // Mostly what is permitted, so that there is something to follow up.
        for _ in 0..3 {
            if expected.is_ok() || self.random.percent(15) {
                break;
            }
            officer = self.officer();
            (draft, shape) = self.draft(&officer);
            expected = self.model.check(&officer, &shape, on);
        }
        let draft = self.attach(&officer, draft, &mut shape).await;
        let claims = self.model.claims(&officer.agency, &shape.attachments);
        let expected = expected.and_then(|to| claims.map(|()| to));
        let client = self.client(&officer);
        let answer = client.channels().publish(draft.clone()).await;
        let what = format!("{officer:?} publishes {shape:?}");
        let answer = self.settle(&what, expected.as_ref().err().copied(), answer);
        if let (Some(answer), Ok(to)) = (answer, expected) {
            let seen = answer.response.notification.clone().unwrap();
            self.check_seen(&officer, &seen, &shape, &to);
            assert_eq!(seen.kind(), NotificationKind::Original);
            self.about_sealed[0] += usize::from(self.model.is_sealed(&seen.in_reply_to));
            let number = self.model.record(seen, on, &to, true);
            self.receipts.push(Proved {
                number,
                receipt: answer.receipt.clone().unwrap(),
                authored: answer.authored.clone(),
            });
            self.model.follow_up(&officer, number, &to, on);
            self.answered.push(Answered {
                officer,
                draft,
                shape,
                response: answer.response,
            });
        }
    }

    async fn publish_batch(&mut self) {
        let officer = self.officer();
        let count = 1 + self.random.below(4);
        let (mut drafts, mut shapes) = (vec![], vec![]);
        for _ in 0..count {
            let (draft, mut shape) = self.draft(&officer);
            drafts.push(self.attach(&officer, draft, &mut shape).await);
            shapes.push(shape);
        }
        let on = self.today();
        let checks: Vec<_> = shapes
            .iter()
            .map(|shape| self.model.check(&officer, shape, on))
            .collect();
        let refusals: Vec<Reason> = checks
            .iter()
            .filter_map(|one| one.as_ref().err().copied())
            .collect();
        // Broken fields come before what is not permitted.
        let is_invalid = refusals.contains(&Reason::InvalidArgument);
        let mut claims = shapes.iter();
        let claims =
            claims.try_for_each(|shape| self.model.claims(&officer.agency, &shape.attachments));
        let expected = if is_invalid {
            Some(Reason::InvalidArgument)
        } else {
            refusals.first().copied().or(claims.err())
        };
        let client = self.client(&officer);
        let answer = client.channels().publish_batch(drafts.clone()).await;
        let what = format!("{officer:?} publishes a batch {shapes:?}");
        let Some(answer) = self.settle(&what, expected, answer) else {
            return;
        };
        let call = self.model.published.len();
        self.receipts.push(Proved {
            number: call,
            receipt: answer.receipt.clone().unwrap(),
            authored: answer.authored.clone(),
        });
        let published = answer.response.notifications;
        assert_eq!(published.len(), count);
        for (((mut seen, shape), to), draft) in
            published.into_iter().zip(&shapes).zip(checks).zip(drafts)
        {
            let to = to.unwrap();
            assert_eq!(seen.request_id, draft.id());
            assert!(seen.body.is_empty());
            self.check_seen(&officer, &seen, shape, &to);
            seen.body = format!("正文 {}", shape.title).into_bytes().into();
            let number = self.model.record(seen, on, &to, true);
            self.model.published[number].call = call;
            self.model.follow_up(&officer, number, &to, on);
        }
    }

    async fn publish_again(&mut self) {
        if self.answered.is_empty() {
            return;
        }
        let again = self.random.pick(&self.answered).clone();
        let on = self.today();
        if self.model.cut_off.contains(&again.officer.agency) {
            return;
        }
        // A replay needs the same rights as the first time; they may have ended since.
        let files = &again.shape.attachments;
        let checked = self.model.check(&again.officer, &again.shape, on);
        let claims = self.model.claims(&again.officer.agency, files);
        let refused = checked.and(claims).err();
        // Whether a request is the same can be told of nothing that is sealed.
        let name = &again.response.notification.as_ref().unwrap().name;
        let is_sealed = self.model.is_sealed(name);
        let sealed = is_sealed.then_some(Reason::ContentSealed);
        let client = self.client(&again.officer);
        let answer = client.channels().publish(again.draft.clone()).await;
        if let Some(answer) = self.settle("a replay", refused.or(sealed), answer) {
            assert_eq!(answer.response, again.response);
            self.model.settle_files(&again.officer.agency, files);
        } else if !is_sealed || refused.is_some() {
            return;
        }
        let other = client.channels().publish(again.draft.title("另一题")).await;
        let reused = sealed.unwrap_or(Reason::RequestIdReused);
        self.settle("the id again", Some(reused), other);
    }

    async fn open_or_sign(&mut self, is_sign: bool) {
        if self.model.published.is_empty() {
            return;
        }
        let mut number = self.random.below(self.model.published.len());
        if is_sign && self.random.percent(60) {
            number = self.owing().unwrap_or(number);
        }
        let on = self.today();
        let mut officer = self.officer();
        // Mostly someone who can see it.
        for _ in 0..6 {
            if self.model.sees(&officer, number, on) {
                break;
            }
            officer = self.officer();
        }
        let recipient = match self.random.below(10) {
            0 => format!("agencies/{}", self.agency()),
            1..=3 => format!("mechanisms/{}/office", self.random.pick(&MECHANISMS)),
            _ => format!("agencies/{}", officer.agency),
        };
        let expected = self.model.act(&officer, number, &recipient, is_sign, on);
        let name = self.model.published[number].seen.name.clone();
        let api = self.client(&officer).channels();
        let what = format!("{officer:?} opens or signs {name} for {recipient}");
        let (row, receipt) = if is_sign {
            let answer = api.sign_for(&name, Some(&recipient)).await;
            let Some(answer) = self.settle(&what, expected, answer) else {
                return;
            };
            (
                answer.response.delivery_receipt.unwrap(),
                answer.response.receipt.unwrap(),
            )
        } else {
            let answer = api.open(&name, Some(&recipient)).await;
            let Some(answer) = self.settle(&what, expected, answer) else {
                return;
            };
            let response = answer.response;
            assert_eq!(
                response.notification.as_ref(),
                Some(&self.model.published[number].seen)
            );
            (
                response.delivery_receipt.unwrap(),
                response.receipt.unwrap(),
            )
        };
        let expected = self.model.row(number, &recipient);
        if is_sign && expected.signed_for_at.is_none() {
            expected.signed_for_at = receipt.recorded_at;
            expected.signed_for_by.clone_from(&officer.id);
            expected.signed_for_receipt = Some(receipt);
            let signed = [RequestedAction::SignFor, RequestedAction::Acknowledge];
            self.model.settle(number, &recipient, &signed);
        } else if !is_sign && expected.opened_at.is_none() {
            expected.opened_at = receipt.recorded_at;
            expected.opened_by.clone_from(&officer.id);
        }
        let expected = self.model.row_as_seen(&officer, number, &recipient, on);
        assert_eq!(row, expected);
    }

    /// A notification of which somebody owes something.
    fn owing(&mut self) -> Option<usize> {
        let rows = self.model.receipts.iter();
        let owing = rows.filter(|(_, row)| !row.outstanding_actions.is_empty());
        let mut numbers: Vec<usize> = owing.map(|((number, _), _)| *number).collect();
        // The rows are in no order, and the same seed must give the same run.
        numbers.sort_unstable();
        (!numbers.is_empty()).then(|| *self.random.pick(&numbers))
    }

    async fn acknowledge(&mut self) {
        let officer = self.officer();
        let on = self.today();
        if !self.model.may(&officer, "acknowledge", on) {
            return;
        }
        let consumer = (*self.random.pick(&["oa", "archive"])).to_owned();
        let logs = self.model.readable(&officer, on);
        let key = (officer.agency.clone(), consumer.clone());
        let mut at = self.model.consumers.get(&key).cloned().unwrap_or_default();
        let waiting = self.model.waiting(&logs, &at);
        let deliveries = self.backlog(&officer, Some(&consumer)).await;
        self.same_deliveries(&deliveries, &waiting);
        if deliveries.is_empty() {
            return;
        }
        let taken = 1 + self.random.below(deliveries.len());
        at.retain(|log, _| logs.contains(log));
        // A cursor stands in every log that is read, also before its first notification.
        for log in &logs {
            at.entry(log.clone()).or_default();
        }
        for (log, position, _) in &waiting[..taken] {
            at.insert(log.clone(), *position);
        }
        let cursor = deliveries[taken - 1].cursor.clone();
        let api = self.client(&officer).channels();
        let answer = api.acknowledge(&consumer, &cursor).await;
        let answer = self.settle("an acknowledgement", None, answer).unwrap();
        let recorded_at = answer.response.receipt.unwrap().recorded_at;
        self.model
            .acknowledge(&officer, &consumer, &at, recorded_at);
        // Back again is refused, if there is a way back.
        let first = &deliveries[0];
        if waiting[..taken]
            .iter()
            .filter(|(log, _, _)| *log == first.log)
            .count()
            > 1
        {
            let back = api.acknowledge(&consumer, &first.cursor).await;
            self.settle(
                "an acknowledgement backwards",
                Some(Reason::CursorBehind),
                back,
            );
        }
    }

    /// What a stream hands out until it has caught up.
    pub(crate) async fn backlog(
        &mut self,
        officer: &Officer,
        consumer: Option<&str>,
    ) -> Vec<Delivery> {
        let mut stream = self.client(officer).channels().subscribe(SubscribeOptions {
            consumer: consumer.map(Into::into),
            ..SubscribeOptions::default()
        });
        let mut deliveries = vec![];
        loop {
            match stream.next().await.unwrap().unwrap() {
                Event::Delivery(delivery) => deliveries.push(*delivery),
                _ => return deliveries,
            }
        }
    }

    pub(crate) fn same_deliveries(
        &self,
        deliveries: &[Delivery],
        waiting: &[(String, usize, usize)],
    ) {
        assert_eq!(deliveries.len(), waiting.len());
        for (delivery, (log, position, number)) in deliveries.iter().zip(waiting) {
            let position = i64::try_from(*position).unwrap();
            assert_eq!((&delivery.log, delivery.position), (log, position));
            let expected = &self.model.published[*number].seen;
            assert_eq!(delivery.notification.as_ref(), Some(expected));
        }
    }

    /// Lists, reads and receipts of whatever, seen or not.
    async fn look(&mut self) {
        let officer = self.officer();
        let on = self.today();
        let agency = if self.random.percent(50) {
            officer.agency.clone()
        } else {
            self.agency()
        };
        let logs = [
            format!("agencies/{agency}/inbox"),
            format!("agencies/{agency}/sent"),
            format!("mechanisms/{}/office/inbox", self.random.pick(&MECHANISMS)),
            format!("channels/{}", self.random.pick(&MECHANISMS)),
        ];
        let log = self.random.pick(&logs).clone();
        let newest_first = self.random.percent(50);
        let page_size = 1 + self.random.below(20);
        let request = ListNotificationsRequest {
            parent: log.clone(),
            page_size: i32::try_from(page_size).unwrap(),
            newest_first,
            ..ListNotificationsRequest::default()
        };
        let api = self.client(&officer).channels();
        let expected =
            (!self.model.reads(&officer, &log, on)).then(|| self.model.unseen(&officer, on));
        let answer = api.list_notifications(&request).await;
        if let Some(page) = self.settle(&format!("{officer:?} lists {log}"), expected, answer) {
            let mut all: Vec<Notification> = self.model.log(&log).into_iter().cloned().collect();
            if newest_first {
                all.reverse();
            }
            assert_eq!(page.next_page_token.is_empty(), all.len() <= page_size);
            all.truncate(page_size);
            assert_eq!(page.notifications, all);
        }
        if !self.model.published.is_empty() {
            let number = self.random.below(self.model.published.len());
            self.look_at(&officer, number).await;
        }
    }

    /// One notification and its receipts, seen or not.
    pub(crate) async fn look_at(&mut self, officer: &Officer, number: usize) {
        let on = self.today();
        let name = self.model.published[number].seen.name.clone();
        let expected =
            (!self.model.sees(officer, number, on)).then(|| self.model.unseen(officer, on));
        let api = self.client(officer).channels();
        let what = format!("{officer:?} looks at {name}");
        let answer = api.notification(&name).await;
        if let Some(answer) = self.settle(&what, expected, answer) {
            let seen = &self.model.published[number].seen;
            assert_eq!(answer.notification.as_ref(), Some(seen));
            assert_eq!(answer.receipt.unwrap().recorded_at, seen.published_at);
        }
        let answer = api.delivery_receipts(&name).await;
        if let Some(rows) = self.settle(&what, expected, answer) {
            assert_eq!(rows, self.model.rows(officer, number, on), "{what}");
        }
        self.search(officer, number).await;
    }

    async fn appoint(&mut self) {
        let officer = self.officer();
        let on = self.today();
        let mechanism = (*self.random.pick(&MECHANISMS)).to_owned();
        let unit = (mechanism.clone(), officer.agency.clone());
        let present = self.model.liaisons.get(&unit).cloned();
        let new = format!("{}-liaison-{}", officer.agency, self.random.below(2));
        let replaces = if self.random.percent(85) {
            present.clone().unwrap_or_default()
        } else {
            (*self.random.pick(&["", "somebody"])).to_owned()
        };
        let is_granted = self.model.may(&officer, "appoint", on)
            && self.model.is_member(&officer.agency, &mechanism, on);
        let expected = match (is_granted, &present, replaces.as_str()) {
            (false, _, _) => Some(Reason::PermissionDenied),
            (true, None, "") => None,
            (true, Some(present), one) if present == one => None,
            (true, Some(_), "") => Some(Reason::LiaisonExists),
            (true, _, _) => Some(Reason::LiaisonMismatch),
        };
        let request = AppointLiaisonRequest {
            parent: format!("mechanisms/{mechanism}"),
            liaison: Some(Liaison {
                officer: new.clone(),
                display_name: "联络员".into(),
                rank: Rank::Division.into(),
                from_on: Some(to_wire(on)),
                ..Liaison::default()
            }),
            replaces,
            ..AppointLiaisonRequest::default()
        };
        let api = self.client(&officer).members();
        let answer = api.appoint_liaison(request).await;
        let what = format!("{officer:?} appoints {new} in {mechanism}");
        if self.settle(&what, expected, answer).is_none() {
            return;
        }
        self.model.liaisons.insert(unit, new.clone());
        // JE-028: the office is told; what it is told is read back and must name the new one.
        let office = self.office();
        let log = format!("mechanisms/{mechanism}/office/inbox");
        let request = ListNotificationsRequest {
            parent: log.clone(),
            page_size: 1,
            newest_first: true,
            ..ListNotificationsRequest::default()
        };
        let page = self
            .client(&office)
            .channels()
            .list_notifications(&request)
            .await;
        let seen = page.unwrap().notifications.remove(0);
        assert!(String::from_utf8_lossy(&seen.body).contains(&new));
        assert_eq!(seen.author, format!("agencies/{}", officer.agency));
        let to = [format!("mechanisms/{mechanism}/office")];
        assert_eq!(seen.addressees, to);
        self.model.record(seen, on, &to, false);
    }

    async fn add_member(&mut self) {
        let on = self.today();
        let mechanism = (*self.random.pick(&MECHANISMS)).to_owned();
        let agency = self.agency();
        let by_case = self.random.percent(50);
        let expected = match (mechanism.as_str(), by_case) {
            ("joint-enforcement", false) | ("fund-supervision", true) => {
                Some(Reason::MembershipBasisMissing)
            }
            _ if self.model.is_member(&agency, &mechanism, on) => Some(Reason::MembershipExists),
            _ => None,
        };
        let basis = if by_case {
            Basis::CaseReference("案".into())
        } else {
            Basis::LeadingGroupDecision("晋社管组发〔2026〕3号".into())
        };
        let request = AddMembershipRequest {
            parent: format!("mechanisms/{mechanism}"),
            agency: format!("agencies/{agency}"),
            from_on: Some(to_wire(on)),
            basis: Some(basis),
            ..AddMembershipRequest::default()
        };
        let office = self.office();
        let api = self.client(&office).members();
        let answer = api.add_membership(request).await;
        if self
            .settle(
                &format!("{agency} is added to {mechanism}"),
                expected,
                answer,
            )
            .is_some()
        {
            let members = self.model.members.get_mut(&mechanism).unwrap();
            members.push((agency, on));
        }
    }

    /// The office cuts an agency off, at most two of them.
    async fn revoke(&mut self) {
        let agency = self.agency();
        if agency == OFFICE_HOST
            || self.model.cut_off.len() >= 2
            || self.model.cut_off.contains(&agency)
        {
            return;
        }
        let officer = Officer {
            agency: OFFICE_HOST.into(),
            id: "roster-1".into(),
            role: "roster-admin".into(),
        };
        let api = self.client(&officer).members();
        let nodes = api
            .list_nodes(Some(&format!("agencies/{agency}")))
            .await
            .unwrap();
        let answer = api.revoke_node(&nodes[0].name, "停用").await;
        self.settle("a revocation", None, answer);
        self.model.cut_off.push(agency);
    }
}

/// Positions by log of some deliveries.
pub(crate) fn positions(waiting: &[(String, usize, usize)]) -> BTreeMap<&str, usize> {
    let pairs = waiting.iter();
    pairs
        .map(|(log, position, _)| (log.as_str(), *position))
        .collect()
}
