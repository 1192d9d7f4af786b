//! Makes guests in batches: what gathered while the last batch was made is the
//! next one.

use std::sync::Arc;

use lazuli_guests::GuestSpec;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::hosts::{Hosts, HostsError};

/// Guests waiting to be made.
const QUEUE: usize = 4_096;
/// Guests made at once.
const BATCH: usize = 64;

/// A guest to make, and who waits for it.
pub(crate) struct Build {
    pub(crate) spec: GuestSpec,
    pub(crate) done: oneshot::Sender<Result<(), HostsError>>,
}

pub(crate) fn queue() -> (mpsc::Sender<Build>, mpsc::Receiver<Build>) {
    mpsc::channel(QUEUE)
}

/// Makes guests until `stop`.
pub(crate) async fn run(
    hosts: Arc<dyn Hosts>,
    mut queue: mpsc::Receiver<Build>,
    stop: CancellationToken,
) {
    loop {
        let mut batch = Vec::new();
        tokio::select! {
            () = stop.cancelled() => return,
            count = queue.recv_many(&mut batch, BATCH) => if count == 0 { return },
        }
        let (specs, waiting): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .map(|build| (build.spec, build.done))
            .unzip();
        let hosts = Arc::clone(&hosts);
        let made = tokio::task::spawn_blocking(move || hosts.create(specs)).await;
        match made {
            Ok(results) => {
                for (done, result) in waiting.into_iter().zip(results) {
                    // Whoever asked may have gone.
                    let _gone = done.send(result);
                }
            }
            Err(error) => {
                for done in waiting {
                    let _gone = done.send(Err(HostsError::text(error.to_string())));
                }
            }
        }
    }
}
