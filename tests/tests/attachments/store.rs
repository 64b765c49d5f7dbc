//! What is kept and what goes, in a folder and in an S3-compatible store.

use std::{path::PathBuf, sync::Arc, time::Duration};

use agency_client::Client;
use hub_core::reason::Reason;

use hub::{
    backup::{
        BackupOptions, backup,
        restore::{RestoreOptions, restore},
    },
    clock::{Clock as _, ManualClock, SystemClock},
    server,
};
use hub_tests::{
    Site, World, charter_file,
    raw::{
        eventually,
        requests::files::{attachment, upload_as},
    },
};

use super::{content, expect_file, publish, put, s3};

/// A day and an hour, in microseconds.
const DAY_AND_HOUR_US: i64 = 25 * 3_600_000_000;

fn path(site: &Site, content: &[u8]) -> PathBuf {
    let digits = attachment(content).sha256;
    let folder = site.data_dir().join("attachments/sha256");
    folder.join(&digits[..2]).join(digits)
}

/// A hub that starts on a later day cleans at once; it is stopped when the condition holds.
async fn clean_a_day_later(site: &Site, is_clean: impl Fn() -> bool) {
    let clock = ManualClock::at(SystemClock.now());
    clock.advance_us(DAY_AND_HOUR_US);
    let later = server::start_with_clock(&site.config(), Arc::new(clock)).await;
    eventually("the orphan is gone", async || is_clean()).await;
    later.unwrap().stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_later_what_is_named_is_there_and_what_is_not_is_gone() {
    let mut world = World::start().await;
    let folder = tempfile::tempdir().unwrap();
    let named = upload_as(&world, "tax", "clerk", b"named").await;
    upload_as(&world, "tax", "clerk", b"orphan").await;
    let tax = world.clerk("tax");
    let name = publish(&tax, "health", vec![named.clone()]).await.unwrap();
    // A hub that starts on the same day removes nothing.
    world.restart().await;
    assert!(path(&world.site, b"orphan").exists());
    world.stop().await;
    let orphan = path(&world.site, b"orphan");
    clean_a_day_later(&world.site, || !orphan.exists()).await;
    assert!(path(&world.site, b"named").exists());
    let uploads = world.site.data_dir().join("uploads/tax");
    assert_eq!(std::fs::read_dir(uploads).unwrap().count(), 0);
    world.restart().await;
    let health = world.clerk("health");
    expect_file(&health, &name, &named, folder.path(), b"named").await;
}

fn s3_site(s3: &s3::S3) -> Site {
    let keys = tempfile::tempdir().unwrap().keep();
    std::fs::write(keys.join("id"), format!("{}\n", s3::KEY_ID)).unwrap();
    std::fs::write(keys.join("secret"), "synthetic-secret\n").unwrap();
    let settings = format!(
        "attachments = {{ store = \"s3://bucket/some/prefix\", endpoint = \"{}\", \
         allow_http = true, access_key_id_file = \"{}\", secret_access_key_file = \"{}\" }}",
        s3.endpoint(),
        keys.join("id").display(),
        keys.join("secret").display()
    );
    Site::with_charter(&charter_file(), &settings)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_s3_compatible_store_is_a_setting() {
    let s3 = s3::S3::start().await;
    let mut world = World::start_on(s3_site(&s3), Arc::new(SystemClock)).await;
    let (tax, health) = (world.clerk("tax"), world.clerk("health"));
    let folder = tempfile::tempdir().unwrap();
    let mut published = vec![];
    // One put, and several parts.
    for size in [5, 20 << 20] {
        let content = content(size, 1);
        let bytes = content.clone();
        let file = put(&tax, bytes).await;
        let name = publish(&tax, "health", vec![file.clone()]).await.unwrap();
        expect_file(&health, &name, &file, folder.path(), &content).await;
        published.push((name, file, content));
    }
    assert_eq!(
        (s3.count("put"), s3.count("begin"), s3.count("part")),
        (1, 1, 3)
    );
    assert_eq!(s3.count("complete"), 1);
    for orphan in [&b"one"[..], b"two", b"three"] {
        upload_as(&world, "tax", "clerk", orphan).await;
    }
    let keys = s3.keys();
    assert_eq!(keys.len(), 5);
    for (_, file, _) in &published {
        let digits = &file.sha256;
        let key = format!("some/prefix/sha256/{}/{digits}", &digits[..2]);
        assert!(keys.contains(&key), "{keys:?}");
    }
    let local = world.site.data_dir().join("attachments");
    assert!(!local.exists(), "nothing is kept in the data folder");
    world.stop().await;
    clean_a_day_later(&world.site, || s3.keys().len() == 2).await;
    assert!(s3.count("list") > 1, "lists are read page by page");
    assert_eq!(s3.count("delete"), 3);
    world.restart().await;
    let health = world.clerk("health");
    for (name, file, content) in &published {
        expect_file(&health, name, file, folder.path(), content).await;
    }
}

/// Makes a site's data folder another one, which is not there yet.
fn move_data(site: &Site, name: &str) {
    let text = std::fs::read_to_string(site.config_file()).unwrap();
    let line = "data_dir = \"data\"";
    assert!(text.contains(line));
    let text = text.replace(line, &format!("data_dir = \"{name}\""));
    std::fs::write(site.config_file(), text).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_leaves_the_bucket_alone_and_what_it_restores_finds_its_files_there() {
    let s3 = s3::S3::start().await;
    let mut world = World::start_on(s3_site(&s3), Arc::new(SystemClock)).await;
    let folder = tempfile::tempdir().unwrap();
    let tax = world.clerk("tax");
    let (old, new) = (content(70_000, 1), content(70_000, 2));
    let file = put(&tax, old.clone()).await;
    let name = publish(&tax, "health", vec![file.clone()]).await.unwrap();
    let calls = ["put", "delete", "list"].map(|kind| s3.count(kind));

    // The hub runs meanwhile, and its bucket is away: a backup does not need it.
    s3.set_down(true);
    let options = BackupOptions {
        to: folder.path().join("backup"),
        verify: true,
        prune: true,
    };
    let done = backup(&world.site.config(), &options, &mut |_| {}).unwrap();
    assert!(!done.attachments_copied && done.verified);
    assert_eq!((done.attachments, done.attachments_written), (0, 0));
    assert!(!options.to.join("attachments").exists());
    s3.set_down(false);
    assert_eq!(["put", "delete", "list"].map(|kind| s3.count(kind)), calls);
    let later_file = put(&tax, new).await;
    let later = publish(&tax, "health", vec![later_file.clone()]);
    let later = later.await.unwrap();
    world.stop().await;

    move_data(&world.site, "restored");
    let options = RestoreOptions {
        from: options.to,
        to_index: None,
    };
    let restored = restore(&world.site.config(), &options, &mut |_| {}).unwrap();
    assert_eq!(restored.entries, done.entries);
    assert_eq!(
        (restored.attachments, restored.attachments_copied),
        (0, false)
    );
    world.restart().await;
    let health = world.clerk("health");
    expect_file(&health, &name, &file, folder.path(), &old).await;
    let path = folder.path().join("later");
    let files = health.attachments();
    let gone = files.download(&later, &later_file, &path, |_| {}).await;
    let gone = gone.expect_err("it came after the backup");
    assert_eq!(gone.reason(), Some(Reason::NotFound));
    assert_eq!(s3.keys().len(), 2, "nothing is removed on the same day");
    // A day later the restored hub cleans what its ledger does not name, and keeps what it names.
    world.stop().await;
    clean_a_day_later(&world.site, || s3.keys().len() == 1).await;
    world.restart().await;
    let health = world.clerk("health");
    expect_file(&health, &name, &file, folder.path(), &old).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_away_stops_files_and_nothing_else() {
    let s3 = s3::S3::start().await;
    s3.set_down(true);
    let world = World::start_on(s3_site(&s3), Arc::new(SystemClock)).await;
    let (tax, health) = (world.clerk("tax"), world.clerk("health"));
    publish(&tax, "health", vec![])
        .await
        .expect("what has no file goes");
    let impatient = Client::builder(&world.site.profile("tax"))
        .endpoint(world.endpoint())
        .officer("tax-clerk-1")
        .roles(["clerk"])
        .transfer_patience(Duration::from_secs(3))
        .build()
        .unwrap();
    let refused = impatient
        .attachments()
        .upload_bytes("a", "text/plain", b"file".to_vec(), |_| {})
        .await
        .expect_err("the bucket is away");
    let reason = refused.reason();
    assert!(
        matches!(reason, None | Some(Reason::Unavailable)),
        "{refused}"
    );
    s3.set_down(false);
    let file = put(&tax, b"file".to_vec()).await;
    let name = publish(&tax, "health", vec![file.clone()]).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    expect_file(&health, &name, &file, folder.path(), b"file").await;
}
