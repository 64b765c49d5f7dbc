//! Searches by everything that there is to search by, with what an attacker knows.

use hub_core::date::timestamp;
use hub_proto::channels::{
    NotificationKind, NotificationState, SearchNotificationsRequest,
    channel_service_server::ChannelService as _,
};
use hub_tests::direct::call;

use crate::{
    follow_up::blank_token,
    probe::{Observations, Probe, is_last},
    story::{SECRET_NUMBER, SECRET_USCC},
};

impl Probe<'_> {
    pub(crate) async fn search(&self, notes: &mut Observations) {
        for asked in self.searches() {
            self.search_for(notes, asked).await;
        }
    }

    /// One by each filter and some by several.
    fn searches(&self) -> Vec<SearchNotificationsRequest> {
        let of = |change: &dyn Fn(&mut SearchNotificationsRequest)| {
            let mut asked = SearchNotificationsRequest {
                page_size: 4,
                ..SearchNotificationsRequest::default()
            };
            change(&mut asked);
            asked
        };
        let mut all = vec![
            of(&|_| {}),
            of(&|one| one.oldest_first = true),
            of(&|one| one.page_size = 1),
            of(&|one| one.uscc = SECRET_USCC.into()),
            of(&|one| one.document_number = SECRET_NUMBER.into()),
            of(&|one| one.author = "agencies/hub".into()),
            of(&|one| one.category = "reminder".into()),
            of(&|one| one.category = "coordination".into()),
            of(&|one| {
                one.title = "秘".into();
                one.uscc = SECRET_USCC.into();
                one.state = NotificationState::Corrected.into();
            }),
        ];
        if !self.is_thorough {
            return all;
        }
        for title in ["秘", "秘查", "秘密理由", "答复", "提醒", "一"] {
            all.push(of(&|one| one.title = title.into()));
        }
        for state in 1..=3 {
            all.push(of(&|one| one.state = state));
        }
        for kind in [
            NotificationKind::Original,
            NotificationKind::Correction,
            NotificationKind::Retraction,
            NotificationKind::Reminder,
        ] {
            all.push(of(&|one| one.kind = kind.into()));
        }
        for channel in ["all-members", "joint-enforcement", "fund-supervision"] {
            all.push(of(&|one| one.channel = format!("channels/{channel}")));
        }
        for agency in ["pboc-branch", "public-security", "tax", "health"] {
            let agency = format!("agencies/{agency}");
            all.push(of(&|one| one.author.clone_from(&agency)));
            all.push(of(&|one| one.addressee.clone_from(&agency)));
            all.push(of(&|one| {
                one.author.clone_from(&agency);
                one.uscc = SECRET_USCC.into();
            }));
        }
        let now = hub::clock::Clock::now(&self.direct.clock);
        for hours in [1, 80, 100, 200] {
            let at = timestamp(now - jiff::SignedDuration::from_hours(hours));
            all.push(of(&|one| one.published_from = Some(at)));
            all.push(of(&|one| one.published_before = Some(at)));
        }
        for name in &self.told.names {
            all.push(of(&|one| one.in_reply_to.clone_from(name)));
        }
        for id in &self.told.ids {
            all.push(of(&|one| one.request_id.clone_from(id)));
        }
        all
    }

    async fn search_for(&self, notes: &mut Observations, mut asked: SearchNotificationsRequest) {
        let api = &self.direct.services;
        let what = format!("search {asked:?}");
        for page in 0.. {
            let answer = api
                .search_notifications(call(&self.caller, asked.clone()))
                .await;
            let next = answer.as_ref().ok();
            let next = next.map(|page| page.get_ref().next_page_token.clone());
            self.note(notes, format!("{what} page {page}"), answer, |page| {
                blank_token(&mut page.next_page_token);
            });
            if is_last(&mut asked.page_token, next) {
                break;
            }
        }
    }
}
