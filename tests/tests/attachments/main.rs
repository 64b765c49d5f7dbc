//! Attachments over real mTLS: every size, cuts in both directions, a hub that is killed, who may see
//! what, limits, the cleaner, and an S3-compatible store.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test support: a failure here is a failed test"
)]

mod cuts;
mod privacy;
mod proxy;
mod s3;
mod store;
mod wire;

use std::path::Path;

use agency_client::{Client, channels::NotificationDraft};
use hub_core::crypto::{hex, sha256};
use hub_proto::channels::{Attachment, Classification};
use hub_tests::World;

/// The largest file there is.
const FILE_BYTES_MAX: usize = 104_857_600;

/// Bytes that no two places of a file have in common, so that a piece in the wrong place shows.
fn content(length: usize, seed: u64) -> Vec<u8> {
    let mut content = Vec::with_capacity(length + 32);
    let mut number = seed << 32;
    while content.len() < length {
        content.extend_from_slice(&sha256(&[&number.to_be_bytes()]));
        // Hashing each of 100 MiB takes long where nothing is optimised.
        let block = content[content.len() - 32..].to_vec();
        for salt in 0_u32..256 {
            content.extend(block.iter().map(|byte| byte ^ salt.to_le_bytes()[0]));
        }
        number += 1;
    }
    content.truncate(length);
    content
}

/// Publishes as tax's clerk to one agency; gives the notification's name.
async fn publish(
    client: &Client,
    to: &str,
    files: Vec<Attachment>,
) -> agency_client::Result<String> {
    let mut draft = NotificationDraft::to([to])
        .category("coordination")
        .title("附件")
        .classification(Classification::Internal);
    for file in files {
        draft = draft.attach(file);
    }
    let published = client.channels().publish(draft).await?;
    Ok(published.response.notification.unwrap().name)
}

/// Uploads bytes.
async fn put(client: &Client, content: impl Into<bytes::Bytes>) -> Attachment {
    let files = client.attachments();
    let upload = files.upload_bytes("a.bin", "text/plain", content, |_| {});
    upload.await.unwrap()
}

/// Downloads into a folder and holds it against what it has to be.
async fn expect_file(client: &Client, name: &str, file: &Attachment, folder: &Path, is: &[u8]) {
    let path = folder.join("downloaded");
    let files = client.attachments();
    files.download(name, file, &path, |_| {}).await.unwrap();
    assert!(std::fs::read(&path).unwrap() == is, "another content");
    assert!(!folder.join("downloaded.part").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_every_size_come_back_as_they_were() {
    let world = World::start().await;
    let (tax, health) = (world.clerk("tax"), world.clerk("health"));
    let folder = tempfile::tempdir().unwrap();
    let sizes = [
        1,
        65_536,
        65_537,
        262_144,
        524_289,
        1_048_577,
        FILE_BYTES_MAX,
    ];
    for (seed, size) in sizes.into_iter().enumerate() {
        let content = content(size, seed as u64);
        let source = folder.path().join("报告.pdf");
        std::fs::write(&source, &content).unwrap();
        let file = tax.attachments().upload(&source, |_| {}).await.unwrap();
        assert_eq!(file.file_name, "报告.pdf");
        assert_eq!(file.media_type, "application/pdf");
        assert_eq!(file.sha256, hex(&sha256(&[&content])));
        let name = publish(&tax, "health", vec![file.clone()]).await.unwrap();
        let seen = health.channels().notification(&name).await.unwrap();
        let seen = seen.notification.unwrap().attachments;
        assert_eq!(seen, [file]);
        expect_file(&health, &name, &seen[0], folder.path(), &content).await;
        expect_file(&tax, &name, &seen[0], folder.path(), &content).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_is_told_up_to_the_end() {
    use agency_client::attachments::{Phase, Progress};
    use std::sync::{Arc, Mutex};

    let world = World::start().await;
    let tax = world.clerk("tax");
    let folder = tempfile::tempdir().unwrap();
    let content = content(3 << 20, 1);
    let source = folder.path().join("a.bin");
    std::fs::write(&source, &content).unwrap();
    let told: Arc<Mutex<Vec<Progress>>> = Arc::default();
    let listen = || {
        let told = Arc::clone(&told);
        move |progress| told.lock().unwrap().push(progress)
    };
    let ends = |phase| {
        let told = told.lock().unwrap();
        let of_phase: Vec<u64> = told
            .iter()
            .filter(|one| one.phase == phase)
            .map(|one| one.done_bytes)
            .collect();
        assert!(of_phase.len() > 2 && of_phase.is_sorted(), "{of_phase:?}");
        assert_eq!(of_phase.last(), Some(&(3 << 20)));
    };
    let file = tax.attachments().upload(&source, listen()).await.unwrap();
    ends(Phase::Hashing);
    ends(Phase::Transferring);
    told.lock().unwrap().clear();
    let name = publish(&tax, "health", vec![file.clone()]).await.unwrap();
    let path = folder.path().join("b.bin");
    let files = tax.attachments();
    files.download(&name, &file, &path, listen()).await.unwrap();
    ends(Phase::Transferring);
    ends(Phase::Hashing);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_begun_with_another_file_is_fetched_anew() {
    let world = World::start().await;
    let tax = world.clerk("tax");
    let folder = tempfile::tempdir().unwrap();
    let content = content(100_000, 1);
    let file = put(&tax, content.clone()).await;
    let name = publish(&tax, "health", vec![file.clone()]).await.unwrap();
    for left in [&b"of something else"[..], &[7; 100_000], &[7; 100_001]] {
        std::fs::write(folder.path().join("downloaded.part"), left).unwrap();
        expect_file(&tax, &name, &file, folder.path(), &content).await;
    }
    // A right beginning is kept.
    std::fs::write(folder.path().join("downloaded.part"), &content[..70_000]).unwrap();
    expect_file(&tax, &name, &file, folder.path(), &content).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_in_place_of_a_part_leads_nowhere() {
    let world = World::start().await;
    let tax = world.clerk("tax");
    let folder = tempfile::tempdir().unwrap();
    let file = put(&tax, content(100, 1)).await;
    let name = publish(&tax, "health", vec![file.clone()]).await.unwrap();
    let precious = folder.path().join("precious");
    std::fs::write(&precious, "text").unwrap();
    std::os::unix::fs::symlink(&precious, folder.path().join("a.part")).unwrap();
    let path = folder.path().join("a");
    let error = tax
        .attachments()
        .download(&name, &file, &path, |_| ())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("no plain file"), "{error}");
    assert_eq!(std::fs::read_to_string(&precious).unwrap(), "text");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_cannot_be_attached_are_refused_here() {
    let world = World::start().await;
    let tax = world.clerk("tax");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large");
    let file = std::fs::File::create(&path).unwrap();
    let refused = async || {
        let error = tax.attachments().upload(&path, |_| {}).await.unwrap_err();
        error.to_string()
    };
    assert!(
        refused()
            .await
            .contains("must have 1 to 104857600 bytes, has 0")
    );
    file.set_len(FILE_BYTES_MAX as u64 + 1).unwrap();
    assert!(refused().await.contains("has 104857601"));
    std::fs::remove_file(&path).unwrap();
    assert!(refused().await.contains("large: "));
    let files = tax.attachments();
    let empty = files.upload_bytes("a", "text/plain", "", |_| {}).await;
    assert!(empty.is_err());
}
