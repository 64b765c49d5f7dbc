//! The steps of the tour, in order.

mod alerts;
mod follow_up;
mod incidents;
mod issues;
mod meetings;
mod minutes;
mod proof;
mod referrals;

pub(super) use alerts::{alert_is_handled, alert_is_retracted, alerts_are_loaded};
pub(super) use follow_up::{attachment_goes_along, outbox_outlives_the_hub, plan_is_corrected};
pub(super) use incidents::{hub_is_stopped_hard, liaison_changes, node_is_revoked};
pub(super) use issues::issue_is_escalated;
pub(super) use meetings::{meeting_is_held, meeting_is_prepared};
pub(super) use minutes::{agreed_items_are_followed, minutes_are_issued};
pub(super) use proof::{ledger_is_checked, office_looks, receipts_are_proved};
pub(super) use referrals::{
    account_information_is_answered, reads_are_listed, referral_comes_back,
};

use std::time::Duration;

use agency_client::{
    ClientError,
    channels::NotificationDraft,
    subscribe::{Event, SubscribeOptions},
};
use anyhow::{Context as _, bail, ensure};
use hub_core::{date, reason::Reason};
use hub_proto::{
    channels::Classification,
    members::{AppointLiaisonRequest, Liaison, Rank},
};
use jiff::{Timestamp, ToSpan as _};

use super::{
    account::Account,
    cast::{Cast, Player},
};

/// The notice that every member signs for.
const NOTICE: &str = include_str!("../../../tour/notice-2021-64.txt");

/// The plan of the fund-supervision mechanism.
const PLAN: &str = include_str!("../../../tour/fund-supervision-plan-2021-2.txt");

/// A synthetic organisation; its code keeps both check rules and belongs to nobody.
pub(super) const ORGANIZATION: (&str, &str) = ("52140000500025183F", "某某社会服务机构（虚构）");

/// Waiting for something that is on its way takes no longer than this.
pub(super) const WAIT_MAX: Duration = Duration::from_secs(30);

/// The durable consumer of every department's own system.
const CONSUMER: &str = "oa";

/// Which departments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Half {
    /// Those at even places.
    First,
    /// The others.
    Second,
}

/// Every node connects and is told who it is.
pub(super) async fn everyone_reports(cast: &mut Cast, account: &mut Account) -> anyhow::Result<()> {
    for (id, player) in &cast.players {
        let answer = player.clerk()?.members().who_am_i().await?;
        let agency = answer.agency.with_context(|| format!("{id}: no agency"))?;
        ensure!(
            agency.name == format!("agencies/{id}"),
            "{id} is taken for {}",
            agency.name
        );
        ensure!(
            agency.display_name == player.name,
            "{id}: {}",
            agency.display_name
        );
    }
    let members = cast.player("tax")?.clerk()?;
    let mechanisms = members.members().list_mechanisms(None).await?;
    let counts: Vec<i32> = mechanisms
        .iter()
        .map(|mechanism| mechanism.member_count)
        .collect();
    ensure!(counts == [13, 6], "the mechanisms have {counts:?} members");
    account.say(&format!(
        "{} departments and the leading group's office connect over mTLS, each with its own \
         certificate: 13 in joint enforcement (JE-012), 6 in fund supervision (FS-010).",
        cast.departments().len()
    ))
}

/// Each unit names its liaison in each of its mechanisms; the office is told.
pub(super) async fn liaisons_are_appointed(
    cast: &mut Cast,
    account: &mut Account,
) -> anyhow::Result<()> {
    let mut count = 0;
    for id in cast.departments() {
        let mechanisms = cast.mechanisms(&id);
        let player = cast.player(&id)?;
        player.liaison = format!("{id}-liaison-1");
        let leader = player.leader()?;
        for mechanism in mechanisms {
            let request = liaison(&mechanism, &player.liaison, "");
            let recorded = leader.members().appoint_liaison(request).await?;
            player.keep(
                "a liaison's appointment",
                &recorded,
                recorded.receipt.clone(),
            )?;
            count += 1;
        }
    }
    account.say(&format!(
        "Each department's leader names a liaison in each of its mechanisms (JE-027): {count} \
         appointments, and the offices are notified of each (JE-028)."
    ))
}

/// A request to appoint a liaison from today on.
pub(super) fn liaison(mechanism: &str, officer: &str, replaces: &str) -> AppointLiaisonRequest {
    AppointLiaisonRequest {
        parent: format!("mechanisms/{mechanism}"),
        liaison: Some(Liaison {
            officer: officer.to_owned(),
            display_name: format!("联络员（虚构）{officer}"),
            rank: Rank::Division.into(),
            from_on: Some(date::to_wire(today())),
            ..Liaison::default()
        }),
        replaces: replaces.to_owned(),
        request_id: String::new(),
    }
}

/// Today where the charter applies.
fn today() -> jiff::civil::Date {
    let zone = jiff::tz::TimeZone::get("Asia/Shanghai").unwrap_or(jiff::tz::TimeZone::UTC);
    zone.to_datetime(Timestamp::now()).date()
}

/// The office publishes the notice to all, and the plan to the fund mechanism.
pub(super) async fn office_publishes(
    cast: &mut Cast,
    account: &mut Account,
) -> anyhow::Result<String> {
    let office = cast.player("civil-affairs")?;
    let client = office.officer("office-1", "office")?;
    let title = "山西省民政厅关于开展清理整治社会组织违规评选评奖工作的通知";
    let notice = NotificationDraft::to_channel("all-members")
        .category("work_notice")
        .title(title)
        .text(NOTICE)
        .document_number("晋民函〔2021〕64号")
        .classification(Classification::Public)
        .sign_by(Timestamp::now() + 72.hours());
    let recorded = client.channels().publish(notice).await?;
    office.keep("the notice", &recorded, recorded.receipt.clone())?;
    let name = recorded
        .notification
        .as_ref()
        .context("no notification")?
        .name
        .clone();
    let plan = NotificationDraft::to_channel("fund-supervision")
        .category("work_notice")
        .title("山西省全省性社会组织资金监管机制实施方案")
        .text(PLAN)
        .document_number("晋社管组发〔2021〕2号")
        .classification(Classification::Public);
    let recorded = client.channels().publish(plan).await?;
    office.keep("the plan", &recorded, recorded.receipt.clone())?;
    account.say(&format!(
        "The office publishes 晋民函〔2021〕64号 to all members as {name}, and the plan \
         晋社管组发〔2021〕2号 to the six fund members."
    ))?;
    Ok(name)
}

/// Units receive the notice through their own systems and their liaisons sign for it; the leading
/// group's office, which has no liaison, signs through its leader.
pub(super) async fn members_sign(
    cast: &mut Cast,
    account: &mut Account,
    notice: &str,
    half: Half,
) -> anyhow::Result<()> {
    let parity = usize::from(half == Half::Second);
    let mut names = vec![];
    let departments = cast.departments().into_iter().enumerate();
    for (_, id) in departments.filter(|(number, _)| number % 2 == parity) {
        let player = cast.player(&id)?;
        receive(player, notice).await?;
        if id != "civil-affairs" {
            let signer = player.officer(&player.liaison, "liaison")?;
            let recorded = signer.channels().sign_for(notice, None).await?;
            player.keep(
                "signing for the notice",
                &recorded,
                recorded.receipt.clone(),
            )?;
            names.push(player.name.clone());
        }
    }
    if half == Half::Second {
        let player = cast.player("leading-group-office")?;
        receive(player, notice).await?;
        let recorded = player.leader()?.channels().sign_for(notice, None).await?;
        player.keep(
            "signing for the notice",
            &recorded,
            recorded.receipt.clone(),
        )?;
        names.push(player.name.clone());
    }
    account.say(&format!(
        "{} receive it through their own systems and sign for it (签收): {}.",
        names.len(),
        names.join("、")
    ))
}

/// Reads a department's stream as its consumer until a notification has come, keeping each one and
/// acknowledging them together.
pub(super) async fn receive(player: &mut Player, until: &str) -> anyhow::Result<()> {
    if player.received.iter().any(|name| name == until) {
        return Ok(());
    }
    let client = player.clerk()?;
    let options = SubscribeOptions {
        consumer: Some(CONSUMER.into()),
        ..SubscribeOptions::default()
    };
    let mut stream = client.channels().subscribe(options);
    let cursor = loop {
        let event = tokio::time::timeout(WAIT_MAX, stream.next()).await;
        let event = event.with_context(|| format!("{}: {until} does not come", player.name))?;
        let delivery = match event.context("the stream ended")?? {
            Event::Delivery(delivery) => delivery,
            _ => continue,
        };
        let notification = delivery
            .notification
            .context("a delivery without notification")?;
        ensure!(
            !player.received.contains(&notification.name),
            "{}: {} is delivered twice",
            player.name,
            notification.name
        );
        if notification.name == until && until.starts_with("channels/all-members") {
            ensure!(
                notification.body == NOTICE.as_bytes(),
                "the notice's text is altered"
            );
        }
        let receipt = delivery.receipt.context("a delivery without receipt")?;
        player.given.push(super::cast::Given {
            what: "a delivery",
            receipt,
            authored: None,
        });
        player.received.push(notification.name.clone());
        if notification.name == until {
            break delivery.cursor;
        }
    };
    let recorded = client.channels().acknowledge(CONSUMER, &cursor).await?;
    player.keep("an acknowledgement", &recorded, recorded.receipt.clone())
}

/// Two departments send case results; the charter routes them to the office.
pub(super) async fn case_results(cast: &mut Cast, account: &mut Account) -> anyhow::Result<()> {
    let mut last = String::new();
    for (id, category) in [
        ("education", "case_result_activity"),
        ("tax", "case_result_fund"),
    ] {
        let player = cast.player(id)?;
        let draft = NotificationDraft::by_route(category)
            .title("关于某社会组织案件查处结果的通报（虚构）")
            .text("查处结果见正文（虚构内容）。")
            .subject(ORGANIZATION.0, ORGANIZATION.1)
            .classification(Classification::Internal);
        let recorded = player.clerk()?.channels().publish(draft).await?;
        player.keep("a case result", &recorded, recorded.receipt.clone())?;
        let notification = recorded.notification.as_ref().context("no notification")?;
        ensure!(
            notification.addressees == ["mechanisms/joint-enforcement/office"],
            "the case result went to {:?}",
            notification.addressees
        );
        last = notification.name.clone();
    }
    let office = cast.player("civil-affairs")?;
    let client = office.officer("office-1", "office")?;
    let opened = client
        .channels()
        .open(&last, Some("mechanisms/joint-enforcement/office"))
        .await?;
    office.keep("opening a case result", &opened, opened.receipt.clone())?;
    account.say(
        "省教育厅 and 省税务局 send case results; the charter routes them to the joint-enforcement \
         office (JE-081), which opens one.",
    )
}

/// The central-bank branch refers a matter to the police, and nobody else can tell.
pub(super) async fn addressed_matter(cast: &mut Cast, account: &mut Account) -> anyhow::Result<()> {
    let bank = cast.player("pboc-branch")?;
    let draft = NotificationDraft::by_route("fund_referral")
        .title("可疑资金活动线索移交（虚构）")
        .text("线索内容（虚构）。")
        .subject(ORGANIZATION.0, ORGANIZATION.1)
        .classification(Classification::Internal);
    let recorded = bank
        .officer("bank-analyst-1", "analyst")?
        .channels()
        .publish(draft)
        .await?;
    bank.keep("the referral", &recorded, recorded.receipt.clone())?;
    let name = recorded
        .notification
        .as_ref()
        .context("no notification")?
        .name
        .clone();
    receive(cast.player("public-security")?, &name).await?;
    let mut blind = 0;
    for id in cast.order.clone() {
        if ["pboc-branch", "public-security"].contains(&id.as_str()) {
            continue;
        }
        let client = cast.player(&id)?.clerk()?;
        is_not_found(client.channels().notification(&name).await, &id)?;
        is_not_found(client.channels().delivery_receipts(&name).await, &id)?;
        blind += 1;
    }
    account.say(&format!(
        "中国人民银行山西省分行 refers a matter to 省公安厅 (FS-036). It arrives there; to each of the \
         {blind} others, the office among them, it is NOT_FOUND."
    ))
}

fn is_not_found<T>(answer: agency_client::Result<T>, who: &str) -> anyhow::Result<()> {
    match answer {
        Ok(_) => bail!("{who} can see what is not addressed to it"),
        Err(error) if reason(&error) == Some(Reason::NotFound) => Ok(()),
        Err(error) => Err(error).with_context(|| format!("{who} asks for what it may not see")),
    }
}

/// The reason that the hub gave.
pub(super) fn reason(error: &ClientError) -> Option<Reason> {
    error.reason()
}
