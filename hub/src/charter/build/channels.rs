//! Channels: who may publish and read, every reference resolved.

use std::collections::BTreeMap;

use hub_core::names::MechanismId;
use toml::Spanned;

use super::{Checker, Known};
use crate::charter::{
    LIST_ITEMS_MAX,
    action::Action,
    channel::{Audience, AudienceRule, Channel, Who},
    mechanism::Mechanism,
    raw::{RawAudienceRule, RawChannel, RawWho, Text},
    role::Role,
};

/// What channels and categories refer to.
pub(super) struct Scope<'a> {
    pub(super) known: &'a Known,
    pub(super) mechanisms: &'a BTreeMap<&'a MechanismId, &'a Mechanism>,
    pub(super) roles: &'a [Role],
}

/// Builds the channels.
pub(super) fn channels(
    raw: &[Spanned<RawChannel>],
    scope: &Scope<'_>,
    check: &mut Checker,
) -> Vec<Channel> {
    raw.iter()
        .enumerate()
        .filter_map(|(place, row)| {
            channel(row.get_ref(), &format!("channels[{place}]"), scope, check)
        })
        .collect()
}

/// Builds one channel.
fn channel(
    raw: &RawChannel,
    path: &str,
    scope: &Scope<'_>,
    check: &mut Checker,
) -> Option<Channel> {
    let name = check.text(&raw.name, &format!("{path}.name"));
    let name_en = check.text(&raw.name_en, &format!("{path}.name_en"));
    let source = check.text(&raw.source, &format!("{path}.source"));
    let mechanism = match &raw.mechanism {
        None => Some(None),
        Some(at) => {
            let path = format!("{path}.mechanism");
            let known = &scope.known.mechanisms;
            check.known(at, &path, known, "mechanisms").map(Some)
        }
    };
    let mut audience = |rules: &Spanned<Vec<Spanned<RawAudienceRule>>>, field: &str, action| {
        let path = format!("{path}.{field}");
        audience(rules, &path, action, scope, check)
    };
    let publish = audience(&raw.publish, "publish", Action::ChannelsPublish);
    let read = audience(&raw.read, "read", Action::ChannelsRead);
    Some(Channel {
        id: raw.id.get_ref().parse().ok()?,
        name: name?,
        name_en: name_en?,
        mechanism: mechanism?,
        publish,
        read,
        source: source?,
    })
}

/// Builds an audience of at least one rule.
fn audience(
    raw: &Spanned<Vec<Spanned<RawAudienceRule>>>,
    path: &str,
    action: Action,
    scope: &Scope<'_>,
    check: &mut Checker,
) -> Audience {
    if raw.get_ref().is_empty() {
        check.report(
            raw.span(),
            path,
            "there must be at least one rule",
            "add { who = { members_of = \"…\" }, roles = [\"…\"] }",
        );
    }
    check.at_most(raw.span(), path, raw.get_ref().len(), LIST_ITEMS_MAX);
    let rules = raw
        .get_ref()
        .iter()
        .take(LIST_ITEMS_MAX)
        .enumerate()
        .filter_map(|(place, rule)| {
            audience_rule(
                rule.get_ref(),
                &format!("{path}[{place}]"),
                action,
                scope,
                check,
            )
        })
        .collect();
    Audience { rules }
}

/// Builds one rule. Each of its roles must grant the action, or the rule would be empty words.
fn audience_rule(
    raw: &RawAudienceRule,
    path: &str,
    action: Action,
    scope: &Scope<'_>,
    check: &mut Checker,
) -> Option<AudienceRule> {
    let path_roles = format!("{path}.roles");
    if raw.roles.get_ref().is_empty() {
        check.report(
            raw.roles.span(),
            path_roles.as_str(),
            "there must be at least one role",
            "list the roles that the rule admits",
        );
    }
    let roles = check.list(raw.roles.get_ref(), &path_roles, |check, at, path| {
        let id = check.known(at, path, &scope.known.roles, "roles")?;
        let role = scope.roles.iter().find(|role| *role.id() == id);
        if role.is_some_and(|role| !role.grants(action)) {
            check.report(
                at.span(),
                path,
                format!("role {id} does not grant {action}"),
                format!("add {action} to the role's grants, or take the role out here"),
            );
        }
        Some(id)
    });
    let who = who(raw.who.get_ref(), &format!("{path}.who"), scope, check);
    Some(AudienceRule {
        who: who?,
        roles: roles.into_iter().collect(),
    })
}

/// Builds a set of agencies.
pub(super) fn who(raw: &RawWho, path: &str, scope: &Scope<'_>, check: &mut Checker) -> Option<Who> {
    let mut mechanism = |at: &Text| {
        let id = check.known(at, path, &scope.known.mechanisms, "mechanisms")?;
        // A mechanism with errors of its own has been reported already.
        scope.mechanisms.get(&id).copied()
    };
    match raw {
        RawWho::AllAgencies => Some(Who::AllAgencies),
        RawWho::MembersOf(at) => mechanism(at).map(|one| Who::MembersOf(one.id().clone())),
        RawWho::NonMembersOf(at) => mechanism(at).map(|one| Who::NonMembersOf {
            mechanism: one.id().clone(),
            parent_body: one.parent_body().clone(),
        }),
        RawWho::LeadOf(at) => mechanism(at).map(|one| Who::LeadOf {
            mechanism: one.id().clone(),
            lead: one.lead().clone(),
        }),
        RawWho::OfficeOf(at) => mechanism(at).map(|one| Who::OfficeOf {
            mechanism: one.id().clone(),
            host: one.office().host.clone(),
        }),
        RawWho::Agencies(list) => {
            if list.get_ref().is_empty() {
                check.report(
                    list.span(),
                    format!("{path}.agencies"),
                    "there must be at least one agency",
                    "list agencies, or take the rule out",
                );
            }
            let agencies = check.list(
                list.get_ref(),
                &format!("{path}.agencies"),
                |check, at, path| check.known(at, path, &scope.known.agencies, "agencies"),
            );
            Some(Who::Agencies(agencies.into_iter().collect()))
        }
    }
}
