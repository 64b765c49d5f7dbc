//! Agencies: names without gap or overlap, and no text that names two agencies.

use hub_core::names::AgencyId;
use toml::Spanned;

use super::Checker;
use crate::charter::{
    LIST_ITEMS_MAX,
    agency::{Agency, DatedName, Period},
    raw::{RawAgency, RawName},
};

/// Builds the agencies.
pub(super) fn agencies(raw: &[Spanned<RawAgency>], check: &mut Checker) -> Vec<Agency> {
    let built: Vec<Agency> = raw
        .iter()
        .enumerate()
        .filter_map(|(place, row)| agency(row, &format!("agencies[{place}]"), check))
        .collect();
    names_are_unique(raw, check);
    built
}

/// Builds one agency.
fn agency(row: &Spanned<RawAgency>, path: &str, check: &mut Checker) -> Option<Agency> {
    let raw = row.get_ref();
    if raw.names.is_empty() {
        check.report(
            row.span(),
            format!("{path}.names"),
            "there must be at least one official name",
            "add names = [{ name = \"…\" }]",
        );
    }
    check.at_most(
        row.span(),
        &format!("{path}.names"),
        raw.names.len(),
        LIST_ITEMS_MAX,
    );
    let names: Vec<DatedName> = raw
        .names
        .iter()
        .take(LIST_ITEMS_MAX)
        .enumerate()
        .filter_map(|(place, name)| dated_name(name, &format!("{path}.names[{place}]"), check))
        .collect();
    let is_complete = names.len() == raw.names.len();
    if is_complete {
        names_follow_each_other(&raw.names, &names, path, check);
    }
    let aliases = check.texts(&raw.aliases, &format!("{path}.aliases"));
    let name_en = check.text(&raw.name_en, &format!("{path}.name_en"));
    Some(Agency {
        // An id that is none has been reported with the table's ids.
        id: raw.id.get_ref().parse::<AgencyId>().ok()?,
        names,
        name_en: name_en?,
        aliases,
    })
}

/// Builds one dated name.
fn dated_name(row: &Spanned<RawName>, path: &str, check: &mut Checker) -> Option<DatedName> {
    let raw = row.get_ref();
    let name = check.text(&raw.name, &format!("{path}.name"));
    let period = check.period(raw.from_on.as_ref(), raw.until_on.as_ref(), path);
    Some(DatedName {
        name: name?,
        period: period?,
    })
}

/// Each name begins on the day the one before it ends, and the last has no end.
fn names_follow_each_other(
    raw: &[Spanned<RawName>],
    names: &[DatedName],
    path: &str,
    check: &mut Checker,
) {
    for (place, (row, name)) in raw.iter().zip(names).enumerate() {
        let here = format!("{path}.names[{place}]");
        match names.get(place + 1) {
            None => {
                if name.period.until_on.is_some() {
                    check.report(
                        row.span(),
                        here,
                        "the last name must have no until_on, or the agency would have no name",
                        "take until_on out, or add the name that follows",
                    );
                }
            }
            Some(next) if gap_or_overlap(&name.period, &next.period) => check.report(
                row.span(),
                here,
                format!(
                    "{} and {} must follow each other without gap or overlap (FS-011)",
                    name.name, next.name
                ),
                "until_on of a name must be from_on of the next",
            ),
            Some(_) => {}
        }
    }
}

/// Whether the second does not begin exactly when the first ends.
fn gap_or_overlap(first: &Period, second: &Period) -> bool {
    first.until_on.is_none() || first.until_on != second.from_on
}

/// A text, who bears it, and where it stands.
struct Borne<'a> {
    agency: usize,
    text: &'a str,
    path: String,
    span: std::ops::Range<usize>,
    is_id: bool,
    /// When, for official names whose dates are readable; `None` means always.
    period: Option<Period>,
}

/// No text names two agencies on the same day (JE-013): neither id, nor name, nor alias.
fn names_are_unique(raw: &[Spanned<RawAgency>], check: &mut Checker) {
    // Dates at fault have been reported already; this second reading reports nothing.
    let mut silent = Checker::new("");
    let mut borne: Vec<Borne<'_>> = vec![];
    for (agency, row) in raw.iter().enumerate() {
        let row = row.get_ref();
        borne.push(Borne {
            agency,
            text: row.id.get_ref(),
            path: format!("agencies[{agency}].id"),
            span: row.id.span(),
            is_id: true,
            period: None,
        });
        for (place, name) in row.names.iter().take(LIST_ITEMS_MAX).enumerate() {
            let path = format!("agencies[{agency}].names[{place}].name");
            let name = name.get_ref();
            borne.push(Borne {
                agency,
                text: name.name.get_ref(),
                path,
                span: name.name.span(),
                is_id: false,
                period: silent.period(name.from_on.as_ref(), name.until_on.as_ref(), ""),
            });
        }
        for (place, alias) in row.aliases.iter().take(LIST_ITEMS_MAX).enumerate() {
            borne.push(Borne {
                agency,
                text: alias.get_ref(),
                path: format!("agencies[{agency}].aliases[{place}]"),
                span: alias.span(),
                is_id: false,
                period: None,
            });
        }
    }
    // Stable, so that of two the later in the file is the one reported.
    borne.sort_by_key(|one| one.text);
    for run in borne.chunk_by(|a, b| a.text == b.text) {
        for (place, one) in run.iter().enumerate() {
            if let Some(other) = run.iter().take(place).find(|other| clash(one, other)) {
                check.report(
                    one.span.clone(),
                    one.path.as_str(),
                    format!("{:?} already stands at {} (JE-013)", one.text, other.path),
                    "a name or alias must lead to one agency",
                );
            }
        }
    }
}

/// Whether two uses of one text cannot both stand.
fn clash(one: &Borne<'_>, other: &Borne<'_>) -> bool {
    if one.is_id && other.is_id {
        // Reported with the ids of the table.
        return false;
    }
    match (&one.period, &other.period) {
        (Some(a), Some(b)) => one.agency != other.agency && a.overlaps(b),
        _ => true,
    }
}
