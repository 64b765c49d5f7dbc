//! Pages in both directions, stable while others publish.

use super::*;

async fn pages(
    client: &Client,
    newest_first: bool,
    mut between: impl AsyncFnMut(usize),
) -> Vec<String> {
    let mut request = ListNotificationsRequest {
        parent: "channels/all-members".into(),
        page_size: 7,
        newest_first,
        omit_bodies: true,
        ..ListNotificationsRequest::default()
    };
    let mut names = vec![];
    for number in 0.. {
        let page = client
            .channels()
            .list_notifications(&request)
            .await
            .unwrap();
        assert!(page.notifications.iter().all(|one| one.body.is_empty()));
        assert!(page.notifications.len() <= 7);
        names.extend(page.notifications.into_iter().map(|one| one.name));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
        between(number).await;
    }
    names
}

fn names(positions: impl Iterator<Item = usize>) -> Vec<String> {
    positions
        .map(|position| format!("channels/all-members/notifications/{position}"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_stable_in_both_directions_under_publishes() {
    let world = World::start().await;
    let office = office(&world);
    for number in 0..30 {
        publish(&office, notice("all-members", &number.to_string())).await;
    }
    let tax = world.clerk("tax");
    let quiet = async |_| {};
    assert_eq!(pages(&tax, false, quiet).await, names(1..=30));
    assert_eq!(pages(&tax, true, quiet).await, names((1..=30).rev()));
    // What is published meanwhile comes at the end of the one, and not at all in the other.
    let publishes = async |_| drop(publish(&office, notice("all-members", "meanwhile")).await);
    assert_eq!(pages(&tax, true, publishes).await, names((1..=30).rev()));
    let before = titles(&tax, "channels/all-members").await.len();
    let few = async |number| {
        if number < 3 {
            publish(&office, notice("all-members", "meanwhile")).await;
        }
    };
    assert_eq!(pages(&tax, false, few).await, names(1..=before + 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_ends_after_512_kib_of_bodies_and_tokens_are_bound() {
    let world = World::start().await;
    let office = office(&world);
    for _ in 0..5 {
        let draft = notice("all-members", "大").body(vec![1; 200 * 1024], "application/pdf");
        publish(&office, draft).await;
    }
    let tax = world.clerk("tax");
    let mut request = ListNotificationsRequest {
        parent: "channels/all-members".into(),
        ..ListNotificationsRequest::default()
    };
    let page = tax.channels().list_notifications(&request).await.unwrap();
    assert_eq!(page.notifications.len(), 3);
    request.page_token = page.next_page_token;
    let rest = tax.channels().list_notifications(&request).await.unwrap();
    assert_eq!(rest.notifications.len(), 2);
    assert_eq!(rest.next_page_token, "");

    let token = request.page_token.clone();
    let with = |parent: &str, newest_first: bool, page_token: &str| ListNotificationsRequest {
        parent: parent.into(),
        newest_first,
        page_token: page_token.into(),
        ..ListNotificationsRequest::default()
    };
    for request in [
        with("channels/joint-enforcement", false, &token),
        with("channels/all-members", true, &token),
        with("channels/all-members", false, "AAAA"),
    ] {
        let refused = tax.channels().list_notifications(&request).await;
        assert_eq!(reason(refused), Reason::CursorInvalid, "{request:?}");
    }
    let other = world.clerk("health").channels();
    let request = with("channels/all-members", false, &token);
    let refused = other.list_notifications(&request).await;
    assert_eq!(reason(refused), Reason::CursorInvalid);
    for page_size in [-1, 501] {
        let request = ListNotificationsRequest {
            page_size,
            ..with("channels/all-members", false, "")
        };
        let refused = tax.channels().list_notifications(&request).await;
        assert_eq!(fields(refused), ["page_size"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sent_list_has_what_the_agency_published_everywhere() {
    let world = World::start().await;
    let tax = world.clerk("tax");
    publish(&tax, addressed(&["health"], "1")).await;
    let draft = filled(
        NotificationDraft::to_channel("fund-supervision").category("coordination"),
        "2",
    );
    publish(&tax, draft).await;
    let route = filled(NotificationDraft::by_route("case_result_fund"), "3");
    publish(&tax, route).await;
    publish(&world.clerk("finance"), addressed(&["tax"], "not tax's")).await;
    assert_eq!(titles(&tax, "agencies/tax/sent").await, ["1", "2", "3"]);
    let request = ListNotificationsRequest {
        parent: "agencies/tax/sent".into(),
        newest_first: true,
        page_size: 2,
        ..ListNotificationsRequest::default()
    };
    let page = tax.channels().list_notifications(&request).await.unwrap();
    let titles: Vec<_> = page.notifications.iter().map(|one| &one.title).collect();
    assert_eq!(titles, ["3", "2"]);
}
