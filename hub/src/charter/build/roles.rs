//! Roles: known grants, known agencies, and far-reaching grants only where they are named.

use std::collections::BTreeSet;

use toml::Spanned;

use super::{Checker, Known};
use crate::charter::{
    action::Action,
    raw::{AllOr, RawRole},
    role::{AgencySet, Binding, Role},
};

/// Builds the roles.
pub(super) fn roles(raw: &[Spanned<RawRole>], known: &Known, check: &mut Checker) -> Vec<Role> {
    raw.iter()
        .enumerate()
        .filter_map(|(place, row)| role(row, &format!("roles[{place}]"), known, check))
        .collect()
}

/// Builds one role.
fn role(row: &Spanned<RawRole>, path: &str, known: &Known, check: &mut Checker) -> Option<Role> {
    let raw = row.get_ref();
    let name = check.text(&raw.name, &format!("{path}.name"));
    let name_en = check.text(&raw.name_en, &format!("{path}.name_en"));
    let source = check.text(&raw.source, &format!("{path}.source"));
    let grants: BTreeSet<Action> = check
        .list(&raw.grants, &format!("{path}.grants"), |check, at, path| {
            let words: Vec<(&str, Action)> = Action::ALL
                .iter()
                .map(|action| (action.as_str(), *action))
                .collect();
            check.choice(at, path, &words)
        })
        .into_iter()
        .collect();
    if raw.grants.is_empty() {
        check.report(
            row.span(),
            format!("{path}.grants"),
            "a role must grant something",
            "add grants, or take the role out",
        );
    }
    let agencies = agencies(&raw.agencies, &format!("{path}.agencies"), known, check);
    if let Some(action) = grants.iter().find(|action| action.is_far_reaching())
        && agencies == Some(AgencySet::All)
    {
        check.report(
            raw.agencies.span(),
            format!("{path}.agencies"),
            format!("a role that grants {action} cannot be for all agencies"),
            "list the agencies that have this power",
        );
    }
    let binding = match &raw.binding {
        None => Some(None),
        Some(at) => {
            let words = [("appointed_liaison", Binding::AppointedLiaison)];
            check
                .choice(at, &format!("{path}.binding"), &words)
                .map(Some)
        }
    };
    // A role that lacks a grant would make every reference to it look wrong.
    let is_complete = grants.len() == raw.grants.len();
    is_complete.then_some(())?;
    Some(Role {
        id: raw.id.get_ref().parse().ok()?,
        name: name?,
        name_en: name_en?,
        agencies: agencies?,
        binding: binding?,
        grants,
        source: source?,
    })
}

/// Reads `"all"` or a list of agencies.
fn agencies(
    raw: &Spanned<AllOr>,
    path: &str,
    known: &Known,
    check: &mut Checker,
) -> Option<AgencySet> {
    match raw.get_ref() {
        AllOr::Word(word) if word == "all" => Some(AgencySet::All),
        AllOr::Word(word) => {
            check.report(
                raw.span(),
                path,
                format!("{word:?} is neither \"all\" nor a list"),
                "write \"all\", or a list such as [\"civil-affairs\"]",
            );
            None
        }
        AllOr::List(list) if list.is_empty() => {
            check.report(
                raw.span(),
                path,
                "a role must be open to some agency",
                "list agencies, or take the role out",
            );
            None
        }
        AllOr::List(list) => {
            let named = check.list(list, path, |check, at, path| {
                check.known(at, path, &known.agencies, "agencies")
            });
            Some(AgencySet::Named(named.into_iter().collect()))
        }
    }
}
