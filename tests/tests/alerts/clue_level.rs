//! FS-051, X-006: no message can carry a list of accounts, a transaction or a raw report. Every message
//! definition of the protos is looked at, also of services that have nothing to do with alerts.

use prost::Message as _;
use prost_types::{
    DescriptorProto, FileDescriptorSet,
    field_descriptor_proto::{Label, Type},
};

/// Words in the name of a field or a message that tell of what must not be there; plurals are meant too.
const FORBIDDEN: &[&str] = &[
    "account",
    "amount",
    "balance",
    "bank",
    "beneficiary",
    "card",
    "cash",
    "counterparty",
    "csv",
    "currency",
    "deposit",
    "iban",
    "passport",
    "payee",
    "payer",
    "payment",
    "phone",
    "raw",
    "record",
    "remittance",
    "remitter",
    "report",
    "sheet",
    "statement",
    "sum",
    "table",
    "transaction",
    "transfer",
];

/// Fields and messages that bear such a word and hold nothing of the kind, each with its reason.
const ALLOWED: &[(&str, &str)] = &[
    (
        "hub.funds.v1.Alert.amount_band",
        "id of a band of the charter, checked against it",
    ),
    (
        "hub.funds.v1.Alert.currency",
        "three letters of the charter, checked against it",
    ),
    (
        "hub.audit.v1.AccessRecorded.records",
        "names of what was read, at most 256",
    ),
    ("hub.audit.v1.AccessedRecord", "one of these names"),
    (
        "hub.audit.v1.ListAccessesRequest.record",
        "a name, at most 200 bytes",
    ),
    (
        "hub.audit.v1.Access.records",
        "names of what was read, at most 256",
    ),
    ("hub.audit.v1.ReadRecord", "one of these names"),
    ("hub.requests.v1.InformationRequest.account", INQUIRY),
    ("hub.requests.v1.AccountInquiry", INQUIRY),
    (
        "hub.requests.v1.UseRecord",
        "that data was used: scene, process, effect (Order 809 art. 29)",
    ),
    ("hub.meetings.v1.UnitTask.reports", PROGRESS),
    ("hub.meetings.v1.ReportProgressRequest.report", PROGRESS),
    (
        "hub.meetings.v1.ListProgressReportsResponse.reports",
        PROGRESS,
    ),
    ("hub.meetings.v1.ProgressReport", PROGRESS),
    ("hub.meetings.v1.ListProgressReportsRequest", PROGRESS),
    ("hub.meetings.v1.ListProgressReportsResponse", PROGRESS),
    (
        "hub.funds.v1.Measure.report",
        "what a unit did, at most 2,000 characters, no long numbers",
    ),
];

const INQUIRY: &str =
    "case, instrument, officers and approval of an inquiry (FS-053); no field for an account";

const PROGRESS: &str = "what a unit says of its progress on an agreed item (JE-080)";

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
    let mut found = vec![];
    for (path, message) in messages() {
        for field in &message.field {
            let name = format!("{path}.{}", field.name());
            found.push((name, field.r#type(), field.label() == Label::Repeated));
        }
    }
    found
}

/// Every message with its full name.
fn messages() -> Vec<(String, DescriptorProto)> {
    fn walk(path: &str, message: &DescriptorProto, found: &mut Vec<(String, DescriptorProto)>) {
        let path = format!("{path}.{}", message.name());
        for nested in &message.nested_type {
            walk(&path, nested, found);
        }
        found.push((path, message.clone()));
    }
    let set = FileDescriptorSet::decode(hub_proto::DESCRIPTORS).unwrap();
    let mut found = vec![];
    let files = set.file.iter();
    for file in files.filter(|file| file.package().starts_with("hub.")) {
        for message in &file.message_type {
            walk(file.package(), message, &mut found);
        }
    }
    found
}

/// The words of a name in snake or camel case, without the s of a plural.
fn words(name: &str) -> Vec<String> {
    let mut snake = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    let words = snake.split('_').filter(|word| !word.is_empty());
    words
        .map(|word| match word.strip_suffix("ies") {
            Some(stem) => format!("{stem}y"),
            None => word.trim_end_matches('s').to_owned(),
        })
        .collect()
}

fn is_suspect(full: &str) -> bool {
    let (_, name) = full.rsplit_once('.').unwrap();
    let is_allowed = ALLOWED.iter().any(|(allowed, _)| *allowed == full);
    let mut words = words(name);
    let is_of_method = name.ends_with("Request") || name.ends_with("Response");
    if is_of_method {
        // Methods begin with a verb: to report, to record.
        words.remove(0);
    }
    !is_allowed && words.iter().any(|word| FORBIDDEN.contains(&&**word))
}

#[test]
fn fs_051_no_message_has_a_field_for_accounts_transactions_or_reports() {
    let all: Vec<String> = fields().into_iter().map(|(field, ..)| field).collect();
    assert!(all.len() > 500, "the protos are looked at: {}", all.len());
    let messages = messages().into_iter().map(|(message, _)| message);
    let all: Vec<String> = all.into_iter().chain(messages).collect();
    let suspects: Vec<&String> = all.iter().filter(|name| is_suspect(name)).collect();
    assert!(suspects.is_empty(), "{suspects:#?}");
    for (allowed, why) in ALLOWED {
        assert!(!why.is_empty());
        let is_there = all.iter().any(|name| name == allowed);
        assert!(is_there, "{allowed} is gone and leaves the list");
    }
}

#[test]
fn fs_051_the_scan_sees_what_it_is_for() {
    for field in [
        "hub.funds.v1.Alert.account_numbers",
        "hub.funds.v1.Alert.transactions",
        "hub.funds.v1.Alert.raw_report",
        "hub.funds.v1.TransactionList",
        "hub.funds.v1.Alert.counterparties",
        "hub.requests.v1.Answer.bank_card",
        "hub.channels.v1.Notification.counterparty",
    ] {
        assert!(is_suspect(field), "{field}");
    }
    for field in ["grounds", "withdrawn_at", "recorded_at", "reporting_unit"] {
        assert!(
            !is_suspect(&format!("hub.funds.v1.Alert.{field}")),
            "{field}"
        );
    }
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
