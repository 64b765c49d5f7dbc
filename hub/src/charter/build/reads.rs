//! Reads: known kinds of records, each once, and a source.

use toml::Spanned;

use super::Checker;
use crate::charter::{
    raw::RawReads,
    reads::{ReadRules, RestrictedKind},
};

/// Builds the rules of reads; the default when the charter says nothing.
pub(super) fn reads(raw: Option<&Spanned<RawReads>>, check: &mut Checker) -> ReadRules {
    let Some(raw) = raw.map(Spanned::get_ref) else {
        return ReadRules::default();
    };
    let mut rules = ReadRules {
        source: check.text(&raw.source, "reads.source").unwrap_or_default(),
        ..ReadRules::default()
    };
    for (place, at) in raw.purpose_demanded_for.iter().enumerate() {
        let path = format!("reads.purpose_demanded_for[{place}]");
        let kind = check.choice(at, &path, RestrictedKind::ALL);
        if kind.is_some_and(|kind| !rules.purpose_demanded_for.insert(kind)) {
            check.report(
                at.span(),
                path,
                format!("{:?} is there twice", at.get_ref()),
                "name each kind of record once",
            );
        }
    }
    rules
}
