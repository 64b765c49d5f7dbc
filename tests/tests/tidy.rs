//! Keeps the house style where no lint does. Every rule has a test of its own that shows what it
//! catches.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "test support: a failure here is a failed test"
)]

#[path = "tidy/examples.rs"]
mod examples;
#[path = "tidy/scan.rs"]
mod scan;
#[path = "tidy/threats.rs"]
mod threats;

use std::{collections::BTreeSet, fs, path::Path};

use scan::Source;

/// Longest source file, in lines.
const LINES_MAX: usize = 800;

/// Folders that are built or fetched.
const NOT_OURS: [&str; 7] = [
    "target",
    ".git",
    "node_modules",
    ".hub-dev",
    "out",
    "venv",
    "__pycache__",
];

/// The one way through the hub: each module with what it may import. A path admits all beneath it.
/// Modules that are not here stand on top: they may import everything and nobody here imports them.
const LAYERS: &[(&str, &[&str])] = &[
    ("clock", &[]),
    ("error", &[]),
    ("metrics", &[]),
    ("pace", &[]),
    ("traces", &[]),
    ("charter", &[]),
    ("ledger", &[]),
    ("state", &["error", "ledger"]),
    // A refused call ends in `wire::status`, the only place that makes a status.
    ("identity", &["clock", "error", "pace", "wire::status"]),
    ("tls", &["clock", "error", "identity", "metrics", "pace"]),
    // Files beside the ledger: what notifications name is asked through a trait.
    ("attachments", &["clock", "error"]),
    // The roster answers for whom a permit is; it is read, never changed.
    (
        "authz",
        &["charter", "domain::members::roster", "error", "identity"],
    ),
    // The domain sees permits, rows and the questions that identity asks of the roster: no engine,
    // no feed, no wire, and no store behind the view.
    (
        "domain",
        &[
            "authz::Permit",
            "charter",
            "error",
            "identity::AgencyStanding",
            "identity::KeyStanding",
            "identity::NodeStanding",
            "identity::Roster",
            "identity::TokenKey",
            "state::keys",
            "state::store",
            "state::view",
        ],
    ),
    (
        "engine",
        &[
            "authz", "charter", "clock", "domain", "error", "identity", "ledger", "metrics",
            "state", "traces",
        ],
    ),
    ("feed", &["domain", "engine", "error"]),
    // Follows the ledger; it is given the logs that may be looked into and decides no access.
    ("search", &["domain", "engine", "error"]),
    (
        "wire",
        &[
            "attachments",
            "authz",
            "charter",
            "clock",
            "domain",
            "engine",
            "error",
            "feed",
            "identity",
            "metrics",
            "search",
            "state",
            "tls",
            "traces",
        ],
    ),
];

/// Where a crate may be named, as prefixes of paths within `hub/src/`.
const CRATES: &[(&str, &[&str])] = &[
    ("object_store", &["attachments/contents"]),
    (
        "sled",
        &["state/embedded", "rebuild", "ledger/fsck", "fsck"],
    ),
    ("rusqlite", &["search"]),
    (
        "tonic",
        &[
            "wire",
            "server",
            "identity/author",
            "identity/layer",
            "tls/acceptor",
        ],
    ),
    ("prometheus_client", &["metrics", "exporter"]),
    ("opentelemetry", &["traces"]),
    ("tracing_opentelemetry", &["traces"]),
    ("governor", &["identity/rates"]),
];

/// Crates whose code outside tests must not stop on what a peer or a disk does.
const NO_PANICS: [&str; 4] = [
    "hub/src/",
    "core/src/",
    "agency-client/src/",
    "documents/src/",
];

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Every text file of the project.
fn files() -> Vec<Source> {
    let mut found = vec![];
    read_folder(root(), "", &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn read_folder(folder: &Path, prefix: &str, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if NOT_OURS.contains(&name.as_str()) {
            continue;
        }
        let path = format!("{prefix}{name}");
        if entry.file_type().unwrap().is_dir() {
            read_folder(&entry.path(), &format!("{path}/"), found);
        } else if let Ok(text) = fs::read_to_string(entry.path()) {
            found.push(Source { path, text });
        }
    }
}

/// The Rust sources outside tests.
fn code_files(files: &[Source]) -> Vec<Source> {
    let rust = files.iter().filter(|file| file.path.ends_with(".rs"));
    let test_only: BTreeSet<String> = rust.clone().flat_map(Source::test_modules).collect();
    let is_test = |path: &str| {
        let module = path.trim_end_matches(".rs");
        test_only.iter().any(|test| {
            module
                .strip_prefix(test.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    };
    rust.filter(|file| file.path.contains("/src/") && !is_test(&file.path))
        .cloned()
        .collect()
}

fn in_hub(file: &Source) -> Option<&str> {
    file.path.strip_prefix("hub/src/")
}

/// `path` is `base` or lies beneath it.
fn is_within(path: &str, base: &str, separator: &str) -> bool {
    path.strip_prefix(base)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(separator))
}

/// Imports run one way.
fn back_imports(files: &[Source]) -> Vec<String> {
    let mut broken = vec![];
    for file in files.iter().filter(|file| in_hub(file).is_some()) {
        let module = file.module();
        let own = module.first().copied().unwrap_or_default();
        let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == own) else {
            continue;
        };
        for path in file.crate_paths() {
            let is_own = is_within(&path, own, "::");
            if !is_own && !allowed.iter().any(|base| is_within(&path, base, "::")) {
                broken.push(format!("{}: `{own}` must not import `{path}`", file.path));
            }
        }
    }
    broken
}

/// Words of a crate stand only where the design puts the crate.
fn misplaced_crates(files: &[Source]) -> Vec<String> {
    let mut broken = vec![];
    for file in files {
        let Some(path) = in_hub(file) else { continue };
        let module = path.trim_end_matches(".rs");
        let code = file.code();
        for (name, places) in CRATES {
            if places.iter().any(|place| is_within(module, place, "/")) {
                continue;
            }
            for (number, line) in code.lines().enumerate() {
                if names_crate(line, name) {
                    broken.push(format!(
                        "{}:{}: `{name}` has no place here",
                        file.path,
                        number + 1
                    ));
                }
            }
        }
    }
    broken
}

/// True for `use name`, `name::` and `name_…::`, which is a crate of the same family.
fn names_crate(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        let is_start = !line[..at].ends_with(|c: char| c.is_alphanumeric() || "_.".contains(c));
        let rest = line[at + name.len()..]
            .trim_start_matches(|c: char| c.is_ascii_lowercase() || c == '_');
        is_start && (rest.starts_with("::") || line.trim_start().starts_with("use "))
    })
}

/// Only `wire/status.rs` makes a status; elsewhere one comes `from` an error.
fn foreign_statuses(files: &[Source]) -> Vec<String> {
    let mut broken = vec![];
    for file in files {
        if in_hub(file).is_none_or(|path| path == "wire/status.rs") {
            continue;
        }
        for (number, line) in file.code().lines().enumerate() {
            let makes = line.match_indices("Status::").any(|(at, found)| {
                let is_start = !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
                let rest = &line[at + found.len()..];
                is_start
                    && rest.starts_with(|c: char| c.is_lowercase())
                    && !rest.starts_with("from")
            });
            if makes {
                broken.push(format!(
                    "{}:{}: make an `Error`; `wire/status.rs` makes the status",
                    file.path,
                    number + 1
                ));
            }
        }
    }
    broken
}

/// Nothing outside tests panics on purpose.
fn panics(files: &[Source]) -> Vec<String> {
    const WORDS: [&str; 6] = [
        ".unwrap(",
        ".expect(",
        "panic!(",
        "unreachable!(",
        "todo!(",
        "unimplemented!(",
    ];
    let mut broken = vec![];
    for file in files {
        if !NO_PANICS.iter().any(|start| file.path.starts_with(start)) {
            continue;
        }
        for (number, line) in file.code().lines().enumerate() {
            for word in WORDS.iter().filter(|word| line.contains(**word)) {
                broken.push(format!(
                    "{}:{}: `{word}` outside tests",
                    file.path,
                    number + 1
                ));
            }
        }
    }
    broken
}

/// What a manifest must not depend on: documents are made from plain data, and the hub never carries
/// a typesetter.
const APART: [(&str, &[&str]); 2] = [
    (
        "documents/Cargo.toml",
        &[
            "hub",
            "hub-core",
            "hub-proto",
            "agency-client",
            "certs",
            "tokio",
            "tonic",
        ],
    ),
    ("hub/Cargo.toml", &["hub-documents", "typst"]),
];

/// Dependencies of a manifest that are to stay apart.
fn joined_crates(files: &[Source]) -> Vec<String> {
    let mut broken = vec![];
    for file in files {
        let apart = APART.iter().find(|(path, _)| *path == file.path);
        for name in apart.into_iter().flat_map(|(_, names)| *names) {
            let is_it = |line: &str| {
                let key = line.split(['=', '.']).next().unwrap_or_default();
                key.trim() == *name
            };
            let dependencies = file
                .text
                .lines()
                .skip_while(|line| !line.contains("dependencies]"));
            if dependencies.into_iter().any(is_it) {
                broken.push(format!("{}: must not depend on `{name}`", file.path));
            }
        }
    }
    broken
}

/// Every limit says what it limits.
fn bare_limits(files: &[Source]) -> Vec<String> {
    const ENDS: [&str; 3] = ["_MAX", "_MIN", "_LIMIT"];
    let mut broken = vec![];
    for file in files {
        let code = file.code();
        let lines: Vec<&str> = file.text.lines().collect();
        for (number, line) in code.lines().enumerate() {
            let Some((before, rest)) = line.split_once("const ") else {
                continue;
            };
            let name: String = rest
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            let is_public = before.trim_start().starts_with("pub");
            if !is_public || !ENDS.iter().any(|end| name.ends_with(end)) {
                continue;
            }
            let above = lines[..number]
                .iter()
                .rev()
                .find(|line| !line.trim_start().starts_with("#["));
            if !above.is_some_and(|line| line.trim_start().starts_with("///")) {
                broken.push(format!(
                    "{}:{}: `{name}` has no comment",
                    file.path,
                    number + 1
                ));
            }
        }
    }
    broken
}

/// No `mod.rs`, and no file that nobody can read in one go.
fn misshapen(files: &[Source]) -> Vec<String> {
    let mut broken = vec![];
    for file in files.iter().filter(|file| file.path.ends_with(".rs")) {
        if file.path.ends_with("/mod.rs") {
            broken.push(format!("{}: name it after its module", file.path));
        }
        let lines = file.text.lines().count();
        if lines > LINES_MAX {
            broken.push(format!(
                "{}: {lines} lines; split it before {LINES_MAX}",
                file.path
            ));
        }
    }
    broken
}

/// Every module opens with its purpose.
fn silent(files: &[Source]) -> Vec<String> {
    let rust = files.iter().filter(|file| file.path.ends_with(".rs"));
    rust.filter(|file| !file.text.starts_with("//!"))
        .map(|file| format!("{}: say first what it is for", file.path))
        .collect()
}

/// No open ends, and no path of somebody's machine.
fn loose_words(files: &[Source]) -> Vec<String> {
    // Put together here, so that this file does not hold them.
    let words = [
        ["TO", "DO"].concat(),
        ["FIX", "ME"].concat(),
        ["X", "XX"].concat(),
        ["/ro", "ot/"].concat(),
        ["/ho", "me/"].concat(),
        ["/wo", "rk/"].concat(),
        ["/Us", "ers/"].concat(),
        ["C:", "\\Users"].concat(),
    ];
    let mut broken = vec![];
    for file in files.iter().filter(|file| file.path != "Cargo.lock") {
        for (number, line) in file.text.lines().enumerate() {
            for word in words.iter().filter(|word| line.contains(word.as_str())) {
                broken.push(format!("{}:{}: `{word}`", file.path, number + 1));
            }
        }
    }
    broken
}

fn assert_none(broken: &[String]) {
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

/// A rule over one made-up file.
fn catches(rule: fn(&[Source]) -> Vec<String>, path: &str, text: &str) -> bool {
    !rule(&[Source::new(path, text)]).is_empty()
}

#[test]
fn the_whole_project_is_looked_at() {
    let files = files();
    for path in [
        "hub/src/wire/status.rs",
        "core/src/reason.rs",
        "proto/hub/ledger/v1/entry.proto",
        "deny.toml",
    ] {
        assert!(files.iter().any(|file| file.path == path), "{path}");
    }
    let code = code_files(&files);
    assert!(code.iter().any(|file| file.path == "hub/src/lib.rs"));
    assert!(code.iter().all(|file| file.path != "hub/src/tls/tests.rs"));
    for (module, allowed) in LAYERS {
        let names = allowed.iter().copied().chain([*module]);
        for name in names {
            let top = name.split("::").next().unwrap_or_default();
            let path = format!("hub/src/{top}.rs");
            assert!(code.iter().any(|file| file.path == path), "{path} is gone");
        }
    }
}

#[test]
fn imports_run_one_way() {
    assert_none(&back_imports(&code_files(&files())));
}

#[test]
fn a_back_import_is_caught() {
    let broken = |path: &str, text: &str| catches(back_imports, path, text);
    assert!(broken(
        "hub/src/domain/x.rs",
        "use crate::wire::status::status;"
    ));
    assert!(broken(
        "hub/src/domain/x.rs",
        "use crate::{error, engine::{a, b}};"
    ));
    assert!(broken(
        "hub/src/domain/x.rs",
        "fn f() { crate::feed::go() }"
    ));
    assert!(broken("hub/src/domain.rs", "use super::engine::Engine;"));
    assert!(broken(
        "hub/src/ledger/x.rs",
        "use super::super::state::view;"
    ));
    assert!(broken("hub/src/domain/x.rs", "use crate::authz::Access;"));
    assert!(broken("hub/src/state/x.rs", "use crate::server;"));
    assert!(broken(
        "hub/src/identity/x.rs",
        "use crate::wire::Services;"
    ));
    assert!(!broken(
        "hub/src/identity/x.rs",
        "use crate::wire::status::status;"
    ));
    assert!(!broken("hub/src/domain/x.rs", "use crate::authz::Permit;"));
    assert!(!broken("hub/src/domain/x.rs", "use super::rows::Row;"));
    assert!(!broken("hub/src/server.rs", "use crate::wire::Services;"));
    assert!(!broken(
        "hub/src/domain/x.rs",
        "// crate::wire, said in words"
    ));
}

#[test]
fn sled_and_tonic_stay_in_their_places() {
    assert_none(&misplaced_crates(&code_files(&files())));
}

#[test]
fn a_misplaced_crate_is_caught() {
    let broken = |path: &str, text: &str| catches(misplaced_crates, path, text);
    assert!(broken("hub/src/engine/x.rs", "use sled::Tree;"));
    assert!(broken(
        "hub/src/state/store.rs",
        "fn f(tree: &sled::Tree) {}"
    ));
    assert!(broken("hub/src/domain/x.rs", "use tonic::Code;"));
    assert!(broken(
        "hub/src/engine.rs",
        "use tonic_types::StatusExt as _;"
    ));
    assert!(broken("hub/src/identity.rs", "fn f() -> tonic::Status {}"));
    assert!(!broken("hub/src/state/embedded.rs", "use sled::Tree;"));
    assert!(!broken("hub/src/wire/x.rs", "use tonic::Status;"));
    assert!(!broken(
        "hub/src/engine/x.rs",
        "// sled::Tree is behind the seam"
    ));
    assert!(!broken(
        "hub/src/engine/x.rs",
        "use crate::ledger; let bristled = 1;"
    ));
}

#[test]
fn only_one_place_makes_a_status() {
    assert_none(&foreign_statuses(&code_files(&files())));
}

#[test]
fn a_status_made_elsewhere_is_caught() {
    let broken = |path: &str, text: &str| catches(foreign_statuses, path, text);
    assert!(broken("hub/src/wire/x.rs", "Err(Status::not_found(name))"));
    assert!(broken(
        "hub/src/server.rs",
        "tonic::Status::new(code, text)"
    ));
    assert!(!broken(
        "hub/src/wire/status.rs",
        "Status::with_error_details(a, b, c)"
    ));
    assert!(!broken("hub/src/wire/x.rs", ".map_err(Status::from)"));
    assert!(!broken("hub/src/wire/x.rs", "NodeStatus::read(x)"));
}

#[test]
fn nothing_panics_outside_tests() {
    assert_none(&panics(&code_files(&files())));
}

#[test]
fn a_panic_is_caught() {
    let broken = |path: &str, text: &str| catches(panics, path, text);
    assert!(broken("hub/src/x.rs", "x.unwrap()"));
    assert!(broken("core/src/x.rs", "x.expect(\"never\")"));
    assert!(broken("agency-client/src/x.rs", "panic!(\"no\")"));
    assert!(!broken("hub/src/x.rs", "x.unwrap_or_default()"));
    assert!(!broken(
        "hub/src/x.rs",
        "#[cfg(test)]\nmod tests { fn f() { x.unwrap() } }"
    ));
    assert!(broken(
        "hub/src/x.rs",
        "#[cfg(test)]\nmod tests { fn f() {} }\nfn g() { x.unwrap() }"
    ));
    let files = [
        Source::new("hub/src/a.rs", "#[cfg(test)]\nmod tests;"),
        Source::new("hub/src/a/tests.rs", "x.unwrap()"),
        Source::new("hub/src/b/tests.rs", "x.unwrap()"),
    ];
    assert_eq!(panics(&code_files(&files)).len(), 1, "b is no test");
}

#[test]
fn documents_and_the_hub_stay_apart() {
    let files = files();
    for (path, _) in APART {
        assert!(files.iter().any(|file| file.path == path), "{path} is gone");
    }
    assert_none(&joined_crates(&files));
}

#[test]
fn a_joined_crate_is_caught() {
    let broken = |path: &str, text: &str| catches(joined_crates, path, text);
    let hub = "[dependencies]\nserde.workspace = true\n";
    assert!(!broken("hub/Cargo.toml", hub));
    assert!(broken(
        "hub/Cargo.toml",
        &format!("{hub}hub-documents.workspace = true")
    ));
    assert!(broken(
        "documents/Cargo.toml",
        "[package]\n[dependencies]\nhub = { path = \"../hub\" }"
    ));
    assert!(!broken(
        "documents/Cargo.toml",
        "[package]\nhub = 1\n[dependencies]\nzip = 1"
    ));
}

#[test]
fn every_limit_is_explained() {
    assert_none(&bare_limits(&code_files(&files())));
}

#[test]
fn a_bare_limit_is_caught() {
    let broken = |text: &str| catches(bare_limits, "hub/src/x.rs", text);
    assert!(broken("pub const BYTES_MAX: usize = 1;"));
    assert!(broken(
        "/// Why.\npub const A: u8 = 1;\npub(super) const B_MIN: u8 = 1;"
    ));
    assert!(!broken(
        "/// Why.\n#[allow(dead_code, reason = \"x\")]\npub const B_MAX: u8 = 1;"
    ));
    assert!(!broken("pub const NAME: &str = \"x\";"));
}

#[test]
fn files_are_named_opened_and_sized_as_agreed() {
    let files = files();
    assert_none(&misshapen(&files));
    assert_none(&silent(&code_files(&files)));
}

#[test]
fn a_misshapen_file_is_caught() {
    let broken = |path: &str, text: &str| catches(misshapen, path, text);
    assert!(broken("hub/src/x/mod.rs", "//! X."));
    assert!(broken(
        "hub/src/x.rs",
        &format!("//! X.\n{}", "\n".repeat(LINES_MAX))
    ));
    assert!(catches(silent, "hub/src/x.rs", "use std::fs;"));
    assert!(!broken(
        "hub/src/x.rs",
        &format!("//! X.\n{}", "\n".repeat(LINES_MAX - 1))
    ));
}

#[test]
fn nothing_is_left_open_and_no_machine_is_named() {
    assert_none(&loose_words(&files()));
}

#[test]
fn a_loose_word_is_caught() {
    let broken = |text: &str| catches(loose_words, "docs/X.md", text);
    assert!(broken(&["// TO", "DO: later"].concat()));
    assert!(broken(&["see /ho", "me/someone/notes"].concat()));
    assert!(!broken("a plain line"));
}
