//! Reads the SPIFFE id of a node from its certificate.
//!
//! The rule is the simplest that can be checked: the certificate has one subject alternative name
//! and no other, a URI of the form `spiffe://<trust domain>/agency/<agency>/node/<node>`. DNS, IP
//! and other names beside it are refused too, because no reader of the ledger should have to ask
//! which of several names was meant.

use hub_core::{
    names::{AgencyId, NodeId},
    reason::Reason,
};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use crate::error::{Error, Result};

/// Agency and node of a certificate (DER).
///
/// # Errors
/// `NODE_IDENTITY_INVALID` with the rule that the certificate breaks.
pub fn parse(certificate: &[u8], trust_domain: &str) -> Result<(AgencyId, NodeId)> {
    let (_, certificate) =
        X509Certificate::from_der(certificate).map_err(|_| invalid("cannot be parsed as X.509"))?;
    let names = certificate
        .subject_alternative_name()
        .map_err(|_| {
            invalid("has more than one subject alternative name extension, or a damaged one")
        })?
        .ok_or_else(|| invalid("has no subject alternative name"))?;
    match names.value.general_names.as_slice() {
        [GeneralName::URI(uri)] => parse_uri(uri, trust_domain),
        [] => Err(invalid("has no subject alternative name")),
        [_] => Err(invalid(
            "has a subject alternative name that is no URI; the one name must be its SPIFFE id",
        )),
        names => Err(invalid(&format!(
            "has {} subject alternative names; it must have exactly one, its SPIFFE id",
            names.len()
        ))),
    }
}

fn parse_uri(uri: &str, trust_domain: &str) -> Result<(AgencyId, NodeId)> {
    let rest = uri
        .strip_prefix("spiffe://")
        .ok_or_else(|| invalid("has a URI that does not start with spiffe://"))?;
    let mut parts = rest.split('/');
    if parts.next() != Some(trust_domain) {
        return Err(invalid(&format!(
            "belongs to another trust domain; this hub's is {trust_domain}"
        )));
    }
    let parts = parts.collect::<Vec<_>>();
    let ["agency", agency, "node", node] = *parts.as_slice() else {
        return Err(invalid(
            "has a SPIFFE id whose path is not /agency/<agency>/node/<node>",
        ));
    };
    let agency = agency
        .parse()
        .map_err(|rule| invalid(&format!("has a bad agency id in its SPIFFE id: {rule}")))?;
    let node = node
        .parse()
        .map_err(|rule| invalid(&format!("has a bad node id in its SPIFFE id: {rule}")))?;
    Ok((agency, node))
}

fn invalid(rule: &str) -> Error {
    Error::new(
        Reason::NodeIdentityInvalid,
        format!("the client certificate {rule}; ask the hub's operator to issue another"),
    )
}

#[cfg(test)]
mod tests {
    use certs::{Ca, LeafSpec};
    use jiff::Timestamp;

    use super::*;

    const DOMAIN: &str = "hub.test.example";

    fn parse_spec(spoil: impl FnOnce(&mut LeafSpec)) -> Result<(AgencyId, NodeId)> {
        let until = Timestamp::from_second(2_000_000_000).unwrap();
        let ca = Ca::generate("test", Timestamp::UNIX_EPOCH, until).unwrap();
        let mut spec = LeafSpec::node(DOMAIN, "tax", "node-1", Timestamp::UNIX_EPOCH, until);
        spoil(&mut spec);
        parse(&ca.issue(&spec).unwrap().certificate_der, DOMAIN)
    }

    #[test]
    fn a_correct_certificate_names_agency_and_node() {
        let (agency, node) = parse_spec(|_| {}).unwrap();
        assert_eq!((agency.as_str(), node.as_str()), ("tax", "node-1"));
    }

    #[test]
    fn each_wrong_name_is_refused_with_its_rule() {
        let refused = |rule: &str, spoil: &dyn Fn(&mut LeafSpec)| {
            let error = parse_spec(spoil).unwrap_err();
            assert_eq!(error.reason, Reason::NodeIdentityInvalid);
            assert!(error.message.contains(rule), "{rule}: {error}");
        };
        refused("no subject alternative name", &|spec| spec.uri_sans.clear());
        refused("2 subject alternative names", &|spec| {
            spec.uri_sans
                .push("spiffe://hub.test.example/agency/tax/node/node-2".into());
        });
        refused("2 subject alternative names", &|spec| {
            spec.dns_sans.push("tax.example".into());
        });
        refused("no URI", &|spec| {
            spec.uri_sans.clear();
            spec.dns_sans.push("tax.example".into());
        });
        for uri in [
            "spiffe://other.example/agency/tax/node/node-1",
            "spiffe://hub.test.example.evil.example/agency/tax/node/node-1",
            "spiffe://HUB.test.example/agency/tax/node/node-1",
            "spiffe://user@hub.test.example/agency/tax/node/node-1",
        ] {
            refused("another trust domain", &|spec| {
                spec.uri_sans = vec![uri.into()]
            });
        }
        for path in [
            "",
            "/agency/tax",
            "/agency/tax/node/node-1/",
            "/agency/tax/node/node-1/x",
            "/hub",
            "//agency/tax/node/node-1",
        ] {
            refused("path is not", &|spec| {
                spec.uri_sans = vec![format!("spiffe://{DOMAIN}{path}")];
            });
        }
        for path in [
            "/agency/Tax/node/n",
            "/agency/tax/node/..",
            "/agency//node/n",
            "/agency/tax/node/n?x=1",
            "/agency/%74ax/node/n",
        ] {
            refused("bad ", &|spec| {
                spec.uri_sans = vec![format!("spiffe://{DOMAIN}{path}")];
            });
        }
        refused("spiffe://", &|spec| {
            spec.uri_sans = vec!["https://hub.test.example/agency/tax/node/node-1".into()];
        });
    }
}
