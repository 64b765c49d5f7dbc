//! What was agreed, as it is carried out.

use hub_core::reason::Reason;
use hub_proto::{
    channels::{ListOutstandingActionsRequest, ListOutstandingActionsResponse, RequestedAction},
    common::Date,
    meetings::{
        AgreedItem, AgreedItemKind, AgreedItemState, Attendance, CloseAgreedItemRequest,
        CloseAgreedItemResponse, DecideExtensionRequest, DecideExtensionResponse,
        GetMeetingStatisticsRequest, GetMeetingStatisticsResponse, ListAgreedItemsRequest,
        ListAgreedItemsResponse, ListProgressReportsRequest, ListProgressReportsResponse,
        MeetingKind, ProgressReport, ReportProgressRequest, ReportProgressResponse,
        RequestExtensionRequest, RequestExtensionResponse, TaskState,
    },
};
use tonic::Status;

use crate::{
    hall::{
        Hall, OFFICE, Stage, Who, agency, content, id, leader, meeting, minutes_method, refused,
        task, today_and,
    },
    walk::JOINT,
};

async fn report(
    hall: &Hall,
    who: Who<'_>,
    item: &str,
    state: TaskState,
) -> Result<AgreedItem, Status> {
    let request = ReportProgressRequest {
        name: item.into(),
        report: Some(ProgressReport {
            state: state.into(),
            text: "已核查三家。".into(),
            ..ProgressReport::default()
        }),
        request_id: id(),
    };
    let answer: Result<ReportProgressResponse, Status> = hall
        .ask(who, minutes_method!("ReportProgress"), &request)
        .await;
    answer.map(|answer| answer.agreed_item.unwrap())
}

async fn close(hall: &Hall, who: Who<'_>, item: &str, note: &str) -> Result<AgreedItem, Status> {
    let request = CloseAgreedItemRequest {
        name: item.into(),
        note: note.into(),
        request_id: id(),
    };
    let answer: Result<CloseAgreedItemResponse, Status> = hall
        .ask(who, minutes_method!("CloseAgreedItem"), &request)
        .await;
    answer.map(|answer| answer.agreed_item.unwrap())
}

async fn list(hall: &Hall, who: Who<'_>, request: &ListAgreedItemsRequest) -> Vec<AgreedItem> {
    let mut request = request.clone();
    let mut found = vec![];
    loop {
        let page: ListAgreedItemsResponse = hall
            .ask(who, minutes_method!("ListAgreedItems"), &request)
            .await
            .unwrap();
        found.extend(page.agreed_items);
        if page.next_page_token.is_empty() {
            return found;
        }
        request.page_token = page.next_page_token;
    }
}

fn all() -> ListAgreedItemsRequest {
    ListAgreedItemsRequest {
        parent: "meetings/-".into(),
        page_size: 2,
        ..ListAgreedItemsRequest::default()
    }
}

fn texts(items: &[AgreedItem]) -> Vec<&str> {
    items.iter().map(|item| item.text.as_str()).collect()
}

/// By when a unit is asked to carry something out.
async fn asked(hall: &Hall, unit: &str) -> Vec<i64> {
    let request = ListOutstandingActionsRequest {
        parent: format!("agencies/{unit}"),
        ..ListOutstandingActionsRequest::default()
    };
    let answer: ListOutstandingActionsResponse = hall
        .ask(
            leader(unit),
            "/hub.channels.v1.ChannelService/ListOutstandingActions",
            &request,
        )
        .await
        .unwrap();
    let carry_out = answer.outstanding_actions.into_iter();
    carry_out
        .filter(|one| one.action() == RequestedAction::CarryOut)
        .map(|one| one.due_at.unwrap().seconds)
        .collect()
}

async fn an_extension_moves_the_day(hall: &Hall, item: &str) {
    let before = asked(hall, "tax").await;
    let request = RequestExtensionRequest {
        name: item.into(),
        due_on: Some(today_and(40)),
        reason: "须待审计".into(),
        request_id: id(),
    };
    let waiting: RequestExtensionResponse = hall
        .ask(leader("tax"), minutes_method!("RequestExtension"), &request)
        .await
        .unwrap();
    let waiting = waiting.agreed_item.unwrap();
    assert_eq!(waiting.tasks[1].extension_reason, "须待审计");
    let decide = DecideExtensionRequest {
        name: item.into(),
        unit: agency("tax"),
        is_granted: true,
        due_on: Some(today_and(40)),
        reason: String::new(),
        request_id: id(),
    };
    let by_unit: Result<DecideExtensionResponse, Status> = hall
        .ask(leader("tax"), minutes_method!("DecideExtension"), &decide)
        .await;
    refused(by_unit, Reason::PermissionDenied);
    let decided: DecideExtensionResponse = hall
        .office(minutes_method!("DecideExtension"), &decide)
        .await;
    let decided = decided.agreed_item.unwrap();
    assert_eq!(decided.tasks[1].due_on, Some(today_and(40)));
    assert_eq!(decided.tasks[0].due_on, Some(today_and(30)));
    let after = asked(hall, "tax").await;
    assert_eq!(after.len(), 1);
    assert_eq!(after[0] - before[0], 10 * 86_400);
}

#[tokio::test(flavor = "multi_thread")]
async fn je_080_units_report_ask_for_time_and_the_office_closes() {
    let stage = Stage::start().await;
    let hall = &stage.hall;
    let meeting = hall
        .issued(&[task("核查名单", &["education", "tax"])])
        .await;
    let item = format!("{meeting}/agreedItems/1");
    assert_eq!(asked(hall, "tax").await.len(), 1);
    let seen = report(hall, leader("tax"), &item, TaskState::InProgress)
        .await
        .unwrap();
    assert_eq!(seen.tasks[1].state(), TaskState::InProgress);
    assert_eq!(seen.tasks[1].reports[0].text, "已核查三家。");
    refused(
        report(hall, leader("health"), &item, TaskState::Done).await,
        Reason::PermissionDenied,
    );
    refused(
        report(hall, leader("finance"), &item, TaskState::Done).await,
        Reason::NotFound,
    );

    an_extension_moves_the_day(hall, &item).await;
    report(hall, leader("tax"), &item, TaskState::Done)
        .await
        .unwrap();
    assert_eq!(asked(hall, "tax").await, [0; 0]);
    refused(
        close(hall, leader("tax"), &item, "x").await,
        Reason::PermissionDenied,
    );
    refused(
        close(hall, OFFICE, &item, "").await,
        Reason::InvalidArgument,
    );
    let closed = close(hall, OFFICE, &item, "教育厅并入下期").await.unwrap();
    assert_eq!(closed.state(), AgreedItemState::Closed);
    assert_eq!(closed.close_note, "教育厅并入下期");
    refused(
        report(hall, leader("education"), &item, TaskState::Done).await,
        Reason::MeetingState,
    );
    let reports: ListProgressReportsResponse = hall
        .ask(
            leader("health"),
            minutes_method!("ListProgressReports"),
            &ListProgressReportsRequest {
                parent: item,
                unit: agency("tax"),
            },
        )
        .await
        .unwrap();
    assert_eq!(reports.reports.len(), 2);
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn je_080_items_are_listed_by_their_day_and_late_ones_are_found() {
    let stage = Stage::start().await;
    let hall = &stage.hall;
    let due = |text: &str, days: Option<i64>, units: &[&str]| {
        let mut item = task(text, units);
        item.due_on = days.map(today_and);
        item
    };
    let first = [
        due("later", Some(20), &["education"]),
        due("late", Some(-1), &["education", "tax"]),
        due("today", Some(0), &["tax"]),
    ];
    let meeting = hall.issued(&first).await;
    hall.issued(&[
        due("never", None, &["tax"]),
        due("sooner", Some(10), &["education"]),
    ])
    .await;

    let listed = list(hall, leader("health"), &all()).await;
    assert_eq!(
        texts(&listed),
        ["late", "today", "sooner", "later", "never"]
    );
    assert_eq!(list(hall, leader("civil-affairs"), &all()).await, listed);
    assert_eq!(list(hall, OFFICE, &all()).await, listed, "each once");
    assert_eq!(list(hall, leader("finance"), &all()).await, []);
    let late = ListAgreedItemsRequest {
        overdue_only: true,
        ..all()
    };
    assert_eq!(texts(&list(hall, OFFICE, &late).await), ["late"]);
    let of = ListAgreedItemsRequest {
        parent: meeting.clone(),
        unit: agency("tax"),
        ..all()
    };
    assert_eq!(texts(&list(hall, OFFICE, &of).await), ["late", "today"]);

    // A part that is done is not late; the other's still is.
    let item = format!("{meeting}/agreedItems/2");
    let seen = report(hall, leader("tax"), &item, TaskState::Done)
        .await
        .unwrap();
    let overdue: Vec<bool> = seen.tasks.iter().map(|task| task.is_overdue).collect();
    assert_eq!((overdue, seen.is_overdue), (vec![true, false], true));
    close(hall, OFFICE, &item, "x").await.unwrap();
    assert_eq!(list(hall, OFFICE, &late).await, []);
    let open = ListAgreedItemsRequest {
        open_only: true,
        ..all()
    };
    assert_eq!(list(hall, OFFICE, &open).await.len(), 4);
    stage.stop().await;
}

async fn statistics(
    hall: &Hall,
    who: Who<'_>,
    (from_on, until_on): (Date, Date),
    all_members_only: bool,
) -> Result<GetMeetingStatisticsResponse, Status> {
    let request = GetMeetingStatisticsRequest {
        name: "mechanisms/joint-enforcement".into(),
        from_on: Some(from_on),
        until_on: Some(until_on),
        all_members_only,
    };
    hall.ask(who, minutes_method!("GetMeetingStatistics"), &request)
        .await
}

async fn counted(
    hall: &Hall,
    who: Who<'_>,
    days: (Date, Date),
) -> Result<Vec<(String, [i32; 7])>, Status> {
    let answer = statistics(hall, who, days, false).await?;
    Ok(rows(answer))
}

fn rows(answer: GetMeetingStatisticsResponse) -> Vec<(String, [i32; 7])> {
    let units = answer.units.into_iter();
    units
        .map(|one| {
            let counts = [
                one.meetings_count,
                one.present_count,
                one.excused_count,
                one.tasks_count,
                one.done_count,
                one.done_in_time_count,
                one.overdue_count,
            ];
            (one.unit, counts)
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn je_080_attendance_and_completion_are_counted_by_unit() {
    let stage = Stage::start().await;
    let hall = &stage.hall;
    let late = |text: &str| {
        let mut item = task(text, &["education", "tax"]);
        item.due_on = Some(today_and(-1));
        item
    };
    let meeting = hall.issued(&[late("a"), task("b", &["tax"])]).await;
    hall.held().await;
    report(
        hall,
        leader("tax"),
        &format!("{meeting}/agreedItems/1"),
        TaskState::Done,
    )
    .await
    .unwrap();
    report(
        hall,
        leader("tax"),
        &format!("{meeting}/agreedItems/2"),
        TaskState::Done,
    )
    .await
    .unwrap();
    let period = (today_and(-5), today_and(50));
    let rows = counted(hall, OFFICE, period).await.unwrap();
    assert_eq!(rows.len(), 13, "all members, in the official order");
    assert_eq!(rows[0], (agency("civil-affairs"), [2, 2, 0, 0, 0, 0, 0]));
    let of = |unit: &str| rows.iter().find(|row| row.0 == agency(unit)).unwrap().1;
    assert_eq!(of("education"), [2, 2, 0, 1, 0, 0, 1]);
    assert_eq!(of("health"), [2, 0, 2, 0, 0, 0, 0]);
    assert_eq!(of("tax"), [2, 0, 0, 2, 2, 1, 0]);
    assert_eq!(of("publicity"), [0; 7]);
    // A unit gets its own row; who has no part in the mechanism nothing.
    let own = counted(hall, leader("tax"), period).await.unwrap();
    assert_eq!(own, [(agency("tax"), [2, 0, 0, 2, 2, 1, 0])]);
    refused(
        counted(hall, leader("finance"), period).await,
        Reason::NotFound,
    );
    let before = counted(hall, OFFICE, (today_and(-5), today_and(-1)))
        .await
        .unwrap();
    assert!(before.iter().all(|(_, counts)| *counts == [0; 7]));
    stage.stop().await;
}

/// What is told to all members has the figures of the records at its cut-off, and says nothing of a
/// meeting to which only some were called.
#[tokio::test(flavor = "multi_thread")]
async fn je_024_je_071_what_all_members_may_be_told_leaves_out_partial_meetings() {
    let stage = Stage::start().await;
    let hall = &stage.hall;
    hall.issued(&[task("a", &["tax"])]).await;
    let asked = meeting(MeetingKind::Annual, &["joint-enforcement"], &[]);
    let units = JOINT.map(|unit| match unit {
        "health" => (unit, Attendance::Excused),
        unit => (unit, Attendance::Present),
    });
    hall.held_by("education", asked, &units).await;
    let days = (today_and(-1), today_and(50));
    let all = statistics(hall, OFFICE, days, false).await.unwrap();
    assert_eq!(all.meetings_held_count, 2);
    let told = statistics(hall, OFFICE, days, true).await.unwrap();
    assert_eq!(told.meetings_held_count, 1);
    let at = told.counted_at.unwrap().seconds;
    assert!(all.counted_at.unwrap().seconds <= at, "the cut-off");
    let (all, told) = (rows(all), rows(told));
    let of = |rows: &[(String, [i32; 7])], unit: &str| {
        let mut rows = rows.iter();
        rows.find(|row| row.0 == agency(unit)).unwrap().1
    };
    assert_eq!(of(&all, "tax"), [2, 1, 0, 1, 0, 0, 0]);
    assert_eq!(of(&told, "tax"), [1, 1, 0, 0, 0, 0, 0]);
    assert_eq!(of(&told, "health"), [1, 0, 1, 0, 0, 0, 0]);
    assert_eq!(told.len(), 13);
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn je_031_033_035_036_kinds_of_items_are_shown_as_they_were_agreed() {
    let stage = Stage::start().await;
    let hall = &stage.hall;
    let mut priority = task("本年度重点", &["education"]);
    priority.kind = AgreedItemKind::Priority.into();
    let minutes = format!("{}/minutes/1", hall.held().await);
    let draft = hall
        .draft(
            &minutes,
            0,
            &content("纪要", std::slice::from_ref(&priority)),
        )
        .await;
    refused(draft, Reason::InvalidArgument);
    priority.period_from_on = Some(today_and(0));
    priority.period_until_on = Some(today_and(300));
    priority.assigner = "省政府".into();
    let mut operation = task("联合检查", &["education", "tax"]);
    operation.kind = AgreedItemKind::JointOperation.into();
    operation.lead_unit = agency("education");
    let mut case = task("重大案件", &["tax"]);
    case.kind = AgreedItemKind::MajorCase.into();
    case.assisting_units = vec![agency("health")];
    case.lead_unit = agency("tax");
    let meeting = hall.issued(&[priority, operation, case]).await;
    let items = list(
        hall,
        leader("health"),
        &ListAgreedItemsRequest {
            parent: meeting.clone(),
            ..all()
        },
    )
    .await;
    let (priority, operation, case) = (&items[0], &items[1], &items[2]);
    assert_eq!(priority.kind(), AgreedItemKind::Priority);
    assert_eq!(priority.period_until_on, Some(today_and(300)));
    assert_eq!(priority.assigner, "省政府");
    assert_eq!(
        priority.minutes,
        format!("{meeting}/minutes/1"),
        "the deciding meeting"
    );
    assert_eq!(operation.lead_unit, agency("education"));
    assert_eq!(case.lead_unit, agency("tax"));
    assert_eq!(case.assisting_units, [agency("health")]);
    // A result of every unit, before a joint operation is closed.
    report(hall, leader("tax"), &operation.name, TaskState::Done)
        .await
        .unwrap();
    refused(
        close(hall, OFFICE, &operation.name, "够了").await,
        Reason::MeetingState,
    );
    report(hall, leader("education"), &operation.name, TaskState::Done)
        .await
        .unwrap();
    close(hall, OFFICE, &operation.name, "").await.unwrap();
    stage.stop().await;
}
