//! The tour: fifteen departments and the leading group's office, each a real client over mTLS with
//! its own certificate and officers, do a stretch of work on published texts. The hub is another
//! process; it is stopped hard in the middle and started again.
//!
//! At the end every receipt is proved against the signed checkpoint, and the ledger is checked
//! offline. Anything that is off ends the tour with an error.

mod account;
mod cast;
mod process;
mod story;

use std::time::Instant;

use self::{account::Account, cast::Cast, process::HubProcess};
use super::site::Site;

/// Plays the tour on a fresh site.
///
/// # Errors
/// When anything is not as it must be.
pub async fn play(site: &Site) -> anyhow::Result<()> {
    #[allow(
        clippy::disallowed_methods,
        reason = "a tour tells how long it took; the hub is not in it"
    )]
    let started = Instant::now();
    let mut account = Account::default();
    let mut hub = HubProcess::start(&site.config_file(), None).await?;
    account.say(&format!(
        "The hub runs as process {} on {}, with its ledger in {}.",
        hub.id(),
        hub.address(),
        site.dir().join("data").display()
    ))?;
    let mut cast = Cast::new(site, &hub.endpoint())?;
    story::everyone_reports(&mut cast, &mut account).await?;
    story::liaisons_are_appointed(&mut cast, &mut account).await?;
    let notice = story::office_publishes(&mut cast, &mut account).await?;
    story::members_sign(&mut cast, &mut account, &notice, story::Half::First).await?;
    hub = story::hub_is_stopped_hard(&mut cast, &mut account, hub, site).await?;
    story::members_sign(&mut cast, &mut account, &notice, story::Half::Second).await?;
    story::case_results(&mut cast, &mut account).await?;
    story::addressed_matter(&mut cast, &mut account).await?;
    story::attachment_goes_along(&mut cast, &mut account, site).await?;
    story::plan_is_corrected(&mut cast, &mut account).await?;
    hub = story::outbox_outlives_the_hub(&mut cast, &mut account, hub, site).await?;
    story::liaison_changes(&mut cast, &mut account, &notice).await?;
    story::node_is_revoked(&mut cast, &mut account, site).await?;
    let (meeting, issue) = story::meeting_is_prepared(&mut cast, &mut account).await?;
    story::meeting_is_held(&mut cast, &mut account, &meeting).await?;
    story::minutes_are_issued(&mut cast, &mut account, &meeting).await?;
    story::agreed_items_are_followed(&mut cast, &mut account, &meeting).await?;
    story::issue_is_escalated(&mut cast, &mut account, &meeting, &issue).await?;
    let alerts = story::alerts_are_loaded(&mut cast, &mut account).await?;
    let [handled, retracted, ..] = alerts.as_slice() else {
        anyhow::bail!("no alerts were raised");
    };
    story::alert_is_handled(&mut cast, &mut account, handled).await?;
    story::alert_is_retracted(&mut cast, &mut account, retracted).await?;
    story::referral_comes_back(&mut cast, &mut account).await?;
    Box::pin(story::account_information_is_answered(
        &mut cast,
        &mut account,
    ))
    .await?;
    story::reads_are_listed(&mut cast, &mut account).await?;
    story::office_looks(&mut cast, &mut account, &notice).await?;
    story::receipts_are_proved(&mut cast, &mut account).await?;
    hub.stop().await?;
    story::ledger_is_checked(&mut account, site)?;
    account.finish(&cast, site, started.elapsed())
}
