//! Fields of the messages about information requests: lengths, days, codes, ids. Which legal basis demands
//! what is the domain's.

use std::collections::BTreeSet;

use hub_core::{
    names::{AgencyId, InformationRequestName, OfficerId},
    uscc::Uscc,
};
use hub_proto::requests::{
    AccountInquiry, ApprovalLevel, DeliveredData, InformationRequest, RequestKind,
    SharingAttribute, UseRecord,
};
use jiff::{Span, civil::Date};

use crate::{
    domain::requests::{Draft, draft::Account},
    error::{Error, Result},
    wire::meetings::fields::Fields,
};

/// Longest purpose in characters.
const PURPOSE_MAX: usize = 1_000;
/// Longest scope, and longest text of most steps, in characters.
pub(super) const TEXT_MAX: usize = 2_000;
/// Longest reason in characters.
pub(super) const REASON_MAX: usize = 1_000;
/// Longest use scene or statute in characters.
const SCENE_MAX: usize = 500;
/// Longest reference in characters.
pub(super) const REFERENCE_MAX: usize = 200;
/// Longest number of a case or an instrument in characters.
pub(super) const NUMBER_MAX: usize = 100;
/// Longest delivered data in characters.
pub(super) const DATA_MAX: usize = 20_000;
/// Longest name of an organisation in characters.
const NAME_MAX: usize = 200;
/// Most organisations of a request.
const ORGANIZATIONS_MAX: usize = 50;
/// Most organisations of a case.
const CASE_ORGANIZATIONS_MAX: usize = 20;
/// Most officers of an inquiry.
const OFFICERS_MAX: usize = 5;
/// Most documents of a step.
pub(super) const DOCUMENTS_MAX: usize = 10;
/// Longest period that data is about, in years.
const PERIOD_YEARS_MAX: i16 = 30;

pub(super) const OUTPUT_ONLY: &str = "output-only fields must be empty";

const AT: &str = "information_request";

/// Checks a draft.
pub(super) fn draft(name: InformationRequestName, given: &InformationRequest) -> Result<Draft> {
    let mut fields = Fields::default();
    output_only(&mut fields, given);
    let field = |name: &str| format!("{AT}.{name}");
    let provider = given.provider.strip_prefix("agencies/");
    let provider: Option<AgencyId> = provider.and_then(|id| id.parse().ok());
    fields.require(
        provider.is_some(),
        &field("provider"),
        "must be agencies/{agency}",
    );
    let kind = given.kind();
    let rule = "must be REQUEST_KIND_DATA or REQUEST_KIND_ACCOUNT_INFORMATION";
    fields.require(kind != RequestKind::Unspecified, &field("kind"), rule);
    let sharing = given.sharing();
    let rule = "must be SHARING_ATTRIBUTE_UNCONDITIONAL or SHARING_ATTRIBUTE_CONDITIONAL; what is not \
                shared cannot be asked for (Order 809 art. 14)";
    fields.require(
        sharing != SharingAttribute::Unspecified,
        &field("sharing"),
        rule,
    );
    fields.text(&field("purpose"), &given.purpose, 1, PURPOSE_MAX);
    fields.text(&field("scope"), &given.scope, 1, TEXT_MAX);
    fields.text(&field("use_scene"), &given.use_scene, 1, SCENE_MAX);
    fields.line(&field("legal_basis"), &given.legal_basis, 1, NUMBER_MAX);
    fields.line(
        &field("instrument_basis"),
        &given.instrument_basis,
        0,
        SCENE_MAX,
    );
    fields.line(
        &field("case_reference"),
        &given.case_reference,
        1,
        REFERENCE_MAX,
    );
    period(&mut fields, given);
    let organizations = organizations(&mut fields, given);
    let valid_until = fields.required_day(&field("valid_until_on"), given.valid_until_on.as_ref());
    let approver: Option<OfficerId> = fields.parsed(&field("approver"), &given.approver);
    let account = given
        .account
        .as_ref()
        .map(|one| account(&mut fields, given, one));
    fields.documents(&field("attachments"), &given.attachments, DOCUMENTS_MAX);
    fields.finish()?;
    let checked = || Error::internal("a field that was checked is none");
    Ok(Draft {
        request: name,
        provider: provider.ok_or_else(checked)?,
        kind,
        sharing,
        legal_basis: given.legal_basis.clone(),
        has_instrument_basis: !given.instrument_basis.is_empty(),
        valid_until: valid_until.ok_or_else(checked)?,
        approver: approver.ok_or_else(checked)?,
        organizations,
        account: account.map(|one| one.ok_or_else(checked)).transpose()?,
        documents: given.attachments.clone(),
    })
}

fn output_only(fields: &mut Fields, given: &InformationRequest) {
    let written = InformationRequest {
        provider: given.provider.clone(),
        kind: given.kind,
        sharing: given.sharing,
        purpose: given.purpose.clone(),
        scope: given.scope.clone(),
        organizations: given.organizations.clone(),
        start_on: given.start_on,
        end_on: given.end_on,
        use_scene: given.use_scene.clone(),
        legal_basis: given.legal_basis.clone(),
        instrument_basis: given.instrument_basis.clone(),
        case_reference: given.case_reference.clone(),
        valid_until_on: given.valid_until_on,
        approver: given.approver.clone(),
        account: given.account.clone(),
        attachments: given.attachments.clone(),
        ..InformationRequest::default()
    };
    fields.require(written == *given, AT, OUTPUT_ONLY);
}

fn period(fields: &mut Fields, given: &InformationRequest) {
    let (start, end) = (format!("{AT}.start_on"), format!("{AT}.end_on"));
    let first = fields.day(&start, given.start_on.as_ref());
    let last = fields.day(&end, given.end_on.as_ref());
    let is_whole = given.start_on.is_some() == given.end_on.is_some();
    fields.require(
        is_whole,
        &end,
        "must be set together with start_on, or not at all",
    );
    if let (Some(first), Some(last)) = (first, last) {
        let most: Option<Date> = first.checked_add(Span::new().years(PERIOD_YEARS_MAX)).ok();
        let is_kept = first <= last && most.is_none_or(|most| last <= most);
        let rule =
            format!("must not be before start_on, nor more than {PERIOD_YEARS_MAX} years after it");
        fields.require(is_kept, &end, rule);
    }
}

fn organizations(fields: &mut Fields, given: &InformationRequest) -> Vec<String> {
    let at = format!("{AT}.organizations");
    let most = given.organizations.len() <= ORGANIZATIONS_MAX;
    fields.require(most, &at, format!("must be at most {ORGANIZATIONS_MAX}"));
    let mut seen = BTreeSet::new();
    let organizations = given
        .organizations
        .iter()
        .take(ORGANIZATIONS_MAX)
        .enumerate();
    for (number, one) in organizations {
        let code = format!("{at}[{number}].uscc");
        if let Some(uscc) = fields.parsed::<Uscc>(&code, &one.uscc) {
            let is_first = seen.insert(uscc.as_str().to_owned());
            fields.require(is_first, &code, "must not be named twice");
        }
        let name = format!("{at}[{number}].display_name");
        fields.line(&name, &one.display_name, 1, NAME_MAX);
    }
    seen.into_iter().collect()
}

fn account(
    fields: &mut Fields,
    given: &InformationRequest,
    account: &AccountInquiry,
) -> Option<Account> {
    let at = |name: &str| format!("{AT}.account.{name}");
    let case = account.case_opened.clone().unwrap_or_default();
    let number = at("case_opened.case_number");
    fields.line(&number, &case.case_number, 1, NUMBER_MAX);
    let is_same = case.case_number == given.case_reference;
    fields.require(
        is_same,
        &number,
        "must be the case_reference of the request",
    );
    let opened_on = fields.required_day(&at("case_opened.opened_on"), case.opened_on.as_ref());
    let named = at("case_opened.organizations");
    let is_bounded = (1..=CASE_ORGANIZATIONS_MAX).contains(&case.organizations.len());
    fields.require(
        is_bounded,
        &named,
        format!("must be 1 to {CASE_ORGANIZATIONS_MAX}"),
    );
    let mut organizations = BTreeSet::new();
    for (number, code) in case
        .organizations
        .iter()
        .take(CASE_ORGANIZATIONS_MAX)
        .enumerate()
    {
        let field = format!("{named}[{number}]");
        if let Some(uscc) = fields.parsed::<Uscc>(&field, code) {
            let is_first = organizations.insert(uscc.as_str().to_owned());
            fields.require(is_first, &field, "must not be named twice");
        }
    }
    fields.line(
        &at("instrument_number"),
        &account.instrument_number,
        1,
        NUMBER_MAX,
    );
    let is_bounded = (1..=OFFICERS_MAX).contains(&account.officers.len());
    fields.require(
        is_bounded,
        &at("officers"),
        format!("must be 1 to {OFFICERS_MAX}"),
    );
    let named = account.officers.iter().take(OFFICERS_MAX).enumerate();
    let officers: Vec<OfficerId> = named
        .filter_map(|(number, id)| fields.parsed(&at(&format!("officers[{number}]")), id))
        .collect();
    let approval_level = account.approval_level();
    let is_stated = approval_level != ApprovalLevel::Unspecified;
    fields.require(is_stated, &at("approval_level"), "must be stated (FS-053)");
    fields.line(
        &at("approval_reference"),
        &account.approval_reference,
        1,
        REFERENCE_MAX,
    );
    let approved_on = fields.required_day(&at("approved_on"), account.approved_on.as_ref());
    Some(Account {
        case_number: case.case_number,
        opened_on: opened_on?,
        organizations: organizations.into_iter().collect(),
        officers,
        approval_level,
        approved_on: approved_on?,
        is_charity: account.is_charity,
    })
}

/// Checks what is delivered. Account information is in words only.
pub(super) fn delivery(fields: &mut Fields, given: &DeliveredData, is_account: bool) {
    fields.text("delivery.text", &given.text, 1, DATA_MAX);
    fields.documents("delivery.attachments", &given.attachments, DOCUMENTS_MAX);
    let is_kept = !is_account || given.attachments.is_empty();
    fields.require(is_kept, "delivery.attachments", IN_WORDS);
}

/// Why no document goes with account information.
pub(super) const IN_WORDS: &str =
    "must be empty: account information is given in words, to the requester only (FS-053)";

/// Checks a record of use.
pub(super) fn use_record(given: &UseRecord) -> Result<()> {
    let mut fields = Fields::default();
    let written = UseRecord {
        scene: given.scene.clone(),
        process: given.process.clone(),
        effect: given.effect.clone(),
        purpose_fit: given.purpose_fit.clone(),
        ..UseRecord::default()
    };
    fields.require(written == *given, "use", OUTPUT_ONLY);
    fields.text("use.scene", &given.scene, 1, SCENE_MAX);
    fields.text("use.process", &given.process, 1, TEXT_MAX);
    fields.text("use.effect", &given.effect, 1, TEXT_MAX);
    fields.text("use.purpose_fit", &given.purpose_fit, 1, REASON_MAX);
    fields.finish()
}
