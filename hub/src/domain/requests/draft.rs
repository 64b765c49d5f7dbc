//! Drafting a request: what each legal basis demands of it, and the cases that inquiries for account
//! information rest on (Order 809 art. 20, FS-053).

use std::collections::BTreeSet;

use hub_core::{
    crypto::sha256,
    date,
    names::{AgencyId, InformationRequestName, OfficerId},
    reason::Reason,
};
use hub_proto::{
    channels::Attachment,
    ledger::Event,
    requests::{
        ApprovalLevel, CaseClosed, CaseDigest, InformationRequestDrafted, RequestKind,
        SharingAttribute, requests_event::Kind,
    },
};
use jiff::{Span, civil::Date};

use super::{deadlines::rules, event, notices::Notice, refused, rows::CaseRow};
use crate::{
    authz::Permit,
    charter::{self, BasisKind, LegalBasis, Mark},
    domain::{Context, Decision, channels},
    error::{Error, Result, Violation},
    state::{
        keys,
        view::{Overlay, View, ViewExt as _},
    },
};

/// A request that somebody drafts.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Its name.
    pub request: InformationRequestName,
    /// Who is asked.
    pub provider: AgencyId,
    /// Its kind.
    pub kind: RequestKind,
    /// Its sharing attribute.
    pub sharing: SharingAttribute,
    /// Id of its legal basis.
    pub legal_basis: String,
    /// Whether it names the statute of its instrument.
    pub has_instrument_basis: bool,
    /// Last day of use.
    pub valid_until: Date,
    /// Who is to approve it.
    pub approver: OfficerId,
    /// Codes of the organisations that it is about.
    pub organizations: Vec<String>,
    /// What account information needs besides.
    pub account: Option<Account>,
    /// Its files.
    pub documents: Vec<Attachment>,
}

/// What account information needs besides.
#[derive(Debug, Clone)]
pub struct Account {
    /// Number of the case.
    pub case_number: String,
    /// When it was opened.
    pub opened_on: Date,
    /// Codes of the organisations that it names.
    pub organizations: Vec<String>,
    /// Officers who act together.
    pub officers: Vec<OfficerId>,
    /// Who approved the inquiry.
    pub approval_level: ApprovalLevel,
    /// When.
    pub approved_on: Date,
    /// Whether the organisation is a charity.
    pub is_charity: bool,
}

/// Fields that break rules, each with its source.
#[derive(Default)]
struct Broken(Vec<Violation>);

impl Broken {
    fn require(&mut self, is_kept: bool, field: &str, rule: impl Into<String>) {
        if !is_kept {
            self.0.push(Violation {
                field: format!("information_request.{field}"),
                rule: rule.into(),
            });
        }
    }

    fn finish(self) -> Result<()> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Error::fields(self.0))
        }
    }
}

pub(super) fn draft(
    context: &Context<'_>,
    view: &Overlay<'_>,
    permit: &Permit,
    command: &Draft,
) -> Result<Vec<Event>> {
    let name = command.request;
    let requester = permit.agency();
    if view
        .row(&keys::information_request(name.0.as_bytes()))?
        .is_some()
    {
        let message = format!("request_id {} is used already", name.0);
        return Err(Error::new(Reason::RequestIdReused, message));
    }
    check(context, permit, command)?;
    let case_digest = command.account.as_ref().map(|one| digest(requester, one));
    if let Some(digest) = &case_digest {
        check_declared(view, digest)?;
        check_open(view, digest)?;
    }
    let mut notice = Notice::new(name, requester, requester, "已起草，待审批");
    notice.wanted = "请指定的审批人审批";
    notice.documents = &command.documents;
    let mut events = vec![event(Kind::Drafted(InformationRequestDrafted {
        information_request: name.0.as_bytes().to_vec().into(),
        requester: requester.to_string(),
        provider: command.provider.to_string(),
        kind: command.kind.into(),
        sharing: command.sharing.into(),
        approver: command.approver.to_string(),
        valid_until_on: Some(date::to_wire(command.valid_until)),
        case_digest,
    }))];
    events.extend(channels::issue(context, view, &[notice.issue(context)])?);
    Ok(events)
}

fn check(context: &Context<'_>, permit: &Permit, command: &Draft) -> Result<()> {
    let rules = rules(context)?;
    let today = context.today();
    let mut broken = Broken::default();
    let is_known = context.charter.agency(&command.provider).is_some();
    broken.require(is_known, "provider", "must be an agency of the charter");
    let is_other = command.provider != *permit.agency();
    broken.require(is_other, "provider", "must not be the requester itself");
    let days_max = rules.validity_days_max();
    let last = today.checked_add(Span::new().days(i64::from(days_max)));
    let is_within =
        command.valid_until >= today && last.is_ok_and(|last| command.valid_until <= last);
    let rule =
        format!("must be today, {today}, or at most {days_max} days later (Order 809 art. 20)");
    broken.require(is_within, "valid_until_on", rule);
    let rule = "must be another officer than the author, who drafts it (Order 809 art. 20)";
    broken.require(command.approver != *permit.officer(), "approver", rule);
    let basis = legal_basis(context, permit.agency(), command, &mut broken);
    match (&command.account, command.kind == RequestKind::AccountInformation) {
        (Some(account), true) => {
            check_account(context, command, account, basis, &mut broken);
        }
        (None, true) => broken.require(
            false,
            "account",
            "must be set: account information needs an open case, an instrument, two officers and an \
             approval (FS-053)",
        ),
        (Some(_), false) => broken.require(
            false,
            "account",
            "must be empty: it is for requests of REQUEST_KIND_ACCOUNT_INFORMATION",
        ),
        (None, false) => {}
    }
    broken.finish()
}

/// The legal basis, if it is one on which the requester may make such a request.
fn legal_basis<'a>(
    context: &Context<'a>,
    requester: &AgencyId,
    command: &Draft,
    broken: &mut Broken,
) -> Option<&'a LegalBasis> {
    let field = "legal_basis";
    let kind = match command.kind {
        RequestKind::AccountInformation => BasisKind::AccountInformation,
        RequestKind::Data | RequestKind::Unspecified => BasisKind::Data,
    };
    let is_ours = |basis: &&LegalBasis| {
        basis.kind == kind && basis.requester.as_ref().is_none_or(|one| one == requester)
    };
    let bases = context.charter.legal_bases();
    let found = bases
        .iter()
        .filter(is_ours)
        .find(|one| one.id == command.legal_basis);
    let Some(basis) = found else {
        let ours: Vec<&str> = bases
            .iter()
            .filter(is_ours)
            .map(|one| one.id.as_str())
            .collect();
        let source = match kind {
            BasisKind::AccountInformation => "FS-053",
            BasisKind::Data => "Order 809 art. 20",
        };
        let able = match ours.as_slice() {
            [] => "it has none".to_owned(),
            ours => format!("it has {}", ours.join(", ")),
        };
        let rule = format!(
            "must be a legal basis of the charter on which agencies/{requester} may make such a request; \
             {able} ({source})"
        );
        broken.require(false, field, rule);
        return None;
    };
    let rule = format!(
        "{} is marked unverified in the charter: it must be confirmed there before it is used",
        basis.id
    );
    broken.require(basis.mark != Mark::Unverified, field, rule);
    let rule = if basis.is_named_in_instrument {
        format!(
            "must name the statute of the instrument: {} leaves it to that",
            basis.id
        )
    } else {
        format!("must be empty: {} names its law", basis.id)
    };
    let is_right = basis.is_named_in_instrument == command.has_instrument_basis;
    broken.require(is_right, "instrument_basis", rule);
    Some(basis)
}

/// The stricter conditions of account information (FS-053, X-009).
fn check_account(
    context: &Context<'_>,
    command: &Draft,
    account: &Account,
    basis: Option<&LegalBasis>,
    broken: &mut Broken,
) {
    let today = context.today();
    let provider = context
        .charter
        .requests()
        .and_then(|rules| rules.account_provider());
    let rule = match provider {
        Some(provider) => {
            format!("must be agencies/{provider}, which answers for accounts (FS-053, X-009)")
        }
        None => "the charter names no agency that answers for accounts (FS-053)".to_owned(),
    };
    broken.require(provider == Some(&command.provider), "provider", rule);
    let is_conditional = command.sharing == SharingAttribute::Conditional;
    let rule = "must be SHARING_ATTRIBUTE_CONDITIONAL: account information is shared on conditions";
    broken.require(is_conditional, "sharing", rule);
    let one = match command.organizations.as_slice() {
        [one] => Some(one),
        _ => None,
    };
    let rule = "must be exactly one: an inquiry is about one organisation (FS-053)";
    broken.require(one.is_some(), "organizations", rule);
    let is_named = one.is_none_or(|one| account.organizations.contains(one));
    let rule =
        "must name the organisation of the request: it is not involved in this case (FS-053)";
    broken.require(is_named, "account.case_opened.organizations", rule);
    let rule = format!("must not be after today, {today} (FS-053)");
    broken.require(
        account.opened_on <= today,
        "account.case_opened.opened_on",
        rule.clone(),
    );
    broken.require(account.approved_on <= today, "account.approved_on", rule);
    let officers: BTreeSet<&str> = account.officers.iter().map(OfficerId::as_str).collect();
    let is_distinct = officers.len() == account.officers.len();
    broken.require(
        is_distinct,
        "account.officers",
        "must not name an officer twice (FS-053)",
    );
    let Some(basis) = basis else { return };
    let rule = format!(
        "must be at least {} officers who act together (FS-053, {})",
        basis.officers_min, basis.basis
    );
    let is_enough = officers.len() >= usize::from(basis.officers_min);
    broken.require(is_enough, "account.officers", rule);
    let level = basis.approval_level.map(level);
    let rule = format!(
        "must be {}: the approval of {} is needed ({}, FS-053)",
        level.unwrap_or_default().as_str_name(),
        basis.approver,
        basis.id
    );
    broken.require(
        level == Some(account.approval_level),
        "account.approval_level",
        rule,
    );
    let rule = format!(
        "the organisation must be a charity: {} gives no power over others ({}, FS-053)",
        basis.id, basis.basis
    );
    broken.require(
        !basis.is_charity_only || account.is_charity,
        "account.is_charity",
        rule,
    );
}

fn level(level: charter::ApprovalLevel) -> ApprovalLevel {
    match level {
        charter::ApprovalLevel::Government => ApprovalLevel::Government,
        charter::ApprovalLevel::AgencyHead => ApprovalLevel::AgencyHead,
        charter::ApprovalLevel::BureauHead => ApprovalLevel::BureauHead,
        charter::ApprovalLevel::AsStatute => ApprovalLevel::AsStatute,
    }
}

/// The digest under which a case of an agency is known.
fn case_sha256(agency: &AgencyId, number: &str) -> [u8; 32] {
    sha256(&[agency.as_str().as_bytes(), &[0], number.as_bytes()])
}

fn digest(requester: &AgencyId, account: &Account) -> CaseDigest {
    let number = account.case_number.as_str();
    let organizations: BTreeSet<&str> = account.organizations.iter().map(String::as_str).collect();
    let organizations: Vec<&str> = organizations.into_iter().collect();
    let organizations = sha256(&[
        requester.as_str().as_bytes(),
        &[0],
        number.as_bytes(),
        &[0],
        organizations.join(",").as_bytes(),
    ]);
    CaseDigest {
        case_sha256: case_sha256(requester, number).to_vec().into(),
        opened_on: Some(date::to_wire(account.opened_on)),
        organizations_sha256: organizations.to_vec().into(),
    }
}

/// Whether a case is declared as in the first request that was approved under its number.
pub(super) fn is_declared_so(view: &(impl View + ?Sized), digest: &CaseDigest) -> Result<bool> {
    let row: Option<CaseRow> = view.message(&keys::request_case(&digest.case_sha256))?;
    let declared = row.and_then(|row| row.digest);
    Ok(declared.is_none_or(|declared| declared == *digest))
}

/// Refuses another declaration of a case than the first one that was approved.
fn check_declared(view: &(impl View + ?Sized), digest: &CaseDigest) -> Result<()> {
    if is_declared_so(view, digest)? {
        return Ok(());
    }
    let rule =
        "must be declared as it was the first time, with the same day and organisations (FS-053)";
    Err(Error::field(
        "information_request.account.case_opened",
        rule,
    ))
}

/// Refuses a case that was closed.
pub(super) fn check_open(view: &(impl View + ?Sized), digest: &CaseDigest) -> Result<()> {
    let row: Option<CaseRow> = view.message(&keys::request_case(&digest.case_sha256))?;
    if row.is_some_and(|row| row.closed.is_some()) {
        let message = "the case is closed; account information needs an open one (FS-053)";
        return Err(refused(message.to_owned()));
    }
    Ok(())
}

/// Closes a case of the own agency.
pub(super) fn close_case(view: &Overlay<'_>, permit: &Permit, number: &str) -> Result<Decision> {
    let case_sha256 = case_sha256(permit.agency(), number);
    let row: Option<CaseRow> = view.message(&keys::request_case(&case_sha256))?;
    let row = row.ok_or_else(|| Error::not_found(&format!("case {number}")))?;
    if let Some(closed) = row.closed {
        return Ok(Decision::Already(closed.entry_index));
    }
    Ok(Decision::Record(vec![event(Kind::CaseClosed(
        CaseClosed {
            case_sha256: case_sha256.to_vec().into(),
        },
    ))]))
}
