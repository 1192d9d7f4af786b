//! What the cloud offers in the region: sizes and prices are read at the start
//! and every hour, the subscription's limits every minute.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use lazuli_cloud::Usage;
use lazuli_model::offer::{Limit, Offer};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::shared::Shared;

/// Offers and prices change rarely.
const OFFERS_EVERY: Duration = Duration::from_secs(3600);
/// What is used of the limits does not; somebody may wait for a higher one.
const LIMITS_EVERY: Duration = Duration::from_secs(60);
/// A list that failed is asked for again from this, doubling, up to
/// [`OFFERS_EVERY`].
const FIRST_RETRY: Duration = Duration::from_millis(500);

/// The offers, and the task that keeps them.
pub(crate) fn observe(
    shared: Arc<Shared>,
    region: String,
    cancel: CancellationToken,
) -> (watch::Receiver<Arc<Vec<Offer>>>, impl Future<Output = ()>) {
    let (sender, receiver) = watch::channel(Arc::new(Vec::new()));
    let task = async move {
        tokio::select! {
            () = cancel.cancelled() => {}
            () = keep(&shared, &region, &sender) => {}
        }
    };
    (receiver, task)
}

async fn keep(shared: &Shared, region: &str, sender: &watch::Sender<Arc<Vec<Offer>>>) {
    let mut retry = FIRST_RETRY;
    let mut offers = Vec::new();
    let mut read_at = None;
    loop {
        let stale = read_at.is_none_or(|at: Instant| at.elapsed() >= OFFERS_EVERY);
        if stale {
            match shared.cloud.offers(region).await {
                Ok(read) => {
                    retry = FIRST_RETRY;
                    read_at = Some(Instant::now());
                    offers = read;
                }
                Err(error) => {
                    tracing::warn!(%error, %region, "failed to list sizes");
                    retry = (retry * 2).min(OFFERS_EVERY);
                    sleep(error.retry_after.unwrap_or(retry)).await;
                    continue;
                }
            }
        }
        let usages = match shared.cloud.usages(region).await {
            Ok(usages) => usages,
            Err(error) => {
                // Without them the cloud refuses what is too much.
                tracing::warn!(%error, %region, "failed to read the limits");
                Vec::new()
            }
        };
        let limited = limited(&offers, &usages);
        sender.send_if_modified(|known| {
            let changed = **known != limited;
            if changed {
                *known = Arc::new(limited);
            }
            changed
        });
        sleep(LIMITS_EVERY).await;
    }
}

/// The offers with the limits that a machine of each counts against.
fn limited(offers: &[Offer], usages: &[Usage]) -> Vec<Offer> {
    let by_name: HashMap<_, _> = usages
        .iter()
        .map(|usage| (usage.name.to_lowercase(), usage))
        .collect();
    let limit = |name: &str, unit: &str, needs: u64| {
        by_name.get(&name.to_lowercase()).map(|usage| Limit {
            name: usage.name.clone(),
            unit: unit.to_owned(),
            used: usage.used,
            limit: usage.limit,
            needs,
            scope: usage.scope.clone(),
        })
    };
    offers
        .iter()
        .map(|offer| {
            let cores = u64::from(offer.cores);
            let limits = [
                limit(&offer.family, "cores", cores),
                limit("cores", "cores", cores),
                limit("virtualMachines", "machines", 1),
            ];
            Offer {
                limits: limits.into_iter().flatten().collect(),
                ..offer.clone()
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_counts_against_its_family_the_region_and_the_number_of_machines() {
        let usage = |name: &str, used, limit| Usage {
            name: name.to_owned(),
            used,
            limit,
            scope: "/s".to_owned(),
        };
        let offer = Offer {
            interfaces: 4,
            size: "Standard_D4s_v5".to_owned(),
            arch: "amd64".to_owned(),
            cores: 4,
            mem: 16384,
            zones: Vec::new(),
            price_micros: None,
            family: "standardDSv5Family".to_owned(),
            limits: Vec::new(),
        };
        let usages = [
            usage("cores", 10, 100),
            usage("StandardDSv5Family", 98, 100),
            usage("virtualMachines", 7, 25_000),
            usage("standardBSFamily", 10, 10),
        ];
        let limited = limited(&[offer], &usages);
        let rooms: Vec<_> = limited[0]
            .limits
            .iter()
            .map(|limit| (limit.name.as_str(), limit.needs, limit.has_room()))
            .collect();
        assert_eq!(
            rooms,
            [
                ("StandardDSv5Family", 4, false),
                ("cores", 4, true),
                ("virtualMachines", 1, true)
            ]
        );
    }
}
