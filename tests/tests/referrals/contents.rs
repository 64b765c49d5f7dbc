//! Contents: who gets at them, that each read is on the record, and what no message can hold.

use hub_proto::{
    attachments::DownloadAttachmentRequest,
    audit::RecordKind,
    channels::Attachment,
    ledger::{EntryHeader, GetEntryRequest, ListEntryHeadersRequest},
    referrals::ListReferralsRequest,
};
use hub_tests::{
    attachments, ledger,
    raw::{Session, reason, requests::files::upload_as},
    referrals,
};
use prost::Message as _;

use crate::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn x_006_every_read_of_contents_is_on_the_record_before_it_is_answered() {
    let stage = Stage::set().await;
    let sent = referrals::send(&stage.bank, referrals::draft("public-security")).await;
    let sent = sent.unwrap();
    let name = sent.referral.unwrap().name;
    let index = sent.receipt.unwrap().entry_index;
    let hub = stage.world.hub();
    assert_eq!(referrals::accesses(hub), [], "sending reads nothing");
    referrals::get(&stage.police, &name).await.unwrap();
    referrals::list(&stage.police, &ListReferralsRequest::default())
        .await
        .unwrap();
    let request = GetEntryRequest { entry_index: index };
    let entry: hub_proto::ledger::GetEntryResponse = stage
        .police
        .ask(ledger!("GetEntry"), &request)
        .await
        .unwrap();
    assert!(entry.entry.is_some());
    referrals::get(&stage.bank, &name).await.unwrap();
    let accesses = referrals::accesses(hub);
    let read: Vec<(&str, &str)> = accesses
        .iter()
        .map(|one| (one.agency.as_str(), one.method.rsplit('/').next().unwrap()))
        .collect();
    assert_eq!(
        read,
        [
            ("public-security", "GetReferral"),
            ("public-security", "ListReferrals"),
            ("public-security", "GetEntry"),
            ("pboc-branch", "GetReferral"),
        ]
    );
    for (access, other) in accesses.iter().zip([
        "pboc-branch",
        "pboc-branch",
        "pboc-branch",
        "public-security",
    ]) {
        assert_eq!(access.records.len(), 1);
        assert_eq!(access.records[0].name, name);
        assert_eq!(access.records[0].kind(), RecordKind::Referral);
        assert_eq!(access.records[0].auditors, [other]);
    }
    // Who reads the inbox reads the notice, and not the referral by way of the ledger.
    let machine = Session::new(&stage.world, "public-security", "oa", &["publisher"]);
    let refused = machine
        .call(ledger!("GetEntry"), request.encode_to_vec())
        .await;
    assert_eq!(reason(&refused.unwrap_err()), "NOT_FOUND");
    assert_eq!(referrals::accesses(hub).len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn fs_036_documents_are_downloaded_by_way_of_the_referral_alone() {
    let stage = Stage::set().await;
    let file: Attachment = upload_as(&stage.world, "pboc-branch", "clerk", b"clue").await;
    let mut draft = referrals::draft("public-security");
    draft.attachments = vec![file.clone()];
    let sent = referrals::send(&stage.bank, draft).await.unwrap();
    let name = sent.referral.unwrap().name;
    let told = stage
        .notices(&stage.police, "agencies/public-security/inbox")
        .await;
    assert_eq!(told[0].attachments, []);
    let ask = |of: &str| {
        let request = DownloadAttachmentRequest {
            notification: of.into(),
            sha256: file.sha256.clone(),
            offset: 0,
        };
        bytes::Bytes::from(request.encode_to_vec())
    };
    let method = attachments!("DownloadAttachment");
    stage.police.first(method, ask(&name)).await.unwrap();
    let mut accesses = referrals::accesses(stage.world.hub());
    // The inbox was read as well.
    accesses.retain(|one| one.records[0].kind() == RecordKind::Referral);
    assert_eq!(accesses.len(), 1);
    assert!(accesses[0].method.ends_with("DownloadAttachment"));
    let absent = format!("referrals/{}", agency_client::request_id());
    for (agency, role) in [
        ("civil-affairs", "office"),
        ("finance", "leader"),
        ("public-security", "publisher"),
    ] {
        let session = Session::new(&stage.world, agency, "somebody", &[role]);
        let hidden = session.first(method, ask(&name)).await.unwrap_err();
        let missing = session.first(method, ask(&absent)).await.unwrap_err();
        assert_eq!(reason(&hidden), "NOT_FOUND", "{agency} {role}");
        assert_eq!(
            hidden.message().replace(&name, "#"),
            missing.message().replace(&absent, "#")
        );
    }
    let by_notice = stage.police.first(method, ask(&told[0].name)).await;
    assert_eq!(reason(&by_notice.unwrap_err()), "NOT_FOUND");
    // What was not uploaded cannot be named.
    let mut draft = referrals::draft("public-security");
    draft.attachments = vec![Attachment {
        sha256: "0".repeat(64),
        ..file.clone()
    }];
    let refused = referrals::send(&stage.bank, draft).await.unwrap_err();
    assert_eq!(
        hub_tests::raw::fields(&refused),
        ["referral.attachments[0].sha256"]
    );
}

/// Words of which a field would be one that a raw report or a list of accounts fits into.
const RAW: [&str; 12] = [
    "account",
    "card",
    "iban",
    "transaction",
    "transfer",
    "counterpart",
    "amount",
    "balance",
    "statement",
    "suspicious",
    "person",
    "phone",
];

#[test]
fn x_006_no_message_of_referrals_can_carry_a_raw_report() {
    use prost_types::field_descriptor_proto::{Label, Type};
    let set = prost_types::FileDescriptorSet::decode(hub_proto::DESCRIPTORS).unwrap();
    let files = set.file.iter();
    let files = files.filter(|file| file.package() == "hub.referrals.v1");
    let mut fields = 0;
    for file in files {
        for message in &file.message_type {
            for field in &message.field {
                fields += 1;
                let name = format!("{}.{}", message.name(), field.name());
                assert!(
                    !RAW.iter().any(|word| field.name().contains(word)),
                    "{name}"
                );
                // Bytes are ids and hashes of events; a request has none.
                let is_event = file.name().ends_with("event.proto");
                assert!(is_event || field.r#type() != Type::Bytes, "{name}");
                let is_number = matches!(field.r#type(), Type::Double | Type::Float);
                assert!(!is_number, "{name}");
                if field.label() == Label::Repeated && !is_event {
                    let known = [
                        ".hub.channels.v1.SubjectOrganization",
                        ".hub.channels.v1.Attachment",
                        ".hub.referrals.v1.ReferralMessage",
                        ".hub.referrals.v1.ReferralResult",
                        ".hub.referrals.v1.ReferralCorrection",
                        ".hub.referrals.v1.Referral",
                    ];
                    assert!(known.contains(&field.type_name()), "{name}");
                }
            }
        }
    }
    assert!(fields > 100, "{fields}");
}

#[tokio::test(flavor = "multi_thread")]
async fn fs_036_who_reads_all_headers_cannot_count_referrals_and_builds_the_tree_all_the_same() {
    let stage = Stage::set().await;
    let sent = referrals::send(&stage.bank, referrals::draft("public-security")).await;
    let name = sent.unwrap().referral.unwrap().name;
    referrals::get(&stage.police, &name).await.unwrap();
    let auditor = stage
        .world
        .client("leading-group-office", "auditor-1", &["auditor"]);
    let mut request = ListEntryHeadersRequest {
        page_size: 1_000,
        ..ListEntryHeadersRequest::default()
    };
    let (mut methods, mut withheld) = (vec![], vec![]);
    loop {
        let page = auditor.ledger().entry_headers(&request).await.unwrap();
        for header in page.headers.iter().filter(|header| !header.is_empty()) {
            methods.push(EntryHeader::decode(&header[..]).unwrap().method);
        }
        withheld.extend(page.withheld);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert!(!methods.is_empty());
    let telling = ["referrals", "requests", "RecordAccess", "RemindRecipient"];
    for method in &methods {
        assert!(
            !telling.iter().any(|word| method.contains(word)),
            "{method}"
        );
    }
    // The referral and its read: two of a kind, for all that their leaves say.
    assert_eq!(withheld.len(), 2);
    let report = auditor.ledger().audit(|_, _| ()).await.unwrap();
    assert_eq!(report.withheld, 2);
    let seen: u64 = report.entries_by_agency.values().sum();
    assert_eq!(seen + report.withheld, report.checkpoint.size);
}
