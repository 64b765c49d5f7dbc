//! Where contents are kept: one object a content, `sha256/{2 digits}/{64 digits}`, in a folder or in
//! an S3-compatible bucket.
//!
//! Invariant: what is under a content's key has been verified against it before it was put there.

use std::{
    fmt,
    fs::File,
    io::Read as _,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use bytes::Bytes;
use futures::{StreamExt as _, stream::BoxStream};
use hub_core::crypto::{Digest, hex, parse_digest};
use jiff::Timestamp;
use object_store::{
    Certificate, ClientOptions, ObjectStore, ObjectStoreExt as _, PutPayload, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder},
    local::LocalFileSystem,
    path::Path as Key,
    prefix::PrefixStore,
};

use super::settings::{Place, Settings};
use crate::error::{Error, Result};

/// What is sent to a bucket in one go, in bytes. S3 demands at least 5 MiB for all parts but the last.
const PART_BYTES: usize = 8 * 1024 * 1024;

/// Longest time that one request to a bucket may take.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(30);

/// How often a request that failed for the moment is made again.
const RETRIES_MAX: usize = 3;

/// No request is made again after this time: the caller is told that the store is away.
const RETRY_TIME_MAX: Duration = Duration::from_secs(10);

/// Largest file with a key of the store, in bytes.
const KEY_FILE_BYTES_MAX: u64 = 4_096;

/// When a call may try again after the store failed.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// The store.
pub(super) struct Contents {
    store: Arc<dyn ObjectStore>,
    /// The folder, where it is one.
    local: Option<PathBuf>,
}

/// A content that is there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listed {
    pub(super) digest: Digest,
    pub(super) put_at: Timestamp,
    pub(super) size_bytes: u64,
}

impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contents")
            .field("local", &self.local)
            .finish_non_exhaustive()
    }
}

fn key(digest: &Digest) -> Key {
    let digits = hex(digest);
    let fan: String = digits.chars().take(2).collect();
    Key::from_iter(["sha256".to_owned(), fan, digits])
}

fn failed(error: &object_store::Error) -> Error {
    Error {
        context: Some(format!("the store of attachments failed: {error}")),
        ..Error::unavailable("the store of attachments does not answer", RETRY_AFTER)
    }
}

impl Contents {
    /// Opens the store. A folder is made; a bucket must be there, and is not asked now, so that the
    /// hub starts while its store is away.
    pub(super) fn open(settings: &Settings, folder: &Path) -> anyhow::Result<Self> {
        match settings.place()? {
            Place::Local => {
                make_folder(folder)?;
                let store = LocalFileSystem::new_with_prefix(folder)
                    .with_context(|| folder.display().to_string())?;
                Ok(Self {
                    store: Arc::new(store),
                    local: Some(folder.to_owned()),
                })
            }
            Place::S3 { bucket, prefix } => {
                let s3 = bucket_of(settings, &bucket).context("attachments")?;
                let store: Arc<dyn ObjectStore> = if prefix.is_empty() {
                    Arc::new(s3)
                } else {
                    Arc::new(PrefixStore::new(s3, prefix.as_str()))
                };
                Ok(Self { store, local: None })
            }
        }
    }

    /// The path of a content, where the store is a folder.
    pub(super) fn local_path(&self, digest: &Digest) -> Option<PathBuf> {
        let folder = self.local.as_ref()?;
        Some(folder.join(key(digest).as_ref()))
    }

    /// Sends a verified file to the bucket. It is sent even if the content is there: it must not
    /// show, by the time that this takes, that somebody else has it. The same bytes replace the same.
    pub(super) async fn send(&self, digest: &Digest, file: &Path, size: u64) -> Result<()> {
        let mut reader = Reader::open(file.to_owned()).await?;
        if size <= u64::try_from(PART_BYTES).unwrap_or(u64::MAX) {
            let payload = PutPayload::from_bytes(reader.next().await?);
            let put = self.store.put(&key(digest), payload).await;
            return put.map(drop).map_err(|error| failed(&error));
        }
        let upload = self.store.put_multipart(&key(digest)).await;
        let mut upload = upload.map_err(|error| failed(&error))?;
        let sent = async {
            loop {
                let part = reader.next().await?;
                if part.is_empty() {
                    break;
                }
                let sent = upload.put_part(PutPayload::from_bytes(part)).await;
                sent.map_err(|error| failed(&error))?;
            }
            let complete = upload.complete().await;
            complete.map(drop).map_err(|error| failed(&error))
        }
        .await;
        if sent.is_err()
            && let Err(error) = upload.abort().await
        {
            tracing::warn!(%error, "parts of an attachment are left in the bucket; its lifecycle rule removes them");
        }
        sent
    }

    /// Size of a content, if it is there.
    pub(super) async fn size(&self, digest: &Digest) -> Result<Option<u64>> {
        match self.store.head(&key(digest)).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed(&error)),
        }
    }

    /// Part of a content; nothing when it is not there.
    pub(super) async fn read(&self, digest: &Digest, from: u64, to: u64) -> Result<Option<Bytes>> {
        match self.store.get_range(&key(digest), from..to).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed(&error)),
        }
    }

    /// Removes a content, which may be gone already.
    pub(super) async fn remove(&self, digest: &Digest) -> Result<()> {
        match self.store.delete(&key(digest)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed(&error)),
        }
    }

    /// Every content, page by page. What is no content of ours is passed over.
    pub(super) fn list(&self) -> BoxStream<'static, Result<Listed>> {
        let listed = self.store.list(Some(&Key::from("sha256")));
        let contents = listed.filter_map(|meta| async move {
            let meta = match meta {
                Ok(meta) => meta,
                // A folder of which nothing is there yet.
                Err(object_store::Error::NotFound { .. }) => return None,
                Err(error) => return Some(Err(failed(&error))),
            };
            let digest = parse_digest(meta.location.filename()?)?;
            let put_at = Timestamp::from_microsecond(meta.last_modified.timestamp_micros()).ok()?;
            (key(&digest) == meta.location).then_some(Ok(Listed {
                digest,
                put_at,
                size_bytes: meta.size,
            }))
        });
        contents.boxed()
    }
}

/// A folder for the hub's own user only.
pub(super) fn make_folder(path: &Path) -> anyhow::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("{}: cannot be made", path.display()))
}

fn bucket_of(settings: &Settings, bucket: &str) -> anyhow::Result<AmazonS3> {
    let id = secret(settings.access_key_id_file.as_deref(), "AWS_ACCESS_KEY_ID")?;
    let key = secret(
        settings.secret_access_key_file.as_deref(),
        "AWS_SECRET_ACCESS_KEY",
    )?;
    let mut client = ClientOptions::new()
        .with_timeout(REQUEST_TIME_MAX)
        .with_allow_http(settings.allow_http);
    if let Some(path) = &settings.ca {
        let pem = std::fs::read(path).with_context(|| path.display().to_string())?;
        for certificate in Certificate::from_pem_bundle(&pem)? {
            client = client.with_root_certificate(certificate);
        }
    }
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(bucket)
        .with_region(&settings.region)
        .with_access_key_id(id)
        .with_secret_access_key(key)
        .with_client_options(client)
        .with_retry(RetryConfig {
            max_retries: RETRIES_MAX,
            retry_timeout: RETRY_TIME_MAX,
            ..RetryConfig::default()
        })
        // Not every compatible store can delete many at once.
        .with_disable_bulk_delete(true);
    if let Some(endpoint) = &settings.endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    Ok(builder.build()?)
}

/// A key from a file, or from the environment.
fn secret(file: Option<&Path>, variable: &str) -> anyhow::Result<String> {
    let Some(path) = file else {
        return std::env::var(variable)
            .ok()
            .filter(|value| !value.is_empty())
            .with_context(|| format!("needs a key file, or {variable} in the environment"));
    };
    let shown = path.display();
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(KEY_FILE_BYTES_MAX).read_to_string(&mut text))
        .with_context(|| format!("{shown}: cannot be read"))?;
    let text = text.trim();
    anyhow::ensure!(!text.is_empty(), "{shown}: is empty");
    Ok(text.to_owned())
}

/// Reads a file part by part, off the async threads.
struct Reader(Arc<std::sync::Mutex<File>>);

impl Reader {
    async fn open(path: PathBuf) -> Result<Self> {
        super::blocking(move || {
            let file = File::open(&path).map_err(super::disk("open", &path))?;
            Ok(Self(Arc::new(std::sync::Mutex::new(file))))
        })
        .await
    }

    /// The next part; empty at the end.
    async fn next(&mut self) -> Result<Bytes> {
        let file = Arc::clone(&self.0);
        super::blocking(move || {
            let file = file
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            let mut part = Vec::new();
            let limit = u64::try_from(PART_BYTES).unwrap_or(u64::MAX);
            let read = (&*file).take(limit).read_to_end(&mut part);
            read.map_err(|error| Error::internal(format!("an upload cannot be read: {error}")))?;
            Ok(part.into())
        })
        .await
    }
}
