//! Mechanisms: one lead, first in order; members known and named once; office and parent known.

use std::collections::BTreeSet;

use hub_core::names::AgencyId;
use toml::Spanned;

use super::{Checker, Known};
use crate::charter::{
    LIST_ITEMS_MAX,
    mechanism::{
        AdditionBasis, Director, Duty, LiaisonRank, LiaisonRule, Mechanism, Member, MemberDuty,
        MemberRole, MembershipAddition, Office,
    },
    raw::{RawDirector, RawLiaison, RawMechanism, RawMember, RawMemberDuty, RawOffice, Text},
};

/// Builds the mechanisms.
pub(super) fn mechanisms(
    raw: &[Spanned<RawMechanism>],
    known: &Known,
    check: &mut Checker,
) -> Vec<Mechanism> {
    raw.iter()
        .enumerate()
        .filter_map(|(place, row)| mechanism(row, &format!("mechanisms[{place}]"), known, check))
        .collect()
}

/// Builds one mechanism.
fn mechanism(
    row: &Spanned<RawMechanism>,
    path: &str,
    known: &Known,
    check: &mut Checker,
) -> Option<Mechanism> {
    let raw = row.get_ref();
    let name = check.text(&raw.name, &format!("{path}.name"));
    let name_en = check.text(&raw.name_en, &format!("{path}.name_en"));
    let document_number =
        check.document_number(&raw.document_number, &format!("{path}.document_number"));
    let parent_body = check.known(
        &raw.parent_body,
        &format!("{path}.parent_body"),
        &known.agencies,
        "agencies",
    );
    let office = office(&raw.office, &format!("{path}.office"), known, check);
    let addition = &raw.membership_addition;
    let basis = check.choice(
        &addition.basis,
        &format!("{path}.membership_addition.basis"),
        &[
            ("case", AdditionBasis::Case),
            (
                "leading_group_decision",
                AdditionBasis::LeadingGroupDecision,
            ),
        ],
    );
    let source = check.text(
        &addition.source,
        &format!("{path}.membership_addition.source"),
    );
    let liaison = liaison(&raw.liaison, &format!("{path}.liaison"), known, check);
    check.at_most(
        row.span(),
        &format!("{path}.members"),
        raw.members.len(),
        LIST_ITEMS_MAX,
    );
    let members: Vec<Member> = raw
        .members
        .iter()
        .take(LIST_ITEMS_MAX)
        .enumerate()
        .filter_map(|(place, row)| {
            member(
                row.get_ref(),
                &format!("{path}.members[{place}]"),
                known,
                check,
            )
        })
        .collect();
    members_are_unique(&raw.members, path, check);
    let lead = lead(row, path, check);
    let sources = check.texts(&raw.sources, &format!("{path}.sources"));
    let member_duties = member_duties(&raw.member_duties, path, known, check);
    Some(Mechanism {
        id: raw.id.get_ref().parse().ok()?,
        name: name?,
        name_en: name_en?,
        document_number: document_number?,
        parent_body: parent_body?,
        lead: lead?,
        office: office?,
        membership_addition: MembershipAddition {
            basis: basis?,
            source: source?,
        },
        liaison: liaison?,
        members,
        member_duties,
        sources,
    })
}

/// Builds the office.
fn office(raw: &RawOffice, path: &str, known: &Known, check: &mut Checker) -> Option<Office> {
    if raw.names.get_ref().is_empty() {
        check.report(
            raw.names.span(),
            format!("{path}.names"),
            "there must be at least one name",
            "write the name that the document gives the office",
        );
    }
    let names = check.texts(raw.names.get_ref(), &format!("{path}.names"));
    let host = check.known(
        &raw.host,
        &format!("{path}.host"),
        &known.agencies,
        "agencies",
    );
    let bureau = check.text(&raw.bureau, &format!("{path}.bureau"));
    let director_post = check.text(&raw.director_post, &format!("{path}.director_post"));
    let directors = directors(raw, path, known, check);
    Some(Office {
        names,
        host: host?,
        bureau: bureau?,
        director_post: director_post?,
        directors,
    })
}

/// Builds the directors: of the host, by the post, one at a time (JE-026).
fn directors(raw: &RawOffice, path: &str, known: &Known, check: &mut Checker) -> Vec<Director> {
    check.at_most(
        raw.names.span(),
        &format!("{path}.directors"),
        raw.directors.len(),
        LIST_ITEMS_MAX,
    );
    let mut found: Vec<Director> = vec![];
    for (place, row) in raw.directors.iter().take(LIST_ITEMS_MAX).enumerate() {
        let path = format!("{path}.directors[{place}]");
        let Some(director) = director(row.get_ref(), &path, known, check) else {
            continue;
        };
        let one = row.get_ref();
        if one.agency.get_ref() != raw.host.get_ref() {
            check.report(
                one.agency.span(),
                format!("{path}.agency"),
                "a director must be of the agency that hosts the office (JE-026)",
                "name an officer of the host",
            );
        }
        if one.post.get_ref() != raw.director_post.get_ref() {
            check.report(
                one.post.span(),
                format!("{path}.post"),
                "a director must hold the office's director_post (JE-026)",
                "write the post as director_post has it",
            );
        }
        let overlaps = |other: &Director| other.period.overlaps(&director.period);
        if found.iter().any(overlaps) {
            check.report(
                row.span(),
                path,
                "an office has one director at a time (JE-026)",
                "end the earlier one with until_on, the first day on which it is over",
            );
        }
        found.push(director);
    }
    found
}

fn director(raw: &RawDirector, path: &str, known: &Known, check: &mut Checker) -> Option<Director> {
    let agency = check.known(
        &raw.agency,
        &format!("{path}.agency"),
        &known.agencies,
        "agencies",
    );
    let officer = check.id(&raw.officer, &format!("{path}.officer"));
    let display_name = check.text(&raw.display_name, &format!("{path}.display_name"));
    let post = check.text(&raw.post, &format!("{path}.post"));
    let period = check.period(Some(&raw.from_on), raw.until_on.as_ref(), path);
    Some(Director {
        agency: agency?,
        officer: officer?,
        display_name: display_name?,
        post: post?,
        period: period?,
    })
}

/// Builds the liaison rule.
fn liaison(
    raw: &RawLiaison,
    path: &str,
    known: &Known,
    check: &mut Checker,
) -> Option<LiaisonRule> {
    let rank = check.choice(
        &raw.rank,
        &format!("{path}.rank"),
        &[
            ("division", LiaisonRank::Division),
            ("any", LiaisonRank::Any),
        ],
    );
    let change_category = check.known(
        &raw.change_category,
        &format!("{path}.change_category"),
        &known.categories,
        "categories",
    );
    let source = check.text(&raw.source, &format!("{path}.source"));
    Some(LiaisonRule {
        rank: rank?,
        is_single: raw.is_single,
        is_rank_override_allowed: raw.is_rank_override_allowed,
        change_category: change_category?,
        source: source?,
    })
}

/// Builds one member.
fn member(raw: &RawMember, path: &str, known: &Known, check: &mut Checker) -> Option<Member> {
    let agency = check.known(
        &raw.agency,
        &format!("{path}.agency"),
        &known.agencies,
        "agencies",
    );
    let role = match &raw.role {
        None => Some(MemberRole::Member),
        Some(role) => check.choice(
            role,
            &format!("{path}.role"),
            &[("lead", MemberRole::Lead), ("member", MemberRole::Member)],
        ),
    };
    let period = check.period(Some(&raw.from_on), raw.until_on.as_ref(), path);
    let mut duty = |at: Option<&Text>, field: &str| {
        let words = [("yes", Duty::Yes), ("not_stated", Duty::NotStated)];
        at.and_then(|at| check.choice(at, &format!("{path}.{field}"), &words))
    };
    let notice_duty = duty(raw.notice_duty.as_ref(), "notice_duty");
    let assist_duty = duty(raw.assist_duty.as_ref(), "assist_duty");
    let duty_source = raw
        .duty_source
        .as_ref()
        .and_then(|at| check.text(at, &format!("{path}.duty_source")));
    Some(Member {
        agency: agency?,
        role: role?,
        period: period?,
        notice_duty,
        assist_duty,
        duty_source,
    })
}

/// Builds the duties of members.
fn member_duties(
    raw: &[Spanned<RawMemberDuty>],
    path: &str,
    known: &Known,
    check: &mut Checker,
) -> Vec<MemberDuty> {
    let path = format!("{path}.member_duties");
    if let Some(first) = raw.first() {
        check.at_most(first.span(), &path, raw.len(), LIST_ITEMS_MAX);
    }
    let mut duties = vec![];
    for (place, row) in raw.iter().take(LIST_ITEMS_MAX).enumerate() {
        let (path, row) = (format!("{path}[{place}]"), row.get_ref());
        let duty = check.text(&row.duty, &format!("{path}.duty"));
        let source = check.text(&row.source, &format!("{path}.source"));
        let named = row.agencies.iter().enumerate().filter_map(|(number, one)| {
            let path = format!("{path}.agencies[{number}]");
            check.known(one, &path, &known.agencies, "agencies")
        });
        let agencies = named.collect();
        if let (Some(duty), Some(source)) = (duty, source) {
            duties.push(MemberDuty {
                duty,
                source,
                agencies,
            });
        }
    }
    duties
}

/// No agency is listed twice.
fn members_are_unique(members: &[Spanned<RawMember>], path: &str, check: &mut Checker) {
    let mut seen = BTreeSet::new();
    for (place, member) in members.iter().enumerate() {
        let agency = &member.get_ref().agency;
        if !seen.insert(agency.get_ref()) {
            check.report(
                agency.span(),
                format!("{path}.members[{place}].agency"),
                format!("{:?} is a member already", agency.get_ref()),
                "list each agency once, in official order",
            );
        }
    }
}

/// Exactly one lead (JE-011), first in the official order, without end.
fn lead(row: &Spanned<RawMechanism>, path: &str, check: &mut Checker) -> Option<AgencyId> {
    let members = &row.get_ref().members;
    let is_lead = |member: &RawMember| {
        member
            .role
            .as_ref()
            .is_some_and(|role| role.get_ref() == "lead")
    };
    let mut leads = members
        .iter()
        .enumerate()
        .filter(|(_, member)| is_lead(member.get_ref()));
    let Some((place, lead)) = leads.next() else {
        check.report(
            row.span(),
            format!("{path}.members"),
            "there must be exactly one lead unit, and there is none (JE-011)",
            "give the first member role = \"lead\"",
        );
        return None;
    };
    for (place, other) in leads {
        check.report(
            other.span(),
            format!("{path}.members[{place}].role"),
            "there must be exactly one lead unit, and this is another (JE-011)",
            "leave role = \"lead\" to one member",
        );
    }
    if place != 0 {
        check.report(
            lead.span(),
            format!("{path}.members[{place}]"),
            "the lead unit must come first in the official order (JE-012)",
            "move it to the top of the members",
        );
    }
    if let Some(until_on) = &lead.get_ref().until_on {
        check.report(
            until_on.span(),
            format!("{path}.members[{place}].until_on"),
            "the lead unit must have no end, or the mechanism would have no lead",
            "take until_on out; a new lead is a new charter",
        );
    }
    lead.get_ref().agency.get_ref().parse().ok()
}
