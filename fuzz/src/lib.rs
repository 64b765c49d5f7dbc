//! Fuzz targets: every decoder that meets bytes from outside, as a function of bytes that panics when
//! something is wrong.
//!
//! The cast:
//! - [`TARGETS`]: the table. libFuzzer runs them for hours (`scripts/fuzz.sh`), the tests of this crate
//!   run the committed corpus and some thousand seeded mutations of it.
//! - [`targets`]: what is decoded, and what must hold of it.
//! - [`world`]: a hub without network, for the calls.
//! - [`mutate`]: mutations that follow from a seed.
//! - [`guard`]: runs one input, and tells of panics in any thread.
//!
//! What holds of every target: no panic on any thread, no hang, and memory within what
//! [`Target::memory_max`] allows for the input. What further holds is in the words of each.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a panic is how a target tells of a finding"
)]

pub mod guard;
pub mod mutate;
pub mod tape;
pub mod targets;
pub mod world;

use targets::{answers, files, identity, ledger, proofs, requests, texts, tls, tokens};

/// One decoder, or a few that read the same bytes.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name: of the corpus folder and of the libFuzzer program.
    pub name: &'static str,
    /// Runs one input.
    pub run: fn(&[u8]),
    /// Longest input that is tried.
    pub input_bytes_max: usize,
    /// Bytes that one execution may hold at a time, beside so many for each byte of input.
    pub memory_bytes: usize,
    /// See `memory_bytes`.
    pub memory_per_byte: usize,
    /// How many mutations the tests try: fewer where one takes long.
    pub mutations: usize,
    /// Words that bytes alone would hardly hit upon.
    pub dictionary: &'static [&'static str],
    /// So many branches are reached, or one so often, that libFuzzer's books of them take longer than the
    /// decoder: it keeps those of branches alone, and not how often each was taken, what was compared, and
    /// how rare each is.
    pub is_wide: bool,
}

impl Target {
    /// Bytes that an execution may hold at a time.
    #[must_use]
    pub fn memory_max(&self, input_bytes: usize) -> usize {
        self.memory_bytes
            .saturating_add(self.memory_per_byte.saturating_mul(input_bytes))
    }
}

const fn target(name: &'static str, run: fn(&[u8])) -> Target {
    Target {
        name,
        run,
        input_bytes_max: 4096,
        memory_bytes: 1 << 20,
        memory_per_byte: 64,
        mutations: 200,
        dictionary: &[],
        is_wide: false,
    }
}

/// The target of a name, found when a program is compiled: it then holds the code of that target only.
///
/// # Panics
/// When there is no such target.
#[must_use]
pub const fn named(name: &str) -> Target {
    let mut at = 0;
    while at < TARGETS.len() {
        let (one, other) = (TARGETS[at].name.as_bytes(), name.as_bytes());
        let mut same = 0;
        while same < one.len() && same < other.len() && one[same] == other[same] {
            same += 1;
        }
        if same == one.len() && same == other.len() {
            return TARGETS[at];
        }
        at += 1;
    }
    panic!("no target of this name is in the table")
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target {
        dictionary: identity::CERTIFICATE_WORDS,
        ..target("certificate", identity::certificate)
    },
    Target {
        dictionary: identity::TOKEN_WORDS,
        ..target("token", identity::token)
    },
    Target {
        dictionary: identity::TOKEN_WORDS,
        ..target("token_claims", identity::token_claims)
    },
    Target {
        dictionary: identity::HEADER_WORDS,
        memory_bytes: 8 << 20,
        mutations: 100,
        ..target("call_headers", identity::call_headers)
    },
    Target {
        dictionary: tokens::CURSOR_WORDS,
        ..target("cursor", tokens::cursor)
    },
    target("page_token", tokens::page_token),
    Target {
        dictionary: answers::ERROR_WORDS,
        ..target("hub_error", answers::hub_error)
    },
    target("hub_answer", answers::hub_answer),
    Target {
        dictionary: answers::HEADER_WORDS,
        ..target("gateway_headers", answers::gateway_headers)
    },
    Target {
        memory_bytes: 2 << 20,
        mutations: 100,
        dictionary: tls::TLS_WORDS,
        ..target("tls_files", tls::tls_files)
    },
    target("ledger_records", ledger::records),
    Target {
        input_bytes_max: 16_384,
        mutations: 100,
        is_wide: true,
        ..target("ledger_segment", ledger::segment)
    },
    target("ledger_index", ledger::index),
    Target {
        // Decoded events are structures many times as large as their bytes; entries are written by the
        // hub alone.
        memory_per_byte: 1024,
        ..target("ledger_entry", ledger::entry)
    },
    Target {
        input_bytes_max: 16_384,
        // The service, its store and its search index work on other threads meanwhile.
        memory_bytes: 64 << 20,
        memory_per_byte: 1024,
        mutations: 150,
        dictionary: requests::WORDS,
        is_wide: true,
        ..target("requests", requests::requests)
    },
    Target {
        input_bytes_max: 65_536,
        memory_bytes: 8 << 20,
        memory_per_byte: 512,
        mutations: 20,
        dictionary: files::CHARTER_WORDS,
        is_wide: true,
        ..target("charter", files::charter)
    },
    Target {
        memory_per_byte: 512,
        dictionary: files::CONFIG_WORDS,
        ..target("config", files::config)
    },
    Target {
        memory_bytes: 4 << 20,
        memory_per_byte: 256,
        mutations: 50,
        dictionary: files::CALENDAR_WORDS,
        ..target("calendar", files::calendar)
    },
    Target {
        memory_per_byte: 512,
        dictionary: files::PROFILE_WORDS,
        ..target("profile", files::profile)
    },
    Target {
        input_bytes_max: 16_384,
        memory_per_byte: 256,
        dictionary: files::ALERT_WORDS,
        ..target("alert_csv", files::alert_csv)
    },
    Target {
        input_bytes_max: 16_384,
        memory_per_byte: 256,
        dictionary: files::ALERT_WORDS,
        ..target("alert_json_lines", files::alert_json_lines)
    },
    Target {
        dictionary: proofs::NOTE_WORDS,
        ..target("checkpoint", proofs::checkpoint)
    },
    target("merkle_proof", proofs::merkle_proof),
    Target {
        input_bytes_max: 16_384,
        dictionary: proofs::BUNDLE_WORDS,
        ..target("bundle", proofs::bundle)
    },
    Target {
        dictionary: texts::JWK_WORDS,
        ..target("jwk", texts::jwk)
    },
    Target {
        memory_per_byte: 256,
        dictionary: texts::KEY_SET_WORDS,
        ..target("token_key_set", texts::token_key_set)
    },
    Target {
        dictionary: texts::NAME_WORDS,
        ..target("names", texts::names)
    },
    Target {
        dictionary: texts::NUMBER_WORDS,
        ..target("document_number", texts::document_number)
    },
    target("uscc", texts::uscc),
    Target {
        memory_bytes: 4 << 20,
        memory_per_byte: 256,
        dictionary: texts::SEARCH_WORDS,
        ..target("search_query", texts::search_query)
    },
];
