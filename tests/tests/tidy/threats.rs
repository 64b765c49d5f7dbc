//! What the threat model says that a test shows, a test shows: each one that it names is there.

use std::collections::BTreeSet;

use super::{Source, assert_none, files};

const MODEL: &str = "docs/THREAT_MODEL.md";

/// Head of the column that names tests, and beginning of a sentence that does.
const SHOWN_BY: &str = "Shown by";

/// The cells of a table's row.
fn cells(line: &str) -> Option<Vec<&str>> {
    let inner = line.strip_prefix('|')?.strip_suffix('|')?;
    Some(inner.split('|').map(str::trim).collect())
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// `a/{b,c}.rs` names two files.
fn paths(name: &str) -> Vec<String> {
    let braces = name.split_once('{').and_then(|(before, rest)| {
        let (choices, after) = rest.split_once('}')?;
        Some((before, choices, after))
    });
    let Some((before, choices, after)) = braces else {
        return vec![name.to_owned()];
    };
    let choices = choices.split(',');
    choices.map(|one| format!("{before}{one}{after}")).collect()
}

/// Tests that are named and not there, and attempts of which no test is named.
fn unshown(files: &[Source]) -> Vec<String> {
    let all: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let is_there = |name: &str| {
        if name.contains('/') {
            return paths(name).iter().all(|path| all.contains(path.as_str()));
        }
        let file = format!("tests/tests/{name}.rs");
        let folder = format!("tests/tests/{name}/main.rs");
        all.contains(file.as_str()) || all.contains(folder.as_str())
    };
    let mut broken = vec![];
    for file in files.iter().filter(|file| file.path == MODEL) {
        let mut column = None;
        let mut is_sentence = false;
        for (number, line) in file.text.lines().enumerate() {
            let row = cells(line);
            is_sentence = row.is_none()
                && !line.is_empty()
                && (is_sentence || line.starts_with(&format!("{SHOWN_BY}:")));
            let shown = match &row {
                None => {
                    column = None;
                    if is_sentence { line } else { continue }
                }
                Some(cells) => {
                    let head = cells.iter().position(|cell| *cell == SHOWN_BY);
                    if head.is_some() {
                        column = head;
                        continue;
                    }
                    let shown = column.and_then(|at| cells.get(at)).copied();
                    match shown {
                        Some(cell) if !cell.starts_with("---") => cell,
                        _ => continue,
                    }
                }
            };
            let at = format!("{MODEL}:{}", number + 1);
            if row.is_some() && quoted(shown).next().is_none() {
                broken.push(format!("{at}: names no test"));
            }
            let missing = quoted(shown).filter(|name| !is_there(name));
            broken.extend(missing.map(|name| format!("{at}: there is no test `{name}`")));
        }
    }
    broken
}

#[test]
fn every_test_that_the_threat_model_names_is_there() {
    let files = files();
    let model = files.iter().find(|file| file.path == MODEL).unwrap();
    let rows = model.text.matches("| `").count();
    assert!(rows > 40, "the tables are read: {rows}");
    assert_none(&unshown(&files));
}

#[test]
fn a_test_that_is_not_there_is_caught() {
    let with = |model: &str| {
        unshown(&[
            Source::new(MODEL, model),
            Source::new("tests/tests/here.rs", ""),
            Source::new("tests/tests/folder/main.rs", ""),
            Source::new("hub/src/a.rs", ""),
        ])
    };
    let table = |row: &str| format!("| Attempt | Shown by |\n|---|---|\n{row}\n");
    for good in [
        "| x | `here`, `folder` |",
        "| x | `hub/src/a.rs` |",
        "| x | tests of `hub/src/{a}.rs` |",
    ] {
        assert_eq!(with(&table(good)), [""; 0]);
    }
    for (bad, rule) in [
        ("| x | `gone` |", "no test `gone`"),
        (
            "| x | `here`, `hub/src/{a,b}.rs` |",
            "no test `hub/src/{a,b}.rs`",
        ),
        ("| x | |", "names no test"),
        ("| x | trust us |", "names no test"),
    ] {
        let broken = with(&table(bad));
        assert!(broken.len() == 1 && broken[0].contains(rule), "{broken:?}");
    }
    assert_eq!(with("Shown by: `here`,\n`gone`.\n").len(), 1);
    assert_eq!(
        with("Not so: `gone`.\n\n| Who | What |\n|---|---|\n| x | `gone` |\n"),
        [""; 0]
    );
}
