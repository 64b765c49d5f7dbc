//! What the operator puts in force through files: the charter, and the roster folder with first
//! certificates and token keys. Every such act is an entry of the hub's own on the ledger.
//!
//! The folder: `<agency>/nodes/*.pem`, one certificate each, and `<agency>/token-keys.json`, a JWKS
//! (RFC 7517) of public keys. Files are only ever added to the roster; revoking is a call.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, ensure};
use hub_core::{crypto::sha256, jwk::TokenJwk, names::AgencyId, reason::Reason};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};

use crate::{
    authz::Permit,
    config::Config,
    domain::{Command, members},
    engine::{Engine, Submission},
    error::Error,
    identity::{KeyStanding, NodeStanding, Peer, TokenKey},
    state::{
        keys::{Key, Kind},
        store::Direction,
    },
    tls::TlsReloader,
};

/// Largest file of the roster folder, in bytes.
const FILE_BYTES_MAX: u64 = 256 * 1024;

/// Most files that are looked at.
const FILES_MAX: usize = 10_000;

/// Records the charter file, if the one in force on the ledger is another (JE-002).
///
/// # Errors
/// When the file cannot be read or the ledger fails.
pub async fn adopt_charter(engine: &Engine, path: &Path) -> anyhow::Result<()> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let (from, to) = Key::new(Kind::Charter).range();
    let newest = engine.store().scan(&from, &to, Direction::Backward, 1)?;
    let digest = sha256(&[text.as_bytes()]);
    if newest
        .first()
        .is_some_and(|(_, adopted)| **adopted == digest)
    {
        return Ok(());
    }
    let command = members::Command::AdoptCharter { text };
    record(engine, "/hub.system.v1/AdoptCharter", command).await?;
    tracing::info!(charter = %path.display(), "the charter is in force");
    Ok(())
}

/// Looks at the folder again and again. It ends only when dropped.
pub async fn watch(engine: Arc<Engine>, tls: Arc<TlsReloader>, config: Config, told: Vec<String>) {
    let mut told = told;
    let mut reported = String::new();
    loop {
        tokio::time::sleep(config.reload_interval()).await;
        match import(&engine, &tls, &config).await {
            Ok(left_out) => {
                for text in left_out.iter().filter(|text| !told.contains(text)) {
                    tracing::warn!("{text}");
                }
                told = left_out;
                reported.clear();
            }
            Err(error) => {
                let text = format!("{error:#}");
                if text != reported {
                    tracing::error!(error = %text, "the roster folder cannot be imported");
                    reported = text;
                }
            }
        }
    }
}

/// Enrols what the folder has and the roster has not. Answers what was left out, in words: a folder
/// of an agency that the charter does not know is a slip, and nothing of it goes on the ledger.
///
/// # Errors
/// When the folder cannot be listed, or holds too much; when the hub's storage failed.
pub async fn import(
    engine: &Engine,
    tls: &TlsReloader,
    config: &Config,
) -> anyhow::Result<Vec<String>> {
    let mut left_out = vec![];
    let Some(dir) = &config.roster_dir else {
        return Ok(left_out);
    };
    let mut count = 0_usize;
    for folder in list(dir)? {
        let name = folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let agency: AgencyId = name
            .parse()
            .with_context(|| format!("{}: not an agency's folder", folder.display()))?;
        if engine
            .roster()
            .load_full()
            .charter()
            .agency(&agency)
            .is_none()
        {
            left_out.push(format!(
                "{}: left out, the charter knows no agency {agency}; correct the id, or add the \
                 agency to the charter",
                folder.display()
            ));
            continue;
        }
        let nodes = folder.join("nodes");
        for file in if nodes.is_dir() {
            list(&nodes)?
        } else {
            vec![]
        } {
            count = count.saturating_add(1);
            ensure!(
                count <= FILES_MAX,
                "{}: holds more than {FILES_MAX} files",
                dir.display()
            );
            if file.extension().is_some_and(|extension| extension == "pem") {
                let outcome = import_node(engine, tls, config, &agency, &file).await;
                left_out.extend(at_fault(&file, outcome)?);
            }
        }
        let keys = folder.join("token-keys.json");
        if keys.is_file() {
            match read(&keys).and_then(|file| token_keys(&file)) {
                Ok(found) => left_out.extend(import_keys(engine, &agency, &keys, found).await?),
                Err(error) => left_out.extend(at_fault(&keys, Err(error))?),
            }
        }
    }
    Ok(left_out)
}

/// What is wrong with a file, if anything is; the files beside it are imported all the same.
///
/// # Errors
/// When the hub is at fault, and not the file: it records nothing any more.
fn at_fault(file: &Path, outcome: anyhow::Result<()>) -> anyhow::Result<Option<String>> {
    let Err(error) = outcome else {
        return Ok(None);
    };
    let reason = error.downcast_ref::<Error>().map(|error| error.reason);
    if matches!(reason, Some(Reason::Unavailable | Reason::Internal)) {
        return Err(error.context(format!("{}: cannot be enrolled", file.display())));
    }
    Ok(Some(format!("{}: left out: {error:#}", file.display())))
}

fn list(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut paths = fs::read_dir(dir)
        .with_context(|| format!("{}: cannot be listed", dir.display()))?
        .take(FILES_MAX)
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let length = fs::metadata(path)?.len();
    ensure!(
        length <= FILE_BYTES_MAX,
        "must be at most {FILE_BYTES_MAX} bytes"
    );
    Ok(fs::read(path)?)
}

async fn import_node(
    engine: &Engine,
    tls: &TlsReloader,
    config: &Config,
    agency: &AgencyId,
    file: &Path,
) -> anyhow::Result<()> {
    let der = CertificateDer::from_pem_slice(&read(file)?)
        .map_err(|_| anyhow::anyhow!("must hold one PEM certificate"))?;
    let standing = engine.roster().load_full().node_standing(&sha256(&[&der]));
    if standing != NodeStanding::NotEnrolled {
        return Ok(());
    }
    let peer = Peer::from_certificate(&der, &config.trust_domain)?;
    ensure!(
        peer.agency == *agency,
        "is in the folder of {agency} and names {}",
        peer.agency
    );
    if let Err(rule) = tls.verify_node(&der) {
        // An expired or revoked certificate stays in the folder for good; it is no error.
        tracing::debug!(%agency, rule, "a certificate of the roster folder is not accepted");
        return Ok(());
    }
    let command = members::Command::EnrollNode {
        agency: agency.clone(),
        node: peer.node.clone(),
        certificate: der.to_vec(),
    };
    record(engine, "/hub.system.v1/EnrollNode", command).await?;
    tracing::info!(%agency, node = %peer.node, "enrolled a certificate from the roster folder");
    Ok(())
}

/// Enrols keys of a file. What one of them lacks says nothing of the others.
///
/// # Errors
/// When the hub is at fault, and not the file.
async fn import_keys(
    engine: &Engine,
    agency: &AgencyId,
    file: &Path,
    keys: Vec<anyhow::Result<(TokenJwk, String)>>,
) -> anyhow::Result<Vec<String>> {
    let mut left_out = vec![];
    for (number, key) in keys.into_iter().enumerate() {
        let outcome = match key {
            Ok((jwk, text)) => import_key(engine, agency, &jwk, text).await,
            Err(error) => Err(error),
        };
        let outcome = outcome.with_context(|| format!("keys[{number}]"));
        left_out.extend(at_fault(file, outcome)?);
    }
    Ok(left_out)
}

async fn import_key(
    engine: &Engine,
    agency: &AgencyId,
    jwk: &TokenJwk,
    text: String,
) -> anyhow::Result<()> {
    let standing = engine.roster().load_full().key_standing(agency, jwk.kid());
    if !matches!(standing, KeyStanding::Unknown) {
        return Ok(());
    }
    let command = members::Command::EnrollTokenKey {
        agency: agency.clone(),
        kid: jwk.kid().to_owned(),
        jwk: text,
    };
    record(engine, "/hub.system.v1/EnrollTokenKey", command).await?;
    tracing::info!(%agency, kid = jwk.kid(), "enrolled a token key from the roster folder");
    Ok(())
}

/// The keys of a `token-keys.json`, in its order, each with the text that goes on the ledger. A key that is
/// none for tokens is an error in its place: a set may hold keys of other kinds for other uses
/// (RFC 7517, section 5).
///
/// # Errors
/// When it is no JWKS.
pub fn token_keys(file: &[u8]) -> anyhow::Result<Vec<anyhow::Result<(TokenJwk, String)>>> {
    let set: serde_json::Value = serde_json::from_slice(file)?;
    let keys = set.get("keys").and_then(serde_json::Value::as_array);
    let keys = keys.context("must be a JWKS: an object with an array `keys`")?;
    Ok(keys.iter().map(token_key).collect())
}

fn token_key(value: &serde_json::Value) -> anyhow::Result<(TokenJwk, String)> {
    let text = value.to_string();
    let jwk = TokenJwk::parse(&text)?;
    TokenKey::new(&jwk)?;
    Ok((jwk, text))
}

async fn record(
    engine: &Engine,
    method: &'static str,
    command: members::Command,
) -> anyhow::Result<()> {
    let submission = Submission {
        permit: Permit::hub()?,
        peer: None,
        authored: None,
        method,
        request_ids: vec![],
        command: Command::Members(command),
    };
    engine.submit(submission).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_none_for_tokens_leaves_the_others_of_its_set() {
        let key = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"one"}"#;
        let set = format!(r#"{{"keys":[{key}]}}"#);
        let keys = token_keys(set.as_bytes()).unwrap();
        assert_eq!(keys.len(), 1);
        let set = format!(r#"{{"keys":[{{"kty":"oct"}},{key}]}}"#);
        let mut keys = token_keys(set.as_bytes()).unwrap();
        let (jwk, text) = keys.pop().unwrap().unwrap();
        assert_eq!(jwk.kid(), "one");
        assert_eq!(TokenJwk::parse(&text), Ok(jwk));
        let error = keys.pop().unwrap().unwrap_err().to_string();
        assert!(error.starts_with("must be one JSON object"), "{error}");
        assert!(keys.is_empty());
        let error = token_keys(b"[]").unwrap_err().to_string();
        assert!(error.contains("must be a JWKS"), "{error}");
    }
}
