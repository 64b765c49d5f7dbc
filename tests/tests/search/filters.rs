//! Each filter finds what it says, and together they narrow.

use hub::{clock::Clock, reminders};
use hub_tests::clock::Shifted;

use super::*;

type Case<'a> = (&'static str, SearchQuery, Vec<&'a Notification>);

fn by_whom_and_where([one, two, three, four]: &[Notification; 4]) -> Vec<Case<'_>> {
    let q = SearchQuery::new;
    vec![
        ("nothing", q(), vec![four, three, two, one]),
        ("order", q().oldest_first(), vec![one, two, three, four]),
        ("title", q().title("年度检查"), vec![two, one]),
        ("words", q().title("检查 abc基金"), vec![two]),
        ("rare", q().title("𠮷"), vec![four]),
        ("channel", q().channel("joint-enforcement"), vec![two]),
        ("category", q().category("work_notice"), vec![one]),
        ("author", q().author("tax"), vec![three, two]),
        ("addressee", q().addressee("health"), vec![three]),
        (
            "office",
            q().addressee("mechanisms/joint-enforcement/office"),
            vec![three],
        ),
        ("uscc", q().uscc(USCC[0]), vec![three, two]),
        ("second uscc", q().uscc(USCC[1]), vec![three]),
    ]
}

fn by_number_time_and_all([one, two, three, four]: &[Notification; 4]) -> Vec<Case<'_>> {
    let q = SearchQuery::new;
    vec![
        (
            "number",
            q().document_number("晋税函〔2021〕64号"),
            vec![two],
        ),
        (
            "brackets",
            q().document_number("晋税函(2021)64号"),
            vec![two],
        ),
        (
            "from",
            q().published_from(instant(two)),
            vec![four, three, two],
        ),
        ("before", q().published_before(instant(two)), vec![one]),
        (
            "period",
            q().published_from(instant(two))
                .published_before(instant(four)),
            vec![three, two],
        ),
        ("state", q().state(NotificationState::Corrected), vec![]),
        ("kind", q().kind(NotificationKind::Reminder), vec![]),
        (
            "current originals",
            q().state(NotificationState::Current)
                .kind(NotificationKind::Original)
                .author("health"),
            vec![four],
        ),
        ("id", q().request_id(&three.request_id), vec![three]),
        (
            "author and uscc",
            q().author("health").uscc(USCC[0]),
            vec![],
        ),
        (
            "title, author and period",
            q().title("检查")
                .author("tax")
                .published_from(instant(three)),
            vec![three],
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_filter_finds_what_it_says_and_together_they_narrow() {
    let clock = ManualClock::at(Timestamp::now());
    let world = World::start_on(Site::new(), Arc::new(clock.clone())).await;
    let (tax, health, civil) = (world.clerk("tax"), world.clerk("health"), office(&world));
    let second = || clock.advance_us(1_000_000);
    let one = publish(&civil, notice("all-members", "关于年度检查的通知")).await;
    second();
    let two = open("joint-enforcement", "年度检查 ABC基金会")
        .subject(USCC[0], "甲基金会")
        .document_number("晋税函〔2021〕64号");
    let two = publish(&tax, two).await;
    second();
    let both = addressed(
        &["health", "mechanisms/joint-enforcement/office"],
        "检查结果",
    )
    .subject(USCC[0], "甲基金会")
    .subject(USCC[1], "乙基金会");
    let three = publish(&tax, both).await;
    second();
    let four = publish(&health, addressed(&["tax"], "𠮷林 case 12")).await;
    let all = [one, two, three, four];
    let cases = by_whom_and_where(&all).into_iter();
    for (what, query, expected) in cases.chain(by_number_time_and_all(&all)) {
        let names: Vec<String> = found(&tax, query)
            .await
            .into_iter()
            .map(|one| one.name)
            .collect();
        let expected: Vec<String> = expected.iter().map(|one| one.name.clone()).collect();
        assert_eq!(names, expected, "{what}");
    }
    // What is shown is the notification as a read shows it, but for the body.
    let [_, _, three, _] = &all;
    let query = SearchQuery::new().request_id(&three.request_id);
    let shown = found(&tax, query).await.remove(0);
    let mut read = tax.channels().notification(&three.name).await.unwrap();
    read.notification.as_mut().unwrap().body.clear();
    assert_eq!(Some(shown), read.notification);
}

#[allow(clippy::too_many_lines, reason = "one story, told in order")]
#[tokio::test(flavor = "multi_thread")]
async fn states_kinds_and_replies_are_found_and_follow_what_happens() {
    let clock = Arc::new(Shifted::default());
    let mut world = World::start_on(Site::new(), Arc::clone(&clock) as Arc<dyn Clock>).await;
    let (tax, health) = (world.clerk("tax"), world.clerk("health"));
    let later = Timestamp::now() + SignedDuration::from_hours(40);
    let asking = publish(&tax, addressed(&["health"], "甲").reply_by(later)).await;
    let wrong = publish(&tax, addressed(&["health"], "乙")).await;
    let reply = addressed(&["tax"], "答").in_reply_to(&asking.name);
    publish(&health, reply).await;
    let q = SearchQuery::new;
    let current = q().state(NotificationState::Current);
    assert_eq!(titles(&tax, current.clone()).await, ["答", "乙", "甲"]);

    let draft = NotificationDraft::like(&wrong).title("丙");
    let corrected = tax.channels().correct(&wrong.name, draft, "改").await;
    let corrected = corrected.unwrap().response.notification.unwrap();
    tax.channels()
        .retract(&corrected.name, "误发")
        .await
        .unwrap();
    // A reminder of what is to be acknowledged is the hub's own, and goes to who owes it.
    clock.by(SignedDuration::from_hours(49));
    assert!(reminders::run(world.hub().engine()).await.unwrap() > 0);
    clock.by(SignedDuration::ZERO);
    // What is there is found the same by an index that was made anew.
    for _ in 0..2 {
        for client in [world.clerk("tax"), world.clerk("health")] {
            for (what, query, expected) in [
                ("current", current.clone().author("tax"), vec!["误发", "甲"]),
                (
                    "corrected",
                    q().state(NotificationState::Corrected),
                    vec!["乙"],
                ),
                (
                    "retracted",
                    q().state(NotificationState::Retracted),
                    vec!["丙"],
                ),
                (
                    "correction",
                    q().kind(NotificationKind::Correction),
                    vec!["丙"],
                ),
                (
                    "retraction",
                    q().kind(NotificationKind::Retraction),
                    vec!["误发"],
                ),
                (
                    "original",
                    q().kind(NotificationKind::Original),
                    vec!["答", "乙", "甲"],
                ),
                ("reply", q().in_reply_to(&asking.name), vec!["答"]),
                ("no reply", q().in_reply_to(&wrong.name), vec![]),
                (
                    "retracted correction",
                    q().state(NotificationState::Retracted)
                        .kind(NotificationKind::Correction)
                        .author("tax"),
                    vec!["丙"],
                ),
            ] {
                assert_eq!(titles(&client, query).await, expected, "{what}");
            }
        }
        let reminded = q().kind(NotificationKind::Reminder).author("hub");
        assert_eq!(
            found(&world.clerk("health"), reminded.clone()).await.len(),
            1
        );
        assert_eq!(found(&world.clerk("tax"), reminded).await, []);
        world.stop().await;
        std::fs::remove_file(world.site.data_dir().join(SEARCH_FILE)).unwrap();
        world.restart().await;
    }
    world.stop().await;
}
