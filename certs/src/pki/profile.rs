//! The files of one node: its profile folder, or its bare key, and the agency's token key.

use std::path::{Path, PathBuf};

use hub_core::{
    crypto::{SigningKey, generate_ed25519_pkcs8},
    jwk::TokenJwk,
    names::{OfficerId, RoleId},
    profile::{PROFILE_FILE, Profile},
};

use super::{IssueOptions, Pki, check_id, set_aside};
use crate::{
    Error, Result,
    ca::Leaf,
    files::{io, pem, private_folder, public_folder, read_key, read_text, write_key, write_public},
    index::Record,
};

/// Most roles of a profile, as of a token.
const ROLES_MAX: usize = 16;

const IN_THE_WAY: &str =
    "pass --replace to renew this node's certificate, or choose another node id";

/// Checks what goes into a profile.
pub(super) fn check(options: &IssueOptions) -> Result<()> {
    if let Some(officer) = &options.officer {
        check_id::<OfficerId>("officer", officer)?;
    }
    for role in &options.roles {
        check_id::<RoleId>("roles", role)?;
    }
    if !(1..=ROLES_MAX).contains(&options.roles.len()) {
        return Err(Error::Option {
            option: "roles",
            rule: format!("must be 1 to {ROLES_MAX} role ids"),
        });
    }
    if !options.hub_endpoint.starts_with("https://") {
        return Err(Error::Option {
            option: "hub_endpoint",
            rule: "must start with https://".into(),
        });
    }
    Ok(())
}

/// Where the files go.
pub(super) struct Place {
    folder: PathBuf,
    /// The profile there is this node's own, and is to be renewed.
    renews: bool,
}

/// Finds the folder and refuses early when something is in the way.
pub(super) fn place(pki: &Pki, options: &IssueOptions) -> Result<Place> {
    if !options.profile {
        return Ok(Place {
            folder: pki.folder().join("keys").join(&options.agency),
            renews: false,
        });
    }
    let profiles = pki.folder().join("profiles");
    // An id has no dot, so that the two names can never be another agency's.
    let candidates = [
        profiles.join(&options.agency),
        profiles.join(format!("{}.{}", options.agency, options.node)),
    ];
    for folder in candidates {
        let file = folder.join(PROFILE_FILE);
        if !file.exists() {
            return Ok(Place {
                folder,
                renews: false,
            });
        }
        if read_profile(&file)?.node == options.node {
            if options.replace {
                return Ok(Place {
                    folder,
                    renews: true,
                });
            }
            return Err(Error::Exists {
                path: file,
                remedy: IN_THE_WAY,
            });
        }
    }
    Err(Error::Exists {
        path: profiles.join(format!("{}.{}", options.agency, options.node)),
        remedy: IN_THE_WAY,
    })
}

/// Writes the node's files; gives the key's file and the profile's.
pub(super) fn write(
    pki: &Pki,
    options: &IssueOptions,
    place: &Place,
    record: &Record,
    leaf: &Leaf,
) -> Result<(PathBuf, Option<PathBuf>)> {
    let folder = &place.folder;
    private_folder(folder)?;
    if !options.profile {
        let stem = format!("{}-{}", record.node, record.serial);
        let key_file = folder.join(format!("{stem}.key"));
        write_key(&key_file, leaf.key_pem.as_bytes(), IN_THE_WAY)?;
        write_public(
            &folder.join(format!("{stem}.pem")),
            leaf.certificate_pem.as_bytes(),
        )?;
        return Ok((key_file, None));
    }
    if place.renews {
        set_aside(folder, "node")?;
    }
    let key_file = folder.join("node.key");
    write_key(&key_file, leaf.key_pem.as_bytes(), IN_THE_WAY)?;
    write_public(&folder.join("node.pem"), leaf.certificate_pem.as_bytes())?;
    copy(&pki.folder().join("ca/ca.pem"), &folder.join("ca.pem"))?;
    copy(
        &pki.folder().join("hub/ledger.vkey"),
        &folder.join("ledger.vkey"),
    )?;
    let jwk = token_key(pki, options, folder)?;
    let profile_file = folder.join(PROFILE_FILE);
    if !place.renews {
        write_profile(&profile_file, &profile(pki, options, &jwk))?;
    }
    Ok((key_file, Some(profile_file)))
}

/// The agency's token key: the one in this profile, else the one of its first profile, else new.
fn token_key(pki: &Pki, options: &IssueOptions, folder: &Path) -> Result<TokenJwk> {
    let own = folder.join("token.key");
    let first = pki
        .folder()
        .join("profiles")
        .join(&options.agency)
        .join("token.key");
    let der = if own.exists() {
        read_key(&own)?
    } else {
        let der = if first.exists() {
            read_key(&first)?
        } else {
            generate_ed25519_pkcs8()?
        };
        let text = pem("PRIVATE KEY", &der);
        write_key(&own, text.as_bytes(), "keep the key that is there")?;
        der
    };
    let public = SigningKey::from_pkcs8(&der)?.public_key();
    let jwk = TokenJwk::ed25519(public.try_into().map_err(|_| Error::Damaged {
        path: own,
        rule: "must be an Ed25519 key".into(),
    })?);
    add_to_roster(pki, &options.agency, &jwk)?;
    Ok(jwk)
}

fn add_to_roster(pki: &Pki, agency: &str, jwk: &TokenJwk) -> Result<()> {
    let folder = pki.folder().join("roster").join(agency);
    public_folder(&folder)?;
    let file = folder.join("token-keys.json");
    let damaged = |rule: String| Error::Damaged {
        path: file.clone(),
        rule,
    };
    let mut keys: Vec<serde_json::Value> = if file.exists() {
        serde_json::from_str::<serde_json::Value>(&read_text(&file)?)
            .ok()
            .and_then(|set| set.get("keys")?.as_array().cloned())
            .ok_or_else(|| damaged("must be a JWK set: an object with an array keys".into()))?
    } else {
        vec![]
    };
    if keys
        .iter()
        .any(|key| key.get("kid").and_then(|kid| kid.as_str()) == Some(jwk.kid()))
    {
        return Ok(());
    }
    keys.push(jwk.to_json());
    let text = serde_json::to_string_pretty(&serde_json::json!({ "keys": keys }))
        .map_err(|error| damaged(error.to_string()))?;
    write_public(&file, format!("{text}\n").as_bytes())
}

fn profile(pki: &Pki, options: &IssueOptions, jwk: &TokenJwk) -> Profile {
    Profile {
        endpoint: options.hub_endpoint.clone(),
        server_name: options.server_name.clone(),
        trust_domain: pki.trust_domain().to_owned(),
        agency: options.agency.clone(),
        node: options.node.clone(),
        certificate: "node.pem".into(),
        key: "node.key".into(),
        ca: "ca.pem".into(),
        token_key: "token.key".into(),
        token_kid: jwk.kid().to_owned(),
        token_audience: pki.trust_domain().to_owned(),
        ledger_key: "ledger.vkey".into(),
        officer: options
            .officer
            .clone()
            .unwrap_or_else(|| format!("{}-clerk-1", options.agency)),
        roles: options.roles.clone(),
        state_dir: "state".into(),
        purpose: None,
    }
}

fn read_profile(path: &Path) -> Result<Profile> {
    toml::from_str(&read_text(path)?).map_err(|error| Error::Damaged {
        path: path.to_owned(),
        rule: error.to_string(),
    })
}

fn write_profile(path: &Path, profile: &Profile) -> Result<()> {
    let text = toml::to_string(profile).map_err(|error| Error::Damaged {
        path: path.to_owned(),
        rule: error.to_string(),
    })?;
    let text = format!("# Profile of one node. Paths are relative to this file's folder.\n{text}");
    write_public(path, text.as_bytes())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    write_public(to, &std::fs::read(from).map_err(io(from))?)
}
