//! A bound on connections, in order of asking. Who holds one without need
//! learns that others wait.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Admits so many at once.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    seats: Arc<Semaphore>,
    waiting: Arc<watch::Sender<Waiting>>,
}

/// Who waits, and how many of them have a holder that leaves for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Waiting {
    count: usize,
    served: usize,
}

impl Gate {
    pub(crate) fn new(seats: usize) -> Self {
        Self {
            seats: Arc::new(Semaphore::new(seats.clamp(1, Semaphore::MAX_PERMITS))),
            waiting: Arc::new(watch::Sender::default()),
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

    /// Returns when somebody waits for whom nobody leaves yet; the caller must
    /// give its seat up then. One holder leaves for each who waits, not all.
    pub(crate) async fn wanted(&self) {
        let mut waiting = self.waiting.subscribe();
        let claim = |waiting: &mut Waiting| {
            let claimed = waiting.count > waiting.served;
            waiting.served += usize::from(claimed);
            claimed
        };
        while !self.waiting.send_if_modified(claim) {
            // The sender lives as long as the gate.
            drop(waiting.changed().await);
        }
    }
}

/// A place in the queue, left by dropping it.
struct Queue<'a>(&'a watch::Sender<Waiting>);

impl<'a> Queue<'a> {
    fn join(waiting: &'a watch::Sender<Waiting>) -> Self {
        waiting.send_modify(|waiting| waiting.count += 1);
        Self(waiting)
    }
}

impl Drop for Queue<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|waiting| {
            waiting.count -= 1;
            waiting.served = waiting.served.saturating_sub(1);
        });
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
        assert_eq!(*gate.waiting.borrow(), Waiting::default());
    }

    #[tokio::test]
    async fn one_holder_leaves_for_each_who_waits() {
        let gate = Gate::new(2);
        let seats = (gate.enter().await.unwrap(), gate.enter().await.unwrap());
        let mut other = Box::pin(gate.enter());
        assert!(is_pending(&mut other).await);
        gate.wanted().await;
        let mut second = Box::pin(gate.wanted());
        assert!(is_pending(&mut second).await);
        drop(seats.0);
        assert!(other.await.is_some());
        assert!(is_pending(&mut second).await);
        assert_eq!(*gate.waiting.borrow(), Waiting::default());
    }

    async fn is_pending(future: &mut (impl Future + Unpin)) -> bool {
        std::future::poll_fn(|cx| {
            let pending = std::pin::Pin::new(&mut *future).poll(cx).is_pending();
            std::task::Poll::Ready(pending)
        })
        .await
    }
}
