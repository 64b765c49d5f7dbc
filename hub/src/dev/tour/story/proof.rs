//! The end of the tour: who has signed, and is everything that was promised on the ledger?

use agency_client::verify;
use anyhow::{Context as _, ensure};

use crate::dev::{
    site::Site,
    tour::{account::Account, cast::Cast},
};

/// The office looks at the delivery matrix: everyone has received the notice and signed for it.
pub(in super::super) async fn office_looks(
    cast: &mut Cast,
    account: &mut Account,
    notice: &str,
) -> anyhow::Result<()> {
    let others = cast.order.len() - 1;
    let office = cast
        .player("civil-affairs")?
        .officer("office-1", "office")?;
    let rows = office.channels().delivery_receipts(notice).await?;
    ensure!(
        rows.len() == others,
        "{} recipients of {others} have a row",
        rows.len()
    );
    for row in &rows {
        ensure!(
            row.delivered_at.is_some(),
            "{}: not delivered",
            row.recipient
        );
        ensure!(
            row.signed_for_at.is_some(),
            "{}: not signed for",
            row.recipient
        );
    }
    account.say(&format!(
        "The office sees the notice's {} recipients: each has received it and signed for it, by whom \
         and when (JE-004).",
        rows.len()
    ))
}

/// Every agency proves every receipt that it was given, with its own memory of checkpoints.
pub(in super::super) async fn receipts_are_proved(
    cast: &mut Cast,
    account: &mut Account,
) -> anyhow::Result<()> {
    let mut size = 0;
    for player in cast.players.values() {
        let client = player.clerk()?;
        for given in &player.given {
            let proved = verify::receipt(&client, &given.receipt, given.authored.as_ref()).await;
            let proved = proved
                .with_context(|| format!("{}: the receipt of {}", player.name, given.what))?;
            size = proved.checkpoint.size;
            account.proved += 1;
        }
    }
    let auditor = cast
        .player("leading-group-office")?
        .officer("auditor-1", "auditor")?;
    let audit = auditor.ledger().audit(|_, _| ()).await?;
    account.say(&format!(
        "Every unit proves its receipts, {} in all: header, author signature, inclusion in the \
         tree of {size} entries, and that the tree only ever grew.",
        account.proved
    ))?;
    account.say(&format!(
        "The leading group's auditor rebuilds the whole tree from {} headers and the leaves of {} entries that \
         are withheld from it (referrals, requests, and reads of restricted records), and finds the \
         checkpoint that the hub signed.",
        audit.entries_by_agency.values().sum::<u64>(),
        audit.withheld,
    ))
}

/// The stopped hub's folder is checked as an operator would check it.
pub(in super::super) fn ledger_is_checked(
    account: &mut Account,
    site: &Site,
) -> anyhow::Result<()> {
    let output = std::process::Command::new(std::env::current_exe()?)
        .args(["fsck", "--json", "--config"])
        .arg(site.config_file())
        .output()?;
    ensure!(
        output.status.success(),
        "fsck: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    account.say(
        "The hub stops, and fsck finds the folder whole: checksums, tree, checkpoints, every \
         author's signature, and state equal to a replay of the ledger.",
    )
}
