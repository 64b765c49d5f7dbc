//! Connections that are cut, and a hub that is killed, in the middle.

use std::sync::Arc;

use agency_client::Client;
use hub_core::crypto::{hex, sha256};
use hub_tests::{Site, World, process::HubProcess};

use super::{
    content, expect_file,
    proxy::{At, Proxy, Way},
    publish, put,
};

const MIB: u64 = 1 << 20;

/// What may be sent twice because of one cut, and what the protocol adds.
const SLACK: u64 = 3 * MIB / 2;

fn clerk(site: &Site, agency: &str, endpoint: String) -> Client {
    Client::builder(&site.profile(agency))
        .endpoint(endpoint)
        .officer(format!("{agency}-clerk-1"))
        .roles(["clerk"])
        .build()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_cut_goes_on() {
    let world = World::start().await;
    let proxy = Proxy::start(world.hub().address()).await;
    let tax = clerk(&world.site, "tax", proxy.endpoint());
    let folder = tempfile::tempdir().unwrap();
    let content = content(16 << 20, 1);
    let source = folder.path().join("a.bin");
    std::fs::write(&source, &content).unwrap();
    proxy.once(At::Cut(Way::Up, 10 * MIB));
    let file = tax.attachments().upload(&source, |_| {}).await.unwrap();
    assert!(proxy.connections() >= 2, "it was cut");
    let up = proxy.bytes(Way::Up);
    assert!(
        up < 16 * MIB + SLACK,
        "{up} bytes: what was there is not sent again"
    );
    let name = publish(&tax, "health", vec![file.clone()]).await.unwrap();
    let health = world.clerk("health");
    expect_file(&health, &name, &file, folder.path(), &content).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_is_cut_goes_on_also_in_another_call() {
    let world = World::start().await;
    let proxy = Proxy::start(world.hub().address()).await;
    let tax = world.clerk("tax");
    let folder = tempfile::tempdir().unwrap();
    let content = content(16 << 20, 1);
    let bytes = content.clone();
    let file = put(&tax, bytes).await;
    let name = publish(&tax, "health", vec![file.clone()]).await.unwrap();
    let health = clerk(&world.site, "health", proxy.endpoint());
    proxy.once(At::Cut(Way::Down, 10 * MIB));
    expect_file(&health, &name, &file, folder.path(), &content).await;
    assert!(proxy.connections() >= 2, "it was cut");
    let down = proxy.bytes(Way::Down);
    assert!(down < 16 * MIB + SLACK, "{down} bytes");

    // A program that was stopped in the middle.
    let proxy = Proxy::start(world.hub().address()).await;
    let health = clerk(&world.site, "health", proxy.endpoint());
    proxy.once(At::Hold(Way::Down, 10 * MIB));
    let path = folder.path().join("downloaded");
    let stopped = tokio::spawn({
        let (health, name, file) = (health.clone(), name.clone(), file.clone());
        async move {
            health
                .attachments()
                .download(&name, &file, &path, |_| {})
                .await
        }
    });
    proxy.is_held().await;
    stopped.abort();
    assert!(stopped.await.unwrap_err().is_cancelled());
    let kept = std::fs::metadata(folder.path().join("downloaded.part")).unwrap();
    assert!(kept.len() >= 8 * MIB, "{}", kept.len());
    let again = clerk(&world.site, "health", proxy.endpoint());
    expect_file(&again, &name, &file, folder.path(), &content).await;
    let down = proxy.bytes(Way::Down);
    assert!(down < 16 * MIB + 2 * SLACK, "{down} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_outlives_a_hub_that_is_killed() {
    let site = Arc::new(Site::new());
    let hub = HubProcess::start(&site.config_file());
    let proxy = Proxy::start(hub.address()).await;
    let tax = clerk(&site, "tax", proxy.endpoint());
    let folder = tempfile::tempdir().unwrap();
    let content = content(24 << 20, 1);
    let source = folder.path().join("a.bin");
    std::fs::write(&source, &content).unwrap();
    proxy.once(At::Hold(Way::Up, 12 * MIB));
    let uploading = tokio::spawn({
        let (tax, source) = (tax.clone(), source.clone());
        async move { tax.attachments().upload(&source, |_| {}).await }
    });
    proxy.is_held().await;
    hub.kill();
    let hub = HubProcess::start(&site.config_file());
    let direct = clerk(&site, "tax", hub.endpoint());
    let digits = hex(&sha256(&[&content]));
    let left = direct.attachments().status(&digits).await.unwrap();
    let left = left.expect("the hub remembers the upload");
    assert!(!left.is_complete);
    assert!(left.received_bytes >= 10 << 20, "{left:?}");
    proxy.lay(hub.address());
    let file = uploading.await.unwrap().unwrap();
    let up = proxy.bytes(Way::Up);
    assert!(up < 24 * MIB + SLACK, "{up} bytes");
    let name = publish(&direct, "health", vec![file.clone()])
        .await
        .unwrap();
    let health = clerk(&site, "health", hub.endpoint());
    expect_file(&health, &name, &file, folder.path(), &content).await;
    // What was published outlives the next one.
    hub.kill();
    let hub = HubProcess::start(&site.config_file());
    let health = clerk(&site, "health", hub.endpoint());
    expect_file(&health, &name, &file, folder.path(), &content).await;
    assert!(hub.stop());
}
