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
use rustls_pki_types::{PrivatePkcs8KeyDer, pem::PemObject as _};

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

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.serial_number = Some(SerialNumber::from(7_u64));
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2046, 1, 1);
    params
}

fn good() -> &'static Good {
    static GOOD: OnceLock<Good> = OnceLock::new();
    GOOD.get_or_init(|| {
        let mut params = named("Fuzz authority (synthetic)");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority = params.self_signed(&rcgen_key(AUTHORITY)).unwrap();
        let issuer = Issuer::new(params, rcgen_key(AUTHORITY));
        let hub = named("hub").signed_by(&rcgen_key(HUB), &issuer).unwrap();
        let node = named("node").signed_by(&rcgen_key(HUB), &issuer).unwrap();
        let list = list(vec![RevokedCertParams {
            serial_number: SerialNumber::from(9_u64),
            revocation_time: date_time_ymd(2026, 2, 1),
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: None,
        }]);
        Good {
            authority: authority.pem(),
            chain: hub.pem(),
            key: rcgen_key(HUB).serialize_pem(),
            list: list.signed_by(&issuer).unwrap().pem().unwrap(),
            node: node.der().to_vec(),
        }
    })
}

fn list(revoked_certs: Vec<RevokedCertParams>) -> CertificateRevocationListParams {
    CertificateRevocationListParams {
        this_update: date_time_ymd(2026, 1, 1),
        next_update: date_time_ymd(2046, 1, 1),
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

/// The forms in which [`tls_files`] takes a revocation list, as seeds, and the other files.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let good = good();
    let list = good.list.as_bytes();
    let whole = rustls_pki_types::CertificateRevocationListDer::from_pem_slice(list).unwrap();
    // Without the outer element's head, the algorithm and the signature of 64 bytes.
    let head = match whole[1] {
        long @ 0x80.. => 2 + usize::from(long & 0x7f),
        _ => 2,
    };
    let signed = &whole[head..whole.len() - 7 - 67];
    let form = |choice: u8, bytes: &[u8]| [&[choice], bytes].concat();
    vec![
        form(0, list),
        form(1, &whole),
        form(2, signed),
        form(3, good.authority.as_bytes()),
        form(4, good.chain.as_bytes()),
        form(5, good.key.as_bytes()),
    ]
}

/// Forms of an input: which file it is, and how.
const FORMS: u8 = 6;

/// Loads four files of which one is given in a form, and the others are good.
fn load(form: u8, given: &[u8]) -> anyhow::Result<TlsReloader> {
    let given = match form {
        1 => pem("X509 CRL", given).into_bytes(),
        2 => pem("X509 CRL", &signed_list(given)).into_bytes(),
        _ => given.to_vec(),
    };
    let good = good();
    let files = [
        (&good.chain, form == 4),
        (&good.key, form == 5),
        (&good.authority, form == 3),
        (&good.list, form < 3),
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

/// Where the files would be.
const FOLDER: &str = "/pki";

/// One of the four files is what the input says, the others fit together: a revocation list as text, in DER or
/// under the authority's signature, authorities, the hub's chain, its key. Nothing panics,
/// files that fit have authorities with an end, and a refusal names one of the four files: not always the one at
/// fault, and that a list bars whom it names is not looked at here.
pub fn tls_files(input: &[u8]) {
    let mut tape = Tape::new(input);
    let form = tape.byte() % FORMS;
    match load(form, tape.rest()) {
        Ok(tls) => {
            let ends = tls.ends();
            assert!(!ends.authorities_until_at.is_empty());
            let verified = tls.verify_node(&good().node);
            if form > 3 {
                assert!(ends.crl_until_at.as_second() > NOW_S);
                assert_eq!(verified, Ok(()));
            }
        }
        Err(error) => {
            let text = format!("{error:#}");
            assert!(text.contains(FOLDER), "{text}");
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
}
