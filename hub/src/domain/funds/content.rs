//! What an alert says: the rules that need charter and day, but no state.

use hub_core::{
    crypto::{Digest, sha256},
    date,
    names::AgencyId,
    reason::Reason,
    uscc::Uscc,
};
use hub_proto::{
    channels::{Attachment, Classification, SubjectOrganization},
    funds::{Alert, AlertAsk, AlertFacts, AlertKind, Direction, Severity},
};
use jiff::{Span, Timestamp, civil::Date};

use super::texts::Checks;
use crate::{
    charter::{Charter, FundRules, IndicatorKind},
    domain::channels::attachment::draft,
    error::{Error, Result},
};

/// Longest name of an organisation in characters.
pub const NAME_CHARACTERS_MAX: usize = 200;
/// Longest reason of a severity in characters.
pub const SEVERITY_REASON_CHARACTERS_MAX: usize = 1_000;
/// Longest grounds in characters.
pub const GROUNDS_CHARACTERS_MAX: usize = 4_000;
/// Longest source note, legal basis or ask in characters.
pub const NOTE_CHARACTERS_MAX: usize = 500;
/// Most asks.
pub const ASKS_MAX: usize = 32;
/// Most documents.
pub const ATTACHMENTS_MAX: usize = 10;
/// Most units that an alert names.
pub const CIRCULATION_MAX: usize = 32;
/// Longest period in years.
pub const PERIOD_YEARS_MAX: i16 = 10;

/// An alert that keeps these rules.
#[derive(Debug, Clone)]
pub struct Content {
    /// Whom it is about.
    pub organization: SubjectOrganization,
    /// SHA-256 of that organisation's code.
    pub organization_sha256: Digest,
    /// Its kind.
    pub kind: AlertKind,
    /// Its indicator.
    pub indicator: String,
    /// First day.
    pub start_on: Date,
    /// Last day.
    pub end_on: Date,
    /// Its severity.
    pub severity: Severity,
    /// Of whom something is asked.
    pub asked: Vec<AgencyId>,
    /// Units that it names.
    pub circulated_to: Vec<AgencyId>,
    /// Its documents.
    pub attachments: Vec<Attachment>,
}

impl Content {
    /// What state keeps of it.
    #[must_use]
    pub fn facts(&self, acknowledge_by: Timestamp) -> AlertFacts {
        AlertFacts {
            kind: self.kind.into(),
            indicator: self.indicator.clone(),
            start_on: Some(date::to_wire(self.start_on)),
            end_on: Some(date::to_wire(self.end_on)),
            severity: self.severity.into(),
            acknowledge_by_us: acknowledge_by.as_microsecond(),
        }
    }
}

/// What an organisation's code is found by.
#[must_use]
pub fn organization_sha256(uscc: &Uscc) -> Digest {
    sha256(&[uscc.as_str().as_bytes()])
}

/// Checks an alert as it is written. All broken rules are told at once.
///
/// # Errors
/// [`Reason::ClassificationRefused`] for a secret, before anything else is looked at; otherwise
/// the fields that break a rule, those of `further` with them.
pub fn check(
    charter: &Charter,
    fund: &FundRules,
    today: Date,
    alert: &Alert,
    further: Checks,
) -> Result<Content> {
    let mut checks = further;
    classification(&mut checks, alert)?;
    output_only(&mut checks, alert);
    let uscc = organization(&mut checks, alert.organization.as_ref());
    let (kind, severity) = (alert.kind(), alert.severity());
    choices(&mut checks, charter, fund, alert);
    let period = period(&mut checks, today, alert);
    let texts = [
        (
            "severity_reason",
            &alert.severity_reason,
            SEVERITY_REASON_CHARACTERS_MAX,
        ),
        ("grounds", &alert.grounds, GROUNDS_CHARACTERS_MAX),
        ("source_note", &alert.source_note, NOTE_CHARACTERS_MAX),
        ("legal_basis", &alert.legal_basis, NOTE_CHARACTERS_MAX),
    ];
    for (field, text, max) in texts {
        checks.text(&format!("alert.{field}"), text, 1, max);
    }
    let asked = asks(&mut checks, &alert.asks);
    let circulated_to = agencies(
        &mut checks,
        "alert.circulated_to",
        &alert.circulated_to,
        CIRCULATION_MAX,
    );
    attachments(&mut checks, &alert.attachments);
    checks.finish()?;
    let parsed = uscc.zip(period).zip(alert.organization.clone());
    let ((uscc, (start_on, end_on)), organization) =
        parsed.ok_or_else(|| Error::internal("fields that were checked"))?;
    Ok(Content {
        organization,
        organization_sha256: organization_sha256(&uscc),
        kind,
        indicator: alert.indicator.clone(),
        start_on,
        end_on,
        severity,
        asked,
        circulated_to,
        attachments: alert.attachments.clone(),
    })
}

fn classification(checks: &mut Checks, alert: &Alert) -> Result<()> {
    match alert.classification() {
        Classification::WorkSecret | Classification::StateSecret => Err(Error::new(
            Reason::ClassificationRefused,
            "alert.classification: work secrets and state secrets must not enter the hub (X-005); \
             nothing was stored; send it through the channel that its classification demands",
        )),
        found => {
            checks.require(
                found == Classification::Internal,
                "alert.classification",
                "must be CLASSIFICATION_INTERNAL; it is never assumed, and an alert is never public",
            );
            Ok(())
        }
    }
}

/// Everything but what its author writes must be empty.
fn output_only(checks: &mut Checks, alert: &Alert) {
    let written = Alert {
        organization: alert.organization.clone(),
        kind: alert.kind,
        indicator: alert.indicator.clone(),
        start_on: alert.start_on,
        end_on: alert.end_on,
        amount_band: alert.amount_band.clone(),
        currency: alert.currency.clone(),
        direction: alert.direction,
        severity: alert.severity,
        severity_reason: alert.severity_reason.clone(),
        grounds: alert.grounds.clone(),
        source_note: alert.source_note.clone(),
        asks: alert.asks.clone(),
        legal_basis: alert.legal_basis.clone(),
        attachments: alert.attachments.clone(),
        circulated_to: alert.circulated_to.clone(),
        classification: alert.classification,
        ..Alert::default()
    };
    checks.require(
        written == *alert,
        "alert",
        "output-only fields must be empty",
    );
}

fn organization(checks: &mut Checks, given: Option<&SubjectOrganization>) -> Option<Uscc> {
    let Some(given) = given else {
        checks.broken("alert.organization", "must be set");
        return None;
    };
    let name = "alert.organization.display_name";
    checks.line(name, &given.display_name, 1, NAME_CHARACTERS_MAX);
    let field = "alert.organization.uscc";
    match given.uscc.parse::<Uscc>() {
        Ok(code) if code.inner_check_is_valid() => Some(code),
        Ok(_) => {
            checks.broken(
                field,
                "the organisation code's own check character, position 17, does not match (GB 11714)",
            );
            None
        }
        Err(rule) => {
            checks.broken(field, rule.to_string());
            None
        }
    }
}

fn choices(checks: &mut Checks, charter: &Charter, fund: &FundRules, alert: &Alert) {
    let kind = match alert.kind() {
        AlertKind::AbnormalMovement => Some(IndicatorKind::AbnormalMovement),
        AlertKind::OverseasDonation => Some(IndicatorKind::OverseasDonation),
        AlertKind::Unspecified => {
            checks.broken("alert.kind", "must be a kind of alerts (FS-054)");
            None
        }
    };
    let all = charter.alert_indicators();
    match all.iter().find(|one| one.id == alert.indicator) {
        None => checks.broken(
            "alert.indicator",
            format!(
                "must be an indicator of the charter: {}",
                listed(all.iter().map(|one| one.id.as_str()))
            ),
        ),
        Some(found) => checks.require(
            kind.is_none_or(|kind| kind == found.kind),
            "alert.kind",
            "must be the indicator's: the two series are never mixed (FS-054)",
        ),
    }
    let bands = fund.amount_bands().iter().map(|band| band.id.as_str());
    checks.require(
        fund.amount_band(&alert.amount_band).is_some(),
        "alert.amount_band",
        format!("must be an amount band of the charter: {}", listed(bands)),
    );
    let currencies = fund.currencies();
    checks.require(
        currencies.contains(&alert.currency),
        "alert.currency",
        format!(
            "must be a currency of the charter: {}",
            listed(currencies.iter().map(String::as_str))
        ),
    );
    checks.require(
        alert.direction() != Direction::Unspecified,
        "alert.direction",
        "must be DIRECTION_IN, DIRECTION_OUT or DIRECTION_BOTH",
    );
    checks.require(
        alert.severity() != Severity::Unspecified,
        "alert.severity",
        "must be SEVERITY_ROUTINE, SEVERITY_MAJOR or SEVERITY_EMERGENCY",
    );
}

fn listed<'a>(ids: impl Iterator<Item = &'a str>) -> String {
    ids.collect::<Vec<_>>().join(", ")
}

fn period(checks: &mut Checks, today: Date, alert: &Alert) -> Option<(Date, Date)> {
    let mut day = |field: &str, wire: Option<&hub_proto::common::Date>| {
        let day = wire.and_then(date::from_wire);
        checks.require(day.is_some(), field, "must be a day of the calendar");
        day
    };
    let start = day("alert.start_on", alert.start_on.as_ref());
    let end = day("alert.end_on", alert.end_on.as_ref());
    let (start, end) = start.zip(end)?;
    let latest = start.checked_add(Span::new().years(PERIOD_YEARS_MAX));
    let rules = [
        (end >= start, "must not be before start_on"),
        (end <= today, "must not be in the future"),
        (
            latest.is_ok_and(|latest| end <= latest),
            "must be at most 10 years after start_on",
        ),
    ];
    for (is_kept, rule) in rules {
        checks.require(is_kept, "alert.end_on", rule);
    }
    Some((start, end))
}

fn asks(checks: &mut Checks, asks: &[AlertAsk]) -> Vec<AgencyId> {
    let field = "alert.asks";
    checks.require(
        asks.len() <= ASKS_MAX,
        field,
        format!("must be at most {ASKS_MAX}"),
    );
    let mut asked = vec![];
    for (number, ask) in asks.iter().take(ASKS_MAX).enumerate() {
        let text = format!("{field}[{number}].text");
        checks.text(&text, &ask.text, 1, NOTE_CHARACTERS_MAX);
        asked.extend(agency(
            checks,
            &format!("{field}[{number}].unit"),
            &ask.unit,
        ));
    }
    asked
}

/// An agency's name.
pub fn agency(checks: &mut Checks, field: &str, name: &str) -> Option<AgencyId> {
    let id = name.strip_prefix("agencies/");
    let id = id.and_then(|id| id.parse().ok());
    checks.require(id.is_some(), field, "must be agencies/{agency}");
    id
}

/// Agencies' names, each once.
pub fn agencies(
    checks: &mut Checks,
    field: &str,
    names: &[String],
    count_max: usize,
) -> Vec<AgencyId> {
    let rule = format!("must be at most {count_max}");
    checks.require(names.len() <= count_max, field, rule);
    let mut found: Vec<AgencyId> = vec![];
    for (number, name) in names.iter().take(count_max).enumerate() {
        let field = format!("{field}[{number}]");
        if let Some(id) = agency(checks, &field, name) {
            checks.require(!found.contains(&id), &field, "must not be named twice");
            found.push(id);
        }
    }
    found
}

fn attachments(checks: &mut Checks, attachments: &[Attachment]) {
    let field = "alert.attachments";
    for (field, rule) in draft::broken(field, attachments, ATTACHMENTS_MAX) {
        checks.broken(&field, rule);
    }
    for (number, file) in attachments.iter().take(ATTACHMENTS_MAX).enumerate() {
        let field = format!("{field}[{number}].file_name");
        checks.clue_level(&field, &file.file_name);
    }
}
