//! Who used the machine's processors: the server, this program, everybody else.

use std::time::Duration;

use crate::{proc, server::Server, stats::as_f64};

/// CPU times, at an instant or between two.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cpu {
    /// Of the server.
    pub(crate) server: Duration,
    /// Of this program, which is the client.
    pub(crate) client: Duration,
    machine: Duration,
}

impl Cpu {
    /// Up to now.
    pub(crate) fn read(server: &Server) -> anyhow::Result<Self> {
        Ok(Self {
            server: server.cpu_time()?,
            client: proc::cpu_time(std::process::id())?,
            machine: proc::machine_busy_time()?,
        })
    }

    /// From an earlier instant to this one.
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            server: self.server.saturating_sub(before.server),
            client: self.client.saturating_sub(before.client),
            machine: self.machine.saturating_sub(before.machine),
        }
    }

    /// Which part of the processors' time others used. On a quiet machine it is near nothing; what was
    /// measured while it was not is to be measured again.
    pub(crate) fn others_share(self, elapsed: Duration) -> f64 {
        let others = self
            .machine
            .saturating_sub(self.server)
            .saturating_sub(self.client);
        others.as_secs_f64() / (elapsed.as_secs_f64() * processors())
    }
}

/// Processors that this program may use.
fn processors() -> f64 {
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    as_f64(u64::try_from(count).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_are_what_is_left() {
        let cpu = |server, client, machine| Cpu {
            server: Duration::from_secs(server),
            client: Duration::from_secs(client),
            machine: Duration::from_secs(machine),
        };
        let used = cpu(11, 22, 150).since(cpu(10, 20, 100));
        assert_eq!((used.server.as_secs(), used.client.as_secs()), (1, 2));
        let share = used.others_share(Duration::from_secs(47));
        assert!((share - 1.0 / processors()).abs() < 1e-9, "{share}");
        // Times of processes and of the machine are rounded apart.
        assert!(cpu(2, 2, 3).others_share(Duration::from_secs(1)).abs() < 1e-9);
    }
}
