//! File descriptors: each connection takes one, and systems give few unasked.

use anyhow::Context;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Files, libraries, pipes and what else is open beside connections.
const OTHERS: u64 = 512;

/// Connections, at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Connections {
    /// To machines.
    pub(crate) ssh: usize,
    /// Of clients.
    pub(crate) clients: usize,
    /// To the database.
    pub(crate) database: u32,
}

impl Connections {
    /// Descriptors for all of them. A tunnel is a client's connection and one
    /// of its own to a machine.
    fn descriptors(self) -> u64 {
        OTHERS + u64::from(self.database) + self.ssh as u64 + 2 * self.clients as u64
    }

    /// What goes with so many descriptors: fewer of clients, then of machines,
    /// each in proportion.
    fn within(self, descriptors: u64) -> Self {
        let needed = self.descriptors();
        if needed <= descriptors {
            return self;
        }
        let fixed = OTHERS + u64::from(self.database);
        let rest = descriptors.saturating_sub(fixed);
        let share = |number: usize| {
            let number = number as u64 * rest / (needed - fixed);
            usize::try_from(number).unwrap_or(usize::MAX).max(1)
        };
        Self {
            ssh: share(self.ssh),
            clients: share(self.clients),
            database: self.database,
        }
    }
}

/// Raises this process' limit as far as the connections need it and the
/// system allows it; says how many connections go with that.
///
/// # Errors
/// When the system does not say its limit.
pub(crate) fn provide(wanted: Connections) -> anyhow::Result<Connections> {
    let (soft, hard) =
        getrlimit(Resource::RLIMIT_NOFILE).context("failed to read the limit of open files")?;
    // No further: programs that are started from here inherit it.
    let enough = wanted.descriptors().min(hard).max(soft);
    let mut limit = soft;
    if enough > soft {
        match setrlimit(Resource::RLIMIT_NOFILE, enough, hard) {
            Ok(()) => limit = enough,
            Err(error) => tracing::warn!(%error, "failed to raise the limit of open files"),
        }
    }
    let fitting = wanted.within(limit);
    if fitting != wanted {
        tracing::warn!(
            limit,
            needed = wanted.descriptors(),
            ssh = fitting.ssh,
            clients = fitting.clients,
            "too few open files are allowed for all connections, so there are fewer: raise the hard \
             limit (LimitNOFILE= of the service, or ulimit -Hn), or lower ssh.max"
        );
    }
    Ok(fitting)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: Connections = Connections {
        ssh: 4096,
        clients: 8192,
        database: 16,
    };

    #[test]
    fn what_does_not_fit_is_less_of_both() {
        assert_eq!(WANTED.within(WANTED.descriptors()), WANTED);
        for limit in [1024, 4096, 16_384] {
            let fitting = WANTED.within(limit);
            assert!(fitting.descriptors() <= limit, "{fitting:?}");
            assert!(fitting.ssh > 50 && fitting.clients > 100, "{fitting:?}");
        }
        assert_eq!(WANTED.within(0).ssh, 1);
    }
}
