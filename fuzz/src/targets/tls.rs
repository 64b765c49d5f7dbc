//! The hub's TLS files: its chain and key, the authorities of nodes, their revocation lists.

use std::sync::{Arc, OnceLock};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hub::{
    clock::ManualClock,
    tls::{TlsOptions, TlsReloader},
};
use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer,
    KeyIdMethod, KeyPair, KeyUsagePurpose, RevocationReason, RevokedCertParams, SerialNumber,
    date_time_ymd,
};
use rustls_pki_types::{
    CertificateDer, CertificateRevocationListDer, PrivatePkcs8KeyDer, pem::PemObject as _,
};

use super::{
    identity::{NOW_S, SEQUENCE, der},
    key, pkcs8,
};
use crate::tape::Tape;

/// Words of the files.
pub const TLS_WORDS: &[&str] = &[
    "-----BEGIN CERTIFICATE-----\n",
    "-----END CERTIFICATE-----\n",
    "-----BEGIN X509 CRL-----\n",
    "-----END X509 CRL-----\n",
    "-----BEGIN PRIVATE KEY-----\n",
    "-----BEGIN EC PRIVATE KEY-----\n",
    "-----END PRIVATE KEY-----\n",
    "260101000000Z",
    "20990101000000Z",
    "\u{6}\u{3}U\u{1d}\u{14}",
    "\u{6}\u{3}U\u{1d}#",
];

/// Seeds of the keys: of the authority and of the hub.
const AUTHORITY: u8 = 5;
const HUB: u8 = 6;

/// Serial number of the node, and of the others.
const NODE_SERIAL: u8 = 7;

/// A year within the certificates' and the list's time, and the last one that X.509 has.
const YEARS: [i32; 2] = [2046, 9999];

/// Files that fit together, and a node's certificate of that authority.
#[derive(Debug)]
struct Good {
    authority: String,
    chain: String,
    key: String,
    list: String,
    node: Vec<u8>,
}

fn rcgen_key(seed: u8) -> KeyPair {
    let der = pkcs8(seed);
    KeyPair::try_from(&PrivatePkcs8KeyDer::from(der)).unwrap()
}

fn named(name: &str, until: i32) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.serial_number = Some(SerialNumber::from(u64::from(NODE_SERIAL)));
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(until, 12, 31);
    params
}

fn good() -> &'static Good {
    static GOOD: OnceLock<Good> = OnceLock::new();
    GOOD.get_or_init(|| good_until(YEARS[0]))
}

fn authority(until: i32) -> CertificateParams {
    let mut params = named("Fuzz authority (synthetic)", until);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn good_until(year: i32) -> Good {
    let params = authority(year);
    let authority = params.self_signed(&rcgen_key(AUTHORITY)).unwrap();
    let issuer = Issuer::new(params, rcgen_key(AUTHORITY));
    let leaf = |name| {
        named(name, year)
            .signed_by(&rcgen_key(HUB), &issuer)
            .unwrap()
    };
    let (hub, node) = (leaf("hub"), leaf("node"));
    let list = list(year, 9);
    Good {
        authority: authority.pem(),
        chain: hub.pem(),
        key: rcgen_key(HUB).serialize_pem(),
        list: list.signed_by(&issuer).unwrap().pem().unwrap(),
        node: node.der().to_vec(),
    }
}

/// A list on which one certificate is.
fn list(until: i32, serial: u8) -> CertificateRevocationListParams {
    let revoked_certs = vec![RevokedCertParams {
        serial_number: SerialNumber::from(u64::from(serial)),
        revocation_time: date_time_ymd(2026, 2, 1),
        reason_code: Some(RevocationReason::KeyCompromise),
        invalidity_date: None,
    }];
    CertificateRevocationListParams {
        this_update: date_time_ymd(2026, 1, 1),
        next_update: date_time_ymd(until, 12, 31),
        crl_number: SerialNumber::from(1_u64),
        issuing_distribution_point: None,
        revoked_certs,
        key_identifier_method: KeyIdMethod::Sha256,
    }
}

/// A revocation list of whatever its signed part is, under the authority's right signature: most mutants of a
/// list die at that.
fn signed_list(to_be_signed: &[u8]) -> Vec<u8> {
    let ed25519 = der(SEQUENCE, &[&[0x06, 0x03, 0x2b, 0x65, 0x70]]);
    let signature = key(AUTHORITY).sign(to_be_signed).unwrap();
    der(
        SEQUENCE,
        &[to_be_signed, &ed25519, &der(0x03, &[&[0], &signature])],
    )
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

fn of_pem(certificate: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()
}

/// A revocation list in DER, and its signed part.
fn of_list(list: &str) -> (Vec<u8>, Vec<u8>) {
    let whole = CertificateRevocationListDer::from_pem_slice(list.as_bytes()).unwrap();
    // Without the outer element's head, the algorithm and the signature of 64 bytes.
    let head = match whole[1] {
        long @ 0x80.. => 2 + usize::from(long & 0x7f),
        _ => 2,
    };
    let signed = whole[head..whole.len() - 7 - 67].to_vec();
    (whole.to_vec(), signed)
}

/// The forms in which [`tls_files`] takes a revocation list, as seeds, and the other files.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let (good, endless) = (good(), good_until(YEARS[1]));
    let (whole, signed) = of_list(&good.list);
    let form = |choice: u8, bytes: &[u8]| [&[choice], bytes].concat();
    vec![
        form(0, good.list.as_bytes()),
        form(1, &whole),
        form(2, &signed),
        form(3, good.authority.as_bytes()),
        form(4, good.chain.as_bytes()),
        form(5, good.key.as_bytes()),
        form(6, &of_pem(&good.authority)),
        form(7, &of_pem(&good.chain)),
        form(1, &of_list(&endless.list).0),
        form(6, &of_pem(&endless.authority)),
        form(7, &of_pem(&endless.chain)),
    ]
}

/// Forms of an input: which file it is, and how.
const FORMS: u8 = 8;

/// Loads four files of which one is given in a form, and the others are good.
fn load(form: u8, given: &[u8]) -> anyhow::Result<TlsReloader> {
    let given = match form {
        1 => pem("X509 CRL", given).into_bytes(),
        2 => pem("X509 CRL", &signed_list(given)).into_bytes(),
        6 | 7 => pem("CERTIFICATE", given).into_bytes(),
        _ => given.to_vec(),
    };
    let good = good();
    let files = [
        (&good.chain, CHAIN.contains(&form)),
        (&good.key, form == KEY),
        (&good.authority, AUTHORITIES.contains(&form)),
        (&good.list, LISTS.contains(&form)),
    ];
    let contents = files.map(|(good, is_given)| match is_given {
        true => given.clone(),
        false => good.clone().into_bytes(),
    });
    let clock = ManualClock::at(Timestamp::from_second(NOW_S).unwrap());
    TlsReloader::load_contents(
        contents,
        TlsOptions::of_pki(FOLDER.as_ref()),
        Arc::new(clock),
    )
}

/// Forms of each file.
const LISTS: [u8; 3] = [0, 1, 2];
const AUTHORITIES: [u8; 2] = [3, 6];
const CHAIN: [u8; 2] = [4, 7];
const KEY: u8 = 5;

/// Where the files would be.
const FOLDER: &str = "/pki";

/// One of the four files is what the input says, the others fit together: a revocation list as text, in DER or
/// under the authority's signature, authorities and the hub's chain as text or in DER, its key. Nothing panics. Of files
/// that fit, a list bars the node that it names, and everybody once it is past its end; the hub's chain and key
/// bar nobody. A refusal names the file at fault.
pub fn tls_files(input: &[u8]) {
    let mut tape = Tape::new(input);
    let form = tape.byte() % FORMS;
    match load(form, tape.rest()) {
        Ok(tls) => {
            let ends = tls.ends();
            assert!(!ends.authorities_until_at.is_empty());
            let verified = tls.verify_node(&good().node);
            let is_named = tls.revoked().borrow().contains(&[NODE_SERIAL][..]);
            if is_named || ends.crl_until_at.as_second() < NOW_S {
                assert!(verified.is_err(), "{ends:?}");
            }
            if CHAIN.contains(&form) || form == KEY {
                assert_eq!(verified, Ok(()));
            }
        }
        Err(error) => {
            let text = format!("{error:#}");
            let files: &[&str] = match form {
                // Other authorities may be right in themselves, and not have signed the list.
                _ if AUTHORITIES.contains(&form) => &["/pki/ca/ca.pem: ", "/pki/crl.pem: "],
                _ if LISTS.contains(&form) => &["/pki/crl.pem: "],
                // A key may be right in itself, and another certificate's.
                KEY => &["/pki/hub/hub.key: ", "/pki/hub/hub.pem and "],
                _ => &["/pki/hub/hub.pem: ", "/pki/hub/hub.pem and "],
            };
            assert!(
                files.iter().any(|file| text.starts_with(file)),
                "{form}: {text}"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Else mutants would never come past the first look.
    #[test]
    fn every_seed_fits() {
        for seed in seeds() {
            let tls = load(seed[0], &seed[1..]).unwrap();
            assert_eq!(tls.verify_node(&good().node), Ok(()), "{}", seed[0]);
            assert_eq!(tls.revoked().borrow().len(), 1);
        }
    }

    fn signed(list: &CertificateRevocationListParams) -> Vec<u8> {
        let issuer = Issuer::new(authority(YEARS[0]), rcgen_key(AUTHORITY));
        list.signed_by(&issuer).unwrap().pem().unwrap().into_bytes()
    }

    #[test]
    fn a_list_bars_whom_it_names_and_everybody_past_its_end() {
        let mut expired = list(YEARS[0], 9);
        expired.next_update = date_time_ymd(2026, 2, 1);
        for list in [list(YEARS[0], NODE_SERIAL), expired] {
            let tls = load(0, &signed(&list)).unwrap();
            assert!(tls.verify_node(&good().node).is_err());
        }
    }

    #[test]
    fn a_list_that_tls_refuses_is_at_fault_itself() {
        let (_, mut signed) = of_list(&good().list);
        // Version 2 comes first, as 1.
        let version = signed.windows(3).position(|part| part == [2, 1, 1]);
        signed[version.unwrap() + 2] = 0;
        let error = format!("{:#}", load(2, &signed).err().unwrap());
        assert!(error.starts_with("/pki/crl.pem: "), "{error}");
    }
}
