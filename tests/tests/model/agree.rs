//! Everything that every agency can see, compared with the model.

use hub_core::reason::Reason;
use hub_proto::channels::{ListNotificationsRequest, Notification};
use hub_tests::model::{MECHANISMS, OFFICE_HOST, Officer};

use crate::{Run, act::positions};

impl Run {
    /// Compares everything for every agency: logs, streams, consumers, what is
    /// outstanding, visibility and receipts.
    pub(crate) async fn agree(&mut self) {
        let counted = (self.recorded, self.refused);
        for agency in self.model.agencies.clone() {
            let role = |role: &str| Officer {
                agency: agency.clone(),
                id: format!("{agency}-{role}-0"),
                role: role.into(),
            };
            if self.model.cut_off.contains(&agency) {
                let refused = self.client(&role("clerk")).channels().list_channels().await;
                let reason = refused.expect_err("its node is revoked").reason();
                assert_eq!(reason, Some(Reason::NodeRevoked), "{agency}");
                continue;
            }
            let mut officers = vec![role("clerk")];
            if agency == OFFICE_HOST {
                officers.push(role("office"));
            }
            for officer in officers {
                self.agree_on_logs(&officer).await;
                self.agree_on_streams(&officer).await;
                self.agree_on_outstanding(&officer).await;
                self.agree_on_consumers(&officer).await;
                for number in self.sample() {
                    self.look_at(&officer, number).await;
                    let file = self.model.published[number].files.first().cloned();
                    if let Some(file) = file
                        && self.random.percent(40)
                    {
                        self.download_of(&officer, number, &file).await;
                    }
                }
                self.agree_on_uploads(&officer).await;
            }
        }
        // All receipts of all notifications, as their authors see them.
        for number in 0..self.model.published.len() {
            let author = &self.model.published[number].seen.author["agencies/".len()..];
            let officer = Officer {
                agency: author.into(),
                id: format!("{author}-clerk-0"),
                role: "clerk".into(),
            };
            if !self.model.cut_off.contains(&officer.agency) {
                self.look_at(&officer, number).await;
            }
        }
        self.agree_on_roster().await;
        self.agree_on_proofs().await;
        // Only commands count.
        (self.recorded, self.refused) = counted;
    }

    /// The newest notifications and some of the older.
    fn sample(&mut self) -> Vec<usize> {
        let count = self.model.published.len();
        let newest = count.saturating_sub(10)..count;
        let older = (0..10.min(count)).map(|_| self.random.below(count));
        older.chain(newest).collect()
    }

    async fn agree_on_logs(&mut self, officer: &Officer) {
        let on = self.today();
        let api = self.client(officer).channels();
        let channels = api.list_channels().await.unwrap();
        for channel in &channels {
            let head = i64::try_from(self.model.head(&channel.name)).unwrap();
            assert_eq!(channel.head_position, head);
        }
        let mut logs = self.model.readable(officer, on);
        let readable = logs.iter().filter(|log| log.starts_with("channels/"));
        let names: Vec<&String> = channels.iter().map(|channel| &channel.name).collect();
        assert_eq!(names, readable.collect::<Vec<_>>());
        if officer.role == "clerk" {
            logs.push(format!("agencies/{}/sent", officer.agency));
        }
        for log in logs {
            let mut request = ListNotificationsRequest {
                parent: log.clone(),
                page_size: 37,
                ..ListNotificationsRequest::default()
            };
            let mut all: Vec<Notification> = vec![];
            loop {
                let page = api.list_notifications(&request).await.unwrap();
                all.extend(page.notifications);
                if page.next_page_token.is_empty() {
                    break;
                }
                request.page_token = page.next_page_token;
            }
            let expected: Vec<_> = self.model.log(&log).into_iter().cloned().collect();
            assert_eq!(all, expected, "{officer:?}: {log}");
        }
    }

    async fn agree_on_streams(&mut self, officer: &Officer) {
        let logs = self.model.readable(officer, self.today());
        let waiting = self.model.waiting(&logs, &Default::default());
        let deliveries = self.backlog(officer, None).await;
        self.same_deliveries(&deliveries, &waiting);
        for (log, last) in positions(&waiting) {
            assert_eq!(last, self.model.head(log));
        }
    }

    async fn agree_on_consumers(&mut self, officer: &Officer) {
        let on = self.today();
        let found = self
            .client(officer)
            .channels()
            .list_consumers()
            .await
            .unwrap();
        let logs = self.model.readable(officer, on);
        let expected: Vec<_> = self
            .model
            .consumers
            .iter()
            .filter(|((agency, _), _)| *agency == officer.agency)
            .map(|((_, id), at)| (id.clone(), at.clone()))
            .collect();
        let ids: Vec<_> = found
            .iter()
            .map(|one| one.name.rsplit('/').next().unwrap())
            .collect();
        assert_eq!(
            ids,
            expected
                .iter()
                .map(|(id, _)| id.as_str())
                .collect::<Vec<_>>()
        );
        for (consumer, (id, at)) in found.iter().zip(&expected) {
            let read = at.iter().filter(|(log, _)| logs.contains(log));
            let lag: usize = read.map(|(log, at)| self.model.head(log) - at).sum();
            assert_eq!(
                consumer.lag_count,
                i64::try_from(lag).unwrap(),
                "{}",
                consumer.name
            );
            let waiting = self.model.waiting(&logs, at);
            let deliveries = self.backlog(officer, Some(id)).await;
            self.same_deliveries(&deliveries, &waiting);
        }
    }

    async fn agree_on_roster(&mut self) {
        let on = self.today();
        let office = Officer {
            agency: OFFICE_HOST.into(),
            id: "office-1".into(),
            role: "office".into(),
        };
        let api = self.client(&office).members();
        for mechanism in MECHANISMS {
            let parent = format!("mechanisms/{mechanism}");
            let list = api.list_memberships(&parent, None).await.unwrap();
            let mut found: Vec<_> = list
                .iter()
                .map(|one| {
                    let agency = one.agency.as_ref().unwrap().name["agencies/".len()..].to_owned();
                    (
                        agency,
                        one.liaison.as_ref().map(|liaison| liaison.officer.clone()),
                    )
                })
                .collect();
            let members = self.model.members[mechanism].iter();
            let mut expected: Vec<_> = members
                .filter(|(_, from_on)| *from_on <= on)
                .map(|(agency, _)| {
                    let unit = (mechanism.to_owned(), agency.clone());
                    (agency.clone(), self.model.liaisons.get(&unit).cloned())
                })
                .collect();
            found.sort();
            expected.sort();
            assert_eq!(found, expected);
        }
    }
}
