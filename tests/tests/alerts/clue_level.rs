//! FS-051, X-006: no message can carry a list of accounts, a transaction or a raw report. Every message
//! definition of the protos is looked at, also of services that have nothing to do with alerts.

use prost::Message as _;
use prost_types::{
    DescriptorProto, FileDescriptorSet,
    field_descriptor_proto::{Label, Type},
};

/// Parts of a field's or a message's name that tell of what must not be there.
const FORBIDDEN: &[&str] = &[
    "account",
    "iban",
    "card",
    "transaction",
    "transfer",
    "counterparty",
    "payee",
    "payer",
    "remitter",
    "remittance",
    "beneficiary",
    "balance",
    "amount",
    "ledger_line",
    "statement",
    "raw",
    "report",
    "str_",
    "ltr_",
    "passport",
    "id_number",
    "phone",
    "mobile",
    "csv",
    "table",
    "rows",
    "records",
    "spreadsheet",
];

/// Fields that bear such a word and hold nothing of the kind, each with its reason. The list may only
/// shrink.
const ALLOWED: &[(&str, &str)] = &[
    (
        "hub.funds.v1.Alert.amount_band",
        "id of a band of the charter, checked against it",
    ),
    (
        "hub.funds.v1.Measure.report",
        "what a unit did, at most 2,000 characters, no long numbers",
    ),
    ("hub.funds.v1.Measure.reported_at", "an instant"),
    (
        "hub.funds.v1.FundsEvent.measure_reported",
        "a number of a measure",
    ),
    (
        "hub.audit.v1.AccessRecorded.records",
        "names of records that were read",
    ),
];

/// Prefixes of messages whose names bear such a word in another sense: minutes and agreed items have
/// progress reports, the registry has nothing of banks.
const ALLOWED_MESSAGES: &[(&str, &str)] = &[
    (
        "hub.meetings.v1.",
        "reports of progress on agreed items, and transfer of none",
    ),
    ("hub.ledger.v1.", "the hub's own ledger: proofs and headers"),
];

/// Messages of fund alerts may have repeated fields of these alone: none is a list of free text.
const LISTS: &[(&str, &str)] = &[
    ("hub.funds.v1.Alert.asks", "at most 32, to a unit each"),
    (
        "hub.funds.v1.Alert.attachments",
        "at most 10 documents of the notice",
    ),
    ("hub.funds.v1.Alert.circulated_to", "agencies"),
    ("hub.funds.v1.Alert.units", "agencies"),
    (
        "hub.funds.v1.Alert.information",
        "output only, one entry on the ledger each",
    ),
    (
        "hub.funds.v1.Alert.findings",
        "output only, one entry on the ledger each",
    ),
    (
        "hub.funds.v1.Alert.measures",
        "output only, one entry on the ledger each",
    ),
    (
        "hub.funds.v1.Alert.joint_notices",
        "output only, one entry on the ledger each",
    ),
    (
        "hub.funds.v1.Alert.closings",
        "output only, one entry on the ledger each",
    ),
    (
        "hub.funds.v1.Alert.revisions",
        "output only, one entry on the ledger each",
    ),
    ("hub.funds.v1.Alert.possible_duplicates", "names of alerts"),
    ("hub.funds.v1.JointNotice.units", "agencies"),
    (
        "hub.funds.v1.JointNotice.signatures",
        "output only, one of each unit",
    ),
    ("hub.funds.v1.Closing.unacknowledged_units", "agencies"),
    ("hub.funds.v1.ListAlertsResponse.alerts", "alerts"),
    ("hub.funds.v1.AlertRaised.units", "agencies"),
    ("hub.funds.v1.JointNoticeDrafted.units", "agencies"),
    ("hub.funds.v1.AlertCorrected.reviewing_units", "agencies"),
    ("hub.funds.v1.AlertRetracted.reviewing_units", "agencies"),
];

/// Every field: its full name, its type, and whether it is a list.
fn fields() -> Vec<(String, Type, bool)> {
    fn walk(path: &str, message: &DescriptorProto, found: &mut Vec<(String, Type, bool)>) {
        let path = format!("{path}.{}", message.name());
        for field in &message.field {
            let name = format!("{path}.{}", field.name());
            found.push((name, field.r#type(), field.label() == Label::Repeated));
        }
        for nested in &message.nested_type {
            walk(&path, nested, found);
        }
    }
    let set = FileDescriptorSet::decode(hub_proto::DESCRIPTORS).unwrap();
    let mut found = vec![];
    for file in set
        .file
        .iter()
        .filter(|file| file.package().starts_with("hub."))
    {
        for message in &file.message_type {
            walk(file.package(), message, &mut found);
        }
    }
    found
}

fn is_suspect(field: &str) -> bool {
    let (_, name) = field.rsplit_once('.').unwrap();
    let is_allowed = ALLOWED.iter().any(|(allowed, _)| *allowed == field)
        || ALLOWED_MESSAGES
            .iter()
            .any(|(prefix, _)| field.starts_with(prefix));
    !is_allowed && FORBIDDEN.iter().any(|word| name.contains(word))
}

#[test]
fn fs_051_no_message_has_a_field_for_accounts_transactions_or_reports() {
    let all = fields();
    assert!(all.len() > 500, "the protos are looked at: {}", all.len());
    let suspects: Vec<&String> = all
        .iter()
        .map(|(field, ..)| field)
        .filter(|field| is_suspect(field))
        .collect();
    assert!(suspects.is_empty(), "{suspects:#?}");
    for (allowed, why) in ALLOWED {
        assert!(!why.is_empty());
        let is_there = all.iter().any(|(field, ..)| field == allowed);
        assert!(is_there, "{allowed} is gone and leaves the list");
    }
}

#[test]
fn fs_051_the_scan_sees_what_it_is_for() {
    for field in [
        "hub.funds.v1.Alert.account_numbers",
        "hub.funds.v1.Alert.transactions",
        "hub.funds.v1.Alert.raw_report",
        "hub.requests.v1.Answer.bank_card",
        "hub.channels.v1.Notification.counterparty",
    ] {
        assert!(is_suspect(field), "{field}");
    }
    assert!(!is_suspect("hub.funds.v1.Alert.grounds"));
}

#[test]
fn fs_051_alerts_have_no_open_lists_and_no_bytes_but_ids_and_hashes() {
    let all = fields();
    let of_funds = all
        .iter()
        .filter(|(field, ..)| field.starts_with("hub.funds.v1."));
    for (field, kind, is_list) in of_funds {
        if *is_list {
            let is_known = LISTS.iter().any(|(known, _)| known == field);
            assert!(is_known, "{field} is a list that is not justified");
        }
        if *kind == Type::Bytes {
            let (_, name) = field.rsplit_once('.').unwrap();
            let is_id = ["alert", "organization_sha256"].contains(&name);
            assert!(is_id, "{field} could hold anything");
        }
        let is_number = matches!(
            kind,
            Type::Double | Type::Float | Type::Fixed64 | Type::Sfixed64 | Type::Uint64
        );
        assert!(!is_number, "{field} could hold a sum");
    }
    for (known, _) in LISTS {
        let is_there = all
            .iter()
            .any(|(field, _, is_list)| field == known && *is_list);
        assert!(is_there, "{known} is gone and leaves the list");
    }
}
