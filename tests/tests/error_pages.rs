//! Every reason has a help page, every page has a reason, and the pages say what the hub does.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "test support: a failure here is a failed test"
)]

use std::{collections::BTreeSet, fs, path::PathBuf};

use hub::wire::status::code;
use hub_core::reason::Reason;

/// A page with less than this says nothing, in bytes.
const PAGE_BYTES_MIN: usize = 600;
/// A section with less than this says nothing, in bytes.
const SECTION_BYTES_MIN: usize = 25;
/// Headings of every page, in order.
const SECTIONS: [&str; 3] = ["## What it means", "## Example", "## What to do"];

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/errors"))
}

fn page(reason: Reason) -> String {
    let file = folder().join(format!("{reason}.md"));
    fs::read_to_string(file).expect("every reason has a page in docs/errors")
}

/// `InvalidArgument` as gRPC writes it.
fn wire_name(reason: Reason) -> String {
    let name = format!("{:?}", code(reason));
    let mut out = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(c.to_ascii_uppercase());
    }
    out
}

/// What is wrong with a page.
fn faults(reason: Reason, page: &str) -> Vec<String> {
    let mut faults = vec![];
    let mut require = |holds: bool, what: String| {
        if !holds {
            faults.push(format!("{reason}: {what}"));
        }
    };
    require(page.starts_with(&format!("# {reason}\n")), "title".into());
    let code = format!("| gRPC code | `{}` |", wire_name(reason));
    require(page.contains(&code), format!("must have the row {code}"));
    require(page.contains("\n| At fault | "), "who is at fault".into());
    let zh = page.lines().find_map(|line| line.strip_prefix("中文："));
    let is_zh =
        |line: &str| line.ends_with('。') && line.chars().filter(|c| !c.is_ascii()).count() >= 6;
    require(zh.is_some_and(is_zh), "a line in Chinese".into());
    require(
        page.len() >= PAGE_BYTES_MIN,
        format!("{} bytes are thin", page.len()),
    );
    let mut rest = page;
    for heading in SECTIONS {
        let Some((_, after)) = rest.split_once(&format!("\n{heading}\n")) else {
            require(false, format!("must have {heading}, in order"));
            continue;
        };
        let body = after.split("\n## ").next().unwrap_or_default();
        require(
            body.trim().len() >= SECTION_BYTES_MIN,
            format!("{heading} is thin"),
        );
        rest = after;
    }
    faults
}

#[test]
fn pages_and_reasons_are_the_same() {
    let pages: BTreeSet<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let reasons: BTreeSet<String> = Reason::ALL
        .iter()
        .map(|reason| format!("{reason}.md"))
        .collect();
    assert_eq!(pages, reasons);
}

#[test]
fn every_page_states_code_fault_and_remedy() {
    let faults: Vec<String> = Reason::ALL
        .iter()
        .flat_map(|reason| faults(*reason, &page(*reason)))
        .collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn no_two_pages_say_the_same() {
    let mut seen = BTreeSet::new();
    for reason in Reason::ALL {
        let text = page(*reason);
        for section in text.split("\n## ").skip(1) {
            assert!(
                seen.insert(section.trim().to_owned()),
                "{reason}: {section}"
            );
        }
    }
}

#[test]
fn links_lead_to_pages() {
    for reason in Reason::ALL {
        for rest in page(*reason).split("](").skip(1) {
            let target = rest.split(')').next().unwrap();
            assert!(folder().join(target).is_file(), "{reason}: {target}");
        }
    }
}

#[test]
fn a_poor_page_is_caught() {
    let good = page(Reason::NotFound);
    assert!(faults(Reason::NotFound, &good).is_empty());
    for (from, to) in [
        ("`NOT_FOUND`", "`PERMISSION_DENIED`"),
        ("# NOT_FOUND", "# MISSING"),
        ("| At fault |", "| Fault |"),
        ("中文：", "Chinese: "),
        ("## What to do", "## Notes"),
    ] {
        let poor = good.replacen(from, to, 1);
        assert!(!faults(Reason::NotFound, &poor).is_empty(), "{from}");
    }
    let (before, _) = good.split_once("## What to do\n").unwrap();
    let thin = format!("{before}## What to do\n\nAsk.\n");
    assert!(!faults(Reason::NotFound, &thin).is_empty());
}
