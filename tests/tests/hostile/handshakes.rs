//! Before HTTP/2: connections on which nothing is said, half a handshake, none of it with a certificate,
//! and a handshake after which nothing follows.

use std::time::Duration;

use hub::tls::AcceptLimits;
use hub_tests::{hostile::waves, raw::eventually};
use tokio::{io::AsyncReadExt as _, net::TcpStream, time::Instant};

use crate::Siege;

/// More than there may be handshakes under way.
const CONNECTIONS: usize = 1_300;

/// Whether the hub has closed a connection.
async fn is_closed(tcp: &mut TcpStream) -> bool {
    let mut bytes = [0; 64];
    let read = tokio::time::timeout(Duration::from_millis(1), tcp.read(&mut bytes));
    // Not even an alert counts as an answer to nothing; the end or a reset does.
    !matches!(read.await, Err(_) | Ok(Ok(1..)))
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_speak_gives_way_to_who_does() {
    // As if they came from many addresses.
    let siege = Siege::with("limits.address_connections_burst_max = 10000").await;
    let attacker = &siege.field.attacker;
    let mut silent = waves::silent(attacker, CONNECTIONS).await.unwrap();
    siege.holds().await;
    let mut half = waves::half_hellos(attacker, CONNECTIONS).await.unwrap();
    siege.holds().await;
    // They had not to wait until the hub's patience with the silent was at its end.
    assert!(!is_closed(half.last_mut().unwrap()).await);
    eventually("the oldest have given way", async || {
        is_closed(silent.first_mut().unwrap()).await
    })
    .await;
    eventually("the newest are closed too, in time", async || {
        is_closed(half.last_mut().unwrap()).await
    })
    .await;
    siege.lift().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_too_often_is_closed_before_anything_is_done_for_it() {
    let siege = Siege::with("limits.address_connections_burst_max = 200").await;
    let began = Instant::now();
    // Fewer than there may be handshakes under way: nobody has to give way.
    let silent = waves::silent(&siege.field.attacker, 600).await;
    let mut silent = silent.unwrap();
    // Of the last hundred none is due so soon.
    for tcp in &mut silent[500..] {
        eventually("it is closed", async || is_closed(tcp).await).await;
    }
    // It is for their pace: the first, which was due at once, still has time for its handshake. On a busy
    // machine that may be over; the tests of the door count the reasons.
    let is_first_closed = is_closed(&mut silent[0]).await;
    let handshake_time_max = AcceptLimits::default().handshake_time_max;
    assert!(!is_first_closed || began.elapsed() >= handshake_time_max);
    siege.holds().await;
    drop(silent);
    siege.lift().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_certificate_gets_an_alert() {
    let siege = Siege::begin().await;
    let refused = waves::strangers(&siege.field.attacker, 200).await;
    assert_eq!(refused, 200);
    siege.lift().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_shakes_hands_and_says_nothing_is_closed() {
    let siege = Siege::begin().await;
    let attacker = &siege.field.attacker;
    let mut mute = attacker.connect().await.unwrap();
    let mut halting = attacker.connect().await.unwrap();
    let half = &hub_tests::frames::PREFACE[..12];
    halting.mouth.say(half).await.unwrap();
    siege.holds().await;
    // Ten seconds each, at the same time.
    let heard = mute.listen(Duration::from_secs(30)).await;
    assert!(heard.is_closed, "no preface came");
    let heard = halting.listen(Duration::from_secs(30)).await;
    assert!(heard.is_closed, "half a preface came");
    siege.lift().await;
}
