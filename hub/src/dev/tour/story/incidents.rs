//! What goes wrong on the tour, and what is changed: a hard stop, a new liaison, a stolen node.

use std::time::Duration;

use agency_client::{
    Client,
    channels::NotificationDraft,
    profile,
    subscribe::{Event, SubscribeOptions},
};
use anyhow::{Context as _, ensure};
use certs::pki::{IssueOptions, Pki};
use hub_core::{crypto::hex, reason::Reason};
use hub_proto::channels::Classification;

use super::{WAIT_MAX, liaison, reason, receive};
use crate::dev::{
    site::Site,
    tour::{account::Account, cast::Cast, process::HubProcess},
};

/// Acknowledged notifications on the ledger when the hub is killed.
const BURST: usize = 40;

/// The hub is killed while a department publishes, and started again. What was acknowledged is
/// there once; what was under way is retried under its own id and recorded once.
pub(in super::super) async fn hub_is_stopped_hard(
    cast: &mut Cast,
    account: &mut Account,
    hub: HubProcess,
    site: &Site,
) -> anyhow::Result<HubProcess> {
    let address = hub.address();
    let player = cast.player("public-security")?;
    let client = player.officer(&format!("{}-clerk-1", "public-security"), "clerk")?;
    let drafts = burst();
    let (told, mut hears) = tokio::sync::mpsc::channel(BURST);
    let sending = {
        let drafts = drafts.clone();
        tokio::spawn(async move {
            let mut unanswered = vec![];
            for draft in drafts {
                match client.channels().publish(draft.clone()).await {
                    Ok(recorded) => drop(told.send(recorded).await),
                    Err(_) => unanswered.push(draft),
                }
            }
            (client, unanswered)
        })
    };
    let mut acknowledged = vec![];
    while acknowledged.len() < BURST / 4 {
        acknowledged.push(
            hears
                .recv()
                .await
                .context("no notification is acknowledged")?,
        );
    }
    hub.kill().await?;
    let hub = HubProcess::start(&site.config_file(), Some(address)).await?;
    let (client, unanswered) = sending.await?;
    while let Some(recorded) = hears.recv().await {
        acknowledged.push(recorded);
    }
    let retried = unanswered.len();
    for draft in unanswered {
        acknowledged.push(client.channels().publish(draft).await?);
    }
    let mut names: Vec<String> = vec![];
    for recorded in &acknowledged {
        player.keep(
            "a publish around the hard stop",
            recorded,
            recorded.receipt.clone(),
        )?;
        names.extend(recorded.notification.as_ref().map(|one| one.name.clone()));
    }
    names.sort_unstable();
    names.dedup();
    ensure!(
        names.len() == BURST,
        "{} of {BURST} notifications are recorded",
        names.len()
    );
    let last = format!("channels/joint-enforcement/notifications/{BURST}");
    receive(player, &last).await?;
    account.say(&format!(
        "The hub is killed (kill -9) while 省公安厅 publishes {BURST} notifications, and started \
         again as process {}: each is there exactly once; {retried} were sent again by hand, the \
         rest by the client library.",
        hub.id()
    ))?;
    Ok(hub)
}

/// The notifications that are under way when the hub is killed.
fn burst() -> Vec<NotificationDraft> {
    (1..=BURST)
        .map(|number| {
            NotificationDraft::to_channel("joint-enforcement")
                .category("coordination")
                .title(format!("工作沟通 {number}（虚构）"))
                .text("中断前后各一次送达（虚构内容）。")
                .classification(Classification::Internal)
        })
        .collect()
}

/// A unit changes its liaison: the office is told, the old one's rights end, the new one's begin.
pub(in super::super) async fn liaison_changes(
    cast: &mut Cast,
    account: &mut Account,
    notice: &str,
) -> anyhow::Result<()> {
    let player = cast.player("health")?;
    let old = player.liaison.clone();
    let new = "health-liaison-2";
    let request = liaison("joint-enforcement", new, &old);
    let recorded = player.leader()?.members().appoint_liaison(request).await?;
    player.keep("a liaison's change", &recorded, recorded.receipt.clone())?;
    new.clone_into(&mut player.liaison);

    let refused = player
        .officer(&old, "liaison")?
        .channels()
        .sign_for(notice, None)
        .await;
    let refused = refused.err().context("the old liaison can still sign")?;
    ensure!(
        reason(&refused) == Some(Reason::PermissionDenied),
        "{refused}"
    );
    let again = player
        .officer(new, "liaison")?
        .channels()
        .sign_for(notice, None)
        .await?;
    let receipt = again.delivery_receipt.as_ref().context("no receipt row")?;
    ensure!(
        receipt.signed_for_by == old,
        "the first signature was replaced"
    );

    let office = cast
        .player("civil-affairs")?
        .officer("office-1", "office")?;
    let request = hub_proto::channels::ListNotificationsRequest {
        parent: "mechanisms/joint-enforcement/office/inbox".into(),
        newest_first: true,
        page_size: 1,
        ..Default::default()
    };
    let newest = office.channels().list_notifications(&request).await?;
    let newest = newest
        .notifications
        .first()
        .context("the office's inbox is empty")?;
    let text = String::from_utf8_lossy(&newest.body).into_owned();
    ensure!(
        text.contains(&old) && text.contains(new),
        "the office is told: {text}"
    );
    account.say(&format!(
        "省卫生健康委 changes its liaison from {old} to {new}: the office is told at once \
         (JE-028), the old liaison can no longer sign, the new one can."
    ))
}

/// A second node of a department is stolen: the office's administrator revokes it, its open stream
/// ends, and it is refused from then on. The department's other node is not touched.
pub(in super::super) async fn node_is_revoked(
    cast: &mut Cast,
    account: &mut Account,
    site: &Site,
) -> anyhow::Result<()> {
    let issued = {
        let mut pki = Pki::open(&site.pki_dir())?;
        pki.issue(&IssueOptions::new("tax", "node-2"))?
    };
    let file = issued.profile_file.context("no profile")?;
    let stolen = Client::builder(&profile::load(&file)?)
        .endpoint(cast.player("tax")?.clerk()?.endpoint())
        .officer("tax-clerk-2")
        .roles(["clerk"])
        .build()?;
    wait_until_enrolled(&stolen).await?;
    let mut stream = stolen.channels().subscribe(SubscribeOptions::default());
    let caught_up = async {
        loop {
            match stream.next().await.context("the stream ended")?? {
                Event::CaughtUp { .. } => return anyhow::Ok(()),
                _ => continue,
            }
        }
    };
    tokio::time::timeout(WAIT_MAX, caught_up)
        .await
        .context("the stream is slow")??;

    let admin = cast.player("civil-affairs")?;
    let client = admin.officer("roster-admin-1", "roster-admin")?;
    let fingerprint = hex(&stolen.certificate_sha256());
    let name = format!("agencies/tax/nodes/node-2/certificates/{fingerprint}");
    let recorded = client
        .members()
        .revoke_node(&name, "设备失窃（虚构）")
        .await?;
    admin.keep("a revocation", &recorded, recorded.receipt.clone())?;

    let ended = tokio::time::timeout(WAIT_MAX, async {
        while let Some(event) = stream.next().await {
            if let Err(error) = event {
                return Some(error);
            }
        }
        None
    });
    let ended = ended.await.context("the revoked node's stream goes on")?;
    let ended = ended.context("the revoked node's stream ended without a reason")?;
    ensure!(reason(&ended) == Some(Reason::NodeRevoked), "{ended}");
    let refused = stolen
        .members()
        .who_am_i()
        .await
        .err()
        .context("a revoked node is let in")?;
    ensure!(reason(&refused) == Some(Reason::NodeRevoked), "{refused}");
    cast.player("tax")?.clerk()?.members().who_am_i().await?;
    account.say(
        "省税务局's second node is stolen and revoked: its open stream ends, it is refused with \
         NODE_REVOKED; the department's other node works on.",
    )
}

/// The hub looks at its roster folder by itself; this waits until it has.
async fn wait_until_enrolled(client: &Client) -> anyhow::Result<()> {
    const PAUSE: Duration = Duration::from_millis(50);
    let enrolled = async {
        loop {
            match client.members().who_am_i().await {
                Ok(_) => return Ok(()),
                Err(error) if reason(&error) == Some(Reason::NodeNotEnrolled) => {
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => return Err(error),
            }
        }
    };
    Ok(tokio::time::timeout(WAIT_MAX, enrolled)
        .await
        .context("the node is not enrolled")??)
}
