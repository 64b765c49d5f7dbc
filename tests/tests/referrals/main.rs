//! Referrals over mTLS. Tests bear the ids of the requirements that they prove.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a failure here is a failed test; seeds are printed"
)]

mod authority;
mod contents;
mod life;
mod walk;

use hub_proto::{
    channels::{
        ListNotificationsRequest, ListNotificationsResponse, ListOutstandingActionsRequest,
        ListOutstandingActionsResponse, Notification, OutstandingAction,
    },
    referrals::Referral,
};
use hub_tests::{
    World, channels, meetings,
    raw::Session,
    referrals::{self, Act},
};

/// The bank branch and the police, who hand matters over (FS-036).
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) bank: Session,
    pub(crate) police: Session,
}

impl Stage {
    pub(crate) async fn set() -> Self {
        let world = World::start().await;
        Self {
            bank: referrals::analyst(&world),
            police: meetings::leader(&world, "public-security"),
            world,
        }
    }

    /// A referral of the bank to the police; its name.
    pub(crate) async fn send(&self) -> String {
        let sent = referrals::send(&self.bank, referrals::draft("public-security")).await;
        sent.unwrap().referral.unwrap().name
    }

    pub(crate) fn side(&self, act: &Act) -> &Session {
        if act.is_senders() {
            &self.bank
        } else {
            &self.police
        }
    }

    /// Acts of whichever side does them, which must be let through; where it stands after the last.
    pub(crate) async fn run(&self, name: &str, acts: &[Act]) -> Referral {
        let mut last = Referral::default();
        for act in acts {
            let done = referrals::act(self.side(act), name, act).await;
            let done = done.unwrap_or_else(|status| panic!("{act:?}: {status:?}"));
            last = done.referral.unwrap();
        }
        last
    }

    /// Hub's notices of referrals in a log.
    pub(crate) async fn notices(&self, session: &Session, log: &str) -> Vec<Notification> {
        let request = ListNotificationsRequest {
            parent: log.into(),
            page_size: 500,
            ..ListNotificationsRequest::default()
        };
        let page: ListNotificationsResponse = session
            .ask(channels!("ListNotifications"), &request)
            .await
            .unwrap();
        let all = page.notifications.into_iter();
        all.filter(|one| one.category == "referral").collect()
    }

    pub(crate) async fn board(&self, session: &Session, parent: &str) -> Vec<OutstandingAction> {
        let request = ListOutstandingActionsRequest {
            parent: parent.into(),
            ..ListOutstandingActionsRequest::default()
        };
        let page: ListOutstandingActionsResponse = session
            .ask(channels!("ListOutstandingActions"), &request)
            .await
            .unwrap();
        page.outstanding_actions
    }
}
