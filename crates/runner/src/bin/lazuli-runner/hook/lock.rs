//! One hook at a time on a machine: a queue among our own runs, then a lock
//! on a file that other programs, and people, may take too.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg};

use crate::error::Error;

/// How often a waiting run looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(100);

/// How often a lock that others hold is tried.
const TRY: Duration = Duration::from_millis(50);

/// The machine's lock.
#[derive(Debug)]
pub(crate) struct MachineLock {
    path: PathBuf,
    queue: Mutex<Queue>,
    moved: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    last: u64,
    waiting: VecDeque<u64>,
}

/// The lock, held. The kernel lets go of it with the supervisor's process;
/// hooks do not inherit it.
#[derive(Debug)]
pub(crate) struct Held<'a> {
    lock: &'a MachineLock,
    ticket: u64,
    file: Option<Flock<File>>,
}

impl MachineLock {
    /// The lock at a path.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self {
            path,
            queue: Mutex::default(),
            moved: Condvar::new(),
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the lock, first come, first served; none when it is no
    /// longer wanted.
    pub(crate) fn acquire(&self, wanted: impl Fn() -> bool) -> Result<Option<Held<'_>>, Error> {
        let mut held = {
            let mut queue = self.queue();
            queue.last += 1;
            let ticket = queue.last;
            queue.waiting.push_back(ticket);
            Held {
                lock: self,
                ticket,
                file: None,
            }
        };
        let mut queue = self.queue();
        while queue.waiting.front() != Some(&held.ticket) {
            if !wanted() {
                drop(queue);
                return Ok(None);
            }
            (queue, _) = self
                .moved
                .wait_timeout(queue, LOOK)
                .unwrap_or_else(PoisonError::into_inner);
        }
        drop(queue);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&self.path)
            .map_err(Error::file("open", &self.path))?;
        loop {
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(lock) => {
                    held.file = Some(lock);
                    return Ok(Some(held));
                }
                Err((_, error)) if error != nix::Error::EWOULDBLOCK => {
                    return Err(Error::file("lock", &self.path)(error.into()));
                }
                Err((unlocked, _)) => file = unlocked,
            }
            if !wanted() {
                return Ok(None);
            }
            thread::sleep(TRY);
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.file = None;
        self.lock
            .queue()
            .waiting
            .retain(|ticket| *ticket != self.ticket);
        self.lock.moved.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn temporary(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("lazuli-runner-{name}-{}", std::process::id()))
    }

    #[test]
    fn one_at_a_time() {
        let path = temporary("lock");
        let lock = MachineLock::new(path.clone());
        let (inside, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let _held = lock.acquire(|| true).unwrap().unwrap();
                    most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    thread::yield_now();
                    inside.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        assert_eq!(most.load(Ordering::SeqCst), 1);
        assert!(lock.queue().waiting.is_empty());
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn other_programs_are_waited_for_while_it_is_wanted() {
        let path = temporary("lock-others");
        let others = MachineLock::new(path.clone());
        let held = others.acquire(|| true).unwrap();
        let lock = MachineLock::new(path.clone());
        assert!(lock.acquire(|| false).unwrap().is_none());
        drop(held);
        assert!(lock.acquire(|| false).unwrap().is_some());
        std::fs::remove_file(path).unwrap();
    }
}
