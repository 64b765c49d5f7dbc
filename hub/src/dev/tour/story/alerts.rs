//! Fund alerts: a file of the bank branch, one alert to its joint notice and its end, and one that is
//! taken back after two units acted on it (FS-012, FS-021, FS-051, FS-054).

use std::fmt::Write as _;

use agency_client::{Client, funds::AlertDraft};
use anyhow::{Context as _, ensure};
use futures::{StreamExt as _, TryStreamExt as _};
use hub_core::{date::to_wire, uscc};
use hub_proto::{
    channels::Classification,
    funds::{
        AcknowledgeAlertRequest, Alert, AlertAction, AlertKind, AlertState, CloseAlertRequest,
        Closing, Direction, DraftJointNoticeRequest, Finding, FindingKind, IssueJointNoticeRequest,
        JointNotice, Measure, MeasureState, RecordFindingRequest, ReportMeasureRequest,
        RetractAlertRequest, ReviewMeasureRequest, Severity, SignJointNoticeRequest,
        TakeMeasureRequest,
    },
};
use jiff::ToSpan as _;
use serde_json::{Value, json};

use super::{meetings::office, today};
use crate::dev::tour::{account::Account, cast::Cast};

/// Rows of the bank branch's file.
const ROWS: u32 = 1_000;
/// Rows of it that break a rule, and the field that does.
const BAD_ROWS: [(u32, &str); 7] = [
    (17, "uscc"),
    (128, "end_on"),
    (256, "currency"),
    (402, "source_note"),
    (511, "severity_reason"),
    (768, "kind"),
    (999, "grounds"),
];
/// A code whose check character is wrong.
const BAD_CODE: &str = "51140000MJ0000018A";
/// Alerts under way at a time.
const IN_FLIGHT: usize = 32;
/// Who raises alerts.
const BANK: &str = "pboc-branch";
/// Everyone whom an alert goes to.
const UNITS: [&str; 5] = [
    "civil-affairs",
    "public-security",
    "finance",
    "state-security",
    "tax",
];
/// Who signs the joint notice.
const SIGNERS: [&str; 2] = ["finance", "tax"];

fn analyst(cast: &mut Cast) -> anyhow::Result<Client> {
    cast.player(BANK)?.officer("bank-analyst-1", "analyst")
}

/// The code of an organisation that does not exist: the first two check characters that fit.
fn synthetic_code(number: u32) -> Option<String> {
    const ALPHABET: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";
    let stem = format!("51140000MJ{number:06}");
    let ends = ALPHABET
        .chars()
        .flat_map(|inner| ALPHABET.chars().map(move |outer| (inner, outer)));
    ends.map(|(inner, outer)| format!("{stem}{inner}{outer}"))
        .find(|code| uscc::check(code).is_ok_and(|checked| checked.warnings.is_empty()))
}

/// The file as the bank branch's system writes it: an alert a line.
fn file() -> anyhow::Result<String> {
    let mut text = String::new();
    for number in 1..=ROWS {
        let code = synthetic_code(number).context("no code fits")?;
        let bad = BAD_ROWS.iter().find(|(row, _)| *row == number);
        let pick = |field: &str, broken: &'static str, good: &'static str| {
            let is_broken = bad.is_some_and(|(_, broken)| *broken == field);
            if is_broken { broken } else { good }
        };
        let row = json!({
            "uscc": if bad.is_some_and(|(_, field)| *field == "uscc") { BAD_CODE } else { &code },
            "organization": format!("某某协会{number}（虚构）"),
            "kind": pick("kind", "donation", "abnormal_movement"),
            "start_on": "2026-01-01",
            "end_on": pick("end_on", "2025-12-31", "2026-06-30"),
            "currency": pick("currency", "元", "CNY"),
            "severity_reason": pick("severity_reason", "", "短期内多次（虚构）"),
            "grounds": pick("grounds", "见 6200000000000000001", "流出与项目不符（虚构）。"),
            "source_note": pick("source_note", "", "二季度分析（虚构）"),
        });
        writeln!(text, "{row}")?;
    }
    Ok(text)
}

/// A line of the file as an alert.
fn draft(line: &str) -> anyhow::Result<AlertDraft> {
    let row: Value = serde_json::from_str(line)?;
    let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default();
    let kind = match text("kind") {
        "abnormal_movement" => AlertKind::AbnormalMovement,
        _ => AlertKind::Unspecified,
    };
    let draft = AlertDraft::on(text("uscc"), text("organization"))
        .kind(kind)
        .indicator("flow_out_of_line")
        .period(text("start_on").parse()?, text("end_on").parse()?)
        .amount("1m_10m", text("currency"))
        .direction(Direction::Out)
        .severity(Severity::Routine, text("severity_reason"))
        .grounds(text("grounds"))
        .source_note(text("source_note"))
        .legal_basis("反洗钱法（2024年修订）第七条")
        .classification(Classification::Internal);
    Ok(draft)
}

/// The bank branch's system loads a file. Answers the names of the alerts, in the file's order.
pub(in super::super) async fn alerts_are_loaded(
    cast: &mut Cast,
    account: &mut Account,
) -> anyhow::Result<Vec<String>> {
    let (mut good, mut refused, mut example) = (vec![], vec![], String::new());
    for (number, line) in (1..).zip(file()?.lines()) {
        let draft = draft(line)?;
        match draft.check(today()).first() {
            None => good.push(draft),
            Some(broken) => {
                refused.push(number);
                example = format!("row {number}, {}: {}", broken.field, broken.rule);
            }
        }
    }
    ensure!(
        refused == BAD_ROWS.map(|(row, _)| row),
        "rows {refused:?} are refused"
    );
    let client = analyst(cast)?;
    let alerts = client.alerts();
    let first = good.first().context("no row is good")?.clone();
    let raising = futures::stream::iter(good.into_iter().map(|draft| alerts.raise(draft)));
    let raised: Vec<_> = raising.buffered(IN_FLIGHT).try_collect().await?;
    // A row once more, as after an answer that was lost: the same request, and nothing new.
    let repeated = alerts.raise(first).await?;
    let receipt = raised.first().and_then(|first| first.receipt.clone());
    ensure!(
        repeated.receipt.as_ref().map(|one| one.entry_index)
            == receipt.as_ref().map(|one| one.entry_index),
        "a row that was sent twice was raised twice"
    );
    let bank = cast.player(BANK)?;
    let mut names = vec![];
    for recorded in &raised {
        let alert = recorded.alert.as_ref().context("no alert")?;
        names.push(alert.name.clone());
        bank.keep("an alert", recorded, recorded.receipt.clone())?;
    }
    account.say(&format!(
        "中国人民银行山西省分行 loads a file of {ROWS} alerts: {} are raised and circulated to the fund \
         members (FS-012), {} rows are refused, each with its field and rule, such as {example}. A row \
         sent twice is raised once; one with what looks like the number of an account is refused (FS-051). \
         (`agency alert load` does this for files.)",
        names.len(),
        refused.len(),
    ))?;
    Ok(names)
}

async fn acknowledge(
    cast: &mut Cast,
    name: &str,
    unit: &str,
    (revision, action, text): (i32, AlertAction, &str),
) -> anyhow::Result<()> {
    let player = cast.player(unit)?;
    let request = AcknowledgeAlertRequest {
        name: name.to_owned(),
        revision,
        action: action.into(),
        text: text.to_owned(),
        ..AcknowledgeAlertRequest::default()
    };
    let done = player.leader()?.alerts().acknowledge(request).await?;
    player.keep("acknowledging an alert", &done, done.receipt.clone())
}

async fn measure(cast: &mut Cast, name: &str, unit: &str, text: &str) -> anyhow::Result<i32> {
    let player = cast.player(unit)?;
    let request = TakeMeasureRequest {
        name: name.to_owned(),
        measure: Some(Measure {
            text: text.to_owned(),
            due_on: Some(to_wire(today().saturating_add(14.days()))),
            ..Measure::default()
        }),
        ..TakeMeasureRequest::default()
    };
    let taken = player.leader()?.alerts().take_measure(request).await?;
    player.keep("a measure", &taken, taken.receipt.clone())?;
    let alert = taken.alert.as_ref().context("no alert")?;
    alert
        .measures
        .last()
        .map(|measure| measure.measure)
        .context("no measure")
}

/// One alert from the first look to its end: acknowledged by all, found, noticed jointly, followed up,
/// closed with a reason and a named reviewer.
pub(in super::super) async fn alert_is_handled(
    cast: &mut Cast,
    account: &mut Account,
    name: &str,
) -> anyhow::Result<()> {
    for unit in UNITS {
        let (action, text) = if SIGNERS.contains(&unit) {
            (AlertAction::Checks, "核对相关票据和账务（虚构）")
        } else {
            (AlertAction::NoAction, "不涉及本单位职责（虚构）")
        };
        acknowledge(cast, name, unit, (1, action, text)).await?;
    }
    for unit in SIGNERS {
        let player = cast.player(unit)?;
        let request = RecordFindingRequest {
            name: name.to_owned(),
            finding: Some(Finding {
                kind: FindingKind::Substantiated.into(),
                reason: "支出与登记业务范围不符（虚构）。".into(),
                ..Finding::default()
            }),
            ..RecordFindingRequest::default()
        };
        let found = player.leader()?.alerts().record_finding(request).await?;
        player.keep("a finding", &found, found.receipt.clone())?;
    }
    joint_notice(cast, name).await?;
    let number = measure(cast, name, "finance", "开展专项财务检查（虚构）").await?;
    let finance = cast.player("finance")?;
    let request = ReportMeasureRequest {
        name: name.to_owned(),
        measure: number,
        text: "检查已完成（虚构）。".into(),
        ..ReportMeasureRequest::default()
    };
    let reported = finance.leader()?.alerts().report_measure(request).await?;
    finance.keep("a report", &reported, reported.receipt.clone())?;
    let alert = close(cast, name).await?;
    account.say(&format!(
        "One of them goes its whole way: {} units acknowledge it and say what they do, 省财政厅 and \
         省税务局 find it substantiated and sign a joint notice (联合通报), which the office issues \
         (FS-021); a measure is taken and reported done, and the office closes the alert with a reason and \
         a reviewer other than the one who closes. {} joint notice, {} findings.",
        UNITS.len(),
        alert.joint_notices.len(),
        alert.findings.len(),
    ))
}

async fn joint_notice(cast: &mut Cast, name: &str) -> anyhow::Result<()> {
    let client = office(cast)?;
    let request = DraftJointNoticeRequest {
        name: name.to_owned(),
        joint_notice: Some(JointNotice {
            text: "现将有关资金异动情况联合通报如下（虚构）。".into(),
            units: SIGNERS.map(|unit| format!("agencies/{unit}")).into(),
            ..JointNotice::default()
        }),
        ..DraftJointNoticeRequest::default()
    };
    let drafted = client.alerts().draft_joint_notice(request).await?;
    cast.player("civil-affairs")?
        .keep("a joint notice", &drafted, drafted.receipt.clone())?;
    let issue = IssueJointNoticeRequest {
        name: name.to_owned(),
        joint_notice: 1,
        ..IssueJointNoticeRequest::default()
    };
    for unit in SIGNERS {
        let early = client.alerts().issue_joint_notice(issue.clone()).await;
        ensure!(
            early.is_err(),
            "a joint notice is issued without two signatures"
        );
        let player = cast.player(unit)?;
        let request = SignJointNoticeRequest {
            name: name.to_owned(),
            joint_notice: 1,
            ..SignJointNoticeRequest::default()
        };
        let signed = player.leader()?.alerts().sign_joint_notice(request).await?;
        player.keep("a signature", &signed, signed.receipt.clone())?;
    }
    let issued = client.alerts().issue_joint_notice(issue).await?;
    cast.player("civil-affairs")?
        .keep("issuing a joint notice", &issued, issued.receipt.clone())
}

async fn close(cast: &mut Cast, name: &str) -> anyhow::Result<Alert> {
    let client = office(cast)?;
    let request = CloseAlertRequest {
        name: name.to_owned(),
        closing: Some(Closing {
            reason: "已核查并采取措施（虚构）。".into(),
            reviewer_agency: "agencies/civil-affairs".into(),
            reviewer: "civil-affairs-leader".into(),
            ..Closing::default()
        }),
        ..CloseAlertRequest::default()
    };
    let closed = client.alerts().close(request).await?;
    cast.player("civil-affairs")?
        .keep("closing an alert", &closed, closed.receipt.clone())?;
    let alert = client.alerts().get(name).await?;
    ensure!(alert.state() == AlertState::Closed, "{:?}", alert.state());
    Ok(alert)
}

/// The bank branch takes an alert back after two units acted on it: everyone who saw it acknowledges that,
/// and each measure is looked at again.
pub(in super::super) async fn alert_is_retracted(
    cast: &mut Cast,
    account: &mut Account,
    name: &str,
) -> anyhow::Result<()> {
    let mut measures = vec![];
    for unit in ["public-security", "tax"] {
        acknowledge(cast, name, unit, (1, AlertAction::Checks, "")).await?;
        let number = measure(cast, name, unit, "要求该组织说明情况（虚构）").await?;
        measures.push((unit, number));
    }
    let client = analyst(cast)?;
    let request = RetractAlertRequest {
        name: name.to_owned(),
        reason: "经复核，系归集口径错误（虚构）。".into(),
        ..RetractAlertRequest::default()
    };
    let retracted = client.alerts().retract(request).await?;
    let bank = cast.player(BANK)?;
    bank.keep("a retraction", &retracted, retracted.receipt.clone())?;
    let alert = client.alerts().get(name).await?;
    let waiting = alert
        .measures
        .iter()
        .filter(|one| one.awaits_review)
        .count();
    ensure!(waiting == measures.len(), "{waiting} measures await review");
    let revision = alert.revision;
    for unit in UNITS {
        acknowledge(cast, name, unit, (revision, AlertAction::Noted, "")).await?;
    }
    for (unit, number) in measures {
        let player = cast.player(unit)?;
        let request = ReviewMeasureRequest {
            name: name.to_owned(),
            measure: number,
            lifts: true,
            reason: "预警已撤回（虚构）".into(),
            ..ReviewMeasureRequest::default()
        };
        let reviewed = player.leader()?.alerts().review_measure(request).await?;
        player.keep("a review", &reviewed, reviewed.receipt.clone())?;
    }
    let alert = client.alerts().get(name).await?;
    let lifted = alert
        .measures
        .iter()
        .filter(|one| one.state() == MeasureState::Lifted)
        .count();
    let owing = alert
        .units
        .iter()
        .filter(|unit| unit.acknowledged_at.is_none());
    ensure!(
        lifted == 2 && owing.count() == 0,
        "the retraction is not carried through"
    );
    account.say(&format!(
        "Another one is taken back after 省公安厅 and 省税务局 took measures on it: all {} units that saw it \
         acknowledge the retraction, and both measures are reviewed and lifted.",
        UNITS.len()
    ))
}
