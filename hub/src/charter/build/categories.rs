//! Categories: senders and routes resolved, no route that leads nowhere, no invented limit.

use std::collections::BTreeSet;

use hub_core::names::{ChannelId, Recipient};
use toml::Spanned;

use super::{
    Checker,
    channels::{Scope, who},
    follow_up,
};
use crate::charter::{
    LIST_ITEMS_MAX,
    category::{AdditionalAddressees, Category, Route},
    channel::Who,
    follow_up::REMINDER_CATEGORY,
    meetings::MEETING_CATEGORY,
    raw::{RawCategory, Text},
    referrals::REFERRAL_CATEGORY,
};

/// Builds the categories.
pub(super) fn categories(
    raw: &[Spanned<RawCategory>],
    scope: &Scope<'_>,
    soft_words: &BTreeSet<&str>,
    check: &mut Checker,
) -> Vec<Category> {
    raw.iter()
        .enumerate()
        .filter_map(|(place, row)| {
            let path = format!("categories[{place}]");
            times_are_soft(row, &path, soft_words, check);
            category(row, &path, scope, check)
        })
        .collect()
}

/// Builds one category.
fn category(
    row: &Spanned<RawCategory>,
    path: &str,
    scope: &Scope<'_>,
    check: &mut Checker,
) -> Option<Category> {
    let raw = row.get_ref();
    is_free(&raw.id, path, check);
    let name = check.text(&raw.name, &format!("{path}.name"));
    let name_en = check.text(&raw.name_en, &format!("{path}.name_en"));
    let mechanism_ids = |items: &[Text], field: &str, check: &mut Checker| {
        check.list(items, &format!("{path}.{field}"), |check, at, path| {
            check.known(at, path, &scope.known.mechanisms, "mechanisms")
        })
    };
    let mechanisms = mechanism_ids(&raw.mechanisms, "mechanisms", check);
    let jointly_with = mechanism_ids(&raw.jointly_with, "jointly_with", check);
    if raw.from.get_ref().is_empty() {
        check.report(
            raw.from.span(),
            format!("{path}.from"),
            "someone must be able to send it",
            "add { members_of = \"…\" } or another sender",
        );
    }
    check.at_most(
        raw.from.span(),
        &format!("{path}.from"),
        raw.from.get_ref().len(),
        LIST_ITEMS_MAX,
    );
    let from: Vec<Who> = raw
        .from
        .get_ref()
        .iter()
        .take(LIST_ITEMS_MAX)
        .enumerate()
        .filter_map(|(place, one)| {
            who(
                one.get_ref(),
                &format!("{path}.from[{place}]"),
                scope,
                check,
            )
        })
        .collect();
    let route = route(row, path, scope, check);
    let trigger_word = raw
        .trigger_word
        .as_ref()
        .and_then(|at| check.text(at, &format!("{path}.trigger_word")));
    let sources = check.texts(&raw.sources, &format!("{path}.sources"));
    Some(Category {
        id: raw.id.get_ref().parse().ok()?,
        name: name?,
        name_en: name_en?,
        mechanisms,
        from,
        jointly_with,
        route: route?,
        is_decision: raw.is_decision,
        trigger_word,
        is_soft: raw.is_soft,
        warn_after_working_days: raw
            .warn_after_working_days
            .as_ref()
            .map(|days| *days.get_ref()),
        retention_months: raw
            .retention_months
            .as_ref()
            .map(|at| follow_up::months(at, &format!("{path}.retention_months"), check)),
        sources,
    })
}

/// The category of the hub's own reminders is not for a charter.
fn is_free(id: &Text, path: &str, check: &mut Checker) {
    let own = [REMINDER_CATEGORY, MEETING_CATEGORY, REFERRAL_CATEGORY];
    if own.contains(&id.get_ref().as_str()) {
        check.report(
            id.span(),
            format!("{path}.id"),
            format!("{:?} is a category of the hub's own notices", id.get_ref()),
            "choose another id",
        );
    }
}

/// Words without a number stay warnings, and a limit of the province's own is never law (X-004,
/// JE-082).
fn times_are_soft(
    row: &Spanned<RawCategory>,
    path: &str,
    soft_words: &BTreeSet<&str>,
    check: &mut Checker,
) {
    let raw = row.get_ref();
    if raw.is_soft {
        return;
    }
    if let Some(word) = &raw.trigger_word
        && soft_words.contains(word.get_ref().as_str())
    {
        check.report(
            word.span(),
            format!("{path}.trigger_word"),
            format!(
                "{:?} carries no number and must stay soft (X-004)",
                word.get_ref()
            ),
            "add is_soft = true",
        );
    }
    if let Some(days) = &raw.warn_after_working_days {
        check.report(
            days.span(),
            format!("{path}.warn_after_working_days"),
            "a limit that no text gives may only warn (JE-082)",
            "add is_soft = true",
        );
    }
}

/// Builds the route from `to` and `additional_addressees`.
fn route(
    row: &Spanned<RawCategory>,
    path: &str,
    scope: &Scope<'_>,
    check: &mut Checker,
) -> Option<Route> {
    let raw = row.get_ref();
    let additional = match &raw.additional_addressees {
        None => Some(AdditionalAddressees::Refused),
        Some(at) => check.choice(
            at,
            &format!("{path}.additional_addressees"),
            &[
                ("refused", AdditionalAddressees::Refused),
                ("allowed", AdditionalAddressees::Allowed),
                ("required", AdditionalAddressees::Required),
            ],
        ),
    }?;
    let targets = check.list(&raw.to, &format!("{path}.to"), |check, at, path| {
        target(at, path, scope, check)
    });
    let mut route = Route {
        recipients: vec![],
        channels: vec![],
        additional,
    };
    for target in targets {
        match target {
            Target::Channel(channel) => route.channels.push(channel),
            Target::Recipient(recipient) => route.recipients.push(recipient),
        }
    }
    let to_inboxes = !route.recipients.is_empty() || additional == AdditionalAddressees::Required;
    if to_inboxes && !route.channels.is_empty() {
        check.report(
            row.span(),
            format!("{path}.to"),
            "a category goes to channels or to fixed recipients, not to both",
            "make two categories of it",
        );
    }
    if raw.to.is_empty() && additional == AdditionalAddressees::Refused {
        check.report(
            row.span(),
            format!("{path}.to"),
            "the category goes nowhere",
            "add to = [\"mechanisms/…/office\"], or additional_addressees = \"required\"",
        );
    }
    Some(route)
}

/// One place of `to`.
enum Target {
    /// A channel.
    Channel(ChannelId),
    /// An inbox.
    Recipient(Recipient),
}

/// Reads one place of `to` and resolves it.
fn target(at: &Text, path: &str, scope: &Scope<'_>, check: &mut Checker) -> Option<Target> {
    let text = at.get_ref();
    let channel = text
        .strip_prefix("channels/")
        .and_then(|id| id.parse::<ChannelId>().ok());
    if let Some(channel) = channel.filter(|id| scope.known.channels.contains(id)) {
        return Some(Target::Channel(channel));
    }
    let recipient = text.parse().ok().filter(|recipient| match recipient {
        Recipient::Agency(agency) => scope.known.agencies.contains(agency),
        Recipient::Office(mechanism) => scope.known.mechanisms.contains(mechanism),
    });
    if recipient.is_none() {
        check.report(
            at.span(),
            path,
            format!("{text:?} leads to nothing that the charter declares"),
            "use agencies/{agency}, mechanisms/{mechanism}/office or channels/{channel}",
        );
    }
    recipient.map(Target::Recipient)
}
