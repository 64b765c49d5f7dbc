//! From the first draft to the issued document, as each unit sees it.

use hub_core::reason::Reason;
use hub_proto::{
    channels::{ListNotificationsRequest, ListNotificationsResponse, Notification},
    meetings::{
        Attendance, CloseAgreedItemRequest, CloseAgreedItemResponse, ConsentState,
        CorrectMinutesRequest, CorrectMinutesResponse, GetAgreedItemRequest, GetAgreedItemResponse,
        GetMinutesVersionRequest, GetMinutesVersionResponse, ListMinutesVersionsRequest,
        ListMinutesVersionsResponse, MeetingKind, Minutes, MinutesContent, MinutesState,
        MinutesVersion, WithdrawObjectionRequest, WithdrawObjectionResponse,
    },
};
use hub_tests::raw::reason;
use tonic::Status;

use crate::{
    hall::{
        Hall, OFFICE, Stage, Who, agency, content, id, leader, minutes_method, refused, sha, task,
    },
    walk::FUND,
};

async fn version(hall: &Hall, who: Who<'_>, name: &str) -> Result<MinutesVersion, Status> {
    let request = GetMinutesVersionRequest { name: name.into() };
    let answer: Result<GetMinutesVersionResponse, Status> = hall
        .ask(who, minutes_method!("GetMinutesVersion"), &request)
        .await;
    answer.map(|answer| answer.version.unwrap())
}

async fn versions(hall: &Hall, who: Who<'_>, minutes: &str) -> Vec<String> {
    let request = ListMinutesVersionsRequest {
        parent: minutes.into(),
    };
    let answer: ListMinutesVersionsResponse = hall
        .ask(who, minutes_method!("ListMinutesVersions"), &request)
        .await
        .unwrap();
    let names = answer.versions.into_iter();
    names
        .map(|version| version.name.rsplit('/').next().unwrap().to_owned())
        .collect()
}

/// What came to a unit's inbox about a resource, newest first.
async fn inbox(hall: &Hall, unit: &str, resource: &str) -> Vec<Notification> {
    let request = ListNotificationsRequest {
        parent: format!("agencies/{unit}/inbox"),
        page_size: 200,
        ..ListNotificationsRequest::default()
    };
    let answer: ListNotificationsResponse = hall
        .ask(
            leader(unit),
            "/hub.channels.v1.ChannelService/ListNotifications",
            &request,
        )
        .await
        .unwrap();
    let mut found = answer.notifications;
    found.retain(|one| one.resource == resource);
    found.sort_by_key(|one| {
        let at = one.published_at.unwrap();
        std::cmp::Reverse((at.seconds, at.nanos))
    });
    found
}

fn states(minutes: &Minutes) -> Vec<(&str, ConsentState)> {
    let consents = minutes.consents.iter();
    consents
        .map(|one| (one.unit.strip_prefix("agencies/").unwrap(), one.state()))
        .collect()
}

async fn a_draft_is_the_offices_alone(hall: &Hall, minutes: &str, first: &MinutesContent) {
    // A draft is the office's alone.
    let drafted = hall
        .draft(minutes, 0, first)
        .await
        .unwrap()
        .version
        .unwrap();
    assert_eq!(drafted.content_sha256, sha(first));
    for unit in ["civil-affairs", "education", "health", "tax", "finance"] {
        refused(hall.minutes(leader(unit), minutes).await, Reason::NotFound);
    }
    refused(hall.issue(minutes, 1).await, Reason::MinutesNotAgreed);
    hall.circulate(minutes, 1).await.unwrap();

    // Who attended sees it and is asked; who did not learns nothing of it.
    let seen = hall.minutes(leader("education"), minutes).await.unwrap();
    assert_eq!(
        states(&seen),
        [
            ("civil-affairs", ConsentState::Pending),
            ("education", ConsentState::Pending)
        ]
    );
    for unit in ["health", "tax", "finance"] {
        refused(hall.minutes(leader(unit), minutes).await, Reason::NotFound);
        let answer = hall.consent(leader(unit), minutes, 1, first).await;
        refused(answer, Reason::NotFound);
        assert!(inbox(hall, unit, minutes).await.is_empty());
    }
}

async fn what_was_read_is_consented_to(
    hall: &Hall,
    minutes: &str,
    [first, second]: [&MinutesContent; 2],
) {
    // By an officer who may bind the unit, to exactly what was read.
    let clerk = hall
        .consent(("education", "clerk"), minutes, 1, first)
        .await;
    refused(clerk, Reason::PermissionDenied);
    let other = hall.consent(leader("education"), minutes, 1, second).await;
    refused(other, Reason::Conflict);
    hall.consent(leader("civil-affairs"), minutes, 1, first)
        .await
        .unwrap();
    hall.object(leader("education"), minutes, 1).await.unwrap();
    let seen = hall.minutes(OFFICE, minutes).await.unwrap();
    assert_eq!(states(&seen)[1], ("education", ConsentState::Objected));
    assert_eq!(seen.objections[0].reason, "时限不可行");
    refused(hall.issue(minutes, 1).await, Reason::MinutesNotAgreed);
}

async fn a_new_version_clears_all_consents(
    hall: &Hall,
    minutes: &str,
    [first, second]: [&MinutesContent; 2],
) {
    // A new version clears all consents.
    refused(hall.draft(minutes, 0, second).await, Reason::Conflict);
    hall.draft(minutes, 1, second).await.unwrap();
    let seen = hall.minutes(leader("education"), minutes).await.unwrap();
    assert_eq!(
        (seen.state(), seen.newest_version),
        (MinutesState::Draft, 1)
    );
    assert_eq!(versions(hall, leader("education"), minutes).await, ["1"]);
    assert_eq!(versions(hall, OFFICE, minutes).await, ["2", "1"]);
    hall.circulate(minutes, 2).await.unwrap();
    let late = hall
        .consent(leader("civil-affairs"), minutes, 1, first)
        .await;
    refused(late, Reason::Conflict);
    for unit in ["civil-affairs", "education"] {
        refused(hall.issue(minutes, 2).await, Reason::MinutesNotAgreed);
        let agreed = hall
            .consent(leader(unit), minutes, 2, second)
            .await
            .unwrap();
        assert!(agreed.receipt.is_some());
    }
    let seen = hall.minutes(OFFICE, minutes).await.unwrap();
    assert_eq!(seen.state(), MinutesState::Agreed);
    assert_eq!(seen.objections[0].answered_by_version, 2);
    assert_eq!(seen.consents[1].role, "leader");
}

async fn all_units_get_what_is_issued(
    hall: &Hall,
    minutes: &str,
    what: &MinutesContent,
    issued: &Minutes,
) {
    // All units of the meeting get what is issued, and nobody else.
    for unit in ["civil-affairs", "education", "health", "tax"] {
        let told = inbox(hall, unit, minutes).await;
        assert!(
            told[0].title.contains(&issued.document_number),
            "{unit}: {told:?}"
        );
        let seen = hall.minutes(leader(unit), minutes).await.unwrap();
        assert_eq!(seen.document_number, issued.document_number);
        let read = version(hall, leader(unit), &format!("{minutes}/versions/2"))
            .await
            .unwrap();
        assert_eq!(read.content.as_ref(), Some(what));
        assert_eq!(sha(&read.content.unwrap()), seen.content_sha256);
    }
    // Who was absent does not see what went before, nor who objected.
    let seen = hall.minutes(leader("tax"), minutes).await.unwrap();
    assert_eq!((seen.consents.len(), seen.objections.len()), (0, 0));
    assert_eq!(versions(hall, leader("tax"), minutes).await, ["2"]);
    let before = version(hall, leader("tax"), &format!("{minutes}/versions/1")).await;
    refused(before, Reason::NotFound);
    refused(
        hall.minutes(leader("finance"), minutes).await,
        Reason::NotFound,
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn je_074_minutes_go_from_a_draft_to_the_consent_of_every_attending_unit_and_out() {
    let stage = Stage::start().await;
    let hall = &stage.hall;
    let meeting = hall.held().await;
    let minutes = format!("{meeting}/minutes/1");
    let first = content("第一次会议纪要", &[task("核查名单", &["education", "tax"])]);
    let second = content(
        "第一次会议纪要",
        &[task("核查全部名单", &["education", "tax"])],
    );

    a_draft_is_the_offices_alone(hall, &minutes, &first).await;
    what_was_read_is_consented_to(hall, &minutes, [&first, &second]).await;
    a_new_version_clears_all_consents(hall, &minutes, [&first, &second]).await;

    let issued = hall.issue(&minutes, 2).await.unwrap().minutes.unwrap();
    let year = crate::hall::today_and(0).year;
    assert_eq!(
        issued.document_number,
        format!("晋社管联执办专纪〔{year}〕1号")
    );
    assert_eq!(issued.content_sha256, sha(&second));

    all_units_get_what_is_issued(hall, &minutes, &second, &issued).await;
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn je_073_minutes_are_the_offices_to_draft_and_state_what_was_agreed() {
    let stage = Stage::start().await;
    let hall = &stage.hall;
    let minutes = format!("{}/minutes/1", hall.held().await);
    let empty = content("纪要", &[]);
    hall.draft(&minutes, 0, &empty).await.unwrap();
    refused(hall.circulate(&minutes, 1).await, Reason::MeetingState);
    let request = hub_proto::meetings::DraftMinutesRequest {
        parent: minutes.clone(),
        content: Some(empty),
        change_note: "修改".into(),
        base_version: 1,
        request_id: id(),
    };
    let method = minutes_method!("DraftMinutes");
    let draft =
        async |who: Who<'static>| -> Result<hub_proto::meetings::DraftMinutesResponse, Status> {
            hall.ask(who, method, &request).await
        };
    refused(draft(leader("education")).await, Reason::PermissionDenied);
    refused(
        draft(leader("civil-affairs")).await,
        Reason::PermissionDenied,
    );
    refused(draft(leader("finance")).await, Reason::NotFound);
    draft(OFFICE).await.unwrap();
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_seen_is_not_found_in_the_same_bytes_as_what_is_not_there() {
    let stage = Stage::start().await;
    let hall = &stage.hall;
    let meeting = hall.held().await;
    let minutes = format!("{meeting}/minutes/1");
    let what = content("纪要", &[task("a", &["education"])]);
    hall.draft(&minutes, 0, &what).await.unwrap();
    let absent = |name: &str| name.replace(&meeting, &format!("meetings/{}", id()));
    for (who, name) in [
        ("finance", minutes.clone()),
        ("finance", format!("{meeting}/minutes/2")),
    ] {
        let (hidden, gone) = (name.clone(), absent(&name));
        let one = hall.minutes(leader(who), &hidden).await.unwrap_err();
        let other = hall.minutes(leader(who), &gone).await.unwrap_err();
        let plain = |status: &Status, name: &str| {
            let meeting = name.split("/minutes").next().unwrap();
            (
                status.code(),
                reason(status),
                status.message().replace(meeting, "meetings/x"),
            )
        };
        assert_eq!(plain(&one, &hidden), plain(&other, &gone));
    }
    // A unit of the meeting does not learn whether there is a draft.
    let draft = hall
        .minutes(leader("education"), &minutes)
        .await
        .unwrap_err();
    let none = hall
        .minutes(leader("education"), &format!("{meeting}/minutes/7"))
        .await
        .unwrap_err();
    assert_eq!(draft.message().replace("/1:", "/7:"), none.message());
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_objection_is_withdrawn_and_the_unit_is_asked_again() {
    let stage = Stage::start().await;
    let hall = &stage.hall;
    let minutes = format!("{}/minutes/1", hall.held().await);
    let what = content("纪要", &[task("a", &["education"])]);
    hall.draft(&minutes, 0, &what).await.unwrap();
    hall.circulate(&minutes, 1).await.unwrap();
    hall.object(leader("education"), &minutes, 1).await.unwrap();
    let consent = hall.consent(leader("education"), &minutes, 1, &what).await;
    refused(consent, Reason::MeetingState);
    let request = WithdrawObjectionRequest {
        name: minutes.clone(),
        version: 1,
        request_id: id(),
    };
    let withdrawn: WithdrawObjectionResponse = hall
        .ask(
            leader("education"),
            minutes_method!("WithdrawObjection"),
            &request,
        )
        .await
        .unwrap();
    let seen = withdrawn.minutes.unwrap();
    assert_eq!(states(&seen)[1], ("education", ConsentState::Pending));
    assert!(seen.objections[0].withdrawn_at.is_some());
    hall.consent(leader("education"), &minutes, 1, &what)
        .await
        .unwrap();
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_cites_the_number_of_what_it_corrects_also_after_a_restart() {
    let mut stage = Stage::start().await;
    let meeting = stage.hall.issued(&[task("a", &["education", "tax"])]).await;
    let first = format!("{meeting}/minutes/1");
    let request = CorrectMinutesRequest {
        name: first.clone(),
        reason: "责任单位有误".into(),
        request_id: id(),
    };
    let begun: CorrectMinutesResponse = stage
        .hall
        .office(minutes_method!("CorrectMinutes"), &request)
        .await;
    let second = begun.minutes.unwrap().name;
    assert_eq!(second, format!("{meeting}/minutes/2"));
    stage.restart().await;
    let hall = &stage.hall;
    let mut item = task("b", &["tax"]);
    item.continues_item = 1;
    hall.agree(&second, &content("第一次会议纪要（更正）", &[item]))
        .await;
    let number = hall.minutes(OFFICE, &first).await.unwrap().document_number;
    hall.issue(&second, 1).await.unwrap();
    let seen = hall.minutes(leader("health"), &second).await.unwrap();
    assert_eq!(seen.corrects, number);
    assert_eq!(seen.correction_reason, "责任单位有误");
    assert_eq!(seen.document_number, number.replace("〕1号", "〕2号"));
    let before = hall.minutes(leader("health"), &first).await.unwrap();
    assert_eq!(before.corrected_by, second);
    assert_eq!(before.state(), MinutesState::Issued);
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn je_074_a_repeated_consent_is_answered_as_before() {
    let stage = Stage::start().await;
    let hall = &stage.hall;
    let minutes = format!("{}/minutes/1", hall.held().await);
    let what = content("纪要", &[task("a", &["education"])]);
    hall.draft(&minutes, 0, &what).await.unwrap();
    hall.circulate(&minutes, 1).await.unwrap();
    let one = hall
        .consent(leader("education"), &minutes, 1, &what)
        .await
        .unwrap();
    let two = hall
        .consent(leader("education"), &minutes, 1, &what)
        .await
        .unwrap();
    assert_eq!(one.receipt, two.receipt);
    let rows = two.minutes.unwrap().consents;
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().any(|row| row.unit == agency("education")));
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fs_014_fs_060_the_fund_mechanism_has_a_series_of_its_own_and_its_own_members() {
    let stage = Stage::start().await;
    let hall = &stage.hall;
    hall.issued(&[task("a", &["education"])]).await;
    let units: Vec<(&str, Attendance)> = FUND
        .iter()
        .map(|unit| (*unit, Attendance::Present))
        .collect();
    let asked = crate::hall::meeting(MeetingKind::Annual, &["fund-supervision"], &[]);
    let meeting = hall.held_by("finance", asked, &units).await;
    let minutes = format!("{meeting}/minutes/1");
    // Education is no member of this mechanism.
    let draft = hall
        .draft(&minutes, 0, &content("纪要", &[task("b", &["education"])]))
        .await;
    refused(draft, Reason::InvalidArgument);
    let what = content("资金监管纪要", &[task("b", &["pboc-branch"])]);
    hall.draft(&minutes, 0, &what).await.unwrap();
    hall.circulate(&minutes, 1).await.unwrap();
    for unit in FUND {
        refused(hall.issue(&minutes, 1).await, Reason::MinutesNotAgreed);
        hall.consent(leader(unit), &minutes, 1, &what)
            .await
            .unwrap();
    }
    let issued = hall.issue(&minutes, 1).await.unwrap().minutes.unwrap();
    assert!(issued.document_number.starts_with("晋社管资监办纪〔"));
    assert!(issued.document_number.ends_with("〕1号"));
    // FS-011: the name of the day of the meeting.
    let branch = issued
        .consents
        .iter()
        .find(|one| one.unit == agency("pboc-branch"));
    assert_eq!(branch.unwrap().display_name, "中国人民银行山西省分行");
    refused(
        hall.minutes(leader("education"), &minutes).await,
        Reason::NotFound,
    );
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fs_015_what_members_give_the_office_to_do_is_answered_and_never_taken_away() {
    let stage = Stage::start().await;
    let hall = &stage.hall;
    let units: Vec<(&str, Attendance)> = FUND
        .iter()
        .map(|unit| (*unit, Attendance::Present))
        .collect();
    let asked = crate::hall::meeting(MeetingKind::Annual, &["fund-supervision"], &[]);
    let meeting = hall.held_by("finance", asked, &units).await;
    let minutes = format!("{meeting}/minutes/1");
    let what = content("纪要", &[task("汇总各单位情况", &["civil-affairs"])]);
    hall.draft(&minutes, 0, &what).await.unwrap();
    hall.circulate(&minutes, 1).await.unwrap();
    for unit in FUND {
        hall.consent(leader(unit), &minutes, 1, &what)
            .await
            .unwrap();
    }
    hall.issue(&minutes, 1).await.unwrap();
    // The office can close it only with a word on what came of it, and it stays to be read.
    let request = |note: &str| CloseAgreedItemRequest {
        name: format!("{meeting}/agreedItems/1"),
        note: note.into(),
        request_id: id(),
    };
    let method = minutes_method!("CloseAgreedItem");
    let silent: Result<CloseAgreedItemResponse, Status> =
        hall.ask(OFFICE, method, &request("")).await;
    refused(silent, Reason::InvalidArgument);
    let _: CloseAgreedItemResponse = hall.office(method, &request("已于年报中汇总")).await;
    let seen: GetAgreedItemResponse = hall
        .ask(
            leader("finance"),
            minutes_method!("GetAgreedItem"),
            &GetAgreedItemRequest {
                name: format!("{meeting}/agreedItems/1"),
            },
        )
        .await
        .unwrap();
    let seen = seen.agreed_item.unwrap();
    assert_eq!(
        (seen.text.as_str(), seen.close_note.as_str()),
        ("汇总各单位情况", "已于年报中汇总")
    );
    stage.stop().await;
}
