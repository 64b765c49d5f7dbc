//! What makes the hub a thing to live with: a file that goes along, a mistake that is put right with
//! everybody, and a department whose outbox outlives a stopped hub.

use agency_client::{
    channels::NotificationDraft,
    outbox::{Outbox, OutboxOptions, Outgoing},
};
use anyhow::{Context as _, ensure};
use hub_proto::channels::{Classification, ListOutstandingActionsRequest, NotificationState};
use jiff::{Timestamp, ToSpan as _};

use super::{ORGANIZATION, WAIT_MAX, is_not_found, receive};
use crate::dev::{
    site::Site,
    tour::{account::Account, cast::Cast, process::HubProcess},
};

/// Size of the file that goes along, in bytes (3 MiB).
const FILE_BYTES: usize = 3 * 1024 * 1024;

/// Notifications that wait while the hub is away.
const WAITING: usize = 5;

/// 省财政厅 sends 省税务局 a table of 3 MiB. It can be had by the two of them and by nobody else.
pub(in super::super) async fn attachment_goes_along(
    cast: &mut Cast,
    account: &mut Account,
    site: &Site,
) -> anyhow::Result<()> {
    let file = site.dir().join("synthetic-table.csv");
    let line = b"52140000500025183F,synthetic,100\n";
    let content: Vec<u8> = line.iter().copied().cycle().take(FILE_BYTES).collect();
    std::fs::write(&file, &content)?;
    let finance = cast.player("finance")?;
    let client = finance.clerk()?;
    let attachment = client.attachments().upload(&file, |_| {}).await?;
    let draft = NotificationDraft::to(["agencies/tax"])
        .category("coordination")
        .title("免税资格核对表（虚构）")
        .text("请核对附表（虚构内容）。")
        .subject(ORGANIZATION.0, ORGANIZATION.1)
        .classification(Classification::Internal)
        .attach(attachment.clone());
    let recorded = client.channels().publish(draft).await?;
    finance.keep("a table", &recorded, recorded.receipt.clone())?;
    let name = recorded.notification.as_ref().context("no notification")?;
    let name = name.name.clone();
    receive(cast.player("tax")?, &name).await?;
    let copy = site.dir().join("copy.csv");
    let tax = cast.player("tax")?.clerk()?;
    tax.attachments()
        .download(&name, &attachment, &copy, |_| {})
        .await?;
    ensure!(std::fs::read(&copy)? == content, "the file is altered");
    for id in ["health", "civil-affairs", "leading-group-office"] {
        let other = cast.player(id)?.clerk()?;
        let got = other
            .attachments()
            .download(&name, &attachment, site.dir().join("none"), |_| {})
            .await;
        is_not_found(got, id)?;
    }
    account.say(
        "省财政厅 sends 省税务局 a table of 3 MiB with a notification: it arrives byte for byte, and to \
         others there is neither the one nor the other.",
    )
}

/// The office corrects its plan: the five other members get the correction and acknowledge it; until
/// the last one has, the office sees who is missing.
pub(in super::super) async fn plan_is_corrected(
    cast: &mut Cast,
    account: &mut Account,
) -> anyhow::Result<()> {
    let plan = "channels/fund-supervision/notifications/1";
    let office = cast.player("civil-affairs")?;
    let client = office.officer("office-1", "office")?;
    let wrong = client.channels().notification(plan).await?.notification;
    let wrong = wrong.context("no plan")?;
    let corrected = client
        .channels()
        .correct(
            plan,
            NotificationDraft::like(&wrong)
                .title("山西省全省性社会组织资金监管机制实施方案（更正）"),
            "附件一有误（虚构）",
        )
        .await?;
    office.keep("the correction", &corrected, corrected.receipt.clone())?;
    let name = corrected.notification.as_ref().context("no correction")?;
    let name = name.name.clone();
    let owing = async || -> anyhow::Result<usize> {
        let request = ListOutstandingActionsRequest {
            parent: "channels/fund-supervision".into(),
            ..ListOutstandingActionsRequest::default()
        };
        let page = client.channels().outstanding(&request).await?;
        Ok(page.outstanding_actions.len())
    };
    let members = [
        "public-security",
        "finance",
        "state-security",
        "tax",
        "pboc-branch",
    ];
    for (done, id) in members.into_iter().enumerate() {
        let missing = owing().await?;
        ensure!(
            missing == members.len() - done,
            "{missing} are missing before {id}"
        );
        let player = cast.player(id)?;
        receive(player, &name).await?;
        let signer = player.officer(&player.liaison, "liaison")?;
        let recorded = signer.channels().sign_for(&name, None).await?;
        player.keep(
            "an acknowledgement of the correction",
            &recorded,
            recorded.receipt.clone(),
        )?;
        let earlier = signer.channels().notification(plan).await?.notification;
        let earlier = earlier.context("the earlier plan is gone")?;
        ensure!(
            earlier.state() == NotificationState::Corrected && earlier.superseded_by == name,
            "{id} reads the earlier plan as if it stood"
        );
    }
    ensure!(owing().await? == 0, "somebody is still missing");
    account.say(&format!(
        "The office corrects the plan as {name}: it reaches the five other fund members, each \
         acknowledges it, and the office sees who has not yet; the earlier text stays readable, marked \
         as corrected."
    ))
}

/// The hub is stopped; 省公安厅 hands notifications to its outbox, and its own program ends too. Both
/// come back, and each notification is recorded once, in order.
pub(in super::super) async fn outbox_outlives_the_hub(
    cast: &mut Cast,
    account: &mut Account,
    hub: HubProcess,
    site: &Site,
) -> anyhow::Result<HubProcess> {
    let address = hub.address();
    let folder = site.dir().join("outbox");
    hub.stop().await?;
    let mut last = None;
    {
        let outbox = Outbox::open(&folder, OutboxOptions::default()).await?;
        for number in 1..=WAITING {
            let draft = NotificationDraft::to_channel("joint-enforcement")
                .category("coordination")
                .title(format!("离线期间工作沟通 {number}（虚构）"))
                .text("中枢停机期间提交（虚构内容）。")
                .classification(Classification::Internal)
                .sign_by(Timestamp::now() + 72.hours());
            let key = format!("tour-{number}");
            let enqueued = outbox
                .enqueue("oa", Outgoing::publish(draft)?.key(key))
                .await?;
            last = Some(enqueued.ticket);
        }
    }
    let hub = HubProcess::start(&site.config_file(), Some(address)).await?;
    let outbox = Outbox::open(&folder, OutboxOptions::default()).await?;
    let player = cast.player("public-security")?;
    let sender = outbox.sender()?;
    let last = last.context("nothing was enqueued")?;
    let delivered = tokio::select! {
        ended = sender.run(player.clerk()?, std::future::pending()) => {
            ended?;
            anyhow::bail!("the outbox's sender ended")
        }
        delivered = tokio::time::timeout(WAIT_MAX, outbox.wait(last)) => {
            delivered.context("the outbox is slow")??
        }
    };
    let counts = outbox.counts().await?;
    ensure!(
        (counts.queued, counts.refused) == (0, 0),
        "the outbox still holds {counts:?}"
    );
    receive(player, &delivered.name).await?;
    let came: Vec<&String> = player.received.iter().rev().take(WAITING).collect();
    let places: Vec<i64> = came
        .iter()
        .rev()
        .filter_map(|name| name.rsplit('/').next()?.parse().ok())
        .collect();
    ensure!(
        places.len() == WAITING && places.is_sorted_by(|a, b| *b == a + 1),
        "the outbox's notifications stand at {places:?}"
    );
    account.say(&format!(
        "The hub is stopped; 省公安厅 hands {WAITING} notifications to its outbox and ends its own program. \
         Hub (process {}) and program come back: each is recorded once, in order, up to {}.",
        hub.id(),
        delivered.name
    ))?;
    Ok(hub)
}
