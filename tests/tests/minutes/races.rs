//! Officers who act at the same moment: whatever the order, one consistent outcome.

use hub_core::reason::Reason;
use hub_proto::meetings::{ConsentState, MinutesState};
use hub_tests::raw::reason;
use tonic::Status;

use crate::hall::{OFFICE, Stage, content, leader, refused, task};

/// How often each race is run.
const ROUNDS: usize = 6;

fn said<T>(answer: &Result<T, Status>) -> String {
    answer.as_ref().map_or_else(reason, |_| String::new())
}

#[tokio::test(flavor = "multi_thread")]
async fn je_074_a_consent_while_the_text_changes_is_to_the_old_text_or_refused() {
    let stage = Stage::start().await;
    let hall = &stage.hall;
    let minutes = format!("{}/minutes/1", hall.held().await);
    let text = |round: usize| content(&format!("纪要{round}"), &[task("a", &["education"])]);
    hall.draft(&minutes, 0, &text(0)).await.unwrap();
    for round in 0..ROUNDS {
        let version = i32::try_from(round).unwrap() + 1;
        hall.circulate(&minutes, version).await.unwrap();
        let (old, new) = (text(round), text(round + 1));
        let (one, other, draft) = tokio::join!(
            hall.consent(leader("education"), &minutes, version, &old),
            hall.consent(leader("civil-affairs"), &minutes, version, &old),
            hall.draft(&minutes, version, &new),
        );
        draft.unwrap();
        for answer in [one, other] {
            assert!(
                ["", "CONFLICT"].contains(&said(&answer).as_str()),
                "{answer:?}"
            );
        }
        // Whoever was first: nothing is agreed to the new text.
        let seen = hall.minutes(OFFICE, &minutes).await.unwrap();
        assert_eq!(seen.state(), MinutesState::Draft);
        assert_eq!((seen.circulated_version, seen.consents.len()), (0, 0));
        refused(
            hall.issue(&minutes, version + 1).await,
            Reason::MinutesNotAgreed,
        );
        refused(hall.issue(&minutes, version).await, Reason::Conflict);
    }
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn minutes_that_two_officers_issue_at_once_have_one_number() {
    let stage = Stage::start().await;
    let hall = &stage.hall;
    for round in 0..ROUNDS {
        let minutes = format!("{}/minutes/1", hall.held().await);
        let what = content("纪要", &[task("a", &["education"])]);
        hall.agree(&minutes, &what).await;
        let (one, two, objection) = tokio::join!(
            hall.issue(&minutes, 1),
            hall.issue(&minutes, 1),
            hall.object(leader("education"), &minutes, 1),
        );
        let is_issued = one.is_ok();
        assert_eq!(is_issued, two.is_ok() || is_issued && objection.is_err());
        let seen = hall.minutes(OFFICE, &minutes).await.unwrap();
        match &objection {
            // It came first: it holds, and nothing was issued over it.
            Ok(_) => {
                assert_eq!([said(&one), said(&two)], ["MINUTES_NOT_AGREED"; 2]);
                assert_eq!(seen.state(), MinutesState::ConsentRound);
                assert_eq!(seen.document_number, "");
            }
            Err(_) => {
                assert_eq!(said(&objection), "MEETING_STATE");
                let (one, two) = (one.unwrap(), two.unwrap());
                assert_eq!(one.receipt, two.receipt, "round {round}");
                let number = one.minutes.unwrap().document_number;
                assert_eq!(number, two.minutes.unwrap().document_number);
                assert_eq!(seen.document_number, number);
                assert!(
                    seen.consents
                        .iter()
                        .all(|row| row.state() == ConsentState::Agreed)
                );
            }
        }
    }
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_drafts_on_the_same_version_one_is_taken() {
    let stage = Stage::start().await;
    let hall = &stage.hall;
    let minutes = format!("{}/minutes/1", hall.held().await);
    for round in 0..ROUNDS {
        let base = i32::try_from(round).unwrap();
        let texts = [content("甲", &[]), content("乙", &[])];
        let (one, two) = tokio::join!(
            hall.draft(&minutes, base, &texts[0]),
            hall.draft(&minutes, base, &texts[1]),
        );
        let mut both = [said(&one), said(&two)];
        both.sort();
        assert_eq!(both, ["", "CONFLICT"]);
        let seen = hall.minutes(OFFICE, &minutes).await.unwrap();
        assert_eq!(seen.newest_version, base + 1);
    }
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn minutes_issued_at_once_have_numbers_without_gap_or_repeat_also_across_a_restart() {
    let mut stage = Stage::start().await;
    let mut numbers = vec![];
    for half in 0..2 {
        let hall = &stage.hall;
        let mut ready = vec![];
        for _ in 0..4 {
            let minutes = format!("{}/minutes/1", hall.held().await);
            hall.agree(&minutes, &content("纪要", &[task("a", &["education"])]))
                .await;
            ready.push(minutes);
        }
        let issues = ready.iter().map(|minutes| hall.issue(minutes, 1));
        for issued in futures::future::join_all(issues).await {
            let number = issued.unwrap().minutes.unwrap().document_number;
            let serial = number.split('〕').nth(1).unwrap().trim_end_matches('号');
            numbers.push(serial.parse::<usize>().unwrap());
        }
        if half == 0 {
            stage.restart().await;
        }
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=8).collect::<Vec<_>>());
    stage.stop().await;
}
