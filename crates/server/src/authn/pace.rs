//! Slows down whoever guesses passwords.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Failures that are free.
const FREE: u32 = 10;
/// One failure is forgotten in this time.
const FORGET: Duration = Duration::from_secs(6);
/// Names that are kept count of.
const NAMES: usize = 10_000;

/// Failures to log in, by name. A name that does not exist counts as well, so
/// that nobody learns which do.
#[derive(Debug, Default)]
pub(crate) struct Pace(Mutex<HashMap<String, Failures>>);

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Instant,
}

impl Failures {
    /// How many are not forgotten yet.
    fn left(self, now: Instant) -> u32 {
        let forgotten = (now - self.last).as_secs() / FORGET.as_secs();
        self.count
            .saturating_sub(u32::try_from(forgotten).unwrap_or(u32::MAX))
    }
}

impl Pace {
    /// Seconds to wait before this name may be tried again; none: now.
    pub(crate) fn wait(&self, name: &str) -> Option<u32> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let failures = known.get(name)?;
        let over = failures.left(Instant::now()).checked_sub(FREE)?;
        let seconds = u64::from(over + 1) * FORGET.as_secs();
        Some(u32::try_from(seconds).unwrap_or(u32::MAX))
    }

    /// Counts a failure.
    pub(crate) fn failed(&self, name: &str) {
        let now = Instant::now();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= NAMES && !known.contains_key(name) {
            known.retain(|_, failures| failures.left(now) > 0);
            // Somebody invents names: what guesses at real ones is kept last.
            if known.len() >= NAMES {
                known.retain(|_, failures| failures.left(now) > 1);
            }
            if known.len() >= NAMES {
                return;
            }
        }
        let count = known.get(name).map_or(0, |failures| failures.left(now));
        let count = (count + 1).min(FREE * 2);
        known.insert(name.to_owned(), Failures { count, last: now });
    }

    /// Forgets the failures of who knew the password.
    pub(crate) fn succeeded(&self, name: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn guessing_gets_slow_and_is_forgotten() {
        let pace = Pace::default();
        for _ in 0..FREE {
            assert_eq!(pace.wait("bob"), None);
            pace.failed("bob");
        }
        assert_eq!(pace.wait("bob"), Some(6));
        assert_eq!(pace.wait("eve"), None);
        tokio::time::advance(FORGET).await;
        assert_eq!(pace.wait("bob"), None);
        pace.failed("bob");
        assert_eq!(pace.wait("bob"), Some(6));
        pace.succeeded("bob");
        assert_eq!(pace.wait("bob"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn invented_names_do_not_fill_the_memory() {
        let pace = Pace::default();
        pace.failed("bob");
        pace.failed("bob");
        for n in 0..NAMES * 2 {
            pace.failed(&format!("invented-{n}"));
        }
        let known = pace.0.lock().unwrap();
        assert!(known.len() <= NAMES);
        assert!(known.contains_key("bob"));
    }
}
