//! What the tour tells: a line a step, and a table at the end.

use std::{io::Write as _, time::Duration};

use unicode_width::UnicodeWidthStr as _;

use super::cast::Cast;
use crate::dev::site::Site;

/// Width of the column of names, in terminal cells.
const NAME_CELLS: usize = 36;

/// The account.
#[derive(Debug, Default)]
pub(super) struct Account {
    steps: usize,
    /// Receipts that were proved.
    pub(super) proved: usize,
}

impl Account {
    /// Tells a step.
    pub(super) fn say(&mut self, text: &str) -> anyhow::Result<()> {
        self.steps = self.steps.saturating_add(1);
        writeln!(std::io::stdout(), "{:>2}. {text}", self.steps)?;
        Ok(())
    }

    /// Tells the end and what to try next.
    pub(super) fn finish(self, cast: &Cast, site: &Site, took: Duration) -> anyhow::Result<()> {
        let mut out = std::io::stdout().lock();
        writeln!(out, "\n    {}received  receipts proved", pad("unit"))?;
        for player in cast.order.iter().filter_map(|id| cast.players.get(id)) {
            let (received, given) = (player.received.len(), player.given.len());
            writeln!(out, "    {}{received:>8}  {given:>15}", pad(&player.name))?;
        }
        let proved = self.proved;
        let seconds = took.as_secs_f64();
        let dir = site.dir().display();
        writeln!(
            out,
            "\nAll is well: {proved} receipts proved against the signed checkpoint in {seconds:.1} s.\n\
             \n\
             Try next, on the same data:\n\
             \n\
             \x20 cargo run --release -- fsck --config {dir}/hub.toml\n\
             \x20 cargo run --release -- serve --config {dir}/hub.toml\n\
             \n\
             and, while it serves, in another terminal:\n\
             \n\
             \x20 export AGENCY_PROFILE={dir}/pki/profiles/public-security/profile.toml\n\
             \x20 cargo run --release -p agency-client -- whoami\n\
             \x20 cargo run --release -p agency-client -- notify list agencies/public-security/inbox\n\
             \x20 cargo run --release -p agency-client -- notify show channels/all-members/notifications/1\n\
             \x20 cargo run --release -p agency-client -- members list --mechanism fund-supervision"
        )?;
        Ok(())
    }
}

fn pad(text: &str) -> String {
    format!(
        "{text}{}",
        " ".repeat(NAME_CELLS.saturating_sub(text.width()).max(1))
    )
}
