//! What the cloud offers in the region: read at the start and every hour.

use std::sync::Arc;
use std::time::Duration;

use lazuli_model::offer::Offer;
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::shared::Shared;

/// Offers and prices change rarely.
const EVERY: Duration = Duration::from_secs(3600);
/// A list that failed is asked for again from this, doubling, up to
/// [`EVERY`].
const FIRST_RETRY: Duration = Duration::from_millis(500);

/// The offers, and the task that keeps them.
pub(crate) fn observe(
    shared: Arc<Shared>,
    region: String,
    cancel: CancellationToken,
) -> (watch::Receiver<Arc<Vec<Offer>>>, impl Future<Output = ()>) {
    let (sender, receiver) = watch::channel(Arc::new(Vec::new()));
    let task = async move {
        let mut retry = FIRST_RETRY;
        loop {
            let wait = match shared.cloud.offers(&region).await {
                Ok(offers) => {
                    retry = FIRST_RETRY;
                    sender.send_replace(Arc::new(offers));
                    EVERY
                }
                Err(error) => {
                    tracing::warn!(%error, %region, "failed to list sizes");
                    retry = (retry * 2).min(EVERY);
                    error.retry_after.unwrap_or(retry)
                }
            };
            tokio::select! {
                () = cancel.cancelled() => return,
                () = sleep(wait) => {}
            }
        }
    };
    (receiver, task)
}
