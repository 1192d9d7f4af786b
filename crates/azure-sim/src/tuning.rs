//! What the control endpoint changes while the simulator runs.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::{Key, Kind};

/// How many deleted resources are remembered for lagging reads.
const GHOSTS: usize = 10_000;

/// How far reads lag behind, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lag {
    /// Of lists.
    #[serde(default)]
    pub(crate) list_ms: i64,
    /// Of single resources.
    #[serde(default)]
    pub(crate) get_ms: i64,
}

/// A size that is not for sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Restriction {
    pub(crate) name: String,
    /// Everywhere if absent.
    #[serde(default)]
    pub(crate) location: Option<String>,
    /// The whole region if empty.
    #[serde(default)]
    pub(crate) zones: Vec<String>,
}

/// A resource that was deleted, as lagging reads still show it.
#[derive(Clone, Debug)]
struct Ghost {
    key: Key,
    body: Value,
    gone_ms: i64,
}

/// Settings of the simulated cloud that may change at any time. Lost at a
/// restart.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tuning {
    pub(crate) quotas: BTreeMap<String, u64>,
    pub(crate) restrictions: Vec<Restriction>,
    pub(crate) lag: Lag,
    ghosts: VecDeque<Ghost>,
}

impl Tuning {
    pub(crate) fn new(quotas: BTreeMap<String, u64>) -> Self {
        Self {
            quotas,
            ..Self::default()
        }
    }

    /// Remembers what is being deleted.
    pub(crate) fn bury(&mut self, key: Key, body: Value, now_ms: i64) {
        if self.lag == Lag::default() {
            return;
        }
        let horizon = now_ms - self.lag.list_ms.max(self.lag.get_ms);
        while self
            .ghosts
            .front()
            .is_some_and(|ghost| ghost.gone_ms < horizon || self.ghosts.len() >= GHOSTS)
        {
            self.ghosts.pop_front();
        }
        self.ghosts.push_back(Ghost {
            key,
            body,
            gone_ms: now_ms,
        });
    }

    /// Deleted resources that a list still shows.
    pub(crate) fn listed_ghosts<'a>(
        &'a self,
        kind: Kind,
        prefix: &'a str,
        now_ms: i64,
    ) -> impl Iterator<Item = &'a Value> + 'a {
        let horizon = now_ms - self.lag.list_ms;
        self.ghosts
            .iter()
            .filter(move |ghost| {
                ghost.gone_ms > horizon && ghost.key.0 == kind && ghost.key.1.starts_with(prefix)
            })
            .map(|ghost| &ghost.body)
    }

    /// A deleted resource that a GET still shows.
    pub(crate) fn ghost(&self, key: &Key, now_ms: i64) -> Option<&Value> {
        let horizon = now_ms - self.lag.get_ms;
        self.ghosts
            .iter()
            .rev()
            .find(|ghost| ghost.gone_ms > horizon && ghost.key == *key)
            .map(|ghost| &ghost.body)
    }
}
