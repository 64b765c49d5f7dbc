//! A mixed load: what all members ask of a hub in an hour, as fast as it goes.

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use agency_client::{
    Client, channels::SearchQuery, proto::channels::ListNotificationsRequest, subscribe::Event,
};
use anyhow::ensure;
use bytes::Bytes;
use futures::future::try_join_all;
use tokio::{task::JoinSet, time::Instant};

use crate::{
    load::{self, TITLE},
    peers::BODY_BYTES,
    server::Server,
    site::{CHANNEL, Site},
};

/// Calls of an hour: ten a second, of 19 members together.
pub(crate) const HOUR_CALLS: u64 = 36_000;

/// Calls of a node under way.
const IN_FLIGHT: u64 = 4;

/// Notifications of a batch.
const BATCH: usize = 16;

/// Entries of a page.
const PAGE: i32 = 50;

/// Makes so many calls: in ten, four publishes, a batch, two pages of a list, two single notifications and a
/// search. Meanwhile every node listens to all that comes. Answers how long it took.
pub(crate) async fn run(site: &Site, server: &Server, calls: u64) -> anyhow::Result<Duration> {
    let endpoint = server.endpoint();
    let body = load::body(BODY_BYTES)?;
    let left = Arc::new(AtomicU64::new(calls));
    let mut listeners = JoinSet::new();
    let mut workers = vec![];
    let began_at = Instant::now();
    for client in site.clients(&endpoint)? {
        listeners.spawn(listen(client.clone()));
        for _ in 0..IN_FLIGHT {
            let (client, body, left) = (client.clone(), body.clone(), Arc::clone(&left));
            workers.push(tokio::spawn(work(client, body, left)));
        }
    }
    for worker in try_join_all(workers).await? {
        worker?;
    }
    // Whoever listens does so until it is told to stop: one that is through has failed.
    ensure!(listeners.try_join_next().is_none(), "a subscription ended");
    listeners.shutdown().await;
    Ok(began_at.elapsed())
}

async fn listen(client: Client) -> anyhow::Result<()> {
    let mut events = load::listen(&client);
    while let Some(event) = events.next().await {
        let _event: Event = event?;
    }
    Ok(())
}

async fn work(client: Client, body: Bytes, left: Arc<AtomicU64>) -> anyhow::Result<()> {
    while let Some(number) = load::take(&left) {
        call(&client, &body, number).await?;
    }
    Ok(())
}

async fn call(client: &Client, body: &Bytes, number: u64) -> anyhow::Result<()> {
    let channels = client.channels();
    let list = ListNotificationsRequest {
        parent: format!("channels/{CHANNEL}"),
        page_size: PAGE,
        ..ListNotificationsRequest::default()
    };
    match number % 10 {
        0 => {
            let drafts = (0..BATCH).map(|_| load::draft(TITLE, body));
            channels.publish_batch(drafts.collect()).await?;
        }
        1 | 2 => drop(channels.list_notifications(&list).await?),
        3 | 4 => {
            let list = ListNotificationsRequest {
                page_size: 1,
                omit_bodies: true,
                ..list
            };
            let page = channels.list_notifications(&list).await?;
            for one in page.notifications {
                channels.notification(&one.name).await?;
            }
        }
        5 => drop(channels.search(&SearchQuery::new().title(TITLE)).await?),
        _ => drop(channels.publish(load::draft(TITLE, body)).await?),
    }
    Ok(())
}
