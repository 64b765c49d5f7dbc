//! A node's client profile, so that nobody types certificate paths.
//!
//! `certs` and `hub pki` write it, the client library reads it; both use this one type. Keep it
//! free of file access: who reads the file knows how to resolve the paths, which are relative to
//! the folder of the profile file.

use serde::{Deserialize, Serialize};

/// File name of a profile within its folder.
pub const PROFILE_FILE: &str = "profile.toml";

/// What a client needs to call the hub as one node of one agency. Unknown keys are refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Where the hub listens, such as `https://127.0.0.1:7443`.
    pub endpoint: String,
    /// Name that the hub's certificate must bear; the endpoint's host when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    /// Trust domain of the SPIFFE ids, such as `hub.shanxi.example`.
    pub trust_domain: String,
    /// The agency's id.
    pub agency: String,
    /// The node's id.
    pub node: String,
    /// The node's certificate, PEM.
    pub certificate: String,
    /// The node's private key, PKCS#8 PEM.
    pub key: String,
    /// The authority that signed the hub's certificate, PEM.
    pub ca: String,
    /// The private key that signs officer tokens, PKCS#8 PEM.
    pub token_key: String,
    /// Key id of `token_key` in the roster: 1 to 64 characters of `A-Z a-z 0-9 . _ -`.
    pub token_kid: String,
    /// Audience of officer tokens.
    pub token_audience: String,
    /// The ledger's verifier key, a C2SP signed-note key in a file.
    pub ledger_key: String,
    /// The officer who acts unless another is named.
    pub officer: String,
    /// The roles under which the officer acts unless others are named; 1 to 16.
    pub roles: Vec<String>,
    /// Folder for what the client must remember, such as the last checkpoint it saw.
    pub state_dir: String,
    /// What restricted records are read for, unless a caller says another: at most 200 characters on one
    /// line. For machines that read for one purpose, such as an agency's office system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
}
