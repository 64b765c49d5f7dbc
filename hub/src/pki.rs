//! `hub pki`: the operator's commands over a PKI folder. The work is done by the `certs` crate.

use std::{io::Write, path::PathBuf};

use anyhow::Context as _;
use certs::{InitOptions, IssueOptions, KeyKind, Pki, Reason, Record, Selector};
use clap::{Args, Subcommand, ValueEnum};
use jiff::{SignedDuration, Timestamp};
use unicode_width::UnicodeWidthStr as _;

/// Makes and revokes the certificates of the hub and its nodes.
#[derive(Debug, Subcommand)]
pub enum PkiCommand {
    /// Make an authority, the hub's certificate, the ledger's key and an empty revocation list.
    Init(Init),
    /// Issue a certificate to an agency's node, with a client profile.
    Issue(Issue),
    /// Revoke a certificate and write the revocation list.
    Revoke(Revoke),
    /// Show what was issued.
    List(Common),
    /// Write the revocation list anew before it expires.
    RefreshCrl(Common),
    /// Renew the hub's certificate with a new key.
    RenewHub(RenewHub),
}

/// What every command takes.
#[derive(Debug, Args)]
pub struct Common {
    /// Folder of the PKI.
    #[arg(long, env = "HUB_PKI", default_value = "pki")]
    pub pki: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Options of `init`.
#[derive(Debug, Args)]
pub struct Init {
    /// What every command takes.
    #[command(flatten)]
    pub common: Common,
    /// Trust domain of the SPIFFE ids, such as hub.shanxi.example.
    #[arg(long)]
    pub trust_domain: String,
    /// Origin of the ledger's checkpoints; the trust domain unless given.
    #[arg(long)]
    pub origin: Option<String>,
    /// DNS name or IP address of the hub; repeat for each.
    #[arg(long = "san", default_values = ["localhost", "127.0.0.1", "::1"])]
    pub sans: Vec<String>,
    /// Life of the authority, in days.
    #[arg(long, default_value_t = certs::pki::CA_DAYS)]
    pub ca_days: u32,
    /// Life of the hub's certificate, in days.
    #[arg(long, default_value_t = certs::pki::LEAF_DAYS)]
    pub hub_days: u32,
    /// Life of a revocation list, in days. The hub refuses everyone once it is over.
    #[arg(long, default_value_t = certs::pki::CRL_DAYS)]
    pub crl_days: u32,
}

/// Kind of a node's key.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Key {
    /// ECDSA P-256; every TLS library takes it.
    P256,
    /// Ed25519; gRPC for Python 1.85 takes it, older TLS libraries may refuse it.
    Ed25519,
}

/// Options of `issue`.
#[derive(Debug, Args)]
pub struct Issue {
    /// What every command takes.
    #[command(flatten)]
    pub common: Common,
    /// The agency's id in the charter.
    pub agency: String,
    /// The node's id.
    #[arg(default_value = "node-1")]
    pub node: String,
    /// Kind of key.
    #[arg(long, value_enum, default_value = "p256")]
    pub key: Key,
    /// Life of the certificate, in days.
    #[arg(long, default_value_t = certs::pki::LEAF_DAYS,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(certs::pki::DAYS_MAX)))]
    pub days: u32,
    /// Where the node will find the hub.
    #[arg(long, default_value = "https://127.0.0.1:7443")]
    pub endpoint: String,
    /// Name in the hub's certificate, where the endpoint's host is not in it.
    #[arg(long)]
    pub server_name: Option<String>,
    /// The officer who acts unless another is named.
    #[arg(long)]
    pub officer: Option<String>,
    /// The roles under which the officer acts unless others are named; repeat for each.
    #[arg(long = "role", default_values = ["clerk"])]
    pub roles: Vec<String>,
    /// Write only the certificate and its key, no profile.
    #[arg(long)]
    pub no_profile: bool,
    /// Renew the node's certificate in its profile; the old files stay beside the new ones.
    #[arg(long)]
    pub replace: bool,
}

/// Options of `revoke`.
#[derive(Debug, Args)]
pub struct Revoke {
    /// What every command takes.
    #[command(flatten)]
    pub common: Common,
    /// Serial number in hex, or agency/node for every certificate of that node.
    pub certificate: Selector,
    /// unspecified, key-compromise, affiliation-changed, superseded, cessation-of-operation or
    /// privilege-withdrawn.
    #[arg(long)]
    pub reason: Reason,
}

/// Options of `renew-hub`.
#[derive(Debug, Args)]
pub struct RenewHub {
    /// What every command takes.
    #[command(flatten)]
    pub common: Common,
    /// DNS name or IP address of the hub; repeat for each.
    #[arg(long = "san", required = true)]
    pub sans: Vec<String>,
    /// Life of the certificate, in days.
    #[arg(long, default_value_t = certs::pki::LEAF_DAYS)]
    pub days: u32,
}

impl PkiCommand {
    /// Runs the command; its output goes to standard output.
    ///
    /// # Errors
    /// When an option breaks a rule or a file cannot be read or written; the text says what to do.
    pub fn run(self) -> anyhow::Result<()> {
        self.run_to(&mut std::io::stdout().lock())
    }

    /// Runs the command; its output goes to a writer.
    ///
    /// # Errors
    /// As [`Self::run`], or when the writer fails.
    pub fn run_to(self, out: &mut dyn Write) -> anyhow::Result<()> {
        match self {
            Self::Init(init) => init.run(out),
            Self::Issue(issue) => issue.run(out),
            Self::Revoke(revoke) => {
                let mut pki = revoke.common.open()?;
                let records = pki.revoke(&revoke.certificate, revoke.reason)?;
                print_records(&records, revoke.common.json, out)
            }
            Self::List(common) => print_records(common.open()?.list(), common.json, out),
            Self::RefreshCrl(common) => {
                let until = common.open()?.refresh_crl()?;
                match common.json {
                    true => writeln!(out, r#"{{"next_update_at":"{until}"}}"#)?,
                    false => writeln!(out, "The revocation list is good until {until}.")?,
                }
                Ok(())
            }
            Self::RenewHub(renew) => {
                let mut pki = renew.common.open()?;
                pki.renew_hub(&renew.sans, renew.days)?;
                let file = pki.folder().join("hub/hub.pem");
                match renew.common.json {
                    true => writeln!(out, "{}", serde_json::json!({ "certificate": file }))?,
                    false => writeln!(out, "The hub's new certificate is {}.", file.display())?,
                }
                Ok(())
            }
        }
    }
}

impl Common {
    fn open(&self) -> anyhow::Result<Pki> {
        Ok(Pki::open(&self.pki)?)
    }
}

impl Init {
    fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        let pki = Pki::init(
            &self.common.pki,
            &InitOptions {
                origin: self.origin.unwrap_or_else(|| self.trust_domain.clone()),
                trust_domain: self.trust_domain,
                hub_sans: self.sans,
                ca_days: self.ca_days,
                hub_days: self.hub_days,
                crl_days: self.crl_days,
            },
        )?;
        let folder = pki.folder();
        if self.common.json {
            let json = serde_json::json!({
                "pki": folder, "trust_domain": pki.trust_domain(), "origin": pki.origin(),
            });
            writeln!(out, "{json}")?;
            return Ok(());
        }
        writeln!(
            out,
            "Made a PKI for {} in {}.",
            pki.trust_domain(),
            folder.display()
        )?;
        writeln!(
            out,
            "Keep ca/ca.key and hub/ledger.key off every other machine."
        )?;
        writeln!(
            out,
            "Next: hub pki issue --pki {} <agency> <node>",
            folder.display()
        )?;
        Ok(())
    }
}

impl Issue {
    fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        let mut pki = self.common.open()?;
        let life = SignedDuration::from_hours(i64::from(self.days) * 24);
        // Certificates count in whole seconds.
        let not_after_at = Timestamp::now()
            .round(jiff::Unit::Second)
            .and_then(|now| now.checked_add(life))
            .context("--days: the end of validity is out of the calendar's range")?;
        let issued = pki.issue(&IssueOptions {
            key_kind: match self.key {
                Key::P256 => KeyKind::P256,
                Key::Ed25519 => KeyKind::Ed25519,
            },
            not_before_at: None,
            not_after_at: Some(not_after_at),
            profile: !self.no_profile,
            replace: self.replace,
            hub_endpoint: self.endpoint,
            server_name: self.server_name,
            officer: self.officer,
            roles: self.roles,
            agency: self.agency,
            node: self.node,
        })?;
        if self.common.json {
            let json = serde_json::json!({
                "record": issued.record, "spiffe_id": issued.spiffe_id, "key": issued.key_file,
                "roster": issued.roster_file, "profile": issued.profile_file,
            });
            writeln!(out, "{json}")?;
            return Ok(());
        }
        writeln!(out, "Issued {}", issued.spiffe_id)?;
        writeln!(out, "  serial   {}", issued.record.serial)?;
        writeln!(out, "  until    {}", issued.record.not_after_at)?;
        writeln!(out, "  key      {}", issued.key_file.display())?;
        if let Some(profile) = &issued.profile_file {
            writeln!(out, "  profile  {}", profile.display())?;
        }
        writeln!(out, "  roster   {}", issued.roster_file.display())?;
        writeln!(
            out,
            "Hand the profile's folder to the agency by a safe way, then delete it here."
        )?;
        Ok(())
    }
}

fn print_records(records: &[Record], json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(records)?)?;
        return Ok(());
    }
    let heading = ["AGENCY", "NODE", "SERIAL", "UNTIL", "REVOKED"].map(str::to_owned);
    let rows = records.iter().map(|record| {
        [
            record.agency.clone(),
            record.node.clone(),
            record.serial.clone(),
            record.not_after_at.to_string(),
            record.revoked_at.map_or_else(
                || "-".into(),
                |at| format!("{at} {}", record.reason.unwrap_or_default()),
            ),
        ]
    });
    print_table(std::iter::once(heading).chain(rows).collect(), out)
}

/// Columns as wide as their widest cell, two spaces between them.
fn print_table(rows: Vec<[String; 5]>, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut widths = [0; 5];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.width().max(*width);
        }
    }
    for row in &rows {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(row) {
            line.push_str(cell);
            line.push_str(&" ".repeat(width.saturating_sub(cell.width()) + 2));
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(subcommand)]
        command: PkiCommand,
    }

    fn run(line: &str) -> anyhow::Result<String> {
        let arguments = std::iter::once("hub-pki").chain(line.split_whitespace());
        let mut out = vec![];
        Line::try_parse_from(arguments)?.command.run_to(&mut out)?;
        Ok(String::from_utf8(out)?)
    }

    #[test]
    fn an_operator_inits_issues_lists_and_revokes() {
        let folder = tempfile::tempdir().unwrap();
        let pki = format!("--pki {}", folder.path().join("pki").display());
        let error = run(&format!("list {pki}")).unwrap_err().to_string();
        assert!(error.contains("hub pki init"), "{error}");
        run(&format!("init {pki} --trust-domain hub.test.example")).unwrap();
        let issued = run(&format!("issue {pki} tax node-1 --key ed25519 --json")).unwrap();
        let issued: serde_json::Value = serde_json::from_str(&issued).unwrap();
        let serial = issued["record"]["serial"].as_str().unwrap().to_owned();
        assert_eq!(
            issued["spiffe_id"],
            "spiffe://hub.test.example/agency/tax/node/node-1"
        );
        let until = issued["record"]["not_after_at"].as_str().unwrap();
        assert!(!until.contains('.'), "whole seconds: {until}");
        let table = run(&format!("list {pki}")).unwrap();
        assert!(
            table.contains(&serial) && !table.contains("superseded"),
            "{table}"
        );
        run(&format!("revoke {pki} {serial} --reason superseded")).unwrap();
        let table = run(&format!("list {pki}")).unwrap();
        assert!(table.contains("superseded"), "{table}");
        let error = run(&format!("revoke {pki} {serial} --reason bored")).unwrap_err();
        assert!(error.to_string().contains("key-compromise"), "{error}");
        run(&format!("refresh-crl {pki}")).unwrap();
        run(&format!("renew-hub {pki} --san localhost")).unwrap();
    }
}
