//! The client library shows how each of its public items is used, and its blocking half has what its
//! async half has. That the examples compile, `cargo test` sees to.

use std::collections::BTreeSet;

use super::{Source, assert_none, catches, files};

/// Kinds of items that are to have an example. Fields, variants and methods of traits are shown by
/// the item that they belong to.
const KINDS: [&str; 7] = ["fn", "struct", "enum", "trait", "type", "const", "mod"];

/// Whether a file is of the library and may hold public items.
fn is_library(file: &Source) -> bool {
    let path = &file.path;
    path.starts_with("agency-client/src/")
        && !path.contains("/bin/")
        && !path.ends_with("/testing.rs")
        && !path.ends_with("/fuzzing.rs")
        && !path.ends_with("/tests.rs")
}

/// Kind and name of the public item that a line begins. A module of the blocking client is made of
/// a line such as `Ledger(ledger, "ledger::Ledger") {`.
fn public_item(line: &str) -> Option<(&str, &str)> {
    if line.ends_with("\") {") && line.starts_with(|c: char| c.is_uppercase()) {
        return line.split_once('(').map(|(name, _)| ("struct", name));
    }
    let rest = line.trim_start().strip_prefix("pub ")?;
    let rest = rest.strip_prefix("async ").unwrap_or(rest);
    let (kind, rest) = match rest.strip_prefix("const fn ") {
        Some(rest) => ("fn", rest),
        None => rest.split_once(' ')?,
    };
    let end = rest.find(|c: char| !c.is_alphanumeric() && !"_$".contains(c));
    KINDS
        .contains(&kind)
        .then(|| (kind, &rest[..end.unwrap_or(rest.len())]))
}

/// Whether the comment of a public module, which stands in its own file, has an example.
fn module_has_example(files: &[Source], parent: &str, name: &str) -> bool {
    let folder = parent.trim_end_matches(".rs").trim_end_matches("lib");
    let path = format!("{}/{name}.rs", folder.trim_end_matches('/'));
    let file = files.iter().find(|file| file.path == path);
    file.is_some_and(|file| {
        let mut opener = file.text.lines().take_while(|line| line.starts_with("//!"));
        opener.any(|line| line.contains("```"))
    })
}

/// Public items of the client library without an example.
fn without_example(files: &[Source]) -> Vec<String> {
    let mut broken = vec![];
    for file in files.iter().filter(|file| is_library(file)) {
        // What tests need is not public.
        let text = file.text.split("#[cfg(test)]\nmod tests").next();
        let mut has_example = false;
        let mut is_for_fuzzing = false;
        for line in text.unwrap_or_default().lines() {
            let line = line.trim();
            // Nor is what the fuzz targets need.
            let is_public =
                !std::mem::replace(&mut is_for_fuzzing, line == "#[cfg(feature = \"fuzzing\")]");
            if line.starts_with("///") {
                has_example |= line.contains("```");
                continue;
            }
            // `$name` is shown where the macro is used.
            if is_public
                && let Some((kind, name)) = public_item(line).filter(|(_, name)| *name != "$name")
            {
                let is_shown = match kind {
                    "mod" => has_example || module_has_example(files, &file.path, name),
                    _ => has_example,
                };
                if !is_shown {
                    broken.push(format!("{}: {kind} {name} has no example", file.path));
                }
            }
            // Attributes stand between a comment and its item, over several lines too.
            let is_attribute = line.starts_with('#')
                || line.starts_with("\"")
                || line.starts_with("$(,")
                || line.starts_with("stringify!")
                || [")]", ", \")\\n}\""].contains(&line);
            has_example &= is_attribute;
        }
    }
    broken
}

#[test]
fn every_public_item_of_the_client_library_has_an_example() {
    let files = files();
    assert!(files.iter().filter(|file| is_library(file)).count() > 30);
    assert_none(&without_example(&files));
}

#[test]
fn an_item_without_an_example_is_caught() {
    let path = "agency-client/src/a.rs";
    let shown = "/// Text.\n///\n/// ```\n/// f();\n/// ```\n#[must_use]\npub fn f() {}\n";
    assert!(!catches(without_example, path, shown));
    for bare in [
        "/// Text.\npub fn f() {}",
        "/// Text.\n#[must_use]\npub const fn f() {}",
        "    pub async fn f() {}",
        "/// Text.\npub struct S;",
        "/// Text.\npub const MAX: usize = 1;",
        "/// Text.\npub mod elsewhere;",
        "module! {\n    /// Text.\n    Ledger(ledger, \"ledger::Ledger\") {",
        // The example above belongs to what stands above.
        &format!("{shown}/// Text.\npub fn g() {{}}"),
    ] {
        assert!(catches(without_example, path, bare), "{bare}");
    }
    assert!(!catches(without_example, path, "pub(crate) fn f() {}"));
    let for_fuzzing = "#[cfg(feature = \"fuzzing\")]\npub mod f;";
    assert!(!catches(without_example, path, for_fuzzing));
    assert!(!catches(without_example, "hub/src/a.rs", "pub fn f() {}"));
}

/// Names of the methods that open with one of some words within blocks that open with a line.
fn methods(text: &str, opens: &str, words: &[&str]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for block in text.split(opens).skip(1) {
        let block = block.split("\n}").next().unwrap_or_default();
        for line in block.lines().map(str::trim_start) {
            let rest = words.iter().find_map(|word| line.strip_prefix(word));
            if let Some(name) = rest.and_then(|rest| rest.split('(').next()) {
                found.insert(name.split('<').next().unwrap_or(name).to_owned());
            }
        }
    }
    found
}

/// Types of the library that have a blocking twin.
const TWINS: [&str; 8] = [
    "Attachments",
    "Channels",
    "Ledger",
    "MajorIssues",
    "Meetings",
    "Members",
    "Minutes",
    "Outbox",
];

#[test]
fn the_blocking_client_has_every_method_of_the_async_one() {
    let files = files();
    let (twins, library): (Vec<_>, Vec<_>) = files
        .iter()
        .filter(|file| is_library(file))
        .partition(|file| file.path.starts_with("agency-client/src/blocking"));
    for name in TWINS {
        let all = |files: &[&Source], opens: &str, words: &[&str]| -> BTreeSet<String> {
            let found = files.iter().map(|file| methods(&file.text, opens, words));
            found.flatten().collect()
        };
        let block = format!("impl {name} {{");
        let public = ["pub async fn ", "pub fn "];
        let own = all(&library, &block, &public);
        let mut twin = all(&twins, &block, &public);
        twin.extend(all(&twins, &format!("\n    {name}("), &["fn "]));
        assert!(own.len() > 3, "{name}: {own:?}");
        let missing: Vec<_> = own
            .difference(&twin)
            // Shown by `inner`; started by `start_sender`.
            .filter(|one| name != "Outbox" || !["folder", "options", "sender"].contains(&&***one))
            .collect();
        assert!(missing.is_empty(), "blocking::{name} lacks {missing:?}");
    }
}
