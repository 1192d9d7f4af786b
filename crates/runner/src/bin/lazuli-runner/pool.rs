//! Threads that are kept for a while: making one and ending it costs more than
//! most of what a hook needs it for.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// The most threads that are kept without work.
const KEPT_MAX: usize = 8;

/// How long one is kept.
const KEPT_FOR: Duration = Duration::from_secs(10);

type Job = Box<dyn FnOnce() + Send>;

/// Starts jobs, each at once and on a thread of its own while it runs.
#[derive(Debug, Default)]
pub(crate) struct Pool(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    /// Never more than there are idle threads.
    jobs: VecDeque<Job>,
    idle: usize,
}

impl Pool {
    /// Starts a job.
    ///
    /// # Errors
    /// When no thread is idle and the system has no more.
    pub(crate) fn spawn(&self, job: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let mut state = self.0.state();
        if state.idle > state.jobs.len() {
            state.jobs.push_back(Box::new(job));
            self.0.wake.notify_one();
            return Ok(());
        }
        drop(state);
        let shared = Arc::clone(&self.0);
        thread::Builder::new()
            .spawn(move || {
                job();
                shared.work();
            })
            .map(drop)
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does what comes, until nothing has come for a while.
    fn work(&self) {
        while let Some(job) = self.next() {
            job();
        }
    }

    fn next(&self) -> Option<Job> {
        let mut state = self.state();
        if state.idle >= KEPT_MAX {
            return None;
        }
        state.idle += 1;
        let (mut state, _) = self
            .wake
            .wait_timeout_while(state, KEPT_FOR, |state| state.jobs.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        state.idle -= 1;
        state.jobs.pop_front()
    }
}

impl fmt::Debug for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("State")
            .field("jobs", &self.jobs.len())
            .field("idle", &self.idle)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn jobs_that_wait_for_each_other_all_run() {
        let pool = Pool::default();
        for _ in 0..3 {
            let (last, ended) = mpsc::channel();
            let mut next = last;
            for _ in 0..20 {
                let (sender, receiver) = mpsc::channel();
                pool.spawn(move || {
                    let got: u32 = receiver.recv().unwrap();
                    next.send(got + 1).unwrap();
                })
                .unwrap();
                next = sender;
            }
            next.send(0).unwrap();
            assert_eq!(ended.recv().unwrap(), 20);
        }
        assert!(pool.0.state().idle <= KEPT_MAX);
    }
}
