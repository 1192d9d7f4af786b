//! What the feed knows of the heads.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use lazuli_model::id::ModelId;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::heads::Position;

/// What the feed knows of one head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct News {
    /// The model.
    pub model: ModelId,
    /// How far it is.
    pub position: Position,
    /// It was removed.
    pub removed: bool,
}

/// The heads that moved since a tick.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// The tick to go on from.
    pub tick: u64,
    /// What moved, the latest last; each model once.
    pub news: Vec<News>,
}

pub(crate) struct Known {
    tick: u64,
    ticks: watch::Sender<u64>,
    heads: HashMap<ModelId, Head>,
    /// The models by the tick of their latest move.
    order: BTreeMap<u64, ModelId>,
    /// Subscribers, also of models that are not there (yet).
    subscribers: HashMap<ModelId, watch::Sender<Option<Position>>>,
    confirmed_at: Instant,
}

struct Head {
    position: Position,
    removed: bool,
    tick: u64,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            tick: 0,
            ticks: watch::Sender::new(0),
            heads: HashMap::new(),
            order: BTreeMap::new(),
            subscribers: HashMap::new(),
            confirmed_at: Instant::now(),
        }
    }
}

impl Known {
    /// Learns how far a model is. What is older than what is known is no news.
    pub(crate) fn learn(&mut self, model: ModelId, position: Position, removed: bool) {
        if let Some(head) = self.heads.get(&model) {
            if (position, removed) <= (head.position, head.removed) {
                return;
            }
            self.order.remove(&head.tick);
        }
        self.tick += 1;
        let head = Head {
            position,
            removed,
            tick: self.tick,
        };
        self.heads.insert(model, head);
        self.order.insert(self.tick, model);
        self.ticks.send_replace(self.tick);
        if let Some(subscribers) = self.subscribers.get(&model) {
            if subscribers.receiver_count() == 0 {
                self.subscribers.remove(&model);
            } else {
                subscribers.send_replace((!removed).then_some(position));
            }
        }
    }

    /// Everything that is known was so at this time.
    pub(crate) fn confirm(&mut self, at: Instant) {
        self.confirmed_at = at;
    }

    pub(crate) fn subscribe(&mut self, model: ModelId) -> watch::Receiver<Option<Position>> {
        // Whoever subscribed to models that never move again is forgotten here.
        self.subscribers
            .retain(|_, sender| sender.receiver_count() > 0);
        let now = self
            .heads
            .get(&model)
            .and_then(|head| (!head.removed).then_some(head.position));
        self.subscribers
            .entry(model)
            .or_insert_with(|| watch::Sender::new(now))
            .subscribe()
    }

    pub(crate) fn ticks(&self) -> watch::Receiver<u64> {
        self.ticks.subscribe()
    }

    pub(crate) fn changed_since(&self, tick: u64) -> Moved {
        Moved {
            tick: self.tick,
            news: self
                .order
                .range(tick.saturating_add(1)..)
                .filter_map(|(_, model)| {
                    let head = self.heads.get(model)?;
                    Some(News {
                        model: *model,
                        position: head.position,
                        removed: head.removed,
                    })
                })
                .collect(),
        }
    }

    pub(crate) fn position(&self, model: ModelId, fresh: Duration) -> Option<Position> {
        if self.confirmed_at.elapsed() > fresh {
            return None;
        }
        self.heads
            .get(&model)
            .and_then(|head| (!head.removed).then_some(head.position))
    }
}

#[cfg(test)]
mod tests {
    use lazuli_model::id::GenericUuid;
    use uuid::Uuid;

    use super::*;

    fn model(n: u128) -> ModelId {
        ModelId::from_untyped_uuid(Uuid::from_u128(n))
    }

    fn at(revision: u64) -> Position {
        Position {
            revision,
            generation: 1,
        }
    }

    #[tokio::test]
    async fn news_come_once_and_never_backwards() {
        let mut known = Known::default();
        let one = known.subscribe(model(1));
        known.learn(model(1), at(2), false);
        known.learn(model(2), at(1), false);
        known.learn(model(1), at(1), false);
        let moved = known.changed_since(0);
        let models: Vec<ModelId> = moved.news.iter().map(|news| news.model).collect();
        assert_eq!(models, [model(1), model(2)]);
        assert_eq!(*one.borrow(), Some(at(2)));
        known.learn(model(1), at(3), false);
        let moved = known.changed_since(moved.tick);
        assert_eq!(moved.news.len(), 1);
        assert_eq!(moved.news[0].position, at(3));
        assert!(known.changed_since(moved.tick).news.is_empty());
    }

    #[tokio::test]
    async fn removal_is_news_and_the_last_of_a_model() {
        let mut known = Known::default();
        known.learn(model(1), at(2), false);
        let one = known.subscribe(model(1));
        known.learn(model(1), at(3), true);
        known.learn(model(1), at(3), false);
        assert_eq!(*one.borrow(), None);
        assert_eq!(known.position(model(1), Duration::from_secs(1)), None);
        assert!(known.changed_since(0).news[0].removed);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_not_confirmed_lately_is_not_handed_out() {
        let mut known = Known::default();
        known.learn(model(1), at(2), false);
        assert_eq!(
            known.position(model(1), Duration::from_secs(5)),
            Some(at(2))
        );
        tokio::time::advance(Duration::from_secs(6)).await;
        assert_eq!(known.position(model(1), Duration::from_secs(5)), None);
        known.confirm(Instant::now());
        assert_eq!(
            known.position(model(1), Duration::from_secs(5)),
            Some(at(2))
        );
    }

    #[tokio::test]
    async fn subscribers_that_went_are_forgotten() {
        let mut known = Known::default();
        drop(known.subscribe(model(1)));
        let two = known.subscribe(model(2));
        assert_eq!(known.subscribers.len(), 1);
        drop(two);
        known.learn(model(2), at(1), false);
        assert!(known.subscribers.is_empty());
    }
}
