//! `[attachments]` of the settings file. It holds no secrets: keys come from files or from the
//! environment, and are read when the store is opened.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use serde::Deserialize;

/// Default of [`Settings::orphan_hours`].
pub const ORPHAN_HOURS: u32 = 24;

/// Longest time that a file may wait to be named in a notification, in hours (one year).
pub const ORPHAN_HOURS_MAX: u32 = 8_760;

/// `[attachments]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// `local`, the data folder's `attachments`; or `s3://{bucket}` or `s3://{bucket}/{prefix}`.
    pub store: String,
    /// After how many hours what no notification names is removed.
    pub orphan_hours: u32,
    /// Address of an S3-compatible store, such as `https://s3.example`; the region's of AWS
    /// unless given.
    pub endpoint: Option<String>,
    /// Region of the store.
    pub region: String,
    /// File with the access key id; the environment's `AWS_ACCESS_KEY_ID` unless given.
    pub access_key_id_file: Option<PathBuf>,
    /// File with the secret access key; the environment's `AWS_SECRET_ACCESS_KEY` unless given.
    pub secret_access_key_file: Option<PathBuf>,
    /// Authorities of the store's certificate, PEM; the system's unless given.
    pub ca: Option<PathBuf>,
    /// Talk to the store without TLS; for tests only.
    pub allow_http: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            store: "local".into(),
            orphan_hours: ORPHAN_HOURS,
            endpoint: None,
            region: "us-east-1".into(),
            access_key_id_file: None,
            secret_access_key_file: None,
            ca: None,
            allow_http: false,
        }
    }
}

/// Where contents are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the data folder.
    Local,
    /// In a bucket, under a prefix that may be empty.
    S3 {
        /// The bucket.
        bucket: String,
        /// What stands before every key, without slashes at its ends.
        prefix: String,
    },
}

impl Settings {
    /// Where contents are kept.
    ///
    /// # Errors
    /// When the text is none of the forms.
    pub fn place(&self) -> anyhow::Result<Place> {
        if self.store == "local" {
            return Ok(Place::Local);
        }
        let rest = self.store.strip_prefix("s3://").with_context(|| {
            format!(
                "attachments.store: must be \"local\" or s3://bucket/prefix, is \"{}\"",
                self.store
            )
        })?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        ensure!(
            !bucket.is_empty(),
            "attachments.store: s3:// must be followed by a bucket"
        );
        Ok(Place::S3 {
            bucket: bucket.to_owned(),
            prefix: prefix.trim_matches('/').to_owned(),
        })
    }

    /// Checks every rule that needs no store.
    ///
    /// # Errors
    /// With the setting and its rule.
    pub fn check(&self) -> anyhow::Result<()> {
        ensure!(
            (1..=ORPHAN_HOURS_MAX).contains(&self.orphan_hours),
            "attachments.orphan_hours: must be 1 to {ORPHAN_HOURS_MAX}, is {}",
            self.orphan_hours
        );
        if let Some(endpoint) = &self.endpoint {
            let is_plain = endpoint.starts_with("http://");
            ensure!(
                endpoint.starts_with("https://") || is_plain && self.allow_http,
                "attachments.endpoint: must begin with https://"
            );
        }
        self.place().map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_store(store: &str) -> Settings {
        Settings {
            store: store.into(),
            ..Settings::default()
        }
    }

    #[test]
    fn places() {
        assert_eq!(with_store("local").place().unwrap(), Place::Local);
        let bucket = |bucket: &str, prefix: &str| Place::S3 {
            bucket: bucket.into(),
            prefix: prefix.into(),
        };
        assert_eq!(with_store("s3://b").place().unwrap(), bucket("b", ""));
        assert_eq!(
            with_store("s3://b/hub/files/").place().unwrap(),
            bucket("b", "hub/files")
        );
        for wrong in ["", "s3://", "s3:///x", "file:///x", "Local"] {
            let error = with_store(wrong).check().unwrap_err().to_string();
            assert!(error.starts_with("attachments.store: "), "{error}");
        }
    }

    #[test]
    fn orphan_hours_at_the_edge_and_past_it() {
        let with = |orphan_hours| {
            Settings {
                orphan_hours,
                ..Settings::default()
            }
            .check()
        };
        assert!(with(0).is_err());
        assert!(with(1).is_ok());
        assert!(with(ORPHAN_HOURS_MAX).is_ok());
        assert!(with(ORPHAN_HOURS_MAX + 1).is_err());
    }

    #[test]
    fn a_store_without_tls_is_for_tests_only() {
        let mut settings = Settings {
            endpoint: Some("http://127.0.0.1:9".into()),
            ..with_store("s3://b")
        };
        let error = settings.check().unwrap_err().to_string();
        assert!(error.starts_with("attachments.endpoint: "), "{error}");
        settings.allow_http = true;
        settings.check().unwrap();
    }
}
