//! Models in memory, by revision: a poll of a model that did not change costs
//! no SQL, a poll of one that did reads the rows that changed, once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use lazuli_api::{Code, Problem};
use lazuli_model::id::ModelId;
use lazuli_plan::document::status_document;
use lazuli_store::{Class, Loaded, Refreshed, Store, StoreError, heads};
use tokio::time::{Instant, timeout};

use crate::error::Error;

/// How long a reader waits for a revision that it was promised.
const PATIENCE: Duration = Duration::from_secs(5);

/// Models in memory.
pub(crate) struct Cache {
    store: Store,
    slots: Mutex<HashMap<ModelId, Held>>,
    most: usize,
}

struct Held {
    slot: Arc<Slot>,
    used: Instant,
}

#[derive(Default)]
struct Slot {
    /// Held while loading: others who ask wait for the same load.
    loaded: tokio::sync::Mutex<Option<Arc<Loaded>>>,
    /// The status of a revision, as bytes.
    status: Mutex<Option<(u64, Bytes)>>,
}

impl Cache {
    /// For this many models at most.
    pub(crate) fn new(store: Store, most: usize) -> Self {
        Self {
            store,
            slots: Mutex::new(HashMap::new()),
            most: most.max(1),
        }
    }

    /// A model as it is, or was a moment ago: never older than what this
    /// process wrote or heard of.
    pub(crate) async fn get(&self, model: ModelId) -> Result<Arc<Loaded>, Error> {
        let slot = self.slot(model);
        let mut loaded = slot.loaded.lock().await;
        let known = self.store.feed().known_position(model);
        let fresh = loaded
            .as_ref()
            .filter(|loaded| known.is_some_and(|known| loaded.position.revision >= known.revision));
        if let Some(fresh) = fresh {
            return Ok(Arc::clone(fresh));
        }
        let brought = match loaded.take() {
            Some(old) => self.refresh(old).await,
            None => self.store.load(model).await,
        };
        match brought {
            Ok(new) => {
                let new = Arc::new(new);
                *loaded = Some(Arc::clone(&new));
                Ok(new)
            }
            Err(error) => {
                if error.class() == Class::NotFound {
                    self.forget(model);
                }
                Err(error.into())
            }
        }
    }

    async fn refresh(&self, old: Arc<Loaded>) -> Result<Loaded, StoreError> {
        let mut loaded = Arc::unwrap_or_clone(old);
        match self.store.refresh(&mut loaded).await? {
            Refreshed::Changed(_) | Refreshed::Reloaded => Ok(loaded),
            Refreshed::Removed => Err(StoreError::NotFound {
                what: format!("model {}", loaded.state.model().id),
            }),
        }
    }

    /// Keeps a model that was brought up to date elsewhere.
    pub(crate) async fn keep(&self, loaded: Arc<Loaded>) {
        let slot = self.slot(loaded.state.model().id);
        let mut held = slot.loaded.lock().await;
        let newer = held
            .as_ref()
            .is_none_or(|held| held.position.revision < loaded.position.revision);
        if newer {
            *held = Some(loaded);
        }
    }

    /// A model that is not older than a revision.
    pub(crate) async fn at_least(
        &self,
        model: ModelId,
        revision: Option<u64>,
    ) -> Result<Arc<Loaded>, Error> {
        if let Some(revision) = revision {
            self.wait_for(model, revision, PATIENCE).await?;
        }
        self.get(model).await
    }

    /// Waits until a model is at a revision.
    async fn wait_for(&self, model: ModelId, revision: u64, long: Duration) -> Result<(), Error> {
        let behind = || {
            let problem = Problem::new(
                Code::Unavailable,
                format!("this server has not heard of revision {revision} yet: try again soon"),
            );
            Error::Problem(Box::new(problem.with_retry_after(1)))
        };
        let mut feed = self.store.feed().subscribe(model);
        let there = feed.wait_for(|at| at.is_some_and(|at| at.revision >= revision));
        match timeout(long, there).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(behind()),
            Err(_) => Err(behind()),
        }
    }

    /// Waits until a model is past a revision, or gone, or the time is up.
    pub(crate) async fn wait_past(&self, model: ModelId, revision: u64, long: Duration) {
        let mut feed = self.store.feed().subscribe(model);
        let past = feed.wait_for(|at| at.is_none_or(|at| at.revision > revision));
        let _ = timeout(long, past).await;
    }

    /// How far a model is; asks nobody if the feed knows.
    pub(crate) async fn revision(&self, model: ModelId) -> Result<u64, Error> {
        if let Some(known) = self.store.feed().known_position(model) {
            return Ok(known.revision);
        }
        let position = heads::position(self.store.pool(), model).await?;
        let position = position.ok_or_else(|| StoreError::NotFound {
            what: format!("model {model}"),
        })?;
        Ok(position.revision)
    }

    /// The status document of a model, as bytes, with its revision.
    pub(crate) async fn status(
        &self,
        model: ModelId,
        at_least: Option<u64>,
        controller: &str,
    ) -> Result<(u64, Bytes), Error> {
        let loaded = self.at_least(model, at_least).await?;
        let revision = loaded.position.revision;
        let slot = self.slot(model);
        {
            let rendered = slot.status.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((at, bytes)) = rendered.as_ref().filter(|(at, _)| *at == revision) {
                return Ok((*at, bytes.clone()));
            }
        }
        let document = status_document(&loaded.state, controller);
        let bytes = serde_json::to_vec(&document)
            .map_err(|error| Error::Bug(format!("status cannot be written: {error}")))?;
        let bytes = Bytes::from(bytes);
        let mut rendered = slot.status.lock().unwrap_or_else(PoisonError::into_inner);
        *rendered = Some((revision, bytes.clone()));
        Ok((revision, bytes))
    }

    /// Forgets a model that is gone.
    pub(crate) fn forget(&self, model: ModelId) {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.remove(&model);
    }

    fn slot(&self, model: ModelId) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if !slots.contains_key(&model) && slots.len() >= self.most {
            let oldest = slots.iter().min_by_key(|(_, held)| held.used);
            if let Some(oldest) = oldest.map(|(model, _)| *model) {
                slots.remove(&oldest);
            }
        }
        let held = slots.entry(model).or_insert_with(|| Held {
            slot: Arc::default(),
            used: Instant::now(),
        });
        held.used = Instant::now();
        Arc::clone(&held.slot)
    }
}
