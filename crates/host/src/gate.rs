//! A bound on connections, in order of asking. Who holds one without need
//! learns that others wait.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Admits so many at once.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    seats: Arc<Semaphore>,
    waiting: Arc<watch::Sender<usize>>,
}

impl Gate {
    pub(crate) fn new(seats: usize) -> Self {
        Self {
            seats: Arc::new(Semaphore::new(seats.clamp(1, Semaphore::MAX_PERMITS))),
            waiting: Arc::new(watch::Sender::new(0)),
        }
    }

    /// Waits for a seat, first come, first served; none when the gate is gone.
    pub(crate) async fn enter(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(seat) = Arc::clone(&self.seats).try_acquire_owned() {
            return Some(seat);
        }
        let _queue = Queue::join(&self.waiting);
        Arc::clone(&self.seats).acquire_owned().await.ok()
    }

    /// Returns when somebody waits.
    pub(crate) async fn wanted(&self) {
        let mut waiting = self.waiting.subscribe();
        // The sender lives as long as the gate.
        drop(waiting.wait_for(|count| *count > 0).await);
    }
}

/// A place in the queue, left by dropping it.
struct Queue<'a>(&'a watch::Sender<usize>);

impl<'a> Queue<'a> {
    fn join(waiting: &'a watch::Sender<usize>) -> Self {
        waiting.send_modify(|count| *count += 1);
        Self(waiting)
    }
}

impl Drop for Queue<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn holders_learn_that_others_wait() {
        let gate = Gate::new(1);
        let seat = gate.enter().await.unwrap();
        let other = {
            let gate = gate.clone();
            tokio::spawn(async move { gate.enter().await.is_some() })
        };
        gate.wanted().await;
        drop(seat);
        assert!(other.await.unwrap());
        assert_eq!(*gate.waiting.borrow(), 0);
    }
}
