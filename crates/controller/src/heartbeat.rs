//! The replica's heartbeat: while it is fresh, nobody else takes our models.

use std::time::Duration;

use lazuli_model::id::ReplicaId;
use lazuli_store::{Store, heads};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

/// A heartbeat holds this long.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// It is renewed this often.
pub(crate) const RENEW: Duration = Duration::from_secs(3);

/// Until when this replica may act on what it holds.
#[derive(Clone, Debug)]
pub(crate) struct Deadline(watch::Receiver<Instant>);

impl Deadline {
    /// A deadline that has passed, and the task that moves it on. The task
    /// waits for nothing but the database: what else there is to do must not
    /// let the heartbeat expire.
    pub(crate) fn keep(store: Store, replica: ReplicaId) -> (Self, impl Future<Output = ()>) {
        let (sender, receiver) = watch::channel(Instant::now());
        (Self(receiver), renew(store, replica, sender))
    }

    /// Whether this replica may act.
    pub(crate) fn is_ahead(&self) -> bool {
        Instant::now() < *self.0.borrow()
    }

    /// Returns when it has moved on, or has passed.
    pub(crate) async fn turn(&mut self) {
        let at = *self.0.borrow_and_update();
        let passes = async {
            match Instant::now() < at {
                true => tokio::time::sleep_until(at).await,
                false => std::future::pending().await,
            }
        };
        tokio::select! {
            () = passes => {}
            moved = self.0.changed() => {
                if moved.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        }
    }
}

async fn renew(store: Store, replica: ReplicaId, until: watch::Sender<Instant>) {
    while !until.is_closed() {
        match timeout(RENEW, heads::heartbeat(store.pool(), replica, HEARTBEAT)).await {
            Ok(Ok(at)) => {
                until.send_replace(at);
            }
            Ok(Err(error)) => tracing::warn!(%error, "failed to renew the heartbeat"),
            Err(_) => tracing::warn!("failed to renew the heartbeat: no answer"),
        }
        sleep(RENEW).await;
    }
}
