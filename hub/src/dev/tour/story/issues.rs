//! A major issue: flagged by a member, put on the agenda, discussed, and reported to the leading group,
//! which replies (JE-023, JE-075).

use agency_client::Client;
use anyhow::{Context as _, ensure};
use hub_proto::meetings::{
    CoSignEscalationRequest, DisposeMajorIssueRequest, Disposition, DispositionKind,
    DraftEscalationRequest, Escalation, EscalationReply, FlagMajorIssueRequest, MajorIssue,
    MajorIssueState, ReplyToEscalationRequest, SendEscalationRequest,
};

use super::meetings::office;
use crate::dev::tour::{account::Account, cast::Cast};

/// Who flags the issue.
const FLAGS: &str = "public-security";
/// Who reports it together with the lead.
const TOGETHER: [&str; 2] = ["public-security", "state-security"];

/// A member flags an issue, and the office puts it on the agenda. Answers the issue's name.
pub(super) async fn issue_is_flagged(
    cast: &mut Cast,
    client: &Client,
    meeting: &str,
) -> anyhow::Result<String> {
    let player = cast.player(FLAGS)?;
    let request = FlagMajorIssueRequest {
        major_issue: Some(MajorIssue {
            mechanism: "mechanisms/joint-enforcement".into(),
            title: "某非法社会组织跨市活动（虚构）".into(),
            text: "在三个市发现同一非法社会组织的活动（虚构）。".into(),
            reason: "涉及多个部门，影响较大（虚构）".into(),
            ..MajorIssue::default()
        }),
        request_id: String::new(),
    };
    let flagged = player.leader()?.major_issues().flag(request).await?;
    player.keep("a major issue", &flagged, flagged.receipt.clone())?;
    let name = flagged
        .major_issue
        .as_ref()
        .context("no issue")?
        .name
        .clone();
    let request = DisposeMajorIssueRequest {
        name: name.clone(),
        disposition: Some(Disposition {
            kind: DispositionKind::Agenda.into(),
            meeting: meeting.to_owned(),
            ..Disposition::default()
        }),
        request_id: String::new(),
    };
    let disposed = client.major_issues().dispose(request).await?;
    let office = cast.player("civil-affairs")?;
    office.keep("a disposition", &disposed, disposed.receipt.clone())?;
    Ok(name)
}

/// The lead reports the issue together with two members, and the leading group's office replies.
pub(in super::super) async fn issue_is_escalated(
    cast: &mut Cast,
    account: &mut Account,
    meeting: &str,
    issue: &str,
) -> anyhow::Result<()> {
    let lead = cast.player("civil-affairs")?;
    let leader = lead.leader()?;
    let request = DraftEscalationRequest {
        escalation: Some(Escalation {
            major_issue: issue.to_owned(),
            meeting: meeting.to_owned(),
            co_units: TOGETHER.map(|id| format!("agencies/{id}")).into(),
            title: "关于某非法社会组织跨市活动的报告（虚构）".into(),
            text: "现将有关情况报告如下（虚构）。".into(),
            ..Escalation::default()
        }),
        request_id: String::new(),
    };
    let drafted = leader.major_issues().draft_escalation(request).await?;
    lead.keep("an escalation", &drafted, drafted.receipt.clone())?;
    let name = drafted
        .escalation
        .as_ref()
        .context("no escalation")?
        .name
        .clone();
    let send = SendEscalationRequest {
        name: name.clone(),
        request_id: String::new(),
    };
    for id in TOGETHER {
        let early = leader.major_issues().send_escalation(send.clone()).await;
        ensure!(early.is_err(), "sent before {id} has signed");
        let player = cast.player(id)?;
        let request = CoSignEscalationRequest {
            name: name.clone(),
            ..CoSignEscalationRequest::default()
        };
        let signed = player
            .leader()?
            .major_issues()
            .co_sign_escalation(request)
            .await?;
        player.keep("a co-signature", &signed, signed.receipt.clone())?;
    }
    let sent = leader.major_issues().send_escalation(send).await?;
    let lead = cast.player("civil-affairs")?;
    lead.keep("sending an escalation", &sent, sent.receipt.clone())?;
    let group = cast.player("leading-group-office")?;
    let desk = group.officer("leading-group-desk-1", "leading-group-desk")?;
    let request = ReplyToEscalationRequest {
        name,
        reply: Some(EscalationReply {
            text: "同意，由省公安厅牵头依法处置（虚构）。".into(),
            ..EscalationReply::default()
        }),
        request_id: String::new(),
    };
    let replied = desk.major_issues().reply_to_escalation(request).await?;
    group.keep("a reply", &replied, replied.receipt.clone())?;
    let answered = office(cast)?.major_issues().get(issue).await?;
    ensure!(
        answered.state() == MajorIssueState::Answered,
        "{:?}",
        answered.state()
    );
    account.say(
        "The major issue that 省公安厅 flagged was on the agenda and discussed; 省民政厅 reports it to the \
         leading group together with 省公安厅 and 省国家安全厅, which both sign first, and the leading \
         group's office replies (JE-023, JE-075).",
    )
}
