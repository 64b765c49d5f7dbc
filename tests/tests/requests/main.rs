//! Information requests over mTLS, named after the articles of Order 809 and the clauses that they prove.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failed test"
)]

mod accounts;
mod afterwards;
mod calendar;
mod life;

use hub_proto::channels::{
    ListNotificationsRequest, ListNotificationsResponse, ListOutstandingActionsRequest,
    ListOutstandingActionsResponse, Notification, OutstandingAction, RequestedAction,
};
use hub_tests::{channels, raw::Session};

/// What is outstanding on a board; all of it about information requests.
async fn outstanding(session: &Session, board: &str) -> Vec<OutstandingAction> {
    let request = ListOutstandingActionsRequest {
        parent: board.into(),
        ..ListOutstandingActionsRequest::default()
    };
    let listed: ListOutstandingActionsResponse = session
        .ask(channels!("ListOutstandingActions"), &request)
        .await
        .unwrap();
    let asked = listed.outstanding_actions;
    for one in &asked {
        assert_eq!(one.action(), RequestedAction::AnswerRequest);
    }
    asked
}

/// The notices of an agency's inbox about a request.
async fn told(session: &Session, agency: &str, name: &str) -> Vec<Notification> {
    let request = ListNotificationsRequest {
        parent: format!("agencies/{agency}/inbox"),
        ..ListNotificationsRequest::default()
    };
    let listed: ListNotificationsResponse = session
        .ask(channels!("ListNotifications"), &request)
        .await
        .unwrap();
    let all = listed.notifications.into_iter();
    all.filter(|one| one.resource == name).collect()
}
