//! Raw issuing under an authority: a leaf is exactly what its [`LeafSpec`] says.
//!
//! [`crate::pki`] fills in correct specs; tests fill in wrong ones (two URI SANs, another trust
//! domain, an expired time) to prove that the hub refuses them.

use std::{fmt, net::IpAddr, time::Duration};

use hub_core::crypto::{generate_ed25519_pkcs8, random};
use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, SanType, SerialNumber,
    string::Ia5String,
};
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use crate::{Error, Result, files::pem};

/// Kind of a private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyKind {
    /// ECDSA on P-256; every TLS library takes it.
    #[default]
    P256,
    /// Ed25519; smaller and faster; gRPC for Python 1.85 takes it, older libraries may not.
    Ed25519,
}

/// What a certificate may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExtendedUse {
    /// TLS client.
    Client,
    /// TLS server.
    Server,
}

/// Every field of a leaf certificate. Nothing is checked: a wrong leaf is what tests need.
#[derive(Debug, Clone)]
pub struct LeafSpec {
    /// Common name of the subject.
    pub common_name: String,
    /// URI subject alternative names.
    pub uri_sans: Vec<String>,
    /// DNS subject alternative names.
    pub dns_sans: Vec<String>,
    /// IP subject alternative names.
    pub ip_sans: Vec<IpAddr>,
    /// Extended key usages.
    pub extended_uses: Vec<ExtendedUse>,
    /// Start of validity, whole seconds.
    pub not_before_at: Timestamp,
    /// End of validity, whole seconds.
    pub not_after_at: Timestamp,
    /// Kind of key.
    pub key_kind: KeyKind,
}

impl LeafSpec {
    /// A correct node certificate, to be issued as it is or spoiled first.
    #[must_use]
    pub fn node(
        trust_domain: &str,
        agency: &str,
        node: &str,
        not_before_at: Timestamp,
        not_after_at: Timestamp,
    ) -> Self {
        Self {
            common_name: format!("{node}.{agency}"),
            uri_sans: vec![spiffe_id(trust_domain, agency, node)],
            dns_sans: vec![],
            ip_sans: vec![],
            extended_uses: vec![ExtendedUse::Client],
            not_before_at,
            not_after_at,
            key_kind: KeyKind::default(),
        }
    }
}

/// `spiffe://<trust domain>/agency/<agency>/node/<node>`.
#[must_use]
pub fn spiffe_id(trust_domain: &str, agency: &str, node: &str) -> String {
    format!("spiffe://{trust_domain}/agency/{agency}/node/{node}")
}

/// A certificate with its private key.
#[derive(Clone)]
pub struct Leaf {
    /// Serial number, big endian.
    pub serial: Vec<u8>,
    /// The certificate, DER.
    pub certificate_der: Vec<u8>,
    /// The certificate, PEM.
    pub certificate_pem: String,
    /// The private key, PKCS#8 DER.
    pub key_der: Vec<u8>,
    /// The private key, PKCS#8 PEM.
    pub key_pem: String,
}

impl fmt::Debug for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leaf")
            .field("serial", &hub_core::crypto::hex(&self.serial))
            .finish_non_exhaustive()
    }
}

/// A certificate authority that signs leaves and revocation lists.
pub struct Ca {
    certificate_der: Vec<u8>,
    key: KeyPair,
    issuer: Issuer<'static, KeyPair>,
}

impl fmt::Debug for Ca {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ca")
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

impl Ca {
    /// Makes a self-signed P-256 authority.
    ///
    /// # Errors
    /// When the random source or the encoding fails.
    pub fn generate(
        common_name: &str,
        not_before_at: Timestamp,
        not_after_at: Timestamp,
    ) -> Result<Self> {
        let mut params = params(common_name, not_before_at, not_after_at)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let certificate = params.self_signed(&key)?;
        Self::load(certificate.der(), key.serialized_der())
    }

    /// Takes an authority's certificate (DER) and PKCS#8 key (DER).
    ///
    /// # Errors
    /// When either is not what it should be, or they do not belong together.
    pub fn load(certificate_der: &[u8], key_der: &[u8]) -> Result<Self> {
        let key = || {
            let der = PrivatePkcs8KeyDer::from(key_der);
            KeyPair::from_pkcs8_der_and_sign_algo(&der, &PKCS_ECDSA_P256_SHA256)
        };
        let der = CertificateDer::from(certificate_der);
        let (_, parsed) = x509_parser::parse_x509_certificate(certificate_der)
            .map_err(|_| rcgen::Error::CouldNotParseCertificate)?;
        let key_pair = key()?;
        if parsed.public_key().subject_public_key.data.as_ref() != key_pair.public_key_raw() {
            return Err(Error::Option {
                option: "ca",
                rule: "the authority's certificate and key do not belong together".into(),
            });
        }
        Ok(Self {
            certificate_der: certificate_der.to_vec(),
            issuer: Issuer::from_ca_cert_der(&der, key()?)?,
            key: key_pair,
        })
    }

    /// The authority's certificate, DER.
    #[must_use]
    pub fn certificate_der(&self) -> &[u8] {
        &self.certificate_der
    }

    /// The authority's certificate, PEM.
    #[must_use]
    pub fn certificate_pem(&self) -> String {
        pem("CERTIFICATE", &self.certificate_der)
    }

    /// The authority's private key, PKCS#8 PEM.
    #[must_use]
    pub fn key_pem(&self) -> String {
        pem("PRIVATE KEY", self.key.serialized_der())
    }

    /// Issues a leaf exactly as specified, with a random serial number of 16 bytes.
    ///
    /// # Errors
    /// When a name cannot be encoded or the random source fails.
    pub fn issue(&self, spec: &LeafSpec) -> Result<Leaf> {
        let mut params = params(&spec.common_name, spec.not_before_at, spec.not_after_at)?;
        let uris = spec.uri_sans.iter().map(|uri| ia5(uri).map(SanType::URI));
        let names = spec
            .dns_sans
            .iter()
            .map(|name| ia5(name).map(SanType::DnsName));
        let ips = spec.ip_sans.iter().map(|ip| Ok(SanType::IpAddress(*ip)));
        params.subject_alt_names = uris.chain(names).chain(ips).collect::<Result<_>>()?;
        params.extended_key_usages = spec
            .extended_uses
            .iter()
            .map(|extended_use| match extended_use {
                ExtendedUse::Client => ExtendedKeyUsagePurpose::ClientAuth,
                ExtendedUse::Server => ExtendedKeyUsagePurpose::ServerAuth,
            })
            .collect();
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let serial = random_serial()?;
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        let key = generate_key(spec.key_kind)?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Leaf {
            serial,
            certificate_der: certificate.der().to_vec(),
            certificate_pem: pem("CERTIFICATE", certificate.der()),
            key_der: key.serialized_der().to_vec(),
            key_pem: pem("PRIVATE KEY", key.serialized_der()),
        })
    }

    /// Signs a certificate revocation list (RFC 5280 §5), PEM.
    ///
    /// `number` must grow from list to list.
    ///
    /// # Errors
    /// When a time is out of range or the encoding fails.
    pub fn revocation_list(
        &self,
        number: u64,
        this_update_at: Timestamp,
        next_update_at: Timestamp,
        revoked: &[Revocation],
    ) -> Result<String> {
        let revoked_certs = revoked
            .iter()
            .map(|revocation| {
                Ok(rcgen::RevokedCertParams {
                    serial_number: SerialNumber::from_slice(&revocation.serial),
                    revocation_time: rcgen::date_time_ymd(1970, 1, 1)
                        + since_epoch(revocation.revoked_at)?,
                    reason_code: Some(revocation.reason.into()),
                    invalidity_date: None,
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let list = rcgen::CertificateRevocationListParams {
            this_update: rcgen::date_time_ymd(1970, 1, 1) + since_epoch(this_update_at)?,
            next_update: rcgen::date_time_ymd(1970, 1, 1) + since_epoch(next_update_at)?,
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs,
            key_identifier_method: rcgen::KeyIdMethod::Sha256,
        }
        .signed_by(&self.issuer)?;
        Ok(pem("X509 CRL", list.der()))
    }
}

/// One line of a revocation list.
#[derive(Debug, Clone)]
pub struct Revocation {
    /// Serial number, big endian.
    pub serial: Vec<u8>,
    /// When it was revoked.
    pub revoked_at: Timestamp,
    /// Why.
    pub reason: crate::Reason,
}

fn generate_key(kind: KeyKind) -> Result<KeyPair> {
    match kind {
        KeyKind::P256 => Ok(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?),
        KeyKind::Ed25519 => {
            // Through our own generator, whose PKCS#8 version 1 other libraries read too.
            let der = generate_ed25519_pkcs8()?;
            let der = PrivatePkcs8KeyDer::from(der.as_slice());
            Ok(KeyPair::from_pkcs8_der_and_sign_algo(&der, &PKCS_ED25519)?)
        }
    }
}

/// 16 random bytes that read as a positive number without leading zeros (RFC 5280 §4.1.2.2).
fn random_serial() -> Result<Vec<u8>> {
    let mut serial = random::<16>()?;
    if let Some(first) = serial.first_mut() {
        *first = (*first & 0x7f) | 0x40;
    }
    Ok(serial.to_vec())
}

fn params(
    common_name: &str,
    not_before_at: Timestamp,
    not_after_at: Timestamp,
) -> Result<CertificateParams> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    params.not_before = rcgen::date_time_ymd(1970, 1, 1) + since_epoch(not_before_at)?;
    params.not_after = rcgen::date_time_ymd(1970, 1, 1) + since_epoch(not_after_at)?;
    Ok(params)
}

fn ia5(text: &str) -> Result<Ia5String> {
    Ia5String::try_from(text).map_err(|_| Error::Option {
        option: "subject alternative name",
        rule: "must be ASCII".into(),
    })
}

/// Rcgen's own instant is 1970-01-01 plus this.
fn since_epoch(at: Timestamp) -> Result<Duration> {
    u64::try_from(at.as_second())
        .map(Duration::from_secs)
        .map_err(|_| Error::Option {
            option: "time",
            rule: "must not be before 1970".into(),
        })
}
