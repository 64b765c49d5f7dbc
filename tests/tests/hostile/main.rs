//! Clients that misbehave: a member with a good certificate, and a stranger with none. The hub runs as a
//! process of its own. Whatever is done to it: it answers clearly or closes, its memory stays within a
//! bound, nothing is recorded, and honest clients notice nothing.
//!
//! What honest clients keep of their throughput meanwhile is measured by `scripts/hostile-load.sh`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test: a failure here is a failed test"
)]

mod floods;
mod handshakes;
mod messages;
mod replays;
mod streams;

use hub_tests::hostile::{Field, honest::Honest};

/// By how much the hub may grow under any attack: what one agency may have under way of requests and of
/// answers (48 MiB each), and as much again for connections, calls and what the allocator keeps.
const GROWTH_BYTES_MAX: u64 = 192 << 20;

/// A hub with the honest at work on it, and an attacker.
struct Siege {
    field: Field,
    honest: Honest,
}

impl Siege {
    async fn begin() -> Self {
        Self::with("").await
    }

    async fn with(settings: &str) -> Self {
        let field = Field::with(settings);
        let honest = Honest::start(&field.site, &field.hub).await;
        Self { field, honest }
    }

    /// In the midst of an attack: the hub has not grown too much, and the honest go on.
    async fn holds(&self) {
        self.honest.go_on().await;
        let grown = self.field.grown_bytes();
        assert!(
            grown <= GROWTH_BYTES_MAX,
            "the hub has grown by {} MiB",
            grown >> 20
        );
    }

    /// At the end: the attacker's own agency is served again, the honest lost nothing, and nothing else
    /// was recorded.
    async fn lift(self) {
        self.holds().await;
        hub_tests::raw::eventually("the attacker's agency is served again", async || {
            let honest_again = self.field.session("tax");
            let request = hub_proto::members::WhoAmIRequest {};
            let method = hub_tests::members!("WhoAmI");
            honest_again
                .call(method, prost::Message::encode_to_vec(&request))
                .await
                .is_ok()
        })
        .await;
        self.honest.finish().await;
        assert!(self.field.hub.stop(), "the hub stops in order");
    }
}
