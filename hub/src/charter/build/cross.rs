//! Rules that hold between parts: run only on a charter whose parts are all sound.

use std::collections::BTreeSet;

use hub_core::names::{AgencyId, MechanismId, Recipient, RoleId};
use toml::Spanned;

use super::{Checker, fund};
use crate::charter::{
    Charter,
    action::Action,
    category::Category,
    channel::{AudienceRule, Channel, Who},
    raw::{RawCategory, RawChannel, RawFile, RawRole},
    role::{AgencySet, Role},
};

/// Checks the rules between parts. Parts stand in the order of the file.
pub(in crate::charter) fn cross_checks(raw: &RawFile, charter: &Charter, check: &mut Checker) {
    for (place, (row, role)) in raw.roles.iter().zip(charter.roles()).enumerate() {
        office_grants_stay_with_hosts(row.get_ref(), place, role, charter, check);
    }
    fund::can_be_used(raw, charter, check);
    for (place, (row, channel)) in raw.channels.iter().zip(charter.channels()).enumerate() {
        publishers_can_read(row.get_ref(), place, channel, charter, check);
    }
    for (place, (row, category)) in raw.categories.iter().zip(charter.categories()).enumerate() {
        route_can_be_used(row, place, category, charter, check);
    }
    for (place, (row, mechanism)) in raw.mechanisms.iter().zip(charter.mechanisms()).enumerate() {
        let office = Recipient::Office(mechanism.id().clone());
        let category = charter.category(mechanism.liaison().change_category.as_str());
        let reaches_office =
            category.is_some_and(|category| category.route().recipients().contains(&office));
        if !reaches_office {
            check.report(
                row.get_ref().liaison.change_category.span(),
                format!("mechanisms[{place}].liaison.change_category"),
                format!("the category must go to {office} (JE-028)"),
                "use a category whose `to` has this office: two offices never share one (JE-029)",
            );
        }
    }
}

/// Grants for an office belong only to agencies that host one (JE-020).
fn office_grants_stay_with_hosts(
    raw: &RawRole,
    place: usize,
    role: &Role,
    charter: &Charter,
    check: &mut Checker,
) {
    let (Some(action), AgencySet::Named(agencies)) = (
        role.actions().iter().find(|action| action.is_for_office()),
        role.agencies(),
    ) else {
        return;
    };
    let is_host = |agency: &&AgencyId| {
        charter
            .mechanisms()
            .iter()
            .any(|mechanism| mechanism.office().host == **agency)
    };
    for agency in agencies.iter().filter(|agency| !is_host(agency)) {
        check.report(
            raw.agencies.span(),
            format!("roles[{place}].agencies"),
            format!("{agency} hosts no office and cannot have {action} (JE-020)"),
            "leave roles with office grants to the agency that hosts the office",
        );
    }
}

/// Whoever may publish to a channel may read it, whatever the membership of the day is.
fn publishers_can_read(
    raw: &RawChannel,
    place: usize,
    channel: &Channel,
    charter: &Charter,
    check: &mut Checker,
) {
    let mut at_fault = BTreeSet::new();
    for rule in channel.publishers().rules() {
        for role in rule.roles.iter().filter_map(|id| charter.role(id)) {
            let cannot_read = charter.agencies().iter().find(|agency| {
                role.is_granted_to(agency.id())
                    && could_be(&rule.who, agency.id(), charter)
                    && !reads(channel, &rule.who, agency.id(), role.id(), charter)
            });
            if let Some(agency) = cannot_read {
                at_fault.insert((role.id(), agency.id()));
            }
        }
    }
    for (role, agency) in at_fault {
        check.report(
            raw.publish.span(),
            format!("channels[{place}].publish"),
            format!("role {role} of {agency} could publish here without reading"),
            format!("let {role} read too: positions have no gaps for any publisher"),
        );
    }
}

/// Whether an agency could ever be in the set: any agency can be made a member, and then is no
/// longer a non-member.
fn could_be(who: &Who, agency: &AgencyId, charter: &Charter) -> bool {
    match who {
        Who::MembersOf(_) => true,
        Who::NonMembersOf {
            mechanism,
            parent_body,
        } => agency != parent_body && !always_member(charter, mechanism, agency),
        _ => who.contains(agency, |_| false),
    }
}

/// Whether an agency, when it is in the publishing set, surely is in the reading one as well.
fn reads(
    channel: &Channel,
    publishing: &Who,
    agency: &AgencyId,
    role: &RoleId,
    charter: &Charter,
) -> bool {
    let covers = |rule: &AudienceRule| {
        rule.roles.contains(role)
            && match &rule.who {
                who if who == publishing => true,
                Who::MembersOf(mechanism) => always_member(charter, mechanism, agency),
                // Non-membership can end any day, so it covers nothing but itself.
                Who::NonMembersOf { .. } => false,
                who => who.contains(agency, |_| false),
            }
    };
    channel.audience().rules().iter().any(covers)
}

/// Whether the charter itself makes an agency a member without end.
fn always_member(charter: &Charter, mechanism: &MechanismId, agency: &AgencyId) -> bool {
    charter
        .mechanism(mechanism)
        .and_then(|mechanism| mechanism.member(agency))
        .is_some_and(|member| member.period.until_on.is_none())
}

/// Some sender of a category can reach its channels, and someone can open what arrives.
fn route_can_be_used(
    row: &Spanned<RawCategory>,
    place: usize,
    category: &Category,
    charter: &Charter,
    check: &mut Checker,
) {
    let path = format!("categories[{place}].to");
    let to = row.get_ref().to.first();
    let span = to.map_or_else(|| row.span(), Spanned::span);
    for id in category.route().channels() {
        let can_publish = charter.channel(id).is_some_and(|channel| {
            charter.agencies().iter().any(|agency| {
                let roles = charter
                    .roles()
                    .iter()
                    .filter(|role| role.is_granted_to(agency.id()));
                let is_member =
                    |mechanism: &MechanismId| always_member(charter, mechanism, agency.id());
                category.admits_sender(agency.id(), is_member)
                    && channel.publishers().matches(
                        agency.id(),
                        roles.map(Role::id).collect::<Vec<_>>(),
                        is_member,
                    )
            })
        });
        if !can_publish {
            check.report(
                span.clone(),
                path.as_str(),
                format!("no sender of this category may publish to channels/{id}"),
                "let a sender publish there, or send the category elsewhere",
            );
        }
    }
    for recipient in category.route().recipients() {
        let (agency, action) = match recipient {
            Recipient::Agency(agency) => (Some(agency), Action::InboxRead),
            Recipient::Office(mechanism) => (
                charter.mechanism(mechanism).map(|one| &one.office().host),
                Action::OfficeInboxRead,
            ),
        };
        let can_read = agency.is_some_and(|agency| {
            charter
                .roles()
                .iter()
                .any(|role| role.grants(action) && role.is_granted_to(agency))
        });
        if !can_read {
            check.report(
                span.clone(),
                path.as_str(),
                format!("no role could read what goes to {recipient}"),
                format!("give a role of that agency the grant {action}"),
            );
        }
    }
}
