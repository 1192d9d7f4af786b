//! What a model's resource group held a moment ago. The cloud is asked for
//! one list at a time, and one list is kept, whoever asks and however often:
//! lists are long, and the cloud counts the questions.

use std::sync::Arc;
use std::time::Duration;

use lazuli_model::document::ledger::CloudResource;
use lazuli_model::id::ModelId;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::outside::Inventory;

/// How long a list is good while the model does not change.
const GOOD_FOR: Duration = Duration::from_secs(5);

/// What there is in a group; none when there is no such group.
type Found = Option<Arc<[CloudResource]>>;

/// The latest list.
pub(crate) struct Contents {
    inventory: Box<dyn Inventory>,
    latest: Mutex<Option<Latest>>,
}

struct Latest {
    model: ModelId,
    revision: u64,
    at: Instant,
    found: Found,
}

impl Contents {
    pub(crate) fn new(inventory: impl Inventory) -> Self {
        Self {
            inventory: Box::new(inventory),
            latest: Mutex::new(None),
        }
    }

    /// What a model's group holds, of which `revision` is known.
    ///
    /// # Errors
    ///
    /// Fails, with the reason for people, when the cloud does not answer.
    pub(crate) async fn get(
        &self,
        model: ModelId,
        revision: u64,
        group: String,
    ) -> Result<Found, String> {
        let mut latest = self.latest.lock().await;
        if let Some(known) = latest.as_ref()
            && (known.model, known.revision) == (model, revision)
            && known.at.elapsed() < GOOD_FOR
        {
            return Ok(known.found.clone());
        }
        *latest = None;
        let found: Found = self.inventory.contents(model, group).await?.map(Arc::from);
        *latest = Some(Latest {
            model,
            revision,
            at: Instant::now(),
            found: found.clone(),
        });
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use futures::future::BoxFuture;
    use lazuli_model::id::GenericUuid as _;
    use uuid::Uuid;

    use super::*;

    /// A cloud that counts the questions, and does not answer the third.
    struct Counting(Arc<AtomicU64>);

    impl Inventory for Counting {
        fn contents(
            &self,
            _: ModelId,
            _: String,
        ) -> BoxFuture<'_, Result<Option<Vec<CloudResource>>, String>> {
            let count = self.0.fetch_add(1, Ordering::Relaxed) + 1;
            Box::pin(async move {
                match count {
                    3 => Err("no answer".to_owned()),
                    _ => Ok(Some(Vec::new())),
                }
            })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_cloud_is_asked_when_the_list_is_old_or_of_another_state() {
        let asked = Arc::new(AtomicU64::new(0));
        let contents = Contents::new(Counting(Arc::clone(&asked)));
        let model = ModelId::from_untyped_uuid(Uuid::from_u128(1));
        let get = async |revision| contents.get(model, revision, String::new()).await;
        let count = || asked.load(Ordering::Relaxed);
        let many = futures::future::join_all((0..20).map(|_| get(1))).await;
        assert!(many.iter().all(Result::is_ok));
        assert_eq!(count(), 1);
        get(2).await.unwrap();
        assert_eq!(count(), 2);
        tokio::time::advance(GOOD_FOR).await;
        // What failed is not kept.
        assert_eq!(get(2).await.unwrap_err(), "no answer");
        get(2).await.unwrap();
        get(2).await.unwrap();
        assert_eq!(count(), 4);
    }
}
