//! A thread on which handshakes are computed, so that calls go first: strangers can have as many of them
//! computed as they have addresses.

use std::{io, thread};

use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
    task::{AbortHandle, JoinSet},
};

/// The thread's niceness: about a third of what a thread of the server gets while both have work. With much
/// more of it honest handshakes come to a standstill where other programs keep the processors busy.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 5;

/// Where handshakes are computed. The thread ends when this is dropped.
#[derive(Debug)]
pub(super) struct Aside {
    handle: Handle,
    _ends: Option<oneshot::Sender<()>>,
}

impl Aside {
    /// Starts the thread; where there can be none, handshakes are computed among the calls.
    pub(super) fn start() -> Self {
        Self::try_start().unwrap_or_else(|error| {
            tracing::warn!(%error, "no thread for handshakes; they are computed among the calls");
            Self {
                handle: Handle::current(),
                _ends: None,
            }
        })
    }

    fn try_start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_time().build()?;
        let handle = runtime.handle().clone();
        let (ends, ended) = oneshot::channel();
        let run = move || {
            give_way();
            // The sender is never used, only dropped.
            runtime.block_on(async { drop(ended.await) });
            runtime.shutdown_background();
        };
        thread::Builder::new()
            .name("handshakes".into())
            .spawn(run)?;
        Ok(Self {
            handle,
            _ends: Some(ends),
        })
    }

    /// Lets a task run there. Sockets stay with the server that has opened them.
    pub(super) fn spawn(
        &self,
        tasks: &mut JoinSet<()>,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> AbortHandle {
        tasks.spawn_on(task, &self.handle)
    }
}

/// Lowers the priority of this thread.
#[cfg(target_os = "linux")]
fn give_way() {
    // Linux has a niceness for each thread, and `None` names the one that asks.
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::warn!(%error, "handshakes have the same priority as calls");
    }
}

#[cfg(not(target_os = "linux"))]
fn give_way() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn handshakes_give_way_and_nobody_else_does() {
        let niceness = || rustix::process::getpriority_process(None).unwrap();
        let before = niceness();
        let aside = Aside::start();
        let mut tasks = JoinSet::new();
        let (tell, told) = oneshot::channel();
        aside.spawn(&mut tasks, async move {
            tell.send(niceness()).unwrap();
        });
        assert_eq!(told.await.unwrap(), NICENESS.max(before));
        assert_eq!(niceness(), before);
    }

    #[tokio::test]
    async fn handshakes_have_a_thread_that_ends() {
        let aside = Aside::start();
        let mut tasks = JoinSet::new();
        let (tell, told) = oneshot::channel();
        aside.spawn(&mut tasks, async move {
            let name = thread::current().name().map(str::to_owned);
            tell.send(name).unwrap();
        });
        assert_eq!(told.await.unwrap().as_deref(), Some("handshakes"));
        // What is still to be done there ends with it.
        let task = aside.spawn(&mut tasks, std::future::pending());
        drop(aside);
        while !task.is_finished() {
            tokio::task::yield_now().await;
        }
    }
}
