//! A referral that comes back with a result, and account information that is refused first and answered in
//! time then (FS-036, FS-037, FS-053). At the end the reads of it all are listed.

use agency_client::{
    Client,
    requests::{AccountDraft, RequestDraft},
};
use anyhow::{Context as _, ensure};
use hub_core::reason::Reason;
use hub_proto::{
    audit::{ListAccessesRequest, RecordKind},
    channels::SubjectOrganization,
    referrals::{
        AcknowledgeReferralRequest, CloseReferralRequest, FeedBackResultRequest, Referral,
        ReferralResult, ReferralState, SendReferralRequest, TakeUpReferralRequest,
    },
    requests::{
        ApprovalLevel, ApproveInformationRequestRequest, ConsentToInformationRequestRequest,
        DeliveredData, RequestState,
    },
};
use jiff::ToSpan as _;

use super::{ORGANIZATION, is_not_found, today};
use crate::dev::tour::{account::Account, cast::Cast};

const BANK: &str = "pboc-branch";
const POLICE: &str = "public-security";

/// What the reads of the tour are for.
const PURPOSE: &str = "办理移送事项（虚构）";

/// The bank branch refers a matter to the police, who take it up and feed the result back.
pub(in super::super) async fn referral_comes_back(
    cast: &mut Cast,
    account: &mut Account,
) -> anyhow::Result<()> {
    let analyst = cast
        .player(BANK)?
        .officer("bank-analyst-1", "analyst")?
        .with_purpose(PURPOSE)?;
    let referral = Referral {
        addressee: format!("agencies/{POLICE}"),
        organizations: vec![SubjectOrganization {
            uscc: ORGANIZATION.0.into(),
            display_name: ORGANIZATION.1.into(),
        }],
        title: "可疑资金活动线索（虚构）".into(),
        text: "资金流向与登记业务不符（虚构）。".into(),
        legal_basis: "反洗钱法（2024年修订）第四十五条".into(),
        source_note: "二季度分析（虚构）".into(),
        requested_action: "请依法核查并反馈结果（虚构）".into(),
        ..Referral::default()
    };
    let request = SendReferralRequest {
        referral: Some(referral),
        ..SendReferralRequest::default()
    };
    let sent = analyst.referrals().send(request).await?;
    let bank = cast.player(BANK)?;
    bank.keep("a referral", &sent, sent.receipt.clone())?;
    let name = sent.referral.as_ref().context("no referral")?.name.clone();
    let police = police_answers(cast, &name).await?;
    let request = CloseReferralRequest {
        name: name.clone(),
        ..CloseReferralRequest::default()
    };
    let closed = analyst.referrals().close(request).await?;
    cast.player(BANK)?
        .keep("closing a referral", &closed, closed.receipt.clone())?;
    let read = analyst.referrals().get(&name).await?;
    ensure!(read.state() == ReferralState::Closed, "{:?}", read.state());
    ensure!(read.results.len() == 1, "no result came back");
    drop(police);
    let mut blind = 0;
    for id in cast.order.clone() {
        if [BANK, POLICE].contains(&id.as_str()) {
            continue;
        }
        let leader = cast.player(&id)?.leader()?.with_purpose(PURPOSE)?;
        is_not_found(leader.referrals().get(&name).await, &id)?;
        blind += 1;
    }
    account.say(&format!(
        "A referral goes from the bank branch to 省公安厅 (FS-036): received, taken up, its result fed back \
         (FS-037), closed. To each of the {blind} others, the office and the leading group's office among \
         them, it is NOT_FOUND."
    ))
}

async fn police_answers(cast: &mut Cast, name: &str) -> anyhow::Result<Client> {
    let police = cast.player(POLICE)?;
    let client = police.leader()?.with_purpose(PURPOSE)?;
    let read = client.referrals().get(name).await?;
    ensure!(read.state() == ReferralState::Sent, "{:?}", read.state());
    let request = AcknowledgeReferralRequest {
        name: name.to_owned(),
        revision: read.revision,
        ..AcknowledgeReferralRequest::default()
    };
    let received = client.referrals().acknowledge(request).await?;
    police.keep("receiving a referral", &received, received.receipt.clone())?;
    let request = TakeUpReferralRequest {
        name: name.to_owned(),
        note: "已立案侦查（虚构）".into(),
        ..TakeUpReferralRequest::default()
    };
    let taken = client.referrals().take_up(request).await?;
    police.keep("taking a referral up", &taken, taken.receipt.clone())?;
    let request = FeedBackResultRequest {
        name: name.to_owned(),
        result: Some(ReferralResult {
            text: "已查明并依法处理（虚构）。".into(),
            is_final: true,
            ..ReferralResult::default()
        }),
        ..FeedBackResultRequest::default()
    };
    let fed_back = client.referrals().feed_back(request).await?;
    police.keep("a result", &fed_back, fed_back.receipt.clone())?;
    Ok(client)
}

fn inquiry(approval: Option<&str>) -> anyhow::Result<RequestDraft> {
    let today = today();
    let mut case =
        AccountDraft::in_case("虚构公刑立字〔2026〕1号", today.saturating_sub(10.days()))
            .instrument("虚构公调证字〔2026〕1号")
            .officers(["public-security-officer-1", "public-security-officer-2"]);
    if let Some(reference) = approval {
        case = case.approved(ApprovalLevel::AsStatute, reference, today);
    }
    let draft = RequestDraft::account_information(BANK, ORGANIZATION.0, ORGANIZATION.1, case)
        .purpose("核实涉案社会组织的账户开立情况（虚构）")
        .scope("该组织账户的开立情况（虚构）")
        .use_scene("案件侦查（虚构）")
        .legal_basis("public_security_case", "刑事诉讼法第一百四十四条")
        .valid_until(today.saturating_add(60.days()))
        .approver("public-security-leader");
    Ok(draft)
}

/// The police ask for account information: refused without an approval, then answered in time; the answer
/// is for them alone.
pub(in super::super) async fn account_information_is_answered(
    cast: &mut Cast,
    account: &mut Account,
) -> anyhow::Result<()> {
    let police = cast.player(POLICE)?;
    let clerk = police.clerk()?;
    let Err(refused) = clerk.requests().draft(inquiry(None)?).await else {
        anyhow::bail!("account information was asked for without an approval");
    };
    ensure!(
        refused.reason() == Some(Reason::InvalidArgument),
        "{refused}"
    );
    let draft = inquiry(Some("虚构批准〔2026〕1号"))?;
    let drafted = clerk.requests().draft(draft).await?;
    police.keep("a draft of a request", &drafted, drafted.receipt.clone())?;
    let name = drafted
        .information_request
        .as_ref()
        .context("no request")?
        .name
        .clone();
    let approve = ApproveInformationRequestRequest {
        name: name.clone(),
        is_approved: true,
        ..ApproveInformationRequestRequest::default()
    };
    let by_author = clerk.requests().approve(approve.clone()).await;
    ensure!(by_author.is_err(), "its author approved a request");
    let leader = police.leader()?.with_purpose(PURPOSE)?;
    let approved = leader.requests().approve(approve).await?;
    police.keep("an approval", &approved, approved.receipt.clone())?;
    let bank = cast.player(BANK)?;
    let request = ConsentToInformationRequestRequest {
        name: name.clone(),
        text: "同意提供（虚构）".into(),
        delivery: Some(DeliveredData {
            text: "账户开立情况见正文（虚构）。".into(),
            attachments: vec![],
        }),
        ..ConsentToInformationRequestRequest::default()
    };
    let answered = bank.leader()?.requests().consent(request).await?;
    bank.keep(
        "an answer to a request",
        &answered,
        answered.receipt.clone(),
    )?;
    let read = leader.requests().get(&name).await?;
    ensure!(
        read.state() == RequestState::Delivered,
        "{:?}",
        read.state()
    );
    let due = read.deadlines.first().context("no deadline")?;
    ensure!(due.met_at.is_some(), "the answer did not come in time");
    let day = due.due_on.as_ref().context("no day")?;
    let office = cast
        .player("civil-affairs")?
        .leader()?
        .with_purpose(PURPOSE)?;
    is_not_found(office.requests().get(&name).await, "civil-affairs")?;
    account.say(&format!(
        "省公安厅 asks for account information of an organisation in an open case: refused without an approval \
         (FS-053) and for its author's own signature, then approved, and answered before {}-{:02}-{:02}, \
         10 working days after receipt (State Council Order 809 art. 21). The answer is for 省公安厅 alone.",
        day.year, day.month, day.day
    ))
}

/// Every read was recorded before it was answered; auditors list who read what.
pub(in super::super) async fn reads_are_listed(
    cast: &mut Cast,
    account: &mut Account,
) -> anyhow::Result<()> {
    let bank = cast
        .player(BANK)?
        .officer("bank-auditor-1", "access-auditor")?;
    let own = bank
        .audit()
        .list_accesses(&ListAccessesRequest {
            kind: RecordKind::Referral.into(),
            ..ListAccessesRequest::default()
        })
        .await?;
    let by_police = own
        .accesses
        .iter()
        .filter(|access| access.reader == format!("agencies/{POLICE}"));
    ensure!(
        by_police.count() > 0,
        "a read of a referral is not on record"
    );
    let group = cast
        .player("leading-group-office")?
        .officer("group-auditor-1", "auditor")?;
    let all = group
        .audit()
        .list_accesses(&ListAccessesRequest::default())
        .await?;
    let shown = |access: &hub_proto::audit::Access| {
        access
            .records
            .iter()
            .any(|record| record.kind() == RecordKind::Referral)
    };
    ensure!(
        !all.accesses.iter().any(shown),
        "a referral shows to others"
    );
    account.say(
        "Every read of an alert, a referral, a request or an addressed notification is on the ledger before it \
         is answered. The bank branch's auditor lists who read its referral, when and what for; the leading \
         group's auditor lists reads of alerts and notifications, and learns of no referral (X-006).",
    )
}
