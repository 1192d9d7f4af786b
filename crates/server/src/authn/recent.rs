//! What was looked up a moment ago: who a token is, what a name means, what
//! a user may do. It makes a poll free of SQL; what changes elsewhere is
//! heeded when it is this old.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long an answer is good.
const GOOD_FOR: Duration = Duration::from_secs(5);
/// Answers that are kept.
const MOST: usize = 10_000;

/// Answers by question.
#[derive(Debug)]
pub(crate) struct Recent<K, V>(Mutex<HashMap<K, (Instant, V)>>);

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self(Mutex::new(HashMap::new()))
    }
}

impl<K: Hash + Eq, V: Clone> Recent<K, V> {
    /// The answer, if it is fresh.
    pub(crate) fn get(&self, key: &K) -> Option<V> {
        let answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, value) = answers.get(key)?;
        (at.elapsed() < GOOD_FOR).then(|| value.clone())
    }

    /// Keeps an answer.
    pub(crate) fn put(&self, key: K, value: V) {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= MOST {
            answers.retain(|_, (at, _)| at.elapsed() < GOOD_FOR);
        }
        if answers.len() >= MOST {
            answers.clear();
        }
        answers.insert(key, (Instant::now(), value));
    }

    /// Forgets one answer.
    pub(crate) fn forget(&self, key: &K) {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        answers.remove(key);
    }

    /// Forgets all answers.
    pub(crate) fn clear(&self) {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        answers.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn answers_age() {
        let recent = Recent::default();
        recent.put(1, "one");
        assert_eq!(recent.get(&1), Some("one"));
        tokio::time::advance(GOOD_FOR).await;
        assert_eq!(recent.get(&1), None);
        recent.put(1, "one");
        recent.forget(&1);
        assert_eq!(recent.get(&1), None);
    }
}
