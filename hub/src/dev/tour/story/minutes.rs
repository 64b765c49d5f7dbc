//! Minutes: an objection, a second version, everybody's consent, the issue, and what became of what was
//! agreed (JE-073, JE-074, JE-080).

use agency_client::{Client, meetings::content_sha256};
use anyhow::{Context as _, ensure};
use hub_core::{date::to_wire, reason::Reason};
use hub_proto::meetings::{
    AgreedItemDraft, AgreedItemKind, CirculateMinutesRequest, ConsentState,
    ConsentToMinutesRequest, DraftMinutesRequest, IssueMinutesRequest, ListAgreedItemsRequest,
    MinutesContent, ObjectToMinutesRequest, ProgressReport, ReportProgressRequest, TaskState,
    TopicMinutes,
};
use jiff::ToSpan as _;

use super::{
    meetings::{attends, office},
    reason, today,
};
use crate::dev::tour::{account::Account, cast::Cast};

/// Who objects to the first version.
const OBJECTS: &str = "finance";
/// Who consents to the first version, in vain.
const EARLY: [&str; 3] = ["tax", "health", "education"];

/// Two versions, one objection, everybody's consent, and the issue.
pub(in super::super) async fn minutes_are_issued(
    cast: &mut Cast,
    account: &mut Account,
    meeting: &str,
) -> anyhow::Result<()> {
    let client = office(cast)?;
    let name = format!("{meeting}/minutes/1");
    first_version(cast, &client, &name).await?;
    second_version(cast, &client, &name).await?;
    let attending: Vec<String> = cast.departments();
    let attending: Vec<String> = attending.into_iter().filter(|id| attends(id)).collect();
    for (done, id) in attending.iter().enumerate() {
        let early = client.minutes().issue(issue(&name)).await;
        let early = early.err().context("minutes are issued too early")?;
        ensure!(reason(&early) == Some(Reason::MinutesNotAgreed), "{early}");
        let waiting = client.minutes().get(&name).await?.consents;
        let waiting = waiting
            .iter()
            .filter(|one| one.state() == ConsentState::Pending);
        ensure!(
            waiting.count() == attending.len() - done,
            "somebody else is waited for"
        );
        consent(cast, id, &name, 2).await?;
    }
    let issued = client.minutes().issue(issue(&name)).await?;
    let office = cast.player("civil-affairs")?;
    office.keep("issuing minutes", &issued, issued.receipt.clone())?;
    let number = issued
        .minutes
        .clone()
        .context("no minutes")?
        .document_number;
    // A unit that was excused was not asked, and reads what was issued.
    let excused = cast.player("foreign-affairs")?.clerk()?;
    let read = excused.minutes().get(&name).await?;
    ensure!(read.document_number == number, "{read:?}");
    account.say(&format!(
        "The office drafts minutes; 省财政厅 objects to the first version, and the consents that it had \
         count no more when the second is drafted. All {} attending units consent to exactly that \
         text; until the last has, issuing is refused. Issued as {number} (JE-074).",
        attending.len()
    ))
}

fn issue(name: &str) -> IssueMinutesRequest {
    IssueMinutesRequest {
        name: name.to_owned(),
        version: 2,
        request_id: String::new(),
    }
}

async fn first_version(cast: &mut Cast, client: &Client, name: &str) -> anyhow::Result<()> {
    draft(cast, client, name, 0, "三个月内").await?;
    for id in EARLY {
        consent(cast, id, name, 1).await?;
    }
    let player = cast.player(OBJECTS)?;
    let objected = player
        .leader()?
        .minutes()
        .object(ObjectToMinutesRequest {
            name: name.to_owned(),
            version: 1,
            reason: "第一项时限过紧（虚构）".into(),
            request_id: String::new(),
        })
        .await?;
    player.keep("an objection", &objected, objected.receipt.clone())
}

async fn second_version(cast: &mut Cast, client: &Client, name: &str) -> anyhow::Result<()> {
    draft(cast, client, name, 1, "六个月内").await?;
    let leader = cast.player("tax")?.leader()?;
    let stale = leader
        .minutes()
        .consent(ConsentToMinutesRequest {
            name: name.to_owned(),
            version: 1,
            content_sha256: content_sha256(&content("三个月内")),
            request_id: String::new(),
        })
        .await;
    let stale = stale
        .err()
        .context("an earlier version can be consented to")?;
    ensure!(reason(&stale) == Some(Reason::Conflict), "{stale}");
    Ok(())
}

/// Drafts the version after a base and puts it before the units.
async fn draft(
    cast: &mut Cast,
    client: &Client,
    name: &str,
    base: i32,
    time: &str,
) -> anyhow::Result<()> {
    let drafted = client
        .minutes()
        .draft(DraftMinutesRequest {
            parent: name.to_owned(),
            content: Some(content(time)),
            change_note: if base == 0 {
                String::new()
            } else {
                "按省财政厅意见延长时限（虚构）".into()
            },
            base_version: base,
            request_id: String::new(),
        })
        .await?;
    let office = cast.player("civil-affairs")?;
    office.keep("a draft of minutes", &drafted, drafted.receipt.clone())?;
    let circulated = client
        .minutes()
        .circulate(CirculateMinutesRequest {
            name: name.to_owned(),
            version: base + 1,
            ..CirculateMinutesRequest::default()
        })
        .await?;
    office.keep("a circulation", &circulated, circulated.receipt.clone())
}

fn content(time: &str) -> MinutesContent {
    let item = |text: String, units: &[&str], due_on| AgreedItemDraft {
        text,
        responsible_units: units.iter().map(|id| format!("agencies/{id}")).collect(),
        due_on: Some(to_wire(due_on)),
        kind: AgreedItemKind::Task.into(),
        ..AgreedItemDraft::default()
    };
    let topic = |topic, title: &str| TopicMinutes {
        topic,
        title: title.to_owned(),
        paragraphs: vec!["会议听取了情况汇报，进行了研究（虚构）。".into()],
    };
    MinutesContent {
        title: "年度工作协调会议纪要（虚构）".into(),
        opening: "会议研究了两个机制的年度工作，纪要如下（虚构）。".into(),
        topics: vec![
            topic(2, "专项资金使用情况联合检查（虚构）"),
            topic(1, "免税资格信息共享（虚构）"),
        ],
        agreed_items: vec![
            item(
                format!("{time}完成专项资金使用情况联合检查（虚构）。"),
                &["finance", "tax"],
                today() + 180.days(),
            ),
            // What should have been done by the day of the meeting is late from the start.
            item(
                "补报上年度抽查名单（虚构）。".into(),
                &["education"],
                today() - 1.day(),
            ),
        ],
        main_addressees: vec!["各成员单位".into()],
        ..MinutesContent::default()
    }
}

/// A unit reads a version, checks its hash and consents to it.
async fn consent(cast: &mut Cast, id: &str, name: &str, version: i32) -> anyhow::Result<()> {
    let player = cast.player(id)?;
    let leader = player.leader()?;
    let read = leader
        .minutes()
        .version(&format!("{name}/versions/{version}"))
        .await?;
    let text = read.content.clone().context("a version without text")?;
    ensure!(
        content_sha256(&text) == read.content_sha256,
        "{id} reads a text that is not the hash"
    );
    let consented = leader
        .minutes()
        .consent(ConsentToMinutesRequest {
            name: name.to_owned(),
            version,
            content_sha256: read.content_sha256,
            request_id: String::new(),
        })
        .await?;
    player.keep("a consent", &consented, consented.receipt.clone())
}

/// One agreed item is reported done, another is late, and the office sees which.
pub(in super::super) async fn agreed_items_are_followed(
    cast: &mut Cast,
    account: &mut Account,
    meeting: &str,
) -> anyhow::Result<()> {
    for id in ["tax", "finance"] {
        let player = cast.player(id)?;
        let reported = player
            .clerk()?
            .minutes()
            .report_progress(ReportProgressRequest {
                name: format!("{meeting}/agreedItems/1"),
                report: Some(ProgressReport {
                    state: TaskState::Done.into(),
                    text: "已按时完成（虚构）。".into(),
                    ..ProgressReport::default()
                }),
                request_id: String::new(),
            })
            .await?;
        player.keep("a progress report", &reported, reported.receipt.clone())?;
    }
    let request = ListAgreedItemsRequest {
        parent: "meetings/-".into(),
        overdue_only: true,
        ..ListAgreedItemsRequest::default()
    };
    let late = office(cast)?.minutes().agreed_items(&request).await?;
    let names: Vec<&str> = late
        .agreed_items
        .iter()
        .map(|item| item.name.as_str())
        .collect();
    let second = format!("{meeting}/agreedItems/2");
    ensure!(names == [second.as_str()], "late are {names:?}");
    account.say(
        "省税务局 and 省财政厅 report the first agreed item done; the second, of 省教育厅, is past its day, \
         and the office sees it as overdue (JE-080).",
    )
}
