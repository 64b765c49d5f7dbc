//! Lists of alerts: filters, and pages that neither repeat nor leave out.

use hub_proto::funds::{AlertAction, AlertState, ListAlertsRequest, Severity};
use hub_tests::{
    World, alerts, meetings,
    raw::{fields, reason, requests::USCC},
};

async fn named(world: &World, request: ListAlertsRequest) -> Vec<String> {
    let bank = alerts::analyst(world);
    let listed = alerts::list(&bank, &request).await.unwrap();
    listed.alerts.into_iter().map(|alert| alert.name).collect()
}

/// Filters, each with the one alert that it leaves.
fn filters<'a>(first: &'a str, second: &'a str) -> [(ListAlertsRequest, &'a str); 5] {
    let of = ListAlertsRequest::default;
    [
        (
            ListAlertsRequest {
                organization: USCC.into(),
                ..of()
            },
            first,
        ),
        (
            ListAlertsRequest {
                indicator: "promised_return".into(),
                ..of()
            },
            second,
        ),
        (
            ListAlertsRequest {
                severity: Severity::Emergency.into(),
                ..of()
            },
            second,
        ),
        (
            ListAlertsRequest {
                state: AlertState::UnderHandling.into(),
                ..of()
            },
            first,
        ),
        (
            ListAlertsRequest {
                unacknowledged_by: "agencies/tax".into(),
                ..of()
            },
            second,
        ),
    ]
}

#[tokio::test]
async fn each_filter_leaves_what_it_says() {
    let world = World::start().await;
    let bank = alerts::analyst(&world);
    let first = alerts::raised(&world).await.name;
    let mut other = alerts::draft(&world);
    other.organization.as_mut().unwrap().uscc = "53220000500104519Q".into();
    other.indicator = "promised_return".into();
    other.severity = Severity::Emergency.into();
    let second = alerts::raise(&bank, other).await.unwrap().name;
    let tax = meetings::clerk(&world, "tax");
    alerts::acknowledge(&tax, &first, 1, AlertAction::Checks)
        .await
        .unwrap();
    let of = ListAlertsRequest::default;
    assert_eq!(
        named(&world, of()).await,
        [&*second, &*first],
        "newest first"
    );
    let cases = filters(&first, &second);
    for (request, only) in cases {
        let found = named(&world, request.clone()).await;
        assert_eq!(found, [only], "{request:?}");
    }
    let listed = alerts::list(&bank, &of()).await.unwrap().alerts;
    assert!(
        listed
            .iter()
            .all(|one| one.grounds.is_empty() && one.organization.is_some())
    );
}

#[tokio::test]
async fn a_filter_that_is_none_is_refused() {
    let world = World::start().await;
    let bank = alerts::analyst(&world);
    let of = ListAlertsRequest::default;
    for (request, field) in [
        (
            ListAlertsRequest {
                organization: "x".into(),
                ..of()
            },
            "organization",
        ),
        (
            ListAlertsRequest {
                unacknowledged_by: "tax".into(),
                ..of()
            },
            "unacknowledged_by",
        ),
        (ListAlertsRequest { state: 99, ..of() }, "state"),
        (
            ListAlertsRequest {
                page_size: 201,
                ..of()
            },
            "page_size",
        ),
    ] {
        let refused = alerts::list(&bank, &request).await.unwrap_err();
        assert_eq!(fields(&refused), [field]);
    }
}

#[tokio::test]
async fn pages_neither_repeat_nor_leave_out_while_alerts_are_raised() {
    let world = World::start().await;
    let tax = meetings::clerk(&world, "tax");
    let mut raised = vec![];
    for _ in 0..5 {
        raised.push(alerts::raised(&world).await.name);
    }
    raised.reverse();
    let mut request = ListAlertsRequest {
        page_size: 2,
        ..ListAlertsRequest::default()
    };
    let mut seen = vec![];
    loop {
        let page = alerts::list(&tax, &request).await.unwrap();
        assert!(page.alerts.len() <= 2);
        seen.extend(page.alerts.into_iter().map(|alert| alert.name));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
        // What is raised meanwhile is newer than the place of the token.
        alerts::raised(&world).await;
    }
    assert_eq!(seen, raised);
    let page = ListAlertsRequest {
        page_size: 1,
        ..ListAlertsRequest::default()
    };
    let token = alerts::list(&tax, &page).await.unwrap().next_page_token;
    let of_another = ListAlertsRequest {
        page_token: token.clone(),
        ..page.clone()
    };
    let finance = meetings::clerk(&world, "finance");
    let refused = alerts::list(&finance, &of_another).await.unwrap_err();
    assert_eq!(reason(&refused), "CURSOR_INVALID");
    let other_filter = ListAlertsRequest {
        severity: Severity::Major.into(),
        ..of_another
    };
    let refused = alerts::list(&tax, &other_filter).await.unwrap_err();
    assert_eq!(reason(&refused), "CURSOR_INVALID");
}
