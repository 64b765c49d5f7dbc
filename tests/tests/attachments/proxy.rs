//! A wire between client and hub that a test can cut or hold at a byte, and lay to another hub.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinHandle,
};

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// To the hub.
    Up,
    /// From the hub.
    Down,
}

/// What happens at a byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// The connection is cut, once.
    Cut(Way, u64),
    /// Nothing more passes on this connection, once.
    Hold(Way, u64),
}

#[derive(Debug)]
struct State {
    target: SocketAddr,
    at: Option<At>,
    up: u64,
    down: u64,
    connections: usize,
}

/// The wire.
#[derive(Debug)]
pub(crate) struct Proxy {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    held: watch::Receiver<bool>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// A wire to a hub.
    pub(crate) async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State {
            target,
            at: None,
            up: 0,
            down: 0,
            connections: 0,
        }));
        let (is_held, held) = watch::channel(false);
        let (shared, is_held) = (Arc::clone(&state), Arc::new(is_held));
        let task = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                tokio::spawn(connection(
                    client,
                    Arc::clone(&shared),
                    Arc::clone(&is_held),
                ));
            }
        });
        Self {
            address,
            state,
            held,
            task,
        }
    }

    /// As a client's endpoint.
    pub(crate) fn endpoint(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Says what is to happen, once, counted from now.
    pub(crate) fn once(&self, at: At) {
        let mut state = self.state.lock().unwrap();
        (state.up, state.down) = (0, 0);
        state.at = Some(at);
    }

    /// Lays the wire to another hub.
    pub(crate) fn lay(&self, target: SocketAddr) {
        self.state.lock().unwrap().target = target;
    }

    /// Waits until a connection is held.
    pub(crate) async fn is_held(&self) {
        let mut held = self.held.clone();
        held.wait_for(|is_held| *is_held).await.unwrap();
    }

    /// Bytes since the last [`Self::once`].
    pub(crate) fn bytes(&self, way: Way) -> u64 {
        let state = self.state.lock().unwrap();
        match way {
            Way::Up => state.up,
            Way::Down => state.down,
        }
    }

    /// Connections so far.
    pub(crate) fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn connection(
    client: TcpStream,
    state: Arc<Mutex<State>>,
    is_held: Arc<watch::Sender<bool>>,
) {
    let target = {
        let mut state = state.lock().unwrap();
        state.connections += 1;
        state.target
    };
    let Ok(hub) = TcpStream::connect(target).await else {
        return;
    };
    let (from_client, to_client) = client.into_split();
    let (from_hub, to_hub) = hub.into_split();
    // Either end of it ends both.
    tokio::select! {
        () = pump(Way::Up, from_client, to_hub, &state, &is_held) => {}
        () = pump(Way::Down, from_hub, to_client, &state, &is_held) => {}
    }
}

async fn pump(
    way: Way,
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    state: &Mutex<State>,
    is_held: &watch::Sender<bool>,
) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let count = match from.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(count) => count,
        };
        let happens = {
            let mut state = state.lock().unwrap();
            let total = match way {
                Way::Up => &mut state.up,
                Way::Down => &mut state.down,
            };
            *total += count as u64;
            let total = *total;
            let due = state.at.filter(|at| match at {
                At::Cut(of, bytes) | At::Hold(of, bytes) => *of == way && total >= *bytes,
            });
            if due.is_some() {
                state.at = None;
            }
            due
        };
        match happens {
            Some(At::Cut(..)) => return,
            Some(At::Hold(..)) => {
                is_held.send_replace(true);
                std::future::pending::<()>().await;
            }
            None => {}
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
