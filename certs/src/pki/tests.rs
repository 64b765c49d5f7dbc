use std::fs;

use hub_core::{crypto::VerifyingKey, profile::Profile};
use x509_parser::prelude::{CertificateRevocationList, FromDer as _, GeneralName, parse_x509_pem};

use super::*;

fn pki() -> (tempfile::TempDir, Pki) {
    let folder = tempfile::tempdir().unwrap();
    let pki = Pki::init(&folder.path().join("pki"), &InitOptions::default()).unwrap();
    (folder, pki)
}

fn revoked_serials(pki: &Pki) -> Vec<String> {
    let text = fs::read(pki.folder().join("crl.pem")).unwrap();
    let (_, block) = parse_x509_pem(&text).unwrap();
    assert_eq!(block.label, "X509 CRL");
    let (_, list) = CertificateRevocationList::from_der(&block.contents).unwrap();
    let (_, ca) = x509_parser::parse_x509_certificate(pki.ca().certificate_der()).unwrap();
    list.verify_signature(ca.public_key()).unwrap();
    list.iter_revoked_certificates()
        .map(|revoked| hex(revoked.raw_serial()))
        .collect()
}

#[test]
fn a_profile_is_complete_and_its_key_is_the_certificates() {
    let (_folder, mut pki) = pki();
    let issued = pki.issue(&IssueOptions::new("tax", "node-1")).unwrap();
    let file = issued.profile_file.unwrap();
    let profile: Profile = toml::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(
        (profile.agency.as_str(), profile.node.as_str()),
        ("tax", "node-1")
    );
    let folder = file.parent().unwrap();
    for part in [&profile.certificate, &profile.ca, &profile.ledger_key] {
        assert!(folder.join(part).is_file(), "{part}");
    }
    let key = SigningKey::from_pkcs8(&read_key(&folder.join(&profile.key)).unwrap()).unwrap();
    let public = VerifyingKey::from_certificate(&issued.certificate_der).unwrap();
    public.verify(b"m", &key.sign(b"m").unwrap()).unwrap();
    let keys = fs::read_to_string(pki.folder().join("roster/tax/token-keys.json")).unwrap();
    let keys: serde_json::Value = serde_json::from_str(&keys).unwrap();
    assert_eq!(keys["keys"][0]["kid"], profile.token_kid.as_str());
    assert_eq!(keys["keys"][0]["d"], serde_json::Value::Null);
}

#[test]
fn a_node_certificate_has_exactly_one_spiffe_name_and_client_use_only() {
    let (_folder, mut pki) = pki();
    for kind in [KeyKind::P256, KeyKind::Ed25519] {
        let mut options = IssueOptions::new("tax", format!("node-{kind:?}").to_lowercase());
        options.key_kind = kind;
        let issued = pki.issue(&options).unwrap();
        let (_, leaf) = x509_parser::parse_x509_certificate(&issued.certificate_der).unwrap();
        let names = leaf.subject_alternative_name().unwrap().unwrap();
        assert_eq!(
            names.value.general_names,
            vec![GeneralName::URI(&issued.spiffe_id)]
        );
        let uses = leaf.extended_key_usage().unwrap().unwrap().value;
        assert!(uses.client_auth && !uses.server_auth && !leaf.is_ca());
        assert_eq!(hex(leaf.raw_serial()), issued.record.serial);
        let (_, ca) = x509_parser::parse_x509_certificate(pki.ca().certificate_der()).unwrap();
        leaf.verify_signature(Some(ca.public_key())).unwrap();
    }
}

#[test]
fn the_list_starts_empty_and_holds_what_is_revoked() {
    let (_folder, mut pki) = pki();
    assert_eq!(revoked_serials(&pki), Vec::<String>::new());
    let first = pki.issue(&IssueOptions::new("tax", "node-1")).unwrap();
    let second = pki.issue(&IssueOptions::new("tax", "node-2")).unwrap();
    pki.revoke(&"tax/node-1".parse().unwrap(), Reason::KeyCompromise)
        .unwrap();
    assert_eq!(
        revoked_serials(&pki),
        std::slice::from_ref(&first.record.serial)
    );
    let again = pki.revoke(&"tax/node-1".parse().unwrap(), Reason::KeyCompromise);
    assert!(again.unwrap_err().to_string().contains("revoked already"));
    assert!(
        pki.revoke(&"tax/none".parse().unwrap(), Reason::KeyCompromise)
            .is_err()
    );
    pki.revoke(&second.record.serial.parse().unwrap(), Reason::Superseded)
        .unwrap();
    assert_eq!(revoked_serials(&pki).len(), 2);
}

#[test]
fn it_reopens_and_only_one_process_works_in_it() {
    let (_folder, mut pki) = pki();
    pki.issue(&IssueOptions::new("tax", "node-1")).unwrap();
    let (folder, list) = (pki.folder().to_owned(), pki.list().to_vec());
    let error = Pki::open(&folder).unwrap_err();
    assert!(error.to_string().contains("another process"), "{error}");
    drop(pki);
    let reopened = Pki::open(&folder).unwrap();
    assert_eq!(reopened.list(), list);
    drop(reopened);
    let error = Pki::init(&folder, &InitOptions::default()).unwrap_err();
    assert!(error.to_string().contains("exists already"), "{error}");
}

#[test]
fn a_second_node_shares_the_token_key_and_a_renewal_keeps_the_old_files() {
    let (_folder, mut pki) = pki();
    let first = pki.issue(&IssueOptions::new("tax", "node-1")).unwrap();
    let second = pki.issue(&IssueOptions::new("tax", "node-2")).unwrap();
    let read = |issued: &Issued, name: &str| {
        fs::read(issued.key_file.parent().unwrap().join(name)).unwrap()
    };
    assert_ne!(first.key_file, second.key_file);
    assert_eq!(read(&first, "token.key"), read(&second, "token.key"));

    let old_key = read(&first, "node.key");
    let mut options = IssueOptions::new("tax", "node-1");
    let error = pki.issue(&options).unwrap_err();
    assert!(error.to_string().contains("--replace"), "{error}");
    assert_eq!(pki.list().len(), 2, "a refusal issues nothing");
    options.replace = true;
    let renewed = pki.issue(&options).unwrap();
    assert_eq!(renewed.key_file, first.key_file);
    assert_ne!(read(&renewed, "node.key"), old_key);
    let aside = format!("node-{}.key", first.record.serial);
    assert_eq!(read(&renewed, &aside), old_key);
}

#[test]
fn the_hub_certificate_bears_its_names_and_is_renewed_with_a_new_key() {
    let (_folder, mut pki) = pki();
    let file = pki.folder().join("hub/hub.pem");
    let before = read_certificate(&file).unwrap();
    let (_, parsed) = x509_parser::parse_x509_certificate(&before).unwrap();
    let names = parsed.subject_alternative_name().unwrap().unwrap();
    assert_eq!(names.value.general_names.len(), 4);
    assert!(
        parsed
            .extended_key_usage()
            .unwrap()
            .unwrap()
            .value
            .server_auth
    );
    pki.renew_hub(&["hub.example".into()], 10).unwrap();
    assert_ne!(read_certificate(&file).unwrap(), before);
}

#[test]
fn wrong_options_name_the_option_and_the_rule() {
    let (folder, mut pki) = pki();
    let options = InitOptions {
        trust_domain: "Hub Example".into(),
        ..InitOptions::default()
    };
    let error = Pki::init(&folder.path().join("other"), &options).unwrap_err();
    assert!(error.to_string().starts_with("trust_domain: "), "{error}");
    for (agency, node) in [("Tax", "node-1"), ("tax", "../node"), ("", "n")] {
        assert!(pki.issue(&IssueOptions::new(agency, node)).is_err());
    }
    let mut options = IssueOptions::new("tax", "node-1");
    options.not_after_at = Some(Timestamp::UNIX_EPOCH);
    let error = pki.issue(&options).unwrap_err();
    assert!(error.to_string().starts_with("not_after: "), "{error}");
    assert!(pki.list().is_empty());
}
