//! Each filter finds what it says, and together they narrow.

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
