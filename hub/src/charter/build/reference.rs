//! The reference tables: alert indicators, legal bases, deadlines.

use std::{collections::BTreeSet, fmt, str::FromStr};

use hub_core::names::{AgencyId, NameError};
use toml::Spanned;

use super::{Checker, Known};
use crate::charter::{
    category::CategoryId,
    raw::{RawAlertIndicator, RawDeadline, RawLegalBasis, Text},
    reference::{
        AlertIndicator, ApprovalLevel, BasisKind, Deadline, IndicatorKind, LegalBasis, Mark,
        TimeUnit,
    },
};

/// Officers who act together on account information, at least (FS-053).
const ACCOUNT_OFFICERS_MIN: u8 = 2;

/// An id of a row: formed like a category id.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct RowId(String);

impl FromStr for RowId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let id: CategoryId = text.parse()?;
        Ok(Self(id.as_str().to_owned()))
    }
}

impl fmt::Display for RowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Checks that the ids of a table are well formed and used once.
fn ids<'a>(table: &str, ids: impl Iterator<Item = &'a Text>, check: &mut Checker) {
    let _unique: BTreeSet<RowId> = check.unique_ids(table, ids);
}

/// Builds the alert indicators.
pub(super) fn alert_indicators(
    raw: &[Spanned<RawAlertIndicator>],
    check: &mut Checker,
) -> Vec<AlertIndicator> {
    ids(
        "alert_indicators",
        raw.iter().map(|row| &row.get_ref().id),
        check,
    );
    let mut read = |(place, row): (usize, &Spanned<RawAlertIndicator>)| {
        let raw = row.get_ref();
        let path = format!("alert_indicators[{place}]");
        let name = check.text(&raw.name, &format!("{path}.name"));
        let name_en = check.text(&raw.name_en, &format!("{path}.name_en"));
        let kind = check.choice(
            &raw.kind,
            &format!("{path}.kind"),
            &[
                ("abnormal_movement", IndicatorKind::AbnormalMovement),
                ("overseas_donation", IndicatorKind::OverseasDonation),
            ],
        );
        let source = check.text(&raw.source, &format!("{path}.source"));
        Some(AlertIndicator {
            id: raw.id.get_ref().clone(),
            name: name?,
            name_en: name_en?,
            kind: kind?,
            source: source?,
        })
    };
    raw.iter().enumerate().filter_map(&mut read).collect()
}

/// Builds the legal bases.
pub(super) fn legal_bases(
    raw: &[Spanned<RawLegalBasis>],
    known: &Known,
    check: &mut Checker,
) -> Vec<LegalBasis> {
    ids(
        "legal_bases",
        raw.iter().map(|row| &row.get_ref().id),
        check,
    );
    raw.iter()
        .enumerate()
        .filter_map(|(place, row)| legal_basis(row, &format!("legal_bases[{place}]"), known, check))
        .collect()
}

/// Builds one legal basis: it names a law, or leaves that to each instrument, never neither.
fn legal_basis(
    row: &Spanned<RawLegalBasis>,
    path: &str,
    known: &Known,
    check: &mut Checker,
) -> Option<LegalBasis> {
    let raw = row.get_ref();
    if raw.basis.is_some() == raw.is_named_in_instrument {
        check.report(
            row.span(),
            format!("{path}.basis"),
            "there must be either a basis or is_named_in_instrument = true",
            "name the law and article, or let each instrument name it",
        );
    }
    let kind = check.choice(
        &raw.kind,
        &format!("{path}.kind"),
        &[
            ("data", BasisKind::Data),
            ("account_information", BasisKind::AccountInformation),
        ],
    );
    if kind == Some(BasisKind::AccountInformation) {
        account(row, path, check);
    }
    let requester: Option<Option<AgencyId>> = match &raw.requester {
        None => Some(None),
        Some(at) => {
            let path = format!("{path}.requester");
            check
                .known(at, &path, &known.agencies, "agencies")
                .map(Some)
        }
    };
    let approval_level = raw.approval_level.as_ref().and_then(|at| {
        check.choice(
            at,
            &format!("{path}.approval_level"),
            &[
                ("government", ApprovalLevel::Government),
                ("agency_head", ApprovalLevel::AgencyHead),
                ("bureau_head", ApprovalLevel::BureauHead),
                ("as_statute", ApprovalLevel::AsStatute),
            ],
        )
    });
    let basis = match &raw.basis {
        None => Some(String::new()),
        Some(at) => check.text(at, &format!("{path}.basis")),
    };
    let condition = check.text(&raw.condition, &format!("{path}.condition"));
    let approver = check.text(&raw.approver, &format!("{path}.approver"));
    let mark = check.choice(
        &raw.mark,
        &format!("{path}.mark"),
        &[
            ("primary", Mark::Primary),
            ("concordant", Mark::Concordant),
            ("single", Mark::Single),
            ("unverified", Mark::Unverified),
        ],
    );
    Some(LegalBasis {
        id: raw.id.get_ref().clone(),
        kind: kind?,
        requester: requester?,
        basis: basis?,
        is_named_in_instrument: raw.is_named_in_instrument,
        condition: condition?,
        is_charity_only: raw.is_charity_only,
        approver: approver?,
        approval_level,
        officers_min: raw.officers_min.as_ref().map_or(0, |at| *at.get_ref()),
        mark: mark?,
    })
}

/// A basis for account information names one requester, who approves, and how many officers act together.
fn account(row: &Spanned<RawLegalBasis>, path: &str, check: &mut Checker) {
    let raw = row.get_ref();
    let fields = [
        (
            "requester",
            raw.requester.is_some(),
            "name the agency that has the power",
        ),
        (
            "approval_level",
            raw.approval_level.is_some(),
            "write government, agency_head, bureau_head or as_statute",
        ),
    ];
    for (field, is_there, hint) in fields {
        if !is_there {
            check.report(
                row.span(),
                format!("{path}.{field}"),
                "must be set: it is a basis for account information (FS-053)",
                hint,
            );
        }
    }
    let officers = raw.officers_min.as_ref();
    if officers.is_none_or(|at| *at.get_ref() < ACCOUNT_OFFICERS_MIN) {
        check.report(
            officers.map_or_else(|| row.span(), Spanned::span),
            format!("{path}.officers_min"),
            format!("must be at least {ACCOUNT_OFFICERS_MIN} (FS-053)"),
            "write how many officers must act together",
        );
    }
}

/// Builds the deadlines.
pub(super) fn deadlines(raw: &[Spanned<RawDeadline>], check: &mut Checker) -> Vec<Deadline> {
    ids("deadlines", raw.iter().map(|row| &row.get_ref().id), check);
    raw.iter()
        .enumerate()
        .filter_map(|(place, row)| deadline(row.get_ref(), &format!("deadlines[{place}]"), check))
        .collect()
}

/// Builds one deadline.
fn deadline(raw: &RawDeadline, path: &str, check: &mut Checker) -> Option<Deadline> {
    let amounts = [
        ("amount", Some(&raw.amount)),
        ("extension_amount", raw.extension_amount.as_ref()),
    ];
    for (field, amount) in amounts {
        if let Some(amount) = amount
            && *amount.get_ref() == 0
        {
            check.report(
                amount.span(),
                format!("{path}.{field}"),
                "must be at least 1",
                "write the number that the rule gives, or take the row out",
            );
        }
    }
    let name = check.text(&raw.name, &format!("{path}.name"));
    let unit = check.choice(
        &raw.unit,
        &format!("{path}.unit"),
        &[
            ("hour", TimeUnit::Hour),
            ("day", TimeUnit::Day),
            ("working_day", TimeUnit::WorkingDay),
            ("year", TimeUnit::Year),
        ],
    );
    let starts_at = check.text(&raw.starts_at, &format!("{path}.starts_at"));
    let source = check.text(&raw.source, &format!("{path}.source"));
    Some(Deadline {
        id: raw.id.get_ref().clone(),
        name: name?,
        amount: *raw.amount.get_ref(),
        unit: unit?,
        extension_amount: raw
            .extension_amount
            .as_ref()
            .map(|amount| *amount.get_ref()),
        starts_at: starts_at?,
        source: source?,
    })
}
