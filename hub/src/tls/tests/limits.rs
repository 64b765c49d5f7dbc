//! What the door bounds: numbers, paces, and how long it waits for whoever does nothing.

use super::*;

#[tokio::test]
async fn connections_are_bounded_per_agency_and_given_back() {
    let bench = bench_with(AcceptLimits {
        agency_connections_max: 2,
        unidentified_connections_max: 1,
        ..AcceptLimits::default()
    })
    .await;
    let tax = bench.leaf(|_| {});
    let other = bench.leaf(|spec| {
        spec.uri_sans = vec![certs::ca::spiffe_id(DOMAIN, "customs", "node-1")];
    });
    let nobody = bench.leaf(|spec| spec.uri_sans.clear());
    let connect = |leaf| bench.connect(bench.client(Some(leaf), &TLS13));
    let first = connect(&tax).await.unwrap();
    let _second = connect(&tax).await.unwrap();
    assert!(connect(&tax).await.is_err(), "one past the agency's limit");
    let _other = connect(&other).await.unwrap();
    let _nobody = connect(&nobody).await.unwrap();
    assert!(connect(&nobody).await.is_err());
    bench.turned_away(Closed::AgencyFull, 2).await;
    drop(first);
    let again = async {
        while connect(&tax).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), again)
        .await
        .expect("a closed connection's place is given back");
}

#[tokio::test]
async fn connections_in_all_and_slow_handshakes_are_bounded() {
    let bench = bench_with(AcceptLimits {
        connections_max: 1,
        handshake_time_max: Duration::from_millis(100),
        ..AcceptLimits::default()
    })
    .await;
    let leaf = bench.leaf(|_| {});
    let mut byte = [0; 1];
    let mut silent = TcpStream::connect(bench.address).await.unwrap();
    let end = tokio::time::timeout(Duration::from_secs(10), silent.read(&mut byte));
    assert!(
        matches!(end.await.unwrap(), Ok(0) | Err(_)),
        "closed on time"
    );
    bench.turned_away(Closed::HandshakeTime, 1).await;
    let _held = bench
        .connect(bench.client(Some(&leaf), &TLS13))
        .await
        .unwrap();
    assert!(
        bench
            .connect(bench.client(Some(&leaf), &TLS13))
            .await
            .is_err()
    );
}

/// Two at once, and then one a second.
const FEW: Quota = Quota {
    per_second_max: 1,
    burst_max: 2,
};

/// Tries of which most come too early, however slow the machine is.
const TRIES: u8 = 60;

#[tokio::test]
async fn one_address_gets_in_at_its_pace_and_keeps_no_other_out() {
    let bench = bench_with(AcceptLimits {
        address_arrivals: FEW,
        arrival_time_max: Duration::ZERO,
        ..AcceptLimits::default()
    })
    .await;
    let (began, mut came) = (Instant::now(), 0);
    let connect = async |from| {
        // Another node each time.
        let leaf = bench.leaf(|_| {});
        let client = bench.client(Some(&leaf), &TLS13);
        bench.connect_from(from, client).await.is_ok()
    };
    for _ in 0..TRIES {
        came += u64::from(connect([127, 0, 0, 1]).await);
    }
    let due = 2 + began.elapsed().as_secs() + 1;
    assert!((2..=due).contains(&came), "{came} of at most {due}");
    let early = u64::from(TRIES) - came;
    bench.turned_away(Closed::AddressPace, early).await;
    assert!(connect([127, 0, 0, 2]).await, "another address");
}

#[tokio::test]
async fn one_node_gets_in_at_its_pace_wherever_it_comes_from() {
    let bench = bench_with(AcceptLimits {
        node_arrivals: FEW,
        arrival_time_max: Duration::ZERO,
        ..AcceptLimits::default()
    })
    .await;
    let (leaf, other) = (bench.leaf(|_| {}), bench.leaf(|_| {}));
    let client = bench.client(Some(&leaf), &TLS13);
    let (began, mut came) = (Instant::now(), 0);
    for n in 0..TRIES {
        let from = [127, 0, 1, n];
        came += u64::from(bench.connect_from(from, Arc::clone(&client)).await.is_ok());
    }
    let due = 2 + began.elapsed().as_secs() + 1;
    assert!((2..=due).contains(&came), "{came} of at most {due}");
    let early = u64::from(TRIES) - came;
    bench.turned_away(Closed::NodePace, early).await;
    let other = bench.client(Some(&other), &TLS13);
    bench.connect_from([127, 0, 1, 0], other).await.unwrap();
}

#[tokio::test]
async fn who_comes_a_little_early_is_let_in_when_it_is_due() {
    let few = Quota {
        per_second_max: 20,
        burst_max: 1,
    };
    let bench = bench_with(AcceptLimits {
        address_arrivals: few,
        node_arrivals: few,
        arrival_time_max: Duration::from_secs(60),
        ..AcceptLimits::default()
    })
    .await;
    let leaf = bench.leaf(|_| {});
    let client = bench.client(Some(&leaf), &TLS13);
    let all = (0..10).map(|_| bench.connect(Arc::clone(&client)));
    for came in futures::future::join_all(all).await {
        came.unwrap();
    }
}

#[tokio::test]
async fn a_node_is_read_at_its_pace_on_all_its_connections_together() {
    const PER_SECOND: u64 = 64 * 1024;
    const SENT: usize = 512 * 1024;
    const PART: usize = 4 * 1024;
    let mut door = door(AcceptLimits {
        node_bytes_per_second_max: PER_SECOND,
        ..AcceptLimits::default()
    })
    .await;
    let config = door.client();
    let began = Instant::now();
    let mut reads = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let (mut mouth, mut ears) = door.connect(Arc::clone(&config)).await;
        reads.spawn(async move {
            let sent = vec![7; SENT];
            let heard = async {
                let (mut read, mut part) = (0, [0; PART]);
                while read < SENT {
                    read += ears.read(&mut part).await.unwrap();
                }
            };
            let (said, ()) = tokio::join!(mouth.write_all(&sent), heard);
            said.unwrap();
        });
    }
    reads.join_all().await;
    // What came at once, and what was due since; the last read of each may be ahead of its time.
    let due = PER_SECOND as f64 * (1.0 + began.elapsed().as_secs_f64());
    let read = (2 * SENT) as f64;
    assert!(read <= due + (2 * PART) as f64, "{read} of {due}");
}

#[tokio::test]
async fn who_owes_and_goes_away_is_not_waited_for() {
    let mut door = door(AcceptLimits {
        node_bytes_per_second_max: 1,
        ..AcceptLimits::default()
    })
    .await;
    let config = door.client();
    let (mut mouth, mut ears) = door.connect(config).await;
    mouth.write_all(&[7; 8_192]).await.unwrap();
    mouth.flush().await.unwrap();
    let mut part = [0; 1_024];
    assert!(ears.read(&mut part).await.unwrap() > 0);
    drop(mouth);
    // More has come, but nobody is there any more to whom it would be due.
    let ended = ears.read(&mut part).await.unwrap_err();
    assert_eq!(ended.kind(), std::io::ErrorKind::ConnectionReset);
}

/// How a connection ended, as the hub saw it.
async fn end(bench: &mut Bench) -> std::io::ErrorKind {
    let ended = tokio::time::timeout(Duration::from_secs(10), bench.ended.recv());
    ended.await.expect("it ends").unwrap()
}

#[tokio::test]
async fn who_is_silent_gives_way_to_who_comes_after() {
    let bench = bench_with(AcceptLimits {
        handshakes_max: 2,
        handshake_time_fair: Duration::ZERO,
        // Not their time closes them.
        handshake_time_max: Duration::from_secs(3_600),
        ..AcceptLimits::default()
    })
    .await;
    let mut silent = vec![];
    for _ in 0..5 {
        silent.push(TcpStream::connect(bench.address).await.unwrap());
    }
    let leaf = bench.leaf(|_| {});
    let client = bench.client(Some(&leaf), &TLS13);
    let came = tokio::time::timeout(Duration::from_secs(10), bench.connect(client));
    let _stays = came.await.expect("it is not kept out").unwrap();
    let mut byte = [0; 1];
    for oldest in &mut silent[..4] {
        let end = tokio::time::timeout(Duration::from_secs(10), oldest.read(&mut byte)).await;
        assert!(matches!(end.expect("it gave way"), Ok(0) | Err(_)));
    }
    bench.turned_away(Closed::GaveWay, 4).await;
    let newest = tokio::time::timeout(Duration::from_millis(50), silent[4].read(&mut byte));
    assert!(newest.await.is_err(), "there is room for it");
}

#[tokio::test]
async fn nobody_gives_way_before_its_fair_time() {
    let bench = bench_with(AcceptLimits {
        handshakes_max: 1,
        handshake_time_fair: Duration::from_secs(3_600),
        handshake_time_max: Duration::from_secs(3_600),
        ..AcceptLimits::default()
    })
    .await;
    let mut slow = TcpStream::connect(bench.address).await.unwrap();
    let leaf = bench.leaf(|_| {});
    let client = bench.client(Some(&leaf), &TLS13);
    let next = bench.connect(client);
    tokio::pin!(next);
    let early = tokio::time::timeout(Duration::from_millis(200), &mut next).await;
    assert!(early.is_err(), "it waits");
    let mut byte = [0; 1];
    let stays = tokio::time::timeout(Duration::from_millis(50), slow.read(&mut byte)).await;
    assert!(stays.is_err(), "the slow one is not sent away");
    drop(slow);
    let came = tokio::time::timeout(Duration::from_secs(10), next).await;
    came.expect("there is room again").unwrap();
}

#[tokio::test]
async fn who_never_begins_with_http_2_is_closed() {
    let mut bench = bench_with(AcceptLimits {
        preface_time_max: Duration::from_millis(100),
        ..AcceptLimits::default()
    })
    .await;
    let leaf = bench.leaf(|_| {});
    let client = bench.client(Some(&leaf), &TLS13);
    let _mute = bench.connect(Arc::clone(&client)).await.unwrap();
    assert_eq!(end(&mut bench).await, std::io::ErrorKind::TimedOut);
    let mut halting = bench.connect(Arc::clone(&client)).await.unwrap();
    halting.write_all(&[1; 23]).await.unwrap();
    assert_eq!(end(&mut bench).await, std::io::ErrorKind::TimedOut);
    // The time is for the preface alone.
    let mut speaking = bench.connect(client).await.unwrap();
    speaking.write_all(&[1; 24]).await.unwrap();
    let (mut byte, began) = ([0; 1], std::time::Duration::from_millis(300));
    tokio::time::sleep(began).await;
    for _ in 0..100_000 {
        speaking.read_exact(&mut byte).await.unwrap();
    }
    drop(speaking);
    assert_ne!(end(&mut bench).await, std::io::ErrorKind::TimedOut);
}

#[tokio::test]
async fn who_takes_nothing_of_what_is_written_to_it_is_closed() {
    let mut bench = bench_with(AcceptLimits {
        stall_time_max: Duration::from_millis(200),
        ..AcceptLimits::default()
    })
    .await;
    let leaf = bench.leaf(|_| {});
    let client = bench.client(Some(&leaf), &TLS13);
    let mut deaf = bench.connect(client).await.unwrap();
    deaf.write_all(&[1; 24]).await.unwrap();
    assert_eq!(end(&mut bench).await, std::io::ErrorKind::TimedOut);
}

/// What is written behind the rest is held back, not taken: with it, the time does not begin anew.
#[tokio::test]
async fn a_word_now_and_then_to_a_peer_that_takes_nothing_does_not_keep_it() {
    let mut door = door(AcceptLimits {
        stall_time_max: Duration::from_millis(200),
        ..AcceptLimits::default()
    })
    .await;
    let config = door.client();
    let (_deaf, mut mouth) = door.connect(config).await;
    let soon = Duration::from_millis(20);
    // Until nothing more goes in.
    let part = [7; 64 * 1024];
    while matches!(
        tokio::time::timeout(soon, mouth.write_all(&part)).await,
        Ok(Ok(()))
    ) {}
    let mut words = 0;
    let told = loop {
        tokio::time::sleep(soon).await;
        let word = async {
            mouth.write_all(b"ping").await?;
            mouth.flush().await
        };
        if let Ok(Err(error)) = tokio::time::timeout(soon, word).await {
            break error;
        }
        words += 1;
        assert!(words < 200, "it is kept");
    };
    assert_eq!(told.kind(), std::io::ErrorKind::TimedOut);
}
