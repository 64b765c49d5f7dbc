//! What those concerned are told of an alert: that something happened, by whom, and by when something is
//! asked of them. The alert's own texts are not in a notice: they are read with the alert, on the
//! record. A joint notice is meant to go round, so its text does.

use hub_core::{
    date,
    names::{AgencyId, AlertName, Recipient},
};
use hub_proto::{
    channels::{Classification, Notification, RequestedAction, SubjectOrganization},
    ledger::Event,
};
use jiff::{SignedDuration, Timestamp};

use super::{Case, rows::AlertRow};
use crate::{
    charter::{FundRules, fund::ALERT_CATEGORY},
    domain::{
        Context,
        channels::{self, Issue, asks},
        meetings::notices::quoted,
    },
    error::{Error, Result},
};

/// A notice of the hub's own about an alert: lines of `label：text`, those without text left out.
pub(super) fn notice(
    context: &Context<'_>,
    alert: AlertName,
    organization: &SubjectOrganization,
    what: &str,
    lines: &[(&str, &str)],
) -> Notification {
    let own = [("机构", organization.display_name.as_str())];
    let body: String = own
        .iter()
        .chain(lines)
        .filter(|(_, text)| !text.is_empty())
        .map(|(label, text)| format!("{label}：{text}\n"))
        .collect();
    Notification {
        category: ALERT_CATEGORY.into(),
        title: format!("{what}：{}", quoted(&organization.display_name)),
        body: body.into_bytes().into(),
        media_type: "text/plain; charset=utf-8".into(),
        classification: Classification::Internal.into(),
        resource: alert.to_string(),
        subjects: vec![organization.clone()],
        occurred_on: Some(date::to_wire(context.today())),
        ..Notification::default()
    }
}

/// Everyone who may see an alert but the one who acts.
pub(super) fn others(row: &AlertRow, acting: &Recipient) -> Vec<Recipient> {
    let mut all = row.viewers();
    all.retain(|one| one != acting);
    all
}

/// Who raised an alert and who coordinates it, but the one who acts.
pub(super) fn coordinators(row: &AlertRow, acting: &Recipient) -> Vec<Recipient> {
    let author = row.author().map(Recipient::Agency);
    let office = row.office().map(Recipient::Office);
    let mut both: Vec<Recipient> = author.into_iter().chain(office).collect();
    both.retain(|one| one != acting);
    both
}

/// An instant as people of the province write it.
pub(super) fn instant(context: &Context<'_>, at: Timestamp) -> String {
    let zone = context.charter.zone().clone();
    at.to_zoned(zone).strftime("%Y-%m-%d %H:%M").to_string()
}

/// What an agency is called today (FS-011).
pub(super) fn name_of(context: &Context<'_>, agency: &AgencyId) -> String {
    context.charter.agency(agency).map_or_else(
        || agency.to_string(),
        |found| found.name_on(context.today()).to_owned(),
    )
}

/// An instant so much later.
pub(super) fn later(context: &Context<'_>, by: SignedDuration) -> Result<Timestamp> {
    context.now.checked_add(by).map_err(Error::internal)
}

/// One that asks something of some of its addressees.
pub(super) fn asking(
    context: &Context<'_>,
    addressees: Vec<Recipient>,
    notification: Notification,
    (asked, action): (&[Recipient], RequestedAction),
    due_at: Timestamp,
) -> Issue {
    let follow_up = context.charter.follow_up();
    Issue {
        ask: asks::ask(follow_up, asked, action, due_at, context.now),
        addressees,
        notification,
    }
}

/// The settings for alerts.
pub(super) fn rules<'a>(context: &Context<'a>) -> Result<&'a FundRules> {
    let found = context.charter.fund();
    found.ok_or_else(|| Error::internal("an alert under a charter without [fund]"))
}

impl Case<'_> {
    /// Who acts, as a unit.
    pub(super) fn unit(&self) -> Recipient {
        Recipient::Agency(self.permit.agency().clone())
    }

    /// A notice about this alert.
    pub(super) fn notice(&self, what: &str, lines: &[(&str, &str)]) -> Notification {
        notice(self.context, self.name, self.organization, what, lines)
    }

    /// What the acting agency is called.
    pub(super) fn own_name(&self) -> String {
        name_of(self.context, self.permit.agency())
    }

    /// What somebody who acts is called: a unit, or an office.
    pub(super) fn name_of(&self, actor: &Recipient) -> String {
        match actor {
            Recipient::Agency(agency) => name_of(self.context, agency),
            Recipient::Office(mechanism) => {
                let found = self.context.charter.mechanism(mechanism);
                let name = found.and_then(|found| found.office().names.first().cloned());
                name.unwrap_or_else(|| actor.to_string())
            }
        }
    }

    /// An event, and the notices that tell of it. Those that would go to nobody are left out.
    pub(super) fn with(&self, event: Event, issues: &[Issue]) -> Result<Vec<Event>> {
        let issues: Vec<Issue> = issues
            .iter()
            .filter(|issue| !issue.addressees.is_empty())
            .cloned()
            .collect();
        let mut events = vec![event];
        events.extend(channels::issue(self.context, self.view, &issues)?);
        Ok(events)
    }
}
