//! Random asks, replies, corrections and retractions, some of them racing for one notification.

use agency_client::channels::NotificationDraft;
use futures::future::join_all;
use hub_core::{
    date::{from_timestamp, timestamp},
    reason::Reason,
};
use hub_proto::channels::{
    Classification, ListOutstandingActionsRequest, Notification, NotificationKind,
    NotificationState, OutstandingAction,
};
use hub_tests::model::{MECHANISMS, OFFICE_HOST, Officer};
use jiff::{SignedDuration, Timestamp};

use crate::Run;

/// A correction, or a retraction when there is no draft, under an id of its own.
#[derive(Clone)]
pub(crate) struct Successor {
    officer: Officer,
    /// The number of what it takes the place of.
    number: usize,
    name: String,
    draft: Option<(NotificationDraft, Notification)>,
    request_id: String,
}

/// One that was answered, to be sent again.
#[derive(Clone)]
pub(crate) struct Succeeded {
    successor: Successor,
    seen: Notification,
}

/// Days after the beginning of a run by which the first of what is asked is due.
const DUE_AFTER_DAYS: i64 = 200;

const REASON: &str = "日期有误";

impl Run {
    /// Asks for signatures and replies now and then, by times of which many are the same, and answers
    /// something now and then, mostly to the one who asked.
    pub(crate) fn ask(
        &mut self,
        officer: &Officer,
        mut draft: NotificationDraft,
        shape: &mut Notification,
    ) -> NotificationDraft {
        if self.random.percent(30) {
            let by = self.by();
            draft = draft.sign_by(by);
            shape.sign_by_at = Some(timestamp(by));
        }
        if self.random.percent(30) {
            let by = self.by();
            draft = draft.reply_by(by);
            shape.reply_by_at = Some(timestamp(by));
        }
        if self.random.percent(35) && !self.model.published.is_empty() {
            let on = self.today();
            let recent = self.model.published.len().min(40);
            let mut number = 0;
            // Mostly something that it can see.
            for _ in 0..12 {
                number = self.model.published.len() - 1 - self.random.below(recent);
                if self.model.sees(officer, number, on) {
                    break;
                }
            }
            let name = self.model.published[number].seen.name.clone();
            draft = draft.in_reply_to(&name);
            shape.in_reply_to = name;
        }
        draft
    }

    fn by(&mut self) -> Timestamp {
        // After all the days that a run lasts, so that it can be asked for on each of them.
        let days = DUE_AFTER_DAYS + i64::try_from(self.random.below(4)).unwrap();
        self.began_at + SignedDuration::from_hours(24 * days)
    }

    /// Somebody to take the place of a notification: mostly of its author's agency.
    fn successor(&mut self, number: usize) -> Successor {
        let seen = self.model.published[number].seen.clone();
        let mut officer = self.officer();
        let author = &seen.author["agencies/".len()..];
        if self.random.percent(80) && !self.model.cut_off.iter().any(|one| one == author) {
            let role = *self.random.pick(&["clerk", "clerk", "publisher", "leader"]);
            let role = if author == OFFICE_HOST && seen.category == "work_notice" {
                "office"
            } else {
                role
            };
            officer = Officer {
                agency: author.into(),
                id: format!("{author}-{role}-{}", self.random.below(2)),
                role: role.into(),
            };
        }
        // A draft like another keeps its times; sometimes they are asked for anew.
        let draft = self.random.percent(60).then(|| {
            let mut shape = Notification {
                category: seen.category.clone(),
                title: format!("改 {:016x}", self.random.bits()),
                ..Notification::default()
            };
            if self.random.percent(5) {
                shape.category = "flawed".into();
            }
            let draft = NotificationDraft::like(&seen).category(&shape.category);
            let draft = draft
                .title(&shape.title)
                .text(format!("正文 {}", shape.title));
            let draft = draft
                .classification(Classification::Internal)
                .in_reply_to("");
            shape.sign_by_at = seen.sign_by_at;
            shape.reply_by_at = seen.reply_by_at;
            shape.attachments.clone_from(&seen.attachments);
            (self.ask(&officer, draft, &mut shape), shape)
        });
        Successor {
            officer,
            number,
            name: seen.name,
            draft,
            request_id: agency_client::request_id(),
        }
    }

    async fn send(&mut self, one: &Successor) -> Result<Notification, agency_client::ClientError> {
        let api = self.client(&one.officer).channels();
        let id = one.request_id.clone();
        match &one.draft {
            Some((draft, _)) => {
                let draft = draft.clone().request_id(id);
                let answer = api.correct(&one.name, draft, REASON).await?;
                Ok(answer.response.notification.unwrap())
            }
            None => {
                let answer = api.retract_as(&one.name, REASON, id).await?;
                Ok(answer.response.notification.unwrap())
            }
        }
    }

    fn expected(&self, one: &Successor) -> Result<Vec<String>, Reason> {
        let shape = one.draft.as_ref().map(|(_, shape)| shape);
        let on = self.today();
        self.model.supersede(&one.officer, one.number, shape, on)
    }

    pub(crate) async fn supersede(&mut self) {
        if self.model.published.is_empty() {
            return;
        }
        let mut number = self.random.below(self.model.published.len());
        // Mostly one that stands, or whose successor does.
        for _ in 0..4 {
            let one = &self.model.published[number];
            if one.seen.state() == NotificationState::Current && !one.is_issued {
                break;
            }
            number = self.random.below(self.model.published.len());
        }
        let mut one = self.successor(number);
        if let Some((draft, mut shape)) = one.draft.take() {
            let draft = self.attach(&one.officer, draft, &mut shape).await;
            one.draft = Some((draft, shape));
        }
        let expected = self.expected(&one);
        let answer = self.send(&one).await;
        let what = format!("{:?} takes the place of {}", one.officer, one.name);
        let answer = self.settle(&what, expected.as_ref().err().copied(), answer);
        if let (Some(seen), Ok(to)) = (answer, expected) {
            self.succeed(&one, seen, &to);
        }
    }

    fn succeed(&mut self, one: &Successor, seen: Notification, to: &[String]) {
        let retraction;
        let (shape, kind) = match &one.draft {
            Some((_, shape)) => (shape, NotificationKind::Correction),
            None => {
                retraction = Notification {
                    title: REASON.into(),
                    ..Notification::default()
                };
                (&retraction, NotificationKind::Retraction)
            }
        };
        self.check_seen(&one.officer, &seen, shape, to);
        let old = &self.model.published[one.number].seen;
        self.about_sealed[1] += usize::from(old.is_sealed);
        assert_eq!(seen.kind(), kind);
        assert_eq!((&seen.about, &*seen.reason), (&old.name, REASON));
        assert_eq!(seen.category, old.category);
        self.succeeded.push(Succeeded {
            successor: one.clone(),
            seen: seen.clone(),
        });
        let on = self.today();
        self.model.succeed(&one.officer, one.number, seen, to, on);
    }

    /// Several officers want the place of one notification at once: one of them gets it.
    pub(crate) async fn race(&mut self) {
        let standing: Vec<usize> = (0..self.model.published.len()).rev().take(30).collect();
        if standing.is_empty() {
            return;
        }
        let number = *self.random.pick(&standing);
        let count = 2 + self.random.below(3);
        let ones: Vec<Successor> = (0..count).map(|_| self.successor(number)).collect();
        let expected: Vec<_> = ones.iter().map(|one| self.expected(one)).collect();
        let mut calls = vec![];
        for one in &ones {
            let api = self.client(&one.officer).channels();
            let (one, id) = (one.clone(), one.request_id.clone());
            calls.push(async move {
                match one.draft {
                    Some((draft, _)) => {
                        let answer = api.correct(&one.name, draft.request_id(id), REASON).await;
                        answer.map(|answer| answer.response.notification.unwrap())
                    }
                    None => {
                        let answer = api.retract_as(&one.name, REASON, id).await;
                        answer.map(|answer| answer.response.notification.unwrap())
                    }
                }
            });
        }
        let answers = join_all(calls).await;
        let mut winner = None;
        for ((one, expected), answer) in ones.iter().zip(&expected).zip(answers) {
            let what = format!("{:?} races for {}", one.officer, one.name);
            match (expected, answer) {
                (Ok(to), Ok(seen)) => {
                    assert!(winner.is_none(), "{what}: two have won");
                    self.settle(&what, None, Ok(()));
                    winner = Some((one, seen, to));
                }
                (Ok(_), answer) => {
                    self.settle(&what, Some(Reason::NotificationSuperseded), answer);
                }
                (Err(reason), answer) => {
                    self.settle(&what, Some(*reason), answer);
                }
            }
        }
        let was_open = expected.iter().any(Result::is_ok);
        assert_eq!(winner.is_some(), was_open, "somebody wins");
        if let Some((one, seen, to)) = winner {
            self.succeed(one, seen, to);
        }
    }

    /// A replay is answered as the first call was, though the place is taken by now.
    pub(crate) async fn supersede_again(&mut self) {
        if self.succeeded.is_empty() {
            return;
        }
        let again = self.random.pick(&self.succeeded).clone();
        let one = again.successor;
        if self.model.cut_off.contains(&one.officer.agency) {
            return;
        }
        let expected = match self.expected(&one) {
            Ok(_) => panic!("{} still stands", one.name),
            Err(Reason::NotificationSuperseded) => {
                let is_sealed = self.model.is_sealed(&again.seen.name);
                is_sealed.then_some(Reason::ContentSealed)
            }
            Err(reason) => Some(reason),
        };
        let answer = self.send(&one).await;
        if let Some(seen) = self.settle("a replay of a successor", expected, answer) {
            assert_eq!(seen, again.seen);
            let agency = &one.officer.agency;
            self.model.settle_files(agency, &seen.attachments);
        }
    }

    /// A page of what is outstanding on some list, seen or not.
    pub(crate) async fn look_at_a_list(&mut self) {
        let officer = self.officer();
        let agency = if self.random.percent(60) {
            officer.agency.clone()
        } else {
            self.agency()
        };
        let parents = [
            format!("agencies/{agency}"),
            format!("agencies/{agency}/sent"),
            format!("mechanisms/{}/office", self.random.pick(&MECHANISMS)),
            format!("channels/{}", self.random.pick(&MECHANISMS)),
            "channels/all-members".into(),
        ];
        let parent = self.random.pick(&parents).clone();
        let on = self.today();
        let is_shown = self.model.lists_outstanding(&officer, &parent, on);
        let expected = (!is_shown).then(|| self.model.unseen(&officer, on));
        let page_size = 1 + self.random.below(10);
        let mut request = ListOutstandingActionsRequest {
            parent: parent.clone(),
            page_size: i32::try_from(page_size).unwrap(),
            ..ListOutstandingActionsRequest::default()
        };
        let api = self.client(&officer).channels();
        let answer = api.outstanding(&request).await;
        let what = format!("{officer:?} lists what is outstanding on {parent}");
        let Some(page) = self.settle(&what, expected, answer) else {
            return;
        };
        let mut all = self.model.outstanding(&parent);
        assert_eq!(page.next_page_token.is_empty(), all.len() <= page_size);
        all.truncate(page_size);
        assert_eq!(page.outstanding_actions, all, "{what}");
        request.overdue_only = true;
        let overdue = api.outstanding(&request).await.unwrap();
        assert_eq!(overdue.outstanding_actions, [], "nothing is due for a day");
    }

    /// Every list of what is outstanding that an officer may see, page by page.
    pub(crate) async fn agree_on_outstanding(&mut self, officer: &Officer) {
        let on = self.today();
        let mut parents = vec![
            format!("agencies/{}", officer.agency),
            format!("agencies/{}/sent", officer.agency),
            "channels/all-members".into(),
        ];
        for mechanism in MECHANISMS {
            parents.push(format!("mechanisms/{mechanism}/office"));
            parents.push(format!("channels/{mechanism}"));
        }
        let api = self.client(officer).channels();
        for parent in parents {
            let mut request = ListOutstandingActionsRequest {
                parent: parent.clone(),
                page_size: 7,
                ..ListOutstandingActionsRequest::default()
            };
            if !self.model.lists_outstanding(officer, &parent, on) {
                let refused = api.outstanding(&request).await;
                let refused = refused.expect_err("it is not for this officer");
                assert_eq!(refused.reason(), Some(self.model.unseen(officer, on)));
                continue;
            }
            let mut all: Vec<OutstandingAction> = vec![];
            loop {
                let page = api.outstanding(&request).await.unwrap();
                all.extend(page.outstanding_actions);
                if page.next_page_token.is_empty() {
                    break;
                }
                request.page_token = page.next_page_token;
            }
            assert_eq!(
                all,
                self.model.outstanding(&parent),
                "{officer:?}: {parent}"
            );
            let due = |one: &OutstandingAction| one.due_at.as_ref().and_then(from_timestamp);
            assert!(all.iter().map(due).is_sorted());
        }
    }
}
